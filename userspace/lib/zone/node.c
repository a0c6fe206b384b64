// SPDX-License-Identifier: GPL-2.0-or-later
#include "node.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/message.h"

/* Beside the TTL. */
#define HIDDEN	0x80000000u
#define CASED	0x40000000u

static size_t size_of(size_t name_len, size_t rrs_len)
{
	size_t size = offsetof(struct zone_node, data) + name_len + rrs_len;

	return size < sizeof(struct zone_node) ? sizeof(struct zone_node) : size;
}

static uint8_t *records(struct zone_node *n)
{
	return n->data + n->name_len;
}

struct zone_node *node_new(const uint8_t *name, size_t room)
{
	size_t len = dname_len(name);
	struct zone_node *n = malloc(size_of(len, room));

	if (!n)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->name_len = (uint8_t)len;
	memcpy(n->data, name, len);
	dname_lower(n->data);
	return n;
}

size_t node_cost(const void *allocated)
{
	return malloc_usable_size((void *)allocated) + sizeof(size_t);
}

const uint8_t *zone_node_name(const struct zone_node *n)
{
	return n->data;
}

bool zone_node_next(const struct zone_node *n, size_t *pos, struct zone_rr *rr)
{
	const uint8_t *p = n->data + n->name_len + *pos;
	uint32_t ttl;

	if (*pos >= n->rrs_len)
		return false;

	memcpy(&rr->type, p, sizeof(rr->type));
	memcpy(&rr->rdlen, p + 2, sizeof(rr->rdlen));
	memcpy(&ttl, p + 4, sizeof(ttl));
	rr->ttl = ttl & NODE_TTL_MAX;
	rr->hidden = ttl & HIDDEN;
	rr->rdata = p + NODE_RR_FIXED;
	rr->cased = ttl & CASED ? rr->rdata + rr->rdlen : NULL;
	*pos += node_rr_len(rr);
	return true;
}

bool zone_rr_served(const struct zone_rr *rr)
{
	return !rr->hidden && rr->type != DNS_LEASED && rr->type != DNS_ENROLLED;
}

bool node_has_served(const struct zone_node *n)
{
	struct zone_rr rr;
	size_t pos = 0;

	while (zone_node_next(n, &pos, &rr)) {
		if (zone_rr_served(&rr))
			return true;
	}
	return false;
}

bool zone_node_exists(const struct zone_node *n)
{
	return n->shown || node_has_served(n);
}

int node_rr_cmp(const struct zone_rr *a, const struct zone_rr *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->rdlen != b->rdlen)
		return a->rdlen < b->rdlen ? -1 : 1;
	return a->rdlen ? memcmp(a->rdata, b->rdata, a->rdlen) : 0;
}

bool node_same_case(const struct zone_rr *a, const struct zone_rr *b)
{
	if (!a->cased || !b->cased)
		return a->cased == b->cased;
	return !memcmp(a->cased, b->cased, a->rdlen);
}

size_t node_rr_len(const struct zone_rr *rr)
{
	return NODE_RR_FIXED + (rr->cased ? 2 : 1) * (size_t)rr->rdlen;
}

bool node_find(const struct zone_node *n, uint16_t type, const uint8_t *rdata,
	       uint16_t rdlen, size_t *pos)
{
	const struct zone_rr wanted = { .type = type, .rdata = rdata, .rdlen = rdlen };
	struct zone_rr rr;
	size_t at = 0;

	for (*pos = 0; zone_node_next(n, &at, &rr); *pos = at) {
		int cmp = node_rr_cmp(&rr, &wanted);

		if (cmp >= 0)
			return !cmp;
	}
	return false;
}

static void write_ttl(uint8_t *rr, uint32_t ttl, bool hidden, bool cased)
{
	uint32_t v = ttl | (hidden ? HIDDEN : 0) | (cased ? CASED : 0);

	memcpy(rr + 4, &v, sizeof(v));
}

void node_set(struct zone_node *n, size_t pos, uint32_t ttl, bool hidden)
{
	uint8_t *p = records(n) + pos;
	uint32_t old;

	memcpy(&old, p + 4, sizeof(old));
	write_ttl(p, ttl, hidden, old & CASED);
}

int node_insert(struct zone_node **link, size_t pos, const struct zone_rr *rr)
{
	size_t len = node_rr_len(rr);
	struct zone_node *n = *link;
	uint8_t *p;

	if (len > UINT32_MAX - n->rrs_len)
		return -ENOSPC;
	n = realloc(n, size_of(n->name_len, n->rrs_len + len));
	if (!n)
		return -ENOMEM;
	*link = n;

	p = records(n) + pos;
	memmove(p + len, p, n->rrs_len - pos);
	n->rrs_len += (uint32_t)len;
	memcpy(p, &rr->type, sizeof(rr->type));
	memcpy(p + 2, &rr->rdlen, sizeof(rr->rdlen));
	write_ttl(p, rr->ttl, rr->hidden, rr->cased);
	p += NODE_RR_FIXED;
	if (rr->rdlen)
		memcpy(p, rr->rdata, rr->rdlen);
	if (rr->cased)
		memcpy(p + rr->rdlen, rr->cased, rr->rdlen);
	return 0;
}

void node_take(struct zone_node **link, size_t pos)
{
	struct zone_node *n = *link;
	uint8_t *p = records(n) + pos;
	struct zone_rr rr;
	size_t end = pos;

	if (!zone_node_next(n, &end, &rr))
		return;
	memmove(p, records(n) + end, n->rrs_len - end);
	n->rrs_len -= (uint32_t)(end - pos);

	/* Should it not get smaller, it just is larger than it has to be. */
	n = realloc(n, size_of(n->name_len, n->rrs_len));
	if (n)
		*link = n;
}
