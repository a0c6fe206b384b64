/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IKE datagrams from unknown sources wait here, a few of them and for a few
 * seconds, while btmmd is asked whose they are.
 */
#ifndef _AUTOTUNNEL_HOLD_H
#define _AUTOTUNNEL_HOLD_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#include "ike.h"

struct at_dev;
struct sk_buff;

#define AT_HOLD_MAX		64	/* of a device */
#define AT_HOLD_MAX_SOURCE	4	/* of one outer address */
#define AT_HOLD_TIME		(5 * HZ)

/**
 * struct at_held - one waiting datagram
 * @node: in at_holds.list, oldest first
 * @id: its name towards btmmd; never used twice
 * @expires: jiffies
 * @from: where it came from
 * @hdr: copy of its IKE header
 * @skb: the datagram, data at the IKE header
 */
struct at_held {
	struct list_head node;
	u64 id;
	unsigned long expires;
	struct at_from from;
	struct at_ike_header hdr;
	struct sk_buff *skb;
};

struct at_holds {
	spinlock_t lock;	/* innermost */
	struct list_head list;
	unsigned int n;
	u64 last_id;
	bool closed;
	struct timer_list timer;
	struct at_dev *at;
};

void at_holds_init(struct at_holds *holds, struct at_dev *at);
void at_holds_open(struct at_holds *holds);
void at_holds_close(struct at_holds *holds);
void at_hold(struct at_holds *holds, struct sk_buff *skb,
	     const struct at_ike_header *hdr, const struct at_from *from);
struct at_held *at_hold_take(struct at_holds *holds, u64 id);
void at_held_free(struct at_held *held);

#endif /* _AUTOTUNNEL_HOLD_H */
