/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of leases and of answered requests survives a restart: an SQLite data base
 * (WAL). It belongs to one process.
 *
 * It can be lost: markers in the zones give each lease the longest time again. So
 * one that is damaged is set aside, with a line in the log, and begun anew.
 */
#ifndef BTMM_DNSD_LEASE_DB_H
#define BTMM_DNSD_LEASE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/dns/name.h"
#include "../lib/lease/marker.h"
#include "../lib/lease/server.h"
#include "repeat.h"

struct lease_db;

struct lease_row {
	uint64_t row;
	const uint8_t *zone, *owner;	/* lower case */
	struct marker marker;
	int64_t expiry;			/* ms since 1970 */
	uint32_t granted;		/* s */
};

/* Changes to be made in one transaction, in this order. Zeroed: empty. */
struct lease_batch {
	uint8_t *octets;
	size_t len, room;
	size_t n;
	bool failed;			/* no memory: cannot be applied */
};
void lease_batch_put(struct lease_batch *b, const struct lease_row *row);
void lease_batch_forget(struct lease_batch *b, uint64_t row);
/* @wall: s since 1970, for when it is read again */
void lease_batch_put_repeat(struct lease_batch *b, const struct repeat *e, int64_t wall);
void lease_batch_forget_repeats(struct lease_batch *b, uint64_t up_to);
/* @b behind @a; @b is empty afterwards. */
void lease_batch_append(struct lease_batch *a, struct lease_batch *b);
void lease_batch_clear(struct lease_batch *b);

/*
 * Opens or makes the file @path (0600). @wall: s since 1970. NULL and *err: -EBUSY
 * (another process has it), -ENOMEM, -EIO, or as open(2).
 *
 * If the machine (not: this process) went down with commits that were not on the disk
 * for sure, a lease may have been prolonged and not be known to be. Then each that can
 * have been gets the longest lease of @terms, as if the data base was lost.
 */
struct lease_db *lease_db_open(const char *path, int64_t wall, const struct lease_terms *terms,
			       int *err);
/* What an administrator should know of the last call, once: @out, or NULL. */
const char *lease_db_message(struct lease_db *db, char *out, size_t size);
void lease_db_close(struct lease_db *db);

/* lease_boot_clock(), for the file. 0 or negative errno. */
int lease_db_clock(struct lease_db *db, uint64_t boot, int64_t wall);
/* The highest row of a lease that was ever given. */
uint64_t lease_db_last_row(const struct lease_db *db);
typedef void (*lease_db_lease_fn)(void *arg, const struct lease_row *row);
int lease_db_leases(struct lease_db *db, const uint8_t *zone, lease_db_lease_fn fn, void *arg);
/* In rising order of rows; @e->at is to be set from @wall. */
typedef void (*lease_db_repeat_fn)(void *arg, struct repeat *e, int64_t wall);
int lease_db_repeats(struct lease_db *db, lease_db_repeat_fn fn, void *arg);

/*
 * Both batches in one transaction: all of it, or nothing. It outlives this process;
 * with @sync it and all before it are on the disk, too. 0, -ENOSPC, -EIO, -ENOMEM;
 * -EUCLEAN: the file is damaged, has been set aside, and an empty one is open: all
 * rows are to be written again.
 */
int lease_db_commit(struct lease_db *db, const struct lease_batch *a,
		    const struct lease_batch *b, bool sync);
/* To be called when there is time: keeps the log of changes short. It has work
 * to do when it is untidy.
 */
bool lease_db_untidy(const struct lease_db *db);
void lease_db_tidy(struct lease_db *db);

struct lease_db_stats {
	uint64_t commits, failed;
	uint64_t last_us, max_us;
};
void lease_db_stats(const struct lease_db *db, struct lease_db_stats *out);

#endif
