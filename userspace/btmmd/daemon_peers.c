// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The other hosts: what DNS says of them goes to the tunnel device, the guard against
 * cleartext, IKE and the resolver; what the kernel and charon ask is answered from DNS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include "../lib/stun/message.h"
#include "charon.h"
#include "daemon.h"
#include "tcp_end.h"

/* ms after which a server that is not there any more is missed, if nothing tells sooner: who
 * listens shall know no later than who polls.
 */
#define PUSH_KEEPALIVE	900000
#define RESOLVER_WAIT	2000	/* ms for the first word of the others */

static const struct in6_addr no_ula;

static void kick_ike(struct daemon *d)
{
	if (d->vici)
		vici_conn_kick(d->vici);
}

static bool same(const struct in6_addr *a, const struct in6_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* --- what the kernel tells --------------------------------------------------------- */

static void on_ike(void *arg, uint64_t hold, const struct tunnel_endpoint *from)
{
	daemon_hold(arg, hold, from);
}

static void on_learnt(void *arg, const struct in6_addr *peer, const struct tunnel_endpoint *e)
{
	(void)peer;
	(void)e;
	daemon_tell_changed(arg);
}

/* It is elsewhere, or is not what it was: DNS may know more. */
static void on_stale(void *arg, const struct in6_addr *peer)
{
	struct daemon *d = arg;
	struct peers_status s;

	if (peers_find_ula(subscribe_peers(d->subscribe), peer, &s))
		subscribe_read_again(d->subscribe, s.name);
}

static void on_unknown_spi(void *arg, const struct in6_addr *peer)
{
	struct daemon *d = arg;

	ike_peer_call(d->ike, peer, IKE_WHY_UNKNOWN_SPI, daemon_now(d));
	kick_ike(d);
}

static void on_datagram(void *arg, const struct tunnel_endpoint *from, const uint8_t *msg,
			size_t len)
{
	if (stun_is(msg, len))
		daemon_net_stun(arg, from, msg, len);
}

static void on_lost(void *arg)
{
	daemon_log(arg, LOG_WARNING, "the kernel had more to tell than could be read in time");
}

static void on_acquire(void *arg, const struct in6_addr *peer)
{
	struct daemon *d = arg;

	ike_peer_call(d->ike, peer, IKE_WHY_ACQUIRE, daemon_now(d));
	kick_ike(d);
}

static void on_guard_trouble(void *arg, int err, const char *what)
{
	(void)err;
	daemon_log(arg, LOG_ERR, "%s", what);
}

/* --- what charon's manager wants --------------------------------------------------- */

static void complain(struct daemon *d, const char *name, const char *what, int err,
		     const char *why)
{
	daemon_log(d, LOG_ERR, "%s: %s: %s", name, what, why && *why ? why : strerror(-err));
}

/*
 * charon may know the host only now: then there is a way to it. Earlier, its IKE would get
 * to charon, and be refused, instead of being held until it is known (on_ike()).
 */
static void open_way(struct daemon *d, const char *name)
{
	struct tunnel_endpoint to;
	struct tunnel_peer there;
	struct peers_status s;
	int err;

	if (peers_find(subscribe_peers(d->subscribe), name, &s) &&
	    ike_peer_loaded(d->ike, &s.ula) &&
	    tunnel_peer(d->tunnel, &s.ula, &there) == -ENOENT) {
		to = (struct tunnel_endpoint){ .addr = s.outer, .port = s.port };
		err = tunnel_peer_set(d->tunnel, &s.ula, &to);
		if (err)
			complain(d, s.name, "the tunnel device", err, tunnel_error(d->tunnel));
	}
	daemon_holds_answer(d);
}

static void on_ike_action(void *arg, const struct ike_action *a)
{
	struct daemon *d = arg;
	int err = 0;

	switch (a->kind) {
	case IKE_READ_AGAIN:
		subscribe_read_again(d->subscribe, a->name);
		break;
	case IKE_AUDIT:
		err = xfrm_guard_audit(d->guard, d->ike, daemon_now(d));
		break;
	case IKE_VERIFY:
		err = xfrm_guard_verify(d->guard, d->ike, daemon_now(d));
		break;
	case IKE_SWEEP:
		err = xfrm_guard_sweep(d->guard, &a->sa);
		break;
	case IKE_CHANGED:
		open_way(d, a->name);
		daemon_tell_changed(d);
		break;
	case IKE_STOPPED:
		daemon_stopped_one(d);
		break;
	}
	if (err)
		daemon_log(d, LOG_WARNING, "the kernel's security associations: %s",
			   strerror(-err));
}

static void on_ike_state(void *arg, bool up, const char *why)
{
	if (!up && *why)
		daemon_log(arg, LOG_WARNING, "charon: %s", why);
	daemon_tell_changed(arg);
}

/* --- what DNS tells ---------------------------------------------------------------- */

static struct tunnel_endpoint endpoint_of(const struct peers_event *e)
{
	return (struct tunnel_endpoint){ .addr = e->outer, .port = e->port };
}

/* Names come without the last dot. */
static bool to_dname(const char *name, uint8_t out[DNAME_MAX])
{
	return !dname_from_text(name, out);
}

static void resolver_set(struct daemon *d, const char *name, const struct in6_addr *ula)
{
	uint8_t owner[DNAME_MAX];

	if (!to_dname(name, owner))
		return;
	resolve_remove_set(d->table, RESOLVE_HOSTS, owner, DNS_AAAA);
	if (ula)
		resolve_add(d->table, RESOLVE_HOSTS, owner, DNS_AAAA, ula->s6_addr, 16);
}

/* One that the kernel has, of an earlier btmmd, too. */
static void peer_move(struct daemon *d, const struct peers_event *e,
		      const struct tunnel_endpoint *to)
{
	int err = tunnel_peer_move(d->tunnel, &e->ula, to);

	if (err && err != -ENOENT)
		complain(d, e->name, "the tunnel device", err, tunnel_error(d->tunnel));
}

/* The guard is there before there is a way, and stays until after; see open_way(). */
static void peer_add(struct daemon *d, const struct peers_event *e)
{
	const struct tunnel_endpoint to = endpoint_of(e);
	int err;

	resolver_set(d, e->name, &e->ula);
	/* There is no way as long as the device is inactive: daemon_peers_identity(). */
	if (!identity_is_set(&d->id))
		return;
	err = xfrm_guard_add(d->guard, &e->ula);
	if (err) {
		complain(d, e->name, "cleartext cannot be kept out, so there is no tunnel", err,
			 NULL);
		return;
	}
	peer_move(d, e, &to);
	err = ike_peer_set(d->ike, e->name, &e->ula, daemon_now(d));
	if (err)
		complain(d, e->name, "IKE", err, NULL);
	open_way(d, e->name);
}

static bool peer_drop(struct daemon *d, const char *name, const struct in6_addr *ula)
{
	int err = tunnel_peer_remove(d->tunnel, ula);

	if (err) {
		complain(d, name, "the tunnel device", err, tunnel_error(d->tunnel));
		return false;
	}
	xfrm_guard_del(d->guard, ula);
	/* After the route, so that there is none that was made meanwhile. */
	err = tcp_end(ula);
	if (err > 0)
		daemon_log(d, LOG_INFO, "%s: %d TCP connections with its old address end", name,
			   err);
	else if (err)
		complain(d, name, "TCP connections with its old address will hang", err, NULL);
	return true;
}

static void log_peer(struct daemon *d, const struct peers_event *e)
{
	static const char *const what[] = {
		[PEERS_CAME] = "came", [PEERS_MOVED] = "moved", [PEERS_REBORN] = "has started anew",
	};
	char ula[INET6_ADDRSTRLEN], outer[INET6_ADDRSTRLEN];

	if (e->kind == PEERS_WENT)
		daemon_log(d, LOG_INFO, "%s went", e->name);
	if (e->kind >= sizeof(what) / sizeof(*what) || !what[e->kind])
		return;
	inet_ntop(AF_INET6, &e->ula, ula, sizeof(ula));
	inet_ntop(e->outer.len == 4 ? AF_INET : AF_INET6, e->outer.b, outer, sizeof(outer));
	daemon_log(d, LOG_INFO, "%s %s: %s at %s port %u", e->name, what[e->kind], ula, outer,
		   e->port);
}

static void on_peer(void *arg, const struct peers_event *e)
{
	const struct tunnel_endpoint to = endpoint_of(e);
	struct daemon *d = arg;

	if (d->down)
		return;
	log_peer(d, e);
	switch (e->kind) {
	case PEERS_CAME:
		peer_add(d, e);
		break;
	case PEERS_REBORN:
		/* The new connection first, so that who calls meanwhile is let in. */
		peer_add(d, e);
		peer_drop(d, e->name, &e->old_ula);
		break;
	case PEERS_MOVED:
		if (!identity_is_set(&d->id))
			break;
		peer_move(d, e, &to);
		/* What it sends is let in by a NAT of ours only after that. */
		daemon_peers_greet(d, &e->ula);
		break;
	case PEERS_WENT:
		ike_peer_remove(d->ike, e->name, daemon_now(d));
		peer_drop(d, e->name, &e->old_ula);
		resolver_set(d, e->name, NULL);
		break;
	case PEERS_READ:
		if (!same(&e->ula, &no_ula))
			ike_peer_set(d->ike, e->name, &e->ula, daemon_now(d));
		break;
	}
	daemon_holds_answer(d);
	kick_ike(d);
	daemon_tell_changed(d);
}

/* Peers that an earlier btmmd left in the kernel and that are no more. */
struct leftovers {
	struct daemon *d;
	size_t n;
	struct in6_addr ulas[64];
};

static void look_at(void *arg, const struct tunnel_peer *p)
{
	struct leftovers *l = arg;
	struct peers_status s;

	if (!peers_find_ula(subscribe_peers(l->d->subscribe), &p->ula, &s) &&
	    l->n < sizeof(l->ulas) / sizeof(*l->ulas))
		l->ulas[l->n++] = p->ula;
}

static void on_complete(void *arg)
{
	struct leftovers l = { .d = arg };
	struct daemon *d = arg;
	bool some;
	size_t i;

	do {
		some = false;
		l.n = 0;
		if (tunnel_peers(d->tunnel, look_at, &l))
			break;
		for (i = 0; i < l.n; i++)
			some |= peer_drop(d, "a host that is no more", &l.ulas[i]);
	} while (some && l.n == sizeof(l.ulas) / sizeof(*l.ulas));
	xfrm_guard_settled(d->guard);
	resolve_set_complete(d->table, true);
	if (d->resolver)
		resolver_go(d->resolver);
	ike_manager_settled(d->ike, daemon_now(d));
	kick_ike(d);
	daemon_tell_changed(d);
}

#define WHYS_MAX	4

/* One server after the other is tried, each with its own reason why it is none: some of them
 * are enough until there is one again.
 */
static void log_way(struct daemon *d)
{
	char place[DNS_PLACE_TEXT];
	struct subscribe_status s;

	subscribe_status(d->subscribe, &s);
	if (s.quality != SUBSCRIBE_NONE) {
		if (s.quality != d->way)
			daemon_log(d, LOG_INFO, "the other hosts are followed by %s with %s%s",
				   leg_kind_text(s.kind), dns_place_text(&s.to, place),
				   s.quality == SUBSCRIBE_POLLS ? ", from time to time only" : "");
		d->way_whys = 0;
		d->way_why[0] = '\0';
	} else if (*s.why && d->way_whys < WHYS_MAX && strcmp(s.why, d->way_why)) {
		daemon_log(d, LOG_WARNING, "the other hosts are not followed: %s", s.why);
		memcpy(d->way_why, s.why, sizeof(d->way_why));
		d->way_whys++;
	}
	d->way = s.quality;
}

static void on_way_changed(void *arg)
{
	struct subscribe_status s;
	struct daemon *d = arg;
	bool is;

	subscribe_status(d->subscribe, &s);
	is = s.quality != SUBSCRIBE_NONE;
	if (is && !d->was_subscribed) {
		daemon_net_reached(d);
		publisher_retry(d->publisher);
	}
	d->was_subscribed = is;
	log_way(d);
	daemon_tell_changed(d);
}

/* --- from the others --------------------------------------------------------------- */

/* Those who came before the device had an address */
static void add_all(struct daemon *d)
{
	const struct peers *all = subscribe_peers(d->subscribe);
	struct peers_event e = { .kind = PEERS_CAME };
	struct peers_walk w = { 0 };
	struct peers_status s;

	while (peers_next(all, &w, &s)) {
		if (!s.told)
			continue;
		memcpy(e.name, s.name, sizeof(e.name));
		e.ula = s.ula;
		e.outer = s.outer;
		e.port = s.port;
		peer_add(d, &e);
	}
}

void daemon_peers_identity(struct daemon *d)
{
	int err = tunnel_local(d->tunnel, &d->id.ula);

	if (err)
		daemon_log(d, LOG_ERR, "%s: %s", d->conf->device, tunnel_error(d->tunnel));
	xfrm_guard_own(d->guard, &d->id.ula);
	subscribe_own(d->subscribe, &d->id.ula);
	ike_manager_local(d->ike, &d->id.ula, daemon_now(d));
	add_all(d);
	kick_ike(d);
}

void daemon_peers_down(struct daemon *d)
{
	ike_manager_stop(d->ike, daemon_now(d));
	kick_ike(d);
}

void daemon_peers_ready(struct daemon *d, bool ready)
{
	ike_manager_ready(d->ike, ready, daemon_now(d));
	kick_ike(d);
}

/*
 * Who asks where a host is will talk to it in a moment: there may be SAs by then. Nothing
 * is lost if not; what is sent waits for them.
 */
static void on_asked(void *arg, const struct resolve_result *r)
{
	struct daemon *d = arg;
	struct peers_status s;

	if (!r->found || r->question.type != DNS_AAAA || d->stopping ||
	    !peers_find_wire(subscribe_peers(d->subscribe), r->question.name, &s))
		return;
	ike_peer_call(d->ike, &s.ula, IKE_WHY_ASKED, daemon_now(d));
	kick_ike(d);
}

/* --- begun ------------------------------------------------------------------------- */

static int begin_subscription(struct daemon *d)
{
	static const struct subscribe_ops ops = { on_peer, on_complete, on_way_changed };
	const struct subscribe_config c = {
		.domain = d->account->bundle.domain,
		.self = d->account->bundle.host,
		.servers = d->servers,
		.trust = d->trust,
		.clear = d->conf->clear_text,
		.signer = host_signer_ops(&d->signer),
		.ipv4 = true,
		.ipv6 = true,
		.max = d->conf->peers,
		.port = d->conf->llq_port,
		.lease = d->conf->llq_lease,
		.keepalive = PUSH_KEEPALIVE,
	};

	return subscribe_new(d->event, &c, &ops, d, &d->subscribe);
}

static int begin_ike(struct daemon *d)
{
	static const struct vici_conn_ops ops = { on_ike_action, on_ike_state };
	struct ike_identity id;
	int err = 0;

	account_ike(d->account, &id);
	id.aes_first = d->conf->cipher == CONF_CIPHER_AES ||
		       (d->conf->cipher == CONF_CIPHER_AUTO && charon_cpu_has_aes());
	id.rekey = d->conf->rekey;
	d->ike = ike_manager_new(&id, &err);
	if (!d->ike)
		return err;
	return vici_conn_new(&d->vici, d->event, d->conf->vici_socket, d->ike, &ops, d);
}

static int begin_tunnel(struct daemon *d, char why[DAEMON_WHY])
{
	static const struct tunnel_ops tunnel_ops = {
		on_learnt, on_stale, on_unknown_spi, on_ike, on_datagram, on_lost,
	};
	static const struct xfrm_guard_ops guard_ops = { on_acquire, on_guard_trouble };
	const struct tunnel_config c = {
		.name = d->conf->device,
		.port = d->conf->port,
		.keepalive = (uint16_t)d->conf->keepalive,
		.fwmark = d->conf->mark,
	};
	int err = tunnel_new(&d->tunnel, d->event, &c, &tunnel_ops, d, why, DAEMON_WHY);

	if (err)
		return err;
	err = xfrm_guard_new(&d->guard, d->event, d->conf->device, &guard_ops, d);
	if (err)
		snprintf(why, DAEMON_WHY, "cleartext cannot be kept out: %s", strerror(-err));
	return err;
}

/* So that programs can reach the domain's servers by name, too: no subscription has it. */
void daemon_peers_servers(struct daemon *d)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct discover_server *servers;
	size_t service, i, j, n;

	resolve_clear(d->table, RESOLVE_SERVERS);
	for (service = 0; service < DISCOVER_SERVICES; service++) {
		servers = servers_get(d->servers, (enum discover_service)service, &n);
		for (i = 0; i < n; i++) {
			for (j = 0; j < servers[i].n_addresses; j++) {
				const uint8_t *a = servers[i].addresses[j];
				bool four = !memcmp(a, mapped, sizeof(mapped));

				/* One that is elsewhere is not ours to tell: -EINVAL. */
				resolve_add(d->table, RESOLVE_SERVERS, servers[i].target,
					    four ? DNS_A : DNS_AAAA, four ? a + 12 : a,
					    four ? 4 : 16);
			}
		}
	}
}

static int begin_resolver(struct daemon *d)
{
	struct resolver_config c = {
		.ip = d->conf->listen.addr, .port = d->conf->listen.port,
		.udp = d->resolver_udp, .tcp = d->resolver_tcp,
		.wait = RESOLVER_WAIT,
	};

	d->table = resolve_new(d->account->bundle.domain);
	if (!d->table)
		return -ENOMEM;
	if (!c.ip.len)
		return 0;
	return resolver_new(d->event, &c, d->table, on_asked, d, &d->resolver);
}

int daemon_peers_begin(struct daemon *d, char why[DAEMON_WHY])
{
	int err = begin_tunnel(d, why);

	if (err)
		return err;
	err = begin_resolver(d);
	if (err) {
		snprintf(why, DAEMON_WHY, "the resolver: %s", strerror(-err));
		return err;
	}
	err = begin_ike(d);
	if (!err)
		err = begin_subscription(d);
	if (err)
		snprintf(why, DAEMON_WHY, "the other hosts cannot be followed: %s",
			 strerror(-err));
	return err;
}
