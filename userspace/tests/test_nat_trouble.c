// SPDX-License-Identifier: GPL-2.0-or-later
/* A gateway that reboots, refuses, moves or lies, and a network that loses. */
#include "test.h"

#include "nat_world.h"

/* Whichever datagrams get lost, it is mapped soon, and only once. */
static void losses(void **state)
{
	static const struct box boxes[] = {
		{ .pcp = true }, { .pcp = true, .natpmp = true }, { .natpmp = true },
		{ .natpmp = true, .mute = true }, { .pcp = true, .mute = true },
	};
	unsigned int lost;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(boxes); i++) {
		for (lost = 0; lost < 64; lost++) {
			start(boxes[i]);
			w.lose_to = lost & 7;
			w.lose_from = lost >> 3;
			run_for(18 * SECONDS);
			mapped(4500, outer);
			assert_int_equal(box_has(), 1);

			/* The renewal and the end, the same */
			w.lose_to = lost & 3;
			w.lose_from = lost >> 3 & 1;
			run_for(3500 * SECONDS);
			assert_int_equal(mapping(4500).external, 4500);
			gateway_stop(w.g, w.now);
			w.lose_to = lost & 3;
			w.lose_from = 0;
			run_for(2 * SECONDS);
			assert_true(gateway_stopped(w.g));
			assert_int_equal(box_has(), 0);
			finish();
		}
	}
}

/* First answer within two seconds, though one datagram each way is lost */
static void soon(void **state)
{
	(void)state;
	start((struct box){ .pcp = true });
	w.lose_to = 1;
	w.lose_from = 1;
	run_for(2 * SECONDS);
	mapped(4500, outer);
	finish();
	start((struct box){ .natpmp = true });
	w.lose_to = 1;
	w.lose_from = 1;
	run_for(2 * SECONDS);
	mapped(4500, outer);
	finish();
}

static void silent_renewal(void **state)
{
	unsigned int n;

	(void)state;
	/* PCP: single packets, ever closer, but not under four seconds */
	start((struct box){ .pcp = true });
	exchange();
	w.box.down = true;
	run_for(2260 * SECONDS);
	assert_int_equal(w.n_sent, 2);
	assert_false(mapping(4500).doubtful);
	run_for(800 * SECONDS);
	assert_int_equal(w.n_sent, 3);
	assert_true(mapping(4500).doubtful);
	assert_int_equal(mapping(4500).reason, GATEWAY_SILENT);
	assert_int_equal(mapping(4500).external, 4500);
	assert_true(ipv4_equal(mapping(4500).address, outer));
	run_for(530 * SECONDS);
	assert_in_range(w.n_sent, 8, 11);
	for (n = 2; n < w.n_sent; n++)
		assert_true(w.sent_at[n] - w.sent_at[n - 1] >= 4000);
	run_for(11 * SECONDS);
	/* It is over, and anybody may be there now. */
	not_mapped(GATEWAY_ASKING);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_UNKNOWN);
	w.box = (struct box){ .natpmp = true, .address = outer2, .booted = w.now };
	run_for(8 * SECONDS);
	mapped(4500, outer2);
	finish();

	/* NAT-PMP: nine from 1800 s on, nine from 2700 s on, ... */
	start((struct box){ .natpmp = true });
	exchange();
	w.box.down = true;
	n = w.n_sent;
	run_for(2600 * SECONDS);
	assert_int_equal(w.n_sent, n + 9);
	run_for(400 * SECONDS);
	assert_int_equal(w.n_sent, n + 18);
	w.box.down = false;
	run_for(590 * SECONDS);
	mapped(4500, outer);
	finish();
}

