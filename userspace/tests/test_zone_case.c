// SPDX-License-Identifier: GPL-2.0-or-later
/* Names in RDATA: compared in lower case, shown as the primary has them. */
#include "test.h"

#include "../lib/zone/answer.h"
#include "test_xfr.h"

#define SSH	"_ssh._tcp.example.com"
#define IMAC	"Alice's iMac._ssh._tcp.example.com"
#define LOWER	"alice's imac._ssh._tcp.example.com"
#define OTHER	"ALICE'S IMAC._ssh._tcp.Example.com"
#define PTR_LEN	36

static struct zone *watched(struct told *t)
{
	struct zone *z = zone_new(dn("example.com"));

	assert_non_null(z);
	memset(t, 0, sizeof(*t));
	zone_watch(z, told_fn, t);
	return z;
}

static void kept(void **state)
{
	struct told t;
	struct zone *z = watched(&t);
	struct zone_rr rr;

	(void)state;
	assert_int_equal(zput(z, SSH, DNS_PTR, 60, IMAC), 0);
	assert_int_equal(zput(z, SSH, DNS_PTR, 60, IMAC), 1);
	assert_true(zone_has(z, dn(SSH), DNS_PTR, dn(LOWER), PTR_LEN, &rr));
	assert_memory_equal(rr.rdata, dn(LOWER), PTR_LEN);
	assert_memory_equal(zone_rr_shown(&rr), dn(IMAC), PTR_LEN);
	assert_true(rr.ttl == 60 && !rr.hidden);

	/* Nothing is kept twice that is the same. */
	assert_int_equal(zput(z, SSH, DNS_PTR, 60, "bob._ssh._tcp.example.com"), 0);
	assert_true(zone_has(z, dn(SSH), DNS_PTR, dn("bob._ssh._tcp.example.com"), 27, &rr));
	assert_null(rr.cased);
	assert_ptr_equal(zone_rr_shown(&rr), rr.rdata);
	assert_int_equal(zput(z, SSH, DNS_TXT, 60, "Text"), 0);
	assert_true(zone_has(z, dn(SSH), DNS_TXT, (const uint8_t *)"\4Text", 5, &rr));
	assert_null(rr.cased);

	assert_int_equal(zremove(z, SSH, DNS_PTR, LOWER), 0);
	assert_told(&t, "+ " SSH ". 12 60 36\n+ " SSH ". 12 60 27\n+ " SSH ". 16 60 5\n"
		    "- " SSH ". 12 60 36\n");
	assert_true(zshows(z, SSH, DNS_PTR, "bob._ssh._tcp.example.com"));
	assert_true(zshows(z, SSH, DNS_TXT, "Text"));
	zone_free(z);
}

/* The same record with others before and behind it. */
static void another_case(void **state)
{
	static const char *const cases[] = { OTHER, LOWER, IMAC, LOWER, OTHER, IMAC };
	struct told t;
	struct zone *z = watched(&t);
	size_t octets, i;

	(void)state;
	zput(z, SSH, DNS_A, 60, "192.0.2.1");
	zput(z, SSH, DNS_PTR, 60, IMAC);
	zput(z, SSH, DNS_SRV, 60, "0 0 22 Host.example.com");
	memset(&t, 0, sizeof(t));
	octets = zone_octets(z);
	for (i = 0; i < N_OF(cases); i++) {
		assert_int_equal(zput(z, SSH, DNS_PTR, 60, cases[i]), 0);
		assert_told(&t, "- " SSH ". 12 60 36\n+ " SSH ". 12 60 36\n");
		assert_int_equal(zput(z, SSH, DNS_PTR, 60, cases[i]), 1);
		assert_true(zshows(z, SSH, DNS_PTR, cases[i]));
		assert_true(zshows(z, SSH, DNS_A, "192.0.2.1"));
		assert_true(zshows(z, SSH, DNS_SRV, "0 0 22 Host.example.com"));
	}
	assert_int_equal(zone_octets(z), octets);

	/* With a TTL of its own, too. */
	assert_int_equal(zput(z, SSH, DNS_PTR, 61, OTHER), 0);
	assert_told(&t, "- " SSH ". 12 60 36\n+ " SSH ". 12 61 36\n");
	assert_int_equal(zput(z, SSH, DNS_PTR, 62, OTHER), 0);
	assert_told(&t, "- " SSH ". 12 61 36\n+ " SSH ". 12 62 36\n");
	assert_true(zshows(z, SSH, DNS_PTR, OTHER));
	zone_free(z);
}

