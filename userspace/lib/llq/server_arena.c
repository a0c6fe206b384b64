// SPDX-License-Identifier: GPL-2.0-or-later
#include "server_arena.h"

#include <stdlib.h>
#include <string.h>

static uint32_t units_of(size_t size)
{
	return (uint32_t)((size + SUBS_UNIT - 1) / SUBS_UNIT);
}

static int add_chunk(struct subs_arena *a, uint32_t units)
{
	uint64_t **chunks = a->chunks;
	uint32_t start;

	if (a->n_chunks == UINT32_MAX / SUBS_CHUNK_UNITS)
		return -1;
	if (a->n_chunks == a->room) {
		uint32_t room = a->room ? 2 * a->room : 16;

		chunks = realloc(chunks, room * sizeof(*chunks));
		if (!chunks)
			return -1;
		a->chunks = chunks;
		a->room = room;
	}

	/* Not zeroed here: a page that is never used shall cost nothing. */
	chunks[a->n_chunks] = malloc(SUBS_CHUNK_UNITS * SUBS_UNIT);
	if (!chunks[a->n_chunks])
		return -1;

	start = a->n_chunks++ * SUBS_CHUNK_UNITS;
	a->end[units] = start + SUBS_CHUNK_UNITS;
	a->fresh[units] = start ? start : 1;	/* 0 is nobody's reference */
	return 0;
}

uint32_t subs_arena_new(struct subs_arena *a, size_t size)
{
	uint32_t units = units_of(size), ref;

	if (!units || units >= SUBS_SIZES)
		return 0;

	ref = a->free[units];
	if (ref) {
		memcpy(&a->free[units], subs_arena_at(a, ref), sizeof(ref));
	} else {
		if (a->end[units] - a->fresh[units] < units && add_chunk(a, units))
			return 0;
		ref = a->fresh[units];
		a->fresh[units] += units;
	}

	memset(subs_arena_at(a, ref), 0, (size_t)units * SUBS_UNIT);
	return ref;
}

void subs_arena_free(struct subs_arena *a, uint32_t ref, size_t size)
{
	uint32_t units = units_of(size);

	if (!ref)
		return;
	memcpy(subs_arena_at(a, ref), &a->free[units], sizeof(ref));
	a->free[units] = ref;
}

void subs_arena_fini(struct subs_arena *a)
{
	uint32_t i;

	for (i = 0; i < a->n_chunks; i++)
		free(a->chunks[i]);
	free(a->chunks);
	memset(a, 0, sizeof(*a));
}

size_t subs_arena_octets(const struct subs_arena *a)
{
	return (size_t)a->n_chunks * SUBS_CHUNK_UNITS * SUBS_UNIT +
	       a->room * sizeof(*a->chunks);
}
