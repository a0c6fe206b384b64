// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/talk with a server in a process of its own: echoes, silence, ends, the wrong words. */
#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/dns/message.h"
#include "../lib/talk/talk.h"

#define LIMIT	20000	/* ms */
#define SHORT	50

enum manner { ECHO, ECHO_TLS, CLOSES, SILENT, SPEAKS_HTTP, OLD_TLS };

static EVP_PKEY *pkey;
static X509 *cert;
static struct sockaddr_in at;
static pid_t server;
static uint8_t got[DNS_MAX];

static int make_certificate(void **state)
{
	(void)state;
	pkey = EVP_EC_gen("P-256");
	cert = X509_new();
	X509_set_version(cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, pkey);
	return !X509_sign(cert, pkey, EVP_sha256());
}

static int free_certificate(void **state)
{
	(void)state;
	X509_free(cert);
	EVP_PKEY_free(pkey);
	return 0;
}

static bool move(SSL *ssl, int fd, bool out, uint8_t *buf, size_t len)
{
	while (len) {
		int n = len > 7001 ? 7001 : (int)len;

		if (ssl)
			n = out ? SSL_write(ssl, buf, n) : SSL_read(ssl, buf, n);
		else
			n = (int)(out ? write(fd, buf, (size_t)n) : read(fd, buf, (size_t)n));
		if (n <= 0)
			return false;
		buf += n;
		len -= (size_t)n;
	}
	return true;
}

static int serve(int listening, enum manner manner)
{
	static uint8_t buf[2 + DNS_MAX];
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int fd = accept(listening, NULL, NULL);
	SSL *ssl = NULL;

	alarm(30);
	if (manner == CLOSES)
		return 0;
	while (manner == SILENT) {
		if (read(fd, buf, sizeof(buf)) <= 0)
			return 0;
	}
	if (manner == SPEAKS_HTTP)
		return !move(NULL, fd, true, (uint8_t *)"HTTP/1.0 400 Bad Request\r\n\r\n", 28);
	if (manner != ECHO) {
		SSL_CTX_use_certificate(ctx, cert);
		SSL_CTX_use_PrivateKey(ctx, pkey);
		ssl = SSL_new(ctx);
		SSL_set_fd(ssl, fd);
		if (manner == OLD_TLS) {
			SSL_set_security_level(ssl, 0);
			SSL_set_max_proto_version(ssl, TLS1_VERSION);
		}
		if (SSL_accept(ssl) != 1)
			return 3;
	}
	while (move(ssl, fd, false, buf, 2)) {
		if (!move(ssl, fd, false, buf + 2, dns_u16(buf)) ||
		    !move(ssl, fd, true, buf, 2u + dns_u16(buf)))
			return 1;
	}
	return 0;
}

static int bound(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);

	at = (struct sockaddr_in){ .sin_family = AF_INET };
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	return fd;
}

static void start(enum manner manner)
{
	int fd = bound(SOCK_STREAM);

	assert_int_equal(listen(fd, 5), 0);
	fflush(NULL);
	server = fork();
	if (!server)
		_exit(serve(fd, manner));
	close(fd);
}

