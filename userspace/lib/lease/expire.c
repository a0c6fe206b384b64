// SPDX-License-Identifier: GPL-2.0-or-later
/* The UPDATE that takes expired records away at the primary. */
#include <string.h>

#include "table.h"

#define RR_FIXED	10	/* type, class, TTL, RDLENGTH */

/* A marker that stands in the mirror. */
static bool next_marker(const struct zone_node *node, size_t *pos, struct zone_rr *rr)
{
	while (node && zone_node_next(node, pos, rr)) {
		if (rr->type == DNS_LEASED)
			return true;
	}
	return false;
}

static bool marker_in_mirror(const struct lease *lease)
{
	const struct lease_owner *o = lease->at;
	uint8_t rdata[MARKER_LEN];

	marker_write(&lease->marker, rdata);
	return zone_has(o->zone->mirror, o->name, DNS_LEASED, rdata, MARKER_LEN, NULL);
}

/* Does another lease's marker of this record stand in the zone? */
static bool still_marked(const struct lease_owner *o, const struct marker *m)
{
	const struct zone_node *node = zone_find(o->zone->mirror, o->name);
	struct marker there;
	struct zone_rr rr;
	size_t pos = 0;

	while (next_marker(node, &pos, &rr)) {
		if (marker_read(rr.rdata, rr.rdlen, &there) && there.type == m->type &&
		    !memcmp(there.record, m->record, MARKER_HASH))
			return true;
	}
	return false;
}

/*
 * Drops what is at the primary no more. Return: octets that deleting the rest may
 * take, names written out each time: only the first 16384 octets of a message can
 * be pointed to. Counted up to @enough.
 */
static size_t look_over(struct lease_owner *o, size_t enough)
{
	size_t fixed = RR_FIXED + dname_len(o->name), size = 0;
	struct lease *lease, *next;

	for (lease = o->leases; lease && size <= enough; lease = next) {
		const struct marker m = lease->marker;

		next = lease->next;
		if (!lease->expired)
			continue;
		if (marker_in_mirror(lease)) {
			size += fixed + MARKER_LEN + fixed + lease->rdlen;
			continue;
		}
		lease_drop(lease);
		/* Somebody has made it static. */
		if (!lease_of_record(o, m.type, m.record) && !still_marked(o, &m))
			lease_unhide(o, &m);
	}
	return size;
}

/* The markers are these, no more and no less (RFC 2136 2.4.2). False: no room, nothing
 * was put.
 */
static bool put_condition(struct dns_writer *w, const struct lease_owner *o, size_t size)
{
	const struct zone_node *node = zone_find(o->zone->mirror, o->name);
	struct dns_mark before;
	struct zone_rr rr;
	size_t pos = 0;

	dns_mark(w, &before);
	while (next_marker(node, &pos, &rr))
		dns_put_rr(w, 1, o->name, DNS_LEASED, DNS_IN, 0, rr.rdata, rr.rdlen);
	if (!w->failed && w->len <= size)
		return true;
	dns_rewind(w, &before);
	return false;
}

/* Has nobody else a lease of the record that runs? And is this one to speak for it? */
static bool takes_record(const struct lease *lease)
{
	const struct marker *m = &lease->marker;
	const struct lease *other = lease_of_record(lease->at, m->type, m->record);

	for (; other; other = lease_of_record_next(other)) {
		if (!other->expired || (other != lease && other->leaving))
			return false;
	}
	return true;
}

static bool put_lease(struct dns_writer *w, struct lease *lease)
{
	const struct lease_owner *o = lease->at;
	const uint8_t *rdata = lease->rdata;
	uint8_t marker[MARKER_LEN];
	uint16_t len = lease->rdlen;
	struct dns_mark before;

	dns_mark(w, &before);
	marker_write(&lease->marker, marker);
	dns_put_rr(w, 2, o->name, DNS_LEASED, DNS_NONE, 0, marker, MARKER_LEN);
	if (takes_record(lease)) {
		if (!rdata)
			rdata = lease_mirror_rdata(o, &lease->marker, &len);
		if (rdata)
			dns_put_rr(w, 2, o->name, lease->marker.type, DNS_NONE, 0, rdata, len);
	}
	if (w->failed) {
		dns_rewind(w, &before);
		return false;
	}
	lease->leaving = true;
	return true;
}

size_t lease_expiry_build(struct lease_zone *z, struct lease_owner *const *owners, size_t *n,
			  uint16_t id, uint8_t *out, size_t size)
{
	size_t given = *n, deletions = 0, i;
	struct dns_writer w;

	dns_writer_init(&w, out, size, id, DNS_UPDATE << 11);
	dns_put_question(&w, zone_apex(z->mirror), DNS_SOA, DNS_IN);

	for (*n = 0; *n < given && !w.failed; (*n)++) {
		size_t need = look_over(owners[*n], size);

		if (!need)
			continue;
		/* A name with more than fits goes alone, as far as it fits, and if not
		 * even its markers do, on no condition: who else would write markers?
		 */
		if (deletions + need <= size &&
		    put_condition(&w, owners[*n], size - deletions - need)) {
			deletions += need;
			continue;
		}
		if (deletions)
			break;
		put_condition(&w, owners[*n], size / 2);
		deletions = size;
	}

	for (i = 0; i < *n; i++) {
		struct lease *lease;

		for (lease = owners[i]->leases; lease; lease = lease->next) {
			if (lease->expired && !put_lease(&w, lease))
				break;
		}
	}
	return w.len && dns_count(out, 2) ? w.len : 0;
}

void lease_expiry_end(struct lease_owner *o, bool done)
{
	struct lease *lease, *next;

	for (lease = o->leases; lease; lease = next) {
		next = lease->next;
		if (!lease->leaving)
			continue;
		lease->leaving = false;
		if (done)
			lease_drop(lease);
	}
}
