// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line's side of the control socket, against a daemon in a child; and the
 * socket's place in the file system.
 */
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/control/control.h"

#define LONG_MS	60000
#define IFACE	"org.example.test"

struct fixture {
	char dir[64], path[100], why[512];
	pid_t child;
};

static void on_echo(void *arg, struct control_call *call, const json_t *params)
{
	(void)arg;
	control_reply(call, json_deep_copy(params));
}

static void on_hold(void *arg, struct control_call *call, const json_t *params)
{
	/* What control_free() does to it is the other test's. */
	static struct control_call *held;

	(void)arg;
	(void)params;
	held = call;
	(void)held;
}

static void on_refuse(void *arg, struct control_call *call, const json_t *params)
{
	const char *how = json_string_value(json_object_get(params, "how"));

	(void)arg;
	if (!strcmp(how, "invalid"))
		control_invalid(call, "how");
	else if (!strcmp(how, "latin1"))
		control_error(call, "No", "caf\xe9 is closed");
	else
		control_error(call, how, "ask somebody else");
}

static void on_count(void *arg, struct control_call *call, const json_t *params)
{
	(void)arg;
	(void)params;
	if (!control_more(call, json_pack("{s:i}", "i", 1)) ||
	    !control_more(call, json_pack("{s:i}", "i", 2)))
		_exit(1);
	control_reply(call, json_pack("{s:i}", "i", 3));
}

static void on_break(void *arg, struct control_call *call, const json_t *params)
{
	(void)arg;
	(void)params;
	control_more(call, json_pack("{s:i}", "i", 1));
	_exit(0);
}

static void on_large(void *arg, struct control_call *call, const json_t *params)
{
	char *text = calloc(1, 5000001);

	(void)arg;
	(void)params;
	memset(text, 'x', 5000000);
	control_reply(call, json_pack("{s:s}", "x", text));
	free(text);
}

static const struct control_method methods[] = {
	{ "Echo", false, on_echo }, { "Hold", false, on_hold }, { "Refuse", false, on_refuse },
	{ "Count", false, on_count }, { "Break", false, on_break }, { "Large", false, on_large },
};

static const struct control_info info = {
	.interface = IFACE, .description = "interface " IFACE "\n",
	.vendor = "v", .product = "p", .version = "1", .url = "u",
	.methods = methods, .n_methods = N_OF(methods),
};

static void __attribute__((noreturn)) serve(struct fixture *f, int ready)
{
	sd_event *event;
	struct control *c;

	if (sd_event_new(&event) < 0 ||
	    control_new(event, f->path, -1, &info, NULL, &c, f->why, sizeof(f->why)) ||
	    write(ready, "", 1) != 1)
		_exit(1);
	sd_event_loop(event);
	_exit(1);
}

static void start(struct fixture *f)
{
	int p[2];
	char c;

	assert_int_equal(pipe(p), 0);
	f->child = fork();
	assert_true(f->child >= 0);
	if (!f->child)
		serve(f, p[1]);
	close(p[1]);
	assert_int_equal(read(p[0], &c, 1), 1);
	close(p[0]);
}

static void stop(struct fixture *f)
{
	if (f->child <= 0)
		return;
	kill(f->child, SIGKILL);
	waitpid(f->child, NULL, 0);
	f->child = 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/test_dnsd_control.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/control", f->dir);
	*state = f;
	return 0;
}

static int set_up_daemon(void **state)
{
	int r = set_up(state);

	if (!r)
		start(*state);
	return r;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char cmd[128];

	stop(f);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	free(f);
	return system(cmd);
}

static int call_ms(struct fixture *f, const char *method, json_t *params, unsigned int ms,
		   json_t **reply)
{
	int r;

	*reply = NULL;
	strcpy(f->why, "");
	r = control_call("btmm-dnsd", f->path, method, params, ms, reply, f->why, sizeof(f->why));
	json_decref(params);
	return r;
}

