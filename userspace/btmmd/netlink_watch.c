// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "netlink_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define RECEIVE_BUFFER	(1 << 20)	/* of the kernel: a burst of a container machine */
#define DATAGRAM	65536		/* a dump's are up to half of that */
#define BATCH		64		/* datagrams, before others have their turn */

struct netlink_watch {
	const struct netlink_watch_ops *ops;
	void *arg;
	struct netwatch *engine;
	struct mnl_socket *nl;
	sd_event *event;
	sd_event_source *io, *timer;
	bool was_ready, was_partial;
	int last_error;
	uint8_t buf[DATAGRAM];
};

static uint64_t now_ms(const struct netlink_watch *w)
{
	uint64_t us;

	return sd_event_now(w->event, CLOCK_BOOTTIME, &us) < 0 ? 0 : us / 1000;
}

static void trouble(struct netlink_watch *w, int err, const char *what)
{
	/* Once each, not as often as it is tried again. */
	if (err != w->last_error)
		w->ops->trouble(w->arg, err, what);
	w->last_error = err;
}

static void send_requests(struct netlink_watch *w, uint64_t now)
{
	uint8_t out[NETWATCH_REQUEST];
	size_t len;

	while ((len = netwatch_output(w->engine, now, out))) {
		/* What is not sent is not answered, and asked again after a while. */
		if (mnl_socket_sendto(w->nl, out, len) < 0)
			trouble(w, -errno, "rtnetlink takes no request");
	}
}

/* What the engine has to say and to send, and when it is to be asked again. */
static int pump(struct netlink_watch *w)
{
	uint64_t now = now_ms(w), at;
	bool first, told;
	int err;

	send_requests(w, now);
	told = netwatch_tell(w->engine, now, w->ops->event, w->arg);
	first = !w->was_ready && netwatch_is_ready(w->engine);
	w->was_ready |= first;
	if (told || first)
		w->ops->settled(w->arg);
	if (netwatch_error(w->engine))
		trouble(w, netwatch_error(w->engine), "rtnetlink refuses to tell");
	if (!w->was_partial && netwatch_is_partial(w->engine)) {
		w->was_partial = true;
		w->ops->trouble(w->arg, -E2BIG,
				"there are more interfaces, addresses or routes than are watched");
	}

	at = netwatch_deadline(w->engine);
	if (at == UINT64_MAX)
		return sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
	err = sd_event_source_set_time(w->timer, at * 1000);
	return err < 0 ? err : sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

/* Octets of a datagram from the kernel; 0: of somebody else; negative errno */
static ssize_t receive(struct netlink_watch *w)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = w->buf, .iov_len = sizeof(w->buf) };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
	};
	ssize_t n = recvmsg(mnl_socket_get_fd(w->nl), &msg, 0);

	if (n < 0)
		return -errno;
	/* What is cut off has to be asked for again. */
	if (msg.msg_flags & MSG_TRUNC)
		return -ENOBUFS;
	return msg.msg_namelen == sizeof(from) && !from.nl_pid ? n : 0;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct netlink_watch *w = arg;
	unsigned int i;
	ssize_t n;

	(void)s;
	(void)fd;
	(void)revents;
	for (i = 0; i < BATCH; i++) {
		n = receive(w);
		if (n == -EAGAIN)
			break;
		if (n == -EINTR)
			continue;
		if (n == -ENOBUFS)
			netwatch_overrun(w->engine, now_ms(w));
		else if (n < 0)
			trouble(w, (int)n, "rtnetlink cannot be read");
		else if (n && netwatch_input(w->engine, now_ms(w), w->buf, (size_t)n))
			trouble(w, -EBADMSG, "rtnetlink sends what cannot be understood");
	}
	return pump(w);
}

static int on_time(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	return pump(arg);
}

static int open_socket(struct netlink_watch *w)
{
	const unsigned int groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
				    RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;
	int size = RECEIVE_BUFFER, on = 1, fd;

	w->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->nl)
		return -errno;
	fd = mnl_socket_get_fd(w->nl);
	/* Beyond the limit for those who may, which we do, with CAP_NET_ADMIN */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* Kernels look at what is asked for in dumps, such as no statistics. */
	mnl_socket_setsockopt(w->nl, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return mnl_socket_bind(w->nl, groups, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

int netlink_watch_new(sd_event *event, const struct netlink_watch_ops *ops, void *arg,
		      struct netlink_watch **out)
{
	struct netlink_watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->ops = ops;
	w->arg = arg;
	w->event = sd_event_ref(event);
	w->engine = netwatch_new();
	err = w->engine ? open_socket(w) : -ENOMEM;
	if (err >= 0)
		err = sd_event_add_io(event, &w->io, mnl_socket_get_fd(w->nl), EPOLLIN,
				      on_readable, w);
	/* At once: the first thing to do is to ask. */
	if (err >= 0)
		err = sd_event_add_time(event, &w->timer, CLOCK_BOOTTIME, 0, 1000, on_time, w);
	if (err < 0) {
		netlink_watch_free(w);
		return err;
	}
	*out = w;
	return 0;
}

void netlink_watch_free(struct netlink_watch *w)
{
	if (!w)
		return;
	sd_event_source_disable_unref(w->io);
	sd_event_source_disable_unref(w->timer);
	if (w->nl)
		mnl_socket_close(w->nl);
	netwatch_free(w->engine);
	sd_event_unref(w->event);
	free(w);
}

const struct netwatch *netlink_watch_engine(const struct netlink_watch *w)
{
	return w->engine;
}
