// SPDX-License-Identifier: GPL-2.0-or-later
/* The order of things: look, plan, check the plan, write, check again, reload. */
#include "setup.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin_probe.h"
#include "admin_talk.h"
#include "conf.h"
#include "setup_tls.h"

#define PRIMARY_WAIT_MS	15000
#define EXPIRES_SOON	(30 * 86400)

const struct setup_primary *setup_primary_of(enum primary_kind kind)
{
	switch (kind) {
	case PRIMARY_BIND:
		return &setup_bind;
	case PRIMARY_KNOT:
		return &setup_knot;
	default:
		return &setup_remote;
	}
}

void setup_note(struct setup *su, const char *fmt, ...)
{
	char line[1600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_add(&su->notes, "%s\n", line);
}

void setup_free(struct setup *su)
{
	files_free(su->files);
	su->files = NULL;
	tsig_key_wipe(&su->frontend_key);
	tsig_key_wipe(&su->account_key);
	buf_free(&su->notes);
}

/* --- the plan ------------------------------------------------------------ */

static int plan_keys(struct setup *su, struct why *why)
{
	struct tsig_key admin = { 0 };
	uint8_t name[DNAME_MAX];
	int err = files_dir(su->files, SETUP_KEYS, 0700, su->daemon, why);

	if (!err && su->kind != PRIMARY_REMOTE) {
		if (!setup_frontend_key_name(su, name))
			return why_set(why, -ENAMETOOLONG, "%s is too long", su->hostname);
		err = setup_key(su, SETUP_FRONTEND_KEY, name, false, &su->frontend_key, why);
	}
	if (!err && !setup_account_key_name(su, name))
		return why_set(why, -ENAMETOOLONG, "%s is too long", su->domain);
	if (!err)
		err = setup_key(su, setup_account_key_path(su->domain), name, true,
				&su->account_key, why);
	if (!err && su->want_admin_key) {
		if (!setup_admin_key_name(su, name))
			return why_set(why, -ENAMETOOLONG, "%s is too long", su->hostname);
		err = setup_key(su, SETUP_ADMIN_KEY, name, false, &admin, why);
		tsig_key_wipe(&admin);
	}
	return err;
}

static int given_cert(struct setup *su, struct buf *cert, struct buf *key, struct why *why)
{
	int err = file_read(su->cert_file, cert);

	if (err)
		return why_set(why, err, "--cert %s: %s", su->cert_file, strerror(-err));
	err = file_read(su->cert_key_file, key);
	if (err)
		return why_set(why, err, "--key %s: %s", su->cert_key_file, strerror(-err));
	return 0;
}

static int plan_cert(struct setup *su, struct why *why)
{
	struct files_owner root = files_owner("root", "root");
	struct buf cert = { 0 }, key = { 0 };
	struct cert_info info;
	bool made = false;
	int err;

	if (su->cert_file) {
		err = given_cert(su, &cert, &key, why);
	} else {
		err = files_get(su->files, SETUP_CERT, &cert, why);
		if (!err)
			err = files_get(su->files, SETUP_CERT_KEY, &key, why);
		if (err == -ENOENT) {
			buf_free(&cert);
			err = cert_make(su->hostname, NULL, time(NULL), &cert, &key, why);
			made = true;
		}
	}
	if (!err)
		err = cert_look(&cert, &key, su->hostname, &info, why);
	if (!err && su->cert_file && !info.names_host)
		err = why_set(why, -EINVAL, "--cert %s does not name %s: clients would refuse it",
			      su->cert_file, su->hostname);
	if (!err && !made && info.not_after < time(NULL) + EXPIRES_SOON)
		setup_note(su, "the TLS certificate %s: run setup with --cert and --key, or remove "
			   SETUP_CERT " and " SETUP_CERT_KEY " first for a new one",
			   info.not_after < time(NULL) ? "has expired" :
							 "expires in less than 30 days");
	if (!err) {
		snprintf(su->pin, sizeof(su->pin), "%s", info.pin);
		err = files_put(su->files, SETUP_CERT_KEY, &key, 0600, su->daemon, why);
	}
	if (!err)
		err = files_put(su->files, SETUP_CERT, &cert, 0644, root, why);
	buf_free(&cert);
	buf_free(&key);
	return err;
}

static int plan(struct setup *su, struct why *why)
{
	const struct setup_primary *p = setup_primary_of(su->kind);
	int err = setup_user(su, why);

	if (!err)
		err = files_dir(su->files, CONF_STATE_DIRECTORY, 0700, su->daemon, why);
	if (!err)
		err = plan_keys(su, why);
	if (!err)
		err = plan_cert(su, why);
	if (!err)
		err = p->plan(su, why);
	if (!err)
		err = setup_conf_plan(su, why);
	if (!err)
		err = p->check(su, why);
	return err;
}

/* --- doing it ------------------------------------------------------------ */

static int check_conf(struct setup *su, struct why *why)
{
	struct dnsd_conf *conf = NULL;
	int err;

	if (su->root)
		return 0;
	err = conf_load(SETUP_DNSD_CONF, &conf, why->text, sizeof(why->text));
	if (!err)
		conf_free(conf);
	return err;
}

static bool serves(const struct setup *su)
{
	struct why unused;

	return !su->root && !probe_transfer(&su->primary, &su->frontend_key, su->apex, NULL,
					    &unused);
}

/* A server that was told to reload loads the zone in its own time. */
static int wait_primary(struct setup *su, struct why *why)
{
	uint64_t end = talk_now_ms() + PRIMARY_WAIT_MS;
	struct why last;
	int err;

	for (;;) {
		err = probe_transfer(&su->primary, &su->frontend_key, su->apex, NULL, &last);
		if (!err || talk_now_ms() > end)
			break;
		poll(NULL, 0, 100);
	}
	if (err)
		return why_set(why, err, "the primary does not serve %s after all: %.500s; its log "
			       "may say why", su->domain, last.text);
	return 0;
}

/* Back to where we were; what went wrong is in @why and stays there. */
static void undo(struct setup *su, const struct setup_primary *p, bool reloaded, struct why *why)
{
	struct why back, first = *why;
	bool running;

	if (files_rollback(su->files, &back)) {
		why_set(why, 0, "%.500s; and %.400s", first.text, back.text);
		return;
	}
	if (reloaded)
		p->reload(su, &running, &back);
	why_set(why, 0, "%.900s (nothing was changed)", first.text);
}

int setup_do(struct setup *su, struct why *why)
{
	const struct setup_primary *p;
	bool running = false;
	int err;

	if (geteuid() && !su->root && !su->dry_run)
		return why_set(why, -EPERM, "this writes below /etc: run it as root");
	su->files = files_new(su->root);
	if (!su->files)
		return why_set(why, -ENOMEM, "out of memory");
	err = setup_choose(su, why);
	if (!err)
		err = plan(su, why);
	if (err || su->dry_run)
		return err;

	p = setup_primary_of(su->kind);
	if (!files_differ(su->files) && serves(su)) {
		su->primary_runs = true;
		return 0;
	}
	err = files_apply(su->files, why);
	if (err)
		return err;
	err = p->check_real(su, why);
	if (!err)
		err = check_conf(su, why);
	if (err) {
		undo(su, p, false, why);
		return err;
	}
	err = p->reload(su, &running, why);
	if (!err && running)
		err = wait_primary(su, why);
	if (err)
		undo(su, p, true, why);
	su->primary_runs = running;
	return err;
}
