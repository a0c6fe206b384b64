// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "../lib/conf/value.h"
#include "../lib/text/place.h"

static void times(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{ "0s", 0 }, { "250ms", 250 }, { "30s", 30000 }, { "90m", 5400000 },
		{ "1h", 3600000 }, { "2d", 172800000 }, { "4294967295ms", 4294967295u },
	};
	static const char *const bad[] = {
		"", "s", "30", "30 s", "-1s", "1.5h", "030s", "1H", "1sec", "4294967296s",
		"99999999999999s",
	};
	uint64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		assert_true(conf_time(good[i].text, &ms));
		assert_true(ms == good[i].ms);
	}
	for (i = 0; i < N_OF(bad); i++)
		assert_false(conf_time(bad[i], &ms));
}

static void bools(void **state)
{
	bool b;

	(void)state;
	assert_true(conf_bool("yes", &b) && b);
	assert_true(conf_bool("no", &b) && !b);
	assert_false(conf_bool("on", &b));
	assert_false(conf_bool("", &b));
	assert_false(conf_bool("Yes", &b));
}

static const char *collect(void *arg, const char *word)
{
	strcat(arg, "<");
	strcat(arg, word);
	strcat(arg, ">");
	return strcmp(word, "bad") ? NULL : "a bad word";
}

static void words(void **state)
{
	char got[64] = "", longest[1025];

	(void)state;
	assert_null(conf_words(" a\tbc  d ", collect, got));
	assert_string_equal(got, "<a><bc><d>");
	got[0] = '\0';
	assert_string_equal(conf_words("a bad c", collect, got), "a bad word");
	assert_string_equal(got, "<a><bad>");
	assert_string_equal(conf_words("", collect, got), "a value is missing");
	assert_string_equal(conf_words(" \t", collect, got), "a value is missing");
	memset(longest, 'x', 1024);
	longest[1024] = '\0';
	assert_string_equal(conf_words(longest, collect, got),
			    "there is a word in it that is too long");
}

static void places(void **state)
{
	static const struct {
		const char *text;
		uint8_t len;
		uint16_t port;
	} good[] = {
		{ "192.0.2.1", 4, 53 }, { "192.0.2.1:1", 4, 1 }, { "::1", 16, 53 },
		{ "[::1]", 16, 53 }, { "[2001:db8::1]:65535", 16, 65535 }, { "127.0.0.1", 4, 53 },
	};
	static const char *const bad[] = {
		"", ":", "[]", "[", "]", "[::1", "::1]", "[192.0.2.1]", "192.0.2.1:", "192.0.2.1:0",
		"[::1]:", "[::1]:65536", "[::1]53", "::", "0.0.0.0", "224.0.0.1", "a.example",
		"fe80::1%eth0", "::ffff:192.0.2.1",
		"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111",
	};
	struct addr addr;
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		const char *why = text_to_place(good[i].text, 53, &addr, &port);

		if (why)
			fail_msg("%s: %s", good[i].text, why);
		assert_int_equal(addr.len, good[i].len);
		assert_int_equal(port, good[i].port);
	}
	for (i = 0; i < N_OF(bad); i++) {
		char *copy = exact_copy(bad[i], strlen(bad[i]) + 1);

		if (!text_to_place(copy, 53, &addr, &port))
			fail_msg("'%s' is taken", bad[i]);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(bools),
		cmocka_unit_test(words),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
