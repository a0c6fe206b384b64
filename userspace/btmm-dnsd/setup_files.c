// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "setup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MAX	(64U << 20)
#define NOBODY		((uid_t)-1)

enum item_kind { ITEM_FILE, ITEM_DIR, ITEM_REMOVE };

struct item {
	enum item_kind kind;
	char *path;		/* with the root, links resolved */
	char *temp;
	struct buf data, old;
	mode_t mode;
	struct files_owner owner;
	struct stat was;
	bool existed, differs, done;
	struct item *next;
};

struct files {
	char *root;
	struct item *first, **last;
	char **paths;		/* handed out by files_path() */
	size_t n_paths;
};

struct files *files_new(const char *root)
{
	struct files *f = calloc(1, sizeof(*f));
	size_t len;

	if (!f)
		return NULL;
	f->last = &f->first;
	f->root = strdup(root ? root : "");
	if (!f->root) {
		free(f);
		return NULL;
	}
	len = strlen(f->root);
	while (len && f->root[len - 1] == '/')
		f->root[--len] = '\0';
	return f;
}

static void item_free(struct item *it)
{
	buf_free(&it->data);
	buf_free(&it->old);
	free(it->path);
	free(it->temp);
	free(it);
}

void files_free(struct files *f)
{
	struct item *it, *next;
	size_t i;

	if (!f)
		return;
	for (it = f->first; it; it = next) {
		next = it->next;
		item_free(it);
	}
	for (i = 0; i < f->n_paths; i++)
		free(f->paths[i]);
	free(f->paths);
	free(f->root);
	free(f);
}

const char *files_path(struct files *f, const char *path)
{
	char **more, *p;
	size_t i;

	if (asprintf(&p, "%s%s", f->root, path) < 0)
		return "";
	for (i = 0; i < f->n_paths; i++) {
		if (!strcmp(f->paths[i], p)) {
			free(p);
			return f->paths[i];
		}
	}
	more = realloc(f->paths, (f->n_paths + 1) * sizeof(*more));
	if (!more) {
		free(p);
		return "";
	}
	f->paths = more;
	f->paths[f->n_paths++] = p;
	return p;
}

struct files_owner files_owner(const char *user, const char *group)
{
	struct files_owner o = { NOBODY, (gid_t)-1 };
	const struct passwd *pw;
	const struct group *gr;

	if (geteuid())
		return o;
	pw = user ? getpwnam(user) : NULL;
	if (pw)
		o.uid = pw->pw_uid;
	gr = group ? getgrnam(group) : NULL;
	if (gr)
		o.gid = gr->gr_gid;
	return o;
}

static int read_fd(int fd, struct buf *out)
{
	char chunk[16384];
	ssize_t n;
	int err = 0;

	for (;;) {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (out->len + (size_t)n > READ_MAX) {
			err = -EFBIG;
			break;
		}
		buf_put(out, chunk, (size_t)n);
	}
	if (n < 0)
		err = -errno;
	explicit_bzero(chunk, sizeof(chunk));
	return out->failed ? -ENOMEM : err;
}

int file_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = read_fd(fd, out);
	close(fd);
	return err;
}

/* --- one file on the disk ------------------------------------------------ */

static int sync_dir_of(const char *path)
{
	char dir[PATH_MAX];
	char *slash;
	int fd, err = 0;

	if (snprintf(dir, sizeof(dir), "%s", path) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	slash = strrchr(dir, '/');
	if (!slash)
		strcpy(dir, ".");
	else if (slash == dir)
		dir[1] = '\0';
	else
		*slash = '\0';

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Not every file system has it. */
	if (fsync(fd) && errno != EINVAL)
		err = -errno;
	close(fd);
	return err;
}

static int write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A hidden file beside @path, complete and on the disk. */
static int temp_write(const char *path, const void *data, size_t len, mode_t mode,
		      struct files_owner owner, char **out)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash + 1 - path) : 0;
	char *temp;
	int fd, err;

	if (asprintf(&temp, "%.*s.%s.btmm-XXXXXX", dir_len, path, path + dir_len) < 0)
		return -ENOMEM;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		free(temp);
		return err;
	}

	err = write_all(fd, data, len);
	/* The owner first: giving a file away takes bits off its mode. */
	if (!err && (owner.uid != NOBODY || owner.gid != (gid_t)-1) &&
	    fchown(fd, owner.uid, owner.gid))
		err = -errno;
	if (!err && (fchmod(fd, mode) || fsync(fd)))
		err = -errno;
	close(fd);
	if (err) {
		unlink(temp);
		free(temp);
		return err;
	}
	*out = temp;
	return 0;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode,
	       struct files_owner owner, bool exclusive)
{
	char *temp;
	int err = temp_write(path, data, len, mode, owner, &temp);

