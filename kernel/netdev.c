// SPDX-License-Identifier: GPL-2.0
/*
 * The netdevice: link kind "autotunnel", its life, its configuration, and
 * the network namespaces it is in (its own, and that of its sockets).
 */
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/wait_bit.h>
#include <net/addrconf.h>
#include <net/dst_metadata.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/rtnetlink.h>

#include "autotunnel.h"
#include "endpoint.h"
#include "guard.h"
#include "netlink.h"
#include "outer.h"
#include "peer.h"
#include "policy.h"
#include "socket.h"
#include "tx.h"

/* IKE_SA_INIT per second and source: more than any real peer sends. */
#define AT_IKE_RATE		20
#define AT_IKE_BURST		40
/* Datagrams to the daemon per second and source. */
#define AT_DGRAM_RATE		50
#define AT_DGRAM_BURST		100

/* By then asynchronous crypto has returned all packets: it takes milliseconds. */
#define AT_ASYNC_TIME		(5 * HZ)

static unsigned int at_net_id __read_mostly;

/* Devices that wait to be freed, and the queue on which that happens. */
static atomic_t at_reaping = ATOMIC_INIT(0);
static struct workqueue_struct *at_reaper;

struct at_net *at_net(struct net *net)
{
	return net_generic(net, at_net_id);
}

/* A peer's or our own name: a unique local address (RFC 4193). */
bool at_ula_valid(const struct in6_addr *addr)
{
	return (addr->s6_addr[0] & 0xfe) == 0xfc;
}

static int at_init(struct net_device *dev)
{
	struct at_dev *at = netdev_priv(dev);
	int err = -ENOMEM;

	mutex_init(&at->lock);
	at_holds_init(&at->holds, at);
	at_early_init(&at->early, at);

	at->counters = alloc_percpu_gfp(struct at_counters, GFP_KERNEL_ACCOUNT);
	if (!at->counters)
		return err;
	at->gro_dst = metadata_dst_alloc_percpu(0, METADATA_IP_TUNNEL,
						GFP_KERNEL_ACCOUNT);
	if (!at->gro_dst)
		goto free_counters;
	err = at_peers_init(at);
	if (err)
		goto free_gro_dst;
	err = at_endpoints_init(at);
	if (err)
		goto free_peers;
	err = at_ike_init(&at->ike);
	if (err)
		goto free_endpoints;
	err = at_ratelimit_init(&at->ike_limit, AT_IKE_RATE, AT_IKE_BURST);
	if (err)
		goto free_ike;
	err = at_ratelimit_init(&at->dgram_limit, AT_DGRAM_RATE,
				AT_DGRAM_BURST);
	if (err)
		goto free_ike_limit;

	return 0;

free_ike_limit:
	at_ratelimit_destroy(&at->ike_limit);
free_ike:
	at_ike_destroy(&at->ike);
free_endpoints:
	at_endpoints_destroy(at);
free_peers:
	at_peers_destroy(at);
free_gro_dst:
	metadata_dst_free_percpu(at->gro_dst);
free_counters:
	free_percpu(at->counters);
	return err;
}

static void at_close_peers(struct at_dev *at)
{
	mutex_lock(&at->lock);
	at->dying = true;
	at_peers_flush(at);
	mutex_unlock(&at->lock);
}

static void at_uninit(struct net_device *dev)
{
	at_close_peers(netdev_priv(dev));
}

static void at_free(struct at_dev *at)
{
	at_ratelimit_destroy(&at->dgram_limit);
	at_ratelimit_destroy(&at->ike_limit);
	at_ike_destroy(&at->ike);
	at_endpoints_destroy(at);
	at_peers_destroy(at);
	metadata_dst_free_percpu(at->gro_dst);
	free_percpu(at->counters);
}

static void at_reap(struct work_struct *work)
{
	struct at_dev *at = container_of(to_delayed_work(work), struct at_dev,
					 reap);
	struct net_device *dev = at->dev;

	at_free(at);
	free_netdev(dev);
	if (atomic_dec_and_test(&at_reaping))
		wake_up_var(&at_reaping);
}

