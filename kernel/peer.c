// SPDX-License-Identifier: GPL-2.0
/*
 * Peers: a hash table by ULA, read under RCU, written under at_dev.lock.
 */
#include <linux/slab.h>

#include "peer.h"
#include "endpoint.h"
#include "keepalive.h"

static const struct rhashtable_params at_peers_params = {
	.head_offset = offsetof(struct at_peer, node),
	.key_offset = offsetof(struct at_peer, ula),
	.key_len = sizeof_field(struct at_peer, ula),
	.automatic_shrinking = true,
};

int at_peers_init(struct at_dev *at)
{
	xa_init_flags(&at->ids, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);

	return rhashtable_init(&at->peers, &at_peers_params);
}

/**
 * at_peer_lookup - find a peer by its ULA
 * @at: device
 * @ula: the peer's ULA
 *
 * Return: the peer, or NULL. Context: RCU, which also bounds its life.
 */
struct at_peer *at_peer_lookup(struct at_dev *at, const struct in6_addr *ula)
{
	return rhashtable_lookup(&at->peers, ula, at_peers_params);
}

/* The same for who may change peers. Context: at_dev.lock, for as long. */
struct at_peer *at_peer_find(struct at_dev *at, const struct in6_addr *ula)
{
	lockdep_assert_held(&at->lock);

	return rhashtable_lookup_fast(&at->peers, ula, at_peers_params);
}

static void at_peer_free(struct at_peer *peer)
{
	free_percpu(peer->stats);
	kfree(peer);
}

static void at_peer_free_rcu(struct rcu_head *rcu)
{
	at_peer_free(container_of(rcu, struct at_peer, rcu));
}

/**
 * at_peer_create - make a peer that is not yet in the table
 * @at: device
 * @ula: the peer's ULA, already found valid
 * @extack: says why not
 *
 * Return: the peer, which goes to at_peer_insert() or at_peer_discard(), or
 * an ERR_PTR.
 */
struct at_peer *at_peer_create(struct at_dev *at, const struct in6_addr *ula,
			       struct netlink_ext_ack *extack)
{
	struct at_peer *peer;
	int cpu;

	peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	if (!peer)
		goto nomem;

	peer->stats = alloc_percpu_gfp(struct at_peer_stats, GFP_KERNEL_ACCOUNT);
	if (!peer->stats) {
		kfree(peer);
		goto nomem;
	}
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(peer->stats, cpu)->syncp);

	peer->at = at;
	peer->ula = *ula;
	peer->keepalive = -1;
	peer->moved_at = jiffies - HZ;
	peer->stale_said = jiffies - AT_STALE_AGAIN;
	spin_lock_init(&peer->lock);
	timer_setup(&peer->timer, at_keepalive_timer, 0);

	return peer;

nomem:
	NL_SET_ERR_MSG(extack, "out of memory for a peer");
	return ERR_PTR(-ENOMEM);
}

/**
 * at_peer_insert - publish a peer
 * @peer: from at_peer_create(), taken over on success
 * @extack: says why not
 *
 * Return: 0, -EEXIST, -ENOSPC at the device's max-peers, -ENODEV when the
 * device goes away, or -ENOMEM. Context: at_dev.lock.
 */
int at_peer_insert(struct at_peer *peer, struct netlink_ext_ack *extack)
{
	struct at_dev *at = peer->at;
	int err;

	lockdep_assert_held(&at->lock);

	if (at->dying) {
		NL_SET_ERR_MSG(extack, "the device is being removed");
		return -ENODEV;
	}
	if (at->n_peers >= READ_ONCE(at->max_peers)) {
		NL_SET_ERR_MSG(extack, "the device has as many peers as its max-peers allows");
		return -ENOSPC;
	}

	err = xa_alloc_cyclic(&at->ids, &peer->id, peer, xa_limit_31b,
			      &at->next_id, GFP_KERNEL_ACCOUNT);
	if (err < 0)
		goto nomem;

	err = rhashtable_lookup_insert_fast(&at->peers, &peer->node,
					    at_peers_params);
	if (err) {
		xa_erase(&at->ids, peer->id);
		if (err != -EEXIST)
			goto nomem;
		NL_SET_ERR_MSG(extack, "there is a peer of this ULA already");
		return err;
	}
	WRITE_ONCE(at->n_peers, at->n_peers + 1);
	at->generation++;

	return 0;

nomem:
	NL_SET_ERR_MSG(extack, "out of memory for the table of peers");
	return err;
}

