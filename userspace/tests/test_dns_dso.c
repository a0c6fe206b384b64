// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/dns/dso.h"

#define HEAD(id, flags)	(id) >> 8, (id) & 255, (flags) >> 8, (flags) & 255, 0, 0, 0, 0, 0, 0, 0, 0
#define HOST	4, 'h', 'o', 's', 't', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0

static const uint8_t host[] = { HOST };
static const uint8_t address[] = { 192, 0, 2, 1 };

/* RFC 8490 7.1: a client's request, 15 s and an hour */
static const uint8_t keepalive[] = {
	HEAD(0x1234, 0x3000), 0, 1, 0, 8, 0, 0, 0x3a, 0x98, 0, 0x36, 0xee, 0x80,
};
static const uint8_t subscribe[] = {
	HEAD(2, 0x3000), 0, 0x40, 0, 22, HOST, 0, 28, 0, 1, 0, 3, 0, 2, 0, 0,
};
static const uint8_t unsubscribe[] = { HEAD(0, 0x3000), 0, 0x42, 0, 2, 0xab, 0xcd };
static const uint8_t retry[] = { HEAD(0, 0x3002), 0, 2, 0, 4, 0, 1, 0x51, 0x80 };
static const uint8_t reconfirm[] = {
	HEAD(0, 0x3000), 0, 0x43, 0, 26, HOST, 0, 1, 0, 1, 192, 0, 2, 1,
};
static const uint8_t error[] = { HEAD(7, 0xb005) };
static const uint8_t push[] = {
	HEAD(0, 0x3000), 0, 0x41, 0, 60,
	HOST, 0, 1, 0, 1, 0, 0, 0, 120, 0, 4, 192, 0, 2, 1,
	HOST, 0, 28, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0,
};
/* The same with the second owner, and a target in the RDATA, compressed. */
static const uint8_t pointers[] = {
	HEAD(0, 0x3000), 0, 0x41, 0, 51,
	HOST, 0, 12, 0, 1, 0, 0, 0, 120, 0, 7, 4, 'a', 'b', 'c', 'd', 0xc0, 21,
	0xc0, 16, 0, 1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 4, 192, 0, 2, 1,
};

static void written(void **state)
{
	const struct dso_keepalive k = { 15000, 3600000 };
	struct dso_writer w;
	uint8_t buf[128];

	(void)state;
	dso_writer_init(&w, buf, sizeof(buf), DSO_REQUEST, 0x1234, 0);
	dso_put_keepalive(&w, &k);
	assert_false(w.failed);
	assert_int_equal(w.len, sizeof(keepalive));
	assert_memory_equal(buf, keepalive, w.len);

	dso_writer_init(&w, buf, sizeof(buf), DSO_REQUEST, 2, 0);
	dso_put_subscribe(&w, host, DNS_AAAA, DNS_IN);
	dso_put_padding(&w, 2);
	assert_int_equal(w.len, sizeof(subscribe));
	assert_memory_equal(buf, subscribe, w.len);

	dso_writer_init(&w, buf, sizeof(buf), DSO_UNIDIRECTIONAL, 0, 0);
	dso_put_unsubscribe(&w, 0xabcd);
	assert_int_equal(w.len, sizeof(unsubscribe));
	assert_memory_equal(buf, unsubscribe, w.len);

	dso_writer_init(&w, buf, sizeof(buf), DSO_UNIDIRECTIONAL, 0, DNS_SERVFAIL);
	dso_put_retry_delay(&w, 86400);
	assert_int_equal(w.len, sizeof(retry));
	assert_memory_equal(buf, retry, w.len);

	dso_writer_init(&w, buf, sizeof(buf), DSO_UNIDIRECTIONAL, 0, 0);
	dso_put_reconfirm(&w, host, DNS_A, DNS_IN, address, sizeof(address));
	assert_int_equal(w.len, sizeof(reconfirm));
	assert_memory_equal(buf, reconfirm, w.len);

	dso_writer_init(&w, buf, sizeof(buf), DSO_RESPONSE, 7, DNS_REFUSED);
	assert_int_equal(w.len, sizeof(error));
	assert_memory_equal(buf, error, w.len);

	dso_writer_init(&w, buf, sizeof(buf), DSO_UNIDIRECTIONAL, 0, 0);
	assert_true(dso_put_push(&w, host, DNS_A, DNS_IN, 120, address, sizeof(address)));
	assert_true(dso_put_push(&w, host, DNS_AAAA, DNS_IN, DSO_TTL_REMOVE_SET, NULL, 0));
	assert_false(w.failed);
	assert_int_equal(w.len, sizeof(push));
	assert_memory_equal(buf, push, w.len);
}

