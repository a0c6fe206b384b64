/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UPDATE messages for tests and for fuzzing. */
#ifndef BTMM_TEST_LEASE_REQUEST_H
#define BTMM_TEST_LEASE_REQUEST_H

#include "../lib/dns/edns.h"
#include "../lib/dns/message.h"
#include "../lib/lease/rights.h"

struct req {
	uint8_t b[8192];
	struct dns_writer w;
};

static inline void req_init(struct req *r, const uint8_t *zone)
{
	dns_writer_init(&r->w, r->b, sizeof(r->b), 0x1234, DNS_UPDATE << 11);
	dns_put_question(&r->w, zone, DNS_SOA, DNS_IN);
}

static inline void req_prereq(struct req *r, const uint8_t *owner, uint16_t type,
			      uint16_t class_, const uint8_t *rdata, size_t len)
{
	dns_put_rr(&r->w, 1, owner, type, class_, 0, rdata, len);
}

static inline void req_add(struct req *r, const uint8_t *owner, uint16_t type, uint32_t ttl,
			   const uint8_t *rdata, size_t len)
{
	dns_put_rr(&r->w, 2, owner, type, DNS_IN, ttl, rdata, len);
}

static inline void req_delete(struct req *r, const uint8_t *owner, uint16_t type,
			      const uint8_t *rdata, size_t len)
{
	dns_put_rr(&r->w, 2, owner, type, DNS_NONE, 0, rdata, len);
}

/* @type DNS_ANY: all at that name */
static inline void req_delete_set(struct req *r, const uint8_t *owner, uint16_t type)
{
	dns_put_rr(&r->w, 2, owner, type, DNS_CLASS_ANY, 0, NULL, 0);
}

static inline void req_lease(struct req *r, uint32_t lease, uint32_t key_lease, bool long_form)
{
	const struct lease_option o = { .lease = lease, .key_lease = key_lease,
					.long_form = long_form };
	uint8_t option[12];
	size_t len = lease_option_write(&o, option);

	dns_put_opt(&r->w, DNS_UDP_MAX, 0, option, len);
}

#endif
