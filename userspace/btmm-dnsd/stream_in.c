// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading. Whole messages are handed up from the one buffer that all streams share;
 * only what is left of an unfinished one is kept with its stream, in memory that
 * grows with what has come, not with what was announced.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../lib/dns/message.h"
#include "transport_int.h"

#define IN_FIRST	512

static bool keep(struct stream *s, const uint8_t *p, size_t n)
{
	struct transport *t = s->t;
	size_t size = n < IN_FIRST ? IN_FIRST : n;
	bool scarce = size > STREAM_SHARE && t->stats.buffered + size > t->limits.buffered;

	t->stats.overflowed += scarce;
	s->in = scarce ? NULL : malloc(size);
	if (!s->in) {
		stream_cut(s);
		return false;
	}
	memcpy(s->in, p, n);
	s->in_len = n;
	s->in_size = size;
	t->stats.buffered += size;
	return true;
}

static uint8_t *take(struct stream *s, size_t *n)
{
	uint8_t *p = s->in;

	*n = s->in_len;
	s->t->stats.buffered -= s->in_size;
	s->in = NULL;
	s->in_len = 0;
	s->in_size = 0;
	return p;
}

static void hand_up(struct stream *s, uint8_t *msg, size_t len)
{
	struct transport *t = s->t;
	struct origin from = {
		.kind = s->kind, .peer = s->peer, .local = s->local,
		.listener = s->listener, .stream = s->number,
	};

	if (s->kind == TRANSPORT_TLS)
		t->stats.tls_in++;
	else
		t->stats.tcp_in++;
	s->told = true;
	s->owed++;
	t->ops->message(t->arg, &from, msg, len);
}

/*
 * Hands up the whole messages at @p, as long as answers find room, and keeps the
 * rest. False: the stream is dead now.
 */
static bool feed(struct stream *s, uint8_t *p, size_t n, bool *progress)
{
	s->feeding = true;
	while (n >= 2 && !s->dead && !s->closing) {
		size_t len = dns_u16(p);

		if (s->paused || n - 2 < len)
			break;
		if (len) {
			hand_up(s, p + 2, len);
			*progress = true;
		}
		p += 2 + len;
		n -= 2 + len;
		if (!s->dead && s->out_len >= STREAM_FLUSH && !stream_flush(s))
			break;
	}
	s->feeding = false;

	if (!s->dead && s->out_len && !stream_flush(s))
		return false;
	if (s->dead || s->closing)
		return !s->dead;
	return !n || keep(s, p, n);
}

/* Octets that the unfinished message still wants; 0: it is whole. */
static size_t missing(const struct stream *s)
{
	size_t want = 2;

	if (s->in_len >= 2)
		want += dns_u16(s->in);
	return want > s->in_len ? want - s->in_len : 0;
}

/* Room for some of it, at least one octet. */
static size_t make_room(struct stream *s, size_t wanted)
{
	struct transport *t = s->t;
	size_t size = 2 * s->in_size;
	uint8_t *grown;

	if (s->in_len < s->in_size)
		goto out;
	if (t->stats.buffered > t->limits.buffered && size > STREAM_SHARE) {
		t->stats.overflowed++;
		return 0;
	}
	grown = realloc(s->in, size);
	if (!grown)
		return 0;
	s->in = grown;
	t->stats.buffered += size - s->in_size;
	s->in_size = size;
out:
	return wanted < s->in_size - s->in_len ? wanted : s->in_size - s->in_len;
}

static ssize_t read_some(struct stream *s, uint8_t *buf, size_t size)
{
	ssize_t n;

	if (s->kind == TRANSPORT_TLS)
		return tls_read(s, buf, size);

	do
		n = recv(s->watch.fd, buf, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* For an unfinished message; whole ones of before a pause are not its business. */
static ssize_t read_rest(struct stream *s, bool *progress)
{
	size_t room, len, wanted = missing(s);
	ssize_t n;
	uint8_t *p;
	bool ok;

	if (wanted) {
		room = make_room(s, wanted);
		if (!room)
			return -ENOBUFS;
		n = read_some(s, s->in + s->in_len, room);
		if (n <= 0)
			return n;
		s->in_len += n;
		/* Of a length alone nothing can be said. */
		if (missing(s))
			return n;
	}
	p = take(s, &len);
	ok = feed(s, p, len, progress);
	free(p);
	return ok ? 1 : -ECONNRESET;
}

static ssize_t read_fresh(struct stream *s, bool *progress)
{
	struct transport *t = s->t;
	size_t have = 0;
	ssize_t n;

	/* TLS gives no more than one record at a time. */
	do {
		n = read_some(s, t->read_buf + have, READ_SIZE - have);
		if (n > 0)
			have += n;
	} while (n > 0 && s->kind == TRANSPORT_TLS && have < READ_SIZE);
	if (!have)
		return n;

	if (!feed(s, t->read_buf, have, progress))
		return -ECONNRESET;
	if (n <= 0)
		return n;
	/* TCP: less than there was room for is all there was. */
	return have < READ_SIZE ? -EAGAIN : n;
}

/* The rest of what came is read only to be thrown away, so that it causes no reset. */
static void discard(struct stream *s)
{
	ssize_t n = recv(s->watch.fd, s->t->read_buf, READ_SIZE, MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		stream_cut(s);
		return;
	}
	if (!n)
		s->eof = true;
	stream_update(s, false);
}

void stream_ready(struct stream *s)
{
	struct transport *t = s->t;

	if (s->in_ready)
		return;
	s->in_ready = true;
	s->ready_next = t->ready;
	t->ready = s;
	transport_later(t);
}

static int handshake(struct stream *s)
{
	int err = s->handshaken ? 0 : tls_handshake(s);

	if (err && err != -EAGAIN) {
		s->t->stats.tls_failed++;
		stream_cut(s);
	}
	return err;
}

static bool may_read(const struct stream *s)
{
	if (s->dead || s->paused || s->closing)
		return false;
	/* Behind the end there may be what was read before a pause. */
	return !s->eof || (s->in_len && !missing(s));
}

void stream_readable(struct stream *s)
{
	bool progress = false;
	ssize_t n = 1;
	int turns;

	if (s->closing) {
		discard(s);
		return;
	}
	if (s->kind == TRANSPORT_TLS && handshake(s)) {
		stream_update(s, false);
		return;
	}

	/* A few turns; then it is the others' turn. */
	for (turns = 0; turns < 4 && n > 0 && may_read(s); turns++)
		n = s->in_len ? read_rest(s, &progress) : read_fresh(s, &progress);

	if (s->dead)
		return;
	if (!n)
		s->eof = true;
	if (n < 0 && n != -EAGAIN) {
		stream_cut(s);
		return;
	}
	/* TLS may hold octets that epoll knows nothing of. */
	if (n > 0 && may_read(s) && s->kind == TRANSPORT_TLS)
		stream_ready(s);
	stream_update(s, progress);
}
