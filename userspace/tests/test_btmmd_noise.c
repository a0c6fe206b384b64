// SPDX-License-Identifier: GPL-2.0-or-later
/* A flood is one line now and then, which says how much there was. */
#include "test.h"

#include <limits.h>

#include "../btmmd/noise.h"

static void counted(void **state)
{
	struct noise_count c = { 0 };
	unsigned int i;

	(void)state;
	assert_int_equal(noise_due(&c, 5), 1);
	for (i = 0; i < 1000; i++)
		assert_int_equal(noise_due(&c, 5 + i), 0);
	assert_int_equal(noise_due(&c, 4 + NOISE_PERIOD), 0);
	assert_int_equal(noise_due(&c, 5 + NOISE_PERIOD), 1002);
	assert_int_equal(noise_due(&c, 6 + NOISE_PERIOD), 0);
	c.n = UINT_MAX;
	assert_int_equal(noise_due(&c, 6 + 2 * (uint64_t)NOISE_PERIOD), UINT_MAX);
	/* Each period of silence forgets what there was. */
	assert_int_equal(noise_due(&c, 7 + 3 * (uint64_t)NOISE_PERIOD), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counted) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
