// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions and answers, octet by octet and as a resolver reads them. */
#include "test.h"

#include "resolve_world.h"

#define NO_EDNS	0

static uint8_t out[DNS_MAX];
static size_t out_len;
static struct resolve_result result;

static void fill(void)
{
	add_host("laptop." DOMAIN, "fd00::1");
	add_host("Desktop." DOMAIN, "fd00::2");
	add_ptr("_autotunnel._udp." DOMAIN, "laptop." DOMAIN);
	add_ptr("_autotunnel._udp." DOMAIN, "Desktop." DOMAIN);
	add_ptr("_ssh._tcp." DOMAIN, "Alice's laptop._ssh._tcp." DOMAIN);
	add_srv("Alice's laptop._ssh._tcp." DOMAIN, 22, "laptop." DOMAIN);
	add_txt("Alice's laptop._ssh._tcp." DOMAIN, "u=alice");
}

/* A question, with an OPT that says @edns octets unless that is 0, to be changed. */
static size_t question(uint8_t query[1024], const char *name, uint16_t type, uint16_t edns)
{
	struct dns_writer w;

	dns_writer_init(&w, query, 1024, 0x1234, DNS_RD);
	dns_put_question(&w, wire(name), type, DNS_IN);
	if (edns)
		dns_put_opt(&w, edns, 0, NULL, 0);
	return w.len;
}

static size_t answer_to(const uint8_t *query, size_t len, bool stream)
{
	uint8_t *exact = exact_copy(query, len);

	out_len = resolve_answer(table, stream, exact, len, out,
				 stream ? DNS_MAX : DNS_UDP_MAX, &result);
	free(exact);
	return out_len;
}

/* Asks over UDP; checks RCODE and counts. */
static void ask(const char *name, uint16_t type, uint16_t edns, int rcode, int answers,
		int authority, int additional)
{
	uint8_t query[1024];
	size_t len = question(query, name, type, edns);
	struct dns_shape shape;

	assert_true(answer_to(query, len, false) > 0);
	assert_int_equal(dns_shape(out, out_len, &shape), 0);
	assert_int_equal(shape.has_opt, edns != 0);
	assert_int_equal(dns_id(out), 0x1234);
	assert_int_equal(dns_flags(out) & (DNS_QR | DNS_RD | DNS_RA), DNS_QR | DNS_RD);
	assert_int_equal(dns_rcode(out), rcode);
	assert_int_equal(dns_count(out, 0), 1);
	assert_int_equal(dns_count(out, 1), answers);
	assert_int_equal(dns_count(out, 2), authority);
	assert_int_equal(dns_count(out, 3), additional + (edns != 0));
	assert_int_equal(result.rcode, rcode);
}

static bool authoritative(void)
{
	return dns_flags(out) & DNS_AA;
}

/* The record @n of @section */
static struct dns_rr record(int section, unsigned int n)
{
	struct dns_walk w;
	struct dns_rr rr;

	assert_int_equal(dns_walk_init(&w, out, out_len), 0);
	while (dns_walk_rr(&w, &rr) > 0) {
		if (w.section == section && !n--)
			return rr;
	}
	fail_msg("no record");
	return rr;
}

static void assert_name(const uint8_t *name, const char *text)
{
	char got[DNAME_TEXT_MAX];

	assert_string_equal(dname_to_text(name, got), text);
}

/* What glibc asks, and what it gets, octet by octet: the case is kept. */
static void address(void **state)
{
	static const uint8_t query[] = {
		0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1,
		6, 'L', 'a', 'p', 't', 'o', 'p', 5, 'a', 'l', 'i', 'c', 'e',
		7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 28, 0, 1,
		0, 0, 41, 0x04, 0xb0, 0, 0, 0, 0, 0, 0,
	};
	static const uint8_t answer[] = {
		0xab, 0xcd, 0x85, 0x00, 0, 1, 0, 1, 0, 0, 0, 1,
		6, 'L', 'a', 'p', 't', 'o', 'p', 5, 'a', 'l', 'i', 'c', 'e',
		7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 28, 0, 1,
		0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 5, 0, 16,
		0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0,
	};

	(void)state;
	fill();
	assert_int_equal(answer_to(query, sizeof(query), false), sizeof(answer));
	assert_memory_equal(out, answer, sizeof(answer));
	assert_true(result.in_domain && result.found);
	assert_int_equal(result.question.type, DNS_AAAA);
	/* The result may be done without. */
	assert_int_equal(resolve_answer(table, true, query, sizeof(query), out, sizeof(out),
					NULL), sizeof(answer));
}

