/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peers as they are written on the command line and in files.
 */
#ifndef BTMM_CTL_PEER_H
#define BTMM_CTL_PEER_H

#include "ctl.h"

enum peer_route {
	ROUTE_LEAVE,
	ROUTE_ADD,
	ROUTE_DEL,
};

/**
 * struct peer_line - what is said about one peer
 * @is_new: it is to be added, not changed
 * @peer: for the request
 * @route: what to do about the host route
 * @dev: name of the device, NULL if it was not said
 * @why: what is wrong, if peer_line_read() gave false
 */
struct peer_line {
	bool is_new;
	struct at_peer peer;
	enum peer_route route;
	const char *dev;
	char why[256];
};

/* Read "ULA [SETTING...]"; false if something is wrong. */
bool peer_line_read(struct peer_line *line, bool is_new, bool dev_allowed,
		    int argc, char **argv);

/* load.c: add all peers of a file, NULL for standard input. */
int peer_load(const char *file, const char *dev_name);

/* Say that a route cannot be added, and what to do; returns the exit code. */
int peer_route_failed(const struct nl_conn *route, int err, const char *ula,
		      const char *dev);

/* Words for what may be absent: NULL then. Buffers as in text/addr.h. */
const char *endpoint_text(const struct at_endpoint *ep, char *out);
const char *origin_text(const struct at_endpoint *ep);
/* The name of an interface, or its index if there is no such one here. */
const char *ifname_text(uint32_t ifindex, char *out);

#endif
