// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "../lib/text/addr.h"
#include "admin.h"
#include "admin_conf.h"
#include "../lib/control/control.h"
#include "setup.h"

#define CALL_MS	5000

int admin_conf(const char *path, struct dnsd_conf **out)
{
	char why[CONF_WHY_SIZE];
	int err = conf_load(path ? path : CONF_PATH, out, why, sizeof(why));

	if (err == -ENOENT && !path)
		return admin_fail(ADMIN_FAILED, "%s (run 'btmm-dnsd setup' first)", why);
	if (err == -EACCES)
		return admin_fail(ADMIN_FAILED, "%s (run this as root)", why);
	return err ? admin_fail(ADMIN_FAILED, "%s", why) : ADMIN_OK;
}

const struct conf_zone *admin_zone(const struct dnsd_conf *conf, const char *name, bool within)
{
	const struct conf_zone *best = NULL;
	uint8_t wire[DNAME_MAX];
	const char *bad = dname_from_text(name, wire);
	size_t i;

	if (bad) {
		admin_fail(0, "'%s' %s", name, bad);
		return NULL;
	}
	dname_lower(wire);
	for (i = 0; i < conf->n_zones; i++) {
		const struct conf_zone *z = &conf->zones[i];

		if (within ? !dname_within(wire, z->apex) : !dname_equal(wire, z->apex))
			continue;
		if (!best || dname_len(z->apex) > dname_len(best->apex))
			best = z;
	}
	if (!best)
		admin_fail(0, "%s %s: 'btmm-dnsd account list' lists the zones", name,
			   within ? "is in no zone of this server" : "is no zone of this server");
	return best;
}

int admin_call(const char *socket, const char *method, json_t **reply, struct why *why)
{
	char full[64];
	json_t *r = NULL;
	int err;

	snprintf(full, sizeof(full), ADMIN_INTERFACE "%s", method);
	err = control_call("btmm-dnsd", socket, full, NULL, CALL_MS, &r, why->text,
			   sizeof(why->text));
	if (!err && reply)
		*reply = r;
	else
		json_decref(r);
	return err;
}

int admin_reload(const char *socket, struct why *why)
{
	int err = admin_call(socket, "Reload", NULL, why);

	return err == -ECONNREFUSED || err == -ENOENT ? 1 : err;
}

static bool is_loopback(const struct net_addr *a)
{
	return net_is_v4(a) ? a->ip.s6_addr[12] == 127 : IN6_IS_ADDR_LOOPBACK(&a->ip);
}

bool admin_server(const struct dnsd_conf *conf, struct net_addr *out)
{
	const struct net_addr *best = NULL;
	size_t i;

	for (i = 0; i < conf->tcp.n; i++) {
		const struct net_addr *a = &conf->tcp.v[i];

		if (!best || (is_loopback(a) && !is_loopback(best)))
			best = a;
	}
	if (!best)
		return false;
	*out = *best;
	if (setup_wildcard(&out->ip)) {
		/* All addresses: loopback is one of them. */
		if (net_is_v4(out))
			memcpy(&out->ip.s6_addr[12], "\177\0\0\1", 4);
		else
			out->ip = in6addr_loopback;
	}
	return true;
}

const char *admin_server_from_text(const char *text, uint16_t port, struct net_addr *out)
{
	const char *bad = net_from_text(text, false, out);
	struct addr a;

	if (!bad)
		return NULL;
	if (text_to_addr(text, &a))
		return "is no address, with or without :PORT";
	memset(out, 0, sizeof(*out));
	out->port = port;
	if (a.len == 16) {
		memcpy(&out->ip, a.b, 16);
	} else {
		memset(&out->ip.s6_addr[10], 0xff, 2);
		memcpy(&out->ip.s6_addr[12], a.b, 4);
	}
	return NULL;
}
