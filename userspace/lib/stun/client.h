/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A STUN client (RFC 8489 6.2.1): one Binding transaction over UDP.
 *
 *	stun_client_start(&c, tid, now);
 *	again and again, until c.state is no more STUN_ASKING:
 *		send what stun_client_output() gives, if anything
 *		wait for a datagram (stun_client_input()) or until c.deadline
 *
 * Times are milliseconds of any clock that does not go back.
 */
#ifndef BTMM_STUN_CLIENT_H
#define BTMM_STUN_CLIENT_H

#include "message.h"

#define STUN_RTO	500	/* ms, first wait; doubles */
#define STUN_TRIES	7
#define STUN_LAST_WAIT	16	/* times RTO, after the last try (Rm) */
#define STUN_REQUEST_LEN	(STUN_HEADER + STUN_FINGERPRINT_LEN)

enum stun_state {
	STUN_ASKING,
	STUN_MAPPED,		/* @mapped is known */
	STUN_REFUSED,		/* @error is the server's, 300 to 699 */
	STUN_SILENT,		/* no answer */
};

struct stun_client {
	enum stun_state state;
	uint8_t tid[STUN_TID];
	unsigned int sent;
	uint32_t rto;		/* STUN_RTO; another one may be set after the start */
	uint64_t deadline;	/* of the next output; UINT64_MAX when there is none */
	struct stun_address mapped;
	unsigned int error;
};

/* @tid: random, so that nobody off the path can answer. */
void stun_client_start(struct stun_client *c, const uint8_t tid[STUN_TID], uint64_t now);

/* The request, when it is time for it, else 0. Also turns silence into
 * STUN_SILENT.
 */
size_t stun_client_output(struct stun_client *c, uint64_t now,
			  uint8_t out[STUN_MAX]);

/*
 * Takes the answer, if @msg is one: well-formed, to this transaction, FINGERPRINT
 * right if there is one. That it came from whom was asked is the caller's to
 * check. Return: it was; any other message changes nothing.
 */
bool stun_client_input(struct stun_client *c, const uint8_t *msg, size_t len);

#endif
