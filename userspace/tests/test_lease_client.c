// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/dns/message.h"
#include "../lib/lease/client.h"

#define SECONDS	1000ull
#define MINUTES	60000ull
#define HOURS	3600000ull

static const uint8_t zone[] = "\7example\3com";
static const uint8_t host[] = "\4host\7example\3com";
static const uint8_t browse[] = "\13_autotunnel\4_udp\7example\3com";

static const struct lease_client_record address = {
	.owner = host, .type = DNS_A, .ttl = 120, .rdata = (const uint8_t *)"\300\0\2\1",
	.rdlen = 4,
};
static const struct lease_client_record moved_to = {
	.owner = host, .type = DNS_A, .ttl = 120, .rdata = (const uint8_t *)"\300\0\2\2",
	.rdlen = 4,
};
static const struct lease_client_record pointer = {
	.owner = browse, .type = DNS_PTR, .shared = true, .ttl = 4500,
	.rdata = host, .rdlen = sizeof(host),
};

/* A client, a clock, and what it last sent. */
static struct world {
	struct lease_client *c;
	uint64_t now;
	uint8_t out[DNS_UDP_MAX];
	size_t len;
	char text[1024];		/* of the last update: its records */
	struct lease_option lease;	/* it asks for */
	unsigned int signatures;
	int cannot_sign;
	enum signer_result verdict;
} w;

static int world_sign(void *arg, uint8_t *msg, size_t *len, size_t size,
		      const struct tsig_mac *prior, struct tsig_mac *mac)
{
	assert_ptr_equal(arg, &w);
	assert_null(prior);
	assert_in_range(*len, DNS_HEADER, size);
	*mac = (struct tsig_mac){ .len = 2, .b = { msg[0], msg[1] } };
	w.signatures++;
	return w.cannot_sign;
}

static enum signer_result world_verify(void *arg, const uint8_t *msg, size_t len,
				       const struct tsig_mac *prior, struct tsig_mac *mac,
				       uint64_t *time)
{
	assert_ptr_equal(arg, &w);
	assert_true(len >= DNS_HEADER);
	*mac = *prior;
	*time = 0;
	return memcmp(msg, prior->b, 2) ? SIGNER_BAD : w.verdict;
}

static void start_with(struct lease_client_config config)
{
	memset(&w, 0, sizeof(w));
	w.now = 5000;
	config.zone = zone;
	memcpy(config.seed, "seed", 4);
	w.c = lease_client_new(&config);
	assert_non_null(w.c);
}

static void start(void)
{
	start_with((struct lease_client_config){ .lease = 5400 });
}

static void stop(void)
{
	lease_client_free(w.c);
	w.c = NULL;
}

static void set(const struct lease_client_record *a, const struct lease_client_record *b)
{
	struct lease_client_record records[2];
	size_t n = 0;

	if (a)
		records[n++] = *a;
	if (b)
		records[n++] = *b;
	assert_int_equal(lease_client_set(w.c, records, n, w.now), 0);
	memset(records, 0xff, sizeof(records));
}

/* "+" adds, "-" deletes a record, "0" a set; then the type, and of an
 * address the last octet
 */
