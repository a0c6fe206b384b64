// SPDX-License-Identifier: GPL-2.0-or-later
/* DSO sessions (RFC 8490) and the subscriptions of DNS Push (RFC 8765) in them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/dso.h"
#include "../dns/siphash.h"
#include "server.h"

#define INACTIVE_MIN	5000		/* ms, RFC 8490 6.4.1 */
#define LATER		86400000	/* ms: timers look again after a day */
#define RETRY_SOON	60000		/* ms, for SERVFAIL, RFC 8765 6.2.2 */
#define RETRY_LATE	300000		/* for what is the client's fault */

static uint64_t session_hash(const struct subs_arena *a, const void *item)
{
	const struct session *session = item;

	return siphash24(a->key, (const uint8_t *)&session->from.stream,
			 sizeof(session->from.stream));
}

static uint64_t id_hash(const struct subs_arena *a, uint32_t session, uint32_t id)
{
	const uint32_t key[2] = { session, id };

	return siphash24(a->key, (const uint8_t *)key, sizeof(key));
}

static uint64_t push_hash(const struct subs_arena *a, const void *item)
{
	const struct push_sub *p = item;

	return id_hash(a, p->sub.owner, p->id);
}

/* --- sessions --- */

uint32_t subs_session_on(const struct subs *s, uint64_t stream)
{
	struct session like = { .from.stream = stream };
	uint32_t ref = subs_table_first(&s->sessions, session_hash(&s->arena, &like));

	while (ref && session_at(s, ref)->from.stream != stream)
		ref = subs_table_next(&s->sessions, ref);
	return ref;
}

static uint32_t session_get(struct subs *s, const struct subs_origin *from)
{
	uint32_t ref = subs_session_on(s, from->stream);
	struct session *session;

	if (ref)
		return ref;
	if (s->sessions.n >= s->config.max_sessions)
		return 0;
	ref = subs_arena_new(&s->arena, sizeof(*session));
	if (!ref)
		return 0;
	session = session_at(s, ref);
	session->from = *from;
	session->inactivity = DSO_TIMEOUT_DEFAULT;
	session->keepalive = DSO_TIMEOUT_DEFAULT;
	session->active = s->now;
	session->seen = s->now;
	subs_table_add(&s->sessions, ref);
	return ref;
}

static void push_free(struct subs *s, uint32_t ref)
{
	struct session *session = session_at(s, ((struct sub *)subs_at(s, ref))->owner);

	subs_table_del(&s->pushes, ref);
	subs_sub_unlink(s, ref, &session->first, &session->n);
	subs_net_put(s, session->net);
	subs_arena_free(&s->arena, ref, sizeof(struct push_sub));
}

void subs_session_free(struct subs *s, uint32_t ref)
{
	struct session *session = session_at(s, ref);
	uint64_t stream;
	bool held;

	subs_push_forget(s, ref);
	while (session->first)
		push_free(s, session->first);
	subs_heap_clear(&s->idle, ref);
	subs_identity_put(s, session->identity);
	subs_table_del(&s->sessions, ref);
	stream = session->from.stream;
	held = session->established;
	subs_arena_free(&s->arena, ref, sizeof(*session));
	if (held)
		subs_hold(s, stream);
}

static uint64_t twice(uint32_t ms, uint32_t least)
{
	uint64_t ret = 2 * (uint64_t)ms;

	if (ms == DSO_FOREVER)
		return UINT64_MAX / 2;
	return ret < least ? least : ret;
}

/* When the client will have been silent or idle for too long. */
static uint64_t session_end(const struct subs *s, const struct session *session)
{
	uint64_t end = session->seen + twice(session->keepalive, 2 * DSO_KEEPALIVE_MIN), idle;

	/* LLQs on the same stream are not idle either. */
	if (!session->n && !subs_client_on(s, session->from.stream, 0)) {
		idle = session->active + twice(session->inactivity, INACTIVE_MIN);
		if (idle < end)
			end = idle;
	}
	return end;
}

static void session_timer(struct subs *s, uint32_t ref)
{
	const struct session *session = session_at(s, ref);
	uint64_t end = session_end(s, session);

	if (!session->established || session->broken)
		return;
	if (end > s->now + LATER)
		end = s->now + LATER;
	subs_heap_set(&s->idle, ref, (uint32_t)end);
}

void subs_session_rest(struct subs *s, uint64_t stream)
{
	uint32_t ref = subs_session_on(s, stream);

	if (!ref)
		return;
	session_at(s, ref)->active = s->now;
	session_timer(s, ref);
}

