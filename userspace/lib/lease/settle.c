// SPDX-License-Identifier: GPL-2.0-or-later
/* Bringing what we know of leases in line with the zone's mirror. */
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define MS	1000

void lease_owner_unsettle(struct lease_owner *o, uint64_t mark, bool dirty)
{
	struct lease_owner **first = &o->zone->unsettled;

	o->dirty |= dirty;
	if (o->unsettled <= mark)
		o->unsettled = mark + 1;
	if (o->u_prev)
		return;
	o->u_next = *first;
	o->u_prev = first;
	if (*first)
		(*first)->u_prev = &o->u_next;
	*first = o;
}

static void settled(struct lease_owner *o)
{
	*o->u_prev = o->u_next;
	if (o->u_next)
		o->u_next->u_prev = o->u_prev;
	o->u_prev = NULL;
	o->u_next = NULL;
	o->unsettled = 0;
	o->dirty = false;
	o->opaque = false;
	o->removed = false;
	lease_owner_put(o);
}

/* A marker came or went. Is that what we know already? */
static bool expected(const struct lease_owner *o, const struct zone_change *c)
{
	struct marker m;

	if (!marker_read(c->rr.rdata, c->rr.rdlen, &m))
		return true;
	return c->add == (o && lease_find(o, &m));
}

/* Another record came or went: does it matter to a lease? */
static bool matters(const struct lease_owner *o, const struct zone_change *c)
{
	uint8_t hash[MARKER_HASH];

	if (!o || !o->leases)
		return false;
	if (c->add)
		return o->n_expired;
	marker_record_hash(c->rr.type, c->rr.rdata, c->rr.rdlen, hash);
	return lease_of_record(o, c->rr.type, hash);
}

void lease_zone_changed(struct lease_zone *z, const struct zone_change *c)
{
	struct lease_owner *o;
	bool look, removed;

	/* The first time, all is looked at. */
	if (z->self || !z->loaded)
		return;
	removed = c->rr.type == DNS_ENROLLED && !c->add;
	o = lease_owner_find(z, c->owner);
	look = removed || (c->rr.type == DNS_LEASED ? !expected(o, c) : matters(o, c));
	if (!look)
		return;

	/* Without memory, it is found at the end of its lease, or by a restart. */
	o = lease_owner_get(z, c->owner);
	if (!o)
		return;
	o->removed |= removed;
	lease_owner_unsettle(o, 0, true);
}

/* --- one owner --------------------------------------------------------------- */

struct record {
	uint16_t type, rdlen;
	uint8_t hash[MARKER_HASH];
	const uint8_t *rdata;
	bool hidden;
};

static int compare(const void *pa, const void *pb)
{
	const struct record *a = pa, *b = pb;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return memcmp(a->hash, b->hash, MARKER_HASH);
}

static const struct record *find(const struct record *r, size_t n, const struct marker *m)
{
	struct record key = { .type = m->type };

	memcpy(key.hash, m->record, MARKER_HASH);
	return n ? bsearch(&key, r, n, sizeof(*r), compare) : NULL;
}

/* The records at @node that could be leased. False: no memory. */
static bool gather(const struct zone_node *node, struct record **out, size_t *n)
{
	struct record *r = NULL, *more;
	size_t pos = 0, room = 0;
	struct zone_rr rr;

	*n = 0;
	while (node && zone_node_next(node, &pos, &rr)) {
		if (rr.type == DNS_LEASED || rr.type == DNS_ENROLLED)
			continue;
		if (*n == room) {
			room = room ? 2 * room : 8;
			more = realloc(r, room * sizeof(*r));
			if (!more) {
				free(r);
				return false;
			}
			r = more;
		}
		r[*n] = (struct record){
			.type = rr.type, .rdlen = rr.rdlen, .rdata = rr.rdata,
			.hidden = rr.hidden,
		};
		marker_record_hash(rr.type, rr.rdata, rr.rdlen, r[*n].hash);
		(*n)++;
	}
	if (*n)
		qsort(r, *n, sizeof(*r), compare);
	*out = r;
	return true;
}

