// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "message.h"

#define POINTER		0xc000
#define OFFSET_MAX	0x3fff	/* what a pointer can say */
#define N_OFFSETS	(sizeof(((struct dns_writer *)0)->offsets) / sizeof(uint16_t))

void dns_writer_init(struct dns_writer *w, uint8_t *buf, size_t size,
		     uint16_t id, uint16_t flags_opcode_rcode)
{
	if (size > DNS_MAX)
		size = DNS_MAX;
	*w = (struct dns_writer){ .buf = buf, .size = size, .compress = true };
	if (size < DNS_HEADER) {
		w->failed = true;
		return;
	}

	memset(buf, 0, DNS_HEADER);
	dns_put16(buf, id);
	dns_put16(buf + 2, flags_opcode_rcode);
	w->len = DNS_HEADER;
}

static void put(struct dns_writer *w, const uint8_t *data, size_t len)
{
	if (w->failed || len > w->size - w->len) {
		w->failed = true;
		return;
	}
	if (len)
		memcpy(w->buf + w->len, data, len);
	w->len += len;
}

static void put16(struct dns_writer *w, uint16_t v)
{
	uint8_t b[2];

	dns_put16(b, v);
	put(w, b, sizeof(b));
}

static void put32(struct dns_writer *w, uint32_t v)
{
	uint8_t b[4];

	dns_put32(b, v);
	put(w, b, sizeof(b));
}

/*
 * Does the name that this writer has written at @at equal @name? In case, too:
 * who reads the message shall get each name as it was given.
 */
static bool stands_at(const struct dns_writer *w, size_t at, const uint8_t *name)
{
	for (;;) {
		const uint8_t *p = w->buf + at;

		if (*p > DLABEL_MAX) {
			at = dns_u16(p) & OFFSET_MAX;
			continue;
		}
		if (*p != *name || memcmp(p + 1, name + 1, *name))
			return false;
		if (!*name)
			return true;
		at += 1 + *name;
		name += 1 + *name;
	}
}

/* Where @name can be pointed to among the first @n offsets, or 0. */
static uint16_t known_at(const struct dns_writer *w, unsigned int n, const uint8_t *name)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (stands_at(w, w->offsets[i], name))
			return w->offsets[i];
	}
	return 0;
}

static void put_name(struct dns_writer *w, const uint8_t *name)
{
	/* What is about to be written has no end yet, so cannot be compared. */
	unsigned int n = w->n_offsets;

	if (!w->compress) {
		put(w, name, dname_len(name));
		return;
	}

	/* Label by label, until the rest has been written before. */
	for (; *name && !w->failed; name += 1 + *name) {
		uint16_t at = known_at(w, n, name);

		if (at) {
			put16(w, POINTER | at);
			return;
		}
		at = w->len <= OFFSET_MAX ? (uint16_t)w->len : 0;
		put(w, name, 1 + *name);
		if (at && w->n_offsets < N_OFFSETS)
			w->offsets[w->n_offsets++] = at;
	}
	put(w, (const uint8_t *)"", 1);
}

/*
 * Names in RDATA that RFC 1035 lets be compressed: how many of them, and how
 * many octets stand before and behind them.
 */
static const struct layout {
	uint16_t type;
	uint8_t before, names, behind;
} layouts[] = {
	{ DNS_NS, 0, 1, 0 },
	{ DNS_CNAME, 0, 1, 0 },
	{ DNS_SOA, 0, 2, 20 },
	{ DNS_PTR, 0, 1, 0 },
	{ DNS_MX, 2, 1, 0 },
};

static const struct layout *layout_of(const struct dns_writer *w, uint16_t type,
				      const uint8_t *rdata, size_t rdlen)
{
	const struct layout *l = layouts, *end = l + sizeof(layouts) / sizeof(*l);
	size_t pos, taken;
	unsigned int i;

	if (!w->compress)
		return NULL;
	while (l < end && l->type != type)
		l++;
	if (l == end || rdlen <= l->before)
		return NULL;

	/* An UPDATE has records without RDATA, and who knows what else. */
	for (i = 0, pos = l->before; i < l->names; i++, pos += taken) {
		taken = dname_check(rdata + pos, rdlen - pos);
		if (!taken)
			return NULL;
	}
	return rdlen - pos == l->behind ? l : NULL;
}

static void put_rdata(struct dns_writer *w, uint16_t type, const uint8_t *rdata,
		      size_t rdlen)
{
	const struct layout *l = layout_of(w, type, rdata, rdlen);
	size_t at = w->len;
	unsigned int i;

	/* If it is longer than that, there is no room for it either. */
	put16(w, (uint16_t)rdlen);
	if (!l) {
		put(w, rdata, rdlen);
		return;
	}

	put(w, rdata, l->before);
	rdata += l->before;
	for (i = 0; i < l->names; i++) {
		put_name(w, rdata);
		rdata += dname_len(rdata);
	}
	put(w, rdata, l->behind);
	if (!w->failed)
		dns_put16(w->buf + at, (uint16_t)(w->len - at - 2));
}

/* May one more go into @section? */
static bool begin(struct dns_writer *w, int section)
{
	if (w->failed || section < w->section || section > 3 ||
	    dns_count(w->buf, section) == UINT16_MAX) {
		w->failed = true;
		return false;
	}
	return true;
}

/* Counts it, or takes all of it back. */
static void finish(struct dns_writer *w, int section, size_t len, uint16_t n_offsets)
{
	if (w->failed) {
		w->len = len;
		w->n_offsets = n_offsets;
		return;
	}
	w->section = section;
	dns_put16(w->buf + 4 + 2 * section, dns_count(w->buf, section) + 1);
}

void dns_put_question(struct dns_writer *w, const uint8_t *name, uint16_t type,
		      uint16_t class_)
{
	uint16_t n_offsets = w->n_offsets;
	size_t len = w->len;

	if (!begin(w, 0))
		return;
	put_name(w, name);
	put16(w, type);
	put16(w, class_);
	finish(w, 0, len, n_offsets);
}

void dns_put_rr(struct dns_writer *w, int section, const uint8_t *owner, uint16_t type,
		uint16_t class_, uint32_t ttl, const uint8_t *rdata, size_t rdlen)
{
	uint16_t n_offsets = w->n_offsets;
	size_t len = w->len;

	if (section < 1)
		w->failed = true;
	if (!begin(w, section))
		return;
	put_name(w, owner);
	put16(w, type);
	put16(w, class_);
	put32(w, ttl);
	put_rdata(w, type, rdata, rdlen);
	finish(w, section, len, n_offsets);
}

void dns_put_opt(struct dns_writer *w, uint16_t udp_size, uint32_t ttl,
		 const uint8_t *options, size_t len)
{
	static const uint8_t root[] = { 0 };

	dns_put_rr(w, 3, root, DNS_OPT, udp_size, ttl, options, len);
}

void dns_mark(const struct dns_writer *w, struct dns_mark *m)
{
	int i;

	*m = (struct dns_mark){
		.len = w->len,
		.n_offsets = w->n_offsets,
		.section = w->section,
		.failed = w->failed,
	};
	for (i = 0; i < 4 && w->len; i++)
		m->counts[i] = dns_count(w->buf, i);
}

void dns_rewind(struct dns_writer *w, const struct dns_mark *m)
{
	int i;

	w->len = m->len;
	w->n_offsets = m->n_offsets;
	w->section = m->section;
	w->failed = m->failed;
	for (i = 0; i < 4 && w->len; i++)
		dns_put16(w->buf + 4 + 2 * i, m->counts[i]);
}
