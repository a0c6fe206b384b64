// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "peers_world.h"

/* laptop, complete */
static void laptop(void)
{
	answer(LIST, DNS_PTR, "me;laptop");
	answer("laptop", DNS_AAAA, "fd00::a");
	answer(SRV_OF("laptop"), DNS_SRV, "4500 at-l");
	answer("at-l", DNS_A, "192.0.2.1");
	assert_log("laptop came fd00::a 192.0.2.1:4500; ");
	w.wants[0] = '\0';
}

static void questions(void **state)
{
	(void)state;
	turn();
	assert_wants("+_autotunnel._udp/12 ");
	answer(LIST, DNS_PTR, "me;laptop");
	assert_wants("+laptop/28 +_autotunnel._udp.laptop/33 ");
	answer(SRV_OF("laptop"), DNS_SRV, "4500 at-l");
	assert_wants("+at-l/1 ");
	assert_null(question("at-l", DNS_AAAA));
	answer("at-l", DNS_A, "192.0.2.1");
	assert_log("");
	answer("laptop", DNS_AAAA, "fd00::a");
	assert_log("laptop came fd00::a 192.0.2.1:4500; ");
	change(LIST, DNS_PTR, "laptop", NULL);
	assert_log("");
	assert_wants("");
	later(PEERS_GRACE);
	assert_log("laptop went fd00::a -; ");
	turn();
	assert_wants("-laptop/28 -_autotunnel._udp.laptop/33 -at-l/1 ");
	assert_null(question("laptop", DNS_AAAA));
	assert_int_equal(peers_deadline(w.p), UINT64_MAX);
}

/* Each order of the four answers, of which some are only asked for by others */
static void any_order(void **state)
{
	static const char *const orders[] = { "usa", "sua", "sau" };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(orders); i++) {
		const char *o;

		peers_free(w.p);
		start_with(false, 0);
		answer(LIST, DNS_PTR, "laptop");
		for (o = orders[i]; *o; o++) {
			assert_log("");
			if (*o == 'u')
				answer("laptop", DNS_AAAA, "fd00::a");
			else if (*o == 's')
				answer(SRV_OF("laptop"), DNS_SRV, "4500 at-l");
			else
				answer("at-l", DNS_A, "192.0.2.1");
		}
		assert_log("laptop came fd00::a 192.0.2.1:4500; ");
	}
}

static void moves(void **state)
{
	(void)state;
	laptop();
	change("at-l", DNS_A, "192.0.2.1", "192.0.2.2");
	assert_log("laptop moved fd00::a 192.0.2.2:4500; ");
	change(SRV_OF("laptop"), DNS_SRV, "4500 at-l", "4501 at-l");
	assert_log("laptop moved fd00::a 192.0.2.2:4501; ");
	/* Told twice, or told as it is: no news. */
	change("at-l", DNS_A, NULL, "192.0.2.2");
	settle("laptop", DNS_AAAA, ANSWERS_LIVE);
	assert_log("");
	/* To another target: not before its address is known, and not gone meanwhile. */
	change(SRV_OF("laptop"), DNS_SRV, "4501 at-l", "4502 at-m");
	later(10 * PEERS_GRACE);
	assert_log("");
	assert_wants("+at-m/1 -at-l/1 ");
	answer("at-m", DNS_A, "192.0.2.3");
	assert_log("laptop moved fd00::a 192.0.2.3:4502; ");
}

static void reboots(void **state)
{
	(void)state;
	laptop();
	change("laptop", DNS_AAAA, "fd00::a", "fd00:2::a");
	assert_log("laptop reborn fd00:2::a 192.0.2.1:4500; ");
	/* The new one first, the old one a while later */
	change("laptop", DNS_AAAA, NULL, "fd00:3::a");
	assert_log("laptop reborn fd00:3::a 192.0.2.1:4500; ");
	change("laptop", DNS_AAAA, "fd00:2::a", NULL);
	assert_log("");
	/* First the old one goes */
	change("laptop", DNS_AAAA, "fd00:3::a", NULL);
	change("laptop", DNS_AAAA, NULL, "fd00:4::a");
	assert_log("laptop reborn fd00:4::a 192.0.2.1:4500; ");
}

