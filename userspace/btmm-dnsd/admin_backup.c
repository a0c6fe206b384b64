// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * backup: one archive that tar(1) reads:
 *	btmm-dnsd-backup	what it is
 *	etc/btmm/...		configuration and keys
 *	zones/DOMAIN.zone	records, marks of leases included
 *	state/leases.db		how long the leases run
 * restore: admin_restore.c
 */
#include <errno.h>
#include <fts.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "admin_backup.h"
#include "admin_conf.h"
#include "admin_dns.h"
#include "admin_tar.h"
#include "setup.h"

#define COPY_TRIES	20

const char help_backup[] =
"FILE holds all keys: only you can read it. It is an archive for tar, so what is in it\n"
"can be looked at and taken out. The daemon goes on meanwhile.\n"
"\n"
"  --force   go on when a zone's primary cannot be asked for its records\n";

/* --- configuration ------------------------------------------------------- */

static int put_file(struct buf *tar, const char *path, const char *name, mode_t mode,
		    time_t when, struct why *why)
{
	struct buf data = { 0 };
	int err = file_read(path, &data);

	if (!err)
		err = tar_put(tar, name, mode, when, buf_text(&data), data.len);
	buf_free(&data);
	return err ? why_set(why, err, "%s: %s", path, strerror(-err)) : 0;
}

static int put_etc(struct buf *tar, struct why *why)
{
	char *const paths[] = { (char *)SETUP_ETC, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int err = 0;

	if (!fts)
		return why_set(why, -errno, SETUP_ETC ": %s", strerror(errno));
	while (!err && (e = fts_read(fts))) {
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
			err = why_set(why, -e->fts_errno, "%s: %s", e->fts_path,
				      strerror(e->fts_errno));
		else if (e->fts_info == FTS_F)
			err = put_file(tar, e->fts_path, e->fts_path + 1, e->fts_statp->st_mode,
				       e->fts_statp->st_mtime, why);
	}
	fts_close(fts);
	return err;
}

/* --- leases -------------------------------------------------------------- */

struct marks {
	struct stat db, wal;
};

static void look(const char *path, const char *wal, struct marks *m)
{
	memset(m, 0, sizeof(*m));
	if (stat(path, &m->db))
		memset(&m->db, 0, sizeof(m->db));
	if (stat(wal, &m->wal))
		memset(&m->wal, 0, sizeof(m->wal));
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Both files of a data base that another process writes to, as of one moment. */
static int copy_files(const char *path, const char *wal, struct buf *db, struct buf *log)
{
	struct marks before, after;
	int i, err;

	for (i = 0; i < COPY_TRIES; i++) {
		buf_free(db);
		buf_free(log);
		look(path, wal, &before);
		err = file_read(path, db);
		if (!err && before.wal.st_ino) {
			err = file_read(wal, log);
			if (err == -ENOENT)
				err = 0;
		}
		look(path, wal, &after);
		if (err || (same_file(&before.db, &after.db) &&
			    same_file(&before.wal, &after.wal)))
			return err;
	}
	return -EAGAIN;
}

/* One file of the two, and whole. */
static int merge(const char *path)
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	bool ok;

	ok = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
	     sqlite3_exec(db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) == SQLITE_OK &&
	     sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL) == SQLITE_OK &&
	     sqlite3_step(st) == SQLITE_ROW &&
	     !strcmp((const char *)sqlite3_column_text(st, 0), "ok");
	sqlite3_finalize(st);
	sqlite3_close(db);
	return ok ? 0 : -EUCLEAN;
}

static int copy_leases(const char *path, struct buf *out)
{
	struct files_owner nobody = { (uid_t)-1, (gid_t)-1 };
	char dir[] = "/tmp/btmm-backup.XXXXXX", to[64], to_wal[72], wal[4200];
	struct buf db = { 0 }, log = { 0 };
	int err;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	err = copy_files(path, wal, &db, &log);
	if (!err && !mkdtemp(dir))
		err = -errno;
	if (!err) {
		snprintf(to, sizeof(to), "%s/leases.db", dir);
		snprintf(to_wal, sizeof(to_wal), "%s-wal", to);
		err = file_write(to, buf_text(&db), db.len, 0600, nobody, false);
		if (!err && log.len)
			err = file_write(to_wal, buf_text(&log), log.len, 0600, nobody, false);
		if (!err)
			err = merge(to);
		if (!err)
			err = file_read(to, out);
		stage_remove(dir);
	}
	buf_free(&db);
	buf_free(&log);
	return err;
}

