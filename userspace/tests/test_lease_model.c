// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leases against a model: a table of few records, and of each who holds it until
 * when, which is all that there is to leases. Thousands of random updates, grants
 * and refreshes, expiries, losses of messages, changes by others, restarts with and
 * without the data base; after each, the primary, the mirror, the leases and the
 * disk have to be what the table says.
 */
#include "test.h"

#define MUST(condition)	assert_true(condition)
#include "lease_request.h"
#include "lease_world.h"
#include "test_zone.h"

#define STEPS		5000
#define SEEDS		4

enum { HOST_A, HOST_B, ACCOUNT, ADMIN, N_KEYS };
static const char *const key_names[N_KEYS] = {
	"a.example.com", "b.example.com", "_account.example.com", "admin.example.net",
};
static const enum rights_role roles[N_KEYS] = {
	RIGHTS_HOST, RIGHTS_HOST, RIGHTS_ACCOUNT, RIGHTS_ADMIN,
};

static const struct {
	const char *owner;
	uint16_t type;
	const char *text;
	bool exclusive;
} records[] = {
	{ "a.example.com", DNS_A, "192.0.2.1", false },
	{ "a.example.com", DNS_A, "192.0.2.2", false },
	{ "a.example.com", DNS_TXT, "x", false },
	{ "a.example.com", DNS_KEY, "key", false },
	{ "x.a.example.com", DNS_SRV, "0 0 4500 autotunnel-1.example.com", false },
	{ "x.a.example.com", DNS_TXT, "x", false },
	{ "b.example.com", DNS_A, "192.0.2.1", false },
	{ "b.example.com", DNS_TXT, "x", false },
	{ "autotunnel-1.example.com", DNS_A, "192.0.2.1", true },
	{ "autotunnel-1.example.com", DNS_A, "192.0.2.2", true },
	{ "inst._ssh._tcp.example.com", DNS_SRV, "0 0 22 a.example.com", true },
	{ "inst._ssh._tcp.example.com", DNS_TXT, "y", true },
	{ "_ssh._tcp.example.com", DNS_PTR, "inst._ssh._tcp.example.com", false },
	{ "_ssh._tcp.example.com", DNS_PTR, "a.example.com", false },
	{ "_ssh._tcp.example.com", DNS_PTR, "b.example.com", false },
	{ "_services._dns-sd._udp.example.com", DNS_PTR, "_ssh._tcp.example.com", false },
	{ "static.example.com", DNS_TXT, "one", false },
	{ "static.example.com", DNS_TXT, "two", false },
};

#define N_RECORDS	N_OF(records)

struct model {
	bool is_static[N_RECORDS];
	bool absent[N_RECORDS];			/* leased, but the record itself is gone */
	uint64_t until[N_RECORDS][N_KEYS];	/* ms; 0: not held */
	bool enrolled[2];
};

static uint8_t owners[N_RECORDS][DNAME_MAX], rdatas[N_RECORDS][RDATA_TEXT_MAX];
static uint16_t rdlens[N_RECORDS];
static uint8_t keys[N_KEYS][DNAME_MAX];
static struct marker markers[N_RECORDS][N_KEYS];
static const uint8_t enrolled_rdata[18] = { 1, 1, 42 };

static int make_names(void **state)
{
	size_t r, k;

	(void)state;
	for (k = 0; k < N_KEYS; k++)
		memcpy(keys[k], dn(key_names[k]), DNAME_MAX);
	for (r = 0; r < N_RECORDS; r++) {
		memcpy(owners[r], dn(records[r].owner), DNAME_MAX);
		rdlens[r] = rdata(records[r].type, records[r].text, rdatas[r]);
		for (k = 0; k < N_KEYS; k++) {
			markers[r][k].type = records[r].type;
			marker_record_hash(records[r].type, rdatas[r], rdlens[r],
					   markers[r][k].record);
			marker_holder_hash(keys[k], markers[r][k].holder);
		}
	}
	return 0;
}

static unsigned int accepted[N_KEYS];

