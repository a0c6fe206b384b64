// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket, the daemon's side. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_int.h"

#define ACCEPTS		16	/* in one turn */
#define CALLS		8	/* of one client in one turn */

static void later(struct control *c)
{
	sd_event_source_set_enabled(c->later, SD_EVENT_ONESHOT);
}

/* --- a client -------------------------------------------------------------------- */

static void cut(struct control_conn *conn)
{
	if (conn->dead)
		return;
	conn->dead = true;
	conn->io = sd_event_source_disable_unref(conn->io);
	close(conn->fd);
	conn->fd = -1;
	later(conn->c);
}

static void watch(struct control_conn *conn)
{
	uint32_t events = 0;	/* that the client went is told anyway */

	if (conn->dead)
		return;
	if (conn->out_len)
		events = EPOLLOUT;
	else if (!conn->call && !conn->eof)
		events = EPOLLIN;
	sd_event_source_set_io_events(conn->io, events);
}

static void flush(struct control_conn *conn)
{
	while (conn->out_len) {
		ssize_t n = send(conn->fd, conn->out + conn->out_pos, conn->out_len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			cut(conn);
			return;
		}
		conn->out_pos += n;
		conn->out_len -= n;
	}
	free(conn->out);
	conn->out = NULL;
	conn->out_pos = 0;
	conn->out_size = 0;
}

/* Sends @text, which may be NULL for want of memory, and frees it. */
static void put(struct control_conn *conn, char *text, size_t len)
{
	char *grown;

	if (!text || conn->dead) {
		free(text);
		cut(conn);
		return;
	}
	if (!conn->out_len) {
		free(conn->out);
		conn->out = text;
		conn->out_pos = 0;
		conn->out_size = len;
		conn->out_len = len;
		flush(conn);
		return;
	}
	if (conn->out_pos + conn->out_len + len > conn->out_size) {
		grown = malloc(conn->out_len + len);
		if (!grown) {
			free(text);
			cut(conn);
			return;
		}
		memcpy(grown, conn->out + conn->out_pos, conn->out_len);
		free(conn->out);
		conn->out = grown;
		conn->out_pos = 0;
		conn->out_size = conn->out_len + len;
	}
	memcpy(conn->out + conn->out_pos + conn->out_len, text, len);
	conn->out_len += len;
	free(text);
}

/* The last word to a call. */
void control_finish(struct control_call *call, char *text, size_t len)
{
	struct control_conn *conn = call->conn;

	if (!conn || call->oneway)
		free(text);
	else
		put(conn, text, len);
	if (conn) {
		conn->call = NULL;
		watch(conn);
		/* More of them may have come already. */
		later(conn->c);
	}
	free(call);
}

void control_reply(struct control_call *call, json_t *params)
{
	size_t len = 0;
	char *text = varlink_reply_write(params, false, &len);

	control_finish(call, text, len);
}

bool control_more(struct control_call *call, json_t *params)
{
	struct control_conn *conn = call->conn;
	size_t len = 0;
	char *text = varlink_reply_write(params, true, &len);

	if (!conn || conn->dead) {
		free(text);
		return false;
	}
	if (call->oneway || !call->more) {
		free(text);
		return true;
	}
	if (text && conn->out_len + len > CONTROL_QUEUE_MAX) {
		free(text);
		text = NULL;
	}
	put(conn, text, len);
	watch(conn);
	return !conn->dead;
}

static void refuse(struct control *c, uid_t uid, const char *what)
{
	if (c->info->refused)
		c->info->refused(uid, what);
}

/* --- what it says ------------------------------------------------------------------- */

static void handle(struct control_conn *conn, const char *msg, size_t len)
{
	struct control_call *call;
	struct varlink_call v;

	/* Who does not speak Varlink is not worth an answer. */
	if (varlink_call_read(msg, len, &v)) {
		refuse(conn->c, conn->uid, "does not speak Varlink");
		cut(conn);
		return;
	}
	call = calloc(1, sizeof(*call));
	if (call) {
		call->conn = conn;
		call->uid = conn->uid;
		call->more = v.more;
		call->oneway = v.oneway;
		conn->call = call;
		control_dispatch(call, &v);
	} else {
		cut(conn);
	}
	varlink_call_done(&v);
}

/* As many calls as it may now, one after the other. */
static void work(struct control_conn *conn)
{
	const char *msg;
	size_t len;
	int i, n = 0;

	for (i = 0; i < CALLS && !conn->dead && !conn->call && !conn->out_len; i++) {
		n = varlink_in_next(&conn->in, &msg, &len);
		if (n <= 0)
			break;
		handle(conn, msg, len);
	}
	if (conn->dead)
		return;
	if (n < 0)
		refuse(conn->c, conn->uid, "has a call that is too long");
	if (n < 0 || (n == 0 && i < CALLS && conn->eof && !conn->call && !conn->out_len))
		cut(conn);
	else if (i == CALLS)
		later(conn->c);
	watch(conn);
}

