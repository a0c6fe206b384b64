// SPDX-License-Identifier: GPL-2.0-or-later
/* What the server says, or does not. */
#include "test.h"

#include <errno.h>

#include "lease_client_world.h"

static void refusals(void **state)
{
	static const unsigned int rcodes[] = {
		DNS_REFUSED, DNS_NOTAUTH, DNS_NOTZONE, DNS_FORMERR, DNS_NOTIMP, DNS_SERVFAIL,
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rcodes); i++) {
		uint64_t wait = rcodes[i] == DNS_SERVFAIL ? 2 * SECONDS : 30 * SECONDS, from;
		unsigned int n;

		start();
		set(&address, NULL);
		for (n = 0; n < 10; n++) {
			assert_true(sends());
			answers(rcodes[i], 0);
			assert_int_equal(lease_client_error(w.c), 256 + (int)rcodes[i]);
			silent();
			from = w.now;
			w.now = lease_client_deadline(w.c);
			assert_in_range(w.now - from, wait, wait + wait / 10);
			wait *= 2;
			if (wait > (rcodes[i] == DNS_SERVFAIL ? 30 * SECONDS : HOURS))
				wait = rcodes[i] == DNS_SERVFAIL ? 30 * SECONDS : HOURS;
		}
		assert_true(sends());
		answers(rcodes[i], 0);
		lease_client_retry(w.c, w.now);
		assert_true(sends());
		answers(0, 3600);
		assert_int_equal(lease_client_error(w.c), 0);
		stop();
	}
}

/* Two leases, where the server knows of two. */
static void key_lease(void **state)
{
	const struct lease_option both = { .lease = 3600, .key_lease = 1200, .long_form = true };
	struct lease_client_record key = address;
	uint64_t from;

	(void)state;
	key.type = DNS_KEY;
	start_with((struct lease_client_config){ .lease = 5400, .key_lease = 604800 });
	set(&address, NULL);
	assert_true(sends());
	assert_true(w.lease.long_form);
	assert_int_equal(w.lease.key_lease, 604800);
	assert_true(answers_as(dns_id(w.out), 0, &both));
	assert_int_equal(lease_client_granted(w.c), 3600);
	/* With a KEY, what ends first counts. */
	set(&address, &key);
	assert_true(sends());
	assert_true(answers_as(dns_id(w.out), 0, &both));
	assert_int_equal(lease_client_granted(w.c), 1200);
	/* One in the answer is for both. */
	set(&key, NULL);
	assert_true(sends());
	answers(0, 1800);
	assert_int_equal(lease_client_granted(w.c), 1800);

	/* A server of the drafts refuses the long form. */
	set(&address, NULL);
	assert_true(sends());
	answers(DNS_REFUSED, 0);
	sends_text("025 01 +1.1 ");
	assert_false(w.lease.long_form);
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	w.now = lease_client_deadline(w.c);
	assert_true(sends());
	assert_false(w.lease.long_form);
	/* If it was not that: once more with both, later. */
	answers(DNS_REFUSED, 0);
	from = w.now;
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 30 * SECONDS, 33 * SECONDS);
	assert_true(sends());
	assert_true(w.lease.long_form);
	stop();
}

static void signatures(void **state)
{
	uint64_t from;
	uint16_t id;

	(void)state;
	start_with((struct lease_client_config){
		.lease = 5400, .signer = { &w, world_sign, world_verify },
	});
	set(&address, NULL);
	/* A clock that is off: asked again at once, but once. */
	w.verdict = SIGNER_AGAIN;
	assert_true(sends());
	id = dns_id(w.out);
	answers(DNS_NOTAUTH, 0);
	assert_true(sends());
	assert_int_equal(w.signatures, 2);
	assert_int_not_equal(dns_id(w.out), id);
	answers(DNS_NOTAUTH, 0);
	assert_int_equal(lease_client_error(w.c), 256 + DNS_NOTAUTH);
	from = w.now;
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 30 * SECONDS, 33 * SECONDS);

	/* Not signed, or wrong: as if nothing had come, until nothing has. */
	assert_true(sends());
	w.verdict = SIGNER_BAD;
	assert_false(answers_as(dns_id(w.out), 0, NULL));
	assert_false(answers_as(dns_id(w.out), DNS_NOTAUTH, NULL));
	assert_false(lease_client_current(w.c));
	from = w.now;
	sends_at(from, 2 * SECONDS);
	sends_at(from, 6 * SECONDS);
	w.now = from + 14 * SECONDS;
	assert_false(sends());
	assert_int_equal(lease_client_error(w.c), 256 + DNS_NOTAUTH);

	w.verdict = SIGNER_GOOD;
	w.cannot_sign = -EINVAL;
	w.now = lease_client_deadline(w.c);
	assert_false(sends());
	assert_int_equal(lease_client_error(w.c), -EKEYREJECTED);
	w.cannot_sign = 0;
	lease_client_retry(w.c, w.now);
	assert_true(sends());
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	stop();
}

