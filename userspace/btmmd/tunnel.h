/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tunnel device and its peers, as the kernel module has them: set over netlink,
 * with word of what happens there. What an earlier btmmd left behind goes on as it is.
 * Needs CAP_NET_ADMIN. All calls but for the events are answered by the kernel at once.
 */
#ifndef BTMM_BTMMD_TUNNEL_H
#define BTMM_BTMMD_TUNNEL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "../lib/text/addr.h"

/* A peer's outer address; .addr.len 0: none is known. */
struct tunnel_endpoint {
	struct addr addr;
	uint16_t port;
};

struct tunnel;

/* All may call the tunnel, but not free it. */
struct tunnel_ops {
	/* An authentic packet came from there: where the peer is now. */
	void (*learnt)(void *arg, const struct in6_addr *peer, const struct tunnel_endpoint *e);
	/* Packets go to the peer, and nothing authentic comes back. */
	void (*stale)(void *arg, const struct in6_addr *peer);
	/* ESP that no SA takes came from the peer's endpoint. */
	void (*unknown_spi)(void *arg, const struct in6_addr *peer);
	/* IKE from who is not known is held: tunnel_ike_answer(). */
	void (*ike)(void *arg, uint64_t hold, const struct tunnel_endpoint *from);
	/* STUN or signalling came to the tunnel port. */
	void (*datagram)(void *arg, const struct tunnel_endpoint *from, const uint8_t *msg,
			 size_t len);
	/* Events have been lost: what they would have told is to be asked for. */
	void (*lost)(void *arg);
};

struct tunnel_config {
	const char *name;	/* of the device */
	uint16_t port;		/* UDP; 0: AUTOTUNNEL_PORT_DEFAULT */
	uint16_t keepalive;	/* s; 0: none */
	uint32_t fwmark;	/* of outer packets */
};

/*
 * The device is made if it is not there, else taken over and set as @config says. 0 with
 * *out, or a negative errno and, in @error, a sentence without its stop.
 */
int tunnel_new(struct tunnel **out, sd_event *event, const struct tunnel_config *config,
	       const struct tunnel_ops *ops, void *arg, char *error, size_t size);
/* Device and peers stay in the kernel. */
void tunnel_free(struct tunnel *t);
/* Takes the device away, and all peers with it. */
int tunnel_remove(struct tunnel *t);

/* Why the last call failed, a sentence without its stop. */
const char *tunnel_error(const struct tunnel *t);
uint32_t tunnel_ifindex(const struct tunnel *t);

/* The own ULA: address and device, which is up then. ::, and the device is inactive
 * (RFC 6281 6.3). The one that was there before goes.
 */
int tunnel_local(struct tunnel *t, const struct in6_addr *ula);

/* A peer, made if it is not there, and the route to it. @e NULL: its endpoint stays as
 * it is; with no address: it has none from now on.
 */
int tunnel_peer_set(struct tunnel *t, const struct in6_addr *ula,
		    const struct tunnel_endpoint *e);
/* One that is there. -ENOENT: it is not. */
int tunnel_peer_move(struct tunnel *t, const struct in6_addr *ula,
		     const struct tunnel_endpoint *e);
/* 0 also when there is none. */
int tunnel_peer_remove(struct tunnel *t, const struct in6_addr *ula);

struct tunnel_peer {
	struct in6_addr ula;
	struct tunnel_endpoint endpoint;
	bool learnt;			/* the endpoint, from an authentic packet */
	bool heard;
	uint64_t heard_ago;		/* ms */
	uint64_t rx_bytes, tx_bytes;
	uint32_t moves;
};

typedef void (*tunnel_peer_fn)(void *arg, const struct tunnel_peer *p);
/* All of them. */
int tunnel_peers(struct tunnel *t, tunnel_peer_fn fn, void *arg);
/* -ENOENT: there is no such peer. */
int tunnel_peer(struct tunnel *t, const struct in6_addr *ula, struct tunnel_peer *out);

/* Whose the held datagram is; NULL: nobody's, it is dropped. */
int tunnel_ike_answer(struct tunnel *t, uint64_t hold, const struct in6_addr *peer);
/* From the tunnel port. */
int tunnel_send(struct tunnel *t, const struct tunnel_endpoint *to, const uint8_t *msg,
		size_t len);

#endif
