/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A world for tests of updates: a made-up clock, a primary that holds a zone and
 * does what the test says, and clients. After test.h.
 */
#ifndef BTMM_DNSD_UPDATES_H
#define BTMM_DNSD_UPDATES_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_zone.h"

#include "../btmm-dnsd/update_job.h"
#include "dnsd_primary.h"

#define APEX		"alice.example.com"
#define HOST_A		"desk.alice.example.com"
#define HOST_B		"book.alice.example.com"
#define REQUESTS	512
#define QUEUE		64

enum primary_mode {
	PRIMARY_WORKS,
	PRIMARY_HOLDS,		/* takes messages, does nothing yet */
	PRIMARY_MUTE,		/* does what is asked, and says nothing */
	PRIMARY_DEAF,		/* does nothing, says nothing */
	PRIMARY_SAYS,		/* nothing done; the RCODE is the test's */
	PRIMARY_UNSIGNED,	/* does it, but its answer has no signature */
	PRIMARY_DOWN,		/* takes nothing */
};

struct client_answer {
	unsigned int n;		/* times that it was called for */
	bool none, relayed, has_opt, has_lease;
	uint8_t rcode;
	struct lease_option lease;
	uint16_t id;
	size_t len;
};

struct world {
	struct updates *u;
	struct update_link *up;
	struct tsig_key key;
	struct zone *mirror, *primary;
	struct update_clock c;
	struct update_limits limits;
	char dir[64], path[96];
	unsigned int generation;	/* of the data base, see crash() */

	enum primary_mode mode;
	uint8_t rcode;
	const char *hated;		/* a label; what has it is refused */
	uint32_t serial;
	struct {
		uint8_t *msg;
		size_t len;
	} queue[QUEUE];
	unsigned int n_queue, sent, resets;

	struct client_answer answers[REQUESTS];
	unsigned int n_requests;
	uint64_t signed_at;		/* s; 0: now */
	bool dead;			/* callbacks of one that was killed */
	bool synchronous;		/* the mirror follows each poke */
	unsigned int pokes;
	bool poked;
	unsigned int logs;
	char log[4096];
	struct told told;
};

/* --- the primary ------------------------------------------------------------------- */

static inline bool mentions(const uint8_t *msg, size_t len, const char *octets)
{
	size_t n = strlen(octets), i;

	for (i = 0; i + n <= len; i++) {
		if (!memcmp(msg + i, octets, n))
			return true;
	}
	return false;
}

static inline void primary_one(struct world *w, uint8_t *msg, size_t len)
{
	uint8_t out[DNS_HEADER + DNAME_MAX + 4 + TSIG_ROOM], rcode = w->rcode;
	struct tsig_claim claim;
	struct tsig_mac mac;
	size_t n;

	assert_int_equal(tsig_check(msg, len, &w->key, NULL), TSIG_OK);
	assert_int_equal(tsig_read(msg, len, &claim), 0);
	if (w->hated && mentions(msg, len, w->hated))
		rcode = DNS_REFUSED;
	else if (w->mode != PRIMARY_SAYS && w->mode != PRIMARY_DEAF)
		rcode = primary_apply(w->primary, &w->serial, msg, len);
	if (w->mode == PRIMARY_MUTE || w->mode == PRIMARY_DEAF)
		return;
	n = dns_error_response(msg, len, rcode, out, sizeof(out) - TSIG_ROOM);
	assert_true(n > 0);
	if (w->mode != PRIMARY_UNSIGNED)
		assert_int_equal(tsig_sign(out, &n, sizeof(out), &w->key, &claim.mac, &mac,
					   TSIG_OK, 0), 0);
	update_link_input(w->up, out, n, &w->c);
}

static inline bool primary_work(struct world *w)
{
	unsigned int i, n = w->n_queue;
	uint8_t *msgs[QUEUE];
	size_t lens[QUEUE];

	if (w->mode == PRIMARY_HOLDS || w->mode == PRIMARY_DOWN)
		return false;
	for (i = 0; i < n; i++) {
		msgs[i] = w->queue[i].msg;
		lens[i] = w->queue[i].len;
	}
	w->n_queue = 0;
	for (i = 0; i < n; i++) {
		primary_one(w, msgs[i], lens[i]);
		free(msgs[i]);
	}
	return n;
}

static inline void primary_lose_queue(struct world *w)
{
	while (w->n_queue)
		free(w->queue[--w->n_queue].msg);
}

static inline int link_send(void *arg, const uint8_t *msg, size_t len)
{
	struct world *w = arg;

	if (w->mode == PRIMARY_DOWN)
		return -ENOTCONN;
	assert_true(w->n_queue < QUEUE);
	w->queue[w->n_queue].msg = exact_copy(msg, len);
	w->queue[w->n_queue++].len = len;
	w->sent++;
	return 0;
}

