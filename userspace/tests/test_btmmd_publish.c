// SPDX-License-Identifier: GPL-2.0-or-later
/* The publisher against a server that does what a test wants, on real sockets. */
#define _GNU_SOURCE
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../btmmd/publish.h"
#include "../lib/dns/edns.h"
#include "../lib/lease/request.h"

#define LIMIT	10000	/* ms until a test gives up */

static const uint8_t zone[] = "\7example\3com";
static const uint8_t host[] = "\4mini\7example\3com";

enum manner { ANSWER, REFUSE, SILENT, HANG_UP };

static struct {
	int fd, conn;
	uint16_t port;
	sd_event_source *accept, *read;
	enum manner manner;
	uint32_t lease;
	uint8_t in[4096];
	size_t len;
	/* What it was told */
	unsigned int conns, updates, adds, deletes;
	uint32_t asked;
} server;

static struct {
	sd_event *event;
	struct servers *servers;
	struct publisher *p;
	struct publisher_status last;
	unsigned int changes, stops;
	bool late;
} w;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- the server -------------------------------------------------------------------- */

static void hang_up(void)
{
	server.read = sd_event_source_disable_unref(server.read);
	if (server.conn >= 0)
		close(server.conn);
	server.conn = -1;
	server.len = 0;
}

static void answer(const uint8_t *msg)
{
	struct lease_option o = { .lease = server.lease };
	uint8_t out[512], option[12];
	struct dns_writer writer;

	dns_writer_init(&writer, out + 2, sizeof(out) - 2, dns_id(msg),
			DNS_QR | DNS_UPDATE << 11 |
			(server.manner == REFUSE ? DNS_REFUSED : DNS_NOERROR));
	dns_put_question(&writer, zone, DNS_SOA, DNS_IN);
	dns_put_opt(&writer, DNS_UDP_MAX, 0, option, lease_option_write(&o, option));
	dns_put16(out, (uint16_t)writer.len);
	assert_int_equal(send(server.conn, out, writer.len + 2, 0), writer.len + 2);
}

static void take(const uint8_t *msg, size_t len)
{
	struct update_msg m;
	size_t i;

	assert_int_equal(update_parse(msg, len, &m), DNS_NOERROR);
	assert_true(m.has_lease);
	server.asked = m.lease.lease;
	server.updates++;
	server.adds = 0;
	server.deletes = 0;
	for (i = m.n_prereqs; i < m.n_rrs; i++) {
		server.adds += m.rrs[i].kind == UPDATE_ADD;
		server.deletes += m.rrs[i].kind != UPDATE_ADD;
	}
	update_msg_free(&m);
	if (server.manner == HANG_UP)
		hang_up();
	else if (server.manner != SILENT)
		answer(msg);
}

static int on_read(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	ssize_t n = recv(fd, server.in + server.len, sizeof(server.in) - server.len, 0);
	size_t len;

	(void)s;
	(void)events;
	(void)arg;
	if (n <= 0) {
		hang_up();
		return 0;
	}
	server.len += (size_t)n;
	/* TLS is begun: not here. */
	if (server.in[0] == 0x16) {
		hang_up();
		return 0;
	}
	while (server.len >= 2) {
		len = dns_u16(server.in);
		if (server.len < 2 + len)
			break;
		take(server.in + 2, len);
		if (server.conn < 0)
			break;
		server.len -= 2 + len;
		memmove(server.in, server.in + 2 + len, server.len);
	}
	return 0;
}

static int on_accept(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	(void)s;
	(void)events;
	(void)arg;
	hang_up();
	server.conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
	assert_true(server.conn >= 0);
	server.conns++;
	assert_true(sd_event_add_io(w.event, &server.read, server.conn, EPOLLIN, on_read,
				    NULL) >= 0);
	return 0;
}

static void listen_now(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int one = 1;

	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(server.fd >= 0);
	setsockopt(server.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(server.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(server.fd, 5), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&a, &len), 0);
	server.port = ntohs(a.sin_port);
	assert_true(sd_event_add_io(w.event, &server.accept, server.fd, EPOLLIN, on_accept,
				    NULL) >= 0);
}

static void server_end(void)
{
	hang_up();
	server.accept = sd_event_source_disable_unref(server.accept);
	if (server.fd >= 0)
		close(server.fd);
	server.fd = -1;
}

