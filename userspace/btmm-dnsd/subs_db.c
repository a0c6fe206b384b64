// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Three connections: one writes; one walks, in a snapshot of its own, so that who
 * is called may write meanwhile; and the thread's, that moves what is in the log
 * into the file.
 */
#include "subs_db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "log.h"
#include "subs_row.h"

#define VERSION		1
#define APPLICATION	0x62746d53	/* "btmS" */
#define WAL_TIDY	2048		/* pages of the log: the thread tidies, */
#define WAL_MAX		65536		/* and (it cannot keep up) the writer does */

enum { S_BEGIN, S_COMMIT, S_ROLLBACK, S_PUT, S_FORGET, N_S };

static const char *const statements[N_S] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_PUT] = SUBS_ROW_PUT,
	[S_FORGET] = "DELETE FROM llqs WHERE id = ?1",
};

static const char schema[] =
	"CREATE TABLE secret(secret BLOB NOT NULL);"
	SUBS_ROW_TABLE ";"
	"CREATE INDEX llqs_zone ON llqs(zone);";

struct subs_db {
	char *path;
	sqlite3 *sql, *reader;
	sqlite3_stmt *s[N_S];
	uint8_t secret[16];
	bool open;			/* a transaction, */
	uint64_t opened;		/* and when, ms */
	bool broken;			/* the file; to be begun anew by the next flush */
	unsigned int errors;		/* since the last flush */

	pthread_t thread;
	bool has_thread;
	pthread_mutex_t mutex;
	pthread_cond_t work;
	bool tidy, quit;		/* under the mutex */
};

static bool damaged(int rc)
{
	rc &= 0xff;
	return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_FORMAT;
}

/* --- the thread ------------------------------------------------------------------ */

static int connect_to(const char *path, sqlite3 **out)
{
	int rc = sqlite3_open_v2(path, out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc)
		return rc;
	sqlite3_busy_timeout(*out, 2000);
	return sqlite3_exec(*out, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2048;"
				  "PRAGMA wal_autocheckpoint = 0", NULL, NULL, NULL);
}

static void *tidy(void *arg)
{
	struct subs_db *db = arg;
	sqlite3 *sql = NULL;
	int rc = connect_to(db->path, &sql);

	pthread_mutex_lock(&db->mutex);
	for (;;) {
		while (!db->tidy && !db->quit)
			pthread_cond_wait(&db->work, &db->mutex);
		if (db->quit)
			break;
		db->tidy = false;
		pthread_mutex_unlock(&db->mutex);
		/* What fails is tried again with the next commit. */
		if (!rc)
			sqlite3_wal_checkpoint_v2(sql, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
						  NULL);
		pthread_mutex_lock(&db->mutex);
	}
	pthread_mutex_unlock(&db->mutex);
	sqlite3_close(sql);
	return NULL;
}

static int start(struct subs_db *db)
{
	sigset_t all, before;
	int ret;

	/* Signals are for the event loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&db->thread, NULL, tidy, db);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	db->has_thread = !ret;
	return -ret;
}

static void stop(struct subs_db *db)
{
	if (!db->has_thread)
		return;
	pthread_mutex_lock(&db->mutex);
	db->quit = true;
	pthread_cond_signal(&db->work);
	pthread_mutex_unlock(&db->mutex);
	pthread_join(db->thread, NULL);
	db->has_thread = false;
	db->quit = false;
}

static int on_wal(void *arg, sqlite3 *sql, const char *name, int pages)
{
	struct subs_db *db = arg;

	(void)name;
	if (pages > WAL_MAX) {
		sqlite3_wal_checkpoint_v2(sql, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	} else if (pages > WAL_TIDY) {
		pthread_mutex_lock(&db->mutex);
		db->tidy = true;
		pthread_cond_signal(&db->work);
		pthread_mutex_unlock(&db->mutex);
	}
	return SQLITE_OK;
}

/* --- opening --------------------------------------------------------------------- */

static int ask(struct subs_db *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(db->sql, sql, -1, &s, NULL);

	if (rc)
		return rc;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*number = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int exec(struct subs_db *db, const char *sql)
{
	return sqlite3_exec(db->sql, sql, NULL, NULL, NULL);
}

static int make_secret(struct subs_db *db)
{
	sqlite3_stmt *s;
	int rc;

	if (getrandom(db->secret, sizeof(db->secret), 0) != sizeof(db->secret))
		return SQLITE_IOERR;
	rc = sqlite3_prepare_v2(db->sql, "INSERT INTO secret VALUES(?1)", -1, &s, NULL);
	if (rc)
		return rc;
	sqlite3_bind_blob(s, 1, db->secret, sizeof(db->secret), SQLITE_STATIC);
	rc = sqlite3_step(s);
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_secret(struct subs_db *db)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(db->sql, "SELECT secret FROM secret", -1, &s, NULL);

	if (rc)
		return rc;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 0) == sizeof(db->secret)) {
		memcpy(db->secret, sqlite3_column_blob(s, 0), sizeof(db->secret));
		rc = SQLITE_OK;
	} else if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
		rc = SQLITE_CORRUPT;
	}
	sqlite3_finalize(s);
	return rc;
}

