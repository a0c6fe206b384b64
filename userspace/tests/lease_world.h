/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small world to try leases in: a primary that does what UPDATE messages say, a
 * mirror that comes behind, a disk, and a clock. For tests and for fuzzing: who
 * includes it says by MUST(condition) what happens when something is not as it must
 * be.
 */
#ifndef BTMM_TEST_LEASE_WORLD_H
#define BTMM_TEST_LEASE_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "../lib/lease/lock.h"
#include "../lib/lease/rewrite.h"
#include "../lib/lease/server.h"

#define WORLD_MIN	60	/* s */
#define WORLD_MAX	600
#define WORLD_KEY_MAX	6000

static const uint8_t world_apex[] = "\7example\3com";

struct world_row {
	bool used;
	uint8_t owner[DNAME_MAX];
	struct marker m;
	uint64_t expiry;
	uint32_t granted;
};

struct world {
	struct zone *primary, *mirror;
	struct leases *l;
	struct lease_zone *z;
	struct world_row *rows;		/* the disk; row n at n */
	size_t n_rows, rows_room;
	uint64_t now;			/* ms */
	uint64_t mark;
	unsigned int changed;		/* updates that changed the primary */
};

/* --- the disk ------------------------------------------------------------------- */

static inline void world_store(void *arg, struct lease *lease)
{
	struct world *w = arg;
	struct world_row *row;

	if (!lease->row) {
		lease->row = ++w->n_rows;
		if (lease->row >= w->rows_room) {
			w->rows_room = 2 * lease->row + 16;
			w->rows = realloc(w->rows, w->rows_room * sizeof(*w->rows));
			MUST(w->rows);
		}
		w->rows[0].used = false;
	}
	row = &w->rows[lease->row];
	*row = (struct world_row){ .used = true, .m = lease->marker, .expiry = lease->expiry,
				   .granted = lease->granted };
	memcpy(row->owner, lease->at->name, dname_len(lease->at->name));
}

static inline void world_forget(void *arg, struct lease *lease)
{
	struct world *w = arg;

	MUST(lease->row && lease->row <= w->n_rows && w->rows[lease->row].used);
	w->rows[lease->row].used = false;
}

static inline void world_load(struct world *w)
{
	size_t i;

	for (i = 1; i <= w->n_rows; i++) {
		struct world_row *row = &w->rows[i];
		struct lease_owner *o;
		struct lease *lease;

		if (!row->used)
			continue;
		o = lease_owner_get(w->z, row->owner);
		MUST(o);
		lease = lease_get(o, &row->m, NULL, 0);
		MUST(lease && !lease->row);
		lease->row = i;
		lease_load(lease, w->now, (int64_t)(row->expiry - w->now), row->granted);
	}
}

/* --- the mirror ------------------------------------------------------------------ */

static inline void world_changed(void *arg, const struct zone *z, const struct zone_change *c)
{
	struct world *w = arg;

	MUST(z == w->mirror);
	if (w->z)
		lease_zone_changed(w->z, c);
}

static inline void world_copy(const struct zone *from, struct zone *to)
{
	const struct zone_node *n;
	struct zone_rr rr;
	size_t at = 0, pos;

	while ((n = zone_next(from, &at))) {
		for (pos = 0; zone_node_next(n, &pos, &rr);)
			MUST(zone_add(to, zone_node_name(n), rr.type, rr.ttl, rr.rdata,
				      rr.rdlen) >= 0);
	}
}

/* The mirror becomes what the primary is. */
static inline void world_sync(struct world *w)
{
	struct zone *next = zone_new(world_apex);

	MUST(next);
	world_copy(w->primary, next);
	MUST(!zone_replace(w->mirror, next));
	zone_free(next);
	lease_zone_synced(w->z, w->mark, w->now);
	leases_pass(w->l, w->now);
}

/* The front-end starts: with what the disk holds, or without (@lost). */
static inline void world_start(struct world *w, bool lost)
{
	static const struct lease_ops ops = { world_store, world_forget };
	static const struct lease_terms terms = { WORLD_MIN, WORLD_MAX, WORLD_KEY_MAX };

	leases_free(w->l);
	zone_free(w->mirror);
	w->z = NULL;
	if (lost)
		w->n_rows = 0;
	w->mirror = zone_new(world_apex);
	MUST(w->mirror);
	zone_watch(w->mirror, world_changed, w);
	world_copy(w->primary, w->mirror);
	w->l = leases_new(&ops, w, &terms);
	MUST(w->l);
	w->z = lease_zone_add(w->l, w->mirror, w);
	MUST(w->z);
	world_load(w);
	lease_zone_synced(w->z, w->mark, w->now);
	leases_pass(w->l, w->now);
}

