// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The observer of the own address: servers that come and go, and NATs of each kind.
 * (The transaction as such and the messages are in test_stun.c.)
 */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>

#include "../lib/stun/observer.h"
#include "../lib/stun/server.h"

#define PERIOD		20000
#define PERIOD_PUBLIC	600000
#define HOUR		3600000

static const char *const server_ips[STUN_SERVERS] = {
	"::ffff:198.51.100.1", "::ffff:198.51.100.2", "::ffff:203.0.113.3", "::ffff:198.51.100.1",
};

static const uint16_t server_ports[STUN_SERVERS] = { 3478, 3478, 3478, 3479 };

/* What is between the observer and its servers */
static struct {
	bool away[STUN_SERVERS];	/* no answer */
	unsigned int lose;		/* so many requests of those to come */
	uint16_t error;			/* the answer instead of an address */
	bool by_destination;		/* the NAT's mapping */
	bool none;			/* there is no NAT */
	uint16_t port;			/* the NAT's */
	unsigned int requests, asked[STUN_SERVERS];
} net;

static struct stun_observer o;
static uint64_t now;

static struct stun_address address(const char *text, uint16_t port)
{
	struct stun_address a = { .port = port };

	assert_int_equal(inet_pton(AF_INET6, text, &a.ip), 1);
	return a;
}

static struct stun_address server(unsigned int i)
{
	return address(server_ips[i], server_ports[i]);
}

static struct stun_address seen_by(unsigned int i)
{
	if (net.none)
		return address("::ffff:192.0.2.10", 4500);
	return address("::ffff:192.0.2.99", (uint16_t)(net.port + (net.by_destination ? i : 0)));
}

/* Server @i's answer, if it gives one. */
static void serve(unsigned int i, const uint8_t *req, size_t len)
{
	static const uint8_t code[] = { 0, 0, 5, 0 };
	struct stun_address from = seen_by(i), to = server(i);
	uint8_t out[STUN_MAX];
	struct stun_writer w;

	net.requests++;
	net.asked[i]++;
	if (net.away[i])
		return;
	if (net.lose) {
		net.lose--;
		return;
	}
	if (net.error) {
		stun_writer_init(&w, out, STUN_ERROR, stun_tid(req));
		stun_put(&w, STUN_A_ERROR_CODE, code, sizeof(code));
		len = w.len;
	} else {
		len = stun_answer(req, len, &from, out);
	}
	assert_true(len > 0);
	/* Not from anybody else */
	to.port++;
	assert_false(stun_observer_input(&o, now, &to, out, len));
	to.port--;
	assert_true(stun_observer_input(&o, now, &to, out, len));
	assert_false(stun_observer_input(&o, now, &to, out, len));
}

static void pump(void)
{
	uint8_t out[STUN_MAX];
	struct stun_address to;
	unsigned int i, rounds = 0;
	size_t len;

	while ((len = stun_observer_output(&o, now, out, &to))) {
		assert_true(++rounds < 20);
		for (i = 0; i < STUN_SERVERS; i++) {
			struct stun_address s = server(i);

			if (!memcmp(&s.ip, &to.ip, sizeof(s.ip)) && s.port == to.port)
				break;
		}
		assert_true(i < STUN_SERVERS);
		serve(i, out, len);
	}
}

/* Lets @ms pass. */
static void run(uint64_t ms)
{
	uint64_t end = now + ms;

	pump();
	while (stun_observer_deadline(&o) <= end) {
		assert_true(stun_observer_deadline(&o) >= now);
		now = stun_observer_deadline(&o);
		pump();
		assert_true(stun_observer_deadline(&o) > now);
	}
	now = end;
}

static void use_servers(unsigned int n)
{
	struct stun_address list[STUN_SERVERS];
	unsigned int i;

	for (i = 0; i < n; i++)
		list[i] = server(i);
	assert_int_equal(stun_observer_servers(&o, list, n, now), 0);
}

static int start(void **state)
{
	struct stun_observer_config config = {
		.period = PERIOD, .period_public = PERIOD_PUBLIC, .seed = "sixteen octets.",
	};

	(void)state;
	memset(&net, 0, sizeof(net));
	net.port = 10000;
	now = 1000000;
	stun_observer_init(&o, &config);
	return 0;
}

static void assert_mapped(unsigned int i)
{
	const struct stun_address *m = stun_observer_mapped(&o);
	struct stun_address want = seen_by(i);

	assert_non_null(m);
	assert_memory_equal(&m->ip, &want.ip, sizeof(want.ip));
	assert_int_equal(m->port, want.port);
}

