// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS lives between two memory BIOs: what comes goes into one, what is to be sent is
 * taken out of the other, which is also the queue of a connection without TLS.
 */
#include "dns_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../lib/dns/message.h"
#include "../lib/llq/push_client.h"

#define READ_OCTETS	16384
#define READ_TURNS	8
#define IN_SIZE		(2 + DNS_MAX + READ_OCTETS)
#define STEADY_MS	10000		/* a connection that lived that long is no failure */
/* A server that vanished without a word: probes when idle, unacknowledged data. */
#define KEEP_IDLE_S	120
#define KEEP_INTERVAL_S	10
#define KEEP_PROBES	3
#define UNACKED_MS	10000

enum link_state {
	LINK_CLOSED,
	LINK_WAITING,		/* it may not yet, or has failed at once */
	LINK_CONNECTING,
	LINK_SHAKING,
	LINK_OPEN,
};

struct dns_link {
	sd_event *event;
	sd_event_source *io, *timer;
	const struct dns_link_ops *ops;
	void *arg;
	struct dns_link_config config;
	enum link_state state;
	int fd;
	SSL *ssl;
	BIO *in_bio, *out_bio;	/* of the session; without TLS @out_bio is our own */
	const char *why;	/* the server is refused */
	uint8_t *in;
	size_t in_len;
	unsigned int failures;
	uint64_t not_before, opened;	/* ms */
	unsigned int era;	/* counts connections: has a call-back ended this one? */
	bool *freed;		/* set when it is freed in a call-back */
};

/* --- places --- */

