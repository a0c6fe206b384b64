// SPDX-License-Identifier: GPL-2.0-or-later
#include "bundle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/keytext.h"
#include "../identity/names.h"
#include "../text/number.h"
#include "../text/place.h"
#include "hostkey.h"

#define LINE_MAX_LEN	2048	/* a name with every octet as \DDD, and more */

static const char magic[2][16] = { "btmm-account", "btmm-host" };

struct reader {
	const char *text;
	size_t len, pos;
	unsigned int line;		/* of the one that was read last */
	char word[LINE_MAX_LEN], *value;
	struct bundle *b;
	bool seen[16];
	char *why;
};

static const char *__attribute__((format(printf, 2, 3)))
wrong(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, BUNDLE_WHY, fmt, ap);
	va_end(ap);
	return why;
}

void bundle_wipe(struct bundle *b)
{
	explicit_bzero(b, sizeof(*b));
}

/* --- pins and servers -------------------------------------------------------------- */

const char *pin_read(const char *text, uint8_t out[PIN_LEN])
{
	size_t n = strlen(PIN_PREFIX), len;

	if (strncmp(text, PIN_PREFIX, n))
		return "does not begin with " PIN_PREFIX;
	if (base64_read(text + n, out, PIN_LEN, &len) || len != PIN_LEN)
		return "has other than 44 characters of base64 behind " PIN_PREFIX;
	return NULL;
}

const char *pin_text(const uint8_t pin[PIN_LEN], char out[PIN_TEXT_SIZE])
{
	memcpy(out, PIN_PREFIX, sizeof(PIN_PREFIX));
	base64_write(pin, PIN_LEN, out + strlen(PIN_PREFIX));
	return out;
}

const char *bundle_server_read(const char *text, struct addr *addr, uint16_t *port)
{
	return text_to_place(text, BUNDLE_TLS_PORT, addr, port);
}

const uint8_t *bundle_domain_of(const uint8_t *key_name)
{
	return dname_label_is(key_name, KEYS_ACCOUNT_LABEL) ? dname_skip(key_name, 1) : NULL;
}

/* --- lines ------------------------------------------------------------------------- */

/* The next line, its end cut off, in r->word. False: there is none, or @bad. */
static bool next_line(struct reader *r, const char **bad)
{
	const char *from = r->text + r->pos, *end;
	size_t n;

	*bad = NULL;
	if (r->pos >= r->len)
		return false;
	r->line++;
	end = memchr(from, '\n', r->len - r->pos);
	n = end ? (size_t)(end - from) : r->len - r->pos;
	if (n >= sizeof(r->word)) {
		*bad = "the line is too long";
		return false;
	}
	r->pos += n + !!end;
	memcpy(r->word, from, n);
	while (n && (r->word[n - 1] == '\r' || r->word[n - 1] == ' ' || r->word[n - 1] == '\t'))
		n--;
	r->word[n] = '\0';
	if (strlen(r->word) != n)
		*bad = "there is a NUL octet in it";
	return !*bad;
}

/* What follows the line is PEM, as a whole and as it is. */
static const char *take_pem(struct reader *r, const char *kind, char out[BUNDLE_PEM])
{
	char begin[64], end[64];
	unsigned int first = r->line;
	const char *bad;
	size_t used = 0, n;

	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", kind);
	snprintf(end, sizeof(end), "-----END %s-----", kind);
	if (!next_line(r, &bad) || strcmp(r->word, begin))
		return bad ? bad : wrong(r->why, "%s is wanted here", begin);
	do {
		n = strlen(r->word);
		if (used + n + 2 > BUNDLE_PEM)
			return "this is too long";
		memcpy(out + used, r->word, n);
		used += n;
		out[used++] = '\n';
		out[used] = '\0';
		if (!strcmp(r->word, end))
			return NULL;
	} while (next_line(r, &bad));
	r->line = first + 1;
	return bad ? bad : wrong(r->why, "%s is missing", end);
}

/* --- words ------------------------------------------------------------------------- */

static const char *take_domain(struct reader *r)
{
	const char *bad = user_domain_check(r->value, r->b->domain);

	dname_lower(r->b->domain);
	return bad ? wrong(r->why, "domain %s", bad) : NULL;
}

static const char *take_host(struct reader *r)
{
	const char *bad = dname_from_text(r->value, r->b->host);

	dname_lower(r->b->host);
	return bad ? wrong(r->why, "host: %s", bad) : NULL;
}

