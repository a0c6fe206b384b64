// SPDX-License-Identifier: GPL-2.0-or-later
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client_int.h"

#define FAILED_FIRST	30000		/* ms */
#define FAILED_MAX	3600000
#define POLL_MARGIN	60000		/* ms that answers outlive the next poll's time */
/* Who waits longer than this for the next set-up polls meanwhile. */
#define POLL_WORTH	10000

struct llq_client *llq_client_new(const struct llq_client_config *config,
				  const struct llq_client_ops *ops, void *arg)
{
	struct llq_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->config = *config;
	if (!c->config.retry)
		c->config.retry = LLQ_RETRY;
	c->ops = *ops;
	c->arg = arg;
	memcpy(c->draw.seed, config->seed, DRAW_SEED);
	return c;
}

static void query_free(struct llq_query *q)
{
	answers_clear(&q->answers);
	free(q);
}

void llq_client_free(struct llq_client *c)
{
	if (!c)
		return;
	while (c->queries) {
		struct llq_query *q = c->queries;

		c->queries = q->next;
		query_free(q);
	}
	explicit_bzero(c, sizeof(*c));
	free(c);
}

struct llq_query *llq_client_add(struct llq_client *c, const uint8_t *name, uint16_t type,
				 void *tag, uint64_t now)
{
	struct llq_query *q;

	if (type == DNS_ANY)
		return NULL;
	for (q = c->queries; q; q = q->next) {
		if (q->phase != LLQ_BYE && q->type == type && dname_equal(q->name, name))
			return NULL;
	}

	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	memcpy(q->name, name, dname_len(name));
	q->type = type;
	q->tag = tag;
	q->setup.due = now;
	q->poll.due = NEVER;
	q->known_until = NEVER;
	q->next = c->queries;
	c->queries = q;
	return q;
}

void llq_set_phase(struct llq_client *c, struct llq_query *q, enum llq_phase phase)
{
	bool was = q->phase == LLQ_ASK || q->phase == LLQ_CHALLENGED;
	bool is = phase == LLQ_ASK || phase == LLQ_CHALLENGED;

	c->in_flight = c->in_flight - was + is;
	q->phase = phase;
}

void llq_client_remove(struct llq_client *c, struct llq_query *q, uint64_t now)
{
	struct llq_query **p = &c->queries;
	bool known = (q->phase == LLQ_UP || q->phase == LLQ_CHALLENGED) && !c->paused;

	llq_set_phase(c, q, LLQ_BYE);
	if (known) {
		q->setup = (struct llq_exchange){ .due = now };
		q->poll.due = NEVER;
		q->known_until = NEVER;
		return;
	}
	while (*p != q)
		p = &(*p)->next;
	*p = q->next;
	query_free(q);
}

static void wait_until(struct llq_client *c, struct llq_query *q, uint64_t due)
{
	llq_set_phase(c, q, LLQ_WAIT);
	q->setup = (struct llq_exchange){ .due = due };
}

static void set_status(struct llq_query *q, enum answers_status status)
{
	q->told |= q->status != status;
	q->status = status;
}

void llq_settled(struct llq_client *c, struct llq_query *q)
{
	if (!q->told)
		return;
	q->told = false;
	c->ops.settled(c->arg, q->tag, q->status);
}

/* The subscription is no more; what it said may well still be true. */
static void broken_off(struct llq_query *q)
{
	if (q->status == ANSWERS_LIVE)
		set_status(q, ANSWERS_STALE);
}

void llq_client_moved(struct llq_client *c, uint64_t now)
{
	struct llq_query *q;

	c->paused = false;
	c->stuck = false;
	for (q = c->queries; q; q = q->next) {
		if (q->phase == LLQ_BYE)
			continue;
		wait_until(c, q, now);
		q->failures = 0;
		q->error = 0;
		q->unchanging = false;
		/* Answers to what was sent from elsewhere will not come. */
		q->poll = (struct llq_exchange){ .due = NEVER };
		broken_off(q);
		llq_settled(c, q);
	}
}

