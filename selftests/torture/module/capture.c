// SPDX-License-Identifier: GPL-2.0
/*
 * The corpus: packets that really went through the tunnel.
 *
 * Outer ones are met in netfilter, where they can be kept from going on: such
 * a packet is authentic still, when it is handed in later. GRO must not have
 * decrypted it before that, so the test switches that off meanwhile.
 * What goes through the tunnel device is seen by a tap, behind XFRM.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/udp.h>
#include <net/esp.h>
#include <net/net_namespace.h>

#include "at_torture.h"

#define ATT_SPI_MIN	256	/* below: not ESP on this port */

/*
 * Keeps what is in t->scratch. Of more than there is room for, fresh ones stay,
 * others come and go.
 */
static bool att_keep(struct att *t, enum att_kind kind, unsigned int len,
		     unsigned int payload)
{
	struct att_entry *e;
	unsigned int i;

	lockdep_assert_held(&t->corpus_lock);
	i = t->n[kind];
	if (i == ATT_CORPUS_MAX) {
		if (kind == ATT_FRESH)
			return false;
		i = att_rnd(t, ATT_CORPUS_MAX);
	} else {
		t->n[kind]++;
	}
	e = &t->corpus[kind][i];
	memcpy(e->data, t->scratch, len);
	e->len = len;
	e->payload = payload;

	return true;
}

/* Where the UDP payload of this packet to the tunnel begins, or 0. */
static unsigned int att_payload(const struct att *t, const u8 *data,
				unsigned int len)
{
	const struct iphdr *iph = (const struct iphdr *)data;
	const struct ipv6hdr *ip6h = (const struct ipv6hdr *)data;
	const struct udphdr *uh;
	unsigned int at;

	if (len < sizeof(*iph))
		return 0;
	if (iph->version == 4) {
		if (iph->ihl != 5 || iph->protocol != IPPROTO_UDP ||
		    iph->frag_off & htons(IP_MF | IP_OFFSET))
			return 0;
		at = sizeof(*iph);
	} else {
		if (len < sizeof(*ip6h) || ip6h->nexthdr != IPPROTO_UDP)
			return 0;
		at = sizeof(*ip6h);
	}
	if (len <= at + sizeof(*uh))
		return 0;
	uh = (const struct udphdr *)(data + at);
	if (uh->dest != t->port)
		return 0;

	return at + sizeof(*uh);
}

static bool att_capture_one(struct att *t, struct sk_buff *skb, bool steal)
{
	unsigned int payload;
	bool esp;

	if (skb_is_gso(skb) || skb->len > sizeof(t->scratch) ||
	    skb_copy_bits(skb, 0, t->scratch, skb->len))
		return false;
	payload = att_payload(t, t->scratch, skb->len);
	if (!payload)
		return false;

	esp = skb->len >= payload + sizeof(struct ip_esp_hdr) &&
	      ntohl(*(__be32 *)(t->scratch + payload)) >= ATT_SPI_MIN;
	if (steal && esp && att_keep(t, ATT_FRESH, skb->len, payload))
		return true;
	att_keep(t, ATT_OUTER, skb->len, payload);

	return false;
}

static unsigned int att_capture_in(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	struct att *t = priv;
	enum att_capture capture = READ_ONCE(t->capture);
	bool taken;

	if (capture == ATT_CAPTURE_OFF || state->in != t->under)
		return NF_ACCEPT;

	spin_lock_bh(&t->corpus_lock);
	taken = att_capture_one(t, skb, capture == ATT_CAPTURE_STEAL);
	spin_unlock_bh(&t->corpus_lock);
	if (!taken)
		return NF_ACCEPT;
	consume_skb(skb);

	return NF_STOLEN;
}

static void att_tap_one(struct att *t, const struct sk_buff *skb)
{
	struct ipv6hdr *ip6h = (struct ipv6hdr *)t->scratch;
	int from = skb_network_offset(skb);
	unsigned int len = skb->len - from;

	if (skb->protocol != htons(ETH_P_IPV6) || skb_is_gso(skb) ||
	    from < 0 || len < sizeof(*ip6h) || len > sizeof(t->scratch) ||
	    skb_copy_bits(skb, from, t->scratch, len))
		return;

	if (skb->pkt_type == PACKET_OUTGOING) {
		if (ip6h->nexthdr == IPPROTO_ESP)
			att_keep(t, ATT_TX, len, sizeof(*ip6h));
		return;
	}
	/* As it would look if we had sent it without protection. */
	swap(ip6h->saddr, ip6h->daddr);
	att_keep(t, ATT_CLEAR, len, sizeof(*ip6h));
}

/* Both directions of the tunnel device, as tcpdump would see them. */
static int att_capture_tap(struct sk_buff *skb, struct net_device *dev,
			   struct packet_type *pt, struct net_device *orig)
{
	struct att *t = container_of(pt, struct att, tap);

	spin_lock_bh(&t->corpus_lock);
	att_tap_one(t, skb);
	spin_unlock_bh(&t->corpus_lock);
	kfree_skb(skb);

	return 0;
}

static struct nf_hook_ops att_capture_hooks[] = {
	{
		.hook = att_capture_in,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_FIRST,
	},
	{
		.hook = att_capture_in,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_FIRST,
	},
};

int att_capture_register(struct att *t)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(att_capture_hooks); i++)
		att_capture_hooks[i].priv = t;

	return nf_register_net_hooks(t->net, att_capture_hooks,
				     ARRAY_SIZE(att_capture_hooks));
}

void att_capture_unregister(struct att *t)
{
	att_capture_set(t, ATT_CAPTURE_OFF);
	nf_unregister_net_hooks(t->net, att_capture_hooks,
				ARRAY_SIZE(att_capture_hooks));
}

/* With the corpus at rest when it returns with capture off. May sleep. */
void att_capture_set(struct att *t, enum att_capture capture)
{
	bool was = t->capture != ATT_CAPTURE_OFF;
	bool is = capture != ATT_CAPTURE_OFF;

	WRITE_ONCE(t->capture, capture);
	if (is && !was) {
		t->tap.type = htons(ETH_P_ALL);
		t->tap.dev = t->dev;
		t->tap.func = att_capture_tap;
		dev_add_pack(&t->tap);
	} else if (was && !is) {
		dev_remove_pack(&t->tap);
		synchronize_net();
	}
}
