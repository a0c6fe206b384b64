// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The watcher with what a real kernel said, and when it asks and tells.
 */
#include "test.h"

#include "netwatch_vectors.h"
#include "netwatch_world.h"

static const char *const first_dumps[] = {
	dump_links_hex, dump_addrs_hex, dump_routes4_hex, dump_routes6_hex,
};

static const uint16_t dump_types[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETROUTE };

/* The four dumps of a start, as they were captured */
static void captured_start(void)
{
	uint32_t seq;
	size_t i;

	for (i = 0; i < N_OF(first_dumps); i++) {
		assert_true(netwatch_deadline(nw) <= now);
		assert_false(netwatch_is_ready(nw));
		assert_int_equal(asked(&seq), dump_types[i]);
		assert_int_equal(seq, i + 1);
		assert_int_equal(tell(), 0);
		input_hex(first_dumps[i]);
	}
	assert_int_equal(asked(&seq), 0);
	assert_true(netwatch_is_ready(nw));
}

/* Each of the dumps that are wanted is answered with what was captured; NULL: with
 * nothing but its end.
 */
static void answer_dumps(const char *links, const char *addrs, const char *routes4,
			 const char *routes6)
{
	const char *const parts[] = { links, addrs, routes4, routes6 };
	uint32_t seq;
	uint16_t type;
	size_t i = 0;

	while ((type = asked(&seq))) {
		while (dump_types[i] != type)
			i++;
		if (parts[i])
			input_hex_dumped(parts[i]);
		i++;
		done(seq, 0, 0);
	}
}

static void start(void **state)
{
	const struct netwatch_picture *p = netwatch_picture(nw);

	(void)state;
	assert_int_equal(p->n_links + p->n_addrs + p->n_gateways, 0);
	captured_start();
	/* The first picture does not wait. */
	assert_true(netwatch_deadline(nw) <= now);
	assert_told("L+ isp0 L+ wan0 A+ 192.0.2.10 A+ 2001:db8:1::10 "
		    "G+ 192.0.2.1 G+ fe80::1 O4 192.0.2.10 O6 2001:db8:1::10 DNS");
	assert_true(netwatch_deadline(nw) == UINT64_MAX);

	p = netwatch_picture(nw);
	assert_int_equal(p->n_links, 2);
	assert_string_equal(p->links[1].name, "wan0");
	assert_int_equal(p->links[1].index, WAN0);
	assert_int_equal(p->links[1].mtu, 1500);
	assert_int_equal(p->n_addrs, 2);
	assert_int_equal(p->addrs[0].prefix, 24);
	assert_int_equal(p->n_gateways, 2);
	assert_int_equal(p->gateways[0].family, AF_INET);
	assert_int_equal(p->gateways[0].metric, 100);
	assert_memory_equal(p->gateways[0].source.b, ip("192.0.2.10").b, 4);
	assert_int_equal(p->gateways[1].family, AF_INET6);
	assert_int_equal(p->gateways[1].metric, 1024);
	assert_memory_equal(p->gateways[1].source.b, ip("2001:db8:1::10").b, 16);
	assert_int_equal(p->outer4.index, WAN0);
	assert_int_equal(p->outer4.mtu, 1500);
	assert_false(netwatch_is_partial(nw));
}

/* One after the other, as ip(8) had done it when they were captured */
static void events(void **state)
{
	const struct netwatch_picture *p;

	(void)state;
	captured_start();
	assert_true(tell() > 0);

	/* What is known already, and what is not usable yet */
	input_hex(addr4_hex);
	assert_true(netwatch_deadline(nw) == UINT64_MAX);
	input_hex(addr6_tentative_hex);
	assert_told("A- 2001:db8:1::10 G! fe80::1 O6 none DNS");
	input_hex(addr6_done_hex);
	assert_told("A+ 2001:db8:1::10 G! fe80::1 O6 2001:db8:1::10 DNS");

	/* Which one is replaced has to be asked. */
	input_hex(replace4_hex);
	answer_dumps(NULL, NULL, replace4_hex, NULL);
	assert_told("G- 192.0.2.1 G+ 192.0.2.254 DNS");
	input_hex(multipath4_hex);
	answer_dumps(NULL, NULL, multipath4_hex, NULL);
	assert_told("G+ 192.0.2.1 DNS");
	input_hex(via6_hex);
	answer_dumps(NULL, NULL, via6_hex, NULL);
	assert_told("G- 192.0.2.1 G- 192.0.2.254 G+ fe80::1 DNS");
	p = netwatch_picture(nw);
	assert_int_equal(p->gateways[0].family, AF_INET);
	assert_int_equal(p->gateways[0].ip.len, 16);
	assert_memory_equal(p->gateways[0].source.b, ip("192.0.2.10").b, 4);

	/* No message says that the routes are gone. */
	input_hex(link_down_hex);
	answer_dumps(NULL, NULL, NULL, NULL);
	assert_told("L- wan0 A- 192.0.2.10 A- 2001:db8:1::10 G- fe80::1 G- fe80::1 "
		    "O4 none O6 none DNS");
	input_hex(addr4_gone_hex);
	answer_dumps(NULL, NULL, NULL, NULL);
	input_hex(link_gone_hex);
	answer_dumps(NULL, NULL, NULL, NULL);
	now += NETWATCH_LATEST;
	assert_int_equal(tell(), 0);
	assert_int_equal(netwatch_picture(nw)->n_links, 1);
}

