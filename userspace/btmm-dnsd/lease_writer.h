/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commits to the data base of leases without keeping the event loop waiting for
 * the disk: in a thread, as long as commits take long; else on the spot.
 */
#ifndef BTMM_DNSD_LEASE_WRITER_H
#define BTMM_DNSD_LEASE_WRITER_H

#include "lease_db.h"

enum lease_writer_mode { WRITER_AUTO, WRITER_INLINE, WRITER_THREAD };

struct lease_writer;
/* Takes @db over, also to close it. NULL: no memory, threads or descriptors; @db is
 * still the caller's.
 */
struct lease_writer *lease_writer_new(struct lease_db *db, enum lease_writer_mode mode);
/* Waits for what has been submitted. */
void lease_writer_free(struct lease_writer *w);
/* Readable when lease_writer_result() has something to tell. */
int lease_writer_fd(const struct lease_writer *w);

/* Neither at work nor with a result. */
bool lease_writer_idle(const struct lease_writer *w);
/* Commits both in one transaction, and takes them over until there is a result. Not
 * between lease_writer_submit() and its result; lease_writer_tidy() does not matter.
 */
void lease_writer_submit(struct lease_writer *w, struct lease_batch *a, struct lease_batch *b,
			 bool sync);
/*
 * False: not yet. Else @ret is what lease_db_commit() said, and the second batch is
 * given back, to be tried again or freed.
 */
bool lease_writer_result(struct lease_writer *w, int *ret, struct lease_batch *b);
/* Waits until it is idle or has a result. */
void lease_writer_wait(struct lease_writer *w);
/* To read from, after lease_writer_wait(). */
struct lease_db *lease_writer_db(const struct lease_writer *w);
/* lease_db_tidy(), when idle and if there is need; there is no result. */
void lease_writer_tidy(struct lease_writer *w);

#endif
