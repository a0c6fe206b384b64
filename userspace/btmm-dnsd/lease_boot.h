/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The data base of leases, and the machine that went down while it was in use. */
#ifndef BTMM_DNSD_LEASE_BOOT_H
#define BTMM_DNSD_LEASE_BOOT_H

#include <stdint.h>

#include <sqlite3.h>

#include "../lib/lease/server.h"

#define LEASE_CLOCK_STEP	2000	/* ms; less is not taken for a clock that was set */

/* The boot in which the file is in use; no row when it was closed in order. */
#define LEASE_BOOT_SCHEMA	"CREATE TABLE boot(id TEXT NOT NULL);"

/*
 * The file is in use from now on. If it already was, in another boot, each lease that
 * may have been prolonged in commits that did not reach the disk gets the longest one
 * of @terms from @wall (s since 1970). Return: SQLite's code.
 */
int lease_boot_begin(sqlite3 *sql, int64_t wall, const struct lease_terms *terms);
/*
 * What the clocks say: ms of CLOCK_BOOTTIME, ms since 1970. If the latter was set in this
 * boot since it was told last, all expiries go along: a lease lasts as long as it was granted
 * for, whatever the time is. To be told at each start, and when it was set.
 */
int lease_boot_clock(sqlite3 *sql, uint64_t boot, int64_t wall);
/* It is not in use any more. The commit must wait for the disk. */
int lease_boot_end(sqlite3 *sql);

#endif
