// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The commands of btmm-ctl.
 */
#include <string.h>

#include "ctl.h"

const struct command commands[] = {
	{ "dev", "show", cmd_dev_show, "[DEV]",
	  "list the tunnel devices", help_dev_show },
	{ "dev", "add", cmd_dev_add, "DEV [SETTING...] [up]",
	  "make a tunnel device", help_dev_add },
	{ "dev", "set", cmd_dev_set, "DEV SETTING...",
	  "change a tunnel device", help_dev_set },
	{ "dev", "del", cmd_dev_del, "DEV",
	  "remove a tunnel device and its peers", help_dev_del },
	{ "peer", "show", cmd_peer_show, "[ULA] [dev DEV]",
	  "list the peers, or show all about one", help_peer_show },
	{ "peer", "add", cmd_peer_add, "ULA|-|--file FILE [dev DEV] [SETTING...]",
	  "add a peer, or many from a file", help_peer_add },
	{ "peer", "set", cmd_peer_set, "ULA [dev DEV] SETTING...",
	  "change a peer", help_peer_set },
	{ "peer", "del", cmd_peer_del, "ULA [dev DEV]",
	  "remove a peer and its route", help_peer_del },
	{ "monitor", NULL, cmd_monitor, "[count N]",
	  "show events as they happen", help_monitor },
	{ "stats", NULL, cmd_stats, "[DEV] [--all]",
	  "show the counters of a device", help_stats },
	{ "ike", "answer", cmd_ike_answer, "HOLD ULA|drop [dev DEV]",
	  "say whose a held IKE datagram is (low-level)", help_ike_answer },
	{ "dgram", "send", cmd_dgram_send, "ADDR:PORT HEX [dev DEV]",
	  "send a datagram from the tunnel port (low-level)", help_dgram_send },
	{ "help", NULL, cmd_help, "[COMMAND]",
	  "explain a command", help_help },
};

const size_t n_commands = sizeof(commands) / sizeof(*commands);

const struct command *command_find(const char *object, const char *verb)
{
	size_t i;

	for (i = 0; i < n_commands; i++) {
		const struct command *cmd = &commands[i];

		if (strcmp(cmd->object, object))
			continue;
		if (!verb || (cmd->verb && !strcmp(cmd->verb, verb)))
			return cmd;
	}

	return NULL;
}
