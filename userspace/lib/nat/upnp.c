// SPDX-License-Identifier: GPL-2.0-or-later
#include "upnp_int.h"

#include <errno.h>
#include <stdlib.h>

static void describe(struct upnp *u, const char *s)
{
	size_t i;

	for (i = 0; s && s[i] && i < sizeof(u->description) - 1; i++)
		u->description[i] = s[i] < ' ' || s[i] > '~' || strchr("<>&\"'", s[i]) ? '?' :
											 s[i];
}

struct upnp *upnp_new(const struct upnp_config *config)
{
	struct upnp *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->config = *config;
	if (!u->config.lease)
		u->config.lease = UPNP_LEASE;
	if (u->config.lease > UPNP_LEASE_MAX)
		u->config.lease = UPNP_LEASE_MAX;
	describe(u, config->description);
	u->config.description = NULL;
	memcpy(u->draw.seed, config->seed, sizeof(u->draw.seed));
	u->address_due = NEVER;
	return u;
}

void upnp_free(struct upnp *u)
{
	free(u);
}

uint64_t upnp_short_error(unsigned int n)
{
	uint64_t ms = n < 6 ? (uint64_t)SHORT_ERROR << n : LONG_ERROR;

	return ms < LONG_ERROR ? ms : LONG_ERROR;
}

static struct upnp_entry *find(const struct upnp *u, uint16_t internal)
{
	size_t i;

	for (i = 0; i < UPNP_MAPS; i++)
		if (u->maps[i].used && u->maps[i].internal == internal)
			return (struct upnp_entry *)&u->maps[i];
	return NULL;
}

void upnp_entry_free(struct upnp *u, struct upnp_entry *e)
{
	if (u->entry == e)
		u->entry = NULL;
	*e = (struct upnp_entry){ 0 };
}

int upnp_map(struct upnp *u, uint16_t internal, uint16_t suggested, uint64_t now)
{
	struct upnp_entry *e = find(u, internal);
	size_t i;

	if (!internal)
		return -EINVAL;
	if (e && e->wanted)
		return -EEXIST;
	for (i = 0; !e && i < UPNP_MAPS; i++)
		if (!u->maps[i].used)
			e = &u->maps[i];
	if (!e || u->stopping)
		return -ENOSPC;

	/* What was about to be deleted may be ours still, and is asked for again. */
	*e = (struct upnp_entry){
		.used = true, .wanted = true, .internal = internal, .maybe = e->maybe,
		.trying = suggested ? suggested : internal, .reason = UPNP_R_ASKING,
		.due = now + u->config.grace,
	};
	if (e->maybe)
		e->trying = e->maybe;
	u->changed = true;
	return 0;
}

static void unmap(struct upnp *u, struct upnp_entry *e)
{
	e->wanted = false;
	e->external = 0;
	if (e->maybe == e->yielded)
		e->maybe = 0;
	u->changed = true;
	/* A response that is on its way decides. */
	if (!e->maybe && !(u->out && u->entry == e))
		upnp_entry_free(u, e);
}

void upnp_unmap(struct upnp *u, uint16_t internal, uint64_t now)
{
	struct upnp_entry *e = find(u, internal);

	(void)now;
	if (e && e->wanted)
		unmap(u, e);
}

void upnp_stop(struct upnp *u, uint64_t now)
{
	size_t i;

	u->stopping = true;
	for (i = 0; i < UPNP_MAPS; i++)
		if (u->maps[i].wanted)
			unmap(u, &u->maps[i]);
	/* One short search, if the device is not known (any more) */
	if (!u->version) {
		u->search_due = now;
		u->searches = 0;
	}
}

bool upnp_stopped(const struct upnp *u)
{
	size_t i;

	for (i = 0; i < UPNP_MAPS; i++)
		if (u->maps[i].used)
			return false;
	return u->stopping;
}

void upnp_yield(struct upnp *u, uint16_t internal, uint16_t external, uint64_t now)
{
	struct upnp_entry *e = find(u, internal);

	if (!e || !e->wanted || e->yielded == external)
		return;
	e->yielded = external;
	e->stage = STAGE_ADD;
	e->due = now;
	e->external = 0;
	e->doubtful = false;
	e->reason = external ? UPNP_R_YIELDED : UPNP_R_ASKING;
	if (external && e->maybe == external)
		e->maybe = 0;
	u->changed = true;
}

void upnp_go(struct upnp *u, uint64_t now)
{
	size_t i;

	for (i = 0; i < UPNP_MAPS; i++) {
		struct upnp_entry *e = &u->maps[i];

		if (e->wanted && e->reason == UPNP_R_ASKING && e->due > now &&
		    e->due - now <= u->config.grace)
			e->due = now;
	}
}

