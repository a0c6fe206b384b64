// SPDX-License-Identifier: GPL-2.0-or-later
/* LLQs are set up in four steps, whichever is lost, doubled, late or forged. */
#include "test.h"

#include "llq_server_world.h"

static void four_steps(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t id[LLQ_ID_LEN];

	(void)state;
	rr_add(host, DNS_A, 1);
	rr_add(host, DNS_A, 2);
	rr_add(host, DNS_AAAA, 3);
	commit();

	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("setup 3600");
	assert_int_equal(dns_id(w.got->msg), w.message_id);
	assert_int_equal(dns_count(w.got->msg, 0), 1);
	assert_memory_equal(&w.got->to, &me, sizeof(me));
	assert_memory_not_equal(w.id[0], no_id, LLQ_ID_LEN);
	memcpy(id, w.id[0], LLQ_ID_LEN);
	/* Until it has proved its address nothing is kept of it. */
	assert_int_equal(n_llqs(), 0);
	assert_int_equal(stats().clients, 0);
	assert_int_equal(stats().names, 0);

	w.now += 1500;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup 3600 +host/A.1 +host/A.2");
	assert_memory_equal(w.id[0], id, LLQ_ID_LEN);
	assert_int_equal(dns_id(w.got->msg), w.message_id);
	assert_true(dns_flags(w.got->msg) & DNS_AA);
	assert_int_equal(stats().llqs[SUBS_UDP], 1);
	assert_int_equal(stats().setups, 1);
	assert_next("nothing");
}

/* The server keeps no time for a client: what is lost the client sends again. */
static void lost_setup_or_challenge(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t id[LLQ_ID_LEN];

	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	/* Its first try never came; the answer to the second is lost. */
	w.now += 2000;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("setup 3600");
	memcpy(id, w.id[0], LLQ_ID_LEN);
	pass(4000);
	assert_next("nothing");
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("setup 3600");
	assert_int_equal(stats().challenges, 2);
	/* Either challenge is good: they may have overtaken each other. */
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup 3600 +host/A.1");
	assert_int_equal(n_llqs(), 1);
}

static void lost_response_or_ack(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t id[LLQ_ID_LEN];

	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	next();
	memcpy(id, w.id[0], LLQ_ID_LEN);
	/* Its first challenge response is lost, the next comes after two seconds. */
	w.now += 2000;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup 3600 +host/A.1");
	/* That answer is lost: asked again it is given again, as of then. */
	pass(4000);
	rr_add(host, DNS_A, 2);
	commit();
	assert_next("event 0 +host/A.2");
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup 3596 +host/A.1 +host/A.2");
	assert_int_equal(n_llqs(), 1);
	assert_int_equal(stats().setups, 1);
}

static void all_messages_twice(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t id[LLQ_ID_LEN];
	unsigned int i;

	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	for (i = 0; i < 2; i++) {
		say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
		assert_next("setup 3600");
	}
	memcpy(id, w.id[0], LLQ_ID_LEN);
	for (i = 0; i < 2; i++) {
		say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
		assert_next("setup 3600 +host/A.1");
	}
	/* A first message that was late: nothing happens to what there is. */
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("setup 3600");
	assert_int_equal(n_llqs(), 1);
	rr_add(host, DNS_A, 2);
	commit();
	assert_next("event 0 +host/A.2");
	assert_next("nothing");
}

/* The answer to a challenge before (as far as the server knows) any set-up. */
static void answer_without_challenge(void **state)
{
	static const uint8_t guess[LLQ_ID_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct subs_origin me = from_host(1, 5000);

	(void)state;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, guess, 3600);
	assert_next("setup!4 0");
	assert_int_equal(n_llqs(), 0);
	assert_int_equal(stats().refused[SUBS_REFUSED_CHALLENGE], 1);
}

