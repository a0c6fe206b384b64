// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>
#include <time.h>

#include "../btmmd/signer.h"
#include "../lib/dns/message.h"

/* The system's clock, which somebody may set: the library for DNS goes by it, too. */
static int64_t set_by;

time_t time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += set_by;
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

static struct tsig_key a_key(enum tsig_algorithm algorithm)
{
	struct tsig_key key = { .algorithm = algorithm, .secret_len = 32 };

	dname_from_text("laptop.alice.example.com", key.name);
	memset(key.secret, 0x5a, key.secret_len);
	return key;
}

static size_t question(uint8_t *msg, size_t size)
{
	uint8_t name[DNAME_MAX];
	struct dns_writer d;

	dname_from_text("alice.example.com", name);
	dns_writer_init(&d, msg, size, 0x1234, 0);
	dns_put_question(&d, name, DNS_SOA, DNS_IN);
	assert_false(d.failed);
	return d.len;
}

/* What we sign, libknot believes, and the other way round. */
static void as_others(void **state)
{
	static const enum tsig_algorithm all[] = {
		TSIG_HMAC_SHA256, TSIG_HMAC_SHA512, TSIG_HMAC_MD5,
	};
	struct tsig_mac mac, answer_mac, found;
	uint8_t msg[600], *exact;
	size_t i, j, len;
	uint64_t when;

	(void)state;
	for (i = 0; i < N_OF(all); i++) {
		struct tsig_key key = a_key(all[i]);
		struct host_signer h;
		struct signer s;

		host_signer_init(&h, &key);
		s = host_signer_ops(&h);
		len = question(msg, sizeof(msg));
		assert_int_equal(s.sign(s.arg, msg, &len, sizeof(msg), NULL, &mac), 0);
		assert_int_equal(tsig_check(msg, len, &key, NULL), TSIG_OK);

		len = question(msg, sizeof(msg));
		assert_int_equal(tsig_sign(msg, &len, sizeof(msg), &key, &mac, &answer_mac,
					   TSIG_OK, 0), 0);
		assert_int_equal(s.verify(s.arg, msg, len, &mac, &found, &when), SIGNER_GOOD);
		assert_memory_equal(found.b, answer_mac.b, answer_mac.len);
		assert_true((uint64_t)time(NULL) - when <= 5);
		/* Each octet counts. */
		for (j = 0; j < len; j++) {
			exact = exact_copy(msg, len);
			exact[j] ^= 0x10;
			/* The ID is the original one's, which is in the record. */
			if (j > 1)
				assert_int_equal(s.verify(s.arg, exact, len, &mac, &found, &when),
						 SIGNER_BAD);
			free(exact);
		}
		assert_int_equal(s.verify(s.arg, msg, len, NULL, &found, &when), SIGNER_BAD);
		/* An answer of ours, to an event */
		len = question(msg, sizeof(msg));
		assert_int_equal(s.sign(s.arg, msg, &len, sizeof(msg), &answer_mac, &mac), 0);
		assert_int_equal(tsig_check(msg, len, &key, &answer_mac), TSIG_OK);
		host_signer_wipe(&h);
		assert_int_equal(h.key.secret[0], 0);
	}
}

static void room(void **state)
{
	struct tsig_key key = a_key(TSIG_HMAC_SHA256);
	struct host_signer h;
	struct tsig_mac mac;
	struct signer s;
	uint8_t msg[600];
	size_t len, need, size;

	(void)state;
	host_signer_init(&h, &key);
	s = host_signer_ops(&h);
	need = question(msg, sizeof(msg));
	assert_int_equal(s.sign(s.arg, msg, &need, sizeof(msg), NULL, &mac), 0);
	for (size = question(msg, sizeof(msg)); size <= need; size++) {
		uint8_t *exact = malloc(size);

		len = question(exact, size);
		assert_int_equal(s.sign(s.arg, exact, &len, size, NULL, &mac),
				 size < need ? -ENOSPC : 0);
		free(exact);
	}
	len = 5;
	assert_int_equal(s.sign(s.arg, msg, &len, sizeof(msg), NULL, &mac), -EINVAL);
	h.key.algorithm = 0;
	len = question(msg, sizeof(msg));
	assert_int_equal(s.sign(s.arg, msg, &len, sizeof(msg), NULL, &mac), -EINVAL);
}

