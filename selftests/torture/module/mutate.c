// SPDX-License-Identifier: GPL-2.0
/*
 * Spoilt packets. Two promises are kept whatever chance does:
 *
 *   - outer ESP differs, within what its authentication covers, from every
 *     packet that would still be taken for authentic;
 *   - cleartext does not become next header 50. The device cannot know who made
 *     that (its guard does, one layer above), and would send it.
 *
 * So whatever is decrypted, or leaves with the canary in it, is a fault.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>

#include "at_torture.h"

#define ATT_STUN_COOKIE	0x2112a442

static void att_random(struct att *t, void *data, unsigned int n)
{
	prandom_bytes_state(&t->rnd, data, n);
}

static void att_flip(struct att *t, u8 *data, unsigned int n)
{
	if (n)
		data[att_rnd(t, n)] ^= 1 << att_rnd(t, 8);
}

/* A number that means something somewhere. */
static u32 att_word(struct att *t, u32 old)
{
	static const u32 words[] = {
		0, 1, 2, 255, 256, 257, 0x7fffffff, 0x80000000, 0xffffffff,
		0x3fffffff, 0x40000000, ATT_STUN_COOKIE, 0xff000000,
	};

	switch (att_rnd(t, 4)) {
	case 0:
		return prandom_u32_state(&t->rnd);
	case 1:
		return old + att_rnd(t, 5) - 2;
	default:
		return words[att_rnd(t, ARRAY_SIZE(words))];
	}
}

static void att_set_word(struct att *t, struct att_packet *p, unsigned int n)
{
	__be32 *word = (__be32 *)(p->data + p->payload) + n;

	if (p->len >= p->payload + 4 * (n + 1))
		*word = htonl(att_word(t, ntohl(*word)));
}

static void att_extend(struct att *t, struct att_packet *p)
{
	unsigned int n = 1 + att_rnd(t, att_chance(t, 8) ? 400 : 64);

	n = min_t(unsigned int, n, ATT_PACKET_MAX - p->len);
	att_random(t, p->data + p->len, n);
	p->len += n;
}

/* Octets of another packet of its kind, behind SPI and sequence number. */
static void att_splice(struct att *t, struct att_packet *p)
{
	const struct att_entry *e;
	unsigned int from, to, n;

	e = &t->corpus[p->kind][att_rnd(t, t->n[p->kind])];
	if (e->len <= e->payload + 8 || p->len <= p->payload + 8)
		return;
	from = e->payload + 8 + att_rnd(t, e->len - e->payload - 8);
	to = p->payload + 8 + att_rnd(t, p->len - p->payload - 8);
	n = 1 + att_rnd(t, min(e->len - from, p->len - to));
	memcpy(p->data + to, e->data + from, n);
}

/* What else comes to this port: keepalives, IKE, signalling, STUN. */
static void att_other_payload(struct att *t, struct att_packet *p)
{
	__be32 *word = (__be32 *)(p->data + p->payload);

	switch (att_rnd(t, 5)) {
	case 0:
		p->data[p->payload] = att_chance(t, 4) ? att_rnd(t, 256) : 0xff;
		p->len = p->payload + 1;
		return;
	case 1:		/* an IKE_SA_INIT, or nearly */
		if (p->len < p->payload + 32)
			return;
		word[0] = 0;
		if (att_chance(t, 2)) {
			word[3] = 0;
			word[4] = 0;
		}
		word[5] = htonl(0x21202208);
		word[6] = 0;
		word[7] = htonl(p->len - p->payload - 4);
		return;
	case 2:
		word[0] = htonl(att_rnd(t, 256));
		return;
	case 3:
		word[0] = htonl(att_rnd(t, 0x40000000));
		word[1] = htonl(ATT_STUN_COOKIE);
		p->len = max(p->len, p->payload + 8);
		return;
	default:
		word[0] = 0;
	}
}

static void att_mutate_payload(struct att *t, struct att_packet *p)
{
	unsigned int n = p->len - p->payload;

	switch (att_rnd(t, 9)) {
	case 0:
	case 1:
		att_flip(t, p->data + p->payload, n);
		break;
	case 2:
		if (n)
			p->len = p->payload + att_rnd(t, n);
		break;
	case 3:
		att_extend(t, p);
		break;
	case 4:
		att_set_word(t, p, 0);
		break;
	case 5:
		att_set_word(t, p, 1);
		break;
	case 6:
		if (n > 16)
			att_random(t, p->data + p->payload + att_rnd(t, n - 16),
				   1 + att_rnd(t, 16));
		break;
	case 7:
		att_splice(t, p);
		break;
	case 8:
		/* The middle, or the end, once more in another place. */
		if (n > 32)
			memmove(p->data + p->payload + 8 + att_rnd(t, n / 4),
				p->data + p->payload + 8 + att_rnd(t, n / 4),
				n / 4);
		break;
	}
}

