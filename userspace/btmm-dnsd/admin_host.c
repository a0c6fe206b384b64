// SPDX-License-Identifier: GPL-2.0-or-later
/* host add, list, key, remove. The daemon is told by an UPDATE under the account's key. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "admin.h"
#include "admin_hosts.h"
#include "admin_probe.h"
#include "admin_table.h"
#include "admin_talk.h"
#include "keys.h"
#include "setup.h"

#define ENROLLED_TTL	3600
#define KEY_WAIT_MS	3000
#define NAMES_AT_ONCE	200

const char help_host_add[] =
"NAME is the host's full name, such as mini.alice.example.com. Its key may change what\n"
"is at and below NAME and the host's own services, and may ask and subscribe in all of\n"
"the zone. It is written to a file that only you can read; take it to the host.\n"
"\n"
"  --output FILE      write the key to FILE (default: NAME.key here); - is the screen\n"
"  --bind             in the form that nsupdate -k and dig -k read\n"
"  --algorithm ALG    hmac-sha256 (default) or hmac-sha512\n"
"  --new-key          the host is there already: end its key and make another\n"
"  --server ADDR      which front-end to tell (default: the one on this machine)\n";

const char help_host_list[] =
"The hosts of DOMAIN, or of all zones: name, address, and how many records are at and\n"
"below its name. --json: as JSON.\n";

const char help_host_key[] =
"The key is not stored anywhere: it is made from the account's key and what the zone\n"
"says of the host, and comes out the same each time.\n"
"\n"
"  --output FILE      write the key to FILE (default: NAME.key here); - is the screen\n"
"  --bind             in the form that nsupdate -k and dig -k read\n";

const char help_host_remove[] =
"The key is good for nothing from then on, what the host subscribed to ends, and the\n"
"records that it made are removed. Records that others made stay.\n"
"\n"
"  --all              remove all records at and below NAME, whoever made them\n"
"  --server ADDR      which front-end to tell (default: the one on this machine)\n";

/* What the commands here have in common. */
struct host_cmd {
	struct dnsd_conf *conf;
	const struct conf_zone *zone;
	uint8_t name[DNAME_MAX];
	char text[DNAME_TEXT_MAX];
	struct net_addr server;
	const char *output, *server_text, *algorithm;
	bool bind_form, new_key, all;
};

static void end(struct host_cmd *c)
{
	conf_free(c->conf);
}

/* NAME, its zone, and where to send. An exit code. */
static int begin(struct host_cmd *c, const char *name)
{
	const char *bad = setup_domain(name, c->name, c->text);
	int code;

	if (bad)
		return admin_usage("%s %s", name, bad);
	code = admin_conf(NULL, &c->conf);
	if (code)
		return code;
	c->zone = admin_zone(c->conf, c->text, true);
	if (!c->zone)
		return ADMIN_NOT_FOUND;
	if (!dname_below(c->name, c->zone->apex))
		return admin_fail(ADMIN_USAGE, "%s is a zone, not a host in it", c->text);
	if (!c->zone->account_key.secret_len)
		return admin_fail(ADMIN_FAILED, "%s has no account-key-file in dnsd.conf, from "
				  "which hosts' keys are made", c->zone->name);
	if (c->server_text) {
		bad = admin_server_from_text(c->server_text, 53, &c->server);
		if (bad)
			return admin_usage("--server %s %s", c->server_text, bad);
	} else if (!admin_server(c->conf, &c->server)) {
		return admin_fail(ADMIN_FAILED, "dnsd.conf has no listen-tcp: say --server ADDR");
	}
	return ADMIN_OK;
}

/* A command about the one host that it is given: what @fn does is its exit code. */
static int one_host(int argc, char **argv, const struct admin_option *options,
		    struct host_cmd *c, int (*fn)(struct host_cmd *c))
{
	int n = admin_options(argc, argv, options), code;

