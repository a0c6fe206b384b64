// SPDX-License-Identifier: GPL-2.0-or-later
/* A request on its way: locks, rights, intent, upstream, outcome, answer. */
#include "update_job.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define COMPLAIN_MS	1000	/* between lines in the log, for one zone */

/* --- lists ------------------------------------------------------------------------- */

void job_list_add(struct job_list *l, struct job *j)
{
	j->next = NULL;
	*l->last = j;
	l->last = &j->next;
}

void job_list_remove(struct job_list *l, struct job *j)
{
	struct job **p = &l->first;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	if (!*p)
		l->last = p;
	j->next = NULL;
}

struct job *job_list_take(struct job_list *l)
{
	struct job *j = l->first;

	if (j)
		job_list_remove(l, j);
	return j;
}

/* --- begun and ended --------------------------------------------------------------- */

struct job *job_new(struct update_zone *z, enum job_kind kind)
{
	struct updates *u = z->u;
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->u = u;
	j->zone = z;
	j->kind = kind;
	j->started = u->clock.now;
	j->all_prev = u->jobs_end;
	*u->jobs_end = j;
	u->jobs_end = &j->all_next;
	u->n_requests += kind != JOB_EXPIRY;
	return j;
}

/* It has got its names but was not told. */
static void take_from_ready(struct updates *u, struct lock_set *s)
{
	struct lock_set **p = &u->ready;

	while (*p && *p != s)
		p = &(*p)->ready_next;
	if (!*p)
		return;
	*p = s->ready_next;
	if (!*p)
		u->ready_end = p;
}

static void unlock(struct job *j)
{
	struct updates *u = j->u;

	take_from_ready(u, &j->locks);
	*u->ready_end = lock_release(&j->locks);
	while (*u->ready_end)
		u->ready_end = &(*u->ready_end)->ready_next;
}

void job_free(struct job *j)
{
	struct updates *u = j->u;

	unlock(j);
	rewrite_free(&j->rewrite);
	update_msg_free(&j->m);
	*j->all_prev = j->all_next;
	if (j->all_next)
		j->all_next->all_prev = j->all_prev;
	else
		u->jobs_end = j->all_prev;
	u->n_requests -= j->kind != JOB_EXPIRY;
	free(j->req);
	free(j->out);
	free(j);
}

void job_remember(struct job *j, enum dns_rcode rcode)
{
	struct repeat *e = j->answer.row ? repeats_get(j->u->repeats, j->answer.row) : NULL;

	j->answer.rcode = (uint8_t)rcode;
	j->answer.pending = false;
	if (rcode)
		j->answer.has_lease = false;
	if (!e || memcmp(&e->id, &j->answer.id, sizeof(e->id)))
		return;
	e->pending = false;
	e->rcode = j->answer.rcode;
	e->has_opt = j->answer.has_opt;
	e->has_lease = j->answer.has_lease;
	e->long_form = j->answer.long_form;
	e->lease = j->answer.lease;
	e->key_lease = j->answer.key_lease;
}

/* Answers, and that was that. */
static void end(struct job *j, enum dns_rcode rcode)
{
	struct updates *u = j->u;

	job_remember(j, rcode);
	if (!rcode)
		u->stats.done++;
	else if (rcode == DNS_REFUSED)
		u->stats.refused++;
	else
		u->stats.failed++;
	update_answer(u, j->ticket, j->req, j->req_len, &j->answer);
	job_free(j);
}

static void complain(struct job *j, int priority, const char *what, const char *why)
{
	struct update_zone *z = j->zone;
	char who[DNAME_TEXT_MAX], apex[DNAME_TEXT_MAX];
	uint64_t now = j->u->clock.now;

	if (z->complained && now < z->complained + COMPLAIN_MS)
		return;
	z->complained = now ? now : 1;
	update_log(j->u, priority, "%s: %s by %s: %s", dname_to_text(z->apex, apex), what,
		   dname_to_text(j->who, who), why);
}

/* --- what it becomes --------------------------------------------------------------- */

static bool still_enrolled(const struct job *j)
{
	const struct zone_node *node = zone_find(j->zone->mirror, j->who);
	struct zone_rr rr;
	size_t pos = 0;

	while (node && zone_node_next(node, &pos, &rr)) {
		if (rr.type == DNS_ENROLLED)
			return true;
	}
	return false;
}

static enum dns_rcode check(struct job *j, const struct rights_who *who)
{
	struct rewrite_look look = { .zone = j->zone->leases };
	const char *why = "it was removed meanwhile";
	enum dns_rcode rcode = DNS_REFUSED;

	marker_holder_hash(j->who, look.holder);
	if (j->role != RIGHTS_HOST || still_enrolled(j))
		rcode = rights_check(who, &j->m, rewrite_look, &look, &why);
	if (rcode)
		complain(j, LOG_INFO, "update refused", why);
	return rcode;
}

