// SPDX-License-Identifier: GPL-2.0-or-later
/* Sets of records to publish. */
#include <stdlib.h>
#include <string.h>

#include "client_int.h"

struct lease_client_set *lease_client_set_new(const struct lease_client_record *records,
					      size_t n)
{
	struct lease_client_set *s;
	size_t octets = 0, i;
	uint8_t *p;

	for (i = 0; i < n; i++)
		octets += dname_len(records[i].owner) + records[i].rdlen;
	s = malloc(sizeof(*s) + n * sizeof(*records) + octets);
	if (!s)
		return NULL;
	s->refs = 1;
	s->n = n;
	p = (uint8_t *)(s->records + n);
	for (i = 0; i < n; i++) {
		struct lease_client_record *r = &s->records[i];
		size_t len = dname_len(records[i].owner);

		*r = records[i];
		r->owner = memcpy(p, records[i].owner, len);
		p += len;
		r->rdata = p;
		if (r->rdlen)
			memcpy(p, records[i].rdata, r->rdlen);
		p += r->rdlen;
	}
	return s;
}

struct lease_client_set *lease_client_set_ref(struct lease_client_set *s)
{
	s->refs++;
	return s;
}

void lease_client_set_unref(struct lease_client_set *s)
{
	if (s && !--s->refs)
		free(s);
}

bool lease_client_same_rrset(const struct lease_client_record *a,
			     const struct lease_client_record *b)
{
	return a->type == b->type && dname_equal(a->owner, b->owner);
}

static const struct lease_client_record *find(const struct lease_client_set *s,
					      const struct lease_client_record *r)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct lease_client_record *x = &s->records[i];

		if (lease_client_same_rrset(x, r) && x->rdlen == r->rdlen &&
		    (!r->rdlen || !memcmp(x->rdata, r->rdata, r->rdlen)))
			return x;
	}
	return NULL;
}

bool lease_client_set_has(const struct lease_client_set *s, const struct lease_client_record *r)
{
	return find(s, r);
}

static bool within(const struct lease_client_set *a, const struct lease_client_set *b)
{
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct lease_client_record *x = find(b, &a->records[i]);

		if (!x || x->ttl != a->records[i].ttl || x->shared != a->records[i].shared)
			return false;
	}
	return true;
}

bool lease_client_set_equal(const struct lease_client_set *a, const struct lease_client_set *b)
{
	return within(a, b) && within(b, a);
}
