// SPDX-License-Identifier: GPL-2.0-or-later
/* The session around subscriptions: who we are, timeouts, ends. */
#include "test.h"

#include <errno.h>

#include "push_world.h"

static const uint8_t channel[PUSH_CHANNEL_LEN] = "0123456789abcdef0123456789abcde";

/* The signed question; its ID */
static uint16_t sends_bind(void)
{
	struct edns_option o;
	struct dns_question q;
	struct dns_shape shape;
	struct dns_walk walk;
	size_t pos = 0;

	assert_true(push_client_deadline(w.c) <= w.now);
	assert_true(sends());
	assert_int_equal(dns_flags(w.out), 0);
	assert_int_equal(dns_shape(w.out, w.len, &shape), 0);
	assert_int_equal(edns_next(shape.opt, shape.opt_len, &pos, &o), 1);
	assert_int_equal(o.code, EDNS_CHANNEL);
	assert_int_equal(o.len, PUSH_CHANNEL_LEN);
	assert_memory_equal(o.data, channel, PUSH_CHANNEL_LEN);
	dns_walk_init(&walk, w.out, w.len);
	assert_int_equal(dns_walk_question(&walk, &q), 1);
	assert_true(dname_equal(q.name, zone));
	assert_int_equal(q.type, DNS_SOA);
	return dns_id(w.out);
}

static void answers_bind(uint16_t id, unsigned int rcode)
{
	uint8_t msg[128];
	struct dns_writer d;

	dns_writer_init(&d, msg, sizeof(msg), id, (uint16_t)(DNS_QR | rcode));
	dns_put_question(&d, zone, DNS_SOA, DNS_IN);
	hears(msg, d.len);
}

/* Nothing is subscribed to before the server knows who we are. */
static void bound(void **state)
{
	uint16_t id;

	(void)state;
	start(true);
	add("q");
	wishes(PUSH_CONNECT);
	push_client_connected(w.c, w.now, channel);
	id = sends_bind();
	silent();
	/* Not an answer to this, or no answer at all */
	answers_bind((uint16_t)(id + 1), 0);
	hears(w.out, w.len);
	silent();
	/* Not signed, or wrong */
	w.verdict = SIGNER_BAD;
	answers_bind(id, 0);
	silent();
	w.verdict = SIGNER_GOOD;
	answers_bind(id, 0);
	keeps_alive(sends_keepalive(), 15000, 3600000);
	sends_subscribe(host, DNS_A);
	wishes(PUSH_NOTHING);
	stop();
}

static void bind_refused(void **state)
{
	uint64_t wait = 30 * SECONDS;
	unsigned int i;

	(void)state;
	start(true);
	add("q");
	for (i = 0; i < 10; i++) {
		uint64_t due;

		wishes(PUSH_CONNECT);
		push_client_connected(w.c, w.now, channel);
		answers_bind(sends_bind(), DNS_REFUSED);
		assert_int_equal(push_client_error(w.c), 256 + DNS_REFUSED);
		wishes(PUSH_CLOSE);
		wishes(PUSH_NOTHING);
		due = push_client_deadline(w.c);
		assert_in_range(due - w.now, wait, wait + wait / 10);
		wait = 2 * wait > HOURS ? HOURS : 2 * wait;
		w.now = due;
	}
	push_client_retry(w.c, w.now);
	wishes(PUSH_CONNECT);
	stop();
}

/* What is not signed counts only when nothing else comes. */
static void bind_unsigned_error(void **state)
{
	uint64_t from;

	(void)state;
	start(true);
	add("q");
	wishes(PUSH_CONNECT);
	push_client_connected(w.c, w.now, channel);
	w.verdict = SIGNER_BAD;
	answers_bind(sends_bind(), DNS_NOTAUTH);
	from = w.now;
	assert_true(push_client_deadline(w.c) == from + 15 * SECONDS);
	w.now += 15 * SECONDS;
	assert_false(sends());
	wishes(PUSH_ABORT);
	assert_int_equal(push_client_error(w.c), 256 + DNS_NOTAUTH);
	assert_in_range(push_client_deadline(w.c) - w.now, 30 * SECONDS, 33 * SECONDS);

	/* Silence alone: it may have been the network. */
	push_client_moved(w.c, w.now);
	wishes(PUSH_CONNECT);
	push_client_connected(w.c, w.now, channel);
	sends_bind();
	w.now += 15 * SECONDS;
	assert_false(sends());
	wishes(PUSH_ABORT);
	assert_int_equal(push_client_error(w.c), -ETIMEDOUT);
	wishes(PUSH_CONNECT);
	stop();
}

