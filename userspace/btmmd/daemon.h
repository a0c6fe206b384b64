/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * btmmd as a whole: one host of one account.
 *
 *	daemon.c	begun and ended
 *	daemon_net.c	the network: interfaces, then mapping, then tunnels, then DNS
 *			(RFC 6281 5.1)
 *	daemon_publish.c	this host's records
 *	daemon_peers.c	the others: device, guard, IKE, resolver
 *	daemon_hold.c	who calls from where nobody is known
 *	daemon_greet.c	what they are told without DNS
 *
 * Order at a start: device and guard as they are in the kernel go on; the network's
 * picture; the identity; STUN and mapping; the update; the subscription; IKE.
 */
#ifndef BTMM_BTMMD_DAEMON_H
#define BTMM_BTMMD_DAEMON_H

#include "../lib/identity/identity.h"
#include "../lib/identity/names.h"
#include "../lib/ike/manager.h"
#include "../lib/resolve/resolve.h"
#include "account.h"
#include "conf.h"
#include "dns_trust.h"
#include "nat.h"
#include "netlink_watch.h"
#include "publish.h"
#include "resolver.h"
#include "servers.h"
#include "signer.h"
#include "subscribe.h"
#include "tunnel.h"
#include "vici_conn.h"
#include "xfrm_guard.h"

#define DAEMON_WHY	1536
#define DAEMON_HOLDS	16

/* IKE from somebody whom DNS may tell us of in a moment. */
struct daemon_hold {
	uint64_t hold, until;		/* ms; 0: free */
	uint64_t lenient;		/* ms; from then on, its address is enough */
	struct tunnel_endpoint from;
};

struct daemon {
	sd_event *event;
	struct btmmd_conf *conf;
	struct account *account;
	int state_dir;
	int resolver_udp, resolver_tcp;	/* from systemd; -1 */

	struct netlink_watch *watch;
	struct identity id;
	sd_event_source *id_timer;	/* to make it, after that has failed */
	struct host_names names;
	/* Of the account: the host's label, and its FQDN without the last dot */
	const char *label, *host;
	struct addr outer6;		/* public IPv6 address of the underlay; len 0 */
	bool has_network;
	/* What has been told since it settled last. net_elsewhere: packets leave by another
	 * link, or by one that was pulled out meanwhile; addresses may be the same.
	 */
	bool net_renewed, net_dns, net_elsewhere;
	/* ms: the network was another one; a server of the domain was reached by TCP */
	uint64_t net_at, server_at;

	struct nat *nat;
	uint16_t nat_port;		/* granted last; 0: none */
	struct servers *servers;
	struct dns_trust *trust;
	struct host_signer signer;
	struct publisher *publisher;
	struct publish_set records;
	/* What was logged last, so that it is said once. */
	bool was_current, was_published, was_connected, was_subscribed;
	char last_why[PUBLISHER_WHY], last_outer[128];
	struct subscribe *subscribe;
	/* As it was logged last */
	enum subscribe_quality way;
	char way_why[SUBSCRIBE_WHY];
	unsigned int way_whys;

	struct tunnel *tunnel;
	struct xfrm_guard *guard;
	int greeter;			/* a UDP socket; -1 */
	struct ike_manager *ike;
	struct vici_conn *vici;
	struct daemon_hold holds[DAEMON_HOLDS];
	sd_event_source *hold_timer;
	struct resolve *table;
	struct resolver *resolver;

	bool stopping, down;
	unsigned int stops;		/* what still has to end */
	sd_event_source *stop_timer;
	/* Something that is told by status is not as it was. */
	void (*changed)(void *arg);
	void *changed_arg;
	/* After daemon_stop(): daemon_end() may follow, not from within it. NULL: the event
	 * loop ends.
	 */
	void (*ended)(void *arg);
	void *ended_arg;
};

/*
 * Begins with @d->event, @d->conf, @d->account and the resolver's sockets set, and the rest
 * zero. The first three are the daemon's from then on. 0, or a negative errno and a sentence
 * in @why; then daemon_end().
 */
int daemon_begin(struct daemon *d, char why[DAEMON_WHY]);
/* In good order: records and mappings are taken back, then the event loop ends. Tunnels
 * stay for who comes next, unless @down.
 */
void daemon_stop(struct daemon *d, bool down);
/* Gives everything back that daemon_begin() took. */
void daemon_end(struct daemon *d);

/* For syslog and the journal; @priority: LOG_... */
void daemon_log(struct daemon *d, int priority, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t daemon_now(const struct daemon *d);
void daemon_tell_changed(struct daemon *d);

/* One of those whom daemon_stop() waits for is ready. */
void daemon_stopped_one(struct daemon *d);

/* daemon_net.c */
int daemon_net_begin(struct daemon *d, char why[DAEMON_WHY]);
/* A datagram of the tunnel port that is STUN. */
void daemon_net_stun(struct daemon *d, const struct tunnel_endpoint *from, const uint8_t *msg,
		     size_t len);
/* The servers of the domain are others. */
void daemon_net_servers(struct daemon *d);
/* A server of the domain answers. */
void daemon_net_reached(struct daemon *d);

/* daemon_publish.c */
int daemon_publish_begin(struct daemon *d, char why[DAEMON_WHY]);
/* Something of what is published may be another now. */
void daemon_publish(struct daemon *d);

/* daemon_peers.c */
int daemon_peers_begin(struct daemon *d, char why[DAEMON_WHY]);
/* There is an identity, or another one. */
void daemon_peers_identity(struct daemon *d);
/* The own records are acknowledged, or not (any more). */
void daemon_peers_ready(struct daemon *d, bool ready);
/* Charon is to have nothing of them any more; daemon_stopped_one() follows. */
void daemon_peers_down(struct daemon *d);
/* The domain's servers are known, or are others. */
void daemon_peers_servers(struct daemon *d);

/* daemon_hold.c */
/* The kernel holds a datagram of IKE and asks whose it is. */
void daemon_hold(struct daemon *d, uint64_t hold, const struct tunnel_endpoint *from);
/* DNS may know more now. */
void daemon_holds_answer(struct daemon *d);

/* daemon_greet.c */
/* Says a word to a peer, or (NULL) all, so that they hear where we are now. Without SAs there
 * is nothing to be said.
 */
void daemon_peers_greet(struct daemon *d, const struct in6_addr *ula);
/* This host is elsewhere. */
void daemon_peers_moved(struct daemon *d);

#endif
