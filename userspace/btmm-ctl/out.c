// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/text/human.h"
#include "ctl.h"

#define CELL_SIZE	256

enum out_mode out_mode;
FILE *out_file;

static int write_error;

static ssize_t out_write(void *cookie, const char *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;

	(void)cookie;
	while (done < size) {
		n = write(STDOUT_FILENO, buf + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (!write_error)
				write_error = n ? errno : EIO;
			return 0;
		}
		done += (size_t)n;
	}

	return (ssize_t)size;
}

int out_init(void)
{
	cookie_io_functions_t io = { .write = out_write };

	out_file = fopencookie(NULL, "w", io);
	if (!out_file)
		return -ENOMEM;

	setvbuf(out_file, NULL, _IOFBF, 65536);
	return 0;
}

bool out_failed(void)
{
	return write_error || ferror(out_file);
}

int out_finish(void)
{
	fflush(out_file);
	if (!out_failed())
		return CTL_OK;
	if (write_error != EPIPE)
		fail_with(0, "cannot write the output: %s",
			  strerror(write_error ? write_error : EIO));
	return CTL_FAILED;
}

struct out {
	const struct out_column *columns;
	size_t n;
	bool details;
	size_t rows;
	struct libscols_table *table;
};

static void cell_text(const struct out_column *col, const struct out_value *v,
		      bool raw, char *out, size_t size)
{
	char human[HUMAN_SIZE];

	if (!v->present) {
		snprintf(out, size, "%s",
			 !raw && col->absent ? col->absent : "-");
		return;
	}

	if (col->kind == OUT_STRING) {
		text_printable(v->str, strlen(v->str), out, size);
		return;
	}
	if (raw) {
		snprintf(out, size, "%" PRIu64, v->num);
		return;
	}

	switch (col->kind) {
	case OUT_OCTETS:
		snprintf(out, size, "%s", text_from_octets(v->num, human));
		break;
	case OUT_AGE:
		snprintf(out, size, "%s", text_from_ms(v->num, human));
		break;
	case OUT_SECONDS:
		if (v->num)
			snprintf(out, size, "%" PRIu64 "s", v->num);
		else
			snprintf(out, size, "off");
		break;
	case OUT_SWITCH:
		snprintf(out, size, "%s", v->num ? "on" : "off");
		break;
	case OUT_HEX:
		if (v->num)
			snprintf(out, size, "0x%" PRIx64, v->num);
		else
			snprintf(out, size, "none");
		break;
	default:
		snprintf(out, size, "%" PRIu64, v->num);
	}
}

static bool is_number(const struct out_column *col)
{
	return col->kind == OUT_NUMBER || col->kind == OUT_OCTETS;
}

static void out_free(struct out *o)
{
	scols_unref_table(o->table);
	free(o);
}

static int table_begin(struct out *o)
{
	struct libscols_column *cl;
	size_t i;

	o->table = scols_new_table();
	if (!o->table)
		return -ENOMEM;

	scols_table_set_stream(o->table, out_file);
	/* A line is what it is, also on a narrow terminal. */
	scols_table_set_termforce(o->table, SCOLS_TERMFORCE_NEVER);
	if (out_mode == OUT_RAW)
		scols_table_enable_raw(o->table, 1);

	for (i = 0; i < o->n; i++) {
		if (!o->columns[i].head)
			continue;
		cl = scols_table_new_column(o->table, o->columns[i].head, 0,
					    is_number(&o->columns[i]) ?
					    SCOLS_FL_RIGHT : 0);
		if (!cl)
			return -ENOMEM;
	}

	return 0;
}

struct out *out_begin(const struct out_column *columns, size_t n,
		      bool details)
{
	struct out *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;

	o->columns = columns;
	o->n = n;
	o->details = details && out_mode == OUT_TABLE;

	if (out_mode == OUT_JSON) {
		fputs("[", out_file);
	} else if (!o->details && table_begin(o)) {
		out_free(o);
		return NULL;
	}

	return o;
}

static json_t *row_json(const struct out_column *columns, size_t n,
			const struct out_value *values, bool nulls)
{
	json_t *obj = json_object();
	char text[CELL_SIZE];
	size_t i;

	for (i = 0; obj && i < n; i++) {
		json_t *v;

		if (!columns[i].key || (!values[i].present && !nulls))
			continue;
		if (!values[i].present) {
			v = json_null();
		} else if (columns[i].kind == OUT_STRING) {
			cell_text(&columns[i], &values[i], true, text,
				  sizeof(text));
			/* Longer ones are our own, and hexadecimal. */
			v = json_string(strlen(values[i].str) < sizeof(text) ?
					text : values[i].str);
		} else if (columns[i].kind == OUT_SWITCH) {
			v = json_boolean(values[i].num);
		} else {
			/* JSON knows no unsigned 64-bit integer. */
			v = json_integer(values[i].num > INT64_MAX ?
					 INT64_MAX : (json_int_t)values[i].num);
		}

		if (json_object_set_new(obj, columns[i].key, v)) {
			json_decref(obj);
			obj = NULL;
		}
	}

	return obj;
}

static int row_as_json(const struct out_column *columns, size_t n,
		       const struct out_value *values, bool nulls)
{
	json_t *obj = row_json(columns, n, values, nulls);
	int err;

	if (!obj)
		return -ENOMEM;

	err = json_dumpf(obj, out_file, JSON_COMPACT);
	json_decref(obj);
	return err ? -EIO : 0;
}

static void row_as_details(struct out *o, const struct out_value *values)
{
	char label[64], text[CELL_SIZE];
	const char *key;
	size_t i, j, len;

	for (i = 0; i < o->n; i++) {
		key = o->columns[i].key;
		if (!key)
			continue;
		len = strlen(key);
		if (len > 3 && !strcmp(key + len - 3, "_ms"))
			len -= 3;
		snprintf(label, sizeof(label), "%.*s:", (int)len, key);
		for (j = 0; label[j]; j++) {
			if (label[j] == '_')
				label[j] = ' ';
		}
		cell_text(&o->columns[i], &values[i], false, text,
			  sizeof(text));
		fprintf(out_file, "%-18s %s\n", label, text);
	}
}

static int row_as_line(struct out *o, const struct out_value *values)
{
	struct libscols_line *line = scols_table_new_line(o->table, NULL);
	char text[CELL_SIZE];
	size_t i, cell = 0;

	if (!line)
		return -ENOMEM;

	for (i = 0; i < o->n; i++) {
		if (!o->columns[i].head)
			continue;
		cell_text(&o->columns[i], &values[i], out_mode == OUT_RAW,
			  text, sizeof(text));
		if (scols_line_set_data(line, cell++, text))
			return -ENOMEM;
	}

	return 0;
}

int out_row(struct out *o, const struct out_value *values)
{
	if (out_failed())
		return -EPIPE;

	if (out_mode == OUT_JSON) {
		fputs(o->rows++ ? ",\n " : "\n ", out_file);
		return row_as_json(o->columns, o->n, values, true);
	}

	o->rows++;
	if (o->details) {
		row_as_details(o, values);
		return 0;
	}
	return row_as_line(o, values);
}

int out_end(struct out *o)
{
	int err = 0;

	if (out_mode == OUT_JSON)
		fputs(o->rows ? "\n]\n" : "]\n", out_file);
	else if (o->table && o->rows)
		err = scols_print_table(o->table);

	out_free(o);
	return err;
}

int out_json_line(const struct out_column *columns, size_t n,
		  const struct out_value *values)
{
	int err = row_as_json(columns, n, values, false);

	fputc('\n', out_file);
	fflush(out_file);
	return err;
}
