/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IKE with the peers: what charon is told over VICI, and what it says. A peer is a
 * host's name (FQDN) and its ULA; each gets one connection, named IKE_PREFIX and its
 * name, with a trap policy between the two ULAs. Documentation/ike.md tells how.
 *
 * Pure: packets of VICI go in and out as octets, without the four octets of length
 * that stand before them on a stream. There are two streams to charon: one for
 * commands (one at a time) and one for events. Times are milliseconds of any clock
 * that does not go back and that runs while the machine sleeps.
 */
#ifndef BTMM_IKE_MANAGER_H
#define BTMM_IKE_MANAGER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../vici/message.h"

#define IKE_NAME	254		/* octets of a host's name with its NUL */
#define IKE_PREFIX	"btmm-"		/* of our connections' names */
#define IKE_PEERS_MAX	4096
#define IKE_KERNEL_SAS	65536		/* more of the kernel's SAs are not looked at */
#define IKE_OUT		(64 * 1024)	/* what ike_manager_output() wants */
#define IKE_ERROR	160

#define IKE_SILENCE	2000		/* ms without an answer: is the ULA stale? */
#define IKE_CALL_LIMIT	5000		/* ms between calls that ESP without an SA starts */
/* ms for which a call is repeated: as long as the kernel remembers that it has asked
 * for SAs (net.core.xfrm_acq_expires) it does not ask again
 */
#define IKE_CALL_TIME	170000
#define IKE_ANSWER	15000		/* ms that charon may take for a command */
#define IKE_RETRY	10000		/* ms after a command that charon refused */
#define IKE_CHILDREN	4		/* CHILD_SAs with one peer; the oldest above that end */

enum ike_channel { IKE_COMMANDS, IKE_EVENTS };

struct ike_manager;

/*
 * Certificate, key and the authority's certificate as PEM or DER; or, in tests, a
 * pre-shared key of 32 octets for all peers instead. The authority must issue
 * certificates of hosts only to those who may have that name.
 */
struct ike_identity {
	const char *name;		/* the own FQDN */
	struct vici_span cert, key, authority;
	struct vici_span psk;
	bool aes_first;			/* the CPU has AES; else ChaCha20-Poly1305 comes first */
	uint32_t rekey;			/* s for CHILD_SAs; 0: 3600. IKE_SAs: four times that */
};

/*
 * NULL with @err: -EINVAL (no such name; not exactly one way to authenticate; key
 * material that is too long), -ENOMEM.
 */
struct ike_manager *ike_manager_new(const struct ike_identity *id, int *err);
/* Says nothing to charon: what it has stays. */
void ike_manager_free(struct ike_manager *m);
/* Another certificate, key or suite; the name must be the same. Copied. */
int ike_manager_identity(struct ike_manager *m, const struct ike_identity *id, uint64_t now);

/* The own ULA; :: as long as there is none: then peers are not told to charon. */
void ike_manager_local(struct ike_manager *m, const struct in6_addr *ula, uint64_t now);
/*
 * The own records are acknowledged: others find us, and calls make sense. Until then
 * charon only answers. From true to false, SAs stay.
 */
void ike_manager_ready(struct ike_manager *m, bool ready, uint64_t now);
/* All peers that there are have been set: what charon and the kernel have for others
 * can go.
 */
void ike_manager_settled(struct ike_manager *m, uint64_t now);

/*
 * A peer is wanted, or has another ULA: then its old SAs and trap go, the new
 * connection first. Also the answer to IKE_READ_AGAIN. 0; -EINVAL (the name, or not a
 * ULA), -EEXIST (another peer has the ULA), -E2BIG, -ENOMEM.
 */
int ike_peer_set(struct ike_manager *m, const char *name, const struct in6_addr *ula,
		 uint64_t now);
void ike_peer_remove(struct ike_manager *m, const char *name, uint64_t now);
/*
 * For who takes the tunnel away: all peers are removed. IKE_STOPPED follows when charon has
 * nothing of them any more, or is not there. Then nothing may be said but _free().
 */
void ike_manager_stop(struct ike_manager *m, uint64_t now);
/* charon has the connection of the peer with @ula, so it answers when the peer calls.
 * IKE_CHANGED comes when that is so.
 */
bool ike_peer_loaded(const struct ike_manager *m, const struct in6_addr *ula);

enum ike_why {
	IKE_WHY_ASKED,		/* somebody wants SAs, ahead of need; nothing if there are some */
	IKE_WHY_ACQUIRE,	/* the kernel asked charon for SAs: it is watched */
	IKE_WHY_UNKNOWN_SPI,	/* ESP without an SA came from the peer's endpoint */
};

