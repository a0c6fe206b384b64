/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's configuration and control socket, as commands want them. */
#ifndef BTMM_DNSD_ADMIN_CONF_H
#define BTMM_DNSD_ADMIN_CONF_H

#include <jansson.h>

#include "admin_text.h"
#include "conf.h"

#define ADMIN_INTERFACE	"io.btmm.dnsd."

/* @path NULL: CONF_PATH. Returns an exit code, and tells why. */
int admin_conf(const char *path, struct dnsd_conf **out);
/* The zone @name (text), or the one that @name is in if @within. NULL, and it was told. */
const struct conf_zone *admin_zone(const struct dnsd_conf *conf, const char *name, bool within);

/*
 * Calls a method of the running daemon ("Status"). -ECONNREFUSED: it does not run.
 * @reply may be NULL.
 */
int admin_call(const char *socket, const char *method, json_t **reply, struct why *why);
/* Has it read its configuration again, if it runs. 1: it does not run; 0; negative errno. */
int admin_reload(const char *socket, struct why *why);

/* Where to send DNS messages to the daemon: a TCP listener of it, loopback preferred. */
bool admin_server(const struct dnsd_conf *conf, struct net_addr *out);
/* ADDR or ADDR:PORT; NULL, or why not. */
const char *admin_server_from_text(const char *text, uint16_t port, struct net_addr *out);

#endif
