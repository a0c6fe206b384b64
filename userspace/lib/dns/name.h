/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domain names in wire form: length-prefixed labels, uncompressed, ended by the
 * empty label, at most 255 octets. A name that a function here has made or
 * checked is well-formed; the others trust that of what they are given.
 *
 * Owner names are compared and hashed in lower case (RFC 4343). A name keeps
 * the case it came in until dname_lower().
 */
#ifndef BTMM_DNS_NAME_H
#define BTMM_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNAME_MAX	255	/* octets on the wire, RFC 1035 2.3.4 */
#define DNAME_TEXT_MAX	1025	/* every octet as \DDD, dots, NUL */
#define DLABEL_MAX	63

/* Octets of @name, its end included: 1 to 255. */
size_t dname_len(const uint8_t *name);

/* Labels without the root's: 0 for "." */
unsigned int dname_labels(const uint8_t *name);

/*
 * The length of the uncompressed name at @buf, 0 when it is malformed or does
 * not end within @size octets.
 */
size_t dname_check(const uint8_t *buf, size_t size);

/*
 * Reads the name at @pos of a message, following compression pointers (only
 * backwards, so always with an end, and only to what ends before), into @out.
 *
 * Return: octets taken at @pos (2 for a bare pointer), 0 when malformed.
 */
size_t dname_unpack(const uint8_t *msg, size_t msg_len, size_t pos,
		    uint8_t out[DNAME_MAX]);

/* Presentation form, RFC 1035 5.1 (\. \\ \DDD), with or without the last dot;
 * NULL, or a sentence that says what is wrong with it.
 */
const char *dname_from_text(const char *text, uint8_t out[DNAME_MAX]);

/* With the last dot. Returns @out. */
const char *dname_to_text(const uint8_t *name, char out[DNAME_TEXT_MAX]);

void dname_lower(uint8_t *name);
bool dname_equal(const uint8_t *a, const uint8_t *b);	/* regardless of case */

/* @name is @parent or below it. */
bool dname_within(const uint8_t *name, const uint8_t *parent);
/* ... and not @parent itself */
bool dname_below(const uint8_t *name, const uint8_t *parent);
/* @name without its first @n labels; points into @name. NULL: it has fewer. */
const uint8_t *dname_skip(const uint8_t *name, unsigned int n);

/* @label (text, 1 to 63 octets, taken raw) in front of @parent; false when that
 * is too long.
 */
bool dname_prefix(const char *label, size_t len, const uint8_t *parent,
		  uint8_t out[DNAME_MAX]);
/* Is the first label @label, regardless of case? */
bool dname_label_is(const uint8_t *name, const char *label);

/* A keyed hash (SipHash-2-4) of the lower-cased name: who chooses names cannot
 * choose where they go. dname_hash_init() draws the process's key, once.
 */
void dname_hash_init(const uint8_t key[16]);
uint64_t dname_hash(const uint8_t *name);

#endif
