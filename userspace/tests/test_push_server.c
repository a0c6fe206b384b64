// SPDX-License-Identifier: GPL-2.0-or-later
/* DNS Push (RFC 8765): subscriptions and what is pushed. */
#include "test.h"

#include "push_server_world.h"

static void subscribes(void **state)
{
	(void)state;
	rr_add(host, DNS_A, 1);
	rr_add(host, DNS_A, 2);
	rr_add(host, DNS_AAAA, 3);
	commit();
	subscribe(1, 5, host, DNS_A);
	assert_dso("ok 5");
	assert_int_equal(w.got->to.stream, 1);
	assert_dso("push +host/A.1 +host/A.2");
	assert_dso("nothing");
	assert_true(w.held[1]);
	assert_int_equal(stats().sessions, 1);
	assert_int_equal(stats().push_subs, 1);

	/* Nothing there: no PUSH, and above all no NXDOMAIN. */
	subscribe(1, 6, other, DNS_A);
	assert_dso("ok 6");
	assert_dso("nothing");
	rr_add(other, DNS_A, 9);
	commit();
	assert_dso("push +other/A.9");
	assert_dso("nothing");
}

static void adds_and_removes(void **state)
{
	(void)state;
	rr_add(host, DNS_A, 1);
	rr_add(host, DNS_A, 2);
	commit();
	subscribe(1, 5, host, DNS_A);
	keepalive(1, 6, 0, 0);
	next_dso();
	next_dso();
	next_dso();
	rr_del(host, DNS_A, 1);
	rr_add(host, DNS_A, 3);
	commit();
	assert_dso("push -host/A.1 +host/A.3");
	/* The last ones go collectively: RFC 8765 6.3.1 */
	rr_del(host, DNS_A, 2);
	rr_del(host, DNS_A, 3);
	commit();
	assert_dso("push *host/1");
	/* No acknowledgement, no retransmission. */
	pass(60 * SECOND);
	assert_dso("nothing");
	/* A TTL that changes is an addition. */
	rr_add(host, DNS_A, 1);
	commit();
	assert_dso("push +host/A.1");
	assert_int_equal(zone_add(w.zones[0].z, host, DNS_A, 7,
				  (const uint8_t[]){ 192, 0, 2, 1 }, 4), 0);
	commit();
	assert_dso("push +host/A.1");
	assert_dso("nothing");
	assert_int_equal(stats().pushes, 5);
}

/* RFC 8765 6.3.1: as many notifications as possible in one message. */
static void coalesced(void **state)
{
	(void)state;
	subscribe(1, 1, host, DNS_A);
	subscribe(1, 2, host, DNS_AAAA);
	subscribe(1, 3, other, DNS_A);
	subscribe(2, 1, other, DNS_A);
	w.first = (w.first + w.n_sent) % N_SENT;
	w.n_sent = 0;
	rr_add(other, DNS_A, 1);
	rr_add(host, DNS_A, 2);
	rr_add(host, DNS_AAAA, 3);
	rr_add(host, DNS_AAAA, 4);
	rr_del(host, DNS_AAAA, 4);
	commit();
	assert_int_equal(w.n_sent, 2);
	while (w.n_sent) {
		next_dso();
		if (w.got->to.stream == 2)
			assert_string_equal(w.text, "push +other/A.1");
		else
			assert_string_equal(w.text, "push +other/A.1 +host/A.2 +host/AAAA.3");
	}
}

static void larger_than_one_message(void **state)
{
	const uint8_t txt[] = "\3txt\7example\3com";
	unsigned int i, seen = 0, messages = 0;
	const char *p;

	(void)state;
	subscribe(1, 1, txt, DNS_TXT);
	assert_dso("ok 1");
	for (i = 0; i < 200; i++)
		rr_add(txt, DNS_TXT, i);
	commit();
	while (strcmp(next_dso(), "nothing")) {
		messages++;
		for (p = w.text; (p = strstr(p, "+txt")); p++)
			seen++;
	}
	assert_int_equal(seen, 200);
	assert_int_equal(messages, 3);
	/* To one who comes later all the same. */
	subscribe(2, 1, txt, DNS_TXT);
	assert_dso("ok 1");
	for (seen = 0; strcmp(next_dso(), "nothing");)
		for (p = w.text; (p = strstr(p, "+txt")); p++)
			seen++;
	assert_int_equal(seen, 200);
}

static void record_for_no_message(void **state)
{
	static uint8_t rdata[20000];

	(void)state;
	subscribe(1, 1, host, 65280);
	assert_dso("ok 1");
	assert_int_equal(zone_add(w.zones[0].z, host, 65280, 60, rdata, sizeof(rdata)), 0);
	assert_int_equal(zone_add(w.zones[0].z, host, 65280, 60, rdata, 4), 0);
	commit();
	assert_dso("push +host/65280.0");
	assert_dso("nothing");
}

