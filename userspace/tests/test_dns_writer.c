// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "../lib/dns/message.h"
#include "dns_message_vectors.h"

static const uint8_t root[] = { 0 };
static const uint8_t example[] = "\7example\3com";
static const uint8_t www[] = "\3www\7example\3com";
static uint8_t canonical[65535];

/* Reads @msg and writes it anew. */
static void rewrite(const uint8_t *msg, size_t len, struct dns_writer *w)
{
	struct dns_question q;
	struct dns_walk walk;
	struct dns_rr rr;

	assert_int_equal(dns_walk_init(&walk, msg, len), 0);
	while (dns_walk_question(&walk, &q) > 0)
		dns_put_question(w, q.name, q.type, q.class_);
	while (dns_walk_rr(&walk, &rr) > 0) {
		int n = rr.rdlen ? dns_rdata_canonical(msg, len, &rr, canonical) : 0;

		assert_true(n >= 0);
		dns_put_rr(w, walk.section, rr.owner, rr.type, rr.class_, rr.ttl, canonical,
			   (size_t)n);
	}
}

/* Are the same records in both, names in the same case but for RDATA? */
static void same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	static uint8_t canonical_b[65535];
	struct dns_question qa, qb;
	struct dns_walk wa, wb;
	struct dns_rr ra, rb;
	int ret, i;

	assert_int_equal(dns_walk_init(&wa, a, a_len), 0);
	assert_int_equal(dns_walk_init(&wb, b, b_len), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(dns_count(a, i), dns_count(b, i));
	for (;;) {
		ret = dns_walk_question(&wa, &qa);
		assert_int_equal(dns_walk_question(&wb, &qb), ret);
		if (ret <= 0)
			break;
		assert_memory_equal(qa.name, qb.name, dname_len(qa.name));
		assert_true(qa.type == qb.type && qa.class_ == qb.class_);
	}
	for (;;) {
		ret = dns_walk_rr(&wa, &ra);
		assert_int_equal(dns_walk_rr(&wb, &rb), ret);
		if (ret <= 0)
			break;
		assert_int_equal(wa.section, wb.section);
		assert_memory_equal(ra.owner, rb.owner, dname_len(ra.owner));
		assert_true(ra.type == rb.type && ra.class_ == rb.class_ && ra.ttl == rb.ttl);
		ret = ra.rdlen ? dns_rdata_canonical(a, a_len, &ra, canonical) : 0;
		assert_int_equal(rb.rdlen ? dns_rdata_canonical(b, b_len, &rb, canonical_b) : 0,
				 ret);
		assert_memory_equal(canonical, canonical_b, (size_t)ret);
	}
	assert_int_equal(ret, 0);
}

static void rewritten(void **state)
{
	struct dns_writer w;
	uint8_t buf[4096];
	size_t i, plain;

	(void)state;
	for (i = 0; i < N_OF(vectors); i++) {
		dns_writer_init(&w, buf, sizeof(buf), dns_id(vectors[i].msg),
				dns_flags(vectors[i].msg));
		w.compress = false;
		rewrite(vectors[i].msg, vectors[i].len, &w);
		assert_false(w.failed);
		same(vectors[i].msg, vectors[i].len, buf, w.len);
		plain = w.len;

		dns_writer_init(&w, buf, sizeof(buf), dns_id(vectors[i].msg),
				dns_flags(vectors[i].msg));
		rewrite(vectors[i].msg, vectors[i].len, &w);
		assert_false(w.failed);
		same(vectors[i].msg, vectors[i].len, buf, w.len);
		assert_true(w.len <= plain);
	}
}

