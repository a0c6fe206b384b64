// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast events. All may be called where packets are: RCU, BH off.
 */
#include "events.h"
#include "netlink.h"

struct at_event {
	struct sk_buff *skb;
	void *hdr;
};

static bool at_event_open(struct at_dev *at, struct at_event *event,
			  enum at_mcgrp group, enum autotunnel_cmd cmd,
			  size_t size)
{
	if (!genl_has_listeners(&at_genl_family, dev_net(at->dev), group))
		return false;

	event->skb = genlmsg_new(size, GFP_ATOMIC | __GFP_NOWARN);
	if (!event->skb)
		goto lost;
	event->hdr = genlmsg_put(event->skb, 0, 0, &at_genl_family, 0, cmd);
	if (event->hdr &&
	    !nla_put_u32(event->skb, AUTOTUNNEL_A_IFINDEX, at->dev->ifindex))
		return true;

	nlmsg_free(event->skb);
lost:
	at_count(at, AT_CTR_events_lost);
	return false;
}

static int at_event_send(struct at_dev *at, struct at_event *event,
			 enum at_mcgrp group, int err)
{
	if (err) {
		nlmsg_free(event->skb);
	} else {
		genlmsg_end(event->skb, event->hdr);
		err = genlmsg_multicast_netns(&at_genl_family, dev_net(at->dev),
					      event->skb, 0, group, GFP_ATOMIC);
	}
	if (err)
		at_count(at, AT_CTR_events_lost);

	return err;
}

static int at_event_put_outer(struct sk_buff *skb, const struct at_outer *remote,
			      const struct in6_addr *local, int oif)
{
	struct nlattr *nest = nla_nest_start(skb, AUTOTUNNEL_A_ENDPOINT);

	if (!nest || at_put_outer(skb, remote, local, oif))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);

	return 0;
}

static int at_event_put_from(struct sk_buff *skb, const struct at_from *from)
{
	struct at_outer remote = { .addr = from->addr, .port = from->port };

	return at_event_put_outer(skb, &remote, &from->local, from->iif);
}

static void at_event_peer(struct at_dev *at, struct at_peer *peer,
			  enum autotunnel_cmd cmd)
{
	struct at_event event;

	if (!at_event_open(at, &event, AT_MCGRP_PEERS, cmd, NLMSG_GOODSIZE))
		return;
	at_event_send(at, &event, AT_MCGRP_PEERS,
		      at_put_peer(event.skb, peer));
}

/* The peer's endpoint was learnt. */
void at_event_endpoint(struct at_dev *at, struct at_peer *peer)
{
	at_event_peer(at, peer, AUTOTUNNEL_CMD_ENDPOINT_NTF);
}

/* We send to the peer, and nothing authentic comes back. */
void at_event_stale(struct at_dev *at, struct at_peer *peer)
{
	at_event_peer(at, peer, AUTOTUNNEL_CMD_STALE_NTF);
}

/* ESP with an SPI that no SA has; from @peer's endpoint if that is given. */
void at_event_source(struct at_dev *at, const struct at_outer *remote,
		     __be32 spi, struct at_peer *peer)
{
	struct at_event event;
	int err;

	if (!genl_has_listeners(&at_genl_family, dev_net(at->dev),
				AT_MCGRP_PEERS) ||
	    !at_ratelimit_allow(&at->dgram_limit, &remote->addr))
		return;
	if (!at_event_open(at, &event, AT_MCGRP_PEERS,
			   AUTOTUNNEL_CMD_SOURCE_NTF, NLMSG_GOODSIZE))
		return;
	err = at_event_put_outer(event.skb, remote, &in6addr_any, 0);
	if (!err)
		err = nla_put_be32(event.skb, AUTOTUNNEL_A_ESP_SPI, spi);
	if (!err && peer)
		err = at_put_peer(event.skb, peer);
	at_event_send(at, &event, AT_MCGRP_PEERS, err);
}

/* An IKE datagram from an unknown source is held: whose is it? */
void at_event_ike(struct at_dev *at, const struct at_held *held)
{
	struct at_event event;
	struct sk_buff *skb;
	int err;

	if (!at_event_open(at, &event, AT_MCGRP_IKE, AUTOTUNNEL_CMD_IKE_NTF,
			   NLMSG_GOODSIZE))
		return;
	skb = event.skb;
	err = at_event_put_from(skb, &held->from);
	if (!err)
		err = nla_put_u64_64bit(skb, AUTOTUNNEL_A_HOLD, held->id,
					AUTOTUNNEL_A_PAD);
	if (!err)
		err = nla_put(skb, AUTOTUNNEL_A_IKE_SPI_I,
			      sizeof(held->hdr.spi_i), &held->hdr.spi_i);
	if (!err)
		err = nla_put_u8(skb, AUTOTUNNEL_A_IKE_EXCHANGE,
				 held->hdr.exchange);
	at_event_send(at, &event, AT_MCGRP_IKE, err);
}

/* A datagram for the daemon. Return: 0 if it went to somebody. */
int at_event_dgram(struct at_dev *at, const struct at_from *from,
		   const struct sk_buff *skb)
{
	struct at_event event;
	struct nlattr *attr;
	int err;

	if (!at_event_open(at, &event, AT_MCGRP_DGRAMS,
			   AUTOTUNNEL_CMD_DGRAM_NTF,
			   NLMSG_GOODSIZE + AUTOTUNNEL_DGRAM_MAX))
		return -ESRCH;
	err = at_event_put_from(event.skb, from);
	if (!err) {
		attr = nla_reserve(event.skb, AUTOTUNNEL_A_DGRAM, skb->len);
		err = attr ? skb_copy_bits(skb, 0, nla_data(attr), skb->len) :
			     -EMSGSIZE;
	}

	return at_event_send(at, &event, AT_MCGRP_DGRAMS, err);
}
