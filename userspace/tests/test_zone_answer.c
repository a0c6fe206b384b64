// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "../lib/zone/answer.h"
#include "test_zone.h"

static const struct answer_view full, everybody = { .public_only = true };

static void put_name_at(char *out, size_t size, const uint8_t *msg, size_t len,
			const uint8_t *at)
{
	char text[DNAME_TEXT_MAX];
	uint8_t name[DNAME_MAX];

	assert_true(dname_unpack(msg, len, (size_t)(at - msg), name));
	snprintf(out, size, "%s", dname_to_text(name, text));
}

static void rdata_text(const uint8_t *msg, size_t len, const struct dns_rr *rr, char *out,
		       size_t size)
{
	uint8_t canonical[4096];

	switch (rr->type) {
	case DNS_A:
		inet_ntop(AF_INET, rr->rdata, out, (socklen_t)size);
		break;
	case DNS_AAAA:
		inet_ntop(AF_INET6, rr->rdata, out, (socklen_t)size);
		break;
	case DNS_MX:
		put_name_at(out, size, msg, len, rr->rdata + 2);
		break;
	case DNS_SRV:
		put_name_at(out, size, msg, len, rr->rdata + 6);
		break;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
	case DNS_DNAME:
		put_name_at(out, size, msg, len, rr->rdata);
		break;
	case DNS_SOA:
		assert_int_equal(dns_rdata_canonical(msg, len, rr, canonical), 56);
		snprintf(out, size, "%u", dns_u32(canonical + 36));
		break;
	default:
		snprintf(out, size, "%.*s", rr->rdata[0], (const char *)rr->rdata + 1);
	}
}

/* The answer as lines: RCODE and flags, then section, owner, type, TTL, RDATA. */
static const char *ask_room(const struct zone *z, const struct answer_view *view,
			    const char *name, uint16_t type, size_t room)
{
	static char text[8192];
	uint8_t *buf = malloc(room);
	struct dns_question q = { .type = type, .class_ = DNS_IN };
	struct dns_writer w;
	struct dns_walk walk;
	struct dns_rr rr;
	unsigned int rcode;
	int ret, n;

	assert_null(dname_from_text(name, q.name));
	dns_writer_init(&w, buf, room, 4711, DNS_QR | DNS_RD);
	dns_put_question(&w, q.name, type, DNS_IN);
	rcode = zone_answer(z, &q, view, &w);
	assert_false(w.failed);
	assert_int_equal(rcode, dns_rcode(buf));
	assert_int_equal(dns_flags(buf) & ~(DNS_AA | DNS_TC | 15), DNS_QR | DNS_RD);

	n = snprintf(text, sizeof(text), "%u%s%s\n", rcode, dns_flags(buf) & DNS_AA ? " aa" : "",
		     dns_flags(buf) & DNS_TC ? " tc" : "");
	assert_int_equal(dns_walk_init(&walk, buf, w.len), 0);
	assert_int_equal(dns_walk_question(&walk, &q), 1);
	while ((ret = dns_walk_rr(&walk, &rr)) > 0) {
		char owner[DNAME_TEXT_MAX], data[DNAME_TEXT_MAX];

		assert_int_equal(rr.class_, DNS_IN);
		rdata_text(buf, w.len, &rr, data, sizeof(data));
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%d %s %u %u %s\n",
			      walk.section, dname_to_text(rr.owner, owner), rr.type, rr.ttl, data);
		assert_true((size_t)n < sizeof(text));
	}
	assert_int_equal(ret, 0);
	free(buf);
	return text;
}

static const char *ask(const struct zone *z, const char *name, uint16_t type)
{
	return ask_room(z, &full, name, type, 4096);
}

#define SOA_LINE	"2 example.com. 6 120 7\n"
#define NODATA		"0 aa\n" SOA_LINE
#define NXDOMAIN	"3 aa\n" SOA_LINE

static struct zone *zone(void)
{
	struct zone *z = zone_new(dn("example.com"));

