// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "dnsd_conf.h"

/* 16, 64 and 65 octets of 0x61 */
#define B16	"YWFhYWFhYWFhYWFhYWFhYQ=="
#define B64	"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh" \
		"YWFhYWFhYWFhYWFhYWFhYQ=="
#define B65	"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh" \
		"YWFhYWFhYWFhYWFhYWFhYWE="

static void good_keys(void **state)
{
	static const struct {
		const char *text, *name;
		enum tsig_algorithm algorithm;
		size_t len;
	} cases[] = {
		{ "a.example.com. hmac-sha256 " B16 "\n", "a.example.com.", TSIG_HMAC_SHA256, 16 },
		{ "A.Example.COM HMAC-SHA512 " B64, "a.example.com.", TSIG_HMAC_SHA512, 64 },
		{ "a hmac-md5 " B16 "\n", "a.", TSIG_HMAC_MD5, 16 },
		{ "\t a\thmac-sha256  " B16 " \r\n\n", "a.", TSIG_HMAC_SHA256, 16 },
		{ "# one\n; two\n\na hmac-sha256 " B16 " # three\n# four\n", "a.",
		  TSIG_HMAC_SHA256, 16 },
		/* names that look like something else */
		{ "key hmac-sha256 " B16 "\n", "key.", TSIG_HMAC_SHA256, 16 },
		{ "a\\.b hmac-sha256 " B16 "\n", "a\\.b.", TSIG_HMAC_SHA256, 16 },
		/* it has two slashes in it, which begin comments elsewhere */
		{ "a hmac-sha256 YWFh//FhYWFhYWFhYWFhYQ==\n", "a.", TSIG_HMAC_SHA256, 16 },
		{ "a hmac-sha256 YWFhYWFhYWE=\n", "a.", TSIG_HMAC_SHA256, 8 },
		{ "key \"a.example.com\" {\n\talgorithm hmac-sha256;\n\tsecret \"" B16 "\";\n};\n",
		  "a.example.com.", TSIG_HMAC_SHA256, 16 },
		{ "key a.example.com. {secret " B16 ";algorithm \"hmac-sha512\";};",
		  "a.example.com.", TSIG_HMAC_SHA512, 16 },
		{ "// x\n# y\n/* z\n} */ key \"a\" /* q */ { // r\nalgorithm hmac-sha256;\n"
		  "# s\nsecret \"" B16 "\"; } ; // t\n", "a.", TSIG_HMAC_SHA256, 16 },
		{ "key \"a\" { algorithm hmac-md5; secret \"YWFh//FhYWFhYWFhYWFhYQ==\"; };",
		  "a.", TSIG_HMAC_MD5, 16 },
	};
	char why[CONF_WHY_SIZE], name[DNAME_TEXT_MAX];
	struct tsig_key key;
	size_t i, k;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		put("k", cases[i].text);
		memset(&key, 0xee, sizeof(key));
		if (conf_key_file(path("k"), &key, why, sizeof(why)))
			fail_msg("%s: %s", cases[i].text, why);
		assert_string_equal(dname_to_text(key.name, name), cases[i].name);
		assert_int_equal(key.algorithm, cases[i].algorithm);
		assert_int_equal(key.secret_len, cases[i].len);
		for (k = 0; k < cases[i].len; k++) {
			if (strstr(cases[i].text, "//F") && (k == 3 || k == 4))
				assert_int_equal(key.secret[k], k == 3 ? 0xff : 0xf1);
			else
				assert_int_equal(key.secret[k], 'a');
		}
	}
}

