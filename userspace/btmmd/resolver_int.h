/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the resolver's I/O: sockets and datagrams (resolver.c), TCP (resolver_tcp.c) */
#ifndef BTMMD_RESOLVER_INT_H
#define BTMMD_RESOLVER_INT_H

#include "resolver.h"

struct stream;

struct resolver {
	sd_event *event;
	const struct resolve *table;
	resolver_asked_fn asked;
	void *arg;
	int udp, tcp;
	uint16_t port;
	sd_event_source *udp_io, *tcp_io, *patience;
	struct stream *streams;		/* the one that was active last first */
	unsigned int n_streams;
	struct resolver_stats stats;
	uint8_t in[RESOLVER_QUERY_MAX];
	uint8_t out[2 + DNS_MAX];	/* of a datagram, or before it waits in a stream */
};

/* The answer into r->out from its third octet; its length, 0: there is none. */
size_t resolver_answer(struct resolver *r, bool stream, const uint8_t *msg, size_t len);

/* resolver_tcp.c */
int resolver_on_accept(sd_event_source *s, int fd, uint32_t revents, void *arg);
void resolver_end_streams(struct resolver *r);

#endif
