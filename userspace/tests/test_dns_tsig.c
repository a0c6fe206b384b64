// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>
#include <time.h>

#include "../lib/dns/message.h"
#include "../lib/dns/tsig.h"
#include "dns_tsig_vectors.h"

/* libknot asks this one, too: a linked program's time() comes before libc's. */
static time_t now = NOW;

time_t time(time_t *t)
{
	if (t)
		*t = now;
	return now;
}

/* The keys of dns_vectors.py. */
static void key_of(enum tsig_algorithm algorithm, struct tsig_key *key)
{
	const char *name = algorithm == TSIG_HMAC_SHA512 ? "k" : "alice.example.com";
	unsigned int i;

	memset(key, 0, sizeof(*key));
	assert_null(dname_from_text(name, key->name));
	key->algorithm = algorithm;
	if (algorithm == TSIG_HMAC_MD5) {
		key->secret_len = 16;
		memcpy(key->secret, "0123456789abcdef", 16);
		return;
	}
	key->secret_len = algorithm == TSIG_HMAC_SHA512 ? 64 : 32;
	for (i = 0; i < key->secret_len; i++)
		key->secret[i] = (uint8_t)i;
}

static struct tsig_mac mac_of(const uint8_t *msg, size_t len)
{
	struct tsig_claim claim;

	assert_int_equal(tsig_read(msg, len, &claim), 0);
	return claim.mac;
}

static const struct {
	enum tsig_algorithm algorithm;
	size_t mac_len;
	const uint8_t *query, *answer;
	size_t query_len, answer_len;
} exchanges[] = {
	{ TSIG_HMAC_SHA256, 32, query_sha256, answer_sha256,
	  sizeof(query_sha256), sizeof(answer_sha256) },
	{ TSIG_HMAC_SHA512, 64, query_sha512, answer_sha512,
	  sizeof(query_sha512), sizeof(answer_sha512) },
	{ TSIG_HMAC_MD5, 16, query_md5, answer_md5,
	  sizeof(query_md5), sizeof(answer_md5) },
};

static void algorithms(void **state)
{
	(void)state;
	assert_int_equal(tsig_algorithm_from_text("hmac-sha256"), TSIG_HMAC_SHA256);
	assert_int_equal(tsig_algorithm_from_text("HMAC-SHA512"), TSIG_HMAC_SHA512);
	assert_int_equal(tsig_algorithm_from_text("hmac-md5"), TSIG_HMAC_MD5);
	assert_int_equal(tsig_algorithm_from_text("hmac-md5.sig-alg.reg.int."), TSIG_HMAC_MD5);
	assert_int_equal(tsig_algorithm_from_text("hmac-sha1"), 0);
	assert_int_equal(tsig_algorithm_from_text(""), 0);
	assert_string_equal(tsig_algorithm_name(TSIG_HMAC_SHA256), "hmac-sha256");
	assert_string_equal(tsig_algorithm_name(TSIG_HMAC_SHA512), "hmac-sha512");
	assert_string_equal(tsig_algorithm_name(TSIG_HMAC_MD5), "hmac-md5");
	assert_string_equal(tsig_algorithm_name(0), "unknown");
	assert_string_equal(tsig_algorithm_name(99), "unknown");
}

