/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network watcher (lib/netwatch) on a real rtnetlink socket, in an event loop.
 * Needs no privilege.
 */
#ifndef BTMMD_NETLINK_WATCH_H
#define BTMMD_NETLINK_WATCH_H

#include <systemd/sd-event.h>

#include "../lib/netwatch/netwatch.h"

struct netlink_watch;

struct netlink_watch_ops {
	/* One change; see netwatch_tell(). */
	netwatch_event_fn event;
	/* All that is new has been told. Called once more often than events come: when
	 * the first picture is complete, even if it is empty.
	 */
	void (*settled)(void *arg);
	/* Something that the owner should know, as a sentence; @err: negative errno */
	void (*trouble)(void *arg, int err, const char *what);
};

/* @ops is not copied. 0 with *out, or negative errno. Call-backs come from the loop. */
int netlink_watch_new(sd_event *event, const struct netlink_watch_ops *ops, void *arg,
		      struct netlink_watch **out);
void netlink_watch_free(struct netlink_watch *w);

const struct netwatch *netlink_watch_engine(const struct netlink_watch *w);

#endif
