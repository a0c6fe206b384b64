/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers from text: the whole string or nothing, within bounds, or a reason.
 */
#ifndef BTMM_TEXT_NUMBER_H
#define BTMM_TEXT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a hexadecimal digit; -1: it is none. */
int text_hex_digit(char c);

/**
 * text_to_uint - read a decimal number
 * @s: nothing but digits, no sign, no space, no leading zero
 * @min: smallest value taken
 * @max: largest value taken
 * @out: the number
 *
 * Return: 0, -EINVAL (not a number) or -ERANGE.
 */
int text_to_uint(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* The same, and also 0x with hexadecimal digits. */
int text_to_uint_or_hex(const char *s, uint64_t min, uint64_t max,
			uint64_t *out);

/* "on" or "off"; -EINVAL for all else. */
int text_to_on_off(const char *s, bool *out);

/**
 * text_to_bytes - read octets written in hexadecimal
 * @s: an even number of hexadecimal digits, at least two
 * @buf: where the octets go
 * @size: how many fit
 * @len: how many there were
 *
 * Return: 0, -EINVAL (not hexadecimal, odd) or -ENOSPC.
 */
int text_to_bytes(const char *s, uint8_t *buf, size_t size, size_t *len);

/* Octets as hexadecimal; @out holds 2 * @len + 1. */
void text_from_bytes(const uint8_t *buf, size_t len, char *out);

#endif