/* A clock that is off: asked again at once, but once. */
static void bind_clock_off(void **state)
{
	uint16_t id;

	(void)state;
	start(true);
	add("q");
	wishes(PUSH_CONNECT);
	push_client_connected(w.c, w.now, channel);
	w.verdict = SIGNER_AGAIN;
	id = sends_bind();
	answers_bind(id, DNS_NOTAUTH);
	assert_int_not_equal(sends_bind(), id);
	answers_bind(dns_id(w.out), DNS_NOTAUTH);
	wishes(PUSH_CLOSE);
	assert_int_equal(push_client_error(w.c), 256 + DNS_NOTAUTH);

	/* On the next stream, again */
	push_client_retry(w.c, w.now);
	wishes(PUSH_CONNECT);
	push_client_connected(w.c, w.now, channel);
	answers_bind(sends_bind(), DNS_NOTAUTH);
	w.verdict = SIGNER_GOOD;
	answers_bind(sends_bind(), 0);
	sends_keepalive();
	stop();
}

static void cannot_sign(void **state)
{
	(void)state;
	start(true);
	add("q");
	wishes(PUSH_CONNECT);
	push_client_connected(w.c, w.now, channel);
	w.cannot_sign = -EINVAL;
	assert_false(sends());
	wishes(PUSH_CLOSE);
	assert_int_equal(push_client_error(w.c), -EKEYREJECTED);
	assert_true(push_client_deadline(w.c) >= w.now + 30 * SECONDS);
	stop();
}

/* Servers that know no DSO, each in its way */
static void no_dso(void **state)
{
	static const unsigned int rcodes[] = { DNS_NOTIMP, DNS_FORMERR, DNS_REFUSED };
	uint32_t ms = 9000;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rcodes) + 3; i++) {
		uint64_t wait = HOURS, due;
		int error = -EOPNOTSUPP;

		start(false);
		add("q");
		wishes(PUSH_CONNECT);
		push_client_connected(w.c, w.now, NULL);
		sends_keepalive();
		if (i < N_OF(rcodes)) {
			responds(w.dso.id, rcodes[i], NULL);
			wishes(PUSH_CLOSE);
		} else if (i == N_OF(rcodes)) {
			/* No answer */
			assert_true(push_client_deadline(w.c) == w.now + 30 * SECONDS);
			w.now += 30 * SECONDS;
			assert_false(sends());
			wishes(PUSH_ABORT);
		} else if (i == N_OF(rcodes) + 1) {
			push_client_closed(w.c, w.now);
			wait = 30 * SECONDS;
			error = -ECONNRESET;
		} else {
			/* It does know, but is too busy. */
			responds(w.dso.id, DNS_SERVFAIL, &ms);
			wishes(PUSH_CLOSE);
			wait = ms;
			error = 256 + DNS_SERVFAIL;
		}
		assert_int_equal(push_client_error(w.c), error);
		wishes(PUSH_NOTHING);
		due = push_client_deadline(w.c);
		assert_in_range(due - w.now, wait, wait + wait / 10);
		stop();
	}
}

