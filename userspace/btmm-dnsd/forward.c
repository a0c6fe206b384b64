// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Upstreams: many messages at a time on one connection, each signed by us (or
 * passed on as it came), each answer matched by its ID and checked.
 *
 * A primary works at one update of a zone after the other, and waits for its disk with
 * each. So when it has enough to do, what comes for the same zone meanwhile goes out as
 * one message: they change different names (each job has locked its own), and what has
 * prerequisites goes alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "update_job.h"

#define COMPLAIN_MS	60000	/* between lines in the log of the same kind */
#define PIPELINE	2	/* messages of a zone under way, before others are joined, */
#define JOIN_MAX	64	/* at most so many jobs */
#define JOIN_OCTETS	32768	/* ... and octets in one */

struct update_link *update_link_new(struct updates *u, const struct update_link_ops *ops,
				    void *arg, const struct tsig_key *key)
{
	struct update_link *up = calloc(1, sizeof(*up));

	if (!up)
		return NULL;
	up->u = u;
	up->ops = ops;
	up->arg = arg;
	if (key)
		up->key = *key;
	job_list_init(&up->queue);
	up->sent_end = &up->sent;
	up->next = u->upstreams;
	up->prev = &u->upstreams;
	if (up->next)
		up->next->prev = &up->next;
	u->upstreams = up;
	return up;
}

void update_link_free(struct update_link *up)
{
	if (!up)
		return;
	*up->prev = up->next;
	if (up->next)
		up->next->prev = up->prev;
	tsig_key_wipe(&up->key);
	free(up);
}

void update_link_set_key(struct update_link *up, const struct tsig_key *key)
{
	up->key = *key;
}

/* --- IDs ------------------------------------------------------------------------- */

static struct parcel **id_slot(struct update_link *up, uint16_t id)
{
	struct parcel **p = &up->by_id[id & 255];

	while (*p && (*p)->id != id)
		p = &(*p)->id_chain;
	return p;
}

/* --- parcels --------------------------------------------------------------------- */

static struct parcel *parcel_new(struct update_zone *z)
{
	struct parcel *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->zone = z;
	job_list_init(&p->jobs);
	return p;
}

static void parcel_send(struct update_link *up, struct parcel *p)
{
	struct parcel **slot = &up->by_id[p->id & 255];

	p->id_chain = *slot;
	*slot = p;
	*up->sent_end = p;
	up->sent_end = &p->next;
	up->n_sent++;
	p->zone->n_sent++;
}

/* Nothing is waited for any more. The jobs in it are the caller's. */
static void parcel_take(struct update_link *up, struct parcel *p)
{
	struct parcel **at = &up->sent;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (!p->next)
		up->sent_end = at;
	*id_slot(up, p->id) = p->id_chain;
	up->n_sent--;
	p->zone->n_sent--;
}

/* --- out ------------------------------------------------------------------------- */

/*
 * How much of @up's scratch holds the message for the jobs in @p: that of the first,
 * and behind it what the others want to be done. RFC 2136 3.4: all or nothing, so
 * that an error says nothing about one of them alone.
 */
static size_t write_message(struct update_link *up, const struct parcel *p)
{
	const struct job *j = p->jobs.first;
	uint8_t *out = up->u->scratch;
	size_t len = j->out_len, head;
	unsigned int n;

	memcpy(out, j->out, len);
	n = dns_count(out, 2);
	head = DNS_HEADER + dname_len(p->zone->apex) + 4;
	while ((j = j->next)) {
		memcpy(out + len, j->out + head, j->out_len - head);
		len += j->out_len - head;
		n += dns_count(j->out, 2);
	}
	dns_put16(out + 8, (uint16_t)n);
	return len;
}

static int transmit(struct update_link *up, struct parcel *p)
{
	size_t len = write_message(up, p);
	uint8_t *out = up->u->scratch;

	if (!up->key.secret_len) {
		p->id = dns_id(out);
		return up->ops->send(up->arg, out, len);
	}

	while (*id_slot(up, up->next_id))
		up->next_id++;
	p->id = up->next_id++;
	dns_put16(out, p->id);
	if (tsig_sign(out, &len, len + TSIG_ROOM, &up->key, NULL, &p->mac, TSIG_OK, 0))
		return -EIO;
	return up->ops->send(up->arg, out, len) ? -ENOTCONN : 0;
}

/* Others that wait and can go with the job in @p do so. */
static void gather(struct update_link *up, struct parcel *p)
{
	size_t len = p->jobs.first->out_len;
	struct job *j, *next;
	unsigned int n = 1;

	for (j = up->queue.first; j && p->jobs.first->joins && n < JOIN_MAX; j = next) {
		next = j->next;
		if (j->zone != p->zone || !j->joins)
			continue;
		len += j->out_len;
		if (len > JOIN_OCTETS)
			break;
		job_list_remove(&up->queue, j);
		job_list_add(&p->jobs, j);
		n++;
	}
}

/* Back to the queue's head, in their order. */
static void requeue(struct update_link *up, struct parcel *p)
{
	struct job *j;

	for (j = p->jobs.first; j; j = j->next) {
		j->state = JOB_QUEUED;
		j->parcel = NULL;
	}
	*p->jobs.last = up->queue.first;
	if (!up->queue.first)
		up->queue.last = p->jobs.last;
	up->queue.first = p->jobs.first;
	free(p);
}

