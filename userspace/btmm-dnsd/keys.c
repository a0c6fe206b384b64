// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "../lib/dns/message.h"

#define BUCKETS_MIN		16
#define CACHE_SIZE		256	/* a power of two */

struct entry {
	struct entry *chain;
	struct tsig_key key;
	enum key_role role;
	uint64_t tag;
	uint8_t zone[DNAME_MAX];
};

/* A host's key that was derived lately: it takes long, compared to a look-up. */
struct derived {
	uint64_t account;		/* tag of the key it came from */
	uint64_t tag;
	uint8_t generation[KEYS_GENERATION];
	struct tsig_key key;		/* secret_len 0: none here */
};

struct keys {
	bool allow_md5;
	struct entry **buckets;
	size_t n, size;
	EVP_KDF *kdf;
	struct derived *cache;
};

/* Tells keys of one name apart without telling anything else of them. */
static uint64_t tag_of(const struct tsig_key *key)
{
	uint8_t text[2 + TSIG_SECRET_MAX + DNAME_MAX] = { 0 }, md[EVP_MAX_MD_SIZE] = { 0 };
	size_t name_len = dname_len(key->name);
	uint64_t tag;

	text[0] = (uint8_t)key->algorithm;
	text[1] = key->secret_len;
	memcpy(text + 2, key->secret, key->secret_len);
	memcpy(text + 2 + TSIG_SECRET_MAX, key->name, name_len);
	EVP_Digest(text, 2 + TSIG_SECRET_MAX + name_len, md, NULL, EVP_sha256(), NULL);
	memcpy(&tag, md, sizeof(tag));
	explicit_bzero(text, sizeof(text));
	return tag;
}

/* --- the keys we are given ------------------------------------------------------- */

struct keys *keys_new(bool allow_md5)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->allow_md5 = allow_md5;
	k->size = BUCKETS_MIN;
	k->buckets = calloc(k->size, sizeof(struct entry *));
	k->cache = calloc(CACHE_SIZE, sizeof(*k->cache));
	k->kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	if (!k->buckets || !k->cache || !k->kdf) {
		keys_free(k);
		return NULL;
	}
	return k;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	if (k->buckets && k->cache)
		keys_clear(k);
	free(k->buckets);
	free(k->cache);
	EVP_KDF_free(k->kdf);
	free(k);
}

void keys_clear(struct keys *k)
{
	size_t i;

	for (i = 0; i < k->size; i++) {
		while (k->buckets[i]) {
			struct entry *e = k->buckets[i];

			k->buckets[i] = e->chain;
			explicit_bzero(e, sizeof(*e));
			free(e);
		}
	}
	k->n = 0;
	explicit_bzero(k->cache, CACHE_SIZE * sizeof(*k->cache));
}

static struct entry *find(const struct keys *k, const uint8_t *name)
{
	struct entry *e = k->buckets[dname_hash(name) & (k->size - 1)];

	while (e && !dname_equal(e->key.name, name))
		e = e->chain;
	return e;
}

static void grow(struct keys *k)
{
	struct entry **more = calloc(2 * k->size, sizeof(struct entry *)), *e, *next;
	size_t i;

	if (!more)
		return;
	for (i = 0; i < k->size; i++) {
		for (e = k->buckets[i]; e; e = next) {
			struct entry **b = &more[dname_hash(e->key.name) & (2 * k->size - 1)];

			next = e->chain;
			e->chain = *b;
			*b = e;
		}
	}
	free(k->buckets);
	k->buckets = more;
	k->size *= 2;
}

int keys_add(struct keys *k, const struct tsig_key *key, enum key_role role, const uint8_t *zone)
{
	struct entry *e, **b;

	if (!key->secret_len || key->secret_len > TSIG_SECRET_MAX ||
	    !keys_secret_len(key->algorithm) || role == ROLE_NONE)
		return -EINVAL;

	e = find(k, key->name);
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		if (k->n++ >= k->size)
			grow(k);
		b = &k->buckets[dname_hash(key->name) & (k->size - 1)];
		e->chain = *b;
		*b = e;
	}
	e->key = *key;
	dname_lower(e->key.name);
	e->role = role;
	memcpy(e->zone, zone, dname_len(zone));
	dname_lower(e->zone);
	e->tag = tag_of(&e->key);
	return 0;
}