/* Streams that break or cannot be made: at once, then ever later, up to a minute. */
static void losses(void **state)
{
	uint64_t wait = 250;
	unsigned int i;

	(void)state;
	start(false);
	add("q");
	live();
	push_client_closed(w.c, w.now);
	for (i = 0; i < 10; i++) {
		wishes(PUSH_CONNECT);
		push_client_closed(w.c, w.now);
		wishes(PUSH_NOTHING);
		assert_in_range(push_client_deadline(w.c) - w.now, wait, wait + wait / 10);
		w.now = push_client_deadline(w.c);
		wait = 2 * wait > MINUTES ? MINUTES : 2 * wait;
	}
	/* All is forgotten by then. */
	w.now += 5 * MINUTES;
	assert_false(sends());
	/* One that has been known to work may restart while we greet it. */
	wishes(PUSH_CONNECT);
	push_client_connected(w.c, w.now, NULL);
	sends_keepalive();
	push_client_closed(w.c, w.now);
	assert_in_range(push_client_deadline(w.c) - w.now, MINUTES, MINUTES + 6 * SECONDS);
	/* A new network ends the waiting, and a session the count. */
	push_client_moved(w.c, w.now);
	live();
	push_client_closed(w.c, w.now);
	wishes(PUSH_CONNECT);
	stop();
}

static void keeps(void **state)
{
	uint16_t id;
	uint64_t from;

	(void)state;
	start(false);
	add("q");
	live();
	/* The server wants to hear of us more often than we had thought. */
	keeps_alive(0, 15000, 20000);
	from = w.now;
	assert_true(push_client_deadline(w.c) == from + 20 * SECONDS);
	w.now = from + 20 * SECONDS;
	id = sends_keepalive();
	silent();
	keeps_alive(id, 15000, 30000);
	/* What comes counts, too. */
	w.now += 29 * SECONDS;
	pushes(host, "+3");
	w.now += 29 * SECONDS;
	silent();
	w.now += SECONDS;
	id = sends_keepalive();
	/* Less often than we asked for it is never. */
	keeps_alive(id, 15000, DSO_FOREVER);
	assert_true(push_client_deadline(w.c) == w.now + HOURS);
	w.now += HOURS;
	sends_keepalive();
	/* No answer: the server is no more. */
	w.now += 30 * SECONDS;
	w.log[0] = '\0';
	assert_false(sends());
	wishes(PUSH_ABORT);
	assert_log("q=stale ");
	assert_int_equal(push_client_error(w.c), -ETIMEDOUT);
	wishes(PUSH_CONNECT);
	stop();
}

/* Without a question, the session ends in time; with one, it starts anew. */
static void idle(void **state)
{
	struct push_query *q;
	uint64_t from;

	(void)state;
	start(false);
	q = add("q");
	live();
	w.now += 10 * MINUTES;
	silent();
	push_client_remove(w.c, q, w.now);
	sends_dso(DSO_UNIDIRECTIONAL, DSO_UNSUBSCRIBE);
	from = w.now;
	assert_true(push_client_deadline(w.c) == from + 15 * SECONDS);
	/* Timeouts are no use of a session: shorter now, or past already. */
	w.now += 5 * SECONDS;
	keeps_alive(0, 8000, 60000);
	assert_true(push_client_deadline(w.c) == from + 8 * SECONDS);
	wishes(PUSH_NOTHING);
	keeps_alive(0, 0, 60000);
	assert_false(sends());
	wishes(PUSH_CLOSE);
	assert_int_equal(push_client_error(w.c), 0);
	assert_true(push_client_deadline(w.c) == UINT64_MAX);
	add("r");
	session_up();
	stop();
}

static void retry_delay(void **state)
{
	(void)state;
	start(false);
	add("q");
	live();
	w.log[0] = '\0';
	says_retry_delay(DNS_SERVFAIL, 90000);
	assert_log("q=stale ");
	wishes(PUSH_CLOSE);
	wishes(PUSH_NOTHING);
	assert_int_equal(push_client_error(w.c), 256 + DNS_SERVFAIL);
	assert_true(push_client_deadline(w.c) == w.now + 90 * SECONDS);
	/* Nobody knows better. */
	push_client_retry(w.c, w.now);
	wishes(PUSH_NOTHING);
	push_client_moved(w.c, w.now);
	wishes(PUSH_NOTHING);
	w.now += 90 * SECONDS;
	live();
	/* A restart */
	says_retry_delay(DNS_NOERROR, 0);
	wishes(PUSH_CLOSE);
	assert_int_equal(push_client_error(w.c), 0);
	wishes(PUSH_CONNECT);
	stop();
}

