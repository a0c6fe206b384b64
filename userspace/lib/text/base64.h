/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64, RFC 4648 4: standard alphabet, padded, in one piece. */
#ifndef BTMM_TEXT_BASE64_H
#define BTMM_TEXT_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* What the text of @n octets takes, with its NUL. */
#define BASE64_SIZE(n)	(4 * (((n) + 2) / 3) + 1)

/* @out holds BASE64_SIZE(@len). */
void base64_write(const uint8_t *buf, size_t len, char *out);

/*
 * 0 and @len octets in @buf; -EINVAL: it is none, or not the only way to write these
 * octets; -ENOSPC: there are more than @size of them. After an error some of them may
 * be in @buf.
 */
int base64_read(const char *s, uint8_t *buf, size_t size, size_t *len);

#endif
