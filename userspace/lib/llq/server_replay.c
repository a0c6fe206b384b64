// SPDX-License-Identifier: GPL-2.0-or-later
#include "server_replay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define WAYS	8
struct subs_replay_set {
	struct entry {
		uint32_t mac, origin, time;
	} way[WAYS];
	uint32_t floor;		/* nothing alive up to this time was driven out after it */
};

int subs_replay_init(struct subs_replay *r, uint32_t entries)
{
	r->n_sets = entries / WAYS ? entries / WAYS : 1;
	r->newest = 0;
	r->sets = calloc(r->n_sets, sizeof(*r->sets));
	return r->sets ? 0 : -ENOMEM;
}

void subs_replay_fini(struct subs_replay *r)
{
	free(r->sets);
	r->sets = NULL;
}

size_t subs_replay_octets(const struct subs_replay *r)
{
	return r->n_sets * sizeof(*r->sets);
}

enum subs_seen subs_replay_check(struct subs_replay *r, uint64_t mac, uint32_t origin,
				 uint32_t time)
{
	struct subs_replay_set *set = &r->sets[(mac >> 32) % r->n_sets];
	struct entry *e = set->way, *oldest = e;

	if ((int32_t)(time - r->newest) > 0 || !r->newest ||
	    (int32_t)(r->newest - time) > SUBS_REPLAY_DEAD)
		r->newest = time;

	for (; e < set->way + WAYS; e++) {
		if (e->time && e->mac == (uint32_t)mac)
			return e->origin == origin && e->time == time ?
			       SUBS_AGAIN : SUBS_REPLAYED;
		if (oldest->time && (!e->time || (int32_t)(e->time - oldest->time) < 0))
			oldest = e;
	}

	if (set->floor && (int32_t)(set->floor - time) >= 0 &&
	    (int32_t)(set->floor - time) <= SUBS_REPLAY_DEAD)
		return SUBS_REPLAYED;
	if (oldest->time && (int32_t)(r->newest - oldest->time) < SUBS_REPLAY_DEAD)
		set->floor = oldest->time;
	*oldest = (struct entry){ .mac = (uint32_t)mac, .origin = origin, .time = time };
	return SUBS_NEW;
}
