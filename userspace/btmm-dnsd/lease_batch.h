/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the data base of leases: how a batch is laid out. */
#ifndef BTMM_DNSD_LEASE_BATCH_H
#define BTMM_DNSD_LEASE_BATCH_H

#include "lease_db.h"

enum lease_op_kind {
	LEASE_OP_PUT, LEASE_OP_FORGET, LEASE_OP_PUT_REPEAT, LEASE_OP_FORGET_REPEATS,
};

struct lease_op {
	enum lease_op_kind kind;
	uint16_t zone_len, owner_len;	/* these octets follow */
	uint32_t granted;
	struct marker marker;
	uint64_t row;
	int64_t expiry;			/* of a repeat: when it came */
	struct repeat repeat;
};

/* The next; *pos starts at 0. */
bool lease_batch_next(const struct lease_batch *b, size_t *pos, struct lease_op *op,
		      const uint8_t **zone, const uint8_t **owner);

#endif
