// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../lib/control/btmmd.h"
#include "../lib/control/control.h"

#define EVENT_MAX	(1 << 20)
#define FIRST_MS	5000

/* --- the process that waits ------------------------------------------------------ */

struct waiter {
	int fd;
	bool listening;
};

static bool put(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static bool each(void *arg, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	struct waiter *w = arg;
	bool ok = true;
	char *text;

	/* What was there before is no event. */
	if (name && !strcmp(name, "listening"))
		w->listening = true;
	else if (!w->listening)
		return true;
	text = json_dumps(event, JSON_COMPACT);
	if (text)
		ok = put(w->fd, text, strlen(text)) && put(w->fd, "\n", 1);
	free(text);
	return ok;
}

static void wait_for_events(int fd, const char *socket)
{
	struct waiter w = { .fd = fd };
	char why[EVENTS_WHY] = "";
	json_t *o;
	char *text;
	int err;

	err = control_watch("btmmd", socket, BTMMD_INTERFACE ".Monitor", NULL, FIRST_MS, each, &w,
			    why, sizeof(why));
	o = json_pack("{s:s s:i s:s}", "event", "", "error", err, "why",
		      err ? why : "btmmd ended the connection");
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text && put(fd, text, strlen(text)))
		put(fd, "\n", 1);
}

/* --- the command's side ------------------------------------------------------------ */

static int start(struct events *e, const char *socket)
{
	pid_t parent = getpid(), child;
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0) {
		close(pipes[0]);
		close(pipes[1]);
		return -errno;
	}
	if (!child) {
		close(pipes[0]);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() == parent)
			wait_for_events(pipes[1], socket);
		_exit(0);
	}
	close(pipes[1]);
	e->fd = pipes[0];
	return 0;
}

bool events_read(struct events *e, char why[EVENTS_WHY])
{
	ssize_t n;
	char *p;

	if (e->len == e->size) {
		p = e->size < EVENT_MAX ? realloc(e->buf, e->size ? 2 * e->size : 4096) : NULL;
		if (!p) {
			snprintf(why, EVENTS_WHY, "an event of btmmd is too long");
			return false;
		}
		e->buf = p;
		e->size = e->size ? 2 * e->size : 4096;
	}
	n = read(e->fd, e->buf + e->len, e->size - e->len);
	if (n > 0)
		e->len += (size_t)n;
	if (n > 0 || (n < 0 && errno == EINTR))
		return true;
	snprintf(why, EVENTS_WHY, "btmmd tells no more");
	return false;
}

json_t *events_next(struct events *e)
{
	char *end = e->len ? memchr(e->buf, '\n', e->len) : NULL;
	json_t *o;
	size_t n;

	if (!end)
		return NULL;
	n = (size_t)(end - e->buf);
	o = json_loadb(e->buf, n, 0, NULL);
	e->len -= n + 1;
	memmove(e->buf, end + 1, e->len);
	return o;
}

bool events_end(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));

	return !name || !*name;
}

int events_open(struct events *e, const char *socket, char why[EVENTS_WHY])
{
	json_t *first = NULL;
	int err;

	*e = (struct events){ .fd = -1 };
	err = start(e, socket);
	if (err) {
		snprintf(why, EVENTS_WHY, "%s", strerror(-err));
		return err;
	}
	while (!first && events_read(e, why))
		first = events_next(e);
	err = first ? 0 : -EIO;
	if (first && events_end(first))
		err = (int)json_integer_value(json_object_get(first, "error"));
	if (first && err)
		snprintf(why, EVENTS_WHY, "%s",
			 json_string_value(json_object_get(first, "why")));
	json_decref(first);
	if (err)
		events_close(e);
	return err;
}

void events_close(struct events *e)
{
	if (e->fd >= 0)
		close(e->fd);
	free(e->buf);
	*e = (struct events){ .fd = -1 };
}
