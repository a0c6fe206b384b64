// SPDX-License-Identifier: GPL-2.0-or-later
/* LLQs on disk: what is put is there after a restart, and only that. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../btmm-dnsd/log.h"
#include "../btmm-dnsd/subs_db.h"

static const uint8_t apex_a[] = "\5alice\7example\3com", apex_b[] = "\3bob\7example\3com";
static const uint8_t name_a[] = "\4host\5alice\7example\3com";
static const uint8_t name_b[] = "\4host\3bob\7example\3com";

static char dir[64], path[80], why[256];
static struct subs_db *db;

static void open_db(void)
{
	assert_int_equal(subs_db_open(path, &db, why, sizeof(why)), 0);
	assert_non_null(db);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/subs-db-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/subs.db", dir);
	log_set_level(LOG_ERR);
	db = NULL;
	return 0;
}

static int teardown(void **state)
{
	static const char *const parts[] = { "", "-wal", "-shm", ".damaged", ".damaged-wal",
					     ".damaged-shm" };
	char file[128];
	size_t i;

	(void)state;
	subs_db_close(db);
	for (i = 0; i < N_OF(parts); i++) {
		snprintf(file, sizeof(file), "%s%s", path, parts[i]);
		unlink(file);
	}
	return rmdir(dir);
}

static struct subs_record record(uint8_t n)
{
	struct subs_record r = {
		.id = { 0xff, 2, 3, 4, 5, 6, 7, n },
		.to = { .transport = SUBS_UDP, .listener = 3,
			.peer = { .port = 5353, .scope = 7 }, .local = { .port = 53 } },
		.name = name_a, .zone = apex_a, .type = 28,
		.expires = 1700000000000 + n, .time_signed = 1700000000, .udp_size = 1232,
	};

	r.to.peer.ip.s6_addr[0] = 0x20;
	r.to.peer.ip.s6_addr[15] = n;
	r.to.local.ip.s6_addr[15] = 9;
	return r;
}

/* What a walk has seen, by the last octet of the ID. */
static struct seen {
	unsigned int n;
	struct subs_record r[8];
	char answers[8][16];
	char who[8][64];
} seen;

static int see(void *arg, const struct subs_record *r)
{
	struct seen *s = arg;
	unsigned int i = r->id[7];

	assert_in_range(i, 0, 7);
	s->n++;
	s->r[i] = *r;
	assert_in_range(r->answers_len, 0, sizeof(s->answers[i]) - 1);
	memset(s->answers[i], 0, sizeof(s->answers[i]));
	if (r->answers)
		memcpy(s->answers[i], r->answers, r->answers_len);
	s->r[i].answers = r->answers ? (const uint8_t *)s->answers[i] : NULL;
	if (r->who)
		snprintf(s->who[i], sizeof(s->who[i]), "%s %s %llu", (const char *)r->who->name,
			 (const char *)r->who->zone, (unsigned long long)r->who->tag);
	return 0;
}

static void walk(const uint8_t *apex, unsigned int n)
{
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(subs_db_each(db, apex, see, &seen), 0);
	assert_int_equal(seen.n, n);
}

static void comes_back(void **state)
{
	const struct subs_identity who = { name_a, apex_a, UINT64_MAX - 5 };
	struct subs_record r = record(1);

	(void)state;
	open_db();
	assert_false(subs_db_dirty(db));
	r.who = &who;
	r.apple = true;
	r.answers = (const uint8_t *)"answers";
	r.answers_len = 7;
	subs_db_put(db, &r);
	assert_true(subs_db_dirty(db));
	assert_int_equal(subs_db_flush(db), 0);
	assert_false(subs_db_dirty(db));
	subs_db_close(db);

	open_db();
	walk(NULL, 1);
	assert_memory_equal(seen.r[1].id, r.id, LLQ_ID_LEN);
	assert_int_equal(seen.r[1].to.transport, SUBS_UDP);
	assert_int_equal(seen.r[1].to.listener, -1);
	assert_memory_equal(&seen.r[1].to.peer.ip, &r.to.peer.ip, 16);
	assert_int_equal(seen.r[1].to.peer.port, 5353);
	assert_int_equal(seen.r[1].to.peer.scope, 7);
	assert_memory_equal(&seen.r[1].to.local.ip, &r.to.local.ip, 16);
	assert_int_equal(seen.r[1].to.local.port, 53);
	assert_true(seen.r[1].apple);
	assert_int_equal(seen.r[1].type, 28);
	assert_true(seen.r[1].expires == r.expires);
	assert_true(seen.r[1].time_signed == r.time_signed);
	assert_int_equal(seen.r[1].udp_size, 1232);
	assert_string_equal(seen.answers[1], "answers");
	assert_string_equal(seen.who[1], "\4host\5alice\7example\3com \5alice\7example\3com "
					 "18446744073709551610");
}

