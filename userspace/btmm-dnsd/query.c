// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions, answered from the mirror. A signed one that carries the TLS channel's
 * exporter value (EDNS_CHANNEL) also says who the stream is, for DNS Push, which
 * cannot be signed itself.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "../lib/dns/edns.h"
#include "../lib/zone/answer.h"
#include "server.h"

#define CHANNEL_LABEL	"EXPORTER-btmm-dnsd-channel"
#define CHANNEL_LEN	32

static uint8_t answer[DNS_MAX];

static bool edns_find(const struct request *rq, uint16_t code, struct edns_option *out)
{
	size_t pos = 0;

	while (edns_next(rq->shape.opt, rq->shape.opt_len, &pos, out) == 1) {
		if (out->code == code)
			return true;
	}
	return false;
}

/* False: the option is there and wrong. */
static bool bind_channel(struct server *srv, const struct request *rq)
{
	struct subs_origin from;
	struct subs_identity who;
	struct edns_option o;
	uint8_t want[CHANNEL_LEN];

	if (!rq->shape.has_opt || !edns_find(rq, EDNS_CHANNEL, &o))
		return true;
	if (rq->who.role == ROLE_NONE || rq->from->kind != TRANSPORT_TLS ||
	    o.len != CHANNEL_LEN ||
	    !transport_exporter(srv->transport, rq->from->stream, CHANNEL_LABEL, want) ||
	    CRYPTO_memcmp(want, o.data, CHANNEL_LEN))
		return false;
	from = access_origin(rq->from);
	access_identity(&rq->who, &who);
	return !subs_push_bind(srv->subs, &from, &who, server_now(srv));
}

static void refuse(struct server *srv, const struct request *rq, enum dns_rcode rcode)
{
	if (rcode == DNS_REFUSED)
		srv->count.refused++;
	dispatch_error(srv, rq, rcode);
}

void query_request(struct server *srv, const struct request *rq)
{
	struct answer_view view = { 0 };
	struct dns_question q;
	struct served_zone *z;
	struct dns_writer w;
	struct dns_walk walk;
	uint8_t lower[DNAME_MAX];
	size_t room;

	srv->count.queries++;
	if (dns_count(rq->msg, 0) != 1 || dns_walk_init(&walk, rq->msg, rq->len) ||
	    dns_walk_question(&walk, &q) != 1) {
		refuse(srv, rq, DNS_FORMERR);
		return;
	}
	memcpy(lower, q.name, dname_len(q.name));
	dname_lower(lower);
	z = zones_of(srv, lower);
	/* Transfers are the primary's business, and it is hidden. */
	if (!z || (q.class_ != DNS_IN && q.class_ != DNS_CLASS_ANY) || q.type == DNS_AXFR ||
	    q.type == DNS_IXFR || !bind_channel(srv, rq)) {
		refuse(srv, rq, DNS_REFUSED);
		return;
	}
	if (!zone_loaded(z->mirror) || !z->synced) {
		refuse(srv, rq, DNS_SERVFAIL);
		return;
	}
	view.public_only = !access_full(z, &rq->who);
	view.expired = !zones_served(z);
	room = dispatch_room(rq);
	dns_writer_init(&w, answer, room, dns_id(rq->msg),
			DNS_QR | (dns_flags(rq->msg) & DNS_RD));
	w.compress = true;
	dns_put_question(&w, q.name, q.type, q.class_);
	if (rq->shape.has_opt)
		w.size -= 11;	/* an OPT without options */
	if (zone_answer(z->mirror, &q, &view, &w) == DNS_REFUSED)
		srv->count.refused++;
	if (rq->shape.has_opt) {
		w.size += 11;
		dns_put_opt(&w, DNS_UDP_MAX, 0, NULL, 0);
	}
	if (w.failed) {
		refuse(srv, rq, DNS_SERVFAIL);
		return;
	}
	dispatch_answer(srv, rq, answer, w.len, room + TSIG_ROOM);
}