static inline void link_reset(void *arg)
{
	((struct world *)arg)->resets++;
}

static const struct update_link_ops link_ops = { .send = link_send, .reset = link_reset };

/* --- what the engine calls --------------------------------------------------------- */

static inline void read_answer(struct client_answer *a, const uint8_t *msg, size_t len)
{
	struct edns_option o;
	struct dns_shape s;
	size_t pos = 0;

	assert_int_equal(dns_shape(msg, len, &s), 0);
	assert_true(dns_flags(msg) & DNS_QR);
	assert_int_equal(dns_opcode(msg), DNS_UPDATE);
	a->rcode = (uint8_t)dns_rcode(msg);
	a->id = dns_id(msg);
	a->has_opt = s.has_opt;
	while (s.has_opt && edns_next(s.opt, s.opt_len, &pos, &o) > 0) {
		if (o.code == EDNS_UPDATE_LEASE) {
			assert_int_equal(lease_option_read(&o, &a->lease), 0);
			a->has_lease = true;
		}
	}
}

static inline void on_reply(void *arg, void *ticket, uint8_t *msg, size_t len, size_t size,
			    bool relayed)
{
	struct world *w = arg;
	struct client_answer *a = &w->answers[(uintptr_t)ticket - 1];

	if (w->dead)
		return;
	assert_true((uintptr_t)ticket - 1 < w->n_requests);
	a->n++;
	assert_int_equal(a->n, 1);
	a->relayed = relayed;
	a->len = len;
	if (!msg) {
		a->none = true;
		return;
	}
	if (!relayed)
		assert_true(len + TSIG_ROOM <= size);
	/* There is room, and it is ours to write to. */
	memset(msg + len, 0, relayed ? 0 : TSIG_ROOM);
	read_answer(a, msg, len);
}

static inline void on_poke(void *arg, struct zone *mirror)
{
	struct world *w = arg;

	if (w->dead)
		return;
	assert_ptr_equal(mirror, w->mirror);
	w->pokes++;
	w->poked = true;
}

static inline void on_log(void *arg, int priority, const char *text)
{
	struct world *w = arg;

	(void)priority;
	w->logs++;
	snprintf(w->log, sizeof(w->log), "%s", text);
}

static const struct update_ops update_world_ops = {
	.reply = on_reply, .poke = on_poke, .log = on_log,
};

/* --- the mirror -------------------------------------------------------------------- */

static inline void on_change(void *arg, const struct zone *z, const struct zone_change *c)
{
	struct world *w = arg;

	if (zone_rr_served(&c->rr) && c->rr.type != DNS_SOA)
		told_fn(&w->told, z, c);
	update_zone_changed(w->u, z, c);
}

/* A transfer that was asked for when the mark was @mark, and tells what is there now. */
static inline void sync_marked(struct world *w, uint64_t mark)
{
	const struct zone_node *node;
	struct zone_rr rr;
	size_t at = 0, pos;

	w->poked = false;
	assert_int_equal(zone_full_begin(w->mirror), 0);
	while ((node = zone_next(w->primary, &at))) {
		pos = 0;
		while (zone_node_next(node, &pos, &rr))
			assert_int_equal(zone_add(w->mirror, zone_node_name(node), rr.type,
						  rr.ttl, rr.rdata, rr.rdlen), 0);
	}
	assert_int_equal(zone_full_end(w->mirror), 0);
	update_zone_synced(w->u, w->mirror, mark, &w->c);
}

static inline void sync_now(struct world *w)
{
	sync_marked(w, update_mark(w->u));
}

/* --- time -------------------------------------------------------------------------- */

/* Until nothing more happens. */
static inline void run(struct world *w)
{
	bool more = true;
	unsigned int i;

	for (i = 0; more; i++) {
		assert_true(i < 1000);
		update_turn(w->u, &w->c);
		while (w->u->committing) {
			lease_writer_wait(w->u->writer);
			update_turn(w->u, &w->c);
		}
		more = primary_work(w) || update_deadline(w->u) == w->c.now;
		if (w->poked && w->synchronous && w->mode != PRIMARY_DOWN) {
			sync_now(w);
			more = true;
		}
	}
	update_turn(w->u, &w->c);
}

/* As the event loop does it: a tick at each deadline. A deadline that does not go
 * away would keep it busy.
 */
