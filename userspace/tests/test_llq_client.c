// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "llq_world.h"

static void handshake(void **state)
{
	struct llq_query *q;
	uint16_t first;

	(void)state;
	start(false, false);
	assert_false(sends());
	assert_true(llq_client_deadline(w.c) == UINT64_MAX);
	q = add("q");
	assert_null(llq_client_add(w.c, (const uint8_t *)"\4HOST\7example\3com", DNS_A, "r", 0));
	assert_null(llq_client_add(w.c, host, DNS_ANY, "r", 0));

	assert_true(sends());
	assert_sent(LLQ_SETUP, NULL, 7200);
	first = dns_id(w.out);
	assert_false(sends());

	/* The challenge says nothing of answers. */
	answers(opt(LLQ_SETUP, 0, id_a, 3600), NULL);
	assert_log("");
	assert_true(sends());
	assert_sent(LLQ_SETUP, id_a, 3600);
	assert_int_not_equal(dns_id(w.out), first);

	/* Another challenge, late: no ACK without answers */
	{
		struct llq_option o = opt(LLQ_SETUP, 0, id_b, 3600);
		struct said late = { .id = first, .name = host, .o = &o };

		hears(&late);
		assert_log("");
	}
	/* An event that overtakes the ACK is not acknowledged, so comes again. */
	assert_false(event(77, id_a, "+5"));
	assert_log("");

	answers(opt(LLQ_SETUP, 0, id_a, 3500), "+1 +2 &7");
	assert_log("+q.1 +q.2 &q.7 q=live ");
	assert_int_equal(llq_query_answers(q)->n, 2);
	assert_int_equal(llq_query_error(q), 0);
	/* Once more */
	answers(opt(LLQ_SETUP, 0, id_a, 3500), "+1");
	assert_log("");
	assert_false(sends());
	stop();
}

/* Each step tried three times, 2, 4 and 8 s; then not before an hour. */
static void silence(void **state)
{
	struct llq_query *q;
	unsigned int step;
	uint64_t due;

	(void)state;
	for (step = 0; step < 2; step++) {
		uint64_t from;

		start(false, false);
		q = add("q");
		assert_true(sends());
		if (step) {
			answers(opt(LLQ_SETUP, 0, id_a, 3600), NULL);
			assert_true(sends());
		}
		from = w.now;
		sends_at(from, 2 * SECONDS);
		sends_at(from, 6 * SECONDS);
		assert_sent(LLQ_SETUP, step ? id_a : NULL, step ? 3600 : 7200);
		w.now = from + 14 * SECONDS - 1;
		assert_false(sends());

		/* Then the question is asked as an ordinary one. */
		sends_at(from, 14 * SECONDS);
		assert_int_equal(option_of(w.out, w.len).opcode, 0);
		assert_int_equal(llq_query_error(q), -ETIMEDOUT);
		sends_at(from, 16 * SECONDS);
		sends_at(from, 20 * SECONDS);
		w.now = from + 28 * SECONDS;
		assert_false(sends());
		assert_log("");
		sends_at(from, 28 * SECONDS + LLQ_POLL_MIN);
		answers(opt(0, 0, NULL, 0), "+1");
		assert_log("+q.1 q=polled ");

		/* Polls go on; the next set-up comes after an hour. */
		for (due = 0; option_of(w.out, w.len).opcode != LLQ_SETUP;) {
			struct said s = { .id = dns_id(w.out), .name = host, .answers = "+1" };

			hears(&s);
			due = llq_client_deadline(w.c);
			assert_true(due > w.now);
			w.now = due;
			sends();
		}
		assert_true(w.now - from >= HOURS && w.now - from < HOURS + 4 * MINUTES);
		assert_log("");
		stop();
	}
}

