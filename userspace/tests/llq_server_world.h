/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine of subscriptions in a made-up world: a clock, four zones, what is kept
 * over a restart, and whatever the engine sends, as text:
 *
 *	setup 7200 +host/A.1 -host/A.2 &_autotunnel/SRV.4500
 *
 * is an answer to a set-up that grants 7200 s, with 192.0.2.1 added, 192.0.2.2
 * removed, and an SRV record with that port in the additional section; "refresh!4 0"
 * is an error; "rcode5" a message with that RCODE and no option.
 */
#ifndef BTMM_LLQ_SERVER_WORLD_H
#define BTMM_LLQ_SERVER_WORLD_H

#include <errno.h>

#include "../lib/dns/dso.h"
#include "../lib/llq/subs.h"

#define MAYBE	__attribute__((unused))
#define SECOND	1000ull
#define N_SENT	4096
#define N_SAVED	64
#define N_ZONES	4
#define N_STREAMS 32

static const uint8_t pub[] = "\7example\3com", alice[] = "\5alice\7example\3com";
static const uint8_t bob[] = "\3bob\7example\3com", still[] = "\5still\7example\3com";
MAYBE static const uint8_t host[] = "\4host\7example\3com";
MAYBE static const uint8_t other[] = "\5other\7example\3com";
MAYBE static const uint8_t secret_host[] = "\4host\5alice\7example\3com";
MAYBE static const uint8_t no_id[LLQ_ID_LEN];

static const struct subs_identity mac_key = {
	(const uint8_t *)"\3mac\5alice\7example\3com", alice, 1 };
MAYBE static const struct subs_identity mini_key = {
	(const uint8_t *)"\4mini\5alice\7example\3com", alice, 2 };
MAYBE static const struct subs_identity bob_key = { (const uint8_t *)"\2pc\3bob\7example\3com", bob, 3 };

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
	default:
		/* a TXT of 200 octets */
		memset(out, 'x', 201);
		out[0] = 200;
		dns_put16(out + 199, (uint16_t)n);
		return 201;
	}
}

MAYBE static void rr_add_to(const uint8_t *name, uint16_t type, unsigned int n,
			    const uint8_t *target)
{
	uint8_t rdata[512];
	size_t len = rdata_of(type, n, target, rdata);

	assert_int_equal(zone_add(zone_of(name)->z, name, type, 120, rdata, (uint16_t)len), 0);
}

MAYBE static void rr_del_to(const uint8_t *name, uint16_t type, unsigned int n,
			    const uint8_t *target)
{
	uint8_t rdata[512];
	size_t len = rdata_of(type, n, target, rdata);

	assert_int_equal(zone_remove(zone_of(name)->z, name, type, rdata, (uint16_t)len), 0);
}

#define rr_add(name, type, n)	rr_add_to(name, type, n, NULL)
#define rr_del(name, type, n)	rr_del_to(name, type, n, NULL)

MAYBE static void commit(void)
{
	subs_commit(w.s, w.now);
}

/* --- start and stop --- */

static void world_new(void)
{
	w.s = subs_new(&w.config, &world_ops, &w);
	assert_non_null(w.s);
}

static int world_start(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.now = 1700000000000;
	w.rng = 1;
	w.udp_size = 1232;
	dname_hash_init((const uint8_t *)"0123456789abcdef");
	subs_config_default(&w.config);
	memcpy(w.config.secret, "fedcba9876543210", 16);
	w.config.replay_entries = 1024;
	world_zone(0, pub, false);
	world_zone(1, alice, true);
	world_zone(2, bob, true);
	world_zone(3, still, false);
	w.zones[3].is_static = true;
	world_new();
	return 0;
}

static int world_stop(void **state)
{
	unsigned int i;

	(void)state;
	subs_free(w.s);
	w.s = NULL;
	for (i = 0; i < N_ZONES; i++)
		zone_free(w.zones[i].z);
	for (i = 0; i < N_SENT; i++)
		free(w.sent[i].msg);
	for (i = 0; i < N_SAVED; i++)
		free(w.saved[i].answers);
	return 0;
}

#define world_test(f)	cmocka_unit_test_setup_teardown(f, world_start, world_stop)

/* Other limits than the usual, before anything has happened. */
MAYBE static void world_again(void)
{
	subs_free(w.s);
	world_new();
}

