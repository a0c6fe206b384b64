/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: dnsd.conf, then dnsd.conf.d/NAME.conf beside it in the order
 * of their names. A later file adds to what the earlier ones say; a single value
 * that is given again replaces the earlier one, a list grows.
 *
 *	[server]
 *	listen-udp = [::]:53 0.0.0.0:53		(lists: may be repeated)
 *	listen-tcp = [::]:53 0.0.0.0:53
 *	listen-tls = [::]:853 0.0.0.0:853
 *	certificate = FILE			certificate-key = FILE
 *	state-directory = DIR			control-socket = PATH
 *	allow-md5 = no
 *	streams = 20000				streams-per-address = 64
 *	stream-idle = 30s			stream-handshake = 10s
 *	llqs = 1000000				llqs-per-account = 900000
 *	llqs-per-address = 20000
 *	lease-min = 30m				lease-max = 2h
 *	llq-lease-min = 15m			llq-lease-max = 2h
 *
 *	[zone "alice.example.com"]
 *	primary = 127.0.0.1:5300		primary-key-file = FILE
 *	private = yes
 *	owner = yes				owner-address = 192.0.2.1:53
 *	account-key-file = FILE
 *	admin-key-file = FILE ...		public-name = www ...
 */
#ifndef BTMM_DNSD_CONF_H
#define BTMM_DNSD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/dns/tsig.h"
#include "net.h"

#define CONF_PATH		"/etc/btmm/dnsd.conf"
#define CONF_STATE_DIRECTORY	"/var/lib/btmm-dnsd"
#define CONF_CONTROL_SOCKET	"/run/btmm-dnsd/control"
#define CONF_WHY_SIZE		1024

struct conf_addrs {
	struct net_addr *v;
	size_t n;
};

struct conf_zone {
	uint8_t apex[DNAME_MAX];	/* lower case */
	char name[DNAME_TEXT_MAX];	/* with the last dot */
	bool is_private, is_owner;
	struct net_addr primary;
	struct net_addr owner;		/* of another front-end; port 0: none was given */
	struct tsig_key primary_key;	/* secret_len 0: none was given */
	struct tsig_key account_key;	/* secret_len 0: none was given */
	struct tsig_key *admin_keys;
	size_t n_admin_keys;
	uint8_t (*public_names)[DNAME_MAX];	/* full names, lower case */
	size_t n_public_names;
};

struct dnsd_conf {
	struct conf_addrs udp, tcp, tls;
	char *certificate, *certificate_key;	/* both or neither */
	char *state_directory, *control_socket;
	bool allow_md5;
	unsigned int streams, streams_per_address;
	unsigned int stream_idle_ms, stream_handshake_ms;
	unsigned int llqs, llqs_per_account, llqs_per_address;
	/* Seconds. */
	uint32_t lease_min, lease_max, llq_lease_min, llq_lease_max;
	struct conf_zone *zones;
	size_t n_zones;
};

/*
 * Reads @path, its drop-ins and the key files. 0 and a configuration in @out; or
 * negative errno, @out untouched, and in @why a sentence that names file, line and
 * key (CONF_WHY_SIZE is enough).
 */
int conf_load(const char *path, struct dnsd_conf **out, char *why, size_t why_size);
/* Secrets are wiped. */
void conf_free(struct dnsd_conf *conf);

/*
 * One key from a file that only its owner (and group) can read: NAME ALGORITHM BASE64
 * on one line, or BIND's key "NAME" { algorithm ...; secret "..."; };
 * 0, or negative errno with a sentence in @why.
 */
int conf_key_file(const char *path, struct tsig_key *key, char *why, size_t why_size);

#endif
