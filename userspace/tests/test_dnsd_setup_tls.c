// SPDX-License-Identifier: GPL-2.0-or-later
/* The certificate that setup makes, and what it finds out about given ones. */
#include "test.h"

#include <errno.h>

#include "../btmm-dnsd/setup_tls.h"

#define NOW	1795279199

static void made(void **state)
{
	static const char *const names[] = { "a.example.com", "b.example.com", NULL };
	struct buf cert = { 0 }, key = { 0 };
	struct cert_info info;
	struct why why;

	(void)state;
	assert_int_equal(cert_make("ns.alice.example.com", names, NOW, &cert, &key, &why), 0);
	assert_memory_equal(buf_text(&cert), "-----BEGIN CERTIFICATE-----\n", 28);
	assert_memory_equal(buf_text(&key), "-----BEGIN PRIVATE KEY-----\n", 28);
	assert_int_equal(cert_look(&cert, &key, "ns.alice.example.com", &info, &why), 0);
	assert_true(info.names_host);
	assert_true(info.self_signed);
	assert_int_equal(info.not_before, NOW - 86400);
	assert_in_range(info.not_after - NOW, 10 * 365 * 86400, 10 * 366 * 86400);
	assert_int_equal(strlen(info.pin), 8 + 44);
	assert_memory_equal(info.pin, "sha256//", 8);
	assert_int_equal(cert_look(&cert, NULL, "b.example.com", &info, &why), 0);
	assert_true(info.names_host);
	assert_int_equal(cert_look(&cert, NULL, "c.example.com", &info, &why), 0);
	assert_false(info.names_host);
	buf_free(&cert);
	buf_free(&key);
}

/* A name longer than CN has room for. */
static void long_name(void **state)
{
	static const char name[] = "a-long-label-of-forty-octets-or-thereabouts."
				   "another-label-that-is-long.and-more.example.com";
	struct buf cert = { 0 }, key = { 0 };
	struct cert_info info;
	struct why why;

	(void)state;
	assert_int_equal(cert_make(name, NULL, NOW, &cert, &key, &why), 0);
	assert_int_equal(cert_look(&cert, &key, name, &info, &why), 0);
	assert_true(info.names_host);
	buf_free(&cert);
	buf_free(&key);
}

static void wrong_key(void **state)
{
	struct buf cert = { 0 }, key = { 0 }, cert2 = { 0 }, key2 = { 0 }, none = { 0 };
	struct cert_info info, info2;
	struct why why;

	(void)state;
	assert_int_equal(cert_make("a.example.com", NULL, NOW, &cert, &key, &why), 0);
	assert_int_equal(cert_make("a.example.com", NULL, NOW, &cert2, &key2, &why), 0);
	assert_int_equal(cert_look(&cert, &key, "a.example.com", &info, &why), 0);
	assert_int_equal(cert_look(&cert2, &key2, "a.example.com", &info2, &why), 0);
	assert_string_not_equal(info.pin, info2.pin);
	assert_int_equal(cert_look(&cert, &key2, "a.example.com", &info, &why), -EINVAL);
	assert_non_null(strstr(why.text, "does not belong"));
	assert_int_equal(cert_look(&key, &key, "a.example.com", &info, &why), -EINVAL);
	assert_int_equal(cert_look(&none, NULL, "a.example.com", &info, &why), -EINVAL);
	assert_int_equal(cert_look(&cert, &cert, "a.example.com", &info, &why), -EINVAL);
	assert_int_equal(cert_look(&cert, &none, "a.example.com", &info, &why), -EINVAL);
	buf_free(&cert);
	buf_free(&key);
	buf_free(&cert2);
	buf_free(&key2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made),
		cmocka_unit_test(long_name),
		cmocka_unit_test(wrong_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
