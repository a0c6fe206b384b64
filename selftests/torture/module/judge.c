// SPDX-License-Identifier: GPL-2.0
/*
 * What leaves on the underlay while packets are handed in. It is looked at in
 * the egress hook, where it still has all its headers, and goes no further:
 * nobody else is flooded, and nothing comes back.
 */
#include <linux/if_ether.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_netdev.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "at_torture.h"

#define ATT_SPI_MIN	256

/* A packet may be a whole run of segments. */
#define ATT_SCAN_MAX	(64 * 1024)

static u8 *att_scan;
static DEFINE_SPINLOCK(att_scan_lock);	/* guards att_scan; BH */

static bool att_has_canary(const struct sk_buff *skb)
{
	unsigned int len = min_t(unsigned int, skb->len, ATT_SCAN_MAX);
	const u8 *at = att_scan;
	bool found = false;

	spin_lock_bh(&att_scan_lock);
	if (skb_copy_bits(skb, 0, att_scan, len))
		goto out;
	while (!found && at + ATT_CANARY_LEN <= att_scan + len) {
		at = memchr(at, ATT_CANARY[0],
			    att_scan + len - at - ATT_CANARY_LEN + 1);
		if (!at)
			break;
		found = !memcmp(at, ATT_CANARY, ATT_CANARY_LEN);
		at++;
	}
out:
	spin_unlock_bh(&att_scan_lock);

	return found;
}

/* What the tunnel itself says, by its UDP payload at @off. */
static enum att_stat att_judge_udp(const struct att *t,
				   const struct sk_buff *skb, unsigned int off)
{
	struct udphdr _uh, *uh;
	__be32 _word, *word;

	uh = skb_header_pointer(skb, off, sizeof(_uh), &_uh);
	if (!uh || uh->source != t->port)
		return ATT_OUT_ANSWERS;
	if (skb->len == off + sizeof(*uh) + 1)
		return ATT_OUT_KEEPALIVE;
	word = skb_header_pointer(skb, off + sizeof(*uh), sizeof(_word),
				  &_word);
	if (!word)
		return ATT_OUT_ANSWERS;
	if (!*word)
		return ATT_OUT_IKE;

	return ntohl(*word) >= ATT_SPI_MIN ? ATT_OUT_ESP : ATT_OUT_ANSWERS;
}

/* Errors may quote what they are about. */
static enum att_stat att_judge_ip4(const struct att *t,
				   const struct sk_buff *skb, bool *error)
{
	unsigned int off = skb_network_offset(skb);
	struct icmphdr _icmph, *icmph;
	struct iphdr _iph, *iph;

	iph = skb_header_pointer(skb, off, sizeof(_iph), &_iph);
	if (!iph)
		return ATT_OUT_ANSWERS;
	/* What belongs to its first fragment has been counted with that. */
	if (iph->frag_off & htons(IP_OFFSET))
		return ATT_OUT_NOISE;
	off += iph->ihl * 4;
	switch (iph->protocol) {
	case IPPROTO_UDP:
		return att_judge_udp(t, skb, off);
	case IPPROTO_IGMP:
		return ATT_OUT_NOISE;
	case IPPROTO_ICMP:
		icmph = skb_header_pointer(skb, off, sizeof(_icmph), &_icmph);
		if (!icmph)
			break;
		*error = icmph->type == ICMP_DEST_UNREACH ||
			 icmph->type == ICMP_TIME_EXCEEDED ||
			 icmph->type == ICMP_PARAMETERPROB;
		/* Reassembly has waited long enough: a timer. */
		if (icmph->type == ICMP_TIME_EXCEEDED &&
		    icmph->code == ICMP_EXC_FRAGTIME)
			return ATT_OUT_NOISE;
		break;
	}

	return ATT_OUT_ANSWERS;
}

