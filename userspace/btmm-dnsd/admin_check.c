// SPDX-License-Identifier: GPL-2.0-or-later
/* check: one line for each thing that was looked at, and what to do about it. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "admin.h"
#include "admin_conf.h"
#include "admin_dns.h"
#include "admin_probe.h"
#include "admin_table.h"
#include "setup_files.h"
#include "setup_tls.h"

const char help_check[] =
"Looks at the configuration, the certificate, each zone's primary, and the running\n"
"daemon; one line each. Exit code 5 when something is not as it should be.\n"
"\n"
"  --resolver ADDR   ask this resolver whether the zone above leads to us\n"
"  --json            as JSON\n";

#define CERT_SOON	(30 * 86400)

struct check {
	struct dnsd_conf *conf;
	json_t *rows;
	unsigned int bad;
	char pin[CERT_PIN_SIZE];	/* of the certificate's file */
	json_t *status;			/* of the daemon, NULL: it does not run */
	bool has_resolver;
	struct net_addr resolver;
};

static void put(struct check *c, bool ok, const char *fmt, va_list ap)
{
	char line[1600];

	vsnprintf(line, sizeof(line), fmt, ap);
	c->bad += !ok;
	json_array_append_new(c->rows, json_pack("{s:b s:s}", "ok", ok, "text", line));
}

static void __attribute__((format(printf, 2, 3))) good(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(c, true, fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 2, 3))) bad(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(c, false, fmt, ap);
	va_end(ap);
}

/* --- the certificate ----------------------------------------------------- */

static void check_cert(struct check *c)
{
	struct buf cert = { 0 }, key = { 0 };
	struct cert_info info;
	struct why why;
	char when[32];
	int err;

	if (!c->conf->certificate) {
		if (c->conf->tls.n)
			bad(c, "TLS: there is no certificate = in dnsd.conf");
		return;
	}
	err = file_read(c->conf->certificate, &cert);
	if (!err)
		err = file_read(c->conf->certificate_key, &key);
	if (err) {
		bad(c, "TLS: %s or %s cannot be read: %s", c->conf->certificate,
		    c->conf->certificate_key, strerror(-err));
	} else if (cert_look(&cert, &key, "", &info, &why)) {
		bad(c, "TLS: %s: %s", c->conf->certificate, why.text);
	} else {
		strftime(when, sizeof(when), "%Y-%m-%d", gmtime(&info.not_after));
		strcpy(c->pin, info.pin);
		if (info.not_after < time(NULL))
			bad(c, "TLS: the certificate expired on %s: 'btmm-dnsd setup' with "
			    "--cert and --key puts in another", when);
		else if (info.not_after < time(NULL) + CERT_SOON)
			bad(c, "TLS: the certificate expires on %s: 'btmm-dnsd setup' with "
			    "--cert and --key puts in another", when);
		else
			good(c, "TLS: the certificate is valid until %s; pin %s", when, info.pin);
	}
	buf_free(&cert);
	buf_free(&key);
}

/* --- a zone's primary ---------------------------------------------------- */

static const struct tsig_key *key_of(const struct conf_zone *z)
{
	return z->primary_key.secret_len ? &z->primary_key : NULL;
}

/* *serial: of the primary. False: it cannot be had. */
static bool check_primary(struct check *c, const struct conf_zone *z, uint32_t *serial)
{
	char at[NET_TEXT_SIZE];
	struct why why;

	net_to_text(&z->primary, at);
	if (probe_transfer(&z->primary, key_of(z), z->apex, serial, &why)) {
		bad(c, "%s primary: %s. Does it run there, with this zone and our key?", z->name,
		    why.text);
		return false;
	}
	good(c, "%s primary: %s transfers it, serial %u", z->name, at, *serial);
	if (probe_update(&z->primary, key_of(z), z->apex, &why))
		bad(c, "%s primary: %s. Let our key change the zone (BIND: update-policy "
		    "{ grant KEY zonesub ANY; };)", z->name, why.text);
	else
		good(c, "%s primary: takes updates under our key", z->name);
	if (!z->is_private)
		return true;
	if (probe_hidden(&z->primary, z->apex, &why))
		bad(c, "%s primary: %s", z->name, why.text);
	else
		good(c, "%s primary: tells nothing to who has no key", z->name);
	return true;
}

/* --- the daemon ---------------------------------------------------------- */

static const json_t *zone_status(const struct check *c, const struct conf_zone *z)
{
	const json_t *zones = json_object_get(c->status, "zones");
	uint8_t name[DNAME_MAX];
	const char *text;
	size_t i;

	for (i = 0; i < json_array_size(zones); i++) {
		text = json_string_value(json_object_get(json_array_get(zones, i), "name"));
		if (text && !dname_from_text(text, name) && dname_equal(name, z->apex))
			return json_array_get(zones, i);
	}
	return NULL;
}

