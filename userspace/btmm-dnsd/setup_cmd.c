// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "../lib/text/number.h"
#include "admin.h"
#include "admin_conf.h"
#include "setup.h"

const char help_setup[] =
"Makes, on this machine: the zone DOMAIN at a primary, keys, a TLS certificate, and\n"
"the configuration of btmm-dnsd in /etc/btmm. Run again, it changes nothing, or says\n"
"what differs. What others wrote is not touched, but for one line that includes a file.\n"
"\n"
"  --domain DOMAIN        the zone, such as alice.example.com\n"
"  --primary WHAT         bind, knot, or ADDR:PORT of one elsewhere (default: what is\n"
"                         installed)\n"
"  --primary-key-file F   its key, 'NAME ALGORITHM BASE64' (only with ADDR:PORT)\n"
"  --primary-port PORT    where bind or knot listens on 127.0.0.1 (5300)\n"
"  --notify-port PORT     where btmm-dnsd listens on 127.0.0.1 (5301)\n"
"  --address ADDR         public address, may be repeated (default: this machine's)\n"
"  --hostname NAME        the server's name (default: ns.DOMAIN)\n"
"  --cert F --key F       TLS certificate and key, PEM; copied to /etc/btmm\n"
"  --public               everybody may ask for everything in the zone\n"
"  --admin-key            make an administrator's key too: for records without a lease\n"
"  --show-keys            print the account key\n"
"  --force                replace what an earlier setup wrote otherwise\n"
"  --root DIR             write below DIR, and reload nothing\n"
"  --dry-run              say what would be done\n"
"\n"
"What was said stands in /etc/btmm/setup.conf and is the default for the next zone.\n";

const char help_account_add[] =
"The same as 'btmm-dnsd setup --domain DOMAIN', with all its options.\n";

/* --- options ------------------------------------------------------------- */

static int add_address(void *arg, const char *value)
{
	struct setup *su = arg;
	struct addr a;
	const char *bad = text_to_addr(value, &a);

	if (bad)
		return admin_usage("--address %s: %s", value, bad);
	if (su->n_addrs == SETUP_ADDRS)
		return admin_usage("more than %d addresses", SETUP_ADDRS);
	setup_add_addr(su, &a);
	return 0;
}

static int read_port(const char *option, const char *text, uint16_t *out)
{
	uint64_t port;

	if (!text)
		return 0;
	if (text_to_uint(text, 1, 65535, &port))
		return admin_usage("%s %s: want a port, 1 to 65535", option, text);
	*out = (uint16_t)port;
	return 0;
}

struct words {
	const char *domain, *primary, *primary_port, *notify_port, *hostname;
	bool show_keys;
};

static int take_words(struct setup *su, const struct words *w)
{
	const char *bad;
	int code;

	if (!w->domain)
		return admin_usage("which zone? --domain DOMAIN");
	bad = setup_domain(w->domain, su->apex, su->domain);
	if (bad)
		return admin_usage("--domain %s %s", w->domain, bad);
	if (w->hostname) {
		bad = setup_domain(w->hostname, su->host, su->hostname);
		if (bad)
			return admin_usage("--hostname %s %s", w->hostname, bad);
	}
	code = read_port("--notify-port", w->notify_port, &su->notify_port);
	if (!code)
		code = read_port("--primary-port", w->primary_port, &su->primary.port);
	if (code)
		return code;
	if (w->primary) {
		bad = setup_primary_from_text(su, w->primary);
		if (bad)
			return admin_usage("--primary %s %s", w->primary, bad);
	}
	if (!su->cert_file != !su->cert_key_file)
		return admin_usage("--cert and --key belong together");
	if (su->primary_key_file && su->kind != PRIMARY_REMOTE)
		return admin_usage("--primary-key-file is for --primary ADDR:PORT");
	return 0;
}

