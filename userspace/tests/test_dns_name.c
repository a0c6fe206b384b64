// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "../lib/dns/name.h"
#include "../lib/dns/siphash.h"

/* The name that @text says; good until it is called eight more times. */
static uint8_t *name(const char *text)
{
	static uint8_t names[8][DNAME_MAX];
	static unsigned int next;
	uint8_t *out = names[next++ % 8];

	assert_null(dname_from_text(text, out));
	return out;
}

static void text_forms(void **state)
{
	static const struct {
		const char *in, *wire, *out;
	} cases[] = {
		{ ".", "", "." },
		{ "example.com", "\7example\3com", "example.com." },
		{ "example.com.", "\7example\3com", "example.com." },
		{ "a", "\1a", "a." },
		{ "EXample.Com", "\7EXample\3Com", "EXample.Com." },
		{ "a\\.b.c", "\3a.b\1c", "a\\.b.c." },
		{ "a\\\\b.c", "\3a\\b\1c", "a\\\\b.c." },
		{ "My\\032Mac.example", "\6My Mac\7example", "My\\032Mac.example." },
		{ "My Mac", "\6My Mac", "My\\032Mac." },
		{ "\\097.b", "\1a\1b", "a.b." },
		{ "\\b.c", "\1b\1c", "b.c." },
		{ "\\255.\\127", "\1\xff\1\x7f", "\\255.\\127." },
		{ "caf\xc3\xa9", "\5caf\xc3\xa9", "caf\\195\\169." },
		{ "\\\".\\(.\\).\\;.@.$", "\1\"\1(\1)\1;\1@\1$",
		  "\\\".\\(.\\).\\;.\\@.\\$." },
		{ "*._udp", "\1*\4_udp", "*._udp." },
		{ "a.\\.", "\1a\1.", "a.\\.." },
		{ "\\.", "\1.", "\\.." },
	};
	uint8_t wire[DNAME_MAX];
	char text[DNAME_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		size_t len = strlen(cases[i].wire) + 1;

		assert_null(dname_from_text(cases[i].in, wire));
		assert_int_equal(dname_len(wire), len);
		assert_memory_equal(wire, cases[i].wire, len);
		assert_string_equal(dname_to_text(wire, text), cases[i].out);
		/* and back */
		assert_null(dname_from_text(text, wire));
		assert_memory_equal(wire, cases[i].wire, len);
	}

	/* \000 cannot stand in the table */
	assert_null(dname_from_text("a\\000b", wire));
	assert_memory_equal(wire, "\3a\0b", 5);
	assert_string_equal(dname_to_text(wire, text), "a\\000b.");
}

static void bad_text(void **state)
{
	static const struct {
		const char *in, *why;
	} cases[] = {
		{ "", "empty" }, { "..", "empty" }, { ".a", "empty" },
		{ "a..b", "empty" }, { "a..", "empty" }, { "...", "empty" },
		{ "a\\", "backslash" }, { "a\\1", "backslash" },
		{ "a\\12", "backslash" }, { "a\\12x", "backslash" },
		{ "a\\256", "backslash" }, { "a\\999", "backslash" },
	};
	uint8_t wire[DNAME_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		const char *why = dname_from_text(cases[i].in, wire);

		assert_non_null(why);
		assert_non_null(strstr(why, cases[i].why));
	}
}

/* @labels labels of @each octets, in text. */
static char *long_text(size_t labels, size_t each, size_t last, bool escaped)
{
	char *s = calloc(1, (labels + 1) * (each * 4 + 1) + last * 4 + 1), *p = s;
	size_t i, j;

	assert_non_null(s);
	for (i = 0; i <= labels; i++) {
		for (j = 0; j < (i < labels ? each : last); j++)
			p += sprintf(p, "%s", escaped ? "\\001" : "x");
		if (i < labels)
			*p++ = '.';
	}
	return s;
}

