/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signed requests that were seen, by their MACs: of fixed size, each MAC has eight
 * places. Who finds no place drives out the oldest, and what is not newer than
 * what was once driven out counts as seen: so it errs only by refusing.
 */
#ifndef BTMM_LLQ_SERVER_REPLAY_H
#define BTMM_LLQ_SERVER_REPLAY_H

#include <stddef.h>
#include <stdint.h>

enum subs_seen {
	SUBS_NEW,
	SUBS_AGAIN,	/* from the same origin: sent again */
	SUBS_REPLAYED,	/* from elsewhere, or it cannot be told */
};

struct subs_replay_set;
/*
 * What is this much older than something newer would be refused as BADTIME (RFC 8945
 * 5.2.3): twice the usual fudge of 300 s, and some. If it was not, the clock has been set
 * back since, and the newer one says nothing.
 */
#define SUBS_REPLAY_DEAD	900	/* s */

struct subs_replay {
	struct subs_replay_set *sets;
	uint32_t n_sets;
	uint32_t newest;	/* s, of all */
};

/* 0 or -ENOMEM. */
int subs_replay_init(struct subs_replay *r, uint32_t entries);
void subs_replay_fini(struct subs_replay *r);
size_t subs_replay_octets(const struct subs_replay *r);
/* Is the MAC with the keyed hash @mac there? Afterwards it is. @time: s */
enum subs_seen subs_replay_check(struct subs_replay *r, uint64_t mac, uint32_t origin,
				 uint32_t time);

#endif