/* In too little room nothing is written, and that sticks. */
static void no_room(void **state)
{
	const struct dso_keepalive k = { 15000, 3600000 };
	size_t size;

	(void)state;
	for (size = 0; size < sizeof(keepalive); size++) {
		uint8_t *buf = malloc(size ? size : 1);
		struct dso_writer w;

		dso_writer_init(&w, buf, size, DSO_REQUEST, 1, 0);
		dso_put_keepalive(&w, &k);
		assert_true(w.failed);
		assert_int_equal(w.len, size < DNS_HEADER ? 0 : DNS_HEADER);
		dso_put_padding(&w, 0);
		dso_put_unsubscribe(&w, 1);
		dso_put_subscribe(&w, host, DNS_A, DNS_IN);
		dso_put_retry_delay(&w, 1);
		dso_put_reconfirm(&w, host, DNS_A, DNS_IN, address, 4);
		assert_false(dso_put_push(&w, host, DNS_A, DNS_IN, 1, address, 4));
		assert_int_equal(w.len, size < DNS_HEADER ? 0 : DNS_HEADER);
		free(buf);
	}
}

/* What does not fit any more waits for the next message; what fits into none fails. */
static void push_fills(void **state)
{
	static uint8_t buf[20000], big[DSO_PUSH_MAX];
	struct dso_writer w;
	unsigned int n = 0;
	size_t most = DSO_PUSH_MAX - DNS_HEADER - 4 - sizeof(host) - 10;

	(void)state;
	dso_writer_init(&w, buf, sizeof(buf), DSO_UNIDIRECTIONAL, 0, 0);
	while (dso_put_push(&w, host, DNS_A, DNS_IN, 120, address, sizeof(address)))
		n++;
	assert_false(w.failed);
	assert_int_equal(n, (DSO_PUSH_MAX - DNS_HEADER - 4) / 32);
	assert_int_equal(w.len, DNS_HEADER + 4 + 32 * n);

	dso_writer_init(&w, buf, sizeof(buf), DSO_UNIDIRECTIONAL, 0, 0);
	assert_true(dso_put_push(&w, host, DNS_TXT, DNS_IN, 120, big, most));
	assert_int_equal(w.len, DSO_PUSH_MAX);
	assert_false(dso_put_push(&w, host, DNS_TXT, DNS_IN, 120, big, most + 1));
	assert_false(w.failed);

	dso_writer_init(&w, buf, sizeof(buf), DSO_UNIDIRECTIONAL, 0, 0);
	assert_false(dso_put_push(&w, host, DNS_TXT, DNS_IN, 120, big, most + 1));
	assert_true(w.failed);
}

static void read_back(void **state)
{
	struct dns_question q;
	struct dso_keepalive k;
	struct dso_tlv t;
	struct dns_rr rr;
	struct dso d;
	uint32_t ms;
	uint16_t id;

	(void)state;
	assert_int_equal(dso_read(keepalive, sizeof(keepalive), &d), 0);
	assert_int_equal(d.kind, DSO_REQUEST);
	assert_int_equal(d.id, 0x1234);
	assert_int_equal(dso_next(&d, &t), 1);
	assert_int_equal(t.type, DSO_KEEPALIVE);
	assert_int_equal(dso_keepalive_read(&t, &k), 0);
	assert_int_equal(k.inactivity, 15000);
	assert_int_equal(k.interval, 3600000);
	assert_int_equal(dso_next(&d, &t), 0);
	assert_int_equal(dso_next(&d, &t), 0);

	assert_int_equal(dso_read(subscribe, sizeof(subscribe), &d), 0);
	assert_int_equal(dso_next(&d, &t), 1);
	assert_int_equal(t.type, DSO_SUBSCRIBE);
	assert_int_equal(dso_subscribe_read(&t, &q), 0);
	assert_true(dname_equal(q.name, host));
	assert_int_equal(q.type, DNS_AAAA);
	assert_int_equal(q.class_, DNS_IN);
	assert_int_equal(dso_next(&d, &t), 1);
	assert_int_equal(t.type, DSO_PADDING);
	assert_int_equal(t.len, 2);

	assert_int_equal(dso_read(unsubscribe, sizeof(unsubscribe), &d), 0);
	assert_int_equal(d.kind, DSO_UNIDIRECTIONAL);
	assert_int_equal(dso_next(&d, &t), 1);
	assert_int_equal(dso_unsubscribe_read(&t, &id), 0);
	assert_int_equal(id, 0xabcd);

	assert_int_equal(dso_read(retry, sizeof(retry), &d), 0);
	assert_int_equal(d.rcode, DNS_SERVFAIL);
	assert_int_equal(dso_next(&d, &t), 1);
	assert_int_equal(dso_retry_delay_read(&t, &ms), 0);
	assert_int_equal(ms, 86400);

	assert_int_equal(dso_read(reconfirm, sizeof(reconfirm), &d), 0);
	assert_int_equal(dso_next(&d, &t), 1);
	assert_int_equal(dso_reconfirm_read(&t, &rr), 0);
	assert_true(dname_equal(rr.owner, host));
	assert_int_equal(rr.type, DNS_A);
	assert_int_equal(rr.rdlen, 4);
	assert_memory_equal(rr.rdata, address, 4);

	assert_int_equal(dso_read(error, sizeof(error), &d), 0);
	assert_int_equal(d.kind, DSO_RESPONSE);
	assert_int_equal(d.rcode, DNS_REFUSED);
	assert_int_equal(dso_next(&d, &t), 0);
}

