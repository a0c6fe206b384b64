// SPDX-License-Identifier: GPL-2.0-or-later
/* Expired leases: hidden at once, and deleted at the primary as soon as it lets us. */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "update_job.h"

#define OWNERS		32	/* in one message */
#define JOBS		4	/* messages at a time, for one zone */
#define SIZE		16384	/* octets of a message, if it can be */
#define COMPLAIN_MS	60000

/* --- zones that have some ----------------------------------------------------------- */

static void set_due(struct update_zone *z, bool due)
{
	struct updates *u = z->u;

	if (due == !!z->due_prev)
		return;
	if (due) {
		z->due_next = u->due;
		z->due_prev = &u->due;
		if (u->due)
			u->due->due_prev = &z->due_next;
		u->due = z;
		z->retry_at = 0;
		return;
	}
	*z->due_prev = z->due_next;
	if (z->due_next)
		z->due_next->due_prev = z->due_prev;
	z->due_next = NULL;
	z->due_prev = NULL;
}

void expire_forget_zone(struct update_zone *z)
{
	set_due(z, false);
}

uint64_t expire_deadline(const struct updates *u)
{
	const struct update_zone *z;
	uint64_t at = UINT64_MAX;

	for (z = u->due; z; z = z->due_next) {
		if (z->retry_at < at)
			at = z->retry_at;
	}
	return at;
}

/* --- one message --------------------------------------------------------------------- */

/* Nobody works there, and the mirror has what the primary has. */
static bool is_free(const struct lease_owner *o)
{
	return !o->leaving && !o->unsettled && lock_free(o);
}

/* Names whose time has come. Those that failed beside others come last, and alone. */
static size_t gather(const struct update_zone *z, struct lease_owner *owners[OWNERS])
{
	struct lease_owner *o, *alone = NULL;
	size_t n = 0;

	for (o = lease_zone_due(z->leases); o && n < OWNERS; o = o->d_next) {
		if (!is_free(o))
			continue;
		if (o->alone)
			alone = o;
		else
			owners[n++] = o;
	}
	if (!n && alone)
		owners[n++] = alone;
	return n;
}

static struct job *make_job(struct update_zone *z, struct lease_owner *const *owners, size_t n,
			    size_t len)
{
	struct job *j = job_new(z, JOB_EXPIRY);
	size_t i;

	if (!j)
		return NULL;
	j->out = malloc(len);
	if (j->out)
		memcpy(j->out, z->u->scratch, len);
	j->out_len = len;
	for (i = 0; j->out && i < n; i++) {
		if (lock_add(&j->locks, owners[i], false))
			break;
	}
	if (!j->out || i < n) {
		job_free(j);
		return NULL;
	}
	/* All are free, so it has them. */
	lock_acquire(&j->locks);
	for (i = 0; i < n; i++)
		owners[i]->leaving = true;
	return j;
}

/* False: nothing more can be done now. */
static bool start_one(struct update_zone *z)
{
	struct lease_owner *owners[OWNERS];
	size_t given = gather(z, owners), n = given, len, i;
	struct job *j;

	if (!given)
		return false;
	len = lease_expiry_build(z->leases, owners, &n, 0, z->u->scratch, SIZE);
	if (!len && n && owners[0]->n_expired) {
		/* The first record alone is longer than that. */
		n = 1;
		len = lease_expiry_build(z->leases, owners, &n, 0, z->u->scratch,
					 sizeof(z->u->scratch) - TSIG_ROOM);
		if (!len)
			return false;
	}
	/* They did not fit, but may have lost what was not at the primary any more. */
	for (i = n; i < given; i++)
		lease_owner_put(owners[i]);
	j = len ? make_job(z, owners, n, len) : NULL;
	if (j) {
		z->expiring++;
		job_start(j);
		return true;
	}
	for (i = 0; i < n && len; i++)
		lease_expiry_end(owners[i], false);
	/* Those that were not at the primary any more are done with. */
	for (i = 0; i < n; i++)
		lease_owner_put(owners[i]);
	return !len;
}

static void expire_zone(struct update_zone *z)
{
	if (z->closing)
		return;
	while (z->expiring < JOBS && start_one(z))
		;
	z->retry_at = z->u->clock.now + RETRY_MS;
	if (!lease_zone_due(z->leases))
		set_due(z, false);
}

void expire_pass(struct updates *u)
{
	struct update_zone *z, *next;
	struct lease_zone *l;
	uint64_t now = u->clock.now;
	size_t n = 0;

	if (leases_deadline(u->leases) <= now)
		n = leases_pass(u->leases, now);
	u->stats.expired += n;
	for (l = n ? leases_next_zone(u->leases, NULL) : NULL; l;
	     l = leases_next_zone(u->leases, l)) {
		if (lease_zone_due(l)) {
			z = lease_zone_arg(l);
			set_due(z, true);
			z->retry_at = now;
		}
	}
	for (z = u->due; z; z = next) {
		next = z->due_next;
		if (z->retry_at <= now)
			expire_zone(z);
	}
}

/* --- what became of it --------------------------------------------------------------- */

static void complain(struct update_zone *z, uint8_t rcode)
{
	char apex[DNAME_TEXT_MAX];
	uint64_t now = z->u->clock.now;

	if (z->expiry_complained && now < z->expiry_complained + COMPLAIN_MS)
		return;
	z->expiry_complained = now ? now : 1;
	update_log(z->u, LOG_ERR, "%s: the primary does not let expired records be deleted "
		   "(RCODE %u); they stay hidden, and it is tried again",
		   dname_to_text(z->apex, apex), rcode);
}

void expire_outcome(struct job *j, enum job_outcome outcome, uint8_t rcode)
{
	bool done = outcome == OUTCOME_ANSWER && !rcode, sent = outcome != OUTCOME_NOT_SENT;
	struct update_zone *z = j->zone;
	struct updates *u = j->u;
	size_t i;

	/* Only a transfer that is asked for from now on can tell why it failed. */
	if (sent && !done)
		u->mark++;
	for (i = 0; i < j->locks.n; i++) {
		struct lease_owner *o = j->locks.waits[i].owner;

		o->leaving = false;
		lease_expiry_end(o, done);
		if (sent && !done)
			o->alone = true;
		if (sent)
			lease_owner_unsettle(o, u->mark, !done);
	}
	z->expiring--;
	job_free(j);
	if (sent)
		u->ops->poke(u->arg, z->mirror);
	if (done) {
		expire_zone(z);
		return;
	}
	z->retry_at = u->clock.now + RETRY_MS;
	if (outcome == OUTCOME_ANSWER && rcode != DNS_NXRRSET)
		complain(z, rcode);
}
