// SPDX-License-Identifier: GPL-2.0-or-later
/* Who repeats a request gets the answer it had; it is not done again. */
#include "test.h"

#include "dnsd_updates.h"

#define MAC	77

static void make_add(struct rq *r, const char *address)
{
	rq_begin(r);
	rq_add(r, HOST_A, DNS_AAAA, address);
	rq_lease(r, 3000, 0);
}

static void make_delete(struct rq *r)
{
	rq_begin(r);
	rq_del_set(r, HOST_A, DNS_AAAA);
}

static void test_same_answer(void **state)
{
	struct identity id = who(ROLE_HOST, HOST_A);
	struct world *w = *state;
	unsigned int n, sent;
	struct rq r, d;

	make_add(&r, "2001:db8::1");
	make_delete(&d);
	rq_repeat(w, &r, id, MAC);
	run(w);
	rq_send(w, &d, id);
	run(w);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::1"));

	/* It would bring the record back. */
	sent = w->sent;
	n = rq_repeat(w, &r, id, MAC);
	assert_rcode(w, n, DNS_NOERROR);
	assert_true(w->answers[n].has_lease);
	assert_int_equal(w->answers[n].lease.lease, 3000);
	run(w);
	assert_int_equal(w->sent, sent);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::1"));

	/* Another key's MAC may be the same; another MAC is another request. */
	id.tag++;
	n = rq_repeat(w, &r, id, MAC);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(w->sent, sent + 1);
}

static void test_while_it_works(void **state)
{
	struct identity id = who(ROLE_HOST, HOST_A);
	struct world *w = *state;
	unsigned int n, again[3], i;
	struct rq r;

	make_add(&r, "2001:db8::1");
	n = rq_repeat(w, &r, id, MAC);
	again[0] = rq_repeat(w, &r, id, MAC);		/* not yet written down */
	w->mode = PRIMARY_HOLDS;
	run(w);
	again[1] = rq_repeat(w, &r, id, MAC);		/* sent */
	w->mode = PRIMARY_WORKS;
	w->synchronous = false;
	assert_true(primary_work(w));
	again[2] = rq_repeat(w, &r, id, MAC);		/* done, not written down */
	assert_false(answered(w, n));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	for (i = 0; i < N_OF(again); i++) {
		assert_int_equal(w->answers[again[i]].n, 1);
		assert_true(w->answers[again[i]].none);
	}
	assert_int_equal(w->sent, 1);
}

/* Also what was refused is not done later, when it might be allowed. */
static void test_refused_stays_refused(void **state)
{
	struct identity a = who(ROLE_HOST, HOST_A), b = who(ROLE_HOST, HOST_B);
	struct world *w = *state;
	unsigned int n;
	struct rq r;

	rq_begin(&r);
	rq_add(&r, "autotunnel-1." APEX, DNS_AAAA, "2001:db8::1");
	rq_lease(&r, 1800, 0);
	rq_send(w, &r, b);
	run(w);
	n = rq_repeat(w, &r, a, MAC);
	assert_rcode(w, n, DNS_REFUSED);
	rq_begin(&r);
	rq_del_set(&r, "autotunnel-1." APEX, DNS_AAAA);
	rq_send(w, &r, b);
	run(w);

	rq_begin(&r);
	rq_add(&r, "autotunnel-1." APEX, DNS_AAAA, "2001:db8::1");
	rq_lease(&r, 1800, 0);
	n = rq_repeat(w, &r, a, MAC);
	assert_rcode(w, n, DNS_REFUSED);
	n = rq_send(w, &r, a);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
}

static void test_prerequisite_failed(void **state)
{
	struct identity id = who(ROLE_HOST, HOST_A);
	struct world *w = *state;
	unsigned int n;
	struct rq r;

	rq_begin(&r);
	rq_put(&r, 1, HOST_A, DNS_A, DNS_CLASS_ANY, 0, NULL);
	rq_add(&r, HOST_A, DNS_AAAA, "2001:db8::1");
	rq_lease(&r, 1800, 0);
	rq_repeat(w, &r, id, MAC);
	run(w);
	assert_int_equal(zadd(w->primary, HOST_A, DNS_A, 60, "192.0.2.1"), 0);
	crash(w);
	sync_now(w);
	n = rq_repeat(w, &r, id, MAC);
	assert_rcode(w, n, DNS_NXRRSET);
	assert_true(w->answers[n].has_opt);
	n = rq_send(w, &r, id);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
}

static void test_after_restart(void **state)
{
	struct identity id = who(ROLE_HOST, HOST_A);
	struct world *w = *state;
	unsigned int n, i, sent;
	struct rq r, d;

	make_add(&r, "2001:db8::1");
	make_delete(&d);
	rq_repeat(w, &r, id, MAC);
	run(w);
	rq_send(w, &d, id);
	run(w);
	sent = w->sent;
	for (i = 0; i < 4; i++) {
		if (i & 1)
			crash(w);
		else
			restart(w);
		sync_now(w);
		n = rq_repeat(w, &r, id, MAC);
		assert_rcode(w, n, DNS_NOERROR);
		assert_true(w->answers[n].has_lease);
		assert_int_equal(w->answers[n].lease.lease, 3000);
		assert_int_equal(w->sent, sent);
	}
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::1"));
}

