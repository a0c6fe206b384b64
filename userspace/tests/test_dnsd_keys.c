// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../btmm-dnsd/keys.h"
#include "test_zone.h"

static const uint8_t apex[] = "\7example\3com";
static const uint8_t host[] = "\1a\7example\3com";

static struct keys *keys;
static struct zone *zone;

static int setup(void **state)
{
	(void)state;
	keys = keys_new(false);
	zone = zone_new(apex);
	return keys && zone ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	keys_free(keys);
	zone_free(zone);
	return 0;
}

static struct tsig_key make(const char *name, enum tsig_algorithm algorithm, uint8_t first)
{
	struct tsig_key key = { .algorithm = algorithm, .secret_len = 32 };
	size_t i;

	memcpy(key.name, dn(name), dname_len(dn(name)));
	for (i = 0; i < 32; i++)
		key.secret[i] = (uint8_t)(first + i);
	return key;
}

static void make_generation(uint8_t out[KEYS_GENERATION], uint8_t first)
{
	size_t i;

	for (i = 0; i < KEYS_GENERATION; i++)
		out[i] = (uint8_t)(first + i);
}

static void enrol(struct zone *z, const char *name, enum tsig_algorithm algorithm, uint8_t first)
{
	uint8_t generation[KEYS_GENERATION], rd[32];
	size_t len;

	make_generation(generation, first);
	len = keys_enrolled_write(algorithm, generation, rd);
	assert_int_equal(zone_add(z, dn(name), DNS_ENROLLED, 60, rd, (uint16_t)len), 0);
}

static void remove_host(struct zone *z, const char *name, enum tsig_algorithm algorithm,
			uint8_t first)
{
	uint8_t generation[KEYS_GENERATION], rd[32];
	size_t len;

	make_generation(generation, first);
	len = keys_enrolled_write(algorithm, generation, rd);
	assert_int_equal(zone_remove(z, dn(name), DNS_ENROLLED, rd, (uint16_t)len), 0);
}

static int find(const char *name, enum tsig_algorithm algorithm, struct tsig_key *key,
		struct identity *who)
{
	return keys_find(keys, zone, dn(name), algorithm, key, who);
}

static void add_account(uint8_t first)
{
	struct tsig_key key = make("_account.example.com", TSIG_HMAC_SHA256, first);

	assert_int_equal(keys_add(keys, &key, ROLE_ACCOUNT, apex), 0);
}

/* --- records and derivation ---------------------------------------------------------- */

static void enrolled_records(void **state)
{
	static const uint8_t octets[18] = { 1, 2, 100, 101, 102, 103, 104, 105, 106, 107, 108,
					    109, 110, 111, 112, 113, 114, 115 };
	uint8_t generation[KEYS_GENERATION], rd[32], other[19];
	enum tsig_algorithm algorithm;
	uint8_t *exact;

	(void)state;
	make_generation(generation, 100);
	assert_int_equal(keys_enrolled_write(TSIG_HMAC_SHA512, generation, rd), 18);
	assert_memory_equal(rd, octets, 18);
	memset(generation, 0, sizeof(generation));
	exact = exact_copy(octets, 18);
	assert_true(keys_enrolled_read(exact, 18, &algorithm, generation));
	assert_int_equal(algorithm, TSIG_HMAC_SHA512);
	assert_memory_equal(generation, octets + 2, KEYS_GENERATION);
	assert_false(keys_enrolled_read(exact, 17, &algorithm, generation));
	assert_false(keys_enrolled_read(exact, 0, &algorithm, generation));
	free(exact);
	memcpy(other, octets, 18);
	assert_false(keys_enrolled_read(other, 19, &algorithm, generation));
	other[0] = 2;
	assert_false(keys_enrolled_read(other, 18, &algorithm, generation));
	other[0] = 1;
	other[1] = 0;
	assert_false(keys_enrolled_read(other, 18, &algorithm, generation));
	other[1] = 9;
	assert_false(keys_enrolled_read(other, 18, &algorithm, generation));
}

