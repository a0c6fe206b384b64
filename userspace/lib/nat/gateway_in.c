// SPDX-License-Identifier: GPL-2.0-or-later
/* What the gateway says. */
#include "gateway_int.h"

#include <errno.h>

#include "natpmp.h"

/* To be asked for again, soon; but not so soon after the last answer, at @answered. */
static void due_again(uint64_t *due, uint64_t answered, uint64_t now)
{
	uint64_t when = answered + ASK_GAP > now ? answered + ASK_GAP : now;

	if (when < *due)
		*due = when;
}

/* Others than the answer's own entry are made anew, after a while (RFC 6886 3.7). */
static void state_lost(struct gateway *g, const struct gateway_entry *except, uint64_t now)
{
	uint64_t when = now + draw_below(&g->draw, RECOVERY_MAX + 1);
	size_t i;

	if (g->job != JOB_DELETE)
		gateway_job_done(g);
	for (i = 0; i < GATEWAY_MAPS; i++) {
		struct gateway_entry *e = &g->maps[i];

		if (!e->wanted || e == except)
			continue;
		e->doubtful = e->external;
		e->renewals = 0;
		e->failures = 0;
		e->due = when;
	}
	if (g->protocol == GATEWAY_NATPMP)
		g->address_due = when;
	g->changed = true;
}

static void grant(struct gateway *g, struct gateway_entry *e, uint16_t external,
		  struct ipv4 address, uint32_t lifetime, uint64_t now)
{
	g->spurned = 0;
	g->refused = false;
	if (e->external != external || !ipv4_equal(e->address, address))
		e->since = now;
	if (e->since == now || e->reason != GATEWAY_OK || e->doubtful)
		g->changed = true;
	e->external = external;
	e->suggested = external;
	e->address = address;
	e->lifetime = (lifetime < LIFETIME_MAX ? lifetime : LIFETIME_MAX) * 1000ull;
	e->granted = now;
	e->expires = now + e->lifetime;
	e->doubtful = false;
	e->reason = GATEWAY_OK;
	e->renewals = 0;
	e->failures = 0;
	e->due = gateway_renewal(g, e, now);
	if (e->news)
		due_again(&e->due, now, now);
	e->news = false;
}

/* @wait: s; 0: it was not said */
static void refuse(struct gateway *g, struct gateway_entry *e, enum gateway_reason why,
		   uint32_t wait, uint64_t now)
{
	bool soon = why == GATEWAY_NO_NETWORK || why == GATEWAY_FULL;

	e->reason = why;
	e->news = false;
	e->doubtful = e->external;
	if (wait)
		e->due = now + (wait < LIFETIME_MAX ? wait : LIFETIME_MAX) * 1000ull;
	else
		e->due = now + (soon ? gateway_short_error(e->failures++) : LONG_ERROR * 1000);
	if (e->due < now + RENEW_GAP)
		e->due = now + RENEW_GAP;
	g->changed = true;
}

/* It does not speak @p, or has no use for us there: the other one is tried. */
static void spurn(struct gateway *g, enum gateway_protocol p, uint64_t now)
{
	enum gateway_protocol other = p == GATEWAY_PCP ? GATEWAY_NATPMP : GATEWAY_PCP;

	if (g->job == JOB_DELETE) {
		gateway_entry_free(g, g->entry);
		return;
	}
	g->spurned |= 1u << p;
	if (g->spurned & 1u << other)
		gateway_probe_failed(g, GATEWAY_UNSUPPORTED, now);
	else
		gateway_speak(g, other, now);
}

/*
 * There is neither a nonce nor a port in such an answer. So it counts only while one
 * is awaited, and not if it cannot be about what is asked in (a late copy of the
 * answer that brought us here).
 */
static bool bad_version(struct gateway *g, uint8_t version, uint64_t now)
{
	enum gateway_protocol asked = g->protocol;

	if (!g->sent)
		return false;
	if (asked == GATEWAY_UNKNOWN)
		asked = version == PCP_VERSION ? GATEWAY_NATPMP : GATEWAY_PCP;
	if (version == (asked == GATEWAY_PCP ? PCP_VERSION : NATPMP_VERSION) ||
	    (g->protocol == GATEWAY_UNKNOWN && asked == GATEWAY_NATPMP && g->sent < 2))
		return false;
	spurn(g, asked, now);
	return true;
}

