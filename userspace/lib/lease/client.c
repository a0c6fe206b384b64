// SPDX-License-Identifier: GPL-2.0-or-later
/* When what is published, and what becomes of it. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/message.h"
#include "client_int.h"

#define TRIES		3
#define FIRST_WAIT	2000		/* ms; doubles */
#define STREAM_WAIT	15000		/* ms for an answer on a stream */
/* After an update that came to nothing: */
#define FAILED_FIRST	2000		/* ms; doubles */
#define FAILED_MAX	30000		/* a primary that is back is not kept waiting */
#define REFUSED_FIRST	30000		/* where the server will not */
#define REFUSED_MAX	3600000
#define LEASE_PARTS	9		/* tries for the rest of a lease, RFC 9664 5.2 */
/* ms after which an update that was not answered is either at the server or nowhere */
#define SURE_AFTER	30000
#define LEASE_MIN	30		/* s; a shorter lease is refreshed as if it were this */
#define LEASE_MAX	86400

struct lease_client *lease_client_new(const struct lease_client_config *config)
{
	struct lease_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->want = lease_client_set_new(NULL, 0);
	if (!c->want) {
		free(c);
		return NULL;
	}
	c->config = *config;
	memcpy(c->zone, config->zone, dname_len(config->zone));
	c->config.zone = c->zone;
	memcpy(c->draw.seed, config->seed, DRAW_SEED);
	c->due = NEVER;
	return c;
}

static void drop_sent(struct lease_client *c)
{
	lease_client_set_unref(c->sent);
	c->sent = NULL;
	free(c->msg);
	c->msg = NULL;
}

static void drop_maybe(struct lease_client *c, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		lease_client_set_unref(c->maybe[i]);
	memmove(c->maybe, c->maybe + n, (c->n_maybe - n) * sizeof(*c->maybe));
	c->n_maybe -= n;
}

