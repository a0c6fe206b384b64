// SPDX-License-Identifier: GPL-2.0-or-later
#include "setup_bind_conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../lib/text/addr.h"
#include "../lib/text/number.h"
#include "setup.h"

/* --- words --------------------------------------------------------------- */

struct scan {
	const char *p;
	char word[1024];
	char mark;		/* { } or ; if that is what @word is, and not in quotes */
	bool bad;
};

static void skip_space(struct scan *s)
{
	while (isspace((unsigned char)*s->p))
		s->p++;
}

/* A word, a quoted string without its quotes, or one of { } ;. False at the end. */
static bool scan_next(struct scan *s)
{
	size_t len = 0;
	bool quoted;

	skip_space(s);
	s->mark = 0;
	if (!*s->p)
		return false;
	if (strchr("{};", *s->p)) {
		s->mark = *s->p;
		s->word[0] = *s->p++;
		s->word[1] = '\0';
		return true;
	}

	quoted = *s->p == '"';
	s->p += quoted;
	while (*s->p && (quoted ? *s->p != '"' :
			 !isspace((unsigned char)*s->p) && !strchr("{};", *s->p))) {
		if (quoted && *s->p == '\\' && s->p[1])
			s->p++;
		if (len < sizeof(s->word) - 1)
			s->word[len++] = *s->p;
		s->p++;
	}
	s->word[len] = '\0';
	if (quoted) {
		if (*s->p == '"')
			s->p++;
		else
			s->bad = true;
	}
	return true;
}

static void strings_add(struct strings *s, const char *text)
{
	char **v = realloc(s->v, (s->n + 1) * sizeof(*v));

	if (!v) {
		s->failed = true;
		return;
	}
	s->v = v;
	s->v[s->n] = strdup(text);
	if (s->v[s->n])
		s->n++;
	else
		s->failed = true;
}

static void strings_free(struct strings *s)
{
	while (s->n)
		free(s->v[--s->n]);
	free(s->v);
}

/* --- statements ---------------------------------------------------------- */

/*
 * To the end of the statement whose first word was read, blocks and all; it is put
 * into @out if that is not NULL. False: the text ended first.
 */
static bool statement(struct scan *s, struct buf *out)
{
	unsigned int depth = 0;

	for (;;) {
		if (out)
			buf_add(out, "%s%s", out->len && s->mark != ';' ? " " : "",
				s->word);
		if (s->mark == '{') {
			depth++;
		} else if (s->mark == '}') {
			if (!depth)
				return false;
			depth--;
		} else if (s->mark == ';' && !depth) {
			return true;
		}
		if (!scan_next(s) || s->bad)
			return false;
	}
}

static bool read_options(struct scan *s, struct bind_conf *out)
{
	struct buf b = { 0 };
	bool ok;

	out->has_options = true;
	if (!scan_next(s) || s->mark != '{')
		return false;
	for (;;) {
		if (!scan_next(s))
			return false;
		if (s->mark == '}')
			return scan_next(s) && s->mark == ';';
		ok = statement(s, &b);
		if (ok && b.len && !b.failed) {
			b.p[--b.len] = '\0';	/* the ; */
			strings_add(&out->options, buf_text(&b));
		}
		buf_free(&b);
		if (!ok)
			return false;
	}
}

/* At its name. */
static bool read_zone(struct scan *s, struct bind_conf *out)
{
	size_t len;

	if (!scan_next(s))
		return false;
	len = strlen(s->word);
	if (len > 1 && s->word[len - 1] == '.')
		s->word[len - 1] = '\0';
	strings_add(&out->zones, s->word);
	return statement(s, NULL);
}

/* view NAME [CLASS] { ... }; the zones in it. */
static bool read_view(struct scan *s, struct bind_conf *out)
{
	out->has_views = true;
	do {
		if (!scan_next(s))
			return false;
	} while (s->mark != '{');

	for (;;) {
		if (!scan_next(s))
			return false;
		if (s->mark == '}')
			return scan_next(s) && s->mark == ';';
		if (!strcmp(s->word, "zone") ? !read_zone(s, out) : !statement(s, NULL))
			return false;
	}
}

int bind_conf_read(const char *text, struct bind_conf *out)
{
	struct scan s = { .p = text };
	bool ok = true;

	memset(out, 0, sizeof(*out));
	while (ok && scan_next(&s)) {
		if (!strcmp(s.word, "options"))
			ok = read_options(&s, out);
		else if (!strcmp(s.word, "zone"))
			ok = read_zone(&s, out);
		else if (!strcmp(s.word, "view"))
			ok = read_view(&s, out);
		else
			ok = statement(&s, NULL);
	}
	if (!ok || s.bad)
		return -EBADMSG;
	return out->options.failed || out->zones.failed ? -ENOMEM : 0;
}

void bind_conf_free(struct bind_conf *c)
{
	strings_free(&c->options);
	strings_free(&c->zones);
	memset(c, 0, sizeof(*c));
}

/* --- questions ----------------------------------------------------------- */

