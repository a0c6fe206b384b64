// SPDX-License-Identifier: GPL-2.0-or-later
/* This host's records: what they are, and whether the server has them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon.h"

static void set_outer(const struct daemon *d, struct publish_host *h)
{
	const struct conf_place *fixed = &d->conf->public_endpoint;
	const struct mapping_choice *c = nat_choice(d->nat);

	/* The owner knows better. */
	if (fixed->addr.len) {
		h->port = fixed->port;
		if (fixed->addr.len == 4)
			h->outer4 = fixed->addr;
		else
			h->outer6 = fixed->addr;
		return;
	}
	if (c->how != MAPPING_NONE) {
		h->outer4.len = 4;
		memcpy(h->outer4.b, c->address.b, 4);
		h->port = c->port;
	}
	/* One port for both (one SRV): IPv6 has no NAT that would change it. */
	if (d->outer6.len && (!h->port || h->port == d->conf->port)) {
		h->outer6 = d->outer6;
		h->port = d->conf->port;
	}
}

/* What others find, once it is so. */
static void log_status(struct daemon *d, const struct publisher_status *s)
{
	if (s->current && !d->was_current && s->records)
		daemon_log(d, LOG_INFO, "published for %u s", s->lease);
	else if (!s->current && *s->why && strcmp(s->why, d->last_why))
		daemon_log(d, LOG_WARNING, "not published: %s", s->why);
	d->was_current = s->current;
	/* What did no harm before may do now. */
	snprintf(d->last_why, sizeof(d->last_why), "%s", s->current ? "" : s->why);
}

static void tell_outer(struct daemon *d, const struct publish_host *h)
{
	static const char *const how[] = {
		[MAPPING_NONE] = "which is all that is known",
		[MAPPING_DIRECT] = "its own address",
		[MAPPING_MAPPED] = "as its gateway says",
		[MAPPING_OBSERVED] = "as a server sees it",
	};
	char a4[INET_ADDRSTRLEN] = "", a6[INET6_ADDRSTRLEN] = "", text[sizeof(d->last_outer)];

	if (h->outer4.len)
		inet_ntop(AF_INET, h->outer4.b, a4, sizeof(a4));
	if (h->outer6.len)
		inet_ntop(AF_INET6, h->outer6.b, a6, sizeof(a6));
	if (!h->port) {
		*d->last_outer = '\0';
		return;
	}
	snprintf(text, sizeof(text), "%s%s%s port %u, %s", a4, *a4 && *a6 ? " " : "", a6, h->port,
		 how[nat_choice(d->nat)->how]);
	if (!strcmp(text, d->last_outer))
		return;
	daemon_log(d, LOG_INFO, "this host is reached at %s", text);
	memcpy(d->last_outer, text, sizeof(text));
	daemon_peers_greet(d, NULL);
}

/*
 * Is it so that nobody can reach us? STUN's silence says so only where a server answers
 * otherwise. If all are away, what is published stays: peers know our inner address by it,
 * and where we are by what we send.
 */
static bool knows_better(struct daemon *d)
{
	if (nat_choice(d->nat)->waiting)
		return true;
	if (d->server_at > d->net_at)
		return false;
	publisher_probe(d->publisher);
	return true;
}

/* What others resolve, we do, too. */
static void tell_resolver(struct daemon *d)
{
	size_t i;

	resolve_clear(d->table, RESOLVE_OWN);
	for (i = 0; i < d->records.n; i++) {
		const struct lease_client_record *r = &d->records.records[i];

		resolve_add(d->table, RESOLVE_OWN, r->owner, r->type, r->rdata, r->rdlen);
	}
}

void daemon_publish(struct daemon *d)
{
	struct publish_host h = {
		.names = &d->names,
		.info = (const char *const *)d->conf->info.v,
		.n_info = d->conf->info.n,
		.browse = d->conf->browse,
	};
	struct publish_service services[PUBLISH_SERVICES];
	char why[PUBLISH_WHY];
	int err;

	/* Without a network nobody can be told; what is there stays, as its ULA will. */
	if (d->stopping || !identity_is_set(&d->id) || !d->has_network)
		return;
	h.ula = d->id.ula;
	h.services = services;
	h.n_services = conf_services(d->conf, d->label, services);
	set_outer(d, &h);
	/* First, who asks STUN and the gateways is given the time to. */
	if (!h.port && knows_better(d))
		return;
	tell_outer(d, &h);
	err = publish_make(&h, &d->records, why);
	if (!err)
		err = publisher_set(d->publisher, &d->records);
	if (err)
		daemon_log(d, LOG_ERR, "this host cannot be published: %s",
			   err == -EINVAL || err == -E2BIG ? why : strerror(-err));
	else
		tell_resolver(d);
}

static void changed(void *arg)
{
	struct publisher_status s;
	struct daemon *d = arg;

	publisher_status(d->publisher, &s);
	if (*s.why && !s.connected && strcmp(s.why, d->last_why))
		subscribe_check(d->subscribe);
	log_status(d, &s);
	if (s.connected && !d->was_connected) {
		daemon_net_reached(d);
		subscribe_retry(d->subscribe);
	}
	d->was_connected = s.connected;
	/* Others know our inner address from then on, wherever we go. */
	d->was_published |= s.current;
	daemon_peers_ready(d, d->was_published);
	daemon_tell_changed(d);
}

static void stopped(void *arg)
{
	daemon_stopped_one(arg);
}

int daemon_publish_begin(struct daemon *d, char why[DAEMON_WHY])
{
	static const struct publisher_ops ops = { changed, stopped };
	const struct publisher_config c = {
		.zone = d->account->bundle.domain,
		.servers = d->servers,
		.trust = d->trust,
		.clear = d->conf->clear_text,
		.signer = host_signer_ops(&d->signer),
		.lease = d->conf->lease,
	};
	int err = publisher_new(d->event, &c, &ops, d, &d->publisher);

	if (err)
		snprintf(why, DAEMON_WHY, "records cannot be published: %s", strerror(-err));
	return err;
}
