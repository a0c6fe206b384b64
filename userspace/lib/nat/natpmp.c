// SPDX-License-Identifier: GPL-2.0-or-later
#include "natpmp.h"

#include <errno.h>

#include "../dns/message.h"

#define REPLY		128	/* added to the opcode */
#define HEADER		8
#define ADDRESS_REPLY	12
#define MAP_REPLY	16

size_t natpmp_put_address(uint8_t out[NATPMP_ADDRESS_LEN])
{
	out[0] = NATPMP_VERSION;
	out[1] = NATPMP_ADDRESS;
	return NATPMP_ADDRESS_LEN;
}

size_t natpmp_put_map(uint8_t out[NATPMP_MAP_LEN], uint16_t internal, uint16_t external,
		      uint32_t lifetime)
{
	out[0] = NATPMP_VERSION;
	out[1] = NATPMP_MAP_UDP;
	dns_put16(out + 2, 0);
	dns_put16(out + 4, internal);
	dns_put16(out + 6, external);
	dns_put32(out + 8, lifetime);
	return NATPMP_MAP_LEN;
}

bool natpmp_bad_version(const uint8_t *msg, size_t len, uint8_t *version)
{
	/* A request of somebody else's has neither the R bit nor eight octets of which
	 * the fourth is 1: in NAT-PMP's map requests it is reserved.
	 */
	if (len < HEADER || msg[3] != NATPMP_BAD_VERSION)
		return false;
	/* In NAT-PMP, the result has 16 bits; in PCP, the first eight are reserved. */
	if (msg[0] == NATPMP_VERSION ? msg[2] : !(msg[1] & REPLY))
		return false;
	*version = msg[0];
	return true;
}

int natpmp_read(const uint8_t *msg, size_t len, struct natpmp_reply *out)
{
	uint8_t version;
	size_t want;

	if (natpmp_bad_version(msg, len, &version))
		return -EPROTONOSUPPORT;
	if (len < HEADER || msg[0] != NATPMP_VERSION || msg[1] < REPLY ||
	    msg[1] > REPLY + NATPMP_MAP_TCP)
		return -EBADMSG;

	*out = (struct natpmp_reply){
		.op = msg[1] - REPLY, .result = dns_u16(msg + 2), .epoch = dns_u32(msg + 4),
	};
	want = out->op == NATPMP_ADDRESS ? ADDRESS_REPLY : MAP_REPLY;
	out->full = len >= want;
	if (!out->full)
		return out->result == NATPMP_OK ? -EBADMSG : 0;
	if (out->op == NATPMP_ADDRESS) {
		memcpy(out->address.b, msg + 8, sizeof(out->address.b));
		return 0;
	}
	out->internal = dns_u16(msg + 8);
	out->external = dns_u16(msg + 10);
	out->lifetime = dns_u32(msg + 12);
	return 0;
}