static int call(struct fixture *f, const char *method, json_t *params, json_t **reply)
{
	return call_ms(f, method, params, LONG_MS, reply);
}

/* "@": the path */
static void assert_why(const struct fixture *f, const char *before, const char *after)
{
	char want[600];

	snprintf(want, sizeof(want), "%s%s%s", before, *after ? f->path : "", after);
	assert_string_equal(f->why, want);
}

/* --- calls --------------------------------------------------------------------------- */

static void called(void **state)
{
	struct fixture *f = *state;
	json_t *reply;

	assert_int_equal(call(f, IFACE ".Echo", json_pack("{s:s}", "a", "b"), &reply), 0);
	assert_string_equal(json_string_value(json_object_get(reply, "a")), "b");
	json_decref(reply);
	assert_int_equal(call(f, IFACE ".Echo", NULL, &reply), 0);
	assert_int_equal(json_object_size(reply), 0);
	json_decref(reply);
	assert_int_equal(call(f, IFACE ".Large", NULL, &reply), 0);
	assert_int_equal(json_string_length(json_object_get(reply, "x")), 5000000);
	json_decref(reply);
}

static void refused(void **state)
{
	static const struct {
		const char *method, *how, *why;
	} cases[] = {
		{ IFACE ".Refuse", "No", "ask somebody else" },
		{ IFACE ".Refuse", "invalid", "btmm-dnsd does not take 'how' as it was given" },
		/* what no JSON can hold is not lost for one octet */
		{ IFACE ".Refuse", "latin1", "caf? is closed" },
		{ IFACE ".Nothing", "", "the btmm-dnsd that runs is another version, without "
		  IFACE ".Nothing: restart it" },
		{ "a.b.C", "", "the btmm-dnsd that runs is another version, without a.b.C: "
		  "restart it" },
	};
	struct fixture *f = *state;
	json_t *reply;
	size_t i;

	for (i = 0; i < N_OF(cases); i++) {
		assert_int_equal(call(f, cases[i].method, json_pack("{s:s}", "how", cases[i].how),
				      &reply), -EREMOTEIO);
		assert_null(reply);
		assert_why(f, cases[i].why, "");
	}
}

struct counted {
	unsigned int n, stop_at;
};

static bool count(void *arg, const json_t *params)
{
	struct counted *c = arg;

	assert_int_equal(json_integer_value(json_object_get(params, "i")), ++c->n);
	return c->n != c->stop_at;
}

static int watch(struct fixture *f, const char *method, struct counted *c)
{
	return control_watch("btmm-dnsd", f->path, method, NULL, LONG_MS, count, c, f->why,
			     sizeof(f->why));
}

static void watched(void **state)
{
	struct fixture *f = *state;
	struct counted all = { 0, 0 }, two = { 0, 2 }, broken = { 0, 0 }, none = { 0, 0 };

	assert_int_equal(watch(f, IFACE ".Count", &all), 0);
	assert_int_equal(all.n, 3);
	assert_int_equal(watch(f, IFACE ".Count", &two), 0);
	assert_int_equal(two.n, 2);
	assert_int_equal(watch(f, IFACE ".Nothing", &none), -EREMOTEIO);
	assert_int_equal(none.n, 0);
	/* the daemon ends in the middle */
	assert_int_equal(watch(f, IFACE ".Break", &broken), -ECONNRESET);
	assert_int_equal(broken.n, 1);
	assert_why(f, "btmm-dnsd closed the connection: it has ended, or has too many clients", "");
}

