// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl account: the account's authority, on its first machine.
 */
#define _GNU_SOURCE
#include "account.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "../lib/dns/keytext.h"
#include "../lib/identity/names.h"
#include "../lib/text/number.h"
#include "ctl.h"
#include "out.h"

#define KEY_FILE_SIZE	16384

const char help_account_init[] =
"Makes this machine the one that lets hosts into the account. FILE holds the\n"
"account's key as 'btmm-dnsd account add' or 'btmm-dnsd setup' has left it in\n"
"/etc/btmm/keys, taken here by a way that nobody else can read; it says what\n"
"the domain is. PIN is what they printed: sha256//BASE64. What is made here, a\n"
"key that vouches for hosts, never leaves this machine. Both can be kept in a\n"
"safe place by copying the directory.\n"
"\n"
"  key-file FILE       the account's key\n"
"  pin PIN[,PIN...]    the server's key, and those it may have next\n"
"  server ADDR[:PORT]  the server; default: the domain's SRV records say it\n"
"  offline             do not ask the server whether key and pin are right\n"
HELP_ACCOUNT_DIRECTORY;

const char help_account_show[] =
"  directory DIR       where the account is (default " STORE_ACCOUNT_DIR ")\n";

/* --- shared ------------------------------------------------------------------------ */

const char *account_name_text(const uint8_t *name, char out[DNAME_TEXT_MAX])
{
	size_t len = strlen(dname_to_text(name, out));

	if (len > 1)
		out[len - 1] = '\0';
	return out;
}

const char *account_date(int64_t t, char out[DATE_SIZE])
{
	time_t s = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&s, &tm) || !strftime(out, DATE_SIZE, "%Y-%m-%d", &tm))
		snprintf(out, DATE_SIZE, "?");
	return out;
}

const char *account_pins(const struct bundle *b, char out[PINS_TEXT_SIZE])
{
	char pin[PIN_TEXT_SIZE];
	size_t i, len = 0;

	out[0] = '\0';
	for (i = 0; i < b->n_pins; i++)
		len += (size_t)snprintf(out + len, PINS_TEXT_SIZE - len, "%s%s", i ? "," : "",
					pin_text(b->pins[i], pin));
	return out;
}

const char *account_server(const struct bundle *b, char out[ENDPOINT_TEXT_SIZE])
{
	return b->server.len ? text_from_endpoint(&b->server, b->server_port, out) : NULL;
}

int account_fail(int err, const char *why)
{
	return fail_with(exit_code(err), "%s", why);
}

static int lock_dir(struct account *a)
{
	a->lock = open(a->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->lock < 0 || flock(a->lock, LOCK_EX))
		return fail_with(exit_code(-errno), "%s: %s", a->dir, strerror(errno));
	return CTL_OK;
}

static int set_dir(struct account *a, const char *dir)
{
	memset(a, 0, sizeof(*a));
	a->lock = -1;
	if (!dir)
		dir = STORE_ACCOUNT_DIR;
	if (strlen(dir) >= sizeof(a->dir))
		return fail_usage("directory: this path is too long");
	strcpy(a->dir, dir);
	snprintf(a->path, sizeof(a->path), "%s/" STORE_ACCOUNT_FILE, dir);
	return CTL_OK;
}

int account_open(struct account *a, const char *dir)
{
	int code = set_dir(a, dir), err;
	char why[STORE_WHY], reason[CERT_WHY];
	const char *bad;

	if (code)
		return code;
	if (access(a->dir, F_OK) && errno == ENOENT)
		return fail_with(CTL_NOT_FOUND, "there is no account on this machine (%s): "
				 "'btmm-ctl account init' makes one", a->path);
	code = lock_dir(a);
	if (code)
		return code;
	err = store_dir_check(a->dir, why);
	if (!err)
		err = store_load(a->path, BUNDLE_ACCOUNT, &a->b, why);
	if (!err)
		err = book_load(a->dir, &a->book, why);
	if (err)
		return account_fail(err, why);
	bad = cert_check(&a->b, time(NULL), reason);
	if (bad)
		return fail_with(CTL_FAILED, "%s: %s", a->path, bad);
	return CTL_OK;
}

void account_close(struct account *a)
{
	if (a->lock >= 0)
		close(a->lock);
	book_free(&a->book);
	bundle_wipe(&a->b);
	a->lock = -1;
}

