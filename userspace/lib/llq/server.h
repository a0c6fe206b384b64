/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine of subscriptions is made of. Private to server*.c, subs.c and
 * push_server.c.
 *
 * A topic is what can be subscribed to: name and type. Its subscribers are LLQs
 * and push subscriptions, in one list. A client has LLQs, a DSO session has push
 * subscriptions. All of these are items of one arena, so that an LLQ that nobody
 * hears of is 56 octets, and its topic some 40.
 */
#ifndef BTMM_LLQ_SERVER_H
#define BTMM_LLQ_SERVER_H

#include "../dns/message.h"
#include "server_arena.h"
#include "server_changes.h"
#include "server_heap.h"
#include "server_replay.h"
#include "server_table.h"
#include "subs.h"

#define SUBS_SENDS	3	/* of an event, RFC 8764 6.2 */
#define SUBS_WAIT	2000	/* ms after the first; doubles */
#define SUBS_BURST	4096	/* events that one commit sends itself */
#define SUBS_TICK_MAX	4096	/* things done in one tick */
#define SUBS_HOSTS_MAX	8	/* SRV records of one host that are looked at */

enum sub_kind { SUB_LLQ, SUB_PUSH };

/* What LLQs and push subscriptions share. */
struct sub {
	uint32_t chain;
	uint32_t topic, t_next, t_prev;
	uint32_t owner, o_next, o_prev;	/* client or session */
	uint8_t kind, flags;
	/* LLQ: octets its client can take by UDP. Push: the class. */
	uint16_t aux;
};

#define LLQ_UNSYNCED	1	/* restored, its answers not yet compared */

struct llq {
	struct sub sub;			/* chained by ID */
	uint8_t id[LLQ_ID_LEN];
	struct subs_timer expiry;
	uint32_t time_signed;		/* s, low bits: the newest accepted */
	uint32_t delivery;		/* an event is out, or 0 */
};

struct push_sub {
	struct sub sub;			/* chained by session and message ID */
	uint32_t id;			/* the SUBSCRIBE's message ID */
};

/* An event on its way to a UDP client, and what happened since. */
struct delivery {
	uint32_t llq;
	struct subs_timer timer;
	uint16_t id;			/* of the message that is out */
	uint8_t sends;			/* how often it was sent */
	bool moved;			/* beside @known: the host is elsewhere, too */
	uint32_t from, to;		/* its part of @now */
	struct subs_changes *now;
	/* One of both, or none: what is to be told next; or (too much) what the
	 * client knows when it has all of @now.
	 */
	struct subs_changes *next, *known;
	struct tsig_mac mac;		/* of the message that is out, if signed */
};

struct subs_zone_item {
	uint32_t chain;
	uint32_t subs;			/* in it */
	uint32_t topics;
	uint8_t apex[];
};

struct topic {
	uint32_t chain;
	uint32_t zone;
	uint32_t first, n;		/* subscribers */
	uint32_t links;			/* struct link: where the host says it is */
	uint32_t delta;			/* 1 + place in the batch; 0: no change; TOPIC_LOST */
	uint16_t type;
	uint8_t name_len;
	uint8_t name[];			/* lower case, without the zone's apex */
};

#define TOPIC_LOST	UINT32_MAX	/* no memory for its changes */

/* The host of an AAAA topic has an SRV record with this target (or more of them). */
struct link {
	uint32_t chain;			/* by target */
	uint32_t topic, next;		/* of the same topic */
	uint32_t target[2];		/* dname_hash() */
};

/* An address that LLQs come from; counts them. */
struct net_item {
	uint32_t chain;
	uint32_t n;
	uint32_t key[2];		/* IPv4 address, or IPv6 /64 */
};

struct identity_item {
	uint32_t chain;			/* by name */
	uint32_t refs;			/* clients and sessions */
	uint32_t clients;		/* list */
	uint32_t tag[2];
	uint8_t name_len, zone_len;
	uint8_t names[];		/* name, zone */
};

#define CLIENT_V6	1
#define CLIENT_SCOPED	2
#define CLIENT_APPLE	4

