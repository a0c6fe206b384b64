// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of [server] and [zone "..."], and what may be their values. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "../lib/conf/value.h"
#include "../lib/text/number.h"
#include "conf_int.h"

#define NO_MEMORY	"there is no memory for it"
#define LIST_MAX	256	/* addresses, key files or names in one list */
#define ZONES_MAX	100000
#define DAY		86400

struct key {
	const char *name;
	const char *(*set)(struct conf_draft *d, const struct key *k, const char *value);
	size_t offset;		/* in struct dnsd_conf, or struct conf_zone for zones */
	uint64_t min, max;
	size_t where;		/* in struct conf_draft, when someone wants to know it */
};

#define IN_CONF(field)	offsetof(struct dnsd_conf, field)
#define IN_ZONE(field)	offsetof(struct conf_zone, field)
#define AT(field)	offsetof(struct conf_draft, field)

static const char *__attribute__((format(printf, 2, 3)))
wrong(struct conf_draft *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	return d->text;
}

/* Room for one more behind @n; NULL: there is none, and all is as it was. */
static void *grown(void *v, size_t n, size_t size)
{
	/* There is room up to the next power of two. */
	if (n & (n - 1))
		return v;
	return reallocarray(v, n ? 2 * n : 1, size);
}

static struct conf_zone *zone_here(struct conf_draft *d)
{
	return &d->conf->zones[d->zone];
}

/* Of a server's key in the configuration, of a zone's in the zone. */
static void *field(struct conf_draft *d, const struct key *k)
{
	char *base = d->in_server ? (char *)d->conf : (char *)zone_here(d);

	return base + k->offset;
}

/* --- one value ------------------------------------------------------------------ */

static const char *set_bool(struct conf_draft *d, const struct key *k, const char *value)
{
	bool b;

	if (!conf_bool(value, &b))
		return wrong(d, "'%s' is neither yes nor no", value);
	*(bool *)field(d, k) = b;
	return NULL;
}

static const char *set_uint(struct conf_draft *d, const struct key *k, const char *value)
{
	uint64_t n;

	if (text_to_uint(value, k->min, k->max, &n))
		return wrong(d, "'%s' is no number from %llu to %llu", value,
			     (unsigned long long)k->min, (unsigned long long)k->max);
	*(unsigned int *)field(d, k) = (unsigned int)n;
	return NULL;
}

/* @min and @max are milliseconds, the value too. */
static const char *set_ms(struct conf_draft *d, const struct key *k, const char *value)
{
	uint64_t ms;

	if (!conf_time(value, &ms))
		return wrong(d, "'%s' is no time: want a number and ms, s, m, h or d, as in 30s",
			     value);
	if (ms < k->min || ms > k->max)
		return wrong(d, "'%s' is not within %llu ms and %llu h", value,
			     (unsigned long long)k->min, (unsigned long long)k->max / 3600000);
	*(unsigned int *)field(d, k) = (unsigned int)ms;
	return NULL;
}

/* @min and @max are seconds, the value too. */
static const char *set_seconds(struct conf_draft *d, const struct key *k, const char *value)
{
	uint64_t ms;

	if (!conf_time(value, &ms) || ms % 1000)
		return wrong(d, "'%s' is no time: want a number and s, m, h or d, as in 30m",
			     value);
	if (ms / 1000 < k->min || ms / 1000 > k->max)
		return wrong(d, "'%s' is not within %llu s and %llu d", value,
			     (unsigned long long)k->min, (unsigned long long)k->max / DAY);
	*(uint32_t *)field(d, k) = (uint32_t)(ms / 1000);
	return NULL;
}

static const char *set_path(struct conf_draft *d, const struct key *k, const char *value)
{
	char **path = field(d, k), *copy;

	if (*value != '/')
		return wrong(d, "'%s' is no path that begins with /", value);
	if (strlen(value) > k->max)
		return wrong(d, "this path has more than %llu octets", (unsigned long long)k->max);
	copy = strdup(value);
	if (!copy)
		return NO_MEMORY;
	free(*path);
	*path = copy;
	return NULL;
}

