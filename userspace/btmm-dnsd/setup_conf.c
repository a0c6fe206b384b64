// SPDX-License-Identifier: GPL-2.0-or-later
/* setup.conf, what setup was told; and dnsd.conf with a drop-in for each zone. */
#include <arpa/inet.h>
#include <errno.h>
#include <ini.h>
#include <string.h>

#include "../lib/text/number.h"
#include "conf.h"
#include "setup.h"

const char *setup_primary_from_text(struct setup *su, const char *text)
{
	const char *why;

	if (!strcmp(text, "bind") || !strcmp(text, "knot")) {
		su->kind = !strcmp(text, "bind") ? PRIMARY_BIND : PRIMARY_KNOT;
		memset(&su->primary.ip, 0, sizeof(su->primary.ip));
		memcpy(&su->primary.ip.s6_addr[10], "\xff\xff\x7f\0\0\1", 6);
		return NULL;
	}
	why = net_from_text(text, false, &su->primary);
	if (why)
		return "is neither bind, knot nor an address and port (192.0.2.1:53)";
	su->kind = PRIMARY_REMOTE;
	return NULL;
}

/* An address without a port. */
static const char *addr_text(const struct net_addr *a, char out[INET6_ADDRSTRLEN])
{
	if (net_is_v4(a))
		inet_ntop(AF_INET, &a->ip.s6_addr[12], out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &a->ip, out, INET6_ADDRSTRLEN);
	return out;
}

/* --- setup.conf ---------------------------------------------------------- */

struct reading {
	struct setup *su;
	struct why *why;
	int err;
};

static bool read_port(struct reading *r, const char *key, const char *value, uint16_t *out)
{
	uint64_t port;

	if (!text_to_uint(value, 1, 65535, &port)) {
		*out = (uint16_t)port;
		return true;
	}
	r->err = why_set(r->why, -EINVAL, "%s: %s = %s: want a port, 1 to 65535",
			 files_path(r->su->files, SETUP_CONF), key, value);
	return false;
}

/* What the command line has said already goes first. */
static int read_key(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *r = arg;
	struct setup *su = r->su;
	const char *bad = NULL;

	(void)section;
	if (!strcmp(key, "primary")) {
		if (!strcmp(value, "bind"))
			su->told.kind = PRIMARY_BIND;
		else if (!strcmp(value, "knot"))
			su->told.kind = PRIMARY_KNOT;
		else
			bad = "want bind or knot";
	} else if (!strcmp(key, "bind-port")) {
		return read_port(r, key, value, &su->told.ports[PRIMARY_BIND]);
	} else if (!strcmp(key, "knot-port")) {
		return read_port(r, key, value, &su->told.ports[PRIMARY_KNOT]);
	} else if (!strcmp(key, "notify-port")) {
		return read_port(r, key, value, &su->told.notify_port);
	} else if (!strcmp(key, "hostname")) {
		if (!su->hostname[0])
			bad = setup_domain(value, su->host, su->hostname);
	} else if (!strcmp(key, "address")) {
		struct addr a;

		bad = text_to_addr(value, &a);
		if (!bad && su->n_addrs < SETUP_ADDRS)
			setup_add_addr(su, &a);
	} else {
		bad = "is not known";
	}
	if (bad)
		r->err = why_set(r->why, -EINVAL, "%s: %s = %s: %s",
				 files_path(su->files, SETUP_CONF), key, value, bad);
	return !bad;
}

void setup_add_addr(struct setup *su, const struct addr *a)
{
	struct net_addr n = { 0 };

	if (a->len == 16) {
		memcpy(&n.ip, a->b, 16);
	} else {
		memset(&n.ip.s6_addr[10], 0xff, 2);
		memcpy(&n.ip.s6_addr[12], a->b, 4);
	}
	if (su->n_addrs < SETUP_ADDRS)
		su->addrs[su->n_addrs++] = n;
}

int setup_conf_read(struct setup *su, struct why *why)
{
	struct reading r = { .su = su, .why = why };
	struct buf text = { 0 };
	size_t given = su->n_addrs;
	int err = files_get(su->files, SETUP_CONF, &text, why), line;

	if (err) {
		buf_free(&text);
		return err == -ENOENT ? 0 : err;
	}
	line = ini_parse_string(buf_text(&text), read_key, &r);
	buf_free(&text);
	if (r.err)
		return r.err;
	if (line)
		return why_set(why, -EINVAL, "%s line %d is not 'key = value'",
			       files_path(su->files, SETUP_CONF), line);

	if (given)
		su->n_addrs = given;
	return 0;
}

