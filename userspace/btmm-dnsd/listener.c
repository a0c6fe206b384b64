// SPDX-License-Identifier: GPL-2.0-or-later
/* Listening sockets: making, taking over, accepting. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "transport_int.h"

#define BACKLOG		4096
#define ACCEPT_BATCH	64
/* The kernel doubles it. Answers are small; a stranger's window is not to cost more. */
#define STREAM_SNDBUF	131072
/* A peer that went without a word is found out: idle, then probes; unacknowledged data. */
#define KEEP_IDLE_S	300
#define KEEP_INTERVAL_S	30
#define KEEP_PROBES	4
#define UNACKED_MS	60000

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* What accepted sockets inherit, so that none of it costs a call for each. */
static int stream_setup(int fd)
{
	int err = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);

	if (err)
		return err;
	/* All wishes. */
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, STREAM_SNDBUF);
	return 0;
}

static int make_socket(enum transport_kind kind, const struct net_addr *addr)
{
	int type = kind == TRANSPORT_UDP ? SOCK_DGRAM : SOCK_STREAM;
	struct sockaddr_storage ss;
	socklen_t len = net_to_sockaddr(addr, &ss);
	int fd, err = 0;

	fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;

	if (ss.ss_family == AF_INET6)
		err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	/* Not for UDP, where it would let another process take our port. */
	if (!err && kind != TRANSPORT_UDP)
		err = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!err && bind(fd, (struct sockaddr *)&ss, len))
		err = -errno;
	if (!err && kind != TRANSPORT_UDP && listen(fd, BACKLOG))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* Is @fd what it is said to be? And its address and family. */
static int examine(int fd, enum transport_kind kind, struct listener *l)
{
	int type, listening, want = kind == TRANSPORT_UDP ? SOCK_DGRAM : SOCK_STREAM;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return -errno;
	len = sizeof(listening);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len))
		return -errno;
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return -errno;
	if (type != want || !listening == (want == SOCK_STREAM))
		return -EPROTOTYPE;
	if (!net_from_sockaddr(&ss, &l->addr))
		return -EAFNOSUPPORT;
	l->family = ss.ss_family;
	return 0;
}

static int append(struct transport *t, struct listener *l)
{
	struct listener **grown;

	grown = reallocarray(t->listeners, t->n_listeners + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	t->listeners = grown;
	l->index = t->n_listeners;
	grown[t->n_listeners++] = l;
	return 0;
}

static int fill(struct listener *l, struct transport *t, enum transport_kind kind)
{
	int fd = l->watch.fd;
	int err = examine(fd, kind, l);

	if (err)
		return err;
	/* One from systemd may block. */
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
		return -errno;
	err = kind == TRANSPORT_UDP ? udp_setup(fd, l->family) : stream_setup(fd);
	if (err)
		return err;

	l->t = t;
	l->kind = kind;
	l->watch.kind = kind == TRANSPORT_UDP ? WATCH_UDP : WATCH_ACCEPT;
	err = watch_add(t, &l->watch, EPOLLIN);
	return err ? err : append(t, l);
}

int listener_open(struct transport *t, enum transport_kind kind, const struct net_addr *addr,
		  int fd)
{
	struct listener *l;
	int err;

	if (fd < 0)
		fd = make_socket(kind, addr);
	if (fd < 0)
		return fd;

	l = calloc(1, sizeof(*l));
	if (!l) {
		close(fd);
		return -ENOMEM;
	}
	l->watch.fd = fd;
	err = fill(l, t, kind);
	if (err)
		listener_free(l);
	return err;
}

void listener_free(struct listener *l)
{
	close(l->watch.fd);
	free(l);
}

static void watch_all(struct transport *t, uint32_t events)
{
	int i;

	for (i = 0; i < t->n_listeners; i++) {
		if (t->listeners[i]->watch.kind == WATCH_ACCEPT)
			watch_set(t, &t->listeners[i]->watch, events);
	}
}

void listener_pause_all(struct transport *t)
{
	t->accept_at = transport_now(t) + ACCEPT_PAUSE_MS;
	watch_all(t, 0);
	waits_arm(t);
}

void listener_resume_all(struct transport *t)
{
	t->accept_at = 0;
	watch_all(t, EPOLLIN);
}

/* No descriptor or no memory for one more: a ready listener would keep us busy. */
static void starve(struct transport *t, int err)
{
	t->stats.starved++;
	log_limited(LOG_WARNING, "cannot accept a connection: %s (see LimitNOFILE=)",
		    strerror(err));
	listener_pause_all(t);
	waits_evict(t);
}

void listener_accept(struct listener *l)
{
	struct sockaddr_storage ss;
	struct net_addr peer;
	socklen_t len;
	int i, fd;

	for (i = 0; i < ACCEPT_BATCH; i++) {
		len = sizeof(ss);
		fd = accept4(l->watch.fd, (struct sockaddr *)&ss, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			if (net_from_sockaddr(&ss, &peer))
				stream_open(l, fd, &peer);
			else
				close(fd);
			continue;
		}

		switch (errno) {
		case EAGAIN:
			return;
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			starve(l->t, errno);
			return;
		}
		/* What befell that one connection: see accept(2). */
	}
}
