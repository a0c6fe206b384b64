// SPDX-License-Identifier: GPL-2.0
/*
 * Routes to outer addresses, in the netns of the sockets.
 *
 * An answer should leave from the address that was asked (a NAT or firewall
 * on the way knows no other). So a learnt endpoint remembers our address and
 * interface, and they are used as long as they lead anywhere:
 *
 *   1. from that address; if the route leaves by that interface, good;
 *   2. from that address, by that interface, if it still has a gateway;
 *   3. otherwise we have moved: from whatever address routing chooses.
 */
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "route.h"

static struct rtable *at_route4_try(struct at_dev *at, struct sock *sk,
				    const struct at_outer *remote,
				    __be32 saddr, int oif, __be32 *used)
{
	struct flowi4 fl4 = {
		.flowi4_oif = oif,
		.flowi4_mark = READ_ONCE(at->fwmark),
		.flowi4_proto = IPPROTO_UDP,
		.saddr = saddr,
		.daddr = remote->addr.s6_addr32[3],
		.fl4_sport = inet_sk(sk)->inet_sport,
		.fl4_dport = remote->port,
	};
	struct rtable *rt;

	rt = ip_route_output_flow(sock_net(sk), &fl4, sk);
	if (!IS_ERR(rt))
		*used = fl4.saddr;

	return rt;
}

static struct rtable *at_route4(struct at_dev *at, struct sock *sk,
				const struct at_outer *remote,
				const struct in6_addr *local, int oif, int iif,
				__be32 *used)
{
	__be32 saddr = local->s6_addr32[3];
	struct rtable *rt;

	if (ipv6_addr_any(local) ||
	    !inet_confirm_addr(sock_net(sk), NULL, 0, saddr, RT_SCOPE_HOST))
		return at_route4_try(at, sk, remote, 0, oif, used);

	rt = at_route4_try(at, sk, remote, saddr, oif, used);
	if (oif || !iif)
		return IS_ERR(rt) ? at_route4_try(at, sk, remote, 0, oif, used) : rt;
	if (!IS_ERR(rt) && rt->dst.dev->ifindex == iif)
		return rt;
	if (!IS_ERR(rt))
		ip_rt_put(rt);

	/* Without a gateway this may be no route but the guess "on link". */
	rt = at_route4_try(at, sk, remote, saddr, iif, used);
	if (!IS_ERR(rt) && rt->rt_gw_family)
		return rt;
	if (!IS_ERR(rt))
		ip_rt_put(rt);

	return at_route4_try(at, sk, remote, 0, 0, used);
}

static struct dst_entry *at_route6_try(struct at_dev *at, struct sock *sk,
				       const struct at_outer *remote,
				       const struct in6_addr *saddr, int oif,
				       struct in6_addr *used)
{
	struct flowi6 fl6 = {
		.flowi6_oif = oif,
		.flowi6_mark = READ_ONCE(at->fwmark),
		.flowi6_proto = IPPROTO_UDP,
		.daddr = remote->addr,
		.fl6_sport = inet_sk(sk)->inet_sport,
		.fl6_dport = remote->port,
	};
	struct dst_entry *dst;

	if (saddr)
		fl6.saddr = *saddr;
	dst = ip6_dst_lookup_flow(sock_net(sk), sk, &fl6, NULL);
	if (IS_ERR(dst))
		return dst;
	*used = fl6.saddr;

	return dst;
}

