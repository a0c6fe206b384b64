// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How btmm-ctl says that something is wrong.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

const struct command *current_command;

static void __attribute__((format(printf, 1, 0)))
say(const char *fmt, va_list ap)
{
	fputs("btmm-ctl: ", stderr);
	if (current_command)
		fprintf(stderr, "%s%s%s: ", current_command->object,
			current_command->verb ? " " : "",
			current_command->verb ? current_command->verb : "");
	vfprintf(stderr, fmt, ap);
}

int fail_with(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int fail_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);

	if (current_command)
		fprintf(stderr, "\nTry 'btmm-ctl help %s%s%s'.\n",
			current_command->object,
			current_command->verb ? " " : "",
			current_command->verb ? current_command->verb : "");
	else
		fputs("\nTry 'btmm-ctl help'.\n", stderr);
	return CTL_USAGE;
}

int exit_code(int err)
{
	switch (-err) {
	case 0:
		return CTL_OK;
	case ENOENT:
	case ENODEV:
		return CTL_NOT_FOUND;
	case EPERM:
	case EACCES:
		return CTL_DENIED;
	default:
		return CTL_FAILED;
	}
}

int fail_kernel(const struct nl_conn *c, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);

	fprintf(stderr, ": %s\n", c->error[0] ? c->error : strerror(-err));
	if (exit_code(err) == CTL_DENIED)
		fputs("btmm-ctl needs CAP_NET_ADMIN: run it as root, with sudo for example.\n",
		      stderr);
	return exit_code(err);
}
