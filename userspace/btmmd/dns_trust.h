/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which server is believed to be the account's (RFC 7858 4.2, RFC 8310): one whose
 * public key is pinned, or one with a certificate for a name that the owner gave, or
 * both. What SRV records say proves nothing.
 */
#ifndef BTMMD_DNS_TRUST_H
#define BTMMD_DNS_TRUST_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PIN_LEN	32	/* SHA-256 of the SubjectPublicKeyInfo (RFC 7858 4.2) */
#define DNS_PINS_MAX	8

struct dns_trust_config {
	uint8_t pins[DNS_PINS_MAX][DNS_PIN_LEN];	/* any of them */
	size_t n_pins;
	/* PEM, with which the server's certificate must be signed for @name; NULL: pins
	 * are all. Dates are looked at with a CA only.
	 */
	const char *ca_file;
	const char *name;
};

struct dns_trust;

/*
 * NULL with a sentence in @why: neither pin nor CA (there is no TLS with just anybody),
 * a CA without a name, or a file that is of no use. To be freed after all links.
 */
struct dns_trust *dns_trust_new(const struct dns_trust_config *config, char *why,
				size_t why_size);
void dns_trust_free(struct dns_trust *t);

/*
 * A session of a client, on memory BIOs: *in takes what came, *out holds what is to be
 * sent; both are the session's. When the server is refused, *@why becomes the reason.
 * NULL: no memory.
 */
SSL *dns_trust_session(struct dns_trust *t, BIO **in, BIO **out, const char **why);

/*
 * 32 octets of the exporter with @label, as btmm-dnsd makes them. False: this session has
 * none that is its own (RFC 9266 4.2).
 */
bool dns_trust_exporter(SSL *ssl, const char *label, uint8_t out[32]);

#endif