/* As dnspython writes it, where names that it points to are in the same case. */
static void octet_by_octet(void **state)
{
	struct dns_writer w;
	uint8_t buf[512];

	(void)state;
	dns_writer_init(&w, buf, sizeof(buf), dns_id(query), dns_flags(query));
	rewrite(query, sizeof(query), &w);
	assert_int_equal(w.len, sizeof(query));
	assert_memory_equal(buf, query, sizeof(query));

	dns_writer_init(&w, buf, sizeof(buf), dns_id(llq_setup), dns_flags(llq_setup));
	rewrite(llq_setup, sizeof(llq_setup), &w);
	assert_int_equal(w.len, sizeof(llq_setup));
	assert_memory_equal(buf, llq_setup, sizeof(llq_setup));
}

static void compressed(void **state)
{
	static const uint8_t expect[] =
		"\x12\x34\x84\0\0\1\0\3\0\0\0\0"
		"\3www\7example\3com\0\0\5\0\1"			/* at 12, 16, 24 */
		"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1a\xc0\x10"	/* a.example.com: 45 */
		"\xc0\x2d\0\x21\0\1\0\0\0\x3c\0\x15"		/* SRV: no pointer */
		"\0\0\0\0\0\1\1a\7example\3com\0"
		"\7EXAMPLE\xc0\x18\0\6\0\1\0\0\0\x3c\0\x1a"	/* in its own case */
		"\xc0\x52\1h\xc0\x10" "12345678901234567890";
	struct dns_writer w;
	uint8_t buf[512];

	(void)state;
	dns_writer_init(&w, buf, sizeof(buf), 0x1234, DNS_QR | DNS_AA);
	assert_true(w.compress);
	dns_put_question(&w, www, DNS_CNAME, DNS_IN);
	dns_put_rr(&w, 1, www, DNS_CNAME, DNS_IN, 60, (const uint8_t *)"\1a\7example\3com", 15);
	dns_put_rr(&w, 1, (const uint8_t *)"\1a\7example\3com", DNS_SRV, DNS_IN, 60,
		   (const uint8_t *)"\0\0\0\0\0\1\1a\7example\3com", 21);
	dns_put_rr(&w, 1, (const uint8_t *)"\7EXAMPLE\3com", DNS_SOA, DNS_IN, 60,
		   (const uint8_t *)"\7EXAMPLE\3com\0\1h\7example\3com\0" "12345678901234567890",
		   13 + 15 + 20);
	assert_false(w.failed);
	assert_int_equal(w.len, sizeof(expect) - 1);
	assert_memory_equal(buf, expect, sizeof(expect) - 1);
}

/* RDATA that is none, as in an UPDATE, goes as it is. */
static void strange_rdata(void **state)
{
	static const struct {
		uint16_t type;
		const char *rdata;
		size_t len;
	} cases[] = {
		{ DNS_PTR, "", 0 },
		{ DNS_PTR, "\3www", 4 },
		{ DNS_PTR, "\0x", 2 },
		{ DNS_PTR, "\xc0\x0c", 2 },
		{ DNS_MX, "", 0 },
		{ DNS_MX, "\0", 1 },
		{ DNS_MX, "\0\1", 2 },
		{ DNS_SOA, "\0", 1 },
		{ DNS_SOA, "\0\0" "1234567890123456789", 21 },
		{ DNS_SOA, "\0\0" "123456789012345678901", 23 },
	};
	struct dns_writer w;
	struct dns_walk walk;
	struct dns_rr rr;
	uint8_t buf[512];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		uint8_t *rdata = exact_copy(cases[i].rdata, cases[i].len);

		dns_writer_init(&w, buf, sizeof(buf), 1, 0);
		dns_put_rr(&w, 2, www, cases[i].type, DNS_CLASS_ANY, 0, rdata, cases[i].len);
		assert_false(w.failed);
		assert_int_equal(dns_walk_init(&walk, buf, w.len), 0);
		assert_int_equal(dns_walk_rr(&walk, &rr), 1);
		assert_int_equal(rr.rdlen, cases[i].len);
		assert_memory_equal(rr.rdata, rdata, cases[i].len);
		free(rdata);
	}

	/* No RDATA may be NULL; too much of it may not be written. */
	dns_writer_init(&w, buf, sizeof(buf), 1, 0);
	dns_put_rr(&w, 2, www, DNS_A, DNS_CLASS_ANY, 0, NULL, 0);
	dns_put_opt(&w, 1232, 0, NULL, 0);
	assert_false(w.failed);
	dns_put_rr(&w, 3, www, DNS_A, DNS_IN, 0, canonical, 65536);
	assert_true(w.failed);
}

