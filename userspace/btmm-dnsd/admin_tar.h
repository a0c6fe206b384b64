/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Archives in the format of POSIX (ustar), in memory: regular files only. A name that
 * is too long for it is written as GNU tar does.
 */
#ifndef BTMM_DNSD_ADMIN_TAR_H
#define BTMM_DNSD_ADMIN_TAR_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "admin_text.h"

#define TAR_NAME_MAX	511

/* -ENAMETOOLONG, -EFBIG (8 GiB), -ENOMEM */
int tar_put(struct buf *out, const char *name, mode_t mode, time_t when, const void *data,
	    size_t len);
/* Two empty blocks. */
void tar_end(struct buf *out);

struct tar_file {
	char name[TAR_NAME_MAX + 2];
	mode_t mode;
	const char *data;	/* in the archive */
	size_t len;
};

/* The next regular file behind *pos (0 at first); directories are left out. 1; 0 at
 * the end; -EBADMSG: not such an archive, or broken off.
 */
int tar_next(const char *tar, size_t len, size_t *pos, struct tar_file *out);

#endif
