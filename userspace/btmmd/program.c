// SPDX-License-Identifier: GPL-2.0-or-later
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "account.h"
#include "../lib/service/pause.h"
#include "control.h"
#include "daemon.h"

/* What is to be done with the daemon, from the event loop, where nobody is within it. */
enum next { NEXT_NOTHING, NEXT_DOWN, NEXT_AGAIN };

struct program {
	sd_event *event;
	sd_event_source *later;
	const char *conf_path;
	int resolver_udp, resolver_tcp;	/* from systemd; -1 */
	struct daemon *d;		/* NULL: it is down */
	struct btmmd_control *control;
	enum next next;
	bool exiting, going_down;
	bool renamed;			/* the old name goes, then all begins again */
	/* Of a reload, for the daemon that comes. */
	struct btmmd_conf *conf;
	struct account *account;
};

static void complain(const char *why)
{
	fprintf(stderr, "<%d>btmmd: %s\n", LOG_ERR, why);
}

/* --- what it is made of -------------------------------------------------------- */

static void drop_loaded(struct program *p)
{
	conf_free(p->conf);
	p->conf = NULL;
	account_free(p->account);
	p->account = NULL;
}

/* Configuration and bundle, as they are in files now. */
static int load(struct program *p, char why[DAEMON_WHY])
{
	char text[CONF_WHY], about[STORE_WHY];
	int err;

	drop_loaded(p);
	err = conf_load(p->conf_path, &p->conf, text);
	if (err) {
		snprintf(why, DAEMON_WHY, "%s", text);
	} else {
		err = account_load(p->conf->account_directory, time(NULL), &p->account, about);
		if (err)
			snprintf(why, DAEMON_WHY, "%s", about);
	}
	if (err)
		drop_loaded(p);
	return err;
}

static int dup_of(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void finish(struct program *p)
{
	struct daemon *d = p->d;

	btmmd_control_daemon(p->control, NULL);
	p->d = NULL;
	p->going_down = false;
	if (d)
		daemon_end(d);
	free(d);
}

static void on_changed(void *arg)
{
	btmmd_control_changed(((struct program *)arg)->control);
}

static void on_ended(void *arg)
{
	struct program *p = arg;

	if (p->exiting || !p->going_down) {
		sd_event_exit(p->event, 0);
		return;
	}
	p->next = p->renamed ? NEXT_AGAIN : NEXT_DOWN;
	sd_event_source_set_enabled(p->later, SD_EVENT_ONESHOT);
}

/* With what load() has loaded. */
static int begin(struct program *p, char why[DAEMON_WHY])
{
	struct daemon *d = calloc(1, sizeof(*d));
	int err;

	if (!d) {
		snprintf(why, DAEMON_WHY, "no memory");
		return -ENOMEM;
	}
	d->state_dir = -1;
	d->event = p->event;
	d->conf = p->conf;
	p->conf = NULL;
	d->account = p->account;
	p->account = NULL;
	d->resolver_udp = dup_of(p->resolver_udp);
	d->resolver_tcp = dup_of(p->resolver_tcp);
	d->changed = on_changed;
	d->changed_arg = p;
	d->ended = on_ended;
	d->ended_arg = p;
	p->d = d;
	err = daemon_begin(d, why);
	if (err < 0)
		finish(p);
	else
		btmmd_control_daemon(p->control, d);
	return err;
}

/* --- what the control socket and signals ask for ------------------------------- */

static int on_later(sd_event_source *source, void *arg)
{
	struct program *p = arg;
	enum next next = p->next;
	char why[DAEMON_WHY];

	(void)source;
	p->next = NEXT_NOTHING;
	if (next == NEXT_DOWN) {
		finish(p);
		sd_notify(0, "STATUS=Down ('btmm-ctl up' lets it go on)");
		if (p->exiting)
			sd_event_exit(p->event, 0);
	} else if (next == NEXT_AGAIN && p->d && (!p->d->stopping || p->renamed)) {
		int err = p->renamed ? load(p, why) : 0;

		p->renamed = false;
		/* What wants a restart stays as it is until then. */
		if (!err)
			conf_keep(p->conf, p->d->conf);
		finish(p);
		if (err || begin(p, why) < 0) {
			complain(why);
			sd_event_exit(p->event, EXIT_FAILURE);
		}
	}
	return 0;
}

static int up(void *arg, char why[DAEMON_WHY])
{
	struct program *p = arg;
	int err;

	if (p->d && !p->d->stopping)
		return 0;
	if (p->d) {
		snprintf(why, DAEMON_WHY, "it is still on its way down: try again in a moment");
		return -EBUSY;
	}
	err = load(p, why);
	err = err ? err : begin(p, why);
	if (err >= 0)
		sd_notify(0, "STATUS=");
	return err < 0 ? err : 0;
}

static void down(void *arg)
{
	struct program *p = arg;

	p->renamed = false;
	if (!p->d || p->d->stopping)
		return;
	p->going_down = true;
	daemon_stop(p->d, true);
}

static int reload(void *arg, struct btmmd_reloaded *out, char why[DAEMON_WHY])
{
	struct program *p = arg;
	unsigned int change, account;
	int err;

	*out = (struct btmmd_reloaded){ 0 };
	if (p->next == NEXT_AGAIN)
		p->next = NEXT_NOTHING;
	err = load(p, why);
	if (err)
		return err;
	/* Who is down reads it when going up. */
	if (!p->d || p->d->stopping) {
		drop_loaded(p);
		return 0;
	}
	change = conf_compare(p->d->conf, p->conf, &out->wants_restart);
	account = account_compare(p->d->account, p->account);
	if (account)
		change |= CONF_ACCOUNT;
	if (account & ACCOUNT_HOST) {
		/* Others take nobody for us who has our address beside our old name. */
		out->again = true;
		p->renamed = true;
		p->going_down = true;
		drop_loaded(p);
		daemon_stop(p->d, false);
		return 0;
	}
	if (change & ~(unsigned int)(CONF_PUBLISH | CONF_RESTART)) {
		out->again = true;
		p->next = NEXT_AGAIN;
		sd_event_source_set_enabled(p->later, SD_EVENT_ONESHOT);
		return 0;
	}
	if (change & CONF_PUBLISH) {
		out->published = true;
		conf_swap_published(p->d->conf, p->conf);
		daemon_publish(p->d);
	}
	drop_loaded(p);
	return 0;
}

static int on_reload(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct btmmd_reloaded done;
	char why[DAEMON_WHY];

	(void)s;
	(void)si;
	if (reload(arg, &done, why))
		complain(why);
	else if (done.wants_restart)
		fprintf(stderr, "<%d>btmmd: %s counts from the next start on: %s\n", LOG_WARNING,
			done.wants_restart, "'systemctl restart btmmd'");
	return 0;
}

static int on_end(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct program *p = arg;

	(void)s;
	(void)si;
	sd_notify(0, "STOPPING=1");
	p->exiting = true;
	if (!p->d)
		sd_event_exit(p->event, 0);
	else
		daemon_stop(p->d, false);
	return 0;
}

/* Another one comes at once: what is published, mapped and connected is for it to go on with. */
static int on_leave(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct program *p = arg;

	(void)s;
	(void)si;
	sd_notify(0, "STOPPING=1");
	sd_event_exit(p->event, 0);
	return 0;
}

/* --- begun and ended ----------------------------------------------------------- */

static int watch_signals(struct program *p)
{
	static const struct {
		int number;
		sd_event_signal_handler_t handler;
	} all[] = {
		{ SIGTERM, on_end }, { SIGINT, on_end }, { SIGUSR1, on_leave },
		{ SIGHUP, on_reload },
	};
	sigset_t mask;
	size_t i;
	int r = 0;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		sigaddset(&mask, all[i].number);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof(all) / sizeof(*all) && r >= 0; i++)
		r = sd_event_add_signal(p->event, NULL, all[i].number, all[i].handler, p);
	return r;
}