static void events(void **state)
{
	struct llq_query *q;
	struct llq_option o;

	(void)state;
	start(false, false);
	q = up("q");
	assert_true(event(0x1234, id_a, "+2 -1 &9"));
	assert_log("+q.2 -q.1 &q.9 q=live ");
	assert_int_equal(llq_query_answers(q)->n, 1);

	/* The acknowledgment: a response with that ID and option */
	o = option_of(w.reply, w.reply_len);
	assert_int_equal(dns_id(w.reply), 0x1234);
	assert_int_equal(dns_flags(w.reply), DNS_QR);
	assert_int_equal(o.opcode, LLQ_EVENT);
	assert_memory_equal(o.id, id_a, LLQ_ID_LEN);
	assert_int_equal(o.lease, 0);

	/* Again: acknowledged, but told no more */
	w.now += 2 * SECONDS;
	assert_true(event(0x1234, id_a, "+2 -1 &9"));
	assert_log("");
	/* What is there already, or is not, is no change. */
	assert_true(event(0x1235, id_a, "+2 -7"));
	assert_log("");
	/* Another LLQ's, or another question's */
	assert_false(event(0x1236, id_b, "+3"));
	{
		struct said s = { .id = 1, .name = other, .o = &o, .answers = "+3" };

		assert_false(hears(&s));
	}
	assert_log("");
	/* Without a question it is about that of the ID. */
	{
		struct said s = { .id = 2, .o = &o };

		assert_true(hears(&s));
	}
	/* The same octets long after are another event. */
	assert_true(event(0x1237, id_a, "-2"));
	w.now += MINUTES;
	assert_true(event(0x1234, id_a, "+2 -1 &9"));
	assert_log("-q.2 q=live +q.2 &q.9 q=live ");
	stop();
}

/* From 80 %, then at 90 and 95 %; at the end nothing is known. */
static void refresh(void **state)
{
	struct llq_query *q;
	uint64_t from;
	uint16_t id;

	(void)state;
	start(false, false);
	q = up("q");
	from = w.now;
	w.now = from + 48 * MINUTES - 1;
	assert_false(sends());
	w.now = llq_client_deadline(w.c);
	assert_in_range(w.now, from + 48 * MINUTES, from + 51 * MINUTES);
	assert_true(sends());
	assert_sent(LLQ_REFRESH, id_a, 7200);
	id = dns_id(w.out);
	sends_at(from, 54 * MINUTES);
	assert_int_equal(dns_id(w.out), id);
	sends_at(from, 57 * MINUTES);

	/* Granted again, to the second try or the third: from now on */
	answers(opt(LLQ_REFRESH, 0, id_b, 1800), NULL);
	assert_true(llq_client_deadline(w.c) == from + 60 * MINUTES);
	answers(opt(LLQ_REFRESH, 0, id_a, 1800), NULL);
	from = w.now;
	w.now = llq_client_deadline(w.c);
	assert_in_range(w.now, from + 24 * MINUTES, from + 24 * MINUTES + 90 * SECONDS);
	assert_log("");

	/* And now not. */
	assert_true(sends());
	sends_at(from, 27 * MINUTES);
	sends_at(from, 28 * MINUTES + 30 * SECONDS);
	assert_int_equal(llq_query_status(q), ANSWERS_LIVE);
	sends_at(from, 30 * MINUTES);
	assert_sent(LLQ_SETUP, NULL, 7200);
	assert_log("q=unknown ");
	assert_int_equal(llq_query_answers(q)->n, 0);
	answers(opt(LLQ_SETUP, 0, id_b, 3600), NULL);
	assert_true(sends());
	answers(opt(LLQ_SETUP, 0, id_b, 3600), NULL);
	assert_log("q=live ");
	stop();
}

/* The server has forgotten: at once anew, and the answers stand meanwhile. */
static void no_such(void **state)
{
	struct llq_query *q;

	(void)state;
	start(false, false);
	q = up("q");
	w.now = llq_client_deadline(w.c);
	assert_true(sends());
	answers(opt(LLQ_REFRESH, LLQ_NO_SUCH, id_a, 0), NULL);
	assert_log("q=stale ");
	assert_int_equal(llq_query_answers(q)->n, 1);
	assert_true(sends());
	assert_sent(LLQ_SETUP, NULL, 7200);
	answers(opt(LLQ_SETUP, 0, id_b, 3600), NULL);
	assert_true(sends());
	assert_sent(LLQ_SETUP, id_b, 3600);
	/* Forgotten between the steps, too */
	answers(opt(LLQ_SETUP, LLQ_NO_SUCH, id_b, 0), NULL);
	assert_true(sends());
	assert_sent(LLQ_SETUP, NULL, 7200);
	answers(opt(LLQ_SETUP, 0, id_b, 3600), NULL);
	assert_true(sends());
	answers(opt(LLQ_SETUP, 0, id_b, 3600), "+2 +1");
	assert_log("+q.2 q=live ");
	/* An event for the old one */
	assert_false(event(5, id_a, "-1"));
	stop();
}

