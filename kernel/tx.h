/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _AUTOTUNNEL_TX_H
#define _AUTOTUNNEL_TX_H

#include <linux/netdevice.h>

netdev_tx_t at_tx(struct sk_buff *skb, struct net_device *dev);

#endif /* _AUTOTUNNEL_TX_H */
