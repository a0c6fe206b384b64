// SPDX-License-Identifier: GPL-2.0-or-later
/* Zones, owners and leases, and how they are found. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN	64

struct leases *leases_new(const struct lease_ops *ops, void *arg,
			  const struct lease_terms *terms)
{
	struct leases *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->ops = ops;
	l->arg = arg;
	l->terms = *terms;
	l->owners = calloc(BUCKETS_MIN, sizeof(struct lease_owner *));
	l->records = calloc(BUCKETS_MIN, sizeof(struct lease *));
	if (!l->owners || !l->records) {
		leases_free(l);
		return NULL;
	}
	l->owners_size = BUCKETS_MIN;
	l->records_size = BUCKETS_MIN;
	return l;
}

void leases_set_terms(struct leases *l, const struct lease_terms *terms)
{
	l->terms = *terms;
}

void leases_free(struct leases *l)
{
	if (!l)
		return;
	while (l->zones)
		lease_zone_remove(l->zones);
	free(l->owners);
	free(l->records);
	free(l->heap);
	free(l);
}

size_t leases_count(const struct leases *l)
{
	return l->n_leases;
}

uint32_t leases_clamp(const struct leases *l, uint32_t asked, bool key)
{
	uint32_t max = key ? l->terms.key_max : l->terms.max;

	if (asked < l->terms.min)
		return l->terms.min;
	return asked > max ? max : asked;
}

uint32_t leases_longest(const struct leases *l, uint16_t type)
{
	return type == DNS_KEY ? l->terms.key_max : l->terms.max;
}

/* --- owners ------------------------------------------------------------------ */

static size_t owner_bucket(const struct lease_zone *z, const uint8_t *name)
{
	uint64_t h = dname_hash(name) ^ (uintptr_t)z * UINT64_C(0x9e3779b97f4a7c15);

	return (h ^ h >> 32) & (z->all->owners_size - 1);
}

struct lease_owner *lease_owner_find(const struct lease_zone *z, const uint8_t *name)
{
	struct lease_owner *o = z->all->owners[owner_bucket(z, name)];

	while (o && (o->zone != z || !dname_equal(o->name, name)))
		o = o->chain;
	return o;
}

/* Longer chains, if there is no memory for more. */
static void owners_grow(struct leases *l)
{
	size_t i, old = l->owners_size;
	struct lease_owner **more, **from = l->owners, *o, *next;

	if (l->n_owners < old)
		return;
	more = calloc(2 * old, sizeof(struct lease_owner *));
	if (!more)
		return;

	l->owners = more;
	l->owners_size = 2 * old;
	for (i = 0; i < old; i++) {
		for (o = from[i]; o; o = next) {
			struct lease_owner **b = &more[owner_bucket(o->zone, o->name)];

			next = o->chain;
			o->chain = *b;
			*b = o;
		}
	}
	free(from);
}

struct lease_owner *lease_owner_get(struct lease_zone *z, const uint8_t *name)
{
	struct lease_owner *o = lease_owner_find(z, name), **b;
	size_t len = dname_len(name);

	if (o)
		return o;
	o = calloc(1, sizeof(*o) + len);
	if (!o)
		return NULL;
	o->zone = z;
	memcpy(o->name, name, len);

	owners_grow(z->all);
	b = &z->all->owners[owner_bucket(z, name)];
	o->chain = *b;
	*b = o;
	z->all->n_owners++;
	return o;
}

void lease_owner_put(struct lease_owner *o)
{
	struct leases *l = o->zone->all;
	struct lease_owner **p;

	if (o->leases || o->first || o->unsettled)
		return;
	p = &l->owners[owner_bucket(o->zone, o->name)];
	while (*p != o)
		p = &(*p)->chain;
	*p = o->chain;
	l->n_owners--;
	free(o);
}

void lease_owner_due(struct lease_owner *o)
{
	struct lease_owner **first = &o->zone->due;

	if (!o->n_expired == !o->d_prev)
		return;
	if (o->n_expired) {
		o->d_next = *first;
		o->d_prev = first;
		if (*first)
			(*first)->d_prev = &o->d_next;
		*first = o;
		return;
	}
	*o->d_prev = o->d_next;
	if (o->d_next)
		o->d_next->d_prev = o->d_prev;
	o->d_prev = NULL;
	o->d_next = NULL;
	o->alone = false;
}

/* --- leases ------------------------------------------------------------------ */

static size_t record_bucket(const struct leases *l, const struct lease_owner *o,
			    const uint8_t record[MARKER_HASH])
{
	uint64_t h;

	memcpy(&h, record, sizeof(h));
	h ^= (uintptr_t)o * UINT64_C(0x9e3779b97f4a7c15);
	return (h ^ h >> 32) & (l->records_size - 1);
}

static bool is_of_record(const struct lease *lease, const struct lease_owner *o,
			 uint16_t type, const uint8_t record[MARKER_HASH])
{
	return lease->at == o && lease->marker.type == type &&
	       !memcmp(lease->marker.record, record, MARKER_HASH);
}

struct lease *lease_of_record(const struct lease_owner *o, uint16_t type,
			      const uint8_t record[MARKER_HASH])
{
	const struct leases *l = o->zone->all;
	struct lease *lease = l->records[record_bucket(l, o, record)];

	while (lease && !is_of_record(lease, o, type, record))
		lease = lease->chain;
	return lease;
}

struct lease *lease_of_record_next(const struct lease *lease)
{
	const struct marker *m = &lease->marker;
	struct lease *next = lease->chain;

	while (next && !is_of_record(next, lease->at, m->type, m->record))
		next = next->chain;
	return next;
}

struct lease *lease_find(const struct lease_owner *o, const struct marker *m)
{
	struct lease *lease = lease_of_record(o, m->type, m->record);

