// SPDX-License-Identifier: GPL-2.0-or-later
#include "rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite_plan.h"

#define RR_FIXED	12

static bool same(const struct marker *a, const struct marker *b)
{
	return a->type == b->type && !memcmp(a->record, b->record, MARKER_HASH);
}

static bool same_holder(const struct marker *a, const struct marker *b)
{
	return !memcmp(a->holder, b->holder, MARKER_HASH);
}

/* Room for one more than @n things of @size. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n && (n < 4 || n & (n - 1)))
		return array;
	return realloc(array, (n ? 2 * n : 4) * size);
}

void rewrite_put_op(struct rewrite *r, const uint8_t *owner, uint16_t type, uint16_t class_,
		    uint32_t ttl, const uint8_t *rdata, uint16_t rdlen)
{
	struct rewrite_op *ops = grow(r->ops, r->n_ops, sizeof(*ops));

	if (!ops) {
		r->no_memory = true;
		return;
	}
	r->ops = ops;
	ops[r->n_ops++] = (struct rewrite_op){
		.owner = owner, .type = type, .class_ = class_, .ttl = ttl,
		.rdata = rdata, .rdlen = rdlen,
	};
	r->octets += RR_FIXED + rdlen;
}

void rewrite_put_marker(struct rewrite *r, const uint8_t *owner, const struct marker *m,
			uint16_t class_)
{
	size_t n = r->n_ops;

	rewrite_put_op(r, owner, DNS_LEASED, class_, class_ == DNS_IN ? MARKER_TTL : 0,
		       NULL, MARKER_LEN);
	if (r->n_ops == n)
		return;
	r->ops[n].is_marker = true;
	marker_write(m, r->ops[n].marker);
}

/* Where in the index its number stands, or would. */
static uint32_t *index_at(const struct rewrite *r, const struct lease_owner *o,
			  const struct marker *m)
{
	uint64_t record, holder;
	size_t i;

	memcpy(&record, m->record, sizeof(record));
	memcpy(&holder, m->holder, sizeof(holder));
	record = (record ^ holder ^ (uintptr_t)o) * UINT64_C(0x9e3779b97f4a7c15);
	for (i = record >> 32;; i++) {
		uint32_t *at = &r->index[i & (r->index_size - 1)];
		const struct rewrite_effect *e = *at ? &r->effects[*at - 1] : NULL;

		if (!e || (e->owner == o && same(&e->m, m) && same_holder(&e->m, m)))
			return at;
	}
}

const struct rewrite_effect *rewrite_effect(const struct rewrite *r, const struct lease_owner *o,
					    const struct marker *m)
{
	uint32_t n = r->n_effects ? *index_at(r, o, m) : 0;

	return n ? &r->effects[n - 1] : NULL;
}

/* Room for one more. */
static bool grow_effects(struct rewrite *r)
{
	struct rewrite_effect *effects = grow(r->effects, r->n_effects, sizeof(*effects));
	size_t i, size = r->index_size ? 2 * r->index_size : 16;
	uint32_t *index;

	if (!effects)
		return false;
	r->effects = effects;
	if (2 * (r->n_effects + 1) <= r->index_size)
		return true;
	index = calloc(size, sizeof(*index));
	if (!index)
		return false;
	free(r->index);
	r->index = index;
	r->index_size = size;
	for (i = 0; i < r->n_effects; i++)
		*index_at(r, effects[i].owner, &effects[i].m) = (uint32_t)(i + 1);
	return true;
}

void rewrite_put_effect(struct rewrite *r, const struct rewrite_effect *e)
{
	uint32_t *at;

	if (!grow_effects(r)) {
		r->no_memory = true;
		return;
	}
	at = index_at(r, e->owner, &e->m);
	if (!*at)
		*at = (uint32_t)(r->n_effects += 1);
	r->effects[*at - 1] = *e;
}

void rewrite_put_touch(struct rewrite *r, const struct rewrite_touch *t)
{
	struct rewrite_touch *touches = grow(r->touches, r->n_touches, sizeof(*touches));

	if (!touches) {
		r->no_memory = true;
		return;
	}
	r->touches = touches;
	touches[r->n_touches++] = *t;
}

void rewrite_free(struct rewrite *r)
{
	free(r->ops);
	free(r->effects);
	free(r->touches);
	free(r->index);
	r->index = NULL;
	r->index_size = 0;
	r->ops = NULL;
	r->effects = NULL;
	r->touches = NULL;
	r->n_ops = 0;
	r->n_effects = 0;
	r->n_touches = 0;
}

/* --- what stands there -------------------------------------------------------- */

bool rewrite_held(const struct rewrite *r, const struct lease_owner *o, const struct marker *m)
{
	const struct rewrite_effect *e = rewrite_effect(r, o, m);

	return e ? e->grant : lease_find(o, m) != NULL;
}

static bool marked_in_mirror(const struct zone_node *node, const struct marker *m)
{
	struct marker there;
	struct zone_rr rr;
	size_t pos = 0;

	while (zone_node_next(node, &pos, &rr)) {
		if (rr.type == DNS_LEASED && marker_read(rr.rdata, rr.rdlen, &there) &&
		    same(&there, m))
			return true;
	}
	return false;
}

