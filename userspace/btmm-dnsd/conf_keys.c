// SPDX-License-Identifier: GPL-2.0-or-later
/* TSIG keys from files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/dns/keytext.h"
#include "conf.h"

#define FILE_SIZE	16384

/* What is being read; wiped afterwards. */
struct key_file {
	char b[FILE_SIZE + 1];
	size_t len;
};

static int read_fd(int fd, const char *path, struct key_file *t, char *why, size_t why_size)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, why_size, "%s is no file", path);
		return -EINVAL;
	}
	if (st.st_mode & 0007) {
		snprintf(why, why_size, "%s is open to everybody (mode %04o): chmod o= %s", path,
			 st.st_mode & 07777, path);
		return -EPERM;
	}
	while (t->len <= FILE_SIZE) {
		n = read(fd, t->b + t->len, FILE_SIZE + 1 - t->len);
		if (n < 0)
			return -errno;
		if (!n) {
			t->b[t->len] = '\0';
			return 0;
		}
		t->len += n;
	}
	snprintf(why, why_size, "%s is too large for a key file", path);
	return -EINVAL;
}

int conf_key_file(const char *path, struct tsig_key *key, char *why, size_t why_size)
{
	struct tsig_key fresh = { 0 };
	struct key_file t = { 0 };
	const char *wrong;
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (why_size)
		why[0] = '\0';
	err = fd < 0 ? -errno : read_fd(fd, path, &t, why, why_size);
	if (fd >= 0)
		close(fd);
	if (!err) {
		wrong = key_text_read(t.b, t.len, &fresh);
		if (wrong) {
			snprintf(why, why_size, "%s is no key file: %s", path, wrong);
			err = -EINVAL;
		} else {
			*key = fresh;
		}
	} else if (why_size && !why[0]) {
		snprintf(why, why_size, "%s cannot be read: %s", path, strerror(-err));
	}
	explicit_bzero(&t, sizeof(t));
	explicit_bzero(&fresh, sizeof(fresh));
	return err;
}
