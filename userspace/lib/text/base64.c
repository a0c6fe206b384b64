// SPDX-License-Identifier: GPL-2.0-or-later
#include "base64.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(const uint8_t *buf, size_t len, char *out)
{
	unsigned int held;
	size_t i, n;

	for (i = 0; i < len; i += 3, out += 4) {
		n = len - i < 3 ? len - i : 3;
		held = (unsigned int)buf[i] << 16;
		held |= n > 1 ? (unsigned int)buf[i + 1] << 8 : 0;
		held |= n > 2 ? buf[i + 2] : 0;
		out[0] = digits[held >> 18];
		out[1] = digits[held >> 12 & 63];
		out[2] = n > 1 ? digits[held >> 6 & 63] : '=';
		out[3] = n > 2 ? digits[held & 63] : '=';
	}
	*out = '\0';
}

static int digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int base64_read(const char *s, uint8_t *buf, size_t size, size_t *len)
{
	size_t n = strcspn(s, "="), pad = strlen(s) - n, bits = 0, i;
	unsigned int held = 0;

	*len = 0;
	if ((n + pad) % 4 || pad > 2 || strspn(s + n, "=") != pad)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		int d = digit(s[i]);

		if (d < 0)
			return -EINVAL;
		held = (held << 6 | (unsigned int)d) & 0xfff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (*len == size)
			return -ENOSPC;
		buf[(*len)++] = (uint8_t)(held >> bits);
	}
	/* Left over are bits of a digit, and they are zero. */
	return held & ((1U << bits) - 1) ? -EINVAL : 0;
}
