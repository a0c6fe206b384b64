// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration read, its keys fetched, and whether it makes sense as a whole. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf_int.h"
#include "keys.h"

struct why_to {
	char *text;
	size_t size;
};

static int __attribute__((format(printf, 3, 4)))
refuse(const struct why_to *why, const struct conf_where *where, const char *fmt, ...)
{
	size_t n = 0;
	va_list ap;

	if (where && where->file)
		n = snprintf(why->text, why->size, "%s:%u: ", where->file, where->line);
	if (n < why->size) {
		va_start(ap, fmt);
		vsnprintf(why->text + n, why->size - n, fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

static int no_memory(const struct why_to *why)
{
	refuse(why, NULL, "out of memory");
	return -ENOMEM;
}

/* --- made and freed -------------------------------------------------------------- */

static struct dnsd_conf *new_conf(void)
{
	struct dnsd_conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	conf->streams = 20000;
	conf->streams_per_address = 64;
	conf->stream_idle_ms = 30000;
	conf->stream_handshake_ms = 10000;
	/*
	 * 72 octets each where many have the same name, 110 where none does: 110 MB at the most,
	 * also where anybody may subscribe. 470 hosts that all follow each other have 900,000;
	 * one address is a household with five hosts in an account of a thousand.
	 */
	conf->llqs = 1000000;
	conf->llqs_per_account = 900000;
	conf->llqs_per_address = 20000;
	conf->lease_min = 30 * 60;
	conf->lease_max = 2 * 3600;
	conf->llq_lease_min = 15 * 60;
	conf->llq_lease_max = 2 * 3600;
	return conf;
}

void conf_free(struct dnsd_conf *conf)
{
	size_t i, k;

	if (!conf)
		return;
	for (i = 0; i < conf->n_zones; i++) {
		struct conf_zone *z = &conf->zones[i];

		tsig_key_wipe(&z->primary_key);
		tsig_key_wipe(&z->account_key);
		for (k = 0; k < z->n_admin_keys; k++)
			tsig_key_wipe(&z->admin_keys[k]);
		free(z->admin_keys);
		free(z->public_names);
	}
	free(conf->zones);
	free(conf->udp.v);
	free(conf->tcp.v);
	free(conf->tls.v);
	free(conf->certificate);
	free(conf->certificate_key);
	free(conf->state_directory);
	free(conf->control_socket);
	free(conf);
}

static void free_draft(struct conf_draft *d)
{
	size_t i, k;

	for (i = 0; i < d->n_zones; i++) {
		struct conf_zone_draft *z = &d->zones[i];

		free(z->primary_key.path);
		free(z->account_key.path);
		for (k = 0; k < z->n_admin_keys; k++)
			free(z->admin_keys[k].path);
		free(z->admin_keys);
	}
	free(d->zones);
	for (i = 0; i < d->n_files; i++)
		free(d->files[i]);
	free(d->files);
	conf_free(d->conf);
}

/* --- the server's ------------------------------------------------------------------ */

static bool listen_default(struct conf_addrs *list, const char *v6, const char *v4)
{
	list->v = calloc(2, sizeof(*list->v));
	if (!list->v)
		return false;
	list->n = 2;
	return !net_from_text(v6, true, &list->v[0]) && !net_from_text(v4, true, &list->v[1]);
}

static int server_defaults(struct dnsd_conf *conf, const struct conf_draft *d,
			   const struct why_to *why)
{
	if (!conf->state_directory)
		conf->state_directory = strdup(CONF_STATE_DIRECTORY);
	if (!conf->control_socket)
		conf->control_socket = strdup(CONF_CONTROL_SOCKET);
	if (!conf->state_directory || !conf->control_socket)
		return no_memory(why);
	/* Who says something of it says all of it. */
	if (d->listen.file)
		return 0;
	if (!listen_default(&conf->udp, "[::]:53", "0.0.0.0:53") ||
	    !listen_default(&conf->tcp, "[::]:53", "0.0.0.0:53"))
		return no_memory(why);
	if (conf->certificate && !listen_default(&conf->tls, "[::]:853", "0.0.0.0:853"))
		return no_memory(why);
	return 0;
}

/* As that of the other keys; that it is missing or unreadable is found out by who reads it. */
static int check_certificate_key(const struct dnsd_conf *conf, const struct conf_draft *d,
				 const struct why_to *why)
{
	const char *path = conf->certificate_key;
	struct stat st;

	if (!path || stat(path, &st) || !(st.st_mode & 0007))
		return 0;
	return refuse(why, &d->certificate_key,
		      "certificate-key: %s is open to everybody (mode %04o): chmod o= %s", path,
		      st.st_mode & 07777, path);
}

static int check_server(const struct dnsd_conf *conf, const struct conf_draft *d,
			const struct why_to *why)
{
	if (!conf->certificate != !conf->certificate_key)
		return refuse(why, conf->certificate ? &d->certificate : &d->certificate_key,
			      "%s wants %s beside it",
			      conf->certificate ? "certificate" : "certificate-key",
			      conf->certificate ? "certificate-key" : "certificate");
	if (conf->tls.n && !conf->certificate)
		return refuse(why, &d->listen_tls,
			      "listen-tls wants certificate and certificate-key");
	if (conf->lease_min > conf->lease_max)
		return refuse(why, &d->leases, "lease-min (%u s) is above lease-max (%u s)",
			      conf->lease_min, conf->lease_max);
	if (conf->llq_lease_min > conf->llq_lease_max)
		return refuse(why, &d->llq_leases,
			      "llq-lease-min (%u s) is above llq-lease-max (%u s)",
			      conf->llq_lease_min, conf->llq_lease_max);
	return check_certificate_key(conf, d, why);
}

/* --- a zone's ------------------------------------------------------------------------ */

/* @name: of the key in the configuration. Nothing to do when none was given. */
static int fetch_key(const struct dnsd_conf *conf, const struct conf_file *from, const char *name,
		     struct tsig_key *key, const struct why_to *why)
{
	char text[CONF_WHY_SIZE];
	int err;

	if (!from->path)
		return 0;
	err = conf_key_file(from->path, key, text, sizeof(text));
	if (err) {
		refuse(why, &from->where, "%s: %s", name, text);
		/* That the configuration itself is missing is another matter. */
		return err == -ENOENT ? -EINVAL : err;
	}
	if (key->algorithm == TSIG_HMAC_MD5 && !conf->allow_md5)
		return refuse(why, &from->where,
			      "%s: %s: the key is of hmac-md5, for which allow-md5 = yes is wanted",
			      name, from->path);
	return 0;
}

static int check_account_key(const struct conf_zone *z, const struct conf_file *from,
			     const struct why_to *why)
{
	char is[DNAME_TEXT_MAX];
	uint8_t name[DNAME_MAX];

	if (!from->path)
		return 0;
	if (!dname_prefix(KEYS_ACCOUNT_LABEL, strlen(KEYS_ACCOUNT_LABEL), z->apex, name))
		return refuse(why, &from->where, "account-key-file: %s is too long for an account",
			      z->name);
	/* The hosts' keys are found by it. */
	if (!dname_equal(z->account_key.name, name))
		return refuse(why, &from->where,
			      "account-key-file: %s: the key is called %s instead of "
			      KEYS_ACCOUNT_LABEL ".%s", from->path,
			      dname_to_text(z->account_key.name, is), z->name);
	return 0;
}

static int fetch_keys(struct dnsd_conf *conf, struct conf_zone *z, const struct conf_zone_draft *d,
		      const struct why_to *why)
{
	int err = fetch_key(conf, &d->primary_key, "primary-key-file", &z->primary_key, why);
	size_t i;

	if (!err)
		err = fetch_key(conf, &d->account_key, "account-key-file", &z->account_key, why);
	if (!err)
		err = check_account_key(z, &d->account_key, why);
	if (err || !d->n_admin_keys)
		return err;
	z->admin_keys = calloc(d->n_admin_keys, sizeof(*z->admin_keys));
	if (!z->admin_keys)
		return no_memory(why);
	z->n_admin_keys = d->n_admin_keys;
	for (i = 0; i < d->n_admin_keys && !err; i++)
		err = fetch_key(conf, &d->admin_keys[i], "admin-key-file", &z->admin_keys[i], why);
	return err;
}

static int check_zone(const struct conf_zone *z, const struct conf_zone_draft *d,
		      const struct why_to *why)
{
	if (!z->primary.port)
		return refuse(why, &d->begun, "[zone \"%s\"]: primary is missing", z->name);
	if (!z->is_owner && !z->owner.port)
		return refuse(why, &d->begun,
			      "[zone \"%s\"]: owner = no wants an owner-address",
			      z->name);
	if (z->is_owner && z->owner.port)
		return refuse(why, &d->owner_address,
			      "owner-address: [zone \"%s\"] has owner = yes, so that it is here",
			      z->name);
	if (z->is_private && !z->account_key.secret_len && !z->n_admin_keys)
		return refuse(why, &d->begun,
			      "[zone \"%s\"]: a private zone wants an account-key-file",
			      z->name);
	return 0;
}

static bool same_key(const struct tsig_key *a, const struct tsig_key *b)
{
	return a->algorithm == b->algorithm && a->secret_len == b->secret_len &&
	       !memcmp(a->secret, b->secret, a->secret_len);
}

/* The first of all administrators' keys that is called like @key. */
static const struct tsig_key *first_called(const struct dnsd_conf *conf,
					   const struct tsig_key *key)
{
	size_t i, k;

	for (i = 0; i < conf->n_zones; i++) {
		for (k = 0; k < conf->zones[i].n_admin_keys; k++) {
			if (dname_equal(conf->zones[i].admin_keys[k].name, key->name))
				return &conf->zones[i].admin_keys[k];
		}
	}
	return NULL;
}

/* Clients' keys are found by their names alone. */
static int check_admin_key(const struct dnsd_conf *conf, const struct tsig_key *key,
			   const struct conf_where *where, const struct why_to *why)
{
	const struct tsig_key *first = first_called(conf, key);
	char name[DNAME_TEXT_MAX];

	dname_to_text(key->name, name);
	if (dname_label_is(key->name, KEYS_ACCOUNT_LABEL))
		return refuse(why, where, "admin-key-file: %s is the name of an account's key",
			      name);
	if (first && !same_key(first, key))
		return refuse(why, where, "admin-key-file: another key is called %s, too", name);
	return 0;
}

static int check_admin_keys(const struct dnsd_conf *conf, const struct conf_draft *d,
			    const struct why_to *why)
{
	size_t i, k;
	int err = 0;

	for (i = 0; i < conf->n_zones; i++) {
		for (k = 0; k < conf->zones[i].n_admin_keys && !err; k++)
			err = check_admin_key(conf, &conf->zones[i].admin_keys[k],
					      &d->zones[i].admin_keys[k].where, why);
	}
	return err;
}

/* --- all of it -------------------------------------------------------------------------- */

static int finish(struct conf_draft *d, const struct why_to *why)
{
	struct dnsd_conf *conf = d->conf;
	int err = server_defaults(conf, d, why);
	size_t i;

	if (!err)
		err = check_server(conf, d, why);
	for (i = 0; i < conf->n_zones && !err; i++) {
		err = fetch_keys(conf, &conf->zones[i], &d->zones[i], why);
		if (!err)
			err = check_zone(&conf->zones[i], &d->zones[i], why);
	}
	return err ? err : check_admin_keys(conf, d, why);
}

int conf_load(const char *path, struct dnsd_conf **out, char *why, size_t why_size)
{
	struct conf_draft d = { .conf = new_conf(), .zone = SIZE_MAX };
	struct why_to to = { why, why_size };
	int err;

	if (!d.conf)
		return no_memory(&to);
	err = ini_read_file(path, conf_line, &d, why, why_size);
	if (!err) {
		err = ini_read_dropins(path, conf_line, &d, why, why_size);
		/* Only the absence of @path itself is worth a word of its own. */
		if (err == -ENOENT)
			err = -EINVAL;
	}
	if (!err)
		err = finish(&d, &to);
	if (!err) {
		*out = d.conf;
		d.conf = NULL;
	}
	free_draft(&d);
	return err;
}
