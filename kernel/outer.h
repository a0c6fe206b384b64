/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The outer side of transmission: UDP and IP headers, runs of packets sent
 * as one, and the few datagrams we make ourselves.
 */
#ifndef _AUTOTUNNEL_OUTER_H
#define _AUTOTUNNEL_OUTER_H

#include "autotunnel.h"
#include "route.h"

/**
 * struct at_outer_opts - what the outer headers of a packet say
 * @ep: where it goes, if it is a peer's endpoint
 * @tos: DSCP and ECN
 * @fragment: let the path fragment it, instead of setting DF
 * @more: another packet to @ep may follow at once, this one may wait for it
 */
struct at_outer_opts {
	const struct at_endpoint *ep;
	u8 tos;
	bool fragment;
	bool more;
};

void at_outer_xmit(struct at_dev *at, struct sk_buff *skb,
		   struct at_route *route, const struct at_outer_opts *opts);
bool at_outer_join(struct at_dev *at, const struct at_endpoint *ep,
		   struct sk_buff *skb, u8 tos, bool more);
void at_outer_flush(void);
void at_outer_flush_all_cpus(void);

int at_outer_send_keepalive(struct at_dev *at, struct at_endpoint *ep);
int at_outer_send_datagram(struct at_dev *at, const struct at_outer *remote,
			   const struct in6_addr *local, int oif,
			   const void *data, unsigned int len);

#endif /* _AUTOTUNNEL_OUTER_H */
