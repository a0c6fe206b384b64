/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine of peers in a made-up world: questions by name, records as text, and what
 * it tells as a line. After test.h.
 */
#ifndef BTMM_PEERS_WORLD_H
#define BTMM_PEERS_WORLD_H

#include <arpa/inet.h>

#include "../lib/peers/peers.h"

#define DOMAIN	"alice.example.com"

static struct world {
	struct peers *p;
	uint64_t now;
	char log[8192];
	char wants[8192];
} w;

static inline void put(char *log, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static inline void put(char *log, size_t size, const char *format, ...)
{
	size_t n = strlen(log);
	va_list ap;

	va_start(ap, format);
	vsnprintf(log + n, size - n, format, ap);
	va_end(ap);
}

/* "" is the domain; else relative to it unless it ends with a dot. */
static inline const uint8_t *wire(const char *name, uint8_t out[DNAME_MAX])
{
	char text[512];

	if (*name && name[strlen(name) - 1] == '.')
		snprintf(text, sizeof(text), "%s", name);
	else
		snprintf(text, sizeof(text), "%s%s" DOMAIN, name, *name ? "." : "");
	assert_null(dname_from_text(text, out));
	return out;
}

static inline void start_with(bool ipv6, unsigned int max)
{
	uint8_t domain[DNAME_MAX], self[DNAME_MAX];
	struct peers_config config = {
		.domain = wire("", domain), .self = wire("me", self), .ipv4 = true,
		.ipv6 = ipv6, .max = max, .keep = 3600,
	};
	struct in6_addr own;

	memset(&w, 0, sizeof(w));
	w.now = 1000;
	w.p = peers_new(&config);
	assert_non_null(w.p);
	inet_pton(AF_INET6, "fd00:1:1:1:1:1:1:1", &own);
	peers_own(w.p, &own);
}

static inline int setup(void **state)
{
	(void)state;
	start_with(false, 0);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	peers_free(w.p);
	return 0;
}

static inline struct peers_question *question(const char *name, uint16_t type)
{
	struct peers_question *q = NULL;
	uint8_t n[DNAME_MAX];

	wire(name, n);
	while ((q = peers_questions(w.p, q))) {
		if (peers_question_type(q) == type && dname_equal(peers_question_name(q), n))
			return q;
	}
	return NULL;
}

static inline const char *short_name(const uint8_t *name)
{
	static char text[DNAME_TEXT_MAX];
	char *at;

	dname_to_text(name, text);
	at = strstr(text, DOMAIN);
	if (at && at > text)
		at[-1] = '\0';
	return text;
}

/* What is wanted, then what is told. */
static inline void turn(void)
{
	static const char *const words[] = { "+", "-", "=" };
	static const char *const kinds[] = { "came", "moved", "reborn", "went", "read" };
	struct peers_question *q;
	enum peers_want want;
	struct peers_event e;

	while (peers_event(w.p, w.now, &e)) {
		char ula[64], outer[64] = "-";
		const char *dot = strchr(e.name, '.');

		inet_ntop(AF_INET6, &e.ula, ula, sizeof(ula));
		if (e.outer.len)
			text_from_endpoint(&e.outer, e.port, outer);
		if (e.kind == PEERS_WENT)
			inet_ntop(AF_INET6, &e.old_ula, ula, sizeof(ula));
		put(w.log, sizeof(w.log), "%.*s %s %s %s; ", (int)(dot - e.name), e.name,
		    kinds[e.kind], ula, outer);
	}
	while (peers_want(w.p, &want, &q)) {
		put(w.wants, sizeof(w.wants), "%s%s/%u ", words[want],
		    short_name(peers_question_name(q)), peers_question_type(q));
		if (want == PEERS_AGAIN)
			peers_renew(w.p, q, w.now);
	}
	assert_true(peers_deadline(w.p) > w.now);
}

/* Time goes by, with all that is due in it. */
static inline void later(uint64_t ms)
{
	uint64_t end = w.now + ms, due;

	while ((due = peers_deadline(w.p)) <= end) {
		w.now = due > w.now ? due : w.now;
		turn();
	}
	w.now = end;
}

static inline void assert_log(const char *want)
{
	assert_string_equal(w.log, want);
	w.log[0] = '\0';
}

static inline void assert_wants(const char *want)
{
	assert_string_equal(w.wants, want);
	w.wants[0] = '\0';
}

/* "PORT TARGET" or "PRIORITY PORT TARGET" for SRV */
static inline uint16_t rdata_of(uint16_t type, const char *text, uint8_t out[512])
{
	unsigned int a, b;
	char target[256];

	switch (type) {
	case DNS_A:
		assert_int_equal(inet_pton(AF_INET, text, out), 1);
		return 4;
	case DNS_AAAA:
		assert_int_equal(inet_pton(AF_INET6, text, out), 1);
		return 16;
	case DNS_PTR:
		return (uint16_t)dname_len(wire(text, out));
	default:
		memset(out, 0, 6);
		if (sscanf(text, "%u %u %255s", &a, &b, target) == 3) {
			out[1] = (uint8_t)a;
			dns_put16(out + 4, (uint16_t)b);
		} else {
			assert_int_equal(sscanf(text, "%u %255s", &a, target), 2);
			dns_put16(out + 4, (uint16_t)a);
		}
		return (uint16_t)(6 + dname_len(wire(target, out + 6)));
	}
}

static inline void tell(const char *name, uint16_t type, bool add, const char *text)
{
	struct peers_question *q = question(name, type);
	uint8_t rdata[512], owner[DNAME_MAX], *exact;
	struct answer a = { .owner = wire(name, owner), .type = type, .class_ = DNS_IN };

	assert_non_null(q);
	a.rdlen = rdata_of(type, text, rdata);
	exact = exact_copy(rdata, a.rdlen);
	a.rdata = exact;
	peers_change(w.p, q, add, &a);
	free(exact);
}

static inline void settle(const char *name, uint16_t type, enum answers_status status)
{
	struct peers_question *q = question(name, type);

	assert_non_null(q);
	peers_settled(w.p, q, status, w.now);
	turn();
}

/* The answer to a question: records, divided by semicolons */
static inline void answer(const char *name, uint16_t type, const char *records)
{
	char copy[1024], *at = copy, *one;

	turn();
	snprintf(copy, sizeof(copy), "%s", records);
	while ((one = strsep(&at, ";"))) {
		if (*one)
			tell(name, type, true, one);
	}
	settle(name, type, ANSWERS_LIVE);
}

static inline void change(const char *name, uint16_t type, const char *del, const char *add)
{
	if (add)
		tell(name, type, true, add);
	if (del)
		tell(name, type, false, del);
	settle(name, type, ANSWERS_LIVE);
}

static inline void additional(const char *host, const char *owner, uint16_t type,
			      const char *text)
{
	uint8_t rdata[512], name[DNAME_MAX];
	struct answer a = { .owner = wire(owner, name), .type = type, .class_ = DNS_IN,
			    .rdata = rdata };

	a.rdlen = rdata_of(type, text, rdata);
	peers_additional(w.p, question(host, DNS_AAAA), &a);
}

#define LIST	"_autotunnel._udp"
#define SRV_OF(host)	"_autotunnel._udp." host

static inline enum peers_reason reason_of(const char *host)
{
	struct peers_walk walk = { 0 };
	struct peers_status s;
	char name[300];

	snprintf(name, sizeof(name), "%s." DOMAIN, host);
	while (peers_next(w.p, &walk, &s)) {
		if (!strcmp(s.name, name) || !strcmp(s.name, host)) {
			assert_true(!s.reason == !*peers_reason_text(s.reason));
			return s.reason;
		}
	}
	return (enum peers_reason)-1;
}

/* A host with all that it needs */
static inline void complete(const char *host, const char *ula, const char *address)
{
	char srv[300], at[300], data[400];

	snprintf(srv, sizeof(srv), SRV_OF("%s"), host);
	snprintf(at, sizeof(at), "at-%s", host);
	snprintf(data, sizeof(data), "4500 %s", at);
	answer(host, DNS_AAAA, ula);
	answer(srv, DNS_SRV, data);
	answer(at, DNS_A, address);
}

#endif
