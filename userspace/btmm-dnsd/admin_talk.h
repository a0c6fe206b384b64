/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line's connections to name servers: lib/talk, with sentences. */
#ifndef BTMM_DNSD_ADMIN_TALK_H
#define BTMM_DNSD_ADMIN_TALK_H

#include <stdbool.h>

#include "../lib/talk/talk.h"
#include "admin_text.h"
#include "net.h"

/* Connects; each message then has @timeout_ms to come. 0, or negative errno and why. */
int admin_talk(struct talk *s, const struct net_addr *to, bool tcp, unsigned int timeout_ms,
	       struct why *why);
/* TLS on it, whoever the server is; @pin gets sha256//... of its key. */
int admin_talk_tls(struct talk *s, char *pin, size_t pin_size, struct why *why);

#endif
