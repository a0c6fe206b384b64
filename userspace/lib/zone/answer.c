// SPDX-License-Identifier: GPL-2.0-or-later
#include "answer.h"

#include <string.h>

#include "public.h"
#include "zone.h"

#define HOPS_MAX	16	/* of CNAME and DNAME */
#define TARGETS_MAX	16	/* whose addresses are added */
#define TYPE_DS		43

enum section { ANSWER = 1, AUTHORITY, ADDITIONAL };

struct answer {
	const struct zone *z;
	struct dns_writer *w;
	uint16_t type;		/* that is asked for */
	bool public_only, no_room;
	/* Whose addresses would help; those up to n_glue have to be there. */
	const uint8_t *targets[TARGETS_MAX];
	unsigned int n_targets, n_glue;
	/* The owners in the answer so far. */
	uint8_t names[HOPS_MAX + 1][DNAME_MAX];
	unsigned int hops;
	/* Those whose DNAME is in the answer: it may apply more than once. */
	const struct zone_node *dnames[HOPS_MAX + 1];
	unsigned int n_dnames;
};

enum place {
	NOWHERE,	/* no such name */
	HERE,		/* the name itself, or the wildcard for it */
	BEYOND_CUT,	/* delegated at the node */
	BELOW_DNAME,
};

static void flag(struct answer *a, uint16_t bits)
{
	dns_put16(a->w->buf + 2, dns_flags(a->w->buf) | bits);
}

static bool next_served(const struct zone_node *n, uint16_t type, size_t *pos,
			struct zone_rr *rr)
{
	while (zone_node_next(n, pos, rr)) {
		if ((rr->type == type || type == DNS_ANY) && zone_rr_served(rr))
			return true;
	}
	return false;
}

static bool has(const struct zone_node *n, uint16_t type)
{
	struct zone_rr rr;
	size_t pos = 0;

	return next_served(n, type, &pos, &rr);
}

static void want_addresses(struct answer *a, const uint8_t *target)
{
	unsigned int i;

	if (a->n_targets == TARGETS_MAX || !dname_within(target, a->z->apex))
		return;
	for (i = 0; i < a->n_targets; i++) {
		if (dname_equal(a->targets[i], target))
			return;
	}
	a->targets[a->n_targets++] = target;
}

/* The whole RRset, or false and nothing of it. */
static bool put_rrset(struct answer *a, enum section where, const uint8_t *owner,
		      const struct zone_node *n, uint16_t type)
{
	struct dns_mark mark;
	struct zone_rr rr;
	size_t pos = 0;

	dns_mark(a->w, &mark);
	while (next_served(n, type, &pos, &rr)) {
		const uint8_t *target = rr_target(&rr);

		dns_put_rr(a->w, where, owner, rr.type, DNS_IN, rr.ttl, zone_rr_shown(&rr),
			   rr.rdlen);
		if (a->w->failed) {
			dns_rewind(a->w, &mark);
			return false;
		}
		if (target && where != ADDITIONAL)
			want_addresses(a, target);
	}
	return true;
}

/* One that the answer needs. */
static bool put_needed(struct answer *a, enum section where, const uint8_t *owner,
		       const struct zone_node *n, uint16_t type)
{
	if (!a->no_room && !put_rrset(a, where, owner, n, type)) {
		a->no_room = true;
		flag(a, DNS_TC);
	}
	return !a->no_room;
}

static void put_addresses(struct answer *a, const uint8_t *answered)
{
	unsigned int i;

	for (i = 0; i < a->n_targets && !a->no_room; i++) {
		const struct zone_node *n = zone_find(a->z, a->targets[i]);
		struct dns_mark mark;

		if (!n || (answered && dname_equal(answered, a->targets[i])) ||
		    (a->public_only && !zone_is_public(a->z, a->targets[i], DNS_A)))
			continue;

		dns_mark(a->w, &mark);
		if (put_rrset(a, ADDITIONAL, zone_node_name(n), n, DNS_A) &&
		    put_rrset(a, ADDITIONAL, zone_node_name(n), n, DNS_AAAA))
			continue;
		dns_rewind(a->w, &mark);
		a->no_room = true;
		if (i < a->n_glue)
			flag(a, DNS_TC);
	}
}

