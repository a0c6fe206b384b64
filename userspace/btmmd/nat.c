// SPDX-License-Identifier: GPL-2.0-or-later
#include "nat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "nat_int.h"
#include "noise.h"

#define ACCURACY_US	1000
#define STUN_PERIOD	20000	/* ms, behind a NAT: RFC 3948's keepalive */
#define STUN_PUBLIC	600000	/* ms, without one */
#define STOP_MS		3000	/* for mappings to be deleted */
#define UPSET_GAP	60000	/* ms; some NATs have another port for each question */

uint64_t nat_now(const struct nat *n)
{
	uint64_t us = 0;

	sd_event_now(n->event, CLOCK_BOOTTIME, &us);
	return us / 1000;
}

/* --- what is known ----------------------------------------------------------------- */

static void describe(struct nat *n, const struct nat_path *p, struct mapping_path *out)
{
	*out = (struct mapping_path){ .own = p->route.own, .port = n->config.port };
	if (p->gateway)
		mapping_from_gateway(p->gateway, n->config.port, &out->sources[out->n++]);
	if (p->upnp)
		mapping_from_upnp(p->upnp, n->config.port, &out->sources[out->n++]);
}

static bool ipv4_of(const struct stun_address *a, struct ipv4 *out)
{
	if (!IN6_IS_ADDR_V4MAPPED(&a->ip))
		return false;
	memcpy(out->b, a->ip.s6_addr + 12, sizeof(out->b));
	return true;
}

/* The observer asks by the route that packets take by default: the first. */
static void describe_seen(struct nat *n, struct mapping_seen *out)
{
	const struct stun_address *a = stun_observer_last(&n->observer);

	out->own = n->paths[0]->route.own;
	switch (stun_observer_state(&n->observer)) {
	case STUN_OBSERVER_IDLE:
		out->state = MAPPING_NOT_ASKED;
		return;
	case STUN_OBSERVER_ASKING:
		out->state = MAPPING_ASKING;
		break;
	default:
		out->state = MAPPING_FAILED;
	}
	if (!a || !ipv4_of(a, &out->address))
		return;
	out->state = MAPPING_KNOWN;
	out->port = a->port;
	out->when = n->seen_at;
	out->past = stun_observer_state(&n->observer) == STUN_OBSERVER_SILENT;
}

static void settle_paths(struct nat *n, uint64_t now)
{
	size_t i;

	for (i = 0; i < n->n_paths; i++) {
		struct nat_path *p = n->paths[i];

		if (p->gateway && p->upnp)
			mapping_settle(p->gateway, p->upnp, n->config.port, now);
	}
}

static void choose(struct nat *n)
{
	struct mapping_choice choice;
	size_t i;

	for (i = 0; i < n->n_paths; i++)
		describe(n, n->paths[i], &n->described[i]);
	if (n->n_paths)
		describe_seen(n, &n->described[0].seen);
	mapping_choose(n->described, n->n_paths, &n->choice, &choice);
	n->choice = choice;
}

static void check_gateways(struct nat *n, uint64_t now)
{
	size_t i;

	for (i = 0; i < n->n_paths; i++) {
		if (n->paths[i]->gateway)
			gateway_check(n->paths[i]->gateway, now);
		if (n->paths[i]->upnp)
			upnp_check(n->paths[i]->upnp, now);
	}
}

/* STUN and a gateway contradict each other: the older of both may be wrong. */
static void doubt(struct nat *n, uint64_t now)
{
	bool check = n->choice.contradicted && !n->checked;

	n->checked = n->choice.contradicted;
	if (n->choice.ask_stun)
		stun_observer_measure(&n->observer, now);
	/* A gateway that rebooted, for one, may have said nothing. */
	if (now >= n->upset_until && stun_observer_upset(&n->observer)) {
		n->upset_until = now + UPSET_GAP;
		check = true;
	}
	if (check)
		check_gateways(n, now);
}

/* --- time -------------------------------------------------------------------------- */

