// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "dnsd_conf.h"

#define SECRET	"YWFhYWFhYWFhYWFhYWFhYQ=="
#define ZONE	"[zone \"alice.example.com\"]\nprimary = 127.0.0.1:5300\n"
#define ALICE	ZONE "account-key-file = @/account.key\n"

static int set_up_keys(void **state)
{
	int r = set_up(state);

	if (r)
		return r;
	put("account.key", "_account.alice.example.com. hmac-sha256 " SECRET "\n");
	put("bob.key", "_account.bob.example.com. hmac-sha512 " SECRET "\n");
	put("primary.key", "front.example.com. hmac-sha512 " SECRET "\n");
	put("admin.key", "admin.example.com. hmac-sha256 " SECRET "\n");
	put("admin2.key", "key \"Admin2.example.com\" { algorithm hmac-sha256; secret \"" SECRET
	    "\"; };\n");
	put("md5.key", "_account.alice.example.com. hmac-md5 " SECRET "\n");
	return 0;
}

static struct dnsd_conf *load(const char *text)
{
	struct dnsd_conf *conf = NULL;
	char why[CONF_WHY_SIZE] = "";

	put("d.conf", text);
	if (conf_load(path("d.conf"), &conf, why, sizeof(why)))
		fail_msg("%s", why);
	return conf;
}

/* @want: without the directory; "@" stands for it. */
static void refused(const char *text, const char *want)
{
	char why[CONF_WHY_SIZE] = "", all[CONF_WHY_SIZE];
	struct dnsd_conf *conf = (void *)&why;

	put("d.conf", text);
	assert_true(conf_load(path("d.conf"), &conf, why, sizeof(why)) < 0);
	assert_ptr_equal(conf, &why);
	expand(want, all, sizeof(all));
	assert_string_equal(why, all);
}

static void assert_addrs(const struct conf_addrs *is, const char *want)
{
	char text[1024] = "", one[NET_TEXT_SIZE];
	size_t i;

	for (i = 0; i < is->n; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, net_to_text(&is->v[i], one));
	}
	assert_string_equal(text, want);
}

static void assert_addr(const struct net_addr *is, const char *want)
{
	char text[NET_TEXT_SIZE];

	assert_string_equal(net_to_text(is, text), want);
}

/* --- what is taken --------------------------------------------------------------- */

static void defaults(void **state)
{
	struct dnsd_conf *c = load("");

	(void)state;
	assert_addrs(&c->udp, "[::]:53 0.0.0.0:53");
	assert_addrs(&c->tcp, "[::]:53 0.0.0.0:53");
	assert_addrs(&c->tls, "");
	assert_null(c->certificate);
	assert_null(c->certificate_key);
	assert_string_equal(c->state_directory, "/var/lib/btmm-dnsd");
	assert_string_equal(c->control_socket, "/run/btmm-dnsd/control");
	assert_false(c->allow_md5);
	assert_int_equal(c->streams, 20000);
	assert_int_equal(c->streams_per_address, 64);
	assert_int_equal(c->stream_idle_ms, 30000);
	assert_int_equal(c->stream_handshake_ms, 10000);
	assert_int_equal(c->llqs, 1000000);
	assert_int_equal(c->llqs_per_account, 900000);
	assert_int_equal(c->llqs_per_address, 20000);
	/* Each host has four for each other one, and one. */
	assert_true(c->llqs_per_account >= 470 * (4 * 469 + 1));
	assert_true(c->llqs_per_address >= 5 * (4 * 999 + 1));
	assert_int_equal(c->lease_min, 1800);
	assert_int_equal(c->lease_max, 7200);
	assert_int_equal(c->llq_lease_min, 900);
	assert_int_equal(c->llq_lease_max, 7200);
	assert_int_equal(c->n_zones, 0);
	conf_free(c);

	c = load("[server]\ncertificate = /a\ncertificate-key = /b\n");
	assert_addrs(&c->tls, "[::]:853 0.0.0.0:853");
	conf_free(c);

	/* Who says where to listen says all of it. */
	c = load("[server]\nlisten-tcp = 127.0.0.1:53\n");
	assert_addrs(&c->udp, "");
	assert_addrs(&c->tcp, "127.0.0.1:53");
	assert_addrs(&c->tls, "");
	conf_free(c);

	c = load(ALICE);
	assert_int_equal(c->n_zones, 1);
	assert_string_equal(c->zones[0].name, "alice.example.com.");
	assert_true(c->zones[0].is_private);
	assert_true(c->zones[0].is_owner);
	assert_int_equal(c->zones[0].owner.port, 0);
	assert_int_equal(c->zones[0].primary_key.secret_len, 0);
	assert_int_equal(c->zones[0].n_admin_keys, 0);
	assert_int_equal(c->zones[0].n_public_names, 0);
	conf_free(c);
	conf_free(NULL);
}

