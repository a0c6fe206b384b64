// SPDX-License-Identifier: GPL-2.0
/*
 * Hands packets in. Outer ones by a NAPI context of our own on the underlay, as
 * its driver would: through GRO or past it. Others to the tunnel device, as
 * dev_hard_start_xmit() would, or through dev_queue_xmit().
 *
 * Their octets lie in one piece, in pages, in a list of fragments, with much
 * headroom or none; others hold references, or a clone whose octets must be
 * the same afterwards.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/interrupt.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/sched/signal.h>
#include <linux/udp.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip6_route.h>

#include "at_torture.h"

#define ATT_RAW_MAX	(ETH_HLEN + ATT_PACKET_MAX)

/**
 * struct att_slot - one packet of a batch
 * @p: what it holds
 * @raw: the same behind a link-layer header
 * @len: octets of @raw
 * @skb: what is handed in
 * @clone: of it, or NULL
 * @shared: we hold a reference to @skb, too
 * @gro: it comes in through GRO
 */
struct att_slot {
	struct att_packet p;
	u8 raw[ATT_RAW_MAX] __aligned(4);
	unsigned int len;
	struct sk_buff *skb;
	struct sk_buff *clone;
	bool shared;
	bool gro;
};

/* Used under att.lock, and by att_poll() while that waits. */
static struct att_slot att_slots[ATT_BATCH_MAX];
static u8 att_check[ATT_RAW_MAX];
static unsigned int att_n;
static u16 att_ident;

static bool att_add_pages(struct att *t, struct sk_buff *skb, const u8 *data,
			  unsigned int len)
{
	unsigned int i, n, off;
	struct page *page;

	for (i = 0; len && i < MAX_SKB_FRAGS; i++) {
		page = alloc_page(GFP_KERNEL);
		if (!page)
			return false;
		off = att_rnd(t, 64);
		n = min_t(unsigned int, len, PAGE_SIZE - off);
		if (i < 4 && att_chance(t, 2))
			n = 1 + att_rnd(t, n);
		memcpy(page_address(page) + off, data, n);
		skb_add_rx_frag(skb, i, page, off, n, PAGE_SIZE);
		data += n;
		len -= n;
	}

	return true;
}

static bool att_add_list(struct att *t, struct sk_buff *skb, const u8 *data,
			 unsigned int len)
{
	struct sk_buff **next = &skb_shinfo(skb)->frag_list;
	struct sk_buff *frag;
	unsigned int n;

	while (len) {
		n = att_chance(t, 2) ? len : 1 + att_rnd(t, len);
		frag = alloc_skb(n + 64, GFP_KERNEL);
		if (!frag)
			return false;
		skb_reserve(frag, att_rnd(t, 64));
		skb_put_data(frag, data, n);
		*next = frag;
		next = &frag->next;
		skb->len += n;
		skb->data_len += n;
		skb->truesize += frag->truesize;
		data += n;
		len -= n;
	}

	return true;
}

