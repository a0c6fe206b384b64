/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client of DNS Push is made of. Private to push_client*.c. */
#ifndef BTMM_LLQ_PUSH_CLIENT_INT_H
#define BTMM_LLQ_PUSH_CLIENT_INT_H

#include "push_client.h"

#define PUSH_QUERIES_MAX	16384
#define PUSH_BUCKETS		1024	/* a power of two */
#define PUSH_ENDED		16	/* IDs remembered */
#define PUSH_UNKNOWN		4	/* requests of the server's, to be refused, at a time */

#define NEVER	UINT64_MAX

enum push_phase {
	PUSH_WAIT,		/* until due */
	PUSH_ASKED,		/* SUBSCRIBE sent; due: the answer */
	PUSH_ACTIVE,
	PUSH_BYE,		/* removed; UNSUBSCRIBE is to be sent */
	PUSH_GONE,		/* removed; its ID is not free before the answer */
};

struct push_query {
	struct push_query *next;
	struct push_query *same;	/* in its bucket */
	uint8_t name[DNAME_MAX];
	uint16_t type, id;
	void *tag;

	enum push_phase phase;
	enum answers_status status;
	int error;
	uint64_t due;
	uint64_t known_until;	/* what is known is unknown then */
	struct answers answers;
	bool answered;		/* the SUBSCRIBE, on this stream */
	/* Its first answers may be under way, and what is marked not be true any more.
	 * @covered: the request out whose answer ends this.
	 */
	bool fresh, covered;
	bool told;		/* something since settled() */
};

enum push_state {
	PUSH_DOWN,		/* until due */
	PUSH_CONNECTING,
	PUSH_BINDING,		/* the signed question is to be asked or asked */
	PUSH_OPENING,		/* the first DSO request, likewise */
	PUSH_UP,
};

/* A request other than SUBSCRIBE. */
struct push_request {
	uint16_t id;		/* 0: none is out */
	uint64_t due;		/* of the answer */
};

struct push_client {
	struct push_client_config config;
	uint8_t zone[DNAME_MAX];
	struct push_client_ops ops;
	void *arg;
	struct draw draw;
	struct push_query *queries;
	struct push_query *buckets[PUSH_BUCKETS];	/* by name */
	unsigned int n_queries;

	enum push_state state;
	enum push_wish wish;
	bool paused;
	bool proven;		/* there has been a session with this server */
	int error;
	unsigned int losses, refusals;	/* in a row */
	uint64_t due, banned;	/* no stream before; @banned: the server said so */
	uint64_t hold;		/* no SUBSCRIBE before */

	/* Of the stream */
	uint8_t channel[PUSH_CHANNEL_LEN];
	struct push_request bind, keepalive;
	bool check;		/* a Keepalive is to be sent now */
	struct tsig_mac bind_mac;
	bool clock_set;		/* asked again after BADTIME */
	int refused;		/* 256 + RCODE of an error that was not signed */
	uint16_t last_id;
	uint16_t ended[PUSH_ENDED];	/* IDs of subscriptions that may yet be mentioned */
	unsigned int n_ended;
	uint16_t unknown[PUSH_UNKNOWN];	/* the server's requests, to be refused */
	unsigned int n_unknown;
	uint32_t inactivity, interval;	/* ms */
	uint64_t seen, active;	/* the last message; the last one that counts as use */

	struct answers_scratch scratch;
};

/* push_client.c: what becomes of the stream */

/* The stream is over, at our will. */
void push_end(struct push_client *c, uint64_t now, enum push_wish wish);
/* It is to be made again: after a moment, longer each time. */
void push_lost(struct push_client *c, uint64_t now, int error);
/* ... in half a minute, doubling up to an hour */
void push_failed(struct push_client *c, uint64_t now, int error);
/* ... not before the time for servers without push */
void push_unsupported(struct push_client *c, uint64_t now, int error);
/* The server breaks the rules. */
void push_violated(struct push_client *c, uint64_t now);
/* The server has said to stay away. */
void push_banned(struct push_client *c, uint64_t now, uint32_t ms, int error);

/* and of a question */
void push_settled(struct push_client *c, struct push_query *q);
void push_set_status(struct push_query *q, enum answers_status status);
/* Its subscription is no more. */
void push_broken_off(struct push_client *c, struct push_query *q, uint64_t now);
void push_unlink(struct push_client *c, struct push_query *q);
/* The first one of those whose name may be this; others follow by @same. */
struct push_query *push_named(const struct push_client *c, const uint8_t *name);
/* The ID of a subscription that has ended */
void push_id_ended(struct push_client *c, uint16_t id);

/* push_client_out.c: the next message in a stream, which is there; 0: none */
size_t push_put(struct push_client *c, uint64_t now, uint8_t *out, size_t size);
/* Are there questions that were acknowledged, and no request out to see that their
 * first answers have come?
 */
bool push_wants_cover(const struct push_client *c);

#endif
