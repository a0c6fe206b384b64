// SPDX-License-Identifier: GPL-2.0-or-later
/* TLS 1.2 and 1.3 (RFC 7858, 8310), by OpenSSL, on sockets that do not block. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "transport_int.h"

/* RFC 8446 5.1 and 4: type, version and length of a record; type and length in it. */
#define RECORD_HANDSHAKE	22
#define CLIENT_HELLO		1
#define RECORD_HEAD		5
#define HELLO_HEAD		(RECORD_HEAD + 4)

/* Of a socket as OpenSSL's own, but without SIGPIPE. */
static int bio_write(BIO *bio, const char *data, int len)
{
	const struct stream *s = BIO_get_data(bio);
	ssize_t n = send(s->watch.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int bio_read(BIO *bio, char *data, int size)
{
	const struct stream *s = BIO_get_data(bio);
	ssize_t n = recv(s->watch.fd, data, size, MSG_DONTWAIT);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	if (!n)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)num;
	(void)ptr;
	if (cmd == BIO_CTRL_EOF)
		return !!BIO_test_flags(bio, BIO_FLAGS_IN_EOF);
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *stream_bio(void)
{
	static BIO_METHOD *method;

	if (method)
		return method;
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (!method)
		return NULL;
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_ctrl(method, bio_ctrl);
	return method;
}

int tls_begin(struct stream *s)
{
	BIO_METHOD *method = stream_bio();
	BIO *bio = method ? BIO_new(method) : NULL;

	if (!bio)
		return -ENOMEM;
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	s->ssl = SSL_new(s->t->tls);
	if (!s->ssl) {
		BIO_free(bio);
		return -ENOMEM;
	}
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_accept_state(s->ssl);
	return 0;
}

/* What a call that returned @ret <= 0 wants. */
static int outcome(struct stream *s, int ret)
{
	s->want_out = false;
	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		s->want_out = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		ERR_clear_error();
		return -EPROTO;
	}
}

static void read_low_water(struct stream *s, int octets)
{
	setsockopt(s->watch.fd, SOL_SOCKET, SO_RCVLOWAT, &octets, sizeof(octets));
}

/*
 * OpenSSL takes some 40 kB for the first octet, and what a ClientHello of four octets
 * announces; half-open clients by the thousand are to cost neither. So the first record
 * stays in the kernel until it is whole, and has to be plausible. 0, -EAGAIN or -EPROTO.
 */
static int await_hello(struct stream *s)
{
	uint8_t b[HELLO_HEAD];
	ssize_t n = recv(s->watch.fd, b, sizeof(b), MSG_PEEK | MSG_DONTWAIT);
	int want = sizeof(b), have = 0;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -EPROTO;
	if (!n || b[0] != RECORD_HANDSHAKE)
		return -EPROTO;
	if (n == sizeof(b)) {
		int record = b[3] << 8 | b[4], hello = b[6] << 16 | b[7] << 8 | b[8];

		if (b[5] != CLIENT_HELLO || record > SSL3_RT_MAX_PLAIN_LENGTH ||
		    record < HELLO_HEAD - RECORD_HEAD || hello > SSL3_RT_MAX_PLAIN_LENGTH)
			return -EPROTO;
		want = RECORD_HEAD + record;
	}
	/* Woken without what it was to wait for: the rest will not come. */
	if (want == s->hello || (!ioctl(s->watch.fd, FIONREAD, &have) && have >= want)) {
		if (s->hello)
			read_low_water(s, 1);
		return 0;
	}
	s->hello = want;
	read_low_water(s, want);
	return -EAGAIN;
}

int tls_handshake(struct stream *s)
{
	int ret, err;

	if (!s->ssl) {
		err = await_hello(s);
		if (!err)
			err = tls_begin(s);
		if (err)
			return err;
	}
	ERR_clear_error();
	ret = SSL_do_handshake(s->ssl);
	if (ret == 1) {
		s->want_out = false;
		s->handshaken = true;
		return 0;
	}
	err = outcome(s, ret);
	return err ? err : -EPROTO;
}

ssize_t tls_read(struct stream *s, uint8_t *buf, size_t size)
{
	size_t n;

	ERR_clear_error();
	if (SSL_read_ex(s->ssl, buf, size, &n)) {
		s->want_out = false;
		return (ssize_t)n;
	}
	return outcome(s, 0);
}

ssize_t tls_write(struct stream *s, const uint8_t *buf, size_t len)
{
	size_t n;
	int err;

	ERR_clear_error();
	if (SSL_write_ex(s->ssl, buf, len, &n)) {
		s->want_out = false;
		return (ssize_t)n;
	}
	err = outcome(s, 0);
	return err ? err : -EPIPE;
}

/* As far as it goes without waiting. */
void tls_bye(struct stream *s)
{
	if (!s->handshaken)
		return;
	ERR_clear_error();
	SSL_shutdown(s->ssl);
	ERR_clear_error();
}

bool transport_exporter(struct transport *t, uint64_t stream, const char *label,
			uint8_t out[32])
{
	struct stream *s = stream_find(t, stream);

	if (!s || !s->handshaken)
		return false;
	/* Without it two sessions can have one secret: RFC 9266 4.2. */
	if (SSL_version(s->ssl) < TLS1_3_VERSION && SSL_get_extms_support(s->ssl) != 1)
		return false;
	return SSL_export_keying_material(s->ssl, out, 32, label, strlen(label),
					  (const uint8_t *)"", 0, 1) == 1;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char dot[] = "\3dot";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	/* Who offers others only has meant this port nevertheless. */
	if (SSL_select_next_proto(&chosen, out_len, dot, sizeof(dot) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return 0;
}

static SSL_CTX *make_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
				 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	/* Sessions are in the clients' tickets, not in our memory. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	return ctx;
}

static const char *reason(void)
{
	unsigned long err = ERR_peek_last_error();
	const char *text;

	if (ERR_SYSTEM_ERROR(err))
		return strerror(ERR_GET_REASON(err));
	text = ERR_reason_error_string(err);
	return text ? text : "no reason given";
}

int transport_set_certificate(struct transport *t, const char *cert_file, const char *key_file,
			      char *why, size_t why_size)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = make_context();
	if (!ctx) {
		snprintf(why, why_size, "OpenSSL does not start: %s", reason());
		return -EIO;
	}

	if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1) {
		snprintf(why, why_size, "%s is no certificate that can be used: %s", cert_file,
			 reason());
	} else if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1) {
		snprintf(why, why_size, "%s is no private key that can be used for %s: %s",
			 key_file, cert_file, reason());
	} else if (SSL_CTX_check_private_key(ctx) != 1) {
		snprintf(why, why_size, "the key in %s is not that of the certificate in %s",
			 key_file, cert_file);
	} else {
		/* Each open session holds a reference to its own. */
		SSL_CTX_free(t->tls);
		t->tls = ctx;
		return 0;
	}
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return -EINVAL;
}
