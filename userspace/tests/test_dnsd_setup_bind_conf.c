// SPDX-License-Identifier: GPL-2.0-or-later
/* BIND's configuration as "named-checkconf -px" prints it. */
#include "test.h"

#include <errno.h>

#include "../btmm-dnsd/setup_bind_conf.h"

/* Of Debian 12, as its packages leave it. */
static const char debian[] =
	"options {\n"
	"\tdirectory \"/var/cache/bind\";\n"
	"\tlisten-on-v6  {\n\t\t\"any\";\n\t};\n"
	"\tdnssec-validation auto;\n"
	"};\n"
	"zone \".\" {\n\ttype hint;\n\tfile \"/usr/share/dns/root.hints\";\n};\n"
	"zone \"localhost\" {\n\ttype master;\n\tfile \"/etc/bind/db.local\";\n};\n"
	"zone \"127.in-addr.arpa\" {\n\ttype master;\n\tfile \"/etc/bind/db.127\";\n};\n";

static const char ours[] =
	"options {\n"
	"\tdirectory \"/var/cache/bind\";\n"
	"\tlisten-on port 5300  {\n\t\t127.0.0.1/32;\n\t};\n"
	"\tlisten-on-v6  {\n\t\t\"none\";\n\t};\n"
	"\tnotify-rate 1000;\n"
	"\trecursion no;\n"
	"};\n"
	"key \"frontend.ns.alice.example.com\" {\n\talgorithm \"hmac-sha256\";\n"
	"\tsecret \"????????????????\";\n};\n"
	"zone \"Alice.example.com.\" {\n\ttype primary;\n"
	"\tupdate-policy {\n\t\tgrant \"frontend\" zonesub \"ANY\";\n\t};\n};\n";

static struct net_addr addr(const char *text)
{
	struct net_addr a;

	assert_null(net_from_text(text, true, &a));
	return a;
}

static void stock(void **state)
{
	struct bind_conf c;
	size_t pos = 0;

	(void)state;
	assert_int_equal(bind_conf_read(debian, &c), 0);
	assert_true(c.has_options);
	assert_false(c.has_views);
	assert_int_equal(c.options.n, 3);
	assert_int_equal(c.zones.n, 3);
	assert_true(bind_conf_is_stock(&c));
	assert_true(bind_conf_has_zone(&c, "localhost"));
	assert_true(bind_conf_has_zone(&c, "."));
	assert_false(bind_conf_has_zone(&c, "local"));
	assert_string_equal(bind_conf_option(&c, "listen-on-v6", &pos), "listen-on-v6 { any; }");
	assert_null(bind_conf_option(&c, "listen-on-v6", &pos));
	pos = 0;
	assert_null(bind_conf_option(&c, "listen-on", &pos));
	bind_conf_free(&c);
}

static void after_setup(void **state)
{
	struct bind_conf c;
	size_t pos = 0;

	(void)state;
	assert_int_equal(bind_conf_read(ours, &c), 0);
	assert_false(bind_conf_is_stock(&c));
	/* The last dot and the case of a name mean nothing. */
	assert_true(bind_conf_has_zone(&c, "alice.example.com"));
	assert_int_equal(c.zones.n, 1);
	assert_string_equal(bind_conf_option(&c, "notify-rate", &pos), "notify-rate 1000");
	assert_true(bind_conf_listens(&c, 5300));
	assert_false(bind_conf_listens(&c, 53));
	bind_conf_free(&c);
}

static void views(void **state)
{
	static const char text[] =
		"view \"inside\" IN {\n\tmatch-clients { 10.0.0.0/8; };\n"
		"\tzone \"a.example.com\" { type primary; file \"x\"; };\n"
		"\tzone \"b.example.com\" IN { type primary; file \"}\"; };\n};\n"
		"acl \"x\" { 192.0.2.1; { 192.0.2.2; }; };\n";
	struct bind_conf c;

	(void)state;
	assert_int_equal(bind_conf_read(text, &c), 0);
	assert_true(c.has_views);
	assert_false(c.has_options);
	assert_false(bind_conf_is_stock(&c));
	assert_int_equal(c.zones.n, 2);
	assert_true(bind_conf_has_zone(&c, "b.example.com"));
	bind_conf_free(&c);
}

