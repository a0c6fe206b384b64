// SPDX-License-Identifier: GPL-2.0-or-later
#include "keytext.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../text/base64.h"

#define WORD_SIZE	1280	/* a name with every octet as \DDD */
#define SECRET_LEAST	8	/* octets; less can be tried out */

#define WANT_LINE	"NAME ALGORITHM BASE64 on one line"
#define WANT_BIND	"key \"NAME\" { algorithm ...; secret \"...\"; };"

/* What is being read; wiped afterwards. */
struct text {
	const char *b;			/* with a NUL behind it */
	size_t len, pos;
	bool is_bind;			/* comments are BIND's, and {};" are words */
	char word[WORD_SIZE];
	bool quoted;
};

static const char *take_secret(struct tsig_key *key, const char *s)
{
	size_t len;
	int err;

	if (!*s)
		return "the secret is missing";
	err = base64_read(s, key->secret, sizeof(key->secret), &len);
	if (err == -ENOSPC)
		return "the secret has more than 64 octets";
	if (err)
		return "the secret is not in base64";
	if (len < SECRET_LEAST)
		return "the secret has less than 8 octets";
	key->secret_len = (uint8_t)len;
	return NULL;
}

/* --- words ------------------------------------------------------------------------- */

static char peek(const struct text *t, size_t ahead)
{
	return t->pos + ahead < t->len ? t->b[t->pos + ahead] : '\0';
}

static bool at_comment(const struct text *t)
{
	return peek(t, 0) == '#' || (peek(t, 0) == '/' && peek(t, 1) == '/') ||
	       (!t->is_bind && peek(t, 0) == ';');
}

/* White space and comments. False: a comment does not end. */
static bool skip(struct text *t)
{
	while (t->pos < t->len) {
		if (strchr(" \t\r\n\v\f", t->b[t->pos])) {
			t->pos++;
		} else if (at_comment(t)) {
			while (t->pos < t->len && t->b[t->pos] != '\n')
				t->pos++;
		} else if (t->is_bind && peek(t, 0) == '/' && peek(t, 1) == '*') {
			const char *end = strstr(t->b + t->pos + 2, "*/");

			if (!end)
				return false;
			t->pos = end + 2 - t->b;
		} else {
			return true;
		}
	}
	return true;
}

/* The next word; "" at the end, and when it is none. */
static const char *next(struct text *t)
{
	static const char plain[] = " \t\r\n\v\f", bind[] = " \t\r\n\v\f{};\"";
	const char *p;
	size_t n;

	t->word[0] = '\0';
	t->quoted = false;
	if (!skip(t) || t->pos == t->len)
		return t->word;
	p = t->b + t->pos;
	if (t->is_bind && *p == '"') {
		n = strcspn(++p, "\"\n");
		if (p[n] != '"')
			return t->word;
		t->quoted = true;
		t->pos += n + 2;
	} else if (t->is_bind && strchr("{};", *p)) {
		n = 1;
		t->pos++;
	} else {
		n = strcspn(p, t->is_bind ? bind : plain);
		t->pos += n;
	}
	if (n >= sizeof(t->word))
		n = 0;
	memcpy(t->word, p, n);
	t->word[n] = '\0';
	return t->word;
}

static bool next_is(struct text *t, const char *what)
{
	return !strcmp(next(t), what) && !t->quoted;
}

static void rewind_as(struct text *t, bool is_bind)
{
	t->pos = 0;
	t->is_bind = is_bind;
}

/* --- the two forms ------------------------------------------------------------------- */

static const char *take_name(struct tsig_key *key, const char *word)
{
	const char *why;

	if (!*word)
		return "a name is missing (want " WANT_LINE ")";
	why = dname_from_text(word, key->name);
	dname_lower(key->name);
	return why;
}

static const char *take_algorithm(struct tsig_key *key, const char *word)
{
	if (!*word)
		return "an algorithm is missing (want " WANT_LINE ")";
	key->algorithm = tsig_algorithm_from_text(word);
	return key->algorithm ? NULL :
	       "the algorithm is none of hmac-sha256, hmac-sha512 and hmac-md5";
}

static const char *read_line(struct text *t, struct tsig_key *key)
{
	size_t lines = 0, i, from;
	const char *why;

	rewind_as(t, false);
	skip(t);
	from = t->pos;
	why = take_name(key, next(t));
	if (!why)
		why = take_algorithm(key, next(t));
	if (!why)
		why = take_secret(key, next(t));
	if (why)
		return why;
	for (i = from; i < t->pos; i++)
		lines += t->b[i] == '\n';
	if (lines || *next(t))
		return "it holds more than " WANT_LINE;
	return NULL;
}

/* algorithm and secret, in any order. */
static const char *read_clause(struct text *t, struct tsig_key *key)
{
	const char *why;
	bool is_secret;

	next(t);
	is_secret = !strcmp(t->word, "secret");
	if (!is_secret && strcmp(t->word, "algorithm"))
		return "in it stands what is neither algorithm nor secret";
	if (is_secret ? key->secret_len : key->algorithm)
		return "it says algorithm or secret twice";
	next(t);
	why = is_secret ? take_secret(key, t->word) : take_algorithm(key, t->word);
	if (!why && !next_is(t, ";"))
		why = "a semicolon is missing (want " WANT_BIND ")";
	return why;
}

static const char *read_bind(struct text *t, struct tsig_key *key)
{
	const char *why;

	next(t);	/* key */
	why = take_name(key, next(t));
	if (why)
		return why;
	next(t);	/* { */
	while (!why && skip(t) && t->pos < t->len && peek(t, 0) != '}')
		why = read_clause(t, key);
	if (why)
		return why;
	if (!next_is(t, "}") || !next_is(t, ";"))
		return "its end is missing (want " WANT_BIND ")";
	if (!key->algorithm || !key->secret_len)
		return "algorithm or secret is missing (want " WANT_BIND ")";
	if (*next(t))
		return "it holds more than one key";
	return NULL;
}

static bool looks_like_bind(struct text *t)
{
	rewind_as(t, true);
	if (!next_is(t, "key"))
		return false;
	next(t);
	return next_is(t, "{");
}

static const char *read_text(struct text *t, struct tsig_key *key)
{
	bool is_bind = looks_like_bind(t);

	if (memchr(t->b, '\0', t->len))
		return "there is a NUL octet in it";
	rewind_as(t, is_bind);
	if (is_bind)
		return read_bind(t, key);
	return read_line(t, key);
}

const char *key_text_read(const char *text, size_t len, struct tsig_key *out)
{
	struct text t = { .b = text, .len = len };
	struct tsig_key fresh = { 0 };
	const char *why = read_text(&t, &fresh);

	if (!why)
		*out = fresh;
	explicit_bzero(&t, sizeof(t));
	tsig_key_wipe(&fresh);
	return why;
}
