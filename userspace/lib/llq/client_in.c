// SPDX-License-Identifier: GPL-2.0-or-later
/* What the server says: challenges, answers, events. */
#include <errno.h>
#include <string.h>

#include "client_int.h"

#define RCODE(r)	(256 + (int)(r))
/* ms for which the same octets are the same event, where no signature says when
 * they were made: the server sends it again after 2 and 6 s.
 */
#define SAME_EVENT	30000
#define FULL_MIN	30		/* s */
/* s by which events may overtake each other; ms between two that are taken for a sign that
 * the server's clock has been set
 */
#define OVERTAKEN	10
#define CLOCK_SET	60000

struct message {
	const uint8_t *msg;
	size_t len;
	struct dns_shape shape;
	struct dns_question question;
	bool has_question, has_llq;
	struct llq_option llq;
	unsigned int rcode;
};

static bool read_option(struct message *m)
{
	struct edns_option o;
	size_t pos = 0;
	int ret;

	while ((ret = edns_next(m->shape.opt, m->shape.opt_len, &pos, &o)) > 0) {
		if (o.code != EDNS_LLQ)
			continue;
		/* We ask for one at a time. */
		if (m->has_llq || llq_option_read(&o, &m->llq))
			return false;
		m->has_llq = true;
	}
	return !ret;
}

static bool read_message(const uint8_t *msg, size_t len, struct message *m)
{
	struct dns_walk w;

	*m = (struct message){ .msg = msg, .len = len };
	if (dns_shape(msg, len, &m->shape) || !(dns_flags(msg) & DNS_QR) ||
	    dns_opcode(msg) != DNS_QUERY || dns_count(msg, 0) > 1 ||
	    dns_walk_init(&w, msg, len))
		return false;
	m->rcode = dns_rcode(msg) | (m->shape.opt_ttl >> 24) << 4;
	m->has_question = dns_walk_question(&w, &m->question) > 0;
	return read_option(m);
}

static bool about(const struct message *m, const struct llq_query *q)
{
	return m->question.type == q->type && m->question.class_ == DNS_IN &&
	       dname_equal(m->question.name, q->name);
}

static bool answers_it(const struct message *m, const struct llq_query *q,
		       const struct llq_exchange *x)
{
	if (!x->id || !x->tries || x->id != dns_id(m->msg))
		return false;
	/* Some errors come without the question. */
	return m->has_question ? about(m, q) : m->rcode != 0;
}

/* Signed after the MAC of one of the tries? */
static enum signer_result genuine(const struct llq_client *c, struct llq_exchange *x,
				  const struct message *m)
{
	const struct signer *s = &c->config.signer;
	struct tsig_mac mac;
	unsigned int i;
	uint64_t time;

	if (!s->verify)
		return SIGNER_GOOD;
	for (i = x->n_macs; i; i--) {
		enum signer_result r = s->verify(s->arg, m->msg, m->len, &x->macs[i - 1],
						 &mac, &time);

		if (r != SIGNER_BAD)
			return r;
	}
	if (m->rcode)
		x->refused = (uint16_t)RCODE(m->rcode);
	return SIGNER_BAD;
}

static void tell(struct llq_client *c, struct llq_query *q, bool add, const struct answer *a)
{
	q->told = true;
	c->ops.change(c->arg, q->tag, add, a);
}

static void one_answer(struct llq_client *c, struct llq_query *q, const struct message *m,
		       const struct dns_rr *rr, bool whole)
{
	struct answer a;

	if (rr->class_ != DNS_IN || (rr->type != q->type && rr->type != DNS_CNAME) ||
	    !dname_equal(rr->owner, q->name) ||
	    answers_unpack(m->msg, m->len, rr, &c->scratch, &a))
		return;

	if (rr->ttl != UINT32_MAX) {
		if (answers_add(&q->answers, &a, &c->scratch) == 1)
			tell(c, q, true, &a);
	} else if (!whole && answers_remove(&q->answers, &a, &c->scratch)) {
		tell(c, q, false, &a);
	}
}

static void one_additional(struct llq_client *c, struct llq_query *q, const struct message *m,
			   const struct dns_rr *rr)
{
	struct answer a;

	if (rr->type == DNS_OPT || rr->type == DNS_TSIG || rr->class_ != DNS_IN ||
	    answers_unpack(m->msg, m->len, rr, &c->scratch, &a))
		return;
	q->told = true;
	c->ops.additional(c->arg, q->tag, &a);
}

