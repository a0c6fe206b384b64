/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address and port as the daemon keeps them, and its other forms. */
#ifndef BTMM_DNSD_NET_H
#define BTMM_DNSD_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An address and port; IPv4 as ::ffff:a.b.c.d */
struct net_addr {
	struct in6_addr ip;
	uint16_t port;
	uint32_t scope;		/* of a link-local address, else 0 */
};

/* [fe80::1%4294967295]:65535 */
#define NET_TEXT_SIZE	(INET6_ADDRSTRLEN + sizeof("[%4294967295]:65535"))

static inline bool net_is_v4(const struct net_addr *a)
{
	return IN6_IS_ADDR_V4MAPPED(&a->ip);
}

bool net_equal(const struct net_addr *a, const struct net_addr *b);

/* Also of IPv4-mapped addresses: a sockaddr_in. Returns its length. */
socklen_t net_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *out);
/* False: neither IPv4 nor IPv6. */
bool net_from_sockaddr(const struct sockaddr_storage *ss, struct net_addr *out);

/*
 * ADDR:PORT or [V6]:PORT, V6 with %INTERFACE when it is link-local. @listen: also
 * 0.0.0.0 and [::], and port 0 (any free one). NULL, or why not.
 */
const char *net_from_text(const char *s, bool listen, struct net_addr *out);
/* Returns @out. */
const char *net_to_text(const struct net_addr *a, char out[NET_TEXT_SIZE]);

#endif
