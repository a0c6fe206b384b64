/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TSIG keys as they stand in files, in our form or in BIND's. */
#ifndef BTMM_DNS_KEYTEXT_H
#define BTMM_DNS_KEYTEXT_H

#include "tsig.h"

/*
 * One key: NAME ALGORITHM BASE64 on one line, or BIND's
 * key "NAME" { algorithm ...; secret "..."; }; either with comments around it. There
 * is a NUL behind the @len octets. NULL and the key; or a sentence, in which no part
 * of the secret is, that says why it is none.
 */
const char *key_text_read(const char *text, size_t len, struct tsig_key *out);

#endif
