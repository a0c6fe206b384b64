// SPDX-License-Identifier: GPL-2.0-or-later
/* What a host publishes, octet by octet, and what it may not. */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>

#include "../lib/dns/message.h"
#include "../lib/lease/rights.h"
#include "../lib/publish/records.h"

#define DOMAIN	"\5alice\7example\3com"
#define HOST	"\6laptop" DOMAIN
#define TUNNEL	"\42AutoTunnel-00-22-69-FF-FE-8E-34-2A" DOMAIN
#define LIST	"\13_autotunnel\4_udp" DOMAIN
#define SERVICE	"\13_autotunnel\4_udp" HOST
#define TYPES	"\11_services\7_dns-sd\4_udp" DOMAIN
#define SSH	"\4_ssh\4_tcp" DOMAIN
#define IPP	"\4_ipp\4_tcp" DOMAIN

static const uint8_t mac[6] = { 0x00, 0x22, 0x69, 0x8e, 0x34, 0x2a };
static const uint8_t ula[17] = "\xfd\1\2\3\4\5\6\7\2\x22\x69\xff\xfe\x8e\x34\x2a";

static struct host_names names;
static struct publish_host host;
static struct publish_set *set;
static char why[PUBLISH_WHY];

static int setup(void **state)
{
	struct identity_link link = { .place = IDENTITY_FIXED, .hwaddr_len = 6 };
	uint8_t random[IDENTITY_RANDOM], domain[DNAME_MAX];
	struct identity id;
	size_t i;

	(void)state;
	memcpy(link.hwaddr, mac, 6);
	for (i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(1 + i);
	identity_make(&id, &link, 1, false, random);
	assert_memory_equal(id.ula.s6_addr, ula, 16);
	assert_null(user_domain_check("alice.example.com", domain));
	host_names_make(&names, "laptop", domain, &id);

	memset(&host, 0, sizeof(host));
	host.names = &names;
	host.ula = id.ula;
	host.outer4 = (struct addr){ .len = 4, .b = { 192, 0, 2, 7 } };
	host.port = 61234;
	set = malloc(sizeof(*set));
	return set ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(set);
	return 0;
}

static void make(void)
{
	int err = publish_make(&host, set, why);

	if (err)
		fail_msg("%s (%d)", why, err);
}

static void is(size_t i, const char *owner, uint16_t type, uint32_t ttl, bool shared,
	       const void *rdata, size_t len)
{
	const struct lease_client_record *r = &set->records[i];

	assert_true(i < set->n);
	assert_int_equal(r->type, type);
	assert_int_equal(dname_len(r->owner), strlen(owner) + 1);
	/* Case is kept. */
	assert_memory_equal(r->owner, owner, strlen(owner) + 1);
	assert_int_equal(r->ttl, ttl);
	assert_int_equal(r->shared, shared);
	assert_int_equal(r->rdlen, len);
	assert_memory_equal(r->rdata, rdata, len);
}

#define NAMED(name)	(name), sizeof(name)
#define TEXT(octets)	(octets), sizeof(octets) - 1

/* The example of the architecture's page. */
static void a_host(void **state)
{
	static const char *const info[] = { "model=Lab1,1", "os=linux", "headless" };

	(void)state;
	host.info = info;
	host.n_info = N_OF(info);
	make();
	assert_int_equal(set->n, 6);
	is(0, SERVICE, DNS_SRV, 120, false, NAMED("\0\0\0\0\xef\x32" TUNNEL));
	is(1, TUNNEL, DNS_A, 120, false, TEXT("\xc0\0\2\7"));
	is(2, TUNNEL, DNS_AAAA, 120, false, ula, 16);
	is(3, HOST, DNS_AAAA, 120, false, ula, 16);
	is(4, TUNNEL, DNS_TXT, 4500, false, TEXT("\14model=Lab1,1\10os=linux\10headless"));
	is(5, LIST, DNS_PTR, 120, true, NAMED(HOST));
}

static void where_it_is_not_known(void **state)
{
	(void)state;
	host.port = 0;
	make();
	assert_int_equal(set->n, 2);
	is(0, TUNNEL, DNS_TXT, 4500, false, TEXT("\0"));
	is(1, LIST, DNS_PTR, 120, true, NAMED(HOST));
	host.port = 4500;
	host.outer4.len = 0;
	make();
	assert_int_equal(set->n, 2);
}

static void no_identity(void **state)
{
	(void)state;
	host.browse = true;
	memset(&host.ula, 0, sizeof(host.ula));
	make();
	assert_int_equal(set->n, 0);
}

static void over_ipv6(void **state)
{
	(void)state;
	host.outer6 = (struct addr){ .len = 16, .b = { 0x20, 1, 0xd, 0xb8, [15] = 9 } };
	make();
	assert_int_equal(set->n, 7);
	is(1, TUNNEL, DNS_A, 120, false, TEXT("\xc0\0\2\7"));
	is(3, TUNNEL, DNS_AAAA, 120, false,
	   TEXT("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\11"));
	host.outer4.len = 0;
	make();
	assert_int_equal(set->n, 6);
	is(1, TUNNEL, DNS_AAAA, 120, false, ula, 16);
	is(2, TUNNEL, DNS_AAAA, 120, false,
	   TEXT("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\11"));
}

static void services(void **state)
{
	static const char *const texts[] = { "path=/", "Empty=", "a=b=c" };
	static const char *const subtypes[] = { "_color", "Two Sides" };
	static const uint8_t printer[] = "\7printer" DOMAIN;
	static const struct publish_service s[] = {
		{ .instance = "Alice's Mac. \xc3\xa9", .type = "_ssh._tcp", .port = 22 },
		{ .instance = "Other", .type = "_ssh._tcp", .port = 2222, .texts = texts,
		  .n_texts = N_OF(texts) },
		{ .instance = "Printer", .type = "_ipp._tcp", .port = 631, .subtypes = subtypes,
		  .n_subtypes = N_OF(subtypes), .host = printer },
	};
	/* A dot, a blank and what is not ASCII are plain octets of one label. */
	static const char mac_ssh[] = "\17Alice's Mac. \xc3\xa9" SSH;

	(void)state;
	host.services = s;
	host.n_services = N_OF(s);
	make();
	assert_int_equal(set->n, 6 + 4 + 3 + 6);
	is(6, TYPES, DNS_PTR, 120, true, NAMED(SSH));
	is(7, SSH, DNS_PTR, 120, true, mac_ssh, sizeof(mac_ssh));
	is(8, mac_ssh, DNS_SRV, 120, false, NAMED("\0\0\0\0\0\26" HOST));
	is(9, mac_ssh, DNS_TXT, 4500, false, TEXT("\0"));
	/* The type is listed already. */
	is(10, SSH, DNS_PTR, 120, true, NAMED("\5Other" SSH));
	is(11, "\5Other" SSH, DNS_SRV, 120, false, NAMED("\0\0\0\0\x08\xae" HOST));
	is(12, "\5Other" SSH, DNS_TXT, 4500, false, TEXT("\6path=/\6Empty=\5a=b=c"));
	is(13, TYPES, DNS_PTR, 120, true, NAMED(IPP));
	is(14, IPP, DNS_PTR, 120, true, NAMED("\7Printer" IPP));
	is(15, "\6_color\4_sub" IPP, DNS_PTR, 120, true, NAMED("\7Printer" IPP));
	is(16, "\11Two Sides\4_sub" IPP, DNS_PTR, 120, true, NAMED("\7Printer" IPP));
	is(17, "\7Printer" IPP, DNS_SRV, 120, false, NAMED("\0\0\0\0\2\x77\7printer" DOMAIN));
	is(18, "\7Printer" IPP, DNS_TXT, 4500, false, TEXT("\0"));
	/* Nobody can come to a service of a host without an address. */
	host.port = 0;
	make();
	assert_int_equal(set->n, 2);
}

static void browsing(void **state)
{
	(void)state;
	host.browse = true;
	make();
	assert_int_equal(set->n, 6 + 5);
	is(6, "\1b\7_dns-sd\4_udp" DOMAIN, DNS_PTR, 120, true, NAMED(DOMAIN));
	is(7, "\2db\7_dns-sd\4_udp" DOMAIN, DNS_PTR, 120, true, NAMED(DOMAIN));
	is(8, "\1r\7_dns-sd\4_udp" DOMAIN, DNS_PTR, 120, true, NAMED(DOMAIN));
	is(9, "\2dr\7_dns-sd\4_udp" DOMAIN, DNS_PTR, 120, true, NAMED(DOMAIN));
	is(10, "\2lb\7_dns-sd\4_udp" DOMAIN, DNS_PTR, 120, true, NAMED(DOMAIN));
}

/* --- what it may not be ------------------------------------------------------------ */

typedef const char *(*check_fn)(const char *);

struct word {
	const char *word, *wanted;	/* NULL: it is good */
};

static void check_words(check_fn check, const struct word *w, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		char *copy = exact_copy(w[i].word, strlen(w[i].word) + 1);
		const char *bad = check(copy);

		if (!bad != !w[i].wanted || (bad && strcmp(bad, w[i].wanted)))
			fail_msg("'%s': '%s' instead of '%s'", w[i].word, bad ? bad : "(good)",
				 w[i].wanted ? w[i].wanted : "(good)");
		free(copy);
	}
}

