// SPDX-License-Identifier: GPL-2.0-or-later
/* The hosts, and what is told of them. */
#include "peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../identity/names.h"
#include "peers_int.h"

static bool service_of(const uint8_t *name, uint8_t out[DNAME_MAX])
{
	return dname_prefix("_udp", 4, name, out) && dname_prefix("_autotunnel", 11, out, out);
}

struct peers *peers_new(const struct peers_config *config)
{
	struct peers *p = calloc(1, sizeof(*p));
	uint8_t name[DNAME_MAX];

	if (!p)
		return NULL;
	memcpy(p->domain, config->domain, dname_len(config->domain));
	memcpy(p->self, config->self, dname_len(config->self));
	p->ipv4 = config->ipv4;
	p->ipv6 = config->ipv6;
	p->max = config->max && config->max < PEERS_MAX ? config->max : PEERS_MAX;
	p->keep = 1000 * (uint64_t)(config->keep ? config->keep : PEERS_KEEP);
	p->drop_at = NEVER;
	/* A domain that is too long for it has no hosts either. */
	if (service_of(p->domain, name))
		p->list = question_use(p, name, DNS_PTR, NULL);
	if (!p->list) {
		peers_free(p);
		return NULL;
	}
	return p;
}

static void hint_free(struct host *h)
{
	free(h->hint);
	h->hint = NULL;
}

static void uses_free(struct peers_question *q)
{
	struct use *u;

	while ((u = q->uses)) {
		q->uses = u->next;
		free(u);
	}
}

void peers_free(struct peers *p)
{
	struct peers_question *q;
	struct host *h;
	size_t i;

	if (!p)
		return;
	while ((h = p->hosts)) {
		p->hosts = h->next;
		hint_free(h);
		free(h);
	}
	for (i = 0; i < p->n_buckets; i++) {
		while ((q = p->buckets[i])) {
			p->buckets[i] = q->next;
			uses_free(q);
			question_free(q);
		}
	}
	question_free(p->ended);
	free(p->buckets);
	free(p);
}

void peers_own(struct peers *p, const struct in6_addr *ula)
{
	struct host *h;

	p->own = *ula;
	for (h = p->hosts; h; h = h->next)
		host_dirty(p, h);
}

const uint8_t *peers_domain(const struct peers *p)
{
	return p->domain;
}

struct peers_question *peers_list(const struct peers *p)
{
	return p->list;
}

enum answers_status peers_known(const struct peers *p)
{
	return p->list->status;
}

/* --- who is listed --- */

void host_dirty(struct peers *p, struct host *h)
{
	h->dirty = true;
	p->dirty = true;
}

static bool name_of_host(const struct peers *p, const uint8_t *name)
{
	char label[DLABEL_MAX + 1];

	if (!dname_below(name, p->domain) || dname_labels(name) != dname_labels(p->domain) + 1)
		return false;
	memcpy(label, name + 1, name[0]);
	label[name[0]] = '\0';
	return strlen(label) == name[0] && !host_label_check(label);
}

static struct host *host_find(const struct peers *p, const uint8_t *name)
{
	const struct peers_question *q = question_find(p, name, DNS_AAAA);
	const struct use *u;

	for (u = q ? q->uses : NULL; u; u = u->next) {
		if (u->host->aaaa == q)
			return u->host;
	}
	return NULL;
}

void host_free(struct peers *p, struct host *h)
{
	struct host **at = &p->hosts;

	while (*at && *at != h)
		at = &(*at)->next;
	if (*at)
		*at = h->next;
	question_drop(p, &h->aaaa, h);
	question_drop(p, &h->srv, h);
	question_drop(p, &h->a, h);
	question_drop(p, &h->a6, h);
	hint_free(h);
	free(h);
	p->n_hosts--;
}

static struct host *host_new(struct peers *p, const uint8_t *name)
{
	struct host *h = calloc(1, sizeof(*h));
	uint8_t service[DNAME_MAX];

	if (!h)
		return NULL;
	p->n_hosts++;
	memcpy(h->name, name, dname_len(name));
	h->bad_since = NEVER;
	h->reason = PEERS_ASKING;
	h->aaaa = question_use(p, name, DNS_AAAA, h);
	if (service_of(name, service))
		h->srv = question_use(p, service, DNS_SRV, h);
	if (!h->aaaa || !h->srv) {
		host_free(p, h);
		return NULL;
	}
	h->next = p->hosts;
	p->hosts = h;
	return h;
}