static inline void pass(struct world *w, uint64_t ms)
{
	uint64_t end = w->c.now + ms, base = w->c.now, wall = w->c.wall, at;
	unsigned int here = 0;

	run(w);
	while ((at = update_deadline(w->u)) <= end) {
		here = at > w->c.now ? 0 : here + 1;
		assert_true(here < 10);
		if (at > w->c.now)
			w->c.now = at;
		w->c.wall = wall + (w->c.now - base) / 1000;
		update_tick(w->u, &w->c);
		run(w);
	}
	w->c.now = end;
	w->c.wall = wall + ms / 1000;
	run(w);
}

/* --- begun and ended --------------------------------------------------------------- */

static inline void engine_new(struct world *w)
{
	int err = 1;

	snprintf(w->path, sizeof(w->path), "%s/leases%u.db", w->dir, w->generation);
	w->u = updates_new(&update_world_ops, w, &w->limits, w->path, &w->c, &err);
	assert_non_null(w->u);
	assert_int_equal(err, 0);
	w->mirror = zone_new(dn(APEX));
	assert_non_null(w->mirror);
	zone_watch(w->mirror, on_change, w);
	w->up = update_link_new(w->u, &link_ops, w, &w->key);
	assert_non_null(w->up);
	assert_int_equal(update_zone_add(w->u, w->mirror, w->up, true), 0);
}

static inline void engine_free(struct world *w)
{
	update_zone_remove(w->u, w->mirror);
	update_link_free(w->up);
	updates_free(w->u);
	zone_watch(w->mirror, NULL, NULL);
	zone_free(w->mirror);
	w->u = NULL;
}

/* Commits in the background, as with a slow disk. */
static inline void use_thread(struct world *w)
{
	const struct lease_terms terms = { .min = 1800, .max = 7200, .key_max = 604800 };
	int err;

	lease_writer_free(w->u->writer);
	w->u->writer = lease_writer_new(lease_db_open(w->path, 0, &terms, &err), WRITER_THREAD);
	assert_non_null(w->u->writer);
}

