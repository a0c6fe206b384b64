// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * traffic: what the benchmark sends and counts. In C, since what a script costs
 * for each packet would hide what a tunnel does.
 *
 *	traffic serve FILE		TCP and UDP sinks and a UDP echo; counts in FILE
 *	traffic tcp FILE ADDR FLOWS WARM MS
 *	traffic send FILE ADDR SIZE PACKETS
 *	traffic pktgen FILE PACKETS BURSTS
 *	traffic ping ADDR TRIPS
 *	traffic first ADDR
 *
 * All but serve print one line: "measured N NS BUSY", where N is octets (tcp),
 * packets or round trips, NS the time it took, and BUSY what of it all processors
 * together were not idle. In a guest whose clock counts instructions and that has
 * one processor, BUSY is instructions.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT_TCP	7001
#define PORT_SINK	7002
#define PORT_ECHO	7003
#define BLOCK		(128 * 1024)
#define BATCH		64
#define DATAGRAM_MAX	2048
#define PING_SIZE	64
#define SOCKET_BUFFER	(16 << 20)
#define MS		1000000LL

/* So many datagrams may be on their way: no queue of any tunnel overflows. */
#define WINDOW		256

/* Shared with serve through a file: the two ends may be in different namespaces. */
struct counts {
	uint64_t octets;
	uint64_t packets;
};

static struct counts *counts;

static void counts_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*counts)))
		err(1, "%s", path);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counts == MAP_FAILED)
		err(1, "mmap");
	close(fd);
}

static uint64_t counted(const uint64_t *what)
{
	return __atomic_load_n(what, __ATOMIC_RELAXED);
}

/* --- time -------------------------------------------------------------------- */

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static void nap(int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / (1000 * MS), .tv_nsec = ns % (1000 * MS) };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* Of all processors; /proc/stat would tell it in hundredths of a second. */
static int64_t idle(void)
{
	FILE *f = fopen("/proc/timer_list", "r");
	char line[256];
	long long sum = 0, one;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " .idle_sleeptime : %lld", &one) == 1)
			sum += one;
	fclose(f);
	return sum;
}

struct meter {
	int64_t idle;
	int64_t at;
};

/* What reading the idle time costs is outside of what is measured. */
static void meter_start(struct meter *m)
{
	m->idle = idle();
	m->at = now();
}

static void meter_stop(const struct meter *m, uint64_t n)
{
	int64_t ns = now() - m->at;
	int64_t slept = idle() - m->idle;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	printf("measured %llu %lld %lld\n", (unsigned long long)n, (long long)ns,
	       (long long)(ns * cpus - slept));
}

/* --- sockets ------------------------------------------------------------------- */

static int bound(int type, int port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type, 0), on = 1, size = SOCKET_BUFFER;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)))
		err(1, "bind to port %d", port);
	return fd;
}

static int connected(int type, const char *address, int port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct timeval limit = { .tv_sec = 30 };
	int fd = socket(AF_INET6, type, 0);

	if (inet_pton(AF_INET6, address, &sin6.sin6_addr) != 1)
		errx(2, "%s is no IPv6 address", address);
	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sin6, sizeof(sin6)))
		err(1, "connect to %s, port %d", address, port);
	return fd;
}

static void thread(void *(*run)(void *), void *arg)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, run, arg);
	if (errno)
		err(1, "pthread_create");
	pthread_detach(t);
}

/* --- serve -------------------------------------------------------------------- */

static void *tcp_reader(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char *block = malloc(BLOCK);
	ssize_t n;

	if (!block)
		err(1, "malloc");
	while ((n = read(fd, block, BLOCK)) > 0)
		__atomic_fetch_add(&counts->octets, n, __ATOMIC_RELAXED);
	free(block);
	close(fd);
	return NULL;
}

static void *udp_sink(void *arg)
{
	static char data[BATCH][DATAGRAM_MAX];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH] = {};
	int fd = (int)(intptr_t)arg, i, n;

	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;) {
		n = recvmmsg(fd, msgs, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0)
			err(1, "recvmmsg");
		__atomic_fetch_add(&counts->packets, n, __ATOMIC_RELAXED);
	}
}

static void *udp_echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct sockaddr_in6 from;
	char data[DATAGRAM_MAX];
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(from);
		n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);
		if (n >= 0)
			sendto(fd, data, n, 0, (struct sockaddr *)&from, len);
	}
	return NULL;
}

static int serve(char **argv)
{
	int tcp, fd;

	counts_open(argv[0]);
	tcp = bound(SOCK_STREAM, PORT_TCP);
	if (listen(tcp, 64))
		err(1, "listen");
	thread(udp_sink, (void *)(intptr_t)bound(SOCK_DGRAM, PORT_SINK));
	thread(udp_echo, (void *)(intptr_t)bound(SOCK_DGRAM, PORT_ECHO));
	puts("ready");
	fflush(stdout);
	for (;;) {
		fd = accept(tcp, NULL, NULL);
		if (fd >= 0)
			thread(tcp_reader, (void *)(intptr_t)fd);
	}
}

/* --- tcp ------------------------------------------------------------------------ */

static void *tcp_writer(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char *block = calloc(1, BLOCK);

	if (!block)
		err(1, "calloc");
	while (write(fd, block, BLOCK) > 0)
		;
	err(1, "write");
}

