// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/dns/edns.h"

static void listed(void **state)
{
	static const char list[] = "\0\1\0\2ab" "\xff\x01\0\0" "\0\2\0\4\0\0\1\x2c";
	uint8_t *options = exact_copy(list, sizeof(list) - 1);
	struct edns_option o;
	size_t pos = 0;

	(void)state;
	assert_int_equal(edns_next(options, sizeof(list) - 1, &pos, &o), 1);
	assert_int_equal(o.code, EDNS_LLQ);
	assert_int_equal(o.len, 2);
	assert_memory_equal(o.data, "ab", 2);
	assert_int_equal(edns_next(options, sizeof(list) - 1, &pos, &o), 1);
	assert_int_equal(o.code, EDNS_CHANNEL);
	assert_int_equal(o.len, 0);
	assert_int_equal(edns_next(options, sizeof(list) - 1, &pos, &o), 1);
	assert_int_equal(o.code, EDNS_UPDATE_LEASE);
	assert_int_equal(o.len, 4);
	assert_int_equal(edns_next(options, sizeof(list) - 1, &pos, &o), 0);
	assert_int_equal(edns_next(options, sizeof(list) - 1, &pos, &o), 0);
	free(options);

	pos = 0;
	assert_int_equal(edns_next(NULL, 0, &pos, &o), 0);
	pos = 1;
	assert_int_equal(edns_next(NULL, 0, &pos, &o), -EBADMSG);
}

/* Any list that ends within an option is malformed, and stays so. */
static void cut_off(void **state)
{
	static const char list[] = "\0\1\0\2ab" "\0\2\0\4\0\0\1\x2c";
	size_t len;

	(void)state;
	for (len = 1; len < sizeof(list) - 1; len++) {
		uint8_t *options = exact_copy(list, len);
		struct edns_option o;
		size_t pos = 0, n = 0;
		int ret;

		while ((ret = edns_next(options, len, &pos, &o)) > 0)
			n++;
		assert_int_equal(n, len < 6 ? 0 : 1);
		assert_int_equal(ret, len == 6 ? 0 : -EBADMSG);
		assert_int_equal(edns_next(options, len, &pos, &o), ret);
		free(options);
	}
}

/* RFC 8764 3.2 and 5.2: a setup request, an hour */
static const uint8_t setup[] = {
	0, 1, 0, 18, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0e, 0x10,
};

/* An event, with all fields set. */
static const uint8_t event[] = {
	0, 1, 0, 18, 1, 2, 0, 3, 4, 5, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xfe, 0xfd, 0xfc,
};

static void llq(void **state)
{
	const struct llq_option all = {
		.version = 0x102, .opcode = LLQ_EVENT, .error = 0x405,
		.id = { 1, 2, 3, 4, 5, 6, 7, 8 }, .lease = 0xfffefdfc,
	};
	const struct llq_option ask = {
		.version = LLQ_VERSION, .opcode = LLQ_SETUP, .lease = 3600,
	};
	uint8_t out[4 + LLQ_OPTION_LEN], *exact;
	struct edns_option o;
	struct llq_option l;
	size_t pos = 0;

	(void)state;
	assert_int_equal(llq_option_write(&all, out), sizeof(event));
	assert_memory_equal(out, event, sizeof(event));
	assert_int_equal(llq_option_write(&ask, out), sizeof(setup));
	assert_memory_equal(out, setup, sizeof(setup));

	exact = exact_copy(event, sizeof(event));
	assert_int_equal(edns_next(exact, sizeof(event), &pos, &o), 1);
	assert_int_equal(llq_option_read(&o, &l), 0);
	assert_int_equal(l.version, 0x102);
	assert_int_equal(l.opcode, LLQ_EVENT);
	assert_int_equal(l.error, 0x405);
	assert_memory_equal(l.id, all.id, LLQ_ID_LEN);
	assert_true(l.lease == 0xfffefdfc);

	/* Whatever it is, it is not as long as version 1. */
	for (o.len = 0; o.len < 40; o.len++)
		assert_int_equal(llq_option_read(&o, &l),
				 o.len == LLQ_OPTION_LEN ? 0 : -EBADMSG);
	free(exact);
}

static void lease(void **state)
{
	static const char long_form[] = "\0\2\0\x08\0\0\x1c\x20\0\x09\x3a\x80";
	static const char short_form[] = "\0\2\0\4\0\0\x1c\x20";
	struct lease_option l;
	struct edns_option o;
	uint8_t out[12], *exact;
	size_t pos = 0;

	(void)state;
	exact = exact_copy(long_form, 12);
	assert_int_equal(edns_next(exact, 12, &pos, &o), 1);
	assert_int_equal(lease_option_read(&o, &l), 0);
	assert_true(l.lease == 7200 && l.key_lease == 604800 && l.long_form);
	assert_int_equal(lease_option_write(&l, out), 12);
	assert_memory_equal(out, long_form, 12);
	for (o.len = 0; o.len < 20; o.len++) {
		if (o.len != 4 && o.len != 8)
			assert_int_equal(lease_option_read(&o, &l), -EBADMSG);
	}
	free(exact);

	pos = 0;
	exact = exact_copy(short_form, 8);
	assert_int_equal(edns_next(exact, 8, &pos, &o), 1);
	assert_int_equal(lease_option_read(&o, &l), 0);
	assert_true(l.lease == 7200 && l.key_lease == 7200 && !l.long_form);
	memset(out, 0xaa, sizeof(out));
	assert_int_equal(lease_option_write(&l, out), 8);
	assert_memory_equal(out, short_form, 8);
	assert_int_equal(out[8], 0xaa);
	free(exact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listed),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(llq),
		cmocka_unit_test(lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
