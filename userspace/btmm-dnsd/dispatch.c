// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What comes: STUN, DSO, DNS. A DNS message's signature is checked here, once,
 * for all engines.
 */
#include <errno.h>
#include <string.h>

#include "../lib/stun/server.h"
#include "server.h"

/* Answers are made one at a time. */
static uint8_t answer[DNS_MAX];

size_t dispatch_room(const struct request *rq)
{
	size_t room = DNS_MAX;

	if (rq->from->kind == TRANSPORT_UDP) {
		room = rq->shape.has_opt ? rq->shape.udp_size : 512;
		if (room < 512)
			room = 512;
		if (room > DNS_UDP_MAX)
			room = DNS_UDP_MAX;
	}
	return rq->is_signed ? room - TSIG_ROOM : room;
}

void dispatch_answer(struct server *srv, const struct request *rq, uint8_t *msg, size_t len,
		     size_t size)
{
	struct tsig_mac mac;

	if (rq->is_signed &&
	    tsig_sign(msg, &len, size, &rq->key, &rq->claim.mac, &mac, TSIG_OK, 0)) {
		log_limited(LOG_WARNING, "an answer could not be signed");
		return;
	}
	transport_send(srv->transport, rq->from, msg, len);
}

void dispatch_error(struct server *srv, const struct request *rq, enum dns_rcode rcode)
{
	struct dns_writer w = { .buf = answer, .size = sizeof(answer) - TSIG_ROOM };
	size_t len;

	len = dns_error_response(rq->msg, rq->len, rcode & 15, answer, w.size);
	if (!len)
		return;
	if (rq->shape.has_opt) {
		/* the writer goes on behind what is there */
		w.len = len;
		w.section = 3;
		dns_put_opt(&w, DNS_UDP_MAX, (uint32_t)(rcode >> 4) << 24, NULL, 0);
		if (!w.failed)
			len = w.len;
	}
	dispatch_answer(srv, rq, answer, len, sizeof(answer));
}

/* NOTAUTH with a TSIG error; BADTIME is signed (RFC 8945 5.2). */
static void refuse_signature(struct server *srv, const struct request *rq, enum tsig_result why)
{
	struct tsig_mac mac;
	size_t len;

	srv->count.bad_signature++;
	len = dns_error_response(rq->msg, rq->len, DNS_NOTAUTH, answer,
				 sizeof(answer) - TSIG_ROOM);
	if (!len)
		return;
	if (why == TSIG_BADTIME) {
		if (tsig_sign(answer, &len, sizeof(answer), &rq->key, &rq->claim.mac, &mac, why,
			      rq->claim.time_signed))
			return;
	} else if (tsig_append_error(answer, &len, sizeof(answer), &rq->claim, why)) {
		return;
	}
	transport_send(srv->transport, rq->from, answer, len);
}

/* Is it signed by the key under which a zone is transferred and notified of? */
static bool primary_signed(struct server *srv, struct request *rq)
{
	struct dns_question q;
	struct dns_walk w;
	struct served_zone *z;

	if (dns_opcode(rq->msg) != DNS_NOTIFY || dns_walk_init(&w, rq->msg, rq->len) ||
	    dns_walk_question(&w, &q) != 1)
		return false;
	dname_lower(q.name);
	z = zones_at(srv, q.name);
	if (!z || !dname_equal(z->conf->primary_key.name, rq->claim.key_name))
		return false;
	rq->key = z->conf->primary_key;
	return true;
}

/* True: unsigned, or signed by a key of ours, which is in @rq. */
static bool check_signature(struct server *srv, struct request *rq)
{
	struct served_zone *z;
	enum tsig_result r;

	if (!rq->shape.has_tsig)
		return true;
	if (tsig_read(rq->msg, rq->len, &rq->claim)) {
		srv->count.malformed++;
		dispatch_error(srv, rq, DNS_FORMERR);
		return false;
	}
	z = zones_of(srv, rq->claim.key_name);
	if (!primary_signed(srv, rq) &&
	    keys_find(srv->keys, z ? z->mirror : NULL, rq->claim.key_name, rq->claim.algorithm,
		      &rq->key, &rq->who)) {
		/* Hosts' keys are in the zone: before that is here, nothing is known of
		 * them. By UDP the client asks again, and that soon enough.
		 */
		if (!z || zone_loaded(z->mirror))
			refuse_signature(srv, rq, TSIG_BADKEY);
		else if (rq->from->kind != TRANSPORT_UDP)
			dispatch_error(srv, rq, DNS_SERVFAIL);
		return false;
	}
	r = tsig_check(rq->msg, rq->len, &rq->key, NULL);
	if (r != TSIG_OK) {
		refuse_signature(srv, rq, r);
		return false;
	}
	rq->is_signed = true;
	return true;
}