/* The message for the primary, if there is to be one. */
static enum dns_rcode write_out(struct job *j)
{
	struct updates *u = j->u;
	size_t size = sizeof(u->scratch) - TSIG_ROOM;
	int len = rewrite_write(&j->rewrite, false, u->scratch, size);

	j->joins = len > 0 && !dns_count(u->scratch, 1);
	if (len < 0)
		len = rewrite_write(&j->rewrite, true, u->scratch, size);
	if (len < 0) {
		complain(j, LOG_INFO, "update refused", "it is too long with its markers");
		return DNS_REFUSED;
	}
	if (!len)
		return DNS_NOERROR;
	j->out = malloc((size_t)len);
	if (!j->out)
		return DNS_SERVFAIL;
	memcpy(j->out, u->scratch, (size_t)len);
	j->out_len = (size_t)len;
	return DNS_NOERROR;
}

static void grant(struct job *j)
{
	const struct leases *l = j->u->leases;
	const struct lease_option *asked = &j->m.lease;

	j->answer.has_lease = j->m.has_lease;
	j->answer.long_form = asked->long_form;
	j->answer.lease = leases_clamp(l, asked->lease, false);
	j->answer.key_lease = leases_clamp(l, asked->key_lease, true);
}

/* What it is about to do, to be written down first. */
static enum dns_rcode intend(struct job *j)
{
	struct updates *u = j->u;
	int ret;

	u->intending = true;
	ret = rewrite_begin(&j->rewrite, u->clock.now);
	if (!ret)
		commit_repeat(u, &j->answer, true);
	u->intending = false;
	return ret ? DNS_SERVFAIL : DNS_NOERROR;
}

static void park(struct job *j)
{
	j->state = JOB_PARKED;
	job_list_add(&j->zone->parked, j);
	j->u->ops->poke(j->u->arg, j->zone->mirror);
}

/* Has the mirror yet to tell something that matters here? */
static bool must_wait(const struct job *j)
{
	const struct lease_zone *z = j->zone->leases;
	const struct lease_owner *host;

	if (!lease_zone_loaded(z) || rewrite_must_wait(z, &j->m))
		return true;
	/* Somebody has just removed it, maybe. */
	host = j->role == RIGHTS_HOST ? lease_owner_find(z, j->who) : NULL;
	return host && host->removed;
}

/* It has its names. */
static void go(struct job *j)
{
	struct update_zone *z = j->zone;
	const struct rights_who who = { .role = j->role, .name = j->who, .apex = z->apex };
	enum dns_rcode rcode;

	if (must_wait(j)) {
		park(j);
		return;
	}
	rcode = check(j, &who);
	if (!rcode)
		rcode = rewrite_plan(&j->rewrite, z->leases, &who, &j->m, &j->locks);
	if (!rcode)
		rcode = write_out(j);
	if (!rcode && j->out)
		rcode = intend(j);
	if (!rcode)
		grant(j);
	if (rcode || !j->out) {
		end(j, rcode);
		return;
	}
	j->state = JOB_INTENT;
	job_list_add(&j->u->to_intend, j);
}

void job_start(struct job *j)
{
	const struct rights_who who = {
		.role = j->role, .name = j->who, .apex = j->zone->apex,
	};

	if (j->kind != JOB_REQUEST) {
		forward_submit(j);
		return;
	}
	j->state = JOB_LOCKING;
	if (rewrite_lock(j->zone->leases, &who, &j->m, &j->locks))
		end(j, DNS_SERVFAIL);
	else if (lock_acquire(&j->locks))
		go(j);
}

void jobs_run(struct updates *u)
{
	if (u->running)
		return;
	u->running = true;
	while (u->ready) {
		struct lock_set *s = u->ready;

		take_from_ready(u, s);
		s->ready_next = NULL;
		go((struct job *)((char *)s - offsetof(struct job, locks)));
	}
	u->running = false;
}

void jobs_unpark(struct update_zone *z)
{
	struct job_list again = z->parked;
	struct job *j;

	if (!again.first)
		return;
	job_list_init(&z->parked);
	while ((j = job_list_take(&again)))
		go(j);
}

/* --- what became of it ------------------------------------------------------------- */

/* It was not done, and will not be. */
static void undo(struct job *j)
{
	struct updates *u = j->u;

	rewrite_end(&j->rewrite, REWRITE_NOT_DONE, u->clock.now, u->mark);
	end(j, DNS_SERVFAIL);
}

void job_intended(struct job *j, bool ok)
{
	if (ok && !j->zone->closing)
		forward_submit(j);
	else
		undo(j);
}

void job_ended(struct job *j, bool ok)
{
	end(j, ok ? j->answer.rcode : DNS_SERVFAIL);
}

static void relayed(struct job *j, enum job_outcome outcome, const uint8_t *msg, size_t len)
{
	struct updates *u = j->u;

	if (outcome != OUTCOME_ANSWER || len > sizeof(u->scratch)) {
		end(j, DNS_SERVFAIL);
		return;
	}
	memcpy(u->scratch, msg, len);
	u->stats.relayed++;
	u->ops->reply(u->arg, j->ticket, u->scratch, len, sizeof(u->scratch), true);
	job_free(j);
}

