// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "llq_world.h"

/* What was last sent, its signature checked as the server does; its MAC. */
static struct tsig_mac mac_of(const uint8_t *msg, size_t len, const struct tsig_mac *prior)
{
	struct tsig_mac mac = { 0 };
	uint64_t time;
	bool again = w.again;

	w.again = false;
	assert_int_equal(fake_verify(&w, msg, len, prior, &mac, &time), SIGNER_GOOD);
	w.again = again;
	return mac;
}

/* A signed answer to @id, after @prior */
static void signed_answer(uint16_t id, struct llq_option o, const char *records,
			  const struct tsig_mac *prior)
{
	struct said s = {
		.id = id, .name = host, .o = &o, .answers = records,
		.prior = prior, .sign = true,
	};

	assert_false(hears(&s));
}

static struct llq_query *signed_up(char *tag)
{
	struct llq_query *q;
	struct tsig_mac mac;

	start(false, true);
	q = add(tag);
	assert_true(sends());
	mac = mac_of(w.out, w.len, NULL);
	signed_answer(dns_id(w.out), opt(LLQ_SETUP, 0, id_a, 3600), NULL, &mac);
	assert_true(sends());
	mac = mac_of(w.out, w.len, NULL);
	signed_answer(dns_id(w.out), opt(LLQ_SETUP, 0, id_a, 3600), "+1", &mac);
	assert_log("+q.1 q=live ");
	return q;
}

static bool signed_event(uint16_t id, const char *records)
{
	struct llq_option o = opt(LLQ_EVENT, 0, id_a, 0);
	struct said s = {
		.id = id, .name = host, .o = &o, .answers = records, .sign = true,
	};

	return hears(&s);
}

/* The answer may be to any of the tries, each of which has its own MAC. */
static void any_try(void **state)
{
	struct tsig_mac macs[3], wrong = { .len = 8 };
	struct llq_option challenge = opt(LLQ_SETUP, 0, id_a, 3600);
	unsigned int i, use;

	(void)state;
	for (use = 0; use < 3; use++) {
		start(false, true);
		add("q");
		for (i = 0; i < 3; i++) {
			w.now = llq_client_deadline(w.c);
			w.clock += 2;
			assert_true(sends());
			macs[i] = mac_of(w.out, w.len, NULL);
		}
		assert_memory_not_equal(macs[0].b, macs[1].b, 8);
		/* Not signed, or after another's MAC: nothing happens. */
		answers(challenge, NULL);
		signed_answer(dns_id(w.out), challenge, NULL, NULL);
		signed_answer(dns_id(w.out), challenge, NULL, &wrong);
		assert_false(sends());
		signed_answer(dns_id(w.out), challenge, NULL, &macs[use]);
		assert_true(sends());
		assert_memory_equal(option_of(w.out, w.len).id, id_a, LLQ_ID_LEN);
		stop();
	}
}

/* An error that is not signed proves nothing, but that somebody is there: not
 * an hour of silence, then.
 */
static void unsigned_error(void **state)
{
	struct said s = { .name = host, .rcode = DNS_NOTAUTH };
	struct llq_query *q;
	uint64_t from;

	(void)state;
	start(false, true);
	q = add("q");
	assert_true(sends());
	from = w.now;
	s.id = dns_id(w.out);
	hears(&s);
	assert_int_equal(llq_query_error(q), 0);
	sends_at(from, 2 * SECONDS);
	sends_at(from, 6 * SECONDS);
	sends_at(from, 14 * SECONDS);
	assert_int_equal(option_of(w.out, w.len).opcode, 0);
	assert_int_equal(llq_query_error(q), 256 + DNS_NOTAUTH);
	do {
		w.now = llq_client_deadline(w.c);
	} while (!sends() || !option_of(w.out, w.len).opcode);
	assert_in_range(w.now - from, 44 * SECONDS, 47 * SECONDS);
	stop();
}

/* A clock that is off: asked again at once, but once. */
static void clock_off(void **state)
{
	struct said s = { .name = host, .rcode = DNS_NOTAUTH, .sign = true };
	struct llq_query *q;
	struct tsig_mac mac;
	unsigned int i;

	(void)state;
	start(false, true);
	q = add("q");
	w.again = true;
	for (i = 0; i < 2; i++) {
		assert_true(sends());
		assert_int_equal(option_of(w.out, w.len).opcode, LLQ_SETUP);
		mac = mac_of(w.out, w.len, NULL);
		s.id = dns_id(w.out);
		s.prior = &mac;
		hears(&s);
		assert_int_equal(llq_query_error(q), i ? 256 + DNS_NOTAUTH : 0);
	}
	/* The poll, likewise */
	for (i = 0; i < 2; i++) {
		assert_true(sends());
		assert_int_equal(option_of(w.out, w.len).opcode, 0);
		mac = mac_of(w.out, w.len, NULL);
		s.id = dns_id(w.out);
		hears(&s);
	}
	assert_false(sends());
	stop();
}

