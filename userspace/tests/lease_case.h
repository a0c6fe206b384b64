/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of leases do over and over. After test.h. */
#ifndef BTMM_TEST_LEASE_CASE_H
#define BTMM_TEST_LEASE_CASE_H

#define MUST(condition)	assert_true(condition)
#include "lease_request.h"
#include "lease_world.h"
#include "test_zone.h"

#define A		"a.example.com"
#define B		"b.example.com"
#define TUNNEL		"autotunnel-1.example.com"
#define ONE		"192.0.2.1"
#define TWO		"192.0.2.2"

static struct world world;

static int case_setup(void **state)
{
	static const uint8_t enrolled[18] = { 1, 1 };

	(void)state;
	world_init(&world);
	zone_add(world.primary, dn(A), DNS_ENROLLED, 300, enrolled, sizeof(enrolled));
	zone_add(world.primary, dn(B), DNS_ENROLLED, 300, enrolled, sizeof(enrolled));
	world_sync(&world);
	return 0;
}

static int case_teardown(void **state)
{
	(void)state;
	world_free(&world);
	return 0;
}

static inline struct rights_who key_of(const char *name)
{
	struct rights_who who = { .role = RIGHTS_HOST, .name = dn(name), .apex = world_apex };

	if (!strncmp(name, "_account.", 9))
		who.role = RIGHTS_ACCOUNT;
	else if (!strncmp(name, "admin", 5))
		who.role = RIGHTS_ADMIN;
	return who;
}

enum { ADD, DELETE, DELETE_SET, DELETE_NAME };

struct op {
	int what;
	const char *owner;
	uint16_t type;
	const char *text;	/* "": none */
};

/* @lease: s; 0: without the option */
static inline void request(struct req *r, uint32_t lease, const struct op *ops, size_t n)
{
	uint8_t rd[RDATA_TEXT_MAX];
	size_t i;

	req_init(r, world_apex);
	for (i = 0; i < n; i++) {
		const struct op *op = &ops[i];
		uint16_t len = *op->text ? rdata(op->type, op->text, rd) : 0;

		if (op->what == ADD)
			req_add(r, dn(op->owner), op->type, 120, rd, len);
		else if (op->what == DELETE)
			req_delete(r, dn(op->owner), op->type, rd, len);
		else
			req_delete_set(r, dn(op->owner),
				       op->what == DELETE_SET ? op->type : DNS_ANY);
	}
	if (lease)
		req_lease(r, lease, lease, false);
}

/* From a request to the primary's answer; the mirror does not see it yet. */
#define update(key, lease, ...) update_ops(key, lease, (const struct op[]){ __VA_ARGS__ }, \
	sizeof((const struct op[]){ __VA_ARGS__ }) / sizeof(struct op))

static inline enum dns_rcode update_ops(const char *key, uint32_t lease, const struct op *ops,
					size_t n)
{
	const struct rights_who who = key_of(key);
	struct req r;

	request(&r, lease, ops, n);
	return world_update(&world, &who, r.b, r.w.len);
}

static inline struct marker marker_for(uint16_t type, const char *text, const char *key)
{
	struct marker m = { .type = type };
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(type, text, rd);

	marker_record_hash(type, rd, len, m.record);
	marker_holder_hash(dn(key), m.holder);
	return m;
}

static inline struct lease *lease_at(const char *owner, uint16_t type, const char *text,
				     const char *key)
{
	const struct lease_owner *o = lease_owner_find(world.z, dn(owner));
	struct marker m = marker_for(type, text, key);

	return o ? lease_find(o, &m) : NULL;
}

static inline bool marked(const struct zone *z, const char *owner, uint16_t type,
			  const char *text, const char *key)
{
	struct marker m = marker_for(type, text, key);
	uint8_t rd[MARKER_LEN];

	marker_write(&m, rd);
	return zone_has(z, dn(owner), DNS_LEASED, rd, MARKER_LEN, NULL);
}

/* A marker that somebody writes by hand, or takes away. */
static inline void mark(const char *owner, uint16_t type, const char *text, const char *key,
			bool add)
{
	struct marker m = marker_for(type, text, key);
	uint8_t rd[MARKER_LEN];

	marker_write(&m, rd);
	if (add)
		MUST(!zone_add(world.primary, dn(owner), DNS_LEASED, 60, rd, MARKER_LEN));
	else
		MUST(!zone_remove(world.primary, dn(owner), DNS_LEASED, rd, MARKER_LEN));
}

static inline bool at_primary(const char *owner, uint16_t type, const char *text)
{
	return zhas(world.primary, owner, type, text);
}

static inline bool visible(const char *owner, uint16_t type, const char *text)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(type, text, rd);
	struct zone_rr rr;

	return zone_has(world.mirror, dn(owner), type, rd, len, &rr) && !rr.hidden;
}

static inline void later(uint32_t seconds)
{
	world.now += 1000 * (uint64_t)seconds;
	leases_pass(world.l, world.now);
}

#endif
