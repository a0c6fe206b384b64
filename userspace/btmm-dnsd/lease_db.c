// SPDX-License-Identifier: GPL-2.0-or-later
#include "lease_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "lease_batch.h"
#include "lease_boot.h"

#define VERSION		3
#define APPLICATION	0x62746d4c	/* "btmL" */
#define WAL_TIDY	512		/* pages of the log: tidied when there is time, */
#define WAL_MAX		16384		/* and at once */

enum { S_BEGIN, S_COMMIT, S_ROLLBACK, S_PUT, S_FORGET, S_PUT_REPEAT, S_FORGET_REPEATS, N_S };

static const char *const statements[N_S] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_PUT] = "INSERT INTO leases VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		  " ON CONFLICT(row) DO UPDATE SET expiry = ?7, granted = ?8",
	[S_FORGET] = "DELETE FROM leases WHERE row = ?1",
	[S_PUT_REPEAT] = "INSERT INTO updates VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
			 " ON CONFLICT(row) DO UPDATE SET answer = ?6",
	[S_FORGET_REPEATS] = "DELETE FROM updates WHERE row <= ?1",
};

static const char schema[] =
	"CREATE TABLE leases(row INTEGER PRIMARY KEY, zone BLOB NOT NULL, owner BLOB NOT NULL,"
	"	type INTEGER NOT NULL, record BLOB NOT NULL, holder BLOB NOT NULL,"
	"	expiry INTEGER NOT NULL, granted INTEGER NOT NULL);"
	"CREATE INDEX leases_zone ON leases(zone);"
	"CREATE TABLE updates(row INTEGER PRIMARY KEY, key INTEGER NOT NULL, mac BLOB NOT NULL,"
	"	signed INTEGER NOT NULL, time INTEGER NOT NULL, answer BLOB);"
	LEASE_BOOT_SCHEMA;

struct lease_db {
	char *path;
	sqlite3 *sql;
	sqlite3_stmt *s[N_S];
	char message[3072];
	uint64_t last_row;
	int wal_pages;
	bool full;			/* commits wait for the disk */
	bool unsynced;			/* one has not */
	struct lease_terms terms;
	struct lease_db_stats stats;
};

static int to_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

/* --- SQL ------------------------------------------------------------------------- */

static int exec(struct lease_db *db, const char *sql)
{
	return to_errno(sqlite3_exec(db->sql, sql, NULL, NULL, NULL));
}

/* The first column of the first row. */
static int ask(struct lease_db *db, const char *sql, int64_t *number, bool *ok)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(db->sql, sql, -1, &s, NULL);
	const unsigned char *text;

	if (rc)
		return rc == SQLITE_ERROR ? -EUCLEAN : to_errno(rc);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		*number = sqlite3_column_int64(s, 0);
		text = sqlite3_column_text(s, 0);
		*ok = text && !strcmp((const char *)text, "ok");
	}
	sqlite3_finalize(s);
	return to_errno(rc);
}

static int set_full(struct lease_db *db, bool full)
{
	int ret;

	if (db->full == full)
		return 0;
	ret = exec(db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
	if (!ret)
		db->full = full;
	return ret;
}

/* What commits have left to the kernel. */
static int sync_log(struct lease_db *db)
{
	sqlite3_file *log = NULL;
	int rc;

	if (!db->unsynced)
		return 0;
	rc = sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (!rc && log && log->pMethods)
		rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
	return to_errno(rc);
}

static int on_wal(void *arg, sqlite3 *sql, const char *name, int pages)
{
	struct lease_db *db = arg;

	(void)sql;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static int prepare(struct lease_db *db)
{
	int i, rc;

	for (i = 0; i < N_S; i++) {
		rc = sqlite3_prepare_v3(db->sql, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
					&db->s[i], NULL);
		/* Tables of that name, but not ours. */
		if (rc)
			return rc == SQLITE_ERROR ? -EUCLEAN : to_errno(rc);
	}
	return 0;
}

/* --- opening --------------------------------------------------------------------- */

/* Makes the tables, or sees that they are those we know and undamaged. */
static int check(struct lease_db *db)
{
	int64_t version = 0, application = 0, last = 0;
	char sql[128];
	bool ok = false;
	int ret;

	ret = ask(db, "PRAGMA user_version", &version, &ok);
	if (!ret)
		ret = ask(db, "PRAGMA application_id", &application, &ok);
	if (ret)
		return ret;
	if (!version && !application) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d; PRAGMA application_id = %d",
			 VERSION, APPLICATION);
		ret = exec(db, "BEGIN IMMEDIATE");
		ret = ret ? ret : exec(db, schema);
		ret = ret ? ret : exec(db, sql);
		return ret ? ret : exec(db, "COMMIT");
	}
	if (version != VERSION || application != APPLICATION)
		return -EUCLEAN;

	ok = false;
	ret = ask(db, "PRAGMA quick_check(1)", &last, &ok);
	if (ret)
		return ret;
	if (!ok)
		return -EUCLEAN;
	ret = ask(db, "SELECT max(row) FROM leases", &last, &ok);
	db->last_row = (uint64_t)last;
	return ret;
}

