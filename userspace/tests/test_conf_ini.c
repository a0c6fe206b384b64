// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/conf/ini.h"

/* What was read, one line each: number|section|argument|key|value */
struct seen {
	char text[16384];
	size_t len;
	const char *stop_at, *stop_with;	/* refuse that key */
};

static const char *note(void *arg, const struct ini_line *l)
{
	struct seen *s = arg;

	s->len += snprintf(s->text + s->len, sizeof(s->text) - s->len, "%u|%s|%s|%s|%s\n",
			   l->number, l->section, l->argument, l->key ? l->key : "",
			   l->key ? l->value : "-");
	assert_true(s->len < sizeof(s->text));
	if (s->stop_at && !strcmp(s->stop_at, l->key ? l->key : ""))
		return s->stop_with;
	return NULL;
}

static int read_as(struct seen *s, const char *text, size_t len, char why[INI_WHY_SIZE])
{
	char *copy = exact_copy(text, len);
	int err;

	s->len = 0;
	s->text[0] = '\0';
	strcpy(why, "");
	err = ini_read_text("x.conf", copy, len, note, s, why, INI_WHY_SIZE);
	free(copy);
	return err;
}

static void good_lines(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "[a]", "1|a|||-\n" },
		{ "[a]\nb=c", "1|a|||-\n2|a||b|c\n" },
		{ "[a]\r\nb = c\r\n", "1|a|||-\n2|a||b|c\n" },
		{ "\xef\xbb\xbf[a]\n", "1|a|||-\n" },
		{ "# x\n; y\n\t# z\n[a]\n", "4|a|||-\n" },
		{ "  [a]  \n\t b =  c  \n", "1|a|||-\n2|a||b|c\n" },
		/* an indented line is a line */
		{ "[a]\nb = c\n  d = e\n", "1|a|||-\n2|a||b|c\n3|a||d|e\n" },
		{ "[ a ] # x\n", "1|a|||-\n" },
		{ "[a];x\n", "1|a|||-\n" },
		{ "[a \"b\"]\nc = d\n", "1|a|b||-\n2|a|b|c|d\n" },
		{ "[a\t\"b ]; c\"\t]\n", "1|a|b ]; c||-\n" },
		{ "[a\"b\"]\n", "1|a|b||-\n" },
		{ "[a \"\"]\n[b]\n", "1|a|||-\n2|b|||-\n" },
		{ "k = v\n", "1|||k|v\n" },
		{ "k =\n", "1|||k|\n" },
		{ "k = a ; b\n", "1|||k|a\n" },
		{ "k = a;b\n", "1|||k|a;b\n" },
		{ "k = a # b\n", "1|||k|a # b\n" },
		{ "k = [::]:53 0.0.0.0:53\n", "1|||k|[::]:53 0.0.0.0:53\n" },
		{ "k: v\n", "1|||k|v\n" },
		{ "k = a = b\n", "1|||k|a = b\n" },
		{ "k = \xc3\xa4\n", "1|||k|\xc3\xa4\n" },
	};
	char why[INI_WHY_SIZE];
	struct seen s = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		assert_int_equal(read_as(&s, cases[i].text, strlen(cases[i].text), why), 0);
		assert_string_equal(s.text, cases[i].want);
	}
}

static void bad_lines(void **state)
{
#define SECTION	"a section looks like this: [name] or [name \"argument\"]"
#define NEITHER	"this is neither 'key = value' nor a [section]"
	static const struct {
		const char *text, *want, *why;
	} cases[] = {
		{ "[a", "", "x.conf:1: " SECTION },
		{ "[", "", "x.conf:1: " SECTION },
		{ "[]", "", "x.conf:1: " SECTION },
		{ "[ \"b\"]", "", "x.conf:1: " SECTION },
		{ "[a b]", "", "x.conf:1: " SECTION },
		{ "[a \"b]", "", "x.conf:1: " SECTION },
		{ "[a \"b\" c]", "", "x.conf:1: " SECTION },
		{ "[a \"b\"", "", "x.conf:1: " SECTION },
		{ "[a] b = c", "", "x.conf:1: " SECTION },
		{ "[a]\n\nword\nb = c\n", "1|a|||-\n", "x.conf:3: " NEITHER },
		{ "= c\n", "", "x.conf:1: " NEITHER },
		{ "a ; b = c\n", "", "x.conf:1: " NEITHER },
	};
	char why[INI_WHY_SIZE];
	struct seen s = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		assert_int_equal(read_as(&s, cases[i].text, strlen(cases[i].text), why), -EINVAL);
		assert_string_equal(why, cases[i].why);
		assert_string_equal(s.text, cases[i].want);
	}
	assert_int_equal(read_as(&s, "[a]\nb = \0c\n", 11, why), -EINVAL);
	assert_string_equal(why, "x.conf:2: there is a NUL octet in this line");
	assert_int_equal(read_as(&s, "[\0]\n", 4, why), -EINVAL);
	assert_string_equal(why, "x.conf:1: there is a NUL octet in this line");
}

