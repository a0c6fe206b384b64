// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands that manage the account need libraries for DNS and TLS, twenty with what those
 * need. To load them takes longer than any other command takes to run, so these commands
 * are in a program of their own, which btmm-ctl becomes when it is asked for one:
 * ../libexec/btmm/btmm-ctl-account, as seen from where btmm-ctl is.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

#define PROGRAM "libexec/btmm/btmm-ctl-account"

static char **given;

void elsewhere_init(char **argv)
{
	given = argv;
}

int elsewhere(void)
{
	char self[PATH_MAX], path[PATH_MAX + sizeof(PROGRAM)];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return fail_with(CTL_FAILED, "cannot find " PROGRAM ": /proc/self/exe: %s",
				 strerror(errno));
	self[n] = '\0';
	snprintf(path, sizeof(path), "%s/" PROGRAM, dirname(dirname(self)));
	execv(path, given);
	return fail_with(CTL_FAILED, "cannot run %s: %s (it is a part of btmm)", path,
			 strerror(errno));
}
