// SPDX-License-Identifier: GPL-2.0-or-later
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/message.h"
#include "node.h"
#include "zone.h"

#define SOA_FIXED	20	/* serial, refresh, retry, expire, minimum */
#define TTL_MAX		0x7fffffffu	/* RFC 2181 8 */

struct zone *zone_new(const uint8_t *apex)
{
	struct zone *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	if (table_init(&z->table)) {
		free(z);
		return NULL;
	}
	memcpy(z->apex, apex, dname_len(apex));
	dname_lower(z->apex);
	return z;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	zone_free(z->full);
	table_free(&z->table);
	free(z);
}

const uint8_t *zone_apex(const struct zone *z)
{
	return z->apex;
}

bool zone_loaded(const struct zone *z)
{
	return z->soa.loaded;
}

uint32_t zone_serial(const struct zone *z)
{
	return z->soa.serial;
}

void zone_timers(const struct zone *z, uint32_t out[4])
{
	memcpy(out, z->soa.timers, sizeof(z->soa.timers));
}

void zone_watch(struct zone *z, zone_change_fn fn, void *arg)
{
	z->fn = fn;
	z->arg = arg;
}

size_t zone_names(const struct zone *z)
{
	return z->table.n;
}

size_t zone_octets(const struct zone *z)
{
	return node_cost(z) + z->table.octets + (z->full ? zone_octets(z->full) : 0);
}

const struct zone_node *zone_find(const struct zone *z, const uint8_t *name)
{
	return table_find(&z->table, name);
}

const struct zone_node *zone_next(const struct zone *z, size_t *pos)
{
	return table_next(&z->table, pos);
}

bool zone_has(const struct zone *z, const uint8_t *owner, uint16_t type,
	      const uint8_t *rdata, uint16_t rdlen, struct zone_rr *rr)
{
	const struct zone_node *n = table_find(&z->table, owner);
	struct zone_rr found;
	size_t pos;

	if (!n || !node_find(n, type, rdata, rdlen, &pos))
		return false;
	zone_node_next(n, &pos, rr ? rr : &found);
	return true;
}

static void tell(const struct zone *z, const struct zone_node *n, size_t pos, bool add)
{
	struct zone_change c = { .add = add, .owner = n->data };

	if (!z->fn)
		return;
	zone_node_next(n, &pos, &c.rr);
	/* What is taken away is hidden already, but that is not what changed. */
	c.rr.hidden = false;
	z->fn(z->arg, z, &c);
}

/* @name has begun or ceased to exist: so its parents may have, too. */
static void count_shown(struct zone *z, const uint8_t *name, bool exists)
{
	while (!dname_equal(name, z->apex)) {
		struct zone_node *parent = table_find(&z->table, dname_skip(name, 1));
		bool did;

		if (!parent)
			return;
		did = zone_node_exists(parent);
		parent->shown += exists ? 1 : -1;
		if (zone_node_exists(parent) == did)
			return;
		name = parent->data;
	}
}

void zone_set_hidden(struct zone *z, struct zone_node *n, size_t pos, uint32_t ttl,
		     bool hidden)
{
	bool did = zone_node_exists(n);

	node_set(n, pos, ttl, hidden);
	if (zone_node_exists(n) != did)
		count_shown(z, n->data, !did);
	tell(z, n, pos, !hidden);
}

/* Does away with @name and those above it which nothing holds any more. */
static void prune(struct zone *z, const uint8_t *name)
{
	uint8_t copy[DNAME_MAX];

	memcpy(copy, name, dname_len(name));
	for (name = copy;; name = dname_skip(name, 1)) {
		struct zone_node **link = table_link(&z->table, name);

		if (!link || (*link)->rrs_len || (*link)->children)
			return;
		table_delete(&z->table, link);
		if (dname_equal(name, z->apex))
			return;
		table_find(&z->table, dname_skip(name, 1))->children--;
	}
}

/* The node of @name, with the empty non-terminals between it and the apex. */
static struct zone_node **make(struct zone *z, const uint8_t *name, size_t room)
{
	unsigned int depth = dname_labels(name) - dname_labels(z->apex);
	unsigned int missing = 0;

	while (missing <= depth && !table_find(&z->table, dname_skip(name, missing)))
		missing++;

	while (missing--) {
		const uint8_t *owner = dname_skip(name, missing);
		struct zone_node *n = node_new(owner, missing ? 0 : room);

		if (!n) {
			if (missing < depth)
				prune(z, dname_skip(owner, 1));
			return NULL;
		}
		table_insert(&z->table, n);
		if (missing < depth)
			table_find(&z->table, dname_skip(owner, 1))->children++;
	}
	return table_link(&z->table, name);
}

/* Takes a record, hidden by now, out of the memory. */
static void drop(struct zone *z, struct zone_node **link, size_t pos)
{
	z->table.octets -= node_cost(*link);
	node_take(link, pos);
	z->table.octets += node_cost(*link);
	if (!(*link)->rrs_len)
		prune(z, (*link)->data);
}

/* Brings a record, hidden so far, to where it is found, before one that is like it.
 * NULL: no memory.
 */
static struct zone_node **insert(struct zone *z, const uint8_t *owner,
				 const struct zone_rr *rr, size_t *pos)
{
	struct zone_node **link = table_link(&z->table, owner);
	int ret;

	if (!link)
		link = make(z, owner, node_rr_len(rr));
	if (!link)
		return NULL;

	node_find(*link, rr->type, rr->rdata, rr->rdlen, pos);
	z->table.octets -= node_cost(*link);
	ret = node_insert(link, *pos, rr);
	z->table.octets += node_cost(*link);
	if (ret) {
		prune(z, owner);
		return NULL;
	}
	return link;
}

