/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts: who is enrolled, asked of the primary; and their keys. */
#ifndef BTMM_DNSD_ADMIN_HOSTS_H
#define BTMM_DNSD_ADMIN_HOSTS_H

#include "admin_conf.h"

struct admin_host {
	uint8_t name[DNAME_MAX];	/* lower case */
	struct tsig_key key;		/* secret_len 0: the account has no key */
	struct in6_addr aaaa;		/* unspecified: none */
	unsigned int records;		/* at and below its name, ENROLLED and marks left out */
};

/*
 * Calls @each for every host of a zone, by name; nonzero ends it and is returned.
 * @account: the key that theirs are derived from (NULL: the zone's own). Negative
 * errno and why.
 */
typedef int (*admin_host_fn)(void *arg, const struct admin_host *h);
int admin_hosts(const struct conf_zone *z, const struct tsig_key *account, admin_host_fn each,
		void *arg, struct why *why);

/* The key of the host @name (lower case). -ENOENT: it is not enrolled. */
int admin_host_key(const struct conf_zone *z, const uint8_t *name, struct tsig_key *out,
		   struct why *why);

/* Mode 0600. -EEXIST when the file is there. */
int admin_key_write(const char *path, const struct tsig_key *key, bool bind_form);

/*
 * The owner names at and below @host that hold anything but marks and ENROLLED, each
 * once, the deepest first; those of hosts further down left out. As above.
 */
typedef int (*admin_name_fn)(void *arg, const uint8_t *name);
int admin_host_names(const struct conf_zone *z, const uint8_t *host, admin_name_fn each,
		     void *arg, struct why *why);

#endif
