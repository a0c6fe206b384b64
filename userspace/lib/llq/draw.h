/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers that nobody can guess, from a seed that the caller of an engine drew:
 * message IDs and delays. Who gives the same seed gets the same numbers.
 */
#ifndef BTMM_LLQ_DRAW_H
#define BTMM_LLQ_DRAW_H

#include "../dns/siphash.h"

#define DRAW_SEED	16	/* octets */

struct draw {
	uint8_t seed[DRAW_SEED];
	uint64_t n;
};

static inline uint64_t draw(struct draw *d)
{
	uint64_t n = d->n++;
	uint8_t count[8];
	unsigned int i;

	for (i = 0; i < sizeof(count); i++)
		count[i] = (uint8_t)(n >> 8 * i);
	return siphash24(d->seed, count, sizeof(count));
}

/* 0 to @n - 1; @n far below 2^64, so that no value is likelier than another. */
static inline uint64_t draw_below(struct draw *d, uint64_t n)
{
	return n ? draw(d) % n : 0;
}

/* A message ID, not 0. */
static inline uint16_t draw_id(struct draw *d)
{
	return (uint16_t)(1 + draw_below(d, 0xffff));
}

#endif