/* To whom events go, and who may refresh. */
struct client {
	uint32_t chain;
	uint32_t first, n;		/* LLQs */
	uint32_t net, identity;
	uint32_t i_next, i_prev;	/* of the same identity */
	uint16_t port, local;		/* local: place in s->locals */
	uint8_t transport, flags;
	uint8_t var[];			/* address 4 or 16, scope 4 or 0, stream 8 or 0 */
};

struct session_part {
	uint32_t topic;
	struct subs_changes *changes;
};

struct session {
	uint32_t chain;			/* by stream */
	uint32_t first, n;		/* push subscriptions */
	uint32_t net, identity;
	struct subs_timer timer;
	uint32_t stamp;			/* sent to in this pass */
	bool established, broken;
	uint32_t inactivity, keepalive;	/* ms, what the client was told */
	uint64_t active, seen;		/* ms: the last operation, the last message */
	struct subs_origin from;
	/* What is to be pushed at the end of a commit. */
	struct session_part *parts;
	uint32_t n_parts, parts_room;
	uint32_t p_next, p_prev;	/* others that have parts */
};

/* The changes of a topic since the last commit. */
struct delta {
	uint32_t topic;			/* 0: gone meanwhile */
	struct subs_collect changes;
	/* ... of where a host says it is: SRV, and its targets' addresses. RDATA is
	 * the owner's hash and the RDATA.
	 */
	struct subs_collect place;
};

struct subs {
	struct subs_config config;
	struct subs_ops ops;
	void *arg;
	uint64_t now;

	struct subs_arena arena;
	struct subs_table llqs, pushes, topics, zones, links, nets, identities, clients,
			  sessions;
	struct subs_heap expiry, resend, idle;
	struct subs_replay replay;
	struct subs_local {
		struct subs_addr addr;
		int listener;
	} *locals;
	uint32_t n_locals, locals_room;

	struct delta *deltas;
	uint32_t n_deltas, deltas_room;
	bool lost;			/* there are topics that are TOPIC_LOST */
	uint32_t any_topics;		/* topics of type ANY */
	uint32_t burst;			/* events still to be sent at once */
	uint32_t stamp;
	uint32_t pushing;		/* first session that has parts */
	/* The last two waiting sets put together: many LLQs have the same two. */
	struct subs_changes *memo_a, *memo_b, *memo_ab;

	struct subs_stats stats;
	struct subs_identity told;	/* by subs_event_mac() */
	uint8_t out[DNS_MAX];
};

#define NOW32(s)	((uint32_t)(s)->now)

static inline void subs_time(struct subs *s, uint64_t now)
{
	if (now > s->now)
		s->now = now;
}
static inline void *subs_at(const struct subs *s, uint32_t ref)
{
	return subs_arena_at(&s->arena, ref);
}
static inline struct llq *llq_at(const struct subs *s, uint32_t ref)
{
	return subs_at(s, ref);
}
static inline struct topic *topic_at(const struct subs *s, uint32_t ref)
{
	return subs_at(s, ref);
}
static inline struct client *client_at(const struct subs *s, uint32_t ref)
{
	return subs_at(s, ref);
}
static inline struct delivery *delivery_at(const struct subs *s, uint32_t ref)
{
	return subs_at(s, ref);
}
static inline struct session *session_at(const struct subs *s, uint32_t ref)
{
	return subs_at(s, ref);
}

/* --- server_client.c: who they are and where --- */

int subs_clients_init(struct subs *s);
void subs_clients_fini(struct subs *s);

/* 0: not known. */
uint32_t subs_identity_find(const struct subs *s, const struct subs_identity *who);
/* With a reference; 0: no memory. */
uint32_t subs_identity_get(struct subs *s, const struct subs_identity *who);
void subs_identity_put(struct subs *s, uint32_t ref);
/* NULL for 0. Points into the item. */
const struct subs_identity *subs_identity_of(const struct subs *s, uint32_t ref,
					     struct subs_identity *out);
uint32_t subs_identity_by_name(const struct subs *s, const uint8_t *name, uint32_t after);

/* How many subscriptions there are from this address. */
uint32_t subs_net_count(const struct subs *s, const struct in6_addr *ip);
uint32_t subs_net_get(struct subs *s, const struct in6_addr *ip);	/* counts one */
void subs_net_put(struct subs *s, uint32_t ref);