static void claims(void **state)
{
	struct tsig_claim c;

	(void)state;
	now = NOW;
	assert_int_equal(tsig_read(query_sha256, sizeof(query_sha256), &c), 0);
	assert_memory_equal(c.key_name, "\5alice\7example\3com", 19);
	assert_memory_equal(c.algorithm_name, "\13hmac-sha256", 13);
	assert_int_equal(c.algorithm, TSIG_HMAC_SHA256);
	assert_true(c.time_signed == NOW && c.other_time == 0);
	assert_int_equal(c.fudge, 300);
	assert_int_equal(c.error, 0);
	assert_int_equal(c.original_id, 0x1234);
	assert_int_equal(c.mac.len, 32);
	assert_memory_equal(c.mac.b, query_sha256 + sizeof(query_sha256) - 6 - 32, 32);

	assert_int_equal(tsig_read(query_later, sizeof(query_later), &c), 0);
	assert_true(c.time_signed == NOW + 0x100000000);
	assert_int_equal(tsig_read(query_id, sizeof(query_id), &c), 0);
	assert_int_equal(c.original_id, 0xabcd);
	assert_int_equal(tsig_read(query_upper, sizeof(query_upper), &c), 0);
	assert_memory_equal(c.key_name, "\5alice\7example\3com", 19);
	assert_int_equal(tsig_read(query_md5_upper, sizeof(query_md5_upper), &c), 0);
	assert_int_equal(c.algorithm, TSIG_HMAC_MD5);
	assert_memory_equal(c.algorithm_name, "\10hmac-md5\7sig-alg\3reg\3int", 26);
	/* one that we do not know */
	assert_int_equal(tsig_read(query_sha1, sizeof(query_sha1), &c), 0);
	assert_int_equal(c.algorithm, 0);
	assert_memory_equal(c.algorithm_name, "\11hmac-sha1", 11);

	assert_int_equal(tsig_read(answer_badtime, sizeof(answer_badtime), &c), 0);
	assert_int_equal(c.error, TSIG_BADTIME);
	assert_true(c.time_signed == NOW && c.other_time == NOW + 1000);
	assert_int_equal(tsig_read(answer_badkey, sizeof(answer_badkey), &c), 0);
	assert_int_equal(c.error, TSIG_BADKEY);
	assert_int_equal(c.mac.len, 0);

	assert_int_equal(tsig_read(query, sizeof(query), &c), -ENOENT);
	assert_int_equal(tsig_read(query, sizeof(query) - 1, &c), -EBADMSG);
}

/* dnspython signs, we check, at any age that the fudge allows. */
static void checked(void **state)
{
	struct tsig_key key;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(exchanges); i++) {
		struct tsig_mac mac = mac_of(exchanges[i].query, exchanges[i].query_len), other;
		uint8_t *q = exact_copy(exchanges[i].query, exchanges[i].query_len);

		key_of(exchanges[i].algorithm, &key);
		assert_int_equal(mac.len, exchanges[i].mac_len);
		for (now = NOW - 301; now <= NOW + 301; now++) {
			bool in_time = now >= NOW - 300 && now <= NOW + 300;

			assert_int_equal(tsig_check(q, exchanges[i].query_len, &key, NULL),
					 in_time ? TSIG_OK : TSIG_BADTIME);
		}
		free(q);

		now = NOW;
		assert_int_equal(tsig_check(exchanges[i].answer, exchanges[i].answer_len, &key,
					    &mac), TSIG_OK);
		/* an answer to something else, or a question */
		other = mac;
		other.b[0] ^= 1;
		assert_int_equal(tsig_check(exchanges[i].answer, exchanges[i].answer_len, &key,
					    &other), TSIG_BADSIG);
		assert_int_equal(tsig_check(exchanges[i].answer, exchanges[i].answer_len, &key,
					    NULL), TSIG_BADSIG);
	}

	key_of(TSIG_HMAC_SHA256, &key);
	assert_int_equal(tsig_check(query_later, sizeof(query_later), &key, NULL), TSIG_BADTIME);
	now = (time_t)(NOW + 0x100000000);
	assert_int_equal(tsig_check(query_later, sizeof(query_later), &key, NULL), TSIG_OK);
	now = NOW;
	assert_int_equal(tsig_check(query_fudge_0, sizeof(query_fudge_0), &key, NULL),
			 TSIG_BADTIME);
	assert_int_equal(tsig_check(query_id, sizeof(query_id), &key, NULL), TSIG_OK);
	assert_int_equal(tsig_check(query_other, sizeof(query_other), &key, NULL), TSIG_OK);
	assert_int_equal(tsig_check(query_upper, sizeof(query_upper), &key, NULL), TSIG_OK);
	key_of(TSIG_HMAC_MD5, &key);
	assert_int_equal(tsig_check(query_md5_upper, sizeof(query_md5_upper), &key, NULL),
			 TSIG_OK);
}

