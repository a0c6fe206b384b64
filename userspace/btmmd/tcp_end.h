/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends TCP connections of which nothing can come any more: with the inner address of a
 * host that has started anew, or that is no more. Without that they would hang for the
 * quarter of an hour in which TCP tries to reach what is not there.
 */
#ifndef BTMMD_TCP_END_H
#define BTMMD_TCP_END_H

#include <netinet/in.h>

/*
 * Those of this network name space with @peer, whoever's they are: their owners get
 * ECONNABORTED. Return: how many; or a negative errno (-EOPNOTSUPP: the kernel is made
 * without CONFIG_INET_DIAG_DESTROY, -EPERM: no CAP_NET_ADMIN).
 */
int tcp_end(const struct in6_addr *peer);

#endif
