// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How the network is: gateways and STUN are asked anew, and the domain's servers called.
 * There is one measurement at a time; who asks meanwhile gets the same one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_int.h"

#define STEP_US		(50 * 1000)	/* between looks whether it is done */
/* What is not known then, is not: STUN has been asked six times, and UPnP looked for. */
#define LIMIT_MS	8000
#define SERVERS		4

/* A server of the domain, called to see whether it answers. */
struct probe {
	struct netcheck *n;
	struct dns_link *link;		/* NULL: done */
	struct dns_place to;
	const char *service;		/* the first that it is listed for */
	uint64_t took;			/* ms */
	bool reached, refused;
	char why[160];
};

struct netcheck {
	struct btmmd_control *c;
	struct daemon *d;
	sd_event_source *timer;
	uint64_t begun;			/* ms */
	struct control_call *waiters[CONTROL_WAITERS];
	struct probe probes[SERVERS];
	size_t n_probes;
	json_t *told;			/* to who wants more */
};

/* --- the servers --------------------------------------------------------------- */

static void probe_end(struct probe *p)
{
	dns_link_free(p->link);
	p->link = NULL;
	p->took = daemon_now(p->n->d) - p->n->begun;
}

static void on_open(void *arg, const uint8_t *channel)
{
	struct probe *p = arg;

	(void)channel;
	p->reached = true;
	probe_end(p);
}

static void on_message(void *arg, uint8_t *msg, size_t len)
{
	(void)arg;
	(void)msg;
	(void)len;
}

static void on_down(void *arg, const char *why, bool refused)
{
	struct probe *p = arg;

	p->refused = refused;
	snprintf(p->why, sizeof(p->why), "%s", why);
	probe_end(p);
}

static void probe_begin(struct netcheck *n, const struct discover_server *s, const char *service)
{
	static const struct dns_link_ops ops = { on_open, on_message, on_down };
	struct probe *p = &n->probes[n->n_probes];
	struct dns_link_config c = { .trust = n->d->trust };
	size_t i;

	if (n->n_probes == SERVERS || !s->n_addresses)
		return;
	memcpy(&c.to.ip, s->addresses[0], 16);
	c.to.port = s->port;
	for (i = 0; i < n->n_probes; i++) {
		if (!memcmp(&n->probes[i].to.ip, &c.to.ip, sizeof(c.to.ip)) &&
		    n->probes[i].to.port == c.to.port)
			return;
	}
	*p = (struct probe){ .n = n, .to = c.to, .service = service };
	p->link = dns_link_new(n->d->event, &c, &ops, p);
	if (!p->link)
		return;
	n->n_probes++;
	dns_link_connect(p->link);
}

static void probe_all(struct netcheck *n)
{
	static const enum discover_service services[] = {
		DISCOVER_UPDATE_TLS, DISCOVER_PUSH_TLS, DISCOVER_LLQ_TLS,
	};
	const struct discover_server *s;
	size_t i, j, n_servers;

	for (i = 0; i < sizeof(services) / sizeof(*services); i++) {
		s = servers_get(n->d->servers, services[i], &n_servers);
		for (j = 0; j < n_servers; j++)
			probe_begin(n, &s[j], discover_service_name(services[i]));
	}
}

static json_t *probes_list(const struct netcheck *n)
{
	json_t *list = json_array(), *o;
	size_t i;

	for (i = 0; i < n->n_probes; i++) {
		const struct probe *p = &n->probes[i];

		o = json_pack("{s:o s:s s:o s:o s:b s:o}",
			      "server", control_place(&p->to),
			      "service", p->service,
			      "reached", p->link ? json_null() : json_boolean(p->reached),
			      "took_ms", p->reached ? json_integer((json_int_t)p->took) :
						      json_null(),
			      "refused", p->refused,
			      "why", control_text(p->why));
		json_array_append_new(list, o);
	}
	return list;
}

/* --- STUN and gateways --------------------------------------------------------- */

