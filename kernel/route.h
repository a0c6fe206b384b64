/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _AUTOTUNNEL_ROUTE_H
#define _AUTOTUNNEL_ROUTE_H

#include "autotunnel.h"

/**
 * struct at_route - how one packet gets to an outer address
 * @dst: the route, referenced
 * @sk: our socket of that family; valid under RCU
 * @saddr: outer source address, IPv4 as ::ffff:a.b.c.d
 * @remote: outer destination
 */
struct at_route {
	struct dst_entry *dst;
	struct sock *sk;
	struct in6_addr saddr;
	struct at_outer remote;
};

static inline bool at_route_is4(const struct at_route *route)
{
	return at_outer_is4(&route->remote);
}

int at_route_endpoint(struct at_dev *at, struct at_endpoint *ep,
		      struct at_route *route);
int at_route_lookup(struct at_dev *at, const struct at_outer *remote,
		    const struct in6_addr *local, int oif, int iif,
		    struct at_route *route);

static inline void at_route_put(struct at_route *route)
{
	dst_release(route->dst);
}

#endif /* _AUTOTUNNEL_ROUTE_H */
