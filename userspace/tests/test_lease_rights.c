// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "../lib/lease/marker.h"
#include "../lib/lease/rights.h"
#include "lease_request.h"
#include "test_zone.h"

static const uint8_t apex[] = "\7example\3com";

/* --- places ----------------------------------------------------------------------- */

static void places(void **state)
{
	static const struct {
		const char *owner;
		enum rights_place place;
	} cases[] = {
		{ "a.example.com", PLACE_OWN },
		{ "x.a.example.com", PLACE_OWN },
		{ "_autotunnel._udp.a.example.com", PLACE_OWN },
		{ "_autotunnel6.a.example.com", PLACE_OWN },
		{ "_dns-llq._udp.a.example.com", PLACE_OWN },
		{ "*.a.example.com", PLACE_NONE },
		{ "*.x.a.example.com", PLACE_NONE },
		{ "b.example.com", PLACE_NONE },
		{ "xa.example.com", PLACE_NONE },
		{ "a.a2.example.com", PLACE_NONE },
		{ "example.com", PLACE_NONE },
		{ "com", PLACE_NONE },
		{ "a.example.net", PLACE_NONE },
		{ "autotunnel-00-22-69.example.com", PLACE_TUNNEL },
		{ "autotunnel-.example.com", PLACE_NONE },
		{ "autotunnel-1.b.example.com", PLACE_NONE },
		{ "x.autotunnel-1.example.com", PLACE_NONE },
		{ "my mac._ssh._tcp.example.com", PLACE_INSTANCE },
		{ "mac._device-info._tcp.example.com", PLACE_INSTANCE },
		{ "mac._ssh._sctp.example.com", PLACE_NONE },
		{ "x.mac._ssh._tcp.example.com", PLACE_NONE },
		{ "mac.ssh._tcp.example.com", PLACE_NONE },
		{ "mac._dns-llq._tcp.example.com", PLACE_NONE },
		{ "_ssh._tcp.example.com", PLACE_SERVICE },
		{ "_ssh._udp.example.com", PLACE_SERVICE },
		{ "ssh._tcp.example.com", PLACE_NONE },
		{ "_tcp.example.com", PLACE_NONE },
		{ "_printer._sub._http._tcp.example.com", PLACE_SERVICE },
		{ "_sub._http._tcp.example.com", PLACE_NONE },
		{ "x._printer._sub._http._tcp.example.com", PLACE_NONE },
		{ "_printer._sub._dns-llq._tcp.example.com", PLACE_NONE },
		{ "_services._dns-sd._udp.example.com", PLACE_SERVICES },
		{ "_services._dns-sd._tcp.example.com", PLACE_NONE },
		{ "b._dns-sd._udp.example.com", PLACE_NONE },
		{ "_dns-sd._udp.example.com", PLACE_NONE },
		{ "_dns-update._udp.example.com", PLACE_NONE },
		{ "_dns-query-tls._tcp.example.com", PLACE_NONE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		if (rights_place(dn(cases[i].owner), dn("a.example.com"), apex) != cases[i].place)
			fail_msg("%s", cases[i].owner);
	}
}

static void infrastructure(void **state)
{
	static const char *const yes[] = {
		"_dns-llq._udp.example.com", "_dns-update-tls._tcp.example.com",
		"_dns-push-tls._tcp.example.com", "x._dns-llq._udp.example.com",
		"_dns-new._tcp.example.com",
	};
	static const char *const no[] = {
		"_dns-sd._udp.example.com", "b._dns-sd._udp.example.com",
		"_dns-llq._udp.a.example.com", "_dns-llq._sctp.example.com",
		"_dns-llq.example.com", "example.com", "_udp.example.com",
		"_dns-llq._udp.example.net", "_ssh._tcp.example.com",
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(yes); i++)
		assert_true(rights_infrastructure(dn(yes[i]), apex));
	for (i = 0; i < N_OF(no); i++)
		assert_false(rights_infrastructure(dn(no[i]), apex));
}

/* --- updates ----------------------------------------------------------------------- */

/* What stands where. */
static struct {
	const char *name;
	struct rights_owner is;
} stands[4];

static void look(void *arg, const uint8_t *owner, struct rights_owner *out)
{
	size_t i;

	assert_ptr_equal(arg, stands);
	memset(out, 0, sizeof(*out));
	for (i = 0; i < N_OF(stands); i++) {
		if (stands[i].name && dname_equal(owner, dn(stands[i].name)))
			*out = stands[i].is;
	}
}

static const char *keys[] = { "a.example.com", "_account.example.com", "admin" };

static enum dns_rcode check(enum rights_role role, const struct req *r)
{
	struct rights_who who = { .role = role, .name = dn(keys[role]), .apex = apex };
	enum dns_rcode rcode;
	struct update_msg m;
	const char *why;

	assert_int_equal(update_parse(r->b, r->w.len, &m), DNS_NOERROR);
	rcode = rights_check(&who, &m, look, stands, &why);
	/* Whoever is refused is told why, in the log. */
	assert_true((rcode != DNS_NOERROR) == (*why != '\0'));
	update_msg_free(&m);
	return rcode;
}

enum { ADD_LEASED, ADD, DELETE, DELETE_SET };

static enum dns_rcode one(enum rights_role role, int what, const char *owner, uint16_t type,
			  const char *text)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = 0;
	struct req r;

	if (what != DELETE_SET)
		len = rdata(type, text, rd);
	req_init(&r, apex);
	if (what <= ADD)
		req_add(&r, dn(owner), type, 60, rd, len);
	else if (what == DELETE)
		req_delete(&r, dn(owner), type, rd, len);
	else
		req_delete_set(&r, dn(owner), type);
	if (what == ADD_LEASED)
		req_lease(&r, 3600, 3600, false);
	return check(role, &r);
}

