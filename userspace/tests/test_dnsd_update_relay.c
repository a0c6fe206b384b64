// SPDX-License-Identifier: GPL-2.0-or-later
/* A front-end that does not own a zone passes updates on, as they came, and the
 * owner's answers back, as they came.
 */
#include "test.h"

#include "dnsd_updates.h"

#define OWNER_ANSWER	99	/* octets behind the header, as a signature would be */

struct relay {
	struct updates *u;
	struct update_link *up;
	struct zone *mirror;
	struct update_clock c;
	uint8_t *msgs[QUEUE];
	size_t lens[QUEUE];
	unsigned int n_sent, resets;
	bool down;
	struct {
		unsigned int n;
		bool relayed;
		uint8_t msg[600];
		size_t len;
	} answers[QUEUE];
	unsigned int n_requests;
};

static int relay_send(void *arg, const uint8_t *msg, size_t len)
{
	struct relay *r = arg;

	if (r->down)
		return -ENOTCONN;
	assert_true(r->n_sent < QUEUE);
	r->msgs[r->n_sent] = exact_copy(msg, len);
	r->lens[r->n_sent++] = len;
	return 0;
}

static void relay_reset(void *arg)
{
	((struct relay *)arg)->resets++;
}

static const struct update_link_ops relay_link = { .send = relay_send, .reset = relay_reset };

static void relay_reply(void *arg, void *ticket, uint8_t *msg, size_t len, size_t size,
			bool relayed)
{
	size_t i = (uintptr_t)ticket - 1;
	struct relay *r = arg;

	assert_non_null(msg);
	assert_true(len <= size && len <= sizeof(r->answers[i].msg));
	r->answers[i].n++;
	r->answers[i].relayed = relayed;
	r->answers[i].len = len;
	memcpy(r->answers[i].msg, msg, len);
}

static void relay_poke(void *arg, struct zone *mirror)
{
	(void)arg;
	(void)mirror;
	fail();
}

static const struct update_ops relay_ops = { .reply = relay_reply, .poke = relay_poke };

static int relay_new(void **state)
{
	struct relay *r = calloc(1, sizeof(*r));
	int err;

	assert_non_null(r);
	r->c.now = 5000;
	r->c.wall = 1700000000;
	r->u = updates_new(&relay_ops, r, NULL, NULL, &r->c, &err);
	assert_non_null(r->u);
	r->mirror = zone_new(dn(APEX));
	r->up = update_link_new(r->u, &relay_link, r, NULL);
	/* Without a data base there is no owning. */
	assert_true(update_zone_add(r->u, r->mirror, r->up, true) < 0);
	assert_int_equal(update_zone_add(r->u, r->mirror, r->up, false), 0);
	assert_int_equal(update_fd(r->u), -1);
	*state = r;
	return 0;
}

static int relay_free(void **state)
{
	struct relay *r = *state;

	update_zone_remove(r->u, r->mirror);
	update_link_free(r->up);
	updates_free(r->u);
	zone_free(r->mirror);
	while (r->n_sent)
		free(r->msgs[--r->n_sent]);
	free(r);
	return 0;
}

/* A request of ID @id with something behind that only its sender understands. */
static unsigned int request(struct relay *r, uint16_t id, const char *address)
{
	struct identity host = who(ROLE_HOST, HOST_A);
	struct tsig_mac mac = { .len = 32 };
	struct rq rq;
	struct update_request up = {
		.who = &host, .mac = &mac, .time_signed = r->c.wall, .msg = rq.buf,
		.ticket = (void *)(uintptr_t)(r->n_requests + 1),
	};

	rq_begin(&rq);
	dns_put16(rq.buf, id);
	rq_add(&rq, HOST_A, DNS_AAAA, address);
	rq_lease(&rq, 1800, 0);
	rq_put(&rq, 3, HOST_A, DNS_HINFO, DNS_IN, 0, "like a TSIG");
	up.len = rq.w.len;
	update_request(r->u, &up, &r->c);
	update_turn(r->u, &r->c);
	return r->n_requests++;
}

static void owner_says(struct relay *r, unsigned int i, uint8_t rcode, uint8_t fill)
{
	uint8_t msg[DNS_HEADER + 300 + OWNER_ANSWER], *copy;
	size_t len = dns_error_response(r->msgs[i], r->lens[i], rcode, msg, sizeof(msg));

	memset(msg + len, fill, OWNER_ANSWER);
	len += OWNER_ANSWER;
	copy = exact_copy(msg, len);
	update_link_input(r->up, copy, len, &r->c);
	free(copy);
	update_turn(r->u, &r->c);
}

