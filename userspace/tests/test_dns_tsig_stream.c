// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

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

/* A transfer by dnspython; 1, 2 and 3 are not signed. */
static const struct {
	const uint8_t *msg;
	size_t len;
} parts[] = {
	{ stream_0, sizeof(stream_0) }, { stream_1, sizeof(stream_1) },
	{ stream_2, sizeof(stream_2) }, { stream_3, sizeof(stream_3) },
	{ stream_4, sizeof(stream_4) }, { stream_5, sizeof(stream_5) },
};

static struct tsig_stream *begin(void)
{
	struct tsig_key key = { .algorithm = TSIG_HMAC_SHA256, .secret_len = 32 };
	struct tsig_claim request;
	struct tsig_stream *s;
	uint8_t i;

	now = NOW;
	assert_null(dname_from_text("alice.example.com", key.name));
	for (i = 0; i < 32; i++)
		key.secret[i] = i;
	assert_int_equal(tsig_read(query_sha256, sizeof(query_sha256), &request), 0);
	s = tsig_stream_new(&key, &request.mac);
	assert_non_null(s);
	return s;
}

static enum tsig_result feed(struct tsig_stream *s, size_t part)
{
	uint8_t *msg = exact_copy(parts[part].msg, parts[part].len);
	enum tsig_result result = tsig_stream_check(s, msg, parts[part].len);

	free(msg);
	return result;
}

static void whole(void **state)
{
	struct tsig_stream *s = begin();
	size_t i;

	(void)state;
	assert_false(tsig_stream_done(s));
	for (i = 0; i < N_OF(parts); i++) {
		assert_int_equal(feed(s, i), TSIG_OK);
		assert_int_equal(tsig_stream_done(s), i == 0 || i > 3);
	}
	tsig_stream_free(s);
	tsig_stream_free(NULL);
}

/* Left out, repeated or out of order; and it cannot be mended. */
static void not_whole(void **state)
{
	static const struct {
		size_t n, parts[7];
	} cases[] = {
		{ 1, { 1 } },			/* the first is not signed */
		{ 1, { 4 } },
		{ 5, { 0, 1, 2, 4, 5 } },
		{ 5, { 0, 1, 3, 2, 4 } },
		{ 6, { 0, 1, 2, 3, 3, 4 } },
		{ 2, { 0, 4 } },
		{ 2, { 0, 0 } },
		{ 2, { 0, 5 } },
		{ 6, { 0, 1, 2, 3, 4, 4 } },
		{ 7, { 0, 1, 2, 3, 4, 1, 5 } },
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		struct tsig_stream *s = begin();
		enum tsig_result result = TSIG_OK;

		for (n = 0; n < cases[i].n && !result; n++)
			result = feed(s, cases[i].parts[n]);
		assert_int_equal(result, TSIG_BADSIG);
		assert_false(tsig_stream_done(s));
		assert_int_equal(feed(s, 5), TSIG_BADSIG);
		assert_false(tsig_stream_done(s));
		tsig_stream_free(s);
	}
}

static void tampered(void **state)
{
	size_t part, i;

	(void)state;
	for (part = 0; part < N_OF(parts); part++) {
		for (i = DNS_HEADER; i < parts[part].len; i += 7) {
			struct tsig_stream *s = begin();
			uint8_t *msg = exact_copy(parts[part].msg, parts[part].len);
			enum tsig_result result = TSIG_OK;
			size_t n;

			msg[i] ^= 0x01;
			for (n = 0; n < N_OF(parts) && !result; n++)
				result = n == part ? tsig_stream_check(s, msg, parts[n].len) :
						     feed(s, n);
			/* Of the later ones, a few octets are not signed. */
			if (result == TSIG_OK)
				assert_true(part > 3 && i + 6 >= parts[part].len);
			assert_int_equal(tsig_stream_done(s), result == TSIG_OK);
			free(msg);
			tsig_stream_free(s);
		}
	}
}

static void in_time(void **state)
{
	struct tsig_stream *s = begin();

	(void)state;
	now = NOW + 301;
	assert_int_equal(feed(s, 0), TSIG_BADTIME);
	assert_false(tsig_stream_done(s));
	tsig_stream_free(s);

	s = begin();
	assert_int_equal(feed(s, 0), TSIG_OK);
	assert_int_equal(feed(s, 1), TSIG_OK);
	assert_int_equal(feed(s, 2), TSIG_OK);
	assert_int_equal(feed(s, 3), TSIG_OK);
	now = NOW + 4 + 301;
	assert_int_equal(feed(s, 4), TSIG_BADTIME);
	tsig_stream_free(s);

	/* It may stand still, but not go back. */
	s = begin();
	assert_int_equal(feed(s, 0), TSIG_OK);
	assert_int_equal(tsig_stream_check(s, stream_now, sizeof(stream_now)), TSIG_OK);
	tsig_stream_free(s);
	s = begin();
	assert_int_equal(feed(s, 0), TSIG_OK);
	assert_int_equal(tsig_stream_check(s, stream_back, sizeof(stream_back)), TSIG_BADTIME);
	tsig_stream_free(s);
}

/* RFC 8945 5.3.1: 99 in a row may be without, not 100. */
static void unsigned_run(void **state)
{
	struct tsig_stream *s = begin();
	int i;

	(void)state;
	assert_int_equal(feed(s, 0), TSIG_OK);
	for (i = 0; i < 99; i++)
		assert_int_equal(feed(s, 1), TSIG_OK);
	assert_int_equal(tsig_stream_check(s, stream_99, sizeof(stream_99)), TSIG_OK);
	assert_true(tsig_stream_done(s));
	for (i = 0; i < 99; i++)
		assert_int_equal(feed(s, 1), TSIG_OK);
	assert_int_equal(tsig_stream_check(s, stream_198, sizeof(stream_198)), TSIG_OK);
	for (i = 0; i < 99; i++)
		assert_int_equal(feed(s, 1), TSIG_OK);
	assert_false(tsig_stream_done(s));
	assert_int_equal(feed(s, 1), TSIG_BADSIG);
	tsig_stream_free(s);

	s = begin();
	assert_int_equal(feed(s, 0), TSIG_OK);
	assert_int_equal(tsig_stream_check(s, stream_1, sizeof(stream_1) - 1), TSIG_BADSIG);
	tsig_stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(not_whole),
		cmocka_unit_test(tampered),
		cmocka_unit_test(in_time),
		cmocka_unit_test(unsigned_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
