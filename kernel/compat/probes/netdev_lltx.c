// SPDX-License-Identifier: GPL-2.0
/* "No TX lock" is a member of struct net_device, not a feature bit. */
#include <linux/netdevice.h>

void probe(struct net_device *dev);
void probe(struct net_device *dev)
{
	dev->lltx = true;
}