static const char *take_key(struct reader *r)
{
	const char *bad = key_text_read(r->value, strlen(r->value), &r->b->key);

	return bad ? wrong(r->why, "key: %s", bad) : NULL;
}

static const char *take_pin(struct reader *r)
{
	const char *bad;

	if (r->b->n_pins == BUNDLE_PINS)
		return wrong(r->why, "these are more than %d pins", BUNDLE_PINS);
	bad = pin_read(r->value, r->b->pins[r->b->n_pins]);
	if (bad)
		return wrong(r->why, "pin %s", bad);
	r->b->n_pins++;
	return NULL;
}

static const char *take_server(struct reader *r)
{
	const char *bad = bundle_server_read(r->value, &r->b->server, &r->b->server_port);

	return bad ? wrong(r->why, "server: %s", bad) : NULL;
}

static const char *take_authority(struct reader *r)
{
	return take_pem(r, "CERTIFICATE", r->b->authority);
}

static const char *take_authority_key(struct reader *r)
{
	return take_pem(r, "PRIVATE KEY", r->b->authority_key);
}

static const char *take_certificate(struct reader *r)
{
	return take_pem(r, "CERTIFICATE", r->b->certificate);
}

static const char *take_private_key(struct reader *r)
{
	return take_pem(r, "PRIVATE KEY", r->b->private_key);
}

#define IN(kind)	(1U << (kind))
#define IN_BOTH		(IN(BUNDLE_ACCOUNT) | IN(BUNDLE_HOST))

static const struct word {
	const char *name;
	const char *(*take)(struct reader *r);
	unsigned int kinds;
	bool wants_value, many, optional;
} words[] = {
	{ "domain", take_domain, IN_BOTH, true, false, false },
	{ "host", take_host, IN(BUNDLE_HOST), true, false, false },
	{ "key", take_key, IN_BOTH, true, false, false },
	{ "pin", take_pin, IN_BOTH, true, true, false },
	{ "server", take_server, IN_BOTH, true, false, true },
	{ "authority", take_authority, IN_BOTH, false, false, false },
	{ "authority-key", take_authority_key, IN(BUNDLE_ACCOUNT), false, false, false },
	{ "certificate", take_certificate, IN(BUNDLE_HOST), false, false, false },
	{ "private-key", take_private_key, IN(BUNDLE_HOST), false, false, false },
};

#define N_WORDS	(sizeof(words) / sizeof(*words))

/* A line with a word and maybe a value. */
static const char *take_line(struct reader *r)
{
	size_t i, n = strcspn(r->word, " \t");
	const struct word *w = NULL;

	r->value = r->word + n + strspn(r->word + n, " \t");
	r->word[n] = '\0';
	for (i = 0; i < N_WORDS && !w; i++) {
		if (!strcmp(words[i].name, r->word) && words[i].kinds & IN(r->b->kind))
			w = &words[i];
	}
	/* It is not repeated: it may be a part of a secret. */
	if (!w)
		return "this line begins with a word that is not known here";
	i = (size_t)(w - words);
	if (r->seen[i] && !w->many)
		return wrong(r->why, "there is a second line '%s'", w->name);
	r->seen[i] = true;
	/* r->word now ends before the value, which take() still reads. */
	if (w->wants_value && !*r->value)
		return wrong(r->why, "the value of '%s' is missing", w->name);
	if (!w->wants_value && *r->value)
		return wrong(r->why, "behind '%s' nothing may stand", w->name);
	return w->take(r);
}

static const char *take_first_line(struct reader *r)
{
	const char *bad;
	uint64_t version;
	size_t kind, n;

	if (!next_line(r, &bad)) {
		r->line = 1;
		return bad ? bad : "the file is empty";
	}
	for (kind = 0; kind < 2; kind++) {
		n = strlen(magic[kind]);
		if (!strncmp(r->word, magic[kind], n) && r->word[n] == ' ')
			break;
	}
	if (kind == 2)
		return "the first line is neither 'btmm-host 1' nor 'btmm-account 1'";
	if (text_to_uint(r->word + n + 1, 0, UINT32_MAX, &version))
		return wrong(r->why, "a version is wanted behind '%s'", magic[kind]);
	if (version != BUNDLE_VERSION)
		return wrong(r->why, "this is of version %llu, and this program reads version %d",
			     (unsigned long long)version, BUNDLE_VERSION);
	r->b->kind = (enum bundle_kind)kind;
	return NULL;
}

/* --- all of it ----------------------------------------------------------------------- */

