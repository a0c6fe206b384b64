/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client of Long-Lived Queries is made of. Private to client*.c. */
#ifndef BTMM_LLQ_CLIENT_INT_H
#define BTMM_LLQ_CLIENT_INT_H

#include "client.h"

#define LLQ_TRIES	3
#define LLQ_FIRST_WAIT	2000		/* ms; doubles */
#define LLQ_STREAM_WAIT	15000		/* ms for an answer on a stream */
#define LLQ_LEASE_MIN	60		/* s; a shorter lease is refreshed as if it were this */
#define LLQ_LEASE_MAX	86400
#define LLQ_SEEN	64		/* events remembered */

#define NEVER	UINT64_MAX

/* A request and its repetitions. They are signed anew, so each has a MAC. */
struct llq_exchange {
	uint16_t id;			/* message ID; 0: none is out */
	uint8_t tries;
	uint8_t n_macs;
	bool clock_set;			/* asked again after BADTIME */
	uint16_t refused;		/* 256 + RCODE of an error that was not signed */
	struct tsig_mac macs[LLQ_TRIES];
	uint64_t due;			/* of the next try, or of giving up */
};

enum llq_phase {
	LLQ_WAIT,		/* until setup.due */
	LLQ_ASK,		/* set-up request sent */
	LLQ_CHALLENGED,		/* challenge response sent */
	LLQ_UP,			/* from now on, setup is the refresh */
	LLQ_BYE,		/* removed; the server is to be told */
};

struct llq_query {
	struct llq_query *next;
	uint8_t name[DNAME_MAX];
	uint16_t type;
	void *tag;

	enum llq_phase phase;
	enum answers_status status;
	int error;
	unsigned int failures;		/* in a row */
	bool unchanging;		/* the server said STATIC */
	struct llq_exchange setup, poll;

	uint8_t id[LLQ_ID_LEN];
	uint32_t lease;			/* s, as the server said */
	uint64_t lease_start, lease_ms;	/* as we count it */
	uint64_t known_until;		/* what is known is unknown then */
	uint64_t event_time;		/* s, signature of the newest event */
	uint64_t distrust_at;		/* when one of another time counts again, see event() */
	struct answers answers;
	bool told;			/* something since settled() */
};

struct llq_client {
	struct llq_client_config config;
	struct llq_client_ops ops;
	void *arg;
	struct draw draw;
	struct llq_query *queries;
	unsigned int in_flight;
	bool paused, stuck;
	/* Events of late, as hashes of the message without signature. */
	struct {
		uint64_t hash, at;
	} seen[LLQ_SEEN];
	unsigned int n_seen;		/* in all */
	struct answers_scratch scratch;
};

/* client.c: what becomes of a question */
void llq_set_phase(struct llq_client *c, struct llq_query *q, enum llq_phase phase);
/* Set up again at @due; until then, if that is late, polled. */
void llq_again(struct llq_client *c, struct llq_query *q, uint64_t now, uint64_t due, int error);
/* As above, after an error: half a minute, doubling up to an hour. */
void llq_failed(struct llq_client *c, struct llq_query *q, uint64_t now, int error);
/* The server has granted @lease s at @now. */
void llq_granted(struct llq_client *c, struct llq_query *q, uint64_t now, uint32_t lease);
void llq_settled(struct llq_client *c, struct llq_query *q);
/* The poll is over; when the next is due. */
void llq_polled(struct llq_query *q, uint64_t now, bool answered);

/* client_out.c: requests on the wire */
size_t llq_put_setup(struct llq_client *c, struct llq_query *q, uint8_t *out, size_t size);
size_t llq_put_poll(struct llq_client *c, struct llq_query *q, uint8_t *out, size_t size);
/* The acknowledgement of an event, signed after @event's MAC if there is one. */
size_t llq_put_ack(struct llq_client *c, uint16_t id, const struct llq_option *o,
		   const struct tsig_mac *event, uint8_t *out, size_t size);

#endif
