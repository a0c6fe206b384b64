// SPDX-License-Identifier: GPL-2.0-or-later
#include "identity.h"

#include <stdio.h>
#include <string.h>

#define MAC_LEN		6
#define UNIVERSAL	0x02	/* inverted in the modified form: set there if universal */
#define GROUP		0x01
#define ULA_RANDOM	7

void eui64_from_mac(const uint8_t mac[6], uint8_t out[EUI64_LEN])
{
	memcpy(out, mac, 3);
	out[3] = 0xff;
	out[4] = 0xfe;
	memcpy(out + 5, mac + 3, 3);
	out[0] ^= UNIVERSAL;
}

/* In the modified form. False: it says nothing about who it belongs to. */
static bool eui64_of(const struct identity_link *l, uint8_t out[EUI64_LEN])
{
	static const uint8_t zero[EUI64_LEN];

	if ((l->hwaddr_len != MAC_LEN && l->hwaddr_len != EUI64_LEN) ||
	    l->hwaddr[0] & GROUP || !memcmp(l->hwaddr, zero, l->hwaddr_len))
		return false;

	if (l->hwaddr_len == MAC_LEN) {
		eui64_from_mac(l->hwaddr, out);
	} else {
		memcpy(out, l->hwaddr, EUI64_LEN);
		out[0] ^= UNIVERSAL;
	}
	return true;
}

int identity_primary(const struct identity_link *links, size_t n)
{
	uint8_t best_id[EUI64_LEN] = { 0 }, id[EUI64_LEN];
	int best = -1;
	size_t i;

	for (i = 0; i < n; i++) {
		int by;

		if (!eui64_of(&links[i], id))
			continue;
		by = best < 0 ? 1 : (int)links[i].place - (int)links[best].place;
		if (!by)
			by = (id[0] & UNIVERSAL) - (best_id[0] & UNIVERSAL);
		if (!by)
			by = memcmp(best_id, id, sizeof(id));
		if (by <= 0)
			continue;
		best = (int)i;
		memcpy(best_id, id, sizeof(id));
	}
	return best;
}

/* Without UNIVERSAL and GROUP it is neither hardware's nor reserved (RFC 5453),
 * but for the one of all zeros.
 */
static void random_id(const uint8_t random[EUI64_LEN], uint8_t out[EUI64_LEN])
{
	static const uint8_t zero[EUI64_LEN];

	memcpy(out, random, EUI64_LEN);
	out[0] &= (uint8_t)~(UNIVERSAL | GROUP);
	if (!memcmp(out, zero, EUI64_LEN))
		out[EUI64_LEN - 1] = 1;
}

void identity_make(struct identity *id, const struct identity_link *links, size_t n,
		   bool private, const uint8_t random[IDENTITY_RANDOM])
{
	int primary = private ? -1 : identity_primary(links, n);

	*id = (struct identity){ .random = primary < 0 };
	if (id->random)
		random_id(random + ULA_RANDOM, id->eui64);
	else
		eui64_of(&links[primary], id->eui64);

	id->ula.s6_addr[0] = 0xfd;
	memcpy(id->ula.s6_addr + 1, random, ULA_RANDOM);
	memcpy(id->ula.s6_addr + 1 + ULA_RANDOM, id->eui64, EUI64_LEN);
}

const char *identity_label(const struct identity *id, char out[IDENTITY_LABEL])
{
	const uint8_t *e = id->eui64;

	snprintf(out, IDENTITY_LABEL, "AutoTunnel-%02X-%02X-%02X-%02X-%02X-%02X-%02X-%02X",
		 e[0] ^ UNIVERSAL, e[1], e[2], e[3], e[4], e[5], e[6], e[7]);
	return out;
}