void llq_client_event_port(struct llq_client *c, uint16_t port)
{
	c->config.event_port = port;
}

void llq_client_pause(struct llq_client *c)
{
	struct llq_query *q;

	c->paused = true;
	for (q = c->queries; q; q = q->next) {
		if (q->phase == LLQ_BYE)
			continue;
		wait_until(c, q, NEVER);
		q->poll = (struct llq_exchange){ .due = NEVER };
		broken_off(q);
		llq_settled(c, q);
	}
}

void llq_client_retry(struct llq_client *c, uint64_t now)
{
	struct llq_query *q;

	for (q = c->queries; q; q = q->next) {
		if (q->phase == LLQ_WAIT && !c->paused && !q->unchanging)
			q->setup.due = now;
	}
}

void llq_again(struct llq_client *c, struct llq_query *q, uint64_t now, uint64_t due, int error)
{
	wait_until(c, q, due);
	q->error = error;
	broken_off(q);
	if (q->poll.due == NEVER && due - now > POLL_WORTH)
		q->poll.due = now;
}

void llq_failed(struct llq_client *c, struct llq_query *q, uint64_t now, int error)
{
	uint64_t wait = FAILED_FIRST;
	unsigned int i;

	for (i = 0; i < q->failures && wait < FAILED_MAX; i++)
		wait *= 2;
	if (wait > FAILED_MAX)
		wait = FAILED_MAX;
	q->failures++;
	llq_again(c, q, now, now + wait + draw_below(&c->draw, wait / 10), error);
}

void llq_granted(struct llq_client *c, struct llq_query *q, uint64_t now, uint32_t lease)
{
	q->lease = lease;
	if (lease < LLQ_LEASE_MIN)
		lease = LLQ_LEASE_MIN;
	if (lease > LLQ_LEASE_MAX)
		lease = LLQ_LEASE_MAX;
	q->lease_start = now;
	q->lease_ms = (uint64_t)lease * 1000;
	q->known_until = now + q->lease_ms;

	llq_set_phase(c, q, LLQ_UP);
	q->setup = (struct llq_exchange){
		.due = now + q->lease_ms * 80 / 100 + draw_below(&c->draw, q->lease_ms / 20),
	};
	q->poll = (struct llq_exchange){ .due = NEVER };
	q->failures = 0;
	q->error = 0;
	set_status(q, ANSWERS_LIVE);
}

void llq_polled(struct llq_query *q, uint64_t now, bool answered)
{
	uint64_t wait = LLQ_POLL_MIN;
	uint32_t ttl = answers_ttl(&q->answers);

	/* A server that will not tell changes says how long it expects none. */
	if (q->unchanging && q->answers.n && ttl <= INT32_MAX && wait < (uint64_t)ttl * 1000)
		wait = (uint64_t)ttl * 1000;
	q->poll = (struct llq_exchange){ .due = now + wait };
	if (!answered)
		return;
	q->known_until = now + wait + POLL_MARGIN;
	set_status(q, ANSWERS_POLLED);
}

/* Nothing is known any more. */
static void forget(struct llq_client *c, struct llq_query *q, uint64_t now)
{
	answers_clear(&q->answers);
	set_status(q, ANSWERS_UNKNOWN);
	q->known_until = NEVER;
	if (q->phase == LLQ_UP)
		llq_again(c, q, now, now, -ETIMEDOUT);
	llq_settled(c, q);
}

/* One more try of @x; returns whether there is to be one. */
static bool next_try(struct llq_client *c, struct llq_exchange *x, uint64_t now)
{
	if (x->tries == (c->config.stream ? 1 : LLQ_TRIES))
		return false;
	if (!x->id)
		x->id = draw_id(&c->draw);
	x->due = now + (c->config.stream ? LLQ_STREAM_WAIT : LLQ_FIRST_WAIT << x->tries);
	x->tries++;
	return true;
}

