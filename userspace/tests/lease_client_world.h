/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of leases in a made-up world: a clock, and a server that says what a test
 * wants it to. After test.h.
 */
#ifndef BTMM_LEASE_CLIENT_WORLD_H
#define BTMM_LEASE_CLIENT_WORLD_H

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

static inline int world_sign(void *arg, uint8_t *msg, size_t *len, size_t size,
			     const struct tsig_mac *prior, struct tsig_mac *mac)
{
	assert_ptr_equal(arg, &w);
	assert_null(prior);
	assert_in_range(*len, DNS_HEADER, size);
	*mac = (struct tsig_mac){ .len = 2, .b = { msg[0], msg[1] } };
	w.signatures++;
	return w.cannot_sign;
}

static inline enum signer_result world_verify(void *arg, const uint8_t *msg, size_t len,
					      const struct tsig_mac *prior,
					      struct tsig_mac *mac, uint64_t *time)
{
	assert_ptr_equal(arg, &w);
	assert_true(len >= DNS_HEADER);
	*mac = *prior;
	*time = 0;
	return memcmp(msg, prior->b, 2) ? SIGNER_BAD : w.verdict;
}

static inline void start_with(struct lease_client_config config)
{
	memset(&w, 0, sizeof(w));
	w.now = 5000;
	config.zone = zone;
	memcpy(config.seed, "seed", 4);
	w.c = lease_client_new(&config);
	assert_non_null(w.c);
}

static inline void start(void)
{
	start_with((struct lease_client_config){ .lease = 5400 });
}

static inline void stop(void)
{
	lease_client_free(w.c);
	w.c = NULL;
}

static inline void set(const struct lease_client_record *a, const struct lease_client_record *b)
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
static inline void read_update(void)
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
				      rr.rdlen == 4 ? ".%u " : " ",
				      rr.rdlen == 4 ? rr.rdata[3] : 0);
	}
}

static inline bool sends(void)
{
	w.len = lease_client_output(w.c, w.now, w.out, sizeof(w.out));
	if (w.len)
		read_update();
	return w.len;
}

static inline void sends_text(const char *want)
{
	assert_true(lease_client_deadline(w.c) <= w.now);
	assert_true(sends());
	assert_string_equal(w.text, want);
}

/* Until it sends, of its own; fails if that is not @at after @from. */
static inline void sends_at(uint64_t from, uint64_t at)
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

static inline void silent(void)
{
	assert_false(sends());
	assert_true(lease_client_deadline(w.c) > w.now);
}

static inline bool answers_as(uint16_t id, unsigned int rcode, const struct lease_option *lease)
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
static inline void answers(unsigned int rcode, uint32_t lease)
{
	const struct lease_option o = { .lease = lease };

	assert_true(answers_as(dns_id(w.out), rcode, lease ? &o : NULL));
}

static inline void published(void)
{
	set(&address, &pointer);
	sends_text("01 +1.1 +12 ");
	answers(0, 3600);
	assert_true(lease_client_current(w.c));
	silent();
}

#endif