static void not_there(void **state)
{
#define NOBODY	": is btmm-dnsd running? (systemctl status btmm-dnsd)"
	struct fixture *f = *state;
	char longer[120];
	json_t *reply;

	assert_int_equal(call(f, IFACE ".Echo", NULL, &reply), -ENOENT);
	assert_why(f, "nobody listens on ", NOBODY);

	/* it was killed and left its socket behind */
	start(f);
	stop(f);
	assert_int_equal(call(f, IFACE ".Echo", NULL, &reply), -ECONNREFUSED);
	assert_why(f, "nobody listens on ", NOBODY);

	/* one that is alive, but does not answer */
	start(f);
	assert_int_equal(call_ms(f, IFACE ".Hold", NULL, 50, &reply), -ETIMEDOUT);
	assert_why(f, "btmm-dnsd does not answer on ", " (see journalctl -u btmm-dnsd)");

	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[108] = '\0';
	assert_int_equal(control_call("btmm-dnsd", longer, IFACE ".Echo", NULL, 50, &reply, f->why,
				      sizeof(f->why)), -ENAMETOOLONG);
}

/* Somebody else's socket. @say NULL: it only takes what comes. */
static void __attribute__((noreturn)) serve_other(int l, const char *say, size_t len)
{
	char text[1000];

	for (;;) {
		int fd = accept(l, NULL, NULL);

		if (fd < 0 || recv(fd, text, sizeof(text), 0) < 0)
			_exit(1);
		send(fd, say, len, MSG_NOSIGNAL);
		close(fd);
	}
}

static int listen_at(const char *path, int backlog)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(sun.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void another_service(void **state)
{
	static const struct {
		const char *say;
		size_t len;
		int err;
	} cases[] = {
		{ "hello", 6, -EBADMSG },
		{ "[]", 3, -EBADMSG },
		{ "{\"error\":1}", 12, -EBADMSG },
		{ "{\"parameters\":[]}", 18, -EBADMSG },
		{ "{\"continues\":0}", 16, -EBADMSG },
		{ "{}", 2, -ECONNRESET },	/* without its end */
		{ "", 0, -ECONNRESET },
	};
	struct fixture *f = *state;
	json_t *reply;
	size_t i;
	int l;

	for (i = 0; i < N_OF(cases); i++) {
		l = listen_at(f->path, 5);
		f->child = fork();
		assert_true(f->child >= 0);
		if (!f->child)
			serve_other(l, cases[i].say, cases[i].len);
		close(l);
		assert_int_equal(call(f, IFACE ".Echo", NULL, &reply), cases[i].err);
		if (cases[i].err == -EBADMSG)
			assert_why(f, "what listens on ", " is not btmm-dnsd");
		stop(f);
		unlink(f->path);
	}
}

/* Its queue is full: connect() neither waits nor tells when to try again. */
static void full_queue(void **state)
{
	struct fixture *f = *state;
	int l = listen_at(f->path, 0), fd[3], i;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	json_t *reply;

	strcpy(sun.sun_path, f->path);
	for (i = 0; i < 3; i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fd[i], (struct sockaddr *)&sun, sizeof(sun));
	}
	assert_int_equal(call_ms(f, IFACE ".Echo", NULL, 100, &reply), -ETIMEDOUT);
	for (i = 0; i < 3; i++)
		close(fd[i]);
	close(l);
}

/* --- the socket's place ----------------------------------------------------------------- */

static int make(struct fixture *f, sd_event *event, const char *path, int fd, struct control **c)
{
	*c = NULL;
	strcpy(f->why, "");
	return control_new(event, path, fd, &info, NULL, c, f->why, sizeof(f->why));
}

