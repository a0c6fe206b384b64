// SPDX-License-Identifier: GPL-2.0-or-later
/* Leases that end: hidden at once, deleted at the primary, unless a refresh wins. */
#include "test.h"

#include "dnsd_updates.h"

#define ADDRESS	"2001:db8::1"

static void test_expiry(void **state)
{
	struct update_zone_stats s;
	struct world *w = *state;
	uint64_t granted;

	assert_int_equal(zadd(w->primary, HOST_A, DNS_A, 60, "192.0.2.1"), 0);
	sync_now(w);
	send_aaaa(w, HOST_A, ADDRESS, 1800);
	run(w);
	granted = w->c.now;
	assert_int_equal(update_zone_stats(w->u, w->mirror, &s), 0);
	assert_int_equal(s.next_expiry, granted + 1800 * 1000);
	w->told = (struct told){ 0 };

	pass(w, 1800 * 1000 - 1);
	assert_true(visible(w, HOST_A, DNS_AAAA, ADDRESS));
	w->mode = PRIMARY_HOLDS;
	pass(w, 1);
	assert_told(&w->told, "- " HOST_A ". 28 120 16\n");
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	assert_int_equal(update_zone_stats(w->u, w->mirror, &s), 0);
	assert_int_equal(s.expired, 1);
	assert_int_equal(s.next_expiry, UINT64_MAX);

	w->mode = PRIMARY_WORKS;
	run(w);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	assert_int_equal(count_type(w->primary, HOST_A, DNS_LEASED), 0);
	assert_int_equal(leases_of(w), 0);
	assert_told(&w->told, "");
	/* What is static stays. */
	assert_true(visible(w, HOST_A, DNS_A, "192.0.2.1"));
	assert_int_equal(count_type(w->primary, HOST_A, DNS_ENROLLED), 1);
	assert_true(update_deadline(w->u) > w->c.now);
	pass(w, 10000);
	assert_int_equal(w->u->n_requests, 0);
	crash(w);
	sync_now(w);
	assert_int_equal(leases_of(w), 0);
}

/* Also over a restart, and as long as the front-end was down. */
static void test_expiry_while_down(void **state)
{
	struct world *w = *state;

	send_aaaa(w, HOST_A, ADDRESS, 1800);
	send_aaaa(w, HOST_B, "2001:db8::2", 3600);
	run(w);
	w->c.now = 5;
	w->c.wall += 2000;
	w->mode = PRIMARY_HOLDS;
	crash(w);
	assert_told(&w->told, "");
	sync_now(w);
	/* Hidden before anybody could see it. */
	assert_false(visible(w, HOST_A, DNS_AAAA, ADDRESS));
	assert_true(visible(w, HOST_B, DNS_AAAA, "2001:db8::2"));
	w->mode = PRIMARY_WORKS;
	run(w);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	pass(w, 1601 * 1000);
	assert_false(zhas(w->primary, HOST_B, DNS_AAAA, "2001:db8::2"));
}

/*
 * The system's clock is set, by a day in either direction, while the front-end runs and while
 * it does not: what was granted has as long to go as before, neither more nor less.
 */
static void test_clock_is_set(void **state)
{
	static const int64_t by[] = { 86400, -86400, -86400, 3600 };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < N_OF(by); i++) {
		send_aaaa(w, HOST_A, ADDRESS, 1800);
		run(w);
		pass(w, 600 * 1000);
		w->c.wall += (uint64_t)by[i];
		/* Granted by the new time, beside one of the old */
		if (i % 2)
			send_aaaa(w, HOST_B, "2001:db8::2", 1800);
		run(w);
		crash(w);
		sync_now(w);
		run(w);
		assert_int_equal(leases_of(w), i % 2 ? 2 : 1);
		/* And once more, when nobody looks */
		w->c.wall -= (uint64_t)(by[i] / 2);
		crash(w);
		sync_now(w);
		run(w);
		pass(w, 1198 * 1000);
		assert_true(visible(w, HOST_A, DNS_AAAA, ADDRESS));
		pass(w, 4 * 1000);
		assert_false(visible(w, HOST_A, DNS_AAAA, ADDRESS));
		assert_int_equal(visible(w, HOST_B, DNS_AAAA, "2001:db8::2"), i % 2);
		pass(w, 600 * 1000);
		run(w);
		assert_int_equal(leases_of(w), 0);
	}
}

