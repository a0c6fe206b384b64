// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Upstreams: many messages at a time on one connection, each signed by us (or
 * passed on as it came), each answer matched by its ID and checked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "update_job.h"

#define COMPLAIN_MS	60000	/* between lines in the log of the same kind */

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
	job_list_init(&up->sent);
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

static struct job **id_slot(struct update_link *up, uint16_t id)
{
	struct job **p = &up->by_id[id & 255];

	while (*p && (*p)->id != id)
		p = &(*p)->id_chain;
	return p;
}

static void id_put(struct update_link *up, struct job *j)
{
	struct job **p = &up->by_id[j->id & 255];

	j->id_chain = *p;
	*p = j;
	up->n_sent++;
}

static void id_remove(struct update_link *up, struct job *j)
{
	*id_slot(up, j->id) = j->id_chain;
	up->n_sent--;
}

/* --- out ------------------------------------------------------------------------- */

/* Signs a copy, as what is sent later will have to be signed again. */
static int transmit(struct update_link *up, struct job *j)
{
	size_t len = j->out_len;

	if (!up->key.secret_len) {
		j->id = dns_id(j->out);
		return *id_slot(up, j->id) ? -EEXIST : up->ops->send(up->arg, j->out, len);
	}

	while (*id_slot(up, up->next_id))
		up->next_id++;
	j->id = up->next_id++;
	dns_put16(j->out, j->id);
	if (tsig_sign(j->out, &len, j->out_len + TSIG_ROOM, &up->key, NULL, &j->mac, TSIG_OK, 0))
		return -EIO;
	/* ARCOUNT counts the TSIG; that is behind what is kept. */
	if (up->ops->send(up->arg, j->out, len)) {
		dns_put16(j->out + 10, 0);
		return -ENOTCONN;
	}
	return 0;
}

/* Sends what can be sent. */
static void push(struct update_link *up)
{
	struct job *j, *next;

	for (j = up->queue.first; j && up->n_sent < up->u->limits.outstanding; j = next) {
		int ret = transmit(up, j);

		next = j->next;
		if (ret == -EEXIST)
			continue;	/* another of that ID is under way */
		if (ret) {
			up->down = true;
			return;
		}
		up->down = false;
		job_list_remove(&up->queue, j);
		j->state = JOB_SENT;
		j->sent_at = up->u->clock.now;
		job_list_add(&up->sent, j);
		id_put(up, j);
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

static void take_back(struct job *j)
{
	struct update_link *up = j->zone->up;

	if (j->state == JOB_QUEUED) {
		job_list_remove(&up->queue, j);
	} else if (j->state == JOB_SENT) {
		job_list_remove(&up->sent, j);
		id_remove(up, j);
	}
}

void update_link_up(struct update_link *up, const struct update_clock *c)
{
	up->u->clock = *c;
	up->down = false;
	push(up);
}

/* --- back ------------------------------------------------------------------------ */

static void finish(struct job *j, enum job_outcome outcome, uint8_t rcode,
		   const uint8_t *msg, size_t len)
{
	take_back(j);
	job_outcome(j, outcome, rcode, msg, len);
}

void forward_cancel(struct job *j)
{
	finish(j, j->state == JOB_SENT ? OUTCOME_UNKNOWN : OUTCOME_NOT_SENT, 0, NULL, 0);
}

void update_link_down(struct update_link *up, const struct update_clock *c)
{
	struct updates *u = up->u;

	u->clock = *c;
	up->down = true;
	while (up->sent.first)
		finish(up->sent.first, OUTCOME_UNKNOWN, 0, NULL, 0);
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
	struct job *j;

	up->u->clock = *c;
	up->heard = c->now;
	if (len < DNS_HEADER || !(dns_flags(msg) & DNS_QR) || dns_opcode(msg) != DNS_UPDATE)
		return;
	/* Also what came too late. */
	j = *id_slot(up, dns_id(msg));
	if (!j)
		return;

	if (!up->key.secret_len) {
		finish(j, OUTCOME_ANSWER, dns_rcode(msg), msg, len);
	} else if (tsig_check(msg, len, &up->key, &j->mac) == TSIG_OK) {
		finish(j, OUTCOME_ANSWER, dns_rcode(msg), msg, len);
	} else {
		complain(up, "the primary's answer to an update is not signed by our key; "
			 "does the primary know the key, and are both clocks right?");
		finish(j, OUTCOME_UNKNOWN, 0, NULL, 0);
	}
	push(up);
	jobs_run(up->u);
}

/* --- time ------------------------------------------------------------------------ */

uint64_t forward_deadline(const struct update_link *up)
{
	unsigned int timeout = up->u->limits.timeout_ms;
	uint64_t at = UINT64_MAX;

	if (up->sent.first)
		at = up->sent.first->sent_at + timeout;
	if (up->queue.first && up->queue.first->started + timeout < at)
		at = up->queue.first->started + timeout;
	return at;
}

void forward_tick(struct update_link *up)
{
	struct updates *u = up->u;
	uint64_t now = u->clock.now;
	bool deaf = false;
	struct job *j, *next;

	while ((j = up->sent.first) && j->sent_at + u->limits.timeout_ms <= now) {
		deaf |= up->heard < j->sent_at;
		u->stats.timed_out++;
		finish(j, OUTCOME_UNKNOWN, 0, NULL, 0);
	}
	for (j = up->queue.first; j; j = next) {
		next = j->next;
		if (j->started + u->limits.timeout_ms <= now)
			finish(j, OUTCOME_NOT_SENT, 0, NULL, 0);
	}
	if (deaf) {
		complain(up, "no answer to updates: the connection is made anew");
		up->ops->reset(up->arg);
	}
	push(up);
}