/*
 * The last of it: nobody has a reference to the device any more. But XFRM
 * takes none for a packet that it gives to asynchronous crypto on its way out
 * (validate_xmit_xfrm()), and it comes back to skb->dev. So the device outlives
 * those: they find it down, and are dropped.
 */
static void at_destructor(struct net_device *dev)
{
	struct at_dev *at = netdev_priv(dev);

	/* A reader that was just leaving, as in a crypto call-back. */
	synchronize_net();
	/*
	 * Never was registered, or a notifier refused it, out of memory, when it
	 * half was: then register_netdevice() fails, and its caller frees the
	 * device. reg_state tells these and a device's end not apart.
	 */
	if (!at->registered) {
		at_free(at);
		return;
	}

	INIT_DELAYED_WORK(&at->reap, at_reap);
	atomic_inc(&at_reaping);
	queue_delayed_work(at_reaper, &at->reap,
			   READ_ONCE(at->async) ? AT_ASYNC_TIME : 0);
}

static int at_open(struct net_device *dev)
{
	struct at_dev *at = netdev_priv(dev);
	int err;

	/* Nobody asks a notifier whether it failed when a device moves. */
	if (list_empty(&at->guard_node)) {
		err = at_guard_add(at, dev_net(dev));
		if (err)
			return err;
	}
	err = at_sockets_open(at, at->port, NULL);
	if (err)
		return err;
	at_holds_open(&at->holds);
	at_early_open(&at->early);
	at_peers_restart_keepalives(at);

	return 0;
}

static int at_stop(struct net_device *dev)
{
	struct at_dev *at = netdev_priv(dev);

	at_holds_close(&at->holds);
	at_sockets_close(at);
	at_early_close(&at->early);
	at_outer_flush_all_cpus();

	return 0;
}

const struct net_device_ops at_netdev_ops = {
	.ndo_init = at_init,
	.ndo_uninit = at_uninit,
	.ndo_open = at_open,
	.ndo_stop = at_stop,
	.ndo_start_xmit = at_tx,
	.ndo_neigh_construct = at_neigh_construct,
	.ndo_get_stats64 = dev_get_tstats64,
};

static const struct device_type at_device_type = { .name = "autotunnel" };

static void at_setup(struct net_device *dev)
{
	/*
	 * With scatter-gather and checksums promised, XFRM (with esp6_offload)
	 * keeps TCP's super-packets whole until just before us, and then
	 * segments and encrypts in one pass. ESP itself is never promised.
	 */
	const netdev_features_t features = NETIF_F_SG | NETIF_F_HW_CSUM |
					   NETIF_F_GSO_SOFTWARE |
					   NETIF_F_FRAGLIST | NETIF_F_HIGHDMA;
	struct at_dev *at = netdev_priv(dev);

	dev->netdev_ops = &at_netdev_ops;
	dev->priv_destructor = at_destructor;
	dev->type = ARPHRD_NONE;
	dev->hard_header_len = 0;
	dev->addr_len = 0;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->features |= features;
	dev->hw_features |= features;
	dev->hw_enc_features |= features;
	/*
	 * What the outer headers take beside the IPv6 header they replace. Not
	 * more: beyond what TCP leaves (MAX_TCP_HEADER), every head is made
	 * anew, and its growth is not accounted for while a socket owns it.
	 */
	dev->needed_headroom = AT_OUTER6_LEN - sizeof(struct ipv6hdr) + ETH_HLEN;
	dev->mtu = ETH_DATA_LEN + AT_MTU_GAIN4;
	dev->min_mtu = AT_MIN_MTU;
	dev->max_mtu = AT_MAX_MTU;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->sysfs_groups[0] = &at_sysfs_group;
	at_compat_set_lltx(dev);
	/* Path MTU feedback goes by the packet's route. */
	netif_keep_dst(dev);
	SET_NETDEV_DEVTYPE(dev, &at_device_type);

	at->dev = dev;
	at->port = htons(AUTOTUNNEL_PORT_DEFAULT);
	at->keepalive = AUTOTUNNEL_KEEPALIVE_DEFAULT;
	at->max_peers = AUTOTUNNEL_MAX_PEERS_DEFAULT;
	at->tx_batch = true;
	at->rx_gro = true;
	INIT_LIST_HEAD(&at->list);
	INIT_LIST_HEAD(&at->guard_node);
}

