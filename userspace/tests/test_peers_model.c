// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hosts that come, move, reboot and go at random, and a server that tells of it
 * question by question in any order, is away, forgets, and tells all anew. When all
 * has been told, the engine knows what there is, and its user, who believes each
 * event, knows the same.
 */
#include "test.h"

#include "peers_world.h"

#define HOSTS	6

static const char *const host_names[HOSTS] = { "h0", "h1", "h2", "h3", "h4", "h5" };

/* What is true of a host; 0: not there */
static struct truth {
	bool listed;
	unsigned int ula, port, target, address;
} truth[HOSTS];

/* What the user was told */
static struct told {
	bool there;
	struct in6_addr ula;
	char outer[64];
} told[HOSTS];

static uint64_t rng;
static bool away;

static unsigned int below(unsigned int n)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(rng >> 33) % n;
}

static void hear_events(void)
{
	struct peers_event e;

	while (peers_event(w.p, w.now, &e)) {
		struct told *t = &told[e.name[1] - '0'];
		size_t i;

		assert_string_equal(e.name + 2, "." DOMAIN);
		switch (e.kind) {
		case PEERS_CAME:
			assert_false(t->there);
			break;
		case PEERS_MOVED:
			assert_true(t->there);
			assert_memory_equal(&t->ula, &e.ula, 16);
			break;
		case PEERS_REBORN:
			assert_true(t->there);
			assert_memory_equal(&t->ula, &e.old_ula, 16);
			assert_memory_not_equal(&t->ula, &e.ula, 16);
			break;
		case PEERS_WENT:
			assert_true(t->there);
			assert_memory_equal(&t->ula, &e.old_ula, 16);
			t->there = false;
			continue;
		case PEERS_READ:
			continue;
		}
		assert_int_equal(e.ula.s6_addr[0], 0xfd);
		assert_int_not_equal(e.port, 0);
		assert_int_equal(e.outer.len, 4);
		t->there = true;
		t->ula = e.ula;
		text_from_endpoint(&e.outer, e.port, t->outer);
		/* Never do two have one. */
		for (i = 0; i < HOSTS; i++)
			assert_true(&told[i] == t || !told[i].there ||
				    memcmp(&told[i].ula, &t->ula, 16));
	}
}

/* --- the server --- */

#define SET	16

struct set {
	char text[SET][64];
	size_t n;
};

static void put_record(struct set *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void put_record(struct set *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(s->text[s->n++], sizeof(*s->text), format, ap);
	va_end(ap);
}

/* What is true of a question */
static void right(const char *name, uint16_t type, struct set *s)
{
	size_t i;

	s->n = 0;
	for (i = 0; i < HOSTS; i++) {
		const struct truth *t = &truth[i];
		char srv[64], at[64];

		snprintf(srv, sizeof(srv), SRV_OF("%s"), host_names[i]);
		snprintf(at, sizeof(at), "at%u", t->target);
		if (type == DNS_PTR && t->listed)
			put_record(s, "%s", host_names[i]);
		if (type == DNS_AAAA && !strcmp(name, host_names[i]) && t->ula)
			put_record(s, "fd00:%x::%zx", t->ula, i + 1);
		if (type == DNS_SRV && !strcmp(name, srv) && t->port)
			put_record(s, "%u %s", t->port, at);
		if (type == DNS_A && !strcmp(name, at) && t->address && !s->n)
			put_record(s, "192.0.2.%u", t->address);
	}
}

/* What each question's subscriber knows; as the engine's questions, by name */
static struct known {
	char name[64];
	uint16_t type;
	enum answers_status status;
	struct set set;
} known[64];
static size_t n_known;

static struct known *known_of(const struct peers_question *q)
{
	const char *name = short_name(peers_question_name(q));
	struct known *k;

	for (k = known; k < known + n_known; k++) {
		if (k->type == peers_question_type(q) && !strcmp(k->name, name))
			return k;
	}
	assert_true(n_known < N_OF(known));
	n_known++;
	*k = (struct known){ .type = peers_question_type(q) };
	snprintf(k->name, sizeof(k->name), "%.63s", name);
	return k;
}

static void hear(void)
{
	struct peers_question *q;
	enum peers_want want;

	do {
		hear_events();
		while (peers_want(w.p, &want, &q)) {
			struct known *k = want == PEERS_UNWATCH ? NULL : known_of(q);

			/* Either way, a subscription that knows nothing yet */
			if (k) {
				k->set.n = 0;
				k->status = ANSWERS_UNKNOWN;
			}
			if (want == PEERS_AGAIN)
				peers_renew(w.p, q, w.now);
		}
	} while (peers_deadline(w.p) <= w.now);
}

static void wait_ms(uint64_t ms)
{
	uint64_t end = w.now + ms, due;

	while ((due = peers_deadline(w.p)) <= end) {
		w.now = due > w.now ? due : w.now;
		hear();
	}
	w.now = end;
}

static bool in_set(const struct set *s, const char *text)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (!strcmp(s->text[i], text))
			return true;
	}
	return false;
}