static inline void copy_file(const char *from, const char *to, const char *suffix)
{
	char a[128], b[128], buf[4096];
	int in, out;
	ssize_t n;

	snprintf(a, sizeof(a), "%s%s", from, suffix);
	snprintf(b, sizeof(b), "%s%s", to, suffix);
	in = open(a, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return;
	out = open(b, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

/* kill -9, as the disk sees it now; and a new start, without the zone's content. */
static inline void crash(struct world *w)
{
	char before[96];

	if (w->u->writer)
		lease_writer_wait(w->u->writer);
	memcpy(before, w->path, sizeof(before));
	snprintf(w->path, sizeof(w->path), "%s/leases%u.db", w->dir, ++w->generation);
	copy_file(before, w->path, "");
	copy_file(before, w->path, "-wal");
	w->dead = true;
	engine_free(w);
	w->dead = false;
	primary_lose_queue(w);
	w->poked = false;
	engine_new(w);
	w->told = (struct told){ 0 };
}

static inline void restart(struct world *w)
{
	engine_free(w);
	primary_lose_queue(w);
	w->poked = false;
	engine_new(w);
	w->told = (struct told){ 0 };
}

static inline void enroll(struct world *w, const char *host)
{
	assert_int_equal(zadd(w->primary, host, DNS_ENROLLED, 3600, "generation"), 0);
}

static inline int world_new(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *tmp = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

	/* In memory, where there is such a place: each commit is on the disk. */
	assert_non_null(w);
	snprintf(w->dir, sizeof(w->dir), "%s/btmm-updates-XXXXXX", tmp);
	assert_non_null(mkdtemp(w->dir));
	w->c.now = 1000000;
	w->c.wall = 1700000000;
	w->synchronous = true;
	w->key.algorithm = TSIG_HMAC_SHA256;
	memcpy(w->key.name, dn("front-end"), dname_len(dn("front-end")));
	memset(w->key.secret, 0x5a, 32);
	w->key.secret_len = 32;
	w->primary = zone_new(dn(APEX));
	assert_non_null(w->primary);
	w->serial = 1;
	set_serial(w->primary, w->serial);
	assert_int_equal(zadd(w->primary, APEX, DNS_NS, 3600, "ns1.example.com"), 0);
	enroll(w, HOST_A);
	enroll(w, HOST_B);
	engine_new(w);
	sync_now(w);
	w->told = (struct told){ 0 };
	*state = w;
	return 0;
}

static inline int world_free(void **state)
{
	struct world *w = *state;
	char command[128];

	engine_free(w);
	primary_lose_queue(w);
	zone_free(w->primary);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

#define world_test(fn)	cmocka_unit_test_setup_teardown(fn, world_new, world_free)

/* --- clients ----------------------------------------------------------------------- */

struct rq {
	struct dns_writer w;
	uint8_t buf[16384];
};

static inline void rq_begin(struct rq *r)
{
	dns_writer_init(&r->w, r->buf, sizeof(r->buf), 0x4242, DNS_UPDATE << 11);
	dns_put_question(&r->w, dn(APEX), DNS_SOA, DNS_IN);
}

static inline void rq_put(struct rq *r, int section, const char *owner, uint16_t type,
			  uint16_t class_, uint32_t ttl, const char *text)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = text ? rdata(type, text, rd) : 0;

	dns_put_rr(&r->w, section, dn(owner), type, class_, ttl, rd, len);
	assert_false(r->w.failed);
}

static inline void rq_add(struct rq *r, const char *owner, uint16_t type, const char *text)
{
	rq_put(r, 2, owner, type, DNS_IN, 120, text);
}

static inline void rq_del(struct rq *r, const char *owner, uint16_t type, const char *text)
{
	rq_put(r, 2, owner, type, DNS_NONE, 0, text);
}

static inline void rq_del_set(struct rq *r, const char *owner, uint16_t type)
{
	rq_put(r, 2, owner, type, DNS_CLASS_ANY, 0, NULL);
}

/* @key_lease 0: the short form */
static inline void rq_lease(struct rq *r, uint32_t lease, uint32_t key_lease)
{
	const struct lease_option o = {
		.lease = lease, .key_lease = key_lease, .long_form = key_lease,
	};
	uint8_t option[12];

	dns_put_opt(&r->w, 1232, 0, option, lease_option_write(&o, option));
	assert_false(r->w.failed);
}

static inline struct identity who(enum key_role role, const char *name)
{
	struct identity id = { .role = role };

	memcpy(id.name, dn(name), dname_len(dn(name)));
	if (role != ROLE_ADMIN)
		memcpy(id.zone, dn(APEX), dname_len(dn(APEX)));
	memcpy(&id.tag, id.name, sizeof(id.tag));
	id.tag ^= strlen(name);
	return id;
}

/* With the MAC of number @mac. Return: the request's number, as of w->answers. */
static inline unsigned int rq_repeat(struct world *w, const struct rq *r, struct identity id,
				     unsigned int mac)
{
	struct tsig_mac m = { .len = 32 };
	uint8_t *msg = exact_copy(r->buf, r->w.len);
	const struct update_request request = {
		.who = &id, .mac = &m, .msg = msg, .len = r->w.len,
		.time_signed = w->signed_at ? w->signed_at : w->c.wall,
		.ticket = (void *)(uintptr_t)(w->n_requests + 1),
	};

	assert_true(w->n_requests < REQUESTS);
	memset(m.b, 0xa5, sizeof(m.b));
	memcpy(m.b, &mac, sizeof(mac));
	w->n_requests++;
	update_request(w->u, &request, &w->c);
	/* It is not needed any more. */
	memset(msg, 0xee, r->w.len);
	free(msg);
	return w->n_requests - 1;
}

static inline unsigned int rq_send(struct world *w, const struct rq *r, struct identity id)
{
	return rq_repeat(w, r, id, w->n_requests + 1000);
}

/* A host's own AAAA, with a lease: what most tests need. */
static inline unsigned int send_aaaa(struct world *w, const char *host, const char *address,
				     uint32_t lease)
{
	struct rq r;

	rq_begin(&r);
	rq_add(&r, host, DNS_AAAA, address);
	rq_lease(&r, lease, 0);
	return rq_send(w, &r, who(ROLE_HOST, host));
}

static inline bool answered(const struct world *w, unsigned int n)
{
	return w->answers[n].n;
}

#define assert_rcode(w, number, wanted) do {				\
	const struct client_answer *answer_ = &(w)->answers[number];	\
									\
	assert_int_equal(answer_->n, 1);				\
	assert_false(answer_->none);					\
	assert_int_equal(answer_->rcode, wanted);			\
} while (0)

static inline size_t leases_of(const struct world *w)
{
	struct update_zone_stats s;

	assert_int_equal(update_zone_stats(w->u, w->mirror, &s), 0);
	return s.leases;
}

static inline unsigned int count_type(const struct zone *z, const char *owner, uint16_t type)
{
	const struct zone_node *node = zone_find(z, dn(owner));
	unsigned int n = 0;
	struct zone_rr rr;
	size_t pos = 0;

	while (node && zone_node_next(node, &pos, &rr))
		n += rr.type == type;
	return n;
}

/* Is it in the mirror, and to be seen? */
static inline bool visible(const struct world *w, const char *owner, uint16_t type,
			   const char *text)
{
	uint8_t rd[RDATA_TEXT_MAX];
	uint16_t len = rdata(type, text, rd);
	struct zone_rr rr;

	return zone_has(w->mirror, dn(owner), type, rd, len, &rr) && !rr.hidden;
}

#endif
