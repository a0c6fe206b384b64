// SPDX-License-Identifier: GPL-2.0-or-later
/* Who subscribes and from where: keys' names, addresses, clients. */
#include <stdlib.h>
#include <string.h>

#include "../dns/siphash.h"
#include "server.h"

static bool is_v4(const struct in6_addr *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(ip, mapped, sizeof(mapped));
}

/* --- identities --- */

static uint64_t identity_hash(const struct subs_arena *a, const void *item)
{
	const struct identity_item *i = item;

	(void)a;
	return dname_hash(i->names);
}

static size_t identity_size(const struct identity_item *i)
{
	return offsetof(struct identity_item, names) + i->name_len + i->zone_len;
}

uint32_t subs_identity_by_name(const struct subs *s, const uint8_t *name, uint32_t after)
{
	uint32_t ref = after ? subs_table_next(&s->identities, after) :
			       subs_table_first(&s->identities, dname_hash(name));

	while (ref) {
		const struct identity_item *i = subs_at(s, ref);

		if (dname_equal(i->names, name))
			return ref;
		ref = i->chain;
	}
	return 0;
}

uint32_t subs_identity_find(const struct subs *s, const struct subs_identity *who)
{
	uint32_t ref = 0;

	while ((ref = subs_identity_by_name(s, who->name, ref))) {
		const struct identity_item *i = subs_at(s, ref);

		if (!memcmp(i->tag, &who->tag, sizeof(i->tag)))
			return ref;
	}
	return 0;
}

uint32_t subs_identity_get(struct subs *s, const struct subs_identity *who)
{
	size_t name_len = dname_len(who->name), zone_len = dname_len(who->zone);
	uint32_t ref = subs_identity_find(s, who);
	struct identity_item *i;

	if (ref) {
		i = subs_at(s, ref);
		i->refs++;
		return ref;
	}

	ref = subs_arena_new(&s->arena, offsetof(struct identity_item, names) + name_len +
					zone_len);
	if (!ref)
		return 0;
	i = subs_at(s, ref);
	i->refs = 1;
	memcpy(i->tag, &who->tag, sizeof(i->tag));
	i->name_len = (uint8_t)name_len;
	i->zone_len = (uint8_t)zone_len;
	memcpy(i->names, who->name, name_len);
	memcpy(i->names + name_len, who->zone, zone_len);
	subs_table_add(&s->identities, ref);
	return ref;
}

void subs_identity_put(struct subs *s, uint32_t ref)
{
	struct identity_item *i;

	if (!ref)
		return;
	i = subs_at(s, ref);
	if (--i->refs)
		return;
	subs_table_del(&s->identities, ref);
	subs_arena_free(&s->arena, ref, identity_size(i));
}

const struct subs_identity *subs_identity_of(const struct subs *s, uint32_t ref,
					     struct subs_identity *out)
{
	const struct identity_item *i;

	if (!ref)
		return NULL;
	i = subs_at(s, ref);
	out->name = i->names;
	out->zone = i->names + i->name_len;
	memcpy(&out->tag, i->tag, sizeof(out->tag));
	return out;
}

/* --- addresses --- */

/* An IPv4 address, or the /64 of an IPv6 address: who has one has them all. */
static void net_key(const struct in6_addr *ip, uint32_t key[2])
{
	if (is_v4(ip)) {
		key[0] = 0xffff;	/* in ::/8, where nobody is */
		memcpy(&key[1], ip->s6_addr + 12, 4);
	} else {
		memcpy(key, ip->s6_addr, 8);
	}
}

static uint64_t net_hash(const struct subs_arena *a, const void *item)
{
	const struct net_item *n = item;

	return siphash24(a->key, (const uint8_t *)n->key, sizeof(n->key));
}

static uint32_t net_find(const struct subs *s, const struct net_item *like)
{
	uint32_t ref = subs_table_first(&s->nets, net_hash(&s->arena, like));

	while (ref) {
		const struct net_item *n = subs_at(s, ref);

		if (!memcmp(n->key, like->key, sizeof(n->key)))
			return ref;
		ref = n->chain;
	}
	return 0;
}

uint32_t subs_net_count(const struct subs *s, const struct in6_addr *ip)
{
	struct net_item like = { 0 };
	uint32_t ref;

	net_key(ip, like.key);
	ref = net_find(s, &like);
	return ref ? ((const struct net_item *)subs_at(s, ref))->n : 0;
}

