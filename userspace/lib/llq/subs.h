/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subscriptions to DNS records, the server's half: Long-Lived Queries (RFC 8764)
 * over UDP, TCP and TLS, Apple's TLS variant of them, and DNS Push (RFC 8765 on
 * RFC 8490). Documentation/dnsd-llq.md tells how it works.
 *
 * A pure engine: whoever owns the sockets, the keys and the zones passes
 * messages that are already TSIG-verified, and changes of zones; messages to be
 * sent come out through struct subs_ops. Call-backs must not call the engine.
 *
 * Times (@now) are milliseconds since 1970 as known when the program started,
 * counted on by a clock that never jumps. They must not go back.
 */
#ifndef BTMM_LLQ_SUBS_H
#define BTMM_LLQ_SUBS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/edns.h"
#include "../dns/name.h"
#include "../dns/tsig.h"
#include "../zone/store.h"

struct subs;

enum subs_transport { SUBS_UDP, SUBS_TCP, SUBS_TLS };	/* as enum transport_kind */

/* IPv4 as ::ffff:a.b.c.d */
struct subs_addr {
	struct in6_addr ip;
	uint16_t port;
	uint32_t scope;
};

/* Where a message came from or goes to: a struct origin of transport.h. */
struct subs_origin {
	enum subs_transport transport;
	struct subs_addr peer, local;
	/* UDP. -1, with local.port 0: any UDP socket that can send from
	 * local.ip (events of Apple's TLS variant).
	 */
	int listener;
	uint64_t stream;	/* TCP, TLS: its number, never used twice; else 0 */
};

/* Whose key signed. The engine copies what it keeps. */
struct subs_identity {
	const uint8_t *name;	/* the key's, lower case */
	const uint8_t *zone;	/* the account it belongs to */
	uint64_t tag;		/* other after a rekey */
};

/* For call-backs: not a client; sees all that there is. */
extern const struct subs_identity subs_engine;

struct subs_in {
	struct subs_origin from;
	const struct subs_identity *who;	/* NULL: not signed */
	struct tsig_mac mac;		/* of the message, if signed */
	uint64_t time_signed;		/* s since 1970, if signed */
	const uint8_t *msg;		/* with or without its TSIG record */
	size_t len;
};

enum subs_sign {
	SUBS_UNSIGNED,
	SUBS_ANSWER,	/* as the answer to a request: with its key, after its MAC */
	SUBS_EVENT,	/* as a request is: with @who's key, no prior MAC */
};

struct subs_out {
	const struct subs_origin *to;
	const uint8_t *msg;		/* TSIG_ROOM is left below 65535 */
	size_t len;
	enum subs_sign sign;
	const struct subs_identity *who;	/* whose key; NULL: unsigned */
	const struct tsig_mac *prior;	/* SUBS_ANSWER: MAC of the request */
	struct tsig_mac *mac;		/* SUBS_EVENT: to be filled in with the MAC made */
};

/*
 * What is kept of an LLQ over a restart. Such an LLQ is bound to no stream: its
 * events go by UDP.
 */
struct subs_record {
	uint8_t id[LLQ_ID_LEN];
	/* When restored, listener has to be that which is now bound to local. */
	struct subs_origin to;
	bool apple;			/* Apple's TLS variant */
	const uint8_t *name;		/* lower case */
	const uint8_t *zone;		/* its apex, lower case */
	uint16_t type;
	const struct subs_identity *who;	/* NULL: not signed */
	uint64_t expires;		/* ms since 1970 */
	uint64_t time_signed;		/* the newest accepted */
	uint16_t udp_size;
	/* What the client is known to have, for subs_resync(); NULL in persist():
	 * as before.
	 */
	const uint8_t *answers;
	size_t answers_len;
};

/* The zone that a name is in. */
struct subs_zone {
	const uint8_t *apex;	/* lower case */
	bool loaded;
	bool is_private;	/* LLQs need TSIG, push needs a bound identity */
	bool is_static;		/* no change would ever be noticed */
};

typedef void (*subs_rr_fn)(void *arg, const struct zone_rr *rr);

struct subs_ops {
	/* What fails is as good as lost on its way. */
	void (*send)(void *arg, const struct subs_out *out);
	/* After what was sent, or (@abort) at once, with a reset (RFC 8490 5.3).
	 * subs_end_stream() follows when it has gone, but not from within.
	 */
	void (*close)(void *arg, uint64_t stream, bool abort);
	/* The stream carries subscriptions or a DSO session: the engine says when
	 * it is idle.
	 */
	void (*hold)(void *arg, uint64_t stream, bool hold);
	void (*random)(void *arg, void *buf, size_t len);

	/* False: the name is in no zone of ours. */
	bool (*zone)(void *arg, const uint8_t *name, struct subs_zone *out);
	/* May @who (NULL: anyone) see records of @name and @type (255: any)? */
	bool (*may)(void *arg, const struct subs_identity *who, const uint8_t *name,
		    uint16_t type);
	/* Tells the records of @name and @type (255: any) that @who sees now:
	 * not hidden, of no type that is never served.
	 */
	void (*answers)(void *arg, const struct subs_identity *who, const uint8_t *name,
			uint16_t type, subs_rr_fn fn, void *fn_arg);

	/* To be kept over a restart, replacing what was kept under this ID;
	 * forgotten. Both may be NULL.
	 */
	void (*persist)(void *arg, const struct subs_record *r);
	void (*forget)(void *arg, const uint8_t id[LLQ_ID_LEN]);
};