/* Without answers (a refresh) those that are there stay; with them they are replaced. */
static void refresh_keeps_answers(void **state)
{
	struct subs_record r = record(1);

	(void)state;
	open_db();
	subs_db_put(db, &r);
	walk(NULL, 1);
	assert_null(seen.r[1].answers);
	assert_null(seen.r[1].who);

	r.answers = (const uint8_t *)"one";
	r.answers_len = 3;
	subs_db_put(db, &r);
	r.answers = NULL;
	r.answers_len = 0;
	r.expires += 1000;
	subs_db_put(db, &r);
	walk(NULL, 1);
	assert_string_equal(seen.answers[1], "one");
	assert_true(seen.r[1].expires == r.expires);

	r.answers = (const uint8_t *)"two";
	r.answers_len = 3;
	subs_db_put(db, &r);
	walk(NULL, 1);
	assert_string_equal(seen.answers[1], "two");
}

static void forgotten(void **state)
{
	struct subs_record r = record(1), other = record(2);

	(void)state;
	open_db();
	subs_db_put(db, &r);
	subs_db_put(db, &other);
	assert_int_equal(subs_db_count(db), 2);
	subs_db_forget(db, r.id);
	assert_int_equal(subs_db_count(db), 1);
	walk(NULL, 1);
	assert_int_equal(seen.r[2].id[7], 2);
	subs_db_forget(db, r.id);	/* not there */
	assert_int_equal(subs_db_flush(db), 0);
	assert_int_equal(subs_db_count(db), 1);
}

static void by_zone(void **state)
{
	struct subs_record r = record(1), other = record(2);

	(void)state;
	open_db();
	other.zone = apex_b;
	other.name = name_b;
	subs_db_put(db, &r);
	subs_db_put(db, &other);
	walk(apex_a, 1);
	assert_int_equal(seen.r[1].id[7], 1);
	walk(apex_b, 1);
	assert_int_equal(seen.r[2].id[7], 2);
	walk((const uint8_t *)"\7example\3com", 0);
	walk(NULL, 2);
}

/* An ID that is put for another name is another LLQ: with nothing of the old one. */
static void replaced(void **state)
{
	struct subs_record r = record(1);

	(void)state;
	open_db();
	r.answers = (const uint8_t *)"old";
	r.answers_len = 3;
	subs_db_put(db, &r);
	r.zone = apex_b;
	r.name = name_b;
	r.answers = NULL;
	r.answers_len = 0;
	subs_db_put(db, &r);
	walk(apex_a, 0);
	walk(apex_b, 1);
	assert_null(seen.r[1].answers);
}

static int put_more(void *arg, const struct subs_record *r)
{
	struct subs_record more = record((uint8_t)(r->id[7] + 4));
	unsigned int *n = arg;

	++*n;
	subs_db_put(db, &more);
	subs_db_forget(db, r->id);
	return 0;
}

/* Who is called by a walk may write: the walk goes on as if it had not. */
static void writes_while_walking(void **state)
{
	unsigned int n = 0;
	uint8_t i;

	(void)state;
	open_db();
	for (i = 0; i < 4; i++) {
		struct subs_record r = record(i);

		subs_db_put(db, &r);
	}
	assert_int_equal(subs_db_each(db, NULL, put_more, &n), 0);
	assert_int_equal(n, 4);
	walk(NULL, 4);
	assert_int_equal(seen.r[7].id[7], 7);
}

static int stop_at_two(void *arg, const struct subs_record *r)
{
	(void)r;
	return ++*(int *)arg == 2 ? 42 : 0;
}

static void stops(void **state)
{
	int n = 0;
	uint8_t i;

	(void)state;
	open_db();
	for (i = 0; i < 4; i++) {
		struct subs_record r = record(i);

		subs_db_put(db, &r);
	}
	assert_int_equal(subs_db_each(db, NULL, stop_at_two, &n), 42);
	assert_int_equal(n, 2);
}

static void secret_and_mode(void **state)
{
	uint8_t secret[16], again[16], other[16], none[16] = { 0 };
	struct stat st;

	(void)state;
	open_db();
	subs_db_secret(db, secret);
	assert_memory_not_equal(secret, none, 16);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	subs_db_close(db);
	assert_int_equal(chmod(path, 0644), 0);

	open_db();
	subs_db_secret(db, again);
	assert_memory_equal(secret, again, 16);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	subs_db_close(db);
	db = NULL;

	/* Another file, another secret. */
	assert_int_equal(unlink(path), 0);
	open_db();
	subs_db_secret(db, other);
	assert_memory_not_equal(secret, other, 16);
}

