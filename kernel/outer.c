// SPDX-License-Identifier: GPL-2.0
/*
 * The outer side of transmission.
 *
 * XFRM hands us the segments of one TCP super-packet one by one, and says by
 * netdev_xmit_more() that the next follows. They go to the same endpoint, so
 * they are collected into one packet with a list of fragments
 * (SKB_GSO_UDP_L4 | SKB_GSO_FRAGLIST, what GRO makes for forwarding), which
 * crosses the outer stack once and is taken apart just before the driver.
 * Every packet in the list carries its own complete UDP and IP header; only
 * the link-layer header is copied from the first one.
 */
#include <linux/smp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip_tunnels.h>
#include <net/route.h>
#include <net/udp.h>

#include "outer.h"

/* Tunnels in tunnels: as many as ip_tunnels.h allows on newer kernels. */
#define AT_MAX_DEPTH		4

/* All of a super-packet, link-layer header included, is below 64 KiB. */
#define AT_BATCH_MAX_LEN	(65535 - 512)

/**
 * struct at_batch - a run of packets on its way
 * @at: device, NULL while the run is empty
 * @ep: where it goes; only compared, and cannot have gone while BH is off
 * @tos: DSCP and ECN of all its packets
 * @head: first packet, with all headers and its route
 * @tail: last packet in @head's list, or @head
 * @sk: socket to send by
 * @need: headroom before the payload, for all headers there will be
 * @len: UDP payload of all but the last
 * @n: packets
 */
struct at_batch {
	struct at_dev *at;
	const struct at_endpoint *ep;
	u8 tos;
	struct sk_buff *head;
	struct sk_buff *tail;
	struct sock *sk;
	unsigned int need;
	unsigned int len;
	unsigned int n;
};

/*
 * Filled and emptied with BH off, within one call of dev_hard_start_xmit():
 * the packet that promised another is always followed by it.
 */
static DEFINE_PER_CPU(struct at_batch, at_batch);
static DEFINE_PER_CPU(unsigned int, at_depth);

static void at_outer_local_out(struct at_dev *at, struct sock *sk,
			       struct sk_buff *skb, unsigned int n,
			       unsigned int bytes)
{
	struct net *net = sock_net(sk);
	int err;

	if (unlikely(__this_cpu_read(at_depth) >= AT_MAX_DEPTH)) {
		at_count_add(at, AT_CTR_tx_loop, n);
		DEV_STATS_INC(at->dev, tx_errors);
		kfree_skb(skb);
		return;
	}

	__this_cpu_inc(at_depth);
	if (skb->protocol == htons(ETH_P_IP))
		err = ip_local_out(net, sk, skb);
	else
		err = ip6_local_out(net, sk, skb);
	__this_cpu_dec(at_depth);

	if (unlikely(net_xmit_eval(err))) {
		at_count_add(at, AT_CTR_tx_outer_error, n);
		DEV_STATS_INC(at->dev, tx_errors);
		return;
	}
	dev_sw_netstats_tx_add(at->dev, n, bytes);
}

static void at_batch_send(struct at_batch *batch)
{
	/* Emptied first: sending may come back here through another tunnel. */
	struct at_batch run = *batch;
	struct sk_buff *skb = run.head;
	unsigned int bytes;

	batch->at = NULL;
	batch->head = NULL;

	bytes = skb->len - AT_OUTER4_LEN;
	if (run.n > 1) {
		skb_shinfo(skb)->gso_size = run.len;
		skb_shinfo(skb)->gso_segs = run.n;
		skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4 | SKB_GSO_FRAGLIST;
		/* There is none: an IPv4 UDP checksum of 0 (RFC 3948). */
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		skb->csum_level = 0;
		udp_hdr(skb)->len = htons(skb->len - sizeof(struct iphdr));
		at_count(run.at, AT_CTR_tx_batches);
		at_count_add(run.at, AT_CTR_tx_batched, run.n);
	}
	at_outer_local_out(run.at, run.sk, skb, run.n, bytes);
}

/* Sends what waits on this CPU. BH off. */
void at_outer_flush(void)
{
	struct at_batch *batch = this_cpu_ptr(&at_batch);

	if (batch->at)
		at_batch_send(batch);
}

static int at_outer_flush_work(void *unused)
{
	local_bh_disable();
	at_outer_flush();
	local_bh_enable();

	return 0;
}

/* Leaves no packet of a device that goes down in any run. May sleep. */
void at_outer_flush_all_cpus(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		smp_call_on_cpu(cpu, at_outer_flush_work, NULL, false);
}