void upnp_forget(struct upnp *u, uint64_t when)
{
	size_t i;

	u->version = 0;
	u->no_any = false;
	u->permanent = false;
	u->lease_doubted = false;
	u->searches = 0;
	u->search_due = when;
	u->address_due = NEVER;
	for (i = 0; i < UPNP_MAPS; i++) {
		struct upnp_entry *e = &u->maps[i];

		e->doubtful = e->external;
		e->failures = 0;
		e->ports = 0;
		e->missing = 0;
	}
	u->changed = true;
}

void upnp_lost(struct upnp *u, uint64_t now)
{
	unsigned int n = u->failures < 9 ? u->failures : 9;
	size_t i;

	u->out = false;
	u->entry = NULL;
	u->stuck = false;
	u->failures++;
	upnp_forget(u, now + (u->stopping ? 0 : 1000ull << n));
	for (i = 0; i < UPNP_MAPS; i++) {
		if (u->maps[i].wanted && !u->maps[i].yielded)
			u->maps[i].reason = UPNP_R_FAILED;
		/* Who stops does not wait for a third child. */
		if (u->stopping && (u->failures > 2 || !u->maps[i].maybe))
			upnp_entry_free(u, &u->maps[i]);
	}
}

void upnp_moved(struct upnp *u, struct ipv4 own, uint64_t now)
{
	size_t i;

	u->config.own = own;
	u->address = (struct ipv4){ 0 };
	for (i = 0; i < UPNP_MAPS; i++) {
		struct upnp_entry *e = &u->maps[i];

		e->external = 0;
		e->maybe = 0;
		e->stage = STAGE_ADD;
		e->due = now + u->config.grace;
		if (!e->yielded)
			e->reason = UPNP_R_ASKING;
		if (e->used && !e->wanted)
			upnp_entry_free(u, e);
	}
	/* What is out was asked as somebody else. */
	u->entry = NULL;
	u->request.op = 0;
	u->searched_in_vain = 0;
	upnp_forget(u, now);
}

void upnp_check(struct upnp *u, uint64_t now)
{
	size_t i;

	if (!u->version) {
		u->search_due = now;
		return;
	}
	u->address_due = now;
	for (i = 0; i < UPNP_MAPS; i++) {
		struct upnp_entry *e = &u->maps[i];

		if (!e->wanted || e->yielded || (u->out && u->entry == e))
			continue;
		if (e->stage == STAGE_HELD)
			e->stage = STAGE_VERIFY;
		e->due = e->due < now ? e->due : now;
	}
}

bool upnp_stuck(struct upnp *u)
{
	bool stuck = u->stuck;

	u->stuck = false;
	return stuck;
}

bool upnp_changed(struct upnp *u)
{
	bool changed = u->changed;

	u->changed = false;
	return changed;
}

bool upnp_mapping(const struct upnp *u, uint16_t internal, struct upnp_mapping *out)
{
	const struct upnp_entry *e = find(u, internal);

	if (!e || !e->wanted)
		return false;
	*out = (struct upnp_mapping){ .internal = internal, .reason = e->reason };
	if (!e->external)
		return true;
	out->external = e->external;
	out->address = u->address;
	out->since = e->since > u->address_since ? e->since : u->address_since;
	out->granted = e->granted;
	out->expires = e->expires;
	out->verified = e->verified;
	out->permanent = u->permanent;
	out->doubtful = e->doubtful;
	if (e->reason == UPNP_R_OK && ipv4_kind(u->address) == IPV4_NONE)
		out->reason = u->address_known ? UPNP_R_NO_ADDRESS : UPNP_R_ASKING;
	return true;
}

unsigned int upnp_version(const struct upnp *u)
{
	return u->version;
}

struct ipv4 upnp_address(const struct upnp *u)
{
	return u->address;
}

const char *upnp_reason_text(enum upnp_reason r)
{
	static const char *const texts[] = {
		[UPNP_R_OK] = "has mapped the port",
		[UPNP_R_ASKING] = "has not answered yet",
		[UPNP_R_NONE] = "does not show itself as a UPnP Internet gateway device",
		[UPNP_R_FOREIGN] = "refers to another host for UPnP, which is not believed",
		[UPNP_R_NO_ADDRESS] = "has no connection or no outer address",
		[UPNP_R_REFUSED] = "refuses to map the port",
		[UPNP_R_CONFLICT] = "has given the ports that were tried to others",
		[UPNP_R_FULL] = "has no ports left",
		[UPNP_R_BROKEN] = "gives an answer that makes no sense",
		[UPNP_R_FAILED] = "stopped answering",
		[UPNP_R_YIELDED] = "has mapped the port by another protocol",
	};

	return texts[r];
}
