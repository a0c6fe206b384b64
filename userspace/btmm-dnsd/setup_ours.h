/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of our zones at a primary: begins with @comment and SETUP_MARK, has a block
 * for each zone (block_get()). All return 0 or negative errno and why.
 */
#ifndef BTMM_DNSD_SETUP_OURS_H
#define BTMM_DNSD_SETUP_OURS_H

#include "setup.h"

struct setup_ours {
	const char *path, *comment;
};

/* As it is, or nothing when it is not there. -EEXIST: it is somebody else's. */
int ours_get(struct setup *su, const struct setup_ours *o, struct buf *out, struct why *why);
/* -EEXIST: @old holds another block for su->domain than @block, and there is no --force. */
int ours_differs(struct setup *su, const struct setup_ours *o, const char *old,
		 const char *block, struct why *why);
/* Does it hold su->domain? */
bool ours_has(struct setup *su, const struct setup_ours *o);
/* Plans it without su->domain. */
int ours_drop(struct setup *su, const struct setup_ours *o, struct why *why);

#endif
