// SPDX-License-Identifier: GPL-2.0-or-later
/* A gateway that lies, one that changes, and the end. */
#include "test.h"

#include "nat_world.h"

/* Two ways out of NOT_AUTHORIZED: the other protocol, or saying so */
static void not_authorized(void **state)
{
	(void)state;
	start((struct box){
		.pcp = true, .natpmp = true, .pcp_result = PCP_NOT_AUTHORIZED,
	});
	exchange();
	mapped(4500, outer);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_NATPMP);
	finish();

	start((struct box){ .pcp = true, .pcp_result = PCP_NOT_AUTHORIZED });
	exchange();
	not_mapped(GATEWAY_REFUSED);
	w.box.pcp_result = 0;
	run_for(20 * MINUTES);
	mapped(4500, outer);
	finish();

	/* NAT-PMP is not even answered. */
	start((struct box){ .pcp = true, .mute = true, .pcp_result = PCP_NOT_AUTHORIZED });
	run_for(5 * MINUTES);
	not_mapped(GATEWAY_REFUSED);
	finish();

	/* A server that only announces */
	start((struct box){ .pcp = true, .natpmp = true, .pcp_result = PCP_UNSUPP_OPCODE });
	exchange();
	mapped(4500, outer);
	finish();
	start((struct box){ .pcp = true, .pcp_result = PCP_UNSUPP_OPCODE });
	exchange();
	not_mapped(GATEWAY_UNSUPPORTED);
	finish();

	/* NAT-PMP first, which says that there is PCP; that refuses. */
	start((struct box){ .natpmp = true });
	exchange();
	w.box = (struct box){ .pcp = true, .pcp_result = PCP_NOT_AUTHORIZED, .booted = w.now };
	run_for(1801 * SECONDS);
	assert_int_equal(mapping(4500).external, 4500);
	assert_int_equal(mapping(4500).reason, GATEWAY_REFUSED);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_PCP);
	finish();
}

/* The box is replaced by one that speaks the other protocol. */
static void replaced(void **state)
{
	(void)state;
	start((struct box){ .natpmp = true });
	exchange();
	w.box = (struct box){ .pcp = true, .address = outer2, .booted = w.now };
	run_for(1801 * SECONDS);
	mapped(4500, outer2);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_PCP);
	w.box = (struct box){ .natpmp = true, .address = outer, .booted = w.now };
	run_for(2250 * SECONDS);
	mapped(4500, outer);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_NATPMP);
	finish();
}

static void ends(void **state)
{
	uint64_t t0;

	(void)state;
	/* Nobody there any more: no longer than two seconds for the first */
	start((struct box){ .pcp = true });
	assert_int_equal(gateway_map(w.g, 9, 0, w.now), 0);
	exchange();
	w.box.down = true;
	gateway_stop(w.g, w.now);
	t0 = w.now;
	while (!gateway_stopped(w.g))
		run_until(gateway_deadline(w.g));
	assert_in_range(w.now - t0, 1500, 2300);
	assert_int_equal(w.n_sent, 2 + 3 + 1);
	/* Nothing brings it back to life. */
	gateway_retry(w.g, w.now);
	assert_false(announce_pcp());
	exchange();
	assert_int_equal(w.n_sent, 6);
	finish();

	/* Closed: at once */
	start((struct box){ .natpmp = true });
	exchange();
	w.box.closed = true;
	gateway_stop(w.g, w.now);
	exchange();
	assert_true(gateway_stopped(w.g));
	finish();

	/* Before the first answer: PCP is what may have made something. */
	start((struct box){ .pcp = true });
	w.lose_from = 1;
	exchange();
	assert_int_equal(box_has(), 1);
	gateway_stop(w.g, w.now);
	exchange();
	assert_true(gateway_stopped(w.g));
	assert_int_equal(box_has(), 0);
	finish();

	/* ... or not, as the box does not know it */
	start((struct box){ .natpmp = true });
	w.lose_from = 1;
	exchange();
	gateway_stop(w.g, w.now);
	exchange();
	assert_true(gateway_stopped(w.g));
	finish();

	/* A mapping that may not be deleted (the owner's own) */
	start((struct box){ .natpmp = true });
	exchange();
	w.box.map_result = NATPMP_REFUSED;
	gateway_stop(w.g, w.now);
	exchange();
	assert_true(gateway_stopped(w.g));
	finish();

	/* Twice: a stop while a deletion is out */
	start((struct box){ .natpmp = true });
	exchange();
	w.lose_to = 1;
	gateway_unmap(w.g, 4500, w.now);
	exchange();
	gateway_stop(w.g, w.now);
	gateway_retry(w.g, w.now);
	run_for(1 * SECONDS);
	assert_true(gateway_stopped(w.g));
	assert_int_equal(box_has(), 0);
	finish();
}

