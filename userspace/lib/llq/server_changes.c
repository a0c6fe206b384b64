// SPDX-License-Identifier: GPL-2.0-or-later
#include "server_changes.h"

#include <stdlib.h>
#include <string.h>

#include "../dns/message.h"

/* In front of the RDATA; in memory only, so without byte order. */
struct packed {
	uint32_t ttl_before, ttl_after;
	uint16_t type, rdlen;
	uint8_t before, after, repeat, cased;
};

#define PACKED	sizeof(struct packed)
/* On disk: type, TTL, length, and these flags */
#define KEPT	9
#define KEPT_UNCERTAIN	1
#define KEPT_CASED	2	/* behind the RDATA it stands once more, as it came */

static size_t rdata_len(const struct subs_change *c)
{
	return (c->cased ? 2 : 1) * (size_t)c->rdlen;
}

static void put_rdata(uint8_t *p, const struct subs_change *c)
{
	if (c->rdlen)
		memcpy(p, c->rdata, c->rdlen);
	if (c->cased)
		memcpy(p + c->rdlen, c->cased, c->rdlen);
}

static size_t unpack(const uint8_t *p, struct subs_change *out)
{
	struct packed h;

	memcpy(&h, p, PACKED);
	*out = (struct subs_change){
		.type = h.type, .rdlen = h.rdlen, .rdata = p + PACKED,
		.ttl_before = h.ttl_before, .ttl_after = h.ttl_after,
		.before = h.before, .after = h.after, .repeat = h.repeat,
		.cased = h.cased ? p + PACKED + h.rdlen : NULL,
	};
	return PACKED + rdata_len(out);
}

static size_t pack(uint8_t *p, const struct subs_change *in)
{
	struct packed h;

	memset(&h, 0, PACKED);
	h.type = in->type;
	h.rdlen = in->rdlen;
	h.ttl_before = in->ttl_before;
	h.ttl_after = in->ttl_after;
	h.before = in->before;
	h.after = in->after;
	h.repeat = in->repeat;
	h.cased = !!in->cased;
	memcpy(p, &h, PACKED);
	put_rdata(p + PACKED, in);
	return PACKED + rdata_len(in);
}

bool subs_changes_next(const struct subs_changes *c, size_t *pos, struct subs_change *out)
{
	if (*pos >= c->len)
		return false;
	*pos += unpack(c->data + *pos, out);
	return true;
}

void subs_changes_unref(struct subs_changes *c)
{
	if (c && !--c->refs)
		free(c);
}

void subs_collect(struct subs_collect *c, const struct subs_change *change)
{
	size_t len = PACKED + rdata_len(change);

	if (c->failed)
		return;
	if (len > c->room - c->len) {
		size_t room = 2 * c->room > c->len + len ? 2 * c->room : c->len + len + 256;
		uint8_t *buf = realloc(c->buf, room);

		if (!buf) {
			c->failed = true;
			return;
		}
		c->buf = buf;
		c->room = room;
	}
	c->len += pack(c->buf + c->len, change);
	c->n++;
}

void subs_collect_rr(struct subs_collect *c, bool add, const struct zone_rr *rr)
{
	const struct subs_change change = {
		.type = rr->type, .rdlen = rr->rdlen, .rdata = rr->rdata, .cased = rr->cased,
		.before = !add, .after = add,
		.ttl_before = add ? 0 : rr->ttl, .ttl_after = add ? rr->ttl : 0,
	};

	subs_collect(c, &change);
}

void subs_collect_all(struct subs_collect *c, const struct subs_changes *all, size_t pos,
		      bool reverse)
{
	struct subs_change in;

	while (subs_changes_next(all, &pos, &in)) {
		if (reverse) {
			struct subs_change out = in;

			out.before = in.after;
			out.after = in.before;
			out.ttl_before = in.ttl_after;
			out.ttl_after = in.ttl_before;
			out.repeat = false;
			in = out;
		}
		subs_collect(c, &in);
	}
}

