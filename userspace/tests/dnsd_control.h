/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service on a control socket, and clients that share its thread. */
#ifndef BTMM_TEST_DNSD_CONTROL_H
#define BTMM_TEST_DNSD_CONTROL_H

#include "test.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/control/control.h"

#define LIMIT_MS	60000	/* no test waits longer for anything */
#define IFACE		"org.example.test"
#define SERVICE		"org.varlink.service"

struct fixture {
	sd_event *event;
	struct control *c;
	char dir[64], path[100];
	struct control_call *held;	/* by Hold */
	unsigned int calls, gone, more_failed;
	uid_t uid;
};

static inline uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#define run_until(f, cond)						\
	do {								\
		uint64_t limit_ = clock_ms() + LIMIT_MS;		\
									\
		while (!(cond)) {					\
			assert_true(sd_event_run((f)->event, 2000) >= 0); \
			if (clock_ms() > limit_)			\
				fail_msg("never came true: %s", #cond);	\
		}							\
	} while (0)

/* Whatever is to be done without waiting. */
static inline void run_all(struct fixture *f)
{
	while (sd_event_run(f->event, 0) > 0)
		;
}

/* --- the service ------------------------------------------------------------------ */

static void on_echo(void *arg, struct control_call *call, const json_t *params)
{
	struct fixture *f = arg;

	f->calls++;
	f->uid = control_uid(call);
	control_reply(call, json_deep_copy(params));
}

static void on_hold(void *arg, struct control_call *call, const json_t *params)
{
	struct fixture *f = arg;

	(void)params;
	f->calls++;
	f->held = call;
}

static void on_refuse(void *arg, struct control_call *call, const json_t *params)
{
	const char *how = json_string_value(json_object_get(params, "how"));

	(void)arg;
	if (!how)
		control_invalid(call, "how");
	else
		control_error(call, how, "it is not to be");
}

/* Three, or as many as are asked for, each with @size octets. */
static void on_count(void *arg, struct control_call *call, const json_t *params)
{
	json_int_t i, n = json_integer_value(json_object_get(params, "n"));
	json_int_t size = json_integer_value(json_object_get(params, "size"));
	char *filler = calloc(1, size + 1);
	struct fixture *f = arg;

	assert_non_null(filler);
	memset(filler, 'x', size);
	for (i = 1; i < n && control_wants_more(call); i++) {
		if (!control_more(call, json_pack("{s:I s:s}", "i", i, "x", filler))) {
			f->more_failed++;
			f->held = call;
			free(filler);
			return;
		}
	}
	control_reply(call, json_pack("{s:I s:s}", "i", n, "x", filler));
	free(filler);
}

static void on_empty(void *arg, struct control_call *call, const json_t *params)
{
	(void)arg;
	(void)params;
	control_reply(call, NULL);
}

static const struct control_method methods[] = {
	{ "Echo", false, on_echo },
	{ "Hold", false, on_hold },
	{ "Refuse", false, on_refuse },
	{ "Count", false, on_count },
	{ "Empty", false, on_empty },
	{ "Reload", true, on_echo },
};

static const struct control_info info = {
	.interface = IFACE, .description = "interface " IFACE "\n",
	.vendor = "v", .product = "p", .version = "1", .url = "u",
	.methods = methods, .n_methods = N_OF(methods),
};

static inline void note_gone(void *arg)
{
	struct fixture *f = arg;

	f->gone++;
	f->held = NULL;
}

static inline void start(struct fixture *f)
{
	char why[512] = "";

	if (control_new(f->event, f->path, -1, &info, f, &f->c, why, sizeof(why)))
		fail_msg("%s", why);
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/test_dnsd_control.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	snprintf(f->path, sizeof(f->path), "%s/run/control", f->dir);
	assert_true(sd_event_new(&f->event) >= 0);
	start(f);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	char cmd[128];

	control_free(f->c);
	sd_event_unref(f->event);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	free(f);
	return system(cmd);
}

/* --- a client in the same thread ------------------------------------------------------ */

static inline int try_dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(sun.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return fd;
	close(fd);
	return -1;
}

static inline int dial(struct fixture *f)
{
	int fd = try_dial(f->path);

	assert_true(fd >= 0);
	return fd;
}

static inline void say(int fd, const char *text, size_t len)
{
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/* With its NUL. */
#define SAY(fd, text)	say(fd, text, sizeof(text))

static inline bool has_come(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Octets up to a NUL or the end of what is there; of a pipe one after the other. */
static inline ssize_t read_some(int fd, char *p, size_t size)
{
	ssize_t n = recv(fd, p, size, MSG_PEEK);
	char *end;

	if (n < 0)
		return read(fd, p, 1);
	end = memchr(p, 0, n);
	return recv(fd, p, end ? end + 1 - p : n, 0);
}

/* The next message, without its NUL; "" when the connection ended. */
static inline const char *hear(struct fixture *f, int fd)
{
	static char text[1 << 21];
	size_t n = 0;
	ssize_t r;

	for (;;) {
		run_until(f, has_come(fd));
		r = read_some(fd, text + n, sizeof(text) - n);
		if (r <= 0)
			return "";
		n += r;
		assert_true(n < sizeof(text));
		if (!text[n - 1])
			return text;
	}
}

static inline bool has_ended(int fd)
{
	char c;

	return has_come(fd) && recv(fd, &c, 1, MSG_PEEK) <= 0;
}

#endif
