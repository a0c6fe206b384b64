// SPDX-License-Identifier: GPL-2.0-or-later
#include "server_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT	1024	/* buckets */

static uint32_t *bucket(const struct subs_table *t, uint32_t i)
{
	return &t->segments[i / SEGMENT][i % SEGMENT];
}

static uint32_t *chain(const struct subs_table *t, uint32_t ref)
{
	return subs_arena_at(t->arena, ref);
}

static uint32_t bucket_of(const struct subs_table *t, uint64_t hash)
{
	uint32_t low = UINT32_C(1) << (31 - __builtin_clz(t->n_buckets));
	uint64_t i = hash & (2 * (uint64_t)low - 1);

	/* Not there yet: what it will take is still where it is split from. */
	return (uint32_t)(i < t->n_buckets ? i : hash & (low - 1));
}

static int add_segment(struct subs_table *t)
{
	uint32_t **segments = t->segments;

	if (t->n_segments == t->room) {
		uint32_t room = t->room ? 2 * t->room : 1;

		segments = realloc(segments, room * sizeof(*segments));
		if (!segments)
			return -ENOMEM;
		t->segments = segments;
		t->room = room;
	}

	segments[t->n_segments] = calloc(SEGMENT, sizeof(**segments));
	if (!segments[t->n_segments])
		return -ENOMEM;
	t->n_segments++;
	return 0;
}

int subs_table_init(struct subs_table *t, struct subs_arena *a,
		    uint64_t (*hash)(const struct subs_arena *a, const void *item))
{
	memset(t, 0, sizeof(*t));
	t->arena = a;
	t->hash = hash;
	if (add_segment(t))
		return -ENOMEM;
	t->n_buckets = 16;
	return 0;
}

void subs_table_fini(struct subs_table *t)
{
	uint32_t i;

	for (i = 0; i < t->n_segments; i++)
		free(t->segments[i]);
	free(t->segments);
	memset(t, 0, sizeof(*t));
}

size_t subs_table_octets(const struct subs_table *t)
{
	return (size_t)t->n_segments * SEGMENT * sizeof(uint32_t) +
	       t->room * sizeof(*t->segments);
}

uint32_t subs_table_first(const struct subs_table *t, uint64_t hash)
{
	return *bucket(t, bucket_of(t, hash));
}

uint32_t subs_table_bucket(const struct subs_table *t, uint32_t i)
{
	return *bucket(t, i);
}

/* One bucket more, filled from the one that stood for it. */
static void grow(struct subs_table *t)
{
	uint32_t added = t->n_buckets, low, ref, next, *from;

	/* Without memory, chains become longer: no reason to fail. */
	if (added == UINT32_MAX ||
	    (added == t->n_segments * SEGMENT && add_segment(t)))
		return;

	low = UINT32_C(1) << (31 - __builtin_clz(added));
	from = bucket(t, added - low);
	ref = *from;
	*from = 0;
	t->n_buckets++;
	for (; ref; ref = next) {
		uint32_t *head = bucket(t, bucket_of(t, t->hash(t->arena, chain(t, ref))));

		next = *chain(t, ref);
		*chain(t, ref) = *head;
		*head = ref;
	}
}

void subs_table_add(struct subs_table *t, uint32_t ref)
{
	uint32_t *head;

	if (t->n >= t->n_buckets)
		grow(t);
	head = bucket(t, bucket_of(t, t->hash(t->arena, chain(t, ref))));
	*chain(t, ref) = *head;
	*head = ref;
	t->n++;
}

void subs_table_del(struct subs_table *t, uint32_t ref)
{
	uint32_t *link = bucket(t, bucket_of(t, t->hash(t->arena, chain(t, ref))));

	while (*link != ref)
		link = chain(t, *link);
	*link = *chain(t, ref);
	t->n--;
}
