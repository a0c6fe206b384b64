// SPDX-License-Identifier: GPL-2.0-or-later
/* A gateway's answers, as they should be: who is asked how, and when again. */
#include "test.h"

#include <errno.h>

#include "nat_world.h"

static void pcp(void **state)
{
	(void)state;
	start((struct box){ .pcp = true, .natpmp = true });
	not_mapped(GATEWAY_ASKING);
	exchange();
	mapped(4500, outer);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_PCP);
	assert_true(ipv4_equal(gateway_address(w.g), outer));
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.box.suggested, 4500);
	assert_int_equal(w.box.asked, 3600);
	assert_memory_equal(w.box.nonce, "nonce nonce", 12);
	assert_true(gateway_changed(w.g));
	assert_false(gateway_changed(w.g));

	/* Between 1/2 and 5/8, with what was granted, and the same nonce */
	assert_in_range(gateway_deadline(w.g) - w.now, 1800 * SECONDS, 2250 * SECONDS);
	w.box.suggested = 0;
	run_for(2250 * SECONDS);
	assert_int_equal(w.n_sent, 2);
	assert_int_equal(w.box.suggested, 4500);
	assert_memory_equal(w.box.nonce, "nonce nonce", 12);
	mapped(4500, outer);
	/* Nothing is news in that. */
	assert_false(gateway_changed(w.g));
	assert_int_equal(w.box.n_address, 0);
	finish();
}

static void natpmp(void **state)
{
	(void)state;
	start((struct box){ .natpmp = true });
	exchange();
	/* PCP, which it does not know, then the address, then the port: no waiting */
	assert_int_equal(w.n_sent, 3);
	mapped(4500, outer);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_NATPMP);
	assert_int_equal(w.box.asked, 3600);

	assert_int_equal(gateway_deadline(w.g) - w.now, 1800 * SECONDS);
	run_for(1801 * SECONDS);
	assert_int_equal(w.box.n_map, 2);
	assert_int_equal(w.box.n_address, 2);
	mapped(4500, outer);
	run_for(24 * HOURS);
	assert_int_equal(w.box.n_map, 50);
	mapped(4500, outer);
	finish();
}

static void natpmp_mute(void **state)
{
	uint64_t t0;

	(void)state;
	start((struct box){ .natpmp = true, .mute = true });
	t0 = w.now;
	run_for(300);
	/* Says nothing to PCP: 250 ms later NAT-PMP is asked as well. */
	mapped(4500, outer);
	assert_in_range(mapping(4500).granted - t0, 225, 275);
	assert_int_equal(w.n_sent, 4);
	finish();
}

static void pcp_slow(void **state)
{
	uint8_t pcp_reply[PCP_MAP_LEN];

	(void)state;
	/* Two protocols, and the answers to PCP come late: one mapping in the end */
	start((struct box){ .pcp = true, .natpmp = true });
	w.lose_from = 3;
	exchange();
	memcpy(pcp_reply, w.reply, sizeof(pcp_reply));
	run_for(280);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_NATPMP);
	mapped(4500, outer);
	assert_true(hear_from(router, pcp_reply, sizeof(pcp_reply)));
	assert_int_equal(gateway_protocol(w.g), GATEWAY_PCP);
	exchange();
	mapped(4500, outer);
	assert_int_equal(box_has(), 1);
	finish();
}

static void unsupported(void **state)
{
	(void)state;
	/* Version 3 only: neither */
	start((struct box){ .natpmp = false });
	exchange();
	not_mapped(GATEWAY_UNSUPPORTED);
	assert_int_equal(w.n_sent, 2);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_UNKNOWN);
	run_for(900 * SECONDS);
	assert_int_equal(w.n_sent, 2);
	/* One day the owner switches it on. */
	w.box.pcp = true;
	run_for(230 * SECONDS);
	mapped(4500, outer);
	finish();
}

static void unsupported_by_pcp(void **state)
{
	static const uint8_t msg[PCP_HEADER] = { PCP_VERSION, 0x80, 0, PCP_UNSUPP_VERSION };

	(void)state;
	/* A PCP box's opinion of NAT-PMP tells that it speaks PCP. */
	start((struct box){ .pcp = true, .mute = true });
	w.lose_to = 1;
	exchange();
	assert_false(hear_from(router, msg, sizeof(msg))); /* not asked yet */
	w.lose_to = 7;
	run_for(300);
	assert_true(hear_from(router, msg, sizeof(msg)));
	assert_int_equal(gateway_protocol(w.g), GATEWAY_PCP);
	exchange();
	run_for(600);
	mapped(4500, outer);
	finish();
}

