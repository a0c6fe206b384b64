// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>

#include "../lib/stun/client.h"
#include "../lib/stun/server.h"

static const uint8_t tid[STUN_TID] = {
	0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
};

/* RFC 5769 2.1: a request, with PRIORITY, of which only ICE knows */
static const uint8_t sample_request[] = {
	0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01,
	0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10,
	0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c,
	0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
	0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36,
	0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76,
	0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c,
	0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
	0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
};

/* RFC 5769 2.2 and 2.3: responses, 192.0.2.1 and
 * 2001:db8:1234:5678:11:2233:4455:6677, port 32853
 */
static const uint8_t sample_ipv4[] = {
	0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01,
	0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b,
	0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20,
	0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
	0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3,
	0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7,
	0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96,
};
static const uint8_t sample_ipv6[] = {
	0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01,
	0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b,
	0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20,
	0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
	0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
	0x00, 0x08, 0x00, 0x14, 0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1,
	0x17, 0x84, 0xc9, 0x7c, 0x82, 0x92, 0xc2, 0x75, 0xbf, 0xe3, 0xed, 0x41,
	0x80, 0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c,
};

static struct stun_address address(const char *text, uint16_t port)
{
	struct stun_address a = { .port = port };

	assert_int_equal(inet_pton(AF_INET6, text, &a.ip), 1);
	return a;
}

static void assert_address(const struct stun_address *a, const char *text, uint16_t port)
{
	struct stun_address want = address(text, port);

	assert_memory_equal(&a->ip, &want.ip, sizeof(want.ip));
	assert_int_equal(a->port, want.port);
}

/* A request with @n attributes of @type without data, and with FINGERPRINT. */
static size_t request(uint8_t out[STUN_MAX], uint16_t type, unsigned int n)
{
	struct stun_writer w;

	stun_writer_init(&w, out, STUN_REQUEST, tid);
	while (n--)
		stun_put(&w, type++, tid, 0);
	stun_put_fingerprint(&w);
	return w.len;
}

static void client_reads(const uint8_t *sample, size_t len, const char *ip)
{
	uint8_t *exact = exact_copy(sample, len), out[STUN_MAX];
	struct stun_client c;

	stun_client_start(&c, tid, 0);
	assert_false(stun_client_input(&c, exact, len));
	assert_int_equal(stun_client_output(&c, 0, out), STUN_REQUEST_LEN);
	assert_true(stun_client_input(&c, exact, len));
	assert_int_equal(c.state, STUN_MAPPED);
	assert_address(&c.mapped, ip, 32853);
	assert_true(c.deadline == UINT64_MAX);
	/* It is over. */
	assert_int_equal(stun_client_output(&c, 1000000, out), 0);
	assert_false(stun_client_input(&c, exact, len));
	free(exact);
}

static void samples(void **state)
{
	uint8_t out[STUN_MAX];
	struct stun_address from = address("::ffff:192.0.2.1", 32853);
	struct stun_attr a;
	struct stun s;
	size_t len;

	(void)state;
	client_reads(sample_ipv4, sizeof(sample_ipv4), "::ffff:192.0.2.1");
	client_reads(sample_ipv6, sizeof(sample_ipv6),
		     "2001:db8:1234:5678:11:2233:4455:6677");

	/* PRIORITY would have to be understood. */
	len = stun_answer(sample_request, sizeof(sample_request), &from, out);
	assert_int_equal(stun_read(out, len, &s), 0);
	assert_int_equal(s.type, STUN_ERROR);
	assert_memory_equal(stun_tid(out), tid, STUN_TID);
	assert_true(stun_next(&s, &a));
	assert_int_equal(a.type, STUN_A_ERROR_CODE);
	assert_memory_equal(a.data, "\0\0\4\24Unknown", 11);
	assert_true(stun_next(&s, &a));
	assert_int_equal(a.type, STUN_A_UNKNOWN);
	assert_int_equal(a.len, 2);
	assert_memory_equal(a.data, "\0\x24", 2);
	assert_true(stun_next(&s, &a));
	assert_int_equal(a.type, STUN_A_FINGERPRINT);
	assert_false(stun_next(&s, &a));
}