static void read_update(void)
{
	struct edns_option o;
	struct dns_question q;
	struct dns_shape shape;
	struct dns_walk walk;
	struct dns_rr rr;
	size_t pos = 0, n = 0;

	w.text[0] = '\0';
	assert_int_equal(dns_flags(w.out), DNS_UPDATE << 11);
	assert_int_equal(dns_shape(w.out, w.len, &shape), 0);
	assert_int_equal(edns_next(shape.opt, shape.opt_len, &pos, &o), 1);
	assert_int_equal(o.code, EDNS_UPDATE_LEASE);
	assert_int_equal(lease_option_read(&o, &w.lease), 0);
	dns_walk_init(&walk, w.out, w.len);
	assert_int_equal(dns_walk_question(&walk, &q), 1);
	assert_true(dname_equal(q.name, zone));
	assert_int_equal(q.type, DNS_SOA);
	while (dns_walk_rr(&walk, &rr) > 0) {
		assert_int_not_equal(walk.section, 1);
		if (walk.section != 2)
			continue;
		if (rr.class_ != DNS_IN)
			assert_int_equal(rr.ttl, 0);
		n += (size_t)snprintf(w.text + n, sizeof(w.text) - n, "%c%u",
				      rr.class_ == DNS_IN ? '+' :
				      rr.class_ == DNS_NONE ? '-' : '0', rr.type);
		n += (size_t)snprintf(w.text + n, sizeof(w.text) - n,
				      rr.rdlen == 4 ? ".%u " : " ", rr.rdlen == 4 ? rr.rdata[3] : 0);
	}
}

static bool sends(void)
{
	w.len = lease_client_output(w.c, w.now, w.out, sizeof(w.out));
	if (w.len)
		read_update();
	return w.len;
}

static void sends_text(const char *want)
{
	assert_true(lease_client_deadline(w.c) <= w.now);
	assert_true(sends());
	assert_string_equal(w.text, want);
}

/* Until it sends, of its own; fails if that is not @at after @from. */
static void sends_at(uint64_t from, uint64_t at)
{
	while (!sends()) {
		assert_true(lease_client_deadline(w.c) != UINT64_MAX);
		if (lease_client_deadline(w.c) > w.now)
			w.now = lease_client_deadline(w.c);
	}
	if (w.now != from + at)
		fail_msg("sent after %llu ms, not %llu", (unsigned long long)(w.now - from),
			 (unsigned long long)at);
}

static void silent(void)
{
	assert_false(sends());
	assert_true(lease_client_deadline(w.c) > w.now);
}

static bool answers_as(uint16_t id, unsigned int rcode, const struct lease_option *lease)
{
	uint8_t msg[128], option[12], *exact;
	struct dns_writer d;
	bool was;

	dns_writer_init(&d, msg, sizeof(msg), id,
			(uint16_t)(DNS_QR | DNS_UPDATE << 11 | rcode));
	if (lease)
		dns_put_opt(&d, DNS_UDP_MAX, 0, option, lease_option_write(lease, option));
	exact = exact_copy(msg, d.len);
	was = lease_client_input(w.c, w.now, exact, d.len);
	free(exact);
	return was;
}

/* To what was last sent; @lease 0: without the option */
static void answers(unsigned int rcode, uint32_t lease)
{
	const struct lease_option o = { .lease = lease };

	assert_true(answers_as(dns_id(w.out), rcode, lease ? &o : NULL));
}

static void published(void)
{
	set(&address, &pointer);
	sends_text("01 +1.1 +12 ");
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	silent();
}

/* Published, refreshed at 80 to 85 % of what was granted, taken back. */
static void life(void **state)
{
	uint64_t from;

	(void)state;
	start();
	assert_true(lease_client_withdrawn(w.c));
	assert_true(lease_client_deadline(w.c) == UINT64_MAX);
	published();
	assert_false(w.lease.long_form);
	assert_int_equal(w.lease.lease, 5400);
	assert_int_equal(lease_client_granted(w.c), 3600);
	assert_true(lease_client_expires(w.c) == w.now + HOURS);
	assert_false(lease_client_withdrawn(w.c));

	from = w.now;
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 48 * MINUTES, 51 * MINUTES);
	/* Nothing that could fail, or change what is there */
	sends_text("+1.1 +12 ");
	assert_true(lease_client_current(w.c));
	answers(0, 1800);
	from = w.now;
	assert_true(lease_client_expires(w.c) == w.now + HOURS / 2);
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 24 * MINUTES, 24 * MINUTES + 90 * SECONDS);
	sends_text("+1.1 +12 ");
	answers(0, 1800);

	set(NULL, NULL);
	assert_false(lease_client_current(w.c));
	sends_text("01 -12 ");
	/* A lease, all the same: without one it would be an administrator's. */
	assert_int_equal(w.lease.lease, 5400);
	assert_false(lease_client_withdrawn(w.c));
	answers(0, 0);
	assert_true(lease_client_withdrawn(w.c));
	assert_true(lease_client_deadline(w.c) == UINT64_MAX);
	assert_int_equal(lease_client_granted(w.c), 0);
	stop();
}

