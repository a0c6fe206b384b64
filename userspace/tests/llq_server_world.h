/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients of the engine of subscriptions in a made-up world, and what it sends them,
 * as text:
 *
 *	setup 7200 +host/A.1 -host/A.2 &_autotunnel/SRV.4500
 *
 * is an answer to a set-up that grants 7200 s, with 192.0.2.1 added, 192.0.2.2
 * removed, and an SRV record with that port in the additional section; "refresh!4 0"
 * is an error; "rcode5" a message with that RCODE and no option.
 */
#ifndef BTMM_LLQ_SERVER_WORLD_H
#define BTMM_LLQ_SERVER_WORLD_H

#include "llq_server_zones.h"

/* --- start and stop --- */

static void world_new(void)
{
	struct subs_ops ops = world_ops;

	if (w.no_persist) {
		ops.persist = NULL;
		ops.forget = NULL;
	}
	w.s = subs_new(&w.config, &ops, &w);
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
static MAYBE void world_again(void)
{
	subs_free(w.s);
	world_new();
}

/* Lets time pass; the engine does what falls due. */
static MAYBE void pass(uint64_t ms)
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

static MAYBE struct subs_stats stats(void)
{
	struct subs_stats out;

	subs_stats(w.s, &out);
	return out;
}

static MAYBE uint32_t n_llqs(void)
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

static MAYBE struct subs_origin from_stream(enum subs_transport t, uint64_t stream)
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

static MAYBE void say_all(const struct subs_origin *from, const struct subs_identity *who,
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
	case DNS_PTR:
		put_text("PTR.%.*s", rr->rdata[0], (const char *)rr->rdata + 1);
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
static MAYBE const char *next(void)
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
static MAYBE void set_up(const struct subs_origin *from, const struct subs_identity *who,
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
static MAYBE bool ack_as(const struct sent *event, const struct subs_origin *from,
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

static MAYBE bool ack(const struct sent *event, const struct subs_identity *by)
{
	return ack_as(event, &event->to, by, &event->mac, 0);
}

/* --- restarts --- */

/* kill -9: nothing is said to anybody. The zones are not there at first. */
static MAYBE void killed(void)
{
	unsigned int i;

	subs_free(w.s);
	w.s = NULL;
	memset(w.held, 0, sizeof(w.held));
	for (i = 0; i < N_ZONES; i++)
		w.zones[i].unloaded = true;
}

static MAYBE void restarted(void)
{
	unsigned int i;

	world_new();
	for (i = 0; i < N_SAVED; i++) {
		if (!w.saved[i].used)
			continue;
		w.saved[i].r.to.listener = w.saved[i].r.apple ? -1 : 6;
		if (subs_restore(w.s, &w.saved[i].r, w.now))
			op_forget(NULL, w.saved[i].r.id);
	}
}

static MAYBE void zones_come(void)
{
	unsigned int i;

	for (i = 0; i < N_ZONES; i++)
		w.zones[i].unloaded = false;
	for (i = 0; i < N_SAVED; i++) {
		struct saved copy = w.saved[i];

		if (!copy.used)
			continue;
		copy.answers = exact_copy(copy.answers, copy.r.answers_len);
		assert_int_equal(subs_resync(w.s, copy.r.id, copy.answers, copy.r.answers_len,
					     w.now), 0);
		free(copy.answers);
	}
	/* Perhaps not all at once: a million may have come back. */
	pass(0);
}

#endif
