// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets and TLS streams of the load. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define CHANNEL_LABEL	"EXPORTER-btmm-dnsd-channel"
#define CHANNEL_LEN	32
#define LINK_IN		(DNS_MAX + 2)

int link_udp(const struct sockaddr_in *from, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 4 << 20, one = 1;

	if (fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	if ((from && bind(fd, (const struct sockaddr *)from, sizeof(*from))) ||
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		die("a UDP socket: %s", strerror(errno));
	return fd;
}

static SSL_CTX *context(void)
{
	static SSL_CTX *ctx;

	if (!ctx) {
		ctx = SSL_CTX_new(TLS_client_method());
		if (!ctx)
			die("TLS cannot be had");
		/* Who the server is does not matter here; memory of this side neither. */
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	}
	return ctx;
}

void tls_link_open(struct tls_link *l, const struct sockaddr_in *to)
{
	int one = 1;

	memset(l, 0, sizeof(*l));
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)to, sizeof(*to)))
		die("cannot connect: %s", strerror(errno));
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	l->ssl = SSL_new(context());
	if (!l->ssl || !SSL_set_fd(l->ssl, l->fd) || SSL_connect(l->ssl) != 1)
		die("TLS: %s", ERR_reason_error_string(ERR_get_error()));
}

void tls_link_send(struct tls_link *l, const uint8_t *msg, size_t len)
{
	uint8_t buf[2 + 4096];

	if (len > sizeof(buf) - 2)
		die("a message of %zu octets", len);
	dns_put16(buf, (uint16_t)len);
	memcpy(buf + 2, msg, len);
	if (SSL_write(l->ssl, buf, (int)len + 2) != (int)len + 2)
		die("TLS: the stream broke");
}

static bool fill(struct tls_link *l, bool wait)
{
	int flags = fcntl(l->fd, F_GETFL), n, err;

	if (!l->in)
		l->in = must_alloc(1, LINK_IN);
	fcntl(l->fd, F_SETFL, wait ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
	n = SSL_read(l->ssl, l->in + l->have, (int)(LINK_IN - l->have));
	err = n > 0 ? SSL_ERROR_NONE : SSL_get_error(l->ssl, n);
	fcntl(l->fd, F_SETFL, flags);
	if (n > 0)
		l->have += (size_t)n;
	else if (wait || err != SSL_ERROR_WANT_READ)
		die("TLS: the server closed the stream (%d)", err);
	return n > 0;
}

size_t tls_link_read(struct tls_link *l, const uint8_t **msg, bool wait)
{
	static uint8_t out[DNS_MAX];
	size_t len;

	for (;;) {
		len = l->have >= 2 ? dns_u16(l->in) : 0;
		if (l->have >= 2 && l->have >= len + 2)
			break;
		if (!fill(l, wait))
			return 0;
	}
	memcpy(out, l->in + 2, len);
	l->have -= len + 2;
	memmove(l->in, l->in + len + 2, l->have);
	if (!l->have) {
		free(l->in);
		l->in = NULL;
	}
	*msg = out;
	return len;
}

void tls_link_bind(struct tls_link *l, const struct tsig_key *key, const uint8_t *zone)
{
	uint8_t option[4 + CHANNEL_LEN], buf[2048];
	const uint8_t *answer;
	size_t len;

	dns_put16(option, EDNS_CHANNEL);
	dns_put16(option + 2, CHANNEL_LEN);
	if (SSL_export_keying_material(l->ssl, option + 4, CHANNEL_LEN, CHANNEL_LABEL,
				       strlen(CHANNEL_LABEL), (const uint8_t *)"", 0, 1) != 1)
		die("TLS: no exporter");
	len = wire_query(key, zone, 1, option, sizeof(option), buf, sizeof(buf));
	tls_link_send(l, buf, len);
	len = tls_link_read(l, &answer, true);
	if (len < DNS_HEADER || dns_rcode(answer))
		die("the session was not bound: RCODE %u", len < 4 ? 99 : dns_rcode(answer));
}
