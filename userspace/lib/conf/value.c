// SPDX-License-Identifier: GPL-2.0-or-later
#include "value.h"

#include <string.h>

#include "../text/number.h"

#define WORD_SIZE	1024

bool conf_time(const char *value, uint64_t *ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	size_t digits = strspn(value, "0123456789"), i;
	char number[12];
	uint64_t n;

	if (digits >= sizeof(number))
		return false;
	memcpy(number, value, digits);
	number[digits] = '\0';
	if (text_to_uint(number, 0, UINT32_MAX, &n))
		return false;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!strcmp(value + digits, units[i].name)) {
			*ms = n * units[i].ms;
			return true;
		}
	}
	return false;
}

bool conf_bool(const char *value, bool *out)
{
	*out = !strcmp(value, "yes");
	return *out || !strcmp(value, "no");
}

const char *conf_words(const char *value, conf_word_fn fn, void *arg)
{
	static const char space[] = " \t";
	const char *why = NULL;
	char word[WORD_SIZE];
	size_t len;

	value += strspn(value, space);
	if (!*value)
		return "a value is missing";
	for (; *value && !why; value += strspn(value, space)) {
		len = strcspn(value, space);
		if (len >= sizeof(word))
			return "there is a word in it that is too long";
		memcpy(word, value, len);
		word[len] = '\0';
		why = fn(arg, word);
		value += len;
	}
	return why;
}