static void hostile_pcp(void **state)
{
	static const struct ipv4 stranger = { { 192, 168, 1, 66 } };
	uint8_t msg[PCP_MAP_LEN];
	size_t i;

	(void)state;
	start((struct box){ .pcp = true });
	w.lose_from = 1;
	exchange();
	memcpy(msg, w.reply, sizeof(msg));
	assert_false(hear_from(stranger, msg, sizeof(msg)));
	for (i = 0; i < PCP_NONCE; i++) {
		msg[24 + i] ^= 0x40;
		assert_false(hear_from(router, msg, sizeof(msg)));
		msg[24 + i] ^= 0x40;
	}
	msg[41] ^= 1; /* another port */
	assert_false(hear_from(router, msg, sizeof(msg)));
	msg[41] ^= 1;
	for (i = 0; i < sizeof(msg); i++)
		assert_false(hear_from(router, msg, i));
	/* Nothing granted */
	memset(msg + 4, 0, 4);
	assert_false(hear_from(router, msg, sizeof(msg)));
	memset(msg + 4, 1, 4);
	memset(msg + 42, 0, 2);
	assert_false(hear_from(router, msg, sizeof(msg)));
	/* Errors with a wrong nonce */
	msg[3] = PCP_NO_RESOURCES;
	msg[24] ^= 1;
	assert_false(hear_from(router, msg, sizeof(msg)));
	msg[24] ^= 1;
	not_mapped(GATEWAY_ASKING);
	assert_false(hear_from(router, w.reply, 8));
	assert_true(hear_from(router, w.reply, w.reply_len));
	mapped(4500, outer);
	/* Late errors and opinions */
	assert_false(hear_from(router, msg, sizeof(msg)));
	assert_false(hear_from(router, (const uint8_t *)"\0\0\0\1\0\0\0\0", 8));
	/* Announcements: not the gateway's; of something else; cut off */
	assert_false(announce_from(stranger, w.reply, PCP_HEADER));
	msg[1] = 0x80;
	assert_false(announce_from(router, msg, PCP_HEADER));
	assert_false(announce_from(router, (const uint8_t *)"\0\x80\0\3\0\0\0\0", 8));
	assert_false(announce_from(router, msg, 0));
	msg[3] = 0;
	assert_false(hear_from(router, msg, PCP_HEADER)); /* unicast */
	mapped(4500, outer);
	assert_int_equal(gateway_protocol(w.g), GATEWAY_PCP);
	finish();
}

static void hostile_natpmp(void **state)
{
	uint8_t reply[16] = { 0, 129, 0, 0, 0, 0, 0, 99, 0x11, 0x94, 0, 80, 0, 0, 9, 9 };
	uint8_t address[12] = { 0, 128, 0, 0, 0, 0, 0, 99, 203, 0, 113, 9 };

	(void)state;
	start((struct box){ .natpmp = true });
	/* Before anything of NAT-PMP was asked */
	w.lose_to = 1;
	exchange();
	assert_false(hear_from(router, reply, sizeof(reply)));
	assert_false(hear_from(router, address, sizeof(address)));
	run_for(300);
	mapped(4500, outer);
	/* Nothing is out */
	assert_false(hear_from(router, reply, sizeof(reply)));
	assert_false(hear_from(router, address, sizeof(address)));
	mapped(4500, outer);
	/* A renewal is: other ports, TCP, nothing granted */
	w.lose_to = 1;
	run_for(1800 * SECONDS);
	reply[9]++;
	assert_false(hear_from(router, reply, sizeof(reply)));
	reply[9]--;
	reply[1]++;
	assert_false(hear_from(router, reply, sizeof(reply)));
	reply[1]--;
	reply[11] = 0;
	assert_false(hear_from(router, reply, sizeof(reply)));
	reply[11] = 80;
	memset(reply + 12, 0, 4);
	assert_false(hear_from(router, reply, sizeof(reply)));
	/* A late copy of the answer that led to NAT-PMP */
	assert_false(hear_from(router, (const uint8_t *)"\0\0\0\1\0\0\0\0", 8));
	run_for(1 * SECONDS);
	mapped(4500, outer);

	/* A late answer to a map request does not pass for one to the deletion. */
	w.lose_to = 1;
	gateway_unmap(w.g, 4500, w.now);
	exchange();
	reply[12] = 1;
	assert_false(hear_from(router, reply, sizeof(reply)));
	gateway_stop(w.g, w.now);
	assert_false(gateway_stopped(w.g));
	/* Eight octets are enough to say no. */
	assert_true(hear_from(router, (const uint8_t *)"\0\x81\0\2\0\0\0\0", 8));
	assert_true(gateway_stopped(w.g));
	finish();
}

