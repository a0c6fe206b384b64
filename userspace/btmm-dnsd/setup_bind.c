// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * BIND as the hidden primary: one file with our zones, included from
 * named.conf.local; keys in /etc/bind, zones in /var/lib/bind, where Debian's
 * AppArmor profile lets named read the ones and write the others.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "setup.h"
#include "setup_bind_conf.h"
#include "setup_ours.h"
#include "setup_run.h"

#define DIR		"/etc/bind"
#define MAIN		DIR "/named.conf"
#define LOCAL		DIR "/named.conf.local"
#define OPTIONS		DIR "/named.conf.options"
#define OUR_ZONES	DIR "/btmm.conf"
#define OUR_KEY		DIR "/btmm.key"
#define OUR_OPTIONS	DIR "/btmm.conf.options"
#define ZONE_DIR	"/var/lib/bind/btmm"
#define INCLUDE		"include \"" OUR_ZONES "\";"
#define COMMENT		"//"

static const char *const planned[] = { MAIN, LOCAL, OUR_ZONES, OUR_KEY, OUR_OPTIONS, NULL };

static const struct setup_ours our_file = { OUR_ZONES, COMMENT };

static bool installed(void)
{
	return run_find("named-checkconf");
}

static const char *zone_file(const char *domain)
{
	static char path[sizeof(ZONE_DIR) + DNAME_TEXT_MAX + 8];

	snprintf(path, sizeof(path), ZONE_DIR "/%s.db", domain);
	return path;
}

/* --- what BIND has ------------------------------------------------------- */

/* named-checkconf over what is planned; its whole configuration into @out. */
static int check_copy(struct setup *su, struct buf *out, struct why *why)
{
	char temp[64], path[80];
	const char *const argv[] = { "named-checkconf", "-px", path, NULL };
	int err = stage_make(su, DIR, planned, temp, why);

	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/named.conf", temp);
	err = run_program(argv, out);
	stage_unname(out, temp, DIR);
	stage_remove(temp);
	return run_why(err, out, "named-checkconf", -EINVAL, why);
}

static int read_conf(struct setup *su, struct bind_conf *conf, struct why *why)
{
	struct buf text = { 0 };
	int err = check_copy(su, &text, why);

	memset(conf, 0, sizeof(*conf));
	if (!err) {
		err = bind_conf_read(buf_text(&text), conf);
		if (err)
			why_set(why, err, "BIND's configuration is not understood (%s)", MAIN);
	}
	buf_free(&text);
	return err;
}

/*
 * Since 9.18.28 BIND takes no more than 100 records of a type at a name, unless told
 * otherwise; before, it does not know the option. Every host has one in the domain's
 * list of hosts.
 */
static bool limits_records(void)
{
	static const char *const argv[] = { "named-checkconf", "-v", NULL };
	unsigned int major = 0, minor = 0, patch = 0;
	struct buf said = { 0 };
	bool limits = false;

	if (!run_program(argv, &said) &&
	    sscanf(buf_text(&said), "%u.%u.%u", &major, &minor, &patch) == 3)
		limits = major > 9 || minor >= 20 || (minor == 18 && patch >= 28);
	buf_free(&said);
	return limits;
}

/* --- our zones ----------------------------------------------------------- */

static void zone_statement(const struct setup *su, struct buf *out)
{
	char key[DNAME_TEXT_MAX];

	name_text(su->frontend_key.name, key);
	buf_add(out,
		"zone \"%s\" {\n"
		"\ttype primary;\n"
		"\tfile \"%s\";\n"
		"\tupdate-policy { grant \"%s\" zonesub ANY; };\n"
		"\tallow-query { key \"%s\"; };\n"
		"\tallow-transfer { key \"%s\"; };\n"
		"\tnotify explicit;\n"
		"\talso-notify { 127.0.0.1 port %u key \"%s\"; };\n"
		"\tnotify-delay 0;\n"
		"\tmax-ixfr-ratio unlimited;\n"
		"\tmax-journal-size 64M;\n"
		"%s"
		"\tixfr-from-differences yes;\n"
		"\tcheck-names ignore;\n"
		"};\n",
		su->domain, zone_file(su->domain), key, key, key, su->notify_port, key,
		limits_records() ? "\tmax-records-per-type 0;\n" : "");
}

