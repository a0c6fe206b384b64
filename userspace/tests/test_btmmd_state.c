// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../btmmd/state.h"

#define NAME	"identity"

static const struct identity_link links[] = {
	{ IDENTITY_FIXED, { 0x00, 0x22, 0x69, 0x8e, 0x34, 0x2a }, 6 },
};

static int make_dir(void **state)
{
	char path[] = "/tmp/btmmd-state-XXXXXX";
	int *dir = malloc(sizeof(*dir));

	if (!dir || !mkdtemp(path))
		return -1;
	*dir = open(path, O_RDONLY | O_DIRECTORY);
	*state = dir;
	return *dir < 0;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { NAME, "." NAME ".new", "other" };
	int *dir = *state;
	char path[64], real[PATH_MAX] = "";
	size_t i;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", *dir);
	for (i = 0; i < N_OF(names); i++) {
		if (unlinkat(*dir, names[i], 0))
			unlinkat(*dir, names[i], AT_REMOVEDIR);
	}
	if (readlink(path, real, sizeof(real) - 1) > 0)
		rmdir(real);
	close(*dir);
	free(dir);
	return 0;
}

static void put(int dir, const char *text, size_t len)
{
	int fd = openat(dir, NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void files(void **state)
{
	int dir = **(int **)state;
	char buf[8];
	struct stat st;
	size_t len;

	assert_int_equal(state_read(dir, "other", buf, sizeof(buf), &len), -ENOENT);
	assert_int_equal(state_write(dir, "other", "12345678", 8), 0);
	assert_int_equal(fstatat(dir, "other", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(state_read(dir, "other", buf, sizeof(buf), &len), 0);
	assert_int_equal(len, 8);
	assert_memory_equal(buf, "12345678", 8);
	assert_int_equal(state_read(dir, "other", buf, 7, &len), -EFBIG);

	/* Shorter, over what somebody who died has left. */
	assert_int_equal(symlinkat("/dev/null", dir, ".other.new"), 0);
	assert_int_equal(state_write(dir, "other", "ab", 2), 0);
	assert_int_equal(state_read(dir, "other", buf, sizeof(buf), &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(faccessat(dir, ".other.new", F_OK, AT_SYMLINK_NOFOLLOW), -1);

	/* Not what it should be */
	assert_int_equal(unlinkat(dir, "other", 0), 0);
	assert_int_equal(symlinkat("/dev/null", dir, "other"), 0);
	assert_int_equal(state_read(dir, "other", buf, sizeof(buf), &len), -EINVAL);
	assert_int_equal(unlinkat(dir, "other", 0), 0);
	assert_int_equal(mkfifoat(dir, "other", 0600), 0);
	assert_int_equal(state_read(dir, "other", buf, sizeof(buf), &len), -EINVAL);
	assert_int_equal(unlinkat(dir, "other", 0), 0);
	assert_int_equal(mkdirat(dir, "other", 0700), 0);
	assert_int_equal(state_read(dir, "other", buf, sizeof(buf), &len), -EINVAL);
	assert_int_equal(state_write(dir, "other", "ab", 2), -EISDIR);
	assert_int_equal(faccessat(dir, ".other.new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(unlinkat(dir, "other", AT_REMOVEDIR), 0);
}

/* Who was killed while writing */
static void tidied(void **state)
{
	int dir = *(int *)*state;
	struct stat st;

	put(dir, "x", 1);
	assert_int_equal(renameat(dir, NAME, dir, "." NAME ".new"), 0);
	put(dir, "kept", 4);
	state_tidy(dir);
	assert_int_not_equal(fstatat(dir, "." NAME ".new", &st, 0), 0);
	assert_int_equal(fstatat(dir, NAME, &st, 0), 0);
}

static void identity_lives(void **state)
{
	int dir = **(int **)state;
	struct identity first, again;
	char why[STATE_WHY];

	assert_int_equal(state_identity(dir, NAME, links, 1, false, &first, why), STATE_NEW);
	assert_string_equal(why, "");
	assert_true(identity_is_set(&first));
	assert_memory_equal(first.eui64, "\x02\x22\x69\xff\xfe\x8e\x34\x2a", EUI64_LEN);

	/* Even without that interface. */
	assert_int_equal(state_identity(dir, NAME, NULL, 0, false, &again, why), STATE_KEPT);
	assert_memory_equal(&again.ula, &first.ula, sizeof(first.ula));

	/* The hardware's address is not told any longer; a random one is kept after. */
	assert_int_equal(state_identity(dir, NAME, links, 1, true, &first, why),
			 STATE_REPLACED);
	assert_non_null(strstr(why, "no longer"));
	assert_true(first.random);
	assert_memory_not_equal(&again.ula, &first.ula, 8);
	assert_int_equal(state_identity(dir, NAME, links, 1, false, &again, why), STATE_KEPT);
	assert_memory_equal(&again.ula, &first.ula, sizeof(first.ula));
}

static void not_believed(void **state)
{
	int dir = **(int **)state;
	struct identity first, id;
	char why[STATE_WHY], buf[IDENTITY_STATE_MAX];
	size_t len;

	assert_int_equal(state_identity(dir, NAME, links, 1, false, &first, why), STATE_NEW);
	assert_int_equal(state_read(dir, NAME, buf, sizeof(buf), &len), 0);

	put(dir, buf, len - 1);
	assert_int_equal(state_identity(dir, NAME, links, 1, false, &id, why), STATE_REPLACED);
	assert_non_null(strstr(why, NAME " is damaged"));
	assert_memory_not_equal(&id.ula, &first.ula, 8);

	put(dir, why, sizeof(why));
	assert_int_equal(state_identity(dir, NAME, links, 1, false, &id, why), STATE_REPLACED);
	assert_int_equal(unlinkat(dir, NAME, 0), 0);
	assert_int_equal(symlinkat("/dev/zero", dir, NAME), 0);
	assert_int_equal(state_identity(dir, NAME, links, 1, false, &id, why), STATE_REPLACED);
	assert_non_null(strstr(why, "cannot be read"));

	/* Of the boot before: no complaint */
	len = identity_state_write(&first, "00000000-9b39-4b0a-8f33-0d5a6b7c8d9e", buf);
	put(dir, buf, len);
	assert_int_equal(state_identity(dir, NAME, links, 1, false, &id, why), STATE_NEW);
	assert_memory_not_equal(&id.ula, &first.ula, 8);
	assert_int_equal(state_identity(dir, NAME, links, 1, false, &first, why), STATE_KEPT);
	assert_memory_equal(&id.ula, &first.ula, sizeof(id.ula));
}

static void not_written(void **state)
{
	int dir = **(int **)state;
	struct identity id;
	char why[STATE_WHY];

	assert_int_equal(mkdirat(dir, NAME, 0700), 0);
	assert_int_equal(state_identity(dir, NAME, links, 1, false, &id, why), -EISDIR);
	assert_non_null(strstr(why, NAME " cannot be written"));
	assert_false(identity_is_set(&id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(tidied, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(identity_lives, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(not_believed, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(not_written, make_dir, remove_dir),
	};

	return cmocka_run_group_tests_name("btmmd_state", tests, NULL, NULL);
}