/* One batch, one line: all that changed in it. */
static void coalesced(void **state)
{
	(void)state;
	laptop();
	tell("laptop", DNS_AAAA, true, "fd00:2::a");
	tell("laptop", DNS_AAAA, false, "fd00::a");
	tell(SRV_OF("laptop"), DNS_SRV, true, "1 at-l");
	tell(SRV_OF("laptop"), DNS_SRV, false, "4500 at-l");
	tell("at-l", DNS_A, true, "192.0.2.9");
	tell("at-l", DNS_A, false, "192.0.2.1");
	peers_settled(w.p, question("laptop", DNS_AAAA), ANSWERS_LIVE, w.now);
	peers_settled(w.p, question(SRV_OF("laptop"), DNS_SRV), ANSWERS_LIVE, w.now);
	settle("at-l", DNS_A, ANSWERS_LIVE);
	assert_log("laptop reborn fd00:2::a 192.0.2.9:1; ");
}

/* What comes back within the grace never went. */
static void grace(void **state)
{
	(void)state;
	laptop();
	change(LIST, DNS_PTR, "laptop", NULL);
	later(PEERS_GRACE - 1);
	change(LIST, DNS_PTR, NULL, "laptop");
	change("at-l", DNS_A, "192.0.2.1", NULL);
	later(PEERS_GRACE - 1);
	change("at-l", DNS_A, NULL, "192.0.2.1");
	later(10 * PEERS_GRACE);
	assert_log("");
	assert_wants("");
	change("at-l", DNS_A, "192.0.2.1", NULL);
	later(PEERS_GRACE);
	assert_log("laptop went fd00::a -; ");
	change("at-l", DNS_A, NULL, "192.0.2.1");
	assert_log("laptop came fd00::a 192.0.2.1:4500; ");
}

/* --- the server goes and comes --- */

static void away(void **state)
{
	static const struct { const char *name; uint16_t type; } all[] = {
		{ LIST, DNS_PTR }, { "laptop", DNS_AAAA }, { SRV_OF("laptop"), DNS_SRV },
		{ "at-l", DNS_A },
	};
	size_t i;

	(void)state;
	laptop();
	for (i = 0; i < N_OF(all); i++)
		settle(all[i].name, all[i].type, ANSWERS_STALE);
	for (i = 0; i < N_OF(all); i++)
		settle(all[i].name, all[i].type, ANSWERS_UNKNOWN);
	later(3599000);
	assert_log("");
	/* It is back, and another host with it, and laptop has moved. */
	answer(LIST, DNS_PTR, "laptop;desk");
	answer("laptop", DNS_AAAA, "fd00::a");
	answer(SRV_OF("laptop"), DNS_SRV, "4500 at-l");
	assert_log("");
	answer("at-l", DNS_A, "192.0.2.7");
	assert_log("laptop moved fd00::a 192.0.2.7:4500; ");
	later(2 * 3600000);
	assert_log("");
	/* Another source, which does not know it any more */
	peers_renew(w.p, question(LIST, DNS_PTR), w.now);
	tell(LIST, DNS_PTR, true, "desk");
	settle(LIST, DNS_PTR, ANSWERS_STALE);
	later(2 * PEERS_GRACE);
	assert_log("");
	settle(LIST, DNS_PTR, ANSWERS_LIVE);
	later(PEERS_GRACE);
	assert_log("laptop went fd00::a -; ");
}

static void away_for_good(void **state)
{
	(void)state;
	laptop();
	settle("laptop", DNS_AAAA, ANSWERS_UNKNOWN);
	later(1800000);
	settle("laptop", DNS_AAAA, ANSWERS_UNKNOWN);
	later(1799999);
	assert_log("");
	later(1 + PEERS_GRACE);
	assert_log("laptop went fd00::a -; ");
}

