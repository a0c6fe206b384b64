// SPDX-License-Identifier: GPL-2.0-or-later
/* Updates that wait for the primary go to it together, and are answered each for itself. */
#include "test.h"

#include "dnsd_updates.h"

#define HOSTS	80

static const char *host(unsigned int i)
{
	static char name[64];

	snprintf(name, sizeof(name), "host%02u." APEX, i);
	return name;
}

static const char *address(unsigned int i)
{
	static char text[64];

	snprintf(text, sizeof(text), "2001:db8::%x", i + 1);
	return text;
}

static void enroll_all(struct world *w)
{
	unsigned int i;

	for (i = 0; i < HOSTS; i++)
		enroll(w, host(i));
	sync_now(w);
}

/* Of each host one, all at once. Return: the first request's number. */
static unsigned int send_all(struct world *w, unsigned int n)
{
	unsigned int i, first = w->n_requests;

	for (i = 0; i < n; i++)
		assert_int_equal(send_aaaa(w, host(i), address(i), 1800), first + i);
	run(w);
	return first;
}

static void assert_done(struct world *w, unsigned int first, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		assert_rcode(w, first + i, DNS_NOERROR);
		assert_true(w->answers[first + i].has_lease);
		assert_true(visible(w, host(i), DNS_AAAA, address(i)));
	}
	assert_int_equal(leases_of(w), n);
}

/* Two are on their way, so the others are joined; 64 is the most. */
static void test_joined(void **state)
{
	struct world *w = *state;
	unsigned int first;

	enroll_all(w);
	w->mode = PRIMARY_HOLDS;
	first = send_all(w, HOSTS);
	assert_int_equal(w->sent, 2);
	w->mode = PRIMARY_WORKS;
	run(w);
	assert_int_equal(w->sent, 2 + 2);
	assert_done(w, first, HOSTS);

	/* Each lease is its own. */
	first = send_aaaa(w, host(7), address(7), 7200);
	pass(w, 1801 * 1000);
	assert_rcode(w, first, DNS_NOERROR);
	assert_int_equal(leases_of(w), 1);
	assert_int_equal(count_type(w->primary, host(7), DNS_AAAA), 1);
	assert_int_equal(count_type(w->primary, host(8), DNS_AAAA), 0);
}

/* The primary refuses one: it says so of all, and each is tried alone. */
static void test_one_is_refused(void **state)
{
	struct world *w = *state;
	unsigned int first, i;

	enroll_all(w);
	w->mode = PRIMARY_HOLDS;
	first = send_all(w, 20);
	w->hated = "host11";
	w->mode = PRIMARY_WORKS;
	run(w);
	/* Two, eighteen at once, and these again. */
	assert_int_equal(w->sent, 2 + 1 + 18);
	for (i = 0; i < 20; i++)
		assert_rcode(w, first + i, i == 11 ? DNS_SERVFAIL : DNS_NOERROR);
	assert_int_equal(leases_of(w), 19);
	assert_int_equal(count_type(w->primary, host(11), DNS_LEASED), 0);
}

/* RFC 2136 3.2: what is asked of the zone before is asked for one update only. */
static void test_prerequisites_go_alone(void **state)
{
	struct world *w = *state;
	unsigned int i, first;
	struct rq r;

	enroll_all(w);
	w->mode = PRIMARY_HOLDS;
	first = send_all(w, 2);
	for (i = 2; i < 8; i++) {
		rq_begin(&r);
		/* Of every second it does not hold. */
		rq_put(&r, 1, i % 2 ? host(0) : host(i), DNS_TXT, DNS_CLASS_ANY, 0, NULL);
		rq_add(&r, host(i), DNS_AAAA, address(i));
		rq_lease(&r, 1800, 0);
		rq_send(w, &r, who(ROLE_HOST, host(i)));
	}
	assert_int_equal(zadd(w->primary, host(0), DNS_TXT, 60, "there"), 0);
	run(w);
	assert_int_equal(w->sent, 2 + 6);
	w->mode = PRIMARY_WORKS;
	run(w);
	for (i = 2; i < 8; i++)
		assert_rcode(w, first + i, i % 2 ? DNS_NOERROR : DNS_NXRRSET);
}

/* Nobody knows what became of them: nobody is told that all is well. */
static void lost(struct world *w, bool done)
{
	unsigned int first, again, i;

	enroll_all(w);
	w->mode = PRIMARY_HOLDS;
	first = send_all(w, 10);
	/* With the first two goes the connection; the others wait for the next. */
	primary_lose_queue(w);
	update_link_down(w->up, &w->c);
	update_link_up(w->up, &w->c);
	run(w);
	assert_int_equal(w->n_queue, 1);
	if (done) {
		w->mode = PRIMARY_MUTE;
		primary_work(w);
	}
	primary_lose_queue(w);
	w->mode = PRIMARY_DOWN;
	update_link_down(w->up, &w->c);
	run(w);
	for (i = 0; i < 10; i++)
		assert_rcode(w, first + i, DNS_SERVFAIL);

	w->mode = PRIMARY_WORKS;
	update_link_up(w->up, &w->c);
	again = send_all(w, 10);
	for (i = 0; i < 10; i++)
		assert_int_equal(w->answers[again + i].n, 1);
	sync_now(w);
	run(w);
	assert_done(w, again, 10);
}

static void test_lost_and_done(void **state)
{
	lost(*state, true);
}

static void test_lost_and_not_done(void **state)
{
	lost(*state, false);
}

/* The zone goes while they are under way. */
static void test_zone_removed(void **state)
{
	struct world *w = *state;
	unsigned int first, i;

	enroll_all(w);
	w->mode = PRIMARY_HOLDS;
	first = send_all(w, 10);
	update_zone_remove(w->u, w->mirror);
	for (i = 0; i < 10; i++)
		assert_rcode(w, first + i, DNS_SERVFAIL);
	assert_int_equal(w->up->n_sent, 0);
	assert_int_equal(update_zone_add(w->u, w->mirror, w->up, true), 0);
	sync_now(w);
}

/* Killed with a joined message on its way: none is forgotten. */
static void test_killed(void **state)
{
	struct world *w = *state;
	unsigned int i;

	enroll_all(w);
	w->mode = PRIMARY_HOLDS;
	send_all(w, 10);
	w->mode = PRIMARY_MUTE;
	primary_work(w);
	crash(w);
	w->mode = PRIMARY_WORKS;
	sync_now(w);
	run(w);
	for (i = 0; i < 2; i++)
		assert_true(visible(w, host(i), DNS_AAAA, address(i)));
	assert_int_equal(leases_of(w), 2);
	pass(w, 1801 * 1000);
	assert_int_equal(leases_of(w), 0);
	assert_int_equal(count_type(w->primary, host(0), DNS_AAAA), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_joined),
		world_test(test_one_is_refused),
		world_test(test_prerequisites_go_alone),
		world_test(test_lost_and_done),
		world_test(test_lost_and_not_done),
		world_test(test_zone_removed),
		world_test(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