static void hidden_and_shown(void **state)
{
	struct told t;
	struct zone *z = watched(&t);

	(void)state;
	zput(z, SSH, DNS_PTR, 60, IMAC);
	assert_int_equal(zhide(z, SSH, DNS_PTR, LOWER), 0);
	assert_false(zexists(z, SSH));
	assert_int_equal(zone_show(z, dn(SSH), DNS_PTR, dn(LOWER), PTR_LEN), 0);
	assert_int_equal(zone_show(z, dn(SSH), DNS_PTR, dn(LOWER), PTR_LEN), 1);
	assert_int_equal(zone_show(z, dn(SSH), DNS_PTR, dn(LOWER), PTR_LEN - 1), -ENOENT);
	assert_int_equal(zone_show(z, dn("example.com"), DNS_SOA, dn("."), 1), -EINVAL);
	assert_true(zshows(z, SSH, DNS_PTR, IMAC));
	assert_told(&t, "+ " SSH ". 12 60 36\n- " SSH ". 12 60 36\n+ " SSH ". 12 60 36\n");

	/* In another case it comes back, too. */
	assert_int_equal(zhide(z, SSH, DNS_PTR, LOWER), 0);
	memset(&t, 0, sizeof(t));
	assert_int_equal(zput(z, SSH, DNS_PTR, 60, OTHER), 0);
	assert_told(&t, "+ " SSH ". 12 60 36\n");
	assert_true(zshows(z, SSH, DNS_PTR, OTHER));
	assert_true(zexists(z, SSH));
	zone_free(z);
}

/* Two of a TTL's bits say something else. */
static void longest_ttl(void **state)
{
	static const uint32_t ttls[][2] = {
		{ 0x3fffffff, 0x3fffffff }, { 0x40000000, 0x3fffffff },
		{ 0x7fffffff, 0x3fffffff }, { 0x80000000, 0 }, { 0xffffffff, 0 },
	};
	struct zone *z = zone_new(dn("example.com"));
	struct zone_rr rr;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * N_OF(ttls); i++) {
		const char *text = i % 2 ? IMAC : LOWER;

		assert_int_equal(zput(z, SSH, DNS_PTR, ttls[i / 2][0], text), 0);
		assert_true(zone_has(z, dn(SSH), DNS_PTR, dn(LOWER), PTR_LEN, &rr));
		assert_int_equal(rr.ttl, ttls[i / 2][1]);
		assert_false(rr.hidden);
		assert_true(zshows(z, SSH, DNS_PTR, text));
		zhide(z, SSH, DNS_PTR, LOWER);
		assert_true(zone_has(z, dn(SSH), DNS_PTR, dn(LOWER), PTR_LEN, &rr));
		assert_true(rr.hidden && rr.ttl == ttls[i / 2][1]);
		assert_memory_equal(zone_rr_shown(&rr), dn(text), PTR_LEN);
	}
	zone_free(z);
}

static void whole_zone(void **state)
{
	struct told t;
	struct zone *z = watched(&t);

	(void)state;
	zput(z, "example.com", DNS_SOA, 60, "1");
	zput(z, SSH, DNS_PTR, 60, IMAC);
	zput(z, "b.example.com", DNS_PTR, 60, IMAC);
	zput(z, "h.example.com", DNS_PTR, 60, IMAC);
	zhide(z, "h.example.com", DNS_PTR, LOWER);
	memset(&t, 0, sizeof(t));

	assert_int_equal(zone_full_begin(z), 0);
	zput(z, "example.com", DNS_SOA, 60, "1");
	zput(z, SSH, DNS_PTR, 60, OTHER);
	zput(z, "b.example.com", DNS_PTR, 60, IMAC);
	zput(z, "h.example.com", DNS_PTR, 60, OTHER);
	assert_int_equal(zone_full_end(z), 0);
	assert_told(&t, "- " SSH ". 12 60 36\n+ " SSH ". 12 60 36\n");
	assert_true(zshows(z, SSH, DNS_PTR, OTHER));
	/* What is hidden is so in any case. */
	assert_false(zexists(z, "h.example.com"));
	assert_int_equal(zone_show(z, dn("h.example.com"), DNS_PTR, dn(LOWER), PTR_LEN), 0);
	assert_true(zshows(z, "h.example.com", DNS_PTR, OTHER));
	zone_free(z);
}

/* --- transfers --- */

