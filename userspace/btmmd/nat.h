/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tunnel port as others can reach it: the engines of lib/nat for each default
 * route, on their sockets, and STUN through the tunnel port. Thin: what is chosen is
 * lib/nat/mapping.c's.
 */
#ifndef BTMM_BTMMD_NAT_H
#define BTMM_BTMMD_NAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "../lib/nat/mapping.h"
#include "../lib/stun/observer.h"

struct nat;

struct nat_ops {
	/* Something that nat_choice() or nat_paths() tell is not as it was. Once for
	 * all that a turn of the event loop brings; may call everything but nat_free().
	 */
	void (*changed)(void *arg);
	/* To be sent from the tunnel port. */
	void (*stun)(void *arg, const struct stun_address *to, const uint8_t *msg, size_t len);
	/* All mappings are gone, or have been given up, after nat_stop(). */
	void (*stopped)(void *arg);
};

struct nat_config {
	uint16_t port;			/* the tunnel's, UDP */
	uint16_t suggested;		/* outer port that was granted before; 0: none */
	bool natpmp, upnp;		/* PCP goes with the former */
	uint32_t lifetime, refresh;	/* s; 0: the engines' defaults */
	const char *description;	/* for UPnP; copied */
	/* For PCP's nonces: secret, and the same until power-off. */
	uint8_t secret[16];
};

/* A default route. */
struct nat_route {
	uint32_t ifindex;
	struct ipv4 gateway;		/* 0.0.0.0: point to point */
	struct ipv4 own;		/* source address there */
};

/* 0 with *out, or a negative errno. */
int nat_new(struct nat **out, sd_event *event, const struct nat_config *config,
	    const struct nat_ops *ops, void *arg);
void nat_free(struct nat *n);

/* The default routes as they are now, the best first. @renewed: the network may be another
 * one though addresses are the same. More than MAPPING_PATHS are left out.
 */
void nat_routes(struct nat *n, const struct nat_route *routes, size_t n_routes, bool renewed);
/* Servers to ask how the tunnel port looks from outside; 0: none. */
void nat_stun_servers(struct nat *n, const struct stun_address *servers, size_t n_servers);
/* A STUN datagram came to the tunnel port. */
void nat_stun_input(struct nat *n, const struct stun_address *from, const uint8_t *msg,
		    size_t len);
/* The domain's servers have answered something: STUN, where it waits for them, is tried. */
void nat_servers_answer(struct nat *n);
/* For `btmm-ctl netcheck`: asks everybody anew. */
void nat_measure(struct nat *n);

/* What to publish. */
const struct mapping_choice *nat_choice(const struct nat *n);
/* What that is made of; valid until the event loop goes on. Return: how many. */
size_t nat_paths(const struct nat *n, const struct mapping_path **paths);
const struct stun_observer *nat_observer(const struct nat *n);

/* Deletes the mappings; then stopped() comes, within some seconds. */
void nat_stop(struct nat *n);

#endif
