// SPDX-License-Identifier: GPL-2.0-or-later
/* What may be in the answer of a primary. */
#include "test.h"

#include "test_xfr.h"

static void first_load(void **state)
{
	struct primary *p = primary_new(NULL, NULL);
	struct xfr_status s;

	(void)state;
	assert_false(xfr_serves(p->x, T0));
	assert_int_equal(asked(p, T0), DNS_AXFR);
	xfr_status(p->x, &s);
	assert_int_equal(s.state, XFR_ASKING);
	assert_int_equal(reply(p, T0 + 1, "@ SOA 7", "@ NS ns1.example.com"), XFR_MORE);
	xfr_status(p->x, &s);
	assert_int_equal(s.state, XFR_RECEIVING);
	assert_int_equal(reply_more(p, T0 + 2, "ns1 A 192.0.2.53", "x.y AAAA ttl=9 2001:db8::1"),
			 XFR_MORE);
	assert_int_equal(reply_more(p, T0 + 3, "other.org. A 192.0.2.53"), XFR_MORE);
	assert_false(zone_loaded(p->z));
	assert_false(xfr_serves(p->x, T0 + 3));
	assert_int_equal(p->told.n, 0);
	assert_int_equal(reply_more(p, T0 + 4, "m LEASED marker", "@ SOA 7"), XFR_DONE);

	assert_true(xfr_serves(p->x, T0 + 4));
	assert_int_equal(zone_serial(p->z), 7);
	assert_int_equal(p->told.n, 5);
	assert_true(zhas(p->z, "x.y.example.com", DNS_AAAA, "2001:db8::1"));
	assert_true(zhas(p->z, "m.example.com", DNS_LEASED, "marker"));
	xfr_status(p->x, &s);
	assert_true(s.state == XFR_IDLE && s.loaded && s.serial == 7);
	assert_true(s.last_success == T0 + 4 && !s.last_failure && s.n_axfr == 1);
	assert_string_equal(s.last_error, "");
	/* Nothing is asked for any more. */
	assert_int_equal(reply(p, T0 + 5, "@ SOA 8"), XFR_FAILED);
	assert_int_equal(zone_serial(p->z), 7);
	primary_free(p);
}

static void differences(void **state)
{
	struct primary *p = asking(NULL);
	struct xfr_status s;

	(void)state;
	assert_int_equal(reply(p, T0, "@ SOA 6", "@ SOA 5", "A A 192.0.2.1", "@ SOA 6",
			       "b A 192.0.2.2", "c A 192.0.2.3", "@ SOA 6"), XFR_DONE);
	assert_told(&p->told, "- a.example.com. 1 60 4\n+ b.example.com. 1 60 4\n"
		    "+ c.example.com. 1 60 4\n+ example.com. 6 60 56\n- example.com. 6 60 56\n");
	assert_int_equal(zone_serial(p->z), 6);
	xfr_status(p->x, &s);
	assert_true(s.n_ixfr == 1 && s.n_changes == 3);
	primary_free(p);
}

/* What comes and goes, or goes and comes, is no change at all. */
static void several_differences(void **state)
{
	struct primary *p = asking(NULL);

	(void)state;
	assert_int_equal(reply(p, T0, "@ SOA 8", "@ SOA 5", "a A 192.0.2.1", "@ SOA 6",
			       "b A 192.0.2.2", "c TXT ttl=10 c", "@ SOA 6", "b A 192.0.2.2",
			       "c TXT c", "@ SOA 7", "a A 192.0.2.1", "c TXT ttl=20 c", "@ SOA 7",
			       "@ SOA 8", "@ SOA 8"), XFR_DONE);
	assert_told(&p->told, "+ c.example.com. 16 20 2\n"
		    "+ example.com. 6 60 56\n- example.com. 6 60 56\n");
	assert_null(zone_find(p->z, dn("b.example.com")));
	assert_true(zhas(p->z, "a.example.com", DNS_A, "192.0.2.1"));

	/* A TTL alone. */
	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(p->serial, 8);
	assert_int_equal(reply(p, T0, "@ SOA 9", "@ SOA 8", "a A 192.0.2.1", "@ SOA 9",
			       "a A ttl=61 192.0.2.1", "@ SOA 9"), XFR_DONE);
	assert_told(&p->told, "- a.example.com. 1 60 4\n+ a.example.com. 1 61 4\n"
		    "+ example.com. 6 60 56\n- example.com. 6 60 56\n");
	primary_free(p);
}

