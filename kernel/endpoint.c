// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoints: where peers are, and the rule by which that changes.
 *
 * An endpoint is published by one pointer, under at_peer.lock, and is never
 * written afterwards. The index by outer address names the current endpoint
 * of every peer; two peers set to the same address are both in it, and are
 * then told apart by what they say and not by where they are.
 */
#include <linux/slab.h>
#include <crypto/aead.h>
#include <net/addrconf.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "endpoint.h"
#include "events.h"

/*
 * How many peers may be at one outer address. There can be one; more are what
 * is out of date, or a mistake. Bounded, as taking one out walks the others.
 */
#define AT_ENDPOINT_SHARED_MAX	64

static const struct rhashtable_params at_endpoints_params = {
	.head_offset = offsetof(struct at_endpoint, node),
	.key_offset = offsetof(struct at_endpoint, remote),
	.key_len = sizeof_field(struct at_endpoint, remote),
	.automatic_shrinking = true,
};

int at_endpoints_init(struct at_dev *at)
{
	return rhltable_init(&at->endpoints, &at_endpoints_params);
}

void at_endpoints_destroy(struct at_dev *at)
{
	rhltable_destroy(&at->endpoints);
}

/**
 * at_endpoint_alloc - make an endpoint
 * @peer: whose it will be
 * @remote: the peer's outer address
 * @local: our outer address, NULL or :: for any
 * @gfp: allocation flags
 *
 * Return: an endpoint for at_endpoint_publish() or at_endpoint_free(), or
 * NULL. The caller may still set oif, iif and origin.
 */
struct at_endpoint *at_endpoint_alloc(struct at_peer *peer,
				      const struct at_outer *remote,
				      const struct in6_addr *local, gfp_t gfp)
{
	struct at_endpoint *ep = kzalloc(sizeof(*ep), gfp);

	if (!ep)
		return NULL;

	ep->peer = peer;
	ep->remote = *remote;
	if (local)
		ep->local = *local;
	/* Without a cache each packet looks its route up: slow, not wrong. */
	if (dst_cache_init(&ep->dst_cache, gfp | __GFP_NOWARN))
		memset(&ep->dst_cache, 0, sizeof(ep->dst_cache));

	return ep;
}

void at_endpoint_free(struct at_endpoint *ep)
{
	dst_cache_destroy(&ep->dst_cache);
	kfree(ep);
}

static void at_endpoint_free_rcu(struct rcu_head *rcu)
{
	at_endpoint_free(container_of(rcu, struct at_endpoint, rcu));
}

/* Replaces the current endpoint by @ep (or none) and keeps the old one. */
static void at_endpoint_swap(struct at_peer *peer, struct at_endpoint *ep)
{
	struct at_endpoint *old;

	lockdep_assert_held(&peer->lock);

	old = rcu_replace_pointer(peer->endpoint, ep,
				  lockdep_is_held(&peer->lock));
	if (!old)
		return;

	rhltable_remove(&peer->at->endpoints, &old->node, at_endpoints_params);
	if (peer->previous)
		call_rcu(&peer->previous->rcu, at_endpoint_free_rcu);
	peer->previous = old;
}

static bool at_endpoint_crowded(struct at_dev *at,
				const struct at_outer *remote)
{
	struct rhlist_head *list, *pos;
	struct at_endpoint *ep;
	unsigned int n = 0;

	rcu_read_lock();
	list = rhltable_lookup(&at->endpoints, remote, at_endpoints_params);
	rhl_for_each_entry_rcu(ep, pos, list, node)
		if (++n >= AT_ENDPOINT_SHARED_MAX)
			break;
	rcu_read_unlock();

	return n >= AT_ENDPOINT_SHARED_MAX;
}

static int at_endpoint_publish_locked(struct at_peer *peer,
				      struct at_endpoint *ep)
{
	int err;

	lockdep_assert_held(&peer->lock);

	if (peer->dead)
		return -ENOENT;
	if (at_endpoint_crowded(peer->at, &ep->remote))
		return -EUSERS;
	err = rhltable_insert(&peer->at->endpoints, &ep->node,
			      at_endpoints_params);
	if (err)
		return err;
	at_endpoint_swap(peer, ep);

	return 0;
}

/**
 * at_endpoint_publish - make this the peer's endpoint
 * @peer: the peer
 * @ep: from at_endpoint_alloc(), taken over on success
 *
 * Return: 0, -ENOENT when the peer was removed, -EUSERS when too many peers
 * have this endpoint, -ENOMEM and the like when the index cannot grow.
 */
int at_endpoint_publish(struct at_peer *peer, struct at_endpoint *ep)
{
	int err;

	spin_lock_bh(&peer->lock);
	err = at_endpoint_publish_locked(peer, ep);
	spin_unlock_bh(&peer->lock);

	return err;
}

/* Leaves the peer without an endpoint. */
void at_endpoint_clear(struct at_peer *peer)
{
	spin_lock_bh(&peer->lock);
	at_endpoint_swap(peer, NULL);
	spin_unlock_bh(&peer->lock);
}

