// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Knot DNS as the hidden primary: one file with our zones, included at the end of
 * knot.conf. It holds the key, so only Knot may read it.
 *
 * Knot lets anybody ask ordinary questions whatever its ACLs say; mod-queryacl with
 * an address that nobody has refuses them all. Transfers, which are how btmm-dnsd
 * learns everything, and updates go by the ACL.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "admin_talk.h"
#include "setup.h"
#include "setup_ours.h"
#include "setup_run.h"
#include "../lib/text/addr.h"
#include "../lib/text/number.h"

#define DIR		"/etc/knot"
#define MAIN		DIR "/knot.conf"
#define OURS		DIR "/btmm.conf"
#define INCLUDE		"include: btmm.conf"
#define ZONE_DIR	"/var/lib/knot"
#define COMMENT		"#"

static const char *const planned[] = { MAIN, OURS, NULL };

static const struct setup_ours our_file = { OURS, COMMENT };

static bool installed(void)
{
	return run_find("knotc");
}

static const char *zone_file(const char *domain)
{
	static char path[sizeof(ZONE_DIR) + DNAME_TEXT_MAX + 16];

	snprintf(path, sizeof(path), ZONE_DIR "/btmm.%s.zone", domain);
	return path;
}

/* --- what knot.conf says ------------------------------------------------- */

