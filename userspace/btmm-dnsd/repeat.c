// SPDX-License-Identifier: GPL-2.0-or-later
/* A ring in order of arrival, and a hash table of places in it. */
#include "repeat.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MIN	64	/* a power of two */

struct repeats {
	struct repeat *ring;		/* of row n, at n mod size */
	uint32_t *buckets;		/* 1 + place in the ring; 0: none */
	size_t size, max;
	size_t n_used;
	uint64_t first, next;		/* rows [first, next) are in the ring */
	uint64_t floor;
};

struct repeats *repeats_new(size_t max)
{
	struct repeats *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->max = max;
	r->size = SIZE_MIN;
	r->first = 1;
	r->next = 1;
	r->ring = calloc(r->size, sizeof(*r->ring));
	r->buckets = calloc(r->size, sizeof(*r->buckets));
	if (!r->ring || !r->buckets) {
		repeats_free(r);
		return NULL;
	}
	return r;
}

void repeats_free(struct repeats *r)
{
	if (!r)
		return;
	free(r->ring);
	free(r->buckets);
	free(r);
}

size_t repeats_count(const struct repeats *r)
{
	return r->n_used;
}

uint64_t repeats_end(const struct repeats *r)
{
	return r->next;
}

uint64_t repeats_floor(const struct repeats *r)
{
	return r->floor;
}

static struct repeat *at(const struct repeats *r, uint64_t row)
{
	return &r->ring[row & (r->size - 1)];
}

/* A MAC is as good as random to who does not have the key, and who has may only
 * make his own look-ups slow.
 */
static uint32_t *bucket(const struct repeats *r, const struct repeat_id *id)
{
	uint64_t h;

	memcpy(&h, id->mac, sizeof(h));
	return &r->buckets[(h ^ id->key) & (r->size - 1)];
}

static void link_in(struct repeats *r, struct repeat *e)
{
	uint32_t *b = bucket(r, &e->id);

	e->chain = *b;
	*b = (uint32_t)(e - r->ring) + 1;
}

static void take_out(struct repeats *r, struct repeat *e)
{
	uint32_t *p = bucket(r, &e->id);

	while (*p && &r->ring[*p - 1] != e)
		p = &r->ring[*p - 1].chain;
	if (*p)
		*p = e->chain;
	e->used = false;
	r->n_used--;
}

struct repeat *repeats_find(struct repeats *r, const struct repeat_id *id)
{
	uint32_t i = *bucket(r, id);

	while (i) {
		struct repeat *e = &r->ring[i - 1];

		if (e->id.key == id->key && !memcmp(e->id.mac, id->mac, REPEAT_MAC))
			return e;
		i = e->chain;
	}
	return NULL;
}

struct repeat *repeats_get(struct repeats *r, uint64_t row)
{
	if (row < r->first || row >= r->next || !at(r, row)->used)
		return NULL;
	return at(r, row);
}

static bool grow(struct repeats *r)
{
	struct repeats more = *r;
	uint64_t row;

	more.size = 2 * r->size;
	more.ring = calloc(more.size, sizeof(*more.ring));
	more.buckets = calloc(more.size, sizeof(*more.buckets));
	if (!more.ring || !more.buckets) {
		free(more.ring);
		free(more.buckets);
		return false;
	}
	for (row = r->first; row < r->next; row++) {
		*at(&more, row) = *at(r, row);
		if (at(&more, row)->used)
			link_in(&more, at(&more, row));
	}
	free(r->ring);
	free(r->buckets);
	*r = more;
	return true;
}

static void forget_first(struct repeats *r)
{
	struct repeat *e = at(r, r->first);

	if (e->used)
		take_out(r, e);
	r->first++;
}

static struct repeat *append(struct repeats *r, const struct repeat *from)
{
	struct repeat *e;

	while (r->next - r->first >= r->max) {
		e = at(r, r->first);
		if (e->used && e->time_signed > r->floor)
			r->floor = e->time_signed;
		forget_first(r);
	}
	if (r->next - r->first == r->size && !grow(r))
		return NULL;

	e = at(r, r->next);
	*e = *from;
	e->row = r->next++;
	e->used = true;
	r->n_used++;
	link_in(r, e);
	return e;
}

struct repeat *repeats_add(struct repeats *r, const struct repeat_id *id, uint64_t time_signed,
			   uint64_t now)
{
	const struct repeat e = {
		.id = *id, .time_signed = time_signed, .at = now, .pending = true,
	};

	return append(r, &e);
}

struct repeat *repeats_load(struct repeats *r, const struct repeat *from)
{
	/* Rows that are not there any more take no place if they come first. */
	if (r->first == r->next && from->row > r->next) {
		r->first = from->row;
		r->next = from->row;
	}
	if (from->row < r->next || from->row - r->next > r->max)
		return NULL;
	while (r->next < from->row) {
		if (r->next - r->first == r->size && !grow(r))
			return NULL;
		memset(at(r, r->next++), 0, sizeof(struct repeat));
	}
	return append(r, from);
}

void repeats_remove(struct repeats *r, uint64_t row)
{
	struct repeat *e = repeats_get(r, row);

	if (e)
		take_out(r, e);
}

uint64_t repeats_pass(struct repeats *r, uint64_t now)
{
	while (r->first < r->next) {
		const struct repeat *e = at(r, r->first);

		if (e->used && e->at + REPEAT_TIME * 1000 > now)
			break;
		forget_first(r);
	}
	return r->first - 1;
}
