// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes on their way to the data base: a row of small octet strings. */
#include "lease_batch.h"

#include <stdlib.h>
#include <string.h>

static void *add(struct lease_batch *b, size_t len)
{
	uint8_t *p;

	if (len > b->room - b->len) {
		size_t room = 2 * b->room + len + 1024;

		p = realloc(b->octets, room);
		if (!p) {
			b->failed = true;
			return NULL;
		}
		b->octets = p;
		b->room = room;
	}
	p = b->octets + b->len;
	b->len += len;
	b->n++;
	return p;
}

static void add_op(struct lease_batch *b, const struct lease_op *op, const uint8_t *zone,
		   const uint8_t *owner)
{
	uint8_t *p = add(b, sizeof(*op) + op->zone_len + op->owner_len);

	if (!p)
		return;
	memcpy(p, op, sizeof(*op));
	if (op->zone_len) {
		memcpy(p + sizeof(*op), zone, op->zone_len);
		memcpy(p + sizeof(*op) + op->zone_len, owner, op->owner_len);
	}
}

void lease_batch_put(struct lease_batch *b, const struct lease_row *row)
{
	struct lease_op op;

	/* Also what is between the members, as it is copied as octets. */
	memset(&op, 0, sizeof(op));
	op.kind = LEASE_OP_PUT;
	op.row = row->row;
	op.marker = row->marker;
	op.expiry = row->expiry;
	op.granted = row->granted;
	op.zone_len = (uint16_t)dname_len(row->zone);
	op.owner_len = (uint16_t)dname_len(row->owner);
	add_op(b, &op, row->zone, row->owner);
}

void lease_batch_forget(struct lease_batch *b, uint64_t row)
{
	struct lease_op op;

	memset(&op, 0, sizeof(op));
	op.kind = LEASE_OP_FORGET;
	op.row = row;
	add_op(b, &op, NULL, NULL);
}

void lease_batch_put_repeat(struct lease_batch *b, const struct repeat *e, int64_t wall)
{
	struct lease_op op;

	memset(&op, 0, sizeof(op));
	op.kind = LEASE_OP_PUT_REPEAT;
	op.row = e->row;
	op.expiry = wall;
	op.repeat = *e;
	add_op(b, &op, NULL, NULL);
}

void lease_batch_forget_repeats(struct lease_batch *b, uint64_t up_to)
{
	struct lease_op op;

	memset(&op, 0, sizeof(op));
	op.kind = LEASE_OP_FORGET_REPEATS;
	op.row = up_to;
	add_op(b, &op, NULL, NULL);
}

bool lease_batch_next(const struct lease_batch *b, size_t *pos, struct lease_op *op,
		      const uint8_t **zone, const uint8_t **owner)
{
	if (*pos >= b->len)
		return false;
	memcpy(op, b->octets + *pos, sizeof(*op));
	*pos += sizeof(*op);
	*zone = b->octets + *pos;
	*owner = *zone + op->zone_len;
	*pos += op->zone_len + op->owner_len;
	return true;
}

void lease_batch_append(struct lease_batch *a, struct lease_batch *b)
{
	size_t n = a->n;
	uint8_t *p;

	if (!a->octets && !a->failed) {
		*a = *b;
		*b = (struct lease_batch){ 0 };
		return;
	}
	a->failed |= b->failed;
	p = b->len ? add(a, b->len) : NULL;
	if (p) {
		memcpy(p, b->octets, b->len);
		a->n = n + b->n;
	}
	lease_batch_clear(b);
}

void lease_batch_clear(struct lease_batch *b)
{
	free(b->octets);
	*b = (struct lease_batch){ 0 };
}