/* --- chance ----------------------------------------------------------------------- */

static uint64_t seed;

static uint64_t draw(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

/* --- the model ---------------------------------------------------------------------- */

static bool runs(const struct model *m, size_t r, int k, uint64_t now)
{
	return m->until[r][k] > now;
}

static bool held(const struct model *m, size_t r)
{
	int k;

	for (k = 0; k < N_KEYS; k++) {
		if (m->until[r][k])
			return true;
	}
	return false;
}

static bool others_run(const struct model *m, size_t r, int key, uint64_t now)
{
	int k;

	for (k = 0; k < N_KEYS; k++) {
		if (k != key && runs(m, r, k, now))
			return true;
	}
	return false;
}

static void drop_all(struct model *m, size_t r)
{
	memset(m->until[r], 0, sizeof(m->until[r]));
	m->absent[r] = false;
}

static void let_go(struct model *m, size_t r, int key, uint64_t now)
{
	if (!m->until[r][key])
		return;
	m->until[r][key] = 0;
	if (!others_run(m, r, key, now))
		drop_all(m, r);
}

static void model_add(struct model *m, size_t r, int key, bool leased, uint32_t lease,
		      uint64_t now)
{
	size_t i;
	int k;

	if (!leased) {
		drop_all(m, r);
		m->is_static[r] = true;
		return;
	}
	if (m->is_static[r])
		return;
	for (i = 0; i < N_RECORDS && records[r].exclusive && roles[key] == RIGHTS_HOST; i++) {
		for (k = 0; k < N_KEYS; k++) {
			if (!strcmp(records[i].owner, records[r].owner) && k != key &&
			    m->until[i][k] && !runs(m, i, k, now))
				let_go(m, i, k, now);
		}
	}
	if (lease < WORLD_MIN)
		lease = WORLD_MIN;
	if (lease > WORLD_MAX)
		lease = WORLD_MAX;
	m->until[r][key] = now + 1000 * lease;
	m->absent[r] = false;
}

static void model_delete(struct model *m, size_t r, int key, bool one, uint64_t now)
{
	if (roles[key] == RIGHTS_HOST ||
	    (one && roles[key] == RIGHTS_ACCOUNT && m->until[r][key] &&
	     others_run(m, r, key, now))) {
		let_go(m, r, key, now);
		return;
	}
	drop_all(m, r);
	m->is_static[r] = false;
}

enum what { ADD, DELETE_RR, DELETE_SET, DELETE_NAME, N_WHAT };

static void model_op(struct model *m, enum what what, size_t r, int key, bool leased,
		     uint32_t lease, uint64_t now)
{
	size_t i;

	if (what == ADD) {
		model_add(m, r, key, leased, lease, now);
		return;
	}
	for (i = 0; i < N_RECORDS; i++) {
		if (what == DELETE_RR ? i == r :
		    !strcmp(records[i].owner, records[r].owner) &&
		    (what == DELETE_NAME || records[i].type == records[r].type))
			model_delete(m, i, key, what == DELETE_RR, now);
	}
	for (i = 0; i < 2; i++) {
		if (what == DELETE_NAME && roles[key] != RIGHTS_HOST &&
		    !strcmp(records[r].owner, key_names[i]))
			m->enrolled[i] = false;
	}
}

/* --- the model and the world --------------------------------------------------------- */

static bool marked(const struct zone *z, size_t r, int k)
{
	uint8_t rd[MARKER_LEN];

	marker_write(&markers[r][k], rd);
	return zone_has(z, owners[r], DNS_LEASED, rd, MARKER_LEN, NULL);
}

static const struct world_row *row_of(const struct world *w, size_t r, int k)
{
	const struct world_row *found = NULL;
	size_t i;

	for (i = 1; i <= w->n_rows; i++) {
		if (!w->rows[i].used || !dname_equal(w->rows[i].owner, owners[r]) ||
		    memcmp(&w->rows[i].m, &markers[r][k], sizeof(struct marker)))
			continue;
		assert_null(found);
		found = &w->rows[i];
	}
	return found;
}

static void check_lease(const struct world *w, const struct model *m, size_t r, int k)
{
	const struct lease_owner *o = lease_owner_find(w->z, owners[r]);
	const struct lease *lease = o ? lease_find(o, &markers[r][k]) : NULL;
	const struct world_row *row = row_of(w, r, k);
	uint64_t until = m->until[r][k];

	assert_int_equal(marked(w->primary, r, k), until != 0);
	assert_int_equal(lease != NULL, until != 0);
	assert_int_equal(row != NULL, until != 0);
	if (!lease)
		return;
	assert_int_equal(lease->expired, until <= w->now);
	assert_true(lease->confirmed);
	if (until <= w->now) {
		assert_true(lease->expiry <= w->now && row->expiry <= w->now);
	} else {
		assert_int_equal(lease->expiry, until);
		assert_int_equal(row->expiry, until);
	}
}

static void check(const struct world *w, const struct model *m)
{
	uint64_t next = UINT64_MAX;
	size_t r, n = 0, over = 0;
	int k;

	for (r = 0; r < N_RECORDS; r++) {
		bool there = m->is_static[r] || (held(m, r) && !m->absent[r]);
		struct zone_rr rr = { 0 };

		for (k = 0; k < N_KEYS; k++) {
			check_lease(w, m, r, k);
			n += m->until[r][k] != 0;
			over += m->until[r][k] && !runs(m, r, k, w->now);
			if (runs(m, r, k, w->now) && m->until[r][k] < next)
				next = m->until[r][k];
		}
		assert_int_equal(zone_has(w->primary, owners[r], records[r].type, rdatas[r],
					  rdlens[r], NULL), there);
		assert_int_equal(zone_has(w->mirror, owners[r], records[r].type, rdatas[r],
					  rdlens[r], &rr), there);
		if (there)
			assert_int_equal(rr.hidden, held(m, r) && !others_run(m, r, -1, w->now));
	}
	for (k = 0; k < 2; k++)
		assert_int_equal(zone_has(w->primary, keys[k], DNS_ENROLLED, enrolled_rdata,
					  sizeof(enrolled_rdata), NULL), m->enrolled[k]);
	assert_int_equal(leases_count(w->l), n);
	assert_int_equal(lease_zone_expired(w->z), over);
	assert_true((lease_zone_due(w->z) != NULL) == (over != 0));
	assert_int_equal(leases_deadline(w->l), next);
}

/* --- what can happen ------------------------------------------------------------------ */

/* What a removed host held ends: by the message that removes it, where that one
 * works, or now.
 */
static void end_host(struct model *m, int k, uint64_t now, const bool at_once[N_RECORDS])
{
	size_t r;

	for (r = 0; r < N_RECORDS; r++) {
		if (at_once && at_once[r])
			let_go(m, r, k, now);
		else if (m->until[r][k] > now)
			m->until[r][k] = now;
	}
}

/* Names that a message locks for itself alone; all of what a host holds if it
 * removes one that is enrolled.
 */
static void lock_name(bool locked[N_RECORDS], size_t r)
{
	size_t i;

	for (i = 0; i < N_RECORDS; i++)
		locked[i] |= !strcmp(records[i].owner, records[r].owner);
}

static void lock_held(bool locked[N_RECORDS], const struct model *m, int k)
{
	size_t r;

	for (r = 0; r < N_RECORDS; r++) {
		if (m->until[r][k])
			lock_name(locked, r);
	}
}

static void put_op(struct req *rq, enum what what, size_t r)
{
	if (what == ADD)
		req_add(rq, owners[r], records[r].type, 120, rdatas[r], rdlens[r]);
	else if (what == DELETE_RR)
		req_delete(rq, owners[r], records[r].type, rdatas[r], rdlens[r]);
	else
		req_delete_set(rq, owners[r], what == DELETE_SET ? records[r].type : DNS_ANY);
}

/* It was done but nobody knows: what there was already is not renewed. */
static void not_renewed(struct model *m, const struct model *before)
{
	size_t r;
	int k;

	for (r = 0; r < N_RECORDS; r++) {
		for (k = 0; k < N_KEYS; k++) {
			if (before->until[r][k] && m->until[r][k])
				m->until[r][k] = before->until[r][k];
		}
	}
}

/* Mostly what a host may change, or nearly all would be refused. */
static size_t draw_record(int key)
{
	size_t r = draw(N_RECORDS);

	while (roles[key] == RIGHTS_HOST && draw(16) &&
	       rights_place(owners[r], keys[key], world_apex) == PLACE_NONE)
		r = draw(N_RECORDS);
	return r;
}

static void update(struct world *w, struct model *m)
{
	int key = (int)draw(N_KEYS);
	struct rights_who who = { .role = roles[key], .name = keys[key], .apex = world_apex };
	bool leased = key != ADMIN || draw(2), blocked, applied, removes[2] = { false };
	bool locked[N_RECORDS] = { false };
	uint32_t lease = (uint32_t)draw(2 * WORLD_MAX);
	struct model before = *m, after = *m;
	static struct world_job j;
	struct req rq;
	int n = 1 + (int)draw(5), outcome, i;

	if (key < 2 && !m->enrolled[key])
		return;
	req_init(&rq, world_apex);
	while (n--) {
		enum what what = draw(2) ? ADD : (enum what)draw(N_WHAT);
		size_t r = draw_record(key);

		put_op(&rq, what, r);
		model_op(&after, what, r, key, leased, lease, w->now);
		if (what != ADD || !leased)
			lock_name(locked, r);
		for (i = 0; i < 2; i++) {
			if (what != DELETE_NAME || roles[key] == RIGHTS_HOST ||
			    strcmp(records[r].owner, key_names[i]))
				continue;
			removes[i] = true;
			if (before.enrolled[i])
				lock_held(locked, &before, i);
		}
	}
	for (i = 0; i < 2; i++) {
		if (removes[i])
			end_host(&after, i, w->now, locked);
	}
	if (leased)
		req_lease(&rq, lease, 0, false);
	if (world_begin(w, &j, &who, rq.b, rq.w.len, &blocked)) {
		assert_false(blocked);
		return;
	}
	accepted[key]++;
	outcome = (int)draw(8);
	applied = outcome > 1;
	if (applied && j.len)
		assert_int_equal(primary_update(w, j.out, j.len), DNS_NOERROR);
	if (outcome == 0) {
		world_end(w, &j, REWRITE_NOT_DONE);
	} else if (outcome <= 2) {
		world_end(w, &j, REWRITE_UNKNOWN);
		if (applied) {
			not_renewed(&after, &before);
			*m = after;
		}
		for (i = 0; i < 2; i++) {
			if (removes[i] && !m->enrolled[i])
				end_host(m, i, w->now, NULL);
		}
	} else {
		world_end(w, &j, REWRITE_DONE);
		*m = after;
	}
	world_sync(w);
}

/* Somebody else changes the primary. */
static void foreign(struct world *w, struct model *m)
{
	uint8_t rd[MARKER_LEN];
	size_t r = draw(N_RECORDS);
	int k = (int)draw(N_KEYS), i;

	switch (draw(5)) {
	case 0:
		zone_add(w->primary, owners[r], records[r].type, 120, rdatas[r], rdlens[r]);
		if (!held(m, r))
			m->is_static[r] = true;
		m->absent[r] = false;
		break;
	case 1:
		zone_remove(w->primary, owners[r], records[r].type, rdatas[r], rdlens[r]);
		m->is_static[r] = false;
		m->absent[r] = held(m, r);
		for (i = 0; i < N_KEYS; i++) {
			if (runs(m, r, i, w->now))
				m->until[r][i] = w->now;
		}
		break;
	case 2:
		marker_write(&markers[r][k], rd);
		zone_remove(w->primary, owners[r], DNS_LEASED, rd, MARKER_LEN);
		if (!m->until[r][k])
			break;
		m->until[r][k] = 0;
		if (!held(m, r)) {
			m->is_static[r] = !m->absent[r];
			m->absent[r] = false;
		}
		break;
	case 3:
		marker_write(&markers[r][k], rd);
		zone_add(w->primary, owners[r], DNS_LEASED, MARKER_TTL, rd, MARKER_LEN);
		if (m->until[r][k])
			break;
		if (!m->is_static[r] && !held(m, r))
			m->absent[r] = true;
		m->is_static[r] = false;
		m->until[r][k] = w->now;
		if (!m->absent[r])
			m->until[r][k] += 1000 * (uint64_t)(records[r].type == DNS_KEY ?
							    WORLD_KEY_MAX : WORLD_MAX);
		break;
	default:
		if (k >= 2)
			break;
		zone_remove(w->primary, keys[k], DNS_ENROLLED, enrolled_rdata, 18);
		if (m->enrolled[k])
			end_host(m, k, w->now, NULL);
		m->enrolled[k] = false;
	}
	world_sync(w);
}

static void enrol(struct world *w, struct model *m)
{
	int i = (int)draw(2);
	struct rights_who who = { .role = RIGHTS_ACCOUNT, .name = keys[ACCOUNT],
				  .apex = world_apex };
	struct req rq;

	req_init(&rq, world_apex);
	req_add(&rq, keys[i], DNS_ENROLLED, 300, enrolled_rdata, sizeof(enrolled_rdata));
	assert_int_equal(world_update(w, &who, rq.b, rq.w.len), DNS_NOERROR);
	m->enrolled[i] = true;
	world_sync(w);
}

/* To the end, in messages of any size that come through, or do not. */
static void expire(struct world *w, struct model *m)
{
	size_t r;
	int k;

	while (lease_zone_due(w->z)) {
		world_expire(w, draw(2) ? 300 + draw(700) : DNS_MAX, draw(4), draw(4));
		world_sync(w);
	}
	for (r = 0; r < N_RECORDS; r++) {
		for (k = 0; k < N_KEYS; k++) {
			if (m->until[r][k] && !runs(m, r, k, w->now))
				m->until[r][k] = 0;
		}
		if (!held(m, r))
			m->absent[r] = false;
	}
}

static void restart(struct world *w, struct model *m)
{
	bool lost = !draw(4);
	size_t r;
	int k;

	world_start(w, lost);
	for (r = 0; r < N_RECORDS && lost; r++) {
		for (k = 0; k < N_KEYS; k++) {
			if (!m->until[r][k])
				continue;
			m->until[r][k] = w->now;
			if (!m->absent[r])
				m->until[r][k] += 1000 * (uint64_t)
					(records[r].type == DNS_KEY ? WORLD_KEY_MAX : WORLD_MAX);
		}
	}
}

static void step(struct world *w, struct model *m)
{
	switch (draw(12)) {
	case 0:
		foreign(w, m);
		break;
	case 1:
		enrol(w, m);
		break;
	case 2:
		expire(w, m);
		break;
	case 3:
		if (!draw(8))
			restart(w, m);
		break;
	case 4:
	case 5:
		w->now += draw(200000);
		leases_pass(w->l, w->now);
		break;
	default:
		update(w, m);
	}
}

static void as_the_model(void **state)
{
	struct model m;
	struct world w;
	int i, s;

	(void)state;
	for (s = 1; s <= SEEDS; s++) {
		seed = 0x9e3779b97f4a7c15 * (uint64_t)s;
		memset(&m, 0, sizeof(m));
		world_init(&w);
		for (i = 0; i < STEPS; i++) {
			step(&w, &m);
			check(&w, &m);
		}
		assert_true(w.changed > STEPS / 20);
		world_free(&w);
	}
	for (i = 0; i < N_KEYS; i++)
		assert_true(accepted[i] > SEEDS * STEPS / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_model),
	};

	return cmocka_run_group_tests(tests, make_names, NULL);
}
