// SPDX-License-Identifier: GPL-2.0
/*
 * Reception: UDP payloads from the tunnel port are told apart, ESP gets the
 * IPv6 header back that its sender took off and goes through XFRM, and what
 * XFRM found authentic tells where its sender is.
 */
#include <crypto/aead.h>
#include <net/dsfield.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/udp.h>
#include <net/xfrm.h>

#include "endpoint.h"
#include "events.h"
#include "peer.h"
#include "rx.h"

#define AT_STUN_COOKIE		0x2112a442	/* RFC 8489 section 5 */
#define AT_STUN_HEADER_LEN	20
#define AT_KEEPALIVE_OCTET	0xff
#define AT_SPI_RESERVED		255		/* RFC 4303 section 2.1 */

/*
 * Told apart without a second look at SAs. An SPI below 2^30 whose packet
 * number 0x2112a442 comes by is taken for STUN: one lost packet of 2^32.
 */
enum at_payload at_payload_kind(const void *data, unsigned int len)
{
	const __be32 *word = data;
	u32 first;

	if (len == 1)
		return *(const u8 *)data == AT_KEEPALIVE_OCTET ?
			AT_PAYLOAD_KEEPALIVE : AT_PAYLOAD_BAD;
	if (len < sizeof(struct ip_esp_hdr))
		return AT_PAYLOAD_BAD;

	first = ntohl(word[0]);
	if (!first)
		return AT_PAYLOAD_IKE;
	if (first <= AT_SPI_RESERVED)
		return AT_PAYLOAD_DATAGRAM;
	if (!(first >> 30) && word[1] == htonl(AT_STUN_COOKIE) &&
	    len >= AT_STUN_HEADER_LEN)
		return AT_PAYLOAD_DATAGRAM;

	return AT_PAYLOAD_ESP;
}

/* Would the other side give this payload to its daemon? */
bool at_rx_is_datagram(const void *data, unsigned int len)
{
	return len && at_payload_kind(data, len) == AT_PAYLOAD_DATAGRAM;
}

/*
 * The rebuilt IPv6 header says where the packet came from: XFRM looks only at
 * its destination, and skb->cb is XFRM's own. The outer source is the IPv6
 * source, the port the flow label, and our outer address stands before it.
 */
struct at_rx_header {
	struct in6_addr local;
	struct ipv6hdr ip6h;
} __packed;

void at_rx_read_from(const struct sk_buff *skb, struct at_from *from, u8 *tos)
{
	const struct udphdr *uh = udp_hdr(skb);

	if (ip_hdr(skb)->version == 4) {
		const struct iphdr *iph = ip_hdr(skb);

		ipv6_addr_set_v4mapped(iph->saddr, &from->addr);
		ipv6_addr_set_v4mapped(iph->daddr, &from->local);
		*tos = iph->tos;
	} else {
		const struct ipv6hdr *ip6h = ipv6_hdr(skb);

		from->addr = ip6h->saddr;
		from->local = ip6h->daddr;
		*tos = ipv6_get_dsfield(ip6h);
	}
	from->port = uh->source;
	from->iif = skb->skb_iif;
}

static void at_from_outer(const struct at_from *from, struct at_outer *outer)
{
	outer->addr = from->addr;
	outer->port = from->port;
	outer->zero = 0;
}

static void at_rx_drop(struct at_dev *at, struct sk_buff *skb,
		       enum at_counter counter)
{
	at_count(at, counter);
	DEV_STATS_INC(at->dev, rx_dropped);
	kfree_skb(skb);
}

