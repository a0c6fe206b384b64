// SPDX-License-Identifier: GPL-2.0-or-later
/* Clients of the control socket that go, stall, flood, or may not. */
#define _GNU_SOURCE
#include "dnsd_control.h"

static void gone_clients(void **state)
{
	struct fixture *f = *state;
	struct control_call *call;
	int fd = dial(f);

	/* told, if that is wanted */
	SAY(fd, "{\"method\":\"" IFACE ".Hold\",\"more\":true}");
	run_until(f, f->held);
	control_on_gone(f->held, note_gone, f);
	close(fd);
	run_until(f, f->gone);
	assert_int_equal(f->gone, 1);

	/* else the call stays good until it is answered */
	fd = dial(f);
	SAY(fd, "{\"method\":\"" IFACE ".Hold\",\"more\":true}");
	run_until(f, f->held);
	call = f->held;
	close(fd);
	run_all(f);
	assert_false(control_more(call, json_pack("{s:i}", "a", 1)));
	control_error(call, "Late", "nobody hears it");

	/* answered between the end and its being noticed */
	fd = dial(f);
	SAY(fd, "{\"method\":\"" IFACE ".Hold\"}");
	f->held = NULL;
	run_until(f, f->held);
	control_on_gone(f->held, note_gone, f);
	close(fd);
	control_reply(f->held, NULL);
	run_all(f);
	assert_int_equal(f->gone, 1);

	/* half-closed is not gone: it listens */
	fd = dial(f);
	SAY(fd, "{\"method\":\"" IFACE ".Hold\"}");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	f->held = NULL;
	run_until(f, f->held);
	control_on_gone(f->held, note_gone, f);
	run_all(f);
	control_reply(f->held, NULL);
	assert_string_equal(hear(f, fd), "{\"parameters\":{}}");
	assert_string_equal(hear(f, fd), "");
	close(fd);
	assert_int_equal(f->gone, 1);
}

static void half_a_message(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f), other = dial(f);

	say(fd, "{\"method\":", 10);
	run_all(f);
	assert_false(has_come(fd));
	SAY(other, "{\"method\":\"" IFACE ".Empty\"}");
	assert_string_equal(hear(f, other), "{\"parameters\":{}}");
	/* and then no more of it */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_string_equal(hear(f, fd), "");
	assert_int_equal(f->calls, 0);
	close(fd);
	close(other);
}

static void huge_messages(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(70000);
	size_t head;
	int fd;

	/* the longest that is taken */
	assert_non_null(text);
	memset(text, 'x', 70000);
	head = strlen(strcpy(text, "{\"method\":\"" IFACE ".Echo\",\"parameters\":{\"a\":\""));
	text[head] = 'x';
	memcpy(text + 65536 - 4, "\"}}", 4);
	fd = dial(f);
	say(fd, text, 65536);
	assert_int_equal(strlen(hear(f, fd)), 65535 - head + strlen("{\"parameters\":{\"a\":\""));
	assert_int_equal(f->calls, 1);
	close(fd);

	/* one more octet */
	memset(text + 65536 - 4, 'x', 4);
	memcpy(text + 65537 - 4, "\"}}", 4);
	fd = dial(f);
	say(fd, text, 65537);
	assert_string_equal(hear(f, fd), "");
	close(fd);
	/* and one without end */
	memset(text, 'x', 70000);
	fd = dial(f);
	while (send(fd, text, 70000, MSG_NOSIGNAL) > 0)
		run_all(f);
	run_until(f, has_ended(fd));
	close(fd);
	free(text);
	assert_int_equal(f->calls, 1);
}

