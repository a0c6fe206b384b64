// SPDX-License-Identifier: GPL-2.0-or-later
/* The data base is found to be damaged by a commit: it is begun anew, from memory. */
#include "test.h"

#include "../btmm-dnsd/lease_writer.h"

static bool spoiled_result(struct lease_writer *w, int *ret, struct lease_batch *b);

/* The engine's commits, with results of ours. */
#define lease_writer_result spoiled_result
#include "../btmm-dnsd/update_commit.c"
#undef lease_writer_result

#include "dnsd_updates.h"

static unsigned int spoil;	/* results to be spoiled */

static bool spoiled_result(struct lease_writer *w, int *ret, struct lease_batch *b)
{
	struct lease_batch none = { 0 }, all = { 0 };
	uint64_t row;

	if (!lease_writer_result(w, ret, b))
		return false;
	if (!spoil)
		return true;
	spoil--;
	/* The new file holds nothing. */
	for (row = 1; row < 100; row++)
		lease_batch_forget(&all, row);
	lease_batch_forget_repeats(&all, 100);
	assert_int_equal(lease_db_commit(lease_writer_db(w), &all, &none, true), 0);
	lease_batch_clear(&all);
	*ret = -EUCLEAN;
	return true;
}

static void check_restart(struct world *w, unsigned int mac, const struct rq *r)
{
	unsigned int n;

	/* All leases, and as long as they were; all answers. */
	crash(w);
	sync_now(w);
	assert_int_equal(leases_of(w), 2);
	n = rq_repeat(w, r, who(ROLE_HOST, HOST_B), mac);
	assert_rcode(w, n, DNS_NOERROR);
	pass(w, 1801 * 1000);
	assert_int_equal(leases_of(w), 0);
	assert_int_equal(count_type(w->primary, HOST_A, DNS_AAAA), 0);
	assert_int_equal(count_type(w->primary, HOST_B, DNS_AAAA), 0);
}

/* Who waited for an intent waits for the next commit. */
static void test_of_an_intent(void **state)
{
	struct world *w = *state;
	unsigned int n, times;
	struct rq r;

	for (times = 1; times < 3; times++) {
		send_aaaa(w, HOST_A, "2001:db8::1", 1800);
		run(w);
		rq_begin(&r);
		rq_add(&r, HOST_B, DNS_AAAA, "2001:db8::2");
		rq_lease(&r, 1800, 0);
		spoil = times;
		n = rq_repeat(w, &r, who(ROLE_HOST, HOST_B), times);
		run(w);
		assert_int_equal(spoil, 0);
		assert_rcode(w, n, DNS_NOERROR);
		check_restart(w, times, &r);
	}
}

static void test_of_an_outcome(void **state)
{
	struct world *w = *state;
	unsigned int n;
	struct rq r;

	send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	rq_begin(&r);
	rq_add(&r, HOST_B, DNS_AAAA, "2001:db8::2");
	rq_lease(&r, 1800, 0);
	w->mode = PRIMARY_HOLDS;
	n = rq_repeat(w, &r, who(ROLE_HOST, HOST_B), 7);
	run(w);
	spoil = 1;
	w->mode = PRIMARY_WORKS;
	run(w);
	assert_int_equal(spoil, 0);
	assert_rcode(w, n, DNS_NOERROR);
	check_restart(w, 7, &r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_of_an_intent),
		world_test(test_of_an_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
