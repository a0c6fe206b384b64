/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client of leases is made of. Private to client*.c. */
#ifndef BTMM_LEASE_CLIENT_INT_H
#define BTMM_LEASE_CLIENT_INT_H

#include "client.h"

#define LEASE_CLIENT_MAYBE	8

#define NEVER	UINT64_MAX

/* Records, as they were set once; not changed any more. */
struct lease_client_set {
	unsigned int refs;
	size_t n;
	struct lease_client_record records[];	/* the octets stand behind them */
};

/* NULL: no memory */
struct lease_client_set *lease_client_set_new(const struct lease_client_record *records,
					      size_t n);
struct lease_client_set *lease_client_set_ref(struct lease_client_set *s);
void lease_client_set_unref(struct lease_client_set *s);
bool lease_client_set_equal(const struct lease_client_set *a, const struct lease_client_set *b);
/* Is the record in the set, with whatever TTL? */
bool lease_client_set_has(const struct lease_client_set *s, const struct lease_client_record *r);
/* The same owner and type */
bool lease_client_same_rrset(const struct lease_client_record *a,
			     const struct lease_client_record *b);

struct lease_client {
	struct lease_client_config config;
	uint8_t zone[DNAME_MAX];
	struct draw draw;
	struct lease_client_set *want;
	/*
	 * What may be at the server, the oldest first: all that was sent since the last
	 * answer, and what that was about. What is too much is left to its lease.
	 */
	struct lease_client_set *maybe[LEASE_CLIENT_MAYBE];
	size_t n_maybe;
	uint64_t maybe_until;		/* by then, leases of all of them have ended */

	bool paused, stuck, begun;
	bool confirmed;			/* the server has acknowledged @want */
	/* One that was not answered may come to the server until then, after those that
	 * are: all has to be said once more (@again).
	 */
	uint64_t unsure_until;
	bool again;
	bool short_form;		/* the server does not know the long one */
	int error;
	unsigned int failures, refusals;	/* in a row */
	uint64_t due;			/* of the next update, try, or of giving up */

	uint32_t granted;		/* s; 0: no lease */
	uint64_t lease_start, expires;

	/* The update that is out */
	struct lease_client_set *sent;	/* NULL: none is */
	uint8_t *msg;			/* to be repeated octet by octet */
	size_t len;
	uint16_t id;
	struct tsig_mac mac;
	unsigned int tries;
	uint64_t first_sent, last_sent;
	bool long_form, clock_set;
	int refused;			/* 256 + RCODE of an error that was not signed */
};

/* client_wire.c: an update that says @c->want; 0, or an error of lease_client_error() */
int lease_client_put(struct lease_client *c, uint8_t *out, size_t size, size_t *len);

struct lease_client_answer {
	enum signer_result result;
	unsigned int rcode;
	bool has_lease;
	struct lease_option lease;
};

/* False: not an answer to what is out. */
bool lease_client_read(const struct lease_client *c, const uint8_t *msg, size_t len,
		       struct lease_client_answer *out);

#endif
