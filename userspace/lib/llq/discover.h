/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the servers of a domain are found (RFC 8764 5.1, RFC 8765 6.1, RFC 6281 4): the
 * zone by its SOA, the services by SRV records in it, their addresses.
 *
 * Pure: questions to a resolver go out, its answers come in, as UDP messages. Times
 * are milliseconds of any clock that does not go back.
 *
 *	again and again, while discover_state() is DISCOVER_ASKING:
 *		send what discover_output() gives, until it is 0
 *		wait for an answer (discover_input()) or until discover_deadline()
 *
 * Nothing of this is proven: who answers can send a client to any server. What is to
 * be believed is decided by the certificate that the account knows, and by TSIG.
 */
#ifndef BTMM_LLQ_DISCOVER_H
#define BTMM_LLQ_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/name.h"
#include "draw.h"

#define DISCOVER_SERVERS	8	/* of a service; more are not looked at */
#define DISCOVER_ADDRESSES	8	/* of a server */

enum discover_service {
	DISCOVER_LLQ,		/* _dns-llq._udp */
	DISCOVER_UPDATE,	/* _dns-update._udp */
	DISCOVER_QUERY_TLS,	/* _dns-query-tls._tcp */
	DISCOVER_UPDATE_TLS,	/* _dns-update-tls._tcp */
	DISCOVER_LLQ_TLS,	/* _dns-llq-tls._tcp */
	DISCOVER_PUSH_TLS,	/* _dns-push-tls._tcp */
	DISCOVER_SERVICES
};

/* "_dns-llq._udp" ... */
const char *discover_service_name(enum discover_service s);

struct discover_server {
	uint8_t target[DNAME_MAX];
	uint16_t port, priority, weight;
	size_t n_addresses;
	uint8_t addresses[DISCOVER_ADDRESSES][16];	/* IPv4 as ::ffff:a.b.c.d */
};

enum discover_state {
	DISCOVER_ASKING,
	DISCOVER_DONE,		/* there may be no service all the same */
	DISCOVER_FAILED,	/* there is no zone, or no resolver: discover_error() */
};

struct discover;

/*
 * For names at and below @name. @is_zone: it is known to be the apex of a zone, else
 * that is looked for. NULL: no memory.
 */
struct discover *discover_new(const uint8_t *name, bool is_zone,
			      const uint8_t seed[DRAW_SEED], uint64_t now);
void discover_free(struct discover *d);

/* The next question, 0 when there is none now. @size: at least 512. */
size_t discover_output(struct discover *d, uint64_t now, uint8_t *out, size_t size);
/* When discover_output() has to be called again; UINT64_MAX: no more. */
uint64_t discover_deadline(const struct discover *d);
/* Whether it was an answer awaited. That it came from whom was asked is the caller's
 * to check.
 */
bool discover_input(struct discover *d, const uint8_t *msg, size_t len);

enum discover_state discover_state(const struct discover *d);
/* -ENOENT: no zone; -ETIMEDOUT: no answer. */
int discover_error(const struct discover *d);
/* The zone's apex; NULL as long as it is not known. */
const uint8_t *discover_zone(const struct discover *d);

/* All that there is to know of the service is known, of others it may not be. */
bool discover_known(const struct discover *d, enum discover_service s);
/* In the order in which they are to be tried; those without address have not got any. */
const struct discover_server *discover_servers(const struct discover *d,
					       enum discover_service s, size_t *n);
/* s until it has to be done again; a minute to a day */
uint32_t discover_ttl(const struct discover *d);

#endif