static void silent(void **state)
{
	uint64_t t0;
	size_t i;

	(void)state;
	start((struct box){ .down = true });
	t0 = w.now;
	run_for(127 * SECONDS);
	not_mapped(GATEWAY_ASKING);
	/* Nine transmissions; all but the first are two datagrams. */
	assert_int_equal(w.n_sent, 17);
	for (i = 1; i < 9; i++)
		assert_in_range(w.sent_at[2 * i - 1] - t0, 225 * ((1u << i) - 1),
				275 * ((1u << i) - 1));
	run_for(15 * SECONDS);
	not_mapped(GATEWAY_SILENT);
	run_for(15 * MINUTES);
	assert_int_equal(w.n_sent, 17);
	run_for(4 * MINUTES);
	assert_in_range(w.n_sent, 20, 34);
	/* A new lease, a new MAC address */
	w.box = (struct box){ .pcp = true, .address = outer };
	gateway_retry(w.g, w.now);
	exchange();
	mapped(4500, outer);
	finish();
}

static void closed(void **state)
{
	(void)state;
	start((struct box){ .closed = true });
	exchange();
	not_mapped(GATEWAY_CLOSED);
	assert_int_equal(w.n_sent, 1);
	run_for(15 * MINUTES);
	assert_int_equal(w.n_sent, 1);
	/* Nothing is out now. */
	gateway_unreachable(w.g, w.now);
	not_mapped(GATEWAY_CLOSED);
	w.box = (struct box){ .natpmp = true, .address = outer };
	assert_true(announce_natpmp());
	exchange();
	mapped(4500, outer);
	finish();
}

static void other_port(void **state)
{
	(void)state;
	start((struct box){ .pcp = true, .port_offset = 100 });
	exchange();
	mapped(4600, outer);
	run_for(2250 * SECONDS);
	assert_int_equal(w.box.suggested, 4600);
	mapped(4600, outer);
	finish();

	start((struct box){ .natpmp = true, .port_offset = 100 });
	exchange();
	mapped(4600, outer);
	/* The mapping is lost without a trace, and the port with it. */
	memset(w.box.maps, 0, sizeof(w.box.maps));
	gateway_changed(w.g);
	run_for(1800 * SECONDS);
	assert_int_equal(w.box.suggested, 4600);
	mapped(4700, outer);
	assert_true(gateway_changed(w.g));
	finish();
}

static void lifetimes(void **state)
{
	(void)state;
	/* Shortened */
	start((struct box){ .natpmp = true, .lifetime_max = 60 });
	exchange();
	assert_int_equal(mapping(4500).expires - w.now, 60 * SECONDS);
	assert_int_equal(gateway_deadline(w.g) - w.now, 30 * SECONDS);
	run_for(10 * MINUTES);
	mapped(4500, outer);
	assert_in_range(w.box.n_map, 19, 22);
	finish();

	start((struct box){ .pcp = true, .lifetime_max = 60 });
	run_for(10 * MINUTES);
	mapped(4500, outer);
	assert_in_range(w.box.n_pcp, 17, 21);
	finish();

	/* So short that it ends before it may be renewed */
	start((struct box){ .pcp = true, .lifetime_max = 1 });
	run_for(60 * SECONDS);
	assert_in_range(w.box.n_pcp, 13, 17);
	finish();

	/* Absurd */
	prepare((struct box){ .pcp = true });
	gateway_free(w.g);
	w.config.lifetime = UINT32_MAX;
	w.g = gateway_new(&w.config);
	assert_int_equal(gateway_map(w.g, 4500, 0, w.now), 0);
	exchange();
	assert_int_equal(mapping(4500).expires - w.now, 24 * HOURS);
	finish();
}

static void refreshed(void **state)
{
	int pass;

	(void)state;
	for (pass = 0; pass < 2; pass++) {
		prepare((struct box){ .pcp = !pass, .natpmp = pass });
		gateway_free(w.g);
		w.config.refresh = 120;
		w.g = gateway_new(&w.config);
		assert_int_equal(gateway_map(w.g, 4500, 0, w.now), 0);
		exchange();
		assert_int_equal(gateway_deadline(w.g) - w.now, 120 * SECONDS);
		/* A reboot that nobody tells of */
		run_for(10 * SECONDS);
		box_reboot();
		run_for(110 * SECONDS);
		mapped(4500, outer);
		assert_int_equal(box_has(), 1);
		finish();
	}
}

static void external_addresses(void **state)
{
	const struct ipv4 none = { 0 };

	(void)state;
	start((struct box){ .natpmp = true });
	w.box.address = none;
	exchange();
	assert_int_equal(mapping(4500).external, 4500);
	assert_int_equal(mapping(4500).reason, GATEWAY_NO_NETWORK);
	/* Asked for again soon, and then less so */
	run_for(31 * SECONDS);
	assert_int_equal(w.box.n_address, 2);
	run_for(31 * SECONDS);
	assert_int_equal(w.box.n_address, 2);
	w.box.address_result = NATPMP_NO_NETWORK;
	run_for(30 * SECONDS);
	assert_int_equal(w.box.n_address, 3);
	w.box.address_result = 0;
	w.box.address = outer;
	run_for(2 * MINUTES);
	mapped(4500, outer);
	assert_true(gateway_changed(w.g));
	finish();

	start((struct box){ .pcp = true });
	w.box.address = none;
	exchange();
	assert_int_equal(mapping(4500).reason, GATEWAY_NO_NETWORK);
	assert_true(ipv4_equal(mapping(4500).address, none));
	finish();
}

