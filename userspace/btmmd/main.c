// SPDX-License-Identifier: GPL-2.0-or-later
/* btmmd: the daemon ("run"), and what root does before charon runs ("prepare-charon"). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../lib/dns/name.h"
#include "../lib/text/number.h"
#include "charon.h"
#include "daemon.h"
#include "program.h"
#include "upnp_child.h"

enum { EXIT_USAGE = 2 };

static const char help[] =
"usage: btmmd run [--config FILE]\n"
"       btmmd prepare-charon [--wait SECONDS] DIR\n"
"\n"
"run             the daemon of this host: finds, publishes and connects it\n"
"prepare-charon  writes the configuration of its charon into DIR, for\n"
"                btmm-charon.service; fails when another IKE daemon has the port\n"
"  --config FILE  instead of /etc/btmm/btmmd.conf\n"
"  --wait SECONDS  what stands in the way is said, and may go within that time\n"
"  --help, --version\n"
"\n"
"btmmd(8) and btmmd.conf(5) tell more; 'btmm-ctl status' shows how it is.\n";

/* --- prepare-charon ---------------------------------------------------------------- */

/* @aes: whether AES comes first, set if the owner says so. */
static int try_prepare(const char *dir, bool *aes, char why[DAEMON_WHY])
{
	struct charon_conf c = { .group = "btmmd" };
	struct btmmd_conf *conf = NULL;
	char vici[4096];
	int err = conf_load(NULL, &conf, why);

	if (!err)
		err = charon_port_free(why, DAEMON_WHY);
	if (!err) {
		snprintf(vici, sizeof(vici), "%s/vici", dir);
		c.device = conf->device;
		c.vici = vici;
		if (conf->cipher != CONF_CIPHER_AUTO)
			*aes = conf->cipher == CONF_CIPHER_AES;
		err = charon_prepare(dir, &c, why, DAEMON_WHY);
	}
	conf_free(conf);
	return err;
}

static int prepare_charon(const char *dir, unsigned int patience)
{
	char why[DAEMON_WHY], said[DAEMON_WHY] = "";
	bool aes = charon_cpu_has_aes();
	int err;

	while ((err = try_prepare(dir, &aes, why))) {
		if (strcmp(why, said))
			fprintf(stderr, "btmmd: %s\n", why);
		strcpy(said, why);
		if (!patience--)
			return EXIT_FAILURE;
		sleep(1);
	}
	err = charon_packets_wait();
	if (err)
		fprintf(stderr, "btmmd: first packets to a host will be lost: %s\n",
			strerror(-err));
	err = charon_first_sa(aes);
	if (err)
		fprintf(stderr, "btmmd: the kernel makes no SAs: %s\n", strerror(-err));
	return EXIT_SUCCESS;
}

static int usage(const char *what, const char *word)
{
	fprintf(stderr, "btmmd: %s%s%s%s\ntry: btmmd --help\n", what, word ? " '" : "",
		word ? word : "", word ? "'" : "");
	return EXIT_USAGE;
}

/* Behind a command, too. */
static bool wants_help(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	uint8_t seed[16];
	uint64_t wait = 0;

	if (argc < 2)
		return usage("say what to do", NULL);
	if (wants_help(argc, argv)) {
		fputs(help, stdout);
		return EXIT_SUCCESS;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("btmmd " BTMM_VERSION);
		return EXIT_SUCCESS;
	}
	/* By nat_path.c only */
	if (!strcmp(argv[1], UPNP_CHILD_WORD))
		return upnp_child(UPNP_CHILD_FD);
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed)) {
		fprintf(stderr, "btmmd: no random octets: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	dname_hash_init(seed);
	explicit_bzero(seed, sizeof(seed));
	if (!strcmp(argv[1], "prepare-charon")) {
		if (argc == 5 && !strcmp(argv[2], "--wait")) {
			if (text_to_uint(argv[3], 0, 3600, &wait))
				return usage("--wait wants 0 to 3600 seconds and not", argv[3]);
		} else if (argc != 3) {
			return usage("prepare-charon wants one directory", NULL);
		}
		return prepare_charon(argv[argc - 1], (unsigned int)wait);
	}
	if (strcmp(argv[1], "run"))
		return usage("there is no command", argv[1]);
	if (argc == 2)
		return program_run(NULL);
	if (argc == 4 && !strcmp(argv[2], "--config"))
		return program_run(argv[3]);
	return usage("run takes --config FILE and nothing else", NULL);
}