static void events_signed(void **state)
{
	struct tsig_mac mac;
	struct llq_query *q;
	uint8_t msg[DNS_UDP_MAX];
	struct llq_option o = opt(LLQ_EVENT, 0, id_a, 0);
	struct said s = {
		.id = 40, .name = host, .o = &o, .answers = "+2", .sign = true,
	};
	size_t len;

	(void)state;
	q = signed_up("q");
	/* Not signed, or signed as an answer */
	assert_false(event(39, id_a, "+2"));
	mac = (struct tsig_mac){ .len = 8 };
	s.prior = &mac;
	assert_false(hears(&s));
	s.prior = NULL;

	/* Its acknowledgment is signed after its MAC. */
	len = put(&s, msg);
	mac = mac_of(msg, len, NULL);
	assert_true(llq_client_input(w.c, w.now, msg, len, w.reply, sizeof(w.reply)));
	w.reply_len = llq_client_input(w.c, w.now, msg, len, w.reply, sizeof(w.reply));
	mac_of(w.reply, w.reply_len, &mac);
	assert_log("+q.2 q=live ");

	/* Sent again, signed later */
	w.clock += 2;
	assert_true(signed_event(40, "+2"));
	assert_log("");
	assert_true(signed_event(41, "-2"));
	assert_log("-q.2 q=live ");

	/* Replayed a minute or an hour after: it says what was, and is as old. */
	w.now += HOURS / 2;
	assert_false(llq_client_input(w.c, w.now, msg, len, w.reply, sizeof(w.reply)));
	assert_true(signed_event(41, "-2"));
	assert_log("");
	assert_int_equal(llq_query_answers(q)->n, 1);
	/* In the same second, other events */
	assert_true(signed_event(42, "+2"));
	assert_log("+q.2 q=live ");
	/* A replay of the newest is acknowledged and no more. */
	assert_true(signed_event(41, "-2"));
	assert_log("");
	stop();
}

/* A set-up, up to its answers */
static void signed_setup(const char *records)
{
	struct tsig_mac mac;

	assert_true(sends());
	assert_sent(LLQ_SETUP, NULL, 7200);
	mac = mac_of(w.out, w.len, NULL);
	signed_answer(dns_id(w.out), opt(LLQ_SETUP, 0, id_b, 3600), NULL, &mac);
	assert_true(sends());
	mac = mac_of(w.out, w.len, NULL);
	signed_answer(dns_id(w.out), opt(LLQ_SETUP, 0, id_b, 3600), records, &mac);
}

/*
 * The server's clock is set. Its events are signed all right, but not for now: what they
 * say is learnt by a set-up, at once and not more often than once a minute, whoever
 * sends what.
 */
static void clock_set(void **state)
{
	struct llq_option o = opt(LLQ_EVENT, 0, id_b, 0);
	struct said s = { .id = 41, .name = host, .o = &o, .answers = "+3", .sign = true };
	struct llq_query *q;

	(void)state;
	q = signed_up("q");
	/* Forward: the signer says that it is not now. */
	w.again = true;
	assert_false(signed_event(40, "+2"));
	w.again = false;
	assert_log("q=stale ");
	signed_setup("+1 +2");
	assert_log("+q.2 q=live ");
	w.again = true;
	w.now += 59 * SECONDS;
	assert_false(hears(&s));
	w.again = false;
	assert_log("");
	assert_false(sends());
	assert_int_equal(llq_query_status(q), ANSWERS_LIVE);

	/* Back, by less than the signer minds: the events are older than the newest. */
	assert_true(hears(&s));
	assert_log("+q.3 q=live ");
	w.clock -= 10;
	w.now += SECONDS;
	s.id = 42;
	assert_false(hears(&s));
	assert_log("");
	w.clock -= 1;
	assert_false(hears(&s));
	assert_log("q=stale ");
	signed_setup("+1");
	assert_log("-q.3 -q.2 q=live ");
	/* And time counts from there. */
	s.id = 43;
	assert_true(hears(&s));
	assert_log("+q.3 q=live ");
	stop();
}

/* Who cannot sign sends nothing, and goes on trying. */
static void cannot_sign(void **state)
{
	struct llq_query *q;

	(void)state;
	start(false, true);
	q = llq_client_add(w.c, host, DNS_A, "q", w.now);
	assert_non_null(q);
	/* Too little room for a signature */
	assert_int_equal(llq_client_output(w.c, w.now, w.out, 70), 0);
	assert_true(llq_client_deadline(w.c) == w.now + 2 * SECONDS);
	w.now += 2 * SECONDS;
	assert_true(sends());
	assert_int_equal(w.signatures, 1);
	stop();
}

