/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files by inih, whose limits are found out and said instead of
 * being met in silence: it cuts lines at some 200 octets, names of sections at 50,
 * and takes an indented line for more of the one before.
 *
 * Here a line may be indented; a section is [name] or [name "argument"] of any
 * length that fits in a line.
 */
#ifndef BTMM_CONF_INI_H
#define BTMM_CONF_INI_H

#include <stddef.h>

#define INI_WHY_SIZE	512
#define INI_FILE_MAX	(1 << 20)	/* octets */

/**
 * struct ini_line - a section's beginning or a key, valid during the call
 * @file: as it was named to the reader
 * @number: of the line, from 1
 * @section: "" before the first section
 * @argument: of the section, "" without
 * @key: NULL: the section begins here
 * @value: NULL with @key; else without white space at its ends, maybe ""
 */
struct ini_line {
	const char *file;
	unsigned int number;
	const char *section, *argument;
	const char *key, *value;
};

/* NULL, or what is wrong with it: a sentence without full stop, which is put behind
 * file, line and key. Reading ends there.
 */
typedef const char *(*ini_line_fn)(void *arg, const struct ini_line *line);

/* 0, or -EINVAL with a sentence in @why (INI_WHY_SIZE is enough). */
int ini_read_text(const char *file, const char *text, size_t len, ini_line_fn fn, void *arg,
		  char *why, size_t why_size);
/* The same of a file; or the negative errno for which it cannot be read. */
int ini_read_file(const char *path, ini_line_fn fn, void *arg, char *why, size_t why_size);
/* The files *.conf of the directory "@path.d", in the order of strcmp(); none: 0. */
int ini_read_dropins(const char *path, ini_line_fn fn, void *arg, char *why,
		     size_t why_size);

#endif