	while (lease && memcmp(lease->marker.holder, m->holder, MARKER_HASH))
		lease = lease_of_record_next(lease);
	return lease;
}

static void records_grow(struct leases *l)
{
	size_t i, old = l->records_size;
	struct lease **more, **from = l->records, *lease, *next;

	if (l->n_leases < old)
		return;
	more = calloc(2 * old, sizeof(struct lease *));
	if (!more)
		return;

	l->records = more;
	l->records_size = 2 * old;
	for (i = 0; i < old; i++) {
		for (lease = from[i]; lease; lease = next) {
			size_t b = record_bucket(l, lease->at, lease->marker.record);

			next = lease->chain;
			lease->chain = more[b];
			more[b] = lease;
		}
	}
	free(from);
}

static void link_lease(struct lease *lease, struct lease_owner *o)
{
	struct lease_zone *z = o->zone;
	struct leases *l = z->all;
	size_t b = record_bucket(l, o, lease->marker.record);

	lease->chain = l->records[b];
	l->records[b] = lease;

	lease->at = o;
	lease->next = o->leases;
	lease->prev = &o->leases;
	if (o->leases)
		o->leases->prev = &lease->next;
	o->leases = lease;

	lease->z_next = z->leases;
	lease->z_prev = &z->leases;
	if (z->leases)
		z->leases->z_prev = &lease->z_next;
	z->leases = lease;

	z->n_leases++;
	l->n_leases++;
}

static void unlink_lease(struct lease *lease)
{
	struct lease_zone *z = lease->at->zone;
	struct leases *l = z->all;
	struct lease **p = &l->records[record_bucket(l, lease->at, lease->marker.record)];

	while (*p != lease)
		p = &(*p)->chain;
	*p = lease->chain;

	*lease->prev = lease->next;
	if (lease->next)
		lease->next->prev = lease->prev;
	*lease->z_prev = lease->z_next;
	if (lease->z_next)
		lease->z_next->z_prev = lease->z_prev;

	z->n_leases--;
	l->n_leases--;
}

static bool set_rdata(struct lease *lease, const uint8_t *rdata, uint16_t rdlen)
{
	if (lease->rdata || !rdata)
		return true;
	lease->rdata = malloc(rdlen ? rdlen : 1);
	if (!lease->rdata)
		return false;
	memcpy(lease->rdata, rdata, rdlen);
	lease->rdlen = rdlen;
	return true;
}

struct lease *lease_get(struct lease_owner *o, const struct marker *m,
			const uint8_t *rdata, uint16_t rdlen)
{
	struct leases *l = o->zone->all;
	struct lease *lease = lease_find(o, m);

	if (lease)
		return set_rdata(lease, rdata, rdlen) ? lease : NULL;

	lease = calloc(1, sizeof(*lease));
	if (!lease || !lease_heap_reserve(l, l->n_leases + 1) ||
	    !set_rdata(lease, rdata, rdlen)) {
		free(lease);
		return NULL;
	}
	lease->marker = *m;
	records_grow(l);
	link_lease(lease, o);
	return lease;
}

/* --- zones ------------------------------------------------------------------- */

struct lease_zone *lease_zone_add(struct leases *l, struct zone *mirror, void *arg)
{
	struct lease_zone *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->all = l;
	z->mirror = mirror;
	z->arg = arg;
	z->next = l->zones;
	z->prev = &l->zones;
	if (l->zones)
		l->zones->prev = &z->next;
	l->zones = z;
	return z;
}

static void free_lease(struct lease *lease)
{
	lease_heap_remove(lease);
	unlink_lease(lease);
	free(lease->rdata);
	free(lease);
}

void lease_zone_remove(struct lease_zone *z)
{
	struct leases *l = z->all;
	size_t i;

	while (z->leases)
		free_lease(z->leases);
	for (i = 0; i < l->owners_size; i++) {
		struct lease_owner **p = &l->owners[i], *o;

		while ((o = *p)) {
			if (o->zone != z) {
				p = &o->chain;
				continue;
			}
			*p = o->chain;
			free(o);
			l->n_owners--;
		}
	}
	*z->prev = z->next;
	if (z->next)
		z->next->prev = z->prev;
	free(z);
}

struct zone *lease_zone_mirror(const struct lease_zone *z)
{
	return z->mirror;
}

struct leases *lease_zone_leases(const struct lease_zone *z)
{
	return z->all;
}

void *lease_zone_arg(const struct lease_zone *z)
{
	return z->arg;
}

size_t lease_zone_count(const struct lease_zone *z)
{
	return z->n_leases;
}

size_t lease_zone_expired(const struct lease_zone *z)
{
	return z->n_expired;
}

struct lease_zone *leases_next_zone(const struct leases *l, const struct lease_zone *z)
{
	return z ? z->next : l->zones;
}

struct lease *lease_zone_next(const struct lease_zone *z, const struct lease *lease)
{
	return lease ? lease->z_next : z->leases;
}

struct lease_owner *lease_zone_due(const struct lease_zone *z)
{
	return z->due;
}

bool lease_zone_loaded(const struct lease_zone *z)
{
	return z->loaded;
}

void lease_drop(struct lease *lease)
{
	struct lease_owner *o = lease->at;
	struct leases *l = o->zone->all;
	const struct marker m = lease->marker;

	if (lease->row)
		l->ops->forget(l->arg, lease);
	if (lease->expired) {
		o->n_expired--;
		o->zone->n_expired--;
	}
	free_lease(lease);
	lease_owner_due(o);
	/* Who is left may be over, or not. */
	if (lease_of_record(o, m.type, m.record))
		lease_visible(o, &m);
}
