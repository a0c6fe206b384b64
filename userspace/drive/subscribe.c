// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drives btmmd's subscription from a shell, for selftests: prints a line for each peer
 * that comes, moves, reboots or goes, and for each way it finds to a server.
 *
 *	subscribe --domain D --self NAME --key FILE --resolver ADDR:PORT
 *		[--pin HEX]... [--ca FILE --name NAME] [--clear] [--deaf] [--own ULA]
 *		[--ipv6] [--keepalive MS] [--lease S]
 *
 * FILE: a key's name, algorithm and secret in base 64. Words on standard input: moved,
 * all (moved, and nothing that there is will do), pause, deaf, hears, again NAME, status,
 * quit.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../btmmd/signer.h"
#include "../btmmd/subscribe.h"

static struct driver {
	sd_event *event;
	struct servers *servers;
	struct subscribe *sub;
	struct host_signer signer;
} d;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(2);
}

static void on_peer(void *arg, const struct peers_event *e)
{
	static const char *const words[] = { "came", "moved", "reborn", "went", "read" };
	char ula[INET6_ADDRSTRLEN], outer[ENDPOINT_TEXT_SIZE] = "-";

	(void)arg;
	inet_ntop(AF_INET6, e->kind == PEERS_WENT ? &e->old_ula : &e->ula, ula, sizeof(ula));
	if (e->outer.len)
		text_from_endpoint(&e->outer, e->port, outer);
	printf("%s %s %s %s\n", words[e->kind], e->name, ula, outer);
}

static void on_complete(void *arg)
{
	(void)arg;
	puts("complete");
}

static void on_changed(void *arg)
{
	static const char *const words[] = { "none", "polls", "live" };
	struct subscribe_status st;
	char place[DNS_PLACE_TEXT];

	(void)arg;
	subscribe_status(d.sub, &st);
	if (st.to.port)
		printf("way %s, %s, %s", words[st.quality], leg_kind_text(st.kind),
		       dns_place_text(&st.to, place));
	else
		printf("way %s", words[st.quality]);
	printf(*st.why ? " (%s)\n" : "\n", st.why);
}

static void print_status(void)
{
	static const char *const known[] = { "unknown", "stale", "polled", "live" };
	struct peers_walk w = { 0 };
	struct peers_status st;

	on_changed(NULL);
	while (peers_next(subscribe_peers(d.sub), &w, &st))
		printf("peer %s %s %s%s%s\n", st.name, st.told ? "there" : "absent",
		       known[st.known], st.reason ? " " : "", peers_reason_text(st.reason));
	puts("end");
}

static void servers_news(void *arg)
{
	(void)arg;
	if (d.sub)
		subscribe_servers_changed(d.sub);
}

static const struct subscribe_ops ops = { on_peer, on_complete, on_changed };
static const struct servers_ops servers_ops = { servers_news };

static void word(char *line)
{
	if (!strcmp(line, "moved"))
		subscribe_moved(d.sub, false);
	else if (!strcmp(line, "all"))
		subscribe_moved(d.sub, true);
	else if (!strcmp(line, "pause"))
		subscribe_pause(d.sub);
	else if (!strcmp(line, "deaf"))
		subscribe_deaf(d.sub, true);
	else if (!strcmp(line, "hears"))
		subscribe_deaf(d.sub, false);
	else if (!strncmp(line, "again ", 6))
		printf("again %d\n", subscribe_read_again(d.sub, line + 6));
	else if (!strcmp(line, "status"))
		print_status();
	else if (!strcmp(line, "quit"))
		sd_event_exit(d.event, 0);
	else
		die(line, "no such word");
}

static int on_input(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	char buf[1024], *at = buf, *line;
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	(void)s;
	(void)events;
	(void)arg;
	if (n <= 0)
		return sd_event_exit(d.event, 0);
	buf[n] = '\0';
	while ((line = strsep(&at, "\n"))) {
		if (*line)
			word(line);
	}
	return 0;
}

static void read_name(const char *text, uint8_t out[DNAME_MAX])
{
	const char *why = dname_from_text(text, out);

	if (why)
		die(text, why);
}

