// SPDX-License-Identifier: GPL-2.0-or-later
/* What goes to the primary in place of what was asked for. */
#include "test.h"

#include "lease_case.h"

#define ACCOUNT	"_account.example.com"
#define MAC	"mac._ssh._tcp.example.com"

static const char service[] = "_ssh._tcp.example.com";
static const char services[] = "_services._dns-sd._udp.example.com";

/* @text: the update section of what was written, as lines "+A a.example.com." */
static void written(const uint8_t *msg, size_t len, char *text, size_t size)
{
	char owner[DNAME_TEXT_MAX];
	struct update_msg m;
	size_t i, n = 0;

	*text = '\0';
	assert_int_equal(update_parse(msg, len, &m), DNS_NOERROR);
	for (i = 0; i < m.n_rrs; i++) {
		const struct update_rr *rr = &m.rrs[i];
		const char *type = rr->type == DNS_LEASED ? "mark" : rr->type == DNS_A ? "A" :
				   rr->type == DNS_ANY ? "all" :
				   rr->type == DNS_ENROLLED ? "enrolled" : "?";
		const char *what = i < m.n_prereqs ? "if" : rr->kind == UPDATE_ADD ? "+" :
				   rr->kind == UPDATE_DELETE_RR ? "-" : "--";

		n += (size_t)snprintf(text + n, size - n, "%s %s %s%u\n", what, type,
				      dname_to_text(rr->owner, owner), rr->ttl);
	}
	update_msg_free(&m);
}

#define assert_written(key, lease, wanted, ...) \
	written_ops(key, lease, wanted, (const struct op[]){ __VA_ARGS__ }, \
		    sizeof((const struct op[]){ __VA_ARGS__ }) / sizeof(struct op))

/* ... and it is not done. */
static void written_ops(const char *key, uint32_t lease, const char *wanted,
			const struct op *ops, size_t n)
{
	const struct rights_who who = key_of(key);
	static struct world_job j;
	struct req r;
	char text[2048] = "";
	bool blocked;

	request(&r, lease, ops, n);
	assert_int_equal(world_begin(&world, &j, &who, r.b, r.w.len, &blocked), 0);
	if (j.len)
		written(j.out, j.len, text, sizeof(text));
	assert_string_equal(text, wanted);
	world_end(&world, &j, REWRITE_NOT_DONE);
}

/* --- adding --------------------------------------------------------------------------- */

static void marker_goes_with_it(void **state)
{
	(void)state;
	assert_written(A, 100, "+ A a.example.com.120\n+ mark a.example.com.3600\n",
		       { ADD, A, DNS_A, ONE });
	assert_int_equal(leases_count(world.l), 0);
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	assert_true(marked(world.primary, A, DNS_A, ONE, A));
	assert_int_equal(lease_at(A, DNS_A, ONE, A)->granted, 100);
	/* An administrator's lease is one, too; what has none is not marked. */
	assert_int_equal(update("admin", 100, { ADD, A, DNS_A, TWO }), 0);
	assert_true(marked(world.primary, A, DNS_A, TWO, "admin"));
	assert_written("admin", 0, "+ A b.example.com.120\n", { ADD, B, DNS_A, ONE });
}

/* RFC 9664: it must not bump the serial. */
static void refresh_changes_nothing(void **state)
{
	unsigned int changed;

	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { ADD, A, DNS_TXT, "x" },
				{ ADD, TUNNEL, DNS_A, ONE }), 0);
	changed = world.changed;
	later(50);
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { ADD, A, DNS_TXT, "x" },
				{ ADD, TUNNEL, DNS_A, ONE }), 0);
	/* By way of "delete, then add", too. */
	assert_int_equal(update(A, 100, { DELETE_NAME, A, DNS_ANY, "" },
				{ DELETE_SET, TUNNEL, DNS_A, "" },
				{ ADD, A, DNS_A, ONE }, { ADD, A, DNS_TXT, "x" },
				{ ADD, TUNNEL, DNS_A, ONE }), 0);
	assert_int_equal(update(A, 100, { DELETE, A, DNS_A, ONE }, { ADD, A, DNS_A, ONE }), 0);
	assert_int_equal(world.changed, changed);
	assert_int_equal(leases_count(world.l), 3);
	assert_int_equal(lease_at(A, DNS_TXT, "x", A)->expiry, world.now + 100000);
	world_sync(&world);
	assert_int_equal(leases_count(world.l), 3);
}

