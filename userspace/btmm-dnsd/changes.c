// SPDX-License-Identifier: GPL-2.0-or-later
/* Updates: from a message to the engine, and from the engine's answer back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

/* What is needed to answer once the primary has. */
struct ticket {
	struct origin from;
	bool is_signed;
	struct tsig_key key;
	struct tsig_mac mac;
};

static void ticket_free(struct ticket *t)
{
	tsig_key_wipe(&t->key);
	free(t);
}

void changes_request(struct server *srv, const struct request *rq)
{
	struct update_clock clock = server_clock();
	struct update_request up = {
		.who = &rq->who,
		.mac = &rq->claim.mac,
		.time_signed = rq->claim.time_signed,
		.msg = rq->msg,
		.len = rq->len,
	};
	struct ticket *t;

	/* Nobody may change anything without a key. */
	if (rq->who.role == ROLE_NONE) {
		srv->count.refused++;
		dispatch_error(srv, rq, DNS_REFUSED);
		return;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		dispatch_error(srv, rq, DNS_SERVFAIL);
		return;
	}
	t->from = *rq->from;
	t->is_signed = rq->is_signed;
	t->key = rq->key;
	t->mac = rq->claim.mac;
	up.ticket = t;
	update_request(srv->updates, &up, &clock);
	server_kick(srv);
}

static void reply(void *arg, void *ticket, uint8_t *msg, size_t len, size_t size, bool relayed)
{
	struct server *srv = arg;
	struct ticket *t = ticket;
	struct tsig_mac mac;

	if (msg && (relayed || !t->is_signed ||
		    !tsig_sign(msg, &len, size, &t->key, &t->mac, &mac, TSIG_OK, 0)))
		transport_send(srv->transport, &t->from, msg, len);
	ticket_free(t);
}

static void poke(void *arg, struct zone *mirror)
{
	struct served_zone *z = zones_by_mirror(arg, mirror);

	if (z) {
		xfr_poke(z->xfr, server_boot_ms());
		server_kick(arg);
	}
}

static void say(void *arg, int priority, const char *text)
{
	(void)arg;
	log_say(priority, "%s", text);
}

const struct update_ops changes_ops = { .reply = reply, .poke = poke, .log = say };
