// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "book.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/text/number.h"

#define BOOK_MAX	(1U << 20)	/* octets */
#define WORDS		6

void book_free(struct book *b)
{
	free(b->v);
	b->v = NULL;
	b->n = 0;
}

struct book_host *book_find(const struct book *b, const uint8_t *name)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		if (dname_equal(b->v[i].name, name))
			return &b->v[i];
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct book_host *x = a, *y = b;
	char s[DNAME_TEXT_MAX], t[DNAME_TEXT_MAX];

	return strcmp(dname_to_text(x->name, s), dname_to_text(y->name, t));
}

int book_put(struct book *b, const struct book_host *h)
{
	struct book_host *there = book_find(b, h->name), *v;

	if (!there) {
		v = reallocarray(b->v, b->n + 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		b->v = v;
		there = &v[b->n++];
	}
	*there = *h;
	dname_lower(there->name);
	qsort(b->v, b->n, sizeof(*b->v), compare);
	return 0;
}

bool book_remove(struct book *b, const uint8_t *name)
{
	struct book_host *h = book_find(b, name);

	if (!h)
		return false;
	b->n--;
	memmove(h, h + 1, (size_t)(b->v + b->n - h) * sizeof(*h));
	return true;
}

/* --- text -------------------------------------------------------------------------- */

static const char *read_words(char *line, struct book_host *h)
{
	char *word[WORDS + 1], *rest = NULL;
	size_t n, len;

	memset(h, 0, sizeof(*h));
	for (n = 0; n <= WORDS; n++) {
		word[n] = strtok_r(n ? NULL : line, " \t", &rest);
		if (!word[n])
			break;
	}
	if (n != WORDS)
		return "six words are wanted: NAME ALGORITHM GENERATION SERIAL ISSUED ENDS";
	if (dname_from_text(word[0], h->name))
		return "the name is none";
	h->algorithm = tsig_algorithm_from_text(word[1]);
	if (!h->algorithm)
		return "the algorithm is not known";
	if (text_to_bytes(word[2], h->generation, sizeof(h->generation), &len) ||
	    len != sizeof(h->generation))
		return "the generation has not 32 hexadecimal digits";
	if (strlen(word[3]) >= sizeof(h->serial))
		return "the serial number is too long";
	strcpy(h->serial, word[3]);
	if (text_to_uint(word[4], 0, INT64_MAX, &h->issued) ||
	    text_to_uint(word[5], 0, INT64_MAX, &h->ends))
		return "a time is no number";
	return NULL;
}

const char *book_read(const char *text, struct book *out, unsigned int *line)
{
	const char *why = NULL, *end;
	struct book_host h;
	char copy[2048];
	size_t len;

	memset(out, 0, sizeof(*out));
	*line = 0;
	for (; *text && !why; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		len = (size_t)(end - text);
		++*line;
		if (!len || *text == '#')
			continue;
		if (len >= sizeof(copy)) {
			why = "the line is too long";
			break;
		}
		memcpy(copy, text, len);
		copy[len] = '\0';
		why = read_words(copy, &h);
		if (!why && book_find(out, h.name))
			why = "this host is there twice";
		if (!why && book_put(out, &h))
			why = "there is no memory for it";
	}
	if (why)
		book_free(out);
	return why;
}

char *book_write(const struct book *b)
{
	char *text = NULL, name[DNAME_TEXT_MAX], generation[2 * KEYS_GENERATION + 1];
	size_t size, i;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fputs("# Written by btmm-ctl: NAME ALGORITHM GENERATION SERIAL ISSUED ENDS\n", f);
	for (i = 0; i < b->n; i++) {
		const struct book_host *h = &b->v[i];

		text_from_bytes(h->generation, sizeof(h->generation), generation);
		fprintf(f, "%s %s %s %s %" PRIu64 " %" PRIu64 "\n", dname_to_text(h->name, name),
			tsig_algorithm_name(h->algorithm), generation, h->serial, h->issued,
			h->ends);
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

/* --- the file ---------------------------------------------------------------------- */

static void path_in(const char *dir, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/" BOOK_FILE, dir);
}

int book_load(const char *dir, struct book *out, char why[STORE_WHY])
{
	char path[PATH_MAX], *text = malloc(BOOK_MAX);
	unsigned int line = 1;
	const char *bad;
	size_t len;
	int err;

	memset(out, 0, sizeof(*out));
	path_in(dir, path);
	if (!text) {
		snprintf(why, STORE_WHY, "%.512s: out of memory", path);
		return -ENOMEM;
	}
	err = store_read(path, text, BOOK_MAX, &len, why);
	if (!err) {
		bad = strlen(text) == len ? book_read(text, out, &line) : "there is a NUL in it";
		if (bad) {
			snprintf(why, STORE_WHY, "%.512s:%u: %.256s", path, line, bad);
			err = -EINVAL;
		}
	}
	free(text);
	return err == -ENOENT ? 0 : err;
}

int book_save(const char *dir, const struct book *b, char why[STORE_WHY])
{
	struct store_owner keep = { (uid_t)-1, (gid_t)-1 };
	char path[PATH_MAX], *text = book_write(b);
	int err;

	path_in(dir, path);
	if (!text) {
		snprintf(why, STORE_WHY, "%.512s: out of memory", path);
		return -ENOMEM;
	}
	err = store_write(path, text, strlen(text), keep, true, why);
	free(text);
	return err;
}
