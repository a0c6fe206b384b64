/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world of the tests of the engine of subscriptions, for fuzz targets: what is
 * not as it has to be aborts. Input is a program of one octet a command, and what
 * that reads.
 */
#ifndef BTMM_FUZZ_SUBS_WORLD_H
#define BTMM_FUZZ_SUBS_WORLD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define assert_true(x)			\
	do {				\
		if (!(x))		\
			abort();	\
	} while (0)
#define assert_false(x)			assert_true(!(x))
#define assert_non_null(x)		assert_true(x)
#define assert_int_equal(a, b)		assert_true((long)(a) == (long)(b))
#define assert_ptr_equal(a, b)		assert_true((a) == (b))
#define assert_in_range(x, a, b)	assert_true((x) >= (a) && (x) <= (b))
#define assert_string_equal(a, b)	assert_true(!strcmp(a, b))
#define assert_memory_equal(a, b, n)	assert_true(!memcmp(a, b, n))

#define N_SENT	64

static inline void *exact_copy(const void *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, data, len);
	return copy;
}

#include "../tests/llq_server_world.h"

/* The program, and where it is. */
static const uint8_t *at;
static size_t left;

static unsigned int get(void)
{
	if (!left)
		return 0;
	left--;
	return *at++;
}

static const uint8_t *get_octets(size_t *len)
{
	const uint8_t *p = at;

	*len = get() << 8;
	*len |= get();
	if (*len > left)
		*len = left;
	p = at;
	at += *len;
	left -= *len;
	return p;
}

static const uint8_t *get_name(void)
{
	static const uint8_t *const names[] = {
		host, other, secret_host, pub, alice,
		(const uint8_t *)"\x0b_autotunnel\x04_udp\4host\5alice\7example\3com",
		(const uint8_t *)"\x0b_autotunnel\x04_udp\4host\7example\3com",
		(const uint8_t *)"\4host\5still\7example\3com",
		(const uint8_t *)"\4host\7example\3net",
	};

	return names[get() % (sizeof(names) / sizeof(*names))];
}

static uint16_t get_type(void)
{
	static const uint16_t types[] = {
		DNS_A, DNS_AAAA, DNS_SRV, DNS_TXT, DNS_ANY, DNS_SOA, 0, DNS_OPT,
	};

	return types[get() % (sizeof(types) / sizeof(*types))];
}

static const struct subs_identity *get_who(void)
{
	static const struct subs_identity *const who[] = { NULL, &mac_key, &mini_key, &bob_key };

	return who[get() % 4];
}

static struct subs_origin get_from(void)
{
	unsigned int n = get();

	if (n & 4)
		return from_stream(n & 8 ? SUBS_TCP : SUBS_TLS, 1 + n % 4);
	return from_host((uint8_t)(n % 4), (uint16_t)(5000 + n / 128));
}

/* A record comes or, when it is there, goes. */
static void change_record(void)
{
	static const uint16_t types[] = { DNS_A, DNS_AAAA, DNS_SRV, DNS_TXT };
	const uint8_t *name = get_name(), *target = get_name();
	uint16_t type = types[get() % 4];
	unsigned int how = get();
	struct world_zone *z = zone_of(name);
	uint8_t copy[DNAME_MAX];
	struct zone_rr rr;

	memcpy(copy, target, dname_len(target));
	if (how & 32)
		copy[1] = (uint8_t)(copy[1] & ~0x20);
	rr = record_of(type, how % 32, copy);
	if (!z)
		return;
	/* Or it gets another case. */
	if (how & 64 || zone_remove(z->z, name, type, rr.rdata, rr.rdlen))
		zone_put(z->z, name, &rr);
}

/* What comes out has to be well-formed; w.got is the last of it. */
static void check_sent(void)
{
	struct dns_shape shape;
	struct dso_tlv t;
	struct dso d;

	w.got = NULL;
	while (w.n_sent) {
		w.got = &w.sent[w.first];
		w.text[0] = '\0';
		w.n_options = 0;
		if (w.got->len >= DNS_HEADER && dns_opcode(w.got->msg) == DNS_DSO) {
			assert_int_equal(dso_read(w.got->msg, w.got->len, &d), 0);
			if (dso_next(&d, &t) > 0 && t.type == DSO_PUSH)
				assert_true(w.got->len <= DSO_PUSH_MAX);
			w.first = (w.first + 1) % N_SENT;
			w.n_sent--;
			continue;
		}
		assert_int_equal(dns_shape(w.got->msg, w.got->len, &shape), 0);
		if (dns_rcode(w.got->msg)) {
			w.first = (w.first + 1) % N_SENT;
			w.n_sent--;
			continue;
		}
		next();
	}
}

/* The end of everything: nothing must be left. */
static void all_ends(void)
{
	struct subs_stats s;
	unsigned int i;

	commit();
	for (i = 1; i < N_STREAMS; i++) {
		subs_end_stream(w.s, i);
		assert_false(w.held[i]);
	}
	pass(8000 * SECOND);
	check_sent();
	s = stats();
	assert_int_equal(s.llqs[0] + s.llqs[1] + s.llqs[2], 0);
	assert_int_equal(s.sessions + s.push_subs + s.names + s.clients + s.waiting, 0);
	assert_int_equal(s.unsynced, 0);
	for (i = 0; i < N_SAVED; i++)
		assert_false(w.saved[i].used);
}

#endif