/* RFC 2308 3 and 5: for as long as the lesser of the SOA's TTL and minimum. */
static void put_negative(struct answer *a)
{
	const struct zone_node *n = zone_find(a->z, a->z->apex);
	uint32_t minimum = a->z->soa.timers[3];
	struct dns_mark mark;
	struct zone_rr rr;
	size_t pos = 0;

	if (a->no_room || !n || !next_served(n, DNS_SOA, &pos, &rr))
		return;
	dns_mark(a->w, &mark);
	dns_put_rr(a->w, AUTHORITY, a->z->apex, DNS_SOA, DNS_IN,
		   rr.ttl < minimum ? rr.ttl : minimum, zone_rr_shown(&rr), rr.rdlen);
	if (a->w->failed) {
		dns_rewind(a->w, &mark);
		a->no_room = true;
		flag(a, DNS_TC);
	}
}

static void put_referral(struct answer *a, const struct zone_node *cut)
{
	unsigned int i, k;

	/* Nothing of this zone but where to go; an alias that led here is. */
	if (!a->hops)
		dns_put16(a->w->buf + 2, dns_flags(a->w->buf) & (uint16_t)~DNS_AA);
	a->n_targets = 0;
	if (!put_needed(a, AUTHORITY, zone_node_name(cut), cut, DNS_NS))
		return;

	/* Addresses that can be had nowhere else come first (RFC 9471). */
	for (i = k = 0; i < a->n_targets; i++) {
		const uint8_t *target = a->targets[i];

		if (!dname_within(target, zone_node_name(cut)))
			continue;
		a->targets[i] = a->targets[k];
		a->targets[k++] = target;
	}
	a->n_glue = k;
	put_addresses(a, NULL);
}

/* "*" in front of @encloser, if there is such a name. */
static const struct zone_node *wildcard(const struct zone *z, const uint8_t *encloser)
{
	const struct zone_node *n;
	uint8_t name[DNAME_MAX];

	if (!dname_prefix("*", 1, encloser, name))
		return NULL;
	n = zone_find(z, name);
	return n && zone_node_exists(n) ? n : NULL;
}

/* Looks for @name downwards, from its ancestor that has @from labels more cut off. */
static enum place locate(const struct answer *a, const uint8_t *name, unsigned int from,
			 const struct zone_node **out)
{
	unsigned int i;

	for (i = from + 1; i-- > 0;) {
		const uint8_t *owner = dname_skip(name, i);
		const struct zone_node *n = zone_find(a->z, owner);

		if (!n || !zone_node_exists(n)) {
			*out = i < from ? wildcard(a->z, dname_skip(owner, 1)) : NULL;
			return *out ? HERE : NOWHERE;
		}
		*out = n;
		/* DS is the parent's (RFC 4035 3.1.4.1). */
		if (has(n, DNS_NS) && !dname_equal(owner, a->z->apex) &&
		    (i || a->type != TYPE_DS))
			return BEYOND_CUT;
		if (i && has(n, DNS_DNAME))
			return BELOW_DNAME;
	}
	return HERE;
}

/* All RRsets of the node, each of them whole. */
static bool put_any(struct answer *a, const uint8_t *owner, const struct zone_node *n)
{
	struct zone_rr rr;
	int last = -1;
	size_t pos = 0;

	/* They are sorted by type. */
	while (next_served(n, DNS_ANY, &pos, &rr)) {
		if (rr.type != last && !put_needed(a, ANSWER, owner, n, rr.type))
			break;
		last = rr.type;
	}
	return last >= 0;
}

/* Goes on with @target. False: the answer ends here. */
static bool hop(struct answer *a, const uint8_t *target)
{
	unsigned int i;

	if (a->no_room || a->hops == HOPS_MAX || !dname_within(target, a->z->apex))
		return false;
	for (i = 0; i <= a->hops; i++) {
		if (dname_equal(a->names[i], target))
			return false;
	}
	memcpy(a->names[++a->hops], target, dname_len(target));
	return true;
}

static bool has_put_dname(const struct answer *a, const struct zone_node *n)
{
	unsigned int i;

	for (i = 0; i < a->n_dnames; i++) {
		if (a->dnames[i] == n)
			return true;
	}
	return false;
}

