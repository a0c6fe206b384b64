/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of records of one name, and what changes in them. A change says of one
 * record whether it was there and whether it is there: so changes that follow each
 * other can be put together, turned round, and applied to a set. A set is changes
 * from nothing. Another case of the names in a record is no change, but what is told
 * has the case that it came with last.
 */
#ifndef BTMM_LLQ_SERVER_CHANGES_H
#define BTMM_LLQ_SERVER_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../zone/store.h"

struct subs_change {
	uint16_t type, rdlen;
	const uint8_t *rdata, *cased;	/* as in struct zone_rr */
	uint32_t ttl_before, ttl_after;
	bool before, after;
	/* To be told although it is as before (the BTMM rule). */
	bool repeat;
};

/* Made once, then only read and shared. */
struct subs_changes {
	uint32_t refs, n;
	bool repeat;		/* one of them */
	size_t len;
	uint8_t data[];		/* packed, sorted by type and RDATA */
};

/* RDATA for clients to see. */
static inline const uint8_t *subs_change_shown(const struct subs_change *c)
{
	return c->cased ? c->cased : c->rdata;
}

/* *pos starts at 0; false at the end. */
bool subs_changes_next(const struct subs_changes *c, size_t *pos, struct subs_change *out);
static inline struct subs_changes *subs_changes_ref(struct subs_changes *c)
{
	c->refs++;
	return c;
}
void subs_changes_unref(struct subs_changes *c);	/* NULL is ignored */

/* Changes in the order in which they happened; zero it at first. */
struct subs_collect {
	uint8_t *buf;
	size_t len, room;
	uint32_t n;
	bool failed;		/* no memory: sticks until the end */
};

void subs_collect(struct subs_collect *c, const struct subs_change *change);
/* A record that comes or goes. */
void subs_collect_rr(struct subs_collect *c, bool add, const struct zone_rr *rr);
/* All of @all from @pos on; @reverse: as if time ran backwards. */
void subs_collect_all(struct subs_collect *c, const struct subs_changes *all, size_t pos,
		      bool reverse);
/*
 * What is left of them when each record is told once: with n 0 when that is
 * nothing. NULL: no memory. The collection is empty then.
 */
struct subs_changes *subs_collect_end(struct subs_collect *c);

/*
 * The set of those that are there afterwards, to keep on disk; and back, as
 * removals. Those to be repeated are again when they turn out to be there. False:
 * malformed, or of another type than @type (what came before is collected).
 */
size_t subs_changes_pack(const struct subs_changes *c, uint8_t *out);	/* NULL: the size */
bool subs_collect_packed(struct subs_collect *c, uint16_t type, const uint8_t *packed,
			 size_t len);

#endif
