// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections to a server in a process of its own, which says who it is, and echoes. */
#include "test.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../btmmd/dns_link.h"
#include "../lib/dns/message.h"
#include "../lib/llq/push_client.h"

#define LIMIT_US	20000000

static char ca_file[64];
static EVP_PKEY *pkey;
static X509 *cert;
static uint8_t pin[DNS_PIN_LEN];

static int make_certificate(void **state)
{
	uint8_t *spki = NULL;
	X509_NAME *subject;
	X509_EXTENSION *san;
	FILE *f;
	int fd, n;

	(void)state;
	pkey = EVP_EC_gen("P-256");
	cert = X509_new();
	subject = X509_get_subject_name(cert);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, pkey);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)"ns", -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:ns.example.com");
	X509_add_ext(cert, san, -1);
	X509_EXTENSION_free(san);
	assert_true(X509_sign(cert, pkey, EVP_sha256()));
	n = i2d_PUBKEY(pkey, &spki);
	assert_true(EVP_Digest(spki, (size_t)n, pin, NULL, EVP_sha256(), NULL));
	OPENSSL_free(spki);

	strcpy(ca_file, "/tmp/test_btmmd_dns_link.XXXXXX");
	fd = mkstemp(ca_file);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_true(PEM_write_X509(f, cert));
	assert_int_equal(fclose(f), 0);
	return 0;
}

static int remove_certificate(void **state)
{
	(void)state;
	X509_free(cert);
	EVP_PKEY_free(pkey);
	return unlink(ca_file);
}

/* --- the server ------------------------------------------------------------------- */

enum manner {
	ECHO,			/* first its exporter's value; ends when the client does */
	PLAIN,			/* echoes, without TLS */
	CLOSES,			/* after the handshake */
	SILENT,
	SPEAKS_HTTP,
};

static struct server {
	pid_t pid;
	int fd;			/* listens; also in the parent, so that the port stays */
	struct dns_place place;
} server;

static bool move(SSL *ssl, int fd, bool out, uint8_t *buf, size_t len)
{
	while (len) {
		/* In pieces of odd sizes */
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

static int echo(SSL *ssl, int fd)
{
	static uint8_t buf[2 + DNS_MAX];

	while (move(ssl, fd, false, buf, 2)) {
		if (!move(ssl, fd, false, buf + 2, dns_u16(buf)) ||
		    !move(ssl, fd, true, buf, 2u + dns_u16(buf)))
			return 1;
	}
	/* In good order? */
	return ssl && SSL_get_error(ssl, 0) != SSL_ERROR_ZERO_RETURN ? 2 : 0;
}

static int serve(enum manner manner, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int fd = accept(server.fd, NULL, NULL), rc = 0;
	uint8_t first[2 + PUSH_CHANNEL_LEN] = { 0, PUSH_CHANNEL_LEN };
	SSL *ssl;

	alarm(30);
	if (manner == PLAIN)
		return echo(NULL, fd);
	while (manner == SILENT) {
		if (read(fd, first, sizeof(first)) <= 0)
			return 0;
	}
	if (manner == SPEAKS_HTTP)
		return !move(NULL, fd, true, (uint8_t *)"HTTP/1.0 400 Bad Request\r\n\r\n", 28);
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_use_certificate(ctx, cert);
	SSL_CTX_use_PrivateKey(ctx, pkey);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) != 1)
		return 3;
	if (manner == ECHO) {
		SSL_export_keying_material(ssl, first + 2, PUSH_CHANNEL_LEN, PUSH_CHANNEL_LABEL,
					   strlen(PUSH_CHANNEL_LABEL), (const uint8_t *)"", 0,
					   1);
		rc = move(ssl, fd, true, first, sizeof(first)) ? echo(ssl, fd) : 4;
	}
	SSL_shutdown(ssl);
	return rc;
}

static void listen_somewhere(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&sin, &len), 0);
	server.place = (struct dns_place){ .port = ntohs(sin.sin_port) };
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &server.place.ip);
}

static void server_start(enum manner manner, int version)
{
	listen_somewhere();
	assert_int_equal(listen(server.fd, 5), 0);
	fflush(NULL);
	server.pid = fork();
	if (!server.pid)
		_exit(serve(manner, version));
	assert_true(server.pid > 0);
}

