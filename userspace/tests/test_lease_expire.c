// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "lease_case.h"

static void vanishes_at_once(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { ADD, A, DNS_TXT, "x" }), 0);
	world_sync(&world);
	assert_int_equal(leases_deadline(world.l), world.now + 100000);
	later(99);
	assert_true(visible(A, DNS_A, ONE));
	assert_null(lease_zone_due(world.z));
	later(1);
	assert_false(visible(A, DNS_A, ONE));
	assert_false(visible(A, DNS_TXT, "x"));
	assert_int_equal(lease_zone_expired(world.z), 2);
	assert_int_equal(leases_deadline(world.l), UINT64_MAX);
	/* The primary still has it, until told. */
	assert_true(at_primary(A, DNS_A, ONE));
	assert_true(world_expire(&world, DNS_MAX, true, true));
	assert_false(at_primary(A, DNS_A, ONE));
	assert_false(marked(world.primary, A, DNS_A, ONE, A));
	assert_int_equal(leases_count(world.l), 0);
	assert_null(lease_zone_due(world.z));
	world_sync(&world);
	/* Nothing is left to know about that name. */
	assert_null(lease_owner_find(world.z, dn(A)));
}

static void static_stays(void **state)
{
	(void)state;
	zadd(world.primary, A, DNS_A, 60, TWO);
	world_sync(&world);
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { ADD, A, DNS_A, TWO }), 0);
	world_sync(&world);
	assert_null(lease_at(A, DNS_A, TWO, A));
	later(100);
	while (world_expire(&world, DNS_MAX, true, true))
		world_sync(&world);
	assert_false(at_primary(A, DNS_A, ONE));
	assert_true(at_primary(A, DNS_A, TWO));
	assert_true(visible(A, DNS_A, TWO));
}

/* One record of two holders lives as long as the longer lease. */
static void two_holders(void **state)
{
	static const char service[] = "_services._dns-sd._udp.example.com";

	(void)state;
	assert_int_equal(update(A, 100, { ADD, service, DNS_PTR, "_x._tcp.example.com" }), 0);
	assert_int_equal(update(B, 200, { ADD, service, DNS_PTR, "_x._tcp.example.com" }), 0);
	world_sync(&world);
	later(150);
	assert_true(visible(service, DNS_PTR, "_x._tcp.example.com"));
	assert_true(world_expire(&world, DNS_MAX, true, true));
	world_sync(&world);
	assert_true(at_primary(service, DNS_PTR, "_x._tcp.example.com"));
	assert_false(marked(world.primary, service, DNS_PTR, "_x._tcp.example.com", A));
	assert_true(marked(world.primary, service, DNS_PTR, "_x._tcp.example.com", B));
	later(50);
	assert_false(visible(service, DNS_PTR, "_x._tcp.example.com"));
	assert_true(world_expire(&world, DNS_MAX, true, true));
	assert_false(at_primary(service, DNS_PTR, "_x._tcp.example.com"));
}

static void both_at_once(void **state)
{
	static const char service[] = "_services._dns-sd._udp.example.com";

	(void)state;
	assert_int_equal(update(A, 100, { ADD, service, DNS_PTR, "_x._tcp.example.com" }), 0);
	assert_int_equal(update(B, 100, { ADD, service, DNS_PTR, "_x._tcp.example.com" }), 0);
	world_sync(&world);
	later(100);
	assert_true(world_expire(&world, DNS_MAX, true, true));
	assert_int_equal(primary_count(world.primary, dn(service), DNS_ANY), 0);
	assert_int_equal(leases_count(world.l), 0);
}

/* --- the condition ------------------------------------------------------------------ */

/* Another has written a marker: who deletes does not know all. */
static void condition_fails(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	later(100);
	mark(A, DNS_A, ONE, B, true);
	assert_false(world_expire(&world, DNS_MAX, true, true));
	assert_true(at_primary(A, DNS_A, ONE));
	assert_int_equal(lease_zone_expired(world.z), 1);
	/* When the mirror has it, the other holder keeps the record. */
	world_sync(&world);
	assert_true(visible(A, DNS_A, ONE));
	assert_true(world_expire(&world, DNS_MAX, true, true));
	world_sync(&world);
	assert_true(at_primary(A, DNS_A, ONE));
	assert_false(marked(world.primary, A, DNS_A, ONE, A));
	assert_non_null(lease_at(A, DNS_A, ONE, B));
}

/* What is said to the primary, octet by octet as it reads it. */
static void message(void **state)
{
	struct lease_owner *o;
	struct update_msg m;
	uint8_t out[512];
	size_t n = 1, len;

	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	assert_int_equal(update(A, 200, { ADD, A, DNS_A, TWO }), 0);
	world_sync(&world);
	later(100);
	o = lease_zone_due(world.z);
	assert_true(dname_equal(o->name, dn(A)));
	len = lease_expiry_build(world.z, &o, &n, 0x1234, out, sizeof(out));
	assert_int_equal(n, 1);
	assert_int_equal(dns_id(out), 0x1234);
	assert_int_equal(update_parse(out, len, &m), DNS_NOERROR);
	assert_int_equal(m.n_prereqs, 2);
	assert_int_equal(m.n_rrs, 4);
	assert_true(m.rrs[0].kind == PREREQ_VALUE && m.rrs[0].type == DNS_LEASED);
	assert_true(m.rrs[1].kind == PREREQ_VALUE && m.rrs[1].type == DNS_LEASED);
	assert_true(m.rrs[2].kind == UPDATE_DELETE_RR && m.rrs[2].type == DNS_LEASED);
	assert_true(m.rrs[3].kind == UPDATE_DELETE_RR && m.rrs[3].type == DNS_A);
	assert_memory_equal(m.rrs[3].rdata, ((const uint8_t[]){ 192, 0, 2, 1 }), 4);
	update_msg_free(&m);
	lease_expiry_end(o, false);
	assert_int_equal(o->n_expired, 1);
}

