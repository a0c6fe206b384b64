/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may sign what.
 *
 * An account is a zone. Its key is named _account.<apex>. A host's key is named
 * by the host's FQDN and is not stored anywhere: it is derived (HKDF, RFC 5869)
 * from the account's key and the generation in the host's ENROLLED record, which
 * stands in the zone at the host's name and is never served. So enrolling a host
 * is adding that record, removing it ends the key at once on every front-end
 * that mirrors the zone, and a front-end that lost its disk needs the account's
 * key and nothing else.
 */
#ifndef BTMM_DNSD_KEYS_H
#define BTMM_DNSD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/dns/tsig.h"
#include "../lib/zone/store.h"

#define KEYS_ACCOUNT_LABEL	"_account"
#define KEYS_GENERATION		16	/* octets */

enum key_role { ROLE_NONE, ROLE_HOST, ROLE_ACCOUNT, ROLE_ADMIN };

struct identity {
	enum key_role role;
	uint8_t name[DNAME_MAX];	/* the key's, lower case */
	uint8_t zone[DNAME_MAX];	/* the account it belongs to; ROLE_ADMIN: the root */
	uint64_t tag;			/* a hash of name and secret: other after a rekey */
};

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

struct keys;
struct keys *keys_new(bool allow_md5);
void keys_free(struct keys *k);
/* Copies @key. Replaces a key of that name. */
int keys_add(struct keys *k, const struct tsig_key *key, enum key_role role, const uint8_t *zone);
void keys_clear(struct keys *k);

/*
 * The key called @name with @algorithm, and whose it is. @zone: the mirror of the
 * zone that @name is in, or NULL: only there can a host's key be found. -ENOENT:
 * no such key, or not (any more) enrolled.
 */
int keys_find(const struct keys *k, const struct zone *zone, const uint8_t *name,
	      enum tsig_algorithm algorithm, struct tsig_key *key, struct identity *who);

#endif
