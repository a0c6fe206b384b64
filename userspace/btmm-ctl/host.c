// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl host add, remove: who is in the account. The server is told by an UPDATE
 * under the account's key.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "ctl.h"
#include "out.h"

#define KEY_WAIT_MS	5000
#define KEY_AGAIN_MS	20

const char help_host_add[] =
"NAME is the host's label, such as mini, or its full name. FILE gets what makes\n"
"a machine this host: its certificate and private key, its key for the server,\n"
"and which server to believe. Take it there by a way that nobody else can read,\n"
"run 'btmm-ctl host import FILE' there, and remove it here.\n"
"\n"
"  output FILE         where to (default: NAME.btmm here, by the full name)\n"
"  new-key             the host is there already: end its key and make another\n"
"  days N              for how long its certificate is good (default 1825)\n"
HELP_ACCOUNT_DIRECTORY;

const char help_host_remove[] =
"The server takes its key no more, and removes the records that it made; the\n"
"others see it go. Do not give its name to another machine while the lost one's\n"
"certificate is good: whoever has that could pass for the new one.\n"
"\n"
HELP_ACCOUNT_DIRECTORY;

/* --- what the server is asked ------------------------------------------------------ */

/* Until it has heard of the change from the primary. */
static int wait_key(struct ask *a, const struct bundle *account, const struct tsig_key *key,
		    bool good, char why[ASK_WHY])
{
	uint64_t until = talk_now_ms() + KEY_WAIT_MS;
	int err;

	for (;;) {
		err = account_try_key(a, account, key, why);
		if (good ? !err : err == -EKEYREJECTED)
			return 0;
		if (err && err != -EKEYREJECTED)
			return err;
		if (talk_now_ms() > until) {
			if (!err)
				snprintf(why, ASK_WHY, "%.300s still takes the host's key",
					 a->name);
			return -ETIMEDOUT;
		}
		poll(NULL, 0, KEY_AGAIN_MS);
	}
}

/*
 * Adds or deletes the ENROLLED record. @there: only if the name is in use; else only if
 * it is not. 0; -EEXIST or -ENOENT: it is not so; or negative errno and why.
 */
static int enrol(struct ask *a, const struct account *account, const struct book_host *h,
		 bool add, bool there, char why[ASK_WHY])
{
	char text[DNAME_TEXT_MAX], buf[DNS_RCODE_TEXT];
	struct dns_writer w;
	uint8_t rdata[32];
	int err;

	ask_update(a, &w, account->b.domain);
	dns_put_rr(&w, 1, h->name, DNS_ANY, there ? DNS_CLASS_ANY : DNS_NONE, 0, NULL, 0);
	dns_put_rr(&w, 2, h->name, DNS_ENROLLED, DNS_CLASS_ANY, 0, NULL, 0);
	if (add)
		dns_put_rr(&w, 2, h->name, DNS_ENROLLED, DNS_IN, KEYS_ENROLLED_TTL, rdata,
			   keys_enrolled_write(h->algorithm, h->generation, rdata));
	err = ask_send(a, &w, &account->b.key, why);
	if (err)
		return err;
	switch (dns_rcode(a->reply)) {
	case DNS_NOERROR:
		return 0;
	case DNS_YXDOMAIN:
		return -EEXIST;
	case DNS_NXDOMAIN:
		return -ENOENT;
	default:
		snprintf(why, ASK_WHY, "%.200s does not let %.300s in or out (%s)", a->name,
			 account_name_text(h->name, text),
			 dns_rcode_text(dns_rcode(a->reply), buf));
		return -EPROTO;
	}
}

/* --- add --------------------------------------------------------------------------- */

struct adding {
	struct account account;
	struct bundle host;
	struct book_host entry;
	char name[DNAME_TEXT_MAX], path[4096];
	bool new_key;
	uint64_t days;
};

