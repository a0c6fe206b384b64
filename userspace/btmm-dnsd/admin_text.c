// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin_text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

int why_set(struct why *why, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return code;
}

static bool buf_room(struct buf *b, size_t more)
{
	size_t size = b->size ? b->size : 256;
	char *p;

	if (b->failed)
		return false;
	if (b->p && more < b->size - b->len)
		return true;

	while (size - b->len <= more)
		size *= 2;
	/* Not realloc(): it would leave a copy of a key behind. */
	p = malloc(size);
	if (!p) {
		b->failed = true;
		return false;
	}
	if (b->p) {
		memcpy(p, b->p, b->len);
		explicit_bzero(b->p, b->size);
		free(b->p);
	}
	p[b->len] = '\0';
	b->p = p;
	b->size = size;
	return true;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	if (!buf_room(b, len))
		return;
	memcpy(b->p + b->len, data, len);
	b->len += len;
	b->p[b->len] = '\0';
}

void buf_add(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !buf_room(b, (size_t)n))
		return;

	va_start(ap, fmt);
	vsnprintf(b->p + b->len, b->size - b->len, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_free(struct buf *b)
{
	if (b->p) {
		explicit_bzero(b->p, b->size);
		free(b->p);
	}
	*b = (struct buf){ 0 };
}

const char *buf_text(const struct buf *b)
{
	return b->p ? b->p : "";
}

bool buf_equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && !memcmp(buf_text(a), buf_text(b), a->len);
}

/* The line at @p: its length without the line's end; *next is behind it. */
static size_t line_at(const char *p, const char **next)
{
	size_t len = strcspn(p, "\n");

	*next = p + len + (p[len] == '\n');
	return len;
}

/* Is the line at @p "@comment btmm @what NAME"? NAME's place, or NULL. */
static const char *mark_at(const char *p, size_t len, const char *comment, const char *what,
			   size_t *name_len)
{
	char head[32];
	size_t head_len;

	snprintf(head, sizeof(head), "%s btmm %s ", comment, what);
	head_len = strlen(head);
	if (len <= head_len || strncmp(p, head, head_len))
		return NULL;
	while (len && isspace((unsigned char)p[len - 1]))
		len--;
	*name_len = len > head_len ? len - head_len : 0;
	return p + head_len;
}

static bool is_mark(const char *p, size_t len, const char *comment, const char *what,
		    const char *name)
{
	size_t name_len;
	const char *at = mark_at(p, len, comment, what, &name_len);

	return at && name_len == strlen(name) && !strncmp(at, name, name_len);
}

/* Finds a block: the whole of it in start..end, what it holds in body..body_end. */
struct block {
	const char *start, *body, *body_end, *end;
};

static bool block_find(const char *in, const char *comment, const char *name, struct block *b)
{
	const char *p, *next;
	size_t len;

	*b = (struct block){ 0 };
	for (p = in; *p; p = next) {
		len = line_at(p, &next);
		if (!b->start) {
			if (is_mark(p, len, comment, "begin", name)) {
				b->start = p;
				b->body = next;
			}
		} else if (is_mark(p, len, comment, "end", name)) {
			b->body_end = p;
			b->end = next;
			return true;
		}
	}
	b->body_end = p;
	b->end = p;
	return b->start;
}

bool block_get(const char *in, const char *comment, const char *name, struct buf *out)
{
	struct block b;

	if (!block_find(in, comment, name, &b))
		return false;
	buf_put(out, b.body, (size_t)(b.body_end - b.body));
	return true;
}

void block_set(const char *in, const char *comment, const char *name, const char *body,
	       struct buf *out)
{
	struct block b;

	if (!block_find(in, comment, name, &b)) {
		b.start = in + strlen(in);
		b.end = b.start;
	}
	buf_put(out, in, (size_t)(b.start - in));
	if (body) {
		if (out->len && out->p[out->len - 1] != '\n')
			buf_put(out, "\n", 1);
		buf_add(out, "%s btmm begin %s\n%s%s btmm end %s\n", comment, name, body,
			comment, name);
	}
	buf_put(out, b.end, strlen(b.end));
}

