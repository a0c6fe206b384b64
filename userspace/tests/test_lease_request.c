// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "../lib/lease/request.h"
#include "lease_request.h"
#include "test_zone.h"

static const uint8_t apex[] = "\7example\3com";
static const uint8_t host[] = "\1a\7example\3com";
static const uint8_t address[] = { 192, 0, 2, 1 };

static enum dns_rcode parse(const uint8_t *msg, size_t len, struct update_msg *m)
{
	uint8_t *exact = exact_copy(msg, len);
	enum dns_rcode rcode = update_parse(exact, len, m);

	/* What was read does not point into it. */
	memset(exact, 0x55, len);
	free(exact);
	return rcode;
}

static void assert_rcode(const struct req *r, enum dns_rcode rcode)
{
	struct update_msg m;

	assert_false(r->w.failed);
	assert_int_equal(parse(r->b, r->w.len, &m), rcode);
	update_msg_free(&m);
	assert_null(m.rrs);
	assert_null(m.octets);
}

/* --- kinds ---------------------------------------------------------------------- */

static void prerequisites(void **state)
{
	static const struct {
		uint16_t type, class_;
		size_t len;
		enum update_kind kind;
	} cases[] = {
		{ DNS_A, DNS_CLASS_ANY, 0, PREREQ_RRSET },
		{ DNS_A, DNS_IN, 4, PREREQ_VALUE },
		{ DNS_A, DNS_NONE, 0, PREREQ_NO_RRSET },
		{ DNS_ANY, DNS_CLASS_ANY, 0, PREREQ_NAME },
		{ DNS_ANY, DNS_NONE, 0, PREREQ_NO_NAME },
	};
	struct update_msg m;
	struct req r;
	size_t i;

	(void)state;
	req_init(&r, apex);
	for (i = 0; i < N_OF(cases); i++)
		req_prereq(&r, host, cases[i].type, cases[i].class_, address, cases[i].len);
	assert_int_equal(parse(r.b, r.w.len, &m), DNS_NOERROR);
	assert_true(dname_equal(m.zone, apex));
	assert_int_equal(m.n_prereqs, N_OF(cases));
	assert_int_equal(m.n_rrs, N_OF(cases));
	for (i = 0; i < N_OF(cases); i++) {
		assert_int_equal(m.rrs[i].kind, cases[i].kind);
		assert_int_equal(m.rrs[i].type, cases[i].type);
		assert_int_equal(m.rrs[i].rdlen, cases[i].len);
		assert_true(dname_equal(m.rrs[i].owner, host));
		if (cases[i].len)
			assert_memory_equal(m.rrs[i].rdata, address, 4);
		else
			assert_null(m.rrs[i].rdata);
	}
	assert_false(m.has_opt || m.has_lease);
	update_msg_free(&m);
}

static void updates(void **state)
{
	struct update_msg m;
	struct req r;

	(void)state;
	req_init(&r, apex);
	req_add(&r, host, DNS_A, 120, address, 4);
	req_delete_set(&r, host, DNS_A);
	req_delete_set(&r, host, DNS_ANY);
	req_delete(&r, host, DNS_A, address, 4);
	/* One without RDATA, of a type that may be so. */
	req_add(&r, host, 65280, 120, NULL, 0);
	assert_int_equal(parse(r.b, r.w.len, &m), DNS_NOERROR);
	assert_int_equal(m.n_prereqs, 0);
	assert_int_equal(m.n_rrs, 5);
	assert_int_equal(m.rrs[0].kind, UPDATE_ADD);
	assert_int_equal(m.rrs[0].ttl, 120);
	assert_memory_equal(m.rrs[0].rdata, address, 4);
	assert_memory_equal(m.rrs[0].sent, address, 4);
	assert_int_equal(m.rrs[1].kind, UPDATE_DELETE_RRSET);
	assert_int_equal(m.rrs[2].kind, UPDATE_DELETE_NAME);
	assert_int_equal(m.rrs[3].kind, UPDATE_DELETE_RR);
	assert_int_equal(m.rrs[4].kind, UPDATE_ADD);
	assert_int_equal(m.rrs[4].rdlen, 0);
	assert_non_null(m.rrs[4].rdata);
	update_msg_free(&m);
}

