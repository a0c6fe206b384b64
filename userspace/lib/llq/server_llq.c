// SPDX-License-Identifier: GPL-2.0-or-later
/* LLQs: their life, and what is kept of them on disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

/*
 * What is kept: eight octets that say where the host was (subs_place_hash()), then
 * the answers.
 */
#define PLACE_KEPT	8
#define PLACE_UNKNOWN	UINT64_MAX

static uint64_t llq_hash(const struct subs_arena *a, const void *item)
{
	uint64_t hash;

	(void)a;
	/* Random, or a keyed hash. */
	memcpy(&hash, ((const struct llq *)item)->id, sizeof(hash));
	return hash;
}

int subs_llqs_init(struct subs *s)
{
	return subs_table_init(&s->llqs, &s->arena, llq_hash);
}

void subs_llqs_fini(struct subs *s)
{
	while (s->resend.n)
		subs_delivery_free(s, delivery_at(s, s->resend.v[0])->llq);
	subs_table_fini(&s->llqs);
}

uint32_t subs_llq_find(const struct subs *s, const uint8_t id[LLQ_ID_LEN])
{
	uint64_t hash;
	uint32_t ref;

	memcpy(&hash, id, sizeof(hash));
	for (ref = subs_table_first(&s->llqs, hash); ref; ref = llq_at(s, ref)->sub.chain) {
		if (!memcmp(llq_at(s, ref)->id, id, LLQ_ID_LEN))
			return ref;
	}
	return 0;
}

uint32_t subs_llq_same(const struct subs *s, uint32_t client, uint32_t topic)
{
	const struct client *c = client_at(s, client);
	const struct topic *t = topic_at(s, topic);
	uint32_t ref;

	/* Whichever list is the shorter one: neither popular names nor busy
	 * clients make this slow, only both together.
	 */
	if (c->n < t->n) {
		for (ref = c->first; ref; ref = llq_at(s, ref)->sub.o_next) {
			if (llq_at(s, ref)->sub.topic == topic)
				return ref;
		}
		return 0;
	}
	for (ref = t->first; ref; ref = llq_at(s, ref)->sub.t_next) {
		const struct sub *sub = subs_at(s, ref);

		if (sub->kind == SUB_LLQ && sub->owner == client)
			return ref;
	}
	return 0;
}

bool subs_admits(const struct subs *s, const uint8_t *apex, const struct in6_addr *ip)
{
	uint32_t zone = subs_zone_find(s, apex), in_zone = 0;

	if (zone)
		in_zone = ((const struct subs_zone_item *)subs_at(s, zone))->subs;
	return s->llqs.n + s->pushes.n < s->config.max_llqs &&
	       in_zone < s->config.max_per_zone &&
	       subs_net_count(s, ip) < s->config.max_per_client;
}

static uint32_t *transport_count(struct subs *s, const struct client *c)
{
	return &s->stats.llqs[c->flags & CLIENT_APPLE ? SUBS_TLS : c->transport];
}

void subs_hold(struct subs *s, uint64_t stream)
{
	uint32_t session = subs_session_on(s, stream);

	s->ops.hold(s->arg, stream, (session && session_at(s, session)->established) ||
				    subs_client_on(s, stream, 0));
}

uint32_t subs_llq_new(struct subs *s, uint32_t client, uint32_t topic,
		      const uint8_t id[LLQ_ID_LEN], uint64_t expires)
{
	uint32_t ref = subs_arena_new(&s->arena, sizeof(struct llq)), net = 0;
	struct client *c = client_at(s, client);
	struct subs_origin at;

	if (ref) {
		subs_client_origin(s, client, &at);
		net = subs_net_get(s, &at.peer.ip);
	}
	if (!net || subs_heap_set(&s->expiry, ref, (uint32_t)expires)) {
		if (net)
			subs_net_put(s, net);
		subs_arena_free(&s->arena, ref, sizeof(struct llq));
		subs_topic_drop_unused(s, topic);
		subs_client_drop_unused(s, client);
		return 0;
	}

	c->net = net;
	llq_at(s, ref)->sub.kind = SUB_LLQ;
	memcpy(llq_at(s, ref)->id, id, LLQ_ID_LEN);
	subs_table_add(&s->llqs, ref);
	subs_sub_link(s, ref, topic, client, &c->first, &c->n);
	++*transport_count(s, c);
	if (c->n == 1 && at.stream)
		subs_hold(s, at.stream);
	return ref;
}

