// SPDX-License-Identifier: GPL-2.0-or-later
#include "xfr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer.h"

#define SECOND		1000u
#define GAP_FIRST	200u		/* ms, after a failure; then twice as long each time */
#define GAP_ASKED	1000u		/* ... at most, when something has changed */
#define GAP_EMPTY	(60 * SECOND)	/* ... at most, while there is no SOA that says more */

const struct xfr_limits xfr_default_limits = {
	.zone_octets = (size_t)2 << 30,
	.delta_octets = 16 << 20,
	.answer_ms = 30 * SECOND,
	.total_ms = 1800 * SECOND,
	.refresh_min = 5,
	.refresh_max = 86400,
	.retry_max = 3600,
};

struct xfr {
	struct zone *zone;
	struct xfr_limits limits;
	struct tsig_key key;
	bool has_key;
	uint32_t random;

	struct transfer *transfer;	/* the one under way, or NULL */
	bool want_whole;		/* differences would not do */
	bool no_ixfr;			/* the primary has none: look at the SOA first */
	bool poked;			/* while a transfer was under way */
	bool notified;			/* ... that there is @notified_serial */
	uint32_t notified_serial;

	uint64_t next;			/* when to ask */
	uint64_t not_before;		/* whatever happens meanwhile */
	uint64_t expires;
	unsigned int failures;		/* since the last success */
	bool told_expired;
	uint64_t last_success, last_failure;
	uint64_t n_axfr, n_ixfr, n_current, n_failed, n_changes;
	char why[160];
};

struct xfr *xfr_new(struct zone *z, const struct tsig_key *key,
		    const struct xfr_limits *limits, uint32_t random)
{
	struct xfr *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->zone = z;
	x->limits = limits ? *limits : xfr_default_limits;
	x->has_key = key;
	if (key)
		x->key = *key;
	/* Xorshift never leaves 0. */
	x->random = random ? random : 1;
	return x;
}

void xfr_free(struct xfr *x)
{
	if (!x)
		return;
	transfer_free(x->transfer);
	tsig_key_wipe(&x->key);
	free(x);
}

/* Up to a tenth less: that not all zones ask at the same time. */
static uint64_t jitter(struct xfr *x, uint64_t ms)
{
	x->random ^= x->random << 13;
	x->random ^= x->random >> 17;
	x->random ^= x->random << 5;
	return ms - (ms / 10 * (x->random >> 16) >> 16);
}

static unsigned int bounded(uint32_t v, unsigned int min, unsigned int max)
{
	return v < min ? min : v > max ? max : v;
}

/* Refresh and retry of the SOA, in ms, within our limits. */
static void timers(const struct xfr *x, uint64_t *refresh, uint64_t *retry, uint64_t *expire)
{
	uint32_t soa[4];

	zone_timers(x->zone, soa);
	*refresh = (uint64_t)bounded(soa[0], x->limits.refresh_min, x->limits.refresh_max) * SECOND;
	*retry = (uint64_t)bounded(soa[1], 1, x->limits.retry_max) * SECOND;
	/* RFC 1912 2.2: to expire before having asked again would be a mistake. */
	*expire = (uint64_t)soa[2] * SECOND;
	if (*expire < *refresh + *retry)
		*expire = *refresh + *retry;
}

static void end_transfer(struct xfr *x)
{
	transfer_free(x->transfer);
	x->transfer = NULL;
}

static void set_why(struct xfr *x, const char *why)
{
	snprintf(x->why, sizeof(x->why), "%s", why);
}

static enum xfr_result fail(struct xfr *x, uint64_t now, const char *why)
{
	uint64_t refresh, retry, expire, gap = GAP_FIRST;
	unsigned int i;

	end_transfer(x);
	set_why(x, why);
	x->n_failed++;
	x->last_failure = now;
	x->failures++;
	/* Maybe it was IXFR that would have worked. */
	x->no_ixfr = false;

