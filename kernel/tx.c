// SPDX-License-Identifier: GPL-2.0
/*
 * Transmission: what leaves through the device is ESP made by XFRM, or IKE of
 * the IKE daemon. Anything else is cleartext, and is refused.
 *
 * One thing cannot be seen here: whether next header 50 was really made by
 * XFRM, since a queueing discipline overwrites the mark that XFRM leaves.
 * guard.c looks at it before that.
 */
#include <linux/icmpv6.h>
#include <net/dsfield.h>
#include <net/neighbour.h>
#include <net/udp.h>
#include <net/xfrm.h>

#include "endpoint.h"
#include "keepalive.h"
#include "outer.h"
#include "peer.h"
#include "pmtu.h"
#include "route.h"
#include "tx.h"

/* RFC 4303: SPIs 1 to 255 are reserved, and on our port mean other things. */
#define AT_SPI_MIN	256

/* Why a packet is not sent: the counter, and the ICMPv6 answer if any. */
struct at_refusal {
	enum at_counter counter;
	int icmp_code;		/* of ICMPV6_DEST_UNREACH, -1 for none */
};

#define AT_REFUSE(_why, _counter, _code) \
	(*(_why) = (struct at_refusal){ AT_CTR_##_counter, _code }, false)

/*
 * A socket policy can only be set with CAP_NET_ADMIN; an IKE daemon sets one
 * on its sockets so that IKE is not sent through the tunnel it makes.
 */
static bool at_sk_bypasses_xfrm(struct sock *sk)
{
	const struct xfrm_policy *pol;

	if (!sk || !sk_fullsock(sk))
		return false;
	pol = rcu_dereference(sk->sk_policy[XFRM_POLICY_OUT]);

	return pol && pol->action == XFRM_POLICY_ALLOW && !pol->xfrm_nr;
}

/*
 * The kernel's own ICMPv6 socket, which answers pings and sends errors, is
 * locked while it does, and to tell it of an error would take that lock again.
 * The attempt would come to nothing, and where there is one processor only, a
 * kernel that watches its spinlocks takes it for a bug.
 */
static bool at_sk_is_kernel_icmp(const struct sock *sk)
{
	const struct socket *sock;

	if (!sk || !sk_fullsock(sk) || sk->sk_type != SOCK_RAW ||
	    sk->sk_protocol != IPPROTO_ICMPV6)
		return false;
	sock = READ_ONCE(sk->sk_socket);

	return !sock || !sock->file;
}

/* IPv6, UDP and IKE headers are in the linear part afterwards. */
static bool at_tx_ike_ok(struct sk_buff *skb, struct at_refusal *why)
{
	const unsigned int headers = sizeof(struct ipv6hdr) +
				     sizeof(struct udphdr);
	const struct at_ike_header *hdr;
	const struct udphdr *uh;

	if (!pskb_may_pull(skb, headers + sizeof(*hdr)))
		return AT_REFUSE(why, tx_cleartext, ICMPV6_ADM_PROHIBITED);

	uh = (const struct udphdr *)(skb->data + sizeof(struct ipv6hdr));
	if (uh->source != htons(AT_IKE_PORT) || uh->dest != htons(AT_IKE_PORT))
		return AT_REFUSE(why, tx_cleartext, ICMPV6_ADM_PROHIBITED);

	hdr = (const struct at_ike_header *)(uh + 1);
	if (!at_sk_bypasses_xfrm(skb->sk) ||
	    ntohs(uh->len) != skb->len - sizeof(struct ipv6hdr) ||
	    !at_ike_header_sane(hdr, skb->len - headers))
		return AT_REFUSE(why, tx_ike_refused, ICMPV6_ADM_PROHIBITED);

	return true;
}

static bool at_tx_esp_ok(struct sk_buff *skb, struct at_refusal *why)
{
	const struct ip_esp_hdr *esph;

	if (!pskb_may_pull(skb, sizeof(struct ipv6hdr) + sizeof(*esph)))
		return AT_REFUSE(why, tx_malformed, -1);
	esph = (const struct ip_esp_hdr *)(skb->data + sizeof(struct ipv6hdr));
	if (ntohl(esph->spi) < AT_SPI_MIN)
		return AT_REFUSE(why, tx_malformed, -1);

	return true;
}

/* May this packet leave at all? Says whether it is IKE. */
static bool at_tx_admit(struct at_dev *at, struct sk_buff *skb, bool *ike,
			struct at_refusal *why)
{
	const struct xfrm_offload *xo = xfrm_offload(skb);
	const struct ipv6hdr *ip6h;

	if (skb->protocol != htons(ETH_P_IPV6) ||
	    !pskb_may_pull(skb, sizeof(*ip6h)) ||
	    ipv6_hdr(skb)->version != 6)
		return AT_REFUSE(why, tx_cleartext, -1);

	/*
	 * Fail closed: when XFRM still expects a device to do its crypto
	 * (which it may here, on its way round a full backlog), this packet
	 * may not be encrypted yet.
	 */
	if ((xo && !(xo->flags & XFRM_GRO)) || skb_is_gso(skb))
		return AT_REFUSE(why, tx_unencrypted, -1);

	*ike = false;
	switch (ipv6_hdr(skb)->nexthdr) {
	case IPPROTO_ESP:
		if (!at_tx_esp_ok(skb, why))
			return false;
		break;
	case IPPROTO_UDP:
		if (!at_tx_ike_ok(skb, why))
			return false;
		*ike = true;
		break;
	case NEXTHDR_FRAGMENT:
		return AT_REFUSE(why, tx_fragment, -1);
	default:
		return AT_REFUSE(why, tx_cleartext, ICMPV6_ADM_PROHIBITED);
	}

	ip6h = ipv6_hdr(skb);
	if (ipv6_addr_any(&at->local))
		return AT_REFUSE(why, tx_inactive, -1);
	if (!ipv6_addr_equal(&ip6h->saddr, &at->local))
		return AT_REFUSE(why, tx_wrong_source, ICMPV6_ADM_PROHIBITED);

	return true;
}

static bool at_tx_no_route(int err, struct at_refusal *why)
{
	if (err == -ELOOP)
		return AT_REFUSE(why, tx_loop, -1);
	if (err == -ENETDOWN)
		return AT_REFUSE(why, tx_inactive, ICMPV6_ADDR_UNREACH);

	return AT_REFUSE(why, tx_no_route, ICMPV6_ADDR_UNREACH);
}

static bool at_tx_esp(struct at_dev *at, struct sk_buff *skb,
		      struct at_peer *peer, bool more, struct at_refusal *why)
{
	struct at_outer_opts opts = {
		.tos = ipv6_get_dsfield(ipv6_hdr(skb)),
		.more = more,
	};
	unsigned int len = skb->len - sizeof(struct ipv6hdr);
	unsigned long now = jiffies;
	struct at_endpoint *ep;
	struct at_route route;
	int err;

	if (at_peer_ticks(peer, now)) {
		at_pmtu_tick(skb, peer, now);
		at_keepalive_tick(peer, now);
	}

	ep = rcu_dereference(peer->endpoint);
	if (unlikely(!ep))
		return AT_REFUSE(why, tx_no_endpoint, ICMPV6_ADDR_UNREACH);
	if (at_outer_join(at, ep, skb, opts.tos, more))
		goto sent;

	err = at_route_endpoint(at, ep, &route);
	if (unlikely(err))
		return at_tx_no_route(err, why);
	if (!at_pmtu_fits(at, skb, peer, &route, &opts.fragment)) {
		at_route_put(&route);
		return AT_REFUSE(why, tx_too_big, -1);
	}

	opts.ep = ep;
	__skb_pull(skb, sizeof(struct ipv6hdr));
	at_outer_xmit(at, skb, &route, &opts);
sent:
	at_peer_count_tx(peer, len);

	return true;
}

static bool at_tx_ike(struct at_dev *at, struct sk_buff *skb,
		      struct at_peer *peer, struct at_refusal *why)
{
	const unsigned int headers = sizeof(struct ipv6hdr) +
				     sizeof(struct udphdr);
	struct at_outer_opts opts = { .fragment = true };
	const struct at_ike_header *hdr;
	unsigned long now = jiffies;
	struct at_endpoint *ep;
	struct at_route route;
	struct at_from from;
	int err;

	opts.tos = ipv6_get_dsfield(ipv6_hdr(skb));
	hdr = (const struct at_ike_header *)(skb->data + headers);
	at_ike_note_sent(&at->ike, hdr, &peer->ula);

	/* An answer goes back to where the request came from. */
	ep = rcu_dereference(peer->endpoint);
	if (at_ike_way_back(&at->ike, hdr, &peer->ula, !ep, &from)) {
		struct at_outer remote = {
			.addr = from.addr,
			.port = from.port,
		};

		err = at_route_lookup(at, &remote, &from.local, 0, from.iif,
				      &route);
	} else if (ep) {
		err = at_route_endpoint(at, ep, &route);
	} else {
		return AT_REFUSE(why, tx_no_endpoint, ICMPV6_ADDR_UNREACH);
	}
	if (err)
		return at_tx_no_route(err, why);

	if (skb_cow_head(skb, 0)) {
		at_route_put(&route);
		return AT_REFUSE(why, tx_no_memory, -1);
	}
	__skb_pull(skb, headers);
	memset(__skb_push(skb, AT_IKE_MARKER_LEN), 0, AT_IKE_MARKER_LEN);
	at_peer_count_tx(peer, skb->len);
	if (at_peer_ticks(peer, now))
		at_keepalive_tick(peer, now);
	at_count(at, AT_CTR_tx_ike);
	at_outer_xmit(at, skb, &route, &opts);

	return true;
}

netdev_tx_t at_tx(struct sk_buff *skb, struct net_device *dev)
{
	struct at_dev *at = netdev_priv(dev);
	bool more = netdev_xmit_more();
	struct at_refusal why;
	struct at_peer *peer;
	bool ike, sent;

	/* Back from asynchronous crypto, to a device that is down or gone. */
	if (unlikely(!netif_running(dev))) {
		at_count(at, AT_CTR_tx_inactive);
		kfree_skb(skb);
		return NETDEV_TX_OK;
	}

	rcu_read_lock();
	if (unlikely(!at_tx_admit(at, skb, &ike, &why)))
		goto refuse;

	peer = at_peer_lookup(at, &ipv6_hdr(skb)->daddr);
	if (unlikely(!peer)) {
		why.counter = AT_CTR_tx_no_peer;
		why.icmp_code = ICMPV6_ADDR_UNREACH;
		goto refuse;
	}

	if (likely(!ike))
		sent = at_tx_esp(at, skb, peer, more, &why);
	else
		sent = at_tx_ike(at, skb, peer, &why);
	if (unlikely(!sent))
		goto refuse;
	if (!more)
		at_outer_flush();
	rcu_read_unlock();

	return NETDEV_TX_OK;

refuse:
	at_count(at, why.counter);
	DEV_STATS_INC(dev, tx_dropped);
	/* The run before it waits for nothing any more. */
	at_outer_flush();
	if (why.icmp_code >= 0 && !at_sk_is_kernel_icmp(skb->sk))
		icmpv6_ndo_send(skb, ICMPV6_DEST_UNREACH, why.icmp_code, 0);
	rcu_read_unlock();
	kfree_skb(skb);

	return NETDEV_TX_OK;
}

/*
 * The last step before the device. A packet that asynchronous crypto keeps for
 * a while is, where there is no queue, -ENOMEM (__dev_queue_xmit()): TCP takes
 * it for one that was never sent, sends it again and again, and does not
 * believe its acknowledgment. So such a packet is on its way, and if it was
 * memory after all that was short, then it was lost on its way.
 */
static int at_neigh_output(struct neighbour *neigh, struct sk_buff *skb)
{
	const struct at_dev *at = netdev_priv(skb->dev);
	bool kept = xfrm_offload(skb) && READ_ONCE(at->async);
	int err = dev_queue_xmit(skb);

	return unlikely(kept && err == -ENOMEM) ? NET_XMIT_SUCCESS : err;
}

/* A link without addresses (NOARP): nothing but its output is ever used. */
int at_neigh_construct(struct net_device *dev, struct neighbour *neigh)
{
	neigh->output = at_neigh_output;

	return 0;
}
