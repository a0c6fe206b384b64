// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"

#define SEGMENT		64	/* buckets */
#define CHAIN_BITS	16	/* of a position: which of a bucket's nodes */

static struct zone_node **bucket(const struct table *t, size_t i)
{
	return &t->segments[i / SEGMENT][i % SEGMENT];
}

/* The highest power of two that is not above @n; @n > 0. */
static size_t power_of_two(size_t n)
{
	return (size_t)1 << (8 * sizeof(long) - 1 - (size_t)__builtin_clzl(n));
}

static struct zone_node **bucket_of(const struct table *t, const uint8_t *name)
{
	size_t low = power_of_two(t->n_buckets);
	uint64_t hash = dname_hash(name);
	size_t i = hash & (2 * low - 1);

	/* Not there yet: what it will take is still where it is split from. */
	if (i >= t->n_buckets)
		i = hash & (low - 1);
	return bucket(t, i);
}

static bool add_segment(struct table *t)
{
	struct zone_node ***segments = t->segments;

	if (t->n_segments == t->room) {
		size_t room = t->room ? 2 * t->room : 1;

		segments = realloc(segments, room * sizeof(*segments));
		if (!segments)
			return false;
		if (t->segments)
			t->octets -= t->room * sizeof(*segments);
		t->octets += room * sizeof(*segments);
		t->segments = segments;
		t->room = room;
	}

	segments[t->n_segments] = calloc(SEGMENT, sizeof(**segments));
	if (!segments[t->n_segments])
		return false;
	t->octets += node_cost(segments[t->n_segments++]);
	return true;
}

int table_init(struct table *t)
{
	memset(t, 0, sizeof(*t));
	if (!add_segment(t)) {
		free(t->segments);
		return -ENOMEM;
	}
	t->n_buckets = SEGMENT;
	return 0;
}

void table_free(struct table *t)
{
	struct zone_node *n, *next;
	size_t i;

	for (i = 0; i < t->n_buckets; i++) {
		for (n = *bucket(t, i); n; n = next) {
			next = n->next;
			free(n);
		}
	}
	for (i = 0; i < t->n_segments; i++)
		free(t->segments[i]);
	free(t->segments);
	memset(t, 0, sizeof(*t));
}

struct zone_node **table_link(const struct table *t, const uint8_t *name)
{
	struct zone_node **link = bucket_of(t, name);
	size_t len = dname_len(name);

	while (*link && ((*link)->name_len != len || !dname_equal((*link)->data, name)))
		link = &(*link)->next;
	return *link ? link : NULL;
}

struct zone_node *table_find(const struct table *t, const uint8_t *name)
{
	struct zone_node **link = table_link(t, name);

	return link ? *link : NULL;
}

struct zone_node *table_next(const struct table *t, size_t *pos)
{
	size_t i = *pos >> CHAIN_BITS, skip = *pos & ((1 << CHAIN_BITS) - 1);

	for (; i < t->n_buckets; i++, skip = 0) {
		struct zone_node *n = *bucket(t, i);
		size_t left = skip;

		while (n && left--)
			n = n->next;
		if (n) {
			*pos = (i << CHAIN_BITS) + skip + 1;
			return n;
		}
	}
	*pos = i << CHAIN_BITS;
	return NULL;
}

/* One bucket more: some nodes of the one it mirrors move there. */
static void grow(struct table *t)
{
	size_t new = t->n_buckets;
	struct zone_node *n, *next;

	/* No memory: the chains become longer, that is all. */
	if (new == t->n_segments * SEGMENT && !add_segment(t))
		return;

	n = *bucket(t, new - power_of_two(new));
	*bucket(t, new - power_of_two(new)) = NULL;
	t->n_buckets++;
	for (; n; n = next) {
		struct zone_node **head = bucket_of(t, n->data);

		next = n->next;
		n->next = *head;
		*head = n;
	}
}

static void shrink(struct table *t)
{
	size_t last = t->n_buckets - 1;
	struct zone_node **link = bucket(t, last - power_of_two(last));

	while (*link)
		link = &(*link)->next;
	*link = *bucket(t, last);
	*bucket(t, last) = NULL;
	t->n_buckets = last;

	if (last == (t->n_segments - 1) * SEGMENT) {
		struct zone_node **segment = t->segments[--t->n_segments];

		t->octets -= node_cost(segment);
		free(segment);
	}
}

void table_insert(struct table *t, struct zone_node *n)
{
	struct zone_node **head;

	if (++t->n > t->n_buckets)
		grow(t);
	head = bucket_of(t, n->data);
	n->next = *head;
	*head = n;
	t->octets += node_cost(n);
}

void table_delete(struct table *t, struct zone_node **link)
{
	struct zone_node *n = *link;
	int i;

	*link = n->next;
	t->octets -= node_cost(n);
	free(n);
	t->n--;
	/* Well below where it grows, lest it goes to and fro; hence by two. */
	for (i = 0; i < 2 && t->n < t->n_buckets / 2 && t->n_buckets > SEGMENT; i++)
		shrink(t);
}