static void refusals(void **state)
{
	static const struct {
		uint16_t error;
		uint32_t lease;
		unsigned int rcode;
		uint64_t wait;
		int why;
	} rows[] = {
		{ LLQ_SERV_FULL, 300, 0, 300 * SECONDS, LLQ_SERV_FULL },
		{ LLQ_SERV_FULL, 1, 0, 30 * SECONDS, LLQ_SERV_FULL },
		{ LLQ_SERV_FULL, 0, 0, HOURS, LLQ_SERV_FULL },
		{ LLQ_FORMAT_ERR, 0, 0, HOURS, LLQ_FORMAT_ERR },
		{ LLQ_BAD_VERS, 0, 0, HOURS, LLQ_BAD_VERS },
		{ LLQ_UNKNOWN, 0, 0, HOURS, LLQ_UNKNOWN },
		{ 0, 0, DNS_SERVFAIL, 30 * SECONDS, 256 + DNS_SERVFAIL },
		{ 0, 0, DNS_REFUSED, 30 * SECONDS, 256 + DNS_REFUSED },
		/* Neither an ID nor a lease */
		{ 0, 0, 0, 30 * SECONDS, LLQ_FORMAT_ERR },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		struct llq_option o = opt(LLQ_SETUP, rows[i].error, NULL, rows[i].lease);
		struct said s = { .name = host, .o = &o, .rcode = rows[i].rcode };
		struct llq_query *q;
		uint64_t from;

		start(false, false);
		q = add("q");
		assert_true(sends());
		s.id = dns_id(w.out);
		hears(&s);
		from = w.now;
		assert_int_equal(llq_query_error(q), rows[i].why);
		/* Polled at once; the rest is silence. */
		assert_true(sends());
		assert_int_equal(option_of(w.out, w.len).opcode, 0);
		while (!w.len || option_of(w.out, w.len).opcode != LLQ_SETUP) {
			w.now = llq_client_deadline(w.c);
			assert_true(w.now <= from + rows[i].wait * 11 / 10);
			sends();
		}
		assert_true(w.now >= from + rows[i].wait);
		stop();
	}
}

/* Errors in a row: half a minute, doubling, at most an hour. */
static void backs_off(void **state)
{
	struct said s = { .name = host, .rcode = DNS_SERVFAIL };
	uint64_t wait = 30 * SECONDS, from;
	unsigned int i;

	(void)state;
	start(false, false);
	add("q");
	assert_true(sends());
	for (i = 0; i < 12; i++) {
		s.id = dns_id(w.out);
		hears(&s);
		from = w.now;
		do {
			w.now = llq_client_deadline(w.c) > w.now ? llq_client_deadline(w.c) : w.now;
			sends();
		} while (!w.len || !option_of(w.out, w.len).opcode);
		assert_in_range(w.now - from, wait, wait + wait / 10);
		wait = 2 * wait > HOURS ? HOURS : 2 * wait;
	}
	/* Unless somebody knows better. */
	s.id = dns_id(w.out);
	hears(&s);
	llq_client_retry(w.c, w.now);
	assert_true(sends());
	assert_sent(LLQ_SETUP, NULL, 7200);
	stop();
}