/* @apple: its LLQs were set up by Apple's variant. 0: not there; no memory. */
uint32_t subs_client_find(const struct subs *s, const struct subs_origin *at,
			  uint32_t identity, bool apple);
uint32_t subs_client_get(struct subs *s, const struct subs_origin *at,
			 const struct subs_identity *who, bool apple);
/* Is it that which is there? Whichever of our addresses it has asked. */
bool subs_client_is(const struct subs *s, uint32_t ref, const struct subs_origin *at);
void subs_client_drop_unused(struct subs *s, uint32_t ref);
void subs_client_origin(const struct subs *s, uint32_t ref, struct subs_origin *out);
/* The next client on @stream; @after 0: the first. */
uint32_t subs_client_on(const struct subs *s, uint64_t stream, uint32_t after);

/* --- server_topic.c: what is subscribed to --- */

int subs_topics_init(struct subs *s);
void subs_topics_fini(struct subs *s);
uint32_t subs_zone_find(const struct subs *s, const uint8_t *apex);
/* @name: lower case, at or below @apex. 0: nobody subscribes to it. */
uint32_t subs_topic_find(const struct subs *s, const uint8_t *apex, const uint8_t *name,
			 uint16_t type);
uint32_t subs_topic_get(struct subs *s, const uint8_t *apex, const uint8_t *name,
			uint16_t type);
void subs_topic_drop_unused(struct subs *s, uint32_t ref);
void subs_topic_name(const struct subs *s, uint32_t ref, uint8_t out[DNAME_MAX]);
const uint8_t *subs_topic_apex(const struct subs *s, uint32_t ref);
/* Into the lists of topic and owner (@first, @n: the owner's), and out. */
void subs_sub_link(struct subs *s, uint32_t ref, uint32_t topic, uint32_t owner,
		   uint32_t *first, uint32_t *n);
void subs_sub_unlink(struct subs *s, uint32_t ref, uint32_t *first, uint32_t *n);
/* Looks again where the host of an AAAA topic says it is. */
void subs_topic_relink(struct subs *s, uint32_t topic);
/* The next link to @target; @after 0: the first. */
uint32_t subs_link_to(const struct subs *s, uint64_t target, uint32_t after);
/* _autotunnel._udp.<host>; false: too long. */
bool subs_place_name(const uint8_t *host, uint8_t out[DNAME_MAX]);
/* The host of such a name, or NULL. */
const uint8_t *subs_place_host(const uint8_t *name);
/* The target in the RDATA of an SRV, or NULL. */
const uint8_t *subs_srv_target(const uint8_t *rdata, size_t rdlen);

/* --- server_llq.c: LLQs --- */

int subs_llqs_init(struct subs *s);
void subs_llqs_fini(struct subs *s);
uint32_t subs_llq_find(const struct subs *s, const uint8_t id[LLQ_ID_LEN]);
/* The client's LLQ with this topic. */
uint32_t subs_llq_same(const struct subs *s, uint32_t client, uint32_t topic);
/* Is there room for one more? */
bool subs_admits(const struct subs *s, const uint8_t *apex, const struct in6_addr *ip);
/* Says whether @stream carries anything. */
void subs_hold(struct subs *s, uint64_t stream);
/* Its client is being told all there is: no need to compare what it had. */
void subs_llq_synced(struct subs *s, uint32_t ref);
/* @client and @topic are there; on failure (0: no memory) unused ones go. */
uint32_t subs_llq_new(struct subs *s, uint32_t client, uint32_t topic,
		      const uint8_t id[LLQ_ID_LEN], uint64_t expires);
/* Takes it away from here and from disk. */
void subs_llq_end(struct subs *s, uint32_t ref);
uint32_t subs_llq_lease(const struct subs *s, uint32_t ref);	/* s left */
/* To another client (a new port). */
int subs_llq_move(struct subs *s, uint32_t ref, uint32_t client);
/* @answers: too what its client has; else only the rest has changed. */
void subs_llq_persist(struct subs *s, uint32_t ref, bool answers);
void subs_llq_expire(struct subs *s, unsigned int *left);

/* --- server_setup.c: what a question of an LLQ message comes to --- */

