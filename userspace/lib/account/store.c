// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int __attribute__((format(printf, 3, 4)))
refuse(char *why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, STORE_WHY, fmt, ap);
	va_end(ap);
	return err;
}

static int failed(char *why, const char *path)
{
	int err = errno;

	return refuse(why, -err, "%s: %s", path, strerror(err));
}

static bool trusted(uid_t owner)
{
	return !owner || owner == geteuid() || !geteuid();
}

/* --- directories ------------------------------------------------------------------- */

static int check_dir(const char *dir, const struct stat *st, char *why)
{
	if (!S_ISDIR(st->st_mode))
		return refuse(why, -ENOTDIR, "%s is no directory", dir);
	if (st->st_mode & 0077)
		return refuse(why, -EPERM, "%s is open to others (mode %04o): chmod 700 %s", dir,
			      st->st_mode & 07777, dir);
	if (!trusted(st->st_uid))
		return refuse(why, -EPERM, "%s belongs to another user", dir);
	return 0;
}

int store_dir_check(const char *dir, char why[STORE_WHY])
{
	struct stat st;

	return stat(dir, &st) ? failed(why, dir) : check_dir(dir, &st, why);
}

/* What is above @dir */
static int make_parents(const char *dir, char *why)
{
	char path[PATH_MAX], *p = path;

	if (strlen(dir) >= sizeof(path))
		return refuse(why, -ENAMETOOLONG, "%s: this path is too long", dir);
	strcpy(path, dir);
	while ((p = strchr(p + 1, '/'))) {
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return failed(why, path);
		*p = '/';
	}
	return 0;
}

int store_dir(const char *dir, struct store_owner owner, char why[STORE_WHY])
{
	int err = make_parents(dir, why);
	struct stat st;

	if (err)
		return err;
	if (mkdir(dir, 0700)) {
		if (errno != EEXIST || stat(dir, &st))
			return failed(why, dir);
		err = check_dir(dir, &st, why);
		if (err)
			return err;
	}
	if (chown(dir, owner.uid, owner.gid))
		return failed(why, dir);
	return 0;
}

/* --- files ------------------------------------------------------------------------- */

static int read_fd(int fd, const char *path, char *buf, size_t size, size_t *len, char *why)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return failed(why, path);
	if (!S_ISREG(st.st_mode))
		return refuse(why, -EINVAL, "%s is no file", path);
	if (st.st_mode & 0077)
		return refuse(why, -EPERM, "%s is open to others (mode %04o): chmod 600 %s", path,
			      st.st_mode & 07777, path);
	if (!trusted(st.st_uid))
		return refuse(why, -EPERM, "%s belongs to another user", path);
	for (*len = 0; *len < size; *len += (size_t)n) {
		n = read(fd, buf + *len, size - *len);
		if (n < 0)
			return failed(why, path);
		if (!n) {
			buf[*len] = '\0';
			return 0;
		}
	}
	return refuse(why, -EFBIG, "%s is too long", path);
}

int store_read(const char *path, char *buf, size_t size, size_t *len, char why[STORE_WHY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), err;

	if (fd < 0)
		return failed(why, path);
	err = read_fd(fd, path, buf, size, len, why);
	close(fd);
	if (err)
		explicit_bzero(buf, size);
	return err;
}

static int write_fd(int fd, const char *data, size_t len, struct store_owner owner)
{
	ssize_t n;

	if (fchown(fd, owner.uid, owner.gid))
		return -errno;
	while (len) {
		n = write(fd, data, len);
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

/* So that the new name is there after a crash, too. */
static void sync_dir(const char *path)
{
	char dir[PATH_MAX], *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

int store_write(const char *path, const char *data, size_t len, struct store_owner owner,
		bool replace, char why[STORE_WHY])
{
	char temp[PATH_MAX];
	int fd, err;

	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp))
		return refuse(why, -ENAMETOOLONG, "%s: this path is too long", path);
	/* With mode 0600, whatever the umask says. */
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return failed(why, path);
	err = write_fd(fd, data, len, owner);
	if (close(fd) && !err)
		err = -errno;
	/* link() does not replace. */
	if (!err && (replace ? rename(temp, path) : link(temp, path)))
		err = -errno;
	if (err || !replace)
		unlink(temp);
	if (err)
		return refuse(why, err, "%s: %s", path, strerror(-err));
	sync_dir(path);
	return 0;
}

/* --- bundles ----------------------------------------------------------------------- */

int store_load(const char *path, enum bundle_kind kind, struct bundle *out, char why[STORE_WHY])
{
	char text[BUNDLE_TEXT_MAX], reason[BUNDLE_WHY];
	const char *bad;
	unsigned int line;
	size_t len;
	int err = store_read(path, text, sizeof(text), &len, why);

	if (err)
		return err;
	bad = bundle_read(text, len, out, &line, reason);
	explicit_bzero(text, sizeof(text));
	if (bad && line)
		return refuse(why, -EINVAL, "%s:%u: %s", path, line, bad);
	if (bad)
		return refuse(why, -EINVAL, "%s: %s", path, bad);
	if (out->kind != kind) {
		bundle_wipe(out);
		return refuse(why, -EINVAL, "%s: this is %s", path, kind == BUNDLE_HOST ?
			      "an account itself, not the bundle of one of its hosts" :
			      "the bundle of a host, not an account itself");
	}
	return 0;
}

int store_save(const char *path, const struct bundle *b, struct store_owner owner, bool replace,
	       char why[STORE_WHY])
{
	char text[BUNDLE_TEXT_MAX];
	size_t len = bundle_write(b, text, sizeof(text));
	int err;

	if (!len)
		return refuse(why, -E2BIG, "%s: there is too much for it", path);
	err = store_write(path, text, len, owner, replace, why);
	explicit_bzero(text, sizeof(text));
	return err;
}