/* It restores what was lost, RFC 9664 5. */
static void refresh_restores(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	zremove(world.primary, A, DNS_A, ONE);
	mark(A, DNS_A, ONE, A, false);
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	assert_true(at_primary(A, DNS_A, ONE));
	assert_true(marked(world.primary, A, DNS_A, ONE, A));
	world_sync(&world);
	assert_true(visible(A, DNS_A, ONE));
	assert_non_null(lease_at(A, DNS_A, ONE, A));
}

static void static_is_left_alone(void **state)
{
	(void)state;
	zadd(world.primary, A, DNS_A, 60, ONE);
	world_sync(&world);
	assert_written(A, 100, "", { ADD, A, DNS_A, ONE });
	assert_written(A, 0, "", { DELETE, A, DNS_A, ONE }, { DELETE_SET, A, DNS_A, "" },
		       { DELETE_NAME, A, DNS_ANY, "" });
	assert_written(A, 100, "+ A a.example.com.120\n+ mark a.example.com.3600\n",
		       { DELETE_NAME, A, DNS_ANY, "" }, { ADD, A, DNS_A, TWO });
	/* Who may delete it may lease it then. */
	assert_written(ACCOUNT, 100, "-- A a.example.com.0\n+ A a.example.com.120\n"
		       "+ mark a.example.com.3600\n", { DELETE_SET, A, DNS_A, "" },
		       { ADD, A, DNS_A, ONE });
}

/* Until the mirror knows what is static now, nobody leases there. */
static void waits_for_static(void **state)
{
	const struct op add = { ADD, A, DNS_A, ONE }, delete = { DELETE_NAME, A, DNS_ANY, "" };
	struct update_msg m;
	struct req r;

	(void)state;
	assert_int_equal(update("admin", 0, { ADD, A, DNS_A, ONE }), 0);
	request(&r, 100, &add, 1);
	assert_int_equal(update_parse(r.b, r.w.len, &m), 0);
	assert_true(rewrite_must_wait(world.z, &m));
	world_sync(&world);
	assert_false(rewrite_must_wait(world.z, &m));
	update_msg_free(&m);
	assert_written(A, 100, "", { ADD, A, DNS_A, ONE });
	/* Deleting does not wait. */
	assert_int_equal(update("admin", 0, { ADD, A, DNS_A, TWO }), 0);
	request(&r, 0, &delete, 1);
	assert_int_equal(update_parse(r.b, r.w.len, &m), 0);
	assert_false(rewrite_must_wait(world.z, &m));
	update_msg_free(&m);
}

static void keeps_its_case(void **state)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(DNS_SRV, "0 0 22 My-Mac.a.Example.com", rd);
	const struct rights_who who = key_of(A);
	static struct world_job j;
	struct req r;
	bool blocked;
	size_t i;

	(void)state;
	req_init(&r, world_apex);
	req_add(&r, dn("X.A.example.com"), DNS_SRV, 60, rd, len);
	req_lease(&r, 100, 0, false);
	assert_int_equal(world_begin(&world, &j, &who, r.b, r.w.len, &blocked), 0);
	for (i = 0; i + len <= j.len && memcmp(j.out + i, rd, len); i++)
		;
	assert_true(i + len <= j.len);
	world_end(&world, &j, REWRITE_DONE);
	assert_non_null(lease_at("x.a.example.com", DNS_SRV, "0 0 22 my-mac.a.example.com", A));
}

