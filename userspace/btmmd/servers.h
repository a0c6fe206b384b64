/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which servers serve the domain (lib/llq/discover.h): asked of the system's resolvers,
 * or those of the configuration, over UDP.
 *
 * What was found is used until its TTL is over and then looked for anew, but only when
 * somebody wants it. A service that could not be asked about keeps the servers it had.
 */
#ifndef BTMMD_SERVERS_H
#define BTMMD_SERVERS_H

#include <systemd/sd-event.h>

#include "../lib/llq/discover.h"
#include "dns_link.h"

#define SERVERS_RESOLVERS	8
#define SERVERS_RETRY		2000	/* ms after nobody answered; doubles */
#define SERVERS_RETRY_MAX	60000
#define SERVERS_CALM		10000	/* ms between two searches that found something */

struct servers_config {
	const uint8_t *domain;
	bool is_zone;			/* it is known to be the apex of a zone */
	/* None: those of @resolv_conf, read each time (NULL: /etc/resolv.conf). */
	struct dns_place resolvers[SERVERS_RESOLVERS];
	size_t n_resolvers;
	const char *resolv_conf;
	/* Never asked: btmmd's own resolver, which knows only what it is told. :: without */
	struct in6_addr own;
};

struct servers_ops {
	/* Something is known that was not, or was otherwise. Call-backs come from the
	 * loop.
	 */
	void (*changed)(void *arg);
};

struct servers;

/* The domain and the file's name are copied. 0 or negative errno. Nothing is asked yet. */
int servers_new(sd_event *event, const struct servers_config *config,
		const struct servers_ops *ops, void *arg, struct servers **out);
void servers_free(struct servers *s);

/* The owner has said which: they are not looked for. */
int servers_set(struct servers *s, enum discover_service service,
		const struct discover_server *servers, size_t n);

/* Somebody wants to know: looks for them, if what is known is old, or @anew if it has not
 * just been looked for.
 */
void servers_wanted(struct servers *s, bool anew);
/* There is another network: anew, at once. */
void servers_moved(struct servers *s);

/* In the order in which they are to be tried. */
const struct discover_server *servers_get(const struct servers *s, enum discover_service service,
					  size_t *n);
/* Has the question about it ever been answered? */
bool servers_known(const struct servers *s, enum discover_service service);
/* 0; -EINPROGRESS: they are looked for; -ENOENT: no zone; -ETIMEDOUT: no resolver
 * answers; -EDESTADDRREQ: there is no resolver. What is known is of before.
 */
int servers_error(const struct servers *s);

#endif
