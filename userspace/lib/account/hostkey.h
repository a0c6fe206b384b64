/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a host's TSIG key follows from its account's. It is stored nowhere but on the
 * host: it is derived (HKDF, RFC 5869) from the account's key and the generation in
 * the host's ENROLLED record, which stands in the zone at the host's name and is
 * never served.
 */
#ifndef BTMM_ACCOUNT_HOSTKEY_H
#define BTMM_ACCOUNT_HOSTKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/tsig.h"

#define KEYS_ACCOUNT_LABEL	"_account"	/* of the account key's name, above the zone's */
#define KEYS_GENERATION		16	/* octets */
#define KEYS_ENROLLED_TTL	3600	/* s */

struct evp_kdf_st;

/* Octets that a key of that algorithm has; 0: there is no such algorithm. */
size_t keys_secret_len(enum tsig_algorithm algorithm);

/* RDATA of an ENROLLED record: version 1, algorithm (enum tsig_algorithm),
 * generation. False when it is not one.
 */
bool keys_enrolled_read(const uint8_t *rdata, size_t len, enum tsig_algorithm *algorithm,
			uint8_t generation[KEYS_GENERATION]);
size_t keys_enrolled_write(enum tsig_algorithm algorithm,
			   const uint8_t generation[KEYS_GENERATION], uint8_t out[32]);

/* secret = HKDF-SHA256(account secret, salt = generation,
 *	info = "btmm host key 1" | 0 | lower-case wire name), as long as the
 * algorithm's digest. 0 or -EIO.
 */
int keys_derive_host(const struct tsig_key *account, const uint8_t *fqdn,
		     enum tsig_algorithm algorithm,
		     const uint8_t generation[KEYS_GENERATION], struct tsig_key *out);
/* The same, for who derives many: @kdf is HKDF, fetched once. */
int keys_derive_host_by(struct evp_kdf_st *kdf, const struct tsig_key *account,
			const uint8_t *fqdn, enum tsig_algorithm algorithm,
			const uint8_t generation[KEYS_GENERATION], struct tsig_key *out);

#endif
