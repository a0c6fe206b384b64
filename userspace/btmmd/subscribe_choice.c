// SPDX-License-Identifier: GPL-2.0-or-later
/* Which server, and which way to it: candidates, and their trials. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "subscribe_int.h"

/* --- candidates --- */

static bool same_place(const struct dns_place *a, const struct dns_place *b)
{
	return a->port == b->port && IN6_ARE_ADDR_EQUAL(&a->ip, &b->ip);
}

static bool is_candidate(const struct subscribe *s, enum leg_kind kind, const struct dns_place *to)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->candidates[i].kind == kind && same_place(&s->candidates[i].to, to))
			return true;
	}
	return false;
}

static void add_candidates(struct subscribe *s, enum discover_service service,
			   enum leg_kind kind)
{
	const struct discover_server *servers;
	size_t i, j, n;

	servers = servers_get(s->config.servers, service, &n);
	for (i = 0; i < n; i++) {
		for (j = 0; j < servers[i].n_addresses && s->n < CANDIDATES; j++) {
			struct dns_place to = { .port = servers[i].port };

			memcpy(&to.ip, servers[i].addresses[j], sizeof(to.ip));
			if (!is_candidate(s, kind, &to))
				s->candidates[s->n++] = (struct candidate){ kind, to };
		}
	}
}

void choice_find(struct subscribe *s)
{
	s->n = 0;
	s->next = 0;
	if (s->config.trust) {
		add_candidates(s, DISCOVER_PUSH_TLS, LEG_PUSH);
		add_candidates(s, DISCOVER_LLQ_TLS, LEG_LLQ_TLS);
	}
	if (s->config.clear)
		add_candidates(s, DISCOVER_LLQ, LEG_LLQ_UDP);
	/* Who has announced neither may be asked all the same, and is polled. */
	if (s->config.trust)
		add_candidates(s, DISCOVER_QUERY_TLS, LEG_LLQ_TLS);
	if (s->config.clear)
		add_candidates(s, DISCOVER_UPDATE, LEG_LLQ_UDP);
}

/* The best that can become of it */
static enum score potential(enum leg_kind kind)
{
	switch (kind) {
	case LEG_PUSH:
		return SCORE_PUSH;
	case LEG_LLQ_TLS:
		return SCORE_LLQ_TLS;
	default:
		return SCORE_LLQ_UDP;
	}
}

enum score choice_score(const struct side *side)
{
	const struct leg_config *c;
	bool live;

	if (!side->leg)
		return SCORE_NONE;
	c = leg_config_of(side->leg);
	switch (leg_known(side->leg, peers_list(side->s->peers))) {
	case ANSWERS_LIVE:
		live = true;
		break;
	case ANSWERS_POLLED:
		live = false;
		break;
	default:
		return SCORE_NONE;
	}
	if (!is_candidate(side->s, c->kind, &c->to))
		return SCORE_OLD;
	if (live && !c->deaf)
		return potential(c->kind);
	return c->kind == LEG_LLQ_UDP ? SCORE_POLL_UDP : SCORE_POLL_TLS;
}

/* --- trials --- */

void choice_failed(struct subscribe *s, const struct leg *leg)
{
	const struct leg_config *c = leg_config_of(leg);
	char place[DNS_PLACE_TEXT], why[SUBSCRIBE_WHY];

	snprintf(why, sizeof(why), "%s with %s: %s", leg_kind_text(c->kind),
		 dns_place_text(&c->to, place),
		 *leg_why(leg) ? leg_why(leg) : "the server does not answer in time");
	s->new_why |= !!strcmp(why, s->why);
	s->why_for = potential(c->kind);
	memcpy(s->why, why, sizeof(why));
}

