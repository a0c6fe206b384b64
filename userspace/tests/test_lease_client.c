// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "lease_client_world.h"

/* Published, refreshed at 80 to 85 % of what was granted, taken back. */
static void life(void **state)
{
	uint64_t from;

	(void)state;
	start();
	assert_true(lease_client_withdrawn(w.c));
	assert_true(lease_client_deadline(w.c) == UINT64_MAX);
	published();
	assert_false(w.lease.long_form);
	assert_int_equal(w.lease.lease, 5400);
	assert_int_equal(lease_client_granted(w.c), 3600);
	assert_true(lease_client_expires(w.c) == w.now + HOURS);
	assert_false(lease_client_withdrawn(w.c));

	from = w.now;
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 48 * MINUTES, 51 * MINUTES);
	/* Nothing that could fail, or change what is there */
	sends_text("+1.1 +12 ");
	assert_true(lease_client_current(w.c));
	answers(0, 1800);
	from = w.now;
	assert_true(lease_client_expires(w.c) == w.now + HOURS / 2);
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 24 * MINUTES, 24 * MINUTES + 90 * SECONDS);
	sends_text("+1.1 +12 ");
	answers(0, 1800);

	set(NULL, NULL);
	assert_false(lease_client_current(w.c));
	sends_text("01 -12 ");
	/* A lease, all the same: without one it would be an administrator's. */
	assert_int_equal(w.lease.lease, 5400);
	assert_false(lease_client_withdrawn(w.c));
	answers(0, 0);
	assert_true(lease_client_withdrawn(w.c));
	assert_true(lease_client_deadline(w.c) == UINT64_MAX);
	assert_int_equal(lease_client_granted(w.c), 0);
	stop();
}

/* Replaced in one message; the same once more is nothing. */
static void replaced(void **state)
{
	struct lease_client_record longer = address;

	(void)state;
	start();
	published();
	set(&pointer, &address);
	silent();
	set(&moved_to, &pointer);
	assert_false(lease_client_current(w.c));
	sends_text("01 +1.2 +12 ");
	answers(0, 3600);
	set(&moved_to, NULL);
	sends_text("01 -12 +1.2 ");
	answers(0, 3600);
	longer = moved_to;
	longer.ttl = 300;
	set(&longer, NULL);
	sends_text("01 +1.2 ");
	/* Set anew while it is out: that is answered first. */
	set(&address, NULL);
	silent();
	answers(0, 3600);
	assert_false(lease_client_current(w.c));
	sends_text("01 +1.1 ");
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	silent();
	stop();
}

static void invalid(void **state)
{
	static struct lease_client_record many[LEASE_CLIENT_MAX + 1];
	static const uint16_t types[] = { 0, 41, DNS_TSIG, DNS_AXFR, DNS_ANY };
	struct lease_client_record r = address;
	size_t i;

	(void)state;
	start();
	for (i = 0; i < N_OF(types); i++) {
		r.type = types[i];
		assert_int_equal(lease_client_set(w.c, &r, 1, w.now), -EINVAL);
	}
	r = address;
	r.owner = (const uint8_t *)"\7example\3net";
	assert_int_equal(lease_client_set(w.c, &r, 1, w.now), -EINVAL);
	r = address;
	r.ttl = 0x80000000;
	assert_int_equal(lease_client_set(w.c, &r, 1, w.now), -EINVAL);
	assert_int_equal(lease_client_set(w.c, many, N_OF(many), w.now), -E2BIG);
	assert_true(lease_client_withdrawn(w.c));

	/* What does not fit into a message is said, and tried for ever. */
	for (i = 0; i < LEASE_CLIENT_MAX; i++) {
		static uint8_t ip[LEASE_CLIENT_MAX][4];

		ip[i][3] = (uint8_t)i;
		many[i] = address;
		many[i].rdata = ip[i];
	}
	assert_int_equal(lease_client_set(w.c, many, LEASE_CLIENT_MAX, w.now), 0);
	assert_false(sends());
	assert_int_equal(lease_client_error(w.c), -EMSGSIZE);
	assert_in_range(lease_client_deadline(w.c) - w.now, 2000, 2200);
	set(&address, NULL);
	sends_text("01 +1.1 ");
	answers(0, 3600);
	assert_int_equal(lease_client_error(w.c), 0);
	stop();
}

