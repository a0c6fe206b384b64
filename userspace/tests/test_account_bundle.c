// SPDX-License-Identifier: GPL-2.0-or-later
/* The account's and the host's file: written, read, and everything that can be wrong. */
#include "test.h"

#include <errno.h>

#include "account_case.h"

static struct bundle account, host;
static char text[BUNDLE_TEXT_MAX];

static int setup(void **state)
{
	(void)state;
	make_account(&account);
	make_host(&account, "mini.alice.example.com", &host);
	return 0;
}

/* What stands in @text, as bundle_read() is to see it: no octet more. */
static const char *read_text(const char *t, size_t len, struct bundle *out, unsigned int *line,
			     char why[BUNDLE_WHY])
{
	char *copy = malloc(len + 1);
	const char *bad;

	assert_non_null(copy);
	memcpy(copy, t, len);
	copy[len] = '\0';
	bad = bundle_read(copy, len, out, line, why);
	free(copy);
	return bad;
}

static void same(const struct bundle *a, const struct bundle *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_true(dname_equal(a->domain, b->domain));
	assert_true(a->kind == BUNDLE_ACCOUNT || dname_equal(a->host, b->host));
	assert_true(dname_equal(a->key.name, b->key.name));
	assert_int_equal(a->key.algorithm, b->key.algorithm);
	assert_int_equal(a->key.secret_len, b->key.secret_len);
	assert_memory_equal(a->key.secret, b->key.secret, a->key.secret_len);
	assert_int_equal(a->n_pins, b->n_pins);
	assert_memory_equal(a->pins, b->pins, a->n_pins * PIN_LEN);
	assert_int_equal(a->server.len, b->server.len);
	assert_memory_equal(a->server.b, b->server.b, a->server.len);
	assert_int_equal(a->server_port, b->server_port);
	assert_string_equal(a->authority, b->authority);
	assert_string_equal(a->authority_key, b->authority_key);
	assert_string_equal(a->certificate, b->certificate);
	assert_string_equal(a->private_key, b->private_key);
}

static void there_and_back(void **state)
{
	const struct bundle *both[] = { &account, &host };
	char why[BUNDLE_WHY];
	struct bundle again;
	unsigned int line;
	size_t i, len;

	(void)state;
	for (i = 0; i < N_OF(both); i++) {
		len = bundle_write(both[i], text, sizeof(text));
		assert_true(len > 0);
		assert_int_equal(strlen(text), len);
		assert_null(read_text(text, len, &again, &line, why));
		same(both[i], &again);
	}
}

static void what_it_looks_like(void **state)
{
	static const char begins[] =
		"btmm-host 1\n"
		"domain alice.example.com\n"
		"host mini.alice.example.com\n"
		"key mini.alice.example.com hmac-sha256 "
		"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=\n"
		"pin sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
		"pin sha256////79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=\n";

	(void)state;
	bundle_write(&host, text, sizeof(text));
	assert_memory_equal(text, begins, strlen(begins));
	assert_non_null(strstr(text, "\nserver 192.0.2.1:853\nauthority\n-----BEGIN CERTIFICATE"));
	assert_non_null(strstr(text, "-----END PRIVATE KEY-----\nend\n"));
}

/* A text with one thing changed; @to NULL: the line that holds @from is left out. */
static void change(const struct bundle *b, const char *from, const char *to)
{
	size_t len = bundle_write(b, text, sizeof(text));
	char *at = strstr(text, from), *rest;

	assert_non_null(at);
	rest = at + strlen(from);
	if (!to) {
		while (at > text && at[-1] != '\n')
			at--;
		rest = strchr(rest, '\n') + 1;
		to = "";
	}
	assert_true(len + strlen(to) < sizeof(text));
	memmove(at + strlen(to), rest, strlen(rest) + 1);
	memcpy(at, to, strlen(to));
}

static void expect(unsigned int wanted_line, const char *wanted)
{
	char why[BUNDLE_WHY];
	struct bundle out;
	unsigned int line;
	const char *bad = read_text(text, strlen(text), &out, &line, why);

	if (!bad || strcmp(bad, wanted) || line != wanted_line)
		fail_msg("line %u: '%s' instead of line %u: '%s'", line, bad ? bad : "(good)",
			 wanted_line, wanted);
	/* Nothing is left of what was read before. */
	assert_int_equal(out.key.secret_len, 0);
	assert_int_equal(out.private_key[0], 0);
}

