// SPDX-License-Identifier: GPL-2.0-or-later
#include "pcp.h"

#include <errno.h>

#include "../dns/message.h"
#include "natpmp.h"

#define RESPONSE	0x80

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void put_address(uint8_t *p, struct ipv4 a)
{
	memcpy(p, mapped, sizeof(mapped));
	memcpy(p + sizeof(mapped), a.b, sizeof(a.b));
}

size_t pcp_put_map(uint8_t out[PCP_MAP_LEN], struct ipv4 client, const struct pcp_map *map,
		   uint32_t lifetime)
{
	uint8_t *p = out + PCP_HEADER;

	memset(out, 0, PCP_MAP_LEN);
	out[0] = PCP_VERSION;
	out[1] = PCP_MAP;
	dns_put32(out + 4, lifetime);
	put_address(out + 8, client);

	memcpy(p, map->nonce, PCP_NONCE);
	p[12] = PCP_UDP;
	dns_put16(p + 16, map->internal);
	dns_put16(p + 18, map->external);
	put_address(p + 20, map->address);
	return PCP_MAP_LEN;
}

static int read_map(const uint8_t *p, struct pcp_map *out, bool success)
{
	if (p[12] != PCP_UDP)
		return -EBADMSG;
	memcpy(out->nonce, p, PCP_NONCE);
	out->internal = dns_u16(p + 16);
	out->external = dns_u16(p + 18);
	if (memcmp(p + 20, mapped, sizeof(mapped))) /* some put :: into errors */
		return success ? -EBADMSG : 0;
	memcpy(out->address.b, p + 20 + sizeof(mapped), sizeof(out->address.b));
	return 0;
}

int pcp_read(const uint8_t *msg, size_t len, struct pcp_reply *out)
{
	uint8_t version;

	if (natpmp_bad_version(msg, len, &version))
		return -EPROTONOSUPPORT;
	if (len < PCP_HEADER || len > PCP_MAX || len % 4 || msg[0] != PCP_VERSION ||
	    !(msg[1] & RESPONSE) || (msg[1] & ~RESPONSE) > PCP_PEER)
		return -EBADMSG;

	*out = (struct pcp_reply){
		.op = msg[1] & ~RESPONSE, .result = msg[3], .lifetime = dns_u32(msg + 4),
		.epoch = dns_u32(msg + 8),
	};
	if (out->op != PCP_MAP)
		return 0;
	if (len < PCP_MAP_LEN)
		return -EBADMSG;
	return read_map(msg + PCP_HEADER, &out->map, out->result == PCP_SUCCESS);
}
