// SPDX-License-Identifier: GPL-2.0
/*
 * Path MTU: what fits, what XFRM is told when it does not, and what to do
 * where nobody says so.
 *
 * The device MTU is the underlay's plus 12 (IPv4) or minus 8 (IPv6), so a
 * packet that is over its route's has met a narrower path. XFRM learns that
 * by the PMTU of the route to the peer's ULA, and makes the next ones smaller.
 *
 * Two kinds of path get fragments instead: those too narrow for IPv6's 1280
 * inside, and black holes, which swallow large packets without a word. One is
 * suspected when large packets were sent, at four moments and for a second at
 * least, since anything authentic came back.
 */
#include <net/ip_tunnels.h>

#include "pmtu.h"

#define AT_BLACK_TIME		HZ
#define AT_BLACK_MOMENTS	4
/* As long as IPv6 remembers a path MTU (RFC 8201 section 4). */
#define AT_BLACK_LASTS		(600 * HZ)

static bool at_pmtu_is_black(const struct at_peer *peer)
{
	unsigned long until = READ_ONCE(peer->black_until);

	return unlikely(until) && time_before(jiffies, until);
}

/**
 * at_pmtu_fits - may this packet go to that route, and how?
 * @at: device
 * @skb: data at its IPv6 header, with its route
 * @peer: where it goes
 * @route: how it goes
 * @fragment: let the path fragment it, instead of setting DF
 *
 * Return: false if it must be dropped; its sender will make smaller ones.
 */
bool at_pmtu_fits(struct at_dev *at, struct sk_buff *skb, struct at_peer *peer,
		  const struct at_route *route, bool *fragment)
{
	int gain = at_route_is4(route) ? AT_MTU_GAIN4 : AT_MTU_GAIN6;
	int mtu = dst_mtu(route->dst) + gain;

	*fragment = unlikely(mtu < AT_MIN_MTU) || at_pmtu_is_black(peer);
	if (*fragment) {
		at_count(at, AT_CTR_tx_df_cleared);
		return true;
	}
	if (likely(skb->len <= mtu))
		return true;
	skb_tunnel_check_pmtu(skb, route->dst, -gain, false);

	return false;
}

/*
 * Looks for a black hole, once a tick at most. Its fields have no lock: the
 * worst a race does is to look again a tick later.
 */
void at_pmtu_tick(struct sk_buff *skb, struct at_peer *peer, unsigned long now)
{
	unsigned long since = READ_ONCE(peer->black_since);
	unsigned int moments = READ_ONCE(peer->black_moments);

	if (skb->len <= AT_MIN_MTU || at_pmtu_is_black(peer))
		return;

	if (!moments || time_after_eq(READ_ONCE(peer->last_rx), since)) {
		WRITE_ONCE(peer->black_since, now);
		WRITE_ONCE(peer->black_moments, 1);
		return;
	}
	WRITE_ONCE(peer->black_moments, moments + 1);
	if (moments + 1 < AT_BLACK_MOMENTS ||
	    time_before(now, since + AT_BLACK_TIME))
		return;

	WRITE_ONCE(peer->black_moments, 0);
	WRITE_ONCE(peer->black_until, (now + AT_BLACK_LASTS) ?: 1);
	at_count(peer->at, AT_CTR_pmtu_black_holes);
	/* Smaller packets are better than fragments. */
	skb_dst_update_pmtu_no_confirm(skb, AT_MIN_MTU);
}
