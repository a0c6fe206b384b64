// SPDX-License-Identifier: GPL-2.0-or-later
/* LLQs outlive the server, and get what has changed meanwhile. */
#include "test.h"

#include "llq_server_world.h"

#define TUNNEL	"\x0b_autotunnel\x04_udp"
static const uint8_t tunnel[] = TUNNEL "\4host\5alice\7example\3com";
static const uint8_t outer[] = "\5outer\5alice\7example\3com";

static struct subs_origin me;
static uint8_t id[LLQ_ID_LEN];

static void up(void)
{
	me = from_host(1, 5000);
	set_up(&me, NULL, host, DNS_A, 3600);
	memcpy(id, w.id[0], LLQ_ID_LEN);
}

static void the_difference(void **state)
{
	(void)state;
	rr_add(host, DNS_A, 1);
	rr_add(host, DNS_A, 2);
	commit();
	up();
	killed();
	w.now += 60 * SECOND;
	rr_del(host, DNS_A, 1);
	rr_add(host, DNS_A, 3);
	restarted();
	assert_int_equal(n_llqs(), 1);
	assert_int_equal(stats().unsynced, 1);
	assert_next("nothing");
	zones_come();
	assert_int_equal(stats().unsynced, 0);
	assert_next("event 0 -host/A.1 +host/A.3");
	assert_memory_equal(w.id[0], id, LLQ_ID_LEN);
	assert_int_equal(w.got->to.listener, 6);
	assert_int_equal(w.got->to.peer.port, 5000);
	assert_true(ack(w.got, NULL));

	/* Lives on as if nothing had been, and no longer than it was granted. */
	rr_add(host, DNS_A, 4);
	commit();
	assert_next("event 0 +host/A.4");
	assert_true(ack(w.got, NULL));
	pass(3600 * SECOND - 60 * SECOND - 1);
	assert_int_equal(n_llqs(), 1);
	pass(1);
	assert_int_equal(n_llqs(), 0);
}

static void no_difference(void **state)
{
	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	up();
	rr_add(host, DNS_A, 2);
	commit();
	assert_next("event 0 +host/A.2");
	assert_true(ack(w.got, NULL));
	killed();
	restarted();
	zones_come();
	assert_next("nothing");
	/* Refreshed from where it was. */
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 1800);
	assert_next("refresh 1800");
}

/* Changes of other zones do not disturb those whose zone is not yet there. */
static void waits_for_its_zone(void **state)
{
	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	up();
	killed();
	restarted();
	rr_add(host, DNS_A, 2);		/* as the first transfer would tell it */
	commit();
	assert_next("nothing");
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 1800);
	assert_next("rcode2");
	zones_come();
	assert_next("event 0 +host/A.2");
}

/*
 * An event is out when the server is killed: whether it has arrived nobody knows. A
 * record that it brought and that has gone is removed; what is still there is told
 * again; so is what it removed and that has come back.
 */
static void killed_before_the_ack(void **state)
{
	(void)state;
	rr_add(host, DNS_A, 1);
	rr_add(host, DNS_A, 2);
	commit();
	up();
	rr_del(host, DNS_A, 1);
	rr_del(host, DNS_A, 2);
	rr_add(host, DNS_A, 3);
	rr_add(host, DNS_A, 4);
	commit();
	assert_next("event 0 -host/A.1 -host/A.2 +host/A.3 +host/A.4");
	killed();
	rr_del(host, DNS_A, 3);
	rr_add(host, DNS_A, 1);
	restarted();
	zones_come();
	assert_next("event 0 +host/A.1 -host/A.2 -host/A.3 +host/A.4");
	assert_true(ack(w.got, NULL));
	killed();
	restarted();
	zones_come();
	assert_next("nothing");
}

static void killed_with_more_waiting(void **state)
{
	(void)state;
	up();
	rr_add(host, DNS_A, 1);
	commit();
	rr_add(host, DNS_A, 2);
	commit();
	rr_add(host, DNS_A, 3);
	commit();
	assert_int_equal(w.n_sent, 1);
	next();
	killed();
	restarted();
	zones_come();
	assert_next("event 0 +host/A.1 +host/A.2 +host/A.3");
}

static void moved_meanwhile(void **state)
{
	(void)state;
	rr_add(secret_host, DNS_AAAA, 1);
	rr_add_to(tunnel, DNS_SRV, 4500, outer);
	rr_add(outer, DNS_A, 1);
	commit();
	me = from_host(1, 5000);
	set_up(&me, &mac_key, secret_host, DNS_AAAA, 7200);
	killed();
	rr_del(outer, DNS_A, 1);
	rr_add(outer, DNS_A, 2);
	restarted();
	zones_come();
	assert_next("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.2");
	assert_int_equal(w.got->sign, SUBS_EVENT);
	assert_true(ack(w.got, &mac_key));
	/* The rule goes on, */
	rr_del(outer, DNS_A, 2);
	rr_add(outer, DNS_A, 3);
	commit();
	assert_next("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.3");
	/* also over a restart while that is out, */
	killed();
	restarted();
	zones_come();
	assert_next("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.3");
	assert_true(ack(w.got, &mac_key));
	/* and who has not moved is not told. */
	killed();
	restarted();
	zones_come();
	assert_next("nothing");
}

