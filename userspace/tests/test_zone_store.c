// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <malloc.h>

#include "test_zone.h"

#ifdef __SANITIZE_ADDRESS__
#define N_MANY	100000
#else
#define N_MANY	1000000
#endif

static struct zone *watched(struct told *t)
{
	struct zone *z = zone_new(dn("Example.com"));

	assert_non_null(z);
	memset(t, 0, sizeof(*t));
	zone_watch(z, told_fn, t);
	return z;
}

static void changes(void **state)
{
	struct told t;
	struct zone *z = watched(&t);

	(void)state;
	assert_memory_equal(zone_apex(z), dn("example.com"), 13);
	assert_int_equal(zadd(z, "HOST.example.com", DNS_A, 60, "192.0.2.1"), 0);
	assert_told(&t, "+ host.example.com. 1 60 4\n");
	assert_int_equal(zadd(z, "host.Example.com", DNS_A, 60, "192.0.2.1"), 1);
	assert_int_equal(zadd(z, "host.example.com", DNS_A, 60, "192.0.2.2"), 0);
	assert_told(&t, "+ host.example.com. 1 60 4\n");
	assert_int_equal(zadd(z, "host.example.com", DNS_A, 90, "192.0.2.1"), 0);
	assert_told(&t, "- host.example.com. 1 60 4\n+ host.example.com. 1 90 4\n");
	assert_int_equal(zadd(z, "host.example.com", DNS_AAAA, 0x80000000, "::1"), 0);
	assert_told(&t, "+ host.example.com. 28 0 16\n");

	assert_int_equal(zremove(z, "host.example.com", DNS_A, "192.0.2.3"), 1);
	assert_int_equal(zremove(z, "other.example.com", DNS_A, "192.0.2.1"), 1);
	assert_int_equal(zremove(z, "host.example.org", DNS_A, "192.0.2.1"), -EINVAL);
	assert_int_equal(zadd(z, "host.example.org", DNS_A, 1, "192.0.2.1"), -EINVAL);
	assert_int_equal(zadd(z, "com", DNS_A, 1, "192.0.2.1"), -EINVAL);
	assert_int_equal(zadd(z, "host.example.com", DNS_ANY, 1, "x"), -EINVAL);
	assert_int_equal(zadd(z, "host.example.com", DNS_OPT, 1, "x"), -EINVAL);
	assert_told(&t, "");
	assert_int_equal(zremove(z, "host.example.com", DNS_A, "192.0.2.1"), 0);
	assert_told(&t, "- host.example.com. 1 90 4\n");
	assert_true(zhas(z, "host.example.com", DNS_A, "192.0.2.2"));
	assert_false(zhas(z, "host.example.com", DNS_A, "192.0.2.1"));
	zone_free(z);
}

static void soa(void **state)
{
	uint32_t timers[4];
	struct told t;
	struct zone *z = watched(&t);

	(void)state;
	assert_false(zone_loaded(z));
	assert_int_equal(zadd(z, "host.example.com", DNS_SOA, 60, "5"), -EINVAL);
	assert_int_equal(zone_add(z, dn("example.com"), DNS_SOA, 60, dn("."), 1), -EINVAL);
	assert_int_equal(zone_names(z), 0);
	assert_false(zone_loaded(z));

	assert_int_equal(zadd(z, "example.com", DNS_SOA, 60, "4294967295 1 2 3 4"), 0);
	assert_true(zone_loaded(z));
	assert_true(zone_serial(z) == 0xffffffff);
	zone_timers(z, timers);
	assert_true(timers[0] == 1 && timers[1] == 2 && timers[2] == 3 && timers[3] == 4);
	assert_told(&t, "+ example.com. 6 60 56\n");

	assert_int_equal(zadd(z, "example.com", DNS_SOA, 60, "7"), 0);
	assert_told(&t, "+ example.com. 6 60 56\n- example.com. 6 60 56\n");
	assert_int_equal(zone_serial(z), 7);
	assert_false(zhas(z, "example.com", DNS_SOA, "4294967295 1 2 3 4"));
	assert_int_equal(zhide(z, "example.com", DNS_SOA, "7"), -EINVAL);
	assert_int_equal(zremove(z, "example.com", DNS_SOA, "7"), 0);
	assert_false(zone_loaded(z));
	zone_free(z);
}