static void every_server_key(void **state)
{
	struct dnsd_conf *c = load(
		"[server]\n"
		"listen-udp = [::]:53 0.0.0.0:53\n"
		"listen-udp = 127.0.0.1:5353\n"
		"listen-tcp = 192.0.2.1:53\t[2001:db8::1]:53\n"
		"listen-tls = [::]:853 127.0.0.1:0 127.0.0.1:0\n"
		"certificate = /etc/btmm/tls.crt\n"
		"certificate-key = /etc/btmm/keys/tls.key\n"
		"state-directory = /var/lib/x\n"
		"control-socket = /run/x/control\n"
		"allow-md5 = yes\n"
		"streams = 1000000\n"
		"streams-per-address = 1\n"
		"stream-idle = 500ms\n"
		"stream-handshake = 2m\n"
		"llqs = 10000000\n"
		"llqs-per-account = 0\n"
		"llqs-per-address = 17\n"
		"lease-min = 1s\n"
		"lease-max = 7d\n"
		"llq-lease-min = 20m\n"
		"llq-lease-max = 3h\n");

	(void)state;
	assert_addrs(&c->udp, "[::]:53 0.0.0.0:53 127.0.0.1:5353");
	assert_addrs(&c->tcp, "192.0.2.1:53 [2001:db8::1]:53");
	assert_addrs(&c->tls, "[::]:853 127.0.0.1:0 127.0.0.1:0");
	assert_string_equal(c->certificate, "/etc/btmm/tls.crt");
	assert_string_equal(c->certificate_key, "/etc/btmm/keys/tls.key");
	assert_string_equal(c->state_directory, "/var/lib/x");
	assert_string_equal(c->control_socket, "/run/x/control");
	assert_true(c->allow_md5);
	assert_int_equal(c->streams, 1000000);
	assert_int_equal(c->streams_per_address, 1);
	assert_int_equal(c->stream_idle_ms, 500);
	assert_int_equal(c->stream_handshake_ms, 120000);
	assert_int_equal(c->llqs, 10000000);
	assert_int_equal(c->llqs_per_account, 0);
	assert_int_equal(c->llqs_per_address, 17);
	assert_int_equal(c->lease_min, 1);
	assert_int_equal(c->lease_max, 7 * 86400);
	assert_int_equal(c->llq_lease_min, 1200);
	assert_int_equal(c->llq_lease_max, 10800);
	conf_free(c);
}

static void assert_name(const uint8_t *is, const char *want)
{
	char text[DNAME_TEXT_MAX];

	assert_string_equal(dname_to_text(is, text), want);
}

