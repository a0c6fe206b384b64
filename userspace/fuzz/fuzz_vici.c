// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What charon may send: a stream of packets. What is read from a message and written
 * again is the same octets, and the walker never leaves it.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/vici/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static const char *text(struct vici_span s, char *buf)
{
	memcpy(buf, s.p, s.len);
	buf[s.len] = '\0';
	return buf;
}

static bool has_nul(struct vici_span s)
{
	return s.len && memchr(s.p, 0, s.len);
}

static void put(struct vici_writer *w, const struct vici_item *e)
{
	char buf[VICI_NAME + 1];

	switch (e->kind) {
	case VICI_SECTION:
		vici_section(w, text(e->name, buf));
		break;
	case VICI_SECTION_END:
		vici_section_end(w);
		break;
	case VICI_PAIR:
		vici_put(w, text(e->name, buf), e->value.p, e->value.len);
		break;
	case VICI_LIST:
		vici_list(w, text(e->name, buf));
		break;
	case VICI_ITEM:
		vici_put_item(w, e->value.p, e->value.len);
		break;
	case VICI_LIST_END:
		vici_list_end(w);
		break;
	}
}

static void again(struct vici_span whole, const struct vici_packet *p)
{
	uint8_t *out = malloc(whole.len);
	char buf[VICI_NAME + 1];
	struct vici_writer w;
	struct vici_reader r;
	struct vici_item e;
	bool named = p->body.p > whole.p + 1;

	must(out != NULL);
	if (has_nul(p->name)) {
		free(out);
		return;
	}
	vici_begin(&w, out, whole.len, p->type, named ? text(p->name, buf) : NULL);
	vici_reader_init(&r, p->body);
	while (vici_next(&r, &e)) {
		/* Our writer's names are strings. */
		if (has_nul(e.name)) {
			free(out);
			return;
		}
		put(&w, &e);
	}
	must(!r.failed);
	must(vici_end(&w) == whole.len && !memcmp(out, whole.p, whole.len));
	free(out);
}

static void skip_all(struct vici_span body)
{
	struct vici_span value;
	struct vici_reader r;
	struct vici_item e;
	char line[32];
	uint64_t n;

	vici_reader_init(&r, body);
	while (vici_next(&r, &e)) {
		if (e.kind == VICI_SECTION || e.kind == VICI_LIST)
			vici_skip(&r);
		else
			must(e.kind == VICI_PAIR);
		must(!r.depth && !r.in_list);
	}
	must(!r.failed);
	if (vici_find(body, "success", &value)) {
		vici_text(value, line, sizeof(line));
		must(strlen(line) < sizeof(line));
		if (vici_number(value, 10, UINT32_MAX, &n))
			must(n <= UINT32_MAX);
		if (vici_number(value, 16, UINT64_MAX, &n))
			must(value.len >= 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vici_packet p;
	struct vici_span in;
	long n;

	while ((n = vici_frame(data, size, &in)) > 0) {
		must((size_t)n <= size && in.p + in.len == data + n);
		if (!vici_read(in, &p)) {
			again(in, &p);
			skip_all(p.body);
		}
		data += n;
		size -= (size_t)n;
	}
	return 0;
}
