/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _AUTOTUNNEL_TX_H
#define _AUTOTUNNEL_TX_H

#include <linux/netdevice.h>

struct neighbour;

netdev_tx_t at_tx(struct sk_buff *skb, struct net_device *dev);
int at_neigh_construct(struct net_device *dev, struct neighbour *neigh);

#endif /* _AUTOTUNNEL_TX_H */
