/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SAs with one peer, as charon's "list-sa" says. */
#ifndef BTMM_IKE_LISTING_H
#define BTMM_IKE_LISTING_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../vici/message.h"

#define LISTING_MAX	64		/* IKE_SAs, and CHILD_SAs, that are looked at */

struct ike_sa {
	uint32_t id;
	bool established;		/* else it is on its way in or out */
	bool going;			/* is being deleted, or rekeyed away */
	bool ours;			/* we began it */
	bool answered;			/* both SPIs are known: if ours, the peer has answered */
	struct in6_addr local, remote;
	uint64_t since;			/* ms, when established */
	unsigned int children;		/* installed */
	bool kill;			/* the manager wants it ended */
};

struct ike_child {
	uint32_t id;
	uint32_t ike;			/* id of its IKE_SA */
	bool installed;			/* the kernel has it */
	bool kill;
	uint32_t spi_in, spi_out;
	uint64_t since;			/* ms */
	uint64_t bytes_in, bytes_out;
	char suite[32];
};

struct listing {
	struct ike_sa *sas;
	size_t n;
	struct ike_child *children;
	size_t n_children;
};

void listing_clear(struct listing *l);
void listing_move(struct listing *to, struct listing *from);
/* The name of the first section of a message; false: there is none. */
bool listing_name(struct vici_span body, struct vici_span *name);
/*
 * Adds the IKE_SA of one "list-sa" and its CHILD_SAs. One that cannot be read, or is
 * too much, is left out. -ENOMEM.
 */
int listing_add(struct listing *l, struct vici_span body, uint64_t now);

#endif
