// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program as a person meets it, as far as no kernel module is needed:
 * help, usage errors, exit codes, and output that cannot be written. The path
 * of btmm-ctl is in $BTMM_CTL.
 */
#include "test.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../btmm-ctl/ctl.h"
#include "../btmm-ctl/out.h"

struct result {
	int code;
	char out[16384];
};

/* Run "btmm-ctl @args" in a shell; @out holds both its outputs. */
static void run(struct result *r, const char *args)
{
	const char *ctl = getenv("BTMM_CTL");
	char command[1024];
	size_t len;
	FILE *f;

	assert_non_null(ctl);
	snprintf(command, sizeof(command), "exec 2>&1; '%s' %s", ctl, args);
	f = popen(command, "r");
	assert_non_null(f);
	len = fread(r->out, 1, sizeof(r->out) - 1, f);
	r->out[len] = '\0';
	r->code = pclose(f);
	assert_true(WIFEXITED(r->code));
	r->code = WEXITSTATUS(r->code);
}

static void expect(const char *args, int code, const char *text)
{
	struct result r;

	run(&r, args);
	if (r.code != code || !strstr(r.out, text))
		fail_msg("btmm-ctl %s: exit code %d (want %d), output (want '%s'):\n%s",
			 args, r.code, code, text, r.out);
}

static void help_names_all(void **state)
{
	struct result r;
	size_t i;

	(void)state;
	run(&r, "help");
	assert_int_equal(r.code, CTL_OK);
	for (i = 0; i < n_commands; i++) {
		const struct command *cmd = &commands[i];
		char name[64], args[128], usage[256];

		snprintf(name, sizeof(name), "%s%s%s", cmd->object,
			 cmd->verb ? " " : "", cmd->verb ? cmd->verb : "");
		snprintf(usage, sizeof(usage), "\n  %s ", name);
		if (!strstr(r.out, usage))
			fail_msg("help does not name %s", name);

		/* Each is explained, in both ways. */
		snprintf(usage, sizeof(usage), "Usage: btmm-ctl %s %s\n", name,
			 cmd->words);
		snprintf(args, sizeof(args), "help %s", name);
		expect(args, CTL_OK, usage);
		snprintf(args, sizeof(args), "%s --help", name);
		expect(args, CTL_OK, usage);
		assert_non_null(cmd->help);
		assert_ptr_equal(command_find(cmd->object, cmd->verb), cmd);
	}
}

static void help_fits_a_screen(void **state)
{
	const char *line, *end;
	struct result r;
	char args[64];
	size_t i, lines = 0;

	(void)state;
	run(&r, "help");
	for (line = r.out; *line; line++)
		lines += *line == '\n';
	assert_true(lines < 52);

	for (i = 0; i < n_commands; i++) {
		snprintf(args, sizeof(args), "help %s %s", commands[i].object,
			 commands[i].verb ? commands[i].verb : "");
		run(&r, args);
		for (line = r.out; (end = strchr(line, '\n')); line = end + 1) {
			if (end - line > 79)
				fail_msg("%s: line too long: %.*s", args,
					 (int)(end - line), line);
		}
	}
}

static void help_documents_exit_codes(void **state)
{
	static const int codes[] = {
		CTL_OK, CTL_FAILED, CTL_USAGE, CTL_NOT_FOUND, CTL_DENIED,
	};
	struct result r;
	char line[8];
	size_t i;

	(void)state;
	run(&r, "help");
	for (i = 0; i < N_OF(codes); i++) {
		snprintf(line, sizeof(line), "\n  %d  ", codes[i]);
		assert_non_null(strstr(r.out, line));
	}
	assert_int_equal(exit_code(0), CTL_OK);
	assert_int_equal(exit_code(-22), CTL_FAILED);
	assert_int_equal(exit_code(-2), CTL_NOT_FOUND);
	assert_int_equal(exit_code(-19), CTL_NOT_FOUND);
	assert_int_equal(exit_code(-1), CTL_DENIED);
	assert_int_equal(exit_code(-13), CTL_DENIED);
}

