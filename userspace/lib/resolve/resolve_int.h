/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the stub resolver: the table of names (table.c), and answers (answer.c).
 */
#ifndef BTMM_RESOLVE_INT_H
#define BTMM_RESOLVE_INT_H

#include "resolve.h"

struct resolve_rr {
	struct resolve_rr *next;	/* at this name, by type */
	uint32_t sources;		/* bits */
	uint16_t type, rdlen;
	uint8_t rdata[];		/* and its canonical form behind it */
};

/* A name that has records, or below which there is one that has. */
struct resolve_node {
	struct resolve_node *next;	/* in the bucket */
	struct resolve_node *parent;	/* NULL: of the domain itself */
	uint64_t hash;
	unsigned int children;
	struct resolve_rr *rrs;
	uint8_t name[];			/* in the case it came in */
};

struct resolve {
	struct resolve_node **buckets;
	size_t n_buckets;		/* a power of two */
	size_t n_nodes, n_rrs, octets;
	bool complete;
	uint32_t serial;		/* of the SOA: grows with each change */
	uint8_t domain[DNAME_MAX];
	uint8_t canonical[DNS_MAX];	/* scratch */
};

struct resolve_node *resolve_find(const struct resolve *r, const uint8_t *name);
/* The first of @type; the others of it follow. */
const struct resolve_rr *resolve_first(const struct resolve_node *n, uint16_t type);

#endif
