// SPDX-License-Identifier: GPL-2.0-or-later
/* Owners, leases, their order in time, and locks. */
#include "test.h"

#include "lease_case.h"

/* --- owners and leases ---------------------------------------------------------------- */

static void owners(void **state)
{
	struct lease_owner *o, *p;

	(void)state;
	assert_null(lease_owner_find(world.z, dn("x.example.com")));
	o = lease_owner_get(world.z, dn("x.example.com"));
	assert_non_null(o);
	assert_ptr_equal(lease_owner_get(world.z, dn("x.example.com")), o);
	assert_ptr_equal(lease_owner_find(world.z, dn("X.Example.com")), o);
	p = lease_owner_get(world.z, dn("y.example.com"));
	assert_ptr_not_equal(o, p);
	lease_owner_put(o);
	lease_owner_put(p);
	assert_null(lease_owner_find(world.z, dn("x.example.com")));
}

/* The same name in two zones is two names. */
static void two_zones(void **state)
{
	struct zone *mirror = zone_new(world_apex);
	struct lease_zone *z = lease_zone_add(world.l, mirror, &mirror);
	struct marker m = marker_for(DNS_A, ONE, A);
	struct lease_owner *o = lease_owner_get(world.z, dn(A)), *p = lease_owner_get(z, dn(A));
	struct lease *lease = lease_get(o, &m, NULL, 0);

	(void)state;
	assert_ptr_not_equal(o, p);
	assert_ptr_equal(lease_zone_arg(z), &mirror);
	assert_ptr_equal(lease_zone_mirror(z), mirror);
	assert_ptr_equal(lease_zone_leases(z), world.l);
	assert_ptr_equal(lease_find(o, &m), lease);
	assert_null(lease_find(p, &m));
	lease_grant(lease_get(p, &m, NULL, 0), world.now, 50);
	lease_grant(lease, world.now, 100);
	assert_int_equal(leases_count(world.l), 2);
	assert_int_equal(lease_zone_count(z), 1);
	assert_int_equal(leases_deadline(world.l), world.now + 50000);
	assert_ptr_equal(leases_next_zone(world.l, NULL), z);
	assert_ptr_equal(leases_next_zone(world.l, z), world.z);
	assert_null(leases_next_zone(world.l, world.z));
	lease_zone_remove(z);
	zone_free(mirror);
	assert_int_equal(leases_count(world.l), 1);
	assert_int_equal(leases_deadline(world.l), world.now + 100000);
	assert_ptr_equal(lease_find(o, &m), lease);
}

static void of_one_record(void **state)
{
	static const char *const keys[] = { A, B, "_account.example.com" };
	struct lease_owner *o = lease_owner_get(world.z, dn(A));
	struct marker m = marker_for(DNS_A, ONE, A), other = marker_for(DNS_A, TWO, A);
	struct lease *lease;
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < N_OF(keys); i++) {
		struct marker k = marker_for(DNS_A, ONE, keys[i]);

		lease_grant(lease_get(o, &k, (const uint8_t *)"\300\0\2\1", 4), world.now, 60);
	}
	lease_get(o, &other, NULL, 0);
	for (lease = lease_of_record(o, DNS_A, m.record); lease;
	     lease = lease_of_record_next(lease)) {
		assert_memory_equal(lease->marker.record, m.record, MARKER_HASH);
		assert_int_equal(lease->rdlen, 4);
		n++;
	}
	assert_int_equal(n, N_OF(keys));
	assert_null(lease_of_record(o, DNS_TXT, m.record));
	/* What is known is kept, what was not is added. */
	lease = lease_get(o, &other, (const uint8_t *)"\300\0\2\2", 4);
	assert_memory_equal(lease->rdata, "\300\0\2\2", 4);
	assert_ptr_equal(lease_get(o, &other, (const uint8_t *)"\1", 1), lease);
	assert_int_equal(lease->rdlen, 4);
}

static void clamped(void **state)
{
	(void)state;
	assert_int_equal(leases_clamp(world.l, 0, false), WORLD_MIN);
	assert_int_equal(leases_clamp(world.l, WORLD_MIN + 1, false), WORLD_MIN + 1);
	assert_int_equal(leases_clamp(world.l, UINT32_MAX, false), WORLD_MAX);
	assert_int_equal(leases_clamp(world.l, UINT32_MAX, true), WORLD_KEY_MAX);
	assert_int_equal(leases_clamp(world.l, WORLD_MAX + 1, true), WORLD_MAX + 1);
	assert_int_equal(leases_longest(world.l, DNS_A), WORLD_MAX);
	assert_int_equal(leases_longest(world.l, DNS_KEY), WORLD_KEY_MAX);
}

