/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may work at which owner names now. A set of names is asked for at once, in
 * order of arrival at each; so nobody waits in a circle, and nobody for ever.
 */
#ifndef BTMM_LEASE_LOCK_H
#define BTMM_LEASE_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server.h"

struct lock_set;

struct lock_wait {
	struct lock_set *set;
	struct lease_owner *owner;
	struct lock_wait *next, *prev;
	bool shared;		/* beside other shared ones */
	bool granted;
};

struct lock_set {
	struct lock_wait *waits;
	size_t n, room;
	size_t blocked;			/* not yet granted */
	struct lock_set *ready_next;	/* lock_release() */
};

/* Adds a name; one that is there already becomes exclusive if either is. 0, -ENOMEM. */
int lock_add(struct lock_set *s, struct lease_owner *owner, bool shared);
/* Asks for all. True: they are granted. */
bool lock_acquire(struct lock_set *s);
/* Is nobody else at this name? */
static inline bool lock_free(const struct lease_owner *owner)
{
	return !owner->first;
}
/*
 * Gives all back and empties the set, whether they were granted or not. Return: sets
 * that have now all they asked for, linked by ready_next.
 */
struct lock_set *lock_release(struct lock_set *s);

#endif