static void back_up(void **state)
{
	(void)state;
	/* One that used to answer is asked often at first: no announcement is needed. */
	start((struct box){ .pcp = true });
	exchange();
	w.box.closed = true;
	gateway_retry(w.g, w.now);
	assert_true(mapping(4500).doubtful);
	run_for(30 * SECONDS);
	assert_in_range(w.n_sent, 3, 6);
	assert_int_equal(mapping(4500).reason, GATEWAY_CLOSED);
	w.box.closed = false;
	box_reboot();
	run_for(40 * SECONDS);
	mapped(4500, outer);
	finish();

	/* In the middle of a renewal; without giving up the mapping */
	start((struct box){ .natpmp = true });
	exchange();
	w.box.closed = true;
	run_for(1801 * SECONDS);
	assert_int_equal(mapping(4500).external, 4500);
	assert_int_equal(mapping(4500).reason, GATEWAY_CLOSED);
	w.box.closed = false;
	run_for(31 * SECONDS);
	mapped(4500, outer);
	/* ... and of the address, which nobody else waits for */
	w.box.address = outer2;
	assert_true(announce_natpmp());
	w.box.closed = true;
	run_for(2 * SECONDS);
	w.box.closed = false;
	run_for(40 * SECONDS);
	mapped(4500, outer2);
	finish();

	/* In the very first step after the probe: no answer at all to the address */
	start((struct box){ .natpmp = true });
	w.lose_to = ~1ull;
	exchange();
	w.lose_to = ~0ull;
	run_for(130 * SECONDS);
	not_mapped(GATEWAY_SILENT);
	w.lose_to = 0;
	run_for(10 * SECONDS);
	mapped(4500, outer);
	finish();
}

static void reboot_announced(void **state)
{
	uint64_t t0;
	int pass;

	(void)state;
	for (pass = 0; pass < 2; pass++) {
		start((struct box){ .pcp = !pass, .natpmp = pass, .port_offset = 1 });
		assert_int_equal(gateway_map(w.g, 9, 0, w.now), 0);
		run_for(10 * MINUTES);
		mapped(4501, outer);
		box_reboot();
		w.box.address = outer2;
		w.box.port_offset = 0;
		run_for(200);
		assert_true(pass ? announce_natpmp() : announce_pcp());
		t0 = w.now;
		assert_true(mapping(4500).doubtful);
		/* No mapping at once: all clients have heard it. */
		exchange();
		assert_int_equal(box_has(), 0);
		if (pass)
			assert_true(ipv4_equal(mapping(4500).address, outer2));
		assert_in_range(gateway_deadline(w.g) - w.now, 1, 5000);
		/* Those that follow change nothing. */
		run_for(250);
		assert_true(pass ? announce_natpmp() : announce_pcp());
		run_until(t0 + 5001);
		assert_int_equal(box_has(), 2);
		/* The port that was granted is suggested, and kept. */
		mapped(4501, outer2);
		assert_int_equal(mapping(9).external, 10);
		finish();
	}
}

static void reboot_seen(void **state)
{
	int pass;

	(void)state;
	/* Without an announcement: the next answer shows it. */
	for (pass = 0; pass < 2; pass++) {
		start((struct box){ .pcp = !pass, .natpmp = pass });
		run_for(5 * MINUTES);
		assert_int_equal(gateway_map(w.g, 9, 0, w.now), 0);
		run_for(5 * MINUTES);
		box_reboot();
		gateway_unmap(w.g, 9, w.now);
		run_for(1 * SECONDS);
		/* The deletion's answer is not looked at closely. */
		assert_int_equal(gateway_map(w.g, 10, 0, w.now), 0);
		exchange();
		assert_int_equal(mapping(10).reason, GATEWAY_OK);
		assert_false(mapping(10).doubtful);
		assert_true(mapping(4500).doubtful);
		run_for(5 * SECONDS);
		mapped(4500, outer);
		assert_int_equal(box_has(), 2);
		finish();
	}
}

/* The address changes once more while the first change is being asked about. */
static void address_twice(void **state)
{
	const struct ipv4 last[] = { { { 203, 0, 113, 77 } }, outer };
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		uint8_t out[GATEWAY_OUT], reply[PCP_MAP_LEN];
		size_t len;

		start((struct box){ .pcp = i < 2, .natpmp = true });
		run_for(10 * MINUTES);
		w.box.address = outer2;
		assert_true(announce_natpmp());
		len = gateway_output(w.g, w.now, out);
		len = box_answer(out, len, reply);
		assert_true(len > 0);
		w.box.address = last[i % 2];
		assert_true(announce_natpmp());
		/* It was sent before that. */
		assert_true(hear_from(router, reply, len));
		mapped(4500, outer2);
		run_for(2 * SECONDS);
		mapped(4500, last[i % 2]);
		len = w.n_sent;
		run_for(10 * SECONDS);
		assert_int_equal(w.n_sent, len);
		finish();
	}
}