/* --- events with the place beside the address --- */

static void hint_moves(void **state)
{
	(void)state;
	laptop();
	additional("laptop", SRV_OF("laptop"), DNS_SRV, "4600 at-l");
	turn();
	assert_log("");
	additional("laptop", "at-l", DNS_A, "192.0.2.8");
	settle("laptop", DNS_AAAA, ANSWERS_LIVE);
	assert_log("laptop moved fd00::a 192.0.2.8:4600; ");
	/* Its own events say the same, one after the other. */
	later(1000);
	change(SRV_OF("laptop"), DNS_SRV, "4500 at-l", "4600 at-l");
	later(1000);
	change("at-l", DNS_A, "192.0.2.1", "192.0.2.8");
	later(2 * PEERS_HINT);
	assert_log("");
	assert_int_equal(peers_deadline(w.p), UINT64_MAX);
}

static void hint_to_elsewhere(void **state)
{
	(void)state;
	laptop();
	/* In another order, and with a new target */
	additional("laptop", "at-n", DNS_A, "192.0.2.8");
	additional("laptop", SRV_OF("laptop"), DNS_SRV, "4600 at-n");
	settle("laptop", DNS_AAAA, ANSWERS_LIVE);
	assert_log("laptop moved fd00::a 192.0.2.8:4600; ");
	assert_wants("+at-n/1 -at-l/1 ");
	answer("at-n", DNS_A, "192.0.2.8");
	change(SRV_OF("laptop"), DNS_SRV, "4500 at-l", "4600 at-n");
	assert_log("");
	change("at-n", DNS_A, "192.0.2.8", "192.0.2.9");
	assert_log("laptop moved fd00::a 192.0.2.9:4600; ");
}

/* One that nothing confirms ends, and what is known is so again. */
static void hint_ends(void **state)
{
	(void)state;
	laptop();
	additional("laptop", "at-l", DNS_A, "192.0.2.8");
	settle("laptop", DNS_AAAA, ANSWERS_LIVE);
	assert_log("laptop moved fd00::a 192.0.2.8:4500; ");
	later(PEERS_HINT);
	assert_log("laptop moved fd00::a 192.0.2.1:4500; ");
	/* A poll that comes later knows better, even if it says what is known. */
	additional("laptop", "at-l", DNS_A, "192.0.2.8");
	settle("laptop", DNS_AAAA, ANSWERS_LIVE);
	settle("at-l", DNS_A, ANSWERS_POLLED);
	assert_log("laptop moved fd00::a 192.0.2.8:4500; "
		   "laptop moved fd00::a 192.0.2.1:4500; ");
}

static void hint_hostile(void **state)
{
	(void)state;
	laptop();
	additional("laptop", SRV_OF("laptop"), DNS_SRV, "0 at-l");
	additional("laptop", SRV_OF("laptop"), DNS_SRV, "4500 at.example.net.");
	additional("laptop", SRV_OF("desk"), DNS_SRV, "4700 at-l");
	additional("laptop", "at-l", DNS_A, "127.0.0.1");
	additional("laptop", "at-x", DNS_A, "192.0.2.9");
	additional("laptop", "at.example.net.", DNS_A, "192.0.2.9");
	settle("laptop", DNS_AAAA, ANSWERS_LIVE);
	later(2 * PEERS_HINT);
	assert_log("");
}

/* --- who is believed what --- */

