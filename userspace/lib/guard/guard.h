/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What keeps cleartext to and from peers off all networks, as netlink messages:
 *
 * - policies of XFRM that block all packets to and from a peer's ULA, below all other
 *   policies: they take effect where IKE's are missing;
 * - a table of nftables that drops packets from a peer's ULA that come in on any other
 *   device than the tunnel's.
 *
 * Neither depends on charon. And what else of XFRM btmmd reads: the SAs and policies that
 * there are, and what the kernel asks SAs for. No I/O. The messages are written with the writer
 * of lib/netlink, since there are few and fixed ones: libnftnl would be one more
 * library that runs with CAP_NET_ADMIN.
 *
 * A message's sequence number is 1 more than that of the one before it in the writer,
 * from 1 on.
 */
#ifndef BTMM_GUARD_H
#define BTMM_GUARD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../netlink/attr.h"

#define GUARD_TABLE	"btmm-guard"
/* Octets that guard_nft_table() needs at most */
#define GUARD_TABLE_SIZE(n)	(4096 + 40 * (size_t)(n))
#define GUARD_PEER_SIZE		1024	/* the others */

struct guard_writer {
	struct nl_writer w;
	uint32_t seq;		/* of the last message */
};

/* Block policies in, out and fwd; three messages for NETLINK_XFRM. */
void guard_policies(struct guard_writer *g, bool add, const struct in6_addr *ula);

/* A whole table for NETLINK_NETFILTER in place of what there was, in one transaction. */
void guard_nft_table(struct guard_writer *g, const char *device, const struct in6_addr *ulas,
		     size_t n);
/* One peer more or less in it. */
void guard_nft_peer(struct guard_writer *g, bool add, const struct in6_addr *ula);
/* No table; that there was none is no error. */
void guard_nft_remove(struct guard_writer *g);

struct guard_sa {
	struct in6_addr src, dst;
	uint32_t spi;		/* host order */
};

/* All SAs: the request, and one message (XFRM_MSG_NEWSA) of the answer. False: it is
 * not ESP over IPv6, or has no keys (the kernel only keeps its SPI free).
 */
void guard_sa_dump(struct guard_writer *g);
bool guard_sa_read(const uint8_t *payload, size_t len, struct guard_sa *out);
void guard_sa_delete(struct guard_writer *g, const struct guard_sa *sa);

struct guard_policy {
	struct in6_addr own;	/* ::, of those that block */
	struct in6_addr peer;
	uint32_t index;		/* the kernel's name of it */
	uint8_t dir;
};

/* All policies: the request, and one message (XFRM_MSG_NEWPOLICY) of the answer. False: it
 * is neither one of guard_policies() nor one of IKE's between two ULAs that are the ends of
 * the tunnel, too.
 */
void guard_policy_dump(struct guard_writer *g);
bool guard_policy_read(const uint8_t *payload, size_t len, struct guard_policy *out);
void guard_policy_delete(struct guard_writer *g, const struct guard_policy *p);

/* XFRM_MSG_ACQUIRE: the other end of the SA that is wanted; false: not over IPv6 */
bool guard_acquire_read(const uint8_t *payload, size_t len, struct in6_addr *peer);

#endif
