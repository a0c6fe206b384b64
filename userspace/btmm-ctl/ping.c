// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl ping: through the tunnel, and by which way.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"

#define INTERVAL_US	UINT64_C(1000000)
#define LAST_US		UINT64_C(2000000)	/* for the last answer */
#define COUNT		4
#define MARK_LEN	16

const char help_ping[] =
"HOST is a name of the account, in full or without the domain, or a ULA.\n"
"Security associations are made first, if there are none. Every answer tells\n"
"by which way it came: the endpoint of the host, learnt from a packet or set\n"
"by what DNS says.\n"
"\n"
"  count N      so many echo requests, one a second (default 4)\n"
HELP_SOCKET
"\n"
"With --json every answer is an object on a line of its own. Exits with 1 if\n"
"none came.\n";

static const struct out_column columns[] = {
	{ NULL, "name",		OUT_STRING,	NULL },
	{ NULL, "ula",		OUT_STRING,	NULL },
	{ NULL, "seq",		OUT_NUMBER,	NULL },
	{ NULL, "time_us",	OUT_NUMBER,	NULL },
	{ NULL, "endpoint",	OUT_STRING,	NULL },
	{ NULL, "path",		OUT_STRING,	NULL },
};

#define N_COLUMNS	(sizeof(columns) / sizeof(*columns))

struct echo {
	struct icmp6_hdr head;
	uint8_t mark[MARK_LEN];		/* by which we know our own */
	uint64_t sent;			/* us */
};

struct ping {
	const char *socket, *host;
	char name[256], ula[ADDR_TEXT_SIZE], path[16], endpoint[ENDPOINT_TEXT_SIZE], ike[16];
	struct sockaddr_in6 to;
	uint8_t mark[MARK_LEN];
	int fd;
	uint64_t count, sent, received, least, most, sum;
	uint64_t seen;			/* bits: of the last 64 which were answered */
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

/* Who and where it is, and that there shall be a way. */
static int call(struct ping *p)
{
	json_t *reply;
	int err = daemon_call(p->socket, "Call", json_pack("{s:s}", "name", p->host),
			      DAEMON_QUICK_MS, &reply);

	if (err)
		return err;
	copy(p->name, sizeof(p->name), daemon_text(reply, "name"));
	copy(p->ula, sizeof(p->ula), daemon_text(reply, "ula"));
	copy(p->path, sizeof(p->path), daemon_text(reply, "path"));
	copy(p->endpoint, sizeof(p->endpoint), daemon_text(reply, "endpoint"));
	copy(p->ike, sizeof(p->ike), daemon_text(reply, "ike"));
	json_decref(reply);
	p->to = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	if (text_to_ula(p->ula, &p->to.sin6_addr))
		return fail_with(CTL_FAILED, "%s has no address yet", p->host);
	return CTL_OK;
}

/* A socket that anybody may have, if the system lets them, else root's. */
static int open_socket(struct ping *p)
{
	struct icmp6_filter only;

	p->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	if (p->fd < 0)
		p->fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	if (p->fd < 0)
		return fail_with(errno == EPERM || errno == EACCES ? CTL_DENIED : CTL_FAILED,
				 "no socket for ICMPv6: %s; 'ping %s' may do, or run this as root",
				 strerror(errno), p->ula);
	ICMP6_FILTER_SETBLOCKALL(&only);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &only);
	setsockopt(p->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only, sizeof(only));
	return CTL_OK;
}

static int send_one(struct ping *p)
{
	struct echo e = {
		.head = { .icmp6_type = ICMP6_ECHO_REQUEST }, .sent = now_us(),
	};

	memcpy(e.mark, p->mark, MARK_LEN);
	memcpy(&e.head.icmp6_id, p->mark, sizeof(e.head.icmp6_id));
	e.head.icmp6_seq = htons((uint16_t)(p->sent + 1));
	p->seen <<= 1;
	p->sent++;
	if (sendto(p->fd, &e, sizeof(e), 0, (struct sockaddr *)&p->to, sizeof(p->to)) >= 0)
		return CTL_OK;
	/* While there is no SA the kernel may say so. */
	if (errno == EAGAIN || errno == ENOBUFS || errno == ESRCH || errno == EPERM)
		return CTL_OK;
	return fail_with(CTL_FAILED, "%s (%s): %s ('btmm-ctl status' says what is wrong)", p->name,
			 p->ula, strerror(errno));
}

