/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a zone is made of. Private to lib/zone. */
#ifndef BTMM_ZONE_ZONE_H
#define BTMM_ZONE_ZONE_H

#include "node.h"

struct zone_soa {
	bool loaded;
	uint32_t serial, timers[4];
};

struct zone {
	struct table table;
	struct zone_soa soa;
	zone_change_fn fn;
	void *arg;
	struct zone *full;	/* the second store, between zone_full_begin() and _end() */
	uint8_t apex[DNAME_MAX];
};

/* A type of questions and messages, not of records (RFC 6895 3.1). */
bool zone_is_meta(uint16_t type);

/* Canonical SOA RDATA, taken apart; false when it is not well-formed. */
bool zone_soa_read(const uint8_t *rdata, size_t rdlen, struct zone_soa *out);

/* Sets TTL and hidden of the record at @pos of @n, which has changed by that;
 * sees to what exists, and tells.
 */
void zone_set_hidden(struct zone *z, struct zone_node *n, size_t pos, uint32_t ttl,
		     bool hidden);

#endif
