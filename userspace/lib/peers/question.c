// SPDX-License-Identifier: GPL-2.0-or-later
/* What is asked, by whom it is used, and what the answers are. */
#include <stdlib.h>
#include <string.h>

#include "peers_int.h"

#define BUCKETS_FIRST	64

static size_t bucket_of(const struct peers *p, const uint8_t *name, uint16_t type)
{
	return (dname_hash(name) + type) & (p->n_buckets - 1);
}

struct peers_question *question_find(const struct peers *p, const uint8_t *name, uint16_t type)
{
	struct peers_question *q;

	if (!p->n_buckets)
		return NULL;
	for (q = p->buckets[bucket_of(p, name, type)]; q; q = q->next) {
		if (q->type == type && dname_equal(q->name, name))
			return q;
	}
	return NULL;
}

static bool grow(struct peers *p)
{
	size_t i, old = p->n_buckets, n = old ? 2 * old : BUCKETS_FIRST;
	struct peers_question **was = p->buckets, *q;
	struct peers_question **buckets = calloc(n, sizeof(*buckets));

	/* A table that is too small is slow, no more. */
	if (!buckets)
		return old;
	p->buckets = buckets;
	p->n_buckets = n;
	for (i = 0; i < old; i++) {
		while ((q = was[i])) {
			size_t b = bucket_of(p, q->name, q->type);

			was[i] = q->next;
			q->next = buckets[b];
			buckets[b] = q;
		}
	}
	free(was);
	return true;
}

static struct peers_question *question_new(struct peers *p, const uint8_t *name, uint16_t type)
{
	struct peers_question *q;
	size_t b;

	if (p->n_questions >= p->n_buckets && !grow(p))
		return NULL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	memcpy(q->name, name, dname_len(name));
	dname_lower(q->name);
	q->type = type;
	q->drop_at = NEVER;
	b = bucket_of(p, name, type);
	q->next = p->buckets[b];
	p->buckets[b] = q;
	p->n_questions++;
	return q;
}

void question_free(struct peers_question *q)
{
	size_t i;

	if (!q)
		return;
	for (i = 0; i < q->n; i++)
		free(q->records[i].data);
	free(q->records);
	free(q);
}

void question_want(struct peers *p, struct peers_question *q)
{
	if (q->queued)
		return;
	q->queued = true;
	q->want_next = NULL;
	if (p->want_last)
		p->want_last->want_next = q;
	else
		p->want_first = q;
	p->want_last = q;
}

struct peers_question *question_use(struct peers *p, const uint8_t *name, uint16_t type,
				    struct host *h)
{
	struct peers_question *q = question_find(p, name, type);
	struct use *u = NULL;

	if (!q)
		q = question_new(p, name, type);
	if (!q)
		return NULL;
	if (h) {
		u = malloc(sizeof(*u));
		if (u) {
			*u = (struct use){ q->uses, h };
			q->uses = u;
		}
	} else {
		q->pinned = true;
	}
	/* One without a use ends by itself. */
	question_want(p, q);
	return h && !u ? NULL : q;
}

void question_drop(struct peers *p, struct peers_question **q, struct host *h)
{
	struct use **u, *found;

	if (!*q)
		return;
	for (u = &(*q)->uses; *u && (*u)->host != h; u = &(*u)->next)
		;
	found = *u;
	if (found) {
		*u = found->next;
		free(found);
	}
	if (!(*q)->uses)
		question_want(p, *q);
	*q = NULL;
}

static void unlink_question(struct peers *p, struct peers_question *q)
{
	struct peers_question **at = &p->buckets[bucket_of(p, q->name, q->type)];

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	p->n_questions--;
}

bool peers_want(struct peers *p, enum peers_want *want, struct peers_question **out)
{
	struct peers_question *q;

	question_free(p->ended);
	p->ended = NULL;
	while ((q = p->want_first)) {
		bool used = q->uses || q->pinned, again = q->again;

		p->want_first = q->want_next;
		if (!p->want_first)
			p->want_last = NULL;
		q->queued = false;
		q->again = false;
		*out = q;
		if (!used) {
			unlink_question(p, q);
			if (!q->watched) {
				question_free(q);
				continue;
			}
			p->ended = q;
			*want = PEERS_UNWATCH;
			return true;
		}
		if (!q->watched || again) {
			*want = q->watched ? PEERS_AGAIN : PEERS_WATCH;
			q->watched = true;
			return true;
		}
	}
	return false;
}

struct peers_question *peers_questions(const struct peers *p, const struct peers_question *q)
{
	struct peers_question *next = q ? q->next : NULL;
	size_t b = q ? bucket_of(p, q->name, q->type) + 1 : 0;

	for (;;) {
		for (; next; next = next->next) {
			if (next->watched)
				return next;
		}
		if (b >= p->n_buckets)
			return NULL;
		next = p->buckets[b++];
	}
}

const uint8_t *peers_question_name(const struct peers_question *q)
{
	return q->name;
}

uint16_t peers_question_type(const struct peers_question *q)
{
	return q->type;
}

/* --- records --- */

static void users_dirty(struct peers *p, const struct peers_question *q)
{
	struct use *u;

	for (u = q->uses; u; u = u->next)
		host_dirty(p, u->host);
}

static void record_remove(struct peers_question *q, size_t i)
{
	free(q->records[i].data);
	q->records[i] = q->records[--q->n];
	q->changed = true;
	/* There is room for what there was none for. */
	if (q->overflow)
		q->again = true;
}

