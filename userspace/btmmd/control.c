// SPDX-License-Identifier: GPL-2.0-or-later
#include "control_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/text/human.h"
#include "noise.h"

#ifndef BTMM_VERSION
#define BTMM_VERSION "unknown"
#endif

/* --- what the methods share ---------------------------------------------------- */

struct daemon *control_up(struct btmmd_control *c, struct control_call *call)
{
	if (!c->d)
		control_error(call, "Down", "btmmd is down: 'btmm-ctl up' lets it go on");
	return c->d;
}

static void waiter_gone(void *arg)
{
	struct control_call **place = arg;

	*place = NULL;
}

bool control_wait(struct control_call **waiters, struct control_call *call)
{
	size_t i;

	for (i = 0; i < CONTROL_WAITERS; i++) {
		if (!waiters[i]) {
			waiters[i] = call;
			control_on_gone(call, waiter_gone, &waiters[i]);
			return true;
		}
	}
	control_error(call, "TooMany", "too many others wait for this: try again later");
	return false;
}

json_t *control_text(const char *text)
{
	char clean[512];
	json_t *s;

	if (!text || !*text)
		return json_null();
	s = json_string(text);
	if (s)
		return s;
	/* Not UTF-8: it came from elsewhere. */
	text_printable(text, strlen(text), clean, sizeof(clean));
	return json_string(clean);
}

json_t *control_ula(const struct in6_addr *ula)
{
	char text[ADDR_TEXT_SIZE];

	return addr_is_ula(ula) ? json_string(text_from_ula(ula, text)) : json_null();
}

json_t *control_addr(const struct addr *a)
{
	char text[ADDR_TEXT_SIZE];

	return a->len ? json_string(text_from_addr(a, text)) : json_null();
}

json_t *control_endpoint(const struct addr *a, uint16_t port)
{
	char text[ENDPOINT_TEXT_SIZE];

	return a->len ? json_string(text_from_endpoint(a, port, text)) : json_null();
}

json_t *control_place(const struct dns_place *p)
{
	char text[DNS_PLACE_TEXT];

	return p->port ? json_string(dns_place_text(p, text)) : json_null();
}

/* --- up, down, reload ---------------------------------------------------------- */

static void up(void *arg, struct control_call *call, const json_t *params)
{
	struct btmmd_control *c = arg;
	char why[DAEMON_WHY];

	(void)params;
	if (c->ops->up(c->arg, why))
		control_error(call, "NotUp", why);
	else
		control_reply(call, NULL);
}

static void down(void *arg, struct control_call *call, const json_t *params)
{
	struct btmmd_control *c = arg;

	(void)params;
	if (!c->d) {
		control_reply(call, NULL);
		return;
	}
	if (control_wait(c->downs, call))
		c->ops->down(c->arg);
}

static void reload(void *arg, struct control_call *call, const json_t *params)
{
	struct btmmd_control *c = arg;
	struct btmmd_reloaded done;
	char why[DAEMON_WHY];

	(void)params;
	if (c->ops->reload(c->arg, &done, why))
		control_error(call, "NotReloaded", why);
	else
		control_reply(call, json_pack("{s:b s:b s:o}", "published", done.published,
					      "again", done.again, "wants_restart",
					      control_text(done.wants_restart)));
}

/* --- the interface ------------------------------------------------------------- */

static const struct control_method methods[] = {
	{ "Status", false, control_status },
	{ "Peers", false, control_peers },
	{ "Resolve", false, control_resolve },
	{ "Call", false, control_call_peer },
	{ "Netcheck", false, control_netcheck },
	{ "Monitor", false, control_monitor },
	{ "Services", false, control_services },
	{ "Browse", false, control_browse },
	{ "Up", true, up },
	{ "Down", true, down },
	{ "Reload", true, reload },
};

