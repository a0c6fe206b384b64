// SPDX-License-Identifier: GPL-2.0-or-later
/* Events on the wire, and where hosts are, for their additional section. */
#include <string.h>

#include "../dns/siphash.h"
#include "server.h"

#define OPT_FIXED	11
#define OPT_LEN		(OPT_FIXED + 4 + LLQ_OPTION_LEN)
#define UDP_MIN		512
/* Question and OPT always fit, however long the names of key and question are. */
#define ROOM_MIN	400
/* Of a TSIG record, beside its key's name: the longest algorithm's name and MAC. */
#define TSIG_REST	(10 + 26 + 16 + TSIG_MAC_MAX)
#define REMOVED		UINT32_MAX	/* the TTL, RFC 8764 6.1 */

size_t subs_room(const struct subs *s, enum subs_transport transport, uint16_t udp_size,
		 const struct subs_identity *who)
{
	size_t room = s->config.udp_max, sign = who ? dname_len(who->name) + TSIG_REST : 0;

	if (transport != SUBS_UDP)
		return DNS_MAX - TSIG_ROOM;
	/* 0: the client does not say (RFC 8764 3.2). */
	if (udp_size && udp_size < UDP_MIN)
		udp_size = UDP_MIN;
	if (udp_size && udp_size < room)
		room = udp_size;
	return room < ROOM_MIN + sign ? ROOM_MIN : room - sign;
}

/* --- where a host is --- */

struct place {
	struct subs *s;
	struct dns_writer *w;		/* either this */
	uint64_t hash;			/* or that */
	const uint8_t *owner;
	unsigned int n;
	uint8_t targets[SUBS_HOSTS_MAX][DNAME_MAX];
};

static void place_rr(void *arg, const struct zone_rr *rr)
{
	struct place *p = arg;
	uint64_t owner, one;

	if (p->w) {
		dns_put_rr(p->w, 3, p->owner, rr->type, DNS_IN, rr->ttl, zone_rr_shown(rr),
			   rr->rdlen);
		return;
	}
	/* Of a set, in whatever order: with a key that is kept over restarts. */
	one = siphash24(p->s->config.secret, rr->rdata, rr->rdlen);
	owner = siphash24(p->s->config.secret, p->owner, dname_len(p->owner));
	p->hash += (one ^ owner) * 2 + 1;
}

static void place_srv(void *arg, const struct zone_rr *rr)
{
	const uint8_t *target = subs_srv_target(rr->rdata, rr->rdlen);
	struct place *p = arg;

	if (!target || p->n == SUBS_HOSTS_MAX)
		return;
	memcpy(p->targets[p->n], target, dname_len(target));
	dname_lower(p->targets[p->n]);
	p->n++;
	place_rr(p, rr);
}

static void place_walk(struct place *p, uint32_t topic, const struct subs_identity *who)
{
	uint8_t host[DNAME_MAX], name[DNAME_MAX];
	struct subs *s = p->s;
	unsigned int i;

	subs_topic_name(s, topic, host);
	if (!topic_at(s, topic)->links || !subs_place_name(host, name))
		return;
	p->owner = name;
	s->ops.answers(s->arg, who, name, DNS_SRV, place_srv, p);
	for (i = 0; i < p->n; i++) {
		p->owner = p->targets[i];
		s->ops.answers(s->arg, who, p->owner, DNS_A, place_rr, p);
		s->ops.answers(s->arg, who, p->owner, DNS_AAAA, place_rr, p);
	}
}

void subs_put_place(struct subs *s, struct dns_writer *w, uint32_t topic,
		    const struct subs_identity *who)
{
	struct place p = { .s = s, .w = w };
	struct dns_mark before;

	dns_mark(w, &before);
	place_walk(&p, topic, who);
	if (w->failed)
		dns_rewind(w, &before);
}

uint64_t subs_place_hash(struct subs *s, uint32_t topic)
{
	struct place p = { .s = s };

	place_walk(&p, topic, &subs_engine);
	return p.hash;
}

/* --- events --- */

/* False: no room; nothing was put. */
static bool put_change(struct dns_writer *w, const uint8_t *name, const struct subs_change *c)
{
	struct dns_mark before;

	dns_mark(w, &before);
	dns_put_rr(w, 1, name, c->type, DNS_IN, c->after ? c->ttl_after : REMOVED,
		   subs_change_shown(c), c->rdlen);
	if (!w->failed)
		return true;
	dns_rewind(w, &before);
	return false;
}

/*
 * As put_change() to all of @c from @from to @to (0: as many as there is room for).
 * Return: where it stopped.
 */
static uint32_t put_changes(struct dns_writer *w, const uint8_t *name,
			    const struct subs_changes *c, uint32_t from, uint32_t to)
{
	size_t room = w->size, pos = from;
	struct subs_change change;

	/* What was sent in one message before fits into one now. */
	if (to)
		w->size = DNS_MAX - TSIG_ROOM - OPT_LEN;
	while ((!to || pos < to) && subs_changes_next(c, &pos, &change)) {
		if (!put_change(w, name, &change) && !to) {
			if (dns_count(w->buf, 1))
				break;
			/* A record larger than a packet: alone, in fragments. */
			w->size = DNS_MAX - TSIG_ROOM - OPT_LEN;
			put_change(w, name, &change);
			from = (uint32_t)pos;
			break;
		}
		from = (uint32_t)pos;
	}
	w->size = room;
	return from;
}

uint32_t subs_event_send(struct subs *s, uint32_t ref, uint16_t id,
			 const struct subs_changes *c, uint32_t from, uint32_t to,
			 struct tsig_mac *mac)
{
	const struct llq *l = llq_at(s, ref);
	struct llq_option o = { .version = LLQ_VERSION, .opcode = LLQ_EVENT };
	uint8_t name[DNAME_MAX], option[4 + LLQ_OPTION_LEN];
	struct subs_identity identity;
	const struct subs_identity *who;
	struct tsig_mac unwanted;
	struct subs_origin at;
	struct dns_writer w;
	struct subs_out out;

	subs_client_origin(s, l->sub.owner, &at);
	who = subs_identity_of(s, client_at(s, l->sub.owner)->identity, &identity);
	subs_topic_name(s, l->sub.topic, name);
	memcpy(o.id, l->id, LLQ_ID_LEN);
	llq_option_write(&o, option);

	dns_writer_init(&w, s->out, sizeof(s->out), id, DNS_QR | DNS_AA);
	w.size = subs_room(s, at.transport, l->sub.aux, who) - OPT_LEN;
	dns_put_question(&w, name, topic_at(s, l->sub.topic)->type, DNS_IN);
	to = put_changes(&w, name, c, from, to);
	if (w.len < w.size)
		subs_put_place(s, &w, l->sub.topic, who);
	w.size = DNS_MAX - TSIG_ROOM;
	dns_put_opt(&w, s->config.udp_max, 0, option, sizeof(option));

	out = (struct subs_out){
		.to = &at, .msg = s->out, .len = w.len,
		.sign = who ? SUBS_EVENT : SUBS_UNSIGNED, .who = who,
		.mac = mac ? mac : &unwanted,
	};
	s->ops.send(s->arg, &out);
	s->stats.events++;
	return to;
}
