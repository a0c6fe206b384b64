// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a primary, or whoever plays it, may send as a zone transfer: libFuzzer
 * target for xfr_response(), unsigned. A message is two octets of length and
 * that many; length 0xffff is a poke, 0xfffe a lost connection. Its ID and
 * question are made to fit, so that the records are reached.
 *
 * Whoever hears all changes has to end up with what the zone holds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/message.h"
#include "../lib/zone/xfr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t apex[] = "\7example\3com";

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool shown_alike(const struct zone_rr *a, const struct zone_rr *b)
{
	return a->rdlen == b->rdlen && !a->cased == !b->cased &&
	       !memcmp(zone_rr_shown(a), zone_rr_shown(b), a->rdlen);
}

/* A second mirror, made of nothing but what is told. */
static void copy(void *arg, const struct zone *z, const struct zone_change *c)
{
	struct zone *heard = arg;
	struct zone_rr rr;
	bool there = zone_has(heard, c->owner, c->rr.type, c->rr.rdata, c->rr.rdlen, &rr);

	must(z != heard && !c->rr.hidden);
	/* The old SOA is still there when the new one is told. */
	if (c->rr.type == DNS_SOA) {
		if (c->add)
			zone_put(heard, c->owner, &c->rr);
		return;
	}
	must(c->add ? !there : there && rr.ttl == c->rr.ttl && shown_alike(&rr, &c->rr));
	if (c->add)
		must(!zone_put(heard, c->owner, &c->rr));
	else
		must(!zone_remove(heard, c->owner, c->rr.type, c->rr.rdata, c->rr.rdlen));
}

static void same(const struct zone *a, const struct zone *b)
{
	const struct zone_node *n;
	size_t pos = 0, names = 0;

	while ((n = zone_next(a, &pos))) {
		const struct zone_node *m = zone_find(b, zone_node_name(n));
		size_t at = 0, bt = 0;
		struct zone_rr x, y;

		must(m && zone_node_exists(m) == zone_node_exists(n));
		while (zone_node_next(n, &at, &x)) {
			must(zone_node_next(m, &bt, &y) && x.type == y.type && x.ttl == y.ttl &&
			     shown_alike(&x, &y) && !memcmp(x.rdata, y.rdata, x.rdlen));
		}
		must(!zone_node_next(m, &bt, &y));
		names++;
	}
	must(names == zone_names(a) && names == zone_names(b));
}

/* Puts the question that was asked in front of the records. */
static enum xfr_result answer(struct xfr *x, uint64_t now, const uint8_t *request,
			      const uint8_t *data, size_t len)
{
	static uint8_t msg[DNS_MAX];
	const size_t question = DNS_HEADER + sizeof(apex) + 4;

	/* Raw, to see what that does; else everything but the header's head. */
	if (len < 9 || data[0] & 1 || question + len > sizeof(msg)) {
		memcpy(msg, data, len);
		if (len > 3)
			memcpy(msg, request, 2);
		return xfr_response(x, now, msg, len);
	}
	memcpy(msg, request, question);
	dns_put16(msg + 2, DNS_QR | DNS_AA | (data[0] & 2 ? data[1] & 15 : 0));
	memset(msg + 6, 0, 6);
	msg[7] = data[2];
	msg[11] = data[3] & 1;
	memcpy(msg + question, data + 4, len - 4);
	return xfr_response(x, now, msg, question + len - 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xfr_limits limits = xfr_default_limits;
	struct zone *z = zone_new(apex), *heard = zone_new(apex);
	uint8_t request[512] = { 0 };
	uint64_t now = 1;
	struct xfr *x;

	limits.delta_octets = 1 << 14;
	limits.zone_octets = 1 << 18;
	must(z && heard);
	x = xfr_new(z, NULL, &limits, 1);
	must(x);
	zone_watch(z, copy, heard);

	while (size >= 2) {
		size_t len = dns_u16(data);

		data += 2;
		size -= 2;
		must(!xfr_tick(x, now));
		if (xfr_deadline(x) > now && !xfr_wants_request(x, now))
			now = now + 1;
		if (len == 0xffff) {
			xfr_poke(x, now);
			continue;
		}
		if (len == 0xfffe) {
			xfr_lost(x, now, NULL);
			continue;
		}
		if (len > size)
			len = size;
		/* Not a moment passes that needs not to. */
		if (xfr_wants_request(x, now) || xfr_deadline(x) < now + 5000) {
			if (xfr_deadline(x) > now)
				now = xfr_deadline(x);
			if (xfr_wants_request(x, now))
				must(xfr_request(x, now, 4711, request, sizeof(request)));
		}
		if (answer(x, now, request, data, len) == XFR_DONE)
			must(zone_loaded(z) && xfr_serves(x, now));
		same(z, heard);
		data += len;
		size -= len;
	}
	xfr_free(x);
	zone_free(z);
	zone_free(heard);
	return 0;
}
