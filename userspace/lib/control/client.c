// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket, the command line's side. */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../varlink/message.h"
#include "control_int.h"

#define FOREVER		UINT64_MAX
#define TRY_AGAIN_MS	20

struct line {
	const char *daemon, *path;
	int fd;
	uint64_t end;		/* ms, CLOCK_MONOTONIC */
	struct varlink_in in;
	char *why;
	size_t why_size;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* 0, or -ETIMEDOUT at the end; @events 0: only waits, for @most_ms. */
static int wait_for(const struct line *l, short events, int most_ms)
{
	struct pollfd p = { .fd = events ? l->fd : -1, .events = events };
	uint64_t now, left;
	int n;

	for (;;) {
		now = now_ms();
		if (now >= l->end)
			return -ETIMEDOUT;
		left = l->end - now;
		n = poll(&p, 1, left < (uint64_t)most_ms ? (int)left : most_ms);
		if (n > 0 || (!n && !events))
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int cannot(const struct line *l, int err)
{
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		snprintf(l->why, l->why_size,
			 "nobody listens on %s: is %s running? (systemctl status %s)",
			 l->path, l->daemon, l->daemon);
		break;
	case -EACCES:
		snprintf(l->why, l->why_size, "%s may not be opened: run this as root", l->path);
		break;
	case -ETIMEDOUT:
		snprintf(l->why, l->why_size,
			 "%s does not answer on %s (see journalctl -u %s)", l->daemon, l->path,
			 l->daemon);
		break;
	case -EBADMSG:
	case -EMSGSIZE:
		snprintf(l->why, l->why_size, "what listens on %s is not %s", l->path, l->daemon);
		break;
	case -ECONNRESET:
	case -EPIPE:
		snprintf(l->why, l->why_size,
			 "%s closed the connection: it has ended, or has too many clients",
			 l->daemon);
		break;
	default:
		snprintf(l->why, l->why_size, "%s: %s", l->path, strerror(-err));
	}
	return err;
}

static int connect_line(struct line *l)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int err;

	if (strlen(l->path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, l->path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return -errno;
	for (;;) {
		if (!connect(l->fd, (struct sockaddr *)&sun, sizeof(sun)))
			return 0;
		/* Many wait already, and nothing tells when they are fewer. */
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		err = wait_for(l, 0, TRY_AGAIN_MS);
		if (err)
			return err;
	}
}

static int send_all(struct line *l, const char *p, size_t len)
{
	int err = 0;

	while (len && !err) {
		ssize_t n = send(l->fd, p, len, MSG_NOSIGNAL);

		if (n >= 0) {
			p += n;
			len -= n;
		} else if (errno == EAGAIN) {
			err = wait_for(l, POLLOUT, 1000);
		} else if (errno != EINTR) {
			err = -errno;
		}
	}
	return err;
}

static int receive(struct line *l, struct varlink_reply *out)
{
	const char *msg;
	size_t len, room;
	int err;

	for (;;) {
		ssize_t n;
		char *p;

		err = varlink_in_next(&l->in, &msg, &len);
		if (err)
			return err < 0 ? err : varlink_reply_read(msg, len, out);
		p = varlink_in_room(&l->in, &room);
		if (!p)
			return -ENOMEM;
		n = recv(l->fd, p, room, 0);
		if (!n)
			return -ECONNRESET;
		if (n > 0)
			varlink_in_put(&l->in, n);
		else if (errno == EAGAIN)
			err = wait_for(l, POLLIN, 1000);
		else if (errno != EINTR)
			err = -errno;
		if (err)
			return err;
	}
}

/* What the daemon says when it says no. */
static int refused(const struct line *l, const char *method, const struct varlink_reply *r)
{
	const char *text = json_string_value(json_object_get(r->params, "text"));
	const char *parameter = json_string_value(json_object_get(r->params, "parameter"));
	const char *name = strrchr(r->error, '.');

	name = name ? name + 1 : r->error;
	if (text)
		snprintf(l->why, l->why_size, "%s", text);
	else if (!strcmp(name, "PermissionDenied"))
		snprintf(l->why, l->why_size, "%s does this for root only", l->daemon);
	else if (!strcmp(name, "MethodNotFound") || !strcmp(name, "InterfaceNotFound"))
		snprintf(l->why, l->why_size,
			 "the %s that runs is another version, without %s: restart it",
			 l->daemon, method);
	else if (!strcmp(name, "InvalidParameter") && parameter)
		snprintf(l->why, l->why_size, "%s does not take '%s' as it was given",
			 l->daemon, parameter);
	else
		snprintf(l->why, l->why_size, "%s says no to %s: %s", l->daemon, method, r->error);
	if (!strcmp(name, "PermissionDenied"))
		return -EPERM;
	return strncmp(name, "NoSuch", 6) ? -EREMOTEIO : -ESRCH;
}

static int ask(struct line *l, const char *method, const json_t *params, bool more)
{
	size_t len;
	char *text = varlink_call_write(method, params, more, &len);
	int err = text ? connect_line(l) : -ENOMEM;

	if (!err)
		err = send_all(l, text, len);
	free(text);
	return err;
}

static void hang_up(struct line *l)
{
	if (l->fd >= 0)
		close(l->fd);
	varlink_in_free(&l->in);
}

static void begin(struct line *l, const char *daemon, const char *path,
		  unsigned int timeout_ms, char *why, size_t why_size)
{
	*l = (struct line){
		.daemon = daemon, .path = path, .fd = -1, .end = now_ms() + timeout_ms,
		.why = why, .why_size = why_size,
	};
	varlink_in_init(&l->in, CONTROL_REPLY_MAX);
}

int control_call(const char *daemon, const char *path, const char *method,
		 const json_t *params, unsigned int timeout_ms, json_t **reply, char *why,
		 size_t why_size)
{
	struct varlink_reply r;
	struct line l;
	int err;

	begin(&l, daemon, path, timeout_ms, why, why_size);
	err = ask(&l, method, params, false);
	if (!err)
		err = receive(&l, &r);
	if (err) {
		cannot(&l, err);
	} else {
		if (r.error)
			err = refused(&l, method, &r);
		else
			*reply = json_incref(r.params);
		varlink_reply_done(&r);
	}
	hang_up(&l);
	return err;
}

int control_watch(const char *daemon, const char *path, const char *method,
		  const json_t *params, unsigned int timeout_ms,
		  bool (*each)(void *arg, const json_t *params), void *arg, char *why,
		  size_t why_size)
{
	struct varlink_reply r;
	bool more = true;
	struct line l;
	int err;

	begin(&l, daemon, path, timeout_ms, why, why_size);
	err = ask(&l, method, params, true);
	while (!err && more) {
		err = receive(&l, &r);
		l.end = FOREVER;
		if (err)
			break;
		if (r.error) {
			err = refused(&l, method, &r);
			varlink_reply_done(&r);
			hang_up(&l);
			return err;
		}
		more = each(arg, r.params) && r.continues;
		varlink_reply_done(&r);
	}
	if (err)
		cannot(&l, err);
	hang_up(&l);
	return err;
}
