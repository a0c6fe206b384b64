// SPDX-License-Identifier: GPL-2.0-or-later
#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define QUESTION_FIXED	4

const char *dns_rcode_text(unsigned int rcode, char buf[DNS_RCODE_TEXT])
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE",
	};

	if (rcode < sizeof(names) / sizeof(*names))
		return names[rcode];
	snprintf(buf, DNS_RCODE_TEXT, "RCODE %u", rcode);
	return buf;
}

static int walk_fail(struct dns_walk *w)
{
	w->bad = true;
	return -EBADMSG;
}

int dns_walk_init(struct dns_walk *w, const uint8_t *msg, size_t len)
{
	*w = (struct dns_walk){ .msg = msg, .len = len, .pos = DNS_HEADER };
	if (len < DNS_HEADER || len > DNS_MAX)
		return walk_fail(w);

	w->left = dns_count(msg, 0);
	return 0;
}

int dns_walk_question(struct dns_walk *w, struct dns_question *q)
{
	size_t taken;

	if (w->bad)
		return -EBADMSG;
	if (w->section || !w->left)
		return 0;

	taken = dname_unpack(w->msg, w->len, w->pos, q->name);
	if (!taken || w->len - w->pos - taken < QUESTION_FIXED)
		return walk_fail(w);

	w->pos += taken;
	q->type = dns_u16(w->msg + w->pos);
	q->class_ = dns_u16(w->msg + w->pos + 2);
	w->pos += QUESTION_FIXED;
	w->left--;
	return 1;
}

bool dns_rr_read(const uint8_t *msg, size_t end, size_t pos, struct dns_rr *rr)
{
	size_t taken = dname_unpack(msg, end, pos, rr->owner);
	const uint8_t *p = msg + pos + taken;

	if (!taken || end - pos - taken < DNS_RR_FIXED)
		return false;

	rr->type = dns_u16(p);
	rr->class_ = dns_u16(p + 2);
	rr->ttl = dns_u32(p + 4);
	rr->rdlen = dns_u16(p + 8);
	rr->rdata = p + DNS_RR_FIXED;
	rr->start = pos;
	rr->end = pos + taken + DNS_RR_FIXED + rr->rdlen;
	return rr->end <= end;
}

int dns_walk_rr(struct dns_walk *w, struct dns_rr *rr)
{
	struct dns_question q;

	while (!w->section && w->left && !w->bad)
		dns_walk_question(w, &q);
	if (w->bad)
		return -EBADMSG;

	while (!w->left && w->section < 3)
		w->left = dns_count(w->msg, ++w->section);
	if (!w->left)
		return w->pos == w->len ? 0 : walk_fail(w);

	if (!dns_rr_read(w->msg, w->len, w->pos, rr))
		return walk_fail(w);
	w->pos = rr->end;
	w->left--;
	return 1;
}

static int shape_opt(struct dns_shape *out, const struct dns_rr *rr, int section)
{
	if (out->has_opt || section != 3 || rr->owner[0])
		return -EBADMSG;

	out->has_opt = true;
	out->udp_size = rr->class_;
	out->opt_ttl = rr->ttl;
	out->edns_version = (uint8_t)(rr->ttl >> 16);
	out->opt = rr->rdata;
	out->opt_len = rr->rdlen;
	out->opt_start = rr->start;
	out->opt_end = rr->end;
	return 0;
}

int dns_shape(const uint8_t *msg, size_t len, struct dns_shape *out)
{
	struct dns_walk w;
	struct dns_rr rr;
	int ret;

	memset(out, 0, sizeof(*out));
	out->tsig_start = len;
	if (dns_walk_init(&w, msg, len))
		return -EBADMSG;

	while ((ret = dns_walk_rr(&w, &rr)) > 0) {
		if (rr.type == DNS_OPT && shape_opt(out, &rr, w.section))
			return -EBADMSG;
		if (rr.type != DNS_TSIG)
			continue;

		/* The last of all, so also the only one. */
		if (w.section != 3 || w.left)
			return -EBADMSG;
		out->has_tsig = true;
		out->tsig_start = rr.start;
		memcpy(out->tsig_key, rr.owner, dname_len(rr.owner));
		dname_lower(out->tsig_key);
	}
	return ret;
}

size_t dns_error_response(const uint8_t *req, size_t len, unsigned int rcode,
			  uint8_t *out, size_t size)
{
	struct dns_question q;
	struct dns_walk w;
	int ret;

	if (dns_walk_init(&w, req, len) || dns_flags(req) & DNS_QR || size < DNS_HEADER)
		return 0;

	memset(out, 0, DNS_HEADER);
	dns_put16(out, dns_id(req));
	/* Without OPT, there is no room for more than four bits. */
	dns_put16(out + 2, (uint16_t)(DNS_QR | dns_opcode(req) << 11 |
				      (dns_flags(req) & DNS_RD) |
				      (rcode > 15 ? DNS_SERVFAIL : rcode)));

	while ((ret = dns_walk_question(&w, &q)) > 0)
		;
	if (ret || w.pos > size)
		return DNS_HEADER;

	/* Names in it point, if at all, to within what is copied. */
	memcpy(out + DNS_HEADER, req + DNS_HEADER, w.pos - DNS_HEADER);
	dns_put16(out + 4, dns_count(req, 0));
	return w.pos;
}
