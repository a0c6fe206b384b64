// SPDX-License-Identifier: GPL-2.0-or-later
/* Real sockets on loopback; the client is this process, too. */
#define _GNU_SOURCE
#include "test.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../btmmd/resolver.h"
#include "resolve_world.h"

#define LIMIT_MS	10000

static sd_event *loop;
static struct resolver *resolver;
static unsigned int asked;

static void on_asked(void *arg, const struct resolve_result *result)
{
	assert_ptr_equal(arg, &asked);
	assert_true(result->in_domain);
	asked++;
}

static uint32_t patient;

static int open_with(const char *ip, int udp, int tcp)
{
	struct resolver_config config = { .udp = udp, .tcp = tcp, .wait = patient };

	assert_null(text_to_addr(ip, &config.ip));
	return resolver_new(loop, &config, table, on_asked, &asked, &resolver);
}

static int start(void **state)
{
	asked = 0;
	patient = 0;
	resolver = NULL;
	return new_table(state) || sd_event_new(&loop) < 0;
}

static int stop(void **state)
{
	resolver_free(resolver);
	sd_event_unref(loop);
	return free_table(state);
}

static int connected(const char *ip, int type)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	bool v6 = strchr(ip, ':');
	int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	in.sin_port = htons(resolver_port(resolver));
	in6.sin6_port = in.sin_port;
	inet_pton(v6 ? AF_INET6 : AF_INET, ip, v6 ? (void *)&in6.sin6_addr :
		  (void *)&in.sin_addr);
	if (connect(fd, v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in,
		    v6 ? sizeof(in6) : sizeof(in)))
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

/* Runs the loop until there is something to read. 0: end; -1: with an error */
static ssize_t get(int fd, void *buf, size_t size)
{
	uint64_t now, end;
	ssize_t n;

	assert_true(sd_event_now(loop, CLOCK_MONOTONIC, &end) >= 0);
	end += LIMIT_MS * 1000;
	for (;;) {
		n = recv(fd, buf, size, 0);
		if (n >= 0 || errno != EAGAIN)
			return n;
		assert_true(sd_event_run(loop, 20000) >= 0);
		assert_true(sd_event_now(loop, CLOCK_MONOTONIC, &now) >= 0);
		assert_true(now < end);
	}
}

static void get_all(int fd, uint8_t *buf, size_t len)
{
	while (len) {
		ssize_t n = get(fd, buf, len);

		assert_true(n > 0);
		buf += n;
		len -= (size_t)n;
	}
}

static size_t question(uint8_t *out, uint16_t id, const char *name, uint16_t type)
{
	struct dns_writer w;

	dns_writer_init(&w, out + 2, 510, id, DNS_RD);
	dns_put_question(&w, wire(name), type, DNS_IN);
	dns_put16(out, (uint16_t)w.len);
	return 2 + w.len;
}

static void datagrams(void **state)
{
	static const char *const ips[] = { "127.0.0.1", "::1" };
	uint8_t query[512], big[RESOLVER_QUERY_MAX + 1] = { 0 }, out[DNS_MAX];
	size_t i, len;

	(void)state;
	add_host("laptop." DOMAIN, "fd00::1");
	for (i = 0; i < N_OF(ips); i++) {
		int fd;

		if (open_with(ips[i], -1, -1) == -EADDRNOTAVAIL)
			continue;
		fd = connected(ips[i], SOCK_DGRAM);
		len = question(query, 1, "laptop." DOMAIN, DNS_AAAA);
		/* What is too long or no question is not answered. */
		assert_int_equal(send(fd, big, sizeof(big), 0), sizeof(big));
		assert_int_equal(send(fd, big, 5, 0), 5);
		assert_int_equal(send(fd, query + 2, len - 2, 0), len - 2);
		assert_int_equal(get(fd, out, sizeof(out)), len - 2 + 28);
		assert_int_equal(dns_id(out), 1);
		assert_int_equal(dns_count(out, 1), 1);

		/* Current at once */
		resolve_clear(table, RESOLVE_HOSTS);
		query[3] = 2;
		assert_int_equal(send(fd, query + 2, len - 2, 0), len - 2);
		assert_true(get(fd, out, sizeof(out)) > 0);
		assert_int_equal(dns_id(out), 2);
		assert_int_equal(dns_rcode(out), DNS_NXDOMAIN);
		len = question(query, 3, "www.example.net", DNS_AAAA);
		assert_int_equal(send(fd, query + 2, len - 2, 0), len - 2);
		assert_true(get(fd, out, sizeof(out)) > 0);
		assert_int_equal(dns_rcode(out), DNS_REFUSED);

		assert_int_equal(resolver_stats(resolver)->udp, 4);
		assert_int_equal(resolver_stats(resolver)->dropped, 2);
		assert_int_equal(resolver_stats(resolver)->found, 1);
		assert_int_equal(resolver_stats(resolver)->missing, 1);
		assert_int_equal(resolver_stats(resolver)->refused, 1);
		close(fd);
		resolver_free(resolver);
		resolver = NULL;
		add_host("laptop." DOMAIN, "fd00::1");
	}
	assert_true(asked >= 2);
}

