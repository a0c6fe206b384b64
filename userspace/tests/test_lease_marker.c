// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "../lib/dns/message.h"
#include "../lib/lease/marker.h"
#include "test_zone.h"

/* The octets stand in zones: no version of this program may make others. */
static const uint8_t octets[MARKER_LEN] = {
	1, 0, 1,
	0x0a, 0x3b, 0x5b, 0x2e, 0x83, 0x63, 0xb9, 0x29,
	0xe3, 0xbc, 0x19, 0xd1, 0xe5, 0x8e, 0x51, 0x6a,
};

static void written(void **state)
{
	static const uint8_t address[] = { 192, 0, 2, 1 };
	static const uint8_t empty[MARKER_HASH] = {
		0x02, 0x98, 0xd1, 0x22, 0x90, 0x6d, 0xcf, 0xc1,
	};
	struct marker m = { .type = DNS_A };
	uint8_t out[MARKER_LEN];

	(void)state;
	marker_record_hash(DNS_A, address, sizeof(address), m.record);
	marker_holder_hash(dn("a.example.com"), m.holder);
	marker_write(&m, out);
	assert_memory_equal(out, octets, MARKER_LEN);

	/* No RDATA is RDATA, too. */
	marker_record_hash(DNS_TXT, NULL, 0, m.record);
	assert_memory_equal(m.record, empty, MARKER_HASH);
}

static void of_any_case(void **state)
{
	uint8_t lower[MARKER_HASH], upper[MARKER_HASH];

	(void)state;
	marker_holder_hash(dn("a.example.com"), lower);
	marker_holder_hash(dn("A.Example.COM"), upper);
	assert_memory_equal(lower, upper, MARKER_HASH);
	marker_holder_hash(dn("b.example.com"), upper);
	assert_memory_not_equal(lower, upper, MARKER_HASH);
}

static void type_counts(void **state)
{
	static const uint8_t same[] = { 1, 'x', 0, 0 };
	uint8_t a[MARKER_HASH], b[MARKER_HASH];

	(void)state;
	marker_record_hash(DNS_A, same, sizeof(same), a);
	marker_record_hash(DNS_KEY, same, sizeof(same), b);
	assert_memory_not_equal(a, b, MARKER_HASH);
}

static void read_back(void **state)
{
	uint8_t *exact = exact_copy(octets, MARKER_LEN), out[MARKER_LEN];
	struct marker m;

	(void)state;
	assert_true(marker_read(exact, MARKER_LEN, &m));
	assert_int_equal(m.type, DNS_A);
	marker_write(&m, out);
	assert_memory_equal(out, octets, MARKER_LEN);
	free(exact);
}

static void not_markers(void **state)
{
	uint8_t other[MARKER_LEN + 1] = { 0 };
	struct marker m;

	(void)state;
	memcpy(other, octets, MARKER_LEN);
	assert_false(marker_read(other, MARKER_LEN - 1, &m));
	assert_false(marker_read(other, MARKER_LEN + 1, &m));
	assert_false(marker_read(NULL, 0, &m));
	other[0] = 2;
	assert_false(marker_read(other, MARKER_LEN, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(of_any_case),
		cmocka_unit_test(type_counts),
		cmocka_unit_test(read_back),
		cmocka_unit_test(not_markers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
