// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes become events: batched, sent until acknowledged, given up in the end. */
#include "test.h"

#include "llq_server_world.h"

static struct subs_origin me;
static uint8_t id[LLQ_ID_LEN];

static void up(void)
{
	me = from_host(1, 5000);
	set_up(&me, NULL, host, DNS_A, 3600);
	memcpy(id, w.id[0], LLQ_ID_LEN);
}

static void add_and_remove(void **state)
{
	struct dns_question q;
	struct dns_walk walk;
	struct dns_rr rr;

	(void)state;
	up();
	rr_add(host, DNS_A, 1);
	assert_next("nothing");		/* not before the commit */
	commit();
	assert_next("event 0 +host/A.1");
	assert_memory_equal(&w.got->to, &me, sizeof(me));
	assert_memory_equal(w.id[0], id, LLQ_ID_LEN);
	assert_int_equal(w.got->sign, SUBS_UNSIGNED);
	/* A response, with its question and the record's own TTL. */
	assert_int_equal(dns_walk_init(&walk, w.got->msg, w.got->len), 0);
	assert_int_equal(dns_walk_question(&walk, &q), 1);
	assert_true(dname_equal(q.name, host));
	assert_int_equal(q.type, DNS_A);
	assert_int_equal(q.class_, DNS_IN);
	assert_int_equal(dns_walk_rr(&walk, &rr), 1);
	assert_int_equal(rr.ttl, 120);
	assert_int_equal(rr.class_, DNS_IN);
	assert_true(ack(w.got, NULL));

	/* Removed with all its RDATA. */
	rr_del(host, DNS_A, 1);
	commit();
	assert_next("event 0 -host/A.1");
	assert_int_equal(dns_walk_init(&walk, w.got->msg, w.got->len), 0);
	assert_int_equal(dns_walk_rr(&walk, &rr), 1);
	assert_int_equal(rr.rdlen, 4);
	assert_int_equal(rr.class_, DNS_IN);
	assert_true(ack(w.got, NULL));
	pass(60 * SECOND);
	assert_next("nothing");
	assert_int_equal(stats().events, 2);
	assert_int_equal(stats().acked, 2);
	assert_int_equal(stats().waiting, 0);
}

/* What one transfer or update brings goes in one message. */
static void batched_by_commit(void **state)
{
	(void)state;
	rr_add(host, DNS_A, 9);
	rr_add(host, DNS_A, 8);
	commit();
	up();
	rr_add(host, DNS_A, 1);
	rr_add(host, DNS_A, 2);
	rr_del(host, DNS_A, 9);
	rr_add(host, DNS_AAAA, 5);	/* nobody asked for that */
	rr_add(other, DNS_A, 5);
	/* Came and went, went and came back: no news. */
	rr_add(host, DNS_A, 3);
	rr_del(host, DNS_A, 3);
	rr_del(host, DNS_A, 8);
	rr_add(host, DNS_A, 8);
	commit();
	assert_int_equal(w.n_sent, 1);
	assert_next("event 0 +host/A.1 +host/A.2 -host/A.9");
	assert_true(ack(w.got, NULL));

	rr_add(host, DNS_A, 3);
	rr_del(host, DNS_A, 3);
	commit();
	assert_next("nothing");
	commit();
	assert_next("nothing");
}

static void new_ttl_is_news(void **state)
{
	static const uint8_t rdata[4] = { 192, 0, 2, 1 };

	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	up();
	assert_int_equal(zone_add(w.zones[0].z, host, DNS_A, 300, rdata, 4), 0);
	commit();
	assert_next("event 0 +host/A.1");
	assert_int_equal(dns_u32(w.got->msg + w.got->len - (11 + 22) - 10), 300);
}

static void three_sends_then_dropped(void **state)
{
	static const uint64_t gaps[] = { 2000, 4000 };
	uint64_t began;
	uint16_t event_id;
	unsigned int i;

	(void)state;
	up();
	rr_add(host, DNS_A, 1);
	commit();
	assert_next("event 0 +host/A.1");
	began = w.got->at;
	event_id = dns_id(w.got->msg);
	for (i = 0; i < 2; i++) {
		pass(gaps[i] - 1);
		assert_next("nothing");
		pass(1);
		assert_next("event 0 +host/A.1");
		assert_int_equal(w.got->at - began, i ? 6000 : 2000);
		assert_int_equal(dns_id(w.got->msg), event_id);
	}
	pass(7999);
	assert_int_equal(n_llqs(), 1);
	pass(1);
	assert_int_equal(n_llqs(), 0);
	assert_next("nothing");
	assert_int_equal(stats().given_up, 1);
	assert_int_equal(stats().retried, 2);
	assert_null(saved_at(id));
	assert_int_equal(stats().names, 0);
	assert_int_equal(stats().clients, 0);

	/* Who comes back is told. */
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 3600);
	assert_next("refresh!4 0");
}

