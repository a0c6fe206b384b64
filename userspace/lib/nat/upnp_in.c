// SPDX-License-Identifier: GPL-2.0-or-later
/* What the gateway says, by way of the child. */
#include "upnp_int.h"

#define FAILURES	3	/* in a row: the device may be elsewhere */
#define RETRY		1000	/* ms; doubles */

static void fail(struct upnp *u, struct upnp_entry *e, enum upnp_reason why, uint64_t when)
{
	e->reason = why;
	e->doubtful = e->external;
	e->due = when;
	u->changed = true;
}

/* No answer by HTTP: again, and in the end the device is looked for anew. */
static void unanswered(struct upnp *u, struct upnp_entry *e, uint64_t now)
{
	unsigned int n = u->failures < FAILURES ? u->failures : FAILURES;
	uint64_t when = now + ((uint64_t)RETRY << n);

	if (++u->failures >= FAILURES) {
		u->failures = 0;
		upnp_forget(u, now + RETRY);
		when = now;
	}
	if (e)
		fail(u, e, UPNP_R_FAILED, when);
	else if (u->version)
		u->address_due = when;
}

static void free_all(struct upnp *u)
{
	size_t i;

	for (i = 0; i < UPNP_MAPS; i++)
		upnp_entry_free(u, &u->maps[i]);
}

static void found(struct upnp *u, const struct upnp_response *r, uint64_t now)
{
	bool foreign = r->status == UPNP_FOREIGN ||
		       (r->status == UPNP_OK && !ipv4_equal(r->address, u->config.gateway));
	unsigned int n;
	uint64_t wait;
	size_t i;

	if (r->status == UPNP_OK && !foreign && r->version) {
		u->version = r->version;
		u->spoke = true;
		u->searches = 0;
		u->searched_in_vain = 0;
		u->address_due = now;
		u->changed = true;
		/* Of what there is, it must be known whether it is there. */
		for (i = 0; i < UPNP_MAPS; i++) {
			struct upnp_entry *e = &u->maps[i];

			if (!e->wanted || !e->external)
				continue;
			e->stage = STAGE_VERIFY;
			e->due = now;
		}
		return;
	}
	if (u->stopping) {
		free_all(u);
		return;
	}
	for (i = 0; i < UPNP_MAPS; i++) {
		struct upnp_entry *e = &u->maps[i];

		if (!e->wanted || e->yielded || e->external)
			continue;
		if (foreign)
			e->reason = UPNP_R_FOREIGN;
		else if (e->reason == UPNP_R_FAILED)
			e->reason = UPNP_R_ASKING;
	}
	u->search_due = now;
	if (++u->searches < SEARCHES)
		return;

	u->searches = 0;
	n = u->searched_in_vain < 8 ? u->searched_in_vain : 8;
	u->searched_in_vain++;
	/* One that was there is likely to be on its way up. */
	wait = (u->spoke ? 4000ull : 60000ull) << n;
	u->search_due = now + (wait < SLOW_RETRY ? wait : SLOW_RETRY);
	for (i = 0; i < UPNP_MAPS; i++)
		if (u->maps[i].wanted && u->maps[i].reason == UPNP_R_ASKING)
			u->maps[i].reason = UPNP_R_NONE;
	u->changed = true;
}

static void address(struct upnp *u, const struct upnp_response *r, uint64_t now)
{
	struct ipv4 none = { 0 };
	struct ipv4 a = r->status == UPNP_OK ? r->address : none;

	if (r->status == UPNP_FAILED) {
		unanswered(u, NULL, now);
		return;
	}
	u->failures = 0;
	u->address_due = NEVER;
	if (ipv4_kind(a) == IPV4_NONE) {
		a = none;
		u->address_due = now + upnp_short_error(u->address_failures++);
	} else {
		u->address_failures = 0;
	}
	if (!u->address_known || !ipv4_equal(a, u->address)) {
		u->address_since = now;
		u->changed = true;
	}
	u->address_known = true;
	u->address = a;
}

/* Somebody else has it. */
static void next_port(struct upnp *u, struct upnp_entry *e, uint64_t now)
{
	if (e->external)
		u->changed = true;
	e->external = 0;
	e->doubtful = false;
	e->maybe = 0;
	e->missing = 0;
	e->stage = STAGE_ADD;
	e->due = now;
	if (++e->ports >= PORTS_TRIED) {
		e->ports = 0;
		e->trying = e->internal;
		fail(u, e, UPNP_R_CONFLICT, now + LONG_ERROR);
	} else if (e->ports <= PORTS_NEXT && e->trying < 65535) {
		e->trying++;
	} else {
		e->trying = (uint16_t)(10000 + draw_below(&u->draw, 50000));
	}
}