/* RFC 2136 3.2.5 and 3.4.1.3 */
static void bad_records(void **state)
{
	static const struct {
		int section;
		uint16_t type, class_;
		uint32_t ttl;
		size_t len;
	} cases[] = {
		{ 1, DNS_A, DNS_CLASS_ANY, 1, 0 },	/* a TTL */
		{ 1, DNS_A, DNS_CLASS_ANY, 0, 4 },	/* RDATA */
		{ 1, DNS_A, DNS_NONE, 0, 4 },
		{ 1, DNS_ANY, DNS_IN, 0, 0 },
		{ 1, DNS_A, 3, 0, 0 },			/* a class of its own */
		{ 1, DNS_AXFR, DNS_CLASS_ANY, 0, 0 },
		{ 1, DNS_OPT, DNS_CLASS_ANY, 0, 0 },
		{ 1, DNS_A, DNS_IN, 0, 3 },		/* no address */
		{ 2, DNS_A, DNS_IN, 60, 5 },
		{ 2, DNS_A, DNS_CLASS_ANY, 1, 0 },
		{ 2, DNS_A, DNS_CLASS_ANY, 0, 4 },
		{ 2, DNS_A, DNS_NONE, 1, 4 },
		{ 2, DNS_A, DNS_NONE, 0, 0 },
		{ 2, DNS_ANY, DNS_NONE, 0, 0 },
		{ 2, DNS_ANY, DNS_IN, 0, 0 },
		{ 2, DNS_TSIG, DNS_CLASS_ANY, 0, 0 },
		{ 2, DNS_IXFR, DNS_IN, 0, 0 },
		{ 2, 0, DNS_IN, 0, 0 },
		{ 2, DNS_A, 3, 0, 4 },
		{ 2, DNS_SRV, DNS_IN, 0, 5 },
	};
	static const uint8_t rd[8] = { 192, 0, 2, 1 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		struct req r;

		req_init(&r, apex);
		dns_put_rr(&r.w, cases[i].section, host, cases[i].type, cases[i].class_,
			   cases[i].ttl, rd, cases[i].len);
		assert_rcode(&r, DNS_FORMERR);
	}
}

/* --- names ---------------------------------------------------------------------- */

static void other_zone(void **state)
{
	struct req r;

	(void)state;
	req_init(&r, apex);
	req_add(&r, dn("a.example.net"), DNS_A, 60, address, 4);
	assert_rcode(&r, DNS_NOTZONE);
	req_init(&r, apex);
	req_prereq(&r, dn("com"), DNS_ANY, DNS_NONE, NULL, 0);
	assert_rcode(&r, DNS_NOTZONE);
	/* The apex is in it. */
	req_init(&r, apex);
	req_add(&r, apex, DNS_A, 60, address, 4);
	assert_rcode(&r, DNS_NOERROR);
}

static void zone_section(void **state)
{
	struct req r;

	(void)state;
	dns_writer_init(&r.w, r.b, sizeof(r.b), 1, DNS_UPDATE << 11);
	assert_rcode(&r, DNS_FORMERR);
	dns_put_question(&r.w, apex, DNS_SOA, DNS_IN);
	assert_rcode(&r, DNS_NOERROR);
	dns_put_question(&r.w, apex, DNS_SOA, DNS_IN);
	assert_rcode(&r, DNS_FORMERR);

	dns_writer_init(&r.w, r.b, sizeof(r.b), 1, DNS_UPDATE << 11);
	dns_put_question(&r.w, apex, DNS_A, DNS_IN);
	assert_rcode(&r, DNS_FORMERR);
	dns_writer_init(&r.w, r.b, sizeof(r.b), 1, DNS_UPDATE << 11);
	dns_put_question(&r.w, apex, DNS_SOA, 3);
	assert_rcode(&r, DNS_NOTAUTH);
}

static void not_updates(void **state)
{
	struct update_msg m;
	struct req r;

	(void)state;
	dns_writer_init(&r.w, r.b, sizeof(r.b), 1, 0);
	dns_put_question(&r.w, apex, DNS_SOA, DNS_IN);
	assert_rcode(&r, DNS_NOTIMP);
	dns_writer_init(&r.w, r.b, sizeof(r.b), 1, DNS_QR | DNS_UPDATE << 11);
	dns_put_question(&r.w, apex, DNS_SOA, DNS_IN);
	assert_rcode(&r, DNS_NOTIMP);
	assert_int_equal(parse(r.b, 11, &m), DNS_FORMERR);
	update_msg_free(&m);
	assert_int_equal(parse(r.b, 0, &m), DNS_FORMERR);
	update_msg_free(&m);
}

