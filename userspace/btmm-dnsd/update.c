// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine as a whole: zones, what comes in, what goes back, time. */
#include "update.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "update_job.h"

#define ZONES_MIN	16	/* a power of two */
#define ANSWER_MAX	1024	/* header, zone, OPT and TSIG_ROOM */

void update_log(struct updates *u, int priority, const char *fmt, ...)
{
	char text[3200];
	va_list ap;

	if (!u->ops->log)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	u->ops->log(u->arg, priority, text);
}

/* --- made and ended --------------------------------------------------------------- */

static void set_default(unsigned int *limit, unsigned int value)
{
	if (!*limit)
		*limit = value;
}

static void complete_limits(struct update_limits *l)
{
	set_default(&l->lease_min, 1800);
	set_default(&l->lease_max, 7200);
	set_default(&l->key_lease_max, 604800);
	set_default(&l->outstanding, 64);
	set_default(&l->waiting, 4096);
	set_default(&l->timeout_ms, 5000);
	set_default(&l->repeats, 1000000);
}

static struct lease_terms terms_of(const struct update_limits *l)
{
	return (struct lease_terms){
		.min = l->lease_min,
		.max = l->lease_max,
		.key_max = l->key_lease_max,
	};
}

static int open_db(struct updates *u, const char *path)
{
	const struct lease_terms terms = terms_of(&u->limits);
	struct lease_db *db;
	char text[3072];
	int err;

	db = lease_db_open(path, (int64_t)u->clock.wall, &terms, &err);
	if (!db)
		return err;
	if (lease_db_clock(db, u->clock.now, update_wall(&u->clock)))
		update_log(u, LOG_WARNING, "whether the clock was set cannot be written down");
	if (lease_db_message(db, text, sizeof(text)))
		update_log(u, LOG_ERR, "%s", text);
	u->next_row = lease_db_last_row(db) + 1;
	u->writer = lease_writer_new(db, WRITER_AUTO);
	if (!u->writer) {
		lease_db_close(db);
		return -ENOMEM;
	}
	return commit_load_repeats(u);
}

void updates_set_limits(struct updates *u, const struct update_limits *limits)
{
	unsigned int repeats = u->limits.repeats;
	struct lease_terms terms;

	u->limits = *limits;
	complete_limits(&u->limits);
	u->limits.repeats = repeats;
	terms = terms_of(&u->limits);
	leases_set_terms(u->leases, &terms);
}

static int make(struct updates *u, const char *db_path)
{
	const struct lease_terms terms = terms_of(&u->limits);

	u->zones = calloc(ZONES_MIN, sizeof(struct update_zone *));
	u->zones_size = ZONES_MIN;
	u->leases = leases_new(&commit_lease_ops, u, &terms);
	u->repeats = repeats_new(u->limits.repeats);
	if (!u->zones || !u->leases || !u->repeats)
		return -ENOMEM;
	return db_path ? open_db(u, db_path) : 0;
}

struct updates *updates_new(const struct update_ops *ops, void *arg,
			    const struct update_limits *limits, const char *db_path,
			    const struct update_clock *clock, int *err)
{
	struct updates *u = calloc(1, sizeof(*u));

	*err = -ENOMEM;
	if (!u)
		return NULL;
	u->ops = ops;
	u->arg = arg;
	if (limits)
		u->limits = *limits;
	complete_limits(&u->limits);
	u->clock = *clock;
	u->next_row = 1;
	u->lazy_at = UINT64_MAX;
	u->jobs_end = &u->jobs;
	u->ready_end = &u->ready;
	job_list_init(&u->to_intend);
	job_list_init(&u->to_end);
	job_list_init(&u->intending_jobs);
	job_list_init(&u->ending_jobs);

	*err = make(u, db_path);
	if (*err) {
		updates_free(u);
		return NULL;
	}
	return u;
}

