// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading: walks, shapes and RDATA. Writing is in test_dns_writer.c. */
#include "test.h"

#include <errno.h>
#include <strings.h>

#include "../lib/dns/message.h"
#include "dns_message_vectors.h"

static uint8_t canonical[65535], cased[65535];

/* What a walk finds, in the words of dns_vectors.py. To be freed. */
static char *dump(const uint8_t *msg, size_t len)
{
	char *text = NULL, name[DNAME_TEXT_MAX];
	struct dns_question q;
	struct dns_walk w;
	struct dns_rr rr;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int ret, i;

	assert_non_null(f);
	assert_int_equal(dns_walk_init(&w, msg, len), 0);
	while ((ret = dns_walk_question(&w, &q)) > 0)
		fprintf(f, "? %s %u %u\n", dname_to_text(q.name, name), q.type, q.class_);
	assert_int_equal(ret, 0);
	while ((ret = dns_walk_rr(&w, &rr)) > 0) {
		fprintf(f, "%d %s %u %u %u ", w.section, dname_to_text(rr.owner, name),
			rr.type, rr.class_, rr.ttl);
		ret = rr.rdlen ? dns_rdata_canonical(msg, len, &rr, canonical) : 0;
		assert_true(ret >= 0);
		for (i = 0; i < ret; i++)
			fprintf(f, "%02x", canonical[i]);
		fprintf(f, "\n");
	}
	assert_int_equal(ret, 0);
	fclose(f);
	return text;
}

/* As dnspython says; but it points to names in other case, too. */
static void walked(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(vectors); i++) {
		uint8_t *msg = exact_copy(vectors[i].msg, vectors[i].len);
		char *text = dump(msg, vectors[i].len);

		if (strcasecmp(text, vectors[i].walk))
			assert_string_equal(text, vectors[i].walk);
		free(text);
		free(msg);
	}
}

/* The number of records, or -EBADMSG, which has to stay; records end in @msg. */
static int walk_all(const uint8_t *msg, size_t len)
{
	struct dns_walk w;
	struct dns_rr rr;
	int n = 0, ret = dns_walk_init(&w, msg, len);

	if (!ret) {
		for (; (ret = dns_walk_rr(&w, &rr)) > 0; n++)
			assert_true(rr.end <= len);
	}
	assert_int_equal(dns_walk_rr(&w, &rr), ret);
	assert_true(!ret || ret == -EBADMSG);
	return ret ? ret : n;
}

static void cut_off(void **state)
{
	struct dns_shape shape;
	size_t i, len;

	(void)state;
	for (i = 0; i < N_OF(vectors); i++) {
		uint8_t *longer = malloc(vectors[i].len + 1);

		for (len = 0; len < vectors[i].len; len++) {
			uint8_t *msg = exact_copy(vectors[i].msg, len);

			assert_int_equal(walk_all(msg, len), -EBADMSG);
			assert_int_equal(dns_shape(msg, len, &shape), -EBADMSG);
			free(msg);
		}

		assert_non_null(longer);
		memcpy(longer, vectors[i].msg, vectors[i].len);
		longer[vectors[i].len] = 0;
		assert_true(walk_all(longer, vectors[i].len) >= 0);
		assert_int_equal(walk_all(longer, vectors[i].len + 1), -EBADMSG);
		assert_int_equal(dns_shape(longer, vectors[i].len + 1, &shape), -EBADMSG);
		free(longer);
	}
}

