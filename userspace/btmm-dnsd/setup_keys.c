// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "conf.h"
#include "keys.h"
#include "setup.h"

static bool label_before(const char *label, const uint8_t *name, uint8_t out[DNAME_MAX])
{
	if (!dname_prefix(label, strlen(label), name, out))
		return false;
	dname_lower(out);
	return true;
}

bool setup_account_key_name(const struct setup *su, uint8_t out[DNAME_MAX])
{
	return label_before(KEYS_ACCOUNT_LABEL, su->apex, out);
}

bool setup_frontend_key_name(const struct setup *su, uint8_t out[DNAME_MAX])
{
	return label_before("frontend", su->host, out);
}

bool setup_admin_key_name(const struct setup *su, uint8_t out[DNAME_MAX])
{
	return label_before("admin", su->host, out);
}

const char *setup_account_key_path(const char *domain)
{
	static char path[sizeof(SETUP_KEYS) + DNAME_TEXT_MAX + 32];

	snprintf(path, sizeof(path), SETUP_KEYS "/account.%s.key", domain);
	return path;
}

const char *setup_primary_key_path(const char *domain)
{
	static char path[sizeof(SETUP_KEYS) + DNAME_TEXT_MAX + 32];

	snprintf(path, sizeof(path), SETUP_KEYS "/primary.%s.key", domain);
	return path;
}

int setup_key_new(const uint8_t *name, enum tsig_algorithm algorithm, struct tsig_key *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->name, name, dname_len(name));
	out->algorithm = algorithm;
	out->secret_len = algorithm == TSIG_HMAC_SHA512 ? 64 : 32;
	if (getrandom(out->secret, out->secret_len, 0) != out->secret_len)
		return -EIO;
	return 0;
}

int setup_key(struct setup *su, const char *path, const uint8_t *name, bool strict,
	      struct tsig_key *key, struct why *why)
{
	const char *full = files_path(su->files, path);
	struct buf text = { 0 };
	int err = files_get(su->files, path, &text, why);

	if (!err) {
		err = conf_key_file(full, key, why->text, sizeof(why->text));
		if (!err && strict && !dname_equal(key->name, name)) {
			char is[DNAME_TEXT_MAX], want[DNAME_TEXT_MAX];

			err = why_set(why, -EEXIST, "%s holds the key %s, not %s: move it out of "
				      "the way", full, name_text(key->name, is),
				      name_text(name, want));
		}
	} else if (err == -ENOENT) {
		err = setup_key_new(name, TSIG_HMAC_SHA256, key);
		if (err)
			why_set(why, err, "no random numbers are to be had");
		else
			key_line(key, &text);
	}
	/* One that was there keeps its form; its mode may have to change. */
	if (!err)
		err = files_put(su->files, path, &text, 0600, su->daemon, why);
	buf_free(&text);
	return err;
}
