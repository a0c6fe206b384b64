// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * NOTIFY (RFC 1996): the primary says that a zone has changed. Believed when it
 * is signed by the zone's transfer key or comes from the primary's address; it only
 * makes us ask, and that not more often than one question at a time.
 */
#include <string.h>

#include "server.h"

static bool from_primary(const struct served_zone *z, const struct request *rq)
{
	if (rq->is_signed)
		return dname_equal(rq->key.name, z->conf->primary_key.name);
	return !memcmp(&rq->from->peer.ip, &z->conf->primary.ip, sizeof(struct in6_addr));
}

/* The serial that the notice names; false: none. */
static bool notice_serial(struct dns_walk *w, uint32_t *serial)
{
	struct dns_rr rr;
	uint8_t name[DNAME_MAX];
	size_t n, pos;

	if (dns_walk_rr(w, &rr) != 1 || w->section != 1 || rr.type != DNS_SOA)
		return false;
	pos = rr.rdata - w->msg;
	n = dname_unpack(w->msg, w->len, pos, name);
	if (!n)
		return false;
	pos += n;
	n = dname_unpack(w->msg, w->len, pos, name);
	if (!n || pos + n + 20 > (size_t)(rr.rdata - w->msg) + rr.rdlen)
		return false;
	*serial = dns_u32(w->msg + pos + n);
	return true;
}

void notify_request(struct server *srv, const struct request *rq)
{
	uint8_t buf[512 + TSIG_ROOM];
	struct served_zone *z = NULL;
	struct dns_question q;
	struct dns_writer w;
	struct dns_walk walk;
	uint32_t serial = 0;
	bool has_serial;

	if (dns_walk_init(&walk, rq->msg, rq->len) || dns_walk_question(&walk, &q) != 1 ||
	    q.type != DNS_SOA) {
		dispatch_error(srv, rq, DNS_FORMERR);
		return;
	}
	dname_lower(q.name);
	z = zones_at(srv, q.name);
	if (!z || !from_primary(z, rq)) {
		srv->count.refused++;
		dispatch_error(srv, rq, z ? DNS_REFUSED : DNS_NOTAUTH);
		return;
	}
	srv->count.notifies++;
	has_serial = notice_serial(&walk, &serial);
	xfr_notify(z->xfr, server_boot_ms(), has_serial, serial);
	server_kick(srv);
	dns_writer_init(&w, buf, sizeof(buf) - TSIG_ROOM, dns_id(rq->msg),
			DNS_QR | DNS_AA | DNS_NOTIFY << 11);
	dns_put_question(&w, q.name, q.type, q.class_);
	if (!w.failed)
		dispatch_answer(srv, rq, buf, w.len, sizeof(buf));
}