/* A marker stands in the mirror. */
static void marked(struct lease_owner *o, const struct marker *m, const struct record *r,
		   uint64_t now)
{
	struct lease *lease = lease_find(o, m);
	struct leases *l = o->zone->all;
	uint32_t longest = leases_longest(l, m->type);
	bool known = lease;

	lease = lease_get(o, m, r ? r->rdata : NULL, r ? r->rdlen : 0);
	if (!lease)
		return;
	lease->seen = true;
	if (!known) {
		lease_load(lease, now, (int64_t)longest * MS, longest);
		lease_confirm(lease);
		l->ops->store(l->arg, lease);
	} else if (!lease->confirmed) {
		lease_confirm(lease);
	}
	/* Left over from a record that is gone. */
	if (!r && !lease->pending)
		lease_end(lease, now);
}

/* What is hidden and ought not to be, or the other way round. @r->rdata is not valid
 * any more after the first.
 */
static void correct(struct lease_owner *o, const struct record *r, size_t n)
{
	struct marker m;
	size_t i;

	for (i = 0; i < n; i++) {
		struct lease *lease = lease_of_record(o, r[i].type, r[i].hash);
		bool live = false, over = false;

		memcpy(m.record, r[i].hash, MARKER_HASH);
		m.type = r[i].type;
		for (; lease; lease = lease_of_record_next(lease)) {
			live |= lease->confirmed && !lease->expired;
			over |= lease->expired;
		}
		if (r[i].hidden == (over && !live))
			continue;
		if (over || live)
			lease_visible(o, &m);
		else
			lease_unhide(o, &m);
	}
}

static void drop_unmarked(struct lease_owner *o)
{
	struct lease *lease, *next;

	for (lease = o->leases; lease; lease = next) {
		next = lease->next;
		if (!lease->seen && !lease->pending)
			lease_drop(lease);
		else
			lease->seen = false;
	}
}

/* False: no memory, to be done again. */
static bool settle(struct lease_owner *o, uint64_t now)
{
	const struct zone_node *node = zone_find(o->zone->mirror, o->name);
	struct record *r;
	struct zone_rr rr;
	struct marker m;
	size_t n, pos = 0;

	if (!gather(node, &r, &n))
		return false;
	while (node && zone_node_next(node, &pos, &rr)) {
		if (rr.type == DNS_LEASED && marker_read(rr.rdata, rr.rdlen, &m))
			marked(o, &m, find(r, n, &m), now);
	}
	free(r);
	/* Each one that goes may hide or show what it held. */
	drop_unmarked(o);
	if (!gather(zone_find(o->zone->mirror, o->name), &r, &n))
		return false;
	correct(o, r, n);
	free(r);
	return true;
}

static bool has_type(const struct zone_node *node, uint16_t type)
{
	struct zone_rr rr;
	size_t pos = 0;

	while (node && zone_node_next(node, &pos, &rr)) {
		if (rr.type == type)
			return true;
	}
	return false;
}

void lease_end_all(struct lease_zone *z, const uint8_t *key_name, uint64_t now)
{
	uint8_t holder[MARKER_HASH];
	struct lease *lease;

	marker_holder_hash(key_name, holder);
	for (lease = z->leases; lease; lease = lease->z_next) {
		if (!memcmp(lease->marker.holder, holder, MARKER_HASH))
			lease_end(lease, now);
	}
}

/* --- the whole zone ---------------------------------------------------------- */

/* Every name that has a marker now, or had one for all we know. */
static void look_at_all(struct lease_zone *z)
{
	const struct zone_node *node;
	struct lease_owner *o;
	struct lease *lease;
	size_t at = 0;

	for (lease = z->leases; lease; lease = lease->z_next)
		lease_owner_unsettle(lease->at, 0, true);
	while ((node = zone_next(z->mirror, &at))) {
		if (!has_type(node, DNS_LEASED))
			continue;
		o = lease_owner_get(z, zone_node_name(node));
		if (o)
			lease_owner_unsettle(o, 0, true);
	}
}

void lease_zone_synced(struct lease_zone *z, uint64_t mark, uint64_t now)
{
	struct lease_owner *o, *next;

	if (!z->loaded) {
		z->loaded = true;
		look_at_all(z);
	}
	for (o = z->unsettled; o; o = next) {
		next = o->u_next;
		if (o->unsettled > mark + 1)
			continue;
		/* What was made static may still be hidden. Without memory: next time. */
		if ((o->dirty || o->opaque) && !settle(o, now))
			continue;
		if (o->removed && !has_type(zone_find(z->mirror, o->name), DNS_ENROLLED))
			lease_end_all(z, o->name, now);
		settled(o);
	}
}
