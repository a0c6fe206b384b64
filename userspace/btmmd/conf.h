/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's configuration: btmmd.conf, then btmmd.conf.d/NAME.conf beside it in the
 * order of their names. A single value that is given again replaces the earlier one, a
 * list grows. Everything has a default, the file too: what makes a machine a host is its
 * bundle (account.h). btmmd.conf(5) explains each key.
 *
 *	[host]
 *	account-directory = /etc/btmm/host	private-address = no
 *	info = KEY=VALUE			(one a line)
 *
 *	[tunnel]
 *	device = btmm0				port = 4500
 *	keepalive = 20s				mark = 0
 *
 *	[nat]
 *	nat-pmp = yes				upnp = yes
 *	lifetime = 1h				public-endpoint = 192.0.2.1:4500
 *	refresh = 2m				stun-server = 192.0.2.1:3478 ...
 *
 *	[dns]
 *	server = 192.0.2.1:853			resolver = 192.0.2.2 ...
 *	certificate-authority = FILE		server-name = ns.example.com
 *	clear-text = no				browse = no
 *	lease = 90m				llq-lease = 1h
 *	llq-port = 0
 *
 *	[names]
 *	listen = 127.0.0.66:53			(or: off)
 *
 *	[ike]
 *	charon = private			vici-socket = /run/btmm-charon/vici
 *	cipher = auto				rekey = 1h
 *
 *	[daemon]
 *	runtime-directory = /run/btmmd		control-socket = /run/btmmd/control
 *	peers = 4096
 *
 *	[service "Alice's Mac._ssh._tcp"]	(or only "_ssh._tcp": the host's name)
 *	port = 22				text = KEY=VALUE
 *	subtype = LABEL				host = other.example.com
 */
#ifndef BTMMD_CONF_H
#define BTMMD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/publish/records.h"
#include "../lib/text/addr.h"

#define CONF_PATH	"/etc/btmm/btmmd.conf"
#define CONF_WHY	1024

#define CONF_PLACES	8
#define CONF_LABEL	(DLABEL_MAX + 1)

struct conf_place {
	struct addr addr;	/* len 0: none was given */
	uint16_t port;
};

struct conf_places {
	struct conf_place v[CONF_PLACES];
	size_t n;
};

/* Texts, all of them to be freed. */
struct conf_list {
	char **v;
	size_t n;
};

struct conf_service {
	char instance[CONF_LABEL];	/* "": the host's label */
	char type[32];			/* "_ssh._tcp" */
	uint16_t port;
	struct conf_list texts, subtypes;
	uint8_t host[DNAME_MAX];
	bool other_host;		/* @host is not this one */
};

enum conf_cipher { CONF_CIPHER_AUTO, CONF_CIPHER_AES, CONF_CIPHER_CHACHA };

struct btmmd_conf {
	/* [host] */
	char *account_directory;
	bool private_address;
	struct conf_list info;
	/* [tunnel] */
	char *device;
	uint16_t port;
	uint32_t keepalive;		/* s; 0: none */
	uint32_t mark;
	/* [nat] */
	bool nat_pmp, upnp;		/* PCP goes with the former */
	uint32_t lifetime, refresh;	/* s */
	struct conf_place public_endpoint;
	struct conf_places stun_servers;
	/* [dns] */
	struct conf_place server;
	struct conf_places resolvers;
	char *authority, *server_name;	/* both or neither */
	bool clear_text, browse;
	uint32_t lease, llq_lease;	/* s */
	uint16_t llq_port;		/* 0: any */
	/* [names] */
	struct conf_place listen;	/* addr.len 0: off */
	/* [ike] */
	bool system_charon;
	char *vici_socket;
	enum conf_cipher cipher;
	uint32_t rekey;			/* s */
	/* [daemon] */
	char *runtime_directory, *control_socket;
	uint32_t peers;
	/* [service] */
	struct conf_service services[PUBLISH_SERVICES];
	size_t n_services;
};

/*
 * Reads @path and its drop-ins. 0 and a configuration in @out; or negative errno, and in
 * @why a sentence that names file, line and key. NULL for @path: CONF_PATH, which need
 * not be there.
 */
int conf_load(const char *path, struct btmmd_conf **out, char why[CONF_WHY]);
void conf_free(struct btmmd_conf *conf);

/* What has to be done to have the second instead of the first. */
enum conf_change {
	CONF_PUBLISH	= 1 << 0,	/* publish_make() anew */
	CONF_ACCOUNT	= 1 << 1,	/* read the bundle anew: it may be another host */
	CONF_TUNNEL	= 1 << 2,
	CONF_NAT	= 1 << 3,
	CONF_DNS	= 1 << 4,	/* servers, publisher, subscriptions */
	CONF_NAMES	= 1 << 5,
	CONF_IKE	= 1 << 6,
	CONF_RESTART	= 1 << 7,	/* a key that counts at the start only; see @key */
};

/* Of enum conf_change. @key: the first key (or NULL) that wants a restart. */
unsigned int conf_compare(const struct btmmd_conf *a, const struct btmmd_conf *b,
			  const char **key);

/* What wants a restart is in @to as it was in @from, which is then good for conf_free(). */
void conf_keep(struct btmmd_conf *to, struct btmmd_conf *from);
/* What CONF_PUBLISH is about, from the one to the other. */
void conf_swap_published(struct btmmd_conf *a, struct btmmd_conf *b);

/*
 * The services as lib/publish wants them; valid as long as @conf and @label. @out has
 * room for PUBLISH_SERVICES. Returns how many.
 */
size_t conf_services(const struct btmmd_conf *conf, const char *label,
		     struct publish_service *out);

#endif
