// SPDX-License-Identifier: GPL-2.0-or-later
#include "message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void raw(struct vici_writer *w, const void *data, size_t len)
{
	if (w->failed || w->size - w->len < len) {
		w->failed = true;
		return;
	}
	if (len)
		memcpy(w->buf + w->len, data, len);
	w->len += len;
}

static void octet(struct vici_writer *w, uint8_t v)
{
	raw(w, &v, 1);
}

static void name(struct vici_writer *w, const char *s)
{
	size_t len = strlen(s);

	if (len > VICI_NAME)
		w->failed = true;
	octet(w, (uint8_t)len);
	raw(w, s, len);
}

static void value(struct vici_writer *w, const void *data, size_t len)
{
	if (len > VICI_VALUE)
		w->failed = true;
	octet(w, (uint8_t)(len >> 8));
	octet(w, (uint8_t)len);
	raw(w, data, len);
}

void vici_begin(struct vici_writer *w, uint8_t *buf, size_t size, enum vici_type type,
		const char *s)
{
	*w = (struct vici_writer){ .buf = buf, .size = size > VICI_MAX ? VICI_MAX : size };
	octet(w, (uint8_t)type);
	if (s)
		name(w, s);
}

/* What stands in a list are items only. */
static void outside_list(struct vici_writer *w)
{
	if (w->in_list)
		w->failed = true;
}

void vici_section(struct vici_writer *w, const char *s)
{
	outside_list(w);
	if (++w->depth > VICI_DEPTH)
		w->failed = true;
	octet(w, VICI_SECTION);
	name(w, s);
}

void vici_section_end(struct vici_writer *w)
{
	outside_list(w);
	if (!w->depth)
		w->failed = true;
	else
		w->depth--;
	octet(w, VICI_SECTION_END);
}

void vici_list(struct vici_writer *w, const char *s)
{
	outside_list(w);
	w->in_list = true;
	octet(w, VICI_LIST);
	name(w, s);
}

void vici_list_end(struct vici_writer *w)
{
	if (!w->in_list)
		w->failed = true;
	w->in_list = false;
	octet(w, VICI_LIST_END);
}

void vici_put(struct vici_writer *w, const char *key, const void *data, size_t len)
{
	outside_list(w);
	octet(w, VICI_PAIR);
	name(w, key);
	value(w, data, len);
}

void vici_put_text(struct vici_writer *w, const char *key, const char *s)
{
	vici_put(w, key, s, strlen(s));
}

void vici_put_number(struct vici_writer *w, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	vici_put_text(w, key, text);
}

void vici_put_item(struct vici_writer *w, const void *data, size_t len)
{
	if (!w->in_list)
		w->failed = true;
	octet(w, VICI_ITEM);
	value(w, data, len);
}

void vici_put_item_text(struct vici_writer *w, const char *s)
{
	vici_put_item(w, s, strlen(s));
}

void vici_put_list(struct vici_writer *w, const char *s, const char *v)
{
	vici_list(w, s);
	vici_put_item_text(w, v);
	vici_list_end(w);
}

size_t vici_end(struct vici_writer *w)
{
	if (w->depth || w->in_list)
		w->failed = true;
	return w->failed ? 0 : w->len;
}
