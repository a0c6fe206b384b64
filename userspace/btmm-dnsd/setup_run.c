// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "setup_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIME_LIMIT_MS	30000
#define OUTPUT_MAX	(16U << 20)

const char *run_find(const char *program)
{
	static char path[4096];
	const char *dirs = getenv("PATH"), *p, *end;
	char all[4096];

	if (strchr(program, '/'))
		return access(program, X_OK) ? NULL : program;

	snprintf(all, sizeof(all), "%s:/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin",
		 dirs ? dirs : "");
	for (p = all; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ':');
		if (end == p)
			continue;
		snprintf(path, sizeof(path), "%.*s/%s", (int)(end - p), p, program);
		if (!access(path, X_OK))
			return path;
	}
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void child(const char *path, const char *const *argv, int out)
{
	int in = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Messages are read by a program here. */
	setenv("LC_ALL", "C", 1);
	if (in >= 0 && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(out, STDERR_FILENO) >= 0)
		execv(path, (char *const *)argv);
	_exit(127);
}

/* Until its end, or the end of our patience. */
static int collect(int fd, struct buf *out)
{
	uint64_t end = now_ms() + TIME_LIMIT_MS, now;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char chunk[8192];
	ssize_t n;

	for (;;) {
		now = now_ms();
		if (now >= end)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)(end - now)) < 0 && errno != EINTR)
			return -errno;
		if (!p.revents)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		if (out && out->len < OUTPUT_MAX)
			buf_put(out, chunk, (size_t)n);
	}
}

int run_program(const char *const *argv, struct buf *out)
{
	const char *path = run_find(argv[0]);
	int fds[2], status, err;
	pid_t pid;

	if (!path)
		return -ENOENT;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		err = -errno;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (!pid)
		child(path, argv, fds[1]);

	close(fds[1]);
	err = collect(fds[0], out);
	close(fds[0]);
	if (err)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (err)
		return err;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *run_first_line(const struct buf *said, char *line, size_t size)
{
	const char *p = buf_text(said);
	size_t len;

	while (*p == '\n')
		p++;
	len = strcspn(p, "\n");
	if (!len)
		return "it says nothing";
	snprintf(line, size, "%.*s", (int)len, p);
	return line;
}

int run_why(int status, const struct buf *said, const char *what, int code, struct why *why)
{
	char line[512];

	if (status > 0)
		return why_set(why, code, "%s says: %s", what,
			       run_first_line(said, line, sizeof(line)));
	if (status)
		return why_set(why, status, "%s cannot be run: %s", what, strerror(-status));
	return 0;
}
