// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes on their way to LLQs. A UDP client is sent one event after the other,
 * each until it is acknowledged; what changes meanwhile is put together. On a
 * stream they just follow each other.
 */
#include <string.h>

#include "server.h"

static void answer_one(void *arg, const struct zone_rr *rr)
{
	subs_collect_rr(arg, true, rr);
}

struct subs_changes *subs_answers(struct subs *s, uint32_t topic,
				  const struct subs_identity *who)
{
	struct subs_collect c = { 0 };
	uint8_t name[DNAME_MAX];

	subs_topic_name(s, topic, name);
	s->ops.answers(s->arg, who, name, topic_at(s, topic)->type, answer_one, &c);
	return subs_collect_end(&c);
}

static uint16_t random_id(struct subs *s)
{
	uint16_t id;

	s->ops.random(s->arg, &id, sizeof(id));
	return id;
}

static size_t delivery_size(const struct subs *s, const struct llq *l)
{
	return client_at(s, l->sub.owner)->identity ? sizeof(struct delivery) :
						      offsetof(struct delivery, mac);
}

void subs_delivery_free(struct subs *s, uint32_t ref)
{
	struct llq *l = llq_at(s, ref);
	struct delivery *d;

	if (!l->delivery)
		return;
	d = delivery_at(s, l->delivery);
	subs_heap_clear(&s->resend, l->delivery);
	subs_changes_unref(d->now);
	subs_changes_unref(d->next);
	subs_changes_unref(d->known);
	subs_arena_free(&s->arena, l->delivery, delivery_size(s, l));
	l->delivery = 0;
}

/* Nothing can be told for want of memory: the client learns by its refresh. */
static void give_up(struct subs *s, uint32_t ref)
{
	s->stats.given_up++;
	subs_llq_end(s, ref);
}

/* --- sending --- */

/* The message that is out, or (@d->sends 0) the next one. */
static void send_part(struct subs *s, struct delivery *d)
{
	const struct llq *l = llq_at(s, d->llq);
	bool is_signed = client_at(s, l->sub.owner)->identity;

	if (!d->sends) {
		d->id = random_id(s);
		d->to = 0;
	} else {
		s->stats.retried++;
	}
	d->to = subs_event_send(s, d->llq, d->id, d->now, d->from, d->to,
				is_signed ? &d->mac : NULL);
	d->sends++;
	subs_heap_set(&s->resend, l->delivery,
		      NOW32(s) + ((uint32_t)SUBS_WAIT << (d->sends - 1)));
	/* From now on its client may have it. */
	if (d->sends == 1)
		subs_llq_persist(s, d->llq, true);
}

static void send_first(struct subs *s, struct delivery *d)
{
	d->sends = 0;
	if (s->burst) {
		s->burst--;
		send_part(s, d);
	} else {
		/* As soon as the caller has seen to others. */
		subs_heap_set(&s->resend, llq_at(s, d->llq)->delivery, NOW32(s));
	}
}

static void start(struct subs *s, uint32_t ref, struct subs_changes *c)
{
	struct llq *l = llq_at(s, ref);
	struct delivery *d;

	l->delivery = subs_arena_new(&s->arena, delivery_size(s, l));
	if (!l->delivery) {
		give_up(s, ref);
		return;
	}
	d = delivery_at(s, l->delivery);
	d->llq = ref;
	d->now = subs_changes_ref(c);
	if (subs_heap_set(&s->resend, l->delivery, NOW32(s)))
		give_up(s, ref);
	else
		send_first(s, d);
}

static void send_stream(struct subs *s, uint32_t ref, const struct subs_changes *c)
{
	uint32_t pos = 0;

	while (pos < c->len)
		pos = subs_event_send(s, ref, random_id(s), c, pos, 0, NULL);
}

void subs_resend(struct subs *s, unsigned int *left)
{
	uint32_t ref;

	s->burst = SUBS_BURST;
	for (; *left && (ref = subs_heap_due(&s->resend, s->now)); --*left) {
		struct delivery *d = delivery_at(s, ref);

		if (d->sends < SUBS_SENDS)
			send_part(s, d);
		else
			give_up(s, d->llq);
	}
}

/* --- waiting --- */

void subs_memo_clear(struct subs *s)
{
	subs_changes_unref(s->memo_a);
	subs_changes_unref(s->memo_b);
	subs_changes_unref(s->memo_ab);
	s->memo_a = NULL;
	s->memo_b = NULL;
	s->memo_ab = NULL;
}

/* @a and then @b; a reference of its own. */
static struct subs_changes *merged(struct subs *s, struct subs_changes *a,
				   struct subs_changes *b)
{
	struct subs_collect c = { 0 };

	if (s->memo_a != a || s->memo_b != b) {
		subs_memo_clear(s);
		subs_collect_all(&c, a, 0, false);
		subs_collect_all(&c, b, 0, false);
		s->memo_ab = subs_collect_end(&c);
		if (!s->memo_ab)
			return NULL;
		s->memo_a = subs_changes_ref(a);
		s->memo_b = subs_changes_ref(b);
	}
	return subs_changes_ref(s->memo_ab);
}

/* @set as it was before @c from @pos on. */
static struct subs_changes *before(const struct subs_changes *set,
				   const struct subs_changes *c, size_t pos)
{
	struct subs_collect out = { 0 };

	subs_collect_all(&out, set, 0, false);
	subs_collect_all(&out, c, pos, true);
	return subs_collect_end(&out);
}