static void no_data(void **state)
{
	static const uint8_t soa[] = {
		0xc0, 19, 10, 'h', 'o', 's', 't', 'm', 'a', 's', 't', 'e', 'r', 0xc0, 19,
		0, 0, 0, 8, 0, 0, 14, 16, 0, 0, 2, 88, 0, 1, 81, 128, 0, 0, 0, 5,
	};
	struct dns_rr rr;

	(void)state;
	fill();
	ask("laptop." DOMAIN, DNS_A, NO_EDNS, DNS_NOERROR, 0, 1, 0);
	assert_true(authoritative());
	assert_true(result.in_domain && !result.found);
	rr = record(2, 0);
	assert_name(rr.owner, DOMAIN ".");
	assert_int_equal(rr.type, DNS_SOA);
	assert_int_equal(rr.ttl, RESOLVE_TTL);
	assert_int_equal(rr.rdlen, sizeof(soa));
	assert_memory_equal(rr.rdata, soa, sizeof(soa));

	/* Not there itself, but something below it is */
	ask("_tcp." DOMAIN, DNS_PTR, NO_EDNS, DNS_NOERROR, 0, 1, 0);
	ask(DOMAIN, DNS_NS, NO_EDNS, DNS_NOERROR, 0, 1, 0);

	ask("nobody." DOMAIN, DNS_AAAA, 1232, DNS_NXDOMAIN, 0, 1, 0);
	assert_true(authoritative());
	assert_true(result.in_domain && !result.found);
}

static void apex(void **state)
{
	struct dns_rr rr;

	(void)state;
	ask(DOMAIN, DNS_SOA, NO_EDNS, DNS_NOERROR, 1, 0, 0);
	assert_true(authoritative());
	rr = record(1, 0);
	assert_int_equal(rr.type, DNS_SOA);
	ask("ALICE.example.COM", DNS_ANY, NO_EDNS, DNS_NOERROR, 1, 0, 0);
	add_host(DOMAIN, "fd00::3");
	ask(DOMAIN, DNS_ANY, NO_EDNS, DNS_NOERROR, 2, 0, 0);
	ask(DOMAIN, DNS_AAAA, NO_EDNS, DNS_NOERROR, 1, 0, 0);
}

static void elsewhere(void **state)
{
	static const char *const names[] = {
		".", "com", "example.com", "bob.example.com", "xalice.example.com",
		"www.example.net", "1.0.0.127.in-addr.arpa",
	};
	size_t i;

	(void)state;
	fill();
	for (i = 0; i < N_OF(names); i++) {
		ask(names[i], DNS_AAAA, 1232, DNS_REFUSED, 0, 0, 0);
		assert_false(authoritative());
		assert_false(result.in_domain);
	}
}

/* Which servers there are is for others to say, whether all is known or not; where they are
 * is known.
 */
static void servers(void **state)
{
	static const char *const names[] = {
		"_dns-update-tls._tcp." DOMAIN, "_dns-llq._udp." DOMAIN,
		"_DNS-Push-TLS._TCP." DOMAIN, "_dns-new._tcp." DOMAIN,
	};
	static const char *const ours[] = {
		"_dns-sd._udp." DOMAIN, "_dns-update-tls." DOMAIN, "_dns-._tcp." DOMAIN,
		"_dns-update-tls._sctp." DOMAIN, "dns-update-tls._tcp." DOMAIN,
		"_dns-update-tls._tcp.laptop." DOMAIN, "_dns-llq._udp.x." DOMAIN,
	};
	static const uint8_t address[4] = { 192, 0, 2, 1 };
	size_t i;

	(void)state;
	fill();
	for (i = 0; i < 2 * N_OF(names); i++) {
		resolve_set_complete(table, i % 2);
		ask(names[i / 2], DNS_SRV, 1232, DNS_REFUSED, 0, 0, 0);
		assert_false(authoritative());
		assert_false(result.in_domain);
	}
	for (i = 0; i < N_OF(ours); i++)
		ask(ours[i], DNS_SRV, NO_EDNS, DNS_NXDOMAIN, 0, 1, 0);
	assert_int_equal(add(RESOLVE_SERVERS, "ns." DOMAIN, DNS_A, address, 4), 0);
	ask("ns." DOMAIN, DNS_A, NO_EDNS, DNS_NOERROR, 1, 0, 0);
	ask("ns." DOMAIN, DNS_AAAA, NO_EDNS, DNS_NOERROR, 0, 1, 0);
	assert_int_equal(add(RESOLVE_SERVERS, "ns.example.net", DNS_A, address, 4), -EINVAL);
}