static void close_sql(struct lease_db *db)
{
	int i;

	for (i = 0; i < N_S; i++) {
		sqlite3_finalize(db->s[i]);
		db->s[i] = NULL;
	}
	sqlite3_close(db->sql);
	db->sql = NULL;
}

static int open_sql(struct lease_db *db, int64_t wall)
{
	int fd, ret;

	/* SQLite would make it as umask says; its other files take after it. */
	fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		return -errno;
	close(fd);

	db->wal_pages = 0;
	ret = to_errno(sqlite3_open_v2(db->path, &db->sql,
				       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	ret = ret ? ret : exec(db, "PRAGMA locking_mode = EXCLUSIVE");
	ret = ret ? ret : exec(db, "PRAGMA journal_mode = WAL");
	ret = ret ? ret : exec(db, "PRAGMA synchronous = FULL");
	ret = ret ? ret : exec(db, "PRAGMA wal_autocheckpoint = 0");
	/* A lock of its own for as long as it is open: nobody else's rows get in. */
	ret = ret ? ret : exec(db, "BEGIN IMMEDIATE; COMMIT");
	db->full = true;
	db->unsynced = false;
	ret = ret ? ret : check(db);
	ret = ret ? ret : to_errno(lease_boot_begin(db->sql, wall, &db->terms));
	ret = ret ? ret : prepare(db);
	if (ret) {
		close_sql(db);
		return ret;
	}
	sqlite3_wal_hook(db->sql, on_wal, db);
	return 0;
}

static int set_aside(struct lease_db *db, int64_t wall)
{
	/* The log goes first: left alone, it would be played into the new file. */
	static const char *const parts[] = { "-wal", "-shm", "" };
	char from[4096], to[4096];
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (snprintf(from, sizeof(from), "%s%s", db->path, parts[i]) >= (int)sizeof(from) ||
		    snprintf(to, sizeof(to), "%s.damaged-%lld%s", db->path, (long long)wall,
			     parts[i]) >= (int)sizeof(to))
			return -ENAMETOOLONG;
		if (rename(from, to) && errno != ENOENT)
			return -errno;
	}
	snprintf(db->message, sizeof(db->message),
		 "%.2000s: damaged, or not a data base of leases: it is now called .damaged-%lld,"
		 " and a new one begun, in which each record that is marked in its zone gets one"
		 " longest lease", db->path, (long long)wall);
	return 0;
}

static int open_or_renew(struct lease_db *db, int64_t wall)
{
	int ret = open_sql(db, wall);

	if (ret != -EUCLEAN)
		return ret;
	ret = set_aside(db, wall);
	return ret ? ret : open_sql(db, wall);
}

struct lease_db *lease_db_open(const char *path, int64_t wall, const struct lease_terms *terms,
			       int *err)
{
	struct lease_db *db = calloc(1, sizeof(*db));

	*err = -ENOMEM;
	if (!db)
		return NULL;
	db->terms = *terms;
	db->path = strdup(path);
	if (db->path)
		*err = open_or_renew(db, wall);
	if (*err) {
		free(db->path);
		free(db);
		return NULL;
	}
	return db;
}

int lease_db_clock(struct lease_db *db, uint64_t boot, int64_t wall)
{
	return to_errno(lease_boot_clock(db->sql, boot, wall));
}

const char *lease_db_message(struct lease_db *db, char *out, size_t size)
{
	if (!*db->message)
		return NULL;
	snprintf(out, size, "%s", db->message);
	*db->message = '\0';
	return out;
}

void lease_db_close(struct lease_db *db)
{
	if (!db)
		return;
	if (db->sql && !set_full(db, true))
		lease_boot_end(db->sql);
	close_sql(db);
	free(db->path);
	free(db);
}

/* --- reading --------------------------------------------------------------------- */

uint64_t lease_db_last_row(const struct lease_db *db)
{
	return db->last_row;
}

static bool blob(sqlite3_stmt *s, int column, void *out, int len)
{
	if (sqlite3_column_bytes(s, column) != len || !sqlite3_column_blob(s, column))
		return false;
	memcpy(out, sqlite3_column_blob(s, column), (size_t)len);
	return true;
}

static bool is_name(sqlite3_stmt *s, int column)
{
	const uint8_t *name = sqlite3_column_blob(s, column);
	int len = sqlite3_column_bytes(s, column);

	return name && len > 0 && dname_check(name, (size_t)len) == (size_t)len;
}

int lease_db_leases(struct lease_db *db, const uint8_t *zone, lease_db_lease_fn fn, void *arg)
{
	static const char sql[] =
		"SELECT row, owner, type, record, holder, expiry, granted FROM leases"
		" WHERE zone = ?1";
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(db->sql, sql, -1, &s, NULL);

	if (rc)
		return to_errno(rc);
	sqlite3_bind_blob(s, 1, zone, (int)dname_len(zone), SQLITE_STATIC);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct lease_row row = {
			.row = (uint64_t)sqlite3_column_int64(s, 0),
			.zone = zone,
			.owner = sqlite3_column_blob(s, 1),
			.marker = { .type = (uint16_t)sqlite3_column_int(s, 2) },
			.expiry = sqlite3_column_int64(s, 5),
			.granted = (uint32_t)sqlite3_column_int64(s, 6),
		};

		if (is_name(s, 1) && blob(s, 3, row.marker.record, MARKER_HASH) &&
		    blob(s, 4, row.marker.holder, MARKER_HASH))
			fn(arg, &row);
	}
	sqlite3_finalize(s);
	return to_errno(rc);
}