static void session_abort(struct subs *s, uint32_t ref, const struct subs_origin *from)
{
	uint64_t stream = from->stream;

	s->stats.refused[SUBS_REFUSED_DSO]++;
	if (ref)
		subs_session_free(s, ref);
	s->ops.close(s->arg, stream, true);
}

void subs_sessions_idle(struct subs *s, unsigned int *left)
{
	uint32_t ref;

	for (; *left && (ref = subs_heap_due(&s->idle, s->now)); --*left) {
		struct session *session = session_at(s, ref);

		if (session->broken || session_end(s, session) <= s->now) {
			const struct subs_origin from = session->from;

			session_abort(s, ref, &from);
		} else {
			session_timer(s, ref);
		}
	}
}

/* --- messages out --- */

static void send_to(struct subs *s, const struct subs_origin *to, size_t len)
{
	const struct subs_out out = {
		.to = to, .msg = s->out, .len = len, .sign = SUBS_UNSIGNED,
	};

	s->ops.send(s->arg, &out);
}

void subs_push_send(struct subs *s, uint32_t ref, size_t len)
{
	session_at(s, ref)->seen = s->now;
	session_at(s, ref)->active = s->now;
	send_to(s, &session_at(s, ref)->from, len);
}

/* @retry_ms 0: says nothing of that. */
static void respond(struct subs *s, const struct subs_origin *to, uint16_t id,
		    unsigned int rcode, uint32_t retry_ms)
{
	struct dso_writer w;

	if (rcode)
		s->stats.refused[SUBS_REFUSED_DSO]++;
	dso_writer_init(&w, s->out, sizeof(s->out), DSO_RESPONSE, id, rcode);
	if (retry_ms)
		dso_put_retry_delay(&w, retry_ms);
	send_to(s, to, w.len);
}

void subs_session_dismiss(struct subs *s, uint32_t ref, unsigned int rcode, uint32_t ms)
{
	const struct subs_origin from = session_at(s, ref)->from;
	struct dso_writer w;

	if (session_at(s, ref)->established) {
		dso_writer_init(&w, s->out, sizeof(s->out), DSO_UNIDIRECTIONAL, 0, rcode);
		dso_put_retry_delay(&w, ms);
		send_to(s, &from, w.len);
	}
	subs_session_free(s, ref);
	s->ops.close(s->arg, from.stream, false);
}

/* --- requests --- */

static void establish(struct subs *s, uint32_t ref)
{
	struct session *session = session_at(s, ref);

	if (session->established)
		return;
	session->established = true;
	subs_hold(s, session->from.stream);
}

static void keepalive(struct subs *s, uint32_t ref, const struct dso *d,
		      const struct dso_tlv *t)
{
	struct session *session = session_at(s, ref);
	struct dso_keepalive k;
	struct dso_writer w;

	if (dso_keepalive_read(t, &k)) {
		respond(s, &session->from, d->id, DNS_FORMERR, RETRY_LATE);
		return;
	}

	/* What it asks for is only a wish. */
	k.inactivity = s->config.inactivity_ms;
	k.interval = s->config.keepalive_ms;
	if (k.interval < DSO_KEEPALIVE_MIN)
		k.interval = DSO_KEEPALIVE_MIN;
	session->inactivity = k.inactivity;
	session->keepalive = k.interval;
	establish(s, ref);
	dso_writer_init(&w, s->out, sizeof(s->out), DSO_RESPONSE, d->id, DNS_NOERROR);
	dso_put_keepalive(&w, &k);
	send_to(s, &session->from, w.len);
}

static struct push_sub *push_by_id(const struct subs *s, uint32_t session, uint16_t id,
				   uint32_t *ref)
{
	*ref = subs_table_first(&s->pushes, id_hash(&s->arena, session, id));
	while (*ref) {
		struct push_sub *p = subs_at(s, *ref);

		if (p->sub.owner == session && p->id == id)
			return p;
		*ref = p->sub.chain;
	}
	return NULL;
}

static bool push_exists(const struct subs *s, uint32_t session, uint32_t topic, uint16_t class_)
{
	const struct session *owner = session_at(s, session);
	const struct topic *t = topic_at(s, topic);
	bool by_owner = owner->n < t->n;
	uint32_t ref = by_owner ? owner->first : t->first;

	while (ref) {
		const struct sub *sub = subs_at(s, ref);

		if (sub->kind == SUB_PUSH && sub->owner == session && sub->topic == topic &&
		    sub->aux == class_)
			return true;
		ref = by_owner ? sub->o_next : sub->t_next;
	}
	return false;
}

