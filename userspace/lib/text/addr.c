// SPDX-License-Identifier: GPL-2.0-or-later
#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

bool addr_is_ula(const struct in6_addr *a)
{
	return (a->s6_addr[0] & 0xfe) == 0xfc;
}

/* Can one host have it, and can a packet be sent to it? */
static const char *addr_check_host(const struct addr *a)
{
	struct in6_addr in6;

	if (a->len == 4) {
		if (a->b[0] == 0)
			return "0.0.0.0/8 is no host's address";
		if (a->b[0] >= 224)
			return "this is a multicast or reserved address";
		return NULL;
	}

	memcpy(&in6, a->b, sizeof(in6));
	if (IN6_IS_ADDR_UNSPECIFIED(&in6))
		return ":: is no host's address";
	if (IN6_IS_ADDR_MULTICAST(&in6))
		return "this is a multicast address";
	if (IN6_IS_ADDR_V4MAPPED(&in6))
		return "write the IPv4 address without ::ffff:";
	return NULL;
}

const char *text_to_addr(const char *s, struct addr *out)
{
	struct addr a = { 0 };

	if (inet_pton(AF_INET, s, a.b) == 1)
		a.len = 4;
	else if (inet_pton(AF_INET6, s, a.b) == 1)
		a.len = 16;
	else if (strchr(s, '%'))
		return "an address is wanted without %INTERFACE (oif names the interface)";
	else
		return "this is no IPv4 or IPv6 address";

	*out = a;
	return addr_check_host(&a);
}

const char *text_to_ula(const char *s, struct in6_addr *out)
{
	struct in6_addr a;

	if (strchr(s, '/'))
		return "one address is wanted, without a prefix length";
	if (inet_pton(AF_INET6, s, &a) != 1)
		return "this is no IPv6 address (want a ULA, for example fd12:3456:789a::1)";
	if (!addr_is_ula(&a))
		return "this is no ULA (want an address of fc00::/7, for example fd12:3456:789a::1)";

	*out = a;
	return NULL;
}

#define WANT_V4		"(want ADDR:PORT, for example 192.0.2.1:4500)"
#define WANT_V6		"(want [ADDR]:PORT, for example [2001:db8::1]:4500)"

const char *text_to_endpoint(const char *s, struct addr *addr, uint16_t *port)
{
	char host[INET6_ADDRSTRLEN];
	struct addr a = { 0 };
	const char *end, *why;
	uint64_t n;
	size_t len;

	if (*s == '[') {
		s++;
		end = strchr(s, ']');
		if (!end)
			return "] is missing " WANT_V6;
	} else {
		/* A second colon can only be a bare IPv6 address. */
		end = strchr(s, ':');
		if (end && strchr(end + 1, ':'))
			return "an IPv6 address wants brackets " WANT_V6;
		if (!end)
			end = s + strlen(s);
	}

	len = end - s;
	if (len >= sizeof(host))
		return "this is no IPv4 or IPv6 address";
	memcpy(host, s, len);
	host[len] = '\0';

	if (*end == ']') {
		if (strchr(host, '%'))
			return "an address is wanted without %INTERFACE (oif names the interface)";
		if (inet_pton(AF_INET6, host, a.b) != 1)
			return "what is in the brackets is no IPv6 address " WANT_V6;
		a.len = 16;
		end++;
		if (*end != ':')
			return "port is missing " WANT_V6;
	} else {
		if (inet_pton(AF_INET, host, a.b) != 1)
			return "this is no IPv4 address " WANT_V4;
		a.len = 4;
		if (*end != ':')
			return "port is missing " WANT_V4;
	}

	if (text_to_uint(end + 1, 1, 65535, &n))
		return "the port is not a number from 1 to 65535";

	why = addr_check_host(&a);
	if (why)
		return why;

	*addr = a;
	*port = (uint16_t)n;
	return NULL;
}

const char *text_from_addr(const struct addr *a, char out[ADDR_TEXT_SIZE])
{
	if (a->len == 4)
		inet_ntop(AF_INET, a->b, out, ADDR_TEXT_SIZE);
	else if (a->len == 16)
		inet_ntop(AF_INET6, a->b, out, ADDR_TEXT_SIZE);
	else
		strcpy(out, "none");

	return out;
}

const char *text_from_endpoint(const struct addr *a, uint16_t port,
			       char out[ENDPOINT_TEXT_SIZE])
{
	char host[ADDR_TEXT_SIZE];

	if (!a->len)
		strcpy(out, "none");
	else
		snprintf(out, ENDPOINT_TEXT_SIZE,
			 a->len == 16 ? "[%s]:%u" : "%s:%u",
			 text_from_addr(a, host), port);

	return out;
}

const char *text_from_ula(const struct in6_addr *a, char out[ADDR_TEXT_SIZE])
{
	inet_ntop(AF_INET6, a, out, ADDR_TEXT_SIZE);
	return out;
}
