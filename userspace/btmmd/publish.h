/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps this host's records (lib/publish) at the domain's server by way of lib/lease:
 * there as long as they are wanted, replaced when they change, taken back at the end.
 * Over TLS with a server that is known; in clear text (TCP) only if the owner allows it,
 * whatever SRV records say. Documentation/publication.md.
 *
 * There is a connection only while there is something to say. Ops are called from the
 * event loop only; within them everything is allowed but publisher_free().
 */
#ifndef BTMMD_PUBLISH_H
#define BTMMD_PUBLISH_H

#include <systemd/sd-event.h>

#include "../lib/llq/signer.h"
#include "../lib/publish/records.h"
#include "dns_link.h"
#include "servers.h"

#define PUBLISHER_LEASE		5400	/* s; RFC 6281 4: 30 min to 2 h */
#define PUBLISHER_IDLE		10000	/* ms that a connection stays after an answer */
#define PUBLISHER_AGAIN		1000	/* ms after no server could be reached; doubles */
#define PUBLISHER_AGAIN_MAX	30000
#define PUBLISHER_WHY		256

struct publisher_config {
	const uint8_t *zone;		/* the domain's apex; copied */
	struct servers *servers;	/* publisher_servers_changed() with its news */
	struct dns_trust *trust;	/* NULL: no TLS */
	bool clear;			/* the owner allows clear text */
	struct signer signer;
	uint32_t lease;			/* s; 0: PUBLISHER_LEASE */
	uint32_t spread;		/* ms, the longest delay of the very first update */
};

struct publisher_ops {
	/* publisher_status() has something new. */
	void (*changed)(void *arg);
	/* After publisher_stop(): nothing is there any more, or the time is over. */
	void (*stopped)(void *arg);
};

struct publisher;

/* @ops is not copied. 0 or negative errno (-EINVAL: neither trust nor clear text). */
int publisher_new(sd_event *event, const struct publisher_config *config,
		  const struct publisher_ops *ops, void *arg, struct publisher **out);
/* Says nothing to the server: what is there stays until its lease ends. */
void publisher_free(struct publisher *p);

/* From now on, exactly this is to be published; copied. As lease_client_set(). */
int publisher_set(struct publisher *p, const struct publish_set *set);

/* What struct servers tells. */
void publisher_servers_changed(struct publisher *p);
/* There is another network: what waits for a server is tried at once, and a connection is
 * made for what there will be to say. @all: the old one is of no use, though our address
 * is the same.
 */
void publisher_moved(struct publisher *p, bool all);
/* There is none. */
void publisher_pause(struct publisher *p);
/* The server has been heard of by another way: what waits for it is tried at once. */
void publisher_retry(struct publisher *p);
/* Sees whether a server can be reached, though there is nothing to say; again and again,
 * until there is a new connection.
 */
void publisher_probe(struct publisher *p);

/* Takes all back, in @ms at most; then stopped(). What could not be taken back ends with
 * its lease.
 */
void publisher_stop(struct publisher *p, uint32_t ms);

struct publisher_status {
	size_t records;			/* that are wanted */
	/* The server has acknowledged exactly these: peers find us where we are. */
	bool current;
	uint32_t lease;			/* s, as granted; 0: none */
	uint64_t expires;		/* ms of CLOCK_BOOTTIME, unless it is refreshed; 0 */
	uint64_t acknowledged;		/* ms: when the server last said yes; 0: never */
	bool connected;
	bool clear;			/* in clear text */
	struct dns_place to;		/* the server talked to last; port 0: none was yet */
	char why[PUBLISHER_WHY];	/* why it is not current, without full stop; or "" */
};

void publisher_status(const struct publisher *p, struct publisher_status *out);

#endif
