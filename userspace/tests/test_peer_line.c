// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Peers as they are written on the command line and in files.
 */
#include "test.h"

#include "../btmm-ctl/peer.h"

static bool read(struct peer_line *line, bool is_new, bool dev,
		 const char *text)
{
	static char copy[512];
	char *argv[32], *save = NULL, *p;
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
		argv[argc++] = p;
	return peer_line_read(line, is_new, dev, argc, argv);
}

static void good_lines(void **state)
{
	struct peer_line l;

	(void)state;
	assert_true(read(&l, true, true, "fd00::1"));
	assert_int_equal(l.peer.have, AT_BIT(AUTOTUNNEL_PEER_A_ULA));
	assert_int_equal(l.route, ROUTE_ADD);
	assert_null(l.dev);

	assert_true(read(&l, true, true,
			 "fd00::1 dev btmm0 endpoint 192.0.2.1:4500 local 10.0.0.1 oif lo keepalive 30 noroute"));
	assert_string_equal(l.dev, "btmm0");
	assert_int_equal(l.route, ROUTE_LEAVE);
	assert_int_equal(l.peer.keepalive, 30);
	assert_int_equal(l.peer.endpoint.port, 4500);
	assert_int_equal(l.peer.endpoint.oif, 1);
	assert_int_equal(l.peer.endpoint.local.len, 4);

	assert_true(read(&l, true, true, "fd00::1 keepalive off"));
	assert_true(AT_HAS(&l.peer, AUTOTUNNEL_PEER_A_KEEPALIVE));
	assert_int_equal(l.peer.keepalive, 0);

	/* What a new peer has anyhow is not sent. */
	assert_true(read(&l, true, true,
			 "fd00::1 endpoint none keepalive default"));
	assert_int_equal(l.peer.have, AT_BIT(AUTOTUNNEL_PEER_A_ULA));

	/* To take it from a peer that is there, it is. */
	assert_true(read(&l, false, true,
			 "fd00::1 endpoint none keepalive default"));
	assert_true(AT_HAS(&l.peer, AUTOTUNNEL_PEER_A_ENDPOINT));
	assert_int_equal(l.peer.endpoint.have, 0);
	assert_int_equal(l.peer.keepalive, AUTOTUNNEL_KEEPALIVE_DEV);
	assert_int_equal(l.route, ROUTE_LEAVE);

	assert_true(read(&l, false, true, "fd00::1 noroute"));
	assert_int_equal(l.route, ROUTE_DEL);
	assert_true(read(&l, false, true, "fd00::1 route"));
	assert_int_equal(l.route, ROUTE_ADD);
}

static void bad_lines(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "ULA is missing" },
		{ "10.0.0.1", "peer '10.0.0.1'" },
		{ "2001:db8::1", "no ULA" },
		{ "fd00::1 foo", "unknown word 'foo'" },
		{ "fd00::1 endpoint", "endpoint: value is missing" },
		{ "fd00::1 endpoint 1.2.3.4", "port is missing" },
		{ "fd00::1 endpoint 1.2.3.4:1 endpoint 1.2.3.4:1", "twice" },
		{ "fd00::1 route route", "twice" },
		{ "fd00::1 route noroute", "exclude" },
		{ "fd00::1 local 10.0.0.1", "with an endpoint only" },
		{ "fd00::1 oif lo", "with an endpoint only" },
		{ "fd00::1 oif lo endpoint none", "with an endpoint only" },
		{ "fd00::1 endpoint 1.2.3.4:1 local ::1", "IP version" },
		{ "fd00::1 endpoint 1.2.3.4:1 oif nosuchif", "no such interface" },
		{ "fd00::1 endpoint 1.2.3.4:1 oif 0", "no such interface" },
		{ "fd00::1 endpoint 1.2.3.4:1 oif -1", "no such interface" },
		{ "fd00::1 endpoint 1.2.3.4:1 oif a/b", "no slash" },
		{ "fd00::1 endpoint 1.2.3.4:1 oif 0123456789abcdef",
		  "15 characters" },
		{ "fd00::1 keepalive -1", "keepalive '-1'" },
		{ "fd00::1 keepalive 65535", "keepalive '65535'" },
		{ "fd00::1 keepalive 1s", "keepalive '1s'" },
	};
	struct peer_line l;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		assert_false(read(&l, true, true, cases[i].text));
		if (!strstr(l.why, cases[i].reason))
			fail_msg("'%s': %s", cases[i].text, l.why);
	}

	/* In a file all lines are about one device. */
	assert_false(read(&l, true, false, "fd00::1 dev btmm0"));
}

/* However long a word is, the reason has an end. */
static void long_words(void **state)
{
	static char word[4096];
	char *argv[] = { word };
	struct peer_line l;

	(void)state;
	memset(word, 'f', sizeof(word) - 1);
	assert_false(peer_line_read(&l, true, true, 1, argv));
	assert_true(strlen(l.why) < sizeof(l.why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(long_words),
	};

	return cmocka_run_group_tests_name("peer_line", tests, NULL, NULL);
}
