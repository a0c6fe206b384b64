// SPDX-License-Identifier: GPL-2.0-or-later
#include "netwatch_int.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * rtnl_link_ops that make packets into other packets, or into nothing. (Others, such
 * as bond, vlan, macvlan, veth, ppp and wwan, are what a host may have instead of hardware.)
 */
bool is_tunnel(const struct raw_link *l)
{
	static const char *const kinds[] = {
		"autotunnel", "tun", "wireguard", "ovpn", "xfrm", "vti", "vti6", "ipip", "sit",
		"ip6tnl", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan",
		"vxlan", "geneve", "bareudp", "gtp", "amt", "pfcp", "batadv", "dummy", "ifb",
		"nlmon", "vrf", "vcan", "vxcan", "can",
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!strcmp(l->kind, kinds[i]))
			return true;
	}
	return false;
}

static const struct raw_route *route_at(const struct netwatch *w, size_t i)
{
	return table_at(&w->routes, struct raw_route, i);
}

static bool has_default_route(const struct netwatch *w, uint32_t index)
{
	size_t i;

	for (i = 0; i < w->routes.n; i++) {
		if (route_at(w, i)->index == index && !route_at(w, i)->dead)
			return true;
	}
	return false;
}

static bool is_underlay(const struct netwatch *w, const struct raw_link *l)
{
	const uint32_t up = IFF_UP | IFF_RUNNING;

	if ((l->flags & up) != up || l->flags & IFF_LOOPBACK || l->master || is_tunnel(l))
		return false;
	/* Without, it is for containers and virtual machines. */
	return strcmp(l->kind, "bridge") || has_default_route(w, l->l.index);
}

static bool usable(const struct raw_addr *a)
{
	const uint8_t *b = a->a.ip.b;

	if (a->scope >= RT_SCOPE_LINK || a->flags & IFA_F_DADFAILED ||
	    (a->flags & IFA_F_TENTATIVE && !(a->flags & IFA_F_OPTIMISTIC)))
		return false;
	/* 169.254/16 may have got any scope by hand. */
	return a->a.ip.len == 16 || !(b[0] == 169 && b[1] == 254);
}

static bool in_subnet(const struct addr *ip, const struct netwatch_addr *net)
{
	unsigned int bits = net->prefix, i;

	if (ip->len != net->ip.len || bits > 8u * ip->len)
		return false;
	for (i = 0; i < bits / 8; i++) {
		if (ip->b[i] != net->ip.b[i])
			return false;
	}
	return !(bits % 8) || !((ip->b[i] ^ net->ip.b[i]) >> (8 - bits % 8));
}

static bool is_global6(const struct addr *ip)
{
	return (ip->b[0] & 0xe0) == 0x20;
}

/* How well @a does as the source towards @gateway; the first of the best is taken. */
static unsigned int merit(const struct netwatch_addr *a, const struct addr *gateway)
{
	unsigned int m = 1;

	if (!a->deprecated)
		m += 1000;
	if (a->ip.len == 16) {
		if (is_global6(&a->ip))
			m += 500;
		/* What is published should stay for a while. */
		return a->temporary ? m : m + 200;
	}
	if (in_subnet(gateway, a))
		m += 200 + a->prefix;
	return a->secondary ? m : m + 100;
}

/* The table keeps the order in which the kernel has them. */
static void choose_source(const struct netwatch *w, uint32_t index, int family,
			  const struct addr *gateway, struct addr *out)
{
	unsigned int best = 0;
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < w->addrs.n; i++) {
		const struct raw_addr *a = table_at(&w->addrs, struct raw_addr, i);
		unsigned int m;

		if (a->a.index != index || a->a.ip.len != (family == AF_INET ? 4 : 16) ||
		    !usable(a))
			continue;
		m = merit(&a->a, gateway);
		if (m > best) {
			best = m;
			*out = a->a.ip;
		}
	}
}

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_ip(const struct addr *a, const struct addr *b)
{
	return a->len != b->len ? by_number(a->len, b->len) : memcmp(a->b, b->b, a->len);
}

static int compare_links(const void *va, const void *vb)
{
	const struct netwatch_link *a = va, *b = vb;

	return by_number(a->index, b->index);
}

static int compare_addrs(const void *va, const void *vb)
{
	const struct netwatch_addr *a = va, *b = vb;
	int by = by_number(a->index, b->index);

	if (!by)
		by = compare_ip(&a->ip, &b->ip);
	return by ? by : by_number(a->prefix, b->prefix);
}

static bool same_gateway(const struct netwatch_gateway *a, const struct netwatch_gateway *b)
{
	return a->family == b->family && a->index == b->index && !compare_ip(&a->ip, &b->ip);
}

static int compare_gateways(const struct netwatch_gateway *a, const struct netwatch_gateway *b)
{
	int by = by_number(a->family != AF_INET, b->family != AF_INET);

	if (!by)
		by = by_number(a->metric, b->metric);
	if (!by)
		by = by_number(b->preference, a->preference);
	if (!by)
		by = by_number(a->index, b->index);
	return by ? by : compare_ip(&a->ip, &b->ip);
}

