/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * btmm-dnsd setup: a zone at a primary (BIND, Knot, or one elsewhere), the keys, the
 * certificate and the daemon's configuration.
 *
 *	setup_cmd.c	the command: options, and what it prints
 *	setup.c		the order of things
 *	setup_choose.c	what was not said: from setup.conf, or as the machine is
 *	setup_conf.c	setup.conf, dnsd.conf and its drop-ins
 *	setup_bind.c	BIND's part (setup_bind_conf.c: reading what BIND has)
 *	setup_knot.c	Knot's part
 *	setup_ours.c	the file of our zones at one of these two
 *	setup_remote.c	a primary elsewhere
 *	setup_zone.c	the zone's first records
 *	setup_keys.c	TSIG keys made and read
 *	setup_tls.c	the certificate
 *	setup_host.c	what this machine is: its addresses, name, the daemon's user
 *	setup_stage.c	a copy of a server's configuration, to be checked
 *	setup_files.c	writing, all or nothing
 *	setup_run.c	other programs
 */
#ifndef BTMM_DNSD_SETUP_H
#define BTMM_DNSD_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../lib/dns/tsig.h"
#include "../lib/text/addr.h"
#include "admin_text.h"
#include "net.h"
#include "setup_files.h"

#define SETUP_ETC		"/etc/btmm"
#define SETUP_CONF		SETUP_ETC "/setup.conf"
#define SETUP_DNSD_CONF		SETUP_ETC "/dnsd.conf"
#define SETUP_DROPINS		SETUP_ETC "/dnsd.conf.d"
#define SETUP_KEYS		SETUP_ETC "/keys"
#define SETUP_CERT		SETUP_ETC "/tls.crt"
#define SETUP_CERT_KEY		SETUP_KEYS "/tls.key"
#define SETUP_FRONTEND_KEY	SETUP_KEYS "/frontend.key"
#define SETUP_ADMIN_KEY		SETUP_KEYS "/admin.key"
#define SETUP_USER		"btmm-dnsd"	/* and group */

#define SETUP_ADDRS		16
#define SETUP_PRIMARY_PORT	5300
#define SETUP_NOTIFY_PORT	5301

/* The first line of files that are ours behind the comment sign. */
#define SETUP_MARK		"Written by btmm-dnsd setup"

enum primary_kind { PRIMARY_NONE, PRIMARY_BIND, PRIMARY_KNOT, PRIMARY_REMOTE, N_PRIMARIES };

struct setup {
	/* What was asked for. */
	const char *root;
	bool dry_run, force, is_public, want_admin_key;
	const char *cert_file, *cert_key_file, *primary_key_file;

	/* The zone. */
	char domain[DNAME_TEXT_MAX];	/* without last dot, lower case */
	uint8_t apex[DNAME_MAX];
	const struct buf *zone_text;	/* its records, when not new (restore) */

	/* The server: from the options, setup.conf, or as the machine is. */
	enum primary_kind kind;
	struct net_addr primary;
	uint16_t notify_port;		/* on 127.0.0.1, for the primary's NOTIFYs */
	struct {			/* by setup.conf; 0: nothing */
		enum primary_kind kind;
		uint16_t ports[N_PRIMARIES], notify_port;
	} told;
	char hostname[DNAME_TEXT_MAX];	/* without last dot, lower case */
	uint8_t host[DNAME_MAX];
	struct net_addr addrs[SETUP_ADDRS];	/* published; port 0 */
	size_t n_addrs;
	struct net_addr listen[SETUP_ADDRS];	/* port 0; the wildcard behind a NAT */
	size_t n_listen;

	/* What is made. */
	struct files *files;
	struct files_owner daemon;	/* the user that btmm-dnsd runs as */
	struct tsig_key frontend_key, account_key;
	char pin[64];
	bool primary_runs;
	struct buf notes;		/* lines for whoever ran it, at the end */
};

