/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said to charon about keys and about one peer: VICI commands. */
#ifndef BTMM_IKE_CONNECTION_H
#define BTMM_IKE_CONNECTION_H

#include <netinet/in.h>
#include <stdbool.h>

#include "../vici/message.h"

#define CONNECTION_CHILD	"tunnel"	/* name of each connection's only child */

struct connection {
	const char *name;		/* of the connection */
	const char *local_name, *remote_name;	/* FQDNs */
	const struct in6_addr *local, *remote;	/* ULAs */
	/* with both: certificates; without: a pre-shared key */
	struct vici_span cert, authority;
	bool aes_first;
	bool trap;			/* call on demand */
	uint32_t reqid;			/* what ties SAs to policies; 0: charon's choice */
	uint32_t rekey;			/* s, of CHILD_SAs */
};

/* All return as vici_end(). */
size_t connection_load(const struct connection *c, uint8_t *out, size_t size);
size_t connection_load_key(struct vici_span key, uint8_t *out, size_t size);
/* A key shared by @name and everybody. */
size_t connection_load_shared(struct vici_span psk, const char *name, uint8_t *out, size_t size);

#endif
