/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An account and a host of it, made anew for each test program. */
#ifndef BTMM_TEST_ACCOUNT_CASE_H
#define BTMM_TEST_ACCOUNT_CASE_H

#include "../lib/account/cert.h"
#include "../lib/account/hostkey.h"

#define ACCOUNT_NOW	1750000000	/* s since 1970 */

static inline void name_of(const char *text, uint8_t out[DNAME_MAX])
{
	assert_null(dname_from_text(text, out));
}

static inline void key_of(const char *name, uint8_t first, struct tsig_key *out)
{
	size_t i;

	memset(out, 0, sizeof(*out));
	name_of(name, out->name);
	out->algorithm = TSIG_HMAC_SHA256;
	out->secret_len = 32;
	for (i = 0; i < 32; i++)
		out->secret[i] = (uint8_t)(first + i);
}

static inline void make_account(struct bundle *b)
{
	char why[CERT_WHY];
	size_t i;

	memset(b, 0, sizeof(*b));
	b->kind = BUNDLE_ACCOUNT;
	name_of("alice.example.com", b->domain);
	key_of("_account.alice.example.com", 1, &b->key);
	b->n_pins = 2;
	for (i = 0; i < PIN_LEN; i++) {
		b->pins[0][i] = (uint8_t)i;
		b->pins[1][i] = (uint8_t)(255 - i);
	}
	b->server = (struct addr){ .len = 4, .b = { 192, 0, 2, 1 } };
	b->server_port = 853;
	assert_int_equal(cert_make_authority(b, ACCOUNT_NOW, why), 0);
}

static inline void make_host(const struct bundle *account, const char *name, struct bundle *b)
{
	char why[CERT_WHY];

	memset(b, 0, sizeof(*b));
	b->kind = BUNDLE_HOST;
	memcpy(b->domain, account->domain, sizeof(b->domain));
	name_of(name, b->host);
	key_of(name, 100, &b->key);
	b->n_pins = account->n_pins;
	memcpy(b->pins, account->pins, sizeof(b->pins));
	b->server = account->server;
	b->server_port = account->server_port;
	assert_int_equal(cert_issue(account, b, CERT_HOST_DAYS, ACCOUNT_NOW, why), 0);
}

#endif
