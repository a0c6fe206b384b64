// SPDX-License-Identifier: GPL-2.0-or-later
#include "transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zone.h"

uint16_t transfer_qtype(enum transfer_kind kind)
{
	static const uint16_t types[] = {
		[ASK_SOA] = DNS_SOA, [ASK_IXFR] = DNS_IXFR, [ASK_AXFR] = DNS_AXFR,
	};

	return types[kind];
}

struct transfer *transfer_new(enum transfer_kind kind, const struct zone *z,
			      size_t zone_max, size_t delta_max)
{
	struct transfer *t = malloc(sizeof(*t));

	if (!t)
		return NULL;
	/* All but the buffers at its end. */
	memset(t, 0, offsetof(struct transfer, rdata));
	t->kind = kind;
	t->zone = z;
	t->zone_max = zone_max;
	t->delta = delta_new(delta_max);
	if (!t->delta) {
		free(t);
		return NULL;
	}
	return t;
}

void transfer_free(struct transfer *t)
{
	if (!t)
		return;
	tsig_stream_free(t->stream);
	delta_free(t->delta);
	zone_free(t->next);
	free(t);
}

static enum transfer_result bad(struct transfer *t, const char *why)
{
	t->why = why;
	return TRANSFER_BAD;
}

static enum transfer_result misfit(struct transfer *t, const char *why)
{
	t->why = why;
	return TRANSFER_MISFIT;
}

/* Serial number of a canonical SOA; false when it is not well-formed. */
static bool soa_serial(const struct zone_rr *rr, uint32_t *out)
{
	struct zone_soa soa;

	if (!zone_soa_read(rr->rdata, rr->rdlen, &soa))
		return false;
	*out = soa.serial;
	return true;
}

static bool same_soa(const struct transfer *t, const struct zone_rr *rr)
{
	return rr->rdlen == t->soa.rdlen && !memcmp(rr->rdata, t->soa_rdata, rr->rdlen);
}

static enum transfer_result begin_whole(struct transfer *t)
{
	t->next = zone_new(zone_apex(t->zone));
	if (!t->next || zone_put(t->next, zone_apex(t->zone), &t->soa) < 0)
		return bad(t, "there is no memory left");
	t->phase = WHOLE;
	return TRANSFER_MORE;
}

static enum transfer_result read_first(struct transfer *t, const struct zone_rr *rr)
{
	if (rr->type != DNS_SOA || !soa_serial(rr, &t->serial))
		return bad(t, "the answer does not begin with an SOA");

	t->soa = *rr;
	t->soa.rdata = memcpy(t->soa_rdata, rr->rdata, rr->rdlen);
	if (rr->cased)
		t->soa.cased = memcpy(t->soa_cased, rr->cased, rr->rdlen);
	if (t->kind == ASK_SOA) {
		t->phase = COMPLETE;
		return TRANSFER_CURRENT;
	}
	if (t->kind == ASK_AXFR)
		return begin_whole(t);
	t->phase = SECOND;
	return TRANSFER_MORE;
}

static enum transfer_result read_whole(struct transfer *t, const uint8_t *owner,
				       const struct zone_rr *rr)
{
	if (rr->type == DNS_SOA) {
		if (!same_soa(t, rr))
			return bad(t, "the zone ends with another SOA than it begins with");
		t->phase = COMPLETE;
		return TRANSFER_WHOLE;
	}
	if (zone_put(t->next, owner, rr) < 0)
		return bad(t, "there is no memory left");
	if (zone_octets(t->next) > t->zone_max)
		return bad(t, "the zone is larger than it is allowed to be");
	return TRANSFER_MORE;
}

static enum transfer_result read_second(struct transfer *t, const uint8_t *owner,
					const struct zone_rr *rr)
{
	enum transfer_result result;
	uint32_t serial;

	if (rr->type != DNS_SOA) {
		result = begin_whole(t);
		return result == TRANSFER_MORE ? read_whole(t, owner, rr) : result;
	}
	if (!soa_serial(rr, &serial))
		return bad(t, "an SOA is malformed");
	/* Also when it would be the end: no zone is an SOA and nothing else. */
	if (serial == t->serial || serial != zone_serial(t->zone))
		return misfit(t, "the differences do not begin with the serial that is here");
	t->at = serial;
	t->phase = REMOVING;
	return TRANSFER_MORE;
}

/* One of the four kinds of SOA in a sequence of differences. */
static enum transfer_result read_delta_soa(struct transfer *t, const struct zone_rr *rr)
{
	uint32_t serial;

	if (!soa_serial(rr, &serial))
		return bad(t, "an SOA is malformed");
	if (t->phase == REMOVING) {
		t->at = serial;
		t->phase = ADDING;
		return TRANSFER_MORE;
	}
	if (t->at == t->serial) {
		if (!same_soa(t, rr))
			return bad(t, "the differences end with another SOA than they begin with");
		t->phase = COMPLETE;
		return TRANSFER_DELTA;
	}
	if (serial != t->at)
		return misfit(t, "there is a gap between two differences");
	t->phase = REMOVING;
	return TRANSFER_MORE;
}