/* Quiet for 50 ms, or 250 ms after the first */
static void coalesced(void **state)
{
	uint64_t first;
	uint32_t mtu = 1400;

	(void)state;
	captured_start();
	tell();
	first = now;
	link_message((struct kernel_link){ .index = 9, .name = "eth9", .flags = UP, .mtu = mtu });
	assert_true(netwatch_deadline(nw) == first + NETWATCH_QUIET);
	now = first + NETWATCH_QUIET - 1;
	assert_int_equal(tell(), 0);
	now++;
	assert_int_equal(tell(), 1);
	assert_string_equal(told.text, "L+ eth9");

	first = now;
	for (; now < first + NETWATCH_LATEST; now += 40) {
		link_message((struct kernel_link){
			.index = 9, .name = "eth9", .flags = UP, .mtu = ++mtu });
		assert_int_equal(tell(), 0);
	}
	now = first + NETWATCH_LATEST - 1;
	assert_int_equal(tell(), 0);
	assert_true(netwatch_deadline(nw) == ++now);
	assert_int_equal(tell(), 1);
	assert_string_equal(told.text, "L! eth9");

	/* There and back again in that time is nothing. */
	link_message((struct kernel_link){ .index = 9, .name = "eth9", .mtu = mtu });
	link_message((struct kernel_link){ .index = 9, .name = "eth9", .flags = UP, .mtu = mtu });
	now += NETWATCH_LATEST;
	assert_int_equal(tell(), 0);
	assert_true(netwatch_deadline(nw) == UINT64_MAX);
}

/* All in one message of ip(8): up, an address, a gateway. */
static void plug(uint32_t carriers, const char *own, const char *gw, uint32_t metric)
{
	link_message((struct kernel_link){
		.index = 9, .name = "eth9", .flags = UP, .carriers = carriers, .bus = "pci" });
	addr_message((struct kernel_addr){ .index = 9, .ip = own, .prefix = 24 });
	assert_int_equal(tell(), 0);
	route_message((struct kernel_route){ .index = 9, .gateway = gw, .metric = metric });
}

static void unplug(const char *own)
{
	link_message((struct kernel_link){ .index = 9, .name = "eth9", .bus = "pci" });
	addr_message((struct kernel_addr){
		.type = RTM_DELADDR, .index = 9, .ip = own, .prefix = 24 });
}

/* Who has moved does not wait until it is quiet; but not twice in a quarter of a second. */
static void hurried(void **state)
{
	(void)state;
	captured_start();
	tell();
	now += 1000;
	plug(1, "198.51.100.5", "198.51.100.1", 50);
	assert_true(tell() > 0);
	assert_string_equal(told.text, "L+ eth9 A+ 198.51.100.5 G+ 198.51.100.1 "
			    "O4 198.51.100.5 DNS");
	assert_true(netwatch_deadline(nw) == UINT64_MAX);

	/* It is gone: that is not told before it is sure. */
	now += 100;
	unplug("198.51.100.5");
	answer_dumps(NULL, addr4_hex, dump_routes4_hex, dump_routes6_hex);
	assert_int_equal(tell(), 0);
	/* Nor is what comes next, so soon. */
	plug(2, "203.0.113.5", "203.0.113.1", 50);
	assert_int_equal(tell(), 0);
	now += NETWATCH_QUIET;
	assert_true(tell() > 0);
	assert_non_null(strstr(told.text, "O4 203.0.113.5"));

	/* The same address once more, in another network */
	now += 200;
	unplug("203.0.113.5");
	answer_dumps(NULL, addr4_hex, dump_routes4_hex, dump_routes6_hex);
	plug(3, "203.0.113.5", "203.0.113.1", 50);
	assert_true(tell() > 0);
	assert_non_null(strstr(told.text, "O4 203.0.113.5"));

	/* Another gateway, but not by which packets leave; and an address without one */
	now += 1000;
	route_message((struct kernel_route){
		.index = WAN0, .gateway = "192.0.2.77", .metric = 900 });
	addr_message((struct kernel_addr){ .index = 9, .ip = "203.0.113.6", .prefix = 24 });
	assert_int_equal(tell(), 0);
	now += NETWATCH_QUIET;
	assert_true(tell() > 0);
	assert_null(strstr(told.text, "O4"));
}