/* A refresh that is under way when the lease ends. */
static void test_refresh_in_time(void **state)
{
	struct world *w = *state;
	unsigned int n;

	send_aaaa(w, HOST_A, ADDRESS, 1800);
	run(w);
	w->told = (struct told){ 0 };
	pass(w, 1799 * 1000);
	w->mode = PRIMARY_HOLDS;
	n = send_aaaa(w, HOST_A, ADDRESS, 1800);
	pass(w, 2500);
	/* A little grace, for what may be true already. */
	assert_told(&w->told, "");
	w->mode = PRIMARY_WORKS;
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_told(&w->told, "");
	pass(w, 1799 * 1000);
	assert_true(visible(w, HOST_A, DNS_AAAA, ADDRESS));
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
}

/* A refresh that comes when the deletion is under way waits for it, and wins. */
static void test_refresh_behind_expiry(void **state)
{
	struct world *w = *state;
	unsigned int n;

	send_aaaa(w, HOST_A, ADDRESS, 1800);
	run(w);
	w->mode = PRIMARY_HOLDS;
	pass(w, 1800 * 1000);
	assert_int_equal(w->n_queue, 1);
	n = send_aaaa(w, HOST_A, ADDRESS, 1800);
	run(w);
	assert_int_equal(w->n_queue, 1);
	w->mode = PRIMARY_WORKS;
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	assert_true(visible(w, HOST_A, DNS_AAAA, ADDRESS));
	assert_int_equal(leases_of(w), 1);
	pass(w, 1799 * 1000);
	assert_true(visible(w, HOST_A, DNS_AAAA, ADDRESS));
}

/* An update is under way at the name, of another record: the deletion comes behind it. */
static void test_expiry_behind_update(void **state)
{
	struct world *w = *state;
	unsigned int n;
	struct rq r;

	send_aaaa(w, HOST_A, ADDRESS, 1800);
	run(w);
	pass(w, 1799 * 1000);
	w->mode = PRIMARY_HOLDS;
	rq_begin(&r);
	rq_add(&r, HOST_A, DNS_A, "192.0.2.1");
	rq_lease(&r, 1800, 0);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	pass(w, 3000);
	assert_false(visible(w, HOST_A, DNS_AAAA, ADDRESS));
	assert_int_equal(w->n_queue, 1);
	/* Done; but on what condition it can be deleted only the mirror can say. */
	w->mode = PRIMARY_WORKS;
	w->synchronous = false;
	pass(w, 1500);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(w->sent, 2);
	w->synchronous = true;
	pass(w, 1500);
	assert_int_equal(w->sent, 3);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	assert_true(visible(w, HOST_A, DNS_A, "192.0.2.1"));
}

