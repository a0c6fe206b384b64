// SPDX-License-Identifier: GPL-2.0
/* A dump's request is a struct genl_info like any other. */
#include <net/genetlink.h>

struct nlattr **probe(struct netlink_callback *cb);
struct nlattr **probe(struct netlink_callback *cb)
{
	return genl_info_dump(cb)->attrs;
}
