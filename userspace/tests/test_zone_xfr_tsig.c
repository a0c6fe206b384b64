// SPDX-License-Identifier: GPL-2.0-or-later
/* Transfers that are signed, or not quite. */
#include "test.h"

#include <libknot/errcode.h>
#include <libknot/tsig-op.h>

#include "test_xfr.h"

/* The primary's side of a signed stream. */
struct signer {
	struct tsig_key key;
	struct tsig_mac mac;	/* of the request, then of the last signed message */
	bool begun;
	uint8_t pending[8192];	/* what no signature covers yet */
	size_t len;
};

static struct tsig_key key(const char *name, uint8_t fill)
{
	struct tsig_key k = { .algorithm = TSIG_HMAC_SHA256, .secret_len = 32 };

	memcpy(k.name, dn(name), dname_len(dn(name)));
	memset(k.secret, fill, sizeof(k.secret));
	return k;
}

static void sign_begin(struct signer *s, const struct primary *p, const struct tsig_key *k)
{
	struct tsig_claim claim;

	memset(s, 0, sizeof(*s));
	s->key = *k;
	assert_int_equal(tsig_read(p->request, p->request_len, &claim), 0);
	assert_int_equal(tsig_check(p->request, p->request_len, k, NULL), TSIG_OK);
	s->mac = claim.mac;
}

static void sign(struct signer *s, struct primary *p)
{
	knot_tsig_key_t k = {
		.algorithm = DNSSEC_TSIG_HMAC_SHA256,
		.name = s->key.name,
		.secret = { .size = s->key.secret_len, .data = s->key.secret },
	};
	size_t digest_len = sizeof(s->mac.b);

	if (!s->begun) {
		assert_int_equal(tsig_sign(p->buf, &p->w.len, sizeof(p->buf), &s->key, &s->mac,
					   &s->mac, TSIG_OK, 0), 0);
	} else {
		memcpy(s->pending + s->len, p->buf, p->w.len);
		s->len += p->w.len;
		assert_int_equal(knot_tsig_sign_next(p->buf, &p->w.len, sizeof(p->buf), s->mac.b,
						     s->mac.len, s->mac.b, &digest_len, &k,
						     s->pending, s->len), KNOT_EOK);
		s->mac.len = (uint8_t)digest_len;
	}
	s->begun = true;
	s->len = 0;
}

static void leave_unsigned(struct signer *s, const struct primary *p)
{
	memcpy(s->pending + s->len, p->buf, p->w.len);
	s->len += p->w.len;
}

static void line(struct primary *p, const char *text)
{
	reply_begin(p, 4711, DNS_QR | DNS_AA, true);
	reply_line(p, text);
}

/* The whole zone, a message for each record, all signed. */
static void load(struct primary *p, const struct tsig_key *k)
{
	static const char *const lines[] = {
		"@ SOA 5", "@ NS ns1.example.com", "a A 192.0.2.1", "@ SOA 5",
	};
	struct signer s;
	size_t i;

	assert_int_equal(asked(p, T0), DNS_AXFR);
	sign_begin(&s, p, k);
	for (i = 0; i < N_OF(lines); i++) {
		line(p, lines[i]);
		sign(&s, p);
		assert_int_equal(reply_send(p, T0), i < 3 ? XFR_MORE : XFR_DONE);
	}
	assert_int_equal(p->told.n, 3);
	memset(&p->told, 0, sizeof(p->told));
	xfr_poke(p->x, T0);
}

static void all_signed(void **state)
{
	struct tsig_key k = key("front.example.net", 7);
	struct primary *p = primary_new(&k, NULL);
	struct signer s;

	(void)state;
	load(p, &k);
	assert_untouched(p);
	assert_int_equal(asked(p, T0), DNS_IXFR);
	assert_int_equal(p->serial, 5);
	sign_begin(&s, p, &k);
	line(p, "@ SOA 5");
	sign(&s, p);
	assert_int_equal(reply_send(p, T0), XFR_DONE);
	assert_untouched(p);
	primary_free(p);
}