static void to_subs(struct server *srv, const struct request *rq, const struct subs_identity *who)
{
	struct subs_in in = {
		.from = access_origin(rq->from),
		.who = who,
		.mac = rq->claim.mac,
		.time_signed = rq->claim.time_signed,
		.msg = rq->msg,
		.len = rq->len,
	};

	srv->request = rq;
	if (subs_message(srv->subs, &in, server_now(srv)))
		dispatch_error(srv, rq, DNS_FORMERR);
	srv->request = NULL;
}

/* A response: of interest only as the acknowledgement of an event. */
static void acknowledgement(struct server *srv, struct request *rq)
{
	struct subs_origin from = access_origin(rq->from);
	const struct subs_identity *who;
	struct subs_identity copy;
	struct identity found;
	struct served_zone *z;
	struct tsig_mac prior;
	uint8_t name[DNAME_MAX], zone[DNAME_MAX];
	int r;

	if (!subs_is_llq(rq->msg, rq->len))
		return;
	r = subs_event_mac(srv->subs, &from, rq->msg, rq->len, &who, &prior);
	if (r < 0)
		return;
	if (r == 1) {
		to_subs(srv, rq, NULL);
		return;
	}
	memcpy(name, who->name, dname_len(who->name));
	memcpy(zone, who->zone, dname_len(who->zone));
	copy = (struct subs_identity){ .name = name, .zone = zone, .tag = who->tag };
	z = zones_of(srv, name);
	if (!rq->shape.has_tsig || tsig_read(rq->msg, rq->len, &rq->claim) ||
	    !dname_equal(name, rq->claim.key_name) ||
	    keys_find(srv->keys, z ? z->mirror : NULL, name, rq->claim.algorithm, &rq->key,
		      &found) || found.tag != copy.tag ||
	    tsig_check(rq->msg, rq->len, &rq->key, &prior) != TSIG_OK) {
		srv->count.bad_signature++;
		return;
	}
	rq->is_signed = true;
	to_subs(srv, rq, &copy);
}

static void by_opcode(struct server *srv, const struct request *rq)
{
	struct subs_identity who;

	switch (dns_opcode(rq->msg)) {
	case DNS_QUERY:
		if (subs_is_llq(rq->msg, rq->len)) {
			access_identity(&rq->who, &who);
			to_subs(srv, rq, rq->who.role == ROLE_NONE ? NULL : &who);
		} else {
			query_request(srv, rq);
		}
		break;
	case DNS_UPDATE:
		changes_request(srv, rq);
		break;
	case DNS_NOTIFY:
		notify_request(srv, rq);
		break;
	default:
		dispatch_error(srv, rq, DNS_NOTIMP);
		break;
	}
}

static void dns_message(struct server *srv, struct request *rq)
{
	if (dns_opcode(rq->msg) == DNS_DSO) {
		struct subs_origin from = access_origin(rq->from);

		subs_dso(srv->subs, &from, rq->msg, rq->len, server_now(srv));
		return;
	}
	if (rq->from->kind == TRANSPORT_TLS)
		subs_push_seen(srv->subs, rq->from->stream, server_now(srv));
	if (dns_shape(rq->msg, rq->len, &rq->shape)) {
		srv->count.malformed++;
		/* what is broken has no signature, no OPT to answer to */
		memset(&rq->shape, 0, sizeof(rq->shape));
		if (!(dns_flags(rq->msg) & DNS_QR))
			dispatch_error(srv, rq, DNS_FORMERR);
		return;
	}
	if (dns_flags(rq->msg) & DNS_QR) {
		acknowledgement(srv, rq);
		return;
	}
	if (!check_signature(srv, rq))
		return;
	if (rq->shape.has_opt && rq->shape.edns_version) {
		dispatch_error(srv, rq, DNS_BADVERS);
		return;
	}
	by_opcode(srv, rq);
}

static void stun(struct server *srv, const struct origin *from, const uint8_t *msg, size_t len)
{
	struct stun_address peer = { .ip = from->peer.ip, .port = from->peer.port };
	size_t n = stun_answer(msg, len, &peer, answer);

	if (!n)
		return;
	srv->count.stun++;
	transport_send(srv->transport, from, answer, n);
}

void dispatch_message(void *arg, const struct origin *from, uint8_t *msg, size_t len)
{
	struct server *srv = arg;
	struct request rq = { .from = from, .msg = msg, .len = len };

	if (from->kind == TRANSPORT_UDP && stun_is(msg, len)) {
		stun(srv, from, msg, len);
		return;
	}
	if (len < DNS_HEADER) {
		srv->count.malformed++;
		return;
	}
	dns_message(srv, &rq);
	tsig_key_wipe(&rq.key);
}

void dispatch_closed(void *arg, uint64_t stream)
{
	struct server *srv = arg;

	subs_end_stream(srv->subs, stream);
}
