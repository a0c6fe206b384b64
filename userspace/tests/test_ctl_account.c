// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl's list of hosts, and its commands about accounts as far as no server is
 * needed. The path of btmm-ctl is in $BTMM_CTL.
 */
#include "test.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../btmm-ctl/account.h"
#include "../btmm-ctl/ctl.h"
#include "account_case.h"

#define PIN	"sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PIN2	"sha256//AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static char dir[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/btmm-ctl.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* --- the list ---------------------------------------------------------------------- */

static struct book_host entry(const char *name, uint8_t first)
{
	struct book_host h = { .algorithm = TSIG_HMAC_SHA256, .serial = "4A01",
			       .issued = 1750000000, .ends = 1900000000 };
	size_t i;

	name_of(name, h.name);
	for (i = 0; i < sizeof(h.generation); i++)
		h.generation[i] = (uint8_t)(first + i);
	return h;
}

static void a_book(void **state)
{
	static const char wanted[] =
		"# Written by btmm-ctl: NAME ALGORITHM GENERATION SERIAL ISSUED ENDS\n"
		"laptop.example.com. hmac-sha256 202122232425262728292a2b2c2d2e2f 4A01 "
		"1750000000 1900000000\n"
		"mini.example.com. hmac-sha256 101112131415161718191a1b1c1d1e1f 4A01 "
		"1750000000 1900000000\n";
	struct book_host a = entry("MINI.example.com", 0), b = entry("laptop.example.com", 0x20);
	struct book book = { 0 }, again;
	unsigned int line;
	char *text;

	(void)state;
	assert_int_equal(book_put(&book, &a), 0);
	assert_int_equal(book_put(&book, &b), 0);
	a = entry("mini.example.com", 0x10);
	assert_int_equal(book_put(&book, &a), 0);
	assert_int_equal(book.n, 2);
	text = book_write(&book);
	assert_string_equal(text, wanted);
	assert_null(book_read(text, &again, &line));
	assert_int_equal(again.n, 2);
	assert_memory_equal(book_find(&again, a.name)->generation, a.generation,
			    sizeof(a.generation));
	free(text);
	assert_true(book_remove(&again, b.name));
	assert_false(book_remove(&again, b.name));
	assert_int_equal(again.n, 1);
	assert_true(book_remove(&again, a.name));
	text = book_write(&again);
	assert_null(strstr(text, "hmac"));
	free(text);
	book_free(&again);
	book_free(&book);
}

static void lines_that_are_wrong(void **state)
{
#define GENERATION	"00112233445566778899aabbccddeeff"
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "a hmac-sha256 " GENERATION " 1 2",
		  "six words are wanted: NAME ALGORITHM GENERATION SERIAL ISSUED ENDS" },
		{ "a hmac-sha256 " GENERATION " 1 2 3 4",
		  "six words are wanted: NAME ALGORITHM GENERATION SERIAL ISSUED ENDS" },
		{ "a..b hmac-sha256 " GENERATION " 1 2 3", "the name is none" },
		{ "a hmac-sha1 " GENERATION " 1 2 3", "the algorithm is not known" },
		{ "a hmac-sha256 0011 1 2 3", "the generation has not 32 hexadecimal digits" },
		{ "a hmac-sha256 " GENERATION " 1 x 3", "a time is no number" },
		{ "a hmac-sha256 " GENERATION " " GENERATION "0123456789 2 3",
		  "the serial number is too long" },
		{ "A hmac-sha256 " GENERATION " 1 2 3\na hmac-sha256 " GENERATION " 1 2 3",
		  "this host is there twice" },
	};
	struct book book;
	unsigned int line;
	const char *bad;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		char text[512];

		snprintf(text, sizeof(text), "# first\n\n%s", cases[i].text);
		bad = book_read(text, &book, &line);
		assert_non_null(bad);
		assert_string_equal(bad, cases[i].wanted);
		assert_int_equal(line, strchr(cases[i].text, '\n') ? 4 : 3);
		assert_null(book.v);
	}
}

static void a_book_as_a_file(void **state)
{
	struct book_host h = entry("mini.example.com", 1);
	struct book book = { 0 };
	char why[STORE_WHY], path[96], wanted[160];

	(void)state;
	assert_int_equal(book_load(dir, &book, why), 0);
	assert_int_equal(book.n, 0);
	assert_int_equal(book_put(&book, &h), 0);
	assert_int_equal(book_save(dir, &book, why), 0);
	book_free(&book);
	assert_int_equal(book_load(dir, &book, why), 0);
	assert_int_equal(book.n, 1);
	book_free(&book);

	snprintf(path, sizeof(path), "%s/hosts", dir);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(book_load(dir, &book, why), -EINVAL);
	snprintf(wanted, sizeof(wanted), "%s:2: ", path);
	assert_memory_equal(why, wanted, strlen(wanted));
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(book_load(dir, &book, why), -EPERM);
}

/* --- the program ------------------------------------------------------------------- */

static struct {
	int code;
	char out[16384];
} r;

static void __attribute__((format(printf, 1, 2))) run(const char *fmt, ...)
{
	const char *ctl = getenv("BTMM_CTL");
	char args[1024], command[2048];
	va_list ap;
	size_t len;
	FILE *f;

	assert_non_null(ctl);
	va_start(ap, fmt);
	vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	snprintf(command, sizeof(command), "exec 2>&1; cd '%s'; '%s' %s", dir, ctl, args);
	f = popen(command, "r");
	assert_non_null(f);
	len = fread(r.out, 1, sizeof(r.out) - 1, f);
	r.out[len] = '\0';
	r.code = pclose(f);
	assert_true(WIFEXITED(r.code));
	r.code = WEXITSTATUS(r.code);
}