static enum gateway_reason pcp_reason(uint8_t result)
{
	switch (result) {
	case PCP_NOT_AUTHORIZED:
		return GATEWAY_REFUSED;
	case PCP_UNSUPP_OPCODE:
	case PCP_UNSUPP_PROTOCOL:
		return GATEWAY_UNSUPPORTED;
	case PCP_NETWORK_FAILURE:
		return GATEWAY_NO_NETWORK;
	case PCP_NO_RESOURCES:
		return GATEWAY_FULL;
	case PCP_USER_EX_QUOTA:
		return GATEWAY_QUOTA;
	case PCP_CANNOT_PROVIDE_EXTERNAL:
		return GATEWAY_NO_EXTERNAL;
	case PCP_ADDRESS_MISMATCH:
		return GATEWAY_BETWEEN;
	default:
		return GATEWAY_BROKEN;
	}
}

/* Whose nonce and port these are, if we ever asked. */
static struct gateway_entry *pcp_entry(struct gateway *g, const struct pcp_map *map)
{
	size_t i;

	if (memcmp(map->nonce, g->config.nonce, sizeof(map->nonce)))
		return NULL;
	for (i = 0; i < GATEWAY_MAPS; i++)
		if (g->maps[i].maybe && g->maps[i].internal == map->internal)
			return &g->maps[i];
	return NULL;
}

static bool pcp_error(struct gateway *g, struct gateway_entry *e, const struct pcp_reply *r,
		      uint64_t now)
{
	uint32_t wait = r->lifetime;

	/* Others are late, or not for us. */
	if (!g->sent || g->entry != e)
		return false;
	/*
	 * The gateway may have this port under another nonce (one that was lost, or
	 * none: NAT-PMP's), or maps by NAT-PMP only.
	 */
	if (r->result == PCP_NOT_AUTHORIZED || r->result == PCP_UNSUPP_OPCODE) {
		g->refused = r->result == PCP_NOT_AUTHORIZED;
		if (!(g->spurned & 1u << GATEWAY_NATPMP)) {
			spurn(g, GATEWAY_PCP, now);
			return true;
		}
	}
	gateway_speak(g, GATEWAY_PCP, now);
	gateway_job_done(g);
	refuse(g, e, pcp_reason(r->result), wait, now);
	if (epoch_pcp(&g->epoch, r->epoch, now))
		state_lost(g, e, now);
	return true;
}

static bool pcp_map(struct gateway *g, const struct pcp_reply *r, uint64_t now)
{
	struct gateway_entry *e = pcp_entry(g, &r->map);

	if (!e)
		return false;
	if (!e->wanted) {
		/* A lifetime is that of an answer to what was asked before. */
		if (g->job != JOB_DELETE || g->entry != e || !g->sent ||
		    (r->result == PCP_SUCCESS && r->lifetime))
			return false;
		gateway_entry_free(g, e);
		return true;
	}
	if (r->result != PCP_SUCCESS)
		return pcp_error(g, e, r, now);
	if (!r->lifetime || !r->map.external)
		return false;

	gateway_speak(g, GATEWAY_PCP, now);
	if (g->entry == e)
		gateway_job_done(g);
	if (!ipv4_equal(g->address, r->map.address))
		g->changed = true;
	g->address = r->map.address;
	grant(g, e, r->map.external, r->map.address, r->lifetime, now);
	if (epoch_pcp(&g->epoch, r->epoch, now))
		state_lost(g, e, now);
	return true;
}

static enum gateway_reason natpmp_reason(uint16_t result)
{
	switch (result) {
	case NATPMP_REFUSED:
		return GATEWAY_REFUSED;
	case NATPMP_NO_NETWORK:
		return GATEWAY_NO_NETWORK;
	case NATPMP_NO_RESOURCES:
		return GATEWAY_FULL;
	case NATPMP_BAD_OP:
		return GATEWAY_UNSUPPORTED;
	default:
		return GATEWAY_BROKEN;
	}
}

