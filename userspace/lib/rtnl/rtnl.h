/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we want of rtnetlink: the link, its address, and host routes to it.
 * Every function gives 0 or a negative errno with conn->error set.
 */
#ifndef BTMM_RTNL_H
#define BTMM_RTNL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "../autotunnel/msg.h"
#include "../netlink/conn.h"

#define RTNL_KIND	"autotunnel"

/* Names of the attributes in a request for a link, for conn->schema. */
extern const struct nl_schema rtnl_link_schema;

/* Make a link of our kind; what @config has becomes IFLA_INFO_DATA. */
int rtnl_link_add(struct nl_conn *c, const char *name,
		  const struct at_dev *config);
int rtnl_link_del(struct nl_conn *c, uint32_t ifindex);
int rtnl_link_up(struct nl_conn *c, uint32_t ifindex);

/* The /128 address of the link itself. No duplicate address detection: the
 * other end of the tunnel cannot have our ULA.
 */
int rtnl_addr_add(struct nl_conn *c, uint32_t ifindex,
		  const struct in6_addr *ula);
int rtnl_addr_del(struct nl_conn *c, uint32_t ifindex,
		  const struct in6_addr *ula);

/*
 * Of the routes to peers. Lower than the 1024 that the kernel gives to what a router
 * advertises, and than what network managers give, so none of theirs is preferred.
 */
#define RTNL_ROUTE_METRIC	64

/*
 * The route ULA/128 dev LINK. Another one of this metric is replaced; all to the ULA by
 * that link are deleted.
 */
int rtnl_route_add(struct nl_conn *c, uint32_t ifindex,
		   const struct in6_addr *ula);
int rtnl_route_del(struct nl_conn *c, uint32_t ifindex,
		   const struct in6_addr *ula);

/* The same as messages, for a batch. */
size_t rtnl_route_begin(struct nl_writer *w, bool add, uint32_t ifindex,
			const struct in6_addr *ula);

#endif