bool bind_conf_has_zone(const struct bind_conf *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->zones.n; i++) {
		if (!strcasecmp(c->zones.v[i], name))
			return true;
	}
	return false;
}

const char *bind_conf_option(const struct bind_conf *c, const char *name, size_t *pos)
{
	size_t len = strlen(name);
	const char *o;

	while (*pos < c->options.n) {
		o = c->options.v[(*pos)++];
		if (!strncmp(o, name, len) && (o[len] == ' ' || !o[len]))
			return o;
	}
	return NULL;
}

bool bind_conf_is_stock(const struct bind_conf *c)
{
	static const char *const stock[] = {
		"directory /var/cache/bind",
		"dnssec-validation auto",
		"listen-on-v6 { any; }",
		"auth-nxdomain no",
	};
	size_t i, j, n = sizeof(stock) / sizeof(*stock);

	if (!c->has_options)
		return false;
	for (i = 0; i < c->options.n; i++) {
		for (j = 0; j < n && strcmp(c->options.v[i], stock[j]); j++)
			;
		if (j == n)
			return false;
	}
	return true;
}

/* A listen-on statement: its port, and what stands between its braces. */
struct listen {
	unsigned int port;
	const char *list;
};

static void listen_read(const char *option, struct listen *out)
{
	struct scan s = { .p = option };
	uint64_t port;

	out->port = 53;
	out->list = "";
	while (scan_next(&s)) {
		if (!strcmp(s.word, "port") && scan_next(&s) &&
		    !text_to_uint(s.word, 1, 65535, &port))
			out->port = (unsigned int)port;
		if (s.mark == '{') {
			out->list = s.p;
			return;
		}
	}
}

/* The one address that @word means; false: it is a net, a name, or negated. */
static bool word_addr(const char *word, struct in6_addr *out)
{
	char text[INET6_ADDRSTRLEN + 8];
	struct addr a;
	size_t len = strlen(word);
	char *slash;

	if (len >= sizeof(text))
		return false;
	memcpy(text, word, len + 1);
	slash = strchr(text, '/');
	if (slash && (!strcmp(slash, "/32") || !strcmp(slash, "/128")))
		*slash = '\0';
	if (text_to_addr(text, &a))
		return false;
	memset(out, 0, sizeof(*out));
	if (a.len == 16) {
		memcpy(out, a.b, 16);
		return true;
	}
	memset(&out->s6_addr[10], 0xff, 2);
	memcpy(&out->s6_addr[12], a.b, 4);
	return true;
}

/* Does the list let in one of @ours? Nets, names and negations may mean anything: yes. */
static bool list_meets(const char *list, bool v6, const struct net_addr *ours, size_t n)
{
	struct scan s = { .p = list };
	struct in6_addr a;
	size_t i;

	while (scan_next(&s) && s.mark != '}') {
		if (s.mark == ';' || !strcmp(s.word, "none") ||
		    !strcmp(s.word, "127.0.0.0/8"))
			continue;
		for (i = 0; i < n; i++) {
			if (net_is_v4(&ours[i]) == v6)
				continue;
			if (!word_addr(s.word, &a) || setup_wildcard(&ours[i].ip) ||
			    IN6_ARE_ADDR_EQUAL(&a, &ours[i].ip))
				return true;
		}
	}
	return false;
}

static bool list_has_local(const char *list)
{
	struct scan s = { .p = list };

	while (scan_next(&s) && s.mark != '}') {
		if (!strcmp(s.word, "127.0.0.1") || !strcmp(s.word, "127.0.0.1/32") ||
		    !strcmp(s.word, "127.0.0.0/8") || !strcmp(s.word, "localhost") ||
		    !strcmp(s.word, "any"))
			return true;
	}
	return false;
}

bool bind_conf_takes_53(const struct bind_conf *c, const struct net_addr *ours, size_t n,
			struct buf *out)
{
	static const char *const names[] = { "listen-on", "listen-on-v6" };
	const char *o;
	struct listen l;
	size_t i, pos;
	bool any, takes = false;

	for (i = 0; i < 2; i++) {
		any = false;
		for (pos = 0; (o = bind_conf_option(c, names[i], &pos));) {
			any = true;
			listen_read(o, &l);
			if (l.port == 53 && list_meets(l.list, i, ours, n)) {
				buf_add(out, "%s;\n", o);
				takes = true;
			}
		}
		for (pos = 0; pos < n && net_is_v4(&ours[pos]) == i; pos++)
			;
		if (!any && pos < n) {
			buf_add(out, "(no %s: that means all addresses, port 53)\n", names[i]);
			takes = true;
		}
	}
	return takes;
}

bool bind_conf_listens(const struct bind_conf *c, unsigned int port)
{
	struct listen l;
	const char *o;
	size_t pos;

	for (pos = 0; (o = bind_conf_option(c, "listen-on", &pos));) {
		listen_read(o, &l);
		if (l.port == port && list_has_local(l.list))
			return true;
	}
	return false;
}
