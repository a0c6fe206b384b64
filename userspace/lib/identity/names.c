// SPDX-License-Identifier: GPL-2.0-or-later
#include "names.h"

#include <string.h>
#include <strings.h>

#define SERVICE	"_autotunnel"
#define PROTO	"_udp"
#define PREFIX	"autotunnel-"

/* What stands in front of a domain, at most: _autotunnel._udp.<63 octets> */
#define ROOM	(sizeof(SERVICE) + sizeof(PROTO) + 1 + DLABEL_MAX)

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static const char *label_check(const uint8_t *p, size_t len, bool letter_wanted)
{
	bool letter = false;
	size_t i;

	if (!len)
		return "is empty";
	if (len > DLABEL_MAX)
		return "is longer than 63 characters";
	for (i = 0; i < len; i++) {
		letter |= is_letter(p[i]);
		if (!is_letter(p[i]) && !is_digit(p[i]) && p[i] != '-')
			return "has other characters than letters, digits and hyphens";
	}
	if (p[0] == '-' || p[len - 1] == '-')
		return "begins or ends with a hyphen";
	/* It could be taken for an address. */
	if (letter_wanted && !letter)
		return "has no letter";
	return NULL;
}

const char *host_label_check(const char *label)
{
	const char *why;

	if (strchr(label, '.'))
		return "has a dot: it has to be a single label";
	why = label_check((const uint8_t *)label, strlen(label), true);
	if (why)
		return why;
	if (!strcasecmp(label, "localhost"))
		return "means every machine itself";
	if (!strncasecmp(label, PREFIX, strlen(PREFIX)))
		return "begins as the names of tunnels do";
	return NULL;
}

const char *user_domain_check(const char *domain, uint8_t out[DNAME_MAX])
{
	const char *why = dname_from_text(domain, out);
	const uint8_t *label;

	if (why)
		return why;
	if (dname_labels(out) < 2)
		return "has to have two labels or more";
	for (label = out; *label; label += 1 + *label) {
		why = label_check(label + 1, *label, !label[1 + *label]);
		if (why)
			return why;
	}
	if (dname_len(out) + ROOM > DNAME_MAX)
		return "is too long for the names of hosts in it";
	return NULL;
}

bool host_label_from_system(const char *nodename, char out[HOST_LABEL_SIZE])
{
	size_t len = 0;

	/* Hyphens come before what follows, so there is none at either end. */
	for (; *nodename && *nodename != '.' && len < DLABEL_MAX; nodename++) {
		uint8_t c = (uint8_t)*nodename;

		if (is_letter(c))
			out[len++] = (char)(c | 0x20);
		else if (is_digit(c))
			out[len++] = (char)c;
		else if (len && out[len - 1] != '-')
			out[len++] = '-';
	}
	while (len && out[len - 1] == '-')
		len--;
	out[len] = '\0';
	return !host_label_check(out);
}

static void in_front(const char *label, const uint8_t *parent, uint8_t *out)
{
	/* user_domain_check() has seen to it that there is room. */
	dname_prefix(label, strlen(label), parent, out);
}

void host_names_make(struct host_names *out, const char *label,
		     const uint8_t domain[DNAME_MAX], const struct identity *id)
{
	char text[IDENTITY_LABEL];

	memset(out, 0, sizeof(*out));
	memcpy(out->domain, domain, dname_len(domain));
	in_front(label, domain, out->host);
	in_front(PROTO, out->host, out->service);
	in_front(SERVICE, out->service, out->service);
	in_front(PROTO, domain, out->list);
	in_front(SERVICE, out->list, out->list);
	if (identity_is_set(id))
		in_front(identity_label(id, text), domain, out->tunnel);
}
