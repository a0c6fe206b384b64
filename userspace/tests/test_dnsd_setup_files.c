// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that change together: all or nothing, and back. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../btmm-dnsd/setup_files.h"

static const struct files_owner nobody = { (uid_t)-1, (gid_t)-1 };

struct place {
	char root[64];
	struct files *f;
	struct why why;
};

static int place_new(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->root, "/tmp/btmm-test.XXXXXX");
	assert_non_null(mkdtemp(p->root));
	p->f = files_new(p->root);
	assert_non_null(p->f);
	*state = p;
	return 0;
}

static void remove_tree(const char *path)
{
	char sub[600];
	struct dirent *e;
	DIR *d = opendir(path);

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			remove_tree(sub);
		else
			unlink(sub);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static int place_end(void **state)
{
	struct place *p = *state;

	files_free(p->f);
	remove_tree(p->root);
	free(p);
	return 0;
}

static const char *at(const struct place *p, const char *path)
{
	static char full[4][256];
	static unsigned int i;

	i = (i + 1) % 4;
	snprintf(full[i], sizeof(full[i]), "%s%s", p->root, path);
	return full[i];
}

static void put(struct place *p, const char *path, const char *text, mode_t mode)
{
	struct buf b = { 0 };

	buf_add(&b, "%s", text);
	assert_int_equal(files_put(p->f, path, &b, mode, nobody, &p->why), 0);
	buf_free(&b);
}

/* What is on the disk now; NULL: no such file. */
static void holds(const struct place *p, const char *path, const char *text)
{
	struct buf b = { 0 };
	int err = file_read(at(p, path), &b);

	if (text) {
		assert_int_equal(err, 0);
		assert_string_equal(buf_text(&b), text);
	} else {
		assert_int_equal(err, -ENOENT);
	}
	buf_free(&b);
}

static mode_t mode_of(const struct place *p, const char *path)
{
	struct stat st;

	assert_int_equal(stat(at(p, path), &st), 0);
	return st.st_mode & 07777;
}

/* Files in a folder, hidden ones (of a write that failed) too. */
static int entries(const struct place *p, const char *path)
{
	struct dirent *e;
	int n = 0;
	DIR *d = opendir(at(p, path));

	assert_non_null(d);
	while ((e = readdir(d)))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

static void again(struct place *p)
{
	files_free(p->f);
	p->f = files_new(p->root);
	assert_non_null(p->f);
}

static void writes(void **state)
{
	struct place *p = *state;

	put(p, "/etc/a/one", "1\n", 0600);
	put(p, "/etc/two", "2\n", 0);
	assert_int_equal(files_dir(p->f, "/var/d", 0750, nobody, &p->why), 0);
	assert_true(files_differ(p->f));
	holds(p, "/etc/two", NULL);
	assert_int_equal(files_apply(p->f, &p->why), 0);
	holds(p, "/etc/a/one", "1\n");
	holds(p, "/etc/two", "2\n");
	assert_int_equal(mode_of(p, "/etc/a/one"), 0600);
	assert_int_equal(mode_of(p, "/etc/two"), 0644);
	assert_int_equal(mode_of(p, "/var/d"), 0750);
	assert_int_equal(entries(p, "/etc"), 2);
	assert_int_equal(entries(p, "/etc/a"), 1);
}

static void knows_what_differs(void **state)
{
	struct place *p = *state;
	struct stat was, is;

	put(p, "/a", "same\n", 0600);
	assert_int_equal(files_apply(p->f, &p->why), 0);
	assert_int_equal(stat(at(p, "/a"), &was), 0);
	again(p);
	put(p, "/a", "same\n", 0600);
	assert_false(files_differ(p->f));
	assert_int_equal(files_apply(p->f, &p->why), 0);
	assert_int_equal(stat(at(p, "/a"), &is), 0);
	assert_int_equal(was.st_ino, is.st_ino);

	/* The last that is put counts. */
	put(p, "/a", "other\n", 0600);
	assert_true(files_differ(p->f));
	put(p, "/a", "same\n", 0600);
	assert_false(files_differ(p->f));
	/* A mode is a difference; none given is none. */
	put(p, "/a", "same\n", 0);
	assert_false(files_differ(p->f));
	put(p, "/a", "same\n", 0640);
	assert_true(files_differ(p->f));
	assert_int_equal(files_apply(p->f, &p->why), 0);
	assert_int_equal(mode_of(p, "/a"), 0640);
}

static void sees_what_is_planned(void **state)
{
	struct place *p = *state;
	struct buf b = { 0 };

	assert_int_equal(files_get(p->f, "/a", &b, &p->why), -ENOENT);
	put(p, "/a", "planned\n", 0);
	assert_int_equal(files_get(p->f, "/a", &b, &p->why), 0);
	assert_string_equal(buf_text(&b), "planned\n");
	buf_free(&b);
	assert_int_equal(files_remove(p->f, "/a", &p->why), 0);
	assert_int_equal(files_get(p->f, "/a", &b, &p->why), -ENOENT);
	/* What is not there need not be removed. */
	assert_false(files_differ(p->f));
	buf_free(&b);
}

static void goes_back(void **state)
{
	struct place *p = *state;

	put(p, "/kept", "old\n", 0640);
	put(p, "/removed", "old, too\n", 0600);
	assert_int_equal(files_apply(p->f, &p->why), 0);
	again(p);
	put(p, "/kept", "new\n", 0600);
	put(p, "/sub/fresh", "new\n", 0600);
	assert_int_equal(files_dir(p->f, "/dir", 0700, nobody, &p->why), 0);
	assert_int_equal(files_remove(p->f, "/removed", &p->why), 0);
	assert_int_equal(files_apply(p->f, &p->why), 0);
	holds(p, "/kept", "new\n");
	holds(p, "/removed", NULL);
	assert_int_equal(access(at(p, "/dir"), F_OK), 0);

	assert_int_equal(files_rollback(p->f, &p->why), 0);
	holds(p, "/kept", "old\n");
	assert_int_equal(mode_of(p, "/kept"), 0640);
	holds(p, "/removed", "old, too\n");
	assert_int_equal(mode_of(p, "/removed"), 0600);
	holds(p, "/sub/fresh", NULL);
	assert_int_equal(access(at(p, "/dir"), F_OK), -1);
	/* Once is enough. */
	assert_int_equal(files_rollback(p->f, &p->why), 0);
	holds(p, "/kept", "old\n");
}

/* The last of three cannot be written: the others are not, either. */
static void all_or_nothing(void **state)
{
	struct place *p = *state;

	put(p, "/a", "old\n", 0600);
	assert_int_equal(files_apply(p->f, &p->why), 0);
	again(p);
	put(p, "/a", "new\n", 0600);
	put(p, "/b", "new\n", 0600);
	/* A file is where its folder would have to be. */
	put(p, "/a/c", "new\n", 0600);
	assert_true(files_apply(p->f, &p->why) < 0);
	assert_non_null(strstr(p->why.text, "/a/c"));
	holds(p, "/a", "old\n");
	holds(p, "/b", NULL);
	assert_int_equal(entries(p, ""), 1);
}

static void follows_links(void **state)
{
	struct place *p = *state;
	struct stat st;

	put(p, "/real", "old\n", 0644);
	assert_int_equal(files_apply(p->f, &p->why), 0);
	assert_int_equal(symlink("real", at(p, "/link")), 0);
	again(p);
	put(p, "/link", "new\n", 0);
	assert_int_equal(files_apply(p->f, &p->why), 0);
	holds(p, "/real", "new\n");
	assert_int_equal(lstat(at(p, "/link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void not_a_file(void **state)
{
	struct place *p = *state;
	struct buf b = { 0 };

	assert_int_equal(mkdir(at(p, "/d"), 0755), 0);
	buf_add(&b, "x");
	assert_int_equal(files_put(p->f, "/d", &b, 0, nobody, &p->why), -EEXIST);
	assert_non_null(strstr(p->why.text, "/d is a directory"));
	buf_free(&b);
	put(p, "/f", "x", 0600);
	assert_int_equal(files_apply(p->f, &p->why), 0);
	again(p);
	assert_int_equal(files_dir(p->f, "/f", 0755, nobody, &p->why), -EEXIST);
}

static void one_file(void **state)
{
	struct place *p = *state;
	const char *path = at(p, "/key");

	assert_int_equal(file_write(path, "one", 3, 0600, nobody, true), 0);
	assert_int_equal(file_write(path, "two", 3, 0600, nobody, true), -EEXIST);
	holds(p, "/key", "one");
	assert_int_equal(mode_of(p, "/key"), 0600);
	assert_int_equal(file_write(path, "two", 3, 0640, nobody, false), 0);
	holds(p, "/key", "two");
	assert_int_equal(mode_of(p, "/key"), 0640);
	assert_int_equal(file_write(at(p, "/no/key"), "x", 1, 0600, nobody, false), -ENOENT);
	assert_int_equal(entries(p, ""), 1);
}

#define IN_PLACE(test)	cmocka_unit_test_setup_teardown(test, place_new, place_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(writes),
		IN_PLACE(knows_what_differs),
		IN_PLACE(sees_what_is_planned),
		IN_PLACE(goes_back),
		IN_PLACE(all_or_nothing),
		IN_PLACE(follows_links),
		IN_PLACE(not_a_file),
		IN_PLACE(one_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
