// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmmd's part of IKE on its own, for selftests/btmmd/ike.t: peers come as lines on
 * standard input, what happens goes out as lines.
 *
 *	ike-drive prepare DIR DEVICE LOG
 *	ike-drive run NAME DEVICE VICI-SOCKET CERT KEY AUTHORITY
 *
 *	local ULA | ready on|off | settled | peer NAME ULA | gone NAME |
 *	call ULA | unknown-spi ULA | status
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../btmmd/charon.h"
#include "../btmmd/vici_conn.h"
#include "../btmmd/xfrm_guard.h"

#define FILE_MAX	16384
#define LINE_SIZE	512

struct drive {
	sd_event *event;
	struct ike_manager *m;
	struct vici_conn *vici;
	struct xfrm_guard *guard;
	struct peer {
		char name[IKE_NAME];
		struct in6_addr ula;
		struct peer *next;
	} *peers;
	char line[LINE_SIZE];
	size_t len;
};

static const char *const states[] = { "waiting", "trap", "calling", "up", "refused" };

static int complain(const char *what, int err)
{
	printf("error %s: %s\n", what, strerror(err < 0 ? -err : err));
	return 1;
}

static void show(struct drive *d, const char *name)
{
	char ula[INET6_ADDRSTRLEN];
	struct ike_walk w = { 0 };
	struct ike_status s;

	while (ike_manager_next(d->m, &w, vici_conn_now(d->vici), &s)) {
		if (name && strcmp(name, s.name))
			continue;
		inet_ntop(AF_INET6, &s.ula, ula, sizeof(ula));
		printf("%s %s %s %s ike %u children %u age %llu in %llu out %llu suite %s: %s\n",
		       name ? "state" : "status", s.name, ula, states[s.state], s.ike_sas,
		       s.children, (unsigned long long)s.age, (unsigned long long)s.bytes_in,
		       (unsigned long long)s.bytes_out, *s.suite ? s.suite : "-", s.error);
	}
}

static void on_action(void *arg, const struct ike_action *a)
{
	struct drive *d = arg;
	int ret;

	switch (a->kind) {
	case IKE_READ_AGAIN:
		printf("read-again %s\n", a->name);
		break;
	case IKE_AUDIT:
		ret = xfrm_guard_audit(d->guard, d->m, vici_conn_now(d->vici));
		if (ret)
			complain("audit", ret);
		break;
	case IKE_VERIFY:
		ret = xfrm_guard_verify(d->guard, d->m, vici_conn_now(d->vici));
		if (ret)
			complain("verify", ret);
		break;
	case IKE_SWEEP:
		ret = xfrm_guard_sweep(d->guard, &a->sa);
		printf("sweep %08x\n", a->sa.spi);
		if (ret)
			complain("sweep", ret);
		break;
	case IKE_CHANGED:
		show(d, a->name);
		break;
	case IKE_STOPPED:
		break;
	}
}

static void on_state(void *arg, bool up, const char *why)
{
	(void)arg;
	printf("charon %s %s\n", up ? "up" : "down", why);
}

static void on_acquire(void *arg, const struct in6_addr *peer)
{
	struct drive *d = arg;

	ike_peer_call(d->m, peer, IKE_WHY_ACQUIRE, vici_conn_now(d->vici));
	vici_conn_kick(d->vici);
}

static void on_trouble(void *arg, int err, const char *what)
{
	(void)arg;
	(void)err;
	printf("error %s\n", what);
}

/* --- lines --- */

static int set_peer(struct drive *d, const char *name, const struct in6_addr *ula)
{
	struct peer *p;
	int ret;

	for (p = d->peers; p && strcmp(p->name, name); p = p->next)
		;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		snprintf(p->name, sizeof(p->name), "%s", name);
		p->next = d->peers;
		d->peers = p;
	}
	ret = ike_peer_set(d->m, name, ula, vici_conn_now(d->vici));
	if (ret)
		return ret;
	if (memcmp(&p->ula, ula, sizeof(*ula)))
		xfrm_guard_del(d->guard, &p->ula);
	p->ula = *ula;
	return xfrm_guard_add(d->guard, ula);
}

static void end_peer(struct drive *d, const char *name)
{
	struct peer **at = &d->peers, *p;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	p = *at;
	if (!p)
		return;
	ike_peer_remove(d->m, name, vici_conn_now(d->vici));
	xfrm_guard_del(d->guard, &p->ula);
	*at = p->next;
	free(p);
}

