// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls and answers on the control socket. */
#define _GNU_SOURCE
#include "dnsd_control.h"

static void called(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	SAY(fd, "{\"method\":\"" IFACE ".Echo\",\"parameters\":{\"a\":[1,{\"b\":null}]}}");
	assert_string_equal(hear(f, fd), "{\"parameters\":{\"a\":[1,{\"b\":null}]}}");
	assert_int_equal(f->uid, geteuid());
	/* again over the same, and without parameters */
	SAY(fd, " {\"method\" : \"" IFACE ".Echo\", \"more\":false, \"oneway\":null} \n");
	assert_string_equal(hear(f, fd), "{\"parameters\":{}}");
	SAY(fd, "{\"method\":\"" IFACE ".Empty\",\"parameters\":null}");
	assert_string_equal(hear(f, fd), "{\"parameters\":{}}");
	assert_int_equal(f->calls, 2);
	close(fd);
}

static void standard_service(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	SAY(fd, "{\"method\":\"" SERVICE ".GetInfo\"}");
	assert_string_equal(hear(f, fd), "{\"parameters\":{\"vendor\":\"v\",\"product\":\"p\","
			    "\"version\":\"1\",\"url\":\"u\",\"interfaces\":[\"" SERVICE "\",\""
			    IFACE "\"]}}");
	SAY(fd, "{\"method\":\"" SERVICE ".GetInterfaceDescription\",\"parameters\":"
	    "{\"interface\":\"" IFACE "\"}}");
	assert_string_equal(hear(f, fd),
			    "{\"parameters\":{\"description\":\"interface " IFACE "\\n\"}}");
	SAY(fd, "{\"method\":\"" SERVICE ".GetInterfaceDescription\",\"parameters\":"
	    "{\"interface\":\"" SERVICE "\"}}");
	assert_non_null(strstr(hear(f, fd), "interface " SERVICE "\\n"));
	SAY(fd, "{\"method\":\"" SERVICE ".GetInterfaceDescription\",\"parameters\":"
	    "{\"interface\":\"x.y\"}}");
	assert_string_equal(hear(f, fd), "{\"error\":\"" SERVICE ".InterfaceNotFound\","
			    "\"parameters\":{\"interface\":\"x.y\"}}");
	SAY(fd, "{\"method\":\"" SERVICE ".GetInterfaceDescription\"}");
	assert_string_equal(hear(f, fd), "{\"error\":\"" SERVICE ".InvalidParameter\","
			    "\"parameters\":{\"parameter\":\"interface\"}}");
	close(fd);
}

static void errors(void **state)
{
	static const struct {
		const char *say, *hear;
	} cases[] = {
		{ "{\"method\":\"" IFACE ".Nothing\"}", "{\"error\":\"" SERVICE
		  ".MethodNotFound\",\"parameters\":{\"method\":\"" IFACE ".Nothing\"}}" },
		{ "{\"method\":\"" SERVICE ".Nothing\"}", "{\"error\":\"" SERVICE
		  ".MethodNotFound\",\"parameters\":{\"method\":\"" SERVICE ".Nothing\"}}" },
		{ "{\"method\":\"org.example.other.Echo\"}", "{\"error\":\"" SERVICE
		  ".InterfaceNotFound\",\"parameters\":{\"interface\":\"org.example.other\"}}" },
		{ "{\"method\":\"Echo\"}", "{\"error\":\"" SERVICE
		  ".InterfaceNotFound\",\"parameters\":{\"interface\":\"Echo\"}}" },
		{ "{\"method\":\"\"}", "{\"error\":\"" SERVICE
		  ".InterfaceNotFound\",\"parameters\":{\"interface\":\"\"}}" },
		{ "{\"method\":\"" IFACE ".Refuse\"}", "{\"error\":\"" SERVICE
		  ".InvalidParameter\",\"parameters\":{\"parameter\":\"how\"}}" },
		{ "{\"method\":\"" IFACE ".Refuse\",\"parameters\":{\"how\":\"NoSuch\"}}",
		  "{\"error\":\"" IFACE ".NoSuch\","
		  "\"parameters\":{\"text\":\"it is not to be\"}}" },
		{ "{\"method\":\"" IFACE ".Refuse\",\"parameters\":{\"how\":\"x.y.Z\"}}",
		  "{\"error\":\"x.y.Z\",\"parameters\":{\"text\":\"it is not to be\"}}" },
	};
	struct fixture *f = *state;
	int fd = dial(f);
	size_t i;

	for (i = 0; i < N_OF(cases); i++) {
		say(fd, cases[i].say, strlen(cases[i].say) + 1);
		assert_string_equal(hear(f, fd), cases[i].hear);
	}
	close(fd);
}

