// SPDX-License-Identifier: GPL-2.0-or-later
#include "server_heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct subs_timer *timer(const struct subs_heap *h, uint32_t ref)
{
	return (struct subs_timer *)((uint8_t *)subs_arena_at(h->arena, ref) + h->offset);
}

static bool earlier(const struct subs_heap *h, uint32_t a, uint32_t b)
{
	return (int32_t)(timer(h, a)->due - timer(h, b)->due) < 0;
}

static void put(struct subs_heap *h, uint32_t i, uint32_t ref)
{
	h->v[i] = ref;
	timer(h, ref)->pos = i + 1;
}

static void up(struct subs_heap *h, uint32_t i)
{
	uint32_t ref = h->v[i];

	while (i && earlier(h, ref, h->v[(i - 1) / 2])) {
		put(h, i, h->v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(h, i, ref);
}

static void down(struct subs_heap *h, uint32_t i)
{
	uint32_t ref = h->v[i];

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && earlier(h, h->v[child + 1], h->v[child]))
			child++;
		if (!earlier(h, h->v[child], ref))
			break;
		put(h, i, h->v[child]);
		i = child;
	}
	put(h, i, ref);
}

void subs_heap_init(struct subs_heap *h, struct subs_arena *a, size_t offset)
{
	*h = (struct subs_heap){ .arena = a, .offset = offset };
}

void subs_heap_fini(struct subs_heap *h)
{
	free(h->v);
	memset(h, 0, sizeof(*h));
}

int subs_heap_set(struct subs_heap *h, uint32_t ref, uint32_t due)
{
	struct subs_timer *t = timer(h, ref);

	if (!t->pos && h->n == h->room) {
		uint32_t room = h->room ? 2 * h->room : 64;
		uint32_t *v = realloc(h->v, room * sizeof(*v));

		if (!v)
			return -ENOMEM;
		h->v = v;
		h->room = room;
	}

	t->due = due;
	if (!t->pos)
		put(h, h->n++, ref);
	up(h, t->pos - 1);
	down(h, t->pos - 1);
	return 0;
}

void subs_heap_clear(struct subs_heap *h, uint32_t ref)
{
	struct subs_timer *t = timer(h, ref);
	uint32_t i = t->pos - 1, last;

	if (!t->pos)
		return;
	t->pos = 0;
	last = h->v[--h->n];
	if (last == ref)
		return;
	put(h, i, last);
	up(h, i);
	down(h, timer(h, last)->pos - 1);
}

uint32_t subs_heap_due(const struct subs_heap *h, uint64_t now)
{
	uint32_t ref = subs_heap_first(h);

	if (!ref || (int32_t)(timer(h, ref)->due - (uint32_t)now) > 0)
		return 0;
	return ref;
}

uint64_t subs_heap_deadline(const struct subs_heap *h, uint64_t now)
{
	uint32_t ref = subs_heap_first(h);

	if (!ref)
		return UINT64_MAX;
	return now + (uint64_t)(int64_t)(int32_t)(timer(h, ref)->due - (uint32_t)now);
}