static const char *set_addr(struct conf_draft *d, const struct key *k, const char *value)
{
	const char *why = net_from_text(value, false, field(d, k));

	return why ? wrong(d, "%s: %s", value, why) : NULL;
}

/* --- lists ------------------------------------------------------------------------- */

typedef const char *(*word_fn)(struct conf_draft *d, const struct key *k, const char *word);

struct words_to {
	struct conf_draft *d;
	const struct key *k;
	word_fn fn;
};

static const char *add_word(void *arg, const char *word)
{
	const struct words_to *to = arg;

	return to->fn(to->d, to->k, word);
}

static const char *each_word(struct conf_draft *d, const struct key *k, const char *value,
			     word_fn fn)
{
	struct words_to to = { d, k, fn };

	return conf_words(value, add_word, &to);
}

static const char *add_addr(struct conf_draft *d, const struct key *k, const char *word)
{
	struct conf_addrs *list = field(d, k);
	struct net_addr a, *v;
	const char *why = net_from_text(word, true, &a);
	size_t i;

	if (why)
		return wrong(d, "%s: %s", word, why);
	for (i = 0; i < list->n; i++) {
		/* Port 0 is another one each time. */
		if (a.port && net_equal(&a, &list->v[i]))
			return wrong(d, "%s is listed already", word);
	}
	if (list->n == LIST_MAX)
		return wrong(d, "these are more than %d addresses", LIST_MAX);
	v = grown(list->v, list->n, sizeof(*v));
	if (!v)
		return NO_MEMORY;
	list->v = v;
	v[list->n++] = a;
	d->listen = d->here;
	return NULL;
}

static const char *add_addrs(struct conf_draft *d, const struct key *k, const char *value)
{
	return each_word(d, k, value, add_addr);
}

static const char *take_file(struct conf_draft *d, struct conf_file *f, const char *path)
{
	char *copy;

	if (*path != '/')
		return wrong(d, "'%s' is no path that begins with /", path);
	copy = strdup(path);
	if (!copy)
		return NO_MEMORY;
	free(f->path);
	f->path = copy;
	f->where = d->here;
	return NULL;
}

static const char *set_primary_key(struct conf_draft *d, const struct key *k, const char *value)
{
	(void)k;
	return take_file(d, &d->zones[d->zone].primary_key, value);
}

static const char *set_account_key(struct conf_draft *d, const struct key *k, const char *value)
{
	(void)k;
	return take_file(d, &d->zones[d->zone].account_key, value);
}

static const char *add_admin_key(struct conf_draft *d, const struct key *k, const char *word)
{
	struct conf_zone_draft *z = &d->zones[d->zone];
	struct conf_file *v;
	const char *why;

	(void)k;
	if (z->n_admin_keys == LIST_MAX)
		return wrong(d, "these are more than %d files", LIST_MAX);
	v = grown(z->admin_keys, z->n_admin_keys, sizeof(*v));
	if (!v)
		return NO_MEMORY;
	z->admin_keys = v;
	memset(&v[z->n_admin_keys], 0, sizeof(*v));
	why = take_file(d, &v[z->n_admin_keys], word);
	if (!why)
		z->n_admin_keys++;
	return why;
}

static const char *add_admin_keys(struct conf_draft *d, const struct key *k, const char *value)
{
	return each_word(d, k, value, add_admin_key);
}

/* Relative to the zone, unless it ends with a dot. */
static const char *full_name(struct conf_draft *d, const char *word, uint8_t out[DNAME_MAX])
{
	const struct conf_zone *z = zone_here(d);
	uint8_t name[DNAME_MAX];
	const char *why = dname_from_text(word, name);
	size_t len, apex = dname_len(z->apex), n = strlen(word);

	if (why)
		return wrong(d, "%s: %s", word, why);
	len = dname_len(name);
	/* An escaped dot at the end is none; a name of which it is the end has it so. */
	if (word[n - 1] == '.' && (n == 1 || word[n - 2] != '\\')) {
		memcpy(out, name, len);
	} else {
		if (len - 1 + apex > DNAME_MAX)
			return wrong(d, "%s: this name is too long", word);
		memcpy(out, name, len - 1);
		memcpy(out + len - 1, z->apex, apex);
	}
	dname_lower(out);
	if (!dname_below(out, z->apex))
		return wrong(d, "%s is not below %s", word, z->name);
	return NULL;
}

