// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the primary has of hosts. One is asked for by a question where the primary
 * answers questions (BIND), all by a transfer.
 */
#include "admin_hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin_dns.h"
#include "keys.h"
#include "setup_files.h"

/* An owner name; records of it that come one behind the other are counted together. */
struct owner {
	uint8_t *name;			/* lower case */
	unsigned int records;
	bool enrolled, has_aaaa;
	enum tsig_algorithm algorithm;
	uint8_t generation[KEYS_GENERATION];
	struct in6_addr aaaa;
	unsigned int below;		/* of a host: records at and below it */
};

struct owners {
	struct owner *v;
	size_t n;
	struct owner **hosts;		/* in the order of compare_hosts() */
	size_t n_hosts;
};

static void owners_free(struct owners *all)
{
	while (all->n)
		free(all->v[--all->n].name);
	free(all->v);
	free(all->hosts);
}

static struct owner *owner_of(struct owners *all, const uint8_t *name)
{
	struct owner *o;

	if (all->n && dname_equal(all->v[all->n - 1].name, name))
		return &all->v[all->n - 1];
	if (!all->n || (all->n >= 64 && !(all->n & (all->n - 1)))) {
		o = realloc(all->v, (all->n ? 2 * all->n : 64) * sizeof(*o));
		if (!o)
			return NULL;
		all->v = o;
	}
	o = &all->v[all->n];
	memset(o, 0, sizeof(*o));
	o->name = malloc(dname_len(name));
	if (!o->name)
		return NULL;
	memcpy(o->name, name, dname_len(name));
	dname_lower(o->name);
	all->n++;
	return o;
}

static int take_message(void *arg, const uint8_t *msg, size_t len)
{
	struct owners *all = arg;
	struct dns_walk w;
	struct dns_rr rr;
	struct owner *o;
	int r = dns_walk_init(&w, msg, len);

	while (!r && (r = dns_walk_rr(&w, &rr)) == 1 && w.section == 1) {
		r = 0;
		if (rr.type == DNS_LEASED || rr.type == DNS_SOA)
			continue;
		o = owner_of(all, rr.owner);
		if (!o)
			return -ENOMEM;
		if (rr.type == DNS_ENROLLED) {
			o->enrolled |= keys_enrolled_read(rr.rdata, rr.rdlen, &o->algorithm,
							  o->generation);
			continue;
		}
		o->records++;
		if (rr.type == DNS_AAAA && rr.rdlen == sizeof(o->aaaa)) {
			memcpy(&o->aaaa, rr.rdata, sizeof(o->aaaa));
			o->has_aaaa = true;
		}
	}
	return r < 0 ? r : 0;
}

static int compare_names(const uint8_t *a, const uint8_t *b)
{
	size_t len_a = dname_len(a), len_b = dname_len(b);

	return len_a != len_b ? (len_a < len_b ? -1 : 1) : memcmp(a, b, len_a);
}

static int compare_hosts(const void *a, const void *b)
{
	return compare_names((*(struct owner *const *)a)->name,
			     (*(struct owner *const *)b)->name);
}

static int compare_texts(const void *a, const void *b)
{
	char text_a[DNAME_TEXT_MAX], text_b[DNAME_TEXT_MAX];

	return strcmp(dname_to_text((*(struct owner *const *)a)->name, text_a),
		      dname_to_text((*(struct owner *const *)b)->name, text_b));
}

/* The host whose name @name is or is below; the nearest. */
static struct owner *host_above(const struct owners *all, const uint8_t *name)
{
	for (; *name; name += 1 + *name) {
		struct owner key = { .name = (uint8_t *)name }, *p = &key, **found;

		found = bsearch(&p, all->hosts, all->n_hosts, sizeof(*all->hosts),
				compare_hosts);
		if (found)
			return *found;
	}
	return NULL;
}

static int find_hosts(struct owners *all)
{
	struct owner *h;
	size_t i;

	all->hosts = calloc(all->n + 1, sizeof(*all->hosts));
	if (!all->hosts)
		return -ENOMEM;
	for (i = 0; i < all->n; i++) {
		if (all->v[i].enrolled)
			all->hosts[all->n_hosts++] = &all->v[i];
	}
	qsort(all->hosts, all->n_hosts, sizeof(*all->hosts), compare_hosts);
	for (i = 0; i < all->n && all->n_hosts; i++) {
		h = host_above(all, all->v[i].name);
		if (!h)
			continue;
		h->below += all->v[i].records;
		if (all->v[i].has_aaaa && dname_equal(h->name, all->v[i].name))
			h->aaaa = all->v[i].aaaa;
	}
	return 0;
}

static int fetch(const struct conf_zone *z, struct owners *all, struct why *why)
{
	const struct tsig_key *key = z->primary_key.secret_len ? &z->primary_key : NULL;
	int err;

	memset(all, 0, sizeof(*all));
	why->text[0] = '\0';
	err = ask_transfer(&z->primary, key, z->apex, take_message, all, NULL, why);
	if (!err)
		err = find_hosts(all);
	if (err && !why->text[0])
		why_set(why, err, "the hosts of %s cannot be read: %s", z->name, strerror(-err));
	return err;
}

int admin_hosts(const struct conf_zone *z, const struct tsig_key *account, admin_host_fn each,
		void *arg, struct why *why)
{
	struct owners all;
	struct admin_host h;
	int err = fetch(z, &all, why);
	size_t i;

	if (!account)
		account = &z->account_key;
	if (!err)
		qsort(all.hosts, all.n_hosts, sizeof(*all.hosts), compare_texts);
	for (i = 0; i < all.n_hosts && !err; i++) {
		const struct owner *o = all.hosts[i];

		memset(&h, 0, sizeof(h));
		memcpy(h.name, o->name, dname_len(o->name));
		h.aaaa = o->aaaa;
		h.records = o->below;
		if (account->secret_len) {
			err = keys_derive_host(account, o->name, o->algorithm, o->generation,
					       &h.key);
			if (err)
				why_set(why, err, "a host's key cannot be derived");
		} else {
			h.key.algorithm = o->algorithm;
		}
		if (!err)
			err = each(arg, &h);
		tsig_key_wipe(&h.key);
	}
	owners_free(&all);
	return err;
}

