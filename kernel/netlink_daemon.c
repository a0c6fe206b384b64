// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink commands by which the daemon takes part in what the port carries:
 * ike-answer, dgram-send.
 */
#include "netlink.h"
#include "outer.h"
#include "peer.h"
#include "rx.h"

int at_ike_answer(struct sk_buff *skb, struct genl_info *info)
{
	struct at_peer_req req;
	struct at_held *held;
	struct at_dev *at;
	int err = 0;

	at = at_dev_of(info);
	if (IS_ERR(at))
		return PTR_ERR(at);
	if (!info->attrs[AUTOTUNNEL_A_HOLD]) {
		err = at_missing(info, "hold");
		goto put;
	}
	if (info->attrs[AUTOTUNNEL_A_PEER]) {
		err = at_parse_peer(info, &req);
		if (err)
			goto put;
	}

	mutex_lock(&at->lock);
	if (info->attrs[AUTOTUNNEL_A_PEER] && !at_peer_find(at, &req.ula)) {
		err = at_no_peer(info->extack);
		goto unlock;
	}
	held = at_hold_take(&at->holds,
			    nla_get_u64(info->attrs[AUTOTUNNEL_A_HOLD]));
	if (!held) {
		NL_SET_ERR_MSG(info->extack, "no such datagram is held (any more)");
		err = -ENOENT;
		goto unlock;
	}
	if (info->attrs[AUTOTUNNEL_A_PEER]) {
		at_ike_vouch(&at->ike, &held->hdr, &req.ula, &held->from);
		at_rx_ike_deliver(at, held->skb, &req.ula);
		held->skb = NULL;
	} else {
		at_count(at, AT_CTR_rx_ike_rejected);
	}
	at_held_free(held);
unlock:
	mutex_unlock(&at->lock);
put:
	at_put_dev(at);
	return err;
}

int at_dgram_send(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *dgram = info->attrs[AUTOTUNNEL_A_DGRAM];
	struct at_endpoint_req req;
	struct at_dev *at;
	int err;

	at = at_dev_of(info);
	if (IS_ERR(at))
		return PTR_ERR(at);

	if (!info->attrs[AUTOTUNNEL_A_ENDPOINT]) {
		err = at_missing(info, "endpoint");
		goto put;
	}
	if (!dgram) {
		err = at_missing(info, "dgram");
		goto put;
	}
	err = at_parse_endpoint(info->attrs[AUTOTUNNEL_A_ENDPOINT], &req,
				info->extack);
	if (!err)
		err = at_check_outer(skb, info, at);
	if (!err)
		err = at_check_oif(info, at, req.oif);
	if (err)
		goto put;
	if (req.clear) {
		err = at_missing(info, "the endpoint's address");
		goto put;
	}
	/* Nobody gets a door by which to send ESP or IKE. */
	if (!at_rx_is_datagram(nla_data(dgram), nla_len(dgram))) {
		NL_SET_ERR_MSG_ATTR(info->extack, dgram,
				    "only signalling (first word 1 to 255) and STUN can be sent");
		err = -EINVAL;
		goto put;
	}

	err = at_outer_send_datagram(at, &req.remote, &req.local, req.oif,
				     nla_data(dgram), nla_len(dgram));
	if (err == -ENETDOWN)
		NL_SET_ERR_MSG(info->extack, "the device is down");
	else if (err == -ELOOP)
		NL_SET_ERR_MSG(info->extack, "the route leads into the device itself");
	else if (err == -ENOMEM)
		NL_SET_ERR_MSG(info->extack, "out of memory for the datagram");
	else if (err)
		NL_SET_ERR_MSG(info->extack, "there is no route to this endpoint");
put:
	at_put_dev(at);
	return err;
}
