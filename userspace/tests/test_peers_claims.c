// SPDX-License-Identifier: GPL-2.0-or-later
/* Hosts that say that they have the same address, or are the same machine */
#include "test.h"

#include "peers_world.h"

static void same_machine(void **state)
{
	(void)state;
	/* Both were there when we came: nobody knows who is the newer one. */
	answer(LIST, DNS_PTR, "old;new");
	complete("old", "fd00:1::a", "192.0.2.1");
	complete("new", "fd00:2::a", "192.0.2.2");
	assert_log("old came fd00:1::a 192.0.2.1:4500; new came fd00:2::a 192.0.2.2:4500; ");
	/* One that comes now is newer than both. */
	change(LIST, DNS_PTR, NULL, "newest");
	complete("newest", "fd00:3::a", "192.0.2.3");
	assert_true(strstr(w.log, "old went fd00:1::a -; "));
	assert_true(strstr(w.log, "new went fd00:2::a -; "));
	assert_true(strstr(w.log, "newest came fd00:3::a 192.0.2.3:4500; "));
	assert_int_equal(reason_of("old"), PEERS_REPLACED);
	w.log[0] = '\0';
	/* Until it goes. */
	change(LIST, DNS_PTR, "newest", NULL);
	later(PEERS_GRACE);
	assert_true(strstr(w.log, "newest went fd00:3::a -; "));
	assert_true(strstr(w.log, "old came fd00:1::a 192.0.2.1:4500; "));
	w.log[0] = '\0';
	/* A reboot is a claim, too. */
	change("new", DNS_AAAA, "fd00:2::a", "fd00:4::a");
	assert_true(strstr(w.log, "old went fd00:1::a -; "));
	assert_true(strstr(w.log, "new reborn fd00:4::a 192.0.2.2:4500; "));
}

/* A host of the account says that another one's ULA is its own. */
static void taken_ula(void **state)
{
	(void)state;
	answer(LIST, DNS_PTR, "bob;mallory");
	complete("bob", "fd00::b", "192.0.2.2");
	complete("mallory", "fd00::66", "192.0.2.66");
	assert_log("bob came fd00::b 192.0.2.2:4500; mallory came fd00::66 192.0.2.66:4500; ");
	change("mallory", DNS_AAAA, "fd00::66", "fd00::b");
	later(PEERS_GRACE);
	assert_log("mallory went fd00::66 -; ");
	assert_int_equal(reason_of("mallory"), PEERS_SAME_ULA);
	/* One that comes for that purpose */
	change(LIST, DNS_PTR, NULL, "eve");
	complete("eve", "fd00::b", "192.0.2.67");
	later(PEERS_GRACE);
	assert_log("");
	assert_int_equal(reason_of("bob"), PEERS_OK);
	/* Both names at once, and one machine after all: the old name goes. */
	change(LIST, DNS_PTR, "mallory", NULL);
	change(LIST, DNS_PTR, "bob", NULL);
	later(PEERS_GRACE);
	assert_log("bob went fd00::b -; eve came fd00::b 192.0.2.67:4500; ");
}

static void same_ula(void **state)
{
	(void)state;
	answer(LIST, DNS_PTR, "a1;b1");
	complete("b1", "fd00::b", "192.0.2.2");
	complete("a1", "fd00::b", "192.0.2.1");
	assert_log("b1 came fd00::b 192.0.2.2:4500; ");
	assert_int_equal(reason_of("a1"), PEERS_SAME_ULA);
	/* It gets out of the way. */
	change("b1", DNS_AAAA, "fd00::b", "fd00::c");
	assert_log("b1 reborn fd00::c 192.0.2.2:4500; a1 came fd00::b 192.0.2.1:4500; ");
	/* They change places, in one batch: never do both have one. */
	tell("a1", DNS_AAAA, true, "fd00::c");
	tell("a1", DNS_AAAA, false, "fd00::b");
	tell("b1", DNS_AAAA, true, "fd00::b");
	tell("b1", DNS_AAAA, false, "fd00::c");
	peers_settled(w.p, question("a1", DNS_AAAA), ANSWERS_LIVE, w.now);
	settle("b1", DNS_AAAA, ANSWERS_LIVE);
	if (strstr(w.log, "a1 went"))
		assert_log("a1 went fd00::b -; b1 reborn fd00::b 192.0.2.2:4500; "
			   "a1 came fd00::c 192.0.2.1:4500; ");
	else
		assert_log("b1 went fd00::c -; a1 reborn fd00::c 192.0.2.1:4500; "
			   "b1 came fd00::b 192.0.2.2:4500; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(same_machine), T(taken_ula), T(same_ula),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