static struct dst_entry *at_route6(struct at_dev *at, struct sock *sk,
				   const struct at_outer *remote,
				   const struct in6_addr *local, int oif,
				   int iif, struct in6_addr *used)
{
	struct dst_entry *dst;

	/* Link-local addresses mean nothing without their interface. */
	if (!oif && ipv6_addr_type(&remote->addr) & IPV6_ADDR_LINKLOCAL)
		oif = iif;

	if (ipv6_addr_any(local) ||
	    !ipv6_chk_addr(sock_net(sk), local, NULL, 0))
		return at_route6_try(at, sk, remote, NULL, oif, used);

	dst = at_route6_try(at, sk, remote, local, oif, used);
	if (oif || !iif)
		return IS_ERR(dst) ? at_route6_try(at, sk, remote, NULL, oif, used) : dst;
	if (!IS_ERR(dst) && dst->dev->ifindex == iif)
		return dst;
	if (!IS_ERR(dst))
		dst_release(dst);

	dst = at_route6_try(at, sk, remote, local, iif, used);
	if (!IS_ERR(dst) && ((struct rt6_info *)dst)->rt6i_flags & RTF_GATEWAY)
		return dst;
	if (!IS_ERR(dst))
		dst_release(dst);

	return at_route6_try(at, sk, remote, NULL, 0, used);
}

/* A route into a tunnel of ours would send the packet round for ever. */
static int at_route_check(struct at_dev *at, struct at_route *route)
{
	if (likely(route->dst->dev != at->dev))
		return 0;
	dst_release(route->dst);

	return -ELOOP;
}

/**
 * at_route_lookup - find a route to an outer address
 * @at: device
 * @remote: the address
 * @local: wanted source address, :: for any
 * @oif: interface it must leave by, 0 for any
 * @iif: interface it should leave by, 0 for any
 * @route: the route, to be put by at_route_put() or sent with
 *
 * Return: 0; -ENETDOWN without a socket of that family, -ELOOP when it leads
 * back into the device, else a routing error. Context: RCU, BH off.
 */
int at_route_lookup(struct at_dev *at, const struct at_outer *remote,
		    const struct in6_addr *local, int oif, int iif,
		    struct at_route *route)
{
	bool is4 = at_outer_is4(remote);
	struct rtable *rt;
	__be32 saddr = 0;

	route->remote = *remote;
	route->sk = is4 ? rcu_dereference(at->sock4) :
			  rcu_dereference(at->sock6);
	if (!route->sk)
		return -ENETDOWN;

	if (is4) {
		rt = at_route4(at, route->sk, remote, local, oif, iif, &saddr);
		if (IS_ERR(rt))
			return PTR_ERR(rt);
		route->dst = &rt->dst;
		ipv6_addr_set_v4mapped(saddr, &route->saddr);
	} else {
		route->dst = at_route6(at, route->sk, remote, local, oif, iif,
				       &route->saddr);
		if (IS_ERR(route->dst))
			return PTR_ERR(route->dst);
	}

	return at_route_check(at, route);
}

/**
 * at_route_endpoint - the same for an endpoint, with a per-CPU cache
 * @at: device
 * @ep: endpoint
 * @route: the route, as above
 */
int at_route_endpoint(struct at_dev *at, struct at_endpoint *ep,
		      struct at_route *route)
{
	bool is4 = at_outer_is4(&ep->remote);
	struct rtable *rt;
	__be32 saddr;
	int err;

	route->sk = is4 ? rcu_dereference(at->sock4) :
			  rcu_dereference(at->sock6);
	if (unlikely(!route->sk))
		return -ENETDOWN;
	route->remote = ep->remote;

	if (is4) {
		rt = dst_cache_get_ip4(&ep->dst_cache, &saddr);
		if (likely(rt)) {
			route->dst = &rt->dst;
			ipv6_addr_set_v4mapped(saddr, &route->saddr);
			return 0;
		}
	} else {
		route->dst = dst_cache_get_ip6(&ep->dst_cache, &route->saddr);
		if (likely(route->dst))
			return 0;
	}

	err = at_route_lookup(at, &ep->remote, &ep->local, ep->oif, ep->iif,
			      route);
	if (err)
		return err;

	if (is4)
		dst_cache_set_ip4(&ep->dst_cache, route->dst,
				  route->saddr.s6_addr32[3]);
	else
		dst_cache_set_ip6(&ep->dst_cache, route->dst, &route->saddr);

	return 0;
}