/* --- whose a key is -------------------------------------------------------------- */

static void identify(const struct tsig_key *key, enum key_role role, const uint8_t *zone,
		     uint64_t tag, struct identity *who)
{
	memset(who, 0, sizeof(*who));
	who->role = role;
	memcpy(who->name, key->name, dname_len(key->name));
	memcpy(who->zone, zone, dname_len(zone));
	who->tag = tag;
}

/* The ENROLLED record at @name that goes with @algorithm. */
static bool enrolled(const struct zone *zone, const uint8_t *name, enum tsig_algorithm algorithm,
		     uint8_t generation[KEYS_GENERATION])
{
	const struct zone_node *node = zone_find(zone, name);
	enum tsig_algorithm there;
	struct zone_rr rr;
	size_t pos = 0;

	while (node && zone_node_next(node, &pos, &rr)) {
		if (rr.type == DNS_ENROLLED && !rr.hidden &&
		    keys_enrolled_read(rr.rdata, rr.rdlen, &there, generation) &&
		    there == algorithm)
			return true;
	}
	return false;
}

static const struct derived *derive_cached(const struct keys *k, const struct entry *account,
					   const uint8_t *name, enum tsig_algorithm algorithm,
					   const uint8_t generation[KEYS_GENERATION])
{
	struct derived *d = &k->cache[(dname_hash(name) ^ account->tag) & (CACHE_SIZE - 1)];

	if (d->key.secret_len && d->account == account->tag && d->key.algorithm == algorithm &&
	    !memcmp(d->generation, generation, KEYS_GENERATION) &&
	    dname_equal(d->key.name, name))
		return d;

	if (keys_derive_host_by(k->kdf, &account->key, name, algorithm, generation,
				&d->key))
		return NULL;
	d->account = account->tag;
	d->tag = tag_of(&d->key);
	memcpy(d->generation, generation, KEYS_GENERATION);
	return d;
}

static int find_host(const struct keys *k, const struct zone *zone, const uint8_t *name,
		     enum tsig_algorithm algorithm, struct tsig_key *key, struct identity *who)
{
	uint8_t account_name[DNAME_MAX], generation[KEYS_GENERATION];
	const uint8_t *apex = zone_apex(zone);
	const struct derived *d;
	const struct entry *account;

	if (!dname_below(name, apex) ||
	    !dname_prefix(KEYS_ACCOUNT_LABEL, strlen(KEYS_ACCOUNT_LABEL), apex, account_name))
		return -ENOENT;
	account = find(k, account_name);
	if (!account || account->role != ROLE_ACCOUNT || !dname_equal(account->zone, apex) ||
	    !enrolled(zone, name, algorithm, generation))
		return -ENOENT;

	d = derive_cached(k, account, name, algorithm, generation);
	if (!d)
		return -EIO;
	*key = d->key;
	identify(key, ROLE_HOST, account->zone, d->tag, who);
	return 0;
}

int keys_find(const struct keys *k, const struct zone *zone, const uint8_t *name,
	      enum tsig_algorithm algorithm, struct tsig_key *key, struct identity *who)
{
	const struct entry *e;

	if (!keys_secret_len(algorithm) || (algorithm == TSIG_HMAC_MD5 && !k->allow_md5))
		return -ENOENT;
	e = find(k, name);
	if (!e)
		return zone ? find_host(k, zone, name, algorithm, key, who) : -ENOENT;
	if (e->key.algorithm != algorithm)
		return -ENOENT;

	*key = e->key;
	identify(&e->key, e->role, e->zone, e->tag, who);
	return 0;
}
