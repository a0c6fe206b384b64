// SPDX-License-Identifier: GPL-2.0-or-later
/* Updates, as a client sees them: granted, refused, one behind the other. */
#include "test.h"

#include "dnsd_updates.h"

static void test_grant(void **state)
{
	struct world *w = *state;
	unsigned int n = send_aaaa(w, HOST_A, "2001:db8::1", 3600);

	/* Not before it is written down, done, and written down. */
	assert_false(answered(w, n));
	assert_int_equal(w->sent, 0);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(w->answers[n].id, 0x4242);
	assert_true(w->answers[n].has_lease);
	assert_int_equal(w->answers[n].lease.lease, 3600);
	assert_false(w->answers[n].lease.long_form);
	assert_int_equal(w->sent, 1);
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::1"));
	assert_int_equal(count_type(w->primary, HOST_A, DNS_LEASED), 1);
	assert_told(&w->told, "+ " HOST_A ". 28 120 16\n");
	assert_int_equal(leases_of(w), 1);
}

static void test_clamp(void **state)
{
	static const struct {
		uint32_t asked, granted;
	} cases[] = { { 1, 1800 }, { 0, 1800 }, { 1801, 1801 }, { 7200, 7200 }, { 86400, 7200 } };
	struct world *w = *state;
	unsigned int i, n;

	for (i = 0; i < N_OF(cases); i++) {
		n = send_aaaa(w, HOST_A, "2001:db8::1", cases[i].asked);
		run(w);
		assert_rcode(w, n, DNS_NOERROR);
		assert_int_equal(w->answers[n].lease.lease, cases[i].granted);
	}
}

static void test_long_form(void **state)
{
	struct world *w = *state;
	struct rq r;
	unsigned int n;

	rq_begin(&r);
	rq_add(&r, HOST_A, DNS_AAAA, "2001:db8::1");
	rq_add(&r, HOST_A, DNS_KEY, "key");
	rq_lease(&r, 100, 1000000);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_true(w->answers[n].lease.long_form);
	assert_int_equal(w->answers[n].lease.lease, 1800);
	assert_int_equal(w->answers[n].lease.key_lease, 604800);

	/* The one ends, the other stays. */
	pass(w, 1800 * 1000);
	assert_false(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));
	assert_true(visible(w, HOST_A, DNS_KEY, "key"));
}

static void test_refresh_changes_nothing(void **state)
{
	struct world *w = *state;
	unsigned int n, i;
	uint32_t serial;

	send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	serial = w->serial;
	w->told = (struct told){ 0 };
	for (i = 0; i < 5; i++) {
		pass(w, 1000 * 1000);
		n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
		run(w);
		assert_rcode(w, n, DNS_NOERROR);
	}
	assert_int_equal(w->serial, serial);
	assert_told(&w->told, "");
	assert_int_equal(leases_of(w), 1);
	assert_true(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));
}

/* RFC 9664 and nsupdate's habit: delete the set, then add it. */
static void test_replace_is_a_refresh(void **state)
{
	struct world *w = *state;
	struct rq r;
	unsigned int n;
	uint32_t serial;

	send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	serial = w->serial;
	w->told = (struct told){ 0 };
	rq_begin(&r);
	rq_del_set(&r, HOST_A, DNS_AAAA);
	rq_add(&r, HOST_A, DNS_AAAA, "2001:db8::1");
	rq_lease(&r, 1800, 0);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(w->serial, serial);
	assert_told(&w->told, "");

	rq_begin(&r);
	rq_del_set(&r, HOST_A, DNS_AAAA);
	rq_add(&r, HOST_A, DNS_AAAA, "2001:db8::2");
	rq_lease(&r, 1800, 0);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::1"));
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::2"));
	assert_int_equal(count_type(w->primary, HOST_A, DNS_LEASED), 1);
	assert_int_equal(leases_of(w), 1);
}

static void test_refresh_brings_back(void **state)
{
	struct world *w = *state;
	unsigned int n;

	send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	/* Somebody deleted it straight at the primary. */
	assert_int_equal(zremove(w->primary, HOST_A, DNS_AAAA, "2001:db8::1"), 0);
	n = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::1"));
	assert_true(visible(w, HOST_A, DNS_AAAA, "2001:db8::1"));
}

