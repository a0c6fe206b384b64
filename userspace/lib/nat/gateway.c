// SPDX-License-Identifier: GPL-2.0-or-later
#include "gateway_int.h"

#include <errno.h>
#include <stdlib.h>

struct gateway *gateway_new(const struct gateway_config *config)
{
	struct gateway *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->config = *config;
	if (!g->config.lifetime)
		g->config.lifetime = GATEWAY_LIFETIME;
	memcpy(g->draw.seed, config->seed, sizeof(g->draw.seed));
	g->address_due = NEVER;
	g->address_reason = GATEWAY_ASKING;
	return g;
}

void gateway_free(struct gateway *g)
{
	if (g)
		explicit_bzero(g, sizeof(*g));
	free(g);
}

static struct gateway_entry *find(const struct gateway *g, uint16_t internal)
{
	size_t i;

	for (i = 0; i < GATEWAY_MAPS; i++)
		if (g->maps[i].used && g->maps[i].internal == internal)
			return (struct gateway_entry *)&g->maps[i];
	return NULL;
}

void gateway_entry_free(struct gateway *g, struct gateway_entry *e)
{
	if (g->entry == e)
		gateway_job_done(g);
	*e = (struct gateway_entry){ 0 };
}

bool gateway_holds(const struct gateway *g)
{
	size_t i;

	for (i = 0; i < GATEWAY_MAPS; i++)
		if (g->maps[i].wanted && g->maps[i].external)
			return true;
	return false;
}

int gateway_map(struct gateway *g, uint16_t internal, uint16_t suggested, uint64_t now)
{
	struct gateway_entry *e = find(g, internal);
	size_t i;

	if (!internal)
		return -EINVAL;
	if (e && e->wanted)
		return -EEXIST;
	for (i = 0; !e && i < GATEWAY_MAPS; i++)
		if (!g->maps[i].used)
			e = &g->maps[i];
	if (!e || g->stopping)
		return -ENOSPC;

	/* One that was about to be deleted is kept: what the gateway has is found out. */
	if (g->entry == e)
		gateway_job_done(g);
	e->used = true;
	e->wanted = true;
	e->internal = internal;
	e->suggested = suggested ? suggested : internal;
	e->external = 0;
	e->reason = GATEWAY_ASKING;
	e->due = now;
	g->changed = true;
	return 0;
}

static void unmap(struct gateway *g, struct gateway_entry *e, uint64_t now)
{
	if (g->entry == e)
		gateway_job_done(g);
	e->wanted = false;
	e->external = 0;
	e->due = now;
	g->changed = true;
	if (!e->maybe)
		gateway_entry_free(g, e);
}

void gateway_unmap(struct gateway *g, uint16_t internal, uint64_t now)
{
	struct gateway_entry *e = find(g, internal);

	if (e && e->wanted)
		unmap(g, e, now);
}

void gateway_stop(struct gateway *g, uint64_t now)
{
	size_t i;

	if (g->job != JOB_DELETE)
		gateway_job_done(g);
	g->stopping = true;
	for (i = 0; i < GATEWAY_MAPS; i++)
		if (g->maps[i].wanted)
			unmap(g, &g->maps[i], now);
}

bool gateway_stopped(const struct gateway *g)
{
	size_t i;

	for (i = 0; i < GATEWAY_MAPS; i++)
		if (g->maps[i].used)
			return false;
	return g->stopping;
}

void gateway_forget(struct gateway *g, uint64_t when)
{
	size_t i;

	if (g->job != JOB_DELETE)
		gateway_job_done(g);
	g->protocol = GATEWAY_UNKNOWN;
	g->spurned = 0;
	g->refused = false;
	g->epoch.known = false;
	g->address_due = NEVER;
	g->address_failures = 0;
	g->probes = 0;
	g->probe_due = when;
	for (i = 0; i < GATEWAY_MAPS; i++) {
		struct gateway_entry *e = &g->maps[i];

		if (!e->wanted)
			continue;
		e->doubtful = e->external;
		e->reason = GATEWAY_ASKING;
		e->renewals = 0;
		e->failures = 0;
		e->due = when;
	}
	g->changed = true;
}

