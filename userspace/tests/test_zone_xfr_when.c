// SPDX-License-Identifier: GPL-2.0-or-later
/* When the primary is asked, and for how long it may be silent. */
#include "test.h"

#include "test_xfr.h"

static void refresh(void **state)
{
	struct xfr_limits limits = xfr_default_limits;
	struct primary *p = loaded(NULL);
	uint64_t at = xfr_deadline(p->x);

	(void)state;
	/* 3600 s, or up to a tenth earlier. */
	assert_true(at > T0 + 3240 * 1000 && at <= T0 + 3600 * 1000);
	assert_false(xfr_tick(p->x, at - 1));
	assert_false(xfr_wants_request(p->x, at - 1));
	assert_false(xfr_tick(p->x, at));
	assert_int_equal(asked(p, at), DNS_IXFR);
	assert_int_equal(reply(p, at, "@ SOA 5"), XFR_DONE);
	assert_true(xfr_deadline(p->x) != at + (at - T0));	/* not the same each time */

	/* As the new SOA says, within our limits. */
	xfr_poke(p->x, at);
	asked(p, at);
	assert_int_equal(reply(p, at, "@ SOA 6 1 1 1000 1", "@ SOA 5", "@ SOA 6 1 1 1000 1",
			       "@ SOA 6 1 1 1000 1"), XFR_DONE);
	assert_true(xfr_deadline(p->x) > at + 4500 && xfr_deadline(p->x) <= at + 5000);
	primary_free(p);

	limits.refresh_max = 100;
	p = loaded(&limits);
	assert_true(xfr_deadline(p->x) > T0 + 90000 && xfr_deadline(p->x) <= T0 + 100000);
	primary_free(p);
}

static void retry(void **state)
{
	struct primary *p = primary_new(NULL, NULL);
	struct xfr_status s;
	uint64_t now = T0, gap, last = 0;
	unsigned int i;

	(void)state;
	/* Quickly at first, for a primary that is about to start; up to a minute. */
	for (i = 0; i < 20; i++) {
		asked(p, now);
		xfr_lost(p->x, now, i ? "connection refused" : NULL);
		gap = xfr_deadline(p->x) - now;
		assert_true(gap >= last && gap <= 60000);
		if (i == 0)
			assert_string_equal(xfr_why(p->x), "the connection to the primary broke");
		if (i == 0)
			assert_true(gap >= 180 && gap <= 200);
		last = gap * 8 / 10;
		assert_false(xfr_wants_request(p->x, now + gap - 1));
		now += gap;
	}
	assert_true(gap > 54000);
	xfr_status(p->x, &s);
	assert_true(s.n_failed == 20 && s.last_failure == now - gap && !s.last_success);
	assert_string_equal(s.last_error, "connection refused");
	/* What is no longer there cannot be lost. */
	xfr_lost(p->x, now, NULL);
	xfr_status(p->x, &s);
	assert_int_equal(s.n_failed, 20);

	asked(p, now);
	assert_int_equal(reply(p, now, "@ SOA 5", "@ SOA 5"), XFR_DONE);
	/* Then by the SOA's retry, from the beginning. */
	for (i = 0; i < 20; i++) {
		now = xfr_deadline(p->x);
		asked(p, now);
		xfr_lost(p->x, now, NULL);
		gap = xfr_deadline(p->x) - now;
		assert_true(gap <= (i ? 600000 : 200));
	}
	assert_true(gap > 540000);
	primary_free(p);
}

