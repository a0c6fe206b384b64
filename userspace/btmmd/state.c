// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_ID_FILE	"/proc/sys/kernel/random/boot_id"

/* As much as there is, up to @size. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size) {
		n = read(fd, buf + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static int write_all(int fd, const char *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, buf, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

int state_boot_id(char out[BOOT_ID_LEN + 1])
{
	int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_all(fd, out, BOOT_ID_LEN);
	close(fd);
	if (n < 0)
		return (int)n;
	out[n] = '\0';
	return boot_id_check(out) ? 0 : -EBADMSG;
}

int state_read(int dir, const char *name, void *buf, size_t size, size_t *len)
{
	/* Not to wait for whoever opens the other end of a FIFO. */
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t n = 0;
	char more;
	int err = 0;

	if (fd < 0)
		return errno == ELOOP ? -EINVAL : -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (!err) {
		n = read_all(fd, buf, size);
		err = n < 0 ? (int)n : 0;
	}
	if (!err && (size_t)n == size && read_all(fd, &more, 1) == 1)
		err = -EFBIG;
	close(fd);
	if (!err)
		*len = (size_t)n;
	return err;
}

int state_write(int dir, const char *name, const void *buf, size_t len)
{
	char temp[NAME_MAX + 1];
	int fd, err;

	if (snprintf(temp, sizeof(temp), ".%s.new", name) >= (int)sizeof(temp))
		return -ENAMETOOLONG;

	/* Left behind by who died while writing. */
	if (unlinkat(dir, temp, 0) && errno != ENOENT)
		return -errno;
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;

	err = write_all(fd, buf, len);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(dir, temp, dir, name))
		err = -errno;
	if (err) {
		unlinkat(dir, temp, 0);
		return err;
	}
	/* The new name. Where directories cannot be synced, it is as good as it gets. */
	if (fsync(dir) && errno != EINVAL)
		return -errno;
	return 0;
}

void state_tidy(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.' && len > 5 && !strcmp(e->d_name + len - 4, ".new"))
			unlinkat(dir, e->d_name, 0);
	}
	closedir(d);
}

static int random_octets(uint8_t *out, size_t len)
{
	ssize_t n;

	do {
		n = getrandom(out, len, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* True: @id is the one that was made in this boot. */
static bool kept(int dir, const char *name, const char *boot_id, bool private,
		 struct identity *id, char why[STATE_WHY])
{
	char buf[IDENTITY_STATE_MAX];
	const char *reason;
	struct identity got;
	size_t len;
	bool stale;
	int err;

	err = state_read(dir, name, buf, sizeof(buf), &len);
	if (err) {
		if (err != -ENOENT)
			snprintf(why, STATE_WHY, "%s cannot be read (%s): a new address is made",
				 name, strerror(-err));
		return false;
	}
	reason = identity_state_read(buf, len, boot_id, &got, &stale);
	if (reason) {
		if (!stale)
			snprintf(why, STATE_WHY, "%s %s: a new address is made", name, reason);
		return false;
	}
	if (identity_exposes(&got, private)) {
		snprintf(why, STATE_WHY,
			 "%s has the hardware's address, which is no longer to be told", name);
		return false;
	}
	*id = got;
	return true;
}

int state_identity(int dir, const char *name, const struct identity_link *links, size_t n,
		   bool private, struct identity *id, char why[STATE_WHY])
{
	char boot_id[BOOT_ID_LEN + 1], buf[IDENTITY_STATE_MAX];
	uint8_t random[IDENTITY_RANDOM];
	struct identity made;
	int err;

	why[0] = '\0';
	memset(id, 0, sizeof(*id));
	err = state_boot_id(boot_id);
	if (err) {
		snprintf(why, STATE_WHY, BOOT_ID_FILE ": %s", strerror(-err));
		return err;
	}
	if (kept(dir, name, boot_id, private, id, why))
		return STATE_KEPT;

	err = random_octets(random, sizeof(random));
	if (err) {
		snprintf(why, STATE_WHY, "no random octets: %s", strerror(-err));
		return err;
	}
	identity_make(&made, links, n, private, random);
	err = state_write(dir, name, buf, identity_state_write(&made, boot_id, buf));
	if (err) {
		snprintf(why, STATE_WHY, "%s cannot be written: %s", name, strerror(-err));
		return err;
	}
	*id = made;
	return why[0] ? STATE_REPLACED : STATE_NEW;
}