static void hidden(void **state)
{
	struct told t;
	struct zone *z = watched(&t);
	struct zone_rr rr;
	size_t pos = 0;

	(void)state;
	assert_int_equal(zadd(z, "a.b.example.com", DNS_A, 60, "192.0.2.1"), 0);
	assert_true(zexists(z, "b.example.com"));
	assert_true(zexists(z, "example.com"));
	assert_told(&t, "+ a.b.example.com. 1 60 4\n");

	assert_int_equal(zhide(z, "a.b.example.com", DNS_A, "192.0.2.2"), -ENOENT);
	assert_int_equal(zhide(z, "a.b.example.com", DNS_A, "192.0.2.1"), 0);
	assert_told(&t, "- a.b.example.com. 1 60 4\n");
	assert_int_equal(zhide(z, "a.b.example.com", DNS_A, "192.0.2.1"), 1);
	assert_false(zexists(z, "a.b.example.com"));
	assert_false(zexists(z, "b.example.com"));
	assert_false(zexists(z, "example.com"));
	assert_true(zone_node_next(zone_find(z, dn("a.b.example.com")), &pos, &rr));
	assert_true(rr.hidden && rr.ttl == 60 && rr.type == DNS_A);
	assert_false(zone_node_next(zone_find(z, dn("a.b.example.com")), &pos, &rr));

	/* With another TTL: only now it is seen. */
	assert_int_equal(zadd(z, "a.b.example.com", DNS_A, 61, "192.0.2.1"), 0);
	assert_told(&t, "+ a.b.example.com. 1 61 4\n");
	assert_true(zexists(z, "b.example.com"));
	assert_int_equal(zhide(z, "a.b.example.com", DNS_A, "192.0.2.1"), 0);
	assert_told(&t, "- a.b.example.com. 1 61 4\n");
	assert_int_equal(zremove(z, "a.b.example.com", DNS_A, "192.0.2.1"), 0);
	assert_told(&t, "");
	assert_int_equal(zone_names(z), 0);
	zone_free(z);
}

static void empty_non_terminals(void **state)
{
	struct told t;
	struct zone *z = watched(&t);

	(void)state;
	zadd(z, "x.a.b.example.com", DNS_A, 60, "192.0.2.1");
	zadd(z, "y.b.example.com", DNS_LEASED, 60, "marker");
	assert_int_equal(zone_names(z), 5);
	assert_true(zexists(z, "a.b.example.com"));
	/* Only a private type: told, but not there for who asks. */
	assert_non_null(zone_find(z, dn("y.b.example.com")));
	assert_false(zexists(z, "y.b.example.com"));
	assert_told(&t, "+ x.a.b.example.com. 1 60 4\n+ y.b.example.com. 65282 60 7\n");

	zremove(z, "x.a.b.example.com", DNS_A, "192.0.2.1");
	assert_null(zone_find(z, dn("a.b.example.com")));
	assert_non_null(zone_find(z, dn("b.example.com")));
	assert_false(zexists(z, "b.example.com"));
	zadd(z, "b.example.com", DNS_A, 60, "192.0.2.1");
	assert_true(zexists(z, "b.example.com"));
	zremove(z, "y.b.example.com", DNS_LEASED, "marker");
	assert_int_equal(zone_names(z), 2);
	zremove(z, "b.example.com", DNS_A, "192.0.2.1");
	assert_int_equal(zone_names(z), 0);
	zone_free(z);
}