/* A challenge is good for its address, port, question, lease and key alone. */
static void spoofed(void **state)
{
	struct subs_origin me = from_host(1, 5000), port = from_host(1, 5001);
	struct subs_origin victim = from_host(2, 5000);
	uint8_t id[LLQ_ID_LEN], bent[LLQ_ID_LEN];
	unsigned int i;

	(void)state;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	next();
	memcpy(id, w.id[0], LLQ_ID_LEN);

	say(&victim, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup!4 0");
	say(&port, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup!4 0");
	say(&me, NULL, other, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup!4 0");
	say(&me, NULL, host, DNS_AAAA, LLQ_SETUP, id, 3600);
	assert_next("setup!4 0");
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 7200);
	assert_next("setup!4 0");
	for (i = 0; i < 64; i++) {
		memcpy(bent, id, LLQ_ID_LEN);
		bent[i / 8] ^= (uint8_t)(1 << i % 8);
		say(&me, NULL, host, DNS_A, LLQ_SETUP, bent, 3600);
		assert_next("setup!4 0");
	}
	assert_int_equal(n_llqs(), 0);
	assert_int_equal(stats().refused[SUBS_REFUSED_CHALLENGE], 69);
	assert_int_equal(saved_at(id) != NULL, 0);

	/* The right one still is. */
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup 3600");
	/* Now it is known, and another cannot have it, whatever he asks for. */
	say(&victim, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup!4 0");
	say(&victim, NULL, host, DNS_A, LLQ_REFRESH, id, 0);
	assert_next("refresh!4 0");
	say(&me, NULL, other, DNS_A, LLQ_REFRESH, id, 0);
	assert_next("refresh!4 0");
	assert_int_equal(n_llqs(), 1);
}

static void challenges_grow_old(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t id[LLQ_ID_LEN];

	(void)state;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	next();
	memcpy(id, w.id[0], LLQ_ID_LEN);
	/* Longer than any client tries (2 + 4 + 8 s). */
	w.now += 120 * SECOND;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup 3600");
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 0);
	assert_next("refresh 0");

	w.now += 300 * SECOND;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup!4 0");
	assert_int_equal(n_llqs(), 0);
}

static void leases_within_limits(void **state)
{
	static const struct { uint32_t asked, granted; } leases[] = {
		{ 0, 900 }, { 1, 900 }, { 899, 900 }, { 900, 900 }, { 901, 901 },
		{ 7200, 7200 }, { 7201, 7200 }, { UINT32_MAX, 7200 },
	};
	struct subs_origin me = from_host(1, 5000);
	unsigned int i;

	(void)state;
	for (i = 0; i < N_OF(leases); i++) {
		uint8_t id[LLQ_ID_LEN];

		say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, leases[i].asked);
		next();
		assert_int_equal(w.lease[0], leases[i].granted);
		memcpy(id, w.id[0], LLQ_ID_LEN);
		say(&me, NULL, host, DNS_A, LLQ_SETUP, id, w.lease[0]);
		next();
		assert_int_equal(w.lease[0], leases[i].granted);
		say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, leases[i].asked ?: 1);
		next();
		assert_int_equal(w.lease[0], leases[i].granted);
		/* What is granted is kept to: not shorter, not longer. */
		pass(leases[i].granted * SECOND - 1);
		assert_int_equal(n_llqs(), 1);
		pass(1);
		assert_int_equal(n_llqs(), 0);
		assert_null(saved_at(id));
	}
	assert_int_equal(stats().expired, N_OF(leases));
}

/* Who sets up the same again from the same port (it has started anew) has it once. */
static void set_up_anew(void **state)
{
	struct subs_origin me = from_host(1, 5000), elsewhere = from_host(1, 5001);

	(void)state;
	set_up(&me, NULL, host, DNS_A, 3600);
	w.now += 600 * SECOND;
	set_up(&me, NULL, host, DNS_A, 3600);
	assert_int_equal(n_llqs(), 1);
	assert_int_equal(stats().setups, 2);
	set_up(&me, NULL, host, DNS_AAAA, 3600);
	set_up(&me, NULL, other, DNS_A, 3600);
	set_up(&elsewhere, NULL, host, DNS_A, 3600);
	assert_int_equal(n_llqs(), 4);
	assert_int_equal(stats().clients, 2);
	assert_int_equal(stats().names, 3);
}

/* RFC 8764 3.1: also names in another case are one question. */
static void names_regardless_of_case(void **state)
{
	static const uint8_t shout[] = "\4HoSt\7eXample\3cOm";
	struct subs_origin me = from_host(1, 5000);

	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	set_up(&me, NULL, shout, DNS_A, 3600);
	assert_string_equal(w.text, "setup 3600 +HoSt/A.1");
	rr_add(host, DNS_A, 2);
	commit();
	assert_next("event 0 +host/A.2");
	w.now += 300 * SECOND;
	set_up(&me, NULL, host, DNS_A, 3600);
	assert_int_equal(n_llqs(), 1);
}