static int obey_address(struct drive *d, const char *word, const char *text)
{
	uint64_t now = vici_conn_now(d->vici);
	struct in6_addr ula;

	if (inet_pton(AF_INET6, text, &ula) != 1)
		return -EINVAL;
	if (!strcmp(word, "local"))
		ike_manager_local(d->m, &ula, now);
	else if (!strcmp(word, "call"))
		ike_peer_call(d->m, &ula, IKE_WHY_ASKED, now);
	else if (!strcmp(word, "unknown-spi"))
		ike_peer_call(d->m, &ula, IKE_WHY_UNKNOWN_SPI, now);
	else
		return -EINVAL;
	return 0;
}

static int obey(struct drive *d, const char *line)
{
	char word[32] = "", one[IKE_NAME] = "", two[64] = "";
	uint64_t now = vici_conn_now(d->vici);
	struct in6_addr ula;

	sscanf(line, "%31s %253s %63s", word, one, two);
	if (!strcmp(word, "ready")) {
		ike_manager_ready(d->m, !strcmp(one, "on"), now);
	} else if (!strcmp(word, "settled")) {
		ike_manager_settled(d->m, now);
		xfrm_guard_settled(d->guard);
	} else if (!strcmp(word, "gone")) {
		end_peer(d, one);
	} else if (!strcmp(word, "status")) {
		ike_manager_refresh(d->m);
		show(d, NULL);
	} else if (!strcmp(word, "peer")) {
		return inet_pton(AF_INET6, two, &ula) == 1 ? set_peer(d, one, &ula) : -EINVAL;
	} else {
		return obey_address(d, word, one);
	}
	return 0;
}

static int on_stdin(sd_event_source *src, int fd, uint32_t events, void *arg)
{
	struct drive *d = arg;
	char *end;
	ssize_t n;
	int ret;

	(void)src;
	(void)events;
	n = read(fd, d->line + d->len, sizeof(d->line) - 1 - d->len);
	if (n <= 0)
		return sd_event_exit(d->event, 0);
	d->len += (size_t)n;
	d->line[d->len] = '\0';
	while ((end = strchr(d->line, '\n'))) {
		*end = '\0';
		ret = obey(d, d->line);
		if (ret)
			complain(d->line, ret);
		d->len -= (size_t)(end + 1 - d->line);
		memmove(d->line, end + 1, d->len + 1);
	}
	if (d->len == sizeof(d->line) - 1)
		d->len = 0;
	vici_conn_kick(d->vici);
	return 0;
}

/* --- the program --- */

static struct vici_span slurp(const char *path, uint8_t *buf)
{
	FILE *f = fopen(path, "re");
	struct vici_span s = { buf, f ? fread(buf, 1, FILE_MAX, f) : 0 };

	if (f)
		fclose(f);
	return s;
}

static int prepare(char **argv)
{
	struct charon_conf conf = { .device = argv[1], .log = argv[2] };
	char error[300];

	if (charon_port_free(error, sizeof(error)) ||
	    charon_prepare(argv[0], &conf, error, sizeof(error))) {
		printf("%s\n", error);
		return 1;
	}
	return 0;
}

static int run(char **argv)
{
	static const struct vici_conn_ops vici_ops = { on_action, on_state };
	static const struct xfrm_guard_ops guard_ops = { on_acquire, on_trouble };
	static uint8_t files[3][FILE_MAX];
	struct ike_identity id = {
		.name = argv[0], .cert = slurp(argv[3], files[0]), .key = slurp(argv[4], files[1]),
		.authority = slurp(argv[5], files[2]), .aes_first = charon_cpu_has_aes(),
	};
	struct drive d = { 0 };
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	d.m = ike_manager_new(&id, &ret);
	explicit_bzero(files, sizeof(files));
	if (!d.m)
		return complain("identity", ret);
	ret = sd_event_new(&d.event);
	if (ret >= 0)
		ret = vici_conn_new(&d.vici, d.event, argv[2], d.m, &vici_ops, &d);
	if (ret >= 0)
		ret = xfrm_guard_new(&d.guard, d.event, argv[1], &guard_ops, &d);
	if (ret >= 0)
		ret = sd_event_add_io(d.event, NULL, STDIN_FILENO, EPOLLIN, on_stdin, &d);
	if (ret < 0)
		return complain("start", ret);
	printf("running\n");
	ret = sd_event_loop(d.event);
	vici_conn_free(d.vici);
	xfrm_guard_free(d.guard);
	ike_manager_free(d.m);
	while (d.peers) {
		struct peer *next = d.peers->next;

		free(d.peers);
		d.peers = next;
	}
	sd_event_unref(d.event);
	return ret < 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "prepare"))
		return prepare(argv + 2);
	if (argc == 8 && !strcmp(argv[1], "run"))
		return run(argv + 2);
	fprintf(stderr, "usage: ike-drive prepare DIR DEVICE LOG\n"
			"       ike-drive run NAME DEVICE VICI-SOCKET CERT KEY AUTHORITY\n");
	return 2;
}