void updates_free(struct updates *u)
{
	size_t i;

	if (!u)
		return;
	for (i = 0; u->zones && i < u->zones_size; i++) {
		while (u->zones[i])
			update_zone_remove(u, u->zones[i]->mirror);
	}
	if (u->writer) {
		commit_flush(u);
		lease_writer_free(u->writer);
	}
	while (u->upstreams)
		update_link_free(u->upstreams);
	lease_batch_clear(&u->intents);
	lease_batch_clear(&u->rest);
	leases_free(u->leases);
	repeats_free(u->repeats);
	free(u->zones);
	free(u);
}

/* --- zones ------------------------------------------------------------------------- */

static struct update_zone **zone_bucket(const struct updates *u, const uint8_t *apex)
{
	return &u->zones[dname_hash(apex) & (u->zones_size - 1)];
}

struct update_zone *update_zone_find(const struct updates *u, const uint8_t *name)
{
	struct update_zone *z = *zone_bucket(u, name);

	while (z && !dname_equal(z->apex, name))
		z = z->chain;
	return z;
}

static struct update_zone *of_mirror(const struct updates *u, const struct zone *mirror)
{
	struct update_zone *z = update_zone_find(u, zone_apex(mirror));

	return z && z->mirror == mirror ? z : NULL;
}

/* Longer chains, if there is no memory for more. */
static void zones_grow(struct updates *u)
{
	struct update_zone **old = u->zones, **more, *z, *next;
	size_t i, size = u->zones_size;

	if (u->n_zones < size)
		return;
	more = calloc(2 * size, sizeof(struct update_zone *));
	if (!more)
		return;
	u->zones = more;
	u->zones_size = 2 * size;
	for (i = 0; i < size; i++) {
		for (z = old[i]; z; z = next) {
			struct update_zone **b = zone_bucket(u, z->apex);

			next = z->chain;
			z->chain = *b;
			*b = z;
		}
	}
	free(old);
}

static int own(struct update_zone *z)
{
	int ret;

	z->leases = lease_zone_add(z->u->leases, z->mirror, z);
	if (!z->leases)
		return -ENOMEM;
	ret = commit_load_zone(z);
	if (ret)
		lease_zone_remove(z->leases);
	return ret;
}

int update_zone_add(struct updates *u, struct zone *mirror, struct update_link *up, bool owner)
{
	const uint8_t *apex = zone_apex(mirror);
	struct update_zone *z, **b;
	int ret;

	if (update_zone_find(u, apex))
		return -EEXIST;
	z = calloc(1, sizeof(*z) + dname_len(apex));
	if (!z)
		return -ENOMEM;
	z->u = u;
	z->mirror = mirror;
	z->up = up;
	job_list_init(&z->parked);
	memcpy(z->apex, apex, dname_len(apex));
	dname_lower(z->apex);
	ret = owner ? own(z) : 0;
	if (ret) {
		free(z);
		return ret;
	}

	zones_grow(u);
	b = zone_bucket(u, z->apex);
	z->chain = *b;
	*b = z;
	u->n_zones++;
	return 0;
}

void update_zone_remove(struct updates *u, struct zone *mirror)
{
	struct update_zone *z = of_mirror(u, mirror), **p;

	if (!z)
		return;
	z->closing = true;
	jobs_end_zone(z);
	expire_forget_zone(z);
	p = zone_bucket(u, z->apex);
	while (*p != z)
		p = &(*p)->chain;
	*p = z->chain;
	u->n_zones--;
	if (z->leases)
		lease_zone_remove(z->leases);
	free(z);
}

/* --- the mirror -------------------------------------------------------------------- */

uint64_t update_mark(const struct updates *u)
{
	return u->mark;
}

void update_zone_changed(struct updates *u, const struct zone *mirror,
			 const struct zone_change *change)
{
	struct update_zone *z = of_mirror(u, mirror);

	if (z && z->leases)
		lease_zone_changed(z->leases, change);
}

void update_zone_synced(struct updates *u, struct zone *mirror, uint64_t mark,
			const struct update_clock *c)
{
	struct update_zone *z = of_mirror(u, mirror);

	commit_clock(u, c);
	if (!z || !z->leases)
		return;
	lease_zone_synced(z->leases, mark, c->now);
	jobs_unpark(z);
	expire_pass(u);
	jobs_run(u);
}

/* --- requests ---------------------------------------------------------------------- */

