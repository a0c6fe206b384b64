// SPDX-License-Identifier: GPL-2.0-or-later
#include "mapping.h"

/* How good an endpoint is; 0: not to be published. */
#define SAME		5	/* STUN saw just this */
#define ADDRESS_SEEN	4	/* ... this address; an outgoing port may be another one */
#define UNSEEN		3	/* ... nothing, or nothing new */
#define OBSERVED	2
#define DOUBTFUL	1

void mapping_from_gateway(const struct gateway *g, uint16_t internal,
			  struct mapping_source *out)
{
	struct gateway_mapping m;

	*out = (struct mapping_source){
		.via = gateway_protocol(g) == GATEWAY_NATPMP ? MAPPING_BY_NATPMP :
							       MAPPING_BY_PCP,
		.reason = "was not asked",
	};
	if (!gateway_mapping(g, internal, &m))
		return;
	out->reason = gateway_reason_text(m.reason);
	out->between = m.reason == GATEWAY_BETWEEN;
	out->no_network = m.reason == GATEWAY_NO_NETWORK;
	if (m.external && ipv4_kind(m.address) != IPV4_NONE) {
		out->state = MAPPING_KNOWN;
		out->address = m.address;
		out->port = m.external;
		out->since = m.since;
		out->doubtful = m.doubtful;
	} else {
		out->state = m.reason == GATEWAY_ASKING ? MAPPING_ASKING : MAPPING_FAILED;
	}
}

void mapping_from_upnp(const struct upnp *u, uint16_t internal, struct mapping_source *out)
{
	struct upnp_mapping m;

	*out = (struct mapping_source){ .via = MAPPING_BY_UPNP, .reason = "was not asked" };
	if (!upnp_mapping(u, internal, &m))
		return;
	out->reason = upnp_reason_text(m.reason);
	out->no_network = m.reason == UPNP_R_NO_ADDRESS;
	if (m.external && ipv4_kind(m.address) != IPV4_NONE) {
		out->state = MAPPING_KNOWN;
		out->address = m.address;
		out->port = m.external;
		out->since = m.since;
		out->doubtful = m.doubtful;
	} else if (m.reason == UPNP_R_YIELDED) {
		out->state = MAPPING_NOT_ASKED;
	} else {
		out->state = m.reason == UPNP_R_ASKING ? MAPPING_ASKING : MAPPING_FAILED;
	}
}

void mapping_settle(const struct gateway *g, struct upnp *u, uint16_t internal, uint64_t now)
{
	struct gateway_mapping m;
	bool failed;

	if (!gateway_mapping(g, internal, &m))
		return;
	failed = m.reason != GATEWAY_OK && m.reason != GATEWAY_ASKING;
	/* What is not renewed need not be waited for until it ends. */
	upnp_yield(u, internal, m.doubtful && failed ? 0 : m.external, now);
	if (failed)
		upnp_go(u, now);
}

/* What was seen from another address says nothing about this one. */
static bool seen(const struct mapping_path *p)
{
	return p->seen.state == MAPPING_KNOWN && ipv4_equal(p->seen.own, p->own);
}

static unsigned int rate_direct(const struct mapping_path *p)
{
	if (!ipv4_public(p->own) || !p->port)
		return 0;
	if (!seen(p))
		return UNSEEN;
	/* Something changes what we send: then nothing says that it lets this in. */
	return ipv4_equal(p->seen.address, p->own) && p->seen.port == p->port ? SAME : 0;
}

/*
 * @trusted: what is published is its word, too. Then its news are believed until STUN has seen
 * them or not; else whoever says something that nobody has seen has to wait for that.
 */
static unsigned int rate_source(const struct mapping_path *p, const struct mapping_source *s,
				bool trusted, struct mapping_choice *out)
{
	if (s->state != MAPPING_KNOWN || !ipv4_public(s->address) || !s->port)
		return 0;
	if (!seen(p))
		return s->doubtful ? DOUBTFUL : UNSEEN;
	if (ipv4_equal(p->seen.address, s->address)) {
		if (p->seen.port == s->port)
			return SAME;
		return s->doubtful ? DOUBTFUL : ADDRESS_SEEN;
	}
	if (p->seen.when < s->since) {
		out->ask_stun = true;
		return s->doubtful || !trusted ? DOUBTFUL : UNSEEN;
	}
	out->contradicted = true;
	return 0;
}

