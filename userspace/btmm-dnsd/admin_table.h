/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists for people and, the same ones, as JSON. */
#ifndef BTMM_DNSD_ADMIN_TABLE_H
#define BTMM_DNSD_ADMIN_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct admin_column {
	const char *head;
	const char *key;	/* of the objects */
	bool right;
};

/* @rows: an array of objects. To standard output. 0 or -ENOMEM, -EIO. */
int admin_table(const json_t *rows, const struct admin_column *columns, size_t n);
int admin_json(const json_t *what);

#endif