/* @skb has its outer headers. Can it head a run? */
static bool at_batch_may_start(const struct sk_buff *skb)
{
	/* Without DF each packet needs an IP identification of its own. */
	return ip_hdr(skb)->frag_off && !skb_cloned(skb) &&
	       !skb_has_frag_list(skb) && !skb_is_gso(skb);
}

static void at_batch_start(struct at_dev *at, struct sk_buff *skb,
			   const struct at_route *route,
			   const struct at_outer_opts *opts,
			   unsigned int need, unsigned int len)
{
	struct at_batch *batch = this_cpu_ptr(&at_batch);

	batch->at = at;
	batch->ep = opts->ep;
	batch->tos = opts->tos;
	batch->head = skb;
	batch->tail = skb;
	batch->sk = route->sk;
	batch->need = need;
	batch->len = len;
	batch->n = 1;
}

/* Appends @skb, data at its payload, which has its headers before that. */
static void at_batch_append(struct at_batch *batch, struct sk_buff *skb)
{
	struct sk_buff *head = batch->head;

	/*
	 * The socket's share goes to the head, so that TCP Small Queues still
	 * sees all that is below it.
	 */
	skb->destructor = NULL;
	skb->sk = NULL;
	head->truesize += skb->truesize;
	head->data_len += skb->len;
	head->len += skb->len;

	if (batch->tail == head)
		skb_shinfo(head)->frag_list = skb;
	else
		batch->tail->next = skb;
	batch->tail = skb;
	batch->n++;
}

/**
 * at_outer_join - make a packet the next of the run that waits
 * @at: device
 * @ep: where it goes
 * @skb: data at the IPv6 header, an ESP packet; consumed on success
 * @tos: DSCP and ECN
 * @more: another packet follows at once
 *
 * A packet to the same endpoint, no larger, of the same socket, needs no route
 * and no look at the path MTU: the first one of the run had both. It gets a
 * copy of that one's headers.
 *
 * Return: whether it was taken. Context: RCU, BH off.
 */
bool at_outer_join(struct at_dev *at, const struct at_endpoint *ep,
		   struct sk_buff *skb, u8 tos, bool more)
{
	struct at_batch *batch = this_cpu_ptr(&at_batch);
	const unsigned int len = skb->len - sizeof(struct ipv6hdr);
	struct sk_buff *head = batch->head;

	if (batch->at != at || batch->ep != ep || batch->tos != tos ||
	    len > batch->len || head->len + len > AT_BATCH_MAX_LEN ||
	    head->sk != skb->sk || head->destructor != skb->destructor ||
	    skb_shared(skb) || skb_has_frag_list(skb) ||
	    skb_cow_head(skb, batch->need))
		return false;

	skb_dst_drop(skb);
	__skb_pull(skb, sizeof(struct ipv6hdr) - AT_OUTER4_LEN);
	memcpy(skb->data, head->data, AT_OUTER4_LEN);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(struct iphdr));
	udp_hdr(skb)->len = htons(sizeof(struct udphdr) + len);
	__skb_pull(skb, AT_OUTER4_LEN);

	at_batch_append(batch, skb);
	/* Only the last may be shorter. */
	if (!more || len < batch->len)
		at_batch_send(batch);

	return true;
}

static struct udphdr *at_outer_push_udp(struct sk_buff *skb, struct sock *sk,
					__be16 dest)
{
	struct udphdr *uh = __skb_push(skb, sizeof(*uh));

	skb_reset_transport_header(skb);
	uh->source = inet_sk(sk)->inet_sport;
	uh->dest = dest;
	uh->len = htons(skb->len);
	uh->check = 0;

	return uh;
}

static void at_outer_push4(struct sk_buff *skb, const struct at_route *route,
			   const struct at_outer_opts *opts)
{
	struct dst_entry *dst = route->dst;
	struct iphdr *iph;

	at_outer_push_udp(skb, route->sk, route->remote.port);

	iph = __skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) >> 2;
	iph->tos = opts->tos;
	iph->tot_len = htons(skb->len);
	iph->id = 0;		/* RFC 6864: means nothing with DF */
	iph->frag_off = opts->fragment || ip_mtu_locked(dst) ? 0 : htons(IP_DF);
	iph->ttl = ip4_dst_hoplimit(dst);
	iph->protocol = IPPROTO_UDP;
	iph->check = 0;
	iph->saddr = route->saddr.s6_addr32[3];
	iph->daddr = route->remote.addr.s6_addr32[3];
	if (!iph->frag_off)
		__ip_select_ident(sock_net(route->sk), iph, 1);

	skb->protocol = htons(ETH_P_IP);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
}

