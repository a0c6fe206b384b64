// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration read, whether it makes sense as a whole, and compared. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/account/store.h"
#include "../lib/peers/peers.h"
#include "conf_int.h"

/* --- made and freed ---------------------------------------------------------------- */

void conf_list_free(struct conf_list *list)
{
	while (list->n)
		free(list->v[--list->n]);
	free(list->v);
	list->v = NULL;
}

void conf_free(struct btmmd_conf *conf)
{
	size_t i;

	if (!conf)
		return;
	for (i = 0; i < conf->n_services; i++)
		conf_service_free(&conf->services[i]);
	conf_list_free(&conf->info);
	free(conf->account_directory);
	free(conf->device);
	free(conf->authority);
	free(conf->server_name);
	free(conf->vici_socket);
	free(conf->runtime_directory);
	free(conf->control_socket);
	free(conf);
}

static struct btmmd_conf *conf_new(void)
{
	struct btmmd_conf *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->account_directory = strdup(STORE_HOST_DIR);
	c->device = strdup("btmm0");
	c->vici_socket = strdup("/run/btmm-charon/vici");
	c->runtime_directory = strdup("/run/btmmd");
	c->control_socket = strdup("/run/btmmd/control");
	c->port = 4500;
	c->keepalive = 20;
	c->nat_pmp = true;
	c->upnp = true;
	c->lifetime = 3600;
	c->refresh = 120;
	c->lease = 5400;
	c->llq_lease = 3600;
	c->listen = (struct conf_place){ { 4, { 127, 0, 0, 66 } }, 53 };
	c->rekey = 3600;
	c->peers = PEERS_MAX;
	if (!c->account_directory || !c->device || !c->vici_socket || !c->runtime_directory ||
	    !c->control_socket) {
		conf_free(c);
		return NULL;
	}
	return c;
}

/* --- lines ------------------------------------------------------------------------- */

static const char *note_file(struct conf_draft *d, const struct ini_line *line)
{
	const char *last = d->n_files ? d->files[d->n_files - 1] : NULL;
	char **files, *copy;

	if (!last || strcmp(last, line->file)) {
		files = reallocarray(d->files, d->n_files + 1, sizeof(*files));
		copy = strdup(line->file);
		if (files)
			d->files = files;
		if (!files || !copy) {
			free(copy);
			return "there is no memory for it";
		}
		files[d->n_files++] = copy;
		last = copy;
		/* Each file begins outside of all sections. */
		d->section[0] = '\0';
	}
	d->here = (struct conf_where){ last, line->number };
	return NULL;
}

static const char *begin_section(struct conf_draft *d, const struct ini_line *line)
{
	const struct conf_key *k;

	d->section[0] = '\0';
	if (!strcmp(line->section, "service")) {
		strcpy(d->section, "service");
		return conf_service_begin(d, line->argument);
	}
	for (k = conf_keys; k->name; k++) {
		if (!strcmp(k->section, line->section))
			break;
	}
	if (!k->name)
		return conf_wrong(d, "there is no section [%s]", line->section);
	if (line->argument[0])
		return conf_wrong(d, "[%s] has no argument", line->section);
	strcpy(d->section, k->section);
	return NULL;
}

const char *conf_line(void *arg, const struct ini_line *line)
{
	const struct conf_key *k, *elsewhere = NULL;
	struct conf_draft *d = arg;
	const char *bad = note_file(d, line);

	if (bad)
		return bad;
	if (!line->key)
		return begin_section(d, line);
	if (!d->section[0])
		return "a section has to come first, such as [host]";
	if (!strcmp(d->section, "service"))
		return conf_service_key(d, line->key, line->value);
	for (k = conf_keys; k->name; k++) {
		if (strcmp(k->name, line->key))
			continue;
		if (!strcmp(k->section, d->section))
			return k->set(d, k, line->value);
		elsewhere = k;
	}
	if (elsewhere)
		return conf_wrong(d, "this key belongs into [%s], not [%s]", elsewhere->section,
				  d->section);
	return conf_wrong(d, "there is no such key in [%s]", d->section);
}

/* --- all of it --------------------------------------------------------------------- */

