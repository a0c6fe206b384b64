// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of all sections but [service "..."], and what may be their values. */
#define _GNU_SOURCE
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "../lib/conf/value.h"
#include "../lib/peers/peers.h"
#include "../lib/text/number.h"
#include "../lib/text/place.h"
#include "conf_int.h"

#define NO_MEMORY	"there is no memory for it"

const char *conf_wrong(struct conf_draft *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	return d->text;
}

static void *field(struct conf_draft *d, const struct conf_key *k)
{
	return (char *)d->conf + k->offset;
}

/* --- one value --------------------------------------------------------------------- */

static const char *set_bool(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	bool b;

	if (!conf_bool(value, &b))
		return conf_wrong(d, "'%s' is neither yes nor no", value);
	*(bool *)field(d, k) = b;
	return NULL;
}

static const char *set_number(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	uint64_t n;

	if (text_to_uint_or_hex(value, k->min, k->max, &n))
		return conf_wrong(d, "'%s' is no number from %llu to %llu", value,
				  (unsigned long long)k->min, (unsigned long long)k->max);
	if (k->kind == KIND_UINT16)
		*(uint16_t *)field(d, k) = (uint16_t)n;
	else
		*(uint32_t *)field(d, k) = (uint32_t)n;
	return NULL;
}

/* As people write it; @size is enough for what is in the table. */
static const char *seconds_text(uint64_t s, char *out, size_t size)
{
	if (s && !(s % 3600))
		snprintf(out, size, "%lluh", (unsigned long long)s / 3600);
	else if (s && !(s % 60))
		snprintf(out, size, "%llum", (unsigned long long)s / 60);
	else
		snprintf(out, size, "%llus", (unsigned long long)s);
	return out;
}

static const char *set_seconds(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	char min[24], max[24];
	uint64_t ms;

	if (!conf_time(value, &ms) || ms % 1000)
		return conf_wrong(d, "'%s' is no time: want a number and s, m, h or d, as in 30m",
				  value);
	if (ms / 1000 < k->min || ms / 1000 > k->max)
		return conf_wrong(d, "'%s' is not within %s and %s", value,
				  seconds_text(k->min, min, sizeof(min)),
				  seconds_text(k->max, max, sizeof(max)));
	*(uint32_t *)field(d, k) = (uint32_t)(ms / 1000);
	return NULL;
}

static const char *take_text(char **to, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return NO_MEMORY;
	free(*to);
	*to = copy;
	return NULL;
}

static const char *set_path(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	if (*value != '/')
		return conf_wrong(d, "'%s' is no path that begins with /", value);
	if (strlen(value) > k->max)
		return conf_wrong(d, "this path has more than %llu octets",
				  (unsigned long long)k->max);
	return take_text(field(d, k), value);
}

static const char *set_authority(struct conf_draft *d, const struct conf_key *k,
				 const char *value)
{
	d->authority = d->here;
	return set_path(d, k, value);
}

static const char *set_server_name(struct conf_draft *d, const struct conf_key *k,
				   const char *value)
{
	uint8_t name[DNAME_MAX];
	const char *bad = dname_from_text(value, name);

	if (bad)
		return conf_wrong(d, "%s: %s", value, bad);
	d->server_name = d->here;
	return take_text(field(d, k), value);
}

/* What the kernel takes for an interface's name (dev_valid_name()). */
static const char *set_device(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	if (!*value || strlen(value) >= IFNAMSIZ || !strcmp(value, ".") || !strcmp(value, "..") ||
	    strpbrk(value, "/: \t"))
		return conf_wrong(d, "'%s' cannot be the name of an interface", value);
	return take_text(field(d, k), value);
}

static const char *read_place(struct conf_draft *d, const struct conf_key *k, const char *value,
			      struct conf_place *out)
{
	const char *bad = text_to_place(value, (uint16_t)k->max, &out->addr, &out->port);

	return bad ? conf_wrong(d, "%s: %s", value, bad) : NULL;
}