/* Its exit status */
static int ended(void)
{
	int status = -1;

	assert_int_equal(waitpid(server, &status, 0), server);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_to(struct talk *s, int type, unsigned int timeout_ms)
{
	return talk_open(s, (struct sockaddr *)&at, sizeof(at), type, timeout_ms);
}

static void echoes(struct talk *s)
{
	static const size_t sizes[] = { 0, 1, 12, 512, 16384, DNS_MAX, 3 };
	static uint8_t msg[DNS_MAX];
	size_t i, k, len;

	for (i = 0; i < N_OF(sizes); i++) {
		for (k = 0; k < sizes[i]; k++)
			msg[k] = (uint8_t)(sizes[i] + 31 * k);
		assert_int_equal(talk_send_message(s, msg, sizes[i]), 0);
		assert_int_equal(talk_recv_message(s, got, &len), 0);
		assert_int_equal(len, sizes[i]);
		assert_memory_equal(got, msg, len);
	}
	assert_int_equal(talk_send_message(s, msg, DNS_MAX + 1), -EMSGSIZE);
}

static void messages_over_tcp(void **state)
{
	struct talk s;

	(void)state;
	start(ECHO);
	assert_int_equal(open_to(&s, SOCK_STREAM, LIMIT), 0);
	echoes(&s);
	talk_close(&s);
	assert_int_equal(s.fd, -1);
	talk_close(&s);
	assert_int_equal(ended(), 0);
}

static void messages_over_tls(void **state)
{
	uint8_t key[TALK_KEY_LEN], wanted[TALK_KEY_LEN], *der = NULL;
	char why[TALK_WHY];
	struct talk s;
	int n;

	(void)state;
	start(ECHO_TLS);
	assert_int_equal(open_to(&s, SOCK_STREAM, LIMIT), 0);
	assert_int_equal(talk_tls(&s, why), 0);
	n = i2d_PUBKEY(pkey, &der);
	assert_true(EVP_Digest(der, (size_t)n, wanted, NULL, EVP_sha256(), NULL));
	OPENSSL_free(der);
	assert_int_equal(talk_server_key(&s, key), 0);
	assert_memory_equal(key, wanted, sizeof(key));
	echoes(&s);
	talk_close(&s);
	assert_int_equal(ended(), 0);
}

static void who_does_not_speak_tls(void **state)
{
	char why[TALK_WHY];
	struct talk s;

	(void)state;
	start(SPEAKS_HTTP);
	assert_int_equal(open_to(&s, SOCK_STREAM, LIMIT), 0);
	assert_int_equal(talk_tls(&s, why), -EPROTO);
	assert_non_null(strstr(why, "SSL"));
	talk_close(&s);
	assert_int_equal(ended(), 0);

	start(CLOSES);
	assert_int_equal(open_to(&s, SOCK_STREAM, LIMIT), 0);
	assert_true(talk_tls(&s, why) < 0);
	talk_close(&s);
	assert_int_equal(ended(), 0);

	start(SILENT);
	assert_int_equal(open_to(&s, SOCK_STREAM, SHORT), 0);
	assert_int_equal(talk_tls(&s, why), -ETIMEDOUT);
	assert_string_equal(why, strerror(ETIMEDOUT));
	talk_close(&s);
	assert_int_equal(ended(), 0);
}

/* TLS 1.0 is none. */
static void old_versions(void **state)
{
	char why[TALK_WHY];
	struct talk s;

	(void)state;
	start(OLD_TLS);
	assert_int_equal(open_to(&s, SOCK_STREAM, LIMIT), 0);
	assert_int_equal(talk_tls(&s, why), -EPROTO);
	talk_close(&s);
	assert_int_equal(ended(), 3);
}

static void who_says_nothing(void **state)
{
	uint64_t began;
	struct talk s;
	size_t len;

	(void)state;
	start(SILENT);
	assert_int_equal(open_to(&s, SOCK_STREAM, SHORT), 0);
	assert_int_equal(talk_send_message(&s, got, 12), 0);
	began = talk_now_ms();
	assert_int_equal(talk_recv_message(&s, got, &len), -ETIMEDOUT);
	assert_true(talk_now_ms() - began >= SHORT);
	talk_close(&s);
	assert_int_equal(ended(), 0);

	start(CLOSES);
	assert_int_equal(open_to(&s, SOCK_STREAM, LIMIT), 0);
	assert_int_equal(talk_recv_message(&s, got, &len), -ECONNRESET);
	talk_close(&s);
	assert_int_equal(ended(), 0);
}

static void nobody_is_there(void **state)
{
	struct talk s;

	(void)state;
	close(bound(SOCK_STREAM));
	assert_int_equal(open_to(&s, SOCK_STREAM, LIMIT), -ECONNREFUSED);
	assert_int_equal(s.fd, -1);
	at.sin_family = AF_UNSPEC - 1;
	assert_true(open_to(&s, SOCK_STREAM, LIMIT) < 0);
	assert_int_equal(s.fd, -1);
}

static void datagrams(void **state)
{
	int fd = bound(SOCK_DGRAM);
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct talk s;
	size_t len;

	(void)state;
	assert_int_equal(open_to(&s, SOCK_DGRAM, LIMIT), 0);
	assert_int_equal(talk_recv_datagram(&s, talk_now_ms() + SHORT, got, sizeof(got), &len),
			 -ETIMEDOUT);
	assert_int_equal(talk_send_datagram(&s, (const uint8_t *)"hello", 5), 0);
	assert_int_equal(recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&from, &from_len),
			 5);
	assert_int_equal(sendto(fd, "goodbye", 7, 0, (struct sockaddr *)&from, from_len), 7);
	assert_int_equal(talk_recv_datagram(&s, talk_now_ms() + LIMIT, got, sizeof(got), &len),
			 0);
	assert_int_equal(len, 7);
	assert_memory_equal(got, "goodbye", 7);
	/* ICMP says that nobody is there any more. */
	close(fd);
	assert_int_equal(talk_send_datagram(&s, got, 1), 0);
	assert_int_equal(talk_recv_datagram(&s, talk_now_ms() + LIMIT, got, sizeof(got), &len),
			 -ECONNREFUSED);
	talk_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_over_tcp),
		cmocka_unit_test(messages_over_tls),
		cmocka_unit_test(who_does_not_speak_tls),
		cmocka_unit_test(old_versions),
		cmocka_unit_test(who_says_nothing),
		cmocka_unit_test(nobody_is_there),
		cmocka_unit_test(datagrams),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_certificate, free_certificate);
}
