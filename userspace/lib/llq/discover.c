// SPDX-License-Identifier: GPL-2.0-or-later
#include "discover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/message.h"
#include "../dns/srv.h"

#define TRIES		3
#define FIRST_WAIT	1000	/* ms; doubles */
#define TTL_MIN		60	/* s */
#define TTL_MAX		86400
#define TTL_NONE	900	/* for what there is not */
#define CNAMES_MAX	8

#define NEVER		UINT64_MAX

#define HOSTS_MAX	(DISCOVER_SERVICES * DISCOVER_SERVERS)
#define ASKS_MAX	(1 + DISCOVER_SERVICES + 2 * HOSTS_MAX)

/* A question and what became of it. */
struct ask {
	uint8_t name[DNAME_MAX];
	uint16_t type, id;
	enum discover_service service;	/* of an SRV */
	unsigned int tries;
	uint64_t due;		/* of the next try; NEVER: answered, or given up */
};

struct discover {
	enum discover_state state;
	int error;
	struct draw draw;
	uint64_t now;		/* of the last output */
	uint8_t zone[DNAME_MAX];
	bool has_zone;
	uint32_t ttl;
	struct ask asks[ASKS_MAX];
	size_t n_asks;
	struct {
		struct discover_server servers[DISCOVER_SERVERS];
		size_t n;
	} services[DISCOVER_SERVICES];
};

static const char *const names[][2] = {
	[DISCOVER_LLQ] = { "_dns-llq", "_udp" },
	[DISCOVER_UPDATE] = { "_dns-update", "_udp" },
	[DISCOVER_QUERY_TLS] = { "_dns-query-tls", "_tcp" },
	[DISCOVER_UPDATE_TLS] = { "_dns-update-tls", "_tcp" },
	[DISCOVER_LLQ_TLS] = { "_dns-llq-tls", "_tcp" },
	[DISCOVER_PUSH_TLS] = { "_dns-push-tls", "_tcp" },
};

const char *discover_service_name(enum discover_service s)
{
	static const char *const text[] = {
		[DISCOVER_LLQ] = "_dns-llq._udp",
		[DISCOVER_UPDATE] = "_dns-update._udp",
		[DISCOVER_QUERY_TLS] = "_dns-query-tls._tcp",
		[DISCOVER_UPDATE_TLS] = "_dns-update-tls._tcp",
		[DISCOVER_LLQ_TLS] = "_dns-llq-tls._tcp",
		[DISCOVER_PUSH_TLS] = "_dns-push-tls._tcp",
	};

	return text[s];
}

/* --- questions --- */

/* Once each; NULL: it has been asked. */
static struct ask *ask(struct discover *d, const uint8_t *name, uint16_t type)
{
	struct ask *a;
	size_t i;

	for (i = 0; i < d->n_asks; i++) {
		if (d->asks[i].type == type && dname_equal(d->asks[i].name, name))
			return NULL;
	}
	if (d->n_asks == ASKS_MAX)
		return NULL;
	a = &d->asks[d->n_asks++];
	*a = (struct ask){ .type = type, .due = d->now };
	memcpy(a->name, name, dname_len(name));
	return a;
}

/* What is left to do with the zone known */
static void ask_services(struct discover *d)
{
	uint8_t name[DNAME_MAX];
	int s;

	d->has_zone = true;
	for (s = 0; s < DISCOVER_SERVICES; s++) {
		struct ask *a;

		/* In a zone whose name is that long there can be no such service. */
		if (!dname_prefix(names[s][1], strlen(names[s][1]), d->zone, name) ||
		    !dname_prefix(names[s][0], strlen(names[s][0]), name, name))
			continue;
		a = ask(d, name, DNS_SRV);
		if (a)
			a->service = (enum discover_service)s;
	}
}

static void fail(struct discover *d, int error)
{
	size_t i;

	for (i = 0; i < d->n_asks; i++)
		d->asks[i].due = NEVER;
	d->state = DISCOVER_FAILED;
	d->error = error;
}

static uint64_t below(void *arg, uint64_t n)
{
	return draw_below(arg, n);
}

static void put_in_order(struct discover *d, enum discover_service s)
{
	struct discover_server servers[DISCOVER_SERVERS];
	struct srv_choice order[DISCOVER_SERVERS];
	size_t i, n = d->services[s].n;

	for (i = 0; i < n; i++) {
		servers[i] = d->services[s].servers[i];
		order[i] = (struct srv_choice){ servers[i].priority, servers[i].weight, i };
	}
	srv_order(order, n, below, &d->draw);
	for (i = 0; i < n; i++)
		d->services[s].servers[i] = servers[order[i].index];
}

static void done(struct discover *d)
{
	if (d->state == DISCOVER_ASKING && discover_deadline(d) == NEVER)
		d->state = DISCOVER_DONE;
}

struct discover *discover_new(const uint8_t *name, bool is_zone,
			      const uint8_t seed[DRAW_SEED], uint64_t now)
{
	struct discover *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	memcpy(d->draw.seed, seed, DRAW_SEED);
	memcpy(d->zone, name, dname_len(name));
	d->now = now;
	d->ttl = TTL_MAX;
	if (is_zone)
		ask_services(d);
	else
		ask(d, name, DNS_SOA);
	done(d);
	return d;
}