/* STATIC: polled when the TTL is over, but not before a quarter of an hour. */
static void unchanging(void **state)
{
	struct llq_query *q;
	uint64_t from;

	(void)state;
	start(false, false);
	q = add("q");
	assert_true(sends());
	answers(opt(LLQ_SETUP, LLQ_STATIC, NULL, 0), "+1");
	assert_log("+q.1 q=polled ");
	assert_int_equal(llq_query_error(q), LLQ_STATIC);
	from = w.now;
	sends_at(from, LLQ_POLL_MIN);
	assert_int_equal(option_of(w.out, w.len).opcode, 0);
	answers(opt(0, 0, NULL, 0), "+2");
	assert_log("+q.2 -q.1 q=polled ");
	/* For ever */
	llq_client_retry(w.c, w.now);
	assert_false(sends());
	/* Without an answer, it is unknown some time after. */
	from = w.now;
	sends_at(from, LLQ_POLL_MIN);
	sends_at(from, LLQ_POLL_MIN + 2 * SECONDS);
	sends_at(from, LLQ_POLL_MIN + 6 * SECONDS);
	w.now = from + LLQ_POLL_MIN + MINUTES - 1;
	assert_false(sends());
	assert_log("");
	w.now++;
	assert_false(sends());
	assert_log("q=unknown ");
	stop();
}

/* A server that knows no LLQ answers as to any question. */
static void no_llq(void **state)
{
	struct said s = { .name = host, .answers = "+1 +2" };
	struct llq_query *q;
	uint64_t from;

	(void)state;
	start(false, false);
	q = add("q");
	assert_true(sends());
	s.id = dns_id(w.out);
	hears(&s);
	assert_log("+q.1 +q.2 q=polled ");
	assert_int_equal(llq_query_error(q), -EOPNOTSUPP);
	from = w.now;
	sends_at(from, LLQ_POLL_MIN);

	/* Cut off: what is missing may yet be there. */
	{
		uint8_t msg[DNS_UDP_MAX];
		size_t len;

		s.id = dns_id(w.out);
		s.answers = "+3";
		len = put(&s, msg);
		msg[2] |= DNS_TC >> 8;
		llq_client_input(w.c, w.now, msg, len, w.reply, sizeof(w.reply));
	}
	assert_log("+q.3 q=polled ");
	assert_int_equal(llq_query_answers(q)->n, 3);
	/* No such name: no answers */
	sends_at(from, 2 * LLQ_POLL_MIN);
	s = (struct said){ .id = dns_id(w.out), .name = host, .rcode = DNS_NXDOMAIN };
	hears(&s);
	assert_log("-q.3 -q.2 -q.1 q=polled ");
	stop();
}

/* A new address: anew at once, what is known stands until the ACK. */
static void moved(void **state)
{
	struct llq_query *q;
	uint64_t from;

	(void)state;
	start(false, false);
	q = up("q");
	from = w.now;
	w.now += 10 * MINUTES;
	llq_client_moved(w.c, w.now);
	assert_log("q=stale ");
	assert_int_equal(llq_query_answers(q)->n, 1);
	assert_true(sends());
	assert_sent(LLQ_SETUP, NULL, 7200);
	answers(opt(LLQ_SETUP, 0, id_b, 3600), NULL);
	assert_int_equal(llq_query_answers(q)->n, 1);
	assert_true(sends());
	answers(opt(LLQ_SETUP, 0, id_b, 3600), "+3");
	assert_log("+q.3 -q.1 q=live ");

	/* No way to the server: nothing is sent, and the lease ends. */
	from = w.now;
	llq_client_pause(w.c);
	assert_log("q=stale ");
	assert_false(sends());
	assert_true(llq_client_deadline(w.c) == from + HOURS);
	w.now = from + HOURS;
	assert_false(sends());
	assert_log("q=unknown ");
	assert_true(llq_client_deadline(w.c) == UINT64_MAX);
	/* A question asked meanwhile waits, too, without waking anybody. */
	assert_non_null(llq_client_add(w.c, other, DNS_A, "r", w.now));
	assert_false(sends());
	assert_true(llq_client_deadline(w.c) == UINT64_MAX);
	llq_client_moved(w.c, w.now);
	assert_true(sends());
	assert_true(sends());
	assert_sent(LLQ_SETUP, NULL, 7200);
	stop();
}