/* --- order in time --------------------------------------------------------------------- */

static uint64_t draw_state = 88172645463325252;

static uint32_t draw(uint32_t n)
{
	draw_state ^= draw_state << 13;
	draw_state ^= draw_state >> 7;
	draw_state ^= draw_state << 17;
	return (uint32_t)(draw_state >> 20) % n;
}

/* Thousands, granted, refreshed, ended and dropped: the next is always the next. */
static void in_order(void **state)
{
	enum { N = 2000 };
	static struct lease *leases[N];
	size_t i, step, n, alive = 0;

	(void)state;
	for (i = 0; i < N; i++) {
		char name[32], text[16];
		struct marker m;

		snprintf(name, sizeof(name), "n%zu.a.example.com", i % 700);
		snprintf(text, sizeof(text), "%zu", i);
		m = marker_for(DNS_TXT, text, A);
		leases[i] = lease_get(lease_owner_get(world.z, dn(name)), &m, NULL, 0);
		lease_grant(leases[i], world.now, 1 + draw(5000));
	}
	for (step = 0; step < 200; step++) {
		uint64_t next = UINT64_MAX;

		for (n = 0; n < 20; n++) {
			i = draw(N);
			if (!leases[i])
				continue;
			if (draw(3)) {
				lease_grant(leases[i], world.now, 1 + draw(5000));
			} else if (draw(2)) {
				lease_end(leases[i], world.now);
			} else {
				lease_drop(leases[i]);
				leases[i] = NULL;
			}
		}
		leases_pass(world.l, world.now);
		for (i = 0, alive = 0, n = 0; i < N; i++) {
			if (!leases[i])
				continue;
			alive++;
			assert_int_equal(leases[i]->expired, leases[i]->expiry <= world.now);
			n += leases[i]->expired;
			if (!leases[i]->expired && leases[i]->expiry < next)
				next = leases[i]->expiry;
		}
		assert_int_equal(leases_deadline(world.l), next);
		assert_int_equal(lease_zone_expired(world.z), n);
		assert_int_equal(leases_count(world.l), alive);
		world.now += 1000 * draw(60);
		leases_pass(world.l, world.now);
	}
	assert_true(alive > N / 4 && alive < N);
}

static void ends_all(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { ADD, TUNNEL, DNS_A, ONE }), 0);
	assert_int_equal(update(B, 100, { ADD, B, DNS_A, ONE }), 0);
	lease_end_all(world.z, dn("A.EXAMPLE.COM"), world.now + 5);
	assert_int_equal(leases_deadline(world.l), world.now + 5);
	assert_int_equal(leases_pass(world.l, world.now + 5), 2);
	assert_false(lease_at(B, DNS_A, ONE, B)->expired);
	/* It is on the disk, too. */
	assert_int_equal(world.rows[1].expiry, world.now + 5);
}

/* --- locks ------------------------------------------------------------------------------ */

static struct lease_owner *names[4];

static void make_names(void)
{
	static const char *const text[] = {
		"w.example.com", "x.example.com", "y.example.com", "z.example.com",
	};
	size_t i;

	for (i = 0; i < 4; i++)
		names[i] = lease_owner_get(world.z, dn(text[i]));
}

/* @wanted: a digit of each name; behind '+' shared */
static bool lock(struct lock_set *s, const char *wanted)
{
	bool shared = false;

	*s = (struct lock_set){ 0 };
	for (; *wanted; wanted++) {
		if (*wanted == '+')
			shared = true;
		else
			assert_int_equal(lock_add(s, names[*wanted - '0'], shared), 0);
	}
	return lock_acquire(s);
}

static void one_at_a_time(void **state)
{
	struct lock_set a, b, c;

	(void)state;
	make_names();
	assert_true(lock_free(names[0]));
	assert_true(lock(&a, "01"));
	assert_false(lock_free(names[0]));
	assert_false(lock(&b, "12"));
	/* Not past who waits, though nobody has that name yet. */
	assert_false(lock(&c, "2"));
	assert_ptr_equal(lock_release(&a), &b);
	assert_null(b.ready_next);
	assert_ptr_equal(lock_release(&b), &c);
	assert_null(lock_release(&c));
	assert_null(lease_owner_find(world.z, dn("w.example.com")));
	lease_owner_put(names[3]);
}

