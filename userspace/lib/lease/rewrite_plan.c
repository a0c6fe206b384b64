// SPDX-License-Identifier: GPL-2.0-or-later
/* Record by record, in the order of the request: what goes to the primary instead. */
#include "rewrite_plan.h"

#include <errno.h>
#include <string.h>

#define GONE_OCTETS	48000	/* of one message, for what a removed host held */
#define GONE_OWNERS	256

static struct lease_owner *owner_of(const struct rewrite *r, const struct update_rr *rr)
{
	/* Locked, so it is there. */
	return lease_owner_find(r->zone, rr->owner);
}

static void touch(struct rewrite *r, enum rewrite_touched what, struct lease_owner *o,
		  const struct update_rr *rr)
{
	struct rewrite_touch t = { .what = what, .owner = o };

	if (what == TOUCH_CLEARED) {
		t.type = rr->type;
		t.rdata = rr->rdata;
		t.rdlen = rr->rdlen;
	}
	rewrite_put_touch(r, &t);
}

static struct marker marker_of(const struct rewrite *r, const struct update_rr *rr)
{
	struct marker m = { .type = rr->type };

	memcpy(m.holder, r->holder, MARKER_HASH);
	marker_record_hash(rr->type, rr->rdata, rr->rdlen, m.record);
	return m;
}

/* --- deleting ----------------------------------------------------------------- */

static void drop_marker(struct rewrite *r, struct lease_owner *o, const struct marker *m,
			bool emit)
{
	const struct rewrite_effect e = { .owner = o, .m = *m };

	if (emit)
		rewrite_put_marker(r, o->name, m, DNS_NONE);
	rewrite_put_effect(r, &e);
}

/* Does anybody else's lease of the record run, or is going to? */
static bool others(const struct rewrite *r, const struct lease_owner *o, const struct marker *m)
{
	const struct lease *lease = lease_of_record(o, m->type, m->record);
	size_t i;

	for (; lease; lease = lease_of_record_next(lease)) {
		if (memcmp(lease->marker.holder, m->holder, MARKER_HASH) && !lease->expired &&
		    rewrite_held(r, o, &lease->marker))
			return true;
	}
	for (i = 0; i < r->n_effects; i++) {
		const struct rewrite_effect *e = &r->effects[i];

		if (e->grant && e->owner == o && e->m.type == m->type &&
		    !memcmp(e->m.record, m->record, MARKER_HASH) &&
		    memcmp(e->m.holder, m->holder, MARKER_HASH))
			return true;
	}
	return false;
}

/* All that hold the record let go of it. */
static void drop_holders(struct rewrite *r, struct lease_owner *o, const struct marker *m)
{
	const struct lease *lease = lease_of_record(o, m->type, m->record);

	for (; lease; lease = lease_of_record_next(lease)) {
		if (rewrite_held(r, o, &lease->marker))
			drop_marker(r, o, &lease->marker, true);
	}
}

/* The RDATA of what is held, from wherever it is known. */
static const uint8_t *held_rdata(const struct rewrite *r, const struct lease_owner *o,
				 const struct marker *m, uint16_t *len)
{
	const struct lease *lease = lease_find(o, m);
	const struct rewrite_effect *e = rewrite_effect(r, o, m);

	if (lease && lease->rdata) {
		*len = lease->rdlen;
		return lease->rdata;
	}
	if (e && e->grant) {
		*len = e->rdlen;
		return e->rdata;
	}
	return lease_mirror_rdata(o, m, len);
}

/* The holder in @m, who has a lease, lets go. The record goes with the last. */
static void let_go(struct rewrite *r, struct lease_owner *o, const struct marker *m)
{
	bool last = !others(r, o, m);
	const uint8_t *rdata;
	uint16_t len;

	rdata = held_rdata(r, o, m, &len);
	drop_marker(r, o, m, true);
	if (!last)
		return;
	drop_holders(r, o, m);
	if (rdata)
		rewrite_put_op(r, o->name, m->type, DNS_NONE, 0, rdata, len);
}

/* All of @type (ANY: of any) that @holder has at this name. */
static void let_go_all(struct rewrite *r, struct lease_owner *o, uint16_t type,
		       const uint8_t holder[MARKER_HASH])
{
	const struct lease *lease;
	size_t i, n = r->n_effects;

	for (lease = o->leases; lease; lease = lease->next) {
		if ((type == DNS_ANY || lease->marker.type == type) &&
		    !memcmp(lease->marker.holder, holder, MARKER_HASH) &&
		    rewrite_held(r, o, &lease->marker))
			let_go(r, o, &lease->marker);
	}
	/* What the same message has added before. */
	for (i = 0; i < n; i++) {
		const struct marker m = r->effects[i].m;

		if (r->effects[i].grant && r->effects[i].owner == o &&
		    (type == DNS_ANY || m.type == type) &&
		    !memcmp(m.holder, holder, MARKER_HASH) && rewrite_held(r, o, &m))
			let_go(r, o, &m);
	}
}