/* Is that one of those that are still good? */
static bool att_is_original(const struct att *t, const struct att_packet *p)
{
	unsigned int n = p->len - p->payload;
	const struct att_entry *e;
	unsigned int i, len;

	for (i = 0; i < t->n[ATT_FRESH]; i++) {
		e = &t->corpus[ATT_FRESH][i];
		len = e->len - e->payload;
		if (n >= len && !memcmp(p->data + p->payload,
					e->data + e->payload, len))
			return true;
	}

	return false;
}

static void att_ip4_finish(struct att *t, struct att_packet *p)
{
	struct iphdr *iph = (struct iphdr *)p->data;
	struct udphdr *uh = (struct udphdr *)(iph + 1);
	unsigned int len = p->len - sizeof(*iph);

	iph->tot_len = htons(p->len);
	uh->len = htons(len);
	uh->check = 0;
	if (att_chance(t, 4)) {
		uh->check = csum_tcpudp_magic(iph->saddr, iph->daddr, len,
					      IPPROTO_UDP,
					      csum_partial(uh, len, 0));
		if (!uh->check)
			uh->check = CSUM_MANGLED_0;
	}
	iph->check = 0;
	iph->check = ip_fast_csum(iph, sizeof(*iph) / 4);
}

static void att_ip6_finish(struct att_packet *p)
{
	struct ipv6hdr *ip6h = (struct ipv6hdr *)p->data;
	struct udphdr *uh = (struct udphdr *)(ip6h + 1);
	unsigned int len = p->len - sizeof(*ip6h);

	ip6h->payload_len = htons(len);
	uh->len = htons(len);
	uh->check = 0;
	uh->check = csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, len,
				    IPPROTO_UDP, csum_partial(uh, len, 0));
	if (!uh->check)
		uh->check = CSUM_MANGLED_0;
}

void att_copy(struct att_packet *p, const struct att_entry *e,
	      enum att_kind kind)
{
	p->len = e->len;
	p->payload = e->payload;
	p->kind = kind;
	memcpy(p->data, e->data, e->len);
	p->protocol = e->data[0] >> 4 == 4 ? htons(ETH_P_IP) :
					     htons(ETH_P_IPV6);
	/* Virtual devices do not finish the checksum that IPv6 must have. */
	if ((kind == ATT_FRESH || kind == ATT_OUTER) &&
	    p->protocol == htons(ETH_P_IPV6))
		att_ip6_finish(p);
}

/* Another source on the same network, and another port. */
static void att_other_source(struct att *t, struct att_packet *p)
{
	struct udphdr *uh;

	if (p->protocol == htons(ETH_P_IP)) {
		p->data[15] = 2 + att_rnd(t, 250);
		uh = (struct udphdr *)(p->data + sizeof(struct iphdr));
	} else {
		p->data[23] = 2 + att_rnd(t, 250);
		uh = (struct udphdr *)(p->data + sizeof(struct ipv6hdr));
	}
	if (att_chance(t, 2))
		uh->source = htons(1 + att_rnd(t, 65535));
}

/* Headers that lie; mostly with a checksum that makes them be believed. */
static void att_lie_outer(struct att *t, struct att_packet *p)
{
	struct ipv6hdr *ip6h = (struct ipv6hdr *)p->data;
	struct iphdr *iph = (struct iphdr *)p->data;
	bool is4 = p->protocol == htons(ETH_P_IP);
	unsigned int at = is4 ? sizeof(*iph) : sizeof(*ip6h);
	struct udphdr *uh = (struct udphdr *)(p->data + at);
	__be16 *len = is4 ? &iph->tot_len : &ip6h->payload_len;

	switch (att_rnd(t, 9)) {
	case 0:
	case 1:
		att_flip(t, p->data, p->payload);
		break;
	case 2:
		*len = htons(att_word(t, ntohs(*len)));
		break;
	case 3:
	case 4:
		uh->len = htons(att_word(t, ntohs(uh->len)));
		break;
	case 5:
		*(is4 ? &iph->protocol : &ip6h->nexthdr) = att_rnd(t, 256);
		break;
	case 6:
		if (is4)
			iph->frag_off = htons(att_word(t, 0));
		else
			ip6h->nexthdr = NEXTHDR_FRAGMENT;
		break;
	case 7:
		if (is4)
			iph->ihl = 6 + att_rnd(t, 10);
		else
			ip6h->hop_limit = att_rnd(t, 3);
		break;
	case 8:
		p->protocol = htons(att_chance(t, 2) ? ETH_P_IP : ETH_P_IPV6);
		break;
	}
	if (is4 && !att_chance(t, 8) && iph->ihl >= 5 &&
	    iph->ihl * 4 <= p->len) {
		iph->check = 0;
		iph->check = ip_fast_csum(iph, iph->ihl);
	}
}

