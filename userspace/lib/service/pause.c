// SPDX-License-Identifier: GPL-2.0-or-later
#include "pause.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

void service_pause(unsigned int seconds)
{
	const struct timespec t = { .tv_sec = seconds };
	sigset_t ends;

	if (!getenv("NOTIFY_SOCKET"))
		return;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	sigtimedwait(&ends, NULL, &t);
}