/* --- one host ------------------------------------------------------------ */

/* From the answer of a primary to a question for its ENROLLED record. */
static int read_answer(const struct ask *a, const uint8_t *name, enum tsig_algorithm *algorithm,
		       uint8_t generation[KEYS_GENERATION])
{
	struct dns_walk w;
	struct dns_rr rr;

	if (dns_rcode(a->reply) == DNS_NXDOMAIN)
		return -ENOENT;
	if (dns_rcode(a->reply) || dns_walk_init(&w, a->reply, a->reply_len))
		return -EACCES;
	while (dns_walk_rr(&w, &rr) == 1 && w.section == 1) {
		if (rr.type == DNS_ENROLLED && dname_equal(rr.owner, name) &&
		    keys_enrolled_read(rr.rdata, rr.rdlen, algorithm, generation))
			return 0;
	}
	return -ENOENT;
}

static int by_question(const struct conf_zone *z, const uint8_t *name,
		       enum tsig_algorithm *algorithm, uint8_t generation[KEYS_GENERATION],
		       struct why *why)
{
	uint8_t *room = malloc(2 * DNS_MAX);
	struct ask a = {
		.server = z->primary, .over = ASK_TCP, .msg = room, .size = DNS_MAX,
		.key = z->primary_key.secret_len ? &z->primary_key : NULL,
	};
	int err;

	if (!room)
		return why_set(why, -ENOMEM, "out of memory");
	a.reply = room + DNS_MAX;
	a.len = ask_query(a.msg, name, DNS_ENROLLED);
	err = ask(&a, why);
	if (!err)
		err = read_answer(&a, name, algorithm, generation);
	free(room);
	return err;
}

static int by_transfer(const struct conf_zone *z, const uint8_t *name,
		       enum tsig_algorithm *algorithm, uint8_t generation[KEYS_GENERATION],
		       struct why *why)
{
	struct owners all;
	int err = fetch(z, &all, why);
	size_t i;

	if (!err)
		err = -ENOENT;
	for (i = 0; i < all.n_hosts && err == -ENOENT; i++) {
		if (!dname_equal(all.hosts[i]->name, name))
			continue;
		*algorithm = all.hosts[i]->algorithm;
		memcpy(generation, all.hosts[i]->generation, KEYS_GENERATION);
		err = 0;
	}
	owners_free(&all);
	return err;
}

int admin_host_key(const struct conf_zone *z, const uint8_t *name, struct tsig_key *out,
		   struct why *why)
{
	uint8_t generation[KEYS_GENERATION];
	enum tsig_algorithm algorithm;
	char text[DNAME_TEXT_MAX];
	int err = by_question(z, name, &algorithm, generation, why);

	/* A primary that answers no questions lets itself be transferred. Knot says NOTAUTH
	 * to signed ones.
	 */
	if (err == -EACCES || err == -EKEYREJECTED)
		err = by_transfer(z, name, &algorithm, generation, why);
	if (err == -ENOENT)
		return why_set(why, err, "%s is not enrolled", name_text(name, text));
	if (err)
		return err;
	err = keys_derive_host(&z->account_key, name, algorithm, generation, out);
	return err ? why_set(why, err, "the key cannot be derived") : 0;
}

int admin_key_write(const char *path, const struct tsig_key *key, bool bind_form)
{
	struct files_owner keep = { (uid_t)-1, (gid_t)-1 };
	struct buf text = { 0 };
	int err;

	if (bind_form)
		key_bind_form(key, &text);
	else
		key_line(key, &text);
	err = text.failed ? -ENOMEM : file_write(path, buf_text(&text), text.len, 0600, keep,
						 true);
	buf_free(&text);
	return err;
}

/* --- names --------------------------------------------------------------- */

static int deepest_first(const void *a, const void *b)
{
	unsigned int n_a = dname_labels((*(struct owner *const *)a)->name);
	unsigned int n_b = dname_labels((*(struct owner *const *)b)->name);

	if (n_a != n_b)
		return n_a > n_b ? -1 : 1;
	return compare_hosts(a, b);
}

/* Does @name belong to @host, and to no host further down? */
static bool is_its(const struct owners *all, const uint8_t *name, const uint8_t *host)
{
	const struct owner *h;

	if (!dname_within(name, host))
		return false;
	h = host_above(all, name);
	return !h || !dname_below(h->name, host);
}

int admin_host_names(const struct conf_zone *z, const uint8_t *host, admin_name_fn each,
		     void *arg, struct why *why)
{
	struct owner **its = NULL;
	struct owners all;
	size_t i, n = 0;
	int err = fetch(z, &all, why);

	if (!err) {
		its = calloc(all.n + 1, sizeof(*its));
		if (!its)
			err = why_set(why, -ENOMEM, "out of memory");
	}
	for (i = 0; i < all.n && !err; i++) {
		if (all.v[i].records && is_its(&all, all.v[i].name, host))
			its[n++] = &all.v[i];
	}
	if (n)
		qsort(its, n, sizeof(*its), deepest_first);
	for (i = 0; i < n && !err; i++) {
		if (!i || !dname_equal(its[i]->name, its[i - 1]->name))
			err = each(arg, its[i]->name);
	}
	free(its);
	owners_free(&all);
	return err;
}
