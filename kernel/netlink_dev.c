// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink commands on devices: dev-get, dev-set.
 */
#include <linux/rtnetlink.h>
#include <linux/sizes.h>

#include "netlink.h"
#include "policy.h"

/* A device with all its counters by name. */
#define AT_DEV_MSG_SIZE		SZ_8K

static int at_put_counters(struct sk_buff *skb, const struct at_dev *at)
{
	struct nlattr *nest;
	int i;

	for (i = 0; i < AT_CTR_MAX; i++) {
		nest = nla_nest_start(skb, AUTOTUNNEL_DEV_A_COUNTER);
		if (!nest ||
		    nla_put_string(skb, AUTOTUNNEL_COUNTER_A_NAME,
				   at_counter_names[i]) ||
		    nla_put_u64_64bit(skb, AUTOTUNNEL_COUNTER_A_VALUE,
				      at_counter_read(at->counters, i),
				      AUTOTUNNEL_COUNTER_A_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}

	return 0;
}

static int at_fill_dev(struct sk_buff *skb, const struct at_dev *at, u32 portid,
		       u32 seq, int flags)
{
	struct nlattr *nest;
	void *hdr;

	hdr = genlmsg_put(skb, portid, seq, &at_genl_family, flags,
			  AUTOTUNNEL_CMD_DEV_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, AUTOTUNNEL_A_IFINDEX, at->dev->ifindex))
		goto cancel;
	nest = nla_nest_start(skb, AUTOTUNNEL_A_DEV);
	if (!nest ||
	    nla_put_string(skb, AUTOTUNNEL_DEV_A_IFNAME, at->dev->name) ||
	    nla_put_in6_addr(skb, AUTOTUNNEL_DEV_A_LOCAL, &at->local) ||
	    nla_put_be16(skb, AUTOTUNNEL_DEV_A_PORT, READ_ONCE(at->port)) ||
	    nla_put_u32(skb, AUTOTUNNEL_DEV_A_FWMARK, READ_ONCE(at->fwmark)) ||
	    nla_put_u16(skb, AUTOTUNNEL_DEV_A_KEEPALIVE,
			READ_ONCE(at->keepalive)) ||
	    nla_put_u8(skb, AUTOTUNNEL_DEV_A_TX_BATCH,
		       READ_ONCE(at->tx_batch)) ||
	    nla_put_u8(skb, AUTOTUNNEL_DEV_A_RX_GRO, READ_ONCE(at->rx_gro)) ||
	    nla_put_u32(skb, AUTOTUNNEL_DEV_A_MAX_PEERS,
			READ_ONCE(at->max_peers)) ||
	    nla_put_u32(skb, AUTOTUNNEL_DEV_A_PEERS, READ_ONCE(at->n_peers)) ||
	    at_put_counters(skb, at))
		goto cancel;
	nla_nest_end(skb, nest);
	genlmsg_end(skb, hdr);

	return 0;

cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

int at_dev_get(struct sk_buff *skb, struct genl_info *info)
{
	struct at_dev *at = at_dev_of(info);
	struct sk_buff *msg;
	int err;

	if (IS_ERR(at))
		return PTR_ERR(at);

	msg = genlmsg_new(AT_DEV_MSG_SIZE, GFP_KERNEL);
	if (!msg) {
		err = -ENOMEM;
		goto put;
	}
	rtnl_lock();
	err = at_fill_dev(msg, at, info->snd_portid, info->snd_seq, 0);
	rtnl_unlock();
	if (err)
		nlmsg_free(msg);
	else
		err = genlmsg_reply(msg, info);
put:
	at_put_dev(at);
	return err;
}

int at_dev_dump_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = AT_DEV_MSG_SIZE;
	return 0;
}

int at_dev_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct net *net = sock_net(skb->sk);
	struct net_device *dev;
	int index = 0;

	rtnl_lock();
	cb->seq = net->dev_base_seq;
	for_each_netdev(net, dev) {
		if (!at_is_dev(dev))
			continue;
		if (index++ < cb->args[0])
			continue;
		if (at_fill_dev(skb, netdev_priv(dev),
				NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				NLM_F_MULTI))
			break;
		cb->args[0] = index;
	}
	rtnl_unlock();

	return skb->len;
}

static void at_parse_dev(struct nlattr *tb[], struct at_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	if (tb[AUTOTUNNEL_DEV_A_LOCAL]) {
		cfg->local = nla_get_in6_addr(tb[AUTOTUNNEL_DEV_A_LOCAL]);
		cfg->set |= AT_CONFIG_LOCAL;
	}
	if (tb[AUTOTUNNEL_DEV_A_PORT]) {
		cfg->port = nla_get_be16(tb[AUTOTUNNEL_DEV_A_PORT]);
		cfg->set |= AT_CONFIG_PORT;
	}
	if (tb[AUTOTUNNEL_DEV_A_FWMARK]) {
		cfg->fwmark = nla_get_u32(tb[AUTOTUNNEL_DEV_A_FWMARK]);
		cfg->set |= AT_CONFIG_FWMARK;
	}
	if (tb[AUTOTUNNEL_DEV_A_KEEPALIVE]) {
		cfg->keepalive = nla_get_u16(tb[AUTOTUNNEL_DEV_A_KEEPALIVE]);
		cfg->set |= AT_CONFIG_KEEPALIVE;
	}
	if (tb[AUTOTUNNEL_DEV_A_TX_BATCH]) {
		cfg->tx_batch = nla_get_u8(tb[AUTOTUNNEL_DEV_A_TX_BATCH]);
		cfg->set |= AT_CONFIG_TX_BATCH;
	}
	if (tb[AUTOTUNNEL_DEV_A_RX_GRO]) {
		cfg->rx_gro = nla_get_u8(tb[AUTOTUNNEL_DEV_A_RX_GRO]);
		cfg->set |= AT_CONFIG_RX_GRO;
	}
	if (tb[AUTOTUNNEL_DEV_A_MAX_PEERS]) {
		cfg->max_peers = nla_get_u32(tb[AUTOTUNNEL_DEV_A_MAX_PEERS]);
		cfg->set |= AT_CONFIG_MAX_PEERS;
	}
}

int at_dev_set(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *nest = info->attrs[AUTOTUNNEL_A_DEV];
	struct nlattr *tb[AUTOTUNNEL_DEV_A_MAX + 1];
	struct at_config cfg;
	struct at_dev *at;
	int err;

	at = at_dev_of(info);
	if (IS_ERR(at))
		return PTR_ERR(at);

	if (!nest) {
		err = at_missing(info, "dev");
		goto put;
	}
	err = at_parse_nest(tb, AUTOTUNNEL_DEV_A_MAX, nest, at_dev_policy,
			    info->extack);
	if (err)
		goto put;
	at_parse_dev(tb, &cfg);
	if (cfg.set & AT_CONFIG_OUTER) {
		err = at_check_outer(skb, info, at);
		if (err)
			goto put;
	}

	rtnl_lock();
	if (at->dev->reg_state != NETREG_REGISTERED) {
		NL_SET_ERR_MSG(info->extack, "the device is being removed");
		err = -ENODEV;
	} else {
		err = at_config_check(at, &cfg, info->extack);
		if (!err)
			err = at_config_apply(at, &cfg, info->extack);
	}
	rtnl_unlock();
put:
	at_put_dev(at);
	return err;
}