/* The bundle, before anybody is told of it. */
static int make_bundle(struct adding *x)
{
	const struct bundle *a = &x->account.b;
	struct bundle *h = &x->host;
	struct book_host *e = &x->entry;
	time_t now = time(NULL);
	struct cert_facts facts;
	char why[CERT_WHY];

	h->kind = BUNDLE_HOST;
	memcpy(h->domain, a->domain, sizeof(h->domain));
	h->n_pins = a->n_pins;
	memcpy(h->pins, a->pins, sizeof(h->pins));
	h->server = a->server;
	h->server_port = a->server_port;
	e->algorithm = TSIG_HMAC_SHA256;
	if (getrandom(e->generation, sizeof(e->generation), 0) != sizeof(e->generation) ||
	    keys_derive_host(&a->key, h->host, e->algorithm, e->generation, &h->key))
		return fail_with(CTL_FAILED, "no key could be made");
	if (cert_issue(a, h, (unsigned int)x->days, now, why))
		return fail_with(CTL_FAILED, "%s", why);
	if (cert_facts(h->certificate, &facts))
		return fail_with(CTL_FAILED, "the certificate cannot be read");
	memcpy(e->name, h->host, sizeof(e->name));
	memcpy(e->serial, facts.serial, sizeof(e->serial));
	e->issued = (uint64_t)now;
	e->ends = (uint64_t)facts.ends;
	return CTL_OK;
}

static int let_in(struct adding *x)
{
	char why[ASK_WHY];
	struct ask ask;
	int err = ask_open(&ask, &x->account.b, why);

	if (!err)
		err = enrol(&ask, &x->account, &x->entry, true, x->new_key, why);
	if (!err)
		err = wait_key(&ask, &x->account.b, &x->host.key, true, why);
	ask_close(&ask);
	if (err == -EEXIST)
		return fail_with(CTL_FAILED, "%s is there already: 'new-key' ends its key and "
				 "makes another", x->name);
	if (err == -ENOENT && x->new_key)
		return fail_with(CTL_NOT_FOUND, "%s is not there yet: leave out 'new-key'",
				 x->name);
	return err ? fail_with(CTL_FAILED, "%s", why) : CTL_OK;
}

static const struct out_column host_columns[] = {
	{ "HOST",	"host",		OUT_STRING,	NULL },
	{ "FILE",	"file",		OUT_STRING,	NULL },
	{ "SERIAL",	"serial",	OUT_STRING,	NULL },
	{ "ENDS",	"ends",		OUT_STRING,	NULL },
};

#define N_HOST_COLUMNS	(sizeof(host_columns) / sizeof(*host_columns))

static int print_host(const struct adding *x)
{
	char ends[DATE_SIZE];
	const struct out_value values[N_HOST_COLUMNS] = {
		out_str(x->name),
		out_str(x->path),
		out_str(x->entry.serial),
		out_str(account_date((int64_t)x->entry.ends, ends)),
	};
	struct out *out = out_begin(host_columns, N_HOST_COLUMNS, true);

	if (!out || out_row(out, values) || out_end(out))
		return fail_with(CTL_FAILED, "out of memory");
	return CTL_OK;
}

static int add(struct adding *x)
{
	struct store_owner keep = { (uid_t)-1, (gid_t)-1 };
	char why[STORE_WHY];
	int code = make_bundle(x), err;

	if (code)
		return code;
	/* The file first: whether it can be written is known before the host is let in. */
	err = store_save(x->path, &x->host, keep, false, why);
	if (err == -EEXIST)
		return fail_with(CTL_FAILED, "%s is there already: move it away, or say "
				 "output FILE", x->path);
	if (err)
		return account_fail(err, why);
	code = let_in(x);
	if (code) {
		unlink(x->path);
		return code;
	}
	if (book_put(&x->account.book, &x->entry))
		return fail_with(CTL_FAILED, "out of memory");
	err = book_save(x->account.dir, &x->account.book, why);
	if (err)
		warn("%s is let in, but is missing in the list of hosts: %s", x->name, why);
	code = print_host(x);
	return err ? exit_code(err) : code;
}

enum { ADD_OUTPUT, ADD_NEW_KEY, ADD_DAYS, ADD_DIRECTORY, ADD_WORDS };