static void bad_inner(void **state)
{
	(void)state;
	answer(LIST, DNS_PTR, "laptop");
	assert_int_equal(reason_of("laptop"), PEERS_ASKING);
	answer(SRV_OF("laptop"), DNS_SRV, "4500 at-l");
	answer("at-l", DNS_A, "192.0.2.1");
	answer("laptop", DNS_AAAA, "");
	assert_int_equal(reason_of("laptop"), PEERS_NO_ULA);
	answer("laptop", DNS_AAAA, "2001:db8::1;fc00::1;fe80::1");
	assert_int_equal(reason_of("laptop"), PEERS_BAD_ULA);
	answer("laptop", DNS_AAAA, "fd00:1:1:1:1:1:1:1");
	assert_int_equal(reason_of("laptop"), PEERS_OWN_ULA);
	/* Our own machine, of before it was renamed */
	change("laptop", DNS_AAAA, "fd00:1:1:1:1:1:1:1", "fd00:9::1:1:1:1");
	assert_int_equal(reason_of("laptop"), PEERS_OWN_ULA);
	assert_log("");
	change("laptop", DNS_AAAA, NULL, "fd00::a");
	assert_log("laptop came fd00::a 192.0.2.1:4500; ");
	/* We get that very ULA: it cannot stay. */
	peers_own(w.p, &(struct in6_addr){ .s6_addr = { 0xfd, [15] = 0xa } });
	turn();
	assert_log("laptop reborn fd00:9::1:1:1:1 192.0.2.1:4500; ");
}

static void bad_outer(void **state)
{
	static const char *const bad[] = {
		"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
	};
	size_t i;

	(void)state;
	answer(LIST, DNS_PTR, "laptop");
	answer("laptop", DNS_AAAA, "fd00::a");
	answer(SRV_OF("laptop"), DNS_SRV, "");
	assert_int_equal(reason_of("laptop"), PEERS_NO_SRV);
	answer(SRV_OF("laptop"), DNS_SRV, "0 at-l");
	assert_int_equal(reason_of("laptop"), PEERS_BAD_PORT);
	change(SRV_OF("laptop"), DNS_SRV, "0 at-l", "4500 at.example.net.");
	assert_int_equal(reason_of("laptop"), PEERS_BAD_TARGET);
	change(SRV_OF("laptop"), DNS_SRV, "4500 at.example.net.", "4500 .");
	assert_int_equal(reason_of("laptop"), PEERS_BAD_TARGET);
	change(SRV_OF("laptop"), DNS_SRV, NULL, "4500 at-l");
	assert_int_equal(reason_of("laptop"), PEERS_ASKING);
	answer("at-l", DNS_A, "");
	assert_int_equal(reason_of("laptop"), PEERS_NO_ADDRESS);
	for (i = 0; i < N_OF(bad); i++) {
		answer("at-l", DNS_A, bad[i]);
		assert_int_equal(reason_of("laptop"), PEERS_BAD_ADDRESS);
	}
	assert_log("");
	change("at-l", DNS_A, NULL, "10.0.0.1");
	assert_log("laptop came fd00::a 10.0.0.1:4500; ");
	/* A better priority; of one priority, the newest */
	change(SRV_OF("laptop"), DNS_SRV, NULL, "1 4600 at-l");
	assert_log("");
	change(SRV_OF("laptop"), DNS_SRV, NULL, "0 4700 at-l");
	assert_log("laptop moved fd00::a 10.0.0.1:4700; ");
}

static void bad_names(void **state)
{
	static const char *const bad[] = {
		"alice.example.com.", "a.b", "host.example.net.", "_x", "autotunnel-00", "1234", "localhost", ".",
		"sp\\032ace", "nul\\000",
	};
	char desc[DNAME_TEXT_MAX];
	struct peers_status s;
	uint8_t name[DNAME_MAX];
	struct peers_walk at;
	size_t i;

	(void)state;
	turn();
	w.wants[0] = '\0';
	for (i = 0; i < N_OF(bad); i++) {
		answer(LIST, DNS_PTR, bad[i]);
		assert_wants("");
		dname_to_text(wire(bad[i], name), desc);
		at = (struct peers_walk){ 0 };
		assert_true(peers_next(w.p, &at, &s));
		assert_int_equal(s.reason, PEERS_BAD_NAME);
		assert_memory_equal(s.name, desc, strlen(s.name));
		change(LIST, DNS_PTR, bad[i], NULL);
	}
	/* Case is no difference. */
	answer(LIST, DNS_PTR, "LapTop;laptop;ME");
	assert_wants("+laptop/28 +_autotunnel._udp.laptop/33 ");
	change(LIST, DNS_PTR, "LAPTOP", NULL);
	later(PEERS_GRACE);
	assert_int_equal((int)reason_of("laptop"), -1);
}

