/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of DNS Push in a made-up world: a clock, and a server that says what a
 * test wants it to. After test.h.
 */
#ifndef BTMM_PUSH_WORLD_H
#define BTMM_PUSH_WORLD_H

#include "../lib/dns/dso.h"
#include "../lib/llq/push_client.h"

#define SECONDS	1000ull
#define MINUTES	60000ull
#define HOURS	3600000ull

static const uint8_t zone[] = "\7example\3com";
static const uint8_t host[] = "\4host\7example\3com";
static const uint8_t other[] = "\5other\7example\3com";

/* A client, a clock, what it last sent and what it told. */
static struct world {
	struct push_client *c;
	uint64_t now;
	char log[4096];
	uint8_t out[DNS_UDP_MAX];
	size_t len;
	struct dso dso;		/* of @out, if it is one */
	struct dso_tlv tlv;
	enum signer_result verdict;
	int cannot_sign;
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

static inline void on_change(void *arg, void *tag, bool is_add, const struct answer *a)
{
	assert_ptr_equal(arg, &w);
	note("%c%s.%u ", is_add ? '+' : '-', (char *)tag, a->rdata[a->rdlen - 1]);
}

static inline void on_again(void *arg, void *tag, const struct answer *a)
{
	assert_ptr_equal(arg, &w);
	note("=%s.%u ", (char *)tag, a->rdata[a->rdlen - 1]);
}

static inline void on_settled(void *arg, void *tag, enum answers_status status)
{
	static const char *const names[] = { "unknown", "stale", "polled", "live" };

	assert_ptr_equal(arg, &w);
	note("%s=%s ", (char *)tag, names[status]);
}

static const struct push_client_ops ops = {
	.change = on_change, .again = on_again, .settled = on_settled,
};

static inline void assert_log(const char *want)
{
	assert_string_equal(w.log, want);
	w.log[0] = '\0';
}

/* A signature that is none: it only has to be asked for and judged. */
static inline int world_sign(void *arg, uint8_t *msg, size_t *len, size_t size,
			     const struct tsig_mac *prior, struct tsig_mac *mac)
{
	assert_ptr_equal(arg, &w);
	assert_null(prior);
	assert_in_range(*len, DNS_HEADER, size);
	*mac = (struct tsig_mac){ .len = 2, .b = { msg[0], msg[1] } };
	return w.cannot_sign;
}

static inline enum signer_result world_verify(void *arg, const uint8_t *msg, size_t len,
					      const struct tsig_mac *prior,
					      struct tsig_mac *mac, uint64_t *time)
{
	assert_ptr_equal(arg, &w);
	assert_true(len >= DNS_HEADER);
	*mac = *prior;
	*time = 0;
	return memcmp(msg, prior->b, 2) ? SIGNER_BAD : w.verdict;
}

static inline void start(bool sign)
{
	struct push_client_config config = { .zone = zone, .stale = 300, .seed = "seed" };

	memset(&w, 0, sizeof(w));
	w.now = 5000;
	if (sign)
		config.signer = (struct signer){ &w, world_sign, world_verify };
	w.c = push_client_new(&config, &ops, &w);
	assert_non_null(w.c);
}

static inline void stop(void)
{
	push_client_free(w.c);
	w.c = NULL;
}

static inline bool sends(void)
{
	w.len = push_client_output(w.c, w.now, w.out, sizeof(w.out));
	w.dso = (struct dso){ 0 };
	w.tlv = (struct dso_tlv){ 0 };
	if (w.len && dns_opcode(w.out) == DNS_DSO) {
		assert_int_equal(dso_read(w.out, w.len, &w.dso), 0);
		dso_next(&w.dso, &w.tlv);
	}
	return w.len;
}

/* The next message, which is to be of that kind and type. */
static inline uint16_t sends_dso(enum dso_kind kind, uint16_t type)
{
	assert_true(push_client_deadline(w.c) <= w.now);
	assert_true(sends());
	assert_int_equal(dns_opcode(w.out), DNS_DSO);
	assert_int_equal(w.dso.kind, kind);
	assert_int_equal(w.tlv.type, type);
	return w.dso.id;
}

static inline uint16_t sends_keepalive(void)
{
	return sends_dso(DSO_REQUEST, DSO_KEEPALIVE);
}

/* A SUBSCRIBE, with these question */
static inline uint16_t sends_subscribe(const uint8_t *name, uint16_t type)
{
	uint16_t id = sends_dso(DSO_REQUEST, DSO_SUBSCRIBE);
	struct dns_question q;

	assert_int_equal(dso_subscribe_read(&w.tlv, &q), 0);
	assert_true(dname_equal(q.name, name));
	assert_int_equal(q.type, type);
	assert_int_equal(q.class_, DNS_IN);
	return id;
}

static inline void sends_unsubscribe(uint16_t id)
{
	uint16_t which;

	sends_dso(DSO_UNIDIRECTIONAL, DSO_UNSUBSCRIBE);
	assert_int_equal(dso_unsubscribe_read(&w.tlv, &which), 0);
	assert_int_equal(which, id);
}

/* Nothing more is sent, now or before the deadline. */
static inline void silent(void)
{
	assert_false(sends());
	assert_true(push_client_deadline(w.c) > w.now);
}

static inline void hears(const uint8_t *msg, size_t len)
{
	uint8_t *exact = exact_copy(msg, len);

	push_client_input(w.c, w.now, exact, len);
	free(exact);
}

/* A response; @ms: with that Retry Delay */
static inline void responds(uint16_t id, unsigned int rcode, const uint32_t *ms)
{
	uint8_t msg[64];
	struct dso_writer d;

	dso_writer_init(&d, msg, sizeof(msg), DSO_RESPONSE, id, rcode);
	if (ms)
		dso_put_retry_delay(&d, *ms);
	hears(msg, d.len);
}

/* Session timeouts: in a response, or (@id 0) just so */
static inline void keeps_alive(uint16_t id, uint32_t inactivity, uint32_t interval)
{
	const struct dso_keepalive k = { inactivity, interval };
	uint8_t msg[64];
	struct dso_writer d;

	dso_writer_init(&d, msg, sizeof(msg), id ? DSO_RESPONSE : DSO_UNIDIRECTIONAL, id, 0);
	dso_put_keepalive(&d, &k);
	hears(msg, d.len);
}

static inline void says_retry_delay(unsigned int rcode, uint32_t ms)
{
	uint8_t msg[64];
	struct dso_writer d;

	dso_writer_init(&d, msg, sizeof(msg), DSO_UNIDIRECTIONAL, 0, rcode);
	dso_put_retry_delay(&d, ms);
	hears(msg, d.len);
}

/* A PUSH about @name: "+1 -2", addresses 192.0.2.N */
static inline void pushes(const uint8_t *name, const char *changes)
{
	uint8_t msg[512], ip[4] = { 192, 0, 2, 0 };
	struct dso_writer d;

	dso_writer_init(&d, msg, sizeof(msg), DSO_UNIDIRECTIONAL, 0, 0);
	for (; *changes; changes += changes[2] ? 3 : 2) {
		ip[3] = (uint8_t)(changes[1] - '0');
		assert_true(dso_put_push(&d, name, DNS_A, DNS_IN,
					 *changes == '-' ? DSO_TTL_REMOVE : 120, ip, 4));
	}
	hears(msg, d.len);
}

static inline void pushes_one(const uint8_t *name, uint16_t type, uint16_t class_, uint32_t ttl,
			      const void *rdata, size_t rdlen)
{
	uint8_t msg[512];
	struct dso_writer d;

	dso_writer_init(&d, msg, sizeof(msg), DSO_UNIDIRECTIONAL, 0, 0);
	assert_true(dso_put_push(&d, name, type, class_, ttl, rdata, rdlen));
	hears(msg, d.len);
}

static inline struct push_query *add(char *tag)
{
	struct push_query *q = push_client_add(w.c, host, DNS_A, tag, w.now);

	assert_non_null(q);
	return q;
}

static inline void wishes(enum push_wish wish)
{
	assert_int_equal(push_client_wish(w.c, w.now), wish);
}

/* A stream and a session in it, without a signature */
static inline void session_up(void)
{
	wishes(PUSH_CONNECT);
	push_client_connected(w.c, w.now, NULL);
	keeps_alive(sends_keepalive(), 15000, 3600000);
	assert_true(push_client_up(w.c));
}

/* From nothing to LIVE, with answer 1; the ID of the subscription */
static inline uint16_t live(void)
{
	uint16_t id;

	session_up();
	id = sends_subscribe(host, DNS_A);
	silent();
	responds(id, 0, NULL);
	pushes(host, "+1");
	keeps_alive(sends_keepalive(), 15000, 3600000);
	silent();
	return id;
}

#endif
