// SPDX-License-Identifier: GPL-2.0-or-later
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK		4000

/* What the records point into: grows, never moves. */
struct chunk {
	struct chunk *next;
	size_t used, size;
	uint8_t b[];
};

struct reader {
	struct update_msg *m;
	const uint8_t *msg;
	size_t len;
	size_t room;			/* of m->rrs */
	uint8_t rdata[UINT16_MAX];
};

static uint8_t *keep(struct reader *r, const uint8_t *data, size_t len)
{
	struct chunk *c = r->m->octets;
	uint8_t *p;

	if (!c || len > c->size - c->used) {
		size_t size = len > CHUNK ? len : CHUNK;

		c = malloc(sizeof(*c) + size);
		if (!c)
			return NULL;
		*c = (struct chunk){ .next = r->m->octets, .size = size };
		r->m->octets = c;
	}
	p = c->b + c->used;
	if (len)
		memcpy(p, data, len);
	c->used += len;
	return p;
}

void update_msg_free(struct update_msg *m)
{
	struct chunk *c, *next;

	for (c = m->octets; c; c = next) {
		next = c->next;
		free(c);
	}
	free(m->rrs);
	m->octets = NULL;
	m->rrs = NULL;
	m->n_prereqs = m->n_rrs = 0;
}

/* Question and meta types, RFC 6895 3.1: not of data. */
static bool is_meta(uint16_t type)
{
	return !type || type == DNS_OPT || (type >= 128 && type <= 255);
}

/* RFC 2136 3.2.5. */
static enum dns_rcode prereq_kind(const struct dns_rr *rr, struct update_rr *out)
{
	bool any = rr->type == DNS_ANY;

	if (rr->ttl || (is_meta(rr->type) && !any))
		return DNS_FORMERR;

	switch (rr->class_) {
	case DNS_CLASS_ANY:
		out->kind = any ? PREREQ_NAME : PREREQ_RRSET;
		return rr->rdlen ? DNS_FORMERR : DNS_NOERROR;
	case DNS_NONE:
		out->kind = any ? PREREQ_NO_NAME : PREREQ_NO_RRSET;
		return rr->rdlen ? DNS_FORMERR : DNS_NOERROR;
	case DNS_IN:
		out->kind = PREREQ_VALUE;
		return any ? DNS_FORMERR : DNS_NOERROR;
	default:
		return DNS_FORMERR;
	}
}

/* RFC 2136 3.4.1.3. */
static enum dns_rcode update_kind(const struct dns_rr *rr, struct update_rr *out)
{
	bool any = rr->type == DNS_ANY;

	if (is_meta(rr->type) && !(any && rr->class_ == DNS_CLASS_ANY))
		return DNS_FORMERR;

	switch (rr->class_) {
	case DNS_CLASS_ANY:
		out->kind = any ? UPDATE_DELETE_NAME : UPDATE_DELETE_RRSET;
		return rr->ttl || rr->rdlen ? DNS_FORMERR : DNS_NOERROR;
	case DNS_NONE:
		out->kind = UPDATE_DELETE_RR;
		return rr->ttl ? DNS_FORMERR : DNS_NOERROR;
	case DNS_IN:
		out->kind = UPDATE_ADD;
		return DNS_NOERROR;
	default:
		return DNS_FORMERR;
	}
}

static enum dns_rcode read_rdata(struct reader *r, const struct dns_rr *rr,
				 struct update_rr *out)
{
	int len = dns_rdata_canonical(r->msg, r->len, rr, r->rdata);

	if (len < 0)
		return DNS_FORMERR;

	out->rdlen = (uint16_t)len;
	out->rdata = keep(r, r->rdata, out->rdlen);
	out->sent = out->rdata;
	if (!out->rdata)
		return DNS_SERVFAIL;
	if (out->kind != UPDATE_ADD)
		return DNS_NOERROR;

