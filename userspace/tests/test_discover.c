// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/dns/message.h"
#include "../lib/dns/srv.h"
#include "../lib/llq/discover.h"

static const uint8_t host[] = "\1x\4host\5alice\7example\3com";
static const uint8_t alice[] = "\5alice\7example\3com";
static const uint8_t example[] = "\7example\3com";
static const uint8_t ns1[] = "\3ns1\7example\3com";
static const uint8_t ns2[] = "\3ns2\7example\3com";
static const uint8_t seed[DRAW_SEED] = "seed";

/* Who asks, the time, and what was last asked. */
static struct world {
	struct discover *d;
	uint64_t now;
	uint8_t out[DNS_UDP_MAX], msg[DNS_UDP_MAX];
	struct dns_question q;
	uint16_t id;
	struct dns_writer a;		/* the answer that is being made */
} w;

static void start(const uint8_t *name, bool is_zone)
{
	memset(&w, 0, sizeof(w));
	w.now = 1000;
	w.d = discover_new(name, is_zone, seed, w.now);
	assert_non_null(w.d);
}

static void stop(void)
{
	discover_free(w.d);
}

static bool asks(void)
{
	struct dns_walk walk;
	size_t len = discover_output(w.d, w.now, w.out, sizeof(w.out));

	if (!len)
		return false;
	assert_int_equal(dns_flags(w.out), DNS_RD);
	assert_int_equal(dns_walk_init(&walk, w.out, len), 0);
	assert_int_equal(dns_walk_question(&walk, &w.q), 1);
	assert_int_equal(w.q.class_, DNS_IN);
	w.id = dns_id(w.out);
	return true;
}

static void asks_for(const uint8_t *name, uint16_t type)
{
	assert_true(discover_deadline(w.d) <= w.now);
	assert_true(asks());
	assert_int_equal(w.q.type, type);
	assert_true(dname_equal(w.q.name, name));
}

/* An answer to what was last asked; records are put between the two. */
static void begin(unsigned int rcode)
{
	dns_writer_init(&w.a, w.msg, sizeof(w.msg), w.id,
			(uint16_t)(DNS_QR | DNS_RD | DNS_RA | rcode));
	dns_put_question(&w.a, w.q.name, w.q.type, DNS_IN);
}

static bool end(void)
{
	uint8_t *exact = exact_copy(w.msg, w.a.len);
	bool was = discover_input(w.d, exact, w.a.len);

	assert_false(w.a.failed);
	free(exact);
	return was;
}

static void put_soa(int section, const uint8_t *owner)
{
	static const uint8_t soa[] = "\2ns\0\5admin\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0";

	dns_put_rr(&w.a, section, owner, DNS_SOA, DNS_IN, 600, soa, sizeof(soa));
}

static void put_srv(const uint8_t *target, uint16_t priority, uint16_t weight, uint16_t port)
{
	uint8_t rdata[6 + DNAME_MAX];
	size_t len = dname_len(target);

	dns_put16(rdata, priority);
	dns_put16(rdata + 2, weight);
	dns_put16(rdata + 4, port);
	memcpy(rdata + 6, target, len);
	dns_put_rr(&w.a, 1, w.q.name, DNS_SRV, DNS_IN, 300, rdata, 6 + len);
}

