// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may see what, and what the engine of subscriptions asks of the server. */
#include <string.h>
#include <sys/random.h>

#include "../lib/zone/answer.h"
#include "server.h"

static const uint8_t root[1];

bool access_full(const struct served_zone *z, const struct identity *who)
{
	if (!z->conf->is_private || who->role == ROLE_ADMIN)
		return true;
	return who->role != ROLE_NONE && dname_equal(who->zone, zone_apex(z->mirror));
}

void access_identity(const struct identity *who, struct subs_identity *out)
{
	out->name = who->name;
	out->zone = who->zone;
	out->tag = who->tag;
}

/* struct origin and struct subs_origin say the same; subs.h knows no sockets. */
static struct subs_addr to_subs_addr(const struct net_addr *a)
{
	return (struct subs_addr){ .ip = a->ip, .port = a->port, .scope = a->scope };
}

static struct net_addr from_subs_addr(const struct subs_addr *a)
{
	return (struct net_addr){ .ip = a->ip, .port = a->port, .scope = a->scope };
}

struct subs_origin access_origin(const struct origin *o)
{
	return (struct subs_origin){
		.transport = (enum subs_transport)o->kind,
		.peer = to_subs_addr(&o->peer),
		.local = to_subs_addr(&o->local),
		.listener = o->listener,
		.stream = o->stream,
	};
}

/* The key that it subscribed with, whatever its algorithm: still the same? */
static bool key_of(const struct server *srv, const struct subs_identity *who,
		   struct tsig_key *key)
{
	static const enum tsig_algorithm all[] = { TSIG_HMAC_SHA256, TSIG_HMAC_SHA512,
						   TSIG_HMAC_MD5 };
	struct served_zone *z = zones_of(srv, who->name);
	struct identity found;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!keys_find(srv->keys, z ? z->mirror : NULL, who->name, all[i], key, &found) &&
		    found.tag == who->tag)
			return true;
	}
	tsig_key_wipe(key);
	return false;
}

static void subs_send(void *arg, const struct subs_out *out)
{
	struct server *srv = arg;
	static uint8_t buf[DNS_MAX];
	struct origin to = {
		.kind = (enum transport_kind)out->to->transport,
		.peer = from_subs_addr(&out->to->peer),
		.local = from_subs_addr(&out->to->local),
		.listener = out->to->listener,
		.stream = out->to->stream,
	};
	struct tsig_mac unused;
	size_t len = out->len;

	if (len > sizeof(buf) - TSIG_ROOM)
		return;
	memcpy(buf, out->msg, len);
	if (out->sign == SUBS_ANSWER && out->who) {
		if (!srv->request || tsig_sign(buf, &len, sizeof(buf), &srv->request->key,
					       out->prior, &unused, TSIG_OK, 0))
			return;
	} else if (out->sign == SUBS_EVENT && out->who) {
		struct tsig_key key;
		int r;

		if (!key_of(srv, out->who, &key))
			return;
		r = tsig_sign(buf, &len, sizeof(buf), &key, NULL, out->mac, TSIG_OK, 0);
		tsig_key_wipe(&key);
		if (r)
			return;
	}
	if (to.kind == TRANSPORT_UDP)
		server_hold(srv);
	transport_send(srv->transport, &to, buf, len);
}

static void subs_close(void *arg, uint64_t stream, bool abort)
{
	struct server *srv = arg;

	if (abort)
		transport_abort(srv->transport, stream);
	else
		transport_close(srv->transport, stream);
}

static void subs_hold(void *arg, uint64_t stream, bool hold)
{
	struct server *srv = arg;

	transport_hold(srv->transport, stream, hold);
}

static void subs_random(void *arg, void *buf, size_t len)
{
	(void)arg;
	/* Up to 256 octets come whole; it can only fail before the pool is ready. */
	while (getrandom(buf, len, 0) != (ssize_t)len)
		;
}

static bool subs_zone(void *arg, const uint8_t *name, struct subs_zone *out)
{
	struct served_zone *z = zones_of(arg, name);

	if (!z)
		return false;
	out->apex = zone_apex(z->mirror);
	out->loaded = zones_served(z);
	out->is_private = z->conf->is_private;
	out->is_static = false;
	return true;
}

static bool subs_may(void *arg, const struct subs_identity *who, const uint8_t *name,
		     uint16_t type)
{
	struct served_zone *z = zones_of(arg, name);

	(void)type;
	if (!z)
		return false;
	if (!z->conf->is_private || who == &subs_engine)
		return true;
	if (!who)
		return false;
	return dname_equal(who->zone, root) || dname_equal(who->zone, zone_apex(z->mirror));
}

static void subs_answers(void *arg, const struct subs_identity *who, const uint8_t *name,
			 uint16_t type, subs_rr_fn fn, void *fn_arg)
{
	struct served_zone *z = zones_of(arg, name);
	const struct zone_node *n;
	struct zone_rr rr;
	size_t pos = 0;

	if (!z || !zones_served(z) || !subs_may(arg, who, name, type))
		return;
	n = zone_find(z->mirror, name);
	if (!n)
		return;
	while (zone_node_next(n, &pos, &rr)) {
		if (rr.hidden || rr.type == DNS_LEASED || rr.type == DNS_ENROLLED)
			continue;
		if (type == DNS_ANY || type == rr.type)
			fn(fn_arg, &rr);
	}
}

static void subs_persist(void *arg, const struct subs_record *r)
{
	struct server *srv = arg;

	if (srv->subs_db)
		subs_db_put(srv->subs_db, r);
}

static void subs_forget(void *arg, const uint8_t id[LLQ_ID_LEN])
{
	struct server *srv = arg;

	if (srv->subs_db)
		subs_db_forget(srv->subs_db, id);
}

const struct subs_ops access_subs_ops = {
	.send = subs_send,
	.close = subs_close,
	.hold = subs_hold,
	.random = subs_random,
	.zone = subs_zone,
	.may = subs_may,
	.answers = subs_answers,
	.persist = subs_persist,
	.forget = subs_forget,
};