	timers(x, &refresh, &retry, &expire);
	if (!zone_loaded(x->zone))
		retry = GAP_EMPTY;
	for (i = 1; i < x->failures && gap < retry; i++)
		gap *= 2;
	if (gap > retry)
		gap = retry;
	gap = jitter(x, gap);
	x->next = now + gap;
	x->not_before = now + (gap < GAP_ASKED ? gap : GAP_ASKED);
	/* What is waiting is served by the next request, and that soon. */
	if (x->poked || x->notified)
		x->next = x->not_before;
	return XFR_FAILED;
}

static enum xfr_result again(struct xfr *x, uint64_t now, const char *why)
{
	end_transfer(x);
	set_why(x, why);
	x->want_whole = true;
	x->next = now;
	x->not_before = now;
	return XFR_AGAIN;
}

/* Is serial @a after @b, or not comparable to it (RFC 1982 3.2)? */
static bool serial_after(uint32_t a, uint32_t b)
{
	return a != b && a - b <= 0x80000000u;
}

static enum xfr_result succeed(struct xfr *x, uint64_t now)
{
	uint64_t refresh, retry, expire;

	end_transfer(x);
	x->why[0] = '\0';
	x->failures = 0;
	x->last_success = now;
	x->told_expired = false;
	x->not_before = now;
	timers(x, &refresh, &retry, &expire);
	x->expires = now + expire;
	x->next = now + jitter(x, refresh);
	if (x->notified && !serial_after(x->notified_serial, zone_serial(x->zone)))
		x->notified = false;
	if (x->poked || x->notified)
		x->next = now;
	return XFR_DONE;
}

void xfr_poke(struct xfr *x, uint64_t now)
{
	uint64_t at = x->not_before > now ? x->not_before : now;

	/* The one that will be made has it all. */
	x->poked = true;
	if (!x->transfer && x->next > at)
		x->next = at;
}

void xfr_notify(struct xfr *x, uint64_t now, bool has_serial, uint32_t serial)
{
	if (!has_serial || !zone_loaded(x->zone)) {
		xfr_poke(x, now);
		return;
	}
	if (!serial_after(serial, zone_serial(x->zone)))
		return;
	if (!x->transfer) {
		xfr_poke(x, now);
		return;
	}
	/* Maybe the transfer under way has it. */
	if (!x->notified || serial_after(serial, x->notified_serial))
		x->notified_serial = serial;
	x->notified = true;
}

uint64_t xfr_deadline(const struct xfr *x)
{
	const struct transfer *t = x->transfer;
	uint64_t at = x->next, end;

	if (t) {
		at = t->last + x->limits.answer_ms;
		end = t->begun + x->limits.total_ms;
		if (end < at)
			at = end;
	}
	if (zone_loaded(x->zone) && !x->told_expired && x->expires < at)
		at = x->expires;
	return at;
}

bool xfr_tick(struct xfr *x, uint64_t now)
{
	const struct transfer *t = x->transfer;

	if (zone_loaded(x->zone) && now >= x->expires)
		x->told_expired = true;
	if (!t)
		return false;

	if (now - t->last >= x->limits.answer_ms)
		fail(x, now, "the primary did not answer in time");
	else if (now - t->begun >= x->limits.total_ms)
		fail(x, now, "the transfer took too long");
	return !x->transfer;
}

bool xfr_wants_request(const struct xfr *x, uint64_t now)
{
	return !x->transfer && now >= x->next;
}

static void write_request(const struct xfr *x, enum transfer_kind kind, struct dns_writer *w)
{
	const uint8_t *apex = zone_apex(x->zone);
	struct zone_rr rr;
	size_t pos = 0;

	dns_put_question(w, apex, transfer_qtype(kind), DNS_IN);
	if (kind != ASK_IXFR)
		return;
	/* RFC 1995 3: from where the differences are wanted. */
	while (zone_node_next(zone_find(x->zone, apex), &pos, &rr)) {
		if (rr.type == DNS_SOA)
			dns_put_rr(w, 2, apex, rr.type, DNS_IN, rr.ttl, rr.rdata, rr.rdlen);
	}
}

