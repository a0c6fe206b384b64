/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the methods of the control socket, one file for each noun. */
#ifndef BTMM_BTMMD_CONTROL_INT_H
#define BTMM_BTMMD_CONTROL_INT_H

#include "../lib/control/btmmd.h"
#include "../lib/control/control.h"
#include "control.h"

#define CONTROL_WAITERS	32	/* of one method, at a time */

struct netcheck;
struct browsing;

struct btmmd_control {
	sd_event *event;
	struct control *socket;
	const struct btmmd_control_ops *ops;
	void *arg;
	struct daemon *d;		/* NULL: it is down */
	uint64_t started;		/* ms */
	struct control_call *downs[CONTROL_WAITERS];
	struct netcheck *netcheck;	/* NULL: none goes on */
	struct browsing *browsing;	/* a list */
	/* Who monitors, and what they know. */
	struct control_call *monitors[CONTROL_WAITERS];
	sd_event_source *monitor_timer;
	json_t *known;
};

/* The daemon, or NULL: the call has been answered with an error. */
struct daemon *control_up(struct btmmd_control *c, struct control_call *call);

/* A place for @call among CONTROL_WAITERS in @waiters, until it is taken out, or NULL because
 * its client went. False: there is none, and the call has been answered.
 */
bool control_wait(struct control_call **waiters, struct control_call *call);

/* NULL: JSON's null, for what is not known */
json_t *control_text(const char *text);
json_t *control_ula(const struct in6_addr *ula);
json_t *control_addr(const struct addr *a);
json_t *control_endpoint(const struct addr *a, uint16_t port);
json_t *control_place(const struct dns_place *p);

/* control_status.c */
void control_status(void *arg, struct control_call *call, const json_t *params);
json_t *control_mapping(const struct daemon *d);
json_t *control_publication(struct daemon *d);
json_t *control_subscription(struct daemon *d);
json_t *control_ike(struct daemon *d);

/* control_peers.c */
void control_peers(void *arg, struct control_call *call, const json_t *params);
void control_resolve(void *arg, struct control_call *call, const json_t *params);
void control_call_peer(void *arg, struct control_call *call, const json_t *params);
/* An array of all peers. */
json_t *control_peers_list(struct daemon *d);

/* control_netcheck.c */
void control_netcheck(void *arg, struct control_call *call, const json_t *params);
void control_netcheck_changed(struct btmmd_control *c);
/* Whoever waits gets an error. */
void control_netcheck_end(struct btmmd_control *c);

/* control_monitor.c */
void control_monitor(void *arg, struct control_call *call, const json_t *params);
void control_monitor_changed(struct btmmd_control *c);
void control_monitor_free(struct btmmd_control *c);

/* control_browse.c */
void control_services(void *arg, struct control_call *call, const json_t *params);
void control_browse(void *arg, struct control_call *call, const json_t *params);
void control_browse_end(struct btmmd_control *c);

#endif