static inline void world_init(struct world *w)
{
	static const uint8_t soa[] = "\2ns\7example\3com\0\5admin\7example\3com\0"
		"\0\0\0\1\0\0\16\20\0\0\2\130\0\1\121\200\0\0\0";

	memset(w, 0, sizeof(*w));
	w->now = 1000000;
	w->primary = zone_new(world_apex);
	MUST(w->primary);
	MUST(!zone_add(w->primary, world_apex, DNS_SOA, 60, soa, sizeof(soa)));
	world_start(w, true);
}

static inline void world_free(struct world *w)
{
	leases_free(w->l);
	zone_free(w->mirror);
	zone_free(w->primary);
	free(w->rows);
}

/* --- the primary ------------------------------------------------------------------ */

static inline bool primary_first(const struct zone *z, const uint8_t *owner, uint16_t type,
				 struct zone_rr *rr)
{
	const struct zone_node *n = zone_find(z, owner);
	bool apex = dname_equal(owner, world_apex);
	size_t pos = 0;

	while (n && zone_node_next(n, &pos, rr)) {
		if (type == DNS_ANY ? !apex || (rr->type != DNS_SOA && rr->type != DNS_NS) :
				      rr->type == type && type != DNS_SOA)
			return true;
	}
	return false;
}

static inline size_t primary_count(const struct zone *z, const uint8_t *owner, uint16_t type)
{
	const struct zone_node *n = zone_find(z, owner);
	struct zone_rr rr;
	size_t pos = 0, count = 0;

	while (n && zone_node_next(n, &pos, &rr))
		count += type == DNS_ANY || rr.type == type;
	return count;
}

/* How many different records of this RRset the prerequisites name; 0: another than
 * are there.
 */
static inline size_t primary_named(const struct zone *z, const struct update_msg *m,
				   const struct update_rr *of)
{
	size_t i, j, n = 0;

	for (i = 0; i < m->n_prereqs; i++) {
		const struct update_rr *rr = &m->rrs[i];

		if (rr->kind != PREREQ_VALUE || rr->type != of->type ||
		    !dname_equal(rr->owner, of->owner))
			continue;
		if (!zone_has(z, rr->owner, rr->type, rr->rdata, rr->rdlen, NULL))
			return 0;
		for (j = 0; j < i; j++) {
			const struct update_rr *before = &m->rrs[j];

			if (before->kind == PREREQ_VALUE && before->type == rr->type &&
			    dname_equal(before->owner, rr->owner) && before->rdlen == rr->rdlen &&
			    !memcmp(before->rdata, rr->rdata, rr->rdlen))
				break;
		}
		n += j == i;
	}
	return n;
}

static inline enum dns_rcode primary_condition(const struct zone *z, const struct update_msg *m,
					       const struct update_rr *rr)
{
	size_t n = primary_count(z, rr->owner, rr->type);

	switch (rr->kind) {
	case PREREQ_RRSET:
		return n ? DNS_NOERROR : DNS_NXRRSET;
	case PREREQ_VALUE:
		return n && primary_named(z, m, rr) == n ? DNS_NOERROR : DNS_NXRRSET;
	case PREREQ_NO_RRSET:
		return n ? DNS_YXRRSET : DNS_NOERROR;
	case PREREQ_NAME:
		return n ? DNS_NOERROR : DNS_NXDOMAIN;
	default:
		return n ? DNS_YXDOMAIN : DNS_NOERROR;
	}
}

static inline bool primary_apply(struct zone *z, const struct update_rr *rr)
{
	bool changed = false;
	struct zone_rr there;

	if (rr->kind == UPDATE_ADD)
		return rr->type != DNS_SOA && !zone_add(z, rr->owner, rr->type, rr->ttl,
							rr->rdata, rr->rdlen);
	if (rr->kind == UPDATE_DELETE_RR)
		return rr->type != DNS_SOA && !zone_remove(z, rr->owner, rr->type, rr->rdata,
							   rr->rdlen);
	while (primary_first(z, rr->owner, rr->type, &there)) {
		uint8_t *copy = malloc(there.rdlen + 1u);

		MUST(copy);
		memcpy(copy, there.rdata, there.rdlen);
		MUST(!zone_remove(z, rr->owner, there.type, copy, there.rdlen));
		free(copy);
		changed = true;
	}
	return changed;
}