static void added(struct upnp *u, struct upnp_entry *e, const struct upnp_response *r,
		  uint64_t now)
{
	bool any = u->request.op == UPNP_ADD_ANY;

	switch (r->status) {
	case UPNP_OK:
		e->maybe = any ? r->external : u->request.external;
		u->lease_doubted = false;
		e->stage = STAGE_VERIFY;
		e->renew = NEVER;
		e->due = now;
		if (!e->maybe) {
			e->stage = STAGE_ADD;
			fail(u, e, UPNP_R_BROKEN, now + LONG_ERROR);
		}
		return;
	case UPNP_FAILED:
		unanswered(u, e, now);
		return;
	case UPNP_CONFLICT:
	case UPNP_OTHER_MECHANISM:
		next_port(u, e, now);
		return;
	default:
		break;
	}

	e->maybe = e->external;
	e->due = now;
	if (r->status == UPNP_NOT_AUTHORIZED) {
		fail(u, e, UPNP_R_REFUSED, now + LONG_ERROR);
	} else if (r->status == UPNP_NO_PORTS) {
		fail(u, e, UPNP_R_FULL, now + upnp_short_error(e->failures++));
	} else if (r->status == UPNP_SAME_PORT && e->trying != e->internal) {
		e->trying = e->internal;
	} else if (r->status == UPNP_ONLY_PERMANENT && !u->permanent) {
		u->permanent = true;
	} else if (any) {
		/* It is said to be version 2, and is not. */
		u->no_any = true;
	} else if (!u->permanent && (r->status == UPNP_INVALID_ARGS ||
				     r->status == UPNP_ACTION_FAILED)) {
		/* Some say so of a lease that they do not want. */
		u->permanent = true;
		u->lease_doubted = true;
	} else {
		if (u->lease_doubted)
			u->permanent = false;
		u->lease_doubted = false;
		/* Some map nothing while they have no address to map it to. */
		if (u->address_known && ipv4_kind(u->address) == IPV4_NONE)
			fail(u, e, UPNP_R_NO_ADDRESS, now + upnp_short_error(e->failures++));
		else
			fail(u, e, UPNP_R_BROKEN, now + LONG_ERROR);
	}
}

static void hold(struct upnp *u, struct upnp_entry *e, uint32_t lease, bool verified,
		 uint64_t now)
{
	uint64_t ms = u->config.lease * 1000ull, refresh = u->config.refresh * 1000ull;

	/* Without an end, it is refreshed as if it had one: the gateway may reboot. */
	if (!u->permanent && lease && lease < u->config.lease)
		ms = lease * 1000ull;
	if (e->external != e->maybe || e->reason != UPNP_R_OK || e->doubtful ||
	    e->verified != verified)
		u->changed = true;
	if (e->external != e->maybe)
		e->since = now;
	e->external = e->maybe;
	e->trying = e->maybe;
	e->stage = STAGE_HELD;
	e->granted = now;
	e->expires = now + ms;
	/* What is left of a lease says nothing of when it began. */
	if (now + ms / 2 < e->renew)
		e->renew = now + ms / 2;
	e->due = refresh && now + refresh < e->renew ? now + refresh : e->renew;
	if (e->due < now + REFRESH_GAP)
		e->due = now + REFRESH_GAP;
	e->verified = verified;
	e->doubtful = false;
	e->reason = UPNP_R_OK;
	e->ports = 0;
	e->missing = 0;
	e->failures = 0;
}

static void got(struct upnp *u, struct upnp_entry *e, const struct upnp_response *r,
		uint64_t now)
{
	if (r->status == UPNP_OK) {
		if (r->enabled && r->internal == e->internal &&
		    ipv4_equal(r->address, u->config.own))
			hold(u, e, r->lease, true, now);
		else
			next_port(u, e, now);
	} else if (r->status == UPNP_NO_SUCH_ENTRY) {
		/* It was deleted, or the gateway rebooted; or it says yes and does no. */
		if (e->external)
			u->changed = true;
		e->external = 0;
		e->doubtful = false;
		e->maybe = 0;
		e->stage = STAGE_ADD;
		e->due = now;
		if (e->missing++) {
			e->missing = 0;
			fail(u, e, UPNP_R_BROKEN, now + LONG_ERROR);
		}
	} else if (r->status == UPNP_FAILED && e->external) {
		/* What was there before can as well be asked about later. */
		unanswered(u, e, now);
	} else {
		hold(u, e, 0, false, now);
	}
}

static void deleted(struct upnp *u, struct upnp_entry *e, const struct upnp_response *r,
		    uint64_t now)
{
	if (r->status == UPNP_FAILED && !e->missing++)
		return;
	(void)now;
	e->maybe = 0;
	e->missing = 0;
	if (!e->wanted)
		upnp_entry_free(u, e);
}

bool upnp_input(struct upnp *u, uint64_t now, const struct upnp_response *r)
{
	struct upnp_entry *e = u->entry;
	enum upnp_op op = u->request.op;
	bool add = op == UPNP_ADD || op == UPNP_ADD_ANY;

	if (!u->out || r->id != u->request.id || (op && r->op != op))
		return false;
	u->out = false;
	u->entry = NULL;
	u->stuck = false;
	if (!op) /* void by now */
		return true;
	if (op == UPNP_DISCOVER) {
		found(u, r, now);
		return true;
	}
	if (op == UPNP_ADDRESS) {
		address(u, r, now);
		return true;
	}
	if (!e)
		return true;
	if (op == UPNP_DELETE) {
		deleted(u, e, r, now);
		return true;
	}
	if (r->status != UPNP_FAILED)
		u->failures = 0;
	if (!e->wanted || e->yielded) {
		/* Not wanted any more, but it may have been made. */
		if (add && r->status == UPNP_OK && op == UPNP_ADD_ANY)
			e->maybe = r->external;
		else if (add && r->status != UPNP_OK && r->status != UPNP_FAILED)
			e->maybe = 0;
		if (e->maybe == e->yielded)
			e->maybe = 0;
		if (!e->wanted && !e->maybe)
			upnp_entry_free(u, e);
	} else if (add) {
		added(u, e, r, now);
	} else if (e->stage == STAGE_VERIFY) {
		/* Else it has ended, or was yielded for a moment, and is to be made anew. */
		got(u, e, r, now);
	}
	return true;
}
