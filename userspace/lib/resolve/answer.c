// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <strings.h>

#include "resolve_int.h"

#define HOPS_MAX	8	/* of CNAME */
#define EXTRAS_MAX	16	/* names whose records are added */
#define UDP_LEAST	512	/* RFC 1035 4.2.1: without EDNS */
#define OPT_LEN		11	/* without options */
#define EDNS_DO		0x8000

enum section { ANSWER = 1, AUTHORITY, ADDITIONAL };

struct answer {
	const struct resolve *r;
	struct dns_writer *w;
	struct resolve_result *result;
	/* Names that are told beside the answer: of services, and of hosts */
	struct {
		const uint8_t *name;
		bool service;
	} extras[EXTRAS_MAX];
	unsigned int n_extras;
};

static void flag(struct answer *a, uint16_t bits)
{
	dns_put16(a->w->buf + 2, dns_flags(a->w->buf) | bits);
}

/* The host that an SRV record is of, or the instance that a PTR record names */
static void want_extra(struct answer *a, const struct resolve_rr *rr)
{
	const uint8_t *name = rr->type == DNS_SRV ? rr->rdata + 6 : rr->rdata;
	unsigned int i;

	if ((rr->type != DNS_SRV && rr->type != DNS_PTR) || a->n_extras == EXTRAS_MAX)
		return;
	for (i = 0; i < a->n_extras; i++) {
		if (dname_equal(a->extras[i].name, name))
			return;
	}
	a->extras[a->n_extras].name = name;
	a->extras[a->n_extras++].service = rr->type == DNS_PTR;
}

/* All of @type, or with DNS_ANY all there are, or nothing for lack of room. */
static bool put_set(struct answer *a, enum section where, const uint8_t *owner,
		    const struct resolve_rr *rr, uint16_t type)
{
	struct dns_mark mark;

	dns_mark(a->w, &mark);
	for (; rr && (type == DNS_ANY || rr->type == type); rr = rr->next) {
		dns_put_rr(a->w, where, owner, rr->type, DNS_IN, RESOLVE_TTL, rr->rdata,
			   rr->rdlen);
		if (a->w->failed) {
			dns_rewind(a->w, &mark);
			return false;
		}
		want_extra(a, rr);
	}
	return true;
}

/* One that has to be there */
static void put_needed(struct answer *a, const uint8_t *owner, const struct resolve_rr *rr,
		       uint16_t type)
{
	if (!put_set(a, ANSWER, owner, rr, type)) {
		flag(a, DNS_TC);
		a->n_extras = 0;
	}
}

/* RFC 6763 12: who asks for a service will ask for these next. */
static void put_extras(struct answer *a)
{
	static const uint16_t of_service[] = { DNS_SRV, DNS_TXT };
	static const uint16_t of_host[] = { DNS_AAAA, DNS_A };
	unsigned int i, k;

	/* Those of services add hosts to the list. */
	for (i = 0; i < a->n_extras; i++) {
		const uint16_t *types = a->extras[i].service ? of_service : of_host;
		const struct resolve_node *n = resolve_find(a->r, a->extras[i].name);

		for (k = 0; n && k < 2; k++) {
			if (!put_set(a, ADDITIONAL, n->name, resolve_first(n, types[k]),
				     types[k]))
				return;
		}
	}
}

static void put_soa(struct answer *a, enum section where, const uint8_t *owner)
{
	/* Refresh, retry, expire, and what counts for negative answers (RFC 2308) */
	static const uint32_t timers[] = { 3600, 600, 86400, RESOLVE_TTL };
	uint8_t rdata[2 * DNAME_MAX + 20], *p = rdata;
	size_t len = dname_len(a->r->domain), i;
	struct dns_mark mark;

	memcpy(p, a->r->domain, len);
	p += len;
	if (!dname_prefix("hostmaster", 10, a->r->domain, p))
		memcpy(p, a->r->domain, len);
	p += dname_len(p);
	dns_put32(p, a->r->serial);
	for (i = 0; i < 4; i++)
		dns_put32(p + 4 + 4 * i, timers[i]);
	p += 20;

	dns_mark(a->w, &mark);
	dns_put_rr(a->w, where, owner, DNS_SOA, DNS_IN, RESOLVE_TTL, rdata,
		   (size_t)(p - rdata));
	if (a->w->failed) {
		dns_rewind(a->w, &mark);
		flag(a, DNS_TC);
	}
}

/* A name that exists. True: it goes on with *name. */
static bool answer_here(struct answer *a, const uint8_t *owner, const struct resolve_node *n,
			uint16_t type, const uint8_t **name)
{
	bool apex = dname_equal(owner, a->r->domain);
	const struct resolve_rr *rr = n ? resolve_first(n, type) : NULL;

	if (type == DNS_ANY && n)
		rr = n->rrs;
	if (apex && (type == DNS_SOA || type == DNS_ANY))
		put_soa(a, ANSWER, owner);
	if (rr || (apex && (type == DNS_SOA || type == DNS_ANY))) {
		a->result->found = true;
		if (rr)
			put_needed(a, owner, rr, type);
		return false;
	}

	rr = n ? resolve_first(n, DNS_CNAME) : NULL;
	if (!rr) {
		put_soa(a, AUTHORITY, a->r->domain);
		return false;
	}
	a->result->found = true;
	put_needed(a, owner, rr, DNS_CNAME);
	*name = rr->rdata;
	return !(dns_flags(a->w->buf) & DNS_TC);
}

