// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hosts, a primary and a front-end at random: lost answers, connections that end,
 * kills at any point. What was acknowledged stays as long as its lease and no
 * longer, what is static stays, what is repeated is not done again.
 */
#include "test.h"

#include "dnsd_updates.h"

#define HOSTS		6
#define NAMES		4	/* of each, below its own */
#define STEPS		1500
#define LEASE		1800
#define LATE		5000	/* ms that a record may outlive its lease */

/* What a host knows of one of its records. */
struct record {
	enum { ABSENT, THERE, MAYBE } is;
	uint64_t granted;	/* ms; of the last grant */
	uint64_t asked;		/* ms; the last time that it was, maybe, granted */
};

struct pending {
	unsigned int number;
	unsigned int host, name;
	bool add, used;
};

struct model {
	struct world *w;
	uint64_t seed;
	struct record records[HOSTS][NAMES];
	struct pending pending[32];
	uint64_t blind;		/* ms: the primary could not be asked until then */
};

static unsigned int rnd(struct model *m, unsigned int n)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)(m->seed >> 33) % n;
}

static void names(unsigned int host, unsigned int name, char host_name[64], char owner[64])
{
	snprintf(host_name, 64, "h%u." APEX, host);
	snprintf(owner, 64, "n%u.h%u." APEX, name, host);
}

static const char *address(unsigned int host, unsigned int name)
{
	static char text[64];

	snprintf(text, sizeof(text), "2001:db8::%x:%x", host + 1, name + 1);
	return text;
}

static bool is_pending(const struct model *m, unsigned int host, unsigned int name)
{
	size_t i;

	for (i = 0; i < N_OF(m->pending); i++) {
		if (m->pending[i].used && m->pending[i].host == host &&
		    m->pending[i].name == name)
			return true;
	}
	return false;
}

static void send_one(struct model *m)
{
	unsigned int host = rnd(m, HOSTS), name = rnd(m, NAMES);
	char host_name[64], owner[64];
	struct pending *p = m->pending;
	struct rq r;

	while (p < m->pending + N_OF(m->pending) && p->used)
		p++;
	/* A host does one thing at a time with each of its records. */
	if (p == m->pending + N_OF(m->pending) || is_pending(m, host, name))
		return;
	names(host, name, host_name, owner);
	*p = (struct pending){ .host = host, .name = name, .add = rnd(m, 4), .used = true };
	rq_begin(&r);
	if (p->add)
		rq_add(&r, owner, DNS_AAAA, address(host, name));
	else
		rq_del_set(&r, owner, DNS_AAAA);
	rq_lease(&r, LEASE, 0);
	p->number = rq_repeat(m->w, &r, who(ROLE_HOST, host_name), rnd(m, 1 << 30));
}

static void take_answers(struct model *m)
{
	size_t i;

	for (i = 0; i < N_OF(m->pending); i++) {
		struct pending *p = &m->pending[i];
		const struct client_answer *a = &m->w->answers[p->number];
		struct record *r = &m->records[p->host][p->name];

		if (!p->used || !a->n)
			continue;
		p->used = false;
		if (a->rcode == DNS_NOERROR) {
			r->is = p->add ? THERE : ABSENT;
			r->granted = m->w->c.now;
		} else {
			assert_int_equal(a->rcode, DNS_SERVFAIL);
			r->is = MAYBE;
		}
		r->asked = m->w->c.now;
	}
	/* Numbers are few; those of answers that were taken come again. */
	for (i = 0; i < N_OF(m->pending) && !m->pending[i].used; i++)
		;
	if (i == N_OF(m->pending)) {
		memset(m->w->answers, 0, sizeof(m->w->answers));
		m->w->n_requests = 0;
	}
}

/* Nobody will answer any more. */
static void forget_pending(struct model *m)
{
	size_t i;

	for (i = 0; i < N_OF(m->pending); i++) {
		struct pending *p = &m->pending[i];

		if (p->used) {
			m->records[p->host][p->name].is = MAYBE;
			m->records[p->host][p->name].asked = m->w->c.now;
		}
		p->used = false;
	}
	memset(m->w->answers, 0, sizeof(m->w->answers));
	m->w->n_requests = 0;
}

