// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin_tar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK		512
#define LONG_NAME	"././@LongLink"

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

static void put_header(struct buf *out, struct header *h, char type, mode_t mode, time_t when,
		       size_t len)
{
	h->type = type;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	snprintf(h->mode, sizeof(h->mode), "%07o", (unsigned int)mode & 07777);
	memcpy(h->uid, "0000000", 7);
	memcpy(h->gid, "0000000", 7);
	strcpy(h->user, "root");
	strcpy(h->group, "root");
	snprintf(h->size, sizeof(h->size), "%011llo", (unsigned long long)len);
	snprintf(h->mtime, sizeof(h->mtime), "%011llo",
		 (unsigned long long)when & 077777777777ULL);
	snprintf(h->sum, sizeof(h->sum), "%06o", sum_of(h));
	h->sum[7] = ' ';
	buf_put(out, h, sizeof(*h));
}

static void put_data(struct buf *out, const void *data, size_t len)
{
	static const char zeros[BLOCK];

	buf_put(out, data, len);
	if (len % BLOCK)
		buf_put(out, zeros, BLOCK - len % BLOCK);
}

int tar_put(struct buf *out, const char *name, mode_t mode, time_t when, const void *data,
	    size_t len)
{
	struct header h = { 0 }, l = { 0 };
	size_t name_len = strlen(name);

	if (len > 077777777777)
		return -EFBIG;
	if (name_len > TAR_NAME_MAX)
		return -ENAMETOOLONG;
	if (put_name(&h, name)) {
		memcpy(l.name, LONG_NAME, sizeof(LONG_NAME));
		put_header(out, &l, 'L', 0600, when, name_len + 1);
		put_data(out, name, name_len + 1);
		memcpy(h.name, name, sizeof(h.name));
	}
	put_header(out, &h, '0', mode, when, len);
	put_data(out, data, len);
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

/* A header and where what it stands for is. 1, 0 (the end), -EBADMSG. */
static int next_header(const char *tar, size_t len, size_t *pos, struct header *h,
		       struct tar_file *out)
{
	uint64_t size, mode, sum;

	if (len - *pos < BLOCK)
		return -EBADMSG;
	memcpy(h, tar + *pos, BLOCK);
	if (is_empty(h))
		return 0;
	if (memcmp(h->magic, "ustar", 5) || get_octal(h->sum, sizeof(h->sum), &sum) ||
	    sum != sum_of(h) || get_octal(h->size, sizeof(h->size), &size) ||
	    get_octal(h->mode, sizeof(h->mode), &mode))
		return -EBADMSG;
	*pos += BLOCK;
	out->data = tar + *pos;
	out->len = (size_t)size;
	out->mode = (mode_t)mode & 07777;
	if (size > len - *pos || (size + BLOCK - 1) / BLOCK * BLOCK > len - *pos)
		return -EBADMSG;
	*pos += (size_t)((size + BLOCK - 1) / BLOCK * BLOCK);
	return 1;
}

int tar_next(const char *tar, size_t len, size_t *pos, struct tar_file *out)
{
	bool long_name = false;
	struct header h;
	int r;

	while ((r = next_header(tar, len, pos, &h, out)) == 1) {
		if (h.type == 'L') {
			if (!out->len || out->len > sizeof(out->name) ||
			    out->data[out->len - 1])
				return -EBADMSG;
			memcpy(out->name, out->data, out->len);
			long_name = true;
			continue;
		}
		if (!long_name)
			get_name(&h, out->name, sizeof(out->name));
		long_name = false;
		if (h.type == '0' || !h.type)
			return 1;
	}
	return r;
}