static void transferred(void **state)
{
	struct primary *p = primary_new(NULL, NULL);

	(void)state;
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 5", "@ NS Ns1.Example.com",
			       "_ssh._tcp PTR " IMAC, "_ssh._tcp PTR bob._ssh._tcp.example.com",
			       "m MX 10 Mail.example.com", "s SRV 0 0 22 Host.Example.com",
			       "@ SOA 5"), XFR_DONE);
	assert_true(zshows(p->z, "example.com", DNS_NS, "Ns1.Example.com"));
	assert_true(zshows(p->z, SSH, DNS_PTR, IMAC));
	assert_true(zshows(p->z, SSH, DNS_PTR, "bob._ssh._tcp.example.com"));
	assert_true(zshows(p->z, "m.example.com", DNS_MX, "10 Mail.example.com"));
	assert_true(zshows(p->z, "s.example.com", DNS_SRV, "0 0 22 Host.Example.com"));
	assert_true(zhas(p->z, "s.example.com", DNS_SRV, "0 0 22 host.example.com"));
	memset(&p->told, 0, sizeof(p->told));

	/* The same zone once more, from a primary that has no differences. */
	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 6", "@ NS ns1.example.com",
			       "_ssh._tcp PTR " OTHER, "@ SOA 6"), XFR_DONE);
	assert_true(zshows(p->z, "example.com", DNS_NS, "ns1.example.com"));
	assert_true(zshows(p->z, SSH, DNS_PTR, OTHER));
	primary_free(p);
}

static void differences(void **state)
{
	struct primary *p = asking(NULL);

	(void)state;
	assert_int_equal(reply(p, T0, "@ SOA 6", "@ SOA 5", "@ SOA 6", "_ssh._tcp PTR " IMAC,
			       "b PTR " IMAC, "@ SOA 6"), XFR_DONE);
	assert_true(zshows(p->z, SSH, DNS_PTR, IMAC));
	memset(&p->told, 0, sizeof(p->told));

	/* Out goes the old case, in comes the new one. */
	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 7", "@ SOA 6", "_ssh._tcp PTR " IMAC, "@ SOA 7",
			       "_ssh._tcp PTR " OTHER, "@ SOA 7"), XFR_DONE);
	assert_true(zshows(p->z, SSH, DNS_PTR, OTHER));
	assert_told(&p->told, "- " SSH ". 12 60 36\n+ " SSH ". 12 60 36\n"
		    "+ example.com. 6 60 56\n- example.com. 6 60 56\n");

	/* By way of nothing, by way of a third; nothing but the new; out in any case. */
	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 9", "@ SOA 7", "_ssh._tcp PTR " LOWER, "@ SOA 8",
			       "_ssh._tcp PTR " LOWER, "@ SOA 8", "_ssh._tcp PTR " OTHER,
			       "b PTR " OTHER, "@ SOA 9", "_ssh._tcp PTR " IMAC, "b PTR " LOWER,
			       "@ SOA 9"), XFR_DONE);
	assert_true(zshows(p->z, SSH, DNS_PTR, IMAC));
	assert_true(zshows(p->z, "b.example.com", DNS_PTR, LOWER));
	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 10", "@ SOA 9", "_ssh._tcp PTR " OTHER, "@ SOA 10",
			       "b PTR " OTHER, "@ SOA 10"), XFR_DONE);
	assert_null(zone_find(p->z, dn(SSH)));
	assert_true(zshows(p->z, "b.example.com", DNS_PTR, OTHER));
	primary_free(p);
}

/* An SOA whose names have these first letters, at the end of what is made. */
static void put_soa(struct primary *p, const char *serial, char mname, char rname)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(DNS_SOA, serial, rd);

	rd[1] = (uint8_t)mname;
	rd[dname_len(rd) + 1] = (uint8_t)rname;
	dns_put_rr(&p->w, 1, dn("example.com"), DNS_SOA, DNS_IN, 60, rd, len);
	assert_false(p->w.failed);
}

static const uint8_t *soa_shown(const struct zone *z)
{
	const struct zone_node *n = zone_find(z, dn("example.com"));
	struct zone_rr rr = { 0 };
	size_t pos = 0;

	while (zone_node_next(n, &pos, &rr) && rr.type != DNS_SOA)
		;
	assert_int_equal(rr.type, DNS_SOA);
	return zone_rr_shown(&rr);
}

static void soa(void **state)
{
	struct primary *p = primary_new(NULL, NULL);
	const uint8_t *shown;

	(void)state;
	asked(p, T0);
	reply_begin(p, 4711, DNS_QR | DNS_AA, true);
	put_soa(p, "5", 'N', 'a');
	reply_line(p, "a A 192.0.2.1");
	/* It may end in another case than it begins with. */
	put_soa(p, "5", 'n', 'a');
	assert_int_equal(reply_send(p, T0), XFR_DONE);
	assert_memory_equal(soa_shown(p->z), "\3Ns1", 4);

	xfr_poke(p->x, T0);
	asked(p, T0);
	reply_begin(p, 4711, DNS_QR | DNS_AA, true);
	put_soa(p, "6", 'n', 'A');
	put_soa(p, "5", 'N', 'a');
	put_soa(p, "6", 'n', 'A');
	reply_line(p, "b A 192.0.2.2");
	put_soa(p, "6", 'n', 'A');
	assert_int_equal(reply_send(p, T0), XFR_DONE);
	assert_int_equal(zone_serial(p->z), 6);
	shown = soa_shown(p->z);
	assert_memory_equal(shown, "\3ns1", 4);
	assert_memory_equal(shown + dname_len(shown), "\5Admin", 6);
	primary_free(p);
}