/* Lets time pass; the engine does what falls due. */
MAYBE static void pass(uint64_t ms)
{
	uint64_t end = w.now + ms;

	for (;;) {
		uint64_t due = subs_deadline(w.s);

		if (due > end)
			break;
		if (due > w.now)
			w.now = due;
		subs_tick(w.s, w.now);
	}
	w.now = end;
}

MAYBE static struct subs_stats stats(void)
{
	struct subs_stats out;

	subs_stats(w.s, &out);
	return out;
}

MAYBE static uint32_t n_llqs(void)
{
	struct subs_stats out = stats();

	return out.llqs[0] + out.llqs[1] + out.llqs[2];
}

/* --- from where --- */

static struct subs_origin from_host(uint8_t n, uint16_t port)
{
	struct subs_origin o = { .transport = SUBS_UDP, .listener = 0 };

	o.peer.ip.s6_addr[10] = 0xff;
	o.peer.ip.s6_addr[11] = 0xff;
	memcpy(o.peer.ip.s6_addr + 12, (const uint8_t[]){ 198, 51, 100, n }, 4);
	o.peer.port = port;
	o.local = o.peer;
	o.local.ip.s6_addr[15] = 1;
	o.local.port = 53;
	return o;
}

MAYBE static struct subs_origin from_stream(enum subs_transport t, uint64_t stream)
{
	struct subs_origin o = from_host(7, (uint16_t)(40000 + stream));

	o.transport = t;
	o.listener = -1;
	o.stream = stream;
	return o;
}

/* --- what is said --- */

struct asked {
	const uint8_t *name;
	uint16_t type, class_;
	struct llq_option o;
};

static struct asked llq(const uint8_t *name, uint16_t type, uint16_t opcode, const uint8_t *id,
			uint32_t lease)
{
	struct asked q = { name, type, DNS_IN, { LLQ_VERSION, opcode, 0, { 0 }, lease } };

	if (id)
		memcpy(q.o.id, id, LLQ_ID_LEN);
	return q;
}

static size_t put_asked(uint8_t out[DNS_MAX], uint16_t id, uint16_t flags,
			const struct asked *q, unsigned int n)
{
	uint8_t options[128 * (4 + LLQ_OPTION_LEN)];
	struct dns_writer d;
	unsigned int i;
	size_t len = 0;

	dns_writer_init(&d, out, DNS_MAX, id, flags);
	for (i = 0; i < n; i++) {
		if (q[i].name)
			dns_put_question(&d, q[i].name, q[i].type, q[i].class_);
		len += llq_option_write(&q[i].o, options + len);
	}
	dns_put_opt(&d, w.udp_size, 0, options, len);
	assert_false(d.failed);
	return d.len;
}

static int tell(const struct subs_origin *from, const struct subs_identity *who,
		const uint8_t *msg, size_t len)
{
	uint8_t *exact = exact_copy(msg, len);
	struct subs_in in = { .from = *from, .who = who, .msg = exact, .len = len };
	uint32_t mac = w.mac ? w.mac : ++w.macs;
	int ret;

	if (who) {
		in.mac.len = 4;
		memcpy(in.mac.b, &mac, 4);
		in.time_signed = w.signed_at ? w.signed_at : w.now / 1000;
	}
	assert_true(subs_is_llq(exact, len));
	ret = subs_message(w.s, &in, w.now);
	free(exact);
	return ret;
}

MAYBE static void say_all(const struct subs_origin *from, const struct subs_identity *who,
			  const struct asked *q, unsigned int n)
{
	uint8_t msg[DNS_MAX];
	size_t len = put_asked(msg, ++w.message_id, 0, q, n);

	assert_int_equal(tell(from, who, msg, len), 0);
}

#define say(from, who, ...)						\
	do {								\
		const struct asked say_q = llq(__VA_ARGS__);		\
									\
		say_all(from, who, &say_q, 1);				\
	} while (0)

/* --- what comes back --- */

