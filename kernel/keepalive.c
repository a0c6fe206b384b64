// SPDX-License-Identifier: GPL-2.0
/*
 * NAT keepalives (RFC 3948 section 4): one octet 0xFF to a peer to which
 * nothing was sent for the interval. A timer per peer that the traffic never
 * touches: when it fires it looks how long ago the last packet was, and
 * sleeps for the rest.
 */
#include <linux/random.h>

#include "keepalive.h"
#include "events.h"
#include "outer.h"

/* Seconds between keepalives to this peer, 0 for none. */
unsigned int at_keepalive_interval(const struct at_peer *peer)
{
	int own = READ_ONCE(peer->keepalive);

	return own < 0 ? READ_ONCE(peer->at->keepalive) : own;
}

/* Arms the timer unless it is armed or the peer is gone. BH off. */
void at_keepalive_arm(struct at_peer *peer)
{
	unsigned int interval = at_keepalive_interval(peer);

	if (!interval)
		return;

	spin_lock(&peer->lock);
	if (!peer->dead && !timer_pending(&peer->timer) &&
	    rcu_access_pointer(peer->endpoint))
		mod_timer(&peer->timer, READ_ONCE(peer->last_tx) +
				       (unsigned long)interval * HZ);
	spin_unlock(&peer->lock);
}

/*
 * After a change of interval or endpoint: look again, at a moment of the last
 * quarter of the interval, lest many peers set at once are served at once.
 */
void at_keepalive_restart(struct at_peer *peer)
{
	unsigned long interval = at_keepalive_interval(peer) * HZ;

	if (!interval)
		return;

	spin_lock_bh(&peer->lock);
	if (!peer->dead && rcu_access_pointer(peer->endpoint))
		mod_timer(&peer->timer, jiffies + interval -
				       get_random_u32() % (interval / 4));
	spin_unlock_bh(&peer->lock);
}

void at_keepalive_timer(struct timer_list *timer)
{
	struct at_peer *peer = from_timer(peer, timer, timer);
	unsigned long interval = at_keepalive_interval(peer) * HZ;
	struct at_dev *at = peer->at;
	struct at_endpoint *ep;

	if (!interval || !netif_running(at->dev))
		return;		/* a packet, or a restart, arms it again */

	rcu_read_lock();
	if (!READ_ONCE(peer->last_tx) ||
	    time_after_eq(jiffies, READ_ONCE(peer->last_tx) + interval)) {
		ep = rcu_dereference(peer->endpoint);
		if (ep && !at_outer_send_keepalive(at, ep))
			at_count(at, AT_CTR_tx_keepalives);
		WRITE_ONCE(peer->last_tx, jiffies ?: 1);
	}
	at_keepalive_arm(peer);
	rcu_read_unlock();
}

static void at_stale_check(struct at_peer *peer, unsigned long now)
{
	unsigned long last_rx = READ_ONCE(peer->last_rx);
	bool say = false;

	/* Only who has been heard can fall silent. */
	if (!last_rx || time_before(now, last_rx + AT_STALE_AFTER))
		return;

	spin_lock(&peer->lock);
	if (!peer->dead && time_after(now, peer->stale_said + AT_STALE_AGAIN)) {
		peer->stale_said = now;
		say = true;
	}
	spin_unlock(&peer->lock);

	if (say)
		at_event_stale(peer->at, peer);
}

/**
 * at_keepalive_tick - a packet goes to @peer, the first in this tick
 * @peer: the peer
 * @now: jiffies
 *
 * Context: RCU, BH off.
 */
void at_keepalive_tick(struct at_peer *peer, unsigned long now)
{
	/* Written without a lock: all that matters is "about now". */
	WRITE_ONCE(peer->last_tx, now ?: 1);
	if (unlikely(!timer_pending(&peer->timer)))
		at_keepalive_arm(peer);
	at_stale_check(peer, now);
}
