// SPDX-License-Identifier: GPL-2.0-or-later
/* Attempts to have SAs: silence, refusals, stale ULAs, limits. */
#include "ike_world.h"

static void asked(void **state)
{
	struct world *w = world_ready();

	(void)state;
	call(w, PEER, IKE_WHY_ASKED);
	assert_int_equal(w->calls, 1);
	assert_int_equal(state_of(w, B), IKE_UP);
	pass(w, 60000);
	assert_int_equal(w->calls, 1);
	assert_int_equal(w->read_again, 0);
	/* There are some. */
	call(w, PEER, IKE_WHY_ASKED);
	assert_int_equal(w->calls, 1);
	/* Nobody */
	call(w, "fd00:99::1", IKE_WHY_ASKED);
	assert_int_equal(w->calls, 1);
	world_free(w);
}

static void silent(void **state)
{
	struct world *w = world_ready();

	(void)state;
	w->outcome = IS_SILENT;
	call(w, PEER, IKE_WHY_ASKED);
	assert_int_equal(state_of(w, B), IKE_CALLING);
	pass(w, IKE_SILENCE - 1);
	assert_int_equal(w->read_again, 0);
	assert_int_equal(w->ends, 0);
	assert_int_equal(w->calls, 1);
	pass(w, 1000);
	/* Is the ULA stale? And meanwhile once more. */
	assert_int_equal(w->read_again, 1);
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->calls, 2);
	assert_int_equal(w->n_sas, 1);
	assert_string_equal(status_of(w, B).error, "the peer does not answer");
	/* The next one has more time: who needs 3 s is reached. */
	pass(w, 2800);
	assert_int_equal(w->calls, 2);
	w->sas[0].state = "ESTABLISHED";
	w->sas[0].child = w->next_child++;
	paper_event(w, "child-updown", &w->sas[0]);
	talk(w);
	assert_int_equal(state_of(w, B), IKE_UP);
	assert_string_equal(status_of(w, B).error, "");
	pass(w, 60000);
	assert_int_equal(w->calls, 2);
	assert_int_equal(w->ends, 1);
	world_free(w);
}

/* One that answers is not given up so soon: it would have SAs that we do not. */
static void slow(void **state)
{
	struct world *w = world_ready();

	(void)state;
	w->outcome = IS_SLOW;
	call(w, PEER, IKE_WHY_ASKED);
	pass(w, 7900);
	assert_int_equal(w->read_again, 1);
	assert_int_equal(w->ends, 0);
	assert_int_equal(w->calls, 1);
	/* Nor for ever. */
	pass(w, 1100);
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->calls, 2);
	/* What the peer has begun and does not go on with says nothing of it. */
	w->sas[0].ours = false;
	pass(w, 4100);
	assert_int_equal(w->calls, 3);
	w->sas[0].state = "ESTABLISHED";
	w->sas[0].child = w->next_child++;
	paper_event(w, "child-updown", &w->sas[0]);
	talk(w);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

