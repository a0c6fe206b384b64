// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The BTMM rule: a host that is elsewhere keeps its AAAA; who subscribes to that is
 * told nevertheless, with the SRV and addresses in the additional section.
 */
#include "test.h"

#include "llq_server_world.h"

#define TUNNEL	"\x0b_autotunnel\x04_udp"
static const uint8_t tunnel[] = TUNNEL "\4host\5alice\7example\3com";
static const uint8_t outer[] = "\5outer\5alice\7example\3com";
static const uint8_t outer2[] = "\6outer2\5alice\7example\3com";
static const uint8_t abroad[] = "\6abroad\7example\3com";

static struct subs_origin me;
static uint8_t id[LLQ_ID_LEN];

/* The host is at outer, port 4500, 192.0.2.1, and has an inner address. */
static void there(void)
{
	rr_add(secret_host, DNS_AAAA, 1);
	rr_add_to(tunnel, DNS_SRV, 4500, outer);
	rr_add(outer, DNS_A, 1);
	commit();
	me = from_host(1, 5000);
	set_up(&me, &mac_key, secret_host, DNS_AAAA, 7200);
	memcpy(id, w.id[0], LLQ_ID_LEN);
	assert_string_equal(w.text,
			    "setup 7200 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.1");
}

static void assert_event(const char *want)
{
	assert_next(want);
	assert_true(ack(w.got, &mac_key));
	assert_int_equal(w.n_sent, 0);
}

static void srv_changes(void **state)
{
	(void)state;
	there();
	/* Another port */
	rr_del_to(tunnel, DNS_SRV, 4500, outer);
	rr_add_to(tunnel, DNS_SRV, 4501, outer);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4501 &outer/A.1");
	/* Another target, whose address is known already; then that changes */
	rr_add(outer2, DNS_A, 2);
	commit();
	assert_next("nothing");
	rr_del_to(tunnel, DNS_SRV, 4501, outer);
	rr_add_to(tunnel, DNS_SRV, 4501, outer2);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4501 &outer2/A.2");
	rr_del(outer2, DNS_A, 2);
	rr_add(outer2, DNS_A, 3);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4501 &outer2/A.3");
	/* The old target no longer matters. */
	rr_del(outer, DNS_A, 1);
	commit();
	assert_next("nothing");
}

static void address_changes(void **state)
{
	(void)state;
	there();
	rr_del(outer, DNS_A, 1);
	rr_add(outer, DNS_A, 2);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.2");
	/* The way of several updates: gone, then there. */
	rr_del(outer, DNS_A, 2);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4500");
	rr_add(outer, DNS_A, 3);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.3");
	/* An outer IPv6 address, too */
	rr_add(outer, DNS_AAAA, 66);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.3 &outer/AAAA.66");
	/* Other records of the target, the same again, a new TTL: nobody has moved. */
	rr_add(outer, DNS_TXT, 1);
	commit();
	rr_del(outer, DNS_A, 3);
	rr_add(outer, DNS_A, 3);
	commit();
	assert_int_equal(zone_add(w.zones[1].z, outer, DNS_A, 5,
				  (const uint8_t[]){ 192, 0, 2, 3 }, 4), 0);
	commit();
	assert_next("nothing");
}

/* SRV and A in one update or transfer, in whichever order: one event. */
static void all_at_once(void **state)
{
	(void)state;
	there();
	rr_add(outer2, DNS_A, 7);
	rr_del_to(tunnel, DNS_SRV, 4500, outer);
	rr_del(outer, DNS_A, 1);
	rr_add_to(tunnel, DNS_SRV, 9, outer2);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.9 &outer2/A.7");

	rr_del_to(tunnel, DNS_SRV, 9, outer2);
	rr_add_to(tunnel, DNS_SRV, 10, outer);
	rr_del(secret_host, DNS_AAAA, 1);
	rr_add(secret_host, DNS_AAAA, 2);
	rr_add(outer, DNS_A, 8);
	commit();
	assert_event("event 0 -host/AAAA.1 +host/AAAA.2 &_autotunnel/SRV.10 &outer/A.8");
}

static void comes_and_goes(void **state)
{
	(void)state;
	there();
	/* Asleep: the SRV goes, the address stays */
	rr_del_to(tunnel, DNS_SRV, 4500, outer);
	commit();
	assert_event("event 0 +host/AAAA.1");
	rr_del(outer, DNS_A, 1);
	commit();
	assert_next("nothing");
	rr_add(outer, DNS_A, 5);
	rr_add_to(tunnel, DNS_SRV, 4500, outer);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.5");
	/* Without an inner address there is nothing to tell of. */
	rr_del(secret_host, DNS_AAAA, 1);
	commit();
	assert_event("event 0 -host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.5");
	rr_del(outer, DNS_A, 5);
	commit();
	assert_next("nothing");
	/* What it comes back with is told whole. */
	rr_add(outer, DNS_A, 6);
	rr_add(secret_host, DNS_AAAA, 3);
	commit();
	assert_event("event 0 +host/AAAA.3 &_autotunnel/SRV.4500 &outer/A.6");
}

static void moves_while_an_event_is_out(void **state)
{
	struct sent *event;

	(void)state;
	there();
	rr_del(outer, DNS_A, 1);
	rr_add(outer, DNS_A, 2);
	commit();
	assert_next("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.2");
	event = w.got;
	rr_del(outer, DNS_A, 2);
	rr_add(outer, DNS_A, 3);
	commit();
	assert_next("nothing");
	assert_true(ack(event, &mac_key));
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.3");
}

