// SPDX-License-Identifier: GPL-2.0-or-later
/* A lease from its grant to its end, and what that does to its record. */
#include <string.h>

#include "table.h"

#define MS	1000

static void set_expired(struct lease *lease, bool expired)
{
	struct lease_owner *o = lease->at;

	if (lease->expired == expired)
		return;
	lease->expired = expired;
	o->n_expired += expired ? 1 : -1u;
	o->zone->n_expired += expired ? 1 : (size_t)-1;
	lease_owner_due(o);
}

void lease_load(struct lease *lease, uint64_t now, int64_t left, uint32_t granted)
{
	uint64_t longest = (uint64_t)granted * MS;

	lease->granted = granted;
	lease->expiry = now;
	if (left > 0)
		lease->expiry += (uint64_t)left < longest ? (uint64_t)left : longest;
	lease->due = lease->expiry;
	if (lease->heap)
		lease_heap_put(lease);
}

void lease_intend(struct lease *lease, uint64_t now, uint32_t seconds)
{
	struct leases *l = lease->at->zone->all;

	lease_load(lease, now, (int64_t)seconds * MS, seconds);
	l->ops->store(l->arg, lease);
}

void lease_confirm(struct lease *lease)
{
	lease->confirmed = true;
	if (!lease->expired)
		lease_heap_put(lease);
}

void lease_grant(struct lease *lease, uint64_t now, uint32_t seconds)
{
	struct leases *l = lease->at->zone->all;
	bool shown = lease->confirmed && !lease->expired;

	set_expired(lease, false);
	lease_load(lease, now, (int64_t)seconds * MS, seconds);
	lease_confirm(lease);
	l->ops->store(l->arg, lease);
	/* Maybe hidden, even if whoever had it before is forgotten by now. */
	if (!shown)
		lease_visible(lease->at, &lease->marker);
}

void lease_end(struct lease *lease, uint64_t now)
{
	struct leases *l = lease->at->zone->all;

	if (lease->expired)
		return;
	if (lease->expiry > now) {
		lease->expiry = now;
		l->ops->store(l->arg, lease);
	}
	lease->due = lease->expiry;
	if (lease->heap)
		lease_heap_put(lease);
}

void lease_pend(struct lease *lease)
{
	lease->pending++;
}

void lease_unpend(struct lease *lease, bool forget)
{
	if (--lease->pending)
		return;
	if (forget && !lease->confirmed) {
		lease_drop(lease);
		return;
	}
	/* No more grace. */
	lease->due = lease->expiry;
	if (lease->heap)
		lease_heap_put(lease);
}

uint64_t leases_deadline(const struct leases *l)
{
	return l->n_heap ? l->heap[0]->due : UINT64_MAX;
}

size_t leases_pass(struct leases *l, uint64_t now)
{
	size_t n = 0;

	while (l->n_heap && l->heap[0]->due <= now) {
		struct lease *lease = l->heap[0];

		if (lease->pending && now < lease->expiry + LEASE_GRACE) {
			lease->due = lease->expiry + LEASE_GRACE;
			lease_heap_put(lease);
			continue;
		}
		lease_heap_remove(lease);
		set_expired(lease, true);
		lease_visible(lease->at, &lease->marker);
		n++;
	}
	return n;
}

/* --- what the mirror shows --------------------------------------------------- */

const uint8_t *lease_mirror_rdata(const struct lease_owner *o, const struct marker *m,
				  uint16_t *len)
{
	const struct zone_node *n = zone_find(o->zone->mirror, o->name);
	uint8_t hash[MARKER_HASH];
	struct zone_rr rr;
	size_t pos = 0;

	while (n && zone_node_next(n, &pos, &rr)) {
		if (rr.type != m->type)
			continue;
		marker_record_hash(rr.type, rr.rdata, rr.rdlen, hash);
		if (!memcmp(hash, m->record, MARKER_HASH)) {
			*len = rr.rdlen;
			return rr.rdata;
		}
	}
	return NULL;
}

void lease_visible(struct lease_owner *o, const struct marker *m)
{
	struct lease *lease = lease_of_record(o, m->type, m->record), *known = NULL;
	struct zone *mirror = o->zone->mirror;
	bool live = false, over = false;

	for (; lease; lease = lease_of_record_next(lease)) {
		live |= lease->confirmed && !lease->expired;
		over |= lease->expired;
		if (!lease->rdata) {
			uint16_t len;
			const uint8_t *rdata = lease_mirror_rdata(o, m, &len);

			/* Also copies it: what the mirror hands out does not last. */
			lease_get(o, &lease->marker, rdata, rdata ? len : 0);
		}
		if (lease->rdata)
			known = lease;
	}
	if (!known)
		return;

	o->zone->self = true;
	if (live)
		zone_show(mirror, o->name, m->type, known->rdata, known->rdlen);
	else if (over)
		zone_hide(mirror, o->name, m->type, known->rdata, known->rdlen);
	o->zone->self = false;
}

void lease_unhide(struct lease_owner *o, const struct marker *m)
{
	uint16_t len = 0;
	const uint8_t *rdata = lease_mirror_rdata(o, m, &len);

	if (!rdata)
		return;
	o->zone->self = true;
	zone_show(o->zone->mirror, o->name, m->type, rdata, len);
	o->zone->self = false;
}
