// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/vici/message.h"

/* The example of the protocol's own description: all that a message can hold. */
static const uint8_t example[] =
	"\0\1a"				/* CMD_REQUEST "a" */
	"\3\4key1\0\6value1"
	"\1\10section1"
	"\1\13sub-section"
	"\3\4key2\0\6value2"
	"\2"
	"\4\5list1\5\0\5item1\5\0\5item2\6"
	"\2";

#define EXAMPLE	(sizeof(example) - 1)

static struct vici_span span(const void *p, size_t len)
{
	return (struct vici_span){ p, len };
}

static int read_copy(const void *data, size_t len)
{
	struct vici_packet p;
	void *copy = exact_copy(data, len);
	int ret = vici_read(span(copy, len), &p);

	free(copy);
	return ret;
}

static void written(void **state)
{
	struct vici_writer w;
	uint8_t buf[128];
	size_t size;

	(void)state;
	for (size = EXAMPLE; size <= EXAMPLE; size--) {
		vici_begin(&w, buf, size, VICI_CMD_REQUEST, "a");
		vici_put_text(&w, "key1", "value1");
		vici_section(&w, "section1");
		vici_section(&w, "sub-section");
		vici_put(&w, "key2", "value2", 6);
		vici_section_end(&w);
		vici_list(&w, "list1");
		vici_put_item_text(&w, "item1");
		vici_put_item(&w, "item2", 5);
		vici_list_end(&w);
		vici_section_end(&w);
		if (size == EXAMPLE) {
			assert_int_equal(vici_end(&w), EXAMPLE);
			assert_memory_equal(buf, example, EXAMPLE);
		} else {
			assert_int_equal(vici_end(&w), 0);
		}
	}
}

static void read_back(void **state)
{
	static const enum vici_element kinds[] = {
		VICI_PAIR, VICI_SECTION, VICI_SECTION, VICI_PAIR, VICI_SECTION_END,
		VICI_LIST, VICI_ITEM, VICI_ITEM, VICI_LIST_END, VICI_SECTION_END,
	};
	struct vici_packet p;
	struct vici_reader r;
	struct vici_item e;
	size_t i;

	(void)state;
	assert_int_equal(vici_read(span(example, EXAMPLE), &p), 0);
	assert_int_equal(p.type, VICI_CMD_REQUEST);
	assert_true(vici_is(p.name, "a"));
	vici_reader_init(&r, p.body);
	for (i = 0; vici_next(&r, &e); i++) {
		assert_true(i < N_OF(kinds));
		assert_int_equal(e.kind, kinds[i]);
		if (i == 3) {
			assert_true(vici_is(e.name, "key2"));
			assert_true(vici_is(e.value, "value2"));
		}
		if (i == 7)
			assert_true(vici_is(e.value, "item2"));
	}
	assert_int_equal(i, N_OF(kinds));
	assert_false(r.failed);
}

static void skipping(void **state)
{
	struct vici_packet p;
	struct vici_span v;
	struct vici_reader r;
	struct vici_item e;

	(void)state;
	assert_int_equal(vici_read(span(example, EXAMPLE), &p), 0);
	assert_true(vici_find(p.body, "key1", &v));
	assert_true(vici_is(v, "value1"));
	/* It is there, but in a section. */
	assert_false(vici_find(p.body, "key2", &v));

	vici_reader_init(&r, p.body);
	assert_true(vici_next(&r, &e) && vici_next(&r, &e) && e.kind == VICI_SECTION);
	assert_true(vici_next(&r, &e) && e.kind == VICI_SECTION);
	vici_skip(&r);
	assert_true(vici_next(&r, &e) && e.kind == VICI_LIST);
	vici_skip(&r);
	assert_true(vici_next(&r, &e) && e.kind == VICI_SECTION_END);
	assert_false(vici_next(&r, &e));
	assert_false(r.failed);
	/* Outside of everything there is nothing to skip. */
	vici_reader_init(&r, p.body);
	vici_skip(&r);
	assert_true(vici_next(&r, &e) && e.kind == VICI_PAIR);
}

static void refused(void **state)
{
	size_t len;

	(void)state;
	for (len = 0; len < EXAMPLE; len++) {
		/* The packet may end after its name, and after a pair outside of sections. */
		if (len == 3 || len == 17)
			assert_int_equal(read_copy(example, len), 0);
		else
			assert_int_equal(read_copy(example, len), -EBADMSG);
	}
	assert_int_equal(read_copy("\10", 1), -EBADMSG);		/* no such type */
	assert_int_equal(read_copy("\1\7", 2), -EBADMSG);		/* no such element */
	assert_int_equal(read_copy("\1\0", 2), -EBADMSG);
	assert_int_equal(read_copy("\1\2", 2), -EBADMSG);	/* ends what did not begin */
	assert_int_equal(read_copy("\1\6", 2), -EBADMSG);
	assert_int_equal(read_copy("\1\5\0\0", 4), -EBADMSG);		/* item outside */
	assert_int_equal(read_copy("\1\4\0\4\0\6\6", 7), -EBADMSG);	/* list in a list */
	assert_int_equal(read_copy("\1\4\0\3\0\0\0\6", 8), -EBADMSG);	/* pair in a list */
	assert_int_equal(read_copy("\1\4\0\1\0\2\6", 7), -EBADMSG);	/* section in a list */
	assert_int_equal(read_copy("\1\4\0\2\6", 5), -EBADMSG);
	assert_int_equal(read_copy("\1", 1), 0);
}