static const char *add_name(struct conf_draft *d, const struct key *k, const char *word)
{
	struct conf_zone *z = zone_here(d);
	uint8_t name[DNAME_MAX], (*v)[DNAME_MAX];
	const char *why = full_name(d, word, name);

	(void)k;
	if (why)
		return why;
	if (z->n_public_names == LIST_MAX)
		return wrong(d, "these are more than %d names", LIST_MAX);
	v = grown(z->public_names, z->n_public_names, sizeof(*v));
	if (!v)
		return NO_MEMORY;
	z->public_names = v;
	memcpy(v[z->n_public_names++], name, dname_len(name));
	return NULL;
}

static const char *add_names(struct conf_draft *d, const struct key *k, const char *value)
{
	return each_word(d, k, value, add_name);
}

/* --- the tables ----------------------------------------------------------------------- */

#define PATH		4095
#define SOCKET_PATH	(sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
/* The transport's numbers of streams have 20 bits for the streams at a time. */
#define STREAMS		1000000
#define LLQS		10000000
#define DAY_MS		((uint64_t)DAY * 1000)

static const struct key server_keys[] = {
	{ "listen-udp", add_addrs, IN_CONF(udp), 0, 0, 0 },
	{ "listen-tcp", add_addrs, IN_CONF(tcp), 0, 0, 0 },
	{ "listen-tls", add_addrs, IN_CONF(tls), 0, 0, AT(listen_tls) },
	{ "certificate", set_path, IN_CONF(certificate), 0, PATH, AT(certificate) },
	{ "certificate-key", set_path, IN_CONF(certificate_key), 0, PATH, AT(certificate_key) },
	{ "state-directory", set_path, IN_CONF(state_directory), 0, PATH, 0 },
	{ "control-socket", set_path, IN_CONF(control_socket), 0, SOCKET_PATH, 0 },
	{ "allow-md5", set_bool, IN_CONF(allow_md5), 0, 0, 0 },
	{ "streams", set_uint, IN_CONF(streams), 1, STREAMS, 0 },
	{ "streams-per-address", set_uint, IN_CONF(streams_per_address), 1, STREAMS, 0 },
	{ "stream-idle", set_ms, IN_CONF(stream_idle_ms), 100, DAY_MS, 0 },
	{ "stream-handshake", set_ms, IN_CONF(stream_handshake_ms), 100, DAY_MS, 0 },
	{ "llqs", set_uint, IN_CONF(llqs), 0, LLQS, 0 },
	{ "llqs-per-account", set_uint, IN_CONF(llqs_per_account), 0, LLQS, 0 },
	{ "llqs-per-address", set_uint, IN_CONF(llqs_per_address), 0, LLQS, 0 },
	{ "lease-min", set_seconds, IN_CONF(lease_min), 1, 7 * DAY, AT(leases) },
	{ "lease-max", set_seconds, IN_CONF(lease_max), 1, 7 * DAY, AT(leases) },
	{ "llq-lease-min", set_seconds, IN_CONF(llq_lease_min), 1, 7 * DAY, AT(llq_leases) },
	{ "llq-lease-max", set_seconds, IN_CONF(llq_lease_max), 1, 7 * DAY, AT(llq_leases) },
	{ NULL, NULL, 0, 0, 0, 0 },
};

static const char *set_owner_address(struct conf_draft *d, const struct key *k, const char *value)
{
	d->zones[d->zone].owner_address = d->here;
	return set_addr(d, k, value);
}