/* Replaced in one message; the same once more is nothing. */
static void replaced(void **state)
{
	struct lease_client_record longer = address;

	(void)state;
	start();
	published();
	set(&pointer, &address);
	silent();
	set(&moved_to, &pointer);
	assert_false(lease_client_current(w.c));
	sends_text("01 +1.2 +12 ");
	answers(0, 3600);
	set(&moved_to, NULL);
	sends_text("01 -12 +1.2 ");
	answers(0, 3600);
	longer = moved_to;
	longer.ttl = 300;
	set(&longer, NULL);
	sends_text("01 +1.2 ");
	/* Set anew while it is out: that is answered first. */
	set(&address, NULL);
	silent();
	answers(0, 3600);
	assert_false(lease_client_current(w.c));
	sends_text("01 +1.1 ");
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	silent();
	stop();
}

static void invalid(void **state)
{
	static struct lease_client_record many[LEASE_CLIENT_MAX + 1];
	static const uint16_t types[] = { 0, 41, DNS_TSIG, DNS_AXFR, DNS_ANY };
	struct lease_client_record r = address;
	size_t i;

	(void)state;
	start();
	for (i = 0; i < N_OF(types); i++) {
		r.type = types[i];
		assert_int_equal(lease_client_set(w.c, &r, 1, w.now), -EINVAL);
	}
	r = address;
	r.owner = (const uint8_t *)"\7example\3net";
	assert_int_equal(lease_client_set(w.c, &r, 1, w.now), -EINVAL);
	r = address;
	r.ttl = 0x80000000;
	assert_int_equal(lease_client_set(w.c, &r, 1, w.now), -EINVAL);
	assert_int_equal(lease_client_set(w.c, many, N_OF(many), w.now), -E2BIG);
	assert_true(lease_client_withdrawn(w.c));

	/* What does not fit into a message is said, and tried for ever. */
	for (i = 0; i < LEASE_CLIENT_MAX; i++) {
		static uint8_t ip[LEASE_CLIENT_MAX][4];

		ip[i][3] = (uint8_t)i;
		many[i] = address;
		many[i].rdata = ip[i];
	}
	assert_int_equal(lease_client_set(w.c, many, LEASE_CLIENT_MAX, w.now), 0);
	assert_false(sends());
	assert_int_equal(lease_client_error(w.c), -EMSGSIZE);
	assert_in_range(lease_client_deadline(w.c) - w.now, 2000, 2200);
	set(&address, NULL);
	sends_text("01 +1.1 ");
	answers(0, 3600);
	assert_int_equal(lease_client_error(w.c), 0);
	stop();
}

