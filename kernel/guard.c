// SPDX-License-Identifier: GPL-2.0
/*
 * The guard: two netfilter hooks in every namespace that has a device.
 *
 * In: a packet with a peer's ULA as its source must come out of our device
 * (with our own ULA: out of it or the loopback device).
 * One that comes from the LAN, or over loopback from a program that binds
 * to any address it likes, is dropped whether or not there is any policy
 * (without one, XFRM's own check lets it pass). A fragment that comes out of the
 * device must be from the peer whose SA it came by, too: XFRM asks its policies when
 * the datagram is whole, and then only for the SA of its first fragment.
 *
 * Out: next header 50 must be XFRM's work and not somebody's forwarded or
 * hand-made packet. XFRM says so in skb->cb, which is only valid up to the
 * queueing discipline, so this is asked here and not in tx.c.
 */
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6.h>
#include <linux/rtnetlink.h>
#include <crypto/aead.h>
#include <net/ip6_route.h>
#include <net/l3mdev.h>
#include <net/xfrm.h>

#include "guard.h"
#include "peer.h"

/* Does @saddr name a peer, or ourselves where we do not speak to ourselves? */
static bool at_guard_names(struct at_dev *at, const struct in6_addr *saddr,
			   const struct net_device *in)
{
	if (ipv6_addr_equal(saddr, &at->local))
		return !(in->flags & IFF_LOOPBACK);

	return at_peer_lookup(at, saddr);
}

/* Is @dev our device, or the VRF it is in? */
static bool at_guard_own(const struct at_dev *at, const struct net_device *dev)
{
	if (dev == at->dev)
		return true;

	return netif_is_l3_master(dev) &&
	       l3mdev_master_ifindex_rcu(at->dev) == dev->ifindex;
}

/* Is @skb, decrypted, a fragment that @saddr's own SA did not bring? */
static bool at_guard_foreign_fragment(const struct sk_buff *skb,
				      const struct in6_addr *saddr)
{
	const struct sec_path *sp = skb_sec_path(skb);
	const struct xfrm_state *x;
	unsigned short at;
	unsigned int offset = 0;

	/* Without one it is IKE, whose header rx.c has made. */
	if (!sp || !sp->len)
		return false;
	x = sp->xvec[0];
	if (likely(ipv6_addr_equal((const struct in6_addr *)&x->props.saddr,
				   saddr)))
		return false;

	return ipv6_find_hdr(skb, &offset, NEXTHDR_FRAGMENT, &at, NULL) ==
	       NEXTHDR_FRAGMENT;
}

static unsigned int at_guard_in(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	const struct in6_addr *saddr = &ipv6_hdr(skb)->saddr;
	struct at_dev *at, *own = NULL, *impostor = NULL;

	/* fc00::/7: all that a peer's name can be. */
	if (likely((saddr->s6_addr[0] & 0xfe) != 0xfc))
		return NF_ACCEPT;

	list_for_each_entry_rcu(at, &at_net(state->net)->guarded, guard_node) {
		if (at_guard_own(at, state->in)) {
			if (!at_guard_foreign_fragment(skb, saddr))
				return NF_ACCEPT;
			own = at;
		}
		if (at_guard_names(at, saddr, state->in))
			impostor = at;
	}
	if (likely(!impostor))
		return NF_ACCEPT;

	if (own)
		at_count(own, AT_CTR_rx_wrong_source);
	else
		at_count(impostor, AT_CTR_rx_native);

	return NF_DROP;
}

/* Will this packet be encrypted behind us, and perhaps asynchronously? */
static void at_guard_note_async(struct at_dev *at, struct sk_buff *skb)
{
	const struct xfrm_state *x;

	if (!xfrm_offload(skb) || READ_ONCE(at->async))
		return;
	x = xfrm_input_state(skb);
	if (x->type && x->type->proto == IPPROTO_ESP &&
	    crypto_aead_alg(x->data)->base.cra_flags & CRYPTO_ALG_ASYNC)
		WRITE_ONCE(at->async, true);
}

/*
 * When the path MTU shrinks while the fragments of a datagram are on their way,
 * as the first of them finds out, the others were cut for the old one. IPv6
 * would cut them again, behind XFRM, but before they are encrypted (which
 * esp6_offload does last), and ESP runs past the end of what it then gets: the
 * kernel stops with a BUG in __skb_to_sgvec().
 */
static bool at_guard_too_long(struct sk_buff *skb)
{
	return xfrm_offload(skb) && !skb_is_gso(skb) &&
	       skb->len > ip6_skb_dst_mtu(skb);
}

static unsigned int at_guard_out(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct net_device *dev = state->out;

	if (!dev || !at_is_dev(dev))
		return NF_ACCEPT;
	/* On its way into XFRM: this hook sees it again afterwards. */
	if (skb_dst(skb) && skb_dst(skb)->xfrm)
		return NF_ACCEPT;
	if (ipv6_hdr(skb)->nexthdr != IPPROTO_ESP)
		return NF_ACCEPT;
	if (likely(IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED)) {
		if (unlikely(at_guard_too_long(skb))) {
			at_count(netdev_priv(dev), AT_CTR_tx_too_big);
			DEV_STATS_INC(dev, tx_dropped);
			/* Lost on the way: it is no refusal for the sender. */
			kfree_skb(skb);
			return NF_STOLEN;
		}
		at_guard_note_async(netdev_priv(dev), skb);
		return NF_ACCEPT;
	}

	at_count(netdev_priv(dev), AT_CTR_tx_not_xfrm);
	DEV_STATS_INC(dev, tx_dropped);
	icmpv6_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADM_PROHIBITED, 0);

	return NF_DROP;
}

static const struct nf_hook_ops at_guard_hooks[] = {
	{
		.hook = at_guard_in,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_FIRST,
	},
	{
		.hook = at_guard_out,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP6_PRI_LAST,
	},
};

/* The device has come to live in @net. Context: rtnl. */
int at_guard_add(struct at_dev *at, struct net *net)
{
	struct at_net *atn = at_net(net);
	int err;

	ASSERT_RTNL();

	if (list_empty(&atn->guarded)) {
		err = nf_register_net_hooks(net, at_guard_hooks,
					    ARRAY_SIZE(at_guard_hooks));
		if (err)
			return err;
	}
	list_add_rcu(&at->guard_node, &atn->guarded);

	return 0;
}

/* It leaves @net; it may be added elsewhere at once. Context: rtnl. */
void at_guard_del(struct at_dev *at, struct net *net)
{
	struct at_net *atn = at_net(net);

	ASSERT_RTNL();

	list_del_rcu(&at->guard_node);
	if (list_empty(&atn->guarded))
		nf_unregister_net_hooks(net, at_guard_hooks,
					ARRAY_SIZE(at_guard_hooks));
	synchronize_net();
	INIT_LIST_HEAD(&at->guard_node);
}
