/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _AUTOTUNNEL_SOCKET_H
#define _AUTOTUNNEL_SOCKET_H

#include "autotunnel.h"

int at_sockets_open(struct at_dev *at, __be16 port,
		    struct netlink_ext_ack *extack);
void at_sockets_close(struct at_dev *at);

#endif /* _AUTOTUNNEL_SOCKET_H */
