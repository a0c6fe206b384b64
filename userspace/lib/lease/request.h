/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An UPDATE message read (RFC 2136 2, 3.1 to 3.4.1), with its lease option.
 */
#ifndef BTMM_LEASE_REQUEST_H
#define BTMM_LEASE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/edns.h"
#include "../dns/message.h"

#define UPDATE_RECORDS_MAX	1024	/* prerequisites and updates together */

enum update_kind {
	/* Prerequisites. */
	PREREQ_RRSET, PREREQ_VALUE, PREREQ_NO_RRSET, PREREQ_NAME, PREREQ_NO_NAME,
	/* Updates. */
	UPDATE_ADD, UPDATE_DELETE_RRSET, UPDATE_DELETE_NAME, UPDATE_DELETE_RR,
};

struct update_rr {
	enum update_kind kind;
	uint16_t type;
	uint16_t rdlen;
	uint32_t ttl;
	const uint8_t *owner;	/* lower case */
	const uint8_t *rdata;	/* canonical; NULL with length 0 */
	const uint8_t *sent;	/* RDATA uncompressed but in the case it was sent in */
};

struct update_msg {
	uint8_t zone[DNAME_MAX];	/* lower case */
	struct update_rr *rrs;		/* prerequisites, then updates */
	size_t n_prereqs, n_rrs;	/* n_rrs: all */
	bool has_opt, has_lease;
	struct lease_option lease;
	void *octets;			/* what the above point into */
};

/*
 * DNS_NOERROR, or FORMERR, NOTZONE (a name outside the zone), REFUSED (too many
 * records), SERVFAIL (no memory), NOTIMP (not an update). To be freed by
 * update_msg_free() in any case.
 */
enum dns_rcode update_parse(const uint8_t *msg, size_t len, struct update_msg *out);
void update_msg_free(struct update_msg *m);

#endif
