/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hash tables of items of an arena, chained through the reference that each item
 * begins with. Linear hashing (Litwin): grows by a bucket at a time, so that no
 * insertion takes longer with a million items than with ten.
 */
#ifndef BTMM_LLQ_SERVER_TABLE_H
#define BTMM_LLQ_SERVER_TABLE_H

#include "server_arena.h"

struct subs_table {
	struct subs_arena *arena;
	/* of an item in the table */
	uint64_t (*hash)(const struct subs_arena *a, const void *item);
	uint32_t **segments;
	uint32_t n_segments, room;
	uint32_t n_buckets, n;
};

/* 0 or -ENOMEM. */
int subs_table_init(struct subs_table *t, struct subs_arena *a,
		    uint64_t (*hash)(const struct subs_arena *a, const void *item));
void subs_table_fini(struct subs_table *t);	/* not the items */
size_t subs_table_octets(const struct subs_table *t);

/* The first item that may have @hash; subs_table_next() goes on. 0: none. */
uint32_t subs_table_first(const struct subs_table *t, uint64_t hash);
static inline uint32_t subs_table_next(const struct subs_table *t, uint32_t ref)
{
	return *(const uint32_t *)subs_arena_at(t->arena, ref);
}
void subs_table_add(struct subs_table *t, uint32_t ref);
void subs_table_del(struct subs_table *t, uint32_t ref);
/* The first item of bucket @i, which is less than n_buckets: to see all. */
uint32_t subs_table_bucket(const struct subs_table *t, uint32_t i);

#endif