/* The answer for the samples' addresses carries their attribute. */
static void answered(void **state)
{
	static const uint8_t bare[] = {
		0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7,
		0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
	};
	uint8_t out[STUN_MAX], req[STUN_MAX];
	struct stun_address from = address("::ffff:192.0.2.1", 32853);
	struct stun s;
	size_t len;

	(void)state;
	len = stun_answer(bare, sizeof(bare), &from, out);
	assert_int_equal(len, 40);
	assert_int_equal(stun_read(out, len, &s), 0);
	assert_int_equal(s.type, STUN_SUCCESS);
	assert_memory_equal(out + STUN_HEADER, sample_ipv4 + 36, 12);

	from = address("2001:db8:1234:5678:11:2233:4455:6677", 32853);
	len = stun_answer(bare, sizeof(bare), &from, out);
	assert_int_equal(len, 52);
	assert_memory_equal(out + STUN_HEADER, sample_ipv6 + 36, 24);

	/* Attributes for those with credentials, or optional ones, are no obstacle. */
	len = request(req, STUN_A_USERNAME, 1);
	assert_int_equal(stun_answer(req, len, &from, out), 52);
	len = request(req, 0x8022, 3);
	assert_int_equal(stun_answer(req, len, &from, out), 52);
}

/* However many attributes are unknown, the answer stays small. */
static void bounded(void **state)
{
	struct stun_address from = address("2001:db8::1", 1);
	uint8_t req[STUN_MAX], out[STUN_MAX];
	struct stun s;
	unsigned int n;

	(void)state;
	for (n = 0; n < 300; n++) {
		size_t len = request(req, 0x4000, n);
		size_t answer = stun_answer(req, len, &from, out);

		assert_true(answer >= STUN_HEADER && answer <= len + STUN_ANSWER_EXTRA);
		assert_int_equal(stun_read(out, answer, &s), 0);
		assert_int_equal(s.type, n ? STUN_ERROR : STUN_SUCCESS);
	}
	/* Without FINGERPRINT, the least request of each kind. */
	for (n = 0; n < 2; n++) {
		struct stun_writer w;

		stun_writer_init(&w, req, STUN_REQUEST, tid);
		if (n)
			stun_put(&w, 0x4000, tid, 0);
		assert_true(stun_answer(req, w.len, &from, out) <= w.len + STUN_ANSWER_EXTRA);
	}
}

