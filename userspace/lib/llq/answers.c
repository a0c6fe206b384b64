// SPDX-License-Identifier: GPL-2.0-or-later
#include "answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int answers_unpack(const uint8_t *msg, size_t len, const struct dns_rr *rr,
		   struct answers_scratch *scratch, struct answer *out)
{
	int n = dns_rdata_canonical(msg, len, rr, scratch->canonical);

	if (n < 0)
		return n;
	dns_rdata_unpack(msg, len, rr, scratch->rdata);

	*out = (struct answer){
		.owner = rr->owner,
		.type = rr->type,
		.class_ = rr->class_,
		.ttl = rr->ttl,
		.rdata = scratch->rdata,
		.rdlen = (uint16_t)n,
	};
	return 0;
}

static size_t find(const struct answers *s, const struct answer *a,
		   const struct answers_scratch *scratch)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct answers_record *r = &s->records[i];

		if (r->type == a->type && r->class_ == a->class_ && r->rdlen == a->rdlen &&
		    !memcmp(r->rdata + r->rdlen, scratch->canonical, r->rdlen))
			break;
	}
	return i;
}

static int grow(struct answers *s)
{
	size_t room = s->room ? 2 * s->room : 4;
	struct answers_record *records;

	if (s->n < s->room)
		return 0;
	records = realloc(s->records, room * sizeof(*records));
	if (!records)
		return -ENOMEM;
	s->records = records;
	s->room = room;
	return 0;
}

int answers_add(struct answers *s, const struct answer *a, const struct answers_scratch *scratch)
{
	size_t i = find(s, a, scratch);
	struct answers_record *r;

	if (i < s->n) {
		s->records[i].ttl = a->ttl;
		s->records[i].marked = false;
		return 0;
	}
	if (s->n >= ANSWERS_MAX || a->rdlen > ANSWERS_OCTETS_MAX - s->octets)
		return -ENOSPC;
	if (grow(s))
		return -ENOMEM;

	r = &s->records[s->n];
	*r = (struct answers_record){
		.type = a->type,
		.class_ = a->class_,
		.rdlen = a->rdlen,
		.ttl = a->ttl,
		.rdata = malloc(a->rdlen ? 2 * (size_t)a->rdlen : 1),
	};
	if (!r->rdata)
		return -ENOMEM;
	memcpy(r->rdata, a->rdata, a->rdlen);
	memcpy(r->rdata + a->rdlen, scratch->canonical, a->rdlen);
	s->octets += a->rdlen;
	s->n++;
	return 1;
}

bool answers_remove(struct answers *s, const struct answer *a,
		    const struct answers_scratch *scratch)
{
	size_t i = find(s, a, scratch);

	if (i == s->n)
		return false;
	answers_drop(s, i);
	return true;
}

struct answer answers_at(const struct answers *s, size_t i, const uint8_t *owner)
{
	const struct answers_record *r = &s->records[i];

	return (struct answer){
		.owner = owner,
		.type = r->type,
		.class_ = r->class_,
		.ttl = r->ttl,
		.rdata = r->rdata,
		.rdlen = r->rdlen,
	};
}

void answers_drop(struct answers *s, size_t i)
{
	s->octets -= s->records[i].rdlen;
	free(s->records[i].rdata);
	s->records[i] = s->records[--s->n];
}

void answers_mark(struct answers *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		s->records[i].marked = true;
}

uint32_t answers_ttl(const struct answers *s)
{
	uint32_t ttl = UINT32_MAX;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->records[i].ttl < ttl)
			ttl = s->records[i].ttl;
	}
	return ttl;
}

void answers_clear(struct answers *s)
{
	while (s->n)
		answers_drop(s, s->n - 1);
	free(s->records);
	*s = (struct answers){ 0 };
}