static void show(struct ping *p, uint64_t seq, uint64_t took)
{
	const struct out_value values[N_COLUMNS] = {
		out_str(p->name), out_str(p->ula), out_num(true, seq), out_num(true, took),
		out_str(p->endpoint[0] ? p->endpoint : NULL), out_str(p->path),
	};

	if (out_mode == OUT_JSON) {
		out_json_line(columns, N_COLUMNS, values);
		return;
	}
	fprintf(out_file, "%s (%s): %" PRIu64 ", %" PRIu64 ".%03" PRIu64 " ms", p->name, p->ula,
		seq, took / 1000, took % 1000);
	if (!strcmp(p->path, "self"))
		fputs(", this host itself\n", out_file);
	else
		fprintf(out_file, ", by %s (%s)\n", p->endpoint[0] ? p->endpoint : "no endpoint",
			p->path);
	fflush(out_file);
}

static void take(struct ping *p)
{
	struct sockaddr_in6 from;
	socklen_t len = sizeof(from);
	struct echo e;
	uint64_t seq, behind, took;

	while (recvfrom(p->fd, &e, sizeof(e), 0, (struct sockaddr *)&from, &len) ==
	       (ssize_t)sizeof(e)) {
		len = sizeof(from);
		if (e.head.icmp6_type != ICMP6_ECHO_REPLY || memcmp(e.mark, p->mark, MARK_LEN) ||
		    memcmp(&from.sin6_addr, &p->to.sin6_addr, sizeof(from.sin6_addr)))
			continue;
		took = now_us() - e.sent;
		behind = (uint16_t)(p->sent - ntohs(e.head.icmp6_seq));
		if (behind >= 64 || behind >= p->sent || p->seen >> behind & 1)
			continue;
		p->seen |= UINT64_C(1) << behind;
		seq = p->sent - behind;
		p->least = !p->received || took < p->least ? took : p->least;
		p->most = took > p->most ? took : p->most;
		p->sum += took;
		p->received++;
		/* By which way it came is known from now on. */
		if (!call(p))
			show(p, seq, took);
	}
}

static int run(struct ping *p)
{
	uint64_t next = now_us(), end = UINT64_MAX, now;
	struct pollfd poll_for = { .fd = p->fd, .events = POLLIN };
	int err = 0;

	while (p->received < p->count) {
		now = now_us();
		if (p->sent < p->count && now >= next) {
			err = send_one(p);
			if (err)
				return err;
			next += INTERVAL_US;
			if (p->sent == p->count)
				end = now + LAST_US;
		}
		if (now >= end)
			break;
		now = (p->sent < p->count ? next : end) - now;
		if (poll(&poll_for, 1, (int)(now / 1000 + 1)) < 0 && errno != EINTR)
			return fail_with(CTL_FAILED, "poll: %s", strerror(errno));
		take(p);
		if (out_failed())
			return CTL_FAILED;
	}
	return CTL_OK;
}

static int sum_up(const struct ping *p)
{
	uint64_t mean = p->received ? p->sum / p->received : 0;

	if (out_mode != OUT_JSON)
		fprintf(out_file, "%" PRIu64 " sent, %" PRIu64 " answered", p->sent, p->received);
	if (out_mode != OUT_JSON && p->received)
		fprintf(out_file, "; %" PRIu64 ".%03" PRIu64 " / %" PRIu64 ".%03" PRIu64 " / %"
			PRIu64 ".%03" PRIu64 " ms (least, mean, most)", p->least / 1000,
			p->least % 1000, mean / 1000, mean % 1000, p->most / 1000, p->most % 1000);
	if (out_mode != OUT_JSON)
		fputc('\n', out_file);
	if (p->received)
		return CTL_OK;
	return fail_with(CTL_FAILED, "%s does not answer%s%s ('btmm-ctl peers' says more)", p->name,
			 p->ike[0] ? "; IKE: " : "", p->ike);
}

int cmd_ping(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "count", .want = "a number of echo requests" },
		WORD_SOCKET,
		{ .name = NULL },
	};
	struct ping p = { .fd = -1, .count = COUNT };
	int err;

	if (!argc)
		return fail_usage("the host is missing");
	p.host = argv[0];
	err = words_read(w, argc - 1, argv + 1);
	if (!err)
		err = word_uint(&w[0], 1, UINT32_MAX, &p.count);
	p.socket = w[1].value;
	if (!err && getrandom(p.mark, MARK_LEN, 0) != MARK_LEN)
		err = fail_with(CTL_FAILED, "no random octets");
	if (!err)
		err = call(&p);
	if (!err)
		err = open_socket(&p);
	if (!err) {
		if (strcmp(p.ike, "up") && strcmp(p.path, "self"))
			daemon_progress("no answer yet; it is being called");
		err = run(&p);
		daemon_progress(NULL);
		err = err ? err : sum_up(&p);
	}
	if (p.fd >= 0)
		close(p.fd);
	return err;
}
