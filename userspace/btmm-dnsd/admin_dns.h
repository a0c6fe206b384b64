/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small blocking DNS client for the command line: one question, one answer, and
 * zone transfers. Signed (RFC 8945) when there is a key.
 */
#ifndef BTMM_DNSD_ADMIN_DNS_H
#define BTMM_DNSD_ADMIN_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/dns/message.h"
#include "../lib/dns/tsig.h"
#include "admin_text.h"
#include "net.h"

enum ask_over { ASK_UDP, ASK_TCP, ASK_TLS };

#define ASK_TIMEOUT_MS	5000

struct ask {
	struct net_addr server;
	enum ask_over over;
	const struct tsig_key *key;	/* NULL: unsigned */
	unsigned int timeout_ms;	/* 0: ASK_TIMEOUT_MS */
	uint8_t *msg;			/* the request, with @size octets of room for TSIG */
	size_t len, size;
	/* The answer, DNS_MAX octets of room; without its TSIG. */
	uint8_t *reply;
	size_t reply_len;
	char pin[64];			/* ASK_TLS: of the server's certificate */
};

/*
 * 0 and an answer whose ID and (if there is a key) signature are right, whatever its
 * RCODE. A truncated answer over UDP is asked for again over TCP. Negative errno and
 * why: -ETIMEDOUT, -ECONNREFUSED, -EKEYREJECTED (the server refuses the key or its
 * time; or its own signature is wrong), -EBADMSG, ...
 */
int ask(struct ask *a, struct why *why);

/* A request in @msg (DNS_MAX octets), with a random ID: a query without recursion ... */
size_t ask_query(uint8_t *msg, const uint8_t *name, uint16_t type);
/* ... or an UPDATE of @zone into which records are then put. */
void ask_update_begin(struct dns_writer *w, uint8_t *msg, const uint8_t *zone);

/*
 * Transfers a zone (AXFR over TCP). @each gets every message of it, TSIG included,
 * checked; nonzero ends it and is returned. *serial (may be NULL) is the zone's.
 * 0, or negative errno and why (-EACCES: refused).
 */
typedef int (*ask_message_fn)(void *arg, const uint8_t *msg, size_t len);
int ask_transfer(const struct net_addr *server, const struct tsig_key *key,
		 const uint8_t *zone, ask_message_fn each, void *arg, uint32_t *serial,
		 struct why *why);

/* A whole zone as a zone file, in the case that it is written in. Answers as above. */
int ask_zone_text(const struct net_addr *server, const struct tsig_key *key,
		  const uint8_t *zone, struct buf *out, uint32_t *serial, struct why *why);

#endif
