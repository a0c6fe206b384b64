/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How one UDP port of ours looks from outside, asked of one server and kept true, and
 * what kind of mapping the NAT makes, if several servers are known. All questions have to
 * leave from that port. Documentation/netwatch.md tells more.
 *
 * Pure: messages go in and out as octets. Times are milliseconds of any clock that
 * does not go back.
 */
#ifndef BTMM_STUN_OBSERVER_H
#define BTMM_STUN_OBSERVER_H

#include "../llq/draw.h"
#include "client.h"

#define STUN_SERVERS	4
/* ms; a network that has just come up loses packets (ARP, Wi-Fi's power saving), and the
 * first publication waits for us: four tries in the first two seconds.
 */
#define STUN_RTO_FAST	250

struct stun_observer_config {
	/* ms between questions behind a NAT: less than it keeps a mapping without
	 * traffic, 30 s in bad cases. And where there is none. 0: none are asked.
	 */
	uint32_t period, period_public;
	uint32_t rto;		/* ms; 0: STUN_RTO_FAST */
	uint8_t seed[DRAW_SEED];
};

enum stun_observer_state {
	STUN_OBSERVER_IDLE,	/* no server, or paused */
	STUN_OBSERVER_ASKING,	/* nobody has answered yet */
	STUN_OBSERVER_KNOWS,
	STUN_OBSERVER_SILENT,	/* nobody answers: UDP is blocked, or all servers are away */
};

/* RFC 4787 4.1, as seen by these servers */
enum stun_mapping {
	STUN_MAPPING_UNKNOWN,	/* one server, or one address of them, has answered */
	STUN_MAPPING_NONE,	/* no NAT: it looks from outside as from inside */
	STUN_MAPPING_INDEPENDENT,
	/* Another one for each destination: what a server sees is of no use to peers. */
	STUN_MAPPING_DEPENDENT,
};

struct stun_observed {
	struct stun_address server;
	struct stun_client client;
	bool busy;		/* @client asks */
	bool fresh;		/* it has answered since it was asked last */
	bool got;		/* @mapped is of the last time that all were asked, or newer */
	struct stun_address mapped;
};

/* To be used through the functions only. */
struct stun_observer {
	struct stun_observer_config config;
	struct draw draw;
	struct stun_observed servers[STUN_SERVERS];
	unsigned int n, main;	/* @main: the one whose word counts */
	enum stun_observer_state state;
	bool paused, has_local, answered, all, upset;
	bool missed;		/* there was silence before what is asked now */
	bool seen;		/* @mapped is of this network, though it may be old */
	struct stun_address local, mapped;
	uint64_t next;		/* question; UINT64_MAX: none by itself */
	uint32_t backoff;
	unsigned int changes;
};

void stun_observer_init(struct stun_observer *o, const struct stun_observer_config *config);

/*
 * The servers, in the order of preference; of one family, with different addresses (or
 * ports) best. If they are others than before, they are asked at once. -EINVAL: too many,
 * of several families, one twice, or without port.
 */
int stun_observer_servers(struct stun_observer *o, const struct stun_address *servers,
			  unsigned int n, uint64_t now);

/* The network is another one, or there is one again: what was seen is forgotten and
 * asked for. @local: the port as it is on this host; NULL: not known.
 */
void stun_observer_moved(struct stun_observer *o, const struct stun_address *local,
			 uint64_t now);
/* There is no network: nothing is asked before stun_observer_moved(). */
void stun_observer_pause(struct stun_observer *o);
/* All are asked, to learn the kind of mapping; what was seen is kept meanwhile. */
void stun_observer_measure(struct stun_observer *o, uint64_t now);
/* There is a sign of life of the servers: whoever has not been answered asks at once. */
void stun_observer_retry(struct stun_observer *o, uint64_t now);

/* The next request and whom to send it to; 0: none now. To be called until it is 0. */
size_t stun_observer_output(struct stun_observer *o, uint64_t now, uint8_t out[STUN_MAX],
			    struct stun_address *to);
/* When stun_observer_output() has to be called again; UINT64_MAX: after other calls only. */
uint64_t stun_observer_deadline(const struct stun_observer *o);
/* A datagram that is STUN. Whether it was an answer awaited. */
bool stun_observer_input(struct stun_observer *o, uint64_t now, const struct stun_address *from,
			 const uint8_t *msg, size_t len);
/* Is that one of the servers? */
bool stun_observer_asks(const struct stun_observer *o, const struct stun_address *from);

static inline enum stun_observer_state stun_observer_state(const struct stun_observer *o)
{
	return o->state;
}

/* Address and port as seen from outside; NULL: not known. */
static inline const struct stun_address *stun_observer_mapped(const struct stun_observer *o)
{
	return o->state == STUN_OBSERVER_KNOWS ? &o->mapped : NULL;
}

/* Likewise, but the last that was seen in this network, also while nobody answers: that
 * servers are away does not change what a NAT does.
 */
static inline const struct stun_address *stun_observer_last(const struct stun_observer *o)
{
	return o->seen ? &o->mapped : NULL;
}

/* Grows whenever stun_observer_mapped() or the state is another one. */
static inline unsigned int stun_observer_changes(const struct stun_observer *o)
{
	return o->changes;
}

/*
 * The NAT may not be as it was: it looks otherwise from outside, or there was silence, if
 * only for seconds, before it was seen again. Who knows about it by other means should
 * look. Once.
 */
bool stun_observer_upset(struct stun_observer *o);

/* All servers that were asked last have answered, or were given up. */
bool stun_observer_is_measured(const struct stun_observer *o);
enum stun_mapping stun_observer_mapping(const struct stun_observer *o);

#endif