/* A change is worth another try, but not a hundred a second. */
static void asked_while_failing(void **state)
{
	struct primary *p = loaded(NULL);
	uint64_t now = T0;
	unsigned int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		now = xfr_deadline(p->x);
		asked(p, now);
		xfr_lost(p->x, now, NULL);
	}
	assert_true(xfr_deadline(p->x) > now + 300000);
	xfr_notify(p->x, now, true, 6);
	assert_int_equal(xfr_deadline(p->x), now + 1000);
	assert_false(xfr_wants_request(p->x, now + 999));
	xfr_poke(p->x, now + 5);
	assert_int_equal(xfr_deadline(p->x), now + 1000);
	/* Later, at once. */
	now += 1000;
	asked(p, now);
	xfr_poke(p->x, now);
	xfr_lost(p->x, now, NULL);
	assert_int_equal(xfr_deadline(p->x), now + 1000);
	now += 1000;
	asked(p, now);
	xfr_lost(p->x, now, NULL);
	xfr_poke(p->x, now + 2000);
	assert_true(xfr_wants_request(p->x, now + 2000));
	primary_free(p);
}

static void one_at_a_time(void **state)
{
	struct primary *p = loaded(NULL);
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++)
		xfr_poke(p->x, T0 + 10);
	asked(p, T0 + 10);
	/* The answer may have been made before these. */
	for (i = 0; i < 5; i++)
		xfr_poke(p->x, T0 + 11);
	assert_int_equal(reply(p, T0 + 12, "@ SOA 6", "@ SOA 5", "@ SOA 6", "@ SOA 6"), XFR_DONE);
	assert_int_equal(asked(p, T0 + 12), DNS_IXFR);
	assert_int_equal(reply(p, T0 + 13, "@ SOA 6"), XFR_DONE);
	assert_false(xfr_wants_request(p->x, T0 + 13));

	/* One that was waiting waits on for AXFR. */
	xfr_poke(p->x, T0 + 20);
	asked(p, T0 + 20);
	assert_int_equal(reply(p, T0 + 20, "@ SOA 4"), XFR_AGAIN);
	xfr_poke(p->x, T0 + 20);
	assert_int_equal(asked(p, T0 + 20), DNS_AXFR);
	assert_int_equal(reply(p, T0 + 20, "@ SOA 4", "@ SOA 4"), XFR_DONE);
	assert_false(xfr_wants_request(p->x, T0 + 20));
	primary_free(p);
}

static void notices(void **state)
{
	struct primary *p = primary_new(NULL, NULL);

	(void)state;
	/* Before there is a zone, any serial is new. */
	asked(p, T0);
	xfr_lost(p->x, T0, NULL);
	xfr_notify(p->x, T0 + 1, true, 1);
	assert_true(xfr_deadline(p->x) <= T0 + 200);
	primary_free(p);

	p = loaded(NULL);
	xfr_notify(p->x, T0, true, 5);
	xfr_notify(p->x, T0, true, 4);
	assert_false(xfr_wants_request(p->x, T0));
	xfr_notify(p->x, T0, true, 6);
	asked(p, T0);
	/* What it brings is what these told of. */
	xfr_notify(p->x, T0, true, 7);
	xfr_notify(p->x, T0, true, 6);
	assert_int_equal(reply(p, T0, "@ SOA 7", "@ SOA 5", "@ SOA 7", "@ SOA 7"), XFR_DONE);
	assert_false(xfr_wants_request(p->x, T0));
	xfr_notify(p->x, T0, false, 0);
	asked(p, T0);
	xfr_notify(p->x, T0, true, 8);
	assert_int_equal(reply(p, T0, "@ SOA 7"), XFR_DONE);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 8", "@ SOA 7", "@ SOA 8", "@ SOA 8"), XFR_DONE);
	assert_false(xfr_wants_request(p->x, T0));
	/* Without a serial, nobody knows. */
	xfr_notify(p->x, T0, false, 0);
	asked(p, T0);
	xfr_notify(p->x, T0, false, 0);
	assert_int_equal(reply(p, T0, "@ SOA 8"), XFR_DONE);
	assert_true(xfr_wants_request(p->x, T0));
	primary_free(p);
}