static int read_options(int argc, char **argv, struct setup *su, struct words *w)
{
	const struct admin_option options[] = {
		{ .name = "domain", .value = &w->domain },
		{ .name = "primary", .value = &w->primary },
		{ .name = "primary-key-file", .value = &su->primary_key_file },
		{ .name = "primary-port", .value = &w->primary_port },
		{ .name = "notify-port", .value = &w->notify_port },
		{ .name = "address", .each = add_address, .arg = su },
		{ .name = "hostname", .value = &w->hostname },
		{ .name = "cert", .value = &su->cert_file },
		{ .name = "key", .value = &su->cert_key_file },
		{ .name = "public", .on = &su->is_public },
		{ .name = "admin-key", .on = &su->want_admin_key },
		{ .name = "show-keys", .on = &w->show_keys },
		{ .name = "force", .on = &su->force },
		{ .name = "root", .value = &su->root },
		{ .name = "dry-run", .on = &su->dry_run },
		{ 0 },
	};
	int n = admin_options(argc, argv, options);

	if (n < 0)
		return -n;
	if (n && !w->domain) {
		w->domain = argv[1];
		n--;
	}
	if (n)
		return admin_usage("'%s' is one word too many", argv[2]);
	return take_words(su, w);
}

/* --- what it says -------------------------------------------------------- */

static void print_delegation(const struct setup *su)
{
	const char *parent = strchr(su->domain, '.') + 1;
	char text[INET6_ADDRSTRLEN];
	int width = (int)(strlen(su->domain) > strlen(su->hostname) ? strlen(su->domain) :
								      strlen(su->hostname)) + 1;
	size_t i;

	if (su->kind == PRIMARY_REMOTE)
		return;
	printf("\nPut these lines into the zone %s, or have whoever runs it do so:\n", parent);
	printf("  %s.%*s NS    %s.\n", su->domain, width - (int)strlen(su->domain) - 1, "",
	       su->hostname);
	/* Below the zone that is delegated (or the parent), nobody else has them. */
	for (i = 0; i < su->n_addrs; i++) {
		bool v4 = net_is_v4(&su->addrs[i]);

		inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &su->addrs[i].ip.s6_addr[12] :
			  su->addrs[i].ip.s6_addr, text, sizeof(text));
		if (dname_within(su->host, dname_skip(su->apex, 1)))
			printf("  %s.%*s %-5s %s\n", su->hostname,
			       width - (int)strlen(su->hostname) - 1, "", v4 ? "A" : "AAAA", text);
	}
}

static void print_next(const struct setup *su, bool daemon_runs)
{
	puts("\nNext:");
	if (su->root) {
		puts("  nothing was started or reloaded (--root)");
		return;
	}
	if (!su->primary_runs)
		printf("  %s\n", setup_primary_of(su->kind)->start);
	if (!daemon_runs)
		puts("  systemctl enable --now btmm-dnsd");
	puts("  btmm-dnsd check");
	printf("  btmm-dnsd host add NAME.%s\n", su->domain);
}

static void print_result(const struct setup *su, const struct words *w, bool daemon_runs)
{
	char text[NET_TEXT_SIZE];
	struct buf key = { 0 };

	net_to_text(&su->primary, text);
	if (su->dry_run)
		printf("%s would be set up", su->domain);
	else if (!files_differ(su->files))
		printf("%s is set up already", su->domain);
	else
		printf("%s is set up", su->domain);
	printf(", with %s at %s as its primary.\n", setup_primary_of(su->kind)->name, text);
	files_report(su->files, stdout);
	if (su->notes.len)
		printf("\nNote:\n%s", buf_text(&su->notes));
	if (su->dry_run)
		return;

	printf("\nThe server is %s; clients that want to be sure pin its TLS key:\n  %s\n",
	       su->hostname, su->pin);
	if (w->show_keys) {
		key_line(&su->account_key, &key);
		printf("The account's key: %s", buf_text(&key));
		buf_free(&key);
	}
	print_delegation(su);
	print_next(su, daemon_runs);
}

int cmd_setup(int argc, char **argv)
{
	struct setup su = { 0 };
	struct words w = { 0 };
	struct why why = { 0 };
	int code = read_options(argc, argv, &su, &w), err;
	bool daemon_runs = false;

	if (code)
		return code;
	err = setup_do(&su, &why);
	if (err) {
		code = admin_fail(admin_code(err), "%s", why.text);
	} else {
		err = su.root || su.dry_run ? 1 : admin_reload(CONF_CONTROL_SOCKET, &why);
		daemon_runs = !err;
		if (err < 0)
			setup_note(&su, "the running btmm-dnsd does not take this: %s", why.text);
		print_result(&su, &w, daemon_runs);
		if (err < 0)
			code = admin_code(err);
	}
	setup_free(&su);
	return code;
}

int cmd_account_add(int argc, char **argv)
{
	return cmd_setup(argc, argv);
}
