// SPDX-License-Identifier: GPL-2.0-or-later
/* What the network is, and what follows from a change of it, in RFC 6281 5.1's order. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>

#include "daemon.h"
#include "state.h"

#define IDENTITY_FILE	"identity"
#define SECRET_FILE	"nat-secret"
#define PORT_FILE	"nat-port"
#define LINKS_MAX	64
#define IDENTITY_AGAIN	2000	/* ms after a full disk, or what else has kept it from being */

/* --- the identity ------------------------------------------------------------------ */

static int on_id_timer(sd_event_source *source, uint64_t usec, void *arg);

static void identity_later(struct daemon *d)
{
	uint64_t at = (daemon_now(d) + IDENTITY_AGAIN) * 1000;

	if (d->id_timer) {
		sd_event_source_set_time(d->id_timer, at);
		sd_event_source_set_enabled(d->id_timer, SD_EVENT_ONESHOT);
	} else if (sd_event_add_time(d->event, &d->id_timer, CLOCK_BOOTTIME, at, 0, on_id_timer,
				     d) < 0) {
		d->id_timer = NULL;
	}
}

static void make_identity(struct daemon *d)
{
	bool again = d->id_timer;
	struct identity_link links[LINKS_MAX];
	char why[STATE_WHY];
	size_t n;
	int ret;

	n = netwatch_identity_links(netlink_watch_engine(d->watch), links, LINKS_MAX);
	ret = state_identity(d->state_dir, IDENTITY_FILE, links, n, d->conf->private_address, &d->id,
			     why);
	/* Once is enough: it goes on failing for the same reason. */
	if (*why && (ret >= 0 || !again))
		daemon_log(d, ret < 0 ? LOG_ERR : LOG_WARNING, "%s%s", why,
			   ret < 0 ? "; until it can be, this host has no address" : "");
	if (ret < 0) {
		identity_later(d);
		return;
	}
	host_names_make(&d->names, d->label, d->account->bundle.domain, &d->id);
	daemon_peers_identity(d);
}

static int on_id_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	(void)source;
	(void)usec;
	if (identity_is_set(&d->id) || d->stopping)
		return 0;
	make_identity(d);
	if (!identity_is_set(&d->id))
		return 0;
	daemon_log(d, LOG_INFO, "this host has an address now");
	daemon_publish(d);
	daemon_tell_changed(d);
	return 0;
}

/* --- routes ------------------------------------------------------------------------ */

static size_t read_routes(const struct netwatch_picture *p, struct nat_route *out)
{
	size_t i, n = 0;

	for (i = 0; i < p->n_gateways && n < MAPPING_PATHS; i++) {
		const struct netwatch_gateway *g = &p->gateways[i];
		struct nat_route *r = &out[n];

		if (g->family != AF_INET || g->source.len != 4)
			continue;
		*r = (struct nat_route){ .ifindex = g->index };
		memcpy(r->own.b, g->source.b, 4);
		if (g->ip.len == 4)
			memcpy(r->gateway.b, g->ip.b, 4);
		n++;
	}
	/* An address and no way out: other hosts on the same link can still be reached. */
	if (!n && p->outer4.ip.len == 4) {
		out[0] = (struct nat_route){ .ifindex = p->outer4.index };
		memcpy(out[0].own.b, p->outer4.ip.b, 4);
		n = 1;
	}
	return n;
}

static bool is_global6(const struct addr *a)
{
	return a->len == 16 && (a->b[0] & 0xe0) == 0x20;
}

/* --- changes ----------------------------------------------------------------------- */

static void note(void *arg, const struct netwatch_event *e)
{
	struct daemon *d = arg;

	switch (e->what) {
	case NETWATCH_LINK_CHANGED:
	case NETWATCH_GATEWAY_CHANGED:
		d->net_renewed = true;
		break;
	case NETWATCH_OUTER4:
	case NETWATCH_OUTER6:
		d->net_elsewhere |= e->outer->index != e->outer_before->index ||
				    e->outer->carriers != e->outer_before->carriers;
		break;
	case NETWATCH_DNS:
		d->net_dns = true;
		break;
	default:
		break;
	}
}

static void follow_dns(struct daemon *d)
{
	if (!d->has_network) {
		publisher_pause(d->publisher);
		subscribe_pause(d->subscribe);
		return;
	}
	servers_moved(d->servers);
	publisher_moved(d->publisher, d->net_elsewhere);
	subscribe_moved(d->subscribe, d->net_elsewhere);
}

static void settled(void *arg)
{
	struct daemon *d = arg;
	const struct netwatch_picture *p = netwatch_picture(netlink_watch_engine(d->watch));
	struct nat_route routes[MAPPING_PATHS];
	size_t n;

	if (!identity_is_set(&d->id))
		make_identity(d);
	d->has_network = p->outer4.ip.len || p->outer6.ip.len;
	d->outer6 = (struct addr){ 0 };
	if (is_global6(&p->outer6.ip))
		d->outer6 = p->outer6.ip;
	if (d->net_renewed || d->net_dns)
		d->net_at = daemon_now(d);
	n = read_routes(p, routes);
	nat_routes(d->nat, routes, n, d->net_renewed);
	/* Who has SAs with us learns the new place from what we say; the others of DNS. */
	if (d->has_network && (d->net_renewed || d->net_dns))
		daemon_peers_moved(d);
	daemon_publish(d);
	if (d->net_dns)
		follow_dns(d);
	d->net_renewed = false;
	d->net_dns = false;
	d->net_elsewhere = false;
	daemon_tell_changed(d);
}