static void check_daemon(struct check *c)
{
	struct why why = { 0 };

	if (admin_call(c->conf->control_socket, "Status", &c->status, &why))
		bad(c, "btmm-dnsd: %s (systemctl start btmm-dnsd; journalctl -u btmm-dnsd says "
		    "why it ended)", why.text);
	else
		good(c, "btmm-dnsd: runs, version %s",
		     json_string_value(json_object_get(c->status, "version")));
}

static void check_mirror(struct check *c, const struct conf_zone *z, bool has_serial,
			 uint32_t serial)
{
	const json_t *s = zone_status(c, z);
	const char *error;
	uint32_t ours;

	if (!c->status)
		return;
	if (!s) {
		bad(c, "%s: the running btmm-dnsd does not know it: btmm-dnsd reload", z->name);
		return;
	}
	error = json_string_value(json_object_get(s, "last_error"));
	ours = (uint32_t)json_integer_value(json_object_get(s, "serial"));
	if (!json_is_true(json_object_get(s, "served")))
		bad(c, "%s: is not served yet: %s", z->name,
		    error && error[0] ? error : "wait for its transfer");
	else if (has_serial && (int32_t)(serial - ours) > 0)
		bad(c, "%s: btmm-dnsd has serial %u, the primary %u: do the primary's NOTIFYs come "
		    "here? %s", z->name, ours, serial, error ? error : "");
	else
		good(c, "%s: is served, serial %u", z->name, ours);
}

/* --- what clients see ---------------------------------------------------- */

static int ask_name(struct ask *a, const uint8_t *name, uint16_t type, uint8_t *room,
		    struct why *why)
{
	a->msg = room;
	a->size = DNS_MAX;
	a->reply = room + DNS_MAX;
	a->len = ask_query(a->msg, name, type);
	return ask(a, why);
}

/* Loopback for the wildcard. */
static struct net_addr reachable(const struct net_addr *a)
{
	struct net_addr out = *a;

	if (net_is_v4(a) && !memcmp(&a->ip.s6_addr[12], "\0\0\0", 4))
		memcpy(&out.ip.s6_addr[12], "\177\0\0\1", 4);
	else if (IN6_IS_ADDR_UNSPECIFIED(&a->ip))
		out.ip = in6addr_loopback;
	return out;
}

static void check_listener(struct check *c, const struct net_addr *at, enum ask_over over,
			   const uint8_t *apex, uint8_t *room)
{
	static const char *const names[] = { "UDP", "TCP", "TLS" };
	struct ask a = { .server = reachable(at), .over = over, .timeout_ms = 2000 };
	char text[NET_TEXT_SIZE], buf[DNS_RCODE_TEXT];
	struct why why;

	net_to_text(&a.server, text);
	if (ask_name(&a, apex, DNS_SOA, room, &why))
		bad(c, "%s %s: %s", names[over], text, why.text);
	else if (dns_rcode(a.reply))
		bad(c, "%s %s: answers %s", names[over], text,
		    dns_rcode_text(dns_rcode(a.reply), buf));
	else if (over == ASK_TLS && c->pin[0] && strcmp(a.pin, c->pin))
		bad(c, "TLS %s: shows another certificate than %s: btmm-dnsd reload", text,
		    c->conf->certificate);
	else
		good(c, "%s %s: answers", names[over], text);
}

static void check_listeners(struct check *c, const uint8_t *apex, uint8_t *room)
{
	const struct conf_addrs *all[] = { &c->conf->udp, &c->conf->tcp, &c->conf->tls };
	size_t i, j;

	for (i = 0; i < 3; i++) {
		for (j = 0; j < all[i]->n; j++)
			check_listener(c, &all[i]->v[j], (enum ask_over)i, apex, room);
	}
}

/* A private zone tells strangers nothing, and everything to who has a key. */
static void check_private(struct check *c, const struct conf_zone *z, uint8_t *room)
{
	struct ask a = { .over = ASK_TCP };
	uint8_t name[DNAME_MAX], n[8];
	char label[24], buf[DNS_RCODE_TEXT];
	struct why why;
	size_t i;

	if (!admin_server(c->conf, &a.server) ||
	    getrandom(n, sizeof(n), 0) != sizeof(n))
		return;
	strcpy(label, "check-");
	for (i = 0; i < sizeof(n); i++)
		sprintf(label + 6 + 2 * i, "%02x", n[i]);
	if (!dname_prefix(label, strlen(label), z->apex, name))
		return;
	if (z->is_private && !ask_name(&a, name, DNS_AAAA, room, &why)) {
		if (dns_rcode(a.reply) != DNS_REFUSED)
			bad(c, "%s: answers %s to a stranger", z->name,
			    dns_rcode_text(dns_rcode(a.reply), buf));
		else
			good(c, "%s: refuses strangers", z->name);
	}
	if (!z->account_key.secret_len)
		return;
	a.key = &z->account_key;
	if (ask_name(&a, name, DNS_AAAA, room, &why))
		bad(c, "%s account key: %s", z->name, why.text);
	else if (dns_rcode(a.reply) != DNS_NXDOMAIN && dns_rcode(a.reply))
		bad(c, "%s account key: is answered %s", z->name,
		    dns_rcode_text(dns_rcode(a.reply), buf));
	else
		good(c, "%s account key: is accepted", z->name);
}