static int tcp(char **argv)
{
	struct linger abort = { .l_onoff = 1 };
	int flows = atoi(argv[2]), i, fd;
	struct meter m;
	uint64_t before;

	counts_open(argv[0]);
	for (i = 0; i < flows; i++) {
		fd = connected(SOCK_STREAM, argv[1], PORT_TCP);
		/* What is in the buffers at the end must not run on into the next. */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
		thread(tcp_writer, (void *)(intptr_t)fd);
	}
	nap(atoll(argv[3]) * MS);
	meter_start(&m);
	before = counted(&counts->octets);
	nap(atoll(argv[4]) * MS);
	meter_stop(&m, counted(&counts->octets) - before);
	return 0;
}

/* --- datagrams ------------------------------------------------------------------- */

/*
 * Until at most @left of @sent have not arrived; false if nothing moves any more. Looks
 * every @every ns, which costs some 5,000 instructions.
 */
static bool arrived(uint64_t before, uint64_t sent, uint64_t left, int64_t every)
{
	uint64_t got = counted(&counts->packets) - before, last = got;
	int64_t end = now() + 1000 * MS;

	while (got + left < sent) {
		if (got != last)
			end = now() + 1000 * MS;
		else if (now() > end)
			return false;
		last = got;
		nap(every);
		got = counted(&counts->packets) - before;
	}
	return true;
}

/* A tunnel that throws packets away does not get to count the rest. */
static void not_lost(uint64_t sent, uint64_t got)
{
	if (got * 100 < sent * 99)
		errx(1, "of %llu packets %llu arrived", (unsigned long long)sent,
		     (unsigned long long)got);
}

static void send_all(int fd, struct mmsghdr *msgs, uint64_t before, uint64_t packets)
{
	uint64_t sent = 0;
	int n;

	while (sent < packets) {
		n = sendmmsg(fd, msgs, BATCH, 0);
		if (n < 0)
			err(1, "sendmmsg");
		sent += n;
		if (!arrived(before, sent, WINDOW, MS / 50))
			break;
	}
	arrived(before, sent, 0, MS / 50);
	not_lost(sent, counted(&counts->packets) - before);
}

static int send_small(char **argv)
{
	int fd = connected(SOCK_DGRAM, argv[1], PORT_SINK), size = atoi(argv[2]), i;
	uint64_t packets = atoll(argv[3]), before;
	static char data[DATAGRAM_MAX];
	struct mmsghdr msgs[BATCH] = {};
	struct iovec iov = { data, size };
	struct meter m;

	if (size < 1 || size > DATAGRAM_MAX)
		errx(2, "datagrams of 1 to %d octets", DATAGRAM_MAX);
	for (i = 0; i < BATCH; i++) {
		msgs[i].msg_hdr.msg_iov = &iov;
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	counts_open(argv[0]);
	send_all(fd, msgs, counted(&counts->packets), packets / 10);
	before = counted(&counts->packets);
	meter_start(&m);
	send_all(fd, msgs, before, packets);
	meter_stop(&m, counted(&counts->packets) - before);
	return 0;
}

/* pktgen is told by the script what a burst is; "start" returns when it is out. */
static void pktgen_bursts(uint64_t packets, int bursts)
{
	uint64_t before = counted(&counts->packets), sent = 0;
	int fd = open("/proc/net/pktgen/pgctrl", O_WRONLY);

	if (fd < 0)
		err(1, "/proc/net/pktgen/pgctrl");
	while (bursts--) {
		/* whatever stands last is taken for the end of the line */
		if (write(fd, "start\n", 6) != 6)
			err(1, "pktgen does not start");
		sent += packets;
		if (!arrived(before, sent, 0, MS))
			break;
	}
	close(fd);
	not_lost(sent, counted(&counts->packets) - before);
}

static int pktgen(char **argv)
{
	uint64_t packets = atoll(argv[1]), before;
	int bursts = atoi(argv[2]);
	struct meter m;

	counts_open(argv[0]);
	pktgen_bursts(packets, 2);
	before = counted(&counts->packets);
	meter_start(&m);
	pktgen_bursts(packets, bursts);
	meter_stop(&m, counted(&counts->packets) - before);
	return 0;
}

/* --- round trips ------------------------------------------------------------------ */

static void round_trip(int fd)
{
	char data[PING_SIZE] = {};

	if (send(fd, data, sizeof(data), 0) != sizeof(data))
		err(1, "send");
	if (recv(fd, data, sizeof(data), 0) != sizeof(data))
		err(1, "no answer");
}

static int ping(char **argv)
{
	int fd = connected(SOCK_DGRAM, argv[0], PORT_ECHO), trips = atoi(argv[1]), i;
	struct meter m;

	for (i = 0; i < trips / 10; i++)
		round_trip(fd);
	meter_start(&m);
	for (i = 0; i < trips; i++)
		round_trip(fd);
	meter_stop(&m, trips);
	return 0;
}

/* From the first packet, for which there are no keys yet, to its answer */
static int first(char **argv)
{
	int fd = connected(SOCK_DGRAM, argv[0], PORT_ECHO);
	struct meter m;

	meter_start(&m);
	round_trip(fd);
	meter_stop(&m, 1);
	return 0;
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **argv);
} modes[] = {
	{ "serve", 1, serve },
	{ "tcp", 5, tcp },
	{ "send", 4, send_small },
	{ "pktgen", 3, pktgen },
	{ "ping", 2, ping },
	{ "first", 1, first },
};

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (argc > 1 && !strcmp(argv[1], modes[i].name) && argc - 2 == modes[i].args)
			return modes[i].run(argv + 2);
	errx(2, "usage: see the head of traffic.c");
}
