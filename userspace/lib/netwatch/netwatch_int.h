/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the network watcher: tables as the kernel has told them (tables.c),
 * messages that change them (parse.c), the picture made of them (picture.c), and when
 * to ask and to tell (watch.c).
 */
#ifndef BTMM_NETWATCH_INT_H
#define BTMM_NETWATCH_INT_H

#include <linux/netlink.h>

#include "netwatch.h"

#define KIND_SIZE	16
#define ROUTES_MAX	256	/* default routes, before the unusable ones are left out */

/* What is asked for, in this order; bits */
enum dump {
	DUMP_LINKS = 1, DUMP_ADDRS = 2, DUMP_ROUTES4 = 4, DUMP_ROUTES6 = 8,
	DUMP_ALL = 15,
};

struct raw_link {
	struct netwatch_link l;
	uint32_t flags;		/* IFF_ */
	uint32_t master;	/* index of a bridge, bond ...; 0 */
	char kind[KIND_SIZE];	/* "" for what has no rtnl_link_ops: hardware, mostly */
	struct identity_link id;
	bool seen;
};

struct raw_addr {
	struct netwatch_addr a;
	uint8_t scope;
	uint32_t flags;		/* IFA_F_ */
	bool seen;
};

struct raw_route {
	int family;
	uint32_t table, metric, index, mtu;
	uint8_t tos, preference;
	bool dead;
	struct addr gateway, source;
	bool seen;
};

/* @items: of one of the structures above, one after the other */
struct table {
	void *items;
	size_t n, room, size, max;
};

struct picture {
	struct netwatch_picture view;
	struct netwatch_link *links;
	struct netwatch_addr *addrs;
	struct netwatch_gateway gateways[NETWATCH_GATEWAYS];
};

struct netwatch {
	struct table links, addrs, routes;
	struct picture told, next;
	bool partial;

	/* What has to be asked, what is being asked, what was answered once. */
	unsigned int stale, asked, have;
	uint32_t seq;
	bool interrupted;
	uint64_t not_before, asked_until;
	unsigned int failures;
	int error;

	bool dirty;
	bool hopeful;		/* an address or a default route came: there may be a new way out */
	uint64_t first_change, last_change;
	uint64_t calm_until;	/* nothing is told in a hurry before */
};

/* tables.c */

/* Room for one more at the end, zeroed; NULL: full, or no memory. */
void *table_add(struct table *t);
void table_drop(struct table *t, size_t i);	/* keeps the order */
#define table_at(t, type, i)	(&((type *)(t)->items)[i])

struct raw_link *find_link(const struct netwatch *w, uint32_t index);

/* Each says whether that changed anything. */
bool set_link(struct netwatch *w, const struct raw_link *l);
bool drop_link(struct netwatch *w, uint32_t index);
bool set_addr(struct netwatch *w, const struct raw_addr *a);
bool drop_addr(struct netwatch *w, const struct raw_addr *a);
bool set_route(struct netwatch *w, const struct raw_route *r);
bool drop_route(struct netwatch *w, const struct raw_route *r);
bool drop_routes_over(struct netwatch *w, uint32_t index);

/* Before a dump, and after: what it did not have is gone. */
void unsee(struct netwatch *w, enum dump what);
bool sweep(struct netwatch *w, enum dump what);

/* parse.c: a message that is neither error nor end. -EBADMSG. What else has become
 * uncertain is set in w->stale.
 */
int parse_message(struct netwatch *w, const struct nlmsghdr *nlh, const uint8_t *payload,
		  size_t len, bool *changed);

/* picture.c */

/* A tunnel or the like, by which the tunnel must not run */
bool is_tunnel(const struct raw_link *l);
/* From the tables into w->next. False: no memory. */
bool picture_make(struct netwatch *w);
void picture_free(struct picture *p);
/* Packets leave by a gateway from where they did not. */
bool picture_new_way(const struct netwatch_picture *old, const struct netwatch_picture *new);
size_t picture_diff(const struct netwatch_picture *old, const struct netwatch_picture *new,
		    netwatch_event_fn fn, void *arg);

#endif