/* The primary's answer, as the client shall see it. */
static enum dns_rcode map_rcode(struct job *j, uint8_t rcode)
{
	switch (rcode) {
	case DNS_REFUSED:
	case DNS_NOTAUTH:
	case DNS_NOTIMP:
		/* It is we whom the primary does not let. */
		complain(j, LOG_ERR, "the primary refused an update",
			 rcode == DNS_REFUSED ? "REFUSED; may our key change this zone there?" :
			 rcode == DNS_NOTAUTH ? "NOTAUTH; is it the primary of this zone?" :
			 "NOTIMP; it takes no updates");
		return DNS_SERVFAIL;
	default:
		return rcode;
	}
}

static enum rewrite_outcome outcome_of(enum job_outcome outcome, uint8_t rcode)
{
	if (outcome == OUTCOME_NOT_SENT)
		return REWRITE_NOT_DONE;
	/* Who says that something failed does not say what. */
	if (outcome == OUTCOME_UNKNOWN || rcode == DNS_SERVFAIL)
		return REWRITE_UNKNOWN;
	return rcode ? REWRITE_NOT_DONE : REWRITE_DONE;
}

void job_outcome(struct job *j, enum job_outcome outcome, uint8_t rcode,
		 const uint8_t *msg, size_t len)
{
	enum rewrite_outcome what = outcome_of(outcome, rcode);
	struct updates *u = j->u;

	if (j->kind == JOB_RELAY) {
		relayed(j, outcome, msg, len);
		return;
	}
	/* A transfer asked for from now on has it, if it was done. */
	if (what != REWRITE_NOT_DONE)
		u->mark++;
	if (j->kind == JOB_EXPIRY) {
		expire_outcome(j, outcome, rcode);
		return;
	}

	rewrite_end(&j->rewrite, what, u->clock.now, u->mark);
	unlock(j);
	if (what != REWRITE_NOT_DONE)
		u->ops->poke(u->arg, j->zone->mirror);

	j->answer.rcode = (uint8_t)(outcome == OUTCOME_ANSWER ? map_rcode(j, rcode) :
				    DNS_SERVFAIL);
	if (j->answer.rcode)
		j->answer.has_lease = false;
	j->answer.pending = false;
	j->state = JOB_OUTCOME;
	commit_repeat(u, &j->answer, false);
	job_list_add(&u->to_end, j);
}

/* --- time -------------------------------------------------------------------------- */

static bool is_waiting(const struct job *j)
{
	return j->state == JOB_LOCKING || j->state == JOB_PARKED;
}

static void give_up(struct job *j)
{
	if (j->state == JOB_PARKED)
		job_list_remove(&j->zone->parked, j);
	end(j, DNS_SERVFAIL);
}

uint64_t jobs_deadline(const struct updates *u)
{
	const struct job *j;

	/* In order of time. Those that are over and do not wait here have another. */
	for (j = u->jobs; j; j = j->all_next) {
		uint64_t at = j->started + u->limits.timeout_ms;

		if (at > u->clock.now || is_waiting(j))
			return at;
	}
	return UINT64_MAX;
}

void jobs_tick(struct updates *u)
{
	struct job *j, *next;

	for (j = u->jobs; j && j->started + u->limits.timeout_ms <= u->clock.now; j = next) {
		next = j->all_next;
		if (is_waiting(j))
			give_up(j);
	}
}

/* The first at @z that is, or is not, on its way to the data base. */
static struct job *find(const struct update_zone *z, bool writing)
{
	struct job *j;

	for (j = z->u->jobs; j; j = j->all_next) {
		if (j->zone == z &&
		    (j->state == JOB_INTENT || j->state == JOB_OUTCOME) == writing)
			return j;
	}
	return NULL;
}

static void forget_written(struct updates *u, struct job *j)
{
	struct job_list *const lists[] = {
		&u->to_intend, &u->intending_jobs, &u->to_end, &u->ending_jobs,
	};
	struct job *i;
	size_t n;

	for (n = 0; n < sizeof(lists) / sizeof(*lists); n++) {
		for (i = lists[n]->first; i; i = i->next) {
			if (i == j) {
				job_list_remove(lists[n], j);
				return;
			}
		}
	}
}

void jobs_end_zone(struct update_zone *z)
{
	struct updates *u = z->u;
	bool flushed = false;
	struct job *j;

	for (;;) {
		while ((j = find(z, false))) {
			if (is_waiting(j))
				give_up(j);
			else
				forward_cancel(j);
		}
		j = find(z, true);
		if (!j)
			return;
		if (!flushed) {
			flushed = true;
			commit_flush(u);
			continue;
		}
		/* The data base is not to be had. */
		forget_written(u, j);
		if (j->state == JOB_INTENT)
			job_intended(j, false);
		else
			job_ended(j, false);
	}
}