/* --- sizes --------------------------------------------------------------------------- */

static void host(char name[64], int i)
{
	snprintf(name, 64, "host-number-%d.a.example.com", i);
}

/* More names than fit into a message, or can be pointed to in it. */
static void many_names(void **state)
{
	static const size_t sizes[] = { DNS_MAX, 20000, 2000, 300, 180 };
	int i, n = 300;
	size_t s, sent;
	char name[64];

	(void)state;
	for (s = 0; s < N_OF(sizes); s++) {
		for (i = 0; i < n; i++) {
			host(name, i);
			assert_int_equal(update(A, 100, { ADD, name, DNS_A, ONE }), 0);
		}
		world_sync(&world);
		later(100);
		assert_int_equal(lease_zone_expired(world.z), n);
		for (sent = 0; lease_zone_due(world.z); sent++) {
			/* Those of the last message wait for the mirror. */
			if (!world_expire(&world, sizes[s], true, true))
				world_sync(&world);
		}
		world_sync(&world);
		/* As many at a time as there is room for. */
		assert_true(sent <= 64 + (size_t)n * 400 / sizes[s]);
		assert_int_equal(leases_count(world.l), 0);
		assert_int_equal(zone_names(world.primary), 3);
	}
}

/* More of one name than fit. */
static void many_of_one(void **state)
{
	static const size_t sizes[] = { DNS_MAX, 3000, 500, 150 };
	char text[32];
	size_t s, sent;
	int i, n = 300;

	(void)state;
	for (s = 0; s < N_OF(sizes); s++) {
		for (i = 0; i < n; i++) {
			snprintf(text, sizeof(text), "text number %d", i);
			assert_int_equal(update(A, 100, { ADD, A, DNS_TXT, text }), 0);
		}
		world_sync(&world);
		later(100);
		for (sent = 0; lease_zone_due(world.z); sent++) {
			/* Those of the last message wait for the mirror. */
			if (!world_expire(&world, sizes[s], true, true))
				world_sync(&world);
		}
		world_sync(&world);
		assert_true(sent <= 10 + 6 * (size_t)n * 100 / sizes[s]);
		assert_int_equal(leases_count(world.l), 0);
		assert_int_equal(primary_count(world.primary, dn(A), DNS_ANY), 1);
	}
}

/* No room for even one: nothing is sent, and nothing is forgotten. */
static void too_small(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	later(100);
	assert_false(world_expire(&world, 70, true, true));
	assert_false(world_expire(&world, 20, true, true));
	assert_int_equal(lease_zone_expired(world.z), 1);
	assert_false(lease_at(A, DNS_A, ONE, A)->leaving);
	world_sync(&world);
	assert_true(world_expire(&world, 200, true, true));
}

/* --- refreshed meanwhile ---------------------------------------------------------------- */

static void refreshed_when_over(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	later(110);
	assert_false(visible(A, DNS_A, ONE));
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	/* Before the mirror could know. */
	assert_true(visible(A, DNS_A, ONE));
	assert_null(lease_zone_due(world.z));
	assert_int_equal(lease_at(A, DNS_A, ONE, A)->expiry, world.now + 100000);
}

/* The refresh is under way when the time is over: it gets a moment. */
static void refreshed_in_time(void **state)
{
	static struct world_job j;
	const struct rights_who who = key_of(A);
	const struct op op = { ADD, A, DNS_A, ONE };
	struct req r;
	bool blocked;
	int i;

	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	for (i = 0; i < 2; i++) {
		later(99);
		request(&r, 100, &op, 1);
		assert_int_equal(world_begin(&world, &j, &who, r.b, r.w.len, &blocked), 0);
		later(1);
		assert_true(visible(A, DNS_A, ONE));
		assert_int_equal(leases_deadline(world.l), world.now + LEASE_GRACE);
		/* The second time, the primary takes too long. */
		later(i ? LEASE_GRACE / 1000 : 1);
		assert_int_equal(visible(A, DNS_A, ONE), !i);
		/* It is not deleted while somebody works there. */
		assert_false(world_expire(&world, DNS_MAX, true, true));
		assert_int_equal(primary_update(&world, j.out, j.len), 0);
		world_end(&world, &j, REWRITE_DONE);
		assert_true(visible(A, DNS_A, ONE));
		world_sync(&world);
	}
	later(99);
	assert_true(visible(A, DNS_A, ONE));
}

static void refresh_failed(void **state)
{
	static struct world_job j;
	const struct rights_who who = key_of(A);
	const struct op op = { ADD, A, DNS_A, ONE };
	struct req r;
	bool blocked;

	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	later(99);
	request(&r, 100, &op, 1);
	assert_int_equal(world_begin(&world, &j, &who, r.b, r.w.len, &blocked), 0);
	later(2);
	assert_true(visible(A, DNS_A, ONE));
	world_end(&world, &j, REWRITE_NOT_DONE);
	later(0);
	assert_false(visible(A, DNS_A, ONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(vanishes_at_once, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(static_stays, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(two_holders, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(both_at_once, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(condition_fails, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(message, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(many_names, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(many_of_one, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(too_small, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(refreshed_when_over, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(refreshed_in_time, case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(refresh_failed, case_setup, case_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