static void idle(void **state)
{
	struct stun_address list[STUN_SERVERS + 1];

	(void)state;
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_IDLE);
	assert_true(stun_observer_deadline(&o) == UINT64_MAX);
	run(1000000);
	assert_int_equal(net.requests, 0);
	stun_observer_measure(&o, now);
	stun_observer_moved(&o, NULL, now);
	run(1000000);
	assert_int_equal(net.requests, 0);
	assert_null(stun_observer_mapped(&o));
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_UNKNOWN);

	memset(list, 0, sizeof(list));
	assert_int_equal(stun_observer_servers(&o, list, STUN_SERVERS + 1, now), -EINVAL);
	list[0] = server(0);
	list[1] = server(0);
	assert_int_equal(stun_observer_servers(&o, list, 2, now), -EINVAL);
	list[1] = address("2001:db8::1", 3478);
	assert_int_equal(stun_observer_servers(&o, list, 2, now), -EINVAL);
	list[1] = address("::ffff:192.0.2.1", 0);
	assert_int_equal(stun_observer_servers(&o, list, 2, now), -EINVAL);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_IDLE);
}

/* Asked at once, and again before the NAT forgets. */
static void kept_fresh(void **state)
{
	unsigned int changes;
	int i;

	(void)state;
	use_servers(1);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_ASKING);
	assert_true(stun_observer_deadline(&o) <= now);
	run(0);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_KNOWS);
	assert_mapped(0);
	changes = stun_observer_changes(&o);
	for (i = 1; i < 50; i++) {
		uint64_t at = stun_observer_deadline(&o);

		assert_true(at - now <= PERIOD && at - now >= PERIOD * 7 / 8);
		run(at - now);
		assert_int_equal(net.requests, 1 + i);
	}
	assert_int_equal(stun_observer_changes(&o), changes);
	/* The same list once more changes nothing. */
	use_servers(1);
	run(0);
	assert_int_equal(net.requests, 50);
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_UNKNOWN);
}

/* Without NAT, there is nothing to be kept. */
static void public_address(void **state)
{
	struct stun_address local = address("::ffff:192.0.2.10", 4500);

	(void)state;
	net.none = true;
	use_servers(1);
	stun_observer_moved(&o, &local, now);
	run(0);
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_NONE);
	run(PERIOD_PUBLIC * 7 / 8 - 1);
	assert_int_equal(net.requests, 1);
	run(PERIOD_PUBLIC / 8 + 1);
	assert_int_equal(net.requests, 2);

	/* Or it is not wanted at all. */
	o.config.period_public = 0;
	stun_observer_moved(&o, &local, now);
	run(0);
	assert_true(stun_observer_deadline(&o) == UINT64_MAX);
}

/* An answer within two seconds of the start, even if three requests get lost. */
static void losses(void **state)
{
	(void)state;
	net.lose = 3;
	use_servers(1);
	run(1999);
	assert_mapped(0);
	assert_int_equal(net.requests, 4);
}

static void mapping_kinds(void **state)
{
	(void)state;
	/* Two addresses, one mapping */
	use_servers(2);
	run(0);
	assert_int_equal(net.asked[1], 1);
	assert_true(stun_observer_is_measured(&o));
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_INDEPENDENT);
	/* From then on, one server is enough. */
	run(5 * PERIOD);
	assert_int_equal(net.asked[1], 1);
	assert_true(net.asked[0] >= 6);
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_INDEPENDENT);

	net.by_destination = true;
	stun_observer_moved(&o, NULL, now);
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_UNKNOWN);
	run(0);
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_DEPENDENT);
	assert_mapped(0);
}

/* Two ports of the same address prove nothing if they see the same. */
static void one_address(void **state)
{
	struct stun_address list[2];

	(void)state;
	list[0] = server(0);
	list[1] = server(3);
	assert_int_equal(stun_observer_servers(&o, list, 2, now), 0);
	run(0);
	assert_true(stun_observer_is_measured(&o));
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_UNKNOWN);
	net.by_destination = true;
	stun_observer_measure(&o, now);
	run(0);
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_DEPENDENT);
}

/* Measuring changes nothing, also where each server sees another mapping. */
static void measured(void **state)
{
	unsigned int changes;

	(void)state;
	net.by_destination = true;
	net.away[0] = true;
	use_servers(3);
	run(100);
	/* The first that answers counts, and goes on to. */
	assert_mapped(1);
	assert_false(stun_observer_is_measured(&o));
	run(60000);
	assert_true(stun_observer_is_measured(&o));
	changes = stun_observer_changes(&o);

	net.away[0] = false;
	stun_observer_measure(&o, now);
	run(100);
	assert_mapped(1);
	assert_true(stun_observer_is_measured(&o));
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_DEPENDENT);
	assert_int_equal(stun_observer_changes(&o), changes);
}

