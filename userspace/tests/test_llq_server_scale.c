// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an LLQ costs: octets, and work per change whatever their number. With
 * BTMM_LLQS=1000000 in the environment it does that many and prints figures.
 */
#include "test.h"

#include <time.h>

#include "llq_server_world.h"

#define LLQS		50000u
#define OCTETS_MAX	135	/* 1,000,000 and their mirror: 300 MiB */
#define OCTETS_SHARED	80	/* where each name has many LLQs: 4,000,000 in 305 MiB */
#define CLIENTS		1000	/* LLQs of each */
#define HOSTS		200u	/* of an account; each follows all */

static unsigned int n_llqs_wanted(void)
{
	const char *text = getenv("BTMM_LLQS");

	return text ? (unsigned int)atoi(text) : LLQS;
}

/* 25 octets, as names of machines in an account are. */
static void name_of(unsigned int i, uint8_t name[DNAME_MAX])
{
	char label[16];

	snprintf(label, sizeof(label), "machine%05x", i);
	assert_true(dname_prefix(label, 12, pub, name));
}

/* Client @client asks for name @i. */
static void one(unsigned int client, unsigned int i)
{
	struct subs_origin me = from_host((uint8_t)client, (uint16_t)(client + 1));
	uint8_t name[DNAME_MAX], id[LLQ_ID_LEN];

	name_of(i, name);
	say(&me, NULL, name, DNS_AAAA, LLQ_SETUP, NULL, 7200);
	next();
	memcpy(id, w.id[0], LLQ_ID_LEN);
	say(&me, NULL, name, DNS_AAAA, LLQ_SETUP, id, 7200);
	next();
}

static void up_to(unsigned int from, unsigned int to)
{
	uint8_t name[DNAME_MAX];
	unsigned int i;

	for (i = from; i < to; i++) {
		name_of(i, name);
		rr_add(name, DNS_AAAA, 1);
		one(i / CLIENTS, i);
	}
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Time of a change of one of the first @n names, and its commit. */
static double change_us(unsigned int n)
{
	static const unsigned int changes = 2000;
	static unsigned int value = 2;
	uint8_t name[DNAME_MAX];
	unsigned int i, looked = (unsigned int)w.looked_up;
	double before = cpu_us();

	for (i = 0; i < changes; i++) {
		name_of(i * 7919u % n, name);
		rr_add(name, DNS_AAAA, value++);
		commit();
		next();
		assert_non_null(w.got);
		ack(w.got, NULL);
		assert_int_equal(w.n_sent, 0);
	}
	/* How often the zone was asked has nothing to do with how many there are. */
	assert_true(w.looked_up - looked <= changes * 2);
	return (cpu_us() - before) / changes;
}

static unsigned long rss_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmRSS: %lu", &kib);
	if (f)
		fclose(f);
	return kib;
}

static void octets_and_work(void **state)
{
	unsigned int n = n_llqs_wanted(), few = 500;
	unsigned long before_rss;
	double early, late;
	size_t before;

	(void)state;
	w.no_persist = true;
	w.config.max_llqs = n;
	w.config.max_per_zone = n;
	w.config.max_per_client = n;
	world_again();
	before = stats().octets;
	before_rss = rss_kib();
	up_to(0, few);
	early = change_us(few);
	up_to(few, n);
	assert_int_equal(stats().llqs[SUBS_UDP], n);
	assert_int_equal(stats().names, n);
	late = change_us(n);

	if (getenv("BTMM_LLQS"))
		print_message("%u LLQs: %zu octets each, the mirror %zu octets a name, "
			      "%lu KiB resident more; a change %.1f us, with %u of them %.1f us\n",
			      n, (stats().octets - before) / n,
			      zone_octets(w.zones[0].z) / zone_names(w.zones[0].z),
			      rss_kib() - before_rss, late, few, early);
	assert_true((stats().octets - before) / n < OCTETS_MAX);
	/* A hundred times as many: a walk over them would show as that. Caches do, too. */
	assert_true(late < 20 * early);

	/* All of them end without a walk for each. */
	subs_end_zone(w.s, pub);
	assert_int_equal(n_llqs(), 0);
	assert_int_equal(stats().clients, 0);
}

/* As in an account, whose hosts all follow each other. */
static void octets_of_an_account(void **state)
{
	unsigned int i, n = HOSTS * HOSTS;
	size_t before;

	(void)state;
	w.no_persist = true;
	w.config.max_llqs = n;
	w.config.max_per_zone = n;
	w.config.max_per_client = n;
	world_again();
	before = stats().octets;
	for (i = 0; i < n; i++)
		one(i / HOSTS, i % HOSTS);
	assert_int_equal(stats().llqs[SUBS_UDP], n);
	if (getenv("BTMM_LLQS"))
		print_message("%u LLQs of %u clients on %u names: %zu octets each\n",
			      n, HOSTS, HOSTS, (stats().octets - before) / n);
	assert_true((stats().octets - before) / n < OCTETS_SHARED);
}

static void memory_is_used_again(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	size_t octets = 0;
	unsigned int i, round;

	(void)state;
	w.no_persist = true;
	world_again();
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 1000; i++) {
			me.peer.port = (uint16_t)(i + 1);
			set_up(&me, NULL, i % 2 ? host : other, DNS_A, 900);
		}
		rr_add(host, DNS_A, round);
		commit();
		w.first = (w.first + w.n_sent) % N_SENT;
		w.n_sent = 0;
		pass(900 * SECOND);
		assert_int_equal(n_llqs(), 0);
		w.first = (w.first + w.n_sent) % N_SENT;
		w.n_sent = 0;
		if (round == 1)
			octets = stats().octets;
	}
	assert_int_equal(stats().octets, octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(octets_and_work),
		world_test(octets_of_an_account),
		world_test(memory_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