/* Sends @j, and what can go with it. */
static int send_parcel(struct update_link *up, struct job *j)
{
	struct parcel *p = parcel_new(j->zone);
	int ret;

	if (!p)
		return -ENOMEM;
	job_list_remove(&up->queue, j);
	job_list_add(&p->jobs, j);
	gather(up, p);
	ret = transmit(up, p);
	if (ret) {
		requeue(up, p);
		return ret;
	}

	p->sent_at = up->u->clock.now;
	parcel_send(up, p);
	for (j = p->jobs.first; j; j = j->next) {
		j->state = JOB_SENT;
		j->parcel = p;
	}
	return 0;
}

/* Must it wait for answers to others? */
static bool must_wait(struct update_link *up, const struct job *j)
{
	/* Another of that ID is under way? */
	if (!up->key.secret_len)
		return *id_slot(up, dns_id(j->out));
	return j->joins && j->zone->n_sent >= PIPELINE;
}

/* Sends what can be sent. */
static void push(struct update_link *up)
{
	struct job **at = &up->queue.first, *j;

	while ((j = *at) && up->n_sent < up->u->limits.outstanding) {
		if (must_wait(up, j)) {
			at = &j->next;
			continue;
		}
		up->down = send_parcel(up, j);
		if (up->down)
			return;
	}
}

void forward_submit(struct job *j)
{
	struct update_link *up = j->zone->up;

	j->state = JOB_QUEUED;
	job_list_add(&up->queue, j);
	/* If it is down, one try will do, so that a connection is made. */
	if (!up->down || up->queue.first == j)
		push(up);
}

void update_link_up(struct update_link *up, const struct update_clock *c)
{
	commit_clock(up->u, c);
	up->down = false;
	push(up);
}

/* --- back ------------------------------------------------------------------------ */

void forward_cancel(struct job *j)
{
	struct update_link *up = j->zone->up;
	struct parcel *p = j->parcel;

	if (!p) {
		job_list_remove(&up->queue, j);
		job_outcome(j, OUTCOME_NOT_SENT, 0, NULL, 0);
		return;
	}
	job_list_remove(&p->jobs, j);
	j->parcel = NULL;
	if (!p->jobs.first) {
		parcel_take(up, p);
		free(p);
	}
	job_outcome(j, OUTCOME_UNKNOWN, 0, NULL, 0);
}

static void finish(struct update_link *up, struct parcel *p, enum job_outcome outcome,
		   uint8_t rcode, const uint8_t *msg, size_t len)
{
	struct job *j;

	parcel_take(up, p);
	/* One of them is to blame. The others shall not suffer for it. */
	if (outcome == OUTCOME_ANSWER && rcode && p->jobs.first->next) {
		for (j = p->jobs.first; j; j = j->next)
			j->joins = false;
		requeue(up, p);
		return;
	}
	while ((j = job_list_take(&p->jobs))) {
		j->parcel = NULL;
		job_outcome(j, outcome, rcode, msg, len);
	}
	free(p);
}

void update_link_down(struct update_link *up, const struct update_clock *c)
{
	struct updates *u = up->u;

	commit_clock(u, c);
	up->down = true;
	while (up->sent)
		finish(up, up->sent, OUTCOME_UNKNOWN, 0, NULL, 0);
	/* What waits is sent when there is a connection; this asks for one. */
	if (up->queue.first)
		push(up);
	jobs_run(u);
}

static void complain(struct update_link *up, const char *text)
{
	uint64_t now = up->u->clock.now;

	if (up->complained && now < up->complained + COMPLAIN_MS)
		return;
	up->complained = now;
	update_log(up->u, LOG_ERR, "%s", text);
}

void update_link_input(struct update_link *up, const uint8_t *msg, size_t len,
		       const struct update_clock *c)
{
	struct parcel *p;

	commit_clock(up->u, c);
	up->heard = c->now;
	if (len < DNS_HEADER || !(dns_flags(msg) & DNS_QR) || dns_opcode(msg) != DNS_UPDATE)
		return;
	/* Also what came too late. */
	p = *id_slot(up, dns_id(msg));
	if (!p)
		return;

	if (!up->key.secret_len) {
		finish(up, p, OUTCOME_ANSWER, dns_rcode(msg), msg, len);
	} else if (tsig_check(msg, len, &up->key, &p->mac) == TSIG_OK) {
		finish(up, p, OUTCOME_ANSWER, dns_rcode(msg), msg, len);
	} else {
		complain(up, "the primary's answer to an update is not signed by our key; "
			 "does the primary know the key, and are both clocks right?");
		finish(up, p, OUTCOME_UNKNOWN, 0, NULL, 0);
	}
	push(up);
	jobs_run(up->u);
}

/* --- time ------------------------------------------------------------------------ */

uint64_t forward_deadline(const struct update_link *up)
{
	unsigned int timeout = up->u->limits.timeout_ms;
	uint64_t at = UINT64_MAX;

	if (up->sent)
		at = up->sent->sent_at + timeout;
	if (up->queue.first && up->queue.first->started + timeout < at)
		at = up->queue.first->started + timeout;
	return at;
}

void forward_tick(struct update_link *up)
{
	struct updates *u = up->u;
	uint64_t now = u->clock.now;
	bool deaf = false;
	struct parcel *p;
	struct job *j, *next;

	while ((p = up->sent) && p->sent_at + u->limits.timeout_ms <= now) {
		deaf |= up->heard < p->sent_at;
		u->stats.timed_out++;
		finish(up, p, OUTCOME_UNKNOWN, 0, NULL, 0);
	}
	for (j = up->queue.first; j; j = next) {
		next = j->next;
		if (j->started + u->limits.timeout_ms <= now)
			forward_cancel(j);
	}
	if (deaf) {
		complain(up, "no answer to updates: the connection is made anew");
		up->ops->reset(up->arg);
	}
	push(up);
}
