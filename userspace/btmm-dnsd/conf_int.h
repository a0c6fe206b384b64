/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration in the making: what was read, and where each thing stood, for what
 * can be checked only when everything has been read.
 */
#ifndef BTMM_DNSD_CONF_INT_H
#define BTMM_DNSD_CONF_INT_H

#include "../lib/conf/ini.h"
#include "conf.h"

/* @file belongs to the draft; NULL: nowhere yet. */
struct conf_where {
	const char *file;
	unsigned int line;
};

/* The name of a key file. */
struct conf_file {
	char *path;		/* NULL: none */
	struct conf_where where;
};

/* Beside the zone of the same number in the configuration. */
struct conf_zone_draft {
	struct conf_where begun, owner_address;
	struct conf_file primary_key, account_key;
	struct conf_file *admin_keys;
	size_t n_admin_keys;
};

struct conf_draft {
	struct dnsd_conf *conf;
	struct conf_zone_draft *zones;
	size_t n_zones;
	char **files;
	size_t n_files;

	/* Of the line that is being read. */
	struct conf_where here;
	bool in_server;
	size_t zone;			/* SIZE_MAX: in none */
	char text[512];			/* of what is wrong with it */

	struct conf_where listen, listen_tls, certificate, certificate_key, leases, llq_leases;
};

/* conf_lines.c: an ini_line_fn for a struct conf_draft. */
const char *conf_line(void *arg, const struct ini_line *line);

#endif