	zadd(z, "example.com", DNS_SOA, 3600, "7 3600 600 86400 120");
	zadd(z, "example.com", DNS_NS, 3600, "ns1.example.com");
	zadd(z, "example.com", DNS_NS, 3600, "ns.example.org");
	zadd(z, "ns1.example.com", DNS_A, 60, "192.0.2.53");
	zadd(z, "ns1.example.com", DNS_AAAA, 60, "2001:db8::53");
	zadd(z, "host.example.com", DNS_A, 60, "192.0.2.1");
	zadd(z, "host.example.com", DNS_AAAA, 60, "2001:db8::1");
	zadd(z, "a.b.c.example.com", DNS_TXT, 60, "deep");
	return z;
}

static void exact(void **state)
{
	struct zone *z = zone();

	(void)state;
	/* As it was asked for, in the case of the question. */
	assert_string_equal(ask(z, "HoSt.example.com", DNS_A),
			    "0 aa\n1 HoSt.example.com. 1 60 192.0.2.1\n");
	assert_string_equal(ask(z, "host.example.com", DNS_ANY),
			    "0 aa\n1 host.example.com. 1 60 192.0.2.1\n"
			    "1 host.example.com. 28 60 2001:db8::1\n");
	assert_string_equal(ask(z, "host.example.com", DNS_TXT), NODATA);
	assert_string_equal(ask(z, "nobody.example.com", DNS_TXT), NXDOMAIN);
	assert_string_equal(ask(z, "x.host.example.com", DNS_TXT), NXDOMAIN);
	/* Empty non-terminals. */
	assert_string_equal(ask(z, "b.c.example.com", DNS_TXT), NODATA);
	assert_string_equal(ask(z, "c.example.com", DNS_ANY), NODATA);
	assert_string_equal(ask(z, "example.com", DNS_SOA), "0 aa\n1 example.com. 6 3600 7\n");
	assert_string_equal(ask(z, "example.com", DNS_NS),
			    "0 aa\n1 example.com. 2 3600 ns.example.org.\n"
			    "1 example.com. 2 3600 ns1.example.com.\n"
			    "3 ns1.example.com. 1 60 192.0.2.53\n"
			    "3 ns1.example.com. 28 60 2001:db8::53\n");
	/* The lesser of the SOA's TTL and its minimum. */
	zadd(z, "example.com", DNS_SOA, 30, "8 3600 600 86400 120");
	assert_string_equal(ask(z, "nobody.example.com", DNS_A),
			    "3 aa\n2 example.com. 6 30 8\n");
	zone_free(z);
}

static void refusals(void **state)
{
	static const struct answer_view expired = { .expired = true };
	struct zone *z = zone();

	(void)state;
	assert_string_equal(ask(z, "example.org", DNS_A), "5\n");
	assert_string_equal(ask(z, "com", DNS_SOA), "5\n");
	assert_string_equal(ask(z, "example.com", DNS_AXFR), "5\n");
	assert_string_equal(ask(z, "example.com", DNS_IXFR), "5\n");
	assert_string_equal(ask(z, "example.com", DNS_OPT), "1\n");
	assert_string_equal(ask(z, "example.com", 249), "4\n");
	assert_string_equal(ask_room(z, &expired, "host.example.com", DNS_A, 512), "2\n");
	zone_free(z);
	z = zone_new(dn("example.com"));
	assert_string_equal(ask(z, "example.com", DNS_SOA), "2\n");
	zone_free(z);
}

static void additional(void **state)
{
	struct zone *z = zone();

	(void)state;
	zadd(z, "_x._udp.example.com", DNS_SRV, 10, "0 0 53 host.example.com");
	zadd(z, "_x._udp.example.com", DNS_SRV, 10, "0 0 54 host.example.com");
	zadd(z, "_x._udp.example.com", DNS_SRV, 10, "0 0 54 nobody.example.com");
	zadd(z, "_x._udp.example.com", DNS_SRV, 10, "0 0 54 host.example.org");
	assert_string_equal(ask(z, "_x._udp.example.com", DNS_SRV),
			    "0 aa\n1 _x._udp.example.com. 33 10 host.example.com.\n"
			    "1 _x._udp.example.com. 33 10 host.example.com.\n"
			    "1 _x._udp.example.com. 33 10 host.example.org.\n"
			    "1 _x._udp.example.com. 33 10 nobody.example.com.\n"
			    "3 host.example.com. 1 60 192.0.2.1\n"
			    "3 host.example.com. 28 60 2001:db8::1\n");
	zadd(z, "m.example.com", DNS_MX, 10, "5 m.example.com");
	zadd(z, "m.example.com", DNS_A, 10, "192.0.2.25");
	assert_string_equal(ask(z, "m.example.com", DNS_MX),
			    "0 aa\n1 m.example.com. 15 10 m.example.com.\n"
			    "3 m.example.com. 1 10 192.0.2.25\n");
	/* What is an answer is not repeated. */
	assert_string_equal(ask(z, "m.example.com", DNS_ANY),
			    "0 aa\n1 m.example.com. 1 10 192.0.2.25\n"
			    "1 m.example.com. 15 10 m.example.com.\n");
	/* Hidden ones are no help. */
	zhide(z, "m.example.com", DNS_A, "192.0.2.25");
	assert_string_equal(ask(z, "m.example.com", DNS_MX),
			    "0 aa\n1 m.example.com. 15 10 m.example.com.\n");
	zone_free(z);
}

