/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps lib/peers told by the domain's servers: DNS Push over TLS if there is any, else
 * Long-Lived Queries over TLS, else (if the owner allows clear text) over UDP; where a
 * server has neither, it is polled. What is better is tried again from time to time, and
 * takes over when it works, so that nothing is missed in between.
 * Documentation/peers.md tells the rules.
 *
 * Ops are called from the event loop only.
 */
#ifndef BTMMD_SUBSCRIBE_H
#define BTMMD_SUBSCRIBE_H

#include "leg.h"
#include "servers.h"

#define SUBSCRIBE_LEASE		3600	/* s, of LLQs */
#define SUBSCRIBE_PATIENCE	3000	/* ms without the server before others are tried */
#define SUBSCRIBE_TRIAL_TLS	12000	/* ms for a way to show that it works */
#define SUBSCRIBE_TRIAL_UDP	16000
#define SUBSCRIBE_AGAIN		1000	/* ms after no way worked; doubles */
#define SUBSCRIBE_AGAIN_MAX	30000
#define SUBSCRIBE_BETTER	60000	/* ms until something better is tried; doubles */
#define SUBSCRIBE_BETTER_MAX	900000
#define SUBSCRIBE_BACK		2000	/* ms; the same if something better has just been lost */
#define SUBSCRIBE_COMPLETE	10000	/* ms from the list of hosts to complete() at most */
#define SUBSCRIBE_WHY		256

struct subscribe_config {
	const uint8_t *domain, *self;	/* copied */
	struct servers *servers;	/* subscribe_servers_changed() with its news */
	struct dns_trust *trust;	/* NULL: no TLS */
	bool clear;			/* the owner allows clear text */
	struct signer signer;
	bool ipv4, ipv6;		/* endpoints that are of use */
	unsigned int max;		/* peers; 0: PEERS_MAX */
	uint16_t port;			/* own UDP port for LLQs; 0: any */
	bool deaf;			/* what comes there by itself gets lost in a NAT */
	uint32_t lease;			/* s; 0: SUBSCRIBE_LEASE */
	uint32_t keepalive;		/* ms; 0: as DNS Push has it */
};

struct subscribe_ops {
	void (*peer)(void *arg, const struct peers_event *e);
	/* All peers that there are have been told; once. */
	void (*complete)(void *arg);
	/* Another way, or none, or another reason: subscribe_status() has it. */
	void (*changed)(void *arg);
};

struct subscribe;

/* @ops is not copied. 0 or negative errno. */
int subscribe_new(sd_event *event, const struct subscribe_config *config,
		  const struct subscribe_ops *ops, void *arg, struct subscribe **out);
void subscribe_free(struct subscribe *s);

void subscribe_own(struct subscribe *s, const struct in6_addr *ula);
void subscribe_servers_changed(struct subscribe *s);
/* There is another network: another address, another router. A connection that comes from
 * an address that is still right stays, unless @all.
 */
void subscribe_moved(struct subscribe *s, bool all);
/* There is none. */
void subscribe_pause(struct subscribe *s);
/* A server has been heard of by another way: what waits for one is tried at once. */
void subscribe_retry(struct subscribe *s);
/* One that ought to answer does not: is the one that changes are awaited from still there? */
void subscribe_check(struct subscribe *s);
/* As in the configuration. */
void subscribe_deaf(struct subscribe *s, bool deaf);
/* Its ULA may be old: PEERS_READ follows. -ENOENT; -ENOTCONN: when there is a server. */
int subscribe_read_again(struct subscribe *s, const char *name);

const struct peers *subscribe_peers(const struct subscribe *s);

enum subscribe_quality {
	SUBSCRIBE_NONE,
	SUBSCRIBE_POLLS,
	SUBSCRIBE_LIVE,
};

struct subscribe_status {
	enum subscribe_quality quality;
	enum leg_kind kind;		/* if there is or was one: @to.port is not 0 */
	struct dns_place to;
	uint64_t since;			/* ms of CLOCK_BOOTTIME */
	char why[SUBSCRIBE_WHY];	/* why it is not better, or "" */
	struct leg_tally tally;		/* @quality is that of the list of hosts alone */
};

void subscribe_status(const struct subscribe *s, struct subscribe_status *out);

#endif