/* @head octets of it are linear at least. */
static struct sk_buff *att_build(struct att *t, const u8 *data,
				 unsigned int len, unsigned int head)
{
	unsigned int room = att_chance(t, 2) ? NET_SKB_PAD + NET_IP_ALIGN :
					       att_rnd(t, 200);
	unsigned int layout = att_rnd(t, 8);
	unsigned int linear = len;
	struct sk_buff *skb;
	bool good = true;

	head = min(head, len);
	if (layout >= 5)
		linear = head + att_rnd(t, len - head + 1);
	skb = alloc_skb(room + linear + att_rnd(t, 64), GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_reserve(skb, room);
	skb_put_data(skb, data, linear);
	if (layout == 7)
		good = att_add_list(t, skb, data + linear, len - linear);
	else if (layout >= 5)
		good = att_add_pages(t, skb, data + linear, len - linear);
	if (!good) {
		kfree_skb(skb);
		return NULL;
	}

	return skb;
}

static void att_slot_clone(struct att *t, struct att_slot *slot)
{
	slot->clone = att_chance(t, 8) ? skb_clone(slot->skb, GFP_KERNEL) : NULL;
}

static void att_clone_changed(struct att *t, const struct att_slot *slot)
{
	if (atomic64_read(&t->stats[ATT_CLONE_CHANGED]) < 5) {
		pr_info("at-torture: a clone of %u octets has changed%s\n",
			slot->len, slot->gro ? " behind GRO" : "");
		print_hex_dump(KERN_INFO, "at-torture: was: ",
			       DUMP_PREFIX_OFFSET, 16, 1, slot->raw,
			       min(slot->len, 128U), true);
		print_hex_dump(KERN_INFO, "at-torture: is: ",
			       DUMP_PREFIX_OFFSET, 16, 1, att_check,
			       min(slot->len, 128U), true);
	}
	att_stat(t, ATT_CLONE_CHANGED, 1);
}

/* Afterwards: who had a copy has it still. */
static void att_slot_done(struct att *t, struct att_slot *slot)
{
	if (slot->shared)
		kfree_skb(slot->skb);
	if (!slot->clone)
		return;
	if (slot->clone->len != slot->len ||
	    skb_copy_bits(slot->clone, 0, att_check, slot->len) ||
	    memcmp(att_check, slot->raw, slot->len))
		att_clone_changed(t, slot);
	kfree_skb(slot->clone);
}

/*
 * As of a guest or a tun device: any size, and not to be trusted. But theirs have
 * no list of fragments: skb_segment() takes those of GRO only.
 */
static void att_make_gso(struct att *t, struct sk_buff *skb,
			 unsigned int transport, u8 proto)
{
	unsigned int csum = proto == IPPROTO_TCP ? 16 : 6;

	if (skb->len <= transport + 40 || skb_has_frag_list(skb) ||
	    skb_headlen(skb) < transport + csum + sizeof(__sum16) ||
	    !skb_partial_csum_set(skb, transport, csum))
		return;
	skb_shinfo(skb)->gso_size = 1 + att_rnd(t, skb->len - transport);
	skb_shinfo(skb)->gso_type = SKB_GSO_DODGY |
		(proto == IPPROTO_TCP ? SKB_GSO_TCPV6 : SKB_GSO_UDP_L4);
	skb_shinfo(skb)->gso_segs = 0;
}

/* --- in through the underlay --------------------------------------------------- */

static int att_poll(struct napi_struct *napi, int budget)
{
	struct att *t = container_of(napi, struct att, napi);
	unsigned int i, n = att_n;

	for (i = 0; i < n; i++) {
		if (att_slots[i].gro)
			napi_gro_receive(napi, att_slots[i].skb);
		else
			netif_receive_skb(att_slots[i].skb);
	}
	napi_complete_done(napi, n);
	complete(&t->polled);

	return n;
}

/* Until what follows from a batch has happened, too. */
static void att_settle(void)
{
	const u32 net = BIT(NET_RX_SOFTIRQ) | BIT(NET_TX_SOFTIRQ);

	while (local_softirq_pending() & net)
		schedule_timeout_uninterruptible(1);
	cond_resched();
}

static bool att_slot_rx(struct att *t, struct att_slot *slot, bool sound)
{
	struct ethhdr *eth = (struct ethhdr *)slot->raw;
	struct att_packet *p = &slot->p;
	struct sk_buff *skb;

	ether_addr_copy(eth->h_dest, t->under->dev_addr);
	eth_zero_addr(eth->h_source);
	eth->h_source[0] = 2;
	eth->h_proto = p->protocol;
	memcpy(eth + 1, p->data, p->len);
	slot->len = ETH_HLEN + p->len;

	skb = att_build(t, slot->raw, slot->len, ETH_HLEN);
	if (!skb) {
		att_stat(t, ATT_NO_MEMORY, 1);
		return false;
	}
	slot->skb = skb;
	att_slot_clone(t, slot);
	skb->protocol = eth_type_trans(skb, t->under);
	skb->ip_summed = att_chance(t, 2) ? CHECKSUM_NONE : CHECKSUM_UNNECESSARY;
	if (att_chance(t, 4))
		skb_set_hash(skb, prandom_u32_state(&t->rnd), PKT_HASH_TYPE_L4);
	/* GRO takes headers out of the first page: that packet is alone its own. */
	slot->gro = att_chance(t, 2) && !skb_has_frag_list(skb) &&
		    (skb_headlen(skb) || !slot->clone);
	slot->shared = !slot->gro && att_chance(t, 16);
	if (slot->shared)
		skb_get(skb);

	if (sound)
		return true;
	if (att_chance(t, 32))
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), att_rnd(t, 4096));
	else if (!slot->gro && !slot->shared && !slot->clone && att_chance(t, 24))
		att_make_gso(t, skb, p->payload - sizeof(struct udphdr),
			     IPPROTO_UDP);

	return true;
}

