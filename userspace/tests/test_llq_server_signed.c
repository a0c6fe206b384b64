// SPDX-License-Identifier: GPL-2.0-or-later
/* LLQs in private zones: signed, events too; replays; keys that end; Apple's variant. */
#include "test.h"

#include "llq_server_world.h"

static struct subs_origin me;
static uint8_t id[LLQ_ID_LEN];

static void up(const struct subs_identity *who)
{
	me = from_host(1, 5000);
	set_up(&me, who, secret_host, DNS_AAAA, 3600);
	memcpy(id, w.id[0], LLQ_ID_LEN);
}

/* Each answer is signed as the answer to its request, an event as a request is. */
static void signed_all_the_way(void **state)
{
	struct sent first;

	(void)state;
	rr_add(secret_host, DNS_AAAA, 1);
	commit();
	me = from_host(1, 5000);
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_SETUP, NULL, 3600);
	assert_next("setup 3600");
	assert_int_equal(w.got->sign, SUBS_ANSWER);
	assert_true(dname_equal(w.got->who, mac_key.name));
	assert_memory_equal(w.got->prior.b, &w.macs, 4);
	memcpy(id, w.id[0], LLQ_ID_LEN);
	/* The answer to another's challenge is none, to the same question or not. */
	say(&me, &mini_key, secret_host, DNS_AAAA, LLQ_SETUP, id, 3600);
	assert_next("setup!4 0");
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_SETUP, id, 3600);
	assert_next("setup 3600 +host/AAAA.1");
	assert_int_equal(w.got->sign, SUBS_ANSWER);

	rr_add(secret_host, DNS_AAAA, 2);
	commit();
	assert_next("event 0 +host/AAAA.2");
	assert_int_equal(w.got->sign, SUBS_EVENT);
	assert_true(dname_equal(w.got->who, mac_key.name));
	first = *w.got;
	first.msg = exact_copy(first.msg, first.len);

	/* Acknowledged with its MAC, by its key, and nothing else. */
	assert_false(ack(&first, NULL));
	assert_false(ack(&first, &mini_key));
	assert_false(ack(&first, &bob_key));
	first.mac.b[3] ^= 1;
	assert_false(ack(&first, &mac_key));
	first.mac.b[3] ^= 1;
	assert_int_equal(stats().waiting, 1);
	/* Sent again it has another MAC: that counts. */
	pass(2000);
	assert_next("event 0 +host/AAAA.2");
	assert_memory_not_equal(w.got->mac.b, first.mac.b, 4);
	assert_true(ack(w.got, &mac_key));
	assert_int_equal(stats().waiting, 0);
	free(first.msg);

	w.now += SECOND;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 1800);
	assert_next("refresh 1800");
	assert_int_equal(w.got->sign, SUBS_ANSWER);
}

/* An event that came by the engine's caller without verification counts neither. */
static void ack_without_signature(void **state)
{
	struct asked q = { .o = { LLQ_VERSION, LLQ_EVENT, 0, { 0 }, 0 } };
	uint8_t msg[DNS_MAX];
	size_t len;

	(void)state;
	up(&mac_key);
	rr_add(secret_host, DNS_AAAA, 1);
	commit();
	next();
	memcpy(q.o.id, id, LLQ_ID_LEN);
	len = put_asked(msg, dns_id(w.got->msg), DNS_QR, &q, 1);
	assert_int_equal(tell(&me, NULL, msg, len), 0);
	assert_int_equal(tell(&me, &mini_key, msg, len), 0);
	assert_int_equal(stats().acked, 0);
	assert_int_equal(stats().refused[SUBS_REFUSED_ACK], 2);
	assert_int_equal(tell(&me, &mac_key, msg, len), 0);
	assert_int_equal(stats().acked, 1);
}