static void read_key(const char *file)
{
	char name[256], algorithm[64], secret[256];
	struct tsig_key key = { 0 };
	uint8_t raw[256];
	FILE *f = fopen(file, "re");
	int n;

	if (!f || fscanf(f, "%255s %63s %255s", name, algorithm, secret) != 3)
		die(file, "no key");
	fclose(f);
	read_name(name, key.name);
	dname_lower(key.name);
	key.algorithm = tsig_algorithm_from_text(algorithm);
	n = EVP_DecodeBlock(raw, (uint8_t *)secret, (int)strlen(secret));
	for (size_t i = strlen(secret); n > 0 && i && secret[i - 1] == '='; i--)
		n--;
	if (!key.algorithm || n <= 0 || n > TSIG_SECRET_MAX)
		die(file, "no key");
	memcpy(key.secret, raw, (size_t)n);
	key.secret_len = (uint8_t)n;
	host_signer_init(&d.signer, &key);
}

static void read_place(const char *text, struct dns_place *out)
{
	struct addr a;
	const char *why = text_to_endpoint(text, &a, &out->port);

	if (why)
		die(text, why);
	memset(&out->ip, 0, sizeof(out->ip));
	memset(out->ip.s6_addr + 10, a.len == 4 ? 0xff : 0, 2);
	memcpy(out->ip.s6_addr + 16 - a.len, a.b, a.len);
}

static void read_pin(const char *hex, uint8_t out[DNS_PIN_LEN])
{
	size_t i;

	for (i = 0; i < DNS_PIN_LEN; i++) {
		unsigned int v;

		if (sscanf(hex + 2 * i, "%2x", &v) != 1)
			die(hex, "no pin");
		out[i] = (uint8_t)v;
	}
}

static uint8_t domain[DNAME_MAX], self[DNAME_MAX];
static struct servers_config sc = { .domain = domain, .is_zone = true };
static struct subscribe_config config = { .domain = domain, .self = self, .ipv4 = true };
static struct dns_trust_config tc;
static struct in6_addr own;

static bool option(int c)
{
	switch (c) {
	case 'd':
		read_name(optarg, domain);
		return true;
	case 's':
		read_name(optarg, self);
		return true;
	case 'k':
		read_key(optarg);
		return true;
	case 'r':
		read_place(optarg, &sc.resolvers[sc.n_resolvers++]);
		return sc.n_resolvers < SERVERS_RESOLVERS;
	case 'p':
		read_pin(optarg, tc.pins[tc.n_pins++]);
		return tc.n_pins < DNS_PINS_MAX;
	case 'c':
		tc.ca_file = optarg;
		return true;
	case 'n':
		tc.name = optarg;
		return true;
	case 'C':
		config.clear = true;
		return true;
	case 'D':
		config.deaf = true;
		return true;
	case 'o':
		return inet_pton(AF_INET6, optarg, &own) == 1;
	case '6':
		config.ipv6 = true;
		return true;
	case 'K':
		config.keepalive = (uint32_t)atoi(optarg);
		return true;
	case 'l':
		config.lease = (uint32_t)atoi(optarg);
		return true;
	default:
		return false;
	}
}

static void start(void)
{
	uint8_t hash[16];
	char why[256];
	int err;

	if (getrandom(hash, sizeof(hash), 0) != sizeof(hash))
		die("getrandom", strerror(errno));
	dname_hash_init(hash);
	if (tc.n_pins || tc.ca_file) {
		config.trust = dns_trust_new(&tc, why, sizeof(why));
		if (!config.trust)
			die("trust", why);
	}
	if (d.signer.key.secret_len)
		config.signer = host_signer_ops(&d.signer);
	if (sd_event_default(&d.event) < 0 ||
	    servers_new(d.event, &sc, &servers_ops, NULL, &d.servers) < 0)
		die("start", "no memory");
	config.servers = d.servers;
	err = subscribe_new(d.event, &config, &ops, NULL, &d.sub);
	if (err < 0)
		die("start", strerror(-err));
	subscribe_own(d.sub, &own);
	sd_event_add_io(d.event, NULL, 0, EPOLLIN, on_input, NULL);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "domain", 1, NULL, 'd' }, { "self", 1, NULL, 's' }, { "key", 1, NULL, 'k' },
		{ "resolver", 1, NULL, 'r' }, { "pin", 1, NULL, 'p' }, { "ca", 1, NULL, 'c' },
		{ "name", 1, NULL, 'n' }, { "clear", 0, NULL, 'C' }, { "own", 1, NULL, 'o' },
		{ "deaf", 0, NULL, 'D' }, { "keepalive", 1, NULL, 'K' }, { "ipv6", 0, NULL, '6' },
		{ "lease", 1, NULL, 'l' }, { 0 },
	};
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (!option(c))
			return 2;
	}
	start();
	c = sd_event_loop(d.event);
	subscribe_free(d.sub);
	servers_free(d.servers);
	dns_trust_free(config.trust);
	host_signer_wipe(&d.signer);
	sd_event_unref(d.event);
	return c < 0;
}
