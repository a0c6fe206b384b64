// SPDX-License-Identifier: GPL-2.0-or-later
#include "netwatch_int.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "../netlink/attr.h"

/* Text of the kernel, cut to what fits. */
static void get_text(const struct nl_attr *a, char *out, size_t size)
{
	size_t len = strnlen((const char *)a->data, a->len);

	if (len >= size)
		len = size - 1;
	memcpy(out, a->data, len);
	memset(out + len, 0, size - len);
}

static bool get_addr(const struct nl_attr *a, struct addr *out)
{
	if (a->len != 4 && a->len != 16)
		return false;
	memset(out, 0, sizeof(*out));
	out->len = (uint8_t)a->len;
	memcpy(out->b, a->data, a->len);
	return true;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	while (len && !p[len - 1])
		len--;
	return !len;
}

static void get_hwaddr(const struct nl_attr *a, struct identity_link *id)
{
	if (a->len > sizeof(id->hwaddr) || is_zero(a->data, a->len))
		return;
	memset(id->hwaddr, 0, sizeof(id->hwaddr));
	memcpy(id->hwaddr, a->data, a->len);
	id->hwaddr_len = (uint8_t)a->len;
}

static void get_kind(const struct nl_attr *info, char out[KIND_SIZE])
{
	struct nl_reader r;
	struct nl_attr a;

	nl_reader_init(&r, info->data, info->len);
	while (nl_next(&r, &a)) {
		if (a.type == IFLA_INFO_KIND)
			get_text(&a, out, KIND_SIZE);
	}
}

static enum identity_place place_of(bool device, const char *bus)
{
	if (!device)
		return IDENTITY_VIRTUAL;
	if (!strcmp(bus, "usb") || !strcmp(bus, "pcmcia"))
		return IDENTITY_REMOVABLE;
	return IDENTITY_FIXED;
}

/* False: malformed. *whole: it tells all of the link. */
static bool read_link(struct raw_link *l, struct nl_reader *r, bool *whole)
{
	struct nl_attr perm = { 0 }, a;
	char bus[16] = "";
	bool device = false;

	*whole = true;
	while (nl_next(r, &a)) {
		switch (a.type) {
		case IFLA_IFNAME:
			get_text(&a, l->l.name, sizeof(l->l.name));
			break;
		case IFLA_MTU:
			l->l.mtu = nl_get_u32(r, &a);
			break;
		case IFLA_MASTER:
			l->master = nl_get_u32(r, &a);
			break;
		case IFLA_CARRIER_UP_COUNT:
			l->l.carriers = nl_get_u32(r, &a);
			break;
		case IFLA_LINKINFO:
			get_kind(&a, l->kind);
			break;
		case IFLA_ADDRESS:
			get_hwaddr(&a, &l->id);
			break;
		case IFLA_PERM_ADDRESS:
			perm = a;
			break;
		case IFLA_PARENT_DEV_NAME:
			device = true;
			break;
		case IFLA_PARENT_DEV_BUS_NAME:
			get_text(&a, bus, sizeof(bus));
			break;
		case IFLA_WIRELESS:
			/* An event of the driver's, with next to nothing in it */
			*whole = false;
			break;
		}
	}
	if (perm.len)
		get_hwaddr(&perm, &l->id);
	l->id.place = place_of(device, bus);
	return !r->failed;
}

static int parse_link(struct netwatch *w, const struct nlmsghdr *nlh, const uint8_t *payload,
		      size_t len, bool *changed)
{
	struct ifinfomsg ifi;
	struct nl_reader r;
	struct raw_link l;
	bool whole;

	if (len < sizeof(ifi))
		return -EBADMSG;
	memcpy(&ifi, payload, sizeof(ifi));
	/* With another family it is about a part of the link, such as its being in a
	 * bridge: RTM_DELLINK does not mean then that it is gone.
	 */
	if (ifi.ifi_family != AF_UNSPEC || ifi.ifi_index <= 0)
		return 0;

	memset(&l, 0, sizeof(l));
	l.l.index = (uint32_t)ifi.ifi_index;
	l.flags = ifi.ifi_flags;
	l.seen = true;
	nl_reader_init(&r, payload + sizeof(ifi), len - sizeof(ifi));
	if (!read_link(&l, &r, &whole))
		return -EBADMSG;
	if (!whole)
		return 0;

	if (nlh->nlmsg_type == RTM_NEWLINK)
		*changed |= set_link(w, &l);
	else
		*changed |= drop_link(w, l.l.index);

	/* IPv4 routes over it go without a message. */
	if ((nlh->nlmsg_type == RTM_DELLINK || !(l.flags & IFF_UP)) &&
	    drop_routes_over(w, l.l.index)) {
		*changed = true;
		w->stale |= DUMP_ROUTES4 | DUMP_ROUTES6;
	}
	return 0;
}

