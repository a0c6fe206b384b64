// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin_table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "../lib/text/human.h"

#define CELL	512

/* What a server said goes to a terminal: only printable octets. */
static const char *cell_text(const json_t *v, char out[CELL])
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		text_printable(json_string_value(v), json_string_length(v), out, CELL);
		if (!out[0])
			strcpy(out, "-");
		break;
	case JSON_INTEGER:
		snprintf(out, CELL, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		snprintf(out, CELL, "%.1f", json_real_value(v));
		break;
	case JSON_TRUE:
		return "yes";
	case JSON_FALSE:
		return "no";
	default:
		return "-";
	}
	return out;
}

static int add_row(struct libscols_table *t, const json_t *row,
		   const struct admin_column *columns, size_t n)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	char text[CELL];
	const json_t *v;
	size_t i;

	if (!line)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		v = json_object_get(row, columns[i].key);
		if (scols_line_set_data(line, i, v ? cell_text(v, text) : "-"))
			return -ENOMEM;
	}
	return 0;
}

int admin_table(const json_t *rows, const struct admin_column *columns, size_t n)
{
	struct libscols_table *t = scols_new_table();
	int err = t ? 0 : -ENOMEM;
	size_t i;

	/* A line is what it is, also on a narrow terminal. */
	if (!err)
		scols_table_set_termforce(t, SCOLS_TERMFORCE_NEVER);
	for (i = 0; i < n && !err; i++) {
		if (!scols_table_new_column(t, columns[i].head, 0,
					    columns[i].right ? SCOLS_FL_RIGHT : 0))
			err = -ENOMEM;
	}
	for (i = 0; i < json_array_size(rows) && !err; i++)
		err = add_row(t, json_array_get(rows, i), columns, n);
	if (!err && json_array_size(rows) && scols_print_table(t))
		err = -EIO;
	scols_unref_table(t);
	return err;
}

int admin_json(const json_t *what)
{
	if (!what || json_dumpf(what, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY))
		return -EIO;
	putchar('\n');
	return 0;
}