static int plan_zones(struct setup *su, struct why *why)
{
	struct files_owner owner = files_owner("root", "bind");
	struct buf old = { 0 }, block = { 0 }, new = { 0 };
	int err = ours_get(su, &our_file, &old, why);

	if (!err && !old.len)
		buf_add(&old, COMMENT " " SETUP_MARK ": the zones that btmm-dnsd serves. It\n"
			COMMENT " changes what stands between \"btmm begin\" and \"btmm end\".\n"
			"include \"" OUR_KEY "\";\n");
	zone_statement(su, &block);
	if (!err)
		err = ours_differs(su, &our_file, buf_text(&old), buf_text(&block), why);
	if (!err) {
		block_set(buf_text(&old), COMMENT, su->domain, buf_text(&block), &new);
		err = files_put(su->files, OUR_ZONES, &new, 0644, owner, why);
	}
	buf_free(&old);
	buf_free(&block);
	buf_free(&new);
	return err;
}

static int plan_key(struct setup *su, struct why *why)
{
	struct buf text = { 0 };
	int err;

	buf_add(&text, COMMENT " " SETUP_MARK ": the key of btmm-dnsd.\n");
	key_bind_form(&su->frontend_key, &text);
	err = files_put(su->files, OUR_KEY, &text, 0640, files_owner("root", "bind"), why);
	buf_free(&text);
	return err;
}

/* A zone that is there keeps its records: named may have changed them. */
static int plan_zone_file(struct setup *su, uint32_t serial, struct why *why)
{
	struct files_owner owner = files_owner("bind", "bind");
	struct buf text = { 0 };
	int err = files_dir(su->files, ZONE_DIR, 0750, owner, why);

	if (!err)
		err = files_get(su->files, zone_file(su->domain), &text, why);
	if (err != -ENOENT || su->zone_text) {
		buf_free(&text);
		if (err && err != -ENOENT)
			return err;
	}
	if (su->zone_text) {
		err = files_put(su->files, zone_file(su->domain), su->zone_text, 0640, owner, why);
	} else if (err == -ENOENT) {
		setup_zone_text(su, serial, &text);
		err = files_put(su->files, zone_file(su->domain), &text, 0640, owner, why);
	}
	buf_free(&text);
	return err;
}

/* One line at the end of named.conf.local; of named.conf if that is not in use. */
static int plan_include(struct setup *su, struct why *why)
{
	struct files_owner keep = { (uid_t)-1, (gid_t)-1 };
	struct buf main_text = { 0 }, local = { 0 };
	const char *path = LOCAL;
	struct buf *b = &local;
	int err = files_get(su->files, MAIN, &main_text, why);

	if (err == -ENOENT)
		why_set(why, err, "%s is not there: install bind9",
			files_path(su->files, MAIN));
	if (!err && (!strstr(buf_text(&main_text), "\"" LOCAL "\"") ||
		     files_get(su->files, LOCAL, &local, why) == -ENOENT)) {
		path = MAIN;
		b = &main_text;
	}
	if (!err && !text_has_line(buf_text(&main_text), INCLUDE) &&
	    !text_has_line(buf_text(&local), INCLUDE)) {
		if (b->len && b->p[b->len - 1] != '\n')
			buf_put(b, "\n", 1);
		buf_put(b, INCLUDE "\n", strlen(INCLUDE "\n"));
		err = files_put(su->files, path, b, 0, keep, why);
	}
	buf_free(&main_text);
	buf_free(&local);
	return err;
}

/* --- where named listens ------------------------------------------------- */

static void our_options(const struct setup *su, struct buf *out)
{
	buf_add(out,
		"\tlisten-on port %u { 127.0.0.1; };\n"
		"\tlisten-on-v6 { none; };\n"
		"\tnotify-rate 1000;\n"
		"\tstartup-notify-rate 1000;\n"
		"\tserial-query-rate 1000;\n", su->primary.port);
}

static int plan_our_options(struct setup *su, struct why *why)
{
	struct buf options = { 0 };
	int err;

	buf_add(&options, COMMENT " " SETUP_MARK ": named is the hidden primary of\n"
		COMMENT " btmm-dnsd, which has port 53 of the public addresses.\n"
		"options {\n"
		"\tdirectory \"/var/cache/bind\";\n"
		"\tdnssec-validation no;\n"
		"\trecursion no;\n");
	our_options(su, &options);
	buf_add(&options, "};\n");
	err = files_put(su->files, OUR_OPTIONS, &options, 0644, files_owner("root", "bind"), why);
	buf_free(&options);
	return err;
}

