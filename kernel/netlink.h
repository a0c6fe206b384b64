/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _AUTOTUNNEL_NETLINK_H
#define _AUTOTUNNEL_NETLINK_H

#include <net/genetlink.h>

#include "autotunnel.h"

enum at_mcgrp {
	AT_MCGRP_PEERS,
	AT_MCGRP_IKE,
	AT_MCGRP_DGRAMS,
};

extern struct genl_family at_genl_family;

int at_netlink_register(void);
void at_netlink_unregister(void);

/* netlink.c: what every command checks */
#define at_missing(_info, _what) ({					\
	NL_SET_ERR_MSG((_info)->extack, _what " is missing");		\
	-EINVAL;							\
})

int at_parse_nest(struct nlattr *tb[], int maxtype, const struct nlattr *nest,
		  const struct nla_policy *policy,
		  struct netlink_ext_ack *extack);
struct at_dev *at_find_dev(struct net *net, const struct nlattr *attr,
			   struct netlink_ext_ack *extack);
struct at_dev *at_dev_of(struct genl_info *info);
void at_put_dev(struct at_dev *at);
int at_check_outer(struct sk_buff *skb, struct genl_info *info,
		   struct at_dev *at);
int at_check_oif(struct genl_info *info, struct at_dev *at, int oif);

/* netlink_attrs.c */
/**
 * struct at_endpoint_req - an endpoint as user space wants it
 * @clear: take the endpoint away
 * @remote: as in struct at_endpoint
 * @local: as in struct at_endpoint
 * @oif: as in struct at_endpoint
 */
struct at_endpoint_req {
	bool clear;
	struct at_outer remote;
	struct in6_addr local;
	int oif;
};

/**
 * struct at_peer_req - a peer as user space names it
 * @ula: its ULA
 * @has_keepalive: @keepalive is wanted
 * @keepalive: as in struct at_peer
 * @has_endpoint: @endpoint is wanted
 * @endpoint: where it is
 */
struct at_peer_req {
	struct in6_addr ula;
	bool has_keepalive;
	int keepalive;
	bool has_endpoint;
	struct at_endpoint_req endpoint;
};

int at_parse_endpoint(const struct nlattr *nest, struct at_endpoint_req *req,
		      struct netlink_ext_ack *extack);
int at_parse_peer(struct genl_info *info, struct at_peer_req *req);
int at_put_outer(struct sk_buff *skb, const struct at_outer *remote,
		 const struct in6_addr *local, int oif);
int at_put_peer(struct sk_buff *skb, struct at_peer *peer);

/* netlink_dev.c */
int at_dev_get(struct sk_buff *skb, struct genl_info *info);
int at_dev_dump_start(struct netlink_callback *cb);
int at_dev_dump(struct sk_buff *skb, struct netlink_callback *cb);
int at_dev_set(struct sk_buff *skb, struct genl_info *info);

/* netlink_peer.c */
int at_no_peer(struct netlink_ext_ack *extack);
int at_peer_change(struct sk_buff *skb, struct genl_info *info);
int at_peer_get(struct sk_buff *skb, struct genl_info *info);
int at_peer_dump(struct sk_buff *skb, struct netlink_callback *cb);

/* netlink_daemon.c */
int at_ike_answer(struct sk_buff *skb, struct genl_info *info);
int at_dgram_send(struct sk_buff *skb, struct genl_info *info);

#endif /* _AUTOTUNNEL_NETLINK_H */