/* The opposite of at_peer_create(), for a peer that was never published. */
void at_peer_discard(struct at_peer *peer)
{
	at_peer_free(peer);
}

static void at_peer_retire(struct at_peer *peer)
{
	/* From here on nobody gives it an endpoint or arms its timer. */
	at_endpoint_drop_all(peer);
	del_timer_sync(&peer->timer);
	call_rcu(&peer->rcu, at_peer_free_rcu);
}

/* Takes a peer out of the table and frees it. Context: at_dev.lock. */
void at_peer_remove(struct at_peer *peer)
{
	struct at_dev *at = peer->at;

	lockdep_assert_held(&at->lock);

	if (rhashtable_remove_fast(&at->peers, &peer->node, at_peers_params))
		return;
	xa_erase(&at->ids, peer->id);
	WRITE_ONCE(at->n_peers, at->n_peers - 1);
	at->generation++;
	at_ike_forget_peer(&at->ike, &peer->ula);
	at_peer_retire(peer);
}

/* Removes all peers, for a device that goes away. May sleep. */
void at_peers_flush(struct at_dev *at)
{
	struct at_peer *peer;
	unsigned long id;

	lockdep_assert_held(&at->lock);

	xa_for_each(&at->ids, id, peer) {
		at_peer_remove(peer);
		cond_resched();
	}
}

/**
 * at_peers_reset_routes - forget the routes to all peers
 * @at: device
 * @now: at once, as the namespace that they are of goes, and what frees routes
 *	over IPv6 is in there. The sockets are closed, so nobody looks for a
 *	route. Otherwise each when it is wanted next.
 */
void at_peers_reset_routes(struct at_dev *at, bool now)
{
	struct at_endpoint *ep;
	struct at_peer *peer;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&at->ids, id, peer) {
		ep = rcu_dereference(peer->endpoint);
		if (!ep)
			continue;
		if (now)
			dst_cache_reset_now(&ep->dst_cache);
		else
			dst_cache_reset(&ep->dst_cache);
	}
	rcu_read_unlock();
}

/* The device came up, or its interval changed: idle peers look again. */
void at_peers_restart_keepalives(struct at_dev *at)
{
	struct at_peer *peer;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&at->ids, id, peer)
		at_keepalive_restart(peer);
	rcu_read_unlock();
}

/* The opposite of at_peers_init(), after at_peers_flush(). */
void at_peers_destroy(struct at_dev *at)
{
	rhashtable_destroy(&at->peers);
	xa_destroy(&at->ids);
}

void at_peer_read_stats(const struct at_peer *peer, struct at_peer_totals *sum)
{
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct at_peer_stats *stats = per_cpu_ptr(peer->stats, cpu);
		u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&stats->syncp);
			rx_packets = u64_stats_read(&stats->rx_packets);
			rx_bytes = u64_stats_read(&stats->rx_bytes);
			tx_packets = u64_stats_read(&stats->tx_packets);
			tx_bytes = u64_stats_read(&stats->tx_bytes);
		} while (u64_stats_fetch_retry(&stats->syncp, start));

		sum->rx_packets += rx_packets;
		sum->rx_bytes += rx_bytes;
		sum->tx_packets += tx_packets;
		sum->tx_bytes += tx_bytes;
	}
}
