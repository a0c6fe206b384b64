// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/nat/address.h"
#include "../lib/nat/epoch.h"
#include "../lib/nat/natpmp.h"
#include "../lib/nat/pcp.h"

static void kinds(void **state)
{
	static const struct {
		struct ipv4 a;
		enum ipv4_kind kind;
	} cases[] = {
		{ { { 0, 0, 0, 0 } }, IPV4_NONE }, { { { 0, 255, 0, 1 } }, IPV4_NONE },
		{ { { 1, 0, 0, 0 } }, IPV4_PUBLIC },
		{ { { 9, 255, 255, 255 } }, IPV4_PUBLIC },
		{ { { 10, 0, 0, 0 } }, IPV4_PRIVATE },
		{ { { 10, 255, 255, 255 } }, IPV4_PRIVATE },
		{ { { 11, 0, 0, 0 } }, IPV4_PUBLIC },
		{ { { 100, 63, 255, 255 } }, IPV4_PUBLIC },
		{ { { 100, 64, 0, 0 } }, IPV4_SHARED },
		{ { { 100, 127, 255, 255 } }, IPV4_SHARED },
		{ { { 100, 128, 0, 0 } }, IPV4_PUBLIC },
		{ { { 127, 0, 0, 1 } }, IPV4_NONE },
		{ { { 169, 253, 255, 255 } }, IPV4_PUBLIC },
		{ { { 169, 254, 1, 1 } }, IPV4_LOCAL },
		{ { { 172, 15, 255, 255 } }, IPV4_PUBLIC },
		{ { { 172, 16, 0, 0 } }, IPV4_PRIVATE },
		{ { { 172, 31, 255, 255 } }, IPV4_PRIVATE },
		{ { { 172, 32, 0, 0 } }, IPV4_PUBLIC },
		{ { { 192, 0, 0, 2 } }, IPV4_LOCAL }, { { { 192, 0, 1, 0 } }, IPV4_PUBLIC },
		{ { { 192, 0, 2, 1 } }, IPV4_PUBLIC },
		{ { { 192, 168, 0, 0 } }, IPV4_PRIVATE },
		{ { { 192, 169, 0, 0 } }, IPV4_PUBLIC },
		{ { { 223, 255, 255, 255 } }, IPV4_PUBLIC },
		{ { { 224, 0, 0, 1 } }, IPV4_NONE },
		{ { { 255, 255, 255, 255 } }, IPV4_NONE },
	};
	char text[IPV4_TEXT_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		assert_int_equal(ipv4_kind(cases[i].a), cases[i].kind);
		assert_int_equal(ipv4_public(cases[i].a), cases[i].kind == IPV4_PUBLIC);
	}
	assert_string_equal(ipv4_text(cases[25].a, text), "255.255.255.255");
	assert_string_equal(ipv4_text(cases[0].a, text), "0.0.0.0");
}

static void natpmp_requests(void **state)
{
	uint8_t out[NATPMP_MAP_LEN];

	(void)state;
	assert_int_equal(natpmp_put_address(out), 2);
	assert_memory_equal(out, "\0\0", 2);
	assert_int_equal(natpmp_put_map(out, 4500, 4501, 3600), 12);
	assert_memory_equal(out, "\0\1\0\0\x11\x94\x11\x95\0\0\x0e\x10", 12);
	assert_int_equal(natpmp_put_map(out, 4500, 0, 0), 12);
	assert_memory_equal(out, "\0\1\0\0\x11\x94\0\0\0\0\0\0", 12);
}

/* Each shorter form of a message, as an allocation of its own */
static int read_natpmp(const char *msg, size_t len, struct natpmp_reply *out)
{
	uint8_t *copy = exact_copy(msg, len);
	int err = natpmp_read(copy, len, out);

	free(copy);
	return err;
}

