// SPDX-License-Identifier: GPL-2.0-or-later
/* Streams over TLS: versions, ALPN, certificates, the exporter, half-open clients. */
#define _GNU_SOURCE
#include "dnsd_tls.h"

#define DOT	"\3dot"

static void versions(void **state)
{
	static const struct {
		int version;
		const char *name, *alpn, *chosen;
	} cases[] = {
		{ TLS1_3_VERSION, "TLSv1.3", DOT, "dot" },
		{ TLS1_2_VERSION, "TLSv1.2", DOT, "dot" },
		{ TLS1_3_VERSION, "TLSv1.3", "\2h2\3dot", "dot" },
		/* Who offers something else only came for this nevertheless. */
		{ TLS1_3_VERSION, "TLSv1.3", "\2h2", "" },
		{ TLS1_2_VERSION, "TLSv1.2", NULL, "" },
	};
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	size_t i;

	for (i = 0; i < N_OF(cases); i++) {
		SSL_CTX *ctx = settings(cases[i].version, cases[i].alpn);
		struct tls c = connect_tls(f, ctx, &to);
		const unsigned char *alpn;
		unsigned int len;

		assert_string_equal(SSL_get_version(c.ssl), cases[i].name);
		SSL_get0_alpn_selected(c.ssl, &alpn, &len);
		assert_int_equal(len, strlen(cases[i].chosen));
		assert_memory_equal(alpn, cases[i].chosen, len);
		echo_tls(f, &c, 100, 'v');
		assert_int_equal(f->from[i].kind, TRANSPORT_TLS);
		assert_true(net_equal(&f->from[i].local, &to));
		close_tls(&c);
		SSL_CTX_free(ctx);
		run_until(f, f->closed == i + 1);
	}
	assert_int_equal(stats(f).tls_in, N_OF(cases));
	assert_int_equal(stats(f).tls_out, N_OF(cases));
	assert_int_equal(stats(f).tls_failed, 0);
	assert_int_equal(stats(f).tls_streams, 0);
}

static void too_old(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	SSL_CTX *ctx = settings(TLS1_1_VERSION, DOT);
	struct tls c = start_tls(ctx, &to);

	assert_int_equal(shake(f, &c), 0);
	run_until(f, stats(f).tls_failed == 1);
	run_until(f, !stats(f).streams);
	assert_int_equal(f->closed, 0);
	close_tls(&c);
	SSL_CTX_free(ctx);
}

static void large_and_many(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "[::1]:0");
	SSL_CTX *ctx = settings(TLS1_3_VERSION, DOT);
	struct tls c = connect_tls(f, ctx, &to);
	static uint8_t out[1000 * 22], in[1000 * 22];
	size_t len = 0, i;

	for (i = 0; i < 5; i++)
		echo_tls(f, &c, 65535, i);
	/* octet by octet */
	len = frame(out, 40, 'o');
	for (i = 0; i < len; i++) {
		put_tls(f, &c, out + i, 1);
		turn(f);
	}
	assert_int_equal(take_tls(f, &c, in, len), len);
	/* many in one record and across records */
	for (i = len = 0; i < 1000; i++)
		len += frame(out + len, 1 + i % 20, i);
	put_tls(f, &c, out, len);
	assert_int_equal(take_tls(f, &c, in, len), len);
	assert_memory_equal(in, out, len);
	assert_int_equal(stats(f).buffered, 0);
	close_tls(&c);
	SSL_CTX_free(ctx);
}

/* The client has no more questions; the answer still comes, and then our end. */
static void half_closed(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	SSL_CTX *ctx = settings(TLS1_3_VERSION, DOT);
	struct tls c = connect_tls(f, ctx, &to);
	uint8_t buf[20];

	f->on_message = silent;
	put_tls(f, &c, "\0\3abc", 5);
	assert_int_equal(SSL_shutdown(c.ssl), 0);
	run_until(f, f->messages == 1);
	turn(f);
	assert_int_equal(transport_send(f->t, &f->from[0], (const uint8_t *)"A", 1), 0);
	assert_int_equal(take_tls(f, &c, buf, 3), 3);
	assert_memory_equal(buf, "\0\1A", 3);
	run_until(f, f->closed == 1);
	assert_int_equal(stats(f).timed_out, 0);
	close_tls(&c);
	SSL_CTX_free(ctx);
}