static void never_served(void **state)
{
	struct zone *z = zone();

	(void)state;
	zadd(z, "p.example.com", DNS_LEASED, 0, "marker");
	zadd(z, "p.example.com", DNS_ENROLLED, 0, "host");
	assert_string_equal(ask(z, "p.example.com", DNS_LEASED), NXDOMAIN);
	assert_string_equal(ask(z, "p.example.com", DNS_ENROLLED), NXDOMAIN);
	assert_string_equal(ask(z, "p.example.com", DNS_ANY), NXDOMAIN);
	zadd(z, "below.p.example.com", DNS_A, 60, "192.0.2.9");
	assert_string_equal(ask(z, "p.example.com", DNS_LEASED), NODATA);
	zadd(z, "p.example.com", DNS_TXT, 60, "seen");
	assert_string_equal(ask(z, "p.example.com", DNS_LEASED), NODATA);
	assert_string_equal(ask(z, "p.example.com", DNS_ANY),
			    "0 aa\n1 p.example.com. 16 60 seen\n");
	zhide(z, "p.example.com", DNS_TXT, "seen");
	zhide(z, "below.p.example.com", DNS_A, "192.0.2.9");
	assert_string_equal(ask(z, "p.example.com", DNS_TXT), NXDOMAIN);
	assert_string_equal(ask(z, "below.p.example.com", DNS_A), NXDOMAIN);
	zone_free(z);
}

static void cname(void **state)
{
	struct zone *z = zone();

	(void)state;
	zadd(z, "one.example.com", DNS_CNAME, 10, "two.example.com");
	zadd(z, "two.example.com", DNS_CNAME, 20, "host.example.com");
	zadd(z, "out.example.com", DNS_CNAME, 10, "host.example.org");
	zadd(z, "gone.example.com", DNS_CNAME, 10, "nobody.example.com");
	zadd(z, "loop.example.com", DNS_CNAME, 10, "pool.example.com");
	zadd(z, "pool.example.com", DNS_CNAME, 10, "loop.example.com");
	assert_string_equal(ask(z, "one.example.com", DNS_A),
			    "0 aa\n1 one.example.com. 5 10 two.example.com.\n"
			    "1 two.example.com. 5 20 host.example.com.\n"
			    "1 host.example.com. 1 60 192.0.2.1\n");
	assert_string_equal(ask(z, "one.example.com", DNS_CNAME),
			    "0 aa\n1 one.example.com. 5 10 two.example.com.\n");
	assert_string_equal(ask(z, "one.example.com", DNS_ANY),
			    "0 aa\n1 one.example.com. 5 10 two.example.com.\n");
	assert_string_equal(ask(z, "two.example.com", DNS_TXT),
			    "0 aa\n1 two.example.com. 5 20 host.example.com.\n" SOA_LINE);
	assert_string_equal(ask(z, "out.example.com", DNS_A),
			    "0 aa\n1 out.example.com. 5 10 host.example.org.\n");
	assert_string_equal(ask(z, "gone.example.com", DNS_A),
			    "3 aa\n1 gone.example.com. 5 10 nobody.example.com.\n" SOA_LINE);
	assert_string_equal(ask(z, "loop.example.com", DNS_A),
			    "0 aa\n1 loop.example.com. 5 10 pool.example.com.\n"
			    "1 pool.example.com. 5 10 loop.example.com.\n");
	/* Signatures stand beside an alias. */
	zadd(z, "one.example.com", 46, 10, "signature");
	assert_string_equal(ask(z, "one.example.com", 46),
			    "0 aa\n1 one.example.com. 46 10 signature\n");
	zone_free(z);
}

