// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "ini.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE	1280	/* of a section or its argument: a domain name as text fits */
#define PROBE		8192	/* no inih takes longer lines */
#define DROPIN		".conf"

struct reader {
	const char *file;
	unsigned int number;	/* of the line that is with inih */
	size_t longest;		/* line that inih takes whole */
	unsigned int keys;	/* that inih found in it */
	char section[NAME_SIZE], argument[NAME_SIZE];
	ini_line_fn fn;
	void *arg;
	const char *wrong;
	char limit[80];
	char *why;
	size_t why_size;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* @key may be "": then it is left out, too. Long ones and odd octets are not repeated. */
static void say(const struct reader *r, const char *key, const char *what)
{
	char shown[64];
	size_t i;

	for (i = 0; key[i] && i < sizeof(shown) - 1; i++)
		shown[i] = key[i] > ' ' && key[i] < 0x7f ? key[i] : '?';
	shown[i] = '\0';
	snprintf(r->why, r->why_size, "%s:%u: %s%s%s", r->file, r->number, shown, i ? ": " : "",
		 what);
}

static int give(struct reader *r, const char *key, const char *value)
{
	struct ini_line line = {
		.file = r->file, .number = r->number, .section = r->section,
		.argument = r->argument, .key = key, .value = value,
	};

	r->wrong = r->fn(r->arg, &line);
	if (!r->wrong)
		return 0;
	say(r, key ? key : "", r->wrong);
	return -EINVAL;
}

static size_t count(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && is_space(p[n]))
		n++;
	return n;
}

/* [name] or [name "argument"], and maybe a comment behind it. False: it is neither. */
static bool take_section(struct reader *r, const char *p, size_t len)
{
	size_t i, n = 0;

	r->argument[0] = '\0';
	i = 1 + count(p + 1, len - 1);
	while (i < len && !is_space(p[i]) && p[i] != ']' && p[i] != '"') {
		if (n == sizeof(r->section) - 1)
			return false;
		r->section[n++] = p[i++];
	}
	r->section[n] = '\0';
	i += count(p + i, len - i);

	if (i < len && p[i] == '"') {
		const char *from = p + i + 1, *end = memchr(from, '"', len - i - 1);

		if (!end || (size_t)(end - from) >= sizeof(r->argument))
			return false;
		memcpy(r->argument, from, end - from);
		r->argument[end - from] = '\0';
		i = end + 1 - p;
		i += count(p + i, len - i);
	}
	if (!n || i == len || p[i] != ']')
		return false;
	i++;
	i += count(p + i, len - i);
	return i == len || p[i] == ';' || p[i] == '#';
}

static int on_key(void *arg, const char *section, const char *key, const char *value)
{
	struct reader *r = arg;

	(void)section;
	/* One line of ours is one of inih's: whatever it splits, it may not. */
	if (r->keys++ || !key[0] || !value)
		return 0;
	return !give(r, key, value);
}

static int take_key(struct reader *r, const char *p, size_t len)
{
	char line[PROBE];

	if (len > r->longest) {
		snprintf(r->limit, sizeof(r->limit),
			 "this line has more than %zu octets (a list may be repeated)",
			 r->longest);
		say(r, "", r->limit);
		return -EINVAL;
	}
	memcpy(line, p, len);
	line[len] = '\0';
	r->keys = 0;
	r->wrong = NULL;
	if (!ini_parse_string(line, on_key, r))
		return 0;
	if (!r->wrong)
		say(r, "", "this is neither 'key = value' nor a [section]");
	return -EINVAL;
}

static int take_line(struct reader *r, const char *p, size_t len)
{
	size_t skip = count(p, len);

	p += skip;
	len -= skip;
	while (len && is_space(p[len - 1]))
		len--;
	if (!len || *p == '#' || *p == ';')
		return 0;
	if (memchr(p, '\0', len)) {
		say(r, "", "there is a NUL octet in this line");
		return -EINVAL;
	}
	if (*p != '[')
		return take_key(r, p, len);
	if (take_section(r, p, len))
		return give(r, NULL, NULL);
	say(r, "", "a section looks like this: [name] or [name \"argument\"]");
	return -EINVAL;
}