/* TYPE ANY: everything at the name, told once whatever else one has subscribed to. */
static void any_type(void **state)
{
	(void)state;
	rr_add(host, DNS_A, 1);
	rr_add(host, DNS_AAAA, 2);
	commit();
	subscribe(1, 1, host, DNS_ANY);
	assert_dso("ok 1");
	assert_dso("push +host/A.1 +host/AAAA.2");
	subscribe(1, 2, host, DNS_A);
	assert_dso("ok 2");
	assert_dso("push +host/A.1");
	rr_add(host, DNS_A, 3);
	rr_add(host, DNS_TXT, 4);
	commit();
	assert_dso("push +host/A.3 +host/16.4");
	assert_dso("nothing");
	rr_del(host, DNS_A, 1);
	rr_del(host, DNS_A, 3);
	commit();
	assert_dso("push *host/1");
	rr_del(host, DNS_AAAA, 2);
	rr_del(host, DNS_TXT, 4);
	commit();
	assert_dso("push *host/255");
	assert_dso("nothing");
}

/* CLASS ANY matches what there is: IN. It is another subscription than IN. */
static void any_class(void **state)
{
	(void)state;
	subscribe_class(1, 1, host, DNS_A, DNS_CLASS_ANY);
	assert_dso("ok 1");
	subscribe(1, 2, host, DNS_A);
	assert_dso("ok 2");
	rr_add(host, DNS_A, 1);
	commit();
	assert_dso("push +host/A.1");
	assert_dso("nothing");
	assert_int_equal(stats().push_subs, 2);
}

static void unsubscribes(void **state)
{
	(void)state;
	subscribe(1, 1, host, DNS_A);
	subscribe(1, 2, other, DNS_A);
	assert_dso("ok 1");
	assert_dso("ok 2");
	unsubscribe(1, 1);
	assert_dso("nothing");		/* is not answered */
	rr_add(host, DNS_A, 1);
	rr_add(other, DNS_A, 1);
	commit();
	assert_dso("push +other/A.1");
	assert_int_equal(stats().push_subs, 1);
	assert_int_equal(stats().names, 1);
	/* One that is not there (any more): it may have crossed something. */
	unsubscribe(1, 1);
	unsubscribe(1, 77);
	assert_log("");
	/* Its ID may be used again. */
	subscribe(1, 1, host, DNS_A);
	assert_dso("ok 1");
	assert_dso("push +host/A.1");
}

/* RFC 8765 6.2.1: what is active already, under its ID or again, is a fatal error. */
static void subscribed_twice(void **state)
{
	static const uint8_t shout[] = "\4HOST\7EXAMPLE\3COM";

	(void)state;
	subscribe(1, 1, host, DNS_A);
	assert_dso("ok 1");
	subscribe(1, 2, shout, DNS_A);
	assert_log("abort1 ");
	assert_int_equal(stats().sessions, 0);
	assert_int_equal(stats().push_subs, 0);
	assert_dso("nothing");

	subscribe(2, 1, host, DNS_A);
	assert_dso("ok 1");
	subscribe(2, 1, other, DNS_A);
	assert_log("abort2 ");
	/* Others may have the same. */
	subscribe(3, 1, host, DNS_A);
	assert_dso("ok 1");
	assert_log("");
}

static void reconfirms(void **state)
{
	struct subs_origin from = tls(1);
	struct dso_writer d;
	uint8_t msg[128];

	(void)state;
	subscribe(1, 1, host, DNS_A);
	assert_dso("ok 1");
	dso_writer_init(&d, msg, sizeof(msg), DSO_UNIDIRECTIONAL, 0, 0);
	dso_put_reconfirm(&d, host, DNS_A, DNS_IN, (const uint8_t[]){ 192, 0, 2, 1 }, 4);
	give(&from, &d);
	assert_dso("nothing");
	assert_log("");
	assert_int_equal(stats().sessions, 1);
	/* Malformed: type ANY cannot be reconfirmed. */
	dso_writer_init(&d, msg, sizeof(msg), DSO_UNIDIRECTIONAL, 0, 0);
	dso_put_reconfirm(&d, host, DNS_A, DNS_IN, NULL, 0);
	dns_put16(msg + DNS_HEADER + 4 + sizeof(host), DNS_ANY);
	give(&from, &d);
	assert_log("abort1 ");
}