	if (err)
		return err;
	if (exclusive) {
		if (link(temp, path))
			err = -errno;
		unlink(temp);
	} else if (rename(temp, path)) {
		err = -errno;
		unlink(temp);
	}
	free(temp);
	return err ? err : sync_dir_of(path);
}

/* --- what is to be done -------------------------------------------------- */

static struct item *item_find(const struct files *f, const char *path)
{
	struct item *it;

	for (it = f->first; it; it = it->next) {
		if (!strcmp(it->path, path))
			return it;
	}
	return NULL;
}

static char *resolve(struct files *f, const char *path)
{
	const char *full = files_path(f, path);
	char *real = realpath(full, NULL);

	return real ? real : strdup(full);
}

static int no_memory(struct why *why)
{
	return why_set(why, -ENOMEM, "out of memory");
}

/* The item for @path, with what is there now; a new one if need be. */
static int item_get(struct files *f, const char *path, enum item_kind kind, struct item **out,
		    struct why *why)
{
	char *full = resolve(f, path);
	struct item *it;
	int err = 0;

	if (!full)
		return no_memory(why);
	it = item_find(f, full);
	if (it) {
		free(full);
		it->kind = kind;
		*out = it;
		return 0;
	}

	it = calloc(1, sizeof(*it));
	if (!it) {
		free(full);
		return no_memory(why);
	}
	it->path = full;
	it->kind = kind;
	it->existed = !stat(full, &it->was);
	if (it->existed && (S_ISDIR(it->was.st_mode) ? kind != ITEM_DIR :
						       kind == ITEM_DIR))
		err = why_set(why, -EEXIST, "%s is %sa directory", full,
			      kind == ITEM_DIR ? "not " : "");
	else if (it->existed && kind != ITEM_DIR)
		err = file_read(full, &it->old);
	if (err) {
		if (err != -EEXIST)
			why_set(why, err, "%s: %s", full, strerror(-err));
		item_free(it);
		return err;
	}
	*f->last = it;
	f->last = &it->next;
	*out = it;
	return 0;
}

int files_get(struct files *f, const char *path, struct buf *out, struct why *why)
{
	char *full = resolve(f, path);
	struct item *it;
	int err = 0;

	if (!full)
		return no_memory(why);
	it = item_find(f, full);
	if (it && it->kind == ITEM_FILE)
		buf_put(out, buf_text(&it->data), it->data.len);
	else if (it)
		err = -ENOENT;
	else
		err = file_read(full, out);
	if (err && err != -ENOENT)
		why_set(why, err, "%s: %s", full, strerror(-err));
	free(full);
	return err;
}

static bool meta_differs(const struct item *it)
{
	return (it->mode && it->mode != (it->was.st_mode & 07777)) ||
	       (it->owner.uid != NOBODY && it->owner.uid != it->was.st_uid) ||
	       (it->owner.gid != (gid_t)-1 && it->owner.gid != it->was.st_gid);
}

int files_put(struct files *f, const char *path, const struct buf *data, mode_t mode,
	      struct files_owner owner, struct why *why)
{
	struct item *it;
	int err = item_get(f, path, ITEM_FILE, &it, why);

	if (err)
		return err;
	buf_free(&it->data);
	buf_put(&it->data, buf_text(data), data->len);
	if (it->data.failed || data->failed)
		return no_memory(why);
	it->mode = mode;
	it->owner = owner;
	it->differs = !it->existed || !buf_equal(&it->data, &it->old) || meta_differs(it);
	if (!it->mode)
		it->mode = it->existed ? it->was.st_mode & 07777 : 0644;
	if (it->existed && it->owner.uid == NOBODY && !geteuid())
		it->owner.uid = it->was.st_uid;
	if (it->existed && it->owner.gid == (gid_t)-1 && !geteuid())
		it->owner.gid = it->was.st_gid;
	return 0;
}

int files_dir(struct files *f, const char *path, mode_t mode, struct files_owner owner,
	      struct why *why)
{
	struct item *it;
	int err = item_get(f, path, ITEM_DIR, &it, why);