void subs_llq_synced(struct subs *s, uint32_t ref)
{
	struct llq *l = llq_at(s, ref);

	if (l->sub.flags & LLQ_UNSYNCED)
		s->stats.unsynced--;
	l->sub.flags &= (uint8_t)~LLQ_UNSYNCED;
}

static void leave_client(struct subs *s, uint32_t client)
{
	struct client *c = client_at(s, client);
	struct subs_origin at;
	bool last = !c->n;

	--*transport_count(s, c);
	subs_net_put(s, c->net);
	subs_client_origin(s, client, &at);
	subs_client_drop_unused(s, client);
	if (last && at.stream) {
		subs_hold(s, at.stream);
		subs_session_rest(s, at.stream);
	}
}

void subs_llq_end(struct subs *s, uint32_t ref)
{
	struct llq *l = llq_at(s, ref);
	uint32_t client = l->sub.owner;
	struct client *c = client_at(s, client);

	subs_delivery_free(s, ref);
	if (c->transport == SUBS_UDP && s->ops.forget)
		s->ops.forget(s->arg, l->id);
	subs_llq_synced(s, ref);
	subs_heap_clear(&s->expiry, ref);
	subs_table_del(&s->llqs, ref);
	subs_sub_unlink(s, ref, &c->first, &c->n);
	leave_client(s, client);
	subs_arena_free(&s->arena, ref, sizeof(*l));
}

int subs_llq_move(struct subs *s, uint32_t ref, uint32_t client)
{
	struct llq *l = llq_at(s, ref);
	uint32_t old = l->sub.owner, net;
	struct client *from = client_at(s, old), *to = client_at(s, client);
	struct subs_origin at;

	subs_client_origin(s, client, &at);
	net = subs_net_get(s, &at.peer.ip);
	if (!net) {
		subs_client_drop_unused(s, client);
		return -ENOMEM;
	}
	to->net = net;

	l->sub.owner = client;
	from->n--;
	if (l->sub.o_next)
		llq_at(s, l->sub.o_next)->sub.o_prev = l->sub.o_prev;
	if (l->sub.o_prev)
		llq_at(s, l->sub.o_prev)->sub.o_next = l->sub.o_next;
	else
		from->first = l->sub.o_next;
	l->sub.o_prev = 0;
	l->sub.o_next = to->first;
	if (to->first)
		llq_at(s, to->first)->sub.o_prev = ref;
	to->first = ref;
	to->n++;
	++*transport_count(s, to);
	leave_client(s, old);
	return 0;
}

uint32_t subs_llq_lease(const struct subs *s, uint32_t ref)
{
	int32_t left = (int32_t)(llq_at(s, ref)->expiry.due - NOW32(s));

	return left > 0 ? ((uint32_t)left + 999) / 1000 : 0;
}

void subs_llq_expire(struct subs *s, unsigned int *left)
{
	uint32_t ref;

	while (*left && (ref = subs_heap_due(&s->expiry, s->now))) {
		s->stats.expired++;
		subs_llq_end(s, ref);
		--*left;
	}
}

/* --- on disk --- */

static uint8_t *pack_known(struct subs *s, uint32_t ref, size_t *len)
{
	struct subs_changes *known;
	uint64_t place = PLACE_UNKNOWN;
	bool place_known;
	uint8_t *out;

	known = subs_llq_known(s, ref, &place_known);
	if (!known)
		return NULL;
	if (place_known)
		place = subs_place_hash(s, llq_at(s, ref)->sub.topic);

	*len = PLACE_KEPT + subs_changes_pack(known, NULL);
	out = malloc(*len);
	if (out) {
		dns_put32(out, (uint32_t)(place >> 32));
		dns_put32(out + 4, (uint32_t)place);
		subs_changes_pack(known, out + PLACE_KEPT);
	}
	subs_changes_unref(known);
	return out;
}

