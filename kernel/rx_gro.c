// SPDX-License-Identifier: GPL-2.0
/*
 * Reception in GRO: ESP is decrypted before the outer IP and UDP layers see it,
 * and a run of packets that came as one (outer.c makes such) one by one.
 */
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/dst_metadata.h>
#include <net/gro.h>
#include <net/ip.h>
#include <net/udp.h>

#include "rx.h"

/*
 * XFRM decrypts in place, so nobody else may have the packet's pages. Nobody has
 * when it comes from a driver. When it comes from another device of this machine,
 * somebody may have captured it on its way, which does not show in pages.
 */
static bool at_rx_gro_is_alone(const struct sk_buff *skb)
{
	return !skb_is_nonlinear(skb) ||
	       (!skb_cloned(skb) && !skb->dev->rtnl_link_ops);
}

/*
 * GRO sees packets before anybody else does. Those go the normal way that may
 * belong to another interface (VLANs, bridge and bond ports, macvlan) and so
 * to another namespace, and those that somebody captures on this one.
 */
static bool at_rx_gro_plain(const struct sk_buff *skb)
{
	return (skb->protocol == htons(ETH_P_IP) ||
		skb->protocol == htons(ETH_P_IPV6)) &&
	       !skb_vlan_tag_present(skb) && skb->pkt_type == PACKET_HOST &&
	       !rcu_access_pointer(skb->dev->rx_handler) &&
	       list_empty(&skb->dev->ptype_all);
}

/* Padded, odd or already merged packets are the IP layer's. */
static bool at_rx_gro_single_ok(const struct sk_buff *skb)
{
	return !NAPI_GRO_CB(skb)->flush && !skb_is_gso(skb) &&
	       at_rx_gro_is_alone(skb);
}

/* The own address that was found last, good until the next tick. BH off. */
struct at_own4 {
	const struct net *net;	/* only compared */
	unsigned long when;	/* jiffies */
	__be32 addr;
};

static DEFINE_PER_CPU(struct at_own4, at_own4);

/* One look-up a tick: packets come in runs, to one address. */
static bool at_rx_own4(struct net *net, __be32 addr)
{
	struct at_own4 *own = this_cpu_ptr(&at_own4);
	unsigned long now = jiffies;

	if (likely(own->addr == addr && own->net == net && own->when == now))
		return true;
	if (!__ip_dev_find(net, addr, false))
		return false;
	*own = (struct at_own4){ .net = net, .when = now, .addr = addr };

	return true;
}

/*
 * Not even routing has looked: a router meets packets to our port of another
 * host here. Only what is addressed to us is ours.
 */
static bool at_rx_to_us(struct net *net, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return at_rx_own4(net, ip_hdr(skb)->daddr);

	return ipv6_chk_addr(net, &ipv6_hdr(skb)->daddr, NULL, 0);
}

/* A list's packet after the first: data at its UDP payload, headers before it. */
static bool at_rx_list_member_ok(const struct sk_buff *skb, unsigned int headers)
{
	return !skb_shared(skb) && !skb_is_nonlinear(skb) &&
	       skb_headroom(skb) >= headers &&
	       at_payload_kind(skb->data, skb->len) == AT_PAYLOAD_ESP;
}

/*
 * A run of packets in one, headers in each: skb_segment_list() would take it
 * apart behind the outer layers. It has to be this host's alone, all ESP, and
 * without padding; over IPv4 without a UDP checksum, as nobody has looked at
 * one. A capture's copy shows as a clone, or as somebody who shares the list.
 */
static bool at_rx_gro_list_ok(struct sk_buff *skb, unsigned int off)
{
	const struct iphdr *iph = ip_hdr(skb);
	const struct sk_buff *member;
	const struct udphdr *uh;

	if (skb->protocol != htons(ETH_P_IP) || skb_cloned(skb) ||
	    !(skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST) ||
	    skb_shinfo(skb)->nr_frags || off + AT_PEEK_LEN > skb_headlen(skb))
		return false;
	if (skb_network_offset(skb) || off != AT_OUTER4_LEN ||
	    iph->ihl != 5 || ntohs(iph->tot_len) != skb->len)
		return false;
	uh = (const struct udphdr *)(iph + 1);
	if (uh->check)
		return false;

	if (at_payload_kind(skb->data + off, skb_headlen(skb) - off) !=
	    AT_PAYLOAD_ESP)
		return false;
	skb_walk_frags(skb, member)
		if (!at_rx_list_member_ok(member, off))
			return false;

	return true;
}