static bool collect_changes(struct nat *n)
{
	bool changed = n->dirty;
	size_t i;

	for (i = 0; i < n->n_paths; i++) {
		struct nat_path *p = n->paths[i];

		changed |= p->gateway && gateway_changed(p->gateway);
		changed |= p->upnp && upnp_changed(p->upnp);
	}
	if (n->observed != stun_observer_changes(&n->observer)) {
		n->observed = stun_observer_changes(&n->observer);
		changed = true;
	}
	n->dirty = false;
	return changed;
}

static uint64_t earliest(const struct nat *n)
{
	uint64_t at = stun_observer_deadline(&n->observer);
	size_t i;

	for (i = 0; i < n->n_paths; i++) {
		uint64_t path_at = nat_path_deadline(n->paths[i]);

		at = path_at < at ? path_at : at;
	}
	return n->stopping && n->stop_at < at ? n->stop_at : at;
}

static bool all_stopped(const struct nat *n, uint64_t now)
{
	size_t i;

	if (now >= n->stop_at)
		return true;
	for (i = 0; i < n->n_paths; i++) {
		if (!nat_path_stopped(n->paths[i]))
			return false;
	}
	return true;
}

static void send_stun(struct nat *n, uint64_t now)
{
	struct stun_address to;
	uint8_t out[STUN_MAX];
	size_t len;

	while ((len = stun_observer_output(&n->observer, now, out, &to)))
		n->ops->stun(n->arg, &to, out, len);
}

