// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <arpa/inet.h>

#include "../lib/identity/state.h"

#define BOOT	"7f2c1c3e-9b39-4b0a-8f33-0d5a6b7c8d9e"
#define OTHER	"00000000-9b39-4b0a-8f33-0d5a6b7c8d9e"

static const char good[] =
	"btmm-identity 1\n"
	"boot " BOOT "\n"
	"eui64 022269fffe8e342a\n"
	"kind hardware\n"
	"ula fd65:4e2b:1122:3344:222:69ff:fe8e:342a\n"
	"sum 61ba4254070084c7\n";

static struct identity sample(bool random)
{
	struct identity id = { .random = random };

	assert_int_equal(inet_pton(AF_INET6, "fd65:4e2b:1122:3344:222:69ff:fe8e:342a",
				   &id.ula), 1);
	memcpy(id.eui64, id.ula.s6_addr + 8, EUI64_LEN);
	return id;
}

/* Read from a copy that ends where it ends. */
static const char *read_state(const char *text, size_t len, const char *boot,
			      struct identity *id, bool *stale)
{
	char *exact = exact_copy(text, len);
	const char *why = identity_state_read(exact, len, boot, id, stale);

	free(exact);
	return why;
}

static void kept(void **state)
{
	char text[IDENTITY_STATE_MAX];
	int random;

	(void)state;
	for (random = 0; random < 2; random++) {
		struct identity id = sample(random), got = { 0 };
		size_t len = identity_state_write(&id, BOOT, text);
		bool stale = true;

		assert_int_equal(len, strlen(text));
		if (!random)
			assert_string_equal(text, good);
		assert_null(read_state(text, len, BOOT, &got, &stale));
		assert_false(stale);
		assert_memory_equal(&got.ula, &id.ula, sizeof(id.ula));
		assert_memory_equal(got.eui64, id.eui64, EUI64_LEN);
		assert_int_equal(got.random, random);
	}
}

static void earlier_boot(void **state)
{
	struct identity got = { 0 };
	bool stale = false;

	(void)state;
	assert_non_null(strstr(read_state(good, strlen(good), OTHER, &got, &stale),
			       "earlier boot"));
	assert_true(stale);
	assert_false(identity_is_set(&got));
}

/* Cut anywhere, or with any bit turned: never believed, never "stale". */
static void damaged(void **state)
{
	char text[sizeof(good) + 1];
	size_t i, len = strlen(good);
	struct identity got = { 0 };
	bool stale;

	(void)state;
	for (i = 0; i < len; i++) {
		assert_non_null(read_state(good, i, BOOT, &got, &stale));
		assert_false(stale);
	}
	for (i = 0; i < 8 * len; i++) {
		memcpy(text, good, sizeof(good));
		text[i / 8] ^= (char)(1 << i % 8);
		assert_non_null(read_state(text, len, BOOT, &got, &stale));
		assert_false(stale);
	}
	memcpy(text, good, sizeof(good));
	text[len] = '\n';
	assert_non_null(read_state(text, len + 1, BOOT, &got, &stale));
	assert_non_null(read_state(good, len, "", &got, &stale));
	assert_false(identity_is_set(&got));
}

/* With a right check sum, but not what this program writes */
static void forged(void **state)
{
	static const struct { const char *ula; uint8_t first; const char *why; } rows[] = {
		{ "fd65::222:69ff:fe8e:342a", 0x02, NULL },
		{ "fc65::222:69ff:fe8e:342a", 0x02, "no ULA" },
		{ "2001:db8::222:69ff:fe8e:342a", 0x02, "no ULA" },
		{ "fd65::222:69ff:fe8e:342a", 0x00, "no ULA" },
		{ "::", 0x02, "no ULA" },
	};
	char text[IDENTITY_STATE_MAX], big[IDENTITY_STATE_MAX + 1];
	struct identity got;
	bool stale;
	struct identity id = sample(false);
	size_t i, len;

	(void)state;
	/* The writer believes its caller; the reader does not. */
	len = identity_state_write(&id, "not a boot id", text);
	assert_non_null(strstr(read_state(text, len, "not a boot id", &got, &stale), "lines"));

	for (i = 0; i < N_OF(rows); i++) {
		const char *why;

		id = sample(false);

		inet_pton(AF_INET6, rows[i].ula, &id.ula);
		id.eui64[0] = rows[i].first;
		len = identity_state_write(&id, BOOT, text);
		why = read_state(text, len, BOOT, &got, &stale);
		if (rows[i].why)
			assert_non_null(strstr(why, rows[i].why));
		else
			assert_null(why);
	}
	memset(big, 'x', sizeof(big));
	assert_string_equal(read_state(big, sizeof(big), BOOT, &got, &stale), "is too long");
	assert_non_null(strstr(read_state(big, 100, BOOT, &got, &stale), "not an identity"));
}

static void boot_ids(void **state)
{
	(void)state;
	assert_true(boot_id_check(BOOT));
	assert_false(boot_id_check(BOOT "a"));
	assert_false(boot_id_check("7f2c1c3e"));
	assert_false(boot_id_check("7F2c1c3e-9b39-4b0a-8f33-0d5a6b7c8d9e"));
	assert_false(boot_id_check(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(earlier_boot),
		cmocka_unit_test(damaged),
		cmocka_unit_test(forged),
		cmocka_unit_test(boot_ids),
	};

	return cmocka_run_group_tests_name("identity_state", tests, NULL, NULL);
}
