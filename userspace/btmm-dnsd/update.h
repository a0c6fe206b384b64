/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dynamic updates (RFC 2136) with leases (RFC 9664) in front of a primary.
 *
 * A request, its TSIG checked by the caller, is judged by the rights of its key,
 * rewritten so that markers go with what is leased, written down as an intent,
 * sent to the zone's primary under our own key, written down as done, and only
 * then answered. The other half of the job is to take back what was not
 * refreshed. Documentation/dnsd-leases.md tells the whole story.
 *
 * No sockets here: messages to the primary go out by upstream_ops.send(), and
 * come in by update_link_input(). One thread. What is written to the data base is
 * gathered over a turn of the caller's event loop and committed in update_turn().
 */
#ifndef BTMM_DNSD_UPDATE_H
#define BTMM_DNSD_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/dns/tsig.h"
#include "../lib/zone/store.h"
#include "keys.h"

struct updates;
struct update_link;

struct update_clock {
	uint64_t now;	/* ms of CLOCK_BOOTTIME: deadlines live by it */
	uint64_t wall;	/* s since 1970: only to survive a restart */
	uint16_t wall_ms;	/* ... and ms of that second */
};

/* ms since 1970 */
static inline int64_t update_wall(const struct update_clock *c)
{
	return (int64_t)c->wall * 1000 + c->wall_ms;
}

/* 0: the default, as behind each. */
struct update_limits {
	uint32_t lease_min;		/* s: 1800 */
	uint32_t lease_max;		/* s: 7200 */
	uint32_t key_lease_max;		/* s, of KEY records: 604800 */
	unsigned int outstanding;	/* sent to one upstream, not yet answered: 64 */
	unsigned int waiting;		/* requests held, all zones together: 4096 */
	unsigned int timeout_ms;	/* 5000 */
	unsigned int repeats;		/* requests remembered (600 s): 1000000 */
};

struct update_ops {
	/*
	 * The answer to a request: exactly once for each, maybe from within
	 * update_request(). @msg: unsigned, in a buffer of @size octets with at least
	 * TSIG_ROOM of them behind @len, for the caller to sign there. @relayed: it is
	 * another front-end's answer, signed by that one, to be sent as it is.
	 * @msg NULL: no answer; the request repeats one that is still being worked on.
	 */
	void (*reply)(void *arg, void *ticket, uint8_t *msg, size_t len, size_t size,
		      bool relayed);
	/* The primary has changed this zone, or may have: ask it now. */
	void (*poke)(void *arg, struct zone *mirror);
	/* What an administrator should know. @priority: syslog's. */
	void (*log)(void *arg, int priority, const char *text);
};

/*
 * @db_path: the data base of leases, made if it is not there, set aside if it is
 * damaged; NULL: none (a front-end that owns no zone). NULL: no memory, or the data
 * base cannot be had at all (*err: negative errno).
 */
struct updates *updates_new(const struct update_ops *ops, void *arg,
			    const struct update_limits *limits, const char *db_path,
			    const struct update_clock *clock, int *err);
/* Others, from now on (reload); what is granted stays, and so does .repeats. */
void updates_set_limits(struct updates *u, const struct update_limits *limits);
/* Open requests are answered SERVFAIL first. Zones and links that are left end, too. */
void updates_free(struct updates *u);

/*
 * Where updates go. With @key: a zone's primary; each message is signed by it, each
 * answer checked. Without: the front-end that owns a zone; requests are passed on
 * as they came, and its answers so passed back.
 */
struct update_link_ops {
	/* Queues one DNS message (the two-octet length is the callee's business).
	 * Negative: not connected; it is kept, until update_link_up() or its time is over.
	 */
	int (*send)(void *arg, const uint8_t *msg, size_t len);
	/* It does not answer: close the connection and make another. May call
	 * update_link_down().
	 */
	void (*reset)(void *arg);
};

struct update_link *update_link_new(struct updates *u, const struct update_link_ops *ops,
				    void *arg, const struct tsig_key *key);
/* Only when no zone uses it any more. */
void update_link_free(struct update_link *up);
/* Another key, from the next message on (reload). */
void update_link_set_key(struct update_link *up, const struct tsig_key *key);
void update_link_up(struct update_link *up, const struct update_clock *c);
/* The connection is gone: what was sent on it and not answered may or may not have
 * been done.
 */
void update_link_down(struct update_link *up, const struct update_clock *c);
void update_link_input(struct update_link *up, const uint8_t *msg, size_t len,
		       const struct update_clock *c);

/*
 * Serves updates of @mirror's zone. @owner: this front-end owns its leases, and
 * @up is the primary; else @up is the owner. @mirror is hidden from and shown
 * again record by record (zone_hide(), zone_show()) and must outlive the zone here.
 */
int update_zone_add(struct updates *u, struct zone *mirror, struct update_link *up, bool owner);
/* Requests under way are answered SERVFAIL. Leases stay in the data base. */
void update_zone_remove(struct updates *u, struct zone *mirror);

/*
 * How the mirror's state is known. Before a transfer or an SOA query that may prove
 * the mirror current is sent, take update_mark(); when it has succeeded (whether or
 * not it changed anything), give the mark back by update_zone_synced(). Between,
 * tell each change by update_zone_changed() (it may be called for all changes,
 * also those that update_* themselves cause; others than this module's are cheap).
 *
 * A mirror must change whole versions at a time: nothing else of this file may be
 * called between the changes that make up one version. Expired records of a
 * mirror that was just loaded are hidden in update_zone_synced(): call it before
 * the zone is served.
 */
uint64_t update_mark(const struct updates *u);
void update_zone_changed(struct updates *u, const struct zone *mirror,
			 const struct zone_change *change);
void update_zone_synced(struct updates *u, struct zone *mirror, uint64_t mark,
			const struct update_clock *c);

struct update_request {
	const struct identity *who;
	const struct tsig_mac *mac;
	uint64_t time_signed;	/* s, of its TSIG */
	const uint8_t *msg;	/* all of it, opcode UPDATE; copied if kept */
	size_t len;
	void *ticket;		/* for update_ops.reply() */
};
void update_request(struct updates *u, const struct update_request *rq,
		    const struct update_clock *c);

/* To be called at the end of each turn of the event loop in which anything above was
 * called (cheap when there is nothing to do): commits, sends, answers.
 */
void update_turn(struct updates *u, const struct update_clock *c);
/* When update_tick() is to be called next, in ms of the clock; UINT64_MAX: never. */
uint64_t update_deadline(const struct updates *u);
void update_tick(struct updates *u, const struct update_clock *c);
/* A file descriptor that becomes readable when update_turn() has something to do
 * though nothing else happened (a commit in the background is done); -1: none.
 */
int update_fd(const struct updates *u);

struct update_stats {
	uint64_t requests, repeated, refused, failed, done, relayed;
	uint64_t timed_out;		/* no answer of an upstream in time */
	uint64_t expired;		/* leases that ran out */
	uint64_t commits;		/* transactions, each one fsync */
	uint64_t commits_failed;
	size_t leases, waiting;
	uint64_t commit_us_last, commit_us_max;
};
void update_stats(const struct updates *u, struct update_stats *out);

struct update_zone_stats {
	size_t leases;
	size_t expired;			/* hidden, not yet deleted at the primary */
	uint64_t next_expiry;		/* ms of the clock; UINT64_MAX: none */
};
/* -ENOENT: no such zone here, or not its owner. */
int update_zone_stats(const struct updates *u, const struct zone *mirror,
		      struct update_zone_stats *out);

#endif