/* Killed while it was on its way: whatever became of it, it is not done again. */
static void test_killed_on_its_way(void **state)
{
	static const enum primary_mode modes[] = { PRIMARY_MUTE, PRIMARY_DEAF };
	struct identity id = who(ROLE_HOST, HOST_A);
	struct world *w = *state;
	unsigned int n, i, sent;
	struct rq r;

	for (i = 0; i < N_OF(modes); i++) {
		make_add(&r, i ? "2001:db8::2" : "2001:db8::1");
		w->mode = modes[i];
		rq_repeat(w, &r, id, MAC + i);
		run(w);
		sent = w->sent;
		crash(w);
		w->mode = PRIMARY_WORKS;
		sync_now(w);
		n = rq_repeat(w, &r, id, MAC + i);
		assert_rcode(w, n, DNS_SERVFAIL);
		run(w);
		assert_int_equal(w->sent, sent);
	}
	assert_int_equal(leases_of(w), 1);
	assert_true(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));

	/* Killed before it was written down: nobody knows of it, it can come again. */
	make_add(&r, "2001:db8::3");
	rq_repeat(w, &r, id, MAC + 9);
	crash(w);
	sync_now(w);
	n = rq_repeat(w, &r, id, MAC + 9);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
}

/* Only as long as its signature could be believed. */
static void test_forgotten_in_time(void **state)
{
	struct identity id = who(ROLE_HOST, HOST_A);
	struct world *w = *state;
	unsigned int n, i, sent;
	struct rq r;

	make_add(&r, "2001:db8::1");
	rq_repeat(w, &r, id, MAC);
	for (i = 0; i < 100; i++)
		rq_repeat(w, &r, id, MAC + 1000 + i);
	run(w);
	sent = w->sent;
	pass(w, (REPEAT_TIME - 1) * 1000);
	n = rq_repeat(w, &r, id, MAC);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(w->sent, sent);
	pass(w, 1000);
	assert_int_equal(repeats_count(w->u->repeats), 101);

	/* With the next commit, also in the data base. */
	n = rq_repeat(w, &r, id, MAC + 5000);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(repeats_count(w->u->repeats), 1);
	pass(w, 1000);
	crash(w);
	assert_int_equal(repeats_count(w->u->repeats), 1);
}

/* When there are too many, the oldest are forgotten; what might be one is not done. */
static void test_too_many(void **state)
{
	struct identity id = who(ROLE_HOST, HOST_A);
	struct world *w = *state;
	unsigned int n, i, sent;
	struct rq r;

	engine_free(w);
	w->generation++;
	w->limits.repeats = 8;
	engine_new(w);
	sync_now(w);
	make_add(&r, "2001:db8::1");
	for (i = 0; i < 10; i++) {
		rq_repeat(w, &r, id, MAC + i);
		pass(w, 1000);
	}
	sent = w->sent;
	assert_int_equal(repeats_count(w->u->repeats), 8);
	n = rq_repeat(w, &r, id, MAC + 9);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(w->sent, sent);
	/* Signed when it was signed first. */
	w->signed_at = w->c.wall - 10;
	n = rq_repeat(w, &r, id, MAC);
	assert_rcode(w, n, DNS_SERVFAIL);
	assert_int_equal(w->sent, sent);
	w->signed_at = 0;
	n = rq_repeat(w, &r, id, MAC + 100);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
}

/* Whatever its sender allows: not longer than it is remembered. */
static void test_too_old(void **state)
{
	static const struct {
		int age;
		uint8_t rcode;
	} cases[] = {
		{ 301, DNS_NOTAUTH }, { 300, DNS_NOERROR }, { -300, DNS_NOERROR },
		{ -301, DNS_NOTAUTH },
	};
	struct identity id = who(ROLE_HOST, HOST_A);
	struct world *w = *state;
	unsigned int n, i;
	struct rq r;

	make_add(&r, "2001:db8::1");
	for (i = 0; i < N_OF(cases); i++) {
		w->signed_at = w->c.wall - (uint64_t)cases[i].age;
		n = rq_repeat(w, &r, id, MAC + i);
		run(w);
		assert_rcode(w, n, cases[i].rcode);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_same_answer),
		world_test(test_while_it_works),
		world_test(test_refused_stays_refused),
		world_test(test_prerequisite_failed),
		world_test(test_after_restart),
		world_test(test_killed_on_its_way),
		world_test(test_forgotten_in_time),
		world_test(test_too_many),
		world_test(test_too_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