static void slow_readers(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f), other = dial(f), i;
	const char *text;

	/* One large answer is kept for it, however large. */
	SAY(fd, "{\"method\":\"" IFACE ".Count\",\"parameters\":{\"n\":1,\"size\":1900000}}");
	run_all(f);
	SAY(other, "{\"method\":\"" IFACE ".Empty\"}");
	assert_string_equal(hear(f, other), "{\"parameters\":{}}");
	assert_int_equal(strlen(hear(f, fd)),
			 1900000 + strlen("{\"parameters\":{\"i\":1,\"x\":\"\"}}"));

	/* Many are, too, up to a limit. */
	SAY(fd, "{\"method\":\"" IFACE ".Count\",\"more\":true,"
	    "\"parameters\":{\"n\":20,\"size\":100000}}");
	for (i = 1; i <= 20; i++) {
		char want[40];

		text = hear(f, fd);
		snprintf(want, sizeof(want), "{\"parameters\":{\"i\":%d,", i);
		assert_memory_equal(text, want, strlen(want));
	}
	assert_int_equal(f->more_failed, 0);

	/* Who lets more than that lie is cut. */
	SAY(fd, "{\"method\":\"" IFACE ".Count\",\"more\":true,"
	    "\"parameters\":{\"n\":100,\"size\":100000}}");
	run_until(f, f->more_failed);
	control_on_gone(f->held, note_gone, f);
	run_until(f, f->gone);
	SAY(other, "{\"method\":\"" IFACE ".Empty\"}");
	assert_string_equal(hear(f, other), "{\"parameters\":{}}");
	close(fd);
	close(other);
}

/* One user's connections do not lock the administrator out, nor do they all. */
static void many_clients(void **state)
{
	struct fixture *f = *state;
	int fds[400], i, open = 0;

	for (i = 0; i < 400; i++) {
		fds[i] = dial(f);
		run_all(f);
	}
	for (i = 0; i < 400; i++) {
		if (!has_ended(fds[i]))
			open++;
	}
	/* we are the daemon's own user */
	assert_int_equal(open, 192);
	for (i = 0; i < 400; i++)
		close(fds[i]);
	run_all(f);
	fds[0] = dial(f);
	SAY(fds[0], "{\"method\":\"" IFACE ".Empty\"}");
	assert_string_equal(hear(f, fds[0]), "{\"parameters\":{}}");
	close(fds[0]);
}

/* Without descriptors, who comes is sent away instead of being waited for in a spin. */
static void no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit was, is;
	int fds[64], n = 0, other = dial(f), fd;

	SAY(other, "{\"method\":\"" IFACE ".Empty\"}");
	assert_string_equal(hear(f, other), "{\"parameters\":{}}");
	fd = dial(f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	is = was;
	is.rlim_cur = 1;
	while (n < 64 && (fds[n] = dup(fd)) >= 0 && fds[n] < 60)
		n++;
	is.rlim_cur = fds[n] + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &is), 0);
	assert_true(dup(fd) < 0);

	run_until(f, has_ended(fd));
	SAY(other, "{\"method\":\"" IFACE ".Empty\"}");
	assert_string_equal(hear(f, other), "{\"parameters\":{}}");

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	while (n >= 0)
		close(fds[n--]);
	close(fd);
	fd = dial(f);
	SAY(fd, "{\"method\":\"" IFACE ".Empty\"}");
	assert_string_equal(hear(f, fd), "{\"parameters\":{}}");
	close(fd);
	close(other);
}

/* A child that is nobody, and says what it heard; the loop runs meanwhile. */
static void other_users(void **state)
{
	static const char reload[] = "{\"method\":\"" IFACE ".Reload\"}";
	static const char echo[] = "{\"method\":\"" IFACE ".Echo\"}";
	struct fixture *f = *state;
	int p[2], status;
	pid_t pid;

	if (geteuid())
		skip();
	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		char text[2000];
		int fd, i, extra = 0;
		ssize_t n;

		if (setgid(65534) || setuid(65534))
			_exit(1);
		fd = try_dial(f->path);
		if (fd < 0)
			_exit(2);
		for (i = 0; i < 40; i++)
			extra += try_dial(f->path) >= 0;
		send(fd, reload, sizeof(reload), 0);
		poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, LIMIT_MS);
		n = recv(fd, text, sizeof(text), 0);
		if (n <= 0 || write(p[1], text, n) != n)
			_exit(3);
		send(fd, echo, sizeof(echo), 0);
		poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, LIMIT_MS);
		n = recv(fd, text, sizeof(text), 0);
		_exit(n <= 0 || write(p[1], text, n) != n || !extra);
	}
	close(p[1]);
	assert_string_equal(hear(f, p[0]),
			    "{\"error\":\"" SERVICE ".PermissionDenied\",\"parameters\":{}}");
	assert_string_equal(hear(f, p[0]), "{\"parameters\":{}}");
	/* the second of the two, and not the first */
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->uid, 65534);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(p[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gone_clients, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_a_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(huge_messages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(slow_readers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_clients, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_descriptors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_users, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
