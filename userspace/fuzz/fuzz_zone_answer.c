// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any question to any zone: libFuzzer target for zone_answer(). The input is the
 * view and the room for the answer; a question; records of the zone. All names
 * are made of few labels, so that they meet.
 *
 * An answer has to be well-formed, of whole RRsets, without what is never served
 * and, in the public view, the same for all that may not be asked for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/message.h"
#include "../lib/zone/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t apex[] = "\7example\3com";

struct input {
	const uint8_t *p;
	size_t left;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static uint8_t next(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

/* Up to four labels in front of the apex. */
static void name(struct input *in, uint8_t out[DNAME_MAX])
{
	static const char *const labels[] = {
		"a", "b", "*", "_acme-challenge", "_dns-llq", "_udp", "_tcp", "_dns-push-tls",
		"A", "ns", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk",
	};
	uint8_t n = next(in);

	memcpy(out, apex, sizeof(apex));
	if (n >= 0xf8)
		memcpy(out, "\3net", 5);
	for (n &= 7; n > 3; n--) {
		const char *l = labels[next(in) % (sizeof(labels) / sizeof(*labels))];

		dname_prefix(l, strlen(l), out, out);
	}
}

static uint16_t type(struct input *in)
{
	static const uint16_t types[] = {
		DNS_A, DNS_AAAA, DNS_NS, DNS_CNAME, DNS_SRV, DNS_MX, DNS_DNAME, DNS_TXT,
		DNS_LEASED, DNS_ENROLLED, DNS_SOA, DNS_ANY, 43, 46,
	};
	uint8_t n = next(in);

	return n < 0x80 ? types[n % (sizeof(types) / sizeof(*types))] : n;
}

static void add(struct zone *z, struct input *in)
{
	uint8_t owner[DNAME_MAX], cased[6 + DNAME_MAX] = { 0 }, rdata[sizeof(cased)];
	struct zone_rr rr = { .rdata = rdata };
	size_t at = 0, len;
	uint16_t t;
	uint8_t how;

	name(in, owner);
	t = type(in);
	how = next(in);
	if (t == DNS_SRV)
		at = 6;
	else if (t == DNS_MX)
		at = 2;
	if (at || t == DNS_NS || t == DNS_CNAME || t == DNS_DNAME) {
		name(in, cased + at);
		memcpy(rdata, cased, sizeof(cased));
		dname_lower(rdata + at);
		len = at + dname_len(rdata + at);
	} else {
		len = how & 15;
		cased[0] = how;
		memcpy(rdata, cased, sizeof(cased));
	}
	/* Nobody promised that RDATA is that of its type. */
	if (how & 64)
		len = how & 7;
	rr.type = t;
	rr.ttl = how;
	rr.rdlen = (uint16_t)len;
	if (memcmp(rdata, cased, len))
		rr.cased = cased;
	zone_put(z, owner, &rr);
	if (how & 128)
		zone_hide(z, owner, t, rdata, (uint16_t)len);
}

static void add_soa(struct zone *z)
{
	static const uint8_t soa[] = "\2ns\7example\3com\0\5admin\7example\3com\0"
		"\0\0\0\1\0\0\16\20\0\0\2\130\0\1\121\200\0\0\0";

	zone_add(z, apex, DNS_SOA, 60, soa, sizeof(soa));
	must(zone_loaded(z));
}

/* What is below a DNAME is not there, whatever the zone holds. */
static bool below_dname(const struct zone *z, const uint8_t *owner)
{
	while (*owner) {
		const struct zone_node *n;
		struct zone_rr rr;
		size_t pos = 0;

		owner = dname_skip(owner, 1);
		n = zone_find(z, owner);
		while (n && zone_node_next(n, &pos, &rr)) {
			if (rr.type == DNS_DNAME && !rr.hidden)
				return true;
		}
	}
	return false;
}

/* Is it one of the node's, in that case? */
static bool is_of(const struct zone_node *n, const uint8_t *msg, size_t len,
		  const struct dns_rr *rr)
{
	static uint8_t rdata[DNS_MAX];
	int rdlen = dns_rdata_unpack(msg, len, rr, rdata);
	struct zone_rr x;
	size_t pos = 0;

	while (zone_node_next(n, &pos, &x)) {
		if (x.type != rr->type)
			continue;
		/* RDATA that is not that of its type is copied. */
		if (rdlen < 0)
			return true;
		if (x.rdlen == rdlen && !memcmp(zone_rr_shown(&x), rdata, x.rdlen))
			return true;
	}
	return false;
}

/* Are all visible records of each RRset in the answer, or is it said (TC)? */
static void check_rrset(const struct zone *z, const uint8_t *msg, size_t len,
			const struct dns_rr *wanted, int section)
{
	const struct zone_node *n = zone_find(z, wanted->owner);
	size_t pos = 0, there = 0, given = 0;
	struct dns_walk w;
	struct dns_rr rr;
	struct zone_rr x;

	must(wanted->type != DNS_LEASED && wanted->type != DNS_ENROLLED);
	/* Made of a wildcard or DNAME. */
	if (!n || !zone_node_exists(n) || below_dname(z, wanted->owner))
		return;
	while (zone_node_next(n, &pos, &x))
		there += x.type == wanted->type && !x.hidden;
	must(!dns_walk_init(&w, msg, len));
	while (dns_walk_rr(&w, &rr) > 0)
		given += w.section == section && rr.type == wanted->type &&
			 dname_equal(rr.owner, wanted->owner);
	must(!there || given == there);
	must(!there || is_of(n, msg, len, wanted));
}

static void check(const struct zone *z, const uint8_t *msg, size_t len)
{
	struct dns_walk w;
	struct dns_rr rr;
	int ret;

	must(!dns_walk_init(&w, msg, len));
	while ((ret = dns_walk_rr(&w, &rr)) > 0)
		check_rrset(z, msg, len, &rr, w.section);
	must(!ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .p = data, .left = size };
	struct zone *z = zone_new(apex);
	uint8_t buf[2048], flags = next(&in);
	struct answer_view view = { .public_only = flags & 1, .expired = flags & 2 };
	struct dns_question q = { .class_ = DNS_IN };
	struct dns_writer w;
	enum dns_rcode rcode;
	size_t question;

	must(z);
	name(&in, q.name);
	q.type = type(&in);
	dns_writer_init(&w, buf, 300 + 6 * (size_t)next(&in), 1, DNS_QR);
	dns_put_question(&w, q.name, q.type, DNS_IN);
	must(!w.failed);
	question = w.len;
	if (!(flags & 4))
		add_soa(z);
	while (in.left)
		add(z, &in);

	rcode = zone_answer(z, &q, &view, &w);
	must(!w.failed && dns_rcode(buf) == rcode);
	if (rcode == DNS_REFUSED)
		must(w.len == question && dns_flags(buf) == (DNS_QR | DNS_REFUSED));
	if (view.public_only && zone_loaded(z) && !zone_is_public(z, q.name, q.type))
		must(rcode == DNS_REFUSED);
	check(z, buf, w.len);
	zone_free(z);
	return 0;
}