static void acked_on_the_third(void **state)
{
	struct sent *event;

	(void)state;
	up();
	rr_add(host, DNS_A, 1);
	commit();
	pass(6000);
	assert_next("event 0 +host/A.1");
	assert_next("event 0 +host/A.1");
	assert_next("event 0 +host/A.1");
	pass(7000);
	/* Whichever of them it is for: they are one message. */
	event = w.got;
	assert_true(ack(event, NULL));
	pass(60 * SECOND);
	assert_next("nothing");
	assert_int_equal(n_llqs(), 1);
	/* Acknowledged twice: the second means nothing. */
	assert_false(ack(event, NULL));
}

static void false_acks(void **state)
{
	struct subs_origin from;
	struct sent event;
	uint8_t buf[DNS_MAX];

	(void)state;
	up();
	rr_add(host, DNS_A, 1);
	commit();
	assert_next("event 0 +host/A.1");
	/* Another message ID, LLQ-ID, opcode, address, port. */
	event = *w.got;
	event.msg = memcpy(buf, w.got->msg, w.got->len);
	buf[0] ^= 1;
	assert_false(ack(&event, NULL));
	buf[0] ^= 1;
	buf[event.len - 5] ^= 1;
	assert_false(ack(&event, NULL));
	buf[event.len - 5] ^= 1;
	buf[event.len - 15] = LLQ_REFRESH;
	assert_false(ack(&event, NULL));
	buf[event.len - 15] = LLQ_EVENT;
	from = from_host(2, 5000);
	assert_false(ack_as(&event, &from, NULL, NULL, 0));
	from = from_host(1, 5001);
	assert_false(ack_as(&event, &from, NULL, NULL, 0));
	/* Unsigned LLQs are not acknowledged by somebody's signature. */
	assert_false(ack_as(&event, &me, &mac_key, &event.mac, 0));
	assert_int_equal(stats().waiting, 1);
	assert_true(ack(&event, NULL));
	assert_int_equal(stats().waiting, 0);
}

/* A client that does not know the LLQ (any more) says so: it is over. */
static void no_such_llq_says_the_client(void **state)
{
	(void)state;
	up();
	rr_add(host, DNS_A, 1);
	commit();
	next();
	assert_false(ack_as(w.got, &me, NULL, NULL, LLQ_NO_SUCH));
	assert_int_equal(n_llqs(), 0);
	assert_int_equal(stats().ended, 1);
}

/* One event at a time; what changes meanwhile is put together. */
static void waits_for_the_ack(void **state)
{
	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	up();
	rr_add(host, DNS_A, 2);
	commit();
	assert_next("event 0 +host/A.2");
	rr_add(host, DNS_A, 3);
	commit();
	rr_add(host, DNS_A, 4);
	commit();
	rr_del(host, DNS_A, 3);
	commit();
	rr_del(host, DNS_A, 1);
	commit();
	rr_del(host, DNS_A, 2);
	commit();
	assert_next("nothing");
	pass(2000);
	assert_next("event 0 +host/A.2");	/* as it was, so that it is the same message */
	assert_true(ack(w.got, NULL));
	assert_next("event 0 -host/A.1 -host/A.2 +host/A.4");
	assert_true(ack(w.got, NULL));
	assert_next("nothing");
	assert_int_equal(stats().waiting, 0);
}

static void undone_while_waiting(void **state)
{
	(void)state;
	up();
	rr_add(host, DNS_A, 1);
	commit();
	next();
	rr_add(host, DNS_A, 2);
	commit();
	rr_del(host, DNS_A, 2);
	commit();
	assert_true(ack(w.got, NULL));
	assert_next("nothing");
	assert_int_equal(stats().waiting, 0);
}

/* A record that a client may have got is taken back, though the event was never acked. */
static void removed_while_it_is_out(void **state)
{
	(void)state;
	up();
	rr_add(host, DNS_A, 1);
	commit();
	next();
	rr_del(host, DNS_A, 1);
	commit();
	assert_true(ack(w.got, NULL));
	assert_next("event 0 -host/A.1");
}

/* What does not fit goes one message after the other, each acknowledged. */
static void in_several_messages(void **state)
{
	const uint8_t txt[] = "\3txt\7example\3com";
	unsigned int i, seen = 0, messages = 0;
	const char *p;

	(void)state;
	me = from_host(1, 5000);
	w.udp_size = 900;
	set_up(&me, NULL, txt, DNS_TXT, 3600);
	for (i = 0; i < 12; i++)
		rr_add(txt, DNS_TXT, i);
	commit();
	while (strcmp(next(), "nothing")) {
		assert_true(w.got->len <= 900);
		for (p = w.text; (p = strstr(p, "+txt")); p++)
			seen++;
		messages++;
		/* Lost at first. */
		pass(2000);
		next();
		assert_non_null(w.got);
		assert_true(w.got->len <= 900);
		assert_true(ack(w.got, NULL));
	}
	assert_int_equal(seen, 12);
	assert_int_equal(messages, 4);
	assert_int_equal(stats().waiting, 0);
}

