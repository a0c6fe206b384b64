// SPDX-License-Identifier: GPL-2.0-or-later
/* What is in the table, of whom, and what is left of it. */
#include "test.h"

#include "resolve_world.h"

/* The type's answer count, or -RCODE */
static int ask(const char *name, uint16_t type)
{
	uint8_t query[512], out[DNS_MAX];
	struct resolve_result result;
	struct dns_writer w;

	dns_writer_init(&w, query, sizeof(query), 7, 0);
	dns_put_question(&w, wire(name), type, DNS_IN);
	assert_true(resolve_answer(table, true, query, w.len, out, sizeof(out), &result));
	return result.rcode ? -(int)result.rcode : dns_count(out, 1);
}

static void sources(void **state)
{
	static const char host[] = "laptop." DOMAIN;
	uint8_t a[16], b[16];

	(void)state;
	aaaa(a, "fd00::1");
	aaaa(b, "fd00::2");
	assert_int_equal(add(RESOLVE_OWN, host, DNS_AAAA, a, 16), 0);
	assert_int_equal(add(RESOLVE_HOSTS, host, DNS_AAAA, a, 16), 0);
	assert_int_equal(add(RESOLVE_HOSTS, host, DNS_AAAA, a, 16), 0);
	assert_int_equal(add(RESOLVE_HOSTS, host, DNS_AAAA, b, 16), 0);
	assert_int_equal(ask(host, DNS_AAAA), 2);
	assert_int_equal(resolve_count(table), 2);

	/* One of those who want it is enough. */
	assert_true(resolve_remove(table, RESOLVE_HOSTS, wire(host), DNS_AAAA, a, 16));
	assert_false(resolve_remove(table, RESOLVE_HOSTS, wire(host), DNS_AAAA, a, 16));
	assert_int_equal(ask(host, DNS_AAAA), 2);
	assert_false(resolve_remove(table, RESOLVE_OWN, wire(host), DNS_AAAA, b, 16));
	resolve_clear(table, RESOLVE_OWN);
	assert_int_equal(ask(host, DNS_AAAA), 1);
	resolve_remove_set(table, RESOLVE_HOSTS, wire(host), DNS_A);
	assert_int_equal(ask(host, DNS_AAAA), 1);
	resolve_remove_set(table, RESOLVE_HOSTS, wire(host), 0);
	assert_int_equal(ask(host, DNS_AAAA), -DNS_NXDOMAIN);
	assert_int_equal(resolve_count(table), 0);
	resolve_remove_set(table, RESOLVE_HOSTS, wire(host), 0);
	assert_false(resolve_remove(table, RESOLVE_HOSTS, wire(host), DNS_AAAA, a, 16));
}

/* Names, and those in RDATA of the types where that is so, regardless of case */
static void cases(void **state)
{
	const uint8_t *target;

	(void)state;
	add_ptr("_ssh._tcp." DOMAIN, "Laptop._ssh._tcp." DOMAIN);
	add_ptr("_SSH._tcp.ALICE.example.com", "laptop._ssh._tcp." DOMAIN);
	assert_int_equal(resolve_count(table), 1);
	target = wire("LAPTOP._ssh._tcp." DOMAIN);
	assert_true(resolve_remove(table, RESOLVE_SERVICES, wire("_ssh._TCP." DOMAIN), DNS_PTR,
				   target, dname_len(target)));
	assert_int_equal(resolve_count(table), 0);
}

/* A name above others is there, without records, as long as they are. */
static void empty_names(void **state)
{
	(void)state;
	assert_int_equal(ask(DOMAIN, DNS_AAAA), 0);
	add_srv("_autotunnel._udp.laptop." DOMAIN, 4500, "autotunnel-1." DOMAIN);
	assert_int_equal(ask("laptop." DOMAIN, DNS_AAAA), 0);
	assert_int_equal(ask("_udp.laptop." DOMAIN, DNS_SRV), 0);
	assert_int_equal(ask("_tcp.laptop." DOMAIN, DNS_SRV), -DNS_NXDOMAIN);
	assert_int_equal(ask("x._autotunnel._udp.laptop." DOMAIN, DNS_SRV), -DNS_NXDOMAIN);
	add_host("laptop." DOMAIN, "fd00::1");
	resolve_clear(table, RESOLVE_HOSTS);
	assert_int_equal(ask("laptop." DOMAIN, DNS_AAAA), 0);
	resolve_clear(table, RESOLVE_SERVICES);
	assert_int_equal(ask("laptop." DOMAIN, DNS_AAAA), -DNS_NXDOMAIN);
	assert_int_equal(ask(DOMAIN, DNS_AAAA), 0);
}

