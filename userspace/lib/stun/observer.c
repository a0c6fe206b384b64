// SPDX-License-Identifier: GPL-2.0-or-later
#include "observer.h"

#include <errno.h>
#include <string.h>

/* Tries without an answer before others are asked, too. */
#define PATIENCE	3
#define BACKOFF_FIRST	5000	/* ms between rounds that nobody answers; doubles */
#define BACKOFF_LAST	300000

static bool same(const struct stun_address *a, const struct stun_address *b)
{
	return a->port == b->port && !memcmp(&a->ip, &b->ip, sizeof(a->ip));
}

static void ask(struct stun_observer *o, struct stun_observed *s, uint64_t now)
{
	uint8_t tid[16];
	uint64_t r[2];

	r[0] = draw(&o->draw);
	r[1] = draw(&o->draw);
	memcpy(tid, r, sizeof(tid));
	stun_client_start(&s->client, tid, now);
	s->client.rto = o->config.rto ? o->config.rto : STUN_RTO_FAST;
	s->busy = true;
	s->fresh = false;
}

static void ask_all(struct stun_observer *o, uint64_t now)
{
	unsigned int i;

	o->all = true;
	o->answered = false;
	o->next = UINT64_MAX;
	for (i = 0; i < o->n; i++) {
		o->servers[i].got = false;
		ask(o, &o->servers[i], now);
	}
}

static void set_state(struct stun_observer *o, enum stun_observer_state state)
{
	if (o->state != state)
		o->changes++;
	o->state = state;
}

void stun_observer_init(struct stun_observer *o, const struct stun_observer_config *config)
{
	memset(o, 0, sizeof(*o));
	o->config = *config;
	memcpy(o->draw.seed, config->seed, sizeof(o->draw.seed));
	o->next = UINT64_MAX;
}

static void start(struct stun_observer *o, uint64_t now)
{
	if (o->paused)
		return;
	o->backoff = BACKOFF_FIRST;
	o->main = 0;
	o->upset = false;
	o->missed = false;
	set_state(o, o->n ? STUN_OBSERVER_ASKING : STUN_OBSERVER_IDLE);
	ask_all(o, now);
}

int stun_observer_servers(struct stun_observer *o, const struct stun_address *servers,
			  unsigned int n, uint64_t now)
{
	bool other = n != o->n;
	unsigned int i, k;

	if (n > STUN_SERVERS)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (!servers[i].port || IN6_IS_ADDR_V4MAPPED(&servers[i].ip) !=
					IN6_IS_ADDR_V4MAPPED(&servers[0].ip))
			return -EINVAL;
		for (k = 0; k < i; k++) {
			if (same(&servers[i], &servers[k]))
				return -EINVAL;
		}
	}
	for (i = 0; i < n && !other; i++)
		other = !same(&servers[i], &o->servers[i].server);
	if (!other)
		return 0;

	memset(o->servers, 0, sizeof(o->servers));
	for (i = 0; i < n; i++)
		o->servers[i].server = servers[i];
	o->n = n;
	start(o, now);
	return 0;
}

void stun_observer_moved(struct stun_observer *o, const struct stun_address *local,
			 uint64_t now)
{
	o->has_local = local;
	o->seen = false;
	if (local)
		o->local = *local;
	/* Also if it turns out to look as before: it may be another NAT. */
	o->changes++;
	o->paused = false;
	start(o, now);
}

void stun_observer_pause(struct stun_observer *o)
{
	unsigned int i;

	for (i = 0; i < o->n; i++)
		o->servers[i].busy = false;
	o->paused = true;
	o->next = UINT64_MAX;
	set_state(o, STUN_OBSERVER_IDLE);
}

void stun_observer_measure(struct stun_observer *o, uint64_t now)
{
	if (o->state == STUN_OBSERVER_IDLE)
		return;
	ask_all(o, now);
}

void stun_observer_retry(struct stun_observer *o, uint64_t now)
{
	struct stun_observed *m = &o->servers[o->main];
	bool missed = o->missed || o->state == STUN_OBSERVER_SILENT;

	if (o->state == STUN_OBSERVER_ASKING || o->state == STUN_OBSERVER_SILENT) {
		start(o, now);
		/* The silence is news for others when it ends, whoever knew that first. */
		o->missed = missed;
	} else if (o->state == STUN_OBSERVER_KNOWS && m->busy && m->client.sent > 1) {
		/* What was sent while they were away does not count as tries. */
		o->missed = missed || m->client.sent > PATIENCE;
		ask(o, m, now);
	}
}

static bool any_busy(const struct stun_observer *o)
{
	unsigned int i;

	for (i = 0; i < o->n; i++) {
		if (o->servers[i].busy)
			return true;
	}
	return false;
}

/* Somewhat before the period is over, and not together with everybody else. */
static void plan(struct stun_observer *o, uint64_t now)
{
	bool public = o->has_local && same(&o->local, &o->mapped);
	uint32_t period = public ? o->config.period_public : o->config.period;

	o->next = period ? now + period - draw_below(&o->draw, period / 8 + 1) : UINT64_MAX;
}

/* Nobody is asked any more, and nobody has answered. */
static void silent(struct stun_observer *o, uint64_t now)
{
	set_state(o, STUN_OBSERVER_SILENT);
	o->next = now + o->backoff / 2 + draw_below(&o->draw, o->backoff / 2);
	o->backoff = o->backoff > BACKOFF_LAST / 2 ? BACKOFF_LAST : 2 * o->backoff;
}