/* Each octet is covered, but for the ID, whose original is in the TSIG. */
static void tampered(void **state)
{
	/* the record: a name of 19 octets, 10, a name of 13, the rest */
	size_t i, tsig_at = sizeof(query), name_at = tsig_at + 29, time_at = name_at + 13;
	uint8_t msg[sizeof(query_sha256)];
	struct tsig_key key;

	(void)state;
	now = NOW;
	key_of(TSIG_HMAC_SHA256, &key);
	for (i = 0; i < sizeof(msg); i++) {
		enum tsig_result result;
		unsigned int bit;

		for (bit = 1; bit < 256; bit <<= 1) {
			memcpy(msg, query_sha256, sizeof(msg));
			msg[i] ^= bit;
			result = tsig_check(msg, sizeof(msg), &key, NULL);
			/* in upper case, a name is the same name */
			if (i < 2)
				assert_int_equal(result, TSIG_OK);
			else if (result == TSIG_OK)
				assert_true(bit == 0x20 &&
					    ((i >= tsig_at && i < tsig_at + 19) ||
					     (i >= name_at && i < time_at)));
			else
				assert_true(result == TSIG_BADSIG || result == TSIG_BADKEY);
		}
	}
	for (i = 0; i < sizeof(msg); i++) {
		uint8_t *cut = exact_copy(query_sha256, i);
		struct tsig_claim claim;

		assert_int_equal(tsig_read(cut, i, &claim), -EBADMSG);
		assert_int_equal(tsig_check(cut, i, &key, NULL), TSIG_BADSIG);
		free(cut);
	}
}

static void wrong_keys(void **state)
{
	struct tsig_key key;
	size_t i;

	(void)state;
	now = NOW;
	key_of(TSIG_HMAC_SHA256, &key);
	key.secret[31] ^= 1;
	assert_int_equal(tsig_check(query_sha256, sizeof(query_sha256), &key, NULL), TSIG_BADSIG);
	key_of(TSIG_HMAC_SHA256, &key);
	key.secret_len = 31;
	assert_int_equal(tsig_check(query_sha256, sizeof(query_sha256), &key, NULL), TSIG_BADSIG);
	key.secret_len = 0;
	assert_int_equal(tsig_check(query_sha256, sizeof(query_sha256), &key, NULL), TSIG_BADKEY);
	key.secret_len = TSIG_SECRET_MAX + 1;
	assert_int_equal(tsig_check(query_sha256, sizeof(query_sha256), &key, NULL), TSIG_BADKEY);

	key_of(TSIG_HMAC_SHA256, &key);
	key.algorithm = TSIG_HMAC_SHA512;
	assert_int_equal(tsig_check(query_sha256, sizeof(query_sha256), &key, NULL), TSIG_BADKEY);
	assert_int_equal(tsig_check(query_md5, sizeof(query_md5), &key, NULL), TSIG_BADKEY);
	key.algorithm = 0;
	assert_int_equal(tsig_check(query_sha1, sizeof(query_sha1), &key, NULL), TSIG_BADKEY);
	key_of(TSIG_HMAC_SHA256, &key);
	assert_null(dname_from_text("bob.example.com", key.name));
	assert_int_equal(tsig_check(query_sha256, sizeof(query_sha256), &key, NULL), TSIG_BADKEY);

	key_of(TSIG_HMAC_SHA256, &key);
	assert_int_equal(tsig_check(query, sizeof(query), &key, NULL), TSIG_BADSIG);
	tsig_key_wipe(&key);
	for (i = 0; i < sizeof(key); i++)
		assert_int_equal(((uint8_t *)&key)[i], 0);
}