/* Questions are for dns_walk_question(), as many as there are. */
static void questions(void **state)
{
	size_t n = (DNS_MAX - DNS_HEADER) / 5, i;
	uint8_t *msg = calloc(1, DNS_MAX + 1);
	struct dns_question q;
	struct dns_walk w;
	struct dns_rr rr;

	(void)state;
	assert_non_null(msg);
	dns_put16(msg + 4, (uint16_t)n);
	assert_int_equal(dns_walk_init(&w, msg, DNS_HEADER + 5 * n), 0);
	for (i = 0; i < n; i++)
		assert_int_equal(dns_walk_question(&w, &q), 1);
	assert_int_equal(dns_walk_question(&w, &q), 0);
	assert_int_equal(dns_walk_question(&w, &q), 0);
	assert_int_equal(dns_walk_rr(&w, &rr), 0);
	assert_int_equal(dns_walk_question(&w, &q), 0);
	assert_int_equal(walk_all(msg, DNS_HEADER + 5 * n), 0);

	/* more than there are */
	memset(msg + 4, 0xff, 2);
	assert_int_equal(walk_all(msg, DNS_HEADER + 5 * n), -EBADMSG);
	assert_int_equal(walk_all(msg, DNS_HEADER), -EBADMSG);
	memset(msg + 4, 0xff, 8);
	assert_int_equal(walk_all(msg, DNS_HEADER + 5 * n), -EBADMSG);
	/* as large as a message can be, and larger */
	memset(msg, 0, DNS_HEADER);
	msg[7] = 1;
	dns_put16(msg + DNS_HEADER + 9, DNS_MAX - DNS_HEADER - 11);
	assert_int_equal(walk_all(msg, DNS_MAX), 1);
	dns_put16(msg + DNS_HEADER + 9, DNS_MAX - DNS_HEADER - 10);
	assert_int_equal(walk_all(msg, DNS_MAX), -EBADMSG);
	assert_int_equal(walk_all(msg, DNS_MAX + 1), -EBADMSG);
	free(msg);
}

static const uint8_t root[] = { 0 };
static const uint8_t key_name[] = "\3Key\7Example";

struct piece {
	int section;
	const uint8_t *owner;
	uint16_t type;
};

static size_t build(uint8_t *buf, size_t size, const struct piece *p)
{
	struct dns_writer w;

	dns_writer_init(&w, buf, size, 1, 0);
	dns_put_question(&w, key_name, DNS_A, DNS_IN);
	for (; p->owner; p++)
		dns_put_rr(&w, p->section, p->owner, p->type, 1232, 0x01020304,
			   (const uint8_t *)"rdata", 5);
	assert_false(w.failed);
	return w.len;
}

static void shapes(void **state)
{
	static const struct {
		struct piece pieces[4];
		int ret;
	} cases[] = {
		{ { { 0 } }, 0 },
		{ { { 3, root, DNS_OPT } }, 0 },
		{ { { 3, key_name, DNS_TSIG } }, 0 },
		{ { { 3, root, DNS_OPT }, { 3, root, DNS_HINFO }, { 3, key_name, DNS_TSIG } }, 0 },
		{ { { 3, root, DNS_HINFO }, { 3, root, DNS_OPT } }, 0 },
		{ { { 3, root, DNS_OPT }, { 3, root, DNS_OPT } }, -EBADMSG },
		{ { { 3, key_name, DNS_OPT } }, -EBADMSG },
		{ { { 1, root, DNS_OPT } }, -EBADMSG },
		{ { { 2, root, DNS_OPT } }, -EBADMSG },
		{ { { 3, key_name, DNS_TSIG }, { 3, key_name, DNS_TSIG } }, -EBADMSG },
		{ { { 3, key_name, DNS_TSIG }, { 3, root, DNS_OPT } }, -EBADMSG },
		{ { { 1, key_name, DNS_TSIG } }, -EBADMSG },
		{ { { 2, key_name, DNS_TSIG } }, -EBADMSG },
		{ { { 2, key_name, DNS_TSIG }, { 3, root, DNS_OPT } }, -EBADMSG },
	};
	struct dns_shape s;
	uint8_t msg[512];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		size_t len = build(msg, sizeof(msg), cases[i].pieces);
		uint8_t *exact = exact_copy(msg, len);

		assert_int_equal(dns_shape(exact, len, &s), cases[i].ret);
		free(exact);
	}

	/* the fourth, all of it */
	i = build(msg, sizeof(msg), cases[3].pieces);
	assert_int_equal(dns_shape(msg, i, &s), 0);
	assert_true(s.has_opt && s.has_tsig);
	assert_int_equal(s.udp_size, 1232);
	assert_int_equal(s.edns_version, 2);
	assert_int_equal(s.opt_ttl, 0x01020304);
	assert_int_equal(s.opt_start, 12 + 13 + 4);
	assert_int_equal(s.opt_end, s.opt_start + 16);
	assert_int_equal(s.opt_len, 5);
	assert_ptr_equal(s.opt, msg + s.opt_start + 11);
	assert_int_equal(s.tsig_start, s.opt_end + 16);
	assert_memory_equal(s.tsig_key, "\3key\7example", 13);

	/* the first: nothing */
	i = build(msg, sizeof(msg), cases[0].pieces);
	assert_int_equal(dns_shape(msg, i, &s), 0);
	assert_false(s.has_opt || s.has_tsig);
	assert_int_equal(s.udp_size, 0);
	assert_int_equal(s.tsig_start, i);
	assert_null(s.opt);
}

