/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one gateway (default router) lets in for us: UDP ports mapped by PCP (RFC 6887)
 * or, where there is none, NAT-PMP (RFC 6886), and the address that they are at.
 * Documentation/nat.md tells how it works. Several gateways, several of these.
 *
 * Pure: datagrams go in and out as octets. Times are milliseconds of any clock that
 * does not go back and that runs while the machine sleeps.
 */
#ifndef BTMM_NAT_GATEWAY_H
#define BTMM_NAT_GATEWAY_H

#include "../llq/draw.h"
#include "address.h"
#include "pcp.h"

#define GATEWAY_MAPS		4	/* ports */
#define GATEWAY_OUT		PCP_MAP_LEN	/* octets; no datagram of ours is longer */
#define GATEWAY_LIFETIME	3600	/* s, RFC 6281 */

struct gateway;

enum gateway_protocol { GATEWAY_UNKNOWN, GATEWAY_NATPMP, GATEWAY_PCP };

/* Why there is no (new) mapping. */
enum gateway_reason {
	GATEWAY_OK,
	GATEWAY_ASKING,		/* no answer yet */
	GATEWAY_SILENT,		/* no answer: "assume no NAT" */
	GATEWAY_CLOSED,		/* port unreachable: it speaks neither protocol */
	GATEWAY_UNSUPPORTED,	/* it speaks other versions, or cannot map */
	GATEWAY_REFUSED,	/* it could, but does not for us */
	GATEWAY_NO_NETWORK,	/* it has no connection itself, or no address */
	GATEWAY_FULL,		/* no resources: maybe later */
	GATEWAY_QUOTA,		/* we have as many as one may */
	GATEWAY_NO_EXTERNAL,	/* not with this external port or address */
	GATEWAY_BETWEEN,	/* another NAT stands between us and it */
	GATEWAY_BROKEN,		/* it does not understand us, or says what we do not know */
};

struct gateway_config {
	struct ipv4 gateway;	/* whom datagrams go to, at port NATPMP_PORT */
	struct ipv4 own;	/* what they come from */
	uint32_t lifetime;	/* s, to be asked for; 0: GATEWAY_LIFETIME */
	/* s, the longest time between renewals, for who wants to know soon of a reboot
	 * that no announcement tells of; 0: as the lifetime demands
	 */
	uint32_t refresh;
	/* Random, for this gateway only, and the same after a restart: with another one
	 * a mapping that is there cannot be renewed.
	 */
	uint8_t nonce[PCP_NONCE];
	uint8_t seed[DRAW_SEED];
};

struct gateway_mapping {
	uint16_t internal;
	uint16_t external;	/* 0: there is none */
	struct ipv4 address;	/* 0.0.0.0: not known */
	uint64_t granted;	/* when the gateway last said so */
	uint64_t since;		/* when it first said so, of this address and port */
	uint64_t expires;	/* 0: there is none */
	/* The gateway lost its state, or refused the renewal, or is silent about it. */
	bool doubtful;
	enum gateway_reason reason;	/* of the last answer, or of its lack */
};

/* @config is copied. NULL: no memory. Nothing is asked without gateway_map(). */
struct gateway *gateway_new(const struct gateway_config *config);
/* Says nothing to the gateway: mappings stay until they end. */
void gateway_free(struct gateway *g);

/*
 * A UDP port to be mapped, to the external port @suggested if the gateway likes (what
 * it granted before, say; 0: @internal). 0, -EINVAL (port 0), -EEXIST, -ENOSPC.
 */
int gateway_map(struct gateway *g, uint16_t internal, uint16_t suggested, uint64_t now);
/* No more. Deleted there, in one to three tries. */
void gateway_unmap(struct gateway *g, uint16_t internal, uint64_t now);
/* All of them, because the program ends. To be driven on until gateway_stopped(). */
void gateway_stop(struct gateway *g, uint64_t now);
bool gateway_stopped(const struct gateway *g);

/* The next datagram to the gateway, 0: none now. To be called until it is 0. */
size_t gateway_output(struct gateway *g, uint64_t now, uint8_t out[GATEWAY_OUT]);
/* When to call gateway_output() again; UINT64_MAX: after other calls only. */
uint64_t gateway_deadline(const struct gateway *g);
/*
 * A datagram that came to the socket of gateway_output(). @from: whoever is not the
 * gateway is not listened to. Whether it was an answer to us.
 */
bool gateway_input(struct gateway *g, uint64_t now, struct ipv4 from, const uint8_t *msg,
		   size_t len);
/* Of one that was none: did nobody mean it as an answer to this program, now or earlier? */
bool gateway_foreign(const struct gateway *g, const uint8_t *msg, size_t len);
/* The same as gateway_input() of one to 224.0.0.1, port NATPMP_CLIENT_PORT. */
bool gateway_announced(struct gateway *g, uint64_t now, struct ipv4 from, const uint8_t *msg,
		       size_t len);
/* ICMP port unreachable came for a datagram of ours. */
void gateway_unreachable(struct gateway *g, uint64_t now);

/* There is a new own address: what was mapped was for the old one. */
void gateway_moved(struct gateway *g, struct ipv4 own, uint64_t now);
/*
 * The link was away, the gateway's MAC address or our lease is another one, or somebody
 * has reason to hope: whatever is known about the gateway is forgotten, and everything
 * is asked for anew.
 */
void gateway_retry(struct gateway *g, uint64_t now);

/*
 * What STUN saw does not fit, or somebody else has reason to doubt: ports and address are
 * asked for once more. Who is silent is asked at once.
 */
void gateway_check(struct gateway *g, uint64_t now);

/* Something that the following calls tell is not as it was. Once. */
bool gateway_changed(struct gateway *g);
/* False: there is no such port. */
bool gateway_mapping(const struct gateway *g, uint16_t internal, struct gateway_mapping *out);
/* What it speaks, as far as is known. */
enum gateway_protocol gateway_protocol(const struct gateway *g);
/* What it says its outer address is, however useful; 0.0.0.0: not known */
struct ipv4 gateway_address(const struct gateway *g);

/* Both for people, behind "the gateway ". */
const char *gateway_protocol_text(enum gateway_protocol p);
const char *gateway_reason_text(enum gateway_reason r);

#endif
