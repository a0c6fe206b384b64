// SPDX-License-Identifier: GPL-2.0
/*
 * Which peer does an IKE datagram belong to, and where does the answer go?
 *
 * A set-associative cache by the initiator's SPI. It never grows; in a full
 * set an IKE SA that did not get beyond IKE_SA_INIT goes first, since anybody
 * who can send as a peer's address can make our daemon answer those.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "ike.h"

/* The way back is that of a request: old ones are no way at all. */
#define AT_IKE_FROM_MAX_AGE	(60 * HZ)

int at_ike_init(struct at_ike *ike)
{
	ike->sas = kvcalloc(AT_IKE_SETS * AT_IKE_WAYS, sizeof(*ike->sas),
			    GFP_KERNEL_ACCOUNT);
	if (!ike->sas)
		return -ENOMEM;
	spin_lock_init(&ike->lock);
	get_random_bytes(&ike->key, sizeof(ike->key));

	return 0;
}

void at_ike_destroy(struct at_ike *ike)
{
	kvfree(ike->sas);
	ike->sas = NULL;
}

/**
 * at_ike_header_sane - is this an IKE message at all?
 * @hdr: its header
 * @len: octets of the UDP payload after the non-ESP marker
 */
bool at_ike_header_sane(const struct at_ike_header *hdr, unsigned int len)
{
	u8 major = hdr->version >> 4;

	return hdr->spi_i && (major == 1 || major == 2) &&
	       ntohl(hdr->length) == len;
}

static struct at_ike_sa *at_ike_set(struct at_ike *ike, __be64 spi_i)
{
	u64 hash = siphash_1u64((__force u64)spi_i, &ike->key);

	return &ike->sas[(hash % AT_IKE_SETS) * AT_IKE_WAYS];
}

static struct at_ike_sa *at_ike_find(struct at_ike *ike, __be64 spi_i)
{
	struct at_ike_sa *set = at_ike_set(ike, spi_i);
	unsigned int i;

	lockdep_assert_held(&ike->lock);

	for (i = 0; i < AT_IKE_WAYS; i++)
		if (set[i].spi_i == spi_i)
			return &set[i];

	return NULL;
}

/* Finds the entry, or makes one in the place of the least worthy. */
static struct at_ike_sa *at_ike_get(struct at_ike *ike, __be64 spi_i,
				    const struct in6_addr *ula)
{
	struct at_ike_sa *sa = at_ike_find(ike, spi_i);
	struct at_ike_sa *set;
	unsigned int i;

	if (sa && ipv6_addr_equal(&sa->ula, ula))
		return sa;
	if (!sa) {
		set = at_ike_set(ike, spi_i);
		sa = &set[0];
		for (i = 0; i < AT_IKE_WAYS; i++) {
			if (!set[i].spi_i) {
				sa = &set[i];
				break;
			}
			if (set[i].established != sa->established ?
			    sa->established :
			    time_before(set[i].used, sa->used))
				sa = &set[i];
		}
	}
	memset(sa, 0, sizeof(*sa));
	sa->spi_i = spi_i;
	sa->ula = *ula;

	return sa;
}

static void at_ike_update(struct at_ike_sa *sa, const struct at_ike_header *hdr)
{
	if (hdr->spi_r)
		sa->spi_r = hdr->spi_r;
	/* IKEv1's exchanges have numbers below; they count as set-up. */
	if (hdr->exchange > AT_IKE_SA_INIT)
		sa->established = true;
	sa->used = jiffies;
}

/* Our daemon sends @hdr to peer @ula. BH off. */
void at_ike_note_sent(struct at_ike *ike, const struct at_ike_header *hdr,
		      const struct in6_addr *ula)
{
	spin_lock(&ike->lock);
	at_ike_update(at_ike_get(ike, hdr->spi_i, ula), hdr);
	spin_unlock(&ike->lock);
}

/**
 * at_ike_whose - find an inbound message's peer by its SPIs
 * @ike: table
 * @hdr: header of the message
 * @from: where it came from, remembered as the way back
 * @ula: the peer's ULA, on success
 *
 * The responder's SPI must be the known one, or be the first we see of it,
 * in the answer to a request of ours. Return: whether it is known. BH off.
 */
bool at_ike_whose(struct at_ike *ike, const struct at_ike_header *hdr,
		  const struct at_from *from, struct in6_addr *ula)
{
	struct at_ike_sa *sa;
	bool known = false;

	spin_lock(&ike->lock);
	sa = at_ike_find(ike, hdr->spi_i);
	if (sa && (sa->spi_r ? hdr->spi_r == sa->spi_r :
			       hdr->flags & AT_IKE_FLAG_RESPONSE)) {
		*ula = sa->ula;
		sa->from = *from;
		sa->used = jiffies;
		known = true;
	}
	spin_unlock(&ike->lock);

	return known;
}

/* btmmd says that @hdr, which came from @from, is peer @ula's. */
void at_ike_vouch(struct at_ike *ike, const struct at_ike_header *hdr,
		  const struct in6_addr *ula, const struct at_from *from)
{
	struct at_ike_sa *sa;

	spin_lock_bh(&ike->lock);
	sa = at_ike_get(ike, hdr->spi_i, ula);
	sa->from = *from;
	sa->used = jiffies;
	spin_unlock_bh(&ike->lock);
}

/**
 * at_ike_way_back - where did the request come from that this answers?
 * @ike: table
 * @hdr: header of the outbound message
 * @ula: the peer it goes to
 * @any: take it for requests, too: the peer has no endpoint
 * @from: where the last message of this IKE SA came from, on success
 *
 * Return: whether one is known. BH off.
 */
bool at_ike_way_back(struct at_ike *ike, const struct at_ike_header *hdr,
		     const struct in6_addr *ula, bool any, struct at_from *from)
{
	struct at_ike_sa *sa;
	bool found = false;

	if (!any && !(hdr->flags & AT_IKE_FLAG_RESPONSE))
		return false;

	spin_lock(&ike->lock);
	sa = at_ike_find(ike, hdr->spi_i);
	if (sa && sa->from.port && ipv6_addr_equal(&sa->ula, ula) &&
	    time_before(jiffies, sa->used + AT_IKE_FROM_MAX_AGE)) {
		*from = sa->from;
		found = true;
	}
	spin_unlock(&ike->lock);

	return found;
}

/* The peer is gone, and so is all that was known of its IKE SAs. */
void at_ike_forget_peer(struct at_ike *ike, const struct in6_addr *ula)
{
	unsigned int i;

	spin_lock_bh(&ike->lock);
	for (i = 0; i < AT_IKE_SETS * AT_IKE_WAYS; i++)
		if (ike->sas[i].spi_i && ipv6_addr_equal(&ike->sas[i].ula, ula))
			memset(&ike->sas[i], 0, sizeof(ike->sas[i]));
	spin_unlock_bh(&ike->lock);
}