/* The same octets, three times; then, ever later, new ones. */
static void silence(void **state)
{
	uint64_t wait = 2 * SECONDS, from;
	uint8_t first[DNS_UDP_MAX];
	unsigned int i;
	size_t len;

	(void)state;
	start_with((struct lease_client_config){
		.lease = 5400, .signer = { &w, world_sign, world_verify },
	});
	set(&address, NULL);
	assert_true(sends());
	for (i = 0; i < 12; i++) {
		from = w.now;
		assert_int_equal(w.signatures, i + 1);
		memcpy(first, w.out, w.len);
		len = w.len;
		sends_at(from, 2 * SECONDS);
		assert_int_equal(w.len, len);
		assert_memory_equal(w.out, first, len);
		sends_at(from, 6 * SECONDS);
		assert_memory_equal(w.out, first, len);
		w.now = from + 14 * SECONDS;
		assert_false(sends());
		assert_int_equal(lease_client_error(w.c), -ETIMEDOUT);
		from = w.now;
		w.now = lease_client_deadline(w.c);
		assert_in_range(w.now - from, wait, wait + wait / 10);
		wait = 2 * wait > 5 * MINUTES ? 5 * MINUTES : 2 * wait;
		assert_true(sends());
		assert_string_equal(w.text, "01 +1.1 ");
		assert_memory_not_equal(w.out, first, 2);
	}
	/* The answer to an older one is none; to a repetition it is. */
	w.now += 2 * SECONDS;
	assert_true(sends());
	assert_false(answers_as(dns_u16(first), 0, NULL));
	answers(0, 0);
	assert_true(lease_client_current(w.c));
	assert_int_equal(lease_client_granted(w.c), 5400);
	/* The others were long ago: they will not come any more. */
	from = w.now;
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 72 * MINUTES, 77 * MINUTES);
	sends_text("+1.1 ");
	stop();
}

/* What is out and never answered may have been done: it is undone. */
static void maybe(void **state)
{
	unsigned int i;

	(void)state;
	start();
	set(&address, &pointer);
	assert_true(sends());
	set(&moved_to, NULL);
	silent();
	lease_client_moved(w.c, w.now);
	sends_text("01 -12 +1.2 ");
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	w.now += 30 * SECONDS;
	sends_text("01 -12 +1.2 ");
	answers(0, 3600);
	silent();

	/* Three tries in vain: the next one says what is wanted by then, at once. */
	set(&address, &pointer);
	for (i = 0; i < 3; i++) {
		assert_true(sends());
		w.now = lease_client_deadline(w.c);
	}
	set(&address, NULL);
	sends_text("01 -12 +1.1 ");
	stop();
}

/* While a lease runs, tries are spread over what is left of it. */
static void refresh_fails(void **state)
{
	unsigned int tries = 0;
	uint64_t expires;

	(void)state;
	start();
	published();
	expires = lease_client_expires(w.c);
	w.now = lease_client_deadline(w.c);
	while (w.now < expires) {
		if (sends() && tries++ < 20)
			answers(DNS_SERVFAIL, 0);
		assert_int_equal(lease_client_current(w.c), w.now < expires);
		w.now = lease_client_deadline(w.c);
	}
	assert_in_range(tries, 9, 40);
	sends();
	assert_false(lease_client_current(w.c));
	assert_true(lease_client_expires(w.c) == 0);
	/* It is there no longer, but what was tried may be. */
	while (!w.len || w.text[0] != '0') {
		w.now = lease_client_deadline(w.c);
		sends();
	}
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	stop();
}

static void refusals(void **state)
{
	static const unsigned int rcodes[] = {
		DNS_REFUSED, DNS_NOTAUTH, DNS_NOTZONE, DNS_FORMERR, DNS_NOTIMP, DNS_SERVFAIL,
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rcodes); i++) {
		uint64_t wait = rcodes[i] == DNS_SERVFAIL ? 2 * SECONDS : 30 * SECONDS, from;
		unsigned int n;

		start();
		set(&address, NULL);
		for (n = 0; n < 10; n++) {
			assert_true(sends());
			answers(rcodes[i], 0);
			assert_int_equal(lease_client_error(w.c), 256 + (int)rcodes[i]);
			silent();
			from = w.now;
			w.now = lease_client_deadline(w.c);
			assert_in_range(w.now - from, wait, wait + wait / 10);
			wait *= 2;
			if (wait > (rcodes[i] == DNS_SERVFAIL ? 5 * MINUTES : HOURS))
				wait = rcodes[i] == DNS_SERVFAIL ? 5 * MINUTES : HOURS;
		}
		assert_true(sends());
		answers(rcodes[i], 0);
		lease_client_retry(w.c, w.now);
		assert_true(sends());
		answers(0, 3600);
		assert_int_equal(lease_client_error(w.c), 0);
		stop();
	}
}

