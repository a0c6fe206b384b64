// SPDX-License-Identifier: GPL-2.0-or-later
/* What the administrator's commands do with text: blocks, lines, zones, archives. */
#include "test.h"

#include <errno.h>

#include "../btmm-dnsd/admin_tar.h"
#include "../btmm-dnsd/admin_text.h"

static const char two[] =
	"// head\n"
	"// btmm begin a.example.com\n"
	"zone a;\n"
	"more;\n"
	"// btmm end a.example.com\n"
	"between\n"
	"// btmm begin b.example.com\n"
	"zone b;\n"
	"// btmm end b.example.com\n"
	"tail\n";

static void grows(void **state)
{
	struct buf b = { 0 }, same = { 0 };
	size_t i;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	for (i = 0; i < 1000; i++)
		buf_add(&b, "%zu,", i % 10);
	assert_int_equal(b.len, 2000);
	assert_int_equal(strlen(buf_text(&b)), 2000);
	assert_memory_equal(buf_text(&b), "0,1,2,", 6);
	assert_false(buf_equal(&b, &same));
	buf_put(&same, b.p, b.len);
	assert_true(buf_equal(&b, &same));
	buf_put(&b, "", 0);
	assert_true(buf_equal(&b, &same));
	assert_false(b.failed);
	buf_free(&b);
	buf_free(&same);
	assert_true(buf_equal(&b, &same));
}

static void blocks(void **state)
{
	struct buf out = { 0 };
	char name[64];
	size_t pos = 0;

	(void)state;
	assert_true(block_get(two, "//", "a.example.com", &out));
	assert_string_equal(buf_text(&out), "zone a;\nmore;\n");
	buf_free(&out);
	assert_true(block_get(two, "//", "b.example.com", &out));
	assert_string_equal(buf_text(&out), "zone b;\n");
	buf_free(&out);
	/* A name that only begins so is another's; so is another comment sign. */
	assert_false(block_get(two, "//", "a.example", &out));
	assert_false(block_get(two, "//", "a.example.com.x", &out));
	assert_false(block_get(two, "#", "a.example.com", &out));
	assert_string_equal(buf_text(&out), "");

	assert_true(block_next(two, "//", &pos, name, sizeof(name)));
	assert_string_equal(name, "a.example.com");
	assert_true(block_next(two, "//", &pos, name, sizeof(name)));
	assert_string_equal(name, "b.example.com");
	assert_false(block_next(two, "//", &pos, name, sizeof(name)));
	/* One whose name does not fit is passed over. */
	pos = 0;
	assert_false(block_next(two, "//", &pos, name, 5));
}

static void block_changes(void **state)
{
	struct buf out = { 0 }, again = { 0 };

	(void)state;
	block_set(two, "//", "a.example.com", "new;\n", &out);
	assert_string_equal(buf_text(&out),
			    "// head\n// btmm begin a.example.com\nnew;\n"
			    "// btmm end a.example.com\nbetween\n"
			    "// btmm begin b.example.com\nzone b;\n"
			    "// btmm end b.example.com\ntail\n");
	/* What was there comes back. */
	block_set(buf_text(&out), "//", "a.example.com", "zone a;\nmore;\n", &again);
	assert_string_equal(buf_text(&again), two);
	buf_free(&out);
	buf_free(&again);

	block_set(two, "//", "b.example.com", NULL, &out);
	assert_false(block_get(buf_text(&out), "//", "b.example.com", &again));
	assert_non_null(strstr(buf_text(&out), "between\ntail\n"));
	buf_free(&out);

	/* A new one goes to the end, on a line of its own. */
	block_set("no newline", "#", "c", "x\n", &out);
	assert_string_equal(buf_text(&out),
			    "no newline\n# btmm begin c\nx\n# btmm end c\n");
	buf_free(&out);
	block_set("", "#", "c", "x\n", &out);
	assert_string_equal(buf_text(&out), "# btmm begin c\nx\n# btmm end c\n");
	buf_free(&out);
	/* To take out what is not there changes nothing. */
	block_set(two, "//", "c", NULL, &out);
	assert_string_equal(buf_text(&out), two);
	buf_free(&out);
}

static void block_without_end(void **state)
{
	static const char text[] = "a\n// btmm begin x\nb\nc";
	struct buf out = { 0 };

	(void)state;
	assert_true(block_get(text, "//", "x", &out));
	assert_string_equal(buf_text(&out), "b\nc");
	buf_free(&out);
	block_set(text, "//", "x", NULL, &out);
	assert_string_equal(buf_text(&out), "a\n");
	buf_free(&out);
}