/* @skb: data at ESP, with a dst; consumed. Context: RCU, BH off. */
void at_rx_esp(struct at_dev *at, struct sk_buff *skb,
	       const struct at_from *from, u8 tos)
{
	struct at_rx_header *hdr;

	if (unlikely(skb_cow_head(skb, sizeof(*hdr)))) {
		at_rx_drop(at, skb, AT_CTR_rx_no_memory);
		return;
	}

	hdr = (struct at_rx_header *)(skb->data - sizeof(*hdr));
	hdr->local = from->local;
	ip6_flow_hdr(&hdr->ip6h, tos, htonl(ntohs(from->port)));
	hdr->ip6h.payload_len = htons(skb->len);
	hdr->ip6h.nexthdr = IPPROTO_ESP;
	hdr->ip6h.hop_limit = 1;
	hdr->ip6h.saddr = from->addr;
	hdr->ip6h.daddr = at->local;

	/* What the underlay attached; by hand, as scrubbing drops the dst. */
	skb_orphan(skb);
	secpath_reset(skb);
	nf_reset_ct(skb);
	nf_reset_trace(skb);
	ipvs_reset(skb);
	skb->mark = 0;
	skb->ip_summed = CHECKSUM_NONE;
	skb->csum_level = 0;
	skb->encapsulation = 0;

	skb->dev = at->dev;
	skb->protocol = htons(ETH_P_IPV6);
	skb->pkt_type = PACKET_HOST;
	skb_reset_transport_header(skb);
	skb_set_network_header(skb, -(int)sizeof(struct ipv6hdr));
	skb_set_mac_header(skb, -(int)sizeof(struct ipv6hdr));
	skb->mac_len = 0;

	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	IP6CB(skb)->nhoff = offsetof(struct ipv6hdr, nexthdr);
	IP6CB(skb)->iif = at->dev->ifindex;

	xfrm6_rcv_spi(skb, IPPROTO_ESP, 0, NULL);
}

/**
 * at_rx_ike_deliver - give an IKE message to the IKE daemon
 * @at: device
 * @skb: data at the IKE header, no dst; consumed
 * @ula: the peer it comes from
 *
 * It arrives as IPv6 from the peer's ULA, port 500 to port 500.
 */
void at_rx_ike_deliver(struct at_dev *at, struct sk_buff *skb,
		       const struct in6_addr *ula)
{
	unsigned int len = skb->len + sizeof(struct udphdr);
	struct ipv6hdr *ip6h;
	struct udphdr *uh;

	if (skb_cow_head(skb, sizeof(*ip6h) + sizeof(*uh))) {
		at_rx_drop(at, skb, AT_CTR_rx_no_memory);
		return;
	}

	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_clear_hash(skb);

	uh = __skb_push(skb, sizeof(*uh));
	skb_reset_transport_header(skb);
	uh->source = htons(AT_IKE_PORT);
	uh->dest = htons(AT_IKE_PORT);
	uh->len = htons(len);
	uh->check = 0;
	uh->check = csum_ipv6_magic(ula, &at->local, len, IPPROTO_UDP,
				    skb_checksum(skb, 0, len, 0));
	if (!uh->check)
		uh->check = CSUM_MANGLED_0;

	ip6h = __skb_push(skb, sizeof(*ip6h));
	skb_reset_network_header(skb);
	skb_reset_mac_header(skb);
	skb->mac_len = 0;
	ip6_flow_hdr(ip6h, 0, 0);
	ip6h->payload_len = htons(len);
	ip6h->nexthdr = IPPROTO_UDP;
	ip6h->hop_limit = 64;
	ip6h->saddr = *ula;
	ip6h->daddr = at->local;

	skb->dev = at->dev;
	skb->protocol = htons(ETH_P_IPV6);
	skb->pkt_type = PACKET_HOST;
	skb->ip_summed = CHECKSUM_NONE;
	skb->csum_level = 0;
	skb->encapsulation = 0;
	memset(skb->cb, 0, sizeof(skb->cb));

	at_count(at, AT_CTR_rx_ike);
	dev_sw_netstats_rx_add(at->dev, skb->len);
	netif_rx(skb);
}

/*
 * Whose is it? By the SPIs of a known IKE SA, which only the two ends and
 * the path know; else by the exact endpoint, if one peer alone has it; else
 * btmmd is asked. Two peers behind one NAT are so never taken for each other.
 */
