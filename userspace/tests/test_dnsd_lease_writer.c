// SPDX-License-Identifier: GPL-2.0-or-later
/* Who writes leases to the disk, while others go on or in line. */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>

#include "../btmm-dnsd/lease_writer.h"
#include "lease_db_world.h"

static void wait_result(struct lease_writer *w, int wanted, size_t left)
{
	struct lease_batch b;
	int ret = 1;

	if (lease_writer_fd(w) >= 0) {
		struct pollfd p = { .fd = lease_writer_fd(w), .events = POLLIN };

		/* Or it is there already. */
		while (!lease_writer_result(w, &ret, &b))
			assert_int_equal(poll(&p, 1, 30000), 1);
	} else {
		assert_true(lease_writer_result(w, &ret, &b));
	}
	assert_int_equal(ret, wanted);
	assert_int_equal(b.n, left);
	lease_batch_clear(&b);
	assert_true(lease_writer_idle(w));
	assert_false(lease_writer_result(w, &ret, &b));
}

static void writers(void **state)
{
	static const enum lease_writer_mode modes[] = { WRITER_INLINE, WRITER_THREAD,
							WRITER_AUTO };
	size_t i, m;

	(void)state;
	for (m = 0; m < N_OF(modes); m++) {
		struct lease_writer *w = lease_writer_new(db, modes[m]);

		assert_non_null(w);
		assert_int_equal(lease_writer_fd(w) < 0, modes[m] == WRITER_INLINE);
		for (i = 0; i < 50; i++) {
			struct lease_batch a = { 0 }, b = { 0 };

			put(&a, 100 * m + 2 * i + 1, apex, WALL);
			put(&b, 100 * m + 2 * i + 2, apex, WALL);
			lease_writer_submit(w, &a, &b, true);
			assert_int_equal(a.n + b.n, 0);
			assert_false(lease_writer_idle(w));
			wait_result(w, 0, 1);
			lease_writer_tidy(w);
		}
		lease_writer_wait(w);
		assert_ptr_equal(lease_writer_db(w), db);
		assert_int_equal(in_zone(apex).n, 100 * (m + 1));
		lease_writer_free(w);
		db = NULL;
		open_db();
	}
	assert_int_equal(in_zone(apex).n, 300);
}

/* A commit that comes while the log is tidied is not lost. */
static void while_it_tidies(void **state)
{
	struct lease_writer *w;
	uint64_t row = 10000;
	int i;

	(void)state;
	w = lease_writer_new(db, WRITER_THREAD);
	assert_non_null(w);
	for (i = 0; i < 4; i++) {
		struct lease_batch a = { 0 }, b = { 0 };
		int k;

		/* Enough for the log to be untidy each time. */
		for (k = 0; k < 16000; k++)
			put(&a, ++row, apex, WALL);
		lease_writer_submit(w, &a, &b, true);
		wait_result(w, 0, 0);
		lease_writer_tidy(w);
		/* Sooner or later in its work. */
		for (k = 0; k < 300 * i; k++)
			sched_yield();
		put(&a, ++row, apex, WALL);
		lease_writer_submit(w, &a, &b, true);
		wait_result(w, 0, 0);
	}
	lease_writer_wait(w);
	assert_int_equal(in_zone(apex).n, row - 10000);
	lease_writer_free(w);
	db = NULL;
}

/* What it was given last is written before it goes. */
static void freed_at_work(void **state)
{
	struct lease_writer *w = lease_writer_new(db, WRITER_THREAD);
	struct lease_batch a = { 0 }, b = { 0 };

	(void)state;
	put(&a, 1, apex, WALL);
	lease_writer_submit(w, &a, &b, true);
	lease_writer_free(w);
	open_db();
	assert_int_equal(in_zone(apex).n, 1);
}

static void writer_fails(void **state)
{
	struct lease_writer *w;
	struct lease_batch a = { 0 }, b = { 0 };

	(void)state;
	w = lease_writer_new(db, WRITER_THREAD);
	put(&a, 1, apex, WALL);
	put(&b, 2, apex, WALL);
	put(&b, 3, apex, WALL);
	a.failed = true;
	lease_writer_submit(w, &a, &b, true);
	/* The second is given back: it must be written some time. */
	wait_result(w, -ENOMEM, 2);
	assert_int_equal(in_zone(apex).n, 0);
	lease_writer_free(w);
	db = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(writers), CASE(while_it_tidies), CASE(freed_at_work), CASE(writer_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