static json_t *stun_object(const struct daemon *d)
{
	static const char *const states[] = { "idle", "asking", "known", "silent" };
	static const char *const kinds[] = { "unknown", "none", "independent", "dependent" };
	const struct stun_observer *o = nat_observer(d->nat);
	const struct stun_address *m = stun_observer_mapped(o);
	struct dns_place place = { .port = m ? m->port : 0 };

	if (m)
		place.ip = m->ip;
	return json_pack("{s:s s:o s:s s:i}", "state", states[stun_observer_state(o)],
			 "endpoint", control_place(&place),
			 "mapping", kinds[stun_observer_mapping(o)], "servers", (int)o->n);
}

static json_t *protocols_list(const struct mapping_path *p)
{
	static const char *const vias[] = { "pcp", "nat-pmp", "upnp" };
	static const char *const states[] = { "not-asked", "asking", "mapped", "failed" };
	json_t *list = json_array(), *o;
	size_t i;

	for (i = 0; i < p->n; i++) {
		const struct mapping_source *s = &p->sources[i];
		bool known = s->state == MAPPING_KNOWN;
		struct addr a = { .len = known ? 4 : 0 };

		memcpy(a.b, s->address.b, 4);
		o = json_pack("{s:s s:s s:o s:o}",
			      "protocol", vias[s->via],
			      "state", states[s->state],
			      "endpoint", control_endpoint(&a, s->port),
			      "why", control_text(known ? NULL : s->reason));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *gateways_list(const struct daemon *d)
{
	const struct netwatch_picture *w = netwatch_picture(netlink_watch_engine(d->watch));
	const struct mapping_path *paths;
	size_t i, j, n = nat_paths(d->nat, &paths);
	json_t *list = json_array();

	for (i = 0; i < n; i++) {
		struct addr own = { .len = 4 }, gateway = { 0 };

		memcpy(own.b, paths[i].own.b, 4);
		for (j = 0; j < w->n_gateways && !gateway.len; j++) {
			const struct netwatch_gateway *g = &w->gateways[j];

			if (g->family == AF_INET && g->source.len == 4 &&
			    !memcmp(g->source.b, own.b, 4))
				gateway = g->ip;
		}
		json_array_append_new(list, json_pack("{s:o s:o s:o}",
						      "gateway", control_addr(&gateway),
						      "own", control_addr(&own),
						      "protocols", protocols_list(&paths[i])));
	}
	return list;
}

/* --- the measurement ----------------------------------------------------------- */

static const char *servers_text(int err)
{
	switch (err) {
	case 0:
		return NULL;
	case -EINPROGRESS:
		return "the domain's servers are being looked for";
	case -ENOENT:
		return "the domain is no zone in DNS";
	case -ETIMEDOUT:
		return "no resolver answers";
	case -EDESTADDRREQ:
		return "there is no resolver to ask";
	default:
		return strerror(-err);
	}
}

/* Blocked: TCP reaches a server, and UDP nobody who would answer. */
static const char *udp_text(const struct netcheck *n)
{
	const struct stun_observer *o = nat_observer(n->d->nat);
	bool silent = stun_observer_state(o) == STUN_OBSERVER_SILENT;
	size_t i;

	if (stun_observer_state(o) == STUN_OBSERVER_KNOWS)
		return "passes";
	silent |= o->n && daemon_now(n->d) >= n->begun + LIMIT_MS;
	for (i = 0; i < n->n_probes && silent; i++) {
		if (n->probes[i].reached)
			return "blocked";
	}
	return "unknown";
}

static json_t *report(const struct netcheck *n, bool done)
{
	const struct daemon *d = n->d;
	const struct netwatch_picture *w = netwatch_picture(netlink_watch_engine(d->watch));

	return json_pack("{s:b s:b s:s s:o s:o s:o s:o s:o s:o s:o}",
			 "done", done,
			 "network", d->has_network,
			 "udp", udp_text(n),
			 "mapping", control_mapping(d),
			 "stun", stun_object(d),
			 "gateways", gateways_list(d),
			 "outer4", control_addr(&w->outer4.ip),
			 "outer6", control_addr(&w->outer6.ip),
			 "servers", probes_list(n),
			 "servers_why", control_text(servers_text(servers_error(d->servers))));
}

static bool is_done(const struct netcheck *n)
{
	const struct stun_observer *o = nat_observer(n->d->nat);
	size_t i;

	if (!n->d->has_network || daemon_now(n->d) >= n->begun + LIMIT_MS)
		return true;
	for (i = 0; i < n->n_probes; i++) {
		if (n->probes[i].link)
			return false;
	}
	if (o->n && !stun_observer_is_measured(o))
		return false;
	return !nat_choice(n->d->nat)->waiting;
}

static void netcheck_free(struct netcheck *n)
{
	size_t i;

	n->c->netcheck = NULL;
	for (i = 0; i < n->n_probes; i++)
		dns_link_free(n->probes[i].link);
	sd_event_source_disable_unref(n->timer);
	json_decref(n->told);
	free(n);
}

static void tell_progress(struct netcheck *n)
{
	json_t *now = report(n, false);
	size_t i;

	if (json_equal(now, n->told)) {
		json_decref(now);
		return;
	}
	json_decref(n->told);
	n->told = now;
	for (i = 0; i < CONTROL_WAITERS; i++) {
		if (n->waiters[i] && control_wants_more(n->waiters[i]))
			control_more(n->waiters[i], json_incref(now));
	}
}

static void answer(struct netcheck *n)
{
	size_t i;

	for (i = 0; i < CONTROL_WAITERS; i++) {
		struct control_call *call = n->waiters[i];

		n->waiters[i] = NULL;
		if (call)
			control_reply(call, report(n, true));
	}
	netcheck_free(n);
}

static void timer_in(struct netcheck *n, uint64_t us)
{
	uint64_t now = 0;

	sd_event_now(n->c->event, CLOCK_BOOTTIME, &now);
	sd_event_source_set_time(n->timer, now + us);
	sd_event_source_set_enabled(n->timer, SD_EVENT_ONESHOT);
}

static bool anybody(const struct netcheck *n)
{
	size_t i;

	for (i = 0; i < CONTROL_WAITERS; i++) {
		if (n->waiters[i])
			return true;
	}
	return false;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct netcheck *n = arg;

	(void)source;
	(void)usec;
	if (!anybody(n)) {
		netcheck_free(n);
	} else if (is_done(n)) {
		answer(n);
	} else {
		tell_progress(n);
		timer_in(n, STEP_US);
	}
	return 0;
}

void control_netcheck_changed(struct btmmd_control *c)
{
	if (c->netcheck)
		timer_in(c->netcheck, 0);
}

static struct netcheck *netcheck_new(struct btmmd_control *c, struct daemon *d)
{
	struct netcheck *n = calloc(1, sizeof(*n));

	if (!n || sd_event_add_time(c->event, &n->timer, CLOCK_BOOTTIME, 0, 1000, on_timer,
				    n) < 0) {
		free(n);
		return NULL;
	}
	n->c = c;
	n->d = d;
	n->begun = daemon_now(d);
	nat_measure(d->nat);
	servers_wanted(d->servers, false);
	probe_all(n);
	timer_in(n, STEP_US);
	return n;
}

void control_netcheck(void *arg, struct control_call *call, const json_t *params)
{
	struct btmmd_control *c = arg;
	struct daemon *d = control_up(c, call);

	(void)params;
	if (!d)
		return;
	if (!c->netcheck)
		c->netcheck = netcheck_new(c, d);
	if (!c->netcheck)
		control_error(call, "TooMany", "no memory for a measurement");
	else
		control_wait(c->netcheck->waiters, call);
}

void control_netcheck_end(struct btmmd_control *c)
{
	struct netcheck *n = c->netcheck;
	size_t i;

	if (!n)
		return;
	for (i = 0; i < CONTROL_WAITERS; i++) {
		struct control_call *call = n->waiters[i];

		n->waiters[i] = NULL;
		if (call)
			control_error(call, "Down", "btmmd went down, or began again");
	}
	netcheck_free(n);
}
