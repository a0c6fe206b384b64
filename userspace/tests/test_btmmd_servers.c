// SPDX-License-Identifier: GPL-2.0-or-later
/* The search for servers, with resolvers that say what a test wants. */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../btmmd/servers.h"
#include "../lib/dns/message.h"

#define LIMIT_US	30000000

enum manner { GOOD, NOTHING, FAILS, SILENT };

static struct resolver {
	struct dns_place place;
	enum manner manner;
	unsigned int asked;
	int fd;
	sd_event_source *io;
} resolvers[2];

static struct world {
	sd_event *event;
	struct servers *s;
	unsigned int changed;
	uint8_t domain[DNAME_MAX], ns[DNAME_MAX], push[DNAME_MAX];
	uint8_t last;			/* octet of the server's address */
} w;

static size_t answer(const struct resolver *r, const uint8_t *msg, size_t len, uint8_t *out)
{
	uint8_t srv[6 + DNAME_MAX] = { [4] = 3, [5] = 0x55 }, a[4] = { 192, 0, 2, w.last };
	struct dns_question q;
	struct dns_writer d;
	struct dns_walk walk;
	bool is_srv;

	assert_int_equal(dns_walk_init(&walk, msg, len), 0);
	assert_int_equal(dns_walk_question(&walk, &q), 1);
	is_srv = q.type == DNS_SRV && dname_equal(q.name, w.push);
	dns_writer_init(&d, out, DNS_UDP_MAX, dns_id(msg),
			DNS_QR | DNS_RA | (r->manner == FAILS ? DNS_SERVFAIL : 0));
	dns_put_question(&d, q.name, q.type, DNS_IN);
	memcpy(srv + 6, w.ns, dname_len(w.ns));
	if (r->manner == GOOD && is_srv)
		dns_put_rr(&d, 1, q.name, q.type, DNS_IN, 300, srv, 6 + dname_len(w.ns));
	if (r->manner == GOOD && q.type == DNS_A && dname_equal(q.name, w.ns))
		dns_put_rr(&d, 1, q.name, q.type, DNS_IN, 300, a, 4);
	return d.len;
}

static int on_question(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct resolver *r = arg;
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	uint8_t msg[DNS_UDP_MAX], out[DNS_UDP_MAX];
	ssize_t n = recvfrom(fd, msg, sizeof(msg), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_len);
	size_t len;

	(void)s;
	(void)events;
	if (n <= 0)
		return 0;
	r->asked++;
	if (r->manner == SILENT)
		return 0;
	len = answer(r, msg, (size_t)n, out);
	/* Not from where it was asked: nobody listens to that. */
	sendto(resolvers[r == resolvers].fd, "nonsense", 8, 0, (struct sockaddr *)&from, from_len);
	sendto(fd, out, len, 0, (struct sockaddr *)&from, from_len);
	return 0;
}

static void on_changed(void *arg)
{
	assert_ptr_equal(arg, &w);
	w.changed++;
}

static const struct servers_ops ops = { on_changed };

static void begin(const struct servers_config *config)
{
	struct servers_config copy = *config;

	copy.domain = w.domain;
	copy.is_zone = true;
	assert_int_equal(servers_new(w.event, &copy, &ops, &w, &w.s), 0);
}

static int set_up(void **state)
{
	size_t i;

	(void)state;
	memset(&w, 0, sizeof(w));
	dname_from_text("alice.example.com", w.domain);
	dname_from_text("ns.alice.example.com", w.ns);
	dname_from_text("_dns-push-tls._tcp.alice.example.com", w.push);
	w.last = 53;
	assert_int_equal(sd_event_new(&w.event), 0);
	for (i = 0; i < 2; i++) {
		struct sockaddr_in sin = { .sin_family = AF_INET };
		socklen_t len = sizeof(sin);
		struct resolver *r = &resolvers[i];

		*r = (struct resolver){ .manner = GOOD };
		sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(r->fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
		assert_int_equal(getsockname(r->fd, (struct sockaddr *)&sin, &len), 0);
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &r->place.ip);
		r->place.port = ntohs(sin.sin_port);
		assert_true(sd_event_add_io(w.event, &r->io, r->fd, EPOLLIN, on_question, r) >= 0);
	}
	return 0;
}

static int tear_down(void **state)
{
	size_t i;

	(void)state;
	servers_free(w.s);
	for (i = 0; i < 2; i++) {
		sd_event_source_disable_unref(resolvers[i].io);
		close(resolvers[i].fd);
	}
	sd_event_unref(w.event);
	return 0;
}

static struct servers_config both(void)
{
	struct servers_config config = { .n_resolvers = 2 };

	config.resolvers[0] = resolvers[0].place;
	config.resolvers[1] = resolvers[1].place;
	return config;
}

static uint64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void turn(void)
{
	assert_true(sd_event_run(w.event, 50000) >= 0);
}

/* Until the search is over */
static void finish(void)
{
	uint64_t end = clock_us() + LIMIT_US;

	do {
		turn();
		assert_true(clock_us() < end);
	} while (servers_error(w.s) == -EINPROGRESS);
}