void nat_drive(struct nat *n)
{
	uint64_t now = nat_now(n), at;
	size_t i;

	settle_paths(n, now);
	for (i = 0; i < n->n_paths; i++)
		nat_path_output(n->paths[i], now);
	send_stun(n, now);
	if (collect_changes(n)) {
		choose(n);
		doubt(n, now);
		settle_paths(n, now);
		if (!n->stopping)
			n->ops->changed(n->arg);
		for (i = 0; i < n->n_paths; i++)
			nat_path_output(n->paths[i], now);
		send_stun(n, now);
	}
	if (n->stopping && !n->told_stopped && all_stopped(n, now)) {
		n->told_stopped = true;
		n->stop_at = UINT64_MAX;
		n->ops->stopped(n->arg);
	}

	at = earliest(n);
	if (at == UINT64_MAX) {
		sd_event_source_set_enabled(n->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(n->timer, at * 1000);
	sd_event_source_set_enabled(n->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	nat_drive(arg);
	return 0;
}

/* Whoever was called by others calls them back from the loop only. */
void nat_kick(struct nat *n)
{
	n->dirty = true;
	sd_event_source_set_time(n->timer, 0);
	sd_event_source_set_enabled(n->timer, SD_EVENT_ONESHOT);
}

/* --- begun and ended --------------------------------------------------------------- */

int nat_new(struct nat **out, sd_event *event, const struct nat_config *config,
	    const struct nat_ops *ops, void *arg)
{
	struct stun_observer_config oc = { .period = STUN_PERIOD, .period_public = STUN_PUBLIC };
	struct nat *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->event = sd_event_ref(event);
	n->ops = ops;
	n->arg = arg;
	n->config = *config;
	n->announce_fd = -1;
	n->stop_at = UINT64_MAX;
	n->config.description = strdup(config->description);
	err = n->config.description ? 0 : -ENOMEM;
	if (!err && getrandom(oc.seed, sizeof(oc.seed), 0) != sizeof(oc.seed))
		err = -EIO;
	stun_observer_init(&n->observer, &oc);
	if (!err)
		err = sd_event_add_time(event, &n->timer, CLOCK_BOOTTIME, 0, ACCURACY_US,
					on_timer, n);
	if (err < 0) {
		nat_free(n);
		return err;
	}
	if (config->natpmp)
		nat_announce_open(n);
	*out = n;
	return 0;
}

void nat_free(struct nat *n)
{
	if (!n)
		return;
	while (n->n_paths)
		nat_path_free(n->paths[--n->n_paths]);
	nat_announce_close(n);
	sd_event_source_disable_unref(n->timer);
	sd_event_unref(n->event);
	free((char *)n->config.description);
	explicit_bzero(n, sizeof(*n));
	free(n);
}

void nat_stop(struct nat *n)
{
	uint64_t now = nat_now(n);
	size_t i;

	if (n->stopping)
		return;
	n->stopping = true;
	n->stop_at = now + STOP_MS;
	stun_observer_pause(&n->observer);
	for (i = 0; i < n->n_paths; i++)
		nat_path_stop(n->paths[i], now);
	nat_kick(n);
}

/* --- what is told ------------------------------------------------------------------ */

/* The path for this route among the old ones, which it is taken from. */
static struct nat_path *take_path(struct nat_path **old, size_t n, const struct nat_route *r)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct nat_path *p = old[i];

		if (p && p->route.ifindex == r->ifindex &&
		    ipv4_equal(p->route.gateway, r->gateway)) {
			old[i] = NULL;
			return p;
		}
	}
	return NULL;
}

static void observe(struct nat *n, uint64_t now)
{
	struct stun_address local = { .port = n->config.port };

	if (!n->n_paths) {
		stun_observer_pause(&n->observer);
		return;
	}
	local.ip.s6_addr[10] = 0xff;
	local.ip.s6_addr[11] = 0xff;
	memcpy(local.ip.s6_addr + 12, n->paths[0]->route.own.b, 4);
	stun_observer_moved(&n->observer, &local, now);
}

void nat_routes(struct nat *n, const struct nat_route *routes, size_t n_routes, bool renewed)
{
	struct nat_path *old[MAPPING_PATHS], *first = n->n_paths ? n->paths[0] : NULL;
	struct nat_route before = first ? first->route : (struct nat_route){ 0 };
	size_t i, n_old = n->n_paths;
	uint64_t now = nat_now(n);

	if (n->stopping)
		return;
	memcpy(old, n->paths, sizeof(old));
	n->n_paths = 0;
	for (i = 0; i < n_routes && n->n_paths < MAPPING_PATHS; i++) {
		struct nat_path *p = take_path(old, n_old, &routes[i]);

		if (p)
			nat_path_update(p, &routes[i], renewed, now);
		else
			p = nat_path_new(n, &routes[i], now);
		if (p)
			n->paths[n->n_paths++] = p;
	}
	for (i = 0; i < n_old; i++)
		nat_path_free(old[i]);
	/* It was granted in the network of the start. */
	if (n->n_paths)
		n->config.suggested = 0;
	nat_announce_join(n);
	if (renewed || !n->n_paths || n->paths[0] != first ||
	    !ipv4_equal(n->paths[0]->route.own, before.own))
		observe(n, now);
	/* What was chosen in another network says nothing here, even until it is told. */
	choose(n);
	nat_kick(n);
}

void nat_stun_servers(struct nat *n, const struct stun_address *servers, size_t n_servers)
{
	size_t most = n_servers < STUN_SERVERS ? n_servers : STUN_SERVERS;

	stun_observer_servers(&n->observer, servers, (unsigned int)most, nat_now(n));
	nat_kick(n);
}

void nat_stun_input(struct nat *n, const struct stun_address *from, const uint8_t *msg,
		    size_t len)
{
	uint64_t now = nat_now(n);

	if (!stun_observer_input(&n->observer, now, from, msg, len)) {
		if (!stun_observer_asks(&n->observer, from))
			noise(NOISE_STUN, "STUN from somebody who was not asked");
		return;
	}
	n->seen_at = now;
	nat_kick(n);
}

void nat_servers_answer(struct nat *n)
{
	stun_observer_retry(&n->observer, nat_now(n));
	nat_kick(n);
}

void nat_measure(struct nat *n)
{
	uint64_t now = nat_now(n);

	stun_observer_measure(&n->observer, now);
	check_gateways(n, now);
	nat_kick(n);
}

const struct mapping_choice *nat_choice(const struct nat *n)
{
	return &n->choice;
}

size_t nat_paths(const struct nat *n, const struct mapping_path **paths)
{
	*paths = n->described;
	return n->n_paths;
}

const struct stun_observer *nat_observer(const struct nat *n)
{
	return &n->observer;
}
