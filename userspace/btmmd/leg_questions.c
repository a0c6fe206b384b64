// SPDX-License-Identifier: GPL-2.0-or-later
/* The questions of a leg: each is a subscription with its engine. */
#include <stdlib.h>

#include "leg_int.h"

static struct item **find(struct leg *l, const struct peers_question *q)
{
	struct item **at = &l->items;

	while (*at && (*at)->q != q)
		at = &(*at)->next;
	return at;
}

void leg_unsubscribe(struct leg *l, struct item *i)
{
	if (i->push)
		push_client_remove(l->push, i->push, now_ms(l));
	if (i->llq)
		llq_client_remove(l->llq, i->llq, now_ms(l));
}

void leg_watch(struct leg *l, struct peers_question *q)
{
	leg_watch_as(l, peers_question_name(q), peers_question_type(q), q);
}

void leg_watch_as(struct leg *l, const uint8_t *name, uint16_t type, struct peers_question *q)
{
	struct item *i = calloc(1, sizeof(*i)), **at = &l->items;

	if (!i)
		return;
	i->leg = l;
	i->q = q;
	if (l->push)
		i->push = push_client_add(l->push, name, type, i, now_ms(l));
	else
		i->llq = llq_client_add(l->llq, name, type, i, now_ms(l));
	/* The list of hosts comes first. */
	if (*at && type != DNS_PTR)
		at = &(*at)->next;
	i->next = *at;
	*at = i;
	leg_soon(l);
}

void leg_unwatch(struct leg *l, struct peers_question *q)
{
	struct item **at = find(l, q), *i = *at;

	if (!i)
		return;
	leg_unsubscribe(l, i);
	*at = i->next;
	free(i);
	leg_soon(l);
}

static const struct answers *answers_of(const struct item *i)
{
	if (i->push)
		return push_query_answers(i->push);
	return i->llq ? llq_query_answers(i->llq) : NULL;
}

static enum answers_status status_of(const struct item *i)
{
	if (i->push)
		return push_query_status(i->push);
	return i->llq ? llq_query_status(i->llq) : ANSWERS_UNKNOWN;
}

void leg_replay(struct leg *l, struct peers_question *q)
{
	const struct item *i = *find(l, q);
	const struct answers *set = i ? answers_of(i) : NULL;
	size_t n;

	for (n = 0; set && n < set->n; n++) {
		struct answer a = answers_at(set, n, peers_question_name(q));

		l->ops->change(l->arg, q, true, &a);
	}
	if (set && status_of(i) != ANSWERS_UNKNOWN)
		l->ops->settled(l->arg, q, status_of(i));
}

enum answers_status leg_known(const struct leg *l, const struct peers_question *q)
{
	const struct item *i = *find((struct leg *)l, q);

	return i ? status_of(i) : ANSWERS_UNKNOWN;
}

void leg_tally(const struct leg *l, struct leg_tally *out)
{
	const struct item *i;
	int error;

	*out = (struct leg_tally){ 0 };
	for (i = l->items; i; i = i->next) {
		out->questions++;
		if (status_of(i) == ANSWERS_LIVE)
			continue;
		out->unsubscribed++;
		if (out->refused)
			continue;
		error = i->push ? push_query_error(i->push) :
			i->llq ? llq_query_error(i->llq) : 0;
		if (error)
			out->refused = leg_reason(error);
	}
}
