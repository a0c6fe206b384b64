/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of rewriting. */
#ifndef BTMM_LEASE_REWRITE_PLAN_H
#define BTMM_LEASE_REWRITE_PLAN_H

#include "rewrite.h"

/* One record of the update section to be. */
struct rewrite_op {
	const uint8_t *owner;
	const uint8_t *rdata;
	uint16_t type, class_, rdlen;
	uint32_t ttl;
	bool is_marker;
	bool undone;			/* an add came after it */
	uint8_t marker[MARKER_LEN];	/* RDATA, if it is one */
};

/* What becomes of one lease: there is one effect of each. */
struct rewrite_effect {
	struct lease_owner *owner;
	struct marker m;
	const uint8_t *rdata;		/* in the request */
	uint16_t rdlen;
	uint32_t seconds;
	bool grant;			/* else it is dropped */
};

/* What else happens at a name. */
enum rewrite_touched {
	TOUCH_CLEARED,	/* an authority deleted @rdata, or all of @type */
	TOUCH_OPAQUE,	/* records without lease came or went */
	TOUCH_DIRTY,	/* somebody wrote markers by hand */
	TOUCH_GONE,	/* the host of that name is removed */
};
struct rewrite_touch {
	enum rewrite_touched what;
	struct lease_owner *owner;
	uint16_t type, rdlen;
	const uint8_t *rdata;
};

void rewrite_put_op(struct rewrite *r, const uint8_t *owner, uint16_t type, uint16_t class_,
		    uint32_t ttl, const uint8_t *rdata, uint16_t rdlen);
void rewrite_put_marker(struct rewrite *r, const uint8_t *owner, const struct marker *m,
			uint16_t class_);
/* Also in place of what was to become of that lease before. */
void rewrite_put_effect(struct rewrite *r, const struct rewrite_effect *e);
void rewrite_put_touch(struct rewrite *r, const struct rewrite_touch *t);

/* NULL: this message does nothing to that lease. */
const struct rewrite_effect *rewrite_effect(const struct rewrite *r, const struct lease_owner *o,
					    const struct marker *m);
/* With what the message itself does before taken into account. */
bool rewrite_held(const struct rewrite *r, const struct lease_owner *o, const struct marker *m);
/* Does the record stand in the zone without anybody having leased it? */
bool rewrite_is_static(const struct rewrite *r, const struct lease_owner *o,
		       const struct marker *m, const uint8_t *rdata, uint16_t rdlen);

#endif
