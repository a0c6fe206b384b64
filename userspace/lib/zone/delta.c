// SPDX-License-Identifier: GPL-2.0-or-later
#include "delta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/message.h"
#include "node.h"

#define FIXED	10	/* owner's length, flags, type, RDATA's length, TTL */
#define ADD	1	/* flags */
#define CASED	2	/* behind the RDATA it stands once more, as it came */

struct delta {
	uint8_t *buf;
	size_t len, size, max, n;
};

/* A step as it stands in the buffer. */
struct step {
	const uint8_t *at, *owner;
	size_t owner_len;
	bool add;
	struct zone_rr rr;
};

struct delta *delta_new(size_t max)
{
	struct delta *d = calloc(1, sizeof(*d));

	if (d)
		d->max = max;
	return d;
}

void delta_free(struct delta *d)
{
	if (!d)
		return;
	free(d->buf);
	free(d);
}

static int reserve(struct delta *d, size_t len)
{
	size_t size = d->size ? d->size : 1024;
	uint8_t *buf;

	/* The index that delta_apply() makes counts, too. */
	if (d->len + len + (d->n + 1) * sizeof(void *) > d->max)
		return -ENOBUFS;
	while (size < d->len + len)
		size *= 2;
	if (size == d->size)
		return 0;
	buf = realloc(d->buf, size);
	if (!buf)
		return -ENOMEM;
	d->buf = buf;
	d->size = size;
	return 0;
}

int delta_put(struct delta *d, bool add, const uint8_t *owner, const struct zone_rr *rr)
{
	size_t owner_len = dname_len(owner);
	size_t len = FIXED + owner_len + (rr->cased ? 2 : 1) * (size_t)rr->rdlen;
	uint8_t *p;
	int ret;

	ret = reserve(d, len);
	if (ret)
		return ret;

	p = d->buf + d->len;
	p[0] = (uint8_t)owner_len;
	p[1] = (add ? ADD : 0) | (rr->cased ? CASED : 0);
	dns_put16(p + 2, rr->type);
	dns_put16(p + 4, rr->rdlen);
	dns_put32(p + 6, rr->ttl);
	p += FIXED;
	memcpy(p, owner, owner_len);
	p += owner_len;
	if (rr->rdlen)
		memcpy(p, rr->rdata, rr->rdlen);
	if (rr->cased)
		memcpy(p + rr->rdlen, rr->cased, rr->rdlen);
	d->len += len;
	d->n++;
	return 0;
}

static struct step step_at(const uint8_t *p)
{
	struct step s = {
		.at = p,
		.owner_len = p[0],
		.add = p[1] & ADD,
		.owner = p + FIXED,
		.rr = {
			.type = dns_u16(p + 2),
			.rdlen = dns_u16(p + 4),
			.ttl = dns_u32(p + 6),
			.rdata = p + FIXED + p[0],
		},
	};

	if (p[1] & CASED)
		s.rr.cased = s.rr.rdata + s.rr.rdlen;
	return s;
}

static const uint8_t *step_end(const struct step *s)
{
	return zone_rr_shown(&s->rr) + s->rr.rdlen;
}

/* Those about the same record in a row, in the order in which they came. */
static int compare_records(const struct step *a, const struct step *b)
{
	int cmp;

	if (a->owner_len != b->owner_len)
		return a->owner_len < b->owner_len ? -1 : 1;
	cmp = memcmp(a->owner, b->owner, a->owner_len);
	if (cmp)
		return cmp;
	return node_rr_cmp(&a->rr, &b->rr);
}

static int compare(const void *pa, const void *pb)
{
	const struct step a = step_at(*(const uint8_t *const *)pa);
	const struct step b = step_at(*(const uint8_t *const *)pb);
	int cmp = compare_records(&a, &b);

	if (cmp)
		return cmp;
	return a.at < b.at ? -1 : a.at > b.at;
}

static const uint8_t **sorted(const struct delta *d)
{
	const uint8_t **index = malloc(d->n * sizeof(*index));
	const uint8_t *p = d->buf;
	size_t i;

	if (!index)
		return NULL;
	for (i = 0; i < d->n; i++) {
		struct step s = step_at(p);

		index[i] = p;
		p = step_end(&s);
	}
	qsort(index, d->n, sizeof(*index), compare);
	return index;
}

/* Can the steps be gone, each from what the one before has left? */
static bool fits(const struct delta *d, const uint8_t *const *index, const struct zone *z)
{
	struct step before = { 0 };
	bool there = false;
	size_t i;

	for (i = 0; i < d->n; i++) {
		struct step s = step_at(index[i]);

		if (!i || compare_records(&before, &s))
			there = zone_has(z, s.owner, s.rr.type, s.rr.rdata, s.rr.rdlen, NULL);
		if (!s.add && !there)
			return false;
		there = s.add;
		before = s;
	}
	return true;
}

long delta_apply(struct delta *d, struct zone *z)
{
	const uint8_t **index;
	long changes = 0;
	size_t i;

	if (!d->n)
		return 0;
	index = sorted(d);
	if (!index)
		return -ENOMEM;
	if (!fits(d, index, z)) {
		free(index);
		return -ESTALE;
	}

	for (i = 0; i < d->n; i++) {
		struct step s = step_at(index[i]), next;
		int ret;

		if (i + 1 < d->n) {
			next = step_at(index[i + 1]);
			if (!compare_records(&s, &next))
				continue;
		}
		/* Only where the record's way ends. */
		if (s.add)
			ret = zone_put(z, s.owner, &s.rr);
		else
			ret = zone_remove(z, s.owner, s.rr.type, s.rr.rdata, s.rr.rdlen);
		if (ret < 0) {
			free(index);
			return -EIO;
		}
		changes += !ret;
	}
	free(index);
	return changes;
}