static void natpmp_replies(void **state)
{
	static const char address[] = "\0\x80\0\0\0\1\2\3\xc6\x33\x64\7";
	static const char map[] = "\0\x81\0\0\0\0\0\x10\x11\x94\x11\x95\0\0\x0e\x10";
	struct natpmp_reply r;
	size_t i;

	(void)state;
	assert_int_equal(read_natpmp(address, 12, &r), 0);
	assert_int_equal(r.op, NATPMP_ADDRESS);
	assert_int_equal(r.result, NATPMP_OK);
	assert_int_equal(r.epoch, 0x10203);
	assert_true(r.full);
	assert_memory_equal(r.address.b, "\xc6\x33\x64\7", 4);
	for (i = 0; i < 12; i++)
		assert_int_equal(read_natpmp(address, i, &r), -EBADMSG);
	/* The terminating zero: what is too long is read as far as it is known. */
	assert_int_equal(read_natpmp(address, 13, &r), 0);

	assert_int_equal(read_natpmp(map, 16, &r), 0);
	assert_int_equal(r.op, NATPMP_MAP_UDP);
	assert_int_equal(r.epoch, 16);
	assert_int_equal(r.internal, 4500);
	assert_int_equal(r.external, 4501);
	assert_int_equal(r.lifetime, 3600);
	for (i = 0; i < 16; i++)
		assert_int_equal(read_natpmp(map, i, &r), -EBADMSG);

	/* An error, with and without the rest */
	assert_int_equal(read_natpmp("\0\x81\0\2\0\0\0\x10", 8, &r), 0);
	assert_int_equal(r.result, NATPMP_REFUSED);
	assert_false(r.full);
	assert_int_equal(read_natpmp("\0\x81\0\2\0\0\0\x10\x11\x94\0\0\0\0\0\0", 16, &r), 0);
	assert_true(r.full);
	assert_int_equal(r.internal, 4500);
	assert_int_equal(read_natpmp("\0\x82\xff\2\0\0\0\x10", 8, &r), 0);
	assert_int_equal(r.op, NATPMP_MAP_TCP);
	assert_int_equal(r.result, 0xff02);
	assert_int_equal(read_natpmp("\0\x80\0\5\0\0\0\x10", 7, &r), -EBADMSG);

	/* Requests, later opcodes, other versions */
	assert_int_equal(read_natpmp("\0\1\0\0\x11\x94\x11\x95\0\0\x0e\x10", 12, &r), -EBADMSG);
	assert_int_equal(read_natpmp("\0\x83\0\5\0\0\0\x10", 8, &r), -EBADMSG);
	assert_int_equal(read_natpmp("\1\x80\0\0\0\1\2\3\xc6\x33\x64\7", 12, &r), -EBADMSG);
}

static void bad_versions(void **state)
{
	static const char pcp[24] = "\2\x81\0\1";
	static const char later[24] = "\3\x81\0\1";
	struct natpmp_reply r;
	struct pcp_reply p;
	uint8_t version = 9;

	(void)state;
	/* NAT-PMP's: eight octets, no R bit, or with it */
	assert_true(natpmp_bad_version((const uint8_t *)"\0\0\0\1\0\0\0\5", 8, &version));
	assert_int_equal(version, 0);
	assert_true(natpmp_bad_version((const uint8_t *)"\0\x80\0\1\0\0\0\5", 8, &version));
	assert_int_equal(read_natpmp("\0\0\0\1\0\0\0\5", 8, &r), -EPROTONOSUPPORT);
	assert_int_equal(pcp_read((const uint8_t *)"\0\0\0\1\0\0\0\5", 8, &p), -EPROTONOSUPPORT);
	/* PCP's, seen from NAT-PMP */
	assert_true(natpmp_bad_version((const uint8_t *)pcp, 24, &version));
	assert_int_equal(version, 2);
	assert_int_equal(read_natpmp(pcp, 24, &r), -EPROTONOSUPPORT);
	assert_true(natpmp_bad_version((const uint8_t *)later, 24, &version));
	assert_int_equal(version, 3);
	assert_int_equal(pcp_read((const uint8_t *)later, 24, &p), -EPROTONOSUPPORT);

	/* Too short; 16 bits of result; a request; success */
	assert_false(natpmp_bad_version((const uint8_t *)"\0\0\0\1\0\0\0", 7, &version));
	assert_false(natpmp_bad_version((const uint8_t *)"\0\0\1\1\0\0\0\5", 8, &version));
	assert_false(natpmp_bad_version((const uint8_t *)"\2\1\0\1\0\0\0\5", 8, &version));
	assert_false(natpmp_bad_version((const uint8_t *)"\0\x80\0\0\0\0\0\5", 8, &version));
}

static const struct pcp_map want = {
	.nonce = "twelve octet", .internal = 4500, .external = 4501,
	.address = { { 198, 51, 100, 7 } },
};

static void pcp_requests(void **state)
{
	static const char expected[] =
		"\2\1\0\0\0\0\x0e\x10"
		"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\xa8\1\x0a"
		"twelve octet\x11\0\0\0\x11\x94\x11\x95"
		"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\7";
	static const struct ipv4 own = { { 192, 168, 1, 10 } };
	uint8_t out[PCP_MAP_LEN];

	(void)state;
	assert_int_equal(pcp_put_map(out, own, &want, 3600), 60);
	assert_int_equal(sizeof(expected) - 1, 60);
	assert_memory_equal(out, expected, 60);
}

static int read_pcp(const uint8_t *msg, size_t len, struct pcp_reply *out)
{
	uint8_t *copy = exact_copy(msg, len);
	int err = pcp_read(copy, len, out);

	free(copy);
	return err;
}

