/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of a test's own for configurations and keys. */
#ifndef BTMM_TEST_DNSD_CONF_H
#define BTMM_TEST_DNSD_CONF_H

#include "test.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../btmm-dnsd/conf.h"

static char dir[64];

static inline int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_dnsd_conf.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static inline int tear_down(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* Valid until the fourth call after this. */
static inline const char *path(const char *name)
{
	static char p[4][256];
	static unsigned int at;
	char *out = p[at++ % 4];

	snprintf(out, sizeof(p[0]), "%s/%s", dir, name);
	return out;
}

/* "@" in @in becomes the directory's name. */
static inline void expand(const char *in, char *out, size_t size)
{
	size_t n = 0;

	for (; *in; in++) {
		if (*in == '@')
			n += snprintf(out + n, size - n, "%s", dir);
		else
			n += snprintf(out + n, size - n, "%c", *in);
		assert_true(n < size);
	}
	out[n] = '\0';
}

static inline void put_mode(const char *name, const char *text, mode_t mode)
{
	char all[32768];
	FILE *f;

	expand(text, all, sizeof(all));
	unlink(path(name));
	f = fopen(path(name), "w");
	assert_non_null(f);
	assert_true(fputs(all, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path(name), mode), 0);
}

static inline void put(const char *name, const char *text)
{
	put_mode(name, text, 0600);
}

#endif