/* Whoever asks named for the rest of the world gets no answer from now on. */
static void note_resolver(struct setup *su)
{
	struct buf text = { 0 };
	const char *p;

	if (!su->root && !file_read("/etc/resolv.conf", &text)) {
		p = strstr(buf_text(&text), "nameserver 127.0.0.1");
		if (!p)
			p = strstr(buf_text(&text), "nameserver ::1");
		if (p)
			setup_note(su, "/etc/resolv.conf makes this machine ask its own named, "
				   "which does no longer resolve names: put another resolver there");
	}
	buf_free(&text);
}

/* What Debian brings says no more than where named listens: ours in its place. */
static int plan_stock_options(struct setup *su, struct why *why)
{
	static const char stock[] = "include \"" OPTIONS "\";";
	static const char ours[] = COMMENT " " SETUP_MARK ", instead of named.conf.options, so "
		"that port 53 is\n" COMMENT " free for btmm-dnsd:\ninclude \"" OUR_OPTIONS "\";";
	struct files_owner keep = { (uid_t)-1, (gid_t)-1 };
	struct buf main_text = { 0 }, new = { 0 };
	const char *at;
	int err = files_get(su->files, MAIN, &main_text, why);

	at = err ? NULL : strstr(buf_text(&main_text), stock);
	if (!err && !at)
		err = why_set(why, -EINVAL, "no line '%s' in %s", stock,
			      files_path(su->files, MAIN));
	if (!err) {
		buf_put(&new, buf_text(&main_text), (size_t)(at - buf_text(&main_text)));
		buf_add(&new, "%s%s", ours, at + strlen(stock));
		err = plan_our_options(su, why);
	}
	if (!err)
		err = files_put(su->files, MAIN, &new, 0, keep, why);
	if (!err)
		note_resolver(su);
	buf_free(&main_text);
	buf_free(&new);
	return err;
}

/* Zones beside those that every BIND has and ours. */
static bool has_other_zones(struct setup *su, const struct bind_conf *conf, char *which,
			    size_t size)
{
	static const char *const usual[] = {
		".", "localhost", "127.in-addr.arpa", "0.in-addr.arpa", "255.in-addr.arpa",
	};
	struct buf ours = { 0 }, block = { 0 };
	struct why unused;
	bool other = false;
	size_t i, j;

	files_get(su->files, OUR_ZONES, &ours, &unused);
	for (i = 0; i < conf->zones.n && !other; i++) {
		for (j = 0; j < sizeof(usual) / sizeof(*usual); j++) {
			if (!strcmp(conf->zones.v[i], usual[j]))
				break;
		}
		other = j == sizeof(usual) / sizeof(*usual) &&
			!block_get(buf_text(&ours), COMMENT, conf->zones.v[i], &block);
		if (other)
			snprintf(which, size, "%s", conf->zones.v[i]);
	}
	buf_free(&ours);
	buf_free(&block);
	return other;
}

static int plan_listening(struct setup *su, const struct bind_conf *conf, struct why *why)
{
	struct buf taken = { 0 }, put_in = { 0 }, ours = { 0 };
	char other[DNAME_TEXT_MAX] = "";
	bool takes_53 = bind_conf_takes_53(conf, su->listen, su->n_listen, &taken);
	bool is_ours = !files_get(su->files, OUR_OPTIONS, &ours, why);
	int err = 0;

	buf_free(&ours);
	if (!takes_53 && bind_conf_listens(conf, su->primary.port)) {
		buf_free(&taken);
		return 0;
	}
	if (is_ours && !takes_53) {
		buf_free(&taken);
		return plan_our_options(su, why);
	}
	if (bind_conf_is_stock(conf) && !has_other_zones(su, conf, other, sizeof(other))) {
		err = plan_stock_options(su, why);
		buf_free(&taken);
		return err;
	}

	our_options(su, &put_in);
	if (takes_53)
		err = why_set(why, -EADDRINUSE,
			      "named listens where btmm-dnsd has to%s%s, and its options are not "
			      "Debian's own, so they are left to you. In options { } (%s) "
			      "take out\n%s  and put in\n%s  then run this again",
			      other[0] ? "; it also serves " : "", other,
			      files_path(su->files, OPTIONS), buf_text(&taken),
			      buf_text(&put_in));
	else
		err = why_set(why, -EINVAL,
			      "named does not listen on 127.0.0.1 port %u, and its options are "
			      "not Debian's own, so they are left to you. In options { } (%s) "
			      "put in\n%s  then run this again (or give --primary-port)",
			      su->primary.port, files_path(su->files, OPTIONS),
			      buf_text(&put_in));
	buf_free(&taken);
	buf_free(&put_in);
	return err;
}