void lease_client_free(struct lease_client *c)
{
	if (!c)
		return;
	drop_sent(c);
	drop_maybe(c, c->n_maybe);
	lease_client_set_unref(c->want);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* --- what is wanted --- */

static bool valid(const struct lease_client *c, const struct lease_client_record *r)
{
	return r->type && r->type != DNS_OPT && (r->type < DNS_TSIG || r->type > DNS_ANY) &&
	       r->ttl <= INT32_MAX && dname_within(r->owner, c->zone);
}

int lease_client_set(struct lease_client *c, const struct lease_client_record *records,
		     size_t n, uint64_t now)
{
	struct lease_client_set *s;
	size_t i;

	if (n > LEASE_CLIENT_MAX)
		return -E2BIG;
	for (i = 0; i < n; i++) {
		if (!valid(c, &records[i]))
			return -EINVAL;
	}
	s = lease_client_set_new(records, n);
	if (!s)
		return -ENOMEM;
	if (lease_client_set_equal(s, c->want)) {
		lease_client_set_unref(s);
		return 0;
	}
	lease_client_set_unref(c->want);
	c->want = s;
	c->confirmed = false;
	/* One that is out is answered, or given up, first: they must not overtake each
	 * other.
	 */
	if (!c->sent) {
		c->due = now;
		if (!c->begun)
			c->due += draw_below(&c->draw, (uint64_t)c->config.spread + 1);
	}
	c->begun = true;
	return 0;
}

/* What is out will not be answered, as far as we can tell. */
static void give_up(struct lease_client *c)
{
	if (c->sent && c->unsure_until < c->last_sent + SURE_AFTER)
		c->unsure_until = c->last_sent + SURE_AFTER;
	drop_sent(c);
}

void lease_client_moved(struct lease_client *c, uint64_t now)
{
	bool out = c->sent;

	c->paused = false;
	c->stuck = false;
	c->failures = 0;
	c->refusals = 0;
	give_up(c);
	/* A lease knows nothing of addresses. */
	if (out || !c->confirmed)
		c->due = now;
}

void lease_client_pause(struct lease_client *c)
{
	c->paused = true;
	if (c->sent)
		c->due = 0;
	give_up(c);
}

void lease_client_retry(struct lease_client *c, uint64_t now)
{
	if (!c->sent && (c->error || !c->confirmed))
		c->due = now;
}

/* --- updates --- */

static uint64_t backoff(struct lease_client *c, uint64_t first, uint64_t max, unsigned int n)
{
	uint64_t wait = first;

	while (n-- && wait < max)
		wait *= 2;
	if (wait > max)
		wait = max;
	return wait + draw_below(&c->draw, wait / 10);
}

static void failed(struct lease_client *c, uint64_t now, int error, bool refused)
{
	uint64_t wait, rest;

	if (refused)
		wait = backoff(c, REFUSED_FIRST, REFUSED_MAX, c->refusals++);
	else
		wait = backoff(c, FAILED_FIRST, FAILED_MAX, c->failures++);
	/* A lease that still runs is not let go so easily. */
	rest = c->expires > now ? (c->expires - now) / LEASE_PARTS : 0;
	if (rest && wait > rest)
		wait = rest < FAILED_FIRST ? FAILED_FIRST : rest;
	drop_sent(c);
	c->clock_set = false;
	c->error = error;
	c->due = now + wait;
}

static bool idle(const struct lease_client *c)
{
	return !c->want->n && !c->n_maybe;
}

static void forget_lease(struct lease_client *c, uint64_t now)
{
	if (c->expires && now >= c->expires) {
		c->granted = 0;
		c->expires = 0;
		c->confirmed = false;
	}
	if (!c->want->n && !c->sent && c->n_maybe && now >= c->maybe_until)
		drop_maybe(c, c->n_maybe);
}

/* Adds what is about to be sent to what may be there. */
static void note_maybe(struct lease_client *c, uint64_t now)
{
	uint32_t longest = c->config.lease;
	size_t i;

	if (longest < c->config.key_lease)
		longest = c->config.key_lease;
	if (longest < LEASE_MAX)
		longest = LEASE_MAX;
	for (i = 0; i < c->n_maybe && !lease_client_set_equal(c->maybe[i], c->want); i++)
		;
	if (i == c->n_maybe && c->n_maybe == LEASE_CLIENT_MAYBE)
		drop_maybe(c, 1);
	if (i >= c->n_maybe)
		c->maybe[c->n_maybe++] = lease_client_set_ref(c->want);
	c->maybe_until = now + 1000 * (uint64_t)longest;
}

/* A new message */
static size_t begin(struct lease_client *c, uint64_t now, uint8_t *out, size_t size)
{
	size_t len;
	int ret;

	note_maybe(c, now);
	c->id = draw_id(&c->draw);
	ret = lease_client_put(c, out, size, &len);
	c->msg = ret ? NULL : malloc(len);
	if (!c->msg) {
		failed(c, now, ret ? ret : -ENOMEM, false);
		return 0;
	}
	memcpy(c->msg, out, len);
	c->len = len;
	c->sent = lease_client_set_ref(c->want);
	c->first_sent = now;
	c->tries = 0;
	c->refused = 0;
	return len;
}

static void silent(struct lease_client *c, uint64_t now)
{
	bool changed = !lease_client_set_equal(c->sent, c->want);
	int error = c->refused;

	c->stuck |= c->config.stream;
	give_up(c);
	failed(c, now, error ? error : -ETIMEDOUT, error);
	/* What has changed meanwhile has not failed yet. */
	if (changed)
		c->due = now;
}

size_t lease_client_output(struct lease_client *c, uint64_t now, uint8_t *out, size_t size)
{
	forget_lease(c, now);
	if (c->sent && now >= c->due && c->tries == (c->config.stream ? 1 : TRIES))
		silent(c, now);
	if (c->paused || now < c->due || (!c->sent && idle(c)))
		return 0;
	if (!c->sent && !begin(c, now, out, size))
		return 0;
	if (c->len > size) {
		failed(c, now, -EMSGSIZE, false);
		return 0;
	}
	/* The same octets: what the server has done already it does not do again. */
	memcpy(out, c->msg, c->len);
	c->due = now + (c->config.stream ? STREAM_WAIT : FIRST_WAIT << c->tries);
	c->last_sent = now;
	c->tries++;
	return c->len;
}

uint64_t lease_client_deadline(const struct lease_client *c)
{
	uint64_t due = c->expires ? c->expires : NEVER;

	if (!c->want->n && !c->sent && c->n_maybe && c->maybe_until < due)
		due = c->maybe_until;
	if (!c->paused && (c->sent || !idle(c)) && c->due < due)
		due = c->due;
	return due;
}

/* --- answers --- */

static bool has_keys(const struct lease_client_set *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->records[i].type == DNS_KEY)
			return true;
	}
	return false;
}