static void at_rx_ike(struct at_dev *at, struct sk_buff *skb,
		      const struct at_from *from)
{
	struct at_ike_header hdr;
	struct at_outer remote;
	struct at_peer *peer;
	struct in6_addr ula;

	__skb_pull(skb, AT_IKE_MARKER_LEN);
	if (skb_copy_bits(skb, 0, &hdr, sizeof(hdr)) ||
	    !at_ike_header_sane(&hdr, skb->len)) {
		at_rx_drop(at, skb, AT_CTR_rx_ike_malformed);
		return;
	}

	if (at_ike_whose(&at->ike, &hdr, from, &ula)) {
		/* The table forgets a peer that is removed. */
		at_rx_ike_deliver(at, skb, &ula);
		return;
	}

	/*
	 * Our own request would have made it known. To one that somebody else
	 * sent in our name, the peer answers; that must not use up the rate of
	 * what the peer itself has to say.
	 */
	if (at_ike_is_response(&hdr)) {
		at_rx_drop(at, skb, AT_CTR_rx_ike_unasked);
		return;
	}

	if (!at_ratelimit_allow(&at->ike_limit, &from->addr)) {
		at_rx_drop(at, skb, AT_CTR_rx_ike_limited);
		return;
	}

	at_from_outer(from, &remote);
	peer = at_endpoint_owner(at, &remote);
	if (peer)
		at_rx_ike_deliver(at, skb, &peer->ula);
	else
		at_hold(&at->holds, skb, &hdr, from);
}

static void at_rx_datagram(struct at_dev *at, struct sk_buff *skb,
			   const struct at_from *from)
{
	if (skb->len > AUTOTUNNEL_DGRAM_MAX ||
	    !at_ratelimit_allow(&at->dgram_limit, &from->addr) ||
	    at_event_dgram(at, from, skb)) {
		at_rx_drop(at, skb, AT_CTR_rx_datagrams_dropped);
		return;
	}
	at_count(at, AT_CTR_rx_datagrams);
	consume_skb(skb);
}

/**
 * at_rx - encap_rcv of the tunnel sockets
 * @sk: socket
 * @skb: data at the UDP header; always consumed
 */
int at_rx(struct sock *sk, struct sk_buff *skb)
{
	struct at_dev *at = rcu_dereference_sk_user_data(sk);
	struct at_from from;
	unsigned int len;
	u8 tos;

	if (unlikely(!at)) {
		kfree_skb(skb);
		return 0;
	}
	if (unlikely(!netif_running(at->dev) || ipv6_addr_any(&at->local))) {
		at_rx_drop(at, skb, AT_CTR_rx_inactive);
		return 0;
	}

	len = skb->len - sizeof(struct udphdr);
	if (unlikely(!len)) {
		at_rx_drop(at, skb, AT_CTR_rx_malformed);
		return 0;
	}
	/*
	 * Who captures or mirrors what comes in has a copy that shares its pages,
	 * and XFRM decrypts in place: the copy would turn into cleartext. Whether
	 * there is one does not show any more once a layer below has made the
	 * headers its own.
	 */
	if (unlikely(skb_linearize(skb))) {
		at_rx_drop(at, skb, AT_CTR_rx_no_memory);
		return 0;
	}

	at_rx_read_from(skb, &from, &tos);
	__skb_pull(skb, sizeof(struct udphdr));

	switch (at_payload_kind(skb->data, len)) {
	case AT_PAYLOAD_ESP:
		at_rx_esp(at, skb, &from, tos);
		break;
	case AT_PAYLOAD_IKE:
		at_rx_ike(at, skb, &from);
		break;
	case AT_PAYLOAD_DATAGRAM:
		at_rx_datagram(at, skb, &from);
		break;
	case AT_PAYLOAD_KEEPALIVE:
		at_count(at, AT_CTR_rx_keepalives);
		consume_skb(skb);
		break;
	case AT_PAYLOAD_BAD:
		at_rx_drop(at, skb, AT_CTR_rx_malformed);
		break;
	}

	return 0;
}

