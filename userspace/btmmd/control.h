/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: what btmm-ctl asks and wants. Documentation/control.md has the
 * interface. Reading is for everybody, changing for root and the daemon's own user.
 */
#ifndef BTMM_BTMMD_CONTROL_H
#define BTMM_BTMMD_CONTROL_H

#include "daemon.h"

struct btmmd_control;

struct btmmd_reloaded {
	bool published;			/* what is published is another now */
	bool again;			/* the daemon begins again in a moment */
	const char *wants_restart;	/* a key; NULL */
};

struct btmmd_control_ops {
	/* Both: 0, or negative errno with a sentence in @why. */
	int (*up)(void *arg, char why[DAEMON_WHY]);
	/* btmmd_control_daemon(NULL) follows. */
	void (*down)(void *arg);
	int (*reload)(void *arg, struct btmmd_reloaded *out, char why[DAEMON_WHY]);
};

/* 0, or negative errno with a sentence in @why. */
int btmmd_control_new(sd_event *event, const char *path, const struct btmmd_control_ops *ops,
		      void *arg, struct btmmd_control **out, char why[DAEMON_WHY]);
void btmmd_control_free(struct btmmd_control *c);

/* Whom it tells about; NULL: it is down. Whoever is told about the one before is told so.
 * @c may be NULL in both.
 */
void btmmd_control_daemon(struct btmmd_control *c, struct daemon *d);
/* Something about it is not as it was. */
void btmmd_control_changed(struct btmmd_control *c);

#endif
