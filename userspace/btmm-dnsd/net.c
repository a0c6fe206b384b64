// SPDX-License-Identifier: GPL-2.0-or-later
#include "net.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/text/addr.h"
#include "../lib/text/number.h"

bool net_equal(const struct net_addr *a, const struct net_addr *b)
{
	return IN6_ARE_ADDR_EQUAL(&a->ip, &b->ip) && a->port == b->port && a->scope == b->scope;
}

socklen_t net_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (net_is_v4(a)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, &a->ip.s6_addr[12], 4);
		return sizeof(*in);
	}

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	in6->sin6_addr = a->ip;
	in6->sin6_scope_id = a->scope;
	return sizeof(*in6);
}

static void set_v4(struct net_addr *a, const void *v4)
{
	memset(&a->ip, 0, 10);
	a->ip.s6_addr[10] = 0xff;
	a->ip.s6_addr[11] = 0xff;
	memcpy(&a->ip.s6_addr[12], v4, 4);
}

bool net_from_sockaddr(const struct sockaddr_storage *ss, struct net_addr *out)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;

	memset(out, 0, sizeof(*out));
	if (ss->ss_family == AF_INET) {
		set_v4(out, &in->sin_addr);
		out->port = ntohs(in->sin_port);
		return true;
	}
	if (ss->ss_family != AF_INET6)
		return false;

	out->ip = in6->sin6_addr;
	out->port = ntohs(in6->sin6_port);
	if (IN6_IS_ADDR_LINKLOCAL(&out->ip))
		out->scope = in6->sin6_scope_id;
	return true;
}

/* What a listener may be bound to and no packet can be sent to. */
static bool wildcard(const char *s, struct net_addr *out)
{
	const char *colon = strrchr(s, ':');
	struct in6_addr any = IN6ADDR_ANY_INIT;
	char host[INET6_ADDRSTRLEN + 2];
	uint64_t port;
	size_t len;

	if (!colon || text_to_uint(colon + 1, 0, 65535, &port))
		return false;
	len = colon - s;
	if (len >= sizeof(host))
		return false;
	memcpy(host, s, len);
	host[len] = '\0';

	memset(out, 0, sizeof(*out));
	out->port = (uint16_t)port;
	if (!strcmp(host, "0.0.0.0")) {
		set_v4(out, &any);
		return true;
	}
	return !strcmp(host, "[::]");
}

/* Takes %INTERFACE out of @s. */
static const char *take_scope(const char *s, char *out, size_t size, uint32_t *scope)
{
	const char *percent = strchr(s, '%'), *end = strchr(s, ']');
	char name[IF_NAMESIZE];
	uint64_t n;
	size_t len;

	*scope = 0;
	if (strlen(s) >= size)
		return "this is no address with a port";
	strcpy(out, s);
	if (!percent || !end || percent > end)
		return NULL;

	len = end - percent - 1;
	if (!len || len >= sizeof(name))
		return "what follows % is no interface";
	memcpy(name, percent + 1, len);
	name[len] = '\0';
	strcpy(out + (percent - s), end);

	*scope = if_nametoindex(name);
	if (!*scope && !text_to_uint(name, 1, UINT32_MAX, &n))
		*scope = (uint32_t)n;
	return *scope ? NULL : "there is no such interface behind %";
}

const char *net_from_text(const char *s, bool listen, struct net_addr *out)
{
	char text[NET_TEXT_SIZE + IF_NAMESIZE], *colon;
	struct net_addr a = { 0 };
	struct addr addr;
	bool any_port = false;
	const char *why;

	if (listen && wildcard(s, out))
		return NULL;

	why = take_scope(s, text, sizeof(text) - 1, &a.scope);
	if (why)
		return why;
	colon = strrchr(text, ':');
	if (listen && colon && !strcmp(colon, ":0")) {
		any_port = true;
		colon[1] = '1';
	}

	why = text_to_endpoint(text, &addr, &a.port);
	if (why)
		return why;
	if (any_port)
		a.port = 0;
	if (addr.len == 4)
		set_v4(&a, addr.b);
	else
		memcpy(&a.ip, addr.b, sizeof(a.ip));

	if (a.scope && !IN6_IS_ADDR_LINKLOCAL(&a.ip))
		return "only a link-local address has an %INTERFACE";
	if (!a.scope && IN6_IS_ADDR_LINKLOCAL(&a.ip))
		return "a link-local address wants its %INTERFACE, for example [fe80::1%eth0]:53";
	*out = a;
	return NULL;
}

const char *net_to_text(const struct net_addr *a, char out[NET_TEXT_SIZE])
{
	char ip[INET6_ADDRSTRLEN];

	if (net_is_v4(a)) {
		inet_ntop(AF_INET, &a->ip.s6_addr[12], ip, sizeof(ip));
		snprintf(out, NET_TEXT_SIZE, "%s:%u", ip, a->port);
	} else {
		inet_ntop(AF_INET6, &a->ip, ip, sizeof(ip));
		if (a->scope)
			snprintf(out, NET_TEXT_SIZE, "[%s%%%u]:%u", ip, a->scope, a->port);
		else
			snprintf(out, NET_TEXT_SIZE, "[%s]:%u", ip, a->port);
	}
	return out;
}
