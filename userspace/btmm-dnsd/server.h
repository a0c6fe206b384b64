/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: its zones and engines, and what ties them to sockets and time.
 *
 *	main.c		starts, signals, systemd
 *	server.c	engines made and ended, the turn of the loop, deadlines
 *	zones.c		a served zone: its mirror, transfers, connection to the primary
 *	dispatch.c	a message: whose, what for, to which engine
 *	query.c		answers from the mirror
 *	notify.c	NOTIFY
 *	access.c	who may see what; what the engine of subscriptions asks
 *	changes.c	updates: the engine's requests and answers
 *	status.c	the control socket's methods
 */
#ifndef BTMM_DNSD_SERVER_H
#define BTMM_DNSD_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "../lib/dns/message.h"
#include "../lib/dns/tsig.h"
#include "../lib/llq/subs.h"
#include "../lib/zone/store.h"
#include "../lib/zone/xfr.h"
#include "conf.h"
#include "../lib/control/control.h"
#include "keys.h"
#include "log.h"
#include "subs_db.h"
#include "transport.h"
#include "update.h"

struct server;
struct primary;

struct served_zone {
	struct server *srv;
	const struct conf_zone *conf;
	struct zone *mirror;
	struct xfr *xfr;
	struct xfr_conn *conn;
	struct primary *primary;	/* where updates go */
	uint64_t mark;			/* update_mark() of the transfer under way */
	bool synced;			/* its leases and LLQs know the mirror */
	bool gone;			/* no longer configured (reload) */
	struct served_zone *chain;	/* same bucket */
	struct served_zone *next;
};

#define ZONE_BUCKETS	4096

struct server {
	sd_event *event;
	const char *conf_path;
	struct dnsd_conf *conf;
	struct transport *transport;
	struct keys *keys;
	struct subs *subs;
	struct subs_db *subs_db;
	struct updates *updates;
	struct control *control;
	struct served_zone *zones;
	struct served_zone *bucket[ZONE_BUCKETS];
	struct primary *primaries;
	const struct request *request;	/* which is being worked on, or NULL */
	sd_event_source *timer, *turn, *updates_io;
	uint64_t timer_at;
	uint64_t flush_at;	/* subs_db failed, try again: ms of CLOCK_BOOTTIME; or 0 */
	bool held;		/* datagrams wait for the turn */
	int control_fd;		/* from systemd; -1: none */
	bool changed;			/* zones did, since subs_commit() */
	uint64_t started;		/* server_now() */
	uint64_t wall_base, boot_base;	/* ms */
	struct {
		uint64_t queries, refused, malformed, bad_signature, notifies, stun;
	} count;
};

/* A message and what is known of it. */
struct request {
	const struct origin *from;
	uint8_t *msg;
	size_t len;
	struct dns_shape shape;
	bool is_signed;			/* and that by @who */
	struct tsig_claim claim;
	struct tsig_key key;
	struct identity who;		/* ROLE_NONE: not signed */
};

/* ms: of CLOCK_BOOTTIME; since 1970 but never jumping (subs.h); both (update.h) */
uint64_t server_boot_ms(void);
uint64_t server_now(const struct server *srv);
struct update_clock server_clock(void);

int server_new(sd_event *event, const char *conf_path, struct server **out);
void server_free(struct server *srv);
/* 0, or what was wrong with the new configuration; the old one stays then. */
int server_reload(struct server *srv, char *why, size_t why_size);
/* Something happened outside of a message: let the engines have their turn. */
void server_kick(struct server *srv);
/* Datagrams from now on leave at the end of the turn, when what they say of
 * subscriptions is written down: kill -9 finds nothing told that is not known.
 */
void server_hold(struct server *srv);

/* zones.c: the zone that @name is in, or NULL */
struct served_zone *zones_of(const struct server *srv, const uint8_t *name);
struct served_zone *zones_at(const struct server *srv, const uint8_t *apex);
struct served_zone *zones_by_mirror(const struct server *srv, const struct zone *mirror);
int zones_configure(struct server *srv, const struct dnsd_conf *conf);
void zones_free(struct server *srv);
uint64_t zones_deadline(const struct server *srv);
void zones_tick(struct server *srv);
/* Its content may be shown: loaded, and not expired. */
bool zones_served(const struct served_zone *z);

/* primary.c: the connection that updates take; one for each address and key */
struct primary *primary_get(struct server *srv, const struct net_addr *addr,
			    const struct tsig_key *key);
void primary_put(struct primary *p);
struct upstream;
struct update_link *primary_link(struct primary *p);
bool primary_is_up(const struct primary *p, const char **why);

/* dispatch.c */
void dispatch_message(void *arg, const struct origin *from, uint8_t *msg, size_t len);
void dispatch_closed(void *arg, uint64_t stream);
/* Signs (if @rq is signed) and sends what is in @msg, which has @size octets. */
void dispatch_answer(struct server *srv, const struct request *rq, uint8_t *msg, size_t len,
		     size_t size);
/* Octets that an answer may have, without its TSIG. */
size_t dispatch_room(const struct request *rq);
void dispatch_error(struct server *srv, const struct request *rq, enum dns_rcode rcode);

/* query.c */
void query_request(struct server *srv, const struct request *rq);
/* notify.c */
void notify_request(struct server *srv, const struct request *rq);
/* changes.c */
void changes_request(struct server *srv, const struct request *rq);
extern const struct update_ops changes_ops;

/* access.c */
extern const struct subs_ops access_subs_ops;
/* May @who see all of this zone? */
bool access_full(const struct served_zone *z, const struct identity *who);
void access_identity(const struct identity *who, struct subs_identity *out);
struct subs_origin access_origin(const struct origin *o);

/* status.c */
int status_open(struct server *srv, int fd, char *why, size_t why_size);

#endif