static void trouble(void *arg, int err, const char *what)
{
	(void)err;
	daemon_log(arg, LOG_WARNING, "%s", what);
}

/* --- mapping and STUN -------------------------------------------------------------- */

/* After a crash the same port is asked for: with another one, the old one would stay. */
static void keep_port(struct daemon *d)
{
	const struct mapping_choice *c = nat_choice(d->nat);

	if (c->how != MAPPING_MAPPED || c->port == d->nat_port)
		return;
	d->nat_port = c->port;
	state_write(d->state_dir, PORT_FILE, &c->port, sizeof(c->port));
}

static void nat_changed(void *arg)
{
	struct daemon *d = arg;
	enum mapping_how how = nat_choice(d->nat)->how;

	keep_port(d);
	daemon_publish(d);
	/* Events of UDP do not reach who is behind a NAT: what is mapped is the tunnel's port,
	 * and the other is forgotten between two refreshes.
	 */
	subscribe_deaf(d->subscribe, how == MAPPING_OBSERVED || how == MAPPING_MAPPED);
	daemon_tell_changed(d);
}

static void nat_stun(void *arg, const struct stun_address *to, const uint8_t *msg, size_t len)
{
	struct tunnel_endpoint e = { .port = to->port };
	struct daemon *d = arg;

	if (IN6_IS_ADDR_V4MAPPED(&to->ip)) {
		e.addr.len = 4;
		memcpy(e.addr.b, to->ip.s6_addr + 12, 4);
	} else {
		e.addr.len = 16;
		memcpy(e.addr.b, &to->ip, 16);
	}
	tunnel_send(d->tunnel, &e, msg, len);
}

static void nat_stopped(void *arg)
{
	daemon_stopped_one(arg);
}

static struct stun_address stun_address_of(const struct addr *a, uint16_t port)
{
	struct stun_address out = { .port = port };

	if (a->len == 16) {
		memcpy(&out.ip, a->b, 16);
		return out;
	}
	out.ip.s6_addr[10] = 0xff;
	out.ip.s6_addr[11] = 0xff;
	memcpy(out.ip.s6_addr + 12, a->b, 4);
	return out;
}

void daemon_net_stun(struct daemon *d, const struct tunnel_endpoint *from, const uint8_t *msg,
		     size_t len)
{
	const struct stun_address a = stun_address_of(&from->addr, from->port);

	nat_stun_input(d->nat, &a, msg, len);
}

/* Those of the owner's choice. */
static void own_stun_servers(struct daemon *d)
{
	struct stun_address out[STUN_SERVERS];
	const struct conf_places *from = &d->conf->stun_servers;
	size_t n;

	for (n = 0; n < from->n && n < STUN_SERVERS; n++)
		out[n] = stun_address_of(&from->v[n].addr, from->v[n].port);
	if (n)
		nat_stun_servers(d->nat, out, n);
}

void daemon_net_reached(struct daemon *d)
{
	d->server_at = daemon_now(d);
	nat_servers_answer(d->nat);
}

/* btmm-dnsd answers STUN where it answers Long-Lived Queries by UDP. */
void daemon_net_servers(struct daemon *d)
{
	struct stun_address out[STUN_SERVERS];
	const struct discover_server *s;
	size_t i, j, n_servers, n = 0;

	if (d->conf->stun_servers.n)
		return;
	s = servers_get(d->servers, DISCOVER_LLQ, &n_servers);
	for (i = 0; i < n_servers; i++) {
		for (j = 0; j < s[i].n_addresses && n < STUN_SERVERS; j++) {
			memcpy(&out[n].ip, s[i].addresses[j], 16);
			out[n].port = s[i].port;
			n += IN6_IS_ADDR_V4MAPPED(&out[n].ip);
		}
	}
	if (n)
		nat_stun_servers(d->nat, out, n);
}

/* --- begun ------------------------------------------------------------------------- */

/* For PCP's nonces: a restarted daemon has to renew what it had mapped. */
static int nat_secret(struct daemon *d, uint8_t out[16])
{
	size_t len;

	if (!state_read(d->state_dir, SECRET_FILE, out, 16, &len) && len == 16)
		return 0;
	if (getrandom(out, 16, 0) != 16)
		return -EIO;
	return state_write(d->state_dir, SECRET_FILE, out, 16);
}

int daemon_net_begin(struct daemon *d, char why[DAEMON_WHY])
{
	static const struct netlink_watch_ops watch_ops = { note, settled, trouble };
	static const struct nat_ops nat_ops = { nat_changed, nat_stun, nat_stopped };
	struct nat_config nc = {
		.port = d->conf->port,
		.natpmp = d->conf->nat_pmp,
		.upnp = d->conf->upnp,
		.lifetime = d->conf->lifetime,
		.refresh = d->conf->refresh,
		.description = "btmmd",
	};
	int err = nat_secret(d, nc.secret);
	uint16_t port;
	size_t len;

	if (!state_read(d->state_dir, PORT_FILE, &port, sizeof(port), &len) &&
	    len == sizeof(port))
		nc.suggested = d->nat_port = port;
	if (err)
		daemon_log(d, LOG_WARNING, "mappings of a gateway cannot be renewed after a restart: %s",
			   strerror(-err));
	err = nat_new(&d->nat, d->event, &nc, &nat_ops, d);
	explicit_bzero(&nc, sizeof(nc));
	if (!err)
		own_stun_servers(d);
	if (!err)
		err = netlink_watch_new(d->event, &watch_ops, d, &d->watch);
	if (err)
		snprintf(why, DAEMON_WHY, "the network cannot be watched: %s", strerror(-err));
	return err;
}
