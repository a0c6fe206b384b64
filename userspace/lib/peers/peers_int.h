/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine of peers is made of. Private to lib/peers. */
#ifndef BTMM_PEERS_INT_H
#define BTMM_PEERS_INT_H

#include "peers.h"

#define NEVER		UINT64_MAX
#define HINT_ADDRS	8

struct host;

struct record {
	uint8_t *data;		/* RDATA with names in lower case */
	uint16_t len;
	bool marked;		/* has to be confirmed */
	bool late;		/* came when the set had been known before */
	uint64_t seq;
	struct host *host;	/* of a PTR: NULL when it is none of ours */
	enum peers_reason reason;	/* of a PTR without a host */
};

struct use {
	struct use *next;
	struct host *host;
};

/*
 * A question is in the table as long as there is a use of it; several hosts may have
 * one (a shared target). Then it is in the queue of wants, until the caller was told.
 */
struct peers_question {
	struct peers_question *next;		/* in its bucket */
	struct peers_question *want_next;
	struct use *uses;
	uint8_t name[DNAME_MAX];
	uint16_t type;
	bool pinned;		/* used for ever */
	bool watched, queued, again;
	bool known;		/* was settled once */
	bool changed;		/* since it was settled last */
	bool overflow;		/* something was not kept */
	bool confirm;		/* there may be marked records */
	enum answers_status status;
	uint64_t drop_at;	/* of what is marked; NEVER */
	struct record *records;
	size_t n, room;
};

/* What an event's additional section said. */
struct hint {
	bool open;		/* not all of it has been told */
	bool has_srv;
	uint16_t priority, port;
	uint8_t target[DNAME_MAX];
	size_t n;
	struct {
		uint8_t owner[DNAME_MAX];
		struct addr addr;
	} addrs[HINT_ADDRS];
	uint64_t until;
};

struct place {
	struct in6_addr ula;
	struct addr outer;
	uint16_t port;
};

struct host {
	struct host *next;
	uint8_t name[DNAME_MAX];
	bool listed, dirty;
	uint64_t born;		/* seq of a PTR that came late, else 0 */
	uint64_t claim;		/* when it came to have its ULA; 0: before we looked */
	struct peers_question *aaaa, *srv, *a, *a6;
	struct hint *hint;

	enum peers_reason reason;	/* of itself; PEERS_OK: @want is complete */
	enum peers_reason conflict;	/* with others */
	struct place want, is;
	bool told;
	uint64_t bad_since;	/* NEVER: it is not */
	bool reread, read;	/* asked for anew; the answer is there */
};

struct peers {
	uint8_t domain[DNAME_MAX], self[DNAME_MAX];
	bool ipv4, ipv6;
	unsigned int max;
	uint64_t keep;		/* ms */
	struct in6_addr own;
	uint64_t seq;
	struct peers_question *list;
	struct peers_question **buckets;
	size_t n_buckets, n_questions;
	struct peers_question *want_first, *want_last, *ended;
	struct host *hosts;
	unsigned int n_hosts;
	uint64_t drop_at;	/* of a question, at the earliest */
	bool dirty;		/* a host is */
	bool waiting;		/* a PTR is without a host for want of room */
};

/* question.c */
struct peers_question *question_use(struct peers *p, const uint8_t *name, uint16_t type,
				    struct host *h);
/* *@q becomes NULL; it may have been. */
void question_drop(struct peers *p, struct peers_question **q, struct host *h);
void question_want(struct peers *p, struct peers_question *q);
struct peers_question *question_find(const struct peers *p, const uint8_t *name, uint16_t type);
void question_free(struct peers_question *q);
void questions_expire(struct peers *p, uint64_t now);

/* peers.c */
void host_dirty(struct peers *p, struct host *h);
void host_listed(struct peers *p, struct record *r);
void host_unlisted(struct peers *p, struct host *h);
void host_free(struct peers *p, struct host *h);
void hint_drop(struct host *h, bool srv, bool addrs);

/* judge.c */
/* What the host says of itself: @reason and @want; the questions that it takes. */
void host_judge(struct peers *p, struct host *h);
/* Whose claims are in each other's way. */
void hosts_compare(struct peers *p);

#endif