static void malformed(void **state)
{
	static const uint8_t octets[] = "\1\2\3\4\5\6\7\10\11";
	struct peers_question *q;
	uint16_t len;
	uint16_t type;

	(void)state;
	laptop();
	q = question("laptop", DNS_AAAA);
	for (type = 0; type < 64; type++) {
		for (len = 0; len <= 9; len++) {
			uint8_t *exact = exact_copy(octets, len);
			struct answer a = {
				.owner = peers_question_name(q), .type = type,
				.class_ = DNS_IN, .rdata = exact, .rdlen = len,
			};

			peers_change(w.p, question(LIST, DNS_PTR), true, &a);
			peers_change(w.p, question(SRV_OF("laptop"), DNS_SRV), true, &a);
			if (len != 4 || type != DNS_A)
				peers_change(w.p, question("at-l", DNS_A), true, &a);
			peers_change(w.p, q, true, &a);
			if (len != 4 || type != DNS_A)
				peers_additional(w.p, q, &a);
			free(exact);
		}
	}
	settle(LIST, DNS_PTR, ANSWERS_LIVE);
	settle("laptop", DNS_AAAA, ANSWERS_LIVE);
	settle("at-l", DNS_A, ANSWERS_LIVE);
	settle(SRV_OF("laptop"), DNS_SRV, ANSWERS_LIVE);
	later(2 * PEERS_HINT);
	assert_log("");
	assert_wants("");
}

static void shared_target(void **state)
{
	(void)state;
	answer(LIST, DNS_PTR, "a1;b1");
	answer("a1", DNS_AAAA, "fd00::a");
	answer("b1", DNS_AAAA, "fd00::b");
	answer(SRV_OF("a1"), DNS_SRV, "1 at");
	answer(SRV_OF("b1"), DNS_SRV, "2 at");
	w.wants[0] = '\0';
	answer("at", DNS_A, "192.0.2.1");
	assert_non_null(strstr(w.log, "a1 came fd00::a 192.0.2.1:1; "));
	assert_non_null(strstr(w.log, "b1 came fd00::b 192.0.2.1:2; "));
	change(LIST, DNS_PTR, "a1", NULL);
	later(PEERS_GRACE);
	turn();
	assert_null(strstr(w.wants, "-at/1"));
	change(LIST, DNS_PTR, "b1", NULL);
	later(PEERS_GRACE);
	turn();
	assert_non_null(strstr(w.wants, "-at/1"));
}

static void underlay6(void **state)
{
	(void)state;
	peers_free(w.p);
	start_with(true, 0);
	answer(LIST, DNS_PTR, "laptop");
	answer("laptop", DNS_AAAA, "fd00::a");
	/* The target may even be the host itself. */
	answer(SRV_OF("laptop"), DNS_SRV, "4500 laptop");
	answer("laptop", DNS_AAAA, "2001:db8::1");
	assert_log("");
	answer("laptop", DNS_A, "");
	assert_log("laptop came fd00::a [2001:db8::1]:4500; ");
	change("laptop", DNS_A, NULL, "192.0.2.1");
	assert_log("laptop moved fd00::a 192.0.2.1:4500; ");
	change("laptop", DNS_A, "192.0.2.1", NULL);
	assert_log("laptop moved fd00::a [2001:db8::1]:4500; ");
	change("laptop", DNS_AAAA, "2001:db8::1", "::1");
	later(PEERS_GRACE);
	assert_log("laptop went fd00::a -; ");
	assert_int_equal(reason_of("laptop"), PEERS_BAD_ADDRESS);
}

