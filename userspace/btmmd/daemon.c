// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define STOP_MS		4000	/* for records and mappings to be taken back */
#define ACCURACY_US	1000

void daemon_log(struct daemon *d, int priority, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	(void)d;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The journal reads the priority from the line's beginning (sd-daemon(3)). */
	fprintf(stderr, "<%d>%s\n", priority, text);
}

uint64_t daemon_now(const struct daemon *d)
{
	uint64_t us = 0;

	sd_event_now(d->event, CLOCK_BOOTTIME, &us);
	return us / 1000;
}

void daemon_tell_changed(struct daemon *d)
{
	if (d->changed)
		d->changed(d->changed_arg);
}

/* --- begun ------------------------------------------------------------------------- */

static void on_servers(void *arg)
{
	struct daemon *d = arg;

	daemon_net_servers(d);
	daemon_peers_servers(d);
	publisher_servers_changed(d->publisher);
	subscribe_servers_changed(d->subscribe);
}

static void addr_to_mapped(const struct addr *a, uint8_t out[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	if (a->len == 16) {
		memcpy(out, a->b, 16);
		return;
	}
	memcpy(out, prefix, sizeof(prefix));
	memcpy(out + sizeof(prefix), a->b, 4);
}

/* The account says where: nobody has to be asked, and nobody is believed. */
static int set_server(struct daemon *d)
{
	static const enum discover_service services[] = {
		DISCOVER_UPDATE_TLS, DISCOVER_PUSH_TLS, DISCOVER_LLQ_TLS, DISCOVER_QUERY_TLS,
	};
	bool told = d->conf->server.addr.len;
	const struct addr *a = told ? &d->conf->server.addr : &d->account->bundle.server;
	struct discover_server s = {
		.n_addresses = 1,
		.port = told ? d->conf->server.port : d->account->bundle.server_port,
	};
	size_t i;
	int err = 0;

	if (!a->len)
		return 0;
	addr_to_mapped(a, s.addresses[0]);
	for (i = 0; !err && i < sizeof(services) / sizeof(*services); i++)
		err = servers_set(d->servers, services[i], &s, 1);
	return err;
}

static int begin_servers(struct daemon *d, char why[DAEMON_WHY])
{
	static const struct servers_ops ops = { on_servers };
	struct servers_config c = {
		.domain = d->account->bundle.domain, .is_zone = true,
		.n_resolvers = d->conf->resolvers.n,
	};
	struct dns_trust_config tc;
	size_t i;
	int err;

	for (i = 0; i < c.n_resolvers && i < SERVERS_RESOLVERS; i++) {
		addr_to_mapped(&d->conf->resolvers.v[i].addr, c.resolvers[i].ip.s6_addr);
		c.resolvers[i].port = d->conf->resolvers.v[i].port;
	}
	c.n_resolvers = i;
	if (d->conf->listen.addr.len)
		addr_to_mapped(&d->conf->listen.addr, c.own.s6_addr);
	account_trust(d->account, &tc);
	tc.ca_file = d->conf->authority;
	tc.name = d->conf->server_name;
	d->trust = dns_trust_new(&tc, why, DAEMON_WHY);
	if (!d->trust)
		return -EINVAL;
	err = servers_new(d->event, &c, &ops, d, &d->servers);
	if (!err)
		err = set_server(d);
	if (err)
		snprintf(why, DAEMON_WHY, "the domain's servers cannot be looked for: %s",
			 strerror(-err));
	return err;
}

static int open_state(struct daemon *d, char why[DAEMON_WHY])
{
	d->state_dir = open(d->conf->runtime_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->state_dir >= 0) {
		state_tidy(d->state_dir);
		return 0;
	}
	snprintf(why, DAEMON_WHY, "%s: %s", d->conf->runtime_directory, strerror(errno));
	return -errno;
}

int daemon_begin(struct daemon *d, char why[DAEMON_WHY])
{
	int err;

	d->state_dir = -1;
	d->greeter = -1;
	d->host = d->account->name;
	d->label = d->account->label;
	host_signer_init(&d->signer, &d->account->bundle.key);
	/* Our clock may be wrong, and be set when we are connected. */
	if (*d->account->warning)
		daemon_log(d, LOG_ERR, "%s", d->account->warning);

	err = open_state(d, why);
	err = err ? err : begin_servers(d, why);
	err = err ? err : daemon_peers_begin(d, why);
	err = err ? err : daemon_publish_begin(d, why);
	return err ? err : daemon_net_begin(d, why);
}

/* --- ended ------------------------------------------------------------------------- */

static void ended(struct daemon *d)
{
	d->stops = 0;
	if (d->ended)
		d->ended(d->ended_arg);
	else
		sd_event_exit(d->event, 0);
}

static int on_stop_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	ended(arg);
	return 0;
}

void daemon_stopped_one(struct daemon *d)
{
	if (d->stops && !--d->stops)
		ended(d);
}

void daemon_stop(struct daemon *d, bool down)
{
	uint64_t now = 0;

	if (d->stopping)
		return;
	d->stopping = true;
	d->down = down;
	d->stops = down ? 3 : 2;
	sd_event_now(d->event, CLOCK_BOOTTIME, &now);
	if (sd_event_add_time(d->event, &d->stop_timer, CLOCK_BOOTTIME,
			      now + (STOP_MS + 1000) * UINT64_C(1000), ACCURACY_US, on_stop_timer,
			      d) < 0) {
		ended(d);
		return;
	}
	/* Records first: nobody shall be sent to a mapping that is no more. */
	publisher_stop(d->publisher, STOP_MS);
	nat_stop(d->nat);
	if (down)
		daemon_peers_down(d);
}

/* The kernel goes on, unless the owner wants it to end. */
static void take_down(struct daemon *d)
{
	if (!d->down || !d->tunnel)
		return;
	if (tunnel_remove(d->tunnel))
		daemon_log(d, LOG_ERR, "%s cannot be removed: %s", d->conf->device,
			   tunnel_error(d->tunnel));
	else if (d->guard)
		xfrm_guard_remove_all(d->guard);
}

void daemon_end(struct daemon *d)
{
	take_down(d);
	sd_event_source_disable_unref(d->stop_timer);
	sd_event_source_disable_unref(d->id_timer);
	sd_event_source_disable_unref(d->hold_timer);
	netlink_watch_free(d->watch);
	nat_free(d->nat);
	subscribe_free(d->subscribe);
	publisher_free(d->publisher);
	resolver_free(d->resolver);
	resolve_free(d->table);
	vici_conn_free(d->vici);
	ike_manager_free(d->ike);
	xfrm_guard_free(d->guard);
	tunnel_free(d->tunnel);
	servers_free(d->servers);
	dns_trust_free(d->trust);
	host_signer_wipe(&d->signer);
	if (d->greeter > 0)
		close(d->greeter);
	if (d->state_dir >= 0)
		close(d->state_dir);
	account_free(d->account);
	conf_free(d->conf);
}
