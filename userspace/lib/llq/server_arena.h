/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for a million small things: items of any size up to SUBS_ITEM_MAX, named
 * by 32-bit references, without a header each. Items of a size share chunks, and
 * what is freed is used again for that size. Chunks are kept until the end.
 */
#ifndef BTMM_LLQ_SERVER_ARENA_H
#define BTMM_LLQ_SERVER_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define SUBS_UNIT		8	/* octets; what references count */
#define SUBS_CHUNK_UNITS	8192
#define SUBS_ITEM_MAX		640	/* octets */
#define SUBS_SIZES		(SUBS_ITEM_MAX / SUBS_UNIT + 1)

struct subs_arena {
	uint64_t **chunks;
	uint32_t n_chunks, room;
	uint32_t free[SUBS_SIZES];	/* lists, by size in units */
	uint32_t fresh[SUBS_SIZES];	/* the next item never used, */
	uint32_t end[SUBS_SIZES];	/* and the end of its chunk */
	/* Of hashes over what others may choose. */
	uint8_t key[16];
};

/* Zeroed; 0: no memory. */
uint32_t subs_arena_new(struct subs_arena *a, size_t size);
/* @size: as it was made. 0 is ignored. */
void subs_arena_free(struct subs_arena *a, uint32_t ref, size_t size);
void subs_arena_fini(struct subs_arena *a);
size_t subs_arena_octets(const struct subs_arena *a);

static inline void *subs_arena_at(const struct subs_arena *a, uint32_t ref)
{
	return a->chunks[ref / SUBS_CHUNK_UNITS] + ref % SUBS_CHUNK_UNITS;
}

#endif