static void long_chain(void **state)
{
	struct zone *z = zone();
	char name[32], next[32];
	const char *text;
	unsigned int i, lines;

	(void)state;
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "c%u.example.com", i);
		snprintf(next, sizeof(next), "c%u.example.com", i + 1);
		zadd(z, name, DNS_CNAME, 1, next);
	}
	text = ask(z, "c0.example.com", DNS_A);
	assert_memory_equal(text, "0 aa\n1 c0.", 10);
	for (lines = 0; (text = strchr(text, '\n')); text++)
		lines++;
	assert_int_equal(lines, 1 + 17);
	zone_free(z);
}

static void dname(void **state)
{
	char qname[300] = "", answer[1024];
	struct zone *z = zone();

	(void)state;
	zadd(z, "d.example.com", DNS_DNAME, 10, "example.com");
	zadd(z, "d.example.com", DNS_TXT, 10, "itself");
	zadd(z, "out.example.com", DNS_DNAME, 10, "a.name.that.is.rather.long.example.org");
	assert_string_equal(ask(z, "d.example.com", DNS_TXT),
			    "0 aa\n1 d.example.com. 16 10 itself\n");
	assert_string_equal(ask(z, "d.example.com", DNS_DNAME),
			    "0 aa\n1 d.example.com. 39 10 example.com.\n");
	assert_string_equal(ask(z, "HOST.d.example.com", DNS_A),
			    "0 aa\n1 d.example.com. 39 10 example.com.\n"
			    "1 HOST.d.example.com. 5 10 HOST.example.com.\n"
			    "1 HOST.example.com. 1 60 192.0.2.1\n");
	assert_string_equal(ask(z, "x.d.example.com", DNS_A),
			    "3 aa\n1 d.example.com. 39 10 example.com.\n"
			    "1 x.d.example.com. 5 10 x.example.com.\n" SOA_LINE);
	assert_string_equal(ask(z, "host.d.example.com", DNS_CNAME),
			    "0 aa\n1 d.example.com. 39 10 example.com.\n"
			    "1 host.d.example.com. 5 10 host.example.com.\n");
	assert_string_equal(ask(z, "h.out.example.com", DNS_A),
			    "0 aa\n1 out.example.com. 39 10 a.name.that.is.rather.long.example.org.\n"
			    "1 h.out.example.com. 5 10 h.a.name.that.is.rather.long.example.org.\n");

	/* One that applies twice stands there once. */
	assert_string_equal(ask(z, "host.d.d.example.com", DNS_AAAA),
			    "0 aa\n1 d.example.com. 39 10 example.com.\n"
			    "1 host.d.d.example.com. 5 10 host.d.example.com.\n"
			    "1 host.d.example.com. 5 10 host.example.com.\n"
			    "1 host.example.com. 28 60 2001:db8::1\n");
	assert_string_equal(ask(z, "d.d.example.com", DNS_DNAME),
			    "0 aa\n1 d.example.com. 39 10 example.com.\n"
			    "1 d.d.example.com. 5 10 d.example.com.\n");

	/* The new name would be over 255 octets. */
	while (strlen(qname) < 232)
		strcat(qname, "abcdefg.");
	strcat(qname, "out.example.com");
	snprintf(answer, sizeof(answer), "6 aa\n1 out.example.com. 39 10 "
		 "a.name.that.is.rather.long.example.org.\n");
	assert_string_equal(ask(z, qname, DNS_A), answer);
	zone_free(z);
}