/* What was flushed survives kill -9; what was not is as if it had never been. */
static void killed(void **state)
{
	struct subs_record r;
	pid_t pid;
	int status;

	(void)state;
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (!pid) {
		struct subs_db *mine;

		if (subs_db_open(path, &mine, why, sizeof(why)))
			_exit(1);
		r = record(1);
		subs_db_put(mine, &r);
		if (subs_db_flush(mine))
			_exit(2);
		r = record(2);
		subs_db_put(mine, &r);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));

	open_db();
	walk(NULL, 1);
	assert_int_equal(seen.r[1].id[7], 1);
}

static void scribble(off_t from, size_t len)
{
	int fd = open(path, O_RDWR);
	uint8_t *junk = malloc(len);

	assert_int_not_equal(fd, -1);
	memset(junk, 0xa5, len);
	assert_int_equal(pwrite(fd, junk, len, from), (ssize_t)len);
	close(fd);
	free(junk);
}

/* What is no data base of ours is set aside: subscriptions can be lost, service not. */
static void damaged_at_open(void **state)
{
	struct subs_record r = record(1);
	char aside[128];

	(void)state;
	open_db();
	subs_db_put(db, &r);
	subs_db_close(db);
	scribble(0, 100);
	open_db();
	walk(NULL, 0);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	assert_int_equal(access(aside, F_OK), 0);
	subs_db_put(db, &r);
	assert_int_equal(subs_db_flush(db), 0);
	walk(NULL, 1);
}

static void damaged_behind_its_head(void **state)
{
	uint8_t answers[2000] = { 0 };
	struct subs_record r;
	unsigned int i;
	struct stat st;

	(void)state;
	open_db();
	for (i = 0; i < 200; i++) {
		r = record(1);
		r.id[6] = (uint8_t)i;
		r.answers = answers;
		r.answers_len = sizeof(answers);
		subs_db_put(db, &r);
	}
	subs_db_close(db);
	assert_int_equal(stat(path, &st), 0);
	/* All but the schema. */
	scribble(4 * 4096, (size_t)st.st_size - 4 * 4096);

	open_db();
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(subs_db_each(db, NULL, stop_at_two, &(int){ 10 }), 0);
	assert_true(subs_db_dirty(db));
	r = record(2);
	subs_db_put(db, &r);		/* told, and begun anew */
	assert_int_equal(subs_db_flush(db), -EIO);
	assert_false(subs_db_dirty(db));
	subs_db_put(db, &r);
	assert_int_equal(subs_db_flush(db), 0);
	walk(NULL, 1);
}

static void cannot_be_opened(void **state)
{
	char nowhere[128];

	(void)state;
	snprintf(nowhere, sizeof(nowhere), "%s/none/subs.db", dir);
	assert_int_equal(subs_db_open(nowhere, &db, why, sizeof(why)), -ENOENT);
	assert_null(db);
	assert_non_null(strstr(why, nowhere));
	assert_non_null(strstr(why, "No such file"));
}

/*
 * The log is moved into the file by the thread while it is written, and then begun
 * at its start again: with pauses in which the thread is done, it does not grow.
 */
static void log_stays_short(void **state)
{
	static uint8_t answers[3000];
	struct subs_record r = record(1);
	unsigned int i, round;
	char wal[128];
	struct stat st;

	(void)state;
	open_db();
	snprintf(wal, sizeof(wal), "%s-wal", path);
	r.answers = answers;
	r.answers_len = sizeof(answers);
	/* Until it begins again: it is over 100,000 pages then, if it never does. */
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 2000; i++) {
			r.id[5] = (uint8_t)(i >> 8);
			r.id[6] = (uint8_t)i;
			subs_db_put(db, &r);
			if (i % 500 == 499)
				assert_int_equal(subs_db_flush(db), 0);
		}
	}
	assert_int_equal(stat(wal, &st), 0);
	assert_in_range(st.st_size, 1, 75000u * 4096);
	assert_int_equal(subs_db_count(db), 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(refresh_keeps_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(by_zone, setup, teardown),
		cmocka_unit_test_setup_teardown(replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_while_walking, setup, teardown),
		cmocka_unit_test_setup_teardown(stops, setup, teardown),
		cmocka_unit_test_setup_teardown(secret_and_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(killed, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_at_open, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_behind_its_head, setup, teardown),
		cmocka_unit_test_setup_teardown(cannot_be_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(log_stays_short, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