static void several_ports(void **state)
{
	static const uint16_t ports[] = { 4500, 5353, 9, 10 };
	size_t i;
	int pass;

	(void)state;
	for (pass = 0; pass < 2; pass++) {
		prepare((struct box){ .pcp = !pass, .natpmp = pass });
		assert_true(gateway_deadline(w.g) == UINT64_MAX);
		exchange();
		assert_int_equal(w.n_sent, 0);
		for (i = 0; i < N_OF(ports); i++)
			assert_int_equal(gateway_map(w.g, ports[i], 0, w.now), 0);
		assert_int_equal(gateway_map(w.g, 0, 0, w.now), -EINVAL);
		assert_int_equal(gateway_map(w.g, 9, 0, w.now), -EEXIST);
		assert_int_equal(gateway_map(w.g, 11, 0, w.now), -ENOSPC);
		exchange();
		for (i = 0; i < N_OF(ports); i++)
			assert_int_equal(mapping(ports[i]).external, ports[i]);
		assert_int_equal(box_has(), 4);

		gateway_unmap(w.g, 9, w.now);
		gateway_unmap(w.g, 77, w.now);
		exchange();
		assert_int_equal(box_has(), 3);
		assert_false(gateway_mapping(w.g, 9, &(struct gateway_mapping){ 0 }));
		assert_int_equal(gateway_map(w.g, 11, 4711, w.now), 0);
		exchange();
		assert_int_equal(mapping(11).external, 4711);
		run_for(24 * HOURS);
		assert_int_equal(box_has(), 4);

		gateway_stop(w.g, w.now);
		assert_false(gateway_stopped(w.g));
		exchange();
		assert_true(gateway_stopped(w.g));
		assert_int_equal(box_has(), 0);
		assert_true(gateway_deadline(w.g) == UINT64_MAX);
		assert_int_equal(gateway_map(w.g, 4500, 0, w.now), -ENOSPC);
		finish();
	}
}

static void map_and_unmap(void **state)
{
	(void)state;
	/* Never asked for: nothing to delete */
	start((struct box){ .pcp = true });
	gateway_unmap(w.g, 4500, w.now);
	exchange();
	assert_int_equal(w.n_sent, 0);

	/* In the middle of a request; and wanted again in the middle of the deletion */
	assert_int_equal(gateway_map(w.g, 4500, 0, w.now), 0);
	w.lose_from = 1;
	exchange();
	gateway_unmap(w.g, 4500, w.now);
	w.lose_to = 1;
	exchange();
	assert_int_equal(box_has(), 1);
	assert_int_equal(gateway_map(w.g, 4500, 4444, w.now), 0);
	exchange();
	mapped(4500, outer);
	finish();
}

static void renumbered(void **state)
{
	static const struct ipv4 other = { { 192, 168, 1, 99 } };

	(void)state;
	start((struct box){ .pcp = true });
	assert_int_equal(gateway_map(w.g, 9, 0, w.now), 0);
	exchange();
	mapped(4500, outer);
	w.lose_to = 1;
	gateway_unmap(w.g, 9, w.now);
	exchange();
	/* The box tells clients by address; that of the old one is not ours to delete. */
	w.config.own = other;
	box_reboot();
	gateway_moved(w.g, other, w.now);
	not_mapped(GATEWAY_ASKING);
	exchange();
	mapped(4500, outer);
	assert_int_equal(w.box.n_delete, 0);
	assert_int_equal(box_has(), 1);
	finish();
}

static void texts(void **state)
{
	unsigned int i;

	(void)state;
	for (i = GATEWAY_OK; i <= GATEWAY_BROKEN; i++)
		assert_true(strlen(gateway_reason_text(i)) > 10);
	for (i = GATEWAY_UNKNOWN; i <= GATEWAY_PCP; i++)
		assert_non_null(strstr(gateway_protocol_text(i), "speaks"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcp),
		cmocka_unit_test(natpmp),
		cmocka_unit_test(natpmp_mute),
		cmocka_unit_test(pcp_slow),
		cmocka_unit_test(unsupported),
		cmocka_unit_test(unsupported_by_pcp),
		cmocka_unit_test(silent),
		cmocka_unit_test(closed),
		cmocka_unit_test(other_port),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(refreshed),
		cmocka_unit_test(external_addresses),
		cmocka_unit_test(several_ports),
		cmocka_unit_test(map_and_unmap),
		cmocka_unit_test(renumbered),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
