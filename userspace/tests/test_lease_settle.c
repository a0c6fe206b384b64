// SPDX-License-Identifier: GPL-2.0-or-later
/* What others change, and what a restart finds. */
#include "test.h"

#include "lease_case.h"

static const char service[] = "_services._dns-sd._udp.example.com";

/* --- others ------------------------------------------------------------------------- */

static void marker_by_hand(void **state)
{
	struct lease *lease;

	(void)state;
	zadd(world.primary, A, DNS_A, 60, ONE);
	zadd(world.primary, A, DNS_KEY, 60, "key");
	mark(A, DNS_A, ONE, A, true);
	mark(A, DNS_KEY, "key", A, true);
	world_sync(&world);
	lease = lease_at(A, DNS_A, ONE, A);
	assert_non_null(lease);
	assert_true(lease->confirmed && lease->row && lease->rdata);
	assert_int_equal(lease->expiry, world.now + 1000 * WORLD_MAX);
	assert_int_equal(lease_at(A, DNS_KEY, "key", A)->expiry,
			 world.now + 1000 * WORLD_KEY_MAX);
	later(WORLD_MAX);
	assert_false(visible(A, DNS_A, ONE));
	assert_true(visible(A, DNS_KEY, "key"));
}

static void marker_removed(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { ADD, A, DNS_A, TWO }), 0);
	world_sync(&world);
	later(100);
	assert_false(visible(A, DNS_A, ONE));
	mark(A, DNS_A, ONE, A, false);
	world_sync(&world);
	/* It is static now, so shown, and stays. */
	assert_true(visible(A, DNS_A, ONE));
	assert_null(lease_at(A, DNS_A, ONE, A));
	assert_true(world_expire(&world, DNS_MAX, true, true));
	assert_true(at_primary(A, DNS_A, ONE));
	assert_false(at_primary(A, DNS_A, TWO));
}

static void record_removed(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { ADD, A, DNS_A, TWO }), 0);
	world_sync(&world);
	zremove(world.primary, A, DNS_A, ONE);
	world_sync(&world);
	/* What is left of it ends at once. */
	assert_true(lease_at(A, DNS_A, ONE, A)->expired);
	assert_false(lease_at(A, DNS_A, TWO, A)->expired);
	assert_true(world_expire(&world, DNS_MAX, true, true));
	assert_false(marked(world.primary, A, DNS_A, ONE, A));
	assert_true(marked(world.primary, A, DNS_A, TWO, A));
}

/* The record went and came back while it was over: it is hidden again. */
static void record_came_back(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	later(100);
	zremove(world.primary, A, DNS_A, ONE);
	world_sync(&world);
	zadd(world.primary, A, DNS_A, 60, ONE);
	world_sync(&world);
	assert_false(visible(A, DNS_A, ONE));
}

static void strange_markers(void **state)
{
	static const uint8_t other[MARKER_LEN] = { 2, 0, 1 };

	(void)state;
	zadd(world.primary, A, DNS_A, 60, ONE);
	zone_add(world.primary, dn(A), DNS_LEASED, 60, other, MARKER_LEN);
	zone_add(world.primary, dn(A), DNS_LEASED, 60, other, 3);
	world_sync(&world);
	assert_int_equal(leases_count(world.l), 0);
	assert_true(visible(A, DNS_A, ONE));
}

/* --- a host is removed ----------------------------------------------------------------- */

static void unenrolled_by_others(void **state)
{
	static const uint8_t enrolled[18] = { 1, 1 };

	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { ADD, TUNNEL, DNS_A, ONE },
				{ ADD, service, DNS_PTR, "_x._tcp.example.com" }), 0);
	assert_int_equal(update(B, 100, { ADD, B, DNS_A, ONE },
				{ ADD, service, DNS_PTR, "_x._tcp.example.com" }), 0);
	world_sync(&world);
	assert_int_equal(zone_remove(world.primary, dn(A), DNS_ENROLLED, enrolled, 18), 0);
	world_sync(&world);
	assert_false(visible(A, DNS_A, ONE));
	assert_false(visible(TUNNEL, DNS_A, ONE));
	assert_true(visible(B, DNS_A, ONE));
	assert_true(visible(service, DNS_PTR, "_x._tcp.example.com"));
	assert_true(lease_at(service, DNS_PTR, "_x._tcp.example.com", A)->expired);
	assert_false(lease_at(service, DNS_PTR, "_x._tcp.example.com", B)->expired);
}

/* Another generation in one change: it is still the same host. */
static void enrolled_anew(void **state)
{
	static const uint8_t before[18] = { 1, 1 }, after[18] = { 1, 1, 9 };

	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	zone_remove(world.primary, dn(A), DNS_ENROLLED, before, 18);
	zone_add(world.primary, dn(A), DNS_ENROLLED, 300, after, 18);
	world_sync(&world);
	assert_true(visible(A, DNS_A, ONE));
}

/* --- what is newer than the mirror -------------------------------------------------------- */

/* A transfer that was under way when we changed something does not undo it. */
static void late_mirror(void **state)
{
	uint64_t before = world.mark;
	struct lease_owner *o;

	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	o = lease_owner_find(world.z, dn(A));
	lease_owner_unsettle(o, 0, true);
	lease_zone_synced(world.z, before, world.now);
	assert_non_null(lease_at(A, DNS_A, ONE, A));
	assert_true(o->unsettled && o->dirty);
	world_sync(&world);
	assert_non_null(lease_at(A, DNS_A, ONE, A));
	assert_false(o->unsettled || o->dirty);
}