/* Does a record of @type stand at this name that nobody has leased? */
static bool has_static(const struct rewrite *r, const struct lease_owner *o, uint16_t type)
{
	const struct zone_node *node = zone_find(lease_zone_mirror(r->zone), o->name);
	struct zone_rr rr;
	size_t pos = 0;

	while (node && zone_node_next(node, &pos, &rr)) {
		struct marker m = { .type = rr.type };

		if (rr.type == DNS_LEASED || rr.type == DNS_ENROLLED ||
		    (type != DNS_ANY && type != rr.type))
			continue;
		marker_record_hash(rr.type, rr.rdata, rr.rdlen, m.record);
		if (rewrite_is_static(r, o, &m, rr.rdata, rr.rdlen))
			return true;
	}
	return false;
}

/* By the account or an administrator: it goes, whoever holds it. */
static void clear_set(struct rewrite *r, struct lease_owner *o, const struct update_rr *rr)
{
	bool all = rr->kind == UPDATE_DELETE_NAME;
	uint16_t type = all ? DNS_ANY : rr->type;
	const struct lease *lease;
	size_t i, n = r->n_effects;

	if (has_static(r, o, type))
		touch(r, TOUCH_OPAQUE, o, rr);
	rewrite_put_op(r, o->name, type, DNS_CLASS_ANY, 0, NULL, 0);
	for (lease = o->leases; lease; lease = lease->next) {
		if ((all || lease->marker.type == type) && rewrite_held(r, o, &lease->marker))
			drop_marker(r, o, &lease->marker, !all);
	}
	for (i = 0; i < n; i++) {
		const struct marker m = r->effects[i].m;

		if (r->effects[i].grant && r->effects[i].owner == o &&
		    (all || m.type == type) && rewrite_held(r, o, &m))
			drop_marker(r, o, &m, !all);
	}
	touch(r, TOUCH_CLEARED, o, rr);
	if (type == DNS_LEASED)
		touch(r, TOUCH_DIRTY, o, rr);
}

static void clear_one(struct rewrite *r, struct lease_owner *o, const struct update_rr *rr)
{
	const struct marker m = marker_of(r, rr);

	/* An account that is one of several holders is just that. */
	if (r->role == RIGHTS_ACCOUNT && rewrite_held(r, o, &m) && others(r, o, &m)) {
		let_go(r, o, &m);
		return;
	}
	rewrite_put_op(r, o->name, rr->type, DNS_NONE, 0, rr->rdata, rr->rdlen);
	if (rr->type == DNS_LEASED)
		touch(r, TOUCH_DIRTY, o, rr);
	if (rr->type == DNS_LEASED || rr->type == DNS_ENROLLED)
		return;

	if (rewrite_is_static(r, o, &m, rr->rdata, rr->rdlen))
		touch(r, TOUCH_OPAQUE, o, rr);
	drop_holders(r, o, &m);
	if (rewrite_held(r, o, &m))
		drop_marker(r, o, &m, true);
	touch(r, TOUCH_CLEARED, o, rr);
}

static void plan_delete(struct rewrite *r, const struct update_rr *rr)
{
	struct lease_owner *o = owner_of(r, rr);
	struct marker m;

	if (r->role != RIGHTS_HOST) {
		if (rr->kind == UPDATE_DELETE_RR)
			clear_one(r, o, rr);
		else
			clear_set(r, o, rr);
		return;
	}

	switch (rr->kind) {
	case UPDATE_DELETE_RR:
		m = marker_of(r, rr);
		if (rewrite_held(r, o, &m))
			let_go(r, o, &m);
		break;
	case UPDATE_DELETE_RRSET:
		let_go_all(r, o, rr->type, r->holder);
		break;
	default:
		let_go_all(r, o, DNS_ANY, r->holder);
	}
}

/* --- adding ------------------------------------------------------------------- */

/* A deletion of what is added now need not reach the primary: a refresh by way of
 * "delete, then add" shall change nothing.
 */
static void undo_delete(struct rewrite *r, const uint8_t *owner, uint16_t type,
			const uint8_t *rdata, uint16_t rdlen)
{
	size_t i;

	for (i = 0; i < r->n_ops; i++) {
		struct rewrite_op *op = &r->ops[i];
		const uint8_t *there = op->is_marker ? op->marker : op->rdata;

		if (op->class_ == DNS_NONE && op->type == type && op->rdlen == rdlen &&
		    dname_equal(op->owner, owner) && !memcmp(there, rdata, rdlen))
			op->undone = true;
	}
}

