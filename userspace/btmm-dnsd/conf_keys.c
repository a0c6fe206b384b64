// SPDX-License-Identifier: GPL-2.0-or-later
/* TSIG keys from files, in our form or in BIND's. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"

#define FILE_SIZE	16384
#define WORD_SIZE	1280	/* a name with every octet as \DDD */
#define SECRET_LEAST	8	/* octets; less can be tried out */

#define WANT_LINE	"NAME ALGORITHM BASE64 on one line"
#define WANT_BIND	"key \"NAME\" { algorithm ...; secret \"...\"; };"

/* What is being read; wiped afterwards. */
struct text {
	char b[FILE_SIZE + 1];
	size_t len, pos;
	bool is_bind;			/* comments are BIND's, and {};" are words */
	char word[WORD_SIZE];
	bool quoted;
};

/* --- base64 (RFC 4648 4) --------------------------------------------------------- */

static int digit64(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static const char *from_base64(const char *s, struct tsig_key *key)
{
	static const char bad[] = "the secret is not in base64";
	size_t len = strcspn(s, "="), n = 0, i, bits = 0;
	unsigned int held = 0;

	if (!*s)
		return "the secret is missing";
	if (strlen(s) % 4 || strlen(s) - len > 2 || strspn(s + len, "=") != strlen(s) - len)
		return bad;
	for (i = 0; i < len; i++) {
		int d = digit64(s[i]);

		if (d < 0)
			return bad;
		held = (held << 6 | d) & 0xfff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (n == sizeof(key->secret))
			return "the secret has more than 64 octets";
		key->secret[n++] = (uint8_t)(held >> bits);
	}
	/* Left over are bits of a digit, and they are zero. */
	if (held & ((1u << bits) - 1))
		return bad;
	if (n < SECRET_LEAST)
		return "the secret has less than 8 octets";
	key->secret_len = (uint8_t)n;
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
		why = from_base64(next(t), key);
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
	why = is_secret ? from_base64(t->word, key) : take_algorithm(key, t->word);
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

/* --- the file ------------------------------------------------------------------------ */

static int read_fd(int fd, const char *path, struct text *t, char *why, size_t why_size)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, why_size, "%s is no file", path);
		return -EINVAL;
	}
	if (st.st_mode & 0007) {
		snprintf(why, why_size, "%s is open to everybody (mode %04o): chmod o= %s", path,
			 st.st_mode & 07777, path);
		return -EPERM;
	}
	while (t->len <= FILE_SIZE) {
		n = read(fd, t->b + t->len, FILE_SIZE + 1 - t->len);
		if (n < 0)
			return -errno;
		if (!n) {
			t->b[t->len] = '\0';
			return 0;
		}
		t->len += n;
	}
	snprintf(why, why_size, "%s is too large for a key file", path);
	return -EINVAL;
}

int conf_key_file(const char *path, struct tsig_key *key, char *why, size_t why_size)
{
	struct tsig_key fresh = { 0 };
	struct text t = { 0 };
	const char *wrong;
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (why_size)
		why[0] = '\0';
	err = fd < 0 ? -errno : read_fd(fd, path, &t, why, why_size);
	if (fd >= 0)
		close(fd);
	if (!err) {
		wrong = read_text(&t, &fresh);
		if (wrong) {
			snprintf(why, why_size, "%s is no key file: %s", path, wrong);
			err = -EINVAL;
		} else {
			*key = fresh;
		}
	} else if (why_size && !why[0]) {
		snprintf(why, why_size, "%s cannot be read: %s", path, strerror(-err));
	}
	explicit_bzero(&t, sizeof(t));
	explicit_bzero(&fresh, sizeof(fresh));
	return err;
}
