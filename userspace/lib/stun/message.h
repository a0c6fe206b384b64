/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * STUN messages, RFC 8489 5 and 14, as far as Binding over UDP needs them.
 *
 * An IPv4 address is ::ffff:a.b.c.d here; ports are in host order.
 */
#ifndef BTMM_STUN_MESSAGE_H
#define BTMM_STUN_MESSAGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUN_HEADER	20
#define STUN_TID	12		/* octets of a transaction ID */
#define STUN_MAX	1280		/* a longer message is not looked at */
#define STUN_COOKIE	0x2112a442u
#define STUN_FINGERPRINT_LEN	8	/* the attribute, its header included */

/* Method Binding with each class */
enum stun_type {
	STUN_REQUEST = 0x0001, STUN_INDICATION = 0x0011,
	STUN_SUCCESS = 0x0101, STUN_ERROR = 0x0111,
};

enum stun_attribute {
	STUN_A_MAPPED_ADDRESS = 0x0001, STUN_A_USERNAME = 0x0006,
	STUN_A_INTEGRITY = 0x0008, STUN_A_ERROR_CODE = 0x0009,
	STUN_A_UNKNOWN = 0x000a, STUN_A_REALM = 0x0014, STUN_A_NONCE = 0x0015,
	STUN_A_INTEGRITY_SHA256 = 0x001c, STUN_A_PASSWORD_ALGORITHM = 0x001d,
	STUN_A_USERHASH = 0x001e, STUN_A_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_A_FINGERPRINT = 0x8028,
};
/* Below, an attribute that is not known makes the message useless. */
#define STUN_A_OPTIONAL	0x8000

struct stun_address {
	struct in6_addr ip;
	uint16_t port;
};

/* Is it STUN, seen among other protocols on a port? (DNS never is: the cookie
 * would be 8466 questions.) Header and length only.
 */
bool stun_is(const uint8_t *msg, size_t len);

struct stun {
	const uint8_t *msg;
	size_t len, pos;
	uint16_t type;
	bool covered;		/* behind MESSAGE-INTEGRITY, which ends what counts */
};
struct stun_attr {
	uint16_t type, len;
	const uint8_t *data;
};

/*
 * Checks the whole: header, that attributes end within it, that FINGERPRINT is
 * the last and right, if there is one. 0 or -EBADMSG.
 */
int stun_read(const uint8_t *msg, size_t len, struct stun *out);
static inline const uint8_t *stun_tid(const uint8_t *msg) { return msg + 8; }

/* The next attribute that counts; those to ignore behind MESSAGE-INTEGRITY
 * (RFC 8489 14.5) are left out. False at the end.
 */
bool stun_next(struct stun *s, struct stun_attr *out);

/* One that an agent without credentials understands. */
bool stun_known(uint16_t type);

/* XOR-MAPPED-ADDRESS of a message with @tid. 0 or -EBADMSG. */
int stun_address_read(const struct stun_attr *a, const uint8_t tid[STUN_TID],
		      struct stun_address *out);

/*
 * A writer into a buffer of at least STUN_MAX octets, which our messages do not
 * come near.
 */
struct stun_writer {
	uint8_t *buf;
	size_t len;
};
void stun_writer_init(struct stun_writer *w, uint8_t buf[STUN_MAX], enum stun_type type,
		      const uint8_t tid[STUN_TID]);
/* @len: to be small */
void stun_put(struct stun_writer *w, uint16_t type, const uint8_t *data, size_t len);
void stun_put_address(struct stun_writer *w, const struct stun_address *a);
/* To be the last. */
void stun_put_fingerprint(struct stun_writer *w);

#endif
