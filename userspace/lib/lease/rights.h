/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a key may change (Documentation/dnsd-leases.md has it as a table). Pure: what
 * stands at a name is asked by a callback.
 */
#ifndef BTMM_LEASE_RIGHTS_H
#define BTMM_LEASE_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/message.h"
#include "request.h"

enum rights_role { RIGHTS_HOST, RIGHTS_ACCOUNT, RIGHTS_ADMIN };

struct rights_who {
	enum rights_role role;
	const uint8_t *name;	/* of the key; the host's FQDN. Lower case */
	const uint8_t *apex;	/* of the zone that is to be changed. Lower case */
};

/* What stands at a name now. */
struct rights_owner {
	bool enrolled;		/* an ENROLLED record: a host's name */
	bool unleased;		/* a record that nobody holds, ENROLLED included */
	bool held;		/* a record held by who asks */
	bool held_by_other;
};
typedef void (*rights_look_fn)(void *arg, const uint8_t *owner, struct rights_owner *out);

/* What a name is to a host. */
enum rights_place {
	PLACE_NONE,		/* not its business */
	PLACE_OWN,		/* at or below its name */
	PLACE_TUNNEL,		/* AutoTunnel-<...>.Z */
	PLACE_INSTANCE,		/* <Instance>._svc._tcp.Z */
	PLACE_SERVICE,		/* _svc._tcp.Z, <sub>._sub._svc._tcp.Z: PTRs of many */
	PLACE_SERVICES,		/* _services._dns-sd._udp.Z */
};
enum rights_place rights_place(const uint8_t *owner, const uint8_t *host, const uint8_t *apex);

/* _dns-llq._udp.Z and the like, which the front-end itself looks after. */
bool rights_infrastructure(const uint8_t *owner, const uint8_t *apex);

/* May it touch this name's records at all with no regard to what stands there? Other
 * holders' records at PLACE_TUNNEL and PLACE_INSTANCE matter: such names must be
 * looked at by one update at a time.
 */
static inline bool rights_place_exclusive(enum rights_place p)
{
	return p == PLACE_TUNNEL || p == PLACE_INSTANCE;
}

/*
 * DNS_NOERROR, DNS_REFUSED. @why: a few words for the log when refused. The
 * request has passed update_parse().
 */
enum dns_rcode rights_check(const struct rights_who *who, const struct update_msg *m,
			    rights_look_fn look, void *arg, const char **why);

#endif
