// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "upnp_world.h"

static void igd1(void **state)
{
	(void)state;
	start((struct igd){ .version = 1 });
	exchange();
	/* Found, and its address; the mapping waits for quicker protocols. */
	assert_int_equal(upnp_version(w.u), 1);
	assert_true(ipv4_equal(upnp_address(w.u), outer));
	not_mapped(UPNP_R_ASKING);
	upnp_go(w.u, w.now);
	exchange();
	mapped(4500, outer);
	assert_true(mapping().verified);
	assert_false(mapping().permanent);
	assert_int_equal(w.igd.asked_lease, 3600);
	assert_int_equal(w.igd.n[UPNP_ADD_ANY], 0);
	assert_true(upnp_changed(w.u));
	assert_false(upnp_changed(w.u));

	/* Refreshed at half life */
	assert_in_range(upnp_deadline(w.u) - w.now, 1799 * SECONDS, 1800 * SECONDS);
	run_for(24 * HOURS);
	mapped(4500, outer);
	assert_false(upnp_changed(w.u));
	assert_in_range(w.igd.n[UPNP_ADD], 48, 50);
	assert_in_range(w.igd.n[UPNP_ADDRESS], 48, 50);
	assert_int_equal(w.igd.n[UPNP_DISCOVER], 1);
	finish();
}

static void igd2(void **state)
{
	(void)state;
	start((struct igd){ .version = 2 });
	igd_put(4500, 4500, tablet, 0);
	run_for(600);
	mapped(4501, outer);
	assert_int_equal(w.igd.n[UPNP_ADD_ANY], 1);
	assert_int_equal(w.igd.n[UPNP_ADD], 0);
	/* The same port is asked for again. */
	run_for(1800 * SECONDS);
	mapped(4501, outer);
	assert_int_equal(w.igd.n[UPNP_ADD], 1);
	assert_int_equal(igd_has(laptop), 1);
	finish();

	/* One that says 2 and is 1 */
	start((struct igd){ .version = 2, .no_any = true });
	run_for(600);
	mapped(4500, outer);
	finish();
}

static void conflicts(void **state)
{
	uint16_t port;

	(void)state;
	start((struct igd){ .version = 1 });
	igd_put(4500, 4500, tablet, 0);
	igd_put(4501, 4500, tablet, 0);
	run_for(600);
	mapped(4502, outer);
	assert_int_equal(w.igd.n[UPNP_GET], 1);
	finish();

	/* Nine of them: then one by chance */
	start((struct igd){ .version = 1 });
	for (port = 4500; port < 4509; port++)
		igd_put(port, 4500, tablet, 0);
	run_for(600);
	assert_in_range(mapping().external, 10000, 59999);
	finish();

	/* All of them: an end to it */
	start((struct igd){ .version = 1, .add_error = UPNP_OTHER_MECHANISM });
	run_for(60 * SECONDS);
	not_mapped(UPNP_R_CONFLICT);
	assert_int_equal(w.igd.n[UPNP_ADD], 16);
	w.igd.add_error = 0;
	run_for(1800 * SECONDS);
	mapped(4500, outer);
	finish();

	/* A box that overwrites what it should not, and says so when asked */
	start((struct igd){ .version = 1, .forgets = true });
	igd_put(4500, 4500, laptop, 0);
	igd_find(4500)->internal = 80;
	w.igd.maps[0].client = tablet;
	w.igd.maps[0].external = 0;
	run_for(600);
	not_mapped(UPNP_R_BROKEN);
	assert_int_equal(w.igd.n[UPNP_ADD], 2);
	finish();

	/* Port 65535 has none after it. */
	prepare((struct igd){ .version = 1 });
	assert_int_equal(upnp_map(w.u, 4500, 65535, w.now), 0);
	igd_put(65535, 4500, tablet, 0);
	run_for(600);
	assert_in_range(mapping().external, 10000, 59999);
	finish();
}

static void not_ours(void **state)
{
	(void)state;
	/* The entry is another's when it is looked at; it is left alone. */
	start((struct igd){ .version = 1 });
	run_for(600);
	mapped(4500, outer);
	igd_put(4500, 4500, tablet, 0);
	upnp_check(w.u, w.now);
	exchange();
	mapped(4501, outer);
	/* Disabled; or for another port */
	igd_find(4501)->disabled = true;
	w.igd.maps[1].client = laptop;
	upnp_check(w.u, w.now);
	exchange();
	mapped(4502, outer);
	igd_find(4502)->internal = 80;
	upnp_check(w.u, w.now);
	exchange();
	mapped(4503, outer);
	assert_int_equal(w.igd.n[UPNP_DELETE], 0);
	finish();
}

static void permanent(void **state)
{
	static const uint16_t errors[] = { 0, UPNP_INVALID_ARGS, UPNP_ACTION_FAILED };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(errors); i++) {
		start((struct igd){
			.version = 1, .only_permanent = true, .lease_error = errors[i],
		});
		run_for(600);
		mapped(4500, outer);
		assert_true(mapping().permanent);
		assert_int_equal(w.igd.asked_lease, 0);
		/* Refreshed all the same */
		run_for(1801 * SECONDS);
		assert_int_equal(w.igd.n[UPNP_ADD], 3);
		mapped(4500, outer);
		upnp_stop(w.u, w.now);
		exchange();
		assert_true(upnp_stopped(w.u));
		assert_int_equal(igd_has(laptop), 0);
		finish();
	}
	/* 501 whatever is asked: that was not it. */
	start((struct igd){ .version = 1, .add_error = UPNP_ACTION_FAILED });
	run_for(600);
	not_mapped(UPNP_R_BROKEN);
	assert_int_equal(w.igd.n[UPNP_ADD], 2);
	w.igd.add_error = 0;
	run_for(1800 * SECONDS);
	mapped(4500, outer);
	assert_int_equal(w.igd.asked_lease, 3600);
	finish();
}

