/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway's clock, by which it shows that it has forgotten its mappings: RFC 6886
 * 3.6 and RFC 6887 8.5.
 */
#ifndef BTMM_NAT_EPOCH_H
#define BTMM_NAT_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

struct epoch {
	bool known;
	uint32_t server;	/* s, of the last packet */
	uint64_t client;	/* ms, when it came */
};

/* A packet has come. True: it shows that state was lost. The first never does. */
bool epoch_natpmp(struct epoch *e, uint32_t server, uint64_t now);
bool epoch_pcp(struct epoch *e, uint32_t server, uint64_t now);

#endif
