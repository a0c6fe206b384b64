// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where updates go: one connection for each address and key, shared by the zones
 * that are there. Ties the engine's link to the connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"
#include "upstream.h"

/* The engine gives up on an answer first, and knows what that means. */
#define PATIENCE_MS	(2 * UPSTREAM_TIMEOUT_MS)

struct primary {
	struct server *srv;
	struct net_addr addr;
	struct tsig_key key;	/* secret_len 0: relays, to another front-end */
	struct upstream *upstream;
	struct update_link *link;
	unsigned int users;
	struct primary *next;
};

static int link_send(void *arg, const uint8_t *msg, size_t len)
{
	struct primary *p = arg;
	static uint8_t copy[DNS_MAX];

	if (len > sizeof(copy))
		return -EMSGSIZE;
	memcpy(copy, msg, len);
	/* it goes out under an ID of the connection's; ours comes back as cookie */
	return upstream_send(p->upstream, copy, len, dns_id(msg));
}

static void link_reset(void *arg)
{
	struct primary *p = arg;

	upstream_reset(p->upstream);
}

static const struct update_link_ops link_ops = { .send = link_send, .reset = link_reset };

static void response(void *arg, uint64_t cookie, uint8_t *msg, size_t len)
{
	struct primary *p = arg;
	struct update_clock clock = server_clock();

	if (len < DNS_HEADER)
		return;
	dns_put16(msg, cookie);
	update_link_input(p->link, msg, len, &clock);
	server_kick(p->srv);
}

static void failed(void *arg, uint64_t cookie, enum upstream_failure how, const char *why)
{
	(void)cookie;
	(void)how;
	log_debug("an update got no answer: %s", why);
	server_kick(((struct primary *)arg)->srv);
}

static void state(void *arg, bool up, const char *why)
{
	struct primary *p = arg;
	struct update_clock clock = server_clock();
	char text[NET_TEXT_SIZE];

	net_to_text(&p->addr, text);
	if (up) {
		log_info("connected to %s", text);
		update_link_up(p->link, &clock);
	} else {
		log_limited(LOG_WARNING, "not connected to %s: %s", text, why ? why : "");
		update_link_down(p->link, &clock);
	}
	server_kick(p->srv);
}

static const struct upstream_ops upstream_ops = {
	.response = response, .failed = failed, .state = state,
};

static bool same_key(const struct tsig_key *a, const struct tsig_key *b)
{
	return a->secret_len == b->secret_len && a->algorithm == b->algorithm &&
	       (!a->secret_len || (dname_equal(a->name, b->name) &&
				   !memcmp(a->secret, b->secret, a->secret_len)));
}

struct primary *primary_get(struct server *srv, const struct net_addr *addr,
			    const struct tsig_key *key)
{
	static const struct tsig_key none;
	struct primary *p;

	if (!key)
		key = &none;
	for (p = srv->primaries; p; p = p->next) {
		if (net_equal(&p->addr, addr) && same_key(&p->key, key)) {
			p->users++;
			return p;
		}
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->srv = srv;
	p->addr = *addr;
	p->key = *key;
	p->users = 1;
	p->link = update_link_new(srv->updates, &link_ops, p, key->secret_len ? &p->key : NULL);
	p->upstream = upstream_new(srv->event, addr, &upstream_ops, p);
	if (!p->link || !p->upstream) {
		if (p->link)
			update_link_free(p->link);
		if (p->upstream)
			upstream_free(p->upstream);
		tsig_key_wipe(&p->key);
		free(p);
		return NULL;
	}
	upstream_set_timeout(p->upstream, PATIENCE_MS);
	p->next = srv->primaries;
	srv->primaries = p;
	return p;
}

void primary_put(struct primary *p)
{
	struct primary **pp;

	if (!p || --p->users)
		return;
	for (pp = &p->srv->primaries; *pp != p; pp = &(*pp)->next)
		;
	*pp = p->next;
	upstream_free(p->upstream);
	update_link_free(p->link);
	tsig_key_wipe(&p->key);
	free(p);
}

struct update_link *primary_link(struct primary *p)
{
	return p->link;
}

bool primary_is_up(const struct primary *p, const char **why)
{
	*why = upstream_why(p->upstream);
	return upstream_is_up(p->upstream);
}
