/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The leases of the zones that we own: who holds which record and until when.
 * Pure: time comes in, deadlines and callbacks go out.
 *
 * The zone's markers (marker.h) say what is leased, this says how long. It is
 * right for what we have changed ourselves from the moment the primary said so,
 * while the mirror of the zone comes behind; for what others have changed, it
 * is brought in line by lease_owner_settle().
 *
 * Time: ms of a clock that is never set (CLOCK_BOOTTIME).
 */
#ifndef BTMM_LEASE_SERVER_H
#define BTMM_LEASE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/message.h"
#include "../dns/name.h"
#include "../zone/store.h"
#include "marker.h"

struct leases;
struct lease_zone;
struct lock_wait;
struct lease;

/* A name at which something is leased, locked (lock.h) or not yet settled. */
struct lease_owner {
	struct lease_owner *chain;		/* same bucket */
	struct lease_zone *zone;
	struct lease *leases;			/* doubly linked */
	struct lock_wait *first, *last;		/* who has it or waits for it */
	/* Changed by us, or maybe, and not yet seen in the mirror: 1 + the mark of the
	 * change, and linked into the zone's list.
	 */
	uint64_t unsettled;
	struct lease_owner *u_next, **u_prev;
	/* Has expired leases, and linked into the zone's list. */
	struct lease_owner *d_next, **d_prev;
	bool dirty;	/* to be compared with the mirror once it is settled */
	bool opaque;	/* records without lease were changed: the mirror must tell which */
	bool alone;	/* its expiry failed beside others' */
	bool leaving;	/* its expiry is under way: for who does that */
	bool removed;	/* an ENROLLED record went from here */
	uint32_t n_expired;
	uint8_t name[];				/* lower case */
};

/* One holder's lease of one record. */
struct lease {
	struct lease_owner *at;
	struct lease *next, **prev;		/* at the same name */
	struct lease *chain;			/* same bucket: same name and record */
	struct lease *z_next, **z_prev;		/* in the same zone */
	struct marker marker;
	uint16_t rdlen;
	uint16_t pending;	/* updates under way that grant it */
	bool confirmed;		/* at the primary, as far as we know */
	bool expired;
	bool leaving;		/* lease_expiry_build() has taken it */
	bool seen;		/* while its owner is settled */
	uint32_t granted;	/* s: it may never be further off than this */
	uint32_t heap;		/* 1 + place in the heap; 0: not in it */
	uint64_t expiry;	/* ms */
	uint64_t due;		/* ms: to be looked at; the heap's order */
	uint64_t row;		/* in the data base; 0: not there */
	uint8_t *rdata;		/* canonical; NULL: not known (yet) */
};

struct lease_ops {
	/* The data base is to say the same of this lease. */
	void (*store)(void *arg, struct lease *lease);
	void (*forget)(void *arg, struct lease *lease);
};

struct lease_terms {
	uint32_t min, max, key_max;	/* s */
};

struct leases *leases_new(const struct lease_ops *ops, void *arg,
			  const struct lease_terms *terms);
void leases_free(struct leases *l);
/* For what is granted from now on. */
void leases_set_terms(struct leases *l, const struct lease_terms *terms);
size_t leases_count(const struct leases *l);
/* What is granted to who asks for this long. */
uint32_t leases_clamp(const struct leases *l, uint32_t asked, bool key);
/* What a marker without a lease gets. */
uint32_t leases_longest(const struct leases *l, uint16_t type);

struct lease_zone *lease_zone_add(struct leases *l, struct zone *mirror, void *arg);
/* Its leases are forgotten here, not in the data base. Nobody may hold locks there. */
void lease_zone_remove(struct lease_zone *z);
struct zone *lease_zone_mirror(const struct lease_zone *z);
struct leases *lease_zone_leases(const struct lease_zone *z);
void *lease_zone_arg(const struct lease_zone *z);
size_t lease_zone_count(const struct lease_zone *z);
size_t lease_zone_expired(const struct lease_zone *z);
struct lease_zone *leases_next_zone(const struct leases *l, const struct lease_zone *z);

/* @name: lower case. _get() makes it (NULL: no memory); _put() frees it when nothing
 * is left to know about it.
 */