static void refused(void **state)
{
	static const struct { const char *owner; uint16_t type; size_t len; int err; } rows[] = {
		{ "laptop." DOMAIN, DNS_AAAA, 16, 0 },
		{ DOMAIN, DNS_AAAA, 16, 0 },
		{ "laptop." DOMAIN, 65280, 16, 0 },
		{ "laptop." DOMAIN, DNS_AAAA, 15, -EINVAL },
		{ "laptop." DOMAIN, DNS_AAAA, 17, -EINVAL },
		{ "laptop." DOMAIN, DNS_AAAA, 0, -EINVAL },
		{ "laptop.example.com", DNS_AAAA, 16, -EINVAL },
		{ "com", DNS_AAAA, 16, -EINVAL },
		{ "laptop." DOMAIN, 0, 16, -EINVAL },
		{ "laptop." DOMAIN, DNS_OPT, 16, -EINVAL },
		{ "laptop." DOMAIN, DNS_ANY, 16, -EINVAL },
		{ "laptop." DOMAIN, DNS_TSIG, 16, -EINVAL },
		{ DOMAIN, DNS_SOA, 22, -EINVAL },
	};
	static const uint8_t pointer[] = {
		0, 0, 0, 0, 17, 148, 5, 'a', 'a', 'a', 'a', 'a', 0xc0, 12,
	};
	uint8_t rdata[32] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++)
		assert_int_equal(add(RESOLVE_OWN, rows[i].owner, rows[i].type, rdata,
				     rows[i].len), rows[i].err);
	assert_int_equal(resolve_count(table), 3);
	/* It has to be uncompressed. */
	assert_int_equal(add(RESOLVE_OWN, DOMAIN, DNS_SRV, pointer, sizeof(pointer)), -EINVAL);
	assert_false(resolve_remove(table, RESOLVE_OWN, wire(DOMAIN), DNS_AAAA, rdata, 15));
	assert_int_equal(resolve_count(table), 3);
}

/* As many as there may be, found through all growth, and gone without a trace */
static void many(void **state)
{
	char owner[64];
	uint8_t a[4] = { 192, 0, 2, 1 };
	unsigned int i;

	(void)state;
	for (i = 0; i < RESOLVE_MAX; i++) {
		snprintf(owner, sizeof(owner), "h%u.s%u." DOMAIN, i, i % 100);
		assert_int_equal(add((enum resolve_source)(i % 3), owner, DNS_A, a, 4), 0);
	}
	assert_int_equal(add(RESOLVE_OWN, "one.more." DOMAIN, DNS_A, a, 4), -ENOSPC);
	assert_int_equal(ask("more." DOMAIN, DNS_A), -DNS_NXDOMAIN);
	assert_int_equal(resolve_count(table), RESOLVE_MAX);
	for (i = 0; i < RESOLVE_MAX; i += 97) {
		snprintf(owner, sizeof(owner), "H%u.s%u." DOMAIN, i, i % 100);
		assert_int_equal(ask(owner, DNS_A), 1);
	}
	resolve_clear(table, RESOLVE_OWN);
	assert_int_equal(ask("h3.s3." DOMAIN, DNS_A), -DNS_NXDOMAIN);
	assert_int_equal(ask("h4.s4." DOMAIN, DNS_A), 1);
	resolve_clear(table, RESOLVE_HOSTS);
	resolve_clear(table, RESOLVE_SERVICES);
	assert_int_equal(resolve_count(table), 0);
	assert_int_equal(ask("s4." DOMAIN, DNS_A), -DNS_NXDOMAIN);
}

/* Few, but long ones */
static void octets(void **state)
{
	static uint8_t rdata[60000];
	int err = 0;
	size_t n = 0;

	(void)state;
	while (!err) {
		dns_put32(rdata, (uint32_t)n);
		err = add(RESOLVE_OWN, DOMAIN, 65280, rdata, sizeof(rdata));
		n += !err;
	}
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(n, RESOLVE_OCTETS / (2 * sizeof(rdata)));
	resolve_remove_set(table, RESOLVE_OWN, wire(DOMAIN), 65280);
	assert_int_equal(add(RESOLVE_OWN, DOMAIN, 65280, rdata, sizeof(rdata)), 0);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, new_table, free_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sources), T(cases), T(empty_names), T(refused), T(many), T(octets),
	};

	return cmocka_run_group_tests_name("resolve_table", tests, NULL, NULL);
}
