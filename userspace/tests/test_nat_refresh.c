// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What no gateway says by itself: that it was rebooted, that a mapping was deleted, that
 * it is there again. It is asked every now and then (refresh), and when somebody has
 * reason to doubt (gateway_check()).
 */
#include "test.h"

#include "nat_world.h"

#define REFRESH	120

static const struct box boxes[] = { { .natpmp = true }, { .pcp = true } };

/* Mapped, and since then for ten minutes */
static void begin(struct box box)
{
	prepare(box);
	gateway_free(w.g);
	w.config.refresh = REFRESH;
	w.g = gateway_new(&w.config);
	assert_non_null(w.g);
	assert_int_equal(gateway_map(w.g, 4500, 0, w.now), 0);
	run_for(10 * MINUTES);
	mapped(4500, outer);
}

static void reboots_silently(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(boxes); i++) {
		begin(boxes[i]);
		box_reboot();
		w.box.address = outer2;
		run_for((REFRESH + 10) * SECONDS);
		assert_int_equal(box_has(), 1);
		mapped(4500, outer2);
		/* Without it, this takes as long as the lifetime wants. */
		gateway_free(w.g);
		w.config.refresh = 0;
		w.g = gateway_new(&w.config);
		assert_int_equal(gateway_map(w.g, 4500, 0, w.now), 0);
		run_for(10 * MINUTES);
		box_reboot();
		run_for((REFRESH + 10) * SECONDS);
		assert_int_equal(box_has(), 0);
		finish();
	}
}

/* ... by somebody; or its port is somebody else's by now. */
static void deleted(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(boxes); i++) {
		begin(boxes[i]);
		memset(w.box.maps, 0, sizeof(w.box.maps));
		run_for((REFRESH + 5) * SECONDS);
		assert_int_equal(box_has(), 1);
		mapped(4500, outer);
		memset(w.box.maps, 0, sizeof(w.box.maps));
		w.box.port_offset = 1;
		gateway_changed(w.g);
		run_for((REFRESH + 5) * SECONDS);
		assert_true(gateway_changed(w.g));
		mapped(4501, outer);
		/* It stays with that. */
		w.box.port_offset = 0;
		run_for(1 * HOURS);
		mapped(4501, outer);
		finish();
	}
}

/* A lifetime shorter than asked for is what counts, also from one day to the next. */
static void shortened(void **state)
{
	unsigned int n;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(boxes); i++) {
		begin(boxes[i]);
		w.box.lifetime_max = 60;
		run_for((REFRESH + 5) * SECONDS);
		for (n = 0; n < 1000; n++) {
			run_for(1 * SECONDS);
			assert_int_equal(box_has(), 1);
			mapped(4500, outer);
		}
		finish();
	}
}

/* What it costs to know soon: so many datagrams in a day. */
static void cost(void **state)
{
	unsigned int n;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(boxes); i++) {
		begin(boxes[i]);
		gateway_changed(w.g);
		n = w.n_sent;
		run_for(24 * HOURS);
		/* NAT-PMP has two questions, the port and the address. */
		assert_in_range(w.n_sent - n, 700 * (2 - i), 730 * (2 - i));
		assert_false(gateway_changed(w.g));
		mapped(4500, outer);
		finish();
	}
}

/* Nobody answers for a while, and there is no hurry; then somebody sees light. */
static void hint(void **state)
{
	unsigned int n;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(boxes); i++) {
		/* It was there before. */
		begin(boxes[i]);
		w.box.down = true;
		run_for((REFRESH * 3 + 40) * SECONDS);
		box_reboot();
		w.box.down = false;
		gateway_check(w.g, w.now);
		run_for(2 * SECONDS);
		assert_int_equal(box_has(), 1);
		mapped(4500, outer);
		finish();

		/* It was never heard of: first while it is still asked, then long after. */
		for (n = 0; n < 2; n++) {
			start(boxes[i]);
			w.box.down = true;
			run_for(n ? 10 * MINUTES : 70 * SECONDS);
			w.box.down = false;
			run_for(10 * SECONDS);
			assert_int_equal(box_has(), 0);
			gateway_check(w.g, w.now);
			run_for(1 * SECONDS);
			mapped(4500, outer);
			finish();
		}
	}

	/* Who calls all the time makes no flood of it. */
	start((struct box){ .down = true });
	for (n = 0; n < 1000; n++) {
		run_for(100);
		gateway_check(w.g, w.now);
	}
	assert_in_range(w.n_sent, 50, 500);
	finish();
}

/* What was granted is no more granted, and that is said in a round-about way. */
static void revoked(void **state)
{
	(void)state;
	/* Not authorized in PCP, and NAT-PMP is not spoken: no use to try that any more. */
	begin((struct box){ .pcp = true });
	memset(w.box.maps, 0, sizeof(w.box.maps));
	w.box.pcp_result = PCP_NOT_AUTHORIZED;
	gateway_changed(w.g);
	run_for((REFRESH + 5) * SECONDS);
	assert_true(gateway_changed(w.g));
	assert_int_equal(mapping(4500).reason, GATEWAY_REFUSED);
	assert_true(mapping(4500).doubtful);
	/* When somebody wants to know, or after some 17 minutes */
	w.box.pcp_result = 0;
	gateway_check(w.g, w.now);
	run_for(2 * SECONDS);
	mapped(4500, outer);
	w.box.pcp_result = PCP_NOT_AUTHORIZED;
	run_for((REFRESH + 5) * SECONDS);
	assert_true(mapping(4500).doubtful);
	w.box.pcp_result = 0;
	run_for(20 * MINUTES);
	mapped(4500, outer);
	finish();
}

/* The program in the gateway is restarted just when we ask. */
static void restarts(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(boxes); i++) {
		begin(boxes[i]);
		w.box.closed = true;
		run_for((REFRESH + 1) * SECONDS);
		assert_int_equal(mapping(4500).reason, GATEWAY_CLOSED);
		assert_int_equal(mapping(4500).external, 4500);
		w.box.closed = false;
		box_reboot();
		run_for(10 * SECONDS);
		mapped(4500, outer);
		assert_int_equal(box_has(), 1);
		finish();
	}
}

/* A box with both protocols announces in the one that is not used. */
static void announced_otherwise(void **state)
{
	(void)state;
	begin((struct box){ .natpmp = true, .pcp = true });
	assert_int_equal(gateway_protocol(w.g), GATEWAY_PCP);
	box_reboot();
	assert_true(announce_natpmp());
	run_for(2 * SECONDS);
	assert_int_equal(box_has(), 1);
	mapped(4500, outer);
	finish();

	begin((struct box){ .natpmp = true });
	box_reboot();
	assert_true(announce_pcp());
	/* The address is asked for first, and the wait after a loss of state follows. */
	run_for(7 * SECONDS);
	assert_int_equal(box_has(), 1);
	mapped(4500, outer);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reboots_silently),
		cmocka_unit_test(deleted),
		cmocka_unit_test(shortened),
		cmocka_unit_test(cost),
		cmocka_unit_test(hint),
		cmocka_unit_test(revoked),
		cmocka_unit_test(restarts),
		cmocka_unit_test(announced_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
