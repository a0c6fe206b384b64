// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two sides, each a leg or none: the active one, to which lib/peers listens, and one on
 * trial. A trial that turns out better becomes the active side; all that is known is
 * then confirmed by it, and what it does not know is gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "subscribe_int.h"

static void timer_at(struct subscribe *s, uint64_t ms)
{
	if (ms == NEVER) {
		sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(s->timer, ms * 1000);
	sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static void soon(struct subscribe *s)
{
	timer_at(s, 0);
}

/* --- what legs tell --- */

static void on_change(void *arg, struct peers_question *q, bool add, const struct answer *a)
{
	struct side *side = arg;

	if (side->active)
		peers_change(side->s->peers, q, add, a);
}

static void on_additional(void *arg, struct peers_question *q, const struct answer *a)
{
	struct side *side = arg;

	if (side->active)
		peers_additional(side->s->peers, q, a);
}

static void on_settled(void *arg, struct peers_question *q, enum answers_status status)
{
	struct side *side = arg;

	if (side->active)
		peers_settled(side->s->peers, q, status, now_ms(side->s));
}

static void on_news(void *arg)
{
	struct side *side = arg;

	soon(side->s);
}

const struct leg_ops subscribe_leg_ops = { on_change, on_additional, on_settled, on_news };

/* --- turns --- */

static void notice(struct subscribe *s, uint64_t now)
{
	enum score score = choice_score(s->active);

	if (score != SCORE_NONE)
		s->lost = NEVER;
	else if (s->lost == NEVER && s->active->leg)
		s->lost = now;
	if (score == SCORE_NONE && s->score != SCORE_NONE)
		choice_failed(s, s->active->leg);
	if (score == s->score && !s->new_why)
		return;
	s->new_why = false;
	if (score == s->score) {
		s->ops->changed(s->arg);
		return;
	}
	/* What works needs no excuse, but for not being better. */
	if (score >= s->why_for && score != SCORE_NONE)
		s->why[0] = '\0';
	/* Whatever waits was for another state of affairs. */
	s->rounds = 0;
	s->next = 0;
	s->round = 0;
	if (score != SCORE_NONE) {
		/* A server that restarts may have refused the best way a moment too early. */
		s->round = now + (score < s->had ? SUBSCRIBE_BACK : SUBSCRIBE_BETTER);
		s->had = score;
	}
	if (score != SCORE_NONE && s->score == SCORE_NONE)
		s->active->since = now;
	s->score = score;
	s->ops->changed(s->arg);
}

/* Who is known is told, who is not asked about any more is let be. */
static void drain(struct subscribe *s)
{
	struct peers_question *q;
	enum peers_want want;
	struct peers_event e;

	while (peers_event(s->peers, now_ms(s), &e))
		s->ops->peer(s->arg, &e);
	while (peers_want(s->peers, &want, &q)) {
		size_t i;

		if (want == PEERS_AGAIN)
			peers_renew(s->peers, q, now_ms(s));
		for (i = 0; i < 2; i++) {
			struct leg *leg = s->sides[i].leg;

			if (leg && want != PEERS_WATCH)
				leg_unwatch(leg, q);
			if (leg && want != PEERS_UNWATCH)
				leg_watch(leg, q);
		}
	}
}

static bool asking(const struct subscribe *s)
{
	struct peers_walk w = { 0 };
	struct peers_status st;

	while (peers_next(s->peers, &w, &st)) {
		if (st.reason == PEERS_ASKING)
			return true;
	}
	return false;
}

static uint64_t completion(struct subscribe *s, uint64_t now)
{
	if (s->complete)
		return NEVER;
	if (s->listed == NEVER && peers_known(s->peers) >= ANSWERS_POLLED)
		s->listed = now;
	if (s->listed == NEVER)
		return NEVER;
	if (asking(s) && now < s->listed + SUBSCRIBE_COMPLETE)
		return s->listed + SUBSCRIBE_COMPLETE;
	s->complete = true;
	s->ops->complete(s->arg);
	return NEVER;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int on_time(sd_event_source *source, uint64_t usec, void *arg)
{
	struct subscribe *s = arg;
	uint64_t now = now_ms(s), due;

	(void)source;
	(void)usec;
	timer_at(s, NEVER);
	choice_make(s, now);
	drain(s);
	notice(s, now);
	due = completion(s, now);
	due = earlier(due, choice_due(s));
	due = earlier(due, peers_deadline(s->peers));
	/* Whatever was done in a call-back may have set it to "at once". */
	if (due != NEVER) {
		int on = SD_EVENT_OFF;

		sd_event_source_get_enabled(source, &on);
		if (on == SD_EVENT_OFF)
			timer_at(s, due);
	}
	return 0;
}

/* --- the outside --- */

static bool names_fit(const struct subscribe_config *c)
{
	return c->domain && c->self && dname_below(c->self, c->domain);
}

int subscribe_new(sd_event *event, const struct subscribe_config *config,
		  const struct subscribe_ops *ops, void *arg, struct subscribe **out)
{
	struct peers_config pc = {
		.domain = config->domain, .self = config->self, .ipv4 = config->ipv4,
		.ipv6 = config->ipv6, .max = config->max,
	};
	struct subscribe *s;
	int err = -ENOMEM;
	size_t i;

	if (!names_fit(config) || !config->servers || (!config->trust && !config->clear))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->event = sd_event_ref(event);
	s->config = *config;
	if (!s->config.lease)
		s->config.lease = SUBSCRIBE_LEASE;
	s->ops = ops;
	s->arg = arg;
	s->lost = NEVER;
	s->listed = NEVER;
	for (i = 0; i < 2; i++)
		s->sides[i].s = s;
	s->active = &s->sides[0];
	s->trial = &s->sides[1];
	s->peers = peers_new(&pc);
	if (s->peers)
		err = sd_event_add_time(event, &s->timer, CLOCK_BOOTTIME, 0, 1000, on_time, s);
	if (err < 0) {
		subscribe_free(s);
		return err;
	}
	s->config.domain = peers_domain(s->peers);
	s->config.self = NULL;
	choice_find(s);
	servers_wanted(config->servers, false);
	*out = s;
	return 0;
}

void subscribe_free(struct subscribe *s)
{
	if (!s)
		return;
	leg_free(s->sides[0].leg);
	leg_free(s->sides[1].leg);
	peers_free(s->peers);
	sd_event_source_disable_unref(s->timer);
	sd_event_unref(s->event);
	free(s);
}

void subscribe_own(struct subscribe *s, const struct in6_addr *ula)
{
	peers_own(s->peers, ula);
	soon(s);
}

/* What has failed may do now. */
static void begin_again(struct subscribe *s)
{
	s->next = 0;
	s->rounds = 0;
	s->round = 0;
	soon(s);
}

void subscribe_servers_changed(struct subscribe *s)
{
	choice_find(s);
	begin_again(s);
}

void subscribe_moved(struct subscribe *s, bool all)
{
	s->paused = false;
	if (s->trial->leg)
		choice_end(s->trial);
	if (s->active->leg)
		leg_moved(s->active->leg, all);
	if (s->lost != NEVER)
		s->lost = now_ms(s);
	servers_moved(s->config.servers);
	begin_again(s);
}

void subscribe_pause(struct subscribe *s)
{
	s->paused = true;
	if (s->trial->leg)
		choice_end(s->trial);
	if (s->active->leg)
		leg_pause(s->active->leg);
	soon(s);
}

void subscribe_retry(struct subscribe *s)
{
	if (s->paused || choice_score(s->active) != SCORE_NONE)
		return;
	if (s->active->leg)
		leg_retry(s->active->leg);
	begin_again(s);
}

void subscribe_check(struct subscribe *s)
{
	if (s->active->leg)
		leg_check(s->active->leg);
}

void subscribe_deaf(struct subscribe *s, bool deaf)
{
	size_t i;

	if (s->config.deaf == deaf)
		return;
	s->config.deaf = deaf;
	for (i = 0; i < 2; i++) {
		struct leg *leg = s->sides[i].leg;

		if (leg && leg_config_of(leg)->kind == LEG_LLQ_UDP)
			leg_deaf(leg, deaf);
	}
	begin_again(s);
}

int subscribe_read_again(struct subscribe *s, const char *name)
{
	int err = peers_read_again(s->peers, name);

	if (err)
		return err;
	soon(s);
	return choice_score(s->active) == SCORE_NONE ? -ENOTCONN : 0;
}

const struct peers *subscribe_peers(const struct subscribe *s)
{
	return s->peers;
}

void subscribe_status(const struct subscribe *s, struct subscribe_status *out)
{
	const struct leg_config *c = s->active->leg ? leg_config_of(s->active->leg) : NULL;
	enum score score = choice_score(s->active);

	*out = (struct subscribe_status){ .since = s->active->since };
	if (c) {
		out->kind = c->kind;
		out->to = c->to;
		leg_tally(s->active->leg, &out->tally);
		out->quality = SUBSCRIBE_LIVE;
		if (leg_known(s->active->leg, peers_list(s->peers)) != ANSWERS_LIVE || c->deaf)
			out->quality = SUBSCRIBE_POLLS;
	}
	if (score == SCORE_NONE)
		out->quality = SUBSCRIBE_NONE;
	memcpy(out->why, s->why, sizeof(out->why));
}