static void one_record_a_message(void **state)
{
	static const char *const lines[] = {
		"@ SOA 7", "@ SOA 5", "a A 192.0.2.1", "@ SOA 6", "b A 192.0.2.2", "@ SOA 6",
		"@ SOA 7", "c A 192.0.2.2", "@ SOA 7",
	};
	struct primary *p = asking(NULL);
	size_t i;

	(void)state;
	for (i = 0; i + 1 < N_OF(lines); i++) {
		assert_int_equal(reply_lines(p, T0, !i, lines + i, 1), XFR_MORE);
		assert_untouched(p);
	}
	assert_int_equal(reply_lines(p, T0, true, lines + i, 1), XFR_DONE);
	assert_int_equal(zone_serial(p->z), 7);
	assert_int_equal(zone_names(p->z), 3);
	primary_free(p);
}

static void whole_zone_as_ixfr(void **state)
{
	struct primary *p = asking(NULL);
	struct xfr_status s;

	(void)state;
	assert_int_equal(reply(p, T0, "@ SOA 9", "@ NS ns1.example.com", "b A 192.0.2.2"),
			 XFR_MORE);
	assert_untouched(p);
	assert_int_equal(reply_more(p, T0, "@ SOA 9"), XFR_DONE);
	assert_null(zone_find(p->z, dn("a.example.com")));
	assert_int_equal(zone_serial(p->z), 9);
	xfr_status(p->x, &s);
	assert_true(s.n_axfr == 2 && !s.n_ixfr);
	primary_free(p);
}

static void single_soa(void **state)
{
	struct primary *p = asking(NULL);
	struct xfr_status s;

	(void)state;
	assert_int_equal(reply(p, T0, "@ SOA 5"), XFR_DONE);
	assert_untouched(p);
	xfr_status(p->x, &s);
	assert_true(s.n_current == 1);

	/* A newer one may be the beginning. */
	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 6"), XFR_MORE);
	assert_int_equal(reply_more(p, T0, "@ SOA 5", "@ SOA 6", "b TXT new", "@ SOA 6"),
			 XFR_DONE);
	assert_int_equal(zone_serial(p->z), 6);

	/* A primary that is behind was given another past. */
	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 3"), XFR_AGAIN);
	assert_int_equal(asked(p, T0), DNS_AXFR);
	assert_int_equal(reply(p, T0, "@ SOA 3", "@ NS ns1.example.com", "@ SOA 3"), XFR_DONE);
	assert_int_equal(zone_serial(p->z), 3);
	assert_null(zone_find(p->z, dn("a.example.com")));
	primary_free(p);
}

static void then_whole(struct primary *p)
{
	assert_untouched(p);
	assert_int_equal(asked(p, T0), DNS_AXFR);
	assert_int_equal(reply(p, T0, "@ SOA 6", "b A 192.0.2.1", "@ SOA 6"), XFR_DONE);
	assert_int_equal(zone_serial(p->z), 6);
	assert_string_equal(xfr_why(p->x), "");
	/* The next time, differences again. */
	xfr_poke(p->x, T0);
	assert_int_equal(asked(p, T0), DNS_IXFR);
	primary_free(p);
}