static void closed_by_us(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	SSL_CTX *ctx = settings(TLS1_3_VERSION, DOT);
	struct tls c = connect_tls(f, ctx, &to);
	uint8_t buf[8];

	echo_tls(f, &c, 30, 'c');
	transport_close(f->t, f->from[0].stream);
	/* with the word that says that nothing was cut off */
	assert_int_equal(take_tls(f, &c, buf, 1), 0);
	assert_int_equal(SSL_get_error(c.ssl, 0), SSL_ERROR_ZERO_RETURN);
	assert_true(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN);
	close_tls(&c);
	run_until(f, f->closed == 1);
	SSL_CTX_free(ctx);
}

/* --- the exporter ------------------------------------------------------------------- */

static void exported(struct tls *c, const char *label, uint8_t out[32])
{
	assert_int_equal(SSL_export_keying_material(c->ssl, out, 32, label, strlen(label),
						    (const uint8_t *)"", 0, 1), 1);
}

static void exporter(void **state)
{
	static const int both[] = { TLS1_3_VERSION, TLS1_2_VERSION };
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	uint8_t ours[32], theirs[32], before[32] = { 0 };
	struct tls c;
	SSL_CTX *ctx;
	size_t i;

	for (i = 0; i < 2; i++) {
		ctx = settings(both[i], DOT);
		c = connect_tls(f, ctx, &to);
		echo_tls(f, &c, 10, 'x');
		exported(&c, "EXPORTER-one", theirs);
		assert_true(transport_exporter(f->t, f->from[i].stream, "EXPORTER-one", ours));
		assert_memory_equal(ours, theirs, 32);
		/* another session and another label have another one */
		assert_memory_not_equal(ours, before, 32);
		memcpy(before, ours, 32);
		assert_true(transport_exporter(f->t, f->from[i].stream, "EXPORTER-two", ours));
		assert_memory_not_equal(ours, before, 32);
		close_tls(&c);
		SSL_CTX_free(ctx);
		run_until(f, f->closed == i + 1);
		assert_false(transport_exporter(f->t, f->from[i].stream, "EXPORTER-one", ours));
	}

	/* TLS 1.2 without the extended master secret: two sessions could share it */
	ctx = settings(TLS1_2_VERSION, DOT);
	SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	c = connect_tls(f, ctx, &to);
	echo_tls(f, &c, 10, 'x');
	assert_false(transport_exporter(f->t, f->from[2].stream, "EXPORTER-one", ours));
	close_tls(&c);
	SSL_CTX_free(ctx);
}

static void no_exporter(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);
	uint8_t out[32];

	put_message(fd, 10, 'x');
	take_message(f, fd, 10, 'x');
	assert_false(transport_exporter(f->t, f->from[0].stream, "EXPORTER-one", out));
	assert_false(transport_exporter(f->t, 0, "EXPORTER-one", out));
	assert_false(transport_exporter(f->t, UINT64_MAX, "EXPORTER-one", out));
	close(fd);
}

/* --- certificates ----------------------------------------------------------------------- */

static void assert_subject(struct tls *c, const char *want)
{
	X509 *x = SSL_get1_peer_certificate(c->ssl);
	char name[100];

	assert_non_null(x);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
	assert_string_equal(name, want);
	X509_free(x);
}

