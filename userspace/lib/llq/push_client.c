// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions and streams, and when what is done about them. */
#include "push_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/dso.h"
#include "push_client_int.h"

#define KEEPALIVE_DEFAULT	3600000	/* ms, RFC 8490 6.5.2 */
#define RETRY_DEFAULT		3600	/* s, 6.6.3.3 */
#define LOST_FIRST		250	/* ms; the first time there is no wait at all */
#define LOST_MAX		60000
#define FAILED_FIRST		30000	/* ms */
#define FAILED_MAX		3600000

struct push_client *push_client_new(const struct push_client_config *config,
				    const struct push_client_ops *ops, void *arg)
{
	struct push_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->config = *config;
	if (config->zone)
		memcpy(c->zone, config->zone, dname_len(config->zone));
	c->config.zone = c->zone;
	if (!c->config.keepalive)
		c->config.keepalive = KEEPALIVE_DEFAULT;
	if (c->config.keepalive < DSO_KEEPALIVE_MIN)
		c->config.keepalive = DSO_KEEPALIVE_MIN;
	if (!c->config.retry)
		c->config.retry = RETRY_DEFAULT;
	c->ops = *ops;
	c->arg = arg;
	memcpy(c->draw.seed, config->seed, DRAW_SEED);
	return c;
}

static void query_free(struct push_query *q)
{
	answers_clear(&q->answers);
	free(q);
}

void push_client_free(struct push_client *c)
{
	if (!c)
		return;
	while (c->queries) {
		struct push_query *q = c->queries;

		c->queries = q->next;
		query_free(q);
	}
	explicit_bzero(c, sizeof(*c));
	free(c);
}

static size_t bucket(const uint8_t *name)
{
	return dname_hash(name) & (PUSH_BUCKETS - 1);
}

struct push_query *push_named(const struct push_client *c, const uint8_t *name)
{
	return c->buckets[bucket(name)];
}

static bool removed(const struct push_query *q)
{
	return q->phase == PUSH_BYE || q->phase == PUSH_GONE;
}

struct push_query *push_client_add(struct push_client *c, const uint8_t *name, uint16_t type,
				   void *tag, uint64_t now)
{
	struct push_query *q;
	size_t b = bucket(name);

	for (q = c->buckets[b]; q; q = q->same) {
		if (!removed(q) && q->type == type && dname_equal(q->name, name))
			return NULL;
	}
	if (c->n_queries == PUSH_QUERIES_MAX)
		return NULL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	memcpy(q->name, name, dname_len(name));
	q->type = type;
	q->tag = tag;
	q->due = now;
	q->known_until = NEVER;
	q->next = c->queries;
	c->queries = q;
	q->same = c->buckets[b];
	c->buckets[b] = q;
	c->n_queries++;
	return q;
}

void push_unlink(struct push_client *c, struct push_query *q)
{
	struct push_query **p = &c->queries;

	while (*p != q)
		p = &(*p)->next;
	*p = q->next;
	for (p = &c->buckets[bucket(q->name)]; *p != q;)
		p = &(*p)->same;
	*p = q->same;
	c->n_queries--;
	query_free(q);
}

void push_client_remove(struct push_client *c, struct push_query *q, uint64_t now)
{
	if (q->phase == PUSH_WAIT) {
		push_unlink(c, q);
		return;
	}
	/* If its SUBSCRIBE was not answered, the answer is still waited for. */
	q->phase = PUSH_BYE;
	q->known_until = NEVER;
	q->fresh = false;
	c->active = now;
}

void push_id_ended(struct push_client *c, uint16_t id)
{
	c->ended[c->n_ended++ % PUSH_ENDED] = id;
}

void push_set_status(struct push_query *q, enum answers_status status)
{
	q->told |= q->status != status;
	q->status = status;
}

void push_settled(struct push_client *c, struct push_query *q)
{
	if (!q->told)
		return;
	q->told = false;
	c->ops.settled(c->arg, q->tag, q->status);
}

/* s that a set is kept for without a subscription */
static uint32_t keeps(const struct push_client *c, const struct answers *s)
{
	uint32_t longest = c->config.stale;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->records[i].ttl > longest)
			longest = s->records[i].ttl;
	}
	return longest;
}

void push_broken_off(struct push_client *c, struct push_query *q, uint64_t now)
{
	q->phase = PUSH_WAIT;
	q->id = 0;
	q->due = now;
	q->answered = false;
	q->fresh = false;
	q->covered = false;
	if (q->status == ANSWERS_LIVE)
		push_set_status(q, ANSWERS_STALE);
	if (q->status != ANSWERS_UNKNOWN && q->known_until == NEVER)
		q->known_until = now + 1000 * (uint64_t)keeps(c, &q->answers);
}