static const char *set_place(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	struct conf_place place = { 0 };
	const char *bad = read_place(d, k, value, &place);

	if (!bad)
		*(struct conf_place *)field(d, k) = place;
	return bad;
}

/* Where nobody but programs of this machine can ask (resolver.h). */
static const char *set_listen(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	static const uint8_t one[16] = { [15] = 1 };
	struct conf_place place = { 0 };
	const char *bad;

	if (strcmp(value, "off")) {
		bad = read_place(d, k, value, &place);
		if (bad)
			return bad;
		if (place.addr.len == 4 ? place.addr.b[0] != 127 :
					  memcmp(place.addr.b, one, sizeof(one)))
			return conf_wrong(d, "%s is no address of this machine alone: want one of "
					  "127.0.0.0/8, or ::1, or off", value);
	}
	*(struct conf_place *)field(d, k) = place;
	return NULL;
}

static const char *set_public_endpoint(struct conf_draft *d, const struct conf_key *k,
				       const char *value)
{
	struct conf_place place = { 0 };
	const char *bad = text_to_endpoint(value, &place.addr, &place.port);

	if (bad)
		return conf_wrong(d, "%s: %s", value, bad);
	*(struct conf_place *)field(d, k) = place;
	return NULL;
}

static const char *set_charon(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	if (strcmp(value, "private") && strcmp(value, "system"))
		return conf_wrong(d, "'%s' is neither private nor system", value);
	*(bool *)field(d, k) = !strcmp(value, "system");
	return NULL;
}

static const char *set_cipher(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	static const char *const names[] = {
		[CONF_CIPHER_AUTO] = "auto", [CONF_CIPHER_AES] = "aes-gcm",
		[CONF_CIPHER_CHACHA] = "chacha20-poly1305",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(value, names[i])) {
			*(enum conf_cipher *)field(d, k) = (enum conf_cipher)i;
			return NULL;
		}
	}
	return conf_wrong(d, "'%s' is none of auto, aes-gcm and chacha20-poly1305", value);
}

/* --- lists ------------------------------------------------------------------------- */

struct places_to {
	struct conf_draft *d;
	const struct conf_key *k;
};

static const char *add_place(void *arg, const char *word)
{
	const struct places_to *to = arg;
	struct conf_places *list = field(to->d, to->k);
	struct conf_place place = { 0 };
	const char *bad = read_place(to->d, to->k, word, &place);

	if (bad)
		return bad;
	if (list->n == CONF_PLACES)
		return conf_wrong(to->d, "these are more than %d", CONF_PLACES);
	list->v[list->n++] = place;
	return NULL;
}

static const char *add_places(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	struct places_to to = { d, k };

	return conf_words(value, add_place, &to);
}

const char *conf_list_add(struct conf_draft *d, struct conf_list *list, const char *text,
			  size_t max)
{
	char **v;

	if (list->n == max)
		return conf_wrong(d, "these are more than %zu", max);
	v = reallocarray(list->v, list->n + 1, sizeof(*v));
	if (!v)
		return NO_MEMORY;
	list->v = v;
	v[list->n] = strdup(text);
	if (!v[list->n])
		return NO_MEMORY;
	list->n++;
	return NULL;
}

static const char *add_info(struct conf_draft *d, const struct conf_key *k, const char *value)
{
	const char *bad = publish_text_check(value);

	return bad ? conf_wrong(d, "'%s' %s", value, bad) :
		     conf_list_add(d, field(d, k), value, PUBLISH_TEXTS);
}

/* --- the table --------------------------------------------------------------------- */

#define PATH		4095
#define SOCKET_PATH	(sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define DNS_PORT	53
#define TLS_PORT	853
#define STUN_PORT	3478
#define HOUR		3600
#define IN(field)	offsetof(struct btmmd_conf, field)

