// SPDX-License-Identifier: GPL-2.0-or-later
/* What the server says: the answer to the signed question, and DSO. */
#include <errno.h>
#include <string.h>

#include "../dns/dso.h"
#include "push_client_int.h"

#define RCODE(r)	(256 + (int)(r))
/* ms to stay away for where the server does not say, RFC 8765 6.2.2 */
#define AWAY_SERVFAIL	60000
#define AWAY_DEFAULT	300000
/* ms; a session is not kept longer without use, whatever the server allows. */
#define INACTIVITY_MAX	900000

/* --- the signed question --- */

static void bind_signed(struct push_client *c, uint64_t now, unsigned int rcode)
{
	c->bind.id = 0;
	c->refused = 0;
	if (!rcode) {
		c->state = PUSH_OPENING;
		return;
	}
	push_end(c, now, PUSH_CLOSE);
	push_failed(c, now, RCODE(rcode));
}

static void bind_response(struct push_client *c, uint64_t now, const uint8_t *msg, size_t len)
{
	const struct signer *s = &c->config.signer;
	enum signer_result r = SIGNER_GOOD;
	struct dns_shape shape;
	struct tsig_mac mac;
	unsigned int rcode;
	uint64_t time;

	if (!c->bind.id || dns_shape(msg, len, &shape) || !(dns_flags(msg) & DNS_QR) ||
	    dns_opcode(msg) != DNS_QUERY || dns_id(msg) != c->bind.id)
		return;
	rcode = dns_rcode(msg) | (shape.opt_ttl >> 24) << 4;
	if (s->verify)
		r = s->verify(s->arg, msg, len, &c->bind_mac, &mac, &time);
	switch (r) {
	case SIGNER_GOOD:
		bind_signed(c, now, rcode);
		break;
	case SIGNER_AGAIN:
		if (c->clock_set) {
			bind_signed(c, now, DNS_NOTAUTH);
			break;
		}
		c->bind.id = 0;
		c->clock_set = true;
		break;
	case SIGNER_BAD:
		/* Proves nothing; but if nothing else comes, it was why. */
		if (rcode)
			c->refused = RCODE(rcode);
	}
}

/* --- PUSH --- */

static void tell(struct push_client *c, struct push_query *q, bool add, const struct answer *a)
{
	q->told = true;
	c->ops.change(c->arg, q->tag, add, a);
}

static void drop(struct push_client *c, struct push_query *q, size_t i)
{
	struct answer a = answers_at(&q->answers, i, q->name);

	tell(c, q, false, &a);
	answers_drop(&q->answers, i);
}

/* All records, or those of a type. */
static void drop_all(struct push_client *c, struct push_query *q, uint16_t type)
{
	size_t i;

	for (i = q->answers.n; i; i--) {
		if (type == DNS_ANY || q->answers.records[i - 1].type == type)
			drop(c, q, i - 1);
	}
}

static size_t n_marked(const struct push_query *q)
{
	size_t i, n = 0;

	for (i = 0; q->fresh && i < q->answers.n; i++)
		n += q->answers.records[i].marked;
	return n;
}

static void add(struct push_client *c, struct push_query *q, const struct answer *a)
{
	/* One that was kept from before and is there again is no news. */
	size_t marked = n_marked(q);
	int ret = answers_add(&q->answers, a, &c->scratch);

	if (ret == 1) {
		tell(c, q, true, a);
	} else if (!ret && c->ops.again && n_marked(q) == marked) {
		q->told = true;
		c->ops.again(c->arg, q->tag, a);
	}
}

static void change_one(struct push_client *c, struct push_query *q, const struct dso *d,
		       const struct dns_rr *rr, enum dso_change what)
{
	struct answer a;

	if ((q->type != rr->type && q->type != DNS_ANY) || rr->class_ != DNS_IN ||
	    answers_unpack(d->msg, d->len, rr, &c->scratch, &a))
		return;
	if (what == DSO_ADD)
		add(c, q, &a);
	else if (answers_remove(&q->answers, &a, &c->scratch))
		tell(c, q, false, &a);
}

static void change_query(struct push_client *c, struct push_query *q, const struct dso *d,
			 const struct dns_rr *rr)
{
	enum dso_change what = dso_change(rr);

	switch (what) {
	case DSO_ADD:
	case DSO_REMOVE:
		change_one(c, q, d, rr, what);
		break;
	case DSO_REMOVE_SET:
		if (rr->class_ == DNS_IN)
			drop_all(c, q, rr->type);
		break;
	case DSO_REMOVE_TYPES:
		if (rr->class_ == DNS_IN)
			drop_all(c, q, DNS_ANY);
		break;
	case DSO_REMOVE_NAME:
		drop_all(c, q, DNS_ANY);
		break;
	case DSO_IGNORE:
	case DSO_FATAL:
		break;
	}
}

