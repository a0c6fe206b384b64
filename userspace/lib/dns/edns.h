/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EDNS options of this project's protocols: LLQ (RFC 8764 3.2), Update Lease
 * (RFC 9664 4), and the list they stand in (RFC 6891 6.1.2).
 */
#ifndef BTMM_DNS_EDNS_H
#define BTMM_DNS_EDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum edns_code {
	EDNS_LLQ = 1,
	EDNS_UPDATE_LEASE = 2,
	/* Local use (RFC 6891 9): the TLS exporter value that binds a signed
	 * query to the session it comes on (Documentation/dnsd.md).
	 */
	EDNS_CHANNEL = 65281,
};

struct edns_option {
	uint16_t code, len;
	const uint8_t *data;
};

/* The next of @options; *pos starts at 0. 1, 0 at the end, -EBADMSG. */
int edns_next(const uint8_t *options, size_t len, size_t *pos, struct edns_option *out);

enum llq_opcode { LLQ_SETUP = 1, LLQ_REFRESH = 2, LLQ_EVENT = 3 };
enum llq_error {
	LLQ_NO_ERROR = 0, LLQ_SERV_FULL = 1, LLQ_STATIC = 2, LLQ_FORMAT_ERR = 3,
	LLQ_NO_SUCH = 4, LLQ_BAD_VERS = 5, LLQ_UNKNOWN = 6,
};
#define LLQ_VERSION	1
#define LLQ_OPTION_LEN	18
#define LLQ_ID_LEN	8

struct llq_option {
	uint16_t version, opcode, error;
	uint8_t id[LLQ_ID_LEN];
	uint32_t lease;		/* seconds */
};

/* 0, or -EBADMSG: not 18 octets. Values are not judged. */
int llq_option_read(const struct edns_option *o, struct llq_option *out);
/* With the option's code and length in front: 22 octets. */
size_t llq_option_write(const struct llq_option *in, uint8_t out[4 + LLQ_OPTION_LEN]);

struct lease_option {
	uint32_t lease;		/* seconds */
	uint32_t key_lease;	/* seconds, for KEY records; = lease in the 4-octet form */
	bool long_form;		/* 8 octets */
};

/* 0, or -EBADMSG: neither 4 nor 8 octets. */
int lease_option_read(const struct edns_option *o, struct lease_option *out);
/* With the option's code and length in front: 8 or 12 octets. */
size_t lease_option_write(const struct lease_option *in, uint8_t out[12]);

#endif
