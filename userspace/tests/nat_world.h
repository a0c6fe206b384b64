/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway in a made-up world: a clock, and a box that speaks what a test wants it to,
 * over a network that loses what a test wants it to. After test.h.
 */
#ifndef BTMM_NAT_WORLD_H
#define BTMM_NAT_WORLD_H

#include "../lib/dns/message.h"
#include "../lib/nat/gateway.h"
#include "../lib/nat/natpmp.h"

#define SECONDS	1000ull
#define MINUTES	60000ull
#define HOURS	3600000ull

static const struct ipv4 router = { { 192, 168, 1, 1 } };
static const struct ipv4 laptop = { { 192, 168, 1, 10 } };
static const struct ipv4 outer = { { 198, 51, 100, 7 } };
static const struct ipv4 outer2 = { { 203, 0, 113, 9 } };

struct box {
	bool pcp, natpmp;
	bool mute;		/* about versions that it does not speak */
	bool down, closed;
	uint64_t booted;	/* ms */
	struct ipv4 address;
	uint16_t port_offset;	/* what is granted is so far from what is suggested */
	uint32_t lifetime_max;	/* s; 0: what is asked for */
	uint16_t pcp_result, map_result, address_result;
	uint32_t error_lifetime;
	/* What it has */
	struct { uint16_t internal, external; uint64_t expires; } maps[8];
	/* What came */
	unsigned int n_pcp, n_address, n_map, n_delete;
	uint16_t suggested;
	uint32_t asked;		/* lifetime */
	uint8_t nonce[PCP_NONCE];
};

static struct world {
	struct gateway *g;
	struct gateway_config config;
	struct box box;
	uint64_t now;
	/* Bits, of datagrams to and from the box from now on: lost */
	uint64_t lose_to, lose_from;
	unsigned int n_sent;
	uint64_t sent_at[64];
	uint8_t out[GATEWAY_OUT];	/* the last one */
	size_t len;
	uint8_t reply[PCP_MAP_LEN];
	size_t reply_len;
} w;

static inline uint32_t box_epoch(void)
{
	return (uint32_t)((w.now - w.box.booted) / 1000);
}

static inline size_t box_has(void)
{
	size_t i, n = 0;

	for (i = 0; i < N_OF(w.box.maps); i++)
		n += w.box.maps[i].internal && w.now < w.box.maps[i].expires;
	return n;
}

static inline void box_reboot(void)
{
	memset(w.box.maps, 0, sizeof(w.box.maps));
	w.box.booted = w.now;
}

/* Lifetime 0 deletes. Returns the external port. */
static inline uint16_t box_map(uint16_t internal, uint16_t suggested, uint32_t *lifetime)
{
	size_t i, at = N_OF(w.box.maps);

	w.box.suggested = suggested;
	w.box.asked = *lifetime;
	if (!*lifetime)
		w.box.n_delete++;
	if (w.box.lifetime_max && *lifetime > w.box.lifetime_max)
		*lifetime = w.box.lifetime_max;
	for (i = 0; i < N_OF(w.box.maps); i++) {
		if (w.box.maps[i].internal && w.now >= w.box.maps[i].expires)
			w.box.maps[i].internal = 0;
		if (w.box.maps[i].internal == internal)
			at = i;
		else if (!w.box.maps[i].internal && at == N_OF(w.box.maps))
			at = i;
	}
	assert_true(at < N_OF(w.box.maps));
	if (!*lifetime) {
		w.box.maps[at].internal = 0;
		return 0;
	}
	if (w.box.maps[at].internal != internal)
		w.box.maps[at].external = suggested + w.box.port_offset;
	w.box.maps[at].internal = internal;
	w.box.maps[at].expires = w.now + *lifetime * SECONDS;
	return w.box.maps[at].external;
}

static inline size_t box_pcp(const uint8_t *msg, size_t len, uint8_t *out)
{
	uint32_t lifetime = dns_u32(msg + 4);
	uint16_t external;

	w.box.n_pcp++;
	assert_int_equal(len, PCP_MAP_LEN);
	assert_int_equal(msg[1], PCP_MAP);
	assert_memory_equal(msg + 20, w.config.own.b, 4);
	memcpy(w.box.nonce, msg + 24, PCP_NONCE);
	memcpy(out, msg, len);
	memset(out + 8, 0, 16);
	out[1] |= 0x80;
	out[3] = (uint8_t)w.box.pcp_result;
	dns_put32(out + 8, box_epoch());
	if (w.box.pcp_result) {
		dns_put32(out + 4, w.box.error_lifetime);
		return len;
	}
	external = box_map(dns_u16(msg + 40), dns_u16(msg + 42), &lifetime);
	dns_put32(out + 4, lifetime);
	dns_put16(out + 42, external);
	memset(out + 44, 0, 10);
	memset(out + 54, 0xff, 2);
	memcpy(out + 56, w.box.address.b, 4);
	return len;
}