/* On a stream one try each; the network comes and goes. */
static void stream(void **state)
{
	(void)state;
	start_with((struct lease_client_config){ .lease = 5400, .stream = true });
	lease_client_pause(w.c);
	set(&address, NULL);
	silent();
	assert_true(lease_client_deadline(w.c) == UINT64_MAX);
	lease_client_moved(w.c, w.now);
	assert_true(sends());
	assert_true(lease_client_deadline(w.c) == w.now + 15 * SECONDS);
	w.now += 15 * SECONDS;
	assert_false(sends());
	assert_true(lease_client_stuck(w.c));
	assert_false(lease_client_stuck(w.c));
	lease_client_moved(w.c, w.now);
	assert_true(sends());
	answers(0, 3600);
	w.now += 30 * SECONDS;
	assert_true(sends());
	answers(0, 3600);

	/* What is granted stays granted, wherever we are. */
	lease_client_pause(w.c);
	assert_true(lease_client_current(w.c));
	lease_client_moved(w.c, w.now);
	silent();
	/* A refresh that was out is made anew. */
	w.now = lease_client_deadline(w.c);
	assert_true(sends());
	lease_client_pause(w.c);
	assert_false(sends());
	lease_client_moved(w.c, w.now);
	assert_true(sends());
	answers(0, 3600);
	lease_client_pause(w.c);
	w.now = lease_client_expires(w.c);
	assert_false(sends());
	assert_false(lease_client_current(w.c));
	/* Taken back while there is nobody to tell: the leases end by themselves. */
	set(NULL, NULL);
	assert_false(lease_client_withdrawn(w.c));
	w.now = lease_client_deadline(w.c);
	assert_false(sends());
	assert_true(lease_client_withdrawn(w.c));
	stop();
}

/* Who starts with many others waits a little, once. */
static void spread(void **state)
{
	bool waited = false;
	uint8_t i;

	(void)state;
	for (i = 0; i < 20; i++) {
		struct lease_client_config config = {
			.zone = zone, .lease = 5400, .spread = 3000, .seed = { i },
		};

		memset(&w, 0, sizeof(w));
		w.c = lease_client_new(&config);
		set(&address, NULL);
		assert_in_range(lease_client_deadline(w.c), 0, 3000);
		waited |= lease_client_deadline(w.c) > 1000;
		w.now = lease_client_deadline(w.c);
		assert_true(sends());
		answers(0, 3600);
		set(&moved_to, NULL);
		assert_true(sends());
		stop();
	}
	assert_true(waited);
}

static void garbage(void **state)
{
	const struct lease_option o = { .lease = 3600 };
	uint8_t msg[128], option[12], *cut;
	struct dns_writer d;
	size_t i;

	(void)state;
	start();
	set(&address, NULL);
	assert_true(sends());
	dns_writer_init(&d, msg, sizeof(msg), dns_id(w.out), DNS_QR | DNS_UPDATE << 11);
	dns_put_opt(&d, DNS_UDP_MAX, 0, option, lease_option_write(&o, option));
	for (i = 0; i < d.len; i++) {
		cut = exact_copy(msg, i);
		assert_false(lease_client_input(w.c, w.now, cut, i));
		free(cut);
	}
	/* A request, a query, another's, a lease of an odd length */
	for (i = 0; i < 4; i++) {
		static const uint8_t where[] = { 2, 2, 1, 26 };
		static const uint8_t what[] = { 0x80, 0x28, 1, 1 };

		cut = exact_copy(msg, d.len);
		cut[where[i]] ^= what[i];
		assert_false(lease_client_input(w.c, w.now, cut, d.len));
		free(cut);
	}
	assert_false(lease_client_current(w.c));
	assert_true(lease_client_input(w.c, w.now, msg, d.len));
	assert_true(lease_client_current(w.c));
	assert_false(lease_client_input(w.c, w.now, msg, d.len));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),
		cmocka_unit_test(key_lease),
		cmocka_unit_test(signatures),
		cmocka_unit_test(stream),
		cmocka_unit_test(spread),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
