// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes of zones: gathered by topic, and at the commit told to subscribers. */
#include <stdlib.h>
#include <string.h>

#include "../dns/siphash.h"
#include "server.h"

/* Where a host is: the owner's hash and that of the RDATA. */
#define PLACE_RDLEN	16

void subs_batch_forget(struct subs *s, uint32_t topic)
{
	struct topic *t = topic_at(s, topic);

	if (t->delta != TOPIC_LOST)
		s->deltas[t->delta - 1].topic = 0;
	t->delta = 0;
}

/* Its subscribers cannot be told what has changed: they have to begin again. */
static void lose(struct subs *s, uint32_t topic)
{
	uint32_t left = topic_at(s, topic)->n;

	/* With the last one the topic goes. */
	while (left) {
		uint32_t ref = topic_at(s, topic)->first;
		const struct sub *sub = subs_at(s, ref);

		if (sub->kind == SUB_LLQ) {
			s->stats.given_up++;
			subs_llq_end(s, ref);
			left--;
		} else {
			/* May have more than one of them. */
			struct session *session = session_at(s, sub->owner);
			uint32_t one;

			for (one = session->first; one;
			     one = ((struct sub *)subs_at(s, one))->o_next)
				left -= ((struct sub *)subs_at(s, one))->topic == topic;
			subs_session_dismiss(s, sub->owner, DNS_SERVFAIL,
					     s->config.retry_after * 1000);
		}
	}
}

static uint32_t find_lost(const struct subs *s)
{
	uint32_t i, ref;

	for (i = 0; i < s->topics.n_buckets; i++) {
		for (ref = subs_table_bucket(&s->topics, i); ref;
		     ref = subs_table_next(&s->topics, ref)) {
			if (topic_at(s, ref)->delta == TOPIC_LOST)
				return ref;
		}
	}
	return 0;
}

/* NULL: no memory; the commit sees to it. */
static struct delta *delta_of(struct subs *s, uint32_t topic)
{
	struct topic *t = topic_at(s, topic);
	struct delta *d = s->deltas;

	if (t->delta)
		return t->delta == TOPIC_LOST ? NULL : &s->deltas[t->delta - 1];
	if (s->n_deltas == s->deltas_room) {
		uint32_t room = s->deltas_room ? 2 * s->deltas_room : 16;

		d = realloc(d, room * sizeof(*d));
		if (!d) {
			t->delta = TOPIC_LOST;
			s->lost = true;
			return NULL;
		}
		s->deltas = d;
		s->deltas_room = room;
	}
	d += s->n_deltas++;
	memset(d, 0, sizeof(*d));
	d->topic = topic;
	t->delta = s->n_deltas;
	return d;
}

static void touch(struct subs *s, uint32_t topic, bool add, const struct zone_rr *rr)
{
	struct delta *d = topic ? delta_of(s, topic) : NULL;

	if (d)
		subs_collect_rr(&d->changes, add, rr);
}

/* A record that says where the host of @topic is. */
static void touch_place(struct subs *s, uint32_t topic, const uint8_t *owner, bool add,
			const struct zone_rr *rr)
{
	struct delta *d = delta_of(s, topic);
	/* The TTL moves nobody. */
	struct zone_rr place = { .type = rr->type, .rdlen = PLACE_RDLEN };
	uint64_t key[2];

	if (!d)
		return;
	key[0] = dname_hash(owner);
	key[1] = siphash24(s->arena.key, rr->rdata, rr->rdlen);
	place.rdata = (const uint8_t *)key;
	subs_collect_rr(&d->place, add, &place);
}

static void change_srv(struct subs *s, const uint8_t *apex, const uint8_t *owner, bool add,
		       const struct zone_rr *rr)
{
	const uint8_t *host = subs_place_host(owner);
	uint32_t topic;

	if (!host || !dname_within(host, apex))
		return;
	topic = subs_topic_find(s, apex, host, DNS_AAAA);
	if (topic)
		touch_place(s, topic, owner, add, rr);
}

static void change_address(struct subs *s, const uint8_t *owner, bool add,
			   const struct zone_rr *rr)
{
	uint64_t target = dname_hash(owner);
	uint32_t ref = subs_link_to(s, target, 0);

	while (ref) {
		touch_place(s, ((const struct link *)subs_at(s, ref))->topic, owner, add, rr);
		ref = subs_link_to(s, target, ref);
	}
}