#define X10	"xxxxxxxxxx"
#define X60	X10 X10 X10 X10 X10 X10

static void instances(void **state)
{
	static const char not_utf8[] = "is not in UTF-8", control[] =
		"has a control character in it";
	static const struct word words[] = {
		{ "a", NULL },
		{ X60 "xxx", NULL },
		{ "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xbb \xed\x9f\xbf \xf4\x8f\xbf\xbf", NULL },
		{ "", "is empty" },
		{ X60 "xxxx", "has more than 63 octets" },
		{ "a\tb", control }, { "\n", control }, { "\x7f", control },
		{ "\x80", not_utf8 }, { "a\xc3", not_utf8 }, { "\xc0\xaf", not_utf8 },
		{ "\xe0\x9f\xbf", not_utf8 }, { "\xed\xa0\x80", not_utf8 },
		{ "\xf0\x8f\xbf\xbf", not_utf8 }, { "\xf4\x90\x80\x80", not_utf8 },
		{ "\xf5\x80\x80\x80", not_utf8 }, { "\xe2\x82", not_utf8 }, { "\xff", not_utf8 },
	};

	(void)state;
	check_words(publish_instance_check, words, N_OF(words));
	check_words(publish_subtype_check, words, N_OF(words));
}

static void types(void **state)
{
	static const char form[] = "is not of the form _NAME._tcp or _NAME._udp", hyphen[] =
		"has a hyphen where its name may have none", others[] =
		"has other characters than letters, digits and hyphens in its name";
	static const struct word words[] = {
		{ "_ssh._tcp", NULL }, { "_SSH._UDP", NULL }, { "_a-b-3._tcp", NULL },
		{ "_abcdefghijklmno._udp", NULL }, { "_autotunnel6._udp", NULL },
		{ "", form }, { "ssh._tcp", form }, { "_ssh", form }, { "_ssh.tcp", form },
		{ "_ssh._tcp.", form }, { "_ssh._sctp", form }, { "_a._b._tcp", form },
		{ "_._tcp", "has no name behind _" },
		{ "_abcdefghijklmnop._udp", "has a name of more than 15 characters" },
		{ "_a_b._tcp", others }, { "_\xc3\xa9._tcp", others },
		{ "_-a._tcp", hyphen }, { "_a-._tcp", hyphen }, { "_a--b._tcp", hyphen },
		{ "_80._tcp", "has no letter in its name" },
		{ "_dns-llq._udp", "is for the servers of the domain" },
		{ "_DNS-SD._udp", "is for the servers of the domain" },
		{ "_autotunnel._udp", "is for the tunnel itself" },
	};

	(void)state;
	check_words(publish_type_check, words, N_OF(words));
}