static void unsigned_is_refused(void **state)
{
	(void)state;
	up(&mac_key);
	say(&me, NULL, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("rcode5");
	say(&me, NULL, secret_host, DNS_AAAA, LLQ_SETUP, id, 3600);
	assert_next("rcode5");
	say(&me, &bob_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("rcode5");
	say(&me, &mini_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("refresh!4 0");
	assert_int_equal(n_llqs(), 1);
}

/* In a public zone a key is not needed, but then the LLQ is that key's. */
static void signed_in_public(void **state)
{
	(void)state;
	me = from_host(1, 5000);
	set_up(&me, &mac_key, host, DNS_A, 3600);
	memcpy(id, w.id[0], LLQ_ID_LEN);
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 0);
	assert_next("refresh!4 0");
	rr_add(host, DNS_A, 1);
	commit();
	assert_next("event 0 +host/A.1");
	assert_int_equal(w.got->sign, SUBS_EVENT);
	assert_true(ack(w.got, &mac_key));
}

/* The same octets again from the same place: sent twice, answered twice. */
static void repeated_by_the_network(void **state)
{
	struct asked q = llq(secret_host, DNS_AAAA, LLQ_REFRESH, NULL, 1000);
	struct subs_origin elsewhere = from_host(9, 5000);

	(void)state;
	up(&mac_key);
	memcpy(q.o.id, id, LLQ_ID_LEN);
	w.now += SECOND;
	w.mac = 77777;
	say_all(&me, &mac_key, &q, 1);
	assert_next("refresh 1000");
	w.now += 5 * SECOND;
	w.signed_at = w.now / 1000 - 5;
	say_all(&me, &mac_key, &q, 1);
	assert_next("refresh 995");	/* not renewed by that */
	/* From elsewhere: replayed. No word, so that nobody learns anything. */
	say_all(&elsewhere, &mac_key, &q, 1);
	assert_next("nothing");
	assert_int_equal(stats().refused[SUBS_REFUSED_REPLAY], 1);
	assert_int_equal(n_llqs(), 1);
}

static void older_than_the_newest(void **state)
{
	(void)state;
	up(&mac_key);
	w.now += 100 * SECOND;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 3600);
	assert_next("refresh 3600");
	/* Signed before that one, with a MAC never seen: it was held back. */
	w.signed_at = w.now / 1000 - 1;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("nothing");
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_SETUP, id, 3600);
	assert_next("nothing");
	assert_int_equal(stats().refused[SUBS_REFUSED_REPLAY], 2);
	assert_int_equal(n_llqs(), 1);
	w.signed_at++;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("refresh 0");
}

/*
 * The clock of the server, and so that of its clients, was an hour ahead, and is set right:
 * nobody is taken for a replay of what was said by the old time.
 */
static void clock_set_back(void **state)
{
	(void)state;
	w.signed_at = w.now / 1000 + 3600;
	up(&mac_key);
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 3600);
	assert_next("refresh 3600");
	w.now += SECOND;
	w.signed_at = w.now / 1000;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 3600);
	assert_next("refresh 3600");
	/* From now on, it counts again. */
	w.signed_at--;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("nothing");
	w.signed_at++;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, id, 0);
	assert_next("refresh 0");
}

/* An end whose answer was lost, asked for again, has the same answer. */
static void end_twice(void **state)
{
	struct asked q = llq(secret_host, DNS_AAAA, LLQ_REFRESH, NULL, 0);

	(void)state;
	up(&mac_key);
	memcpy(q.o.id, id, LLQ_ID_LEN);
	w.mac = 88888;
	say_all(&me, &mac_key, &q, 1);
	assert_next("refresh 0");
	say_all(&me, &mac_key, &q, 1);
	assert_next("refresh 0");
	assert_int_equal(n_llqs(), 0);
	assert_int_equal(stats().ended, 1);
}

/* A recorded set-up does not bring back what was ended. */
static void replayed_setup(void **state)
{
	struct asked q = llq(secret_host, DNS_AAAA, LLQ_SETUP, NULL, 3600);
	struct subs_origin stream = from_stream(SUBS_TCP, 2);

	(void)state;
	me = from_host(1, 5000);
	say_all(&me, &mac_key, &q, 1);
	next();
	memcpy(q.o.id, w.id[0], LLQ_ID_LEN);
	w.mac = 99999;
	say_all(&me, &mac_key, &q, 1);
	assert_next("setup 3600");
	w.mac = 0;
	say(&me, &mac_key, secret_host, DNS_AAAA, LLQ_REFRESH, q.o.id, 0);
	assert_next("refresh 0");
	w.mac = 99999;
	say_all(&me, &mac_key, &q, 1);
	assert_next("setup!4 0");
	assert_int_equal(n_llqs(), 0);

	/* On a stream there is no challenge: all hangs on the MAC. */
	w.mac = 55555;
	say(&stream, &mac_key, secret_host, DNS_AAAA, LLQ_SETUP, NULL, 3600);
	assert_next("setup 3600");
	stream = from_stream(SUBS_TCP, 3);
	say(&stream, &mac_key, secret_host, DNS_AAAA, LLQ_SETUP, NULL, 3600);
	assert_next("nothing");
	assert_int_equal(n_llqs(), 1);
}