/*
 * Too much is waiting: keep what the client will know instead. That is no more
 * than the answers were, however long it takes.
 */
static bool snapshot(struct subs *s, uint32_t topic, struct delivery *d)
{
	struct subs_changes *current = subs_answers(s, topic, &subs_engine);

	if (!current)
		return false;
	d->known = before(current, d->next, 0);
	subs_changes_unref(current);
	if (!d->known)
		return false;
	d->moved = d->next->repeat;
	subs_changes_unref(d->next);
	d->next = NULL;
	return true;
}

static bool wait_more(struct subs *s, const struct llq *l, struct subs_changes *c)
{
	struct delivery *d = delivery_at(s, l->delivery);
	struct subs_changes *both;

	if (d->known) {
		d->moved |= c->repeat;
		return true;
	}
	if (d->next) {
		both = merged(s, d->next, c);
		if (!both)
			return false;
		subs_changes_unref(d->next);
		d->next = both;
	} else {
		d->next = subs_changes_ref(c);
	}
	if (!d->next->n) {
		subs_changes_unref(d->next);
		d->next = NULL;
	}
	return !d->next || d->next->n <= s->config.max_waiting ||
	       snapshot(s, l->sub.topic, d);
}

void subs_llq_notify(struct subs *s, uint32_t ref, struct subs_changes *c)
{
	const struct llq *l = llq_at(s, ref);

	if (!c->n || l->sub.flags & LLQ_UNSYNCED)
		return;
	if (client_at(s, l->sub.owner)->transport != SUBS_UDP)
		send_stream(s, ref, c);
	else if (!l->delivery)
		start(s, ref, c);
	else if (!wait_more(s, l, c))
		give_up(s, ref);
}

/* --- acknowledged --- */

/* What is between what the client knows and what is. */
static struct subs_changes *catch_up(struct subs *s, uint32_t topic, const struct delivery *d)
{
	struct subs_changes *current = subs_answers(s, topic, &subs_engine);
	struct subs_collect c = { 0 };
	struct subs_change rr;
	size_t pos = 0;

	if (!current)
		return NULL;
	subs_collect_all(&c, d->known, 0, true);
	while (subs_changes_next(current, &pos, &rr)) {
		rr.repeat = d->moved;
		subs_collect(&c, &rr);
	}
	subs_changes_unref(current);
	return subs_collect_end(&c);
}

uint32_t subs_acked(const struct subs *s, const struct subs_origin *from, uint16_t id,
		    const struct llq_option *o)
{
	uint32_t ref = subs_llq_find(s, o->id);
	const struct delivery *d;

	if (!ref || o->opcode != LLQ_EVENT || !llq_at(s, ref)->delivery)
		return 0;
	d = delivery_at(s, llq_at(s, ref)->delivery);
	if (!d->sends || d->id != id ||
	    !subs_client_is(s, llq_at(s, ref)->sub.owner, from))
		return 0;
	return ref;
}

void subs_event_done(struct subs *s, uint32_t ref)
{
	const struct llq *l = llq_at(s, ref);
	struct delivery *d = delivery_at(s, l->delivery);

	s->stats.acked++;
	s->burst = 1;
	d->from = d->to;
	if (d->from < d->now->len) {
		send_first(s, d);
		return;
	}

	if (d->known) {
		d->next = catch_up(s, l->sub.topic, d);
		subs_changes_unref(d->known);
		d->known = NULL;
		d->moved = false;
		if (!d->next) {
			give_up(s, ref);
			return;
		}
	}
	subs_changes_unref(d->now);
	d->now = d->next;
	d->next = NULL;
	d->from = 0;
	d->to = 0;
	if (d->now && d->now->n) {
		send_first(s, d);
		return;
	}
	subs_delivery_free(s, ref);
	subs_llq_persist(s, ref, true);
}

/* @known, and that of which only an acknowledgement would say that it has arrived. */
static struct subs_changes *with_uncertain(const struct subs_changes *known,
					   const struct delivery *d)
{
	struct subs_collect c = { 0 };
	struct subs_change in;
	size_t pos = d->from;

	subs_collect_all(&c, known, 0, false);
	while (pos < d->to && subs_changes_next(d->now, &pos, &in)) {
		in.ttl_after = in.after ? in.ttl_after : in.ttl_before;
		in.before = false;
		in.after = true;
		in.repeat = true;
		subs_collect(&c, &in);
	}
	return subs_collect_end(&c);
}

struct subs_changes *subs_llq_known(struct subs *s, uint32_t ref, bool *place_known)
{
	const struct llq *l = llq_at(s, ref);
	struct subs_changes *set, *earlier;
	const struct delivery *d;

	*place_known = true;
	if (!l->delivery)
		return subs_answers(s, l->sub.topic, &subs_engine);

	d = delivery_at(s, l->delivery);
	*place_known = !d->now->repeat && !(d->next && d->next->repeat) && !d->moved;
	if (d->known) {
		set = subs_changes_ref(d->known);
	} else {
		set = subs_answers(s, l->sub.topic, &subs_engine);
		if (set && d->next) {
			earlier = before(set, d->next, 0);
			subs_changes_unref(set);
			set = earlier;
		}
	}
	if (!set)
		return NULL;
	earlier = before(set, d->now, d->from);
	subs_changes_unref(set);
	set = earlier ? with_uncertain(earlier, d) : NULL;
	subs_changes_unref(earlier);
	return set;
}