static void longest(void **state)
{
	static const struct {
		size_t labels, each, last, len;
		const char *why;
	} cases[] = {
		{ 0, 0, 63, 65, NULL },
		{ 0, 0, 64, 0, "63" },
		{ 1, 64, 1, 0, "63" },
		{ 3, 63, 61, 255, NULL },
		{ 3, 63, 62, 0, "255" },
		{ 126, 1, 1, 255, NULL },
		{ 126, 1, 2, 0, "255" },
		{ 127, 1, 1, 0, "255" },
		{ 1000, 63, 1, 0, "255" },
	};
	char text[DNAME_TEXT_MAX];
	uint8_t wire[DNAME_MAX];
	size_t i, e;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		for (e = 0; e < 2; e++) {
			char *s = long_text(cases[i].labels, cases[i].each,
					    cases[i].last, e);
			const char *why = dname_from_text(s, wire);

			if (cases[i].why) {
				assert_non_null(why);
				assert_non_null(strstr(why, cases[i].why));
			} else {
				assert_null(why);
				assert_int_equal(dname_len(wire), cases[i].len);
				assert_int_equal(dname_check(wire, sizeof(wire)),
						 cases[i].len);
				dname_to_text(wire, text);
				text[strlen(text) - 1] = '\0';
				assert_string_equal(text, s);
			}
			free(s);
		}
	}
}

static void checked(void **state)
{
	static const struct {
		const char *buf;
		size_t size, len;
	} cases[] = {
		{ "", 0, 0 },
		{ "\0", 1, 1 },
		{ "\0x", 2, 1 },
		{ "\1a\0", 3, 3 },
		{ "\1a", 2, 0 },
		{ "\1", 1, 0 },
		{ "\2a\0", 3, 0 },
		{ "\3www\7example\3com\0rest", 21, 17 },
		{ "\x40", 1, 0 },
		{ "\xc0\x0c", 2, 0 },
		{ "\1a\xc0\x0c", 4, 0 },
		{ "\x80\0", 2, 0 },
	};
	uint8_t big[300];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		uint8_t *buf = exact_copy(cases[i].buf, cases[i].size);

		assert_int_equal(dname_check(buf, cases[i].size), cases[i].len);
		free(buf);
	}

	/* 64 octets in a label; 255 and 256 octets in a name */
	memset(big, 'x', sizeof(big));
	big[0] = 64;
	big[65] = 0;
	assert_int_equal(dname_check(big, sizeof(big)), 0);
	for (i = 0; i < sizeof(big); i += 2)
		big[i] = 1;
	big[254] = 0;
	assert_int_equal(dname_check(big, sizeof(big)), 255);
	assert_int_equal(dname_check(big, 255), 255);
	assert_int_equal(dname_check(big, 254), 0);
	big[252] = 2;
	big[254] = 'x';
	big[255] = 0;
	assert_int_equal(dname_check(big, sizeof(big)), 0);
	assert_int_equal(dname_check(big, 256), 0);
}

/* RFC 1035 4.1.4's own example, octets 20 to 95 (the rest is zero). */
static void rfc1035_example(void **state)
{
	uint8_t msg[96] = { 0 }, out[DNAME_MAX];

	(void)state;
	memcpy(msg + 20, "\1F\3ISI\4ARPA\0", 12);
	memcpy(msg + 40, "\3FOO\xc0\x14", 6);
	memcpy(msg + 64, "\xc0\x1a", 2);
	msg[92] = 0;

	assert_int_equal(dname_unpack(msg, sizeof(msg), 20, out), 12);
	assert_memory_equal(out, "\1F\3ISI\4ARPA", 12);
	assert_int_equal(dname_unpack(msg, sizeof(msg), 40, out), 6);
	assert_memory_equal(out, "\3FOO\1F\3ISI\4ARPA", 16);
	assert_int_equal(dname_unpack(msg, sizeof(msg), 64, out), 2);
	assert_memory_equal(out, "\4ARPA", 6);
	assert_int_equal(dname_unpack(msg, sizeof(msg), 92, out), 1);
	assert_int_equal(out[0], 0);
}