	if (n != 1)
		return n < 0 ? -n : admin_usage("which host? (one NAME)");
	code = begin(c, argv[1]);
	if (!code)
		code = fn(c);
	end(c);
	return code;
}

/* --- the key's file ------------------------------------------------------ */

/* Returns an exit code. @path gets where it is; "" for the screen. */
static int write_key(const struct host_cmd *c, const struct tsig_key *key, char *path, size_t size)
{
	struct buf text = { 0 };
	int err;

	path[0] = '\0';
	if (c->output && !strcmp(c->output, "-")) {
		if (c->bind_form)
			key_bind_form(key, &text);
		else
			key_line(key, &text);
		fputs(buf_text(&text), stdout);
		buf_free(&text);
		return ADMIN_OK;
	}
	if (c->output)
		snprintf(path, size, "%s", c->output);
	else
		snprintf(path, size, "%s.key", c->text);
	err = admin_key_write(path, key, c->bind_form);
	if (err == -EEXIST)
		return admin_fail(ADMIN_FAILED, "%s is there already: move it away, or say "
				  "--output FILE", path);
	if (err)
		return admin_fail(ADMIN_FAILED, "%s: %s", path, strerror(-err));
	return ADMIN_OK;
}

static int tell_key(struct host_cmd *c)
{
	struct tsig_key key = { 0 };
	char path[4096];
	struct why why;
	int err, code;

	err = admin_host_key(c->zone, c->name, &key, &why);
	if (err)
		code = admin_fail(err == -ENOENT ? ADMIN_NOT_FOUND : admin_code(err), "%s",
				  why.text);
	else
		code = write_key(c, &key, path, sizeof(path));
	if (!code && path[0])
		printf("The key of %s is in %s.\n", c->text, path);
	tsig_key_wipe(&key);
	return code;
}

int cmd_host_key(int argc, char **argv)
{
	struct host_cmd c = { 0 };
	const struct admin_option options[] = {
		{ .name = "output", .value = &c.output },
		{ .name = "bind", .on = &c.bind_form },
		{ 0 },
	};

	return one_host(argc, argv, options, &c, tell_key);
}

/* --- list ---------------------------------------------------------------- */

struct list {
	const struct conf_zone *zone;
	json_t *rows;
};

static int add_row(void *arg, const struct admin_host *h)
{
	struct list *l = arg;
	char name[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX], aaaa[INET6_ADDRSTRLEN];
	bool has = !IN6_IS_ADDR_UNSPECIFIED(&h->aaaa);

	if (has)
		inet_ntop(AF_INET6, &h->aaaa, aaaa, sizeof(aaaa));
	return json_array_append_new(l->rows, json_pack(
		"{s:s s:s s:s? s:i s:s}", "name", name_text(h->name, name),
		"zone", name_text(l->zone->apex, zone), "address", has ? aaaa : NULL,
		"records", (int)h->records, "algorithm", tsig_algorithm_name(h->key.algorithm))) ?
		-ENOMEM : 0;
}

static int list_zones(const struct dnsd_conf *conf, const struct conf_zone *only, json_t *rows)
{
	struct list l = { .rows = rows };
	int err, code = ADMIN_OK;
	struct why why = { 0 };
	size_t i;

	for (i = 0; i < conf->n_zones; i++) {
		if (only && only != &conf->zones[i])
			continue;
		l.zone = &conf->zones[i];
		err = admin_hosts(l.zone, NULL, add_row, &l, &why);
		/* The other zones' hosts are still wanted. */
		if (err)
			code = admin_fail(admin_code(err), "%s: %s", l.zone->name, why.text);
	}
	return code;
}

