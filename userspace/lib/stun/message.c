// SPDX-License-Identifier: GPL-2.0-or-later
#include "message.h"

#include <errno.h>
#include <string.h>

#include "../dns/message.h"

#define ATTR_HEADER	4
#define FINGERPRINT_XOR	0x5354554eu
#define FAMILY_IPV4	1
#define FAMILY_IPV6	2

static const uint8_t cookie[] = { 0x21, 0x12, 0xa4, 0x42 };
static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* An attribute's data ends on a boundary of four octets. */
static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* CRC-32 of ISO 3309, by half octets */
static uint32_t crc32(const uint8_t *p, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	while (len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

bool stun_is(const uint8_t *msg, size_t len)
{
	return len >= STUN_HEADER && len <= STUN_MAX && !(msg[0] & 0xc0) &&
	       dns_u16(msg + 2) == len - STUN_HEADER && !(len & 3) &&
	       !memcmp(msg + 4, cookie, sizeof(cookie));
}

static bool fingerprint_right(const struct stun_attr *a, const uint8_t *msg)
{
	uint8_t right[4];

	dns_put32(right, crc32(msg, (size_t)(a->data - ATTR_HEADER - msg)) ^ FINGERPRINT_XOR);
	return a->len == sizeof(right) && !memcmp(a->data, right, sizeof(right));
}

/* 1, 0 at the end, -EBADMSG */
static int next(struct stun *s, struct stun_attr *out)
{
	const uint8_t *p = s->msg + s->pos;
	size_t left = s->len - s->pos;

	if (!left)
		return 0;
	if (left < ATTR_HEADER)
		return -EBADMSG;

	out->type = dns_u16(p);
	out->len = dns_u16(p + 2);
	out->data = p + ATTR_HEADER;
	if (padded(out->len) > left - ATTR_HEADER)
		return -EBADMSG;
	s->pos += ATTR_HEADER + padded(out->len);
	return 1;
}

int stun_read(const uint8_t *msg, size_t len, struct stun *out)
{
	struct stun_attr a;
	int ret;

	if (!stun_is(msg, len))
		return -EBADMSG;

	*out = (struct stun){ .msg = msg, .len = len, .pos = STUN_HEADER, .type = dns_u16(msg) };
	while ((ret = next(out, &a)) > 0) {
		if (a.type != STUN_A_FINGERPRINT)
			continue;
		if (out->pos != len || !fingerprint_right(&a, msg))
			return -EBADMSG;
	}
	out->pos = STUN_HEADER;
	return ret;
}

bool stun_next(struct stun *s, struct stun_attr *out)
{
	while (next(s, out) > 0) {
		bool counts = !s->covered || out->type == STUN_A_FINGERPRINT ||
			      out->type == STUN_A_INTEGRITY_SHA256;

		if (out->type == STUN_A_INTEGRITY || out->type == STUN_A_INTEGRITY_SHA256)
			s->covered = true;
		if (counts)
			return true;
	}
	return false;
}

bool stun_known(uint16_t type)
{
	switch (type) {
	case STUN_A_MAPPED_ADDRESS:
	case STUN_A_USERNAME:
	case STUN_A_INTEGRITY:
	case STUN_A_ERROR_CODE:
	case STUN_A_UNKNOWN:
	case STUN_A_REALM:
	case STUN_A_NONCE:
	case STUN_A_INTEGRITY_SHA256:
	case STUN_A_PASSWORD_ALGORITHM:
	case STUN_A_USERHASH:
	case STUN_A_XOR_MAPPED_ADDRESS:
		return true;
	default:
		return type & STUN_A_OPTIONAL;
	}
}

/* With the cookie, and behind it the transaction ID (RFC 8489 14.2) */
static void xor_ip(uint8_t *to, const uint8_t *from, size_t n, const uint8_t tid[STUN_TID])
{
	size_t i;

	for (i = 0; i < n; i++)
		to[i] = from[i] ^ (i < 4 ? cookie[i] : tid[i - 4]);
}

int stun_address_read(const struct stun_attr *a, const uint8_t tid[STUN_TID],
		      struct stun_address *out)
{
	if (a->len == 8 && a->data[1] == FAMILY_IPV4) {
		memcpy(out->ip.s6_addr, mapped, sizeof(mapped));
		xor_ip(out->ip.s6_addr + 12, a->data + 4, 4, tid);
	} else if (a->len == 20 && a->data[1] == FAMILY_IPV6) {
		xor_ip(out->ip.s6_addr, a->data + 4, 16, tid);
	} else {
		return -EBADMSG;
	}
	out->port = dns_u16(a->data + 2) ^ STUN_COOKIE >> 16;
	return 0;
}

void stun_writer_init(struct stun_writer *w, uint8_t buf[STUN_MAX], enum stun_type type,
		      const uint8_t tid[STUN_TID])
{
	*w = (struct stun_writer){ .buf = buf, .len = STUN_HEADER };
	dns_put16(buf, type);
	dns_put16(buf + 2, 0);
	memcpy(buf + 4, cookie, sizeof(cookie));
	memcpy(buf + 8, tid, STUN_TID);
}

void stun_put(struct stun_writer *w, uint16_t type, const uint8_t *data, size_t len)
{
	uint8_t *p = w->buf + w->len;

	dns_put16(p, type);
	dns_put16(p + 2, (uint16_t)len);
	memcpy(p + ATTR_HEADER, data, len);
	memset(p + ATTR_HEADER + len, 0, padded(len) - len);
	w->len += ATTR_HEADER + padded(len);
	dns_put16(w->buf + 2, (uint16_t)(w->len - STUN_HEADER));
}

void stun_put_address(struct stun_writer *w, const struct stun_address *a)
{
	bool ipv4 = IN6_IS_ADDR_V4MAPPED(&a->ip);
	size_t n = ipv4 ? 4 : 16;
	uint8_t data[20];

	data[0] = 0;
	data[1] = ipv4 ? FAMILY_IPV4 : FAMILY_IPV6;
	dns_put16(data + 2, a->port ^ STUN_COOKIE >> 16);
	xor_ip(data + 4, a->ip.s6_addr + 16 - n, n, stun_tid(w->buf));
	stun_put(w, STUN_A_XOR_MAPPED_ADDRESS, data, 4 + n);
}

void stun_put_fingerprint(struct stun_writer *w)
{
	uint8_t data[4];

	/* The header's length already counts this attribute (RFC 8489 14.7). */
	dns_put16(w->buf + 2, (uint16_t)(w->len + STUN_FINGERPRINT_LEN - STUN_HEADER));
	dns_put32(data, crc32(w->buf, w->len) ^ FINGERPRINT_XOR);
	stun_put(w, STUN_A_FINGERPRINT, data, sizeof(data));
}
