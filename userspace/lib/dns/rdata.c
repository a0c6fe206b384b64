// SPDX-License-Identifier: GPL-2.0-or-later
/* Which parts of which RDATA are names is for libknot's tables to say. */
#include <errno.h>
#include <string.h>

#include <libknot/descriptor.h>

#include "message.h"

struct rdata {
	const uint8_t *msg;
	size_t pos, end;	/* what is left of it, in the message */
	uint8_t *out;
	size_t len;
	bool lower;
};

static bool copy(struct rdata *r, size_t n)
{
	if (n > r->end - r->pos || n > UINT16_MAX - r->len)
		return false;

	memcpy(r->out + r->len, r->msg + r->pos, n);
	r->pos += n;
	r->len += n;
	return true;
}

static bool name(struct rdata *r, bool may_point)
{
	uint8_t n[DNAME_MAX];
	size_t taken, len;

	/* The name's own octets may not be behind the RDATA. */
	taken = may_point ? dname_unpack(r->msg, r->end, r->pos, n) :
			    dname_check(r->msg + r->pos, r->end - r->pos);
	if (!taken)
		return false;
	if (!may_point)
		memcpy(n, r->msg + r->pos, taken);
	if (r->lower)
		dname_lower(n);

	len = dname_len(n);
	if (len > UINT16_MAX - r->len)
		return false;
	memcpy(r->out + r->len, n, len);
	r->pos += taken;
	r->len += len;
	return true;
}

/* @n character strings (RFC 1035 3.3). */
static bool strings(struct rdata *r, unsigned int n)
{
	while (n--) {
		if (r->pos == r->end || !copy(r, 1 + r->msg[r->pos]))
			return false;
	}
	return true;
}

static bool block(struct rdata *r, int type)
{
	switch (type) {
	case KNOT_RDATA_WF_COMPRESSIBLE_DNAME:
	case KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME:
		return name(r, true);
	case KNOT_RDATA_WF_FIXED_DNAME:
		return name(r, false);
	case KNOT_RDATA_WF_NAPTR_HEADER:
		/* order and preference; flags, services, regexp */
		return copy(r, 4) && strings(r, 3);
	case KNOT_RDATA_WF_REMAINDER:
		return copy(r, r->end - r->pos);
	default:
		return type > 0 && copy(r, (size_t)type);
	}
}

/* Character strings, which to the tables are just the remainder. */
static bool all_strings(const struct dns_rr *rr)
{
	unsigned int n = 0;
	size_t pos;

	for (pos = 0; pos < rr->rdlen; n++)
		pos += 1 + rr->rdata[pos];
	return pos == rr->rdlen && n && (rr->type != DNS_HINFO || n == 2);
}

static int unpack(const uint8_t *msg, size_t msg_len, const struct dns_rr *rr, bool lower,
		  uint8_t *out)
{
	const knot_rdata_descriptor_t *d = knot_get_rdata_descriptor(rr->type);
	struct rdata r = { .msg = msg, .pos = (size_t)(rr->rdata - msg), .out = out };
	const int *b;

	if (r.pos > msg_len || rr->rdlen > msg_len - r.pos)
		return -EBADMSG;
	r.end = r.pos + rr->rdlen;
	if ((rr->type == DNS_TXT || rr->type == DNS_HINFO) && !all_strings(rr))
		return -EBADMSG;

	if (!d->type_name)
		d = knot_get_obsolete_rdata_descriptor(rr->type);
	r.lower = lower && knot_rrtype_should_be_lowercased(rr->type);
	for (b = d->block_types; *b != KNOT_RDATA_WF_END; b++) {
		if (!block(&r, *b))
			return -EBADMSG;
	}
	return r.pos == r.end ? (int)r.len : -EBADMSG;
}

int dns_rdata_canonical(const uint8_t *msg, size_t msg_len, const struct dns_rr *rr,
			uint8_t *out)
{
	return unpack(msg, msg_len, rr, true, out);
}

int dns_rdata_unpack(const uint8_t *msg, size_t msg_len, const struct dns_rr *rr,
		     uint8_t *out)
{
	return unpack(msg, msg_len, rr, false, out);
}