static void test_prerequisites(void **state)
{
	struct world *w = *state;
	struct rq r;
	unsigned int n;

	rq_begin(&r);
	rq_put(&r, 1, HOST_A, DNS_AAAA, DNS_CLASS_ANY, 0, NULL);
	rq_add(&r, HOST_A, DNS_A, "192.0.2.1");
	rq_lease(&r, 1800, 0);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_rcode(w, n, DNS_NXRRSET);
	assert_true(w->answers[n].has_opt);
	assert_false(w->answers[n].has_lease);
	assert_int_equal(leases_of(w), 0);
	assert_false(zhas(w->primary, HOST_A, DNS_A, "192.0.2.1"));

	send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_true(zhas(w->primary, HOST_A, DNS_A, "192.0.2.1"));

	/* Of a condition alone the primary is asked, too. */
	rq_begin(&r);
	rq_put(&r, 1, HOST_A, DNS_ANY, DNS_NONE, 0, NULL);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_rcode(w, n, DNS_YXDOMAIN);
}

static void test_rights(void **state)
{
	struct world *w = *state;
	unsigned int n, sent;
	struct rq r;

	send_aaaa(w, HOST_B, "2001:db8::b", 1800);
	run(w);
	sent = w->sent;

	/* Another's name. */
	rq_begin(&r);
	rq_add(&r, HOST_B, DNS_AAAA, "2001:db8::1");
	rq_lease(&r, 1800, 0);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	assert_rcode(w, n, DNS_REFUSED);
	assert_true(w->answers[n].has_opt);
	assert_false(w->answers[n].has_lease);
	assert_int_equal(w->logs, 1);
	assert_non_null(strstr(w->log, HOST_A));

	/* Without a lease only an administrator. */
	rq_begin(&r);
	rq_add(&r, HOST_A, DNS_AAAA, "2001:db8::1");
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	assert_rcode(w, n, DNS_REFUSED);
	assert_false(w->answers[n].has_opt);
	n = rq_send(w, &r, who(ROLE_ACCOUNT, "_account." APEX));
	assert_rcode(w, n, DNS_REFUSED);
	assert_int_equal(w->sent, sent);
	n = rq_send(w, &r, who(ROLE_ADMIN, "admin"));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(count_type(w->primary, HOST_A, DNS_LEASED), 0);

	/* A host that is not enrolled (any more). */
	n = send_aaaa(w, "gone." APEX, "2001:db8::1", 1800);
	assert_rcode(w, n, DNS_REFUSED);
	run(w);
	assert_int_equal(w->sent, sent + 1);
}

static void test_other_accounts(void **state)
{
	struct identity foreign = who(ROLE_HOST, HOST_A), nobody = who(ROLE_NONE, HOST_A);
	struct world *w = *state;
	unsigned int n;
	struct rq r;

	rq_begin(&r);
	rq_add(&r, HOST_A, DNS_AAAA, "2001:db8::1");
	rq_lease(&r, 1800, 0);
	memcpy(foreign.zone, dn("bob.example.com"), dname_len(dn("bob.example.com")));
	n = rq_send(w, &r, foreign);
	assert_rcode(w, n, DNS_REFUSED);
	foreign.role = ROLE_ACCOUNT;
	n = rq_send(w, &r, foreign);
	assert_rcode(w, n, DNS_REFUSED);
	n = rq_send(w, &r, nobody);
	assert_rcode(w, n, DNS_REFUSED);

	/* A zone that is not here. */
	dns_writer_init(&r.w, r.buf, sizeof(r.buf), 1, DNS_UPDATE << 11);
	dns_put_question(&r.w, dn("bob.example.com"), DNS_SOA, DNS_IN);
	n = rq_send(w, &r, foreign);
	assert_rcode(w, n, DNS_NOTAUTH);
	run(w);
	assert_int_equal(w->sent, 0);
}

