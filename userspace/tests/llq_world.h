/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of Long-Lived Queries in a made-up world: a clock, a server that says
 * what a test wants it to, a signature that needs no key.
 */
#ifndef BTMM_LLQ_WORLD_H
#define BTMM_LLQ_WORLD_H

#include "../lib/llq/client.h"

#define SECONDS	1000ull
#define MINUTES	60000ull
#define HOURS	3600000ull

static const uint8_t host[] = "\4host\7example\3com";
static const uint8_t other[] = "\5other\7example\3com";
static const uint8_t id_a[LLQ_ID_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t id_b[LLQ_ID_LEN] = { 9, 9, 9, 9, 9, 9, 9, 9 };

/* A client, a clock, what it last sent and what it told. */
static struct world {
	struct llq_client *c;
	uint64_t now;
	char log[4096];
	uint8_t out[DNS_UDP_MAX], reply[DNS_UDP_MAX];
	size_t len, reply_len;
	/* The signer: what is signed with, and when */
	uint64_t clock;
	bool again;
	unsigned int signatures;
} w;

static inline void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void note(const char *format, ...)
{
	size_t n = strlen(w.log);
	va_list ap;

	va_start(ap, format);
	vsnprintf(w.log + n, sizeof(w.log) - n, format, ap);
	va_end(ap);
}

static inline void on_change(void *arg, void *tag, bool add, const struct answer *a)
{
	assert_ptr_equal(arg, &w);
	note("%c%s.%u ", add ? '+' : '-', (char *)tag, a->rdata[a->rdlen - 1]);
}

static inline void on_additional(void *arg, void *tag, const struct answer *a)
{
	(void)arg;
	note("&%s.%u ", (char *)tag, a->rdata[a->rdlen - 1]);
}

static inline void on_settled(void *arg, void *tag, enum answers_status status)
{
	static const char *const names[] = { "unknown", "stale", "polled", "live" };

	(void)arg;
	note("%s=%s ", (char *)tag, names[status]);
}

static const struct llq_client_ops ops = {
	.change = on_change, .additional = on_additional, .settled = on_settled,
};

static inline void assert_log(const char *want)
{
	assert_string_equal(w.log, want);
	w.log[0] = '\0';
}

/* --- a signature that needs no key: a TSIG record with a hash and a time --- */

static inline uint64_t fake_mac(const uint8_t *msg, size_t len, const struct tsig_mac *prior)
{
	static const uint8_t key[16] = "key";
	uint8_t all[DNS_UDP_MAX + TSIG_MAC_MAX];

	memcpy(all, msg, len);
	if (prior)
		memcpy(all + len, prior->b, prior->len);
	return siphash24(key, all, len + (prior ? prior->len : 0));
}

static inline int fake_sign(void *arg, uint8_t *msg, size_t *len, size_t size,
		     const struct tsig_mac *prior, struct tsig_mac *mac)
{
	static const uint8_t head[] = { 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 16 };
	uint64_t hash;

	assert_ptr_equal(arg, &w);
	if (*len + sizeof(head) + 16 > size)
		return -ENOSPC;
	memcpy(msg + *len + sizeof(head) + 8, &w.clock, 8);
	hash = fake_mac(msg, *len, prior) ^ w.clock;
	memcpy(msg + *len, head, sizeof(head));
	memcpy(msg + *len + sizeof(head), &hash, 8);
	*len += sizeof(head) + 16;
	dns_put16(msg + 10, dns_count(msg, 3) + 1);
	mac->len = 8;
	memcpy(mac->b, &hash, 8);
	w.signatures++;
	return 0;
}

static inline enum signer_result fake_verify(void *arg, const uint8_t *msg, size_t len,
				      const struct tsig_mac *prior, struct tsig_mac *mac,
				      uint64_t *time)
{
	uint8_t plain[DNS_UDP_MAX];
	struct dns_shape shape;
	uint64_t hash;

	assert_ptr_equal(arg, &w);
	if (dns_shape(msg, len, &shape) || !shape.has_tsig)
		return SIGNER_BAD;
	memcpy(plain, msg, shape.tsig_start);
	dns_put16(plain + 10, dns_count(plain, 3) - 1);
	memcpy(&hash, msg + shape.tsig_start + 11, 8);
	memcpy(time, msg + shape.tsig_start + 19, 8);
	if (hash != (fake_mac(plain, shape.tsig_start, prior) ^ *time))
		return SIGNER_BAD;
	mac->len = 8;
	memcpy(mac->b, &hash, 8);
	return w.again ? SIGNER_AGAIN : SIGNER_GOOD;
}

/* --- both ends --- */

static inline void start(bool stream, bool sign)
{
	struct llq_client_config config = { .stream = stream, .lease = 7200, .seed = "seed" };

	memset(&w, 0, sizeof(w));
	w.now = 5000;
	w.clock = 1000;
	if (sign)
		config.signer = (struct signer){ &w, fake_sign, fake_verify };
	w.c = llq_client_new(&config, &ops, &w);
	assert_non_null(w.c);
}

static inline void stop(void)
{
	llq_client_free(w.c);
	w.c = NULL;
}

static inline bool sends(void)
{
	w.len = llq_client_output(w.c, w.now, w.out, sizeof(w.out));
	return w.len;
}

/* Lets time pass until something is sent; fails if that is not @at after @from. */
static inline void sends_at(uint64_t from, uint64_t at)
{
	while (!sends()) {
		uint64_t due = llq_client_deadline(w.c);

		assert_true(due != UINT64_MAX);
		if (due > w.now)
			w.now = due;
	}
	if (w.now != from + at)
		fail_msg("sent after %llu ms, not %llu", (unsigned long long)(w.now - from),
			 (unsigned long long)at);
}

static inline struct llq_option option_of(const uint8_t *msg, size_t len)
{
	struct edns_option o;
	struct llq_option l = { 0 };
	struct dns_shape shape;
	size_t pos = 0;

	assert_int_equal(dns_shape(msg, len, &shape), 0);
	if (edns_next(shape.opt, shape.opt_len, &pos, &o) > 0)
		assert_int_equal(llq_option_read(&o, &l), 0);
	return l;
}

static inline struct llq_option opt(uint16_t opcode, uint16_t error, const uint8_t *id, uint32_t lease)
{
	struct llq_option o = { LLQ_VERSION, opcode, error, { 0 }, lease };

	if (id)
		memcpy(o.id, id, LLQ_ID_LEN);
	return o;
}

/* What the server says: @answers is "+1 -2 &3", addresses 192.0.2.N */
struct said {
	uint16_t id;
	unsigned int rcode;
	const uint8_t *name;		/* NULL: no question */
	const struct llq_option *o;	/* NULL: none */
	const char *answers;
	const struct tsig_mac *prior;
	bool sign;
};

static inline size_t put(const struct said *s, uint8_t out[DNS_UDP_MAX])
{
	uint8_t option[4 + LLQ_OPTION_LEN], ip[4] = { 192, 0, 2, 0 };
	struct dns_writer d;
	struct tsig_mac mac;
	const char *p;
	size_t len;

	dns_writer_init(&d, out, DNS_UDP_MAX, s->id, (uint16_t)(DNS_QR | s->rcode));
	if (s->name)
		dns_put_question(&d, s->name, DNS_A, DNS_IN);
	for (p = s->answers; p && *p; p += 3) {
		ip[3] = (uint8_t)(p[1] - '0');
		dns_put_rr(&d, *p == '&' ? 3 : 1, *p == '&' ? other : s->name, DNS_A, DNS_IN,
			   *p == '-' ? UINT32_MAX : 120, ip, 4);
		if (!p[2])
			break;
	}
	if (s->o)
		dns_put_opt(&d, 1440, 0, option, llq_option_write(s->o, option));
	assert_false(d.failed);
	len = d.len;
	if (s->sign)
		assert_int_equal(fake_sign(&w, out, &len, DNS_UDP_MAX, s->prior, &mac), 0);
	return len;
}

/* Returns whether it was acknowledged. */
static inline bool hears(const struct said *s)
{
	uint8_t msg[DNS_UDP_MAX], *exact;
	size_t len = put(s, msg);

	exact = exact_copy(msg, len);
	w.reply_len = llq_client_input(w.c, w.now, exact, len, w.reply, sizeof(w.reply));
	free(exact);
	return w.reply_len;
}

/* An answer to what was last sent. */
static inline void answers(struct llq_option o, const char *records)
{
	struct said s = { .id = dns_id(w.out), .name = host, .o = &o, .answers = records };

	assert_false(hears(&s));
}

static inline void assert_sent(uint16_t opcode, const uint8_t *id, uint32_t lease)
{
	struct llq_option o = option_of(w.out, w.len), want = opt(opcode, 0, id, lease);

	assert_int_equal(dns_flags(w.out), 0);
	assert_int_equal(o.version, LLQ_VERSION);
	assert_int_equal(o.opcode, opcode);
	assert_int_equal(o.error, 0);
	assert_memory_equal(o.id, want.id, LLQ_ID_LEN);
	assert_int_equal(o.lease, lease);
}

static inline struct llq_query *add(char *tag)
{
	struct llq_query *q = llq_client_add(w.c, host, DNS_A, tag, w.now);

	assert_non_null(q);
	return q;
}

/* Through all four steps: up with answer 1, granted an hour. */
static inline struct llq_query *up(char *tag)
{
	struct llq_query *q = add(tag);

	assert_true(sends());
	answers(opt(LLQ_SETUP, 0, id_a, 3600), NULL);
	assert_true(sends());
	answers(opt(LLQ_SETUP, 0, id_a, 3600), "+1");
	assert_int_equal(llq_query_status(q), ANSWERS_LIVE);
	w.log[0] = '\0';
	return q;
}

static inline bool event(uint16_t id, const uint8_t *llq, const char *records)
{
	struct llq_option o = opt(LLQ_EVENT, 0, llq, 0);
	struct said s = { .id = id, .name = host, .o = &o, .answers = records };

	return hears(&s);
}

#endif
