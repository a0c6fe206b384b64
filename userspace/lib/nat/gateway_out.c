// SPDX-License-Identifier: GPL-2.0-or-later
/* What is asked when. */
#include "gateway_int.h"

#include "natpmp.h"

/* ms, give or take a tenth (RFC 6887 8.1.1) */
static uint64_t jitter(struct gateway *g, uint64_t ms)
{
	return ms - ms / 10 + draw_below(&g->draw, ms / 5 + 1);
}

uint64_t gateway_short_error(unsigned int n)
{
	uint64_t s = n < 6 ? SHORT_ERROR << n : LONG_ERROR;

	return (s < LONG_ERROR ? s : LONG_ERROR) * 1000;
}

/*
 * RFC 6887 11.2.1: at 1/2, 3/4, 7/8, ... of the lifetime, and a random part of a
 * quarter of what is left then. RFC 6886 3.3 has only the half, and no randomness.
 */
uint64_t gateway_renewal(struct gateway *g, const struct gateway_entry *e, uint64_t now)
{
	unsigned int n = e->renewals < 16 ? e->renewals : 16;
	uint64_t left = e->lifetime >> (n + 1), due = e->granted + e->lifetime - left;

	if (g->protocol == GATEWAY_PCP)
		due += draw_below(&g->draw, left / 4 + 1);
	if (g->config.refresh && due > now + g->config.refresh * 1000ull)
		due = now + g->config.refresh * 1000ull;
	return due > now + RENEW_GAP ? due : now + RENEW_GAP;
}

void gateway_job_done(struct gateway *g)
{
	g->job = JOB_NONE;
	g->entry = NULL;
	g->pending = 0;
	g->sent = 0;
}

static void start(struct gateway *g, enum gateway_job job, struct gateway_entry *e,
		  unsigned int tries, uint64_t now)
{
	g->job = job;
	g->entry = e;
	g->sent = 0;
	g->tries = tries;
	g->next = now;
}

void gateway_probe_failed(struct gateway *g, enum gateway_reason why, uint64_t now)
{
	uint64_t wait = SLOW_RETRY;
	size_t i;

	gateway_job_done(g);
	g->protocol = GATEWAY_UNKNOWN;
	g->spurned = 0;
	if (g->refused)
		why = GATEWAY_REFUSED;
	g->refused = false;
	/* One that used to answer is likely to be on its way up. */
	if (g->spoke && why != GATEWAY_UNSUPPORTED && why != GATEWAY_REFUSED && g->probes < 8)
		wait = (uint64_t)RENEW_GAP << g->probes;
	g->probes++;
	g->probe_due = now + jitter(g, wait);
	for (i = 0; i < GATEWAY_MAPS; i++) {
		struct gateway_entry *e = &g->maps[i];

		if (!e->wanted)
			continue;
		e->reason = why;
		e->doubtful = e->external;
	}
	g->changed = true;
}

void gateway_give_up(struct gateway *g, enum gateway_reason why, uint64_t now)
{
	struct gateway_entry *e = g->entry;

	switch (g->job) {
	case JOB_DELETE:
		g->probes++;
		gateway_entry_free(g, e);
		return;
	case JOB_ADDRESS:
		if (!gateway_holds(g))
			break;
		g->address_due = now + gateway_short_error(g->address_failures++);
		gateway_job_done(g);
		return;
	case JOB_MAP:
		if (!e->external)
			break;
		e->reason = why;
		e->renewals++;
		/* One packet may get lost. */
		e->doubtful = e->doubtful || g->tries > 1 || e->renewals > 1;
		e->due = gateway_renewal(g, e, now);
		/* It is there, but not what we ask: that may be starting, and say so or not. */
		if (why == GATEWAY_CLOSED) {
			e->due = now + ((uint64_t)RENEW_GAP << (e->failures < 8 ? e->failures : 8));
			e->failures++;
		}
		gateway_job_done(g);
		g->changed = true;
		return;
	default:
		break;
	}
	gateway_probe_failed(g, why, now);
}