void update_answer(struct updates *u, void *ticket, const uint8_t *req, size_t req_len,
		   const struct repeat *answer)
{
	const struct lease_option lease = {
		.lease = answer->lease,
		.key_lease = answer->key_lease,
		.long_form = answer->long_form,
	};
	uint8_t buf[ANSWER_MAX], option[12];
	struct dns_writer w = { .buf = buf, .size = sizeof(buf) - TSIG_ROOM, .section = 3 };
	size_t len = 0;

	w.len = dns_error_response(req, req_len, answer->rcode, buf, w.size);
	if (!w.len) {
		u->ops->reply(u->arg, ticket, NULL, 0, 0, false);
		return;
	}
	if (answer->has_lease)
		len = lease_option_write(&lease, option);
	if (answer->has_opt)
		dns_put_opt(&w, DNS_UDP_MAX, 0, option, len);
	u->ops->reply(u->arg, ticket, buf, w.len, sizeof(buf), false);
}

static void refuse(struct updates *u, const struct update_request *rq, enum dns_rcode rcode,
		   bool has_opt)
{
	const struct repeat answer = { .rcode = (uint8_t)rcode, .has_opt = has_opt };

	if (rcode == DNS_SERVFAIL)
		u->stats.failed++;
	else
		u->stats.refused++;
	update_answer(u, rq->ticket, rq->msg, rq->len, &answer);
}

void update_refuse(struct updates *u, const struct update_request *rq, enum dns_rcode rcode)
{
	refuse(u, rq, rcode, false);
}

static bool role_of(const struct identity *who, const uint8_t *apex, enum rights_role *out)
{
	switch (who->role) {
	case ROLE_HOST:
		*out = RIGHTS_HOST;
		return dname_equal(who->zone, apex);
	case ROLE_ACCOUNT:
		*out = RIGHTS_ACCOUNT;
		return dname_equal(who->zone, apex);
	case ROLE_ADMIN:
		*out = RIGHTS_ADMIN;
		return dname_within(apex, who->zone);
	default:
		return false;
	}
}

/* Whatever fudge its sender allows: it must not be believed for longer than it would be
 * remembered.
 */
static bool is_timely(const struct updates *u, const struct update_request *rq)
{
	uint64_t wall = u->clock.wall, fudge = REPEAT_TIME / 2;

	return rq->time_signed <= wall + fudge && wall <= rq->time_signed + fudge;
}

/* Is it one that we have had? Else it is remembered from now on, in @j. */
static bool is_repeat(struct job *j, const struct update_request *rq)
{
	struct repeat_id id = { .key = rq->who->tag };
	struct updates *u = j->u;
	struct repeat *e;

	memcpy(id.mac, rq->mac->b, rq->mac->len < REPEAT_MAC ? rq->mac->len : REPEAT_MAC);
	e = repeats_find(u->repeats, &id);
	if (!e) {
		enum dns_rcode rcode = is_timely(u, rq) ? DNS_SERVFAIL : DNS_NOTAUTH;

		/* Perhaps, but nobody remembers; or there is no memory. */
		if (rcode == DNS_SERVFAIL && rq->time_signed > repeats_floor(u->repeats))
			e = repeats_add(u->repeats, &id, rq->time_signed, u->clock.now);
		if (!e) {
			refuse(u, rq, rcode, j->m.has_opt);
			return true;
		}
		j->answer = *e;
		j->answer.has_opt = j->m.has_opt;
		return false;
	}

	u->stats.repeated++;
	if (e->pending)
		u->ops->reply(u->arg, rq->ticket, NULL, 0, 0, false);
	else
		update_answer(u, rq->ticket, rq->msg, rq->len, e);
	return true;
}

/* What an answer needs of the request; and all of it if it is passed on. */
static bool keep(struct job *j, const struct update_request *rq)
{
	struct dns_question q;
	struct dns_walk w;

	/* update_parse() has read it. */
	if (dns_walk_init(&w, rq->msg, rq->len) || dns_walk_question(&w, &q) != 1)
		return false;
	j->req = malloc(w.pos);
	if (!j->req)
		return false;
	memcpy(j->req, rq->msg, w.pos);
	j->req_len = w.pos;
	memcpy(j->who, rq->who->name, dname_len(rq->who->name));
	dname_lower(j->who);
	j->ticket = rq->ticket;

	if (j->kind == JOB_RELAY) {
		j->out = malloc(rq->len);
		if (!j->out)
			return false;
		memcpy(j->out, rq->msg, rq->len);
		j->out_len = rq->len;
	}
	return true;
}

