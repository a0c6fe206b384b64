/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An Internet gateway device in a made-up world, and a child that asks it. After
 * test.h.
 */
#ifndef BTMM_UPNP_WORLD_H
#define BTMM_UPNP_WORLD_H

#include "../lib/nat/upnp.h"

#define SECONDS	1000ull
#define MINUTES	60000ull
#define HOURS	3600000ull

static const struct ipv4 router = { { 192, 168, 1, 1 } };
static const struct ipv4 laptop = { { 192, 168, 1, 10 } };
static const struct ipv4 tablet = { { 192, 168, 1, 11 } };
static const struct ipv4 outer = { { 198, 51, 100, 7 } };
static const struct ipv4 outer2 = { { 203, 0, 113, 9 } };

struct igd_map {
	uint16_t external, internal;
	struct ipv4 client;
	uint64_t expires;
	bool disabled;
};

struct igd {
	unsigned int version;	/* 0: there is none */
	bool foreign, down;
	bool no_any, no_get, only_permanent, same_port, forgets;
	uint16_t lease_error;	/* instead of 725 */
	uint16_t add_error, address_error, delete_error;
	uint32_t lease_max;
	struct ipv4 address;
	uint64_t rtt;		/* ms */
	struct igd_map maps[32];
	unsigned int n[UPNP_DELETE + 1];	/* requests */
	uint16_t asked_port;
	uint32_t asked_lease;
	uint16_t timeouts[3];
};

static struct world {
	struct upnp *u;
	struct igd igd;
	uint64_t now;
	bool child_hangs;
	struct upnp_request request;	/* the last one */
	struct upnp_response response;
} w;

static inline struct igd_map *igd_find(uint16_t external)
{
	size_t i;

	for (i = 0; i < N_OF(w.igd.maps); i++)
		if (w.igd.maps[i].external == external && w.now < w.igd.maps[i].expires)
			return &w.igd.maps[i];
	return NULL;
}

static inline size_t igd_has(struct ipv4 client)
{
	size_t i, n = 0;

	for (i = 0; i < N_OF(w.igd.maps); i++)
		n += w.igd.maps[i].external && w.now < w.igd.maps[i].expires &&
		     ipv4_equal(w.igd.maps[i].client, client);
	return n;
}

static inline void igd_put(uint16_t external, uint16_t internal, struct ipv4 client,
			   uint32_t lease)
{
	struct igd_map *m = igd_find(external);
	size_t i;

	for (i = 0; !m; i++) {
		assert_true(i < N_OF(w.igd.maps));
		if (!w.igd.maps[i].external || w.now >= w.igd.maps[i].expires)
			m = &w.igd.maps[i];
	}
	*m = (struct igd_map){
		.external = external, .internal = internal, .client = client,
		.expires = lease ? w.now + lease * SECONDS : UINT64_MAX,
	};
}

static inline uint16_t igd_add(const struct upnp_request *q, struct upnp_response *a)
{
	bool any = q->op == UPNP_ADD_ANY;
	struct igd_map *m;
	uint16_t port = q->external;
	uint32_t lease = q->lease;

	w.igd.asked_port = port;
	w.igd.asked_lease = lease;
	assert_true(ipv4_equal(q->own, laptop) && q->internal && port);
	assert_string_equal(q->description, "btmm ?laptop?");
	if (any && (w.igd.no_any || w.igd.version < 2))
		return UPNP_INVALID_ACTION;
	if (w.igd.add_error)
		return w.igd.add_error;
	if (w.igd.only_permanent && lease)
		return w.igd.lease_error ? w.igd.lease_error : UPNP_ONLY_PERMANENT;
	if (w.igd.same_port && port != q->internal)
		return UPNP_SAME_PORT;
	m = igd_find(port);
	while (m && !(ipv4_equal(m->client, q->own) && m->internal == q->internal)) {
		if (!any)
			return UPNP_CONFLICT;
		m = igd_find(++port);
	}
	if (w.igd.lease_max && lease > w.igd.lease_max)
		lease = w.igd.lease_max;
	if (!w.igd.forgets)
		igd_put(port, q->internal, q->own, lease);
	a->external = port;
	return 0;
}