/* @whole: these are all answers that there are; else they are changes. */
static void take_answers(struct llq_client *c, struct llq_query *q, const struct message *m,
			 bool whole)
{
	struct dns_walk w;
	struct dns_rr rr;
	size_t i;

	if (whole)
		answers_mark(&q->answers);
	dns_walk_init(&w, m->msg, m->len);
	while (dns_walk_rr(&w, &rr) > 0) {
		if (w.section == 1)
			one_answer(c, q, m, &rr, whole);
		else if (w.section == 3)
			one_additional(c, q, m, &rr);
	}
	for (i = q->answers.n; whole && i; i--) {
		struct answer a = answers_at(&q->answers, i - 1, q->name);

		if (!q->answers.records[i - 1].marked)
			continue;
		tell(c, q, false, &a);
		answers_drop(&q->answers, i - 1);
	}
}

static void take_poll(struct llq_client *c, struct llq_query *q, const struct message *m,
		      uint64_t now)
{
	bool answered = m->rcode == DNS_NOERROR || m->rcode == DNS_NXDOMAIN;

	/* What was cut off says only what there is, not what there is not. */
	if (answered)
		take_answers(c, q, m, !(dns_flags(m->msg) & DNS_TC));
	llq_polled(q, now, answered);
}

static void poll_response(struct llq_client *c, struct llq_query *q, const struct message *m,
			  uint64_t now)
{
	enum signer_result r = genuine(c, &q->poll, m);

	if (r == SIGNER_BAD)
		return;
	if (r == SIGNER_GOOD)
		take_poll(c, q, m, now);
	else if (q->poll.clock_set)
		llq_polled(q, now, false);
	else
		q->poll = (struct llq_exchange){ .due = now, .clock_set = true };
}

/* A server that knows nothing of LLQ has answered the question as any other. */
static void plain_response(struct llq_client *c, struct llq_query *q, const struct message *m,
			   uint64_t now)
{
	uint64_t due = now + (uint64_t)c->config.retry * 1000;

	switch (m->rcode) {
	case DNS_NOERROR:
	case DNS_NXDOMAIN:
		llq_again(c, q, now, due, -EOPNOTSUPP);
		take_poll(c, q, m, now);
		break;
	case DNS_FORMERR:
	case DNS_NOTIMP:
		llq_again(c, q, now, due, RCODE(m->rcode));
		break;
	default:
		llq_failed(c, q, now, RCODE(m->rcode));
	}
}

static void setup_refused(struct llq_client *c, struct llq_query *q, const struct message *m,
			  uint64_t now)
{
	uint64_t retry = c->config.retry;

	switch (m->llq.error) {
	case LLQ_SERV_FULL:
		if (m->llq.lease)
			retry = m->llq.lease < FULL_MIN ? FULL_MIN : m->llq.lease;
		llq_again(c, q, now, now + 1000 * retry, LLQ_SERV_FULL);
		break;
	case LLQ_STATIC:
		q->unchanging = true;
		llq_again(c, q, now, NEVER, LLQ_STATIC);
		if (dns_count(m->msg, 1))
			take_poll(c, q, m, now);
		break;
	case LLQ_NO_SUCH:
		/* It has forgotten between two steps; once, that is no failure. */
		if (q->failures)
			llq_failed(c, q, now, LLQ_NO_SUCH);
		else
			llq_again(c, q, now, now, LLQ_NO_SUCH);
		q->failures += !q->failures;
		break;
	default:
		llq_again(c, q, now, now + 1000 * retry, m->llq.error);
	}
}

/* A challenge, or the ACK; or no. */
static void setup_response(struct llq_client *c, struct llq_query *q, const struct message *m,
			   uint64_t now)
{
	static const uint8_t none[LLQ_ID_LEN];
	const struct llq_option *o = &m->llq;

	if (o->error) {
		setup_refused(c, q, m, now);
		return;
	}
	if (m->rcode != DNS_NOERROR && m->rcode != DNS_NXDOMAIN) {
		llq_failed(c, q, now, RCODE(m->rcode));
		return;
	}
	if (o->version != LLQ_VERSION || o->opcode != LLQ_SETUP || !o->lease ||
	    !memcmp(o->id, none, LLQ_ID_LEN)) {
		llq_failed(c, q, now, LLQ_FORMAT_ERR);
		return;
	}

	if (q->phase == LLQ_ASK && !c->config.stream) {
		memcpy(q->id, o->id, LLQ_ID_LEN);
		q->lease = o->lease;
		llq_set_phase(c, q, LLQ_CHALLENGED);
		/* With an ID of its own, so that a late copy of the challenge is not
		 * taken for an ACK without answers, which looks the same.
		 */
		q->setup = (struct llq_exchange){ .due = now, .clock_set = q->setup.clock_set };
		return;
	}
	if (q->phase == LLQ_CHALLENGED && memcmp(q->id, o->id, LLQ_ID_LEN))
		return;
	memcpy(q->id, o->id, LLQ_ID_LEN);
	q->event_time = 0;
	take_answers(c, q, m, true);
	llq_granted(c, q, now, o->lease);
}