static void texts_one_by_one(void **state)
{
	char longest[257];
	static const struct word words[] = {
		{ "a", NULL }, { "a=", NULL }, { "a==", NULL }, { "A b=\x01\xff", NULL },
		{ "", "has no key in front of =" }, { "=a", "has no key in front of =" },
		{ "a\t=b", "has other characters than printable ASCII in its key" },
		{ "\xc3\xa9=b", "has other characters than printable ASCII in its key" },
	};

	(void)state;
	check_words(publish_text_check, words, N_OF(words));
	memset(longest, 'x', 256);
	longest[255] = '\0';
	assert_null(publish_text_check(longest));
	longest[255] = 'x';
	longest[256] = '\0';
	assert_string_equal(publish_text_check(longest), "has more than 255 octets");
}

static void texts_together(void **state)
{
	static const char *const again[] = { "b", "path=1", "PATH" };
	const char *many[PUBLISH_TEXTS + 1];
	char texts[6][256];
	uint8_t out[PUBLISH_TXT_MAX];
	size_t i;

	(void)state;
	assert_int_equal(publish_txt(again, 2, out, why), 9);
	assert_int_equal(publish_txt(again, 3, out, why), -EINVAL);
	assert_string_equal(why, "'PATH' has a key that was there already");
	for (i = 0; i < 6; i++) {
		memset(texts[i], 'a' + (int)i, 255);
		texts[i][255] = '\0';
		many[i] = texts[i];
	}
	/* 5 * 256, and 20 octets are left. */
	assert_int_equal(publish_txt(many, 5, out, why), 1280);
	texts[5][19] = '\0';
	assert_int_equal(publish_txt(many, 6, out, why), 1300);
	texts[5][19] = 'f';
	texts[5][20] = '\0';
	assert_int_equal(publish_txt(many, 6, out, why), -E2BIG);
	assert_string_equal(why, "all strings together have more than 1300 octets");
	assert_int_equal(publish_txt(many, PUBLISH_TEXTS + 1, out, why), -E2BIG);
	assert_string_equal(why, "these are more than 64 strings");
}