bool block_next(const char *in, const char *comment, size_t *pos, char *name, size_t size)
{
	const char *p = in + *pos, *next, *at;
	size_t len, name_len;

	for (; *p; p = next) {
		len = line_at(p, &next);
		at = mark_at(p, len, comment, "begin", &name_len);
		if (!at || name_len >= size)
			continue;
		memcpy(name, at, name_len);
		name[name_len] = '\0';
		*pos = (size_t)(next - in);
		return true;
	}
	return false;
}

bool text_has_line(const char *text, const char *line)
{
	const char *p, *next;
	size_t len, want = strlen(line);

	for (p = text; *p; p = next) {
		len = line_at(p, &next);
		while (len && isspace((unsigned char)*p)) {
			p++;
			len--;
		}
		while (len && isspace((unsigned char)p[len - 1]))
			len--;
		if (len == want && !strncmp(p, line, len))
			return true;
	}
	return false;
}

static void copy_line(const char *p, size_t len, char *out, size_t size)
{
	if (len >= size)
		len = size - 1;
	memcpy(out, p, len);
	out[len] = '\0';
}

bool text_first_difference(const char *a, const char *b, unsigned int *line,
			   char *in_a, char *in_b, size_t size)
{
	const char *next_a, *next_b;
	size_t len_a, len_b;

	for (*line = 1; *a || *b; ++*line, a = next_a, b = next_b) {
		len_a = line_at(a, &next_a);
		len_b = line_at(b, &next_b);
		if (*a && *b && len_a == len_b && !strncmp(a, b, len_a))
			continue;
		copy_line(a, len_a, in_a, size);
		copy_line(b, len_b, in_b, size);
		return true;
	}
	return false;
}

bool zone_text_later(const char *zone, uint32_t least, struct buf *out)
{
	const char *end, *p = strstr(zone, "SOA");
	unsigned long serial;
	uint32_t later;
	char *behind;
	int i;

	end = zone + strcspn(zone, "\n");
	if (!p || p >= end)
		return false;
	/* Over SOA, the server's name and the mailbox. */
	for (i = 0; i < 3; i++) {
		p += strcspn(p, " \t\n");
		p += strspn(p, " \t");
	}
	if (!isdigit((unsigned char)*p))
		return false;
	serial = strtoul(p, &behind, 10);
	if (serial > UINT32_MAX || (*behind != ' ' && *behind != '\t'))
		return false;
	later = (uint32_t)serial + SERIAL_LEAP;
	/* Serial numbers go round, RFC 1982. */
	if ((int32_t)(least - later) > 0)
		later = least;
	buf_put(out, zone, (size_t)(p - zone));
	buf_add(out, "%u%s", later, behind);
	return true;
}

void base64_text(const uint8_t *data, size_t len, char *out)
{
	EVP_EncodeBlock((unsigned char *)out, data, (int)len);
}

const char *name_text(const uint8_t *name, char out[DNAME_TEXT_MAX])
{
	size_t len;

	dname_to_text(name, out);
	len = strlen(out);
	if (len > 1 && out[len - 1] == '.')
		out[len - 1] = '\0';
	return out;
}

#define SECRET_TEXT	(4 * ((TSIG_SECRET_MAX + 2) / 3) + 1)

void key_line(const struct tsig_key *key, struct buf *out)
{
	char name[DNAME_TEXT_MAX], secret[SECRET_TEXT];

	base64_text(key->secret, key->secret_len, secret);
	buf_add(out, "%s %s %s\n", name_text(key->name, name),
		tsig_algorithm_name(key->algorithm), secret);
	explicit_bzero(secret, sizeof(secret));
}

void key_bind_form(const struct tsig_key *key, struct buf *out)
{
	char name[DNAME_TEXT_MAX], secret[SECRET_TEXT];

	base64_text(key->secret, key->secret_len, secret);
	buf_add(out, "key \"%s\" {\n\talgorithm %s;\n\tsecret \"%s\";\n};\n",
		name_text(key->name, name), tsig_algorithm_name(key->algorithm), secret);
	explicit_bzero(secret, sizeof(secret));
}