void gateway_speak(struct gateway *g, enum gateway_protocol p, uint64_t now)
{
	size_t i;

	if (g->protocol == p)
		return;
	gateway_job_done(g);
	g->protocol = p;
	g->spoke = true;
	g->probes = 0;
	g->epoch.known = false;
	g->address_due = p == GATEWAY_NATPMP ? now : NEVER;
	for (i = 0; i < GATEWAY_MAPS; i++)
		if (g->maps[i].wanted)
			g->maps[i].due = now;
	g->changed = true;
}

void gateway_moved(struct gateway *g, struct ipv4 own, uint64_t now)
{
	size_t i;

	g->config.own = own;
	g->address = (struct ipv4){ 0 };
	for (i = 0; i < GATEWAY_MAPS; i++) {
		struct gateway_entry *e = &g->maps[i];

		e->external = 0;
		e->address = (struct ipv4){ 0 };
		e->maybe = false;
		/* Nobody but the old address could delete it. */
		if (e->used && !e->wanted)
			gateway_entry_free(g, e);
	}
	gateway_forget(g, now);
}

void gateway_retry(struct gateway *g, uint64_t now)
{
	if (!g->stopping)
		gateway_forget(g, now);
}

bool gateway_changed(struct gateway *g)
{
	bool changed = g->changed;

	g->changed = false;
	return changed;
}

bool gateway_mapping(const struct gateway *g, uint16_t internal, struct gateway_mapping *out)
{
	const struct gateway_entry *e = find(g, internal);

	if (!e || !e->wanted)
		return false;
	*out = (struct gateway_mapping){ .internal = internal, .reason = e->reason };
	if (!e->external)
		return true;
	out->external = e->external;
	out->address = e->address;
	out->since = e->since;
	if (ipv4_kind(out->address) == IPV4_NONE) {
		out->address = g->address;
		if (g->address_since > out->since)
			out->since = g->address_since;
	}
	out->granted = e->granted;
	out->expires = e->expires;
	out->doubtful = e->doubtful;
	if (e->reason == GATEWAY_OK && ipv4_kind(out->address) == IPV4_NONE)
		out->reason = g->protocol == GATEWAY_NATPMP ? g->address_reason :
							      GATEWAY_NO_NETWORK;
	return true;
}

enum gateway_protocol gateway_protocol(const struct gateway *g)
{
	return g->protocol;
}

struct ipv4 gateway_address(const struct gateway *g)
{
	return g->address;
}

const char *gateway_protocol_text(enum gateway_protocol p)
{
	static const char *const texts[] = {
		[GATEWAY_UNKNOWN] = "speaks neither PCP nor NAT-PMP, as far as is known",
		[GATEWAY_NATPMP] = "speaks NAT-PMP",
		[GATEWAY_PCP] = "speaks PCP",
	};

	return texts[p];
}

const char *gateway_reason_text(enum gateway_reason r)
{
	static const char *const texts[] = {
		[GATEWAY_OK] = "has mapped the port",
		[GATEWAY_ASKING] = "has not answered yet",
		[GATEWAY_SILENT] = "does not answer",
		[GATEWAY_CLOSED] = "has nothing that listens on UDP port 5351",
		[GATEWAY_UNSUPPORTED] = "cannot map ports this way",
		[GATEWAY_REFUSED] = "refuses to map the port",
		[GATEWAY_NO_NETWORK] = "has no connection or no outer address",
		[GATEWAY_FULL] = "has no resources left",
		[GATEWAY_QUOTA] = "gives us no more mappings",
		[GATEWAY_NO_EXTERNAL] = "cannot give this outer port or address",
		[GATEWAY_BETWEEN] = "sees another address of ours: there is a NAT in between",
		[GATEWAY_BROKEN] = "gives an answer that makes no sense",
	};

	return texts[r];
}
