// SPDX-License-Identifier: GPL-2.0-or-later
/* The zones of a server. "account add" is setup (setup_cmd.c). */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "admin_conf.h"
#include "admin_hosts.h"
#include "admin_table.h"
#include "admin_zone.h"

const char help_account_list[] =
"The zones in dnsd.conf and its drop-ins. --json: as JSON.\n";

const char help_account_remove[] =
"Takes DOMAIN off btmm-dnsd and off its primary. Its records and its account key are\n"
"kept first, in " CONF_STATE_DIRECTORY "/removed/. Hosts lose their keys at once.\n"
"\n"
"  --force   go on when the primary cannot be asked for the records\n";

const char help_account_rekey[] =
"Makes a new account key. Every host's key is derived from it, so each host needs a new\n"
"one: 'btmm-dnsd host key NAME' writes it, or all of them:\n"
"\n"
"  --hosts DIR   write the new key of every host to DIR/NAME.key\n";

/* --- list ---------------------------------------------------------------- */

int cmd_account_list(int argc, char **argv)
{
	static const struct admin_column columns[] = {
		{ "ZONE", "zone", false },
		{ "PRIVATE", "private", false },
		{ "PRIMARY", "primary", false },
		{ "OWNER", "owner", false },
		{ "ACCOUNT KEY", "account_key", false },
	};
	bool json = false;
	const struct admin_option options[] = { { .name = "json", .on = &json }, { 0 } };
	char name[DNAME_TEXT_MAX], primary[NET_TEXT_SIZE], key[DNAME_TEXT_MAX];
	int n = admin_options(argc, argv, options), code, err;
	struct dnsd_conf *conf;
	json_t *rows;
	size_t i;

	if (n)
		return n < 0 ? -n : admin_usage("'%s' is one word too many", argv[1]);
	code = admin_conf(NULL, &conf);
	if (code)
		return code;
	rows = json_array();
	for (i = 0; i < conf->n_zones; i++) {
		const struct conf_zone *z = &conf->zones[i];

		json_array_append_new(rows, json_pack(
			"{s:s s:b s:s s:b s:s?}", "zone", name_text(z->apex, name),
			"private", z->is_private, "primary", net_to_text(&z->primary, primary),
			"owner", z->is_owner, "account_key",
			z->account_key.secret_len ? name_text(z->account_key.name, key) : NULL));
	}
	err = json ? admin_json(rows) :
		     admin_table(rows, columns, sizeof(columns) / sizeof(*columns));
	json_decref(rows);
	conf_free(conf);
	return err ? admin_fail(ADMIN_FAILED, "the list cannot be written") : ADMIN_OK;
}

/* --- remove -------------------------------------------------------------- */

/* A zone that stands in dnsd.conf itself is its writer's. */
static int check_ours(struct setup *su, struct why *why)
{
	const char *path = files_path(su->files, setup_dropin_path(su->domain));

	if (access(path, F_OK))
		return why_set(why, -ENOENT, "%s is not in %s: setup did not make it, so take it "
			       "out of dnsd.conf yourself", su->domain, path);
	return 0;
}

int cmd_account_remove(int argc, char **argv)
{
	bool force = false;
	const struct admin_option options[] = { { .name = "force", .on = &force }, { 0 } };
	int n = admin_options(argc, argv, options), code, err;
	char path[sizeof(CONF_STATE_DIRECTORY) + DNAME_TEXT_MAX + 64] = "";
	const struct conf_zone *z;
	struct setup su = { 0 };
	struct dnsd_conf *conf;
	struct why why;

	if (n != 1)
		return n < 0 ? -n : admin_usage("which zone? (one DOMAIN)");
	code = admin_conf(NULL, &conf);
	if (code)
		return code;
	z = admin_zone(conf, argv[1], false);
	if (!z) {
		conf_free(conf);
		return ADMIN_NOT_FOUND;
	}
	err = admin_zone_begin(z, &su, &why);
	if (!err)
		err = check_ours(&su, &why);
	if (!err)
		err = admin_zone_keep(&su, force, path, sizeof(path), &why);
	if (!err)
		err = admin_zone_take_off(&su, conf->control_socket, &why);
	if (err)
		code = admin_fail(admin_code(err), "%s", why.text);
	else
		printf("%s is removed. Its records and key are in %s.\n%s"
		       "Take its NS lines out of the zone above it, too.\n", su.domain, path,
		       buf_text(&su.notes));
	setup_free(&su);
	conf_free(conf);
	return code;
}

