/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where others can reach our tunnel port: chosen from what gateways say they have
 * mapped, what STUN saw from outside, and the own address. Documentation/nat.md tells
 * by which rules.
 *
 * Pure, and without a memory: to be asked again whenever something is not as it was.
 * Times are milliseconds of the engines' clock.
 */
#ifndef BTMM_NAT_MAPPING_H
#define BTMM_NAT_MAPPING_H

#include <stddef.h>

#include "gateway.h"
#include "upnp.h"

#define MAPPING_PATHS	4	/* default routes; more are not looked at */
#define MAPPING_SOURCES	3

enum mapping_via { MAPPING_BY_PCP, MAPPING_BY_NATPMP, MAPPING_BY_UPNP };

enum mapping_state {
	MAPPING_NOT_ASKED,
	MAPPING_ASKING,
	MAPPING_KNOWN,		/* there is a mapping; STUN has seen us */
	MAPPING_FAILED,		/* there is none; STUN is not answered */
};

/* What one protocol has brought. */
struct mapping_source {
	enum mapping_via via;
	enum mapping_state state;
	/* Of MAPPING_KNOWN; 0.0.0.0: not known */
	struct ipv4 address;
	uint16_t port;
	uint64_t since;		/* when the gateway first said so */
	bool doubtful;
	bool between;		/* the gateway says that there is a NAT before it */
	bool no_network;	/* ... that it has no outer address of use */
	const char *reason;	/* for people, behind "the gateway "; static */
};

/* What STUN saw, asked from the tunnel port. */
struct mapping_seen {
	enum mapping_state state;
	struct ipv4 own;	/* what it was asked from */
	struct ipv4 address;
	uint16_t port;
	uint64_t when;		/* of the latest answer */
	bool past;		/* nobody answers any more; in the same network, it still counts */
};

/* One default route. */
struct mapping_path {
	struct ipv4 own;	/* the source address there; 0.0.0.0: none */
	uint16_t port;		/* the tunnel's */
	struct mapping_source sources[MAPPING_SOURCES];
	size_t n;
	struct mapping_seen seen;
};

enum mapping_how {
	MAPPING_NONE,
	MAPPING_DIRECT,		/* the own address, which is public */
	MAPPING_MAPPED,		/* what a gateway has mapped */
	MAPPING_OBSERVED,	/* what STUN saw: who we sent to can answer, others maybe */
};

enum mapping_verdict {
	MAPPING_UNREACHABLE,	/* nobody knows how */
	MAPPING_PUBLIC,		/* there is no NAT */
	MAPPING_NAT,		/* one, which maps */
	MAPPING_CLOSED_NAT,	/* one that maps for nobody */
	MAPPING_DOUBLE_NAT,	/* one behind another, or a carrier's */
};

struct mapping_choice {
	/* What is to be published; MAPPING_NONE: nothing */
	enum mapping_how how;
	size_t path;
	enum mapping_via via;	/* of MAPPING_MAPPED */
	struct ipv4 address;
	uint16_t port;
	bool confirmed;		/* STUN saw this address */

	enum mapping_verdict verdict;
	/* Better knowledge may come soon: somebody is still being asked. */
	bool waiting;
	/*
	 * What STUN saw is older than what a gateway says, and does not fit: ask again,
	 * for that one may be right.
	 */
	bool ask_stun;
	/* It is newer: the gateway may be asked once more (gateway_check()), once. */
	bool contradicted;
};

void mapping_from_gateway(const struct gateway *g, uint16_t internal,
			  struct mapping_source *out);
void mapping_from_upnp(const struct upnp *u, uint16_t internal, struct mapping_source *out);

/*
 * The port belongs to PCP or NAT-PMP, if they have it, else to UPnP. To be asked again
 * after any change of @g.
 */
void mapping_settle(const struct gateway *g, struct upnp *u, uint16_t internal, uint64_t now);

/*
 * @paths: the one that packets take by default first. @prior: the last choice; of equals
 * it stays. NULL: there was none.
 */
void mapping_choose(const struct mapping_path *paths, size_t n,
		    const struct mapping_choice *prior, struct mapping_choice *out);
/* Something else is to be published. */
bool mapping_differs(const struct mapping_choice *a, const struct mapping_choice *b);

/*
 * Why, for people: a sentence a line, each with a line feed. @size: at least 1; what
 * does not fit is left out. Returns the length.
 */
size_t mapping_explain(const struct mapping_path *paths, size_t n,
		       const struct mapping_choice *choice, char *out, size_t size);

#endif