bool rewrite_is_static(const struct rewrite *r, const struct lease_owner *o,
		       const struct marker *m, const uint8_t *rdata, uint16_t rdlen)
{
	const struct zone *mirror = lease_zone_mirror(o->zone);
	size_t i;

	/* A marker without a lease: both are about to go, the mirror is late. */
	if (lease_of_record(o, m->type, m->record) ||
	    !zone_has(mirror, o->name, m->type, rdata, rdlen, NULL) ||
	    marked_in_mirror(zone_find(mirror, o->name), m))
		return false;

	for (i = 0; i < r->n_effects; i++) {
		if (r->effects[i].owner == o && same(&r->effects[i].m, m))
			return false;
	}
	for (i = 0; i < r->n_touches; i++) {
		const struct rewrite_touch *t = &r->touches[i];

		if (t->what != TOUCH_CLEARED || t->owner != o ||
		    (t->type != DNS_ANY && t->type != m->type))
			continue;
		if (!t->rdata || (t->rdlen == rdlen && !memcmp(t->rdata, rdata, rdlen)))
			return false;
	}
	return true;
}

void rewrite_look(void *arg, const uint8_t *owner, struct rights_owner *out)
{
	const struct rewrite_look *look = arg;
	const struct zone_node *node = zone_find(lease_zone_mirror(look->zone), owner);
	const struct lease_owner *o = lease_owner_find(look->zone, owner);
	const struct lease *lease;
	struct marker m;
	struct zone_rr rr;
	size_t pos = 0;

	*out = (struct rights_owner){ 0 };
	for (lease = o ? o->leases : NULL; lease; lease = lease->next) {
		if (!memcmp(lease->marker.holder, look->holder, MARKER_HASH))
			out->held = true;
		else if (!lease->expired)
			out->held_by_other = true;
	}
	while (node && zone_node_next(node, &pos, &rr)) {
		if (rr.type == DNS_LEASED)
			continue;
		if (rr.type == DNS_ENROLLED)
			out->enrolled = true;
		if (out->unleased)
			continue;
		m.type = rr.type;
		marker_record_hash(rr.type, rr.rdata, rr.rdlen, m.record);
		out->unleased = !(o && lease_of_record(o, m.type, m.record)) &&
				!marked_in_mirror(node, &m);
	}
}

/* --- the message -------------------------------------------------------------- */

static void write_prereq(struct dns_writer *w, const struct update_rr *rr)
{
	uint16_t class_ = DNS_CLASS_ANY, type = rr->type;

	if (rr->kind == PREREQ_VALUE)
		class_ = DNS_IN;
	else if (rr->kind == PREREQ_NO_RRSET || rr->kind == PREREQ_NO_NAME)
		class_ = DNS_NONE;
	dns_put_rr(w, 1, rr->owner, type, class_, 0, rr->rdata, rr->rdlen);
}

int rewrite_write(const struct rewrite *r, bool compress, uint8_t *out, size_t size)
{
	const struct update_msg *m = r->m;
	struct dns_writer w;
	size_t i;

	dns_writer_init(&w, out, size, 0, DNS_UPDATE << 11);
	w.compress = compress;
	dns_put_question(&w, m->zone, DNS_SOA, DNS_IN);
	for (i = 0; i < m->n_prereqs; i++)
		write_prereq(&w, &m->rrs[i]);
	for (i = 0; i < r->n_ops; i++) {
		const struct rewrite_op *op = &r->ops[i];

		if (!op->undone)
			dns_put_rr(&w, 2, op->owner, op->type, op->class_, op->ttl,
				   op->is_marker ? op->marker : op->rdata, op->rdlen);
	}
	if (w.failed)
		return -ENOSPC;
	return dns_count(out, 1) || dns_count(out, 2) ? (int)w.len : 0;
}

/* --- what comes of it --------------------------------------------------------- */

/* Notes them up to @n, or takes that back. */
static void unpend(struct rewrite *r, size_t n, bool forget)
{
	while (n--) {
		const struct rewrite_effect *e = &r->effects[n];
		struct lease *lease = e->grant ? lease_find(e->owner, &e->m) : NULL;

		if (lease)
			lease_unpend(lease, forget);
	}
}

int rewrite_begin(struct rewrite *r, uint64_t now)
{
	size_t i;

	for (i = 0; i < r->n_effects; i++) {
		const struct rewrite_effect *e = &r->effects[i];
		struct lease *lease;

		if (!e->grant)
			continue;
		lease = lease_get(e->owner, &e->m, e->rdata, e->rdlen);
		if (!lease) {
			unpend(r, i, true);
			return -ENOMEM;
		}
		lease_pend(lease);
		if (!lease->confirmed && lease->pending == 1)
			lease_intend(lease, now, e->seconds);
	}
	return 0;
}

static void done(struct rewrite *r, uint64_t now)
{
	size_t i;

	for (i = 0; i < r->n_effects; i++) {
		const struct rewrite_effect *e = &r->effects[i];
		struct lease *lease = lease_find(e->owner, &e->m);

		if (!lease)
			continue;
		if (e->grant)
			lease_grant(lease, now, e->seconds);
		else if (!lease->pending)
			lease_drop(lease);
	}
	for (i = 0; i < r->n_touches; i++) {
		if (r->touches[i].what == TOUCH_GONE)
			lease_end_all(r->zone, r->touches[i].owner->name, now);
	}
}

void rewrite_end(struct rewrite *r, enum rewrite_outcome outcome, uint64_t now, uint64_t mark)
{
	bool unknown = outcome == REWRITE_UNKNOWN;
	size_t i;

	unpend(r, r->n_effects, outcome == REWRITE_NOT_DONE);
	if (outcome == REWRITE_NOT_DONE)
		return;
	if (!unknown)
		done(r, now);

	for (i = 0; i < r->locks->n; i++)
		lease_owner_unsettle(r->locks->waits[i].owner, mark, unknown);
	for (i = 0; i < r->n_touches; i++) {
		const struct rewrite_touch *t = &r->touches[i];

		if (t->what == TOUCH_OPAQUE)
			t->owner->opaque = true;
		else if (t->what == TOUCH_DIRTY)
			t->owner->dirty = true;
		else if (t->what == TOUCH_GONE)
			t->owner->removed = true;
	}
}
