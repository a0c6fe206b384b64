/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A transport on loopback, and clients that share its thread. */
#ifndef BTMM_TEST_DNSD_TRANSPORT_H
#define BTMM_TEST_DNSD_TRANSPORT_H

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../btmm-dnsd/log.h"
#include "../btmm-dnsd/transport.h"

#define LIMIT_MS	60000	/* no test waits longer for anything */
#define N_SEEN		8192

struct fixture;

/* What the server does with a message. */
typedef void (*behaviour)(struct fixture *f, const struct origin *from, uint8_t *msg, size_t len);

struct fixture {
	sd_event *event;
	struct transport *t;
	struct transport_limits limits;
	behaviour on_message;
	int log[2];

	unsigned int messages, closed;
	struct origin from[N_SEEN];	/* of the first messages */
	uint8_t last[65535];
	size_t last_len;
	uint64_t closed_streams[N_SEEN];
	int send_result;
};

static inline uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* One turn of the loop, waiting a little if there is nothing to do. */
static inline void turn(struct fixture *f)
{
	assert_true(sd_event_run(f->event, 2000) >= 0);
}

/* Runs the loop until @cond holds; fails the test when that takes too long. */
#define run_until(f, cond)						\
	do {								\
		uint64_t limit_ = clock_ms() + LIMIT_MS;		\
									\
		while (!(cond)) {					\
			turn(f);					\
			if (clock_ms() > limit_)			\
				fail_msg("never came true: %s", #cond);	\
		}							\
	} while (0)

static inline struct transport_stats stats(const struct fixture *f)
{
	struct transport_stats s;

	transport_stats(f->t, &s);
	return s;
}

static inline void echo(struct fixture *f, const struct origin *from, uint8_t *msg, size_t len)
{
	f->send_result = transport_send(f->t, from, msg, len);
}

static inline void silent(struct fixture *f, const struct origin *from, uint8_t *msg, size_t len)
{
	(void)f;
	(void)from;
	(void)msg;
	(void)len;
}

static inline void note_message(void *arg, const struct origin *from, uint8_t *msg, size_t len)
{
	struct fixture *f = arg;

	if (f->messages < N_SEEN)
		f->from[f->messages] = *from;
	f->messages++;
	memcpy(f->last, msg, len);
	f->last_len = len;
	f->on_message(f, from, msg, len);
}

static inline void note_closed(void *arg, uint64_t stream)
{
	struct fixture *f = arg;

	if (f->closed < N_SEEN)
		f->closed_streams[f->closed] = stream;
	f->closed++;
}

static inline int set_up(void **state)
{
	static const struct transport_ops ops = { note_message, note_closed };
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->limits = (struct transport_limits){
		.streams = 20000, .streams_per_peer = 20000, .idle_ms = 60000,
		.handshake_ms = 60000, .out_queue = 262144,
	};
	f->on_message = echo;
	f->send_result = -1;
	assert_false(pipe(f->log));
	assert_false(fcntl(f->log[0], F_SETFL, O_NONBLOCK));
	assert_false(fcntl(f->log[1], F_SETFL, O_NONBLOCK));
	log_set_fd(f->log[1], false);
	assert_true(sd_event_new(&f->event) >= 0);
	f->t = transport_new(f->event, &ops, f, &f->limits);
	assert_non_null(f->t);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	transport_free(f->t);
	sd_event_unref(f->event);
	log_set_fd(-1, false);
	close(f->log[0]);
	close(f->log[1]);
	free(f);
	return 0;
}

/* @wanted streams, or as many as there may be descriptors for both of their ends. */
static inline unsigned int many(unsigned int wanted)
{
	struct rlimit lim;

	assert_false(getrlimit(RLIMIT_NOFILE, &lim));
	lim.rlim_cur = lim.rlim_max;
	assert_false(setrlimit(RLIMIT_NOFILE, &lim));
	return lim.rlim_cur < 2 * wanted + 200 ? (lim.rlim_cur - 200) / 2 : wanted;
}

static inline struct net_addr address(const char *text)
{
	struct net_addr a;

	assert_null(net_from_text(text, true, &a));
	return a;
}

/* Listens at @text, port 0, and says where. */
static inline struct net_addr serve(struct fixture *f, enum transport_kind kind, const char *text)
{
	struct net_addr a = address(text);

	assert_int_equal(transport_listen(f->t, kind, &a, -1), 0);
	assert_true(transport_listener_addr(f->t, transport_listeners(f->t) - 1, &a));
	return a;
}

static inline struct net_addr at(const char *text, uint16_t port)
{
	struct net_addr a = address(text);

	a.port = port;
	return a;
}

/* A client's socket: connected, not blocking. TCP: the kernel connects it alone. */
static inline int client(int type, const struct net_addr *to, const char *from)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct net_addr a;
	int fd;

	fd = socket(net_is_v4(to) ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (from) {
		a = address(from);
		len = net_to_sockaddr(&a, &ss);
		assert_false(bind(fd, (struct sockaddr *)&ss, len));
	}
	len = net_to_sockaddr(to, &ss);
	assert_false(connect(fd, (struct sockaddr *)&ss, len));
	assert_false(fcntl(fd, F_SETFL, O_NONBLOCK));
	return fd;
}

/* Octets in @fd's way, or its end; does not take them. */
static inline bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static inline bool at_end(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	return !n || (n < 0 && errno != EAGAIN);
}

static inline void put(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* @len octets @fill with their length in front, into @buf; returns all of it. */
static inline size_t frame(uint8_t *buf, size_t len, uint8_t fill)
{
	buf[0] = len >> 8;
	buf[1] = len;
	memset(buf + 2, fill, len);
	return 2 + len;
}

static inline void put_message(int fd, size_t len, uint8_t fill)
{
	static uint8_t buf[2 + 65535];

	put(fd, buf, frame(buf, len, fill));
}

/* Reads exactly @len octets, while the server runs. */
static inline void take_octets(struct fixture *f, int fd, uint8_t *buf, size_t len)
{
	uint64_t limit = clock_ms() + LIMIT_MS;
	size_t have = 0;
	ssize_t n;

	while (have < len) {
		n = recv(fd, buf + have, len - have, 0);
		if (n > 0)
			have += n;
		else if (!n || errno != EAGAIN)
			fail_msg("the stream ended after %zu of %zu octets", have, len);
		else
			turn(f);
		if (clock_ms() > limit)
			fail_msg("only %zu of %zu octets came", have, len);
	}
}

/* A message of @len octets, all @fill. */
static inline void take_message(struct fixture *f, int fd, size_t len, uint8_t fill)
{
	static uint8_t buf[2 + 65535];
	size_t i;

	take_octets(f, fd, buf, 2 + len);
	assert_int_equal(buf[0] << 8 | buf[1], len);
	for (i = 0; i < len; i++)
		assert_int_equal(buf[2 + i], fill);
}

#endif