static void test_there_and_back(void **state)
{
	struct update_stats s;
	struct relay *r = *state;
	unsigned int a = request(r, 7, "2001:db8::1"), b = request(r, 8, "2001:db8::2");

	assert_int_equal(r->n_sent, 2);
	assert_int_equal(dns_id(r->msgs[0]), 7);
	/* The last octets of what came are the last that went. */
	assert_memory_equal(r->msgs[0] + r->lens[0] - 11, "like a TSIG", 11);
	owner_says(r, 1, DNS_NOERROR, 0xb1);
	assert_int_equal(r->answers[a].n, 0);
	assert_int_equal(r->answers[b].n, 1);
	assert_true(r->answers[b].relayed);
	assert_int_equal(dns_id(r->answers[b].msg), 8);
	assert_int_equal(r->answers[b].msg[r->answers[b].len - 1], 0xb1);
	owner_says(r, 0, DNS_REFUSED, 0xa1);
	assert_int_equal(r->answers[a].n, 1);
	assert_int_equal(dns_rcode(r->answers[a].msg), DNS_REFUSED);
	/* Once. */
	owner_says(r, 0, DNS_REFUSED, 0xa1);
	assert_int_equal(r->answers[a].n, 1);
	update_stats(r->u, &s);
	assert_int_equal(s.relayed, 2);
	assert_int_equal(s.waiting, 0);
	assert_true(update_deadline(r->u) == UINT64_MAX);
}

/* IDs belong to clients, and two may have the same: one behind the other. */
static void test_same_id(void **state)
{
	struct relay *r = *state;
	unsigned int a = request(r, 7, "2001:db8::1"), b = request(r, 7, "2001:db8::2");
	unsigned int c = request(r, 9, "2001:db8::3");

	assert_int_equal(r->n_sent, 2);
	assert_int_equal(dns_id(r->msgs[1]), 9);
	owner_says(r, 0, DNS_NOERROR, 1);
	assert_int_equal(r->answers[a].n, 1);
	assert_int_equal(r->n_sent, 3);
	assert_int_equal(dns_id(r->msgs[2]), 7);
	owner_says(r, 2, DNS_NOERROR, 2);
	assert_int_equal(r->answers[b].n, 1);
	assert_int_equal(r->answers[c].n, 0);
}

static void test_owner_is_down(void **state)
{
	struct relay *r = *state;
	unsigned int a, b;

	r->down = true;
	a = request(r, 7, "2001:db8::1");
	assert_int_equal(update_deadline(r->u), r->c.now + 5000);
	r->c.now += 4000;
	update_tick(r->u, &r->c);
	assert_int_equal(r->answers[a].n, 0);
	b = request(r, 8, "2001:db8::2");
	r->c.now += 1000;
	update_tick(r->u, &r->c);
	assert_int_equal(r->answers[a].n, 1);
	assert_false(r->answers[a].relayed);
	assert_int_equal(dns_rcode(r->answers[a].msg), DNS_SERVFAIL);
	r->down = false;
	update_link_up(r->up, &r->c);
	assert_int_equal(r->n_sent, 1);
	owner_says(r, 0, DNS_NOERROR, 1);
	assert_int_equal(r->answers[b].n, 1);
	assert_true(r->answers[b].relayed);

	/* Lost on the way. */
	a = request(r, 9, "2001:db8::1");
	update_link_down(r->up, &r->c);
	assert_int_equal(dns_rcode(r->answers[a].msg), DNS_SERVFAIL);
	assert_int_equal(r->resets, 0);
	r->c.now++;
	a = request(r, 10, "2001:db8::1");
	r->c.now += 5000;
	update_tick(r->u, &r->c);
	assert_int_equal(dns_rcode(r->answers[a].msg), DNS_SERVFAIL);
	assert_int_equal(r->resets, 1);
}

/* What cannot concern the owner is not passed on. */
static void test_not_passed_on(void **state)
{
	struct identity foreign = who(ROLE_HOST, HOST_A);
	struct relay *r = *state;
	struct tsig_mac mac = { .len = 32 };
	struct rq rq;
	struct update_request up = {
		.who = &foreign, .mac = &mac, .msg = rq.buf, .ticket = (void *)(uintptr_t)1,
	};

	rq_begin(&rq);
	rq_add(&rq, HOST_A, DNS_AAAA, "2001:db8::1");
	up.len = rq.w.len;
	memcpy(foreign.zone, dn("bob.example.com"), dname_len(dn("bob.example.com")));
	update_request(r->u, &up, &r->c);
	assert_int_equal(dns_rcode(r->answers[0].msg), DNS_REFUSED);
	assert_int_equal(r->n_sent, 0);
}

static void test_end(void **state)
{
	struct update_zone_stats s;
	struct relay *r = *state;
	unsigned int a = request(r, 7, "2001:db8::1"), b;

	r->down = true;
	b = request(r, 8, "2001:db8::2");
	assert_int_equal(update_zone_stats(r->u, r->mirror, &s), -ENOENT);
	update_zone_remove(r->u, r->mirror);
	assert_int_equal(dns_rcode(r->answers[a].msg), DNS_SERVFAIL);
	assert_int_equal(dns_rcode(r->answers[b].msg), DNS_SERVFAIL);
	assert_int_equal(r->answers[a].n + r->answers[b].n, 2);
}

#define relay_test(fn)	cmocka_unit_test_setup_teardown(fn, relay_new, relay_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		relay_test(test_there_and_back),
		relay_test(test_same_id),
		relay_test(test_owner_is_down),
		relay_test(test_not_passed_on),
		relay_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