/* More signed messages than are remembered: what is forgotten is refused, if old. */
static void memory_of_macs_is_bounded(void **state)
{
	struct asked q = llq(secret_host, DNS_AAAA, LLQ_SETUP, NULL, 3600);
	size_t before;
	uint64_t began;
	unsigned int i, silent = 0;

	(void)state;
	me = from_host(1, 5000);
	before = stats().octets;
	began = w.now / 1000;
	for (i = 0; i < 5000; i++) {
		w.mac = 1000000 + i;
		w.now += 100;
		say_all(&me, &mac_key, &q, 1);
		assert_non_null(strstr(next(), "setup 3600"));
	}
	assert_int_equal(stats().octets, before);
	/* All of them again, from elsewhere: not one is taken for new. */
	me = from_host(2, 5000);
	for (i = 0; i < 5000; i++) {
		w.mac = 1000000 + i;
		w.signed_at = began + (i + 1) / 10;
		say_all(&me, &mac_key, &q, 1);
		silent += !strcmp(next(), "nothing");
	}
	assert_int_equal(silent, 5000);
}

static void key_removed(void **state)
{
	struct subs_origin mini = from_host(2, 5000), stream = from_stream(SUBS_TLS, 5);

	(void)state;
	up(&mac_key);
	set_up(&me, &mac_key, alice, DNS_SRV, 3600);
	say(&stream, &mac_key, alice, DNS_SRV, LLQ_SETUP, NULL, 3600);
	assert_next("setup 3600");
	set_up(&mini, &mini_key, secret_host, DNS_AAAA, 3600);
	rr_add(secret_host, DNS_AAAA, 1);
	commit();
	assert_next("event 0 +host/AAAA.1");
	assert_next("event 0 +host/AAAA.1");
	assert_int_equal(n_llqs(), 4);

	subs_end_identity(w.s, mac_key.name);
	assert_int_equal(n_llqs(), 1);
	assert_int_equal(stats().waiting, 1);
	assert_int_equal(stats().ended, 3);
	assert_null(saved_at(id));
	assert_false(w.held[5]);
	rr_add(secret_host, DNS_AAAA, 2);
	commit();
	pass(2000);
	assert_next("event 0 +host/AAAA.1");
	assert_true(dname_equal(w.got->who, mini_key.name));
	assert_next("nothing");
	subs_end_identity(w.s, mac_key.name);	/* again */
	subs_end_identity(w.s, bob_key.name);	/* has nothing */
	assert_int_equal(n_llqs(), 1);
}

/* The same name with another secret is somebody else. */
static void rekeyed(void **state)
{
	struct subs_identity renewed = mac_key;

	(void)state;
	up(&mac_key);
	renewed.tag = 4711;
	w.now += SECOND;
	say(&me, &renewed, secret_host, DNS_AAAA, LLQ_REFRESH, id, 3600);
	assert_next("refresh!4 0");
	set_up(&me, &renewed, secret_host, DNS_AAAA, 3600);
	assert_int_equal(n_llqs(), 2);
	/* By its name both end. */
	subs_end_identity(w.s, mac_key.name);
	assert_int_equal(n_llqs(), 0);
}

static void zone_ends(void **state)
{
	(void)state;
	up(&mac_key);
	set_up(&me, &bob_key, bob, DNS_A, 3600);
	set_up(&me, NULL, host, DNS_A, 3600);
	subs_end_zone(w.s, alice);
	assert_int_equal(n_llqs(), 2);
	assert_null(saved_at(id));
	subs_end_zone(w.s, alice);
	subs_end_zone(w.s, pub);
	assert_int_equal(n_llqs(), 1);
}

/* --- Apple's variant: over TLS, signed; the error field is the port of events --- */

static struct asked apple(const uint8_t *name, uint16_t opcode, const uint8_t *llq_id,
			  uint32_t lease, uint16_t port)
{
	struct asked q = llq(name, DNS_AAAA, opcode, llq_id, lease);

	q.o.error = port;
	return q;
}

