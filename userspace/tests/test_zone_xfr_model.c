// SPDX-License-Identifier: GPL-2.0-or-later
/* A primary that changes at random, and tells of it in any style it may. */
#include "test.h"

#include "test_xfr.h"

#define NAMES		12
#define DATA		3
#define VERSIONS	3000
#define ABSENT		0

/* TTL of each record that may be there, or ABSENT. */
typedef uint8_t content[NAMES][DATA];

static content history[VERSIONS];
static unsigned int newest;
static content heard;	/* what the mirror's watcher thinks there is */

static uint32_t rnd(uint32_t n)
{
	static uint64_t s = 0x2545f4914f6cdd1dull;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (uint32_t)(s >> 33) % n;
}

static void record(char *out, size_t size, unsigned int n, unsigned int d, uint8_t ttl)
{
	/* One below the other, so that names come and go between others. */
	if (n % 3)
		snprintf(out, size, "n%u.n%u TXT ttl=%u %c", n, n / 3, ttl, 'a' + d);
	else
		snprintf(out, size, "n%u TXT ttl=%u %c", n, ttl, 'a' + d);
}

static void listener(void *arg, const struct zone *z, const struct zone_change *c)
{
	unsigned int n;
	uint8_t *h;

	(void)arg;
	assert_non_null(z);
	if (c->rr.type == DNS_SOA)
		return;
	assert_int_equal(c->rr.type, DNS_TXT);
	n = (unsigned int)atoi((const char *)c->owner + 2);
	h = &heard[n][c->rr.rdata[1] - 'a'];
	assert_int_equal(*h, c->add ? ABSENT : c->rr.ttl);
	*h = c->add ? (uint8_t)c->rr.ttl : ABSENT;
}

static char lines[20000][80];
static size_t n_lines;

static void soa_line(unsigned int version)
{
	snprintf(lines[n_lines++], sizeof(*lines), "@ SOA %u", version);
}

/* The records of @a that are not likewise in @b. */
static void difference_lines(const content *a, const content *b)
{
	unsigned int n, d;

	for (n = 0; n < NAMES; n++) {
		for (d = 0; d < DATA; d++) {
			if ((*a)[n][d] != ABSENT && (!b || (*a)[n][d] != (*b)[n][d]))
				record(lines[n_lines++], sizeof(*lines), n, d, (*a)[n][d]);
		}
	}
}

static void whole_lines(void)
{
	n_lines = 0;
	soa_line(newest);
	difference_lines(&history[newest], NULL);
	soa_line(newest);
}

static void ixfr_lines(unsigned int from)
{
	unsigned int v, to;

	n_lines = 0;
	soa_line(newest);
	if (from == newest)
		return;
	if (rnd(8) == 0) {
		whole_lines();
		/* For a zone that small, this would be no IXFR. */
		if (n_lines > 2)
			return;
		n_lines = 1;
	}
	/* Now and then several versions become one difference (RFC 1995 5). */
	for (v = from; v < newest; v = to) {
		to = v + 1 + rnd(3);
		if (to > newest)
			to = newest;
		soa_line(v);
		difference_lines(&history[v], &history[to]);
		soa_line(to);
		difference_lines(&history[to], &history[v]);
	}
	soa_line(newest);
}

/* Sends the lines in messages of any size; breaks off now and then. */
static enum xfr_result send_lines(struct primary *p)
{
	enum xfr_result result = XFR_MORE;
	size_t i = 0, per = 1 + rnd(30);
	bool first = true;

	while (i < n_lines) {
		size_t end = i + per < n_lines ? i + per : n_lines;

		if (rnd(60) == 0) {
			xfr_lost(p->x, T0, NULL);
			return XFR_FAILED;
		}
		reply_begin(p, 4711, DNS_QR, first);
		for (; i < end; i++)
			reply_line(p, lines[i]);
		result = reply_send(p, T0);
		assert_int_equal(result, i < n_lines ? XFR_MORE : XFR_DONE);
		first = false;
	}
	return result;
}

static void change(void)
{
	unsigned int i, k = rnd(6);
	content *c = &history[newest + 1];

	memcpy(c, &history[newest], sizeof(*c));
	for (i = 0; i < k; i++)
		(*c)[rnd(NAMES)][rnd(DATA)] = (uint8_t)(rnd(2) ? ABSENT : 1 + rnd(3));
	newest++;
}

static void compare(struct primary *p, unsigned int version)
{
	const struct zone_node *node;
	size_t pos = 0, n = 0, want = 0;
	unsigned int i;

	assert_int_equal(zone_serial(p->z), version);
	for (i = 0; i < NAMES * DATA; i++) {
		char text[80], owner[64], data[2] = { (char)('a' + i % DATA), 0 };

		record(text, sizeof(text), i / DATA, i % DATA, 0);
		*strchr(text, ' ') = '\0';
		snprintf(owner, sizeof(owner), "%.20s.example.com", text);
		assert_int_equal(zhas(p->z, owner, DNS_TXT, data),
				 history[version][i / DATA][i % DATA] != ABSENT);
		want += history[version][i / DATA][i % DATA] != ABSENT;
	}
	while ((node = zone_next(p->z, &pos))) {
		struct zone_rr rr;
		size_t at = 0;

		while (zone_node_next(node, &at, &rr))
			n++;
	}
	assert_int_equal(n, want + 1);
	assert_memory_equal(heard, history[version], sizeof(heard));
}

static void any_way(void **state)
{
	struct primary *p = primary_new(NULL, NULL);
	unsigned int rounds = 0, version = 0, failed = 0;
	struct xfr_status s;

	(void)state;
	zone_watch(p->z, listener, NULL);
	newest = 1;
	while (newest < VERSIONS - 8) {
		unsigned int k = rnd(5);

		while (k--)
			change();
		xfr_poke(p->x, T0);
		if (asked(p, xfr_deadline(p->x)) == DNS_AXFR)
			whole_lines();
		else
			ixfr_lines(p->serial);
		if (send_lines(p) == XFR_DONE)
			version = newest;
		else
			failed++;
		if (version)
			compare(p, version);
		rounds++;
	}
	xfr_status(p->x, &s);
	assert_true(s.n_ixfr > 50 && s.n_axfr > 10 && s.n_current > 10 && failed > 10);
	assert_int_equal(s.n_ixfr + s.n_axfr + s.n_current + failed, rounds);
	primary_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