static void late_pcp(void **state)
{
	uint8_t msg[PCP_MAP_LEN];

	(void)state;
	start((struct box){ .pcp = true });
	exchange();
	memcpy(msg, w.reply, sizeof(msg));
	w.lose_to = 1;
	gateway_unmap(w.g, 4500, w.now);
	exchange();
	assert_false(hear_from(router, msg, sizeof(msg)));
	run_for(1 * SECONDS);
	assert_int_equal(box_has(), 0);
	finish();
}

/* Somebody announces all the time, in the gateway's name, that it has lost everything. */
static void flooded(void **state)
{
	const struct box boxes[] = { { .pcp = true }, { .natpmp = true } };
	uint8_t pcp[PCP_HEADER] = { PCP_VERSION, 0x80 };
	uint8_t natpmp[12] = { 0, 128, 0, 0, 0, 0, 0, 0, 203, 0, 113, 9 };
	unsigned int i, k, before, sent, answer_at;
	uint8_t answer[PCP_MAP_LEN];
	size_t len = 0;

	(void)state;
	for (i = 0; i < N_OF(boxes); i++) {
		start(boxes[i]);
		exchange();
		run_for(1795 * SECONDS);
		before = w.n_sent;
		sent = w.n_sent;
		answer_at = 0;
		for (k = 0; k < 3000; k++) {
			/* Of any epoch, and with an address of the forger's own */
			dns_put32(pcp + 8, k % 3 ? 0 : UINT32_MAX);
			dns_put32(natpmp + 4, k % 3 ? 0 : UINT32_MAX);
			assert_true(announce_from(router, pcp, sizeof(pcp)));
			assert_true(announce_from(router, natpmp, sizeof(natpmp)));
			/* Answers take their time. */
			w.lose_from = UINT64_MAX;
			run_for(10);
			if (answer_at == k)
				hear_from(router, answer, len);
			if (w.n_sent != sent) {
				memcpy(answer, w.reply, sizeof(answer));
				len = w.reply_len;
				answer_at = k + 2;
				sent = w.n_sent;
			}
			assert_int_equal(mapping(4500).external, 4500);
			assert_true(ipv4_equal(mapping(4500).address, outer));
		}
		/* In half a minute, once a second; NAT-PMP for the address and for the port */
		assert_in_range(w.n_sent - before, 3, boxes[i].pcp ? 40 : 75);
		assert_in_range(mapping(4500).granted, w.now - 6 * SECONDS, w.now);
		w.lose_from = 0;
		run_for(5 * SECONDS);
		mapped(4500, outer);
		/* When it is true, it is noticed. */
		box_reboot();
		assert_true(boxes[i].pcp ? announce_pcp() : announce_natpmp());
		run_for(6 * SECONDS);
		assert_int_equal(box_has(), 1);
		finish();
	}
}

/* What is worth a word, and what may be late */
static void foreign(void **state)
{
	static const uint8_t natpmp[12] = { 0, 128 };
	uint8_t msg[PCP_MAP_LEN];

	(void)state;
	start((struct box){ .pcp = true });
	exchange();
	memcpy(msg, w.reply, sizeof(msg));
	assert_false(gateway_foreign(w.g, msg, sizeof(msg)));
	assert_false(gateway_foreign(w.g, natpmp, sizeof(natpmp)));
	assert_false(gateway_foreign(w.g, (const uint8_t *)"\0\0\0\1\0\0\0\0", 8));
	assert_true(gateway_foreign(w.g, natpmp, 7));
	assert_true(gateway_foreign(w.g, msg, sizeof(msg) - 1));
	assert_true(gateway_foreign(w.g, msg, 0));
	msg[24] ^= 1;
	assert_true(gateway_foreign(w.g, msg, sizeof(msg)));
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_authorized),
		cmocka_unit_test(replaced),
		cmocka_unit_test(ends),
		cmocka_unit_test(hostile_pcp),
		cmocka_unit_test(hostile_natpmp),
		cmocka_unit_test(late_pcp),
		cmocka_unit_test(flooded),
		cmocka_unit_test(foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