/* What a kind of primary has to do. All return 0 or negative errno and why. */
struct setup_primary {
	const char *name;
	bool (*installed)(void);
	/* Has setup put su->domain there? Wants su->files. */
	bool (*has)(struct setup *su);
	/* Puts its files into su->files; nothing is written yet. */
	int (*plan)(struct setup *su, struct why *why);
	/* The plan's configuration, on a copy. */
	int (*check)(struct setup *su, struct why *why);
	/* As it now stands on the disk. */
	int (*check_real)(struct setup *su, struct why *why);
	/* Makes a running server take it; *running: there is one. */
	int (*reload)(struct setup *su, bool *running, struct why *why);
	/* Plans to take the zone out. */
	int (*drop)(struct setup *su, struct why *why);
	/* The zone's file and journal, to be removed once the server let go of them. */
	int (*drop_data)(struct setup *su, struct why *why);
	/* How to start it. */
	const char *start;
};
extern const struct setup_primary setup_bind, setup_knot, setup_remote;
const struct setup_primary *setup_primary_of(enum primary_kind kind);

/* A copy of @su's planned files below @dir, paths in them changed to the copy's. */
int stage_make(struct setup *su, const char *dir, const char *const *planned,
	       char temp[64], struct why *why);
void stage_remove(const char *temp);
/* Makes what a program said of the copy speak of @dir. */
void stage_unname(struct buf *said, const char *temp, const char *dir);

/* setup_zone.c: the zone's first records, as a zone file. */
void setup_zone_text(const struct setup *su, uint32_t serial, struct buf *out);
/* SRV names (first two labels), and the port that each leads to. */
struct setup_service {
	const char *name;
	uint16_t port;
};
extern const struct setup_service setup_services[];
extern const size_t n_setup_services;

/* setup_choose.c: fills in what was not said; refuses what does not go with before. */
int setup_choose(struct setup *su, struct why *why);

/* setup_keys.c: read from @path if it is there, else made and planned. @strict: one
 * that is there has to have this name.
 */
int setup_key(struct setup *su, const char *path, const uint8_t *name, bool strict,
	      struct tsig_key *key, struct why *why);
int setup_key_new(const uint8_t *name, enum tsig_algorithm algorithm, struct tsig_key *out);
/* Names of keys: _account.<apex>, frontend.<host>, admin.<host>; false: too long. */
bool setup_account_key_name(const struct setup *su, uint8_t out[DNAME_MAX]);
bool setup_frontend_key_name(const struct setup *su, uint8_t out[DNAME_MAX]);
bool setup_admin_key_name(const struct setup *su, uint8_t out[DNAME_MAX]);
/* Paths of a zone's files; static buffers, one each. */
const char *setup_account_key_path(const char *domain);
const char *setup_primary_key_path(const char *domain);
const char *setup_dropin_path(const char *domain);

/* setup_conf.c */
int setup_conf_read(struct setup *su, struct why *why);	/* setup.conf, if it is there */
int setup_conf_plan(struct setup *su, struct why *why);
/* "bind", "knot" or ADDR:PORT into kind and primary (its port only with ADDR); NULL or
 * what is wrong.
 */
const char *setup_primary_from_text(struct setup *su, const char *text);

/* One more address that others reach the server under. */
void setup_add_addr(struct setup *su, const struct addr *a);

/* setup_host.c */
/* Lower case; labels of letters, digits, - and _ only, at least two. NULL, or why not. */
const char *setup_domain(const char *text, uint8_t name[DNAME_MAX], char out[DNAME_TEXT_MAX]);
/* Addresses that others can reach it under; 0 of them is possible. */
size_t setup_public_addrs(struct net_addr *out, size_t max);
bool setup_is_public(const struct net_addr *a);
bool setup_wildcard(const struct in6_addr *a);	/* 0.0.0.0 or :: */
/* su->listen from su->addrs; a note when one is not this machine's. */
void setup_listen(struct setup *su);
int setup_user(struct setup *su, struct why *why);
bool setup_systemd(void);	/* is the machine run by it? */

/*
 * setup.c: all but options and printing: plan, check, write, reload. What was done
 * is in su->files and su->notes. Everything is as it was when it fails.
 */
int setup_do(struct setup *su, struct why *why);
void setup_free(struct setup *su);

/* One line at the end of what is printed. */
void setup_note(struct setup *su, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