/* --- the publisher ----------------------------------------------------------------- */

static void on_changed(void *arg)
{
	(void)arg;
	w.changes++;
	publisher_status(w.p, &w.last);
}

static void on_stopped(void *arg)
{
	(void)arg;
	w.stops++;
}

static const struct publisher_ops ops = { .changed = on_changed, .stopped = on_stopped };

static void servers_news(void *arg)
{
	(void)arg;
	publisher_servers_changed(w.p);
}

static const struct servers_ops servers_ops = { .changed = servers_news };

static void server_is(enum discover_service service, const uint16_t *ports, size_t n)
{
	struct discover_server s[4];
	size_t i;

	memset(s, 0, sizeof(s));
	for (i = 0; i < n; i++) {
		memcpy(s[i].target, host, sizeof(host));
		s[i].port = ports[i];
		s[i].n_addresses = 1;
		s[i].addresses[0][10] = 0xff;
		s[i].addresses[0][11] = 0xff;
		s[i].addresses[0][12] = 127;
		s[i].addresses[0][15] = 1;
	}
	assert_int_equal(servers_set(w.servers, service, s, n), 0);
}

static int setup(void **state)
{
	struct servers_config sc = { .domain = zone, .is_zone = true };
	struct publisher_config pc = { .zone = zone, .clear = true };

	(void)state;
	memset(&w, 0, sizeof(w));
	memset(&server, 0, sizeof(server));
	server.fd = -1;
	server.conn = -1;
	server.lease = 3600;
	if (sd_event_new(&w.event) < 0 ||
	    servers_new(w.event, &sc, &servers_ops, NULL, &w.servers))
		return -1;
	listen_now(0);
	pc.servers = w.servers;
	if (publisher_new(w.event, &pc, &ops, NULL, &w.p))
		return -1;
	server_is(DISCOVER_UPDATE_TLS, NULL, 0);
	server_is(DISCOVER_UPDATE, &server.port, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	publisher_free(w.p);
	servers_free(w.servers);
	server_end();
	sd_event_unref(w.event);
	return 0;
}

static void want(uint8_t last, bool two)
{
	struct publish_set *s = calloc(1, sizeof(*s));
	uint8_t address[4] = { 192, 0, 2, last };

	assert_non_null(s);
	s->n = two ? 2 : 1;
	s->records[0] = (struct lease_client_record){
		.owner = host, .type = DNS_A, .ttl = 120, .rdata = address, .rdlen = 4,
	};
	s->records[1] = (struct lease_client_record){
		.owner = host, .type = DNS_TXT, .ttl = 120, .rdata = (const uint8_t *)"\1x",
		.rdlen = 2,
	};
	assert_int_equal(publisher_set(w.p, s), 0);
	free(s);
}

/* Runs the loop until @done says so. */
static void until(bool (*done)(void))
{
	uint64_t end = now_ms() + LIMIT;

	while (!done()) {
		if (now_ms() > end)
			fail_msg("it does not come: %u updates, %u connections, why '%s'",
				 server.updates, server.conns, w.last.why);
		assert_true(sd_event_run(w.event, 20000) >= 0);
	}
}

static bool is_current(void)
{
	publisher_status(w.p, &w.last);
	return w.last.current;
}

static bool is_not_current(void)
{
	return !is_current();
}

static bool has_stopped(void)
{
	return w.stops;
}

static bool has_why(void)
{
	publisher_status(w.p, &w.last);
	return w.last.why[0] && server.updates;
}

static bool two_updates(void)
{
	return server.updates >= 2;
}

static bool is_cut(void)
{
	return server.conn < 0;
}

static void published_and_taken_back(void **state)
{
	(void)state;
	publisher_status(w.p, &w.last);
	assert_false(w.last.current);
	assert_int_equal(w.last.to.port, 0);
	want(1, true);
	assert_int_equal(w.changes, 0);
	until(is_current);
	assert_int_equal(server.updates, 1);
	assert_int_equal(server.adds, 2);
	assert_int_equal(server.asked, PUBLISHER_LEASE);
	assert_int_equal(w.last.records, 2);
	assert_int_equal(w.last.lease, 3600);
	assert_in_range(w.last.expires, now_ms() + 3500000, now_ms() + 3600000);
	assert_true(w.last.acknowledged && w.last.acknowledged <= now_ms());
	assert_int_equal(w.last.to.port, server.port);
	assert_true(w.last.clear && w.last.connected);
	assert_string_equal(w.last.why, "");
	assert_true(w.changes);

	/* A change goes over the same connection, in one message. */
	want(2, false);
	assert_true(is_not_current());
	until(is_current);
	assert_int_equal(server.conns, 1);
	assert_int_equal(server.adds, 1);
	assert_int_equal(server.deletes, 2);

	publisher_stop(w.p, 5000);
	until(has_stopped);
	assert_int_equal(server.adds, 0);
	assert_int_equal(server.deletes, 1);
	publisher_status(w.p, &w.last);
	assert_int_equal(w.last.records, 0);
	assert_int_equal(w.last.lease, 0);
	assert_false(w.last.connected);
}

static void nothing_to_take_back(void **state)
{
	(void)state;
	publisher_stop(w.p, 5000);
	until(has_stopped);
	assert_int_equal(server.conns, 0);
}

static void a_server_that_breaks_off(void **state)
{
	(void)state;
	server.manner = HANG_UP;
	want(1, false);
	until(two_updates);
	publisher_status(w.p, &w.last);
	assert_false(w.last.current);
	server.manner = ANSWER;
	until(is_current);
	assert_true(server.conns >= 3);
}

static void a_refusal(void **state)
{
	(void)state;
	server.manner = REFUSE;
	want(1, false);
	until(has_why);
	assert_string_equal(w.last.why, "the server answers REFUSED");
	assert_int_equal(server.updates, 1);
	/* Another network may have another server behind the same name. */
	server.manner = ANSWER;
	publisher_moved(w.p, false);
	until(is_current);
	assert_string_equal(w.last.why, "");
}

static void the_second_server(void **state)
{
	uint16_t ports[] = { 1, server.port };

	(void)state;
	server_is(DISCOVER_UPDATE, ports, 2);
	want(1, false);
	until(is_current);
	assert_int_equal(w.last.to.port, server.port);
}

static void no_server_at_first(void **state)
{
	uint16_t port = server.port;

	(void)state;
	server_end();
	want(1, false);
	while (!w.last.why[0])
		assert_true(sd_event_run(w.event, 20000) >= 0);
	assert_non_null(strstr(w.last.why, "127.0.0.1:"));
	listen_now(port);
	until(is_current);
}

static void a_silent_server_does_not_hold_up_the_end(void **state)
{
	uint64_t begin;

	(void)state;
	want(1, false);
	until(is_current);
	server.manner = SILENT;
	begin = now_ms();
	publisher_stop(w.p, 300);
	until(has_stopped);
	assert_in_range(now_ms() - begin, 290, 3000);
	assert_int_equal(server.updates, 2);
	assert_int_equal(w.stops, 1);
	until(is_cut);
}

static void paused(void **state)
{
	unsigned int before;

	(void)state;
	want(1, false);
	until(is_current);
	publisher_pause(w.p);
	until(is_cut);
	want(2, false);
	before = server.updates;
	assert_true(sd_event_run(w.event, 100000) >= 0);
	assert_true(sd_event_run(w.event, 100000) >= 0);
	assert_int_equal(server.updates, before);
	publisher_status(w.p, &w.last);
	assert_string_equal(w.last.why, "there is no network");
	publisher_moved(w.p, false);
	until(is_current);
	assert_int_equal(server.conns, 2);
}

static bool is_connected(void)
{
	publisher_status(w.p, &w.last);
	return w.last.connected && server.conn >= 0;
}

static bool four_conns(void)
{
	return server.conns == 4;
}

/* What is to be said is not known yet; by then, the connection is there. Once. */
static void moved_connects_ahead(void **state)
{
	unsigned int i;

	(void)state;
	want(1, false);
	until(is_current);
	publisher_pause(w.p);
	until(is_cut);
	publisher_moved(w.p, false);
	until(is_connected);
	assert_int_equal(server.conns, 2);
	assert_int_equal(server.updates, 1);
	want(2, false);
	until(is_not_current);
	until(is_current);
	assert_int_equal(server.conns, 2);
	assert_int_equal(server.updates, 2);
	/* A server that does not wait for it to be used is not called again and again. */
	publisher_pause(w.p);
	until(is_cut);
	publisher_moved(w.p, false);
	until(is_connected);
	/* One that works stays; but not if it leads into another network. */
	publisher_moved(w.p, false);
	for (i = 0; i < 5; i++)
		assert_true(sd_event_run(w.event, 20000) >= 0);
	assert_int_equal(server.conns, 3);
	publisher_moved(w.p, true);
	until(four_conns);
	until(is_connected);
	hang_up();
	for (i = 0; i < 10; i++)
		assert_true(sd_event_run(w.event, 20000) >= 0);
	assert_int_equal(server.conns, 4);
}

/* The server tidies up, which is nobody's failure. */
static void an_idle_connection_ends(void **state)
{
	(void)state;
	want(1, false);
	until(is_current);
	hang_up();
	while (w.last.connected)
		assert_true(sd_event_run(w.event, 20000) >= 0);
	assert_true(w.last.current);
	assert_string_equal(w.last.why, "");
	want(2, false);
	until(is_not_current);
	until(is_current);
	assert_int_equal(server.conns, 2);
}

static bool has_failed(void)
{
	publisher_status(w.p, &w.last);
	return w.last.why[0];
}

static bool is_first(void)
{
	return server.conns == 1 && is_connected();
}

static bool is_second(void)
{
	return server.conns == 2 && is_connected();
}

/* Is there a server? Asked until there is, and nothing is said to it. */
static void a_probe(void **state)
{
	uint16_t port = server.port;
	unsigned int i, turns;
	uint64_t begin;

	(void)state;
	server_end();
	publisher_probe(w.p);
	publisher_probe(w.p);
	until(has_failed);
	listen_now(port);
	until(is_first);
	/* That connection proves nothing any more; but it is not replaced in haste. */
	publisher_probe(w.p);
	for (turns = 0, begin = now_ms(); now_ms() - begin < 200; turns++)
		assert_true(sd_event_run(w.event, 20000) >= 0);
	assert_true(turns < 50);
	assert_int_equal(server.conns, 1);
	hang_up();
	until(is_second);
	hang_up();
	for (i = 0; i < 20; i++)
		assert_true(sd_event_run(w.event, 20000) >= 0);
	assert_int_equal(server.conns, 2);
	assert_int_equal(server.updates, 0);
	assert_false(is_connected());
}

/* The server is heard of otherwise: what waits does not wait on. */
static void a_sign_of_life(void **state)
{
	uint16_t port = server.port;
	uint64_t begin;

	(void)state;
	server_end();
	want(1, false);
	until(has_failed);
	begin = now_ms();
	listen_now(port);
	publisher_retry(w.p);
	until(is_current);
	assert_true(now_ms() - begin < PUBLISHER_AGAIN / 2);
}

/* What SRV records say is not enough for clear text. */
static void no_clear_text(void **state)
{
	struct publisher_config pc = { .zone = zone, .servers = w.servers };
	struct dns_trust_config tc = { .n_pins = 1 };
	struct dns_trust *trust;
	struct publisher *q;
	char why[256];

	(void)state;
	assert_int_equal(publisher_new(w.event, &pc, &ops, NULL, &q), -EINVAL);
	trust = dns_trust_new(&tc, why, sizeof(why));
	assert_non_null(trust);
	pc.trust = trust;
	publisher_free(w.p);
	assert_int_equal(publisher_new(w.event, &pc, &ops, NULL, &w.p), 0);
	want(1, false);
	while (!w.last.why[0])
		assert_true(sd_event_run(w.event, 20000) >= 0);
	assert_non_null(strstr(w.last.why, "no server for updates over TLS"));
	/* Even at the port where TLS should be. */
	server_is(DISCOVER_UPDATE_TLS, &server.port, 1);
	while (!strstr(w.last.why, "127.0.0.1"))
		assert_true(sd_event_run(w.event, 20000) >= 0);
	assert_int_equal(server.updates, 0);
	publisher_free(w.p);
	w.p = NULL;
	dns_trust_free(trust);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(published_and_taken_back),
		T(nothing_to_take_back),
		T(a_server_that_breaks_off),
		T(a_refusal),
		T(the_second_server),
		T(no_server_at_first),
		T(a_silent_server_does_not_hold_up_the_end),
		T(paused),
		T(moved_connects_ahead),
		T(an_idle_connection_ends),
		T(a_probe),
		T(a_sign_of_life),
		T(no_clear_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
