/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answers to a question as a subscriber knows them: a set of records, all of
 * the question's name.
 */
#ifndef BTMM_LLQ_ANSWERS_H
#define BTMM_LLQ_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/message.h"

/* No server that means well sends more; what is beyond is not kept. */
#define ANSWERS_MAX		8192		/* records of a set */
#define ANSWERS_OCTETS_MAX	(4 << 20)	/* of its RDATA */

/* What the answers at hand are worth. */
enum answers_status {
	ANSWERS_UNKNOWN,	/* nothing is known; the set is empty */
	ANSWERS_STALE,		/* they were right when the subscription broke off */
	ANSWERS_POLLED,		/* as of the last poll */
	ANSWERS_LIVE,		/* the server tells every change */
};

struct answer {
	const uint8_t *owner;
	uint16_t type, class_;
	uint32_t ttl;
	const uint8_t *rdata;		/* names uncompressed, in the case they came in */
	uint16_t rdlen;
};

struct answers_record {
	uint16_t type, class_, rdlen;
	uint32_t ttl;
	bool marked;
	uint8_t *rdata;			/* and its canonical form behind it */
};

struct answers {
	struct answers_record *records;
	size_t n, room, octets;
};

/* Where RDATA is unpacked to. */
struct answers_scratch {
	uint8_t rdata[DNS_MAX];
	uint8_t canonical[DNS_MAX];
};

/*
 * Unpacks a record of a message. The result points into @rr and @scratch.
 * -EBADMSG: its RDATA does not fit its type.
 */
int answers_unpack(const uint8_t *msg, size_t len, const struct dns_rr *rr,
		   struct answers_scratch *scratch, struct answer *out);

/*
 * Both take what answers_unpack() has just left in @scratch. answers_add(): 1 when
 * it is new; 0 when it was there (it gets the new TTL and loses its mark); -ENOSPC,
 * -ENOMEM. answers_remove(): was it there?
 */
int answers_add(struct answers *s, const struct answer *a, const struct answers_scratch *scratch);
bool answers_remove(struct answers *s, const struct answer *a,
		    const struct answers_scratch *scratch);

/* Record @i as an answer for @owner. */
struct answer answers_at(const struct answers *s, size_t i, const uint8_t *owner);
/* Takes out record @i; the last one takes its place. */
void answers_drop(struct answers *s, size_t i);
/* To find, after adding all there is, what is no longer: */
void answers_mark(struct answers *s);
/* The least TTL in the set; UINT32_MAX when it is empty. */
uint32_t answers_ttl(const struct answers *s);
void answers_clear(struct answers *s);

#endif