/* The deletion is lost, done or not; a refresh comes meanwhile. */
static void test_expiry_lost(void **state)
{
	struct world *w = *state;
	unsigned int n, done;

	for (done = 0; done < 2; done++) {
		w->mode = PRIMARY_WORKS;
		n = send_aaaa(w, HOST_A, ADDRESS, 1800);
		run(w);
		assert_rcode(w, n, DNS_NOERROR);
		w->mode = done ? PRIMARY_MUTE : PRIMARY_DEAF;
		pass(w, 1800 * 1000);
		w->mode = PRIMARY_DOWN;
		update_link_down(w->up, &w->c);
		run(w);
		n = send_aaaa(w, HOST_A, ADDRESS, 1800);
		run(w);
		w->mode = PRIMARY_WORKS;
		update_link_up(w->up, &w->c);
		run(w);
		assert_rcode(w, n, DNS_NOERROR);
		pass(w, 60000);
		assert_true(visible(w, HOST_A, DNS_AAAA, ADDRESS));
		assert_true(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
		assert_int_equal(leases_of(w), 1);
		pass(w, 1800 * 1000);
		assert_int_equal(leases_of(w), 0);
		assert_false(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	}
}

/* The primary is down when leases end: hidden, and deleted within seconds of its return. */
static void test_expiry_primary_down(void **state)
{
	struct world *w = *state;

	send_aaaa(w, HOST_A, ADDRESS, 1800);
	run(w);
	w->mode = PRIMARY_DOWN;
	update_link_down(w->up, &w->c);
	pass(w, 1900 * 1000);
	assert_false(visible(w, HOST_A, DNS_AAAA, ADDRESS));
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	w->mode = PRIMARY_WORKS;
	update_link_up(w->up, &w->c);
	pass(w, 2000);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	assert_int_equal(leases_of(w), 0);
}

/* Another front-end, or nsupdate, changed the markers there: not deleted on old news. */
static void test_condition_fails(void **state)
{
	uint8_t marker[MARKER_LEN];
	struct marker m = { .type = DNS_AAAA };
	struct world *w = *state;
	uint8_t rd[RDATA_TEXT_MAX];
	unsigned int sent;
	uint64_t mark;

	/* A neighbour's lease ends in the same message, and must not be held up. */
	send_aaaa(w, HOST_A, ADDRESS, 1800);
	send_aaaa(w, HOST_B, "2001:db8::2", 1800);
	run(w);
	w->synchronous = false;
	rdata(DNS_AAAA, ADDRESS, rd);
	marker_record_hash(DNS_AAAA, rd, 16, m.record);
	marker_holder_hash(dn("other." APEX), m.holder);
	marker_write(&m, marker);
	assert_int_equal(zone_add(w->primary, dn(HOST_A), DNS_LEASED, MARKER_TTL, marker,
				  MARKER_LEN), 0);
	w->poked = false;
	mark = update_mark(w->u);
	pass(w, 1801 * 1000);
	assert_true(w->poked);
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	/* A transfer asked for before that may be as old as the mirror. */
	sent = w->sent;
	sync_marked(w, mark);
	pass(w, 1500);
	assert_int_equal(w->sent, sent);
	w->poked = true;
	w->synchronous = true;
	pass(w, 3000);
	/* The other's marker keeps the record for one longest lease. */
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	assert_true(visible(w, HOST_A, DNS_AAAA, ADDRESS));
	assert_false(zhas(w->primary, HOST_B, DNS_AAAA, "2001:db8::2"));
	assert_int_equal(leases_of(w), 1);
	pass(w, 7200 * 1000);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));

}

static void lease_many(struct world *w, unsigned int n)
{
	unsigned int i;
	char text[64];
	struct rq r;

	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "p%u.%s", i, HOST_A);
		rq_begin(&r);
		rq_add(&r, text, DNS_AAAA, ADDRESS);
		rq_lease(&r, 1800, 0);
		rq_send(w, &r, who(ROLE_HOST, HOST_A));
		run(w);
	}
	assert_int_equal(leases_of(w), n);
}

/* Of many, one that the primary refuses holds up nobody. */
static void test_one_of_many_fails(void **state)
{
	struct world *w = *state;

	lease_many(w, 20);
	w->hated = "\002p7";
	pass(w, 1805 * 1000);
	assert_int_equal(leases_of(w), 1);
	assert_true(zhas(w->primary, "p7." HOST_A, DNS_AAAA, ADDRESS));
	assert_false(visible(w, "p7." HOST_A, DNS_AAAA, ADDRESS));
	w->hated = NULL;
	pass(w, 2000);
	assert_int_equal(leases_of(w), 0);
}

/* Many at once: a few messages, none of them too large. */
static void test_many(void **state)
{
	struct world *w = *state;
	unsigned int sent;

	lease_many(w, 300);
	sent = w->sent;
	pass(w, 1801 * 1000);
	assert_int_equal(leases_of(w), 0);
	assert_true(w->sent - sent <= 12);
	pass(w, 5000);
	assert_true(update_deadline(w->u) == UINT64_MAX);
}

/* The data base is lost: what is marked gets one longest lease, the rest stays. */
static void test_lost_data_base(void **state)
{
	struct world *w = *state;
	unsigned int n;

	assert_int_equal(zadd(w->primary, HOST_A, DNS_A, 60, "192.0.2.1"), 0);
	sync_now(w);
	send_aaaa(w, HOST_A, ADDRESS, 1800);
	send_aaaa(w, HOST_B, "2001:db8::2", 1800);
	run(w);
	engine_free(w);
	w->generation++;
	engine_new(w);
	sync_now(w);
	assert_int_equal(leases_of(w), 2);
	pass(w, 7000 * 1000);
	n = send_aaaa(w, HOST_B, "2001:db8::2", 1800);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	pass(w, 201 * 1000);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
	assert_true(zhas(w->primary, HOST_A, DNS_A, "192.0.2.1"));
	assert_true(visible(w, HOST_B, DNS_AAAA, "2001:db8::2"));
}

