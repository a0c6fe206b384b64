// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions over TCP (RFC 7766): several per connection, one answer at a time. What
 * does not go out at once waits, and meanwhile nothing more is read.
 */
#define _GNU_SOURCE
#include "resolver_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "noise.h"

/* As the kernel says that there is room only when a third of it is free, and what waits
 * for room counts as idle, it has to be less than a slow reader reads in that time.
 */
#define SEND_BUFFER	65536

struct stream {
	struct resolver *r;
	struct stream *next;
	int fd;
	bool eof;
	sd_event_source *io, *timer;
	size_t in_len, out_len, out_pos;
	uint8_t *out;			/* waits to be sent; NULL: nothing does */
	uint8_t in[2 + RESOLVER_QUERY_MAX];
};

static void unlink_stream(struct stream *s)
{
	struct stream **at = &s->r->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
}

static void end_stream(struct stream *s)
{
	unlink_stream(s);
	s->r->n_streams--;
	sd_event_source_disable_unref(s->io);
	sd_event_source_disable_unref(s->timer);
	close(s->fd);
	free(s->out);
	free(s);
}

void resolver_end_streams(struct resolver *r)
{
	while (r->streams)
		end_stream(r->streams);
}

/* It has done something: to the front, and as much time as at first. */
static int active(struct stream *s)
{
	unlink_stream(s);
	s->next = s->r->streams;
	s->r->streams = s;
	return sd_event_source_set_time_relative(s->timer, RESOLVER_IDLE * 1000000ull);
}

/* -EAGAIN: the rest waits in s->out; or another errno. */
static int send_out(struct stream *s, const uint8_t *data, size_t len)
{
	ssize_t n;

	do {
		n = send(s->fd, data, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n < 0)
		n = 0;
	if ((size_t)n == len)
		return 0;
	if (s->out) {
		s->out_pos += (size_t)n;
		return -EAGAIN;
	}
	s->out_len = len - (size_t)n;
	s->out_pos = 0;
	s->out = malloc(s->out_len);
	if (!s->out)
		return -ENOMEM;
	memcpy(s->out, data + n, s->out_len);
	return -EAGAIN;
}

static int flush(struct stream *s)
{
	int err;

	if (!s->out)
		return 0;
	err = send_out(s, s->out + s->out_pos, s->out_len - s->out_pos);
	if (err)
		return err;
	free(s->out);
	s->out = NULL;
	return 0;
}

/* Answers what has come in whole. 0, -EAGAIN, or the errno to end the stream with. */
static int serve(struct stream *s)
{
	int err = flush(s);

	while (!err && s->in_len >= 2) {
		size_t len = dns_u16(s->in), answer;

		if (len > RESOLVER_QUERY_MAX) {
			noise(NOISE_QUESTION, "a question of %zu octets to the resolver", len);
			return -EMSGSIZE;
		}
		if (s->in_len < 2 + len)
			break;
		answer = resolver_answer(s->r, true, s->in + 2, len);
		s->in_len -= 2 + len;
		memmove(s->in, s->in + 2 + len, s->in_len);
		/* Who sends no questions, or responses, means something else. */
		if (!answer)
			return -EPROTO;
		dns_put16(s->r->out, (uint16_t)answer);
		err = send_out(s, s->r->out, 2 + answer);
	}
	return err;
}

static int receive(struct stream *s)
{
	ssize_t n;

	if (s->eof || s->in_len == sizeof(s->in))
		return 0;
	n = recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	s->eof = !n;
	s->in_len += (size_t)n;
	return 0;
}

static int on_stream(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct stream *s = arg;
	int err = 0;

	(void)source;
	(void)fd;
	if (!s->out && revents & (EPOLLIN | EPOLLHUP))
		err = receive(s);
	if (revents & EPOLLERR)
		err = -EPIPE;
	if (!err)
		err = serve(s);
	if ((err && err != -EAGAIN) || (!err && s->eof)) {
		end_stream(s);
		return 0;
	}
	if (sd_event_source_set_io_events(s->io, s->out ? EPOLLOUT : EPOLLIN) < 0 ||
	    active(s) < 0)
		end_stream(s);
	return 0;
}

static int on_idle(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	end_stream(arg);
	return 0;
}

static void add_stream(struct resolver *r, int fd)
{
	struct stream *s = calloc(1, sizeof(*s)), *last;
	int size = SEND_BUFFER;

	if (!s) {
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (last = r->streams; last && last->next; last = last->next)
		;
	if (r->n_streams == RESOLVER_STREAMS) {
		noise(NOISE_QUESTION, "the quietest of more than %u connections with the resolver",
		      RESOLVER_STREAMS);
		end_stream(last);
	}
	s->r = r;
	s->fd = fd;
	s->next = r->streams;
	r->streams = s;
	r->n_streams++;
	if (sd_event_add_io(r->event, &s->io, fd, EPOLLIN, on_stream, s) < 0 ||
	    sd_event_add_time_relative(r->event, &s->timer, CLOCK_MONOTONIC,
				       RESOLVER_IDLE * 1000000ull, 1000000, on_idle, s) < 0)
		end_stream(s);
}

int resolver_on_accept(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct resolver *r = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)source;
	(void)revents;
	if (peer >= 0) {
		add_stream(r, peer);
		return 0;
	}
	/* Without descriptors, it would be readable for ever: one of ours has to go. */
	if ((errno == EMFILE || errno == ENFILE) && r->streams) {
		struct stream *last = r->streams;

		while (last->next)
			last = last->next;
		end_stream(last);
	}
	return 0;
}
