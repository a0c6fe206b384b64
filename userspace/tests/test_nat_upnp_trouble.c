// SPDX-License-Identifier: GPL-2.0-or-later
/* UPnP when something goes wrong, and when it ends. */
#include "test.h"

#include <errno.h>

#include "upnp_world.h"

static void yields(void **state)
{
	(void)state;
	/* Before ours is asked for */
	start((struct igd){ .version = 1 });
	exchange();
	upnp_yield(w.u, 4500, 4500, w.now);
	upnp_yield(w.u, 9, 9, w.now);
	run_for(600);
	not_mapped(UPNP_R_YIELDED);
	assert_int_equal(w.igd.n[UPNP_ADD], 0);
	upnp_go(w.u, w.now);
	exchange();
	assert_int_equal(w.igd.n[UPNP_ADD], 0);
	/* ... until the other is gone */
	upnp_yield(w.u, 4500, 0, w.now);
	exchange();
	mapped(4500, outer);
	/* Now ours is there, and has the same port: it is the other's now. */
	upnp_yield(w.u, 4500, 4500, w.now);
	exchange();
	not_mapped(UPNP_R_YIELDED);
	assert_int_equal(w.igd.n[UPNP_DELETE], 0);
	upnp_yield(w.u, 4500, 0, w.now);
	exchange();
	mapped(4500, outer);
	/* Another one: ours is taken back. */
	upnp_yield(w.u, 4500, 4600, w.now);
	exchange();
	assert_int_equal(w.igd.n[UPNP_DELETE], 1);
	assert_int_equal(igd_has(laptop), 0);
	/* Nothing is left to do at the end. */
	upnp_stop(w.u, w.now);
	assert_true(upnp_stopped(w.u));
	finish();
}

/* All is well without: whether there is UPnP is found out, and not more. */
static void yields_for_good(void **state)
{
	(void)state;
	start((struct igd){ .version = 0 });
	upnp_yield(w.u, 4500, 4500, w.now);
	run_for(24 * HOURS);
	assert_int_equal(w.igd.n[UPNP_DISCOVER], 3);
	upnp_yield(w.u, 4500, 0, w.now);
	w.igd.version = 1;
	run_for(10 * SECONDS);
	mapped(4500, outer);
	finish();
}

/* While a request is out */
static void yields_late(void **state)
{
	static const uint16_t ports[] = { 4500, 4600 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(ports); i++) {
		start((struct igd){ .version = 2 });
		exchange();
		w.now += 500;
		assert_true(upnp_output(w.u, w.now, &w.request));
		upnp_yield(w.u, 4500, ports[i], w.now);
		assert_false(upnp_output(w.u, w.now, &w.request));
		child(&w.request, &w.response);
		assert_true(upnp_input(w.u, w.now, &w.response));
		exchange();
		not_mapped(UPNP_R_YIELDED);
		assert_int_equal(w.igd.n[UPNP_DELETE], i);
		finish();
	}
	/* It failed anyway. */
	start((struct igd){ .version = 2, .add_error = UPNP_NOT_AUTHORIZED });
	exchange();
	w.now += 500;
	assert_true(upnp_output(w.u, w.now, &w.request));
	upnp_unmap(w.u, 4500, w.now);
	child(&w.request, &w.response);
	assert_true(upnp_input(w.u, w.now, &w.response));
	exchange();
	assert_int_equal(w.igd.n[UPNP_DELETE], 0);
	upnp_stop(w.u, w.now);
	assert_true(upnp_stopped(w.u));
	finish();
}

static void gateway_reboots(void **state)
{
	(void)state;
	start((struct igd){ .version = 1 });
	run_for(600);
	mapped(4500, outer);
	/* HTTP is down, and comes back without our mapping. */
	memset(w.igd.maps, 0, sizeof(w.igd.maps));
	w.igd.down = true;
	upnp_check(w.u, w.now);
	run_for(3 * SECONDS);
	assert_int_equal(mapping().external, 4500);
	assert_true(mapping().doubtful);
	assert_int_equal(mapping().reason, UPNP_R_FAILED);
	run_for(30 * SECONDS);
	w.igd.down = false;
	run_for(90 * SECONDS);
	mapped(4500, outer);
	assert_int_equal(igd_has(laptop), 1);

	/* Gone for good: it ends with its lease. */
	w.igd.down = true;
	run_for(2 * HOURS);
	assert_int_equal(mapping().external, 0);
	assert_int_equal(upnp_version(w.u), 0);
	finish();
}

