// SPDX-License-Identifier: GPL-2.0-or-later
/* Datagrams: many, from and to the right addresses; addresses as text. */
#include "dnsd_transport.h"

static void from_the_address_asked(void **state)
{
	static const struct {
		const char *listen, *ask;
	} cases[] = {
		{ "0.0.0.0:0", "127.0.0.1:1" },
		{ "0.0.0.0:0", "127.0.0.2:1" },
		{ "127.0.0.3:0", "127.0.0.3:1" },
		{ "[::]:0", "[::1]:1" },
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < N_OF(cases); i++) {
		struct net_addr to = serve(f, TRANSPORT_UDP, cases[i].listen);
		char buf[16];
		int fd;

		to = at(cases[i].ask, to.port);
		/* Connected: only what comes from the address asked gets through. */
		fd = client(SOCK_DGRAM, &to, NULL);
		put(fd, "question", 8);
		run_until(f, readable(fd));
		assert_int_equal(recv(fd, buf, sizeof(buf), 0), 8);
		assert_memory_equal(buf, "question", 8);
		assert_true(net_equal(&f->from[i].local, &to));
		assert_int_equal(f->from[i].listener, i);
		assert_int_equal(f->from[i].kind, TRANSPORT_UDP);
		close(fd);
	}
	assert_int_equal(stats(f).udp_in, N_OF(cases));
	assert_int_equal(stats(f).udp_out, N_OF(cases));
}

static void both_families_on_one_port(void **state)
{
	struct fixture *f = *state;
	struct net_addr a = serve(f, TRANSPORT_UDP, "0.0.0.0:0");
	struct net_addr b = at("[::]:1", a.port);

	assert_int_equal(transport_listen(f->t, TRANSPORT_UDP, &b, -1), 0);
	assert_int_equal(transport_listen(f->t, TRANSPORT_UDP, &b, -1), -EADDRINUSE);
	assert_int_equal(transport_listeners(f->t), 2);
}

static int dual_stack(int type, uint16_t *port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	int fd = socket(AF_INET6, type, 0), off = 0;
	socklen_t len = sizeof(any);

	assert_true(fd >= 0);
	assert_false(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)));
	assert_false(bind(fd, (struct sockaddr *)&any, sizeof(any)));
	assert_false(getsockname(fd, (struct sockaddr *)&any, &len));
	*port = ntohs(any.sin6_port);
	return fd;
}

/* As systemd makes them by default: IPv6 with IPv4 mapped into it, blocking. */
static void handed_over(void **state)
{
	static const char *const asked[] = { "127.0.0.2:1", "[::1]:1" };
	struct fixture *f = *state;
	uint16_t port;
	char c;
	size_t i;

	assert_int_equal(transport_listen(f->t, TRANSPORT_UDP, NULL,
					  dual_stack(SOCK_DGRAM, &port)), 0);
	for (i = 0; i < N_OF(asked); i++) {
		struct net_addr to = at(asked[i], port);
		int fd = client(SOCK_DGRAM, &to, NULL);

		put(fd, "x", 1);
		run_until(f, readable(fd));
		assert_int_equal(recv(fd, &c, 1, 0), 1);
		assert_true(net_equal(&f->from[i].local, &to));
		close(fd);
	}
}

static void handed_over_wrongly(void **state)
{
	struct fixture *f = *state;
	uint16_t port;
	int unix_fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	/* Each is closed by the transport: the address sanitizer's run would tell. */
	assert_int_equal(transport_listen(f->t, TRANSPORT_TCP, NULL,
					  dual_stack(SOCK_DGRAM, &port)), -EPROTOTYPE);
	assert_int_equal(transport_listen(f->t, TRANSPORT_TCP, NULL,
					  dual_stack(SOCK_STREAM, &port)), -EPROTOTYPE);
	assert_int_equal(transport_listen(f->t, TRANSPORT_UDP, NULL,
					  dual_stack(SOCK_STREAM, &port)), -EPROTOTYPE);
	assert_int_equal(transport_listen(f->t, TRANSPORT_UDP, NULL, unix_fd), -EAFNOSUPPORT);
	assert_int_equal(fcntl(unix_fd, F_GETFD), -1);
	assert_int_equal(transport_listeners(f->t), 0);
}

static void a_thousand(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_UDP, "127.0.0.1:0");
	int fd = client(SOCK_DGRAM, &to, NULL), room = 4 << 20;
	unsigned int i, got = 0;
	bool seen[1000] = { false };
	uint8_t msg[1232];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	for (i = 0; i < 1000; i++) {
		memset(msg, i, sizeof(msg));
		msg[0] = i >> 8;
		put(fd, msg, 2 + i);
		/* A small buffer of the client is not what this is about. */
		if (i % 50 == 49) {
			run_until(f, stats(f).udp_in == i + 1 && stats(f).udp_out == i + 1);
			while (recv(fd, msg, sizeof(msg), 0) > 0) {
				unsigned int n = msg[0] << 8 | msg[1];

				assert_true(n < 1000 && !seen[n]);
				seen[n] = true;
				got++;
			}
		}
	}
	assert_int_equal(got, 1000);
	assert_int_equal(stats(f).udp_dropped, 0);
	close(fd);
}

static void not_taken(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_UDP, "127.0.0.1:0");
	int fd = client(SOCK_DGRAM, &to, NULL);
	static uint8_t big[60000];

	put(fd, big, sizeof(big));
	put(fd, big, 0);
	put(fd, "x", 1);
	run_until(f, f->messages == 1);
	assert_int_equal(f->last_len, 1);
	assert_int_equal(stats(f).udp_dropped, 2);
	close(fd);
}