	/* People read the names of services, so what is stored shall have the case that
	 * was asked for.
	 */
	dns_rdata_unpack(r->msg, r->len, rr, r->rdata);
	if (memcmp(r->rdata, out->rdata, out->rdlen))
		out->sent = keep(r, r->rdata, out->rdlen);
	return out->sent ? DNS_NOERROR : DNS_SERVFAIL;
}

static struct update_rr *next_rr(struct reader *r)
{
	struct update_msg *m = r->m;
	struct update_rr *more;

	if (m->n_rrs == r->room) {
		r->room = r->room ? 2 * r->room : 8;
		more = realloc(m->rrs, r->room * sizeof(*more));
		if (!more)
			return NULL;
		m->rrs = more;
	}
	more = &m->rrs[m->n_rrs];
	memset(more, 0, sizeof(*more));
	return more;
}

static enum dns_rcode read_rr(struct reader *r, int section, struct dns_rr *rr)
{
	struct update_msg *m = r->m;
	struct update_rr *out;
	enum dns_rcode rcode;

	if (m->n_rrs == UPDATE_RECORDS_MAX)
		return DNS_REFUSED;
	out = next_rr(r);
	if (!out)
		return DNS_SERVFAIL;

	out->type = rr->type;
	out->ttl = rr->ttl;
	rcode = section == 1 ? prereq_kind(rr, out) : update_kind(rr, out);
	if (rcode)
		return rcode;
	if (out->kind == PREREQ_VALUE || out->kind == UPDATE_ADD ||
	    out->kind == UPDATE_DELETE_RR) {
		rcode = read_rdata(r, rr, out);
		if (rcode)
			return rcode;
	}

	dname_lower(rr->owner);
	if (!dname_within(rr->owner, m->zone))
		return DNS_NOTZONE;
	out->owner = keep(r, rr->owner, dname_len(rr->owner));
	if (!out->owner)
		return DNS_SERVFAIL;
	m->n_rrs++;
	m->n_prereqs += section == 1;
	return DNS_NOERROR;
}

static enum dns_rcode read_opt(struct update_msg *m, const struct dns_rr *rr)
{
	struct edns_option o;
	size_t pos = 0;
	int ret;

	if (m->has_opt)
		return DNS_FORMERR;
	m->has_opt = true;

	while ((ret = edns_next(rr->rdata, rr->rdlen, &pos, &o)) > 0) {
		if (o.code != EDNS_UPDATE_LEASE)
			continue;
		if (m->has_lease || lease_option_read(&o, &m->lease))
			return DNS_FORMERR;
		m->has_lease = true;
	}
	return ret ? DNS_FORMERR : DNS_NOERROR;
}

/* RFC 2136 3.1.1 */
static enum dns_rcode read_zone(struct dns_walk *w, struct update_msg *m)
{
	struct dns_question q;

	if (dns_count(w->msg, 0) != 1 || dns_walk_question(w, &q) != 1 || q.type != DNS_SOA)
		return DNS_FORMERR;
	if (q.class_ != DNS_IN)
		return DNS_NOTAUTH;

	memcpy(m->zone, q.name, dname_len(q.name));
	dname_lower(m->zone);
	return DNS_NOERROR;
}

enum dns_rcode update_parse(const uint8_t *msg, size_t len, struct update_msg *out)
{
	struct reader r;
	enum dns_rcode rcode;
	struct dns_walk w;
	struct dns_rr rr;
	int ret;

	memset(out, 0, sizeof(*out));
	if (dns_walk_init(&w, msg, len))
		return DNS_FORMERR;
	if (dns_opcode(msg) != DNS_UPDATE || dns_flags(msg) & DNS_QR)
		return DNS_NOTIMP;

	r.m = out;
	r.msg = msg;
	r.len = len;
	r.room = 0;
	rcode = read_zone(&w, out);
	while (!rcode && (ret = dns_walk_rr(&w, &rr))) {
		if (ret < 0)
			return DNS_FORMERR;
		if (w.section < 3)
			rcode = read_rr(&r, w.section, &rr);
		else if (rr.type == DNS_OPT)
			rcode = read_opt(out, &rr);
	}
	return rcode;
}