static void every_zone_key(void **state)
{
	struct dnsd_conf *c = load(
		"[zone \"Alice.Example.com.\"]\n"
		"primary = 127.0.0.1:5300\n"
		"primary-key-file = @/primary.key\n"
		"private = no\n"
		"owner = no\n"
		"owner-address = [2001:db8::53]:53\n"
		"account-key-file = @/account.key\n"
		"admin-key-file = @/admin.key @/admin2.key\n"
		"public-name = www Mail.alice.example.com. a.b\n"
		"public-name = d\\.\n"
		"[zone \"bob.example.com\"]\n"
		"primary = [::1]:53\n"
		"admin-key-file = @/admin.key\n");
	const struct conf_zone *z = &c->zones[0];

	(void)state;
	assert_int_equal(c->n_zones, 2);
	assert_string_equal(z->name, "alice.example.com.");
	assert_name(z->apex, "alice.example.com.");
	assert_addr(&z->primary, "127.0.0.1:5300");
	assert_name(z->primary_key.name, "front.example.com.");
	assert_int_equal(z->primary_key.algorithm, TSIG_HMAC_SHA512);
	assert_int_equal(z->primary_key.secret_len, 16);
	assert_memory_equal(z->primary_key.secret, "aaaaaaaaaaaaaaaa", 16);
	assert_false(z->is_private);
	assert_false(z->is_owner);
	assert_addr(&z->owner, "[2001:db8::53]:53");
	assert_name(z->account_key.name, "_account.alice.example.com.");
	assert_int_equal(z->n_admin_keys, 2);
	assert_name(z->admin_keys[0].name, "admin.example.com.");
	assert_name(z->admin_keys[1].name, "admin2.example.com.");
	assert_int_equal(z->n_public_names, 4);
	assert_name(z->public_names[0], "www.alice.example.com.");
	assert_name(z->public_names[1], "mail.alice.example.com.");
	assert_name(z->public_names[2], "a.b.alice.example.com.");
	/* an escaped dot is no end */
	assert_name(z->public_names[3], "d\\..alice.example.com.");

	assert_string_equal(c->zones[1].name, "bob.example.com.");
	assert_addr(&c->zones[1].primary, "[::1]:53");
	/* the same administrator, the same key */
	assert_int_equal(c->zones[1].n_admin_keys, 1);
	conf_free(c);
}

static void dropins(void **state)
{
	struct dnsd_conf *c;

	(void)state;
	assert_int_equal(mkdir(path("d.conf.d"), 0700), 0);
	put("d.conf.d/20.conf", "[server]\nlisten-udp = 127.0.0.1:54\nstreams = 20\n"
	    "[zone \"ALICE.example.com\"]\nprimary = 192.0.2.2:53\npublic-name = b\n");
	put("d.conf.d/10.conf", "[server]\nstreams = 10\nllqs = 10\n"
	    "[zone \"bob.example.com\"]\nprimary = 192.0.2.1:53\n"
	    "account-key-file = @/missing.key\n");
	put("d.conf.d/30.conf", "[zone \"bob.example.com\"]\naccount-key-file = @/bob.key\n");
	put("d.conf.d/40.conf~", "[nonsense]\n");
	c = load("[server]\nlisten-udp = 127.0.0.1:53\nstreams = 5\nllqs = 5\n"
		 "control-socket = /run/one\ncontrol-socket = /run/two\n"
		 ALICE "public-name = a\n");
	/* lists grow, single values are replaced */
	assert_addrs(&c->udp, "127.0.0.1:53 127.0.0.1:54");
	assert_int_equal(c->streams, 20);
	assert_int_equal(c->llqs, 10);
	assert_string_equal(c->control_socket, "/run/two");
	assert_int_equal(c->n_zones, 2);
	assert_addr(&c->zones[0].primary, "192.0.2.2:53");
	assert_int_equal(c->zones[0].n_public_names, 2);
	assert_name(c->zones[0].account_key.name, "_account.alice.example.com.");
	/* A file that was replaced need not be there. */
	assert_name(c->zones[1].account_key.name, "_account.bob.example.com.");
	conf_free(c);

	put("d.conf.d/30.conf", "\n[zone \"bob.example.com\"]\n# x\nfoo = bar\n");
	refused(ALICE, "@/d.conf.d/30.conf:4: foo: there is no such key in [zone]; "
		"btmm-dnsd(8) lists them");
	/* what is found wrong at the end is told where it stood */
	put("d.conf.d/30.conf", "[zone \"carol.example.com\"]\n");
	unlink(path("d.conf.d/10.conf"));
	refused(ALICE, "@/d.conf.d/30.conf:1: [zone \"carol.example.com.\"]: primary is missing");
	put("d.conf.d/30.conf", "streams = 1\n");
	refused(ALICE "[server]\n", "@/d.conf.d/30.conf:1: streams: it stands before any section: "
		"[server] or [zone \"alice.example.com\"]");
}

