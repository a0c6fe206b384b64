/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of configuration files. */
#ifndef BTMM_CONF_VALUE_H
#define BTMM_CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* "250ms", "30s", "90m", "1h", "2d": ms. False: it is no time. */
bool conf_time(const char *value, uint64_t *ms);
/* "yes" or "no". False: it is neither. */
bool conf_bool(const char *value, bool *out);

/*
 * Calls @fn with each word between white space. NULL, or what @fn gave that is not
 * NULL, or that there is no word at all.
 */
typedef const char *(*conf_word_fn)(void *arg, const char *word);
const char *conf_words(const char *value, conf_word_fn fn, void *arg);

#endif