static void receive(struct control_conn *conn)
{
	size_t room;
	char *p = varlink_in_room(&conn->in, &room);
	ssize_t n = p ? recv(conn->fd, p, room, MSG_DONTWAIT) : 0;

	if (p && n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (!p || n < 0) {
		cut(conn);
		return;
	}
	/* It may still want to hear the answer to what it said. */
	conn->eof = !n;
	varlink_in_put(&conn->in, n);
	work(conn);
}

static int on_conn(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct control_conn *conn = arg;

	(void)source;
	(void)fd;
	if (events & EPOLLOUT) {
		flush(conn);
		if (!conn->dead)
			work(conn);
	} else if (events & EPOLLIN) {
		receive(conn);
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		cut(conn);
	}
	return 0;
}

/* --- clients come and go ------------------------------------------------------------- */

static void free_conn(struct control_conn *conn)
{
	struct control *c = conn->c;
	struct control_call *call = conn->call;

	cut(conn);
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		c->conns = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	c->n--;
	c->n_others -= !conn->privileged;
	varlink_in_free(&conn->in);
	free(conn->out);
	free(conn);
	if (!call)
		return;
	call->conn = NULL;
	if (call->gone) {
		call->gone(call->arg);
		free(call);
	}
}

static int on_later(sd_event_source *source, void *arg)
{
	struct control *c = arg;
	struct control_conn *conn, *next;

	(void)source;
	for (conn = c->conns; conn; conn = next) {
		if (!conn->dead)
			work(conn);
		/* A gone() may answer other calls, but nothing here frees other conns. */
		next = conn->next;
		if (conn->dead)
			free_conn(conn);
	}
	return 0;
}

static unsigned int count_of(const struct control *c, uid_t uid)
{
	const struct control_conn *conn;
	unsigned int n = 0;

	for (conn = c->conns; conn; conn = conn->next)
		n += conn->uid == uid;
	return n;
}

static bool may_come(const struct control *c, uid_t uid, bool privileged)
{
	if (c->n >= CONTROL_CLIENTS)
		return false;
	return privileged || (c->n_others < CONTROL_OTHERS && count_of(c, uid) < CONTROL_PER_USER);
}

/* Owns @fd. */
static void take(struct control *c, int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	struct control_conn *conn = NULL;
	bool privileged;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		goto no;
	privileged = who.uid == 0 || who.uid == geteuid();
	if (!may_come(c, who.uid, privileged)) {
		refuse(c, who.uid, "has too many connections, or all have");
		goto no;
	}
	conn = calloc(1, sizeof(*conn));
	if (!conn || sd_event_add_io(c->event, &conn->io, fd, EPOLLIN, on_conn, conn) < 0)
		goto no;
	conn->c = c;
	conn->fd = fd;
	conn->uid = who.uid;
	conn->privileged = privileged;
	varlink_in_init(&conn->in, CONTROL_CALL_MAX);
	conn->next = c->conns;
	if (c->conns)
		c->conns->prev = conn;
	c->conns = conn;
	c->n++;
	c->n_others += !privileged;
	return;
no:
	free(conn);
	close(fd);
}

static int spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct control *c = arg;
	int i, new;

	(void)source;
	(void)events;
	for (i = 0; i < ACCEPTS; i++) {
		new = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (new >= 0) {
			take(c, new);
			continue;
		}
		if (errno != EMFILE || c->spare < 0)
			break;
		/* Without a descriptor the loop would spin on who waits: send one away. */
		close(c->spare);
		new = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (new >= 0)
			close(new);
		c->spare = spare();
	}
	return 0;
}

/* --- made and freed ------------------------------------------------------------------ */

int control_new(sd_event *event, const char *path, int fd, const struct control_info *info,
		void *arg, struct control **out, char *why, size_t why_size)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (!c) {
		if (fd >= 0)
			close(fd);
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	c->event = sd_event_ref(event);
	c->info = info;
	c->arg = arg;
	c->spare = spare();
	c->fd = fd;
	if (fd < 0) {
		err = control_socket_make(path, &c->made, why, why_size);
		if (err) {
			control_free(c);
			return err;
		}
		c->fd = c->made.fd;
	}
	fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
	fcntl(c->fd, F_SETFD, FD_CLOEXEC);

	err = sd_event_add_io(event, &c->io, c->fd, EPOLLIN, on_accept, c);
	if (err >= 0)
		err = sd_event_add_defer(event, &c->later, on_later, c);
	if (err < 0) {
		snprintf(why, why_size, "the control socket cannot be watched: %s",
			 strerror(-err));
		control_free(c);
		return err;
	}
	sd_event_source_set_enabled(c->later, SD_EVENT_OFF);
	*out = c;
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	while (c->conns)
		free_conn(c->conns);
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->later);
	control_socket_remove(&c->made);
	if (c->fd >= 0)
		close(c->fd);
	if (c->spare >= 0)
		close(c->spare);
	sd_event_unref(c->event);
	free(c);
}
