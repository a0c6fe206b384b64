// SPDX-License-Identifier: GPL-2.0-or-later
/* restore: configuration and keys from a backup, then setup for each of its zones. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "admin_backup.h"
#include "admin_conf.h"
#include "admin_tar.h"
#include "admin_zone.h"

const char help_restore[] =
"For a machine with the primary's program installed but no " SETUP_DNSD_CONF " yet.\n"
"btmm-dnsd must not run. Zones whose primary is elsewhere are configured, but their\n"
"records stay as they are there.\n"
"\n"
"  --force   replace the configuration that is there; a zone that is there as well as\n"
"            in the backup is taken off first, and kept as by 'account remove'\n";

struct restore {
	struct buf tar;
	bool force;
	struct files *etc;
	struct setup *zones;		/* those that were set up */
	size_t n_zones, n_kept;
	struct buf notes;
};

/* --- the archive --------------------------------------------------------- */

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static bool name_is_sane(const char *name)
{
	return *name != '/' && !strstr(name, "//") && !strstr(name, "/../") &&
	       !strstr(name, "/./") && !begins(name, "../") && !begins(name, "./");
}

/* All of it, before anything is done. */
static int check_archive(const struct restore *r, const char *path, struct why *why)
{
	bool about = false;
	struct tar_file f;
	size_t pos = 0;
	int more;

	while ((more = tar_next(buf_text(&r->tar), r->tar.len, &pos, &f)) == 1) {
		if (!name_is_sane(f.name))
			return why_set(why, -EBADMSG, "%s: there is a file %s in it", path, f.name);
		if (!strcmp(f.name, BACKUP_ABOUT))
			about = f.len >= strlen(BACKUP_FIRST_LINE) &&
				!memcmp(f.data, BACKUP_FIRST_LINE, strlen(BACKUP_FIRST_LINE));
	}
	if (more || !about)
		return why_set(why, -EBADMSG, "%s is no backup of btmm-dnsd%s", path,
			       more && about ? ", or not all of it" : "");
	return 0;
}

/* --- configuration ------------------------------------------------------- */

static int put_etc(struct restore *r, struct files_owner daemon, struct why *why)
{
	struct files_owner root = files_owner("root", "root");
	char path[TAR_NAME_MAX + 4];
	struct tar_file f;
	struct buf data;
	size_t pos = 0;
	int err;

	err = files_dir(r->etc, SETUP_DROPINS, 0755, root, why);
	if (!err)
		err = files_dir(r->etc, SETUP_KEYS, 0700, daemon, why);
	while (!err && tar_next(buf_text(&r->tar), r->tar.len, &pos, &f) == 1) {
		if (!begins(f.name, BACKUP_ETC))
			continue;
		snprintf(path, sizeof(path), "/%s", f.name);
		data = (struct buf){ 0 };
		buf_put(&data, f.data, f.len);
		err = files_put(r->etc, path, &data, f.mode,
				begins(path, SETUP_KEYS "/") ? daemon : root, why);
		buf_free(&data);
	}
	return err ? err : files_apply(r->etc, why);
}

/* --- a zone -------------------------------------------------------------- */

/* What is there of it goes, and is kept. */
static int take_off_old(struct restore *r, const struct dnsd_conf *old, const char *domain,
			struct why *why)
{
	char path[sizeof(CONF_STATE_DIRECTORY) + DNAME_TEXT_MAX + 64];
	struct setup su = { 0 };
	uint8_t apex[DNAME_MAX];
	size_t i;
	int err = 0;

	if (dname_from_text(domain, apex))
		return 0;
	for (i = 0; i < old->n_zones && !err; i++) {
		if (!dname_equal(old->zones[i].apex, apex))
			continue;
		err = admin_zone_begin(&old->zones[i], &su, why);
		if (!err)
			err = admin_zone_keep(&su, true, path, sizeof(path), why);
		if (!err)
			err = admin_zone_take_off(&su, old->control_socket, why);
		if (!err) {
			buf_add(&r->notes, "%s as it was before is in %s\n", domain, path);
			r->n_kept++;
		}
		setup_free(&su);
	}
	return err;
}

