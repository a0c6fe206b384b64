// SPDX-License-Identifier: GPL-2.0-or-later
/* What is subscribed to, and where the hosts among it say they are. */
#include <string.h>

#include "../dns/siphash.h"
#include "server.h"

#define PLACE_LABELS	"\x0b_autotunnel\x04_udp"
#define PLACE_LEN	(sizeof(PLACE_LABELS) - 1)
#define SRV_FIXED	6	/* priority, weight, port */

/* --- zones --- */

static uint64_t zone_hash(const struct subs_arena *a, const void *item)
{
	(void)a;
	return dname_hash(((const struct subs_zone_item *)item)->apex);
}

uint32_t subs_zone_find(const struct subs *s, const uint8_t *apex)
{
	uint32_t ref = subs_table_first(&s->zones, dname_hash(apex));

	while (ref) {
		const struct subs_zone_item *z = subs_at(s, ref);

		if (dname_equal(z->apex, apex))
			return ref;
		ref = z->chain;
	}
	return 0;
}

static uint32_t zone_get(struct subs *s, const uint8_t *apex)
{
	uint32_t ref = subs_zone_find(s, apex);
	size_t len = dname_len(apex);
	struct subs_zone_item *z;

	if (ref)
		return ref;
	ref = subs_arena_new(&s->arena, offsetof(struct subs_zone_item, apex) + len);
	if (!ref)
		return 0;
	z = subs_at(s, ref);
	memcpy(z->apex, apex, len);
	subs_table_add(&s->zones, ref);
	return ref;
}

static void zone_drop_unused(struct subs *s, uint32_t ref)
{
	struct subs_zone_item *z = subs_at(s, ref);

	if (z->topics)
		return;
	subs_table_del(&s->zones, ref);
	subs_arena_free(&s->arena, ref,
			offsetof(struct subs_zone_item, apex) + dname_len(z->apex));
}

/* --- names of places --- */

bool subs_place_name(const uint8_t *host, uint8_t out[DNAME_MAX])
{
	size_t len = dname_len(host);

	if (PLACE_LEN + len > DNAME_MAX)
		return false;
	memcpy(out, PLACE_LABELS, PLACE_LEN);
	memcpy(out + PLACE_LEN, host, len);
	return true;
}

const uint8_t *subs_place_host(const uint8_t *name)
{
	if (!dname_label_is(name, "_autotunnel"))
		return NULL;
	name = dname_skip(name, 1);
	return dname_label_is(name, "_udp") ? dname_skip(name, 1) : NULL;
}

const uint8_t *subs_srv_target(const uint8_t *rdata, size_t rdlen)
{
	if (rdlen <= SRV_FIXED || dname_check(rdata + SRV_FIXED, rdlen - SRV_FIXED) == 0)
		return NULL;
	return rdata + SRV_FIXED;
}

/* --- links: hosts by the targets of their SRV records --- */

static uint64_t link_hash(const struct subs_arena *a, const void *item)
{
	uint64_t target;

	(void)a;
	memcpy(&target, ((const struct link *)item)->target, sizeof(target));
	return target;
}

static bool link_is_to(const struct link *l, uint64_t target)
{
	return !memcmp(l->target, &target, sizeof(target));
}

uint32_t subs_link_to(const struct subs *s, uint64_t target, uint32_t after)
{
	uint32_t ref = after ? subs_table_next(&s->links, after) :
			       subs_table_first(&s->links, target);

	while (ref) {
		const struct link *l = subs_at(s, ref);

		if (link_is_to(l, target))
			return ref;
		ref = l->chain;
	}
	return 0;
}

static void unlink_all(struct subs *s, struct topic *t)
{
	while (t->links) {
		uint32_t ref = t->links;

		t->links = ((const struct link *)subs_at(s, ref))->next;
		subs_table_del(&s->links, ref);
		subs_arena_free(&s->arena, ref, sizeof(struct link));
	}
}

struct placing {
	struct subs *s;
	uint32_t topic;
	unsigned int n;
};

static void place_one(void *arg, const struct zone_rr *rr)
{
	const uint8_t *name = subs_srv_target(rr->rdata, rr->rdlen);
	struct placing *p = arg;
	struct topic *t = topic_at(p->s, p->topic);
	uint64_t target;
	struct link *l;
	uint32_t ref;

	if (!name || p->n == SUBS_HOSTS_MAX)
		return;
	target = dname_hash(name);
	for (ref = t->links; ref; ref = l->next) {
		l = subs_at(p->s, ref);
		if (link_is_to(l, target))
			return;
	}

	/* Without memory a change of its address goes untold, no more. */
	ref = subs_arena_new(&p->s->arena, sizeof(*l));
	if (!ref)
		return;
	l = subs_at(p->s, ref);
	l->topic = p->topic;
	memcpy(l->target, &target, sizeof(target));
	l->next = t->links;
	t->links = ref;
	subs_table_add(&p->s->links, ref);
	p->n++;
}

void subs_topic_relink(struct subs *s, uint32_t ref)
{
	struct placing p = { .s = s, .topic = ref };
	uint8_t host[DNAME_MAX], name[DNAME_MAX];

	if (topic_at(s, ref)->type != DNS_AAAA)
		return;
	unlink_all(s, topic_at(s, ref));
	subs_topic_name(s, ref, host);
	if (subs_place_name(host, name))
		s->ops.answers(s->arg, &subs_engine, name, DNS_SRV, place_one, &p);
}

/* --- topics --- */

static size_t topic_size(const struct topic *t)
{
	return offsetof(struct topic, name) + t->name_len;
}