/* By record; of one record, as they happened, that is, as they stand in memory. */
static int compare(const void *one, const void *other)
{
	const uint8_t *p = *(const uint8_t *const *)one;
	const uint8_t *q = *(const uint8_t *const *)other;
	struct subs_change a, b;
	int d;

	unpack(p, &a);
	unpack(q, &b);
	if (a.type != b.type)
		return a.type < b.type ? -1 : 1;
	if (a.rdlen != b.rdlen)
		return a.rdlen < b.rdlen ? -1 : 1;
	d = memcmp(a.rdata, b.rdata, a.rdlen);
	if (d)
		return d;
	return p < q ? -1 : p > q;
}

static bool same_record(const struct subs_change *a, const struct subs_change *b)
{
	return a->type == b->type && a->rdlen == b->rdlen &&
	       !memcmp(a->rdata, b->rdata, a->rdlen);
}

static bool says_something(const struct subs_change *c)
{
	if (c->before != c->after)
		return true;
	return c->after && (c->repeat || c->ttl_before != c->ttl_after);
}

/* Those of one record, from @i on, as one change. Return: behind them. */
static uint32_t join(uint8_t *const *v, uint32_t i, uint32_t n, struct subs_change *out)
{
	const uint8_t *cased;
	struct subs_change next;

	unpack(v[i], out);
	cased = out->cased;
	for (i++; i < n; i++) {
		unpack(v[i], &next);
		if (!same_record(out, &next))
			break;
		/* What is gone had the case that is known of it. */
		out->cased = next.after ? next.cased : cased;
		out->after = next.after;
		out->ttl_after = next.ttl_after;
		out->repeat |= next.repeat;
	}
	out->repeat = out->repeat && out->after;
	return i;
}

struct subs_changes *subs_collect_end(struct subs_collect *c)
{
	struct subs_changes *out = NULL;
	uint8_t **v = NULL;
	uint32_t i, n = 0;
	size_t pos = 0;

	if (!c->failed)
		v = malloc((c->n + 1) * sizeof(*v));
	if (v)
		out = malloc(sizeof(*out) + c->len);
	if (out) {
		struct subs_change change, first;

		for (; pos < c->len; n++) {
			v[n] = c->buf + pos;
			pos += unpack(c->buf + pos, &first);
		}
		qsort(v, n, sizeof(*v), compare);

		*out = (struct subs_changes){ .refs = 1 };
		for (i = 0; i < n; ) {
			i = join(v, i, n, &change);
			if (!says_something(&change))
				continue;
			out->len += pack(out->data + out->len, &change);
			out->n++;
			out->repeat |= change.repeat;
		}
		if (out->len < c->len) {
			struct subs_changes *less = realloc(out, sizeof(*out) + out->len);

			out = less ? less : out;
		}
	}

	free(v);
	free(c->buf);
	*c = (struct subs_collect){ 0 };
	return out;
}

size_t subs_changes_pack(const struct subs_changes *c, uint8_t *out)
{
	struct subs_change in;
	size_t pos = 0, len = 0;

	while (subs_changes_next(c, &pos, &in)) {
		if (!in.after)
			continue;
		if (out) {
			dns_put16(out + len, in.type);
			dns_put32(out + len + 2, in.ttl_after);
			dns_put16(out + len + 6, in.rdlen);
			out[len + 8] = (in.repeat ? KEPT_UNCERTAIN : 0) |
				       (in.cased ? KEPT_CASED : 0);
			put_rdata(out + len + KEPT, &in);
		}
		len += KEPT + rdata_len(&in);
	}
	return len;
}

bool subs_collect_packed(struct subs_collect *c, uint16_t type, const uint8_t *packed,
			 size_t len)
{
	while (len) {
		struct subs_change in = { .before = true };

		if (len < KEPT)
			return false;
		in.type = dns_u16(packed);
		in.ttl_before = dns_u32(packed + 2);
		in.rdlen = dns_u16(packed + 6);
		in.repeat = packed[8] & KEPT_UNCERTAIN;
		in.rdata = packed + KEPT;
		if (packed[8] & KEPT_CASED)
			in.cased = in.rdata + in.rdlen;
		if (in.type != type || rdata_len(&in) > len - KEPT)
			return false;
		subs_collect(c, &in);
		packed += KEPT + rdata_len(&in);
		len -= KEPT + rdata_len(&in);
	}
	return true;
}