/* Who does not speak the protocol is cut; everybody else goes on. */
static void nonsense(void **state)
{
	static const char *const cases[] = {
		"", " ", "x", "{", "[]", "1", "null", "\"x\"", "{}", "{\"method\":1}",
		"{\"method\":null}", "{\"method\":\"" IFACE ".Echo\",\"parameters\":[]}",
		"{\"method\":\"" IFACE ".Echo\",\"parameters\":1}",
		"{\"method\":\"" IFACE ".Echo\",\"more\":1}",
		"{\"method\":\"" IFACE ".Echo\",\"oneway\":\"yes\"}",
		"{\"method\":\"" IFACE ".Echo\"}}", "{\"method\":\"" IFACE ".Echo\"} {}",
		"{\"method\":\"" IFACE ".Echo\",\"method\":\"" IFACE ".Echo\"}",
		"{\"method\":\"" IFACE ".Ech\\u0000o\"}", "{\"method\":\"\xff\xfe\"}",
		"GET / HTTP/1.1\r\n\r\n",
	};
	struct fixture *f = *state;
	int other = dial(f);
	char *deep;
	size_t i;
	int fd;

	for (i = 0; i < N_OF(cases); i++) {
		fd = dial(f);
		say(fd, cases[i], strlen(cases[i]) + 1);
		assert_string_equal(hear(f, fd), "");
		close(fd);
	}
	assert_int_equal(f->calls, 0);

	/* as deep as the longest message allows */
	deep = malloc(60000);
	assert_non_null(deep);
	memset(deep, '[', 60000);
	memcpy(deep, "{\"method\":", 10);
	deep[59999] = '\0';
	fd = dial(f);
	say(fd, deep, 60000);
	assert_string_equal(hear(f, fd), "");
	close(fd);
	free(deep);

	SAY(other, "{\"method\":\"" IFACE ".Empty\"}");
	assert_string_equal(hear(f, other), "{\"parameters\":{}}");
	close(other);
}

static void in_pieces(void **state)
{
	static const char text[] = "{\"method\":\"" IFACE ".Echo\",\"parameters\":{\"a\":1}}";
	struct fixture *f = *state;
	int fd = dial(f);
	size_t i;

	for (i = 0; i < sizeof(text); i++) {
		assert_int_equal(f->calls, 0);
		say(fd, text + i, 1);
		run_all(f);
	}
	assert_string_equal(hear(f, fd), "{\"parameters\":{\"a\":1}}");
	close(fd);
}

/* Many at once are answered in order, and others have their turn between them. */
static void pipelined(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f), other = dial(f);
	char text[100], want[100];
	size_t n = 0, i;
	char all[60000];

	for (i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "{\"method\":\"" IFACE
			 ".Echo\",\"parameters\":{\"i\":%zu}}", i);
		memcpy(all + n, text, strlen(text) + 1);
		n += strlen(text) + 1;
	}
	say(fd, all, n);
	SAY(other, "{\"method\":\"" IFACE ".Empty\"}");
	run_until(f, has_come(other));
	assert_true(f->calls < 100);
	for (i = 0; i < 500; i++) {
		snprintf(want, sizeof(want), "{\"parameters\":{\"i\":%zu}}", i);
		assert_string_equal(hear(f, fd), want);
	}
	assert_int_equal(f->calls, 500);
	close(fd);
	close(other);
}

static void oneway(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	SAY(fd, "{\"method\":\"" IFACE ".Echo\",\"oneway\":true}");
	SAY(fd, "{\"method\":\"" IFACE ".Nothing\",\"oneway\":true}");
	SAY(fd, "{\"method\":\"" IFACE ".Count\",\"oneway\":true,\"more\":true,"
	    "\"parameters\":{\"n\":3}}");
	SAY(fd, "{\"method\":\"" IFACE ".Empty\"}");
	assert_string_equal(hear(f, fd), "{\"parameters\":{}}");
	assert_int_equal(f->calls, 1);
	close(fd);
}

static void more(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	SAY(fd, "{\"method\":\"" IFACE ".Count\",\"more\":true,\"parameters\":{\"n\":3}}");
	assert_string_equal(hear(f, fd),
			    "{\"parameters\":{\"i\":1,\"x\":\"\"},\"continues\":true}");
	assert_string_equal(hear(f, fd),
			    "{\"parameters\":{\"i\":2,\"x\":\"\"},\"continues\":true}");
	assert_string_equal(hear(f, fd), "{\"parameters\":{\"i\":3,\"x\":\"\"}}");
	/* who did not ask for more gets the last one only */
	SAY(fd, "{\"method\":\"" IFACE ".Count\",\"parameters\":{\"n\":3}}");
	assert_string_equal(hear(f, fd), "{\"parameters\":{\"i\":3,\"x\":\"\"}}");
	close(fd);
}

/* Its next call waits until this one is answered. */
static void answered_later(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	SAY(fd, "{\"method\":\"" IFACE ".Hold\"}");
	SAY(fd, "{\"method\":\"" IFACE ".Empty\"}");
	run_until(f, f->held);
	run_all(f);
	assert_false(has_come(fd));
	control_reply(f->held, json_pack("{s:i}", "late", 1));
	assert_string_equal(hear(f, fd), "{\"parameters\":{\"late\":1}}");
	assert_string_equal(hear(f, fd), "{\"parameters\":{}}");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(called, set_up, tear_down),
		cmocka_unit_test_setup_teardown(standard_service, set_up, tear_down),
		cmocka_unit_test_setup_teardown(errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nonsense, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pipelined, set_up, tear_down),
		cmocka_unit_test_setup_teardown(oneway, set_up, tear_down),
		cmocka_unit_test_setup_teardown(more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(answered_later, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
