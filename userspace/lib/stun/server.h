/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A STUN server (RFC 8489 6.3 and 12): tells who asks how its address and port
 * look from here. No credentials, no state.
 */
#ifndef BTMM_STUN_SERVER_H
#define BTMM_STUN_SERVER_H

#include "message.h"

#define STUN_ANSWER_EXTRA	32	/* octets that an answer can be longer than its request */

/*
 * The answer to a Binding request that came from @from, into @out (STUN_MAX
 * octets): success, or error 420 where it demands an attribute unknown here; with
 * FINGERPRINT, as the port is shared with DNS.
 *
 * Return: its length; 0 when there is none to send: not a (well-formed) Binding
 * request. An answer is at most STUN_ANSWER_EXTRA octets longer than the request;
 * for a request of the least length, 20 octets: 40 with IPv4, 52 with IPv6. How
 * many are answered is for the caller to limit.
 */
size_t stun_answer(const uint8_t *req, size_t len, const struct stun_address *from,
		   uint8_t out[STUN_MAX]);

#endif