int cmd_host_add(int argc, char **argv)
{
	struct word w[ADD_WORDS + 1] = {
		[ADD_OUTPUT] = { .name = "output", .want = "FILE" },
		[ADD_NEW_KEY] = { .name = "new-key" },
		[ADD_DAYS] = { .name = "days", .want = "a number of days" },
		[ADD_DIRECTORY] = { .name = "directory", .want = "DIR" },
	};
	struct adding *x;
	int code;

	if (!argc || word_find(w, argv[0]))
		return fail_usage("NAME is missing: which host?");
	code = words_read(w, argc - 1, argv + 1);
	if (code)
		return code;
	x = calloc(1, sizeof(*x));
	if (!x)
		return fail_with(CTL_FAILED, "out of memory");
	x->account.lock = -1;
	x->days = CERT_HOST_DAYS;
	x->new_key = w[ADD_NEW_KEY].given;
	code = word_uint(&w[ADD_DAYS], 1, CERT_DAYS_MAX, &x->days);
	if (!code)
		code = account_open(&x->account, w[ADD_DIRECTORY].value);
	if (!code)
		code = account_host_name(&x->account, argv[0], x->host.host);
	if (!code) {
		account_name_text(x->host.host, x->name);
		if (w[ADD_OUTPUT].given)
			snprintf(x->path, sizeof(x->path), "%s", w[ADD_OUTPUT].value);
		else
			snprintf(x->path, sizeof(x->path), "%s.btmm", x->name);
		code = add(x);
	}
	account_close(&x->account);
	explicit_bzero(x, sizeof(*x));
	free(x);
	return code;
}

/* --- remove ------------------------------------------------------------------------ */

/* @h: what the book has of it, or the name alone */
static int let_out(const struct account *account, const struct book_host *h, bool booked,
		   bool *was_there)
{
	struct tsig_key key = { 0 };
	char why[ASK_WHY];
	struct ask ask;
	int err = ask_open(&ask, &account->b, why);

	*was_there = true;
	if (!err) {
		err = enrol(&ask, account, h, false, true, why);
		*was_there = err != -ENOENT;
		if (!*was_there)
			err = 0;
	}
	if (!err && booked) {
		err = keys_derive_host(&account->b.key, h->name, h->algorithm, h->generation,
				       &key);
		if (!err)
			err = wait_key(&ask, &account->b, &key, false, why);
		else
			snprintf(why, sizeof(why), "the host's key cannot be derived");
	}
	tsig_key_wipe(&key);
	ask_close(&ask);
	return err ? fail_with(CTL_FAILED, "%s", why) : CTL_OK;
}

static int remove_host(struct account *a, const uint8_t *name)
{
	struct book_host *found = book_find(&a->book, name), h = { 0 };
	char text[DNAME_TEXT_MAX], why[STORE_WHY];
	bool was_there;
	int code, err;

	if (found)
		h = *found;
	else
		memcpy(h.name, name, dname_len(name));
	account_name_text(name, text);
	code = let_out(a, &h, found, &was_there);
	if (code)
		return code;
	if (!found && !was_there)
		return fail_with(CTL_NOT_FOUND, "%s is no host of the account", text);
	if (!book_remove(&a->book, name))
		return CTL_OK;
	err = book_save(a->dir, &a->book, why);
	if (err)
		return fail_with(exit_code(err), "%s is removed, but stays in the list of "
				 "hosts: %s", text, why);
	return CTL_OK;
}

int cmd_host_remove(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "directory", .want = "DIR" },
		{ .name = NULL },
	};
	uint8_t name[DNAME_MAX] = { 0 };
	struct account a;
	int code;

	if (!argc || word_find(w, argv[0]))
		return fail_usage("NAME is missing: which host?");
	code = words_read(w, argc - 1, argv + 1);
	if (code)
		return code;
	code = account_open(&a, w[0].value);
	if (!code)
		code = account_host_name(&a, argv[0], name);
	if (!code)
		code = remove_host(&a, name);
	account_close(&a);
	return code;
}
