/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The administrator's commands of btmm-dnsd: all but "run".
 *
 *	admin.c		the table of commands, help, how they fail
 *	setup_cmd.c	setup (setup.h)
 *	admin_account.c	account add, list, remove, rekey
 *	admin_host.c	host add, list, key, remove (admin_hosts.c: who is there)
 *	admin_status.c	status, reload
 *	admin_check.c	check
 *	admin_backup.c	backup (admin_tar.c: its format)
 *	admin_restore.c	restore
 *	admin_zone.c	a zone taken off
 *	admin_dns.c	a DNS client (admin_talk.c: its sockets)
 *	admin_probe.c	what a primary lets us do
 */
#ifndef BTMM_DNSD_ADMIN_H
#define BTMM_DNSD_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin_text.h"

/* Exit codes; documented by "help" and in btmm-dnsd(8). */
enum {
	ADMIN_OK	= 0,
	ADMIN_FAILED	= 1,
	ADMIN_USAGE	= 2,
	ADMIN_NOT_FOUND	= 3,	/* no such account or host */
	ADMIN_NO_SERVER	= 4,	/* the daemon or the primary cannot be reached */
	ADMIN_FINDINGS	= 5,	/* check found something */
};

/* @argv as main() has it; argv[1] is the command. Returns an exit code. */
int admin_main(int argc, char **argv);

/*
 * @name: first word
 * @verb: second word; NULL if @name is the whole command
 * @run: argv[0] is the last word of the command
 * @words: what may follow
 */
struct admin_command {
	const char *name, *verb;
	int (*run)(int argc, char **argv);
	const char *words, *summary, *help;
};
extern const struct admin_command admin_commands[];
extern const size_t n_admin_commands;

#define ADMIN_COMMAND(name)				\
	int cmd_##name(int argc, char **argv);		\
	extern const char help_##name[]

ADMIN_COMMAND(setup);
ADMIN_COMMAND(account_add);
ADMIN_COMMAND(account_list);
ADMIN_COMMAND(account_remove);
ADMIN_COMMAND(account_rekey);
ADMIN_COMMAND(host_add);
ADMIN_COMMAND(host_list);
ADMIN_COMMAND(host_key);
ADMIN_COMMAND(host_remove);
ADMIN_COMMAND(status);
ADMIN_COMMAND(reload);
ADMIN_COMMAND(check);
ADMIN_COMMAND(backup);
ADMIN_COMMAND(restore);
ADMIN_COMMAND(run);	/* only its help: main.c runs it */
ADMIN_COMMAND(help);

/* One line on standard error, "btmm-dnsd: host add: ...". Each returns the exit code.
 * admin_usage() also says where help is.
 */
int admin_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int admin_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void admin_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The exit code that goes with a negative errno. */
int admin_code(int err);

/*
 * Options, by name only ("--json"), in any place. @values: where each option's value
 * goes; a switch sets *@on.
 */
struct admin_option {
	const char *name;	/* without "--"; NULL ends the list */
	const char **value;	/* or NULL */
	bool *on;
	/* For options that may be repeated: called with each value. 0 or an exit code. */
	int (*each)(void *arg, const char *value);
	void *arg;
};
/*
 * Sorts @argv (from 1 on): what is no option is moved to its front. Returns how many
 * words that are; negative: an exit code's negative, and it was told.
 */
int admin_options(int argc, char **argv, const struct admin_option *options);

#endif
