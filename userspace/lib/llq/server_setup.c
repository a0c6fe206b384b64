// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Set-up and refresh, RFC 8764 5 and 7, question by question.
 *
 * By UDP, the LLQ-ID that a challenge carries is a keyed hash over all that makes
 * the LLQ and a slot of time, so the challenge need not be remembered: who sends
 * it back has read what was sent to that address.
 */
#include <string.h>

#include "../dns/siphash.h"
#include "server.h"

#define SLOT_SHIFT	17	/* slots of 131 s; a challenge is good for one to two */

static bool refuse(struct subs *s, struct subs_asked *a, enum subs_refusal why,
		   enum llq_error error)
{
	s->stats.refused[why]++;
	a->o.error = (uint16_t)error;
	a->o.lease = error == LLQ_SERV_FULL ? s->config.retry_after : 0;
	return true;
}

static uint32_t clamp(const struct subs *s, uint32_t lease)
{
	if (lease < s->config.lease_min)
		return s->config.lease_min;
	return lease > s->config.lease_max ? s->config.lease_max : lease;
}

static void challenge(const struct subs *s, const struct subs_asking *how,
		      const struct subs_asked *a, uint32_t lease, uint64_t slot,
		      uint8_t id[LLQ_ID_LEN])
{
	const struct subs_identity *who = how->in->who;
	size_t name_len = dname_len(a->name);
	uint8_t buf[16 + 4 + 2 + 2 + 2 + 4 + 8 + 8 + DNAME_MAX], *p = buf;
	uint64_t tag = who ? who->tag : 0, hash;

	memcpy(p, &how->in->from.peer.ip, 16);
	p += 16;
	memcpy(p, &how->in->from.peer.scope, 4);
	p += 4;
	dns_put16(p, how->in->from.peer.port);
	dns_put16(p + 2, a->q.type);
	dns_put16(p + 4, who != NULL);
	dns_put32(p + 6, lease);
	p += 10;
	memcpy(p, &slot, 8);
	memcpy(p + 8, &tag, 8);
	p += 16;
	memcpy(p, a->name, name_len);
	p += name_len;

	hash = siphash24(s->config.secret, buf, (size_t)(p - buf));
	/* 0 is what a request without an LLQ has. */
	hash += !hash;
	memcpy(id, &hash, LLQ_ID_LEN);
}

static bool challenge_met(const struct subs *s, const struct subs_asking *how,
			  const struct subs_asked *a)
{
	uint64_t slot = s->now >> SLOT_SHIFT;
	uint8_t id[LLQ_ID_LEN];

	challenge(s, how, a, a->o.lease, slot, id);
	if (!memcmp(id, a->o.id, LLQ_ID_LEN))
		return true;
	challenge(s, how, a, a->o.lease, slot - 1, id);
	return !memcmp(id, a->o.id, LLQ_ID_LEN);
}

/* Does the LLQ with this ID belong to who asks, and is it this question's? */
static bool is_theirs(const struct subs *s, const struct subs_asking *how,
		      const struct subs_asked *a, uint32_t ref)
{
	const struct llq *l = llq_at(s, ref);
	const struct client *c = client_at(s, l->sub.owner);

	if (how->in->who ? !how->identity || c->identity != how->identity : c->identity)
		return false;
	if (subs_topic_find(s, a->zone.apex, a->name, a->q.type) != l->sub.topic)
		return false;

	if (c->flags & CLIENT_APPLE) {
		struct subs_origin at;

		/* The stream need not be that of the set-up. */
		subs_client_origin(s, l->sub.owner, &at);
		return how->in->from.transport != SUBS_UDP &&
		       !memcmp(&at.peer.ip, &how->in->from.peer.ip, sizeof(at.peer.ip));
	}
	return subs_client_is(s, l->sub.owner, &how->in->from);
}

static bool is_stale(const struct subs *s, const struct subs_asking *how, uint32_t ref)
{
	int32_t age = (int32_t)(llq_at(s, ref)->time_signed - (uint32_t)how->in->time_signed);

	return how->in->who && age > 0 && age <= SUBS_REPLAY_DEAD;
}

/* The answer to who has the LLQ now. */
static bool granted(struct subs *s, struct subs_asked *a, uint32_t ref)
{
	memcpy(a->o.id, llq_at(s, ref)->id, LLQ_ID_LEN);
	a->o.lease = subs_llq_lease(s, ref);
	a->llq = ref;
	subs_llq_synced(s, ref);
	return true;
}