/* An RCODE, and how long to stay away. */
static enum dns_rcode judge(struct subs *s, const struct session *session,
			    const struct dns_question *q, struct subs_zone *zone,
			    uint32_t *retry_ms)
{
	struct subs_identity identity;
	const struct subs_identity *who = subs_identity_of(s, session->identity, &identity);

	*retry_ms = RETRY_LATE;
	if (!q->type || q->type == DNS_OPT || (q->type >= 249 && q->type < DNS_ANY))
		return DNS_FORMERR;
	if ((q->class_ != DNS_IN && q->class_ != DNS_CLASS_ANY) ||
	    !s->ops.zone(s->arg, q->name, zone))
		return DNS_NOTAUTH;
	if ((zone->is_private && !who) || zone->is_static ||
	    !s->ops.may(s->arg, who, q->name, q->type))
		return DNS_REFUSED;
	if (!zone->loaded) {
		*retry_ms = RETRY_SOON;
		return DNS_SERVFAIL;
	}
	if (!subs_admits(s, zone->apex, &session->from.peer.ip)) {
		*retry_ms = s->config.retry_after * 1000;
		return DNS_SERVFAIL;
	}
	return DNS_NOERROR;
}

/* 0: no memory */
static uint32_t push_new(struct subs *s, uint32_t session, uint32_t topic, uint16_t class_,
			 uint16_t id)
{
	uint32_t ref = subs_arena_new(&s->arena, sizeof(struct push_sub)), net;
	struct session *owner = session_at(s, session);
	struct push_sub *p;

	net = ref ? subs_net_get(s, &owner->from.peer.ip) : 0;
	if (!net) {
		subs_arena_free(&s->arena, ref, sizeof(struct push_sub));
		subs_topic_drop_unused(s, topic);
		return 0;
	}
	owner->net = net;
	p = subs_at(s, ref);
	p->sub.kind = SUB_PUSH;
	p->sub.aux = class_;
	p->id = id;
	subs_sub_link(s, ref, topic, session, &owner->first, &owner->n);
	subs_table_add(&s->pushes, ref);
	return ref;
}

/* False: the session has to be aborted. */
static bool subscribe(struct subs *s, uint32_t ref, const struct dso *d,
		      const struct dso_tlv *t)
{
	const struct session *session = session_at(s, ref);
	struct dns_question q;
	struct subs_zone zone;
	enum dns_rcode rcode;
	uint32_t topic, same, retry_ms;

	if (push_by_id(s, ref, d->id, &same))
		return false;
	if (dso_subscribe_read(t, &q)) {
		respond(s, &session->from, d->id, DNS_FORMERR, RETRY_LATE);
		return true;
	}
	dname_lower(q.name);
	rcode = judge(s, session, &q, &zone, &retry_ms);
	if (rcode) {
		respond(s, &session->from, d->id, rcode, retry_ms);
		return true;
	}

	topic = subs_topic_find(s, zone.apex, q.name, q.type);
	if (topic && push_exists(s, ref, topic, q.class_))
		return false;
	if (!topic)
		topic = subs_topic_get(s, zone.apex, q.name, q.type);
	if (!topic || !push_new(s, ref, topic, q.class_, d->id)) {
		respond(s, &session->from, d->id, DNS_SERVFAIL, RETRY_SOON);
		return true;
	}
	establish(s, ref);
	respond(s, &session->from, d->id, DNS_NOERROR, 0);
	subs_push_initial(s, ref, topic);
	return true;
}

static bool unidirectional(struct subs *s, uint32_t ref, const struct dso_tlv *t)
{
	struct dns_rr rr;
	uint32_t found;
	uint16_t id;

	switch (t->type) {
	case DSO_UNSUBSCRIBE:
		if (dso_unsubscribe_read(t, &id))
			return false;
		if (push_by_id(s, ref, id, &found))
			push_free(s, found);
		return true;
	case DSO_RECONFIRM:
		/* We know what our primary knows; there is nothing to ask. */
		return !dso_reconfirm_read(t, &rr);
	default:
		return false;
	}
}