/* --- streams --- */

static void stream_gone(struct push_client *c, uint64_t now)
{
	struct push_query *q, *next;

	c->state = PUSH_DOWN;
	c->bind = (struct push_request){ 0 };
	c->keepalive = (struct push_request){ 0 };
	c->check = false;
	c->clock_set = false;
	c->refused = 0;
	c->n_unknown = 0;
	memset(c->ended, 0, sizeof(c->ended));
	explicit_bzero(c->channel, sizeof(c->channel));
	for (q = c->queries; q; q = next) {
		next = q->next;
		if (removed(q)) {
			push_unlink(c, q);
			continue;
		}
		if (q->phase != PUSH_WAIT)
			push_broken_off(c, q, now);
		push_settled(c, q);
	}
}

void push_end(struct push_client *c, uint64_t now, enum push_wish wish)
{
	if (c->state == PUSH_DOWN)
		return;
	c->wish = wish;
	stream_gone(c, now);
}

/* @first << @n, up to @max, and a little more, so that not all come at once */
static uint64_t backoff(struct push_client *c, uint64_t first, uint64_t max, unsigned int n)
{
	uint64_t wait = first;

	while (n-- && wait < max)
		wait *= 2;
	if (wait > max)
		wait = max;
	return wait + draw_below(&c->draw, wait / 10);
}

static void again_at(struct push_client *c, uint64_t due, int error)
{
	c->due = due > c->banned ? due : c->banned;
	c->error = error;
}

void push_lost(struct push_client *c, uint64_t now, int error)
{
	uint64_t wait = 0;

	if (c->losses)
		wait = backoff(c, LOST_FIRST, LOST_MAX, c->losses - 1);
	c->losses++;
	again_at(c, now + wait, error);
}

void push_failed(struct push_client *c, uint64_t now, int error)
{
	again_at(c, now + backoff(c, FAILED_FIRST, FAILED_MAX, c->refusals++), error);
}

void push_unsupported(struct push_client *c, uint64_t now, int error)
{
	again_at(c, now + 1000 * (uint64_t)c->config.retry, error);
}

void push_violated(struct push_client *c, uint64_t now)
{
	push_end(c, now, PUSH_ABORT);
	push_unsupported(c, now, -EPROTO);
}

void push_banned(struct push_client *c, uint64_t now, uint32_t ms, int error)
{
	push_end(c, now, PUSH_CLOSE);
	c->banned = now + ms;
	again_at(c, now, error);
}

void push_client_connected(struct push_client *c, uint64_t now, const uint8_t *channel)
{
	if (c->state != PUSH_CONNECTING)
		return;
	c->state = PUSH_OPENING;
	if (c->config.signer.sign) {
		memcpy(c->channel, channel, sizeof(c->channel));
		c->state = PUSH_BINDING;
	}
	c->last_id = draw_id(&c->draw);
	c->inactivity = DSO_TIMEOUT_DEFAULT;
	c->interval = DSO_TIMEOUT_DEFAULT;
	c->seen = now;
	c->active = now;
}

void push_client_closed(struct push_client *c, uint64_t now)
{
	bool early = c->state == PUSH_BINDING || c->state == PUSH_OPENING;

	/* What was wished has come about by itself. */
	c->wish = PUSH_NOTHING;
	if (c->state == PUSH_DOWN)
		return;
	stream_gone(c, now);
	/* A server that closes when it sees DSO may not know it (RFC 8490 5.1.1); but
	 * one that is just restarting does the same.
	 */
	if (early && !c->proven)
		push_failed(c, now, -ECONNRESET);
	else
		push_lost(c, now, -ECONNRESET);
}

void push_client_moved(struct push_client *c, uint64_t now)
{
	c->paused = false;
	push_end(c, now, PUSH_ABORT);
	c->losses = 0;
	c->refusals = 0;
	push_client_retry(c, now);
}

void push_client_pause(struct push_client *c, uint64_t now)
{
	c->paused = true;
	push_end(c, now, PUSH_ABORT);
}

void push_client_check(struct push_client *c)
{
	/* In any other state, an answer is awaited already. */
	c->check = c->state == PUSH_UP;
}

void push_client_retry(struct push_client *c, uint64_t now)
{
	struct push_query *q;

	c->hold = now;
	if (c->state == PUSH_DOWN)
		again_at(c, now, 0);
	for (q = c->queries; q; q = q->next) {
		if (q->phase == PUSH_WAIT)
			q->due = now;
	}
}

