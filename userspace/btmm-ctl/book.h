/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hosts the account's first machine has let in, in the file "hosts" beside the
 * account: one a line, NAME ALGORITHM GENERATION SERIAL ISSUED ENDS. The server knows
 * them, too, but tells nobody.
 */
#ifndef BTMM_CTL_BOOK_H
#define BTMM_CTL_BOOK_H

#include "../lib/account/hostkey.h"
#include "../lib/account/store.h"

#define BOOK_FILE	"hosts"
#define BOOK_SERIAL	41	/* hexadecimal, with NUL */

struct book_host {
	uint8_t name[DNAME_MAX];	/* lower case */
	enum tsig_algorithm algorithm;
	uint8_t generation[KEYS_GENERATION];
	char serial[BOOK_SERIAL];	/* of its certificate */
	uint64_t issued, ends;		/* s since 1970 */
};

struct book {
	struct book_host *v;
	size_t n;
};

/* No such file: no hosts. 0, or negative errno and a sentence with file and line. */
int book_load(const char *dir, struct book *out, char why[STORE_WHY]);
int book_save(const char *dir, const struct book *b, char why[STORE_WHY]);
void book_free(struct book *b);

/* The same on text; @line: which of them is wrong. NULL, or a sentence. */
const char *book_read(const char *text, struct book *out, unsigned int *line);
/* To be freed; NULL: no memory. */
char *book_write(const struct book *b);

struct book_host *book_find(const struct book *b, const uint8_t *name);
/* In the place of one of that name; in the order of names. 0 or -ENOMEM. */
int book_put(struct book *b, const struct book_host *h);
/* Was it there? */
bool book_remove(struct book *b, const uint8_t *name);

#endif