/* --- rekey --------------------------------------------------------------- */

struct writing {
	const char *dir;
	bool failed;
};

static int write_host_key(void *arg, const struct admin_host *h)
{
	struct writing *w = arg;
	char path[4096], name[DNAME_TEXT_MAX];
	int err;

	name_text(h->name, name);
	if (!w->dir) {
		printf("  btmm-dnsd host key %s\n", name);
		return 0;
	}
	snprintf(path, sizeof(path), "%s/%s.key", w->dir, name);
	err = admin_key_write(path, &h->key, false);
	/* The other hosts want theirs, too. */
	if (err)
		admin_warn("%s: %s: 'btmm-dnsd host key %s' writes it", path, strerror(-err), name);
	else
		printf("  %s\n", path);
	w->failed |= err;
	return 0;
}

static int rekey(struct setup *su, const struct dnsd_conf *conf, struct why *why)
{
	const char *path = setup_account_key_path(su->domain);
	uint8_t name[DNAME_MAX];
	struct buf text = { 0 };
	struct why back;
	int err = 0;

	memcpy(name, su->account_key.name, sizeof(name));
	if (access(path, F_OK))
		err = why_set(why, -ENOENT, "%s is not there: the zone's account-key-file is "
			      "another one, so change it yourself", path);
	if (!err && setup_key_new(name, su->account_key.algorithm, &su->account_key))
		err = why_set(why, -EIO, "no random numbers are to be had");
	if (!err) {
		key_line(&su->account_key, &text);
		err = files_put(su->files, path, &text, 0600, su->daemon, why);
	}
	buf_free(&text);
	if (!err)
		err = files_apply(su->files, why);
	if (err)
		return err;
	err = admin_reload(conf->control_socket, why);
	if (err < 0 && files_rollback(su->files, &back))
		admin_warn("%s", back.text);
	return err < 0 ? err : 0;
}

int cmd_account_rekey(int argc, char **argv)
{
	struct writing w = { 0 };
	const struct admin_option options[] = { { .name = "hosts", .value = &w.dir }, { 0 } };
	int n = admin_options(argc, argv, options), code, err;
	const struct conf_zone *z;
	struct setup su = { 0 };
	struct dnsd_conf *conf;
	struct why why;

	if (n != 1)
		return n < 0 ? -n : admin_usage("which zone? (one DOMAIN)");
	if (w.dir && access(w.dir, W_OK | X_OK))
		return admin_fail(ADMIN_FAILED, "--hosts %s: %s", w.dir, strerror(errno));
	code = admin_conf(NULL, &conf);
	if (code)
		return code;
	z = admin_zone(conf, argv[1], false);
	if (!z || !z->account_key.secret_len) {
		if (z)
			admin_fail(0, "%s has no account key", argv[1]);
		conf_free(conf);
		return ADMIN_NOT_FOUND;
	}
	err = admin_zone_begin(z, &su, &why);
	if (!err)
		err = rekey(&su, conf, &why);
	if (!err) {
		printf("%s has a new account key. %s:\n", su.domain,
		       w.dir ? "The hosts' new keys" : "Each host needs a new key, too");
		err = admin_hosts(z, &su.account_key, write_host_key, &w, &why);
		if (w.failed)
			code = ADMIN_FAILED;
	}
	if (err < 0)
		code = admin_fail(admin_code(err), "%s", why.text);
	setup_free(&su);
	conf_free(conf);
	return code;
}