static void deep(void **state)
{
	uint8_t buf[256];
	struct vici_writer w;
	unsigned int depth, i;

	(void)state;
	for (depth = VICI_DEPTH; depth <= VICI_DEPTH + 1; depth++) {
		vici_begin(&w, buf, sizeof(buf), VICI_CMD_RESPONSE, NULL);
		for (i = 0; i < depth; i++)
			vici_section(&w, "s");
		for (i = 0; i < depth; i++)
			vici_section_end(&w);
		assert_int_equal(vici_end(&w), depth == VICI_DEPTH ? 1 + 4 * depth : 0);
		assert_int_equal(read_copy(buf, w.len), depth == VICI_DEPTH ? 0 : -EBADMSG);
	}
}

static void misuse(void **state)
{
	static char big[VICI_VALUE + 2];
	static uint8_t buf[100000];
	struct vici_writer w;

	(void)state;
	memset(big, 'x', VICI_VALUE + 1);
	vici_begin(&w, buf, sizeof(buf), VICI_CMD_REQUEST, "c");
	vici_put(&w, "k", big, VICI_VALUE);
	assert_int_not_equal(vici_end(&w), 0);
	vici_put(&w, "k", big, VICI_VALUE + 1);
	assert_int_equal(vici_end(&w), 0);

	big[VICI_NAME + 1] = '\0';
	vici_begin(&w, buf, sizeof(buf), VICI_CMD_REQUEST, big + 1);
	assert_int_not_equal(vici_end(&w), 0);
	vici_begin(&w, buf, sizeof(buf), VICI_CMD_REQUEST, big);
	assert_int_equal(vici_end(&w), 0);

	vici_begin(&w, buf, sizeof(buf), VICI_CMD_REQUEST, "c");
	vici_section(&w, "s");
	assert_int_equal(vici_end(&w), 0);
	vici_begin(&w, buf, sizeof(buf), VICI_CMD_REQUEST, "c");
	vici_section_end(&w);
	assert_int_equal(vici_end(&w), 0);
	vici_begin(&w, buf, sizeof(buf), VICI_CMD_REQUEST, "c");
	vici_list_end(&w);
	assert_int_equal(vici_end(&w), 0);
	vici_begin(&w, buf, sizeof(buf), VICI_CMD_REQUEST, "c");
	vici_put_item_text(&w, "i");
	assert_int_equal(vici_end(&w), 0);
	vici_begin(&w, buf, sizeof(buf), VICI_CMD_REQUEST, "c");
	vici_list(&w, "l");
	vici_put_number(&w, "n", 1);
	vici_list_end(&w);
	assert_int_equal(vici_end(&w), 0);
}

static void frames(void **state)
{
	static const uint8_t stream[] = { 0, 0, 0, 2, 1, 9, 0, 0, 0, 1, 5 };
	static const uint8_t none[] = { 0, 0, 0, 0 }, most[] = { 0, 8, 0, 0 };
	static const uint8_t more[] = { 0, 8, 0, 1 };
	struct vici_span p;
	size_t len;

	(void)state;
	for (len = 0; len < 6; len++)
		assert_int_equal(vici_frame(stream, len, &p), 0);
	for (; len <= sizeof(stream); len++) {
		assert_int_equal(vici_frame(stream, len, &p), 6);
		assert_ptr_equal(p.p, stream + 4);
		assert_int_equal(p.len, 2);
	}
	assert_int_equal(vici_frame(stream + 6, 5, &p), 5);
	assert_int_equal(p.len, 1);
	assert_int_equal(vici_frame(none, 4, &p), -EBADMSG);
	assert_int_equal(vici_frame(most, 4, &p), 0);
	assert_int_equal(vici_frame(more, 4, &p), -EMSGSIZE);
}

static bool number(const char *s, unsigned int base, uint64_t max, uint64_t *n)
{
	return vici_number(span(s, strlen(s)), base, max, n);
}

static void values(void **state)
{
	char text[6];
	uint64_t n;

	(void)state;
	assert_true(number("4294967295", 10, UINT32_MAX, &n) && n == UINT32_MAX);
	assert_false(number("4294967296", 10, UINT32_MAX, &n));
	assert_true(number("18446744073709551615", 10, UINT64_MAX, &n) && n == UINT64_MAX);
	assert_false(number("18446744073709551616", 10, UINT64_MAX, &n));
	assert_true(number("c0fFee01", 16, UINT32_MAX, &n) && n == 0xc0ffee01);
	assert_false(number("c0", 10, UINT32_MAX, &n));
	assert_false(number("", 10, UINT32_MAX, &n));
	assert_false(number("-1", 10, UINT32_MAX, &n));
	assert_false(number("g", 16, UINT32_MAX, &n));

	vici_text(span("a\nb\377c", 5), text, sizeof(text));
	assert_string_equal(text, "a?b?c");
	vici_text(span("abcdefgh", 8), text, sizeof(text));
	assert_string_equal(text, "abcde");
	vici_text(span(NULL, 0), text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(read_back),
		cmocka_unit_test(skipping),
		cmocka_unit_test(refused),
		cmocka_unit_test(deep),
		cmocka_unit_test(misuse),
		cmocka_unit_test(frames),
		cmocka_unit_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
