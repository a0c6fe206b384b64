// SPDX-License-Identifier: GPL-2.0-or-later
#include "upnp_url.h"

#include <stdio.h>
#include <strings.h>

/* A number without leading zeros, at most @max */
static bool number(const char **s, unsigned int max, unsigned int *out)
{
	const char *p = *s;
	unsigned int n = 0;

	while (*p >= '0' && *p <= '9' && n <= max)
		n = n * 10 + (unsigned int)(*p++ - '0');
	if (p == *s || n > max || (**s == '0' && p > *s + 1))
		return false;
	*s = p;
	*out = n;
	return true;
}

bool upnp_url_host(const char *url, struct ipv4 *host)
{
	struct ipv4 a;
	unsigned int n, i;

	if (strncasecmp(url, "http://", 7))
		return false;
	url += 7;
	for (i = 0; i < 4; i++) {
		if ((i && *url++ != '.') || !number(&url, 255, &n))
			return false;
		a.b[i] = (uint8_t)n;
	}
	if (*url == ':') {
		url++;
		if (!number(&url, 65535, &n) || !n)
			return false;
	}
	if (*url && *url != '/')
		return false;
	*host = a;
	return true;
}

size_t upnp_search_put(char out[UPNP_SEARCH_MAX], const char *target, unsigned int mx)
{
	int n = snprintf(out, UPNP_SEARCH_MAX,
			 "M-SEARCH * HTTP/1.1\r\n"
			 "HOST: 239.255.255.250:1900\r\n"
			 "ST: %s\r\n"
			 "MAN: \"ssdp:discover\"\r\n"
			 "MX: %u\r\n"
			 "\r\n", target, mx);

	return n > 0 && n < UPNP_SEARCH_MAX ? (size_t)n : 0;
}

struct line {
	const char *s;
	size_t len;
};

/* Up to LF, without it and without CR; false: there is none */
static bool next_line(const uint8_t *msg, size_t len, size_t *pos, struct line *out)
{
	const uint8_t *end;

	if (*pos >= len)
		return false;
	end = memchr(msg + *pos, '\n', len - *pos);
	if (!end)
		return false;
	out->s = (const char *)msg + *pos;
	out->len = (size_t)(end - (msg + *pos));
	*pos += out->len + 1;
	if (out->len && out->s[out->len - 1] == '\r')
		out->len--;
	return true;
}

/* Is it the header @name? Then only its value is left. */
static bool header(struct line *l, const char *name)
{
	size_t n = strlen(name);

	if (l->len <= n || strncasecmp(l->s, name, n) || l->s[n] != ':')
		return false;
	for (n++; n < l->len && (l->s[n] == ' ' || l->s[n] == '\t'); n++)
		;
	l->s += n;
	l->len -= n;
	return true;
}

static bool starts(const struct line *l, const char *what)
{
	size_t n = strlen(what);

	return l->len >= n && !memcmp(l->s, what, n);
}

bool upnp_search_location(const uint8_t *msg, size_t len, struct ipv4 gateway,
			  char out[UPNP_URL_MAX])
{
	static const char igd[] = "urn:schemas-upnp-org:device:InternetGatewayDevice:";
	bool target = false;
	struct ipv4 host;
	struct line l;
	size_t pos = 0;

	*out = 0;
	if (!next_line(msg, len, &pos, &l) || l.len < 12 || strncasecmp(l.s, "HTTP/1.", 7) ||
	    memcmp(l.s + 8, " 200", 4))
		return false;
	while (next_line(msg, len, &pos, &l) && l.len) {
		if (header(&l, "ST")) {
			target = starts(&l, igd) || starts(&l, "upnp:rootdevice");
		} else if (header(&l, "LOCATION")) {
			if (l.len >= UPNP_URL_MAX || memchr(l.s, 0, l.len))
				return false;
			memcpy(out, l.s, l.len);
			out[l.len] = 0;
		}
	}
	return target && upnp_url_host(out, &host) && ipv4_equal(host, gateway);
}

unsigned int upnp_service_version(const char *type)
{
	static const char *const types[] = {
		"urn:schemas-upnp-org:service:WANIPConnection:",
		"urn:schemas-upnp-org:service:WANPPPConnection:",
	};
	unsigned int n;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strncmp(type, types[i], strlen(types[i])))
			continue;
		type += strlen(types[i]);
		return number(&type, 255, &n) && !*type ? n : 0;
	}
	return 0;
}
