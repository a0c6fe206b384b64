// SPDX-License-Identifier: GPL-2.0-or-later
/* Leases and answers on the disk: what was committed is there, all of it or nothing. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "lease_db_world.h"

static const uint8_t other_apex[] = "\7example\3net";

/* --- what is put in and comes out ------------------------------------------------------------ */

/* The expiry of the one lease in @zone, which was prolonged to @granted seconds. */
static int64_t prolonged(const uint8_t *zone, uint32_t granted)
{
	struct seen s = { .prolonged = granted };

	assert_int_equal(lease_db_leases(db, zone, see, &s), 0);
	assert_int_equal(s.n, 1);
	return s.expiry;
}

static bool in_haste;	/* commits do not wait for the disk */

static int commit(struct lease_batch *a, struct lease_batch *b)
{
	struct lease_batch none = { 0 };
	int ret = lease_db_commit(db, a, b ? b : &none, !in_haste);

	lease_batch_clear(a);
	if (b)
		lease_batch_clear(b);
	return ret;
}

static void leases(void **state)
{
	struct lease_batch b = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(lease_db_last_row(db), 0);
	put(&b, 1, apex, WALL + 1);
	put(&b, 2, apex, WALL + 2);
	put(&b, 3, other_apex, WALL + 3);
	assert_int_equal(b.n, 3);
	assert_int_equal(commit(&b, NULL), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(in_zone(apex).n, 2);
	assert_int_equal(in_zone(other_apex).expiry, WALL + 3);
	assert_int_equal(in_zone(dn("example.org")).n, 0);
	put(&b, 2, apex, WALL + 50);
	lease_batch_forget(&b, 1);
	lease_batch_forget(&b, 99);
	assert_int_equal(commit(&b, NULL), 0);
	reopen();
	assert_int_equal(in_zone(apex).rows, 2);
	assert_int_equal(in_zone(apex).expiry, WALL + 50);
	assert_int_equal(lease_db_last_row(db), 3);
	assert_null(lease_db_message(db, (char [8]){ 0 }, 8));
}

/* Both batches, in order, in one transaction. */
static void together(void **state)
{
	struct lease_batch a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	put(&a, 1, apex, WALL);
	put(&a, 2, apex, WALL);
	lease_batch_forget(&b, 1);
	put(&b, 2, apex, WALL + 9);
	assert_int_equal(commit(&a, &b), 0);
	assert_int_equal(in_zone(apex).rows, 2);
	assert_int_equal(in_zone(apex).expiry, WALL + 9);

	/* Put together beforehand. */
	put(&a, 3, apex, WALL);
	lease_batch_forget(&b, 3);
	put(&b, 4, apex, WALL + 4);
	lease_batch_append(&a, &b);
	assert_int_equal(a.n, 3);
	assert_int_equal(b.n, 0);
	lease_batch_append(&c, &a);
	assert_int_equal(c.n, 3);
	lease_batch_append(&c, &a);
	assert_int_equal(c.n, 3);
	assert_int_equal(commit(&c, NULL), 0);
	assert_int_equal(in_zone(apex).rows, 2 + 4);
}

/* A batch that lacks something is not written in part. */
static void failed_batch(void **state)
{
	struct lease_batch a = { 0 }, b = { 0 };

	(void)state;
	put(&a, 1, apex, WALL);
	put(&b, 2, apex, WALL);
	b.failed = true;
	assert_int_equal(commit(&a, &b), -ENOMEM);
	assert_int_equal(in_zone(apex).n, 0);
	put(&b, 2, apex, WALL);
	b.failed = true;
	put(&a, 1, apex, WALL);
	lease_batch_append(&a, &b);
	assert_true(a.failed);
	assert_int_equal(commit(&a, NULL), -ENOMEM);
	put(&a, 3, apex, WALL);
	assert_int_equal(commit(&a, NULL), 0);
	assert_int_equal(in_zone(apex).rows, 3);
}

/* --- repeats ------------------------------------------------------------ */

static struct repeat answers[8];
static size_t n_answers;

static void see_repeat(void *arg, struct repeat *e, int64_t wall)
{
	assert_null(arg);
	assert_true(n_answers < N_OF(answers));
	assert_int_equal(wall, WALL + (int64_t)e->row);
	answers[n_answers++] = *e;
}

static void repeats(void **state)
{
	struct repeat e = { .id = { .key = UINT64_MAX - 3, .mac = { 9, 8, 7 } }, .row = 2,
			    .time_signed = WALL - 5, .pending = true };
	struct lease_batch b = { 0 };

	(void)state;
	lease_batch_put_repeat(&b, &e, WALL + 2);
	e.row = 5;
	e.pending = false;
	e.rcode = 5;
	e.has_opt = true;
	e.has_lease = true;
	e.long_form = true;
	e.lease = 7200;
	e.key_lease = 604800;
	lease_batch_put_repeat(&b, &e, WALL + 5);
	e.row = 1;
	e.has_lease = false;
	lease_batch_put_repeat(&b, &e, WALL + 1);
	assert_int_equal(commit(&b, NULL), 0);
	reopen();
	n_answers = 0;
	assert_int_equal(lease_db_repeats(db, see_repeat, NULL), 0);
	assert_int_equal(n_answers, 3);
	assert_int_equal(answers[0].row, 1);
	assert_int_equal(answers[1].row, 2);
	assert_true(answers[1].pending);
	assert_true(answers[1].id.key == UINT64_MAX - 3);
	assert_memory_equal(answers[1].id.mac, e.id.mac, REPEAT_MAC);
	assert_int_equal(answers[1].time_signed, WALL - 5);
	assert_false(answers[2].pending);
	assert_int_equal(answers[2].rcode, 5);
	assert_true(answers[2].has_opt && answers[2].has_lease && answers[2].long_form);
	assert_false(answers[0].has_lease);
	assert_int_equal(answers[2].lease, 7200);
	assert_int_equal(answers[2].key_lease, 604800);

	/* Answered since, and the rest forgotten. */
	e.row = 2;
	lease_batch_put_repeat(&b, &e, WALL + 2);
	lease_batch_forget_repeats(&b, 1);
	assert_int_equal(commit(&b, NULL), 0);
	n_answers = 0;
	assert_int_equal(lease_db_repeats(db, see_repeat, NULL), 0);
	assert_int_equal(n_answers, 2);
	assert_false(answers[0].pending);
	assert_int_equal(answers[0].row, 2);
}

/* --- ends that are not clean ------------------------------------------------------------ */

/* Killed while it commits all the time: each that was told about is there, none in
 * part.
 */
static void killed(void **state)
{
	uint64_t told = 0, row;
	int fds[2], status, round;
	struct seen s;

	(void)state;
	lease_db_close(db);
	for (round = 0; round < 5; round++) {
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			struct lease_batch b = { 0 };
			int err;

			db = lease_db_open(path, WALL, &terms, &err);
			in_haste = round % 2;
			for (row = told + 1; db; row += 2) {
				put(&b, row, apex, WALL);
				put(&b, row + 1, apex, WALL);
				if (commit(&b, NULL) ||
				    write(fds[1], &row, sizeof(row)) != sizeof(row))
					break;
				lease_db_tidy(db);
			}
			_exit(1);
		}
		close(fds[1]);
		row = 0;
		while (row < told + 60)
			assert_int_equal(read(fds[0], &row, sizeof(row)), sizeof(row));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(fds[0], &row, sizeof(row)) == sizeof(row))
			;
		close(fds[0]);
		open_db();
		s = in_zone(apex);
		assert_true(s.n % 2 == 0 && s.n >= row + 1);
		assert_int_equal(s.rows, s.n * (s.n + 1) / 2);
		assert_int_equal(lease_db_last_row(db), s.n);
		told = s.n;
		lease_db_close(db);
	}
	open_db();
}

