/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that grows, sentences that say why, and marked blocks in files that
 * several zones share.
 */
#ifndef BTMM_DNSD_ADMIN_TEXT_H
#define BTMM_DNSD_ADMIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/dns/tsig.h"

/* Why something failed: one sentence for people, without a full stop. */
struct why {
	char text[1024];
};

/* Returns @code, so that it can end a function. */
int why_set(struct why *why, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Octets with a NUL behind them; @p is NULL while empty. Running out of memory
 * sticks in @failed; check it once.
 */
struct buf {
	char *p;
	size_t len, size;
	bool failed;
};

void buf_add(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_put(struct buf *b, const void *data, size_t len);
/* Wipes what it held: it may have been a key. */
void buf_free(struct buf *b);
/* "" while empty */
const char *buf_text(const struct buf *b);
bool buf_equal(const struct buf *a, const struct buf *b);

/*
 * A block is what stands between two lines of @comment ("//" or "#"):
 *	// btmm begin NAME
 *	// btmm end NAME
 * block_get() adds the lines between them to @out; false when there is no such
 * block. block_set() makes @out a copy of @in in which the block holds @body
 * (lines), at its old place or at the end; @body NULL takes it out. A block
 * without its end reaches to the end of the text.
 */
bool block_get(const char *in, const char *comment, const char *name, struct buf *out);
void block_set(const char *in, const char *comment, const char *name, const char *body,
	       struct buf *out);
/* The name of the next block behind *pos (0 at first); false at the end. */
bool block_next(const char *in, const char *comment, size_t *pos, char *name, size_t size);

/* Does @text hold @line as a line of its own, regardless of white space around? */
bool text_has_line(const char *text, const char *line);
/* The number (from 1) and text of the first line that differs; false: none does. */
bool text_first_difference(const char *a, const char *b, unsigned int *line,
			   char *in_a, char *in_b, size_t size);

/*
 * A zone as libknot writes it (the SOA on the first line, all of it) with another
 * serial: at least @least, and more than it was by far. False: no such text.
 */
#define SERIAL_LEAP	1000000
bool zone_text_later(const char *zone, uint32_t least, struct buf *out);

/* Standard base64; @out holds 4 * ((len + 2) / 3) + 1. */
void base64_text(const uint8_t *data, size_t len, char *out);
/* "name algorithm base64\n", or BIND's key statement. Names without last dot. */
void key_line(const struct tsig_key *key, struct buf *out);
void key_bind_form(const struct tsig_key *key, struct buf *out);
/* Without the last dot, unless it is the root. */
const char *name_text(const uint8_t *name, char out[DNAME_TEXT_MAX]);

#endif
