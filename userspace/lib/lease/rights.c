// SPDX-License-Identifier: GPL-2.0-or-later
#include "rights.h"

#include <string.h>

#define TUNNEL_PREFIX	"autotunnel-"
#define INFRA_PREFIX	"_dns-"

/* DNSSEC, which is the primary's business. */
enum { T_DS = 43, T_RRSIG = 46, T_NSEC = 47, T_DNSKEY = 48, T_NSEC3 = 50, T_NSEC3PARAM = 51,
       T_CDS = 59, T_CDNSKEY = 60, T_CSYNC = 62, T_ZONEMD = 63 };

struct check {
	const struct rights_who *who;
	const struct update_msg *m;
	rights_look_fn look;
	void *arg;
	const char **why;
};

/* Owner names are in lower case here. */
static bool label_begins(const uint8_t *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return name[0] >= len && !memcmp(name + 1, prefix, len);
}

static bool label_equal(const uint8_t *name, const char *label)
{
	return name[0] == strlen(label) && label_begins(name, label);
}

static bool is_wildcard(const uint8_t *name)
{
	for (; *name; name += 1 + *name) {
		if (label_equal(name, "*"))
			return true;
	}
	return false;
}

static bool is_protocol(const uint8_t *name)
{
	return label_equal(name, "_tcp") || label_equal(name, "_udp");
}

static bool is_infrastructure_label(const uint8_t *name)
{
	/* _dns-sd is a place for lists of domains and services. */
	return label_begins(name, INFRA_PREFIX) && !label_equal(name, "_dns-sd");
}

bool rights_infrastructure(const uint8_t *owner, const uint8_t *apex)
{
	unsigned int n = dname_labels(owner), below = dname_labels(apex) + 2;

	return dname_below(owner, apex) && n >= below &&
	       is_infrastructure_label(dname_skip(owner, n - below)) &&
	       is_protocol(dname_skip(owner, n - below + 1));
}

/* @n: labels of @owner below the apex, the last of them _tcp or _udp */
static enum rights_place service_place(const uint8_t *owner, unsigned int n)
{
	const uint8_t *service = dname_skip(owner, n - 2);
	bool dns = label_begins(service, INFRA_PREFIX);

	if (service[1] != '_')
		return PLACE_NONE;

	switch (n) {
	case 2:
		return dns ? PLACE_NONE : PLACE_SERVICE;
	case 3:
		if (label_equal(service, "_dns-sd"))
			return label_equal(owner, "_services") &&
			       label_equal(dname_skip(owner, 2), "_udp") ?
			       PLACE_SERVICES : PLACE_NONE;
		return dns || label_equal(owner, "_sub") ? PLACE_NONE : PLACE_INSTANCE;
	case 4:
		return !dns && label_equal(dname_skip(owner, 1), "_sub") ?
		       PLACE_SERVICE : PLACE_NONE;
	default:
		return PLACE_NONE;
	}
}

enum rights_place rights_place(const uint8_t *owner, const uint8_t *host, const uint8_t *apex)
{
	unsigned int n;

	if (!dname_below(owner, apex) || is_wildcard(owner))
		return PLACE_NONE;
	if (dname_within(owner, host))
		return PLACE_OWN;

	n = dname_labels(owner) - dname_labels(apex);
	if (n == 1)
		return label_begins(owner, TUNNEL_PREFIX) &&
		       owner[0] > strlen(TUNNEL_PREFIX) ? PLACE_TUNNEL : PLACE_NONE;
	return is_protocol(dname_skip(owner, n - 1)) ? service_place(owner, n) : PLACE_NONE;
}

/* May a host be called so? Names of services and tunnels are others' business. */
static bool is_host_name(const uint8_t *name, const uint8_t *apex)
{
	const uint8_t *p;

	if (!dname_below(name, apex) || label_begins(name, TUNNEL_PREFIX) || is_wildcard(name))
		return false;
	for (p = name; dname_below(p, apex); p += 1 + *p) {
		if (p[1] == '_')
			return false;
	}
	return true;
}

static bool is_dnssec(uint16_t type)
{
	switch (type) {
	case T_DS:
	case T_RRSIG:
	case T_NSEC:
	case T_DNSKEY:
	case T_NSEC3:
	case T_NSEC3PARAM:
	case T_CDS:
	case T_CDNSKEY:
	case T_CSYNC:
	case T_ZONEMD:
		return true;
	default:
		return false;
	}
}

/*
 * Cannot be leased: what the zone itself is made of, and CNAME, beside which no
 * marker could stand (RFC 2136 3.4.2.2).
 */
static bool unleasable(uint16_t type)
{
	return type == DNS_SOA || type == DNS_NS || type == DNS_CNAME || type == DNS_DNAME ||
	       is_dnssec(type);
}

static bool ours(uint16_t type)
{
	return type == DNS_LEASED || type == DNS_ENROLLED;
}

static enum dns_rcode refuse(const struct check *c, const char *why)
{
	*c->why = why;
	return DNS_REFUSED;
}

/* Does the message itself make something at @name? */
static bool creates(const struct update_msg *m, const uint8_t *name)
{
	size_t i;

	for (i = m->n_prereqs; i < m->n_rrs; i++) {
		const struct update_rr *rr = &m->rrs[i];

		if (rr->kind == UPDATE_ADD && dname_equal(rr->owner, name))
			return true;
	}
	return false;
}

/* A PTR at a name that all hosts share. */
static enum dns_rcode check_pointer(const struct check *c, const struct update_rr *rr,
				    enum rights_place place)
{
	const struct rights_who *who = c->who;
	const uint8_t *target = rr->rdata;
	struct rights_owner there;

