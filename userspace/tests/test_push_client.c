// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "push_world.h"

static void first_answers(void **state)
{
	struct push_query *q;
	uint16_t id;

	(void)state;
	start(false);
	wishes(PUSH_NOTHING);
	assert_true(push_client_deadline(w.c) == UINT64_MAX);
	q = add("q");
	assert_null(push_client_add(w.c, (const uint8_t *)"\4HOST\7example\3com", DNS_A, "r", 0));
	assert_true(push_client_deadline(w.c) <= w.now);
	assert_false(sends());
	wishes(PUSH_CONNECT);
	/* Once */
	wishes(PUSH_NOTHING);
	silent();

	push_client_connected(w.c, w.now, NULL);
	id = sends_keepalive();
	{
		struct dso_keepalive k;

		assert_int_equal(dso_keepalive_read(&w.tlv, &k), 0);
		assert_int_equal(k.inactivity, 15000);
		assert_int_equal(k.interval, 3600000);
	}
	silent();
	assert_false(push_client_up(w.c));
	keeps_alive(id, 15000, 3600000);
	assert_true(push_client_up(w.c));
	id = sends_subscribe(host, DNS_A);
	silent();
	responds(id, 0, NULL);
	assert_log("");
	pushes(host, "+1 +2");
	assert_log("+q.1 +q.2 q=live ");
	assert_int_equal(push_query_status(q), ANSWERS_LIVE);
	assert_int_equal(push_query_answers(q)->n, 2);
	/* That these were all is said by the answer to one more request. */
	keeps_alive(sends_keepalive(), 15000, 3600000);
	assert_log("");
	silent();
	stop();
}

/* No answers are an answer, too. */
static void no_answers(void **state)
{
	struct push_query *q;
	uint16_t id;

	(void)state;
	start(false);
	q = add("q");
	session_up();
	id = sends_subscribe(host, DNS_A);
	responds(id, 0, NULL);
	assert_log("");
	assert_int_equal(push_query_status(q), ANSWERS_UNKNOWN);
	keeps_alive(sends_keepalive(), 15000, 3600000);
	assert_log("q=live ");
	assert_int_equal(push_query_answers(q)->n, 0);
	stop();
}

static void changes(void **state)
{
	struct push_query *q, *any;
	uint16_t id;

	(void)state;
	start(false);
	q = add("q");
	live();
	assert_log("+q.1 q=live ");
	pushes(host, "+2 -1");
	assert_log("+q.2 -q.1 q=live ");
	/* Once more: btmm-dnsd says so that the host has moved. */
	pushes(host, "+2");
	assert_log("=q.2 q=live ");
	/* What is not there, is about another name, type or class */
	pushes(host, "-7");
	pushes(other, "+3");
	pushes_one(host, DNS_TXT, DNS_IN, 120, "\1x", 2);
	pushes_one(host, DNS_A, 3, 120, "abcd", 4);
	/* RDATA that does not fit its type, a TTL that means nothing */
	pushes_one(host, DNS_A, DNS_IN, 120, "abc", 3);
	pushes_one(host, DNS_A, DNS_IN, 0x80000000, "abcd", 4);
	assert_log("");
	assert_int_equal(push_query_answers(q)->n, 1);

	/* All types at the name, beside it: told to both */
	any = push_client_add(w.c, host, DNS_ANY, "any", w.now);
	assert_non_null(any);
	id = sends_subscribe(host, DNS_ANY);
	responds(id, 0, NULL);
	pushes(host, "+2");
	pushes_one(host, DNS_TXT, DNS_IN, 120, "\1x", 2);
	assert_log("+any.2 =q.2 any=live q=live +any.120 any=live ");
	pushes_one(host, DNS_TXT, DNS_IN, DSO_TTL_REMOVE, "\1x", 2);
	assert_log("-any.120 any=live ");
	stop();
}