/* A message of one record at octet 12 whose RDATA is @rdata, at octet 23. */
static int canon(uint16_t type, const char *rdata, size_t rdlen)
{
	size_t len = DNS_HEADER + 11 + rdlen;
	uint8_t *msg = calloc(1, len);
	struct dns_walk w;
	struct dns_rr rr;
	int ret;

	assert_non_null(msg);
	msg[7] = 1;
	dns_put16(msg + 13, type);
	dns_put16(msg + 15, DNS_IN);
	dns_put16(msg + 21, (uint16_t)rdlen);
	memcpy(msg + 23, rdata, rdlen);
	assert_int_equal(dns_walk_init(&w, msg, len), 0);
	assert_int_equal(dns_walk_rr(&w, &rr), 1);
	ret = dns_rdata_canonical(msg, len, &rr, canonical);
	assert_int_equal(dns_rdata_unpack(msg, len, &rr, cased), ret);
	free(msg);
	return ret;
}

#define CANON(type, rdata)	canon(type, rdata, sizeof(rdata) - 1)

static void rdata_forms(void **state)
{
	static const char lengths[][2] = { { DNS_A, 4 }, { DNS_AAAA, 16 } };
	char zero[32] = { 0 };
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(lengths); i++) {
		for (n = 0; n < sizeof(zero); n++)
			assert_int_equal(canon((uint8_t)lengths[i][0], zero, n),
					 n == (size_t)lengths[i][1] ? (int)n : -EBADMSG);
	}

	/* RFC 2782 forbids it in SRV, but it comes all the same (RFC 3597 4). */
	assert_int_equal(CANON(DNS_SRV, "\0\1\0\2\0\3\1A\xc0\x0c"), 6 + 3);
	assert_memory_equal(canonical, "\0\1\0\2\0\3\1a", 9);
	assert_memory_equal(cased, "\0\1\0\2\0\3\1A", 9);
	assert_int_equal(CANON(DNS_SRV, "\0\1\0\2\0\3"), -EBADMSG);
	assert_int_equal(CANON(DNS_SRV, "\0\1\0\2\0"), -EBADMSG);
	assert_int_equal(CANON(DNS_SRV, "\0\1\0\2\0\3\1A\0x"), -EBADMSG);
	/* DNAME is too new for it, and its pointer is an error. */
	assert_int_equal(CANON(DNS_DNAME, "\1A\xc0\x0c"), -EBADMSG);
	assert_int_equal(CANON(DNS_DNAME, "\1A\0"), 3);
	assert_memory_equal(canonical, "\1a", 3);
	assert_int_equal(CANON(DNS_PTR, "\xc0\x0c"), 1);
	assert_int_equal(CANON(DNS_PTR, "\xc0\x17"), -EBADMSG);
	assert_int_equal(CANON(DNS_PTR, "\xc0"), -EBADMSG);
	assert_int_equal(CANON(DNS_PTR, "\1a"), -EBADMSG);
	assert_int_equal(CANON(DNS_PTR, ""), -EBADMSG);
	assert_int_equal(CANON(DNS_PTR, "\0\0"), -EBADMSG);
	assert_int_equal(CANON(DNS_MX, "\0"), -EBADMSG);
	assert_int_equal(CANON(DNS_MX, "\0\1\1B\0"), 5);
	assert_memory_equal(canonical, "\0\1\1b", 5);
	assert_int_equal(CANON(DNS_SOA, "\1A\0\1B\0" "12345678901234567890"), 26);
	assert_int_equal(CANON(DNS_SOA, "\1A\0\1B\0" "1234567890123456789"), -EBADMSG);
	assert_int_equal(CANON(DNS_SOA, "\1A\0\1B\0" "123456789012345678901"), -EBADMSG);
	assert_int_equal(CANON(DNS_SOA, "\1A\0"), -EBADMSG);

	assert_int_equal(CANON(DNS_TXT, ""), -EBADMSG);
	assert_int_equal(CANON(DNS_TXT, "\0"), 1);
	assert_int_equal(CANON(DNS_TXT, "\1A\2Bc"), 5);
	assert_memory_equal(canonical, "\1A\2Bc", 5);
	assert_int_equal(CANON(DNS_TXT, "\2A"), -EBADMSG);
	assert_int_equal(CANON(DNS_HINFO, "\1A\2Bc"), 5);
	assert_int_equal(CANON(DNS_HINFO, "\1A"), -EBADMSG);
	assert_int_equal(CANON(DNS_HINFO, "\1A\0\0"), -EBADMSG);
	assert_int_equal(CANON(35, "\0\1\0\2\1U\1S\1R\1N\0"), 13);
	assert_memory_equal(canonical, "\0\1\0\2\1U\1S\1R\1n\0", 13);
	assert_memory_equal(cased, "\0\1\0\2\1U\1S\1R\1N\0", 13);
	assert_int_equal(CANON(35, "\0\1\0\2\1U\1S\1R"), -EBADMSG);
	assert_int_equal(CANON(35, "\0\1\0\2\1U\1S"), -EBADMSG);
	assert_int_equal(CANON(35, "\0\1\0\2"), -EBADMSG);
	assert_int_equal(CANON(35, "\0\1\0\2\1U\1S\xff"), -EBADMSG);
	assert_int_equal(CANON(35, "\0\1\0"), -EBADMSG);

	/* types that nobody knows */
	assert_int_equal(CANON(DNS_LEASED, "\xc0\x0c" "A"), 3);
	assert_memory_equal(canonical, "\xc0\x0c" "A", 3);
	assert_int_equal(CANON(DNS_ENROLLED, ""), 0);
	/* and such that few remember: MB, NXT */
	assert_int_equal(CANON(7, "\1A\xc0\x0c"), 3);
	assert_memory_equal(canonical, "\1a", 3);
	assert_int_equal(CANON(30, "\1A\xc0\x0c" "XY"), 5);
	assert_memory_equal(canonical, "\1a\0XY", 5);
	assert_memory_equal(cased, "\1A\0XY", 5);
}

