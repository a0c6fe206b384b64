/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who this host is: an EUI-64, and the ULA that peers know it by (RFC 6281 6.3).
 * Documentation/identity.md tells when each is made and how long it lasts.
 *
 * Pure: interfaces and random octets come in.
 */
#ifndef BTMM_IDENTITY_H
#define BTMM_IDENTITY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EUI64_LEN	8
#define IDENTITY_RANDOM	15	/* octets: 7 of the ULA, 8 of a random identifier */

/* "AutoTunnel-00-22-69-FF-FE-8E-34-2A" and NUL */
#define IDENTITY_LABEL	sizeof("AutoTunnel-00-22-69-FF-FE-8E-34-2A")

/* How much an interface is a part of the machine. */
enum identity_place {
	IDENTITY_VIRTUAL,	/* bridge, tunnel, veth ... */
	IDENTITY_REMOVABLE,	/* USB and the like */
	IDENTITY_FIXED,
};

struct identity_link {
	enum identity_place place;
	/* The address it was built with, where it is known: what it uses may be another
	 * one on each network. 6 or 8 octets; of any other length it does not count.
	 */
	uint8_t hwaddr[EUI64_LEN], hwaddr_len;
};

/* Modified EUI-64 (RFC 4291 appendix A): as it stands in an address. */
void eui64_from_mac(const uint8_t mac[6], uint8_t out[EUI64_LEN]);

/*
 * The primary interface: a fixed one before a removable one before a virtual one;
 * then one with an address of its maker's before a local one; then the lowest
 * address. So the order of the list is of no account, nor are names and indices,
 * which change from boot to boot.
 *
 * Return: its index in @links; -1: none has an address that is of use.
 */
int identity_primary(const struct identity_link *links, size_t n);

struct identity {
	struct in6_addr ula;		/* ::, as long as there is none */
	uint8_t eui64[EUI64_LEN];	/* modified form; the ULA's last octets */
	bool random;			/* @eui64 tells nothing about hardware */
};

static inline bool identity_is_set(const struct identity *id)
{
	return id->ula.s6_addr[0] == 0xfd;
}

/*
 * A new identity: 0xFD, 56 random bits, EUI-64 of the primary interface; with
 * @private, or where no interface has an address that is of use, a random
 * identifier that is marked as local instead. @random: never to be used again.
 */
void identity_make(struct identity *id, const struct identity_link *links, size_t n,
		   bool private, const uint8_t random[IDENTITY_RANDOM]);

/* The owner wants privacy, and the identity at hand was made without: it has to be
 * replaced. In all other cases it is kept until power-off.
 */
static inline bool identity_exposes(const struct identity *id, bool private)
{
	return private && identity_is_set(id) && !id->random;
}

/*
 * The label under which the tunnel's records stand: AutoTunnel- and the EUI-64 as
 * the RFC's example has it, that is, with the U/L bit as it is in the hardware
 * address. Others print it as it is in the ULA: never compare the two. Returns @out.
 */
const char *identity_label(const struct identity *id, char out[IDENTITY_LABEL]);

#endif
