/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UPnP's Internet gateway device, versions 1 and 2: UDP ports mapped by the gateway,
 * and the address that they are at. Documentation/nat.md tells how it works.
 *
 * Pure: requests to a child process go out, its responses come in (upnp_msg.h); the
 * child does all the talking. Times are milliseconds of any clock that does not go back
 * and that runs while the machine sleeps.
 */
#ifndef BTMM_NAT_UPNP_H
#define BTMM_NAT_UPNP_H

#include "../llq/draw.h"
#include "upnp_msg.h"

#define UPNP_MAPS	4	/* ports */
#define UPNP_LEASE	3600	/* s */
#define UPNP_LEASE_MAX	604800	/* s, IGD 2 */
#define UPNP_GRACE	500	/* ms */

struct upnp;

enum upnp_reason {
	UPNP_R_OK,
	UPNP_R_ASKING,		/* no answer yet */
	UPNP_R_NONE,		/* no such device */
	UPNP_R_FOREIGN,		/* there is one, but it is not the gateway */
	UPNP_R_NO_ADDRESS,	/* it has no connection itself */
	UPNP_R_REFUSED,
	UPNP_R_CONFLICT,	/* others have the ports that were tried */
	UPNP_R_FULL,
	UPNP_R_BROKEN,		/* it says what makes no sense */
	UPNP_R_FAILED,		/* it stopped answering; or the child died */
	UPNP_R_YIELDED,		/* another protocol has mapped the port */
};

struct upnp_config {
	struct ipv4 gateway;	/* only its answers count */
	struct ipv4 own;
	uint32_t lease;		/* s, to be asked for; 0: UPNP_LEASE */
	/*
	 * ms after upnp_map() before a mapping is asked for: UPNP_GRACE lets a protocol
	 * that takes milliseconds be first. The device is looked for meanwhile.
	 */
	uint32_t grace;
	/*
	 * s, the longest time between two questions whether a mapping is still there: a
	 * gateway reboots, others delete. 0: as the lease demands
	 */
	uint32_t refresh;
	const char *description;	/* copied: cut, and made printable */
	uint8_t seed[DRAW_SEED];
};

struct upnp_mapping {
	uint16_t internal;
	uint16_t external;	/* 0: there is none */
	struct ipv4 address;	/* 0.0.0.0: not known */
	uint64_t since;		/* when the gateway first said so, of address and port */
	uint64_t granted, expires;	/* 0: there is none */
	bool verified;		/* the gateway could be asked for it, and had it */
	bool permanent;		/* the gateway has no others: it stays if we vanish */
	bool doubtful;		/* it could not be refreshed */
	enum upnp_reason reason;
};

/* @config is copied. NULL: no memory. Nothing is asked without upnp_map(). */
struct upnp *upnp_new(const struct upnp_config *config);
/* Says nothing to the gateway. */
void upnp_free(struct upnp *u);

/* As gateway_map() and so on */
int upnp_map(struct upnp *u, uint16_t internal, uint16_t suggested, uint64_t now);
void upnp_unmap(struct upnp *u, uint16_t internal, uint64_t now);
void upnp_stop(struct upnp *u, uint64_t now);
bool upnp_stopped(const struct upnp *u);

/*
 * PCP or NAT-PMP has mapped @internal to @external at this gateway, so there need not
 * be another mapping, and this one must not be touched: where it has the same port, it
 * has replaced ours. 0: it has not any more.
 */
void upnp_yield(struct upnp *u, uint16_t internal, uint16_t external, uint64_t now);

/* PCP and NAT-PMP have failed: what waits for them need not do so any more. */
void upnp_go(struct upnp *u, uint64_t now);

/* The next request to the child. False: none now, or none before its response. */
bool upnp_output(struct upnp *u, uint64_t now, struct upnp_request *out);
/* When to call upnp_output() again; UINT64_MAX: after other calls only. */
uint64_t upnp_deadline(const struct upnp *u);
/* Whether it was a response to what is out. */
bool upnp_input(struct upnp *u, uint64_t now, const struct upnp_response *r);
/* The child does not answer: it should be killed. Once. */
bool upnp_stuck(struct upnp *u);
/* The child is dead (or talked nonsense); there will be another one. */
void upnp_lost(struct upnp *u, uint64_t now);

/* There is a new own address: what was mapped was for the old one. */
void upnp_moved(struct upnp *u, struct ipv4 own, uint64_t now);
/* Somebody has reason to hope or to doubt: the gateway is asked what it has, at once. */
void upnp_check(struct upnp *u, uint64_t now);

/* Something that the following calls tell is not as it was. Once. */
bool upnp_changed(struct upnp *u);
bool upnp_mapping(const struct upnp *u, uint16_t internal, struct upnp_mapping *out);
/* Of the service; 0: none is known */
unsigned int upnp_version(const struct upnp *u);
struct ipv4 upnp_address(const struct upnp *u);

/* For people, behind "the gateway " */
const char *upnp_reason_text(enum upnp_reason r);

#endif