static int set_up(struct setup *su, const char *domain, const struct buf *text, struct why *why)
{
	const char *bad = setup_domain(domain, su->apex, su->domain);
	struct dnsd_conf *conf;
	size_t i;
	int err;

	if (bad)
		return why_set(why, -EBADMSG, "%s %s", domain, bad);
	/* What the zone was told to be stands in its drop-in, which is there by now. */
	err = conf_load(CONF_PATH, &conf, why->text, sizeof(why->text));
	if (err)
		return err;
	for (i = 0; i < conf->n_zones; i++) {
		if (dname_equal(conf->zones[i].apex, su->apex)) {
			su->is_public = !conf->zones[i].is_private;
			su->want_admin_key = conf->zones[i].n_admin_keys;
		}
	}
	conf_free(conf);
	su->zone_text = text;
	err = setup_do(su, why);
	su->zone_text = NULL;
	return err;
}

static bool zone_of(const struct tar_file *f, char *domain, size_t size)
{
	size_t len = strlen(f->name);

	if (!begins(f->name, BACKUP_ZONES) || len <= strlen(BACKUP_ZONES ".zone") ||
	    strcmp(f->name + len - 5, ".zone"))
		return false;
	snprintf(domain, size, "%.*s", (int)(len - strlen(BACKUP_ZONES ".zone")),
		 f->name + strlen(BACKUP_ZONES));
	return !strchr(domain, '/');
}

/* Calls @fn for each zone of the archive. */
static int each_zone(struct restore *r, int (*fn)(struct restore *r, const char *domain,
						  const struct tar_file *f, void *arg,
						  struct why *why), void *arg, struct why *why)
{
	char domain[DNAME_TEXT_MAX];
	struct tar_file f;
	size_t pos = 0;
	int err = 0;

	while (!err && tar_next(buf_text(&r->tar), r->tar.len, &pos, &f) == 1) {
		if (zone_of(&f, domain, sizeof(domain)))
			err = fn(r, domain, &f, arg, why);
	}
	return err;
}

static int remove_zone(struct restore *r, const char *domain, const struct tar_file *f, void *arg,
		       struct why *why)
{
	(void)f;
	return take_off_old(r, arg, domain, why);
}

static int restore_zone(struct restore *r, const char *domain, const struct tar_file *f, void *arg,
			struct why *why)
{
	struct setup *more = realloc(r->zones, (r->n_zones + 1) * sizeof(*more));
	struct buf data = { 0 }, text = { 0 };
	int err;

	(void)arg;
	if (!more)
		return why_set(why, -ENOMEM, "out of memory");
	r->zones = more;
	more = &r->zones[r->n_zones++];
	memset(more, 0, sizeof(*more));
	/* Whoever mirrors the zone has to see that it is another now. */
	buf_put(&data, f->data, f->len);
	if (zone_text_later(buf_text(&data), (uint32_t)time(NULL), &text))
		err = set_up(more, domain, &text, why);
	else
		err = why_set(why, -EBADMSG, "%s in the backup does not begin with an SOA",
			      f->name);
	buf_free(&data);
	buf_free(&text);
	if (err)
		return err;
	if (more->kind == PRIMARY_REMOTE)
		buf_add(&r->notes, "%s: its records are as its primary has them\n", domain);
	if (more->notes.len)
		buf_put(&r->notes, buf_text(&more->notes), more->notes.len);
	return 0;
}

/* --- leases -------------------------------------------------------------- */