/* Nothing of a message counts before all of it has been found to be right. */
static bool push_right(const struct dso *d, const struct dso_tlv *t)
{
	struct dso_push p;
	struct dns_rr rr;
	int ret;

	dso_push_init(&p, d, t);
	while ((ret = dso_push_next(&p, &rr)) > 0) {
		if (dso_change(&rr) == DSO_FATAL)
			return false;
	}
	return !ret;
}

static void take_push(struct push_client *c, uint64_t now, const struct dso *d,
		      const struct dso_tlv *t)
{
	struct push_query *q;
	struct dso_push p;
	struct dns_rr rr;

	if (!push_right(d, t)) {
		push_violated(c, now);
		return;
	}
	dso_push_init(&p, d, t);
	while (dso_push_next(&p, &rr) > 0) {
		/* What nobody has asked for may have crossed an UNSUBSCRIBE. */
		for (q = push_named(c, rr.owner); q; q = q->same) {
			if (q->phase == PUSH_ACTIVE && dname_equal(q->name, rr.owner))
				change_query(c, q, d, &rr);
		}
	}
	/* All of the message has been told: the same ones again. */
	dso_push_init(&p, d, t);
	while (dso_push_next(&p, &rr) > 0) {
		for (q = push_named(c, rr.owner); q; q = q->same) {
			if (q->told && q->status == ANSWERS_UNKNOWN)
				push_set_status(q, ANSWERS_LIVE);
			push_settled(c, q);
		}
	}
}

/* --- answers --- */

/* False: there is no Retry Delay, or it is malformed. */
static bool retry_delay(struct dso *d, uint32_t *ms)
{
	struct dso_tlv t;

	while (dso_next(d, &t) > 0) {
		if (t.type == DSO_RETRY_DELAY)
			return !dso_retry_delay_read(&t, ms);
	}
	return false;
}

static uint32_t away(const struct push_client *c, unsigned int rcode)
{
	switch (rcode) {
	case DNS_NOTIMP:
	case DNS_DSOTYPENI:
		return c->config.retry > UINT32_MAX / 1000 ? UINT32_MAX : c->config.retry * 1000;
	case DNS_SERVFAIL:
		return AWAY_SERVFAIL;
	default:
		return AWAY_DEFAULT;
	}
}

/* A SUBSCRIBE failed, or the server ends what it had granted (RFC 8490 5.6). */
static void refused(struct push_client *c, struct push_query *q, struct dso *d, uint64_t now)
{
	uint32_t ms;

	if (!retry_delay(d, &ms))
		ms = away(c, d->rcode);
	push_id_ended(c, q->id);
	push_broken_off(c, q, now);
	q->due = now + ms;
	q->error = RCODE(d->rcode);
	q->told = true;
	if (d->rcode == DNS_DSOTYPENI || d->rcode == DNS_NOTIMP)
		c->error = -EOPNOTSUPP;
	/* For other zones' names it may yet do; else for all (RFC 8765 6.2.2). */
	if (d->rcode != DNS_NOTAUTH && c->hold < now + ms)
		c->hold = now + ms;
	push_settled(c, q);
}

static void subscribed(struct push_client *c, struct push_query *q)
{
	q->phase = PUSH_ACTIVE;
	q->answered = true;
	q->fresh = true;
	q->covered = false;
	q->error = 0;
	q->known_until = NEVER;
	answers_mark(&q->answers);
	if (c->error == -EOPNOTSUPP)
		c->error = 0;
}

/* False: it is not an answer to anything. */
static bool query_response(struct push_client *c, struct push_query *q, struct dso *d,
			   uint64_t now)
{
	switch (q->phase) {
	case PUSH_ASKED:
		if (d->rcode)
			refused(c, q, d, now);
		else
			subscribed(c, q);
		return true;
	case PUSH_ACTIVE:
		if (!d->rcode)
			return false;
		refused(c, q, d, now);
		return true;
	case PUSH_BYE:
		if (q->answered && !d->rcode)
			return false;
		q->answered = true;
		if (!d->rcode)
			return true;
		break;
	default:
		break;
	}
	push_id_ended(c, q->id);
	push_unlink(c, q);
	return true;
}

static void whole(struct push_client *c, struct push_query *q)
{
	size_t i;

	q->fresh = false;
	q->covered = false;
	for (i = q->answers.n; i; i--) {
		if (q->answers.records[i - 1].marked)
			drop(c, q, i - 1);
	}
	push_set_status(q, ANSWERS_LIVE);
	push_settled(c, q);
}

