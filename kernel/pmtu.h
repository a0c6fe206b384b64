/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _AUTOTUNNEL_PMTU_H
#define _AUTOTUNNEL_PMTU_H

#include "autotunnel.h"
#include "route.h"

bool at_pmtu_fits(struct at_dev *at, struct sk_buff *skb, struct at_peer *peer,
		  const struct at_route *route, bool *fragment);
void at_pmtu_tick(struct sk_buff *skb, struct at_peer *peer, unsigned long now);

#endif /* _AUTOTUNNEL_PMTU_H */
