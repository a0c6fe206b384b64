/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marker records (type DNS_LEASED): one for each record that somebody holds by a
 * lease, and each who does, at the record's owner. RDATA, 19 octets: version 1,
 * the record's type, the first 8 octets of SHA-256 over type and canonical RDATA,
 * the first 8 of SHA-256 over the holder's key name in lower case.
 *
 * They are what says that a record may expire, and travel with the zone; so a lost
 * data base loses only how long. A refresh writes the same octets, so changes
 * nothing.
 */
#ifndef BTMM_LEASE_MARKER_H
#define BTMM_LEASE_MARKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARKER_LEN	19
#define MARKER_HASH	8
#define MARKER_TTL	3600	/* one for all, or they would change each other's */

struct marker {
	uint16_t type;
	uint8_t record[MARKER_HASH];
	uint8_t holder[MARKER_HASH];
};

/* @rdata: canonical */
void marker_record_hash(uint16_t type, const uint8_t *rdata, size_t len,
			uint8_t out[MARKER_HASH]);
/* @key_name: wire form, any case */
void marker_holder_hash(const uint8_t *key_name, uint8_t out[MARKER_HASH]);

/* False: not a marker, or one of a version that we do not know. */
bool marker_read(const uint8_t *rdata, size_t len, struct marker *out);
void marker_write(const struct marker *in, uint8_t out[MARKER_LEN]);

#endif