static void works(struct model *m)
{
	struct world *w = m->w;

	w->mode = PRIMARY_WORKS;
	update_link_up(w->up, &w->c);
	run(w);
	if (!lease_zone_loaded(update_zone_find(w->u, zone_apex(w->mirror))->leases))
		sync_now(w);
	run(w);
	take_answers(m);
}

static void check(struct model *m)
{
	unsigned int host, name;
	struct world *w = m->w;

	for (host = 0; host < HOSTS; host++) {
		for (name = 0; name < NAMES; name++) {
			const struct record *r = &m->records[host][name];
			char host_name[64], owner[64];
			bool there, shown;

			names(host, name, host_name, owner);
			there = zhas(w->primary, owner, DNS_AAAA, address(host, name));
			shown = visible(w, owner, DNS_AAAA, address(host, name));
			if (is_pending(m, host, name))
				continue;
			if (r->is == THERE && w->c.now < r->granted + LEASE * 1000)
				assert_true(there && shown);
			else if (r->is == ABSENT)
				assert_false(there || shown);
			/* The longest that it can have been granted, perhaps again after
			 * a loss.
			 */
			if (r->is != ABSENT && w->c.now > r->asked + LEASE * 1000 + LATE)
				assert_false(shown);
			if (r->is != ABSENT && w->c.now > r->asked + LEASE * 1000 + LATE &&
			    w->c.now > m->blind + LATE)
				assert_false(there);
		}
		assert_true(zhas(w->primary, "static." APEX, DNS_A, "192.0.2.1"));
	}
}

static void step(struct model *m)
{
	struct world *w = m->w;
	unsigned int i;

	switch (rnd(m, 12)) {
	case 0:		/* done or not, and nobody hears of it */
		run(w);
		w->mode = rnd(m, 2) ? PRIMARY_MUTE : PRIMARY_DEAF;
		for (i = rnd(m, 4); i--;)
			send_one(m);
		run(w);
		w->mode = PRIMARY_DOWN;
		primary_lose_queue(w);
		update_link_down(w->up, &w->c);
		run(w);
		take_answers(m);
		works(m);
		break;
	case 1:		/* killed, wherever it is */
		if (rnd(m, 2)) {
			w->mode = rnd(m, 2) ? PRIMARY_MUTE : PRIMARY_DEAF;
			update_turn(w->u, &w->c);
			if (rnd(m, 2))
				primary_work(w);
		}
		take_answers(m);
		crash(w);
		if (rnd(m, 2))
			use_thread(w);
		forget_pending(m);
		if (rnd(m, 3))
			pass(w, rnd(m, 20000));
		w->mode = PRIMARY_WORKS;
		sync_now(w);
		works(m);
		break;
	case 2:		/* down for a while */
		works(m);
		w->mode = PRIMARY_DOWN;
		update_link_down(w->up, &w->c);
		for (i = rnd(m, 4); i--;)
			send_one(m);
		pass(w, rnd(m, 10000));
		m->blind = w->c.now;
		works(m);
		break;
	case 3:
		works(m);
		pass(w, rnd(m, 2000 * 1000));
		take_answers(m);
		break;
	case 4:
		pass(w, rnd(m, 100));
		take_answers(m);
		break;
	default:
		send_one(m);
		if (rnd(m, 3)) {
			run(w);
			take_answers(m);
		}
	}
	check(m);
}

static void test_model(void **state)
{
	struct world *w = *state;
	struct model m = { .w = w, .seed = (uintptr_t)0x1234 };
	const char *seed = getenv("BTMM_TEST_SEED");
	char host[64], owner[64];
	unsigned int i;

	if (seed)
		m.seed = strtoull(seed, NULL, 0);
	assert_int_equal(zadd(w->primary, "static." APEX, DNS_A, 60, "192.0.2.1"), 0);
	for (i = 0; i < HOSTS; i++) {
		names(i, 0, host, owner);
		enroll(w, host);
	}
	sync_now(w);
	for (i = 0; i < STEPS; i++)
		step(&m);
	works(&m);
	pass(w, (7200 + LEASE) * 1000);
	assert_int_equal(leases_of(w), 0);
	for (i = 0; i < HOSTS * NAMES; i++) {
		names(i % HOSTS, i / HOSTS, host, owner);
		assert_int_equal(count_type(w->primary, owner, DNS_AAAA), 0);
		assert_int_equal(count_type(w->primary, owner, DNS_LEASED), 0);
	}
	assert_int_equal(w->u->n_requests, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
