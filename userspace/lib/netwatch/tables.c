// SPDX-License-Identifier: GPL-2.0-or-later
#include "netwatch_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void *table_add(struct table *t)
{
	void *p;

	if (t->n == t->max)
		return NULL;
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 16;

		p = realloc(t->items, room * t->size);
		if (!p)
			return NULL;
		t->items = p;
		t->room = room;
	}
	p = (char *)t->items + t->n++ * t->size;
	return memset(p, 0, t->size);
}

void table_drop(struct table *t, size_t i)
{
	char *p = (char *)t->items + i * t->size;

	memmove(p, p + t->size, (--t->n - i) * t->size);
}

static bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->len == b->len && !memcmp(a->b, b->b, a->len);
}

struct raw_link *find_link(const struct netwatch *w, uint32_t index)
{
	size_t i;

	for (i = 0; i < w->links.n; i++) {
		struct raw_link *l = table_at(&w->links, struct raw_link, i);

		if (l->l.index == index)
			return l;
	}
	return NULL;
}

/* Puts @new where @old is or, if that is NULL, at the end. */
static bool put(struct netwatch *w, struct table *t, void *old, const void *new)
{
	if (old && !memcmp(old, new, t->size))
		return false;
	if (!old)
		old = table_add(t);
	if (!old) {
		w->partial = true;
		return false;
	}
	memcpy(old, new, t->size);
	return true;
}

bool set_link(struct netwatch *w, const struct raw_link *l)
{
	struct raw_link *old = find_link(w, l->l.index);

	if (old)
		old->seen = true;
	return put(w, &w->links, old, l);
}

bool drop_link(struct netwatch *w, uint32_t index)
{
	struct raw_link *l = find_link(w, index);

	if (!l)
		return false;
	table_drop(&w->links, (size_t)(l - (struct raw_link *)w->links.items));
	return true;
}

static struct raw_addr *find_addr(const struct netwatch *w, const struct raw_addr *a)
{
	size_t i;

	for (i = 0; i < w->addrs.n; i++) {
		struct raw_addr *r = table_at(&w->addrs, struct raw_addr, i);

		if (r->a.index == a->a.index && r->a.prefix == a->a.prefix &&
		    addr_equal(&r->a.ip, &a->a.ip))
			return r;
	}
	return NULL;
}

bool set_addr(struct netwatch *w, const struct raw_addr *a)
{
	struct raw_addr *old = find_addr(w, a);

	if (old)
		old->seen = true;
	return put(w, &w->addrs, old, a);
}

bool drop_addr(struct netwatch *w, const struct raw_addr *a)
{
	struct raw_addr *r = find_addr(w, a);

	if (!r)
		return false;
	table_drop(&w->addrs, (size_t)(r - (struct raw_addr *)w->addrs.items));
	return true;
}

static bool same_slot(const struct raw_route *a, const struct raw_route *b)
{
	return a->family == b->family && a->table == b->table && a->tos == b->tos &&
	       a->metric == b->metric;
}

static struct raw_route *find_route(const struct netwatch *w, const struct raw_route *r)
{
	size_t i;

	for (i = 0; i < w->routes.n; i++) {
		struct raw_route *old = table_at(&w->routes, struct raw_route, i);

		if (same_slot(old, r) && old->index == r->index &&
		    addr_equal(&old->gateway, &r->gateway))
			return old;
	}
	return NULL;
}

bool set_route(struct netwatch *w, const struct raw_route *r)
{
	struct raw_route *old = find_route(w, r);

	if (old)
		old->seen = true;
	return put(w, &w->routes, old, r);
}

bool drop_route(struct netwatch *w, const struct raw_route *r)
{
	struct raw_route *old = find_route(w, r);

	if (!old)
		return false;
	table_drop(&w->routes, (size_t)(old - (struct raw_route *)w->routes.items));
	return true;
}

bool drop_routes_over(struct netwatch *w, uint32_t index)
{
	size_t i = 0, before = w->routes.n;

	while (i < w->routes.n) {
		if (table_at(&w->routes, struct raw_route, i)->index == index)
			table_drop(&w->routes, i);
		else
			i++;
	}
	return w->routes.n != before;
}

static bool in_dump(const struct raw_route *r, enum dump what)
{
	return what == (r->family == AF_INET ? DUMP_ROUTES4 : DUMP_ROUTES6);
}

void unsee(struct netwatch *w, enum dump what)
{
	size_t i;

	for (i = 0; what == DUMP_LINKS && i < w->links.n; i++)
		table_at(&w->links, struct raw_link, i)->seen = false;
	for (i = 0; what == DUMP_ADDRS && i < w->addrs.n; i++)
		table_at(&w->addrs, struct raw_addr, i)->seen = false;
	for (i = 0; i < w->routes.n; i++) {
		struct raw_route *r = table_at(&w->routes, struct raw_route, i);

		if (in_dump(r, what))
			r->seen = false;
	}
}

bool sweep(struct netwatch *w, enum dump what)
{
	size_t before = w->links.n + w->addrs.n + w->routes.n, i;

	/* From the end, so that what moves has been looked at. */
	for (i = w->links.n; what == DUMP_LINKS && i-- > 0;) {
		if (!table_at(&w->links, struct raw_link, i)->seen)
			table_drop(&w->links, i);
	}
	for (i = w->addrs.n; what == DUMP_ADDRS && i-- > 0;) {
		if (!table_at(&w->addrs, struct raw_addr, i)->seen)
			table_drop(&w->addrs, i);
	}
	for (i = w->routes.n; i-- > 0;) {
		struct raw_route *r = table_at(&w->routes, struct raw_route, i);

		if (in_dump(r, what) && !r->seen)
			table_drop(&w->routes, i);
	}
	return w->links.n + w->addrs.n + w->routes.n != before;
}
