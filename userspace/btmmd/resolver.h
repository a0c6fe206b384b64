/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stub resolver (lib/resolve) on a loopback address: UDP and TCP, in an event loop.
 */
#ifndef BTMMD_RESOLVER_H
#define BTMMD_RESOLVER_H

#include <systemd/sd-event.h>

#include "../lib/resolve/resolve.h"
#include "../lib/text/addr.h"

#define RESOLVER_STREAMS	32	/* TCP connections; one more ends the quietest one */
#define RESOLVER_QUERY_MAX	4096	/* octets of a question; longer ones are not read */
#define RESOLVER_IDLE		10	/* s, of a TCP connection */

struct resolver_config {
	struct addr ip;			/* 127/8 or ::1 */
	uint16_t port;			/* 0: any, the same for both */
	/* Sockets that are bound already (by systemd: port 53 needs a privilege that
	 * btmmd does not have), to be closed by resolver_free(), also if there is an error;
	 * -1, both: to be made.
	 */
	int udp, tcp;
	/* ms for which questions wait for resolver_go(): at a start, nothing is known yet, and
	 * who is told so asks somebody else. 0: none.
	 */
	uint32_t wait;
};

struct resolver_stats {
	uint64_t udp, tcp;		/* questions */
	uint64_t found, missing, refused, dropped;
};

struct resolver;

/* A question of our domain has been answered; see struct resolve_result. */
typedef void (*resolver_asked_fn)(void *arg, const struct resolve_result *result);

/*
 * @table: the caller's, to live longer; may be changed at any time. @asked: may be NULL;
 * must not free the resolver. 0 with *out; -EADDRNOTAVAIL: not a loopback address; or what
 * socket(2), bind(2) and the like say.
 */
int resolver_new(sd_event *event, const struct resolver_config *config,
		 const struct resolve *table, resolver_asked_fn asked, void *arg,
		 struct resolver **out);
void resolver_free(struct resolver *r);
/* The table has what there is: questions wait no more. */
void resolver_go(struct resolver *r);

uint16_t resolver_port(const struct resolver *r);
const struct resolver_stats *resolver_stats(const struct resolver *r);

#endif
