/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of nat.c (all routes, STUN) and nat_path.c (one route: sockets, UPnP's child). */
#ifndef BTMM_BTMMD_NAT_INT_H
#define BTMM_BTMMD_NAT_INT_H

#include <sys/types.h>

#include "../lib/nat/gateway.h"
#include "../lib/nat/natpmp.h"
#include "../lib/nat/upnp.h"
#include "nat.h"

struct nat_path {
	struct nat *nat;
	struct nat_route route;
	struct gateway *gateway;	/* NULL: there is none, or it is not to be asked */
	int fd;
	sd_event_source *source;

	struct upnp *upnp;		/* likewise */
	pid_t child;			/* 0: there is none */
	int child_fd;
	sd_event_source *child_source, *exit_source;
	uint64_t child_at;		/* ms: when it was started */
	uint8_t in[UPNP_MSG_MAX];
	size_t in_len;
};

struct nat {
	sd_event *event;
	sd_event_source *timer, *announce_source;
	const struct nat_ops *ops;
	void *arg;
	struct nat_config config;
	struct nat_path *paths[MAPPING_PATHS];
	struct mapping_path described[MAPPING_PATHS];
	size_t n_paths;
	struct stun_observer observer;
	unsigned int observed;		/* changes of it that have been seen */
	uint64_t seen_at;		/* ms: its latest answer */
	struct mapping_choice choice;
	bool dirty, checked;
	uint64_t upset_until;		/* ms; what STUN sees is no reason to check before */
	bool stopping, told_stopped;
	uint64_t stop_at;
	int announce_fd;		/* announcements to 224.0.0.1; -1 */
};

uint64_t nat_now(const struct nat *n);
/* All outputs, all changes, the next time. From the event loop only. */
void nat_drive(struct nat *n);
/* ... from elsewhere: soon. */
void nat_kick(struct nat *n);

/* nat_path.c */
struct nat_path *nat_path_new(struct nat *n, const struct nat_route *r, uint64_t now);
void nat_path_free(struct nat_path *p);
void nat_path_update(struct nat_path *p, const struct nat_route *r, bool renewed, uint64_t now);
void nat_path_output(struct nat_path *p, uint64_t now);
uint64_t nat_path_deadline(const struct nat_path *p);
void nat_path_stop(struct nat_path *p, uint64_t now);
bool nat_path_stopped(const struct nat_path *p);

/* Announcements (RFC 6886 3.2.1). Without them a reboot of the gateway is noticed later. */
void nat_announce_open(struct nat *n);
void nat_announce_join(struct nat *n);
void nat_announce_close(struct nat *n);

#endif