static void push_read(void **state)
{
	uint8_t *exact = exact_copy(pointers, sizeof(pointers)), name[DNAME_MAX];
	struct dso_push p;
	struct dso_tlv t;
	struct dns_rr rr;
	struct dso d;

	(void)state;
	assert_int_equal(dso_read(exact, sizeof(pointers), &d), 0);
	assert_int_equal(dso_next(&d, &t), 1);
	assert_int_equal(t.type, DSO_PUSH);
	dso_push_init(&p, &d, &t);

	assert_int_equal(dso_push_next(&p, &rr), 1);
	assert_true(dname_equal(rr.owner, host));
	assert_int_equal(rr.type, DNS_PTR);
	assert_int_equal(rr.ttl, 120);
	assert_int_equal(dso_change(&rr), DSO_ADD);
	assert_int_equal(rr.start, 16);
	assert_int_equal(rr.end, 51);
	assert_int_equal(dname_unpack(d.msg, d.len, (size_t)(rr.rdata - d.msg), name), 7);
	assert_memory_equal(name, "\4abcd\7example\3com", 18);

	assert_int_equal(dso_push_next(&p, &rr), 1);
	assert_true(dname_equal(rr.owner, host));
	assert_int_equal(dso_change(&rr), DSO_REMOVE);
	assert_memory_equal(rr.rdata, address, 4);
	assert_int_equal(dso_push_next(&p, &rr), 0);
	assert_int_equal(dso_push_next(&p, &rr), 0);
	free(exact);
}

/* A TLV that is cut anywhere: malformed, and never read beyond. */
static void push_cut(void **state)
{
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(pointers) - 16; len++) {
		uint8_t *cut = exact_copy(pointers, 16 + len);
		struct dso_push p;
		struct dso_tlv t;
		struct dns_rr rr;
		struct dso d;
		int ret;

		cut[15] = (uint8_t)len;
		assert_int_equal(dso_read(cut, 16 + len, &d), 0);
		assert_int_equal(dso_next(&d, &t), 1);
		dso_push_init(&p, &d, &t);
		do {
			ret = dso_push_next(&p, &rr);
		} while (ret > 0);
		/* 35: behind the first record */
		assert_int_equal(ret, len == 35 ? 0 : -EBADMSG);
		assert_int_equal(dso_push_next(&p, &rr), ret);
		free(cut);
	}
}

