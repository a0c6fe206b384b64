/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands about the account and its hosts share. */
#ifndef BTMM_CTL_ACCOUNT_H
#define BTMM_CTL_ACCOUNT_H

#include "../lib/account/cert.h"
#include "../lib/account/store.h"
#include "ask.h"
#include "book.h"

#define DATE_SIZE	16	/* "2031-05-27" */

#define HELP_ACCOUNT_DIRECTORY						\
"  directory DIR       where the account is (default " STORE_ACCOUNT_DIR ")\n"

struct account {
	char dir[4096], path[4096 + 16];
	int lock;
	struct bundle b;
	struct book book;
};

/*
 * The account in @dir (NULL: where it is by default), and its book, locked against
 * others. Return an exit code; account_close() in any case.
 */
int account_open(struct account *a, const char *dir);
void account_close(struct account *a);

/* @text is a label or a whole name in the account's domain. An exit code. */
int account_host_name(const struct account *a, const char *text, uint8_t out[DNAME_MAX]);

/* Without the last dot. Returns @out. */
const char *account_name_text(const uint8_t *name, char out[DNAME_TEXT_MAX]);
/* A day in UTC. Returns @out. */
const char *account_date(int64_t t, char out[DATE_SIZE]);
/* All pins in one word. Returns @out. */
#define PINS_TEXT_SIZE	(BUNDLE_PINS * PIN_TEXT_SIZE)
const char *account_pins(const struct bundle *b, char out[PINS_TEXT_SIZE]);
/* "192.0.2.1:853"; NULL: by SRV records. */
const char *account_server(const struct bundle *b, char out[ENDPOINT_TEXT_SIZE]);

/* An exit code for what store.h, book.h and ask.h return; says @why. */
int account_fail(int err, const char *why);

/* Asks for the zone's SOA, signed by @key: does the server know it? */
int account_try_key(struct ask *a, const struct bundle *account, const struct tsig_key *key,
		    char why[ASK_WHY]);

#endif
