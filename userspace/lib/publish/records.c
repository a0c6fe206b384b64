// SPDX-License-Identifier: GPL-2.0-or-later
#include "records.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../dns/message.h"

#define SRV_FIXED	6	/* octets in front of the target: priority, weight, port */

const char *const publish_browse_labels[PUBLISH_BROWSE] = { "b", "db", "r", "dr", "lb" };

struct maker {
	const struct publish_host *host;
	struct publish_set *set;
	int err;		/* sticks */
	char *why;
};

static int __attribute__((format(printf, 3, 4)))
refuse(struct maker *m, int err, const char *fmt, ...)
{
	va_list ap;

	if (m->err)
		return m->err;
	m->err = err;
	va_start(ap, fmt);
	vsnprintf(m->why, PUBLISH_WHY, fmt, ap);
	va_end(ap);
	return err;
}

/* --- records ----------------------------------------------------------------------- */

static uint8_t *keep(struct publish_set *s, const uint8_t *p, size_t len)
{
	uint8_t *at = s->octets + s->used;

	memcpy(at, p, len);
	s->used += len;
	return at;
}

static void add(struct maker *m, const uint8_t *owner, uint16_t type, bool shared,
		const uint8_t *rdata, size_t rdlen)
{
	struct publish_set *s = m->set;
	struct lease_client_record *r;
	size_t owner_len = dname_len(owner);

	if (m->err)
		return;
	if (s->n == LEASE_CLIENT_MAX || owner_len + rdlen > sizeof(s->octets) - s->used) {
		refuse(m, -E2BIG, "these are more records than one update holds");
		return;
	}
	r = &s->records[s->n++];
	r->owner = keep(s, owner, owner_len);
	r->rdata = keep(s, rdata, rdlen);
	r->rdlen = (uint16_t)rdlen;
	r->type = type;
	r->shared = shared;
	r->ttl = type == DNS_TXT ? PUBLISH_TXT_TTL : PUBLISH_TTL;
}

/* One for each: several services may be of one type. */
static void add_pointer(struct maker *m, const uint8_t *owner, const uint8_t *target)
{
	size_t i;

	for (i = 0; i < m->set->n; i++) {
		const struct lease_client_record *r = &m->set->records[i];

		if (r->type == DNS_PTR && dname_equal(r->owner, owner) &&
		    dname_equal(r->rdata, target))
			return;
	}
	add(m, owner, DNS_PTR, true, target, dname_len(target));
}

static void add_srv(struct maker *m, const uint8_t *owner, uint16_t port, const uint8_t *target)
{
	uint8_t rdata[SRV_FIXED + DNAME_MAX] = { 0 };
	size_t len = dname_len(target);

	dns_put16(rdata + 4, port);
	memcpy(rdata + SRV_FIXED, target, len);
	add(m, owner, DNS_SRV, false, rdata, SRV_FIXED + len);
}

static void add_txt(struct maker *m, const uint8_t *owner, const char *what,
		    const char *const *texts, size_t n)
{
	uint8_t rdata[PUBLISH_TXT_MAX];
	char why[PUBLISH_WHY];
	int len = publish_txt(texts, n, rdata, why);

	if (len < 0)
		refuse(m, len, "%.80s: %.160s", what, why);
	else
		add(m, owner, DNS_TXT, false, rdata, (size_t)len);
}

/* --- the host ---------------------------------------------------------------------- */

static bool reachable(const struct publish_host *h)
{
	return h->port && (h->outer4.len || h->outer6.len);
}

static void make_host(struct maker *m)
{
	const struct publish_host *h = m->host;
	const struct host_names *n = h->names;

	if (reachable(h)) {
		add_srv(m, n->service, h->port, n->tunnel);
		if (h->outer4.len)
			add(m, n->tunnel, DNS_A, false, h->outer4.b, 4);
		add(m, n->tunnel, DNS_AAAA, false, h->ula.s6_addr, 16);
		if (h->outer6.len)
			add(m, n->tunnel, DNS_AAAA, false, h->outer6.b, 16);
		add(m, n->host, DNS_AAAA, false, h->ula.s6_addr, 16);
	}
	add_txt(m, n->tunnel, "the device's info", h->info, h->n_info);
	add_pointer(m, n->list, n->host);
}

/* --- services ---------------------------------------------------------------------- */

/* "_ssh._tcp" in front of the domain */
static bool type_name(const char *type, const uint8_t *domain, uint8_t out[DNAME_MAX])
{
	size_t n = strcspn(type, ".");

	return dname_prefix(type + n + 1, strlen(type + n + 1), domain, out) &&
	       dname_prefix(type, n, out, out);
}