/* Each length is read whole or refused, and never cut in silence. */
static void long_lines(void **state)
{
	char line[9000], want[9100], why[INI_WHY_SIZE];
	struct seen s = { 0 };
	bool refused = false;
	size_t n;

	(void)state;
	for (n = 5; n < sizeof(line); n += n < 400 ? 1 : 97) {
		int err;

		memset(line, 'v', n);
		memcpy(line, "k = ", 4);
		err = read_as(&s, line, n, why);
		if (err) {
			assert_int_equal(err, -EINVAL);
			assert_string_equal(s.text, "");
			assert_memory_equal(why, "x.conf:1: this line has more than ", 34);
			assert_non_null(strstr(why, " octets (a list may be repeated)"));
			refused = true;
			continue;
		}
		assert_false(refused);
		snprintf(want, sizeof(want), "1|||k|%.*s\n", (int)(n - 4), line + 4);
		assert_string_equal(s.text, want);
	}
	assert_true(refused);
}

/* inih would cut them at 50. */
static void long_sections(void **state)
{
	char line[3000], want[3100], why[INI_WHY_SIZE];
	struct seen s = { 0 };
	int n;

	(void)state;
	for (n = 1; n < 1500; n += 53) {
		int err;

		snprintf(line, sizeof(line), "[zone \"%0*d\"]\n", n, 7);
		err = read_as(&s, line, strlen(line), why);
		if (n < 1025) {
			assert_int_equal(err, 0);
			snprintf(want, sizeof(want), "1|zone|%0*d||-\n", n, 7);
			assert_string_equal(s.text, want);
		} else if (err) {
			assert_string_equal(why, "x.conf:1: " SECTION);
		}
	}
	assert_int_equal(read_as(&s, line, strlen(line), why), -EINVAL);
}

static void refusals(void **state)
{
	static const char text[] = "[a]\nb = c\nd = e\nf = g\n";
	char why[INI_WHY_SIZE], tiny[8];
	struct seen s = { .stop_at = "d", .stop_with = "this is not wanted" };
	char key[160], line[200];

	(void)state;
	assert_int_equal(read_as(&s, text, strlen(text), why), -EINVAL);
	assert_string_equal(why, "x.conf:3: d: this is not wanted");
	/* nothing comes behind it */
	assert_string_equal(s.text, "1|a|||-\n2|a||b|c\n3|a||d|e\n");

	s.stop_at = "";
	assert_int_equal(read_as(&s, text, strlen(text), why), -EINVAL);
	assert_string_equal(why, "x.conf:1: this is not wanted");

	/* A key is shown short, and without what a terminal would obey. */
	snprintf(key, sizeof(key), "\033[2J%0150d", 7);
	snprintf(line, sizeof(line), "%s = v", key);
	s.stop_at = key;
	assert_int_equal(read_as(&s, line, strlen(line), why), -EINVAL);
	snprintf(line, sizeof(line), "x.conf:1: ?[2J%059d: this is not wanted", 0);
	assert_string_equal(why, line);

	/* a small place for the sentence is not left */
	s.stop_at = "d";
	assert_int_equal(ini_read_text("x.conf", text, strlen(text), note, &s, tiny, sizeof(tiny)),
			 -EINVAL);
	assert_string_equal(tiny, "x.conf:");
}

/* --- files ------------------------------------------------------------------------ */