static void ask_others(struct stun_observer *o, uint64_t now)
{
	unsigned int i;

	o->all = true;
	for (i = 0; i < o->n; i++) {
		if (i == o->main)
			continue;
		o->servers[i].got = false;
		ask(o, &o->servers[i], now);
	}
}

/* What server @i says counts. */
static void believe(struct stun_observer *o, unsigned int i, uint64_t now)
{
	const struct stun_address *mapped = &o->servers[i].mapped;
	bool known = o->state == STUN_OBSERVER_KNOWS;
	bool other = known && !same(&o->mapped, mapped);

	o->answered = true;
	o->changes += other;
	o->upset |= other || o->missed || o->state == STUN_OBSERVER_SILENT ||
		    (known && o->servers[i].client.sent > PATIENCE);
	o->missed = false;
	o->main = i;
	o->mapped = *mapped;
	o->seen = true;
	set_state(o, STUN_OBSERVER_KNOWS);
	o->backoff = BACKOFF_FIRST;
	plan(o, now);
	/* The NAT has made another mapping. Is it the same NAT? */
	if (other && !o->all)
		ask_others(o, now);
}

/*
 * One server's word at a time: behind a NAT that maps by destination each has another
 * one. It is the first that answered, until it takes too long.
 */
static void settle(struct stun_observer *o, uint64_t now)
{
	const struct stun_observed *m = &o->servers[o->main];
	bool loyal = o->state == STUN_OBSERVER_KNOWS && m->busy && m->client.sent <= PATIENCE;
	unsigned int i;

	if (o->answered)
		return;
	if (m->fresh) {
		believe(o, o->main, now);
		return;
	}
	for (i = 0; i < o->n && o->all && !loyal; i++) {
		if (o->servers[i].fresh) {
			believe(o, i, now);
			return;
		}
	}
	if (any_busy(o))
		return;
	if (!o->all && o->n > 1)
		ask_others(o, now);
	else
		silent(o, now);
}

static void begin_round(struct stun_observer *o, uint64_t now)
{
	if (o->state != STUN_OBSERVER_KNOWS) {
		ask_all(o, now);
		return;
	}
	o->all = false;
	o->answered = false;
	o->next = UINT64_MAX;
	ask(o, &o->servers[o->main], now);
}

size_t stun_observer_output(struct stun_observer *o, uint64_t now, uint8_t out[STUN_MAX],
			    struct stun_address *to)
{
	const struct stun_observed *m = &o->servers[o->main];
	unsigned int i;
	size_t len;

	if (now >= o->next)
		begin_round(o, now);
	if (!any_busy(o))
		return 0;
	if (!o->all && m->busy && m->client.sent >= PATIENCE && now >= m->client.deadline) {
		/* Its old word says nothing about what others see now. */
		o->servers[o->main].got = false;
		ask_others(o, now);
	}

	for (i = 0; i < o->n; i++) {
		struct stun_observed *s = &o->servers[i];

		if (!s->busy)
			continue;
		len = stun_client_output(&s->client, now, out);
		if (len) {
			*to = s->server;
			return len;
		}
		s->busy = s->client.state == STUN_ASKING;
	}
	settle(o, now);
	return 0;
}

uint64_t stun_observer_deadline(const struct stun_observer *o)
{
	uint64_t at = o->next;
	unsigned int i;

	for (i = 0; i < o->n; i++) {
		if (o->servers[i].busy && o->servers[i].client.deadline < at)
			at = o->servers[i].client.deadline;
	}
	return at;
}

bool stun_observer_input(struct stun_observer *o, uint64_t now, const struct stun_address *from,
			 const uint8_t *msg, size_t len)
{
	unsigned int i;

	for (i = 0; i < o->n; i++) {
		struct stun_observed *s = &o->servers[i];

		if (!s->busy || !same(&s->server, from) ||
		    !stun_client_input(&s->client, msg, len))
			continue;
		s->busy = false;
		if (s->client.state == STUN_MAPPED) {
			s->got = true;
			s->fresh = true;
			s->mapped = s->client.mapped;
		}
		settle(o, now);
		return true;
	}
	return false;
}

bool stun_observer_asks(const struct stun_observer *o, const struct stun_address *from)
{
	unsigned int i;

	for (i = 0; i < o->n; i++) {
		if (same(&o->servers[i].server, from))
			return true;
	}
	return false;
}

bool stun_observer_upset(struct stun_observer *o)
{
	bool upset = o->upset;

	o->upset = false;
	return upset;
}

bool stun_observer_is_measured(const struct stun_observer *o)
{
	return o->state != STUN_OBSERVER_IDLE && !any_busy(o);
}

enum stun_mapping stun_observer_mapping(const struct stun_observer *o)
{
	enum stun_mapping kind = STUN_MAPPING_UNKNOWN;
	unsigned int i, k;

	if (o->state != STUN_OBSERVER_KNOWS)
		return kind;
	for (i = 0; i < o->n; i++) {
		const struct stun_observed *a = &o->servers[i];

		for (k = 0; k < i && a->got; k++) {
			const struct stun_observed *b = &o->servers[k];

			if (!b->got)
				continue;
			if (!same(&a->mapped, &b->mapped))
				return STUN_MAPPING_DEPENDENT;
			/* Two ports of one address may be one destination to a NAT. */
			if (memcmp(&a->server.ip, &b->server.ip, sizeof(a->server.ip)))
				kind = STUN_MAPPING_INDEPENDENT;
		}
	}
	return o->has_local && same(&o->local, &o->mapped) ? STUN_MAPPING_NONE : kind;
}