/* There is nobody to be tried. */
static void because_of_servers(struct subscribe *s)
{
	const char *why = "no resolver tells the domain's servers";

	switch (servers_error(s->config.servers)) {
	case -EINPROGRESS:
		return;
	case 0:
		if (!servers_known(s->config.servers, DISCOVER_PUSH_TLS))
			return;
		why = "the domain announces no server that may be used";
		break;
	case -ENOENT:
		why = "there is no such domain";
		break;
	}
	s->new_why |= !!strcmp(s->why, why);
	s->why_for = SCORE_NONE;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

void choice_end(struct side *side)
{
	leg_free(side->leg);
	side->leg = NULL;
	side->active = false;
}

static void begin_trial(struct subscribe *s, const struct candidate *c, uint64_t now)
{
	const struct leg_config config = {
		.kind = c->kind, .to = c->to, .zone = s->config.domain,
		.trust = s->config.trust, .signer = s->config.signer,
		.lease = s->config.lease, .keepalive = s->config.keepalive,
		.port = s->config.port, .deaf = s->config.deaf && c->kind == LEG_LLQ_UDP,
	};
	struct peers_question *q = NULL;

	s->trial->since = now;
	s->trial->leg = leg_new(s->event, &config, &subscribe_leg_ops, s->trial);
	if (!s->trial->leg)
		return;
	leg_watch(s->trial->leg, peers_list(s->peers));
	while ((q = peers_questions(s->peers, q))) {
		if (q != peers_list(s->peers))
			leg_watch(s->trial->leg, q);
	}
}

/* From now on, it is what is believed. */
static void promote(struct subscribe *s, uint64_t now)
{
	struct side *was = s->active;
	struct peers_question *q = NULL;

	s->active = s->trial;
	s->trial = was;
	was->active = false;
	s->active->active = true;
	s->active->since = now;
	while ((q = peers_questions(s->peers, q))) {
		peers_renew(s->peers, q, now);
		leg_replay(s->active->leg, q);
	}
	choice_end(was);
}

/* When a trial is over that has shown nothing */
static uint64_t patience(const struct side *side)
{
	bool udp = leg_config_of(side->leg)->kind == LEG_LLQ_UDP;

	return side->since + (udp ? SUBSCRIBE_TRIAL_UDP : SUBSCRIBE_TRIAL_TLS);
}

static void judge_trial(struct subscribe *s, uint64_t now)
{
	enum score score = choice_score(s->trial);

	if (!s->trial->leg)
		return;
	if (score > choice_score(s->active)) {
		promote(s, now);
		return;
	}
	/* One that works, but is not better, will not become so soon. */
	if (score == SCORE_NONE && !leg_failed(s->trial->leg) && now < patience(s->trial))
		return;
	if (score == SCORE_NONE)
		choice_failed(s, s->trial->leg);
	choice_end(s->trial);
}

static uint64_t doubled(uint64_t first, uint64_t max, unsigned int n)
{
	while (n-- && first < max)
		first *= 2;
	return first < max ? first : max;
}

/* The next one that could be better than what there is; NULL: that was all. */
static const struct candidate *next_candidate(struct subscribe *s)
{
	enum score score = choice_score(s->active);

	for (; s->next < s->n; s->next++) {
		const struct candidate *c = &s->candidates[s->next];
		const struct leg_config *a = s->active->leg ? leg_config_of(s->active->leg) : NULL;

		/* The active side keeps trying by itself. */
		if (a && a->kind == c->kind && same_place(&a->to, &c->to))
			continue;
		if (potential(c->kind) > score)
			return c;
	}
	return NULL;
}

void choice_make(struct subscribe *s, uint64_t now)
{
	const struct candidate *c;
	bool works;

	judge_trial(s, now);
	while (!s->trial->leg && !s->paused) {
		works = choice_score(s->active) != SCORE_NONE;
		if (now < s->round || (!works && s->active->leg &&
				       (s->lost == NEVER || now < s->lost + SUBSCRIBE_PATIENCE)))
			break;
		c = next_candidate(s);
		if (c) {
			s->next++;
			begin_trial(s, c, now);
			continue;
		}
		/* Round again, after a while. */
		s->next = 0;
		if (!s->n)
			because_of_servers(s);
		if (works)
			s->round = now + doubled(SUBSCRIBE_BETTER, SUBSCRIBE_BETTER_MAX, s->rounds);
		else
			s->round = now + doubled(SUBSCRIBE_AGAIN, SUBSCRIBE_AGAIN_MAX, s->rounds);
		s->rounds++;
		servers_wanted(s->config.servers, !works);
	}
}

uint64_t choice_due(const struct subscribe *s)
{
	bool works = choice_score(s->active) != SCORE_NONE;

	if (s->trial->leg)
		return patience(s->trial);
	if (s->paused)
		return NEVER;
	if (works && choice_score(s->active) == SCORE_PUSH)
		return NEVER;
	if (!works && s->active->leg && s->lost != NEVER &&
	    s->lost + SUBSCRIBE_PATIENCE > s->round)
		return s->lost + SUBSCRIBE_PATIENCE;
	return s->round;
}