/* Two leases, where the server knows of two. */
static void key_lease(void **state)
{
	const struct lease_option both = { .lease = 3600, .key_lease = 1200, .long_form = true };
	struct lease_client_record key = address;
	uint64_t from;

	(void)state;
	key.type = DNS_KEY;
	start_with((struct lease_client_config){ .lease = 5400, .key_lease = 604800 });
	set(&address, NULL);
	assert_true(sends());
	assert_true(w.lease.long_form);
	assert_int_equal(w.lease.key_lease, 604800);
	assert_true(answers_as(dns_id(w.out), 0, &both));
	assert_int_equal(lease_client_granted(w.c), 3600);
	/* With a KEY, what ends first counts. */
	set(&address, &key);
	assert_true(sends());
	assert_true(answers_as(dns_id(w.out), 0, &both));
	assert_int_equal(lease_client_granted(w.c), 1200);
	/* One in the answer is for both. */
	set(&key, NULL);
	assert_true(sends());
	answers(0, 1800);
	assert_int_equal(lease_client_granted(w.c), 1800);

	/* A server of the drafts refuses the long form. */
	set(&address, NULL);
	assert_true(sends());
	answers(DNS_REFUSED, 0);
	sends_text("025 01 +1.1 ");
	assert_false(w.lease.long_form);
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	w.now = lease_client_deadline(w.c);
	assert_true(sends());
	assert_false(w.lease.long_form);
	/* If it was not that: once more with both, later. */
	answers(DNS_REFUSED, 0);
	from = w.now;
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 30 * SECONDS, 33 * SECONDS);
	assert_true(sends());
	assert_true(w.lease.long_form);
	stop();
}

static void signatures(void **state)
{
	uint64_t from;
	uint16_t id;

	(void)state;
	start_with((struct lease_client_config){
		.lease = 5400, .signer = { &w, world_sign, world_verify },
	});
	set(&address, NULL);
	/* A clock that is off: asked again at once, but once. */
	w.verdict = SIGNER_AGAIN;
	assert_true(sends());
	id = dns_id(w.out);
	answers(DNS_NOTAUTH, 0);
	assert_true(sends());
	assert_int_equal(w.signatures, 2);
	assert_int_not_equal(dns_id(w.out), id);
	answers(DNS_NOTAUTH, 0);
	assert_int_equal(lease_client_error(w.c), 256 + DNS_NOTAUTH);
	from = w.now;
	w.now = lease_client_deadline(w.c);
	assert_in_range(w.now - from, 30 * SECONDS, 33 * SECONDS);

	/* Not signed, or wrong: as if nothing had come, until nothing has. */
	assert_true(sends());
	w.verdict = SIGNER_BAD;
	assert_false(answers_as(dns_id(w.out), 0, NULL));
	assert_false(answers_as(dns_id(w.out), DNS_NOTAUTH, NULL));
	assert_false(lease_client_current(w.c));
	from = w.now;
	sends_at(from, 2 * SECONDS);
	sends_at(from, 6 * SECONDS);
	w.now = from + 14 * SECONDS;
	assert_false(sends());
	assert_int_equal(lease_client_error(w.c), 256 + DNS_NOTAUTH);

	w.verdict = SIGNER_GOOD;
	w.cannot_sign = -EINVAL;
	w.now = lease_client_deadline(w.c);
	assert_false(sends());
	assert_int_equal(lease_client_error(w.c), -EKEYREJECTED);
	w.cannot_sign = 0;
	lease_client_retry(w.c, w.now);
	assert_true(sends());
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	stop();
}

