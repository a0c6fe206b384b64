/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NAT-PMP messages, RFC 6886 3. Ports are in host order, times in seconds. */
#ifndef BTMM_NAT_NATPMP_H
#define BTMM_NAT_NATPMP_H

#include <stddef.h>

#include "address.h"

#define NATPMP_PORT		5351	/* the gateway's; PCP's, too */
#define NATPMP_CLIENT_PORT	5350	/* announcements come to 224.0.0.1 there */
#define NATPMP_VERSION		0
#define NATPMP_ADDRESS_LEN	2	/* of requests */
#define NATPMP_MAP_LEN		12

enum natpmp_op { NATPMP_ADDRESS, NATPMP_MAP_UDP, NATPMP_MAP_TCP };

enum natpmp_result {
	NATPMP_OK, NATPMP_BAD_VERSION, NATPMP_REFUSED, NATPMP_NO_NETWORK,
	NATPMP_NO_RESOURCES, NATPMP_BAD_OP,
};

struct natpmp_reply {
	enum natpmp_op op;
	uint16_t result;	/* enum natpmp_result, or a later RFC's */
	uint32_t epoch;
	bool full;		/* what follows is there; always, if @result is NATPMP_OK */
	struct ipv4 address;	/* NATPMP_ADDRESS */
	uint16_t internal, external;	/* the others */
	uint32_t lifetime;
};

/* Both return the length. */
size_t natpmp_put_address(uint8_t out[NATPMP_ADDRESS_LEN]);
/* Deletion: @external and @lifetime 0 (RFC 6886 3.4) */
size_t natpmp_put_map(uint8_t out[NATPMP_MAP_LEN], uint16_t internal, uint16_t external,
		      uint32_t lifetime);

/*
 * An answer or announcement. What follows the fields of an error may be missing: the
 * RFC has gateways send all, some send eight octets. 0; -EBADMSG; -EPROTONOSUPPORT:
 * it says (in this version's format or PCP's) that our version is not spoken.
 */
int natpmp_read(const uint8_t *msg, size_t len, struct natpmp_reply *out);

/*
 * Of PCP or NAT-PMP: is it an answer that the version asked in is not spoken? Result 1
 * is where both have it, in octet 3. NAT-PMP's has neither the length nor the R bit
 * that PCP wants (RFC 6887 A), so this is to be tested before all else. @version: the
 * sender's.
 */
bool natpmp_bad_version(const uint8_t *msg, size_t len, uint8_t *version);

#endif