/* Hands @n slots in. What leaves is for @packets of them. */
static void att_batch_rx(struct att *t, unsigned int n, unsigned int packets)
{
	unsigned int i;

	att_n = n;
	reinit_completion(&t->polled);
	local_bh_disable();
	napi_schedule(&t->napi);
	local_bh_enable();
	wait_for_completion(&t->polled);
	att_settle();
	att_judge_batch(t, packets);
	for (i = 0; i < n; i++)
		att_slot_done(t, &att_slots[i]);
	att_stat(t, ATT_INJECTED_RX, packets);
}

/*
 * In two IP fragments, which meet again in the stack. Halves of two packets can
 * meet there, so no SA of ours may be meant by any of them.
 */
static bool att_fragments(struct att *t)
{
	struct att_packet *p = &att_slots[0].p, *q = &att_slots[1].p;
	unsigned int head = sizeof(struct iphdr), cut;
	struct iphdr *iph = (struct iphdr *)p->data;

	if (p->protocol != htons(ETH_P_IP) || p->len < head + 48)
		return false;
	p->data[p->payload] ^= 0x80;
	((struct udphdr *)(p->data + head))->check = 0;
	cut = 8 * (1 + att_rnd(t, (p->len - head) / 8 - 1));

	*q = *p;
	q->len = head + p->len - head - cut;
	memcpy(q->data + head, p->data + head + cut, q->len - head);
	p->len = head + cut;

	iph->id = htons(att_ident++);
	iph->frag_off = htons(IP_MF);
	iph->tot_len = htons(p->len);
	iph->check = 0;
	iph->check = ip_fast_csum(iph, iph->ihl);
	memcpy(q->data, iph, head);
	iph = (struct iphdr *)q->data;
	iph->frag_off = htons(cut / 8);
	iph->tot_len = htons(q->len);
	iph->check = 0;
	iph->check = ip_fast_csum(iph, iph->ihl);

	return true;
}

static const struct att_entry *att_pick(struct att *t, enum att_kind a,
					enum att_kind b, enum att_kind *kind)
{
	*kind = att_chance(t, 2) ? a : b;
	if (!t->n[*kind])
		*kind = *kind == a ? b : a;
	if (!t->n[*kind])
		return NULL;

	return &t->corpus[*kind][att_rnd(t, t->n[*kind])];
}

static bool att_stop(const struct att *t)
{
	return signal_pending(current) || !netif_running(t->dev) ||
	       !netif_running(t->under);
}

int att_inject_rx(struct att *t, unsigned long count, bool exact)
{
	const struct att_entry *e;
	unsigned int i, n, built;
	enum att_kind kind;
	bool fragments;

	while (count) {
		if (att_stop(t))
			return -EINTR;
		n = min_t(unsigned long, count, 1 + att_rnd(t, ATT_BATCH_MAX));
		fragments = !exact && att_chance(t, 16);
		for (i = 0; i < (fragments ? 1 : n); i++) {
			e = att_pick(t, ATT_FRESH, ATT_OUTER, &kind);
			if (!e)
				return -ENODATA;
			att_copy(&att_slots[i].p, e, kind);
			att_mutate_rx(t, &att_slots[i].p, exact || fragments);
		}
		if (fragments)
			n = att_fragments(t) ? 2 : 1;

		for (i = 0, built = 0; i < n; i++) {
			if (!att_slot_rx(t, &att_slots[i],
					 exact || fragments))
				break;
			built++;
		}
		if (built)
			att_batch_rx(t, built, fragments ? 1 : built);
		count -= fragments ? 1 : n;
	}

	return 0;
}

/* Every fresh packet as it was. They are fresh no more. */
int att_inject_originals(struct att *t)
{
	unsigned int i;

	for (i = 0; i < t->n[ATT_FRESH]; i++) {
		att_copy(&att_slots[0].p, &t->corpus[ATT_FRESH][i], ATT_FRESH);
		if (!att_slot_rx(t, &att_slots[0], true))
			return -ENOMEM;
		att_batch_rx(t, 1, 1);
		att_stat(t, ATT_ORIGINALS, 1);
	}

	return 0;
}

/* --- out through the tunnel device ---------------------------------------------- */