static void setup_conf_text(const struct setup *su, struct buf *out)
{
	enum primary_kind kind = su->kind == PRIMARY_REMOTE ? su->told.kind : su->kind, k;
	char addr[INET6_ADDRSTRLEN];
	uint16_t port;
	size_t i;

	/* A primary elsewhere is one zone's; the next one's is asked for again. */
	buf_add(out, "# " SETUP_MARK ": what it was told, for the next zone.\n");
	if (kind != PRIMARY_NONE)
		buf_add(out, "primary = %s\n", setup_primary_of(kind)->name);
	for (k = PRIMARY_BIND; k <= PRIMARY_KNOT; k++) {
		port = k == su->kind ? su->primary.port : su->told.ports[k];
		if (port)
			buf_add(out, "%s-port = %u\n", setup_primary_of(k)->name, port);
	}
	buf_add(out, "notify-port = %u\nhostname = %s\n", su->notify_port, su->hostname);
	for (i = 0; i < su->n_addrs; i++)
		buf_add(out, "address = %s\n", addr_text(&su->addrs[i], addr));
}

/* --- dnsd.conf ----------------------------------------------------------- */

static void listen_lines(const struct setup *su, const char *key, uint16_t port, bool notify,
			 struct buf *out)
{
	char text[NET_TEXT_SIZE];
	struct net_addr a;
	size_t i;

	for (i = 0; i < su->n_listen; i++) {
		a = su->listen[i];
		a.port = port;
		buf_add(out, "%s = %s\n", key, net_to_text(&a, text));
	}
	/* The primary's NOTIFYs, and "btmm-dnsd host". */
	if (notify)
		buf_add(out, "%s = 127.0.0.1:%u\n", key, su->notify_port);
}

static void dnsd_conf_text(const struct setup *su, struct buf *out)
{
	buf_add(out, "# " SETUP_MARK "; from now on it is yours: setup leaves it alone.\n"
		"# Zones are in dnsd.conf.d/. See btmm-dnsd(8).\n"
		"[server]\n");
	listen_lines(su, "listen-udp", 53, true, out);
	listen_lines(su, "listen-tcp", 53, true, out);
	listen_lines(su, "listen-tls", 853, false, out);
	buf_add(out, "certificate = " SETUP_CERT "\n"
		"certificate-key = " SETUP_CERT_KEY "\n"
		"state-directory = " CONF_STATE_DIRECTORY "\n"
		"control-socket = " CONF_CONTROL_SOCKET "\n");
}

const char *setup_dropin_path(const char *domain)
{
	static char path[sizeof(SETUP_DROPINS) + DNAME_TEXT_MAX + 16];

	snprintf(path, sizeof(path), SETUP_DROPINS "/%s.conf", domain);
	return path;
}

static void dropin_text(const struct setup *su, struct buf *out)
{
	char text[NET_TEXT_SIZE];

	buf_add(out, "[zone \"%s\"]\n"
		"primary = %s\n"
		"primary-key-file = %s\n"
		"private = %s\n"
		"owner = yes\n"
		"account-key-file = %s\n",
		su->domain, net_to_text(&su->primary, text),
		su->kind == PRIMARY_REMOTE ? setup_primary_key_path(su->domain) :
					     SETUP_FRONTEND_KEY,
		su->is_public ? "no" : "yes", setup_account_key_path(su->domain));
	if (su->want_admin_key)
		buf_add(out, "admin-key-file = " SETUP_ADMIN_KEY "\n");
}

/* What is there stays, unless --force was given; then at least say so. */
static int put_or_keep(struct setup *su, const char *path, const struct buf *text,
		       struct why *why)
{
	struct files_owner root = files_owner("root", "root");
	char was[256], is[256];
	struct buf old = { 0 };
	unsigned int line;
	int err = files_get(su->files, path, &old, why);

	if (!err && !su->force) {
		if (text_first_difference(buf_text(&old), buf_text(text), &line, was, is,
					  sizeof(was)))
			setup_note(su, "%s is left as it is; line %u is '%s', setup would write "
				   "'%s'", files_path(su->files, path), line, was, is);
	} else if (!err || err == -ENOENT) {
		err = files_put(su->files, path, text, 0644, root, why);
	}
	buf_free(&old);
	return err;
}

int setup_conf_plan(struct setup *su, struct why *why)
{
	struct files_owner root = files_owner("root", "root");
	struct buf conf = { 0 }, dropin = { 0 }, told = { 0 };
	int err;

	dnsd_conf_text(su, &conf);
	dropin_text(su, &dropin);
	setup_conf_text(su, &told);
	err = files_dir(su->files, SETUP_DROPINS, 0755, root, why);
	if (!err)
		err = put_or_keep(su, setup_dropin_path(su->domain), &dropin, why);
	if (!err)
		err = put_or_keep(su, SETUP_DNSD_CONF, &conf, why);
	if (!err)
		err = files_put(su->files, SETUP_CONF, &told, 0644, root, why);
	buf_free(&conf);
	buf_free(&dropin);
	buf_free(&told);
	return err;
}
