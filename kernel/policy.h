/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What attributes may look like: held against the YAML spec by a test.
 */
#ifndef _AUTOTUNNEL_POLICY_H
#define _AUTOTUNNEL_POLICY_H

#include <net/netlink.h>
#include <linux/autotunnel.h>

extern const struct nla_policy at_link_policy[IFLA_AUTOTUNNEL_MAX + 1];
extern const struct nla_policy at_genl_policy[AUTOTUNNEL_A_MAX + 1];
extern const struct nla_policy at_dev_policy[AUTOTUNNEL_DEV_A_MAX + 1];
extern const struct nla_policy at_peer_policy[AUTOTUNNEL_PEER_A_MAX + 1];
extern const struct nla_policy at_endpoint_policy[AUTOTUNNEL_ENDPOINT_A_MAX + 1];

#endif /* _AUTOTUNNEL_POLICY_H */