static void removed(void **state)
{
	struct llq_query *q;

	(void)state;
	start(false, false);
	q = add("q");
	llq_client_remove(w.c, q, w.now);
	assert_false(sends());
	q = up("q");
	llq_client_remove(w.c, q, w.now);
	/* The same question anew, beside it */
	q = add("r");
	assert_true(sends());
	assert_sent(LLQ_SETUP, NULL, 7200);
	assert_true(sends());
	assert_sent(LLQ_REFRESH, id_a, 0);
	assert_false(sends());
	assert_false(event(9, id_a, "+2"));
	assert_log("");
	stop();
}

/* On a stream: one step, one try, and the caller is told to give it up. */
static void stream(void **state)
{
	struct llq_query *q;

	(void)state;
	start(true, false);
	llq_client_event_port(w.c, 4711);
	q = add("q");
	assert_true(sends());
	assert_int_equal(option_of(w.out, w.len).error, 4711);
	llq_client_event_port(w.c, 0);
	answers(opt(LLQ_SETUP, 0, id_a, 3600), "+1");
	assert_log("+q.1 q=live ");
	assert_true(event(7, id_a, "-1"));
	assert_log("-q.1 q=live ");
	assert_false(llq_client_stuck(w.c));

	llq_client_pause(w.c);
	llq_client_moved(w.c, w.now);
	assert_log("q=stale ");
	assert_true(sends());
	assert_sent(LLQ_SETUP, NULL, 7200);
	w.now += 15 * SECONDS - 1;
	assert_false(sends());
	w.now++;
	assert_true(sends());
	assert_int_equal(llq_query_error(q), -ETIMEDOUT);
	assert_true(llq_client_stuck(w.c));
	assert_false(llq_client_stuck(w.c));
	stop();
}

/* Many questions: not all at once, but all. */
static void many(void **state)
{
	static uint8_t names[100][DNAME_MAX];
	unsigned int i, sent = 0, live = 0;
	char label[8];

	(void)state;
	start(false, false);
	for (i = 0; i < N_OF(names); i++) {
		int n = snprintf(label, sizeof(label), "h%u", i);

		assert_true(dname_prefix(label, (size_t)n, host, names[i]));
		assert_non_null(llq_client_add(w.c, names[i], DNS_A, "q", w.now));
	}
	while (sends())
		sent++;
	assert_int_equal(sent, LLQ_IN_FLIGHT);

	llq_client_moved(w.c, w.now);
	for (i = 0; i < 1000 && live < N_OF(names); i++) {
		struct dns_question q;
		struct dns_walk walk;
		struct llq_option o;
		struct said s;

		assert_true(sends());
		dns_walk_init(&walk, w.out, w.len);
		dns_walk_question(&walk, &q);
		o = opt(LLQ_SETUP, 0, id_a, 3600);
		memcpy(o.id, q.name, LLQ_ID_LEN);
		s = (struct said){ .id = dns_id(w.out), .name = q.name, .o = &o };
		hears(&s);
		live += !!strstr(w.log, "live");
		w.log[0] = '\0';
	}
	assert_int_equal(live, N_OF(names));
	stop();
}

/* The machine slept for a night: the LLQ is over, and set up anew at once. */
static void slept(void **state)
{
	(void)state;
	start(false, false);
	up("q");
	w.now += 8 * HOURS;
	assert_true(llq_client_deadline(w.c) <= w.now);
	assert_true(sends());
	assert_log("q=unknown ");
	assert_sent(LLQ_SETUP, NULL, 7200);
	answers(opt(LLQ_SETUP, 0, id_b, 3600), NULL);
	assert_true(sends());
	answers(opt(LLQ_SETUP, 0, id_b, 3600), "+2");
	assert_log("+q.2 q=live ");
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake),
		cmocka_unit_test(silence),
		cmocka_unit_test(events),
		cmocka_unit_test(refresh),
		cmocka_unit_test(no_such),
		cmocka_unit_test(refusals),
		cmocka_unit_test(backs_off),
		cmocka_unit_test(unchanging),
		cmocka_unit_test(no_llq),
		cmocka_unit_test(moved),
		cmocka_unit_test(removed),
		cmocka_unit_test(stream),
		cmocka_unit_test(many),
		cmocka_unit_test(slept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