static void covered(struct push_client *c)
{
	struct push_query *q;

	for (q = c->queries; q; q = q->next) {
		if (q->phase == PUSH_ACTIVE && q->covered)
			whole(c, q);
	}
}

/* False: it breaks the rules. */
static bool timeouts(struct push_client *c, const struct dso_tlv *t)
{
	struct dso_keepalive k;

	if (dso_keepalive_read(t, &k) || k.interval < DSO_KEEPALIVE_MIN)
		return false;
	c->inactivity = k.inactivity < INACTIVITY_MAX ? k.inactivity : INACTIVITY_MAX;
	c->interval = k.interval < c->config.keepalive ? k.interval : c->config.keepalive;
	return true;
}

static void keepalive_response(struct push_client *c, uint64_t now, struct dso *d)
{
	struct dso_tlv t;
	uint32_t ms;

	c->keepalive.id = 0;
	if (d->rcode) {
		if (c->state == PUSH_UP) {
			push_violated(c, now);
		} else if (retry_delay(d, &ms)) {
			push_banned(c, now, ms, RCODE(d->rcode));
		} else {
			push_end(c, now, PUSH_CLOSE);
			push_unsupported(c, now, -EOPNOTSUPP);
		}
		return;
	}
	if (dso_next(d, &t) <= 0 || t.type != DSO_KEEPALIVE || !timeouts(c, &t)) {
		push_violated(c, now);
		return;
	}
	if (c->state == PUSH_OPENING)
		c->error = 0;
	c->state = PUSH_UP;
	c->proven = true;
	c->losses = 0;
	c->refusals = 0;
	covered(c);
}

static void response(struct push_client *c, uint64_t now, struct dso *d)
{
	struct push_query *q;
	unsigned int i;

	if (d->id == c->keepalive.id) {
		keepalive_response(c, now, d);
		return;
	}
	for (q = c->queries; q && q->id != d->id; q = q->next)
		;
	if (q && query_response(c, q, d, now))
		return;
	for (i = 0; !q && i < PUSH_ENDED; i++) {
		if (c->ended[i] == d->id)
			return;
	}
	push_violated(c, now);
}

/* --- what the server begins --- */

static void request(struct push_client *c, uint64_t now, const struct dso *d,
		    const struct dso_tlv *t)
{
	switch (t->type) {
	case DSO_KEEPALIVE:
	case DSO_RETRY_DELAY:
	case DSO_PADDING:
	case DSO_SUBSCRIBE:
	case DSO_PUSH:
	case DSO_UNSUBSCRIBE:
	case DSO_RECONFIRM:
		push_violated(c, now);
		return;
	}
	if (c->n_unknown == PUSH_UNKNOWN)
		push_violated(c, now);
	else
		c->unknown[c->n_unknown++] = d->id;
}

static void unidirectional(struct push_client *c, uint64_t now, const struct dso *d,
			   const struct dso_tlv *t)
{
	uint32_t ms;

	switch (t->type) {
	case DSO_PUSH:
		take_push(c, now, d, t);
		return;
	case DSO_KEEPALIVE:
		if (timeouts(c, t))
			return;
		break;
	case DSO_RETRY_DELAY:
		if (dso_retry_delay_read(t, &ms))
			break;
		push_banned(c, now, ms, d->rcode ? RCODE(d->rcode) : 0);
		return;
	}
	push_violated(c, now);
}

void push_client_input(struct push_client *c, uint64_t now, const uint8_t *msg, size_t len)
{
	struct dso_tlv t = { 0 };
	struct dso d;
	int ret;

	if (c->state < PUSH_BINDING)
		return;
	c->seen = now;
	ret = dso_read(msg, len, &d);
	if (ret == -ENOMSG) {
		c->active = now;
		if (c->state == PUSH_BINDING)
			bind_response(c, now, msg, len);
		return;
	}
	/* Before there is a session, only the answer that makes it. */
	if (ret || c->state == PUSH_BINDING ||
	    (c->state == PUSH_OPENING && d.kind != DSO_RESPONSE)) {
		push_violated(c, now);
		return;
	}
	if (d.kind == DSO_RESPONSE) {
		if (d.id != c->keepalive.id)
			c->active = now;
		response(c, now, &d);
		return;
	}
	dso_next(&d, &t);
	if (t.type != DSO_KEEPALIVE)
		c->active = now;
	if (d.kind == DSO_REQUEST)
		request(c, now, &d, &t);
	else
		unidirectional(c, now, &d, &t);
}
