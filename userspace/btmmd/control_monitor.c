// SPDX-License-Identifier: GPL-2.0-or-later
/* What changes, for who watches: what there is, compared with what has been told. */
#include <string.h>

#include "control_int.h"

#define CALM_US		(100 * 1000)	/* between two looks */

static void put(json_t *all, const char *event, json_t *o)
{
	json_object_set_new(o, "event", json_string(event));
	json_object_set_new(all, event, o);
}

/* What is told of a peer: not what changes with each packet. */
static void put_peer(json_t *all, const json_t *peer)
{
	static const char *const keys[] = {
		"name", "present", "why", "ula", "known", "published", "endpoint", "path", "ike",
		"suite", "ike_error",
	};
	const char *name = json_string_value(json_object_get(peer, "name"));
	const char *ula = json_string_value(json_object_get(peer, "ula"));
	json_t *o = json_object();
	char key[PEERS_NAME + 8];
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		json_object_set(o, keys[i], json_object_get(peer, keys[i]));
	snprintf(key, sizeof(key), "peer %s", name ? name : ula ? ula : "?");
	put(all, key, o);
	json_object_set_new(o, "event", json_string("peer"));
}

static json_t *look(const struct btmmd_control *c)
{
	struct daemon *d = c->d;
	json_t *all = json_object(), *peers, *o;
	size_t i;

	put(all, "daemon", json_pack("{s:s}", "state",
				     !d ? "down" : d->stopping ? "stopping" : "up"));
	if (!d)
		return all;
	put(all, "host", json_pack("{s:s s:o s:b}", "name", d->host, "ula", control_ula(&d->id.ula),
				   "network", d->has_network));
	put(all, "mapping", control_mapping(d));
	o = control_publication(d);
	json_object_del(o, "left_s");
	json_object_del(o, "acknowledged_ms");
	put(all, "publication", o);
	o = control_subscription(d);
	/* They are other ones with each host that comes. */
	json_object_del(o, "since_ms");
	json_object_del(o, "questions");
	json_object_del(o, "unsubscribed");
	put(all, "subscription", o);
	put(all, "ike", control_ike(d));
	peers = control_peers_list(d);
	for (i = 0; i < json_array_size(peers); i++)
		put_peer(all, json_array_get(peers, i));
	json_decref(peers);
	return all;
}

static void tell(struct btmmd_control *c, json_t *event)
{
	size_t i;

	for (i = 0; i < CONTROL_WAITERS; i++) {
		/* Who reads too slowly is cut, and gone() comes. */
		if (c->monitors[i])
			control_more(c->monitors[i], json_incref(event));
	}
}

static bool anybody(const struct btmmd_control *c)
{
	size_t i;

	for (i = 0; i < CONTROL_WAITERS; i++) {
		if (c->monitors[i])
			return true;
	}
	return false;
}

static void compare(struct btmmd_control *c)
{
	json_t *now = look(c), *value, *gone;
	const char *key;

	json_object_foreach(c->known, key, value) {
		if (json_object_get(now, key))
			continue;
		if (strncmp(key, "peer ", 5))
			continue;
		gone = json_pack("{s:s s:O? s:b}", "event", "peer", "name",
				 json_object_get(value, "name"), "present", 0);
		tell(c, gone);
		json_decref(gone);
	}
	json_object_foreach(now, key, value) {
		if (!json_equal(json_object_get(c->known, key), value))
			tell(c, value);
	}
	json_decref(c->known);
	c->known = now;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct btmmd_control *c = arg;

	(void)source;
	(void)usec;
	if (anybody(c)) {
		compare(c);
	} else {
		json_decref(c->known);
		c->known = NULL;
	}
	return 0;
}

void control_monitor_changed(struct btmmd_control *c)
{
	int enabled = SD_EVENT_OFF;
	uint64_t now = 0;

	if (!c->monitor_timer || !c->known)
		return;
	sd_event_source_get_enabled(c->monitor_timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	sd_event_now(c->event, CLOCK_BOOTTIME, &now);
	sd_event_source_set_time(c->monitor_timer, now + CALM_US);
	sd_event_source_set_enabled(c->monitor_timer, SD_EVENT_ONESHOT);
}

void control_monitor(void *arg, struct control_call *call, const json_t *params)
{
	struct btmmd_control *c = arg;
	json_t *value;
	const char *key;

	(void)params;
	if (!control_wants_more(call)) {
		control_error(call, "WantsMore", "Monitor is to be called with \"more\"");
		return;
	}
	if (!c->monitor_timer &&
	    sd_event_add_time(c->event, &c->monitor_timer, CLOCK_BOOTTIME, 0, 1000, on_timer,
			      c) >= 0)
		sd_event_source_set_enabled(c->monitor_timer, SD_EVENT_OFF);
	/* Whoever watches already is told first: then all know the same. */
	if (c->known)
		compare(c);
	else
		c->known = look(c);
	if (!control_wait(c->monitors, call))
		return;
	json_object_foreach(c->known, key, value) {
		if (!control_more(call, json_incref(value)))
			return;
	}
	control_more(call, json_pack("{s:s}", "event", "listening"));
}

void control_monitor_free(struct btmmd_control *c)
{
	sd_event_source_disable_unref(c->monitor_timer);
	json_decref(c->known);
}