/* Its exit status */
static int server_end(void)
{
	int status = -1;

	assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
	close(server.fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- the client --------------------------------------------------------------------- */

static struct client {
	sd_event *event;
	struct dns_trust *trust;
	struct dns_link *link;
	unsigned int opened, downs, messages;
	size_t octets;
	bool channel, refused, free_it, close_it;
	uint8_t key[PUSH_CHANNEL_LEN];
	char why[256];
} c;

static void on_open(void *arg, const uint8_t *channel)
{
	assert_ptr_equal(arg, &c);
	c.opened++;
	c.channel = channel;
	if (channel)
		memcpy(c.key, channel, sizeof(c.key));
}

static void on_message(void *arg, uint8_t *msg, size_t len)
{
	size_t i;

	assert_ptr_equal(arg, &c);
	if (c.channel && !c.messages) {
		assert_int_equal(len, PUSH_CHANNEL_LEN);
		assert_memory_equal(msg, c.key, len);
	} else {
		for (i = 0; i < len; i++)
			assert_int_equal(msg[i], (uint8_t)(len + i));
	}
	c.messages++;
	c.octets += len;
	if (c.free_it) {
		dns_link_free(c.link);
		c.link = NULL;
	} else if (c.close_it) {
		dns_link_close(c.link, false);
	}
}

static void on_down(void *arg, const char *why, bool refused)
{
	assert_ptr_equal(arg, &c);
	c.downs++;
	c.refused = refused;
	snprintf(c.why, sizeof(c.why), "%s", why);
}

static const struct dns_link_ops ops = { on_open, on_message, on_down };

static void client_start(const struct dns_trust_config *trust, bool clear)
{
	struct dns_link_config config = { .to = server.place, .clear = clear };
	char why[256];

	memset(&c, 0, sizeof(c));
	assert_int_equal(sd_event_new(&c.event), 0);
	if (trust) {
		c.trust = dns_trust_new(trust, why, sizeof(why));
		assert_non_null(c.trust);
	}
	config.trust = c.trust;
	c.link = dns_link_new(c.event, &config, &ops, &c);
	assert_non_null(c.link);
	dns_link_connect(c.link);
}

static void client_end(void)
{
	dns_link_free(c.link);
	dns_trust_free(c.trust);
	sd_event_unref(c.event);
}

static uint64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Until that many have come. */
static void until(const unsigned int *what, unsigned int n)
{
	uint64_t end = clock_us() + LIMIT_US;

	while (*what < n) {
		assert_true(sd_event_run(c.event, 100000) >= 0);
		assert_true(clock_us() < end);
	}
}

static void send_one(size_t len)
{
	uint8_t *msg = malloc(len);
	size_t i;

	for (i = 0; i < len; i++)
		msg[i] = (uint8_t)(len + i);
	assert_int_equal(dns_link_write(c.link, msg, len), 0);
	free(msg);
}

static struct dns_trust_config pinned(void)
{
	struct dns_trust_config t = { .n_pins = 2 };

	memset(t.pins[0], 0x11, DNS_PIN_LEN);
	memcpy(t.pins[1], pin, DNS_PIN_LEN);
	return t;
}

/* --- tests -------------------------------------------------------------------------- */

static void by_pin(void **state)
{
	static const size_t sizes[] = { 1, 12, 512, 16384, 65535, 3, 40000 };
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct dns_trust_config trust = pinned();
	size_t i, v, sum;

	(void)state;
	for (v = 0; v < N_OF(versions); v++) {
		server_start(ECHO, versions[v]);
		client_start(&trust, false);
		assert_false(dns_link_is_open(c.link));
		assert_true(dns_link_write(c.link, pin, 1) < 0);
		until(&c.opened, 1);
		assert_true(c.channel);
		assert_true(dns_link_is_open(c.link));
		assert_false(dns_link_is_astray(c.link));
		sum = PUSH_CHANNEL_LEN;
		for (i = 0; i < N_OF(sizes); i++) {
			send_one(sizes[i]);
			sum += sizes[i];
		}
		until(&c.messages, 1 + N_OF(sizes));
		assert_int_equal(c.octets, sum);
		assert_true(dns_link_write(c.link, pin, 0) < 0);
		dns_link_close(c.link, false);
		assert_int_equal(server_end(), 0);
		assert_int_equal(c.downs, 0);
		client_end();
	}
}

/* A wrong server hears nothing of us, and there is no way around it. */
static void wrong_pin(void **state)
{
	struct dns_trust_config trust = pinned();

	(void)state;
	trust.n_pins = 1;
	server_start(ECHO, TLS1_3_VERSION);
	client_start(&trust, true);
	until(&c.downs, 1);
	assert_true(c.refused);
	assert_int_equal(c.opened, 0);
	assert_string_equal(c.why, "the server's key is not the one that the account knows");
	assert_int_not_equal(server_end(), 0);
	client_end();
}

static void by_name(void **state)
{
	static const struct { const char *name; bool pin, wrong_pin, good; } cases[] = {
		{ "ns.example.com", false, false, true },
		{ "ns.example.com", true, false, true },
		{ "ns.example.com", false, true, false },
		{ "other.example.com", false, false, false },
		{ "other.example.com", true, false, false },
		{ "ns", false, false, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		struct dns_trust_config trust = pinned();

		trust.n_pins = cases[i].pin ? 2 : cases[i].wrong_pin;
		trust.ca_file = ca_file;
		trust.name = cases[i].name;
		server_start(ECHO, TLS1_3_VERSION);
		client_start(&trust, false);
		until(cases[i].good ? &c.messages : &c.downs, 1);
		assert_int_equal(c.opened, cases[i].good);
		assert_int_equal(c.refused, !cases[i].good);
		client_end();
		assert_int_equal(server_end() == 0, cases[i].good);
	}
}

static void nobody_to_trust(void **state)
{
	struct dns_trust_config none = { 0 }, no_name = { .ca_file = ca_file },
				no_file = { .ca_file = "/nonexistent", .name = "ns" };
	struct dns_link_config config = { .clear = false };
	sd_event *event;
	char why[256];

	(void)state;
	assert_null(dns_trust_new(&none, why, sizeof(why)));
	assert_null(dns_trust_new(&no_name, why, sizeof(why)));
	assert_null(dns_trust_new(&no_file, why, sizeof(why)));
	assert_non_null(strstr(why, "/nonexistent"));
	assert_int_equal(sd_event_new(&event), 0);
	assert_null(dns_link_new(event, &config, &ops, &c));
	sd_event_unref(event);
}

/* Old TLS, no TLS: there is no other way to speak with it, even if clear text may be. */
static void no_downgrade(void **state)
{
	struct dns_trust_config trust = pinned();

	(void)state;
	server_start(ECHO, TLS1_1_VERSION);
	client_start(&trust, true);
	until(&c.downs, 1);
	assert_int_equal(c.opened, 0);
	assert_false(c.refused);
	server_end();
	client_end();

	server_start(SPEAKS_HTTP, 0);
	client_start(&trust, true);
	until(&c.downs, 1);
	assert_int_equal(c.opened, 0);
	server_end();
	client_end();
}

static void clear_text(void **state)
{
	(void)state;
	server_start(PLAIN, 0);
	client_start(NULL, true);
	until(&c.opened, 1);
	assert_false(c.channel);
	send_one(65535);
	send_one(1);
	send_one(30000);
	until(&c.messages, 3);
	dns_link_close(c.link, false);
	assert_int_equal(server_end(), 0);
	client_end();
}

static void ends_within(void **state)
{
	struct dns_trust_config trust = pinned();
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		server_start(ECHO, TLS1_3_VERSION);
		client_start(&trust, false);
		c.free_it = i;
		c.close_it = !i;
		until(&c.messages, 1);
		assert_int_equal(server_end(), 0);
		assert_int_equal(c.downs, 0);
		client_end();
	}
	server_start(CLOSES, TLS1_3_VERSION);
	client_start(&trust, false);
	until(&c.downs, 1);
	assert_int_equal(c.opened, 1);
	assert_string_equal(c.why, "the server closed the connection");
	server_end();
	client_end();
}

static void takes_too_long(void **state)
{
	struct dns_trust_config trust = pinned();
	uint64_t begun = clock_us();

	(void)state;
	server_start(SILENT, 0);
	client_start(&trust, false);
	until(&c.downs, 1);
	assert_true(clock_us() - begun >= DNS_LINK_CONNECT * 1000 - 50000);
	assert_string_equal(c.why, "the server does not answer in time");
	server_end();
	client_end();
}

static void waits_after_failures(void **state)
{
	struct dns_trust_config trust = pinned();
	uint64_t begun;

	(void)state;
	/* Nobody listens there. */
	listen_somewhere();
	client_start(&trust, false);
	until(&c.downs, 1);
	begun = clock_us();
	dns_link_connect(c.link);
	until(&c.downs, 2);
	assert_true(clock_us() - begun >= DNS_LINK_WAIT * 1000 - 50000);
	begun = clock_us();
	dns_link_connect(c.link);
	until(&c.downs, 3);
	assert_true(clock_us() - begun >= 2 * DNS_LINK_WAIT * 1000 - 50000);
	begun = clock_us();
	dns_link_connect(c.link);
	dns_link_forgive(c.link);
	until(&c.downs, 4);
	assert_true(clock_us() - begun < 2 * DNS_LINK_WAIT * 1000);
	close(server.fd);
	client_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_pin),
		cmocka_unit_test(wrong_pin),
		cmocka_unit_test(by_name),
		cmocka_unit_test(nobody_to_trust),
		cmocka_unit_test(no_downgrade),
		cmocka_unit_test(clear_text),
		cmocka_unit_test(ends_within),
		cmocka_unit_test(takes_too_long),
		cmocka_unit_test(waits_after_failures),
	};

	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