/* --- what is refused ------------------------------------------------------------------- */

struct refusal {
	const char *line, *why;
};

static void each_refused(const char *before, const struct refusal *v, size_t n, unsigned int at)
{
	char text[4096], want[CONF_WHY_SIZE];
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s%s\n", before, v[i].line);
		snprintf(want, sizeof(want), "@/d.conf:%u: %s", at, v[i].why);
		refused(text, want);
	}
}

static void sections(void **state)
{
	static const struct refusal cases[] = {
		{ "[servers]", "a section is [server] or [zone \"alice.example.com\"]" },
		{ "[server \"x\"]", "a section is [server] or [zone \"alice.example.com\"]" },
		{ "[zone]", "a zone is named: [zone \"alice.example.com\"]" },
		{ "[zone \"\"]", "a zone is named: [zone \"alice.example.com\"]" },
		{ "[zone \".\"]", "the root zone is nobody's account" },
		{ "streams = 5", "streams: it stands before any section: [server] or "
		  "[zone \"alice.example.com\"]" },
		{ "streams", "this is neither 'key = value' nor a [section]" },
	};
	struct dnsd_conf *conf;
	uint8_t name[DNAME_MAX];
	char why[CONF_WHY_SIZE], want[CONF_WHY_SIZE];

	(void)state;
	each_refused("", cases, N_OF(cases), 1);
	snprintf(want, sizeof(want), "@/d.conf:1: [zone \"a..b\"]: %s",
		 dname_from_text("a..b", name));
	refused("[zone \"a..b\"]\n", want);

	assert_int_equal(conf_load(path("none.conf"), &conf, why, sizeof(why)), -ENOENT);
	snprintf(want, sizeof(want), "%s cannot be read: No such file or directory",
		 path("none.conf"));
	assert_string_equal(why, want);
}