static void silence(void **state)
{
	struct xfr_limits limits = xfr_default_limits;
	struct primary *p;
	uint64_t now;

	(void)state;
	limits.answer_ms = 1000;
	limits.total_ms = 2500;
	p = asking(&limits);
	assert_int_equal(xfr_deadline(p->x), T0 + 1000);
	assert_false(xfr_tick(p->x, T0 + 999));
	assert_true(xfr_tick(p->x, T0 + 1000));
	assert_string_equal(xfr_why(p->x), "the primary did not answer in time");
	assert_false(xfr_tick(p->x, T0 + 1000));
	assert_untouched(p);

	/* Each message gives it more time, but not for ever. */
	now = xfr_deadline(p->x);
	asked(p, now);
	assert_int_equal(reply(p, now + 900, "@ SOA 6", "b A 192.0.2.1"), XFR_MORE);
	assert_int_equal(xfr_deadline(p->x), now + 1900);
	assert_int_equal(reply_more(p, now + 1800, "c A 192.0.2.1"), XFR_MORE);
	assert_int_equal(xfr_deadline(p->x), now + 2500);
	assert_false(xfr_tick(p->x, now + 2499));
	assert_true(xfr_tick(p->x, now + 2500));
	assert_string_equal(xfr_why(p->x), "the transfer took too long");
	assert_untouched(p);

	/* Broken in the middle. */
	now = xfr_deadline(p->x);
	asked(p, now);
	assert_int_equal(reply(p, now, "@ SOA 6", "@ SOA 5", "a A 192.0.2.1", "@ SOA 6",
			       "b A 192.0.2.2"), XFR_MORE);
	xfr_lost(p->x, now, NULL);
	assert_untouched(p);
	now = xfr_deadline(p->x);
	assert_int_equal(asked(p, now), DNS_IXFR);
	assert_int_equal(p->serial, 5);
	assert_int_equal(reply(p, now, "@ SOA 6", "@ SOA 5", "a A 192.0.2.1", "@ SOA 6",
			       "b A 192.0.2.2", "@ SOA 6"), XFR_DONE);
	primary_free(p);
}

static void expire(void **state)
{
	struct primary *p = primary_new(NULL, NULL);
	uint64_t now = T0, end = T0 + 5000000;
	struct xfr_status s;
	unsigned int n = 0;

	(void)state;
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 5 600 300 5000 1", "a A 192.0.2.1",
			       "@ SOA 5 600 300 5000 1"), XFR_DONE);
	/* Nobody is there any more. */
	while (now < end) {
		assert_true(xfr_serves(p->x, now));
		now = xfr_deadline(p->x);
		xfr_tick(p->x, now);
		if (xfr_wants_request(p->x, now)) {
			asked(p, now);
			xfr_lost(p->x, now, NULL);
			n++;
		}
	}
	assert_int_equal(now, end);
	assert_true(n > 10 && n < 40);
	assert_false(xfr_serves(p->x, now));
	xfr_status(p->x, &s);
	assert_true(s.loaded && s.expires == end);
	/* That has been told; now it is about the next try. */
	assert_true(xfr_deadline(p->x) > now);
	assert_true(zhas(p->z, "a.example.com", DNS_A, "192.0.2.1"));

	now = xfr_deadline(p->x);
	asked(p, now);
	assert_int_equal(reply(p, now, "@ SOA 5 600 300 5000 1"), XFR_DONE);
	assert_true(xfr_serves(p->x, now));
	xfr_status(p->x, &s);
	assert_int_equal(s.expires, now + 5000000);

	/* A mistake: it would expire before it could be refreshed. */
	xfr_poke(p->x, now);
	asked(p, now);
	assert_int_equal(reply(p, now, "@ SOA 6 600 300 1 1", "b TXT b", "@ SOA 6 600 300 1 1"),
			 XFR_DONE);
	xfr_status(p->x, &s);
	assert_int_equal(s.expires, now + 900000);
	primary_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refresh),
		cmocka_unit_test(retry),
		cmocka_unit_test(asked_while_failing),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(notices),
		cmocka_unit_test(silence),
		cmocka_unit_test(expire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
