/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of leg.c (the way to the server) and leg_questions.c (what is asked there). */
#ifndef BTMMD_LEG_INT_H
#define BTMMD_LEG_INT_H

#include <time.h>

#include "../lib/llq/client.h"
#include "../lib/llq/push_client.h"
#include "leg.h"

#define WHY	160

/* A question and its subscription. */
struct item {
	struct item *next;
	struct leg *leg;
	struct peers_question *q;
	struct push_query *push;
	struct llq_query *llq;
};

struct leg {
	sd_event *event;
	sd_event_source *timer, *io;
	struct leg_config config;
	uint8_t zone[DNAME_MAX];
	const struct leg_ops *ops;
	void *arg;
	struct push_client *push;
	struct llq_client *llq;
	struct dns_link *link;
	int fd;			/* UDP */
	struct item *items;
	uint64_t set_up_at;	/* deaf: when all is to be set up again */
	bool refused, lost;	/* the server was; the way to it is */
	bool failed, paused;
	char why[WHY];
};

static inline uint64_t now_ms(const struct leg *l)
{
	uint64_t us;

	return sd_event_now(l->event, CLOCK_BOOTTIME, &us) < 0 ? 0 : us / 1000;
}

/* Another turn, from the event loop */
void leg_soon(struct leg *l);

/* Of an engine's error */
const char *leg_reason(int error);

/* leg_questions.c */
void leg_unsubscribe(struct leg *l, struct item *i);

#endif