static void test_malformed(void **state)
{
	struct world *w = *state;
	unsigned int n;
	struct rq r;

	rq_begin(&r);
	rq_add(&r, HOST_A, DNS_AAAA, "2001:db8::1");
	rq_lease(&r, 1800, 0);
	r.w.len--;
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	assert_rcode(w, n, DNS_FORMERR);
	rq_begin(&r);
	rq_add(&r, "www.example.com", DNS_AAAA, "2001:db8::1");
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	assert_rcode(w, n, DNS_NOTZONE);
	assert_int_equal(w->u->n_requests, 0);
}

/* A host deletes what it does not hold: it has nothing there, and that is no error. */
static void test_nothing_to_do(void **state)
{
	struct world *w = *state;
	unsigned int n;
	struct rq r;

	rq_begin(&r);
	rq_del(&r, HOST_A, DNS_AAAA, "2001:db8::1");
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	assert_rcode(w, n, DNS_NOERROR);
	run(w);
	assert_int_equal(w->sent, 0);

	/* What is static stays, and is not leased. */
	assert_int_equal(zadd(w->primary, HOST_A, DNS_A, 60, "192.0.2.9"), 0);
	sync_now(w);
	rq_del_set(&r, HOST_A, DNS_A);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_true(zhas(w->primary, HOST_A, DNS_A, "192.0.2.9"));
	rq_begin(&r);
	rq_add(&r, HOST_A, DNS_A, "192.0.2.9");
	rq_lease(&r, 1800, 0);
	n = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
	assert_int_equal(leases_of(w), 0);
	assert_int_equal(count_type(w->primary, HOST_A, DNS_LEASED), 0);
}

#define TUNNEL	"autotunnel-1." APEX

/* Two hosts want the same name at once: one gets it. */
static void test_names_one_at_a_time(void **state)
{
	struct world *w = *state;
	unsigned int a, b;
	struct rq r;

	w->mode = PRIMARY_HOLDS;
	rq_begin(&r);
	rq_add(&r, TUNNEL, DNS_AAAA, "2001:db8::a");
	rq_lease(&r, 1800, 0);
	a = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	rq_begin(&r);
	rq_add(&r, TUNNEL, DNS_AAAA, "2001:db8::b");
	rq_lease(&r, 1800, 0);
	b = rq_send(w, &r, who(ROLE_HOST, HOST_B));
	run(w);
	assert_int_equal(w->sent, 1);
	assert_false(answered(w, b));

	w->mode = PRIMARY_WORKS;
	run(w);
	assert_rcode(w, a, DNS_NOERROR);
	assert_rcode(w, b, DNS_REFUSED);
	assert_int_equal(w->sent, 1);
}