void subs_change(struct subs *s, const uint8_t *name, bool add, const struct zone_rr *rr)
{
	uint8_t owner[DNAME_MAX];
	struct subs_zone zone;

	if (rr->type == DNS_LEASED || rr->type == DNS_ENROLLED)
		return;
	memcpy(owner, name, dname_len(name));
	dname_lower(owner);

	/* The target may be in another zone than the host. */
	if (s->links.n && (rr->type == DNS_A || rr->type == DNS_AAAA))
		change_address(s, owner, add, rr);
	if (!s->topics.n || !s->ops.zone(s->arg, owner, &zone) ||
	    !subs_zone_find(s, zone.apex))
		return;
	touch(s, subs_topic_find(s, zone.apex, owner, rr->type), add, rr);
	if (s->any_topics)
		touch(s, subs_topic_find(s, zone.apex, owner, DNS_ANY), add, rr);
	if (rr->type == DNS_SRV)
		change_srv(s, zone.apex, owner, add, rr);
}

/* --- telling --- */

/* The sessions that hear of it by a subscription to all types at the name. */
static void stamp_any(struct subs *s, uint32_t topic)
{
	uint8_t name[DNAME_MAX];
	uint32_t any, ref;

	if (!s->any_topics || topic_at(s, topic)->type == DNS_ANY)
		return;
	subs_topic_name(s, topic, name);
	any = subs_topic_find(s, subs_topic_apex(s, topic), name, DNS_ANY);
	for (ref = any ? topic_at(s, any)->first : 0; ref;
	     ref = ((const struct sub *)subs_at(s, ref))->t_next) {
		const struct sub *sub = subs_at(s, ref);

		if (sub->kind == SUB_PUSH)
			session_at(s, sub->owner)->stamp = s->stamp;
	}
}

static void tell(struct subs *s, uint32_t topic, struct subs_changes *c)
{
	uint32_t ref, next;

	/* A session is told once, whatever number of its subscriptions match. */
	s->stamp++;
	if (!c->repeat)
		stamp_any(s, topic);
	for (ref = topic_at(s, topic)->first; ref; ref = next) {
		const struct sub *sub = subs_at(s, ref);

		next = sub->t_next;
		if (sub->kind == SUB_LLQ) {
			subs_llq_notify(s, ref, c);
		} else if (session_at(s, sub->owner)->stamp != s->stamp) {
			session_at(s, sub->owner)->stamp = s->stamp;
			subs_push_queue(s, sub->owner, topic, c);
		}
	}
}

/* The BTMM rule: the host is elsewhere, so its address is news although it is as ever. */
static void repeat_address(struct subs *s, struct delta *d)
{
	struct subs_changes *current = subs_answers(s, d->topic, &subs_engine);
	struct subs_change rr;
	size_t pos = 0;

	if (!current) {
		d->changes.failed = true;
		return;
	}
	while (subs_changes_next(current, &pos, &rr)) {
		rr.before = true;
		rr.ttl_before = rr.ttl_after;
		rr.repeat = true;
		subs_collect(&d->changes, &rr);
	}
	subs_changes_unref(current);
}

static void commit_one(struct subs *s, struct delta *d)
{
	struct subs_changes *place = subs_collect_end(&d->place), *c;
	uint32_t topic = d->topic;

	if (topic && place && place->n) {
		subs_topic_relink(s, topic);
		repeat_address(s, d);
	}
	if (!place)
		d->changes.failed = true;
	c = subs_collect_end(&d->changes);
	if (topic) {
		topic_at(s, topic)->delta = 0;
		d->topic = 0;
		if (!c)
			lose(s, topic);
		else if (c->n)
			tell(s, topic, c);
	}
	subs_changes_unref(place);
	subs_changes_unref(c);
}

void subs_commit(struct subs *s, uint64_t now)
{
	uint32_t i;

	subs_time(s, now);
	s->burst = SUBS_BURST;
	for (i = 0; i < s->n_deltas; i++)
		commit_one(s, &s->deltas[i]);
	s->n_deltas = 0;
	while (s->lost && (i = find_lost(s)))
		lose(s, i);
	s->lost = false;
	subs_push_flush(s);
	subs_memo_clear(s);

	/* A whole zone may have come. */
	if (s->deltas_room > 1024) {
		free(s->deltas);
		s->deltas = NULL;
		s->deltas_room = 0;
	}
}

void subs_settle(struct subs *s)
{
	if (s->n_deltas || s->lost)
		subs_commit(s, s->now);
}

void subs_batch_fini(struct subs *s)
{
	uint32_t i;

	for (i = 0; i < s->n_deltas; i++) {
		free(s->deltas[i].changes.buf);
		free(s->deltas[i].place.buf);
	}
	free(s->deltas);
	subs_memo_clear(s);
}
