// SPDX-License-Identifier: GPL-2.0-or-later
/* A daemon that cannot begin: when it waits before it ends, and what ends that. */
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/service/pause.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Nobody starts it again at once: a person waits for the prompt. */
static void by_hand(void **state)
{
	double start = now();

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	service_pause(60);
	assert_true(now() - start < 30);
}

static void by_systemd(void **state)
{
	double start = now();

	(void)state;
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	service_pause(1);
	assert_true(now() - start >= 1);
}

/* "systemctl stop" does not wait for it, whether the signal came before or comes meanwhile. */
static void stopped(void **state)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	double start = now();
	sigset_t mask;
	pid_t child;
	size_t i;

	(void)state;
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	for (i = 0; i < 2; i++) {
		kill(getpid(), numbers[i]);
		service_pause(60);
	}
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		usleep(100000);
		_exit(kill(getppid(), SIGTERM));
	}
	service_pause(60);
	waitpid(child, NULL, 0);
	assert_true(now() - start < 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),
		cmocka_unit_test(by_systemd),
		cmocka_unit_test(stopped),
	};

	return cmocka_run_group_tests_name("service_pause", tests, NULL, NULL);
}