static void places(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct fixture *f = *state;
	struct control *c, *second;
	struct stat st;
	sd_event *event;
	char deep[120];
	FILE *file;
	int fd;

	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(make(f, event, f->path, -1, &c), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0666);
	/* another daemon is told */
	assert_int_equal(make(f, event, f->path, -1, &second), -EADDRINUSE);
	assert_why(f, "another daemon listens on ", " already");
	/* and what it did not make it does not remove */
	assert_int_equal(stat(f->path, &st), 0);

	/* Neither does the first, when somebody else has put his own there. */
	unlink(f->path);
	fd = listen_at(f->path, 5);
	control_free(c);
	assert_int_equal(stat(f->path, &st), 0);
	/* nobody listens on that one any more: it is replaced */
	close(fd);
	assert_int_equal(make(f, event, f->path, -1, &c), 0);
	control_free(c);
	assert_int_equal(stat(f->path, &st), -1);

	file = fopen(f->path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(make(f, event, f->path, -1, &c), -EEXIST);
	assert_string_equal(strstr(f->why, " is "), " is there and is no socket: move it away");
	unlink(f->path);

	/* a directory that is missing, and two */
	snprintf(deep, sizeof(deep), "%s/a/control", f->dir);
	assert_int_equal(make(f, event, deep, -1, &c), 0);
	control_free(c);
	snprintf(deep, sizeof(deep), "%s/b/c/control", f->dir);
	assert_int_equal(make(f, event, deep, -1, &c), -ENOENT);
	snprintf(deep, sizeof(deep), "%s/b/c cannot be made: No such file or directory", f->dir);
	assert_string_equal(f->why, deep);

	/* where no socket can be */
	assert_int_equal(make(f, event, "/dev/null/control", -1, &c), -ENOTDIR);
	assert_string_equal(f->why, "/dev/null/control cannot be looked at: Not a directory");
	assert_true(make(f, event, "/proc/btmm-control", -1, &c) < 0);
	assert_non_null(strstr(f->why, "/proc/btmm-control cannot be made: "));

	/* somebody else's, of another kind */
	strcpy(sun.sun_path, f->path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(make(f, event, f->path, -1, &c), -EPROTOTYPE);
	assert_non_null(strstr(f->why, " cannot be tried: "));
	assert_int_equal(stat(f->path, &st), 0);
	close(fd);
	unlink(f->path);

	memset(deep, 'x', sizeof(deep));
	deep[108] = '\0';
	assert_int_equal(make(f, event, deep, -1, &c), -ENAMETOOLONG);

	/* systemd's stays when the daemon ends */
	fd = listen_at(f->path, 5);
	assert_int_equal(make(f, event, "/nowhere/control", fd, &c), 0);
	control_free(c);
	assert_int_equal(stat(f->path, &st), 0);
	sd_event_unref(event);
}

/* --- calls that outlive the service --------------------------------------------------------- */

static struct control_call *left;
static unsigned int n_gone;

static void on_leave(void *arg, struct control_call *c, const json_t *params)
{
	(void)arg;
	(void)params;
	left = c;
}

static void gone(void *arg)
{
	(void)arg;
	n_gone++;
}

static void freed_with_calls(void **state)
{
	static const struct control_method leave[] = { { "Leave", false, on_leave } };
	static const char ask[] = "{\"method\":\"" IFACE ".Leave\"}";
	struct control_info i = info;
	struct fixture *f = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct control *c;
	sd_event *event;
	int turn, fd;

	i.methods = leave;
	i.n_methods = 1;
	strcpy(sun.sun_path, f->path);
	for (turn = 0; turn < 2; turn++) {
		assert_true(sd_event_new(&event) >= 0);
		assert_int_equal(control_new(event, f->path, -1, &i, NULL, &c, f->why,
					     sizeof(f->why)), 0);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
		assert_int_equal(send(fd, ask, sizeof(ask), 0), sizeof(ask));
		left = NULL;
		while (!left)
			assert_true(sd_event_run(event, 10000000) > 0);
		if (!turn)
			control_on_gone(left, gone, NULL);
		control_free(c);
		if (turn)
			control_reply(left, NULL);
		close(fd);
		sd_event_unref(event);
	}
	assert_int_equal(n_gone, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(called, set_up_daemon, tear_down),
		cmocka_unit_test_setup_teardown(refused, set_up_daemon, tear_down),
		cmocka_unit_test_setup_teardown(watched, set_up_daemon, tear_down),
		cmocka_unit_test_setup_teardown(not_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_service, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(freed_with_calls, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