/* Garbage of every length and kind neither breaks nor moves anything. */
static void garbage(void **state)
{
	struct llq_option o = opt(LLQ_SETUP, 0, id_a, 3600);
	struct said s = { .name = host, .o = &o, .answers = "+1" };
	uint8_t msg[DNS_UDP_MAX], *cut;
	size_t len, i;

	(void)state;
	start(true, false);
	add("q");
	assert_true(sends());
	s.id = dns_id(w.out);
	len = put(&s, msg);
	for (i = 0; i < len; i++) {
		cut = exact_copy(msg, i);
		assert_int_equal(llq_client_input(w.c, w.now, cut, i, w.reply,
						  sizeof(w.reply)), 0);
		free(cut);
	}
	/* A question, an update, two questions, another's question, its type */
	for (i = 0; i < 5; i++) {
		static const uint8_t where[] = { 2, 2, 5, 13, 31 };
		static const uint8_t what[] = { 0x80, 0x28, 2, 1, 3 };

		cut = exact_copy(msg, len);
		cut[where[i]] ^= what[i];
		assert_int_equal(llq_client_input(w.c, w.now, cut, len, w.reply,
						  sizeof(w.reply)), 0);
		free(cut);
	}
	assert_log("");
	hears(&s);
	assert_log("+q.1 q=live ");
	stop();
}

/* Names in RDATA keep their case, and equal each other regardless of it. */
static void names_case(void **state)
{
	static const uint8_t lower[] = "\7printer\4host\7example\3com";
	static const uint8_t upper[] = "\7Printer\4Host\7Example\3COM";
	struct answers_scratch *scratch = malloc(sizeof(*scratch));
	struct answers set = { 0 };
	struct answer a;
	struct dns_rr rr = {
		.type = DNS_PTR, .class_ = DNS_IN, .ttl = 7,
		.rdata = upper, .rdlen = sizeof(upper),
	};

	(void)state;
	assert_int_equal(answers_unpack(upper, sizeof(upper), &rr, scratch, &a), 0);
	assert_int_equal(answers_add(&set, &a, scratch), 1);
	rr.rdata = lower;
	rr.ttl = 5;
	assert_int_equal(answers_unpack(lower, sizeof(lower), &rr, scratch, &a), 0);
	assert_int_equal(answers_add(&set, &a, scratch), 0);
	assert_int_equal(set.n, 1);
	a = answers_at(&set, 0, host);
	assert_int_equal(a.rdlen, sizeof(upper));
	assert_memory_equal(a.rdata, upper, sizeof(upper));
	assert_int_equal(answers_ttl(&set), 5);
	answers_mark(&set);
	assert_true(set.records[0].marked);

	rr.rdlen--;
	assert_int_equal(answers_unpack(lower, sizeof(lower), &rr, scratch, &a), -EBADMSG);
	rr.rdlen++;
	assert_int_equal(answers_unpack(lower, sizeof(lower), &rr, scratch, &a), 0);
	assert_true(answers_remove(&set, &a, scratch));
	assert_false(answers_remove(&set, &a, scratch));
	assert_int_equal(answers_ttl(&set), UINT32_MAX);

	/* SRV, SOA, MX; a type with no names and no data */
	rr = (struct dns_rr){ .type = DNS_SRV, .class_ = DNS_IN };
	rr.rdata = (const uint8_t *)"\0\1\0\2\0\3\1A\0";
	rr.rdlen = 9;
	assert_int_equal(answers_unpack(rr.rdata, rr.rdlen, &rr, scratch, &a), 0);
	assert_memory_equal(a.rdata, rr.rdata, 9);
	assert_memory_equal(scratch->canonical, "\0\1\0\2\0\3\1a\0", 9);
	rr.type = 65280;
	rr.rdlen = 0;
	assert_int_equal(answers_unpack(rr.rdata, 9, &rr, scratch, &a), 0);
	assert_int_equal(answers_add(&set, &a, scratch), 1);
	answers_clear(&set);
	assert_int_equal(set.n, 0);
	free(scratch);
}

/* A set has an end. */
static void set_full(void **state)
{
	struct answers_scratch *scratch = malloc(sizeof(*scratch));
	struct answers set = { 0 };
	struct answer a;
	uint8_t ip[4] = { 10 };
	struct dns_rr rr = { .type = DNS_A, .class_ = DNS_IN, .rdata = ip, .rdlen = 4 };
	unsigned int i;

	(void)state;
	for (i = 0; i <= ANSWERS_MAX; i++) {
		dns_put16(ip + 2, (uint16_t)i);
		assert_int_equal(answers_unpack(ip, 4, &rr, scratch, &a), 0);
		assert_int_equal(answers_add(&set, &a, scratch), i < ANSWERS_MAX ? 1 : -ENOSPC);
	}
	answers_clear(&set);
	free(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_try),
		cmocka_unit_test(unsigned_error),
		cmocka_unit_test(clock_off),
		cmocka_unit_test(events_signed),
		cmocka_unit_test(clock_set),
		cmocka_unit_test(cannot_sign),
		cmocka_unit_test(garbage),
		cmocka_unit_test(names_case),
		cmocka_unit_test(set_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