static void port_53(void **state)
{
	static const struct {
		const char *options, *ours;
		bool takes;
	} cases[] = {
		/* Without a word, all addresses. */
		{ "", "192.0.2.1:53", true },
		{ "", "[2001:db8::1]:53", true },
		{ "listen-on { none; };", "192.0.2.1:53", false },
		{ "listen-on { none; };", "[2001:db8::1]:53", true },
		{ "listen-on { any; };", "192.0.2.1:53", true },
		{ "listen-on port 5300 { any; };", "192.0.2.1:53", false },
		{ "listen-on { 127.0.0.1; };", "192.0.2.1:53", false },
		{ "listen-on { 127.0.0.0/8; };", "192.0.2.1:53", false },
		{ "listen-on { 127.0.0.1/32; 192.0.2.1/32; };", "192.0.2.1:53", true },
		{ "listen-on { 192.0.2.2; };", "192.0.2.1:53", false },
		{ "listen-on { 192.0.2.2; };", "0.0.0.0:53", true },
		/* Nets, names and negations may mean anything. */
		{ "listen-on { 192.0.2.0/24; };", "192.0.2.1:53", true },
		{ "listen-on { office; };", "192.0.2.1:53", true },
		{ "listen-on { !192.0.2.1; any; };", "192.0.2.1:53", true },
		{ "listen-on port 5300 { any; }; listen-on { 192.0.2.1; };", "192.0.2.1:53", true },
		{ "listen-on-v6 { ::1; };", "[2001:db8::1]:53", false },
		{ "listen-on-v6 { 2001:db8::1; };", "[2001:db8::1]:53", true },
		{ "listen-on-v6 { any; }; listen-on { none; };", "192.0.2.1:53", false },
	};
	char text[256];
	struct bind_conf c;
	struct net_addr a;
	struct buf said = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		snprintf(text, sizeof(text), "options { %s };", cases[i].options);
		assert_int_equal(bind_conf_read(text, &c), 0);
		a = addr(cases[i].ours);
		if (bind_conf_takes_53(&c, &a, 1, &said) != cases[i].takes)
			fail_msg("%s and %s", cases[i].options, cases[i].ours);
		assert_int_equal(said.len != 0, cases[i].takes);
		buf_free(&said);
		bind_conf_free(&c);
	}
}

static void local_port(void **state)
{
	static const struct {
		const char *options;
		unsigned int port;
		bool listens;
	} cases[] = {
		{ "listen-on port 5300 { 127.0.0.1; };", 5300, true },
		{ "listen-on port 5300 { any; };", 5300, true },
		{ "listen-on port 5300 { localhost; };", 5300, true },
		{ "listen-on port 5300 { 192.0.2.1; };", 5300, false },
		{ "listen-on port 5300 { none; };", 5300, false },
		{ "listen-on { 127.0.0.1; };", 53, true },
		{ "listen-on port 5300 { 127.0.0.1; };", 5301, false },
		{ "listen-on-v6 port 5300 { any; };", 5300, false },
		{ "", 53, false },
	};
	char text[256];
	struct bind_conf c;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		snprintf(text, sizeof(text), "options { %s };", cases[i].options);
		assert_int_equal(bind_conf_read(text, &c), 0);
		if (bind_conf_listens(&c, cases[i].port) != cases[i].listens)
			fail_msg("%s and %u", cases[i].options, cases[i].port);
		bind_conf_free(&c);
	}
}

/* Whatever is cut off is told, and nothing is read beyond the end. */
static void broken(void **state)
{
	size_t len = strlen(ours), cut;
	struct bind_conf c;
	char *copy;
	int r, whole = 0;

	(void)state;
	for (cut = 0; cut < len; cut++) {
		copy = exact_copy(ours, cut + 1);
		copy[cut] = '\0';
		r = bind_conf_read(copy, &c);
		assert_true(!r || r == -EBADMSG);
		whole += !r;
		bind_conf_free(&c);
		free(copy);
	}
	/* At the ends of three statements, with and without what white space follows. */
	assert_in_range(whole, 3, 8);
	assert_int_equal(bind_conf_read("options { a; } }", &c), -EBADMSG);
	bind_conf_free(&c);
	assert_int_equal(bind_conf_read("}", &c), -EBADMSG);
	bind_conf_free(&c);
	assert_int_equal(bind_conf_read("", &c), 0);
	bind_conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stock),
		cmocka_unit_test(after_setup),
		cmocka_unit_test(views),
		cmocka_unit_test(port_53),
		cmocka_unit_test(local_port),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
