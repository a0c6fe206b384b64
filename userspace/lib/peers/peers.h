/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who the other hosts of a domain are, and where (RFC 6281 5 and figure 3): from the
 * list of hosts (PTR) to each one's inner address (AAAA), port (SRV) and outer address
 * (A of the SRV's target). Documentation/peers.md tells by which rules.
 *
 * Pure, and without a notion of how questions are asked. The caller, again and again:
 *
 *	peers_change() ... peers_settled(): what it hears
 *	peers_event() until it is false; next time at peers_deadline(), or after news
 *	peers_want() until it is false: begins to ask, or ends asking
 *
 * Names are hashed: dname_hash_init() is to have been called. Times are milliseconds
 * of any clock that does not go back.
 */
#ifndef BTMM_PEERS_H
#define BTMM_PEERS_H

#include "../llq/answers.h"
#include "../text/addr.h"

#define PEERS_NAME	254	/* octets of a host's name with its NUL */
#define PEERS_MAX	4096	/* hosts */
#define PEERS_LISTED	8192	/* PTR records */
#define PEERS_RECORDS	16	/* of any other question */
#define PEERS_GRACE	500	/* ms that a host may be incomplete, or not listed */
#define PEERS_HINT	15000	/* ms that an event's additional section is believed */
#define PEERS_KEEP	86400	/* s that what is not known any more is believed */

struct peers;
struct peers_question;

struct peers_config {
	const uint8_t *domain;	/* the user's */
	const uint8_t *self;	/* this host's name in it */
	/* Endpoints that are of use; of a peer that has both, the IPv4 one. */
	bool ipv4, ipv6;
	unsigned int max;	/* hosts; 0 or more than that: PEERS_MAX */
	uint32_t keep;		/* s; 0: PEERS_KEEP */
};

/* The names are copied. NULL: no memory. */
struct peers *peers_new(const struct peers_config *config);
void peers_free(struct peers *p);
const uint8_t *peers_domain(const struct peers *p);
/* The own ULA; :: as long as there is none. */
void peers_own(struct peers *p, const struct in6_addr *ula);

/* --- questions --- */

enum peers_want {
	PEERS_WATCH,
	PEERS_UNWATCH,	/* the question ends with the next call of peers_want() */
	/* To be asked anew, not of a cache: what is known of it has to be confirmed. */
	PEERS_AGAIN,
};

bool peers_want(struct peers *p, enum peers_want *want, struct peers_question **q);

/* All that are watched, in no order: NULL begins, and ends it. */
struct peers_question *peers_questions(const struct peers *p, const struct peers_question *q);
const uint8_t *peers_question_name(const struct peers_question *q);
uint16_t peers_question_type(const struct peers_question *q);
/* The list of hosts, which is the first question and never ends. */
struct peers_question *peers_list(const struct peers *p);

/* --- answers --- */

/* A record came or went. Another type than that of the question is of no account. */
void peers_change(struct peers *p, struct peers_question *q, bool add, const struct answer *a);
/*
 * A record of an event's additional section: where the host of this AAAA is now. It
 * holds until the questions themselves say something, PEERS_HINT at most.
 */
void peers_additional(struct peers *p, struct peers_question *q, const struct answer *a);
/*
 * All of a message was told. ANSWERS_UNKNOWN: what there was is kept for @keep, unless
 * what is told next, up to a better status, does not have it any more.
 */
void peers_settled(struct peers *p, struct peers_question *q, enum answers_status status,
		   uint64_t now);
/* Another source will tell all of it again, from nothing. */
void peers_renew(struct peers *p, struct peers_question *q, uint64_t now);
/*
 * The questions about a host are to be asked anew: its ULA may be old. PEERS_READ
 * follows when the answer is there. -ENOENT.
 */
int peers_read_again(struct peers *p, const char *name);

/* --- peers --- */

enum peers_event_kind {
	PEERS_CAME,
	PEERS_MOVED,	/* another endpoint */
	PEERS_REBORN,	/* another ULA, as after a reboot; maybe another endpoint, too */
	PEERS_WENT,
	PEERS_READ,	/* see peers_read_again(); @ula is what there is, maybe :: */
};

struct peers_event {
	enum peers_event_kind kind;
	char name[PEERS_NAME];		/* lower case, without the last dot */
	struct in6_addr ula, old_ula;	/* @old_ula: PEERS_REBORN and PEERS_WENT */
	struct addr outer;
	uint16_t port;
};

/* Those that went come first: their addresses may be taken by others. */
bool peers_event(struct peers *p, uint64_t now, struct peers_event *out);
/* When peers_event() may have something; UINT64_MAX: after other calls only. */
uint64_t peers_deadline(const struct peers *p);

/* --- what there is --- */

enum peers_reason {
	PEERS_OK,
	PEERS_ASKING,
	PEERS_UNLISTED,		/* went, or is about to */
	PEERS_SELF,
	PEERS_BAD_NAME,		/* no name of a host of the domain */
	PEERS_TOO_MANY,		/* more than there may be */
	PEERS_NO_ULA,
	PEERS_BAD_ULA,		/* it has AAAA records, none of them in fd00::/8 */
	PEERS_OWN_ULA,		/* it claims to be us: the ULA, or its low 64 bits */
	PEERS_NO_SRV,
	PEERS_BAD_PORT,
	PEERS_BAD_TARGET,	/* not within the domain */
	PEERS_NO_ADDRESS,
	PEERS_BAD_ADDRESS,	/* none that packets can be sent to */
	PEERS_SAME_ULA,		/* another one has it, and the better claim */
	PEERS_REPLACED,		/* by a newer name of the same machine */
};

/* To be put behind a host's name: "has no inner address (AAAA)"; PEERS_OK: "" */
const char *peers_reason_text(enum peers_reason r);

struct peers_status {
	char name[PEERS_NAME];		/* of PEERS_BAD_NAME: as much as there is room for */
	enum peers_reason reason;
	bool told;			/* it came, and did not go */
	enum answers_status known;	/* the worst of what is known of it */
	struct in6_addr ula;		/* as they were told */
	struct addr outer;
	uint16_t port;
};

/* One after the other; nothing may be changed meanwhile. All zero: at the beginning. */
struct peers_walk {
	const void *at;
	size_t n;
};

/* False: that was all. */
bool peers_next(const struct peers *p, struct peers_walk *w, struct peers_status *out);
/* One that was told, by its name, or by the ULA it was told with. False: there is none. */
bool peers_find(const struct peers *p, const char *name, struct peers_status *out);
bool peers_find_wire(const struct peers *p, const uint8_t *name, struct peers_status *out);
bool peers_find_ula(const struct peers *p, const struct in6_addr *ula, struct peers_status *out);
/* Of the list of hosts. */
enum answers_status peers_known(const struct peers *p);

#endif
