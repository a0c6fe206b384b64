/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _AUTOTUNNEL_KEEPALIVE_H
#define _AUTOTUNNEL_KEEPALIVE_H

#include "autotunnel.h"

/* We send and nothing authentic came back for this long: say so ... */
#define AT_STALE_AFTER	(15 * HZ)
/* ... and not again for this long. */
#define AT_STALE_AGAIN	(30 * HZ)

unsigned int at_keepalive_interval(const struct at_peer *peer);
void at_keepalive_timer(struct timer_list *timer);
void at_keepalive_arm(struct at_peer *peer);
void at_keepalive_restart(struct at_peer *peer);

void at_keepalive_tick(struct at_peer *peer, unsigned long now);

#endif /* _AUTOTUNNEL_KEEPALIVE_H */