/* The one that is asked goes away: another one takes over. */
static void taken_over(void **state)
{
	unsigned int changes;

	(void)state;
	use_servers(3);
	run(0);
	changes = stun_observer_changes(&o);
	net.away[0] = true;
	net.by_destination = true;
	/* After three tries, and not before */
	run(stun_observer_deadline(&o) - now + 1749);
	assert_int_equal(net.asked[0], 4);
	assert_int_equal(net.asked[1], 1);
	assert_int_equal(stun_observer_changes(&o), changes);
	run(1);
	assert_mapped(1);
	assert_int_equal(stun_observer_changes(&o), ++changes);
	run(60000);
	assert_true(net.asked[1] >= 3);
	assert_int_equal(net.asked[2], 2);
	assert_int_equal(stun_observer_changes(&o), changes);
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_DEPENDENT);
}

/* The NAT was restarted, or its provider gave it another address. */
static void mapping_changes(void **state)
{
	unsigned int changes;

	(void)state;
	use_servers(2);
	run(0);
	changes = stun_observer_changes(&o);
	net.port = 20000;
	net.by_destination = true;
	run(PERIOD);
	assert_int_equal(stun_observer_changes(&o), changes + 1);
	assert_mapped(0);
	/* It is another kind, too. */
	assert_int_equal(net.asked[1], 2);
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_DEPENDENT);
}

/* Nobody answers: seen after all tries, and asked less and less often. */
static void blocked(void **state)
{
	unsigned int changes, before;
	int i;

	(void)state;
	use_servers(2);
	run(0);
	changes = stun_observer_changes(&o);
	net.away[0] = true;
	net.away[1] = true;
	run(PERIOD + 25000);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_SILENT);
	assert_null(stun_observer_mapped(&o));
	assert_int_equal(stun_observer_changes(&o), changes + 1);
	assert_int_equal(stun_observer_mapping(&o), STUN_MAPPING_UNKNOWN);

	run(3600000);
	before = net.requests;
	run(3600000);
	/* Two times seven requests every five minutes and a bit */
	assert_true(net.requests - before <= 14 * 24);
	assert_true(net.requests - before >= 14 * 10);

	net.away[1] = false;
	run(300000);
	assert_mapped(1);
	assert_int_equal(stun_observer_changes(&o), changes + 2);
	for (i = 0; i < 10; i++)
		run(PERIOD);
	assert_mapped(1);
}

/* What others who know the NAT should look into: once, and only then. */
static void upset(void **state)
{
	int i;

	(void)state;
	use_servers(2);
	run(0);
	assert_mapped(0);
	run(10 * PERIOD);
	assert_false(stun_observer_upset(&o));
	net.port = 20000;
	run(PERIOD);
	assert_true(stun_observer_upset(&o));
	assert_false(stun_observer_upset(&o));

	/* A packet may get lost, or two; more, and somebody may have rebooted. */
	net.lose = 2;
	run(PERIOD);
	assert_false(stun_observer_upset(&o));
	net.lose = 3;
	run(PERIOD);
	assert_int_equal(net.lose, 0);
	assert_true(stun_observer_upset(&o));

	/* Silence, after which all is as before; or so it looks. */
	for (i = 0; i < 2; i++) {
		net.away[0] = true;
		net.away[1] = true;
		run(PERIOD + 25000);
		assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_SILENT);
		assert_false(stun_observer_upset(&o));
		net.away[i] = false;
		run(20000);
		assert_mapped((unsigned int)i);
		assert_true(stun_observer_upset(&o));
		run(10 * PERIOD);
		assert_false(stun_observer_upset(&o));
	}

	/* The same where somebody else knew first that the silence is over. */
	net.away[0] = true;
	net.away[1] = true;
	run(PERIOD + 25000);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_SILENT);
	stun_observer_retry(&o, now);
	run(100);
	net.away[1] = false;
	stun_observer_retry(&o, now);
	run(0);
	assert_mapped(1);
	assert_true(stun_observer_upset(&o));
	assert_false(stun_observer_upset(&o));
	net.lose = 4;
	while (net.lose)
		run(100);
	stun_observer_retry(&o, now);
	run(0);
	assert_true(stun_observer_upset(&o));

	/* Another network is nobody's news, however slowly it begins. */
	net.port = 30000;
	net.lose = 8;
	stun_observer_moved(&o, NULL, now);
	run(PERIOD);
	assert_false(stun_observer_upset(&o));
}