static void reloaded(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	SSL_CTX *ctx = settings(TLS1_3_VERSION, DOT);
	struct tls old = connect_tls(f, ctx, &to), c;
	char cert[100], key[100], why[512], want[512];

	assert_subject(&old, "a.example.com");
	snprintf(cert, sizeof(cert), "%s/b.crt", dir);
	snprintf(key, sizeof(key), "%s/b.key", dir);
	make_certificate(cert, key, "b.example.com");

	/* What cannot be used changes nothing. */
	assert_true(transport_set_certificate(f->t, cert, key_file, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, key_file));
	assert_true(transport_set_certificate(f->t, "/nowhere.crt", key, why, sizeof(why)) < 0);
	assert_memory_equal(why, "/nowhere.crt is no certificate that can be used: ", 49);
	assert_true(transport_set_certificate(f->t, key, key, why, sizeof(why)) < 0);
	assert_true(transport_set_certificate(f->t, cert, "/nowhere.key", why, sizeof(why)) < 0);
	snprintf(want, sizeof(want), "/nowhere.key is no private key that can be used for %s: ",
		 cert);
	assert_memory_equal(why, want, strlen(want));
	c = connect_tls(f, ctx, &to);
	assert_subject(&c, "a.example.com");
	close_tls(&c);

	assert_int_equal(transport_set_certificate(f->t, cert, key, why, sizeof(why)), 0);
	c = connect_tls(f, ctx, &to);
	assert_subject(&c, "b.example.com");
	echo_tls(f, &c, 20, 'n');
	/* those that are open keep theirs */
	echo_tls(f, &old, 20, 'o');
	close_tls(&c);
	close_tls(&old);
	SSL_CTX_free(ctx);
}

static void resumed(void **state)
{
	static const int both[] = { TLS1_3_VERSION, TLS1_2_VERSION };
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	size_t i;

	for (i = 0; i < 2; i++) {
		SSL_CTX *ctx = settings(both[i], DOT);
		struct tls c = connect_tls(f, ctx, &to);
		SSL_SESSION *session;

		echo_tls(f, &c, 10, 'x');
		session = SSL_get1_session(c.ssl);
		assert_true(SSL_SESSION_is_resumable(session));
		SSL_shutdown(c.ssl);
		close_tls(&c);
		c = start_tls(ctx, &to);
		assert_true(SSL_set_session(c.ssl, session));
		assert_int_equal(shake(f, &c), 1);
		assert_true(SSL_session_reused(c.ssl));
		echo_tls(f, &c, 10, 'y');
		close_tls(&c);
		SSL_SESSION_free(session);
		SSL_CTX_free(ctx);
	}
}

static void without_certificate(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);

	run_until(f, at_end(fd));
	assert_int_equal(stats(f).refused, 1);
	assert_int_equal(stats(f).streams, 0);
	close(fd);
}

/* --- who is no TLS client ------------------------------------------------------------------ */

static void nonsense(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
	} cases[] = {
		/* a message in clear */
		{ "\0\14\1\2\1\0\0\0\0\0\0\0\0\0", 14 },
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		/* a record of another kind; one without room for a handshake's header */
		{ "\25\3\1\0\2\2\50\0\0", 9 },
		{ "\26\3\1\0\3\1\0\0\0", 9 },
		/* records and messages that are too long */
		{ "\26\3\1\100\1\1\0\0\1", 9 },
		{ "\26\3\1\0\377\1\0\100\1", 9 },
		{ "\26\3\1\0\377\1\2\0\0", 9 },
		/* not a ClientHello */
		{ "\26\3\1\0\4\2\0\0\0", 9 },
		/* one that is empty */
		{ "\26\3\1\0\4\1\0\0\0", 9 },
	};
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	size_t i;

	for (i = 0; i < N_OF(cases); i++) {
		int fd = client(SOCK_STREAM, &to, NULL);

		put(fd, cases[i].octets, cases[i].len);
		run_until(f, stats(f).tls_failed == i + 1);
		run_until(f, !stats(f).streams);
		close(fd);
	}
	assert_int_equal(f->messages, 0);
	assert_int_equal(f->closed, 0);
}

/* What a client would say first. */
static size_t hello(SSL_CTX *ctx, uint8_t *out, size_t size)
{
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *sent = BIO_new(BIO_s_mem());
	int n;

	SSL_set_bio(ssl, in, sent);
	SSL_set_connect_state(ssl);
	assert_int_equal(SSL_do_handshake(ssl), -1);
	n = BIO_read(sent, out, (int)size);
	assert_true(n > 50 && (size_t)n < size);
	SSL_free(ssl);
	return n;
}