/* RFC 8945 5.2.2.1 and 5.2.4: what is too short for anybody, and for us. */
static void truncated_macs(void **state)
{
	struct tsig_claim c;
	struct tsig_key key;

	(void)state;
	now = NOW;
	key_of(TSIG_HMAC_SHA256, &key);
	assert_int_equal(tsig_read(query_half, sizeof(query_half), &c), 0);
	assert_int_equal(c.mac.len, 16);
	assert_int_equal(tsig_check(query_half, sizeof(query_half), &key, NULL), TSIG_BADTRUNC);
	assert_int_equal(tsig_read(query_below_half, sizeof(query_below_half), &c), -EBADMSG);
	assert_int_equal(tsig_check(query_below_half, sizeof(query_below_half), &key, NULL),
			 TSIG_BADSIG);
	assert_int_equal(tsig_read(query_no_mac, sizeof(query_no_mac), &c), -EBADMSG);
	assert_int_equal(tsig_read(query_md5_10, sizeof(query_md5_10), &c), 0);
	assert_int_equal(tsig_read(query_md5_9, sizeof(query_md5_9), &c), -EBADMSG);
	assert_int_equal(tsig_check(answer_badkey, sizeof(answer_badkey), &key, &c.mac),
			 TSIG_BADSIG);
}

/* TSIG records that are not quite: from one of @rdata behind the query. */
static void malformed(void **state)
{
	static const struct {
		uint16_t class_;
		uint32_t ttl;
		const char *rdata;
		size_t len;
		int ret;
	} cases[] = {
		{ 255, 0, "\1x\0" "tttttt" "ff" "\0\0" "ii" "\0\0" "\0\0", 19, 0 },
		{ 1, 0, "\1x\0" "tttttt" "ff" "\0\0" "ii" "\0\0" "\0\0", 19, -EBADMSG },
		{ 255, 1, "\1x\0" "tttttt" "ff" "\0\0" "ii" "\0\0" "\0\0", 19, -EBADMSG },
		{ 255, 0, "\1x\0" "tttttt" "ff" "\0\0" "ii" "\0\0" "\0\0" "x", 20, -EBADMSG },
		{ 255, 0, "\1x\0" "tttttt" "ff" "\0\0" "ii" "\0\0" "\0\1" "x", 20, 0 },
		{ 255, 0, "\1x\0" "tttttt" "ff" "\0\0" "ii" "\0\0" "\0\2" "x", 20, -EBADMSG },
		{ 255, 0, "\1x\0" "tttttt" "ff" "\0\0" "ii" "\0\0" "\0", 18, -EBADMSG },
		{ 255, 0, "\1x\0" "tttttt" "ff" "\0\1" "ii" "\0\0" "\0\0", 19, -EBADMSG },
		{ 255, 0, "\1x\0" "tttttt" "ff" "\xff\xff" "ii" "\0\0" "\0\0", 19, -EBADMSG },
		{ 255, 0, "\1x\0" "tttttt" "ff" "\0\1" "MiiE" "E\0\0", 20, 0 },
		{ 255, 0, "\1x\xc0\x0c" "tttttt" "ff" "\0\0" "ii" "\0\0" "\0\0", 20, -EBADMSG },
		{ 255, 0, "\1x", 2, -EBADMSG },
		{ 255, 0, "", 0, -EBADMSG },
	};
	uint8_t buf[512], big[512];
	struct dns_writer w;
	struct tsig_claim c;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		uint8_t *msg;

		dns_writer_init(&w, buf, sizeof(buf), 1, 0);
		dns_put_rr(&w, 3, (const uint8_t *)"\1k", DNS_TSIG, cases[i].class_, cases[i].ttl,
			   (const uint8_t *)cases[i].rdata, cases[i].len);
		msg = exact_copy(buf, w.len);
		assert_int_equal(tsig_read(msg, w.len, &c), cases[i].ret);
		free(msg);
	}
	/* of an unknown algorithm: a MAC longer than any, so not kept */
	memset(buf, 0, sizeof(buf));
	memcpy(buf, "\1x\0" "tttttt" "ff" "\0\x41", 13);
	dns_writer_init(&w, big, sizeof(big), 1, 0);
	dns_put_rr(&w, 3, (const uint8_t *)"\1k", DNS_TSIG, 255, 0, buf, 19 + 65);
	assert_int_equal(tsig_read(big, w.len, &c), 0);
	assert_int_equal(c.mac.len, 0);
	assert_int_equal(c.algorithm, 0);
}

