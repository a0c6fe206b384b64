/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The output writer: rows go in, and come out as a table for people, as JSON,
 * or raw, for shell scripts.
 */
#ifndef BTMM_CTL_OUT_H
#define BTMM_CTL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum out_mode {
	OUT_TABLE,
	OUT_JSON,
	OUT_RAW,
};

/* How a value is shown in tables. JSON and raw hold it as it is. */
enum out_kind {
	OUT_STRING,
	OUT_NUMBER,
	OUT_HEX,	/* a number; 0 is shown as none */
	OUT_OCTETS,	/* 1.5KiB */
	OUT_AGE,	/* milliseconds: 3s; absent: never */
	OUT_SECONDS,	/* 20s; 0: off */
	OUT_SWITCH,	/* on or off; true or false */
};

/**
 * struct out_column - one column
 * @head: of the table; NULL leaves the column to JSON and to details
 * @key: in JSON; NULL leaves the column to tables. In details it is the label,
 *	with blanks for underscores and without the unit _ms
 * @kind: how it is shown
 * @absent: shown in tables when there is no value; NULL shows "-"
 */
struct out_column {
	const char *head;
	const char *key;
	enum out_kind kind;
	const char *absent;
};

/* A value; @str is for OUT_STRING and is copied. */
struct out_value {
	bool present;
	uint64_t num;
	const char *str;
};

extern enum out_mode out_mode;

/* Where output goes: stdout, with the first error of a write remembered. */
extern FILE *out_file;
int out_init(void);
/* Flush; says what is wrong unless the reader has just gone. */
int out_finish(void);
bool out_failed(void);

struct out;

/* @details: at most one row, and people see it as lines, with all columns. */
struct out *out_begin(const struct out_column *columns, size_t n,
		      bool details);
int out_row(struct out *o, const struct out_value *values);
int out_end(struct out *o);

/* One JSON object on a line of its own, without what is absent; flushed. */
int out_json_line(const struct out_column *columns, size_t n,
		  const struct out_value *values);

static inline struct out_value out_num(bool present, uint64_t num)
{
	return (struct out_value){ .present = present, .num = num };
}

static inline struct out_value out_str(const char *str)
{
	return (struct out_value){ .present = str != NULL, .str = str };
}

#endif