/**
 * att_mutate_rx - spoil an outer packet
 * @t: torture
 * @p: copy of an ATT_FRESH or ATT_OUTER one
 * @exact: leave the outer headers sound, so that it reaches the tunnel
 */
void att_mutate_rx(struct att *t, struct att_packet *p, bool exact)
{
	unsigned int i, n;

	if (att_chance(t, 12))
		att_other_payload(t, p);
	n = 1 + att_rnd(t, att_chance(t, 4) ? 6 : 2);
	for (i = 0; i < n; i++)
		att_mutate_payload(t, p);
	/* Small devices: what is longer than a frame never comes in. */
	p->len = min_t(unsigned int, p->len, 1500);
	while (att_is_original(t, p))
		att_flip(t, p->data + p->payload + 8, 8);

	if (att_chance(t, 4))
		att_other_source(t, p);
	if (p->protocol == htons(ETH_P_IP))
		att_ip4_finish(t, p);
	else
		att_ip6_finish(p);
	if (!exact && att_chance(t, 3))
		att_lie_outer(t, p);
}

/* All of it but the socket that may send it. */
static void att_like_ike(struct att_packet *p)
{
	struct ipv6hdr *ip6h = (struct ipv6hdr *)p->data;
	struct udphdr *uh = (struct udphdr *)(ip6h + 1);
	__be32 *word = (__be32 *)(uh + 1);

	if (p->len < sizeof(*ip6h) + sizeof(*uh) + 28)
		return;
	ip6h->nexthdr = IPPROTO_UDP;
	uh->source = htons(500);
	uh->dest = htons(500);
	uh->len = htons(p->len - sizeof(*ip6h));
	word[0] = htonl(1);
	word[4] = htonl(0x21202208);
	word[6] = htonl(p->len - sizeof(*ip6h) - sizeof(*uh));
}

/**
 * att_mutate_tx - spoil a packet for the tunnel device
 * @t: torture
 * @p: copy of an ATT_TX or ATT_CLEAR one
 */
void att_mutate_tx(struct att *t, struct att_packet *p)
{
	static const u8 nexthdrs[] = { 0, 6, 17, 41, 43, 44, 50, 51, 58, 59, 60 };
	struct ipv6hdr *ip6h = (struct ipv6hdr *)p->data;
	unsigned int i, n = att_rnd(t, 4);

	for (i = 0; i < n; i++)
		att_mutate_payload(t, p);
	ip6h->payload_len = htons(p->len - sizeof(*ip6h));

	switch (att_rnd(t, 13)) {
	case 0:
		att_flip(t, p->data, sizeof(*ip6h));
		break;
	case 1:
		ip6h->payload_len = htons(att_word(t, p->len));
		break;
	case 2:
		ip6h->nexthdr = nexthdrs[att_rnd(t, ARRAY_SIZE(nexthdrs))];
		break;
	case 3:
		ip6h->daddr.s6_addr[att_rnd(t, 16)] ^= 1 << att_rnd(t, 8);
		break;
	case 4:
		swap(ip6h->saddr, ip6h->daddr);
		break;
	case 5:
		p->protocol = htons(att_chance(t, 2) ? ETH_P_IP : ETH_P_ARP);
		break;
	case 6:
		p->len = att_rnd(t, p->len + 1);
		break;
	case 7:
		*(__be32 *)p->data = htonl(att_word(t, 0x60000000));
		break;
	case 8:
		att_like_ike(p);
		break;
	}
	if (p->kind == ATT_CLEAR && ip6h->nexthdr == IPPROTO_ESP)
		ip6h->nexthdr = IPPROTO_UDP;
	/* A network packet has an octet at least. */
	p->len = max(p->len, 1U);
}
