/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine of subscriptions asks its caller for, in a made-up world: four
 * zones, a clock, what is kept over a restart, what was sent.
 */
#ifndef BTMM_LLQ_SERVER_ZONES_H
#define BTMM_LLQ_SERVER_ZONES_H

#include <errno.h>

#include "../lib/dns/dso.h"
#include "../lib/llq/subs.h"

#define MAYBE	__attribute__((unused))
#define SECOND	1000ull
#ifndef N_SENT
#define N_SENT		4096
#endif
#define N_SAVED		64
#define N_ZONES		4
#define N_STREAMS	32

static const uint8_t pub[] = "\7example\3com", alice[] = "\5alice\7example\3com";
static const uint8_t bob[] = "\3bob\7example\3com", still[] = "\5still\7example\3com";
static MAYBE const uint8_t host[] = "\4host\7example\3com";
static MAYBE const uint8_t other[] = "\5other\7example\3com";
static MAYBE const uint8_t secret_host[] = "\4host\5alice\7example\3com";
static MAYBE const uint8_t no_id[LLQ_ID_LEN];

static const struct subs_identity mac_key = {
	(const uint8_t *)"\3mac\5alice\7example\3com", alice, 1 };
static MAYBE const struct subs_identity mini_key = {
	(const uint8_t *)"\4mini\5alice\7example\3com", alice, 2 };
static MAYBE const struct subs_identity bob_key = {
	(const uint8_t *)"\2pc\3bob\7example\3com", bob, 3 };

struct sent {
	struct subs_origin to;
	uint8_t *msg;
	size_t len;
	enum subs_sign sign;
	uint8_t who[DNAME_MAX];		/* whose key; root: none */
	struct tsig_mac prior, mac;
	uint64_t at;
};

struct saved {
	bool used;
	struct subs_record r;
	struct subs_identity who;
	uint8_t name[DNAME_MAX], zone[DNAME_MAX], who_name[DNAME_MAX], who_zone[DNAME_MAX];
	uint8_t *answers;
};

static struct server_world {
	struct subs *s;
	struct subs_config config;
	uint64_t now;
	struct world_zone {
		struct zone *z;
		bool is_private, is_static, unloaded;
	} zones[N_ZONES];
	struct sent sent[N_SENT];	/* a ring */
	unsigned int first, n_sent;
	uint64_t total, looked_up;
	struct saved saved[N_SAVED];
	char log[1024];			/* of streams: "close7 abort9 " */
	bool held[N_STREAMS];
	bool no_persist;		/* too many to be kept */
	uint32_t rng, macs;
	uint16_t message_id;
	/* what is said next: signed when (s), 0: now; with this MAC, 0: a new one */
	uint64_t signed_at;
	uint32_t mac;
	uint16_t udp_size;
	/* of the message that was looked at last */
	struct sent *got;
	char text[8192];
	uint8_t id[64][LLQ_ID_LEN];
	uint32_t lease[64];
	unsigned int n_options;
} w;

/* --- what the engine asks for --- */

static struct world_zone *zone_of(const uint8_t *name)
{
	unsigned int i;

	for (; name; name = dname_skip(name, 1)) {
		for (i = 0; i < N_ZONES; i++) {
			if (w.zones[i].z && dname_equal(zone_apex(w.zones[i].z), name))
				return &w.zones[i];
		}
	}
	return NULL;
}

static bool op_zone(void *arg, const uint8_t *name, struct subs_zone *out)
{
	struct world_zone *z = zone_of(name);

	assert_ptr_equal(arg, &w);
	if (!z)
		return false;
	*out = (struct subs_zone){ zone_apex(z->z), !z->unloaded, z->is_private, z->is_static };
	return true;
}

static bool op_may(void *arg, const struct subs_identity *who, const uint8_t *name,
		   uint16_t type)
{
	struct world_zone *z = zone_of(name);

	(void)arg;
	(void)type;
	return z && (!z->is_private || who == &subs_engine ||
		     (who && dname_equal(who->zone, zone_apex(z->z))));
}