size_t xfr_request(struct xfr *x, uint64_t now, uint16_t id, uint8_t *buf, size_t size)
{
	enum transfer_kind kind = ASK_IXFR;
	struct tsig_mac mac;
	struct dns_writer w;
	struct transfer *t;

	if (x->transfer)
		return 0;
	if (x->want_whole || !zone_loaded(x->zone))
		kind = ASK_AXFR;
	else if (x->no_ixfr)
		kind = ASK_SOA;
	t = transfer_new(kind, x->zone, x->limits.zone_octets, x->limits.delta_octets);
	if (!t) {
		fail(x, now, "there is no memory left");
		return 0;
	}
	t->id = id;
	t->begun = now;
	t->last = now;
	x->transfer = t;

	dns_writer_init(&w, buf, size, id, 0);
	write_request(x, kind, &w);
	if (!w.failed && x->has_key) {
		if (tsig_sign(buf, &w.len, size, &x->key, NULL, &mac, TSIG_OK, 0))
			w.failed = true;
		else
			t->stream = tsig_stream_new(&x->key, &mac);
		w.failed |= !t->stream;
	}
	if (w.failed) {
		fail(x, now, "the request could not be made or signed");
		return 0;
	}
	/* From here on, a change may come too late for this answer. */
	x->poked = false;
	x->notified = false;
	return w.len;
}

static const char *rcode_text(unsigned int rcode)
{
	static const char *const names[] = {
		[DNS_FORMERR] = "FORMERR", [DNS_SERVFAIL] = "SERVFAIL",
		[DNS_NXDOMAIN] = "NXDOMAIN", [DNS_NOTIMP] = "NOTIMP",
		[DNS_REFUSED] = "REFUSED", [DNS_NOTAUTH] = "NOTAUTH",
	};

	if (rcode >= sizeof(names) / sizeof(*names) || !names[rcode])
		return "an error";
	return names[rcode];
}

/* What the primary says of our signature, or NULL. */
static const char *signature_text(const uint8_t *msg, size_t len)
{
	struct tsig_claim claim;

	if (tsig_read(msg, len, &claim))
		return NULL;
	switch (claim.error) {
	case TSIG_BADKEY:
		return "the primary does not know the key (BADKEY)";
	case TSIG_BADSIG:
		return "the primary has another secret for the key (BADSIG)";
	case TSIG_BADTIME:
		return "the clocks here and at the primary differ (BADTIME)";
	default:
		return NULL;
	}
}

static enum xfr_result fail_signature(struct xfr *x, uint64_t now, const uint8_t *msg,
				      size_t len, enum tsig_result result)
{
	const char *said = signature_text(msg, len);
	struct dns_shape shape;
	char why[128];

	if (said)
		return fail(x, now, said);
	if (result == TSIG_BADTIME)
		return fail(x, now, "an answer is signed at another time than it is here");
	if (dns_shape(msg, len, &shape))
		return fail(x, now, "a message is malformed");
	if (shape.has_tsig)
		return fail(x, now, "an answer is signed wrongly");
	if (!dns_rcode(msg))
		return fail(x, now, "an answer that has to be signed is not");
	snprintf(why, sizeof(why), "the primary answers %s, not signed",
		 rcode_text(dns_rcode(msg)));
	return fail(x, now, why);
}

static enum xfr_result refused(struct xfr *x, uint64_t now, const uint8_t *msg, size_t len)
{
	const char *said = signature_text(msg, len);
	unsigned int rcode = dns_rcode(msg);
	char why[128];

	if (said)
		return fail(x, now, said);

	/* Not all primaries know IXFR; RFC 1995 has no answer for that. */
	if (x->transfer->kind == ASK_IXFR && !x->transfer->n_messages &&
	    (rcode == DNS_FORMERR || rcode == DNS_NOTIMP || rcode == DNS_REFUSED)) {
		x->no_ixfr = true;
		snprintf(why, sizeof(why), "the primary answers IXFR with %s", rcode_text(rcode));
		return again(x, now, why);
	}
	snprintf(why, sizeof(why), "the primary answers %s", rcode_text(rcode));
	return fail(x, now, why);
}