/* Port 53 needs a privilege that we do not have: systemd may have bound it. */
static void take_sockets(struct program *p)
{
	int i, n = sd_listen_fds(1);

	for (i = SD_LISTEN_FDS_START; i < SD_LISTEN_FDS_START + n; i++) {
		if (sd_is_socket(i, AF_UNSPEC, SOCK_DGRAM, -1) > 0 && p->resolver_udp < 0)
			p->resolver_udp = i;
		else if (sd_is_socket(i, AF_UNSPEC, SOCK_STREAM, 1) > 0 && p->resolver_tcp < 0)
			p->resolver_tcp = i;
		else
			close(i);
	}
}

static int start(struct program *p, char why[DAEMON_WHY])
{
	static const struct btmmd_control_ops ops = { up, down, reload };
	int err = sd_event_default(&p->event);

	if (err >= 0)
		err = watch_signals(p);
	if (err >= 0)
		err = sd_event_add_defer(p->event, &p->later, on_later, p);
	if (err < 0) {
		snprintf(why, DAEMON_WHY, "no event loop: %s", strerror(-err));
		return err;
	}
	sd_event_source_set_enabled(p->later, SD_EVENT_OFF);
	sd_event_set_watchdog(p->event, 1);
	take_sockets(p);
	err = load(p, why);
	/* First, so that one that runs already is not disturbed. */
	err = err ? err : btmmd_control_new(p->event, p->conf->control_socket, &ops, p,
					    &p->control, why);
	return err ? err : begin(p, why);
}

int program_run(const char *conf_path)
{
	struct program p = { .conf_path = conf_path, .resolver_udp = -1, .resolver_tcp = -1 };
	char why[DAEMON_WHY];
	int err;

	umask(077);
	err = start(&p, why);
	if (err < 0) {
		complain(why);
		service_pause(SERVICE_PAUSE);
	} else {
		sd_notify(0, "READY=1");
		err = sd_event_loop(p.event);
	}
	finish(&p);
	btmmd_control_free(p.control);
	drop_loaded(&p);
	sd_event_source_disable_unref(p.later);
	sd_event_unref(p.event);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
