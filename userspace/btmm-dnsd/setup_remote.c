// SPDX-License-Identifier: GPL-2.0-or-later
/* A primary elsewhere: it is asked whether it lets us do what we need. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin_probe.h"
#include "conf.h"
#include "setup.h"

static bool installed(void)
{
	return false;	/* is never chosen by itself */
}

static bool has(struct setup *su)
{
	return !access(files_path(su->files, setup_primary_key_path(su->domain)), F_OK);
}

static int plan(struct setup *su, struct why *why)
{
	const char *path = setup_primary_key_path(su->domain);
	const char *from = su->primary_key_file ? su->primary_key_file :
			   files_path(su->files, path);
	struct buf text = { 0 };
	int err = conf_key_file(from, &su->frontend_key, why->text, sizeof(why->text));

	if (err == -ENOENT)
		return why_set(why, err, "a primary elsewhere needs its key: give "
			       "--primary-key-file FILE with 'NAME ALGORITHM BASE64'");
	if (err)
		return err;
	key_line(&su->frontend_key, &text);
	err = files_put(su->files, path, &text, 0600, su->daemon, why);
	buf_free(&text);
	return err;
}

static int wanting(struct setup *su, const char *what, const char *bind, int err, struct why *why)
{
	char key[DNAME_TEXT_MAX];
	struct why because = *why;

	return why_set(why, err, "%.400s. The primary has to let the key %s %s (BIND: %s)",
		       because.text, name_text(su->frontend_key.name, key), what, bind);
}

static int check(struct setup *su, struct why *why)
{
	struct why hidden;
	int err;

	if (su->root)
		return 0;
	err = probe_transfer(&su->primary, &su->frontend_key, su->apex, NULL, why);
	if (err)
		return wanting(su, "transfer the zone", "allow-transfer { key ...; };", err, why);
	err = probe_update(&su->primary, &su->frontend_key, su->apex, why);
	if (err)
		return wanting(su, "change the zone",
			       "update-policy { grant KEY zonesub ANY; };", err, why);
	if (!su->is_public && probe_hidden(&su->primary, su->apex, &hidden))
		setup_note(su, "the zone is private here, but not there: %s", hidden.text);
	return 0;
}

static int check_real(struct setup *su, struct why *why)
{
	(void)su;
	(void)why;
	return 0;
}

/* The SRV records that clients look for; what stands there already is left alone. */
static int put_services(struct setup *su, struct why *why)
{
	uint8_t *msg = malloc(DNS_MAX), owner[DNAME_MAX], rdata[6 + DNAME_MAX];
	char text[DNAME_TEXT_MAX + 32];
	struct dns_writer w;
	size_t i;
	int err = 0;

	if (!msg)
		return why_set(why, -ENOMEM, "out of memory");
	for (i = 0; i < n_setup_services && !err; i++) {
		snprintf(text, sizeof(text), "%s.%s", setup_services[i].name, su->domain);
		if (dname_from_text(text, owner))
			continue;
		memset(rdata, 0, 4);
		dns_put16(rdata + 4, setup_services[i].port);
		memcpy(rdata + 6, su->host, dname_len(su->host));
		ask_update_begin(&w, msg, su->apex);
		dns_put_rr(&w, 1, owner, DNS_SRV, DNS_NONE, 0, NULL, 0);
		dns_put_rr(&w, 2, owner, DNS_SRV, DNS_IN, 3600, rdata, 6 + dname_len(su->host));
		err = probe_send_update(&su->primary, &su->frontend_key, &w, why);
		if (err == -EEXIST)
			err = 0;
	}
	free(msg);
	return err;
}

static int reload(struct setup *su, bool *running, struct why *why)
{
	char key[DNAME_TEXT_MAX];

	*running = !su->root;
	if (su->root)
		return 0;
	setup_note(su, "let the primary send its NOTIFYs to %s port 53, signed by the key %s",
		   su->hostname, name_text(su->frontend_key.name, key));
	setup_note(su, "in the zone at the primary, NS has to name %s, and that name needs its "
		   "address", su->hostname);
	return put_services(su, why);
}

static int drop(struct setup *su, struct why *why)
{
	(void)why;
	setup_note(su, "the zone stays at its primary");
	return 0;
}

static int drop_data(struct setup *su, struct why *why)
{
	return files_remove(su->files, setup_primary_key_path(su->domain), why);
}

const struct setup_primary setup_remote = {
	.name = "remote",
	.installed = installed,
	.has = has,
	.plan = plan,
	.check = check,
	.check_real = check_real,
	.reload = reload,
	.drop = drop,
	.drop_data = drop_data,
	.start = "",
};
