// SPDX-License-Identifier: GPL-2.0-or-later
/* What goes into the data base, and what waits for it to be there. */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "lease_boot.h"
#include "update_job.h"

#define LAZY_MS		200	/* until what nobody waits for is written, and on the disk */
#define AGAIN_MS	1000	/* ... and when that failed */
#define REPEATS_MIN	64	/* rows to forget at a time */

/* --- what is to be written -------------------------------------------------------- */

static struct lease_batch *rest(struct updates *u)
{
	if (u->lazy_at == UINT64_MAX)
		u->lazy_at = u->clock.now + LAZY_MS;
	return &u->rest;
}

static int64_t wall(const struct updates *u)
{
	return update_wall(&u->clock);
}

static void store(void *arg, struct lease *lease)
{
	struct updates *u = arg;
	const struct lease_row row = {
		.row = lease->row ? lease->row : u->next_row++,
		.zone = zone_apex(lease_zone_mirror(lease->at->zone)),
		.owner = lease->at->name,
		.marker = lease->marker,
		.expiry = wall(u) + (int64_t)(lease->expiry - u->clock.now),
		.granted = lease->granted,
	};

	lease->row = row.row;
	lease_batch_put(u->intending ? &u->intents : rest(u), &row);
}

static void forget(void *arg, struct lease *lease)
{
	lease_batch_forget(rest(arg), lease->row);
}

const struct lease_ops commit_lease_ops = { .store = store, .forget = forget };

void commit_repeat(struct updates *u, const struct repeat *e, bool intent)
{
	lease_batch_put_repeat(intent ? &u->intents : rest(u), e, (int64_t)u->clock.wall);
}

static void forget_repeats(struct updates *u)
{
	uint64_t up_to = repeats_pass(u->repeats, u->clock.now);

	if (up_to < u->repeats_forgotten + REPEATS_MIN)
		return;
	u->repeats_forgotten = up_to;
	lease_batch_forget_repeats(rest(u), up_to);
}

/* --- commits ---------------------------------------------------------------------- */

/* Outcomes that only their jobs know yet. */
static void write_outcomes(struct updates *u, const struct job_list *l)
{
	const struct job *j;

	for (j = l->first; j; j = j->next)
		commit_repeat(u, &j->answer, false);
}

/* The file is new and empty, or we do not know what it lacks. */
static void write_all(struct updates *u)
{
	struct lease_zone *z;
	struct lease *lease;
	uint64_t row, end;

	lease_batch_clear(&u->intents);
	lease_batch_clear(&u->rest);
	for (z = leases_next_zone(u->leases, NULL); z; z = leases_next_zone(u->leases, z)) {
		for (lease = NULL; (lease = lease_zone_next(z, lease));)
			store(u, lease);
	}
	end = repeats_end(u->repeats);
	for (row = repeats_pass(u->repeats, u->clock.now) + 1; row < end; row++) {
		const struct repeat *e = repeats_get(u->repeats, row);

		if (e)
			commit_repeat(u, e, false);
	}
	write_outcomes(u, &u->ending_jobs);
	write_outcomes(u, &u->to_end);
}

static void join(struct job_list *to, struct job_list *from)
{
	struct job *j;

	while ((j = job_list_take(from)))
		job_list_add(to, j);
}

static void tell(struct updates *u, bool ok)
{
	struct job *j;

	while ((j = job_list_take(&u->intending_jobs)))
		job_intended(j, ok);
	while ((j = job_list_take(&u->ending_jobs)))
		job_ended(j, ok);
	jobs_run(u);
}

/* Nothing of it is on the disk. What only would be done is given up; what has been
 * done must be written when that can be.
 */
static void failed(struct updates *u, int err, struct lease_batch *unwritten)
{
	update_log(u, LOG_ERR, "leases cannot be written down: %s; clients are told to try again",
		   strerror(-err));
	u->stats.commits_failed++;
	if (unwritten->failed || u->rest.failed || u->intents.failed) {
		lease_batch_clear(unwritten);
		write_all(u);
	} else {
		lease_batch_append(unwritten, &u->rest);
		u->rest = *unwritten;
	}
	u->lazy_at = u->clock.now + AGAIN_MS;
	tell(u, false);
}

static void complete(struct updates *u, int ret, struct lease_batch *unwritten)
{
	struct lease_db_stats stats;
	char text[3072];

	u->committing = false;
	lease_db_stats(lease_writer_db(u->writer), &stats);
	u->stats.commits = stats.commits;
	u->stats.commit_us_last = stats.last_us;
	u->stats.commit_us_max = stats.max_us;
	if (lease_db_message(lease_writer_db(u->writer), text, sizeof(text)))
		update_log(u, LOG_ERR, "%s", text);

	if (!ret) {
		lease_batch_clear(unwritten);
		tell(u, true);
	} else if (ret == -EUCLEAN) {
		/* Who waits waits for the next try. */
		lease_batch_clear(unwritten);
		write_all(u);
		join(&u->intending_jobs, &u->to_intend);
		join(&u->to_intend, &u->intending_jobs);
		join(&u->ending_jobs, &u->to_end);
		join(&u->to_end, &u->ending_jobs);
	} else {
		failed(u, ret, unwritten);
	}
}

