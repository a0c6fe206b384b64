// SPDX-License-Identifier: GPL-2.0-or-later
#include "attr.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <string.h>

void *nl_reserve(struct nl_writer *w, size_t len)
{
	size_t padded = NLMSG_ALIGN(len);
	void *p;

	if (w->failed || padded < len || padded > w->size - w->len) {
		w->failed = true;
		return NULL;
	}

	p = w->buf + w->len;
	memset(p, 0, padded);
	w->len += padded;
	return p;
}

void nl_put(struct nl_writer *w, uint16_t type, const void *data, size_t len)
{
	struct nlattr nla = { .nla_type = type };
	uint8_t *p;

	if (len > UINT16_MAX - NLA_HDRLEN) {
		w->failed = true;
		return;
	}

	p = nl_reserve(w, NLA_HDRLEN + len);
	if (!p)
		return;

	nla.nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy(p, &nla, sizeof(nla));
	if (len)
		memcpy(p + NLA_HDRLEN, data, len);
}

void nl_put_u8(struct nl_writer *w, uint16_t type, uint8_t v)
{
	nl_put(w, type, &v, sizeof(v));
}

void nl_put_u16(struct nl_writer *w, uint16_t type, uint16_t v)
{
	nl_put(w, type, &v, sizeof(v));
}

void nl_put_u32(struct nl_writer *w, uint16_t type, uint32_t v)
{
	nl_put(w, type, &v, sizeof(v));
}

void nl_put_u64(struct nl_writer *w, uint16_t type, uint64_t v)
{
	nl_put(w, type, &v, sizeof(v));
}

void nl_put_be16(struct nl_writer *w, uint16_t type, uint16_t v)
{
	nl_put_u16(w, type, htons(v));
}

void nl_put_be32(struct nl_writer *w, uint16_t type, uint32_t v)
{
	nl_put_u32(w, type, htonl(v));
}

void nl_put_string(struct nl_writer *w, uint16_t type, const char *s)
{
	nl_put(w, type, s, strlen(s) + 1);
}

size_t nl_nest_begin(struct nl_writer *w, uint16_t type)
{
	size_t nest = w->len;

	nl_put(w, type | NLA_F_NESTED, NULL, 0);
	return nest;
}

void nl_nest_end(struct nl_writer *w, size_t nest)
{
	struct nlattr nla;

	if (w->failed)
		return;
	if (w->len - nest > UINT16_MAX) {
		w->failed = true;
		return;
	}

	memcpy(&nla, w->buf + nest, sizeof(nla));
	nla.nla_len = (uint16_t)(w->len - nest);
	memcpy(w->buf + nest, &nla, sizeof(nla));
}

void nl_reader_init(struct nl_reader *r, const void *buf, size_t len)
{
	r->p = buf;
	r->left = len;
	r->failed = false;
}

bool nl_next(struct nl_reader *r, struct nl_attr *a)
{
	struct nlattr nla;
	size_t step;

	if (r->failed || !r->left)
		return false;

	if (r->left < NLA_HDRLEN)
		goto fail;
	memcpy(&nla, r->p, sizeof(nla));
	if (nla.nla_len < NLA_HDRLEN || nla.nla_len > r->left)
		goto fail;

	a->type = nla.nla_type & NLA_TYPE_MASK;
	a->len = nla.nla_len - NLA_HDRLEN;
	a->data = r->p + NLA_HDRLEN;

	/* The last one may come without its padding. */
	step = NLA_ALIGN(nla.nla_len);
	if (step > r->left)
		step = r->left;
	r->p += step;
	r->left -= step;
	return true;

fail:
	r->failed = true;
	return false;
}

void nl_get_bytes(struct nl_reader *r, const struct nl_attr *a, void *out,
		  size_t len)
{
	if (a->len == len) {
		memcpy(out, a->data, len);
	} else {
		memset(out, 0, len);
		r->failed = true;
	}
}

uint8_t nl_get_u8(struct nl_reader *r, const struct nl_attr *a)
{
	uint8_t v;

	nl_get_bytes(r, a, &v, sizeof(v));
	return v;
}

uint16_t nl_get_u16(struct nl_reader *r, const struct nl_attr *a)
{
	uint16_t v;

	nl_get_bytes(r, a, &v, sizeof(v));
	return v;
}

uint32_t nl_get_u32(struct nl_reader *r, const struct nl_attr *a)
{
	uint32_t v;

	nl_get_bytes(r, a, &v, sizeof(v));
	return v;
}

uint64_t nl_get_u64(struct nl_reader *r, const struct nl_attr *a)
{
	uint64_t v;

	nl_get_bytes(r, a, &v, sizeof(v));
	return v;
}

uint16_t nl_get_be16(struct nl_reader *r, const struct nl_attr *a)
{
	return ntohs(nl_get_u16(r, a));
}

uint32_t nl_get_be32(struct nl_reader *r, const struct nl_attr *a)
{
	return ntohl(nl_get_u32(r, a));
}