static void gives(int code, const char *text)
{
	if (r.code != code || !strstr(r.out, text))
		fail_msg("exit code %d (want %d), output (want '%s'):\n%s", r.code, code, text,
			 r.out);
}

static void write_file(const char *name, const char *text)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void accounts(void **state)
{
	json_t *all, *one;

	(void)state;
	write_file("k", "_account.alice.example.com hmac-sha256 "
			"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n");
	run("account init key-file k directory a");
	gives(CTL_USAGE, "pin PIN is missing");
	run("account init pin " PIN " directory a");
	gives(CTL_USAGE, "key-file FILE is missing");
	run("account init key-file k pin " PIN "," PIN "x directory a");
	gives(CTL_USAGE, "has other than 44 characters of base64");
	run("account init key-file k pin " PIN ", directory a");
	gives(CTL_USAGE, "pin '' does not begin with sha256//");
	run("account init key-file k pin " PIN " server example.com offline directory a");
	gives(CTL_USAGE, "server 'example.com': ");
	run("account init key-file none pin " PIN " offline directory a");
	gives(CTL_NOT_FOUND, "none: No such file");
	run("account show directory a");
	gives(CTL_NOT_FOUND, "there is no account on this machine");

	run("account init key-file k pin " PIN "," PIN2 " server 2001:db8::1 offline directory a");
	gives(CTL_OK, "alice.example.com");
	run("account init key-file k pin " PIN " offline directory a");
	gives(CTL_FAILED, "is there already");
	run("account --json directory a");
	gives(CTL_USAGE, "directory");
	run("account show --json directory a");
	all = json_loads(r.out, 0, NULL);
	assert_int_equal(json_array_size(all), 1);
	one = json_array_get(all, 0);
	assert_string_equal(json_string_value(json_object_get(one, "domain")),
			    "alice.example.com");
	assert_string_equal(json_string_value(json_object_get(one, "pins")), PIN "," PIN2);
	assert_string_equal(json_string_value(json_object_get(one, "server")),
			    "[2001:db8::1]:853");
	assert_int_equal(json_integer_value(json_object_get(one, "hosts")), 0);
	assert_int_equal(strlen(json_string_value(json_object_get(one, "authority_sha256"))), 64);
	json_decref(all);
	assert_null(strstr(r.out, "MDEyMzQ1"));

	run("host list directory a --json");
	gives(CTL_OK, "[");
	run("host add directory a");
	gives(CTL_USAGE, "NAME is missing");
	run("host add mini days 0 directory a");
	gives(CTL_USAGE, "days '0' is out of range");
	run("host add mini.bob.example.com directory a");
	gives(CTL_USAGE, "is no name of a host in alice.example.com");
	run("host add localhost directory a");
	gives(CTL_USAGE, "means every machine itself");
}

static void imports(void **state)
{
	struct bundle account, host, got;
	struct store_owner keep = { (uid_t)-1, (gid_t)-1 };
	char path[96], why[STORE_WHY], reason[CERT_WHY];

	(void)state;
	make_account(&account);
	make_host(&account, "mini.alice.example.com", &host);
	/* It is the real clock that decides here. */
	assert_int_equal(cert_make_authority(&account, time(NULL), reason), 0);
	assert_int_equal(cert_issue(&account, &host, 1, time(NULL), reason), 0);
	snprintf(path, sizeof(path), "%s/b", dir);
	assert_int_equal(store_save(path, &host, keep, false, why), 0);
	run("host import");
	gives(CTL_USAGE, "FILE is missing");
	run("host import b directory h");
	gives(CTL_OK, "mini.alice.example.com");
	assert_null(strstr(r.out, "PRIVATE"));
	run("host import b directory h");
	gives(CTL_FAILED, "'replace'");
	run("host import b replace directory h");
	gives(CTL_OK, "h/host");
	snprintf(path, sizeof(path), "%s/h/host", dir);
	assert_int_equal(store_load(path, BUNDLE_HOST, &got, why), 0);
	assert_string_equal(got.private_key, host.private_key);

	/* One that has ended */
	assert_int_equal(cert_issue(&account, &host, 1, time(NULL) - 3 * 86400, reason), 0);
	snprintf(path, sizeof(path), "%s/old", dir);
	assert_int_equal(store_save(path, &host, keep, false, why), 0);
	run("host import old replace directory h");
	gives(CTL_FAILED, "certificate has expired");
	bundle_wipe(&got);
}

/* A server that is not found says nothing about hosts. */
static void no_server(void **state)
{
	struct book_host mini = entry("mini.alice.invalid", 0);
	struct book book = { 0 };
	char *text;

	(void)state;
	setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
	write_file("k", "_account.alice.invalid hmac-sha256 "
			"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n");
	run("account init key-file k pin " PIN " offline directory a");
	gives(CTL_OK, "alice.invalid");
	assert_int_equal(book_put(&book, &mini), 0);
	text = book_write(&book);
	write_file("a/hosts", text);
	free(text);
	book_free(&book);

	run("host list directory a");
	gives(CTL_FAILED, "no server was found");
	gives(CTL_FAILED, "mini.alice.invalid");
	run("host remove mini directory a");
	gives(CTL_FAILED, "no server was found");
	run("host remove midi directory a");
	gives(CTL_FAILED, "no server was found");
	run("host add mini new-key directory a");
	gives(CTL_FAILED, "no server was found");
	run("host list offline directory a");
	gives(CTL_OK, "mini.alice.invalid");
	unsetenv("RES_OPTIONS");
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_book),
		T(lines_that_are_wrong),
		T(a_book_as_a_file),
		T(accounts),
		T(imports),
		T(no_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
