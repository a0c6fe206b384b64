// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engines together: made, reloaded, ended; the turn at the end of each round
 * of the loop, in which they do what the round gave them to do; their deadlines.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "server.h"

#define OUT_QUEUE	(1 << 20)	/* octets waiting for one stream */

static uint64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint64_t server_boot_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

uint64_t server_now(const struct server *srv)
{
	return srv->wall_base + (server_boot_ms() - srv->boot_base);
}

struct update_clock server_clock(void)
{
	uint64_t wall = clock_ms(CLOCK_REALTIME);

	return (struct update_clock){
		.now = server_boot_ms(), .wall = wall / 1000, .wall_ms = wall % 1000,
	};
}

/* --- the turn ------------------------------------------------------------- */

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void arm(struct server *srv)
{
	uint64_t now = server_now(srv), boot = server_boot_ms(), at = UINT64_MAX;
	uint64_t subs = subs_deadline(srv->subs);

	/* the engine of subscriptions counts from 1970 */
	if (subs != UINT64_MAX)
		at = boot + (subs > now ? subs - now : 0);
	at = earliest(at, update_deadline(srv->updates));
	at = earliest(at, zones_deadline(srv));
	if (srv->flush_at)
		at = earliest(at, srv->flush_at);
	if (at == srv->timer_at)
		return;
	srv->timer_at = at;
	if (at == UINT64_MAX) {
		sd_event_source_set_enabled(srv->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(srv->timer, at * 1000);
	sd_event_source_set_enabled(srv->timer, SD_EVENT_ONESHOT);
}

/* What cannot be written is tried again later, not at once. */
static void write_down(struct server *srv)
{
	uint64_t boot = server_boot_ms();

	if (boot < srv->flush_at)
		return;
	srv->flush_at = 0;
	if (!srv->subs_db || !subs_db_dirty(srv->subs_db) || !subs_db_flush(srv->subs_db))
		return;
	log_limited(LOG_ERR, "subscriptions could not be written down: the disk?");
	srv->flush_at = boot + SUBS_DB_FLUSH_MS;
}

void server_hold(struct server *srv)
{
	if (!srv->held)
		transport_cork(srv->transport);
	srv->held = true;
}

/* At the end of every round in which something happened. */
static int on_turn(sd_event_source *s, void *arg)
{
	struct server *srv = arg;
	struct update_clock clock = server_clock();

	(void)s;
	transport_cork(srv->transport);
	update_turn(srv->updates, &clock);
	zones_tick(srv);
	if (srv->changed) {
		srv->changed = false;
		subs_commit(srv->subs, server_now(srv));
	}
	write_down(srv);
	if (srv->held)
		transport_uncork(srv->transport);
	srv->held = false;
	transport_uncork(srv->transport);
	arm(srv);
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct server *srv = arg;
	struct update_clock clock = server_clock();

	(void)s;
	(void)usec;
	srv->timer_at = UINT64_MAX;
	update_tick(srv->updates, &clock);
	subs_tick(srv->subs, server_now(srv));
	return 0;	/* the turn comes after it */
}

static int on_updates_io(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	(void)s;
	(void)fd;
	(void)events;
	(void)arg;
	return 0;	/* the turn comes after it, and does it */
}

void server_kick(struct server *srv)
{
	/* Whatever called runs in the loop, behind which the turn comes anyway; what
	 * may have changed is the deadline.
	 */
	srv->timer_at = 0;
}

/* --- made and ended --------------------------------------------------------- */

static int state_path(const struct dnsd_conf *conf, const char *name, char *out, size_t size)
{
	int n = snprintf(out, size, "%s/%s", conf->state_directory, name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static const struct conf_zone *conf_zone_find(const struct dnsd_conf *conf, const uint8_t *apex)
{
	size_t i;

	for (i = 0; i < conf->n_zones; i++) {
		if (dname_equal(conf->zones[i].apex, apex))
			return &conf->zones[i];
	}
	return NULL;
}

static void limits_of(const struct dnsd_conf *conf, struct transport_limits *t,
		      struct subs_config *s, struct update_limits *u)
{
	*t = (struct transport_limits){
		.streams = conf->streams,
		.streams_per_peer = conf->streams_per_address,
		.idle_ms = conf->stream_idle_ms,
		.handshake_ms = conf->stream_handshake_ms,
		.out_queue = OUT_QUEUE,
	};
	subs_config_default(s);
	s->lease_min = conf->llq_lease_min;
	s->lease_max = conf->llq_lease_max;
	s->max_llqs = conf->llqs;
	s->max_per_zone = conf->llqs_per_account;
	s->max_per_client = conf->llqs_per_address;
	*u = (struct update_limits){
		.lease_min = conf->lease_min,
		.lease_max = conf->lease_max,
	};
}

static int load_keys(struct server *srv, const struct dnsd_conf *conf)
{
	static const uint8_t root[1];
	struct keys *keys = keys_new(conf->allow_md5);
	size_t i, j;
	int r = 0;

	if (!keys)
		return -ENOMEM;
	for (i = 0; i < conf->n_zones && !r; i++) {
		const struct conf_zone *z = &conf->zones[i];

		if (z->account_key.secret_len)
			r = keys_add(keys, &z->account_key, ROLE_ACCOUNT, z->apex);
		for (j = 0; j < z->n_admin_keys && !r; j++)
			r = keys_add(keys, &z->admin_keys[j], ROLE_ADMIN, root);
	}
	if (r) {
		keys_free(keys);
		return r;
	}
	keys_free(srv->keys);
	srv->keys = keys;
	return 0;
}

static int open_databases(struct server *srv, const struct update_limits *limits)
{
	struct update_clock clock = server_clock();
	char path[512], why[256];
	int r;

	if (mkdir(srv->conf->state_directory, 0700) && errno != EEXIST) {
		log_error("%s: %s", srv->conf->state_directory, strerror(errno));
		return -errno;
	}
	if (state_path(srv->conf, "leases.db", path, sizeof(path)))
		return -ENAMETOOLONG;
	srv->updates = updates_new(&changes_ops, srv, limits, path, &clock, &r);
	if (!srv->updates) {
		log_error("%s: %s", path, strerror(-r));
		return r;
	}
	if (state_path(srv->conf, "subscriptions.db", path, sizeof(path)))
		return -ENAMETOOLONG;
	r = subs_db_open(path, &srv->subs_db, why, sizeof(why));
	if (r)
		log_error("%s", why);
	return r;
}

static int listeners(struct server *srv)
{
	const struct conf_addrs *lists[] = { &srv->conf->udp, &srv->conf->tcp, &srv->conf->tls };
	char text[NET_TEXT_SIZE];
	char **names = NULL;	/* of sockets from systemd: udp, tcp, tls, control */
	int n, fd, r, given = 0;
	size_t i, k;

	n = sd_listen_fds_with_names(1, &names);
	for (i = 0; (int)i < n; i++) {
		static const char *const kinds[] = { "udp", "tcp", "tls" };

		fd = SD_LISTEN_FDS_START + (int)i;
		if (!strcmp(names[i], "control"))
			srv->control_fd = fd;
		for (k = 0; k < 3; k++) {
			if (strcmp(names[i], kinds[k]))
				continue;
			r = transport_listen(srv->transport, (enum transport_kind)k, NULL, fd);
			if (r) {
				log_error("the %s socket from systemd: %s", kinds[k],
					  strerror(-r));
				return r;
			}
			given++;
		}
		free(names[i]);
	}
	free(names);
	if (given)
		return 0;
	for (k = 0; k < 3; k++) {
		for (i = 0; i < lists[k]->n; i++) {
			r = transport_listen(srv->transport, (enum transport_kind)k,
					     &lists[k]->v[i], -1);
			if (!r)
				continue;
			net_to_text(&lists[k]->v[i], text);
			log_error("cannot listen on %s: %s%s", text, strerror(-r),
				  r == -EADDRINUSE ? " (another name server? btmm-dnsd check tells)"
						   : "");
			return r;
		}
	}
	return 0;
}

/* Those subscriptions that outlived the last run; their answers are compared when
 * their zone is there.
 */
static int restore_one(void *arg, const struct subs_record *r)
{
	struct server *srv = arg;
	struct subs_record copy = *r;
	struct net_addr a;
	int i, n = transport_listeners(srv->transport), any = -1;

	copy.to.listener = -1;
	for (i = 0; i < n && !r->apple; i++) {
		if (!transport_listener_addr(srv->transport, i, &a) || a.port != r->to.local.port)
			continue;
		if (!memcmp(&a.ip, &r->to.local.ip, sizeof(a.ip)))
			copy.to.listener = i;
		else if (any < 0)
			any = i;
	}
	if (copy.to.listener < 0)
		copy.to.listener = any;
	if (subs_restore(srv->subs, &copy, server_now(srv)))
		subs_db_forget(srv->subs_db, r->id);
	return 0;
}

static int certificate(struct server *srv, const struct dnsd_conf *conf, char *why, size_t size)
{
	if (!conf->certificate)
		return 0;
	return transport_set_certificate(srv->transport, conf->certificate,
					 conf->certificate_key, why, size);
}

static int make_engines(struct server *srv)
{
	static const struct transport_ops transport_ops = {
		.message = dispatch_message, .closed = dispatch_closed,
	};
	struct transport_limits tl;
	struct update_limits ul;
	struct subs_config sc;
	uint8_t seed[16];
	char why[CONF_WHY_SIZE];
	int r;

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	dname_hash_init(seed);
	limits_of(srv->conf, &tl, &sc, &ul);
	r = load_keys(srv, srv->conf);
	if (!r)
		r = open_databases(srv, &ul);
	if (r)
		return r;
	subs_db_secret(srv->subs_db, sc.secret);
	srv->subs = subs_new(&sc, &access_subs_ops, srv);
	explicit_bzero(&sc, sizeof(sc));
	srv->transport = transport_new(srv->event, &transport_ops, srv, &tl);
	if (!srv->subs || !srv->transport)
		return -ENOMEM;
	r = certificate(srv, srv->conf, why, sizeof(why));
	if (r) {
		log_error("%s", why);
		return r;
	}
	return 0;
}

static int make_sources(struct server *srv)
{
	int fd = update_fd(srv->updates), r;

	r = sd_event_add_time(srv->event, &srv->timer, CLOCK_BOOTTIME, 0, 1000, on_timer, srv);
	if (r >= 0)
		r = sd_event_add_post(srv->event, &srv->turn, on_turn, srv);
	if (r >= 0 && fd >= 0)
		r = sd_event_add_io(srv->event, &srv->updates_io, fd, 1 /* EPOLLIN */,
				    on_updates_io, srv);
	return r < 0 ? r : 0;
}

int server_new(sd_event *event, const char *conf_path, struct server **out)
{
	struct server *srv = calloc(1, sizeof(*srv));
	char why[CONF_WHY_SIZE];
	int r;

	if (!srv)
		return -ENOMEM;
	srv->event = sd_event_ref(event);
	srv->conf_path = conf_path;
	srv->wall_base = clock_ms(CLOCK_REALTIME);
	srv->boot_base = server_boot_ms();
	srv->started = srv->wall_base;
	srv->timer_at = UINT64_MAX;
	srv->control_fd = -1;
	r = conf_load(conf_path, &srv->conf, why, sizeof(why));
	if (r) {
		log_error("%s", why);
		goto fail;
	}
	r = make_engines(srv);
	if (!r)
		r = zones_configure(srv, srv->conf);
	if (!r)
		r = listeners(srv);
	if (!r)
		r = subs_db_each(srv->subs_db, NULL, restore_one, srv);
	if (!r)
		r = make_sources(srv);
	if (r)
		goto fail;
	r = status_open(srv, srv->control_fd, why, sizeof(why));
	if (r) {
		log_error("%s", why);
		goto fail;
	}
	*out = srv;
	return 0;
fail:
	server_free(srv);
	return r;
}

void server_free(struct server *srv)
{
	if (!srv)
		return;
	if (srv->control)
		control_free(srv->control);
	if (srv->subs)
		subs_push_shutdown(srv->subs, 1000);
	zones_free(srv);
	if (srv->updates)
		updates_free(srv->updates);
	if (srv->subs)
		subs_free(srv->subs);
	if (srv->subs_db)
		subs_db_close(srv->subs_db);
	if (srv->transport)
		transport_free(srv->transport);
	keys_free(srv->keys);
	sd_event_source_unref(srv->timer);
	sd_event_source_unref(srv->turn);
	sd_event_source_unref(srv->updates_io);
	conf_free(srv->conf);
	sd_event_unref(srv->event);
	free(srv);
}

static bool same_key(const struct tsig_key *a, const struct tsig_key *b)
{
	return a->secret_len == b->secret_len && a->algorithm == b->algorithm &&
	       dname_equal(a->name, b->name) && !memcmp(a->secret, b->secret, a->secret_len);
}

static bool has_key(const struct conf_zone *z, const struct tsig_key *key)
{
	size_t i;

	for (i = 0; i < z->n_admin_keys; i++) {
		if (same_key(&z->admin_keys[i], key))
			return true;
	}
	return false;
}

/* Nothing lasts longer than the key under which it was asked for: subscriptions of
 * accounts and administrators whose key is another now, or none.
 */
static void end_keys(struct server *srv, const struct dnsd_conf *old, const struct dnsd_conf *conf)
{
	const struct conf_zone *a, *b;
	size_t i, j;

	for (i = 0; i < old->n_zones; i++) {
		a = &old->zones[i];
		b = conf_zone_find(conf, a->apex);
		if (!b)
			continue;	/* zones_configure() ended all in it */
		if (!same_key(&a->account_key, &b->account_key))
			subs_end_zone(srv->subs, a->apex);
		for (j = 0; j < a->n_admin_keys; j++) {
			if (!has_key(b, &a->admin_keys[j]))
				subs_end_identity(srv->subs, a->admin_keys[j].name);
		}
	}
}

int server_reload(struct server *srv, char *why, size_t why_size)
{
	struct transport_limits tl;
	struct update_limits ul;
	struct subs_config sc;
	struct dnsd_conf *conf, *old = srv->conf;
	int r;

	r = conf_load(srv->conf_path, &conf, why, why_size);
	if (r)
		return r;
	r = certificate(srv, conf, why, why_size);
	if (!r) {
		r = load_keys(srv, conf);
		if (!r)
			r = zones_configure(srv, conf);
		if (r)
			snprintf(why, why_size, "the new configuration cannot be used: %s",
				 strerror(-r));
	}
	if (r) {
		load_keys(srv, old);
		zones_configure(srv, old);
		conf_free(conf);
		return r;
	}
	limits_of(conf, &tl, &sc, &ul);
	transport_set_limits(srv->transport, &tl);
	subs_configure(srv->subs, &sc);
	updates_set_limits(srv->updates, &ul);
	end_keys(srv, old, conf);
	srv->conf = conf;
	conf_free(old);
	server_kick(srv);
	return 0;
}