static void in_use(void **state)
{
	int err = 0, status;
	pid_t pid = fork();

	(void)state;
	assert_null(lease_db_open(path, WALL, &terms, &err));
	assert_int_equal(err, -EBUSY);
	if (!pid) {
		struct lease_db *mine = lease_db_open(path, WALL, &terms, &err);

		_exit(mine || err != -EBUSY);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void nowhere(void **state)
{
	int err = 0;

	(void)state;
	assert_null(lease_db_open("/nowhere/at/all", WALL, &terms, &err));
	assert_int_equal(err, -ENOENT);
	assert_null(lease_db_open(dir, WALL, &terms, &err));
	assert_int_equal(err, -EISDIR);
}

/* --- damage ------------------------------------------------------------ */

/* Each time with something else in all of them. */
static void fill(size_t rows)
{
	static unsigned int times;
	struct lease_batch b = { 0 };
	size_t i;

	times++;
	for (i = 1; i <= rows; i++)
		put(&b, i, apex, WALL + times);
	assert_int_equal(commit(&b, NULL), 0);
}

static void overwrite(const char *file, off_t from, size_t len)
{
	int fd = open(file, O_WRONLY);
	uint8_t block[4096];
	size_t n;

	assert_true(fd >= 0);
	memset(block, 0xa5, sizeof(block));
	for (; len; len -= n, from += (off_t)n) {
		n = len < sizeof(block) ? len : sizeof(block);
		assert_int_equal(pwrite(fd, block, n, from), n);
	}
	close(fd);
}

static void assert_set_aside(void)
{
	char text[4096], aside[160];
	struct lease_batch b = { 0 };

	assert_int_equal(in_zone(apex).n, 0);
	assert_ptr_equal(lease_db_message(db, text, sizeof(text)), text);
	assert_non_null(strstr(text, "leases.db"));
	assert_null(lease_db_message(db, text, sizeof(text)));
	snprintf(aside, sizeof(aside), "%s.damaged-%d", path, WALL);
	assert_int_equal(access(aside, F_OK), 0);
	/* And the new one works. */
	put(&b, 1, apex, WALL);
	assert_int_equal(commit(&b, NULL), 0);
	reopen();
	assert_int_equal(in_zone(apex).n, 1);
}

static void damaged_head(void **state)
{
	(void)state;
	fill(10);
	lease_db_close(db);
	overwrite(path, 0, 64);
	open_db();
	assert_set_aside();
}

static void damaged_inside(void **state)
{
	struct stat st;

	(void)state;
	fill(3000);
	lease_db_close(db);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 8 * 4096);
	overwrite(path, 3 * 4096, 4 * 4096);
	open_db();
	assert_set_aside();
}

static void cut_short(void **state)
{
	(void)state;
	fill(3000);
	lease_db_close(db);
	assert_int_equal(truncate(path, 5000), 0);
	open_db();
	assert_set_aside();
}

static void another_file(void **state)
{
	(void)state;
	lease_db_close(db);
	overwrite(path, 0, 20000);
	open_db();
	assert_set_aside();
}

/* Found when it is written to: what is in memory is to be written anew. */
static void damaged_in_use(void **state)
{
	struct lease_batch b = { 0 };
	struct stat st;
	int ret = 0;
	size_t i;

	(void)state;
	/* More than SQLite keeps in memory. */
	fill(60000);
	reopen();
	assert_int_equal(stat(path, &st), 0);
	overwrite(path, 4096, (size_t)st.st_size - 4096);
	for (i = 1; i < 100 && !ret; i++) {
		lease_batch_forget(&b, 600 * i);
		ret = commit(&b, NULL);
	}
	assert_int_equal(ret, -EUCLEAN);
	assert_int_equal(in_zone(apex).n, 0);
	fill(5);
	reopen();
	assert_int_equal(in_zone(apex).n, 5);
}

/* --- machines that go down --------------------------------------------------------- */

/* As if it was in use when another boot ended. */
static void note_other_boot(void)
{
	sqlite3 *sql;

	lease_db_close(db);
	assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sql, "INSERT INTO boot VALUES('another')", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(sql);
	open_db();
}

static void fill_times(void)
{
	const int64_t now = WALL * 1000LL;
	struct lease_batch b = { 0 };

	put(&b, 1, apex, now + 600 * 1000);	/* of 2 hours at most */
	put(&b, 2, other_apex, now - 7201 * 1000);
	put(&b, DNS_KEY - 1, dn("example.org"), now + 600 * 1000);
	put(&b, 100, dn("example.info"), now + 7300 * 1000);
	assert_int_equal(commit(&b, NULL), 0);
}

static void other_boot(void **state)
{
	const int64_t now = WALL * 1000LL;

	(void)state;
	fill_times();
	reopen();
	assert_int_equal(in_zone(apex).expiry, now + 600 * 1000);

	note_other_boot();
	assert_int_equal(prolonged(apex, 7200), now + 7200 * 1000);
	assert_int_equal(in_zone(other_apex).expiry, now - 7201 * 1000);
	assert_int_equal(prolonged(dn("example.org"), 604800), now + 604800 * 1000LL);
	assert_int_equal(in_zone(dn("example.info")).expiry, now + 7300 * 1000);

	/* Once only. */
	fill_times();
	reopen();
	assert_int_equal(prolonged(apex, 7001), now + 600 * 1000);
}

/* Killed, but in this boot: all is known. */
static void same_boot(void **state)
{
	int status, err;
	pid_t pid;

	(void)state;
	lease_db_close(db);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		db = lease_db_open(path, WALL, &terms, &err);
		in_haste = true;
		fill_times();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	open_db();
	assert_int_equal(in_zone(apex).expiry, WALL * 1000LL + 600 * 1000);
}

/* What did not wait for the disk does so later, with nothing to write. */
static void synced_later(void **state)
{
	struct lease_batch a = { 0 }, none = { 0 };
	struct lease_db_stats stats;

	(void)state;
	put(&a, 1, apex, WALL);
	assert_int_equal(lease_db_commit(db, &a, &none, false), 0);
	lease_batch_clear(&a);
	assert_int_equal(lease_db_commit(db, &none, &none, true), 0);
	assert_int_equal(lease_db_commit(db, &none, &none, true), 0);
	lease_db_stats(db, &stats);
	assert_int_equal(stats.failed, 0);
	assert_int_equal(in_zone(apex).n, 1);
}

/* --- no room ------------------------------------------------------------ */

static void set_limit(rlim_t octets)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = octets;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A full disk, as seen from here: no file may grow. */
static void no_room(void **state)
{
	struct lease_batch b = { 0 };
	struct lease_db_stats stats;
	size_t i;
	int ret;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	fill(10);
	set_limit(16384);
	for (i = 100; i < 5000; i++)
		put(&b, i, apex, WALL);
	ret = commit(&b, NULL);
	assert_true(ret == -ENOSPC || ret == -EIO);
	lease_db_stats(db, &stats);
	assert_int_equal(stats.failed, 1);
	/* What was there is, and nothing of the rest. */
	assert_int_equal(in_zone(apex).n, 10);
	set_limit(RLIM_INFINITY);
	put(&b, 100, apex, WALL);
	assert_int_equal(commit(&b, NULL), 0);
	reopen();
	assert_int_equal(in_zone(apex).n, 11);
	assert_null(lease_db_message(db, (char [8]){ 0 }, 8));
}

/* --- the log ------------------------------------------------------------ */

static void tidied(void **state)
{
	char wal[128];
	struct stat st;
	off_t before;
	int i;

	(void)state;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_false(lease_db_untidy(db));
	for (i = 0; i < 200 && !lease_db_untidy(db); i++)
		fill(500);
	assert_true(lease_db_untidy(db));
	assert_int_equal(stat(wal, &st), 0);
	before = st.st_size;
	lease_db_tidy(db);
	assert_false(lease_db_untidy(db));
	/* It begins anew, so grows no more. */
	for (i = 0; i < 10; i++) {
		fill(100);
		lease_db_tidy(db);
	}
	assert_int_equal(stat(wal, &st), 0);
	assert_true(st.st_size <= before);
	assert_int_equal(in_zone(apex).n, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(leases), CASE(together), CASE(failed_batch), CASE(repeats), CASE(killed),
		CASE(in_use), CASE(nowhere), CASE(damaged_head), CASE(damaged_inside),
		CASE(cut_short), CASE(another_file), CASE(damaged_in_use), CASE(no_room),
		CASE(other_boot), CASE(same_boot), CASE(synced_later),
		CASE(tidied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