static void refresh(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t id[LLQ_ID_LEN];

	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	set_up(&me, NULL, host, DNS_A, 1000);
	memcpy(id, w.id[0], LLQ_ID_LEN);
	pass(800 * SECOND);
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 2000);
	assert_next("refresh 2000");
	assert_int_equal(dns_id(w.got->msg), w.message_id);
	assert_memory_equal(w.id[0], id, LLQ_ID_LEN);
	pass(1999 * SECOND);
	assert_int_equal(n_llqs(), 1);
	pass(SECOND);
	assert_int_equal(n_llqs(), 0);

	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 2000);
	assert_next("refresh!4 0");
	assert_int_equal(stats().refused[SUBS_REFUSED_NO_SUCH], 1);
	assert_int_equal(stats().refreshes, 1);
}

static void ended_by_lease_0(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t id[LLQ_ID_LEN];

	(void)state;
	set_up(&me, NULL, host, DNS_A, 1000);
	memcpy(id, w.id[0], LLQ_ID_LEN);
	assert_non_null(saved_at(id));
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 0);
	assert_next("refresh 0");
	assert_int_equal(n_llqs(), 0);
	assert_int_equal(stats().ended, 1);
	assert_int_equal(stats().names, 0);
	assert_int_equal(stats().clients, 0);
	assert_null(saved_at(id));
	rr_add(host, DNS_A, 1);
	commit();
	assert_next("nothing");
	assert_true(subs_deadline(w.s) == UINT64_MAX);
}

/* Over a stream an address is proved already, RFC 8764 5: one step. */
static void streams(void **state)
{
	static const enum subs_transport kinds[] = { SUBS_TCP, SUBS_TLS };
	unsigned int i;

	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	for (i = 0; i < N_OF(kinds); i++) {
		struct subs_origin me = from_stream(kinds[i], i + 1), next_one;
		uint8_t id[LLQ_ID_LEN];

		say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
		assert_next("setup 3600 +host/A.1");
		memcpy(id, w.id[0], LLQ_ID_LEN);
		assert_true(w.held[i + 1]);
		assert_int_equal(stats().llqs[kinds[i]], 1);
		/* What cannot survive is not kept. */
		assert_null(saved_at(id));

		/* Four steps are no error. */
		say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
		assert_next("setup 3600 +host/A.1");
		assert_int_equal(n_llqs(), 1);

		/* Events need no acknowledgement: they just follow each other. */
		rr_add(host, DNS_A, 2);
		commit();
		assert_next("event 0 +host/A.2");
		assert_int_equal(w.got->to.stream, i + 1);
		rr_del(host, DNS_A, 2);
		commit();
		assert_next("event 0 -host/A.2");
		pass(60 * SECOND);
		assert_next("nothing");
		assert_int_equal(n_llqs(), 1);

		/* Another stream is another client. */
		next_one = from_stream(kinds[i], i + 5);
		say(&next_one, NULL, host, DNS_A, LLQ_REFRESH, id, 0);
		assert_next("refresh!4 0");
		say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 1800);
		assert_next("refresh 1800");

		subs_end_stream(w.s, i + 1);
		assert_int_equal(n_llqs(), 0);
		assert_false(w.held[i + 1]);
	}
}

static void stream_is_held_by_its_llqs(void **state)
{
	struct subs_origin me = from_stream(SUBS_TLS, 3);
	uint8_t a[LLQ_ID_LEN], b[LLQ_ID_LEN];

	(void)state;
	/* Bound for push, but not used for it: that alone does not hold it. */
	assert_int_equal(subs_push_bind(w.s, &me, &mac_key, w.now), 0);
	assert_false(w.held[3]);
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	next();
	memcpy(a, w.id[0], LLQ_ID_LEN);
	assert_true(w.held[3]);
	/* Two keys on one stream are two clients. */
	say(&me, &mac_key, host, DNS_A, LLQ_SETUP, NULL, 3600);
	next();
	memcpy(b, w.id[0], LLQ_ID_LEN);
	assert_int_equal(n_llqs(), 2);
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, a, 0);
	assert_next("refresh 0");
	assert_true(w.held[3]);
	w.now += SECOND;
	say(&me, &mac_key, host, DNS_A, LLQ_REFRESH, b, 0);
	assert_next("refresh 0");
	assert_false(w.held[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(four_steps),
		world_test(lost_setup_or_challenge),
		world_test(lost_response_or_ack),
		world_test(all_messages_twice),
		world_test(answer_without_challenge),
		world_test(spoofed),
		world_test(challenges_grow_old),
		world_test(leases_within_limits),
		world_test(set_up_anew),
		world_test(names_regardless_of_case),
		world_test(refresh),
		world_test(ended_by_lease_0),
		world_test(streams),
		world_test(stream_is_held_by_its_llqs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