/* Adds go side by side; what deletes waits for them, and what adds behind it for that. */
static void test_order_at_a_name(void **state)
{
	struct world *w = *state;
	unsigned int n[4], i;
	struct rq r;

	w->mode = PRIMARY_HOLDS;
	n[0] = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	n[1] = send_aaaa(w, HOST_A, "2001:db8::2", 1800);
	rq_begin(&r);
	rq_del_set(&r, HOST_A, DNS_AAAA);
	n[2] = rq_send(w, &r, who(ROLE_HOST, HOST_A));
	n[3] = send_aaaa(w, HOST_A, "2001:db8::3", 1800);
	run(w);
	assert_int_equal(w->sent, 2);

	w->mode = PRIMARY_WORKS;
	run(w);
	for (i = 0; i < 4; i++)
		assert_rcode(w, n[i], DNS_NOERROR);
	assert_int_equal(w->sent, 4);
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::1"));
	assert_false(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::2"));
	assert_true(zhas(w->primary, HOST_A, DNS_AAAA, "2001:db8::3"));
	assert_int_equal(leases_of(w), 1);
}

/* Many at a time: sent as far as the limit goes, written down together. */
static void test_many_outstanding(void **state)
{
	struct world *w = *state;
	struct update_stats s;
	unsigned int i;
	char address[64];
	struct rq r;

	w->mode = PRIMARY_HOLDS;
	w->u->limits.outstanding = 16;
	for (i = 0; i < 40; i++) {
		snprintf(address, sizeof(address), "2001:db8::1:%x", i);
		rq_begin(&r);
		/* So each goes alone. */
		rq_put(&r, 1, HOST_A, DNS_TXT, DNS_NONE, 0, NULL);
		rq_add(&r, HOST_A, DNS_AAAA, address);
		rq_lease(&r, 1800, 0);
		rq_send(w, &r, who(ROLE_HOST, HOST_A));
	}
	run(w);
	assert_int_equal(w->n_queue, 16);
	update_stats(w->u, &s);
	assert_int_equal(s.commits, 1);
	assert_int_equal(s.waiting, 40);

	w->mode = PRIMARY_WORKS;
	run(w);
	for (i = 0; i < 40; i++)
		assert_rcode(w, i, DNS_NOERROR);
	update_stats(w->u, &s);
	assert_int_equal(s.done, 40);
	assert_int_equal(s.waiting, 0);
	assert_true(s.commits <= 8);
	assert_int_equal(s.leases, 40);
}

static void test_too_many_waiting(void **state)
{
	struct world *w = *state;
	unsigned int n, i;

	w->mode = PRIMARY_HOLDS;
	w->u->limits.waiting = 3;
	for (i = 0; i < 3; i++)
		send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	n = send_aaaa(w, HOST_B, "2001:db8::2", 1800);
	assert_rcode(w, n, DNS_SERVFAIL);
	w->mode = PRIMARY_WORKS;
	run(w);
	for (i = 0; i < 3; i++)
		assert_rcode(w, i, DNS_NOERROR);
	n = send_aaaa(w, HOST_B, "2001:db8::2", 1800);
	run(w);
	assert_rcode(w, n, DNS_NOERROR);
}

static void test_in_thread(void **state)
{
	struct world *w = *state;
	unsigned int i, n;
	char address[64];

	use_thread(w);
	for (i = 0; i < 300; i++) {
		snprintf(address, sizeof(address), "2001:db8::1:%x", i % 7);
		n = send_aaaa(w, i & 1 ? HOST_A : HOST_B, address, 1800 + i);
		run(w);
		assert_rcode(w, n, DNS_NOERROR);
	}
	assert_int_equal(leases_of(w), 14);
	crash(w);
	sync_now(w);
	assert_int_equal(leases_of(w), 14);
}

static void test_remove_zone(void **state)
{
	struct world *w = *state;
	unsigned int n[5];

	w->mode = PRIMARY_HOLDS;
	n[0] = send_aaaa(w, HOST_A, "2001:db8::1", 1800);	/* sent */
	run(w);
	n[1] = send_aaaa(w, HOST_B, "2001:db8::2", 1800);	/* to be written down */
	w->mode = PRIMARY_DOWN;
	run(w);
	n[2] = send_aaaa(w, HOST_B, "2001:db8::3", 1800);	/* to be written down */
	update_zone_remove(w->u, w->mirror);
	assert_rcode(w, n[0], DNS_SERVFAIL);
	assert_rcode(w, n[1], DNS_SERVFAIL);
	assert_rcode(w, n[2], DNS_SERVFAIL);
	assert_int_equal(w->u->n_requests, 0);
	n[3] = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	assert_rcode(w, n[3], DNS_NOTAUTH);

	w->mode = PRIMARY_WORKS;
	primary_lose_queue(w);
	assert_int_equal(update_zone_add(w->u, w->mirror, w->up, true), 0);
	assert_int_equal(update_zone_add(w->u, w->mirror, w->up, true), -EEXIST);
	sync_now(w);
	n[4] = send_aaaa(w, HOST_A, "2001:db8::1", 1800);
	run(w);
	assert_rcode(w, n[4], DNS_NOERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_grant),
		world_test(test_clamp),
		world_test(test_long_form),
		world_test(test_refresh_changes_nothing),
		world_test(test_replace_is_a_refresh),
		world_test(test_refresh_brings_back),
		world_test(test_prerequisites),
		world_test(test_rights),
		world_test(test_other_accounts),
		world_test(test_malformed),
		world_test(test_nothing_to_do),
		world_test(test_names_one_at_a_time),
		world_test(test_order_at_a_name),
		world_test(test_many_outstanding),
		world_test(test_too_many_waiting),
		world_test(test_in_thread),
		world_test(test_remove_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
