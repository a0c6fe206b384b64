// SPDX-License-Identifier: GPL-2.0-or-later
/* LLQ messages: read, judged as a whole, answered. */
#include <errno.h>
#include <string.h>

#include "../dns/siphash.h"
#include "server.h"

#define QUESTIONS_MAX	64
#define OPTION_LEN	(4 + LLQ_OPTION_LEN)
#define OPT_FIXED	11

/* The @n-th LLQ option. */
static bool nth_option(const struct dns_shape *shape, unsigned int n, struct edns_option *out)
{
	size_t pos = 0;

	while (edns_next(shape->opt, shape->opt_len, &pos, out) > 0) {
		if (out->code == EDNS_LLQ && !n--)
			return true;
	}
	return false;
}

bool subs_is_llq(const uint8_t *msg, size_t len)
{
	struct edns_option o;
	struct dns_shape shape;

	return !dns_shape(msg, len, &shape) && shape.has_opt && dns_opcode(msg) == DNS_QUERY &&
	       nth_option(&shape, 0, &o);
}

/* --- acknowledgements --- */

static uint32_t acked(const struct subs *s, const struct subs_origin *from, const uint8_t *msg,
		      const struct dns_shape *shape, struct llq_option *o)
{
	struct edns_option option;

	if (!nth_option(shape, 0, &option) || llq_option_read(&option, o))
		return 0;
	return subs_acked(s, from, dns_id(msg), o);
}

int subs_event_mac(struct subs *s, const struct subs_origin *from, const uint8_t *msg,
		   size_t len, const struct subs_identity **who, struct tsig_mac *prior)
{
	struct dns_shape shape;
	struct llq_option o;
	const struct llq *l;
	uint32_t ref;

	if (dns_shape(msg, len, &shape) || !(dns_flags(msg) & DNS_QR))
		return -ENOENT;
	ref = acked(s, from, msg, &shape, &o);
	if (!ref)
		return -ENOENT;

	l = llq_at(s, ref);
	*who = subs_identity_of(s, client_at(s, l->sub.owner)->identity, &s->told);
	if (!*who)
		return 1;
	*prior = delivery_at(s, l->delivery)->mac;
	return 0;
}

static void message_ack(struct subs *s, const struct subs_in *in, const struct dns_shape *shape)
{
	struct llq_option o;
	uint32_t ref = acked(s, &in->from, in->msg, shape, &o), identity = 0;

	if (in->who)
		identity = subs_identity_find(s, in->who);
	if (!ref || !identity != !in->who ||
	    client_at(s, llq_at(s, ref)->sub.owner)->identity != identity) {
		s->stats.refused[SUBS_REFUSED_ACK]++;
		return;
	}
	if (o.error == LLQ_NO_SUCH) {
		/* It has begun anew and knows nothing of this one. */
		s->stats.ended++;
		subs_llq_end(s, ref);
		return;
	}
	subs_event_done(s, ref);
}

/* --- requests --- */

/* Reads questions and options; how many. */
static unsigned int read_questions(const struct subs_in *in, const struct dns_shape *shape,
				   struct subs_asked *asked, bool *malformed)
{
	struct edns_option o;
	struct dns_walk w;
	unsigned int n = 0;

	dns_walk_init(&w, in->msg, in->len);
	*malformed = nth_option(shape, dns_count(in->msg, 0), &o);
	while (n < QUESTIONS_MAX && dns_walk_question(&w, &asked[n].q) > 0) {
		struct subs_asked *a = &asked[n];

		memcpy(a->name, a->q.name, dname_len(a->q.name));
		dname_lower(a->name);
		memset(&a->o, 0, sizeof(a->o));
		a->llq = 0;
		/* One for each of them, or who knows whose is whose. */
		if (!nth_option(shape, n, &o))
			*malformed = true;
		a->malformed = *malformed || llq_option_read(&o, &a->o);
		if (a->malformed)
			a->o.opcode = LLQ_SETUP;
		n++;
	}
	*malformed |= n < dns_count(in->msg, 0);
	return n;
}

/* May all of it be asked? An RCODE. */
static enum dns_rcode judge(struct subs *s, const struct subs_in *in, struct subs_asked *asked,
			    unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct subs_asked *a = &asked[i];

		/* Other than a name we do not have, one that is forbidden must
		 * not be told from one that does not exist.
		 */
		if (!s->ops.zone(s->arg, a->name, &a->zone))
			return DNS_REFUSED;
		if ((a->zone.is_private && !in->who) ||
		    !s->ops.may(s->arg, in->who, a->name, a->q.type))
			return DNS_REFUSED;
		if (!a->zone.loaded)
			return DNS_SERVFAIL;
	}
	return DNS_NOERROR;
}