static void whole(void **state)
{
	struct told t;
	struct zone *z = watched(&t);

	(void)state;
	zadd(z, "example.com", DNS_SOA, 60, "1");
	zadd(z, "a.example.com", DNS_A, 60, "192.0.2.1");
	zadd(z, "b.example.com", DNS_A, 60, "192.0.2.1");
	zadd(z, "b.example.com", DNS_A, 60, "192.0.2.2");
	zadd(z, "c.example.com", DNS_A, 60, "192.0.2.1");
	zhide(z, "b.example.com", DNS_A, "192.0.2.1");
	zhide(z, "c.example.com", DNS_A, "192.0.2.1");
	memset(&t, 0, sizeof(t));

	/* Without an SOA, it is no zone; given up, it leaves nothing. */
	assert_int_equal(zone_full_end(z), -EINVAL);
	assert_int_equal(zone_full_begin(z), 0);
	assert_int_equal(zadd(z, "z.example.com", DNS_A, 60, "192.0.2.1"), 0);
	assert_null(zone_find(z, dn("z.example.com")));
	assert_int_equal(zone_full_end(z), -EINVAL);
	assert_int_equal(zone_full_begin(z), 0);
	zadd(z, "example.com", DNS_SOA, 60, "3");
	zone_full_abort(z);
	assert_int_equal(zone_serial(z), 1);
	assert_told(&t, "");

	assert_int_equal(zone_full_begin(z), 0);
	zadd(z, "b.example.com", DNS_A, 60, "192.0.2.2");
	zadd(z, "b.example.com", DNS_A, 61, "192.0.2.1");
	zadd(z, "n.d.example.com", DNS_A, 60, "192.0.2.1");
	zadd(z, "example.com", DNS_SOA, 60, "1");
	assert_told(&t, "");
	assert_int_equal(zone_full_end(z), 0);
	assert_told(&t, "- a.example.com. 1 60 4\n+ n.d.example.com. 1 60 4\n");
	assert_null(zone_find(z, dn("a.example.com")));
	assert_null(zone_find(z, dn("c.example.com")));
	assert_true(zexists(z, "d.example.com"));
	/* Hidden in both, although its TTL is another. */
	assert_true(zexists(z, "b.example.com"));
	assert_int_equal(zhide(z, "b.example.com", DNS_A, "192.0.2.1"), 1);

	zone_full_begin(z);
	zadd(z, "example.com", DNS_SOA, 60, "2");
	zadd(z, "b.example.com", DNS_A, 60, "192.0.2.1");
	assert_int_equal(zone_full_end(z), 0);
	assert_int_equal(zone_serial(z), 2);
	assert_false(zexists(z, "b.example.com"));
	assert_int_equal(t.n, 4);	/* SOA twice, b and n.d once */
	zone_full_begin(z);
	zone_free(z);
}

static void replaced(void **state)
{
	struct told t;
	struct zone *z = watched(&t), *next = zone_new(dn("example.com"));
	struct zone *other = zone_new(dn("example.org"));

	(void)state;
	zadd(other, "example.org", DNS_SOA, 60, "1");
	assert_int_equal(zone_replace(z, other), -EINVAL);
	zadd(z, "a.example.com", DNS_A, 60, "192.0.2.1");
	zhide(z, "a.example.com", DNS_A, "192.0.2.1");
	zadd(next, "a.example.com", DNS_A, 60, "192.0.2.1");
	zadd(next, "example.com", DNS_SOA, 60, "1");
	/* Shown again while the new content is on its way. */
	zadd(z, "a.example.com", DNS_A, 60, "192.0.2.1");
	memset(&t, 0, sizeof(t));
	assert_int_equal(zone_replace(z, next), 0);
	assert_told(&t, "+ example.com. 6 60 56\n");
	assert_true(zexists(z, "a.example.com"));
	assert_int_equal(zone_names(next), 0);
	assert_false(zone_loaded(next));
	assert_int_equal(zadd(next, "example.com", DNS_SOA, 60, "2"), 0);
	assert_int_equal(zone_replace(z, next), 0);
	assert_null(zone_find(z, dn("a.example.com")));
	zone_free(next);
	zone_free(other);
	zone_free(z);
}

static void rrsets_are_in_one_piece(void **state)
{
	const struct zone_node *n;
	uint8_t octets[40000] = { 0 };
	struct told t;
	struct zone *z = watched(&t);
	uint16_t last = 0;
	struct zone_rr rr;
	size_t pos = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < 300; i++) {
		octets[0] = (uint8_t)(i * 7);
		octets[1] = (uint8_t)(i >> 8);
		assert_int_equal(zone_add(z, dn("h.example.com"), (uint16_t)(1 + i % 3), 60,
					  octets, (uint16_t)(2 + i * 100)), 0);
		n = zone_find(z, dn("h.example.com"));
		for (pos = 0, last = 0; zone_node_next(n, &pos, &rr); last = rr.type)
			assert_true(rr.type >= last);
	}
	/* No RDATA at all, and as much as there can be. */
	assert_int_equal(zone_add(z, dn("e.example.com"), 10, 60, NULL, 0), 0);
	assert_int_equal(zone_add(z, dn("e.example.com"), 10, 60, NULL, 0), 1);
	assert_int_equal(zone_remove(z, dn("e.example.com"), 10, NULL, 0), 0);
	assert_null(zone_find(z, dn("e.example.com")));
	zone_free(z);
}