static bool has_route(const struct netwatch *w, uint32_t index)
{
	size_t i;

	for (i = 0; i < w->routes.n; i++) {
		if (table_at(&w->routes, struct raw_route, i)->index == index)
			return true;
	}
	return false;
}

static int parse_addr(struct netwatch *w, const struct nlmsghdr *nlh, const uint8_t *payload,
		      size_t len, bool *changed)
{
	struct addr local = { 0 };
	struct ifaddrmsg ifa;
	struct nl_reader r;
	struct raw_addr ra;
	struct nl_attr a;

	if (len < sizeof(ifa))
		return -EBADMSG;
	memcpy(&ifa, payload, sizeof(ifa));
	if (ifa.ifa_family != AF_INET && ifa.ifa_family != AF_INET6)
		return 0;

	memset(&ra, 0, sizeof(ra));
	ra.a.index = ifa.ifa_index;
	ra.a.prefix = ifa.ifa_prefixlen;
	ra.scope = ifa.ifa_scope;
	ra.flags = ifa.ifa_flags;
	ra.seen = true;
	nl_reader_init(&r, payload + sizeof(ifa), len - sizeof(ifa));
	while (nl_next(&r, &a)) {
		if ((a.type == IFA_ADDRESS && !get_addr(&a, &ra.a.ip)) ||
		    (a.type == IFA_LOCAL && !get_addr(&a, &local)))
			return -EBADMSG;
		if (a.type == IFA_FLAGS)
			ra.flags = nl_get_u32(&r, &a);
	}
	/* With a peer, IFA_ADDRESS is the peer's. */
	if (local.len)
		ra.a.ip = local;
	if (r.failed || ra.a.ip.len != (ifa.ifa_family == AF_INET ? 4 : 16))
		return -EBADMSG;

	ra.a.deprecated = ra.flags & IFA_F_DEPRECATED;
	/* The same bit has two meanings. */
	ra.a.temporary = ifa.ifa_family == AF_INET6 && ra.flags & IFA_F_TEMPORARY;
	ra.a.secondary = ifa.ifa_family == AF_INET && ra.flags & IFA_F_SECONDARY;
	if (nlh->nlmsg_type == RTM_NEWADDR) {
		if (set_addr(w, &ra)) {
			*changed = true;
			w->hopeful |= has_route(w, ra.a.index);
		}
		return 0;
	}
	/* Another may have become the primary one, and routes that preferred it as
	 * their source went without a message.
	 */
	if (drop_addr(w, &ra)) {
		*changed = true;
		if (ifa.ifa_family == AF_INET)
			w->stale |= DUMP_ADDRS | DUMP_ROUTES4;
	}
	return 0;
}

/* RFC 4191 2.1; what is reserved counts as medium. */
static uint8_t preference_of(uint8_t pref)
{
	return pref == 1 ? 2 : pref == 3 ? 0 : 1;
}

static uint32_t route_mtu(const struct nl_attr *metrics)
{
	struct nl_reader r;
	struct nl_attr a;
	uint32_t mtu = 0;

	nl_reader_init(&r, metrics->data, metrics->len);
	while (nl_next(&r, &a)) {
		if (a.type == RTAX_MTU)
			mtu = nl_get_u32(&r, &a);
	}
	return mtu;
}

/* RTA_VIA: a gateway of another family, which stands before it. */
static bool get_via(const struct nl_attr *a, struct addr *out)
{
	struct nl_attr rest = { .len = a->len - 2 };

	if (a->len < 2)
		return false;
	rest.data = a->data + 2;
	return get_addr(&rest, out);
}

/* One of those that share a route. */
static bool read_hop(struct nl_reader *r, struct raw_route *route)
{
	struct nl_attr a;

	while (nl_next(r, &a)) {
		if ((a.type == RTA_GATEWAY && !get_addr(&a, &route->gateway)) ||
		    (a.type == RTA_VIA && !get_via(&a, &route->gateway)))
			return false;
	}
	return !r->failed;
}

static bool is_dead(unsigned int flags)
{
	return flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN);
}

static void change_route(struct netwatch *w, uint16_t type, struct raw_route *r, bool *changed)
{
	/* The kernel writes no gateway as all zeros in some places. */
	if (is_zero(r->gateway.b, sizeof(r->gateway.b)))
		r->gateway.len = 0;
	if (type != RTM_NEWROUTE) {
		*changed |= drop_route(w, r);
	} else if (set_route(w, r)) {
		*changed = true;
		w->hopeful = true;
	}
}

