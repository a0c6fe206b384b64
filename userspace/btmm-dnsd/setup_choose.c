// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "conf.h"
#include "setup.h"

/* Who has the zone already. */
static enum primary_kind has_zone(struct setup *su)
{
	if (setup_bind.has(su))
		return PRIMARY_BIND;
	if (setup_knot.has(su))
		return PRIMARY_KNOT;
	return setup_remote.has(su) ? PRIMARY_REMOTE : PRIMARY_NONE;
}

/* A zone that was set up with a primary elsewhere: where that is. */
static int find_remote(struct setup *su, struct why *why)
{
	struct dnsd_conf *conf;
	size_t i;
	int err;

	if (su->root)
		return why_set(why, -EINVAL, "say --primary ADDR:PORT");
	err = conf_load(CONF_PATH, &conf, why->text, sizeof(why->text));
	if (err)
		return err;
	for (i = 0; i < conf->n_zones; i++) {
		if (dname_equal(conf->zones[i].apex, su->apex))
			su->primary = conf->zones[i].primary;
	}
	conf_free(conf);
	if (!su->primary.port)
		return why_set(why, -EINVAL, "%s has a primary elsewhere, but is not in %s: say "
			       "--primary ADDR:PORT", su->domain, CONF_PATH);
	su->kind = PRIMARY_REMOTE;
	return 0;
}

static int choose_kind(struct setup *su, struct why *why)
{
	enum primary_kind there = has_zone(su);
	bool bind = setup_bind.installed(), knot = setup_knot.installed();

	if (su->kind != PRIMARY_NONE) {
		if (there != PRIMARY_NONE && there != su->kind)
			return why_set(why, -EEXIST, "%s has another primary already (%s): "
				       "'btmm-dnsd account remove %s' first", su->domain,
				       setup_primary_of(there)->name, su->domain);
		return 0;
	}
	if (there == PRIMARY_REMOTE)
		return find_remote(su, why);
	if (there == PRIMARY_NONE)
		there = su->told.kind;
	if (there == PRIMARY_NONE && bind && knot)
		return why_set(why, -EINVAL, "BIND and Knot are both installed: say --primary bind "
			       "or --primary knot");
	if (there == PRIMARY_NONE && !bind && !knot)
		return why_set(why, -ENOENT, "there is no DNS server to hold the zone: apt install "
			       "bind9 (or knot), or say --primary ADDR:PORT for one elsewhere");
	if (there == PRIMARY_NONE)
		there = bind ? PRIMARY_BIND : PRIMARY_KNOT;
	setup_primary_from_text(su, setup_primary_of(there)->name);
	return 0;
}

/* All zones of one server share its ports. */
static int choose_ports(struct setup *su, struct why *why)
{
	enum primary_kind other = su->kind == PRIMARY_BIND ? PRIMARY_KNOT : PRIMARY_BIND;
	uint16_t told = su->told.ports[su->kind];

	if (!su->notify_port)
		su->notify_port = su->told.notify_port ? su->told.notify_port : SETUP_NOTIFY_PORT;
	if (su->told.notify_port && su->told.notify_port != su->notify_port)
		return why_set(why, -EINVAL, "--notify-port %u: it is %u by " SETUP_CONF
			       ", and the zones that are there use that", su->notify_port,
			       su->told.notify_port);
	if (su->kind == PRIMARY_REMOTE)
		return 0;
	if (!su->primary.port)
		su->primary.port = told ? told : SETUP_PRIMARY_PORT;
	if (told && told != su->primary.port)
		return why_set(why, -EINVAL, "--primary-port %u: %s has port %u by " SETUP_CONF
			       ", and the zones that are there use that", su->primary.port,
			       setup_primary_of(su->kind)->name, told);
	if (su->told.ports[other] == su->primary.port)
		return why_set(why, -EADDRINUSE, "port %u is %s's by " SETUP_CONF ": say another "
			       "--primary-port", su->primary.port, setup_primary_of(other)->name);
	if (su->notify_port == su->primary.port)
		return why_set(why, -EINVAL, "--primary-port and --notify-port cannot be the same");
	return 0;
}

static int choose_names(struct setup *su, struct why *why)
{
	char text[DNAME_TEXT_MAX + 8];
	const char *bad;

	if (su->hostname[0])
		return 0;
	snprintf(text, sizeof(text), "ns.%s", su->domain);
	bad = setup_domain(text, su->host, su->hostname);
	return bad ? why_set(why, -EINVAL, "%s %s: give --hostname", text, bad) : 0;
}

static int choose_addrs(struct setup *su, struct why *why)
{
	if (!su->n_addrs && !su->root)
		su->n_addrs = setup_public_addrs(su->addrs, SETUP_ADDRS);
	if (!su->n_addrs)
		return why_set(why, -EADDRNOTAVAIL, "this machine has no public address: give the "
			       "one that others reach it under, --address ADDR");
	setup_listen(su);
	return 0;
}

int setup_choose(struct setup *su, struct why *why)
{
	int err = setup_conf_read(su, why);

	if (!err)
		err = choose_kind(su, why);
	if (!err)
		err = choose_ports(su, why);
	if (!err)
		err = choose_names(su, why);
	return err ? err : choose_addrs(su, why);
}