/* Somebody has to call the peer with @ula; nothing when there is no such peer. */
void ike_peer_call(struct ike_manager *m, const struct in6_addr *ula, enum ike_why why,
		   uint64_t now);

/* --- charon --- */

/* Both streams are there, new. */
void ike_manager_connected(struct ike_manager *m, uint64_t now);
/* Both are gone, or will be closed. */
void ike_manager_disconnected(struct ike_manager *m, uint64_t now);

/* The next packet for a stream, 0 when there is none now. @size: at least IKE_OUT. To be
 * called until it is 0. @out may hold keys: wipe it.
 */
size_t ike_manager_output(struct ike_manager *m, enum ike_channel channel, uint64_t now,
			  uint8_t *out, size_t size);
/* When ike_manager_output() has to be called again; UINT64_MAX: after other calls only. */
uint64_t ike_manager_deadline(const struct ike_manager *m);
/* A packet. -EBADMSG: charon must not say that; close both streams. */
int ike_manager_input(struct ike_manager *m, enum ike_channel channel, uint64_t now,
		      const uint8_t *packet, size_t len);
/* charon did not answer: both streams should be closed. Once. */
bool ike_manager_stuck(struct ike_manager *m);

/* --- what the caller has to do --- */

enum ike_action_kind {
	IKE_READ_AGAIN,		/* ask DNS for @name's AAAA, not a cache; then ike_peer_set() */
	IKE_AUDIT,		/* read the kernel's SAs, and call ike_manager_kernel_sas() */
	IKE_VERIFY,		/* read them, and call ike_manager_kernel_has() */
	IKE_SWEEP,		/* delete @sa from the kernel: it is no SA of charon's */
	IKE_CHANGED,		/* @name's state is another one */
	IKE_STOPPED,		/* as ike_manager_stop() wanted; once */
};

/* One of the kernel's ESP SAs that has keys; @spi in host order. */
struct ike_kernel_sa {
	struct in6_addr src, dst;
	uint32_t spi;
};

struct ike_action {
	enum ike_action_kind kind;
	char name[IKE_NAME];
	struct ike_kernel_sa sa;
};

/* To be called after all others until it is false. */
bool ike_manager_action(struct ike_manager *m, struct ike_action *out);
/* The answer to IKE_AUDIT, soon after it. 0, -ENOMEM. */
int ike_manager_kernel_sas(struct ike_manager *m, const struct ike_kernel_sa *sas, size_t n,
			   uint64_t now);

/*
 * The answer to IKE_VERIFY, soon after it: charon may believe in SAs that the kernel has
 * lost. NULL: the kernel does not say.
 */
void ike_manager_kernel_has(struct ike_manager *m, const struct ike_kernel_sa *sas, size_t n,
			    uint64_t now);

/* --- what there is --- */

enum ike_state {
	IKE_WAITING,		/* charon does not know the peer yet */
	IKE_TRAP,		/* it does; there are no SAs */
	IKE_CALLING,
	IKE_UP,
	IKE_REFUSED,		/* charon will not; @error says why */
};

struct ike_status {
	const char *name;
	struct in6_addr ula;
	enum ike_state state;
	unsigned int ike_sas, children;		/* numbers of them */
	uint64_t ike_age, age;			/* s, of the newest; 0 without one */
	uint32_t spi_in, spi_out;		/* of the newest CHILD_SA */
	uint64_t bytes_in, bytes_out;		/* sums of all CHILD_SAs that there are */
	char suite[32];				/* "AES_GCM_16 128" */
	uint64_t read_at;			/* ms; when charon said so; 0: never */
	const char *error;			/* of the last failure, "" without one */
};

/* One after the other; nothing may be changed meanwhile. All zero: at the beginning. */
struct ike_walk {
	const struct ike_peer *at;
	size_t n;
};

/* False: that was all. */
bool ike_manager_next(const struct ike_manager *m, struct ike_walk *w, uint64_t now,
		      struct ike_status *out);
/* Asks charon anew about all peers (bytes change without an event). */
void ike_manager_refresh(struct ike_manager *m);
/* All that charon was asked about SAs has been answered. */
bool ike_manager_fresh(const struct ike_manager *m);
/* What is wrong with the keys, in charon's words; "" if nothing is. */
const char *ike_manager_error(const struct ike_manager *m);

#endif
