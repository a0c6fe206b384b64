/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the lease engine. */
#ifndef BTMM_LEASE_TABLE_H
#define BTMM_LEASE_TABLE_H

#include "server.h"

struct lease_zone {
	struct lease_zone *next, **prev;
	struct leases *all;
	struct zone *mirror;
	void *arg;
	struct lease *leases;
	struct lease_owner *unsettled, *due;
	size_t n_leases, n_expired;
	bool loaded;
	bool self;		/* we are changing the mirror ourselves */
};

struct leases {
	const struct lease_ops *ops;
	void *arg;
	struct lease_terms terms;
	struct lease_zone *zones;
	struct lease_owner **owners;
	size_t n_owners, owners_size;		/* size: a power of two */
	struct lease **records;
	size_t n_leases, records_size;
	struct lease **heap;
	size_t n_heap, heap_room;
};

/* heap.c: by ->due. Room for all leases is made when they are. */
bool lease_heap_reserve(struct leases *l, size_t n);
/* Puts it in, or where it belongs now. */
void lease_heap_put(struct lease *lease);
void lease_heap_remove(struct lease *lease);

/* Puts an owner into, or takes it from, its zone's list as its n_expired says. */
void lease_owner_due(struct lease_owner *o);
/* Hides the record in the mirror if nobody's lease of it runs, else shows it. */
void lease_visible(struct lease_owner *o, const struct marker *m);
/* Shows it: it is nobody's any more, but stays. */
void lease_unhide(struct lease_owner *o, const struct marker *m);

#endif