static bool natpmp_address(struct gateway *g, const struct natpmp_reply *r, uint64_t now)
{
	struct ipv4 none = { 0 };
	struct ipv4 address = r->result == NATPMP_OK ? r->address : none;

	/* In a probe, the second transmission is the first that asks this. */
	if (!(g->job == JOB_ADDRESS && g->sent) && !(g->job == JOB_PROBE && g->sent > 1))
		return false;
	gateway_speak(g, GATEWAY_NATPMP, now);
	gateway_job_done(g);
	if (epoch_natpmp(&g->epoch, r->epoch, now))
		state_lost(g, NULL, now);

	g->address_checked = now;
	g->address_due = NEVER;
	if (ipv4_kind(address) != IPV4_NONE) {
		g->address_reason = GATEWAY_OK;
		g->address_failures = 0;
	} else {
		g->address_reason = r->result == NATPMP_OK ? GATEWAY_NO_NETWORK :
							     natpmp_reason(r->result);
		g->address_due = now + gateway_short_error(g->address_failures++);
		address = none;
	}
	if (!ipv4_equal(address, g->address)) {
		g->address_since = now;
		g->changed = true;
	}
	g->address = address;
	if (g->address_news)
		due_again(&g->address_due, now, now);
	g->address_news = false;
	return true;
}

static bool natpmp_map(struct gateway *g, const struct natpmp_reply *r, uint64_t now)
{
	struct gateway_entry *e = g->entry;
	const struct ipv4 any = { 0 };

	if (g->protocol != GATEWAY_NATPMP || !g->sent || !e ||
	    (r->full && r->internal != e->internal))
		return false;
	if (g->job == JOB_DELETE) {
		/* RFC 6886 3.4: port and lifetime are 0, whatever there was. */
		if (r->result == NATPMP_OK && r->lifetime)
			return false;
		gateway_entry_free(g, e);
		return true;
	}

	if (r->result == NATPMP_OK && (!r->external || !r->lifetime))
		return false;
	gateway_job_done(g);
	if (r->result == NATPMP_OK) {
		grant(g, e, r->external, any, r->lifetime, now);
		if (g->address_due == NEVER && now - g->address_checked >= ADDRESS_AGE)
			g->address_due = now;
	} else {
		refuse(g, e, natpmp_reason(r->result), 0, now);
	}
	if (epoch_natpmp(&g->epoch, r->epoch, now))
		state_lost(g, e, now);
	return true;
}

bool gateway_input(struct gateway *g, uint64_t now, struct ipv4 from, const uint8_t *msg,
		   size_t len)
{
	struct natpmp_reply natpmp;
	struct pcp_reply pcp;
	uint8_t version;

	if (!ipv4_equal(from, g->config.gateway))
		return false;
	if (natpmp_bad_version(msg, len, &version))
		return bad_version(g, version, now);
	if (!pcp_read(msg, len, &pcp))
		return pcp.op == PCP_MAP && pcp_map(g, &pcp, now);
	if (natpmp_read(msg, len, &natpmp))
		return false;
	if (natpmp.op == NATPMP_ADDRESS)
		return natpmp_address(g, &natpmp, now);
	return natpmp.op == NATPMP_MAP_UDP && natpmp_map(g, &natpmp, now);
}

bool gateway_foreign(const struct gateway *g, const uint8_t *msg, size_t len)
{
	struct natpmp_reply natpmp;
	struct pcp_reply pcp;
	uint8_t version;

	if (natpmp_bad_version(msg, len, &version))
		return false;
	if (!pcp_read(msg, len, &pcp))
		return pcp.op != PCP_MAP ||
		       memcmp(pcp.map.nonce, g->config.nonce, sizeof(pcp.map.nonce));
	return natpmp_read(msg, len, &natpmp) || natpmp.op == NATPMP_MAP_TCP;
}

/* Who is there may have changed: asked at once, if that is not being done already. */
static void wake(struct gateway *g, uint64_t now)
{
	if (g->job != JOB_DELETE && (g->job != JOB_PROBE || g->sent > 3)) {
		gateway_forget(g, now);
	} else if (g->job == JOB_PROBE) {
		g->address_news = true;
		if (g->entry)
			g->entry->news = true;
	}
}

