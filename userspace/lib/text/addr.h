/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses and endpoints from text and to text.
 *
 * What cannot be read is answered with a sentence that says why, to be put
 * behind the offending word in a message; NULL means that all is well.
 */
#ifndef BTMM_TEXT_ADDR_H
#define BTMM_TEXT_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* An IPv4 or IPv6 address; @len says which, 0 is none. */
struct addr {
	uint8_t len;	/* 0, 4 or 16 */
	uint8_t b[16];
};

#define ADDR_TEXT_SIZE		INET6_ADDRSTRLEN
#define ENDPOINT_TEXT_SIZE	(INET6_ADDRSTRLEN + sizeof("[]:65535"))

const char *text_to_addr(const char *s, struct addr *out);

/* A Unique Local Address, fc00::/7 (RFC 4193). */
const char *text_to_ula(const char *s, struct in6_addr *out);

/* ADDR:PORT or [V6]:PORT, of one host that packets can be sent to. */
const char *text_to_endpoint(const char *s, struct addr *addr, uint16_t *port);

bool addr_is_ula(const struct in6_addr *a);

/* Both return @out. */
const char *text_from_addr(const struct addr *a, char out[ADDR_TEXT_SIZE]);
const char *text_from_endpoint(const struct addr *a, uint16_t port,
			       char out[ENDPOINT_TEXT_SIZE]);
const char *text_from_ula(const struct in6_addr *a, char out[ADDR_TEXT_SIZE]);

#endif
