/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _AUTOTUNNEL_GUARD_H
#define _AUTOTUNNEL_GUARD_H

#include "autotunnel.h"

int at_guard_add(struct at_dev *at, struct net *net);
void at_guard_del(struct at_dev *at, struct net *net);

#endif /* _AUTOTUNNEL_GUARD_H */