/* When a stream is wanted. */
static uint64_t connect_at(const struct push_client *c)
{
	const struct push_query *q;
	uint64_t due = NEVER;

	if (c->paused)
		return NEVER;
	for (q = c->queries; q; q = q->next) {
		if (q->phase == PUSH_WAIT && q->due < due)
			due = q->due;
	}
	if (due < c->hold)
		due = c->hold;
	return due < c->due ? c->due : due;
}

enum push_wish push_client_wish(struct push_client *c, uint64_t now)
{
	enum push_wish wish = c->wish;

	c->wish = PUSH_NOTHING;
	if (wish == PUSH_NOTHING && c->state == PUSH_DOWN && connect_at(c) <= now) {
		c->state = PUSH_CONNECTING;
		return PUSH_CONNECT;
	}
	return wish;
}

/* --- time --- */

/* What is known is unknown from now on. */
static void forget(struct push_client *c, struct push_query *q)
{
	answers_clear(&q->answers);
	push_set_status(q, ANSWERS_UNKNOWN);
	q->known_until = NEVER;
	push_settled(c, q);
}

/* Is a question subscribed to, or the answer to one awaited? */
static bool in_use(const struct push_client *c)
{
	const struct push_query *q;

	for (q = c->queries; q; q = q->next) {
		if (q->phase != PUSH_WAIT)
			return true;
	}
	return false;
}

static uint64_t idle_until(const struct push_client *c)
{
	if (c->state != PUSH_UP || in_use(c))
		return NEVER;
	return c->active + c->inactivity;
}

/* When a request that is out will have been silence. */
static uint64_t answer_until(const struct push_client *c)
{
	const struct push_query *q;
	uint64_t due = NEVER;

	if (c->bind.id)
		due = c->bind.due;
	if (c->keepalive.id && c->keepalive.due < due)
		due = c->keepalive.due;
	for (q = c->queries; q; q = q->next) {
		if ((q->phase == PUSH_ASKED || q->phase == PUSH_GONE) && q->due < due)
			due = q->due;
	}
	return due;
}

static void silent(struct push_client *c, uint64_t now)
{
	enum push_state state = c->state;
	int refused = c->refused;

	push_end(c, now, PUSH_ABORT);
	if (refused)
		push_failed(c, now, refused);
	else if (state == PUSH_OPENING && !c->proven)
		push_unsupported(c, now, -EOPNOTSUPP);
	else
		push_lost(c, now, -ETIMEDOUT);
}

size_t push_client_output(struct push_client *c, uint64_t now, uint8_t *out, size_t size)
{
	struct push_query *q;

	for (q = c->queries; q; q = q->next) {
		if (now >= q->known_until)
			forget(c, q);
	}
	if (now >= answer_until(c))
		silent(c, now);
	else if (now >= idle_until(c))
		push_end(c, now, PUSH_CLOSE);
	if (c->state < PUSH_BINDING)
		return 0;
	return push_put(c, now, out, size);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t session_deadline(const struct push_client *c)
{
	const struct push_query *q;
	uint64_t due = earlier(answer_until(c), idle_until(c));

	if ((c->state == PUSH_BINDING && !c->bind.id) ||
	    (c->state == PUSH_OPENING && !c->keepalive.id) || c->n_unknown)
		return 0;
	if (c->state != PUSH_UP)
		return due;
	if (!c->keepalive.id) {
		if (push_wants_cover(c) || c->check)
			return 0;
		if (c->interval != DSO_FOREVER)
			due = earlier(due, c->seen + c->interval);
	}
	for (q = c->queries; q; q = q->next) {
		if (q->phase == PUSH_WAIT)
			due = earlier(due, q->due < c->hold ? c->hold : q->due);
		else if (q->phase == PUSH_BYE)
			return 0;
	}
	return due;
}

uint64_t push_client_deadline(const struct push_client *c)
{
	const struct push_query *q;
	uint64_t due = NEVER;

	if (c->wish != PUSH_NOTHING)
		return 0;
	if (c->state == PUSH_DOWN)
		due = connect_at(c);
	else if (c->state != PUSH_CONNECTING)
		due = session_deadline(c);
	for (q = c->queries; q; q = q->next)
		due = earlier(due, q->known_until);
	return due;
}

/* --- what is known --- */

bool push_client_up(const struct push_client *c)
{
	return c->state == PUSH_UP;
}

int push_client_error(const struct push_client *c)
{
	return c->error;
}

enum answers_status push_query_status(const struct push_query *q)
{
	return q->status;
}

const struct answers *push_query_answers(const struct push_query *q)
{
	return &q->answers;
}

const uint8_t *push_query_name(const struct push_query *q)
{
	return q->name;
}

uint16_t push_query_type(const struct push_query *q)
{
	return q->type;
}

int push_query_error(const struct push_query *q)
{
	return q->error;
}