/* Answers that do not fit into the answer follow as events; additionals go first. */
static void answers_that_do_not_fit(void **state)
{
	const uint8_t txt[] = "\3txt\7example\3com";
	unsigned int i, seen = 0;
	const char *p;

	(void)state;
	me = from_host(1, 5000);
	for (i = 0; i < 12; i++)
		rr_add(txt, DNS_TXT, i);
	commit();
	set_up(&me, NULL, txt, DNS_TXT, 3600);
	assert_true(w.got->len <= 1232);
	assert_false(dns_flags(w.got->msg) & DNS_TC);
	do {
		for (p = w.text; (p = strstr(p, "+txt")); p++)
			seen++;
		if (!strncmp(w.text, "event", 5))
			assert_true(ack(w.got, NULL));
	} while (strcmp(next(), "nothing"));
	assert_int_equal(seen, 12);

	/* Over a stream all of them go at once. */
	me = from_stream(SUBS_TCP, 1);
	say(&me, NULL, txt, DNS_TXT, LLQ_SETUP, NULL, 3600);
	for (seen = 0, p = next(); (p = strstr(p, "+txt")); p++)
		seen++;
	assert_int_equal(seen, 12);
	assert_next("nothing");
}

static void record_larger_than_a_packet(void **state)
{
	uint8_t rdata[2000];

	(void)state;
	up();
	memset(rdata, 7, sizeof(rdata));
	set_up(&me, NULL, host, 65280, 3600);
	rdata[1999] = 8;
	assert_int_equal(zone_add(w.zones[0].z, host, 65280, 60, rdata, sizeof(rdata)), 0);
	assert_int_equal(zone_add(w.zones[0].z, host, 65280, 60, rdata, 4), 0);
	commit();
	/* The shorter one first, and the other alone, in fragments. */
	assert_next("event 0 +host/65280.1799");
	assert_true(w.got->len < 100);
	assert_true(ack(w.got, NULL));
	assert_next("event 0 +host/65280.1800");
	assert_true(w.got->len > 2000);
	pass(2000);
	assert_next("event 0 +host/65280.1800");
	assert_true(ack(w.got, NULL));
	assert_next("nothing");
}

/* Memory for one LLQ is bounded: beyond max_waiting only what the client has is kept. */
static void too_much_is_waiting(void **state)
{
	struct subs_stats before;
	struct sent *event;
	unsigned int i;

	(void)state;
	w.config.max_waiting = 4;
	world_again();
	rr_add(host, DNS_A, 1);
	rr_add(host, DNS_A, 2);
	commit();
	up();
	rr_del(host, DNS_A, 1);
	commit();
	assert_next("event 0 -host/A.1");
	event = w.got;
	before = stats();
	/* 200 records come, one after the other; all but the last go again. */
	for (i = 10; i < 210; i++) {
		rr_add(host, DNS_A, i);
		commit();
	}
	for (i = 10; i < 209; i++) {
		rr_del(host, DNS_A, i);
		commit();
	}
	rr_del(host, DNS_A, 2);
	commit();
	assert_next("nothing");
	assert_true(stats().octets < before.octets + 1000);
	assert_int_equal(n_llqs(), 1);
	assert_true(ack(event, NULL));
	assert_next("event 0 -host/A.2 +host/A.209");
	assert_true(ack(w.got, NULL));
	assert_next("nothing");

	/* And from then on as before. */
	rr_add(host, DNS_A, 1);
	commit();
	assert_next("event 0 +host/A.1");
}

/* Who hears of one change are those who asked for it, each by a message of his own. */
static void fan_out(void **state)
{
	struct subs_origin from;
	unsigned int i;
	size_t before;

	(void)state;
	/* More than are kept in this test's memory. */
	w.no_persist = true;
	world_again();
	for (i = 0; i < 1000; i++) {
		from = from_host((uint8_t)i, (uint16_t)(1000 + i));
		set_up(&from, NULL, i % 2 ? host : other, DNS_A, 3600);
	}
	before = stats().octets;
	rr_add(host, DNS_A, 1);
	commit();
	assert_int_equal(w.n_sent, 500);
	assert_int_equal(stats().waiting, 500);
	/* What is told is kept once. */
	assert_true(stats().octets - before < 500 * 64 + 70000);
	for (i = 0; i < 500; i++) {
		assert_next("event 0 +host/A.1");
		assert_true(ack(w.got, NULL));
	}
	assert_next("nothing");
	assert_int_equal(stats().waiting, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(add_and_remove),
		world_test(batched_by_commit),
		world_test(new_ttl_is_news),
		world_test(three_sends_then_dropped),
		world_test(acked_on_the_third),
		world_test(false_acks),
		world_test(no_such_llq_says_the_client),
		world_test(waits_for_the_ack),
		world_test(undone_while_waiting),
		world_test(removed_while_it_is_out),
		world_test(in_several_messages),
		world_test(answers_that_do_not_fit),
		world_test(record_larger_than_a_packet),
		world_test(too_much_is_waiting),
		world_test(fan_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
