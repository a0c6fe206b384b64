// SPDX-License-Identifier: GPL-2.0-or-later
#include "name.h"

#include <string.h>

#include "siphash.h"

#define POINTER		0xc0
#define HEADER		12

/*
 * A name has at most 127 labels, so nobody needs more pointers than that. The
 * limit keeps a message of pointers to pointers from costing their square.
 */
#define POINTERS_MAX	127

static uint8_t hash_key[16];

/* ASCII only, whatever the locale says. */
static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Lengths of labels are below 'A', so they compare like letters do. */
static bool equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

size_t dname_len(const uint8_t *name)
{
	size_t len = 0;

	while (name[len])
		len += 1 + name[len];
	return len + 1;
}

unsigned int dname_labels(const uint8_t *name)
{
	unsigned int n = 0;

	for (; *name; name += 1 + *name)
		n++;
	return n;
}

size_t dname_check(const uint8_t *buf, size_t size)
{
	size_t pos = 0;

	if (size > DNAME_MAX)
		size = DNAME_MAX;

	while (pos < size) {
		if (!buf[pos])
			return pos + 1;
		if (buf[pos] > DLABEL_MAX)
			return 0;
		pos += 1 + buf[pos];
	}
	return 0;
}

size_t dname_unpack(const uint8_t *msg, size_t msg_len, size_t pos,
		    uint8_t out[DNAME_MAX])
{
	size_t start = pos, limit = pos, taken = 0, len = 0;
	unsigned int pointers = 0;

	while (pos < msg_len) {
		uint8_t c = msg[pos];

		if (!c) {
			out[len] = 0;
			return taken ? taken : pos + 1 - start;
		}

		if (c <= DLABEL_MAX) {
			/* One octet has to be left for the end. */
			if (c >= msg_len - pos || len + 1 + c >= DNAME_MAX)
				return 0;
			memcpy(out + len, msg + pos, 1 + c);
			len += 1 + c;
			pos += 1 + c;
			continue;
		}

		if ((c & POINTER) != POINTER || msg_len - pos < 2 ||
		    ++pointers > POINTERS_MAX)
			return 0;
		if (!taken)
			taken = pos + 2 - start;
		pos = (size_t)(c & ~POINTER) << 8 | msg[pos + 1];
		/* Before all that was read so far: hence never around. What it points to
		 * ends there, too: who copies a section has all that its names are made of.
		 */
		if (pos >= limit || pos < HEADER)
			return 0;
		msg_len = limit;
		limit = pos;
	}
	return 0;
}

/* One octet of text, escaped or not. Returns what follows, NULL on error. */
static const char *text_octet(const char *s, uint8_t *out)
{
	unsigned int i, n = 0;

	if (*s != '\\') {
		*out = (uint8_t)*s;
		return s + 1;
	}

	s++;
	if (!*s)
		return NULL;
	if (*s < '0' || *s > '9') {
		*out = (uint8_t)*s;
		return s + 1;
	}
	for (i = 0; i < 3; i++, s++) {
		if (*s < '0' || *s > '9')
			return NULL;
		n = 10 * n + (unsigned int)(*s - '0');
	}
	if (n > 255)
		return NULL;
	*out = (uint8_t)n;
	return s;
}

const char *dname_from_text(const char *text, uint8_t out[DNAME_MAX])
{
	size_t label = 0, len = 1;

	if (!*text)
		return "the name is empty";
	if (!strcmp(text, ".")) {
		out[0] = 0;
		return NULL;
	}

	/* out[label] becomes the length of what is from there to out[len]. */
	while (*text) {
		uint8_t c;

		if (*text == '.') {
			if (len == label + 1)
				return "a label is empty";
			out[label] = (uint8_t)(len - label - 1);
			label = len++;
			text++;
			continue;
		}
		text = text_octet(text, &c);
		if (!text)
			return "a backslash is not followed by a character or by 000 to 255";
		if (len - label - 1 == DLABEL_MAX)
			return "a label is longer than 63 octets";
		/* Behind this octet, there has to be room for the end. */
		if (len + 1 >= DNAME_MAX)
			return "the name is longer than 255 octets";
		out[len++] = c;
	}

	if (len > label + 1) {
		out[label] = (uint8_t)(len - label - 1);
		label = len;
	}
	out[label] = 0;
	return NULL;
}

static char *octet_to_text(uint8_t c, char *p)
{
	/* These mean something else in a zone file. */
	if (c && strchr(".\\\"();@$", c)) {
		*p++ = '\\';
	} else if (c <= ' ' || c > '~') {
		*p++ = '\\';
		*p++ = (char)('0' + c / 100);
		*p++ = (char)('0' + c / 10 % 10);
		*p++ = (char)('0' + c % 10);
		return p;
	}
	*p++ = (char)c;
	return p;
}

const char *dname_to_text(const uint8_t *name, char out[DNAME_TEXT_MAX])
{
	char *p = out;

	if (!*name)
		*p++ = '.';
	while (*name) {
		unsigned int n = *name++;

		while (n--)
			p = octet_to_text(*name++, p);
		*p++ = '.';
	}
	*p = '\0';
	return out;
}

void dname_lower(uint8_t *name)
{
	size_t i, len = dname_len(name);

	for (i = 0; i < len; i++)
		name[i] = lower(name[i]);
}

bool dname_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = dname_len(a);

	return len == dname_len(b) && equal(a, b, len);
}

bool dname_within(const uint8_t *name, const uint8_t *parent)
{
	size_t len = dname_len(name), parent_len = dname_len(parent);

	while (len > parent_len) {
		len -= 1 + *name;
		name += 1 + *name;
	}
	return len == parent_len && equal(name, parent, len);
}

bool dname_below(const uint8_t *name, const uint8_t *parent)
{
	return dname_len(name) > dname_len(parent) && dname_within(name, parent);
}

const uint8_t *dname_skip(const uint8_t *name, unsigned int n)
{
	for (; n; n--) {
		if (!*name)
			return NULL;
		name += 1 + *name;
	}
	return name;
}

bool dname_prefix(const char *label, size_t len, const uint8_t *parent,
		  uint8_t out[DNAME_MAX])
{
	size_t parent_len = dname_len(parent);

	if (!len || len > DLABEL_MAX || 1 + len + parent_len > DNAME_MAX)
		return false;

	/* @parent may stand in @out. */
	memmove(out + 1 + len, parent, parent_len);
	memcpy(out + 1, label, len);
	out[0] = (uint8_t)len;
	return true;
}

bool dname_label_is(const uint8_t *name, const char *label)
{
	size_t len = strlen(label);

	return len && *name == len && equal(name + 1, (const uint8_t *)label, len);
}

void dname_hash_init(const uint8_t key[16])
{
	memcpy(hash_key, key, sizeof(hash_key));
}

uint64_t dname_hash(const uint8_t *name)
{
	uint8_t copy[DNAME_MAX];
	size_t i, len = dname_len(name);

	for (i = 0; i < len; i++)
		copy[i] = lower(name[i]);
	return siphash24(hash_key, copy, len);
}
