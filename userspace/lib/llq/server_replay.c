// SPDX-License-Identifier: GPL-2.0-or-later
#include "server_replay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define WAYS	8
/*
 * What is this much older than the newest would be refused as BADTIME (RFC 8945
 * 5.2.3): twice the usual fudge of 300 s, and some.
 */
#define DEAD	900	/* s */

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

	if ((int32_t)(time - r->newest) > 0 || !r->newest)
		r->newest = time;

	for (; e < set->way + WAYS; e++) {
		if (e->time && e->mac == (uint32_t)mac)
			return e->origin == origin && e->time == time ?
			       SUBS_AGAIN : SUBS_REPLAYED;
		if (oldest->time && (!e->time || (int32_t)(e->time - oldest->time) < 0))
			oldest = e;
	}

	if (set->floor && (int32_t)(time - set->floor) <= 0)
		return SUBS_REPLAYED;
	if (oldest->time && (int32_t)(r->newest - oldest->time) < DEAD)
		set->floor = oldest->time;
	*oldest = (struct entry){ .mac = (uint32_t)mac, .origin = origin, .time = time };
	return SUBS_NEW;
}