/* The end of a peer: no endpoint now, and none later. */
void at_endpoint_drop_all(struct at_peer *peer)
{
	spin_lock_bh(&peer->lock);
	peer->dead = true;
	at_endpoint_swap(peer, NULL);
	if (peer->previous)
		call_rcu(&peer->previous->rcu, at_endpoint_free_rcu);
	peer->previous = NULL;
	spin_unlock_bh(&peer->lock);
}

/**
 * at_endpoint_owner - the one peer whose endpoint this is
 * @at: device
 * @remote: outer address
 *
 * Return: the peer, or NULL if there is none or more than one: it is never
 * a guess. Context: RCU.
 */
struct at_peer *at_endpoint_owner(struct at_dev *at,
				  const struct at_outer *remote)
{
	struct at_peer *owner = NULL;
	struct rhlist_head *list, *pos;
	struct at_endpoint *ep;

	list = rhltable_lookup(&at->endpoints, remote, at_endpoints_params);
	rhl_for_each_entry_rcu(ep, pos, list, node) {
		if (owner)
			return NULL;
		owner = ep->peer;
	}

	return owner;
}

/* RFC 4303 3.4.3: the right edge of the window is the newest packet. */
static bool at_seq_is_newest(const struct xfrm_state *x, __be32 seq)
{
	const struct xfrm_replay_state_esn *esn = x->replay_esn;

	/* Read without x->lock: when another CPU has gone on, this packet is
	 * no longer the newest, and the newer one does the move.
	 */
	if (esn)
		return READ_ONCE(esn->seq) == ntohl(seq);
	return READ_ONCE(x->replay.seq) == ntohl(seq);
}

/*
 * Could a peer be there? Routing lets in some sources that nobody has, and does not
 * see what came through GRO: who is on the path must not have us send to everybody,
 * or to ourselves. Over loopback it may well be another device of this host.
 * Context: RCU.
 */
static bool at_outer_is_host(const struct at_dev *at,
			     const struct at_outer *remote, int iif)
{
	struct net *net = READ_ONCE(at->sock_net);
	unsigned int type;
	bool own;

	if (!net || !remote->port)
		return false;

	if (at_outer_is4(remote)) {
		type = inet_addr_type(net, remote->addr.s6_addr32[3]);
		if (type != RTN_UNICAST && type != RTN_LOCAL)
			return false;
		own = type == RTN_LOCAL;
	} else {
		if (!(ipv6_addr_type(&remote->addr) & IPV6_ADDR_UNICAST))
			return false;
		own = ipv6_chk_addr(net, &remote->addr, NULL, 0);
	}

	return !own || iif == net->loopback_dev->ifindex;
}

/* Does this SA prove who sent a packet, and that it is not a copy? */
static bool at_sa_is_strong(const struct xfrm_state *x)
{
	if (x->replay_esn ? !x->replay_esn->replay_window :
			    !x->props.replay_window)
		return false;

	return crypto_aead_authsize(x->data) > 0;
}

/**
 * at_endpoint_learn - an authentic packet came from elsewhere: move there?
 * @at: device
 * @peer: who sent it, by the SA
 * @x: the SA, ESP in tunnel mode
 * @seq: low 32 bits of the packet's sequence number
 * @remote: outer source
 * @local: outer destination
 * @iif: interface it came in by
 *
 * The rule: the SA has an ICV and a replay window, and the packet is the
 * newest there was, since a late packet of the old path must not move the
 * endpoint back; and at most one move a second. Context: RCU, BH off.
 */
void at_endpoint_learn(struct at_dev *at, struct at_peer *peer,
		       const struct xfrm_state *x, __be32 seq,
		       const struct at_outer *remote,
		       const struct in6_addr *local, int iif)
{
	struct at_endpoint *ep, *old;
	int err;

	if (!at_sa_is_strong(x)) {
		at_count(at, AT_CTR_endpoint_weak_sa);
		return;
	}
	if (!at_seq_is_newest(x, seq)) {
		at_count(at, AT_CTR_endpoint_not_newest);
		return;
	}

	if (!at_outer_is_host(at, remote, iif)) {
		at_count(at, AT_CTR_endpoint_no_host);
		return;
	}

	spin_lock(&peer->lock);
	old = rcu_dereference_protected(peer->endpoint,
					lockdep_is_held(&peer->lock));
	if (peer->dead || (old && at_outer_equal(&old->remote, remote)))
		goto unlock;
	if (old && time_before(jiffies, peer->moved_at + HZ)) {
		at_count(at, AT_CTR_endpoint_limited);
		goto unlock;
	}

	ep = at_endpoint_alloc(peer, remote, local, GFP_ATOMIC | __GFP_NOWARN);
	if (!ep) {
		at_count(at, AT_CTR_endpoint_no_memory);
		goto unlock;
	}
	ep->iif = iif;
	ep->origin = AUTOTUNNEL_ORIGIN_LEARNT;
	err = at_endpoint_publish_locked(peer, ep);
	if (err) {
		at_endpoint_free(ep);
		at_count(at, err == -EUSERS ? AT_CTR_endpoint_crowded :
					      AT_CTR_endpoint_no_memory);
		goto unlock;
	}

	peer->moved_at = jiffies;
	peer->moves++;
	spin_unlock(&peer->lock);

	at_count(at, AT_CTR_endpoint_moves);
	at_event_endpoint(at, peer);
	return;

unlock:
	spin_unlock(&peer->lock);
}