/* Its first record comes octet by octet, and all is well. */
static void slow_hello(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	SSL_CTX *ctx = settings(TLS1_3_VERSION, DOT);
	SSL *ssl = SSL_new(ctx);
	struct tls c = { ssl, client(SOCK_STREAM, &to, NULL) };
	BIO *in = BIO_new_socket(c.fd, BIO_NOCLOSE), *sent = BIO_new(BIO_s_mem());
	uint8_t octets[2000];
	int n, i;

	SSL_set_bio(ssl, in, sent);
	SSL_set_connect_state(ssl);
	assert_int_equal(SSL_do_handshake(ssl), -1);
	n = BIO_read(sent, octets, sizeof(octets));
	for (i = 0; i < n; i++) {
		put(c.fd, octets + i, 1);
		turn(f);
		turn(f);
	}
	SSL_set0_wbio(ssl, BIO_new_socket(c.fd, BIO_NOCLOSE));
	assert_int_equal(shake(f, &c), 1);
	echo_tls(f, &c, 30, 's');
	close_tls(&c);
	SSL_CTX_free(ctx);
}

/* It ends, or stops, at each octet of what it says first. */
static void cut_hello(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	SSL_CTX *ctx = settings(TLS1_3_VERSION, DOT);
	uint8_t octets[2000];
	size_t len = hello(ctx, octets, sizeof(octets)), i;

	for (i = 1; i < len; i += i < 12 ? 1 : 37) {
		int fd = client(SOCK_STREAM, &to, NULL);

		put(fd, octets, i);
		run_until(f, stats(f).streams == 1);
		turn(f);
		/* both with the rest unsaid and with the end seen while it waits */
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		run_until(f, !stats(f).streams);
		close(fd);
	}
	assert_int_equal(stats(f).timed_out, 0);
	SSL_CTX_free(ctx);
}

/* Half-open clients by the thousand: others are served, and they are cut in time. */
static void half_open(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TLS, "127.0.0.1:0");
	SSL_CTX *ctx = settings(TLS1_3_VERSION, DOT);
	uint8_t octets[2000];
	size_t len = hello(ctx, octets, sizeof(octets));
	unsigned int i, n = many(1000);
	static int fd[1000];
	struct tls c;

	for (i = 0; i < n; i++) {
		fd[i] = client(SOCK_STREAM, &to, NULL);
		/* nothing, one octet, half of it, all of it */
		if (i % 4)
			put(fd[i], octets, i % 4 == 1 ? 1 : i % 4 == 2 ? len / 2 : len);
		if (i % 50 == 0)
			turn(f);
	}
	run_until(f, stats(f).tls_streams == n);
	c = connect_tls(f, ctx, &to);
	echo_tls(f, &c, 100, 'h');

	/* The one that is served is no part of it. */
	transport_hold(f->t, f->from[0].stream, true);
	f->limits.handshake_ms = 1;
	transport_set_limits(f->t, &f->limits);
	run_until(f, stats(f).timed_out == n);
	assert_int_equal(stats(f).tls_streams, 1);
	for (i = 0; i < n; i++) {
		assert_true(at_end(fd[i]) || readable(fd[i]));
		close(fd[i]);
	}
	f->limits.handshake_ms = 60000;
	transport_set_limits(f->t, &f->limits);
	echo_tls(f, &c, 100, 'i');
	assert_int_equal(f->closed, 0);
	close_tls(&c);
	SSL_CTX_free(ctx);
}

int main(void)
{
#define TEST(x)	cmocka_unit_test_setup_teardown(x, set_up_tls, tear_down_tls)
	static const struct CMUnitTest tests[] = {
		TEST(versions), TEST(too_old), TEST(large_and_many), TEST(half_closed),
		TEST(closed_by_us), TEST(exporter), TEST(no_exporter), TEST(reloaded),
		TEST(resumed), TEST(nonsense), TEST(slow_hello), TEST(cut_hello),
		TEST(half_open),
		cmocka_unit_test_setup_teardown(without_certificate, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("dnsd TLS", tests, NULL, NULL);
}