/* Before all is known, what is not in the table may be somewhere else. */
static void incomplete(void **state)
{
	(void)state;
	fill();
	resolve_set_complete(table, false);
	ask("laptop." DOMAIN, DNS_AAAA, NO_EDNS, DNS_NOERROR, 1, 0, 0);
	assert_true(authoritative());
	ask("laptop." DOMAIN, DNS_A, NO_EDNS, DNS_SERVFAIL, 0, 0, 0);
	assert_false(authoritative());
	ask("nobody." DOMAIN, DNS_AAAA, NO_EDNS, DNS_SERVFAIL, 0, 0, 0);
	ask(DOMAIN, DNS_AAAA, NO_EDNS, DNS_SERVFAIL, 0, 0, 0);
	ask(DOMAIN, DNS_SOA, NO_EDNS, DNS_NOERROR, 1, 0, 0);
	ask("www.example.net", DNS_AAAA, NO_EDNS, DNS_REFUSED, 0, 0, 0);
	resolve_set_complete(table, true);
	ask("nobody." DOMAIN, DNS_AAAA, NO_EDNS, DNS_NXDOMAIN, 0, 1, 0);
}

/* Browsing brings what is needed next; names are as they were published. */
static void services(void **state)
{
	struct dns_rr rr;
	uint8_t name[DNAME_MAX];

	(void)state;
	fill();
	ask("_ssh._tcp." DOMAIN, DNS_PTR, 1232, DNS_NOERROR, 1, 0, 3);
	rr = record(1, 0);
	assert_true(dname_unpack(out, out_len, (size_t)(rr.rdata - out), name));
	assert_name(name, "Alice's\\032laptop._ssh._tcp." DOMAIN ".");
	assert_int_equal(record(3, 0).type, DNS_SRV);
	/* The target of SRV is not compressed (RFC 2782). */
	assert_int_equal(record(3, 0).rdlen, 6 + 7 + 19);
	assert_int_equal(record(3, 1).type, DNS_TXT);
	rr = record(3, 2);
	assert_int_equal(rr.type, DNS_AAAA);
	assert_name(rr.owner, "laptop." DOMAIN ".");

	ask("_autotunnel._udp." DOMAIN, DNS_PTR, 1232, DNS_NOERROR, 2, 0, 0);
	ask("alice's laptop._ssh._tcp." DOMAIN, DNS_SRV, 1232, DNS_NOERROR, 1, 0, 1);
	ask("alice's laptop._ssh._tcp." DOMAIN, DNS_ANY, 1232, DNS_NOERROR, 2, 0, 1);
}

static void add_alias(const char *owner, const char *target)
{
	const uint8_t *name = wire(target);

	assert_int_equal(add(RESOLVE_OWN, owner, DNS_CNAME, name, dname_len(name)), 0);
}

static void aliases(void **state)
{
	(void)state;
	fill();
	add_alias("nas." DOMAIN, "Files." DOMAIN);
	add_alias("files." DOMAIN, "desktop." DOMAIN);
	add_alias("out." DOMAIN, "www.example.net");
	add_alias("gone." DOMAIN, "nobody." DOMAIN);
	add_alias("a." DOMAIN, "b." DOMAIN);
	add_alias("b." DOMAIN, "a." DOMAIN);

	ask("nas." DOMAIN, DNS_AAAA, NO_EDNS, DNS_NOERROR, 3, 0, 0);
	assert_int_equal(record(1, 2).type, DNS_AAAA);
	ask("nas." DOMAIN, DNS_CNAME, NO_EDNS, DNS_NOERROR, 1, 0, 0);
	ask("nas." DOMAIN, DNS_A, NO_EDNS, DNS_NOERROR, 2, 1, 0);
	ask("out." DOMAIN, DNS_AAAA, NO_EDNS, DNS_NOERROR, 1, 0, 0);
	ask("gone." DOMAIN, DNS_AAAA, NO_EDNS, DNS_NXDOMAIN, 1, 1, 0);
	ask("a." DOMAIN, DNS_AAAA, NO_EDNS, DNS_NOERROR, 9, 0, 0);
	resolve_set_complete(table, false);
	ask("gone." DOMAIN, DNS_AAAA, NO_EDNS, DNS_NOERROR, 1, 0, 0);
}

