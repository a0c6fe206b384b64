// SPDX-License-Identifier: GPL-2.0-or-later
/* Primaries that are down, answers that are lost, disks that are full. */
#include "test.h"

#include <signal.h>
#include <sys/resource.h>

#include "dnsd_updates.h"

static void test_down_before(void **state)
{
	struct world *w = *state;
	unsigned int n;

	w->mode = PRIMARY_DOWN;
	update_link_down(w->up, &w->c);
	n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	pass(w, 4900);
	assert_false(answered(w, n));
	pass(w, 200);
	assert_rcode(w, n, DNS_SERVFAIL);
	assert_false(w->answers[n].has_lease);
	assert_int_equal(leases_of(w), 0);
	assert_int_equal(w->sent, 0);

	/* It comes back in time for the next. */
	n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	pass(w, 3000);
	w->mode = PRIMARY_WORKS;
	update_link_up(w->up, &w->c);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(w->sent, 1);
	assert_true(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));
}

/* Sent, then the connection is gone: done or not, success is not claimed. */
static void lost(struct world *w, bool done)
{
	unsigned int n, again;

	w->mode = PRIMARY_HOLDS;
	n = send_aaaa(w, HOST_A, "2001:db8::1", 3600);
	run(w);
	assert_int_equal(w->n_queue, 1);
	if (done) {
		w->mode = PRIMARY_MUTE;
		primary_work(w);
	}
	w->mode = PRIMARY_DOWN;
	primary_lose_queue(w);
	update_link_down(w->up, &w->c);
	run(w);
	assert_rcode(w, n, DNS_SERVFAIL);
	assert_int_equal(w->pokes, 1);

	/* The next at this name waits for the mirror to say what there is. */
	again = send_aaaa(w, HOST_A, "2001:db8::2", 1800);
	run(w);
	w->mode = PRIMARY_WORKS;
	update_link_up(w->up, &w->c);
	run(w);
	assert_rcode(w, again, DNS_NOERROR);
	assert_int_equal(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"), done);
	assert_int_equal(leases_of(w), 1 + done);

	/* What was done all the same lasts as long as it was asked for. */
	pass(w, 3500 * 1000);
	assert_int_equal(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"), done);
	assert_false(visible(w, HOST_A, DNS_AAAA, "2001:db8::2"));
	pass(w, 100 * 1000);
	assert_false(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));
	assert_int_equal(count_type(w->primary, HOST_A, DNS_AAAA), 0);
	assert_int_equal(count_type(w->primary, HOST_A, DNS_LEASED), 0);
	assert_int_equal(leases_of(w), 0);
}

static void test_lost_and_done(void **state)
{
	lost(*state, true);
}

static void test_lost_and_not_done(void **state)
{
	lost(*state, false);
}

/* A transfer that was asked for before it cannot tell what became of it. */
static void test_stale_transfer(void **state)
{
	struct world *w = *state;
	unsigned int n, again;
	uint64_t mark;

	mark = update_mark(w->u);
	w->mode = PRIMARY_MUTE;
	n = send_aaaa(w, HOST_A, "2001:db8::1", 3600);
	w->synchronous = false;
	run(w);
	update_link_down(w->up, &w->c);
	run(w);
	assert_rcode(w, n, DNS_SERVFAIL);
	w->mode = PRIMARY_WORKS;
	again = send_aaaa(w, HOST_A, "2001:db8::2", 1800);
	run(w);
	sync_marked(w, mark);
	run(w);
	assert_false(answered(w, again));
	sync_now(w);
	run(w);
	assert_rcode(w, again, DNS_NOERROR);
}

static void test_mute(void **state)
{
	struct update_stats s;
	struct world *w = *state;
	unsigned int n;

	w->mode = PRIMARY_MUTE;
	n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	pass(w, 4900);
	assert_false(answered(w, n));
	assert_int_equal(w->resets, 0);
	pass(w, 200);
	assert_rcode(w, n, DNS_SERVFAIL);
	assert_int_equal(w->resets, 1);
	update_stats(w->u, &s);
	assert_int_equal(s.timed_out, 1);
	/* It was done after all: the mirror says so, and the lease runs. */
	assert_true(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));
	assert_int_equal(leases_of(w), 1);
	pass(w, 1800 * 1000);
	assert_false(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));
}

static void test_unsigned_answer(void **state)
{
	struct world *w = *state;
	unsigned int n;

	w->mode = PRIMARY_UNSIGNED;
	n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	assert_rcode(w, n, DNS_SERVFAIL);
	assert_int_equal(w->logs, 1);
	assert_int_equal(leases_of(w), 1);
}

static void test_stray_answers(void **state)
{
	uint8_t msg[DNS_HEADER] = { 0x12, 0x34, 0xa8 };
	struct world *w = *state;
	unsigned int n;

	update_link_input(w->up, msg, sizeof(msg), &w->c);
	update_link_input(w->up, msg, 3, &w->c);
	msg[2] = 0x28;
	update_link_input(w->up, msg, sizeof(msg), &w->c);
	w->mode = PRIMARY_HOLDS;
	n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	/* Not an answer to an update. */
	memcpy(msg, w->queue[0].msg, 2);
	msg[2] = 0x80;
	update_link_input(w->up, msg, sizeof(msg), &w->c);
	assert_false(answered(w, n));
	w->mode = PRIMARY_WORKS;
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
}