static void bad_pointers(void **state)
{
	static const struct {
		const char *at_12;
		size_t len, pos, taken;
	} cases[] = {
		{ "\xc0\x0c", 2, 12, 0 },			/* itself */
		{ "\1a\xc0\x0c", 4, 12, 0 },			/* its own name */
		{ "\1a\xc0\x0e", 4, 12, 0 },			/* itself, later */
		{ "\xc0\x0e\xc0\x0c", 4, 14, 0 },		/* each other */
		{ "\xc0\x0e\1a\0", 5, 12, 0 },			/* forward */
		{ "\1b\xc0\x10\1a\0", 7, 12, 0 },		/* forward */
		{ "\xc0\xff", 2, 12, 0 },			/* outside */
		{ "\xff\xff", 2, 12, 0 },			/* outside, at most */
		{ "\1a\0\xc0", 4, 15, 0 },			/* cut off */
		{ "\1a\0\xc0\x0b", 5, 15, 0 },			/* into the header */
		{ "\1a\0\xc0\0", 5, 15, 0 },			/* into the header */
		{ "\1a\0\xc0\x0c", 5, 15, 2 },
		{ "\1a\0\1b\xc0\x0c", 7, 15, 4 },
		{ "\1a\0\xc0\x0c\xc0\x0f", 7, 17, 2 },		/* twice */
		{ "\1a\0\1b\xc0\x0c", 6, 15, 0 },		/* cut off */
		{ "\1a\0\1b", 5, 15, 0 },			/* no end */
		{ "\1a\0\1", 4, 15, 0 },
		{ "\1a\0", 3, 15, 0 },				/* nothing there */
		{ "\1a\0", 3, 16, 0 },
		{ "\x40" "a\0", 3, 12, 0 },
		{ "\x80" "a\0", 3, 12, 0 },
		{ "\1a\0\x40\x0c", 5, 15, 0 },		/* not quite one */
		{ "\1a\0\x80\x0c", 5, 15, 0 },
		{ "\1a\xc0\x0c\xc0\x0e", 6, 16, 0 },		/* to a loop */
		{ "\1a\3\xc0\x0e\0\0", 7, 15, 0 },		/* to what goes on behind it */
	};
	uint8_t out[DNAME_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		uint8_t *msg = malloc(12 + cases[i].len);

		assert_non_null(msg);
		memset(msg, 0, 12);
		memcpy(msg + 12, cases[i].at_12, cases[i].len);
		assert_int_equal(dname_unpack(msg, 12 + cases[i].len, cases[i].pos, out),
				 cases[i].taken);
		free(msg);
	}
}

static void long_unpacked(void **state)
{
	uint8_t msg[1024] = { 0 }, out[DNAME_MAX];
	size_t i, pos;

	(void)state;
	/* 127 labels, each with a pointer to the next: 255 octets */
	pos = 13;
	for (i = 0; i < 127; i++, pos += 4) {
		size_t next = i ? pos - 4 : 12;

		memcpy(msg + pos, "\1a", 2);
		msg[pos + 2] = (uint8_t)(0xc0 | next >> 8);
		msg[pos + 3] = (uint8_t)next;
	}
	assert_int_equal(dname_unpack(msg, pos, pos - 4, out), 4);
	assert_int_equal(dname_len(out), 255);
	assert_int_equal(dname_labels(out), 127);
	/* and one more */
	memcpy(msg + pos, "\1a", 2);
	msg[pos + 2] = (uint8_t)(0xc0 | (pos - 4) >> 8);
	msg[pos + 3] = (uint8_t)(pos - 4);
	assert_int_equal(dname_unpack(msg, pos + 4, pos, out), 0);

	/* 252 octets here, and 3 or 4 there */
	memset(msg, 0, sizeof(msg));
	memcpy(msg + 12, "\1b\0\2bb", 7);
	memset(msg + 20, 'x', 252);
	for (i = 20; i < 20 + 192; i += 64)
		msg[i] = 63;
	msg[i] = 59;
	memcpy(msg + 272, "\xc0\x0c", 2);
	assert_int_equal(dname_unpack(msg, 274, 20, out), 254);
	assert_int_equal(dname_len(out), 255);
	msg[273] = 15;
	assert_int_equal(dname_unpack(msg, 274, 20, out), 0);

	/* pointers to pointers end somewhere */
	memset(msg, 0, sizeof(msg));
	msg[14] = 0xc0;
	msg[15] = 12;
	for (pos = 16; pos < sizeof(msg); pos += 2) {
		msg[pos] = (uint8_t)(0xc0 | (pos - 2) >> 8);
		msg[pos + 1] = (uint8_t)(pos - 2);
	}
	assert_int_equal(dname_unpack(msg, sizeof(msg), 12 + 2 * 127, out), 2);
	assert_int_equal(dname_unpack(msg, sizeof(msg), 12 + 2 * 128, out), 0);
}

