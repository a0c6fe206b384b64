/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes a machine the account's first one, and what makes one a host of the
 * account: each is one text file.
 *
 *	btmm-account 1				btmm-host 1
 *	domain alice.example.com		domain alice.example.com
 *						host mini.alice.example.com
 *	key _account.alice... ALG BASE64	key mini.alice.example.com ALG BASE64
 *	pin sha256//BASE64 (1 to 8)		pin sha256//BASE64 (1 to 8)
 *	server ADDR:PORT (may be left out)	server ADDR:PORT (may be left out)
 *	authority				authority
 *	PEM of a certificate			PEM of a certificate
 *	authority-key				certificate
 *	PEM of a private key			PEM of a certificate
 *						private-key
 *						PEM of a private key
 *	end					end
 *
 * The first line and the last are so, the others may stand in any order. Lines may be
 * empty or begin with #. Pure: whether certificates and keys go together is for
 * cert.h to say.
 */
#ifndef BTMM_ACCOUNT_BUNDLE_H
#define BTMM_ACCOUNT_BUNDLE_H

#include "../dns/tsig.h"
#include "../text/addr.h"
#include "../text/base64.h"

#define BUNDLE_VERSION	1
#define BUNDLE_PINS	8
#define BUNDLE_PEM	4096	/* octets of one, with its NUL */
#define BUNDLE_TEXT_MAX	32768
#define BUNDLE_WHY	256
#define BUNDLE_TLS_PORT	853	/* where the server's port was not said, RFC 7858 */

#define PIN_LEN		32	/* SHA-256 of a SubjectPublicKeyInfo, RFC 7469 2.4 */
#define PIN_PREFIX	"sha256//"
#define PIN_TEXT_SIZE	(sizeof(PIN_PREFIX) - 1 + BASE64_SIZE(PIN_LEN))

enum bundle_kind { BUNDLE_ACCOUNT, BUNDLE_HOST };

/* Whoever is done with one calls bundle_wipe(). */
struct bundle {
	enum bundle_kind kind;
	uint8_t domain[DNAME_MAX];	/* lower case, as are all names here */
	uint8_t host[DNAME_MAX];	/* of a host: its label and @domain */
	struct tsig_key key;
	size_t n_pins;
	uint8_t pins[BUNDLE_PINS][PIN_LEN];
	struct addr server;		/* len 0: it is found by SRV records */
	uint16_t server_port;
	/* PEM, with NUL */
	char authority[BUNDLE_PEM];
	char authority_key[BUNDLE_PEM];	/* of an account */
	char certificate[BUNDLE_PEM], private_key[BUNDLE_PEM];	/* of a host */
};

void bundle_wipe(struct bundle *b);

/*
 * NULL and all of @out set; else a sentence that holds nothing secret (maybe in @why)
 * and in *@line where it is wrong, 0: it is as a whole. There is a NUL behind the @len
 * octets. Then @out is wiped.
 */
const char *bundle_read(const char *text, size_t len, struct bundle *out, unsigned int *line,
			char why[BUNDLE_WHY]);

/* The text, which is to be wiped. Octets without NUL; 0: it does not fit. */
size_t bundle_write(const struct bundle *b, char *out, size_t size);

/* sha256//BASE64. NULL, or a sentence to be put behind the word. */
const char *pin_read(const char *text, uint8_t out[PIN_LEN]);
const char *pin_text(const uint8_t pin[PIN_LEN], char out[PIN_TEXT_SIZE]);

/* ADDR, [V6], ADDR:PORT or [V6]:PORT; NULL, or as above. */
const char *bundle_server_read(const char *text, struct addr *addr, uint16_t *port);

/* In one word: the domain whose account key is called @key_name; NULL: it is none. */
const uint8_t *bundle_domain_of(const uint8_t *key_name);

#endif
