// SPDX-License-Identifier: GPL-2.0
/*
 * Peers and endpoints as attributes: read from requests, written to replies
 * and events.
 */
#include "endpoint.h"
#include "netlink.h"
#include "peer.h"
#include "policy.h"

static int at_parse_addr(const struct nlattr *attr, struct in6_addr *addr,
			 struct netlink_ext_ack *extack)
{
	switch (nla_len(attr)) {
	case sizeof(struct in_addr):
		ipv6_addr_set_v4mapped(nla_get_in_addr(attr), addr);
		if (ipv4_is_multicast(addr->s6_addr32[3]) ||
		    ipv4_is_lbcast(addr->s6_addr32[3]) ||
		    ipv4_is_zeronet(addr->s6_addr32[3]))
			break;
		return 0;
	case sizeof(struct in6_addr):
		*addr = nla_get_in6_addr(attr);
		if (ipv6_addr_any(addr) || ipv6_addr_is_multicast(addr) ||
		    ipv6_addr_v4mapped(addr))
			break;
		return 0;
	default:
		NL_SET_ERR_MSG_ATTR(extack, attr, "an address has 4 or 16 octets");
		return -EINVAL;
	}

	NL_SET_ERR_MSG_ATTR(extack, attr, "this is no unicast address (IPv4 has 4 octets)");
	return -EINVAL;
}

int at_parse_endpoint(const struct nlattr *nest, struct at_endpoint_req *req,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[AUTOTUNNEL_ENDPOINT_A_MAX + 1];
	int err;

	memset(req, 0, sizeof(*req));
	err = at_parse_nest(tb, AUTOTUNNEL_ENDPOINT_A_MAX, nest,
			    at_endpoint_policy, extack);
	if (err)
		return err;

	if (!nla_len(nest)) {
		req->clear = true;
		return 0;
	}
	if (!tb[AUTOTUNNEL_ENDPOINT_A_ADDR] || !tb[AUTOTUNNEL_ENDPOINT_A_PORT]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "an endpoint needs address and port");
		return -EINVAL;
	}
	err = at_parse_addr(tb[AUTOTUNNEL_ENDPOINT_A_ADDR], &req->remote.addr,
			    extack);
	if (err)
		return err;
	req->remote.port = nla_get_be16(tb[AUTOTUNNEL_ENDPOINT_A_PORT]);
	if (!req->remote.port) {
		NL_SET_ERR_MSG_ATTR(extack, tb[AUTOTUNNEL_ENDPOINT_A_PORT],
				    "port must be from 1 to 65535");
		return -EINVAL;
	}
	if (tb[AUTOTUNNEL_ENDPOINT_A_LOCAL]) {
		err = at_parse_addr(tb[AUTOTUNNEL_ENDPOINT_A_LOCAL],
				    &req->local, extack);
		if (err)
			return err;
		if (ipv6_addr_v4mapped(&req->local) !=
		    at_outer_is4(&req->remote)) {
			NL_SET_ERR_MSG_ATTR(extack, tb[AUTOTUNNEL_ENDPOINT_A_LOCAL],
					    "local and remote address must be of one IP version");
			return -EINVAL;
		}
	}
	if (tb[AUTOTUNNEL_ENDPOINT_A_OIF]) {
		u32 oif = nla_get_u32(tb[AUTOTUNNEL_ENDPOINT_A_OIF]);

		if (oif > INT_MAX) {
			NL_SET_ERR_MSG_ATTR(extack, tb[AUTOTUNNEL_ENDPOINT_A_OIF],
					    "there is no such interface");
			return -EINVAL;
		}
		req->oif = oif;
	}

	return 0;
}

int at_parse_peer(struct genl_info *info, struct at_peer_req *req)
{
	const struct nlattr *nest = info->attrs[AUTOTUNNEL_A_PEER];
	struct nlattr *tb[AUTOTUNNEL_PEER_A_MAX + 1];
	int err;

	memset(req, 0, sizeof(*req));
	if (!nest)
		return at_missing(info, "peer");
	err = at_parse_nest(tb, AUTOTUNNEL_PEER_A_MAX, nest, at_peer_policy,
			    info->extack);
	if (err)
		return err;

	if (!tb[AUTOTUNNEL_PEER_A_ULA])
		return at_missing(info, "the peer's ula");
	req->ula = nla_get_in6_addr(tb[AUTOTUNNEL_PEER_A_ULA]);
	if (!at_ula_valid(&req->ula)) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[AUTOTUNNEL_PEER_A_ULA],
				    "a peer's ula must be in fc00::/7");
		return -EINVAL;
	}
	if (tb[AUTOTUNNEL_PEER_A_KEEPALIVE]) {
		u16 keepalive = nla_get_u16(tb[AUTOTUNNEL_PEER_A_KEEPALIVE]);

		req->has_keepalive = true;
		req->keepalive = keepalive == AUTOTUNNEL_KEEPALIVE_DEV ?
				 -1 : keepalive;
	}
	if (tb[AUTOTUNNEL_PEER_A_ENDPOINT]) {
		req->has_endpoint = true;
		return at_parse_endpoint(tb[AUTOTUNNEL_PEER_A_ENDPOINT],
					 &req->endpoint, info->extack);
	}

	return 0;
}