static int on_probe(void *arg, const char *section, const char *key, const char *value)
{
	size_t *longest = arg;

	(void)section;
	(void)key;
	if (!*longest)
		*longest = 2 + strlen(value);
	return 1;
}

/* The longest line that this inih takes whole: it is built with another limit here and
 * there, and does not tell.
 */
static size_t find_longest(void)
{
	char line[PROBE];
	size_t longest = 0;

	memset(line, 'x', sizeof(line));
	line[1] = '=';
	line[sizeof(line) - 1] = '\0';
	ini_parse_string(line, on_probe, &longest);
	return longest;
}

int ini_read_text(const char *file, const char *text, size_t len, ini_line_fn fn, void *arg,
		  char *why, size_t why_size)
{
	struct reader r = {
		.file = file, .longest = find_longest(), .fn = fn, .arg = arg,
		.why = why, .why_size = why_size,
	};
	size_t pos = 0;
	int err = 0;

	/* What some editors begin a file with. */
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		pos = 3;
	while (pos < len && !err) {
		const char *p = text + pos, *end = memchr(p, '\n', len - pos);
		size_t n = end ? (size_t)(end - p) : len - pos;

		r.number++;
		err = take_line(&r, p, n);
		pos += n + 1;
	}
	return err;
}

static int cannot(const char *path, int err, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s cannot be read: %s", path, strerror(err));
	return -err;
}

static int read_whole(int fd, const char *path, char **text, size_t *len, char *why,
		      size_t why_size)
{
	size_t size = 0;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return cannot(path, errno, why, why_size);
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, why_size, "%s is no file", path);
		return -EINVAL;
	}
	/* It may grow meanwhile. */
	for (*len = 0; *len <= INI_FILE_MAX; *len += n) {
		if (*len == size) {
			char *more;

			size = size ? 2 * size : 4096;
			more = realloc(*text, size);
			if (!more)
				return cannot(path, ENOMEM, why, why_size);
			*text = more;
		}
		n = read(fd, *text + *len, size - *len);
		if (n < 0)
			return cannot(path, errno, why, why_size);
		if (!n)
			return 0;
	}
	snprintf(why, why_size, "%s is larger than %u octets", path, INI_FILE_MAX);
	return -EFBIG;
}

int ini_read_file(const char *path, ini_line_fn fn, void *arg, char *why, size_t why_size)
{
	/* Of a FIFO, nobody may ever have the other end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), err;
	char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return cannot(path, errno, why, why_size);
	err = read_whole(fd, path, &text, &len, why, why_size);
	close(fd);
	if (!err)
		err = ini_read_text(path, text, len, fn, arg, why, why_size);
	free(text);
	return err;
}

static int is_dropin(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	/* Neither hidden ones nor what editors and packages leave behind. */
	return d->d_name[0] != '.' && n > strlen(DROPIN) &&
	       !strcmp(d->d_name + n - strlen(DROPIN), DROPIN);
}

/* alphasort() would have it as the locale has it. */
static int by_octets(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int ini_read_dropins(const char *path, ini_line_fn fn, void *arg, char *why, size_t why_size)
{
	struct dirent **list = NULL;
	char *dir, *file;
	int i, n, err = 0;

	if (asprintf(&dir, "%s.d", path) < 0)
		return cannot(path, ENOMEM, why, why_size);
	n = scandir(dir, &list, is_dropin, by_octets);
	if (n < 0 && errno != ENOENT)
		err = cannot(dir, errno, why, why_size);
	for (i = 0; i < n; i++) {
		if (!err && asprintf(&file, "%s/%s", dir, list[i]->d_name) < 0) {
			err = cannot(dir, ENOMEM, why, why_size);
		} else if (!err) {
			err = ini_read_file(file, fn, arg, why, why_size);
			free(file);
		}
		free(list[i]);
	}
	free(list);
	free(dir);
	return err;
}