static void wildcards(void **state)
{
	struct zone *z = zone();

	(void)state;
	zadd(z, "*.w.example.com", DNS_A, 10, "192.0.2.7");
	zadd(z, "*.w.example.com", DNS_MX, 10, "0 host.example.com");
	zadd(z, "host1.w.example.com", DNS_TXT, 10, "is there");
	zadd(z, "_ssh._tcp.host2.w.example.com", DNS_TXT, 10, "below");
	zadd(z, "*.c.example.com", DNS_CNAME, 10, "host.example.com");
	assert_string_equal(ask(z, "any.w.example.com", DNS_A),
			    "0 aa\n1 any.w.example.com. 1 10 192.0.2.7\n");
	assert_string_equal(ask(z, "x.y.W.example.com", DNS_MX),
			    "0 aa\n1 x.y.W.example.com. 15 10 host.example.com.\n"
			    "3 host.example.com. 1 60 192.0.2.1\n"
			    "3 host.example.com. 28 60 2001:db8::1\n");
	assert_string_equal(ask(z, "any.w.example.com", DNS_TXT), NODATA);
	/* RFC 4592 2.2.1 */
	assert_string_equal(ask(z, "host1.w.example.com", DNS_A), NODATA);
	assert_string_equal(ask(z, "host2.w.example.com", DNS_A), NODATA);
	assert_string_equal(ask(z, "_telnet._tcp.host1.w.example.com", DNS_A), NXDOMAIN);
	assert_string_equal(ask(z, "_telnet._tcp.host2.w.example.com", DNS_A), NXDOMAIN);
	assert_string_equal(ask(z, "*.w.example.com", DNS_A),
			    "0 aa\n1 *.w.example.com. 1 10 192.0.2.7\n");
	assert_string_equal(ask(z, "x.*.w.example.com", DNS_A), NXDOMAIN);
	assert_string_equal(ask(z, "t.c.example.com", DNS_A),
			    "0 aa\n1 t.c.example.com. 5 10 host.example.com.\n"
			    "1 host.example.com. 1 60 192.0.2.1\n");
	/* A hidden name hides nothing. */
	zhide(z, "host1.w.example.com", DNS_TXT, "is there");
	assert_string_equal(ask(z, "host1.w.example.com", DNS_A),
			    "0 aa\n1 host1.w.example.com. 1 10 192.0.2.7\n");
	zhide(z, "*.w.example.com", DNS_A, "192.0.2.7");
	zhide(z, "*.w.example.com", DNS_MX, "0 host.example.com");
	assert_string_equal(ask(z, "host1.w.example.com", DNS_A), NXDOMAIN);
	zone_free(z);
}

static void referrals(void **state)
{
	struct zone *z = zone();
	const char *text;

	(void)state;
	zadd(z, "sub.example.com", DNS_NS, 10, "ns.sub.example.com");
	zadd(z, "sub.example.com", DNS_NS, 10, "ns1.example.com");
	zadd(z, "sub.example.com", DNS_NS, 10, "ns.example.org");
	zadd(z, "sub.example.com", 43, 10, "digest");
	zadd(z, "ns.sub.example.com", DNS_A, 10, "192.0.2.99");
	zadd(z, "to.example.com", DNS_CNAME, 10, "x.sub.example.com");
	text = "0\n2 sub.example.com. 2 10 ns.example.org.\n"
	       "2 sub.example.com. 2 10 ns1.example.com.\n"
	       "2 sub.example.com. 2 10 ns.sub.example.com.\n"
	       "3 ns.sub.example.com. 1 10 192.0.2.99\n"
	       "3 ns1.example.com. 1 60 192.0.2.53\n"
	       "3 ns1.example.com. 28 60 2001:db8::53\n";
	assert_string_equal(ask(z, "x.sub.example.com", DNS_A), text);
	assert_string_equal(ask(z, "sub.example.com", DNS_NS), text);
	assert_string_equal(ask(z, "ns.sub.example.com", DNS_A), text);
	assert_string_equal(ask(z, "sub.example.com", DNS_ANY), text);
	assert_string_equal(ask(z, "sub.example.com", 43),
			    "0 aa\n1 sub.example.com. 43 10 digest\n");
	assert_string_equal(ask(z, "to.example.com", DNS_A),
			    "0 aa\n1 to.example.com. 5 10 x.sub.example.com.\n"
			    "2 sub.example.com. 2 10 ns.example.org.\n"
			    "2 sub.example.com. 2 10 ns1.example.com.\n"
			    "2 sub.example.com. 2 10 ns.sub.example.com.\n"
			    "3 ns.sub.example.com. 1 10 192.0.2.99\n"
			    "3 ns1.example.com. 1 60 192.0.2.53\n"
			    "3 ns1.example.com. 28 60 2001:db8::53\n");
	/* 12 + 23 of question, 63 of NS: without room for what it cannot
	 * do without, it says so; without the rest, not.
	 */
	assert_string_equal(ask_room(z, &full, "x.sub.example.com", DNS_A, 110),
			    "0 tc\n2 sub.example.com. 2 10 ns.example.org.\n"
			    "2 sub.example.com. 2 10 ns1.example.com.\n"
			    "2 sub.example.com. 2 10 ns.sub.example.com.\n");
	assert_string_equal(ask_room(z, &full, "x.sub.example.com", DNS_A, 150),
			    "0\n2 sub.example.com. 2 10 ns.example.org.\n"
			    "2 sub.example.com. 2 10 ns1.example.com.\n"
			    "2 sub.example.com. 2 10 ns.sub.example.com.\n"
			    "3 ns.sub.example.com. 1 10 192.0.2.99\n");
	zone_free(z);
}