/* --- the delegation ------------------------------------------------------ */

static void check_delegation(struct check *c, const struct conf_zone *z, uint8_t *room)
{
	struct ask a = { .server = c->resolver, .timeout_ms = 3000 };
	char text[NET_TEXT_SIZE], buf[DNS_RCODE_TEXT];
	struct dns_walk w;
	struct dns_rr rr;
	struct why why;
	int r;

	net_to_text(&c->resolver, text);
	a.msg = room;
	a.size = DNS_MAX;
	a.reply = room + DNS_MAX;
	a.len = ask_query(a.msg, z->apex, DNS_NS);
	dns_put16(a.msg + 2, DNS_RD);
	if (ask(&a, &why)) {
		bad(c, "%s delegation: %s", z->name, why.text);
		return;
	}
	r = dns_walk_init(&w, a.reply, a.reply_len);
	while (!r && dns_walk_rr(&w, &rr) == 1 && w.section < 3) {
		if (rr.type == DNS_NS && dname_equal(rr.owner, z->apex)) {
			good(c, "%s delegation: %s knows the zone's name server", z->name, text);
			return;
		}
	}
	bad(c, "%s delegation: %s finds no name server for it (%s): put the NS and address lines "
	    "that 'btmm-dnsd setup' prints into the zone above", z->name, text,
	    dns_rcode_text(dns_rcode(a.reply), buf));
}

/* --- all of it ----------------------------------------------------------- */

static void check_zone(struct check *c, const struct conf_zone *z, uint8_t *room)
{
	uint32_t serial = 0;
	bool has_serial = check_primary(c, z, &serial);

	check_mirror(c, z, has_serial, serial);
	if (c->status)
		check_private(c, z, room);
	if (c->has_resolver)
		check_delegation(c, z, room);
}

static void print_rows(const struct check *c)
{
	size_t i;

	for (i = 0; i < json_array_size(c->rows); i++) {
		const json_t *row = json_array_get(c->rows, i);

		printf("%s  %s\n", json_is_true(json_object_get(row, "ok")) ? "ok " : "BAD",
		       json_string_value(json_object_get(row, "text")));
	}
}

static int check_all(struct check *c, const char *domain)
{
	const struct conf_zone *only = NULL;
	uint8_t *room = malloc(2 * DNS_MAX);
	size_t i;

	if (!room)
		return admin_fail(ADMIN_FAILED, "out of memory");
	if (domain) {
		only = admin_zone(c->conf, domain, false);
		if (!only) {
			free(room);
			return ADMIN_NOT_FOUND;
		}
	}
	good(c, "configuration: %s, %zu zone%s", CONF_PATH, c->conf->n_zones,
	     c->conf->n_zones == 1 ? "" : "s");
	if (!c->conf->n_zones)
		bad(c, "configuration: there is no zone: btmm-dnsd account add DOMAIN");
	check_cert(c);
	check_daemon(c);
	for (i = 0; i < c->conf->n_zones; i++) {
		if (!only || only == &c->conf->zones[i])
			check_zone(c, &c->conf->zones[i], room);
	}
	if (c->status && c->conf->n_zones)
		check_listeners(c, (only ? only : c->conf->zones)->apex, room);
	free(room);
	return ADMIN_OK;
}

int cmd_check(int argc, char **argv)
{
	const char *resolver = NULL, *wrong;
	struct check c = { 0 };
	bool json = false;
	const struct admin_option options[] = {
		{ .name = "resolver", .value = &resolver },
		{ .name = "json", .on = &json },
		{ 0 },
	};
	int n = admin_options(argc, argv, options), code;

	if (n < 0 || n > 1)
		return n < 0 ? -n : admin_usage("'%s' is one word too many", argv[2]);
	if (resolver) {
		wrong = admin_server_from_text(resolver, 53, &c.resolver);
		if (wrong)
			return admin_usage("--resolver %s %s", resolver, wrong);
		c.has_resolver = true;
	}
	code = admin_conf(NULL, &c.conf);
	if (code)
		return code == ADMIN_FAILED ? ADMIN_FINDINGS : code;
	c.rows = json_array();
	code = check_all(&c, n ? argv[1] : NULL);
	if (!code) {
		if (json)
			admin_json(c.rows);
		else
			print_rows(&c);
		code = c.bad ? ADMIN_FINDINGS : ADMIN_OK;
	}
	json_decref(c.rows);
	json_decref(c.status);
	conf_free(c.conf);
	return code;
}
