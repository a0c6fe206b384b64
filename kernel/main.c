// SPDX-License-Identifier: GPL-2.0
/*
 * autotunnel: the tunnel device of Back to My Mac (RFC 6281) for Linux.
 *
 * IPv4 | UDP | ESP | IPv6. XFRM does all of ESP, between the ULAs of two
 * machines; this module carries its packets to wherever those are now.
 */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>

#include "autotunnel.h"
#include "netlink.h"
#include "rx.h"

static int __init at_module_init(void)
{
	int err;

	at_counters_register();
	err = at_netdev_register();
	if (err)
		return err;
	err = at_rx_register();
	if (err)
		goto unregister_netdev;
	err = at_netlink_register();
	if (err)
		goto unregister_rx;

	return 0;

unregister_rx:
	at_rx_unregister();
unregister_netdev:
	at_netdev_unregister();
	rcu_barrier();
	return err;
}

static void __exit at_module_exit(void)
{
	at_netlink_unregister();
	at_netdev_unregister();
	at_rx_unregister();
	/* Peers and endpoints on their way out run code of ours. */
	rcu_barrier();
}

module_init(at_module_init);
module_exit(at_module_exit);

MODULE_DESCRIPTION("Back to My Mac (RFC 6281) tunnel device");
MODULE_AUTHOR("The btmm authors");
MODULE_LICENSE("GPL");
MODULE_ALIAS_RTNL_LINK("autotunnel");
MODULE_ALIAS_GENL_FAMILY(AUTOTUNNEL_GENL_NAME);
/* esp6_offload before the first SA: it is what keeps super-packets whole. */
MODULE_SOFTDEP("pre: esp6 esp6_offload");