static void together(void **state)
{
	struct lock_set a, b, c, d;

	(void)state;
	make_names();
	assert_true(lock(&a, "+01"));
	assert_true(lock(&b, "+12"));
	assert_false(lock(&c, "1"));
	/* Shared, but behind who is not. */
	assert_false(lock(&d, "+1"));
	assert_null(lock_release(&a));
	assert_ptr_equal(lock_release(&b), &c);
	assert_ptr_equal(lock_release(&c), &d);
	assert_null(lock_release(&d));
	lease_owner_put(names[3]);
}

/* Several go on at once, in order of arrival. */
static void all_that_can(void **state)
{
	struct lock_set a, b, c, d;

	(void)state;
	make_names();
	assert_true(lock(&a, "0123"));
	assert_false(lock(&b, "0"));
	assert_false(lock(&c, "+1"));
	assert_false(lock(&d, "+1"));
	assert_ptr_equal(lock_release(&a), &b);
	assert_ptr_equal(b.ready_next, &c);
	assert_ptr_equal(c.ready_next, &d);
	assert_null(d.ready_next);
	lock_release(&b);
	lock_release(&c);
	lock_release(&d);
}

/* Who gives up lets others past. */
static void given_up(void **state)
{
	struct lock_set a, b, c;

	(void)state;
	make_names();
	assert_true(lock(&a, "+0"));
	assert_false(lock(&b, "01"));
	assert_false(lock(&c, "+0"));
	assert_ptr_equal(lock_release(&b), &c);
	assert_null(lock_release(&a));
	assert_null(lock_release(&c));
	/* One that never asked. */
	b = (struct lock_set){ 0 };
	make_names();
	assert_int_equal(lock_add(&b, names[0], false), 0);
	assert_null(lock_release(&b));
	assert_null(lease_owner_find(world.z, dn("w.example.com")));
	lease_owner_put(names[1]);
	lease_owner_put(names[2]);
	lease_owner_put(names[3]);
}

/* Asked for twice by one: once, and alone if so once. */
static void twice(void **state)
{
	struct lock_set a, b;

	(void)state;
	make_names();
	a = (struct lock_set){ 0 };
	assert_int_equal(lock_add(&a, names[0], true), 0);
	assert_int_equal(lock_add(&a, names[0], false), 0);
	assert_int_equal(lock_add(&a, names[0], true), 0);
	assert_int_equal(a.n, 1);
	assert_true(lock_acquire(&a));
	assert_false(lock(&b, "+0"));
	assert_ptr_equal(lock_release(&a), &b);
	lock_release(&b);
	lease_owner_put(names[1]);
	lease_owner_put(names[2]);
	lease_owner_put(names[3]);
}

/* Many, with any sets of names: never two at one name, and all come through. */
static void nobody_forever(void **state)
{
	enum { N = 40 };
	static struct lock_set sets[N];
	bool has[N] = { false }, waits[N] = { false };
	size_t step, i, k, done = 0;

	(void)state;
	make_names();
	for (step = 0; step < 20000; step++) {
		struct lock_set *ready, *next;

		i = draw(N);
		if (!has[i] && !waits[i] && step < 15000) {
			char text[8] = "";

			if (draw(2))
				strcpy(text, "+");
			for (k = 0; k < 4; k++) {
				if (draw(2))
					snprintf(text + strlen(text), 2, "%zu", k);
			}
			make_names();
			has[i] = lock(&sets[i], text);
			waits[i] = !has[i];
			continue;
		}
		if (!has[i] && (!waits[i] || draw(8)))
			continue;
		done += has[i];
		has[i] = false;
		waits[i] = false;
		for (ready = lock_release(&sets[i]); ready; ready = next) {
			next = ready->ready_next;
			assert_true(waits[ready - sets] && !has[ready - sets]);
			waits[ready - sets] = false;
			has[ready - sets] = true;
		}
		make_names();
		for (k = 0; k < 4; k++) {
			struct lock_wait *w = names[k]->first;

			assert_true(!w || w->granted);
			for (; w && w->next; w = w->next) {
				if (w->next->granted)
					assert_true(w->granted && w->shared && w->next->shared);
			}
		}
	}
	for (i = 0; i < N; i++)
		assert_false(waits[i] || has[i]);
	assert_true(done > 300);
	for (k = 0; k < 4; k++)
		lease_owner_put(names[k]);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(owners), CASE(two_zones), CASE(of_one_record), CASE(clamped), CASE(in_order),
		CASE(ends_all), CASE(one_at_a_time), CASE(together), CASE(all_that_can),
		CASE(given_up), CASE(twice), CASE(nobody_forever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
