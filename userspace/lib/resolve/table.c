// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolve_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST	64

struct resolve *resolve_new(const uint8_t *domain)
{
	struct resolve *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->n_buckets = BUCKETS_FIRST;
	r->buckets = calloc(r->n_buckets, sizeof(struct resolve_node *));
	if (!r->buckets) {
		free(r);
		return NULL;
	}
	r->serial = 1;
	memcpy(r->domain, domain, dname_len(domain));
	return r;
}

void resolve_free(struct resolve *r)
{
	int source;

	if (!r)
		return;
	for (source = 0; source < RESOLVE_SOURCES; source++)
		resolve_clear(r, (enum resolve_source)source);
	free(r->buckets);
	free(r);
}

static struct resolve_node **bucket(const struct resolve *r, uint64_t hash)
{
	return &r->buckets[hash & (r->n_buckets - 1)];
}

struct resolve_node *resolve_find(const struct resolve *r, const uint8_t *name)
{
	uint64_t hash = dname_hash(name);
	struct resolve_node *n;

	for (n = *bucket(r, hash); n; n = n->next) {
		if (n->hash == hash && dname_equal(n->name, name))
			return n;
	}
	return NULL;
}

const struct resolve_rr *resolve_first(const struct resolve_node *n, uint16_t type)
{
	const struct resolve_rr *rr = n->rrs;

	while (rr && rr->type < type)
		rr = rr->next;
	return rr && rr->type == type ? rr : NULL;
}

/* Twice as many buckets; without memory, it goes on with those there are. */
static void grow(struct resolve *r)
{
	struct resolve_node **old = r->buckets, *n, *next;
	size_t n_old = r->n_buckets, i;

	r->buckets = calloc(2 * n_old, sizeof(struct resolve_node *));
	if (!r->buckets) {
		r->buckets = old;
		return;
	}
	r->n_buckets = 2 * n_old;
	for (i = 0; i < n_old; i++) {
		for (n = old[i]; n; n = next) {
			struct resolve_node **to = bucket(r, n->hash);

			next = n->next;
			n->next = *to;
			*to = n;
		}
	}
	free(old);
}

/* Frees it, and those above it, as far as nothing needs them. */
static void drop_unused(struct resolve *r, struct resolve_node *n)
{
	while (n && !n->rrs && !n->children) {
		struct resolve_node *parent = n->parent, **at = bucket(r, n->hash);

		while (*at != n)
			at = &(*at)->next;
		*at = n->next;
		free(n);
		r->n_nodes--;
		if (parent)
			parent->children--;
		n = parent;
	}
}

static struct resolve_node *new_node(struct resolve *r, const uint8_t *name)
{
	size_t len = dname_len(name);
	struct resolve_node *n = calloc(1, sizeof(*n) + len);

	if (!n)
		return NULL;
	if (r->n_nodes >= r->n_buckets)
		grow(r);
	memcpy(n->name, name, len);
	n->hash = dname_hash(name);
	n->next = *bucket(r, n->hash);
	*bucket(r, n->hash) = n;
	r->n_nodes++;
	return n;
}

/* The node of @name, which is in the domain, with all those above it. */
static struct resolve_node *make_node(struct resolve *r, const uint8_t *name)
{
	unsigned int depth = dname_labels(name) - dname_labels(r->domain), i;
	struct resolve_node *n = NULL, *above = NULL;

	for (i = depth + 1; i-- > 0;) {
		n = resolve_find(r, dname_skip(name, i));
		if (!n) {
			n = new_node(r, dname_skip(name, i));
			if (!n) {
				drop_unused(r, above);
				return NULL;
			}
			n->parent = above;
			if (above)
				above->children++;
		}
		above = n;
	}
	return n;
}

/* Canonical form into r->canonical. False: it does not fit its type. */
static bool check_rdata(struct resolve *r, uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	struct dns_rr rr = { .type = type, .rdata = rdata, .rdlen = (uint16_t)rdlen };

	/* Of another length, there was a pointer in it. */
	return rdlen && rdlen <= UINT16_MAX &&
	       dns_rdata_canonical(rdata, rdlen, &rr, r->canonical) == (int)rdlen;
}

/* Where in @n the record with that canonical RDATA is or, as *at is NULL or another,
 * has to go.
 */
