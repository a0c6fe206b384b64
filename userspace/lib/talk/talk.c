// SPDX-License-Identifier: GPL-2.0-or-later
#include "talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "../dns/message.h"

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

static int connect_to(const struct talk *s, const struct sockaddr *to, socklen_t len)
{
	socklen_t err_len = sizeof(int);
	int err = 0;

	if (!connect(s->fd, to, len))
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

int talk_open(struct talk *s, const struct sockaddr *to, socklen_t len, int type,
	      unsigned int timeout_ms)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->timeout_ms = timeout_ms;
	s->end = talk_now_ms() + timeout_ms;
	s->fd = socket(to->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = s->fd < 0 ? -errno : connect_to(s, to, len);
	if (err)
		talk_close(s);
	return err;
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
static int ssl_wait(const struct talk *s, int r)
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

int talk_tls(struct talk *s, char why[TALK_WHY])
{
	static const unsigned char dot[] = { 3, 'd', 'o', 't' };
	unsigned long e;
	int r, err = 0;

	s->ctx = SSL_CTX_new(TLS_client_method());
	s->ssl = s->ctx ? SSL_new(s->ctx) : NULL;
	if (!s->ssl || !SSL_set_fd(s->ssl, s->fd) ||
	    !SSL_set_min_proto_version(s->ssl, TLS1_2_VERSION)) {
		snprintf(why, TALK_WHY, "out of memory");
		return -ENOMEM;
	}
	SSL_set_alpn_protos(s->ssl, dot, sizeof(dot));
	while (!err && (r = SSL_connect(s->ssl)) != 1) {
		errno = 0;
		err = ssl_wait(s, r);
	}
	if (!err)
		return 0;
	e = ERR_peek_last_error();
	if (err == -EPROTO && e)
		ERR_error_string_n(e, why, TALK_WHY);
	else
		snprintf(why, TALK_WHY, "%s", strerror(-err));
	ERR_clear_error();
	return err;
}

int talk_server_key(const struct talk *s, uint8_t out[TALK_KEY_LEN])
{
	X509 *x = SSL_get1_peer_certificate(s->ssl);
	unsigned char *der = NULL;
	int len = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : 0;

	if (len > 0)
		SHA256(der, (size_t)len, out);
	OPENSSL_free(der);
	X509_free(x);
	return len > 0 ? 0 : -ENOENT;
}

/* --- octets -------------------------------------------------------------- */

static int move_some(struct talk *s, uint8_t *p, size_t len, bool out)
{
	ssize_t n;

	errno = 0;
	if (s->ssl) {
		n = out ? SSL_write(s->ssl, p, (int)len) : SSL_read(s->ssl, p, (int)len);
		return n > 0 ? (int)n : ssl_wait(s, (int)n);
	}
	n = out ? send(s->fd, p, len, MSG_NOSIGNAL) : recv(s->fd, p, len, 0);
	if (n > 0)
		return (int)n;
	if (!n)
		return -ECONNRESET;
	if (errno != EAGAIN && errno != EINTR)
		return -errno;
	return wait_for(s, out ? POLLOUT : POLLIN, s->end);
}

static int move_all(struct talk *s, uint8_t *p, size_t len, bool out)
{
	int n;

	while (len) {
		n = move_some(s, p, len, out);
		if (n < 0)
			return n;
		p += n;
		len -= (size_t)n;
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
	return move_all(s, all, 2 + len, true);
}

int talk_recv_message(struct talk *s, uint8_t *buf, size_t *len)
{
	uint8_t head[2];
	int err;

	s->end = talk_now_ms() + s->timeout_ms;
	err = move_all(s, head, sizeof(head), false);
	if (err)
		return err;
	*len = dns_u16(head);
	return move_all(s, buf, *len, false);
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
