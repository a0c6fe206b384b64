// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: family "autotunnel", and what all its commands check.
 *
 * Each op demands CAP_NET_ADMIN of the namespace it is sent in; what acts on
 * the sockets demands it of theirs, too (at_check_outer()). Every refusal
 * says why in a sentence.
 */
#include "netlink.h"
#include "policy.h"

/* What the parser takes the last of, we take none of. */
static int at_check_duplicates(const struct nlattr *head, int len,
			       struct netlink_ext_ack *extack)
{
	const struct nlattr *pos;
	u32 seen = 0;
	int rem;

	nla_for_each_attr(pos, head, len, rem) {
		int type = nla_type(pos);

		if (type >= 32)
			continue;	/* the policy knows none of these */
		if (seen & BIT(type)) {
			NL_SET_ERR_MSG_ATTR(extack, pos, "this attribute is there twice");
			return -EINVAL;
		}
		seen |= BIT(type);
	}

	return 0;
}

/* Parses a nest in which every attribute may be there once. */
int at_parse_nest(struct nlattr *tb[], int maxtype, const struct nlattr *nest,
		  const struct nla_policy *policy,
		  struct netlink_ext_ack *extack)
{
	int err = at_check_duplicates(nla_data(nest), nla_len(nest), extack);

	return err ?: nla_parse_nested(tb, maxtype, nest, policy, extack);
}

/* Return: the device, referenced, or an ERR_PTR. */
struct at_dev *at_find_dev(struct net *net, const struct nlattr *attr,
			   struct netlink_ext_ack *extack)
{
	struct net_device *dev;

	if (!attr) {
		NL_SET_ERR_MSG(extack, "ifindex is missing");
		return ERR_PTR(-EINVAL);
	}
	dev = dev_get_by_index(net, nla_get_u32(attr));
	if (!dev) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "there is no such interface");
		return ERR_PTR(-ENODEV);
	}
	if (!at_is_dev(dev)) {
		dev_put(dev);
		NL_SET_ERR_MSG_ATTR(extack, attr, "this interface is no autotunnel device");
		return ERR_PTR(-EOPNOTSUPP);
	}

	return netdev_priv(dev);
}

struct at_dev *at_dev_of(struct genl_info *info)
{
	int err;

	err = at_check_duplicates(genlmsg_data(info->genlhdr),
				  genlmsg_len(info->genlhdr), info->extack);
	if (err)
		return ERR_PTR(err);

	return at_find_dev(genl_info_net(info), info->attrs[AUTOTUNNEL_A_IFINDEX],
			   info->extack);
}

void at_put_dev(struct at_dev *at)
{
	dev_put(at->dev);
}

/* May the sender act on the sockets, which can be in another namespace? */
int at_check_outer(struct sk_buff *skb, struct genl_info *info,
		   struct at_dev *at)
{
	struct net *net;
	bool may;

	/* The namespace's end waits for RCU readers that still see it. */
	rcu_read_lock();
	net = READ_ONCE(at->sock_net);
	may = net && netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN);
	rcu_read_unlock();
	if (may)
		return 0;

	NL_SET_ERR_MSG(info->extack, "this needs CAP_NET_ADMIN where the link was created");
	return -EPERM;
}

/* The interface an endpoint is bound to lives where the sockets do. */
int at_check_oif(struct genl_info *info, struct at_dev *at, int oif)
{
	struct net *net;
	bool there;

	if (!oif)
		return 0;

	rcu_read_lock();
	net = READ_ONCE(at->sock_net);
	there = net && dev_get_by_index_rcu(net, oif);
	rcu_read_unlock();
	if (there)
		return 0;

	NL_SET_ERR_MSG(info->extack, "there is no such oif where the link was created");
	return -ENODEV;
}

static const struct genl_ops at_genl_ops[] = {
	{
		.cmd = AUTOTUNNEL_CMD_DEV_GET,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = at_dev_get,
		.start = at_dev_dump_start,
		.dumpit = at_dev_dump,
	},
	{
		.cmd = AUTOTUNNEL_CMD_DEV_SET,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = at_dev_set,
	},
	{
		.cmd = AUTOTUNNEL_CMD_PEER_NEW,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = at_peer_change,
	},
	{
		.cmd = AUTOTUNNEL_CMD_PEER_SET,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = at_peer_change,
	},
	{
		.cmd = AUTOTUNNEL_CMD_PEER_GET,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = at_peer_get,
		.dumpit = at_peer_dump,
	},
	{
		.cmd = AUTOTUNNEL_CMD_PEER_DEL,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = at_peer_change,
	},
	{
		.cmd = AUTOTUNNEL_CMD_IKE_ANSWER,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = at_ike_answer,
	},
	{
		.cmd = AUTOTUNNEL_CMD_DGRAM_SEND,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = at_dgram_send,
	},
};

static const struct genl_multicast_group at_genl_mcgrps[] = {
	[AT_MCGRP_PEERS] = {
		.name = AUTOTUNNEL_MCGRP_PEERS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[AT_MCGRP_IKE] = {
		.name = AUTOTUNNEL_MCGRP_IKE,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[AT_MCGRP_DGRAMS] = {
		.name = AUTOTUNNEL_MCGRP_DGRAMS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family at_genl_family __ro_after_init = {
	.name = AUTOTUNNEL_GENL_NAME,
	.version = AUTOTUNNEL_GENL_VERSION,
	.netnsok = true,
	.maxattr = AUTOTUNNEL_A_MAX,
	.policy = at_genl_policy,
	.ops = at_genl_ops,
	.n_ops = ARRAY_SIZE(at_genl_ops),
	.mcgrps = at_genl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(at_genl_mcgrps),
	.module = THIS_MODULE,
};

int __init at_netlink_register(void)
{
	return genl_register_family(&at_genl_family);
}

void at_netlink_unregister(void)
{
	genl_unregister_family(&at_genl_family);
}
