/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an update becomes on its way to the primary: records that are leased take
 * their markers along, what deletes deletes only what the key may, and static
 * data is left alone. And what that does to the leases, once it is done.
 */
#ifndef BTMM_LEASE_REWRITE_H
#define BTMM_LEASE_REWRITE_H

#include "lock.h"
#include "request.h"
#include "rights.h"
#include "server.h"

struct rewrite_op;
struct rewrite_effect;
struct rewrite_touch;

struct rewrite {
	struct lease_zone *zone;
	const struct update_msg *m;
	const struct lock_set *locks;
	enum rights_role role;
	uint8_t holder[MARKER_HASH];
	struct rewrite_op *ops;
	struct rewrite_effect *effects;
	struct rewrite_touch *touches;
	size_t n_ops, n_effects, n_touches;
	uint32_t *index;		/* 1 + where an effect is */
	size_t index_size;		/* a power of two */
	size_t octets;			/* of the ops, about */
	bool no_memory;
};

/* The names that @m works at, to be locked at once: until they are, nothing else of
 * the engine may be called but lock_release(), which is due in any case. 0, -ENOMEM.
 */
int rewrite_lock(struct lease_zone *z, const struct rights_who *who,
		 const struct update_msg *m, struct lock_set *locks);
/* Has the mirror yet to tell something that matters for @m? */
bool rewrite_must_wait(const struct lease_zone *z, const struct update_msg *m);

struct rewrite_look {
	const struct lease_zone *zone;
	uint8_t holder[MARKER_HASH];
};
/* For rights_check(); @arg: struct rewrite_look */
void rewrite_look(void *arg, const uint8_t *owner, struct rights_owner *out);

/*
 * Plans; @m and @locks must outlive @r. DNS_NOERROR, DNS_SERVFAIL (no memory). To be
 * freed by rewrite_free() in any case.
 */
enum dns_rcode rewrite_plan(struct rewrite *r, struct lease_zone *z,
			    const struct rights_who *who, const struct update_msg *m,
			    const struct lock_set *locks);
/* The message for the primary, its ID 0; to be called before the mirror or a lease
 * changes. 0: there is nothing to send; -ENOSPC. Without @compress its records can be
 * moved to another message.
 */
int rewrite_write(const struct rewrite *r, bool compress, uint8_t *out, size_t size);
void rewrite_free(struct rewrite *r);

/* Leases it would grant: noted, before it is sent. 0, -ENOMEM (nothing is noted). */
int rewrite_begin(struct rewrite *r, uint64_t now);

enum rewrite_outcome { REWRITE_DONE, REWRITE_NOT_DONE, REWRITE_UNKNOWN };
/* @mark: of this change, lease_owner_unsettle() */
void rewrite_end(struct rewrite *r, enum rewrite_outcome outcome, uint64_t now, uint64_t mark);

#endif
