// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server that has no memory for what has changed: whoever subscribed to that has to begin
 * again, the others notice nothing. Linked with --wrap=realloc.
 */
#include "test.h"

#include "push_server_world.h"

#include "../lib/llq/server.h"

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

static bool no_memory;
static unsigned int refused;

/* For the list of changes, not for the test's own. */
void *__wrap_realloc(void *p, size_t n)
{
	if (no_memory && n >= sizeof(struct delta) && n % sizeof(struct delta) == 0) {
		refused++;
		return NULL;
	}
	return __real_realloc(p, n);
}

static void forget_sent(void)
{
	w.first = (w.first + w.n_sent) % N_SENT;
	w.n_sent = 0;
}

static void all_have_to_begin_again(void **state)
{
	struct subs_origin me = from_host(1, 5000), you = from_host(2, 5000);

	(void)state;
	set_up(&me, NULL, host, DNS_A, 7200);
	set_up(&you, NULL, other, DNS_A, 7200);
	/* One session has two of that name, and one of another. */
	subscribe(1, 5, host, DNS_A);
	subscribe(1, 6, host, DNS_ANY);
	subscribe(1, 7, other, DNS_A);
	subscribe(2, 5, other, DNS_A);
	forget_sent();
	assert_int_equal(n_llqs(), 2);
	assert_int_equal(stats().sessions, 2);

	no_memory = true;
	refused = 0;
	rr_add(host, DNS_A, 1);
	no_memory = false;
	assert_true(refused > 0);
	commit();
	assert_int_equal(n_llqs(), 1);
	assert_int_equal(stats().given_up, 1);
	assert_non_null(strstr(next_dso(), "rcode2"));
	assert_int_equal(w.got->to.stream, 1);
	assert_dso("nothing");
	assert_int_equal(stats().push_subs, 1);

	/* The others, and those who come back, are told. */
	subscribe(3, 5, host, DNS_A);
	assert_dso("ok 5");
	assert_dso("push +host/A.1");
	rr_add(host, DNS_A, 2);
	commit();
	assert_dso("push +host/A.2");
	assert_dso("nothing");
	rr_add(other, DNS_A, 3);
	commit();
	assert_int_equal(w.n_sent, 2);
}

/* It is seen to before anything else happens, even if nobody commits. */
static void before_the_next_message(void **state)
{
	struct subs_origin me = from_host(1, 5000);

	(void)state;
	set_up(&me, NULL, host, DNS_A, 7200);
	no_memory = true;
	rr_add(host, DNS_A, 1);
	no_memory = false;
	set_up(&me, NULL, other, DNS_A, 7200);
	assert_int_equal(stats().given_up, 1);
	assert_int_equal(n_llqs(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(all_have_to_begin_again),
		world_test(before_the_next_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
