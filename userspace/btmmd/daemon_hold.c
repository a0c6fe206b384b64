// SPDX-License-Identifier: GPL-2.0-or-later
/* IKE from somebody whom the kernel does not know: DNS says who it is. */
#include <string.h>

#include "daemon.h"

#define HOLD_MS		2000	/* as long as the kernel keeps a datagram */
#define EXACT_MS	300	/* in which DNS may tell of the exact endpoint */

/*
 * The one host that is at this endpoint by DNS; or at this address, if it alone is there.
 * Routers send what is mapped to another port by a third one, and drop what comes to the
 * mapping while they do: then only its calls get through. If it was somebody else behind
 * the same NAT, IKE fails, and is tried again. Before charon knows the host, it would refuse it.
 */
static bool who_is_at(const struct daemon *d, const struct tunnel_endpoint *from, bool exact,
		      struct in6_addr *out)
{
	const struct peers *all = subscribe_peers(d->subscribe);
	struct peers_status s;
	struct peers_walk w = { 0 };
	bool found = false;

	while (peers_next(all, &w, &s)) {
		if (!s.told || (exact && s.port != from->port) ||
		    s.outer.len != from->addr.len ||
		    memcmp(s.outer.b, from->addr.b, from->addr.len))
			continue;
		/* Two that claim to be there: neither is believed. */
		if (found)
			return false;
		*out = s.ula;
		found = true;
	}
	return found && ike_peer_loaded(d->ike, out);
}

void daemon_holds_answer(struct daemon *d)
{
	uint64_t now = daemon_now(d);
	struct in6_addr ula;
	size_t i;

	for (i = 0; i < DAEMON_HOLDS; i++) {
		struct daemon_hold *h = &d->holds[i];

		if (!h->until)
			continue;
		if (now >= h->until) {
			h->until = 0;
		} else if (who_is_at(d, &h->from, now < h->lenient, &ula)) {
			tunnel_ike_answer(d->tunnel, h->hold, &ula);
			h->until = 0;
		}
	}
}

static void arm_holds(struct daemon *d);

static int on_hold_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	daemon_holds_answer(arg);
	arm_holds(arg);
	return 0;
}

/* For the next one that becomes lenient. */
static void arm_holds(struct daemon *d)
{
	uint64_t at = UINT64_MAX, now = daemon_now(d);
	size_t i;

	for (i = 0; i < DAEMON_HOLDS; i++) {
		const struct daemon_hold *h = &d->holds[i];

		if (h->until && h->lenient > now && h->lenient < at)
			at = h->lenient;
	}
	if (at == UINT64_MAX ||
	    (!d->hold_timer && sd_event_add_time(d->event, &d->hold_timer, CLOCK_BOOTTIME, 0, 1000,
						 on_hold_timer, d) < 0))
		return;
	sd_event_source_set_time(d->hold_timer, at * 1000);
	sd_event_source_set_enabled(d->hold_timer, SD_EVENT_ONESHOT);
}

void daemon_hold(struct daemon *d, uint64_t hold, const struct tunnel_endpoint *from)
{
	struct daemon_hold *oldest = NULL;
	struct in6_addr ula;
	size_t i;

	if (who_is_at(d, from, true, &ula)) {
		tunnel_ike_answer(d->tunnel, hold, &ula);
		return;
	}
	/* It has moved, perhaps, and DNS is about to say so. */
	for (i = 0; i < DAEMON_HOLDS; i++) {
		if (!oldest || d->holds[i].until < oldest->until)
			oldest = &d->holds[i];
	}
	if (oldest->until > daemon_now(d))
		tunnel_ike_answer(d->tunnel, oldest->hold, NULL);
	*oldest = (struct daemon_hold){
		.hold = hold, .from = *from, .until = daemon_now(d) + HOLD_MS,
		.lenient = daemon_now(d) + EXACT_MS,
	};
	arm_holds(d);
}