/* --- answers --- */

/* All names of the answer's records, owner and RDATA by turns. */
static const char *ask(const struct zone *z, const char *name, uint16_t type)
{
	static const struct answer_view all;
	static char text[2048];
	char part[DNAME_TEXT_MAX];
	uint8_t buf[1024], rd[DNS_MAX];
	struct dns_question q = { .type = type, .class_ = DNS_IN };
	struct dns_writer w;
	struct dns_walk walk;
	struct dns_rr rr;
	size_t n = 0;

	assert_null(dname_from_text(name, q.name));
	dns_writer_init(&w, buf, sizeof(buf), 1, DNS_QR);
	dns_put_question(&w, q.name, type, DNS_IN);
	zone_answer(z, &q, &all, &w);
	assert_false(w.failed);
	assert_int_equal(dns_walk_init(&walk, buf, w.len), 0);
	text[0] = '\0';
	while (dns_walk_rr(&walk, &rr) > 0) {
		size_t at = rr.type == DNS_MX ? 2 : rr.type == DNS_SRV ? 6 : 0;

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ",
				      dname_to_text(rr.owner, part));
		if (rr.type == DNS_A)
			continue;
		assert_true(dns_rdata_unpack(buf, w.len, &rr, rd) > 0);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ",
				      dname_to_text(rd + at, part));
	}
	return text;
}

static void answers(void **state)
{
	struct zone *z = zone_new(dn("example.com"));

	(void)state;
	zput(z, "example.com", DNS_SOA, 60, "1");
	zput(z, SSH, DNS_PTR, 60, "Big iMac._ssh._tcp.example.com");
	zput(z, "s.example.com", DNS_SRV, 60, "0 0 22 Host.example.com");
	zput(z, "m.example.com", DNS_MX, 60, "10 Host.example.com");
	zput(z, "host.example.com", DNS_A, 60, "192.0.2.1");
	zput(z, "c.example.com", DNS_CNAME, 60, "C2.Example.com");
	zput(z, "c2.example.com", DNS_CNAME, 60, "Host.example.com");
	zput(z, "d.example.com", DNS_DNAME, 60, "T.example.com");
	zput(z, "x.t.example.com", DNS_A, 60, "192.0.2.1");
	zput(z, "cut.example.com", DNS_NS, 60, "Ns.cut.example.com");
	zput(z, "ns.cut.example.com", DNS_A, 60, "192.0.2.1");

	assert_string_equal(ask(z, SSH, DNS_PTR),
			    SSH ". Big\\032iMac._ssh._tcp.example.com. ");
	/* Whatever the case of the question, which compression might point to. */
	assert_string_equal(ask(z, "_SSH._TCP.Example.com", DNS_PTR),
			    "_SSH._TCP.Example.com. Big\\032iMac._ssh._tcp.example.com. ");
	assert_string_equal(ask(z, SSH, DNS_ANY),
			    SSH ". Big\\032iMac._ssh._tcp.example.com. ");
	assert_string_equal(ask(z, "s.example.com", DNS_SRV),
			    "s.example.com. Host.example.com. host.example.com. ");
	assert_string_equal(ask(z, "m.example.com", DNS_MX),
			    "m.example.com. Host.example.com. host.example.com. ");
	/* Owners that come of an alias have its case. */
	assert_string_equal(ask(z, "c.example.com", DNS_A),
			    "c.example.com. C2.Example.com. C2.Example.com. Host.example.com. "
			    "Host.example.com. ");
	assert_string_equal(ask(z, "X.d.example.com", DNS_A),
			    "d.example.com. T.example.com. X.d.example.com. X.T.example.com. "
			    "X.T.example.com. ");
	assert_string_equal(ask(z, "x.cut.example.com", DNS_A),
			    "cut.example.com. Ns.cut.example.com. ns.cut.example.com. ");
	zone_free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(another_case),
		cmocka_unit_test(hidden_and_shown),
		cmocka_unit_test(longest_ttl),
		cmocka_unit_test(whole_zone),
		cmocka_unit_test(transferred),
		cmocka_unit_test(differences),
		cmocka_unit_test(soa),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