static void lost_entry(void **state)
{
	(void)state;
	/* Somebody deleted it by hand. */
	start((struct igd){ .version = 1 });
	run_for(600);
	memset(w.igd.maps, 0, sizeof(w.igd.maps));
	upnp_check(w.u, w.now);
	exchange();
	mapped(4500, outer);
	assert_int_equal(igd_has(laptop), 1);
	/* The gateway's answers get lost once between ADD and GET. */
	memset(w.igd.maps, 0, sizeof(w.igd.maps));
	finish();

	start((struct igd){ .version = 1 });
	exchange();
	w.now += 500;
	assert_true(upnp_output(w.u, w.now, &w.request));
	assert_int_equal(w.request.op, UPNP_ADD);
	child(&w.request, &w.response);
	w.response.status = UPNP_FAILED;
	assert_true(upnp_input(w.u, w.now, &w.response));
	run_for(2 * SECONDS);
	mapped(4500, outer);
	finish();

	start((struct igd){ .version = 1 });
	exchange();
	w.now += 500;
	assert_true(upnp_output(w.u, w.now, &w.request));
	child(&w.request, &w.response);
	assert_true(upnp_input(w.u, w.now, &w.response));
	assert_true(upnp_output(w.u, w.now, &w.request));
	assert_int_equal(w.request.op, UPNP_GET);
	child(&w.request, &w.response);
	w.response.status = UPNP_FAILED;
	assert_true(upnp_input(w.u, w.now, &w.response));
	mapped(4500, outer);
	assert_false(mapping().verified);
	finish();
}

static void refreshed(struct igd igd)
{
	prepare_refreshed(igd, 120);
	assert_int_equal(upnp_map(w.u, 4500, 0, w.now), 0);
	run_for(10 * MINUTES);
	mapped(4500, outer);
	upnp_changed(w.u);
	memset(w.igd.n, 0, sizeof(w.igd.n));
}

/* It is asked every now and then, and made anew only as often as the lease wants. */
static void refreshes(void **state)
{
	(void)state;
	refreshed((struct igd){ .version = 2 });
	run_for(24 * HOURS);
	mapped(4500, outer);
	assert_false(upnp_changed(w.u));
	assert_in_range(w.igd.n[UPNP_ADD] + w.igd.n[UPNP_ADD_ANY], 47, 50);
	assert_in_range(w.igd.n[UPNP_GET], 700, 740);
	assert_in_range(w.igd.n[UPNP_ADDRESS], 47, 50);
	assert_int_equal(w.igd.n[UPNP_DISCOVER], 0);

	/* Deleted by somebody; then it is somebody's. */
	memset(w.igd.maps, 0, sizeof(w.igd.maps));
	run_for(121 * SECONDS);
	mapped(4500, outer);
	assert_int_equal(igd_has(laptop), 1);
	memset(w.igd.maps, 0, sizeof(w.igd.maps));
	igd_put(4500, 4500, tablet, 0);
	run_for(121 * SECONDS);
	mapped(4501, outer);
	assert_true(igd_find(4500) && ipv4_equal(igd_find(4500)->client, tablet));
	finish();

	/* Who cannot be asked is told again. */
	refreshed((struct igd){ .version = 1, .no_get = true });
	memset(w.igd.maps, 0, sizeof(w.igd.maps));
	run_for(121 * SECONDS);
	mapped(4500, outer);
	assert_int_equal(igd_has(laptop), 1);
	finish();

	/* The lease is shorter than two questions are apart. */
	refreshed((struct igd){ .version = 1, .lease_max = 60 });
	run_for(10 * MINUTES);
	mapped(4500, outer);
	assert_in_range(w.igd.n[UPNP_ADD], 19, 21);
	finish();
}

