// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "../lib/identity/names.h"

#define L63	"abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-123456789"
#define L41	"abcdefghijklmnopqrstuvwxyz-abcdefghijklmn"
#define L42	L41 "o"

static void labels(void **state)
{
	static const char *const good[] = { "laptop", "a", "My-Mac-Pro", "3d", "1a", L63 };
	static const struct { const char *label, *why; } bad[] = {
		{ "", "is empty" },
		{ L63 "x", "longer than 63" },
		{ "laptop.alice", "has a dot" },
		{ "laptop.", "has a dot" },
		{ "-laptop", "hyphen" },
		{ "laptop-", "hyphen" },
		{ "my_mac", "other characters" },
		{ "alice's", "other characters" },
		{ "my mac", "other characters" },
		{ "caf\xc3\xa9", "other characters" },
		{ "a\tb", "other characters" },
		{ "42", "no letter" },
		{ "4-2", "no letter" },
		{ "LocalHost", "every machine" },
		{ "autotunnel-1", "names of tunnels" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++)
		assert_null(host_label_check(good[i]));
	for (i = 0; i < N_OF(bad); i++) {
		const char *why = host_label_check(bad[i].label);

		if (!why || !strstr(why, bad[i].why))
			fail_msg("'%s': %s", bad[i].label, why ? why : "taken");
	}
}

static void domains(void **state)
{
	static const char *const good[] = {
		"alice.example.com", "alice.example.com.", "example.com", "1.example.com",
	};
	static const struct { const char *domain, *why; } bad[] = {
		{ "", "is empty" },
		{ ".", "two labels" },
		{ "com", "two labels" },
		{ "a..example.com", "a label is empty" },
		{ "192.0.2.1", "no letter" },
		{ "alice.-x.com", "hyphen" },
		{ "al_ice.example.com", "other characters" },
		{ "a\\.b.example.com", "other characters" },
		{ "a\\000.example.com", "other characters" },
		{ L63 "x.com", "a label is longer" },
		{ L63 "." L63 "." L42 ".com", "too long" },
		{ L63 "." L63 "." L63 "." L63 ".com", "255" },
	};
	uint8_t out[DNAME_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++)
		assert_null(user_domain_check(good[i], out));
	for (i = 0; i < N_OF(bad); i++) {
		const char *why = user_domain_check(bad[i].domain, out);

		if (!why || !strstr(why, bad[i].why))
			fail_msg("'%s': %s", bad[i].domain, why ? why : "taken");
	}
}

static void assert_name(const uint8_t *name, const char *text)
{
	char got[DNAME_TEXT_MAX];

	assert_string_equal(dname_to_text(name, got), text);
}

/* As on the architecture page, and RFC 6281 3 */
static void names(void **state)
{
	struct identity_link l = {
		.place = IDENTITY_FIXED, .hwaddr_len = 6,
		.hwaddr = { 0x00, 0x22, 0x69, 0x8e, 0x34, 0x2a },
	};
	uint8_t domain[DNAME_MAX], random[IDENTITY_RANDOM] = { 1 };
	struct identity id = { 0 };
	struct host_names n;

	(void)state;
	assert_null(user_domain_check("alice.Example.com", domain));
	host_names_make(&n, "laptop", domain, &id);
	assert_name(n.domain, "alice.Example.com.");
	assert_name(n.host, "laptop.alice.Example.com.");
	assert_name(n.service, "_autotunnel._udp.laptop.alice.Example.com.");
	assert_name(n.list, "_autotunnel._udp.alice.Example.com.");
	assert_name(n.tunnel, ".");

	identity_make(&id, &l, 1, false, random);
	host_names_make(&n, "laptop", domain, &id);
	assert_name(n.tunnel, "AutoTunnel-00-22-69-FF-FE-8E-34-2A.alice.Example.com.");
}

/* The longest host in the longest domain that is taken */
static void longest(void **state)
{
	uint8_t domain[DNAME_MAX], random[IDENTITY_RANDOM] = { 1 };
	struct identity id;
	struct host_names n;

	(void)state;
	assert_null(user_domain_check(L63 "." L63 "." L41 ".de", domain));
	assert_non_null(user_domain_check(L63 "." L63 "." L42 ".de", domain));
	assert_null(user_domain_check(L63 "." L63 "." L41 ".de", domain));
	identity_make(&id, NULL, 0, true, random);
	host_names_make(&n, L63, domain, &id);
	assert_int_equal(dname_check(n.service, DNAME_MAX), dname_len(n.service));
	assert_int_equal(dname_labels(n.service), 7);
	assert_int_equal(dname_labels(n.tunnel), 5);
}

static void from_system(void **state)
{
	static const struct { const char *node, *label; } cases[] = {
		{ "laptop", "laptop" },
		{ "Laptop.alice.example.com", "laptop" },
		{ "Alice's MacBook_Pro", "alice-s-macbook-pro" },
		{ "--x--", "x" },
		{ "caf\xc3\xa9", "caf" },
		{ L63 "tail", L63 },
		{ "localhost", NULL },
		{ "localhost.localdomain", NULL },
		{ "", NULL },
		{ "\xe2\x98\x83", NULL },
		{ "42", NULL },
		{ ".x", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		char out[HOST_LABEL_SIZE];
		bool ok = host_label_from_system(cases[i].node, out);

		assert_int_equal(ok, !!cases[i].label);
		if (ok)
			assert_string_equal(out, cases[i].label);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),
		cmocka_unit_test(domains),
		cmocka_unit_test(names),
		cmocka_unit_test(longest),
		cmocka_unit_test(from_system),
	};

	return cmocka_run_group_tests_name("identity_names", tests, NULL, NULL);
}