uint32_t subs_net_get(struct subs *s, const struct in6_addr *ip)
{
	struct net_item like = { 0 }, *n;
	uint32_t ref;

	net_key(ip, like.key);
	ref = net_find(s, &like);
	if (!ref) {
		ref = subs_arena_new(&s->arena, sizeof(*n));
		if (!ref)
			return 0;
		n = subs_at(s, ref);
		memcpy(n->key, like.key, sizeof(n->key));
		subs_table_add(&s->nets, ref);
	}
	n = subs_at(s, ref);
	n->n++;
	return ref;
}

void subs_net_put(struct subs *s, uint32_t ref)
{
	struct net_item *n = subs_at(s, ref);

	if (--n->n)
		return;
	subs_table_del(&s->nets, ref);
	subs_arena_free(&s->arena, ref, sizeof(*n));
}

static bool same_addr(const struct subs_addr *a, const struct subs_addr *b)
{
	return a->port == b->port && a->scope == b->scope && !memcmp(&a->ip, &b->ip, 16);
}

/* --- our own addresses --- */

/* Who asks us at two addresses is two clients: events come from where it has asked. */
static bool same_local(const struct subs_local *l, const struct subs_origin *at)
{
	return l->listener == at->listener && same_addr(&l->addr, &at->local);
}

/* Its place, or -1: no room. */
static int local_get(struct subs *s, const struct subs_origin *at)
{
	struct subs_local *l;
	uint32_t i;

	for (i = 0; i < s->n_locals; i++) {
		if (same_local(&s->locals[i], at))
			return (int)i;
	}
	if (s->n_locals > UINT16_MAX)
		return -1;
	if (s->n_locals == s->locals_room) {
		uint32_t room = s->locals_room ? 2 * s->locals_room : 4;

		l = realloc(s->locals, room * sizeof(*l));
		if (!l)
			return -1;
		s->locals = l;
		s->locals_room = room;
	}
	s->locals[s->n_locals] = (struct subs_local){ at->local, at->listener };
	return (int)s->n_locals++;
}

/* --- clients --- */

static size_t client_size(const struct client *c)
{
	return offsetof(struct client, var) + (c->flags & CLIENT_V6 ? 16 : 4) +
	       (c->flags & CLIENT_SCOPED ? 4 : 0) +
	       (c->transport != SUBS_UDP ? sizeof(uint64_t) : 0);
}

static void origin_of(const struct client *c, struct subs_origin *out)
{
	const uint8_t *p = c->var;

	memset(out, 0, sizeof(*out));
	out->transport = c->transport;
	out->peer.port = c->port;
	if (c->flags & CLIENT_V6) {
		memcpy(&out->peer.ip, p, 16);
		p += 16;
	} else {
		out->peer.ip.s6_addr[10] = 0xff;
		out->peer.ip.s6_addr[11] = 0xff;
		memcpy(out->peer.ip.s6_addr + 12, p, 4);
		p += 4;
	}
	if (c->flags & CLIENT_SCOPED) {
		memcpy(&out->peer.scope, p, 4);
		p += 4;
	}
	if (c->transport != SUBS_UDP)
		memcpy(&out->stream, p, sizeof(out->stream));
}

/* A stream's client is found by its stream alone; a UDP client by address and port. */
static uint64_t origin_hash(const struct subs_arena *a, const struct subs_origin *at)
{
	uint8_t buf[18];

	if (at->stream)
		return siphash24(a->key, (const uint8_t *)&at->stream, sizeof(at->stream));
	memcpy(buf, &at->peer.ip, 16);
	memcpy(buf + 16, &at->peer.port, 2);
	return siphash24(a->key, buf, sizeof(buf));
}

static uint64_t client_hash(const struct subs_arena *a, const void *item)
{
	struct subs_origin at;

	origin_of(item, &at);
	return origin_hash(a, &at);
}

void subs_client_origin(const struct subs *s, uint32_t ref, struct subs_origin *out)
{
	const struct client *c = client_at(s, ref);

	origin_of(c, out);
	out->local = s->locals[c->local].addr;
	out->listener = s->locals[c->local].listener;
}

bool subs_client_is(const struct subs *s, uint32_t ref, const struct subs_origin *at)
{
	const struct client *c = client_at(s, ref);
	struct subs_origin has;

	origin_of(c, &has);
	if (has.transport != at->transport || has.stream != at->stream)
		return false;
	return has.stream || same_addr(&has.peer, &at->peer);
}