static void lines(void **state)
{
	static const char text[] = "one\n\t include \"x\"; \r\ntwo";
	char a[8], b[8];
	unsigned int line;

	(void)state;
	assert_true(text_has_line(text, "include \"x\";"));
	assert_true(text_has_line(text, "two"));
	assert_false(text_has_line(text, "include"));
	assert_false(text_has_line(text, "tw"));
	assert_false(text_has_line("", "x"));

	assert_false(text_first_difference("a\nb\n", "a\nb\n", &line, a, b, sizeof(a)));
	assert_true(text_first_difference("a\nb\n", "a\nc\n", &line, a, b, sizeof(a)));
	assert_int_equal(line, 2);
	assert_string_equal(a, "b");
	assert_string_equal(b, "c");
	assert_true(text_first_difference("a\n", "a\nlong enough\n", &line, a, b, sizeof(a)));
	assert_int_equal(line, 2);
	assert_string_equal(a, "");
	assert_string_equal(b, "long en");
	assert_true(text_first_difference("a\nb\n", "a\n", &line, a, b, sizeof(a)));
	/* One that is cut off is another, too. */
	assert_true(text_first_difference("ab\n", "a\n", &line, a, b, sizeof(a)));
	assert_int_equal(line, 1);
}

static void keys(void **state)
{
	struct tsig_key key = { .algorithm = TSIG_HMAC_SHA256, .secret_len = 4,
				.secret = { 0xfb, 0xff, 0xbf, 0x01 } };
	struct buf out = { 0 };
	char text[DNAME_TEXT_MAX];

	(void)state;
	assert_null(dname_from_text("mini.alice.example.com", key.name));
	key_line(&key, &out);
	assert_string_equal(buf_text(&out), "mini.alice.example.com hmac-sha256 +/+/AQ==\n");
	buf_free(&out);
	key_bind_form(&key, &out);
	assert_string_equal(buf_text(&out),
			    "key \"mini.alice.example.com\" {\n\talgorithm hmac-sha256;\n"
			    "\tsecret \"+/+/AQ==\";\n};\n");
	buf_free(&out);
	assert_string_equal(name_text((const uint8_t *)"", text), ".");
}

/* --- zones -------------------------------------------------------------------------- */

static void serials(void **state)
{
	static const struct {
		const char *was;
		uint32_t least;
		const char *is;
	} cases[] = {
		{ "1", 0, "1000001" },
		{ "1", 1795279199, "1795279199" },
		{ "1795279199", 1795279200, "1796279199" },
		/* round the end, RFC 1982 */
		{ "4294967295", 5, "999999" },
		{ "4294967295", 2000000, "2000000" },
	};
	char in[256], want[256];
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		snprintf(in, sizeof(in), "x.\t60\tSOA\tns.x. h.x. %s 1 2 3 4\nx.\t60\tNS\tns.x.\n",
			 cases[i].was);
		snprintf(want, sizeof(want), "x.\t60\tSOA\tns.x. h.x. %s 1 2 3 4\nx.\t60\tNS\tns.x.\n",
			 cases[i].is);
		assert_true(zone_text_later(in, cases[i].least, &out));
		assert_string_equal(buf_text(&out), want);
		buf_free(&out);
	}
}

static void no_serials(void **state)
{
	static const char *const cases[] = {
		"", "\n", "x. 60 NS ns.\n", "x. 60 NS ns.\nx. 60 SOA a. b. 1 2 3 4 5\n",
		"x. 60 SOA", "x. 60 SOA\n", "x. 60 SOA a. b.\n1 2 3 4 5\n",
		"x. 60 SOA a. b. c 2 3 4\n",
		"x. 60 SOA a. b. 4294967296 2 3 4 5\n", "x. 60 SOA a. b. 1x 2 3 4 5\n",
		"x. 60 SOA a. b. -1 2 3 4 5\n",
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		char *copy = exact_copy(cases[i], strlen(cases[i]) + 1);

		assert_false(zone_text_later(copy, 0, &out));
		assert_int_equal(out.len, 0);
		free(copy);
	}
	buf_free(&out);
}

/* --- archives ------------------------------------------------------------------------ */

#define LONG	"etc/btmm/dnsd.conf.d/a-label-that-is-as-long-as-a-label-may-be-so-63-octets" \
		"xxx.another-label-that-has-some-length.example.com.conf"