static void pcp_replies(void **state)
{
	uint8_t msg[PCP_MAX + 4] =
		"\2\x81\0\0\0\0\x0e\x10\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"twelve octet\x11\0\0\0\x11\x94\x11\x95"
		"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\7";
	struct pcp_reply r;
	size_t i;

	(void)state;
	assert_int_equal(read_pcp(msg, 60, &r), 0);
	assert_int_equal(r.op, PCP_MAP);
	assert_int_equal(r.result, PCP_SUCCESS);
	assert_int_equal(r.lifetime, 3600);
	assert_int_equal(r.epoch, 256);
	assert_memory_equal(r.map.nonce, "twelve octet", 12);
	assert_int_equal(r.map.internal, 4500);
	assert_int_equal(r.map.external, 4501);
	assert_memory_equal(r.map.address.b, "\xc6\x33\x64\7", 4);

	/* Lengths: options behind are not looked at */
	for (i = 0; i < 60; i++)
		assert_int_equal(read_pcp(msg, i, &r), -EBADMSG);
	assert_int_equal(read_pcp(msg, 61, &r), -EBADMSG);
	assert_int_equal(read_pcp(msg, 64, &r), 0);
	assert_int_equal(read_pcp(msg, PCP_MAX, &r), 0);
	assert_int_equal(read_pcp(msg, PCP_MAX + 4, &r), -EBADMSG);

	msg[36] = 6; /* TCP */
	assert_int_equal(read_pcp(msg, 60, &r), -EBADMSG);
	msg[36] = PCP_UDP;
	msg[54] = 0; /* an IPv6 address */
	assert_int_equal(read_pcp(msg, 60, &r), -EBADMSG);
	msg[3] = PCP_NO_RESOURCES;
	assert_int_equal(read_pcp(msg, 60, &r), 0);
	assert_int_equal(r.result, PCP_NO_RESOURCES);
	msg[3] = 0;
	msg[54] = 0xff;

	msg[1] = 0x82; /* PEER */
	assert_int_equal(read_pcp(msg, 60, &r), 0);
	msg[1] = 0x83;
	assert_int_equal(read_pcp(msg, 60, &r), -EBADMSG);
	msg[1] = 1; /* a request */
	assert_int_equal(read_pcp(msg, 60, &r), -EBADMSG);
	msg[1] = 0x80;
	assert_int_equal(read_pcp(msg, 24, &r), 0);
	assert_int_equal(r.op, PCP_ANNOUNCE);
	assert_int_equal(r.epoch, 256);
	assert_int_equal(read_pcp(msg, 20, &r), -EBADMSG);
	msg[0] = 1;
	assert_int_equal(read_pcp(msg, 24, &r), -EBADMSG);
}

static void natpmp_epochs(void **state)
{
	struct epoch e = { 0 };

	(void)state;
	assert_false(epoch_natpmp(&e, 1000, 0));
	/* Ten seconds later, 1008.75 - 2 is the least. */
	assert_false(epoch_natpmp(&e, 1006, 10000));
	e = (struct epoch){ true, 1000, 0 };
	assert_true(epoch_natpmp(&e, 1005, 10000));
	/* What was seen last counts from then on. */
	assert_false(epoch_natpmp(&e, 1005, 10000));
	assert_false(epoch_natpmp(&e, 1003, 10000));
	assert_true(epoch_natpmp(&e, 1000, 10000));
	assert_true(epoch_natpmp(&e, 0, 10000));
	assert_false(epoch_natpmp(&e, 0, 12000));
	/* A fast one is not suspicious. */
	assert_false(epoch_natpmp(&e, UINT32_MAX, 12000));
	assert_true(epoch_natpmp(&e, 0, UINT64_MAX));
}

static void pcp_epochs(void **state)
{
	struct epoch e = { 0 };

	(void)state;
	assert_false(epoch_pcp(&e, 1000, 0));
	assert_false(epoch_pcp(&e, 999, 0));	/* reordered */
	assert_true(epoch_pcp(&e, 997, 0));
	assert_false(epoch_pcp(&e, 1097, 100000));
	/* 100 s: 92 to 108, nearly: 100 - 6 - 2 and the like */
	assert_false(epoch_pcp(&e, 1189, 200000));
	assert_true(epoch_pcp(&e, 1280, 300000));
	assert_false(epoch_pcp(&e, 1388, 400000));
	assert_true(epoch_pcp(&e, 1498, 500000));
	assert_true(epoch_pcp(&e, UINT32_MAX, 500000));
	assert_true(epoch_pcp(&e, 0, 500000));
	assert_true(epoch_pcp(&e, 0, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(natpmp_requests),
		cmocka_unit_test(natpmp_replies),
		cmocka_unit_test(bad_versions),
		cmocka_unit_test(pcp_requests),
		cmocka_unit_test(pcp_replies),
		cmocka_unit_test(natpmp_epochs),
		cmocka_unit_test(pcp_epochs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
