// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/ike/charon_conf.h"

static const struct charon_conf good = { .device = "btmm0", .vici = "/run/btmm-charon/vici" };

static void has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no '%s' in %s", line, text);
}

static void settings(void **state)
{
	static const char *const lines[] = {
		"\n\tinterfaces_use = btmm0\n", "\n\tport_nat_t = 0\n", "use_ipv4 = no\n",
		"\tinstall_routes = no\n", "\tinstall_virtual_ip = no\n", "\trouting_table = 0\n",
		"\treplay_window = 2048\n", "\tblock_threshold = 0\n",
		"\tsocket = unix:///run/btmm-charon/vici\n",
	};
	char text[CHARON_CONF_MAX];
	int len, depth = 0;
	size_t i;

	(void)state;
	len = charon_conf_text(&good, text, sizeof(text));
	assert_int_equal(len, strlen(text));
	for (i = 0; i < N_OF(lines); i++)
		has(text, lines[i]);
	assert_null(strstr(text, "updown"));
	assert_null(strstr(text, "group"));
	assert_null(strstr(text, "filelog"));
	for (i = 0; text[i]; i++) {
		depth += (text[i] == '{') - (text[i] == '}');
		assert_true(depth >= 0);
	}
	assert_int_equal(depth, 0);
	assert_int_equal(charon_conf_text(&good, text, (size_t)len), -ENOSPC);
	assert_int_equal(charon_conf_text(&good, text, (size_t)len + 1), len);
}

static void options(void **state)
{
	struct charon_conf c = good;
	char text[CHARON_CONF_MAX];

	(void)state;
	c.group = "btmm";
	c.log = "/tmp/charon.log";
	assert_true(charon_conf_text(&c, text, sizeof(text)) > 0);
	has(text, "\n\tgroup = btmm\n");
	has(text, "path = /tmp/charon.log\n");
	has(text, "default = -1\n");
}

static void refused(void **state)
{
	static const char *const bad[] = { "", "a b", "a\nb", "a{", "a}", "a=b", "a#", "a\"", "a,b",
					   "a\303\244" };
	char text[CHARON_CONF_MAX], path[32];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		struct charon_conf c = good;

		c.device = bad[i];
		assert_int_equal(charon_conf_text(&c, text, sizeof(text)), -EINVAL);
		c = good;
		c.group = bad[i];
		assert_int_equal(charon_conf_text(&c, text, sizeof(text)), -EINVAL);
		c = good;
		snprintf(path, sizeof(path), "%s%s", i ? "/" : "", bad[i]);
		c.vici = path;
		assert_int_equal(charon_conf_text(&c, text, sizeof(text)), -EINVAL);
		c = good;
		c.log = path;
		assert_int_equal(charon_conf_text(&c, text, sizeof(text)), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings),
		cmocka_unit_test(options),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