/* Makes the tables, or sees that they are those we know. */
static int check(struct subs_db *db)
{
	int64_t version = 0, application = 0;
	char sql[128];
	int rc = ask(db, "PRAGMA user_version", &version);

	rc = rc ? rc : ask(db, "PRAGMA application_id", &application);
	if (rc)
		return rc;
	if (version || application) {
		if (version != VERSION || application != APPLICATION)
			return SQLITE_NOTADB;
		return read_secret(db);
	}
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d; PRAGMA application_id = %d",
		 VERSION, APPLICATION);
	rc = exec(db, "BEGIN IMMEDIATE");
	rc = rc ? rc : exec(db, schema);
	rc = rc ? rc : make_secret(db);
	rc = rc ? rc : exec(db, sql);
	return rc ? rc : exec(db, "COMMIT");
}

static int prepare(struct subs_db *db)
{
	int i, rc = SQLITE_OK;

	for (i = 0; i < N_S && !rc; i++)
		rc = sqlite3_prepare_v3(db->sql, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
					&db->s[i], NULL);
	return rc;
}

static void close_sql(struct subs_db *db)
{
	int i;

	stop(db);
	for (i = 0; i < N_S; i++) {
		sqlite3_finalize(db->s[i]);
		db->s[i] = NULL;
	}
	sqlite3_close(db->reader);
	sqlite3_close(db->sql);
	db->reader = NULL;
	db->sql = NULL;
	db->open = false;
	db->broken = false;
}

/* SQLite's code, or negative errno. */
static int open_sql(struct subs_db *db)
{
	struct stat st;
	int fd, rc;

	/* SQLite would make it as umask says; its other files take after it. */
	fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && (st.st_mode & 077) && fchmod(fd, 0600)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	close(fd);

	rc = connect_to(db->path, &db->sql);
	rc = rc ? rc : exec(db, "PRAGMA journal_mode = WAL");
	rc = rc ? rc : check(db);
	rc = rc ? rc : prepare(db);
	rc = rc ? rc : connect_to(db->path, &db->reader);
	rc = rc ? rc : start(db);
	if (rc) {
		close_sql(db);
		return rc;
	}
	sqlite3_wal_hook(db->sql, on_wal, db);
	return 0;
}

/* What is in it can be lost: it is no reason not to serve. */
static int renew(struct subs_db *db)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char from[4096], to[4096];
	size_t i;

	close_sql(db);
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (snprintf(from, sizeof(from), "%s%s", db->path, parts[i]) >= (int)sizeof(from) ||
		    snprintf(to, sizeof(to), "%s.damaged%s", db->path, parts[i]) >= (int)sizeof(to))
			return -ENAMETOOLONG;
		if (rename(from, to) && errno != ENOENT)
			return -errno;
	}
	log_warning("%s is damaged, or no data base of subscriptions: it is now called .damaged,"
		    " and a new one begun; clients subscribe anew when they refresh", db->path);
	return open_sql(db);
}

int subs_db_open(const char *path, struct subs_db **out, char *why, size_t why_size)
{
	struct subs_db *db = calloc(1, sizeof(*db));
	int rc = SQLITE_NOMEM;

	*out = NULL;
	if (db)
		db->path = strdup(path);
	if (db && db->path) {
		pthread_mutex_init(&db->mutex, NULL);
		pthread_cond_init(&db->work, NULL);
		rc = open_sql(db);
		if (rc > 0 && damaged(rc))
			rc = renew(db);
		if (!rc) {
			*out = db;
			return 0;
		}
		pthread_cond_destroy(&db->work);
		pthread_mutex_destroy(&db->mutex);
		explicit_bzero(db->secret, sizeof(db->secret));
		free(db->path);
	}
	free(db);
	snprintf(why, why_size, "%s: %s", path, rc < 0 ? strerror(-rc) : sqlite3_errstr(rc));
	if (rc < 0)
		return rc;
	return rc == SQLITE_NOMEM ? -ENOMEM : rc == SQLITE_BUSY ? -EBUSY : -EIO;
}