void discover_free(struct discover *d)
{
	free(d);
}

static uint16_t new_id(struct discover *d)
{
	uint16_t id;
	size_t i;

	do {
		id = draw_id(&d->draw);
		for (i = 0; i < d->n_asks && d->asks[i].id != id; i++)
			;
	} while (i < d->n_asks);
	return id;
}

static void give_up(struct discover *d, struct ask *a)
{
	a->due = NEVER;
	/* What was not answered may be there. */
	d->ttl = TTL_MIN;
	if (a->type == DNS_SOA)
		fail(d, -ETIMEDOUT);
	done(d);
}

size_t discover_output(struct discover *d, uint64_t now, uint8_t *out, size_t size)
{
	struct dns_writer w;
	size_t i;

	d->now = now;
	for (i = 0; i < d->n_asks; i++) {
		struct ask *a = &d->asks[i];

		if (now < a->due)
			continue;
		if (a->tries == TRIES) {
			give_up(d, a);
			continue;
		}
		if (!a->id)
			a->id = new_id(d);
		a->due = now + (FIRST_WAIT << a->tries++);
		dns_writer_init(&w, out, size, a->id, DNS_RD);
		dns_put_question(&w, a->name, a->type, DNS_IN);
		dns_put_opt(&w, DNS_UDP_MAX, 0, NULL, 0);
		return w.failed ? 0 : w.len;
	}
	return 0;
}

uint64_t discover_deadline(const struct discover *d)
{
	uint64_t due = NEVER;
	size_t i;

	for (i = 0; i < d->n_asks; i++) {
		if (d->asks[i].due < due)
			due = d->asks[i].due;
	}
	return due;
}

/* --- answers --- */

static void heed_ttl(struct discover *d, uint32_t ttl)
{
	if (ttl < TTL_MIN)
		ttl = TTL_MIN;
	if (ttl < d->ttl)
		d->ttl = ttl;
}

/* Where the CNAMEs of the answer lead to from @name. */
static void canonical_name(const uint8_t *msg, size_t len, uint8_t name[DNAME_MAX])
{
	unsigned int n;

	for (n = 0; n < CNAMES_MAX; n++) {
		uint8_t target[DNAME_MAX];
		bool found = false;
		struct dns_walk w;
		struct dns_rr rr;

		dns_walk_init(&w, msg, len);
		while (!found && dns_walk_rr(&w, &rr) > 0) {
			found = w.section == 1 && rr.type == DNS_CNAME &&
				rr.class_ == DNS_IN && dname_equal(rr.owner, name) &&
				dname_unpack(msg, len, (size_t)(rr.rdata - msg), target);
		}
		if (!found)
			return;
		memcpy(name, target, dname_len(target));
	}
}

static void soa_answer(struct discover *d, const struct ask *a, const uint8_t *msg, size_t len)
{
	const uint8_t *up = dname_skip(a->name, 1);
	struct dns_walk w;
	struct dns_rr rr;

	/* The zone of what is asked for, in answer or authority; a CNAME may have led
	 * into another one.
	 */
	dns_walk_init(&w, msg, len);
	while (dns_walk_rr(&w, &rr) > 0) {
		if (w.section > 2 || rr.type != DNS_SOA || rr.class_ != DNS_IN ||
		    !dname_within(a->name, rr.owner) || !dname_labels(rr.owner))
			continue;
		memcpy(d->zone, rr.owner, dname_len(rr.owner));
		heed_ttl(d, rr.ttl);
		ask_services(d);
		return;
	}
	/* A zone that hides its names shows at least its apex. */
	if (!up || dname_labels(up) < 2)
		fail(d, -ENOENT);
	else
		ask(d, up, DNS_SOA);
}

/* Of the same target, which may serve for several things */
static void copy_addresses(const struct discover *d, struct discover_server *to)
{
	size_t i;
	int s;

	for (s = 0; s < DISCOVER_SERVICES; s++) {
		for (i = 0; i < d->services[s].n; i++) {
			const struct discover_server *from = &d->services[s].servers[i];

			if (!dname_equal(from->target, to->target))
				continue;
			to->n_addresses = from->n_addresses;
			memcpy(to->addresses, from->addresses, sizeof(to->addresses));
			return;
		}
	}
}

static void add_server(struct discover *d, enum discover_service s, const uint8_t *msg,
		       size_t len, const struct dns_rr *rr)
{
	struct discover_server *server = &d->services[s].servers[d->services[s].n];

	if (d->services[s].n == DISCOVER_SERVERS || rr->rdlen < 7)
		return;
	*server = (struct discover_server){
		.priority = dns_u16(rr->rdata),
		.weight = dns_u16(rr->rdata + 2),
		.port = dns_u16(rr->rdata + 4),
	};
	heed_ttl(d, rr->ttl);
	/* The root as the target says that there is no such service. */
	if (dname_unpack(msg, len, (size_t)(rr->rdata + 6 - msg), server->target) !=
	    rr->rdlen - 6u || !server->target[0] || !server->port)
		return;
	copy_addresses(d, server);
	d->services[s].n++;
}

