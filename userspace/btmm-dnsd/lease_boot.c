// SPDX-License-Identifier: GPL-2.0-or-later
#include "lease_boot.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/dns/message.h"

#define BOOT_ID		"/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN	36

/* "": it cannot be had. */
static void boot_id(char out[BOOT_ID_LEN + 1])
{
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, BOOT_ID_LEN);

	if (fd >= 0)
		close(fd);
	out[n == BOOT_ID_LEN ? n : 0] = '\0';
}

/* Was the file in use in another boot when that ended? */
static int is_other_boot(sqlite3 *sql, const char *now, bool *out)
{
	sqlite3_stmt *s;
	const char *then;
	int rc = sqlite3_prepare_v2(sql, "SELECT id FROM boot", -1, &s, NULL);

	/* Tables of that name, but not ours. */
	if (rc)
		return rc == SQLITE_ERROR ? SQLITE_CORRUPT : rc;
	rc = sqlite3_step(s);
	then = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
	*out = then && (!*now || strcmp(then, now));
	sqlite3_finalize(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* What may last longer than the file says, and is not over in any case. */
static int prolong(sqlite3 *sql, int64_t wall, const char *condition, uint32_t longest)
{
	const long long now = (long long)wall * 1000, ms = longest * 1000LL;
	char text[256];

	snprintf(text, sizeof(text),
		 "UPDATE leases SET expiry = %lld, granted = %u"
		 " WHERE type %s %d AND expiry > %lld AND expiry < %lld",
		 now + ms, longest, condition, DNS_KEY, now - ms, now + ms);
	return sqlite3_exec(sql, text, NULL, NULL, NULL);
}

int lease_boot_begin(sqlite3 *sql, int64_t wall, const struct lease_terms *terms)
{
	char now[BOOT_ID_LEN + 1], text[128];
	bool other = false;
	int rc;

	boot_id(now);
	snprintf(text, sizeof(text), "DELETE FROM boot; INSERT INTO boot VALUES('%s'); COMMIT",
		 now);
	rc = sqlite3_exec(sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	rc = rc ? rc : is_other_boot(sql, now, &other);
	if (other) {
		rc = rc ? rc : prolong(sql, wall, "!=", terms->max);
		rc = rc ? rc : prolong(sql, wall, "=", terms->key_max);
	}
	return rc ? rc : sqlite3_exec(sql, text, NULL, NULL, NULL);
}

/* By how much the clock was set since it was told last; 0: it was not, or nobody knows. */
static int was_set_by(sqlite3 *sql, const char *id, uint64_t boot, int64_t wall, int64_t *by)
{
	sqlite3_stmt *s;
	const char *then;
	int rc = sqlite3_prepare_v2(sql, "SELECT id, boot, wall FROM clock", -1, &s, NULL);

	*by = 0;
	if (rc)
		return rc;
	rc = sqlite3_step(s);
	then = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
	/* Less time since the start is another start, whatever it is called. */
	if (then && *id && !strcmp(then, id) && sqlite3_column_int64(s, 1) <= (int64_t)boot)
		*by = wall - sqlite3_column_int64(s, 2) -
		      ((int64_t)boot - sqlite3_column_int64(s, 1));
	sqlite3_finalize(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int lease_boot_clock(sqlite3 *sql, uint64_t boot, int64_t wall)
{
	char id[BOOT_ID_LEN + 1], text[256];
	int64_t by = 0;
	int rc;

	boot_id(id);
	rc = sqlite3_exec(sql, "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS"
			  " clock(id TEXT NOT NULL, boot INTEGER NOT NULL, wall INTEGER NOT NULL)",
			  NULL, NULL, NULL);
	rc = rc ? rc : was_set_by(sql, id, boot, wall, &by);
	/* By less a clock is set that somebody keeps right. */
	if (!rc && (by > LEASE_CLOCK_STEP || by < -LEASE_CLOCK_STEP)) {
		snprintf(text, sizeof(text), "UPDATE leases SET expiry = expiry + %lld",
			 (long long)by);
		rc = sqlite3_exec(sql, text, NULL, NULL, NULL);
	}
	snprintf(text, sizeof(text),
		 "DELETE FROM clock; INSERT INTO clock VALUES('%s', %lld, %lld)",
		 id, (long long)boot, (long long)wall);
	rc = rc ? rc : sqlite3_exec(sql, text, NULL, NULL, NULL);
	rc = rc ? rc : sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL);
	if (rc)
		sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int lease_boot_end(sqlite3 *sql)
{
	return sqlite3_exec(sql, "DELETE FROM boot", NULL, NULL, NULL);
}