int cmd_host_list(int argc, char **argv)
{
	static const struct admin_column columns[] = {
		{ "HOST", "name", false },
		{ "ADDRESS", "address", false },
		{ "RECORDS", "records", true },
		{ "KEY", "algorithm", false },
	};
	bool json = false;
	const struct admin_option options[] = { { .name = "json", .on = &json }, { 0 } };
	int n = admin_options(argc, argv, options), code;
	const struct conf_zone *only = NULL;
	struct dnsd_conf *conf;
	json_t *rows;

	if (n < 0 || n > 1)
		return n < 0 ? -n : admin_usage("'%s' is one word too many", argv[2]);
	code = admin_conf(NULL, &conf);
	if (code)
		return code;
	if (n) {
		only = admin_zone(conf, argv[1], false);
		if (!only) {
			conf_free(conf);
			return ADMIN_NOT_FOUND;
		}
	}
	rows = json_array();
	code = list_zones(conf, only, rows);
	if (json ? admin_json(rows) :
	    admin_table(rows, columns, sizeof(columns) / sizeof(*columns)))
		code = admin_fail(ADMIN_FAILED, "the list cannot be written");
	json_decref(rows);
	conf_free(conf);
	return code;
}

/* --- what the front-end is asked ----------------------------------------- */

/* Signed by @key: 0, -EKEYREJECTED, or another error. */
static int try_key(const struct host_cmd *c, const struct tsig_key *key, struct why *why)
{
	uint8_t *room = malloc(2 * DNS_MAX);
	struct ask a = { .server = c->server, .over = ASK_TCP, .key = key, .msg = room,
			 .size = DNS_MAX };
	int err;

	if (!room)
		return why_set(why, -ENOMEM, "out of memory");
	a.reply = room + DNS_MAX;
	a.len = ask_query(a.msg, c->zone->apex, DNS_SOA);
	err = ask(&a, why);
	free(room);
	return err;
}

/* Until the front-end has heard of the change from the primary. */
static int wait_key(const struct host_cmd *c, const struct tsig_key *key, bool good,
		    struct why *why)
{
	uint64_t until = talk_now_ms() + KEY_WAIT_MS;
	int err;

	for (;;) {
		err = try_key(c, key, why);
		if (good ? !err : err == -EKEYREJECTED)
			return 0;
		if ((err && err != -EKEYREJECTED) || talk_now_ms() > until)
			return err;
		poll(NULL, 0, 5);
	}
}

/* Is @c->name one that the zone itself needs? Everybody may ask for these. */
static int is_server(const struct host_cmd *c, bool *is, struct why *why)
{
	uint8_t *room = malloc(2 * DNS_MAX), target[DNAME_MAX];
	struct ask a = { .server = c->server, .over = ASK_TCP, .msg = room, .size = DNS_MAX };
	struct dns_walk w;
	struct dns_rr rr;
	int err;

	*is = false;
	if (!room)
		return why_set(why, -ENOMEM, "out of memory");
	a.reply = room + DNS_MAX;
	a.len = ask_query(a.msg, c->zone->apex, DNS_NS);
	err = ask(&a, why);
	if (!err && dns_rcode(a.reply) == DNS_SERVFAIL)
		err = why_set(why, -EAGAIN, "btmm-dnsd has not got %s from its primary yet: see "
			      "'btmm-dnsd status'", c->zone->name);
	if (!err && !dns_walk_init(&w, a.reply, a.reply_len)) {
		while (dns_walk_rr(&w, &rr) == 1 && w.section == 1) {
			if (rr.type == DNS_NS &&
			    dname_unpack(a.reply, a.reply_len, (size_t)(rr.rdata - a.reply),
					 target) && dname_equal(target, c->name))
				*is = true;
		}
	}
	free(room);
	return err;
}

static int tell(const struct why *why, int err)
{
	return admin_fail(admin_code(err), "%s%s", why->text, err == -ECONNREFUSED ?
			  " (does btmm-dnsd run? systemctl start btmm-dnsd)" : "");
}

/* --- add ----------------------------------------------------------------- */