/* How a message came that asks for something. */
struct subs_asking {
	const struct subs_in *in;
	enum subs_seen seen;
	uint32_t identity;		/* 0: not signed, or not known yet */
	uint16_t udp_size;
};

/* A question of it, its option, and then what is to be answered. */
struct subs_asked {
	struct dns_question q;		/* as it came, */
	uint8_t name[DNAME_MAX];	/* and in lower case */
	struct subs_zone zone;
	struct llq_option o;
	bool malformed;			/* the option */
	uint32_t llq;			/* set up: its answers belong into the answer */
};

/* Changes @a->o into the answer's. False: nothing at all is to be answered. */
bool subs_ask(struct subs *s, const struct subs_asking *how, struct subs_asked *a);

/* --- server_event.c: changes to LLQs --- */

/* Records of a topic as changes from nothing. NULL: no memory. */
struct subs_changes *subs_answers(struct subs *s, uint32_t topic,
				  const struct subs_identity *who);
/* What is to be told to it; may end it. Takes no reference of @c. */
void subs_llq_notify(struct subs *s, uint32_t ref, struct subs_changes *c);
void subs_delivery_free(struct subs *s, uint32_t llq);
void subs_resend(struct subs *s, unsigned int *left);
void subs_memo_clear(struct subs *s);
/*
 * What the client has, as changes from nothing; NULL: no memory. To be repeated is
 * what an event is about that is out: who knows whether it has arrived. @place_known:
 * nothing about where the host is has yet to be told.
 */
struct subs_changes *subs_llq_known(struct subs *s, uint32_t ref, bool *place_known);
/* The LLQ whose event this acknowledges, or 0. */
uint32_t subs_acked(const struct subs *s, const struct subs_origin *from, uint16_t id,
		    const struct llq_option *o);
/* Its event has arrived. */
void subs_event_done(struct subs *s, uint32_t ref);

/* --- server_event_message.c: what events and answers are on the wire --- */

/* Octets of a message, its signature by @who (or NULL) not counted. */
size_t subs_room(const struct subs *s, enum subs_transport transport, uint16_t udp_size,
		 const struct subs_identity *who);
/*
 * Sends one event: of @c the part from @from up to @to (0: what fits). Return: where
 * that part ends. @mac: NULL if it need not be kept.
 */
uint32_t subs_event_send(struct subs *s, uint32_t ref, uint16_t id,
			 const struct subs_changes *c, uint32_t from, uint32_t to,
			 struct tsig_mac *mac);
/* Where the host of the topic is: SRV and addresses, all or nothing. */
void subs_put_place(struct subs *s, struct dns_writer *w, uint32_t topic,
		    const struct subs_identity *who);
/* A hash of that; 0: it is nowhere. */
uint64_t subs_place_hash(struct subs *s, uint32_t topic);

/* --- server_batch.c: subs_change(), subs_commit() --- */

void subs_batch_forget(struct subs *s, uint32_t topic);
/*
 * Commits what there is, before anything looks into the zones: a change that was
 * seen there and then undone would come to nothing in the batch.
 */
void subs_settle(struct subs *s);
void subs_batch_fini(struct subs *s);

/* --- push_server.c, server_push.c: DNS Push --- */

int subs_push_init(struct subs *s);
void subs_push_fini(struct subs *s);
uint32_t subs_session_on(const struct subs *s, uint64_t stream);
/* The last LLQ on its stream has ended: from now on it may be idle. */
void subs_session_rest(struct subs *s, uint64_t stream);
/* Says nothing to the client. */
void subs_session_free(struct subs *s, uint32_t ref);
/* Tells the client why and when to come back, and closes. */
void subs_session_dismiss(struct subs *s, uint32_t ref, unsigned int rcode, uint32_t ms);
void subs_sessions_idle(struct subs *s, unsigned int *left);
/* A DSO message that is in s->out. */
void subs_push_send(struct subs *s, uint32_t ref, size_t len);
/* To be pushed by subs_push_flush(). */
void subs_push_queue(struct subs *s, uint32_t session, uint32_t topic,
		     struct subs_changes *c);
void subs_push_flush(struct subs *s);
void subs_push_forget(struct subs *s, uint32_t session);
/* What there is already of a topic. */
void subs_push_initial(struct subs *s, uint32_t session, uint32_t topic);

#endif