const struct conf_key conf_keys[] = {
	{ "host", "account-directory", set_path, KIND_TEXT, IN(account_directory), 0, PATH - 16,
	  CONF_ACCOUNT },
	{ "host", "private-address", set_bool, KIND_BOOL, IN(private_address), 0, 0,
	  CONF_RESTART },
	{ "host", "info", add_info, KIND_LIST, IN(info), 0, 0, CONF_PUBLISH },

	{ "tunnel", "device", set_device, KIND_TEXT, IN(device), 0, 0, CONF_RESTART },
	{ "tunnel", "port", set_number, KIND_UINT16, IN(port), 1, 65535, CONF_RESTART },
	{ "tunnel", "keepalive", set_seconds, KIND_SECONDS, IN(keepalive), 0, HOUR, CONF_TUNNEL },
	{ "tunnel", "mark", set_number, KIND_UINT32, IN(mark), 0, UINT32_MAX, CONF_TUNNEL },

	{ "nat", "nat-pmp", set_bool, KIND_BOOL, IN(nat_pmp), 0, 0, CONF_NAT },
	{ "nat", "upnp", set_bool, KIND_BOOL, IN(upnp), 0, 0, CONF_NAT },
	{ "nat", "lifetime", set_seconds, KIND_SECONDS, IN(lifetime), 120, 24 * HOUR, CONF_NAT },
	{ "nat", "refresh", set_seconds, KIND_SECONDS, IN(refresh), 5, 24 * HOUR, CONF_NAT },
	{ "nat", "public-endpoint", set_public_endpoint, KIND_PLACE, IN(public_endpoint), 0, 0,
	  CONF_NAT },
	{ "nat", "stun-server", add_places, KIND_PLACES, IN(stun_servers), 0, STUN_PORT,
	  CONF_NAT },

	{ "dns", "server", set_place, KIND_PLACE, IN(server), 0, TLS_PORT, CONF_DNS },
	{ "dns", "resolver", add_places, KIND_PLACES, IN(resolvers), 0, DNS_PORT, CONF_DNS },
	{ "dns", "certificate-authority", set_authority, KIND_TEXT, IN(authority), 0, PATH,
	  CONF_DNS },
	{ "dns", "server-name", set_server_name, KIND_TEXT, IN(server_name), 0, 0, CONF_DNS },
	{ "dns", "clear-text", set_bool, KIND_BOOL, IN(clear_text), 0, 0, CONF_DNS },
	{ "dns", "browse", set_bool, KIND_BOOL, IN(browse), 0, 0, CONF_PUBLISH },
	{ "dns", "lease", set_seconds, KIND_SECONDS, IN(lease), HOUR / 2, 2 * HOUR, CONF_DNS },
	{ "dns", "llq-lease", set_seconds, KIND_SECONDS, IN(llq_lease), HOUR / 4, 2 * HOUR,
	  CONF_DNS },
	{ "dns", "llq-port", set_number, KIND_UINT16, IN(llq_port), 0, 65535, CONF_DNS },

	{ "names", "listen", set_listen, KIND_PLACE, IN(listen), 0, DNS_PORT, CONF_NAMES },

	{ "ike", "charon", set_charon, KIND_BOOL, IN(system_charon), 0, 0, CONF_RESTART },
	{ "ike", "vici-socket", set_path, KIND_TEXT, IN(vici_socket), 0, SOCKET_PATH,
	  CONF_RESTART },
	{ "ike", "cipher", set_cipher, KIND_CHOICE, IN(cipher), 0, 0, CONF_IKE },
	{ "ike", "rekey", set_seconds, KIND_SECONDS, IN(rekey), 300, 24 * HOUR, CONF_IKE },

	{ "daemon", "runtime-directory", set_path, KIND_TEXT, IN(runtime_directory), 0, PATH - 64,
	  CONF_RESTART },
	{ "daemon", "control-socket", set_path, KIND_TEXT, IN(control_socket), 0, SOCKET_PATH,
	  CONF_RESTART },
	{ "daemon", "peers", set_number, KIND_UINT32, IN(peers), 1, PEERS_MAX, CONF_RESTART },
	{ 0 },
};
