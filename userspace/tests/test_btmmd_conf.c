// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's configuration: defaults, every key, every error, and what a reload finds. */
#include "test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../btmmd/conf_int.h"

static char dir[64], path[96], dropins[96], why[CONF_WHY];
static struct btmmd_conf *conf;

static int setup(void **state)
{
	(void)state;
	conf = NULL;
	strcpy(dir, "/tmp/btmmd-conf.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/c.conf", dir);
	snprintf(dropins, sizeof(dropins), "%s/c.conf.d", dir);
	return mkdir(dropins, 0700);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	conf_free(conf);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void write_file(const char *name, const char *text)
{
	char p[160];
	FILE *f;

	snprintf(p, sizeof(p), "%s/%s", dir, name);
	f = fopen(p, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void load(const char *text)
{
	int err;

	conf_free(conf);
	conf = NULL;
	write_file("c.conf", text);
	err = conf_load(path, &conf, why);
	if (err)
		fail_msg("%s (%d)", why, err);
}

static void refused(const char *text, unsigned int line, const char *wanted)
{
	struct btmmd_conf *none = NULL;
	char full[CONF_WHY];

	write_file("c.conf", text);
	assert_int_equal(conf_load(path, &none, why), -EINVAL);
	assert_null(none);
	if (line)
		snprintf(full, sizeof(full), "%s:%u: %s", path, line, wanted);
	else
		snprintf(full, sizeof(full), "%s", wanted);
	if (strcmp(why, full))
		fail_msg("'%s' instead of '%s'", why, full);
}

static void defaults(void **state)
{
	(void)state;
	load("");
	assert_string_equal(conf->account_directory, "/etc/btmm/host");
	assert_false(conf->private_address);
	assert_int_equal(conf->info.n, 0);
	assert_string_equal(conf->device, "btmm0");
	assert_int_equal(conf->port, 4500);
	assert_int_equal(conf->keepalive, 20);
	assert_int_equal(conf->mark, 0);
	assert_true(conf->nat_pmp && conf->upnp);
	assert_int_equal(conf->lifetime, 3600);
	assert_int_equal(conf->refresh, 120);
	assert_int_equal(conf->public_endpoint.addr.len, 0);
	assert_int_equal(conf->server.addr.len, 0);
	assert_false(conf->clear_text || conf->browse);
	assert_int_equal(conf->lease, 5400);
	assert_int_equal(conf->llq_lease, 3600);
	assert_memory_equal(conf->listen.addr.b, "\x7f\0\0\x42", 4);
	assert_int_equal(conf->listen.port, 53);
	assert_false(conf->system_charon);
	assert_string_equal(conf->vici_socket, "/run/btmm-charon/vici");
	assert_int_equal(conf->cipher, CONF_CIPHER_AUTO);
	assert_string_equal(conf->runtime_directory, "/run/btmmd");
	assert_string_equal(conf->control_socket, "/run/btmmd/control");
	assert_int_equal(conf->peers, 4096);
	assert_int_equal(conf->n_services, 0);
}

static void every_key(void **state)
{
	static const char text[] =
		"[host]\n"
		"account-directory = /a\nprivate-address = yes\n"
		"info = model=Lab 1,1\ninfo = headless\n"
		"[tunnel]\ndevice = t0\nport = 4501\nkeepalive = 1m\nmark = 0x10\n"
		"[nat]\nnat-pmp = no\nupnp = no\nlifetime = 2m\nrefresh = 5s\n"
		"public-endpoint = 192.0.2.9:61000\nstun-server = 192.0.2.1 [2001:db8::1]:99\n"
		"stun-server = 192.0.2.2\n"
		"[dns]\nserver = 192.0.2.3\nresolver = 2001:db8::53\n"
		"certificate-authority = /ca.pem\nserver-name = ns.example.com\n"
		"clear-text = yes\nbrowse = yes\nlease = 30m\nllq-lease = 15m\nllq-port = 5353\n"
		"[names]\nlisten = [::1]:5300\n"
		"[ike]\ncharon = system\nvici-socket = /v\ncipher = chacha20-poly1305\nrekey = 5m\n"
		"[daemon]\nruntime-directory = /r\ncontrol-socket = /r/c\npeers = 7\n";

	(void)state;
	load(text);
	assert_string_equal(conf->account_directory, "/a");
	assert_true(conf->private_address);
	assert_int_equal(conf->info.n, 2);
	assert_string_equal(conf->info.v[0], "model=Lab 1,1");
	assert_string_equal(conf->info.v[1], "headless");
	assert_string_equal(conf->device, "t0");
	assert_int_equal(conf->port, 4501);
	assert_int_equal(conf->keepalive, 60);
	assert_int_equal(conf->mark, 16);
	assert_false(conf->nat_pmp || conf->upnp);
	assert_int_equal(conf->lifetime, 120);
	assert_int_equal(conf->refresh, 5);
	assert_memory_equal(conf->public_endpoint.addr.b, "\xc0\0\2\x09", 4);
	assert_int_equal(conf->public_endpoint.port, 61000);
	assert_int_equal(conf->stun_servers.n, 3);
	assert_int_equal(conf->stun_servers.v[0].port, 3478);
	assert_int_equal(conf->stun_servers.v[1].port, 99);
	assert_int_equal(conf->stun_servers.v[1].addr.len, 16);
	assert_int_equal(conf->server.port, 853);
	assert_int_equal(conf->resolvers.n, 1);
	assert_int_equal(conf->resolvers.v[0].port, 53);
	assert_string_equal(conf->authority, "/ca.pem");
	assert_string_equal(conf->server_name, "ns.example.com");
	assert_true(conf->clear_text && conf->browse);
	assert_int_equal(conf->lease, 1800);
	assert_int_equal(conf->llq_lease, 900);
	assert_int_equal(conf->llq_port, 5353);
	assert_int_equal(conf->listen.addr.len, 16);
	assert_int_equal(conf->listen.port, 5300);
	assert_true(conf->system_charon);
	assert_string_equal(conf->vici_socket, "/v");
	assert_int_equal(conf->cipher, CONF_CIPHER_CHACHA);
	assert_int_equal(conf->rekey, 300);
	assert_string_equal(conf->runtime_directory, "/r");
	assert_string_equal(conf->control_socket, "/r/c");
	assert_int_equal(conf->peers, 7);
	load("[names]\nlisten = off\n");
	assert_int_equal(conf->listen.addr.len, 0);
}

static void services(void **state)
{
	struct publish_service out[PUBLISH_SERVICES];

	(void)state;
	write_file("c.conf.d/10.conf", "[service \"Alice's Mac. 2._http._tcp\"]\nport = 8080\n"
		   "text = b=2\n");
	load("[service \"Alice's Mac. 2._http._tcp\"]\nport = 80\ntext = path=/\nsubtype = _x\n"
	     "host = printer.example.com\n[service \"_ssh._tcp\"]\nport = 22\n");
	assert_int_equal(conf->n_services, 2);
	assert_int_equal(conf_services(conf, "mini", out), 2);
	assert_string_equal(out[0].instance, "Alice's Mac. 2");
	assert_string_equal(out[0].type, "_http._tcp");
	/* The second file has more texts, and the last port. */
	assert_int_equal(out[0].port, 8080);
	assert_int_equal(out[0].n_texts, 2);
	assert_string_equal(out[0].texts[1], "b=2");
	assert_int_equal(out[0].n_subtypes, 1);
	assert_string_equal(out[0].subtypes[0], "_x");
	assert_memory_equal(out[0].host, "\7printer\7example\3com", 21);
	assert_string_equal(out[1].instance, "mini");
	assert_string_equal(out[1].type, "_ssh._tcp");
	assert_null(out[1].host);
}

static void what_is_wrong(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *wanted;
	} cases[] = {
		{ "port = 1\n", 1, "port: a section has to come first, such as [host]" },
		{ "[host]\n[wurst]\n", 2, "there is no section [wurst]" },
		{ "[host \"x\"]\n", 1, "[host] has no argument" },
		{ "[host]\nport = 1\n", 2, "port: this key belongs into [tunnel], not [host]" },
		{ "[host]\nbort = 1\n", 2, "bort: there is no such key in [host]" },
		{ "[host]\nprivate-address = on\n", 2,
		  "private-address: 'on' is neither yes nor no" },
		{ "[host]\naccount-directory = x\n", 2,
		  "account-directory: 'x' is no path that begins with /" },
		{ "[host]\ninfo = =x\n", 2, "info: '=x' has no key in front of =" },
		{ "[host]\ninfo = a=1\ninfo = A=2\n", 0,
		  "info: 'A=2' has a key that was there already" },
		{ "[tunnel]\nport = 0\n", 2, "port: '0' is no number from 1 to 65535" },
		{ "[tunnel]\nport = 4500x\n", 2, "port: '4500x' is no number from 1 to 65535" },
		{ "[tunnel]\ndevice = a/b\n", 2,
		  "device: 'a/b' cannot be the name of an interface" },
		{ "[tunnel]\ndevice = abcdefghijklmnop\n", 2,
		  "device: 'abcdefghijklmnop' cannot be the name of an interface" },
		{ "[tunnel]\nkeepalive = 20\n", 2, "keepalive: '20' is no time: want a number and "
		  "s, m, h or d, as in 30m" },
		{ "[nat]\nlifetime = 1m\n", 2, "lifetime: '1m' is not within 2m and 24h" },
		{ "[nat]\nrefresh = 4s\n", 2, "refresh: '4s' is not within 5s and 24h" },
		{ "[nat]\npublic-endpoint = 192.0.2.1\n", 2, "public-endpoint: 192.0.2.1: port is "
		  "missing (want ADDR:PORT, for example 192.0.2.1:4500)" },
		{ "[nat]\nstun-server =\n", 2, "stun-server: a value is missing" },
		{ "[nat]\nstun-server = 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
		  "1.1.1.1 1.1.1.1\n", 2, "stun-server: these are more than 8" },
		{ "[dns]\nserver = ns.example.com\n", 2,
		  "server: ns.example.com: this is no IPv4 or IPv6 address" },
		{ "[dns]\nlease = 29m\n", 2, "lease: '29m' is not within 30m and 2h" },
		{ "[dns]\n\nserver-name = a\n", 3, "server-name wants certificate-authority beside "
		  "it" },
		{ "[dns]\ncertificate-authority = /a\n", 2, "certificate-authority wants "
		  "server-name beside it" },
		{ "[names]\nlisten = 192.0.2.1\n", 2, "listen: 192.0.2.1 is no address of this "
		  "machine alone: want one of 127.0.0.0/8, or ::1, or off" },
		{ "[ike]\ncharon = none\n", 2, "charon: 'none' is neither private nor system" },
		{ "[ike]\ncipher = aes\n", 2, "cipher: 'aes' is none of auto, aes-gcm and "
		  "chacha20-poly1305" },
		{ "[daemon]\npeers = 5000\n", 2, "peers: '5000' is no number from 1 to 4096" },
		{ "[service \"x\"]\n", 1,
		  "a service is named: [service \"Alice's Mac._ssh._tcp\"]" },
		{ "[service]\n", 1, "a service is named: [service \"Alice's Mac._ssh._tcp\"]" },
		{ "[service \"x._dns-a._tcp\"]\n", 1, "[service \"x._dns-a._tcp\"]: the type "
		  "_dns-a._tcp is for the servers of the domain" },
		{ "[service \"x._tcp\"]\n", 1,
		  "a service is named: [service \"Alice's Mac._ssh._tcp\"]" },
		{ "[service \"_x._sctp\"]\n", 1, "[service \"_x._sctp\"]: the type _x._sctp is "
		  "not of the form _NAME._tcp or _NAME._udp" },
		{ "[service \"\x80._a._tcp\"]\n", 1, "[service \"\x80._a._tcp\"]: the name is not "
		  "in UTF-8" },
		{ "[service \"x._a._tcp\"]\n", 1, "[service \"x._a._tcp\"]: port is missing" },
		{ "[service \"_a._tcp\"]\nport = 0\n", 2,
		  "port: '0' is no number from 1 to 65535" },
		{ "[service \"_a._tcp\"]\nsubtype =\n", 2, "subtype: '' is empty" },
		{ "[service \"_a._tcp\"]\nhost = a..b\n", 2, NULL },
		{ "[service \"_a._tcp\"]\ntype = a\n", 2,
		  "type: there is no such key in [service]" },
		{ "\n[service \"_a._tcp\"]\nport = 1\ntext = a\ntext = a\n", 2,
		  "[service \"_a._tcp\"]: text: 'a' has a key that was there already" },
	};
	struct btmmd_conf *none = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		if (cases[i].wanted) {
			refused(cases[i].text, cases[i].line, cases[i].wanted);
			continue;
		}
		write_file("c.conf", cases[i].text);
		assert_int_equal(conf_load(path, &none, why), -EINVAL);
	}
}

static void files(void **state)
{
	struct btmmd_conf *none = NULL;
	char missing[128], wanted[256];

	(void)state;
	snprintf(missing, sizeof(missing), "%s/none.conf", dir);
	assert_int_equal(conf_load(missing, &none, why), -ENOENT);
	assert_non_null(strstr(why, missing));
	write_file("c.conf.d/20.conf", "[tunnel]\nport = 2\n");
	write_file("c.conf.d/10.conf", "[tunnel]\nport = 1\n");
	write_file("c.conf.d/30.off", "[wurst]\n");
	load("[tunnel]\nport = 3\n");
	assert_int_equal(conf->port, 2);
	/* A file does not go on in the section of the one before. */
	write_file("c.conf.d/20.conf", "port = 2\n");
	assert_int_equal(conf_load(path, &none, why), -EINVAL);
	snprintf(wanted, sizeof(wanted), "%s/20.conf:1: port: a section has to come first, such "
		 "as [host]", dropins);
	assert_string_equal(why, wanted);
}

static void compared(void **state)
{
	static const struct {
		const char *text;
		unsigned int change;
		const char *key;
	} cases[] = {
		{ "", 0, NULL },
		{ "[host]\naccount-directory = /etc/btmm/host\n", 0, NULL },
		{ "[host]\naccount-directory = /x\n", CONF_ACCOUNT, NULL },
		{ "[host]\ninfo = a\n", CONF_PUBLISH, NULL },
		{ "[service \"_a._tcp\"]\nport = 1\n", CONF_PUBLISH, NULL },
		{ "[tunnel]\nmark = 1\n", CONF_TUNNEL, NULL },
		{ "[tunnel]\nport = 1\n", CONF_RESTART, "port" },
		{ "[nat]\nstun-server = 192.0.2.1\n", CONF_NAT, NULL },
		{ "[nat]\npublic-endpoint = 192.0.2.1:1\nupnp = no\n", CONF_NAT, NULL },
		{ "[dns]\nserver = 192.0.2.1\n[names]\nlisten = off\n", CONF_DNS | CONF_NAMES,
		  NULL },
		{ "[dns]\ncertificate-authority = /a\nserver-name = b\n", CONF_DNS, NULL },
		{ "[dns]\nbrowse = yes\n", CONF_PUBLISH, NULL },
		{ "[ike]\ncipher = aes-gcm\n", CONF_IKE, NULL },
		{ "[tunnel]\ndevice = x\n[daemon]\npeers = 1\n", CONF_RESTART, "device" },
	};
	struct btmmd_conf *first;
	const char *key;
	size_t i;

	(void)state;
	load("");
	first = conf;
	conf = NULL;
	for (i = 0; i < N_OF(cases); i++) {
		load(cases[i].text);
		assert_int_equal(conf_compare(first, conf, &key), cases[i].change);
		assert_int_equal(conf_compare(conf, first, &key), cases[i].change);
		assert_int_equal(!key, !cases[i].key);
		if (key)
			assert_string_equal(key, cases[i].key);
	}
	conf_free(first);
}

static void services_compared(void **state)
{
#define BASE	"[service \"a._a._tcp\"]\nport = 1\ntext = x\nsubtype = s\nhost = h.example.com\n"
	static const char *const others[] = {
		"[service \"b._a._tcp\"]\nport = 1\ntext = x\nsubtype = s\nhost = h.example.com\n",
		"[service \"a._b._tcp\"]\nport = 1\ntext = x\nsubtype = s\nhost = h.example.com\n",
		BASE "port = 2\n", BASE "text = y\n", BASE "subtype = t\n",
		BASE "host = i.example.com\n",
		"[service \"a._a._tcp\"]\nport = 1\ntext = x\nsubtype = s\n",
		BASE "[service \"_a._tcp\"]\nport = 1\n",
	};
	struct btmmd_conf *first;
	const char *key;
	size_t i;

	(void)state;
	load(BASE);
	first = conf;
	conf = NULL;
	load(BASE);
	assert_int_equal(conf_compare(first, conf, &key), 0);
	for (i = 0; i < N_OF(others); i++) {
		load(others[i]);
		assert_int_equal(conf_compare(first, conf, &key), CONF_PUBLISH);
	}
	conf_free(first);
}

/* A reload: what wants a restart stays, what is published changes, and nothing is lost. */
static void taken_over(void **state)
{
	static const char old[] = "[tunnel]\ndevice = old0\nport = 1\nkeepalive = 1s\n"
				  "[host]\ninfo = a=1\n[service \"_a._tcp\"]\nport = 1\n";
	static const char new[] = "[tunnel]\ndevice = new0\nport = 2\nkeepalive = 2s\n"
				  "[host]\ninfo = b=2\ninfo = c=3\n[dns]\nbrowse = yes\n"
				  "[service \"_b._tcp\"]\nport = 2\n[service \"_c._tcp\"]\nport = 3\n";
	struct btmmd_conf *first;
	const char *key;

	(void)state;
	load(old);
	first = conf;
	conf = NULL;
	load(new);
	conf_keep(conf, first);
	assert_string_equal(conf->device, "old0");
	assert_int_equal(conf->port, 1);
	assert_int_equal(conf->keepalive, 2);
	assert_int_equal(conf->info.n, 2);
	assert_string_equal(first->device, "new0");
	assert_false(conf_compare(first, conf, &key) & CONF_NAT);
	conf_free(first);

	load(old);
	first = conf;
	conf = NULL;
	load(new);
	conf_swap_published(first, conf);
	assert_string_equal(first->device, "old0");
	assert_int_equal(first->keepalive, 1);
	assert_int_equal(first->info.n, 2);
	assert_string_equal(first->info.v[1], "c=3");
	assert_true(first->browse);
	assert_int_equal(first->n_services, 2);
	assert_string_equal(first->services[1].type, "_c._tcp");
	assert_int_equal(conf->n_services, 1);
	assert_string_equal(conf->services[0].type, "_a._tcp");
	conf_free(first);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(defaults),
		T(every_key),
		T(services),
		T(what_is_wrong),
		T(files),
		T(compared),
		T(services_compared),
		T(taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