static void refused(void **state)
{
	unsigned int before;

	(void)state;
	use_servers(2);
	run(0);
	net.error = 500;
	run(PERIOD);
	/* The other one was asked, too, and said the same. */
	assert_int_equal(net.asked[1], 2);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_SILENT);
	before = net.requests;
	run(2499);
	assert_int_equal(net.requests, before);
	net.error = 0;
	run(2501);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_KNOWS);
}

static void moves(void **state)
{
	unsigned int changes;

	(void)state;
	use_servers(1);
	run(0);
	changes = stun_observer_changes(&o);
	stun_observer_pause(&o);
	assert_null(stun_observer_mapped(&o));
	assert_true(stun_observer_deadline(&o) == UINT64_MAX);
	/* Not even others are asked. */
	use_servers(2);
	stun_observer_measure(&o, now);
	run(3600000);
	assert_int_equal(net.requests, 1);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_IDLE);

	net.port = 30000;
	stun_observer_moved(&o, NULL, now);
	run(0);
	assert_mapped(0);
	assert_true(stun_observer_changes(&o) > changes);
	/* Also if all looks as before. */
	changes = stun_observer_changes(&o);
	stun_observer_moved(&o, NULL, now);
	run(0);
	assert_true(stun_observer_changes(&o) > changes);
}

/*
 * The servers are away for an hour. What was seen before is still what the NAT does, until
 * the network is another one; and when there is a sign of life, nobody waits for the turn
 * of a question.
 */
static void away(void **state)
{
	const struct stun_address *m;
	unsigned int before;

	(void)state;
	assert_null(stun_observer_last(&o));
	use_servers(1);
	assert_null(stun_observer_last(&o));
	run(0);
	net.away[0] = true;
	before = net.requests;
	run(PERIOD + 1000);
	/* Known, and asked in vain for some seconds: asked anew */
	assert_true(net.requests > before);
	before = net.requests;
	stun_observer_retry(&o, now);
	run(0);
	assert_int_equal(net.requests, before + 1);
	run(250);
	assert_int_equal(net.requests, before + 2);
	assert_mapped(0);

	run(HOUR);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_SILENT);
	assert_null(stun_observer_mapped(&o));
	m = stun_observer_last(&o);
	assert_non_null(m);
	assert_int_equal(m->port, net.port);

	/* In vain, and then not */
	stun_observer_retry(&o, now);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_ASKING);
	assert_non_null(stun_observer_last(&o));
	run(30000);
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_SILENT);
	net.away[0] = false;
	net.port++;
	stun_observer_retry(&o, now);
	run(0);
	assert_mapped(0);

	/* Who knows has nothing to ask. */
	before = net.requests;
	stun_observer_retry(&o, now);
	run(1000);
	assert_int_equal(net.requests, before);

	net.away[0] = true;
	stun_observer_moved(&o, NULL, now);
	assert_null(stun_observer_last(&o));
	run(HOUR);
	assert_null(stun_observer_last(&o));
	stun_observer_pause(&o);
	before = net.requests;
	stun_observer_retry(&o, now);
	run(HOUR);
	assert_int_equal(net.requests, before);
}

/* Each question has a transaction ID of its own, which its repetitions keep. */
static void transactions(void **state)
{
	uint8_t out[STUN_MAX], again[STUN_MAX], last[STUN_TID] = { 0 };
	struct stun_address to, from = seen_by(0), who = server(0);
	size_t len;
	int i;

	(void)state;
	use_servers(1);
	for (i = 0; i < 5; i++) {
		assert_int_equal(stun_observer_output(&o, now, out, &to), STUN_REQUEST_LEN);
		assert_memory_not_equal(stun_tid(out), last, STUN_TID);
		now = stun_observer_deadline(&o);
		assert_int_equal(stun_observer_output(&o, now, again, &to), STUN_REQUEST_LEN);
		assert_memory_equal(out, again, STUN_REQUEST_LEN);
		memcpy(last, stun_tid(out), STUN_TID);
		stun_observer_moved(&o, NULL, now);
	}
	/* An answer to the one before is none. */
	len = stun_answer(out, STUN_REQUEST_LEN, &from, again);
	assert_int_equal(stun_observer_output(&o, now, out, &to), STUN_REQUEST_LEN);
	assert_false(stun_observer_input(&o, now, &who, again, len));
	assert_int_equal(stun_observer_state(&o), STUN_OBSERVER_ASKING);
}

#define T(f)	cmocka_unit_test_setup(f, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(idle), T(kept_fresh), T(public_address), T(losses), T(mapping_kinds),
		T(one_address), T(measured), T(taken_over), T(mapping_changes), T(blocked),
		T(upset), T(refused), T(moves), T(away), T(transactions),
	};

	return cmocka_run_group_tests_name("stun_client", tests, NULL, NULL);
}