int at_put_outer(struct sk_buff *skb, const struct at_outer *remote,
		 const struct in6_addr *local, int oif)
{
	bool any = ipv6_addr_any(local);
	int err;

	if (at_outer_is4(remote)) {
		err = nla_put_in_addr(skb, AUTOTUNNEL_ENDPOINT_A_ADDR,
				      remote->addr.s6_addr32[3]);
		if (!err && !any)
			err = nla_put_in_addr(skb, AUTOTUNNEL_ENDPOINT_A_LOCAL,
					      local->s6_addr32[3]);
	} else {
		err = nla_put_in6_addr(skb, AUTOTUNNEL_ENDPOINT_A_ADDR,
				       &remote->addr);
		if (!err && !any)
			err = nla_put_in6_addr(skb, AUTOTUNNEL_ENDPOINT_A_LOCAL,
					       local);
	}
	if (!err)
		err = nla_put_be16(skb, AUTOTUNNEL_ENDPOINT_A_PORT,
				   remote->port);
	if (!err && oif)
		err = nla_put_u32(skb, AUTOTUNNEL_ENDPOINT_A_OIF, oif);

	return err;
}

static int at_put_endpoint(struct sk_buff *skb, int attr,
			   const struct at_endpoint *ep)
{
	struct nlattr *nest;

	if (!ep)
		return 0;
	nest = nla_nest_start(skb, attr);
	if (!nest ||
	    at_put_outer(skb, &ep->remote, &ep->local, ep->oif ?: ep->iif) ||
	    nla_put_u8(skb, AUTOTUNNEL_ENDPOINT_A_ORIGIN, ep->origin))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);

	return 0;
}

static int at_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, AUTOTUNNEL_PEER_A_PAD);
}

/* Writes the nest AUTOTUNNEL_A_PEER. Context: RCU or at_dev.lock. */
int at_put_peer(struct sk_buff *skb, struct at_peer *peer)
{
	unsigned long last_rx = READ_ONCE(peer->last_rx);
	struct at_peer_totals sum;
	struct nlattr *nest;
	int keepalive;
	int err;

	nest = nla_nest_start(skb, AUTOTUNNEL_A_PEER);
	if (!nest)
		return -EMSGSIZE;

	at_peer_read_stats(peer, &sum);
	keepalive = READ_ONCE(peer->keepalive);
	if (nla_put_in6_addr(skb, AUTOTUNNEL_PEER_A_ULA, &peer->ula) ||
	    nla_put_u16(skb, AUTOTUNNEL_PEER_A_KEEPALIVE,
			keepalive < 0 ? AUTOTUNNEL_KEEPALIVE_DEV : keepalive) ||
	    at_put_u64(skb, AUTOTUNNEL_PEER_A_RX_PACKETS, sum.rx_packets) ||
	    at_put_u64(skb, AUTOTUNNEL_PEER_A_RX_BYTES, sum.rx_bytes) ||
	    at_put_u64(skb, AUTOTUNNEL_PEER_A_TX_PACKETS, sum.tx_packets) ||
	    at_put_u64(skb, AUTOTUNNEL_PEER_A_TX_BYTES, sum.tx_bytes) ||
	    nla_put_u32(skb, AUTOTUNNEL_PEER_A_MOVES, READ_ONCE(peer->moves)))
		return -EMSGSIZE;
	if (last_rx &&
	    at_put_u64(skb, AUTOTUNNEL_PEER_A_RX_AGE,
		       jiffies_to_msecs(jiffies - last_rx)))
		return -EMSGSIZE;

	spin_lock_bh(&peer->lock);
	err = at_put_endpoint(skb, AUTOTUNNEL_PEER_A_ENDPOINT,
			      rcu_dereference_protected(peer->endpoint,
							lockdep_is_held(&peer->lock)));
	if (!err)
		err = at_put_endpoint(skb, AUTOTUNNEL_PEER_A_PREVIOUS,
				      peer->previous);
	spin_unlock_bh(&peer->lock);
	if (err)
		return err;
	nla_nest_end(skb, nest);

	return 0;
}