static void server_values(void **state)
{
#define TIME	"is no time: want a number and ms, s, m, h or d, as in 30s"
#define LEASE	"is no time: want a number and s, m, h or d, as in 30m"
#define PORT4	"port is missing (want ADDR:PORT, for example 192.0.2.1:4500)"
	static const struct refusal cases[] = {
		{ "stream = 5",
		  "stream: there is no such key in [server]; btmm-dnsd(8) lists them" },
		{ "primary = 127.0.0.1:53",
		  "primary: there is no such key in [server]; btmm-dnsd(8) lists them" },
		{ "Streams = 5",
		  "Streams: there is no such key in [server]; btmm-dnsd(8) lists them" },
		{ "streams =", "streams: a value is missing" },
		{ "listen-udp = ", "listen-udp: a value is missing" },
		{ "listen-udp = [::]:53 192.0.2.1", "listen-udp: 192.0.2.1: " PORT4 },
		{ "listen-tcp = 192.0.2.1:70000",
		  "listen-tcp: 192.0.2.1:70000: the port is not a number from 1 to 65535" },
		{ "listen-tls = [::]:1 [::]:2 [::]:1", "listen-tls: [::]:1 is listed already" },
		{ "certificate = tls.crt", "certificate: 'tls.crt' is no path that begins with /" },
		{ "certificate-key = ./a",
		  "certificate-key: './a' is no path that begins with /" },
		{ "state-directory = x", "state-directory: 'x' is no path that begins with /" },
		{ "control-socket = x", "control-socket: 'x' is no path that begins with /" },
		{ "control-socket = /12345678901234567890123456789012345678901234567890123456789"
		  "012345678901234567890123456789012345678901234567",
		  "control-socket: this path has more than 107 octets" },
		{ "allow-md5 = on", "allow-md5: 'on' is neither yes nor no" },
		{ "streams = 0", "streams: '0' is no number from 1 to 1000000" },
		{ "streams = 1000001", "streams: '1000001' is no number from 1 to 1000000" },
		{ "streams = -1", "streams: '-1' is no number from 1 to 1000000" },
		{ "streams = many", "streams: 'many' is no number from 1 to 1000000" },
		{ "streams-per-address = 0",
		  "streams-per-address: '0' is no number from 1 to 1000000" },
		{ "stream-idle = 30", "stream-idle: '30' " TIME },
		{ "stream-idle = s", "stream-idle: 's' " TIME },
		{ "stream-idle = 1h30m", "stream-idle: '1h30m' " TIME },
		{ "stream-idle = 1 h", "stream-idle: '1 h' " TIME },
		{ "stream-idle = 99999999999999s", "stream-idle: '99999999999999s' " TIME },
		{ "stream-idle = 99ms", "stream-idle: '99ms' is not within 100 ms and 24 h" },
		{ "stream-handshake = 2d",
		  "stream-handshake: '2d' is not within 100 ms and 24 h" },
		{ "llqs = 10000001", "llqs: '10000001' is no number from 0 to 10000000" },
		{ "llqs-per-account = x", "llqs-per-account: 'x' is no number from 0 to 10000000" },
		{ "llqs-per-address = x", "llqs-per-address: 'x' is no number from 0 to 10000000" },
		{ "lease-min = 0s", "lease-min: '0s' is not within 1 s and 7 d" },
		{ "lease-max = 8d", "lease-max: '8d' is not within 1 s and 7 d" },
		{ "lease-max = 1500ms", "lease-max: '1500ms' " LEASE },
		{ "lease-max = 4000000000d", "lease-max: '4000000000d' is not within 1 s and 7 d" },
		{ "llq-lease-min = 15", "llq-lease-min: '15' " LEASE },
		{ "llq-lease-max = 0d", "llq-lease-max: '0d' is not within 1 s and 7 d" },
		/* what does not go together */
		{ "certificate = /a", "certificate wants certificate-key beside it" },
		{ "certificate-key = /a", "certificate-key wants certificate beside it" },
		{ "listen-tls = [::]:853", "listen-tls wants certificate and certificate-key" },
		{ "lease-min = 3h", "lease-min (10800 s) is above lease-max (7200 s)" },
		{ "lease-max = 1m", "lease-min (1800 s) is above lease-max (60 s)" },
		{ "llq-lease-min = 3h",
		  "llq-lease-min (10800 s) is above llq-lease-max (7200 s)" },
	};

	(void)state;
	each_refused("[server]\n", cases, N_OF(cases), 2);
}

/* The TLS key is as secret as the others. */
static void open_certificate_key(void **state)
{
	static const char text[] = "[server]\ncertificate = /a\ncertificate-key = @/tls.key\n";

	(void)state;
	put_mode("tls.key", "", 0604);
	refused(text, "@/d.conf:3: certificate-key: @/tls.key is open to everybody (mode 0604): "
		"chmod o= @/tls.key");
	put_mode("tls.key", "", 0640);
	conf_free(load(text));
}