/* As computed by Python's hmac module: hosts out there have been given these. */
static void derivation(void **state)
{
	static const uint8_t secret[64] = {
		0x1f, 0x45, 0x34, 0x34, 0x4a, 0x31, 0xfc, 0x54, 0x27, 0x3b, 0xad,
		0xc7, 0xe1, 0x8a, 0xf2, 0x97, 0x0d, 0x1c, 0x38, 0x27, 0xc8, 0xe6,
		0x07, 0x08, 0x18, 0x5e, 0x0f, 0x2e, 0x99, 0x57, 0xbe, 0x5f, 0x15,
		0xc0, 0x5d, 0x37, 0x18, 0xf0, 0x7d, 0x19, 0x08, 0xa9, 0xcf, 0x81,
		0xc4, 0xc4, 0xaf, 0x0b, 0xe8, 0x9f, 0x23, 0x2b, 0xb1, 0x22, 0xac,
		0x2c, 0x55, 0x2a, 0x77, 0x4b, 0xbc, 0x79, 0xb5, 0x8a,
	};
	struct tsig_key account = make("_account.example.com", TSIG_HMAC_SHA256, 0), key;
	uint8_t generation[KEYS_GENERATION];

	(void)state;
	make_generation(generation, 100);
	assert_int_equal(keys_derive_host(&account, host, TSIG_HMAC_SHA256, generation, &key), 0);
	assert_int_equal(key.secret_len, 32);
	assert_memory_equal(key.secret, secret, 32);
	assert_true(dname_equal(key.name, host));
	assert_int_equal(key.algorithm, TSIG_HMAC_SHA256);
	assert_int_equal(keys_derive_host(&account, dn("A.Example.COM"), TSIG_HMAC_SHA512,
					  generation, &key), 0);
	assert_int_equal(key.secret_len, 64);
	assert_memory_equal(key.secret, secret, 64);
	assert_memory_equal(key.name, host, sizeof(host));
	assert_int_equal(keys_derive_host(&account, host, TSIG_HMAC_MD5, generation, &key), 0);
	assert_int_equal(key.secret_len, 16);

	/* All of it counts. */
	generation[15]++;
	assert_int_equal(keys_derive_host(&account, host, TSIG_HMAC_SHA256, generation, &key), 0);
	assert_memory_not_equal(key.secret, secret, 32);
	generation[15]--;
	assert_int_equal(keys_derive_host(&account, dn("b.example.com"), TSIG_HMAC_SHA256,
					  generation, &key), 0);
	assert_memory_not_equal(key.secret, secret, 32);
	account.secret[31]++;
	assert_int_equal(keys_derive_host(&account, host, TSIG_HMAC_SHA256, generation, &key), 0);
	assert_memory_not_equal(key.secret, secret, 32);
	account.secret_len = 0;
	assert_int_equal(keys_derive_host(&account, host, TSIG_HMAC_SHA256, generation, &key),
			 -EIO);
	assert_int_equal(key.secret_len, 0);
}

/* --- look-up --------------------------------------------------------------------------- */

