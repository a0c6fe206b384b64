// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl peer add - and --file: many peers, in few system calls.
 *
 * Two passes: read and check the whole file, then send. Nothing is changed by
 * a file with a wrong line.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/rtnl/rtnl.h"
#include "out.h"
#include "peer.h"

#define LINE_MAX_LEN	512
#define LINE_WORDS	16
#define REPORTED_MAX	20

/* What is kept of a line; a hundred thousand of these are 14 MB. */
struct loaded {
	struct at_peer peer;
	unsigned int line;
	bool route;
	bool refused;
};

struct load {
	const char *name;
	struct loaded *peers;
	size_t n, size;
	size_t failures;
	int worst;
	struct nl_conn *conn;
	/* Of the batch that runs: request number to peer, what it does. */
	size_t *map;
	const char *doing;
	time_t began;
	time_t shown;
};

static int load_wrong(const struct load *l, unsigned int line, const char *why)
{
	fprintf(stderr, "btmm-ctl: peer add: %s:%u: %s\n", l->name, line, why);
	return CTL_USAGE;
}

static int load_line(struct load *l, char *text, unsigned int number)
{
	char *argv[LINE_WORDS], *save = NULL, *p;
	struct peer_line line;
	struct loaded *peer;
	int argc = 0;

	p = strchr(text, '#');
	if (p)
		*p = '\0';
	for (p = strtok_r(text, " \t\r\n", &save); p;
	     p = strtok_r(NULL, " \t\r\n", &save)) {
		if (argc == LINE_WORDS)
			return load_wrong(l, number, "there are too many words");
		argv[argc++] = p;
	}
	if (!argc)
		return CTL_OK;

	if (!peer_line_read(&line, true, false, argc, argv))
		return load_wrong(l, number, line.why);

	if (l->n == l->size) {
		size_t size = l->size ? 2 * l->size : 1024;
		struct loaded *peers;

		peers = reallocarray(l->peers, size, sizeof(*peers));
		if (!peers)
			return fail_with(CTL_FAILED, "out of memory");
		l->peers = peers;
		l->size = size;
	}

	peer = &l->peers[l->n++];
	memset(peer, 0, sizeof(*peer));
	peer->peer = line.peer;
	peer->line = number;
	peer->route = line.route == ROUTE_ADD;
	return CTL_OK;
}

static int load_read(struct load *l, FILE *f)
{
	char text[LINE_MAX_LEN + 2];
	unsigned int number = 0;
	size_t wrong = 0, len;
	int err;

	/* fgets() gives no length: a NUL shows by the newline it hides. */
	while (fgets(text, sizeof(text), f)) {
		number++;
		len = strlen(text);
		if (len == sizeof(text) - 1 && text[len - 1] != '\n')
			return load_wrong(l, number, "the line is too long");
		if ((!len || text[len - 1] != '\n') && !feof(f))
			return load_wrong(l, number, "this is no text");

		err = load_line(l, text, number);
		if (err == CTL_FAILED)
			return err;
		if (err && ++wrong == REPORTED_MAX) {
			fputs("btmm-ctl: peer add: more lines may be wrong\n",
			      stderr);
			break;
		}
	}
	if (ferror(f))
		return fail_with(CTL_FAILED, "cannot read %s: %s", l->name,
				 strerror(errno));
	if (wrong) {
		fputs("No peer was added. Try 'btmm-ctl help peer add'.\n",
		      stderr);
		return CTL_USAGE;
	}

	return CTL_OK;
}

static void load_refused(size_t number, int err, void *arg)
{
	struct load *l = arg;
	struct loaded *peer = &l->peers[l->map[number]];
	char ula[ADDR_TEXT_SIZE];

	peer->refused = true;
	if (!l->failures)
		l->worst = exit_code(err);
	else if (l->worst != exit_code(err))
		l->worst = CTL_FAILED;

	if (l->failures++ < REPORTED_MAX)
		fprintf(stderr, "btmm-ctl: peer add: %s:%u: cannot %s %s: %s\n",
			l->name, peer->line, l->doing,
			text_from_ula(&peer->peer.ula, ula), l->conn->error);
}

static void load_progress(struct load *l, size_t done)
{
	time_t now = time(NULL);

	if (now == l->shown || now - l->began < 2 || !isatty(STDERR_FILENO))
		return;

	l->shown = now;
	fprintf(stderr, "\r%s: %zu of %zu ", l->doing, done, l->n);
}

/* Peers first, then the routes of those that the kernel took. */
static int load_send(struct load *l, struct nl_conn *c, bool routes,
		     const struct device *dev)
{
	static struct nl_batch b;
	struct at_msg req = {
		.cmd = AUTOTUNNEL_CMD_PEER_NEW,
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX) |
			AT_BIT(AUTOTUNNEL_A_PEER),
		.ifindex = dev->ifindex,
	};
	size_t i, msg;
	int err;

	l->conn = c;
	l->doing = routes ? "add the route to" : "add";
	nl_batch_init(&b, c, load_refused, l);

	for (i = 0; i < l->n; i++) {
		if (routes && (l->peers[i].refused || !l->peers[i].route))
			continue;
		err = nl_batch_reserve(&b);
		if (err)
			goto broken;

		l->map[b.count] = i;
		if (routes) {
			msg = rtnl_route_begin(&b.w, true, dev->ifindex,
					       &l->peers[i].peer.ula);
		} else {
			msg = nl_genl_begin(&b.w, c, req.cmd, 0);
			req.peer = l->peers[i].peer;
			at_msg_encode(&b.w, &req);
		}
		nl_batch_added(&b, msg);
		if (!(i & 1023))
			load_progress(l, i);
	}

	err = nl_batch_flush(&b);
	if (!err)
		return CTL_OK;
broken:
	return fail_kernel(c, err, "cannot %s all peers", l->doing);
}

int peer_load(const char *file, const char *dev_name)
{
	struct load l = { .name = file ? file : "standard input" };
	struct nl_conn *c, *route;
	FILE *f = stdin;
	struct device dev;
	size_t added = 0, i;
	int err;

	if (file) {
		f = fopen(file, "re");
		if (!f)
			return fail_with(CTL_FAILED, "cannot open %s: %s", file,
					 strerror(errno));
	}
	err = load_read(&l, f);
	if (file)
		fclose(f);
	if (!err)
		err = kernel_open(&c);
	if (!err)
		err = kernel_open_route(&route);
	if (!err)
		err = kernel_find_device(dev_name, &dev);
	if (err)
		goto out;

	l.map = calloc(l.n + 1, sizeof(*l.map));
	if (!l.map) {
		err = fail_with(CTL_FAILED, "out of memory");
		goto out;
	}

	l.began = time(NULL);
	err = load_send(&l, c, false, &dev);
	for (i = 0; i < l.n; i++)
		added += !l.peers[i].refused;
	if (!err)
		err = load_send(&l, route, true, &dev);
	if (l.shown)
		fputs("\r\033[K", stderr);
	if (l.failures > REPORTED_MAX)
		warn("and %zu more were refused", l.failures - REPORTED_MAX);
	if (!err) {
		fprintf(stderr, "%zu of %zu peers added\n", added, l.n);
		err = l.failures ? l.worst : CTL_OK;
	}

out:
	free(l.map);
	free(l.peers);
	return err;
}
