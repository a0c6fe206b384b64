// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The zones that are served: their mirrors, the transfers that keep them, and who
 * is told of what changes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "server.h"
#include "upstream.h"

static struct served_zone **bucket_of(const struct server *srv, const uint8_t *apex)
{
	return (struct served_zone **)&srv->bucket[dname_hash(apex) % ZONE_BUCKETS];
}

struct served_zone *zones_at(const struct server *srv, const uint8_t *apex)
{
	struct served_zone *z;

	for (z = *bucket_of(srv, apex); z; z = z->chain) {
		if (dname_equal(zone_apex(z->mirror), apex))
			return z;
	}
	return NULL;
}

struct served_zone *zones_of(const struct server *srv, const uint8_t *name)
{
	struct served_zone *z;

	for (; name; name = dname_skip(name, 1)) {
		z = zones_at(srv, name);
		if (z)
			return z;
	}
	return NULL;
}

struct served_zone *zones_by_mirror(const struct server *srv, const struct zone *mirror)
{
	return zones_at(srv, zone_apex(mirror));
}

bool zones_served(const struct served_zone *z)
{
	return z->synced && xfr_serves(z->xfr, server_boot_ms());
}

/* --- what changes ------------------------------------------------------------- */

static void changed(void *arg, const struct zone *mirror, const struct zone_change *c)
{
	struct served_zone *z = arg;
	struct server *srv = z->srv;

	update_zone_changed(srv->updates, mirror, c);
	if (c->rr.type == DNS_ENROLLED) {
		/* Gone, or another generation: what its key has here ends. */
		if (!c->add)
			subs_end_identity(srv->subs, c->owner);
		return;
	}
	/* The first content is no news: who was subscribed is compared with it. */
	if (!z->synced)
		return;
	subs_change(srv->subs, c->owner, c->add, &c->rr);
	srv->changed = true;
}

static int resync_one(void *arg, const struct subs_record *r)
{
	struct served_zone *z = arg;

	subs_resync(z->srv->subs, r->id, r->answers, r->answers_len, server_now(z->srv));
	return 0;
}

/* The SRV records that the engine wants to know of (the BTMM rule) are told once
 * as if they were new; nobody is subscribed to this zone yet.
 */
static void tell_all(struct served_zone *z)
{
	const struct zone_node *n;
	struct zone_rr rr;
	size_t pos = 0, at;

	while ((n = zone_next(z->mirror, &pos))) {
		at = 0;
		while (zone_node_next(n, &at, &rr)) {
			if (!rr.hidden && rr.type == DNS_SRV)
				subs_change(z->srv->subs, zone_node_name(n), true, &rr);
		}
	}
	subs_commit(z->srv->subs, server_now(z->srv));
}

static void transferred(struct served_zone *z)
{
	struct update_clock clock = server_clock();
	struct server *srv = z->srv;

	update_zone_synced(srv->updates, z->mirror, z->mark, &clock);
	if (z->synced)
		return;
	log_info("%s is served, serial %u, %zu names", z->conf->name, zone_serial(z->mirror),
		 zone_names(z->mirror));
	z->synced = true;
	tell_all(z);
	subs_db_each(srv->subs_db, zone_apex(z->mirror), resync_one, z);
}

/* --- transfers -------------------------------------------------------------------- */

static bool on_message(void *arg, uint8_t *msg, size_t len)
{
	struct served_zone *z = arg;

	switch (xfr_response(z->xfr, server_boot_ms(), msg, len)) {
	case XFR_MORE:
		return true;
	case XFR_DONE:
		transferred(z);
		return false;
	case XFR_AGAIN:
		xfr_conn_abort(z->conn);
		return false;
	default:
		log_limited(LOG_WARNING, "%s: %s", z->conf->name, xfr_why(z->xfr));
		xfr_conn_abort(z->conn);
		return false;
	}
}

static void on_failed(void *arg, const char *why)
{
	struct served_zone *z = arg;

	log_limited(LOG_WARNING, "%s: no transfer from the primary: %s", z->conf->name, why);
	xfr_lost(z->xfr, server_boot_ms(), why);
}

static const struct xfr_ops xfr_conn_ops = { .message = on_message, .failed = on_failed };

static uint16_t random_id(void)
{
	uint16_t id = 0;

	while (getrandom(&id, sizeof(id), 0) != sizeof(id))
		;
	return id;
}

static void ask(struct served_zone *z, uint64_t now)
{
	uint8_t buf[1024];
	size_t len;
	int r;

	if (xfr_conn_busy(z->conn))
		return;
	z->mark = update_mark(z->srv->updates);
	len = xfr_request(z->xfr, now, random_id(), buf, sizeof(buf));
	if (!len)
		return;
	r = xfr_conn_request(z->conn, buf, len);
	if (r)
		xfr_lost(z->xfr, now, strerror(-r));
}