/* Set-up or challenge response was not answered. */
static void silent(struct llq_client *c, struct llq_query *q, uint64_t now)
{
	uint64_t wait = (uint64_t)c->config.retry * 1000;

	c->stuck |= c->config.stream;
	/* An unsigned error proves nothing, but that somebody is there. */
	if (q->setup.refused) {
		llq_failed(c, q, now, q->setup.refused);
		return;
	}
	llq_again(c, q, now, now + wait + draw_below(&c->draw, wait / 20), -ETIMEDOUT);
}

static size_t refresh(struct llq_client *c, struct llq_query *q, uint64_t now, uint8_t *out,
		      size_t size)
{
	static const uint64_t percent[] = { 90, 95 };
	struct llq_exchange *x = &q->setup;

	if (!x->id)
		x->id = draw_id(&c->draw);
	x->due = NEVER;
	if (x->tries < 2)
		x->due = q->lease_start + q->lease_ms * percent[x->tries] / 100;
	/* After a sleep, what is past is past. */
	if (x->due <= now)
		x->due = now + q->lease_ms / 20;
	x->tries++;
	return llq_put_setup(c, q, out, size);
}

static size_t output_setup(struct llq_client *c, struct llq_query *q, uint64_t now,
			   uint8_t *out, size_t size)
{
	if (q->phase == LLQ_UP)
		return refresh(c, q, now, out, size);

	if (q->phase == LLQ_BYE) {
		q->setup.id = draw_id(&c->draw);
		return llq_put_setup(c, q, out, size);
	}
	if (q->phase == LLQ_WAIT) {
		/* Whoever waits is tried whenever another is done. */
		if (c->in_flight >= LLQ_IN_FLIGHT)
			return 0;
		q->setup = (struct llq_exchange){ .due = now };
		llq_set_phase(c, q, LLQ_ASK);
	}
	if (next_try(c, &q->setup, now))
		return llq_put_setup(c, q, out, size);
	silent(c, q, now);
	return 0;
}

static size_t output_poll(struct llq_client *c, struct llq_query *q, uint64_t now,
			  uint8_t *out, size_t size)
{
	if (next_try(c, &q->poll, now))
		return llq_put_poll(c, q, out, size);
	c->stuck |= c->config.stream;
	llq_polled(q, now, false);
	return 0;
}

/* Takes out @*p, of which its last message has been written. */
static void gone(struct llq_query **p)
{
	struct llq_query *q = *p;

	*p = q->next;
	query_free(q);
}

size_t llq_client_output(struct llq_client *c, uint64_t now, uint8_t *out, size_t size)
{
	struct llq_query **p = &c->queries, *q;
	size_t len = 0;

	while ((q = *p) && !len) {
		if (now >= q->known_until)
			forget(c, q, now);
		if (now >= q->setup.due && !c->paused)
			len = output_setup(c, q, now, out, size);
		if (q->phase == LLQ_BYE) {
			gone(p);
			continue;
		}
		if (!len && now >= q->poll.due)
			len = output_poll(c, q, now, out, size);
		llq_settled(c, q);
		p = &q->next;
	}
	return len;
}

uint64_t llq_client_deadline(const struct llq_client *c)
{
	const struct llq_query *q;
	uint64_t due = NEVER;

	for (q = c->queries; q; q = q->next) {
		bool waits = q->phase == LLQ_WAIT && c->in_flight >= LLQ_IN_FLIGHT;

		if (q->setup.due < due && !waits && !c->paused)
			due = q->setup.due;
		if (q->poll.due < due)
			due = q->poll.due;
		if (q->known_until < due)
			due = q->known_until;
	}
	return due;
}

bool llq_client_stuck(struct llq_client *c)
{
	bool stuck = c->stuck;

	c->stuck = false;
	return stuck;
}

enum answers_status llq_query_status(const struct llq_query *q)
{
	return q->status;
}

const struct answers *llq_query_answers(const struct llq_query *q)
{
	return &q->answers;
}

const uint8_t *llq_query_name(const struct llq_query *q)
{
	return q->name;
}

uint16_t llq_query_type(const struct llq_query *q)
{
	return q->type;
}

int llq_query_error(const struct llq_query *q)
{
	return q->error;
}
