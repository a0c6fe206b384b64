// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifndef BTMM_VERSION
#define BTMM_VERSION "unknown"
#endif

static const struct admin_command *current;

const struct admin_command admin_commands[] = {
	{ "setup", NULL, cmd_setup, "--domain DOMAIN [OPTION...]",
	  "make a server for a private zone, or add a zone to it", help_setup },
	{ "account", "add", cmd_account_add, "DOMAIN [OPTION...]",
	  "add another zone to this server", help_account_add },
	{ "account", "list", cmd_account_list, "[--json]",
	  "list the zones of this server", help_account_list },
	{ "account", "remove", cmd_account_remove, "DOMAIN",
	  "take a zone off this server; its records are kept in a file", help_account_remove },
	{ "account", "rekey", cmd_account_rekey, "DOMAIN",
	  "give a zone a new account key", help_account_rekey },
	{ "host", "add", cmd_host_add, "NAME [OPTION...]",
	  "let a host into its zone, and write its key", help_host_add },
	{ "host", "list", cmd_host_list, "[DOMAIN] [--json]",
	  "list the hosts", help_host_list },
	{ "host", "key", cmd_host_key, "NAME [OPTION...]",
	  "write the key of a host again", help_host_key },
	{ "host", "remove", cmd_host_remove, "NAME [OPTION...]",
	  "end a host's key at once, and remove its records", help_host_remove },
	{ "status", NULL, cmd_status, "[--json]",
	  "show what the running daemon does", help_status },
	{ "check", NULL, cmd_check, "[DOMAIN] [OPTION...]",
	  "look whether all is as it should be, and say what to do", help_check },
	{ "backup", NULL, cmd_backup, "FILE",
	  "put configuration, keys, zones and leases into one file", help_backup },
	{ "restore", NULL, cmd_restore, "FILE [--force]",
	  "make a server of a backup", help_restore },
	{ "reload", NULL, cmd_reload, "",
	  "let the running daemon read its configuration again", help_reload },
	{ "run", NULL, cmd_run, "[--config FILE] [--verbose]",
	  "be the daemon (systemd does this)", help_run },
	{ "help", NULL, cmd_help, "[COMMAND]",
	  "explain a command", help_help },
};

const size_t n_admin_commands = sizeof(admin_commands) / sizeof(*admin_commands);

const char help_help[] =
"Without COMMAND the commands are listed. COMMAND is one or two words, as in\n"
"'btmm-dnsd help host add'. Any command followed by --help does the same.\n";

const char help_run[] =
"Serves until SIGTERM. SIGHUP makes it read the configuration again; subscriptions\n"
"go on.\n"
"\n"
"  --config FILE   the configuration (default: /etc/btmm/dnsd.conf)\n"
"  --verbose       tell more\n";

/* --- how commands fail --------------------------------------------------- */

static void say(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("btmm-dnsd: ", stderr);
	if (current)
		fprintf(stderr, "%s%s%s: ", current->name, current->verb ? " " : "",
			current->verb ? current->verb : "");
	vfprintf(stderr, fmt, ap);
	fputs("\n", stderr);
}

int admin_fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return code;
}

void admin_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

int admin_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	if (current)
		fprintf(stderr, "try: btmm-dnsd help %s%s%s\n", current->name,
			current->verb ? " " : "", current->verb ? current->verb : "");
	else
		fputs("try: btmm-dnsd help\n", stderr);
	return ADMIN_USAGE;
}

int admin_code(int err)
{
	switch (err) {
	case 0:
		return ADMIN_OK;
	case -ECONNREFUSED:
	case -ETIMEDOUT:
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -ECONNRESET:
	case -EPIPE:
		return ADMIN_NO_SERVER;
	default:
		return ADMIN_FAILED;
	}
}

/* --- options ------------------------------------------------------------- */

static const struct admin_option *option_find(const struct admin_option *o, const char *word,
					      const char **value)
{
	size_t len = strcspn(word, "=");

	*value = word[len] ? word + len + 1 : NULL;
	while (o->name && (strncmp(o->name, word, len) || o->name[len]))
		o++;
	return o->name ? o : NULL;
}

int admin_options(int argc, char **argv, const struct admin_option *options)
{
	const struct admin_option *o;
	const char *value;
	int i, n = 0, code;
	bool all_words = false;

	for (i = 1; i < argc; i++) {
		if (all_words || strncmp(argv[i], "--", 2)) {
			if (!all_words && argv[i][0] == '-' && argv[i][1])
				return -admin_usage("'%s': options are written --OPTION", argv[i]);
			argv[1 + n++] = argv[i];
			continue;
		}
		if (!argv[i][2]) {
			all_words = true;
			continue;
		}
		o = option_find(options, argv[i] + 2, &value);
		if (!o)
			return -admin_usage("there is no option %s", argv[i]);
		if (o->on) {
			if (value)
				return -admin_usage("--%s takes no value", o->name);
			*o->on = true;
			continue;
		}
		if (!value && i + 1 < argc)
			value = argv[++i];
		if (!value)
			return -admin_usage("--%s wants a value", o->name);
		if (o->value)
			*o->value = value;
		code = o->each ? o->each(o->arg, value) : 0;
		if (code)
			return -code;
	}
	return n;
}

