// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"
#include "transport_int.h"

#define TIMER_ACCURACY_US	10000

uint64_t transport_now(const struct transport *t)
{
	uint64_t us = 0;

	sd_event_now(t->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

void transport_later(struct transport *t)
{
	sd_event_source_set_enabled(t->later, SD_EVENT_ONESHOT);
}

int watch_add(struct transport *t, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	w->events = events;
	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, w->fd, &e) ? -errno : 0;
}

void watch_set(struct transport *t, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (w->events == events)
		return;
	w->events = events;
	epoll_ctl(t->epoll, EPOLL_CTL_MOD, w->fd, &e);
}

/* Streams that could have gone on when it was the others' turn. */
static void run_ready(struct transport *t)
{
	struct stream *s = t->ready, *next;

	t->ready = NULL;
	for (; s; s = next) {
		next = s->ready_next;
		s->in_ready = false;
		if (!s->dead && !s->paused)
			stream_readable(s);
	}
}

/* Before the dead are freed: nobody is to meet them here. */
static void forget_ready(struct transport *t)
{
	struct stream **at = &t->ready;

	while (*at) {
		if ((*at)->dead)
			*at = (*at)->ready_next;
		else
			at = &(*at)->ready_next;
	}
}

static void reap(struct transport *t)
{
	bool any = t->dead;

	while (t->dead) {
		struct stream *s = t->dead;
		uint64_t number = s->number;
		bool told = s->told;

		forget_ready(t);
		t->dead = s->next;
		stream_free(s);
		/* This may cut others. */
		if (told)
			t->ops->closed(t->arg, number);
	}
	/* There are descriptors again. */
	if (any && t->accept_at)
		listener_resume_all(t);
}

static int on_later(sd_event_source *source, void *arg)
{
	struct transport *t = arg;

	(void)source;
	run_ready(t);
	reap(t);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct transport *t = arg;

	(void)source;
	(void)usec;
	waits_expire(t);
	reap(t);
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct epoll_event events[EPOLL_BATCH];
	struct transport *t = arg;
	int i, n;

	(void)source;
	(void)revents;
	n = epoll_wait(fd, events, EPOLL_BATCH, 0);
	for (i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		switch (w->kind) {
		case WATCH_UDP:
			udp_readable((struct listener *)w);
			break;
		case WATCH_ACCEPT:
			listener_accept((struct listener *)w);
			break;
		case WATCH_STREAM:
			stream_event((struct stream *)w, events[i].events);
			break;
		}
	}
	reap(t);
	return 0;
}

static int set_up(struct transport *t)
{
	int err;

	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll < 0)
		return -errno;
	err = sd_event_add_io(t->event, &t->io, t->epoll, EPOLLIN, on_io, t);
	if (err < 0)
		return err;
	err = sd_event_add_time(t->event, &t->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US,
				on_timer, t);
	if (err < 0)
		return err;
	sd_event_source_set_enabled(t->timer, SD_EVENT_OFF);
	err = sd_event_add_defer(t->event, &t->later, on_later, t);
	if (err < 0)
		return err;
	sd_event_source_set_enabled(t->later, SD_EVENT_OFF);

	t->udp = udp_new();
	t->peers = peers_new();
	t->read_buf = malloc(READ_SIZE);
	t->write_buf = malloc(STREAM_MESSAGE_MAX);
	return t->udp && t->peers && t->read_buf && t->write_buf ? 0 : -ENOMEM;
}

struct transport *transport_new(sd_event *event, const struct transport_ops *ops, void *arg,
				const struct transport_limits *limits)
{
	struct transport *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->event = sd_event_ref(event);
	t->ops = ops;
	t->arg = arg;
	t->epoll = -1;
	transport_set_limits(t, limits);
	if (set_up(t)) {
		transport_free(t);
		return NULL;
	}
	return t;
}

void transport_free(struct transport *t)
{
	uint32_t i;
	int k;

	if (!t)
		return;
	for (i = 0; i < t->n_slots; i++) {
		if (t->slots[i])
			stream_cut(t->slots[i]);
	}
	while (t->dead) {
		struct stream *s = t->dead;

		t->dead = s->next;
		stream_free(s);
	}
	for (k = 0; k < t->n_listeners; k++)
		listener_free(t->listeners[k]);
	sd_event_source_disable_unref(t->io);
	sd_event_source_disable_unref(t->timer);
	sd_event_source_disable_unref(t->later);
	if (t->epoll >= 0)
		close(t->epoll);
	SSL_CTX_free(t->tls);
	peers_free(t->peers);
	free(t->listeners);
	free(t->slots);
	free(t->free_slots);
	free(t->udp);
	free(t->read_buf);
	free(t->write_buf);
	sd_event_unref(t->event);
	free(t);
}

/* An eighth of all descriptors is for primaries, databases and administrators. */
static unsigned int limit_by_files(unsigned int streams)
{
	struct rlimit lim;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur == RLIM_INFINITY)
		return streams;
	most = lim.rlim_cur - lim.rlim_cur / 8;
	if (streams <= most)
		return streams;
	log_notice("%llu open files allow %llu streams, not %u (see LimitNOFILE=)",
		   (unsigned long long)lim.rlim_cur, (unsigned long long)most, streams);
	return (unsigned int)most;
}

void transport_set_limits(struct transport *t, const struct transport_limits *limits)
{
	t->limits = *limits;
	t->limits.streams = limit_by_files(limits->streams);
	if (!t->limits.buffered)
		t->limits.buffered = BUFFERED_DEFAULT;
	t->timer_ms = 0;
	if (t->timer)
		waits_arm(t);
}

int transport_listen(struct transport *t, enum transport_kind kind,
		     const struct net_addr *addr, int fd)
{
	return listener_open(t, kind, addr, fd);
}

int transport_listeners(const struct transport *t)
{
	return t->n_listeners;
}

bool transport_listener_addr(const struct transport *t, int listener, struct net_addr *out)
{
	if (listener < 0 || listener >= t->n_listeners)
		return false;
	*out = t->listeners[listener]->addr;
	return true;
}

int transport_send(struct transport *t, const struct origin *to, const uint8_t *msg, size_t len)
{
	struct stream *s;

	if (!len || len > UINT16_MAX)
		return -EMSGSIZE;
	if (to->kind == TRANSPORT_UDP)
		return udp_send(t, to, msg, len);
	s = stream_find(t, to->stream);
	return s ? stream_send(s, msg, len) : -ENOTCONN;
}

void transport_cork(struct transport *t)
{
	t->corked++;
}

void transport_uncork(struct transport *t)
{
	if (!--t->corked)
		udp_flush(t);
}

void transport_hold(struct transport *t, uint64_t stream, bool hold)
{
	struct stream *s = stream_find(t, stream);

	if (!s || s->held == hold)
		return;
	s->held = hold;
	stream_update(s, true);
}

void transport_close(struct transport *t, uint64_t stream)
{
	struct stream *s = stream_find(t, stream);

	if (s)
		stream_close(s);
}

void transport_abort(struct transport *t, uint64_t stream)
{
	struct stream *s = stream_find(t, stream);

	if (!s)
		return;
	s->reset = true;
	stream_cut(s);
}

void transport_stats(const struct transport *t, struct transport_stats *out)
{
	*out = t->stats;
}
