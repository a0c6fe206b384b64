// SPDX-License-Identifier: GPL-2.0-or-later
/* Reasons, in sentences. */
#include "mapping.h"

#include <stdarg.h>
#include <stdio.h>

#define ENDPOINT	(IPV4_TEXT_SIZE + 6)

struct lines {
	char *out;
	size_t size, len;
};

/* A line, if all of it fits */
static void __attribute__((format(printf, 2, 3))) line(struct lines *l, const char *format, ...)
{
	size_t room = l->size - l->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->out + l->len, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n + 1 >= room) {
		l->out[l->len] = 0;
		return;
	}
	l->len += (size_t)n;
	l->out[l->len++] = '\n';
	l->out[l->len] = 0;
}

static const char *endpoint(struct ipv4 a, uint16_t port, char out[ENDPOINT])
{
	char text[IPV4_TEXT_SIZE];

	snprintf(out, ENDPOINT, "%s:%u", ipv4_text(a, text), port);
	return out;
}

static const char *kind(struct ipv4 a)
{
	switch (ipv4_kind(a)) {
	case IPV4_PUBLIC:
		return "is public";
	case IPV4_PRIVATE:
		return "is private (RFC 1918)";
	case IPV4_SHARED:
		return "is a carrier's (100.64.0.0/10)";
	case IPV4_LOCAL:
		return "is good on a link only";
	default:
		return "is no host's";
	}
}

static void explain_source(struct lines *l, const struct mapping_path *p,
			   const struct mapping_source *s)
{
	static const char *const names[] = { "PCP", "NAT-PMP", "UPnP" };
	char text[ENDPOINT];
	const char *more = "";

	if (s->state != MAPPING_KNOWN) {
		line(l, "%s: the gateway %s.", names[s->via], s->reason);
		return;
	}
	endpoint(s->address, s->port, text);
	if (s->doubtful)
		more = ", but that may not be so any more";
	if (!ipv4_public(s->address))
		line(l, "%s: the gateway has mapped %s, but this %s: it is behind a NAT itself.",
		     names[s->via], text, kind(s->address));
	else if (p->seen.state != MAPPING_KNOWN || !ipv4_equal(p->seen.own, p->own))
		line(l, "%s: the gateway has mapped %s%s.", names[s->via], text, more);
	else if (ipv4_equal(p->seen.address, s->address))
		line(l, "%s: the gateway has mapped %s, an address that STUN confirms%s.",
		     names[s->via], text, more);
	else if (p->seen.when < s->since)
		line(l, "%s: the gateway has mapped %s since STUN saw another address.",
		     names[s->via], text);
	else
		line(l, "%s: the gateway has mapped %s, but STUN saw another address: %s.",
		     names[s->via], text, "there is another NAT, or way out");
}

static void explain_path(struct lines *l, const struct mapping_path *p)
{
	char text[ENDPOINT], own[IPV4_TEXT_SIZE];
	size_t i;

	line(l, "The own address %s %s.", ipv4_text(p->own, own), kind(p->own));
	for (i = 0; i < p->n; i++)
		explain_source(l, p, &p->sources[i]);
	switch (p->seen.state) {
	case MAPPING_KNOWN:
		line(l, "STUN: seen from outside as %s%s%s.",
		     endpoint(p->seen.address, p->seen.port, text),
		     ipv4_equal(p->seen.own, p->own) ? "" : ", at another address than the own",
		     p->seen.past ? "; now nobody answers" : "");
		break;
	case MAPPING_ASKING:
		line(l, "STUN: not answered yet.");
		break;
	case MAPPING_FAILED:
		line(l, "STUN: no answer; UDP may be blocked.");
		break;
	default:
		line(l, "STUN: not asked.");
	}
}

static void explain_choice(struct lines *l, const struct mapping_choice *c)
{
	static const char *const verdicts[] = {
		[MAPPING_UNREACHABLE] = "Nobody can reach this host, as far as is known.",
		[MAPPING_PUBLIC] = "There is no NAT.",
		[MAPPING_NAT] = "There is a NAT, and it maps the port.",
		[MAPPING_CLOSED_NAT] = "There is a NAT that maps no port on request.",
		[MAPPING_DOUBLE_NAT] = "There are two NATs, or a carrier's.",
	};
	static const char *const because[] = {
		[MAPPING_DIRECT] = "the own address and port",
		[MAPPING_MAPPED] = "what the gateway has mapped",
		[MAPPING_OBSERVED] = "what STUN saw, where not everybody may reach us",
	};
	char text[ENDPOINT];

	line(l, "%s", verdicts[c->verdict]);
	if (c->waiting)
		line(l, "Some answers have not come yet.");
	if (c->how == MAPPING_NONE)
		line(l, "Nothing is published.");
	else
		line(l, "Published: %s, %s.", endpoint(c->address, c->port, text), because[c->how]);
}

size_t mapping_explain(const struct mapping_path *paths, size_t n,
		       const struct mapping_choice *choice, char *out, size_t size)
{
	struct lines l = { .out = out, .size = size };
	size_t i;

	*out = 0;
	for (i = 0; i < n && i < MAPPING_PATHS; i++)
		explain_path(&l, &paths[i]);
	explain_choice(&l, choice);
	return l.len;
}
