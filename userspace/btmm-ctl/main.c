// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl: the command line of the Back to My Mac tunnel.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "out.h"

#ifndef BTMM_VERSION
#define BTMM_VERSION "unknown"
#endif

/*
 * A closed standard descriptor must not become a netlink socket's number:
 * output would go to the kernel. Opened the wrong way round, writing to it
 * fails as it should.
 */
static void reserve_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Take the words that may stand anywhere out of @argv; returns the new argc. */
static int take_options(int argc, char **argv, bool *help, bool *version)
{
	int i, n = 0;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			out_mode = OUT_JSON;
		else if (!strcmp(argv[i], "--raw"))
			out_mode = OUT_RAW;
		else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			*help = true;
		else if (!strcmp(argv[i], "--version"))
			*version = true;
		else
			argv[n++] = argv[i];
	}

	return n;
}

static int no_such_verb(const char *object, const char *verb)
{
	char verbs[128] = "";
	size_t i, used;

	for (i = 0; i < n_commands; i++) {
		if (strcmp(commands[i].object, object))
			continue;
		used = strlen(verbs);
		snprintf(verbs + used, sizeof(verbs) - used, "%s%s",
			 used ? ", " : "", commands[i].verb);
	}

	if (!verb)
		return fail_usage("%s: a word is missing (want one of: %s)",
				  object, verbs);
	return fail_usage("%s: unknown word '%s' (want one of: %s)", object,
			  verb, verbs);
}

static int run(int argc, char **argv, bool help)
{
	const struct command *cmd;

	if (!argc) {
		if (help) {
			help_overview();
			return CTL_OK;
		}
		return fail_usage("a command is missing");
	}

	cmd = command_find(argv[0], NULL);
	if (!cmd)
		return fail_usage("there is no command '%s'", argv[0]);
	if (!cmd->run)
		return elsewhere();

	if (!cmd->verb) {
		argc--;
		argv++;
	} else if (argc == 1 && help) {
		return cmd_help(1, argv);
	} else if (argc == 1) {
		cmd = command_find(argv[0], "show");
		if (!cmd)
			return no_such_verb(argv[0], NULL);
		argc--;
		argv++;
	} else {
		cmd = command_find(argv[0], argv[1]);
		if (!cmd)
			return no_such_verb(argv[0], argv[1]);
		argc -= 2;
		argv += 2;
	}

	current_command = cmd;
	if (help) {
		help_command(cmd);
		return CTL_OK;
	}

	return cmd->run(argc, argv);
}

int main(int argc, char **argv)
{
	char **given;
	bool help = false, version = false;
	int code, err;

	reserve_standard_descriptors();
	/* A reader that goes away is told from other failures by EPIPE. */
	signal(SIGPIPE, SIG_IGN);
	if (out_init())
		return fail_with(CTL_FAILED, "out of memory");

	given = calloc((size_t)argc + 1, sizeof(*given));
	if (!given)
		return fail_with(CTL_FAILED, "out of memory");
	memcpy(given, argv, (size_t)argc * sizeof(*given));
	elsewhere_init(given);

	argc = take_options(argc - 1, argv + 1, &help, &version);
	if (version) {
		fputs("btmm-ctl " BTMM_VERSION "\n", out_file);
		code = CTL_OK;
	} else {
		code = run(argc, argv + 1, help);
	}

	err = out_finish();
	if (!code)
		code = err;

	kernel_close();
	fclose(out_file);
	free(given);
	return code;
}
