// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket: what the daemon tells of itself, and what it can be told. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "server.h"

#define INTERFACE	"io.btmm.dnsd"

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* --- Status ------------------------------------------------------------------ */

static json_t *zone_status(const struct server *srv, const struct served_zone *z)
{
	struct update_zone_stats leases = { 0 };
	struct xfr_status xs;
	const char *why;
	json_t *o;
	bool up = primary_is_up(z->primary, &why);

	xfr_status(z->xfr, &xs);
	update_zone_stats(srv->updates, z->mirror, &leases);
	o = json_pack("{s:s s:b s:b s:b s:I s:I s:I s:I s:b s:s}",
		      "name", z->conf->name,
		      "served", zones_served(z),
		      "private", z->conf->is_private,
		      "owner", z->conf->is_owner,
		      "serial", (json_int_t)(zone_loaded(z->mirror) ? zone_serial(z->mirror) : 0),
		      "names", (json_int_t)zone_names(z->mirror),
		      "leases", (json_int_t)leases.leases,
		      "expired", (json_int_t)leases.expired,
		      "primary_ok", up && !xs.last_error[0],
		      "last_error", xs.last_error[0] ? xs.last_error : up ? "" : why);
	return o;
}

static json_t *subs_status(const struct server *srv)
{
	struct subs_stats s;
	json_t *refused = json_object();
	int i;

	subs_stats(srv->subs, &s);
	for (i = 0; i < N_SUBS_REFUSALS; i++)
		json_object_set_new(refused, subs_refusal_name(i), number(s.refused[i]));
	return json_pack("{s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:o}",
			 "udp", (json_int_t)s.llqs[SUBS_UDP],
			 "tcp", (json_int_t)s.llqs[SUBS_TCP],
			 "tls", (json_int_t)s.llqs[SUBS_TLS],
			 "push", (json_int_t)s.push_subs,
			 "sessions", (json_int_t)s.sessions,
			 "clients", (json_int_t)s.clients,
			 "events", (json_int_t)s.events,
			 "acknowledged", (json_int_t)s.acked,
			 "repeated", (json_int_t)s.retried,
			 "given_up", (json_int_t)s.given_up,
			 "pushes", (json_int_t)s.pushes,
			 "octets", (json_int_t)s.octets,
			 "refused", refused);
}

static json_t *transport_status(const struct server *srv)
{
	struct transport_stats t;

	transport_stats(srv->transport, &t);
	return json_pack("{s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I}",
			 "udp_in", (json_int_t)t.udp_in, "udp_out", (json_int_t)t.udp_out,
			 "udp_dropped", (json_int_t)t.udp_dropped,
			 "tcp_in", (json_int_t)t.tcp_in, "tcp_out", (json_int_t)t.tcp_out,
			 "tls_in", (json_int_t)t.tls_in, "tls_out", (json_int_t)t.tls_out,
			 "refused", (json_int_t)t.refused, "timed_out", (json_int_t)t.timed_out,
			 "streams", (json_int_t)t.streams,
			 "tls_streams", (json_int_t)t.tls_streams);
}

static json_t *update_status(const struct server *srv)
{
	struct update_stats u;

	update_stats(srv->updates, &u);
	return json_pack("{s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I}",
			 "requests", (json_int_t)u.requests, "done", (json_int_t)u.done,
			 "repeated", (json_int_t)u.repeated, "refused", (json_int_t)u.refused,
			 "failed", (json_int_t)u.failed, "relayed", (json_int_t)u.relayed,
			 "timed_out", (json_int_t)u.timed_out,
			 "expired", (json_int_t)u.expired, "leases", (json_int_t)u.leases,
			 "commits", (json_int_t)u.commits,
			 "commits_failed", (json_int_t)u.commits_failed);
}