static void usage_errors(void **state)
{
	static const struct {
		const char *args, *text;
	} cases[] = {
		{ "", "a command is missing" },
		{ "frobnicate", "no command 'frobnicate'" },
		{ "--frobnicate", "no command '--frobnicate'" },
		{ "''", "no command ''" },
		{ "help frobnicate", "no command 'frobnicate'" },
		{ "help peer frobnicate", "no command 'peer frobnicate'" },
		{ "help peer add x", "'x' is one word too many" },
		{ "peer frobnicate", "'frobnicate' (want one of: show, add, set, del)" },
		{ "ike", "want one of: answer" },
		{ "dev show a b", "'b' is one word too many" },
		{ "dev add", "name of the device is missing" },
		{ "dev add a/b", "no slash" },
		{ "dev add 0123456789abcdef", "1 to 15 characters" },
		{ "dev add ''", "1 to 15 characters" },
		{ "dev add x port", "port: value is missing (want 1 to 65535)" },
		{ "dev add x port 0", "port '0' is out of range" },
		{ "dev add x port 65536", "port '65536' is out of range" },
		{ "dev add x port 4500x", "port '4500x' is not a number" },
		{ "dev add x port 1 port 1", "'port' is given twice" },
		{ "dev add x fwmark 0x100000000", "out of range" },
		{ "dev add x fwmark zz", "fwmark 'zz' is not a number" },
		{ "dev add x keepalive 65535", "out of range" },
		{ "dev add x keepalive soon", "not a number" },
		{ "dev add x tx-batch maybe", "want on or off" },
		{ "dev add x max-peers 0", "out of range" },
		{ "dev add x local ::1", "no ULA" },
		{ "dev add x colour red", "unknown word 'colour' (allowed here: local, port" },
		{ "dev set x", "say what to change" },
		{ "dev set x up", "unknown word 'up'" },
		{ "dev del", "name of the device is missing" },
		{ "dev del x y", "'y' is one word too many" },
		{ "peer add", "ULA is missing" },
		{ "peer add ::1", "no ULA" },
		{ "peer add fd00::1 endpoint 1.2.3.4", "endpoint '1.2.3.4': port is missing (want ADDR:PORT, for example 192.0.2.1:4500)" },
		{ "peer add --file", "--file: value is missing" },
		{ "peer add - --file x", "exclude each other" },
		{ "peer add - x", "unknown word 'x'" },
		{ "peer set fd00::1", "say what to change" },
		{ "peer del", "ULA is missing" },
		{ "peer del fd00::1 x", "unknown word 'x' (allowed here: dev)" },
		{ "peer show fd00::1 x", "unknown word 'x'" },
		{ "peer show ::1", "no ULA" },
		{ "monitor x", "unknown word 'x' (allowed here: count, kernel, daemon, socket)" },
		{ "monitor count 0", "out of range" },
		{ "stats a b", "unknown word 'b' (allowed here: --all)" },
		{ "ike answer", "number of the held datagram is missing" },
		{ "ike answer 1", "a ULA or drop is missing" },
		{ "ike answer x drop", "'x' is not the number" },
		{ "ike answer 1 ::1", "no ULA" },
		{ "dgram send", "the endpoint is missing" },
		{ "dgram send 1.2.3.4:5", "the octets are missing" },
		{ "dgram send 1.2.3.4:5 0", "hexadecimal" },
		{ "dgram send 1.2.3.4 00", "port is missing" },
		{ "dgram send 1.2.3.4:5 $(printf %02562d 0)", "too long" },
		{ "peer add - </dev/null --json --raw --file", "value is missing" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		expect(cases[i].args, CTL_USAGE, cases[i].text);
		expect(cases[i].args, CTL_USAGE, "Try 'btmm-ctl help");
	}
}

static void files(void **state)
{
	static const struct {
		const char *input;
		int code;
		const char *text;
	} cases[] = {
		{ "printf 'fd00::1\\n\\n# x\\nfd00::2 endpoint 1.2.3.4 # y\\n'",
		  CTL_USAGE, "standard input:4: endpoint '1.2.3.4': port is missing" },
		{ "printf 'foo'", CTL_USAGE, "standard input:1: peer 'foo'" },
		{ "printf 'fd00::1 dev x'", CTL_USAGE, "unknown word 'dev'" },
		{ "printf 'fd00::1\\0x\\n'", CTL_USAGE, "standard input:1: this is no text" },
		{ "printf '\\0\\0\\n'", CTL_USAGE, "standard input:1: this is no text" },
		{ "printf %600d 0", CTL_USAGE, "standard input:1: the line is too long" },
		{ "echo a b c d e f g h i j k l m n o p q", CTL_USAGE, "too many words" },
		{ "yes", CTL_USAGE, "more lines may be wrong" },
		{ "head -c 100000 /dev/urandom", CTL_USAGE, "standard input:" },
	};
	char args[256];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		snprintf(args, sizeof(args), "--version >/dev/null; %s 2>/dev/null | \"$BTMM_CTL\" peer add -",
			 cases[i].input);
		expect(args, cases[i].code, cases[i].text);
	}

	expect("peer add --file /nonexistent", CTL_FAILED,
	       "cannot open /nonexistent: No such file");
	expect("peer add --file /", CTL_FAILED, "Is a directory");
}

static void version(void **state)
{
	(void)state;
	expect("--version", CTL_OK, "btmm-ctl ");
}

