/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deadlines of items of an arena: a binary heap of references. Times are the low
 * 32 bits of milliseconds, so all that is in a heap has to lie within 24 days.
 */
#ifndef BTMM_LLQ_SERVER_HEAP_H
#define BTMM_LLQ_SERVER_HEAP_H

#include <stdbool.h>

#include "server_arena.h"

/* Within an item, at the heap's offset. */
struct subs_timer {
	uint32_t pos;		/* in the heap, from 1; 0: not in it */
	uint32_t due;
};

struct subs_heap {
	struct subs_arena *arena;
	uint32_t *v, n, room;
	size_t offset;		/* of the timer in its items */
};

void subs_heap_init(struct subs_heap *h, struct subs_arena *a, size_t offset);
void subs_heap_fini(struct subs_heap *h);
/* Puts it in, or elsewhere. 0 or -ENOMEM (not when it is in already). */
int subs_heap_set(struct subs_heap *h, uint32_t ref, uint32_t due);
void subs_heap_clear(struct subs_heap *h, uint32_t ref);
/* The earliest; 0: none. */
static inline uint32_t subs_heap_first(const struct subs_heap *h)
{
	return h->n ? h->v[0] : 0;
}
/* The earliest, if it is due. */
uint32_t subs_heap_due(const struct subs_heap *h, uint64_t now);
/* When, as a whole time; UINT64_MAX: never. */
uint64_t subs_heap_deadline(const struct subs_heap *h, uint64_t now);

#endif
