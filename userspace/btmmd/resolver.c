// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "resolver_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "noise.h"

#define BATCH		64	/* datagrams, before others have their turn */
#define BACKLOG		16
#define PORT_TRIES	16	/* until one is free for UDP and TCP */

union any_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

size_t resolver_answer(struct resolver *r, bool stream, const uint8_t *msg, size_t len)
{
	struct resolve_result result;

	len = resolve_answer(r->table, stream, msg, len, r->out + 2,
			     stream ? DNS_MAX : DNS_UDP_MAX, &result);
	if (stream)
		r->stats.tcp++;
	else
		r->stats.udp++;
	if (!len) {
		r->stats.dropped++;
		noise(NOISE_QUESTION, "a message to the resolver that is no question");
	} else if (result.in_domain) {
		r->stats.found += result.found;
		r->stats.missing += !result.found;
		if (r->asked)
			r->asked(r->arg, &result);
	} else {
		r->stats.refused++;
	}
	return len;
}

static int on_datagram(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct resolver *r = arg;
	union any_sockaddr from;
	unsigned int i;

	(void)s;
	(void)revents;
	for (i = 0; i < BATCH; i++) {
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, r->in, sizeof(r->in), MSG_TRUNC, &from.sa, &from_len);
		size_t len;

		if (n < 0 && (errno == EAGAIN || errno == ENOMEM))
			break;
		/* Such as ECONNREFUSED, of an answer that nobody waited for */
		if (n < 0)
			continue;
		if ((size_t)n > sizeof(r->in)) {
			r->stats.dropped++;
			noise(NOISE_QUESTION, "a question of %zd octets to the resolver", n);
			continue;
		}
		len = resolver_answer(r, false, r->in, (size_t)n);
		/* When there is no room, who asked will ask again. */
		if (len && sendto(fd, r->out + 2, len, 0, &from.sa, from_len) < 0)
			r->stats.dropped++;
	}
	return 0;
}

static bool is_loopback(const struct addr *ip)
{
	return ip->len == 4 ? ip->b[0] == 127 :
	       ip->len == 16 && !memcmp(ip->b, &in6addr_loopback, 16);
}

static socklen_t make_sockaddr(const struct addr *ip, uint16_t port, union any_sockaddr *out)
{
	memset(out, 0, sizeof(*out));
	if (ip->len == 4) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(port);
		memcpy(&out->in.sin_addr, ip->b, 4);
		return sizeof(out->in);
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(port);
	memcpy(&out->in6.sin6_addr, ip->b, 16);
	return sizeof(out->in6);
}

static int bound_socket(const struct addr *ip, int type, uint16_t port)
{
	union any_sockaddr sa;
	socklen_t len = make_sockaddr(ip, port, &sa);
	int fd = socket(sa.sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, err = 0;

	if (fd < 0)
		return -errno;
	/* Connections of before a restart shall not be in the way. */
	if (type == SOCK_STREAM &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		err = -errno;
	if (!err && bind(fd, &sa.sa, len))
		err = -errno;
	if (!err && type == SOCK_STREAM && listen(fd, BACKLOG))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Of a socket, in host order; 0: it has none. */
static uint16_t port_of(int fd)
{
	union any_sockaddr sa = { 0 };
	socklen_t len = sizeof(sa);

	if (getsockname(fd, &sa.sa, &len))
		return 0;
	return ntohs(sa.sa.sa_family == AF_INET ? sa.in.sin_port : sa.in6.sin6_port);
}

static int open_sockets(struct resolver *r, const struct resolver_config *config)
{
	unsigned int tries = config->port ? 1 : PORT_TRIES;
	int err = -EADDRINUSE;

	while (tries-- && err == -EADDRINUSE) {
		r->udp = bound_socket(&config->ip, SOCK_DGRAM, config->port);
		if (r->udp < 0)
			return r->udp;
		r->port = port_of(r->udp);
		r->tcp = bound_socket(&config->ip, SOCK_STREAM, r->port);
		if (r->tcp >= 0)
			return 0;
		err = r->tcp;
		close(r->udp);
		r->udp = -1;
	}
	return err;
}

/* systemd's sockets block, unless its unit says otherwise, and others cannot be trusted. */
static int unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : 0;
}

void resolver_go(struct resolver *r)
{
	if (!r->patience)
		return;
	r->patience = sd_event_source_disable_unref(r->patience);
	sd_event_source_set_enabled(r->udp_io, SD_EVENT_ON);
	sd_event_source_set_enabled(r->tcp_io, SD_EVENT_ON);
}

static int on_patience(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	resolver_go(arg);
	return 0;
}

/* Questions wait where they are, in the sockets. */
static int make_wait(struct resolver *r, uint32_t ms)
{
	uint64_t now = 0;
	int err;

	sd_event_now(r->event, CLOCK_BOOTTIME, &now);
	err = sd_event_add_time(r->event, &r->patience, CLOCK_BOOTTIME, now + ms * UINT64_C(1000),
				1000, on_patience, r);
	if (err < 0)
		return err;
	sd_event_source_set_enabled(r->udp_io, SD_EVENT_OFF);
	sd_event_source_set_enabled(r->tcp_io, SD_EVENT_OFF);
	return 0;
}

int resolver_new(sd_event *event, const struct resolver_config *config,
		 const struct resolve *table, resolver_asked_fn asked, void *arg,
		 struct resolver **out)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int err = 0;

	if (!r) {
		if (config->udp >= 0)
			close(config->udp);
		if (config->tcp >= 0)
			close(config->tcp);
		return -ENOMEM;
	}
	r->event = sd_event_ref(event);
	r->table = table;
	r->asked = asked;
	r->arg = arg;
	r->udp = config->udp;
	r->tcp = config->tcp;
	if (r->udp >= 0 && r->tcp >= 0) {
		r->port = port_of(r->udp);
		err = unblock(r->udp);
		err = err ? err : unblock(r->tcp);
	} else if (r->udp >= 0 || r->tcp >= 0) {
		err = -EINVAL;
	} else if (is_loopback(&config->ip)) {
		err = open_sockets(r, config);
	} else {
		err = -EADDRNOTAVAIL;
	}

	if (!err)
		err = sd_event_add_io(event, &r->udp_io, r->udp, EPOLLIN, on_datagram, r);
	if (err >= 0)
		err = sd_event_add_io(event, &r->tcp_io, r->tcp, EPOLLIN, resolver_on_accept, r);
	if (err >= 0 && config->wait)
		err = make_wait(r, config->wait);
	if (err < 0) {
		resolver_free(r);
		return err;
	}
	*out = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	resolver_end_streams(r);
	sd_event_source_disable_unref(r->patience);
	sd_event_source_disable_unref(r->udp_io);
	sd_event_source_disable_unref(r->tcp_io);
	if (r->udp >= 0)
		close(r->udp);
	if (r->tcp >= 0)
		close(r->tcp);
	sd_event_unref(r->event);
	free(r);
}

uint16_t resolver_port(const struct resolver *r)
{
	return r->port;
}

const struct resolver_stats *resolver_stats(const struct resolver *r)
{
	return &r->stats;
}