static void misfits(void **state)
{
	struct xfr_limits small = xfr_default_limits;
	struct primary *p = asking(NULL);

	(void)state;
	/* Removed, though it is not there; also in the second of two. */
	assert_int_equal(reply(p, T0, "@ SOA 6", "@ SOA 5", "b A 192.0.2.1", "@ SOA 6",
			       "c A 192.0.2.9", "@ SOA 6"), XFR_AGAIN);
	assert_string_equal(xfr_why(p->x), "a difference removes what is not there");
	then_whole(p);
	p = asking(NULL);
	assert_int_equal(reply(p, T0, "@ SOA 7", "@ SOA 5", "a A 192.0.2.1", "@ SOA 6", "@ SOA 6",
			       "a A 192.0.2.1", "@ SOA 7", "@ SOA 7"), XFR_AGAIN);
	then_whole(p);

	/* From somewhere else. */
	p = asking(NULL);
	assert_int_equal(reply(p, T0, "@ SOA 6", "@ SOA 4", "a A 192.0.2.1"), XFR_AGAIN);
	then_whole(p);
	p = asking(NULL);
	assert_int_equal(reply(p, T0, "@ SOA 8", "@ SOA 5", "a A 192.0.2.1", "@ SOA 6",
			       "@ SOA 7", "@ SOA 8", "@ SOA 8"), XFR_AGAIN);
	then_whole(p);
	/* Twice the SOA could mean that all is gone: better ask. */
	p = asking(NULL);
	assert_int_equal(reply(p, T0, "@ SOA 5", "@ SOA 5"), XFR_AGAIN);
	then_whole(p);

	small.delta_octets = 120;
	p = asking(&small);
	assert_int_equal(reply(p, T0, "@ SOA 6", "@ SOA 5", "@ SOA 6", "b A 192.0.2.1",
			       "c A 192.0.2.1", "d A 192.0.2.1", "e A 192.0.2.1"), XFR_AGAIN);
	assert_string_equal(xfr_why(p->x), "the differences are too many");
	then_whole(p);
}

static enum xfr_result reply_rcode(struct primary *p, enum dns_rcode rcode)
{
	reply_begin(p, 4711, DNS_QR | rcode, true);
	return reply_send(p, T0);
}

static void without_ixfr(void **state)
{
	static const enum dns_rcode rcodes[] = { DNS_FORMERR, DNS_NOTIMP, DNS_REFUSED };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rcodes); i++) {
		struct primary *p = asking(NULL);

		assert_int_equal(reply_rcode(p, rcodes[i]), XFR_AGAIN);
		assert_untouched(p);
		assert_int_equal(asked(p, T0), DNS_AXFR);
		assert_int_equal(reply(p, T0, "@ SOA 6", "a A 192.0.2.1", "@ SOA 6"), XFR_DONE);

		/* From now on: whether there is something new, then all of it. */
		xfr_poke(p->x, T0);
		assert_int_equal(asked(p, T0), DNS_SOA);
		assert_int_equal(reply(p, T0, "@ SOA 6"), XFR_DONE);
		xfr_poke(p->x, T0);
		assert_int_equal(asked(p, T0), DNS_SOA);
		assert_int_equal(reply(p, T0, "@ SOA 7"), XFR_AGAIN);
		assert_int_equal(asked(p, T0), DNS_AXFR);
		assert_int_equal(reply_rcode(p, DNS_SERVFAIL), XFR_FAILED);
		assert_string_equal(xfr_why(p->x), "the primary answers SERVFAIL");
		primary_free(p);
	}
}

static void errors(void **state)
{
	static const enum dns_rcode rcodes[] = { DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTAUTH, 13 };
	struct primary *p;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rcodes); i++) {
		p = asking(NULL);
		assert_int_equal(reply_rcode(p, rcodes[i]), XFR_FAILED);
		assert_untouched(p);
		assert_false(xfr_wants_request(p->x, T0));
		primary_free(p);
	}
	/* Refused in the middle is no matter of IXFR or not. */
	p = asking(NULL);
	assert_int_equal(reply(p, T0, "@ SOA 6", "@ SOA 5"), XFR_MORE);
	assert_int_equal(reply_rcode(p, DNS_REFUSED), XFR_FAILED);
	assert_untouched(p);
	primary_free(p);
}