static void what_is_wrong(void **state)
{
	static const struct {
		const char *from, *to;
		unsigned int line;
		const char *wanted;
	} cases[] = {
		{ "btmm-host 1", "btmm-host 2", 1,
		  "this is of version 2, and this program reads version 1" },
		{ "btmm-host 1", "btmm-host one", 1, "a version is wanted behind 'btmm-host'" },
		{ "btmm-host 1", "hello", 1,
		  "the first line is neither 'btmm-host 1' nor 'btmm-account 1'" },
		{ "domain alice.example.com", NULL, 0, "a line 'domain' is missing" },
		{ "domain alice.example.com", "domain com", 2,
		  "domain has to have two labels or more" },
		{ "domain alice.example.com", "domain bob.example.com", 0,
		  "the host is not called by one label and the domain" },
		{ "domain alice.example.com", "domain example.com", 0,
		  "the host is not called by one label and the domain" },
		{ "domain alice.example.com", "domain", 2, "the value of 'domain' is missing" },
		{ "host mini.", "host midi.", 0, "the key is not called like the host" },
		{ "host mini.alice.example.com", "host mini.alice.example.com\nhost x", 4,
		  "there is a second line 'host'" },
		{ "hmac-sha256", "hmac-sha1", 4, "key: the algorithm is none of hmac-sha256, "
		  "hmac-sha512 and hmac-md5" },
		{ "ZGVm", "ZGV%", 4, "key: the secret is not in base64" },
		{ "pin sha256//AAEC", "pin sha1//AAEC", 5,
		  "pin does not begin with sha256//" },
		{ "pin sha256//AAEC", "pin sha256//", 5,
		  "pin has other than 44 characters of base64 behind sha256//" },
		{ "server 192.0.2.1:853", "server here", 7,
		  "server: this is no IPv4 or IPv6 address" },
		{ "authority\n", "authority x\n", 8, "behind 'authority' nothing may stand" },
		{ "authority\n-----BEGIN", "authority\n----BEGIN", 9,
		  "-----BEGIN CERTIFICATE----- is wanted here" },
		{ "-----END PRIVATE KEY-----", "", 33, "-----END PRIVATE KEY----- is missing" },
		{ "\nend\n", "\n", 0, "the line 'end' is missing: a part of the file is lost" },
		{ "\nend\n", "\nend\nmore\n", 36, "something stands behind the line 'end'" },
		{ "private-key\n", "authority-key\n", 32,
		  "this line begins with a word that is not known here" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		change(&host, cases[i].from, cases[i].to);
		expect(cases[i].line, cases[i].wanted);
	}
	change(&account, "key _account.", "key _other.");
	expect(0, "the key is not called _account and the domain");
	change(&account, "domain alice.example.com", "domain alice.example.com\nhost x");
	expect(3, "this line begins with a word that is not known here");
	strcpy(text, "");
	expect(1, "the file is empty");
}

static void names_of_hosts(void **state)
{
	(void)state;
	make_host(&account, "autotunnel-1.alice.example.com", &host);
	bundle_write(&host, text, sizeof(text));
	expect(0, "the host's name begins as the names of tunnels do");
	make_host(&account, "a.b.alice.example.com", &host);
	bundle_write(&host, text, sizeof(text));
	expect(0, "the host is not called by one label and the domain");
	setup(NULL);
}

static void comments_and_order(void **state)
{
	char why[BUNDLE_WHY];
	struct bundle again;
	unsigned int line;

	(void)state;
	change(&host, "domain alice.example.com\n", "# a word\n\n");
	assert_true(strlen(text) + 64 < sizeof(text));
	strcpy(strstr(text, "\nend\n"), "\ndomain ALICE.example.com.  \r\nend\n\n");
	assert_null(read_text(text, strlen(text), &again, &line, why));
	same(&host, &again);
}

static void every_cut_and_octet(void **state)
{
	size_t len = bundle_write(&host, text, sizeof(text)), i;
	char why[BUNDLE_WHY];
	struct bundle again;
	unsigned int line;

	(void)state;
	for (i = 0; i + 1 < len; i++)
		assert_non_null(read_text(text, i, &again, &line, why));
	for (i = 0; i < len; i++) {
		char was = text[i];

		text[i] = '\0';
		assert_non_null(read_text(text, len, &again, &line, why));
		text[i] = was;
	}
}

static void no_room(void **state)
{
	size_t len = bundle_write(&host, text, sizeof(text)), i;

	(void)state;
	for (i = 0; i <= len; i++) {
		char *small = malloc(i ? i : 1);

		assert_non_null(small);
		assert_int_equal(bundle_write(&host, small, i), 0);
		free(small);
	}
	assert_int_equal(bundle_write(&host, text, len + 1), len);
}

static void servers(void **state)
{
	static const struct {
		const char *text;
		uint8_t len, last;
		uint16_t port;
	} good[] = {
		{ "192.0.2.7", 4, 7, 853 },
		{ "192.0.2.7:8853", 4, 7, 8853 },
		{ "2001:db8::9", 16, 9, 853 },
		{ "[2001:db8::9]", 16, 9, 853 },
		{ "[2001:db8::9]:53", 16, 9, 53 },
	};
	static const char *const bad[] = {
		"", "192.0.2.7:", "192.0.2.7:0", "[192.0.2.7]", "2001:db8::9:x", "ns.example.com",
		"[]", "0.0.0.0",
	};
	struct addr addr;
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		assert_null(bundle_server_read(good[i].text, &addr, &port));
		assert_int_equal(addr.len, good[i].len);
		assert_int_equal(addr.b[addr.len - 1], good[i].last);
		assert_int_equal(port, good[i].port);
	}
	for (i = 0; i < N_OF(bad); i++)
		assert_non_null(bundle_server_read(bad[i], &addr, &port));
}