static void note(struct subs *s, const struct subs_asking *how, uint32_t ref)
{
	llq_at(s, ref)->time_signed = (uint32_t)how->in->time_signed;
	llq_at(s, ref)->sub.aux = how->udp_size;
}

/* Takes the place of another with the same question. 0: refused. */
static uint32_t establish(struct subs *s, const struct subs_asking *how, struct subs_asked *a,
			  const struct subs_origin *to, bool apple,
			  const uint8_t id[LLQ_ID_LEN], uint32_t lease)
{
	uint32_t client, topic, old, ref;

	client = how->identity || !how->in->who ?
		 subs_client_find(s, to, how->identity, apple) : 0;
	topic = subs_topic_find(s, a->zone.apex, a->name, a->q.type);
	old = client && topic ? subs_llq_same(s, client, topic) : 0;
	if (old)
		subs_llq_end(s, old);
	if (!subs_admits(s, a->zone.apex, &to->peer.ip))
		goto full;

	client = subs_client_get(s, to, how->in->who, apple);
	if (!client)
		goto full;
	topic = subs_topic_get(s, a->zone.apex, a->name, a->q.type);
	if (!topic) {
		subs_client_drop_unused(s, client);
		goto full;
	}
	ref = subs_llq_new(s, client, topic, id, s->now + (uint64_t)lease * 1000);
	if (!ref)
		goto full;
	note(s, how, ref);
	s->stats.setups++;
	return ref;

full:
	refuse(s, a, SUBS_REFUSED_FULL, LLQ_SERV_FULL);
	return 0;
}

static bool setup_udp(struct subs *s, const struct subs_asking *how, struct subs_asked *a)
{
	static const uint8_t none[LLQ_ID_LEN];
	uint32_t ref;

	if (a->o.error)
		return refuse(s, a, SUBS_REFUSED_FORMAT, LLQ_FORMAT_ERR);
	if (!memcmp(a->o.id, none, LLQ_ID_LEN)) {
		if (!subs_admits(s, a->zone.apex, &how->in->from.peer.ip))
			return refuse(s, a, SUBS_REFUSED_FULL, LLQ_SERV_FULL);
		a->o.lease = clamp(s, a->o.lease);
		challenge(s, how, a, a->o.lease, s->now >> SLOT_SHIFT, a->o.id);
		s->stats.challenges++;
		return true;
	}

	ref = subs_llq_find(s, a->o.id);
	if (ref && is_theirs(s, how, a, ref)) {
		if (!is_stale(s, how, ref))
			return granted(s, a, ref);
		s->stats.refused[SUBS_REFUSED_REPLAY]++;
		return false;
	}
	/* Once more what has set up an LLQ that is no longer there. */
	if (ref || how->seen == SUBS_AGAIN)
		return refuse(s, a, SUBS_REFUSED_NO_SUCH, LLQ_NO_SUCH);
	if (!challenge_met(s, how, a))
		return refuse(s, a, SUBS_REFUSED_CHALLENGE, LLQ_NO_SUCH);

	ref = establish(s, how, a, &how->in->from, false, a->o.id, a->o.lease);
	return ref ? granted(s, a, ref) : true;
}

/* Where the events of Apple's variant go. */
static void apple_origin(const struct subs_in *in, uint16_t port, struct subs_origin *out)
{
	*out = (struct subs_origin){
		.transport = SUBS_UDP, .peer = in->from.peer, .local = in->from.local,
		.listener = -1,
	};
	out->peer.port = port;
	out->local.port = 0;
}

static bool setup_stream(struct subs *s, const struct subs_asking *how, struct subs_asked *a)
{
	static const uint8_t none[LLQ_ID_LEN];
	struct subs_origin to = how->in->from;
	bool apple = a->o.error;
	uint32_t client = 0, topic, ref = 0;
	uint8_t id[LLQ_ID_LEN];

	if (apple) {
		if (!how->in->who)
			return refuse(s, a, SUBS_REFUSED_FORMAT, LLQ_FORMAT_ERR);
		apple_origin(how->in, a->o.error, &to);
		a->o.error = 0;
	}

	topic = subs_topic_find(s, a->zone.apex, a->name, a->q.type);
	if (how->identity || !how->in->who)
		client = subs_client_find(s, &to, how->identity, apple);
	if (client && topic)
		ref = subs_llq_same(s, client, topic);
	if (ref && is_stale(s, how, ref)) {
		s->stats.refused[SUBS_REFUSED_REPLAY]++;
		return false;
	}
	/* Also who goes through all four steps nevertheless. */
	if (ref && (!memcmp(a->o.id, llq_at(s, ref)->id, LLQ_ID_LEN) ||
		    how->seen == SUBS_AGAIN))
		return granted(s, a, ref);
	if (memcmp(a->o.id, none, LLQ_ID_LEN) || how->seen == SUBS_AGAIN)
		return refuse(s, a, SUBS_REFUSED_NO_SUCH, LLQ_NO_SUCH);

	do {
		s->ops.random(s->arg, id, sizeof(id));
	} while (!memcmp(id, none, LLQ_ID_LEN) || subs_llq_find(s, id));
	ref = establish(s, how, a, &to, apple, id, clamp(s, a->o.lease));
	return ref ? granted(s, a, ref) : true;
}

