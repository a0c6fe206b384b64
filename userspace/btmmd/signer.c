// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verifying is libknot's, which looks at the MAC before it looks at the clock. Signing
 * is done here, as libknot signs with no other time than the system's.
 */
#include "signer.h"

#include <errno.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/dns/message.h"
#include "noise.h"

#define FUDGE	300	/* s, RFC 8945 10 */

static const struct {
	const char *name;		/* on the wire, but for the end */

	const EVP_MD *(*md)(void);
} algorithms[] = {
	[TSIG_HMAC_SHA256] = { "\013hmac-sha256", EVP_sha256 },
	[TSIG_HMAC_SHA512] = { "\013hmac-sha512", EVP_sha512 },
	[TSIG_HMAC_MD5] = { "\010hmac-md5\007sig-alg\003reg\003int", EVP_md5 },
};

#define N_ALGORITHMS	(sizeof(algorithms) / sizeof(*algorithms))

static int64_t passed(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec;
}

void host_signer_init(struct host_signer *s, const struct tsig_key *key)
{
	*s = (struct host_signer){ .key = *key, .began = (int64_t)time(NULL) - passed() };
}

void host_signer_wipe(struct host_signer *s)
{
	tsig_key_wipe(&s->key);
	s->offset = 0;
}

static uint64_t server_time(const struct host_signer *s)
{
	return (uint64_t)(s->began + passed() + s->offset);
}

static uint8_t *put(uint8_t *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return p + len;
}

static uint8_t *put_u16(uint8_t *p, uint16_t v)
{
	dns_put16(p, v);
	return p + 2;
}

static uint8_t *put_time(uint8_t *p, uint64_t t)
{
	dns_put16(p, (uint16_t)(t >> 32));
	dns_put32(p + 2, (uint32_t)t);
	return put_u16(p + 6, FUDGE);
}

/* What is signed: RFC 8945 4.3 */
static int digest(const struct host_signer *s, const uint8_t *msg, size_t len, uint64_t when,
		  const struct tsig_mac *prior, struct tsig_mac *mac)
{
	const uint8_t *algorithm = (const uint8_t *)algorithms[s->key.algorithm].name;
	const EVP_MD *md = algorithms[s->key.algorithm].md();
	uint8_t *buf = malloc(2 + TSIG_MAC_MAX + len + TSIG_ROOM + DNAME_MAX), *p = buf;
	unsigned int n = sizeof(mac->b);
	bool done;

	if (!buf)
		return -ENOMEM;
	if (prior) {
		p = put_u16(p, prior->len);
		p = put(p, prior->b, prior->len);
	}
	p = put(p, msg, len);
	p = put(p, s->key.name, dname_len(s->key.name));
	p = put_u16(p, DNS_CLASS_ANY);
	dns_put32(p, 0);
	p = put(p + 4, algorithm, dname_len(algorithm));
	p = put_time(p, when);
	p = put_u16(p, 0);
	p = put_u16(p, 0);
	done = HMAC(md, s->key.secret, s->key.secret_len, buf, (size_t)(p - buf), mac->b, &n);
	mac->len = (uint8_t)n;
	free(buf);
	return done ? 0 : -EIO;
}

static int sign(void *arg, uint8_t *msg, size_t *len, size_t size, const struct tsig_mac *prior,
		struct tsig_mac *mac)
{
	const struct host_signer *s = arg;
	uint64_t when = server_time(s);
	const uint8_t *algorithm;
	size_t name_len, algorithm_len;
	uint8_t *p;
	int err;

	if ((size_t)s->key.algorithm >= N_ALGORITHMS || !s->key.algorithm ||
	    *len < DNS_HEADER || *len > size || dns_count(msg, 3) == UINT16_MAX)
		return -EINVAL;
	algorithm = (const uint8_t *)algorithms[s->key.algorithm].name;
	name_len = dname_len(s->key.name);
	algorithm_len = dname_len(algorithm);
	err = digest(s, msg, *len, when, prior, mac);
	if (err)
		return err;
	if (size - *len < name_len + DNS_RR_FIXED + algorithm_len + 16 + mac->len)
		return -ENOSPC;

	p = put(msg + *len, s->key.name, name_len);
	p = put_u16(p, DNS_TSIG);
	p = put_u16(p, DNS_CLASS_ANY);
	dns_put32(p, 0);
	p = put_u16(p + 4, (uint16_t)(algorithm_len + 16 + mac->len));
	p = put(p, algorithm, algorithm_len);
	p = put_time(p, when);
	p = put_u16(p, mac->len);
	p = put(p, mac->b, mac->len);
	p = put_u16(p, dns_id(msg));
	p = put_u16(p, 0);
	p = put_u16(p, 0);
	*len = (size_t)(p - msg);
	dns_put16(msg + 10, dns_count(msg, 3) + 1);
	return 0;
}

static enum signer_result verify(void *arg, const uint8_t *msg, size_t len,
				 const struct tsig_mac *prior, struct tsig_mac *mac,
				 uint64_t *when)
{
	struct host_signer *s = arg;
	struct tsig_claim claim;
	enum tsig_result r;
	int64_t off;

	if (tsig_read(msg, len, &claim)) {
		noise(NOISE_DNS, "what the server should have signed, and has not");
		return SIGNER_BAD;
	}
	r = tsig_check(msg, len, &s->key, prior);
	if (r != TSIG_OK && r != TSIG_BADTIME) {
		/* An answer may be to another one of our tries. */
		if (!prior || r != TSIG_BADSIG)
			noise(NOISE_DNS, "what is signed, but not with our key");
		return SIGNER_BAD;
	}
	/* From here on, the MAC is right. */
	if (claim.error == TSIG_BADTIME && claim.other_time && prior) {
		s->offset = (int64_t)claim.other_time - s->began - passed();
		return SIGNER_AGAIN;
	}
	off = (int64_t)(claim.time_signed - server_time(s));
	if (off > claim.fudge || off < -(int64_t)claim.fudge) {
		noise(NOISE_DNS, "what was signed at another time");
		/* An event may be old; or the server's clock has been set. */
		return prior ? SIGNER_BAD : SIGNER_AGAIN;
	}
	*mac = claim.mac;
	*when = claim.time_signed;
	return SIGNER_GOOD;
}

struct signer host_signer_ops(struct host_signer *s)
{
	return (struct signer){ s, sign, verify };
}
