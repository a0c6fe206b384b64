// SPDX-License-Identifier: GPL-2.0-or-later
#include "ini.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTION_MAX	1024

struct reader {
	const char *file, *text;
	size_t left;
	unsigned int number;	/* of the line that is with inih */
	char section[SECTION_MAX], *argument;
	ini_line_fn fn;
	void *arg;
	const char *wrong;	/* with line @number */
	char key[64];		/* of it, shortened; "": none */
	char limit[80];
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* [name] or [name "argument"], and a comment behind it. */
static const char *take_section(struct reader *r, const char *p, size_t len)
{
	static const char want[] = "a section looks like this: [name] or [name \"argument\"]";
	char *s = r->section, *close, *quote;

	if (len >= sizeof(r->section))
		return want;
	memcpy(s, p, len);
	s[len] = '\0';

	quote = strchr(s, '"');
	close = strchr(quote && quote < strchr(s, ']') ? strchr(quote + 1, '"') ?: "" : s, ']');
	(void)close;
	return want;
}
