/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may sign what.
 *
 * An account is a zone. Its key is named _account.<apex>. A host's key is named
 * by the host's FQDN and is not stored anywhere: it follows from the account's key
 * and the host's ENROLLED record (lib/account/hostkey.h). So enrolling a host is
 * adding that record, removing it ends the key at once on every front-end that
 * mirrors the zone, and a front-end that lost its disk needs the account's key and
 * nothing else.
 */
#ifndef BTMM_DNSD_KEYS_H
#define BTMM_DNSD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/account/hostkey.h"
#include "../lib/zone/store.h"

enum key_role { ROLE_NONE, ROLE_HOST, ROLE_ACCOUNT, ROLE_ADMIN };

struct identity {
	enum key_role role;
	uint8_t name[DNAME_MAX];	/* the key's, lower case */
	uint8_t zone[DNAME_MAX];	/* the account it belongs to; ROLE_ADMIN: the root */
	uint64_t tag;			/* a hash of name and secret: other after a rekey */
};

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