/* Over UDP, no longer than who asks can take, and whole sets only; over TCP, all. */
static void truncated(void **state)
{
	static const struct { uint16_t edns; size_t most; bool fits; } rows[] = {
		{ NO_EDNS, 512, false }, { 100, 512, false }, { 512, 512, false },
		{ 700, 700, false }, { 1232, 1232, true }, { 4096, 1232, true },
	};
	char target[64];
	uint8_t query[1024];
	size_t i, len;

	(void)state;
	for (i = 0; i < 40; i++) {
		snprintf(target, sizeof(target), "host%02zu." DOMAIN, i);
		add_ptr("_x._tcp." DOMAIN, target);
		add_host(target, "fd00::9");
		add_srv("i._y._tcp." DOMAIN, (uint16_t)i, target);
	}
	for (i = 0; i < N_OF(rows); i++) {
		len = question(query, "_x._tcp." DOMAIN, DNS_PTR, rows[i].edns);
		assert_true(answer_to(query, len, false) <= rows[i].most);
		assert_int_equal(!(dns_flags(out) & DNS_TC), rows[i].fits);
		assert_int_equal(dns_count(out, 1), rows[i].fits ? 40 : 0);
	}
	/* The hosts of services that are not told would only take time. */
	len = question(query, "i._y._tcp." DOMAIN, DNS_SRV, NO_EDNS);
	assert_true(answer_to(query, len, false) > 0);
	assert_true(dns_flags(out) & DNS_TC);
	assert_int_equal(dns_count(out, 1) + dns_count(out, 3), 0);

	for (; i < 1500; i++) {
		snprintf(target, sizeof(target), "a-longer-name-%zu." DOMAIN, i);
		add_ptr("_x._tcp." DOMAIN, target);
	}
	len = question(query, "_x._tcp." DOMAIN, DNS_PTR, 4096);
	assert_true(answer_to(query, len, false) > 0);
	assert_true(dns_flags(out) & DNS_TC);
	assert_true(answer_to(query, len, true) > 40000);
	assert_false(dns_flags(out) & DNS_TC);
	assert_int_equal(dns_count(out, 1), 1500 - N_OF(rows) + 40);
}

/* Extras that do not fit are left out without TC. */
static void extras(void **state)
{
	char text[201], target[64];
	int i;

	(void)state;
	memset(text, 'x', 200);
	text[200] = '\0';
	for (i = 0; i < 5; i++) {
		snprintf(target, sizeof(target), "i%d._x._tcp." DOMAIN, i);
		add_ptr("_x._tcp." DOMAIN, target);
		add_srv(target, 80, "laptop." DOMAIN);
		add_txt(target, text);
	}
	add_host("laptop." DOMAIN, "fd00::1");
	/* There is no room for the second TXT. */
	ask("_x._tcp." DOMAIN, DNS_PTR, NO_EDNS, DNS_NOERROR, 5, 0, 3);
	assert_false(dns_flags(out) & DNS_TC);
	ask("_x._tcp." DOMAIN, DNS_PTR, 1232, DNS_NOERROR, 5, 0, 9);
	assert_false(dns_flags(out) & DNS_TC);
}

static void edns(void **state)
{
	struct dns_shape shape;
	uint8_t query[1024];
	struct dns_writer w;
	size_t len;

	(void)state;
	fill();
	/* A version that there is not yet */
	len = question(query, "laptop." DOMAIN, DNS_AAAA, 1232);
	query[len - 5] = 1;
	answer_to(query, len, false);
	assert_int_equal(dns_shape(out, out_len, &shape), 0);
	assert_int_equal(dns_rcode(out), 0);
	assert_int_equal(shape.opt_ttl, 1u << 24);
	assert_int_equal(dns_count(out, 1), 0);
	assert_int_equal(result.rcode, DNS_BADVERS);

	/* DO comes back (RFC 3225 3); other flags and options do not. */
	dns_writer_init(&w, query, sizeof(query), 1, 0);
	dns_put_question(&w, wire("laptop." DOMAIN), DNS_AAAA, DNS_IN);
	dns_put_opt(&w, 1232, 0xffff, (const uint8_t *)"\0\12\0\10cookies!", 12);
	answer_to(query, w.len, false);
	assert_int_equal(dns_shape(out, out_len, &shape), 0);
	assert_int_equal(shape.opt_ttl, 0x8000);
	assert_int_equal(shape.opt_len, 0);
	assert_int_equal(shape.udp_size, DNS_UDP_MAX);
	assert_int_equal(dns_flags(out) & DNS_RD, 0);
}

