// SPDX-License-Identifier: GPL-2.0-or-later
#include "number.h"

#include <errno.h>
#include <string.h>

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int digits_to_uint(const char *s, unsigned int base, uint64_t min,
			  uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	int d;

	if (!*s)
		return -EINVAL;

	for (; *s; s++) {
		d = text_hex_digit(*s);
		if (d < 0 || (unsigned int)d >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(n, (uint64_t)base, &n) ||
		    __builtin_add_overflow(n, (uint64_t)d, &n)) {
			/* Too large, unless what follows is no number. */
			for (; *s; s++) {
				d = text_hex_digit(*s);
				if (d < 0 || (unsigned int)d >= base)
					return -EINVAL;
			}
			return -ERANGE;
		}
	}

	if (n < min || n > max)
		return -ERANGE;

	*out = n;
	return 0;
}

int text_to_uint(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	/* 010 is ten to some and eight to others. */
	if (s[0] == '0' && s[1])
		return -EINVAL;

	return digits_to_uint(s, 10, min, max, out);
}

int text_to_uint_or_hex(const char *s, uint64_t min, uint64_t max,
			uint64_t *out)
{
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return digits_to_uint(s + 2, 16, min, max, out);

	return text_to_uint(s, min, max, out);
}

int text_to_on_off(const char *s, bool *out)
{
	if (!strcmp(s, "on"))
		*out = true;
	else if (!strcmp(s, "off"))
		*out = false;
	else
		return -EINVAL;

	return 0;
}

int text_to_bytes(const char *s, uint8_t *buf, size_t size, size_t *len)
{
	size_t n = 0;

	while (*s) {
		int hi = text_hex_digit(s[0]);
		int lo = hi < 0 ? -1 : text_hex_digit(s[1]);

		if (lo < 0)
			return -EINVAL;
		if (n == size)
			return -ENOSPC;
		buf[n++] = (uint8_t)(hi << 4 | lo);
		s += 2;
	}
	if (!n)
		return -EINVAL;

	*len = n;
	return 0;
}

void text_from_bytes(const uint8_t *buf, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = digits[buf[i] >> 4];
		*out++ = digits[buf[i] & 15];
	}
	*out = '\0';
}