/* The difference, additions or removals first; then that it is all. */
static void tell_right(struct peers_question *q)
{
	struct known *k = known_of(q);
	unsigned int turn_no, first = below(2);
	struct set now;
	size_t i;

	right(k->name, k->type, &now);
	for (turn_no = 0; turn_no < 2; turn_no++) {
		bool add = (turn_no == 0) == (first == 0);
		const struct set *s = add ? &now : &k->set, *but = add ? &k->set : &now;

		for (i = 0; i < s->n; i++) {
			if (!in_set(but, s->text[i]))
				tell(k->name, k->type, add, s->text[i]);
		}
	}
	k->set = now;
	k->status = below(8) ? ANSWERS_LIVE : ANSWERS_POLLED;
	peers_settled(w.p, q, k->status, w.now);
}

/* The additional section of an event about a host's AAAA, as of now or of before */
static void tell_place(size_t i, const struct truth *t)
{
	char srv[64], at[32], text[64];

	if (!question(host_names[i], DNS_AAAA) || !t->port || !t->address)
		return;
	snprintf(srv, sizeof(srv), SRV_OF("%s"), host_names[i]);
	snprintf(at, sizeof(at), "at%u", t->target);
	snprintf(text, sizeof(text), "%u %s", t->port, at);
	additional(host_names[i], srv, DNS_SRV, text);
	snprintf(text, sizeof(text), "192.0.2.%u", t->address);
	additional(host_names[i], at, DNS_A, text);
	peers_settled(w.p, question(host_names[i], DNS_AAAA),
		      known_of(question(host_names[i], DNS_AAAA))->status, w.now);
}

static void tell_some(unsigned int chance)
{
	struct peers_question *q, *all[64];
	size_t n = 0, i;

	for (q = NULL; (q = peers_questions(w.p, q)); n++)
		all[n] = q;
	for (i = n; i > 1; i--) {
		size_t j = below((unsigned int)i);

		q = all[j];
		all[j] = all[i - 1];
		all[i - 1] = q;
	}
	for (i = 0; i < n; i++) {
		if (below(100) < chance)
			tell_right(all[i]);
		/* No drain in between: they end only there. */
	}
	hear();
}

static void all_questions(enum answers_status status, bool renew)
{
	struct peers_question *q = NULL;

	while ((q = peers_questions(w.p, q))) {
		struct known *k = known_of(q);

		if (renew) {
			peers_renew(w.p, q, w.now);
			k->set.n = 0;
			k->status = ANSWERS_UNKNOWN;
			continue;
		}
		/* Nothing becomes stale that never was known. */
		if (status == ANSWERS_STALE && k->status == ANSWERS_UNKNOWN)
			continue;
		if (status == ANSWERS_UNKNOWN)
			k->set.n = 0;
		k->status = status;
		peers_settled(w.p, q, status, w.now);
	}
	hear();
}

static void host_changes(void)
{
	struct truth *t = &truth[below(HOSTS)];

	switch (below(7)) {
	case 0:
		t->listed = !t->listed;
		break;
	case 1:
		t->ula = below(6);
		break;
	case 2:
		t->port = below(4);
		break;
	case 3:
		t->target = below(8);
		break;
	case 4:
		t->address = below(200);
		break;
	default:
		/* As hosts are */
		*t = (struct truth){ true, 1 + below(5), 4500, (unsigned int)(t - truth),
				     1 + below(200) };
	}
}

static void step(void)
{
	struct truth before[HOSTS];
	unsigned int i;

	memcpy(before, truth, sizeof(before));
	for (i = below(4); i; i--)
		host_changes();
	switch (below(12)) {
	case 0:
		all_questions(ANSWERS_STALE, false);
		away = true;
		break;
	case 1:
		all_questions(ANSWERS_UNKNOWN, false);
		away = true;
		break;
	case 2:
		all_questions(ANSWERS_UNKNOWN, true);
		break;
	case 3:
		i = below(HOSTS);
		tell_place(i, below(2) ? &truth[i] : &before[i]);
		hear();
		break;
	case 4:
		i = below(HOSTS);
		peers_read_again(w.p, i % 2 ? "h1." DOMAIN : "h2." DOMAIN);
		hear();
		break;
	default:
		away = false;
	}
	if (!away)
		tell_some(below(2) ? 100 : 40);
	wait_ms(below(3) ? below(300) : below(20000));
}

static void assert_right(void)
{
	size_t i;

	for (i = 0; i < HOSTS; i++) {
		const struct truth *t = &truth[i];
		struct set address;
		char at[64], outer[96];
		struct in6_addr ula = { .s6_addr = { 0xfd, [3] = (uint8_t)t->ula,
						     [15] = (uint8_t)(i + 1) } };

		snprintf(at, sizeof(at), "at%u", t->target);
		right(at, DNS_A, &address);
		if (!t->listed || !t->ula || !t->port || !address.n) {
			assert_false(told[i].there);
			continue;
		}
		assert_true(told[i].there);
		assert_memory_equal(&told[i].ula, &ula, 16);
		snprintf(outer, sizeof(outer), "%s:%u", address.text[0], t->port);
		assert_string_equal(told[i].outer, outer);
	}
}

static void one_world(uint64_t seed)
{
	unsigned int i;

	memset(truth, 0, sizeof(truth));
	memset(told, 0, sizeof(told));
	n_known = 0;
	away = false;
	rng = seed;
	start_with(false, 0);
	hear();
	for (i = 0; i < 120; i++)
		step();
	/* All is told: the list, then what that leads to, and so on. */
	for (i = 0; i < 6; i++) {
		tell_some(100);
		wait_ms(PEERS_HINT);
	}
	assert_right();
	peers_free(w.p);
}

static void model(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 400; seed++)
		one_world(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
