// SPDX-License-Identifier: GPL-2.0-or-later
/* DSO sessions (RFC 8490) of DNS Push: how they begin, idle, err and end. */
#include "test.h"

#include "push_server_world.h"

/* A message whose primary TLV has this type and @len octets of zeros. */
static void raw(const struct subs_origin *from, uint16_t id, uint16_t flags, uint16_t type,
		uint16_t len)
{
	uint8_t msg[128] = { 0 };

	dns_put16(msg, id);
	dns_put16(msg + 2, (uint16_t)(flags | DNS_DSO << 11));
	dns_put16(msg + DNS_HEADER, type);
	dns_put16(msg + DNS_HEADER + 2, len);
	subs_dso(w.s, from, msg, DNS_HEADER + 4 + len, w.now);
}

static void keepalives(void **state)
{
	(void)state;
	/* Whatever it wishes for, the server says what there is. */
	keepalive(1, 9, 1, 1);
	assert_dso("ok 9 keepalive 15000 3600000");
	assert_true(w.held[1]);
	assert_int_equal(stats().sessions, 1);
	keepalive(1, 10, DSO_FOREVER, DSO_FOREVER);
	assert_dso("ok 10 keepalive 15000 3600000");

	w.config.inactivity_ms = 0;
	w.config.keepalive_ms = 1;		/* RFC 8490 6.5.2: never below 10 s */
	subs_configure(w.s, &w.config);
	keepalive(1, 11, 0, 0);
	assert_dso("ok 11 keepalive 0 10000");
}

/* RFC 8490 6.4.2: twice the inactivity timeout without any subscription. */
static void inactive(void **state)
{
	(void)state;
	keepalive(1, 1, 0, 0);
	next_dso();
	pass(20 * SECOND);
	/* Keepalives are no activity, */
	keepalive(1, 2, 0, 0);
	next_dso();
	pass(10 * SECOND - 1);
	assert_log("");
	pass(1);
	assert_log("abort1 ");
	assert_int_equal(stats().sessions, 0);
	assert_false(w.held[1]);

	/* but ordinary queries are, */
	keepalive(2, 1, 0, 0);
	next_dso();
	pass(20 * SECOND);
	subs_push_seen(w.s, 2, w.now);
	pass(29 * SECOND);
	assert_log("");
	pass(SECOND);
	assert_log("abort2 ");
	/* and so is a subscription as long as there is one. */
	subscribe(3, 1, host, DNS_A);
	next_dso();
	pass(29 * SECOND);
	subs_push_seen(w.s, 3, w.now);	/* the default keepalive interval is 15 s */
	pass(29 * SECOND);
	assert_log("");
	keepalive(3, 2, 0, 0);
	next_dso();
	pass(3600 * SECOND);
	assert_log("");
	unsubscribe(3, 1);
	pass(30 * SECOND - 1);
	assert_log("");
	pass(1);
	assert_log("abort3 ");
	assert_true(subs_deadline(w.s) == UINT64_MAX);
}

/* RFC 8490 6.5.2: twice the keepalive interval without any message. */
static void silent(void **state)
{
	(void)state;
	subscribe(1, 1, host, DNS_A);
	keepalive(1, 2, 0, 0);
	pass(7200 * SECOND - 1);
	assert_log("");
	pass(1);
	assert_log("abort1 ");

	/* What the server sends counts, too. */
	subscribe(2, 1, host, DNS_A);
	keepalive(2, 2, 0, 0);
	pass(7000 * SECOND);
	rr_add(host, DNS_A, 1);
	commit();
	pass(7000 * SECOND);
	assert_log("");
	assert_int_equal(stats().sessions, 1);
}