/* Only a note: without them, NOTIFYs of many zones queue up. */
static void note_rates(struct setup *su, const struct bind_conf *conf)
{
	size_t pos = 0;

	if (!bind_conf_is_stock(conf) && !bind_conf_option(conf, "notify-rate", &pos))
		setup_note(su, "named sends 20 NOTIFYs a second at most: with many zones, put "
			   "'notify-rate 1000; startup-notify-rate 1000;' into its options { }");
}

/* --- the steps ----------------------------------------------------------- */

static int plan(struct setup *su, struct why *why)
{
	struct bind_conf conf;
	struct buf ours = { 0 }, block = { 0 };
	int err;

	if (!installed())
		return why_set(why, -ENOENT, "BIND is not installed (apt install bind9), or "
			       "choose another --primary");
	err = read_conf(su, &conf, why);
	if (!err)
		err = ours_get(su, &our_file, &ours, why);
	if (!err && bind_conf_has_zone(&conf, su->domain) &&
	    !block_get(buf_text(&ours), COMMENT, su->domain, &block))
		err = why_set(why, -EEXIST, "named has a zone %s already, not made by setup: see "
			      "'--primary ADDR:PORT' in btmm-dnsd(8) for how to keep it",
			      su->domain);
	if (!err)
		err = plan_key(su, why);
	if (!err)
		err = plan_zone_file(su, (uint32_t)time(NULL), why);
	if (!err)
		err = plan_zones(su, why);
	if (!err)
		err = plan_listening(su, &conf, why);
	if (!err)
		err = plan_include(su, why);
	if (!err)
		note_rates(su, &conf);
	bind_conf_free(&conf);
	buf_free(&ours);
	buf_free(&block);
	return err;
}

static int check(struct setup *su, struct why *why)
{
	struct buf said = { 0 };
	int err = check_copy(su, &said, why);

	buf_free(&said);
	return err;
}

static int check_real(struct setup *su, struct why *why)
{
	const char *const argv[] = { "named-checkconf", files_path(su->files, MAIN), NULL };
	struct buf said = { 0 };
	int err;

	/* Paths in it are meant from the real root. */
	if (su->root)
		return 0;
	err = run_why(run_program(argv, &said), &said, "named-checkconf", -EINVAL, why);
	buf_free(&said);
	return err;
}

static int reload(struct setup *su, bool *running, struct why *why)
{
	static const char *const status[] = { "rndc", "status", NULL };
	static const char *const reconfig[] = { "rndc", "reconfig", NULL };
	struct buf said = { 0 };
	int err;

	*running = !su->root && !run_program(status, NULL);
	if (!*running)
		return 0;
	err = run_why(run_program(reconfig, &said), &said, "rndc reconfig", -EIO, why);
	buf_free(&said);
	return err;
}

static bool has(struct setup *su)
{
	return ours_has(su, &our_file);
}

static int drop(struct setup *su, struct why *why)
{
	return ours_drop(su, &our_file, why);
}

static int drop_data(struct setup *su, struct why *why)
{
	char journal[sizeof(ZONE_DIR) + DNAME_TEXT_MAX + 16];
	int err;

	snprintf(journal, sizeof(journal), "%s.jnl", zone_file(su->domain));
	err = files_remove(su->files, journal, why);
	return err ? err : files_remove(su->files, zone_file(su->domain), why);
}

const struct setup_primary setup_bind = {
	.name = "bind",
	.installed = installed,
	.has = has,
	.plan = plan,
	.check = check,
	.check_real = check_real,
	.reload = reload,
	.drop = drop,
	.drop_data = drop_data,
	.start = "systemctl enable --now named",
};