static void key_lease(void **state)
{
	const struct rights_who who = key_of(A);
	uint8_t rd[RDATA_TEXT_MAX];
	int long_form;

	(void)state;
	for (long_form = 0; long_form < 2; long_form++) {
		uint16_t len;
		struct req r;

		req_init(&r, world_apex);
		len = rdata(DNS_KEY, "key", rd);
		req_add(&r, dn(A), DNS_KEY, 60, rd, len);
		len = rdata(DNS_A, ONE, rd);
		req_add(&r, dn(A), DNS_A, 60, rd, len);
		req_lease(&r, 100, 5000, long_form);
		assert_int_equal(world_update(&world, &who, r.b, r.w.len), 0);
		assert_int_equal(lease_at(A, DNS_A, ONE, A)->granted, 100);
		assert_int_equal(lease_at(A, DNS_KEY, "key", A)->granted, long_form ? 5000 : 100);
	}
}

/* --- deleting ------------------------------------------------------------------------- */

static void only_ones_own(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, service, DNS_PTR, A }), 0);
	assert_int_equal(update(B, 100, { ADD, service, DNS_PTR, B }), 0);
	assert_int_equal(update(A, 0, { DELETE_NAME, service, DNS_ANY, "" }), 0);
	assert_false(at_primary(service, DNS_PTR, A));
	assert_true(at_primary(service, DNS_PTR, B));
	assert_int_equal(update(A, 0, { DELETE, service, DNS_PTR, B }), 0);
	assert_true(at_primary(service, DNS_PTR, B));
	assert_int_equal(update(B, 0, { DELETE_SET, service, DNS_PTR, "" }), 0);
	assert_int_equal(primary_count(world.primary, dn(service), DNS_ANY), 0);
	assert_int_equal(leases_count(world.l), 0);
}

/* The record goes with the last who holds it. */
static void shared(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, services, DNS_PTR, service }), 0);
	assert_int_equal(update(B, 50, { ADD, services, DNS_PTR, service }), 0);
	assert_int_equal(update(A, 0, { DELETE_NAME, services, DNS_ANY, "" }), 0);
	assert_true(at_primary(services, DNS_PTR, service));
	assert_false(marked(world.primary, services, DNS_PTR, service, A));
	assert_int_equal(update(A, 100, { ADD, services, DNS_PTR, service }), 0);
	world_sync(&world);
	later(60);
	/* The other's is over; then it goes, and what is left of the other's, too. */
	assert_int_equal(update(A, 0, { DELETE_NAME, services, DNS_ANY, "" }), 0);
	assert_int_equal(primary_count(world.primary, dn(services), DNS_ANY), 0);
	assert_int_equal(leases_count(world.l), 0);
}

static void accounts_delete_all(void **state)
{
	(void)state;
	zadd(world.primary, "www.example.com", DNS_A, 60, ONE);
	assert_int_equal(update(A, 100, { ADD, services, DNS_PTR, service },
				{ ADD, service, DNS_PTR, A }), 0);
	assert_int_equal(update(ACCOUNT, 100, { ADD, services, DNS_PTR, service },
				{ ADD, service, DNS_PTR, B }), 0);
	world_sync(&world);
	/* Of one record, its own lease first. */
	assert_int_equal(update(ACCOUNT, 0, { DELETE, services, DNS_PTR, service }), 0);
	assert_true(at_primary(services, DNS_PTR, service));
	assert_int_equal(update(ACCOUNT, 0, { DELETE, services, DNS_PTR, service }), 0);
	assert_false(at_primary(services, DNS_PTR, service));
	assert_int_equal(primary_count(world.primary, dn(services), DNS_LEASED), 0);
	assert_int_equal(update(ACCOUNT, 0, { DELETE_SET, service, DNS_PTR, "" },
				{ DELETE_NAME, "www.example.com", DNS_ANY, "" }), 0);
	assert_int_equal(primary_count(world.primary, dn(service), DNS_ANY), 0);
	assert_false(at_primary("www.example.com", DNS_A, ONE));
	assert_int_equal(leases_count(world.l), 0);
	world_sync(&world);
	assert_int_equal(leases_count(world.l), 0);
}

