// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl help
 */
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "out.h"

const char help_help[] =
"Without COMMAND the commands are listed. COMMAND is one or two words, as in\n"
"'btmm-ctl help peer add'. Any command followed by --help does the same.\n";

static void usage_line(const struct command *cmd)
{
	fprintf(out_file, "btmm-ctl %s%s%s%s%s\n", cmd->object,
		cmd->verb ? " " : "", cmd->verb ? cmd->verb : "",
		cmd->words[0] ? " " : "", cmd->words);
}

void help_overview(void)
{
	char name[64];
	size_t i;

	fputs("Usage: btmm-ctl [--json | --raw] COMMAND\n\n", out_file);
	fputs("Commands:\n", out_file);
	for (i = 0; i < n_commands; i++) {
		const struct command *cmd = &commands[i];

		snprintf(name, sizeof(name), "%s%s%s", cmd->object,
			 cmd->verb ? " " : "", cmd->verb ? cmd->verb : "");
		fprintf(out_file, "  %-12s %s\n", name, cmd->summary);
	}

	fputs("\n"
	      "'show' may be left out: 'btmm-ctl dev' lists the devices.\n"
	      "\n"
	      "Options, before or behind the command:\n"
	      "  --json       output as JSON, with plain integers\n"
	      "  --raw        output for shell scripts: one line per row, plain integers\n"
	      "  --help       explain the command\n"
	      "  --version    print the version\n"
	      "\n"
	      "Exit codes:\n"
	      "  0  done\n"
	      "  1  the kernel, btmmd or a server refused, or another failure\n"
	      "  2  the command line, or a line of a file, is wrong\n"
	      "  3  no such device, peer, account, host or file\n"
	      "  4  permission denied: CAP_NET_ADMIN or root is needed, or a file is not ours\n"
	      "\n"
	      "'btmm-ctl help COMMAND' explains a command; see also btmm-ctl(8).\n",
	      out_file);
}

void help_command(const struct command *cmd)
{
	fputs("Usage: ", out_file);
	usage_line(cmd);
	fprintf(out_file, "\n%c%s.\n", cmd->summary[0] - 'a' + 'A',
		cmd->summary + 1);
	if (cmd->help[0])
		fprintf(out_file, "\n%s", cmd->help);
}

int cmd_help(int argc, char **argv)
{
	const struct command *cmd;
	size_t i;

	if (!argc) {
		help_overview();
		return CTL_OK;
	}
	if (argc > 2)
		return fail_usage("'%s' is one word too many", argv[2]);

	cmd = command_find(argv[0], argc > 1 ? argv[1] : NULL);
	if (!cmd)
		return fail_usage("there is no command '%s%s%s'", argv[0],
				  argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	if (!cmd->run)
		return elsewhere();
	if (argc > 1 || !cmd->verb) {
		help_command(cmd);
		return CTL_OK;
	}

	/* All that can be done with one object. */
	for (i = 0; i < n_commands; i++) {
		if (strcmp(commands[i].object, argv[0]))
			continue;
		if (&commands[i] != cmd)
			fputs("\n\n", out_file);
		help_command(&commands[i]);
	}
	return CTL_OK;
}