static const char *check_names(const struct bundle *b, char *why)
{
	char label[DLABEL_MAX + 1];
	const uint8_t *domain;
	const char *bad;

	if (b->kind == BUNDLE_ACCOUNT) {
		domain = bundle_domain_of(b->key.name);
		if (!domain || !dname_equal(domain, b->domain))
			return "the key is not called " KEYS_ACCOUNT_LABEL " and the domain";
		return NULL;
	}
	if (!dname_equal(b->key.name, b->host))
		return "the key is not called like the host";
	if (!dname_below(b->host, b->domain) ||
	    dname_labels(b->host) != dname_labels(b->domain) + 1)
		return "the host is not called by one label and the domain";
	memcpy(label, b->host + 1, b->host[0]);
	label[b->host[0]] = '\0';
	bad = host_label_check(label);
	return bad ? wrong(why, "the host's name %s", bad) : NULL;
}

static const char *check_whole(struct reader *r)
{
	size_t i;

	for (i = 0; i < N_WORDS; i++) {
		if (words[i].kinds & IN(r->b->kind) && !words[i].optional && !r->seen[i])
			return wrong(r->why, "a line '%s' is missing", words[i].name);
	}
	return check_names(r->b, r->why);
}

static const char *read_all(struct reader *r)
{
	const char *bad = take_first_line(r);

	while (!bad && next_line(r, &bad)) {
		if (!r->word[0] || r->word[0] == '#')
			continue;
		if (!strcmp(r->word, "end")) {
			/* What follows it, nobody has read. */
			if (strspn(r->text + r->pos, "\r\n") != r->len - r->pos)
				return "something stands behind the line 'end'";
			r->line = 0;
			return check_whole(r);
		}
		bad = take_line(r);
	}
	if (bad)
		return bad;
	r->line = 0;
	return "the line 'end' is missing: a part of the file is lost";
}

const char *bundle_read(const char *text, size_t len, struct bundle *out, unsigned int *line,
			char why[BUNDLE_WHY])
{
	struct reader r = { .text = text, .len = len, .b = out, .why = why };
	const char *bad;

	memset(out, 0, sizeof(*out));
	bad = read_all(&r);
	*line = r.line;
	if (bad)
		bundle_wipe(out);
	explicit_bzero(&r, sizeof(r));
	return bad;
}

/* --- written ------------------------------------------------------------------------- */

struct out {
	char *p;
	size_t size, len;
	bool failed;
};

static void __attribute__((format(printf, 2, 3))) put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (o->failed)
		return;
	va_start(ap, fmt);
	n = vsnprintf(o->p + o->len, o->size - o->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= o->size - o->len)
		o->failed = true;
	else
		o->len += (size_t)n;
}

/* Without the last dot */
static const char *plain(const uint8_t *name, char out[DNAME_TEXT_MAX])
{
	size_t n = strlen(dname_to_text(name, out));

	if (n > 1)
		out[n - 1] = '\0';
	return out;
}

size_t bundle_write(const struct bundle *b, char *text, size_t size)
{
	char name[DNAME_TEXT_MAX], secret[BASE64_SIZE(TSIG_SECRET_MAX)], pin[PIN_TEXT_SIZE];
	char server[ENDPOINT_TEXT_SIZE];
	struct out o = { .p = text, .size = size, .failed = !size };
	size_t i;

	put(&o, "%s %d\n", magic[b->kind], BUNDLE_VERSION);
	put(&o, "domain %s\n", plain(b->domain, name));
	if (b->kind == BUNDLE_HOST)
		put(&o, "host %s\n", plain(b->host, name));
	base64_write(b->key.secret, b->key.secret_len, secret);
	put(&o, "key %s %s %s\n", plain(b->key.name, name), tsig_algorithm_name(b->key.algorithm),
	    secret);
	explicit_bzero(secret, sizeof(secret));
	for (i = 0; i < b->n_pins; i++)
		put(&o, "pin %s\n", pin_text(b->pins[i], pin));
	if (b->server.len)
		put(&o, "server %s\n", text_from_endpoint(&b->server, b->server_port, server));
	put(&o, "authority\n%s", b->authority);
	if (b->kind == BUNDLE_HOST)
		put(&o, "certificate\n%sprivate-key\n%s", b->certificate, b->private_key);
	else
		put(&o, "authority-key\n%s", b->authority_key);
	put(&o, "end\n");
	if (o.failed && size)
		explicit_bzero(text, size);
	return o.failed ? 0 : o.len;
}