/* Without its pointers, RDATA is longer than it was: at most by a name. */
static void rdata_grown(void **state)
{
	static const uint8_t owner[] =
		"\77abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk";
	size_t len = DNS_HEADER + sizeof(owner) + 10, rdlen = DNS_MAX - len;
	uint8_t *msg = calloc(1, DNS_MAX);
	struct dns_walk w;
	struct dns_rr rr;

	(void)state;
	assert_non_null(msg);
	msg[7] = 1;
	memcpy(msg + DNS_HEADER, owner, sizeof(owner));
	dns_put16(msg + len - 10, 30);		/* NXT: a name, and anything */
	dns_put16(msg + len - 2, (uint16_t)rdlen);
	dns_put16(msg + len, 0xc00c);
	assert_int_equal(dns_walk_init(&w, msg, DNS_MAX), 0);
	assert_int_equal(dns_walk_rr(&w, &rr), 1);
	assert_int_equal(dns_rdata_canonical(msg, DNS_MAX, &rr, canonical),
			 (int)(rdlen - 2 + sizeof(owner)));
	/* one whose rest is said to be longer than it can be */
	assert_int_equal(dns_rdata_canonical(msg, DNS_MAX - 1, &rr, canonical), -EBADMSG);
	free(msg);

	/* SIG: 18 octets, a name of 255, the rest */
	msg = calloc(1, DNS_MAX);
	assert_non_null(msg);
	msg[7] = 1;
	memset(msg + DNS_HEADER, 'x', 254);
	msg[12] = 63;
	msg[76] = 63;
	msg[140] = 63;
	msg[204] = 61;
	len = DNS_HEADER + 255 + 10;
	rdlen = DNS_MAX - len;
	dns_put16(msg + len - 10, 24);
	dns_put16(msg + len - 2, (uint16_t)rdlen);
	dns_put16(msg + len + 18, 0xc00c);
	assert_int_equal(dns_walk_init(&w, msg, DNS_MAX), 0);
	assert_int_equal(dns_walk_rr(&w, &rr), 1);
	assert_int_equal(dns_rdata_canonical(msg, DNS_MAX, &rr, canonical),
			 (int)(rdlen - 2 + 255));
	free(msg);
}

