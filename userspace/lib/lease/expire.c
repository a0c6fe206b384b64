// SPDX-License-Identifier: GPL-2.0-or-later
/* The UPDATE that takes expired records away at the primary. */
#include <string.h>

#include "table.h"

#define RR_FIXED	12	/* a pointer to the owner, type, class, TTL, RDLENGTH */
#define MARKER_RR	(RR_FIXED + MARKER_LEN)

static bool marker_in_mirror(const struct zone_node *node, const struct marker *m)
{
	uint8_t rdata[MARKER_LEN];
	struct zone_rr rr;
	size_t pos = 0;

	marker_write(m, rdata);
	while (node && zone_node_next(node, &pos, &rr)) {
		if (rr.type == DNS_LEASED && rr.rdlen == MARKER_LEN &&
		    !memcmp(rr.rdata, rdata, MARKER_LEN))
			return true;
	}
	return false;
}

/* Drops what is at the primary no more. Return: octets for what is, 0: nothing. */
static size_t look_over(struct lease_owner *o, const struct zone_node *node)
{
	struct lease *lease, *next;
	size_t size = 0;

	for (lease = o->leases; lease; lease = next) {
		next = lease->next;
		if (!lease->expired)
			continue;
		if (marker_in_mirror(node, &lease->marker))
			size += MARKER_RR + RR_FIXED + lease->rdlen;
		else
			lease_drop(lease);
	}
	return size ? size + dname_len(o->name) : 0;
}

static size_t markers_size(const struct zone_node *node)
{
	struct zone_rr rr;
	size_t pos = 0, size = 0;

	while (node && zone_node_next(node, &pos, &rr)) {
		if (rr.type == DNS_LEASED)
			size += RR_FIXED + rr.rdlen;
	}
	return size;
}

/* The markers are these, no more and no less (RFC 2136 2.4.2). */
static void put_condition(struct dns_writer *w, const struct lease_owner *o)
{
	const struct zone_node *node = zone_find(o->zone->mirror, o->name);
	struct zone_rr rr;
	size_t pos = 0;

	while (node && zone_node_next(node, &pos, &rr)) {
		if (rr.type == DNS_LEASED)
			dns_put_rr(w, 1, o->name, DNS_LEASED, DNS_IN, 0, rr.rdata, rr.rdlen);
	}
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
	uint8_t marker[MARKER_LEN];
	struct dns_mark before;
	const uint8_t *rdata;
	uint16_t len;

	dns_mark(w, &before);
	marker_write(&lease->marker, marker);
	dns_put_rr(w, 2, o->name, DNS_LEASED, DNS_NONE, 0, marker, MARKER_LEN);
	if (takes_record(lease)) {
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
	size_t given = *n, used = DNS_HEADER + dname_len(zone_apex(z->mirror)) + 4, i;
	struct dns_writer w;

	dns_writer_init(&w, out, size, id, DNS_UPDATE << 11);
	dns_put_question(&w, zone_apex(z->mirror), DNS_SOA, DNS_IN);

	for (*n = 0; *n < given; (*n)++) {
		struct lease_owner *o = owners[*n];
		const struct zone_node *node = zone_find(z->mirror, o->name);
		size_t need = look_over(o, node), condition = markers_size(node);

		/* Names with more markers than fit go alone, as far as they fit, and on
		 * no condition: who else would write markers?
		 */
		if (*n && used + need + condition > size)
			break;
		used += need + condition;
		if (need && used <= size)
			put_condition(&w, o);
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
