/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place where kernels differ. Each shim stands behind a HAVE_* that
 * a compile probe (compat/probes/) sets, and goes when the oldest supported
 * kernel has what it stands for.
 */
#ifndef _AUTOTUNNEL_COMPAT_H
#define _AUTOTUNNEL_COMPAT_H

#include <linux/netdevice.h>
#include <net/genetlink.h>
#include "have.h"

/* The stack takes no TX lock for us: we have no queue to guard. */
static inline void at_compat_set_lltx(struct net_device *dev)
{
#ifdef HAVE_NETDEV_LLTX
	dev->lltx = true;
#else
	dev->features |= NETIF_F_LLTX;
#endif
}

/* The attributes of a dump's request. */
static inline struct nlattr **at_compat_dump_attrs(struct netlink_callback *cb)
{
#ifdef HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

#endif /* _AUTOTUNNEL_COMPAT_H */
