// SPDX-License-Identifier: GPL-2.0-or-later
/* Who waits for what since when, and is cut when it took too long. */
#include "transport_int.h"

static struct wait_list *list_of(struct transport *t, enum stream_wait what)
{
	if (what == WAIT_NONE)
		return NULL;
	return what == WAIT_MESSAGE ? &t->idle : &t->slow;
}

static void unlink_stream(struct wait_list *l, struct stream *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		l->first = s->next;
	if (s->next)
		s->next->prev = s->prev;
	else
		l->last = s->prev;
	s->prev = NULL;
	s->next = NULL;
}

void wait_for(struct stream *s, enum stream_wait what, bool again)
{
	struct transport *t = s->t;
	struct wait_list *l;

	if (s->wait == what && !again)
		return;

	l = list_of(t, s->wait);
	if (l)
		unlink_stream(l, s);
	s->wait = what;

	l = list_of(t, what);
	if (!l)
		return;
	s->since = transport_now(t);
	s->prev = l->last;
	if (l->last)
		l->last->next = s;
	else
		l->first = s;
	l->last = s;
	/* Behind others, it is no reason to wake up earlier. */
	if (l->first == s)
		waits_arm(t);
}

/* When the first of @l is due; UINT64_MAX: never. */
static uint64_t due(const struct wait_list *l, unsigned int ms)
{
	return l->first ? l->first->since + ms : UINT64_MAX;
}

void waits_arm(struct transport *t)
{
	uint64_t at = due(&t->idle, t->limits.idle_ms);
	uint64_t slow = due(&t->slow, t->limits.handshake_ms);

	if (slow < at)
		at = slow;
	if (t->accept_at && t->accept_at < at)
		at = t->accept_at;
	if (at == UINT64_MAX || (t->timer_ms && t->timer_ms <= at))
		return;

	t->timer_ms = at;
	sd_event_source_set_time(t->timer, at * 1000);
	sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT);
}

void waits_expire(struct transport *t)
{
	uint64_t now = transport_now(t);

	t->timer_ms = 0;
	while (due(&t->idle, t->limits.idle_ms) <= now) {
		struct stream *s = t->idle.first;

		t->stats.timed_out++;
		if (s->ssl)
			tls_bye(s);
		stream_cut(s);
	}
	while (due(&t->slow, t->limits.handshake_ms) <= now) {
		struct stream *s = t->slow.first;

		if (s->wait != WAIT_END)
			t->stats.timed_out++;
		stream_cut(s);
	}
	if (t->accept_at && t->accept_at <= now)
		listener_resume_all(t);
	waits_arm(t);
}

bool waits_evict(struct transport *t)
{
	uint64_t now = transport_now(t);
	struct stream *s = t->slow.first;

	/* The slow first: who is idle has at least been of use. */
	if (!s || s->since + EVICT_AGE_MS > now)
		s = t->idle.first;
	if (!s || s->since + EVICT_AGE_MS > now)
		return false;

	t->stats.evicted++;
	stream_cut(s);
	return true;
}