static const char description[] =
	"# One host of an account (btmmd(8)); Documentation/control.md tells more\n"
	"interface " BTMMD_INTERFACE "\n"
	"\n"
	"# This host; \"state\" is up, stopping or down\n"
	"method Status() -> (version: string, state: string, uptime_s: int, host: ?string,\n"
	"  domain: ?string, ula: ?string, device: ?string, network: ?object,\n"
	"  mapping: ?object, publication: ?object, subscription: ?object, ike: ?object,\n"
	"  resolver: ?object, peers: ?object)\n"
	"\n"
	"# The other hosts, and whoever else the tunnel device has for a peer\n"
	"method Peers() -> (peers: []object)\n"
	"\n"
	"# A host's inner address; a name without a dot is one of the account's domain\n"
	"method Resolve(name: string) -> (name: string, ula: string, self: bool,\n"
	"  known: string)\n"
	"\n"
	"# Make security associations with a host (its name or ULA), if there are none\n"
	"method Call(name: string) -> (name: string, ula: string, ike: string,\n"
	"  endpoint: ?string, path: ?string)\n"
	"\n"
	"# Measure gateways, the NAT and the way to the servers; with \"more\", what is known\n"
	"# so far comes whenever there is more; takes some seconds\n"
	"method Netcheck() -> (done: bool, mapping: object, stun: object,\n"
	"  gateways: []object, outer4: ?string, outer6: ?string, servers: []object)\n"
	"\n"
	"# With \"more\" only: what there is, then what changes; the first has \"listening\"\n"
	"method Monitor() -> (event: string)\n"
	"\n"
	"# Services that this host publishes\n"
	"method Services() -> (services: []object)\n"
	"\n"
	"# Services in the domain, of a type (\"_ssh._tcp\") or all; with \"more\", what comes\n"
	"# and goes after that, too\n"
	"method Browse(type: ?string) -> (services: ?[]object, event: ?string,\n"
	"  service: ?object)\n"
	"\n"
	"# Go on after Down\n"
	"method Up() -> ()\n"
	"# Take records, mappings and the tunnel away, and answer when that is done\n"
	"method Down() -> ()\n"
	"# Read btmmd.conf and the bundle anew. \"again\": the daemon begins again, while\n"
	"# tunnels go on; \"wants_restart\": a key that counts from the next start on only\n"
	"method Reload() -> (published: bool, again: bool, wants_restart: ?string)\n"
	"\n"
	"error Down (text: string)\n"
	"error NoSuchHost (text: string)\n"
	"error NotKnownYet (text: string)\n"
	"error NotReached (text: string)\n"
	"error NotReloaded (text: string)\n"
	"error NotUp (text: string)\n"
	"error TooMany (text: string)\n"
	"error WantsMore (text: string)\n";

static void refused(uid_t uid, const char *what)
{
	noise(NOISE_CONTROL, "a client of the control socket: user %u %s", (unsigned int)uid, what);
}

static const struct control_info info = {
	.interface = BTMMD_INTERFACE,
	.description = description,
	.vendor = "btmm",
	.product = "btmmd",
	.version = BTMM_VERSION,
	.url = "",
	.methods = methods,
	.n_methods = sizeof(methods) / sizeof(*methods),
	.refused = refused,
};

/* --- made and freed ------------------------------------------------------------ */

int btmmd_control_new(sd_event *event, const char *path, const struct btmmd_control_ops *ops,
		      void *arg, struct btmmd_control **out, char why[DAEMON_WHY])
{
	struct btmmd_control *c = calloc(1, sizeof(*c));
	uint64_t now = 0;
	int err;

	if (!c) {
		snprintf(why, DAEMON_WHY, "no memory");
		return -ENOMEM;
	}
	sd_event_now(event, CLOCK_BOOTTIME, &now);
	c->event = event;
	c->ops = ops;
	c->arg = arg;
	c->started = now / 1000;
	err = control_new(event, path, -1, &info, c, &c->socket, why, DAEMON_WHY);
	if (err) {
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

void btmmd_control_free(struct btmmd_control *c)
{
	if (!c)
		return;
	btmmd_control_daemon(c, NULL);
	control_free(c->socket);
	control_monitor_free(c);
	free(c);
}

void btmmd_control_daemon(struct btmmd_control *c, struct daemon *d)
{
	size_t i;

	if (!c)
		return;
	control_netcheck_end(c);
	control_browse_end(c);
	c->d = d;
	for (i = 0; i < CONTROL_WAITERS && !d; i++) {
		struct control_call *call = c->downs[i];

		c->downs[i] = NULL;
		if (call)
			control_reply(call, NULL);
	}
	btmmd_control_changed(c);
}

void btmmd_control_changed(struct btmmd_control *c)
{
	if (!c)
		return;
	control_netcheck_changed(c);
	control_monitor_changed(c);
}