/* Two hold the same record: it stays as long as one of them does. */
static void test_two_holders(void **state)
{
	struct world *w = *state;
	unsigned int n;
	struct rq r;

	rq_begin(&r);
	rq_add(&r, "_ssh._tcp." APEX, DNS_PTR, HOST_A);
	rq_lease(&r, 1800, 0);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	rq_begin(&r);
	rq_add(&r, "_ssh._tcp." APEX, DNS_PTR, HOST_A);
	rq_lease(&r, 3600, 0);
	n = rq_send(w, &r, who(ROLE_ACCOUNT, "_account." APEX));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(count_type(w->primary, "_ssh._tcp." APEX, DNS_LEASED), 2);
	pass(w, 1801 * 1000);
	assert_true(visible(w, "_ssh._tcp." APEX, DNS_PTR, HOST_A));
	assert_int_equal(count_type(w->primary, "_ssh._tcp." APEX, DNS_LEASED), 1);
	pass(w, 1800 * 1000);
	assert_false(zhas(w->primary, "_ssh._tcp." APEX, DNS_PTR, HOST_A));
}

/* A host is removed: what it held goes with it, what it still asks for is refused. */
static void test_host_removed(void **state)
{
	struct world *w = *state;
	unsigned int n, late;
	struct rq r;

	send_aaaa(w, HOST_A, ADDRESS, 7200);
	rq_begin(&r);
	rq_add(&r, "_ssh._tcp." APEX, DNS_PTR, HOST_A);
	rq_lease(&r, 7200, 0);
	rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_int_equal(leases_of(w), 2);

	rq_begin(&r);
	rq_del_set(&r, HOST_A, DNS_ENROLLED);
	n = rq_send(w, &r, who(ROLE_ACCOUNT, "_account." APEX));
	late = send_aaaa(w, HOST_A, "2001:db8::9", 7200);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_rcode(w, late, DNS_REFUSED);
	pass(w, 5000);
	assert_int_equal(leases_of(w), 0);
	assert_int_equal(count_type(w->primary, HOST_A, DNS_AAAA), 0);
	assert_int_equal(count_type(w->primary, "_ssh._tcp." APEX, DNS_PTR), 0);

	/* Removed straight at the primary. */
	send_aaaa(w, HOST_B, "2001:db8::2", 7200);
	run(w);
	assert_int_equal(zremove(w->primary, HOST_B, DNS_ENROLLED, "generation"), 0);
	sync_now(w);
	pass(w, 5000);
	assert_int_equal(count_type(w->primary, HOST_B, DNS_AAAA), 0);
}

/* The primary does not let us: said once, tried again, for as long as it takes. */
static void test_not_allowed(void **state)
{
	struct world *w = *state;
	unsigned int sent;

	send_aaaa(w, HOST_A, ADDRESS, 1800);
	run(w);
	w->mode = PRIMARY_SAYS;
	w->rcode = DNS_REFUSED;
	sent = w->sent;
	pass(w, 1850 * 1000);
	assert_int_equal(w->logs, 1);
	assert_true(w->sent - sent <= 55 && w->sent - sent >= 40);
	assert_false(visible(w, HOST_A, DNS_AAAA, ADDRESS));
	w->mode = PRIMARY_WORKS;
	pass(w, 2000);
	assert_int_equal(leases_of(w), 0);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, ADDRESS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_expiry),
		world_test(test_expiry_while_down),
		world_test(test_clock_is_set),
		world_test(test_refresh_in_time),
		world_test(test_refresh_behind_expiry),
		world_test(test_expiry_behind_update),
		world_test(test_expiry_lost),
		world_test(test_expiry_primary_down),
		world_test(test_condition_fails),
		world_test(test_one_of_many_fails),
		world_test(test_many),
		world_test(test_lost_data_base),
		world_test(test_two_holders),
		world_test(test_host_removed),
		world_test(test_not_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