static void changes(void **state)
{
	static const struct {
		uint16_t type, class_, rdlen;
		uint32_t ttl;
		enum dso_change is;
	} rows[] = {
		{ DNS_A, DNS_IN, 4, 0, DSO_ADD },
		{ DNS_A, DNS_IN, 0, DSO_TTL_MAX, DSO_ADD },
		{ DNS_ANY, DNS_IN, 4, 120, DSO_FATAL },
		{ DNS_A, DNS_CLASS_ANY, 4, 120, DSO_FATAL },
		{ DNS_A, DNS_IN, 4, DSO_TTL_REMOVE, DSO_REMOVE },
		{ DNS_ANY, DNS_IN, 4, DSO_TTL_REMOVE, DSO_FATAL },
		{ DNS_A, DNS_CLASS_ANY, 0, DSO_TTL_REMOVE, DSO_FATAL },
		{ DNS_A, DNS_IN, 0, DSO_TTL_REMOVE_SET, DSO_REMOVE_SET },
		{ DNS_A, DNS_IN, 1, DSO_TTL_REMOVE_SET, DSO_FATAL },
		{ DNS_ANY, DNS_IN, 0, DSO_TTL_REMOVE_SET, DSO_REMOVE_TYPES },
		{ DNS_ANY, DNS_CLASS_ANY, 0, DSO_TTL_REMOVE_SET, DSO_REMOVE_NAME },
		{ 0, DNS_CLASS_ANY, 0, DSO_TTL_REMOVE_SET, DSO_REMOVE_NAME },
		{ DNS_A, DNS_IN, 4, 0x80000000, DSO_IGNORE },
		{ DNS_ANY, DNS_IN, 4, 0xfffffffd, DSO_IGNORE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		struct dns_rr rr = {
			.type = rows[i].type, .class_ = rows[i].class_,
			.rdlen = rows[i].rdlen, .ttl = rows[i].ttl,
		};

		assert_int_equal(dso_change(&rr), rows[i].is);
	}
}

/* Headers that make a message malformed, and whom to tell. */
static void refused(void **state)
{
	uint8_t msg[sizeof(keepalive)];
	struct dso d;
	int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		memcpy(msg, keepalive, sizeof(msg));
		msg[4 + i] = 1;
		assert_int_equal(dso_read(msg, sizeof(msg), &d), -EBADMSG);
		assert_int_equal(d.kind, DSO_REQUEST);
		assert_int_equal(d.id, 0x1234);
	}
	for (i = 0; i < 12; i++)
		assert_int_equal(dso_read(keepalive, (size_t)i, &d), -ENOMSG);
	for (i = 13; i < (int)sizeof(keepalive); i++)
		assert_int_equal(dso_read(keepalive, (size_t)i, &d), -EBADMSG);

	/* Without a TLV: only a response. */
	assert_int_equal(dso_read(keepalive, 12, &d), -EBADMSG);
	memcpy(msg, keepalive, sizeof(msg));
	msg[2] |= 0x80;
	assert_int_equal(dso_read(msg, 12, &d), 0);
	assert_int_equal(d.kind, DSO_RESPONSE);
	msg[0] = 0;
	msg[1] = 0;
	assert_int_equal(dso_read(msg, 12, &d), -EBADMSG);
	assert_int_equal(d.kind, DSO_INVALID);
	msg[2] = 0x28;
	assert_int_equal(dso_read(msg, sizeof(msg), &d), -ENOMSG);
}

/* Data of the wrong length or content. */
static void bad_data(void **state)
{
	uint8_t any[sizeof(reconfirm)], long_push[DSO_PUSH_MAX + 1] = { 0 };
	struct dso_tlv t = { .data = reconfirm + 16 };
	struct dns_question q;
	struct dso_keepalive k;
	struct dso_push p;
	struct dns_rr rr;
	struct dso d;
	uint32_t ms;
	uint16_t id;

	(void)state;
	for (t.len = 0; t.len <= 26; t.len++) {
		assert_int_equal(dso_keepalive_read(&t, &k), t.len == 8 ? 0 : -EBADMSG);
		assert_int_equal(dso_retry_delay_read(&t, &ms), t.len == 4 ? 0 : -EBADMSG);
		assert_int_equal(dso_unsubscribe_read(&t, &id), t.len == 2 ? 0 : -EBADMSG);
		assert_int_equal(dso_subscribe_read(&t, &q), t.len == 22 ? 0 : -EBADMSG);
		assert_int_equal(dso_reconfirm_read(&t, &rr), t.len >= 22 ? 0 : -EBADMSG);
	}

	t.len = 26;
	t.data = any + 16;
	memcpy(any, reconfirm, sizeof(any));
	any[16 + 19] = 255;
	assert_int_equal(dso_reconfirm_read(&t, &rr), -EBADMSG);
	any[16 + 19] = 1;
	any[16 + 21] = 255;
	assert_int_equal(dso_reconfirm_read(&t, &rr), -EBADMSG);

	/* Octets of a message that is too long, if otherwise right. */
	memcpy(long_push, push, sizeof(push));
	dns_put16(long_push + 14, 60);
	dns_put16(long_push + sizeof(push), DSO_PADDING);
	dns_put16(long_push + sizeof(push) + 2, sizeof(long_push) - sizeof(push) - 4);
	assert_int_equal(dso_read(long_push, sizeof(long_push), &d), 0);
	assert_int_equal(dso_next(&d, &t), 1);
	dso_push_init(&p, &d, &t);
	assert_int_equal(dso_push_next(&p, &rr), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(no_room),
		cmocka_unit_test(push_fills),
		cmocka_unit_test(read_back),
		cmocka_unit_test(push_read),
		cmocka_unit_test(push_cut),
		cmocka_unit_test(changes),
		cmocka_unit_test(refused),
		cmocka_unit_test(bad_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
