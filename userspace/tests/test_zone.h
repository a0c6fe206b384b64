/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zones of tests, their records written as in a zone file. After test.h. */
#ifndef BTMM_TEST_ZONE_H
#define BTMM_TEST_ZONE_H

#include <arpa/inet.h>
#include <errno.h>

#include "../lib/dns/message.h"
#include "../lib/zone/store.h"

#define RDATA_TEXT_MAX	600

/* Wire form of @text; one of a few buffers in turn. */
static inline const uint8_t *dn(const char *text)
{
	static uint8_t names[8][DNAME_MAX];
	static unsigned int n;
	uint8_t *name = names[n++ % 8];

	assert_null(dname_from_text(text, name));
	return name;
}

static inline uint16_t put_dn(uint8_t *out, const char *text)
{
	const uint8_t *name = dn(text);

	memcpy(out, name, dname_len(name));
	return (uint16_t)dname_len(name);
}

/* RDATA of @text, as much of it as the tests need. SOA: its serial, and maybe
 * the four times. Types without a form of their own: a character string.
 */
static inline uint16_t rdata(uint16_t type, const char *text, uint8_t out[RDATA_TEXT_MAX])
{
	unsigned int v[5] = { 1, 3600, 600, 86400, 300 };
	char target[256] = "";
	uint16_t len;
	int i;

	switch (type) {
	case DNS_A:
		assert_int_equal(inet_pton(AF_INET, text, out), 1);
		return 4;
	case DNS_AAAA:
		assert_int_equal(inet_pton(AF_INET6, text, out), 1);
		return 16;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
	case DNS_DNAME:
		return put_dn(out, text);
	case DNS_MX:
		assert_int_equal(sscanf(text, "%u %255s", v, target), 2);
		dns_put16(out, (uint16_t)v[0]);
		return (uint16_t)(2 + put_dn(out + 2, target));
	case DNS_SRV:
		assert_int_equal(sscanf(text, "%u %u %u %255s", v, v + 1, v + 2, target), 4);
		for (i = 0; i < 3; i++)
			dns_put16(out + 2 * i, (uint16_t)v[i]);
		return (uint16_t)(6 + put_dn(out + 6, target));
	case DNS_SOA:
		assert_true(sscanf(text, "%u %u %u %u %u", v, v + 1, v + 2, v + 3, v + 4) >= 1);
		len = put_dn(out, "ns1.example.com");
		len += put_dn(out + len, "admin.example.com");
		for (i = 0; i < 5; i++)
			dns_put32(out + len + 4 * i, v[i]);
		return (uint16_t)(len + 20);
	default:
		assert_true(strlen(text) <= 255);
		out[0] = (uint8_t)strlen(text);
		memcpy(out + 1, text, out[0]);
		return (uint16_t)(1 + out[0]);
	}
}

static inline int zadd(struct zone *z, const char *owner, uint16_t type, uint32_t ttl,
		       const char *text)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(type, text, rd);

	return zone_add(z, dn(owner), type, ttl, rd, len);
}

/* As a transfer does it: with names in the case of @text. */
static inline int zput(struct zone *z, const char *owner, uint16_t type, uint32_t ttl,
		       const char *text)
{
	uint8_t cased[RDATA_TEXT_MAX], rd[RDATA_TEXT_MAX];
	const struct dns_rr as_sent = {
		.type = type, .rdata = cased, .rdlen = rdata(type, text, cased),
	};
	struct zone_rr rr = { .type = type, .ttl = ttl, .rdata = rd, .rdlen = as_sent.rdlen };

	assert_int_equal(dns_rdata_canonical(cased, rr.rdlen, &as_sent, rd), rr.rdlen);
	if (memcmp(rd, cased, rr.rdlen))
		rr.cased = cased;
	return zone_put(z, dn(owner), &rr);
}

/* Is there a record that shows itself like that? */
static inline bool zshows(const struct zone *z, const char *owner, uint16_t type,
			  const char *text)
{
	const struct zone_node *n = zone_find(z, dn(owner));
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(type, text, rd);
	struct zone_rr rr;
	size_t pos = 0;

	while (n && zone_node_next(n, &pos, &rr)) {
		if (rr.type == type && rr.rdlen == len && !rr.hidden &&
		    !memcmp(zone_rr_shown(&rr), rd, len))
			return true;
	}
	return false;
}

static inline int zremove(struct zone *z, const char *owner, uint16_t type, const char *text)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(type, text, rd);

	return zone_remove(z, dn(owner), type, rd, len);
}

static inline int zhide(struct zone *z, const char *owner, uint16_t type, const char *text)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(type, text, rd);

	return zone_hide(z, dn(owner), type, rd, len);
}

static inline bool zhas(const struct zone *z, const char *owner, uint16_t type,
			const char *text)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(type, text, rd);

	return zone_has(z, dn(owner), type, rd, len, NULL);
}

/* Does it exist for who asks? */
static inline bool zexists(const struct zone *z, const char *name)
{
	const struct zone_node *n = zone_find(z, dn(name));

	return n && zone_node_exists(n);
}

/* What was told, as lines "+ owner type ttl length". */
struct told {
	char text[4096];
	size_t n;
};

static inline void told_fn(void *arg, const struct zone *z, const struct zone_change *c)
{
	char owner[DNAME_TEXT_MAX];
	struct told *t = arg;
	size_t len = strlen(t->text);

	assert_non_null(z);
	assert_false(c->rr.hidden);
	snprintf(t->text + len, sizeof(t->text) - len, "%c %s %u %u %u\n", c->add ? '+' : '-',
		 dname_to_text(c->owner, owner), c->rr.type, c->rr.ttl, c->rr.rdlen);
	t->n++;
}

#define assert_told(t, wanted) do {				\
	struct told *told_ = (t);				\
								\
	assert_string_equal(told_->text, wanted);		\
	told_->text[0] = '\0';					\
	told_->n = 0;						\
} while (0)

#endif
