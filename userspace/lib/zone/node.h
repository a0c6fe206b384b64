/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A name of the mirror and its records in one piece of memory, and the hash
 * table of such names. Private to lib/zone.
 *
 * A record is packed: type, length, TTL (whose highest bit, always 0 by
 * RFC 2181 8, says hidden, and the next one cased), RDATA; if cased, the RDATA as it
 * came. Records are sorted by type, length and RDATA: so RRsets are in one piece,
 * and two names can be compared in one go.
 */
#ifndef BTMM_ZONE_NODE_H
#define BTMM_ZONE_NODE_H

#include "store.h"

#define NODE_RR_FIXED	8
#define NODE_TTL_MAX	0x3fffffffu

struct zone_node {
	struct zone_node *next;	/* in the same bucket */
	uint32_t children;	/* names right below it */
	uint32_t shown;		/* those of them that exist for who asks */
	uint32_t rrs_len;	/* octets of its records */
	uint8_t name_len;
	uint8_t data[];		/* name, records */
};

/* With room for @room octets of records; NULL when there is no memory. */
struct zone_node *node_new(const uint8_t *name, size_t room);
/* What the allocator spends on something it has given. */
size_t node_cost(const void *allocated);
/* A record that is served: neither hidden nor of a type of our own. */
bool node_has_served(const struct zone_node *n);

/* Where a record is, or (false) where it would have to be. */
bool node_find(const struct zone_node *n, uint16_t type, const uint8_t *rdata,
	       uint16_t rdlen, size_t *pos);
/* <0, 0, >0 in the order of records; TTL, case and hidden do not count. */
int node_rr_cmp(const struct zone_rr *a, const struct zone_rr *b);
/* Of two that are equal by that: are names in the same case? */
bool node_same_case(const struct zone_rr *a, const struct zone_rr *b);
/* Octets of the packed record. */
size_t node_rr_len(const struct zone_rr *rr);
/* Changes the TTL and hidden of the record at @pos. */
void node_set(struct zone_node *n, size_t pos, uint32_t ttl, bool hidden);
/* Puts a record at @pos. May move the node, and so updates @link; on -ENOMEM
 * and on -ENOSPC (4 GiB of records), nothing has changed.
 */
int node_insert(struct zone_node **link, size_t pos, const struct zone_rr *rr);
/* Takes the record at @pos out, likewise; always works. */
void node_take(struct zone_node **link, size_t pos);

/* Linear hashing (Litwin): grows and shrinks by a bucket at a time, so that no
 * single change costs more with a million names than with ten.
 */
struct table {
	struct zone_node ***segments;
	size_t n_segments, room;	/* in @segments */
	size_t n_buckets, n;
	size_t octets;			/* all in, nodes too */
};

int table_init(struct table *t);
void table_free(struct table *t);	/* and all nodes */
/* The link that points to the node, or NULL. Valid until the next change. */
struct zone_node **table_link(const struct table *t, const uint8_t *name);
struct zone_node *table_find(const struct table *t, const uint8_t *name);
struct zone_node *table_next(const struct table *t, size_t *pos);
void table_insert(struct table *t, struct zone_node *n);
/* Takes out and frees. */
void table_delete(struct table *t, struct zone_node **link);

#endif