static void add_then_delete(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { DELETE, A, DNS_A, ONE },
				{ ADD, A, DNS_A, TWO }, { DELETE_SET, A, DNS_A, "" },
				{ ADD, A, DNS_TXT, "x" }), 0);
	assert_int_equal(leases_count(world.l), 1);
	assert_int_equal(primary_count(world.primary, dn(A), DNS_A), 0);
	assert_int_equal(primary_count(world.primary, dn(A), DNS_LEASED), 1);
	assert_true(at_primary(A, DNS_TXT, "x"));
}

/* --- names of who comes first ------------------------------------------------------------ */

static void another_holds_it(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, TUNNEL, DNS_A, ONE }), 0);
	assert_int_equal(update(B, 100, { ADD, TUNNEL, DNS_A, ONE }), DNS_REFUSED);
	assert_int_equal(update(B, 100, { ADD, TUNNEL, DNS_A, TWO }), DNS_REFUSED);
	assert_int_equal(update(B, 0, { DELETE_NAME, TUNNEL, DNS_ANY, "" }), DNS_REFUSED);
	assert_true(at_primary(TUNNEL, DNS_A, ONE));
	world_sync(&world);
	later(100);
	/* Over, though still there: it goes to the next, in one message. */
	assert_int_equal(update(B, 100, { ADD, TUNNEL, DNS_A, TWO }), 0);
	assert_false(at_primary(TUNNEL, DNS_A, ONE));
	assert_false(marked(world.primary, TUNNEL, DNS_A, ONE, A));
	assert_true(marked(world.primary, TUNNEL, DNS_A, TWO, B));
	assert_int_equal(leases_count(world.l), 1);
	assert_int_equal(update(A, 100, { ADD, TUNNEL, DNS_A, ONE }), DNS_REFUSED);
}

/* The same record: it changes hands, and is shown again. */
static void same_record_taken_over(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, TUNNEL, DNS_A, ONE }), 0);
	world_sync(&world);
	later(100);
	assert_false(visible(TUNNEL, DNS_A, ONE));
	assert_int_equal(update(B, 100, { ADD, TUNNEL, DNS_A, ONE }), 0);
	assert_true(visible(TUNNEL, DNS_A, ONE));
	assert_false(marked(world.primary, TUNNEL, DNS_A, ONE, A));
	world_sync(&world);
	assert_true(visible(TUNNEL, DNS_A, ONE));
}

/* Two at once: the second waits, as it must be looked at when the first is done. */
static void race(void **state)
{
	const struct rights_who a = key_of(A), b = key_of(B);
	const struct op op = { ADD, TUNNEL, DNS_A, ONE }, ptr = { ADD, service, DNS_PTR, A };
	const struct op other = { ADD, service, DNS_PTR, B };
	static struct world_job one, two;
	struct req r;
	bool blocked;

	(void)state;
	request(&r, 100, &op, 1);
	assert_int_equal(world_begin(&world, &one, &a, r.b, r.w.len, &blocked), 0);
	assert_int_equal(world_begin(&world, &two, &b, r.b, r.w.len, &blocked), DNS_REFUSED);
	assert_true(blocked);
	world_end(&world, &one, REWRITE_DONE);
	assert_int_equal(world_begin(&world, &two, &b, r.b, r.w.len, &blocked), DNS_REFUSED);
	assert_false(blocked);
	assert_string_equal(two.why, "another holds that name");

	/* Where many have something, nobody waits for another. */
	request(&r, 100, &ptr, 1);
	assert_int_equal(world_begin(&world, &one, &a, r.b, r.w.len, &blocked), 0);
	request(&r, 100, &other, 1);
	assert_int_equal(world_begin(&world, &two, &b, r.b, r.w.len, &blocked), 0);
	assert_int_equal(primary_update(&world, two.out, two.len), 0);
	world_end(&world, &two, REWRITE_DONE);
	assert_int_equal(primary_update(&world, one.out, one.len), 0);
	world_end(&world, &one, REWRITE_DONE);
	assert_true(at_primary(service, DNS_PTR, A) && at_primary(service, DNS_PTR, B));
	assert_int_equal(leases_count(world.l), 3);
}

