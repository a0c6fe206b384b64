// SPDX-License-Identifier: GPL-2.0-or-later
/* Browsing for services, on a made-up leg: functions of its names stand here. */
#include "test.h"

#include <time.h>

#include "../btmmd/browse.h"

#define DOMAIN	"alice.example.com"
#define ASKED	64

static struct {
	sd_event *event;
	struct browse *b;
	const struct leg_ops *ops;
	void *arg;
	struct {
		char name[DNAME_TEXT_MAX];
		uint16_t type;
		struct peers_question *tag;
	} asked[ASKED];
	size_t n;
	bool failed;
	char log[4096];
} w;

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
	size_t n = strlen(w.log);
	va_list ap;

	va_start(ap, format);
	vsnprintf(w.log + n, sizeof(w.log) - n, format, ap);
	va_end(ap);
}

/* --- the leg ------------------------------------------------------------------------- */

struct leg *leg_new(sd_event *event, const struct leg_config *config, const struct leg_ops *ops,
		    void *arg)
{
	(void)event;
	(void)config;
	w.ops = ops;
	w.arg = arg;
	return (struct leg *)&w;
}

void leg_free(struct leg *l)
{
	if (l)
		w.ops = NULL;
}

void leg_watch_as(struct leg *l, const uint8_t *name, uint16_t type, struct peers_question *tag)
{
	(void)l;
	assert_true(w.n < ASKED);
	dname_to_text(name, w.asked[w.n].name);
	w.asked[w.n].type = type;
	w.asked[w.n++].tag = tag;
}

void leg_unwatch(struct leg *l, struct peers_question *tag)
{
	size_t i = 0;

	(void)l;
	while (w.asked[i].tag != tag)
		assert_true(++i < w.n);
	w.asked[i] = w.asked[--w.n];
}

bool leg_failed(const struct leg *l)
{
	(void)l;
	return w.failed;
}

const char *leg_why(const struct leg *l)
{
	(void)l;
	return "it is away";
}

/* --- what is told ------------------------------------------------------------------------ */

static void say_service(const char *what, const struct browse_service *s)
{
	char name[DNAME_TEXT_MAX], host[DNAME_TEXT_MAX];

	dname_to_text(s->name, name);
	dname_to_text(s->host, host);
	name[strlen(name) - strlen("." DOMAIN ".")] = '\0';
	put("%s %s %.*s:%u %u; ", what, name, (int)strcspn(host, "."), host, s->port, s->txt_len);
}

static void on_service(void *arg, const struct browse_service *s)
{
	(void)arg;
	say_service("there", s);
}

static void on_went(void *arg, const struct browse_service *s)
{
	(void)arg;
	say_service("gone", s);
}

static void on_complete(void *arg)
{
	(void)arg;
	put("complete; ");
}

static void on_trouble(void *arg, const char *why)
{
	(void)arg;
	put("trouble %s; ", why);
}

static const struct browse_ops ops = { on_service, on_went, on_complete, on_trouble };

static void begin(const char *type)
{
	static const uint8_t zone[] = "\5alice\7example\3com";
	const struct leg_config c = { .zone = zone };

	w.b = browse_new(w.event, &c, type, &ops, NULL);
	assert_non_null(w.b);
}

static int set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	return sd_event_new(&w.event) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	browse_free(w.b);
	sd_event_unref(w.event);
	return w.ops != NULL;
}

static void run(void)
{
	while (sd_event_run(w.event, 0) > 0)
		;
}

static void expect(const char *log)
{
	run();
	assert_string_equal(w.log, log);
	w.log[0] = '\0';
}

static struct peers_question *find(const char *name, uint16_t type)
{
	char full[256];
	size_t i;

	snprintf(full, sizeof(full), "%s%s" DOMAIN ".", name, *name ? "." : "");
	for (i = 0; i < w.n; i++) {
		if (w.asked[i].type == type && !strcmp(w.asked[i].name, full))
			return w.asked[i].tag;
	}
	return NULL;
}