#define ANSWER_LEN	12

static void answer_write(const struct repeat *e, uint8_t out[ANSWER_LEN])
{
	memset(out, 0, ANSWER_LEN);
	out[0] = e->rcode;
	out[1] = (uint8_t)(e->has_opt | e->has_lease << 1 | e->long_form << 2);
	memcpy(out + 4, &e->lease, 4);
	memcpy(out + 8, &e->key_lease, 4);
}

static void answer_read(struct repeat *e, const uint8_t in[ANSWER_LEN])
{
	e->rcode = in[0];
	e->has_opt = in[1] & 1;
	e->has_lease = in[1] & 2;
	e->long_form = in[1] & 4;
	memcpy(&e->lease, in + 4, 4);
	memcpy(&e->key_lease, in + 8, 4);
}

int lease_db_repeats(struct lease_db *db, lease_db_repeat_fn fn, void *arg)
{
	static const char sql[] =
		"SELECT row, key, mac, signed, time, answer FROM updates ORDER BY row";
	uint8_t answer[ANSWER_LEN];
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(db->sql, sql, -1, &s, NULL);

	if (rc)
		return to_errno(rc);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct repeat e = {
			.row = (uint64_t)sqlite3_column_int64(s, 0),
			.id.key = (uint64_t)sqlite3_column_int64(s, 1),
			.time_signed = (uint64_t)sqlite3_column_int64(s, 3),
			.pending = true,
		};

		if (!blob(s, 2, e.id.mac, REPEAT_MAC))
			continue;
		if (blob(s, 5, answer, ANSWER_LEN)) {
			answer_read(&e, answer);
			e.pending = false;
		}
		fn(arg, &e, sqlite3_column_int64(s, 4));
	}
	sqlite3_finalize(s);
	return to_errno(rc);
}

/* --- writing --------------------------------------------------------------------- */

static int run(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	sqlite3_reset(s);
	return to_errno(rc);
}

