/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of updates: a job is one message on its way to an upstream and back.
 *
 *	update.c	zones, requests, answers
 *	update_job.c	a request: locks, rights, intent, outcome, answer
 *	update_expire.c	expired leases
 *	update_commit.c	what goes into the data base
 *	forward.c	upstreams
 */
#ifndef BTMM_DNSD_UPDATE_JOB_H
#define BTMM_DNSD_UPDATE_JOB_H

#include "../lib/lease/lock.h"
#include "../lib/lease/rewrite.h"
#include "lease_writer.h"
#include "repeat.h"
#include "update.h"

#define RETRY_MS	1000	/* an expiry that failed is tried again */

enum job_kind { JOB_REQUEST, JOB_RELAY, JOB_EXPIRY };

enum job_state {
	JOB_LOCKING,	/* others work at its names */
	JOB_PARKED,	/* the mirror has to catch up first */
	JOB_INTENT,	/* to be, or being, written down */
	JOB_QUEUED,	/* for the upstream */
	JOB_SENT,
	JOB_OUTCOME,	/* its outcome is to be, or being, written down */
};

enum job_outcome {
	OUTCOME_ANSWER,		/* rcode says what */
	OUTCOME_NOT_SENT,	/* so it was not done */
	OUTCOME_UNKNOWN,	/* it was sent, and nothing came back */
};

/* A list in order of arrival. */
struct job;
struct job_list {
	struct job *first, **last;
};

struct job {
	struct updates *u;
	struct update_zone *zone;
	enum job_kind kind;
	enum job_state state;
	struct job *all_next, **all_prev;	/* all jobs, the oldest first */
	struct job *next;			/* in the list of its state */
	uint64_t started;			/* ms */

	/* A request. */
	void *ticket;
	struct repeat answer;			/* row 0: not among the repeats */
	uint8_t *req;				/* header and zone section, or all (relay) */
	size_t req_len;
	enum rights_role role;
	uint8_t who[DNAME_MAX];
	struct update_msg m;
	struct lock_set locks;
	struct rewrite rewrite;

	/* To the upstream. */
	uint8_t *out;				/* unsigned */
	size_t out_len;
	bool joins;				/* may be sent in one message with others */
	struct parcel *parcel;			/* ... in which it was sent */
};

/* A message that was sent, and whose it is: in most cases one job's. */
struct parcel {
	struct parcel *next, *id_chain;
	struct update_zone *zone;
	struct job_list jobs;
	uint64_t sent_at;			/* ms */
	struct tsig_mac mac;
	uint16_t id;
};

struct update_link {
	struct update_link *next, **prev;
	struct updates *u;
	const struct update_link_ops *ops;
	void *arg;
	struct tsig_key key;			/* secret_len 0: relayed unsigned */
	struct job_list queue;			/* in order of time, as are those: */
	struct parcel *sent, **sent_end;
	struct parcel *by_id[256];
	unsigned int n_sent;
	uint16_t next_id;
	bool down;
	uint64_t heard;				/* ms: when it last sent something */
	uint64_t complained;
};

struct update_zone {
	struct update_zone *chain;
	struct updates *u;
	struct zone *mirror;
	struct update_link *up;
	struct lease_zone *leases;		/* NULL: we do not own it */
	struct job_list parked;
	/* Expired leases to be deleted. */
	struct update_zone *due_next, **due_prev;
	uint64_t retry_at;			/* ms */
	unsigned int expiring;			/* jobs under way */
	unsigned int n_sent;			/* messages that the primary has not answered */
	bool closing;				/* nothing is to be begun any more */
	uint64_t complained, expiry_complained;	/* ms */
	uint8_t apex[];
};

struct updates {
	const struct update_ops *ops;
	void *arg;
	struct update_limits limits;
	struct update_clock clock;
	uint64_t mark;				/* changes so far */
	uint64_t next_row;
	struct leases *leases;
	struct repeats *repeats;
	uint64_t repeats_forgotten;
	struct lease_writer *writer;		/* NULL: no data base */
	/* intents: can be given up. rest: must be kept until it is written. */
	struct lease_batch intents, rest;
	bool intending;
	struct job_list to_intend, to_end;	/* wait for the next commit */
	struct job_list intending_jobs, ending_jobs;	/* the commit under way */
	bool committing;
	bool setting_clock;
	uint64_t lazy_at;			/* ms: when rest is due by itself */
	struct update_zone **zones;
	size_t n_zones, zones_size;
	struct update_zone *due;
	struct update_link *upstreams;
	struct job *jobs, **jobs_end;
	size_t n_requests;
	struct lock_set *ready, **ready_end;
	bool running;
	struct update_stats stats;
	uint8_t scratch[DNS_MAX];
};

static inline void job_list_init(struct job_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}
void job_list_add(struct job_list *l, struct job *j);
void job_list_remove(struct job_list *l, struct job *j);
struct job *job_list_take(struct job_list *l);

/* update.c */
void update_log(struct updates *u, int priority, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct update_zone *update_zone_find(const struct updates *u, const uint8_t *name);
/* Answers a request without a job. */
void update_refuse(struct updates *u, const struct update_request *rq, enum dns_rcode rcode);
void update_answer(struct updates *u, void *ticket, const uint8_t *req, size_t req_len,
		   const struct repeat *answer);

/* update_job.c */
struct job *job_new(struct update_zone *z, enum job_kind kind);
/* Ends it without an answer; gives its locks back. */
void job_free(struct job *j);
/* Asks for its locks; goes on by itself. */
void job_start(struct job *j);
/* Its answer is @rcode: for who repeats it. */
void job_remember(struct job *j, enum dns_rcode rcode);
/* Goes on with what got its locks by what was done before. */
void jobs_run(struct updates *u);
/* Its intent is on the disk, or cannot be put there. */
void job_intended(struct job *j, bool ok);
/* So is its outcome: answer. */
void job_ended(struct job *j, bool ok);
/* What the upstream made of it. @msg: the answer to a relayed one. */
void job_outcome(struct job *j, enum job_outcome outcome, uint8_t rcode,
		 const uint8_t *msg, size_t len);
/* The mirror has caught up, perhaps. */
void jobs_unpark(struct update_zone *z);
/* The zone is about to go: all are answered. */
void jobs_end_zone(struct update_zone *z);
/* It has lasted too long if it waits for its names or for the mirror. */
uint64_t jobs_deadline(const struct updates *u);
void jobs_tick(struct updates *u);

/* update_expire.c */
/* Lets pass what is over, and begins to delete it at the primary. */
void expire_pass(struct updates *u);
void expire_outcome(struct job *j, enum job_outcome outcome, uint8_t rcode);
void expire_forget_zone(struct update_zone *z);
uint64_t expire_deadline(const struct updates *u);

/* update_commit.c */
extern const struct lease_ops commit_lease_ops;
void commit_repeat(struct updates *u, const struct repeat *e, bool intent);
/* One transaction of all that waits, if one can be begun; and the results of the last. */
void commit_turn(struct updates *u);
/* All that waits, now. */
void commit_flush(struct updates *u);
/* What time it is from now on; and if the system's clock was set, it is written down. */
void commit_clock(struct updates *u, const struct update_clock *c);
int commit_load_zone(struct update_zone *z);
int commit_load_repeats(struct updates *u);

/* forward.c */
void forward_submit(struct job *j);
/* It is not waited for any longer. */
void forward_cancel(struct job *j);
void forward_tick(struct update_link *up);
uint64_t forward_deadline(const struct update_link *up);

#endif
