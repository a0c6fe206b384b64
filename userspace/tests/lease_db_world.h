/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A data base of leases in a directory of its own, and what tests put into it. */
#ifndef LEASE_DB_WORLD_H
#define LEASE_DB_WORLD_H

#include <stdlib.h>

#include "../btmm-dnsd/lease_db.h"
#include "test_zone.h"

#define WALL	1700000000

static const uint8_t apex[] = "\7example\3com";

static char dir[64], path[96];
static struct lease_db *db;
static const struct lease_terms terms = { .min = 1800, .max = 7200, .key_max = 604800 };

static inline void open_db(void)
{
	int err = 0;

	db = lease_db_open(path, WALL, &terms, &err);
	assert_int_equal(err, 0);
	assert_non_null(db);
}

static inline void reopen(void)
{
	lease_db_close(db);
	open_db();
}

static inline int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/lease-db-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/leases.db", dir);
	open_db();
	return 0;
}

static inline int teardown(void **state)
{
	char command[128];

	(void)state;
	lease_db_close(db);
	db = NULL;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static inline void put(struct lease_batch *b, uint64_t row, const uint8_t *zone, int64_t expiry)
{
	struct lease_row r = { .row = row, .zone = zone, .owner = zone,
			       .marker.type = (uint16_t)(row + 1), .expiry = expiry,
			       .granted = (uint32_t)row + 7000 };

	memset(r.marker.record, (int)row, MARKER_HASH);
	memset(r.marker.holder, (int)row + 1, MARKER_HASH);
	lease_batch_put(b, &r);
}

struct seen {
	size_t n;
	uint64_t rows;		/* their sum */
	int64_t expiry;		/* of the last */
	uint32_t prolonged;	/* to so many s, by us */
};

static inline void see(void *arg, const struct lease_row *r)
{
	struct seen *s = arg;
	uint8_t hash[MARKER_HASH];

	s->n++;
	s->rows += r->row;
	s->expiry = r->expiry;
	assert_true(dname_equal(r->owner, r->zone));
	assert_int_equal(r->marker.type, (uint16_t)(r->row + 1));
	assert_int_equal(r->granted, s->prolonged ? s->prolonged : r->row + 7000);
	memset(hash, (int)r->row, MARKER_HASH);
	assert_memory_equal(r->marker.record, hash, MARKER_HASH);
	memset(hash, (int)r->row + 1, MARKER_HASH);
	assert_memory_equal(r->marker.holder, hash, MARKER_HASH);
}

static inline struct seen in_zone(const uint8_t *zone)
{
	struct seen s = { 0 };

	assert_int_equal(lease_db_leases(db, zone, see, &s), 0);
	return s;
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
