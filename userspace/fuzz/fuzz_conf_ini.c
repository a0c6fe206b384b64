// SPDX-License-Identifier: GPL-2.0-or-later
/* Configuration files: each line is told whole or refused, with its number and why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/conf/ini.h"

struct seen {
	unsigned int last, told;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static const char *note(void *arg, const struct ini_line *l)
{
	struct seen *s = arg;

	/* one for each line at most, in their order */
	check(l->number > s->last);
	s->last = l->number;
	s->told++;
	check(strlen(l->section) < 4096 && strlen(l->argument) < 4096);
	if (!l->key) {
		check(*l->section && !l->value);
		return NULL;
	}
	check(*l->key && l->value && !strchr(l->key, '\n') && !strchr(l->value, '\n'));
	return *l->value == '!' ? "it was refused" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen first = { 0 }, second = { 0 };
	char why[INI_WHY_SIZE] = "", again[INI_WHY_SIZE] = "";
	int err = ini_read_text("f", (const char *)data, size, note, &first, why, sizeof(why));

	check(!err == !why[0]);
	check(!err || !strncmp(why, "f:", 2));
	check(ini_read_text("f", (const char *)data, size, note, &second, again,
			    sizeof(again)) == err);
	check(!strcmp(why, again) && first.told == second.told);
	return 0;
}
