// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The digests are libknot's, which wants the message without its TSIG record,
 * ARCOUNT taken down, and that record as an RRset with a lower-case owner.
 */
#include "tsig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libknot/errcode.h>
#include <libknot/tsig-op.h>

#include "message.h"

#define TSIG_FIXED	16	/* octets of RDATA beside the algorithm, MAC, other data */
#define TIME_LEN	6
#define MAC_MIN		10
#define UNSIGNED_MAX	99	/* messages in a row, RFC 8945 5.3.1 */

static const struct algorithm {
	const char *text, *alias;
	const char *wire;
	uint8_t mac_len;
	dnssec_tsig_algorithm_t knot;
} algorithms[] = {
	[TSIG_HMAC_SHA256] = {
		"hmac-sha256", "hmac-sha256.", "\13hmac-sha256", 32, DNSSEC_TSIG_HMAC_SHA256,
	},
	[TSIG_HMAC_SHA512] = {
		"hmac-sha512", "hmac-sha512.", "\13hmac-sha512", 64, DNSSEC_TSIG_HMAC_SHA512,
	},
	[TSIG_HMAC_MD5] = {
		"hmac-md5", "hmac-md5.sig-alg.reg.int.",
		"\10hmac-md5\7sig-alg\3reg\3int", 16, DNSSEC_TSIG_HMAC_MD5,
	},
};

#define N_ALGORITHMS	((int)(sizeof(algorithms) / sizeof(*algorithms)))

enum tsig_algorithm tsig_algorithm_from_text(const char *s)
{
	int i;

	for (i = 1; i < N_ALGORITHMS; i++) {
		if (!strcasecmp(s, algorithms[i].text) || !strcasecmp(s, algorithms[i].alias))
			return i;
	}
	return 0;
}

const char *tsig_algorithm_name(enum tsig_algorithm a)
{
	return (int)a > 0 && (int)a < N_ALGORITHMS ? algorithms[a].text : "unknown";
}

static enum tsig_algorithm algorithm_from_wire(const uint8_t *name)
{
	int i;

	for (i = 1; i < N_ALGORITHMS; i++) {
		if (dname_equal(name, (const uint8_t *)algorithms[i].wire))
			return i;
	}
	return 0;
}

void tsig_key_wipe(struct tsig_key *key)
{
	explicit_bzero(key, sizeof(*key));
}

/* The same key for libknot, which reads it only. */
static bool knot_key(const struct tsig_key *key, knot_tsig_key_t *out)
{
	if ((int)key->algorithm <= 0 || (int)key->algorithm >= N_ALGORITHMS ||
	    !key->secret_len || key->secret_len > TSIG_SECRET_MAX)
		return false;

	*out = (knot_tsig_key_t){
		.algorithm = algorithms[key->algorithm].knot,
		.name = (knot_dname_t *)key->name,
		.secret = { .size = key->secret_len, .data = (uint8_t *)key->secret },
	};
	return true;
}

static uint64_t get48(const uint8_t *p)
{
	return (uint64_t)dns_u16(p) << 32 | dns_u32(p + 2);
}

/* RFC 8945 5.2.2.1; but an answer that says what is wrong may be unsigned. */
static bool mac_len_ok(const uint8_t *msg, const struct tsig_claim *c, size_t len)
{
	size_t full;

	if (!c->algorithm)
		return true;
	if (!len)
		return c->error && dns_flags(msg) & DNS_QR;

	full = algorithms[c->algorithm].mac_len;
	return len <= full && len >= MAC_MIN && 2 * len >= full;
}

static int read_rdata(const uint8_t *msg, const struct dns_rr *rr, struct tsig_claim *out)
{
	size_t mac_len, other_len, left = rr->rdlen;
	const uint8_t *p = rr->rdata;
	size_t n = dname_check(p, left);

	/* A pointer is malformed, too: RFC 8945 4.2 wants no compression. */
	if (!n || left - n < TSIG_FIXED)
		return -EBADMSG;
	memcpy(out->algorithm_name, p, n);
	dname_lower(out->algorithm_name);
	out->algorithm = algorithm_from_wire(out->algorithm_name);
	p += n;
	left -= n + TSIG_FIXED;

	out->time_signed = get48(p);
	out->fudge = dns_u16(p + 6);
	mac_len = dns_u16(p + 8);
	if (mac_len > left)
		return -EBADMSG;
	left -= mac_len;
	/* Of an algorithm that we do not know, it is of no use. */
	out->mac.len = mac_len > TSIG_MAC_MAX ? 0 : (uint8_t)mac_len;
	memcpy(out->mac.b, p + 10, out->mac.len);
	p += 10 + mac_len;

	out->original_id = dns_u16(p);
	out->error = dns_u16(p + 2);
	other_len = dns_u16(p + 4);
	if (other_len != left || !mac_len_ok(msg, out, mac_len))
		return -EBADMSG;
	if (out->error == TSIG_BADTIME && other_len == TIME_LEN)
		out->other_time = get48(p + 6);
	return 0;
}

