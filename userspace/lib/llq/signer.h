/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How an engine has its messages signed and those of the server verified: keys
 * and the clock are its caller's.
 */
#ifndef BTMM_LLQ_SIGNER_H
#define BTMM_LLQ_SIGNER_H

#include "../dns/tsig.h"

enum signer_result {
	SIGNER_GOOD,
	SIGNER_BAD,	/* not signed, or wrong: as if it had not come (RFC 8945 5.3.1) */
	/* An error BADTIME whose signature is right: the caller has noted by how
	 * much its clock is off, and what is signed from now on will do. With no
	 * prior: the signature is right, but not the time. It proves nothing, and is
	 * a reason to ask the server, whose clock may have been set.
	 */
	SIGNER_AGAIN,
};

struct signer {
	void *arg;
	/*
	 * Signs and appends the TSIG record. @prior: the MAC of the message that this
	 * answers, or NULL. Returns 0, or negative: the message is not sent. All NULL:
	 * nothing is signed and nothing has to be.
	 */
	int (*sign)(void *arg, uint8_t *msg, size_t *len, size_t size,
		    const struct tsig_mac *prior, struct tsig_mac *mac);
	/* @prior as above. @time: when it was signed, in seconds. */
	enum signer_result (*verify)(void *arg, const uint8_t *msg, size_t len,
				     const struct tsig_mac *prior, struct tsig_mac *mac,
				     uint64_t *time);
};

#endif