/* Our clock is an hour slow: the server says so, once, and then all goes by it. */
static void clock_is_off(void **state)
{
	struct tsig_key key = a_key(TSIG_HMAC_SHA256);
	struct host_signer h, server;
	struct tsig_mac mac, answer_mac, found;
	struct signer s, srv;
	struct tsig_claim claim;
	uint8_t msg[600];
	uint64_t when, now = (uint64_t)time(NULL);
	size_t len;

	(void)state;
	host_signer_init(&h, &key);
	host_signer_init(&server, &key);
	server.offset = 3600;
	s = host_signer_ops(&h);
	srv = host_signer_ops(&server);
	len = question(msg, sizeof(msg));
	assert_int_equal(s.sign(s.arg, msg, &len, sizeof(msg), NULL, &mac), 0);
	assert_int_equal(srv.verify(srv.arg, msg, len, NULL, &found, &when), SIGNER_AGAIN);
	/* A signed event of a server with that clock is not believed yet; an answer is bad. */
	len = question(msg, sizeof(msg));
	assert_int_equal(srv.sign(srv.arg, msg, &len, sizeof(msg), NULL, &answer_mac), 0);
	assert_int_equal(s.verify(s.arg, msg, len, NULL, &found, &when), SIGNER_AGAIN);
	msg[DNS_HEADER]++;
	assert_int_equal(s.verify(s.arg, msg, len, NULL, &found, &when), SIGNER_BAD);
	len = question(msg, sizeof(msg));
	assert_int_equal(srv.sign(srv.arg, msg, &len, sizeof(msg), &mac, &answer_mac), 0);
	assert_int_equal(s.verify(s.arg, msg, len, &mac, &found, &when), SIGNER_BAD);

	/* BADTIME, with the client's time, signed */
	len = question(msg, sizeof(msg));
	assert_int_equal(tsig_sign(msg, &len, sizeof(msg), &key, &mac, &answer_mac,
				   TSIG_BADTIME, now), 0);
	assert_int_equal(tsig_read(msg, len, &claim), 0);
	assert_int_equal(claim.error, TSIG_BADTIME);
	assert_int_equal(s.verify(s.arg, msg, len, &mac, &found, &when), SIGNER_AGAIN);
	assert_in_range(h.offset + 2, 0, 4);

	h.offset = 3600;
	len = question(msg, sizeof(msg));
	assert_int_equal(s.sign(s.arg, msg, &len, sizeof(msg), NULL, &mac), 0);
	assert_int_equal(tsig_check(msg, len, &key, NULL), TSIG_BADTIME);
	assert_int_equal(srv.verify(srv.arg, msg, len, NULL, &found, &when), SIGNER_GOOD);
	len = question(msg, sizeof(msg));
	assert_int_equal(srv.sign(srv.arg, msg, &len, sizeof(msg), &mac, &answer_mac), 0);
	assert_int_equal(s.verify(s.arg, msg, len, &mac, &found, &when), SIGNER_GOOD);
	assert_in_range(when, now + 3595, now + 3700);
	/* What our own clock thinks is new is an hour old. */
	len = question(msg, sizeof(msg));
	assert_int_equal(tsig_sign(msg, &len, sizeof(msg), &key, &mac, &answer_mac, TSIG_OK, 0),
			 0);
	assert_int_equal(s.verify(s.arg, msg, len, &mac, &found, &when), SIGNER_BAD);
}

/* Somebody sets our clock, by an hour or a day: nothing depends on it. */
static void clock_is_set(void **state)
{
	static const int64_t by[] = { 3600, -3600, 86400, -86400 };
	struct tsig_key key = a_key(TSIG_HMAC_SHA256);
	struct host_signer h, server;
	struct tsig_mac mac, answer_mac, found;
	struct signer s, srv;
	uint64_t when, now = (uint64_t)time(NULL);
	struct tsig_claim claim;
	uint8_t msg[600];
	size_t len, i;

	(void)state;
	host_signer_init(&h, &key);
	host_signer_init(&server, &key);
	s = host_signer_ops(&h);
	srv = host_signer_ops(&server);
	for (i = 0; i < N_OF(by); i++) {
		set_by = by[i];
		/* So the library thinks that it is another time. */
		len = question(msg, sizeof(msg));
		assert_int_equal(s.sign(s.arg, msg, &len, sizeof(msg), NULL, &mac), 0);
		assert_int_equal(tsig_check(msg, len, &key, NULL), TSIG_BADTIME);
		assert_int_equal(tsig_read(msg, len, &claim), 0);
		assert_in_range(claim.time_signed, now - 1, now + 5);

		len = question(msg, sizeof(msg));
		assert_int_equal(srv.sign(srv.arg, msg, &len, sizeof(msg), &mac, &answer_mac), 0);
		assert_int_equal(s.verify(s.arg, msg, len, &mac, &found, &when), SIGNER_GOOD);
		len = question(msg, sizeof(msg));
		assert_int_equal(srv.sign(srv.arg, msg, &len, sizeof(msg), NULL, &answer_mac), 0);
		assert_int_equal(s.verify(s.arg, msg, len, NULL, &found, &when), SIGNER_GOOD);
	}
	set_by = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_others),
		cmocka_unit_test(room),
		cmocka_unit_test(clock_is_off),
		cmocka_unit_test(clock_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