/* Several questions at once, in pieces; then the end */
static void streams(void **state)
{
	uint8_t query[1024], out[DNS_MAX];
	size_t len, i;
	int fd;

	(void)state;
	add_host("laptop." DOMAIN, "fd00::1");
	assert_int_equal(open_with("127.0.0.1", -1, -1), 0);
	fd = connected("127.0.0.1", SOCK_STREAM);
	len = question(query, 1, "laptop." DOMAIN, DNS_AAAA);
	len += question(query + len, 2, "laptop." DOMAIN, DNS_A);
	for (i = 0; i < len; i++) {
		assert_int_equal(send(fd, query + i, 1, 0), 1);
		assert_true(sd_event_run(loop, 1000) >= 0);
	}
	for (i = 1; i <= 2; i++) {
		get_all(fd, out, 2);
		get_all(fd, out + 2, dns_u16(out));
		assert_int_equal(dns_id(out + 2), i);
		assert_int_equal(dns_count(out + 2, 1), 2 - i);
	}
	shutdown(fd, SHUT_WR);
	assert_int_equal(get(fd, out, sizeof(out)), 0);
	close(fd);

	/* The last question and the end come together. */
	fd = connected("127.0.0.1", SOCK_STREAM);
	assert_int_equal(send(fd, query, len, 0), len);
	shutdown(fd, SHUT_WR);
	for (i = 1; i <= 2; i++) {
		get_all(fd, out, 2);
		get_all(fd, out + 2, dns_u16(out));
		assert_int_equal(dns_id(out + 2), i);
	}
	assert_int_equal(get(fd, out, sizeof(out)), 0);
	close(fd);

	/* What is no question ends it. */
	fd = connected("127.0.0.1", SOCK_STREAM);
	assert_int_equal(send(fd, "\0\1x", 3, 0), 3);
	assert_true(get(fd, out, sizeof(out)) <= 0);
	close(fd);
	fd = connected("127.0.0.1", SOCK_STREAM);
	assert_int_equal(send(fd, "\x10\1", 2, 0), 2);
	assert_true(get(fd, out, sizeof(out)) <= 0);
	close(fd);
	assert_int_equal(resolver_stats(resolver)->tcp, 5);
}

/* Answers that nobody fetches wait, and hold only their own stream up. */
static void slow_reader(void **state)
{
	static uint8_t out[DNS_MAX];
	uint8_t query[512];
	char target[64];
	int fd, other, small = 32768;
	size_t len, i, n = 0;

	(void)state;
	for (i = 0; i < 1500; i++) {
		snprintf(target, sizeof(target), "a-longer-name-%zu." DOMAIN, i);
		add_ptr("_x._tcp." DOMAIN, target);
	}
	add_host("laptop." DOMAIN, "fd00::1");
	assert_int_equal(open_with("127.0.0.1", -1, -1), 0);
	fd = connected("127.0.0.1", SOCK_STREAM);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	len = question(query, 1, "_x._tcp." DOMAIN, DNS_PTR);
	for (i = 0; i < 100; i++) {
		n += send(fd, query, len, 0) == (ssize_t)len;
		assert_true(sd_event_run(loop, 0) >= 0);
	}
	assert_true(resolver_stats(resolver)->tcp < n);

	other = connected("127.0.0.1", SOCK_STREAM);
	i = question(query, 2, "laptop." DOMAIN, DNS_AAAA);
	assert_int_equal(send(other, query, i, 0), i);
	get_all(other, out, 2);
	get_all(other, out, dns_u16(out));
	assert_int_equal(dns_count(out, 1), 1);
	close(other);

	for (i = 0; i < n; i++) {
		get_all(fd, out, 2);
		len = dns_u16(out);
		assert_true(len > 40000);
		get_all(fd, out, len);
		assert_int_equal(dns_count(out, 1), 1500);
	}
	assert_int_equal(resolver_stats(resolver)->tcp, n + 1);
	close(fd);
}