static void collective(void **state)
{
	static const struct {
		uint16_t type, class_;
		const char *told;
	} rows[] = {
		{ DNS_A, DNS_IN, "-any.2 -any.1 any=live -q.2 -q.1 q=live " },
		{ DNS_TXT, DNS_IN, "-any.120 any=live " },
		{ DNS_ANY, DNS_IN, "-any.120 -any.2 -any.1 any=live -q.2 -q.1 q=live " },
		/* The type does not matter then. */
		{ 0, DNS_CLASS_ANY, "-any.120 -any.2 -any.1 any=live -q.2 -q.1 q=live " },
		{ DNS_TXT, DNS_CLASS_ANY, "-any.120 -any.2 -any.1 any=live -q.2 -q.1 q=live " },
		{ DNS_AAAA, DNS_IN, "" },
		{ DNS_A, 3, "" },
		{ DNS_ANY, 3, "" },
	};
	struct push_query *q, *any;
	char *sorted;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		start(false);
		q = add("q");
		live();
		any = push_client_add(w.c, host, DNS_ANY, "any", w.now);
		responds(sends_subscribe(host, DNS_ANY), 0, NULL);
		pushes(host, "+1 +2");
		pushes_one(host, DNS_TXT, DNS_IN, 120, "\1x", 2);
		w.log[0] = '\0';
		pushes_one(other, rows[i].type, rows[i].class_, DSO_TTL_REMOVE_SET, NULL, 0);
		assert_log("");
		pushes_one(host, rows[i].type, rows[i].class_, DSO_TTL_REMOVE_SET, NULL, 0);
		/* The newest question is told first, all of its changes together or not. */
		sorted = w.log;
		if (strstr(rows[i].told, "q.1")) {
			assert_non_null(strstr(sorted, "-q.2 -q.1 "));
			assert_int_equal(push_query_answers(q)->n, 0);
		} else {
			assert_null(strstr(sorted, "-q."));
			assert_int_equal(push_query_answers(q)->n, 2);
		}
		assert_int_equal(!!strstr(sorted, "-any.120"), !!strstr(rows[i].told, "any.120"));
		assert_int_equal(!!strstr(sorted, "-any.1 "), !!strstr(rows[i].told, "any.1 "));
		assert_int_equal(strlen(sorted), strlen(rows[i].told));
		assert_int_equal(push_query_status(any), ANSWERS_LIVE);
		stop();
	}
}

/* Several TLVs of padding behind do no harm; two changes are one message. */
static void push_with_padding(void **state)
{
	uint8_t msg[512];
	struct dso_writer d;

	(void)state;
	start(false);
	add("q");
	live();
	w.log[0] = '\0';
	dso_writer_init(&d, msg, sizeof(msg), DSO_UNIDIRECTIONAL, 0, 0);
	assert_true(dso_put_push(&d, host, DNS_A, DNS_IN, DSO_TTL_REMOVE_SET, NULL, 0));
	assert_true(dso_put_push(&d, host, DNS_A, DNS_IN, 60, (const uint8_t *)"\300\0\2\4", 4));
	dso_put_padding(&d, 40);
	hears(msg, d.len);
	assert_log("-q.1 +q.4 q=live ");
	stop();
}

/* After a new stream: what is new is told, what stayed is not, what went is, at the
 * end.
 */
static void reconnect(void **state)
{
	struct push_query *q;
	uint16_t id;

	(void)state;
	start(false);
	q = add("q");
	live();
	pushes(host, "+2");
	w.log[0] = '\0';

	push_client_closed(w.c, w.now);
	assert_log("q=stale ");
	assert_int_equal(push_client_error(w.c), -ECONNRESET);
	assert_int_equal(push_query_answers(q)->n, 2);
	/* The first time, at once */
	session_up();
	assert_int_equal(push_client_error(w.c), 0);
	id = sends_subscribe(host, DNS_A);
	responds(id, 0, NULL);
	assert_int_equal(push_query_status(q), ANSWERS_STALE);
	pushes(host, "+3 +1");
	assert_log("+q.3 q=stale ");
	/* Known once and twice told is as it is ever. */
	pushes(host, "+1");
	assert_log("=q.1 q=stale ");
	keeps_alive(sends_keepalive(), 15000, 3600000);
	assert_log("-q.2 q=live ");
	assert_int_equal(push_query_answers(q)->n, 2);

	/* Broken again before it is complete */
	push_client_closed(w.c, w.now);
	session_up();
	responds(sends_subscribe(host, DNS_A), 0, NULL);
	pushes(host, "+4");
	assert_log("q=stale +q.4 q=stale ");
	push_client_closed(w.c, w.now);
	assert_int_equal(push_query_answers(q)->n, 3);
	session_up();
	responds(sends_subscribe(host, DNS_A), 0, NULL);
	keeps_alive(sends_keepalive(), 15000, 3600000);
	assert_int_equal(push_query_answers(q)->n, 0);
	assert_int_equal(push_query_status(q), ANSWERS_LIVE);
	stop();
}