/* What is not exactly a Binding request gets no answer. */
static void ignored(void **state)
{
	struct stun_address from = address("2001:db8::1", 1);
	uint8_t req[STUN_MAX + 4], out[STUN_MAX];
	size_t len = request(req, STUN_A_USERNAME, 1), i;

	(void)state;
	assert_true(stun_answer(req, len, &from, out));
	for (i = 0; i < len; i++) {
		uint8_t *cut = exact_copy(req, i);

		assert_int_equal(stun_answer(cut, i, &from, out), 0);
		free(cut);
	}
	for (i = 0; i < 8 * len; i++) {
		/* With attributes changed it could be one without FINGERPRINT. */
		if (i / 8 >= STUN_HEADER && i / 8 < len - 4)
			continue;
		req[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(stun_answer(req, len, &from, out), 0);
		req[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(stun_answer(sample_ipv4, sizeof(sample_ipv4), &from, out), 0);

	/* Indications and methods other than Binding, otherwise right */
	for (i = 2; i < 0x4000; i++) {
		struct stun_writer w;

		stun_writer_init(&w, req, (enum stun_type)i, tid);
		assert_int_equal(stun_answer(req, w.len, &from, out), 0);
	}

	/* An attribute behind FINGERPRINT */
	len = request(req, STUN_A_USERNAME, 0);
	memset(req + len, 0, 4);
	req[3] = (uint8_t)(len + 4 - STUN_HEADER);
	assert_int_equal(stun_answer(req, len + 4, &from, out), 0);

	/* Longer than any that makes sense */
	memset(req, 0x80, sizeof(req));
	memcpy(req, sample_request, STUN_HEADER);
	req[2] = (STUN_MAX + 4 - STUN_HEADER) >> 8;
	req[3] = (uint8_t)(STUN_MAX + 4 - STUN_HEADER);
	assert_false(stun_is(req, STUN_MAX + 4));
}

/* Behind MESSAGE-INTEGRITY, only FINGERPRINT and the second kind of it count. */
static void covered(void **state)
{
	struct stun_address from = address("2001:db8::1", 1);
	uint8_t req[STUN_MAX], out[STUN_MAX];
	struct stun_writer w;
	struct stun s;
	size_t len;

	(void)state;
	stun_writer_init(&w, req, STUN_REQUEST, tid);
	stun_put(&w, STUN_A_INTEGRITY, sample_request, 20);
	stun_put(&w, 0x4000, tid, 4);
	stun_put(&w, STUN_A_INTEGRITY_SHA256, sample_request, 32);
	stun_put_fingerprint(&w);
	len = stun_answer(req, w.len, &from, out);
	assert_int_equal(stun_read(out, len, &s), 0);
	assert_int_equal(s.type, STUN_SUCCESS);
}

/* DNS on the same port is never taken for STUN. */
static void not_dns(void **state)
{
	static const uint8_t query[] = {
		0x00, 0x01, 0x00, 0x0c, 0x00, 0x01, 0, 0, 0, 0, 0, 0,
		7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1, 0, 0, 0,
	};

	(void)state;
	assert_false(stun_is(query, sizeof(query)));
	assert_true(stun_is(sample_request, sizeof(sample_request)));
}

/* Seven tries at the times of RFC 8489 6.2.1, then no more. */
static void silence(void **state)
{
	static const unsigned int at[] = { 0, 500, 1500, 3500, 7500, 15500, 31500 };
	const uint64_t start = 1000000;
	uint8_t out[STUN_MAX], first[STUN_MAX];
	struct stun_client c;
	unsigned int i;
	struct stun s;

	(void)state;
	stun_client_start(&c, tid, start);
	for (i = 0; i < N_OF(at); i++) {
		assert_true(c.deadline == start + at[i]);
		if (i)
			assert_int_equal(stun_client_output(&c, c.deadline - 1, out), 0);
		assert_int_equal(stun_client_output(&c, c.deadline, out), STUN_REQUEST_LEN);
		assert_int_equal(stun_read(out, STUN_REQUEST_LEN, &s), 0);
		assert_int_equal(s.type, STUN_REQUEST);
		if (!i)
			memcpy(first, out, STUN_REQUEST_LEN);
		assert_memory_equal(out, first, STUN_REQUEST_LEN);
	}
	assert_true(c.deadline == start + 39500);
	assert_int_equal(stun_client_output(&c, c.deadline - 1, out), 0);
	assert_int_equal(c.state, STUN_ASKING);
	assert_int_equal(stun_client_output(&c, c.deadline, out), 0);
	assert_int_equal(c.state, STUN_SILENT);
	assert_true(c.deadline == UINT64_MAX);
}

/* After a long sleep, one request and the usual wait. */
static void slept(void **state)
{
	uint8_t out[STUN_MAX];
	struct stun_client c;

	(void)state;
	stun_client_start(&c, tid, 0);
	assert_true(stun_client_output(&c, 0, out));
	assert_true(stun_client_output(&c, 3600000, out));
	assert_int_equal(stun_client_output(&c, 3600000, out), 0);
	assert_true(c.deadline == 3600000 + 1000);
}

/* Answers that are not to this request, or not right, are as good as none. */
static void foreign(void **state)
{
	uint8_t msg[STUN_MAX], out[STUN_MAX];
	struct stun_client c;
	struct stun_writer w;
	size_t i;

	(void)state;
	stun_client_start(&c, tid, 0);
	assert_true(stun_client_output(&c, 0, out));
	for (i = 0; i < 8 * sizeof(sample_ipv4); i++) {
		if (i / 8 >= STUN_HEADER && i / 8 < sizeof(sample_ipv4) - 4 &&
		    (i / 8 < 40 || i / 8 >= 48))
			continue;
		memcpy(msg, sample_ipv4, sizeof(sample_ipv4));
		msg[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(stun_client_input(&c, msg, sizeof(sample_ipv4)));
	}
	assert_false(stun_client_input(&c, out, STUN_REQUEST_LEN));

	/* Another's, with a right fingerprint */
	stun_writer_init(&w, msg, STUN_SUCCESS, sample_ipv4);
	stun_put(&w, STUN_A_XOR_MAPPED_ADDRESS, sample_ipv4 + 40, 8);
	stun_put_fingerprint(&w);
	assert_false(stun_client_input(&c, msg, w.len));

	/* Success without an address, with one of a strange family or length */
	stun_writer_init(&w, msg, STUN_SUCCESS, tid);
	assert_false(stun_client_input(&c, msg, w.len));
	stun_put(&w, STUN_A_XOR_MAPPED_ADDRESS, (const uint8_t *)"\0\3\1\1\1\1\1\1", 8);
	assert_false(stun_client_input(&c, msg, w.len));
	stun_put(&w, STUN_A_XOR_MAPPED_ADDRESS, (const uint8_t *)"\0\1\1\1\1", 5);
	assert_false(stun_client_input(&c, msg, w.len));

	/* Success that demands more than we understand */
	stun_writer_init(&w, msg, STUN_SUCCESS, tid);
	stun_put(&w, 0x4000, tid, 0);
	stun_put(&w, STUN_A_XOR_MAPPED_ADDRESS, sample_ipv4 + 40, 8);
	assert_false(stun_client_input(&c, msg, w.len));

	assert_int_equal(c.state, STUN_ASKING);
	assert_true(c.deadline == 500);
	/* Without FINGERPRINT is right, too. */
	stun_writer_init(&w, msg, STUN_SUCCESS, tid);
	stun_put(&w, STUN_A_XOR_MAPPED_ADDRESS, sample_ipv4 + 40, 8);
	stun_put(&w, STUN_A_XOR_MAPPED_ADDRESS, sample_ipv6 + 40, 20);
	assert_true(stun_client_input(&c, msg, w.len));
	assert_address(&c.mapped, "::ffff:192.0.2.1", 32853);
}

static void refused(void **state)
{
	static const struct {
		uint8_t data[4];
		size_t len;
		unsigned int error;
	} rows[] = {
		{ { 0, 0, 4, 20 }, 4, 420 },
		{ { 0, 0, 3, 0 }, 4, 300 },
		{ { 0, 0, 5, 0 }, 4, 500 },
		{ { 0, 0, 2, 99 }, 4, 0 },
		{ { 0, 0, 7, 0 }, 4, 0 },
		{ { 0, 0, 4, 20 }, 3, 0 },
	};
	uint8_t msg[STUN_MAX], out[STUN_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		struct stun_client c;
		struct stun_writer w;

		stun_client_start(&c, tid, 0);
		assert_true(stun_client_output(&c, 0, out));
		stun_writer_init(&w, msg, STUN_ERROR, tid);
		stun_put(&w, STUN_A_ERROR_CODE, rows[i].data, rows[i].len);
		stun_put_fingerprint(&w);
		assert_int_equal(stun_client_input(&c, msg, w.len), rows[i].error != 0);
		assert_int_equal(c.state, rows[i].error ? STUN_REFUSED : STUN_ASKING);
		assert_int_equal(c.error, rows[i].error);
	}
}

/* Our own client and server, for both families */
static void both(void **state)
{
	static const char *const ips[] = { "::ffff:198.51.100.7", "2001:db8::7", "::1" };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(ips); i++) {
		struct stun_address from = address(ips[i], (uint16_t)(4500 + 9999 * i));
		uint8_t req[STUN_MAX], out[STUN_MAX];
		struct stun_client c;
		size_t len;

		stun_client_start(&c, tid, 7);
		len = stun_client_output(&c, 7, req);
		len = stun_answer(req, len, &from, out);
		assert_true(stun_client_input(&c, out, len));
		assert_int_equal(c.state, STUN_MAPPED);
		assert_address(&c.mapped, ips[i], from.port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(answered),
		cmocka_unit_test(bounded),
		cmocka_unit_test(ignored),
		cmocka_unit_test(covered),
		cmocka_unit_test(not_dns),
		cmocka_unit_test(silence),
		cmocka_unit_test(slept),
		cmocka_unit_test(foreign),
		cmocka_unit_test(refused),
		cmocka_unit_test(both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