static void op_answers(void *arg, const struct subs_identity *who, const uint8_t *name,
		       uint16_t type, subs_rr_fn fn, void *fn_arg)
{
	struct world_zone *z = zone_of(name);
	const struct zone_node *n;
	struct zone_rr rr;
	size_t pos = 0;

	w.looked_up++;
	if (!z || z->unloaded || !op_may(arg, who, name, type))
		return;
	n = zone_find(z->z, name);
	while (n && zone_node_next(n, &pos, &rr)) {
		if (zone_rr_served(&rr) && (type == DNS_ANY || type == rr.type))
			fn(fn_arg, &rr);
	}
}

static void op_send(void *arg, const struct subs_out *out)
{
	struct sent *e = &w.sent[(w.first + w.n_sent) % N_SENT];

	assert_ptr_equal(arg, &w);
	assert_true(out->len <= DNS_MAX - TSIG_ROOM);
	w.total++;
	if (w.n_sent == N_SENT) {
		w.first = (w.first + 1) % N_SENT;
		w.n_sent--;
	}
	free(e->msg);
	*e = (struct sent){ .to = *out->to, .msg = exact_copy(out->msg, out->len),
			    .len = out->len, .sign = out->sign, .at = w.now };
	assert_int_equal(out->who != NULL, out->sign != SUBS_UNSIGNED);
	if (out->who)
		memcpy(e->who, out->who->name, dname_len(out->who->name));
	if (out->sign == SUBS_ANSWER)
		e->prior = *out->prior;
	if (out->sign == SUBS_EVENT) {
		e->mac.len = 4;
		memcpy(e->mac.b, &(uint32_t){ ++w.macs }, 4);
		*out->mac = e->mac;
	}
	w.n_sent++;
}

static void op_close(void *arg, uint64_t stream, bool abort_it)
{
	size_t n = strlen(w.log);

	(void)arg;
	snprintf(w.log + n, sizeof(w.log) - n, "%s%u ", abort_it ? "abort" : "close",
		 (unsigned int)stream);
}

static void op_hold(void *arg, uint64_t stream, bool hold)
{
	(void)arg;
	assert_in_range(stream, 1, N_STREAMS - 1);
	w.held[stream] = hold;
}

static void op_random(void *arg, void *buf, size_t len)
{
	uint8_t *p = buf;

	(void)arg;
	while (len--) {
		w.rng = w.rng * 1664525 + 1013904223;
		*p++ = (uint8_t)(w.rng >> 24);
	}
}

static struct saved *saved_at(const uint8_t id[LLQ_ID_LEN])
{
	unsigned int i;

	for (i = 0; i < N_SAVED; i++) {
		if (w.saved[i].used && !memcmp(w.saved[i].r.id, id, LLQ_ID_LEN))
			return &w.saved[i];
	}
	return NULL;
}

static void op_persist(void *arg, const struct subs_record *r)
{
	struct saved *e = saved_at(r->id);
	uint8_t *answers = e ? e->answers : NULL;
	size_t len = e ? e->r.answers_len : 0;
	unsigned int i;

	(void)arg;
	for (i = 0; !e && i < N_SAVED; i++) {
		if (!w.saved[i].used)
			e = &w.saved[i];
	}
	assert_non_null(e);
	if (r->answers) {
		free(answers);
		len = r->answers_len;
		answers = exact_copy(r->answers, len);
	}
	*e = (struct saved){ .used = true, .r = *r, .answers = answers };
	memcpy(e->name, r->name, dname_len(r->name));
	memcpy(e->zone, r->zone, dname_len(r->zone));
	e->r.name = e->name;
	e->r.zone = e->zone;
	e->r.answers = answers;
	e->r.answers_len = len;
	if (r->who) {
		memcpy(e->who_name, r->who->name, dname_len(r->who->name));
		memcpy(e->who_zone, r->who->zone, dname_len(r->who->zone));
		e->who = (struct subs_identity){ e->who_name, e->who_zone, r->who->tag };
		e->r.who = &e->who;
	}
}