/* --- against a model that is too simple to be wrong ------------------------- */

#define MODEL_NAMES	40
#define MODEL_RDATA	3

struct model {
	struct { bool there, hidden; uint32_t ttl; } rr[MODEL_NAMES][MODEL_RDATA][2];
	/* what a listener thinks is visible: its TTL, or -1 */
	int64_t heard[MODEL_NAMES][MODEL_RDATA][2];
};

static uint32_t rnd(void)
{
	static uint64_t s = 88172645463325252ULL;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (uint32_t)(s >> 16);
}

/* Names of one to three labels below the apex, one within the other. */
static void model_name(unsigned int i, char out[64])
{
	if (i < 4)
		snprintf(out, 64, "n%u.example.com", i);
	else if (i < 16)
		snprintf(out, 64, "n%u.n%u.example.com", i, i % 5);
	else
		snprintf(out, 64, "n%u.n%u.n%u.example.com", i, i % 7, i % 3);
}

static const uint16_t model_types[2] = { DNS_TXT, DNS_LEASED };

static void model_heard(void *arg, const struct zone *z, const struct zone_change *c)
{
	char text[64], owner[DNAME_TEXT_MAX];
	struct model *m = arg;
	unsigned int i;
	int64_t *heard;

	assert_non_null(z);
	if (c->rr.type == DNS_SOA)
		return;
	dname_to_text(c->owner, owner);
	owner[strlen(owner) - 1] = '\0';
	for (i = 0; i < MODEL_NAMES; i++) {
		model_name(i, text);
		if (!strcmp(text, owner))
			break;
	}
	assert_true(i < MODEL_NAMES && c->rr.rdlen == 2);
	heard = &m->heard[i][c->rr.rdata[1] - '0'][c->rr.type == DNS_LEASED];
	assert_true(c->add ? *heard < 0 : *heard == c->rr.ttl);
	*heard = c->add ? (int64_t)c->rr.ttl : -1;
}

static void model_step(struct model *m, struct zone *z)
{
	unsigned int n = rnd() % MODEL_NAMES, r = rnd() % MODEL_RDATA, t = rnd() % 2;
	bool *there = &m->rr[n][r][t].there, *hid = &m->rr[n][r][t].hidden;
	uint32_t ttl = 60 + rnd() % 2;
	char name[64], text[2] = { (char)('0' + r), 0 };

	model_name(n, name);
	switch (rnd() % 4) {
	case 0:
	case 1:
		assert_int_equal(zadd(z, name, model_types[t], ttl, text),
				 *there && !*hid && m->rr[n][r][t].ttl == ttl);
		*there = true;
		*hid = false;
		m->rr[n][r][t].ttl = ttl;
		break;
	case 2:
		assert_int_equal(zremove(z, name, model_types[t], text), !*there);
		*there = *hid = false;
		break;
	default:
		assert_int_equal(zhide(z, name, model_types[t], text), !*there ? -ENOENT : *hid);
		*hid = *there;
		break;
	}
}

/* Another content, much of it as before. */
static void model_replace(struct model *m, struct zone *z)
{
	unsigned int i, n, r, t;

	assert_int_equal(zone_full_begin(z), 0);
	zadd(z, "example.com", DNS_SOA, 60, "1");
	for (i = 0; i < MODEL_NAMES * MODEL_RDATA * 2; i++) {
		char name[64], text[2] = { 0 };

		n = i % MODEL_NAMES;
		r = i / MODEL_NAMES % MODEL_RDATA;
		t = i / MODEL_NAMES / MODEL_RDATA;
		if (rnd() % 8 == 0) {
			m->rr[n][r][t].there ^= true;
			m->rr[n][r][t].hidden = false;
		}
		if (rnd() % 8 == 0)
			m->rr[n][r][t].ttl = 60 + rnd() % 2;
		if (!m->rr[n][r][t].there)
			continue;
		model_name(n, name);
		text[0] = (char)('0' + r);
		zadd(z, name, model_types[t], m->rr[n][r][t].ttl, text);
	}
	assert_int_equal(zone_full_end(z), 0);
}

