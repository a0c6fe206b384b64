/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The nouns of the tunnel, and who owns them.
 *
 *   at_dev       the private part of a netdevice; lives as long as that does.
 *   at_peer      a machine, named by its ULA. Owned by the device's table;
 *                packets find it under RCU. Its memory goes by call_rcu().
 *   at_endpoint  an outer address of a peer. Never changed once published:
 *                swapped whole under RCU, so that a packet sees one endpoint
 *                and not half of two. Owned by its peer.
 *
 * Locks, outermost first:
 *   rtnl            link operations, opening and closing of the sockets
 *   at_dev.lock     mutex: adding, changing and removing peers
 *   at_peer.lock    spinlock, BH: which endpoint a peer has
 *   at_ike.lock, at_holds.lock, at_ratelimit.lock
 *                   spinlocks, BH: innermost, each for its own table
 * The path of an ordinary packet takes none of them.
 */
#ifndef _AUTOTUNNEL_H
#define _AUTOTUNNEL_H

#include <linux/in6.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rhashtable.h>
#include <linux/timer.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/dst_cache.h>
#include <net/ipv6.h>
#include <linux/autotunnel.h>

#include "compat/compat.h"
#include "counters.h"
#include "early.h"
#include "hold.h"
#include "ike.h"
#include "ratelimit.h"

struct metadata_dst;
struct socket;

/* Outer headers: UDP in IPv4, and UDP in IPv6. */
#define AT_OUTER4_LEN	(sizeof(struct iphdr) + sizeof(struct udphdr))
#define AT_OUTER6_LEN	(sizeof(struct ipv6hdr) + sizeof(struct udphdr))

/*
 * The inner IPv6 header is taken off, the outer ones are put on: what the
 * underlay's MTU grows (IPv4: 12) or shrinks by (IPv6: -8) to become ours.
 */
#define AT_MTU_GAIN4	((int)sizeof(struct ipv6hdr) - (int)AT_OUTER4_LEN)
#define AT_MTU_GAIN6	((int)sizeof(struct ipv6hdr) - (int)AT_OUTER6_LEN)

/*
 * IPv6 wants links of 1280. Inside ours are 1280 plus XFRM's tunnel header
 * and the largest overhead of an AEAD: ESP 8, IV 8, padding 2, ICV 16 and
 * alignment. Under this MTU XFRM would refuse what IPv6 promises to carry.
 */
#define AT_MIN_MTU	1356
#define AT_MAX_MTU	(IP_MAX_MTU - LL_MAX_HEADER)

/**
 * struct at_outer - an outer UDP address
 * @addr: IPv4 as ::ffff:a.b.c.d
 * @port: UDP port, 0 in a local address
 * @zero: always 0, as this is a hash key
 */
struct at_outer {
	struct in6_addr addr;
	__be16 port;
	__be16 zero;
};

/**
 * struct at_endpoint - where a peer is, immutable once published
 * @node: in at_dev.endpoints while it is its peer's current endpoint
 * @remote: the peer's outer address and port
 * @local: our address the peer sent to or netlink set, :: for any
 * @oif: interface set by netlink, packets must leave there; 0 for any
 * @iif: interface the peer's packet came in by, preferred; 0 if not learnt
 * @origin: set or learnt
 * @peer: whose it is; valid under RCU, as long as the endpoint is
 * @dst_cache: route to @remote; may have no memory, then each packet looks up
 * @rcu: for the free that comes a grace period later
 */
struct at_endpoint {
	struct rhlist_head node;
	struct at_outer remote;
	struct in6_addr local;
	int oif;
	int iif;
	enum autotunnel_origin origin;
	struct at_peer *peer;
	struct dst_cache dst_cache;
	struct rcu_head rcu;
};

struct at_peer_stats {
	u64_stats_t rx_packets;
	u64_stats_t rx_bytes;
	u64_stats_t tx_packets;
	u64_stats_t tx_bytes;
	struct u64_stats_sync syncp;
};

/**
 * struct at_peer - a machine on the other side
 * @node: in at_dev.peers
 * @ula: the peer's ULA: its name, and the key of the table
 * @id: in at_dev.ids: the order of dumps
 * @endpoint: where it is now; RCU, written under @lock
 * @last_rx: jiffies of the last authentic packet, 0 for never
 * @last_tx: jiffies of the last packet sent
 * @black_since: jiffies of the first of the large packets not answered
 * @black_moments: ticks in which large packets were sent since
 * @black_until: jiffies until which the path is held to be a black hole
 * @stats: per-CPU traffic counts
 * @keepalive: seconds; -1 for the device's default
 * @at: its device; the peer does not outlive it
 * @lock: guards @endpoint, @previous, @moved_at, @dead
 * @previous: the endpoint before, no longer in the index; under @lock
 * @moved_at: jiffies of the last endpoint learnt
 * @moves: endpoints learnt
 * @stale_said: jiffies of the last "stale" event
 * @dead: removed from the table: no new endpoint, no new timer
 * @timer: keepalive; armed by traffic, re-arms itself while needed
 * @rcu: for the free that comes a grace period later
 */
struct at_peer {
	struct rhash_head node;
	struct in6_addr ula;
	u32 id;
	struct at_endpoint __rcu *endpoint;
	unsigned long last_rx;
	unsigned long last_tx;
	unsigned long black_since;
	unsigned int black_moments;
	unsigned long black_until;
	struct at_peer_stats __percpu *stats;
	int keepalive;
	struct at_dev *at;

	spinlock_t lock;	/* see the list of locks above */
	struct at_endpoint *previous;
	unsigned long moved_at;
	unsigned int moves;
	unsigned long stale_said;
	bool dead;
	struct timer_list timer;
	struct rcu_head rcu;
};