/* What is left of others who had that name before. */
static void sweep(struct rewrite *r, struct lease_owner *o)
{
	const struct lease *lease;

	for (lease = o->leases; lease; lease = lease->next) {
		if (lease->expired && rewrite_held(r, o, &lease->marker) &&
		    memcmp(lease->marker.holder, r->holder, MARKER_HASH))
			let_go(r, o, &lease->marker);
	}
}

static void add_leased(struct rewrite *r, struct lease_owner *o, const struct update_rr *rr,
		       const struct rights_who *who)
{
	const struct lease_option *asked = &r->m->lease;
	bool key = rr->type == DNS_KEY && asked->long_form;
	uint8_t rdata[MARKER_LEN];
	struct rewrite_effect e = {
		.owner = o, .grant = true, .m = marker_of(r, rr),
		.rdata = rr->rdata, .rdlen = rr->rdlen,
		.seconds = leases_clamp(lease_zone_leases(r->zone),
					key ? asked->key_lease : asked->lease, key),
	};

	if (rewrite_is_static(r, o, &e.m, rr->rdata, rr->rdlen))
		return;
	if (r->role == RIGHTS_HOST && o->n_expired &&
	    rights_place_exclusive(rights_place(rr->owner, who->name, who->apex)))
		sweep(r, o);

	marker_write(&e.m, rdata);
	undo_delete(r, rr->owner, rr->type, rr->rdata, rr->rdlen);
	undo_delete(r, rr->owner, DNS_LEASED, rdata, MARKER_LEN);
	rewrite_put_op(r, rr->owner, rr->type, DNS_IN, rr->ttl, rr->sent, rr->rdlen);
	rewrite_put_marker(r, rr->owner, &e.m, DNS_IN);
	rewrite_put_effect(r, &e);
}

/* One generation of a host's key at a time. */
static void replace_enrolled(struct rewrite *r, const struct lease_owner *o,
			     const struct update_rr *rr)
{
	const struct zone_node *node = zone_find(lease_zone_mirror(r->zone), o->name);
	struct zone_rr there;
	size_t pos = 0;

	while (node && zone_node_next(node, &pos, &there)) {
		if (there.type == DNS_ENROLLED &&
		    (there.rdlen != rr->rdlen || memcmp(there.rdata, rr->rdata, rr->rdlen))) {
			rewrite_put_op(r, rr->owner, DNS_ENROLLED, DNS_CLASS_ANY, 0, NULL, 0);
			return;
		}
	}
}

/* It stays until somebody deletes it, even if it was leased before. */
static void add_static(struct rewrite *r, struct lease_owner *o, const struct update_rr *rr)
{
	const struct marker m = marker_of(r, rr);

	if (rr->type == DNS_ENROLLED)
		replace_enrolled(r, o, rr);
	else if (rr->type == DNS_LEASED)
		touch(r, TOUCH_DIRTY, o, rr);
	else
		touch(r, TOUCH_OPAQUE, o, rr);
	rewrite_put_op(r, rr->owner, rr->type, DNS_IN, rr->ttl, rr->sent, rr->rdlen);
	drop_holders(r, o, &m);
}

/* --- a host's end ------------------------------------------------------------- */

/* Does an ENROLLED record remain at this name? */
static bool stays_enrolled(const struct rewrite *r, const struct lease_owner *o)
{
	const struct update_msg *m = r->m;
	const struct zone_node *node = zone_find(lease_zone_mirror(r->zone), o->name);
	struct zone_rr there;
	size_t i, pos = 0;

	for (i = m->n_prereqs; i < m->n_rrs; i++) {
		if (m->rrs[i].kind == UPDATE_ADD && m->rrs[i].type == DNS_ENROLLED &&
		    dname_equal(m->rrs[i].owner, o->name))
			return true;
	}
	while (node && zone_node_next(node, &pos, &there)) {
		bool deleted = false;

		for (i = m->n_prereqs; i < m->n_rrs && !deleted; i++) {
			const struct update_rr *rr = &m->rrs[i];

			if (!dname_equal(rr->owner, o->name))
				continue;
			deleted = rr->kind == UPDATE_DELETE_NAME ||
				  (rr->type == DNS_ENROLLED &&
				   (rr->kind == UPDATE_DELETE_RRSET ||
				    (rr->kind == UPDATE_DELETE_RR && rr->rdlen == there.rdlen &&
				     !memcmp(rr->rdata, there.rdata, there.rdlen))));
		}
		if (there.type == DNS_ENROLLED && !deleted)
			return true;
	}
	return false;
}

static bool may_unenroll(const struct update_rr *rr)
{
	return rr->kind == UPDATE_DELETE_NAME ||
	       (rr->type == DNS_ENROLLED &&
		(rr->kind == UPDATE_DELETE_RRSET || rr->kind == UPDATE_DELETE_RR));
}