/* RFC 8945 5.3.1: the first and the last have to be, others need not. */
static void some_signed(void **state)
{
	static const char *const lines[] = {
		"@ SOA 6", "@ SOA 5", "a A 192.0.2.1", "@ SOA 6", "b A 192.0.2.2", "@ SOA 6",
	};
	struct tsig_key k = key("front.example.net", 7);
	struct primary *p = primary_new(&k, NULL);
	struct signer s;
	size_t i;

	(void)state;
	load(p, &k);
	asked(p, T0);
	sign_begin(&s, p, &k);
	for (i = 0; i < N_OF(lines); i++) {
		assert_untouched(p);
		line(p, lines[i]);
		if (i == 0 || i == 3 || i == 5)
			sign(&s, p);
		else
			leave_unsigned(&s, p);
		assert_int_equal(reply_send(p, T0), i < 5 ? XFR_MORE : XFR_DONE);
	}
	assert_int_equal(zone_serial(p->z), 6);
	assert_told(&p->told, "- a.example.com. 1 60 4\n+ b.example.com. 1 60 4\n"
		    "+ example.com. 6 60 56\n- example.com. 6 60 56\n");
	primary_free(p);
}

enum trick {
	NOT_AT_ALL,	/* no message is signed */
	NOT_FIRST,
	NOT_LAST,
	WRONG_SECRET,
	WRONG_SECRET_LATER,	/* somebody else goes on */
	OTHER_KEY,
	CHANGED,	/* an octet of a signed message */
	CHANGED_UNSIGNED,	/* ... of one that the next signature covers */
	LEFT_OUT,	/* a message did not arrive */
	TWICE,		/* one came again */
	N_TRICKS,
};

static enum xfr_result play(struct primary *p, enum trick how, const struct tsig_key *right)
{
	static const char *const lines[] = {
		"@ SOA 6", "@ SOA 5", "a A 192.0.2.1", "@ SOA 6", "b A 192.0.2.2", "c TXT c",
		"@ SOA 6",
	};
	struct tsig_key wrong = key("front.example.net", 8), other = key("other.example.net", 7);
	enum xfr_result result = XFR_MORE;
	struct signer s;
	size_t i;

	sign_begin(&s, p, right);
	if (how == WRONG_SECRET)
		s.key = wrong;
	if (how == OTHER_KEY)
		s.key = other;
	for (i = 0; i < N_OF(lines) && result == XFR_MORE; i++) {
		bool with = i != 4;

		line(p, lines[i]);
		if (how == NOT_AT_ALL || (how == NOT_FIRST && i == 0) ||
		    (how == NOT_LAST && i == 6))
			with = false;
		if (how == WRONG_SECRET_LATER && i == 3)
			s.key = wrong;
		if (with)
			sign(&s, p);
		else
			leave_unsigned(&s, p);
		if ((how == CHANGED && i == 5) || (how == CHANGED_UNSIGNED && i == 4))
			p->buf[DNS_HEADER + 17 + 1] ^= 0x20;	/* case of the owner */
		if (how == LEFT_OUT && i == 4)
			continue;
		result = reply_send(p, T0);
		if (how == TWICE && i == 3)
			result = reply_send(p, T0);
	}
	return result;
}

static void tricks(void **state)
{
	static const char *const why[] = {
		[NOT_AT_ALL] = "an answer that has to be signed is not",
		[NOT_FIRST] = "an answer that has to be signed is not",
		[NOT_LAST] = "the last message of the transfer is not signed",
		[WRONG_SECRET] = "an answer is signed wrongly",
		[WRONG_SECRET_LATER] = "an answer is signed wrongly",
		[OTHER_KEY] = "an answer is signed wrongly",
		[CHANGED] = "an answer is signed wrongly",
		[CHANGED_UNSIGNED] = "an answer is signed wrongly",
		[LEFT_OUT] = "an answer is signed wrongly",
		[TWICE] = "an answer is signed wrongly",
	};
	struct tsig_key k = key("front.example.net", 7);
	int i;

	(void)state;
	for (i = 0; i < N_TRICKS; i++) {
		struct primary *p = primary_new(&k, NULL);

		load(p, &k);
		assert_int_equal(asked(p, T0), DNS_IXFR);
		assert_int_equal(play(p, i, &k), XFR_FAILED);
		assert_string_equal(xfr_why(p->x), why[i]);
		assert_untouched(p);
		/* And all is well when it is not played. */
		assert_int_equal(asked(p, xfr_deadline(p->x)), DNS_IXFR);
		assert_int_equal(play(p, N_TRICKS, &k), XFR_DONE);
		assert_int_equal(zone_serial(p->z), 6);
		primary_free(p);
	}
}

