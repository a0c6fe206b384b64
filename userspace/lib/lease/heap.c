// SPDX-License-Identifier: GPL-2.0-or-later
/* A binary heap of the leases that run, the next to end on top. */
#include <stdlib.h>

#include "table.h"

bool lease_heap_reserve(struct leases *l, size_t n)
{
	size_t room = l->heap_room ? 2 * l->heap_room : 64;
	struct lease **heap;

	if (n <= l->heap_room)
		return true;
	heap = realloc(l->heap, room * sizeof(struct lease *));
	if (!heap)
		return false;
	l->heap = heap;
	l->heap_room = room;
	return true;
}

static void place(struct leases *l, size_t i, struct lease *lease)
{
	l->heap[i] = lease;
	lease->heap = (uint32_t)(i + 1);
}

static void up(struct leases *l, size_t i, struct lease *lease)
{
	while (i) {
		size_t parent = (i - 1) / 2;

		if (l->heap[parent]->due <= lease->due)
			break;
		place(l, i, l->heap[parent]);
		i = parent;
	}
	place(l, i, lease);
}

static void down(struct leases *l, size_t i, struct lease *lease)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= l->n_heap)
			break;
		if (child + 1 < l->n_heap && l->heap[child + 1]->due < l->heap[child]->due)
			child++;
		if (lease->due <= l->heap[child]->due)
			break;
		place(l, i, l->heap[child]);
		i = child;
	}
	place(l, i, lease);
}

void lease_heap_put(struct lease *lease)
{
	struct leases *l = lease->at->zone->all;

	if (!lease->heap)
		place(l, l->n_heap++, lease);
	up(l, lease->heap - 1, lease);
	down(l, lease->heap - 1, lease);
}

void lease_heap_remove(struct lease *lease)
{
	struct leases *l = lease->at->zone->all;
	size_t i = lease->heap;
	struct lease *last;

	if (!i--)
		return;
	lease->heap = 0;
	last = l->heap[--l->n_heap];
	if (last == lease)
		return;
	place(l, i, last);
	up(l, last->heap - 1, last);
	down(l, last->heap - 1, last);
}
