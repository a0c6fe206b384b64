// SPDX-License-Identifier: GPL-2.0-or-later
/* struct ucred */
#define _GNU_SOURCE

#include "vici_conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define STREAMS		2
#define BACKOFF_FIRST	40		/* ms; a quarter more each time, as charon is being started */
#define BACKOFF_MAX	2000
#define WORKED		5000		/* ms; streams that lived so long begin anew at once */
#define READ_MIN	4096
#define ACCURACY	1000		/* us */
#define WHY		160

struct stream {
	struct vici_conn *conn;
	enum ike_channel channel;
	int fd;
	sd_event_source *io;
	uint8_t *in;
	size_t in_len, in_size;
	/* One packet at a time, with its length: the manager waits for answers. */
	uint8_t out[VICI_LENGTH + IKE_OUT];
	size_t out_len, out_done;
};

struct vici_conn {
	sd_event *event;
	sd_event_source *timer, *later;
	struct sockaddr_un address;
	struct ike_manager *m;
	const struct vici_conn_ops *ops;
	void *arg;
	struct stream streams[STREAMS];
	bool up;
	uint64_t since, next;		/* ms: up since; the next attempt */
	unsigned int backoff;
	char why[WHY];			/* as told */
};

uint64_t vici_conn_now(const struct vici_conn *c)
{
	uint64_t us = 0;

	sd_event_now(c->event, CLOCK_BOOTTIME, &us);
	return us / 1000;
}

bool vici_conn_up(const struct vici_conn *c)
{
	return c->up;
}

static void stream_close(struct stream *s)
{
	s->io = sd_event_source_disable_unref(s->io);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->in);
	s->in = NULL;
	s->in_len = 0;
	s->in_size = 0;
	explicit_bzero(s->out, sizeof(s->out));
	s->out_len = 0;
	s->out_done = 0;
}

static void lost(struct vici_conn *c, const char *why)
{
	uint64_t now = vici_conn_now(c);
	unsigned int i;

	for (i = 0; i < STREAMS; i++)
		stream_close(&c->streams[i]);
	if (c->up && now - c->since >= WORKED)
		c->backoff = BACKOFF_FIRST;
	c->next = now + c->backoff;
	c->backoff += c->backoff / 4;
	if (c->backoff > BACKOFF_MAX)
		c->backoff = BACKOFF_MAX;
	if (c->up) {
		c->up = false;
		ike_manager_disconnected(c->m, now);
	}
	if (strcmp(c->why, why)) {
		snprintf(c->why, sizeof(c->why), "%s", why);
		c->ops->state(c->arg, false, c->why);
	}
}

static void lost_errno(struct vici_conn *c, const char *what, int err)
{
	char why[WHY];

	snprintf(why, sizeof(why), "%s %s: %s", what, c->address.sun_path, strerror(err));
	lost(c, why);
}

/* --- octets --- */

static bool flush(struct stream *s)
{
	while (s->out_done < s->out_len) {
		ssize_t n = send(s->fd, s->out + s->out_done, s->out_len - s->out_done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			lost_errno(s->conn, "cannot write to charon at", errno);
			return false;
		}
		s->out_done += (size_t)n;
	}
	/* It may have held a key. */
	explicit_bzero(s->out, s->out_len);
	s->out_len = 0;
	s->out_done = 0;
	return true;
}

static bool say(struct stream *s)
{
	struct vici_conn *c = s->conn;
	size_t len;

	while (!s->out_len) {
		len = ike_manager_output(c->m, s->channel, vici_conn_now(c),
					 s->out + VICI_LENGTH, IKE_OUT);
		if (!len)
			break;
		s->out[0] = (uint8_t)(len >> 24);
		s->out[1] = (uint8_t)(len >> 16);
		s->out[2] = (uint8_t)(len >> 8);
		s->out[3] = (uint8_t)len;
		s->out_len = VICI_LENGTH + len;
		if (!flush(s))
			return false;
	}
	return sd_event_source_set_io_events(s->io, EPOLLIN | (s->out_len ? EPOLLOUT : 0)) >= 0;
}

static void act(struct vici_conn *c)
{
	struct ike_action a;

	while (ike_manager_action(c->m, &a))
		c->ops->action(c->arg, &a);
}