/* --- help ---------------------------------------------------------------- */

static void help_overview(void)
{
	char name[32];
	size_t i;

	fputs("Usage: btmm-dnsd COMMAND\n\nCommands:\n", stdout);
	for (i = 0; i < n_admin_commands; i++) {
		const struct admin_command *c = &admin_commands[i];

		snprintf(name, sizeof(name), "%s%s%s", c->name, c->verb ? " " : "",
			 c->verb ? c->verb : "");
		printf("  %-15s %s\n", name, c->summary);
	}
	fputs("\n"
	      "Exit codes:\n"
	      "  0  done\n"
	      "  1  it failed; what is there was left, or put back, as it was\n"
	      "  2  the command line is wrong\n"
	      "  3  no such account or host\n"
	      "  4  the daemon or the primary cannot be reached\n"
	      "  5  check found something\n"
	      "\n"
	      "'btmm-dnsd help COMMAND' explains a command; see also btmm-dnsd(8).\n", stdout);
}

static void help_command(const struct admin_command *c)
{
	printf("Usage: btmm-dnsd %s%s%s%s%s\n\n%c%s.\n\n%s", c->name, c->verb ? " " : "",
	       c->verb ? c->verb : "", c->words[0] ? " " : "", c->words,
	       c->summary[0] - 'a' + 'A', c->summary + 1, c->help);
}

static const struct admin_command *command_find(const char *name, const char *verb)
{
	size_t i;

	for (i = 0; i < n_admin_commands; i++) {
		const struct admin_command *c = &admin_commands[i];

		if (!strcmp(c->name, name) && (!c->verb || !verb || !strcmp(c->verb, verb)))
			return c;
	}
	return NULL;
}

int cmd_help(int argc, char **argv)
{
	const struct admin_command *c;
	bool first = true;
	size_t i;

	if (argc < 2) {
		help_overview();
		return ADMIN_OK;
	}
	c = command_find(argv[1], argc > 2 ? argv[2] : NULL);
	if (!c || argc > 3)
		return admin_usage("there is no command '%s%s%s'", argv[1], argc > 2 ? " " : "",
				   argc > 2 ? argv[2] : "");
	if (argc > 2 || !c->verb) {
		help_command(c);
		return ADMIN_OK;
	}
	for (i = 0; i < n_admin_commands; i++) {
		if (strcmp(admin_commands[i].name, argv[1]))
			continue;
		if (!first)
			fputs("\n\n", stdout);
		help_command(&admin_commands[i]);
		first = false;
	}
	return ADMIN_OK;
}

int cmd_run(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return admin_usage("this word has to come first");
}

static bool take_help(int *argc, char **argv)
{
	bool help = false;
	int i, n = 1;

	for (i = 1; i < *argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			help = true;
		else
			argv[n++] = argv[i];
	}
	*argc = n;
	return help;
}

int admin_main(int argc, char **argv)
{
	const struct admin_command *c;
	bool help = take_help(&argc, argv);
	int code;

	if (argc > 1 && !strcmp(argv[1], "--version")) {
		fputs("btmm-dnsd " BTMM_VERSION "\n", stdout);
		return ADMIN_OK;
	}
	if (argc < 2) {
		if (!help)
			return admin_usage("a command is missing");
		help_overview();
		return ADMIN_OK;
	}
	c = command_find(argv[1], NULL);
	if (!c)
		return admin_usage("there is no command '%s'", argv[1]);
	if (c->verb) {
		if (help && argc == 2)
			return cmd_help(argc, argv);
		if (argc < 3)
			return admin_usage("%s: a word is missing (btmm-dnsd help %s)", argv[1],
					   argv[1]);
		c = command_find(argv[1], argv[2]);
		if (!c)
			return admin_usage("%s: there is no '%s' (btmm-dnsd help %s)", argv[1],
					   argv[2], argv[1]);
	}
	if (help) {
		help_command(c);
		return ADMIN_OK;
	}

	current = c;
	code = c->run(argc - (c->verb ? 2 : 1), argv + (c->verb ? 2 : 1));
	if (fflush(stdout) || ferror(stdout)) {
		if (!code)
			code = admin_fail(ADMIN_FAILED, "cannot write the output");
	}
	return code;
}
