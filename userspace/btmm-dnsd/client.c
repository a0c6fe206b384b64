// SPDX-License-Identifier: GPL-2.0-or-later
#include "client.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../lib/dns/message.h"

#define READ_OCTETS	65536
/* A server that vanished without a word: probes when idle, unacknowledged data. */
#define KEEP_IDLE_S	30
#define KEEP_INTERVAL_S	5
#define KEEP_PROBES	4
#define UNACKED_MS	10000

enum client_state { CLOSED, CONNECTING, OPEN };

struct client {
	sd_event *event;
	sd_event_source *io;
	const struct client_ops *ops;
	void *arg;
	struct net_addr addr;
	enum client_state state;
	bool ended;		/* by the server, between two messages */
	int fd;
	uint32_t events;
	uint8_t *in, *out;	/* an unfinished message; what the kernel did not take */
	size_t in_len, in_size, out_pos, out_len, out_size;
	uint64_t taken, sent, received;
	unsigned int era;	/* counts connections: has a callback ended this one? */
	bool *freed;		/* set when it is freed in a callback */
};

struct client *client_new(sd_event *event, const struct net_addr *addr,
			  const struct client_ops *ops, void *arg)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->event = sd_event_ref(event);
	c->addr = *addr;
	c->ops = ops;
	c->arg = arg;
	c->fd = -1;
	return c;
}

void client_close(struct client *c)
{
	if (c->state == CLOSED)
		return;
	c->state = CLOSED;
	c->era++;
	c->io = sd_event_source_disable_unref(c->io);
	close(c->fd);
	c->fd = -1;
	free(c->in);
	free(c->out);
	c->in = NULL;
	c->out = NULL;
	c->in_len = 0;
	c->in_size = 0;
	c->out_pos = 0;
	c->out_len = 0;
	c->out_size = 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	if (c->freed)
		*c->freed = true;
	client_close(c);
	sd_event_unref(c->event);
	free(c);
}

bool client_is_alive(const struct client *c)
{
	return c->state != CLOSED;
}

bool client_is_open(const struct client *c)
{
	return c->state == OPEN;
}

bool client_was_ended(const struct client *c)
{
	return c->ended;
}

uint64_t client_taken(const struct client *c)
{
	return c->taken;
}

uint64_t client_sent(const struct client *c)
{
	return c->sent;
}

uint64_t client_received(const struct client *c)
{
	return c->received;
}

static void watch(struct client *c)
{
	uint32_t events = EPOLLIN;

	if (c->state == CONNECTING)
		events = EPOLLOUT;
	else if (c->out_len)
		events |= EPOLLOUT;
	if (events == c->events)
		return;
	c->events = events;
	sd_event_source_set_io_events(c->io, events);
}

static void down(struct client *c, const char *why)
{
	client_close(c);
	c->ops->down(c->arg, why);
}

static ssize_t send_iov(int fd, struct iovec *iov, size_t n)
{
	struct msghdr h = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t sent;

	do
		sent = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}

static bool queue(struct client *c, const uint8_t *p, size_t n)
{
	size_t size;
	uint8_t *grown;

	if (c->out_pos + c->out_len + n > c->out_size) {
		size = c->out_len + n + c->out_len / 2 + 512;
		grown = malloc(size);
		if (!grown)
			return false;
		if (c->out_len)
			memcpy(grown, c->out + c->out_pos, c->out_len);
		free(c->out);
		c->out = grown;
		c->out_size = size;
		c->out_pos = 0;
	}
	memcpy(c->out + c->out_pos + c->out_len, p, n);
	c->out_len += n;
	return true;
}

int client_write(struct client *c, const uint8_t *msg, size_t len)
{
	uint8_t head[2];
	struct iovec iov[2] = { { head, 2 }, { (void *)msg, len } };
	ssize_t n = 0;

	if (c->state == CLOSED)
		return -ENOTCONN;
	if (!len || len > UINT16_MAX)
		return -EMSGSIZE;
	if (c->out_len + 2 + len > CLIENT_QUEUE_MAX)
		return -EBUSY;

	dns_put16(head, len);
	if (c->state == OPEN && !c->out_len)
		n = send_iov(c->fd, iov, 2);
	/* An error will be met again, and told, when the loop writes the queue. */
	if (n < 0)
		n = 0;

	/* With some of it gone, there is no way back: the stream is broken. */
	if ((n < 2 && !queue(c, head + n, 2 - n)) ||
	    (n < (ssize_t)(2 + len) &&
	     !queue(c, n < 2 ? msg : msg + n - 2, n < 2 ? len : 2 + len - n))) {
		if (n || c->out_len)
			shutdown(c->fd, SHUT_RDWR);
		return -ENOMEM;
	}
	c->taken += 2 + len;
	c->sent += n;
	watch(c);
	return 0;
}