static void arm(struct vici_conn *c)
{
	uint64_t due = c->up ? ike_manager_deadline(c->m) : c->next;

	if (due == UINT64_MAX) {
		sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(c->timer, due * 1000);
	sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* Says what there is to say; false: the streams were lost. */
static bool pump(struct vici_conn *c)
{
	unsigned int i;

	act(c);
	for (i = 0; c->up && i < STREAMS; i++) {
		if (!say(&c->streams[i]))
			break;
	}
	if (c->up && ike_manager_stuck(c->m))
		lost(c, "charon does not answer");
	act(c);
	arm(c);
	return c->up;
}

void vici_conn_kick(struct vici_conn *c)
{
	/* From the loop, so that it may be called from everywhere. */
	sd_event_source_set_enabled(c->later, SD_EVENT_ONESHOT);
}

static int on_later(sd_event_source *src, void *arg)
{
	(void)src;
	pump(arg);
	return 0;
}

/* Hands on whole packets. */
static bool take(struct stream *s)
{
	struct vici_conn *c = s->conn;
	struct vici_span packet;
	size_t done = 0;
	long n;

	for (;;) {
		n = vici_frame(s->in + done, s->in_len - done, &packet);
		if (n <= 0)
			break;
		done += (size_t)n;
		if (ike_manager_input(c->m, s->channel, vici_conn_now(c), packet.p, packet.len)) {
			lost(c, "charon speaks another protocol than VICI");
			return false;
		}
	}
	if (n < 0) {
		lost(c, "charon speaks another protocol than VICI");
		return false;
	}
	if (done) {
		memmove(s->in, s->in + done, s->in_len - done);
		s->in_len -= done;
	}
	return true;
}

static bool room(struct stream *s)
{
	size_t size = s->in_size ? 2 * s->in_size : READ_MIN;
	uint8_t *in;

	if (s->in_size - s->in_len >= READ_MIN / 2)
		return true;
	in = realloc(s->in, size);
	if (!in)
		return false;
	s->in = in;
	s->in_size = size;
	return true;
}

static bool hear(struct stream *s)
{
	ssize_t n;

	if (!room(s)) {
		lost(s->conn, "out of memory");
		return false;
	}
	n = recv(s->fd, s->in + s->in_len, s->in_size - s->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0) {
		lost_errno(s->conn, "cannot read from charon at", errno);
		return false;
	}
	if (!n) {
		lost(s->conn, "charon has ended");
		return false;
	}
	s->in_len += (size_t)n;
	return take(s);
}

static int on_io(sd_event_source *src, int fd, uint32_t events, void *arg)
{
	struct stream *s = arg;
	struct vici_conn *c = s->conn;

	(void)src;
	(void)fd;
	if (events & EPOLLOUT && !flush(s))
		goto out;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		hear(s);
out:
	pump(c);
	return 0;
}

/* --- streams --- */

/* Who answers there may be told our key: root, or whom we are. */
static int check_owner(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	return cred.uid && cred.uid != geteuid() ? -EPERM : 0;
}

static int stream_open(struct stream *s)
{
	struct vici_conn *c = s->conn;
	int ret;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	if (connect(s->fd, (struct sockaddr *)&c->address, sizeof(c->address)))
		return -errno;
	ret = check_owner(s->fd);
	if (ret)
		return ret;
	return sd_event_add_io(c->event, &s->io, s->fd, EPOLLIN, on_io, s);
}

static void try_open(struct vici_conn *c)
{
	unsigned int i;
	int ret;

	for (i = 0; i < STREAMS; i++) {
		ret = stream_open(&c->streams[i]);
		if (ret < 0) {
			lost_errno(c, "cannot connect to charon at", -ret);
			return;
		}
	}
	c->up = true;
	c->since = vici_conn_now(c);
	c->why[0] = '\0';
	ike_manager_connected(c->m, c->since);
	c->ops->state(c->arg, true, "");
}

static int on_timer(sd_event_source *src, uint64_t usec, void *arg)
{
	struct vici_conn *c = arg;

	(void)src;
	(void)usec;
	if (!c->up && vici_conn_now(c) >= c->next)
		try_open(c);
	pump(c);
	return 0;
}

int vici_conn_new(struct vici_conn **out, sd_event *event, const char *path,
		  struct ike_manager *m, const struct vici_conn_ops *ops, void *arg)
{
	struct vici_conn *c;
	unsigned int i;
	int ret;

	if (strlen(path) >= sizeof(c->address.sun_path))
		return -ENAMETOOLONG;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->event = sd_event_ref(event);
	c->address.sun_family = AF_UNIX;
	strcpy(c->address.sun_path, path);
	c->m = m;
	c->ops = ops;
	c->arg = arg;
	c->backoff = BACKOFF_FIRST;
	for (i = 0; i < STREAMS; i++) {
		c->streams[i].conn = c;
		c->streams[i].channel = (enum ike_channel)i;
		c->streams[i].fd = -1;
	}
	ret = sd_event_add_time(event, &c->timer, CLOCK_BOOTTIME, 0, ACCURACY, on_timer, c);
	if (ret >= 0)
		ret = sd_event_add_defer(event, &c->later, on_later, c);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(c->later, SD_EVENT_OFF);
	if (ret < 0) {
		vici_conn_free(c);
		return ret;
	}
	*out = c;
	return 0;
}

void vici_conn_free(struct vici_conn *c)
{
	unsigned int i;

	if (!c)
		return;
	for (i = 0; i < STREAMS; i++)
		stream_close(&c->streams[i]);
	if (c->up)
		ike_manager_disconnected(c->m, vici_conn_now(c));
	sd_event_source_disable_unref(c->timer);
	sd_event_source_disable_unref(c->later);
	sd_event_unref(c->event);
	free(c);
}
