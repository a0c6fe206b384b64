// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl host list: who was let in, and what the server says of each.
 */
#include <errno.h>
#include <string.h>

#include "../lib/text/addr.h"
#include "account.h"
#include "ctl.h"
#include "out.h"

const char help_host_list[] =
"KEY says whether the server takes the host's key: good, or removed when\n"
"somebody else has ended it. ADDRESS is what the host publishes of itself at\n"
"the moment.\n"
"\n"
"  offline             do not ask the server\n"
HELP_ACCOUNT_DIRECTORY;

static const struct out_column list_columns[] = {
	{ "HOST",	"host",		OUT_STRING,	NULL },
	{ "ADDRESS",	"address",	OUT_STRING,	NULL },
	{ "KEY",	"key",		OUT_STRING,	"unknown" },
	{ "ISSUED",	"issued",	OUT_STRING,	NULL },
	{ "ENDS",	"ends",		OUT_STRING,	NULL },
	{ NULL,		"serial",	OUT_STRING,	NULL },
};

#define N_LIST_COLUMNS	(sizeof(list_columns) / sizeof(*list_columns))

struct answer {
	const char *key;	/* NULL: not known */
	struct in6_addr ula;
	bool has_ula;
};

/* Asked under the host's own key, it says both. */
static int ask_about(struct ask *ask, const struct account *a, const struct book_host *h,
		     struct answer *out, char why[ASK_WHY])
{
	struct tsig_key key;
	struct dns_writer w;
	struct dns_walk walk;
	struct dns_rr rr;
	int err;

	if (keys_derive_host(&a->b.key, h->name, h->algorithm, h->generation, &key))
		return 0;
	ask_question(ask, &w, h->name, DNS_AAAA);
	err = ask_send(ask, &w, &key, why);
	tsig_key_wipe(&key);
	if (err == -EKEYREJECTED) {
		out->key = "removed";
		return 0;
	}
	if (err)
		return err;
	out->key = "good";
	if (dns_walk_init(&walk, ask->reply, ask->reply_len))
		return 0;
	while (dns_walk_rr(&walk, &rr) == 1 && walk.section == 1) {
		if (rr.type != DNS_AAAA || rr.rdlen != 16)
			continue;
		memcpy(&out->ula, rr.rdata, 16);
		out->has_ula = true;
	}
	return 0;
}

static int print_hosts(const struct account *a, struct ask *ask, int *code)
{
	struct out *out = out_begin(list_columns, N_LIST_COLUMNS, false);
	char name[DNAME_TEXT_MAX], ula[ADDR_TEXT_SIZE], issued[DATE_SIZE], ends[DATE_SIZE];
	char why[ASK_WHY];
	int err = 0;
	size_t i;

	if (!out)
		return -ENOMEM;
	for (i = 0; i < a->book.n && !err; i++) {
		const struct book_host *h = &a->book.v[i];
		struct answer said = { 0 };

		if (ask && ask_about(ask, a, h, &said, why)) {
			*code = fail_with(CTL_FAILED, "%s", why);
			ask = NULL;
		}

		const struct out_value values[N_LIST_COLUMNS] = {
			out_str(account_name_text(h->name, name)),
			out_str(said.has_ula ? text_from_ula(&said.ula, ula) : NULL),
			out_str(said.key),
			out_str(account_date((int64_t)h->issued, issued)),
			out_str(account_date((int64_t)h->ends, ends)),
			out_str(h->serial),
		};

		err = out_row(out, values);
	}
	return out_end(out) ? -ENOMEM : err;
}

int cmd_host_list(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "offline" },
		{ .name = "directory", .want = "DIR" },
		{ .name = NULL },
	};
	char why[ASK_WHY];
	struct account a;
	struct ask ask;
	bool asked;
	int code = words_read(w, argc, argv);

	if (code)
		return code;
	code = account_open(&a, w[1].value);
	if (code) {
		account_close(&a);
		return code;
	}
	asked = a.book.n && !w[0].given;
	/* What the book has is worth showing, too. */
	if (asked && ask_open(&ask, &a.b, why)) {
		code = fail_with(CTL_FAILED, "%s", why);
		ask_close(&ask);
		asked = false;
	}
	if (print_hosts(&a, asked ? &ask : NULL, &code))
		code = fail_with(CTL_FAILED, "out of memory");
	if (asked)
		ask_close(&ask);
	account_close(&a);
	return code;
}