static void bad_headers(void **state)
{
	static const struct { uint16_t id, flags; } cases[] = {
		{ 4712, DNS_QR }, { 4711, 0 }, { 4711, DNS_QR | DNS_NOTIFY << 11 },
		{ 4711, DNS_QR | DNS_TC },
	};
	struct primary *p;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		p = asking(NULL);
		reply_begin(p, cases[i].id, cases[i].flags, true);
		reply_line(p, "@ SOA 5");
		assert_int_equal(reply_send(p, T0), XFR_FAILED);
		assert_untouched(p);
		primary_free(p);
	}

	/* Another question; none in the first message; two. */
	for (i = 0; i < 4; i++) {
		p = asking(NULL);
		reply_begin(p, 4711, DNS_QR, false);
		if (i == 0)
			dns_put_question(&p->w, dn("example.com"), DNS_AXFR, DNS_IN);
		if (i == 1)
			dns_put_question(&p->w, dn("example.org"), DNS_IXFR, DNS_IN);
		if (i == 2) {
			dns_put_question(&p->w, dn("example.com"), DNS_IXFR, DNS_IN);
			dns_put_question(&p->w, dn("example.com"), DNS_IXFR, DNS_IN);
		}
		reply_line(p, "@ SOA 5");
		assert_int_equal(reply_send(p, T0), XFR_FAILED);
		assert_untouched(p);
		primary_free(p);
	}

	/* Not even a header, and less than the header says. */
	p = asking(NULL);
	assert_int_equal(xfr_response(p->x, T0, p->request, 11), XFR_FAILED);
	primary_free(p);
	p = asking(NULL);
	reply_begin(p, 4711, DNS_QR, true);
	reply_line(p, "@ SOA 5");
	p->w.len--;
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_untouched(p);
	primary_free(p);
}

static void bad_records(void **state)
{
	struct primary *p = asking(NULL);

	(void)state;
	assert_int_equal(reply(p, T0, "a A 192.0.2.1"), XFR_FAILED);
	assert_string_equal(xfr_why(p->x), "the answer does not begin with an SOA");
	primary_free(p);

	p = asking(NULL);
	reply_begin(p, 4711, DNS_QR, true);
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_string_equal(xfr_why(p->x), "a message has no records");
	primary_free(p);
	p = asking(NULL);
	assert_int_equal(reply(p, T0, "other.org. A 192.0.2.1"), XFR_FAILED);
	primary_free(p);

	p = asking(NULL);
	assert_int_equal(reply(p, T0, "@ SOA 6", "b A 192.0.2.1", "@ SOA 7"), XFR_FAILED);
	assert_untouched(p);
	primary_free(p);
	p = asking(NULL);
	assert_int_equal(reply(p, T0, "@ SOA 6", "b A 192.0.2.1", "@ SOA 6", "b A 192.0.2.1"),
			 XFR_FAILED);
	assert_untouched(p);
	primary_free(p);
	p = asking(NULL);
	assert_int_equal(reply(p, T0, "@ SOA 6", "@ SOA 5", "@ SOA 6", "@ SOA 6 9"), XFR_FAILED);
	assert_untouched(p);
	primary_free(p);
	p = asking(NULL);
	assert_int_equal(reply(p, T0, "@ SOA 6", "b.example.com. SOA 6"), XFR_FAILED);
	assert_untouched(p);
	primary_free(p);

	/* An address of three octets; a record of class CH, and one of type ANY. */
	p = asking(NULL);
	reply_begin(p, 4711, DNS_QR, true);
	reply_line(p, "@ SOA 6");
	dns_put_rr(&p->w, 1, dn("b.example.com"), DNS_A, DNS_IN, 1, dn("ab"), 3);
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_string_equal(xfr_why(p->x), "a record is malformed");
	assert_untouched(p);
	primary_free(p);
	p = asking(NULL);
	reply_begin(p, 4711, DNS_QR, true);
	reply_line(p, "@ SOA 6");
	dns_put_rr(&p->w, 1, dn("b.example.com"), DNS_A, 3, 1, dn("abc"), 4);
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_untouched(p);
	primary_free(p);
	p = asking(NULL);
	reply_begin(p, 4711, DNS_QR, true);
	reply_line(p, "@ SOA 6");
	dns_put_rr(&p->w, 1, dn("b.example.com"), DNS_ANY, DNS_IN, 1, dn("abc"), 4);
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_untouched(p);
	primary_free(p);
}