static void reply(struct subs *s, const struct subs_in *in, const struct dns_writer *w)
{
	const struct subs_out out = {
		.to = &in->from, .msg = s->out, .len = w->len, .who = in->who,
		.sign = in->who ? SUBS_ANSWER : SUBS_UNSIGNED, .prior = &in->mac,
	};

	s->ops.send(s->arg, &out);
}

static uint16_t flags_of(const struct subs_in *in)
{
	return (uint16_t)(DNS_QR | DNS_AA | (dns_flags(in->msg) & DNS_RD));
}

static unsigned int options_that_fit(size_t len, size_t most, unsigned int n)
{
	size_t room = most > len + OPT_FIXED ? (most - len - OPT_FIXED) / OPTION_LEN : 0;

	return n < room ? n : (unsigned int)room;
}

/*
 * Begun with dns_writer_init(), @w has the questions now. To an address that nobody has
 * verified goes no more than came from it, or others could be flooded by way of us: there
 * are fewer options then, at least one in the place of the questions, or none.
 */
static void reply_refusal(struct subs *s, const struct subs_in *in, struct dns_writer *w,
			  const uint8_t *options, unsigned int n)
{
	size_t most = in->from.transport == SUBS_UDP ? in->len : DNS_MAX - TSIG_ROOM;
	unsigned int fit = options_that_fit(w->len, most, n);

	if (w->len + OPT_FIXED > most || (n && !fit)) {
		dns_writer_init(w, s->out, DNS_MAX - TSIG_ROOM, dns_id(in->msg),
				dns_flags(s->out));
		fit = options_that_fit(w->len, most, n ? 1 : 0);
	}
	dns_put_opt(w, s->config.udp_max, 0, options, fit * OPTION_LEN);
	reply(s, in, w);
}

static void reply_rcode(struct subs *s, const struct subs_in *in,
			const struct subs_asked *asked, unsigned int n, enum dns_rcode rcode)
{
	struct dns_writer w;
	unsigned int i;

	dns_writer_init(&w, s->out, DNS_MAX - TSIG_ROOM, dns_id(in->msg),
			(uint16_t)((flags_of(in) & ~DNS_AA) | rcode));
	for (i = 0; i < n; i++)
		dns_put_question(&w, asked[i].q.name, asked[i].q.type, asked[i].q.class_);
	reply_refusal(s, in, &w, NULL, 0);
}

/* Malformed, but so that it must not become FORMERR. */
static void reply_no_question(struct subs *s, const struct subs_in *in)
{
	const struct llq_option o = {
		.version = LLQ_VERSION, .opcode = LLQ_SETUP, .error = LLQ_FORMAT_ERR,
	};
	uint8_t option[OPTION_LEN];
	struct dns_writer w;

	s->stats.refused[SUBS_REFUSED_FORMAT]++;
	llq_option_write(&o, option);
	dns_writer_init(&w, s->out, DNS_MAX - TSIG_ROOM, dns_id(in->msg), flags_of(in));
	reply_refusal(s, in, &w, option, 1);
}

/* Answers to one question; from the first that does not fit on they are collected. */
struct answering {
	struct dns_writer *w;
	const uint8_t *name;
	struct subs_collect rest;
};

static void put_answer(void *arg, const struct zone_rr *rr)
{
	struct answering *a = arg;
	struct dns_mark before;

	dns_mark(a->w, &before);
	if (!a->rest.n) {
		dns_put_rr(a->w, 1, a->name, rr->type, DNS_IN, rr->ttl, zone_rr_shown(rr),
			   rr->rdlen);
		if (!a->w->failed)
			return;
		dns_rewind(a->w, &before);
	}
	subs_collect_rr(&a->rest, true, rr);
}

/* What did not fit goes as events, as if it had just been added. */
static void send_rest(struct subs *s, uint32_t ref, struct subs_collect *rest)
{
	struct subs_changes *c = subs_collect_end(rest);

	s->burst = SUBS_BURST;
	if (c)
		subs_llq_notify(s, ref, c);
	else
		subs_llq_end(s, ref);
	subs_changes_unref(c);
}