/**
 * at_rx_icmp_error - encap_err_lookup: is this ICMP error about our traffic?
 * @sk: socket
 * @skb: network header at the quoted IP header, transport header at its UDP
 *
 * It must quote an ESP packet to a peer's endpoint with an SPI we send; an
 * attacker off the path knows none. (Recent kernels shrink the route's PMTU for
 * any error that quotes UDP, without asking us; DF is then no longer set when
 * the rest is too small, so that costs fragments and no connection.)
 *
 * Return: 0 to accept.
 */
int at_rx_icmp_error(struct sock *sk, struct sk_buff *skb)
{
	struct at_dev *at = rcu_dereference_sk_user_data(sk);
	struct at_outer remote = {};
	struct xfrm_state *x;
	struct at_peer *peer;
	struct {
		struct udphdr uh;
		__be32 spi;
	} __packed quoted;
	int err = -ENOENT;

	if (!at)
		return err;
	if (skb_copy_bits(skb, skb_transport_offset(skb), &quoted,
			  sizeof(quoted)))
		goto refuse;

	if (ip_hdr(skb)->version == 4)
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &remote.addr);
	else
		remote.addr = ipv6_hdr(skb)->daddr;
	remote.port = quoted.uh.dest;

	rcu_read_lock();
	peer = at_endpoint_owner(at, &remote);
	if (peer && ntohl(quoted.spi) > AT_SPI_RESERVED) {
		x = xfrm_state_lookup(dev_net(at->dev), 0,
				      (const xfrm_address_t *)&peer->ula,
				      quoted.spi, IPPROTO_ESP, AF_INET6);
		if (x) {
			if (ipv6_addr_equal((struct in6_addr *)&x->props.saddr,
					    &at->local))
				err = 0;
			xfrm_state_put(x);
		}
	}
	rcu_read_unlock();
	if (!err)
		return 0;

refuse:
	at_count(at, AT_CTR_rx_icmp_refused);
	return err;
}

static const struct at_rx_header *at_rx_header(const void *ip6h)
{
	return container_of(ip6h, struct at_rx_header, ip6h);
}

static void at_rx_header_from(const struct at_rx_header *hdr,
			      struct at_outer *remote)
{
	memset(remote, 0, sizeof(*remote));
	remote->addr = hdr->ip6h.saddr;
	remote->port = htons(ntohl(ip6_flowlabel(&hdr->ip6h)));
}

/* XFRM refused the packet. Without a secpath there is no SA for it. */
static int at_rx_refused(struct at_dev *at, struct sk_buff *skb)
{
	const struct at_rx_header *hdr;
	const struct ip_esp_hdr *esph;
	struct at_outer remote;

	if (unlikely(at_early_keep(&at->early, skb))) {
		at_count(at, AT_CTR_rx_esp_early);
		return 0;
	}
	DEV_STATS_INC(at->dev, rx_errors);
	if (secpath_exists(skb)) {
		at_count(at, AT_CTR_rx_esp_refused);
		return 0;
	}

	at_count(at, AT_CTR_rx_unknown_spi);
	hdr = at_rx_header(skb_network_header(skb));
	esph = (const struct ip_esp_hdr *)(&hdr->ip6h + 1);
	if (skb_transport_offset(skb) + sizeof(*esph) > skb_headlen(skb))
		return 0;
	at_rx_header_from(hdr, &remote);
	at_event_source(at, &remote, esph->spi, at_endpoint_owner(at, &remote));

	return 0;
}

/*
 * What the peer itself has sent is whole, by its ICV, from the peer's kernel to
 * this one: the sum that TCP or UDP made of it there needs no second look. For
 * hosts behind the peer it has more to say, and is looked at.
 */