/* We sign as dnspython does, to the octet. */
static void signed_alike(void **state)
{
	struct tsig_key key;
	size_t i, len;

	(void)state;
	now = NOW;
	for (i = 0; i < N_OF(exchanges); i++) {
		struct tsig_mac mac, request;
		uint8_t *buf = malloc(sizeof(answer) + TSIG_ROOM);

		assert_non_null(buf);
		key_of(exchanges[i].algorithm, &key);
		memcpy(buf, query, sizeof(query));
		len = sizeof(query);
		assert_int_equal(tsig_sign(buf, &len, exchanges[i].query_len, &key, NULL,
					   &request, TSIG_OK, 0), 0);
		assert_int_equal(len, exchanges[i].query_len);
		assert_memory_equal(buf, exchanges[i].query, len);
		mac = mac_of(buf, len);
		assert_int_equal(mac.len, request.len);
		assert_memory_equal(mac.b, request.b, mac.len);

		/* one octet less */
		memcpy(buf, query, sizeof(query));
		len = sizeof(query);
		assert_int_equal(tsig_sign(buf, &len, exchanges[i].query_len - 1, &key, NULL,
					   &mac, TSIG_OK, 0), -ENOSPC);
		assert_int_equal(len, sizeof(query));
		assert_memory_equal(buf, query, len);

		memcpy(buf, answer, sizeof(answer));
		len = sizeof(answer);
		assert_int_equal(tsig_sign(buf, &len, sizeof(answer) + TSIG_ROOM, &key, &request,
					   &mac, TSIG_OK, 0), 0);
		assert_int_equal(len, exchanges[i].answer_len);
		assert_memory_equal(buf, exchanges[i].answer, len);
		free(buf);
	}
}

/* The client's clock is 1000 s behind. */
static void bad_time(void **state)
{
	struct tsig_mac request = mac_of(query_sha256, sizeof(query_sha256)), mac;
	uint8_t buf[1024];
	struct tsig_key key;
	size_t len = sizeof(answer);

	(void)state;
	key_of(TSIG_HMAC_SHA256, &key);
	now = NOW + 1000;
	assert_int_equal(tsig_check(query_sha256, sizeof(query_sha256), &key, NULL),
			 TSIG_BADTIME);
	memcpy(buf, answer, sizeof(answer));
	assert_int_equal(tsig_sign(buf, &len, sizeof(buf), &key, &request, &mac, TSIG_BADTIME,
				   NOW), 0);
	assert_int_equal(len, sizeof(answer_badtime));
	assert_memory_equal(buf, answer_badtime, len);

	/* and so the client learns it */
	now = NOW;
	assert_int_equal(tsig_check(answer_badtime, sizeof(answer_badtime), &key, &request),
			 TSIG_OK);
}

static void refused_signing(void **state)
{
	struct tsig_mac mac;
	struct tsig_key key;
	uint8_t buf[512];
	size_t len;

	(void)state;
	now = NOW;
	memcpy(buf, query, sizeof(query));
	key_of(TSIG_HMAC_SHA256, &key);
	len = 11;
	assert_int_equal(tsig_sign(buf, &len, sizeof(buf), &key, NULL, &mac, 0, 0), -EINVAL);
	len = sizeof(buf) + 1;
	assert_int_equal(tsig_sign(buf, &len, sizeof(buf), &key, NULL, &mac, 0, 0), -EINVAL);
	len = sizeof(query);
	assert_int_equal(tsig_sign(buf, &len, sizeof(buf), &key, NULL, &mac, TSIG_BADKEY, 0),
			 -EINVAL);
	key.algorithm = 0;
	assert_int_equal(tsig_sign(buf, &len, sizeof(buf), &key, NULL, &mac, 0, 0), -EINVAL);
	key_of(TSIG_HMAC_SHA256, &key);
	key.secret_len = 0;
	assert_int_equal(tsig_sign(buf, &len, sizeof(buf), &key, NULL, &mac, 0, 0), -EINVAL);
	key_of(TSIG_HMAC_SHA256, &key);
	dns_put16(buf + 10, 65535);
	assert_int_equal(tsig_sign(buf, &len, sizeof(buf), &key, NULL, &mac, 0, 0), -EINVAL);
	assert_int_equal(len, sizeof(query));
}

