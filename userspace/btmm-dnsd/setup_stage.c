// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup.h"

#define COPY_MAX	(1 << 20)	/* larger files are no configuration */

/* @in with every @from replaced. */
static void replace(const char *in, const char *from, const char *to, struct buf *out)
{
	const char *at;

	while ((at = strstr(in, from))) {
		buf_put(out, in, (size_t)(at - in));
		buf_put(out, to, strlen(to));
		in = at + strlen(from);
	}
	buf_put(out, in, strlen(in));
}

static int make_dirs(char *path, size_t from)
{
	char *p;

	for (p = strchr(path + from, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

/* @path (without root) as it will be, into the copy. */
static int copy_one(struct setup *su, const char *dir, const char *path, const char *temp,
		    struct why *why)
{
	struct files_owner nobody = { (uid_t)-1, (gid_t)-1 };
	char old[PATH_MAX], new[PATH_MAX], to[PATH_MAX];
	struct buf in = { 0 }, out = { 0 };
	int err;

	snprintf(old, sizeof(old), "%s/", dir);
	snprintf(new, sizeof(new), "%s/", temp);
	if (snprintf(to, sizeof(to), "%s%s", temp, path + strlen(dir)) >= (int)sizeof(to))
		return why_set(why, -ENAMETOOLONG, "%s: the name is too long", path);

	err = files_get(su->files, path, &in, why);
	if (!err) {
		replace(buf_text(&in), old, new, &out);
		err = out.failed ? -ENOMEM : make_dirs(to, strlen(temp) + 1);
		if (!err)
			err = file_write(to, buf_text(&out), out.len, 0600, nobody, false);
		if (err)
			why_set(why, err, "%s cannot be copied: %s", path, strerror(-err));
	} else if (err == -ENOENT) {
		err = 0;
	}
	buf_free(&in);
	buf_free(&out);
	return err;
}

static int copy_tree(struct setup *su, const char *dir, const char *temp, struct why *why)
{
	const char *full = files_path(su->files, dir);
	size_t root_len = strlen(full) - strlen(dir);
	char *const paths[] = { (char *)full, NULL };
	FTS *fts = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int err = 0;

	if (!fts)
		return why_set(why, -errno, "%s: %s", full, strerror(errno));
	while (!err && (e = fts_read(fts))) {
		if (e->fts_info == FTS_D && e->fts_level > 4)
			fts_set(fts, e, FTS_SKIP);
		if (e->fts_info != FTS_F || e->fts_statp->st_size > COPY_MAX)
			continue;
		err = copy_one(su, dir, e->fts_path + root_len, temp, why);
	}
	fts_close(fts);
	return err;
}

int stage_make(struct setup *su, const char *dir, const char *const *planned,
	       char temp[64], struct why *why)
{
	const char *const *p;
	int err;

	strcpy(temp, "/tmp/btmm-setup.XXXXXX");
	if (!mkdtemp(temp))
		return why_set(why, -errno, "%s: %s", temp, strerror(errno));
	err = copy_tree(su, dir, temp, why);
	for (p = planned; *p && !err; p++)
		err = copy_one(su, dir, *p, temp, why);
	if (err)
		stage_remove(temp);
	return err;
}

void stage_remove(const char *temp)
{
	char *const paths[] = { (char *)temp, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	if (!fts)
		return;
	while ((e = fts_read(fts))) {
		if (e->fts_info == FTS_DP)
			rmdir(e->fts_accpath);
		else if (e->fts_info != FTS_D)
			unlink(e->fts_accpath);
	}
	fts_close(fts);
}

void stage_unname(struct buf *said, const char *temp, const char *dir)
{
	struct buf out = { 0 };

	replace(buf_text(said), temp, dir, &out);
	buf_free(said);
	*said = out;
}