static void service_of_another(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, MAC, DNS_SRV, "0 0 22 a.example.com" },
				{ ADD, service, DNS_PTR, MAC }), 0);
	assert_int_equal(update(B, 100, { ADD, service, DNS_PTR, MAC }), DNS_REFUSED);
	assert_int_equal(update(A, 100, { ADD, service, DNS_PTR, MAC }), 0);
}

/* --- hosts ------------------------------------------------------------------------------ */

static void removed(void **state)
{
	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }, { ADD, TUNNEL, DNS_A, ONE },
				{ ADD, services, DNS_PTR, service }), 0);
	assert_int_equal(update(B, 100, { ADD, B, DNS_A, ONE },
				{ ADD, services, DNS_PTR, service }), 0);
	world_sync(&world);
	assert_int_equal(update(ACCOUNT, 0, { DELETE_SET, A, DNS_ENROLLED, "" }), 0);
	assert_int_equal(primary_count(world.primary, dn(A), DNS_ANY), 0);
	assert_int_equal(primary_count(world.primary, dn(TUNNEL), DNS_ANY), 0);
	assert_true(at_primary(services, DNS_PTR, service));
	assert_true(at_primary(B, DNS_A, ONE));
	assert_int_equal(leases_count(world.l), 2);
	world_sync(&world);
	assert_int_equal(leases_count(world.l), 2);
}

/* More than one message takes: the rest ends, and expires. */
static void removed_with_much(void **state)
{
	char name[32];
	int i, n = 600;

	(void)state;
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n%d." A, i);
		assert_int_equal(update(A, 100, { ADD, name, DNS_A, ONE }), 0);
	}
	world_sync(&world);
	assert_int_equal(update(ACCOUNT, 0, { DELETE_NAME, A, DNS_ANY, "" }), 0);
	assert_true(leases_count(world.l) > 0 && leases_count(world.l) < (size_t)n);
	later(0);
	assert_int_equal(lease_zone_expired(world.z), leases_count(world.l));
	while (lease_zone_due(world.z)) {
		world_sync(&world);
		world_expire(&world, DNS_MAX, true, true);
	}
	assert_int_equal(zone_names(world.primary), 2);
}

static void enrolled_again(void **state)
{
	static const uint8_t after[18] = { 1, 1, 7 };
	const struct rights_who who = key_of(ACCOUNT);
	struct req r;

	(void)state;
	assert_int_equal(update(A, 100, { ADD, A, DNS_A, ONE }), 0);
	world_sync(&world);
	/* Another generation of its key takes the place of the one before. */
	req_init(&r, world_apex);
	req_add(&r, dn(A), DNS_ENROLLED, 300, after, sizeof(after));
	assert_int_equal(world_update(&world, &who, r.b, r.w.len), 0);
	assert_int_equal(primary_count(world.primary, dn(A), DNS_ENROLLED), 1);
	assert_true(zone_has(world.primary, dn(A), DNS_ENROLLED, after, sizeof(after), NULL));
	assert_false(marked(world.primary, A, DNS_ENROLLED, "x", ACCOUNT));
	world_sync(&world);
	assert_true(visible(A, DNS_A, ONE));
	/* Removed and enrolled in one message: it stays. */
	req_init(&r, world_apex);
	req_delete_set(&r, dn(A), DNS_ENROLLED);
	req_add(&r, dn(A), DNS_ENROLLED, 300, after, sizeof(after));
	assert_int_equal(world_update(&world, &who, r.b, r.w.len), 0);
	world_sync(&world);
	assert_true(visible(A, DNS_A, ONE));
}

/* --- conditions and limits ---------------------------------------------------------------- */

