// SPDX-License-Identifier: GPL-2.0-or-later
/* The zones of a server. "account add" is setup (setup_cmd.c). */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "admin_conf.h"
#include "admin_dns.h"
#include "admin_hosts.h"
#include "admin_table.h"
#include "setup.h"

#define REMOVED	CONF_STATE_DIRECTORY "/removed"

const char help_account_list[] =
"The zones in dnsd.conf and its drop-ins. --json: as JSON.\n";

const char help_account_remove[] =
"Takes DOMAIN off btmm-dnsd and off its primary. Its records and its account key are\n"
"kept first, in " REMOVED "/. Hosts lose their keys at once.\n"
"\n"
"  --force   go on when the primary cannot be asked for the records\n";

const char help_account_rekey[] =
"Makes a new account key. Every host's key is derived from it, so each host needs a new\n"
"one: 'btmm-dnsd host key NAME' writes it, or all of them:\n"
"\n"
"  --hosts DIR   write the new key of every host to DIR/NAME.key\n";

/* --- list --------------------------------------------------------------------------------- */

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

/* --- remove --------------------------------------------------------------------------------- */

/* Who holds it, as setup wrote it down. */
static enum primary_kind kind_of(struct setup *su)
{
	if (setup_bind.has(su))
		return PRIMARY_BIND;
	if (setup_knot.has(su))
		return PRIMARY_KNOT;
	return PRIMARY_REMOTE;
}

static int zone_begin(const struct conf_zone *z, struct setup *su, struct why *why)
{
	memcpy(su->apex, z->apex, sizeof(su->apex));
	name_text(z->apex, su->domain);
	su->primary = z->primary;
	su->frontend_key = z->primary_key;
	su->account_key = z->account_key;
	su->daemon = files_owner(SETUP_USER, SETUP_USER);
	su->files = files_new(NULL);
	return su->files ? 0 : why_set(why, -ENOMEM, "out of memory");
}

/* The records and the key, where they can be found again. */
static int keep(struct setup *su, bool force, char *path, size_t size, struct why *why)
{
	struct files_owner root = files_owner("root", "root");
	struct buf text = { 0 };
	char when[32];
	time_t now = time(NULL);
	struct tm tm;
	int err;

	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
	if (mkdir(REMOVED, 0700) && errno != EEXIST)
		return why_set(why, -errno, REMOVED ": %s", strerror(errno));
	buf_add(&text, "; %s, as it was when it was removed\n", su->domain);
	if (su->account_key.secret_len) {
		buf_add(&text, "; account key: ");
		key_line(&su->account_key, &text);
	}
	err = ask_zone_text(&su->primary, &su->frontend_key, su->apex, &text, NULL, why);
	if (err && force) {
		admin_warn("%s: its records are not kept", why->text);
		buf_add(&text, "; the primary could not be asked for its records\n");
		err = 0;
	}
	if (!err) {
		snprintf(path, size, REMOVED "/%s-%s.zone", su->domain, when);
		err = file_write(path, buf_text(&text), text.len, 0600, root, true);
		if (err)
			why_set(why, err, "%s: %s", path, strerror(-err));
	}
	buf_free(&text);
	return err;
}

/* Off the daemon first, so that it does not ask a primary that knows nothing of it. */
static int take_off(struct setup *su, const struct dnsd_conf *conf, struct why *why)
{
	const struct setup_primary *p = setup_primary_of(su->kind);
	bool running;
	int err = files_remove(su->files, setup_dropin_path(su->domain), why);

	if (!err)
		err = p->drop(su, why);
	if (!err && p != &setup_remote)
		err = p->check(su, why);
	if (!err)
		err = files_apply(su->files, why);
	if (err)
		return err;
	err = admin_reload(conf->control_socket, why);
	if (err >= 0 && p != &setup_remote)
		err = p->reload(su, &running, why);
	if (err < 0) {
		struct why back;

		if (files_rollback(su->files, &back))
			admin_warn("%s", back.text);
		admin_reload(conf->control_socket, &back);
		return err;
	}

	/* Both let go of it: now its files. */
	files_free(su->files);
	su->files = files_new(NULL);
	if (!su->files)
		return why_set(why, -ENOMEM, "out of memory");
	err = p->drop_data(su, why);
	if (!err)
		err = files_remove(su->files, setup_account_key_path(su->domain), why);
	return err ? err : files_apply(su->files, why);
}

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
	char path[sizeof(REMOVED) + DNAME_TEXT_MAX + 64] = "";
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
	err = zone_begin(z, &su, &why);
	if (!err)
		err = check_ours(&su, &why);
	if (!err) {
		su.kind = kind_of(&su);
		err = keep(&su, force, path, sizeof(path), &why);
	}
	if (!err)
		err = take_off(&su, conf, &why);
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

/* --- rekey ------------------------------------------------------------------------------------ */

static int write_host_key(void *arg, const struct admin_host *h)
{
	const char *dir = arg;
	char path[4096], name[DNAME_TEXT_MAX];
	int err;

	name_text(h->name, name);
	if (!dir) {
		printf("  btmm-dnsd host key %s\n", name);
		return 0;
	}
	snprintf(path, sizeof(path), "%s/%s.key", dir, name);
	err = admin_key_write(path, &h->key, false);
	if (err)
		return admin_fail(ADMIN_FAILED, "%s: %s", path, strerror(-err));
	printf("  %s\n", path);
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
	const char *dir = NULL;
	const struct admin_option options[] = { { .name = "hosts", .value = &dir }, { 0 } };
	int n = admin_options(argc, argv, options), code, err;
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
	if (!z || !z->account_key.secret_len) {
		if (z)
			admin_fail(0, "%s has no account key", argv[1]);
		conf_free(conf);
		return ADMIN_NOT_FOUND;
	}
	err = zone_begin(z, &su, &why);
	if (!err)
		err = rekey(&su, conf, &why);
	if (!err) {
		printf("%s has a new account key. %s:\n", su.domain,
		       dir ? "The hosts' new keys" : "Each host needs a new key, too");
		err = admin_hosts(z, &su.account_key, write_host_key, (void *)dir, &why);
		if (err > 0)
			code = err;
	}
	if (err < 0)
		code = admin_fail(admin_code(err), "%s", why.text);
	setup_free(&su);
	conf_free(conf);
	return code;
}
