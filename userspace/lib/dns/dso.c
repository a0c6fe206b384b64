// SPDX-License-Identifier: GPL-2.0-or-later
#include "dso.h"

#include <errno.h>
#include <string.h>

#define TLV_HEADER	4

static enum dso_kind kind_of(const uint8_t *msg)
{
	if (dns_flags(msg) & DNS_QR)
		return dns_id(msg) ? DSO_RESPONSE : DSO_INVALID;
	return dns_id(msg) ? DSO_REQUEST : DSO_UNIDIRECTIONAL;
}

int dso_read(const uint8_t *msg, size_t len, struct dso *out)
{
	struct dso_tlv t;
	unsigned int n = 0;
	int i, ret;

	if (len < DNS_HEADER || len > DNS_MAX || dns_opcode(msg) != DNS_DSO)
		return -ENOMSG;

	*out = (struct dso){
		.msg = msg,
		.len = len,
		.pos = DNS_HEADER,
		.kind = kind_of(msg),
		.id = dns_id(msg),
		.rcode = dns_rcode(msg),
	};
	for (i = 0; i < 4; i++) {
		if (dns_count(msg, i))
			return -EBADMSG;
	}
	while ((ret = dso_next(out, &t)) > 0)
		n++;
	out->pos = DNS_HEADER;
	if (ret || out->kind == DSO_INVALID || (!n && out->kind != DSO_RESPONSE))
		return -EBADMSG;
	return 0;
}

int dso_next(struct dso *d, struct dso_tlv *out)
{
	const uint8_t *p = d->msg + d->pos;
	size_t left = d->len - d->pos;

	if (!left)
		return 0;
	if (left < TLV_HEADER)
		return -EBADMSG;

	out->type = dns_u16(p);
	out->len = dns_u16(p + 2);
	out->data = p + TLV_HEADER;
	if (out->len > left - TLV_HEADER)
		return -EBADMSG;

	d->pos += TLV_HEADER + out->len;
	return 1;
}

int dso_keepalive_read(const struct dso_tlv *t, struct dso_keepalive *out)
{
	if (t->len != 8)
		return -EBADMSG;

	out->inactivity = dns_u32(t->data);
	out->interval = dns_u32(t->data + 4);
	return 0;
}

int dso_retry_delay_read(const struct dso_tlv *t, uint32_t *ms)
{
	if (t->len != 4)
		return -EBADMSG;

	*ms = dns_u32(t->data);
	return 0;
}

/* Name, type and class. Returns the octets they take, 0 when malformed. */
static size_t read_question(const struct dso_tlv *t, struct dns_question *out)
{
	size_t n = dname_check(t->data, t->len);

	if (!n || t->len - n < 4)
		return 0;

	memcpy(out->name, t->data, n);
	out->type = dns_u16(t->data + n);
	out->class_ = dns_u16(t->data + n + 2);
	return n + 4;
}

int dso_subscribe_read(const struct dso_tlv *t, struct dns_question *out)
{
	size_t n = read_question(t, out);

	return n && n == t->len ? 0 : -EBADMSG;
}

int dso_unsubscribe_read(const struct dso_tlv *t, uint16_t *id)
{
	if (t->len != 2)
		return -EBADMSG;

	*id = dns_u16(t->data);
	return 0;
}

int dso_reconfirm_read(const struct dso_tlv *t, struct dns_rr *out)
{
	struct dns_question q;
	size_t n = read_question(t, &q);

	if (!n || q.type == DNS_ANY || q.class_ == DNS_CLASS_ANY)
		return -EBADMSG;

	*out = (struct dns_rr){
		.type = q.type,
		.class_ = q.class_,
		.rdata = t->data + n,
		.rdlen = (uint16_t)(t->len - n),
	};
	memcpy(out->owner, q.name, dname_len(q.name));
	return 0;
}

void dso_push_init(struct dso_push *p, const struct dso *d, const struct dso_tlv *t)
{
	size_t pos = (size_t)(t->data - d->msg);

	*p = (struct dso_push){ .msg = d->msg, .pos = pos, .end = pos + t->len };
	/* At least one, RFC 8765 6.3.1 */
	p->bad = !t->len || d->len > DSO_PUSH_MAX;
}

int dso_push_next(struct dso_push *p, struct dns_rr *rr)
{
	if (p->bad)
		return -EBADMSG;
	if (p->pos == p->end)
		return 0;

	p->bad = true;
	if (!dns_rr_read(p->msg, p->end, p->pos, rr))
		return -EBADMSG;
	p->pos = rr->end;
	p->bad = false;
	return 1;
}

enum dso_change dso_change(const struct dns_rr *rr)
{
	if (rr->ttl == DSO_TTL_REMOVE_SET) {
		if (rr->rdlen)
			return DSO_FATAL;
		if (rr->class_ == DNS_CLASS_ANY)
			return DSO_REMOVE_NAME;
		return rr->type == DNS_ANY ? DSO_REMOVE_TYPES : DSO_REMOVE_SET;
	}
	if (rr->ttl != DSO_TTL_REMOVE && rr->ttl > DSO_TTL_MAX)
		return DSO_IGNORE;
	if (rr->type == DNS_ANY || rr->class_ == DNS_CLASS_ANY)
		return DSO_FATAL;
	return rr->ttl == DSO_TTL_REMOVE ? DSO_REMOVE : DSO_ADD;
}