static bool locked_by(const struct lease_owner *o, const struct lock_set *locks)
{
	return o->first && o->first->set == locks && !o->first->shared;
}

/* What it held goes in the same message, as far as it fits; the rest expires. */
static void plan_gone(struct rewrite *r, const struct update_rr *rr)
{
	struct lease_owner *o = owner_of(r, rr);
	uint8_t holder[MARKER_HASH];
	const struct lease *lease = NULL;
	size_t i;

	for (i = 0; i < r->n_touches; i++) {
		if (r->touches[i].what == TOUCH_GONE && r->touches[i].owner == o)
			return;
	}
	if (stays_enrolled(r, o))
		return;

	touch(r, TOUCH_GONE, o, rr);
	marker_holder_hash(o->name, holder);
	while ((lease = lease_zone_next(r->zone, lease)) && r->octets < GONE_OCTETS) {
		if (!memcmp(lease->marker.holder, holder, MARKER_HASH) &&
		    locked_by(lease->at, r->locks) && rewrite_held(r, lease->at, &lease->marker))
			let_go(r, lease->at, &lease->marker);
	}
}

/* --- all of it ---------------------------------------------------------------- */

static bool is_leased_add(const struct update_msg *m, const struct update_rr *rr)
{
	return rr->kind == UPDATE_ADD && m->has_lease && rr->type != DNS_LEASED &&
	       rr->type != DNS_ENROLLED;
}

enum dns_rcode rewrite_plan(struct rewrite *r, struct lease_zone *z,
			    const struct rights_who *who, const struct update_msg *m,
			    const struct lock_set *locks)
{
	size_t i;

	*r = (struct rewrite){ .zone = z, .m = m, .locks = locks, .role = who->role };
	marker_holder_hash(who->name, r->holder);

	for (i = m->n_prereqs; i < m->n_rrs && !r->no_memory; i++) {
		const struct update_rr *rr = &m->rrs[i];

		if (rr->kind != UPDATE_ADD)
			plan_delete(r, rr);
		else if (is_leased_add(m, rr))
			add_leased(r, owner_of(r, rr), rr, who);
		else
			add_static(r, owner_of(r, rr), rr);
	}
	for (i = m->n_prereqs; i < m->n_rrs && who->role != RIGHTS_HOST; i++) {
		if (may_unenroll(&m->rrs[i]))
			plan_gone(r, &m->rrs[i]);
	}
	return r->no_memory ? DNS_SERVFAIL : DNS_NOERROR;
}

/* Where a host that is about to be removed holds something. */
static int lock_holdings(struct lease_zone *z, const uint8_t *host, struct lock_set *locks)
{
	const struct zone_node *node = zone_find(lease_zone_mirror(z), host);
	uint8_t holder[MARKER_HASH];
	const struct lease *lease = NULL;
	bool enrolled = false;
	struct zone_rr rr;
	size_t pos = 0, end = locks->n + GONE_OWNERS;

	while (node && !enrolled && zone_node_next(node, &pos, &rr))
		enrolled = rr.type == DNS_ENROLLED;
	if (!enrolled)
		return 0;
	marker_holder_hash(host, holder);
	while ((lease = lease_zone_next(z, lease)) && locks->n < end) {
		if (!memcmp(lease->marker.holder, holder, MARKER_HASH) &&
		    lock_add(locks, lease->at, false))
			return -ENOMEM;
	}
	return 0;
}

int rewrite_lock(struct lease_zone *z, const struct rights_who *who,
		 const struct update_msg *m, struct lock_set *locks)
{
	size_t i;

	for (i = m->n_prereqs; i < m->n_rrs; i++) {
		const struct update_rr *rr = &m->rrs[i];
		struct lease_owner *o = lease_owner_get(z, rr->owner);
		bool shared = is_leased_add(m, rr);

		if (who->role == RIGHTS_HOST &&
		    rights_place_exclusive(rights_place(rr->owner, who->name, who->apex)))
			shared = false;
		if (!o)
			return -ENOMEM;
		if (lock_add(locks, o, shared)) {
			lease_owner_put(o);
			return -ENOMEM;
		}
		if (who->role != RIGHTS_HOST && may_unenroll(rr) &&
		    lock_holdings(z, rr->owner, locks))
			return -ENOMEM;
	}
	return 0;
}

bool rewrite_must_wait(const struct lease_zone *z, const struct update_msg *m)
{
	size_t i;

	for (i = m->n_prereqs; i < m->n_rrs; i++) {
		const struct lease_owner *o = lease_owner_find(z, m->rrs[i].owner);

		if (o && (o->dirty || (o->opaque && is_leased_add(m, &m->rrs[i]))))
			return true;
	}
	return false;
}