static void apples_variant(void **state)
{
	struct subs_origin tls = from_stream(SUBS_TLS, 4), again = from_stream(SUBS_TLS, 6);
	struct asked q = apple(secret_host, LLQ_SETUP, NULL, 7200, 34567);
	struct subs_origin from;

	(void)state;
	rr_add(secret_host, DNS_AAAA, 1);
	commit();
	say_all(&tls, &mac_key, &q, 1);
	assert_next("setup 7200 +host/AAAA.1");		/* in one step, without error */
	memcpy(id, w.id[0], LLQ_ID_LEN);
	assert_int_equal(w.got->to.stream, 4);
	assert_int_equal(stats().llqs[SUBS_TLS], 1);
	/* Survives its stream. */
	assert_false(w.held[4]);
	subs_end_stream(w.s, 4);
	assert_int_equal(n_llqs(), 1);
	assert_true(saved_at(id)->r.apple);

	rr_add(secret_host, DNS_AAAA, 2);
	commit();
	assert_next("event 0 +host/AAAA.2");
	assert_int_equal(w.got->sign, SUBS_EVENT);
	assert_int_equal(w.got->to.transport, SUBS_UDP);
	assert_int_equal(w.got->to.peer.port, 34567);
	assert_memory_equal(&w.got->to.peer.ip, &tls.peer.ip, 16);
	assert_memory_equal(&w.got->to.local.ip, &tls.local.ip, 16);
	assert_int_equal(w.got->to.local.port, 0);
	assert_int_equal(w.got->to.listener, -1);
	/* The acknowledgement comes by UDP to wherever that was sent from. */
	from = w.got->to;
	from.listener = 2;
	from.local.port = 53;
	assert_true(ack_as(w.got, &from, &mac_key, &w.got->mac, 0));

	/* Refreshed on another stream, from another port of its NAT. */
	w.now += SECOND;
	q = apple(secret_host, LLQ_REFRESH, id, 3600, 45678);
	say_all(&again, &mac_key, &q, 1);
	assert_next("refresh 3600");
	assert_int_equal(stats().clients, 1);
	assert_int_equal(saved_at(id)->r.to.peer.port, 45678);
	rr_del(secret_host, DNS_AAAA, 1);
	commit();
	assert_next("event 0 -host/AAAA.1");
	assert_int_equal(w.got->to.peer.port, 45678);
	assert_true(ack(w.got, &mac_key));

	/* Set up again with the same port: takes its place. */
	w.now += SECOND;
	q = apple(secret_host, LLQ_SETUP, NULL, 7200, 45678);
	say_all(&again, &mac_key, &q, 1);
	assert_next("setup 7200 +host/AAAA.2");
	assert_int_equal(n_llqs(), 1);
	assert_memory_not_equal(w.id[0], id, LLQ_ID_LEN);
	memcpy(id, w.id[0], LLQ_ID_LEN);
	q = apple(secret_host, LLQ_REFRESH, id, 0, 45678);
	say_all(&again, &mac_key, &q, 1);
	assert_next("refresh 0");
	assert_int_equal(n_llqs(), 0);
	assert_int_equal(stats().clients, 0);
}

static void apples_variant_refused(void **state)
{
	struct subs_origin tls = from_stream(SUBS_TLS, 4), elsewhere = tls, udp;
	struct asked q = apple(host, LLQ_SETUP, NULL, 7200, 34567);

	(void)state;
	/* To a port that is just told, only for who signs. */
	say_all(&tls, NULL, &q, 1);
	assert_next("setup!3 0");
	q = apple(secret_host, LLQ_SETUP, NULL, 7200, 34567);
	say_all(&tls, NULL, &q, 1);
	assert_next("rcode5");
	say_all(&tls, &mac_key, &q, 1);
	next();
	memcpy(id, w.id[0], LLQ_ID_LEN);

	/* Not from another address, not by another key, not by UDP. */
	w.now += SECOND;
	q = apple(secret_host, LLQ_REFRESH, id, 0, 34567);
	elsewhere.peer.ip.s6_addr[15] ^= 1;
	elsewhere.stream = 9;
	say_all(&elsewhere, &mac_key, &q, 1);
	assert_next("refresh!4 0");
	say_all(&tls, &mini_key, &q, 1);
	assert_next("refresh!4 0");
	udp = from_host(7, 34567);
	q.o.error = 0;
	say_all(&udp, &mac_key, &q, 1);
	assert_next("refresh!4 0");
	assert_int_equal(n_llqs(), 1);

	/* A port in the refresh of an LLQ that is not Apple's. */
	up(&mini_key);
	q = apple(secret_host, LLQ_REFRESH, id, 3600, 5353);
	say_all(&me, &mini_key, &q, 1);
	assert_next("refresh!3 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(signed_all_the_way),
		world_test(ack_without_signature),
		world_test(unsigned_is_refused),
		world_test(signed_in_public),
		world_test(repeated_by_the_network),
		world_test(older_than_the_newest),
		world_test(clock_set_back),
		world_test(end_twice),
		world_test(replayed_setup),
		world_test(memory_of_macs_is_bounded),
		world_test(key_removed),
		world_test(rekeyed),
		world_test(zone_ends),
		world_test(apples_variant),
		world_test(apples_variant_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