#define HOST	RIGHTS_HOST
#define ACCOUNT	RIGHTS_ACCOUNT
#define OK	DNS_NOERROR
#define NO	DNS_REFUSED

static void nothing_stands(void)
{
	memset(stands, 0, sizeof(stands));
}

static void own_names(void **state)
{
	(void)state;
	nothing_stands();
	assert_int_equal(one(HOST, ADD_LEASED, "a.example.com", DNS_AAAA, "2001:db8::1"), OK);
	assert_int_equal(one(HOST, ADD_LEASED, "_x._udp.a.example.com", DNS_SRV,
			     "0 0 4500 autotunnel-1.example.com"), OK);
	assert_int_equal(one(HOST, DELETE_SET, "a.example.com", DNS_ANY, ""), OK);
	assert_int_equal(one(HOST, DELETE, "a.example.com", DNS_A, "192.0.2.1"), OK);
	/* Not without a lease. */
	assert_int_equal(one(HOST, ADD, "a.example.com", DNS_A, "192.0.2.1"), NO);
	/* Not another's. */
	assert_int_equal(one(HOST, ADD_LEASED, "b.example.com", DNS_A, "192.0.2.1"), NO);
	assert_int_equal(one(HOST, DELETE_SET, "b.example.com", DNS_ANY, ""), NO);
	assert_int_equal(one(HOST, DELETE_SET, "example.com", DNS_ANY, ""), NO);
}

static void types(void **state)
{
	static const uint16_t never[] = {
		DNS_SOA, DNS_NS, DNS_CNAME, DNS_DNAME, DNS_LEASED, DNS_ENROLLED,
		43, 48, 50, 51, 59, 60, 62, 63,
	};
	size_t i;

	(void)state;
	nothing_stands();
	for (i = 0; i < N_OF(never); i++) {
		assert_int_equal(one(HOST, DELETE_SET, "a.example.com", never[i], "1"), NO);
		/* Of these, an account enrols, and a CNAME it may at least remove. */
		assert_int_equal(one(ACCOUNT, DELETE_SET, "a.example.com", never[i], "1"),
				 never[i] == DNS_ENROLLED || never[i] == DNS_CNAME ||
				 never[i] == DNS_DNAME || never[i] == DNS_SOA ||
				 never[i] == DNS_NS ? OK : NO);
		assert_int_equal(one(RIGHTS_ADMIN, DELETE_SET, "a.example.com", never[i], "1"),
				 OK);
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(one(RIGHTS_ADMIN, ADD_LEASED, "x.example.com", never[i], "1"),
				 NO);
		assert_int_equal(one(RIGHTS_ADMIN, ADD, "x.example.com", never[i], "1"), OK);
	}
}

