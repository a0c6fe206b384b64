// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine as a whole: its making, its ends, its timers, its figures. */
#include "subs.h"

#include <stdlib.h>
#include <string.h>

#include "server.h"

static const uint8_t root[] = { 0 };
const struct subs_identity subs_engine = { .name = root, .zone = root };

void subs_config_default(struct subs_config *c)
{
	*c = (struct subs_config){
		.lease_min = 15 * 60, .lease_max = 2 * 60 * 60,
		.retry_after = 5 * 60,
		.udp_max = DNS_UDP_MAX,
		.max_llqs = 1500000, .max_per_zone = 1100000, .max_per_client = 1100000,
		.max_waiting = 1000,
		.replay_entries = 1 << 17,
		.max_sessions = 20000,
		.inactivity_ms = 15000, .keepalive_ms = 60 * 60 * 1000,
	};
}

/* Deadlines have to lie within 24 days, and packets have to hold something. */
static void config_set(struct subs *s, const struct subs_config *config)
{
	const uint32_t longest = 20 * 86400;
	struct subs_config *c = &s->config;

	*c = *config;
	if (!c->lease_max || c->lease_max > longest)
		c->lease_max = longest;
	if (c->lease_min > c->lease_max)
		c->lease_min = c->lease_max;
	if (c->retry_after > longest)
		c->retry_after = longest;
	if (c->udp_max < 512)
		c->udp_max = 512;
}

struct subs *subs_new(const struct subs_config *config, const struct subs_ops *ops, void *arg)
{
	struct subs *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	config_set(s, config);
	s->ops = *ops;
	s->arg = arg;
	ops->random(arg, s->arena.key, sizeof(s->arena.key));
	subs_heap_init(&s->expiry, &s->arena, offsetof(struct llq, expiry));
	subs_heap_init(&s->resend, &s->arena, offsetof(struct delivery, timer));
	subs_heap_init(&s->idle, &s->arena, offsetof(struct session, timer));
	if (subs_llqs_init(s) || subs_clients_init(s) || subs_topics_init(s) ||
	    subs_push_init(s) || subs_replay_init(&s->replay, config->replay_entries)) {
		subs_free(s);
		return NULL;
	}
	return s;
}

void subs_free(struct subs *s)
{
	if (!s)
		return;
	subs_batch_fini(s);
	subs_llqs_fini(s);
	subs_push_fini(s);
	subs_clients_fini(s);
	subs_topics_fini(s);
	subs_replay_fini(&s->replay);
	subs_heap_fini(&s->expiry);
	subs_heap_fini(&s->resend);
	subs_heap_fini(&s->idle);
	subs_arena_fini(&s->arena);
	explicit_bzero(s->config.secret, sizeof(s->config.secret));
	free(s);
}

void subs_configure(struct subs *s, const struct subs_config *config)
{
	struct subs_config c = *config;

	memcpy(c.secret, s->config.secret, sizeof(c.secret));
	config_set(s, &c);
	explicit_bzero(c.secret, sizeof(c.secret));
}

/* --- ends --- */

/* Does it have a subscription in this zone? */
static bool session_in(const struct subs *s, const struct session *session, uint32_t zone)
{
	uint32_t ref = session->first;

	while (ref) {
		const struct sub *sub = subs_at(s, ref);

		if (topic_at(s, sub->topic)->zone == zone)
			return true;
		ref = sub->o_next;
	}
	return false;
}

/* Those of this key, or with something in this zone. */
static void end_sessions(struct subs *s, const uint8_t *name, uint32_t zone)
{
	struct subs_identity identity;
	uint32_t i, ref, next;

	for (i = 0; i < s->sessions.n_buckets; i++) {
		for (ref = subs_table_bucket(&s->sessions, i); ref; ref = next) {
			const struct session *session = session_at(s, ref);
			const struct subs_identity *who;

			next = session->chain;
			who = subs_identity_of(s, session->identity, &identity);
			if (name ? who && dname_equal(who->name, name) :
				   session_in(s, session, zone))
				subs_session_dismiss(s, ref, name ? DNS_REFUSED : DNS_NOTAUTH,
						     s->config.retry_after * 1000);
		}
	}
}

