/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Services of a domain (wide-area DNS-SD, RFC 6763), as one of its servers tells of them:
 * a subscription of its own (leg.h), as long as somebody looks.
 *
 * Ops are called from the event loop only; browse_free() is allowed within complete() and
 * trouble().
 */
#ifndef BTMM_BTMMD_BROWSE_H
#define BTMM_BTMMD_BROWSE_H

#include "../lib/publish/records.h"
#include "leg.h"

#define BROWSE_TYPES	64	/* kinds of services; more are not looked at */
#define BROWSE_SERVICES	1024

struct browse_service {
	uint8_t name[DNAME_MAX];	/* Alice's\032Mac._ssh._tcp.alice.example.com */
	bool has_srv, has_txt;
	uint8_t host[DNAME_MAX];
	uint16_t port;
	uint8_t txt[PUBLISH_TXT_MAX];
	uint16_t txt_len;
};

struct browse_ops {
	/* Came, or is not as it was. What has no SRV record yet has not come. */
	void (*service)(void *arg, const struct browse_service *s);
	void (*went)(void *arg, const struct browse_service *s);
	/* All that there is has been told; once. Or, again and again: the server cannot be
	 * asked at the moment; @why has no full stop.
	 */
	void (*complete)(void *arg);
	void (*trouble)(void *arg, const char *why);
};

struct browse;

/* @type: "_ssh._tcp"; NULL: of all types. NULL: no memory, or the name is too long. */
struct browse *browse_new(sd_event *event, const struct leg_config *leg, const char *type,
			  const struct browse_ops *ops, void *arg);
void browse_free(struct browse *b);

/* All that have come. NULL begins, and ends it. */
const struct browse_service *browse_next(const struct browse *b,
					 const struct browse_service *s);

#endif
