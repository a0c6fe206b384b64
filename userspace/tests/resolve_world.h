/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of names with what a test puts in, and questions in text. */
#ifndef BTMM_RESOLVE_WORLD_H
#define BTMM_RESOLVE_WORLD_H

#include <arpa/inet.h>
#include <errno.h>

#include "../lib/resolve/resolve.h"

#define DOMAIN	"alice.example.com"

static struct resolve *table;

static const uint8_t *wire(const char *text)
{
	static uint8_t ring[8][DNAME_MAX];
	static unsigned int n;
	uint8_t *out = ring[n++ % 8];

	assert_null(dname_from_text(text, out));
	return out;
}

static inline int add(enum resolve_source source, const char *owner, uint16_t type,
		      const void *rdata, size_t rdlen)
{
	uint8_t *exact = exact_copy(rdata, rdlen);
	int err = resolve_add(table, source, wire(owner), type, exact, rdlen);

	free(exact);
	return err;
}

static inline size_t aaaa(uint8_t out[16], const char *text)
{
	assert_int_equal(inet_pton(AF_INET6, text, out), 1);
	return 16;
}

static inline size_t srv(uint8_t *out, uint16_t port, const char *target)
{
	const uint8_t *name = wire(target);

	memset(out, 0, 4);
	dns_put16(out + 4, port);
	memcpy(out + 6, name, dname_len(name));
	return 6 + dname_len(name);
}

static inline void add_host(const char *owner, const char *ula)
{
	uint8_t rdata[16];

	assert_int_equal(add(RESOLVE_HOSTS, owner, DNS_AAAA, rdata, aaaa(rdata, ula)), 0);
}

static inline void add_ptr(const char *owner, const char *target)
{
	const uint8_t *name = wire(target);

	assert_int_equal(add(RESOLVE_SERVICES, owner, DNS_PTR, name, dname_len(name)), 0);
}

static inline void add_srv(const char *owner, uint16_t port, const char *target)
{
	uint8_t rdata[6 + DNAME_MAX];
	size_t len = srv(rdata, port, target);

	assert_int_equal(add(RESOLVE_SERVICES, owner, DNS_SRV, rdata, len), 0);
}

static inline void add_txt(const char *owner, const char *text)
{
	uint8_t rdata[256];

	rdata[0] = (uint8_t)strlen(text);
	memcpy(rdata + 1, text, rdata[0]);
	assert_int_equal(add(RESOLVE_SERVICES, owner, DNS_TXT, rdata, 1u + rdata[0]), 0);
}

static int new_table(void **state)
{
	(void)state;
	table = resolve_new(wire(DOMAIN));
	if (table)
		resolve_set_complete(table, true);
	return !table;
}

static int free_table(void **state)
{
	(void)state;
	resolve_free(table);
	return 0;
}

#endif