void subs_end_identity(struct subs *s, const uint8_t *name)
{
	uint32_t ref;

	end_sessions(s, name, 0);
	while ((ref = subs_identity_by_name(s, name, 0))) {
		const struct identity_item *i = subs_at(s, ref);

		s->stats.ended++;
		subs_llq_end(s, client_at(s, i->clients)->first);
	}
}

void subs_end_stream(struct subs *s, uint64_t stream)
{
	uint32_t ref;

	while ((ref = subs_client_on(s, stream, 0))) {
		s->stats.ended++;
		subs_llq_end(s, client_at(s, ref)->first);
	}
	ref = subs_session_on(s, stream);
	if (ref)
		subs_session_free(s, ref);
}

/* The next topic of @zone in bucket *i or behind it. */
static uint32_t topic_in_zone(const struct subs *s, uint32_t zone, uint32_t *i)
{
	uint32_t ref;

	for (; *i < s->topics.n_buckets; ++*i) {
		for (ref = subs_table_bucket(&s->topics, *i); ref;
		     ref = subs_table_next(&s->topics, ref)) {
			if (topic_at(s, ref)->zone == zone)
				return ref;
		}
	}
	return 0;
}

void subs_end_zone(struct subs *s, const uint8_t *apex)
{
	uint32_t zone = subs_zone_find(s, apex), topic, i = 0;

	if (!zone)
		return;
	end_sessions(s, NULL, zone);
	while ((topic = topic_in_zone(s, zone, &i))) {
		s->stats.ended++;
		subs_llq_end(s, topic_at(s, topic)->first);
	}
}

/* --- time --- */

uint64_t subs_deadline(const struct subs *s)
{
	const struct subs_heap *heaps[] = { &s->expiry, &s->resend, &s->idle };
	uint64_t first = UINT64_MAX;
	size_t i;

	for (i = 0; i < sizeof(heaps) / sizeof(*heaps); i++) {
		uint64_t at = subs_heap_deadline(heaps[i], s->now);

		if (at < first)
			first = at;
	}
	return first;
}

void subs_tick(struct subs *s, uint64_t now)
{
	unsigned int expiries = SUBS_TICK_MAX, sends = SUBS_TICK_MAX, idle = SUBS_TICK_MAX;

	subs_time(s, now);
	subs_llq_expire(s, &expiries);
	subs_resend(s, &sends);
	subs_sessions_idle(s, &idle);
}

/* --- figures --- */

const char *subs_refusal_name(enum subs_refusal r)
{
	static const char *const names[N_SUBS_REFUSALS] = {
		[SUBS_REFUSED_FORMAT] = "format", [SUBS_REFUSED_VERSION] = "version",
		[SUBS_REFUSED_FULL] = "full", [SUBS_REFUSED_STATIC] = "static",
		[SUBS_REFUSED_NO_SUCH] = "no-such-llq", [SUBS_REFUSED_ACCESS] = "access",
		[SUBS_REFUSED_REPLAY] = "replay", [SUBS_REFUSED_CHALLENGE] = "challenge",
		[SUBS_REFUSED_ACK] = "acknowledgement", [SUBS_REFUSED_DSO] = "dso",
	};

	return r < N_SUBS_REFUSALS ? names[r] : NULL;
}

static size_t share(const struct subs_changes *c)
{
	return c ? (sizeof(*c) + c->len) / c->refs : 0;
}

void subs_stats(const struct subs *s, struct subs_stats *out)
{
	const struct subs_table *tables[] = {
		&s->llqs, &s->pushes, &s->topics, &s->zones, &s->links, &s->nets,
		&s->identities, &s->clients, &s->sessions,
	};
	uint32_t i;

	*out = s->stats;
	out->sessions = s->sessions.n;
	out->push_subs = s->pushes.n;
	out->names = s->topics.n;
	out->clients = s->clients.n;
	out->waiting = s->resend.n;

	out->octets = sizeof(*s) + subs_arena_octets(&s->arena) +
		      subs_replay_octets(&s->replay) +
		      s->locals_room * sizeof(*s->locals) +
		      s->deltas_room * sizeof(*s->deltas) +
		      (s->expiry.room + s->resend.room + s->idle.room) * sizeof(uint32_t);
	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		out->octets += subs_table_octets(tables[i]);
	for (i = 0; i < s->resend.n; i++) {
		const struct delivery *d = delivery_at(s, s->resend.v[i]);

		out->octets += share(d->now) + share(d->next) + share(d->known);
	}
}