static void archive(void **state)
{
	char big[1500];
	struct buf tar = { 0 };
	struct tar_file f;
	size_t pos = 0;

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(tar_put(&tar, "empty", 0600, 0, "", 0), 0);
	assert_int_equal(tar_put(&tar, LONG, 0644, 1795279199, "hello", 5), 0);
	assert_int_equal(tar_put(&tar, "big", 0600, 1795279199, big, sizeof(big)), 0);
	assert_int_equal(tar_put(&tar, "block", 0600, 1795279199, big, 512), 0);
	tar_end(&tar);
	assert_int_equal(tar.len % 512, 0);
	assert_memory_equal(tar.p + 257, "ustar", 6);

	assert_int_equal(tar_next(tar.p, tar.len, &pos, &f), 1);
	assert_string_equal(f.name, "empty");
	assert_int_equal(f.len, 0);
	assert_int_equal(f.mode, 0600);
	assert_int_equal(tar_next(tar.p, tar.len, &pos, &f), 1);
	assert_string_equal(f.name, LONG);
	assert_int_equal(f.mode, 0644);
	assert_int_equal(f.len, 5);
	assert_memory_equal(f.data, "hello", 5);
	assert_int_equal(tar_next(tar.p, tar.len, &pos, &f), 1);
	assert_int_equal(f.len, sizeof(big));
	assert_memory_equal(f.data, big, sizeof(big));
	assert_int_equal(tar_next(tar.p, tar.len, &pos, &f), 1);
	assert_int_equal(f.len, 512);
	assert_int_equal(tar_next(tar.p, tar.len, &pos, &f), 0);
	buf_free(&tar);
}

static void archive_names(void **state)
{
	static const size_t lens[] = { 1, 99, 100, 101, 156, 255, 256, 257, TAR_NAME_MAX };
	char name[TAR_NAME_MAX + 2];
	struct buf tar = { 0 };
	struct tar_file f;
	size_t i, slash, pos;

	(void)state;
	for (i = 0; i < N_OF(lens); i++) {
		/* A slash at either end of what may stand before it, or none at all. */
		for (slash = 0; slash <= 157; slash += 1 + 77 * (slash > 1)) {
			memset(name, 'n', lens[i]);
			name[lens[i]] = '\0';
			if (slash && slash + 1 < lens[i])
				name[slash] = '/';
			assert_int_equal(tar_put(&tar, name, 0600, 0, "x", 1), 0);
			tar_end(&tar);
			pos = 0;
			assert_int_equal(tar_next(tar.p, tar.len, &pos, &f), 1);
			assert_string_equal(f.name, name);
			assert_int_equal(f.len, 1);
			assert_int_equal(tar_next(tar.p, tar.len, &pos, &f), 0);
			buf_free(&tar);
		}
	}
	memset(name, 'n', sizeof(name));
	name[TAR_NAME_MAX + 1] = '\0';
	assert_int_equal(tar_put(&tar, name, 0600, 0, "", 0), -ENAMETOOLONG);
	buf_free(&tar);
}

/* However it is cut or spoiled, nothing is read beyond it. */
static void archive_broken(void **state)
{
	struct buf tar = { 0 };
	struct tar_file f;
	size_t cut, pos;
	char *copy;
	int r;

	(void)state;
	assert_int_equal(tar_put(&tar, "a", 0600, 0, "hello", 5), 0);
	assert_int_equal(tar_put(&tar, "b", 0600, 0, "world", 5), 0);
	tar_end(&tar);
	for (cut = 0; cut < tar.len; cut += 64) {
		copy = exact_copy(tar.p, cut);
		for (pos = 0; (r = tar_next(copy, cut, &pos, &f)) == 1;)
			assert_true(f.data >= copy && f.data + f.len <= copy + cut);
		/* One empty block is enough of an end. */
		assert_int_equal(r, cut < 2560 ? -EBADMSG : 0);
		free(copy);
	}
	copy = exact_copy(tar.p, tar.len);
	copy[124] = '7';	/* a size of gigabytes, and a wrong sum */
	pos = 0;
	assert_int_equal(tar_next(copy, tar.len, &pos, &f), -EBADMSG);
	free(copy);
	buf_free(&tar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(blocks),
		cmocka_unit_test(block_changes),
		cmocka_unit_test(block_without_end),
		cmocka_unit_test(lines),
		cmocka_unit_test(keys),
		cmocka_unit_test(serials),
		cmocka_unit_test(no_serials),
		cmocka_unit_test(archive),
		cmocka_unit_test(archive_names),
		cmocka_unit_test(archive_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