void dso_writer_init(struct dso_writer *w, uint8_t *buf, size_t size, enum dso_kind kind,
		     uint16_t id, unsigned int rcode)
{
	bool response = kind == DSO_RESPONSE || kind == DSO_INVALID;

	if (size > DNS_MAX)
		size = DNS_MAX;
	*w = (struct dso_writer){ .buf = buf, .size = size };
	if (size < DNS_HEADER) {
		w->failed = true;
		return;
	}

	memset(buf, 0, DNS_HEADER);
	dns_put16(buf, id);
	dns_put16(buf + 2, (uint16_t)((response ? DNS_QR : 0) | DNS_DSO << 11 | (rcode & 15)));
	w->len = DNS_HEADER;
}

/* Room for @len octets, which are counted as written. */
static uint8_t *room(struct dso_writer *w, size_t len)
{
	uint8_t *p = w->buf + w->len;

	if (w->failed || len > w->size - w->len) {
		w->failed = true;
		return NULL;
	}
	w->len += len;
	return p;
}

/* The head of a TLV; returns where its @len octets of data go. */
static uint8_t *begin(struct dso_writer *w, uint16_t type, size_t len)
{
	uint8_t *p;

	if (len > UINT16_MAX)
		w->failed = true;
	p = room(w, TLV_HEADER + len);
	if (!p)
		return NULL;

	w->push = 0;
	dns_put16(p, type);
	dns_put16(p + 2, (uint16_t)len);
	return p + TLV_HEADER;
}

void dso_put_keepalive(struct dso_writer *w, const struct dso_keepalive *k)
{
	uint8_t *p = begin(w, DSO_KEEPALIVE, 8);

	if (!p)
		return;
	dns_put32(p, k->inactivity);
	dns_put32(p + 4, k->interval);
}

void dso_put_retry_delay(struct dso_writer *w, uint32_t ms)
{
	uint8_t *p = begin(w, DSO_RETRY_DELAY, 4);

	if (p)
		dns_put32(p, ms);
}

void dso_put_padding(struct dso_writer *w, uint16_t octets)
{
	uint8_t *p = begin(w, DSO_PADDING, octets);

	if (p)
		memset(p, 0, octets);
}

/* Name, type and class; returns what follows. */
static uint8_t *put_question(uint8_t *p, const uint8_t *name, uint16_t type, uint16_t class_)
{
	size_t n = dname_len(name);

	memcpy(p, name, n);
	dns_put16(p + n, type);
	dns_put16(p + n + 2, class_);
	return p + n + 4;
}

void dso_put_subscribe(struct dso_writer *w, const uint8_t *name, uint16_t type,
		       uint16_t class_)
{
	uint8_t *p = begin(w, DSO_SUBSCRIBE, dname_len(name) + 4);

	if (p)
		put_question(p, name, type, class_);
}

void dso_put_unsubscribe(struct dso_writer *w, uint16_t id)
{
	uint8_t *p = begin(w, DSO_UNSUBSCRIBE, 2);

	if (p)
		dns_put16(p, id);
}

void dso_put_reconfirm(struct dso_writer *w, const uint8_t *name, uint16_t type,
		       uint16_t class_, const uint8_t *rdata, size_t rdlen)
{
	uint8_t *p = begin(w, DSO_RECONFIRM, dname_len(name) + 4 + rdlen);

	if (!p)
		return;
	p = put_question(p, name, type, class_);
	if (rdlen)
		memcpy(p, rdata, rdlen);
}

bool dso_put_push(struct dso_writer *w, const uint8_t *owner, uint16_t type,
		  uint16_t class_, uint32_t ttl, const uint8_t *rdata, size_t rdlen)
{
	size_t need = dname_len(owner) + DNS_RR_FIXED + rdlen;
	size_t size = w->size < DSO_PUSH_MAX ? w->size : DSO_PUSH_MAX;
	uint8_t *p;

	if (w->failed)
		return false;
	if (w->len + (w->push ? 0 : TLV_HEADER) + need > size) {
		/* Alone in a message and yet too long: for good. */
		w->failed = w->len == DNS_HEADER;
		return false;
	}

	if (!w->push) {
		size_t at = w->len;

		begin(w, DSO_PUSH, 0);
		w->push = at;
	}
	p = put_question(room(w, need), owner, type, class_);
	dns_put32(p, ttl);
	dns_put16(p + 4, (uint16_t)rdlen);
	if (rdlen)
		memcpy(p + 6, rdata, rdlen);
	dns_put16(w->buf + w->push + 2, (uint16_t)(w->len - w->push - TLV_HEADER));
	return true;
}
