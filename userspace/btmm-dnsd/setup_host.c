// SPDX-License-Identifier: GPL-2.0-or-later
/* What this machine is. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "setup.h"
#include "setup_run.h"

const char *setup_domain(const char *text, uint8_t name[DNAME_MAX], char out[DNAME_TEXT_MAX])
{
	const char *why, *p;

	/* They become names of files, and words in other programs' configuration. */
	for (p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return "is no domain name: letters, digits, - and _, with dots between";
	}
	why = dname_from_text(text, name);
	if (why)
		return why;
	if (dname_labels(name) < 2)
		return "has too few labels: want something like alice.example.com";
	dname_lower(name);
	name_text(name, out);
	return NULL;
}

/* --- addresses ----------------------------------------------------------- */

bool setup_wildcard(const struct in6_addr *a)
{
	return IN6_IS_ADDR_UNSPECIFIED(a) ||
	       (IN6_IS_ADDR_V4MAPPED(a) && !memcmp(&a->s6_addr[12], "\0\0\0", 4));
}

static bool v4_is_public(const uint8_t *b)
{
	return b[0] != 0 && b[0] != 10 && b[0] != 127 && b[0] < 224 &&
	       !(b[0] == 100 && (b[1] & 0xc0) == 64) &&	/* carriers' NAT, RFC 6598 */
	       !(b[0] == 169 && b[1] == 254) &&
	       !(b[0] == 172 && (b[1] & 0xf0) == 16) &&
	       !(b[0] == 192 && b[1] == 168);
}

bool setup_is_public(const struct net_addr *a)
{
	if (net_is_v4(a))
		return v4_is_public(&a->ip.s6_addr[12]);
	return (a->ip.s6_addr[0] & 0xe0) == 0x20;	/* 2000::/3 */
}

static void add_addr(struct net_addr *out, size_t *n, size_t max, const struct net_addr *a)
{
	size_t i;

	if (*n == max || !setup_is_public(a))
		return;
	for (i = 0; i < *n; i++) {
		if (net_equal(&out[i], a))
			return;
	}
	out[(*n)++] = *a;
}

/* The kernel's list, for its flags: addresses that come and go are of no use. */
static void add_v6(struct net_addr *out, size_t *n, size_t max)
{
	enum { TEMPORARY = 0x01, DADFAILED = 0x08, DEPRECATED = 0x20, TENTATIVE = 0x40 };
	FILE *f = fopen("/proc/net/if_inet6", "re");
	struct net_addr a;
	char hex[33];
	unsigned int scope, flags, i, b;

	if (!f)
		return;
	while (fscanf(f, "%32s %*x %*x %x %x %*s", hex, &scope, &flags) == 3) {
		memset(&a, 0, sizeof(a));
		for (i = 0; i < 16 && sscanf(hex + 2 * i, "%2x", &b) == 1; i++)
			a.ip.s6_addr[i] = (uint8_t)b;
		if (i == 16 && !scope &&
		    !(flags & (TEMPORARY | DADFAILED | DEPRECATED | TENTATIVE)))
			add_addr(out, n, max, &a);
	}
	fclose(f);
}

size_t setup_public_addrs(struct net_addr *out, size_t max)
{
	struct ifaddrs *all, *i;
	struct sockaddr_storage ss;
	struct net_addr a;
	size_t n = 0;

	if (!getifaddrs(&all)) {
		for (i = all; i; i = i->ifa_next) {
			if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
			    !(i->ifa_flags & IFF_UP))
				continue;
			memset(&ss, 0, sizeof(ss));
			memcpy(&ss, i->ifa_addr, sizeof(struct sockaddr_in));
			if (net_from_sockaddr(&ss, &a)) {
				a.port = 0;
				add_addr(out, &n, max, &a);
			}
		}
		freeifaddrs(all);
	}
	add_v6(out, &n, max);
	return n;
}

static bool is_local(const struct net_addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = net_to_sockaddr(a, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = !bind(fd, (struct sockaddr *)&ss, len);
	close(fd);
	return ok;
}

static void add_listen(struct setup *su, const struct net_addr *a)
{
	size_t i;

	for (i = 0; i < su->n_listen; i++) {
		if (net_equal(&su->listen[i], a))
			return;
	}
	if (su->n_listen < SETUP_ADDRS)
		su->listen[su->n_listen++] = *a;
}

void setup_listen(struct setup *su)
{
	bool wild[2] = { false, false };	/* IPv6, IPv4 */
	char text[INET6_ADDRSTRLEN];
	struct net_addr any;
	size_t i;

	for (i = 0; i < su->n_addrs; i++) {
		const struct net_addr *a = &su->addrs[i];
		bool v4 = net_is_v4(a);

		if (su->root || is_local(a))
			continue;
		wild[v4] = true;
		inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &a->ip.s6_addr[12] : a->ip.s6_addr,
			  text, sizeof(text));
		setup_note(su, "%s is no address of this machine; behind a NAT, ports 53 (UDP and "
			   "TCP) and 853 (TCP) have to lead here", text);
	}
	su->n_listen = 0;
	for (i = 0; i < su->n_addrs; i++) {
		any = su->addrs[i];
		if (wild[net_is_v4(&any)])
			memset(&any.ip.s6_addr[net_is_v4(&any) ? 12 : 0], 0,
			       net_is_v4(&any) ? 4 : 16);
		add_listen(su, &any);
	}
}

/* --- the daemon's user --------------------------------------------------- */

bool setup_systemd(void)
{
	return !access("/run/systemd/system", F_OK);
}

int setup_user(struct setup *su, struct why *why)
{
	static const char *const argv[] = {
		"useradd", "--system", "--user-group", "--no-create-home", "--home-dir",
		CONF_STATE_DIRECTORY, "--shell", "/usr/sbin/nologin", SETUP_USER, NULL,
	};
	struct buf said = { 0 };
	char line[256];
	int err = 0;

	if (!getpwnam(SETUP_USER) && !su->root && !su->dry_run && !geteuid()) {
		err = run_program(argv, &said);
		if (err)
			err = why_set(why, -EIO, "the user " SETUP_USER " cannot be made: %s",
				      err < 0 ? strerror(-err) :
				      run_first_line(&said, line, sizeof(line)));
		else
			setup_note(su, "the system user " SETUP_USER " was made");
	}
	buf_free(&said);
	su->daemon = files_owner(SETUP_USER, SETUP_USER);
	return err;
}