static int add(struct zone *z, const uint8_t *owner, const struct zone_rr *rr)
{
	struct zone_node **link = table_link(&z->table, owner);
	struct zone_rr old = { .hidden = true };
	bool there, same = false;
	size_t pos, at;

	there = link && node_find(*link, rr->type, rr->rdata, rr->rdlen, &pos);
	if (there) {
		at = pos;
		zone_node_next(*link, &at, &old);
		same = node_same_case(&old, rr);
		if (same && !old.hidden && old.ttl == rr->ttl)
			return 1;
	}
	if (!same) {
		link = insert(z, owner, rr, &pos);
		if (!link)
			return -ENOMEM;
	}

	at = same ? pos : pos + node_rr_len(rr);
	if (!old.hidden)
		zone_set_hidden(z, *link, at, old.ttl, true);
	if (there && !same)
		drop(z, link, at);
	zone_set_hidden(z, *link, pos, rr->ttl, false);
	return 0;
}

bool zone_soa_read(const uint8_t *rdata, size_t rdlen, struct zone_soa *out)
{
	size_t mname, rname;
	int i;

	mname = dname_check(rdata, rdlen);
	if (!mname)
		return false;
	rname = dname_check(rdata + mname, rdlen - mname);
	if (!rname || rdlen - mname - rname != SOA_FIXED)
		return false;

	rdata += mname + rname;
	out->loaded = true;
	out->serial = dns_u32(rdata);
	for (i = 0; i < 4; i++)
		out->timers[i] = dns_u32(rdata + 4 + 4 * i);
	return true;
}

/* Its only other SOA goes when the new one is there. */
static int add_soa(struct zone *z, const uint8_t *owner, const struct zone_rr *rr)
{
	const struct zone_soa before = z->soa;
	struct zone_node **link;
	struct zone_rr old;
	size_t pos = 0, at;
	int ret;

	if (!dname_equal(owner, z->apex) || !zone_soa_read(rr->rdata, rr->rdlen, &z->soa))
		return -EINVAL;
	ret = add(z, owner, rr);
	if (ret < 0)
		z->soa = before;
	if (ret)
		return ret;

	link = table_link(&z->table, z->apex);
	for (at = 0; zone_node_next(*link, &pos, &old); at = pos) {
		if (old.type != DNS_SOA || !node_rr_cmp(&old, rr))
			continue;
		zone_set_hidden(z, *link, at, old.ttl, true);
		drop(z, link, at);
		break;
	}
	return 0;
}

bool zone_is_meta(uint16_t type)
{
	return !type || type == DNS_OPT || (type >= 128 && type <= 255);
}

static uint32_t bounded_ttl(uint32_t ttl)
{
	if (ttl > TTL_MAX)
		return 0;
	return ttl > NODE_TTL_MAX ? NODE_TTL_MAX : ttl;
}

int zone_put(struct zone *z, const uint8_t *owner, const struct zone_rr *in)
{
	struct zone_rr rr = *in;

	rr.ttl = bounded_ttl(in->ttl);
	rr.hidden = true;
	if (!dname_within(owner, z->apex) || zone_is_meta(rr.type))
		return -EINVAL;
	if (z->full)
		z = z->full;
	return rr.type == DNS_SOA ? add_soa(z, owner, &rr) : add(z, owner, &rr);
}

int zone_add(struct zone *z, const uint8_t *owner, uint16_t type, uint32_t ttl,
	     const uint8_t *rdata, uint16_t rdlen)
{
	const struct zone_rr rr = { .type = type, .ttl = ttl, .rdata = rdata, .rdlen = rdlen };

	return zone_put(z, owner, &rr);
}

int zone_remove(struct zone *z, const uint8_t *owner, uint16_t type,
		const uint8_t *rdata, uint16_t rdlen)
{
	struct zone_node **link;
	struct zone_rr rr;
	size_t pos, at;

	if (!dname_within(owner, z->apex))
		return -EINVAL;
	link = table_link(&z->table, owner);
	if (!link || !node_find(*link, type, rdata, rdlen, &pos))
		return 1;

	at = pos;
	zone_node_next(*link, &at, &rr);
	if (type == DNS_SOA)
		memset(&z->soa, 0, sizeof(z->soa));
	if (!rr.hidden)
		zone_set_hidden(z, *link, pos, rr.ttl, true);
	drop(z, link, pos);
	return 0;
}

static int hide(struct zone *z, const uint8_t *owner, uint16_t type,
		const uint8_t *rdata, uint16_t rdlen, bool hidden)
{
	struct zone_node *n = table_find(&z->table, owner);
	struct zone_rr rr;
	size_t pos, at;

	if (type == DNS_SOA)
		return -EINVAL;
	if (!n || !node_find(n, type, rdata, rdlen, &pos))
		return -ENOENT;

	at = pos;
	zone_node_next(n, &at, &rr);
	if (rr.hidden == hidden)
		return 1;
	zone_set_hidden(z, n, pos, rr.ttl, hidden);
	return 0;
}

int zone_hide(struct zone *z, const uint8_t *owner, uint16_t type,
	      const uint8_t *rdata, uint16_t rdlen)
{
	return hide(z, owner, type, rdata, rdlen, true);
}

int zone_show(struct zone *z, const uint8_t *owner, uint16_t type,
	      const uint8_t *rdata, uint16_t rdlen)
{
	return hide(z, owner, type, rdata, rdlen, false);
}
