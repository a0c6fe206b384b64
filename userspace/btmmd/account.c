// SPDX-License-Identifier: GPL-2.0-or-later
#include "account.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *plain(const uint8_t *name, char *out, size_t size)
{
	char text[DNAME_TEXT_MAX];
	size_t len = strlen(dname_to_text(name, text));

	/* Labels of letters, digits and hyphens only: they fit (lib/identity/names.h). */
	if (len > 1)
		text[--len] = '\0';
	snprintf(out, size, "%.*s", (int)size - 1, text);
	return out;
}

/* YYYY-MM-DD HH:MM */
static const char *date(time_t t, char out[32])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M", &tm))
		strcpy(out, "?");
	return out;
}

/* What helps where nothing else does; as for all texts here, who prints adds the path. */
static void cure(const struct account *a, char out[DLABEL_MAX + 160])
{
	snprintf(out, DLABEL_MAX + 160,
		 "'btmm-ctl host add %s new-key' on the account's first machine makes a good one, "
		 "which 'btmm-ctl host import FILE replace' takes here", a->label);
}

static void look_at_clock(struct account *a, const char *path, time_t now)
{
	const struct cert_facts *c = &a->certificate;
	char from[32], is[32], how[DLABEL_MAX + 160];

	date(now, is);
	if (now < c->begins) {
		snprintf(a->warning, sizeof(a->warning),
			 "%.512s: the certificate is good from %s UTC on, and it is %s: set the "
			 "clock; until then no other host lets this one in",
			 path, date(c->begins, from), is);
	} else if (now >= c->ends) {
		cure(a, how);
		snprintf(a->warning, sizeof(a->warning),
			 "%.512s: the certificate has ended at %s UTC, and it is %s; no other host "
			 "lets this one in: %s", path, date(c->ends, from), is, how);
	}
}

/*
 * Everything but the clock has to be right. A machine without a battery begins in 1970,
 * and learns what time it is when it is connected.
 */
static const char *check_certificate(struct account *a, const char *path, time_t now,
				     char *reason)
{
	struct cert_facts *c = &a->certificate;

	if (cert_facts(a->bundle.certificate, c))
		return "the certificate cannot be read";
	look_at_clock(a, path, now);
	return cert_check(&a->bundle, a->warning[0] ? c->begins + 1 : now, reason);
}

static int load(const char *dir, time_t now, struct account *a, char why[STORE_WHY])
{
	char path[PATH_MAX], reason[CERT_WHY], how[DLABEL_MAX + 160];
	const char *bad;
	int err;

	if (snprintf(path, sizeof(path), "%s/" STORE_HOST_FILE, dir) >= (int)sizeof(path)) {
		snprintf(why, STORE_WHY, "the account's directory has too long a name");
		return -ENAMETOOLONG;
	}
	err = store_dir_check(dir, why);
	if (!err)
		err = store_load(path, BUNDLE_HOST, &a->bundle, why);
	if (err == -ENOENT)
		snprintf(why, STORE_WHY, "this machine is no host of an account yet (%.512s): "
			 "'btmm-ctl host import FILE' makes it one", path);
	if (err)
		return err;
	plain(a->bundle.host, a->name, sizeof(a->name));
	plain(a->bundle.domain, a->domain, sizeof(a->domain));
	memcpy(a->label, a->bundle.host + 1, a->bundle.host[0]);
	bad = check_certificate(a, path, now, reason);
	if (bad) {
		cure(a, how);
		snprintf(why, STORE_WHY, "%.512s: %s; %s", path, bad, how);
		return -EINVAL;
	}
	return 0;
}

int account_load(const char *dir, time_t now, struct account **out, char why[STORE_WHY])
{
	struct account *a = calloc(1, sizeof(*a));
	int err;

	if (!a) {
		snprintf(why, STORE_WHY, "out of memory");
		return -ENOMEM;
	}
	err = load(dir, now, a, why);
	if (err)
		account_free(a);
	else
		*out = a;
	return err;
}

void account_free(struct account *a)
{
	if (!a)
		return;
	explicit_bzero(a, sizeof(*a));
	free(a);
}

static bool same_key(const struct tsig_key *a, const struct tsig_key *b)
{
	return dname_equal(a->name, b->name) && a->algorithm == b->algorithm &&
	       a->secret_len == b->secret_len && !memcmp(a->secret, b->secret, a->secret_len);
}

static bool same_server(const struct bundle *a, const struct bundle *b)
{
	return a->n_pins == b->n_pins && !memcmp(a->pins, b->pins, a->n_pins * PIN_LEN) &&
	       a->server.len == b->server.len &&
	       !memcmp(a->server.b, b->server.b, a->server.len) &&
	       (!a->server.len || a->server_port == b->server_port);
}

unsigned int account_compare(const struct account *a, const struct account *b)
{
	const struct bundle *x = &a->bundle, *y = &b->bundle;
	unsigned int change = 0;

	if (!dname_equal(x->host, y->host) || !dname_equal(x->domain, y->domain))
		change |= ACCOUNT_HOST;
	if (!same_key(&x->key, &y->key))
		change |= ACCOUNT_KEY;
	if (!same_server(x, y))
		change |= ACCOUNT_SERVER;
	if (strcmp(x->authority, y->authority) || strcmp(x->certificate, y->certificate) ||
	    strcmp(x->private_key, y->private_key))
		change |= ACCOUNT_IKE;
	return change;
}

void account_trust(const struct account *a, struct dns_trust_config *out)
{
	_Static_assert(BUNDLE_PINS <= DNS_PINS_MAX && PIN_LEN == DNS_PIN_LEN, "pins");

	memset(out, 0, sizeof(*out));
	out->n_pins = a->bundle.n_pins;
	memcpy(out->pins, a->bundle.pins, a->bundle.n_pins * PIN_LEN);
}

static struct vici_span span(const char *text)
{
	return (struct vici_span){ (const uint8_t *)text, strlen(text) };
}

void account_ike(const struct account *a, struct ike_identity *out)
{
	memset(out, 0, sizeof(*out));
	out->name = a->name;
	out->cert = span(a->bundle.certificate);
	out->key = span(a->bundle.private_key);
	out->authority = span(a->bundle.authority);
}