static int read_tsig(const uint8_t *msg, size_t len, struct tsig_claim *out,
		     struct dns_rr *rr)
{
	struct dns_shape shape;
	struct dns_walk w;

	if (dns_shape(msg, len, &shape))
		return -EBADMSG;
	if (!shape.has_tsig)
		return -ENOENT;

	w = (struct dns_walk){
		.msg = msg, .len = len, .pos = shape.tsig_start, .section = 3, .left = 1,
	};
	if (dns_walk_rr(&w, rr) != 1 || rr->class_ != DNS_CLASS_ANY || rr->ttl)
		return -EBADMSG;

	memset(out, 0, sizeof(*out));
	memcpy(out->key_name, shape.tsig_key, sizeof(out->key_name));
	return read_rdata(msg, rr, out);
}

int tsig_read(const uint8_t *msg, size_t len, struct tsig_claim *out)
{
	struct dns_rr rr;

	return read_tsig(msg, len, out, &rr);
}

static enum tsig_result result_of(int err)
{
	switch (err) {
	case KNOT_EOK:
		return TSIG_OK;
	case KNOT_TSIG_EBADKEY:
		return TSIG_BADKEY;
	case KNOT_TSIG_EBADTIME:
		return TSIG_BADTIME;
	default:
		return TSIG_BADSIG;
	}
}

/* What is left to ask of libknot once the record is read. */
struct check {
	const struct tsig_claim *claim;
	const struct dns_rr *rr;
	const struct tsig_key *key;
	const struct tsig_mac *prior;
	const uint8_t *wire;		/* what was signed, without TSIG */
	size_t len;
	uint64_t not_before;
	bool next;			/* not the first message of a stream */
};

static int knot_check(const struct check *c, knot_rrset_t *rrset)
{
	knot_tsig_key_t key;

	if (!knot_key(c->key, &key))
		return KNOT_TSIG_EBADKEY;
	if (c->next)
		return knot_tsig_client_check_next(rrset, c->wire, c->len, c->prior->b,
						   c->prior->len, &key, c->not_before);
	if (c->prior)
		return knot_tsig_client_check(rrset, c->wire, c->len, c->prior->b,
					      c->prior->len, &key, c->not_before);
	return knot_tsig_server_check(rrset, c->wire, c->len, &key);
}

static enum tsig_result check(const struct check *c)
{
	size_t size = knot_rdata_size(c->rr->rdlen);
	knot_rdata_t *rdata;
	knot_rrset_t rrset;
	int err;

	if (c->key->algorithm != c->claim->algorithm ||
	    !dname_equal(c->key->name, c->claim->key_name))
		return TSIG_BADKEY;
	if (!c->claim->mac.len)
		return TSIG_BADSIG;
	/* libknot knows no truncation: none is enough, whatever it holds. */
	if (c->claim->mac.len < algorithms[c->claim->algorithm].mac_len)
		return TSIG_BADTRUNC;

	rdata = malloc(size);
	if (!rdata)
		return TSIG_BADSIG;
	knot_rdata_init(rdata, c->rr->rdlen, c->rr->rdata);
	knot_rrset_init(&rrset, (knot_dname_t *)c->claim->key_name, DNS_TSIG,
			c->rr->class_, c->rr->ttl);
	rrset.rrs.count = 1;
	rrset.rrs.size = (uint32_t)size;
	rrset.rrs.rdata = rdata;
	err = knot_check(c, &rrset);
	free(rdata);
	return result_of(err);
}

/* The message as it was before it got its TSIG, at @out. */
static void strip(const uint8_t *msg, size_t tsig_start, uint8_t *out)
{
	memcpy(out, msg, tsig_start);
	dns_put16(out + 10, dns_count(msg, 3) - 1);
}

enum tsig_result tsig_check(const uint8_t *msg, size_t len, const struct tsig_key *key,
			    const struct tsig_mac *prior)
{
	enum tsig_result result;
	struct tsig_claim claim;
	struct dns_rr rr;
	uint8_t *wire;

	if (read_tsig(msg, len, &claim, &rr))
		return TSIG_BADSIG;
	wire = malloc(rr.start);
	if (!wire)
		return TSIG_BADSIG;

	strip(msg, rr.start, wire);
	result = check(&(struct check){
		.claim = &claim, .rr = &rr, .key = key, .prior = prior,
		.wire = wire, .len = rr.start,
	});
	free(wire);
	return result;
}

int tsig_sign(uint8_t *msg, size_t *len, size_t size, const struct tsig_key *key,
	      const struct tsig_mac *prior, struct tsig_mac *mac,
	      enum tsig_result error, uint64_t client_time)
{
	uint8_t digest[TSIG_MAC_MAX];
	size_t digest_len = sizeof(digest);
	knot_tsig_key_t k;
	int err;

	if (*len < DNS_HEADER || *len > size || dns_count(msg, 3) == UINT16_MAX ||
	    (error != TSIG_OK && error != TSIG_BADTIME) || !knot_key(key, &k))
		return -EINVAL;
	/* libknot takes the room that is left for 16 bits. */
	if (size > DNS_MAX)
		size = DNS_MAX;
	if (*len > size)
		return -ENOSPC;