/* Names are compared in lower case, but what is stored keeps its own. */
static void case_of_names(void **state)
{
	uint8_t target[] = "\1i\4_ssh\4_tcp\7example\3com";
	struct update_msg m;
	struct req r;

	(void)state;
	req_init(&r, dn("Example.COM"));
	req_add(&r, dn("_SSH._tcp.example.com"), DNS_PTR, 60, dn("My Mac._ssh._TCP.Example.com"),
		dname_len(dn("My Mac._ssh._TCP.Example.com")));
	req_delete(&r, dn("_SSH._tcp.example.com"), DNS_PTR, dn("I._ssh._TCP.Example.com"),
		   sizeof(target));
	assert_int_equal(parse(r.b, r.w.len, &m), DNS_NOERROR);
	assert_memory_equal(m.zone, apex, sizeof(apex));
	assert_memory_equal(m.rrs[0].owner, dn("_ssh._tcp.example.com"), 23);
	assert_memory_equal(m.rrs[0].rdata, dn("my mac._ssh._tcp.example.com"), 30);
	assert_memory_equal(m.rrs[0].sent, dn("My Mac._ssh._TCP.Example.com"), 30);
	assert_int_equal(m.rrs[1].rdlen, sizeof(target));
	assert_memory_equal(m.rrs[1].rdata, target, sizeof(target));
	update_msg_free(&m);
}

/* The same behind other octets, and twice in one RDATA. */
static void case_inside(void **state)
{
	static const uint16_t types[] = { DNS_SRV, DNS_MX };
	uint8_t rd[RDATA_TEXT_MAX], soa[RDATA_TEXT_MAX];
	struct update_msg m;
	struct req r;
	uint16_t len;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(types); i++) {
		req_init(&r, apex);
		len = rdata(types[i], types[i] == DNS_MX ? "10 Mail.Example.com" :
			    "1 2 65535 Mac.Example.com", rd);
		req_add(&r, host, types[i], 60, rd, len);
		assert_int_equal(parse(r.b, r.w.len, &m), DNS_NOERROR);
		assert_int_equal(m.rrs[0].rdlen, len);
		assert_memory_equal(m.rrs[0].sent, rd, len);
		assert_memory_not_equal(m.rrs[0].rdata, rd, len);
		update_msg_free(&m);
	}
	/* NAPTR, whose name is at the end */
	req_init(&r, apex);
	req_add(&r, host, 35, 60, (const uint8_t *)"\0\1\0\2\1U\1S\1R\3Mac", 15);
	assert_int_equal(parse(r.b, r.w.len, &m), DNS_NOERROR);
	assert_int_equal(m.rrs[0].rdlen, 15);
	assert_memory_equal(m.rrs[0].sent, "\0\1\0\2\1U\1S\1R\3Mac", 15);
	assert_memory_equal(m.rrs[0].rdata, "\0\1\0\2\1U\1S\1R\3mac", 15);
	update_msg_free(&m);
	len = rdata(DNS_SOA, "7", soa);
	soa[1] = 'N';
	soa[dname_len(soa) + 1] = 'A';
	req_init(&r, apex);
	req_add(&r, apex, DNS_SOA, 60, soa, len);
	assert_int_equal(parse(r.b, r.w.len, &m), DNS_NOERROR);
	assert_memory_equal(m.rrs[0].sent, soa, len);
	assert_int_equal(m.rrs[0].rdata[1], 'n');
	assert_int_equal(m.rrs[0].rdata[dname_len(soa) + 1], 'a');
	update_msg_free(&m);
}

/* --- options -------------------------------------------------------------------- */

static void lease_forms(void **state)
{
	struct update_msg m;
	struct req r;

	(void)state;
	req_init(&r, apex);
	req_lease(&r, 5400, 0, false);
	assert_int_equal(parse(r.b, r.w.len, &m), DNS_NOERROR);
	assert_true(m.has_opt && m.has_lease && !m.lease.long_form);
	assert_int_equal(m.lease.lease, 5400);
	assert_int_equal(m.lease.key_lease, 5400);
	update_msg_free(&m);

	req_init(&r, apex);
	req_lease(&r, 5400, 604800, true);
	assert_int_equal(parse(r.b, r.w.len, &m), DNS_NOERROR);
	assert_true(m.has_lease && m.lease.long_form);
	assert_int_equal(m.lease.lease, 5400);
	assert_int_equal(m.lease.key_lease, 604800);
	update_msg_free(&m);
}

