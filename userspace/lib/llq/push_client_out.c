// SPDX-License-Identifier: GPL-2.0-or-later
/* The client's messages: the signed question, then DSO (RFC 8490, 8765). */
#include <errno.h>
#include <string.h>

#include "../dns/dso.h"
#include "push_client_int.h"

#define BIND_WAIT	15000	/* ms */
#define DSO_WAIT	30000	/* ms, RFC 8490 5.1.1 */

static bool id_free(const struct push_client *c, uint16_t id)
{
	const struct push_query *q;
	unsigned int i;

	if (!id || id == c->bind.id || id == c->keepalive.id)
		return false;
	for (i = 0; i < PUSH_ENDED; i++) {
		if (c->ended[i] == id)
			return false;
	}
	for (q = c->queries; q; q = q->next) {
		if (q->id == id)
			return false;
	}
	return true;
}

/* There are fewer questions than IDs. */
static uint16_t new_id(struct push_client *c)
{
	do
		c->last_id++;
	while (!id_free(c, c->last_id));
	return c->last_id;
}

static size_t done(struct push_client *c, uint64_t now, const struct dso_writer *w, bool use)
{
	if (w->failed)
		return 0;
	c->seen = now;
	if (use)
		c->active = now;
	return w->len;
}

/* Any question of the zone would do: what counts is the signature. */
static size_t put_bind(struct push_client *c, uint64_t now, uint8_t *out, size_t size)
{
	const struct signer *s = &c->config.signer;
	uint8_t option[4 + PUSH_CHANNEL_LEN];
	struct dns_writer w;
	size_t len;

	if (c->bind.id)
		return 0;
	dns_put16(option, EDNS_CHANNEL);
	dns_put16(option + 2, PUSH_CHANNEL_LEN);
	memcpy(option + 4, c->channel, PUSH_CHANNEL_LEN);

	c->bind.id = new_id(c);
	c->bind.due = now + BIND_WAIT;
	dns_writer_init(&w, out, size, c->bind.id, 0);
	dns_put_question(&w, c->zone, DNS_SOA, DNS_IN);
	dns_put_opt(&w, DNS_UDP_MAX, 0, option, sizeof(option));
	len = w.len;
	if (w.failed || s->sign(s->arg, out, &len, size, NULL, &c->bind_mac)) {
		push_end(c, now, PUSH_CLOSE);
		push_failed(c, now, -EKEYREJECTED);
		return 0;
	}
	c->seen = now;
	c->active = now;
	return len;
}

static size_t put_keepalive(struct push_client *c, uint64_t now, uint8_t *out, size_t size)
{
	const struct dso_keepalive k = {
		.inactivity = DSO_TIMEOUT_DEFAULT, .interval = c->config.keepalive,
	};
	struct push_query *q;
	struct dso_writer w;

	if (c->keepalive.id)
		return 0;
	c->check = false;
	c->keepalive.id = new_id(c);
	c->keepalive.due = now + DSO_WAIT;
	/* First answers follow the answer to a SUBSCRIBE at once (RFC 8765 6.3), and
	 * messages are acted on in order: so they come before the answer to this.
	 */
	for (q = c->queries; q; q = q->next)
		q->covered = q->fresh;
	dso_writer_init(&w, out, size, DSO_REQUEST, c->keepalive.id, 0);
	dso_put_keepalive(&w, &k);
	return done(c, now, &w, false);
}

static size_t put_unknown(struct push_client *c, uint64_t now, uint8_t *out, size_t size)
{
	struct dso_writer w;

	dso_writer_init(&w, out, size, DSO_RESPONSE, c->unknown[--c->n_unknown], DNS_DSOTYPENI);
	return done(c, now, &w, true);
}

static size_t put_unsubscribe(struct push_client *c, struct push_query *q, uint64_t now,
			      uint8_t *out, size_t size)
{
	struct dso_writer w;

	dso_writer_init(&w, out, size, DSO_UNIDIRECTIONAL, 0, 0);
	dso_put_unsubscribe(&w, q->id);
	if (q->answered) {
		/* The server may have ended it at the same time, and said so. */
		push_id_ended(c, q->id);
		push_unlink(c, q);
	} else {
		q->phase = PUSH_GONE;
	}
	return done(c, now, &w, true);
}

static size_t put_subscribe(struct push_client *c, struct push_query *q, uint64_t now,
			    uint8_t *out, size_t size)
{
	struct dso_writer w;

	q->id = new_id(c);
	q->phase = PUSH_ASKED;
	q->due = now + DSO_WAIT;
	q->error = 0;
	dso_writer_init(&w, out, size, DSO_REQUEST, q->id, 0);
	dso_put_subscribe(&w, q->name, q->type, DNS_IN);
	return done(c, now, &w, true);
}

bool push_wants_cover(const struct push_client *c)
{
	const struct push_query *q;
	bool fresh = false;

	for (q = c->queries; q; q = q->next) {
		/* All of them at a time */
		if (q->phase == PUSH_ASKED)
			return false;
		fresh |= q->fresh;
	}
	return fresh;
}

static bool wants_keepalive(const struct push_client *c, uint64_t now)
{
	return c->check || (c->interval != DSO_FOREVER && now >= c->seen + c->interval);
}

static size_t put_dso(struct push_client *c, uint64_t now, uint8_t *out, size_t size)
{
	struct push_query *q;

	if (c->n_unknown)
		return put_unknown(c, now, out, size);
	/* What is to end goes first: it may be asked for again. */
	for (q = c->queries; q; q = q->next) {
		if (q->phase == PUSH_BYE)
			return put_unsubscribe(c, q, now, out, size);
	}
	for (q = c->queries; q; q = q->next) {
		if (q->phase == PUSH_WAIT && now >= q->due && now >= c->hold)
			return put_subscribe(c, q, now, out, size);
	}
	if (!c->keepalive.id && (push_wants_cover(c) || wants_keepalive(c, now)))
		return put_keepalive(c, now, out, size);
	return 0;
}

size_t push_put(struct push_client *c, uint64_t now, uint8_t *out, size_t size)
{
	if (c->state == PUSH_BINDING)
		return put_bind(c, now, out, size);
	if (c->state == PUSH_OPENING)
		return put_keepalive(c, now, out, size);
	return put_dso(c, now, out, size);
}