/* What the wish was comes about by itself. */
static void crossed(void **state)
{
	(void)state;
	start(false);
	add("q");
	live();
	says_retry_delay(DNS_NOERROR, 0);
	push_client_closed(w.c, w.now);
	wishes(PUSH_CONNECT);
	/* A stream that is made after it was no longer wanted */
	push_client_pause(w.c, w.now);
	push_client_connected(w.c, w.now, NULL);
	wishes(PUSH_ABORT);
	assert_false(sends());
	hears((const uint8_t *)"garbage, thirteen", 17);
	wishes(PUSH_NOTHING);
	stop();
}

/* Requests of the server's: what is unknown is refused, and that is all. */
static void unknown_request(void **state)
{
	uint8_t msg[] = { 0x77, 0x01, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0x01, 0, 0 };
	unsigned int i;

	(void)state;
	start(false);
	add("q");
	live();
	hears(msg, sizeof(msg));
	assert_int_equal(sends_dso(DSO_RESPONSE, 0), 0x7701);
	assert_int_equal(w.dso.rcode, DNS_DSOTYPENI);
	silent();
	wishes(PUSH_NOTHING);
	for (i = 0; i < 5; i++) {
		msg[1]++;
		hears(msg, sizeof(msg));
	}
	wishes(PUSH_ABORT);
	stop();
}

#define HEAD(id, flags)	0, id, flags, 0, 0, 0, 0, 0, 0, 0, 0, 0

/* What ends a session by force, RFC 8490 and 8765 */
static void violations(void **state)
{
	static const struct {
		const char *why;
		uint8_t msg[32];
		size_t len;
	} rows[] = {
		{ "response without ID", { HEAD(0, 0xb0) }, 12 },
		{ "response to nothing", { HEAD(99, 0xb0) }, 12 },
		{ "a count", { 0, 0, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0 }, 16 },
		{ "no TLV", { HEAD(0, 0x30) }, 12 },
		{ "TLV cut off", { HEAD(0, 0x30), 0, 0x41, 0, 9, 1 }, 17 },
		{ "PUSH without a change", { HEAD(0, 0x30), 0, 0x41, 0, 0 }, 16 },
		{ "PUSH cut off", { HEAD(0, 0x30), 0, 0x41, 0, 3, 0, 0, 1 }, 19 },
		{ "PUSH that adds ANY", { HEAD(0, 0x30), 0, 0x41, 0, 11, 0, 0, 255, 0, 1 }, 27 },
		{ "PUSH as a request", { HEAD(7, 0x30), 0, 0x41, 0, 0 }, 16 },
		{ "Keepalive as a request",
		  { HEAD(7, 0x30), 0, 1, 0, 8, 0, 0, 99, 0, 0, 0, 99, 0 }, 24 },
		{ "Keepalive under 10 s",
		  { HEAD(0, 0x30), 0, 1, 0, 8, 0, 0, 99, 0, 0, 0, 0x27, 0x0f }, 24 },
		{ "Keepalive too short", { HEAD(0, 0x30), 0, 1, 0, 4, 0, 0, 99, 0 }, 20 },
		{ "Retry Delay too short", { HEAD(0, 0x30), 0, 2, 0, 2, 0, 0 }, 18 },
		{ "SUBSCRIBE", { HEAD(0, 0x30), 0, 0x40, 0, 0 }, 16 },
		{ "UNSUBSCRIBE", { HEAD(0, 0x30), 0, 0x42, 0, 2, 0, 0 }, 18 },
		{ "unknown, unidirectional", { HEAD(0, 0x30), 0xf8, 1, 0, 0 }, 16 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		start(false);
		add("q");
		live();
		w.log[0] = '\0';
		hears(rows[i].msg, rows[i].len);
		if (push_client_wish(w.c, w.now) != PUSH_ABORT)
			fail_msg("%s", rows[i].why);
		assert_log("q=stale ");
		assert_int_equal(push_client_error(w.c), -EPROTO);
		/* An hour, unless the answers' time is over before */
		wishes(PUSH_NOTHING);
		w.now += HOURS - 1;
		sends();
		wishes(PUSH_NOTHING);
		w.now++;
		wishes(PUSH_CONNECT);
		stop();
	}
}

/* Likewise, at other times than in a session */
static void early_violations(void **state)
{
	struct push_query *q;
	uint16_t id;
	int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		start(i < 2);
		q = add("q");
		wishes(PUSH_CONNECT);
		push_client_connected(w.c, w.now, channel);
		switch (i) {
		case 0:
			/* DSO before we have said a word of it */
			id = sends_bind();
			responds(id, 0, NULL);
			break;
		case 1:
			sends_bind();
			says_retry_delay(0, 5);
			break;
		case 2:
			sends_keepalive();
			pushes(host, "+1");
			break;
		case 3:
			/* Timeouts are missing, too short, twice */
			responds(sends_keepalive(), 0, NULL);
			break;
		case 4:
			keeps_alive(sends_keepalive(), 0, 9999);
			break;
		case 5:
			id = sends_keepalive();
			keeps_alive(id, 15000, 10000);
			keeps_alive(id, 15000, 10000);
			break;
		case 6:
			/* A second yes */
			keeps_alive(sends_keepalive(), 15000, 10000);
			id = sends_subscribe(host, DNS_A);
			responds(id, 0, NULL);
			wishes(PUSH_NOTHING);
			responds(id, 0, NULL);
			break;
		case 7:
			/* ... to what is about to be ended */
			keeps_alive(sends_keepalive(), 15000, 10000);
			id = sends_subscribe(host, DNS_A);
			responds(id, 0, NULL);
			push_client_remove(w.c, q, w.now);
			responds(id, 0, NULL);
			break;
		}
		wishes(PUSH_ABORT);
		assert_int_equal(push_client_error(w.c), -EPROTO);
		stop();
	}
}

