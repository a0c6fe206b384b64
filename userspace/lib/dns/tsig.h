/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transaction signatures, RFC 8945, by libknot; reads the clock (libknot does).
 */
#ifndef BTMM_DNS_TSIG_H
#define BTMM_DNS_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"

#define TSIG_MAC_MAX	64
#define TSIG_SECRET_MAX	64
#define TSIG_ROOM	(DNAME_MAX + 10 + 64 + 16 + TSIG_MAC_MAX)	/* at most, in a message */

enum tsig_algorithm { TSIG_HMAC_SHA256 = 1, TSIG_HMAC_SHA512, TSIG_HMAC_MD5 };
/* "hmac-sha256" ...; 0 when unknown */
enum tsig_algorithm tsig_algorithm_from_text(const char *s);
const char *tsig_algorithm_name(enum tsig_algorithm a);

/* A key. Whoever is done with one calls tsig_key_wipe(). */
struct tsig_key {
	uint8_t name[DNAME_MAX];	/* lower case */
	enum tsig_algorithm algorithm;
	uint8_t secret[TSIG_SECRET_MAX];
	uint8_t secret_len;
};

void tsig_key_wipe(struct tsig_key *key);

struct tsig_mac {
	uint8_t len;
	uint8_t b[TSIG_MAC_MAX];
};

/* What the TSIG of a message says of itself, before any check. */
struct tsig_claim {
	uint8_t key_name[DNAME_MAX];	/* lower case */
	uint8_t algorithm_name[DNAME_MAX];	/* lower case */
	enum tsig_algorithm algorithm;	/* 0: one we do not know */
	uint64_t time_signed;		/* seconds since 1970 */
	uint16_t fudge, error, original_id;
	struct tsig_mac mac;
	/* server time of a BADTIME answer, else 0 */
	uint64_t other_time;
};

/*
 * 0, -ENOENT (no TSIG) or -EBADMSG. The latter also: a MAC of a size that
 * RFC 8945 5.2.2.1 forbids, unless a response says that it is not signed.
 */
int tsig_read(const uint8_t *msg, size_t len, struct tsig_claim *out);

enum tsig_result { TSIG_OK = 0, TSIG_BADSIG = 16, TSIG_BADKEY = 17, TSIG_BADTIME = 18,
		   TSIG_BADTRUNC = 22 };

/*
 * Checks a request (@prior NULL) or a response (@prior: the request's MAC), in
 * the order of RFC 8945 5.2 behind the look-up of the key: MAC, time, truncation.
 * A key whose name or algorithm is not the message's is TSIG_BADKEY. A truncated
 * MAC is TSIG_BADTRUNC without having been looked at: libknot computes none.
 */
enum tsig_result tsig_check(const uint8_t *msg, size_t len, const struct tsig_key *key,
			    const struct tsig_mac *prior);

/*
 * Signs what is in @msg and appends the TSIG record. @prior: MAC of the request
 * that this answers, or NULL. @error: TSIG_OK, or TSIG_BADTIME with the client's
 * time. Returns 0 and the MAC, or -ENOSPC, -EINVAL, -ENOMEM; then the message is
 * as it was.
 */
int tsig_sign(uint8_t *msg, size_t *len, size_t size, const struct tsig_key *key,
	      const struct tsig_mac *prior, struct tsig_mac *mac,
	      enum tsig_result error, uint64_t client_time);

/*
 * An unsigned TSIG record (BADKEY, BADSIG, BADTRUNC) that repeats the request's
 * names. 0, -ENOSPC or -EINVAL.
 */
int tsig_append_error(uint8_t *msg, size_t *len, size_t size,
		      const struct tsig_claim *claim, enum tsig_result error);

/*
 * The messages of a stream (zone transfer), RFC 8945 5.3.1: to be fed each one
 * in turn, signed or not; a failure stays. After the last, tsig_stream_done()
 * says whether it was signed. What an unsigned one holds is not yet known to be
 * the sender's. tsig_stream_new() returns NULL when there is no memory.
 */
struct tsig_stream;
struct tsig_stream *tsig_stream_new(const struct tsig_key *key, const struct tsig_mac *request);
enum tsig_result tsig_stream_check(struct tsig_stream *s, const uint8_t *msg, size_t len);
bool tsig_stream_done(const struct tsig_stream *s);
void tsig_stream_free(struct tsig_stream *s);

#endif