/* Also when more has changed meanwhile than is kept. */
static void moves_among_much_else(void **state)
{
	struct sent *event;
	unsigned int i;

	(void)state;
	w.config.max_waiting = 2;
	world_again();
	there();
	rr_add(secret_host, DNS_AAAA, 2);
	commit();
	next();
	event = w.got;
	for (i = 10; i < 20; i++) {
		rr_add(secret_host, DNS_AAAA, i);
		commit();
	}
	for (i = 10; i < 20; i++) {
		rr_del(secret_host, DNS_AAAA, i);
		commit();
	}
	rr_del(outer, DNS_A, 1);
	rr_add(outer, DNS_A, 9);
	commit();
	assert_true(ack(event, &mac_key));
	assert_event("event 0 +host/AAAA.1 +host/AAAA.2 &_autotunnel/SRV.4500 &outer/A.9");
}

/* The target is in another zone; of a zone that one may not see nothing is shown. */
static void target_in_another_zone(void **state)
{
	static const uint8_t bobs[] = "\5outer\3bob\7example\3com";

	(void)state;
	there();
	rr_add(abroad, DNS_A, 77);
	rr_add(bobs, DNS_A, 78);
	commit();
	rr_del_to(tunnel, DNS_SRV, 4500, outer);
	rr_add_to(tunnel, DNS_SRV, 1, abroad);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.1 &abroad/A.77");
	rr_del(abroad, DNS_A, 77);
	rr_add(abroad, DNS_A, 79);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.1 &abroad/A.79");
	rr_del_to(tunnel, DNS_SRV, 1, abroad);
	rr_add_to(tunnel, DNS_SRV, 2, bobs);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.2");
}

/* RFC 6281 5.2 read strictly: SRV target and host are one name. */
static void target_is_the_host(void **state)
{
	(void)state;
	rr_add(secret_host, DNS_AAAA, 1);
	rr_add(secret_host, DNS_A, 1);
	rr_add_to(tunnel, DNS_SRV, 4500, secret_host);
	commit();
	me = from_host(1, 5000);
	set_up(&me, &mac_key, secret_host, DNS_AAAA, 7200);
	rr_del(secret_host, DNS_A, 1);
	rr_add(secret_host, DNS_A, 2);
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &host/A.2 &host/AAAA.1");
}

/* Two hosts behind one NAT, three who subscribe: each is told of each. */
static void hosts_that_share_a_target(void **state)
{
	static const uint8_t second[] = "\6second\5alice\7example\3com";
	static const uint8_t second_tunnel[] = TUNNEL "\6second\5alice\7example\3com";
	struct subs_origin mini = from_host(2, 5000);

	(void)state;
	there();
	rr_add(second, DNS_AAAA, 2);
	rr_add_to(second_tunnel, DNS_SRV, 4600, outer);
	commit();
	set_up(&mini, &mini_key, second, DNS_AAAA, 7200);
	set_up(&mini, &mini_key, secret_host, DNS_AAAA, 7200);
	rr_del(outer, DNS_A, 1);
	rr_add(outer, DNS_A, 2);
	commit();
	assert_int_equal(w.n_sent, 3);
	while (strcmp(next(), "nothing")) {
		assert_non_null(strstr(w.text, "&outer/A.2"));
		assert_non_null(strstr(w.text, "+"));
	}
	/* With the LLQs what was known of places goes. */
	subs_end_zone(w.s, alice);
	rr_del(outer, DNS_A, 2);
	commit();
	assert_next("nothing");
}

static void many_targets(void **state)
{
	uint8_t target[] = "\2t0\5alice\7example\3com";
	unsigned int i;

	(void)state;
	there();
	for (i = 0; i < 12; i++) {
		target[2] = (uint8_t)('a' + i);
		rr_add_to(tunnel, DNS_SRV, 100 + i, target);
		rr_add(target, DNS_A, 100 + i);
	}
	commit();
	next();
	assert_true(ack(w.got, &mac_key));
	for (i = 0; i < 12; i++) {
		target[2] = (uint8_t)('a' + i);
		rr_del_to(tunnel, DNS_SRV, 100 + i, target);
		rr_del(target, DNS_A, 100 + i);
	}
	commit();
	assert_event("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.1");
}

/* Who subscribes to the SRV or to the A itself gets just that. */
static void other_types_as_ever(void **state)
{
	(void)state;
	there();
	set_up(&me, &mac_key, tunnel, DNS_SRV, 7200);
	rr_add(secret_host, DNS_A, 1);
	commit();
	assert_next("nothing");
	rr_del_to(tunnel, DNS_SRV, 4500, outer);
	commit();
	assert_next("event 0 -_autotunnel/SRV.4500");
	assert_next("event 0 +host/AAAA.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(srv_changes),
		world_test(address_changes),
		world_test(all_at_once),
		world_test(comes_and_goes),
		world_test(moves_while_an_event_is_out),
		world_test(moves_among_much_else),
		world_test(target_in_another_zone),
		world_test(target_is_the_host),
		world_test(hosts_that_share_a_target),
		world_test(many_targets),
		world_test(other_types_as_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
