/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 addresses, and which of them can be reached from everywhere. */
#ifndef BTMM_NAT_ADDRESS_H
#define BTMM_NAT_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define IPV4_TEXT_SIZE	16

struct ipv4 {
	uint8_t b[4];
};

enum ipv4_kind {
	IPV4_NONE,	/* no host's: 0.0.0.0/8, 127.0.0.0/8, multicast, reserved */
	IPV4_PUBLIC,
	IPV4_PRIVATE,	/* RFC 1918 */
	IPV4_SHARED,	/* 100.64.0.0/10, RFC 6598: behind a carrier's NAT */
	/* 169.254.0.0/16, and 192.0.0.0/24 as in DS-Lite (RFC 6333) */
	IPV4_LOCAL,
};

enum ipv4_kind ipv4_kind(struct ipv4 a);

static inline bool ipv4_equal(struct ipv4 a, struct ipv4 b)
{
	return !memcmp(a.b, b.b, sizeof(a.b));
}

static inline bool ipv4_public(struct ipv4 a)
{
	return ipv4_kind(a) == IPV4_PUBLIC;
}

/* Returns @out. */
const char *ipv4_text(struct ipv4 a, char out[IPV4_TEXT_SIZE]);

#endif