/**
 * at_config_check - can these changes be made now?
 * @at: device, registered or not
 * @cfg: changes
 * @extack: says why not
 */
int at_config_check(const struct at_dev *at, const struct at_config *cfg,
		    struct netlink_ext_ack *extack)
{
	if (cfg->set & AT_CONFIG_LOCAL) {
		if (!ipv6_addr_any(&cfg->local) && !at_ula_valid(&cfg->local)) {
			NL_SET_ERR_MSG(extack, "local must be in fc00::/7, or ::");
			return -EINVAL;
		}
		if (netif_running(at->dev) &&
		    !ipv6_addr_equal(&cfg->local, &at->local)) {
			NL_SET_ERR_MSG(extack, "local changes only while the device is down");
			return -EBUSY;
		}
	}
	if (cfg->set & AT_CONFIG_PORT && !cfg->port) {
		NL_SET_ERR_MSG(extack, "port must be from 1 to 65535");
		return -EINVAL;
	}

	return 0;
}

/**
 * at_config_apply - make the changes, all or none
 * @at: device, registered or not
 * @cfg: changes, already checked
 * @extack: says why not
 *
 * Context: rtnl.
 */
int at_config_apply(struct at_dev *at, const struct at_config *cfg,
		    struct netlink_ext_ack *extack)
{
	bool routes = false;
	int err;

	ASSERT_RTNL();

	/* The only one that can fail goes first. */
	if (cfg->set & AT_CONFIG_PORT && cfg->port != at->port) {
		if (netif_running(at->dev)) {
			err = at_sockets_open(at, cfg->port, extack);
			if (err)
				return err;
		}
		WRITE_ONCE(at->port, cfg->port);
		routes = true;
	}
	if (cfg->set & AT_CONFIG_LOCAL)
		at->local = cfg->local;
	if (cfg->set & AT_CONFIG_FWMARK && cfg->fwmark != at->fwmark) {
		WRITE_ONCE(at->fwmark, cfg->fwmark);
		routes = true;
	}
	if (cfg->set & AT_CONFIG_KEEPALIVE)
		WRITE_ONCE(at->keepalive, cfg->keepalive);
	if (cfg->set & AT_CONFIG_TX_BATCH)
		WRITE_ONCE(at->tx_batch, cfg->tx_batch);
	if (cfg->set & AT_CONFIG_RX_GRO)
		WRITE_ONCE(at->rx_gro, cfg->rx_gro);
	if (cfg->set & AT_CONFIG_MAX_PEERS)
		WRITE_ONCE(at->max_peers, cfg->max_peers);
	if (at->dev->reg_state != NETREG_REGISTERED)
		return 0;	/* a new one: there are no peers yet */

	if (routes)
		at_peers_reset_routes(at, false);
	if (cfg->set & AT_CONFIG_KEEPALIVE)
		at_peers_restart_keepalives(at);

	return 0;
}

static void at_config_parse(struct nlattr *data[], struct at_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	if (!data)
		return;

	if (data[IFLA_AUTOTUNNEL_LOCAL]) {
		cfg->local = nla_get_in6_addr(data[IFLA_AUTOTUNNEL_LOCAL]);
		cfg->set |= AT_CONFIG_LOCAL;
	}
	if (data[IFLA_AUTOTUNNEL_PORT]) {
		cfg->port = nla_get_be16(data[IFLA_AUTOTUNNEL_PORT]);
		cfg->set |= AT_CONFIG_PORT;
	}
	if (data[IFLA_AUTOTUNNEL_FWMARK]) {
		cfg->fwmark = nla_get_u32(data[IFLA_AUTOTUNNEL_FWMARK]);
		cfg->set |= AT_CONFIG_FWMARK;
	}
	if (data[IFLA_AUTOTUNNEL_KEEPALIVE]) {
		cfg->keepalive = nla_get_u16(data[IFLA_AUTOTUNNEL_KEEPALIVE]);
		cfg->set |= AT_CONFIG_KEEPALIVE;
	}
	if (data[IFLA_AUTOTUNNEL_TX_BATCH]) {
		cfg->tx_batch = nla_get_u8(data[IFLA_AUTOTUNNEL_TX_BATCH]);
		cfg->set |= AT_CONFIG_TX_BATCH;
	}
	if (data[IFLA_AUTOTUNNEL_RX_GRO]) {
		cfg->rx_gro = nla_get_u8(data[IFLA_AUTOTUNNEL_RX_GRO]);
		cfg->set |= AT_CONFIG_RX_GRO;
	}
	if (data[IFLA_AUTOTUNNEL_MAX_PEERS]) {
		cfg->max_peers = nla_get_u32(data[IFLA_AUTOTUNNEL_MAX_PEERS]);
		cfg->set |= AT_CONFIG_MAX_PEERS;
	}
}