void zones_tick(struct server *srv)
{
	uint64_t now = server_boot_ms();
	struct served_zone *z;

	for (z = srv->zones; z; z = z->next) {
		if (xfr_deadline(z->xfr) > now)
			continue;
		if (xfr_tick(z->xfr, now)) {
			log_limited(LOG_WARNING, "%s: %s", z->conf->name, xfr_why(z->xfr));
			xfr_conn_abort(z->conn);
		}
		if (xfr_wants_request(z->xfr, now))
			ask(z, now);
	}
}

uint64_t zones_deadline(const struct server *srv)
{
	uint64_t at = UINT64_MAX, d;
	struct served_zone *z;

	for (z = srv->zones; z; z = z->next) {
		d = xfr_deadline(z->xfr);
		if (d < at)
			at = d;
	}
	return at;
}

/* --- the list ------------------------------------------------------------------------ */

static void zone_end(struct served_zone *z)
{
	if (z->conn)
		xfr_conn_free(z->conn);
	if (z->mirror) {
		if (z->srv->updates)
			update_zone_remove(z->srv->updates, z->mirror);
		/* Its content goes without a word. */
		zone_watch(z->mirror, NULL, NULL);
	}
	if (z->xfr)
		xfr_free(z->xfr);
	if (z->mirror)
		zone_free(z->mirror);
	primary_put(z->primary);
	free(z);
}

static struct primary *primary_of(struct server *srv, const struct conf_zone *conf)
{
	if (!conf->is_owner)
		return primary_get(srv, &conf->owner, NULL);
	return primary_get(srv, &conf->primary, &conf->primary_key);
}

static int zone_start(struct server *srv, const struct conf_zone *conf)
{
	struct served_zone *z = calloc(1, sizeof(*z)), **b;
	uint32_t random = (uint32_t)random_id() << 16 | random_id();

	if (!z)
		return -ENOMEM;
	z->srv = srv;
	z->conf = conf;
	z->mirror = zone_new(conf->apex);
	z->primary = primary_of(srv, conf);
	if (z->mirror)
		z->xfr = xfr_new(z->mirror, &conf->primary_key, NULL, random);
	z->conn = xfr_conn_new(srv->event, &conf->primary, &xfr_conn_ops, z, 0);
	if (!z->mirror || !z->primary || !z->xfr || !z->conn) {
		zone_end(z);
		return -ENOMEM;
	}
	zone_watch(z->mirror, changed, z);
	if (update_zone_add(srv->updates, z->mirror, primary_link(z->primary), conf->is_owner)) {
		zone_end(z);
		return -ENOMEM;
	}
	b = bucket_of(srv, conf->apex);
	z->chain = *b;
	*b = z;
	z->next = srv->zones;
	srv->zones = z;
	return 0;
}

static void unlink_zone(struct served_zone *z)
{
	struct served_zone **p;

	for (p = bucket_of(z->srv, zone_apex(z->mirror)); *p != z; p = &(*p)->chain)
		;
	*p = z->chain;
	for (p = &z->srv->zones; *p != z; p = &(*p)->next)
		;
	*p = z->next;
}

/* Where it comes from and where its updates go. */
static bool same_source(const struct conf_zone *a, const struct conf_zone *b)
{
	return net_equal(&a->primary, &b->primary) && a->is_owner == b->is_owner &&
	       (a->is_owner || net_equal(&a->owner, &b->owner)) &&
	       a->primary_key.secret_len == b->primary_key.secret_len &&
	       a->primary_key.algorithm == b->primary_key.algorithm &&
	       dname_equal(a->primary_key.name, b->primary_key.name) &&
	       !memcmp(a->primary_key.secret, b->primary_key.secret, a->primary_key.secret_len);
}

/*
 * Serves what @conf says. Zones that stay keep their mirrors and subscriptions;
 * those with another source begin anew, without.
 */
int zones_configure(struct server *srv, const struct dnsd_conf *conf)
{
	struct served_zone *z, *next;
	const struct conf_zone *c;
	size_t i;
	int r;

	for (z = srv->zones; z; z = z->next)
		z->gone = true;
	for (i = 0; i < conf->n_zones; i++) {
		c = &conf->zones[i];
		z = zones_at(srv, c->apex);
		if (z && same_source(z->conf, c)) {
			z->conf = c;
			z->gone = false;
		}
	}
	for (z = srv->zones; z; z = next) {
		next = z->next;
		if (!z->gone)
			continue;
		subs_end_zone(srv->subs, zone_apex(z->mirror));
		unlink_zone(z);
		zone_end(z);
	}
	for (i = 0; i < conf->n_zones; i++) {
		if (zones_at(srv, conf->zones[i].apex))
			continue;
		r = zone_start(srv, &conf->zones[i]);
		if (r)
			return r;
	}
	return 0;
}

void zones_free(struct server *srv)
{
	struct served_zone *z;

	while ((z = srv->zones)) {
		unlink_zone(z);
		zone_end(z);
	}
}