static inline size_t box_natpmp(const uint8_t *msg, size_t len, uint8_t *out)
{
	uint32_t lifetime;

	memset(out, 0, 16);
	out[1] = msg[1] | 0x80;
	dns_put32(out + 4, box_epoch());
	if (msg[1] == NATPMP_ADDRESS) {
		assert_int_equal(len, 2);
		w.box.n_address++;
		dns_put16(out + 2, w.box.address_result);
		if (!w.box.address_result)
			memcpy(out + 8, w.box.address.b, 4);
		return 12;
	}
	assert_int_equal(len, 12);
	assert_int_equal(msg[1], NATPMP_MAP_UDP);
	w.box.n_map++;
	memcpy(out + 8, msg + 4, 2);
	lifetime = dns_u32(msg + 8);
	if (!lifetime)
		assert_int_equal(dns_u16(msg + 6), 0);
	dns_put16(out + 2, w.box.map_result);
	if (w.box.map_result)
		return 16;
	dns_put16(out + 10, box_map(dns_u16(msg + 4), dns_u16(msg + 6), &lifetime));
	dns_put32(out + 12, lifetime);
	return 16;
}

/* What the box answers; 0: nothing */
static inline size_t box_answer(const uint8_t *msg, size_t len, uint8_t *out)
{
	if (w.box.down)
		return 0;
	if (msg[0] == PCP_VERSION && w.box.pcp)
		return box_pcp(msg, len, out);
	if (msg[0] == NATPMP_VERSION && w.box.natpmp)
		return box_natpmp(msg, len, out);
	if (w.box.mute)
		return 0;
	if (w.box.natpmp) {
		memcpy(out, "\0\0\0\1", 4);
		dns_put32(out + 4, box_epoch());
		return 8;
	}
	memset(out, 0, PCP_HEADER);
	out[0] = w.box.pcp ? PCP_VERSION : 3;
	out[1] = 0x80;
	out[3] = PCP_UNSUPP_VERSION;
	return PCP_HEADER;
}

/* To the engine, as an allocation of its own */
static inline bool hear_from(struct ipv4 from, const uint8_t *msg, size_t len)
{
	uint8_t *copy = exact_copy(msg, len);
	bool taken = gateway_input(w.g, w.now, from, copy, len);

	free(copy);
	return taken;
}

static inline bool announce_from(struct ipv4 from, const uint8_t *msg, size_t len)
{
	uint8_t *copy = exact_copy(msg, len);
	bool taken = gateway_announced(w.g, w.now, from, copy, len);

	free(copy);
	return taken;
}

static inline bool announce_natpmp(void)
{
	uint8_t msg[12] = { 0, 128 };

	dns_put32(msg + 4, box_epoch());
	memcpy(msg + 8, w.box.address.b, 4);
	return announce_from(router, msg, sizeof(msg));
}

static inline bool announce_pcp(void)
{
	uint8_t msg[PCP_HEADER] = { PCP_VERSION, 0x80 };

	dns_put32(msg + 8, box_epoch());
	return announce_from(router, msg, sizeof(msg));
}

/* All that the engine has to say now, and what it is answered */
static inline void exchange(void)
{
	uint8_t out[GATEWAY_OUT];
	unsigned int guard = 0;
	size_t len;

	while ((len = gateway_output(w.g, w.now, out))) {
		assert_in_range(++guard, 1, 50);
		assert_true(len <= sizeof(out));
		memcpy(w.out, out, len);
		w.len = len;
		if (w.n_sent < N_OF(w.sent_at))
			w.sent_at[w.n_sent] = w.now;
		w.n_sent++;
		w.reply_len = 0;
		if (w.lose_to & 1) {
			w.lose_to >>= 1;
			continue;
		}
		w.lose_to >>= 1;
		if (w.box.closed) {
			gateway_unreachable(w.g, w.now);
			continue;
		}
		w.reply_len = box_answer(out, len, w.reply);
		if (!w.reply_len)
			continue;
		if (!(w.lose_from & 1))
			hear_from(router, w.reply, w.reply_len);
		w.lose_from >>= 1;
	}
	assert_true(gateway_deadline(w.g) > w.now);
}

static inline void run_until(uint64_t t)
{
	unsigned int guard = 0;

	exchange();
	while (gateway_deadline(w.g) <= t) {
		assert_in_range(++guard, 1, 100000);
		w.now = gateway_deadline(w.g);
		exchange();
	}
	if (t > w.now)
		w.now = t;
}

static inline void run_for(uint64_t ms)
{
	run_until(w.now + ms);
}

static inline void prepare(struct box box)
{
	memset(&w, 0, sizeof(w));
	w.now = 100 * MINUTES;
	w.box = box;
	if (!w.box.address.b[0])
		w.box.address = outer;
	w.config = (struct gateway_config){
		.gateway = router, .own = laptop, .nonce = "nonce nonce", .seed = "seed",
	};
	w.g = gateway_new(&w.config);
	assert_non_null(w.g);
}

static inline void start(struct box box)
{
	prepare(box);
	assert_int_equal(gateway_map(w.g, 4500, 0, w.now), 0);
}

static inline struct gateway_mapping mapping(uint16_t internal)
{
	struct gateway_mapping m;

	assert_true(gateway_mapping(w.g, internal, &m));
	return m;
}

static inline void mapped(uint16_t external, struct ipv4 address)
{
	struct gateway_mapping m = mapping(4500);

	assert_int_equal(m.external, external);
	assert_true(ipv4_equal(m.address, address));
	assert_int_equal(m.reason, GATEWAY_OK);
	assert_false(m.doubtful);
	assert_true(m.expires > w.now && m.granted <= w.now);
}

static inline void not_mapped(enum gateway_reason why)
{
	struct gateway_mapping m = mapping(4500);

	assert_int_equal(m.external, 0);
	assert_int_equal(m.expires, 0);
	assert_int_equal(m.reason, why);
}

static inline void finish(void)
{
	gateway_free(w.g);
	w.g = NULL;
}

#endif