socklen_t dns_place_sockaddr(const struct dns_place *p, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (IN6_IS_ADDR_V4MAPPED(&p->ip)) {
		four->sin_family = AF_INET;
		four->sin_port = htons(p->port);
		memcpy(&four->sin_addr, p->ip.s6_addr + 12, 4);
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(p->port);
	six->sin6_addr = p->ip;
	return sizeof(*six);
}

const char *dns_place_text(const struct dns_place *p, char out[DNS_PLACE_TEXT])
{
	char ip[INET6_ADDRSTRLEN] = "";
	bool four = IN6_IS_ADDR_V4MAPPED(&p->ip);

	inet_ntop(four ? AF_INET : AF_INET6, p->ip.s6_addr + (four ? 12 : 0), ip, sizeof(ip));
	snprintf(out, DNS_PLACE_TEXT, four ? "%s:%u" : "[%s]:%u", ip, p->port);
	return out;
}

bool dns_place_is_astray(const struct dns_place *p, int fd)
{
	struct sockaddr_storage to, was = { 0 }, now = { 0 };
	socklen_t len = dns_place_sockaddr(p, &to), was_len = sizeof(was), now_len = sizeof(now);
	/* No packet is sent: this asks the routing table. */
	int probe = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool astray = true;

	if (probe < 0)
		return false;
	if (!connect(probe, (struct sockaddr *)&to, len) &&
	    !getsockname(probe, (struct sockaddr *)&now, &now_len) &&
	    !getsockname(fd, (struct sockaddr *)&was, &was_len)) {
		if (to.ss_family == AF_INET)
			astray = ((struct sockaddr_in *)&was)->sin_addr.s_addr !=
				 ((struct sockaddr_in *)&now)->sin_addr.s_addr;
		else
			astray = !IN6_ARE_ADDR_EQUAL(&((struct sockaddr_in6 *)&was)->sin6_addr,
						     &((struct sockaddr_in6 *)&now)->sin6_addr);
	}
	close(probe);
	return astray;
}

/* --- life --- */

static uint64_t now_ms(const struct dns_link *l)
{
	uint64_t us;

	return sd_event_now(l->event, CLOCK_BOOTTIME, &us) < 0 ? 0 : us / 1000;
}

static void timer_at(struct dns_link *l, uint64_t ms)
{
	sd_event_source_set_time(l->timer, ms * 1000);
	sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static int on_time(sd_event_source *s, uint64_t usec, void *arg);

struct dns_link *dns_link_new(sd_event *event, const struct dns_link_config *config,
			      const struct dns_link_ops *ops, void *arg)
{
	struct dns_link *l;

	if (!config->trust && !config->clear)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->event = sd_event_ref(event);
	l->config = *config;
	l->ops = ops;
	l->arg = arg;
	l->fd = -1;
	l->in = malloc(IN_SIZE);
	if (!l->in ||
	    sd_event_add_time(event, &l->timer, CLOCK_BOOTTIME, 0, 1000, on_time, l) < 0 ||
	    sd_event_source_set_enabled(l->timer, SD_EVENT_OFF) < 0) {
		dns_link_free(l);
		return NULL;
	}
	return l;
}

void dns_link_free(struct dns_link *l)
{
	if (!l)
		return;
	if (l->freed)
		*l->freed = true;
	dns_link_close(l, false);
	sd_event_source_disable_unref(l->timer);
	sd_event_unref(l->event);
	free(l->in);
	free(l);
}

/* Sends what there is; 0 or negative errno. */
static int flush(struct dns_link *l)
{
	char *p;
	long n;

	while (l->out_bio && (n = BIO_get_mem_data(l->out_bio, &p)) > 0) {
		ssize_t sent = send(l->fd, p, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
		uint8_t gone[4096];

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -errno;
		while (sent > 0) {
			int k = BIO_read(l->out_bio, gone, sent < (ssize_t)sizeof(gone) ?
							   (int)sent : (int)sizeof(gone));

			if (k <= 0)
				return -EIO;
			sent -= k;
		}
	}
	return 0;
}

void dns_link_close(struct dns_link *l, bool reset)
{
	static const struct linger now = { .l_onoff = 1 };
	bool was_open = l->state == LINK_OPEN;

	if (l->state == LINK_CLOSED)
		return;
	l->state = LINK_CLOSED;
	l->era++;
	sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	l->io = sd_event_source_disable_unref(l->io);
	if (was_open && !reset) {
		/* As far as it goes without waiting. */
		ERR_clear_error();
		if (l->ssl)
			SSL_shutdown(l->ssl);
		flush(l);
	}
	if (l->fd >= 0) {
		if (reset)
			setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(l->fd);
	}
	l->fd = -1;
	if (l->ssl)
		SSL_free(l->ssl);
	else
		BIO_free(l->out_bio);
	l->ssl = NULL;
	l->in_bio = NULL;
	l->out_bio = NULL;
	l->in_len = 0;
}

static void down(struct dns_link *l, const char *why)
{
	uint64_t now = now_ms(l), wait = DNS_LINK_WAIT;
	bool refused = l->why;
	unsigned int i;

	if (l->why)
		why = l->why;
	if (l->state == LINK_OPEN && now - l->opened >= STEADY_MS)
		l->failures = 0;
	for (i = 0; i < l->failures && wait < DNS_LINK_WAIT_MAX; i++)
		wait *= 2;
	l->failures++;
	l->not_before = now + (wait < DNS_LINK_WAIT_MAX ? wait : DNS_LINK_WAIT_MAX);
	l->why = NULL;
	dns_link_close(l, true);
	l->ops->down(l->arg, why, refused);
}

void dns_link_forgive(struct dns_link *l)
{
	l->failures = 0;
	l->not_before = 0;
	if (l->state == LINK_WAITING)
		timer_at(l, 0);
}

void dns_link_connect(struct dns_link *l)
{
	if (l->state != LINK_CLOSED)
		return;
	l->state = LINK_WAITING;
	timer_at(l, l->not_before);
}

bool dns_link_is_open(const struct dns_link *l)
{
	return l->state == LINK_OPEN;
}

bool dns_link_is_astray(const struct dns_link *l)
{
	return l->fd >= 0 && dns_place_is_astray(&l->config.to, l->fd);
}

/* --- octets --- */

static void watch(struct dns_link *l)
{
	uint32_t events = EPOLLIN;

	if (l->state == LINK_CONNECTING)
		events = EPOLLOUT;
	else if (l->out_bio && BIO_pending(l->out_bio) > 0)
		events |= EPOLLOUT;
	sd_event_source_set_io_events(l->io, events);
}

int dns_link_write(struct dns_link *l, const uint8_t *msg, size_t len)
{
	uint8_t *buf;
	size_t done = 0;
	int n;

	if (l->state != LINK_OPEN)
		return -ENOTCONN;
	if (!len || len > DNS_MAX)
		return -EMSGSIZE;
	if (BIO_pending(l->out_bio) + len > DNS_LINK_QUEUE)
		return -EBUSY;
	/* Length and message together (RFC 7766 8) */
	buf = malloc(2 + len);
	if (!buf)
		return -ENOMEM;
	dns_put16(buf, (uint16_t)len);
	memcpy(buf + 2, msg, len);
	ERR_clear_error();
	if (l->ssl)
		n = SSL_write_ex(l->ssl, buf, 2 + len, &done) ? (int)done : -1;
	else
		n = BIO_write(l->out_bio, buf, (int)(2 + len));
	free(buf);
	ERR_clear_error();
	if (n != (int)(2 + len)) {
		/* Whatever it is, the loop meets the end of it. */
		shutdown(l->fd, SHUT_RDWR);
		return -ENOMEM;
	}
	/* By the loop: what is written in one turn of it shares a segment. */
	watch(l);
	return 0;
}

/* Hands a message up; false: this connection is not any more. */
static bool hand_up(struct dns_link *l, uint8_t *msg, size_t len)
{
	unsigned int era = l->era;
	bool freed = false;

	l->freed = &freed;
	l->ops->message(l->arg, msg, len);
	if (freed)
		return false;
	l->freed = NULL;
	return l->era == era;
}

/* False: the connection is not any more. */
static bool feed(struct dns_link *l)
{
	size_t at = 0;

	while (l->in_len - at >= 2) {
		size_t len = dns_u16(l->in + at);

		if (l->in_len - at - 2 < len)
			break;
		if (len && !hand_up(l, l->in + at + 2, len))
			return false;
		at += 2 + len;
	}
	l->in_len -= at;
	memmove(l->in, l->in + at, l->in_len);
	return true;
}

static bool is_open(struct dns_link *l)
{
	uint8_t channel[PUSH_CHANNEL_LEN];
	unsigned int era = l->era;
	bool freed = false, has = false;

	l->state = LINK_OPEN;
	l->opened = now_ms(l);
	sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	if (l->ssl)
		has = dns_trust_exporter(l->ssl, PUSH_CHANNEL_LABEL, channel);
	l->freed = &freed;
	l->ops->open(l->arg, has ? channel : NULL);
	explicit_bzero(channel, sizeof(channel));
	if (freed)
		return false;
	l->freed = NULL;
	return l->era == era;
}

/* Goes on with TLS. False: the connection is not any more. */
static bool advance(struct dns_link *l)
{
	size_t n;

	ERR_clear_error();
	if (l->state == LINK_SHAKING) {
		int ret = SSL_do_handshake(l->ssl);

		if (ret != 1) {
			int err = SSL_get_error(l->ssl, ret);

			ERR_clear_error();
			flush(l);
			if (err == SSL_ERROR_WANT_READ)
				return true;
			down(l, "TLS cannot be agreed on");
			return false;
		}
		if (!is_open(l))
			return false;
	}
	while (SSL_read_ex(l->ssl, l->in + l->in_len, IN_SIZE - l->in_len, &n)) {
		l->in_len += n;
		if (!feed(l))
			return false;
		ERR_clear_error();
	}
	switch (SSL_get_error(l->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
		ERR_clear_error();
		return true;
	case SSL_ERROR_ZERO_RETURN:
		down(l, "the server closed the connection");
		return false;
	default:
		ERR_clear_error();
		down(l, "the TLS stream is broken");
		return false;
	}
}

static void readable(struct dns_link *l)
{
	uint8_t fresh[READ_OCTETS];
	unsigned int turns;
	bool plain = !l->ssl;
	ssize_t n;
	int err;

	for (turns = 0; turns < READ_TURNS; turns++) {
		n = recv(l->fd, plain ? l->in + l->in_len : fresh,
			 plain ? IN_SIZE - l->in_len : sizeof(fresh), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			down(l, n ? strerror(errno) : "the server closed the connection");
			return;
		}
		if (plain) {
			l->in_len += (size_t)n;
			if (!feed(l))
				return;
			continue;
		}
		if (BIO_write(l->in_bio, fresh, (int)n) != n) {
			down(l, "out of memory");
			return;
		}
		if (!advance(l))
			return;
	}
	err = flush(l);
	if (err)
		down(l, strerror(-err));
	else
		watch(l);
}

static void connected(struct dns_link *l)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		down(l, strerror(err));
		return;
	}
	if (l->config.trust) {
		l->ssl = dns_trust_session(l->config.trust, &l->in_bio, &l->out_bio, &l->why);
		if (!l->ssl) {
			down(l, "out of memory");
			return;
		}
		l->state = LINK_SHAKING;
		if (!advance(l))
			return;
	} else {
		l->out_bio = BIO_new(BIO_s_mem());
		if (!l->out_bio) {
			down(l, "out of memory");
			return;
		}
		if (!is_open(l))
			return;
	}
	err = flush(l);
	if (err)
		down(l, strerror(-err));
	else
		watch(l);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct dns_link *l = arg;
	int err;

	(void)source;
	(void)fd;
	if (l->state == LINK_CONNECTING) {
		connected(l);
		return 0;
	}
	if (events & EPOLLOUT) {
		err = flush(l);
		if (err) {
			down(l, strerror(-err));
			return 0;
		}
		watch(l);
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		readable(l);
	return 0;
}

static void set_int(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

static int begin(struct dns_link *l)
{
	struct sockaddr_storage ss;
	socklen_t len = dns_place_sockaddr(&l->config.to, &ss);

	l->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	/* Wishes. */
	set_int(l->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(l->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(l->fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_int(l->fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_int(l->fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES);
	set_int(l->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS);
	if (connect(l->fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS)
		return -errno;
	if (sd_event_add_io(l->event, &l->io, l->fd, EPOLLOUT, on_io, l) < 0)
		return -ENOMEM;
	l->state = LINK_CONNECTING;
	timer_at(l, now_ms(l) + DNS_LINK_CONNECT);
	return 0;
}

static int on_time(sd_event_source *s, uint64_t usec, void *arg)
{
	struct dns_link *l = arg;
	int err;

	(void)s;
	(void)usec;
	if (l->state != LINK_WAITING) {
		down(l, "the server does not answer in time");
		return 0;
	}
	err = begin(l);
	if (err)
		down(l, strerror(-err));
	return 0;
}