/* The value in a line "key: value" or "- key: value", NULL if it is another line. */
static const char *value_of(const char *line, size_t len, const char *key, char *out, size_t size)
{
	size_t key_len = strlen(key);

	while (len && (isspace((unsigned char)*line) || *line == '-')) {
		line++;
		len--;
	}
	if (len <= key_len || strncmp(line, key, key_len) || line[key_len] != ':')
		return NULL;
	line += key_len + 1;
	len -= key_len + 1;
	while (len && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	if (memchr(line, '#', len))
		len = (size_t)((char *)memchr(line, '#', len) - line);
	while (len && isspace((unsigned char)line[len - 1]))
		len--;
	snprintf(out, size, "%.*s", (int)len, line);
	return out;
}

/* The next such line's value, behind *p. */
static const char *next_value(const char **p, const char *key, char *out, size_t size)
{
	const char *value;
	size_t len;

	while (**p) {
		len = strcspn(*p, "\n");
		value = value_of(*p, len, key, out, size);
		*p += len + ((*p)[len] == '\n');
		if (value)
			return value;
	}
	return NULL;
}

static bool has_zone(const char *text, const char *domain)
{
	char value[DNAME_TEXT_MAX + 4];
	size_t len;

	while (next_value(&text, "domain", value, sizeof(value))) {
		len = strlen(value);
		if (len && value[len - 1] == '.')
			value[len - 1] = '\0';
		if (!strcmp(value, domain))
			return true;
	}
	return false;
}

/* ADDR or ADDR@PORT; an interface's name and the like are false. */
static bool listen_read(const char *word, struct net_addr *out)
{
	char text[128];
	struct addr a;
	uint64_t port = 53;
	char *at;

	memset(out, 0, sizeof(*out));
	snprintf(text, sizeof(text), "%.127s", word);
	at = strchr(text, '@');
	if (at) {
		*at = '\0';
		if (text_to_uint(at + 1, 1, 65535, &port))
			return false;
	}
	if (text_to_addr(text, &a))
		return false;
	out->port = (uint16_t)port;
	if (a.len == 16) {
		memcpy(&out->ip, a.b, 16);
	} else {
		memset(&out->ip.s6_addr[10], 0xff, 2);
		memcpy(&out->ip.s6_addr[12], a.b, 4);
	}
	return true;
}

static bool meets(const struct setup *su, const struct net_addr *a)
{
	size_t i;

	if (a->port != 53)
		return false;
	for (i = 0; i < su->n_listen; i++) {
		if (net_is_v4(a) == net_is_v4(&su->listen[i]) &&
		    (setup_wildcard(&a->ip) || setup_wildcard(&su->listen[i].ip) ||
		     IN6_ARE_ADDR_EQUAL(&a->ip, &su->listen[i].ip)))
			return true;
	}
	return false;
}

/* Where Knot listens by knot.conf: *there: at su->primary; an error: where we have to. */
static int look_at_listen(struct setup *su, const char *text, bool *there, struct why *why)
{
	const char *p = text;
	char value[1024];
	struct net_addr a;
	char *word, *save;

	*there = false;
	while (next_value(&p, "listen", value, sizeof(value))) {
		for (word = strtok_r(value, "[], \"\t", &save); word;
		     word = strtok_r(NULL, "[], \"\t", &save)) {
			if (!listen_read(word, &a))
				continue;
			if (meets(su, &a))
				return why_set(why, -EADDRINUSE,
					       "Knot listens where btmm-dnsd has to: take '%s' out "
					       "of 'listen' in %s and run this again", word,
					       files_path(su->files, MAIN));
			*there = *there || net_equal(&a, &su->primary);
		}
	}
	return 0;
}

/* --- our file ------------------------------------------------------------ */

static void head(const struct setup *su, bool listen, struct buf *out)
{
	char key[DNAME_TEXT_MAX], secret[4 * ((TSIG_SECRET_MAX + 2) / 3) + 1];

	name_text(su->frontend_key.name, key);
	base64_text(su->frontend_key.secret, su->frontend_key.secret_len, secret);
	buf_add(out, COMMENT " " SETUP_MARK ": the zones that btmm-dnsd serves. It writes\n"
		COMMENT " all of this file anew.\n");
	if (listen)
		buf_add(out, "server:\n    listen: 127.0.0.1@%u\n", su->primary.port);
	buf_add(out,
		"key:\n"
		"  - id: %s\n"
		"    algorithm: %s\n"
		"    secret: %s\n"
		"remote:\n"
		"  - id: btmm_frontend\n"
		"    address: 127.0.0.1@%u\n"
		"    key: %s\n"
		"acl:\n"
		"  - id: btmm_frontend\n"
		"    key: %s\n"
		"    action: [ transfer, update ]\n"
		"mod-queryacl:\n"
		"  - id: btmm_hidden\n"
		"    address: 192.0.2.255/32\n",
		key, tsig_algorithm_name(su->frontend_key.algorithm), secret, su->notify_port,
		key, key);
	explicit_bzero(secret, sizeof(secret));
}

static void zone_section(const struct setup *su, struct buf *out)
{
	buf_add(out,
		"zone:\n"
		"  - domain: %s\n"
		"    file: %s\n"
		"    notify: btmm_frontend\n"
		"    acl: btmm_frontend\n"
		"    module: mod-queryacl/btmm_hidden\n"
		"    zonefile-sync: 300\n"
		"    journal-content: changes\n"
		"    journal-max-usage: 64M\n",
		su->domain, zone_file(su->domain));
}

static int plan_ours(struct setup *su, bool listen, struct why *why)
{
	struct buf old = { 0 }, section = { 0 }, new = { 0 }, all = { 0 };
	const char *blocks;
	int err = ours_get(su, &our_file, &old, why);

	zone_section(su, &section);
	if (!err)
		err = ours_differs(su, &our_file, buf_text(&old), buf_text(&section), why);
	if (!err) {
		blocks = strstr(buf_text(&old), COMMENT " btmm begin ");
		head(su, listen, &new);
		if (blocks)
			buf_put(&new, blocks, strlen(blocks));
		block_set(buf_text(&new), COMMENT, su->domain, buf_text(&section), &all);
		err = files_put(su->files, OURS, &all, 0640, files_owner("root", "knot"), why);
	}
	buf_free(&old);
	buf_free(&section);
	buf_free(&new);
	buf_free(&all);
	return err;
}

static int plan_zone_file(struct setup *su, struct why *why)
{
	struct files_owner owner = files_owner("knot", "knot");
	struct buf text = { 0 };
	int err = files_get(su->files, zone_file(su->domain), &text, why);

	if (su->zone_text) {
		err = files_put(su->files, zone_file(su->domain), su->zone_text, 0640, owner, why);
	} else if (err == -ENOENT) {
		setup_zone_text(su, (uint32_t)time(NULL), &text);
		err = files_put(su->files, zone_file(su->domain), &text, 0640, owner, why);
	}
	buf_free(&text);
	return err;
}

static int plan_include(struct setup *su, struct buf *main_text, struct why *why)
{
	struct files_owner keep = { (uid_t)-1, (gid_t)-1 };

	if (text_has_line(buf_text(main_text), INCLUDE))
		return 0;
	if (main_text->len && main_text->p[main_text->len - 1] != '\n')
		buf_put(main_text, "\n", 1);
	buf_put(main_text, INCLUDE "\n", strlen(INCLUDE "\n"));
	return files_put(su->files, MAIN, main_text, 0, keep, why);
}

/* --- the steps ----------------------------------------------------------- */

static int plan(struct setup *su, struct why *why)
{
	struct buf main_text = { 0 };
	bool there;
	int err;

	if (!installed())
		return why_set(why, -ENOENT, "Knot is not installed (apt install knot), or choose "
			       "another --primary");
	err = files_get(su->files, MAIN, &main_text, why);
	if (err == -ENOENT)
		why_set(why, err, "%s is not there: install knot (a configuration data base "
			"is not supported)", files_path(su->files, MAIN));
	if (!err && has_zone(buf_text(&main_text), su->domain))
		err = why_set(why, -EEXIST, "Knot has a zone %s already, not made by setup: see "
			      "'--primary ADDR:PORT' in btmm-dnsd(8) for how to keep it",
			      su->domain);
	if (!err)
		err = look_at_listen(su, buf_text(&main_text), &there, why);
	if (!err)
		err = plan_zone_file(su, why);
	if (!err)
		err = plan_ours(su, !there, why);
	if (!err)
		err = plan_include(su, &main_text, why);
	buf_free(&main_text);
	return err;
}

static int conf_check(const char *path, const char *temp, struct why *why)
{
	const char *const argv[] = { "knotc", "-c", path, "conf-check", NULL };
	struct buf said = { 0 };
	int err = run_program(argv, &said);

	if (temp)
		stage_unname(&said, temp, DIR);
	err = run_why(err, &said, "knotc conf-check", -EINVAL, why);
	buf_free(&said);
	return err;
}

static int check(struct setup *su, struct why *why)
{
	char temp[64], path[80];
	int err = stage_make(su, DIR, planned, temp, why);

	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/knot.conf", temp);
	err = conf_check(path, temp, why);
	stage_remove(temp);
	return err;
}

static int check_real(struct setup *su, struct why *why)
{
	return su->root ? 0 : conf_check(files_path(su->files, MAIN), NULL, why);
}

static bool listens(const struct setup *su)
{
	struct why unused;
	struct talk t;

	if (admin_talk(&t, &su->primary, true, 1000, &unused))
		return false;
	talk_close(&t);
	return true;
}

static int reload(struct setup *su, bool *running, struct why *why)
{
	static const char *const status[] = { "knotc", "status", NULL };
	static const char *const again[] = { "knotc", "reload", NULL };
	static const char *const restart[] = { "systemctl", "restart", "knot", NULL };
	const char *what = "knotc reload";
	struct buf said = { 0 };
	int err;

	*running = !su->root && !run_program(status, NULL);
	if (!*running)
		return 0;
	err = run_program(again, &said);
	/* Where it listens, Knot decides when it starts. */
	if (!err && !listens(su)) {
		if (setup_systemd()) {
			buf_free(&said);
			what = "systemctl restart knot";
			err = run_program(restart, &said);
		} else {
			setup_note(su, "Knot does not listen on 127.0.0.1 port %u before it is "
				   "stopped and started again", su->primary.port);
			*running = false;
		}
	}
	err = run_why(err, &said, what, -EIO, why);
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

/* Its journal is one for all zones; what is left there of this one is nobody's. */
static int drop_data(struct setup *su, struct why *why)
{
	const char *const purge[] = {
		"knotc", "-f", "zone-purge", su->domain, "+orphan", "+journal", "+timers", NULL,
	};

	/* A server that does not run keeps it until it is asked for the zone again. */
	if (!su->root)
		run_program(purge, NULL);
	return files_remove(su->files, zone_file(su->domain), why);
}

const struct setup_primary setup_knot = {
	.name = "knot",
	.installed = installed,
	.has = has,
	.plan = plan,
	.check = check,
	.check_real = check_real,
	.reload = reload,
	.drop = drop,
	.drop_data = drop_data,
	.start = "systemctl enable --now knot",
};