static void status(void *arg, struct control_call *call, const json_t *params)
{
	struct server *srv = arg;
	json_t *zones = json_array();
	const struct served_zone *z;
	uint64_t up = server_now(srv) - srv->started;
	struct subs_stats s;

	(void)params;
	for (z = srv->zones; z; z = z->next)
		json_array_append_new(zones, zone_status(srv, z));
	subs_stats(srv->subs, &s);
	control_reply(call, json_pack(
		"{s:s s:f s:o s:o s:o s:o s:f s:{s:I s:I s:I s:I s:I s:I}}",
		"version", BTMM_VERSION, "uptime_s", up / 1000.0, "zones", zones,
		"subscriptions", subs_status(srv), "transport", transport_status(srv),
		"updates", update_status(srv),
		"events_per_s", up ? (s.events + s.pushes) * 1000.0 / up : 0.0,
		"messages",
		"queries", (json_int_t)srv->count.queries,
		"refused", (json_int_t)srv->count.refused,
		"malformed", (json_int_t)srv->count.malformed,
		"bad_signature", (json_int_t)srv->count.bad_signature,
		"notifies", (json_int_t)srv->count.notifies,
		"stun", (json_int_t)srv->count.stun));
}

/* --- the others ---------------------------------------------------------------- */

static void reload(void *arg, struct control_call *call, const json_t *params)
{
	char why[CONF_WHY_SIZE];

	(void)params;
	if (server_reload(arg, why, sizeof(why)))
		control_error(call, "NotReloaded", why);
	else
		control_reply(call, NULL);
}

/* The hosts of an account: names with an ENROLLED record. */
static void hosts(void *arg, struct control_call *call, const json_t *params)
{
	struct server *srv = arg;
	const char *text = json_string_value(json_object_get(params, "zone"));
	uint8_t apex[DNAME_MAX];
	char name[DNAME_TEXT_MAX];
	const struct zone_node *n;
	struct served_zone *z;
	size_t pos = 0, at;
	struct zone_rr rr;
	json_t *list;

	if (!text || dname_from_text(text, apex)) {
		control_invalid(call, "zone");
		return;
	}
	dname_lower(apex);
	z = zones_at(srv, apex);
	if (!z) {
		control_error(call, "NoSuchZone",
			      "that zone is not served here: btmm-dnsd status lists them");
		return;
	}
	list = json_array();
	while ((n = zone_next(z->mirror, &pos))) {
		at = 0;
		while (zone_node_next(n, &at, &rr)) {
			if (rr.type != DNS_ENROLLED)
				continue;
			dname_to_text(zone_node_name(n), name);
			json_array_append_new(list, json_string(name));
			break;
		}
	}
	control_reply(call, json_pack("{s:o}", "hosts", list));
}

static const struct control_method methods[] = {
	{ "Status", false, status },
	{ "Reload", true, reload },
	{ "Hosts", true, hosts },
};

static const struct control_info info = {
	.interface = INTERFACE,
	.description =
		"# Long-Lived Queries, Update Leases and private zones (btmm-dnsd(8))\n"
		"interface " INTERFACE "\n"
		"\n"
		"# What the daemon serves and has done\n"
		"method Status() -> (version: string, uptime_s: float, zones: []object,\n"
		"  subscriptions: object, transport: object, updates: object,\n"
		"  events_per_s: float, messages: object)\n"
		"\n"
		"# Read the configuration again; subscriptions stay\n"
		"method Reload() -> ()\n"
		"\n"
		"# Names of the hosts that are enrolled in an account\n"
		"method Hosts(zone: string) -> (hosts: []string)\n"
		"\n"
		"error NotReloaded (text: string)\n"
		"error NoSuchZone (text: string)\n",
	.vendor = "btmm",
	.product = "btmm-dnsd",
	.version = BTMM_VERSION,
	.url = "",
	.methods = methods,
	.n_methods = sizeof(methods) / sizeof(methods[0]),
};

int status_open(struct server *srv, int fd, char *why, size_t why_size)
{
	return control_new(srv->event, srv->conf->control_socket, fd, &info, srv, &srv->control,
			   why, why_size);
}
