// SPDX-License-Identifier: GPL-2.0-or-later
#include "public.h"

#include <string.h>

#include "zone.h"

static const char *const services[] = {
	"_dns-llq", "_dns-update", "_dns-query-tls", "_dns-update-tls", "_dns-llq-tls",
	"_dns-push-tls",
};

static const char *const protocols[] = { "_udp", "_tcp" };

#define N_SERVICES	(sizeof(services) / sizeof(*services))
#define N_PROTOCOLS	(sizeof(protocols) / sizeof(*protocols))

const uint8_t *rr_target(const struct zone_rr *rr)
{
	size_t at;

	switch (rr->type) {
	case DNS_NS:
		at = 0;
		break;
	case DNS_MX:
		at = 2;
		break;
	case DNS_SRV:
		at = 6;
		break;
	default:
		return NULL;
	}
	if (rr->rdlen <= at || !dname_check(rr->rdata + at, rr->rdlen - at))
		return NULL;
	return rr->rdata + at;
}

static bool is_service(const uint8_t *name, const uint8_t *apex)
{
	const uint8_t *protocol = dname_skip(name, 1);
	bool service = false, proto = false;
	size_t i;

	if (dname_labels(name) != dname_labels(apex) + 2)
		return false;
	for (i = 0; i < N_SERVICES; i++)
		service |= dname_label_is(name, services[i]);
	for (i = 0; i < N_PROTOCOLS; i++)
		proto |= dname_label_is(protocol, protocols[i]);
	return service && proto;
}

/* Does a record of @type at @owner have @name as its target? */
static bool points_to(const struct zone *z, const uint8_t *owner, uint16_t type,
		      const uint8_t *name)
{
	const struct zone_node *n = zone_find(z, owner);
	bool found = false;
	struct zone_rr rr;
	size_t pos = 0;

	while (n && zone_node_next(n, &pos, &rr)) {
		const uint8_t *target = rr.type == type ? rr_target(&rr) : NULL;

		if (target && zone_rr_served(&rr))
			found |= dname_equal(target, name);
	}
	return found;
}

/* Takes as long whatever @name is, and does not look it up. */
static bool is_target(const struct zone *z, const uint8_t *name)
{
	bool found = points_to(z, z->apex, DNS_NS, name);
	uint8_t owner[DNAME_MAX];
	size_t i, k;

	for (i = 0; i < N_PROTOCOLS; i++) {
		for (k = 0; k < N_SERVICES; k++) {
			if (dname_prefix(protocols[i], strlen(protocols[i]), z->apex, owner) &&
			    dname_prefix(services[k], strlen(services[k]), owner, owner))
				found |= points_to(z, owner, DNS_SRV, name);
		}
	}
	return found;
}

int public_depth(const struct zone *z, const uint8_t *name, uint16_t type)
{
	int labels = (int)dname_labels(name) - (int)dname_labels(z->apex), i;

	if (!dname_within(name, z->apex))
		return -1;

	for (i = labels; i-- > 0;) {
		if (dname_label_is(dname_skip(name, (unsigned int)i), "_acme-challenge"))
			return i;
	}

	switch (type) {
	case DNS_SOA:
	case DNS_NS:
		return labels ? -1 : 0;
	case DNS_SRV:
		return is_service(name, z->apex) ? 0 : -1;
	case DNS_A:
	case DNS_AAAA:
		return is_target(z, name) ? 0 : -1;
	default:
		return -1;
	}
}

bool zone_is_public(const struct zone *z, const uint8_t *name, uint16_t type)
{
	return public_depth(z, name, type) >= 0;
}
