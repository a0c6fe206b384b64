// SPDX-License-Identifier: GPL-2.0-or-later
/* btmm-dnsd: the daemon ("run"), or an administrator's command (admin.h). */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "../lib/service/pause.h"
#include "admin.h"
#include "server.h"

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct server *srv = arg;
	char why[CONF_WHY_SIZE];

	(void)s;
	(void)si;
	sd_notify(0, "RELOADING=1");
	if (server_reload(srv, why, sizeof(why)))
		log_error("not reloaded, going on as before: %s", why);
	else
		log_notice("reloaded");
	sd_notify(0, "READY=1");
	return 0;
}

static int on_end(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	(void)si;
	(void)arg;
	sd_notify(0, "STOPPING=1");
	return sd_event_exit(sd_event_source_get_event(s), 0);
}

/* As many descriptors as there may be streams. */
static void raise_files(void)
{
	struct rlimit lim;

	if (!getrlimit(RLIMIT_NOFILE, &lim) && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int run_daemon(const char *conf_path)
{
	struct server *srv = NULL;
	sd_event *event = NULL;
	bool begun = false;
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_files();
	r = sd_event_new(&event);
	if (r < 0)
		goto out;
	sd_event_set_watchdog(event, 1);
	r = server_new(event, conf_path, &srv);
	if (r)
		goto out;
	r = sd_event_add_signal(event, NULL, SIGTERM, on_end, srv);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, on_end, srv);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, srv);
	if (r < 0)
		goto out;
	begun = true;
	sd_notify(0, "READY=1");
	log_notice("btmm-dnsd " BTMM_VERSION " is ready, %zu zones", srv->conf->n_zones);
	r = sd_event_loop(event);
out:
	if (r < 0)
		log_error("cannot go on: %s", strerror(-r));
	if (!begun)
		service_pause(SERVICE_PAUSE);
	server_free(srv);
	sd_event_unref(event);
	return r < 0 ? 1 : 0;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	const char *conf_path = CONF_PATH;
	int c;

	while ((c = getopt_long(argc, argv, "c:v", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			conf_path = optarg;
			break;
		case 'v':
			log_set_level(LOG_DEBUG);
			break;
		default:
			return 2;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "btmm-dnsd run: what is '%s'? (btmm-dnsd help)\n", argv[optind]);
		return 2;
	}
	return run_daemon(conf_path);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "run") && (argc < 3 || strcmp(argv[2], "--help")))
		return run(argc - 1, argv + 1);
	return admin_main(argc, argv);
}