static void conditions_go_along(void **state)
{
	const struct rights_who who = key_of(A);
	struct req r;

	(void)state;
	req_init(&r, world_apex);
	req_prereq(&r, dn(A), DNS_A, DNS_CLASS_ANY, NULL, 0);
	req_add(&r, dn(A), DNS_A, 60, (const uint8_t *)"\300\0\2\1", 4);
	req_lease(&r, 100, 0, false);
	assert_int_equal(world_update(&world, &who, r.b, r.w.len), DNS_NXRRSET);
	assert_int_equal(leases_count(world.l), 0);
	assert_false(at_primary(A, DNS_A, ONE));
	/* Nothing but a condition: the primary says whether it holds. */
	req_init(&r, world_apex);
	req_prereq(&r, dn(B), DNS_ANY, DNS_CLASS_ANY, NULL, 0);
	req_prereq(&r, dn("c.example.com"), DNS_ANY, DNS_NONE, NULL, 0);
	req_prereq(&r, dn(B), DNS_A, DNS_NONE, NULL, 0);
	req_prereq(&r, dn(A), DNS_A, DNS_IN, (const uint8_t *)"\300\0\2\1", 4);
	assert_int_equal(world_update(&world, &who, r.b, r.w.len), DNS_NXRRSET);
	zadd(world.primary, A, DNS_A, 60, ONE);
	assert_int_equal(world_update(&world, &who, r.b, r.w.len), 0);
}

static void no_room(void **state)
{
	const struct rights_who who = key_of(A);
	const struct op op = { ADD, A, DNS_A, ONE };
	static struct world_job j;
	struct req r;
	uint8_t small[64];
	bool blocked;

	(void)state;
	request(&r, 100, &op, 1);
	assert_int_equal(world_begin(&world, &j, &who, r.b, r.w.len, &blocked), 0);
	assert_int_equal(rewrite_write(&j.r, true, small, sizeof(small)), -ENOSPC);
	world_end(&world, &j, REWRITE_NOT_DONE);
}

/* As many records as a request may have, all of one name, deleted and added over and
 * over: done in no time.
 */
static void as_much_as_may_be(void **state)
{
	const struct rights_who who = key_of(A);
	static uint8_t buf[DNS_MAX];
	static struct world_job j;
	struct dns_writer w;
	uint8_t rd[RDATA_TEXT_MAX], option[12];
	const struct lease_option lease = { .lease = 100 };
	bool blocked;
	int i;

	(void)state;
	dns_writer_init(&w, buf, sizeof(buf), 1, DNS_UPDATE << 11);
	dns_put_question(&w, world_apex, DNS_SOA, DNS_IN);
	for (i = 0; i < UPDATE_RECORDS_MAX / 2; i++) {
		char text[16];
		uint16_t len;

		snprintf(text, sizeof(text), "%d", i);
		len = rdata(DNS_TXT, text, rd);
		dns_put_rr(&w, 2, dn(A), DNS_TXT, DNS_IN, 60, rd, len);
		dns_put_rr(&w, 2, dn(A), i % 2 ? DNS_TXT : DNS_ANY, DNS_CLASS_ANY, 0, NULL, 0);
	}
	dns_put_opt(&w, 1232, 0, option, lease_option_write(&lease, option));
	assert_false(w.failed);
	assert_int_equal(world_begin(&world, &j, &who, buf, w.len, &blocked), 0);
	assert_int_equal(j.r.n_effects, UPDATE_RECORDS_MAX / 2);
	world_end(&world, &j, REWRITE_DONE);
	assert_int_equal(leases_count(world.l), 0);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(marker_goes_with_it), CASE(refresh_changes_nothing), CASE(refresh_restores),
		CASE(static_is_left_alone), CASE(waits_for_static), CASE(keeps_its_case),
		CASE(key_lease), CASE(only_ones_own), CASE(shared), CASE(accounts_delete_all),
		CASE(add_then_delete), CASE(another_holds_it), CASE(same_record_taken_over),
		CASE(race), CASE(service_of_another), CASE(removed), CASE(removed_with_much),
		CASE(enrolled_again), CASE(conditions_go_along), CASE(no_room),
		CASE(as_much_as_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