static bool setup(struct subs *s, const struct subs_asking *how, struct subs_asked *a)
{
	if (a->zone.is_static)
		return refuse(s, a, SUBS_REFUSED_STATIC, LLQ_STATIC);
	if (how->in->from.transport == SUBS_UDP)
		return setup_udp(s, how, a);
	return setup_stream(s, how, a);
}

/* Apple's variant: the port may be another now. False: no memory. */
static bool follow_port(struct subs *s, const struct subs_asking *how, uint32_t ref,
			uint16_t port)
{
	struct subs_origin now, to;
	uint32_t client;

	subs_client_origin(s, llq_at(s, ref)->sub.owner, &now);
	if (!port || now.peer.port == port)
		return true;
	apple_origin(how->in, port, &to);
	client = subs_client_get(s, &to, how->in->who, true);
	return client && !subs_llq_move(s, ref, client);
}

static bool refresh(struct subs *s, const struct subs_asking *how, struct subs_asked *a)
{
	uint32_t ref = subs_llq_find(s, a->o.id);
	uint16_t port = a->o.error;
	bool apple;

	a->o.error = 0;
	/* An end that was answered, but the answer was lost. */
	if (!ref && how->seen == SUBS_AGAIN && !a->o.lease)
		return true;
	if (!ref || !is_theirs(s, how, a, ref))
		return refuse(s, a, SUBS_REFUSED_NO_SUCH, LLQ_NO_SUCH);
	/* What its client had has been lost: it would never be told the difference. */
	if (llq_at(s, ref)->sub.flags & LLQ_UNSYNCED) {
		subs_llq_end(s, ref);
		return refuse(s, a, SUBS_REFUSED_NO_SUCH, LLQ_NO_SUCH);
	}
	apple = client_at(s, llq_at(s, ref)->sub.owner)->flags & CLIENT_APPLE;
	if (port && !apple)
		return refuse(s, a, SUBS_REFUSED_FORMAT, LLQ_FORMAT_ERR);
	if (is_stale(s, how, ref)) {
		s->stats.refused[SUBS_REFUSED_REPLAY]++;
		return false;
	}
	if (how->seen == SUBS_AGAIN) {
		a->o.lease = subs_llq_lease(s, ref);
		return true;
	}

	if (!a->o.lease) {
		s->stats.ended++;
		subs_llq_end(s, ref);
		return true;
	}
	if (apple && !follow_port(s, how, ref, port))
		return refuse(s, a, SUBS_REFUSED_FULL, LLQ_SERV_FULL);
	a->o.lease = clamp(s, a->o.lease);
	subs_heap_set(&s->expiry, ref, NOW32(s) + a->o.lease * 1000);
	note(s, how, ref);
	s->stats.refreshes++;
	subs_llq_persist(s, ref, false);
	return true;
}

/* RFC 8764 3.1; and no types that are no data. */
static bool can_be_asked(const struct subs_asked *a)
{
	return a->q.class_ == DNS_IN && a->q.type && a->q.type != DNS_OPT &&
	       (a->q.type < 249 || a->q.type > DNS_ANY);
}

bool subs_ask(struct subs *s, const struct subs_asking *how, struct subs_asked *a)
{
	uint16_t version = a->o.version;

	a->o.version = LLQ_VERSION;
	if (a->malformed)
		return refuse(s, a, SUBS_REFUSED_FORMAT, LLQ_FORMAT_ERR);
	if (version != LLQ_VERSION)
		return refuse(s, a, SUBS_REFUSED_VERSION, LLQ_BAD_VERS);
	if (!can_be_asked(a))
		return refuse(s, a, SUBS_REFUSED_FORMAT, LLQ_FORMAT_ERR);

	switch (a->o.opcode) {
	case LLQ_SETUP:
		return setup(s, how, a);
	case LLQ_REFRESH:
		return refresh(s, how, a);
	default:
		return refuse(s, a, SUBS_REFUSED_FORMAT, LLQ_FORMAT_ERR);
	}
}
