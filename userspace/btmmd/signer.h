/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signs with the host's TSIG key (RFC 8945) for the engines of lib/llq and lib/lease.
 * A server that says BADTIME, signed, has said by how much our clock is off: all that
 * is signed and checked from then on goes by the server's (5.2.3).
 *
 * The system's clock is read once. From then on time is what has passed, so whoever sets
 * the clock afterwards, rightly or not, neither delays a request nor, which would be worse,
 * makes signed events count as old until the next one.
 */
#ifndef BTMMD_SIGNER_H
#define BTMMD_SIGNER_H

#include "../lib/llq/signer.h"

struct host_signer {
	struct tsig_key key;
	int64_t began;		/* s since 1970 when CLOCK_BOOTTIME was 0, as was believed */
	int64_t offset;		/* s to be added */
};

/* The key is copied; done with it, host_signer_wipe(). */
void host_signer_init(struct host_signer *s, const struct tsig_key *key);
void host_signer_wipe(struct host_signer *s);

/* For an engine's configuration; @s has to stay where it is. */
struct signer host_signer_ops(struct host_signer *s);

#endif
