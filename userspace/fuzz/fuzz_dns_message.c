// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What anybody may send to a name server: libFuzzer target for walks, shapes,
 * RDATA and options; whatever can be read is written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/edns.h"
#include "../lib/dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t plain[DNS_MAX], packed[DNS_MAX], canon_a[DNS_MAX], canon_b[DNS_MAX];

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void name(const uint8_t *n)
{
	uint8_t back[DNAME_MAX];
	char text[DNAME_TEXT_MAX];
	size_t len = dname_len(n);

	must(dname_check(n, len) == len && dname_check(n, len - 1) == 0);
	must(!dname_from_text(dname_to_text(n, text), back));
	must(!memcmp(n, back, len));
	dname_lower(back);
	must(dname_equal(n, back) && dname_hash(n) == dname_hash(back));
	must(dname_skip(n, dname_labels(n))[0] == 0 && !dname_skip(n, dname_labels(n) + 1));
	must(dname_within(n, back) && !dname_below(n, back));
	if (*n)
		must(dname_below(n, dname_skip(back, 1)));
}

static void options(const uint8_t *data, size_t size)
{
	uint8_t out[4 + LLQ_OPTION_LEN];
	struct lease_option lease;
	struct llq_option llq;
	struct edns_option o;
	size_t pos = 0;
	int ret;

	while ((ret = edns_next(data, size, &pos, &o)) > 0) {
		must(o.data + o.len == data + pos);
		if (!llq_option_read(&o, &llq)) {
			must(llq_option_write(&llq, out) == sizeof(out));
			must(!memcmp(out + 4, o.data, o.len));
		}
		if (!lease_option_read(&o, &lease)) {
			must(lease_option_write(&lease, out) == 4u + o.len);
			must(!memcmp(out + 4, o.data, o.len));
		}
	}
	must(ret || pos == size);
}

/* The whole of @data, as far as it can be read, into @w. */
static int rewrite(const uint8_t *data, size_t size, struct dns_writer *w)
{
	struct dns_question q;
	struct dns_walk walk;
	struct dns_rr rr;
	int ret;

	if (dns_walk_init(&walk, data, size))
		return -1;
	while (dns_walk_question(&walk, &q) > 0) {
		name(q.name);
		dns_put_question(w, q.name, q.type, q.class_);
	}
	while ((ret = dns_walk_rr(&walk, &rr)) > 0) {
		int n = dns_rdata_canonical(data, size, &rr, canon_a);

		must(rr.end <= size && rr.rdata + rr.rdlen == data + rr.end);
		must(dns_rdata_unpack(data, size, &rr, canon_b) == n);
		name(rr.owner);
		options(rr.rdata, rr.rdlen);
		if (n >= 0)
			dns_put_rr(w, walk.section, rr.owner, rr.type, rr.class_, rr.ttl,
				   canon_a, (size_t)n);
		else
			dns_put_rr(w, walk.section, rr.owner, rr.type, rr.class_, rr.ttl,
				   rr.rdata, rr.rdlen);
	}
	return ret;
}

static void same_rr(const uint8_t *a, size_t a_len, const struct dns_rr *ra,
		    const uint8_t *b, size_t b_len, const struct dns_rr *rb)
{
	int n;

	must(dname_len(ra->owner) == dname_len(rb->owner));
	must(!memcmp(ra->owner, rb->owner, dname_len(ra->owner)));
	must(ra->type == rb->type && ra->class_ == rb->class_ && ra->ttl == rb->ttl);

	n = dns_rdata_canonical(a, a_len, ra, canon_a);
	if (n >= 0) {
		must(dns_rdata_canonical(b, b_len, rb, canon_b) == n);
		must(!memcmp(canon_a, canon_b, (size_t)n));
	} else {
		must(ra->rdlen == rb->rdlen && !memcmp(ra->rdata, rb->rdata, ra->rdlen));
	}
}

static void same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	struct dns_question qa, qb;
	struct dns_walk wa, wb;
	struct dns_rr ra, rb;
	int ret;

	must(!memcmp(a, b, DNS_HEADER));
	must(!dns_walk_init(&wa, a, a_len) && !dns_walk_init(&wb, b, b_len));
	while ((ret = dns_walk_question(&wa, &qa)) > 0) {
		must(dns_walk_question(&wb, &qb) == 1);
		must(!memcmp(qa.name, qb.name, dname_len(qa.name)));
		must(qa.type == qb.type && qa.class_ == qb.class_);
	}
	must(!ret);
	while ((ret = dns_walk_rr(&wa, &ra)) > 0) {
		must(dns_walk_rr(&wb, &rb) == 1 && wa.section == wb.section);
		same_rr(a, a_len, &ra, b, b_len, &rb);
	}
	must(!ret && !dns_walk_rr(&wb, &rb));
}

static void written(const uint8_t *data, size_t size, uint8_t *out, bool compress)
{
	struct dns_writer w;
	struct dns_walk walk;
	struct dns_rr rr;
	int ret;

	dns_writer_init(&w, out, DNS_MAX, dns_id(data), dns_flags(data));
	w.compress = compress;
	ret = rewrite(data, size, &w);
	if (!ret && !w.failed) {
		same(data, size, out, w.len);
		return;
	}

	/* What there is of it can be read in any case. */
	must(!dns_walk_init(&walk, out, w.len));
	do {
		ret = dns_walk_rr(&walk, &rr);
	} while (ret > 0);
	must(!ret);
}

static void shape(const uint8_t *data, size_t size)
{
	struct dns_shape s;

	if (dns_shape(data, size, &s))
		return;
	must(s.has_tsig == (s.tsig_start < size) && s.tsig_start >= DNS_HEADER);
	must(s.has_opt == !!s.opt);
	if (s.has_opt) {
		must(s.opt + s.opt_len == data + s.opt_end);
		must(s.opt_start + 11 + s.opt_len == s.opt_end);
		must(s.opt_end <= s.tsig_start);
		options(s.opt, s.opt_len);
	}
	if (s.has_tsig)
		name(s.tsig_key);
}

static void error_response(const uint8_t *data, size_t size)
{
	struct dns_walk walk;
	struct dns_rr rr;
	size_t len = dns_error_response(data, size, data[size - 1], plain, DNS_UDP_MAX);

	if (!len)
		return;
	must(len <= size && len <= DNS_UDP_MAX && dns_flags(plain) & DNS_QR);
	must(!dns_walk_init(&walk, plain, len) && !dns_walk_rr(&walk, &rr));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	options(data, size);
	if (size < DNS_HEADER || size > DNS_MAX)
		return 0;

	shape(data, size);
	error_response(data, size);
	written(data, size, plain, false);
	written(data, size, packed, true);
	return 0;
}