static void at_outer_push6(struct sk_buff *skb, const struct at_route *route,
			   const struct at_outer_opts *opts)
{
	struct ipv6hdr *ip6h;

	at_outer_push_udp(skb, route->sk, route->remote.port);
	udp6_set_csum(false, skb, &route->saddr, &route->remote.addr, skb->len);

	ip6h = __skb_push(skb, sizeof(*ip6h));
	skb_reset_network_header(skb);
	ip6_flow_hdr(ip6h, opts->tos, 0);
	ip6h->payload_len = htons(skb->len - sizeof(*ip6h));
	ip6h->nexthdr = IPPROTO_UDP;
	ip6h->hop_limit = ip6_dst_hoplimit(route->dst);
	ip6h->saddr = route->saddr;
	ip6h->daddr = route->remote.addr;

	skb->protocol = htons(ETH_P_IPV6);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	/* Nobody on the way fragments IPv6, so we do. */
	if (opts->fragment && skb->len > IPV6_MIN_MTU)
		IP6CB(skb)->frag_max_size = IPV6_MIN_MTU;
}

/**
 * at_outer_xmit - send a UDP payload to an outer address
 * @at: device
 * @skb: data at the payload; consumed
 * @route: from route.h; consumed
 * @opts: what the headers say
 *
 * Context: RCU, BH off.
 */
void at_outer_xmit(struct at_dev *at, struct sk_buff *skb,
		   struct at_route *route, const struct at_outer_opts *opts)
{
	bool xnet = !net_eq(dev_net(at->dev), sock_net(route->sk));
	bool is4 = at_route_is4(route);
	unsigned int len = skb->len;
	unsigned int need;

	need = LL_RESERVED_SPACE(route->dst->dev) + route->dst->header_len +
	       (is4 ? AT_OUTER4_LEN : AT_OUTER6_LEN);
	if (unlikely(skb_cow_head(skb, need))) {
		at_count(at, AT_CTR_tx_no_memory);
		at_route_put(route);
		kfree_skb(skb);
		return;
	}

	skb_scrub_packet(skb, xnet);
	skb_clear_hash_if_not_l4(skb);
	skb->mark = READ_ONCE(at->fwmark);
	skb->encapsulation = 0;
	skb->ip_summed = CHECKSUM_NONE;
	skb->ignore_df = opts->fragment;
	skb_dst_set(skb, route->dst);

	/* What waits goes first. */
	at_outer_flush();
	if (is4) {
		at_outer_push4(skb, route, opts);
		if (opts->more && READ_ONCE(at->tx_batch) &&
		    at_batch_may_start(skb)) {
			at_batch_start(at, skb, route, opts, need, len);
			return;
		}
	} else {
		at_outer_push6(skb, route, opts);
	}
	at_outer_local_out(at, route->sk, skb, 1, len);
}

static struct sk_buff *at_outer_alloc(const void *data, unsigned int len)
{
	struct sk_buff *skb;

	skb = alloc_skb(MAX_HEADER + AT_OUTER6_LEN + len,
			GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, MAX_HEADER + AT_OUTER6_LEN);
	skb_put_data(skb, data, len);

	return skb;
}

/* RFC 3948 section 4. Return: 0 or why not. Context: RCU, BH off. */
int at_outer_send_keepalive(struct at_dev *at, struct at_endpoint *ep)
{
	static const u8 keepalive = 0xff;
	struct at_outer_opts opts = { .fragment = true };
	struct at_route route;
	struct sk_buff *skb;
	int err;

	err = at_route_endpoint(at, ep, &route);
	if (err)
		return err;

	skb = at_outer_alloc(&keepalive, sizeof(keepalive));
	if (!skb) {
		at_route_put(&route);
		return -ENOMEM;
	}
	at_outer_xmit(at, skb, &route, &opts);

	return 0;
}

/**
 * at_outer_send_datagram - send for the daemon from the tunnel port
 * @at: device
 * @remote: destination
 * @local: source address, :: for any
 * @oif: interface, 0 for any
 * @data: UDP payload
 * @len: its length
 *
 * Return: 0 or why not. Context: process.
 */
int at_outer_send_datagram(struct at_dev *at, const struct at_outer *remote,
			   const struct in6_addr *local, int oif,
			   const void *data, unsigned int len)
{
	struct at_outer_opts opts = { .fragment = true };
	struct at_route route;
	struct sk_buff *skb;
	int err;

	skb = at_outer_alloc(data, len);
	if (!skb)
		return -ENOMEM;

	rcu_read_lock();
	local_bh_disable();
	err = at_route_lookup(at, remote, local, oif, 0, &route);
	if (!err) {
		at_outer_xmit(at, skb, &route, &opts);
		at_count(at, AT_CTR_tx_datagrams);
	}
	local_bh_enable();
	rcu_read_unlock();
	if (err)
		kfree_skb(skb);

	return err;
}
