/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that change together: what is put here is compared with what is there,
 * shown or written. Writing is by a temporary file beside each one and a rename, in
 * the order of files_put(): a program that reads them meanwhile sees each file whole,
 * and what refers to others comes last. Until files_free(), all of it can be taken
 * back.
 */
#ifndef BTMM_DNSD_SETUP_FILES_H
#define BTMM_DNSD_SETUP_FILES_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "admin_text.h"

struct files;

/* @root: put in front of every path ("" or "/": none). NULL: no memory. */
struct files *files_new(const char *root);
/* Wipes the contents. */
void files_free(struct files *f);

/* The path with the root in front; valid as long as @f. "" without memory. */
const char *files_path(struct files *f, const char *path);

/* Whose a file is. An id of -1 is left as it is. */
struct files_owner {
	uid_t uid;
	gid_t gid;
};

/*
 * The ids of these names; -1 for one that does not exist, and for all if we may not
 * give files away (not root). NULL: -1.
 */
struct files_owner files_owner(const char *user, const char *group);

/*
 * What will stand at @path: what was put there, else what there is. 0; -ENOENT;
 * other negative errno and why.
 */
int files_get(struct files *f, const char *path, struct buf *out, struct why *why);

/*
 * @mode 0: as it is (0644 for a new one). Putting twice: the last counts. What is
 * already so is not written again. A symbolic link is followed. 0 or -ENOMEM, or
 * what files_get() says.
 */
int files_put(struct files *f, const char *path, const struct buf *data, mode_t mode,
	      struct files_owner owner, struct why *why);
/* Missing ones above it are made with mode 0755. */
int files_dir(struct files *f, const char *path, mode_t mode, struct files_owner owner,
	      struct why *why);
/* Nothing if it is not there. */
int files_remove(struct files *f, const char *path, struct why *why);

/* Is anything to be done? */
bool files_differ(const struct files *f);
/* One line for each: what is (was) done, and the path. */
void files_report(const struct files *f, FILE *out);

/* 0; or negative errno, why, and everything as it was. */
int files_apply(struct files *f, struct why *why);
/* Everything back as it was before files_apply(). */
int files_rollback(struct files *f, struct why *why);

/* Reads a file of at most 64 MiB. 0, or negative errno (also -EFBIG). */
int file_read(const char *path, struct buf *out);
/*
 * Writes one file by a temporary one and a rename, without more ado. 0 or negative
 * errno. @exclusive: -EEXIST when it is there.
 */
int file_write(const char *path, const void *data, size_t len, mode_t mode,
	       struct files_owner owner, bool exclusive);

#endif