static void overflow(void **state)
{
	struct zone *z = zone();
	char text[256];
	unsigned int i;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[250] = '\0';
	for (i = 0; i < 6; i++) {
		text[0] = (char)('0' + i);
		zadd(z, "big.example.com", DNS_TXT, 10, text);
	}
	zadd(z, "big.example.com", DNS_A, 10, "192.0.2.1");
	zadd(z, "alias.example.com", DNS_CNAME, 10, "big.example.com");
	assert_string_equal(ask_room(z, &full, "big.example.com", DNS_TXT, 1232), "0 aa tc\n");
	assert_non_null(strstr(ask(z, "big.example.com", DNS_TXT), "5xx"));
	assert_string_equal(ask_room(z, &full, "big.example.com", DNS_ANY, 1232),
			    "0 aa tc\n1 big.example.com. 1 10 192.0.2.1\n");
	assert_string_equal(ask_room(z, &full, "alias.example.com", DNS_TXT, 1232),
			    "0 aa tc\n1 alias.example.com. 5 10 big.example.com.\n");
	assert_string_equal(ask_room(z, &full, "nobody.example.com", DNS_TXT, 60), "3 aa tc\n");
	zadd(z, "d.example.com", DNS_DNAME, 10, "example.org");
	assert_string_equal(ask_room(z, &full, "x.d.example.com", DNS_A, 70),
			    "0 aa tc\n1 d.example.com. 39 10 example.org.\n");
	/* The rest of the room is the caller's. */
	zadd(z, "m.example.com", DNS_MX, 10, "5 host.example.com");
	assert_string_equal(ask_room(z, &full, "m.example.com", DNS_MX, 75),
			    "0 aa\n1 m.example.com. 15 10 host.example.com.\n");
	zone_free(z);
}

/* Octets of the answer to @name without its ID and question. */
static size_t ask_public(const struct zone *z, const char *name, uint16_t type, uint8_t *out)
{
	struct dns_question q = { .type = type, .class_ = DNS_IN };
	struct dns_writer w;
	uint8_t buf[1232];
	size_t end;

	assert_null(dname_from_text(name, q.name));
	dns_writer_init(&w, buf, sizeof(buf), 4711, DNS_QR);
	/* Pointers would tell how long the question was. */
	w.compress = false;
	dns_put_question(&w, q.name, type, DNS_IN);
	end = w.len;
	zone_answer(z, &q, &everybody, &w);
	memcpy(out, buf + 2, DNS_HEADER - 2);
	memcpy(out + DNS_HEADER - 2, buf + end, w.len - end);
	return DNS_HEADER - 2 + w.len - end;
}

static const char *ask_pub(const struct zone *z, const char *name, uint16_t type)
{
	return ask_room(z, &everybody, name, type, 1232);
}

static struct zone *private_zone(void)
{
	struct zone *z = zone();