static void at_rx_trust_checksum(struct sk_buff *skb, const struct xfrm_state *x)
{
	if (skb->protocol != htons(ETH_P_IPV6) ||
	    !crypto_aead_authsize(x->data) ||
	    !ipv6_addr_equal(&ipv6_hdr(skb)->saddr,
			     (const struct in6_addr *)&x->props.saddr))
		return;

	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = 0;
}

/* XFRM found the packet authentic, and has taken ESP off. */
static void at_rx_authentic(struct at_dev *at, struct sk_buff *skb,
			    struct xfrm_state *x)
{
	const struct at_rx_header *hdr;
	const struct ip_esp_hdr *esph;
	unsigned long now = jiffies;
	struct at_endpoint *ep;
	struct at_outer remote;
	struct at_peer *peer;

	peer = at_peer_lookup(at, (const struct in6_addr *)&x->props.saddr);
	if (unlikely(!peer))
		return;		/* an SA of somebody else's making */

	at_peer_count_rx(peer, skb->len);
	if (READ_ONCE(peer->last_rx) != now)
		WRITE_ONCE(peer->last_rx, now ?: 1);

	/* Only tunnel mode leaves the header where it was. */
	if (x->props.mode != XFRM_MODE_TUNNEL)
		return;
	at_rx_trust_checksum(skb, x);
	hdr = at_rx_header(skb_network_header(skb) - x->props.header_len);
	at_rx_header_from(hdr, &remote);

	ep = rcu_dereference(peer->endpoint);
	if (likely(ep && at_outer_equal(&ep->remote, &remote)))
		return;

	esph = (const struct ip_esp_hdr *)(&hdr->ip6h + 1);
	at_endpoint_learn(at, peer, x, esph->seq_no, &remote, &hdr->local,
			  skb->skb_iif);
}

/*
 * XFRM calls back for every ESP packet over IPv6, after decryption or to say
 * that there is none. Return: 1 if it is not ours.
 */
static int at_rx_cb(struct sk_buff *skb, int err)
{
	struct net_device *dev = skb->dev;
	struct sec_path *sp;
	struct at_dev *at;

	if (!at_is_dev(dev))
		return 1;
	at = netdev_priv(dev);

	if (unlikely(err))
		return at_rx_refused(at, skb);

	/* ESP that came out of our own tunnel did not come by our socket. */
	sp = skb_sec_path(skb);
	if (unlikely(sp->len != 1))
		return 1;

	rcu_read_lock();
	at_rx_authentic(at, skb, sp->xvec[0]);
	rcu_read_unlock();

	dev_sw_netstats_rx_add(dev, skb->len);
	skb_clear_hash(skb);
	if (!skb_valid_dst(skb))
		skb_dst_drop(skb);	/* the one lent by at_rx_gro() */

	return 0;
}

/* ESP that comes over plain IPv6 is not ours: next, please. */
static int at_rx_not_ours(struct sk_buff *skb)
{
	return -EINVAL;
}

static int at_rx_input_not_ours(struct sk_buff *skb, int nexthdr, __be32 spi,
				int encap_type)
{
	return -EINVAL;
}

static int at_rx_err_not_ours(struct sk_buff *skb, struct inet6_skb_parm *opt,
			      u8 type, u8 code, int offset, __be32 info)
{
	return -ENOENT;
}

static struct xfrm6_protocol at_esp6_protocol __read_mostly = {
	.handler = at_rx_not_ours,
	.input_handler = at_rx_input_not_ours,
	.cb_handler = at_rx_cb,
	.err_handler = at_rx_err_not_ours,
	/* esp6 has 0, ip6_vti 100, xfrm interfaces 10: no two may be equal. */
	.priority = 77,
};

int at_rx_register(void)
{
	return xfrm6_protocol_register(&at_esp6_protocol, IPPROTO_ESP);
}

void at_rx_unregister(void)
{
	xfrm6_protocol_deregister(&at_esp6_protocol, IPPROTO_ESP);
}