static void unsolicited(void **state)
{
	struct fixture *f = *state;
	struct net_addr to;
	struct origin o;
	unsigned int i;
	static uint8_t big[65535];
	char buf[8];
	int fd;

	serve(f, TRANSPORT_UDP, "127.0.0.7:0");
	to = serve(f, TRANSPORT_UDP, "127.0.0.1:0");
	fd = client(SOCK_DGRAM, &to, NULL);
	put(fd, "hello", 5);
	run_until(f, f->messages == 1 && readable(fd));
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 5);

	/* Of before a restart: the number of the listener says nothing any more. */
	o = f->from[0];
	assert_int_equal(o.listener, 1);
	for (i = 0; i < 3; i++) {
		static const int stale[] = { 0, 77, -1 };

		o.listener = stale[i];
		assert_int_equal(transport_send(f->t, &o, (const uint8_t *)"event", 5), 0);
		run_until(f, readable(fd));
		assert_int_equal(recv(fd, buf, sizeof(buf), 0), 5);
	}
	/* Not the next one, which by chance is the other listener's. */
	o.local.port = 1;
	assert_int_equal(transport_send(f->t, &o, (const uint8_t *)"event", 5), -ENOTCONN);

	/* Gathered, and not sent before the last uncork. */
	o = f->from[0];
	transport_cork(f->t);
	transport_cork(f->t);
	for (i = 0; i < 5; i++)
		assert_int_equal(transport_send(f->t, &o, (const uint8_t *)"event", 5), 0);
	transport_uncork(f->t);
	assert_false(readable(fd));
	transport_uncork(f->t);
	for (i = 0; i < 5; i++) {
		run_until(f, readable(fd));
		assert_int_equal(recv(fd, buf, sizeof(buf), 0), 5);
	}

	assert_int_equal(transport_send(f->t, &o, big, 0), -EMSGSIZE);
	assert_int_equal(transport_send(f->t, &o, big, 65536), -EMSGSIZE);
	/* More than a datagram can be: the kernel's no does not stop the others. */
	transport_cork(f->t);
	assert_int_equal(transport_send(f->t, &o, big, 65535), 0);
	assert_int_equal(transport_send(f->t, &o, (const uint8_t *)"after", 5), 0);
	transport_uncork(f->t);
	run_until(f, readable(fd));
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 5);
	assert_int_equal(stats(f).udp_dropped, 1);
	close(fd);
}

static void addresses(void **state)
{
	static const struct {
		const char *text;
		bool listen;
		const char *back;	/* NULL: refused */
	} cases[] = {
		{ "192.0.2.1:53", false, "192.0.2.1:53" },
		{ "[2001:db8::1]:853", false, "[2001:db8::1]:853" },
		{ "127.0.0.1:5300", true, "127.0.0.1:5300" },
		{ "[::1]:65535", true, "[::1]:65535" },
		{ "0.0.0.0:53", true, "0.0.0.0:53" },
		{ "[::]:53", true, "[::]:53" },
		{ "[::]:0", true, "[::]:0" },
		{ "127.0.0.1:0", true, "127.0.0.1:0" },
		{ "[fe80::1%1]:53", true, "[fe80::1%1]:53" },
		{ "[fe80::1%lo]:53", false, "[fe80::1%1]:53" },
		{ "0.0.0.0:53", false, NULL },
		{ "[::]:53", false, NULL },
		{ "192.0.2.1:0", false, NULL },
		{ "192.0.2.1", true, NULL },
		{ "192.0.2.1:", true, NULL },
		{ "192.0.2.1:65536", true, NULL },
		{ "192.0.2.1:053", true, NULL },
		{ "2001:db8::1:53", true, NULL },
		{ "[2001:db8::1]", true, NULL },
		{ "[2001:db8::1%lo]:53", true, NULL },
		{ "[fe80::1]:53", true, NULL },
		{ "[fe80::1%]:53", true, NULL },
		{ "[fe80::1%no-such-thing]:53", true, NULL },
		{ "[fe80::1%0]:53", true, NULL },
		{ "[fe80::1%lo:53", true, NULL },
		{ "::", true, NULL },
		{ ":53", true, NULL },
		{ "", true, NULL },
		{ "localhost:53", true, NULL },
		{ "[ff02::1%lo]:53", true, NULL },
		{ "1111111111111111111111111111111111111111111111111111111111111111111111111:53",
		  true, NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		char *text = exact_copy(cases[i].text, strlen(cases[i].text) + 1);
		struct sockaddr_storage ss;
		struct net_addr a, b;
		char out[NET_TEXT_SIZE];
		const char *why = net_from_text(text, cases[i].listen, &a);

		free(text);
		if (!cases[i].back) {
			if (!why)
				fail_msg("%s was taken", cases[i].text);
			continue;
		}
		if (why)
			fail_msg("%s: %s", cases[i].text, why);
		assert_string_equal(net_to_text(&a, out), cases[i].back);
		assert_true(net_to_sockaddr(&a, &ss) > 0);
		assert_true(net_from_sockaddr(&ss, &b));
		assert_true(net_equal(&a, &b));
		b.port++;
		assert_false(net_equal(&a, &b));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_the_address_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(both_families_on_one_port, set_up, tear_down),
		cmocka_unit_test_setup_teardown(handed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(handed_over_wrongly, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_thousand, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unsolicited, set_up, tear_down),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests_name("dnsd datagrams", tests, NULL, NULL);
}