/* What was known without a stream is unknown after its TTL, or after some minutes. */
static void forgets(void **state)
{
	struct push_query *q;
	uint64_t from;

	(void)state;
	start(false);
	q = add("q");
	live();
	w.log[0] = '\0';
	push_client_pause(w.c, w.now);
	from = w.now;
	assert_log("q=stale ");
	wishes(PUSH_ABORT);
	wishes(PUSH_NOTHING);
	assert_true(push_client_deadline(w.c) == from + 300 * SECONDS);
	w.now = from + 300 * SECONDS - 1;
	silent();
	assert_log("");
	w.now++;
	silent();
	assert_log("q=unknown ");
	assert_int_equal(push_query_answers(q)->n, 0);
	assert_true(push_client_deadline(w.c) == UINT64_MAX);

	push_client_moved(w.c, w.now);
	live();
	pushes_one(host, DNS_A, DNS_IN, 4500, "\300\0\2\5", 4);
	push_client_pause(w.c, w.now);
	from = w.now;
	w.log[0] = '\0';
	wishes(PUSH_ABORT);
	assert_true(push_client_deadline(w.c) == from + 4500 * SECONDS);
	stop();
}

/* Removed in each of its phases; the ID stays taken as long as it may be mentioned. */
static void removed(void **state)
{
	struct push_query *q;
	uint16_t id, next;

	(void)state;
	start(false);
	/* Never asked */
	q = add("q");
	push_client_remove(w.c, q, w.now);
	assert_true(push_client_deadline(w.c) == UINT64_MAX);

	/* Active: and the same question anew, behind it */
	q = add("q");
	id = live();
	push_client_remove(w.c, q, w.now);
	q = add("r");
	sends_unsubscribe(id);
	next = sends_subscribe(host, DNS_A);
	assert_int_not_equal(next, id);
	w.log[0] = '\0';
	/* Crossed: the server ends what is ended, or tells of it. */
	responds(id, DNS_REFUSED, NULL);
	pushes(host, "+5");
	assert_log("");

	/* Asked, not yet answered */
	push_client_remove(w.c, q, w.now);
	sends_unsubscribe(next);
	silent();
	responds(next, 0, NULL);
	silent();
	wishes(PUSH_NOTHING);

	/* Answered between removal and output: well, or not */
	q = add("q");
	id = sends_subscribe(host, DNS_A);
	push_client_remove(w.c, q, w.now);
	responds(id, 0, NULL);
	sends_unsubscribe(id);
	q = add("q");
	id = sends_subscribe(host, DNS_A);
	push_client_remove(w.c, q, w.now);
	responds(id, DNS_SERVFAIL, NULL);
	silent();
	wishes(PUSH_NOTHING);
	assert_log("");

	/* With the stream it is gone without a word. */
	q = add("q");
	id = sends_subscribe(host, DNS_A);
	push_client_remove(w.c, q, w.now);
	push_client_closed(w.c, w.now);
	assert_true(push_client_deadline(w.c) == UINT64_MAX);
	stop();
}

/* IDs come round: one that is in use, or has just ended, is passed over. */
static void ids(void **state)
{
	struct push_query *q, *r;
	uint16_t first, second, id;
	unsigned int i;

	(void)state;
	start(false);
	q = add("q");
	first = live();
	r = push_client_add(w.c, other, DNS_A, "r", w.now);
	second = sends_subscribe(other, DNS_A);
	responds(second, 0, NULL);
	keeps_alive(sends_keepalive(), 15000, 3600000);
	for (i = 0, id = 0; i < 70000; i++) {
		struct push_query *brief;

		/* The next ID would be this one. */
		if (q && id == (uint16_t)(first - 1)) {
			push_client_remove(w.c, q, w.now);
			sends_unsubscribe(first);
			q = NULL;
		}
		brief = push_client_add(w.c, zone, DNS_A, "brief", w.now);
		id = sends_dso(DSO_REQUEST, DSO_SUBSCRIBE);
		assert_true(id && id != first && id != second);
		responds(id, 0, NULL);
		push_client_remove(w.c, brief, w.now);
		sends_unsubscribe(id);
	}
	assert_null(q);
	assert_int_equal(push_query_status(r), ANSWERS_LIVE);
	stop();
}