static void put_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put_text(const char *format, ...)
{
	size_t n = strlen(w.text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(w.text + n, sizeof(w.text) - n, format, ap);
	va_end(ap);
}

static void text_rr(char sign, const struct dns_rr *rr)
{
	const uint8_t *end = rr->rdata + rr->rdlen;

	put_text(" %c%.*s/", sign, rr->owner[0], (const char *)rr->owner + 1);
	switch (rr->type) {
	case DNS_A:
		put_text("A.%u", end[-1]);
		break;
	case DNS_AAAA:
		put_text("AAAA.%u", dns_u16(end - 2));
		break;
	case DNS_SRV:
		put_text("SRV.%u", dns_u16(rr->rdata + 4));
		break;
	default:
		put_text("%u.%u", rr->type, rr->rdlen >= 2 ? dns_u16(end - 2) : 0);
		break;
	}
}

static void text_options(const struct dns_shape *shape)
{
	static const char *const names[] = { "?", "setup", "refresh", "event" };
	struct edns_option e;
	struct llq_option o;
	size_t pos = 0;

	while (edns_next(shape->opt, shape->opt_len, &pos, &e) > 0) {
		assert_int_equal(e.code, EDNS_LLQ);
		assert_int_equal(llq_option_read(&e, &o), 0);
		assert_int_equal(o.version, LLQ_VERSION);
		put_text("%s%s", *w.text ? ", " : "", names[o.opcode & 3]);
		if (o.error)
			put_text("!%u", o.error);
		put_text(" %u", o.lease);
		memcpy(w.id[w.n_options], o.id, LLQ_ID_LEN);
		w.lease[w.n_options++] = o.lease;
	}
}

/* The oldest message sent that has not been looked at, as text. */
MAYBE static const char *next(void)
{
	struct dns_shape shape;
	struct dns_walk walk;
	struct dns_rr rr;
	int ret;

	w.text[0] = '\0';
	w.n_options = 0;
	w.got = NULL;
	if (!w.n_sent)
		return "nothing";
	w.got = &w.sent[w.first];
	w.first = (w.first + 1) % N_SENT;
	w.n_sent--;

	assert_int_equal(dns_shape(w.got->msg, w.got->len, &shape), 0);
	assert_true(shape.has_opt);
	assert_true(dns_flags(w.got->msg) & DNS_QR);
	if (dns_rcode(w.got->msg))
		put_text("rcode%u", dns_rcode(w.got->msg));
	text_options(&shape);
	assert_int_equal(dns_walk_init(&walk, w.got->msg, w.got->len), 0);
	while ((ret = dns_walk_rr(&walk, &rr)) > 0) {
		if (rr.type == DNS_OPT)
			continue;
		text_rr(walk.section == 3 ? '&' : rr.ttl == UINT32_MAX ? '-' : '+', &rr);
	}
	assert_int_equal(ret, 0);
	return w.text;
}

#define assert_next(want)	assert_string_equal(next(), want)

/* --- common ways --- */

/* Through all four steps; w.id[0] is the LLQ's. */
MAYBE static void set_up(const struct subs_origin *from, const struct subs_identity *who,
			 const uint8_t *name, uint16_t type, uint32_t lease)
{
	uint8_t id[LLQ_ID_LEN];

	say(from, who, name, type, LLQ_SETUP, NULL, lease);
	next();
	assert_non_null(w.got);
	memcpy(id, w.id[0], LLQ_ID_LEN);
	say(from, who, name, type, LLQ_SETUP, id, w.lease[0]);
	next();
	assert_non_null(w.got);
	assert_int_equal(dns_rcode(w.got->msg), 0);
	assert_memory_equal(w.id[0], id, LLQ_ID_LEN);
}

/* As dispatch.c does it. False: it did not count. */
MAYBE static bool ack_as(const struct sent *event, const struct subs_origin *from,
			 const struct subs_identity *by, const struct tsig_mac *prior,
			 uint16_t error)
{
	const struct subs_identity *who = NULL;
	struct asked q = { 0 };
	struct dns_shape shape;
	struct edns_option e;
	struct tsig_mac want;
	uint64_t before = stats().acked;
	uint8_t msg[DNS_MAX];
	size_t len, pos = 0;
	int ret;

	assert_int_equal(dns_shape(event->msg, event->len, &shape), 0);
	assert_int_equal(edns_next(shape.opt, shape.opt_len, &pos, &e), 1);
	assert_int_equal(llq_option_read(&e, &q.o), 0);
	q.o.error = error;
	len = put_asked(msg, dns_id(event->msg), DNS_QR, &q, 1);
	ret = subs_event_mac(w.s, from, msg, len, &who, &want);
	if (ret < 0)
		return false;
	if (ret == 0) {
		assert_non_null(who);
		if (!by || !dname_equal(by->name, who->name) || by->tag != who->tag ||
		    want.len != prior->len || memcmp(want.b, prior->b, want.len))
			return false;
	}
	assert_int_equal(tell(from, by, msg, len), 0);
	return stats().acked > before;
}

MAYBE static bool ack(const struct sent *event, const struct subs_identity *by)
{
	return ack_as(event, &event->to, by, &event->mac, 0);
}

#endif
