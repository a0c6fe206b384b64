/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs: named-checkconf, rndc, knotc. No shell is involved. */
#ifndef BTMM_DNSD_SETUP_RUN_H
#define BTMM_DNSD_SETUP_RUN_H

#include "admin_text.h"

/* Where @program is: in PATH, else where servers live (sbin). NULL: nowhere. The
 * answer is valid until the next call.
 */
const char *run_find(const char *program);

/*
 * Runs @argv (ended by NULL) with no input; what it says on standard output and
 * error goes to @out (may be NULL), at most 16 MiB.
 *
 * Return: its exit status; 128 + signal; -ENOENT when there is no such program;
 * other negative errno, -ETIMEDOUT (30 s, it was killed) among them.
 */
int run_program(const char *const *argv, struct buf *out);

/* What run_program() returned as an error with a reason: @what (a program) says this, or
 * cannot be run. @code: negative errno for a status that is not 0.
 */
int run_why(int status, const struct buf *said, const char *what, int code, struct why *why);

/* The first line of what a program said, for messages; "it says nothing". */
const char *run_first_line(const struct buf *said, char *line, size_t size);

#endif