/* What the sender's side knew of it, and what the first packet says for all. */
static void at_rx_gro_member(struct sk_buff *skb, const struct sk_buff *head)
{
	skb_scrub_packet(skb, true);
	skb_set_delivery_time(skb, 0, 0);
	skb_init_secmark(skb);
	skb_clear_hash(skb);
	skb_copy_queue_mapping(skb, head);
	skb->priority = head->priority;
	skb->skb_iif = head->skb_iif;
	__vlan_hwaccel_clear_tag(skb);
}

/* @skb: at_rx_gro_list_ok(), GRO offset pulled; consumed. */
static void at_rx_gro_list(struct at_dev *at, struct sk_buff *skb,
			   const struct at_from *from, u8 tos)
{
	struct sk_buff *member = skb_shinfo(skb)->frag_list, *next;
	struct dst_entry *dst = &this_cpu_ptr(at->gro_dst)->dst;
	unsigned int n = 1;

	/* Its socket has to get back what the whole run took. */
	skb_orphan(skb);
	skb_shinfo(skb)->frag_list = NULL;
	skb_gso_reset(skb);
	for (next = member; next; next = next->next) {
		skb->truesize -= next->truesize;
		at_rx_gro_member(next, skb);
		n++;
	}
	skb->len -= skb->data_len;
	skb->data_len = 0;
	at_count_add(at, AT_CTR_rx_gro, n);

	at_rx_esp(at, skb, from, tos);
	for (; member; member = next) {
		next = member->next;
		skb_mark_not_on_list(member);
		/* A queue may have marked some for congestion, and not all. */
		tos = ((const struct iphdr *)(member->data - AT_OUTER4_LEN))->tos;
		skb_dst_set_noref(member, dst);
		at_rx_esp(at, member, from, tos);
	}
}

/**
 * at_rx_gro - gro_receive of the tunnel sockets: decrypt right here
 * @sk: socket
 * @head: what GRO holds, not looked at
 * @skb: GRO offset at the UDP payload
 *
 * Saves a pass through the outer IP and UDP layers, and with it tc ingress,
 * netfilter and connection tracking there: a documented switch turns it off.
 *
 * Return: ERR_PTR(-EINPROGRESS) if taken, NULL for the normal path.
 */
struct sk_buff *at_rx_gro(struct sock *sk, struct list_head *head,
			  struct sk_buff *skb)
{
	struct at_dev *at = rcu_dereference_sk_user_data(sk);
	unsigned int off = skb_gro_offset(skb);
	unsigned int len = skb_gro_len(skb);
	__be32 peek[AT_PEEK_LEN / 4];
	struct net *net = dev_net(skb->dev);
	struct at_from from;
	bool list = skb_has_frag_list(skb);
	u8 tos;

	if (!at || !READ_ONCE(at->rx_gro) || !netif_running(at->dev) ||
	    ipv6_addr_any(&at->local))
		goto normal;

	if (!at_rx_gro_plain(skb) || len < sizeof(peek))
		goto normal;
	if (list) {
		if (!at_rx_gro_list_ok(skb, off))
			goto normal;
	} else {
		if (!at_rx_gro_single_ok(skb) ||
		    skb_copy_bits(skb, off, peek, sizeof(peek)) ||
		    at_payload_kind(peek, len) != AT_PAYLOAD_ESP)
			goto normal;
		/* Headers may have been in a page so far; the offsets stay valid. */
		if (!pskb_may_pull(skb, off))
			goto normal;
	}
	skb_set_transport_header(skb, (int)off - (int)sizeof(struct udphdr));
	if (!at_rx_to_us(net, skb))
		goto normal;

	skb->skb_iif = skb->dev->ifindex;
	at_rx_read_from(skb, &from, &tos);
	__skb_pull(skb, off);

	/* XFRM drops packets that have no route; this one never gets any. */
	skb_dst_drop(skb);
	skb_dst_set_noref(skb, &this_cpu_ptr(at->gro_dst)->dst);
	if (list) {
		at_rx_gro_list(at, skb, &from, tos);
	} else {
		at_count(at, AT_CTR_rx_gro);
		at_rx_esp(at, skb, &from, tos);
	}

	return ERR_PTR(-EINPROGRESS);

normal:
	NAPI_GRO_CB(skb)->flush = 1;
	return NULL;
}

