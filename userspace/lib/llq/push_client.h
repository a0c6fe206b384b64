/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS Push Notifications (RFC 8765) over DNS Stateful Operations (RFC 8490), the
 * client's half: any number of questions towards one server, over one TLS stream
 * after the other. Documentation/llq-client.md tells how it works.
 *
 * Pure, as llq/client.h is. The caller makes the streams and asks after each call
 * what to do with them:
 *
 *	push_client_wish():	PUSH_CONNECT	push_client_connected(), or _closed()
 *				PUSH_CLOSE, PUSH_ABORT
 *	a message came:		push_client_input()
 *	the stream broke:	push_client_closed()
 *	at the deadline:	push_client_output() until it is 0
 */
#ifndef BTMM_LLQ_PUSH_CLIENT_H
#define BTMM_LLQ_PUSH_CLIENT_H

#include "../dns/edns.h"
#include "answers.h"
#include "draw.h"
#include "signer.h"

/* For the TLS exporter (RFC 8446 7.5), without context: see push_client_connected(). */
#define PUSH_CHANNEL_LABEL	"EXPORTER-btmm-dnsd-channel"
#define PUSH_CHANNEL_LEN	32

struct push_client;
struct push_query;

/*
 * Call-backs must not call the engine, but for push_client_add().
 *
 * After a new stream, a set is told as its differences, removals last. When
 * everything becomes unknown, there is no removal for each record: settled() says
 * ANSWERS_UNKNOWN.
 */
struct push_client_ops {
	void (*change)(void *arg, void *tag, bool add, const struct answer *a);
	/* A record that was there is added again: it has a new TTL, or btmm-dnsd says
	 * that the host of this AAAA is elsewhere. May be NULL.
	 */
	void (*again)(void *arg, void *tag, const struct answer *a);
	/* All of a message, or of what time brought, has been told; or the question
	 * was refused, for which push_query_error() says why.
	 */
	void (*settled)(void *arg, void *tag, enum answers_status status);
};

struct push_client_config {
	/* Of the zone, for the signed question that says who the stream is; asked when
	 * there is a signer.
	 */
	const uint8_t *zone;
	/* ms, to be asked for and not exceeded, whatever the server grants; 0: an hour. */
	uint32_t keepalive;
	uint32_t retry;		/* s, for a server that knows no push; 0: an hour */
	/* s that answers are kept for without a stream; longer if their TTL is. */
	uint32_t stale;
	uint8_t seed[DRAW_SEED];
	struct signer signer;
};

/* Both arguments are copied, the zone's name, too. NULL: no memory. */
struct push_client *push_client_new(const struct push_client_config *config,
				    const struct push_client_ops *ops, void *arg);
/* Says nothing to the server; a stream is the caller's to close. */
void push_client_free(struct push_client *c);

/*
 * A question of class IN; type ANY means all. NULL: asked already, or no memory.
 * @tag comes back in call-backs.
 */
struct push_query *push_client_add(struct push_client *c, const uint8_t *name, uint16_t type,
				   void *tag, uint64_t now);
/* Ends it here and, as soon as output is taken, at the server. */
void push_client_remove(struct push_client *c, struct push_query *q, uint64_t now);

/* What is to be done with the stream; told once. */
enum push_wish {
	PUSH_NOTHING,
	PUSH_CONNECT,
	PUSH_CLOSE,	/* in good order; its end need not be told */
	PUSH_ABORT,	/* likewise, by force */
};

enum push_wish push_client_wish(struct push_client *c, uint64_t now);

/*
 * There is a stream, the server's certificate has been checked. @channel:
 * PUSH_CHANNEL_LEN octets of the exporter, which binds the stream to the signer's key;
 * unused without a signer.
 */
void push_client_connected(struct push_client *c, uint64_t now, const uint8_t *channel);
/* It could not be made, or is no more. */
void push_client_closed(struct push_client *c, uint64_t now);

/* The own address is another one, or there is one again: a new stream, at once. */
void push_client_moved(struct push_client *c, uint64_t now);
/* There is no way to the server for now. */
void push_client_pause(struct push_client *c, uint64_t now);
/* There is reason to think that the server is not there any more: it is asked to answer. */
void push_client_check(struct push_client *c);
/* What waits for a server that failed is tried at once. */
void push_client_retry(struct push_client *c, uint64_t now);

/* The next message for the stream, 0 when there is none now. @size: at least
 * DNS_UDP_MAX. To be called until it is 0, without a stream, too: time passes.
 */
size_t push_client_output(struct push_client *c, uint64_t now, uint8_t *out, size_t size);
/* When push_client_output() or _wish() has something; UINT64_MAX: after other calls only. */
uint64_t push_client_deadline(const struct push_client *c);
/* A message of the stream. */
void push_client_input(struct push_client *c, uint64_t now, const uint8_t *msg, size_t len);

/* Is there a session in which questions are answered? */
bool push_client_up(const struct push_client *c);
/*
 * Why there is none: 256 + RCODE; -ETIMEDOUT: silence; -ECONNRESET: no stream, or it
 * broke; -EOPNOTSUPP: no DSO, or no push; -EPROTO: the server broke the rules;
 * -EKEYREJECTED: the signer could not sign. 0: there is one, or there will be.
 */
int push_client_error(const struct push_client *c);

/* Of one question. */
enum answers_status push_query_status(const struct push_query *q);
const struct answers *push_query_answers(const struct push_query *q);
const uint8_t *push_query_name(const struct push_query *q);
uint16_t push_query_type(const struct push_query *q);
/* 256 + RCODE that it was refused with, else 0 */
int push_query_error(const struct push_query *q);

#endif