static void other_options(void **state)
{
	static const uint8_t foreign[] = { 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t short_lease[] = { 0, 2, 0, 3, 0, 0, 1 };
	static const uint8_t twice[] = { 0, 2, 0, 4, 0, 0, 1, 0, 0, 2, 0, 4, 0, 0, 1, 0 };
	static const uint8_t cut[] = { 0, 2, 0, 4, 0, 0 };
	struct update_msg m;
	struct req r;

	(void)state;
	req_init(&r, apex);
	dns_put_opt(&r.w, 1232, 0, foreign, sizeof(foreign));
	assert_int_equal(parse(r.b, r.w.len, &m), DNS_NOERROR);
	assert_true(m.has_opt && !m.has_lease);
	update_msg_free(&m);

	req_init(&r, apex);
	dns_put_opt(&r.w, 1232, 0, short_lease, sizeof(short_lease));
	assert_rcode(&r, DNS_FORMERR);
	req_init(&r, apex);
	dns_put_opt(&r.w, 1232, 0, twice, sizeof(twice));
	assert_rcode(&r, DNS_FORMERR);
	req_init(&r, apex);
	dns_put_opt(&r.w, 1232, 0, cut, sizeof(cut));
	assert_rcode(&r, DNS_FORMERR);
	req_init(&r, apex);
	req_lease(&r, 1, 1, false);
	req_lease(&r, 1, 1, false);
	assert_rcode(&r, DNS_FORMERR);
	/* Apple puts an HINFO behind; it does not matter. */
	req_init(&r, apex);
	req_lease(&r, 1, 1, false);
	dns_put_rr(&r.w, 3, host, DNS_HINFO, DNS_IN, 0, (const uint8_t *)"\1a\1b", 4);
	assert_rcode(&r, DNS_NOERROR);
}

/* --- limits --------------------------------------------------------------------- */

static void too_many(void **state)
{
	static uint8_t buf[DNS_MAX];
	struct update_msg m;
	struct dns_writer w;
	size_t i;

	(void)state;
	dns_writer_init(&w, buf, sizeof(buf), 1, DNS_UPDATE << 11);
	dns_put_question(&w, apex, DNS_SOA, DNS_IN);
	dns_put_rr(&w, 1, host, DNS_ANY, DNS_CLASS_ANY, 0, NULL, 0);
	for (i = 1; i < UPDATE_RECORDS_MAX; i++)
		dns_put_rr(&w, 2, host, DNS_A, DNS_IN, 60, address, 4);
	assert_int_equal(parse(buf, w.len, &m), DNS_NOERROR);
	assert_int_equal(m.n_rrs, UPDATE_RECORDS_MAX);
	assert_int_equal(m.n_prereqs, 1);
	update_msg_free(&m);
	dns_put_rr(&w, 2, host, DNS_A, DNS_IN, 60, address, 4);
	assert_int_equal(parse(buf, w.len, &m), DNS_REFUSED);
	update_msg_free(&m);
}

/* A record that needs more than one piece of the store for what is kept. */
static void long_rdata(void **state)
{
	static uint8_t buf[DNS_MAX], big[60000];
	struct update_msg m;
	struct dns_writer w;

	(void)state;
	memset(big, 0xaa, sizeof(big));
	dns_writer_init(&w, buf, sizeof(buf), 1, DNS_UPDATE << 11);
	dns_put_question(&w, apex, DNS_SOA, DNS_IN);
	dns_put_rr(&w, 2, host, DNS_A, DNS_IN, 60, address, 4);
	dns_put_rr(&w, 2, host, 65280, DNS_IN, 60, big, sizeof(big));
	dns_put_rr(&w, 2, host, DNS_A, DNS_IN, 60, address, 4);
	assert_int_equal(parse(buf, w.len, &m), DNS_NOERROR);
	assert_int_equal(m.n_rrs, 3);
	assert_memory_equal(m.rrs[0].rdata, address, 4);
	assert_int_equal(m.rrs[1].rdlen, sizeof(big));
	assert_memory_equal(m.rrs[1].rdata, big, sizeof(big));
	assert_memory_equal(m.rrs[2].rdata, address, 4);
	update_msg_free(&m);
}

/* Wherever it ends, it is an error and nothing else. */
static void truncated(void **state)
{
	struct update_msg m;
	struct req r;
	size_t len;

	(void)state;
	req_init(&r, apex);
	req_prereq(&r, host, DNS_ANY, DNS_CLASS_ANY, NULL, 0);
	req_add(&r, host, DNS_A, 60, address, 4);
	req_add(&r, dn("_ssh._tcp.example.com"), DNS_PTR, 60, host, sizeof(host));
	req_lease(&r, 60, 60, true);
	for (len = 0; len < r.w.len; len++) {
		assert_int_equal(parse(r.b, len, &m), DNS_FORMERR);
		update_msg_free(&m);
	}
	assert_rcode(&r, DNS_NOERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prerequisites),
		cmocka_unit_test(updates),
		cmocka_unit_test(bad_records),
		cmocka_unit_test(other_zone),
		cmocka_unit_test(zone_section),
		cmocka_unit_test(not_updates),
		cmocka_unit_test(case_of_names),
		cmocka_unit_test(case_inside),
		cmocka_unit_test(lease_forms),
		cmocka_unit_test(other_options),
		cmocka_unit_test(too_many),
		cmocka_unit_test(long_rdata),
		cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
