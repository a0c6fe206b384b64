// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The commands of btmm-ctl. Compiled twice: with CTL_ACCOUNT for the program that has
 * all of them, without it for the one that leaves some to the former (elsewhere.c).
 */
#include <string.h>

#include "ctl.h"

#ifdef CTL_ACCOUNT
#define ALL_ONLY(what) what
#else
#define ALL_ONLY(what) NULL
#endif

const struct command commands[] = {
	{ "status", NULL, cmd_status, "[socket PATH]",
	  "show this host and the others", help_status },
	{ "peers", NULL, cmd_peers, "[socket PATH]",
	  "list the other hosts", help_peers },
	{ "ping", NULL, cmd_ping, "HOST [count N] [socket PATH]",
	  "reach a host through the tunnel, and say by which way", help_ping },
	{ "resolve", NULL, cmd_resolve, "NAME [socket PATH]",
	  "show a host's address", help_resolve },
	{ "netcheck", NULL, cmd_netcheck, "[socket PATH]",
	  "measure gateways, NAT and the way to the servers", help_netcheck },
	{ "browse", NULL, cmd_browse, "[TYPE] [watch] [socket PATH]",
	  "list the services of all hosts", help_browse },
	{ "services", NULL, cmd_services, "[socket PATH]",
	  "list the services that this host publishes", help_services },
	{ "up", NULL, cmd_up, "[socket PATH]",
	  "connect this host again", help_up },
	{ "down", NULL, cmd_down, "[socket PATH]",
	  "disconnect this host", help_down },
	{ "reload", NULL, cmd_reload, "[socket PATH]",
	  "let btmmd read its configuration again", help_reload },
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
	{ "monitor", NULL, cmd_monitor, "[kernel | daemon] [count N] [socket PATH]",
	  "show events as they happen", help_monitor },
	{ "stats", NULL, cmd_stats, "[DEV] [--all]",
	  "show the counters of a device", help_stats },
	{ "ike", "answer", cmd_ike_answer, "HOLD ULA|drop [dev DEV]",
	  "say whose a held IKE datagram is (low-level)", help_ike_answer },
	{ "dgram", "send", cmd_dgram_send, "ADDR:PORT HEX [dev DEV]",
	  "send a datagram from the tunnel port (low-level)", help_dgram_send },
	{ "account", "init", ALL_ONLY(cmd_account_init), "key-file FILE pin PIN [SETTING...]",
	  "make this the account's first machine", ALL_ONLY(help_account_init) },
	{ "account", "show", ALL_ONLY(cmd_account_show), "[directory DIR]",
	  "show the account of this machine", ALL_ONLY(help_account_show) },
	{ "host", "add", ALL_ONLY(cmd_host_add), "NAME [SETTING...]",
	  "let a host into the account, and make its bundle", ALL_ONLY(help_host_add) },
	{ "host", "remove", ALL_ONLY(cmd_host_remove), "NAME [directory DIR]",
	  "end a host's membership in the account", ALL_ONLY(help_host_remove) },
	{ "host", "list", ALL_ONLY(cmd_host_list), "[offline] [directory DIR]",
	  "list the hosts that were let in", ALL_ONLY(help_host_list) },
	{ "host", "import", ALL_ONLY(cmd_host_import), "FILE [replace] [directory DIR]",
	  "make this machine the host of a bundle", ALL_ONLY(help_host_import) },
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
