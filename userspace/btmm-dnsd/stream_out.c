// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing: at once if it can be, length and message together (RFC 7766 8); what
 * the kernel does not take waits, up to a limit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "../lib/dns/message.h"
#include "transport_int.h"

static ssize_t write_some(struct stream *s, const uint8_t *p, size_t n)
{
	ssize_t w;

	if (s->kind == TRANSPORT_TLS)
		return tls_write(s, p, n);

	do
		w = send(s->watch.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	return w < 0 ? -errno : w;
}

static void drop_queue(struct stream *s)
{
	s->t->stats.buffered -= s->out_size;
	free(s->out);
	s->out = NULL;
	s->out_pos = 0;
	s->out_len = 0;
	s->out_size = 0;
}

/* May the queue grow by @n octets? One message may always wait. */
static bool may_queue(const struct stream *s, size_t n)
{
	const struct transport *t = s->t;

	if (s->out_len && s->out_len + n > t->limits.out_queue)
		return false;
	return t->stats.buffered <= t->limits.buffered || s->out_len + n <= STREAM_SHARE;
}

static bool queue(struct stream *s, const uint8_t *p, size_t n)
{
	struct transport *t = s->t;
	size_t size = s->out_size;
	uint8_t *grown;

	if (s->out_len + n > size) {
		size = s->out_len + n + s->out_len / 2;
		grown = malloc(size);
		if (!grown)
			return false;
		if (s->out_len)
			memcpy(grown, s->out + s->out_pos, s->out_len);
		free(s->out);
		t->stats.buffered += size - s->out_size;
		s->out = grown;
		s->out_size = size;
		s->out_pos = 0;
	} else if (s->out_pos + s->out_len + n > size) {
		memmove(s->out, s->out + s->out_pos, s->out_len);
		s->out_pos = 0;
	}
	memcpy(s->out + s->out_pos + s->out_len, p, n);
	s->out_len += n;
	return true;
}

/* Our end of the stream: said to TLS, then to TCP. */
static void end(struct stream *s)
{
	if (s->ended)
		return;
	s->ended = true;
	if (s->ssl)
		tls_bye(s);
	shutdown(s->watch.fd, SHUT_WR);
}

/* The marks are apart so that it does not flutter. */
static void pause_or_resume(struct stream *s)
{
	size_t limit = s->t->limits.out_queue;

	if (s->closing)
		return;
	if (!s->paused && s->out_len > limit / 2) {
		s->paused = true;
	} else if (s->paused && s->out_len <= limit / 4) {
		s->paused = false;
		/* What was read before the pause, or TLS holds, epoll does not tell. */
		stream_ready(s);
	}
}

bool stream_flush(struct stream *s)
{
	bool progress = false;
	ssize_t n = 1;

	while (s->out_len && n > 0) {
		n = write_some(s, s->out + s->out_pos, s->out_len);
		if (n > 0) {
			s->out_pos += n;
			s->out_len -= n;
			progress = true;
		}
	}
	if (n < 0 && n != -EAGAIN) {
		stream_cut(s);
		return false;
	}
	if (!s->out_len) {
		drop_queue(s);
		if (s->closing)
			end(s);
	}
	pause_or_resume(s);
	stream_update(s, progress);
	return !s->dead;
}

/* With nothing in the queue: out with it, and queue what is left. */
static bool write_through(struct stream *s, const uint8_t *msg, size_t len)
{
	uint8_t *buf = s->t->write_buf;
	ssize_t n;

	dns_put16(buf, len);
	memcpy(buf + 2, msg, len);
	n = write_some(s, buf, 2 + len);
	if (n == -EAGAIN)
		n = 0;
	if (n < 0)
		return false;
	if ((size_t)n == 2 + len)
		return true;
	return may_queue(s, 2 + len - n) && queue(s, buf + n, 2 + len - n);
}

int stream_send(struct stream *s, const uint8_t *msg, size_t len)
{
	struct transport *t = s->t;
	uint8_t head[2];

	if (s->closing || s->dead)
		return -ENOTCONN;

	s->owed--;
	if (!s->out_len && !s->feeding) {
		if (!write_through(s, msg, len))
			goto cut;
	} else {
		if (!may_queue(s, 2 + len) && (!stream_flush(s) || !may_queue(s, 2 + len))) {
			t->stats.overflowed += !s->dead;
			goto cut;
		}
		dns_put16(head, len);
		if (!queue(s, head, 2) || !queue(s, msg, len))
			goto cut;
	}

	if (s->kind == TRANSPORT_TLS)
		t->stats.tls_out++;
	else
		t->stats.tcp_out++;
	if (!s->feeding) {
		pause_or_resume(s);
		stream_update(s, false);
	}
	return 0;

cut:
	s->reset = true;
	stream_cut(s);
	return -ENOTCONN;
}

void stream_close(struct stream *s)
{
	if (s->closing)
		return;
	s->closing = true;
	s->paused = false;
	/* Answers that were gathered go with the end of feed(). */
	if (s->feeding && s->out_len)
		return;
	if (!s->out_len)
		end(s);
	stream_update(s, false);
}