struct subs_config {
	uint8_t secret[16];		/* kept over restarts, or handshakes break */
	uint32_t lease_min, lease_max;	/* s */
	uint32_t retry_after;		/* s, what SERV-FULL says */
	uint16_t udp_max;		/* octets of an answer or event by UDP */
	uint32_t max_llqs;		/* LLQs and push subscriptions, in total, */
	uint32_t max_per_zone;		/* for names in one zone, */
	uint32_t max_per_client;	/* from one address (IPv6: /64) */
	uint32_t max_waiting;		/* changes held for one LLQ; more: the difference */
	uint32_t replay_entries;	/* signed set-ups remembered */
	uint32_t max_sessions;		/* DSO */
	uint32_t inactivity_ms, keepalive_ms;	/* DSO */
};
/* All but the secret: 15 min to 2 h, and so on. */
void subs_config_default(struct subs_config *c);

/* NULL: no memory. Both arguments are copied. */
struct subs *subs_new(const struct subs_config *config, const struct subs_ops *ops, void *arg);
void subs_free(struct subs *s);		/* says nothing to anybody */
/* New limits for what comes; the secret is not changed. */
void subs_configure(struct subs *s, const struct subs_config *config);

/* --- messages --- */

/*
 * Has @msg an OPT with an LLQ option, or is it DSO? Then it is for subs_message()
 * resp. subs_dso(), else it is not ours. Malformed messages are not ours.
 */
bool subs_is_llq(const uint8_t *msg, size_t len);

/*
 * To verify an acknowledgement, an LLQ message with QR set: the key and the MAC
 * of the event that it answers. 0: it has to be signed by *who (to be copied
 * before the next call), response to *prior; 1: it needs no signature;
 * -ENOENT: no such event is out, to be dropped. Whether it is then told to
 * subs_message() with or without a key decides whether it counts.
 */
int subs_event_mac(struct subs *s, const struct subs_origin *from, const uint8_t *msg,
		   size_t len, const struct subs_identity **who, struct tsig_mac *prior);

/* An LLQ message: set-up, refresh, acknowledgement. Answers are sent before it
 * returns. 0; -EBADMSG: not ours, nothing was done.
 */
int subs_message(struct subs *s, const struct subs_in *in, uint64_t now);

/* A DSO message (opcode 6) on a TLS stream (others are refused here). Signatures
 * are not used: subs_push_bind() says who the stream is.
 */
void subs_dso(struct subs *s, const struct subs_origin *from, const uint8_t *msg, size_t len,
	      uint64_t now);
/* The stream's client has proved to be @who. May come before its first DSO
 * message. -EPERM: it is bound to another; -ENOSPC, -ENOMEM.
 */
int subs_push_bind(struct subs *s, const struct subs_origin *from,
		   const struct subs_identity *who, uint64_t now);
/* A message that is not DSO came or went on a stream: it is not idle. */
void subs_push_seen(struct subs *s, uint64_t stream, uint64_t now);
/* Tells every DSO client to come back after @retry_ms (RFC 8490 7.2) or up to twice
 * that, so that not all come at once, and closes.
 */
void subs_push_shutdown(struct subs *s, uint32_t retry_ms);

/* --- changes --- */

/*
 * One change of what is visible in a zone (zone_change_fn), told after or while
 * it is made, in order; those of types that are never served are ignored.
 * subs_commit() makes events of all since the last one; by then, and whenever else
 * the engine is called, the zones have to be as the changes said.
 */
void subs_change(struct subs *s, const uint8_t *owner, bool add, const struct zone_rr *rr);
void subs_commit(struct subs *s, uint64_t now);

/* --- ends --- */

/* A key that is no longer valid: its LLQs, sessions. */
void subs_end_identity(struct subs *s, const uint8_t *name);
void subs_end_stream(struct subs *s, uint64_t stream);
void subs_end_zone(struct subs *s, const uint8_t *apex);

/* --- time --- */

/* When subs_tick() has something to do; UINT64_MAX: never. */
uint64_t subs_deadline(const struct subs *s);
void subs_tick(struct subs *s, uint64_t now);

/* --- restart --- */

/*
 * Brings back an LLQ (its answers are not looked at). Until subs_resync() it gets
 * no events. -ETIME: it has ended; -EEXIST, -ENOSPC, -ENOMEM, -EINVAL (no zone of
 * ours); it should be forgotten then.
 */
int subs_restore(struct subs *s, const struct subs_record *r, uint64_t now);
/*
 * With its zone loaded: sends what differs between the @answers kept and those of
 * today. Octets that make no sense count as no answers (-EBADMSG is returned, all
 * the same the LLQ goes on). -ENOENT: no such LLQ, or not waiting for it.
 */
int subs_resync(struct subs *s, const uint8_t id[LLQ_ID_LEN], const uint8_t *answers,
		size_t len, uint64_t now);

/* --- statistics --- */

enum subs_refusal {
	SUBS_REFUSED_FORMAT, SUBS_REFUSED_VERSION, SUBS_REFUSED_FULL, SUBS_REFUSED_STATIC,
	SUBS_REFUSED_NO_SUCH, SUBS_REFUSED_ACCESS, SUBS_REFUSED_REPLAY,
	SUBS_REFUSED_CHALLENGE, SUBS_REFUSED_ACK, SUBS_REFUSED_DSO, N_SUBS_REFUSALS,
};
const char *subs_refusal_name(enum subs_refusal r);

struct subs_stats {
	uint32_t llqs[3];		/* by enum subs_transport; Apple's are TLS */
	uint32_t unsynced;		/* restored, not yet compared */
	uint32_t sessions, push_subs;
	uint32_t names, clients, waiting;	/* waiting: events that are out */
	uint64_t setups, challenges, refreshes, expired, ended;
	uint64_t events, acked, retried, given_up;	/* messages; LLQs given up */
	uint64_t pushes;
	uint64_t refused[N_SUBS_REFUSALS];
	size_t octets;			/* allocated */
};
void subs_stats(const struct subs *s, struct subs_stats *out);

#endif
