// SPDX-License-Identifier: GPL-2.0-or-later
#include "listing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void listing_clear(struct listing *l)
{
	free(l->sas);
	free(l->children);
	*l = (struct listing){ 0 };
}

void listing_move(struct listing *to, struct listing *from)
{
	listing_clear(to);
	*to = *from;
	*from = (struct listing){ 0 };
}

bool listing_name(struct vici_span body, struct vici_span *name)
{
	struct vici_reader r;
	struct vici_item e;

	vici_reader_init(&r, body);
	while (vici_next(&r, &e)) {
		if (e.kind == VICI_SECTION) {
			*name = e.name;
			return true;
		}
		if (e.kind == VICI_LIST)
			vici_skip(&r);
	}
	return false;
}

/* One more element of an array, zeroed; NULL: no memory. */
static void *grow(void *array, size_t n, size_t size)
{
	char *p = reallocarray(array, n + 1, size);

	if (p)
		memset(p + n * size, 0, size);
	return p;
}

static uint64_t number(struct vici_span s, unsigned int base, uint64_t max)
{
	uint64_t n;

	return vici_number(s, base, max, &n) ? n : 0;
}

/* ms of our clock, from the seconds that have gone */
static uint64_t ago(struct vici_span s, uint64_t now)
{
	uint64_t ms = 1000 * number(s, 10, UINT32_MAX);

	return ms < now ? now - ms : 0;
}

static void address(struct vici_span s, struct in6_addr *out)
{
	char text[INET6_ADDRSTRLEN];

	vici_text(s, text, sizeof(text));
	if (inet_pton(AF_INET6, text, out) != 1)
		*out = in6addr_any;
}

struct child_text {
	struct vici_span alg, size;
};

static void child_pair(struct ike_child *c, struct child_text *t, const struct vici_item *e,
		       uint64_t now)
{
	if (vici_is(e->name, "uniqueid"))
		c->id = (uint32_t)number(e->value, 10, UINT32_MAX);
	else if (vici_is(e->name, "state"))
		c->installed = vici_is(e->value, "INSTALLED") || vici_is(e->value, "REKEYING") ||
			       vici_is(e->value, "UPDATING");
	else if (vici_is(e->name, "spi-in"))
		c->spi_in = (uint32_t)number(e->value, 16, UINT32_MAX);
	else if (vici_is(e->name, "spi-out"))
		c->spi_out = (uint32_t)number(e->value, 16, UINT32_MAX);
	else if (vici_is(e->name, "bytes-in"))
		c->bytes_in = number(e->value, 10, UINT64_MAX);
	else if (vici_is(e->name, "bytes-out"))
		c->bytes_out = number(e->value, 10, UINT64_MAX);
	else if (vici_is(e->name, "install-time"))
		c->since = ago(e->value, now);
	else if (vici_is(e->name, "encr-alg"))
		t->alg = e->value;
	else if (vici_is(e->name, "encr-keysize"))
		t->size = e->value;
}

/* Reads to the end of the section. */
static void child_read(struct vici_reader *r, struct ike_child *c, uint64_t now)
{
	char alg[sizeof(c->suite) - 5], size[5];
	struct child_text t = { 0 };
	struct vici_item e;

	while (vici_next(r, &e) && e.kind != VICI_SECTION_END) {
		if (e.kind == VICI_PAIR)
			child_pair(c, &t, &e, now);
		else
			vici_skip(r);
	}
	vici_text(t.alg, alg, sizeof(alg));
	vici_text(t.size, size, sizeof(size));
	snprintf(c->suite, sizeof(c->suite), "%s%s%s", alg, *size ? " " : "", size);
}

static int children_read(struct listing *l, struct vici_reader *r, uint64_t now)
{
	struct vici_item e;

	while (vici_next(r, &e) && e.kind != VICI_SECTION_END) {
		struct ike_child *c;

		if (e.kind == VICI_PAIR)
			continue;
		if (e.kind != VICI_SECTION || l->n_children == LISTING_MAX) {
			vici_skip(r);
			continue;
		}
		c = grow(l->children, l->n_children, sizeof(*c));
		if (!c)
			return -ENOMEM;
		l->children = c;
		c += l->n_children;
		child_read(r, c, now);
		if (c->id)
			l->n_children++;
	}
	return 0;
}

static void ike_pair(struct ike_sa *sa, const struct vici_item *e, uint64_t now)
{
	if (vici_is(e->name, "uniqueid")) {
		sa->id = (uint32_t)number(e->value, 10, UINT32_MAX);
	} else if (vici_is(e->name, "state")) {
		sa->established = vici_is(e->value, "ESTABLISHED") ||
				  vici_is(e->value, "REKEYING");
		sa->going = vici_is(e->value, "DELETING") || vici_is(e->value, "REKEYED") ||
			    vici_is(e->value, "DESTROYING");
	} else if (vici_is(e->name, "initiator")) {
		sa->ours = vici_is(e->value, "yes");
	} else if (vici_is(e->name, "responder-spi")) {
		sa->answered = number(e->value, 16, UINT64_MAX);
	} else if (vici_is(e->name, "local-host")) {
		address(e->value, &sa->local);
	} else if (vici_is(e->name, "remote-host")) {
		address(e->value, &sa->remote);
	} else if (vici_is(e->name, "established")) {
		sa->since = ago(e->value, now);
	}
}

int listing_add(struct listing *l, struct vici_span body, uint64_t now)
{
	size_t first = l->n_children, i;
	struct vici_reader r;
	struct vici_item e;
	struct ike_sa *sa;
	int ret = 0;

	if (l->n == LISTING_MAX)
		return 0;
	sa = grow(l->sas, l->n, sizeof(*sa));
	if (!sa)
		return -ENOMEM;
	l->sas = sa;
	sa += l->n;

	vici_reader_init(&r, body);
	while (vici_next(&r, &e) && e.kind != VICI_SECTION) {
		if (e.kind == VICI_LIST)
			vici_skip(&r);
	}
	while (!ret && vici_next(&r, &e) && e.kind != VICI_SECTION_END) {
		if (e.kind == VICI_PAIR)
			ike_pair(sa, &e, now);
		else if (e.kind == VICI_SECTION && vici_is(e.name, "child-sas"))
			ret = children_read(l, &r, now);
		else
			vici_skip(&r);
	}
	if (ret || !sa->id) {
		l->n_children = first;
		return ret;
	}
	for (i = first; i < l->n_children; i++) {
		l->children[i].ike = sa->id;
		sa->children += l->children[i].installed;
	}
	l->n++;
	return 0;
}