static int apply_one(struct lease_db *db, const struct lease_op *op, const uint8_t *zone,
		     const uint8_t *owner)
{
	const struct repeat *e = &op->repeat;
	uint8_t answer[ANSWER_LEN];
	sqlite3_stmt *s;

	switch (op->kind) {
	case LEASE_OP_PUT:
		s = db->s[S_PUT];
		sqlite3_bind_blob(s, 2, zone, op->zone_len, SQLITE_STATIC);
		sqlite3_bind_blob(s, 3, owner, op->owner_len, SQLITE_STATIC);
		sqlite3_bind_int(s, 4, op->marker.type);
		sqlite3_bind_blob(s, 5, op->marker.record, MARKER_HASH, SQLITE_STATIC);
		sqlite3_bind_blob(s, 6, op->marker.holder, MARKER_HASH, SQLITE_STATIC);
		sqlite3_bind_int64(s, 7, op->expiry);
		sqlite3_bind_int64(s, 8, op->granted);
		break;
	case LEASE_OP_FORGET:
		s = db->s[S_FORGET];
		break;
	case LEASE_OP_PUT_REPEAT:
		s = db->s[S_PUT_REPEAT];
		sqlite3_bind_int64(s, 2, (sqlite3_int64)e->id.key);
		sqlite3_bind_blob(s, 3, e->id.mac, REPEAT_MAC, SQLITE_STATIC);
		sqlite3_bind_int64(s, 4, (sqlite3_int64)e->time_signed);
		sqlite3_bind_int64(s, 5, op->expiry);
		answer_write(e, answer);
		if (e->pending)
			sqlite3_bind_null(s, 6);
		else
			sqlite3_bind_blob(s, 6, answer, ANSWER_LEN, SQLITE_STATIC);
		break;
	default:
		s = db->s[S_FORGET_REPEATS];
		break;
	}
	sqlite3_bind_int64(s, 1, (sqlite3_int64)op->row);
	return run(s);
}

static int apply(struct lease_db *db, const struct lease_batch *b)
{
	const uint8_t *zone, *owner;
	struct lease_op op;
	size_t pos = 0;
	int ret = b->failed ? -ENOMEM : 0;

	while (!ret && lease_batch_next(b, &pos, &op, &zone, &owner))
		ret = apply_one(db, &op, zone, owner);
	return ret;
}

static uint64_t micros(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int transact(struct lease_db *db, const struct lease_batch *a,
		    const struct lease_batch *b, bool sync)
{
	int ret;

	/* A transaction that changes nothing would not wait for the disk. */
	if (!a->len && !b->len && !a->failed && !b->failed) {
		ret = sync ? sync_log(db) : 0;
	} else {
		ret = set_full(db, sync);
		ret = ret ? ret : run(db->s[S_BEGIN]);
		ret = ret ? ret : apply(db, a);
		ret = ret ? ret : apply(db, b);
		ret = ret ? ret : run(db->s[S_COMMIT]);
		db->unsynced |= !sync;
	}
	if (!ret && sync)
		db->unsynced = false;
	/* After some errors SQLite has done it already. */
	if (ret && !sqlite3_get_autocommit(db->sql))
		run(db->s[S_ROLLBACK]);
	return ret;
}

int lease_db_commit(struct lease_db *db, const struct lease_batch *a,
		    const struct lease_batch *b, bool sync)
{
	uint64_t begin = micros(), us;
	int ret;

	if (!db->sql) {
		ret = open_or_renew(db, time(NULL));
		return ret ? ret : -EUCLEAN;
	}
	ret = transact(db, a, b, sync);
	us = micros() - begin;
	db->stats.last_us = us;
	if (us > db->stats.max_us)
		db->stats.max_us = us;
	db->stats.commits += !ret;
	db->stats.failed += !!ret;

	if (ret == -EUCLEAN) {
		close_sql(db);
		ret = set_aside(db, time(NULL));
		ret = ret ? ret : open_sql(db, time(NULL));
		return ret ? ret : -EUCLEAN;
	}
	if (!ret && db->wal_pages > WAL_MAX)
		lease_db_tidy(db);
	return ret;
}

bool lease_db_untidy(const struct lease_db *db)
{
	return db->sql && db->wal_pages >= WAL_TIDY;
}

void lease_db_tidy(struct lease_db *db)
{
	if (!lease_db_untidy(db))
		return;
	/* The next commit begins the log from its start. */
	if (!sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL))
		db->wal_pages = 0;
}

void lease_db_stats(const struct lease_db *db, struct lease_db_stats *out)
{
	*out = db->stats;
}
