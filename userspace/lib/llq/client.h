/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Long-Lived Queries (RFC 8764), the client's half: any number of questions
 * towards one server, over UDP or one TCP or TLS stream, and polling where the
 * server will not. Documentation/llq-client.md tells how it works.
 *
 * Pure: messages go in and out as octets, without the two octets of length that
 * stand before them on a stream. Times are milliseconds of any clock that does
 * not go back.
 */
#ifndef BTMM_LLQ_CLIENT_H
#define BTMM_LLQ_CLIENT_H

#include "../dns/edns.h"
#include "answers.h"
#include "draw.h"
#include "signer.h"

#define LLQ_POLL_MIN	900000		/* ms between polls, RFC 8764 3.4 */
#define LLQ_RETRY	3600		/* s between set-ups towards a silent server, 5.1 */
#define LLQ_IN_FLIGHT	32		/* set-ups at a time */

struct llq_client;
struct llq_query;

/*
 * Call-backs must not call the engine, but for llq_client_add().
 *
 * A set that is replaced (after a set-up, by a poll) is told as its differences,
 * additions first. When everything becomes unknown, there is no removal for each
 * record: settled() says ANSWERS_UNKNOWN.
 */
struct llq_client_ops {
	void (*change)(void *arg, void *tag, bool add, const struct answer *a);
	/* A record beside the answers; btmm-dnsd tells so where a host is now. */
	void (*additional)(void *arg, void *tag, const struct answer *a);
	/* All of a message, or of what time brought, has been told. */
	void (*settled)(void *arg, void *tag, enum answers_status status);
};

struct llq_client_config {
	bool stream;		/* no challenge, no retransmission */
	uint32_t lease;		/* s, to be asked for */
	/* Apple's TLS variant: the UDP port, as seen by the server, that events
	 * shall go to. 0: they come the way the questions went.
	 */
	uint16_t event_port;
	uint32_t retry;		/* s; 0: LLQ_RETRY */
	uint8_t seed[DRAW_SEED];
	struct signer signer;
};

/* Both arguments are copied. NULL: no memory. */
struct llq_client *llq_client_new(const struct llq_client_config *config,
				  const struct llq_client_ops *ops, void *arg);
/* Says nothing to the server. */
void llq_client_free(struct llq_client *c);

/*
 * A question of class IN, neither of type ANY nor asked already (NULL, as without
 * memory). @tag comes back in call-backs.
 */
struct llq_query *llq_client_add(struct llq_client *c, const uint8_t *name, uint16_t type,
				 void *tag, uint64_t now);
/* Ends it here and, as soon as output is taken, at the server. */
void llq_client_remove(struct llq_client *c, struct llq_query *q, uint64_t now);

/*
 * The own address or port is another one, or there is a new stream: all LLQs are
 * set up again at once. The answers are kept, as ANSWERS_STALE, until the server's
 * replace them or the old lease ends. Also ends llq_client_pause().
 */
void llq_client_moved(struct llq_client *c, uint64_t now);
/* As in the configuration, from the next message on. */
void llq_client_event_port(struct llq_client *c, uint16_t port);
/* There is no way to the server for now: nothing is sent, leases run on. */
void llq_client_pause(struct llq_client *c);
/* What waits for a server that failed is tried at once. */
void llq_client_retry(struct llq_client *c, uint64_t now);

/* The next message to send to the server, 0 when there is none now. @size: at least
 * DNS_UDP_MAX. To be called until it is 0.
 */
size_t llq_client_output(struct llq_client *c, uint64_t now, uint8_t *out, size_t size);
/* When llq_client_output() has to be called again; UINT64_MAX: after input only. */
uint64_t llq_client_deadline(const struct llq_client *c);

/*
 * A message from the server: the caller has checked where it came from. Return: the
 * length of an acknowledgement in @reply (@size as above), to be sent there; 0 when
 * there is none.
 */
size_t llq_client_input(struct llq_client *c, uint64_t now, const uint8_t *msg, size_t len,
			uint8_t *reply, size_t size);

/* The server did not answer on a stream: it should be closed. Once. */
bool llq_client_stuck(struct llq_client *c);

/* Of one question. */
enum answers_status llq_query_status(const struct llq_query *q);
const struct answers *llq_query_answers(const struct llq_query *q);
const uint8_t *llq_query_name(const struct llq_query *q);
uint16_t llq_query_type(const struct llq_query *q);
/* Why there is no subscription: enum llq_error, or 256 + RCODE; -ETIMEDOUT: silence;
 * -EOPNOTSUPP: a server without LLQ. 0: there is one, or there will be.
 */
int llq_query_error(const struct llq_query *q);

#endif
