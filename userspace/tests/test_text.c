// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/text/addr.h"
#include "../lib/text/human.h"
#include "../lib/text/number.h"

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max;
		int err;
		uint64_t num;
	} cases[] = {
		{ "0", 0, 9, 0, 0 },
		{ "9", 0, 9, 0, 9 },
		{ "10", 0, 9, -ERANGE, 0 },
		{ "0", 1, 9, -ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999x", 0, UINT64_MAX, -EINVAL, 0 },
		{ "", 0, 9, -EINVAL, 0 },
		{ " 1", 0, 9, -EINVAL, 0 },
		{ "1 ", 0, 9, -EINVAL, 0 },
		{ "1\n", 0, 9, -EINVAL, 0 },
		{ "+1", 0, 9, -EINVAL, 0 },
		{ "-1", 0, 9, -EINVAL, 0 },
		{ "01", 0, 9, -EINVAL, 0 },
		{ "1.0", 0, 9, -EINVAL, 0 },
		{ "1e1", 0, 99, -EINVAL, 0 },
		{ "0x1", 0, 9, -EINVAL, 0 },
		{ "a", 0, 99, -EINVAL, 0 },
		{ "\xd9\xa1", 0, 9, -EINVAL, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		uint64_t num = 4711;

		assert_int_equal(text_to_uint(cases[i].text, cases[i].min,
					      cases[i].max, &num),
				 cases[i].err);
		assert_true(num == (cases[i].err ? 4711 : cases[i].num));
	}
}

static void hex_numbers(void **state)
{
	uint64_t num = 0;

	(void)state;
	assert_int_equal(text_to_uint_or_hex("0x1F", 0, 99, &num), 0);
	assert_true(num == 31);
	assert_int_equal(text_to_uint_or_hex("0Xff", 0, 255, &num), 0);
	assert_true(num == 255);
	assert_int_equal(text_to_uint_or_hex("17", 0, 99, &num), 0);
	assert_true(num == 17);
	assert_int_equal(text_to_uint_or_hex("0x", 0, 99, &num), -EINVAL);
	assert_int_equal(text_to_uint_or_hex("0xg", 0, 99, &num), -EINVAL);
	assert_int_equal(text_to_uint_or_hex("0x-1", 0, 99, &num), -EINVAL);
	assert_int_equal(text_to_uint_or_hex("0x100000000", 0, UINT32_MAX,
					     &num), -ERANGE);
	assert_int_equal(text_to_uint_or_hex("ff", 0, 999, &num), -EINVAL);
}

static void switches(void **state)
{
	bool on = false;

	(void)state;
	assert_int_equal(text_to_on_off("on", &on), 0);
	assert_true(on);
	assert_int_equal(text_to_on_off("off", &on), 0);
	assert_false(on);
	assert_int_equal(text_to_on_off("ON", &on), -EINVAL);
	assert_int_equal(text_to_on_off("o", &on), -EINVAL);
	assert_int_equal(text_to_on_off("", &on), -EINVAL);
	assert_int_equal(text_to_on_off("offf", &on), -EINVAL);
}

static void octets(void **state)
{
	uint8_t buf[4];
	char text[9];
	size_t len = 0;

	(void)state;
	assert_int_equal(text_to_bytes("00aBff", buf, sizeof(buf), &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(buf, "\x00\xab\xff", 3);
	text_from_bytes(buf, len, text);
	assert_string_equal(text, "00abff");
	text_from_bytes(buf, 0, text);
	assert_string_equal(text, "");

	assert_int_equal(text_to_bytes("01020304", buf, 4, &len), 0);
	assert_int_equal(text_to_bytes("0102030405", buf, 4, &len), -ENOSPC);
	assert_int_equal(text_to_bytes("", buf, 4, &len), -EINVAL);
	assert_int_equal(text_to_bytes("0", buf, 4, &len), -EINVAL);
	assert_int_equal(text_to_bytes("012", buf, 4, &len), -EINVAL);
	assert_int_equal(text_to_bytes("0g", buf, 4, &len), -EINVAL);
	assert_int_equal(text_to_bytes("01 02", buf, 4, &len), -EINVAL);
	assert_int_equal(text_to_bytes("0x01", buf, 4, &len), -EINVAL);
}

static void ulas(void **state)
{
	static const char *const bad[] = {
		"", "::", "::1", "fe80::1", "2001:db8::1", "ff02::1",
		"fbff::1", "fe00::1", "192.0.2.1", "fd00::1/128", "fd00::1 ",
		" fd00::1", "[fd00::1]", "fd00::1%lo", "fd00:::1", "fd00",
		"fd00::g", "fd00:1:2:3:4:5:6:7:8", "::ffff:10.0.0.1",
		"fd00::1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
	};
	char text[ADDR_TEXT_SIZE];
	struct in6_addr a;
	size_t i;

	(void)state;
	assert_null(text_to_ula("fd12:3456:789A::0001", &a));
	assert_string_equal(text_from_ula(&a, text), "fd12:3456:789a::1");
	assert_null(text_to_ula("fc00::", &a));
	assert_null(text_to_ula("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &a));

	for (i = 0; i < N_OF(bad); i++)
		assert_non_null(text_to_ula(bad[i], &a));
}

static void endpoints(void **state)
{
	static const char *const good[] = {
		"192.0.2.1:4500", "10.0.0.1:1", "223.255.255.255:65535",
		"127.0.0.1:4500", "[2001:db8::1]:4500", "[::1]:1",
		"[fe80::1]:4500", "[fd00::1]:65535",
		"[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
	};
	static const struct {
		const char *text, *reason;
	} bad[] = {
		{ "", "no IPv4 address" },
		{ ":", "no IPv4 address" },
		{ ":4500", "no IPv4 address" },
		{ "1.2.3.4", "port is missing" },
		{ "1.2.3.4:", "port is not a number" },
		{ "1.2.3.4:0", "port is not a number" },
		{ "1.2.3.4:65536", "port is not a number" },
		{ "1.2.3.4:+5", "port is not a number" },
		{ "1.2.3.4:4500x", "port is not a number" },
		{ "1.2.3.4:4500 ", "port is not a number" },
		{ " 1.2.3.4:4500", "no IPv4 address" },
		{ "1.2.3:4500", "no IPv4 address" },
		{ "1.2.3.256:4500", "no IPv4 address" },
		{ "01.2.3.4:4500", "no IPv4 address" },
		{ "example.com:4500", "no IPv4 address" },
		{ "0.0.0.0:4500", "no host's address" },
		{ "0.1.2.3:4500", "no host's address" },
		{ "224.0.0.1:4500", "multicast" },
		{ "255.255.255.255:4500", "multicast or reserved" },
		{ "2001:db8::1:4500", "brackets" },
		{ "2001:db8::1", "brackets" },
		{ "[2001:db8::1", "] is missing" },
		{ "[2001:db8::1]", "port is missing" },
		{ "[2001:db8::1]4500", "port is missing" },
		{ "[2001:db8::1]:", "port is not a number" },
		{ "[]:4500", "no IPv6 address" },
		{ "[1.2.3.4]:4500", "no IPv6 address" },
		{ "[fe80::1%lo]:4500", "%INTERFACE" },
		{ "[::]:4500", "no host's address" },
		{ "[ff02::1]:4500", "multicast" },
		{ "[::ffff:1.2.3.4]:4500", "::ffff:" },
		{ "[[::1]]:4500", "no IPv6 address" },
		{ "11111111111111111111111111111111111111111111111111111111:1",
		  "no IPv4" },
	};
	char text[ENDPOINT_TEXT_SIZE];
	struct addr a;
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		assert_null(text_to_endpoint(good[i], &a, &port));
		assert_string_equal(text_from_endpoint(&a, port, text),
				    good[i]);
	}
	for (i = 0; i < N_OF(bad); i++) {
		const char *why = text_to_endpoint(bad[i].text, &a, &port);

		assert_non_null(why);
		if (!strstr(why, bad[i].reason))
			fail_msg("'%s': %s", bad[i].text, why);
	}
}

static void addresses(void **state)
{
	char text[ADDR_TEXT_SIZE];
	struct addr a = { 0 };

	(void)state;
	assert_string_equal(text_from_addr(&a, text), "none");
	assert_null(text_to_addr("192.0.2.1", &a));
	assert_int_equal(a.len, 4);
	assert_string_equal(text_from_addr(&a, text), "192.0.2.1");
	assert_null(text_to_addr("2001:db8::1", &a));
	assert_int_equal(a.len, 16);
	assert_string_equal(text_from_addr(&a, text), "2001:db8::1");
	assert_non_null(text_to_addr("192.0.2.1:4500", &a));
	assert_non_null(text_to_addr("192.0.2.1/24", &a));
	assert_non_null(text_to_addr("fe80::1%lo", &a));
	assert_non_null(text_to_addr("", &a));
	assert_non_null(text_to_addr("0.0.0.0", &a));
}

static void durations(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0ms" }, { 999, "999ms" }, { 1000, "1s" },
		{ 59999, "59s" }, { 60000, "1m00s" }, { 3599999, "59m59s" },
		{ 3600000, "1h00m" }, { 86399999, "23h59m" },
		{ 86400000, "1d00h" }, { UINT64_MAX, "213503982334d14h" },
	};
	char text[HUMAN_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++)
		assert_string_equal(text_from_ms(cases[i].ms, text),
				    cases[i].text);
}

static void sizes(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = {
		{ 0, "0B" }, { 1023, "1023B" }, { 1024, "1.0KiB" },
		{ 1536, "1.5KiB" }, { 1048575, "1023.9KiB" },
		{ 1048576, "1.0MiB" }, { 12582912, "12.0MiB" },
		{ UINT64_MAX, "15.9EiB" },
	};
	char text[HUMAN_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++)
		assert_string_equal(text_from_octets(cases[i].n, text),
				    cases[i].text);
}

static void printable(void **state)
{
	char text[8];

	(void)state;
	text_printable("a\033[2Jb", 6, text, sizeof(text));
	assert_string_equal(text, "a?[2Jb");
	text_printable("too long for it", 15, text, sizeof(text));
	assert_string_equal(text, "too lon");
	text_printable("a\0b", 3, text, sizeof(text));
	assert_string_equal(text, "a");
	text_printable("\xff\x80", 2, text, sizeof(text));
	assert_string_equal(text, "??");
	text_printable("", 0, text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(hex_numbers),
		cmocka_unit_test(switches),
		cmocka_unit_test(octets),
		cmocka_unit_test(ulas),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(addresses),
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(printable),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