static enum transfer_result read_delta(struct transfer *t, const uint8_t *owner,
				       const struct zone_rr *rr)
{
	if (rr->type == DNS_SOA)
		return read_delta_soa(t, rr);

	switch (delta_put(t->delta, t->phase == ADDING, owner, rr)) {
	case 0:
		return TRANSFER_MORE;
	case -ENOBUFS:
		return misfit(t, "the differences are too many");
	default:
		return bad(t, "there is no memory left");
	}
}

static enum transfer_result read_record(struct transfer *t, const uint8_t *owner,
					const struct zone_rr *rr)
{
	switch (t->phase) {
	case FIRST:
		return read_first(t, rr);
	case SECOND:
		return read_second(t, owner, rr);
	case REMOVING:
	case ADDING:
		return read_delta(t, owner, rr);
	case WHOLE:
		return read_whole(t, owner, rr);
	case COMPLETE:
		break;
	}
	return bad(t, "there is something behind the answer's end");
}

/* Begins and goes on as RFC 5936 2.2 says? */
static bool question_ok(const struct transfer *t, struct dns_walk *w)
{
	struct dns_question q;

	/* Only the first message has to repeat it. */
	if (!dns_count(w->msg, 0))
		return t->n_messages;
	return dns_count(w->msg, 0) == 1 && dns_walk_question(w, &q) == 1 &&
	       q.type == transfer_qtype(t->kind) && q.class_ == DNS_IN &&
	       dname_equal(q.name, zone_apex(t->zone));
}

/* An IXFR's single SOA: how the primary says that there are no differences. */
static enum transfer_result read_single(struct transfer *t)
{
	uint32_t have = zone_serial(t->zone);

	if (t->serial == have)
		return TRANSFER_CURRENT;
	/* The rest may come in the next message, but not of what is older. */
	if (t->kind == ASK_IXFR && (int32_t)(t->serial - have) > 0)
		return TRANSFER_MORE;
	return misfit(t, t->kind == ASK_SOA ? "the primary has another serial" :
		      "the primary's serial is behind ours");
}

static bool read_rdata(struct transfer *t, const struct dns_walk *w, const struct dns_rr *rr,
		       struct zone_rr *out)
{
	int len = dns_rdata_canonical(w->msg, w->len, rr, t->rdata);

	if (len < 0)
		return false;
	dns_rdata_unpack(w->msg, w->len, rr, t->cased);
	*out = (struct zone_rr){
		.type = rr->type, .ttl = rr->ttl, .rdlen = (uint16_t)len, .rdata = t->rdata,
		.cased = memcmp(t->rdata, t->cased, (size_t)len) ? t->cased : NULL,
	};
	return true;
}

static enum transfer_result read_answers(struct transfer *t, struct dns_walk *w)
{
	enum transfer_result result = TRANSFER_MORE;
	const uint8_t *apex = zone_apex(t->zone);
	struct dns_rr rr;
	int ret;

	while ((ret = dns_walk_rr(w, &rr)) > 0 && w->section == 1) {
		struct zone_rr record;

		if (rr.class_ != DNS_IN)
			return bad(t, "a record is not of class IN");
		if (zone_is_meta(rr.type))
			return bad(t, "a record has a type that no record can have");
		/* RFC 5936 3.5: what has no place in the zone is left out. */
		if (!dname_within(rr.owner, apex))
			continue;
		if (rr.type == DNS_SOA && !dname_equal(rr.owner, apex))
			return bad(t, "there is an SOA below the apex");
		if (!read_rdata(t, w, &rr, &record))
			return bad(t, "a record is malformed");
		dname_lower(rr.owner);
		result = read_record(t, rr.owner, &record);
		if (result == TRANSFER_BAD || result == TRANSFER_MISFIT)
			return result;
	}
	return ret < 0 ? bad(t, "a message is malformed") : result;
}

enum transfer_result transfer_read(struct transfer *t, const uint8_t *msg, size_t len)
{
	enum transfer_result result;
	struct dns_walk w;

	if (dns_walk_init(&w, msg, len) || !question_ok(t, &w))
		return bad(t, "an answer is not to what was asked for");
	/* Whoever sends nothing could go on for ever. */
	if (!dns_count(msg, 1))
		return bad(t, "a message has no records");

	result = read_answers(t, &w);
	t->n_messages++;
	if (result == TRANSFER_BAD || result == TRANSFER_MISFIT)
		return result;
	if (t->phase == FIRST)
		return bad(t, "a message has no records of the zone");
	if (t->phase == SECOND || t->kind == ASK_SOA)
		return read_single(t);
	return result;
}