/**
 * struct at_dev - private part of an autotunnel netdevice
 * @dev: the netdevice
 * @local: own ULA, :: while there is none; changes only while down
 * @sock4: IPv4 socket while up; RCU
 * @sock6: IPv6 socket while up, NULL where IPv6 is off; RCU
 * @fwmark: mark of outer packets
 * @port: outer UDP port
 * @keepalive: default keepalive in seconds, 0 for none
 * @tx_batch: send runs of packets through the outer stack as one
 * @rx_gro: decrypt in GRO
 * @peers: by ULA
 * @endpoints: by outer address; two peers may be behind the same one
 * @counters: per CPU
 * @gro_dst: per-CPU dst for packets decrypted in GRO, which have none yet
 * @ids: peers by their number, for dumps that go on where they stopped
 * @next_id: where the search for a free number goes on
 * @generation: counts changes to the set of peers, so that dumps notice
 * @n_peers: how many there are
 * @max_peers: how many there may be
 * @lock: see the list of locks above
 * @dying: set under @lock when the link goes: no new peers
 * @registered: it was registered whole; until then whoever made it frees it
 * @async: XFRM has given packets of ours to asynchronous crypto
 * @reap: frees the device when those that were there are surely back
 * @sock_net: netns of the sockets, NULL once it is gone; no reference is
 *	held, the pernet exit clears it under rtnl
 * @ike: IKE SAs by SPI, for those whose packets come from elsewhere
 * @holds: IKE datagrams that wait for the daemon
 * @early: ESP that waits for the keys of its SA
 * @ike_limit: rate of IKE requests per source
 * @dgram_limit: rate of datagrams to the daemon per source
 * @list: in at_net.devs of @sock_net's netns; rtnl
 * @guard_node: in at_net.guarded of the netdevice's netns; RCU, rtnl
 */
struct at_dev {
	/* Read for every packet. */
	struct net_device *dev;
	struct in6_addr local;
	struct sock __rcu *sock4;
	struct sock __rcu *sock6;
	u32 fwmark;
	__be16 port;
	u16 keepalive;
	bool tx_batch;
	bool rx_gro;
	struct rhashtable peers;
	struct rhltable endpoints;
	struct at_counters __percpu *counters;
	struct metadata_dst __percpu *gro_dst;

	/* Control. */
	struct xarray ids;
	u32 next_id;
	u32 generation;
	u32 n_peers;
	u32 max_peers;
	struct mutex lock;	/* see the list of locks above */
	bool dying;
	bool registered;
	bool async;
	struct delayed_work reap;
	struct net *sock_net;
	struct list_head list;
	struct list_head guard_node;

	struct at_ike ike;
	struct at_holds holds;
	struct at_early early;
	struct at_ratelimit ike_limit;
	struct at_ratelimit dgram_limit;
};

static inline void at_count(const struct at_dev *at, enum at_counter id)
{
	this_cpu_inc(at->counters->v[id]);
}

static inline void at_count_add(const struct at_dev *at, enum at_counter id,
				unsigned long n)
{
	this_cpu_add(at->counters->v[id], n);
}

static inline bool at_outer_is4(const struct at_outer *outer)
{
	return ipv6_addr_v4mapped(&outer->addr);
}

static inline bool at_outer_equal(const struct at_outer *a,
				  const struct at_outer *b)
{
	return a->port == b->port && ipv6_addr_equal(&a->addr, &b->addr);
}

/* netdev.c */
extern struct rtnl_link_ops at_link_ops;
extern const struct net_device_ops at_netdev_ops;

static inline bool at_is_dev(const struct net_device *dev)
{
	return dev->netdev_ops == &at_netdev_ops;
}

/**
 * struct at_net - per network namespace
 * @devs: devices whose sockets live here; rtnl
 * @guarded: devices that live here; RCU, written under rtnl
 */
struct at_net {
	struct list_head devs;
	struct list_head guarded;
};

struct at_net *at_net(struct net *net);
int at_netdev_register(void);
void at_netdev_unregister(void);

/**
 * struct at_config - a set of changes to a device
 * @set: which members hold a change, by AT_CONFIG_*
 * @local: as in struct at_dev
 * @port: as in struct at_dev
 * @fwmark: as in struct at_dev
 * @keepalive: as in struct at_dev
 * @tx_batch: as in struct at_dev
 * @rx_gro: as in struct at_dev
 * @max_peers: as in struct at_dev
 */
struct at_config {
	unsigned int set;
#define AT_CONFIG_LOCAL		BIT(0)
#define AT_CONFIG_PORT		BIT(1)
#define AT_CONFIG_FWMARK	BIT(2)
#define AT_CONFIG_KEEPALIVE	BIT(3)
#define AT_CONFIG_TX_BATCH	BIT(4)
#define AT_CONFIG_RX_GRO	BIT(5)
#define AT_CONFIG_MAX_PEERS	BIT(6)
	/* What acts on the sockets' netns, and so needs a right there. */
#define AT_CONFIG_OUTER		(AT_CONFIG_PORT | AT_CONFIG_FWMARK)
	struct in6_addr local;
	__be16 port;
	u32 fwmark;
	u16 keepalive;
	bool tx_batch;
	bool rx_gro;
	u32 max_peers;
};

int at_config_check(const struct at_dev *at, const struct at_config *cfg,
		    struct netlink_ext_ack *extack);
int at_config_apply(struct at_dev *at, const struct at_config *cfg,
		    struct netlink_ext_ack *extack);
bool at_ula_valid(const struct in6_addr *addr);

#endif /* _AUTOTUNNEL_H */
