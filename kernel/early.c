// SPDX-License-Identifier: GPL-2.0
/*
 * ESP that comes a moment before its SA. Who answers a call of IKE has SAs
 * before the answer has made the caller's, and what waited for them leaves at
 * once: it would be lost, and with it the first second of a connection. But
 * the caller has chosen the SPI, so XFRM knows it (XFRM_STATE_ACQ), and
 * nobody else can have guessed it. A few such packets wait until it has keys.
 */
#include <linux/ipv6.h>
#include <net/dst_metadata.h>
#include <net/ipv6.h>
#include <net/xfrm.h>

#include "autotunnel.h"
#include "early.h"

/* In skb->cb while it waits. */
struct at_early_cb {
	unsigned long expires;
	__be32 spi;
};

static struct at_early_cb *at_early_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct at_early_cb) > sizeof(skb->cb));
	return (struct at_early_cb *)skb->cb;
}

static void at_early_look(struct timer_list *timer);

void at_early_init(struct at_early *early, struct at_dev *at)
{
	skb_queue_head_init(&early->queue);
	early->at = at;
	early->closed = true;
	timer_setup(&early->timer, at_early_look, 0);
}

void at_early_open(struct at_early *early)
{
	spin_lock_bh(&early->queue.lock);
	early->closed = false;
	spin_unlock_bh(&early->queue.lock);
}

/* Drops all and takes no more. May sleep. */
void at_early_close(struct at_early *early)
{
	spin_lock_bh(&early->queue.lock);
	early->closed = true;
	spin_unlock_bh(&early->queue.lock);

	del_timer_sync(&early->timer);
	skb_queue_purge(&early->queue);
}

/* Its SA as it is by now: XFRM_STATE_VOID without one. */
static u8 at_early_state(const struct at_dev *at, __be32 spi)
{
	u8 state = XFRM_STATE_VOID;
	struct xfrm_state *x;

	x = xfrm_state_lookup(dev_net(at->dev), 0,
			      (const xfrm_address_t *)&at->local, spi,
			      IPPROTO_ESP, AF_INET6);
	if (x) {
		state = READ_ONCE(x->km.state);
		xfrm_state_put(x);
	}
	return state;
}

/* As at_rx_esp() did: the headers are as it left them. */
static void at_early_deliver(struct at_dev *at, struct sk_buff *skb)
{
	skb_dst_set_noref(skb, &this_cpu_ptr(at->gro_dst)->dst);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	IP6CB(skb)->nhoff = offsetof(struct ipv6hdr, nexthdr);
	IP6CB(skb)->iif = at->dev->ifindex;
	xfrm6_rcv_spi(skb, IPPROTO_ESP, 0, NULL);
}

static void at_early_look(struct timer_list *timer)
{
	struct at_early *early = from_timer(early, timer, timer);
	struct at_dev *at = early->at;
	struct sk_buff_head ready, late;
	struct sk_buff *skb, *next;
	u8 state;

	__skb_queue_head_init(&ready);
	__skb_queue_head_init(&late);
	rcu_read_lock();
	spin_lock(&early->queue.lock);
	skb_queue_walk_safe(&early->queue, skb, next) {
		state = at_early_state(at, at_early_cb(skb)->spi);
		if (state == XFRM_STATE_ACQ &&
		    time_before(jiffies, at_early_cb(skb)->expires))
			continue;
		__skb_unlink(skb, &early->queue);
		__skb_queue_tail(state == XFRM_STATE_VALID ? &ready : &late,
				 skb);
	}
	if (!skb_queue_empty(&early->queue) && !early->closed)
		mod_timer(&early->timer, jiffies + 1);
	spin_unlock(&early->queue.lock);

	while ((skb = __skb_dequeue(&ready)))
		at_early_deliver(at, skb);
	rcu_read_unlock();

	while ((skb = __skb_dequeue(&late))) {
		at_count(at, AT_CTR_rx_esp_no_keys);
		DEV_STATS_INC(at->dev, rx_errors);
		kfree_skb(skb);
	}
}

static bool at_early_add(struct at_early *early, struct sk_buff *skb)
{
	bool room;

	spin_lock_bh(&early->queue.lock);
	room = !early->closed && skb_queue_len(&early->queue) < AT_EARLY_MAX;
	if (room) {
		__skb_queue_tail(&early->queue, skb);
		if (!timer_pending(&early->timer))
			mod_timer(&early->timer, jiffies + 1);
	}
	spin_unlock_bh(&early->queue.lock);

	return room;
}

/**
 * at_early_keep - keep a packet that XFRM has refused, if it is early
 * @early: where
 * @skb: as at_rx_esp() gave it to XFRM; remains the caller's
 *
 * Return: true if a copy of it waits.
 */
bool at_early_keep(struct at_early *early, struct sk_buff *skb)
{
	struct sec_path *sp = skb_sec_path(skb);
	struct sk_buff *copy;
	__be32 spi;

	if (likely(!sp || sp->len != 1 ||
		   READ_ONCE(sp->xvec[0]->km.state) != XFRM_STATE_ACQ))
		return false;
	if (skb->truesize > AT_EARLY_TRUESIZE)
		return false;

	spi = sp->xvec[0]->id.spi;
	copy = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
	if (!copy)
		return false;
	/* It outlives the RCU section, and must not keep the old SA. */
	secpath_reset(copy);
	skb_dst_drop(copy);
	copy->mark = 0;
	at_early_cb(copy)->expires = jiffies + AT_EARLY_TIME;
	at_early_cb(copy)->spi = spi;

	if (at_early_add(early, copy))
		return true;
	kfree_skb(copy);
	return false;
}
