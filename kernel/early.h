/* SPDX-License-Identifier: GPL-2.0 */
/* ESP that comes a moment before its SA waits here. */
#ifndef _AUTOTUNNEL_EARLY_H
#define _AUTOTUNNEL_EARLY_H

#include <linux/skbuff.h>
#include <linux/timer.h>

struct at_dev;

#define AT_EARLY_MAX		32	/* packets of a device */
#define AT_EARLY_TRUESIZE	16384	/* of one: no super-packets */
#define AT_EARLY_TIME		HZ

/**
 * struct at_early - packets whose SA has an SPI, but no keys yet
 * @queue: oldest first; its lock guards @closed, too, and is an innermost one
 * @closed: the device is down
 * @timer: looks for keys as long as there are packets
 * @at: the device
 */
struct at_early {
	struct sk_buff_head queue;
	bool closed;
	struct timer_list timer;
	struct at_dev *at;
};

void at_early_init(struct at_early *early, struct at_dev *at);
void at_early_open(struct at_early *early);
void at_early_close(struct at_early *early);
bool at_early_keep(struct at_early *early, struct sk_buff *skb);

#endif /* _AUTOTUNNEL_EARLY_H */