static void same_port(void **state)
{
	(void)state;
	prepare((struct igd){ .version = 1, .same_port = true });
	assert_int_equal(upnp_map(w.u, 4500, 4600, w.now), 0);
	run_for(600);
	mapped(4500, outer);
	finish();
	/* Somebody has just that one. */
	start((struct igd){ .version = 1, .add_error = UPNP_SAME_PORT });
	run_for(600);
	not_mapped(UPNP_R_BROKEN);
	finish();
}

static void refused(void **state)
{
	static const struct {
		uint16_t error;
		enum upnp_reason why;
		unsigned int wait;
	} cases[] = {
		{ UPNP_NOT_AUTHORIZED, UPNP_R_REFUSED, 1800 },
		{ UPNP_NO_PORTS, UPNP_R_FULL, 30 },
		{ UPNP_EXTERNAL_WILDCARD, UPNP_R_BROKEN, 1800 },
		{ 899, UPNP_R_BROKEN, 1800 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		start((struct igd){ .version = 1, .add_error = cases[i].error });
		run_for(600);
		not_mapped(cases[i].why);
		assert_in_range(upnp_deadline(w.u) - w.now, cases[i].wait * SECONDS - 200,
				cases[i].wait * SECONDS);
		w.igd.add_error = 0;
		run_for(cases[i].wait * SECONDS);
		mapped(4500, outer);
		/* At a refresh: what there is runs out. */
		w.igd.add_error = cases[i].error;
		run_for(1801 * SECONDS);
		assert_int_equal(mapping().external, 4500);
		assert_true(mapping().doubtful);
		run_for(1800 * SECONDS);
		not_mapped(cases[i].why);
		finish();
	}
}

static void leases(void **state)
{
	(void)state;
	start((struct igd){ .version = 1, .lease_max = 60 });
	run_for(600);
	assert_in_range(mapping().expires - w.now, 58 * SECONDS, 60 * SECONDS);
	run_for(10 * MINUTES);
	mapped(4500, outer);
	assert_in_range(w.igd.n[UPNP_ADD], 19, 24);
	finish();

	/* As short as can be: not more often than every four seconds */
	start((struct igd){ .version = 1, .lease_max = 2 });
	run_for(60 * SECONDS);
	assert_in_range(w.igd.n[UPNP_ADD], 10, 16);
	finish();
}

static void unverified(void **state)
{
	(void)state;
	start((struct igd){ .version = 1, .no_get = true });
	run_for(600);
	mapped(4500, outer);
	assert_false(mapping().verified);
	finish();
}

static void nobody(void **state)
{
	(void)state;
	start((struct igd){ .version = 0 });
	exchange();
	assert_int_equal(w.igd.n[UPNP_DISCOVER], 3);
	assert_int_equal(w.igd.timeouts[2], 500);
	assert_int_equal(w.igd.timeouts[0], 3000);
	not_mapped(UPNP_R_NONE);
	run_for(59 * SECONDS);
	assert_int_equal(w.igd.n[UPNP_DISCOVER], 3);
	run_for(24 * HOURS);
	assert_in_range(w.igd.n[UPNP_DISCOVER], 3 * 84, 3 * 92);
	w.igd.version = 1;
	upnp_check(w.u, w.now);
	exchange();
	mapped(4500, outer);
	finish();

	start((struct igd){ .version = 2, .foreign = true });
	exchange();
	not_mapped(UPNP_R_FOREIGN);
	assert_int_equal(upnp_version(w.u), 0);
	assert_int_equal(w.igd.n[UPNP_DISCOVER], 3);
	assert_int_equal(w.igd.n[UPNP_ADD_ANY], 0);
	finish();
}

/* As miniupnpd does that has a private address outside */
static void no_address_no_mapping(void **state)
{
	(void)state;
	start((struct igd){ .version = 2, .add_error = UPNP_ACTION_FAILED });
	memset(&w.igd.address, 0, 4);
	run_for(600);
	not_mapped(UPNP_R_NO_ADDRESS);
	w.igd.add_error = 0;
	w.igd.address = outer;
	run_for(31 * SECONDS);
	mapped(4500, outer);
	finish();
}

static void external_addresses(void **state)
{
	(void)state;
	start((struct igd){ .version = 1 });
	memset(&w.igd.address, 0, 4);
	run_for(600);
	assert_int_equal(mapping().external, 4500);
	assert_int_equal(mapping().reason, UPNP_R_NO_ADDRESS);
	w.igd.address_error = UPNP_ACTION_FAILED;
	run_for(31 * SECONDS);
	assert_int_equal(w.igd.n[UPNP_ADDRESS], 2);
	w.igd.address_error = 0;
	w.igd.address = outer2;
	run_for(61 * SECONDS);
	mapped(4500, outer2);
	assert_true(upnp_changed(w.u));
	/* It changes: seen when somebody has reason to look */
	w.igd.address = outer;
	upnp_check(w.u, w.now);
	exchange();
	mapped(4500, outer);
	assert_true(upnp_changed(w.u));
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(igd1),
		cmocka_unit_test(igd2),
		cmocka_unit_test(conflicts),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(permanent),
		cmocka_unit_test(same_port),
		cmocka_unit_test(refused),
		cmocka_unit_test(leases),
		cmocka_unit_test(unverified),
		cmocka_unit_test(nobody),
		cmocka_unit_test(no_address_no_mapping),
		cmocka_unit_test(external_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