/* One too many ends the one that was quiet for longest. */
static void too_many(void **state)
{
	int fds[RESOLVER_STREAMS + 1];
	uint8_t query[512], out[512];
	size_t i, len;

	(void)state;
	assert_int_equal(open_with("127.0.0.1", -1, -1), 0);
	len = question(query, 1, DOMAIN, DNS_SOA);
	for (i = 0; i <= RESOLVER_STREAMS; i++) {
		fds[i] = connected("127.0.0.1", SOCK_STREAM);
		assert_int_equal(send(fds[i], query, len, 0), len);
		assert_true(get(fds[i], out, sizeof(out)) > 0);
		/* The first is in use. */
		if (i == RESOLVER_STREAMS - 1) {
			assert_int_equal(send(fds[0], query, len, 0), len);
			assert_true(get(fds[0], out, sizeof(out)) > 0);
		}
	}
	assert_true(get(fds[1], out, sizeof(out)) <= 0);
	assert_int_equal(send(fds[0], query, len, 0), len);
	assert_true(get(fds[0], out, sizeof(out)) > 0);
	for (i = 0; i <= RESOLVER_STREAMS; i++)
		close(fds[i]);
}

/* Sockets of somebody else's making */
static void given(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	uint8_t query[512], out[512];
	/* They block, as systemd's do: the loop must not. */
	int udp = socket(AF_INET, SOCK_DGRAM, 0), fd;
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	size_t n;

	(void)state;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(udp, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(udp, (struct sockaddr *)&in, &len), 0);
	in.sin_port = 0;
	assert_int_equal(bind(tcp, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(tcp, 1), 0);
	assert_int_equal(open_with("192.0.2.1", udp, tcp), 0);
	assert_int_equal(fcntl(udp, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(tcp, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	fd = connected("127.0.0.1", SOCK_DGRAM);
	n = question(query, 1, DOMAIN, DNS_SOA);
	assert_int_equal(send(fd, query + 2, n - 2, 0), n - 2);
	assert_true(get(fd, out, sizeof(out)) > 0);
	close(fd);
	resolver_free(resolver);
	resolver = NULL;
	assert_int_equal(fcntl(udp, F_GETFD), -1);

	/* One without the other is a mistake, and closed, too. */
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(open_with("127.0.0.1", udp, -1), -EINVAL);
	assert_int_equal(fcntl(udp, F_GETFD), -1);
}

static void addresses(void **state)
{
	struct resolver_config config = { .udp = -1, .tcp = -1 };
	struct resolver *second;

	(void)state;
	assert_int_equal(open_with("192.0.2.1", -1, -1), -EADDRNOTAVAIL);
	assert_int_equal(open_with("2001:db8::1", -1, -1), -EADDRNOTAVAIL);
	assert_int_equal(open_with("127.9.9.9", -1, -1), 0);
	assert_null(text_to_addr("127.9.9.9", &config.ip));
	config.port = resolver_port(resolver);
	assert_int_equal(resolver_new(loop, &config, table, NULL, NULL, &second), -EADDRINUSE);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, start, stop)

/* Questions of the first moments are answered when there is something to say, or later. */
static void patience(void **state)
{
	uint8_t query[512], out[DNS_MAX];
	size_t len;
	int fd;

	(void)state;
	patient = 3600 * 1000;
	assert_int_equal(open_with("127.0.0.1", -1, -1), 0);
	fd = connected("127.0.0.1", SOCK_DGRAM);
	len = question(query, 1, "laptop." DOMAIN, DNS_AAAA);
	assert_int_equal(send(fd, query + 2, len - 2, 0), len - 2);
	while (sd_event_run(loop, 0) > 0)
		;
	assert_int_equal(resolver_stats(resolver)->udp, 0);
	add_host("laptop." DOMAIN, "fd00::1");
	resolver_go(resolver);
	resolver_go(resolver);
	assert_true(get(fd, out, sizeof(out)) > 0);
	assert_int_equal(dns_count(out, 1), 1);
	close(fd);
	resolver_free(resolver);

	patient = 1;
	assert_int_equal(open_with("127.0.0.1", -1, -1), 0);
	fd = connected("127.0.0.1", SOCK_DGRAM);
	assert_int_equal(send(fd, query + 2, len - 2, 0), len - 2);
	assert_true(get(fd, out, sizeof(out)) > 0);
	assert_int_equal(dns_count(out, 1), 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(datagrams), T(streams), T(slow_reader), T(too_many), T(given), T(addresses),
		T(patience),
	};

	return cmocka_run_group_tests_name("btmmd_resolver", tests, NULL, NULL);
}