static void model_compare(const struct model *m, const struct zone *z)
{
	unsigned int n, r, t, k;

	for (n = 0; n < MODEL_NAMES; n++) {
		bool exists = false, below;
		char name[64], other[64];

		model_name(n, name);
		for (k = 0; k < MODEL_NAMES; k++) {
			model_name(k, other);
			below = dname_within(dn(other), dn(name));
			for (r = 0; r < MODEL_RDATA; r++)
				exists |= below && m->rr[k][r][0].there && !m->rr[k][r][0].hidden;
		}
		assert_int_equal(zexists(z, name), exists);

		for (r = 0; r < MODEL_RDATA; r++) {
			for (t = 0; t < 2; t++) {
				char text[2] = { (char)('0' + r), 0 };
				bool there = m->rr[n][r][t].there;

				assert_int_equal(zhas(z, name, model_types[t], text), there);
				assert_true(m->heard[n][r][t] ==
					    (there && !m->rr[n][r][t].hidden ?
					     (int64_t)m->rr[n][r][t].ttl : -1));
			}
		}
	}
}

static void model(void **state)
{
	static struct model m;
	struct zone *z = zone_new(dn("example.com"));
	unsigned int i, k;

	(void)state;
	memset(m.heard, 0xff, sizeof(m.heard));
	zone_watch(z, model_heard, &m);
	for (i = 0; i < 400; i++) {
		for (k = 0; k < 20; k++)
			model_step(&m, z);
		model_compare(&m, z);
		if (i % 10 == 9) {
			model_replace(&m, z);
			model_compare(&m, z);
		}
	}
	zone_free(z);
}

/* --- many ------------------------------------------------------------------- */

static const uint8_t *many_name(unsigned int i)
{
	static uint8_t apex[DNAME_MAX], name[DNAME_MAX];
	char label[16];

	if (!apex[0])
		dname_from_text("dyn.example.com", apex);
	assert_true(dname_prefix(label, (size_t)snprintf(label, sizeof(label), "h%06u", i), apex,
				 name));
	return name;
}

/* Twenty-five octets of name and one AAAA: 115 octets at most, all in. */
static void million(void **state)
{
	uint8_t address[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct zone *z = zone_new(dn("dyn.example.com"));
	struct mallinfo2 before = mallinfo2(), after;
	size_t pos = 0, n = 0, octets;
	unsigned int i;

	(void)state;
	for (i = 0; i < N_MANY; i++) {
		dns_put32(address + 12, i);
		if (zone_add(z, many_name(i), DNS_AAAA, 300, address, 16))
			fail();
	}
	after = mallinfo2();
	octets = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
	assert_int_equal(dname_len(many_name(0)), 25);
	print_message("%u names: %.1f octets a name, %.1f by its own count\n", N_MANY,
		      (double)octets / N_MANY, (double)zone_octets(z) / N_MANY);
#ifndef __SANITIZE_ADDRESS__
	assert_true(octets <= 115ul * N_MANY);
	/* Its own count is what status shows. */
	assert_true(zone_octets(z) > octets / 100 * 97 && zone_octets(z) < octets / 100 * 103);
#endif

	assert_int_equal(zone_names(z), N_MANY + 1);
	while (zone_next(z, &pos))
		n++;
	assert_int_equal(n, N_MANY + 1);
	for (i = 0; i < N_MANY; i++) {
		dns_put32(address + 12, i);
		if (!zone_has(z, many_name(i), DNS_AAAA, address, 16, NULL) ||
		    zone_remove(z, many_name(i), DNS_AAAA, address, 16))
			fail();
	}
	assert_int_equal(zone_names(z), 0);
	/* The table has become small again, too. */
	assert_true(zone_octets(z) < N_MANY / 2);
	zone_free(z);
}

int main(void)
{
	static const uint8_t key[16] = { 1, 2, 3 };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),
		cmocka_unit_test(soa),
		cmocka_unit_test(hidden),
		cmocka_unit_test(empty_non_terminals),
		cmocka_unit_test(whole),
		cmocka_unit_test(replaced),
		cmocka_unit_test(rrsets_are_in_one_piece),
		cmocka_unit_test(model),
		cmocka_unit_test(million),
	};

	dname_hash_init(key);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