static void add_address(struct discover *d, const uint8_t *name, const struct dns_rr *rr)
{
	uint8_t ip[16] = { [10] = 0xff, [11] = 0xff };
	size_t i, j;
	int s;

	if (rr->rdlen != (rr->type == DNS_A ? 4 : 16))
		return;
	memcpy(ip + 16 - rr->rdlen, rr->rdata, rr->rdlen);
	heed_ttl(d, rr->ttl);
	for (s = 0; s < DISCOVER_SERVICES; s++) {
		for (i = 0; i < d->services[s].n; i++) {
			struct discover_server *server = &d->services[s].servers[i];

			if (!dname_equal(server->target, name))
				continue;
			for (j = 0; j < server->n_addresses; j++) {
				if (!memcmp(server->addresses[j], ip, sizeof(ip)))
					break;
			}
			if (j < DISCOVER_ADDRESSES && j == server->n_addresses)
				memcpy(server->addresses[server->n_addresses++], ip, sizeof(ip));
		}
	}
}

/* Targets are asked for by themselves: what comes beside an SRV need not be all. */
static void ask_targets(struct discover *d, enum discover_service s)
{
	size_t i;

	for (i = 0; i < d->services[s].n; i++) {
		ask(d, d->services[s].servers[i].target, DNS_A);
		ask(d, d->services[s].servers[i].target, DNS_AAAA);
	}
}

static void take_answer(struct discover *d, const struct ask *a, const uint8_t *msg, size_t len)
{
	uint8_t name[DNAME_MAX];
	struct dns_walk w;
	struct dns_rr rr;
	bool any = false;

	memcpy(name, a->name, dname_len(a->name));
	canonical_name(msg, len, name);
	dns_walk_init(&w, msg, len);
	while (dns_walk_rr(&w, &rr) > 0) {
		if (w.section != 1 || rr.type != a->type || rr.class_ != DNS_IN ||
		    !dname_equal(rr.owner, name))
			continue;
		any = true;
		if (a->type == DNS_SRV)
			add_server(d, a->service, msg, len, &rr);
		else
			add_address(d, a->name, &rr);
	}
	if (a->type == DNS_SRV) {
		put_in_order(d, a->service);
		ask_targets(d, a->service);
	}
	if (!any)
		heed_ttl(d, TTL_NONE);
}

static struct ask *asked(struct discover *d, const uint8_t *msg, size_t len)
{
	struct dns_question q;
	struct dns_shape shape;
	struct dns_walk w;
	size_t i;

	if (dns_shape(msg, len, &shape) || !(dns_flags(msg) & DNS_QR) ||
	    dns_opcode(msg) != DNS_QUERY || dns_walk_init(&w, msg, len) ||
	    dns_walk_question(&w, &q) != 1 || q.class_ != DNS_IN)
		return NULL;
	for (i = 0; i < d->n_asks; i++) {
		struct ask *a = &d->asks[i];

		if (a->due != NEVER && a->tries && a->id == dns_id(msg) && a->type == q.type &&
		    dname_equal(a->name, q.name))
			return a;
	}
	return NULL;
}

bool discover_input(struct discover *d, const uint8_t *msg, size_t len)
{
	struct ask *a = asked(d, msg, len);

	if (!a)
		return false;
	a->due = NEVER;
	if (a->type == DNS_SOA)
		soa_answer(d, a, msg, len);
	else if (dns_rcode(msg) == DNS_NOERROR || dns_rcode(msg) == DNS_NXDOMAIN)
		take_answer(d, a, msg, len);
	else
		d->ttl = TTL_MIN;
	done(d);
	return true;
}

/* --- what is known --- */

enum discover_state discover_state(const struct discover *d)
{
	return d->state;
}

int discover_error(const struct discover *d)
{
	return d->error;
}

const uint8_t *discover_zone(const struct discover *d)
{
	return d->has_zone ? d->zone : NULL;
}

uint32_t discover_ttl(const struct discover *d)
{
	return d->ttl;
}

static bool pending(const struct discover *d, const uint8_t *name)
{
	size_t i;

	for (i = 0; i < d->n_asks; i++) {
		if (d->asks[i].due != NEVER && d->asks[i].type != DNS_SRV &&
		    dname_equal(d->asks[i].name, name))
			return true;
	}
	return false;
}

bool discover_known(const struct discover *d, enum discover_service s)
{
	size_t i;

	if (d->state != DISCOVER_ASKING)
		return true;
	if (!d->has_zone)
		return false;
	for (i = 0; i < d->n_asks; i++) {
		if (d->asks[i].type == DNS_SRV && d->asks[i].service == s &&
		    d->asks[i].due != NEVER)
			return false;
	}
	for (i = 0; i < d->services[s].n; i++) {
		if (pending(d, d->services[s].servers[i].target))
			return false;
	}
	return true;
}

const struct discover_server *discover_servers(const struct discover *d,
					       enum discover_service s, size_t *n)
{
	*n = d->services[s].n;
	return d->services[s].servers;
}
