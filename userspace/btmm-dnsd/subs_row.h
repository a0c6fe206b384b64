/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An LLQ as a row of subs_db.c's table. */
#ifndef BTMM_DNSD_SUBS_ROW_H
#define BTMM_DNSD_SUBS_ROW_H

#include <sqlite3.h>

#include "../lib/llq/subs.h"

/* IDs are random: by rows, what comes together stands together. */
#define SUBS_ROW_TABLE \
	"CREATE TABLE llqs(row INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE," \
	"	zone BLOB NOT NULL, name BLOB NOT NULL, type INTEGER NOT NULL," \
	"	peer BLOB NOT NULL, local BLOB NOT NULL, apple INTEGER NOT NULL," \
	"	who BLOB, tag INTEGER, expires INTEGER NOT NULL," \
	"	signed INTEGER NOT NULL, udp INTEGER NOT NULL, answers BLOB)"

/* Who refreshes touches no index. No change at all: the ID is that of another LLQ. */
#define SUBS_ROW_PUT \
	"INSERT INTO llqs VALUES(NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11," \
	" ?12, ?13) ON CONFLICT(id) DO UPDATE SET peer = ?5, local = ?6, apple = ?7," \
	" who = ?8, tag = ?9, expires = ?10, signed = ?11, udp = ?12," \
	" answers = coalesce(?13, answers)" \
	" WHERE zone = ?2 AND name = ?3 AND type = ?4"

#define SUBS_ROW_SELECT \
	"SELECT id, zone, name, type, peer, local, apple, who, tag, expires, signed," \
	" udp, answers FROM llqs"

sqlite3_int64 subs_row_id(const uint8_t id[LLQ_ID_LEN]);
/* To SUBS_ROW_PUT; name, zone and answers of @r have to stay until it has run. */
void subs_row_bind(sqlite3_stmt *s, const struct subs_record *r);
/*
 * From SUBS_ROW_SELECT; @r points into @who and into @s until its next step. False: it
 * makes no sense.
 */
bool subs_row_read(sqlite3_stmt *s, struct subs_record *r, struct subs_identity *who);

#endif