static void address_announced(void **state)
{
	uint8_t none[12] = { 0, 128, 0, NATPMP_NO_NETWORK };
	unsigned int n;

	(void)state;
	start((struct box){ .natpmp = true });
	run_for(10 * MINUTES);
	w.box.address = outer2;
	assert_true(announce_natpmp());
	/* It is not believed, but a reason to ask. */
	mapped(4500, outer);
	exchange();
	mapped(4500, outer2);
	n = w.n_sent;
	assert_true(announce_natpmp());
	run_for(10 * SECONDS);
	assert_int_equal(w.n_sent, n);

	/* A flood of it, sent by anybody: no more than one round a second */
	w.box.address = outer;
	for (n = 0; n < 1000; n++) {
		w.now += 5;
		w.box.address.b[3]++;
		announce_natpmp();
		w.box.address.b[3]--;
		exchange();
	}
	assert_in_range(w.n_sent, 10, 22);
	/* The gateway's connection is gone. */
	dns_put32(none + 4, box_epoch());
	w.box.address_result = NATPMP_NO_NETWORK;
	run_for(2 * SECONDS);
	assert_true(announce_from(router, none, sizeof(none)));
	exchange();
	assert_int_equal(mapping(4500).reason, GATEWAY_NO_NETWORK);
	finish();

	/* A box that speaks PCP with us announces in both protocols. */
	start((struct box){ .pcp = true, .natpmp = true });
	run_for(10 * MINUTES);
	w.box.address = outer2;
	assert_true(announce_natpmp());
	exchange();
	mapped(4500, outer2);
	assert_int_equal(w.box.n_address, 0);
	assert_true(announce_pcp());
	assert_false(mapping(4500).doubtful);
	assert_true(mapping(4500).since == w.now);
	/* No announcement came, but STUN saw something else. */
	run_for(10 * SECONDS);
	gateway_check(w.g, w.now);
	exchange();
	mapped(4500, outer2);
	assert_true(mapping(4500).since < w.now && mapping(4500).granted == w.now);
	finish();
}

static void awakened(void **state)
{
	unsigned int n, i;

	(void)state;
	start((struct box){ .down = true, .pcp = true });
	run_for(10 * MINUTES);
	not_mapped(GATEWAY_SILENT);
	w.box.down = false;
	assert_true(announce_pcp());
	exchange();
	mapped(4500, outer);
	finish();

	/* Nobody can make us shout. */
	start((struct box){ .down = true, .pcp = true });
	run_for(10 * MINUTES);
	n = w.n_sent;
	for (i = 0; i < 1000; i++) {
		w.now += 10;
		announce_pcp();
		exchange();
	}
	assert_in_range(w.n_sent - n, 5, 50);
	finish();
}

static void pcp_unasked(void **state)
{
	uint8_t msg[PCP_MAP_LEN];

	(void)state;
	/* An unsolicited MAP answer: the gateway's own news of a mapping */
	start((struct box){ .pcp = true });
	exchange();
	memcpy(msg, w.reply, sizeof(msg));
	memcpy(msg + 56, outer2.b, 4);
	assert_true(announce_from(router, msg, sizeof(msg)));
	mapped(4500, outer2);
	msg[24] ^= 1;
	memcpy(msg + 56, outer.b, 4);
	assert_false(announce_from(router, msg, sizeof(msg)));
	mapped(4500, outer2);
	finish();
}

static void results(uint16_t result)
{
	w.box.pcp_result = result;
	w.box.map_result = result;
}