static void bad_keys(void **state)
{
#define LINE	"NAME ALGORITHM BASE64 on one line"
#define BIND	"key \"NAME\" { algorithm ...; secret \"...\"; };"
#define NOT64	"the secret is not in base64"
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "a name is missing (want " LINE ")" },
		{ "# only this\n", "a name is missing (want " LINE ")" },
		{ "a\n", "an algorithm is missing (want " LINE ")" },
		{ "a hmac-sha1 " B16 "\n",
		  "the algorithm is none of hmac-sha256, hmac-sha512 and hmac-md5" },
		{ "a hmac-sha256\n", "the secret is missing" },
		{ "a hmac-sha256 YWFh\n", "the secret has less than 8 octets" },
		{ "a hmac-sha256 YWFhYWFhYQ==\n", "the secret has less than 8 octets" },
		{ "a hmac-sha256 " B65 "\n", "the secret has more than 64 octets" },
		{ "a hmac-sha256 YWFhYWFhYWFhYWFhYWFhYQ\n", NOT64 },
		{ "a hmac-sha256 YWFhYWFhYWFhYWFhYWFhYQ=\n", NOT64 },
		{ "a hmac-sha256 YWFhYWFhYWFhYWFhYWFhY===\n", NOT64 },
		{ "a hmac-sha256 YWFhYWFhYWFhYWFhYWFh====\n", NOT64 },
		{ "a hmac-sha256 YWFhYWFhYWFhYWFhYWFhYQ=a\n", NOT64 },
		{ "a hmac-sha256 YWFhYWFh!WFhYWFhYWFhYQ==\n", NOT64 },
		{ "a hmac-sha256 YWFhYWFhYWFhYWFhYWFhYR==\n", NOT64 },
		{ "a hmac-sha256\n" B16 "\n", "it holds more than " LINE },
		{ "a hmac-sha256 " B16 "\nb hmac-sha256 " B16 "\n", "it holds more than " LINE },
		{ "a hmac-sha256 " B16 " x\n", "it holds more than " LINE },
		{ "key \"a\" { algorithm hmac-sha256; };",
		  "algorithm or secret is missing (want " BIND ")" },
		{ "key \"a\" { secret \"" B16 "\"; };",
		  "algorithm or secret is missing (want " BIND ")" },
		{ "key \"a\" { };", "algorithm or secret is missing (want " BIND ")" },
		{ "key \"a\" { algorithm hmac-sha256; secret \"" B16 "\"; ",
		  "its end is missing (want " BIND ")" },
		{ "key \"a\" { algorithm hmac-sha256; secret \"" B16 "\"; }",
		  "its end is missing (want " BIND ")" },
		{ "key \"a\" { algorithm hmac-sha256 secret \"" B16 "\"; };",
		  "a semicolon is missing (want " BIND ")" },
		{ "key \"a\" { algorithm hmac-sha256; secret \"" B16 "\" };",
		  "a semicolon is missing (want " BIND ")" },
		{ "key \"a\" { algorithm hmac-sha256; algorithm hmac-sha256; };",
		  "it says algorithm or secret twice" },
		{ "key \"a\" { secret " B16 "; secret " B16 "; };",
		  "it says algorithm or secret twice" },
		{ "key \"a\" { include \"b\"; };",
		  "in it stands what is neither algorithm nor secret" },
		{ "key \"a\" { algorithm hmac-sha256; secret \"" B16 "\"; };\n"
		  "key \"b\" { algorithm hmac-sha256; secret \"" B16 "\"; };\n",
		  "it holds more than one key" },
		{ "key \"a\" { algorithm hmac-sha256; /* secret \"" B16 "\"; };",
		  "its end is missing (want " BIND ")" },
	};
	char why[CONF_WHY_SIZE], want[CONF_WHY_SIZE];
	struct tsig_key key, untouched;
	size_t i;

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	for (i = 0; i < N_OF(cases); i++) {
		put("k", cases[i].text);
		key = untouched;
		assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), -EINVAL);
		snprintf(want, sizeof(want), "%s is no key file: %s", path("k"), cases[i].why);
		assert_string_equal(why, want);
		assert_memory_equal(&key, &untouched, sizeof(key));
	}

	/* nothing of a secret is in what is said */
	put("k", "a hmac-sha256 " B16 "secret!\n");
	assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), -EINVAL);
	assert_null(strstr(why, "YWFh"));

	/* names that are none */
	put("k", "a..b hmac-sha256 " B16 "\n");
	assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), -EINVAL);
}

static void octets_of_all_kinds(void **state)
{
	static const char with_nul[] = "a hmac-sha256 " B16 "\n\0";
	char why[CONF_WHY_SIZE], want[CONF_WHY_SIZE], *big;
	struct tsig_key key;
	FILE *f;

	(void)state;
	put("k", "");
	f = fopen(path("k"), "w");
	assert_non_null(f);
	assert_int_equal(fwrite(with_nul, 1, sizeof(with_nul), f), sizeof(with_nul));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), -EINVAL);
	snprintf(want, sizeof(want), "%s is no key file: there is a NUL octet in it", path("k"));
	assert_string_equal(why, want);

	/* The largest file, and one that is larger. */
	big = malloc(16386);
	assert_non_null(big);
	memset(big, '\n', 16386);
	memcpy(big, "a hmac-sha256 " B16, strlen("a hmac-sha256 " B16));
	big[16384] = '\0';
	put("k", big);
	assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), 0);
	big[16384] = '\n';
	big[16385] = '\0';
	put("k", big);
	assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), -EINVAL);
	snprintf(want, sizeof(want), "%s is too large for a key file", path("k"));
	assert_string_equal(why, want);

	/* A word that is longer than any name. */
	memset(big, 'a', 16384);
	big[16384] = '\0';
	put("k", big);
	assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), -EINVAL);
	free(big);
}

static void modes(void **state)
{
	static const mode_t good[] = { 0400, 0600, 0440, 0640, 0660 };
	static const mode_t bad[] = { 0604, 0644, 0666, 0602, 0601, 04604 };
	char why[CONF_WHY_SIZE], want[CONF_WHY_SIZE];
	struct tsig_key key;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		put_mode("k", "a hmac-sha256 " B16 "\n", good[i]);
		assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), 0);
	}
	for (i = 0; i < N_OF(bad); i++) {
		put_mode("k", "a hmac-sha256 " B16 "\n", bad[i]);
		assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), -EPERM);
		snprintf(want, sizeof(want), "%s is open to everybody (mode %04o): chmod o= %s",
			 path("k"), bad[i], path("k"));
		assert_string_equal(why, want);
	}

	unlink(path("k"));
	assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), -ENOENT);
	snprintf(want, sizeof(want), "%s cannot be read: No such file or directory", path("k"));
	assert_string_equal(why, want);
	assert_int_equal(mkfifo(path("k"), 0600), 0);
	assert_int_equal(conf_key_file(path("k"), &key, why, sizeof(why)), -EINVAL);
	snprintf(want, sizeof(want), "%s is no file", path("k"));
	assert_string_equal(why, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(octets_of_all_kinds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(modes, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
