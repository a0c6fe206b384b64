// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client of leases against a server behind a network that loses, repeats,
 * delays and reorders. Whatever happened, in the end the server has exactly what is
 * wanted, beside what it had of others.
 */
#include "test.h"

#include "../lib/dns/message.h"
#include "../lib/dns/siphash.h"
#include "../lib/lease/client.h"

#define N_OWNERS	3
#define N_VALUES	4
#define FLYING_MAX	64
#define DELAY_MAX	20000	/* ms; less than it takes to be said again */

static const uint8_t zone[] = "\7example\3com";
static const uint8_t owners[N_OWNERS][16] = {
	"\1a\7example\3com", "\1b\7example\3com", "\1s\7example\3com",
};

/* The last one is shared: with somebody who has this. */
#define SHARED		(N_OWNERS - 1)
#define FOREIGN		(N_VALUES - 1)

struct flying {
	bool up;		/* to the server */
	uint64_t at;
	uint8_t msg[DNS_UDP_MAX];
	size_t len;
};

static struct world {
	uint8_t key[16];
	uint64_t n, now;
	struct lease_client *c;
	bool wanted[N_OWNERS][N_VALUES], there[N_OWNERS][N_VALUES];
	struct flying flying[FLYING_MAX];
	size_t n_flying;
	uint64_t done[4096];		/* updates, by their octets */
	size_t n_done;
	bool calm;			/* nothing is lost */
} w;

static uint64_t random_below(uint64_t n)
{
	w.n++;
	return siphash24(w.key, (const uint8_t *)&w.n, sizeof(w.n)) % n;
}

static void fly(bool up, const uint8_t *msg, size_t len)
{
	unsigned int copies = w.calm ? 1 : random_below(10) < 3 ? 0 : 1 + !random_below(5);

	while (copies-- && w.n_flying < FLYING_MAX) {
		struct flying *f = &w.flying[w.n_flying++];

		f->up = up;
		f->at = w.now + (random_below(3) ? 20 : random_below(w.calm ? 100 : DELAY_MAX));
		f->len = len;
		memcpy(f->msg, msg, len);
	}
}

static void apply(const struct dns_rr *rr)
{
	unsigned int owner, value = 0;

	for (owner = 0; !dname_equal(owners[owner], rr->owner);)
		assert_true(++owner < N_OWNERS);
	assert_int_equal(rr->type, DNS_A);
	if (rr->rdlen)
		value = rr->rdata[3];
	switch (rr->class_) {
	case DNS_IN:
		w.there[owner][value] = true;
		break;
	case DNS_NONE:
		w.there[owner][value] = false;
		break;
	default:
		memset(w.there[owner], 0, sizeof(w.there[owner]));
	}
}

static void serve(const uint8_t *msg, size_t len)
{
	uint64_t hash = siphash24(w.key, msg, len);
	uint8_t answer[64];
	struct dns_writer d;
	struct dns_walk walk;
	struct dns_rr rr;
	size_t i;

	for (i = 0; i < w.n_done && w.done[i] != hash; i++)
		;
	if (i == w.n_done) {
		assert_true(w.n_done < N_OF(w.done));
		w.done[w.n_done++] = hash;
		dns_walk_init(&walk, msg, len);
		while (dns_walk_rr(&walk, &rr) > 0) {
			if (walk.section == 2)
				apply(&rr);
		}
	}
	dns_writer_init(&d, answer, sizeof(answer), dns_id(msg), DNS_QR | DNS_UPDATE << 11);
	fly(false, answer, d.len);
}

static void land(size_t i)
{
	struct flying f = w.flying[i];

	w.flying[i] = w.flying[--w.n_flying];
	if (f.up)
		serve(f.msg, f.len);
	else
		lease_client_input(w.c, w.now, f.msg, f.len);
}

/* Up to @until */
static void run(uint64_t until)
{
	uint8_t out[DNS_UDP_MAX];
	uint64_t next;
	size_t len, i, first;

	for (;;) {
		while ((len = lease_client_output(w.c, w.now, out, sizeof(out))))
			fly(true, out, len);
		next = lease_client_deadline(w.c);
		for (i = 0, first = FLYING_MAX; i < w.n_flying; i++) {
			if (w.flying[i].at <= next) {
				next = w.flying[i].at;
				first = i;
			}
		}
		if (next > until)
			break;
		if (next > w.now)
			w.now = next;
		if (first < FLYING_MAX)
			land(first);
	}
	w.now = until;
}

static void want(void)
{
	struct lease_client_record records[N_OWNERS * N_VALUES];
	static uint8_t ips[N_VALUES][4];
	unsigned int owner, value;
	size_t n = 0;

	for (owner = 0; owner < N_OWNERS; owner++) {
		for (value = 0; value < N_VALUES; value++) {
			bool yes = value != FOREIGN && (!random_below(3) || owner + value == 0);

			ips[value][3] = (uint8_t)value;
			w.wanted[owner][value] = yes;
			if (!yes)
				continue;
			records[n++] = (struct lease_client_record){
				.owner = owners[owner], .type = DNS_A, .ttl = 60,
				.shared = owner == SHARED, .rdata = ips[value], .rdlen = 4,
			};
		}
	}
	assert_int_equal(lease_client_set(w.c, records, n, w.now), 0);
}

static void one_life(void)
{
	struct lease_client_config config = { .zone = zone, .lease = 5400 };
	unsigned int i;

	memcpy(config.seed, w.key, sizeof(config.seed));
	config.stream = random_below(2);
	w.c = lease_client_new(&config);
	assert_non_null(w.c);
	for (i = 0; i < 30; i++) {
		switch (random_below(8)) {
		case 0:
			lease_client_moved(w.c, w.now);
			break;
		case 1:
			lease_client_pause(w.c);
			break;
		case 2:
			lease_client_retry(w.c, w.now);
			break;
		default:
			want();
		}
		run(w.now + random_below(random_below(4) ? 3000 : 400000));
	}
	/* The network is well again, and all of what was under way has come or not. */
	lease_client_moved(w.c, w.now);
	w.calm = true;
	run(w.now + 3600000);
	assert_true(lease_client_current(w.c));
	assert_int_equal(w.n_flying, 0);
	w.wanted[SHARED][FOREIGN] = true;
	assert_memory_equal(w.there, w.wanted, sizeof(w.there));
	lease_client_free(w.c);
}

static void model(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 300; i++) {
		memset(&w, 0, sizeof(w));
		dns_put32(w.key, i);
		w.now = 1000000;
		w.there[SHARED][FOREIGN] = true;
		/* What an earlier life has left of a name that is ours alone */
		w.there[0][random_below(N_VALUES)] = true;
		one_life();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