/* @m is the job's from now on, or freed. */
static void accept(struct update_zone *z, const struct update_request *rq, enum rights_role role,
		   struct update_msg *m)
{
	struct updates *u = z->u;
	struct job *j = job_new(z, z->leases ? JOB_REQUEST : JOB_RELAY);

	if (!j) {
		refuse(u, rq, DNS_SERVFAIL, m->has_opt);
		update_msg_free(m);
		return;
	}
	j->m = *m;
	j->role = role;
	j->answer.has_opt = m->has_opt;
	if (j->kind == JOB_REQUEST && is_repeat(j, rq)) {
		job_free(j);
		return;
	}
	/* It itself is counted, too. */
	if (u->n_requests > u->limits.waiting || !keep(j, rq)) {
		job_remember(j, DNS_SERVFAIL);
		refuse(u, rq, DNS_SERVFAIL, j->m.has_opt);
		job_free(j);
		return;
	}
	job_start(j);
	jobs_run(u);
}

void update_request(struct updates *u, const struct update_request *rq,
		    const struct update_clock *c)
{
	enum rights_role role = RIGHTS_HOST;
	struct update_zone *z;
	struct update_msg m;
	enum dns_rcode rcode;

	commit_clock(u, c);
	u->stats.requests++;
	rcode = update_parse(rq->msg, rq->len, &m);
	z = rcode ? NULL : update_zone_find(u, m.zone);
	if (!rcode && !z)
		rcode = DNS_NOTAUTH;
	if (!rcode && !role_of(rq->who, z->apex, &role))
		rcode = DNS_REFUSED;
	if (rcode) {
		refuse(u, rq, rcode, m.has_opt);
		update_msg_free(&m);
		return;
	}
	accept(z, rq, role, &m);
}

/* --- time -------------------------------------------------------------------------- */

void update_turn(struct updates *u, const struct update_clock *c)
{
	commit_clock(u, c);
	jobs_run(u);
	commit_turn(u);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t update_deadline(const struct updates *u)
{
	const struct update_link *up;
	uint64_t at;

	at = earlier(leases_deadline(u->leases), expire_deadline(u));
	at = earlier(at, jobs_deadline(u));
	for (up = u->upstreams; up; up = up->next)
		at = earlier(at, forward_deadline(up));
	/* The end of a commit under way is told by update_fd(). */
	if (u->committing)
		return at;
	if (u->to_intend.first || u->to_end.first)
		return u->clock.now;
	return earlier(at, u->lazy_at);
}

void update_tick(struct updates *u, const struct update_clock *c)
{
	struct update_link *up;

	commit_clock(u, c);
	jobs_tick(u);
	for (up = u->upstreams; up; up = up->next)
		forward_tick(up);
	expire_pass(u);
	jobs_run(u);
}

int update_fd(const struct updates *u)
{
	return u->writer ? lease_writer_fd(u->writer) : -1;
}

/* --- what there is to tell --------------------------------------------------------- */

void update_stats(const struct updates *u, struct update_stats *out)
{
	*out = u->stats;
	out->leases = leases_count(u->leases);
	out->waiting = u->n_requests;
}

int update_zone_stats(const struct updates *u, const struct zone *mirror,
		      struct update_zone_stats *out)
{
	const struct update_zone *z = of_mirror(u, mirror);
	const struct lease *lease = NULL;

	if (!z || !z->leases)
		return -ENOENT;
	out->leases = lease_zone_count(z->leases);
	out->expired = lease_zone_expired(z->leases);
	out->next_expiry = UINT64_MAX;
	while ((lease = lease_zone_next(z->leases, lease))) {
		if (lease->confirmed && !lease->expired)
			out->next_expiry = earlier(out->next_expiry, lease->expiry);
	}
	return 0;
}