void subs_llq_persist(struct subs *s, uint32_t ref, bool answers)
{
	struct llq *l = llq_at(s, ref);
	const struct client *c = client_at(s, l->sub.owner);
	uint8_t name[DNAME_MAX], *packed = NULL;
	struct subs_identity who;
	struct subs_record r;

	if (!s->ops.persist || c->transport != SUBS_UDP)
		return;

	memset(&r, 0, sizeof(r));
	/* Not compared yet: what is on disk is still what its client has. */
	if (answers && !(l->sub.flags & LLQ_UNSYNCED))
		packed = pack_known(s, ref, &r.answers_len);
	memcpy(r.id, l->id, LLQ_ID_LEN);
	subs_client_origin(s, l->sub.owner, &r.to);
	subs_topic_name(s, l->sub.topic, name);
	r.apple = c->flags & CLIENT_APPLE;
	r.name = name;
	r.zone = subs_topic_apex(s, l->sub.topic);
	r.type = topic_at(s, l->sub.topic)->type;
	r.who = subs_identity_of(s, c->identity, &who);
	r.expires = s->now + (uint64_t)(int64_t)(int32_t)(l->expiry.due - NOW32(s));
	r.time_signed = l->time_signed;
	r.udp_size = l->sub.aux;
	r.answers = packed;
	s->ops.persist(s->arg, &r);
	free(packed);
}

int subs_restore(struct subs *s, const struct subs_record *r, uint64_t now)
{
	uint64_t longest = (uint64_t)s->config.lease_max * 1000, expires = r->expires;
	uint8_t name[DNAME_MAX];
	struct subs_zone zone;
	uint32_t client, topic, ref;

	subs_time(s, now);
	subs_settle(s);
	if (expires <= now)
		return -ETIME;
	if (expires - now > longest)
		expires = now + longest;
	if (subs_llq_find(s, r->id))
		return -EEXIST;
	memcpy(name, r->name, dname_len(r->name));
	dname_lower(name);
	if (r->to.transport != SUBS_UDP || r->to.stream || !s->ops.zone(s->arg, name, &zone))
		return -EINVAL;
	if (!subs_admits(s, zone.apex, &r->to.peer.ip))
		return -ENOSPC;

	client = subs_client_get(s, &r->to, r->who, r->apple);
	if (!client)
		return -ENOMEM;
	topic = subs_topic_get(s, zone.apex, name, r->type);
	if (!topic) {
		subs_client_drop_unused(s, client);
		return -ENOMEM;
	}
	ref = subs_llq_new(s, client, topic, r->id, expires);
	if (!ref)
		return -ENOMEM;
	llq_at(s, ref)->time_signed = (uint32_t)r->time_signed;
	llq_at(s, ref)->sub.aux = r->udp_size;
	llq_at(s, ref)->sub.flags |= LLQ_UNSYNCED;
	s->stats.unsynced++;
	return 0;
}

/* What has happened since @answers were kept. NULL: no memory. */
static struct subs_changes *difference(struct subs *s, uint32_t topic, const uint8_t *answers,
				       size_t len, bool *good)
{
	struct subs_changes *current = subs_answers(s, topic, &subs_engine);
	struct subs_collect c = { 0 };
	struct subs_change rr;
	uint64_t place = 0;
	bool moved;
	size_t pos = 0;

	if (!current)
		return NULL;
	*good = len >= PLACE_KEPT;
	if (*good) {
		place = (uint64_t)dns_u32(answers) << 32 | dns_u32(answers + 4);
		*good = subs_collect_packed(&c, topic_at(s, topic)->type, answers + PLACE_KEPT,
					    len - PLACE_KEPT);
	}
	moved = place != subs_place_hash(s, topic);
	while (subs_changes_next(current, &pos, &rr)) {
		rr.repeat = moved;
		subs_collect(&c, &rr);
	}
	subs_changes_unref(current);
	return subs_collect_end(&c);
}

int subs_resync(struct subs *s, const uint8_t id[LLQ_ID_LEN], const uint8_t *answers,
		size_t len, uint64_t now)
{
	struct subs_changes *c;
	bool good = true;
	uint32_t ref;

	subs_time(s, now);
	subs_settle(s);
	ref = subs_llq_find(s, id);
	if (!ref || !(llq_at(s, ref)->sub.flags & LLQ_UNSYNCED))
		return -ENOENT;

	/* When it was restored the zone was not there. */
	subs_topic_relink(s, llq_at(s, ref)->sub.topic);
	c = difference(s, llq_at(s, ref)->sub.topic, answers, len, &good);
	subs_llq_synced(s, ref);
	if (!c) {
		/* Its refresh tells the client to begin again. */
		subs_llq_end(s, ref);
		return -ENOMEM;
	}
	subs_llq_notify(s, ref, c);
	subs_changes_unref(c);
	return good ? 0 : -EBADMSG;
}
