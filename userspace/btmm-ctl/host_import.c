// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl host import: the other end of host add, on the new machine.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "ctl.h"
#include "out.h"

#define DAEMON_USER	"btmmd"

const char help_host_import[] =
"FILE is what 'btmm-ctl host add' has made on the account's first machine. From\n"
"then on this machine is that host; btmmd starts with it, or takes it when it is\n"
"reloaded. Remove FILE afterwards: who has it can be this host, too.\n"
"\n"
"  replace             this machine is another host already, or had another key\n"
"  directory DIR       where to (default " STORE_HOST_DIR ")\n";

static const struct out_column import_columns[] = {
	{ "HOST",	"host",		OUT_STRING,	NULL },
	{ "DOMAIN",	"domain",	OUT_STRING,	NULL },
	{ "SERVER",	"server",	OUT_STRING,	"by SRV records" },
	{ "PINS",	"pins",		OUT_STRING,	NULL },
	{ "ENDS",	"ends",		OUT_STRING,	NULL },
	{ "FILE",	"file",		OUT_STRING,	NULL },
};

#define N_IMPORT_COLUMNS	(sizeof(import_columns) / sizeof(*import_columns))

static int print_import(const struct bundle *b, const char *path)
{
	char host[DNAME_TEXT_MAX], domain[DNAME_TEXT_MAX], server[ENDPOINT_TEXT_SIZE];
	char pins[PINS_TEXT_SIZE], ends[DATE_SIZE] = "";
	struct cert_facts facts;
	struct out *out;

	if (cert_facts(b->certificate, &facts))
		return fail_with(CTL_FAILED, "the certificate cannot be read");

	const struct out_value values[N_IMPORT_COLUMNS] = {
		out_str(account_name_text(b->host, host)),
		out_str(account_name_text(b->domain, domain)),
		out_str(account_server(b, server)),
		out_str(account_pins(b, pins)),
		out_str(account_date(facts.ends, ends)),
		out_str(path),
	};

	out = out_begin(import_columns, N_IMPORT_COLUMNS, true);
	if (!out || out_row(out, values) || out_end(out))
		return fail_with(CTL_FAILED, "out of memory");
	return CTL_OK;
}

/* btmmd reads it as its own user; we may give files away as root only. */
static struct store_owner daemon_owner(void)
{
	struct store_owner owner = { (uid_t)-1, (gid_t)-1 };
	const struct passwd *pw = geteuid() ? NULL : getpwnam(DAEMON_USER);

	if (pw) {
		owner.uid = pw->pw_uid;
		owner.gid = pw->pw_gid;
	}
	return owner;
}

static int import(const struct bundle *b, const char *dir, bool replace)
{
	struct store_owner owner = daemon_owner();
	char path[4096 + 16], why[STORE_WHY];
	int err;

	snprintf(path, sizeof(path), "%s/" STORE_HOST_FILE, dir);
	err = store_dir(dir, owner, why);
	if (!err)
		err = store_save(path, b, owner, replace, why);
	if (err == -EEXIST)
		return fail_with(CTL_FAILED, "%s is there already: 'replace' makes this machine "
				 "another host, or gives it another key", path);
	return err ? account_fail(err, why) : print_import(b, path);
}

int cmd_host_import(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "replace" },
		{ .name = "directory", .want = "DIR" },
		{ .name = NULL },
	};
	const char *dir = STORE_HOST_DIR, *bad;
	char why[STORE_WHY], reason[CERT_WHY];
	struct bundle b = { 0 };
	int code, err;

	if (!argc || word_find(w, argv[0]))
		return fail_usage("FILE is missing: which bundle?");
	code = words_read(w, argc - 1, argv + 1);
	if (code)
		return code;
	if (w[1].given)
		dir = w[1].value;
	if (strlen(dir) >= 4096)
		return fail_usage("directory: this path is too long");
	err = store_load(argv[0], BUNDLE_HOST, &b, why);
	if (err)
		return account_fail(err, why);
	bad = cert_check(&b, time(NULL), reason);
	code = bad ? fail_with(CTL_FAILED, "%s: %s", argv[0], bad) :
		     import(&b, dir, w[0].given);
	bundle_wipe(&b);
	return code;
}