static void test_rcodes(void **state)
{
	static const struct {
		uint8_t primary, client;
		bool logged;
	} cases[] = {
		{ DNS_SERVFAIL, DNS_SERVFAIL, false },
		{ DNS_REFUSED, DNS_SERVFAIL, true },
		{ DNS_NOTAUTH, DNS_SERVFAIL, true },
		{ DNS_NOTIMP, DNS_SERVFAIL, true },
		{ DNS_FORMERR, DNS_FORMERR, false },
		{ DNS_YXDOMAIN, DNS_YXDOMAIN, false },
	};
	struct world *w = *state;
	unsigned int n, i;

	for (i = 0; i < N_OF(cases); i++) {
		w->logs = 0;
		w->mode = PRIMARY_SAYS;
		w->rcode = cases[i].primary;
		n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
		run(w);
		assert_rcode(w, n, cases[i].client);
		assert_int_equal(w->logs, cases[i].logged);
		assert_int_equal(leases_of(w), 0);
		pass(w, 2000);
	}
}

/* Before the zone's first transfer nobody knows what is leased. */
static void test_not_loaded(void **state)
{
	struct world *w = *state;
	unsigned int n;

	send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	w->synchronous = false;
	crash(w);
	n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	assert_true(w->poked);
	pass(w, 3000);
	assert_false(answered(w, n));
	sync_now(w);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);

	crash(w);
	n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	pass(w, 5000);
	assert_rcode(w, n, DNS_SERVFAIL);
}

static void test_waits_too_long_for_a_name(void **state)
{
	struct world *w = *state;
	unsigned int a, b;
	struct rq r;

	w->mode = PRIMARY_HOLDS;
	w->synchronous = false;
	a = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	pass(w, 2000);
	rq_begin(&r);
	rq_del_set(&r, HOST_A, DNS_AAAA);
	b = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	pass(w, 3000);
	assert_rcode(w, a, DNS_SERVFAIL);
	/* Has its name now, but nobody knows what is there. */
	assert_false(answered(w, b));
	pass(w, 2000);
	assert_rcode(w, b, DNS_SERVFAIL);
	assert_int_equal(w->u->n_requests, 0);
}

/* Who waited for a name gets it when there is no time left. */
static void test_too_late_for_both(void **state)
{
	struct world *w = *state;
	unsigned int n[3], i;
	struct rq r;

	w->mode = PRIMARY_DEAF;
	w->synchronous = false;
	send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	update_link_down(w->up, &w->c);
	rq_begin(&r);
	rq_del_set(&r, HOST_A, DNS_AAAA);
	for (i = 0; i < N_OF(n); i++)
		n[i] = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	pass(w, 5000);
	for (i = 0; i < N_OF(n); i++)
		assert_rcode(w, n[i], DNS_SERVFAIL);
	assert_int_equal(w->u->n_requests, 0);
}

/* --- the disk ---------------------------------------------------------------------- */

static void limit_files(bool limit)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = limit ? 4096 : r.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void test_disk_full(void **state)
{
	struct update_stats s;
	struct world *w = *state;
	unsigned int n, a;

	send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	signal(SIGXFSZ, SIG_IGN);

	/* The intent cannot be written: nothing is done. */
	limit_files(true);
	n = send_aaaa(w, HOST_A, "2001:db8::2", 1800);
	run(w);
	limit_files(false);
	assert_rcode(w, n, DNS_SERVFAIL);
	assert_int_equal(w->sent, 1);
	assert_int_equal(leases_of(w), 1);
	update_stats(w->u, &s);
	assert_int_equal(s.commits_failed, 1);
	assert_int_equal(w->logs, 1);

	/* It was done, but that cannot be written. */
	w->mode = PRIMARY_HOLDS;
	a = send_aaaa(w, HOST_A, "2001:db8::3", 1800);
	run(w);
	w->mode = PRIMARY_WORKS;
	limit_files(true);
	run(w);
	limit_files(false);
	assert_rcode(w, a, DNS_SERVFAIL);
	assert_int_equal(leases_of(w), 2);
	assert_true(visible(w, HOST_A, DNS_AAAA, "2001:db8::3"));

	/* What was not written is, later. */
	pass(w, 2000);
	n = send_aaaa(w, HOST_A, "2001:db8::4", 1800);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	crash(w);
	sync_now(w);
	assert_int_equal(leases_of(w), 3);
	pass(w, 1790 * 1000);
	assert_true(visible(w, HOST_A, DNS_AAAA, "2001:db8::3"));
	pass(w, 11 * 1000);
	assert_int_equal(leases_of(w), 0);
	assert_int_equal(count_type(w->primary, HOST_A, DNS_AAAA), 0);
}

/* The file is gone bad under us. */
static void test_disk_damaged(void **state)
{
	struct world *w = *state;
	char junk[4096 * 3];
	unsigned int n;
	int fd;

	memset(junk, 0x55, sizeof(junk));
	send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	pass(w, 900 * 1000);
	engine_free(w);
	fd = open(w->path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	close(fd);
	w->logs = 0;
	engine_new(w);
	assert_int_equal(w->logs, 1);
	assert_non_null(strstr(w->log, "damaged"));
	sync_now(w);

	/* One longest lease, and on it goes. */
	assert_int_equal(leases_of(w), 1);
	assert_true(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));
	n = send_aaaa(w, HOST_B, "2001:db8::2", 1800);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	pass(w, 7190 * 1000);
	assert_true(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));
	pass(w, 15 * 1000);
	assert_int_equal(leases_of(w), 0);
	assert_int_equal(count_type(w->primary, HOST_A, DNS_AAAA), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_down_before),
		world_test(test_lost_and_done),
		world_test(test_lost_and_not_done),
		world_test(test_stale_transfer),
		world_test(test_mute),
		world_test(test_unsigned_answer),
		world_test(test_stray_answers),
		world_test(test_rcodes),
		world_test(test_not_loaded),
		world_test(test_waits_too_long_for_a_name),
		world_test(test_too_late_for_both),
		world_test(test_disk_full),
		world_test(test_disk_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