static void refusals(void **state)
{
	static const struct {
		unsigned int rcode;
		bool says;
		uint32_t says_ms;
		uint64_t wait;
		bool all;	/* ... other questions, too */
	} rows[] = {
		{ DNS_SERVFAIL, false, 0, MINUTES, true },
		{ DNS_REFUSED, false, 0, 5 * MINUTES, true },
		{ DNS_NOTAUTH, false, 0, 5 * MINUTES, false },
		{ DNS_FORMERR, false, 0, 5 * MINUTES, true },
		{ DNS_DSOTYPENI, false, 0, HOURS, true },
		{ DNS_NOTIMP, false, 0, HOURS, true },
		{ DNS_REFUSED, true, 7000, 7 * SECONDS, true },
		{ DNS_NOTAUTH, true, 7000, 7 * SECONDS, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		struct push_query *q, *r;
		uint64_t from;

		start(false);
		q = add("q");
		session_up();
		responds(sends_subscribe(host, DNS_A), rows[i].rcode,
			 rows[i].says ? &rows[i].says_ms : NULL);
		assert_log("q=unknown ");
		assert_int_equal(push_query_error(q), 256 + (int)rows[i].rcode);
		from = w.now;
		silent();
		r = push_client_add(w.c, other, DNS_A, "r", w.now);
		assert_int_equal(sends(), !rows[i].all);
		push_client_remove(w.c, r, w.now);
		/* Unused, the session ends before a long wait does. */
		while (!sends() || w.tlv.type != DSO_SUBSCRIBE) {
			if (push_client_wish(w.c, w.now) == PUSH_CONNECT)
				push_client_connected(w.c, w.now, NULL);
			else if (w.len && w.dso.kind == DSO_REQUEST)
				keeps_alive(w.dso.id, 15000, 3600000);
			else if (push_client_deadline(w.c) > w.now)
				w.now = push_client_deadline(w.c);
			assert_true(w.now <= from + rows[i].wait);
		}
		assert_true(w.now == from + rows[i].wait);
		responds(w.dso.id, 0, NULL);
		assert_int_equal(push_query_error(q), 0);
		stop();
	}
}

/* The server may end a subscription that it had granted. */
static void cancelled(void **state)
{
	struct push_query *q;
	uint32_t ms = 2000;
	uint16_t id;

	(void)state;
	start(false);
	q = add("q");
	id = live();
	w.log[0] = '\0';
	responds(id, DNS_NOTAUTH, &ms);
	assert_log("q=stale ");
	assert_int_equal(push_query_error(q), 256 + DNS_NOTAUTH);
	silent();
	w.now += 2000;
	assert_int_not_equal(sends_subscribe(host, DNS_A), id);
	/* Impatience */
	responds(w.dso.id, DNS_REFUSED, NULL);
	silent();
	push_client_retry(w.c, w.now);
	sends_subscribe(host, DNS_A);
	stop();
}

/* Somebody doubts that the server is there: it is asked, once, and has to answer. */
static void checked(void **state)
{
	uint16_t id;

	(void)state;
	start(false);
	/* Without a session there is nothing to ask. */
	push_client_check(w.c);
	add("q");
	live();
	w.now += SECONDS;
	push_client_check(w.c);
	push_client_check(w.c);
	id = sends_keepalive();
	silent();
	push_client_check(w.c);
	w.now += 29 * SECONDS;
	assert_false(sends());
	keeps_alive(id, 15000, 3600000);
	/* The doubt that came meanwhile is another one. */
	sends_keepalive();
	w.now += 30 * SECONDS;
	w.log[0] = '\0';
	assert_false(sends());
	wishes(PUSH_ABORT);
	assert_log("q=stale ");
	wishes(PUSH_CONNECT);
	stop();
}

/*
 * The machine slept for a night. What was known counts until the server has not answered: it
 * is asked at once, and in any case nobody waits for what was due in the night.
 */
static void slept(void **state)
{
	uint16_t id;

	(void)state;
	start(false);
	add("q");
	live();
	w.log[0] = '\0';
	w.now += 8 * HOURS;
	id = sends_keepalive();
	silent();
	keeps_alive(id, 15000, 3600000);
	assert_log("");

	w.now += 8 * HOURS;
	sends_keepalive();
	w.now += 30 * SECONDS;
	assert_false(sends());
	wishes(PUSH_ABORT);
	assert_log("q=stale ");
	wishes(PUSH_CONNECT);
	/* Without a stream, a night is too long for what is known. */
	w.now += 8 * HOURS;
	assert_false(sends());
	assert_log("q=unknown ");
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_answers),
		cmocka_unit_test(no_answers),
		cmocka_unit_test(changes),
		cmocka_unit_test(collective),
		cmocka_unit_test(push_with_padding),
		cmocka_unit_test(reconnect),
		cmocka_unit_test(forgets),
		cmocka_unit_test(removed),
		cmocka_unit_test(ids),
		cmocka_unit_test(refusals),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(checked),
		cmocka_unit_test(slept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
