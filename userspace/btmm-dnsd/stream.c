// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of a stream: made, numbered, watched, cut, freed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport_int.h"

#define SLOTS_MAX	(1u << STREAM_SLOT_BITS)

static bool grow_slots(struct transport *t)
{
	uint32_t i, n = t->n_slots ? 2 * t->n_slots : 64;
	struct stream **slots;
	uint32_t *list;

	if (n > SLOTS_MAX)
		return false;
	slots = reallocarray(t->slots, n, sizeof(*slots));
	if (!slots)
		return false;
	t->slots = slots;
	list = reallocarray(t->free_slots, n, sizeof(*list));
	if (!list)
		return false;
	t->free_slots = list;

	/* The lowest is taken first. */
	for (i = n; i-- > t->n_slots;) {
		slots[i] = NULL;
		list[t->n_free++] = i;
	}
	t->n_slots = n;
	return true;
}

static bool number(struct stream *s)
{
	struct transport *t = s->t;
	uint32_t slot;

	if (!t->n_free && !grow_slots(t))
		return false;
	slot = t->free_slots[--t->n_free];
	t->slots[slot] = s;
	s->number = ++t->sequence << STREAM_SLOT_BITS | slot;
	return true;
}

struct stream *stream_find(const struct transport *t, uint64_t num)
{
	uint32_t slot = num & (SLOTS_MAX - 1);
	struct stream *s = slot < t->n_slots ? t->slots[slot] : NULL;

	return s && s->number == num ? s : NULL;
}

static void reset_on_close(int fd)
{
	static const struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* Says no in the shortest way: nothing of it stays, not even TIME_WAIT. */
static void refuse(struct transport *t, int fd)
{
	t->stats.refused++;
	reset_on_close(fd);
	close(fd);
}

void stream_open(struct listener *l, int fd, const struct net_addr *peer)
{
	struct transport *t = l->t;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct stream *s;

	if (l->kind == TRANSPORT_TLS && !t->tls) {
		refuse(t, fd);
		return;
	}
	if (t->stats.streams >= t->limits.streams && !waits_evict(t)) {
		refuse(t, fd);
		return;
	}

	s = calloc(1, sizeof(*s));
	if (!s) {
		refuse(t, fd);
		return;
	}
	s->t = t;
	s->kind = l->kind;
	s->listener = l->index;
	s->peer = *peer;
	s->watch.kind = WATCH_STREAM;
	s->watch.fd = fd;
	s->from = peers_take(t->peers, peer, t->limits.streams_per_peer);
	if (!s->from || getsockname(fd, (struct sockaddr *)&ss, &len) ||
	    !net_from_sockaddr(&ss, &s->local) || !number(s))
		goto fail;
	if (watch_add(t, &s->watch, EPOLLIN)) {
		t->free_slots[t->n_free++] = s->number & (SLOTS_MAX - 1);
		t->slots[s->number & (SLOTS_MAX - 1)] = NULL;
		goto fail;
	}

	t->stats.streams++;
	if (s->kind == TRANSPORT_TLS)
		t->stats.tls_streams++;
	wait_for(s, s->kind == TRANSPORT_TLS ? WAIT_HANDSHAKE : WAIT_MESSAGE, true);
	return;

fail:
	if (s->from)
		peers_drop(t->peers, s->from);
	free(s);
	refuse(t, fd);
}

void stream_cut(struct stream *s)
{
	struct transport *t = s->t;
	uint32_t slot = s->number & (SLOTS_MAX - 1);

	if (s->dead)
		return;
	s->dead = true;
	wait_for(s, WAIT_NONE, false);
	t->slots[slot] = NULL;
	t->free_slots[t->n_free++] = slot;
	peers_drop(t->peers, s->from);
	t->stats.streams--;
	if (s->kind == TRANSPORT_TLS)
		t->stats.tls_streams--;

	s->next = t->dead;
	t->dead = s;
	transport_later(t);
}

void stream_free(struct stream *s)
{
	s->t->stats.buffered -= s->in_size + s->out_size;
	if (s->reset)
		reset_on_close(s->watch.fd);
	SSL_free(s->ssl);
	close(s->watch.fd);
	free(s->in);
	free(s->out);
	free(s);
}

static void rearm(struct stream *s, bool progress)
{
	if (s->closing || s->eof)
		wait_for(s, WAIT_END, s->out_len && progress);
	else if (s->kind == TRANSPORT_TLS && !s->handshaken)
		wait_for(s, WAIT_HANDSHAKE, false);
	else if (s->in_len && !s->paused)
		/* Drops must not keep it alive: only a whole message is progress. */
		wait_for(s, WAIT_REST, progress);
	else if (s->out_len)
		wait_for(s, WAIT_DRAIN, progress);
	else if (s->held)
		wait_for(s, WAIT_NONE, false);
	else
		wait_for(s, WAIT_MESSAGE, progress);
}

void stream_update(struct stream *s, bool progress)
{
	uint32_t events = 0;

	if (s->dead)
		return;
	/* All was said by both: nobody waits for anything. */
	if (s->eof && !s->out_len && !s->feeding && !s->in_ready &&
	    (s->held || s->owed <= 0 || s->closing)) {
		stream_cut(s);
		return;
	}

	if (!s->eof && !s->paused)
		events |= EPOLLIN;
	if (s->out_len || s->want_out)
		events |= EPOLLOUT;
	watch_set(s->t, &s->watch, events);
	rearm(s, progress);
}

void stream_event(struct stream *s, uint32_t events)
{
	if (s->dead)
		return;
	/* The latter with nothing more to read that we would want. */
	if (events & EPOLLERR || (events & EPOLLHUP && (s->eof || s->paused))) {
		stream_cut(s);
		return;
	}
	if (events & EPOLLOUT && s->out_len && !stream_flush(s))
		return;
	/* A TLS that has to write before it can go on reading is no exception. */
	if (events & (EPOLLIN | EPOLLHUP) || s->want_out)
		stream_readable(s);
}