/* However much room there is, whole records are in it. */
static void no_room(void **state)
{
	size_t size, full = 0, last = 0;
	struct dns_writer w;
	struct dns_walk walk;
	struct dns_rr rr;

	(void)state;
	for (size = 0; !full; size++) {
		uint8_t *buf = malloc(size ? size : 1);
		int ret, n = 0;

		assert_non_null(buf);
		dns_writer_init(&w, buf, size, 1, DNS_QR);
		rewrite(everything, sizeof(everything), &w);
		assert_int_equal(w.len ? 0 : 1, size < DNS_HEADER);
		if (w.len) {
			assert_int_equal(dns_walk_init(&walk, buf, w.len), 0);
			while ((ret = dns_walk_rr(&walk, &rr)) > 0)
				n++;
			assert_int_equal(ret, 0);
			assert_true(w.len >= last);
			last = w.len;
		}
		if (!w.failed) {
			same(everything, sizeof(everything), buf, w.len);
			assert_int_equal(w.len, size);
			full = size;
		}
		free(buf);
	}
	assert_true(full > 1000);
}

static void marks(void **state)
{
	struct dns_writer w;
	struct dns_mark m, bad;
	uint8_t buf[70], before[70];
	uint16_t n_offsets;

	(void)state;
	dns_writer_init(&w, buf, sizeof(buf), 1, DNS_QR);
	dns_put_question(&w, example, DNS_A, DNS_IN);
	dns_put_rr(&w, 1, example, DNS_A, DNS_IN, 1, www, 4);
	dns_mark(&w, &m);
	memcpy(before, buf, w.len);
	dns_put_rr(&w, 2, www, DNS_A, DNS_IN, 1, www, 4);
	assert_false(w.failed);
	assert_true(dns_count(buf, 2) == 1);
	n_offsets = w.n_offsets;
	dns_put_rr(&w, 3, (const uint8_t *)"\1x", DNS_A, DNS_IN, 1, www, 4);
	assert_true(w.failed);
	assert_int_equal(w.n_offsets, n_offsets);
	dns_mark(&w, &bad);

	/* No pointer leads to what is gone. */
	dns_rewind(&w, &m);
	assert_false(w.failed);
	assert_memory_equal(buf, before, w.len);
	dns_put_rr(&w, 1, www, DNS_NS, DNS_IN, 1, www, sizeof(www));
	assert_false(w.failed);
	assert_memory_equal(buf + m.len, "\3www\xc0\x0c\0\2\0\1\0\0\0\1\0\2\xc0\x2d", 18);

	dns_rewind(&w, &bad);
	assert_true(w.failed);

	dns_writer_init(&w, buf, 0, 1, DNS_QR);
	dns_mark(&w, &m);
	dns_rewind(&w, &m);
	assert_true(w.failed);
}

static void order(void **state)
{
	struct dns_writer w;
	uint8_t buf[128];
	int first, then;

	(void)state;
	for (first = -1; first <= 4; first++) {
		for (then = 0; then <= 3; then++) {
			bool ok = first >= 0 && first <= 3 && then >= first;

			dns_writer_init(&w, buf, sizeof(buf), 1, 0);
			if (first)
				dns_put_rr(&w, first, www, DNS_A, DNS_IN, 1, www, 4);
			else
				dns_put_question(&w, www, DNS_A, DNS_IN);
			if (then)
				dns_put_rr(&w, then, www, DNS_A, DNS_IN, 1, www, 4);
			else
				dns_put_question(&w, www, DNS_A, DNS_IN);
			assert_int_equal(!w.failed, ok);
		}
	}
	dns_writer_init(&w, buf, sizeof(buf), 1, 0);
	dns_put_rr(&w, 0, www, DNS_A, DNS_IN, 1, www, 4);
	assert_true(w.failed);
	assert_int_equal(w.len, DNS_HEADER);
}

