/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module tells btmmd. Nothing waits for it: an event that finds no
 * memory or no room is counted as lost, and the daemon can ask for the state.
 */
#ifndef _AUTOTUNNEL_EVENTS_H
#define _AUTOTUNNEL_EVENTS_H

#include "autotunnel.h"

void at_event_endpoint(struct at_dev *at, struct at_peer *peer);
void at_event_stale(struct at_dev *at, struct at_peer *peer);
void at_event_source(struct at_dev *at, const struct at_outer *remote,
		     __be32 spi, struct at_peer *peer);
void at_event_ike(struct at_dev *at, const struct at_held *held);
int at_event_dgram(struct at_dev *at, const struct at_from *from,
		   const struct sk_buff *skb);

#endif /* _AUTOTUNNEL_EVENTS_H */
