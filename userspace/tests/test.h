/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every test file wants, in the order in which cmocka wants it. */
#ifndef BTMM_TEST_H
#define BTMM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_OF(a)	(sizeof(a) / sizeof(*(a)))

/*
 * A copy of octets that ends where its allocation ends, so that the address
 * sanitizer sees a read beyond it. To be freed.
 */
static inline void *exact_copy(const void *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, data, len);
	return copy;
}

#endif