static void op_forget(void *arg, const uint8_t id[LLQ_ID_LEN])
{
	struct saved *e = saved_at(id);

	(void)arg;
	if (!e)
		return;
	free(e->answers);
	*e = (struct saved){ 0 };
}

static const struct subs_ops world_ops = {
	op_send, op_close, op_hold, op_random, op_zone, op_may, op_answers, op_persist, op_forget,
};

/* --- the zones --- */

static void on_change(void *arg, const struct zone *z, const struct zone_change *c)
{
	(void)arg;
	(void)z;
	if (w.s)
		subs_change(w.s, c->owner, c->add, &c->rr);
}

static struct zone *world_zone(unsigned int i, const uint8_t *apex, bool is_private)
{
	static const uint8_t soa[22] = { [5] = 1 };

	w.zones[i] = (struct world_zone){ .z = zone_new(apex), .is_private = is_private };
	assert_non_null(w.zones[i].z);
	zone_watch(w.zones[i].z, on_change, NULL);
	assert_int_equal(zone_add(w.zones[i].z, apex, DNS_SOA, 60, soa, 22), 0);
	return w.zones[i].z;
}

/* The RDATA of type and number: 192.0.2.n, 2001:db8::n, port n at @target, ... */
static size_t rdata_of(uint16_t type, unsigned int n, const uint8_t *target, uint8_t *out)
{
	static const uint8_t v4[4] = { 192, 0, 2 }, v6[16] = { 0x20, 1, 0x0d, 0xb8 };

	switch (type) {
	case DNS_A:
		memcpy(out, v4, 4);
		out[3] = (uint8_t)n;
		return 4;
	case DNS_AAAA:
		memcpy(out, v6, 16);
		out[14] = (uint8_t)(n >> 8);
		out[15] = (uint8_t)n;
		return 16;
	case DNS_SRV:
		memset(out, 0, 4);
		dns_put16(out + 4, (uint16_t)n);
		memcpy(out + 6, target, dname_len(target));
		return 6 + dname_len(target);
	case DNS_PTR:
		memcpy(out, target, dname_len(target));
		return dname_len(target);
	default:
		/* a TXT of 200 octets */
		memset(out, 'x', 201);
		out[0] = 200;
		dns_put16(out + 199, (uint16_t)n);
		return 201;
	}
}

/* The same as a record, good until the next one; @target in any case. */
static struct zone_rr record_of(uint16_t type, unsigned int n, const uint8_t *target)
{
	static uint8_t rdata[512], cased[512];
	size_t len = rdata_of(type, n, target, cased);
	struct zone_rr rr = {
		.type = type, .ttl = 120, .rdata = rdata, .rdlen = (uint16_t)len,
	};

	memcpy(rdata, cased, len);
	if (type == DNS_SRV || type == DNS_PTR)
		dname_lower(rdata + (type == DNS_SRV ? 6 : 0));
	if (memcmp(rdata, cased, len))
		rr.cased = cased;
	return rr;
}

static MAYBE void rr_add_to(const uint8_t *name, uint16_t type, unsigned int n,
			    const uint8_t *target)
{
	const struct zone_rr rr = record_of(type, n, target);

	assert_int_equal(zone_put(zone_of(name)->z, name, &rr), 0);
}

static MAYBE void rr_del_to(const uint8_t *name, uint16_t type, unsigned int n,
			    const uint8_t *target)
{
	const struct zone_rr rr = record_of(type, n, target);

	assert_int_equal(zone_remove(zone_of(name)->z, name, type, rr.rdata, rr.rdlen), 0);
}

#define rr_add(name, type, n)	rr_add_to(name, type, n, (const uint8_t *)"")
#define rr_del(name, type, n)	rr_del_to(name, type, n, (const uint8_t *)"")

static MAYBE void commit(void)
{
	subs_commit(w.s, w.now);
}

#endif