/* A node that stands for the name asked for. False: the answer ends here. */
static bool answer_here(struct answer *a, const uint8_t *owner, const struct zone_node *n)
{
	struct zone_rr rr;
	size_t pos = 0;

	if (a->type == DNS_ANY) {
		if (!put_any(a, owner, n))
			put_negative(a);
		return false;
	}
	if (has(n, a->type)) {
		if (a->type != DNS_DNAME || !has_put_dname(a, n))
			put_needed(a, ANSWER, owner, n, a->type);
		return false;
	}
	if (!next_served(n, DNS_CNAME, &pos, &rr)) {
		put_negative(a);
		return false;
	}
	return put_needed(a, ANSWER, owner, n, DNS_CNAME) &&
	       dname_check(rr.rdata, rr.rdlen) && hop(a, zone_rr_shown(&rr));
}

/* RFC 6672 2.2 and 3.1. */
static bool answer_dname(struct answer *a, const uint8_t *name, const struct zone_node *n,
			 enum dns_rcode *rcode)
{
	size_t prefix = dname_len(name) - dname_len(zone_node_name(n)), len;
	uint8_t target[DNAME_MAX];
	struct zone_rr rr;
	size_t pos = 0;

	next_served(n, DNS_DNAME, &pos, &rr);
	if (!has_put_dname(a, n)) {
		if (!put_needed(a, ANSWER, zone_node_name(n), n, DNS_DNAME))
			return false;
		a->dnames[a->n_dnames++] = n;
	}

	len = dname_check(rr.rdata, rr.rdlen);
	if (!len || prefix + len > sizeof(target)) {
		*rcode = DNS_YXDOMAIN;
		return false;
	}
	memcpy(target, name, prefix);
	memcpy(target + prefix, zone_rr_shown(&rr), len);
	dns_put_rr(a->w, ANSWER, name, DNS_CNAME, DNS_IN, rr.ttl, target, prefix + len);
	if (a->w->failed) {
		a->w->failed = false;
		a->no_room = true;
		flag(a, DNS_TC);
	}
	return a->type != DNS_CNAME && a->type != DNS_ANY && hop(a, target);
}

static enum dns_rcode answer(struct answer *a)
{
	enum dns_rcode rcode = DNS_NOERROR;
	bool more = true;

	flag(a, DNS_AA);
	while (more) {
		const uint8_t *name = a->names[a->hops];
		const struct zone_node *n;
		int from = (int)(dname_labels(name) - dname_labels(a->z->apex));

		if (a->public_only)
			from = public_depth(a->z, name, a->type);
		if (from < 0)
			break;

		switch (locate(a, name, (unsigned int)from, &n)) {
		case NOWHERE:
			put_negative(a);
			return DNS_NXDOMAIN;
		case BEYOND_CUT:
			put_referral(a, n);
			return rcode;
		case BELOW_DNAME:
			more = answer_dname(a, name, n, &rcode);
			break;
		case HERE:
			more = answer_here(a, name, n);
			break;
		}
	}
	put_addresses(a, a->type == DNS_ANY ? a->names[0] : NULL);
	return rcode;
}

/* What can be said by the question alone; DNS_NOERROR: nothing. */
static enum dns_rcode judge(const struct zone *z, const struct dns_question *q,
			    const struct answer_view *view)
{
	bool served = z->soa.loaded && !view->expired;

	if (q->class_ != DNS_IN || !dname_within(q->name, z->apex))
		return DNS_REFUSED;
	/* Which addresses are public is not known before there is a zone. */
	if (view->public_only && !zone_is_public(z, q->name, q->type) &&
	    (z->soa.loaded || (q->type != DNS_A && q->type != DNS_AAAA)))
		return DNS_REFUSED;

	switch (q->type) {
	case 0:
	case DNS_OPT:
	case DNS_TSIG:
		return DNS_FORMERR;
	case DNS_AXFR:
	case DNS_IXFR:
		return DNS_REFUSED;
	case DNS_ANY:
		break;
	default:
		if (zone_is_meta(q->type))
			return DNS_NOTIMP;
	}
	return served ? DNS_NOERROR : DNS_SERVFAIL;
}

enum dns_rcode zone_answer(const struct zone *z, const struct dns_question *q,
			   const struct answer_view *view, struct dns_writer *w)
{
	struct answer a = { .z = z, .w = w, .type = q->type, .public_only = view->public_only };
	enum dns_rcode rcode = judge(z, q, view);

	if (w->failed)
		return DNS_SERVFAIL;
	if (rcode == DNS_NOERROR) {
		memcpy(a.names[0], q->name, dname_len(q->name));
		rcode = answer(&a);
	}
	flag(&a, (uint16_t)rcode);
	return rcode;
}