static void errors(void **state)
{
	static const uint8_t update_head[] = {
		0xbe, 0xef, 0xa8, 0x05, 0, 1, 0, 0, 0, 0, 0, 0,
	};
	uint8_t out[512], req[512];
	size_t len, zone = DNS_HEADER + 19 + 4;

	(void)state;
	len = dns_error_response(update, sizeof(update), DNS_REFUSED, out, sizeof(out));
	assert_int_equal(len, zone);
	assert_memory_equal(out, update_head, sizeof(update_head));
	assert_memory_equal(out + 12, update + 12, zone - 12);
	assert_int_equal(walk_all(out, len), 0);

	/* three questions, two of which point to the first */
	len = dns_error_response(llq_setup, sizeof(llq_setup), DNS_FORMERR, out, sizeof(out));
	assert_int_equal(dns_count(out, 0), 3);
	assert_int_equal(dns_rcode(out), DNS_FORMERR);
	assert_memory_equal(out + 12, llq_setup + 12, len - 12);
	assert_int_equal(walk_all(out, len), 0);

	/* RD comes back, nothing else does */
	memcpy(req, query, sizeof(query));
	dns_put16(req + 2, 0x7fff);
	len = dns_error_response(req, sizeof(query), DNS_NOTIMP, out, sizeof(out));
	assert_int_equal(len, sizeof(query));
	assert_int_equal(dns_flags(out), DNS_QR | 0x7800 | DNS_RD | DNS_NOTIMP);
	assert_int_equal(dns_id(out), 0x1234);

	/* cut off within the question: none; no room for it: none */
	len = dns_error_response(query, sizeof(query) - 1, DNS_FORMERR, out, sizeof(out));
	assert_int_equal(len, DNS_HEADER);
	assert_int_equal(walk_all(out, len), 0);
	len = dns_error_response(query, sizeof(query), DNS_FORMERR, out, sizeof(query) - 1);
	assert_int_equal(len, DNS_HEADER);
	assert_int_equal(walk_all(out, len), 0);
	/* what follows the question may be anything */
	memcpy(req, query, sizeof(query));
	memset(req + sizeof(query), 0xff, 10);
	len = dns_error_response(req, sizeof(query) + 10, DNS_FORMERR, out, sizeof(out));
	assert_int_equal(len, sizeof(query));

	/* never NOERROR by accident */
	dns_error_response(query, sizeof(query), DNS_BADVERS, out, sizeof(out));
	assert_int_equal(dns_rcode(out), DNS_SERVFAIL);

	/* A name that uses octets behind the questions is none: the response lacks them. */
	memset(req, 0, DNS_HEADER);
	req[5] = 2;
	memcpy(req + DNS_HEADER, "\1a\0\x0f\1\0\1" "\xc0\x0f\0\1\0\1" "bbbbbb\0", 20);
	assert_int_equal(dns_error_response(req, DNS_HEADER + 20, DNS_REFUSED, out, sizeof(out)),
			 DNS_HEADER);
	assert_int_equal(dns_count(out, 0), 0);

	assert_int_equal(dns_error_response(query, 11, DNS_FORMERR, out, sizeof(out)), 0);
	assert_int_equal(dns_error_response(NULL, 0, DNS_FORMERR, out, sizeof(out)), 0);
	assert_int_equal(dns_error_response(query, sizeof(query), 1, out, 11), 0);
	assert_int_equal(dns_error_response(everything, sizeof(everything), DNS_FORMERR, out,
					    sizeof(out)), 0);
	memset(req, 0, sizeof(req));
	dns_put16(req + 4, 65535);
	assert_int_equal(dns_error_response(req, sizeof(req), DNS_FORMERR, out, sizeof(out)),
			 DNS_HEADER);
}

static void rcode_names(void **state)
{
	char buf[DNS_RCODE_TEXT];

	(void)state;
	assert_string_equal(dns_rcode_text(DNS_NOERROR, buf), "NOERROR");
	assert_string_equal(dns_rcode_text(DNS_NXRRSET, buf), "NXRRSET");
	assert_string_equal(dns_rcode_text(DNS_NOTZONE, buf), "NOTZONE");
	assert_string_equal(dns_rcode_text(DNS_DSOTYPENI, buf), "RCODE 11");
	assert_string_equal(dns_rcode_text(UINT32_MAX, buf), "RCODE 4294967295");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walked),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(questions),
		cmocka_unit_test(shapes),
		cmocka_unit_test(rdata_forms),
		cmocka_unit_test(rdata_grown),
		cmocka_unit_test(errors),
		cmocka_unit_test(rcode_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
