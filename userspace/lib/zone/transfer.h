/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request to the primary and what its answer has brought so far. Private to
 * lib/zone.
 */
#ifndef BTMM_ZONE_TRANSFER_H
#define BTMM_ZONE_TRANSFER_H

#include "../dns/message.h"
#include "../dns/tsig.h"
#include "delta.h"
#include "store.h"

enum transfer_kind { ASK_SOA, ASK_IXFR, ASK_AXFR };

/* What the next record has to be. */
enum transfer_phase {
	FIRST,		/* the new SOA */
	SECOND,		/* IXFR: tells the style */
	REMOVING,	/* a difference's first half, its old SOA has been */
	ADDING,		/* ... second half, its new SOA has been */
	WHOLE,		/* any, up to the SOA once more */
	COMPLETE,	/* none */
};

enum transfer_result {
	TRANSFER_MORE,
	TRANSFER_WHOLE,		/* got it all: it is in @next */
	TRANSFER_DELTA,		/* ... in @delta, then @soa */
	TRANSFER_CURRENT,	/* there is nothing new */
	TRANSFER_MISFIT,	/* AXFR has to be tried */
	TRANSFER_BAD,
};

struct transfer {
	enum transfer_kind kind;
	enum transfer_phase phase;
	uint16_t id;
	uint64_t begun, last;	/* ms */
	uint64_t n_messages;
	struct tsig_stream *stream;	/* NULL: nothing is signed */

	const struct zone *zone;
	size_t zone_max;	/* octets */
	uint32_t serial;	/* of the new SOA */
	uint32_t at;		/* how far the differences have come */
	struct zone_rr soa;	/* the new one, in these: */
	uint8_t soa_rdata[2 * DNAME_MAX + 20], soa_cased[2 * DNAME_MAX + 20];
	struct delta *delta;
	struct zone *next;

	const char *why;
	uint8_t rdata[DNS_MAX], cased[DNS_MAX];		/* the record that is read */
};

/* Type of the question. */
uint16_t transfer_qtype(enum transfer_kind kind);

struct transfer *transfer_new(enum transfer_kind kind, const struct zone *z,
			      size_t zone_max, size_t delta_max);
void transfer_free(struct transfer *t);

/*
 * Reads a message that is an answer without an error. @t->why says what is wrong
 * when it is bad or does not fit. Signatures are not looked at.
 */
enum transfer_result transfer_read(struct transfer *t, const uint8_t *msg, size_t len);

#endif
