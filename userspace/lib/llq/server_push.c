// SPDX-License-Identifier: GPL-2.0-or-later
/* PUSH messages, RFC 8765 6.3.1: as few as possible, whatever they are about. */
#include <stdlib.h>
#include <string.h>

#include "../dns/dso.h"
#include "server.h"

/* One message after the other. */
struct pusher {
	struct subs *s;
	uint32_t session;
	struct dso_writer w;
	const uint8_t *name;
};

static void begin(struct pusher *p)
{
	dso_writer_init(&p->w, p->s->out, DSO_PUSH_MAX, DSO_UNIDIRECTIONAL, 0, DNS_NOERROR);
}

static void end(struct pusher *p)
{
	if (!p->w.push)
		return;
	p->s->stats.pushes++;
	subs_push_send(p->s, p->session, p->w.len);
	begin(p);
}

static void put(struct pusher *p, uint16_t type, uint32_t ttl, const uint8_t *rdata,
		uint16_t rdlen)
{
	if (dso_put_push(&p->w, p->name, type, DNS_IN, ttl, rdata, rdlen))
		return;
	end(p);
	/* Fails again only for a record that fits into no message. */
	if (!dso_put_push(&p->w, p->name, type, DNS_IN, ttl, rdata, rdlen))
		begin(p);
}

static void put_add(struct pusher *p, const struct subs_change *c)
{
	put(p, c->type, c->ttl_after > DSO_TTL_MAX ? DSO_TTL_MAX : c->ttl_after,
	    subs_change_shown(c), c->rdlen);
}

static void found(void *arg, const struct zone_rr *rr)
{
	(void)rr;
	*(bool *)arg = true;
}

static bool is_empty(const struct pusher *p, uint16_t type)
{
	bool any = false;

	p->s->ops.answers(p->s->arg, &subs_engine, p->name, type, found, &any);
	return !any;
}

/* What goes, RRsets of which nothing is left in one go. */
static void put_removals(struct pusher *p, uint16_t topic_type, const struct subs_changes *c)
{
	uint16_t type = 0;
	struct subs_change change;
	bool whole = false;
	size_t pos = 0;

	while (subs_changes_next(c, &pos, &change)) {
		if (change.after)
			continue;
		if (!type && topic_type == DNS_ANY && is_empty(p, DNS_ANY)) {
			put(p, DNS_ANY, DSO_TTL_REMOVE_SET, NULL, 0);
			return;
		}
		/* They are sorted by type. */
		if (change.type != type) {
			type = change.type;
			whole = is_empty(p, type);
			if (whole)
				put(p, type, DSO_TTL_REMOVE_SET, NULL, 0);
		}
		if (!whole)
			put(p, type, DSO_TTL_REMOVE, subs_change_shown(&change),
			    change.rdlen);
	}
}

static void put_part(struct pusher *p, const struct session_part *part)
{
	uint8_t name[DNAME_MAX];
	struct subs_change change;
	size_t pos = 0;

	subs_topic_name(p->s, part->topic, name);
	p->name = name;
	put_removals(p, topic_at(p->s, part->topic)->type, part->changes);
	while (subs_changes_next(part->changes, &pos, &change)) {
		if (change.after)
			put_add(p, &change);
	}
}

void subs_push_initial(struct subs *s, uint32_t session, uint32_t topic)
{
	struct subs_identity identity;
	struct session_part part = {
		.topic = topic,
		.changes = subs_answers(s, topic,
					subs_identity_of(s, session_at(s, session)->identity,
							 &identity)),
	};
	struct pusher p = { .s = s, .session = session };

	if (!part.changes) {
		subs_session_dismiss(s, session, DNS_SERVFAIL, s->config.retry_after * 1000);
		return;
	}
	begin(&p);
	put_part(&p, &part);
	end(&p);
	subs_changes_unref(part.changes);
}

void subs_push_queue(struct subs *s, uint32_t ref, uint32_t topic, struct subs_changes *c)
{
	struct session *session = session_at(s, ref);

	if (session->n_parts == session->parts_room) {
		uint32_t room = session->parts_room ? 2 * session->parts_room : 2;
		struct session_part *parts = realloc(session->parts, room * sizeof(*parts));

		if (!parts) {
			/* It will not see this: its timer ends the session. */
			session->broken = true;
			subs_heap_set(&s->idle, ref, NOW32(s));
			return;
		}
		session->parts = parts;
		session->parts_room = room;
	}
	if (!session->n_parts) {
		session->p_prev = 0;
		session->p_next = s->pushing;
		if (s->pushing)
			session_at(s, s->pushing)->p_prev = ref;
		s->pushing = ref;
	}
	session->parts[session->n_parts++] = (struct session_part){
		.topic = topic, .changes = subs_changes_ref(c),
	};
}

void subs_push_forget(struct subs *s, uint32_t ref)
{
	struct session *session = session_at(s, ref);
	uint32_t i;

	if (session->n_parts) {
		if (session->p_next)
			session_at(s, session->p_next)->p_prev = session->p_prev;
		if (session->p_prev)
			session_at(s, session->p_prev)->p_next = session->p_next;
		else
			s->pushing = session->p_next;
	}
	for (i = 0; i < session->n_parts; i++)
		subs_changes_unref(session->parts[i].changes);
	free(session->parts);
	session->parts = NULL;
	session->n_parts = 0;
	session->parts_room = 0;
}

void subs_push_flush(struct subs *s)
{
	while (s->pushing) {
		uint32_t ref = s->pushing, i;
		struct session *session = session_at(s, ref);
		struct pusher p = { .s = s, .session = ref };

		begin(&p);
		for (i = 0; i < session->n_parts; i++)
			put_part(&p, &session->parts[i]);
		end(&p);
		subs_push_forget(s, ref);
	}
}