/* s until the first of what was sent ends */
static uint32_t lease_of(const struct lease_client *c, const struct lease_client_answer *a)
{
	uint32_t lease = c->config.lease, key = c->long_form ? c->config.key_lease : lease;

	/* A server that does not say knows no leases: refreshed as if it did. */
	if (a->has_lease) {
		lease = a->lease.lease;
		key = a->lease.long_form ? a->lease.key_lease : lease;
	}
	if (has_keys(c->sent) && key < lease)
		lease = key;
	return lease;
}

static void granted(struct lease_client *c, uint64_t now, const struct lease_client_answer *a)
{
	uint32_t lease = lease_of(c, a);
	uint64_t ms;

	c->granted = c->sent->n ? lease : 0;
	if (lease < LEASE_MIN)
		lease = LEASE_MIN;
	if (lease > LEASE_MAX)
		lease = LEASE_MAX;
	ms = 1000 * (uint64_t)lease;
	c->expires = c->sent->n ? now + ms : 0;
	c->due = now + ms * 80 / 100 + draw_below(&c->draw, ms / 20);
}

static void accepted(struct lease_client *c, uint64_t now, const struct lease_client_answer *a)
{
	bool same = lease_client_set_equal(c->sent, c->want);

	granted(c, now, a);
	c->error = 0;
	c->failures = 0;
	c->refusals = 0;
	c->clock_set = false;
	c->confirmed = same;
	c->again = c->first_sent < c->unsure_until;
	if (!c->again) {
		/* All else that may have been there was deleted by this. */
		drop_maybe(c, c->n_maybe);
		if (c->sent->n)
			c->maybe[c->n_maybe++] = lease_client_set_ref(c->sent);
	}
	if (!same)
		c->due = now;
	else if (c->again)
		c->due = c->unsure_until;
	drop_sent(c);
}

/* Said no to, by a server that can be believed. */
static void refused(struct lease_client *c, uint64_t now, unsigned int rcode)
{
	int error = 256 + (int)rcode;

	/* Servers of the first drafts know the option with one lease only. */
	if (c->long_form && (rcode == DNS_FORMERR || rcode == DNS_REFUSED)) {
		c->short_form = true;
		drop_sent(c);
		c->due = now;
		return;
	}
	c->short_form = false;
	failed(c, now, error, rcode != DNS_SERVFAIL);
}

bool lease_client_input(struct lease_client *c, uint64_t now, const uint8_t *msg, size_t len)
{
	struct lease_client_answer a;

	if (!lease_client_read(c, msg, len, &a))
		return false;
	if (a.result == SIGNER_BAD) {
		/* Proves nothing; but if nothing else comes, it was why. */
		if (a.rcode)
			c->refused = 256 + (int)a.rcode;
		return false;
	}
	if (a.result == SIGNER_GOOD && !a.rcode) {
		accepted(c, now, &a);
	} else if (a.result == SIGNER_GOOD) {
		refused(c, now, a.rcode);
	} else if (c->clock_set) {
		failed(c, now, 256 + DNS_NOTAUTH, true);
	} else {
		drop_sent(c);
		c->clock_set = true;
		c->due = now;
	}
	return true;
}

/* --- what is known --- */

bool lease_client_stuck(struct lease_client *c)
{
	bool stuck = c->stuck;

	c->stuck = false;
	return stuck;
}

bool lease_client_current(const struct lease_client *c)
{
	return c->confirmed;
}

bool lease_client_withdrawn(const struct lease_client *c)
{
	return idle(c) && !c->sent;
}

uint32_t lease_client_granted(const struct lease_client *c)
{
	return c->granted;
}

uint64_t lease_client_expires(const struct lease_client *c)
{
	return c->expires;
}

int lease_client_error(const struct lease_client *c)
{
	return c->error;
}