static void put_leases(struct buf *tar, const struct dnsd_conf *conf)
{
	struct buf db = { 0 };
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/leases.db", conf->state_directory);
	err = copy_leases(path, &db);
	if (!err)
		err = tar_put(tar, BACKUP_LEASES, 0600, time(NULL), buf_text(&db), db.len);
	/* Not needed: the zones say what is leased; it says how long. */
	if (err && err != -ENOENT)
		admin_warn("%s cannot be copied (%s): after a restore, each lease runs for its "
			   "longest time again", path, strerror(-err));
	buf_free(&db);
}

/* --- zones --------------------------------------------------------------- */

static int put_zone(struct buf *tar, const struct conf_zone *z, bool force, struct why *why)
{
	char domain[DNAME_TEXT_MAX], name[sizeof(BACKUP_ZONES) + DNAME_TEXT_MAX + 8];
	struct buf text = { 0 };
	int err = ask_zone_text(&z->primary, z->primary_key.secret_len ? &z->primary_key : NULL,
				z->apex, &text, NULL, why);

	name_text(z->apex, domain);
	if (err && force) {
		admin_warn("%s: its records are not in the backup", why->text);
		buf_free(&text);
		return 0;
	}
	snprintf(name, sizeof(name), BACKUP_ZONES "%s.zone", domain);
	if (!err) {
		err = tar_put(tar, name, 0600, time(NULL), buf_text(&text), text.len);
		if (err)
			why_set(why, err, "%s: %s", name, strerror(-err));
	}
	buf_free(&text);
	return err;
}

static int collect(struct buf *tar, const struct dnsd_conf *conf, bool force, struct why *why)
{
	time_t now = time(NULL);
	char about[128];
	struct tm tm;
	size_t i;
	int err;

	strftime(about, sizeof(about), BACKUP_FIRST_LINE "%Y-%m-%dT%H:%M:%SZ\n",
		 gmtime_r(&now, &tm));
	err = tar_put(tar, BACKUP_ABOUT, 0600, now, about, strlen(about));
	if (err)
		return why_set(why, err, "%s", strerror(-err));
	err = put_etc(tar, why);
	/* Leases before zones: one that was given meanwhile has its marker at least. */
	if (!err)
		put_leases(tar, conf);
	for (i = 0; i < conf->n_zones && !err; i++)
		err = put_zone(tar, &conf->zones[i], force, why);
	tar_end(tar);
	if (!err && tar->failed)
		err = why_set(why, -ENOMEM, "out of memory");
	return err;
}

static void warn_outside(const struct dnsd_conf *conf)
{
	const char *const files[] = { conf->certificate, conf->certificate_key };
	size_t i;

	for (i = 0; i < 2; i++) {
		if (files[i] && strncmp(files[i], SETUP_ETC "/", strlen(SETUP_ETC "/")))
			admin_warn("%s is not in " SETUP_ETC ", so not in the backup", files[i]);
	}
}

int cmd_backup(int argc, char **argv)
{
	struct files_owner keep = { (uid_t)-1, (gid_t)-1 };
	bool force = false;
	const struct admin_option options[] = { { .name = "force", .on = &force }, { 0 } };
	int n = admin_options(argc, argv, options), code, err;
	struct dnsd_conf *conf;
	struct buf tar = { 0 };
	struct why why = { 0 };

	if (n != 1)
		return n < 0 ? -n : admin_usage("into which file? (one FILE)");
	code = admin_conf(NULL, &conf);
	if (code)
		return code;
	err = collect(&tar, conf, force, &why);
	if (!err) {
		err = file_write(argv[1], buf_text(&tar), tar.len, 0600, keep, true);
		if (err)
			why_set(&why, err, "%s: %s", argv[1], err == -EEXIST ?
				"is there already; choose another name" : strerror(-err));
	}
	if (err) {
		code = admin_fail(admin_code(err), "%s", why.text);
	} else {
		warn_outside(conf);
		printf("%s: configuration, keys and %zu zone%s. Keep it where nobody else can "
		       "read it.\n", argv[1], conf->n_zones, conf->n_zones == 1 ? "" : "s");
	}
	buf_free(&tar);
	conf_free(conf);
	return code;
}
