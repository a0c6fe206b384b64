// SPDX-License-Identifier: GPL-2.0-or-later
/* Bundles as files: modes, errors that name file and line, nothing half written. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/account/store.h"
#include "account_case.h"

static const struct store_owner keep = { (uid_t)-1, (gid_t)-1 };
static struct bundle account, host, got;
static char dir[64], path[96], why[STORE_WHY];

static int setup(void **state)
{
	(void)state;
	make_account(&account);
	make_host(&account, "mini.alice.example.com", &host);
	strcpy(dir, "/tmp/btmm-store.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/host", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static unsigned int mode_of(const char *p)
{
	struct stat st;

	assert_int_equal(stat(p, &st), 0);
	return st.st_mode & 07777;
}

static unsigned int files_in(const char *d)
{
	DIR *p = opendir(d);
	unsigned int n = 0;
	struct dirent *e;

	assert_non_null(p);
	while ((e = readdir(p)))
		n += e->d_name[0] != '.';
	closedir(p);
	return n;
}

static void saved_and_loaded(void **state)
{
	mode_t old = umask(0);

	(void)state;
	assert_int_equal(store_save(path, &host, keep, false, why), 0);
	umask(old);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), 0);
	assert_string_equal(got.private_key, host.private_key);

	assert_int_equal(store_save(path, &account, keep, false, why), -EEXIST);
	assert_non_null(strstr(why, path));
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), 0);
	assert_int_equal(store_save(path, &account, keep, true, why), 0);
	assert_int_equal(store_load(path, BUNDLE_ACCOUNT, &got, why), 0);
	/* No temporary file stays behind. */
	assert_int_equal(files_in(dir), 1);
}

static void of_the_other_kind(void **state)
{
	char wanted[256];

	(void)state;
	assert_int_equal(store_save(path, &account, keep, true, why), 0);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), -EINVAL);
	snprintf(wanted, sizeof(wanted),
		 "%s: this is an account itself, not the bundle of one of its hosts", path);
	assert_string_equal(why, wanted);
	assert_int_equal(got.key.secret_len, 0);
}

static void modes(void **state)
{
	static const mode_t bad[] = { 0640, 0604, 0660, 0620, 0610 };
	char wanted[256];
	size_t i;

	(void)state;
	assert_int_equal(store_save(path, &host, keep, true, why), 0);
	for (i = 0; i < N_OF(bad); i++) {
		assert_int_equal(chmod(path, bad[i]), 0);
		assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), -EPERM);
		snprintf(wanted, sizeof(wanted), "%s is open to others (mode %04o): chmod 600 %s",
			 path, bad[i], path);
		assert_string_equal(why, wanted);
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), 0);
}

static void what_cannot_be_read(void **state)
{
	char name[STORE_WHY], *big;

	(void)state;
	unlink(path);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), -ENOENT);
	snprintf(name, sizeof(name), "%s: No such file or directory", path);
	assert_string_equal(why, name);
	assert_int_equal(store_load(dir, BUNDLE_HOST, &got, why), -EINVAL);

	big = calloc(1, BUNDLE_TEXT_MAX);
	assert_int_equal(store_write(path, big, BUNDLE_TEXT_MAX, keep, true, why), 0);
	free(big);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), -EFBIG);

	assert_int_equal(store_write(path, "btmm-host 1\nhoost x\n", 20, keep, true, why), 0);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), -EINVAL);
	snprintf(name, sizeof(name),
		 "%s:2: this line begins with a word that is not known here", path);
	assert_string_equal(why, name);
}

static void directories(void **state)
{
	char deep[128], middle[96];

	(void)state;
	snprintf(middle, sizeof(middle), "%s/a", dir);
	snprintf(deep, sizeof(deep), "%s/a/b", dir);
	assert_int_equal(store_dir_check(deep, why), -ENOENT);
	assert_int_equal(store_dir(deep, keep, why), 0);
	assert_int_equal(mode_of(deep), 0700);
	assert_int_equal(store_dir(deep, keep, why), 0);
	assert_int_equal(store_dir_check(deep, why), 0);
	assert_int_equal(chmod(deep, 0750), 0);
	assert_int_equal(store_dir_check(deep, why), -EPERM);
	assert_non_null(strstr(why, "chmod 700"));
	assert_int_equal(store_dir(deep, keep, why), -EPERM);
	rmdir(deep);
	rmdir(middle);
	assert_int_equal(store_save(path, &host, keep, true, why), 0);
	assert_int_equal(store_dir_check(path, why), -ENOTDIR);
}

/* One who is not root believes no one but root and himself. */
static void owners(void **state)
{
	uid_t nobody = 65534;

	(void)state;
	if (geteuid()) {
		skip();
		return;
	}
	assert_int_equal(store_save(path, &host, keep, true, why), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), 0);
	assert_int_equal(chown(path, nobody, nobody), 0);
	assert_int_equal(seteuid(nobody), 0);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), 0);
	assert_int_equal(store_dir_check(dir, why), -EPERM);
	assert_int_equal(seteuid(0), 0);

	assert_int_equal(store_save(path, &host, (struct store_owner){ nobody, nobody }, true,
				    why), 0);
	assert_int_equal(seteuid(nobody), 0);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), 0);
	assert_int_equal(seteuid(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(saved_and_loaded),
		cmocka_unit_test(of_the_other_kind),
		cmocka_unit_test(modes),
		cmocka_unit_test(what_cannot_be_read),
		cmocka_unit_test(directories),
		cmocka_unit_test(owners),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