static void assert_push(unsigned int last)
{
	const struct discover_server *list;
	size_t n;

	list = servers_get(w.s, DISCOVER_PUSH_TLS, &n);
	assert_true(servers_known(w.s, DISCOVER_PUSH_TLS));
	assert_int_equal(n, !!last);
	if (!last)
		return;
	assert_int_equal(list->port, 853);
	assert_int_equal(list->n_addresses, 1);
	assert_int_equal(list->addresses[0][15], last);
}

static void finds(void **state)
{
	struct servers_config config = both();
	unsigned int asked;
	size_t n;

	(void)state;
	begin(&config);
	assert_false(servers_known(w.s, DISCOVER_PUSH_TLS));
	turn();
	assert_int_equal(resolvers[0].asked, 0);
	servers_wanted(w.s, false);
	finish();
	assert_int_equal(servers_error(w.s), 0);
	assert_true(w.changed);
	assert_push(53);
	servers_get(w.s, DISCOVER_LLQ, &n);
	assert_int_equal(n, 0);
	assert_true(servers_known(w.s, DISCOVER_LLQ));
	assert_int_equal(resolvers[1].asked, 0);
	/* As long as its TTL says, nobody is asked; nor too often by who is in need. */
	asked = resolvers[0].asked;
	servers_wanted(w.s, false);
	turn();
	servers_wanted(w.s, true);
	turn();
	assert_int_equal(resolvers[0].asked, asked);
	/* Another network */
	w.last = 54;
	w.changed = 0;
	servers_moved(w.s);
	finish();
	assert_push(54);
	assert_int_equal(w.changed, 1);
	servers_moved(w.s);
	finish();
	assert_int_equal(w.changed, 1);
}

static void one_fails(void **state)
{
	struct servers_config config = both();
	uint64_t begun = clock_us();

	(void)state;
	resolvers[0].manner = FAILS;
	begin(&config);
	servers_wanted(w.s, false);
	finish();
	assert_int_equal(servers_error(w.s), 0);
	assert_push(53);
	/* The other one is asked at once, without waiting for a repetition. */
	assert_true(clock_us() - begun < 900000);
}

static void one_is_silent(void **state)
{
	struct servers_config config = both();

	(void)state;
	resolvers[0].manner = SILENT;
	begin(&config);
	servers_wanted(w.s, false);
	finish();
	assert_int_equal(servers_error(w.s), 0);
	assert_push(53);
}

/* Without an answer, what was known is known; with one that there is nothing, it is not. */
static void kept(void **state)
{
	struct servers_config config = both();

	(void)state;
	begin(&config);
	servers_wanted(w.s, false);
	finish();
	resolvers[0].manner = FAILS;
	resolvers[1].manner = FAILS;
	servers_moved(w.s);
	finish();
	assert_int_equal(servers_error(w.s), -ETIMEDOUT);
	assert_push(53);
	/* It is tried again by itself. */
	resolvers[1].manner = GOOD;
	w.last = 55;
	w.changed = 0;
	while (!w.changed)
		turn();
	assert_push(55);
	resolvers[0].manner = NOTHING;
	servers_moved(w.s);
	finish();
	assert_int_equal(servers_error(w.s), 0);
	assert_push(0);
}

static void away(void **state)
{
	struct servers_config config = both();

	(void)state;
	begin(&config);
	servers_wanted(w.s, false);
	finish();
	resolvers[0].manner = SILENT;
	resolvers[1].manner = SILENT;
	servers_moved(w.s);
	finish();
	assert_int_equal(servers_error(w.s), -ETIMEDOUT);
	assert_push(53);
}

static void by_file(void **state)
{
	char name[] = "/tmp/test_btmmd_servers.XXXXXX";
	struct servers_config config = { .resolv_conf = name };
	int fd = mkstemp(name);
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	/* Our own, which would have to ask us, and what is no address */
	fputs("# nameserver 127.0.0.2\nsearch example.com\nnameserver 127.0.0.53\n"
	      "nameserver nonsense\n", f);
	fclose(f);
	inet_pton(AF_INET6, "::ffff:127.0.0.53", &config.own);
	begin(&config);
	servers_wanted(w.s, false);
	turn();
	turn();
	assert_int_equal(servers_error(w.s), -EDESTADDRREQ);
	unlink(name);
}

static void given(void **state)
{
	struct servers_config config = both();
	struct discover_server server = { .port = 853, .n_addresses = 1 };
	int i;

	(void)state;
	server.addresses[0][15] = 99;
	begin(&config);
	assert_int_equal(servers_set(w.s, DISCOVER_PUSH_TLS, &server, 1), 0);
	assert_int_equal(servers_set(w.s, DISCOVER_LLQ, &server, DISCOVER_SERVERS + 1), -EINVAL);
	assert_push(99);
	servers_wanted(w.s, false);
	finish();
	assert_push(99);
	for (i = 0; i < DISCOVER_SERVICES; i++)
		servers_set(w.s, i, &server, 1);
	resolvers[0].asked = 0;
	servers_moved(w.s);
	turn();
	assert_int_equal(resolvers[0].asked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(finds), T(one_fails), T(one_is_silent), T(kept), T(away), T(by_file), T(given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