/* After an overrun, all is asked for again, and only the difference is told. */
static void overrun(void **state)
{
	uint32_t seq, old;

	(void)state;
	captured_start();
	tell();

	netwatch_overrun(nw, now);
	assert_int_equal(asked(&seq), 0);
	now = netwatch_deadline(nw);
	assert_int_equal(asked(&old), RTM_GETLINK);
	/* Once more, in the middle of it: the end that may still come is of no use. */
	netwatch_overrun(nw, now);
	now = netwatch_deadline(nw);
	assert_int_equal(asked(&seq), RTM_GETLINK);
	assert_true(seq != old);
	done(old, 0, 0);
	assert_int_equal(asked(&old), 0);
	input_hex(dump_links_hex);
	done(seq, 0, 0);
	answer_dumps(NULL, addr4_hex, dump_routes4_hex, NULL);
	assert_told("A- 2001:db8:1::10 G- fe80::1 O6 none DNS");
	assert_true(netwatch_deadline(nw) == UINT64_MAX);
}

/* What the kernel says itself, and its refusals */
static void asked_again(void **state)
{
	uint64_t at, wait = 0;
	uint32_t seq;
	int i;

	(void)state;
	assert_int_equal(asked(&seq), RTM_GETLINK);
	done(seq, NLM_F_DUMP_INTR, 0);
	assert_int_equal(asked(&seq), 0);
	now = netwatch_deadline(nw);
	assert_int_equal(asked(&seq), RTM_GETLINK);
	assert_int_equal(netwatch_error(nw), 0);

	/* Refused: less and less often */
	for (i = 0; i < 20; i++) {
		done(seq, 0, -EBUSY);
		assert_int_equal(netwatch_error(nw), -EBUSY);
		at = netwatch_deadline(nw);
		assert_true(at - now >= wait && at - now <= 30000);
		wait = at - now;
		now = at;
		assert_int_equal(asked(&seq), RTM_GETLINK);
	}
	assert_int_equal(wait, 30000);

	/* A request that was taken is no end, nor is one for somebody else. */
	done(seq + 1, 0, 0);
	assert_int_equal(asked(&seq), 0);
	assert_int_equal(netwatch_error(nw), -EBUSY);

	/* Silence */
	now = netwatch_deadline(nw);
	assert_int_equal(asked(&seq), 0);
	now = netwatch_deadline(nw);
	assert_int_equal(asked(&seq), RTM_GETLINK);
	done(seq, 0, 0);
	assert_int_equal(netwatch_error(nw), 0);
	answer_dumps(NULL, NULL, NULL, NULL);
	assert_true(netwatch_is_ready(nw));
}

/* Cut anywhere or with any bit turned, in messages of each kind: no harm. */
static void damaged(void **state)
{
	static const char *const all[] = {
		addr4_hex, addr6_done_hex, replace4_hex, multipath4_hex, via6_hex, link_gone_hex,
	};
	uint8_t buf[2048], *exact;
	size_t i, k, len;
	uint32_t seq;

	(void)state;
	captured_start();
	for (i = 0; i < N_OF(all); i++) {
		assert_int_equal(text_to_bytes(all[i], buf, sizeof(buf), &len), 0);
		for (k = 1; k < len; k++) {
			exact = exact_copy(buf, k);
			assert_int_equal(netwatch_input(nw, now, exact, k), -EBADMSG);
			free(exact);
		}
		for (k = 0; k < 8 * len; k++) {
			exact = exact_copy(buf, len);
			exact[k / 8] ^= (uint8_t)(1 << k % 8);
			netwatch_input(nw, now, exact, len);
			free(exact);
			now += NETWATCH_LATEST;
			tell();
		}
	}
	/* What is right comes through in the end. */
	now += 60000;
	while (asked(&seq))
		done(seq, 0, 0);
	now += 60000;
	while (asked(&seq))
		done(seq, 0, 0);
	now += NETWATCH_LATEST;
	tell();
	assert_int_equal(netwatch_picture(nw)->n_links, 0);
	assert_int_equal(netwatch_picture(nw)->n_addrs, 0);
	assert_int_equal(netwatch_picture(nw)->n_gateways, 0);
	assert_true(netwatch_deadline(nw) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(start, new_watch, free_watch),
		cmocka_unit_test_setup_teardown(events, new_watch, free_watch),
		cmocka_unit_test_setup_teardown(coalesced, new_watch, free_watch),
		cmocka_unit_test_setup_teardown(hurried, new_watch, free_watch),
		cmocka_unit_test_setup_teardown(overrun, new_watch, free_watch),
		cmocka_unit_test_setup_teardown(asked_again, new_watch, free_watch),
		cmocka_unit_test_setup_teardown(damaged, new_watch, free_watch),
	};

	return cmocka_run_group_tests_name("netwatch", tests, NULL, NULL);
}