static enum dns_rcode answer(struct answer *a, const struct dns_question *q)
{
	const uint8_t *name = q->name;
	unsigned int hops;

	for (hops = 0; hops <= HOPS_MAX && dname_within(name, a->r->domain); hops++) {
		const struct resolve_node *n = resolve_find(a->r, name);

		if (!n && !dname_equal(name, a->r->domain)) {
			if (!a->r->complete)
				return hops ? DNS_NOERROR : DNS_SERVFAIL;
			flag(a, DNS_AA);
			put_soa(a, AUTHORITY, a->r->domain);
			return DNS_NXDOMAIN;
		}
		/* A name is known, but is all that it has? */
		if (!a->r->complete && !hops && q->type != DNS_SOA && q->type != DNS_ANY &&
		    (!n || (!resolve_first(n, q->type) && !resolve_first(n, DNS_CNAME))))
			return DNS_SERVFAIL;
		flag(a, DNS_AA);
		if (!answer_here(a, name, n, q->type, &name))
			break;
	}
	put_extras(a);
	return DNS_NOERROR;
}

static bool label_is(const uint8_t *label, const char *text)
{
	return *label == strlen(text) && !strncasecmp((const char *)label + 1, text, *label);
}

/*
 * _dns-update-tls._tcp.DOMAIN and its like say which servers there are. The zone has them
 * for everybody; no subscription tells them.
 */
static bool announces_servers(const struct resolve *r, const uint8_t *name)
{
	static const char prefix[] = "_dns-";
	const size_t len = sizeof(prefix) - 1;
	const uint8_t *protocol = name + 1 + *name;

	if (*name <= len || strncasecmp((const char *)name + 1, prefix, len) ||
	    label_is(name, "_dns-sd") || dname_equal(name, r->domain))
		return false;
	return (label_is(protocol, "_tcp") || label_is(protocol, "_udp")) &&
	       dname_equal(protocol + 1 + *protocol, r->domain);
}

/* What can be said by the question alone; DNS_NOERROR: nothing. */
static enum dns_rcode judge(const struct resolve *r, const struct dns_question *q)
{
	if (q->class_ != DNS_IN || !dname_within(q->name, r->domain) ||
	    announces_servers(r, q->name))
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
		return DNS_NOERROR;
	default:
		/* Meta types, RFC 6895 3.1 */
		return q->type >= 128 && q->type <= 255 ? DNS_NOTIMP : DNS_NOERROR;
	}
}

/* How long the answer may be. */
static size_t room(bool stream, const struct dns_shape *shape, size_t size)
{
	size_t most = UDP_LEAST;

	if (stream)
		return size < DNS_MAX ? size : DNS_MAX;
	if (shape->has_opt && shape->udp_size > most)
		most = shape->udp_size < DNS_UDP_MAX ? shape->udp_size : DNS_UDP_MAX;
	return size < most ? size : most;
}

/* Into @a->w, which has the question */
static void respond(struct answer *a, const struct dns_shape *shape)
{
	const struct dns_question *q = &a->result->question;
	enum dns_rcode rcode = DNS_REFUSED;
	uint32_t opt_ttl = shape->opt_ttl & EDNS_DO;

	if (shape->has_opt)
		a->w->size -= OPT_LEN;
	if (shape->has_opt && shape->edns_version) {
		rcode = DNS_BADVERS;
	} else if (!shape->has_tsig) {
		/* (Who signs takes no answer without signature, and we have no keys.) */
		rcode = judge(a->r, q);
		a->result->in_domain = rcode == DNS_NOERROR;
		if (rcode == DNS_NOERROR)
			rcode = answer(a, q);
	}

	a->result->rcode = rcode;
	flag(a, rcode & 15);
	if (shape->has_opt) {
		a->w->size += OPT_LEN;
		opt_ttl |= (uint32_t)rcode >> 4 << 24;
		dns_put_opt(a->w, DNS_UDP_MAX, opt_ttl, NULL, 0);
	}
}

size_t resolve_answer(const struct resolve *r, bool stream, const uint8_t *msg, size_t len,
		      uint8_t *out, size_t size, struct resolve_result *result)
{
	struct resolve_result scratch;
	struct dns_shape shape;
	struct dns_writer w;
	struct dns_walk walk;
	struct answer a = { .r = r, .w = &w, .result = result ? result : &scratch };
	struct dns_question *q = &a.result->question;

	memset(a.result, 0, sizeof(*a.result));
	if (len < DNS_HEADER || dns_flags(msg) & DNS_QR)
		return 0;
	a.result->rcode = dns_opcode(msg) == DNS_QUERY ? DNS_FORMERR : DNS_NOTIMP;
	if (a.result->rcode == DNS_NOTIMP || dns_shape(msg, len, &shape) ||
	    dns_count(msg, 0) != 1 || dns_walk_init(&walk, msg, len) ||
	    dns_walk_question(&walk, q) != 1)
		return dns_error_response(msg, len, a.result->rcode, out, size);

	dns_writer_init(&w, out, room(stream, &shape, size), dns_id(msg),
			DNS_QR | (dns_flags(msg) & DNS_RD));
	dns_put_question(&w, q->name, q->type, q->class_);
	respond(&a, &shape);
	return w.failed ? 0 : w.len;
}