static int __attribute__((format(printf, 3, 4)))
refuse(char *why, const struct conf_where *where, const char *fmt, ...)
{
	size_t n = 0;
	va_list ap;

	if (where && where->file)
		n = (size_t)snprintf(why, CONF_WHY, "%s:%u: ", where->file, where->line);
	if (n < CONF_WHY) {
		va_start(ap, fmt);
		vsnprintf(why + n, CONF_WHY - n, fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

static int check_service(const struct conf_draft *d, size_t i, char *why)
{
	const struct conf_service *s = &d->conf->services[i];
	uint8_t txt[PUBLISH_TXT_MAX];
	char reason[PUBLISH_WHY];

	if (!s->port)
		return refuse(why, &d->services[i], "[service \"%s%s%s\"]: port is missing",
			      s->instance, s->instance[0] ? "." : "", s->type);
	if (publish_txt((const char *const *)s->texts.v, s->texts.n, txt, reason) < 0)
		return refuse(why, &d->services[i], "[service \"%s%s%s\"]: text: %s", s->instance,
			      s->instance[0] ? "." : "", s->type, reason);
	return 0;
}

static int check(const struct conf_draft *d, char *why)
{
	const struct btmmd_conf *c = d->conf;
	uint8_t txt[PUBLISH_TXT_MAX];
	char reason[PUBLISH_WHY];
	size_t i;
	int err = 0;

	if (!c->authority != !c->server_name)
		return refuse(why, c->authority ? &d->authority : &d->server_name,
			      "%s wants %s beside it",
			      c->authority ? "certificate-authority" : "server-name",
			      c->authority ? "server-name" : "certificate-authority");
	if (publish_txt((const char *const *)c->info.v, c->info.n, txt, reason) < 0)
		return refuse(why, NULL, "info: %s", reason);
	for (i = 0; i < c->n_services && !err; i++)
		err = check_service(d, i, why);
	return err;
}

static int read_files(struct conf_draft *d, const char *path, char *why)
{
	int err;

	if (path || !access(CONF_PATH, F_OK) || errno != ENOENT) {
		err = ini_read_file(path ? path : CONF_PATH, conf_line, d, why, CONF_WHY);
		if (err)
			return err;
	}
	err = ini_read_dropins(path ? path : CONF_PATH, conf_line, d, why, CONF_WHY);
	/* Only the absence of @path itself is worth a word of its own. */
	return err == -ENOENT ? -EINVAL : err;
}

int conf_load(const char *path, struct btmmd_conf **out, char why[CONF_WHY])
{
	struct conf_draft *d = calloc(1, sizeof(*d));
	int err = -ENOMEM;

	if (d)
		d->conf = conf_new();
	if (d && d->conf)
		err = read_files(d, path, why);
	else
		snprintf(why, CONF_WHY, "out of memory");
	if (!err)
		err = check(d, why);
	if (!err) {
		*out = d->conf;
		d->conf = NULL;
	}
	if (!d)
		return err;
	while (d->n_files)
		free(d->files[--d->n_files]);
	free(d->files);
	conf_free(d->conf);
	free(d);
	return err;
}

/* --- compared ---------------------------------------------------------------------- */

bool conf_list_equal(const struct conf_list *a, const struct conf_list *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]))
			return false;
	}
	return true;
}

static bool place_equal(const struct conf_place *a, const struct conf_place *b)
{
	return a->addr.len == b->addr.len && a->port == b->port &&
	       !memcmp(a->addr.b, b->addr.b, a->addr.len);
}

static bool places_equal(const struct conf_places *a, const struct conf_places *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++) {
		if (!place_equal(&a->v[i], &b->v[i]))
			return false;
	}
	return true;
}

static bool text_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool key_equal(const struct conf_key *k, const void *a, const void *b)
{
	switch (k->kind) {
	case KIND_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case KIND_UINT16:
		return *(const uint16_t *)a == *(const uint16_t *)b;
	case KIND_UINT32:
	case KIND_SECONDS:
		return *(const uint32_t *)a == *(const uint32_t *)b;
	case KIND_CHOICE:
		return *(const enum conf_cipher *)a == *(const enum conf_cipher *)b;
	case KIND_TEXT:
		return text_equal(*(char *const *)a, *(char *const *)b);
	case KIND_PLACE:
		return place_equal(a, b);
	case KIND_PLACES:
		return places_equal(a, b);
	case KIND_LIST:
		return conf_list_equal(a, b);
	}
	return false;
}

static bool services_equal(const struct btmmd_conf *a, const struct btmmd_conf *b)
{
	size_t i;

	if (a->n_services != b->n_services)
		return false;
	for (i = 0; i < a->n_services; i++) {
		if (!conf_service_equal(&a->services[i], &b->services[i]))
			return false;
	}
	return true;
}

unsigned int conf_compare(const struct btmmd_conf *a, const struct btmmd_conf *b,
			  const char **key)
{
	unsigned int change = services_equal(a, b) ? 0 : CONF_PUBLISH;
	const struct conf_key *k;

	*key = NULL;
	for (k = conf_keys; k->name; k++) {
		if (key_equal(k, (const char *)a + k->offset, (const char *)b + k->offset))
			continue;
		change |= k->change;
		if (k->change & CONF_RESTART && !*key)
			*key = k->name;
	}
	return change;
}

/* --- from one to the other ----------------------------------------------------------- */

static size_t size_of(const struct conf_key *k)
{
	switch (k->kind) {
	case KIND_BOOL:
		return sizeof(bool);
	case KIND_UINT16:
		return sizeof(uint16_t);
	case KIND_UINT32:
	case KIND_SECONDS:
		return sizeof(uint32_t);
	case KIND_CHOICE:
		return sizeof(enum conf_cipher);
	case KIND_TEXT:
		return sizeof(char *);
	case KIND_PLACE:
		return sizeof(struct conf_place);
	case KIND_PLACES:
		return sizeof(struct conf_places);
	case KIND_LIST:
		return sizeof(struct conf_list);
	}
	return 0;
}

static void swap_octets(void *a, void *b, size_t n)
{
	uint8_t *x = a, *y = b;

	while (n--) {
		uint8_t t = *x;

		*x++ = *y;
		*y++ = t;
	}
}

static void swap_keys(struct btmmd_conf *a, struct btmmd_conf *b, unsigned int change)
{
	const struct conf_key *k;

	for (k = conf_keys; k->name; k++) {
		if (k->change & change)
			swap_octets((char *)a + k->offset, (char *)b + k->offset, size_of(k));
	}
}

void conf_keep(struct btmmd_conf *to, struct btmmd_conf *from)
{
	swap_keys(to, from, CONF_RESTART);
}

void conf_swap_published(struct btmmd_conf *a, struct btmmd_conf *b)
{
	swap_keys(a, b, CONF_PUBLISH);
	swap_octets(a->services, b->services, sizeof(a->services));
	swap_octets(&a->n_services, &b->n_services, sizeof(a->n_services));
}