static bool sub_name(const char *subtype, const uint8_t *type, uint8_t out[DNAME_MAX])
{
	return dname_prefix("_sub", 4, type, out) &&
	       dname_prefix(subtype, strlen(subtype), out, out);
}

static bool list_name(const char *label, const uint8_t *domain, uint8_t out[DNAME_MAX])
{
	return dname_prefix("_udp", 4, domain, out) && dname_prefix("_dns-sd", 7, out, out) &&
	       dname_prefix(label, strlen(label), out, out);
}

static int check_service(struct maker *m, size_t i)
{
	const struct publish_service *s = &m->host->services[i];
	const char *bad = publish_instance_check(s->instance);
	size_t k;

	if (bad)
		return refuse(m, -EINVAL, "the service '%.63s': its name %s", s->instance, bad);
	bad = publish_type_check(s->type);
	if (bad)
		return refuse(m, -EINVAL, "the service '%.63s': its type '%.40s' %s", s->instance,
			      s->type, bad);
	if (!s->port)
		return refuse(m, -EINVAL, "the service '%.63s': it has no port", s->instance);
	if (s->n_subtypes > PUBLISH_SUBTYPES)
		return refuse(m, -E2BIG, "the service '%.63s': it has more than %d subtypes",
			      s->instance, PUBLISH_SUBTYPES);
	for (k = 0; k < s->n_subtypes; k++) {
		bad = publish_subtype_check(s->subtypes[k]);
		if (bad)
			return refuse(m, -EINVAL, "the service '%.63s': its subtype '%.63s' %s",
				      s->instance, s->subtypes[k], bad);
	}
	for (k = 0; k < i; k++) {
		const struct publish_service *o = &m->host->services[k];

		if (!strcasecmp(o->instance, s->instance) && !strcasecmp(o->type, s->type))
			return refuse(m, -EINVAL,
				      "the service '%.63s' of type %.40s is there twice",
				      s->instance, s->type);
	}
	return 0;
}

static void make_service(struct maker *m, size_t i)
{
	const struct publish_service *s = &m->host->services[i];
	const uint8_t *domain = m->host->names->domain;
	uint8_t type[DNAME_MAX], instance[DNAME_MAX], name[DNAME_MAX];
	char what[PUBLISH_WHY];
	bool fits;
	size_t k;

	/* What is wrong is said at once, not when there is a mapping. */
	if (check_service(m, i) || !reachable(m->host))
		return;
	fits = type_name(s->type, domain, type) &&
	       dname_prefix(s->instance, strlen(s->instance), type, instance) &&
	       list_name("_services", domain, name);
	if (fits) {
		add_pointer(m, name, type);
		add_pointer(m, type, instance);
	}
	for (k = 0; k < s->n_subtypes && fits; k++) {
		fits = sub_name(s->subtypes[k], type, name);
		if (fits)
			add_pointer(m, name, instance);
	}
	if (!fits) {
		refuse(m, -EINVAL, "the service '%.63s': its name is too long for the domain",
		       s->instance);
		return;
	}
	add_srv(m, instance, s->port, s->host ? s->host : m->host->names->host);
	snprintf(what, sizeof(what), "the service '%.63s'", s->instance);
	add_txt(m, instance, what, s->texts, s->n_texts);
}

static void make_browse(struct maker *m)
{
	const uint8_t *domain = m->host->names->domain;
	uint8_t name[DNAME_MAX];
	size_t i;

	for (i = 0; i < PUBLISH_BROWSE; i++) {
		if (list_name(publish_browse_labels[i], domain, name))
			add_pointer(m, name, domain);
		else
			refuse(m, -EINVAL, "the domain's name is too long");
	}
}

int publish_make(const struct publish_host *host, struct publish_set *out,
		 char why[PUBLISH_WHY])
{
	struct maker m = { .host = host, .set = out, .why = why };
	size_t i;

	out->n = 0;
	out->used = 0;
	why[0] = '\0';
	if (IN6_IS_ADDR_UNSPECIFIED(&host->ula))
		return 0;
	if (host->n_services > PUBLISH_SERVICES)
		refuse(&m, -E2BIG, "these are more than %d services", PUBLISH_SERVICES);
	if (!m.err)
		make_host(&m);
	if (!m.err && host->browse)
		make_browse(&m);
	for (i = 0; i < host->n_services && !m.err; i++)
		make_service(&m, i);
	if (m.err)
		out->n = 0;
	return m.err;
}