static void types(void **state)
{
	static const struct { uint16_t type; int rcode; } rows[] = {
		{ DNS_AXFR, DNS_REFUSED }, { DNS_IXFR, DNS_REFUSED }, { 0, DNS_FORMERR },
		{ DNS_OPT, DNS_FORMERR }, { DNS_TSIG, DNS_FORMERR }, { 249, DNS_NOTIMP },
		{ 128, DNS_NOTIMP },
	};
	uint8_t query[1024];
	size_t i, len;

	(void)state;
	fill();
	for (i = 0; i < N_OF(rows); i++) {
		ask("laptop." DOMAIN, rows[i].type, NO_EDNS, rows[i].rcode, 0, 0, 0);
		assert_false(result.in_domain);
	}
	/* Of another class */
	len = question(query, "laptop." DOMAIN, DNS_AAAA, NO_EDNS);
	query[len - 1] = 3;
	answer_to(query, len, false);
	assert_int_equal(dns_rcode(out), DNS_REFUSED);
	query[len - 1] = DNS_CLASS_ANY;
	answer_to(query, len, false);
	assert_int_equal(dns_rcode(out), DNS_REFUSED);
}

static void malformed(void **state)
{
	static const uint8_t tsig[] = {
		0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 16 + 1,
		0, 0, 0, 0, 0, 0, 0, 1, 44, 0, 0, 0x12, 0x34, 0, 0, 0, 0,
	};
	uint8_t query[1024];
	size_t i, len;

	(void)state;
	fill();
	len = question(query, "laptop." DOMAIN, DNS_AAAA, 1232);
	for (i = 0; i < len; i++) {
		answer_to(query, i, false);
		assert_int_equal(out_len != 0, i >= DNS_HEADER);
		if (out_len)
			assert_int_equal(dns_rcode(out), DNS_FORMERR);
	}
	/* With any bit turned: never a wrong answer to who reads it, and never none but
	 * for a response.
	 */
	for (i = 0; i < 8 * len; i++) {
		query[i / 8] ^= (uint8_t)(1 << i % 8);
		answer_to(query, len, false);
		assert_int_equal(out_len == 0, i == 8 * 2 + 7);
		if (out_len)
			assert_memory_equal(out, query, 2);
		query[i / 8] ^= (uint8_t)(1 << i % 8);
	}

	query[2] = 5 << 3;	/* UPDATE */
	answer_to(query, len, false);
	assert_int_equal(dns_rcode(out), DNS_NOTIMP);
	assert_int_equal(dns_opcode(out), DNS_UPDATE);

	/* Two questions, or none */
	len = question(query, "laptop." DOMAIN, DNS_AAAA, NO_EDNS);
	memcpy(query + len, query + DNS_HEADER, len - DNS_HEADER);
	query[5] = 2;
	answer_to(query, 2 * len - DNS_HEADER, false);
	assert_int_equal(dns_rcode(out), DNS_FORMERR);
	query[5] = 0;
	answer_to(query, DNS_HEADER, false);
	assert_int_equal(dns_rcode(out), DNS_FORMERR);

	/* Signed: who signs would throw an unsigned answer away. */
	len = question(query, "laptop." DOMAIN, DNS_AAAA, NO_EDNS);
	memcpy(query + len, tsig, sizeof(tsig));
	query[11] = 1;
	answer_to(query, len + sizeof(tsig), false);
	assert_int_equal(dns_rcode(out), DNS_REFUSED);
	assert_int_equal(dns_count(out, 1), 0);
}

/* A domain so long that there is no room for "hostmaster" in front of it */
static void long_domain(void **state)
{
	char domain[256] = "", *p = domain;
	struct resolve *other;
	uint8_t query[1024];
	struct dns_writer w;
	int i;

	(void)state;
	for (i = 0; i < 122; i++)
		p += sprintf(p, "a.");
	other = resolve_new(wire(domain));
	assert_non_null(other);
	dns_writer_init(&w, query, sizeof(query), 1, 0);
	dns_put_question(&w, wire(domain), DNS_SOA, DNS_IN);
	out_len = resolve_answer(other, false, query, w.len, out, DNS_UDP_MAX, &result);
	assert_true(out_len > 0);
	assert_int_equal(dns_count(out, 1), 1);
	/* To have no room for an answer at all is no harm either. */
	assert_int_equal(resolve_answer(other, true, query, w.len, out, 100, &result), 0);
	resolve_free(other);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, new_table, free_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(address), T(no_data), T(apex), T(elsewhere), T(servers), T(incomplete),
		T(services), T(aliases), T(truncated), T(extras), T(edns), T(types), T(malformed),
		T(long_domain),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