static void given_keys(void **state)
{
	struct tsig_key admin = make("Admin.example.NET", TSIG_HMAC_SHA512, 9), key;
	struct identity who;

	(void)state;
	add_account(0);
	assert_int_equal(keys_add(keys, &admin, ROLE_ADMIN, (const uint8_t *)""), 0);
	assert_int_equal(find("_ACCOUNT.example.com", TSIG_HMAC_SHA256, &key, &who), 0);
	assert_int_equal(who.role, ROLE_ACCOUNT);
	assert_true(dname_equal(who.zone, apex));
	assert_memory_equal(who.name, "\10_account\7example\3com", 22);
	assert_int_equal(key.secret[1], 1);
	/* Of any zone. */
	assert_int_equal(keys_find(keys, NULL, dn("admin.example.net"), TSIG_HMAC_SHA512, &key,
				   &who), 0);
	assert_int_equal(who.role, ROLE_ADMIN);
	assert_int_equal(*who.zone, 0);
	assert_memory_equal(who.name, "\5admin\7example\3net", 19);
	assert_int_equal(key.secret[0], 9);
	/* A key is for one algorithm. */
	assert_int_equal(find("admin.example.net", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	assert_int_equal(find("other.example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	keys_clear(keys);
	assert_int_equal(find("admin.example.net", TSIG_HMAC_SHA512, &key, &who), -ENOENT);
}

static void not_keys(void **state)
{
	struct tsig_key key = make("k.example.com", TSIG_HMAC_SHA256, 0);

	(void)state;
	assert_int_equal(keys_add(keys, &key, ROLE_NONE, apex), -EINVAL);
	key.algorithm = 0;
	assert_int_equal(keys_add(keys, &key, ROLE_ADMIN, apex), -EINVAL);
	key.algorithm = TSIG_HMAC_SHA256;
	key.secret_len = TSIG_SECRET_MAX + 1;
	assert_int_equal(keys_add(keys, &key, ROLE_ADMIN, apex), -EINVAL);
	key.secret_len = 0;
	assert_int_equal(keys_add(keys, &key, ROLE_ADMIN, apex), -EINVAL);
}

static void hosts(void **state)
{
	struct tsig_key account = make("_account.example.com", TSIG_HMAC_SHA256, 0), key, wanted;
	uint8_t generation[KEYS_GENERATION];
	struct identity who;

	(void)state;
	add_account(0);
	enrol(zone, "a.example.com", TSIG_HMAC_SHA256, 7);
	make_generation(generation, 7);
	assert_int_equal(keys_derive_host(&account, host, TSIG_HMAC_SHA256, generation, &wanted),
			 0);
	assert_int_equal(find("A.example.com", TSIG_HMAC_SHA256, &key, &who), 0);
	assert_memory_equal(key.secret, wanted.secret, 32);
	assert_int_equal(who.role, ROLE_HOST);
	assert_memory_equal(who.name, host, sizeof(host));
	assert_true(dname_equal(who.zone, apex));
	/* The algorithm is what it was enrolled with. */
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA512, &key, &who), -ENOENT);
	assert_int_equal(find("b.example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	assert_int_equal(find("x.a.example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	assert_int_equal(find("example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	assert_int_equal(keys_find(keys, NULL, host, TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	/* Removed: at once. */
	remove_host(zone, "a.example.com", TSIG_HMAC_SHA256, 7);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	/* Enrolled again: another key. */
	enrol(zone, "a.example.com", TSIG_HMAC_SHA256, 8);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &who), 0);
	assert_memory_not_equal(key.secret, wanted.secret, 32);
}

/* A record that makes no host of its owner. */
static void strange_records(void **state)
{
	struct tsig_key key;
	struct identity who;

	(void)state;
	add_account(0);
	zone_add(zone, host, DNS_ENROLLED, 60, (const uint8_t *)"\1\1\0", 3);
	zone_add(zone, host, DNS_TXT, 60, (const uint8_t *)"\1\1", 2);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	/* At the apex, and for the account's own name. */
	enrol(zone, "example.com", TSIG_HMAC_SHA256, 1);
	enrol(zone, "_account.example.com", TSIG_HMAC_SHA256, 1);
	assert_int_equal(find("example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	assert_int_equal(find("_account.example.com", TSIG_HMAC_SHA256, &key, &who), 0);
	assert_int_equal(who.role, ROLE_ACCOUNT);
}

static void without_account(void **state)
{
	struct tsig_key other = make("_account.example.com", TSIG_HMAC_SHA256, 0), key;
	struct identity who;

	(void)state;
	enrol(zone, "a.example.com", TSIG_HMAC_SHA256, 7);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	/* A key of that name that is not this account's. */
	assert_int_equal(keys_add(keys, &other, ROLE_ADMIN, apex), 0);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	assert_int_equal(keys_add(keys, &other, ROLE_ACCOUNT, dn("example.net")), 0);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &who), -ENOENT);
	assert_int_equal(keys_add(keys, &other, ROLE_ACCOUNT, apex), 0);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &who), 0);
}

static void md5(void **state)
{
	struct tsig_key key = make("old.example.com", TSIG_HMAC_MD5, 0);
	struct identity who;

	(void)state;
	assert_int_equal(keys_add(keys, &key, ROLE_ADMIN, apex), 0);
	add_account(0);
	enrol(zone, "a.example.com", TSIG_HMAC_MD5, 1);
	assert_int_equal(find("old.example.com", TSIG_HMAC_MD5, &key, &who), -ENOENT);
	assert_int_equal(find("a.example.com", TSIG_HMAC_MD5, &key, &who), -ENOENT);
	keys_free(keys);
	keys = keys_new(true);
	key = make("old.example.com", TSIG_HMAC_MD5, 0);
	assert_int_equal(keys_add(keys, &key, ROLE_ADMIN, apex), 0);
	add_account(0);
	assert_int_equal(find("old.example.com", TSIG_HMAC_MD5, &key, &who), 0);
	assert_int_equal(find("a.example.com", TSIG_HMAC_MD5, &key, &who), 0);
	assert_int_equal(key.secret_len, 16);
}

/* A tag is of the key, whatever lies behind its secret; and other after a rekey. */
static void tags(void **state)
{
	struct tsig_key short_key = make("k.example.com", TSIG_HMAC_SHA256, 0), key;
	struct identity before, after;

	(void)state;
	assert_int_equal(keys_add(keys, &short_key, ROLE_ADMIN, apex), 0);
	assert_int_equal(find("k.example.com", TSIG_HMAC_SHA256, &key, &before), 0);
	memset(short_key.secret + 32, 0x55, TSIG_SECRET_MAX - 32);
	assert_int_equal(keys_add(keys, &short_key, ROLE_ADMIN, apex), 0);
	assert_int_equal(find("k.example.com", TSIG_HMAC_SHA256, &key, &after), 0);
	assert_true(before.tag == after.tag);
	short_key.secret[0]++;
	assert_int_equal(keys_add(keys, &short_key, ROLE_ADMIN, apex), 0);
	assert_int_equal(find("k.example.com", TSIG_HMAC_SHA256, &key, &after), 0);
	assert_true(before.tag != after.tag);

	add_account(0);
	enrol(zone, "a.example.com", TSIG_HMAC_SHA256, 7);
	enrol(zone, "b.example.com", TSIG_HMAC_SHA256, 7);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &before), 0);
	assert_int_equal(find("b.example.com", TSIG_HMAC_SHA256, &key, &after), 0);
	assert_true(before.tag != after.tag);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &after), 0);
	assert_true(before.tag == after.tag);
	/* The account gets another key: so do its hosts. */
	add_account(1);
	assert_int_equal(find("a.example.com", TSIG_HMAC_SHA256, &key, &after), 0);
	assert_true(before.tag != after.tag);
}

