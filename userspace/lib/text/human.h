/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quantities for people: at most three digits and a unit.
 */
#ifndef BTMM_TEXT_HUMAN_H
#define BTMM_TEXT_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_SIZE	24

/* Milliseconds: 250ms, 3s, 4m12s, 5h03m, 12d04h. Returns @out. */
const char *text_from_ms(uint64_t ms, char out[HUMAN_SIZE]);

/* Octets: 0B, 999B, 1.5KiB, 12.0MiB. Returns @out. */
const char *text_from_octets(uint64_t n, char out[HUMAN_SIZE]);

/* What the kernel calls a thing, fit for a terminal: other than printable
 * ASCII becomes '?', and at most @size - 1 characters are taken.
 */
void text_printable(const char *in, size_t len, char *out, size_t size);

#endif