void host_listed(struct peers *p, struct record *r)
{
	struct host *h = host_find(p, r->data);

	r->reason = PEERS_OK;
	if (dname_equal(r->data, p->self)) {
		r->reason = PEERS_SELF;
		return;
	}
	if (!h && !name_of_host(p, r->data)) {
		r->reason = PEERS_BAD_NAME;
		return;
	}
	if (!h && p->n_hosts < p->max)
		h = host_new(p, r->data);
	if (!h) {
		r->reason = PEERS_TOO_MANY;
		p->waiting = true;
		return;
	}
	r->host = h;
	h->listed = true;
	h->born = r->late ? r->seq : 0;
	host_dirty(p, h);
}

void host_unlisted(struct peers *p, struct host *h)
{
	h->listed = false;
	host_dirty(p, h);
}

/* There is room for another. */
static void host_instead(struct peers *p)
{
	size_t i;

	if (!p->waiting || p->n_hosts >= p->max)
		return;
	p->waiting = false;
	for (i = 0; i < p->list->n; i++) {
		if (p->list->records[i].reason == PEERS_TOO_MANY)
			host_listed(p, &p->list->records[i]);
	}
}

/* --- hints --- */

static struct hint *hint_open(struct peers *p, struct host *h)
{
	if (!h->hint)
		h->hint = calloc(1, sizeof(*h->hint));
	if (h->hint && !h->hint->open) {
		memset(h->hint, 0, sizeof(*h->hint));
		h->hint->open = true;
		h->hint->until = NEVER;
	}
	host_dirty(p, h);
	return h->hint;
}

static void hint_srv(const struct peers *p, struct hint *t, const struct answer *a)
{
	uint16_t priority = dns_u16(a->rdata);

	/* What the questions would not be believed is no hint. */
	if (!dns_u16(a->rdata + 4) || !dname_below(a->rdata + 6, p->domain) ||
	    (t->has_srv && t->priority <= priority))
		return;
	t->has_srv = true;
	t->priority = priority;
	t->port = dns_u16(a->rdata + 4);
	memcpy(t->target, a->rdata + 6, a->rdlen - 6u);
	dname_lower(t->target);
}

static void hint_address(const struct peers *p, struct hint *t, const struct answer *a)
{
	if (t->n == HINT_ADDRS || !dname_below(a->owner, p->domain))
		return;
	memcpy(t->addrs[t->n].owner, a->owner, dname_len(a->owner));
	t->addrs[t->n].addr.len = (uint8_t)a->rdlen;
	memcpy(t->addrs[t->n++].addr.b, a->rdata, a->rdlen);
}

void peers_additional(struct peers *p, struct peers_question *q, const struct answer *a)
{
	struct host *h = host_find(p, q->name);
	struct hint *t;

	if (!h || h->aaaa != q || a->class_ != DNS_IN)
		return;
	if (a->type == DNS_SRV && a->rdlen > 6 && dname_equal(a->owner, h->srv->name) &&
	    dname_check(a->rdata + 6, a->rdlen - 6u) == a->rdlen - 6u) {
		t = hint_open(p, h);
		if (t)
			hint_srv(p, t, a);
	} else if ((a->type == DNS_A && a->rdlen == 4) || (a->type == DNS_AAAA && a->rdlen == 16)) {
		t = hint_open(p, h);
		if (t)
			hint_address(p, t, a);
	}
}

void hint_drop(struct host *h, bool srv, bool addrs)
{
	if (!h->hint)
		return;
	h->hint->has_srv &= !srv;
	if (addrs)
		h->hint->n = 0;
	if (!h->hint->has_srv && !h->hint->n)
		hint_free(h);
}

/* --- reading again --- */

static void again(struct peers *p, struct peers_question *q)
{
	if (!q)
		return;
	q->again = true;
	question_want(p, q);
}

int peers_read_again(struct peers *p, const char *name)
{
	uint8_t wire[DNAME_MAX];
	struct host *h = dname_from_text(name, wire) ? NULL : host_find(p, wire);

	if (!h)
		return -ENOENT;
	h->reread = true;
	again(p, h->aaaa);
	again(p, h->srv);
	again(p, h->a);
	again(p, h->a6);
	return 0;
}

