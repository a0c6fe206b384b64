/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bundles as files: /etc/btmm/account/account on the account's first machine,
 * /etc/btmm/host/host on every one. Their directories are open to nobody else.
 */
#ifndef BTMM_ACCOUNT_STORE_H
#define BTMM_ACCOUNT_STORE_H

#include <stdbool.h>
#include <sys/types.h>

#include "bundle.h"

#define STORE_ACCOUNT_DIR	"/etc/btmm/account"
#define STORE_ACCOUNT_FILE	"account"
#define STORE_HOST_DIR		"/etc/btmm/host"
#define STORE_HOST_FILE		"host"
#define STORE_WHY		1024

/* Whose files are; -1: as they come. */
struct store_owner {
	uid_t uid;
	gid_t gid;
};

/*
 * @dir, with mode 0700; what is above it is made with mode 0755. 0; -EPERM: it is there
 * and open to others; or negative errno. All functions here give a sentence in @why
 * that names the file, with the line if it is about one.
 */
int store_dir(const char *dir, struct store_owner owner, char why[STORE_WHY]);
/* Is @dir open to nobody but its owner, who is root or us? 0, -EPERM, ... */
int store_dir_check(const char *dir, char why[STORE_WHY]);

/*
 * A file of up to @size - 1 octets, a NUL behind them, that is open to nobody but its
 * owner (root, us, or anybody if we are root). *@len: without the NUL. To be wiped.
 */
int store_read(const char *path, char *buf, size_t size, size_t *len, char why[STORE_WHY]);
/*
 * Mode 0600, as a whole or not at all. Not @replace: -EEXIST if it is there, and then
 * it stays as it is.
 */
int store_write(const char *path, const char *data, size_t len, struct store_owner owner,
		bool replace, char why[STORE_WHY]);

/* 0, -EINVAL: it is not of that kind or malformed; or what store_read() gives. */
int store_load(const char *path, enum bundle_kind kind, struct bundle *out,
	       char why[STORE_WHY]);
int store_save(const char *path, const struct bundle *b, struct store_owner owner, bool replace,
	       char why[STORE_WHY]);

#endif