static void change(const char *name, uint16_t type, bool add, const uint8_t *rdata, size_t len)
{
	uint8_t *copy = exact_copy(rdata, len);
	const struct answer a = { .type = type, .rdata = copy, .rdlen = (uint16_t)len };
	struct peers_question *q = find(name, type);

	if (!q)
		fail_msg("%s is not asked for", name);
	w.ops->change(w.arg, q, add, &a);
	free(copy);
}

static void ptr(const char *name, bool add, const char *target)
{
	uint8_t rdata[DNAME_MAX];

	assert_null(dname_from_text(target, rdata));
	change(name, DNS_PTR, add, rdata, dname_len(rdata));
}

static void srv(const char *name, bool add, uint8_t port, const char *target)
{
	uint8_t rdata[6 + DNAME_MAX] = { [5] = port };

	assert_null(dname_from_text(target, rdata + 6));
	change(name, DNS_SRV, add, rdata, 6 + dname_len(rdata + 6));
}

static void settle(enum answers_status status)
{
	size_t i, n;

	/* Questions that come of it are settled, too. */
	do {
		n = w.n;
		for (i = 0; i < n; i++)
			w.ops->settled(w.arg, w.asked[i].tag, status);
		run();
	} while (w.n != n);
}

/* --- the tests ----------------------------------------------------------------------------- */

static void one_type(void **state)
{
	(void)state;
	begin("_ssh._tcp");
	expect("");
	assert_int_equal(w.n, 1);
	ptr("_ssh._tcp", true, "x._ssh._tcp." DOMAIN);
	ptr("_ssh._tcp", true, "x._ssh._tcp." DOMAIN);
	expect("");
	assert_int_equal(w.n, 3);
	srv("x._ssh._tcp", true, 22, "air." DOMAIN);
	expect("there x._ssh._tcp air:22 0; ");
	settle(ANSWERS_LIVE);
	expect("complete; ");
	assert_non_null(browse_next(w.b, NULL));
	assert_null(browse_next(w.b, browse_next(w.b, NULL)));
	change("x._ssh._tcp", DNS_TXT, true, (const uint8_t *)"\1a", 2);
	expect("there x._ssh._tcp air:22 2; ");
	/* Moved: the new one comes before the old one goes. */
	srv("x._ssh._tcp", true, 23, "book." DOMAIN);
	srv("x._ssh._tcp", false, 22, "air." DOMAIN);
	expect("there x._ssh._tcp book:23 2; ");
	ptr("_ssh._tcp", false, "x._ssh._tcp." DOMAIN);
	expect("gone x._ssh._tcp book:23 2; ");
	assert_int_equal(w.n, 1);
	assert_null(browse_next(w.b, NULL));
	/* ... and comes again */
	ptr("_ssh._tcp", true, "x._ssh._tcp." DOMAIN);
	run();
	srv("x._ssh._tcp", true, 22, "air." DOMAIN);
	expect("there x._ssh._tcp air:22 0; ");
	srv("x._ssh._tcp", false, 22, "air." DOMAIN);
	expect("gone x._ssh._tcp air:22 0; ");
	/* goes and comes at once: nothing has happened */
	ptr("_ssh._tcp", false, "x._ssh._tcp." DOMAIN);
	ptr("_ssh._tcp", true, "x._ssh._tcp." DOMAIN);
	expect("");
	assert_int_equal(w.n, 3);
}