/* What is sent to it must be right; the answer is its RCODE. */
static inline enum dns_rcode primary_update(struct world *w, const uint8_t *msg, size_t len)
{
	enum dns_rcode rcode = DNS_NOERROR;
	struct update_msg m;
	bool changed = false;
	size_t i;

	MUST(update_parse(msg, len, &m) == DNS_NOERROR);
	MUST(dname_equal(m.zone, world_apex) && !m.has_opt);
	for (i = 0; i < m.n_prereqs && !rcode; i++)
		rcode = primary_condition(w->primary, &m, &m.rrs[i]);
	for (; i < m.n_rrs && !rcode; i++)
		changed |= primary_apply(w->primary, &m.rrs[i]);
	w->changed += changed;
	update_msg_free(&m);
	return rcode;
}

/* --- an update --------------------------------------------------------------------- */

struct world_job {
	struct update_msg m;
	struct lock_set locks;
	struct rewrite r;
	const char *why;
	uint8_t out[DNS_MAX];
	size_t len;
};

/*
 * From a request to the message for the primary in @j->out. DNS_NOERROR: world_end()
 * has to follow. *blocked: others work at its names; nothing has been done.
 */
static inline enum dns_rcode world_begin(struct world *w, struct world_job *j,
					 const struct rights_who *who, const uint8_t *msg,
					 size_t len, bool *blocked)
{
	struct rewrite_look look = { .zone = w->z };
	enum dns_rcode rcode;
	int ret;

	j->locks = (struct lock_set){ 0 };
	j->why = "";
	j->len = 0;
	*blocked = false;
	rcode = update_parse(msg, len, &j->m);
	if (!rcode && !dname_equal(j->m.zone, world_apex))
		rcode = DNS_NOTAUTH;
	if (rcode) {
		update_msg_free(&j->m);
		return rcode;
	}
	MUST(!rewrite_lock(w->z, who, &j->m, &j->locks));
	*blocked = !lock_acquire(&j->locks) || rewrite_must_wait(w->z, &j->m);
	marker_holder_hash(who->name, look.holder);
	rcode = *blocked ? DNS_REFUSED :
		rights_check(who, &j->m, rewrite_look, &look, &j->why);
	if (rcode) {
		MUST(!lock_release(&j->locks));
		update_msg_free(&j->m);
		return rcode;
	}
	MUST(rewrite_plan(&j->r, w->z, who, &j->m, &j->locks) == DNS_NOERROR);
	ret = rewrite_write(&j->r, true, j->out, sizeof(j->out));
	MUST(ret >= 0);
	j->len = (size_t)ret;
	MUST(!rewrite_begin(&j->r, w->now));
	return DNS_NOERROR;
}

static inline void world_end(struct world *w, struct world_job *j, enum rewrite_outcome outcome)
{
	w->mark++;
	rewrite_end(&j->r, outcome, w->now, w->mark);
	MUST(!lock_release(&j->locks));
	rewrite_free(&j->r);
	update_msg_free(&j->m);
}

/* All of it. Return: the rights', or the primary's, answer. */
static inline enum dns_rcode world_update(struct world *w, const struct rights_who *who,
					  const uint8_t *msg, size_t len)
{
	struct world_job j;
	enum dns_rcode rcode;
	bool blocked;

	rcode = world_begin(w, &j, who, msg, len, &blocked);
	MUST(!blocked);
	if (rcode)
		return rcode;
	if (j.len)
		rcode = primary_update(w, j.out, j.len);
	world_end(w, &j, rcode ? REWRITE_NOT_DONE : REWRITE_DONE);
	return rcode;
}

/*
 * Deletes at the primary what is expired, of owners that nobody works at, in one
 * message of up to @size octets. Return: was something sent, and done?
 */
static inline bool world_expire(struct world *w, size_t size, bool applied, bool told)
{
	struct lease_owner *owners[64], *o;
	enum dns_rcode rcode = DNS_SERVFAIL;
	uint8_t out[DNS_MAX];
	size_t n = 0, i, len;

	for (o = lease_zone_due(w->z); o && n < 64; o = o->d_next) {
		if (lock_free(o) && !o->unsettled)
			owners[n++] = o;
	}
	if (!n)
		return false;
	len = lease_expiry_build(w->z, owners, &n, 2, out, size);
	MUST(len <= size);
	if (len && applied)
		rcode = primary_update(w, out, len);
	w->mark++;
	for (i = 0; i < n; i++) {
		lease_expiry_end(owners[i], len && !rcode && told);
		lease_owner_unsettle(owners[i], w->mark, len && !told);
	}
	return len && !rcode;
}

#endif
