/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS clients that share the server's thread, and certificates made on the spot. */
#ifndef BTMM_TEST_DNSD_TLS_H
#define BTMM_TEST_DNSD_TLS_H

#include "dnsd_transport.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

static char dir[64], cert_file[100], key_file[100];

/* A new key, and a certificate for @name. */
static inline void make_certificate(const char *cert, const char *key, const char *name)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	FILE *f;

	assert_non_null(pkey);
	assert_true(X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 86400));
	assert_true(X509_set_pubkey(x, pkey));
	assert_true(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
					       (const unsigned char *)name, -1, -1, 0));
	assert_true(X509_set_issuer_name(x, subject) && X509_sign(x, pkey, EVP_sha256()));

	f = fopen(cert, "w");
	assert_non_null(f);
	assert_true(PEM_write_X509(f, x));
	assert_int_equal(fclose(f), 0);
	f = fopen(key, "w");
	assert_non_null(f);
	assert_true(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL));
	assert_int_equal(fclose(f), 0);
	X509_free(x);
	EVP_PKEY_free(pkey);
}

static inline int set_up_tls(void **state)
{
	struct fixture *f;
	char why[512];

	if (set_up(state))
		return -1;
	f = *state;
	strcpy(dir, "/tmp/test_dnsd_tls.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(cert_file, sizeof(cert_file), "%s/a.crt", dir);
	snprintf(key_file, sizeof(key_file), "%s/a.key", dir);
	make_certificate(cert_file, key_file, "a.example.com");
	if (transport_set_certificate(f->t, cert_file, key_file, why, sizeof(why)))
		fail_msg("%s", why);
	return 0;
}

static inline int tear_down_tls(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return tear_down(state) | system(cmd);
}

struct tls {
	SSL *ssl;
	int fd;
};

/* A client's settings: one version only, and what it offers. */
static inline SSL_CTX *settings(int version, const char *alpn)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	assert_non_null(ctx);
	assert_true(SSL_CTX_set_min_proto_version(ctx, version));
	assert_true(SSL_CTX_set_max_proto_version(ctx, version));
	/* what an old one would be content with */
	SSL_CTX_set_security_level(ctx, version < TLS1_2_VERSION ? 0 : 1);
	if (alpn)
		assert_int_equal(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn,
							 strlen(alpn)), 0);
	return ctx;
}

static inline struct tls start_tls(SSL_CTX *ctx, const struct net_addr *to)
{
	struct tls c = { SSL_new(ctx), client(SOCK_STREAM, to, NULL) };

	assert_non_null(c.ssl);
	assert_true(SSL_set_fd(c.ssl, c.fd));
	SSL_set_connect_state(c.ssl);
	return c;
}

/* What a call of OpenSSL returned: false when it is to be called again. */
static inline bool is_over(struct tls *c, int ret)
{
	int err = SSL_get_error(c->ssl, ret);

	return err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE;
}

/* 1 when it was done. */
static inline int shake(struct fixture *f, struct tls *c)
{
	uint64_t limit = clock_ms() + LIMIT_MS;
	int ret;

	while ((ret = SSL_do_handshake(c->ssl)) != 1) {
		if (is_over(c, ret))
			return 0;
		turn(f);
		assert_true(clock_ms() < limit);
	}
	return 1;
}

static inline struct tls connect_tls(struct fixture *f, SSL_CTX *ctx, const struct net_addr *to)
{
	struct tls c = start_tls(ctx, to);

	assert_int_equal(shake(f, &c), 1);
	return c;
}

static inline void put_tls(struct fixture *f, struct tls *c, const void *data, size_t len)
{
	uint64_t limit = clock_ms() + LIMIT_MS;
	int ret;

	while ((ret = SSL_write(c->ssl, data, (int)len)) <= 0) {
		assert_false(is_over(c, ret));
		turn(f);
		assert_true(clock_ms() < limit);
	}
	assert_int_equal(ret, len);
}

/* @len octets, or as many as came before the end. */
static inline size_t take_tls(struct fixture *f, struct tls *c, uint8_t *buf, size_t len)
{
	uint64_t limit = clock_ms() + LIMIT_MS;
	size_t have = 0;
	int ret;

	while (have < len) {
		ret = SSL_read(c->ssl, buf + have, (int)(len - have));
		if (ret > 0)
			have += ret;
		else if (is_over(c, ret))
			break;
		else
			turn(f);
		assert_true(clock_ms() < limit);
	}
	return have;
}

static inline void echo_tls(struct fixture *f, struct tls *c, size_t len, uint8_t fill)
{
	static uint8_t out[2 + 65535], in[2 + 65535];
	size_t n = frame(out, len, fill);

	put_tls(f, c, out, n);
	assert_int_equal(take_tls(f, c, in, n), n);
	assert_memory_equal(in, out, n);
}

static inline void close_tls(struct tls *c)
{
	SSL_free(c->ssl);
	close(c->fd);
}

#endif