static void drop_record(struct peers *p, struct peers_question *q, size_t i)
{
	struct host *h = q->records[i].host;

	record_remove(q, i);
	if (h)
		host_unlisted(p, h);
	if (q->again)
		question_want(p, q);
}

/* RDATA that can be what it says, in the form in which it is kept. */
static bool well_formed(const struct answer *a)
{
	switch (a->type) {
	case DNS_A:
		return a->rdlen == 4;
	case DNS_AAAA:
		return a->rdlen == 16;
	case DNS_PTR:
		return dname_check(a->rdata, a->rdlen) == a->rdlen && a->rdlen;
	case DNS_SRV:
		return a->rdlen > 6 &&
		       dname_check(a->rdata + 6, a->rdlen - 6u) == a->rdlen - 6u;
	default:
		return false;
	}
}

static void lower(uint8_t *data, uint16_t type)
{
	if (type == DNS_PTR)
		dname_lower(data);
	else if (type == DNS_SRV)
		dname_lower(data + 6);
}

static size_t find(const struct peers_question *q, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i < q->n; i++) {
		if (q->records[i].len == len && !memcmp(q->records[i].data, data, len))
			break;
	}
	return i;
}

static bool make_room(struct peers_question *q)
{
	size_t room = q->room ? 2 * q->room : 2;
	struct record *records;

	if (q->n >= (q->type == DNS_PTR ? PEERS_LISTED : PEERS_RECORDS))
		return false;
	if (q->n < q->room)
		return true;
	records = realloc(q->records, room * sizeof(*records));
	if (!records)
		return false;
	q->records = records;
	q->room = room;
	return true;
}

static void add(struct peers *p, struct peers_question *q, const uint8_t *data, uint16_t len)
{
	struct record *r;
	uint8_t *copy;

	if (!make_room(q)) {
		q->overflow = true;
		return;
	}
	copy = malloc(len);
	if (!copy) {
		q->overflow = true;
		return;
	}
	memcpy(copy, data, len);
	r = &q->records[q->n++];
	*r = (struct record){ .data = copy, .len = len, .seq = ++p->seq };
	/* After a gap nobody knows in which order things came about. */
	r->late = q->known && !q->confirm;
	q->changed = true;
	if (q->type == DNS_PTR)
		host_listed(p, r);
}

void peers_change(struct peers *p, struct peers_question *q, bool is_add, const struct answer *a)
{
	uint8_t data[DNAME_MAX + 16];
	size_t i;

	if (a->type != q->type || a->class_ != DNS_IN || !well_formed(a))
		return;
	memcpy(data, a->rdata, a->rdlen);
	lower(data, a->type);
	i = find(q, data, a->rdlen);
	if (is_add && i == q->n)
		add(p, q, data, a->rdlen);
	else if (is_add)
		q->records[i].marked = false;
	else if (i < q->n)
		drop_record(p, q, i);
}

static void drop_marked(struct peers *p, struct peers_question *q)
{
	size_t i;

	q->drop_at = NEVER;
	q->confirm = false;
	for (i = q->n; i; i--) {
		if (q->records[i - 1].marked)
			drop_record(p, q, i - 1);
	}
}

static void mark(struct peers *p, struct peers_question *q, uint64_t now)
{
	size_t i;

	for (i = 0; i < q->n; i++)
		q->records[i].marked = true;
	q->overflow = false;
	q->confirm = true;
	if (q->drop_at == NEVER)
		q->drop_at = now + p->keep;
	if (q->drop_at < p->drop_at)
		p->drop_at = q->drop_at;
}

static void reread(struct peers *p, struct host *h)
{
	h->reread = false;
	h->read = true;
	host_dirty(p, h);
}

void peers_settled(struct peers *p, struct peers_question *q, enum answers_status status,
		   uint64_t now)
{
	struct use *u;

	q->status = status;
	if (status == ANSWERS_UNKNOWN) {
		mark(p, q, now);
		return;
	}
	if (status != ANSWERS_STALE && q->confirm) {
		drop_marked(p, q);
		for (u = q->uses; u; u = u->next) {
			if (u->host->reread && u->host->aaaa == q)
				reread(p, u->host);
		}
	}
	for (u = q->uses; u; u = u->next) {
		struct host *h = u->host;

		if (h->hint && h->aaaa == q && h->hint->open) {
			h->hint->open = false;
			h->hint->until = now + PEERS_HINT;
		}
		if (q->changed || status == ANSWERS_POLLED)
			hint_drop(h, h->srv == q, h->a == q || h->a6 == q);
	}
	q->known |= status != ANSWERS_STALE;
	q->changed = false;
	users_dirty(p, q);
}

void peers_renew(struct peers *p, struct peers_question *q, uint64_t now)
{
	mark(p, q, now);
	if (q->status == ANSWERS_LIVE || q->status == ANSWERS_POLLED)
		q->status = ANSWERS_STALE;
}

/* Time is over for what nobody has confirmed. */
void questions_expire(struct peers *p, uint64_t now)
{
	struct peers_question *q = NULL;

	if (now < p->drop_at)
		return;
	p->drop_at = NEVER;
	while ((q = peers_questions(p, q))) {
		if (now >= q->drop_at) {
			drop_marked(p, q);
			q->changed = false;
			users_dirty(p, q);
		} else if (q->drop_at < p->drop_at) {
			p->drop_at = q->drop_at;
		}
	}
}