static void refused(void **state)
{
	static const struct {
		bool pcp;
		uint16_t result;
		enum gateway_reason why;
		unsigned int wait;	/* s */
	} cases[] = {
		{ true, PCP_MALFORMED_REQUEST, GATEWAY_BROKEN, 1800 },
		{ true, PCP_UNSUPP_PROTOCOL, GATEWAY_UNSUPPORTED, 1800 },
		{ true, PCP_NETWORK_FAILURE, GATEWAY_NO_NETWORK, 30 },
		{ true, PCP_NO_RESOURCES, GATEWAY_FULL, 30 },
		{ true, PCP_USER_EX_QUOTA, GATEWAY_QUOTA, 1800 },
		{ true, PCP_CANNOT_PROVIDE_EXTERNAL, GATEWAY_NO_EXTERNAL, 1800 },
		{ true, PCP_ADDRESS_MISMATCH, GATEWAY_BETWEEN, 1800 },
		{ true, 200, GATEWAY_BROKEN, 1800 },
		{ false, NATPMP_REFUSED, GATEWAY_REFUSED, 1800 },
		{ false, NATPMP_NO_NETWORK, GATEWAY_NO_NETWORK, 30 },
		{ false, NATPMP_NO_RESOURCES, GATEWAY_FULL, 30 },
		{ false, NATPMP_BAD_OP, GATEWAY_UNSUPPORTED, 1800 },
		{ false, 4711, GATEWAY_BROKEN, 1800 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		start((struct box){ .pcp = cases[i].pcp, .natpmp = !cases[i].pcp });
		results(cases[i].result);
		exchange();
		not_mapped(cases[i].why);
		assert_int_equal(gateway_deadline(w.g) - w.now, cases[i].wait * SECONDS);
		results(0);
		run_for(cases[i].wait * SECONDS);
		mapped(4500, outer);

		/* A renewal that is refused: what there is runs out. */
		results(cases[i].result);
		run_for(2251 * SECONDS);
		assert_int_equal(mapping(4500).external, 4500);
		assert_true(mapping(4500).doubtful);
		assert_int_equal(mapping(4500).reason, cases[i].why);
		run_for(1350 * SECONDS);
		not_mapped(cases[i].why);
		finish();
	}
}

static void error_lifetimes(void **state)
{
	static const uint32_t waits[][2] = { /* said, kept */
		{ 1, 4 }, { 60, 60 }, { 7200, 7200 }, { UINT32_MAX, 86400 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(waits); i++) {
		start((struct box){
			.pcp = true, .pcp_result = PCP_NO_RESOURCES,
			.error_lifetime = waits[i][0],
		});
		exchange();
		assert_int_equal(gateway_deadline(w.g) - w.now, waits[i][1] * SECONDS);
		finish();
	}
	/* Unsaid: twice as long each time, up to half an hour */
	start((struct box){ .pcp = true, .pcp_result = PCP_NO_RESOURCES });
	run_for(24 * HOURS);
	assert_in_range(w.n_sent, 48, 56);
	finish();
}

/* The machine slept through everything. */
static void slept(void **state)
{
	(void)state;
	start((struct box){ .pcp = true });
	exchange();
	w.now += 24 * HOURS;
	w.lose_from = 1;
	exchange();
	not_mapped(GATEWAY_ASKING);
	assert_int_equal(w.n_sent, 2);
	run_for(1 * SECONDS);
	mapped(4500, outer);
	/* ... and into silence */
	w.box.down = true;
	w.now += 24 * HOURS;
	run_for(3 * MINUTES);
	not_mapped(GATEWAY_SILENT);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(losses),
		cmocka_unit_test(soon),
		cmocka_unit_test(silent_renewal),
		cmocka_unit_test(back_up),
		cmocka_unit_test(reboot_announced),
		cmocka_unit_test(reboot_seen),
		cmocka_unit_test(address_twice),
		cmocka_unit_test(address_announced),
		cmocka_unit_test(awakened),
		cmocka_unit_test(pcp_unasked),
		cmocka_unit_test(refused),
		cmocka_unit_test(error_lifetimes),
		cmocka_unit_test(slept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