uint32_t subs_client_find(const struct subs *s, const struct subs_origin *at,
			  uint32_t identity, bool apple)
{
	uint32_t ref = subs_table_first(&s->clients, origin_hash(&s->arena, at));

	for (; ref; ref = subs_table_next(&s->clients, ref)) {
		const struct client *c = client_at(s, ref);

		if (c->identity == identity && !(c->flags & CLIENT_APPLE) == !apple &&
		    subs_client_is(s, ref, at) && same_local(&s->locals[c->local], at))
			return ref;
	}
	return 0;
}

uint32_t subs_client_on(const struct subs *s, uint64_t stream, uint32_t after)
{
	const struct subs_origin at = { .stream = stream };
	uint32_t ref = after ? subs_table_next(&s->clients, after) :
			       subs_table_first(&s->clients, origin_hash(&s->arena, &at));
	struct subs_origin has;

	for (; ref; ref = subs_table_next(&s->clients, ref)) {
		origin_of(client_at(s, ref), &has);
		if (has.stream == stream)
			return ref;
	}
	return 0;
}

static void client_fill(struct client *c, const struct subs_origin *at)
{
	uint8_t *p = c->var;

	if (c->flags & CLIENT_V6) {
		memcpy(p, &at->peer.ip, 16);
		p += 16;
	} else {
		memcpy(p, at->peer.ip.s6_addr + 12, 4);
		p += 4;
	}
	if (c->flags & CLIENT_SCOPED) {
		memcpy(p, &at->peer.scope, 4);
		p += 4;
	}
	if (at->stream)
		memcpy(p, &at->stream, sizeof(at->stream));
}

uint32_t subs_client_get(struct subs *s, const struct subs_origin *at,
			 const struct subs_identity *who, bool apple)
{
	uint32_t identity = 0, ref;
	struct client like = { 0 }, *c;
	int local = local_get(s, at);

	if (local < 0)
		return 0;
	if (who) {
		identity = subs_identity_get(s, who);
		if (!identity)
			return 0;
	}
	ref = subs_client_find(s, at, identity, apple);
	if (ref) {
		subs_identity_put(s, identity);
		return ref;
	}

	like.transport = (uint8_t)at->transport;
	like.flags = (uint8_t)((is_v4(&at->peer.ip) ? 0 : CLIENT_V6) |
			       (at->peer.scope ? CLIENT_SCOPED : 0) | (apple ? CLIENT_APPLE : 0));
	ref = subs_arena_new(&s->arena, client_size(&like));
	if (!ref) {
		subs_identity_put(s, identity);
		return 0;
	}

	c = client_at(s, ref);
	c->transport = like.transport;
	c->flags = like.flags;
	c->port = at->peer.port;
	c->local = (uint16_t)local;
	client_fill(c, at);
	subs_table_add(&s->clients, ref);
	c->identity = identity;
	if (identity) {
		struct identity_item *i = subs_at(s, identity);

		c->i_next = i->clients;
		if (c->i_next)
			client_at(s, c->i_next)->i_prev = ref;
		i->clients = ref;
	}
	return ref;
}

void subs_client_drop_unused(struct subs *s, uint32_t ref)
{
	struct client *c = client_at(s, ref);

	if (c->n)
		return;
	if (c->identity) {
		struct identity_item *i = subs_at(s, c->identity);

		if (c->i_next)
			client_at(s, c->i_next)->i_prev = c->i_prev;
		if (c->i_prev)
			client_at(s, c->i_prev)->i_next = c->i_next;
		else
			i->clients = c->i_next;
		subs_identity_put(s, c->identity);
	}
	subs_table_del(&s->clients, ref);
	subs_arena_free(&s->arena, ref, client_size(c));
}

int subs_clients_init(struct subs *s)
{
	int ret = subs_table_init(&s->identities, &s->arena, identity_hash);

	if (!ret)
		ret = subs_table_init(&s->nets, &s->arena, net_hash);
	if (!ret)
		ret = subs_table_init(&s->clients, &s->arena, client_hash);
	return ret;
}

void subs_clients_fini(struct subs *s)
{
	subs_table_fini(&s->identities);
	subs_table_fini(&s->nets);
	subs_table_fini(&s->clients);
	free(s->locals);
}
