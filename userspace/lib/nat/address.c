// SPDX-License-Identifier: GPL-2.0-or-later
#include "address.h"

#include <stddef.h>
#include <stdio.h>

static const struct {
	uint8_t b[4];
	uint8_t len;	/* of the prefix */
	enum ipv4_kind kind;
} prefixes[] = {
	{ { 0, 0, 0, 0 }, 8, IPV4_NONE },
	{ { 10, 0, 0, 0 }, 8, IPV4_PRIVATE },
	{ { 100, 64, 0, 0 }, 10, IPV4_SHARED },
	{ { 127, 0, 0, 0 }, 8, IPV4_NONE },
	{ { 169, 254, 0, 0 }, 16, IPV4_LOCAL },
	{ { 172, 16, 0, 0 }, 12, IPV4_PRIVATE },
	{ { 192, 0, 0, 0 }, 24, IPV4_LOCAL },
	{ { 192, 168, 0, 0 }, 16, IPV4_PRIVATE },
	{ { 224, 0, 0, 0 }, 3, IPV4_NONE },
};

static uint32_t number(const uint8_t b[4])
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

enum ipv4_kind ipv4_kind(struct ipv4 a)
{
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (!((number(a.b) ^ number(prefixes[i].b)) >> (32 - prefixes[i].len)))
			return prefixes[i].kind;
	return IPV4_PUBLIC;
}

const char *ipv4_text(struct ipv4 a, char out[IPV4_TEXT_SIZE])
{
	snprintf(out, IPV4_TEXT_SIZE, "%u.%u.%u.%u", a.b[0], a.b[1], a.b[2], a.b[3]);
	return out;
}
