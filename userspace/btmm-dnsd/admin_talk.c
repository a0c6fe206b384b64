// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "admin_talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "../lib/dns/message.h"

uint64_t talk_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Until @events, or -ETIMEDOUT at @end. */
static int wait_for(const struct talk *s, short events, uint64_t end)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	uint64_t now;
	int n;

	for (;;) {
		now = talk_now_ms();
		if (now >= end)
			return -ETIMEDOUT;
		n = poll(&p, 1, end - now > 60000 ? 60000 : (int)(end - now));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int connect_to(struct talk *s, const struct net_addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len = net_to_sockaddr(to, &ss), err_len = sizeof(int);
	int err = 0;

	if (!connect(s->fd, (struct sockaddr *)&ss, len))
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	err = wait_for(s, POLLOUT, s->end);
	if (err)
		return err;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &err_len))
		return -errno;
	return -err;
}

int talk_open(struct talk *s, const struct net_addr *to, bool tcp,
	      unsigned int timeout_ms, struct why *why)
{
	char text[NET_TEXT_SIZE];
	int err;

	memset(s, 0, sizeof(*s));
	s->timeout_ms = timeout_ms;
	s->end = talk_now_ms() + timeout_ms;
	s->fd = socket(net_is_v4(to) ? AF_INET : AF_INET6,
		       (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = s->fd < 0 ? -errno : connect_to(s, to);
	if (err) {
		talk_close(s);
		return why_set(why, err, "%s cannot be reached: %s", net_to_text(to, text),
			       strerror(-err));
	}
	return 0;
}

void talk_close(struct talk *s)
{
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
	if (s->fd >= 0)
		close(s->fd);
	memset(s, 0, sizeof(*s));
	s->fd = -1;
}

/* --- TLS ----------------------------------------------------------------- */

/* What an SSL function wants before it is called again; 0: again. */
static int ssl_wait(struct talk *s, int r)
{
	switch (SSL_get_error(s->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(s, POLLIN, s->end);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(s, POLLOUT, s->end);
	case SSL_ERROR_ZERO_RETURN:
		return -ECONNRESET;
	case SSL_ERROR_SYSCALL:
		return errno ? -errno : -ECONNRESET;
	default:
		return -EPROTO;
	}
}

static void pin_of(struct talk *s, char *pin, size_t size)
{
	X509 *x = SSL_get1_peer_certificate(s->ssl);
	unsigned char *der = NULL;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char text[64];
	int len = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : 0;

	if (len > 0) {
		SHA256(der, (size_t)len, digest);
		base64_text(digest, sizeof(digest), text);
		snprintf(pin, size, "sha256//%s", text);
	}
	OPENSSL_free(der);
	X509_free(x);
}

int talk_tls(struct talk *s, char *pin, size_t pin_size, struct why *why)
{
	static const unsigned char dot[] = { 3, 'd', 'o', 't' };
	char text[256];
	int r, err = 0;

	s->ctx = SSL_CTX_new(TLS_client_method());
	s->ssl = s->ctx ? SSL_new(s->ctx) : NULL;
	if (!s->ssl || !SSL_set_fd(s->ssl, s->fd))
		return why_set(why, -ENOMEM, "out of memory");
	SSL_set_alpn_protos(s->ssl, dot, sizeof(dot));

	while ((r = SSL_connect(s->ssl)) != 1 && !err) {
		errno = 0;
		err = ssl_wait(s, r);
	}
	if (err) {
		unsigned long e = ERR_peek_last_error();

		ERR_error_string_n(e, text, sizeof(text));
		ERR_clear_error();
		return why_set(why, err, "TLS cannot be begun: %s",
			       err == -EPROTO && e ? text : strerror(-err));
	}
	if (pin)
		pin_of(s, pin, pin_size);
	return 0;
}

/* --- octets -------------------------------------------------------------- */

static int send_all(struct talk *s, const uint8_t *p, size_t len)
{
	ssize_t n;
	int err;

	while (len) {
		errno = 0;
		if (s->ssl)
			n = SSL_write(s->ssl, p, (int)len);
		else
			n = send(s->fd, p, len, MSG_NOSIGNAL);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (s->ssl)
			err = ssl_wait(s, (int)n);
		else if (errno == EAGAIN || errno == EINTR)
			err = wait_for(s, POLLOUT, s->end);
		else
			err = -errno;
		if (err)
			return err;
	}
	return 0;
}

static int recv_all(struct talk *s, uint8_t *p, size_t len)
{
	ssize_t n;
	int err;

	while (len) {
		errno = 0;
		if (s->ssl)
			n = SSL_read(s->ssl, p, (int)len);
		else
			n = recv(s->fd, p, len, 0);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (s->ssl)
			err = ssl_wait(s, (int)n);
		else if (!n)
			err = -ECONNRESET;
		else if (errno == EAGAIN || errno == EINTR)
			err = wait_for(s, POLLIN, s->end);
		else
			err = -errno;
		if (err)
			return err;
	}
	return 0;
}

int talk_send_message(struct talk *s, const uint8_t *msg, size_t len)
{
	uint8_t all[2 + DNS_MAX];

	if (len > DNS_MAX)
		return -EMSGSIZE;
	s->end = talk_now_ms() + s->timeout_ms;
	dns_put16(all, (uint16_t)len);
	memcpy(all + 2, msg, len);
	return send_all(s, all, 2 + len);
}

int talk_recv_message(struct talk *s, uint8_t *buf, size_t *len)
{
	uint8_t head[2];
	int err;

	s->end = talk_now_ms() + s->timeout_ms;
	err = recv_all(s, head, sizeof(head));
	if (err)
		return err;
	*len = dns_u16(head);
	return recv_all(s, buf, *len);
}

int talk_send_datagram(struct talk *s, const uint8_t *msg, size_t len)
{
	return send(s->fd, msg, len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int talk_recv_datagram(struct talk *s, uint64_t end, uint8_t *buf, size_t size, size_t *len)
{
	ssize_t n;
	int err;

	for (;;) {
		n = recv(s->fd, buf, size, 0);
		if (n >= 0) {
			*len = (size_t)n;
			return 0;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		err = wait_for(s, POLLIN, end);
		if (err)
			return err;
	}
}