/* Many questions: each with an ID of its own, all answers seen to be complete. */
static void many(void **state)
{
	static uint8_t names[1000][DNAME_MAX];
	static uint16_t ids[1000];
	static bool taken[65536];
	unsigned int i, live_ones = 0;
	const char *p;

	(void)state;
	start(false);
	memset(taken, 0, sizeof(taken));
	for (i = 0; i < N_OF(names); i++) {
		char label[8];
		int n = snprintf(label, sizeof(label), "h%u", i);

		assert_true(dname_prefix(label, (size_t)n, host, names[i]));
		assert_non_null(push_client_add(w.c, names[i], DNS_A, "", w.now));
	}
	session_up();
	for (i = 0; i < N_OF(names); i++) {
		ids[i] = sends_dso(DSO_REQUEST, DSO_SUBSCRIBE);
		assert_false(taken[ids[i]]);
		taken[ids[i]] = true;
	}
	silent();
	for (i = N_OF(names); i; i--) {
		silent();
		responds(ids[i - 1], 0, NULL);
	}
	i = sends_keepalive();
	assert_false(taken[i]);
	keeps_alive((uint16_t)i, 15000, 3600000);
	for (p = w.log; (p = strstr(p, "=live ")); p++)
		live_ones++;
	/* As far as the log goes */
	assert_in_range(live_ones, 500, 1000);
	silent();
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bound),
		cmocka_unit_test(bind_refused),
		cmocka_unit_test(bind_unsigned_error),
		cmocka_unit_test(bind_clock_off),
		cmocka_unit_test(cannot_sign),
		cmocka_unit_test(no_dso),
		cmocka_unit_test(losses),
		cmocka_unit_test(keeps),
		cmocka_unit_test(idle),
		cmocka_unit_test(retry_delay),
		cmocka_unit_test(crossed),
		cmocka_unit_test(unknown_request),
		cmocka_unit_test(violations),
		cmocka_unit_test(early_violations),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