/* An LLQ on the same stream keeps the session from being idle, and after it the stream. */
static void beside_an_llq(void **state)
{
	struct subs_origin from = tls(1);

	(void)state;
	keepalive(1, 1, 0, 0);
	next_dso();
	say(&from, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("setup 3600");
	pass(3000 * SECOND);
	assert_log("");
	assert_true(w.held[1]);
	pass(600 * SECOND);
	assert_int_equal(n_llqs(), 0);
	pass(30 * SECOND);
	assert_log("abort1 ");
	assert_false(w.held[1]);
}

static void fatal_errors(void **state)
{
	static const struct {
		uint16_t id, flags, type, len;
	} bad[] = {
		{ 0, 0, DSO_KEEPALIVE, 8 },		/* only a server's to send so */
		{ 0, 0, DSO_RETRY_DELAY, 4 },		/* only a server's at all */
		{ 3, 0, DSO_RETRY_DELAY, 4 },
		{ 3, 0, DSO_PUSH, 0 },
		{ 0, 0, DSO_PUSH, 0 },
		{ 3, 0, DSO_UNSUBSCRIBE, 2 },
		{ 3, 0, DSO_RECONFIRM, 10 },
		{ 0, 0, DSO_SUBSCRIBE, 5 },
		{ 0, 0, DSO_UNSUBSCRIBE, 3 },
		{ 0, 0, DSO_RECONFIRM, 2 },
		{ 0, 0, 0x77, 0 },			/* unknown, not to be answered */
		{ 3, DNS_QR, DSO_KEEPALIVE, 8 },	/* nothing was asked */
		{ 0, DNS_QR, DSO_KEEPALIVE, 8 },
	};
	uint64_t stream = 1;
	unsigned int i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++, stream++) {
		struct subs_origin from = tls(stream);
		char want[32];

		subscribe(stream, 1, host, DNS_A);
		assert_dso("ok 1");
		raw(&from, bad[i].id, bad[i].flags, bad[i].type, bad[i].len);
		snprintf(want, sizeof(want), "abort%u ", (unsigned int)stream);
		assert_log(want);
		assert_dso("nothing");
		assert_int_equal(stats().sessions, 0);
	}
	/* Also where there is no session yet: nothing unidirectional comes first. */
	raw(&(struct subs_origin){ .transport = SUBS_TLS, .stream = 20 }, 0, 0,
	    DSO_UNSUBSCRIBE, 2);
	assert_log("abort20 ");
	/* Bound, but no operation was done yet. */
	assert_int_equal(subs_push_bind(w.s, &(struct subs_origin){ .transport = SUBS_TLS,
					.stream = 21 }, &mac_key, w.now), 0);
	raw(&(struct subs_origin){ .transport = SUBS_TLS, .stream = 21 }, 0, 0,
	    DSO_UNSUBSCRIBE, 2);
	assert_log("abort21 ");
}

/* What is not known is answered so, what is malformed too. */
static void errors_that_are_answered(void **state)
{
	struct subs_origin from = tls(1);
	uint8_t msg[64] = { 0, 7, DNS_DSO << 3 };

	(void)state;
	raw(&from, 5, 0, 0x77, 3);
	assert_dso("rcode11 5");
	raw(&from, 6, 0, DSO_PADDING, 3);
	assert_dso("rcode11 6");
	raw(&from, 7, 0, DSO_KEEPALIVE, 7);
	assert_dso("rcode1 7 retry 300000");
	raw(&from, 8, 0, DSO_SUBSCRIBE, 4);
	assert_dso("rcode1 8 retry 300000");
	/* No TLV; a count that is not 0; a TLV that is cut short. */
	subs_dso(w.s, &from, msg, DNS_HEADER, w.now);
	assert_dso("rcode1 7 retry 300000");
	msg[5] = 1;
	subs_dso(w.s, &from, msg, DNS_HEADER + 4, w.now);
	assert_dso("rcode1 7 retry 300000");
	msg[5] = 0;
	msg[DNS_HEADER + 3] = 9;
	subs_dso(w.s, &from, msg, DNS_HEADER + 4 + 8, w.now);
	assert_dso("rcode1 7 retry 300000");
	/* The same to nobody in particular ends it. */
	msg[1] = 0;
	subs_dso(w.s, &from, msg, DNS_HEADER + 4 + 8, w.now);
	assert_log("abort1 ");
	/* Not DSO at all */
	msg[2] = 0;
	subs_dso(w.s, &from, msg, DNS_HEADER, w.now);
	assert_dso("nothing");
	assert_log("");
}

