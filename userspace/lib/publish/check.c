// SPDX-License-Identifier: GPL-2.0-or-later
/* What may be the name, type or text of a service, RFC 6763 4, 6, 7 and RFC 6335 5.1. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "records.h"

#define SERVICE_NAME_MAX	15	/* characters, RFC 6335 5.1 */
#define TEXT_MAX		255	/* octets of one string, RFC 1035 3.3 */

/*
 * How many octets the character at @p takes, 0: it is no UTF-8 (RFC 3629 4). There is a
 * NUL behind the text, so no more than one too many is looked at.
 */
static size_t utf8_len(const uint8_t *p)
{
	/* Of the second octet, by the first: overlong forms, surrogates, too large. */
	uint8_t low = 0x80, high = 0xbf;
	size_t n, i;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		n = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		n = 3;
		low = p[0] == 0xe0 ? 0xa0 : 0x80;
		high = p[0] == 0xed ? 0x9f : 0xbf;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		n = 4;
		low = p[0] == 0xf0 ? 0x90 : 0x80;
		high = p[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	for (i = 1; i < n; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

static const char *label_check(const char *label)
{
	const uint8_t *p = (const uint8_t *)label;
	size_t n;

	if (!*label)
		return "is empty";
	if (strlen(label) > DLABEL_MAX)
		return "has more than 63 octets";
	for (; *p; p += n) {
		if (*p < ' ' || *p == 0x7f)
			return "has a control character in it";
		n = utf8_len(p);
		if (!n)
			return "is not in UTF-8";
	}
	return NULL;
}

const char *publish_instance_check(const char *instance)
{
	return label_check(instance);
}

const char *publish_subtype_check(const char *subtype)
{
	return label_check(subtype);
}

static const char *name_check(const char *name, size_t len)
{
	bool letter = false;
	size_t i;

	if (!len)
		return "has no name behind _";
	if (len > SERVICE_NAME_MAX)
		return "has a name of more than 15 characters";
	for (i = 0; i < len; i++) {
		char c = name[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		letter |= is_letter;
		if (!is_letter && !(c >= '0' && c <= '9') && c != '-')
			return "has other characters than letters, digits and hyphens in its name";
		if (c == '-' && (!i || i == len - 1 || name[i - 1] == '-'))
			return "has a hyphen where its name may have none";
	}
	return letter ? NULL : "has no letter in its name";
}

const char *publish_type_check(const char *type)
{
	size_t len = strcspn(type, ".");
	const char *why;

	if (*type != '_' ||
	    (strcasecmp(type + len, "._tcp") && strcasecmp(type + len, "._udp")))
		return "is not of the form _NAME._tcp or _NAME._udp";
	why = name_check(type + 1, len - 1);
	if (why)
		return why;
	if (!strncasecmp(type, "_dns-", 5))
		return "is for the servers of the domain";
	if (!strncasecmp(type, "_autotunnel.", 12))
		return "is for the tunnel itself";
	return NULL;
}

const char *publish_text_check(const char *text)
{
	size_t key = strcspn(text, "="), i;

	if (!key)
		return "has no key in front of =";
	if (strlen(text) > TEXT_MAX)
		return "has more than 255 octets";
	for (i = 0; i < key; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return "has other characters than printable ASCII in its key";
	}
	return NULL;
}

/* The key stands in an earlier string, too: only the first would be seen (6.4). */
static bool is_again(const char *const *texts, size_t i)
{
	size_t len = strcspn(texts[i], "="), j;

	for (j = 0; j < i; j++) {
		if (strcspn(texts[j], "=") == len && !strncasecmp(texts[j], texts[i], len))
			return true;
	}
	return false;
}

int publish_txt(const char *const *texts, size_t n, uint8_t *out, char why[PUBLISH_WHY])
{
	const char *bad;
	size_t used = 0, i, len;

	if (n > PUBLISH_TEXTS) {
		snprintf(why, PUBLISH_WHY, "these are more than %d strings", PUBLISH_TEXTS);
		return -E2BIG;
	}
	for (i = 0; i < n; i++) {
		bad = publish_text_check(texts[i]);
		if (!bad && is_again(texts, i))
			bad = "has a key that was there already";
		if (bad) {
			snprintf(why, PUBLISH_WHY, "'%.64s' %s", texts[i], bad);
			return -EINVAL;
		}
		len = strlen(texts[i]);
		if (used + 1 + len > PUBLISH_TXT_MAX) {
			snprintf(why, PUBLISH_WHY, "all strings together have more than %d octets",
				 PUBLISH_TXT_MAX);
			return -E2BIG;
		}
		out[used++] = (uint8_t)len;
		memcpy(out + used, texts[i], len);
		used += len;
	}
	/* A TXT record has at least one string, if need be an empty one (6.1). */
	if (!used)
		out[used++] = 0;
	return (int)used;
}
