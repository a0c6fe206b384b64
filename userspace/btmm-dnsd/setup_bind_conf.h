/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What BIND is told to do, read from what "named-checkconf -px" prints: its whole
 * configuration, includes resolved, in one form.
 */
#ifndef BTMM_DNSD_SETUP_BIND_CONF_H
#define BTMM_DNSD_SETUP_BIND_CONF_H

#include "admin_text.h"
#include "net.h"

struct strings {
	char **v;
	size_t n;
	bool failed;		/* out of memory */
};

struct bind_conf {
	/* The statements in options { }, words with one space between, quotes taken
	 * off: "listen-on-v6 { any ; }"
	 */
	struct strings options;
	/* Zones, with their views if there are any; as written, without last dot. */
	struct strings zones;
	bool has_options, has_views;
};

/* 0, -EBADMSG (not such a text), -ENOMEM. To be freed in any case. */
int bind_conf_read(const char *text, struct bind_conf *out);
void bind_conf_free(struct bind_conf *c);

bool bind_conf_has_zone(const struct bind_conf *c, const char *name);
/* The option that begins with the word @name, NULL: not set. *pos: 0 at first. */
const char *bind_conf_option(const struct bind_conf *c, const char *name, size_t *pos);

/* Nothing but what Debian and its descendants put into named.conf.options. */
bool bind_conf_is_stock(const struct bind_conf *c);

/*
 * Would it listen on port 53 of one of @ours (ports do not count)? Then @out gets the
 * statements that say so, one a line, or a line that none does.
 */
bool bind_conf_takes_53(const struct bind_conf *c, const struct net_addr *ours, size_t n,
			struct buf *out);
/* Does it listen on 127.0.0.1 (all addresses will do) with this port? */
bool bind_conf_listens(const struct bind_conf *c, unsigned int port);

#endif
