/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A primary to transfer from, for tests. After test.h. */
#ifndef BTMM_TEST_XFR_H
#define BTMM_TEST_XFR_H

#include "../lib/zone/xfr.h"
#include "test_zone.h"

/* The time that everything begins with, in ms. */
#define T0	1000000ull

struct primary {
	struct zone *z;		/* the mirror */
	struct xfr *x;
	struct told told;	/* what its watcher heard */
	/* the last request */
	uint8_t request[700];
	size_t request_len;
	uint16_t type;
	uint32_t serial;	/* that it says is here */
	/* the answer that is being made */
	uint8_t buf[DNS_MAX];
	struct dns_writer w;
};

static inline struct primary *primary_new(const struct tsig_key *key,
					  const struct xfr_limits *limits)
{
	struct primary *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->z = zone_new(dn("example.com"));
	zone_watch(p->z, told_fn, &p->told);
	p->x = xfr_new(p->z, key, limits, 4711);
	assert_non_null(p->x);
	return p;
}

static inline void primary_free(struct primary *p)
{
	xfr_free(p->x);
	zone_free(p->z);
	free(p);
}

/* Lets it ask; returns the type asked for. */
static inline uint16_t asked(struct primary *p, uint64_t now)
{
	struct dns_question q;
	struct dns_walk w;
	struct dns_rr rr;

	assert_true(xfr_wants_request(p->x, now));
	assert_true(xfr_deadline(p->x) <= now);
	p->request_len = xfr_request(p->x, now, 4711, p->request, sizeof(p->request));
	assert_true(p->request_len);
	assert_false(xfr_wants_request(p->x, now));
	/* Only one at a time. */
	assert_int_equal(xfr_request(p->x, now, 4712, p->buf, sizeof(p->buf)), 0);

	assert_int_equal(dns_id(p->request), 4711);
	assert_int_equal(dns_flags(p->request), 0);
	assert_int_equal(dns_walk_init(&w, p->request, p->request_len), 0);
	assert_int_equal(dns_walk_question(&w, &q), 1);
	assert_true(dname_equal(q.name, dn("example.com")));
	p->type = q.type;
	p->serial = 0;
	assert_int_equal(dns_count(p->request, 2), p->type == DNS_IXFR);
	while (dns_walk_rr(&w, &rr) == 1) {
		uint8_t soa[600];
		int len;

		if (w.section != 2)
			continue;
		len = dns_rdata_canonical(p->request, p->request_len, &rr, soa);
		assert_true(rr.type == DNS_SOA && len > 20);
		p->serial = dns_u32(soa + len - 20);
	}
	return p->type;
}

static inline void reply_begin(struct primary *p, uint16_t id, uint16_t flags, bool question)
{
	dns_writer_init(&p->w, p->buf, sizeof(p->buf), id, flags);
	if (question)
		dns_put_question(&p->w, dn("example.com"), p->type, DNS_IN);
}

/* "OWNER TYPE [TTL] RDATA"; OWNER without the zone's name, "@" for that. */
static inline void reply_line(struct primary *p, const char *line)
{
	static const struct { const char *text; uint16_t type; } types[] = {
		{ "A", DNS_A }, { "AAAA", DNS_AAAA }, { "NS", DNS_NS }, { "SRV", DNS_SRV },
		{ "SOA", DNS_SOA }, { "TXT", DNS_TXT }, { "LEASED", DNS_LEASED },
		{ "PTR", DNS_PTR }, { "MX", DNS_MX },
	};
	char owner[64], type[16], data[128];
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t number = 0, len;
	unsigned int ttl = 60;
	int at = 0;
	size_t i;

	assert_int_equal(sscanf(line, "%40s %15s %127[^\n]", owner, type, data), 3);
	if (sscanf(data, "ttl=%u %n", &ttl, &at) == 1)
		memmove(data, data + at, strlen(data + at) + 1);
	for (i = 0; i < N_OF(types); i++) {
		if (!strcmp(types[i].text, type))
			number = types[i].type;
	}
	assert_true(number);
	if (!strcmp(owner, "@"))
		snprintf(owner, sizeof(owner), "example.com");
	else if (owner[strlen(owner) - 1] != '.')
		strcat(owner, ".example.com");
	len = rdata(number, data, rd);
	dns_put_rr(&p->w, 1, dn(owner), number, DNS_IN, ttl, rd, len);
	assert_false(p->w.failed);
}

/* Gives it what has been made, as an allocation that ends where it does. */
static inline enum xfr_result reply_send(struct primary *p, uint64_t now)
{
	uint8_t *msg = exact_copy(p->buf, p->w.len);
	enum xfr_result result = xfr_response(p->x, now, msg, p->w.len);

	free(msg);
	return result;
}

static inline enum xfr_result reply_lines(struct primary *p, uint64_t now, bool question,
					  const char *const *lines, size_t n)
{
	size_t i;

	reply_begin(p, 4711, DNS_QR | DNS_AA, question);
	for (i = 0; i < n; i++)
		reply_line(p, lines[i]);
	return reply_send(p, now);
}

/* A message with these lines as its answer. */
#define reply(p, now, ...)	reply_lines(p, now, true,				\
	(const char *const []){ __VA_ARGS__ },						\
	sizeof((const char *const []){ __VA_ARGS__ }) / sizeof(const char *))
#define reply_more(p, now, ...)	reply_lines(p, now, false,				\
	(const char *const []){ __VA_ARGS__ },						\
	sizeof((const char *const []){ __VA_ARGS__ }) / sizeof(const char *))

/* A mirror at serial 5 that has a.example.com A 192.0.2.1. */
static inline struct primary *loaded(const struct xfr_limits *limits)
{
	struct primary *p = primary_new(NULL, limits);

	assert_int_equal(asked(p, T0), DNS_AXFR);
	assert_int_equal(reply(p, T0, "@ SOA 5", "@ NS ns1.example.com", "a A 192.0.2.1",
			       "@ SOA 5"), XFR_DONE);
	assert_int_equal(zone_serial(p->z), 5);
	assert_int_equal(p->told.n, 3);
	memset(&p->told, 0, sizeof(p->told));
	return p;
}

/* ... that has been told that there is something new, and has asked. */
static inline struct primary *asking(const struct xfr_limits *limits)
{
	struct primary *p = loaded(limits);

	xfr_poke(p->x, T0);
	assert_int_equal(asked(p, T0), DNS_IXFR);
	assert_int_equal(p->serial, 5);
	return p;
}

/* Nothing has changed of what loaded() has made. */
static inline void assert_untouched(struct primary *p)
{
	assert_int_equal(zone_serial(p->z), 5);
	assert_int_equal(zone_names(p->z), 2);
	assert_true(zhas(p->z, "a.example.com", DNS_A, "192.0.2.1"));
	assert_true(zhas(p->z, "example.com", DNS_NS, "ns1.example.com"));
	assert_true(zhas(p->z, "example.com", DNS_SOA, "5"));
	assert_told(&p->told, "");
}

#endif
