/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a primary makes of an update, RFC 2136 3, in a zone in memory. After test_zone.h. */
#ifndef BTMM_DNSD_PRIMARY_H
#define BTMM_DNSD_PRIMARY_H

#include "../lib/lease/request.h"

static inline void set_serial(struct zone *z, uint32_t serial)
{
	uint8_t rd[RDATA_TEXT_MAX];
	char text[32];
	uint16_t len;

	snprintf(text, sizeof(text), "%u", serial);
	len = rdata(DNS_SOA, text, rd);
	assert_true(zone_add(z, zone_apex(z), DNS_SOA, 3600, rd, len) >= 0);
}

static inline bool rr_is(const struct zone_rr *rr, const struct update_rr *u)
{
	return rr->type == u->type && rr->rdlen == u->rdlen &&
	       !memcmp(rr->rdata, u->rdata, u->rdlen);
}

/* RFC 2136 3.2.5, of one value-dependent RRset: are both the same set? */
static inline bool same_set(const struct zone *z, const struct update_msg *m,
			    const struct update_rr *first)
{
	const struct zone_node *node = zone_find(z, first->owner);
	size_t i, pos = 0, wanted = 0, there = 0;
	struct zone_rr rr;

	for (i = 0; i < m->n_prereqs; i++) {
		const struct update_rr *p = &m->rrs[i];

		if (p->kind != PREREQ_VALUE || p->type != first->type ||
		    !dname_equal(p->owner, first->owner))
			continue;
		wanted++;
		if (!zone_has(z, p->owner, p->type, p->rdata, p->rdlen, NULL))
			return false;
	}
	while (node && zone_node_next(node, &pos, &rr))
		there += rr.type == first->type;
	return there == wanted;
}

static inline uint8_t check_prereq(const struct zone *z, const struct update_msg *m,
				   const struct update_rr *p)
{
	const struct zone_node *node = zone_find(z, p->owner);
	bool name = false, set = false;
	struct zone_rr rr;
	size_t pos = 0;

	while (node && zone_node_next(node, &pos, &rr)) {
		name = true;
		set |= rr.type == p->type;
	}
	switch (p->kind) {
	case PREREQ_RRSET:
		return set ? 0 : DNS_NXRRSET;
	case PREREQ_NO_RRSET:
		return set ? DNS_YXRRSET : 0;
	case PREREQ_NAME:
		return name ? 0 : DNS_NXDOMAIN;
	case PREREQ_NO_NAME:
		return name ? DNS_YXDOMAIN : 0;
	default:
		return same_set(z, m, p) ? 0 : DNS_NXRRSET;
	}
}

static inline bool remove_some(struct zone *z, const struct update_rr *d)
{
	const struct zone_node *node;
	bool changed = false, more = true;
	uint8_t data[2048];
	struct zone_rr rr;

	while (more) {
		size_t pos = 0;

		more = false;
		node = zone_find(z, d->owner);
		while (node && zone_node_next(node, &pos, &rr)) {
			bool hit = d->kind == UPDATE_DELETE_RR ? rr_is(&rr, d) :
				   d->kind == UPDATE_DELETE_NAME || rr.type == d->type;

			if (!hit || rr.type == DNS_SOA)
				continue;
			memcpy(data, rr.rdata, rr.rdlen);
			assert_int_equal(zone_remove(z, d->owner, rr.type, data, rr.rdlen), 0);
			changed = true;
			more = true;
			break;
		}
	}
	return changed;
}

/* Return: the RCODE. *serial goes up by one if anything has changed. */
static inline uint8_t primary_apply(struct zone *z, uint32_t *serial, const uint8_t *msg,
				    size_t len)
{
	struct update_msg m;
	bool changed = false;
	uint8_t rcode = (uint8_t)update_parse(msg, len, &m);
	size_t i;

	assert_int_equal(rcode, 0);
	assert_false(m.has_opt);
	for (i = 0; i < m.n_prereqs && !rcode; i++)
		rcode = check_prereq(z, &m, &m.rrs[i]);
	for (; i < m.n_rrs && !rcode; i++) {
		const struct update_rr *rr = &m.rrs[i];

		if (rr->kind == UPDATE_ADD)
			changed |= !zone_add(z, rr->owner, rr->type, rr->ttl,
					     rr->rdata, rr->rdlen);
		else
			changed |= remove_some(z, rr);
	}
	if (changed) {
		set_serial(z, ++*serial);
	}
	update_msg_free(&m);
	return rcode;
}

#endif