static int enrol(const struct host_cmd *c, enum tsig_algorithm algorithm,
		 const uint8_t generation[KEYS_GENERATION], struct why *why)
{
	uint8_t *msg = malloc(DNS_MAX), rdata[32];
	size_t len = keys_enrolled_write(algorithm, generation, rdata);
	struct dns_writer w;
	int err;

	if (!msg)
		return why_set(why, -ENOMEM, "out of memory");
	ask_update_begin(&w, msg, c->zone->apex);
	dns_put_rr(&w, 2, c->name, DNS_ENROLLED, DNS_CLASS_ANY, 0, NULL, 0);
	dns_put_rr(&w, 2, c->name, DNS_ENROLLED, DNS_IN, ENROLLED_TTL, rdata, len);
	err = probe_send_update(&c->server, &c->zone->account_key, &w, why);
	free(msg);
	return err;
}

/* As the daemon sees it, but it does not say why. */
static bool is_host_name(const struct host_cmd *c)
{
	const uint8_t *p;

	for (p = c->name; dname_below(p, c->zone->apex); p += 1 + *p) {
		if (p[1] == '_')
			return false;
	}
	return strncmp(c->text, "autotunnel-", strlen("autotunnel-"));
}

/* Whether it can be done at all, before anything is. */
static int may_add(const struct host_cmd *c, enum tsig_algorithm *algorithm)
{
	struct tsig_key there = { 0 };
	struct why why;
	bool server;
	int err;

	if (!is_host_name(c))
		return admin_usage("%s: no label of a host's name begins with _, nor its first "
				   "with autotunnel-", c->text);
	*algorithm = c->algorithm ? tsig_algorithm_from_text(c->algorithm) : TSIG_HMAC_SHA256;
	if (!*algorithm || (*algorithm == TSIG_HMAC_MD5 && !c->conf->allow_md5))
		return admin_usage("--algorithm %s: want hmac-sha256 or hmac-sha512",
				   c->algorithm);
	err = is_server(c, &server, &why);
	if (err)
		return tell(&why, err);
	if (server)
		return admin_fail(ADMIN_FAILED, "%s is the name of the zone's server: choose "
				  "another for the host", c->text);
	err = admin_host_key(c->zone, c->name, &there, &why);
	tsig_key_wipe(&there);
	if (!err && !c->new_key)
		return admin_fail(ADMIN_FAILED, "%s is there already: 'btmm-dnsd host key %s' "
				  "writes its key again, --new-key makes another", c->text,
				  c->text);
	if (err == -ENOENT && c->new_key)
		return admin_fail(ADMIN_NOT_FOUND, "%s: leave out --new-key", why.text);
	if (err && err != -ENOENT)
		return admin_fail(admin_code(err), "%s", why.text);
	return ADMIN_OK;
}

static int add(struct host_cmd *c)
{
	uint8_t generation[KEYS_GENERATION];
	enum tsig_algorithm algorithm = TSIG_HMAC_SHA256;
	struct tsig_key key = { 0 };
	struct why why = { 0 };
	char path[4096] = "";
	int code = may_add(c, &algorithm), err;

	if (code)
		return code;
	if (getrandom(generation, sizeof(generation), 0) != sizeof(generation) ||
	    keys_derive_host(&c->zone->account_key, c->name, algorithm, generation, &key))
		return admin_fail(ADMIN_FAILED, "no key could be made");

	/* The file first: whether it can be written is known before the host is let in. */
	if (!c->output || strcmp(c->output, "-"))
		code = write_key(c, &key, path, sizeof(path));
	if (!code) {
		err = enrol(c, algorithm, generation, &why);
		if (!err)
			err = wait_key(c, &key, true, &why);
		if (err) {
			if (path[0])
				unlink(path);
			code = tell(&why, err);
		}
	}
	if (!code && !path[0])
		code = write_key(c, &key, path, sizeof(path));
	else if (!code)
		printf("%s is let in. Its key is in %s: take it there by a way that nobody "
		       "else can read.\n", c->text, path);
	tsig_key_wipe(&key);
	return code;
}

