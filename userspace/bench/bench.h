/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load of "make bench-dns": what scripts/bench-dns times and weighs. One program,
 * dns-load, with a command for each kind of load; results go to standard output as one
 * JSON object. Unlike the libraries it may simply end when something is wrong.
 *
 *	main.c		commands, options
 *	wire.c		updates and LLQ messages, signed
 *	link.c		sockets and TLS streams
 *	updates.c	updates per second
 *	events.c	from an update to the events that it makes
 *	listen.c	its subscribers: LLQ by UDP, DNS Push
 *	fill.c		very many LLQs
 *	sessions.c	many TLS sessions
 */
#ifndef BTMM_BENCH_H
#define BTMM_BENCH_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/dns/edns.h"
#include "../lib/dns/message.h"
#include "../lib/dns/tsig.h"

#define NO_LEASE	0

struct options {
	struct sockaddr_in server;	/* which is asked, subscribed at */
	struct sockaddr_in update;	/* where updates go */
	const char *keys, *subs, *targets, *zone;
	unsigned int count, warmup, outstanding, first, per_client, lease;
	bool push;
};

/* A line of a file: a name that is changed or subscribed to, and who signs that. */
struct party {
	uint8_t owner[DNAME_MAX], zone[DNAME_MAX];
	struct tsig_key key;
};

struct parties {
	struct party *v;
	size_t n;
};

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
void *must_alloc(size_t n, size_t size);
uint64_t now_ns(void);		/* CLOCK_MONOTONIC */
/* Lines of OWNER ZONE KEY-NAME SECRET-IN-HEX (hmac-sha256) */
struct parties parties_read(const char *path);
void name_of(const char *text, uint8_t out[DNAME_MAX]);

/* wire.c; both sign and return the length. @mac: of the message, or NULL. */

/* An SRV record at @p->owner, which becomes the only one, whose port is @value. */
size_t wire_update(const struct party *p, uint16_t id, uint16_t value, uint32_t lease,
		   uint8_t *out, size_t size);
size_t wire_llq(const struct tsig_key *key, const uint8_t *name, uint16_t type, uint16_t id,
		const struct llq_option *o, uint8_t *out, size_t size, struct tsig_mac *mac);
/* The LLQ option of a message; false: it has none, or an error. */
bool wire_llq_read(const uint8_t *msg, size_t len, struct llq_option *out);
/* A signed query for @name's SOA with @option in its OPT. */
size_t wire_query(const struct tsig_key *key, const uint8_t *name, uint16_t id,
		  const uint8_t *option, size_t option_len, uint8_t *out, size_t size);

/* link.c */
int link_udp(const struct sockaddr_in *from, const struct sockaddr_in *to);

struct tls_link {
	int fd;
	SSL *ssl;
	uint8_t *in;		/* octets that came, or NULL: none */
	size_t have;
};

void tls_link_open(struct tls_link *l, const struct sockaddr_in *to);
void tls_link_send(struct tls_link *l, const uint8_t *msg, size_t len);
/* The next message, valid until the next call; 0: none yet (only if !@wait). */
size_t tls_link_read(struct tls_link *l, const uint8_t **msg, bool wait);
/* Says whose session this is (Documentation/dnsd.md). */
void tls_link_bind(struct tls_link *l, const struct tsig_key *key, const uint8_t *zone);

/* listen.c */
struct listener;

struct listeners {
	struct listener *v;
	size_t n;
	int epoll;
};

/* All of them subscribed when it returns. */
void listeners_open(struct listeners *ls, const struct options *o, const struct parties *who);
/*
 * What has come on a descriptor that epoll told of: its index is in the event's data.
 * True: a record of @value was added; *arrived (CLOCK_REALTIME, ns) is when the kernel
 * got the message, and by now it is verified and acknowledged.
 */
bool listener_input(struct listeners *ls, size_t i, uint16_t value, uint64_t *arrived);
const uint8_t *listener_name(const struct listeners *ls, size_t i);
uint64_t now_real_ns(void);

int run_updates(const struct options *o);
int run_events(const struct options *o);
int run_fill(const struct options *o);
int run_sessions(const struct options *o);

/* Prints "ready" and waits until standard input is closed. */
void wait_for_end(void);

#endif
