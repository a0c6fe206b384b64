/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the UPnP engine is made of. Private to upnp*.c. */
#ifndef BTMM_NAT_UPNP_INT_H
#define BTMM_NAT_UPNP_INT_H

#include "upnp.h"

#define NEVER		UINT64_MAX

#define PATIENCE	30000	/* ms for a response */
#define PORTS_NEXT	8	/* that follow the one wanted, when others have it */
#define PORTS_TRIED	16	/* with random ones */
#define SHORT_ERROR	30000	/* ms; doubles */
#define LONG_ERROR	1800000
#define SLOW_RETRY	1024000	/* ms between searches in the end */
#define SEARCHES	3
#define REFRESH_GAP	4000	/* ms, the least between refreshes */

enum upnp_stage { STAGE_ADD, STAGE_VERIFY, STAGE_HELD };

struct upnp_entry {
	bool used, wanted;
	enum upnp_stage stage;
	uint16_t internal;
	uint16_t trying;	/* the external port to be asked for */
	uint16_t external;	/* 0: there is none */
	uint16_t maybe;		/* the external port that may be ours at the gateway */
	uint16_t yielded;	/* what another protocol has */
	bool verified, doubtful;
	uint64_t since, granted, expires;
	uint64_t renew;		/* when the lease is to be prolonged */
	enum upnp_reason reason;
	uint64_t due;
	unsigned int ports;	/* tried */
	unsigned int missing;	/* the gateway had not what it said it had */
	unsigned int failures;	/* in a row */
};

struct upnp {
	struct upnp_config config;
	char description[UPNP_DESCRIPTION];
	struct draw draw;
	struct upnp_entry maps[UPNP_MAPS];
	bool stopping, changed;

	unsigned int version;	/* 0: no device is known */
	bool spoke;		/* one was, at some time */
	bool no_any;		/* it says IGD 2, but has no AddAnyPortMapping */
	bool permanent;		/* it takes no lease */
	bool lease_doubted;	/* ... or so it seems */
	struct ipv4 address;
	bool address_known;	/* or known to be none */
	uint64_t address_due, address_since;
	unsigned int address_failures;

	uint64_t search_due;
	unsigned int searches, searched_in_vain;
	unsigned int failures;	/* of whatever, in a row */

	/* What is out */
	bool out;
	struct upnp_request request;
	struct upnp_entry *entry;
	uint64_t since;
	bool stuck;
};

void upnp_entry_free(struct upnp *u, struct upnp_entry *e);
/* The device is to be looked for, from @when on. */
void upnp_forget(struct upnp *u, uint64_t when);
uint64_t upnp_short_error(unsigned int n);

#endif