static bool collect(struct updates *u)
{
	struct lease_batch unwritten;
	int ret;

	if (!u->committing)
		return true;
	if (!lease_writer_result(u->writer, &ret, &unwritten))
		return false;
	complete(u, ret, &unwritten);
	return true;
}

static bool wanted(const struct updates *u)
{
	return u->to_intend.first || u->to_end.first || u->clock.now >= u->lazy_at;
}

/*
 * Intents are on the disk before the primary hears of them. Outcomes only have to
 * outlive this process when they are answered: should the machine go down before the
 * next intents, or LAZY_MS later, take them along, lease_db_open() makes good for it.
 */
static void begin(struct updates *u)
{
	bool sync = u->intents.n || u->clock.now >= u->lazy_at;

	join(&u->intending_jobs, &u->to_intend);
	join(&u->ending_jobs, &u->to_end);
	if (!u->writer) {
		lease_batch_clear(&u->intents);
		lease_batch_clear(&u->rest);
		u->lazy_at = UINT64_MAX;
		tell(u, true);
		return;
	}
	forget_repeats(u);
	u->lazy_at = sync ? UINT64_MAX : u->clock.now + LAZY_MS;
	u->committing = true;
	lease_writer_submit(u->writer, &u->intents, &u->rest, sync);
}

void commit_turn(struct updates *u)
{
	int i;

	/* Twice at most: what the first lets go on may have to be written at once. */
	for (i = 0; i < 2 && collect(u) && wanted(u); i++)
		begin(u);
	if (collect(u) && !wanted(u) && u->writer && lease_writer_idle(u->writer))
		lease_writer_tidy(u->writer);
}

void commit_flush(struct updates *u)
{
	int i;

	for (i = 0; i < 8; i++) {
		if (u->committing)
			lease_writer_wait(u->writer);
		collect(u);
		if (!wanted(u) && !u->rest.n)
			break;
		begin(u);
	}
	if (u->committing)
		lease_writer_wait(u->writer);
	collect(u);
}

void commit_clock(struct updates *u, const struct update_clock *c)
{
	int64_t step = update_wall(c) - wall(u) - (int64_t)(c->now - u->clock.now);

	/* What is flushed below may come back here. */
	if (u->setting_clock)
		return;
	if (u->writer && (step > LEASE_CLOCK_STEP || step < -LEASE_CLOCK_STEP)) {
		u->setting_clock = true;
		/* By the old time, as what is there already. */
		commit_flush(u);
		lease_writer_wait(u->writer);
		if (lease_db_clock(lease_writer_db(u->writer), c->now, update_wall(c)))
			update_log(u, LOG_ERR, "the clock was set, which cannot be written down:"
				   " leases may end early or late after a restart");
		u->setting_clock = false;
	}
	u->clock = *c;
}

/* --- after a restart -------------------------------------------------------------- */

static void load_lease(void *arg, const struct lease_row *row)
{
	struct update_zone *z = arg;
	struct updates *u = z->u;
	int64_t left = row->expiry - wall(u);
	struct lease_owner *o = lease_owner_get(z->leases, row->owner);
	struct lease *lease = o ? lease_get(o, &row->marker, NULL, 0) : NULL;

	/* Without memory, its marker will give it another. */
	if (!lease)
		return;
	if (lease->row) {
		lease_batch_forget(rest(u), row->row);
		return;
	}
	lease->row = row->row;
	lease_load(lease, u->clock.now, left, row->granted);
}

int commit_load_zone(struct update_zone *z)
{
	struct updates *u = z->u;

	if (!u->writer)
		return -EINVAL;
	/* It may have been here before, and not all of that written. */
	commit_flush(u);
	lease_writer_wait(u->writer);
	return lease_db_leases(lease_writer_db(u->writer), z->apex, load_lease, z);
}

static void load_repeat(void *arg, struct repeat *e, int64_t at)
{
	struct updates *u = arg;
	int64_t age = ((int64_t)u->clock.wall - at) * 1000;

	e->at = u->clock.now;
	if (age > 0)
		e->at = (uint64_t)age < e->at ? e->at - (uint64_t)age : 0;
	/* What became of it nobody knows; that it is not done again is what counts. */
	if (e->pending) {
		e->pending = false;
		e->rcode = DNS_SERVFAIL;
	}
	repeats_load(u->repeats, e);
}

int commit_load_repeats(struct updates *u)
{
	return u->writer ? lease_db_repeats(lease_writer_db(u->writer), load_repeat, u) : 0;
}