/* Names beyond what a pointer can reach, and more of them than are kept. */
static void far_away(void **state)
{
	uint8_t *buf = malloc(DNS_MAX + 100), name[] = "\5xxxxx\7example\3com";
	struct dns_writer w;
	struct dns_question q;
	struct dns_walk walk;
	unsigned int i, n = 0;

	(void)state;
	assert_non_null(buf);
	dns_writer_init(&w, buf, DNS_MAX + 100, 1, 0);
	for (i = 0; !w.failed; i++) {
		snprintf((char *)name + 1, 6, "%05u", i % 3000);
		name[6] = 7;
		dns_put_question(&w, name, DNS_A, DNS_IN);
	}
	assert_int_equal(dns_count(buf, 0), i - 1);
	assert_true(w.len <= DNS_MAX && w.len > DNS_MAX - sizeof(name) - 4);

	assert_int_equal(dns_walk_init(&walk, buf, w.len), 0);
	while (dns_walk_question(&walk, &q) > 0) {
		snprintf((char *)name + 1, 6, "%05u", n++ % 3000);
		name[6] = 7;
		assert_memory_equal(q.name, name, sizeof(name));
	}
	assert_int_equal(n, i - 1);
	/* The first one's end was found from everywhere. */
	assert_true(n > (DNS_MAX - 1000) / 12);

	/* The root is never pointed to. */
	dns_writer_init(&w, buf, DNS_MAX, 1, 0);
	for (i = 0; i < (DNS_MAX - DNS_HEADER) / 5; i++)
		dns_put_question(&w, root, DNS_A, DNS_IN);
	assert_false(w.failed);
	assert_int_equal(w.len, DNS_HEADER + 5 * i);
	free(buf);
}

/* The last octet that a pointer can reach, and the one behind it. */
static void reach(void **state)
{
	size_t at[] = { 0x3fff, 0x4000 }, i;
	uint8_t *buf = malloc(DNS_MAX);
	struct dns_writer w;

	(void)state;
	assert_non_null(buf);
	for (i = 0; i < N_OF(at); i++) {
		dns_writer_init(&w, buf, DNS_MAX, 1, 0);
		dns_put_rr(&w, 1, root, DNS_LEASED, DNS_IN, 0, canonical,
			   at[i] - DNS_HEADER - 11);
		assert_int_equal(w.len, at[i]);
		dns_put_rr(&w, 1, example, DNS_A, DNS_IN, 0, NULL, 0);
		dns_put_rr(&w, 1, example, DNS_A, DNS_IN, 0, NULL, 0);
		assert_false(w.failed);
		assert_int_equal(w.len, at[i] + 2 * 10 + 13 + (i ? 13 : 2));
		if (!i)
			assert_int_equal(dns_u16(buf + at[i] + 23), 0xffff);
	}
	free(buf);
}

/* Each end of a name can be pointed to, but not while it is still written. */
static void repeating(void **state)
{
	uint8_t twice[] = "\1a\1b\1a\1b", small[64];
	struct dns_writer w;

	(void)state;
	dns_writer_init(&w, small, sizeof(small), 1, 0);
	dns_put_question(&w, twice, DNS_A, DNS_IN);
	dns_put_question(&w, twice + 4, DNS_A, DNS_IN);
	assert_int_equal(w.len, 12 + 9 + 4 + 2 + 4);
	assert_memory_equal(small + 25, "\xc0\x10", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rewritten),
		cmocka_unit_test(octet_by_octet),
		cmocka_unit_test(compressed),
		cmocka_unit_test(strange_rdata),
		cmocka_unit_test(no_room),
		cmocka_unit_test(marks),
		cmocka_unit_test(order),
		cmocka_unit_test(far_away),
		cmocka_unit_test(reach),
		cmocka_unit_test(repeating),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