static enum xfr_result take_delta(struct xfr *x, uint64_t now)
{
	struct transfer *t = x->transfer;
	long changes = delta_apply(t->delta, x->zone);

	if (changes == -ESTALE)
		return again(x, now, "a difference removes what is not there");
	if (changes >= 0 && zone_put(x->zone, zone_apex(x->zone), &t->soa) < 0)
		changes = -EIO;
	if (changes < 0) {
		x->want_whole |= changes == -EIO;
		return fail(x, now, "there is no memory left");
	}
	x->n_ixfr++;
	x->n_changes += (uint64_t)changes;
	return succeed(x, now);
}

static enum xfr_result take_whole(struct xfr *x, uint64_t now)
{
	if (zone_replace(x->zone, x->transfer->next))
		return fail(x, now, "there is no memory left");
	x->want_whole = false;
	x->n_axfr++;
	return succeed(x, now);
}

static enum xfr_result take(struct xfr *x, uint64_t now, enum transfer_result result)
{
	struct transfer *t = x->transfer;

	switch (result) {
	case TRANSFER_MORE:
		return XFR_MORE;
	case TRANSFER_BAD:
		return fail(x, now, t->why);
	case TRANSFER_MISFIT:
		return again(x, now, t->why);
	case TRANSFER_CURRENT:
	case TRANSFER_DELTA:
	case TRANSFER_WHOLE:
		break;
	}

	/* RFC 8945 5.3.1: the last one has to be, else nothing counts. */
	if (t->stream && !tsig_stream_done(t->stream))
		return fail(x, now, "the last message of the transfer is not signed");
	if (result == TRANSFER_DELTA)
		return take_delta(x, now);
	if (result == TRANSFER_WHOLE)
		return take_whole(x, now);
	x->n_current++;
	return succeed(x, now);
}

enum xfr_result xfr_response(struct xfr *x, uint64_t now, const uint8_t *msg, size_t len)
{
	struct transfer *t = x->transfer;
	enum tsig_result signature;

	if (!t)
		return XFR_FAILED;
	if (len < DNS_HEADER || dns_id(msg) != t->id || !(dns_flags(msg) & DNS_QR) ||
	    dns_opcode(msg) != DNS_QUERY)
		return fail(x, now, "an answer is not to what was asked for");
	if (t->stream) {
		signature = tsig_stream_check(t->stream, msg, len);
		if (signature)
			return fail_signature(x, now, msg, len, signature);
	}
	if (dns_rcode(msg))
		return refused(x, now, msg, len);
	if (dns_flags(msg) & DNS_TC)
		return fail(x, now, "an answer is truncated");

	t->last = now;
	return take(x, now, transfer_read(t, msg, len));
}

void xfr_lost(struct xfr *x, uint64_t now, const char *why)
{
	if (x->transfer)
		fail(x, now, why ? why : "the connection to the primary broke");
}

bool xfr_serves(const struct xfr *x, uint64_t now)
{
	return zone_loaded(x->zone) && now < x->expires;
}

const char *xfr_why(const struct xfr *x)
{
	return x->why;
}

void xfr_status(const struct xfr *x, struct xfr_status *out)
{
	memset(out, 0, sizeof(*out));
	if (x->transfer)
		out->state = x->transfer->n_messages ? XFR_RECEIVING : XFR_ASKING;
	out->loaded = zone_loaded(x->zone);
	out->serial = zone_serial(x->zone);
	out->last_success = x->last_success;
	out->last_failure = x->last_failure;
	out->next = x->next;
	out->expires = out->loaded ? x->expires : 0;
	out->n_axfr = x->n_axfr;
	out->n_ixfr = x->n_ixfr;
	out->n_current = x->n_current;
	out->n_failed = x->n_failed;
	out->n_changes = x->n_changes;
	memcpy(out->last_error, x->why, sizeof(out->last_error));
}