/* The whole zone is not taken either, though it had all come. */
static void whole_wrong(void **state)
{
	struct tsig_key k = key("front.example.net", 7);
	struct primary *p = primary_new(&k, NULL);
	struct signer s;

	(void)state;
	asked(p, T0);
	sign_begin(&s, p, &k);
	line(p, "@ SOA 5");
	sign(&s, p);
	assert_int_equal(reply_send(p, T0), XFR_MORE);
	line(p, "a A 192.0.2.1");
	assert_int_equal(reply_send(p, T0), XFR_MORE);
	line(p, "@ SOA 5");
	sign(&s, p);	/* as if the one before had not been */
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_false(zone_loaded(p->z));
	assert_int_equal(zone_names(p->z), 0);
	assert_int_equal(p->told.n, 0);
	primary_free(p);
}

static void refusals(void **state)
{
	struct tsig_key k = key("front.example.net", 7);
	struct primary *p = primary_new(&k, NULL);
	struct tsig_claim claim;
	struct signer s;

	(void)state;
	load(p, &k);

	/* Unsigned, it could be anyone's: not even another way is tried. */
	asked(p, T0);
	reply_begin(p, 4711, DNS_QR | DNS_NOTIMP, true);
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_string_equal(xfr_why(p->x), "the primary answers NOTIMP, not signed");

	asked(p, xfr_deadline(p->x));
	assert_int_equal(p->type, DNS_IXFR);
	assert_int_equal(tsig_read(p->request, p->request_len, &claim), 0);
	reply_begin(p, 4711, DNS_QR | DNS_NOTAUTH, true);
	assert_int_equal(tsig_append_error(p->buf, &p->w.len, sizeof(p->buf), &claim,
					   TSIG_BADKEY), 0);
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_string_equal(xfr_why(p->x), "the primary does not know the key (BADKEY)");

	asked(p, xfr_deadline(p->x));
	assert_int_equal(tsig_read(p->request, p->request_len, &claim), 0);
	reply_begin(p, 4711, DNS_QR | DNS_NOTAUTH, true);
	assert_int_equal(tsig_append_error(p->buf, &p->w.len, sizeof(p->buf), &claim,
					   TSIG_BADSIG), 0);
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_string_equal(xfr_why(p->x), "the primary has another secret for the key (BADSIG)");

	asked(p, xfr_deadline(p->x));
	sign_begin(&s, p, &k);
	assert_int_equal(tsig_read(p->request, p->request_len, &claim), 0);
	reply_begin(p, 4711, DNS_QR | DNS_NOTAUTH, true);
	assert_int_equal(tsig_sign(p->buf, &p->w.len, sizeof(p->buf), &k, &claim.mac, &s.mac,
				   TSIG_BADTIME, claim.time_signed), 0);
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_string_equal(xfr_why(p->x),
			    "the clocks here and at the primary differ (BADTIME)");

	/* Signed, it is an answer. */
	asked(p, xfr_deadline(p->x));
	sign_begin(&s, p, &k);
	reply_begin(p, 4711, DNS_QR | DNS_NOTIMP, true);
	sign(&s, p);
	assert_int_equal(reply_send(p, T0), XFR_AGAIN);
	assert_int_equal(asked(p, T0), DNS_AXFR);
	sign_begin(&s, p, &k);
	reply_begin(p, 4711, DNS_QR | DNS_REFUSED, true);
	sign(&s, p);
	assert_int_equal(reply_send(p, T0), XFR_FAILED);
	assert_string_equal(xfr_why(p->x), "the primary answers REFUSED");
	assert_untouched(p);
	primary_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_signed),
		cmocka_unit_test(some_signed),
		cmocka_unit_test(tricks),
		cmocka_unit_test(whole_wrong),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
