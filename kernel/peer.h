/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers: a hash table by ULA, read under RCU, written under at_dev.lock.
 */
#ifndef _AUTOTUNNEL_PEER_H
#define _AUTOTUNNEL_PEER_H

#include "autotunnel.h"

int at_peers_init(struct at_dev *at);
void at_peers_flush(struct at_dev *at);
void at_peers_destroy(struct at_dev *at);
void at_peers_reset_routes(struct at_dev *at, bool now);
void at_peers_restart_keepalives(struct at_dev *at);

struct at_peer *at_peer_lookup(struct at_dev *at, const struct in6_addr *ula);
struct at_peer *at_peer_find(struct at_dev *at, const struct in6_addr *ula);
struct at_peer *at_peer_create(struct at_dev *at, const struct in6_addr *ula,
			       struct netlink_ext_ack *extack);
int at_peer_insert(struct at_peer *peer, struct netlink_ext_ack *extack);
void at_peer_discard(struct at_peer *peer);
void at_peer_remove(struct at_peer *peer);

/* Totals over all CPUs. */
struct at_peer_totals {
	u64 rx_packets;
	u64 rx_bytes;
	u64 tx_packets;
	u64 tx_bytes;
};

void at_peer_read_stats(const struct at_peer *peer, struct at_peer_totals *sum);

static inline void at_peer_count_rx(struct at_peer *peer, unsigned int len)
{
	struct at_peer_stats *stats = this_cpu_ptr(peer->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_inc(&stats->rx_packets);
	u64_stats_add(&stats->rx_bytes, len);
	u64_stats_update_end(&stats->syncp);
}

static inline void at_peer_count_tx(struct at_peer *peer, unsigned int len)
{
	struct at_peer_stats *stats = this_cpu_ptr(peer->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_inc(&stats->tx_packets);
	u64_stats_add(&stats->tx_bytes, len);
	u64_stats_update_end(&stats->syncp);
}

/*
 * Is this the first packet to @peer in this tick of the clock? What need not
 * be done for every packet is done for that one.
 */
static inline bool at_peer_ticks(const struct at_peer *peer, unsigned long now)
{
	return READ_ONCE(peer->last_tx) != now;
}

#endif /* _AUTOTUNNEL_PEER_H */