int cmd_host_add(int argc, char **argv)
{
	struct host_cmd c = { 0 };
	const struct admin_option options[] = {
		{ .name = "output", .value = &c.output },
		{ .name = "bind", .on = &c.bind_form },
		{ .name = "algorithm", .value = &c.algorithm },
		{ .name = "new-key", .on = &c.new_key },
		{ .name = "server", .value = &c.server_text },
		{ 0 },
	};

	return one_host(argc, argv, options, &c, add);
}

/* --- remove -------------------------------------------------------------- */

static int unenrol(const struct host_cmd *c, struct why *why)
{
	uint8_t *msg = malloc(DNS_MAX);
	struct dns_writer w;
	int err;

	if (!msg)
		return why_set(why, -ENOMEM, "out of memory");
	ask_update_begin(&w, msg, c->zone->apex);
	dns_put_rr(&w, 2, c->name, DNS_ENROLLED, DNS_CLASS_ANY, 0, NULL, 0);
	err = probe_send_update(&c->server, &c->zone->account_key, &w, why);
	free(msg);
	return err;
}

/* Names, to be counted or deleted some at a time. */
struct sweep {
	const struct host_cmd *c;
	uint8_t *msg;
	struct dns_writer w;
	unsigned int n, in_message;
	struct why *why;
};

static int count_name(void *arg, const uint8_t *name)
{
	struct sweep *s = arg;

	(void)name;
	s->n++;
	return 0;
}

static int sweep_send(struct sweep *s)
{
	int err = 0;

	if (s->in_message)
		err = probe_send_update(&s->c->server, &s->c->zone->account_key, &s->w, s->why);
	s->in_message = 0;
	return err;
}

static int sweep_name(void *arg, const uint8_t *name)
{
	struct sweep *s = arg;

	if (!s->in_message)
		ask_update_begin(&s->w, s->msg, s->c->zone->apex);
	dns_put_rr(&s->w, 2, name, DNS_ANY, DNS_CLASS_ANY, 0, NULL, 0);
	s->n++;
	return ++s->in_message == NAMES_AT_ONCE ? sweep_send(s) : 0;
}

/* What the host did not make itself. */
static int remains(const struct host_cmd *c, unsigned int *n, struct why *why)
{
	struct sweep s = { .c = c, .why = why };
	int err;

	if (!c->all) {
		err = admin_host_names(c->zone, c->name, count_name, &s, why);
		*n = s.n;
		return err;
	}
	s.msg = malloc(DNS_MAX);
	if (!s.msg)
		return why_set(why, -ENOMEM, "out of memory");
	err = admin_host_names(c->zone, c->name, sweep_name, &s, why);
	if (!err)
		err = sweep_send(&s);
	free(s.msg);
	*n = 0;
	return err;
}

static int remove_host(struct host_cmd *c)
{
	struct tsig_key key = { 0 };
	unsigned int left = 0;
	struct why why = { 0 };
	int err = admin_host_key(c->zone, c->name, &key, &why);

	if (err == -ENOENT)
		return admin_fail(ADMIN_NOT_FOUND, "%s", why.text);
	if (!err)
		err = unenrol(c, &why);
	if (!err)
		err = wait_key(c, &key, false, &why);
	if (!err)
		err = remains(c, &left, &why);
	tsig_key_wipe(&key);
	if (err)
		return tell(&why, err);
	printf("%s is removed; its key is good for nothing now.\n", c->text);
	if (left)
		printf("%u name%s at or below it hold%s records that it did not make; "
		       "'nsupdate' or --all removes them.\n", left, left == 1 ? "" : "s",
		       left == 1 ? "s" : "");
	return ADMIN_OK;
}

int cmd_host_remove(int argc, char **argv)
{
	struct host_cmd c = { 0 };
	const struct admin_option options[] = {
		{ .name = "all", .on = &c.all },
		{ .name = "server", .value = &c.server_text },
		{ 0 },
	};

	return one_host(argc, argv, options, &c, remove_host);
}