/* 0, or the errno it broke with. */
static int flush(struct client *c)
{
	while (c->out_len) {
		struct iovec iov = { c->out + c->out_pos, c->out_len };
		ssize_t n = send_iov(c->fd, &iov, 1);

		if (n < 0)
			return errno == EAGAIN ? 0 : errno;
		c->out_pos += n;
		c->out_len -= n;
		c->sent += n;
	}
	free(c->out);
	c->out = NULL;
	c->out_size = 0;
	c->out_pos = 0;
	return 0;
}

/* Hands a message up; false: this connection is not any more. */
static bool hand_up(struct client *c, uint8_t *msg, size_t len)
{
	unsigned int era = c->era;
	bool freed = false;

	c->freed = &freed;
	c->ops->message(c->arg, msg, len);
	if (freed)
		return false;
	c->freed = NULL;
	return c->era == era;
}

static bool feed(struct client *c, uint8_t *p, size_t n)
{
	while (n >= 2 && n - 2 >= dns_u16(p)) {
		size_t len = dns_u16(p);

		if (len && !hand_up(c, p + 2, len))
			return false;
		p += 2 + len;
		n -= 2 + len;
	}
	if (!n)
		return true;

	/* A server of ours: it may have room for what it announces. */
	c->in_size = n < 2 ? 2 : 2 + dns_u16(p);
	c->in = malloc(c->in_size);
	if (!c->in) {
		down(c, "out of memory");
		return false;
	}
	memcpy(c->in, p, n);
	c->in_len = n;
	return true;
}

/* What is missing of the unfinished message. */
static bool feed_rest(struct client *c)
{
	uint8_t *p = c->in;
	size_t n = c->in_len;
	bool ok;

	if (n < c->in_size)
		return true;
	c->in = NULL;
	c->in_len = 0;
	ok = feed(c, p, n);
	free(p);
	return ok;
}

static void readable(struct client *c)
{
	/* All of it is used up before anybody else reads: there is one thread. */
	static uint8_t fresh[READ_OCTETS];
	uint8_t *buf = c->in ? c->in + c->in_len : fresh;
	size_t size = c->in ? c->in_size - c->in_len : sizeof(fresh);
	ssize_t n = recv(c->fd, buf, size, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->ended = !n && !c->in;
		down(c, n ? strerror(errno) : "it closed the connection");
		return;
	}
	c->received += n;
	if (c->in) {
		c->in_len += n;
		feed_rest(c);
	} else {
		feed(c, fresh, n);
	}
}

static void connected(struct client *c)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (!err) {
		c->state = OPEN;
		err = flush(c);
	}
	if (err) {
		down(c, strerror(err));
		return;
	}
	watch(c);
	c->ops->open(c->arg);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct client *c = arg;
	int err;

	(void)source;
	(void)fd;
	if (c->state == CONNECTING) {
		connected(c);
		return 0;
	}
	if (events & EPOLLOUT && c->out_len) {
		err = flush(c);
		if (err) {
			down(c, strerror(err));
			return 0;
		}
		watch(c);
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		readable(c);
	return 0;
}

static void set_int(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

int client_connect(struct client *c)
{
	struct sockaddr_storage ss;
	socklen_t len = net_to_sockaddr(&c->addr, &ss);
	int err;

	c->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	/* Wishes. */
	set_int(c->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(c->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_int(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_int(c->fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES);
	set_int(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS);

	err = connect(c->fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS ? -errno : 0;
	c->events = EPOLLOUT;
	if (!err)
		err = sd_event_add_io(c->event, &c->io, c->fd, c->events, on_io, c);
	if (err < 0) {
		close(c->fd);
		c->fd = -1;
		return err;
	}
	c->state = CONNECTING;
	c->ended = false;
	c->taken = 0;
	c->sent = 0;
	c->received = 0;
	return 0;
}
