// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole content of a zone, exchanged for another. */
#include <errno.h>
#include <string.h>

#include "zone.h"

/* What is hidden in @from becomes hidden in @to, which nobody watches. */
static void copy_hidden(struct zone *to, const struct zone *from)
{
	const struct zone_node *n;
	size_t pos = 0;

	while ((n = table_next(&from->table, &pos))) {
		struct zone_node *other = NULL;
		struct zone_rr rr, found;
		size_t at = 0, there, end;

		while (zone_node_next(n, &at, &rr)) {
			if (!rr.hidden)
				continue;
			if (!other)
				other = table_find(&to->table, n->data);
			if (!other)
				break;
			if (!node_find(other, rr.type, rr.rdata, rr.rdlen, &there))
				continue;
			end = there;
			zone_node_next(other, &end, &found);
			if (!found.hidden)
				zone_set_hidden(to, other, there, found.ttl, true);
		}
	}
}

/* The next record that is not hidden; false at the end, as for no node at all. */
static bool next_visible(const struct zone_node *n, size_t *pos, struct zone_rr *rr)
{
	while (n && zone_node_next(n, pos, rr)) {
		if (!rr->hidden)
			return true;
	}
	return false;
}

/* Tells what of @a is not likewise in @b; both are sorted. */
static void tell_node(const struct zone *z, const struct zone_node *a,
		      const struct zone_node *b, bool add)
{
	struct zone_change c = { .add = add, .owner = a->data };
	struct zone_rr other;
	size_t pos_a = 0, pos_b = 0;
	bool more = next_visible(b, &pos_b, &other);

	while (next_visible(a, &pos_a, &c.rr)) {
		while (more && node_rr_cmp(&other, &c.rr) < 0)
			more = next_visible(b, &pos_b, &other);
		if (!more || node_rr_cmp(&other, &c.rr) || other.ttl != c.rr.ttl ||
		    !node_same_case(&other, &c.rr))
			z->fn(z->arg, z, &c);
	}
}

static void tell_all(const struct zone *z, const struct table *a, const struct table *b,
		     bool add)
{
	const struct zone_node *n;
	size_t pos = 0;

	while ((n = table_next(a, &pos)))
		tell_node(z, n, table_find(b, n->data), add);
}

int zone_replace(struct zone *z, struct zone *next)
{
	struct table old, empty;
	int ret;

	if (!next->soa.loaded || !dname_equal(z->apex, next->apex))
		return -EINVAL;
	ret = table_init(&empty);
	if (ret)
		return ret;

	copy_hidden(next, z);
	old = z->table;
	z->table = next->table;
	z->soa = next->soa;
	next->table = empty;
	memset(&next->soa, 0, sizeof(next->soa));

	if (z->fn) {
		tell_all(z, &old, &z->table, false);
		tell_all(z, &z->table, &old, true);
	}
	table_free(&old);
	return 0;
}

int zone_full_begin(struct zone *z)
{
	zone_full_abort(z);
	z->full = zone_new(z->apex);
	return z->full ? 0 : -ENOMEM;
}

int zone_full_end(struct zone *z)
{
	struct zone *full = z->full;
	int ret = -EINVAL;

	z->full = NULL;
	if (full)
		ret = zone_replace(z, full);
	zone_free(full);
	return ret;
}

void zone_full_abort(struct zone *z)
{
	zone_free(z->full);
	z->full = NULL;
}