static int at_validate(struct nlattr *tb[], struct nlattr *data[],
		       struct netlink_ext_ack *extack)
{
	if (tb[IFLA_ADDRESS]) {
		NL_SET_ERR_MSG(extack, "the device has no link-layer address");
		return -EINVAL;
	}

	return 0;
}

static int at_newlink(struct net *src_net, struct net_device *dev,
		      struct nlattr *tb[], struct nlattr *data[],
		      struct netlink_ext_ack *extack)
{
	struct at_dev *at = netdev_priv(dev);
	struct inet6_dev *idev;
	struct at_config cfg;
	int err;

	at_config_parse(data, &cfg);
	err = at_config_check(at, &cfg, extack);
	if (err)
		return err;
	err = at_config_apply(at, &cfg, extack);
	if (err)
		return err;

	at->sock_net = src_net;
	err = register_netdevice(dev);
	if (err)
		return err;
	at->registered = true;
	list_add(&at->list, &at_net(src_net)->devs);

	/* There is no link to have a link-local address on. */
	idev = __in6_dev_get(dev);
	if (idev)
		WRITE_ONCE(idev->cnf.addr_gen_mode, IN6_ADDR_GEN_MODE_NONE);

	return 0;
}

static int at_changelink(struct net_device *dev, struct nlattr *tb[],
			 struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct at_dev *at = netdev_priv(dev);
	struct at_config cfg;
	int err;

	at_config_parse(data, &cfg);
	if (cfg.set & AT_CONFIG_OUTER &&
	    (!at->sock_net ||
	     !ns_capable(at->sock_net->user_ns, CAP_NET_ADMIN))) {
		NL_SET_ERR_MSG(extack, "this needs CAP_NET_ADMIN where the link was created");
		return -EPERM;
	}
	err = at_config_check(at, &cfg, extack);
	if (err)
		return err;

	return at_config_apply(at, &cfg, extack);
}

static void at_dellink(struct net_device *dev, struct list_head *head)
{
	struct at_dev *at = netdev_priv(dev);

	/* Routes of peers pin interfaces that may be about to go with us. */
	at_close_peers(at);
	list_del_init(&at->list);
	unregister_netdevice_queue(dev, head);
}

static size_t at_get_size(const struct net_device *dev)
{
	return nla_total_size(sizeof(struct in6_addr)) + /* LOCAL */
	       nla_total_size(sizeof(__be16)) +		/* PORT */
	       nla_total_size(sizeof(u32)) +		/* FWMARK */
	       nla_total_size(sizeof(u16)) +		/* KEEPALIVE */
	       nla_total_size(sizeof(u8)) +		/* TX_BATCH */
	       nla_total_size(sizeof(u8)) +		/* RX_GRO */
	       nla_total_size(sizeof(u32)) +		/* MAX_PEERS */
	       nla_total_size(sizeof(u32));		/* PEERS */
}

