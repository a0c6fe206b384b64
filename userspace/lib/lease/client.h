/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Publication of records in a zone, the client's half: RFC 2136 updates with leases
 * (RFC 9664), refreshed before they end, replaced in one go when they change, and
 * taken back. Documentation/llq-client.md tells how it works.
 *
 * Pure: messages go in and out as octets, without the two octets of length that
 * stand before them on a stream. Times are milliseconds of any clock that does not
 * go back and that runs while the machine sleeps.
 */
#ifndef BTMM_LEASE_CLIENT_H
#define BTMM_LEASE_CLIENT_H

#include "../dns/edns.h"
#include "../llq/draw.h"
#include "../llq/signer.h"

#define LEASE_CLIENT_MAX	256	/* records */

struct lease_client;

struct lease_client_config {
	const uint8_t *zone;	/* copied */
	bool stream;		/* no retransmission */
	uint32_t lease;		/* s, to be asked for */
	/* s, for KEY records; 0: the form of the option without it is used */
	uint32_t key_lease;
	/* ms, the longest delay of the very first update (RFC 9664 5.1: up to 3 s), for
	 * who starts together with many others; 0: none
	 */
	uint32_t spread;
	uint8_t seed[DRAW_SEED];
	struct signer signer;
};

struct lease_client_record {
	const uint8_t *owner;		/* in the zone */
	uint16_t type;
	/* Others have records of this owner and type, too (browsing PTRs). Those that
	 * are not shared replace whatever is there.
	 */
	bool shared;
	uint32_t ttl;
	const uint8_t *rdata;		/* uncompressed */
	uint16_t rdlen;
};

/* @config is copied. NULL: no memory. */
struct lease_client *lease_client_new(const struct lease_client_config *config);
/* Says nothing to the server: what is published stays there until its lease ends. */
void lease_client_free(struct lease_client *c);

/*
 * From now on, exactly these records are to be published; none: what was is taken
 * back. Copied. 0; -EINVAL (not in the zone, type ANY or 0, or the like), -E2BIG,
 * -ENOMEM: then all is as before.
 */
int lease_client_set(struct lease_client *c, const struct lease_client_record *records,
		     size_t n, uint64_t now);

/* The own address is another one, or there is a new stream: what is out is sent anew.
 * Also ends lease_client_pause().
 */
void lease_client_moved(struct lease_client *c, uint64_t now);
/* There is no way to the server for now: nothing is sent. */
void lease_client_pause(struct lease_client *c);
/* What waits for a server that failed is tried at once. */
void lease_client_retry(struct lease_client *c, uint64_t now);

/*
 * The next message to send to the server, 0 when there is none now. @size: at least
 * DNS_UDP_MAX; what is published has to fit into one message. To be called until it
 * is 0.
 */
size_t lease_client_output(struct lease_client *c, uint64_t now, uint8_t *out, size_t size);
/* When lease_client_output() has to be called again; UINT64_MAX: after other calls only. */
uint64_t lease_client_deadline(const struct lease_client *c);
/* A message from the server: the caller has checked where it came from. Whether it
 * was an answer awaited.
 */
bool lease_client_input(struct lease_client *c, uint64_t now, const uint8_t *msg, size_t len);

/* The server did not answer on a stream: it should be closed. Once. */
bool lease_client_stuck(struct lease_client *c);

/* The server has acknowledged what was set last, and the lease has not ended. */
bool lease_client_current(const struct lease_client *c);
/* Nothing of ours is or may be published. */
bool lease_client_withdrawn(const struct lease_client *c);
/* s, as granted; 0: there is no lease */
uint32_t lease_client_granted(const struct lease_client *c);
/* When it ends unless it is refreshed; 0: there is none. */
uint64_t lease_client_expires(const struct lease_client *c);
/*
 * Why the last update failed: 256 + RCODE; -ETIMEDOUT: silence; -EMSGSIZE: it does not
 * fit; -EKEYREJECTED: the signer could not sign. 0: it did not.
 */
int lease_client_error(const struct lease_client *c);

#endif