/* An update that nobody knows the end of: the zone tells. */
static void unknown(bool done, bool known_before)
{
	static struct world_job j;
	const struct rights_who who = key_of(A);
	const struct op op = { ADD, A, DNS_A, ONE };
	uint64_t granted = world.now;
	struct update_msg m = { 0 };
	struct req r;
	bool blocked;

	if (known_before) {
		assert_int_equal(update(A, 100, op), 0);
		world_sync(&world);
		later(50);
	}
	request(&r, 100, &op, 1);
	assert_int_equal(world_begin(&world, &j, &who, r.b, r.w.len, &blocked), 0);
	if (done)
		assert_int_equal(primary_update(&world, j.out, j.len), 0);
	world_end(&world, &j, REWRITE_UNKNOWN);
	/* Who comes now has to wait. */
	assert_int_equal(update_parse(r.b, r.w.len, &m), DNS_NOERROR);
	assert_true(rewrite_must_wait(world.z, &m));
	world_sync(&world);
	assert_false(rewrite_must_wait(world.z, &m));
	update_msg_free(&m);
	if (done || known_before) {
		struct lease *lease = lease_at(A, DNS_A, ONE, A);

		assert_true(lease && lease->confirmed && !lease->pending);
		assert_int_equal(lease->expiry, granted + 100000);
	} else {
		assert_int_equal(leases_count(world.l), 0);
		assert_false(world.rows[world.n_rows].used);
	}
}

static void unknown_done(void **state)
{
	(void)state;
	unknown(true, false);
}

static void unknown_not_done(void **state)
{
	(void)state;
	unknown(false, false);
}

static void unknown_refresh(void **state)
{
	(void)state;
	unknown(true, true);
}

static void made_static(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	later(100);
	/* By an administrator, and at the primary nothing but the marker changes. */
	assert_int_equal(update("admin", 0, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	assert_true(visible(A, DNS_A, ONE));
	assert_false(marked(world.primary, A, DNS_A, ONE, A));
	assert_int_equal(leases_count(world.l), 0);
}

/* --- restarts --------------------------------------------------------------------------- */

static void as_before(void **state)
{
	uint64_t expiry;

	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	assert_int_equal(update(A, 300, { ADD, A, DNS_A, TWO }), 0);
	expiry = world.now + 300000;
	world.now += 150000;
	world_start(&world, false);
	/* One is over since, and was never seen to be. */
	assert_false(visible(A, DNS_A, ONE));
	assert_true(visible(A, DNS_A, TWO));
	assert_int_equal(lease_at(A, DNS_A, TWO, A)->expiry, expiry);
	assert_true(world_expire(&world, DNS_MAX, true, true));
	assert_false(at_primary(A, DNS_A, ONE));
}

static void nothing_left(void **state)
{
	(void)state;
	zadd(world.primary, B, DNS_A, 60, ONE);
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world.now += 150000;
	world_start(&world, true);
	assert_true(visible(A, DNS_A, ONE));
	assert_int_equal(leases_deadline(world.l), world.now + 1000 * WORLD_MAX);
	later(WORLD_MAX);
	assert_false(visible(A, DNS_A, ONE));
	assert_true(world_expire(&world, DNS_MAX, true, true));
	assert_false(at_primary(A, DNS_A, ONE));
	assert_true(at_primary(B, DNS_A, ONE));
}

/* Killed behind the intent: what was sent, or was not, is what the zone says. */
static void intent_only(void **state)
{
	static struct world_job j;
	const struct rights_who who = key_of(A);
	const struct op op = { ADD, A, DNS_A, ONE };
	uint64_t granted = world.now;
	struct req r;
	bool blocked;
	int sent;

	(void)state;
	for (sent = 0; sent < 2; sent++) {
		request(&r, 100, &op, 1);
		assert_int_equal(world_begin(&world, &j, &who, r.b, r.w.len, &blocked), 0);
		assert_true(world.rows[world.n_rows].used);
		if (sent)
			assert_int_equal(primary_update(&world, j.out, j.len), 0);
		/* Nobody ends it: what it holds is let go of as a process does. */
		rewrite_free(&j.r);
		update_msg_free(&j.m);
		free(j.locks.waits);
		world_start(&world, false);
		assert_int_equal(leases_count(world.l), sent);
		assert_int_equal(world.rows[world.n_rows].used, sent);
	}
	assert_int_equal(lease_at(A, DNS_A, ONE, A)->expiry, granted + 100000);
}

/* Killed when the primary had deleted it, before that was written down. */
static void deleted_before(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	later(100);
	assert_true(world_expire(&world, DNS_MAX, true, false));
	assert_int_equal(leases_count(world.l), 1);
	world_start(&world, false);
	assert_int_equal(leases_count(world.l), 0);
	assert_false(world.rows[1].used);
}

/* A clock that was set does not make a lease longer than it was granted for. */
static void clock_set(void **state)
{
	struct lease_owner *o;
	struct lease *lease;
	struct marker m = marker_for(DNS_A, ONE, A);

	(void)state;
	o = lease_owner_get(world.z, dn(A));
	lease = lease_get(o, &m, NULL, 0);
	lease_load(lease, world.now, INT64_MAX, 100);
	assert_int_equal(lease->expiry, world.now + 100000);
	lease_load(lease, world.now, INT64_MIN, 100);
	assert_int_equal(lease->expiry, world.now);
	lease_drop(lease);
	lease_owner_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(marker_by_hand, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(marker_removed, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(record_removed, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(record_came_back, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(strange_markers, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(unenrolled_by_others, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(enrolled_anew, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(late_mirror, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(unknown_done, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(unknown_not_done, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(unknown_refresh, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(made_static, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(as_before, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(nothing_left, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(intent_only, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(deleted_before, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(clock_set, case_setup, case_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
