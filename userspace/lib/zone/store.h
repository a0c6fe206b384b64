/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mirror of a zone in memory: made for a million small names (one allocation
 * a name, no more than some 60 octets beside what the records hold).
 *
 * Class IN. Owner names are kept in lower case; RDATA uncompressed and canonical
 * (dns_rdata_canonical()): that is what is compared and hashed. Names in it that
 * have upper case letters are kept as the primary has them, too: that is what is
 * served. What is handed out points into the store and is valid until its next
 * change.
 */
#ifndef BTMM_ZONE_STORE_H
#define BTMM_ZONE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/name.h"

struct zone;
struct zone_node;

struct zone_rr {
	uint16_t type, rdlen;
	uint32_t ttl;
	const uint8_t *rdata;	/* canonical */
	/* The same with names in the case they came in; NULL: that is @rdata. */
	const uint8_t *cased;
	bool hidden;		/* its lease is over: not to be served */
};

/* RDATA for others to see. */
static inline const uint8_t *zone_rr_shown(const struct zone_rr *rr)
{
	return rr->cased ? rr->cased : rr->rdata;
}

/*
 * A change of what is visible (not hidden), told one by one when it has been
 * made. Private types are told, too: zone_rr_served() says whether others may
 * know. The zone must not be changed meanwhile.
 */
struct zone_change {
	bool add;
	const uint8_t *owner;
	struct zone_rr rr;
};

typedef void (*zone_change_fn)(void *arg, const struct zone *z, const struct zone_change *c);

struct zone *zone_new(const uint8_t *apex);
void zone_free(struct zone *z);
const uint8_t *zone_apex(const struct zone *z);
bool zone_loaded(const struct zone *z);		/* has an SOA */
uint32_t zone_serial(const struct zone *z);
/* refresh, retry, expire, minimum of the SOA, in seconds */
void zone_timers(const struct zone *z, uint32_t out[4]);
/* Who wants to know of changes: one, before the first record. */
void zone_watch(struct zone *z, zone_change_fn fn, void *arg);

/*
 * Putting what is there and removing what is not are no changes and no errors
 * (1 is returned); a TTL or a case of names that differs is a removal and an
 * addition of the RRset's record. An SOA replaces the one that is there. A TTL over
 * 2^31 - 1 is 0 (RFC 2181 8), one over 2^30 - 1 (34 years) is that. What is put is
 * not hidden, whatever @rr says and has been. 0: changed; -ENOMEM; -EINVAL: not in
 * this zone, an SOA that is malformed or not at the apex, or a type that no record
 * can have.
 */
int zone_put(struct zone *z, const uint8_t *owner, const struct zone_rr *rr);
/* The same for RDATA without upper case. */
int zone_add(struct zone *z, const uint8_t *owner, uint16_t type, uint32_t ttl,
	     const uint8_t *rdata, uint16_t rdlen);
int zone_remove(struct zone *z, const uint8_t *owner, uint16_t type,
		const uint8_t *rdata, uint16_t rdlen);
/* And back. 1: it was so before; -ENOENT: no such record; -EINVAL: an SOA. @rdata may
 * be what the store has handed out.
 */
int zone_hide(struct zone *z, const uint8_t *owner, uint16_t type,
	      const uint8_t *rdata, uint16_t rdlen);
int zone_show(struct zone *z, const uint8_t *owner, uint16_t type,
	      const uint8_t *rdata, uint16_t rdlen);

/*
 * A whole new content (AXFR): between begin and end, zone_put() fills a second
 * store; zone_full_end() tells the differences as changes and swaps, so that
 * nobody sees half a zone. Hidden records that are in both stay hidden.
 */
int zone_full_begin(struct zone *z);
int zone_full_end(struct zone *z);
void zone_full_abort(struct zone *z);
/*
 * The same when the second store is a zone of its own, so that @z can be changed
 * meanwhile (a lease that ends or is renewed). Takes what @next holds and leaves
 * it empty; @next stays the caller's. Return: 0, or -EINVAL: another apex, or no
 * SOA in @next (zone_full_end() too); nothing has changed then.
 */
int zone_replace(struct zone *z, struct zone *next);

/* NULL: the name does not exist. An empty non-terminal has a node. */
const struct zone_node *zone_find(const struct zone *z, const uint8_t *name);
const uint8_t *zone_node_name(const struct zone_node *n);
/*
 * Is it there for who asks? Not when neither it nor a name below it has a record
 * that is served.
 */
bool zone_node_exists(const struct zone_node *n);
/* Neither hidden nor of a private type of ours (LEASED, ENROLLED). */
bool zone_rr_served(const struct zone_rr *rr);
/* Is there this record? @rr (may be NULL) gets it, hidden or not. */
bool zone_has(const struct zone *z, const uint8_t *owner, uint16_t type,
	      const uint8_t *rdata, uint16_t rdlen, struct zone_rr *rr);
/* Records in turn, hidden ones included; *pos starts at 0; false at the end. */
bool zone_node_next(const struct zone_node *n, size_t *pos, struct zone_rr *rr);
/* Every name, in no order; *pos starts at 0. */
const struct zone_node *zone_next(const struct zone *z, size_t *pos);
size_t zone_names(const struct zone *z);	/* empty non-terminals, too */
size_t zone_octets(const struct zone *z);	/* allocated */

#endif