static void refusals(void **state)
{
	static const uint8_t foreign[] = "\4host\7example\3net";
	static const uint8_t static_host[] = "\4host\5still\7example\3com";
	struct subs_stats before;

	(void)state;
	subscribe(1, 1, foreign, DNS_A);
	assert_dso("rcode9 1 retry 300000");
	subscribe_class(1, 2, host, DNS_A, 3);
	assert_dso("rcode9 2 retry 300000");
	subscribe(1, 3, host, DNS_AXFR);
	assert_dso("rcode1 3 retry 300000");
	subscribe(1, 4, host, 0);
	assert_dso("rcode1 4 retry 300000");
	subscribe(1, 5, static_host, DNS_A);
	assert_dso("rcode5 5 retry 300000");
	w.zones[0].unloaded = true;
	subscribe(1, 6, host, DNS_A);
	assert_dso("rcode2 6 retry 60000");
	w.zones[0].unloaded = false;
	/* Refusals are no fatal errors, and establish nothing. */
	assert_log("");
	assert_false(w.held[1]);
	before = stats();
	assert_int_equal(before.push_subs, 0);
	assert_int_equal(before.refused[SUBS_REFUSED_DSO], 6);
	subscribe(1, 1, host, DNS_A);
	assert_dso("ok 1");
}

/* A private zone shows nothing to who has not proved to be of the account. */
static void private_zone(void **state)
{
	static const uint8_t nowhere[] = "\4gone\5alice\7example\3com";
	struct subs_origin from = tls(1), wrong = tls(2);

	(void)state;
	rr_add(secret_host, DNS_AAAA, 1);
	commit();
	subscribe(1, 1, secret_host, DNS_AAAA);
	assert_dso("rcode5 1 retry 300000");
	subscribe(1, 2, nowhere, DNS_AAAA);
	assert_dso("rcode5 2 retry 300000");
	assert_int_equal(subs_push_bind(w.s, &wrong, &bob_key, w.now), 0);
	subscribe(2, 3, secret_host, DNS_AAAA);
	assert_dso("rcode5 3 retry 300000");

	assert_int_equal(subs_push_bind(w.s, &from, &mac_key, w.now), 0);
	subscribe(1, 1, secret_host, DNS_AAAA);
	assert_dso("ok 1");
	assert_dso("push +host/AAAA.1");
	rr_add(secret_host, DNS_AAAA, 2);
	commit();
	assert_dso("push +host/AAAA.2");
	/* Bound is bound: the same again, but nobody else, nor with another secret. */
	assert_int_equal(subs_push_bind(w.s, &from, &mac_key, w.now), 0);
	assert_int_equal(subs_push_bind(w.s, &from, &mini_key, w.now), -EPERM);
	assert_int_equal(subs_push_bind(w.s, &from,
					&(struct subs_identity){ mac_key.name, alice, 99 },
					w.now), -EPERM);
	assert_dso("nothing");
}

/* The BTMM rule for push: the address again; SRV and A are subscribed to beside it. */
static void host_moves(void **state)
{
	static const uint8_t tunnel[] = "\x0b_autotunnel\x04_udp\4host\7example\3com";

	(void)state;
	rr_add(host, DNS_AAAA, 1);
	rr_add_to(tunnel, DNS_SRV, 4500, other);
	rr_add(other, DNS_A, 1);
	commit();
	subscribe(1, 1, host, DNS_AAAA);
	next_dso();
	assert_dso("push +host/AAAA.1");
	rr_del(other, DNS_A, 1);
	rr_add(other, DNS_A, 2);
	commit();
	assert_dso("push +host/AAAA.1");
	assert_dso("nothing");
}

static void limits(void **state)
{
	(void)state;
	w.config.max_sessions = 2;
	w.config.max_per_client = 3;
	w.config.max_per_zone = 2;
	world_again();
	subscribe(1, 1, host, DNS_A);
	assert_dso("ok 1");
	subscribe(2, 1, host, DNS_A);
	assert_dso("ok 1");
	subscribe(3, 1, host, DNS_A);
	assert_dso("rcode2 1 retry 300000");
	assert_int_equal(stats().sessions, 2);
	subscribe(2, 2, host, DNS_AAAA);
	assert_dso("rcode2 2 retry 300000");
	assert_int_equal(subs_push_bind(w.s, &(struct subs_origin){ .transport = SUBS_TLS,
					.stream = 9 }, &mac_key, w.now), -ENOSPC);
	unsubscribe(1, 1);
	subscribe(2, 2, host, DNS_AAAA);
	assert_dso("ok 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(subscribes),
		world_test(adds_and_removes),
		world_test(coalesced),
		world_test(larger_than_one_message),
		world_test(record_for_no_message),
		world_test(any_type),
		world_test(any_class),
		world_test(unsubscribes),
		world_test(subscribed_twice),
		world_test(reconfirms),
		world_test(refusals),
		world_test(private_zone),
		world_test(host_moves),
		world_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