	if (rr->kind == UPDATE_DELETE_NAME)
		return DNS_NOERROR;
	if (rr->type != DNS_PTR)
		return refuse(c, "only PTR records may stand there");
	/* Who deletes deletes only what he holds. */
	if (rr->kind != UPDATE_ADD)
		return DNS_NOERROR;

	if (place == PLACE_SERVICES) {
		if (rights_place(target, who->name, who->apex) == PLACE_SERVICE &&
		    dname_labels(target) == dname_labels(who->apex) + 2)
			return DNS_NOERROR;
		return refuse(c, "the target is not a type of service");
	}
	if (dname_equal(target, who->name))
		return DNS_NOERROR;
	if (rights_place(target, who->name, who->apex) != PLACE_INSTANCE)
		return refuse(c, "the target is neither the host nor a service");
	if (creates(c->m, target))
		return DNS_NOERROR;
	c->look(c->arg, target, &there);
	return there.held ? DNS_NOERROR : refuse(c, "the target is another's service");
}

/* A name that belongs to who comes first. */
static enum dns_rcode check_exclusive(const struct check *c, const struct update_rr *rr,
				      enum rights_place place)
{
	struct rights_owner here;
	bool type_ok;

	if (place == PLACE_TUNNEL)
		type_ok = rr->type == DNS_A || rr->type == DNS_AAAA || rr->type == DNS_TXT;
	else
		type_ok = rr->type == DNS_SRV || rr->type == DNS_TXT;
	if (rr->kind != UPDATE_DELETE_NAME && !type_ok)
		return refuse(c, "no such type may stand there");

	c->look(c->arg, rr->owner, &here);
	if (here.held_by_other)
		return refuse(c, "another holds that name");
	if (here.unleased && !here.held)
		return refuse(c, "that name is not leased");
	return DNS_NOERROR;
}

/* At or below the host's name, but not at or below that of a host further down. */
static enum dns_rcode check_own(const struct check *c, const struct update_rr *rr)
{
	const uint8_t *p;

	for (p = rr->owner; dname_below(p, c->who->name); p += 1 + *p) {
		struct rights_owner here;

		c->look(c->arg, p, &here);
		if (here.enrolled)
			return refuse(c, "that is another host's name");
	}
	return DNS_NOERROR;
}

static enum dns_rcode check_host(const struct check *c, const struct update_rr *rr)
{
	enum rights_place place = rights_place(rr->owner, c->who->name, c->who->apex);

	if (ours(rr->type) || unleasable(rr->type))
		return refuse(c, "a host may not change that type");
	if (rr->kind == UPDATE_ADD && !c->m->has_lease)
		return refuse(c, "no lease was asked for");

	switch (place) {
	case PLACE_OWN:
		return check_own(c, rr);
	case PLACE_TUNNEL:
	case PLACE_INSTANCE:
		return check_exclusive(c, rr, place);
	case PLACE_SERVICE:
	case PLACE_SERVICES:
		return check_pointer(c, rr, place);
	case PLACE_NONE:
		break;
	}
	return refuse(c, "that name is not the host's");
}

static enum dns_rcode check_account(const struct check *c, const struct update_rr *rr)
{
	const uint8_t *apex = c->who->apex;

	if (rr->type == DNS_LEASED)
		return refuse(c, "markers are not for clients");
	if (rights_infrastructure(rr->owner, apex))
		return refuse(c, "the server itself keeps that name");
	if (rr->type == DNS_ENROLLED)
		return is_host_name(rr->owner, apex) ? DNS_NOERROR :
			refuse(c, "no host can have that name");
	if ((rr->type == DNS_SOA || rr->type == DNS_NS) && dname_equal(rr->owner, apex))
		return refuse(c, "SOA and NS of the zone are the administrator's");
	if (is_dnssec(rr->type))
		return refuse(c, "signatures and their keys are the administrator's");
	if (rr->kind == UPDATE_ADD && !c->m->has_lease)
		return refuse(c, "no lease was asked for");
	return DNS_NOERROR;
}

static enum dns_rcode check_prereq(const struct check *c, const struct update_rr *rr)
{
	if (c->who->role != RIGHTS_ADMIN && ours(rr->type))
		return refuse(c, "a condition on what is not served");
	return DNS_NOERROR;
}

static enum dns_rcode check_update(const struct check *c, const struct update_rr *rr)
{
	if (rr->kind == UPDATE_ADD && c->m->has_lease && unleasable(rr->type))
		return refuse(c, "that type cannot be leased");

	switch (c->who->role) {
	case RIGHTS_HOST:
		return check_host(c, rr);
	case RIGHTS_ACCOUNT:
		return check_account(c, rr);
	case RIGHTS_ADMIN:
		return DNS_NOERROR;
	}
	return refuse(c, "no such role");
}

enum dns_rcode rights_check(const struct rights_who *who, const struct update_msg *m,
			    rights_look_fn look, void *arg, const char **why)
{
	struct check c = { .who = who, .m = m, .look = look, .arg = arg, .why = why };
	enum dns_rcode rcode = DNS_NOERROR;
	size_t i;

	*why = "";
	if (who->role == RIGHTS_HOST && !dname_below(who->name, who->apex))
		return refuse(&c, "the host is of another zone");
	for (i = 0; i < m->n_rrs && !rcode; i++)
		rcode = i < m->n_prereqs ? check_prereq(&c, &m->rrs[i]) :
					   check_update(&c, &m->rrs[i]);
	return rcode;
}