static void zone_values(void **state)
{
	static const struct refusal cases[] = {
		{ "streams = 5",
		  "streams: there is no such key in [zone]; btmm-dnsd(8) lists them" },
		{ "primary = 127.0.0.1", "primary: 127.0.0.1: " PORT4 },
		{ "primary = 0.0.0.0:53",
		  "primary: 0.0.0.0:53: 0.0.0.0/8 is no host's address" },
		{ "primary = 192.0.2.1:53 192.0.2.2:53", NULL },
		{ "private = maybe", "private: 'maybe' is neither yes nor no" },
		{ "owner = ", "owner: a value is missing" },
		{ "owner-address = x", NULL },
		{ "owner-address = 192.0.2.1:53",
		  "owner-address: [zone \"alice.example.com.\"] has owner = yes, so that it "
		  "is here" },
		{ "primary-key-file = k", "primary-key-file: 'k' is no path that begins with /" },
		{ "account-key-file = k", "account-key-file: 'k' is no path that begins with /" },
		{ "admin-key-file = @/admin.key k",
		  "admin-key-file: 'k' is no path that begins with /" },
		{ "public-name = www.example.com.",
		  "public-name: www.example.com. is not below alice.example.com." },
		{ "public-name = alice.example.com.",
		  "public-name: alice.example.com. is not below alice.example.com." },
		{ "public-name = .", "public-name: . is not below alice.example.com." },
		{ "primary-key-file = @/no.key", "primary-key-file: @/no.key cannot be read: "
		  "No such file or directory" },
		{ "admin-key-file = @/open.key", "admin-key-file: @/open.key is open to everybody "
		  "(mode 0644): chmod o= @/open.key" },
		{ "account-key-file = @/bob.key", "account-key-file: @/bob.key: the key is called "
		  "_account.bob.example.com. instead of _account.alice.example.com." },
		{ "account-key-file = @/md5.key", "account-key-file: @/md5.key: the key is of "
		  "hmac-md5, for which allow-md5 = yes is wanted" },
		{ "admin-key-file = @/account.key",
		  "admin-key-file: _account.alice.example.com. is the name of an account's key" },
		{ "admin-key-file = @/admin.key @/twin.key",
		  "admin-key-file: another key is called admin.example.com., too" },
		{ "admin-key-file = @/empty.key", "admin-key-file: @/empty.key is no key file: a "
		  "name is missing (want NAME ALGORITHM BASE64 on one line)" },
	};
	char text[512], why[CONF_WHY_SIZE];
	struct dnsd_conf *conf;
	size_t i;

	(void)state;
	put_mode("open.key", "a hmac-sha256 " SECRET "\n", 0644);
	put("empty.key", "");
	put("twin.key", "admin.example.com. hmac-sha512 " SECRET "\n");
	for (i = 0; i < N_OF(cases); i++) {
		if (cases[i].why) {
			each_refused(ALICE, &cases[i], 1, 4);
			continue;
		}
		/* the sentence is that of net.c */
		snprintf(text, sizeof(text), "%s%s\n", ALICE, cases[i].line);
		put("d.conf", text);
		assert_int_equal(conf_load(path("d.conf"), &conf, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, "d.conf:4: "));
	}
	put("d.conf", ALICE);
	conf_free(load("[server]\nallow-md5 = yes\n" ZONE "account-key-file = @/md5.key\n"));
}

static void zones_as_a_whole(void **state)
{
	(void)state;
	refused("\n[zone \"alice.example.com\"]\naccount-key-file = @/account.key\n",
		"@/d.conf:2: [zone \"alice.example.com.\"]: primary is missing");
	refused(ZONE, "@/d.conf:1: [zone \"alice.example.com.\"]: a private zone wants an "
		"account-key-file");
	refused(ALICE "owner = no\n", "@/d.conf:1: [zone \"alice.example.com.\"]: owner = no wants "
		"an owner-address");
	conf_free(load(ZONE "private = no\n"));
	conf_free(load(ZONE "admin-key-file = @/admin.key\n"));
}

/* Growing from one zone to many keeps what was said of each. */
static void many_zones(void **state)
{
	static char text[1 << 20];
	struct dnsd_conf *c;
	char name[64];
	size_t n = 0, i;

	(void)state;
	for (i = 0; i < 2000; i++)
		n += snprintf(text + n, sizeof(text) - n, 
			      "[zone \"z%zu.example.com\"]\nprivate = no\n"
			      "primary = 127.0.0.1:%zu\n", i, 1000 + i);
	assert_true(n < 32768 * 8);
	{
		FILE *f = fopen(path("d.conf"), "w");

		assert_non_null(f);
		assert_int_equal(fwrite(text, 1, n, f), n);
		assert_int_equal(fclose(f), 0);
	}
	assert_int_equal(conf_load(path("d.conf"), &c, name, sizeof(name)), 0);
	assert_int_equal(c->n_zones, 2000);
	for (i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "z%zu.example.com.", i);
		assert_string_equal(c->zones[i].name, name);
		assert_int_equal(c->zones[i].primary.port, 1000 + i);
	}
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(defaults, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(every_server_key, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(every_zone_key, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(dropins, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(sections, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(server_values, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(open_certificate_key, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(zone_values, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(zones_as_a_whole, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(many_zones, set_up_keys, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
