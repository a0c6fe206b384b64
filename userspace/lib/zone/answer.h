/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Authoritative answers from the mirror of a zone: RFC 1034 4.3.2 with wildcards
 * (RFC 4592), DNAME (RFC 6672), negative answers (RFC 2308) and referrals.
 * DNSSEC's records are served like any others; nothing is added for DO.
 */
#ifndef BTMM_ZONE_ANSWER_H
#define BTMM_ZONE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "../dns/message.h"
#include "store.h"

/* What who asks may see. */
struct answer_view {
	/* A private zone, and no key of it: see zone_is_public(). */
	bool public_only;
	/* The primary was not heard of for the SOA's expire time: SERVFAIL. */
	bool expired;
};

/*
 * Answers @q, which has the zone's apex or a name below it. @w holds header and
 * question; AA, TC and RCODE are set in it and the other sections written. RRsets
 * are whole; TC is set when one that is needed had no room. To keep room for OPT
 * and TSIG, make w->size smaller for the call.
 *
 * Without a right to see, the answer is REFUSED without looking whether there is
 * such a name: the octets are the same, and the time, too.
 *
 * Return: the RCODE.
 */
enum dns_rcode zone_answer(const struct zone *z, const struct dns_question *q,
			   const struct answer_view *view, struct dns_writer *w);

/*
 * May everybody ask a private zone for this: SOA and NS of the apex; SRV of
 * _dns-{llq,update,query-tls,update-tls,llq-tls,push-tls}._{udp,tcp} at the apex;
 * A and AAAA of their targets; everything at and below a label _acme-challenge.
 */
bool zone_is_public(const struct zone *z, const uint8_t *name, uint16_t type);

#endif
