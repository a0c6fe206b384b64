// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is different between two pictures, in the order of RFC 6281 5.1.
 */
#include "netwatch_int.h"

#include <string.h>
#include <sys/socket.h>

struct diff {
	const struct netwatch_picture *old, *new;
	netwatch_event_fn fn;
	void *arg;
	size_t n;
	bool outside;		/* something of how we are reached from outside */
};

static void tell(struct diff *d, const struct netwatch_event *e)
{
	d->n++;
	d->outside |= e->what >= NETWATCH_GATEWAY_GONE;
	d->fn(d->arg, e);
}

static bool same_ip(const struct addr *a, const struct addr *b)
{
	return a->len == b->len && !memcmp(a->b, b->b, a->len);
}

static const struct netwatch_link *find_link_in(const struct netwatch_picture *p,
						uint32_t index)
{
	size_t i;

	for (i = 0; i < p->n_links; i++) {
		if (p->links[i].index == index)
			return &p->links[i];
	}
	return NULL;
}

/* Those of one kind, as all that are gone come first: the lists are sorted alike. */
static void diff_links(struct diff *d, enum netwatch_what what)
{
	size_t i = 0, k = 0;

	while (i < d->old->n_links || k < d->new->n_links) {
		const struct netwatch_link *o = NULL, *n = NULL;
		struct netwatch_event e = { .what = what };

		if (i < d->old->n_links)
			o = &d->old->links[i];
		if (k < d->new->n_links)
			n = &d->new->links[k];
		if (!n || (o && o->index < n->index)) {
			e.link = o;
			i++;
			if (what == NETWATCH_LINK_GONE)
				tell(d, &e);
			continue;
		}
		e.link = n;
		k++;
		if (!o || n->index < o->index) {
			if (what == NETWATCH_LINK_NEW)
				tell(d, &e);
			continue;
		}
		i++;
		if (what == NETWATCH_LINK_CHANGED &&
		    (o->mtu != n->mtu || o->carriers != n->carriers ||
		     strncmp(o->name, n->name, sizeof(o->name))))
			tell(d, &e);
	}
}

/* As they are sorted: by link, length, octets, prefix */
static int compare_addrs(const struct netwatch_addr *a, const struct netwatch_addr *b)
{
	int by = (a->index > b->index) - (a->index < b->index);

	if (!by)
		by = a->ip.len - b->ip.len;
	if (!by)
		by = memcmp(a->ip.b, b->ip.b, a->ip.len);
	return by ? by : a->prefix - b->prefix;
}

static void diff_addrs(struct diff *d, enum netwatch_what what)
{
	size_t i = 0, k = 0;

	while (i < d->old->n_addrs || k < d->new->n_addrs) {
		struct netwatch_event e = { .what = what };
		int by;

		if (i == d->old->n_addrs)
			by = 1;
		else if (k == d->new->n_addrs)
			by = -1;
		else
			by = compare_addrs(&d->old->addrs[i], &d->new->addrs[k]);

		e.addr = by < 0 ? &d->old->addrs[i] : &d->new->addrs[k];
		if (by <= 0)
			i++;
		if (by >= 0)
			k++;
		if ((by < 0 && what == NETWATCH_ADDR_GONE) ||
		    (by > 0 && what == NETWATCH_ADDR_NEW))
			tell(d, &e);
	}
}

static const struct netwatch_gateway *gateway_in(const struct netwatch_picture *p,
						 const struct netwatch_gateway *g)
{
	size_t i;

	for (i = 0; i < p->n_gateways; i++) {
		if (p->gateways[i].family == g->family && p->gateways[i].index == g->index &&
		    same_ip(&p->gateways[i].ip, &g->ip))
			return &p->gateways[i];
	}
	return NULL;
}

/* A link that lost its carrier may have got it back in another network. */
static bool same_network(const struct diff *d, uint32_t index)
{
	const struct netwatch_link *o = find_link_in(d->old, index);
	const struct netwatch_link *n = find_link_in(d->new, index);

	return o && n && o->carriers == n->carriers;
}

static void diff_gateways(struct diff *d)
{
	const struct netwatch_picture *from = d->old, *in = d->new;
	size_t i;

	for (i = 0; i < from->n_gateways; i++) {
		struct netwatch_event e = { .what = NETWATCH_GATEWAY_GONE };

		e.gateway = &from->gateways[i];
		if (!gateway_in(in, e.gateway))
			tell(d, &e);
	}
	for (i = 0; i < in->n_gateways; i++) {
		const struct netwatch_gateway *g = &in->gateways[i];
		const struct netwatch_gateway *old = gateway_in(from, g);
		struct netwatch_event e = { .what = NETWATCH_GATEWAY_NEW, .gateway = g };

		if (old) {
			e.what = NETWATCH_GATEWAY_CHANGED;
			if (old->metric == g->metric && old->preference == g->preference &&
			    same_ip(&old->source, &g->source) && same_network(d, g->index))
				continue;
		}
		tell(d, &e);
	}
}

static void diff_outer(struct diff *d, enum netwatch_what what,
		       const struct netwatch_outer *old, const struct netwatch_outer *new)
{
	struct netwatch_event e = { .what = what, .outer = new, .outer_before = old };

	if (!same_ip(&old->ip, &new->ip) || old->index != new->index ||
	    old->mtu != new->mtu || old->carriers != new->carriers)
		tell(d, &e);
}

static bool another_way(const struct netwatch_picture *p, int family,
			const struct netwatch_outer *was, const struct netwatch_outer *is)
{
	size_t i;

	if (!is->ip.len || (same_ip(&was->ip, &is->ip) && was->index == is->index &&
			    was->carriers == is->carriers))
		return false;
	for (i = 0; i < p->n_gateways; i++) {
		if (p->gateways[i].family == family && p->gateways[i].index == is->index &&
		    same_ip(&p->gateways[i].source, &is->ip))
			return true;
	}
	return false;
}

bool picture_new_way(const struct netwatch_picture *old, const struct netwatch_picture *new)
{
	return another_way(new, AF_INET, &old->outer4, &new->outer4) ||
	       another_way(new, AF_INET6, &old->outer6, &new->outer6);
}

size_t picture_diff(const struct netwatch_picture *old, const struct netwatch_picture *new,
		    netwatch_event_fn fn, void *arg)
{
	const struct netwatch_event dns = { .what = NETWATCH_DNS };
	struct diff d = { .old = old, .new = new, .fn = fn, .arg = arg };

	diff_links(&d, NETWATCH_LINK_GONE);
	diff_links(&d, NETWATCH_LINK_NEW);
	diff_links(&d, NETWATCH_LINK_CHANGED);
	diff_addrs(&d, NETWATCH_ADDR_GONE);
	diff_addrs(&d, NETWATCH_ADDR_NEW);
	diff_gateways(&d);
	diff_outer(&d, NETWATCH_OUTER4, &old->outer4, &new->outer4);
	diff_outer(&d, NETWATCH_OUTER6, &old->outer6, &new->outer6);
	if (d.outside)
		tell(&d, &dns);
	return d.n;
}