	zadd(z, "_dns-llq._udp.example.com", DNS_SRV, 10, "0 0 5352 llq.example.com");
	zadd(z, "_dns-push-tls._tcp.example.com", DNS_SRV, 10, "0 0 853 push.example.org");
	zadd(z, "_dns-push-tls._tcp.example.com", DNS_TXT, 10, "secret");
	zadd(z, "_btmm._tcp.example.com", DNS_SRV, 10, "0 0 22 host.example.com");
	zadd(z, "llq.example.com", DNS_A, 10, "192.0.2.52");
	zadd(z, "llq.example.com", DNS_TXT, 10, "secret");
	zadd(z, "_acme-challenge.example.com", DNS_TXT, 10, "token");
	zadd(z, "_acme-challenge.host.example.com", DNS_TXT, 10, "token 2");
	zadd(z, "x._acme-challenge.host.example.com", DNS_CNAME, 10, "host.example.com");
	zadd(z, "alias.example.com", DNS_CNAME, 10, "llq.example.com");
	return z;
}

static void public_view(void **state)
{
	struct zone *z = private_zone();

	(void)state;
	assert_string_equal(ask_pub(z, "example.com", DNS_SOA), "0 aa\n1 example.com. 6 3600 7\n");
	assert_string_equal(ask_pub(z, "example.com", DNS_NS),
			    "0 aa\n1 example.com. 2 3600 ns.example.org.\n"
			    "1 example.com. 2 3600 ns1.example.com.\n"
			    "3 ns1.example.com. 1 60 192.0.2.53\n"
			    "3 ns1.example.com. 28 60 2001:db8::53\n");
	assert_string_equal(ask_pub(z, "_DNS-llq._udp.example.com", DNS_SRV),
			    "0 aa\n1 _DNS-llq._udp.example.com. 33 10 llq.example.com.\n"
			    "3 llq.example.com. 1 10 192.0.2.52\n");
	assert_string_equal(ask_pub(z, "_dns-push-tls._tcp.example.com", DNS_SRV),
			    "0 aa\n1 _dns-push-tls._tcp.example.com. 33 10 push.example.org.\n");
	assert_string_equal(ask_pub(z, "_dns-update-tls._tcp.example.com", DNS_SRV), NXDOMAIN);
	assert_string_equal(ask_pub(z, "llq.example.com", DNS_A),
			    "0 aa\n1 llq.example.com. 1 10 192.0.2.52\n");
	assert_string_equal(ask_pub(z, "llq.example.com", DNS_AAAA), NODATA);
	assert_string_equal(ask_pub(z, "ns1.example.com", DNS_AAAA),
			    "0 aa\n1 ns1.example.com. 28 60 2001:db8::53\n");
	assert_string_equal(ask_pub(z, "_acme-challenge.example.com", DNS_TXT),
			    "0 aa\n1 _acme-challenge.example.com. 16 10 token\n");
	assert_string_equal(ask_pub(z, "_acme-challenge.host.example.com", DNS_TXT),
			    "0 aa\n1 _acme-challenge.host.example.com. 16 10 token 2\n");
	assert_string_equal(ask_pub(z, "_acme-challenge.host.example.com", DNS_A), NODATA);
	assert_string_equal(ask_pub(z, "_acme-challenge.ns1.example.com", DNS_TXT), NXDOMAIN);
	assert_string_equal(ask_pub(z, "_acme-challenge.nobody.example.com", DNS_TXT), NXDOMAIN);
	/* The alias may be seen, but not to whom. */
	assert_string_equal(ask_pub(z, "x._acme-challenge.host.example.com", DNS_A),
			    "0 aa\n1 x._acme-challenge.host.example.com. 5 10 host.example.com.\n");

	/* Whom a hidden SRV points to is as private as others. */
	zhide(z, "_dns-llq._udp.example.com", DNS_SRV, "0 0 5352 llq.example.com");
	assert_string_equal(ask_pub(z, "llq.example.com", DNS_A), "5\n");
	zone_free(z);
}

