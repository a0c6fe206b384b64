/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCP messages, RFC 6887 7, 11 and 14, as far as a client that maps UDP ports of its
 * own IPv4 address needs them. Ports are in host order, times in seconds.
 */
#ifndef BTMM_NAT_PCP_H
#define BTMM_NAT_PCP_H

#include <stddef.h>

#include "address.h"

#define PCP_VERSION	2
#define PCP_MAX		1100	/* octets; a longer message is not looked at */
#define PCP_HEADER	24
#define PCP_MAP_LEN	60	/* without options */
#define PCP_NONCE	12
#define PCP_UDP		17	/* protocol */

enum pcp_op { PCP_ANNOUNCE, PCP_MAP, PCP_PEER };

enum pcp_result {
	PCP_SUCCESS, PCP_UNSUPP_VERSION, PCP_NOT_AUTHORIZED, PCP_MALFORMED_REQUEST,
	PCP_UNSUPP_OPCODE, PCP_UNSUPP_OPTION, PCP_MALFORMED_OPTION, PCP_NETWORK_FAILURE,
	PCP_NO_RESOURCES, PCP_UNSUPP_PROTOCOL, PCP_USER_EX_QUOTA,
	PCP_CANNOT_PROVIDE_EXTERNAL, PCP_ADDRESS_MISMATCH, PCP_EXCESSIVE_REMOTE_PEERS,
};

struct pcp_map {
	uint8_t nonce[PCP_NONCE];
	uint16_t internal;
	uint16_t external;	/* suggested, assigned; 0: any */
	struct ipv4 address;	/* the same; 0.0.0.0: any */
};

struct pcp_reply {
	enum pcp_op op;
	uint8_t result;		/* enum pcp_result, or a later RFC's */
	uint32_t lifetime, epoch;
	struct pcp_map map;	/* PCP_MAP */
};

/* A MAP request for UDP; returns the length. Deletion: port, address, @lifetime 0. */
size_t pcp_put_map(uint8_t out[PCP_MAP_LEN], struct ipv4 client, const struct pcp_map *map,
		   uint32_t lifetime);

/*
 * An answer or announcement (RFC 6887 8.3, 11.4, 14.1). Options are not looked at:
 * none was asked for. 0; -EBADMSG, also for another protocol than UDP and an external
 * address that is not IPv4; -EPROTONOSUPPORT: see natpmp_bad_version().
 */
int pcp_read(const uint8_t *msg, size_t len, struct pcp_reply *out);

#endif