static void refused(int err, const char *wanted)
{
	assert_int_equal(publish_make(&host, set, why), err);
	assert_string_equal(why, wanted);
	assert_int_equal(set->n, 0);
}

static void what_is_wrong_is_named(void **state)
{
	static const char *const bad_text[] = { "=x" }, *const bad_sub[] = { "" };
	struct publish_service s[2] = {
		{ .instance = "One", .type = "_ssh._tcp", .port = 22 },
		{ .instance = "Two", .type = "_http._tcp", .port = 80 },
	};
	struct publish_service *two = &s[1];

	(void)state;
	host.services = s;
	host.n_services = 2;
	make();
	two->type = "_dns-x._tcp";
	refused(-EINVAL, "the service 'Two': its type '_dns-x._tcp' is for the servers of the "
		"domain");
	two->type = "_SSH._tcp";
	two->instance = "ONE";
	refused(-EINVAL, "the service 'ONE' of type _SSH._tcp is there twice");
	two->instance = "";
	refused(-EINVAL, "the service '': its name is empty");
	two->instance = "Two";
	two->port = 0;
	/* Also of a host that has no address yet. */
	host.port = 0;
	refused(-EINVAL, "the service 'Two': it has no port");
	host.port = 4500;
	two->port = 1;
	two->texts = bad_text;
	two->n_texts = 1;
	refused(-EINVAL, "the service 'Two': '=x' has no key in front of =");
	two->n_texts = 0;
	two->subtypes = bad_sub;
	two->n_subtypes = 1;
	refused(-EINVAL, "the service 'Two': its subtype '' is empty");
	two->n_subtypes = PUBLISH_SUBTYPES + 1;
	refused(-E2BIG, "the service 'Two': it has more than 8 subtypes");
	host.info = bad_text;
	host.n_info = 1;
	refused(-EINVAL, "the device's info: '=x' has no key in front of =");
	host.n_info = 0;
	host.n_services = PUBLISH_SERVICES + 1;
	refused(-E2BIG, "these are more than 32 services");
}

/* In a domain whose name leaves just no room. */
static void long_names(void **state)
{
	char text[DNAME_TEXT_MAX] = "";
	struct publish_service s = { .instance = X60 "xxx", .type = "_ssh._tcp", .port = 22 };
	struct identity id = { .ula = host.ula };
	uint8_t domain[DNAME_MAX];

	(void)state;
	host.services = &s;
	host.n_services = 1;
	strcat(text, X60 "." X60 "." X60 ".com");
	assert_null(dname_from_text(text, domain));
	memset(&names, 0, sizeof(names));
	host_names_make(&names, "a", domain, &id);
	refused(-EINVAL, "the service '" X60 "xxx': its name is too long for the domain");
	s.instance = X60 "x";
	refused(-EINVAL, "the service '" X60 "x': its name is too long for the domain");
	s.instance = X10 X10 X10 X10 X10;
	make();
}