/* RFC 8765 5: over TLS alone. */
static void not_without_tls(void **state)
{
	struct subs_origin tcp = from_stream(SUBS_TCP, 1), udp = from_host(1, 5000);

	(void)state;
	raw(&tcp, 5, 0, DSO_KEEPALIVE, 8);
	assert_dso("rcode4 5");
	raw(&udp, 6, 0, DSO_KEEPALIVE, 8);
	assert_dso("rcode4 6");
	raw(&tcp, 0, 0, DSO_UNSUBSCRIBE, 2);
	raw(&udp, 7, DNS_QR, DSO_KEEPALIVE, 8);
	assert_dso("nothing");
	assert_log("");
	assert_int_equal(stats().sessions, 0);
}

static void stream_ends(void **state)
{
	(void)state;
	subscribe(1, 1, host, DNS_A);
	subscribe(1, 2, other, DNS_A);
	subscribe(2, 1, host, DNS_A);
	subs_end_stream(w.s, 1);
	assert_int_equal(stats().push_subs, 1);
	assert_int_equal(stats().sessions, 1);
	assert_false(w.held[1]);
	w.first = (w.first + w.n_sent) % N_SENT;
	w.n_sent = 0;
	rr_add(host, DNS_A, 1);
	rr_add(other, DNS_A, 1);
	/* Between change and commit, too. */
	subs_end_stream(w.s, 2);
	commit();
	assert_dso("nothing");
	assert_int_equal(stats().names, 0);
	subs_end_stream(w.s, 2);
}

static void key_removed(void **state)
{
	struct subs_origin one = tls(1), two = tls(2);

	(void)state;
	assert_int_equal(subs_push_bind(w.s, &one, &mac_key, w.now), 0);
	assert_int_equal(subs_push_bind(w.s, &two, &mini_key, w.now), 0);
	subscribe(1, 1, secret_host, DNS_A);
	subscribe(2, 1, secret_host, DNS_A);
	next_dso();
	next_dso();
	subs_end_identity(w.s, mac_key.name);
	assert_dso("retry 300000 rcode5");
	assert_int_equal(w.got->to.stream, 1);
	assert_log("close1 ");
	rr_add(secret_host, DNS_A, 1);
	commit();
	assert_dso("push +host/A.1");
	assert_int_equal(w.got->to.stream, 2);
	assert_dso("nothing");
}

static void zone_ends(void **state)
{
	(void)state;
	subscribe(1, 1, host, DNS_A);
	subscribe(1, 2, host, DNS_AAAA);
	keepalive(2, 1, 0, 0);
	next_dso();
	next_dso();
	next_dso();
	subs_end_zone(w.s, pub);
	assert_dso("retry 300000 rcode9");
	assert_log("close1 ");
	/* Who had nothing there stays. */
	assert_int_equal(stats().sessions, 1);
	assert_dso("nothing");
}

/* RFC 8490 7.2: spread, so that not all come back at once. */
static void shutdown_of_the_server(void **state)
{
	unsigned int i, ms, same = 0, before = 0;

	(void)state;
	for (i = 1; i <= 20; i++) {
		keepalive(i, 1, 0, 0);
		next_dso();
	}
	subs_push_shutdown(w.s, 1000);
	for (i = 1; i <= 20; i++) {
		assert_int_equal(sscanf(next_dso(), "retry %u", &ms), 1);
		assert_in_range(ms, 1000, 2000);
		same += ms == before;
		before = ms;
	}
	assert_true(same < 10);
	assert_dso("nothing");
	assert_int_equal(stats().sessions, 0);
	assert_non_null(strstr(w.log, "close20 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(keepalives),
		world_test(inactive),
		world_test(silent),
		world_test(beside_an_llq),
		world_test(fatal_errors),
		world_test(errors_that_are_answered),
		world_test(not_without_tls),
		world_test(stream_ends),
		world_test(key_removed),
		world_test(zone_ends),
		world_test(shutdown_of_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