static void silent_for_good(void **state)
{
	struct world *w = world_ready();
	unsigned int calls;

	(void)state;
	w->outcome = IS_SILENT;
	call(w, PEER, IKE_WHY_ASKED);
	pass(w, IKE_CALL_TIME + 1000);
	/* 2, 4, 8, 16 s, and then 32 s each */
	assert_in_range(w->calls, 7, 9);
	assert_in_range(w->read_again, w->calls - 1, w->calls);
	assert_int_equal(state_of(w, B), IKE_TRAP);
	assert_int_equal(w->n_sas, 0);
	calls = w->calls;
	pass(w, 3600000);
	assert_int_equal(w->calls, calls);
	assert_true(ike_manager_deadline(w->m) == UINT64_MAX);
	/* The next demand begins anew. */
	w->outcome = SUCCEEDS;
	call(w, PEER, IKE_WHY_ASKED);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

static void refused(void **state)
{
	struct world *w = world_ready();

	(void)state;
	w->outcome = IS_REFUSED;
	call(w, PEER, IKE_WHY_ASKED);
	assert_int_equal(w->calls, 1);
	/* Who called before the other knew of it is not kept waiting. */
	pass(w, 1000);
	assert_in_range(w->calls, 2, 3);
	assert_int_equal(w->read_again, 1);
	w->outcome = SUCCEEDS;
	pass(w, 1000);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

static void refused_for_good(void **state)
{
	struct world *w = world_ready();

	(void)state;
	w->outcome = IS_REFUSED;
	call(w, PEER, IKE_WHY_ASKED);
	pass(w, IKE_CALL_TIME);
	assert_in_range(w->calls, 8, 14);
	assert_int_equal(w->read_again, 1);
	assert_int_equal(state_of(w, B), IKE_TRAP);
	world_free(w);
}

static void ts_unacceptable(void **state)
{
	struct world *w = world_ready();

	(void)state;
	w->outcome = IS_CHILDLESS;
	call(w, PEER, IKE_WHY_ASKED);
	pass(w, 450);
	assert_int_equal(w->read_again, 1);
	assert_int_equal(w->ends, 1);
	assert_string_equal(status_of(w, B).error,
			    "the peer takes no SA for these addresses");
	w->outcome = SUCCEEDS;
	set(w, B, PEER2);
	talk(w);
	assert_int_equal(state_of(w, B), IKE_UP);
	assert_string_equal(w->sas[0].remote, PEER2);
	world_free(w);
}

static void command_refused(void **state)
{
	struct world *w = world_ready();

	(void)state;
	w->refuse = "initiate";
	call(w, PEER, IKE_WHY_ASKED);
	assert_int_equal(w->calls, 0);
	assert_string_equal(status_of(w, B).error, "no?reason");
	pass(w, 200);
	assert_int_equal(w->calls, 1);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

/* charon has begun; we only look. */
static void acquire(void **state)
{
	struct world *w = world_ready();

	(void)state;
	call(w, PEER, IKE_WHY_ACQUIRE);
	paper_call(w, CONN_B, IS_SILENT);
	pass(w, 1500);
	assert_int_equal(w->calls, 0);
	assert_int_equal(state_of(w, B), IKE_CALLING);
	pass(w, 1500);
	assert_int_equal(w->read_again, 1);
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->calls, 1);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

static void acquire_that_works(void **state)
{
	struct world *w = world_ready();

	(void)state;
	call(w, PEER, IKE_WHY_ACQUIRE);
	pass(w, 100);
	paper_call(w, CONN_B, SUCCEEDS);
	pass(w, 60000);
	assert_int_equal(w->calls, 0);
	assert_int_equal(w->ends, 0);
	assert_int_equal(state_of(w, B), IKE_UP);
	assert_int_equal(w->read_again, 0);
	world_free(w);
}

/* Word of it comes when there are SAs already. */
static void acquire_late(void **state)
{
	struct world *w = world_ready();

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	pass(w, 1000);
	call(w, PEER, IKE_WHY_ACQUIRE);
	call(w, PEER, IKE_WHY_UNKNOWN_SPI);
	pass(w, 10000);
	assert_int_equal(w->calls, 0);
	assert_int_equal(w->ends, 0);
	/* But before charon's own word of them: they are young enough. */
	w->sas[0].since = w->now - 1000;
	w->events = false;
	w->sas[0].child = w->next_child++;
	call(w, PEER, IKE_WHY_ACQUIRE);
	pass(w, 10000);
	assert_int_equal(w->calls, 0);
	assert_int_equal(w->ends, 0);
	world_free(w);
}

/* charon gave up, or the kernel asked somebody else: nothing is to be seen. */
static void acquire_without_trace(void **state)
{
	struct world *w = world_ready();

	(void)state;
	call(w, PEER, IKE_WHY_ACQUIRE);
	pass(w, 1000);
	assert_int_equal(w->calls, 1);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

/* The other end has lost its SAs, and says nothing in the old IKE_SA. */
static void unknown_spi(void **state)
{
	struct world *w = world_ready();
	uint32_t old;

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	old = w->sas[0].id;
	pass(w, 10000);
	w->outcome = HANGS;
	call(w, PEER, IKE_WHY_UNKNOWN_SPI);
	assert_int_equal(w->calls, 1);
	pass(w, 300);
	assert_int_equal(w->ends, 0);
	w->outcome = SUCCEEDS;
	/* Long before there would be talk of silence. */
	pass(w, 500);
	/* All of it is replaced. */
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->read_again, 0);
	assert_int_equal(w->calls, 2);
	assert_int_equal(w->n_sas, 1);
	assert_int_not_equal(w->sas[0].id, old);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

/* The kernel has lost what charon believes in: no time is lost with it. */
static void lost_here(void **state)
{
	static const enum ike_why whys[] = { IKE_WHY_ACQUIRE, IKE_WHY_UNKNOWN_SPI };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(whys); i++) {
		struct world *w = world_ready();

		paper_call(w, CONN_B, SUCCEEDS);
		talk(w);
		pass(w, 10000);
		w->lost = w->sas[0].child;
		call(w, PEER, whys[i]);
		assert_int_equal(w->verifies, 1);
		assert_int_equal(w->ends, 1);
		assert_int_equal(w->calls, 1);
		assert_int_equal(w->n_sas, 1);
		assert_int_equal(state_of(w, B), IKE_UP);
		pass(w, 60000);
		assert_int_equal(w->calls, 1);
		world_free(w);
	}
}

/* So soon after they were made that it could be an echo. */
static void lost_at_once(void **state)
{
	struct world *w = world_ready();

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	pass(w, 300);
	call(w, PEER, IKE_WHY_ACQUIRE);
	assert_int_equal(w->verifies, 1);
	assert_int_equal(w->calls, 0);
	/* Not with each packet; but what the kernel says once is not forgotten. */
	w->lost = w->sas[0].child;
	call(w, PEER, IKE_WHY_ACQUIRE);
	call(w, PEER, IKE_WHY_UNKNOWN_SPI);
	assert_int_equal(w->verifies, 1);
	pass(w, 490);
	assert_int_equal(w->verifies, 1);
	pass(w, 10);
	assert_int_equal(w->verifies, 2);
	assert_int_equal(w->calls, 1);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

/* The kernel loses the SAs that a call has brought before the listing shows them. */
static void lost_in_the_call(void **state)
{
	struct world *w = world_ready();

	(void)state;
	w->outcome = IS_SILENT;
	call(w, PEER, IKE_WHY_ASKED);
	pass(w, 900);
	call(w, PEER, IKE_WHY_ACQUIRE);
	assert_int_equal(w->verifies, 0);
	w->outcome = SUCCEEDS;
	w->n_sas = 0;
	w->lost = paper_call(w, CONN_B, SUCCEEDS)->child;
	talk(w);
	pass(w, 1000);
	assert_int_equal(w->verifies, 1);
	assert_int_equal(w->calls, 2);
	assert_int_equal(w->ends, 1);
	assert_int_equal(state_of(w, B), IKE_UP);
	pass(w, 60000);
	assert_int_equal(w->verifies, 1);
	assert_int_equal(w->calls, 2);
	world_free(w);
}

/* The limit is for what others can make us do, not for what we know ourselves. */
static void lost_within_the_limit(void **state)
{
	struct world *w = world_ready();
	unsigned int calls;

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	pass(w, 10000);
	call(w, PEER, IKE_WHY_UNKNOWN_SPI);
	pass(w, 3000);
	calls = w->calls;
	call(w, PEER, IKE_WHY_UNKNOWN_SPI);
	pass(w, 1000);
	assert_int_equal(w->calls, calls);
	w->lost = w->next_child - 1;
	call(w, PEER, IKE_WHY_UNKNOWN_SPI);
	assert_int_equal(w->calls, calls + 1);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

/* Both called at the same time, and the kernel has lost one: the other one will do. */
static void lost_one_of_two(void **state)
{
	struct world *w = world_ready();

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	pass(w, 10000);
	w->lost = w->sas[0].child;
	call(w, PEER, IKE_WHY_ACQUIRE);
	pass(w, 10000);
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->calls, 0);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

/* Word of ESP that nobody can read comes while it is watched what charon makes of the
 * kernel's wish; or the kernel does not say what it has.
 */
static void lost_unseen(void **state)
{
	struct world *w = world_ready();
	uint32_t old;

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	old = w->sas[0].id;
	pass(w, 10000);
	w->no_word = true;
	call(w, PEER, IKE_WHY_ACQUIRE);
	call(w, PEER, IKE_WHY_UNKNOWN_SPI);
	assert_int_equal(w->ends, 0);
	pass(w, 1000);
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->calls, 1);
	assert_int_not_equal(w->sas[0].id, old);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

static void unknown_spi_is_limited(void **state)
{
	struct world *w = world_ready();
	unsigned int i;

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	pass(w, 10000);
	for (i = 0; i < 100; i++) {
		pass(w, i ? 100 : 0);
		call(w, PEER, IKE_WHY_UNKNOWN_SPI);
	}
	/* not quite 10 s: the first, and one 5 s later */
	assert_int_equal(w->calls, 2);
	for (i = 0; i < 20; i++) {
		call(w, PEER, IKE_WHY_UNKNOWN_SPI);
		pass(w, 5000);
	}
	assert_in_range(w->calls, 20, 22);
	world_free(w);
}

static void duplicates(void **state)
{
	struct world *w = world_ready();
	struct paper_sa *sa;

	(void)state;
	/* Both called at the same time: nothing is done about it. */
	sa = paper_call(w, CONN_B, SUCCEEDS);
	paper_call(w, CONN_B, SUCCEEDS);
	pass(w, 60000);
	assert_int_equal(status_of(w, B).children, 2);
	assert_int_equal(w->ends + w->child_ends, 0);
	/* More and more: the oldest go. */
	sa->child = 10;
	sa->children = IKE_CHILDREN + 1;
	paper_event(w, "child-updown", sa);
	pass(w, 60000);
	assert_int_equal(status_of(w, B).children, IKE_CHILDREN);
	assert_int_equal(w->ends, 0);
	assert_int_equal(w->child_ends, 3);
	world_free(w);
}

static void many_peers(void **state)
{
	struct world *w = world_ready();
	char name[32], ula[32], conn[64];
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "h%u.example.com", i);
		snprintf(ula, sizeof(ula), "fd00:c::%x", i + 1);
		set(w, name, ula);
	}
	talk(w);
	for (i = 0; i < 20; i++) {
		snprintf(ula, sizeof(ula), "fd00:c::%x", i + 1);
		w->outcome = i % 2 ? SUCCEEDS : IS_SILENT;
		call(w, ula, IKE_WHY_ASKED);
	}
	pass(w, 1000);
	assert_int_equal(w->calls, 20);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "h%u.example.com", i);
		snprintf(conn, sizeof(conn), "btmm-%s", name);
		assert_int_equal(state_of(w, name), i % 2 ? IKE_UP : IKE_CALLING);
		assert_non_null(paper_conn(w, conn));
	}
	w->outcome = SUCCEEDS;
	pass(w, 5000);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "h%u.example.com", i);
		assert_int_equal(state_of(w, name), IKE_UP);
	}
	assert_int_equal(w->n_sas, 20);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked),
		cmocka_unit_test(silent),
		cmocka_unit_test(slow),
		cmocka_unit_test(silent_for_good),
		cmocka_unit_test(refused),
		cmocka_unit_test(refused_for_good),
		cmocka_unit_test(ts_unacceptable),
		cmocka_unit_test(command_refused),
		cmocka_unit_test(acquire),
		cmocka_unit_test(acquire_that_works),
		cmocka_unit_test(acquire_late),
		cmocka_unit_test(acquire_without_trace),
		cmocka_unit_test(unknown_spi),
		cmocka_unit_test(lost_here),
		cmocka_unit_test(lost_at_once),
		cmocka_unit_test(lost_in_the_call),
		cmocka_unit_test(lost_within_the_limit),
		cmocka_unit_test(lost_one_of_two),
		cmocka_unit_test(lost_unseen),
		cmocka_unit_test(unknown_spi_is_limited),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(many_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
