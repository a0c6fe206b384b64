// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin_zone.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "admin_conf.h"
#include "admin_dns.h"

#define REMOVED	CONF_STATE_DIRECTORY "/removed"

/* Who holds it, as setup wrote it down. */
static enum primary_kind kind_of(struct setup *su)
{
	if (setup_bind.has(su))
		return PRIMARY_BIND;
	if (setup_knot.has(su))
		return PRIMARY_KNOT;
	return PRIMARY_REMOTE;
}

int admin_zone_begin(const struct conf_zone *z, struct setup *su, struct why *why)
{
	memcpy(su->apex, z->apex, sizeof(su->apex));
	name_text(z->apex, su->domain);
	su->primary = z->primary;
	su->frontend_key = z->primary_key;
	su->account_key = z->account_key;
	su->daemon = files_owner(SETUP_USER, SETUP_USER);
	su->files = files_new(NULL);
	if (!su->files)
		return why_set(why, -ENOMEM, "out of memory");
	su->kind = kind_of(su);
	return 0;
}

int admin_zone_keep(struct setup *su, bool force, char *path, size_t size, struct why *why)
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
	err = ask_zone_text(&su->primary, su->frontend_key.secret_len ? &su->frontend_key : NULL,
			    su->apex, &text, NULL, why);
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

static void put_back(struct setup *su, const char *control_socket)
{
	struct why unused, why;

	if (files_rollback(su->files, &why))
		admin_warn("%s", why.text);
	admin_reload(control_socket, &unused);
}

/* Off the daemon first, so that it does not ask a primary that knows nothing of it. */
int admin_zone_take_off(struct setup *su, const char *control_socket, struct why *why)
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
	err = admin_reload(control_socket, why);
	if (err >= 0 && p != &setup_remote)
		err = p->reload(su, &running, why);
	if (err < 0) {
		put_back(su, control_socket);
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