static int at_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct at_dev *at = netdev_priv(dev);

	if (nla_put_in6_addr(skb, IFLA_AUTOTUNNEL_LOCAL, &at->local) ||
	    nla_put_be16(skb, IFLA_AUTOTUNNEL_PORT, at->port) ||
	    nla_put_u32(skb, IFLA_AUTOTUNNEL_FWMARK, at->fwmark) ||
	    nla_put_u16(skb, IFLA_AUTOTUNNEL_KEEPALIVE, at->keepalive) ||
	    nla_put_u8(skb, IFLA_AUTOTUNNEL_TX_BATCH, at->tx_batch) ||
	    nla_put_u8(skb, IFLA_AUTOTUNNEL_RX_GRO, at->rx_gro) ||
	    nla_put_u32(skb, IFLA_AUTOTUNNEL_MAX_PEERS, at->max_peers) ||
	    nla_put_u32(skb, IFLA_AUTOTUNNEL_PEERS, READ_ONCE(at->n_peers)))
		return -EMSGSIZE;

	return 0;
}

static struct net *at_get_link_net(const struct net_device *dev)
{
	const struct at_dev *at = netdev_priv(dev);

	return at->sock_net ?: dev_net(dev);
}

struct rtnl_link_ops at_link_ops __read_mostly = {
	.kind = "autotunnel",
	.priv_size = sizeof(struct at_dev),
	.setup = at_setup,
	.policy = at_link_policy,
	.maxtype = IFLA_AUTOTUNNEL_MAX,
	.validate = at_validate,
	.newlink = at_newlink,
	.changelink = at_changelink,
	.dellink = at_dellink,
	.get_size = at_get_size,
	.fill_info = at_fill_info,
	.get_link_net = at_get_link_net,
};

/* Also called when a device moves between namespaces. */
static int at_netdev_event(struct notifier_block *nb, unsigned long event,
			   void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct at_dev *at;
	int err;

	if (!at_is_dev(dev))
		return NOTIFY_DONE;
	at = netdev_priv(dev);

	switch (event) {
	case NETDEV_REGISTER:
		err = at_guard_add(at, dev_net(dev));
		return notifier_from_errno(err);
	case NETDEV_UNREGISTER:
		if (!list_empty(&at->guard_node))
			at_guard_del(at, dev_net(dev));
		break;
	}

	return NOTIFY_DONE;
}

static struct notifier_block at_netdev_notifier = {
	.notifier_call = at_netdev_event,
};

static int __net_init at_net_init(struct net *net)
{
	struct at_net *atn = at_net(net);

	INIT_LIST_HEAD(&atn->devs);
	INIT_LIST_HEAD(&atn->guarded);

	return 0;
}

/*
 * The namespace of the sockets goes. Devices that were moved elsewhere live
 * on without: they say so when they are asked to send, and cannot be opened.
 */
static void __net_exit at_net_pre_exit(struct net *net)
{
	struct at_dev *at, *next;

	rtnl_lock();
	list_for_each_entry_safe(at, next, &at_net(net)->devs, list) {
		list_del_init(&at->list);
		at_sockets_close(at);
		at->sock_net = NULL;
		at_peers_reset_routes(at, true);
	}
	rtnl_unlock();
}

static struct pernet_operations at_net_ops = {
	.init = at_net_init,
	.pre_exit = at_net_pre_exit,
	.id = &at_net_id,
	.size = sizeof(struct at_net),
};

int at_netdev_register(void)
{
	int err;

	at_reaper = alloc_workqueue("autotunnel", 0, 0);
	if (!at_reaper)
		return -ENOMEM;
	err = register_pernet_subsys(&at_net_ops);
	if (err)
		goto destroy_reaper;
	err = register_netdevice_notifier(&at_netdev_notifier);
	if (err)
		goto unregister_pernet;
	err = rtnl_link_register(&at_link_ops);
	if (err)
		goto unregister_notifier;

	return 0;

unregister_notifier:
	unregister_netdevice_notifier(&at_netdev_notifier);
unregister_pernet:
	unregister_pernet_subsys(&at_net_ops);
destroy_reaper:
	destroy_workqueue(at_reaper);
	return err;
}

void at_netdev_unregister(void)
{
	rtnl_link_unregister(&at_link_ops);
	unregister_netdevice_notifier(&at_netdev_notifier);
	unregister_pernet_subsys(&at_net_ops);
	/* Packets that come back from crypto run our code. */
	wait_var_event(&at_reaping, !atomic_read(&at_reaping));
	destroy_workqueue(at_reaper);
}
