// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink commands on peers: peer-new, peer-set, peer-get, peer-del.
 */
#include "endpoint.h"
#include "keepalive.h"
#include "netlink.h"
#include "peer.h"

/* Gives the peer what user space wants of it. Context: at_dev.lock. */
static int at_peer_apply(struct at_peer *peer, const struct at_peer_req *req,
			 struct netlink_ext_ack *extack)
{
	struct at_endpoint *ep;
	int err;

	if (req->has_endpoint && !req->endpoint.clear) {
		ep = at_endpoint_alloc(peer, &req->endpoint.remote,
				       &req->endpoint.local,
				       GFP_KERNEL_ACCOUNT);
		if (!ep) {
			NL_SET_ERR_MSG(extack, "out of memory for an endpoint");
			return -ENOMEM;
		}
		ep->oif = req->endpoint.oif;
		ep->origin = AUTOTUNNEL_ORIGIN_SET;
		err = at_endpoint_publish(peer, ep);
		if (err) {
			at_endpoint_free(ep);
			if (err == -EUSERS)
				NL_SET_ERR_MSG(extack, "too many peers have this endpoint");
			else
				NL_SET_ERR_MSG(extack, "out of memory for the table of endpoints");
			return err;
		}
	} else if (req->has_endpoint) {
		at_endpoint_clear(peer);
	}
	if (req->has_keepalive)
		WRITE_ONCE(peer->keepalive, req->keepalive);
	if (req->has_endpoint || req->has_keepalive)
		at_keepalive_restart(peer);

	return 0;
}

static int at_peer_new(struct at_dev *at, const struct at_peer_req *req,
		       struct netlink_ext_ack *extack)
{
	struct at_peer *peer;
	int err;

	if (ipv6_addr_equal(&req->ula, &at->local)) {
		NL_SET_ERR_MSG(extack, "this ula is the device's own");
		return -EINVAL;
	}
	peer = at_peer_create(at, &req->ula, extack);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	err = at_peer_insert(peer, extack);
	if (err) {
		at_peer_discard(peer);
		return err;
	}
	err = at_peer_apply(peer, req, extack);
	if (err)
		at_peer_remove(peer);

	return err;
}

int at_no_peer(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack, "there is no peer of this ula");
	return -ENOENT;
}

/* peer-new, peer-set and peer-del: what changes a peer. */
int at_peer_change(struct sk_buff *skb, struct genl_info *info)
{
	struct at_peer_req req;
	struct at_peer *peer;
	struct at_dev *at;
	int err;

	at = at_dev_of(info);
	if (IS_ERR(at))
		return PTR_ERR(at);
	err = at_parse_peer(info, &req);
	if (!err && req.has_endpoint)
		err = at_check_outer(skb, info, at);
	if (!err && req.has_endpoint)
		err = at_check_oif(info, at, req.endpoint.oif);
	if (err)
		goto put;

	mutex_lock(&at->lock);
	if (info->genlhdr->cmd == AUTOTUNNEL_CMD_PEER_NEW) {
		err = at_peer_new(at, &req, info->extack);
		goto unlock;
	}
	peer = at_peer_find(at, &req.ula);
	if (!peer)
		err = at_no_peer(info->extack);
	else if (info->genlhdr->cmd == AUTOTUNNEL_CMD_PEER_SET)
		err = at_peer_apply(peer, &req, info->extack);
	else
		at_peer_remove(peer);
unlock:
	mutex_unlock(&at->lock);
put:
	at_put_dev(at);
	return err;
}

static int at_fill_peer(struct sk_buff *skb, const struct at_dev *at,
			struct at_peer *peer, u32 portid, u32 seq, int flags,
			struct netlink_callback *cb)
{
	void *hdr;

	hdr = genlmsg_put(skb, portid, seq, &at_genl_family, flags,
			  AUTOTUNNEL_CMD_PEER_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, hdr);
	if (nla_put_u32(skb, AUTOTUNNEL_A_IFINDEX, at->dev->ifindex) ||
	    at_put_peer(skb, peer)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);

	return 0;
}

int at_peer_get(struct sk_buff *skb, struct genl_info *info)
{
	struct at_peer_req req;
	struct at_peer *peer;
	struct sk_buff *msg;
	struct at_dev *at;
	int err;

	at = at_dev_of(info);
	if (IS_ERR(at))
		return PTR_ERR(at);
	err = at_parse_peer(info, &req);
	if (err)
		goto put;

	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg) {
		err = -ENOMEM;
		goto put;
	}
	mutex_lock(&at->lock);
	peer = at_peer_find(at, &req.ula);
	err = peer ? at_fill_peer(msg, at, peer, info->snd_portid,
				  info->snd_seq, 0, NULL) :
		     at_no_peer(info->extack);
	mutex_unlock(&at->lock);
	if (err)
		nlmsg_free(msg);
	else
		err = genlmsg_reply(msg, info);
put:
	at_put_dev(at);
	return err;
}

/* Goes on after the peer with number cb->args[0]. */
int at_peer_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = at_compat_dump_attrs(cb);
	unsigned long id = cb->args[0];
	struct at_peer *peer;
	struct at_dev *at;
	int err = 0;

	at = at_find_dev(sock_net(skb->sk), attrs[AUTOTUNNEL_A_IFINDEX],
			 cb->extack);
	if (IS_ERR(at))
		return PTR_ERR(at);

	mutex_lock(&at->lock);
	cb->seq = at->generation;
	xa_for_each_start(&at->ids, id, peer, cb->args[0] + 1) {
		err = at_fill_peer(skb, at, peer, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, NLM_F_MULTI, cb);
		if (err)
			break;
		cb->args[0] = id;
	}
	mutex_unlock(&at->lock);
	at_put_dev(at);

	return skb->len ?: err;
}
