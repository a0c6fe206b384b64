/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tunnel must know of IKE: whose datagram is it, and where does the
 * answer go? A bounded table of IKE SAs by SPI. Only what our own IKE daemon
 * sends, or what btmmd vouches for, makes an entry.
 */
#ifndef _AUTOTUNNEL_IKE_H
#define _AUTOTUNNEL_IKE_H

#include <linux/in6.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct at_outer;

#define AT_IKE_PORT		500
#define AT_IKE_MARKER_LEN	4	/* RFC 3948: four zero octets */
#define AT_IKE_SETS		512
#define AT_IKE_WAYS		4

/* RFC 7296 section 3.1 */
struct at_ike_header {
	__be64 spi_i;
	__be64 spi_r;
	__u8 next_payload;
	__u8 version;
	__u8 exchange;
	__u8 flags;
	__be32 message_id;
	__be32 length;
} __packed;

#define AT_IKE_FLAG_RESPONSE	0x20
#define AT_IKE_SA_INIT		34

/* In IKEv1 that bit means nothing. */
static inline bool at_ike_is_response(const struct at_ike_header *hdr)
{
	return hdr->version >> 4 == 2 && hdr->flags & AT_IKE_FLAG_RESPONSE;
}

/* Where a datagram came from: the outer source, and our side of it. */
struct at_from {
	struct in6_addr addr;
	__be16 port;
	struct in6_addr local;
	int iif;
};

struct at_ike_sa {
	__be64 spi_i;		/* 0: the entry is free */
	__be64 spi_r;		/* 0: not known yet */
	struct in6_addr ula;
	struct at_from from;	/* of the last inbound; port 0 for none */
	unsigned long used;	/* jiffies */
	bool established;	/* went beyond IKE_SA_INIT: evicted last */
};

/**
 * struct at_ike - IKE SAs by SPI
 * @lock: guards the table
 * @key: of the hash of the initiator's SPI, which anybody may choose
 * @sas: AT_IKE_SETS sets of AT_IKE_WAYS entries
 */
struct at_ike {
	spinlock_t lock;	/* innermost */
	siphash_key_t key;
	struct at_ike_sa *sas;
};

int at_ike_init(struct at_ike *ike);
void at_ike_destroy(struct at_ike *ike);
bool at_ike_header_sane(const struct at_ike_header *hdr, unsigned int len);
void at_ike_note_sent(struct at_ike *ike, const struct at_ike_header *hdr,
		      const struct in6_addr *ula);
bool at_ike_whose(struct at_ike *ike, const struct at_ike_header *hdr,
		  const struct at_from *from, struct in6_addr *ula);
void at_ike_vouch(struct at_ike *ike, const struct at_ike_header *hdr,
		  const struct in6_addr *ula, const struct at_from *from);
bool at_ike_way_back(struct at_ike *ike, const struct at_ike_header *hdr,
		     const struct in6_addr *ula, bool any,
		     struct at_from *from);
void at_ike_forget_peer(struct at_ike *ike, const struct in6_addr *ula);

#endif /* _AUTOTUNNEL_IKE_H */
