/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration in the making, and the table of its keys. */
#ifndef BTMMD_CONF_INT_H
#define BTMMD_CONF_INT_H

#include "../lib/conf/ini.h"
#include "conf.h"

/* @file belongs to the draft; NULL: nowhere. */
struct conf_where {
	const char *file;
	unsigned int line;
};

struct conf_draft {
	struct btmmd_conf *conf;
	char **files;
	size_t n_files;
	struct conf_where here;
	char section[32];
	struct conf_service *service;	/* that the section is about */
	char text[512];			/* of what is wrong with a line */

	/* For what can be checked only when everything has been read. */
	struct conf_where authority, server_name, services[PUBLISH_SERVICES];
};

enum conf_kind {
	KIND_BOOL, KIND_UINT16, KIND_UINT32, KIND_SECONDS, KIND_TEXT, KIND_PLACE, KIND_PLACES,
	KIND_LIST, KIND_CHOICE,
};

struct conf_key {
	const char *section, *name;
	const char *(*set)(struct conf_draft *d, const struct conf_key *k, const char *value);
	enum conf_kind kind;
	size_t offset;			/* in struct btmmd_conf */
	uint64_t min, max;		/* or the default port of places */
	unsigned int change;		/* enum conf_change, if it is another value */
};

/* conf_keys.c; ended by one without a name. */
extern const struct conf_key conf_keys[];

/* An ini_line_fn for a struct conf_draft. */
const char *conf_line(void *arg, const struct ini_line *line);

/* conf_service.c: [service "..."] and its keys. NULL, or what is wrong. */
const char *conf_service_begin(struct conf_draft *d, const char *argument);
const char *conf_service_key(struct conf_draft *d, const char *key, const char *value);
bool conf_service_equal(const struct conf_service *a, const struct conf_service *b);
void conf_service_free(struct conf_service *s);

/* A sentence in d->text. */
const char *conf_wrong(struct conf_draft *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *conf_list_add(struct conf_draft *d, struct conf_list *list, const char *text,
			  size_t max);
bool conf_list_equal(const struct conf_list *a, const struct conf_list *b);
void conf_list_free(struct conf_list *list);

#endif