/* More of both than places to keep them. */
static void many(void **state)
{
	struct tsig_key account = make("_account.example.com", TSIG_HMAC_SHA256, 0), key, wanted;
	uint8_t generation[KEYS_GENERATION];
	struct identity who;
	char name[32];
	int i, round;

	(void)state;
	add_account(0);
	for (i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "h%d.example.com", i);
		enrol(zone, name, TSIG_HMAC_SHA256, (uint8_t)i);
		snprintf(name, sizeof(name), "k%d.example.net", i);
		key = make(name, TSIG_HMAC_SHA256, (uint8_t)i);
		assert_int_equal(keys_add(keys, &key, ROLE_ADMIN, apex), 0);
	}
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 600; i++) {
			snprintf(name, sizeof(name), "k%d.example.net", i);
			assert_int_equal(find(name, TSIG_HMAC_SHA256, &key, &who), 0);
			assert_int_equal(key.secret[0], (uint8_t)i);
			snprintf(name, sizeof(name), "h%d.example.com", i);
			assert_int_equal(find(name, TSIG_HMAC_SHA256, &key, &who), 0);
			make_generation(generation, (uint8_t)i);
			keys_derive_host(&account, dn(name), TSIG_HMAC_SHA256, generation,
					 &wanted);
			assert_memory_equal(key.secret, wanted.secret, 32);
			assert_true(dname_equal(who.name, dn(name)));
		}
	}
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(enrolled_records), CASE(derivation), CASE(given_keys), CASE(not_keys),
		CASE(hosts), CASE(strange_records), CASE(without_account), CASE(md5), CASE(tags),
		CASE(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
