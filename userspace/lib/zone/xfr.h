/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the mirror of a zone as the primary has it: AXFR (RFC 5936) to begin
 * with, then IXFR (RFC 1995) on NOTIFY (RFC 1996), after updates of our own, and
 * by the SOA's timers (RFC 1034 4.3.5). All of it signed: nothing of a transfer
 * counts before its last message has been verified.
 *
 * Pure: the caller has a TCP connection to the primary, carries requests and
 * answers, and calls xfr_tick() at xfr_deadline(). Times are milliseconds of any
 * clock that does not go back.
 *
 *	if (xfr_wants_request(x, now))
 *		send(xfr_request(x, now, id, buf, size));  connect first if need be
 *	on each message:	xfr_response()	until it is not XFR_MORE
 *	no connection:		xfr_lost()
 */
#ifndef BTMM_ZONE_XFR_H
#define BTMM_ZONE_XFR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/tsig.h"
#include "store.h"

struct xfr;

struct xfr_limits {
	size_t zone_octets;	/* of memory; a zone that needs more is not taken */
	size_t delta_octets;	/* of differences; with more, the whole zone is asked for */
	unsigned int answer_ms;	/* longest wait for a message */
	unsigned int total_ms;	/* longest transfer */
	/* Bounds for what the SOA says, in seconds. */
	unsigned int refresh_min, refresh_max, retry_max;
};

extern const struct xfr_limits xfr_default_limits;

enum xfr_state {
	XFR_IDLE,
	XFR_ASKING,	/* the request is out, nothing came yet */
	XFR_RECEIVING,
};

enum xfr_result {
	XFR_MORE,	/* to come */
	XFR_DONE,	/* the mirror is as the primary was when it got the request */
	/* Not that way: close the connection and make the request that
	 * xfr_wants_request() has now. Not an error.
	 */
	XFR_AGAIN,
	XFR_FAILED,	/* nothing has changed; close the connection; xfr_why() */
};

/* @z is the caller's and outlives it; @key and @limits (NULL: the defaults) are
 * copied. Without @key nothing is signed: for tests only. @random: for jitter.
 */
struct xfr *xfr_new(struct zone *z, const struct tsig_key *key,
		    const struct xfr_limits *limits, uint32_t random);
void xfr_free(struct xfr *x);

/* The primary says that the zone has changed; what came by then is known by the
 * serial. Whether it was the primary is for the caller to see to.
 */
void xfr_notify(struct xfr *x, uint64_t now, bool has_serial, uint32_t serial);
/* The primary has accepted an update of ours: ask at once, or as soon as the
 * transfer under way, which may not have it, is over.
 */
void xfr_poke(struct xfr *x, uint64_t now);

/* When xfr_tick() has something to do or a request becomes due; it may be past. */
uint64_t xfr_deadline(const struct xfr *x);
/* True: the transfer under way took too long and is over; close the connection. */
bool xfr_tick(struct xfr *x, uint64_t now);

bool xfr_wants_request(const struct xfr *x, uint64_t now);
/* The request, for one message of TCP. 0: it could not be made (xfr_why()) and
 * will be tried again later.
 */
size_t xfr_request(struct xfr *x, uint64_t now, uint16_t id, uint8_t *buf, size_t size);
enum xfr_result xfr_response(struct xfr *x, uint64_t now, const uint8_t *msg, size_t len);
/* There was no connection, or it broke. @why: a sentence, or NULL. */
void xfr_lost(struct xfr *x, uint64_t now, const char *why);

/* May the zone be served: loaded, and heard of within the SOA's expire time? */
bool xfr_serves(const struct xfr *x, uint64_t now);
/* Why the last transfer failed, or why again; "" after one that succeeded. */
const char *xfr_why(const struct xfr *x);

struct xfr_status {
	enum xfr_state state;
	bool loaded;
	uint32_t serial;
	uint64_t last_success, last_failure;	/* 0: never */
	uint64_t next;		/* request, when idle; it may be past */
	uint64_t expires;	/* 0: not loaded */
	uint64_t n_axfr, n_ixfr, n_current, n_failed;
	uint64_t n_changes;	/* records, by IXFR */
	char last_error[160];	/* as xfr_why() */
};

void xfr_status(const struct xfr *x, struct xfr_status *out);

#endif