static void too_many(void **state)
{
	char text[64];
	unsigned int i;

	(void)state;
	peers_free(w.p);
	start_with(false, 3);
	answer(LIST, DNS_PTR, "h1;h2;h3;h4;h5");
	assert_int_equal(reason_of("h4"), PEERS_TOO_MANY);
	assert_null(question("h4", DNS_AAAA));
	complete("h1", "fd00::1:1", "192.0.2.1");
	w.log[0] = '\0';
	change(LIST, DNS_PTR, "h1", NULL);
	later(PEERS_GRACE);
	turn();
	/* One of the two, whichever */
	assert_int_not_equal(!question("h4", DNS_AAAA), !question("h5", DNS_AAAA));
	/* Records of a name: what did not find room is asked for when there is some. */
	for (i = 0; i < 2 * PEERS_RECORDS; i++) {
		snprintf(text, sizeof(text), "fd00::%x", i + 16);
		tell("h2", DNS_AAAA, true, text);
	}
	settle("h2", DNS_AAAA, ANSWERS_LIVE);
	w.wants[0] = '\0';
	change("h2", DNS_AAAA, "fd00::10", NULL);
	assert_wants("=h2/28 ");
}

static void reads_again(void **state)
{
	(void)state;
	laptop();
	assert_int_equal(peers_read_again(w.p, "desk." DOMAIN), -ENOENT);
	assert_int_equal(peers_read_again(w.p, "laptop." DOMAIN), 0);
	turn();
	assert_wants("=laptop/28 =_autotunnel._udp.laptop/33 =at-l/1 ");
	answer("laptop", DNS_AAAA, "fd00::a");
	assert_log("laptop read fd00::a 192.0.2.1:4500; ");
	answer(SRV_OF("laptop"), DNS_SRV, "4500 at-l");
	answer("at-l", DNS_A, "192.0.2.1");
	assert_log("");
	/* It was stale indeed. */
	peers_read_again(w.p, "laptop." DOMAIN);
	turn();
	answer("laptop", DNS_AAAA, "fd00:2::a");
	assert_log("laptop reborn fd00:2::a 192.0.2.1:4500; "
		   "laptop read fd00:2::a 192.0.2.1:4500; ");
}

static void finds(void **state)
{
	static const char *const wrong[] = { "nobody." DOMAIN, "mini." DOMAIN, ".." };
	struct peers_walk walk = { 0 };
	struct in6_addr ula;
	struct peers_status s;
	size_t i;

	(void)state;
	laptop();
	change(LIST, DNS_PTR, NULL, "desk");
	complete("desk", "fd00::d", "192.0.2.4");
	assert_true(peers_find(w.p, "LapTop." DOMAIN, &s));
	assert_string_equal(s.name, "laptop." DOMAIN);
	assert_int_equal(s.port, 4500);
	inet_pton(AF_INET6, "fd00::d", &ula);
	assert_true(peers_find_ula(w.p, &ula, &s));
	assert_string_equal(s.name, "desk." DOMAIN);
	/* Reborn: by the ULA that was told last. */
	change("desk", DNS_AAAA, "fd00::d", "fd00:2::d");
	assert_false(peers_find_ula(w.p, &ula, &s));
	/* One that is not told is not found, and yet is there. */
	change(LIST, DNS_PTR, NULL, "mini");
	for (i = 0; i < N_OF(wrong); i++)
		assert_false(peers_find(w.p, wrong[i], &s));
	while (peers_next(w.p, &walk, &s))
		assert_true(s.told == !!strcmp(s.name, "mini." DOMAIN));
	/* The list of hosts ends the walk, and it stays ended. */
	assert_false(peers_next(w.p, &walk, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(questions), T(any_order), T(moves), T(reboots), T(coalesced), T(grace),
		T(away), T(away_for_good), T(hint_moves), T(hint_to_elsewhere), T(hint_ends),
		T(hint_hostile), T(bad_inner), T(bad_outer), T(bad_names), T(malformed),
		T(shared_target), T(underlay6), T(too_many),
		T(reads_again), T(finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
