/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that speaks UPnP for btmmd, with libminiupnpc, which blocks and parses
 * what devices send. It has no capability, and believes the gateway only.
 */
#ifndef BTMMD_UPNP_CHILD_H
#define BTMMD_UPNP_CHILD_H

/* How nat_path.c has main.c call this: nothing of the daemon's memory is left then. */
#define UPNP_CHILD_WORD	"upnp-child"
#define UPNP_CHILD_FD	3

/*
 * Gives up every right, closes all files but @fd (its end of a stream socket pair) and the
 * standard three, and answers requests (lib/nat/upnp_msg.h) until the other end is closed.
 * Return: the exit status. A request that takes 25 s ends it by SIGALRM; there are 16 MB of
 * memory for what a device sends.
 */
int upnp_child(int fd);

#endif