int account_host_name(const struct account *a, const char *text, uint8_t out[DNAME_MAX])
{
	char label[DLABEL_MAX + 1], domain[DNAME_TEXT_MAX];
	const char *bad;

	if (!strchr(text, '.')) {
		bad = host_label_check(text);
		if (bad)
			return fail_usage("'%s' %s", text, bad);
		if (!dname_prefix(text, strlen(text), a->b.domain, out))
			return fail_usage("'%s' is too long for the domain", text);
		dname_lower(out);
		return CTL_OK;
	}
	bad = dname_from_text(text, out);
	if (bad)
		return fail_usage("'%s': %s", text, bad);
	if (!dname_below(out, a->b.domain) ||
	    dname_labels(out) != dname_labels(a->b.domain) + 1)
		return fail_usage("'%s' is no name of a host in %s", text,
				  account_name_text(a->b.domain, domain));
	memcpy(label, out + 1, out[0]);
	label[out[0]] = '\0';
	bad = host_label_check(label);
	if (bad)
		return fail_usage("'%s' %s", label, bad);
	dname_lower(out);
	return CTL_OK;
}

int account_try_key(struct ask *a, const struct bundle *account, const struct tsig_key *key,
		    char why[ASK_WHY])
{
	char name[DNAME_TEXT_MAX], buf[DNS_RCODE_TEXT];
	struct dns_writer w;
	int err;

	ask_question(a, &w, account->domain, DNS_SOA);
	err = ask_send(a, &w, key, why);
	if (err || !dns_rcode(a->reply))
		return err;
	snprintf(why, ASK_WHY, "%.200s answers %s to a question about %.300s", a->name,
		 dns_rcode_text(dns_rcode(a->reply), buf),
		 account_name_text(account->domain, name));
	return -EPROTO;
}

/* --- init -------------------------------------------------------------------------- */

static int read_key(struct bundle *b, const char *path)
{
	char text[KEY_FILE_SIZE], why[STORE_WHY], name[DNAME_TEXT_MAX];
	const uint8_t *domain;
	const char *bad;
	size_t len;
	int err = store_read(path, text, sizeof(text), &len, why);

	if (err)
		return account_fail(err, why);
	bad = key_text_read(text, len, &b->key);
	explicit_bzero(text, sizeof(text));
	if (bad)
		return fail_with(CTL_USAGE, "%s is no key file: %s", path, bad);
	domain = bundle_domain_of(b->key.name);
	account_name_text(b->key.name, name);
	if (!domain)
		return fail_with(CTL_USAGE, "%s: %s is not the name of an account's key, "
				 "which begins with " KEYS_ACCOUNT_LABEL ".", path, name);
	bad = user_domain_check(name + strlen(KEYS_ACCOUNT_LABEL "."), b->domain);
	if (bad)
		return fail_with(CTL_USAGE, "%s: the domain %s", path, bad);
	dname_lower(b->domain);
	return CTL_OK;
}

static int read_pins(struct bundle *b, const char *text)
{
	char pin[PIN_TEXT_SIZE + 1];
	const char *bad;
	size_t n;

	for (;; text += n + 1) {
		n = strcspn(text, ",");
		if (b->n_pins == BUNDLE_PINS)
			return fail_usage("pin: these are more than %d", BUNDLE_PINS);
		snprintf(pin, sizeof(pin), "%.*s", (int)n, text);
		bad = pin_read(pin, b->pins[b->n_pins]);
		if (bad)
			return fail_usage("pin '%.*s' %s", (int)n, text, bad);
		b->n_pins++;
		if (!text[n])
			return CTL_OK;
	}
}

static int check_server(const struct bundle *b)
{
	char why[ASK_WHY];
	struct ask ask;
	int err = ask_open(&ask, b, why);

	if (!err)
		err = account_try_key(&ask, b, &b->key, why);
	ask_close(&ask);
	if (err)
		return fail_with(CTL_FAILED, "%s (nothing was made; 'offline' does without "
				 "the server)", why);
	return CTL_OK;
}

static const struct out_column account_columns[] = {
	{ "DOMAIN",	"domain",		OUT_STRING,	NULL },
	{ NULL,		"directory",		OUT_STRING,	NULL },
	{ "KEY",	"key",			OUT_STRING,	NULL },
	{ NULL,		"algorithm",		OUT_STRING,	NULL },
	{ "SERVER",	"server",		OUT_STRING,	"by SRV records" },
	{ "PINS",	"pins",			OUT_STRING,	NULL },
	{ NULL,		"authority_sha256",	OUT_STRING,	NULL },
	{ NULL,		"authority_ends",	OUT_STRING,	NULL },
	{ "HOSTS",	"hosts",		OUT_NUMBER,	NULL },
};