static void refresh_response(struct llq_client *c, struct llq_query *q,
			     const struct message *m, uint64_t now)
{
	const struct llq_option *o = &m->llq;

	if (o->opcode != LLQ_REFRESH || memcmp(q->id, o->id, LLQ_ID_LEN))
		return;
	if (o->error == LLQ_NO_SUCH || (!o->error && !m->rcode && !o->lease))
		llq_again(c, q, now, now, LLQ_NO_SUCH);
	else if (!o->error && !m->rcode)
		llq_granted(c, q, now, o->lease);
	/* Other errors: it is asked again later; the lease may well run on. */
}

static void response(struct llq_client *c, struct llq_query *q, const struct message *m,
		     uint64_t now)
{
	enum signer_result r = genuine(c, &q->setup, m);

	if (r == SIGNER_BAD)
		return;
	if (r == SIGNER_AGAIN) {
		if (!q->setup.clock_set)
			q->setup = (struct llq_exchange){ .due = now, .clock_set = true };
		else if (q->phase != LLQ_UP)
			llq_failed(c, q, now, RCODE(DNS_NOTAUTH));
		return;
	}
	if (q->phase != LLQ_UP && !m->has_llq)
		plain_response(c, q, m, now);
	else if (q->phase != LLQ_UP)
		setup_response(c, q, m, now);
	else if (m->has_llq)
		refresh_response(c, q, m, now);
}

/* Has this very event come before? Now it has. */
static bool seen(struct llq_client *c, const struct message *m, uint64_t now)
{
	uint64_t hash = siphash24(c->config.seed, m->msg, m->shape.tsig_start);
	unsigned int i, n = c->n_seen < LLQ_SEEN ? c->n_seen : LLQ_SEEN;

	for (i = 0; i < n; i++) {
		/* Signed, an event is never valid twice: it is at best a replay. */
		if (c->seen[i].hash == hash &&
		    (c->config.signer.verify || now - c->seen[i].at < SAME_EVENT))
			return true;
	}
	c->seen[c->n_seen % LLQ_SEEN].hash = hash;
	c->seen[c->n_seen % LLQ_SEEN].at = now;
	c->n_seen++;
	return false;
}

/*
 * What is older than the newest was held back by somebody. But if it is much older, or does
 * not fit the time at all, the server's clock may have been set: a set-up learns the time,
 * and all that has been missed.
 */
static bool is_new(struct llq_client *c, struct llq_query *q, const struct message *m,
		   uint64_t now, struct tsig_mac *mac)
{
	const struct signer *s = &c->config.signer;
	uint64_t time = 0;
	enum signer_result r = s->verify(s->arg, m->msg, m->len, NULL, mac, &time);

	if (r == SIGNER_BAD)
		return false;
	if (r == SIGNER_GOOD && time >= q->event_time) {
		q->event_time = time;
		return true;
	}
	if ((r == SIGNER_AGAIN || time + OVERTAKEN < q->event_time) && now >= q->distrust_at) {
		q->distrust_at = now + CLOCK_SET;
		llq_again(c, q, now, now, 0);
	}
	return false;
}

static size_t event(struct llq_client *c, struct llq_query *q, const struct message *m,
		    uint64_t now, uint8_t *reply, size_t size)
{
	const struct signer *s = &c->config.signer;
	struct tsig_mac mac = { 0 };

	if (s->verify && !is_new(c, q, m, now, &mac)) {
		llq_settled(c, q);
		return 0;
	}
	if (!seen(c, m, now))
		take_answers(c, q, m, false);
	llq_settled(c, q);
	return llq_put_ack(c, dns_id(m->msg), &m->llq, s->verify ? &mac : NULL, reply, size);
}

size_t llq_client_input(struct llq_client *c, uint64_t now, const uint8_t *msg, size_t len,
			uint8_t *reply, size_t size)
{
	struct llq_query *q;
	struct message m;

	if (!read_message(msg, len, &m))
		return 0;

	for (q = c->queries; q; q = q->next) {
		if (m.has_llq && m.llq.opcode == LLQ_EVENT) {
			/* One that comes before the ACK is sent again after it. */
			if (q->phase == LLQ_UP && !memcmp(q->id, m.llq.id, LLQ_ID_LEN) &&
			    (!m.has_question || about(&m, q)))
				return event(c, q, &m, now, reply, size);
		} else if (answers_it(&m, q, &q->setup)) {
			response(c, q, &m, now);
			break;
		} else if (answers_it(&m, q, &q->poll)) {
			poll_response(c, q, &m, now);
			break;
		}
	}
	if (q)
		llq_settled(c, q);
	return 0;
}