static const struct key zone_keys[] = {
	{ "primary", set_addr, IN_ZONE(primary), 0, 0, 0 },
	{ "primary-key-file", set_primary_key, 0, 0, 0, 0 },
	{ "private", set_bool, IN_ZONE(is_private), 0, 0, 0 },
	{ "owner", set_bool, IN_ZONE(is_owner), 0, 0, 0 },
	{ "owner-address", set_owner_address, IN_ZONE(owner), 0, 0, 0 },
	{ "account-key-file", set_account_key, 0, 0, 0, 0 },
	{ "admin-key-file", add_admin_keys, 0, 0, 0, 0 },
	{ "public-name", add_names, 0, 0, 0, 0 },
	{ NULL, NULL, 0, 0, 0, 0 },
};

/* --- sections and lines ----------------------------------------------------------------- */

static const char *new_zone(struct conf_draft *d, const uint8_t *apex)
{
	size_t n = d->conf->n_zones;
	struct conf_zone_draft *drafts;
	struct conf_zone *zones;

	if (n == ZONES_MAX)
		return wrong(d, "these are more than %d zones", ZONES_MAX);
	zones = grown(d->conf->zones, n, sizeof(*zones));
	if (!zones)
		return NO_MEMORY;
	d->conf->zones = zones;
	drafts = grown(d->zones, n, sizeof(*drafts));
	if (!drafts)
		return NO_MEMORY;
	d->zones = drafts;

	memset(&zones[n], 0, sizeof(*zones));
	memset(&drafts[n], 0, sizeof(*drafts));
	memcpy(zones[n].apex, apex, dname_len(apex));
	dname_to_text(apex, zones[n].name);
	zones[n].is_private = true;
	zones[n].is_owner = true;
	drafts[n].begun = d->here;
	d->conf->n_zones++;
	d->n_zones++;
	d->zone = n;
	return NULL;
}

static const char *begin_zone(struct conf_draft *d, const char *name)
{
	uint8_t apex[DNAME_MAX] = { 0 };
	const char *why;
	size_t i;

	if (!*name)
		return "a zone is named: [zone \"alice.example.com\"]";
	why = dname_from_text(name, apex);
	if (why)
		return wrong(d, "[zone \"%s\"]: %s", name, why);
	if (!apex[0])
		return "the root zone is nobody's account";
	dname_lower(apex);
	for (i = 0; i < d->conf->n_zones; i++) {
		if (dname_equal(d->conf->zones[i].apex, apex)) {
			d->zone = i;
			return NULL;
		}
	}
	return new_zone(d, apex);
}

static const char *begin_section(struct conf_draft *d, const struct ini_line *line)
{
	d->in_server = false;
	d->zone = SIZE_MAX;
	if (!strcmp(line->section, "zone"))
		return begin_zone(d, line->argument);
	if (strcmp(line->section, "server") || *line->argument)
		return "a section is [server] or [zone \"alice.example.com\"]";
	d->in_server = true;
	return NULL;
}

/* The file's name outlives its reading: what is wrong may be found later. */
static bool note_here(struct conf_draft *d, const struct ini_line *line)
{
	char **files;

	d->here.line = line->number;
	if (d->n_files && !strcmp(d->files[d->n_files - 1], line->file))
		return true;
	files = grown(d->files, d->n_files, sizeof(*files));
	if (!files)
		return false;
	d->files = files;
	files[d->n_files] = strdup(line->file);
	if (!files[d->n_files])
		return false;
	d->here.file = files[d->n_files++];
	return true;
}

const char *conf_line(void *arg, const struct ini_line *line)
{
	struct conf_draft *d = arg;
	const struct key *k;

	if (!note_here(d, line))
		return NO_MEMORY;
	if (!line->key)
		return begin_section(d, line);
	if (!*line->section)
		return "it stands before any section: [server] or [zone \"alice.example.com\"]";
	for (k = d->in_server ? server_keys : zone_keys; k->name; k++) {
		const char *why;

		if (strcmp(k->name, line->key))
			continue;
		why = *line->value ? k->set(d, k, line->value) : "a value is missing";
		if (!why && k->where)
			*(struct conf_where *)((char *)d + k->where) = d->here;
		return why;
	}
	return wrong(d, "there is no such key in [%s]; btmm-dnsd(8) lists them", line->section);
}