static void compared(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal, within;
	} cases[] = {
		{ ".", ".", true, true },
		{ "a.", ".", false, true },
		{ ".", "a.", false, false },
		{ "example.com", "EXAMPLE.com", true, true },
		{ "www.example.com", "Example.Com", false, true },
		{ "example.com", "www.example.com", false, false },
		{ "wwwexample.com", "example.com", false, false },
		{ "example.com", "example.org", false, false },
		{ "a.b.example.com", "example.com", false, true },
		{ "ab.c", "a.bc", false, false },
		/* the octets of b end a, but not at the end of a label */
		{ "x\\007example\\003com", "example.com", false, false },
		{ "xx.x\\001a", "a", false, false },
		/* only ASCII letters have case: [ and {, @ and `, é and É */
		{ "[", "{", false, false },
		{ "@", "`", false, false },
		{ "\\233", "\\201", false, false },
		{ "az", "AZ", true, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		const uint8_t *a = name(cases[i].a), *b = name(cases[i].b);
		bool within = cases[i].within, equal = cases[i].equal;

		assert_int_equal(dname_equal(a, b), equal);
		assert_int_equal(dname_equal(b, a), equal);
		assert_int_equal(dname_within(a, b), within);
		assert_int_equal(dname_below(a, b), within && !equal);
		assert_int_equal(dname_hash(a) == dname_hash(b), equal);
	}
}

static void parts(void **state)
{
	uint8_t out[DNAME_MAX], *n = name("_autotunnel._udp.host.example.com");
	char label[64];

	(void)state;
	assert_int_equal(dname_labels(n), 5);
	assert_int_equal(dname_labels(name(".")), 0);
	assert_ptr_equal(dname_skip(n, 0), n);
	assert_true(dname_equal(dname_skip(n, 2), name("host.example.com")));
	assert_true(dname_equal(dname_skip(n, 5), name(".")));
	assert_null(dname_skip(n, 6));
	assert_null(dname_skip(n, 4000000000u));

	assert_true(dname_label_is(n, "_AutoTunnel"));
	assert_false(dname_label_is(n, "_autotunne"));
	assert_false(dname_label_is(n, "_autotunnel6"));
	assert_false(dname_label_is(n, ""));
	assert_false(dname_label_is(name("."), ""));

	assert_true(dname_prefix("a.b C", 5, name("example.com"), out));
	assert_memory_equal(out, "\5a.b C\7example\3com", 19);
	assert_true(dname_prefix("x", 1, out, out));
	assert_memory_equal(out, "\1x\5a.b C\7example\3com", 21);
	assert_true(dname_prefix("x", 1, name("."), out));
	assert_memory_equal(out, "\1x", 3);
	assert_false(dname_prefix("", 0, n, out));
	memset(label, 'x', sizeof(label));
	assert_false(dname_prefix(label, 64, n, out));
	out[0] = 0;
	assert_true(dname_prefix(label, 63, out, out));
	assert_true(dname_prefix(label, 63, out, out));
	assert_true(dname_prefix(label, 63, out, out));
	assert_false(dname_prefix(label, 62, out, out));
	assert_true(dname_prefix(label, 61, out, out));
	assert_int_equal(dname_len(out), 255);
	assert_false(dname_prefix(label, 1, out, out));

	dname_lower(n);
	assert_memory_equal(n, "\13_autotunnel\4_udp\4host\7example\3com", 35);
	n = name("A\\001Z[@.\\193");
	dname_lower(n);
	assert_memory_equal(n, "\5a\1z[@\1\xc1", 9);
}

/* The table in the SipHash authors' reference code: key 00..0f, data 00..n-1. */
static void hash(void **state)
{
	static const struct {
		size_t len;
		uint64_t sum;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31 },
		{ 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 },
		{ 63, 0x958a324ceb064572 },
	};
	uint8_t key[16], data[64];
	uint64_t before;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	memcpy(key, data, sizeof(key));
	for (i = 0; i < N_OF(vectors); i++) {
		uint8_t *copy = exact_copy(data, vectors[i].len);

		assert_true(siphash24(key, copy, vectors[i].len) == vectors[i].sum);
		free(copy);
	}

	before = dname_hash(name("example.com"));
	dname_hash_init(key);
	assert_true(dname_hash(name("example.com")) != before);
	assert_true(dname_hash(name("Example.COM")) ==
		    siphash24(key, (const uint8_t *)"\7example\3com", 13));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_forms),
		cmocka_unit_test(bad_text),
		cmocka_unit_test(longest),
		cmocka_unit_test(checked),
		cmocka_unit_test(rfc1035_example),
		cmocka_unit_test(bad_pointers),
		cmocka_unit_test(long_unpacked),
		cmocka_unit_test(compared),
		cmocka_unit_test(parts),
		cmocka_unit_test(hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