static inline void child(const struct upnp_request *q, struct upnp_response *a)
{
	struct igd_map *m = igd_find(q->external);

	assert_in_range(q->op, UPNP_DISCOVER, UPNP_DELETE);
	assert_true(ipv4_equal(q->gateway, router));
	w.igd.n[q->op]++;
	*a = (struct upnp_response){ .op = q->op, .id = q->id };
	w.now += w.igd.rtt;
	if (w.igd.down && q->op != UPNP_DISCOVER) {
		a->status = UPNP_FAILED;
		return;
	}
	switch (q->op) {
	case UPNP_DISCOVER:
		memmove(w.igd.timeouts + 1, w.igd.timeouts, 2 * sizeof(*w.igd.timeouts));
		w.igd.timeouts[0] = q->timeout;
		a->address = w.igd.foreign ? tablet : router;
		a->version = (uint8_t)w.igd.version;
		if (!w.igd.version || w.igd.down) {
			w.now += q->timeout;
			a->status = UPNP_NO_DEVICE;
		}
		break;
	case UPNP_ADDRESS:
		a->status = w.igd.address_error;
		a->address = w.igd.address;
		break;
	case UPNP_ADD:
	case UPNP_ADD_ANY:
		a->status = igd_add(q, a);
		break;
	case UPNP_GET:
		if (w.igd.no_get) {
			a->status = UPNP_NOT_IMPLEMENTED;
		} else if (!m) {
			a->status = UPNP_NO_SUCH_ENTRY;
		} else {
			a->address = m->client;
			a->internal = m->internal;
			a->enabled = !m->disabled;
			if (m->expires != UINT64_MAX)
				a->lease = (uint32_t)((m->expires - w.now) / SECONDS);
		}
		break;
	case UPNP_DELETE:
		a->status = w.igd.delete_error;
		if (a->status)
			break;
		if (!m) {
			a->status = UPNP_NO_SUCH_ENTRY;
			break;
		}
		assert_true(ipv4_equal(m->client, laptop));
		m->external = 0;
		break;
	}
}

static inline void exchange(void)
{
	unsigned int guard = 0;

	while (upnp_output(w.u, w.now, &w.request)) {
		assert_in_range(++guard, 1, 200);
		if (w.child_hangs)
			break;
		child(&w.request, &w.response);
		assert_true(upnp_input(w.u, w.now, &w.response));
	}
	assert_true(upnp_deadline(w.u) > w.now);
}

static inline void run_until(uint64_t t)
{
	unsigned int guard = 0;

	exchange();
	while (upnp_deadline(w.u) <= t) {
		assert_in_range(++guard, 1, 100000);
		w.now = upnp_deadline(w.u);
		exchange();
	}
	if (t > w.now)
		w.now = t;
}

static inline void run_for(uint64_t ms)
{
	run_until(w.now + ms);
}

static inline void prepare_refreshed(struct igd igd, uint32_t refresh)
{
	struct upnp_config config = {
		.gateway = router, .own = laptop, .grace = UPNP_GRACE, .refresh = refresh,
		.description = "btmm <laptop>", .seed = "seed",
	};

	memset(&w, 0, sizeof(w));
	w.now = 100 * MINUTES;
	w.igd = igd;
	w.igd.rtt = 5;
	if (!w.igd.address.b[0])
		w.igd.address = outer;
	w.u = upnp_new(&config);
	assert_non_null(w.u);
}

static inline void prepare(struct igd igd)
{
	prepare_refreshed(igd, 0);
}

static inline void start(struct igd igd)
{
	prepare(igd);
	assert_int_equal(upnp_map(w.u, 4500, 0, w.now), 0);
}

static inline struct upnp_mapping mapping(void)
{
	struct upnp_mapping m;

	assert_true(upnp_mapping(w.u, 4500, &m));
	return m;
}

static inline void mapped(uint16_t external, struct ipv4 address)
{
	struct upnp_mapping m = mapping();

	assert_int_equal(m.external, external);
	assert_true(ipv4_equal(m.address, address));
	assert_int_equal(m.reason, UPNP_R_OK);
	assert_false(m.doubtful);
	assert_true(m.expires > w.now && m.granted <= w.now);
}

static inline void not_mapped(enum upnp_reason why)
{
	struct upnp_mapping m = mapping();

	assert_int_equal(m.external, 0);
	assert_int_equal(m.expires, 0);
	assert_int_equal(m.reason, why);
}

static inline void finish(void)
{
	upnp_free(w.u);
	w.u = NULL;
}

#endif