static const struct netwatch_link *link_in(const struct netwatch_picture *p, uint32_t index)
{
	struct netwatch_link key = { .index = index };

	if (!p->n_links)
		return NULL;
	return bsearch(&key, p->links, p->n_links, sizeof(key), compare_links);
}

/* Keeps the list sorted, and a gateway once, with its best route. */
static void add_gateway(struct netwatch *w, const struct netwatch_gateway *g)
{
	struct netwatch_gateway *list = w->next.gateways;
	size_t n = w->next.view.n_gateways, i;

	for (i = 0; i < n && !same_gateway(&list[i], g); i++)
		;
	if (i < n) {
		if (compare_gateways(&list[i], g) <= 0)
			return;
		memmove(&list[i], &list[i + 1], (--n - i) * sizeof(*g));
	}
	for (i = 0; i < n && compare_gateways(&list[i], g) < 0; i++)
		;
	if (n == NETWATCH_GATEWAYS) {
		/* Of too many, the best */
		w->partial = true;
		if (i == n)
			return;
		n--;
	}
	memmove(&list[i + 1], &list[i], (n - i) * sizeof(*g));
	list[i] = *g;
	w->next.view.n_gateways = n + 1;
}

static void make_gateways(struct netwatch *w)
{
	size_t i;

	w->next.view.n_gateways = 0;
	for (i = 0; i < w->routes.n; i++) {
		const struct raw_route *r = route_at(w, i);
		const struct netwatch_link *l = link_in(&w->next.view, r->index);
		struct netwatch_gateway g;

		if (!l || r->dead)
			continue;
		memset(&g, 0, sizeof(g));
		g.index = r->index;
		g.family = r->family;
		g.ip = r->gateway;
		g.metric = r->metric;
		g.preference = r->preference;
		g.mtu = r->mtu && r->mtu < l->mtu ? r->mtu : l->mtu;
		if (r->source.len)
			g.source = r->source;
		else
			choose_source(w, r->index, r->family, &r->gateway, &g.source);
		add_gateway(w, &g);
	}
}

/* By the first gateway that there is an address for; else, for those who are all in
 * one subnet, by the first link that has one.
 */
static void make_outer(const struct netwatch *w, int family, struct netwatch_outer *out)
{
	const struct netwatch_picture *p = &w->next.view;
	const struct addr none = { 0 };
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < p->n_gateways && !out->ip.len; i++) {
		const struct netwatch_gateway *g = &p->gateways[i];

		if (g->family != family || (family == AF_INET6 && !is_global6(&g->source)))
			continue;
		out->ip = g->source;
		out->index = g->index;
		out->mtu = g->mtu;
	}
	for (i = 0; i < p->n_links && !out->ip.len; i++) {
		choose_source(w, p->links[i].index, family, &none, &out->ip);
		if (family == AF_INET6 && !is_global6(&out->ip))
			out->ip.len = 0;
		out->index = p->links[i].index;
		out->mtu = p->links[i].mtu;
	}
	if (!out->ip.len) {
		memset(out, 0, sizeof(*out));
		return;
	}
	out->carriers = link_in(p, out->index)->carriers;
}

static void make_links(struct netwatch *w)
{
	size_t i, n = 0;

	for (i = 0; i < w->links.n; i++) {
		const struct raw_link *l = table_at(&w->links, struct raw_link, i);

		if (is_underlay(w, l))
			w->next.links[n++] = l->l;
	}
	w->next.view.n_links = n;
	if (n)
		qsort(w->next.links, n, sizeof(*w->next.links), compare_links);
}

static void make_addrs(struct netwatch *w)
{
	size_t i, n = 0;

	for (i = 0; i < w->addrs.n; i++) {
		const struct raw_addr *a = table_at(&w->addrs, struct raw_addr, i);

		if (usable(a) && link_in(&w->next.view, a->a.index))
			w->next.addrs[n++] = a->a;
	}
	w->next.view.n_addrs = n;
	if (n)
		qsort(w->next.addrs, n, sizeof(*w->next.addrs), compare_addrs);
}

bool picture_make(struct netwatch *w)
{
	struct picture *p = &w->next;

	picture_free(p);
	p->links = calloc(w->links.n + 1, sizeof(*p->links));
	p->addrs = calloc(w->addrs.n + 1, sizeof(*p->addrs));
	if (!p->links || !p->addrs) {
		picture_free(p);
		return false;
	}
	p->view.links = p->links;
	p->view.addrs = p->addrs;
	p->view.gateways = p->gateways;
	make_links(w);
	make_addrs(w);
	make_gateways(w);
	make_outer(w, AF_INET, &p->view.outer4);
	make_outer(w, AF_INET6, &p->view.outer6);
	return true;
}

void picture_free(struct picture *p)
{
	free(p->links);
	free(p->addrs);
	memset(p, 0, sizeof(*p));
}