static void nothing_to_see(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
	} cases[] = {
		{ "host.example.com", DNS_A }, { "nobody.example.com", DNS_A },
		{ "host.example.com", DNS_AAAA }, { "host.example.com", DNS_ANY },
		{ "host.example.com", DNS_TXT }, { "x.host.example.com", DNS_TXT },
		{ "c.example.com", DNS_TXT }, { "a.b.c.example.com", DNS_TXT },
		{ "alias.example.com", DNS_A }, { "alias.example.com", DNS_CNAME },
		{ "llq.example.com", DNS_TXT }, { "llq.example.com", DNS_ANY },
		{ "example.com", DNS_ANY }, { "example.com", DNS_TXT }, { "example.com", DNS_A },
		{ "example.com", DNS_AXFR }, { "host.example.com", DNS_SOA },
		{ "host.example.com", DNS_NS }, { "_udp.example.com", DNS_SRV },
		{ "_dns-push-tls._tcp.example.com", DNS_TXT },
		{ "_dns-llq._udp.host.example.com", DNS_SRV },
		{ "_btmm._tcp.example.com", DNS_SRV }, { "_dns-llq._tls.example.com", DNS_SRV },
		{ "_dns-other._udp.example.com", DNS_SRV }, { "x.w.example.com", DNS_A },
		{ "_acme-challengex.example.com", DNS_TXT }, { "host.example.com", DNS_LEASED },
	};
	uint8_t first[1232], other[1232];
	struct zone *z = private_zone();
	size_t i, len;

	(void)state;
	zadd(z, "*.w.example.com", DNS_A, 10, "192.0.2.7");
	len = ask_public(z, "nobody.example.com", DNS_TXT, first);
	assert_int_equal(len, DNS_HEADER - 2);
	assert_int_equal(first[1], DNS_REFUSED);
	for (i = 0; i < N_OF(cases); i++) {
		assert_int_equal(ask_public(z, cases[i].name, cases[i].type, other), len);
		assert_memory_equal(first, other, len);
		assert_int_equal(zone_is_public(z, dn(cases[i].name), cases[i].type), 0);
	}
	zone_free(z);
}

/* Whether a host exists must not show by what is public below it. */
static void no_oracle(void **state)
{
	struct zone *z = private_zone();
	uint8_t a[1232], b[1232];
	size_t len;

	(void)state;
	zadd(z, "*.example.com", DNS_TXT, 10, "wild");
	zadd(z, "cut.example.com", DNS_NS, 10, "ns.example.org");
	zadd(z, "d.example.com", DNS_DNAME, 10, "example.org");
	len = ask_public(z, "_acme-challenge.nope.example.com", DNS_TXT, a);
	assert_int_equal(a[1], DNS_NXDOMAIN);
	assert_int_equal(ask_public(z, "_acme-challenge.llq.example.com", DNS_TXT, b), len);
	assert_memory_equal(a, b, len);
	assert_int_equal(ask_public(z, "_acme-challenge.cut.example.com", DNS_TXT, b), len);
	assert_memory_equal(a, b, len);
	assert_int_equal(ask_public(z, "_acme-challenge.d.example.com", DNS_TXT, b), len);
	assert_memory_equal(a, b, len);

	/* One that is delegated itself is shown to be, and wildcards in it work. */
	zadd(z, "_acme-challenge.llq.example.com", DNS_NS, 10, "ns.example.org");
	assert_string_equal(ask_pub(z, "_acme-challenge.llq.example.com", DNS_TXT),
			    "0\n2 _acme-challenge.llq.example.com. 2 10 ns.example.org.\n");
	zadd(z, "*._acme-challenge.example.com", DNS_TXT, 10, "any");
	assert_string_equal(ask_pub(z, "y._acme-challenge.example.com", DNS_TXT),
			    "0 aa\n1 y._acme-challenge.example.com. 16 10 any\n");
	zone_free(z);

	/* Not loaded yet: addresses cannot be told apart, the rest can. */
	z = zone_new(dn("example.com"));
	assert_string_equal(ask_pub(z, "host.example.com", DNS_A), "2\n");
	assert_string_equal(ask_pub(z, "host.example.com", DNS_TXT), "5\n");
	assert_string_equal(ask_pub(z, "example.com", DNS_SOA), "2\n");
	zone_free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact),
		cmocka_unit_test(refusals),
		cmocka_unit_test(additional),
		cmocka_unit_test(never_served),
		cmocka_unit_test(cname),
		cmocka_unit_test(long_chain),
		cmocka_unit_test(dname),
		cmocka_unit_test(wildcards),
		cmocka_unit_test(referrals),
		cmocka_unit_test(overflow),
		cmocka_unit_test(public_view),
		cmocka_unit_test(nothing_to_see),
		cmocka_unit_test(no_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