/* --- what is told --- */

static void name_text(const uint8_t *name, char out[PEERS_NAME])
{
	char text[DNAME_TEXT_MAX];
	size_t n;

	n = strlen(dname_to_text(name, text));
	if (n > 1 && text[n - 1] == '.')
		n--;
	if (n > PEERS_NAME - 1)
		n = PEERS_NAME - 1;
	memcpy(out, text, n);
	out[n] = '\0';
}

static bool emit(const struct host *h, enum peers_event_kind kind, const struct place *is,
		 struct peers_event *out)
{
	*out = (struct peers_event){
		.kind = kind, .ula = is->ula, .outer = is->outer, .port = is->port,
	};
	name_text(h->name, out->name);
	return true;
}

static bool good(const struct host *h)
{
	return h->listed && h->reason == PEERS_OK && h->conflict == PEERS_OK;
}

/* Is what it says only not known yet? */
static bool pending(const struct host *h)
{
	return h->listed && h->reason == PEERS_ASKING;
}

/* Others have what it had: it cannot stay for as long as it takes to mend. */
static bool hard(const struct host *h)
{
	return h->listed && (h->reason == PEERS_OWN_ULA ||
			     (h->reason == PEERS_OK && h->conflict != PEERS_OK));
}

static void look(struct peers *p, uint64_t now)
{
	struct host *h;

	questions_expire(p, now);
	for (h = p->hosts; h; h = h->next) {
		if (h->hint && now >= h->hint->until) {
			hint_free(h);
			host_dirty(p, h);
		}
	}
	if (!p->dirty)
		return;
	p->dirty = false;
	for (h = p->hosts; h; h = h->next) {
		if (h->dirty) {
			h->dirty = false;
			host_judge(p, h);
		}
	}
	hosts_compare(p);
	for (h = p->hosts; h; h = h->next) {
		if (good(h) || pending(h))
			h->bad_since = NEVER;
		else if (h->bad_since == NEVER)
			h->bad_since = now;
	}
}

static bool went(struct host *h, struct peers_event *out)
{
	static const struct place nowhere;

	emit(h, PEERS_WENT, &nowhere, out);
	out->old_ula = h->is.ula;
	h->is = nowhere;
	h->told = false;
	return true;
}

static bool end(struct peers *p, uint64_t now, struct peers_event *out)
{
	struct host *h, *next;

	for (h = p->hosts; h; h = next) {
		next = h->next;
		if (h->told && h->bad_since != NEVER &&
		    (hard(h) || now - h->bad_since >= PEERS_GRACE))
			return went(h, out);
		if (!h->told && !h->listed && !h->read)
			host_free(p, h);
	}
	return false;
}

static bool same_outer(const struct place *a, const struct place *b)
{
	return a->port == b->port && a->outer.len == b->outer.len &&
	       !memcmp(a->outer.b, b->outer.b, a->outer.len);
}

/* Who was told to have that ULA */
static struct host *holder(struct peers *p, const struct host *but, const struct in6_addr *ula)
{
	struct host *h;

	for (h = p->hosts; h; h = h->next) {
		if (h != but && h->told && IN6_ARE_ADDR_EQUAL(&h->is.ula, ula))
			return h;
	}
	return NULL;
}

static bool tell(struct peers *p, struct host *h, struct peers_event *out)
{
	enum peers_event_kind kind = PEERS_MOVED;
	struct in6_addr old = h->is.ula;
	struct host *other;

	if (!h->told || !IN6_ARE_ADDR_EQUAL(&h->is.ula, &h->want.ula)) {
		/* It will come back, with another one, or is about to go. */
		other = holder(p, h, &h->want.ula);
		if (other)
			return went(other, out);
		kind = h->told ? PEERS_REBORN : PEERS_CAME;
	}
	h->told = true;
	h->is = h->want;
	emit(h, kind, &h->is, out);
	if (kind == PEERS_REBORN)
		out->old_ula = old;
	return true;
}