static void put_leases(struct restore *r, struct files_owner daemon)
{
	static const char *const rests[] = { "-wal", "-shm" };
	const char *path = CONF_STATE_DIRECTORY "/leases.db";
	char rest[sizeof(CONF_STATE_DIRECTORY) + 32];
	struct tar_file f;
	size_t pos = 0, i;
	int err = 0;

	while (tar_next(buf_text(&r->tar), r->tar.len, &pos, &f) == 1) {
		if (strcmp(f.name, BACKUP_LEASES))
			continue;
		for (i = 0; i < 2; i++) {
			snprintf(rest, sizeof(rest), "%s%s", path, rests[i]);
			unlink(rest);
		}
		err = file_write(path, f.data, f.len, 0600, daemon, false);
	}
	if (err)
		admin_warn("%s: %s: each lease runs for its longest time again", path,
			   strerror(-err));
}

/* --- all of it ----------------------------------------------------------- */

/* In the reverse order. The last zone put itself back. */
static void undo(struct restore *r)
{
	struct why why;
	bool running;

	while (r->n_zones) {
		struct setup *su = &r->zones[--r->n_zones];
		const struct setup_primary *p = setup_primary_of(su->kind);

		if (su->files && files_rollback(su->files, &why))
			admin_warn("%s", why.text);
		if (su->files)
			p->reload(su, &running, &why);
		setup_free(su);
	}
	if (r->etc && files_rollback(r->etc, &why))
		admin_warn("%s", why.text);
}

/* May it be done at all? */
static int check_machine(const struct restore *r, struct dnsd_conf **old, struct why *why)
{
	char unused[CONF_WHY_SIZE];
	const char *socket = CONF_CONTROL_SOCKET;
	struct why ignored;

	if (geteuid())
		return why_set(why, -EPERM, "this writes below /etc: run it as root");
	if (!access(SETUP_DNSD_CONF, F_OK) && !r->force)
		return why_set(why, -EEXIST, SETUP_DNSD_CONF " is there already: --force replaces "
			       "what is there");
	if (!conf_load(CONF_PATH, old, unused, sizeof(unused)))
		socket = (*old)->control_socket;
	if (!admin_call(socket, "Status", NULL, &ignored))
		return why_set(why, -EBUSY, "btmm-dnsd runs: stop it first (systemctl stop "
			       "btmm-dnsd)");
	return 0;
}

static int restore(struct restore *r, const char *path, struct why *why)
{
	struct dnsd_conf *old = NULL;
	struct setup su = { 0 };
	int err = file_read(path, &r->tar);

	if (err)
		return why_set(why, err, "%s: %s", path, strerror(-err));
	err = check_archive(r, path, why);
	if (!err)
		err = check_machine(r, &old, why);
	if (!err)
		err = setup_user(&su, why);
	if (!err && old)
		err = each_zone(r, remove_zone, old, why);
	conf_free(old);
	if (!err) {
		r->etc = files_new(NULL);
		err = r->etc ? put_etc(r, su.daemon, why) : why_set(why, -ENOMEM, "out of memory");
	}
	if (!err)
		err = each_zone(r, restore_zone, NULL, why);
	if (err)
		undo(r);
	else
		put_leases(r, su.daemon);
	buf_free(&su.notes);
	return err;
}

int cmd_restore(int argc, char **argv)
{
	struct restore r = { 0 };
	const struct admin_option options[] = { { .name = "force", .on = &r.force }, { 0 } };
	int n = admin_options(argc, argv, options), code = ADMIN_OK, err;
	struct why why = { 0 };
	size_t i;

	if (n != 1)
		return n < 0 ? -n : admin_usage("from which file? (one FILE)");
	err = restore(&r, argv[1], &why);
	if (err) {
		code = admin_fail(admin_code(err), "%s", why.text);
		if (r.n_kept)
			admin_warn("zones that were taken off are kept:\n%s", buf_text(&r.notes));
	} else {
		printf("%zu zone%s restored.\n%s\nNext:\n", r.n_zones, r.n_zones == 1 ? "" : "s",
		       buf_text(&r.notes));
		puts("  systemctl enable --now btmm-dnsd\n  btmm-dnsd check");
	}
	for (i = 0; i < r.n_zones; i++)
		setup_free(&r.zones[i]);
	free(r.zones);
	files_free(r.etc);
	buf_free(&r.tar);
	buf_free(&r.notes);
	return code;
}