/* Never success if the output is lost. */
static void output_errors(void **state)
{
	struct result r;

	(void)state;
	expect("help >/dev/full", CTL_FAILED, "No space left on device");
	expect("--version >/dev/full", CTL_FAILED, "No space left on device");
	expect("help >&-", CTL_FAILED, "cannot write the output");
	/* A reader that has gone is no news. */
	run(&r, "help --json | true; exit 7");
	assert_int_equal(r.code, 7);
	run(&r, "--version >/dev/null; { sleep 0.2; \"$BTMM_CTL\" help; echo code=$? >&2; } | true");
	assert_string_equal(r.out, "code=1\n");
	expect("help <&-", CTL_OK, "Usage:");
	run(&r, "help 2>&- >/dev/full");
	assert_int_equal(r.code, CTL_FAILED);
}

/* Needs neither root nor module: the message is one of three. */
static void without_module(void **state)
{
	static const char *const args[] = {
		"dev", "peer", "stats", "monitor count 1", "dev del x",
		"peer del fd00::1", "dgram send 1.2.3.4:5 00000001",
	};
	struct result r;
	size_t i;

	(void)state;
	if (!access("/sys/module/autotunnel", F_OK))
		skip();
	for (i = 0; i < N_OF(args); i++) {
		run(&r, args[i]);
		assert_true(r.code == CTL_FAILED || r.code == CTL_DENIED);
		assert_non_null(strstr(r.out, "modprobe autotunnel"));
	}
}

/* The writer: the same rows in three ways. */

static const struct out_column columns[] = {
	{ "NAME",	"name",		OUT_STRING,	"none" },
	{ NULL,		"detail",	OUT_NUMBER,	NULL },
	{ "AGE",	"age_ms",	OUT_AGE,	"never" },
	{ "SIZE",	"size",		OUT_OCTETS,	NULL },
	{ "MARK",	"mark",		OUT_HEX,	NULL },
	{ "KEEP",	"keep",		OUT_SECONDS,	NULL },
	{ "ON",		"on",		OUT_SWITCH,	NULL },
	{ "ONLY",	NULL,		OUT_STRING,	NULL },
};

static char *write_rows(enum out_mode mode, bool details, size_t rows)
{
	const struct out_value full[] = {
		out_str("a\033b"), out_num(true, 1), out_num(true, 4000),
		out_num(true, 2048), out_num(true, 16), out_num(true, 20),
		out_num(true, 1), out_str("x"),
	};
	const struct out_value empty[N_OF(columns)] = { { 0 } };
	char *text = NULL;
	size_t size;
	struct out *o;

	out_mode = mode;
	out_file = open_memstream(&text, &size);
	assert_non_null(out_file);
	o = out_begin(columns, N_OF(columns), details);
	assert_non_null(o);
	if (rows > 0)
		assert_int_equal(out_row(o, full), 0);
	if (rows > 1)
		assert_int_equal(out_row(o, empty), 0);
	assert_int_equal(out_end(o), 0);
	fclose(out_file);
	out_file = NULL;
	return text;
}

static void writer(void **state)
{
	json_t *json;
	char *text;

	(void)state;
	text = write_rows(OUT_TABLE, false, 2);
	assert_string_equal(text,
			    "NAME AGE     SIZE MARK KEEP ON ONLY\n"
			    "a?b  4s    2.0KiB 0x10 20s  on x\n"
			    "none never      - -    -    -  -\n");
	free(text);

	text = write_rows(OUT_RAW, true, 2);
	assert_string_equal(text,
			    "NAME AGE SIZE MARK KEEP ON ONLY\n"
			    "a?b 4000 2048 16 20 1 x\n"
			    "- - - - - - -\n");
	free(text);

	text = write_rows(OUT_TABLE, true, 1);
	assert_non_null(strstr(text, "name:              a?b\n"));
	assert_non_null(strstr(text, "detail:            1\n"));
	assert_non_null(strstr(text, "age:               4s\n"));
	free(text);

	text = write_rows(OUT_JSON, true, 2);
	json = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(json), 2);
	assert_int_equal(json_integer_value(json_object_get(
		json_array_get(json, 0), "age_ms")), 4000);
	assert_true(json_is_true(json_object_get(json_array_get(json, 0),
						 "on")));
	assert_true(json_is_null(json_object_get(json_array_get(json, 1),
						 "size")));
	assert_int_equal(json_object_size(json_array_get(json, 1)), 7);
	json_decref(json);
	free(text);

	text = write_rows(OUT_JSON, false, 0);
	json = json_loads(text, 0, NULL);
	assert_true(json_is_array(json));
	assert_int_equal(json_array_size(json), 0);
	json_decref(json);
	free(text);

	text = write_rows(OUT_TABLE, false, 0);
	assert_string_equal(text, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_names_all),
		cmocka_unit_test(help_fits_a_screen),
		cmocka_unit_test(help_documents_exit_codes),
		cmocka_unit_test(usage_errors),
		cmocka_unit_test(files),
		cmocka_unit_test(version),
		cmocka_unit_test(output_errors),
		cmocka_unit_test(without_module),
		cmocka_unit_test(writer),
	};

	return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