/* As much as there may be is what the lease client takes, and fits into a message. */
static void much(void **state)
{
	struct publish_service s[PUBLISH_SERVICES];
	struct lease_client_config config = { .zone = names.domain, .stream = true,
					      .lease = 5400 };
	struct lease_client *c = lease_client_new(&config);
	char instances[PUBLISH_SERVICES][DLABEL_MAX + 1], text[256];
	const char *texts[] = { text, text + 1, text + 2 };
	const char *subtypes[] = { "a", "b" };
	uint8_t *out = malloc(DNS_MAX);
	size_t i;

	(void)state;
	assert_non_null(c);
	assert_non_null(out);
	memset(text, 'x', 255);
	text[255] = '\0';
	memset(s, 0, sizeof(s));
	for (i = 0; i < PUBLISH_SERVICES; i++) {
		snprintf(instances[i], sizeof(instances[i]), "%02zu %s", i, X60);
		s[i] = (struct publish_service){
			.instance = instances[i], .type = "_ssh._tcp", .port = 22,
			.texts = texts, .n_texts = 2, .subtypes = subtypes, .n_subtypes = 2,
		};
	}
	host.services = s;
	host.n_services = PUBLISH_SERVICES;
	host.browse = true;
	make();
	assert_int_equal(set->n, 6 + 5 + 1 + 5 * PUBLISH_SERVICES);
	assert_int_equal(lease_client_set(c, set->records, set->n, 0), 0);
	assert_true(lease_client_output(c, 0, out, DNS_MAX) > 0);
	assert_int_equal(lease_client_error(c), 0);

	for (i = 0; i < PUBLISH_SERVICES; i++)
		s[i].n_texts = 3;
	refused(-E2BIG, "these are more records than one update holds");
	lease_client_free(c);
	free(out);
}

static void nothing_there(void *arg, const uint8_t *owner, struct rights_owner *out)
{
	(void)arg;
	(void)owner;
	memset(out, 0, sizeof(*out));
}

/* What btmm-dnsd says to it, which a host's key is to sign. */
static enum dns_rcode said(void)
{
	struct lease_client_config config = { .zone = names.domain, .stream = true,
					      .lease = 5400 };
	struct lease_client *c = lease_client_new(&config);
	struct rights_who who = { RIGHTS_HOST, names.host, names.domain };
	uint8_t *out = malloc(DNS_MAX);
	enum dns_rcode rcode;
	struct update_msg m;
	const char *reason;
	size_t len;

	assert_non_null(c);
	assert_non_null(out);
	make();
	assert_int_equal(lease_client_set(c, set->records, set->n, 0), 0);
	len = lease_client_output(c, 0, out, DNS_MAX);
	assert_int_equal(update_parse(out, len, &m), DNS_NOERROR);
	assert_true(m.n_rrs >= set->n);
	rcode = rights_check(&who, &m, nothing_there, NULL, &reason);
	update_msg_free(&m);
	lease_client_free(c);
	free(out);
	return rcode;
}

static void what_a_host_may_do(void **state)
{
	static const char *const subtypes[] = { "_color" };
	static const struct publish_service s[] = {
		{ .instance = "Alice's Mac", .type = "_ssh._tcp", .port = 22,
		  .subtypes = subtypes, .n_subtypes = 1 },
	};

	(void)state;
	host.services = s;
	host.n_services = 1;
	assert_int_equal(said(), DNS_NOERROR);
	host.port = 0;
	assert_int_equal(said(), DNS_NOERROR);
	/* The domain's own records are not for a host to make. */
	host.browse = true;
	assert_int_equal(said(), DNS_REFUSED);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_host),
		T(where_it_is_not_known),
		T(no_identity),
		T(over_ipv6),
		T(services),
		T(browsing),
		T(instances),
		T(types),
		T(texts_one_by_one),
		T(texts_together),
		T(what_is_wrong_is_named),
		T(long_names),
		T(much),
		T(what_a_host_may_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