void subs_db_close(struct subs_db *db)
{
	if (!db)
		return;
	subs_db_flush(db);
	close_sql(db);
	pthread_cond_destroy(&db->work);
	pthread_mutex_destroy(&db->mutex);
	explicit_bzero(db->secret, sizeof(db->secret));
	free(db->path);
	free(db);
}

void subs_db_secret(const struct subs_db *db, uint8_t secret[16])
{
	memcpy(secret, db->secret, sizeof(db->secret));
}

/* --- writing --------------------------------------------------------------------- */

static int run(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	sqlite3_reset(s);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* After some errors SQLite has ended the transaction itself. */
static void count(struct subs_db *db, int rc)
{
	if (!rc)
		return;
	db->errors++;
	db->broken |= damaged(rc);
	if (sqlite3_get_autocommit(db->sql))
		db->open = false;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* What fails is told by the next flush. */
static void commit(struct subs_db *db)
{
	int rc = run(db->s[S_COMMIT]);

	if (rc && !sqlite3_get_autocommit(db->sql))
		run(db->s[S_ROLLBACK]);
	db->open = false;
	count(db, rc);
}

/* False: nothing can be written now. */
static bool begin(struct subs_db *db)
{
	/* In a loop that is never idle the flush may be late. */
	if (db->open && now_ms() - db->opened >= SUBS_DB_FLUSH_MS)
		commit(db);
	/* After a file that was damaged there may be none. */
	if (db->broken || (!db->sql && open_sql(db)) || (!db->open && run(db->s[S_BEGIN]))) {
		db->errors++;
		return false;
	}
	if (!db->open)
		db->opened = now_ms();
	db->open = true;
	return true;
}

void subs_db_put(struct subs_db *db, const struct subs_record *r)
{
	sqlite3_stmt *s;
	int rc;

	if (!begin(db))
		return;
	s = db->s[S_PUT];
	subs_row_bind(s, r);
	rc = run(s);
	if (!rc && !sqlite3_changes(db->sql)) {
		/* The same ID, but another LLQ. */
		sqlite3_bind_int64(db->s[S_FORGET], 1, subs_row_id(r->id));
		rc = run(db->s[S_FORGET]);
		rc = rc ? rc : run(s);
	}
	sqlite3_clear_bindings(s);
	count(db, rc);
}

void subs_db_forget(struct subs_db *db, const uint8_t id[LLQ_ID_LEN])
{
	if (!begin(db))
		return;
	sqlite3_bind_int64(db->s[S_FORGET], 1, subs_row_id(id));
	count(db, run(db->s[S_FORGET]));
}

int subs_db_flush(struct subs_db *db)
{
	unsigned int errors;

	if (db->open)
		commit(db);
	if (db->broken)
		renew(db);
	errors = db->errors;
	db->errors = 0;
	return errors ? -EIO : 0;
}

bool subs_db_dirty(const struct subs_db *db)
{
	return db->open || db->broken;
}

/* --- reading --------------------------------------------------------------------- */

int subs_db_each(struct subs_db *db, const uint8_t *apex, subs_db_fn fn, void *arg)
{
	struct subs_identity who;
	struct subs_record r;
	sqlite3_stmt *s;
	int rc, ret = 0;

	/* The walk sees what is committed. */
	if (db->open)
		commit(db);
	if (db->broken || !db->reader)
		return db->broken ? 0 : -EIO;
	rc = sqlite3_prepare_v2(db->reader, apex ? SUBS_ROW_SELECT " WHERE zone = ?1" :
						   SUBS_ROW_SELECT, -1, &s, NULL);
	if (!rc) {
		if (apex)
			sqlite3_bind_blob(s, 1, apex, (int)dname_len(apex), SQLITE_TRANSIENT);
		while (!ret && (rc = sqlite3_step(s)) == SQLITE_ROW) {
			if (subs_row_read(s, &r, &who))
				ret = fn(arg, &r);
		}
		sqlite3_finalize(s);
	}
	if (ret || rc == SQLITE_DONE)
		return ret;
	/* Those that came are known; the others subscribe anew. */
	db->broken |= damaged(rc);
	return db->broken ? 0 : -EIO;
}

size_t subs_db_count(struct subs_db *db)
{
	int64_t n = 0;

	if (db->sql && ask(db, "SELECT count(*) FROM llqs", &n))
		return 0;
	return (size_t)n;
}
