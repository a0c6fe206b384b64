/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TLS certificate: made, taken over, looked at. */
#ifndef BTMM_DNSD_SETUP_TLS_H
#define BTMM_DNSD_SETUP_TLS_H

#include <stdbool.h>
#include <time.h>

#include "admin_text.h"

#define CERT_YEARS	10
#define CERT_PIN_SIZE	64	/* "sha256//" and 44 octets */

/*
 * A new ECDSA P-256 key and a certificate that it signed itself, for @host and the
 * @names (host names; NULL at the end), valid from a day ago for CERT_YEARS. Both
 * PEM. 0 or -EIO and why.
 */
int cert_make(const char *host, const char *const *names, time_t now, struct buf *cert,
	      struct buf *key, struct why *why);

struct cert_info {
	char pin[CERT_PIN_SIZE];	/* sha256//BASE64 of the SPKI (RFC 7858, RFC 7469) */
	time_t not_before, not_after;
	bool self_signed, names_host;
};

/*
 * Looks at a certificate (PEM, the first of them) and whether @key (PEM, NULL: not
 * asked) belongs to it. @host: the name clients use. 0, or -EINVAL and why.
 */
int cert_look(const struct buf *cert, const struct buf *key, const char *host,
	      struct cert_info *out, struct why *why);

#endif