/* A message as long as can be, with a size that does not fit 16 bits. */
static void signed_large(void **state)
{
	size_t size = 2 * 65536 + 100, len, room = 18 + 1 + 10 + 13 + 16 + 32;
	uint8_t *buf = calloc(1, size);
	struct tsig_mac mac;
	struct tsig_key key;

	(void)state;
	assert_non_null(buf);
	now = NOW;
	key_of(TSIG_HMAC_SHA256, &key);
	buf[7] = 1;
	len = DNS_MAX - room;
	dns_put16(buf + 21, (uint16_t)(len - 23));
	assert_int_equal(tsig_sign(buf, &len, size, &key, NULL, &mac, 0, 0), 0);
	assert_int_equal(len, DNS_MAX);
	assert_int_equal(tsig_check(buf, len, &key, NULL), TSIG_OK);

	memset(buf, 0, size);
	buf[7] = 1;
	len = DNS_MAX - room + 1;
	dns_put16(buf + 21, (uint16_t)(len - 23));
	assert_int_equal(tsig_sign(buf, &len, size, &key, NULL, &mac, 0, 0), -ENOSPC);
	len = DNS_MAX + 1;
	assert_int_equal(tsig_sign(buf, &len, size, &key, NULL, &mac, 0, 0), -ENOSPC);
	free(buf);
}

static void unsigned_errors(void **state)
{
	uint8_t buf[1024], *exact;
	struct tsig_claim c;
	size_t len = sizeof(answer);

	(void)state;
	assert_int_equal(tsig_read(query_sha256, sizeof(query_sha256), &c), 0);
	memcpy(buf, answer, sizeof(answer));
	assert_int_equal(tsig_append_error(buf, &len, sizeof(buf), &c, TSIG_BADKEY), 0);
	assert_int_equal(len, sizeof(answer_badkey));
	assert_memory_equal(buf, answer_badkey, len);

	/* an unknown algorithm is repeated, too */
	assert_int_equal(tsig_read(query_sha1, sizeof(query_sha1), &c), 0);
	memcpy(buf, answer, sizeof(answer));
	len = sizeof(answer);
	assert_int_equal(tsig_append_error(buf, &len, sizeof(buf), &c, TSIG_BADSIG), 0);
	exact = exact_copy(buf, len);
	assert_int_equal(tsig_read(exact, len, &c), 0);
	assert_memory_equal(c.algorithm_name, "\11hmac-sha1", 11);
	assert_int_equal(c.error, TSIG_BADSIG);
	assert_int_equal(c.mac.len, 0);
	free(exact);

	memcpy(buf, answer, sizeof(answer));
	len = sizeof(answer);
	exact = exact_copy(buf, len);
	assert_int_equal(tsig_append_error(exact, &len, sizeof(answer), &c, TSIG_BADSIG),
			 -ENOSPC);
	free(exact);
	assert_int_equal(tsig_append_error(buf, &len, len + 19 + 10 + 11 + 15, &c, TSIG_BADSIG),
			 -ENOSPC);
	assert_int_equal(tsig_append_error(buf, &len, sizeof(buf), &c, TSIG_OK), -EINVAL);
	assert_int_equal(tsig_append_error(buf, &len, sizeof(buf), &c, TSIG_BADTIME), -EINVAL);
	assert_int_equal(len, sizeof(answer));
	assert_memory_equal(buf, answer, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(algorithms),
		cmocka_unit_test(claims),
		cmocka_unit_test(checked),
		cmocka_unit_test(tampered),
		cmocka_unit_test(wrong_keys),
		cmocka_unit_test(truncated_macs),
		cmocka_unit_test(malformed),
		cmocka_unit_test(signed_alike),
		cmocka_unit_test(bad_time),
		cmocka_unit_test(refused_signing),
		cmocka_unit_test(signed_large),
		cmocka_unit_test(unsigned_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