static enum att_stat att_judge_ip6(const struct att *t,
				   const struct sk_buff *skb, bool *error)
{
	unsigned int off = skb_network_offset(skb);
	struct icmp6hdr _icmph, *icmph;
	struct ipv6hdr _ip6h, *ip6h;
	__be16 frag;
	u8 nexthdr;
	int at;

	ip6h = skb_header_pointer(skb, off, sizeof(_ip6h), &_ip6h);
	if (!ip6h)
		return ATT_OUT_ANSWERS;
	nexthdr = ip6h->nexthdr;
	at = ipv6_skip_exthdr(skb, off + sizeof(*ip6h), &nexthdr, &frag);
	if (frag & htons(IP6_OFFSET))
		return ATT_OUT_NOISE;
	if (at < 0)
		return ATT_OUT_ANSWERS;
	if (nexthdr == IPPROTO_UDP)
		return att_judge_udp(t, skb, at);
	if (nexthdr != IPPROTO_ICMPV6)
		return ATT_OUT_ANSWERS;

	icmph = skb_header_pointer(skb, at, sizeof(_icmph), &_icmph);
	if (!icmph)
		return ATT_OUT_ANSWERS;
	*error = icmph->icmp6_type < ICMPV6_INFOMSG_MASK;
	switch (icmph->icmp6_type) {
	case 130 ... 137:	/* MLD version 1, neighbour discovery */
	case ICMPV6_MLD2_REPORT:
		return ATT_OUT_NOISE;
	case ICMPV6_TIME_EXCEED:
		return icmph->icmp6_code == ICMPV6_EXC_FRAGTIME ?
			ATT_OUT_NOISE : ATT_OUT_ANSWERS;
	}

	return ATT_OUT_ANSWERS;
}

static void att_leaked(struct att *t, const struct sk_buff *skb)
{
	if (atomic64_read(&t->stats[ATT_LEAKS]) < 5)
		print_hex_dump(KERN_INFO, "at-torture: cleartext left: ",
			       DUMP_PREFIX_OFFSET, 16, 1, skb->data,
			       min_t(unsigned int, skb_headlen(skb), 128),
			       true);
	att_stat(t, ATT_LEAKS, 1);
}

static unsigned int att_judge_out(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	unsigned int segs = max_t(unsigned int, 1, skb_shinfo(skb)->gso_segs);
	enum att_stat what = ATT_OUT_NOISE;
	struct att *t = priv;
	bool error = false;

	if (!READ_ONCE(t->running))
		return NF_ACCEPT;

	if (skb->protocol == htons(ETH_P_IP))
		what = att_judge_ip4(t, skb, &error);
	else if (skb->protocol == htons(ETH_P_IPV6))
		what = att_judge_ip6(t, skb, &error);
	else if (skb->protocol != htons(ETH_P_ARP))
		what = ATT_OUT_ANSWERS;

	att_stat(t, what, segs);
	if (what != ATT_OUT_NOISE)
		atomic_add(segs, &t->batch_out);
	if (att_has_canary(skb)) {
		if (error)
			att_stat(t, ATT_QUOTES, 1);
		else
			att_leaked(t, skb);
	}
	if (what == ATT_OUT_NOISE)
		return NF_ACCEPT;
	consume_skb(skb);

	return NF_STOLEN;
}

/* A batch of @n is through: no more than one packet may have left for each. */
void att_judge_batch(struct att *t, unsigned int n)
{
	int out = atomic_xchg(&t->batch_out, 0);

	if (out <= (int)n)
		return;
	if (atomic64_read(&t->stats[ATT_EXCESS]) < 5)
		pr_info("at-torture: %d packets left for %u\n", out, n);
	att_stat(t, ATT_EXCESS, out - n);
}

static struct nf_hook_ops att_judge_hook = {
	.hook = att_judge_out,
	.pf = NFPROTO_NETDEV,
	.hooknum = NF_NETDEV_EGRESS,
	.priority = INT_MAX,
};

int att_judge_register(struct att *t)
{
	int err;

	att_scan = kvmalloc(ATT_SCAN_MAX, GFP_KERNEL);
	if (!att_scan)
		return -ENOMEM;
	att_judge_hook.priv = t;
	att_judge_hook.dev = t->under;
	err = nf_register_net_hook(t->net, &att_judge_hook);
	if (err)
		kvfree(att_scan);

	return err;
}

void att_judge_unregister(struct att *t)
{
	nf_unregister_net_hook(t->net, &att_judge_hook);
	synchronize_net();
	kvfree(att_scan);
}
