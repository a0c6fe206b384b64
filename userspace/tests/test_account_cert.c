// SPDX-License-Identifier: GPL-2.0-or-later
/* The authority, the certificates of hosts, and what goes together. */
#include "test.h"

#include <errno.h>

#include "account_case.h"

#define DAY	86400

static struct bundle account, other, host;
static char why[CERT_WHY];

static int setup(void **state)
{
	(void)state;
	make_account(&account);
	make_account(&other);
	make_host(&account, "mini.alice.example.com", &host);
	return 0;
}

static void wrong(const struct bundle *b, time_t now, const char *wanted)
{
	const char *bad = cert_check(b, now, why);

	assert_non_null(bad);
	assert_string_equal(bad, wanted);
}

static void what_is_issued_is_good(void **state)
{
	(void)state;
	assert_null(cert_check(&account, ACCOUNT_NOW, why));
	assert_null(cert_check(&host, ACCOUNT_NOW, why));
	/* On a machine whose clock is behind, and in the end. */
	assert_null(cert_check(&host, ACCOUNT_NOW - DAY + 60, why));
	assert_null(cert_check(&host, ACCOUNT_NOW + CERT_HOST_DAYS * (time_t)DAY - 60, why));
	wrong(&host, ACCOUNT_NOW + CERT_HOST_DAYS * (time_t)DAY + 60,
	      "the certificate is not good: certificate has expired");
	wrong(&host, ACCOUNT_NOW - 2 * DAY,
	      "the certificate is not good: certificate is not yet valid");
	wrong(&account, ACCOUNT_NOW + (CERT_AUTHORITY_DAYS + 1) * (time_t)DAY,
	      "the certificate is not good: certificate has expired");
}

static void each_is_new(void **state)
{
	struct cert_facts a, b;
	struct bundle again;

	(void)state;
	make_host(&account, "mini.alice.example.com", &again);
	assert_string_not_equal(again.private_key, host.private_key);
	assert_int_equal(cert_facts(host.certificate, &a), 0);
	assert_int_equal(cert_facts(again.certificate, &b), 0);
	assert_string_not_equal(a.serial, b.serial);
	assert_int_equal(strlen(a.serial), 32);
	assert_memory_not_equal(a.digest, b.digest, sizeof(a.digest));
	assert_true(a.begins == ACCOUNT_NOW - DAY);
	assert_true(a.ends == ACCOUNT_NOW + CERT_HOST_DAYS * (time_t)DAY);
	assert_int_equal(cert_facts("", &a), -EINVAL);
	assert_string_not_equal(account.authority, other.authority);
}

static void what_does_not_go_together(void **state)
{
	struct bundle b = host, theirs;

	(void)state;
	make_host(&other, "mini.alice.example.com", &theirs);
	strcpy(b.certificate, theirs.certificate);
	wrong(&b, ACCOUNT_NOW, "the private key is not that of the certificate");
	strcpy(b.private_key, theirs.private_key);
	wrong(&b, ACCOUNT_NOW,
	      "the certificate is not good: unable to get local issuer certificate");
	b = host;
	name_of("midi.alice.example.com", b.host);
	wrong(&b, ACCOUNT_NOW, "the certificate is not for the host's name");
	b = host;
	strcpy(b.authority, host.certificate);
	wrong(&b, ACCOUNT_NOW, "the authority's certificate is none");
	strcpy(b.authority, "");
	wrong(&b, ACCOUNT_NOW, "the authority's certificate is none");
	b = host;
	b.certificate[40] ^= 1;
	wrong(&b, ACCOUNT_NOW, "the certificate cannot be read");
	b = host;
	b.private_key[0] = '\0';
	wrong(&b, ACCOUNT_NOW, "the private key cannot be read");
	b = account;
	strcpy(b.authority_key, other.authority_key);
	wrong(&b, ACCOUNT_NOW, "the authority's key is not that of its certificate");
	b.authority_key[0] = '\0';
	wrong(&b, ACCOUNT_NOW, "the authority's key cannot be read");
}

static void names_that_are_not_plain(void **state)
{
	struct bundle b;

	(void)state;
	/* Not for OpenSSL's own syntax of extensions to read. */
	make_host(&account, "x,DNS:mini.alice.example.com", &b);
	assert_null(cert_check(&b, ACCOUNT_NOW, why));
	name_of("mini.alice.example.com", b.host);
	wrong(&b, ACCOUNT_NOW, "the certificate is not for the host's name");
	/* Case is of no account in names. */
	make_host(&account, "MINI.alice.example.com", &b);
	name_of("mini.alice.example.com", b.host);
	assert_null(cert_check(&b, ACCOUNT_NOW, why));
}

static void an_authority_that_has_ended(void **state)
{
	time_t late = ACCOUNT_NOW + (CERT_AUTHORITY_DAYS - 1) * (time_t)DAY;
	struct bundle b = host;
	struct cert_facts facts;

	(void)state;
	assert_int_equal(cert_issue(&account, &b, CERT_HOST_DAYS, late, why), 0);
	assert_int_equal(cert_facts(b.certificate, &facts), 0);
	assert_true(facts.ends == late + DAY);
	assert_int_equal(cert_issue(&account, &b, 1, late + 2 * DAY, why), -EINVAL);
	assert_string_equal(why, "the account's authority has ended");
	b = account;
	strcpy(b.authority_key, other.authority_key);
	assert_int_equal(cert_issue(&b, &host, 1, ACCOUNT_NOW, why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_issued_is_good, setup),
		cmocka_unit_test_setup(each_is_new, setup),
		cmocka_unit_test_setup(what_does_not_go_together, setup),
		cmocka_unit_test_setup(names_that_are_not_plain, setup),
		cmocka_unit_test_setup(an_authority_that_has_ended, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