#define N_ACCOUNT_COLUMNS	(sizeof(account_columns) / sizeof(*account_columns))

static int print_account(const struct account *a)
{
	char domain[DNAME_TEXT_MAX], key[DNAME_TEXT_MAX], server[ENDPOINT_TEXT_SIZE];
	char pins[PINS_TEXT_SIZE], digest[65], ends[DATE_SIZE];
	struct cert_facts facts;
	struct out *out;

	if (cert_facts(a->b.authority, &facts))
		return fail_with(CTL_FAILED, "%s: the authority's certificate is none", a->path);
	text_from_bytes(facts.digest, sizeof(facts.digest), digest);

	const struct out_value values[N_ACCOUNT_COLUMNS] = {
		out_str(account_name_text(a->b.domain, domain)),
		out_str(a->dir),
		out_str(account_name_text(a->b.key.name, key)),
		out_str(tsig_algorithm_name(a->b.key.algorithm)),
		out_str(account_server(&a->b, server)),
		out_str(account_pins(&a->b, pins)),
		out_str(digest),
		out_str(account_date(facts.ends, ends)),
		out_num(true, a->book.n),
	};

	out = out_begin(account_columns, N_ACCOUNT_COLUMNS, true);
	if (!out || out_row(out, values) || out_end(out))
		return fail_with(CTL_FAILED, "out of memory");
	return CTL_OK;
}

enum { INIT_KEY_FILE, INIT_PIN, INIT_SERVER, INIT_OFFLINE, INIT_DIRECTORY, INIT_WORDS };

/* Everything that has to be said, checked before anything is made. */
static int read_init(struct bundle *b, const struct word *w)
{
	const char *bad;
	int code;

	b->kind = BUNDLE_ACCOUNT;
	if (!w[INIT_KEY_FILE].given || !w[INIT_PIN].given)
		return fail_usage("%s is missing", w[INIT_KEY_FILE].given ? "pin PIN" :
				  "key-file FILE");
	code = read_pins(b, w[INIT_PIN].value);
	if (!code && w[INIT_SERVER].given) {
		bad = bundle_server_read(w[INIT_SERVER].value, &b->server, &b->server_port);
		if (bad)
			code = fail_usage("server '%s': %s", w[INIT_SERVER].value, bad);
	}
	return code ? code : read_key(b, w[INIT_KEY_FILE].value);
}

static int make_account(struct account *a)
{
	struct store_owner keep = { (uid_t)-1, (gid_t)-1 };
	char why[STORE_WHY], reason[CERT_WHY];
	int err = store_dir(a->dir, keep, why);

	if (!err && cert_make_authority(&a->b, time(NULL), reason))
		return fail_with(CTL_FAILED, "%s", reason);
	if (!err)
		err = store_save(a->path, &a->b, keep, false, why);
	if (err == -EEXIST)
		return fail_with(CTL_FAILED, "%s is there already: this machine has an account",
				 a->path);
	return err ? account_fail(err, why) : CTL_OK;
}

int cmd_account_init(int argc, char **argv)
{
	struct word w[INIT_WORDS + 1] = {
		[INIT_KEY_FILE] = { .name = "key-file", .want = "FILE" },
		[INIT_PIN] = { .name = "pin", .want = "PIN" },
		[INIT_SERVER] = { .name = "server", .want = "ADDR[:PORT]" },
		[INIT_OFFLINE] = { .name = "offline" },
		[INIT_DIRECTORY] = { .name = "directory", .want = "DIR" },
	};
	struct account a;
	int code = words_read(w, argc, argv);

	if (code)
		return code;
	code = set_dir(&a, w[INIT_DIRECTORY].value);
	if (!code && !access(a.path, F_OK))
		code = fail_with(CTL_FAILED, "%s is there already: this machine has an account",
				 a.path);
	if (!code)
		code = read_init(&a.b, w);
	if (!code && !w[INIT_OFFLINE].given)
		code = check_server(&a.b);
	if (!code)
		code = make_account(&a);
	if (!code)
		code = print_account(&a);
	account_close(&a);
	return code;
}

int cmd_account_show(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "directory", .want = "DIR" },
		{ .name = NULL },
	};
	struct account a;
	int code = words_read(w, argc, argv);

	if (code)
		return code;
	code = account_open(&a, w[0].value);
	if (!code)
		code = print_account(&a);
	account_close(&a);
	return code;
}
