// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keywords and their values on the command line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../lib/text/number.h"
#include "ctl.h"

static void list_words(const struct word *words, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (; words->name && used < size; words++)
		used += snprintf(out + used, size - used, "%s%s",
				 used ? ", " : "", words->name);
}

static struct word *find(struct word *words, const char *name)
{
	for (; words->name; words++) {
		if (!strcmp(words->name, name))
			return words;
	}

	return NULL;
}

const struct word *word_find(const struct word *words, const char *name)
{
	for (; words->name; words++) {
		if (!strcmp(words->name, name))
			return words;
	}

	return NULL;
}

int words_read(struct word *words, int argc, char **argv)
{
	char allowed[256];
	struct word *w;
	int i;

	for (i = 0; i < argc; i++) {
		w = find(words, argv[i]);
		if (!w) {
			list_words(words, allowed, sizeof(allowed));
			if (!allowed[0])
				return fail_usage("'%s' is one word too many",
						  argv[i]);
			return fail_usage("unknown word '%s' (allowed here: %s)",
					  argv[i], allowed);
		}
		if (w->given)
			return fail_usage("'%s' is given twice", argv[i]);

		w->given = true;
		if (!w->want)
			continue;
		if (++i == argc)
			return fail_usage("%s: value is missing (want %s)",
					  w->name, w->want);
		w->value = argv[i];
	}

	return CTL_OK;
}

static int read_number(const struct word *w, bool hex, uint64_t min,
		       uint64_t max, uint64_t *out)
{
	int err;

	if (!w->given)
		return CTL_OK;

	err = hex ? text_to_uint_or_hex(w->value, min, max, out) :
		    text_to_uint(w->value, min, max, out);
	if (err == -ERANGE)
		return fail_usage("%s '%s' is out of range (want %" PRIu64 " to %" PRIu64 ")",
				  w->name, w->value, min, max);
	if (err)
		return fail_usage("%s '%s' is not a number (want %s)", w->name,
				  w->value, w->want);
	return CTL_OK;
}

int word_uint(const struct word *w, uint64_t min, uint64_t max, uint64_t *out)
{
	return read_number(w, false, min, max, out);
}

int word_uint_or_hex(const struct word *w, uint64_t min, uint64_t max,
		     uint64_t *out)
{
	return read_number(w, true, min, max, out);
}

int word_on_off(const struct word *w, uint8_t *out)
{
	bool on;

	if (!w->given)
		return CTL_OK;
	if (text_to_on_off(w->value, &on))
		return fail_usage("%s '%s': want on or off", w->name, w->value);

	*out = on;
	return CTL_OK;
}

int words_read_ula(const char *what, const char *text, struct in6_addr *out)
{
	const char *why = text_to_ula(text, out);

	if (why)
		return fail_usage("%s '%s': %s", what, text, why);
	return CTL_OK;
}
