/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One way to one server: DNS Push over TLS, Long-Lived Queries over TLS or UDP, with the
 * questions of lib/peers. subscribe.c chooses among them.
 *
 * Call-backs may come from within any function here; they must not call it again.
 */
#ifndef BTMMD_LEG_H
#define BTMMD_LEG_H

#include "../lib/llq/signer.h"
#include "../lib/peers/peers.h"
#include "dns_link.h"

enum leg_kind { LEG_PUSH, LEG_LLQ_TLS, LEG_LLQ_UDP };

/* "DNS Push over TLS" ... */
const char *leg_kind_text(enum leg_kind kind);

struct leg_config {
	enum leg_kind kind;
	struct dns_place to;
	const uint8_t *zone;		/* copied */
	struct dns_trust *trust;	/* not for LEG_LLQ_UDP */
	struct signer signer;
	uint32_t lease;			/* s, of LLQs */
	uint32_t keepalive;		/* ms, of DNS Push */
	uint16_t port;			/* own UDP port; 0: any */
	/* Events by UDP would not come through: the LLQs are set up anew instead, every
	 * LLQ_POLL_MIN.
	 */
	bool deaf;
};

struct leg_ops {
	void (*change)(void *arg, struct peers_question *q, bool add, const struct answer *a);
	void (*additional)(void *arg, struct peers_question *q, const struct answer *a);
	void (*settled)(void *arg, struct peers_question *q, enum answers_status status);
	/* leg_state() or leg_why() may be another. */
	void (*news)(void *arg);
};

struct leg;

/* NULL: no memory, or no socket. Says nothing before the first question. */
struct leg *leg_new(sd_event *event, const struct leg_config *config, const struct leg_ops *ops,
		    void *arg);
/* Ends its subscriptions, as far as that goes without waiting. Nothing is told. */
void leg_free(struct leg *l);

const struct leg_config *leg_config_of(const struct leg *l);

void leg_watch(struct leg *l, struct peers_question *q);
/* For who has questions of its own: @tag comes back in ops, and is not looked into. No
 * leg_replay() then.
 */
void leg_watch_as(struct leg *l, const uint8_t *name, uint16_t type,
		  struct peers_question *tag);
void leg_unwatch(struct leg *l, struct peers_question *q);
/* All it knows of the question, as additions, and what that is worth. */
void leg_replay(struct leg *l, struct peers_question *q);

/* What it knows of the question, or ANSWERS_UNKNOWN. */
enum answers_status leg_known(const struct leg *l, const struct peers_question *q);

struct leg_tally {
	size_t questions, unsubscribed;
	const char *refused;	/* why one of them was, no full stop; NULL: none was */
};

/* Of all its questions. */
void leg_tally(const struct leg *l, struct leg_tally *out);

/* It does not work now: the server says so, is not the one that it should be, or cannot
 * be reached. It goes on trying.
 */
bool leg_failed(const struct leg *l);
/* Of the last failure, no full stop; "" */
const char *leg_why(const struct leg *l);

/* There is another network. @all: what there is may be of no use though it looks well. */
void leg_moved(struct leg *l, bool all);
void leg_pause(struct leg *l);
/* There is reason to doubt that the server is still there: what can be asked at little cost
 * is asked.
 */
void leg_check(struct leg *l);
/* Whatever waits for a server that failed is tried now. */
void leg_retry(struct leg *l);
void leg_deaf(struct leg *l, bool deaf);

#endif