	if (err)
		return err;
	it->mode = mode;
	it->owner = owner;
	it->differs = !it->existed || meta_differs(it);
	return 0;
}

int files_remove(struct files *f, const char *path, struct why *why)
{
	struct item *it;
	int err = item_get(f, path, ITEM_REMOVE, &it, why);

	if (err)
		return err;
	it->differs = it->existed;
	return 0;
}

bool files_differ(const struct files *f)
{
	const struct item *it;

	for (it = f->first; it; it = it->next) {
		if (it->differs)
			return true;
	}
	return false;
}

void files_report(const struct files *f, FILE *out)
{
	const struct item *it;
	const char *what;

	for (it = f->first; it; it = it->next) {
		if (!it->differs)
			what = "as it was";
		else if (it->kind == ITEM_REMOVE)
			what = "removed";
		else
			what = it->existed ? "changed" : "new";
		if (it->differs || it->kind == ITEM_FILE)
			fprintf(out, "  %-10s %s%s\n", what, it->path,
				it->kind == ITEM_DIR ? "/" : "");
	}
}

/* --- doing it ------------------------------------------------------------ */

static int make_parents(const char *path)
{
	char dir[PATH_MAX];
	char *p;

	if (snprintf(dir, sizeof(dir), "%s", path) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	for (p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0755) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

static int dir_apply(struct item *it)
{
	int err = make_parents(it->path);

	if (err)
		return err;
	if (mkdir(it->path, it->mode) && errno != EEXIST)
		return -errno;
	it->done = true;
	if ((it->owner.uid != NOBODY || it->owner.gid != (gid_t)-1) &&
	    chown(it->path, it->owner.uid, it->owner.gid))
		return -errno;
	return chmod(it->path, it->mode) ? -errno : 0;
}

/* First all that can fail for lack of room, then the renames. */
static int item_prepare(struct item *it)
{
	int err;

	if (it->kind == ITEM_DIR)
		return dir_apply(it);
	if (it->kind == ITEM_REMOVE)
		return 0;
	err = make_parents(it->path);
	return err ? err : temp_write(it->path, buf_text(&it->data), it->data.len, it->mode,
				      it->owner, &it->temp);
}

static int item_swap(struct item *it)
{
	if (it->kind == ITEM_DIR)
		return 0;
	if (it->kind == ITEM_REMOVE ? unlink(it->path) : rename(it->temp, it->path))
		return -errno;
	it->done = true;
	free(it->temp);
	it->temp = NULL;
	return sync_dir_of(it->path);
}

static int item_back(const struct item *it)
{
	struct files_owner owner = { NOBODY, (gid_t)-1 };

	if (!it->existed) {
		if (it->kind == ITEM_DIR ? rmdir(it->path) : unlink(it->path))
			return errno == ENOENT || errno == ENOTEMPTY ? 0 : -errno;
		return sync_dir_of(it->path);
	}
	if (!geteuid()) {
		owner.uid = it->was.st_uid;
		owner.gid = it->was.st_gid;
	}
	if (it->kind != ITEM_DIR)
		return file_write(it->path, buf_text(&it->old), it->old.len,
				  it->was.st_mode & 07777, owner, false);
	if (!geteuid() && chown(it->path, owner.uid, owner.gid))
		return -errno;
	return chmod(it->path, it->was.st_mode & 07777) ? -errno : 0;
}

/* What was done last goes first. */
static int back_from(struct item *it, struct why *why)
{
	int err = 0, e;

	if (!it)
		return 0;
	err = back_from(it->next, why);
	if (it->temp) {
		unlink(it->temp);
		free(it->temp);
		it->temp = NULL;
	}
	if (!it->done)
		return err;
	it->done = false;
	e = item_back(it);
	if (e)
		err = why_set(why, e, "%s could not be put back: %s", it->path, strerror(-e));
	return err;
}

int files_rollback(struct files *f, struct why *why)
{
	return back_from(f->first, why);
}

int files_apply(struct files *f, struct why *why)
{
	struct item *it;
	struct why back;
	int err = 0;

	for (it = f->first; it && !err; it = it->next) {
		if (it->differs)
			err = item_prepare(it);
		if (err)
			why_set(why, err, "%s: %s", it->path, strerror(-err));
	}
	for (it = f->first; it && !err; it = it->next) {
		if (it->differs)
			err = item_swap(it);
		if (err)
			why_set(why, err, "%s: %s", it->path, strerror(-err));
	}
	if (err)
		files_rollback(f, &back);
	return err;
}