static void put_ip(const uint8_t *owner, uint8_t last)
{
	uint8_t ip[16] = { 192, 0, 2, last };

	if (w.q.type == DNS_AAAA)
		memcpy(ip, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0", 15);
	ip[15] = last;
	dns_put_rr(&w.a, 1, owner, w.q.type, DNS_IN, 120, ip, w.q.type == DNS_A ? 4 : 16);
}

static bool is_service(enum discover_service s)
{
	uint8_t name[DNAME_MAX], text[DNAME_TEXT_MAX];

	snprintf((char *)text, sizeof(text), "%s.alice.example.com", discover_service_name(s));
	assert_null(dname_from_text((char *)text, name));
	return w.q.type == DNS_SRV && dname_equal(w.q.name, name);
}

/* The zone by its SOA: of the name itself, of what is above it, or label by label */
static void walk(void **state)
{
	(void)state;
	start(alice, false);
	asks_for(alice, DNS_SOA);
	assert_false(asks());
	assert_null(discover_zone(w.d));
	begin(0);
	put_soa(1, alice);
	assert_true(end());
	assert_true(dname_equal(discover_zone(w.d), alice));
	/* The answer again */
	assert_false(end());
	stop();

	start(host, false);
	asks_for(host, DNS_SOA);
	begin(DNS_NXDOMAIN);
	put_soa(2, alice);
	assert_true(end());
	assert_true(dname_equal(discover_zone(w.d), alice));
	stop();

	/* A zone that hides its names; a CNAME into another; a resolver that cuts */
	start(host, false);
	asks_for(host, DNS_SOA);
	begin(DNS_SERVFAIL);
	assert_true(end());
	asks_for(host + 2, DNS_SOA);
	begin(0);
	put_soa(2, (const uint8_t *)"\7example\3net");
	put_soa(2, (const uint8_t *)"");
	/* Of another class, or beside the point */
	dns_put_rr(&w.a, 2, alice, DNS_SOA, 3, 600, (const uint8_t *)"", 0);
	put_soa(3, alice);
	assert_true(end());
	asks_for(alice, DNS_SOA);
	begin(0);
	assert_true(end());
	asks_for(example, DNS_SOA);
	assert_int_equal(discover_state(w.d), DISCOVER_ASKING);
	begin(DNS_NXDOMAIN);
	assert_true(end());
	assert_int_equal(discover_state(w.d), DISCOVER_FAILED);
	assert_int_equal(discover_error(w.d), -ENOENT);
	assert_true(discover_deadline(w.d) == UINT64_MAX);
	assert_false(asks());
	stop();
}

/* Three tries, 1, 2 and 4 s */
static void silence(void **state)
{
	(void)state;
	start(alice, false);
	assert_true(asks());
	assert_true(discover_deadline(w.d) == 2000);
	w.now = 2000;
	assert_true(asks());
	w.now = 4000;
	assert_true(asks());
	w.now = 7999;
	assert_false(asks());
	w.now = 8000;
	assert_false(asks());
	assert_int_equal(discover_state(w.d), DISCOVER_FAILED);
	assert_int_equal(discover_error(w.d), -ETIMEDOUT);
	assert_null(discover_zone(w.d));
	stop();

	/* Services that nobody answers for are not there, for now. */
	start(alice, true);
	while (discover_state(w.d) == DISCOVER_ASKING) {
		while (asks())
			;
		if (discover_deadline(w.d) != UINT64_MAX)
			w.now = discover_deadline(w.d);
	}
	assert_int_equal(discover_state(w.d), DISCOVER_DONE);
	assert_true(w.now == 8000);
	assert_int_equal(discover_ttl(w.d), 60);
	stop();
}

static void services(void **state)
{
	const struct discover_server *s;
	bool seen[DISCOVER_SERVICES] = { false };
	unsigned int i, addresses = 0;
	size_t n;
	int which;

	(void)state;
	start(alice, true);
	assert_true(dname_equal(discover_zone(w.d), alice));
	for (i = 0; i < DISCOVER_SERVICES; i++) {
		assert_true(asks());
		for (which = 0; !is_service((enum discover_service)which);)
			assert_true(++which < DISCOVER_SERVICES);
		assert_false(seen[which]);
		seen[which] = true;
		begin(which == DISCOVER_UPDATE ? DNS_NXDOMAIN : 0);
		if (which == DISCOVER_LLQ) {
			put_srv(ns2, 20, 0, 5352);
			put_srv(ns1, 10, 0, 5352);
		} else if (which == DISCOVER_PUSH_TLS) {
			put_srv(ns1, 0, 0, 853);
		} else if (which == DISCOVER_LLQ_TLS) {
			/* Decidedly not; and with a port that is none */
			put_srv((const uint8_t *)"", 0, 0, 0);
			put_srv(ns2, 0, 0, 0);
		}
		assert_true(end());
	}
	/* Two targets, each asked for its addresses once */
	assert_false(discover_known(w.d, DISCOVER_LLQ));
	assert_false(discover_known(w.d, DISCOVER_PUSH_TLS));
	assert_true(discover_known(w.d, DISCOVER_UPDATE));
	assert_true(discover_known(w.d, DISCOVER_LLQ_TLS));
	while (asks()) {
		bool first = dname_equal(w.q.name, ns1);

		assert_true(first || dname_equal(w.q.name, ns2));
		begin(0);
		if (first)
			put_ip(ns1, 1);
		put_ip(example, 9);
		assert_true(end());
		addresses++;
	}
	assert_int_equal(addresses, 4);
	assert_int_equal(discover_state(w.d), DISCOVER_DONE);
	assert_int_equal(discover_ttl(w.d), 120);

	s = discover_servers(w.d, DISCOVER_LLQ, &n);
	assert_int_equal(n, 2);
	assert_true(dname_equal(s[0].target, ns1));
	assert_int_equal(s[0].port, 5352);
	assert_int_equal(s[0].n_addresses, 2);
	assert_int_equal(s[0].addresses[0][15], 1);
	assert_true(dname_equal(s[1].target, ns2));
	assert_int_equal(s[1].n_addresses, 0);
	s = discover_servers(w.d, DISCOVER_PUSH_TLS, &n);
	assert_int_equal(n, 1);
	assert_int_equal(s->port, 853);
	assert_int_equal(s->n_addresses, 2);
	for (i = 0; i < 2; i++) {
		bool ipv4 = s->addresses[i][10] == 0xff;

		assert_memory_equal(s->addresses[i], ipv4 ?
				    "\0\0\0\0\0\0\0\0\0\0\xff\xff\300\0\2\1" :
				    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	}
	discover_servers(w.d, DISCOVER_UPDATE, &n);
	assert_int_equal(n, 0);
	discover_servers(w.d, DISCOVER_LLQ_TLS, &n);
	assert_int_equal(n, 0);
	stop();
}

/* One target for two services: what is known of it when the second one comes counts. */
static void late_service(void **state)
{
	const struct discover_server *s;
	struct dns_question held = { 0 };
	uint16_t held_id = 0;
	size_t n;

	(void)state;
	start(alice, true);
	while (asks()) {
		begin(0);
		if (is_service(DISCOVER_LLQ)) {
			held = w.q;
			held_id = w.id;
			continue;
		}
		if (is_service(DISCOVER_PUSH_TLS))
			put_srv(ns1, 0, 0, 853);
		else if (w.q.type == DNS_A)
			put_ip(ns1, 7);
		assert_true(end());
	}
	assert_true(discover_known(w.d, DISCOVER_PUSH_TLS));
	assert_false(discover_known(w.d, DISCOVER_LLQ));
	w.q = held;
	w.id = held_id;
	begin(0);
	put_srv(ns1, 0, 0, 53);
	assert_true(end());
	assert_int_equal(discover_state(w.d), DISCOVER_DONE);
	s = discover_servers(w.d, DISCOVER_LLQ, &n);
	assert_int_equal(n, 1);
	assert_int_equal(s->n_addresses, 1);
	assert_int_equal(s->addresses[0][15], 7);
	stop();
}

/* CNAMEs, in any order, even in a circle; too many of everything */
static void odd_answers(void **state)
{
	static const uint8_t c1[] = "\2c1\7example\3com", c2[] = "\2c2\7example\3com";
	const struct discover_server *s;
	unsigned int i;
	size_t n;

	(void)state;
	start(alice, true);
	while (asks()) {
		begin(0);
		if (is_service(DISCOVER_LLQ)) {
			for (i = 0; i < DISCOVER_SERVERS + 3; i++)
				put_srv(i ? ns2 : ns1, 0, 0, (uint16_t)(1000 + i));
		} else if (w.q.type == DNS_A && dname_equal(w.q.name, ns1)) {
			put_ip(c2, 5);
			dns_put_rr(&w.a, 1, c1, DNS_CNAME, DNS_IN, 120, c2, sizeof(c2));
			dns_put_rr(&w.a, 1, ns1, DNS_CNAME, DNS_IN, 120, c1, sizeof(c1));
		} else if (w.q.type == DNS_A) {
			for (i = 0; i < DISCOVER_ADDRESSES + 3; i++)
				put_ip(ns2, (uint8_t)i);
			put_ip(ns2, 0);
		} else if (w.q.type == DNS_AAAA) {
			dns_put_rr(&w.a, 1, c1, DNS_CNAME, DNS_IN, 120, w.q.name,
				   dname_len(w.q.name));
			dns_put_rr(&w.a, 1, w.q.name, DNS_CNAME, DNS_IN, 120, c1, sizeof(c1));
			put_ip(example, 1);
		}
		assert_true(end());
	}
	assert_int_equal(discover_state(w.d), DISCOVER_DONE);
	s = discover_servers(w.d, DISCOVER_LLQ, &n);
	assert_int_equal(n, DISCOVER_SERVERS);
	for (i = 0; i < n; i++) {
		bool first = dname_equal(s[i].target, ns1);

		assert_int_equal(s[i].n_addresses, first ? 1 : DISCOVER_ADDRESSES);
		if (first)
			assert_int_equal(s[i].addresses[0][15], 5);
	}
	stop();
}

static void garbage(void **state)
{
	uint8_t *cut;
	size_t i;

	(void)state;
	start(alice, true);
	do
		assert_true(asks());
	while (!is_service(DISCOVER_LLQ));
	begin(0);
	put_srv(ns1, 0, 0, 53);
	for (i = 0; i < w.a.len; i++) {
		cut = exact_copy(w.msg, i);
		assert_false(discover_input(w.d, cut, i));
		free(cut);
	}
	/* A question, an update, another's, another question's, type, class */
	for (i = 0; i < 6; i++) {
		const size_t q = DNS_HEADER + dname_len(w.q.name);
		const size_t where[] = { 2, 2, 1, 13, q + 1, q + 3 };
		static const uint8_t what[] = { 0x80, 0x28, 1, 1, 1, 2 };

		cut = exact_copy(w.msg, w.a.len);
		cut[where[i]] ^= what[i];
		assert_false(discover_input(w.d, cut, w.a.len));
		free(cut);
	}
	assert_true(end());

	/* A zone whose services' names would be too long, and one with some */
	for (i = 0; i < 2; i++) {
		uint8_t name[DNAME_MAX];
		unsigned int n;

		stop();
		name[0] = '\0';
		for (n = 0; n < (i ? 24 : 25); n++)
			assert_true(dname_prefix("123456789", 9, name, name));
		start(name, true);
		for (n = 0; asks(); n++)
			;
		assert_int_equal(n, i ? 1 : 0);
		assert_int_equal(discover_state(w.d), i ? DISCOVER_ASKING : DISCOVER_DONE);
	}
	stop();
}

/* --- RFC 2782 --- */

static uint64_t from_draw(void *arg, uint64_t n)
{
	return draw_below(arg, n);
}

static uint64_t least(void *arg, uint64_t n)
{
	(void)arg;
	(void)n;
	return 0;
}

static uint64_t most(void *arg, uint64_t n)
{
	(void)arg;
	return n - 1;
}

static void order(void **state)
{
	const struct srv_choice all[] = {
		{ 10, 60, 0 }, { 20, 0, 1 }, { 10, 20, 2 }, { 10, 0, 3 }, { 10, 20, 4 },
		{ 0, 0, 5 },
	};
	struct draw d = { .seed = "order" };
	unsigned int first[N_OF(all)] = { 0 }, i, k;
	struct srv_choice c[N_OF(all)];

	(void)state;
	for (i = 0; i < 10000; i++) {
		bool seen[N_OF(all)] = { false };

		memcpy(c, all, sizeof(c));
		srv_order(c, N_OF(c), from_draw, &d);
		assert_int_equal(c[0].index, 5);
		assert_int_equal(c[5].index, 1);
		for (k = 0; k < N_OF(c); k++) {
			assert_false(seen[c[k].index]);
			seen[c[k].index] = true;
		}
		first[c[1].index]++;
	}
	/* 60, 20, 20 and next to nothing of 101 */
	assert_in_range(first[0], 5600, 6300);
	assert_in_range(first[2], 1800, 2200);
	assert_in_range(first[4], 1800, 2200);
	assert_in_range(first[3], 40, 200);

	memcpy(c, all, sizeof(c));
	srv_order(c, N_OF(c), least, NULL);
	assert_int_equal(c[1].index, 3);
	memcpy(c, all, sizeof(c));
	srv_order(c, N_OF(c), most, NULL);
	assert_int_not_equal(c[1].index, 3);
	srv_order(c, 0, most, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walk),
		cmocka_unit_test(silence),
		cmocka_unit_test(services),
		cmocka_unit_test(late_service),
		cmocka_unit_test(odd_answers),
		cmocka_unit_test(garbage),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
