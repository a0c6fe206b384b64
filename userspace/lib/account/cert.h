/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The account's authority and the certificates of its hosts, by OpenSSL: Ed25519
 * (RFC 8410), with the host's full name as the only subjectAltName. No clock is
 * read; keys and serial numbers are drawn by OpenSSL.
 */
#ifndef BTMM_ACCOUNT_CERT_H
#define BTMM_ACCOUNT_CERT_H

#include <stdint.h>
#include <time.h>

#include "bundle.h"

#define CERT_WHY		256
#define CERT_AUTHORITY_DAYS	(30 * 365)
#define CERT_HOST_DAYS		(5 * 365)
#define CERT_DAYS_MAX		(20 * 365)
/* A clock that is behind ours by less than this takes a new certificate. */
#define CERT_BACKDATE		86400	/* s */

/*
 * A new authority in @b->authority and @b->authority_key. 0, or -EIO with a sentence
 * in @why.
 */
int cert_make_authority(struct bundle *b, time_t now, char why[CERT_WHY]);

/*
 * @host->certificate and @host->private_key for @host->host, and @host->authority, by
 * the authority of @account. Errors as above; -EINVAL: the authority's certificate or
 * key is none, or it has ended.
 */
int cert_issue(const struct bundle *account, struct bundle *host, unsigned int days, time_t now,
	       char why[CERT_WHY]);

/*
 * Do certificate, key, authority and name go together, at @now? Of an account: does the
 * authority's key belong to its certificate? NULL; or a sentence, maybe in @why.
 */
const char *cert_check(const struct bundle *b, time_t now, char why[CERT_WHY]);

/* Of a certificate as PEM. -EINVAL: it is none. */
struct cert_facts {
	uint8_t digest[32];	/* SHA-256 of the certificate */
	char serial[41];	/* hexadecimal */
	time_t begins, ends;
};

int cert_facts(const char *pem, struct cert_facts *out);

#endif