/* A host further down is a host of its own. */
static void below_another(void **state)
{
	(void)state;
	nothing_stands();
	stands[0].name = "c.a.example.com";
	stands[0].is.enrolled = true;
	assert_int_equal(one(HOST, ADD_LEASED, "c.a.example.com", DNS_A, "192.0.2.1"), NO);
	assert_int_equal(one(HOST, DELETE_SET, "x.y.c.a.example.com", DNS_ANY, ""), NO);
	assert_int_equal(one(HOST, ADD_LEASED, "d.a.example.com", DNS_A, "192.0.2.1"), OK);
	/* It is enrolled itself, of course. */
	stands[1].name = "a.example.com";
	stands[1].is.enrolled = true;
	stands[1].is.unleased = true;
	assert_int_equal(one(HOST, ADD_LEASED, "a.example.com", DNS_A, "192.0.2.1"), OK);
}

static void first_come(void **state)
{
	static const struct {
		const char *owner;
		uint16_t type, other;
		const char *text;
	} places[] = {
		{ "autotunnel-1.example.com", DNS_A, DNS_SRV, "192.0.2.1" },
		{ "mac._ssh._tcp.example.com", DNS_TXT, DNS_A, "x" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(places); i++) {
		const char *owner = places[i].owner, *text = places[i].text;
		uint16_t type = places[i].type;

		nothing_stands();
		assert_int_equal(one(HOST, ADD_LEASED, owner, type, text), OK);
		assert_int_equal(one(HOST, DELETE_SET, owner, places[i].other, ""), NO);
		assert_int_equal(one(HOST, DELETE_SET, owner, DNS_ANY, ""), OK);
		stands[0].name = owner;
		stands[0].is.held_by_other = true;
		assert_int_equal(one(HOST, ADD_LEASED, owner, type, text), NO);
		assert_int_equal(one(HOST, DELETE_SET, owner, DNS_ANY, ""), NO);
		assert_int_equal(one(ACCOUNT, DELETE_SET, owner, DNS_ANY, ""), OK);
		stands[0].is = (struct rights_owner){ .unleased = true };
		assert_int_equal(one(HOST, ADD_LEASED, owner, type, text), NO);
		stands[0].is = (struct rights_owner){ .unleased = true, .held = true };
		assert_int_equal(one(HOST, ADD_LEASED, owner, type, text), OK);
	}
}

static void pointers(void **state)
{
	static const char service[] = "_ssh._tcp.example.com", mac[] = "mac._ssh._tcp.example.com";
	uint8_t rd[RDATA_TEXT_MAX];
	struct req r;
	uint16_t len;

	(void)state;
	nothing_stands();
	assert_int_equal(one(HOST, ADD_LEASED, service, DNS_PTR, "a.example.com"), OK);
	assert_int_equal(one(HOST, ADD_LEASED, service, DNS_PTR, "b.example.com"), NO);
	assert_int_equal(one(HOST, ADD_LEASED, service, DNS_PTR, "x.a.example.com"), NO);
	/* Somebody's service, or nobody's. */
	assert_int_equal(one(HOST, ADD_LEASED, service, DNS_PTR, mac), NO);
	stands[0].name = mac;
	stands[0].is.held = true;
	assert_int_equal(one(HOST, ADD_LEASED, service, DNS_PTR, mac), OK);
	assert_int_equal(one(HOST, ADD_LEASED, service, DNS_TXT, "x"), NO);
	assert_int_equal(one(HOST, DELETE_SET, service, DNS_TXT, ""), NO);
	/* What is not its own it does not reach; rewriting sees to that. */
	assert_int_equal(one(HOST, DELETE, service, DNS_PTR, "b.example.com"), OK);
	assert_int_equal(one(HOST, DELETE_SET, service, DNS_ANY, ""), OK);

	/* One that the same message makes. */
	nothing_stands();
	req_init(&r, apex);
	len = rdata(DNS_PTR, mac, rd);
	req_add(&r, dn(service), DNS_PTR, 60, rd, len);
	len = rdata(DNS_SRV, "0 0 22 a.example.com", rd);
	req_add(&r, dn(mac), DNS_SRV, 60, rd, len);
	req_lease(&r, 60, 60, false);
	assert_int_equal(check(HOST, &r), OK);

	assert_int_equal(one(HOST, ADD_LEASED, "_services._dns-sd._udp.example.com", DNS_PTR,
			     service), OK);
	assert_int_equal(one(HOST, ADD_LEASED, "_services._dns-sd._udp.example.com", DNS_PTR,
			     "_x._sub._ssh._tcp.example.com"), NO);
	assert_int_equal(one(HOST, ADD_LEASED, "_services._dns-sd._udp.example.com", DNS_PTR,
			     "a.example.com"), NO);
}

static void accounts(void **state)
{
	static const char *const hosts[] = { "a.example.com", "x.y.example.com" };
	static const char *const others[] = {
		"example.com", "autotunnel-1.example.com", "*.example.com", "_a.example.com",
		"a._tcp.example.com", "_account.example.com",
	};
	size_t i;

	(void)state;
	nothing_stands();
	for (i = 0; i < N_OF(hosts); i++) {
		assert_int_equal(one(ACCOUNT, ADD, hosts[i], DNS_ENROLLED, "x"), OK);
		assert_int_equal(one(ACCOUNT, DELETE_SET, hosts[i], DNS_ENROLLED, ""), OK);
	}
	for (i = 0; i < N_OF(others); i++)
		assert_int_equal(one(ACCOUNT, ADD, others[i], DNS_ENROLLED, "x"), NO);
	assert_int_equal(one(ACCOUNT, ADD, "www.example.com", DNS_A, "192.0.2.1"), NO);
	assert_int_equal(one(ACCOUNT, ADD_LEASED, "www.example.com", DNS_A, "192.0.2.1"), OK);
	assert_int_equal(one(ACCOUNT, DELETE_SET, "www.example.com", DNS_ANY, ""), OK);
	assert_int_equal(one(ACCOUNT, DELETE_SET, "example.com", DNS_NS, ""), NO);
	assert_int_equal(one(ACCOUNT, DELETE_SET, "example.com", DNS_SOA, ""), NO);
	assert_int_equal(one(ACCOUNT, DELETE_SET, "_dns-llq._udp.example.com", DNS_ANY, ""), NO);
	assert_int_equal(one(ACCOUNT, ADD_LEASED, "_dns-llq._udp.example.com", DNS_SRV,
			     "0 0 53 a.example.com"), NO);
	assert_int_equal(one(ACCOUNT, DELETE_SET, "a.example.com", DNS_LEASED, ""), NO);
	assert_int_equal(one(RIGHTS_ADMIN, DELETE_SET, "_dns-llq._udp.example.com", DNS_ANY, ""),
			 OK);
}

static enum dns_rcode condition(enum rights_role role, const char *owner, uint16_t type)
{
	struct req r;

	req_init(&r, apex);
	req_prereq(&r, dn(owner), type, DNS_NONE, NULL, 0);
	return check(role, &r);
}

static void conditions(void **state)
{
	(void)state;
	nothing_stands();
	assert_int_equal(condition(HOST, "b.example.com", DNS_A), OK);
	assert_int_equal(condition(HOST, "b.example.com", DNS_ANY), OK);
	/* They would tell what is never served. */
	assert_int_equal(condition(HOST, "b.example.com", DNS_ENROLLED), NO);
	assert_int_equal(condition(ACCOUNT, "b.example.com", DNS_LEASED), NO);
	assert_int_equal(condition(RIGHTS_ADMIN, "b.example.com", DNS_LEASED), OK);
}

/* One record that it may not change, and none is. */
static void all_or_nothing(void **state)
{
	static const uint8_t address[] = { 192, 0, 2, 1 };
	struct req r;

	(void)state;
	nothing_stands();
	req_init(&r, apex);
	req_add(&r, dn("a.example.com"), DNS_A, 60, address, 4);
	req_lease(&r, 60, 60, false);
	assert_int_equal(check(HOST, &r), OK);
	req_init(&r, apex);
	req_add(&r, dn("a.example.com"), DNS_A, 60, address, 4);
	req_add(&r, dn("b.example.com"), DNS_A, 60, address, 4);
	req_lease(&r, 60, 60, false);
	assert_int_equal(check(HOST, &r), NO);
	/* A host of another zone. */
	keys[HOST] = "a.example.net";
	req_init(&r, apex);
	assert_int_equal(check(HOST, &r), NO);
	keys[HOST] = "example.com";
	assert_int_equal(check(HOST, &r), NO);
	keys[HOST] = "a.example.com";
	assert_int_equal(check(HOST, &r), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(infrastructure),
		cmocka_unit_test(own_names),
		cmocka_unit_test(types),
		cmocka_unit_test(below_another),
		cmocka_unit_test(first_come),
		cmocka_unit_test(pointers),
		cmocka_unit_test(accounts),
		cmocka_unit_test(conditions),
		cmocka_unit_test(all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