static uint64_t key_hash(const struct subs_arena *a, uint32_t zone, uint16_t type,
			 const uint8_t *name, size_t len)
{
	uint8_t buf[6 + DNAME_MAX];

	memcpy(buf, &zone, 4);
	memcpy(buf + 4, &type, 2);
	memcpy(buf + 6, name, len);
	return siphash24(a->key, buf, 6 + len);
}

static uint64_t topic_hash(const struct subs_arena *a, const void *item)
{
	const struct topic *t = item;

	return key_hash(a, t->zone, t->type, t->name, t->name_len);
}

static uint32_t topic_in(const struct subs *s, uint32_t zone, const uint8_t *name, size_t len,
			 uint16_t type)
{
	uint32_t ref = subs_table_first(&s->topics, key_hash(&s->arena, zone, type, name, len));

	while (ref) {
		const struct topic *t = topic_at(s, ref);

		if (t->zone == zone && t->type == type && t->name_len == len &&
		    !memcmp(t->name, name, len))
			return ref;
		ref = t->chain;
	}
	return 0;
}

uint32_t subs_topic_find(const struct subs *s, const uint8_t *apex, const uint8_t *name,
			 uint16_t type)
{
	uint32_t zone = subs_zone_find(s, apex);

	if (!zone)
		return 0;
	return topic_in(s, zone, name, dname_len(name) - dname_len(apex), type);
}

uint32_t subs_topic_get(struct subs *s, const uint8_t *apex, const uint8_t *name,
			uint16_t type)
{
	size_t len = dname_len(name) - dname_len(apex);
	uint32_t zone = zone_get(s, apex), ref;
	struct topic *t;

	if (!zone)
		return 0;
	ref = topic_in(s, zone, name, len, type);
	if (ref)
		return ref;

	ref = subs_arena_new(&s->arena, offsetof(struct topic, name) + len);
	if (!ref) {
		zone_drop_unused(s, zone);
		return 0;
	}
	t = topic_at(s, ref);
	t->zone = zone;
	t->type = type;
	t->name_len = (uint8_t)len;
	memcpy(t->name, name, len);
	subs_table_add(&s->topics, ref);
	((struct subs_zone_item *)subs_at(s, zone))->topics++;
	if (type == DNS_ANY)
		s->any_topics++;
	subs_topic_relink(s, ref);
	return ref;
}

void subs_topic_drop_unused(struct subs *s, uint32_t ref)
{
	struct topic *t = topic_at(s, ref);
	uint32_t zone = t->zone;

	if (t->first)
		return;
	if (t->delta)
		subs_batch_forget(s, ref);
	unlink_all(s, t);
	if (t->type == DNS_ANY)
		s->any_topics--;
	subs_table_del(&s->topics, ref);
	subs_arena_free(&s->arena, ref, topic_size(t));
	((struct subs_zone_item *)subs_at(s, zone))->topics--;
	zone_drop_unused(s, zone);
}

const uint8_t *subs_topic_apex(const struct subs *s, uint32_t ref)
{
	return ((const struct subs_zone_item *)subs_at(s, topic_at(s, ref)->zone))->apex;
}

void subs_topic_name(const struct subs *s, uint32_t ref, uint8_t out[DNAME_MAX])
{
	const struct topic *t = topic_at(s, ref);
	const uint8_t *apex = subs_topic_apex(s, ref);

	memcpy(out, t->name, t->name_len);
	memcpy(out + t->name_len, apex, dname_len(apex));
}

/* --- subscriptions in the lists of topics and owners --- */

void subs_sub_link(struct subs *s, uint32_t ref, uint32_t topic, uint32_t owner,
		   uint32_t *first, uint32_t *n)
{
	struct topic *t = topic_at(s, topic);
	struct sub *sub = subs_at(s, ref);

	sub->topic = topic;
	sub->t_next = t->first;
	if (sub->t_next)
		((struct sub *)subs_at(s, sub->t_next))->t_prev = ref;
	t->first = ref;
	t->n++;
	((struct subs_zone_item *)subs_at(s, t->zone))->subs++;

	sub->owner = owner;
	sub->o_next = *first;
	if (sub->o_next)
		((struct sub *)subs_at(s, sub->o_next))->o_prev = ref;
	*first = ref;
	++*n;
}

void subs_sub_unlink(struct subs *s, uint32_t ref, uint32_t *first, uint32_t *n)
{
	struct sub *sub = subs_at(s, ref);
	struct topic *t = topic_at(s, sub->topic);

	if (sub->t_next)
		((struct sub *)subs_at(s, sub->t_next))->t_prev = sub->t_prev;
	if (sub->t_prev)
		((struct sub *)subs_at(s, sub->t_prev))->t_next = sub->t_next;
	else
		t->first = sub->t_next;
	t->n--;
	((struct subs_zone_item *)subs_at(s, t->zone))->subs--;

	if (sub->o_next)
		((struct sub *)subs_at(s, sub->o_next))->o_prev = sub->o_prev;
	if (sub->o_prev)
		((struct sub *)subs_at(s, sub->o_prev))->o_next = sub->o_next;
	else
		*first = sub->o_next;
	--*n;
	sub->t_next = 0;
	sub->t_prev = 0;
	sub->o_next = 0;
	sub->o_prev = 0;
	subs_topic_drop_unused(s, sub->topic);
}

int subs_topics_init(struct subs *s)
{
	int ret = subs_table_init(&s->zones, &s->arena, zone_hash);

	if (!ret)
		ret = subs_table_init(&s->topics, &s->arena, topic_hash);
	if (!ret)
		ret = subs_table_init(&s->links, &s->arena, link_hash);
	return ret;
}

void subs_topics_fini(struct subs *s)
{
	subs_table_fini(&s->zones);
	subs_table_fini(&s->topics);
	subs_table_fini(&s->links);
}