bool peers_event(struct peers *p, uint64_t now, struct peers_event *out)
{
	struct host *h;

	look(p, now);
	if (end(p, now, out))
		return true;
	if (p->waiting && p->n_hosts < p->max) {
		host_instead(p);
		look(p, now);
	}
	for (h = p->hosts; h; h = h->next) {
		if (good(h) && (!h->told || !same_outer(&h->is, &h->want) ||
				!IN6_ARE_ADDR_EQUAL(&h->is.ula, &h->want.ula)))
			return tell(p, h, out);
	}
	for (h = p->hosts; h; h = h->next) {
		if (h->read) {
			h->read = false;
			return emit(h, PEERS_READ, &h->is, out);
		}
	}
	return false;
}

uint64_t peers_deadline(const struct peers *p)
{
	uint64_t due = p->dirty ? 0 : p->drop_at;
	const struct host *h;

	for (h = p->hosts; h; h = h->next) {
		if (h->told && h->bad_since != NEVER && h->bad_since + PEERS_GRACE < due)
			due = h->bad_since + PEERS_GRACE;
		if (h->hint && h->hint->until < due)
			due = h->hint->until;
	}
	return due;
}

/* --- what there is --- */

static enum answers_status worst(const struct host *h)
{
	const struct peers_question *all[] = { h->aaaa, h->srv, h->a, h->a6 };
	enum answers_status s = ANSWERS_LIVE;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (all[i] && all[i]->status < s)
			s = all[i]->status;
	}
	return s;
}

static void host_status(const struct host *h, struct peers_status *out)
{
	name_text(h->name, out->name);
	out->reason = !h->listed ? PEERS_UNLISTED : h->reason ? h->reason : h->conflict;
	out->told = h->told;
	out->known = worst(h);
	out->ula = h->is.ula;
	out->outer = h->is.outer;
	out->port = h->is.port;
}

bool peers_next(const struct peers *p, struct peers_walk *w, struct peers_status *out)
{
	const struct host *last = w->at, *h = last ? last->next : w->n ? NULL : p->hosts;

	*out = (struct peers_status){ .reason = PEERS_OK };
	if (h) {
		w->at = h;
		host_status(h, out);
		return true;
	}
	w->at = NULL;
	/* Then those who are listed but are no hosts: @n is of the next one, and 1 more. */
	for (w->n += !w->n; w->n <= p->list->n;) {
		const struct record *r = &p->list->records[w->n++ - 1];

		if (r->host || r->reason == PEERS_SELF)
			continue;
		name_text(r->data, out->name);
		out->reason = r->reason;
		out->known = p->list->status;
		return true;
	}
	return false;
}

bool peers_find_wire(const struct peers *p, const uint8_t *name, struct peers_status *out)
{
	const struct host *h = host_find(p, name);

	if (!h || !h->told)
		return false;
	host_status(h, out);
	return true;
}

bool peers_find(const struct peers *p, const char *name, struct peers_status *out)
{
	uint8_t wire[DNAME_MAX];

	return !dname_from_text(name, wire) && peers_find_wire(p, wire, out);
}

bool peers_find_ula(const struct peers *p, const struct in6_addr *ula, struct peers_status *out)
{
	const struct host *h;

	for (h = p->hosts; h; h = h->next) {
		if (!h->told || !IN6_ARE_ADDR_EQUAL(&h->is.ula, ula))
			continue;
		host_status(h, out);
		return true;
	}
	return false;
}

const char *peers_reason_text(enum peers_reason r)
{
	static const char *const text[] = {
		[PEERS_OK] = "",
		[PEERS_ASKING] = "is being asked for",
		[PEERS_UNLISTED] = "is not in the list of hosts any more",
		[PEERS_SELF] = "is this host",
		[PEERS_BAD_NAME] = "is not the name of a host of the domain",
		[PEERS_TOO_MANY] = "is one more than there may be",
		[PEERS_NO_ULA] = "has no inner address (AAAA)",
		[PEERS_BAD_ULA] = "has no inner address in fd00::/8",
		[PEERS_OWN_ULA] = "has this host's own inner address",
		[PEERS_NO_SRV] = "has no port (SRV)",
		[PEERS_BAD_PORT] = "has port 0",
		[PEERS_BAD_TARGET] = "is said to be outside of the domain (SRV)",
		[PEERS_NO_ADDRESS] = "has no outer address",
		[PEERS_BAD_ADDRESS] = "has an outer address that nothing can be sent to",
		[PEERS_SAME_ULA] = "has another host's inner address",
		[PEERS_REPLACED] = "has a newer name",
	};

	return (size_t)r < sizeof(text) / sizeof(*text) ? text[r] : "";
}