static char dir[] = "/tmp/test_conf_ini.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *path(const char *name)
{
	static char p[4][256];
	static unsigned int turn;
	char *out = p[turn++ % 4];

	snprintf(out, sizeof(p[0]), "%s/%s", dir, name);
	return out;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static void files(void **state)
{
	char why[INI_WHY_SIZE], want[INI_WHY_SIZE];
	struct seen s = { 0 };
	size_t i;
	FILE *f;

	(void)state;
	assert_int_equal(ini_read_file(path("a.conf"), note, &s, why, sizeof(why)), -ENOENT);
	snprintf(want, sizeof(want), "%s cannot be read: No such file or directory",
		 path("a.conf"));
	assert_string_equal(why, want);

	put("a.conf", "[a]\nb = c\n");
	assert_int_equal(ini_read_file(path("a.conf"), note, &s, why, sizeof(why)), 0);
	assert_string_equal(s.text, "1|a|||-\n2|a||b|c\n");

	put("a.conf", "[a]\nb\n");
	assert_int_equal(ini_read_file(path("a.conf"), note, &s, why, sizeof(why)), -EINVAL);
	snprintf(want, sizeof(want), "%s:2: " NEITHER, path("a.conf"));
	assert_string_equal(why, want);

	assert_int_equal(ini_read_file(dir, note, &s, why, sizeof(why)), -EINVAL);
	snprintf(want, sizeof(want), "%s is no file", dir);
	assert_string_equal(why, want);

	/* nobody writes to it, and nobody waits for that */
	assert_int_equal(mkfifo(path("fifo"), 0600), 0);
	assert_int_equal(ini_read_file(path("fifo"), note, &s, why, sizeof(why)), -EINVAL);

	/* the most that is read, and one more */
	f = fopen(path("big.conf"), "w");
	assert_non_null(f);
	for (i = 0; i < INI_FILE_MAX; i++)
		putc('\n', f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(ini_read_file(path("big.conf"), note, &s, why, sizeof(why)), 0);
	assert_int_equal(truncate(path("big.conf"), INI_FILE_MAX + 1), 0);
	assert_int_equal(ini_read_file(path("big.conf"), note, &s, why, sizeof(why)), -EFBIG);
	snprintf(want, sizeof(want), "%s is larger than 1048576 octets", path("big.conf"));
	assert_string_equal(why, want);
}

static void dropins(void **state)
{
	char why[INI_WHY_SIZE], want[INI_WHY_SIZE];
	struct seen s = { 0 };

	(void)state;
	assert_int_equal(ini_read_dropins(path("m.conf"), note, &s, why, sizeof(why)), 0);
	assert_string_equal(s.text, "");

	assert_int_equal(mkdir(path("m.conf.d"), 0700), 0);
	assert_int_equal(ini_read_dropins(path("m.conf"), note, &s, why, sizeof(why)), 0);
	assert_string_equal(s.text, "");

	put("m.conf.d/20.conf", "[twenty]\n");
	put("m.conf.d/100.conf", "[hundred]\n");
	put("m.conf.d/B.conf", "[big]\n");
	put("m.conf.d/a.conf", "[small]\n");
	put("m.conf.d/30.conf~", "[no]\n");
	put("m.conf.d/30.txt", "[no]\n");
	put("m.conf.d/.31.conf", "[no]\n");
	put("m.conf.d/.conf", "[no]\n");
	put("m.conf.d/32.conf.dpkg-new", "[no]\n");
	assert_int_equal(ini_read_dropins(path("m.conf"), note, &s, why, sizeof(why)), 0);
	assert_string_equal(s.text, "1|hundred|||-\n1|twenty|||-\n1|big|||-\n1|small|||-\n");

	/* Sections end with their file. */
	put("m.conf.d/20.conf", "b = c\n");
	s.len = 0;
	assert_int_equal(ini_read_dropins(path("m.conf"), note, &s, why, sizeof(why)), 0);
	assert_string_equal(s.text, "1|hundred|||-\n1|||b|c\n1|big|||-\n1|small|||-\n");

	put("m.conf.d/20.conf", "wrong\n");
	s.len = 0;
	assert_int_equal(ini_read_dropins(path("m.conf"), note, &s, why, sizeof(why)), -EINVAL);
	snprintf(want, sizeof(want), "%s:1: " NEITHER, path("m.conf.d/20.conf"));
	assert_string_equal(why, want);
	assert_string_equal(s.text, "1|hundred|||-\n");

	put("n.conf.d", "no directory\n");
	assert_int_equal(ini_read_dropins(path("n.conf"), note, &s, why, sizeof(why)), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(long_sections),
		cmocka_unit_test(refusals),
		cmocka_unit_test_setup_teardown(files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dropins, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