struct lease_owner *lease_owner_find(const struct lease_zone *z, const uint8_t *name);
struct lease_owner *lease_owner_get(struct lease_zone *z, const uint8_t *name);
void lease_owner_put(struct lease_owner *o);

/* The first lease of the record (any holder, expired ones included), then others. */
struct lease *lease_of_record(const struct lease_owner *o, uint16_t type,
			      const uint8_t record[MARKER_HASH]);
struct lease *lease_of_record_next(const struct lease *lease);
struct lease *lease_find(const struct lease_owner *o, const struct marker *m);
/* The record's RDATA in the mirror, NULL when it is not there. */
const uint8_t *lease_mirror_rdata(const struct lease_owner *o, const struct marker *m,
				  uint16_t *len);
/* All of a zone in turn; NULL: the first, or no more. */
struct lease *lease_zone_next(const struct lease_zone *z, const struct lease *lease);

/* Finds it or makes it: neither confirmed nor running. @rdata (copied) may be NULL. NULL:
 * no memory.
 */
struct lease *lease_get(struct lease_owner *o, const struct marker *m,
			const uint8_t *rdata, uint16_t rdlen);
/* Runs for @seconds from @now: confirmed, stored, its record shown if it was hidden. */
void lease_grant(struct lease *lease, uint64_t now, uint32_t seconds);
/* As read from the data base: @left ms to go, but no more than
 * @granted (s). It is not confirmed by that.
 */
void lease_load(struct lease *lease, uint64_t now, int64_t left, uint32_t granted);
/* It is about to be asked for: as lease_load(), and stored. */
void lease_intend(struct lease *lease, uint64_t now, uint32_t seconds);
/* It stands at the primary: from now on it can expire. */
void lease_confirm(struct lease *lease);
/* Forgets it, in the data base too. Its owner stays. */
void lease_drop(struct lease *lease);
/* Its time is over now. */
void lease_end(struct lease *lease, uint64_t now);
/* ... and that of all that a key holds in the zone. */
void lease_end_all(struct lease_zone *z, const uint8_t *key_name, uint64_t now);
/* An update under way that would grant it: begins, ends. A lease that was never
 * confirmed ends with the last of them.
 */
void lease_pend(struct lease *lease);
void lease_unpend(struct lease *lease, bool forget);

/* The next time lease_pass() has something to do; UINT64_MAX: never. */
uint64_t leases_deadline(const struct leases *l);
/*
 * Lets pass what is over: records that nobody holds any more are hidden in the
 * mirror, owners are put into the zone's list of those to be cleaned up. A lease
 * that an update under way would renew gets LEASE_GRACE ms. Return: how many.
 */
#define LEASE_GRACE	3000
size_t leases_pass(struct leases *l, uint64_t now);
/* Owners with expired leases. */
struct lease_owner *lease_zone_due(const struct lease_zone *z);

/*
 * An UPDATE that takes away the expired leases of some owners, on the condition
 * that their markers at the primary are what the mirror says. The owners are locked
 * and settled. @n: how many were given, in: how many were looked at, out. Of a first one
 * with more than fits, only a part goes. What is only known here (no marker in the
 * mirror) is dropped at once. Return: octets, 0: nothing is to be sent, or (if an owner
 * still has expired leases) there is no room for even one.
 */
size_t lease_expiry_build(struct lease_zone *z, struct lease_owner *const *owners, size_t *n,
			  uint16_t id, uint8_t *out, size_t size);
/* For each owner: it was done, so what it took away is forgotten; or it was not. */
void lease_expiry_end(struct lease_owner *o, bool done);

/* We changed something here, or maybe did; @mark: of the change. */
void lease_owner_unsettle(struct lease_owner *o, uint64_t mark, bool dirty);
/* The mirror has changed here. */
void lease_zone_changed(struct lease_zone *z, const struct zone_change *c);
/*
 * The mirror holds all that was done up to @mark: what is dirty is compared with
 * it. Markers without a lease get the longest; leases without a marker are dropped;
 * markers without a record, and all that a removed host held, end at once; what
 * is expired is hidden and what is not is shown. The first time for the whole zone.
 * leases_pass() is to follow: what a data base said may be over already.
 */
void lease_zone_synced(struct lease_zone *z, uint64_t mark, uint64_t now);
bool lease_zone_loaded(const struct lease_zone *z);

#endif