/* A device that was there is looked for often, when it is not any more. */
static void device_returns(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		refreshed((struct igd){ .version = 1 });
		w.igd.down = true;
		run_for(i ? 200 * SECONDS : 2 * HOURS);
		memset(w.igd.maps, 0, sizeof(w.igd.maps));
		w.igd.down = false;
		if (i) {
			run_for(90 * SECONDS);
		} else {
			/* ... or when somebody says so */
			upnp_check(w.u, w.now);
			run_for(1 * SECONDS);
		}
		mapped(4500, outer);
		assert_int_equal(igd_has(laptop), 1);
		finish();
	}
}

static void broken(void **state)
{
	(void)state;
	/* AddAnyPortMapping without a port; responses that are not to what is out */
	start((struct igd){ .version = 2 });
	exchange();
	assert_false(upnp_input(w.u, w.now, &w.response));
	w.now += 500;
	assert_true(upnp_output(w.u, w.now, &w.request));
	child(&w.request, &w.response);
	w.response.id++;
	assert_false(upnp_input(w.u, w.now, &w.response));
	w.response.id--;
	w.response.op = UPNP_GET;
	assert_false(upnp_input(w.u, w.now, &w.response));
	w.response.op = UPNP_ADD_ANY;
	w.response.external = 0;
	assert_true(upnp_input(w.u, w.now, &w.response));
	exchange();
	not_mapped(UPNP_R_BROKEN);
	finish();

	/* A device without a version is none. */
	start((struct igd){ .version = 2 });
	assert_true(upnp_output(w.u, w.now, &w.request));
	child(&w.request, &w.response);
	w.response.version = 0;
	assert_true(upnp_input(w.u, w.now, &w.response));
	assert_int_equal(upnp_version(w.u), 0);
	finish();
}

static void child_dies(void **state)
{
	(void)state;
	start((struct igd){ .version = 1 });
	w.child_hangs = true;
	run_for(29 * SECONDS);
	assert_false(upnp_stuck(w.u));
	run_for(2 * SECONDS);
	assert_true(upnp_stuck(w.u));
	assert_false(upnp_stuck(w.u));
	assert_true(upnp_deadline(w.u) == UINT64_MAX);
	upnp_lost(w.u, w.now);
	not_mapped(UPNP_R_FAILED);
	w.child_hangs = false;
	run_for(2 * SECONDS);
	mapped(4500, outer);
	/* One that dies holding a mapping: the gateway has it still. */
	upnp_lost(w.u, w.now);
	assert_int_equal(mapping().external, 4500);
	assert_true(mapping().doubtful);
	run_for(5 * SECONDS);
	mapped(4500, outer);
	/* Stop: the next child deletes it. */
	upnp_stop(w.u, w.now);
	w.child_hangs = true;
	exchange();
	upnp_lost(w.u, w.now);
	assert_false(upnp_stopped(w.u));
	w.child_hangs = false;
	exchange();
	assert_true(upnp_stopped(w.u));
	assert_int_equal(igd_has(laptop), 0);
	finish();

	/* No child lives: an end to it */
	start((struct igd){ .version = 1 });
	run_for(600);
	upnp_stop(w.u, w.now);
	w.child_hangs = true;
	exchange();
	upnp_lost(w.u, w.now);
	exchange();
	upnp_lost(w.u, w.now);
	exchange();
	upnp_lost(w.u, w.now);
	assert_true(upnp_stopped(w.u));
	finish();
}

static void ends(void **state)
{
	(void)state;
	/* Gone: two tries */
	start((struct igd){ .version = 1 });
	run_for(600);
	w.igd.down = true;
	upnp_stop(w.u, w.now);
	exchange();
	assert_true(upnp_stopped(w.u));
	assert_int_equal(w.igd.n[UPNP_DELETE], 2);
	assert_int_equal(upnp_map(w.u, 4500, 0, w.now), -ENOSPC);
	finish();
	/* Not allowed to */
	start((struct igd){ .version = 1, .delete_error = UPNP_NOT_AUTHORIZED });
	run_for(600);
	upnp_stop(w.u, w.now);
	exchange();
	assert_true(upnp_stopped(w.u));
	finish();
	/* The device was lost before: one search, then no more. */
	start((struct igd){ .version = 1 });
	run_for(600);
	w.igd.down = true;
	upnp_lost(w.u, w.now);
	upnp_stop(w.u, w.now);
	exchange();
	assert_true(upnp_stopped(w.u));
	assert_int_equal(w.igd.n[UPNP_DISCOVER], 2);
	finish();
	/* Nothing asked for */
	start((struct igd){ .version = 1 });
	upnp_stop(w.u, w.now);
	assert_true(upnp_stopped(w.u));
	exchange();
	assert_int_equal(w.igd.n[UPNP_DISCOVER], 0);
	finish();
}

