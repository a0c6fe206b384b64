/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has to outlive the daemon but not the boot: small files in the runtime
 * directory. Writing replaces a file as a whole: whoever reads it, also after a
 * crash, finds the old or the new one.
 */
#ifndef BTMMD_STATE_H
#define BTMMD_STATE_H

#include "../lib/identity/state.h"

#define STATE_WHY	160

/* From /proc. 0 or negative errno. */
int state_boot_id(char out[BOOT_ID_LEN + 1]);

/*
 * @dir: a directory opened for reading (not O_PATH: it is synced).
 *
 * The file @name in it, up to @size octets: 0 with *@len; -ENOENT;
 * -EFBIG: it is longer; -EINVAL: no regular file; or another errno.
 */
int state_read(int dir, const char *name, void *buf, size_t size, size_t *len);
/* Mode 0600. 0 or negative errno: then what was there is as it was. */
int state_write(int dir, const char *name, const void *buf, size_t len);

/* What state_write() left that was killed. Nobody else may be writing. */
void state_tidy(int dir);

enum state_identity {
	STATE_KEPT,		/* as it was made earlier in this boot */
	STATE_NEW,
	STATE_REPLACED,		/* new, as the file could not be believed; see @why */
};

/*
 * The identity of this host: the one in @name, if it is of this boot and fits
 * @private, or a new one, which is written there before it is returned.
 *
 * @why: for STATE_REPLACED and errors, a sentence for the log, else "". Return: enum
 * state_identity, or a negative errno (of the write or of drawing random octets): @id
 * is not set then, as peers must not learn a ULA that the next start would not know.
 */
int state_identity(int dir, const char *name, const struct identity_link *links, size_t n,
		   bool private, struct identity *id, char why[STATE_WHY]);

#endif
