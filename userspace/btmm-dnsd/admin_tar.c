// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin_tar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK	512

/* POSIX.1-1988, "ustar" */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type;
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], rest[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

static unsigned int sum_of(const struct header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned int sum = 0;
	size_t i;

	/* The sum's own place counts as spaces. */
	for (i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : p[i];
	return sum;
}

/* The name in two parts, at a slash. */
static int put_name(struct header *h, const char *name)
{
	size_t len = strlen(name);
	const char *slash = name;

	if (len <= sizeof(h->name)) {
		memcpy(h->name, name, len);
		return 0;
	}
	while ((slash = strchr(slash + 1, '/'))) {
		if ((size_t)(slash - name) > sizeof(h->prefix))
			break;
		len = strlen(slash + 1);
		if (!len || len > sizeof(h->name))
			continue;
		memcpy(h->prefix, name, (size_t)(slash - name));
		memcpy(h->name, slash + 1, len);
		return 0;
	}
	return -ENAMETOOLONG;
}

int tar_put(struct buf *out, const char *name, mode_t mode, time_t when, const void *data,
	    size_t len)
{
	static const char zeros[BLOCK];
	struct header h = { .type = '0' };
	int err = put_name(&h, name);

	if (err)
		return err;
	if (len > 077777777777)
		return -EFBIG;
	memcpy(h.magic, "ustar", 6);
	memcpy(h.version, "00", 2);
	snprintf(h.mode, sizeof(h.mode), "%07o", (unsigned int)mode & 07777);
	memcpy(h.uid, "0000000", 7);
	memcpy(h.gid, "0000000", 7);
	strcpy(h.user, "root");
	strcpy(h.group, "root");
	snprintf(h.size, sizeof(h.size), "%011llo", (unsigned long long)len);
	snprintf(h.mtime, sizeof(h.mtime), "%011llo",
		 (unsigned long long)when & 077777777777ULL);
	snprintf(h.sum, sizeof(h.sum), "%06o", sum_of(&h));
	h.sum[7] = ' ';

	buf_put(out, &h, sizeof(h));
	buf_put(out, data, len);
	if (len % BLOCK)
		buf_put(out, zeros, BLOCK - len % BLOCK);
	return out->failed ? -ENOMEM : 0;
}

void tar_end(struct buf *out)
{
	static const char zeros[2 * BLOCK];

	buf_put(out, zeros, sizeof(zeros));
}

/* An octal number, ended by a space or NUL or the field's end. */
static int get_octal(const char *p, size_t size, uint64_t *out)
{
	size_t i = 0;

	*out = 0;
	while (i < size && p[i] == ' ')
		i++;
	if (i == size || p[i] < '0' || p[i] > '7')
		return -EBADMSG;
	for (; i < size && p[i] >= '0' && p[i] <= '7'; i++)
		*out = *out << 3 | (uint64_t)(p[i] - '0');
	return i == size || !p[i] || p[i] == ' ' ? 0 : -EBADMSG;
}

static bool is_empty(const struct header *h)
{
	const char *p = (const char *)h;
	size_t i;

	for (i = 0; i < BLOCK && !p[i]; i++)
		;
	return i == BLOCK;
}

static void get_name(const struct header *h, char *out, size_t size)
{
	int prefix = (int)strnlen(h->prefix, sizeof(h->prefix));

	snprintf(out, size, "%.*s%s%.*s", prefix, h->prefix, prefix ? "/" : "",
		 (int)strnlen(h->name, sizeof(h->name)), h->name);
}

int tar_next(const char *tar, size_t len, size_t *pos, struct tar_file *out)
{
	uint64_t size, mode, sum;
	struct header h;

	for (;;) {
		if (len - *pos < BLOCK)
			return -EBADMSG;
		memcpy(&h, tar + *pos, BLOCK);
		if (is_empty(&h))
			return 0;
		if (memcmp(h.magic, "ustar", 5) || get_octal(h.sum, sizeof(h.sum), &sum) ||
		    sum != sum_of(&h) || get_octal(h.size, sizeof(h.size), &size) ||
		    get_octal(h.mode, sizeof(h.mode), &mode))
			return -EBADMSG;
		*pos += BLOCK;
		if (size > len - *pos)
			return -EBADMSG;
		out->data = tar + *pos;
		out->len = (size_t)size;
		out->mode = (mode_t)mode & 07777;
		get_name(&h, out->name, sizeof(out->name));
		size = (size + BLOCK - 1) / BLOCK * BLOCK;
		if (size > len - *pos)
			return -EBADMSG;
		*pos += (size_t)size;
		if (h.type == '0' || !h.type)
			return 1;
	}
}