static void base64(void **state)
{
	/* RFC 4648 10 */
	static const char *const vectors[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm9v=", "====", "Z===", "Zg==Zg==", "Zm 9v",
	};
	char out[BASE64_SIZE(6)];
	uint8_t buf[6];
	size_t i, len;

	(void)state;
	for (i = 0; i < N_OF(vectors); i++) {
		size_t n = strlen(vectors[i][0]);

		base64_write((const uint8_t *)vectors[i][0], n, out);
		assert_string_equal(out, vectors[i][1]);
		assert_int_equal(base64_read(out, buf, n, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(buf, vectors[i][0], n);
		if (n)
			assert_int_equal(base64_read(out, buf, n - 1, &len), -ENOSPC);
	}
	for (i = 0; i < N_OF(bad); i++)
		assert_int_equal(base64_read(bad[i], buf, sizeof(buf), &len), -EINVAL);
}

/* What btmm-dnsd and its clients must agree on for ever: computed independently. */
static void a_host_key(void **state)
{
	static const uint8_t wanted[32] = {
		0xa5, 0xf0, 0x20, 0x2d, 0x46, 0x6c, 0x4b, 0x8b,
		0x14, 0xa6, 0x3a, 0xde, 0x95, 0x12, 0x6b, 0x34,
		0x3c, 0xda, 0x8f, 0x1e, 0x3a, 0xc1, 0x5e, 0x33,
		0x3a, 0x42, 0x39, 0x48, 0x19, 0xba, 0x71, 0x8d,
	};
	uint8_t generation[KEYS_GENERATION], rdata[32], back[KEYS_GENERATION];
	enum tsig_algorithm algorithm;
	struct tsig_key key;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(generation); i++)
		generation[i] = (uint8_t)(0xa0 + i);
	assert_int_equal(keys_derive_host(&account.key, host.host, TSIG_HMAC_SHA256, generation,
					  &key), 0);
	assert_int_equal(key.secret_len, 32);
	assert_memory_equal(key.secret, wanted, 32);
	assert_true(dname_equal(key.name, host.host));

	assert_int_equal(keys_enrolled_write(TSIG_HMAC_SHA256, generation, rdata), 18);
	assert_int_equal(rdata[0], 1);
	assert_int_equal(rdata[1], TSIG_HMAC_SHA256);
	assert_true(keys_enrolled_read(rdata, 18, &algorithm, back));
	assert_memory_equal(back, generation, sizeof(back));
	assert_false(keys_enrolled_read(rdata, 17, &algorithm, back));
	tsig_key_wipe(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_it_looks_like),
		cmocka_unit_test(what_is_wrong),
		cmocka_unit_test(names_of_hosts),
		cmocka_unit_test(comments_and_order),
		cmocka_unit_test(every_cut_and_octet),
		cmocka_unit_test(no_room),
		cmocka_unit_test(servers),
		cmocka_unit_test(base64),
		cmocka_unit_test(a_host_key),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