static void renumbered(void **state)
{
	(void)state;
	start((struct igd){ .version = 1 });
	assert_int_equal(upnp_map(w.u, 9, 0, w.now), 0);
	run_for(600);
	mapped(4500, outer);
	upnp_unmap(w.u, 9, w.now);
	upnp_check(w.u, w.now);
	assert_true(upnp_output(w.u, w.now, &w.request));
	upnp_moved(w.u, laptop, w.now);
	not_mapped(UPNP_R_ASKING);
	child(&w.request, &w.response);
	assert_true(upnp_input(w.u, w.now, &w.response));
	run_for(600);
	mapped(4500, outer);
	finish();
}

static void ports(void **state)
{
	struct upnp_mapping m;
	uint16_t i;

	(void)state;
	prepare((struct igd){ .version = 2 });
	assert_true(upnp_deadline(w.u) == UINT64_MAX);
	exchange();
	for (i = 1; i <= 4; i++)
		assert_int_equal(upnp_map(w.u, i, i * 1000, w.now), 0);
	assert_int_equal(upnp_map(w.u, 0, 0, w.now), -EINVAL);
	assert_int_equal(upnp_map(w.u, 1, 0, w.now), -EEXIST);
	assert_int_equal(upnp_map(w.u, 5, 0, w.now), -ENOSPC);
	run_for(600);
	for (i = 1; i <= 4; i++) {
		assert_true(upnp_mapping(w.u, i, &m));
		assert_int_equal(m.external, i * 1000);
	}
	assert_false(upnp_mapping(w.u, 5, &m));
	/* Wanted again before it is deleted */
	upnp_unmap(w.u, 1, w.now);
	upnp_unmap(w.u, 77, w.now);
	assert_false(upnp_mapping(w.u, 1, &m));
	assert_int_equal(upnp_map(w.u, 1, 0, w.now), 0);
	run_for(600);
	assert_true(upnp_mapping(w.u, 1, &m));
	assert_int_equal(m.external, 1000);
	upnp_unmap(w.u, 2, w.now);
	exchange();
	assert_int_equal(igd_has(laptop), 3);
	upnp_stop(w.u, w.now);
	exchange();
	assert_true(upnp_stopped(w.u));
	assert_int_equal(igd_has(laptop), 0);
	finish();
}

static void texts(void **state)
{
	struct upnp_config config = { .lease = UINT32_MAX, .grace = 0 };
	unsigned int i;

	(void)state;
	for (i = UPNP_R_OK; i <= UPNP_R_YIELDED; i++)
		assert_true(strlen(upnp_reason_text(i)) > 10);
	/* More than IGD 2 takes; no description */
	memset(&w, 0, sizeof(w));
	config.gateway = router;
	w.u = upnp_new(&config);
	assert_int_equal(upnp_map(w.u, 4500, 0, 0), 0);
	assert_true(upnp_output(w.u, 0, &w.request));
	w.response = (struct upnp_response){
		.op = UPNP_DISCOVER, .id = w.request.id, .version = 2, .address = router,
	};
	assert_true(upnp_input(w.u, 0, &w.response));
	while (w.request.op != UPNP_ADD_ANY) {
		assert_true(upnp_output(w.u, 0, &w.request));
		w.response.op = w.request.op;
		w.response.id = w.request.id;
		assert_true(upnp_input(w.u, 0, &w.response));
	}
	assert_int_equal(w.request.lease, UPNP_LEASE_MAX);
	assert_string_equal(w.request.description, "");
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yields),
		cmocka_unit_test(yields_for_good),
		cmocka_unit_test(yields_late),
		cmocka_unit_test(gateway_reboots),
		cmocka_unit_test(lost_entry),
		cmocka_unit_test(refreshes),
		cmocka_unit_test(device_returns),
		cmocka_unit_test(broken),
		cmocka_unit_test(child_dies),
		cmocka_unit_test(ends),
		cmocka_unit_test(renumbered),
		cmocka_unit_test(ports),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