/* False: the session has to be aborted. */
static bool request(struct subs *s, const struct subs_origin *from, const struct dso *d,
		    const struct dso_tlv *t)
{
	uint32_t ref;

	if (t->type == DSO_UNSUBSCRIBE || t->type == DSO_RECONFIRM || t->type == DSO_PUSH ||
	    t->type == DSO_RETRY_DELAY)
		return false;
	if (t->type != DSO_KEEPALIVE && t->type != DSO_SUBSCRIBE) {
		respond(s, from, d->id, DNS_DSOTYPENI, 0);
		return true;
	}
	ref = session_get(s, from);
	if (!ref) {
		respond(s, from, d->id, DNS_SERVFAIL, s->config.retry_after * 1000);
		return true;
	}
	if (t->type == DSO_SUBSCRIBE)
		return subscribe(s, ref, d, t);
	keepalive(s, ref, d, t);
	return true;
}

/* False: the session has to be aborted. */
static bool handle(struct subs *s, const struct subs_origin *from, struct dso *d, bool malformed)
{
	uint32_t ref = subs_session_on(s, from->stream);
	struct dso_tlv primary;

	if (d->kind != DSO_REQUEST && (d->kind != DSO_UNIDIRECTIONAL || malformed))
		return false;
	if (malformed) {
		respond(s, from, d->id, DNS_FORMERR, RETRY_LATE);
		return true;
	}
	dso_next(d, &primary);
	if (ref && primary.type != DSO_KEEPALIVE)
		session_at(s, ref)->active = s->now;
	if (d->kind == DSO_REQUEST)
		return request(s, from, d, &primary);
	return ref && session_at(s, ref)->established && unidirectional(s, ref, &primary);
}

void subs_dso(struct subs *s, const struct subs_origin *from, const uint8_t *msg, size_t len,
	      uint64_t now)
{
	struct dso d;
	uint32_t ref;
	int ret;

	subs_time(s, now);
	subs_settle(s);
	ret = dso_read(msg, len, &d);
	if (ret == -ENOMSG)
		return;
	if (from->transport != SUBS_TLS) {
		if (d.kind == DSO_REQUEST)
			respond(s, from, d.id, DNS_NOTIMP, 0);
		return;
	}

	if (!handle(s, from, &d, ret)) {
		session_abort(s, subs_session_on(s, from->stream), from);
		return;
	}
	ref = subs_session_on(s, from->stream);
	if (ref) {
		session_at(s, ref)->seen = s->now;
		session_timer(s, ref);
	}
}

/* --- what the caller says of sessions --- */

int subs_push_bind(struct subs *s, const struct subs_origin *from,
		   const struct subs_identity *who, uint64_t now)
{
	uint32_t ref, identity;

	subs_time(s, now);
	ref = session_get(s, from);
	if (!ref)
		return -ENOSPC;
	identity = session_at(s, ref)->identity;
	if (identity)
		return identity == subs_identity_find(s, who) ? 0 : -EPERM;
	session_at(s, ref)->identity = subs_identity_get(s, who);
	return session_at(s, ref)->identity ? 0 : -ENOMEM;
}

void subs_push_seen(struct subs *s, uint64_t stream, uint64_t now)
{
	uint32_t ref = subs_session_on(s, stream);

	subs_time(s, now);
	if (!ref)
		return;
	session_at(s, ref)->seen = s->now;
	session_at(s, ref)->active = s->now;
}

void subs_push_shutdown(struct subs *s, uint32_t retry_ms)
{
	uint32_t i, ref, more;

	for (i = 0; i < s->sessions.n_buckets; i++) {
		while ((ref = subs_table_bucket(&s->sessions, i))) {
			s->ops.random(s->arg, &more, sizeof(more));
			subs_session_dismiss(s, ref, DNS_NOERROR,
					     retry_ms + (retry_ms ? more % retry_ms : 0));
		}
	}
}

int subs_push_init(struct subs *s)
{
	int ret = subs_table_init(&s->sessions, &s->arena, session_hash);

	if (!ret)
		ret = subs_table_init(&s->pushes, &s->arena, push_hash);
	return ret;
}

void subs_push_fini(struct subs *s)
{
	uint32_t i, ref;

	for (i = 0; s->sessions.n && i < s->sessions.n_buckets; i++) {
		for (ref = subs_table_bucket(&s->sessions, i); ref;
		     ref = subs_table_next(&s->sessions, ref))
			subs_push_forget(s, ref);
	}
	subs_table_fini(&s->sessions);
	subs_table_fini(&s->pushes);
}
