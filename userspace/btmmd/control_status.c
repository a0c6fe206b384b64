// SPDX-License-Identifier: GPL-2.0-or-later
/* This host: mapping, publication, subscription, IKE and the resolver. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control_int.h"

#ifndef BTMM_VERSION
#define BTMM_VERSION "unknown"
#endif

/* --- the mapping --------------------------------------------------------------- */

static json_t *lines_of(char *text)
{
	json_t *list = json_array();
	char *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		json_array_append_new(list, json_string(line));
	return list;
}

json_t *control_mapping(const struct daemon *d)
{
	static const char *const hows[] = { "none", "direct", "mapped", "observed" };
	static const char *const vias[] = { "pcp", "nat-pmp", "upnp" };
	static const char *const verdicts[] = {
		"unreachable", "public", "nat", "closed-nat", "double-nat",
	};
	const struct conf_place *fixed = &d->conf->public_endpoint;
	const struct mapping_choice *m = nat_choice(d->nat);
	const struct mapping_path *paths;
	size_t n = nat_paths(d->nat, &paths);
	struct addr at = { .len = m->how == MAPPING_NONE ? 0 : 4 };
	uint16_t port = m->port;
	char why[2048];

	memcpy(at.b, m->address.b, sizeof(m->address.b));
	if (fixed->addr.len) {
		at = fixed->addr;
		port = fixed->port;
	}
	mapping_explain(paths, n, m, why, sizeof(why));
	return json_pack("{s:s s:s? s:o s:b s:s s:b s:o}",
			 "how", fixed->addr.len ? "set" : hows[m->how],
			 "via", !fixed->addr.len && m->how == MAPPING_MAPPED ? vias[m->via] : NULL,
			 "endpoint", control_endpoint(&at, port),
			 "confirmed", m->confirmed,
			 "verdict", verdicts[m->verdict],
			 "waiting", m->waiting,
			 "why", lines_of(why));
}

/* --- DNS ----------------------------------------------------------------------- */

static json_t *age_ms(const struct daemon *d, uint64_t since)
{
	uint64_t now = daemon_now(d);

	return since ? json_integer(now > since ? (json_int_t)(now - since) : 0) : json_null();
}

static json_t *left_s(const struct daemon *d, uint64_t until)
{
	uint64_t now = daemon_now(d);

	return until ? json_integer(until > now ? (json_int_t)((until - now) / 1000) : 0) :
		       json_null();
}

json_t *control_publication(struct daemon *d)
{
	struct publisher_status s;

	publisher_status(d->publisher, &s);
	return json_pack("{s:b s:I s:o s:s s:I s:o s:o s:o}",
			 "current", s.current,
			 "records", (json_int_t)s.records,
			 "server", control_place(&s.to),
			 "transport", s.clear ? "tcp" : "tls",
			 "lease_s", (json_int_t)s.lease,
			 "left_s", left_s(d, s.expires),
			 "acknowledged_ms", age_ms(d, s.acknowledged),
			 "why", control_text(s.why));
}

json_t *control_subscription(struct daemon *d)
{
	static const char *const qualities[] = { "none", "polls", "live" };
	static const char *const protocols[] = { "push", "llq-tls", "llq-udp" };
	struct subscribe_status s;

	subscribe_status(d->subscribe, &s);
	return json_pack("{s:s s:s? s:o s:o s:o s:I s:I s:o}",
			 "quality", qualities[s.quality],
			 "protocol", s.to.port ? protocols[s.kind] : NULL,
			 "server", control_place(&s.to),
			 "since_ms", age_ms(d, s.since),
			 "why", control_text(s.why),
			 "questions", (json_int_t)s.tally.questions,
			 "unsubscribed", (json_int_t)s.tally.unsubscribed,
			 "refused", control_text(s.tally.refused));
}

/* --- the rest ------------------------------------------------------------------ */

json_t *control_ike(struct daemon *d)
{
	return json_pack("{s:b s:o}", "connected", vici_conn_up(d->vici),
			 "error", control_text(ike_manager_error(d->ike)));
}

static json_t *network(const struct daemon *d)
{
	const struct netwatch_picture *p = netwatch_picture(netlink_watch_engine(d->watch));

	return json_pack("{s:b s:o s:o}", "up", d->has_network,
			 "outer4", control_addr(&p->outer4.ip),
			 "outer6", control_addr(&p->outer6.ip));
}

static json_t *resolver(const struct daemon *d)
{
	const struct resolver_stats *s;
	const struct addr *at = &d->conf->listen.addr;

	if (!d->resolver)
		return json_null();
	s = resolver_stats(d->resolver);
	return json_pack("{s:o s:I s:I s:I s:I s:I}",
			 "listen", control_endpoint(at, resolver_port(d->resolver)),
			 "records", (json_int_t)resolve_count(d->table),
			 "questions", (json_int_t)(s->udp + s->tcp),
			 "found", (json_int_t)s->found,
			 "missing", (json_int_t)s->missing,
			 "refused", (json_int_t)s->refused);
}

static json_t *peer_counts(const struct daemon *d)
{
	const struct peers *all = subscribe_peers(d->subscribe);
	json_int_t known = 0, up = 0;
	struct peers_walk w = { 0 };
	struct ike_walk at = { 0 };
	struct peers_status s;
	struct ike_status ike;

	while (peers_next(all, &w, &s))
		known += s.told;
	while (ike_manager_next(d->ike, &at, daemon_now(d), &ike))
		up += ike.state == IKE_UP;
	return json_pack("{s:I s:I}", "known", known, "up", up);
}

void control_status(void *arg, struct control_call *call, const json_t *params)
{
	struct btmmd_control *c = arg;
	struct daemon *d = c->d;
	uint64_t now = 0;
	json_t *out;

	(void)params;
	sd_event_now(c->event, CLOCK_BOOTTIME, &now);
	out = json_pack("{s:s s:s s:I}", "version", BTMM_VERSION,
			"state", !d ? "down" : d->stopping ? "stopping" : "up",
			"uptime_s", (json_int_t)((now / 1000 - c->started) / 1000));
	if (!d) {
		control_reply(call, out);
		return;
	}
	json_object_update_new(out, json_pack("{s:s s:s s:o s:s s:o s:o s:o s:o s:o s:o s:o}",
					      "host", d->host,
					      "domain", d->account->domain,
					      "ula", control_ula(&d->id.ula),
					      "device", d->conf->device,
					      "network", network(d),
					      "mapping", control_mapping(d),
					      "publication", control_publication(d),
					      "subscription", control_subscription(d),
					      "ike", control_ike(d),
					      "resolver", resolver(d),
					      "peers", peer_counts(d)));
	control_reply(call, out);
}
