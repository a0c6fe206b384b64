// SPDX-License-Identifier: GPL-2.0-or-later
#include "charon_conf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * What is not the default, and why:
 * - only the plug-ins that are needed; updown is not among them: who may use the
 *   socket could run anything with it
 * - only IPv6, and only the tunnel's device: port 4500 is the module's
 * - no routes, rules or addresses: they are btmmd's
 * - no limit of half-open IKE_SAs by address: the module limits by the outer one, and
 *   who forges a peer's must not lock it out
 * - a first retransmission after 1 s; 49 s until a peer is given up
 * - what changes in the underlay is no business of IKE's here
 */
static const char head[] =
	"# Made by btmmd; changes are lost.\n"
	"charon {\n"
	"\tload = random nonce openssl kdf hmac pem pkcs8 x509 pubkey constraints"
	" kernel-netlink socket-default vici\n"
	"\tport = 500\n"
	"\tport_nat_t = 0\n"
	"\tinstall_routes = no\n"
	"\tinstall_virtual_ip = no\n"
	"\trouting_table = 0\n"
	"\tprocess_route = no\n"
	"\treplay_window = 2048\n"
	"\tblock_threshold = 0\n"
	"\tretransmit_timeout = 1.0\n"
	"\tretransmit_base = 1.5\n"
	"\tretransmit_tries = 7\n"
	"\tkeep_alive = 0\n"
	"\tinterfaces_use = ";
static const char middle[] =
	"\tplugins {\n"
	"\t\tsocket-default {\n"
	"\t\t\tuse_ipv4 = no\n"
	"\t\t}\n"
	"\t\tkernel-netlink {\n"
	"\t\t\troam_events = no\n"
	"\t\t\txfrm_acq_expires = 30\n"
	"\t\t}\n"
	"\t\tvici {\n"
	"\t\t\tsocket = unix://";
static const char tail[] =
	"\t\t}\n"
	"\t}\n";
static const char journal[] =
	"}\n"
	"charon-systemd {\n"
	"\tjournal {\n"
	"\t\tdefault = 0\n"
	"\t}\n"
	"}\n";
static const char silent[] =
	"}\n"
	"charon-systemd {\n"
	"\tjournal {\n"
	"\t\tdefault = -1\n"
	"\t}\n"
	"}\n";

/* Neither white space nor what strongSwan's files give a meaning */
static bool plain(const char *s)
{
	for (; *s; s++) {
		if (*s <= ' ' || *s >= 127 || strchr("{}=\"#:,$\\", *s))
			return false;
	}
	return true;
}

int charon_conf_text(const struct charon_conf *c, char *out, size_t size)
{
	char log[512] = "", group[128] = "";
	int n;

	if (!*c->device || !plain(c->device) || c->vici[0] != '/' || !plain(c->vici) ||
	    (c->group && (!*c->group || !plain(c->group))) ||
	    (c->log && (c->log[0] != '/' || !plain(c->log))))
		return -EINVAL;
	if (c->group && snprintf(group, sizeof(group), "\tgroup = %s\n", c->group) >=
	    (int)sizeof(group))
		return -ENOSPC;
	if (c->log && snprintf(log, sizeof(log),
			       "\tfilelog {\n\t\tlog {\n\t\t\tpath = %s\n\t\t\tdefault = 1\n"
			       "\t\t\tflush_line = yes\n\t\t}\n\t}\n", c->log) >= (int)sizeof(log))
		return -ENOSPC;
	n = snprintf(out, size, "%s%s\n%s%s%s\n%s%s%s", head, c->device, group, middle, c->vici,
		     tail, log, c->log ? silent : journal);
	return n >= 0 && (size_t)n < size ? n : -ENOSPC;
}