static void respond(struct subs *s, const struct subs_asking *how, struct subs_asked *asked,
		    unsigned int n)
{
	const struct subs_in *in = how->in;
	uint8_t options[QUESTIONS_MAX * OPTION_LEN];
	struct subs_collect rest[QUESTIONS_MAX];
	struct dns_writer w;
	bool granted = false;
	unsigned int i;
	size_t room;

	dns_writer_init(&w, s->out, DNS_MAX - TSIG_ROOM, dns_id(in->msg), flags_of(in));
	for (i = 0; i < n; i++) {
		dns_put_question(&w, asked[i].q.name, asked[i].q.type, asked[i].q.class_);
		llq_option_write(&asked[i].o, options + i * OPTION_LEN);
		granted |= asked[i].llq != 0;
	}
	if (!granted) {
		reply_refusal(s, in, &w, options, n);
		return;
	}

	room = subs_room(s, in->from.transport, how->udp_size, in->who);
	if (room > OPT_FIXED + n * OPTION_LEN + w.len)
		w.size = room - OPT_FIXED - n * OPTION_LEN;
	else
		w.size = w.len;
	for (i = 0; i < n; i++) {
		struct answering a = { .w = &w, .name = asked[i].q.name };

		if (asked[i].llq)
			s->ops.answers(s->arg, in->who, asked[i].name, asked[i].q.type,
				       put_answer, &a);
		rest[i] = a.rest;
	}
	for (i = 0; i < n; i++) {
		if (asked[i].llq && w.len < w.size)
			subs_put_place(s, &w, llq_at(s, asked[i].llq)->sub.topic, in->who);
	}
	w.size = DNS_MAX - TSIG_ROOM;
	dns_put_opt(&w, s->config.udp_max, 0, options, n * OPTION_LEN);
	reply(s, in, &w);

	for (i = 0; i < n; i++) {
		uint32_t ref = asked[i].llq;

		if (rest[i].n || rest[i].failed)
			send_rest(s, ref, &rest[i]);
		/* It may have ended for want of memory. */
		if (ref && subs_llq_find(s, asked[i].o.id) == ref)
			subs_llq_persist(s, ref, true);
	}
}

/* Two questions that are one would have one LLQ. */
static bool has_twins(const struct subs_asked *asked, unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++) {
			if (asked[i].q.type == asked[j].q.type &&
			    dname_equal(asked[i].name, asked[j].name))
				return true;
		}
	}
	return false;
}

static enum subs_seen seen_before(struct subs *s, const struct subs_in *in)
{
	uint8_t origin[16 + 2 + 8];
	uint64_t mac;

	if (!in->who)
		return SUBS_NEW;
	memcpy(origin, &in->from.peer.ip, 16);
	memcpy(origin + 16, &in->from.peer.port, 2);
	memcpy(origin + 18, &in->from.stream, 8);
	mac = siphash24(s->arena.key, in->mac.b, in->mac.len);
	return subs_replay_check(&s->replay, mac,
				 (uint32_t)siphash24(s->arena.key, origin, sizeof(origin)),
				 (uint32_t)in->time_signed);
}

static void message_request(struct subs *s, const struct subs_in *in,
			    const struct dns_shape *shape)
{
	struct subs_asking how = { .in = in, .udp_size = shape->udp_size };
	struct subs_asked asked[QUESTIONS_MAX];
	enum dns_rcode rcode;
	unsigned int i, n;
	bool malformed;

	n = read_questions(in, shape, asked, &malformed);
	if (!n) {
		reply_no_question(s, in);
		return;
	}
	rcode = judge(s, in, asked, n);
	if (rcode) {
		s->stats.refused[SUBS_REFUSED_ACCESS]++;
		reply_rcode(s, in, asked, n, rcode);
		return;
	}

	malformed |= has_twins(asked, n);
	how.seen = seen_before(s, in);
	if (how.seen == SUBS_REPLAYED) {
		s->stats.refused[SUBS_REFUSED_REPLAY]++;
		return;
	}
	for (i = 0; i < n; i++) {
		/* The first may make known who asks. */
		how.identity = in->who ? subs_identity_find(s, in->who) : 0;
		asked[i].malformed |= malformed;
		if (!subs_ask(s, &how, &asked[i]))
			return;
	}
	respond(s, &how, asked, n);
}

int subs_message(struct subs *s, const struct subs_in *in, uint64_t now)
{
	struct edns_option o;
	struct dns_shape shape;

	subs_time(s, now);
	if (dns_shape(in->msg, in->len, &shape) || !shape.has_opt ||
	    dns_opcode(in->msg) != DNS_QUERY || !nth_option(&shape, 0, &o))
		return -EBADMSG;

	subs_settle(s);
	if (dns_flags(in->msg) & DNS_QR)
		message_ack(s, in, &shape);
	else
		message_request(s, in, &shape);
	return 0;
}