	err = knot_tsig_sign(msg, len, size, prior ? prior->b : NULL,
			     prior ? prior->len : 0, digest, &digest_len, &k,
			     error, client_time);
	if (err == KNOT_ESPACE)
		return -ENOSPC;
	if (err != KNOT_EOK)
		return err == KNOT_ENOMEM ? -ENOMEM : -EINVAL;

	mac->len = (uint8_t)digest_len;
	memcpy(mac->b, digest, digest_len);
	return 0;
}

int tsig_append_error(uint8_t *msg, size_t *len, size_t size,
		      const struct tsig_claim *claim, enum tsig_result error)
{
	size_t key_len = dname_len(claim->key_name);
	size_t name_len = dname_len(claim->algorithm_name);
	uint8_t *p = msg + *len;

	if (*len < DNS_HEADER || *len > size || dns_count(msg, 3) == UINT16_MAX ||
	    (error != TSIG_BADKEY && error != TSIG_BADSIG && error != TSIG_BADTRUNC))
		return -EINVAL;
	if (size > DNS_MAX)
		size = DNS_MAX;
	if (*len > size || key_len + 10 + name_len + TSIG_FIXED > size - *len)
		return -ENOSPC;

	memcpy(p, claim->key_name, key_len);
	p += key_len;
	dns_put16(p, DNS_TSIG);
	dns_put16(p + 2, DNS_CLASS_ANY);
	dns_put32(p + 4, 0);
	dns_put16(p + 8, (uint16_t)(name_len + TSIG_FIXED));
	p += 10;

	memcpy(p, claim->algorithm_name, name_len);
	p += name_len;
	dns_put16(p, (uint16_t)(claim->time_signed >> 32));
	dns_put32(p + 2, (uint32_t)claim->time_signed);
	dns_put16(p + 6, claim->fudge);
	dns_put16(p + 8, 0);
	dns_put16(p + 10, dns_id(msg));
	dns_put16(p + 12, error);
	dns_put16(p + 14, 0);

	*len += key_len + 10 + name_len + TSIG_FIXED;
	dns_put16(msg + 10, dns_count(msg, 3) + 1);
	return 0;
}

struct tsig_stream {
	struct tsig_key key;
	struct tsig_mac prior;
	uint64_t last_time;
	uint8_t *wire;		/* what was not covered by a TSIG yet */
	size_t len, size;
	unsigned int n_unsigned;
	bool begun, done;
	enum tsig_result failed;
};

struct tsig_stream *tsig_stream_new(const struct tsig_key *key, const struct tsig_mac *request)
{
	struct tsig_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->key = *key;
	s->prior = *request;
	return s;
}

/* Room for @n more octets. */
static bool stream_room(struct tsig_stream *s, size_t n)
{
	size_t size = s->size ? s->size : 4096;
	uint8_t *wire;

	while (size - s->len < n)
		size *= 2;
	if (size == s->size)
		return true;

	wire = realloc(s->wire, size);
	if (!wire)
		return false;
	s->wire = wire;
	s->size = size;
	return true;
}

static enum tsig_result stream_unsigned(struct tsig_stream *s, const uint8_t *msg, size_t len)
{
	if (!s->begun || s->n_unsigned == UNSIGNED_MAX || !stream_room(s, len))
		return TSIG_BADSIG;

	memcpy(s->wire + s->len, msg, len);
	s->len += len;
	s->n_unsigned++;
	return TSIG_OK;
}

static enum tsig_result stream_signed(struct tsig_stream *s, const uint8_t *msg,
				      const struct tsig_claim *claim, const struct dns_rr *rr)
{
	enum tsig_result result;

	if (!stream_room(s, rr->start))
		return TSIG_BADSIG;
	strip(msg, rr->start, s->wire + s->len);
	result = check(&(struct check){
		.claim = claim, .rr = rr, .key = &s->key, .prior = &s->prior,
		.wire = s->wire, .len = s->len + rr->start,
		.not_before = s->last_time, .next = s->begun,
	});

	s->prior = claim->mac;
	s->last_time = claim->time_signed;
	s->len = 0;
	s->n_unsigned = 0;
	s->begun = true;
	return result;
}

enum tsig_result tsig_stream_check(struct tsig_stream *s, const uint8_t *msg, size_t len)
{
	struct tsig_claim claim;
	struct dns_rr rr;
	int ret;

	if (s->failed)
		return s->failed;

	ret = read_tsig(msg, len, &claim, &rr);
	if (!ret)
		s->failed = stream_signed(s, msg, &claim, &rr);
	else if (ret == -ENOENT)
		s->failed = stream_unsigned(s, msg, len);
	else
		s->failed = TSIG_BADSIG;
	s->done = !ret && !s->failed;
	return s->failed;
}

bool tsig_stream_done(const struct tsig_stream *s)
{
	return s->done;
}

void tsig_stream_free(struct tsig_stream *s)
{
	if (!s)
		return;
	tsig_key_wipe(&s->key);
	free(s->wire);
	free(s);
}