static int change_multipath(struct netwatch *w, uint16_t type, const struct raw_route *common,
			    const struct nl_attr *multipath, bool *changed)
{
	const uint8_t *p = multipath->data;
	size_t left = multipath->len;

	while (left) {
		struct raw_route r = *common;
		struct rtnexthop nh;
		struct nl_reader attrs;
		size_t step;

		if (left < sizeof(nh))
			return -EBADMSG;
		memcpy(&nh, p, sizeof(nh));
		if (nh.rtnh_len < sizeof(nh) || nh.rtnh_len > left)
			return -EBADMSG;
		r.index = (uint32_t)nh.rtnh_ifindex;
		r.dead = is_dead(nh.rtnh_flags);
		nl_reader_init(&attrs, p + sizeof(nh), nh.rtnh_len - sizeof(nh));
		if (!read_hop(&attrs, &r))
			return -EBADMSG;
		change_route(w, type, &r, changed);

		step = RTNH_ALIGN((size_t)nh.rtnh_len);
		if (step > left)
			step = left;
		p += step;
		left -= step;
	}
	return 0;
}

/* What is in the attributes; 0, or -EBADMSG; 1: it is not a default route. */
static int read_route(struct nl_reader *r, struct raw_route *route, struct nl_attr *multipath)
{
	struct nl_attr a;

	while (nl_next(r, &a)) {
		switch (a.type) {
		case RTA_DST:
		case RTA_SRC:
			return 1;
		case RTA_TABLE:
			route->table = nl_get_u32(r, &a);
			break;
		case RTA_PRIORITY:
			route->metric = nl_get_u32(r, &a);
			break;
		case RTA_OIF:
			route->index = nl_get_u32(r, &a);
			break;
		case RTA_PREFSRC:
			if (!get_addr(&a, &route->source))
				return -EBADMSG;
			break;
		case RTA_GATEWAY:
			if (!get_addr(&a, &route->gateway))
				return -EBADMSG;
			break;
		case RTA_VIA:
			if (!get_via(&a, &route->gateway))
				return -EBADMSG;
			break;
		case RTA_PREF:
			route->preference = preference_of(nl_get_u8(r, &a));
			break;
		case RTA_METRICS:
			route->mtu = route_mtu(&a);
			break;
		case RTA_MULTIPATH:
			*multipath = a;
			break;
		}
	}
	return r->failed ? -EBADMSG : 0;
}

static int parse_route(struct netwatch *w, const struct nlmsghdr *nlh, const uint8_t *payload,
		       size_t len, bool *changed)
{
	struct nl_attr multipath = { 0 };
	struct raw_route route;
	struct nl_reader r;
	struct rtmsg rtm;
	int ret;

	if (len < sizeof(rtm))
		return -EBADMSG;
	memcpy(&rtm, payload, sizeof(rtm));
	if ((rtm.rtm_family != AF_INET && rtm.rtm_family != AF_INET6) || rtm.rtm_dst_len ||
	    rtm.rtm_src_len || rtm.rtm_type != RTN_UNICAST || rtm.rtm_flags & RTM_F_CLONED)
		return 0;

	memset(&route, 0, sizeof(route));
	route.family = rtm.rtm_family;
	route.table = rtm.rtm_table;
	route.tos = rtm.rtm_tos;
	route.preference = 1;
	route.dead = is_dead(rtm.rtm_flags);
	route.seen = true;
	nl_reader_init(&r, payload + sizeof(rtm), len - sizeof(rtm));
	ret = read_route(&r, &route, &multipath);
	if (ret)
		return ret < 0 ? ret : 0;
	if (route.table != RT_TABLE_MAIN && route.table != RT_TABLE_DEFAULT)
		return 0;

	/* It does not tell which one it replaces when there are several. */
	if (nlh->nlmsg_type == RTM_NEWROUTE && nlh->nlmsg_flags & NLM_F_REPLACE)
		w->stale |= rtm.rtm_family == AF_INET ? DUMP_ROUTES4 : DUMP_ROUTES6;
	if (multipath.data)
		return change_multipath(w, nlh->nlmsg_type, &route, &multipath, changed);
	if (route.index)
		change_route(w, nlh->nlmsg_type, &route, changed);
	return 0;
}

int parse_message(struct netwatch *w, const struct nlmsghdr *nlh, const uint8_t *payload,
		  size_t len, bool *changed)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return parse_link(w, nlh, payload, len, changed);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return parse_addr(w, nlh, payload, len, changed);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return parse_route(w, nlh, payload, len, changed);
	default:
		return 0;
	}
}
