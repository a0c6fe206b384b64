/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of subscribe.c (who is told, and the turns) and subscribe_choice.c (which way). */
#ifndef BTMMD_SUBSCRIBE_INT_H
#define BTMMD_SUBSCRIBE_INT_H

#include <time.h>

#include "subscribe.h"

#define CANDIDATES	24
#define NEVER		UINT64_MAX

/* What a leg is worth. */
enum score {
	SCORE_NONE,
	SCORE_OLD,		/* it works, but is not among the servers any more */
	SCORE_POLL_UDP,
	SCORE_POLL_TLS,
	SCORE_LLQ_UDP,
	SCORE_LLQ_TLS,
	SCORE_PUSH,
};

struct candidate {
	enum leg_kind kind;
	struct dns_place to;
};

struct side {
	struct subscribe *s;
	struct leg *leg;
	bool active;
	uint64_t since;		/* of the trial; of the active side: it has worked since */
};

struct subscribe {
	sd_event *event;
	sd_event_source *timer;
	struct subscribe_config config;
	const struct subscribe_ops *ops;
	void *arg;
	struct peers *peers;

	struct candidate candidates[CANDIDATES];
	size_t n, next;		/* the next one to be tried */
	struct side sides[2], *active, *trial;
	enum score score;	/* of the active side, as it was told */
	enum score had;		/* the best that has worked and may be there again */
	uint64_t lost;		/* ms; the active side has been without server since; NEVER */
	uint64_t round;		/* no trial before */
	unsigned int rounds;	/* in a row that brought nothing */
	bool paused;

	bool complete;
	uint64_t listed;	/* when the list of hosts came; NEVER */
	char why[SUBSCRIBE_WHY];
	enum score why_for;	/* what it kept from being */
	bool new_why;
};

static inline uint64_t now_ms(const struct subscribe *s)
{
	uint64_t us;

	return sd_event_now(s->event, CLOCK_BOOTTIME, &us) < 0 ? 0 : us / 1000;
}

extern const struct leg_ops subscribe_leg_ops;	/* with a side */

/* subscribe_choice.c */

/* All ways that there are, the best first */
void choice_find(struct subscribe *s);
enum score choice_score(const struct side *side);
/* Trials end, the better ones as the active side, and begin. */
void choice_make(struct subscribe *s, uint64_t now);
/* When it wants to be called next, or NEVER */
uint64_t choice_due(const struct subscribe *s);
/* Why @leg is not what is used, for the status */
void choice_failed(struct subscribe *s, const struct leg *leg);
void choice_end(struct side *side);

#endif
