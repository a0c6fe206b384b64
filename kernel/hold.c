// SPDX-License-Identifier: GPL-2.0
/*
 * IKE datagrams from unknown sources, waiting for btmmd's answer.
 */
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "autotunnel.h"
#include "events.h"
#include "hold.h"

static void at_holds_expire(struct timer_list *timer);

void at_holds_init(struct at_holds *holds, struct at_dev *at)
{
	spin_lock_init(&holds->lock);
	INIT_LIST_HEAD(&holds->list);
	holds->at = at;
	holds->closed = true;
	timer_setup(&holds->timer, at_holds_expire, 0);
}

void at_held_free(struct at_held *held)
{
	kfree_skb(held->skb);
	kfree(held);
}

static void at_holds_expire(struct timer_list *timer)
{
	struct at_holds *holds = from_timer(holds, timer, timer);
	struct at_held *held, *next;

	spin_lock(&holds->lock);
	list_for_each_entry_safe(held, next, &holds->list, node) {
		if (time_before(jiffies, held->expires)) {
			if (!holds->closed)
				mod_timer(&holds->timer, held->expires);
			break;
		}
		list_del(&held->node);
		holds->n--;
		at_count(holds->at, AT_CTR_rx_ike_expired);
		at_held_free(held);
	}
	spin_unlock(&holds->lock);
}

void at_holds_open(struct at_holds *holds)
{
	spin_lock_bh(&holds->lock);
	holds->closed = false;
	spin_unlock_bh(&holds->lock);
}

/* Drops all and takes no more. May sleep. */
void at_holds_close(struct at_holds *holds)
{
	struct at_held *held, *next;
	LIST_HEAD(all);

	spin_lock_bh(&holds->lock);
	holds->closed = true;
	list_splice_init(&holds->list, &all);
	holds->n = 0;
	spin_unlock_bh(&holds->lock);

	del_timer_sync(&holds->timer);
	list_for_each_entry_safe(held, next, &all, node)
		at_held_free(held);
}

/* A retransmission adds nothing; one address gets only so many places. */
static bool at_hold_room(const struct at_holds *holds,
			 const struct at_ike_header *hdr,
			 const struct at_from *from)
{
	const struct at_held *held;
	unsigned int same = 0;

	if (holds->closed || holds->n >= AT_HOLD_MAX)
		return false;

	list_for_each_entry(held, &holds->list, node) {
		if (!ipv6_addr_equal(&held->from.addr, &from->addr))
			continue;
		if (++same >= AT_HOLD_MAX_SOURCE)
			return false;
		if (held->from.port == from->port &&
		    held->hdr.spi_i == hdr->spi_i &&
		    held->hdr.message_id == hdr->message_id)
			return false;
	}

	return true;
}

/**
 * at_hold - keep a datagram and ask btmmd whose it is
 * @holds: where
 * @skb: the datagram, data at its IKE header; consumed
 * @hdr: that header
 * @from: where it came from
 *
 * Context: RCU, BH off.
 */
void at_hold(struct at_holds *holds, struct sk_buff *skb,
	     const struct at_ike_header *hdr, const struct at_from *from)
{
	struct at_held *held;

	held = kmalloc(sizeof(*held), GFP_ATOMIC | __GFP_NOWARN);
	if (!held)
		goto drop;
	held->from = *from;
	held->hdr = *hdr;
	held->skb = skb;
	held->expires = jiffies + AT_HOLD_TIME;

	/* It outlives the RCU section and the interface it came by. */
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb->dev = NULL;

	spin_lock(&holds->lock);
	if (!at_hold_room(holds, hdr, from)) {
		spin_unlock(&holds->lock);
		kfree(held);
		goto drop;
	}
	held->id = ++holds->last_id;
	list_add_tail(&held->node, &holds->list);
	holds->n++;
	if (!timer_pending(&holds->timer))
		mod_timer(&holds->timer, held->expires);
	/* Under the lock: afterwards the answer may already have freed it. */
	at_event_ike(holds->at, held);
	spin_unlock(&holds->lock);

	at_count(holds->at, AT_CTR_rx_ike_held);
	return;

drop:
	at_count(holds->at, AT_CTR_rx_ike_not_held);
	kfree_skb(skb);
}

/* Return: the datagram of this name, now the caller's, or NULL. */
struct at_held *at_hold_take(struct at_holds *holds, u64 id)
{
	struct at_held *held, *found = NULL;

	spin_lock_bh(&holds->lock);
	list_for_each_entry(held, &holds->list, node) {
		if (held->id == id) {
			list_del(&held->node);
			holds->n--;
			found = held;
			break;
		}
	}
	spin_unlock_bh(&holds->lock);

	return found;
}
