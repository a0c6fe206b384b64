// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <arpa/inet.h>

#include "../lib/identity/identity.h"

static const uint8_t random_octets[IDENTITY_RANDOM] = {
	0x65, 0x4e, 0x2b, 0x11, 0x22, 0x33, 0x44,
	0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
};

static struct identity_link link6(enum identity_place place, uint64_t mac)
{
	struct identity_link l = { .place = place, .hwaddr_len = 6 };
	unsigned int i;

	for (i = 0; i < 6; i++)
		l.hwaddr[i] = (uint8_t)(mac >> 8 * (5 - i));
	return l;
}

/* RFC 4291 appendix A, and the host of RFC 6281 3 */
static void eui64(void **state)
{
	static const uint8_t mac[] = { 0x00, 0x22, 0x69, 0x8e, 0x34, 0x2a };
	static const uint8_t local[] = { 0x02, 0x00, 0x5e, 0x00, 0x53, 0x01 };
	uint8_t out[EUI64_LEN];

	(void)state;
	eui64_from_mac(mac, out);
	assert_memory_equal(out, "\x02\x22\x69\xff\xfe\x8e\x34\x2a", EUI64_LEN);
	eui64_from_mac(local, out);
	assert_memory_equal(out, "\x00\x00\x5e\xff\xfe\x00\x53\x01", EUI64_LEN);
}

static void example(void **state)
{
	struct identity_link l = link6(IDENTITY_FIXED, 0x0022698e342a);
	char text[INET6_ADDRSTRLEN], label[IDENTITY_LABEL];
	struct identity id = { 0 };

	(void)state;
	assert_false(identity_is_set(&id));
	identity_make(&id, &l, 1, false, random_octets);
	assert_true(identity_is_set(&id));
	assert_false(id.random);
	inet_ntop(AF_INET6, &id.ula, text, sizeof(text));
	assert_string_equal(text, "fd65:4e2b:1122:3344:222:69ff:fe8e:342a");
	assert_string_equal(identity_label(&id, label), "AutoTunnel-00-22-69-FF-FE-8E-34-2A");

	assert_false(identity_exposes(&id, false));
	assert_true(identity_exposes(&id, true));
}

/* An address of 64 bits (InfiniBand's last ones, FireWire) is one already. */
static void eight_octets(void **state)
{
	struct identity_link l = {
		.place = IDENTITY_FIXED, .hwaddr_len = 8,
		.hwaddr = { 0x00, 0x02, 0xc9, 0x03, 0x00, 0x11, 0x22, 0x33 },
	};
	char label[IDENTITY_LABEL];
	struct identity id;

	(void)state;
	identity_make(&id, &l, 1, false, random_octets);
	assert_false(id.random);
	assert_memory_equal(id.ula.s6_addr + 8, "\x02\x02\xc9\x03\x00\x11\x22\x33", 8);
	assert_string_equal(identity_label(&id, label), "AutoTunnel-00-02-C9-03-00-11-22-33");
}

/* Whatever the order, the same interface is chosen. */
static void primary(void **state)
{
	struct identity_link best_first[] = {
		link6(IDENTITY_FIXED, 0x00005e005310),
		link6(IDENTITY_FIXED, 0x00005e005320),
		link6(IDENTITY_FIXED, 0x02005e005301),		/* local */
		link6(IDENTITY_REMOVABLE, 0x00005e005301),
		link6(IDENTITY_VIRTUAL, 0x00005e005300),
		link6(IDENTITY_VIRTUAL, 0x02005e005300),
	};
	size_t n = N_OF(best_first), i, from;

	(void)state;
	for (from = 0; from < n; from++) {
		/* The rest of the list, turned around and from each start */
		size_t left = n - from;

		for (i = 0; i < left; i++) {
			struct identity_link list[N_OF(best_first)];
			size_t k;
			int got;

			for (k = 0; k < left; k++)
				list[k] = best_first[from + (i + k) % left];
			got = identity_primary(list, left);
			assert_memory_equal(&list[got], &best_first[from], sizeof(list[0]));
			for (k = 0; k < left; k++)
				list[k] = best_first[from + (i + left - k) % left];
			got = identity_primary(list, left);
			assert_memory_equal(&list[got], &best_first[from], sizeof(list[0]));
		}
	}
}

static void no_address(void **state)
{
	struct identity_link useless[] = {
		{ .place = IDENTITY_FIXED },
		link6(IDENTITY_FIXED, 0),
		link6(IDENTITY_FIXED, 0x01005e005301),		/* a group's */
		link6(IDENTITY_FIXED, 0xffffffffffff),
		{ .place = IDENTITY_FIXED, .hwaddr_len = 4, .hwaddr = { 192, 0, 2, 1 } },
	};
	struct identity id;

	(void)state;
	assert_int_equal(identity_primary(NULL, 0), -1);
	assert_int_equal(identity_primary(useless, N_OF(useless)), -1);
	identity_make(&id, useless, N_OF(useless), false, random_octets);
	assert_true(id.random);
	assert_memory_equal(id.eui64, "\xfc\x01\x02\x03\x04\x05\x06\x07", EUI64_LEN);
	assert_memory_equal(id.ula.s6_addr, "\xfd\x65\x4e\x2b\x11\x22\x33\x44", 8);
	assert_memory_equal(id.ula.s6_addr + 8, id.eui64, EUI64_LEN);
}

/* With privacy, nothing of the hardware is told; the bits say that it is local. */
static void privacy(void **state)
{
	struct identity_link l = link6(IDENTITY_FIXED, 0x0022698e342a);
	uint8_t zero[IDENTITY_RANDOM] = { 0 };
	char label[IDENTITY_LABEL];
	struct identity id;

	(void)state;
	identity_make(&id, &l, 1, true, random_octets);
	assert_true(id.random);
	assert_string_equal(identity_label(&id, label), "AutoTunnel-FE-01-02-03-04-05-06-07");
	assert_false(identity_exposes(&id, true));

	/* All zeros is the subnet routers' anycast address. */
	identity_make(&id, &l, 1, true, zero);
	assert_memory_equal(id.eui64, "\0\0\0\0\0\0\0\1", EUI64_LEN);
	assert_true(identity_is_set(&id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eui64),
		cmocka_unit_test(example),
		cmocka_unit_test(eight_octets),
		cmocka_unit_test(primary),
		cmocka_unit_test(no_address),
		cmocka_unit_test(privacy),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
