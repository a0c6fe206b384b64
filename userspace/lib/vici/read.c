// SPDX-License-Identifier: GPL-2.0-or-later
#include "message.h"

#include <errno.h>
#include <string.h>

#include "../text/number.h"

bool vici_is(struct vici_span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.p, text, s.len);
}

long vici_frame(const uint8_t *buf, size_t len, struct vici_span *packet)
{
	size_t n;

	if (len < VICI_LENGTH)
		return 0;
	n = (size_t)buf[0] << 24 | (size_t)buf[1] << 16 | (size_t)buf[2] << 8 | buf[3];
	if (!n)
		return -EBADMSG;
	if (n > VICI_MAX)
		return -EMSGSIZE;
	if (len - VICI_LENGTH < n)
		return 0;
	*packet = (struct vici_span){ buf + VICI_LENGTH, n };
	return (long)(VICI_LENGTH + n);
}

static bool take(struct vici_span *from, size_t n, struct vici_span *out)
{
	if (from->len < n)
		return false;
	*out = (struct vici_span){ from->p, n };
	from->p += n;
	from->len -= n;
	return true;
}

static bool take_name(struct vici_span *from, struct vici_span *out)
{
	struct vici_span n;

	return take(from, 1, &n) && take(from, n.p[0], out);
}

static bool take_value(struct vici_span *from, struct vici_span *out)
{
	struct vici_span n;

	return take(from, 2, &n) && take(from, (size_t)n.p[0] << 8 | n.p[1], out);
}

void vici_reader_init(struct vici_reader *r, struct vici_span body)
{
	*r = (struct vici_reader){ .left = body };
}

static bool take_element(struct vici_reader *r, struct vici_item *out)
{
	struct vici_span kind;

	if (!take(&r->left, 1, &kind))
		return false;
	*out = (struct vici_item){ .kind = (enum vici_element)kind.p[0] };
	switch (kind.p[0]) {
	case VICI_SECTION:
		return !r->in_list && ++r->depth <= VICI_DEPTH && take_name(&r->left, &out->name);
	case VICI_SECTION_END:
		return !r->in_list && r->depth--;
	case VICI_PAIR:
		return !r->in_list && take_name(&r->left, &out->name) &&
		       take_value(&r->left, &out->value);
	case VICI_LIST:
		if (r->in_list)
			return false;
		r->in_list = true;
		return take_name(&r->left, &out->name);
	case VICI_ITEM:
		return r->in_list && take_value(&r->left, &out->value);
	case VICI_LIST_END:
		if (!r->in_list)
			return false;
		r->in_list = false;
		return true;
	default:
		return false;
	}
}

bool vici_next(struct vici_reader *r, struct vici_item *out)
{
	if (r->failed)
		return false;
	if (!r->left.len) {
		r->failed = r->depth || r->in_list;
		return false;
	}
	if (!take_element(r, out))
		r->failed = true;
	return !r->failed;
}

void vici_skip(struct vici_reader *r)
{
	unsigned int outside = r->in_list ? r->depth : r->depth - 1;
	struct vici_item e;

	if (!r->in_list && !r->depth)
		return;
	while ((r->in_list || r->depth != outside) && vici_next(r, &e))
		;
}

static bool well_formed(struct vici_span body)
{
	struct vici_reader r;
	struct vici_item e;

	vici_reader_init(&r, body);
	while (vici_next(&r, &e))
		;
	return !r.failed;
}

int vici_read(struct vici_span in, struct vici_packet *out)
{
	struct vici_span type;

	*out = (struct vici_packet){ 0 };
	if (!take(&in, 1, &type) || type.p[0] > VICI_EVENT)
		return -EBADMSG;
	out->type = (enum vici_type)type.p[0];
	switch (out->type) {
	case VICI_CMD_REQUEST:
	case VICI_EVENT_REGISTER:
	case VICI_EVENT_UNREGISTER:
	case VICI_EVENT:
		if (!take_name(&in, &out->name))
			return -EBADMSG;
		break;
	default:
		break;
	}
	out->body = in;
	return well_formed(in) ? 0 : -EBADMSG;
}

bool vici_find(struct vici_span body, const char *key, struct vici_span *value)
{
	struct vici_reader r;
	struct vici_item e;

	vici_reader_init(&r, body);
	while (vici_next(&r, &e)) {
		if (e.kind == VICI_SECTION || e.kind == VICI_LIST) {
			vici_skip(&r);
		} else if (e.kind == VICI_PAIR && vici_is(e.name, key)) {
			*value = e.value;
			return true;
		}
	}
	return false;
}

bool vici_number(struct vici_span s, unsigned int base, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	size_t i;

	if (!s.len)
		return false;
	for (i = 0; i < s.len; i++) {
		/* -1 is more than any base. */
		unsigned int d = (unsigned int)text_hex_digit((char)s.p[i]);

		if (d >= base || n > (max - d) / base)
			return false;
		n = n * base + d;
	}
	*out = n;
	return true;
}

void vici_text(struct vici_span s, char *out, size_t size)
{
	size_t i;

	for (i = 0; i < s.len && i + 1 < size; i++)
		out[i] = s.p[i] >= ' ' && s.p[i] <= '~' ? (char)s.p[i] : '?';
	out[i] = '\0';
}
