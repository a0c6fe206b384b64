// SPDX-License-Identifier: GPL-2.0-or-later
/* dns-load: commands, options, and what all of them need. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

void die(const char *format, ...)
{
	va_list args;

	fputs("dns-load: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("no memory");
	return p;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t now_real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

void wait_for_end(void)
{
	char c;

	puts("ready");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
}

void name_of(const char *text, uint8_t out[DNAME_MAX])
{
	const char *why = dname_from_text(text, out);

	if (why)
		die("%s: %s", text, why);
	dname_lower(out);
}

static void key_of(const char *name, const char *hex, struct tsig_key *key)
{
	unsigned int octet, i;

	name_of(name, key->name);
	key->algorithm = TSIG_HMAC_SHA256;
	for (i = 0; hex[2 * i] && i < TSIG_SECRET_MAX; i++) {
		if (sscanf(hex + 2 * i, "%2x", &octet) != 1)
			die("%s: what is '%s'?", name, hex);
		key->secret[i] = (uint8_t)octet;
	}
	key->secret_len = (uint8_t)i;
}

struct parties parties_read(const char *path)
{
	char owner[512], zone[512], key[512], hex[2 * TSIG_SECRET_MAX + 1];
	FILE *f = path ? fopen(path, "re") : NULL;
	struct parties out = { 0 };
	size_t room = 0;

	if (!f)
		die("%s: cannot be read", path ? path : "(no file given)");
	while (fscanf(f, "%511s %511s %511s %128s", owner, zone, key, hex) == 4) {
		if (out.n == room) {
			room = room ? 2 * room : 64;
			out.v = realloc(out.v, room * sizeof(*out.v));
			if (!out.v)
				die("no memory");
		}
		memset(&out.v[out.n], 0, sizeof(*out.v));
		name_of(owner, out.v[out.n].owner);
		name_of(zone, out.v[out.n].zone);
		key_of(key, hex, &out.v[out.n++].key);
	}
	fclose(f);
	if (!out.n)
		die("%s: no line in it", path);
	return out;
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	char ip[INET_ADDRSTRLEN];
	unsigned int port;

	if (sscanf(text, "%15[0-9.]:%u", ip, &port) != 2 || port > 65535 ||
	    inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		die("%s: not ADDRESS:PORT", text);
	a.sin_port = htons((uint16_t)port);
	return a;
}

static const struct option long_options[] = {
	{ "server", required_argument, NULL, 's' },
	{ "update", required_argument, NULL, 'u' },
	{ "keys", required_argument, NULL, 'k' },
	{ "subscribers", required_argument, NULL, 'b' },
	{ "targets", required_argument, NULL, 't' },
	{ "zone", required_argument, NULL, 'z' },
	{ "count", required_argument, NULL, 'n' },
	{ "warmup", required_argument, NULL, 'w' },
	{ "outstanding", required_argument, NULL, 'o' },
	{ "first", required_argument, NULL, 'f' },
	{ "per-client", required_argument, NULL, 'c' },
	{ "lease", required_argument, NULL, 'l' },
	{ "push", no_argument, NULL, 'p' },
	{ NULL, 0, NULL, 0 },
};

static void number_option(struct options *o, int c, const char *text)
{
	unsigned int v = (unsigned int)strtoul(text, NULL, 10);

	switch (c) {
	case 'n':
		o->count = v;
		break;
	case 'w':
		o->warmup = v;
		break;
	case 'o':
		o->outstanding = v;
		break;
	case 'f':
		o->first = v;
		break;
	case 'c':
		o->per_client = v;
		break;
	case 'l':
		o->lease = v;
		break;
	default:
		exit(2);
	}
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			o->server = address(optarg);
			break;
		case 'u':
			o->update = address(optarg);
			break;
		case 'k':
			o->keys = optarg;
			break;
		case 'b':
			o->subs = optarg;
			break;
		case 't':
			o->targets = optarg;
			break;
		case 'z':
			o->zone = optarg;
			break;
		case 'p':
			o->push = true;
			break;
		default:
			number_option(o, c, optarg);
			break;
		}
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *o);
	} commands[] = {
		{ "updates", run_updates }, { "events", run_events },
		{ "fill", run_fill }, { "sessions", run_sessions },
	};
	static const uint8_t seed[16] = "one run, one key";
	struct options o = { .count = 1, .outstanding = 1, .per_client = 10 };
	struct rlimit files;
	size_t i;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	dname_hash_init(seed);
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		parse(argc - 1, argv + 1, &o);
		return commands[i].run(&o);
	}
	fputs("usage: dns-load updates|events|fill|sessions [options] (bench.h)\n", stderr);
	return 2;
}