/* On a stream one try each; the network comes and goes. */
static void stream(void **state)
{
	(void)state;
	start_with((struct lease_client_config){ .lease = 5400, .stream = true });
	lease_client_pause(w.c);
	set(&address, NULL);
	silent();
	assert_true(lease_client_deadline(w.c) == UINT64_MAX);
	lease_client_moved(w.c, w.now);
	assert_true(sends());
	assert_true(lease_client_deadline(w.c) == w.now + 15 * SECONDS);
	w.now += 15 * SECONDS;
	assert_false(sends());
	assert_true(lease_client_stuck(w.c));
	assert_false(lease_client_stuck(w.c));
	lease_client_moved(w.c, w.now);
	assert_true(sends());
	answers(0, 3600);
	w.now += 30 * SECONDS;
	assert_true(sends());
	answers(0, 3600);

	/* What is granted stays granted, wherever we are. */
	lease_client_pause(w.c);
	assert_true(lease_client_current(w.c));
	lease_client_moved(w.c, w.now);
	silent();
	/* A refresh that was out is made anew. */
	w.now = lease_client_deadline(w.c);
	assert_true(sends());
	lease_client_pause(w.c);
	assert_false(sends());
	lease_client_moved(w.c, w.now);
	assert_true(sends());
	answers(0, 3600);
	lease_client_pause(w.c);
	w.now = lease_client_expires(w.c);
	assert_false(sends());
	assert_false(lease_client_current(w.c));
	/* Taken back while there is nobody to tell: the leases end by themselves. */
	set(NULL, NULL);
	assert_false(lease_client_withdrawn(w.c));
	w.now = lease_client_deadline(w.c);
	assert_false(sends());
	assert_true(lease_client_withdrawn(w.c));
	stop();
}

/* Who starts with many others waits a little, once. */
static void spread(void **state)
{
	bool waited = false;
	uint8_t i;

	(void)state;
	for (i = 0; i < 20; i++) {
		struct lease_client_config config = {
			.zone = zone, .lease = 5400, .spread = 3000, .seed = { i },
		};

		memset(&w, 0, sizeof(w));
		w.c = lease_client_new(&config);
		set(&address, NULL);
		assert_in_range(lease_client_deadline(w.c), 0, 3000);
		waited |= lease_client_deadline(w.c) > 1000;
		w.now = lease_client_deadline(w.c);
		assert_true(sends());
		answers(0, 3600);
		set(&moved_to, NULL);
		assert_true(sends());
		stop();
	}
	assert_true(waited);
}

static void garbage(void **state)
{
	const struct lease_option o = { .lease = 3600 };
	uint8_t msg[128], option[12], *cut;
	struct dns_writer d;
	size_t i;

	(void)state;
	start();
	set(&address, NULL);
	assert_true(sends());
	dns_writer_init(&d, msg, sizeof(msg), dns_id(w.out), DNS_QR | DNS_UPDATE << 11);
	dns_put_opt(&d, DNS_UDP_MAX, 0, option, lease_option_write(&o, option));
	for (i = 0; i < d.len; i++) {
		cut = exact_copy(msg, i);
		assert_false(lease_client_input(w.c, w.now, cut, i));
		free(cut);
	}
	/* A request, a query, another's, a lease of an odd length */
	for (i = 0; i < 4; i++) {
		static const uint8_t where[] = { 2, 2, 1, 26 };
		static const uint8_t what[] = { 0x80, 0x28, 1, 1 };

		cut = exact_copy(msg, d.len);
		cut[where[i]] ^= what[i];
		assert_false(lease_client_input(w.c, w.now, cut, d.len));
		free(cut);
	}
	assert_false(lease_client_current(w.c));
	assert_true(lease_client_input(w.c, w.now, msg, d.len));
	assert_true(lease_client_current(w.c));
	assert_false(lease_client_input(w.c, w.now, msg, d.len));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life),
		cmocka_unit_test(replaced),
		cmocka_unit_test(invalid),
		cmocka_unit_test(silence),
		cmocka_unit_test(maybe),
		cmocka_unit_test(refresh_fails),
		cmocka_unit_test(refusals),
		cmocka_unit_test(key_lease),
		cmocka_unit_test(signatures),
		cmocka_unit_test(stream),
		cmocka_unit_test(spread),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