/* The same octets, three times; then, ever later, new ones. */
static void silence(void **state)
{
	uint64_t wait = 2 * SECONDS, from;
	uint8_t first[DNS_UDP_MAX];
	unsigned int i;
	size_t len;

	(void)state;
	start_with((struct lease_client_config){
		.lease = 5400, .signer = { &w, world_sign, world_verify },
	});
	set(&address, NULL);
	assert_true(sends());
	for (i = 0; i < 12; i++) {
		from = w.now;
		assert_int_equal(w.signatures, i + 1);
		memcpy(first, w.out, w.len);
		len = w.len;
		sends_at(from, 2 * SECONDS);
		assert_int_equal(w.len, len);
		assert_memory_equal(w.out, first, len);
		sends_at(from, 6 * SECONDS);
		assert_memory_equal(w.out, first, len);
		w.now = from + 14 * SECONDS;
		assert_false(sends());
		assert_int_equal(lease_client_error(w.c), -ETIMEDOUT);
		from = w.now;
		w.now = lease_client_deadline(w.c);
		assert_in_range(w.now - from, wait, wait + wait / 10);
		wait = 2 * wait > 30 * SECONDS ? 30 * SECONDS : 2 * wait;
		assert_true(sends());
		assert_string_equal(w.text, "01 +1.1 ");
		assert_memory_not_equal(w.out, first, 2);
	}
	/* The answer to an older one is none; to a repetition it is. */
	w.now += 2 * SECONDS;
	assert_true(sends());
	assert_false(answers_as(dns_u16(first), 0, NULL));
	answers(0, 0);
	assert_true(lease_client_current(w.c));
	assert_int_equal(lease_client_granted(w.c), 5400);
	/* The others were long ago: they will not come any more. */
	from = w.now;
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 72 * MINUTES, 77 * MINUTES);
	sends_text("+1.1 ");
	stop();
}

/* What is out and never answered may have been done: it is undone. */
static void maybe(void **state)
{
	unsigned int i;

	(void)state;
	start();
	set(&address, &pointer);
	assert_true(sends());
	set(&moved_to, NULL);
	silent();
	lease_client_moved(w.c, w.now);
	sends_text("01 -12 +1.2 ");
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	w.now += 30 * SECONDS;
	sends_text("01 -12 +1.2 ");
	answers(0, 3600);
	silent();

	/* Three tries in vain: the next one says what is wanted by then, at once. */
	set(&address, &pointer);
	for (i = 0; i < 3; i++) {
		assert_true(sends());
		w.now = lease_client_deadline(w.c);
	}
	set(&address, NULL);
	sends_text("01 -12 +1.1 ");
	stop();
}

/* While a lease runs, tries are spread over what is left of it. */
static void refresh_fails(void **state)
{
	unsigned int tries = 0;
	uint64_t expires;

	(void)state;
	start();
	published();
	expires = lease_client_expires(w.c);
	w.now = lease_client_deadline(w.c);
	while (w.now < expires) {
		if (sends() && tries++ < 20) {
			answers(DNS_SERVFAIL, 0);
			assert_in_range(lease_client_deadline(w.c) - w.now, 1,
					2200 + (expires - w.now) / 9);
		}
		assert_int_equal(lease_client_current(w.c), w.now < expires);
		w.now = lease_client_deadline(w.c);
	}
	assert_in_range(tries, 9, 40);
	sends();
	assert_false(lease_client_current(w.c));
	assert_true(lease_client_expires(w.c) == 0);
	/* It is there no longer, but what was tried may be. */
	while (!w.len || w.text[0] != '0') {
		w.now = lease_client_deadline(w.c);
		sends();
	}
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	stop();
}

/* The machine slept for a night: what was published is over, and is said again at once. */
static void slept(void **state)
{
	(void)state;
	start();
	published();
	w.now += 8 * HOURS;
	assert_true(lease_client_deadline(w.c) <= w.now);
	sends_text("01 +1.1 +12 ");
	assert_false(lease_client_current(w.c));
	assert_int_equal(lease_client_granted(w.c), 0);
	/* And once more, before the answer: it is not waited for. */
	w.now += 8 * HOURS;
	assert_true(lease_client_deadline(w.c) <= w.now);
	while (!sends())
		w.now = lease_client_deadline(w.c);
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	assert_true(lease_client_expires(w.c) == w.now + HOURS);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life),
		cmocka_unit_test(replaced),
		cmocka_unit_test(invalid),
		cmocka_unit_test(silence),
		cmocka_unit_test(maybe),
		cmocka_unit_test(refresh_fails),
		cmocka_unit_test(slept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