/* What was signed before the restart cannot be replayed after it. */
static void replays_over_a_restart(void **state)
{
	(void)state;
	me = from_host(1, 5000);
	set_up(&me, &mac_key, secret_host, DNS_AAAA, 7200);
	memcpy(id, w.id[0], LLQ_ID_LEN);
	w.now += 100 * SECOND;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 3600);
	assert_next("refresh 3600");
	killed();
	restarted();
	zones_come();
	w.signed_at = w.now / 1000 - 1;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("nothing");
	say(&me, &mini_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("refresh!4 0");
	w.signed_at = 0;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("refresh 0");
}

/* A handshake goes on where it was: challenges are made with a secret that is kept. */
static void killed_within_the_handshake(void **state)
{
	(void)state;
	me = from_host(1, 5000);
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	next();
	memcpy(id, w.id[0], LLQ_ID_LEN);
	killed();
	restarted();
	zones_come();
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup 3600");
	/* The answer is lost with the server: the same again. */
	killed();
	rr_add(host, DNS_A, 5);
	restarted();
	w.zones[0].unloaded = false;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup 3600 +host/A.5");
	assert_int_equal(stats().unsynced, 0);
	assert_int_equal(subs_resync(w.s, id, NULL, 0, w.now), -ENOENT);
}

static void apples_survive(void **state)
{
	struct asked q = llq(secret_host, DNS_AAAA, LLQ_SETUP, NULL, 7200);

	(void)state;
	me = from_stream(SUBS_TLS, 4);
	q.o.error = 5353;
	say_all(&me, &mac_key, &q, 1);
	assert_next("setup 7200");
	killed();
	rr_add(secret_host, DNS_AAAA, 9);
	restarted();
	zones_come();
	assert_next("event 0 +host/AAAA.9");
	assert_int_equal(w.got->to.peer.port, 5353);
	assert_int_equal(w.got->to.listener, -1);
	assert_int_equal(w.got->to.local.port, 0);
	assert_true(ack(w.got, &mac_key));
	q = llq(secret_host, DNS_AAAA, LLQ_REFRESH, w.id[0], 3600);
	q.o.error = 5354;
	w.now += SECOND;
	say_all(&me, &mac_key, &q, 1);
	assert_next("refresh 3600");
}

static void cannot_be_restored(void **state)
{
	static const uint8_t elsewhere[] = "\4host\7example\3net";
	struct subs_record r;

	(void)state;
	up();
	r = saved_at(id)->r;
	assert_int_equal(subs_restore(w.s, &r, w.now), -EEXIST);
	r.id[0] ^= 1;
	assert_int_equal(subs_restore(w.s, &r, r.expires), -ETIME);
	r.name = elsewhere;
	assert_int_equal(subs_restore(w.s, &r, w.now), -EINVAL);
	r.name = host;
	r.expires = w.now + 86400 * 7 * SECOND;
	r.to.stream = 5;
	assert_int_equal(subs_restore(w.s, &r, w.now), -EINVAL);
	r.to.stream = 0;
	w.config.max_llqs = 1;
	subs_configure(w.s, &w.config);
	assert_int_equal(subs_restore(w.s, &r, w.now), -ENOSPC);
	w.config.max_llqs = 2;
	subs_configure(w.s, &w.config);
	/* No lease is longer than the longest, whatever the file says. */
	assert_int_equal(subs_restore(w.s, &r, w.now), 0);
	pass(7200 * SECOND);
	assert_int_equal(n_llqs(), 0);
}

static void answers_that_make_no_sense(void **state)
{
	uint8_t *answers;
	unsigned int i;
	size_t len;

	(void)state;
	rr_add(host, DNS_A, 1);
	commit();
	up();
	len = saved_at(id)->r.answers_len;
	answers = exact_copy(saved_at(id)->answers, len);
	for (i = 0; i < len; i++) {
		uint8_t *cut = exact_copy(answers, i);

		killed();
		restarted();
		zones_come();
		assert_next("nothing");
		killed();
		restarted();
		w.zones[0].unloaded = false;
		assert_int_equal(subs_resync(w.s, id, cut, i, w.now), i == 8 ? 0 : -EBADMSG);
		pass(0);
		free(cut);
		assert_next("event 0 +host/A.1");
		assert_true(ack(w.got, NULL));
	}
	/* A record of another type than was asked for */
	answers[9] = DNS_OPT;
	killed();
	restarted();
	w.zones[0].unloaded = false;
	assert_int_equal(subs_resync(w.s, id, answers, len, w.now), -EBADMSG);
	pass(0);
	assert_next("event 0 +host/A.1");
	free(answers);
	assert_int_equal(subs_resync(w.s, no_id, NULL, 0, w.now), -ENOENT);
}

/* Restored, but what its client had is lost: it cannot be told the difference. */
static void never_resynced(void **state)
{
	(void)state;
	up();
	killed();
	restarted();
	w.zones[0].unloaded = false;
	rr_add(host, DNS_A, 1);
	commit();
	assert_next("nothing");
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 3600);
	assert_next("refresh!4 0");
	assert_int_equal(n_llqs(), 0);
	assert_int_equal(stats().unsynced, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(the_difference),
		world_test(no_difference),
		world_test(waits_for_its_zone),
		world_test(killed_before_the_ack),
		world_test(killed_with_more_waiting),
		world_test(moved_meanwhile),
		world_test(replays_over_a_restart),
		world_test(killed_within_the_handshake),
		world_test(apples_survive),
		world_test(cannot_be_restored),
		world_test(answers_that_make_no_sense),
		world_test(never_resynced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