static void ask_address(struct gateway *g, uint64_t now)
{
	if (g->protocol != GATEWAY_NATPMP)
		return;
	if (g->job == JOB_ADDRESS)
		g->address_news = true;
	else
		due_again(&g->address_due, g->address_checked, now);
}

/*
 * Ports and address are asked for again, soon: what is published must not come from
 * a datagram that everybody in the network can send.
 */
static void ask_again(struct gateway *g, uint64_t now)
{
	size_t i;

	ask_address(g, now);
	for (i = 0; i < GATEWAY_MAPS; i++) {
		struct gateway_entry *e = &g->maps[i];

		if (!e->wanted)
			continue;
		if (e == g->entry)
			e->news = true;
		else
			due_again(&e->due, e->granted, now);
	}
}

/* What is repeated seldom by now, because nobody answered, is repeated often again. */
static void hurry(struct gateway *g, uint64_t now)
{
	if (g->job == JOB_NONE && g->protocol == GATEWAY_UNKNOWN) {
		if (now < g->probe_due)
			g->probe_due = now;
	} else if (g->job != JOB_NONE && g->job != JOB_DELETE && g->sent > 3) {
		g->sent = 0;
		g->next = now;
	}
}

void gateway_check(struct gateway *g, uint64_t now)
{
	ask_again(g, now);
	hurry(g, now);
}

/*
 * Everybody in the network can send what looks like the gateway's announcement, as often as
 * he likes. So it causes one recovery in the time that one takes, and only answers say which
 * epoch this is. A real loss of state is announced for minutes (RFC 6886 3.2.1).
 */
static bool announced_loss(struct gateway *g, uint32_t server, uint64_t now)
{
	struct epoch e = g->epoch;
	bool lost = g->protocol == GATEWAY_PCP ? epoch_pcp(&e, server, now) :
						 epoch_natpmp(&e, server, now);

	if (!lost || (g->heeded && now < g->heeded + RECOVERY_MAX))
		return false;
	g->heeded = now;
	return true;
}

bool gateway_announced(struct gateway *g, uint64_t now, struct ipv4 from, const uint8_t *msg,
		       size_t len)
{
	struct natpmp_reply natpmp;
	struct pcp_reply pcp;
	bool news;

	if (!ipv4_equal(from, g->config.gateway) || g->stopping)
		return false;
	if (!pcp_read(msg, len, &pcp)) {
		/* A mapping told unasked (RFC 6887 14.2) has the nonce to prove it. */
		if (pcp.op == PCP_MAP && pcp.result == PCP_SUCCESS && g->protocol == GATEWAY_PCP)
			return pcp_map(g, &pcp, now);
		if (pcp.op != PCP_ANNOUNCE || pcp.result != PCP_SUCCESS)
			return false;
		if (g->protocol == GATEWAY_UNKNOWN)
			wake(g, now);
		else if (g->protocol == GATEWAY_NATPMP)
			ask_again(g, now);
		else if (announced_loss(g, pcp.epoch, now))
			state_lost(g, NULL, now);
		return true;
	}
	if (natpmp_read(msg, len, &natpmp) || natpmp.op != NATPMP_ADDRESS || !natpmp.full)
		return false;
	/* While the address is asked for, what is known may be older than either. */
	news = natpmp.result != NATPMP_OK || g->job == JOB_ADDRESS ||
	       !ipv4_equal(natpmp.address, g->address);
	if (g->protocol == GATEWAY_UNKNOWN) {
		wake(g, now);
	} else if (g->protocol == GATEWAY_NATPMP && announced_loss(g, natpmp.epoch, now)) {
		/* The wait is for what makes mappings; a new address is to be known soon. */
		state_lost(g, NULL, now);
		if (news)
			ask_address(g, now);
	} else if (news || g->protocol == GATEWAY_PCP) {
		/* Of what is said in the protocol that is not used, the epoch is not known. */
		ask_again(g, now);
	}
	return true;
}

void gateway_unreachable(struct gateway *g, uint64_t now)
{
	if (g->sent)
		gateway_give_up(g, GATEWAY_CLOSED, now);
}