static unsigned int rate_observed(const struct mapping_path *p)
{
	return seen(p) && ipv4_public(p->seen.address) && p->seen.port ? OBSERVED : 0;
}

/* One that is offered; takes it if it is better than what there is. */
struct contest {
	const struct mapping_choice *prior;
	struct mapping_choice *out;
	unsigned int best;
};

static void offer(struct contest *c, unsigned int rate, size_t path, enum mapping_how how,
		  enum mapping_via via, struct ipv4 address, uint16_t port)
{
	const struct mapping_choice *p = c->prior;
	bool again = p && p->how == how && p->path == path && ipv4_equal(p->address, address) &&
		     p->port == port;

	if (!rate || rate < c->best || (rate == c->best && !again))
		return;
	c->best = rate;
	c->out->how = how;
	c->out->path = path;
	c->out->via = via;
	c->out->address = address;
	c->out->port = port;
	c->out->confirmed = rate >= ADDRESS_SEEN || rate == OBSERVED;
}

static bool waits(const struct mapping_path *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->sources[i].state == MAPPING_ASKING)
			return true;
	return p->seen.state == MAPPING_ASKING;
}

/* Somebody says that its outer address is not public, or STUN proves it. */
static bool is_double(const struct mapping_path *p)
{
	const struct mapping_source *s;
	size_t i;

	for (i = 0; i < p->n; i++) {
		s = &p->sources[i];
		if (s->between)
			return true;
		/* It says nothing of an address that is not public; but it has one. */
		if (s->no_network && rate_observed(p))
			return true;
		if (s->state != MAPPING_KNOWN)
			continue;
		if (!ipv4_public(s->address))
			return true;
		if (seen(p) && p->seen.when >= s->since &&
		    !ipv4_equal(p->seen.address, s->address))
			return true;
	}
	/* A carrier's, without asking anybody (RFC 6598) */
	return ipv4_kind(p->own) == IPV4_SHARED;
}

static enum mapping_verdict judge(const struct mapping_path *p, const struct mapping_choice *c)
{
	switch (c->how) {
	case MAPPING_DIRECT:
		return MAPPING_PUBLIC;
	case MAPPING_MAPPED:
		return ipv4_equal(c->address, p->own) ? MAPPING_PUBLIC : MAPPING_NAT;
	case MAPPING_OBSERVED:
		return is_double(p) ? MAPPING_DOUBLE_NAT : MAPPING_CLOSED_NAT;
	default:
		return is_double(p) ? MAPPING_DOUBLE_NAT : MAPPING_UNREACHABLE;
	}
}

void mapping_choose(const struct mapping_path *paths, size_t n,
		    const struct mapping_choice *prior, struct mapping_choice *out)
{
	struct mapping_choice choice = { .how = MAPPING_NONE };
	struct contest c = { .prior = prior, .out = &choice };
	const struct mapping_source *s;
	const struct mapping_path *p;
	bool trusted;
	size_t i, j;

	if (n > MAPPING_PATHS)
		n = MAPPING_PATHS;
	for (i = 0; i < n; i++) {
		p = &paths[i];
		offer(&c, rate_direct(p), i, MAPPING_DIRECT, 0, p->own, p->port);
		for (j = 0; j < p->n; j++) {
			s = &p->sources[j];
			trusted = prior && prior->how == MAPPING_MAPPED && prior->path == i &&
				  prior->via == s->via;
			offer(&c, rate_source(p, s, trusted, &choice), i, MAPPING_MAPPED, s->via,
			      s->address, s->port);
		}
		offer(&c, rate_observed(p), i, MAPPING_OBSERVED, 0, p->seen.address,
		      p->seen.port);
		choice.waiting |= waits(p);
	}
	if (n)
		choice.verdict = judge(&paths[choice.path], &choice);
	*out = choice;
}

bool mapping_differs(const struct mapping_choice *a, const struct mapping_choice *b)
{
	if (a->how == MAPPING_NONE || b->how == MAPPING_NONE)
		return a->how != b->how;
	return !ipv4_equal(a->address, b->address) || a->port != b->port;
}