static struct resolve_rr **place(const struct resolve *r, struct resolve_node *n,
				 uint16_t type, size_t rdlen, bool *there)
{
	struct resolve_rr **at = &n->rrs;

	*there = false;
	while (*at && (*at)->type <= type) {
		const struct resolve_rr *rr = *at;

		if (rr->type == type && rr->rdlen == rdlen &&
		    !memcmp(rr->rdata + rdlen, r->canonical, rdlen)) {
			*there = true;
			break;
		}
		at = &(*at)->next;
	}
	return at;
}

static bool is_record_type(uint16_t type)
{
	/* RFC 6895 3.1; the apex's SOA is ours. */
	return type && type != DNS_OPT && type != DNS_SOA && (type < 128 || type > 255);
}

int resolve_add(struct resolve *r, enum resolve_source source, const uint8_t *owner,
		uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	struct resolve_rr **at, *rr;
	struct resolve_node *n;
	bool there;

	if (!dname_within(owner, r->domain) || !is_record_type(type) ||
	    !check_rdata(r, type, rdata, rdlen))
		return -EINVAL;
	n = make_node(r, owner);
	if (!n)
		return -ENOMEM;
	at = place(r, n, type, rdlen, &there);
	if (there) {
		(*at)->sources |= 1u << source;
		return 0;
	}

	if (r->n_rrs == RESOLVE_MAX || r->octets + 2 * rdlen > RESOLVE_OCTETS) {
		drop_unused(r, n);
		return -ENOSPC;
	}
	rr = malloc(sizeof(*rr) + 2 * rdlen);
	if (!rr) {
		drop_unused(r, n);
		return -ENOMEM;
	}
	rr->next = *at;
	rr->sources = 1u << source;
	rr->type = type;
	rr->rdlen = (uint16_t)rdlen;
	memcpy(rr->rdata, rdata, rdlen);
	memcpy(rr->rdata + rdlen, r->canonical, rdlen);
	*at = rr;
	r->n_rrs++;
	r->octets += 2 * rdlen;
	r->serial++;
	return 0;
}

/* Takes the source from *at; true: nobody wants it any more, it is gone. */
static bool release(struct resolve *r, enum resolve_source source, struct resolve_rr **at)
{
	struct resolve_rr *rr = *at;

	rr->sources &= ~(1u << source);
	if (rr->sources)
		return false;
	*at = rr->next;
	r->n_rrs--;
	r->octets -= 2u * rr->rdlen;
	r->serial++;
	free(rr);
	return true;
}

bool resolve_remove(struct resolve *r, enum resolve_source source, const uint8_t *owner,
		    uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	struct resolve_node *n = resolve_find(r, owner);
	struct resolve_rr **at;
	bool there;

	if (!n || !check_rdata(r, type, rdata, rdlen))
		return false;
	at = place(r, n, type, rdlen, &there);
	if (!there || !((*at)->sources & 1u << source))
		return false;
	release(r, source, at);
	drop_unused(r, n);
	return true;
}

static void release_all(struct resolve *r, enum resolve_source source, struct resolve_node *n,
			uint16_t type)
{
	struct resolve_rr **at = &n->rrs;

	while (*at) {
		if ((type && (*at)->type != type) || !((*at)->sources & 1u << source) ||
		    !release(r, source, at))
			at = &(*at)->next;
	}
}

void resolve_remove_set(struct resolve *r, enum resolve_source source, const uint8_t *owner,
			uint16_t type)
{
	struct resolve_node *n = resolve_find(r, owner);

	if (!n)
		return;
	release_all(r, source, n, type);
	drop_unused(r, n);
}

void resolve_clear(struct resolve *r, enum resolve_source source)
{
	struct resolve_node *n;
	size_t i;

	for (i = 0; i < r->n_buckets; i++) {
		for (n = r->buckets[i]; n; n = n->next)
			release_all(r, source, n, 0);
	}
	for (i = 0; i < r->n_buckets; i++) {
		n = r->buckets[i];
		while (n) {
			bool used = n->rrs || n->children;

			/* Its parents, which go with it, may be in this bucket, too. */
			if (!used)
				drop_unused(r, n);
			n = used ? n->next : r->buckets[i];
		}
	}
}

void resolve_set_complete(struct resolve *r, bool complete)
{
	r->complete = complete;
}

size_t resolve_count(const struct resolve *r)
{
	return r->n_rrs;
}
