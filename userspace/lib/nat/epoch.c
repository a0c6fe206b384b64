// SPDX-License-Identifier: GPL-2.0-or-later
#include "epoch.h"

/* Replaces what was known; false: nothing was. */
static bool take(struct epoch *e, uint32_t server, uint64_t now, struct epoch *old)
{
	*old = *e;
	*e = (struct epoch){ .known = true, .server = server, .client = now };
	return old->known;
}

bool epoch_natpmp(struct epoch *e, uint32_t server, uint64_t now)
{
	struct epoch old;
	uint64_t least;

	if (!take(e, server, now, &old))
		return false;
	/* A clock may run slow by an eighth, and two seconds are for rounding. */
	least = old.server + (now - old.client) / 1000 * 7 / 8;
	return server + 2ull < least;
}

bool epoch_pcp(struct epoch *e, uint32_t server, uint64_t now)
{
	uint64_t client_delta, server_delta;
	struct epoch old;

	if (!take(e, server, now, &old))
		return false;
	if (server + 1ull < old.server)
		return true;
	client_delta = (now - old.client) / 1000;
	server_delta = server > old.server ? server - old.server : 0;
	return client_delta + 2 < server_delta - server_delta / 16 ||
	       server_delta + 2 < client_delta - client_delta / 16;
}