static bool next_job(struct gateway *g, uint64_t now)
{
	struct gateway_entry *best = NULL;
	bool single;
	size_t i;

	for (i = 0; i < GATEWAY_MAPS; i++) {
		struct gateway_entry *e = &g->maps[i];

		if (e->used && !e->wanted) {
			/* Who is silent is told once. */
			start(g, JOB_DELETE, e, g->probes ? 1 : DELETE_TRIES, now);
			return true;
		}
		if (e->wanted && (!best || e->due < best->due))
			best = e;
	}
	if (!best)
		return false;

	if (g->protocol == GATEWAY_UNKNOWN) {
		if (now < g->probe_due)
			return false;
		start(g, JOB_PROBE, best, TRIES, now);
		return true;
	}
	if (g->address_due <= now) {
		start(g, JOB_ADDRESS, NULL, TRIES, now);
		return true;
	}
	if (now < best->due)
		return false;
	/* PCP's renewals are single packets (RFC 6887 11.2.1); what was lost is no renewal. */
	single = g->protocol == GATEWAY_PCP && best->external &&
		 (!best->doubtful || best->renewals);
	start(g, JOB_MAP, best, single ? 1 : TRIES, now);
	return true;
}

static void expire(struct gateway *g, uint64_t now)
{
	bool silent = false;
	size_t i;

	for (i = 0; i < GATEWAY_MAPS; i++) {
		struct gateway_entry *e = &g->maps[i];

		if (!e->external || now < e->expires)
			continue;
		e->external = 0;
		e->doubtful = false;
		if (e->reason == GATEWAY_SILENT)
			silent = true;
		else if (e->reason == GATEWAY_OK)
			e->reason = GATEWAY_ASKING;
		g->changed = true;
	}
	/* It may be another box by now, that speaks another protocol. */
	if (silent && !gateway_holds(g) && g->protocol != GATEWAY_UNKNOWN)
		gateway_forget(g, now);
}

static void transmit(struct gateway *g, uint64_t now)
{
	uint64_t wait = (uint64_t)FIRST_WAIT << g->sent;

	/* From now, not from when it was due: who slept must not send a burst. */
	if (g->job == JOB_MAP && g->tries == 1)
		wait = RENEW_GAP;
	g->next = now + (g->protocol == GATEWAY_NATPMP ? wait : jitter(g, wait));

	/*
	 * A gateway that does not know PCP and says nothing must not hold us up. The
	 * NAT-PMP half of a probe makes no mapping, so that a gateway that has both
	 * protocols, and is slow, does not make two.
	 */
	if (g->job == JOB_PROBE)
		g->pending = PENDING_PCP | (g->sent ? PENDING_ADDRESS : 0);
	else if (g->job == JOB_ADDRESS)
		g->pending = PENDING_ADDRESS;
	else
		g->pending = g->protocol == GATEWAY_NATPMP ? PENDING_NATPMP : PENDING_PCP;
	g->sent++;
}

static size_t put(struct gateway *g, uint8_t *out)
{
	struct gateway_entry *e = g->entry;
	bool delete = g->job == JOB_DELETE;
	struct pcp_map map = { .internal = 0 };

	if (!(g->pending & (PENDING_PCP | PENDING_NATPMP))) {
		g->pending = 0;
		return natpmp_put_address(out);
	}
	e->maybe = true;
	if (g->pending & PENDING_NATPMP) {
		g->pending = 0;
		return natpmp_put_map(out, e->internal, delete ? 0 : e->suggested,
				      delete ? 0 : g->config.lifetime);
	}

	g->pending &= ~(unsigned int)PENDING_PCP;
	memcpy(map.nonce, g->config.nonce, sizeof(map.nonce));
	map.internal = e->internal;
	/* No address is suggested: of a new one, some would say that they cannot give
	 * the old one any more.
	 */
	if (!delete)
		map.external = e->suggested;
	return pcp_put_map(out, g->config.own, &map, delete ? 0 : g->config.lifetime);
}

size_t gateway_output(struct gateway *g, uint64_t now, uint8_t out[GATEWAY_OUT])
{
	expire(g, now);
	for (;;) {
		if (g->pending)
			return put(g, out);
		if (g->job == JOB_NONE && !next_job(g, now))
			return 0;
		if (now < g->next)
			return 0;
		if (g->sent < g->tries)
			transmit(g, now);
		else
			gateway_give_up(g, GATEWAY_SILENT, now);
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t gateway_deadline(const struct gateway *g)
{
	uint64_t t = NEVER, due = NEVER;
	size_t i;

	for (i = 0; i < GATEWAY_MAPS; i++) {
		const struct gateway_entry *e = &g->maps[i];

		if (e->external)
			t = earlier(t, e->expires);
		if (e->used)
			due = earlier(due, e->wanted ? e->due : 0);
	}
	if (g->pending)
		return 0;
	if (g->job != JOB_NONE)
		return earlier(t, g->next);
	if (due && due != NEVER) {
		if (g->protocol == GATEWAY_UNKNOWN)
			due = g->probe_due;
		else
			due = earlier(due, g->address_due);
	}
	return earlier(t, due);
}
