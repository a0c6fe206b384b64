// SPDX-License-Identifier: GPL-2.0-or-later
#include "lock.h"

#include <errno.h>
#include <stdlib.h>

int lock_add(struct lock_set *s, struct lease_owner *owner, bool shared)
{
	struct lock_wait *more;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->waits[i].owner == owner) {
			s->waits[i].shared &= shared;
			return 0;
		}
	}
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 4;

		more = realloc(s->waits, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->waits = more;
		s->room = room;
	}
	s->waits[s->n++] = (struct lock_wait){ .owner = owner, .shared = shared };
	return 0;
}

/* All before it, too, are shared; or there is none. */
static bool may_go(const struct lock_wait *w)
{
	return !w->prev || (w->shared && w->prev->shared && w->prev->granted);
}

bool lock_acquire(struct lock_set *s)
{
	size_t i;

	s->blocked = 0;
	for (i = 0; i < s->n; i++) {
		struct lock_wait *w = &s->waits[i];
		struct lease_owner *o = w->owner;

		w->set = s;
		w->prev = o->last;
		w->next = NULL;
		*(o->last ? &o->last->next : &o->first) = w;
		o->last = w;
		w->granted = may_go(w);
		s->blocked += !w->granted;
	}
	return !s->blocked;
}

static void take_out(struct lock_wait *w, struct lock_set ***ready)
{
	struct lease_owner *o = w->owner;
	struct lock_wait *next = w->next;

	*(w->prev ? &w->prev->next : &o->first) = next;
	*(next ? &next->prev : &o->last) = w->prev;

	for (; next && (next->granted || may_go(next)); next = next->next) {
		if (next->granted)
			continue;
		next->granted = true;
		if (!--next->set->blocked) {
			next->set->ready_next = NULL;
			**ready = next->set;
			*ready = &next->set->ready_next;
		}
	}
	lease_owner_put(o);
}

struct lock_set *lock_release(struct lock_set *s)
{
	struct lock_set *ready = NULL, **end = &ready;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->waits[i].set)
			take_out(&s->waits[i], &end);
		else
			lease_owner_put(s->waits[i].owner);
	}
	free(s->waits);
	*s = (struct lock_set){ 0 };
	return ready;
}