static void all_types(void **state)
{
	(void)state;
	begin(NULL);
	run();
	assert_non_null(find("_services._dns-sd._udp", DNS_PTR));
	ptr("_services._dns-sd._udp", true, "_ssh._tcp." DOMAIN);
	ptr("_services._dns-sd._udp", true, "_http._tcp." DOMAIN);
	run();
	assert_int_equal(w.n, 3);
	ptr("_ssh._tcp", true, "x._ssh._tcp." DOMAIN);
	ptr("_http._tcp", true, "y._http._tcp." DOMAIN);
	run();
	srv("x._ssh._tcp", true, 22, "air." DOMAIN);
	srv("y._http._tcp", true, 80, "air." DOMAIN);
	settle(ANSWERS_POLLED);
	run();
	assert_non_null(strstr(w.log, "there x._ssh._tcp air:22"));
	assert_non_null(strstr(w.log, "there y._http._tcp air:80"));
	assert_non_null(strstr(w.log, "complete; "));
	w.log[0] = '\0';
	/* With the type goes all that is of it. */
	ptr("_services._dns-sd._udp", false, "_ssh._tcp." DOMAIN);
	expect("gone x._ssh._tcp air:22 0; ");
	assert_int_equal(w.n, 4);
}

/* What a server may send that means harm. */
static void nonsense(void **state)
{
	uint8_t big[1400] = { 0 };

	(void)state;
	begin("_ssh._tcp");
	run();
	ptr("_ssh._tcp", true, "x._ssh._tcp.example.org");
	ptr("_ssh._tcp", true, "x._http._tcp." DOMAIN);
	ptr("_ssh._tcp", true, "_ssh._tcp." DOMAIN);
	change("_ssh._tcp", DNS_PTR, true, (const uint8_t *)"\5ab", 3);
	change("_ssh._tcp", DNS_PTR, true, (const uint8_t *)"", 0);
	run();
	assert_int_equal(w.n, 1);
	ptr("_ssh._tcp", true, "x._ssh._tcp." DOMAIN);
	run();
	change("x._ssh._tcp", DNS_SRV, true, (const uint8_t *)"\0\0\0\0\0\1", 6);
	change("x._ssh._tcp", DNS_SRV, true, (const uint8_t *)"\0\0\0\0\0\1\5a", 8);
	change("x._ssh._tcp", DNS_TXT, true, big, sizeof(big));
	expect("");
}

static void bounded(void **state)
{
	char name[128];
	size_t i;

	(void)state;
	begin("_ssh._tcp");
	run();
	/* Not asked for yet, as nothing runs meanwhile. */
	for (i = 0; i < BROWSE_SERVICES + 10; i++) {
		snprintf(name, sizeof(name), "x%zu._ssh._tcp." DOMAIN, i);
		ptr("_ssh._tcp", true, name);
	}
	for (i = 0; i < BROWSE_SERVICES; i++) {
		snprintf(name, sizeof(name), "x%zu._ssh._tcp." DOMAIN, i);
		ptr("_ssh._tcp", false, name);
	}
	run();
	/* It may have taken long enough to be complete. */
	assert_null(strstr(w.log, "there"));
	assert_null(strstr(w.log, "gone"));
	assert_int_equal(w.n, 1);
}

static void trouble(void **state)
{
	(void)state;
	begin("_ssh._tcp");
	expect("");
	w.failed = true;
	w.ops->news(w.arg);
	expect("trouble it is away; ");
	w.ops->news(w.arg);
	expect("");
	w.failed = false;
	settle(ANSWERS_LIVE);
	run();
	w.failed = true;
	w.ops->news(w.arg);
	run();
	assert_non_null(strstr(w.log, "complete; "));
	assert_non_null(strstr(w.log, "trouble it is away; "));
}

static void names(void **state)
{
	static const uint8_t zone[] = "\5alice\7example\3com";
	const struct leg_config c = { .zone = zone };
	char longest[80];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	memcpy(longest + 70, "._tcp", 6);
	assert_null(browse_new(w.event, &c, longest, &ops, NULL));
	assert_null(browse_new(w.event, &c, "ssh", &ops, NULL));
	assert_null(browse_new(w.event, &c, "._tcp", &ops, NULL));
	assert_null(browse_new(w.event, &c, "_ssh.", &ops, NULL));
}

#define T(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_type), T(all_types), T(nonsense), T(bounded), T(trouble), T(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
