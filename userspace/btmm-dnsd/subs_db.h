/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LLQs on disk, so that they outlive the process: SQLite, write-ahead log,
 * synchronous=NORMAL. A power cut may lose the last seconds, never the file; who
 * lost an LLQ sets it up again when its refresh fails.
 *
 * What is put and forgotten goes into one transaction until subs_db_flush().
 * Checkpoints (the part that waits for the disk) are made by a thread of its own.
 * The file has mode 0600 and holds one secret, that of LLQ-IDs; no key.
 */
#ifndef BTMM_DNSD_SUBS_DB_H
#define BTMM_DNSD_SUBS_DB_H

#include "../lib/llq/subs.h"

#define SUBS_DB_FLUSH_MS	100

struct subs_db;

/* @path: made if missing. 0 or negative errno, and in @why a sentence. */
int subs_db_open(const char *path, struct subs_db **out, char *why, size_t why_size);
void subs_db_close(struct subs_db *db);		/* flushes */

/* Drawn when the file was made. */
void subs_db_secret(const struct subs_db *db, uint8_t secret[16]);

/* As subs_ops wants them. Errors are counted, and told by subs_db_flush(). */
void subs_db_put(struct subs_db *db, const struct subs_record *r);
void subs_db_forget(struct subs_db *db, const uint8_t id[LLQ_ID_LEN]);

/* Ends the transaction, if one is open: to be called at the end of each turn of
 * the loop, or when the first change is SUBS_DB_FLUSH_MS old. 0, or -EIO since the
 * last call.
 */
int subs_db_flush(struct subs_db *db);
bool subs_db_dirty(const struct subs_db *db);

/*
 * Every LLQ, or those in the zone @apex, in no order; @fn returns nonzero to stop,
 * which is returned. It may put and forget (not seen by this walk). -EIO.
 */
typedef int (*subs_db_fn)(void *arg, const struct subs_record *r);
int subs_db_each(struct subs_db *db, const uint8_t *apex, subs_db_fn fn, void *arg);

size_t subs_db_count(struct subs_db *db);

#endif