static void too_large(void **state)
{
	struct xfr_limits small = xfr_default_limits;
	char line[64];
	struct primary *p;
	unsigned int i;

	(void)state;
	small.zone_octets = 20000;
	p = asking(&small);
	reply_begin(p, 4711, DNS_QR, true);
	reply_line(p, "@ SOA 6");
	for (i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "n%u A 192.0.2.1", i);
		reply_line(p, line);
	}
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_string_equal(xfr_why(p->x), "the zone is larger than it is allowed to be");
	assert_untouched(p);
	primary_free(p);
}

/* RFC 1982: 0 comes after 4294967295. */
static void serials_wrap(void **state)
{
	struct primary *p = primary_new(NULL, NULL);

	(void)state;
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 4294967295", "@ SOA 4294967295"), XFR_DONE);
	xfr_notify(p->x, T0, true, 0x80000000);
	assert_false(xfr_wants_request(p->x, T0));
	xfr_notify(p->x, T0, true, 0);
	asked(p, T0);
	assert_true(p->serial == 0xffffffff);
	assert_int_equal(reply(p, T0, "@ SOA 1"), XFR_MORE);
	assert_int_equal(reply(p, T0, "@ SOA 4294967295", "@ SOA 0", "@ SOA 0", "@ SOA 1",
			       "b TXT b", "@ SOA 1"), XFR_DONE);
	assert_int_equal(zone_serial(p->z), 1);
	/* Not comparable: better ask. */
	xfr_notify(p->x, T0, true, 0x80000001);
	assert_int_equal(asked(p, T0), DNS_IXFR);
	assert_int_equal(reply(p, T0, "@ SOA 2147483649"), XFR_AGAIN);
	primary_free(p);
}

/* A lease that is over stays so until the record is added again. */
static void hidden_records(void **state)
{
	struct primary *p = loaded(NULL);

	(void)state;
	zhide(p->z, "a.example.com", DNS_A, "192.0.2.1");
	assert_told(&p->told, "- a.example.com. 1 60 4\n");
	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 6", "@ NS ns1.example.com", "a A 192.0.2.1",
			       "@ SOA 6"), XFR_DONE);
	assert_told(&p->told, "- example.com. 6 60 56\n+ example.com. 6 60 56\n");
	assert_false(zexists(p->z, "a.example.com"));

	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 8", "@ SOA 6", "a A 192.0.2.1", "@ SOA 7", "@ SOA 7",
			       "@ SOA 8", "a A 192.0.2.1", "@ SOA 8"), XFR_DONE);
	assert_told(&p->told, "+ a.example.com. 1 60 4\n"
		    "+ example.com. 6 60 56\n- example.com. 6 60 56\n");

	zhide(p->z, "a.example.com", DNS_A, "192.0.2.1");
	assert_told(&p->told, "- a.example.com. 1 60 4\n");
	xfr_poke(p->x, T0);
	asked(p, T0);
	assert_int_equal(reply(p, T0, "@ SOA 9", "@ SOA 8", "a A 192.0.2.1", "@ SOA 9", "@ SOA 9"),
			 XFR_DONE);
	assert_told(&p->told, "+ example.com. 6 60 56\n- example.com. 6 60 56\n");
	primary_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_load),
		cmocka_unit_test(differences),
		cmocka_unit_test(several_differences),
		cmocka_unit_test(one_record_a_message),
		cmocka_unit_test(whole_zone_as_ixfr),
		cmocka_unit_test(single_soa),
		cmocka_unit_test(misfits),
		cmocka_unit_test(without_ixfr),
		cmocka_unit_test(errors),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(bad_records),
		cmocka_unit_test(too_large),
		cmocka_unit_test(serials_wrap),
		cmocka_unit_test(hidden_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