static void att_set_route(struct att *t, struct sk_buff *skb,
			  const struct att_packet *p)
{
	const struct ipv6hdr *ip6h = (const struct ipv6hdr *)p->data;
	struct flowi6 fl6 = { .flowi6_oif = t->dev->ifindex };
	struct dst_entry *dst;

	if (p->len < sizeof(*ip6h))
		return;
	fl6.daddr = ip6h->daddr;
	dst = ip6_route_output(t->net, NULL, &fl6);
	if (dst->error)
		dst_release(dst);
	else
		skb_dst_set(skb, dst);
}

static bool att_slot_tx(struct att *t, struct att_slot *slot, bool gso)
{
	struct att_packet *p = &slot->p;
	struct sk_buff *skb;
	u8 proto;

	memcpy(slot->raw, p->data, p->len);
	slot->len = p->len;
	skb = att_build(t, slot->raw, slot->len, 1);
	if (!skb) {
		att_stat(t, ATT_NO_MEMORY, 1);
		return false;
	}
	slot->skb = skb;
	slot->shared = false;
	slot->gro = false;
	att_slot_clone(t, slot);
	/* The stack does not look into it on its way, and leaves it full. */
	if (att_chance(t, 2))
		prandom_bytes_state(&t->rnd, skb->cb, sizeof(skb->cb));
	skb->dev = t->dev;
	skb->protocol = p->protocol;
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	/* Whoever makes packets says so, and packet_parse_headers() looks. */
	skb_set_transport_header(skb, min_t(unsigned int, p->len,
					    sizeof(struct ipv6hdr)));
	skb->mark = att_chance(t, 4) ? prandom_u32_state(&t->rnd) : 0;
	skb->priority = att_rnd(t, 8);
	if (att_chance(t, 4))
		att_set_route(t, skb, p);

	proto = p->len > 6 ? p->data[6] : 0;
	if (gso && !slot->clone && p->kind == ATT_CLEAR &&
	    p->protocol == htons(ETH_P_IPV6) &&
	    (proto == IPPROTO_TCP || proto == IPPROTO_UDP))
		att_make_gso(t, skb, sizeof(struct ipv6hdr), proto);

	return true;
}

static void att_batch_tx(struct att *t, unsigned int n, bool queue)
{
	struct netdev_queue *txq = netdev_get_tx_queue(t->dev, 0);
	unsigned int i;

	rcu_read_lock();
	local_bh_disable();
	for (i = 0; i < n; i++) {
		if (queue)
			dev_queue_xmit(att_slots[i].skb);
		else
			netdev_start_xmit(att_slots[i].skb, t->dev, txq,
					  i + 1 < n);
	}
	local_bh_enable();
	rcu_read_unlock();
	att_settle();
	att_judge_batch(t, n);
	for (i = 0; i < n; i++)
		att_slot_done(t, &att_slots[i]);
	att_stat(t, ATT_INJECTED_TX, n);
}

int att_inject_tx(struct att *t, unsigned long count, bool exact)
{
	const struct att_entry *e;
	unsigned int i, n, built;
	enum att_kind kind;
	bool queue, run;

	while (count) {
		if (att_stop(t))
			return -EINTR;
		n = min_t(unsigned long, count, 1 + att_rnd(t, ATT_BATCH_MAX));
		queue = !exact && att_chance(t, 4);
		/* Segments of one packet follow each other. */
		run = att_chance(t, 4);
		for (i = 0, built = 0; i < n; i++) {
			if (i && run) {
				att_slots[i].p = att_slots[0].p;
			} else {
				e = att_pick(t, ATT_TX, ATT_CLEAR, &kind);
				if (!e)
					return -ENODATA;
				att_copy(&att_slots[i].p, e, kind);
				att_mutate_tx(t, &att_slots[i].p);
			}
			if (!att_slot_tx(t, &att_slots[i],
					 queue && att_chance(t, 4)))
				break;
			built++;
		}
		if (built)
			att_batch_tx(t, built, queue);
		count -= n;
	}

	return 0;
}

int att_inject_attach(struct att *t)
{
	init_completion(&t->polled);
	netif_napi_add(t->under, &t->napi, att_poll);
	napi_enable(&t->napi);

	return 0;
}

void att_inject_detach(struct att *t)
{
	napi_disable(&t->napi);
	netif_napi_del(&t->napi);
	synchronize_net();
}
