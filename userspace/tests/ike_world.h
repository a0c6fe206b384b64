/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A charon of paper for tests of the manager: it knows connections and SAs, answers
 * commands, and calls as the test says.
 */
#ifndef BTMM_TESTS_IKE_WORLD_H
#define BTMM_TESTS_IKE_WORLD_H

#include <arpa/inet.h>

#include "../lib/ike/manager.h"
#include "test.h"

#define LOCAL	"fd00:a::1"
#define PEER	"fd00:b::1"
#define PEER2	"fd00:b::2"
#define MAX	32

enum outcome {
	SUCCEEDS,
	IS_SILENT,		/* stays CONNECTING */
	IS_SLOW,		/* does, too, but has answered first of all */
	IS_REFUSED,		/* is gone at once */
	IS_CHILDLESS,		/* TS_UNACCEPTABLE */
	HANGS,			/* nothing new in an IKE_SA that there is */
};

struct paper_conn {
	char name[300];
	char local[64], remote[64], reqid[16];
	bool trap;
};

struct paper_sa {
	uint32_t id, child;	/* child 0: none */
	uint32_t children;	/* further ones follow in id order */
	bool ours;		/* the manager's charon began it */
	bool silent;		/* and has no answer */
	char conn[300];
	char local[64], remote[64];
	const char *state;
	uint64_t since;
};

struct world {
	struct ike_manager *m;
	uint64_t now;
	struct paper_conn conns[MAX];
	size_t n_conns;
	struct paper_sa sas[MAX];
	size_t n_sas;
	uint32_t next_id, next_child;
	enum outcome outcome;
	const char *refuse;		/* the next command of this name */
	bool mute;			/* does not answer commands */
	unsigned int loads, unloads, keys, lists, calls, ends, child_ends, others;
	char last_load[8192];		/* of printable octets */
	bool events;			/* all are registered */
	unsigned int registered;
	/* what the caller was asked to do */
	unsigned int read_again, audits, swept, changed, stopped;
	struct ike_kernel_sa last_swept;
	struct ike_kernel_sa kernel[8];
	size_t n_kernel;
	bool no_audit;			/* the caller does not answer IKE_AUDIT */
	void (*while_listing)(struct world *w);	/* all; once */
	uint32_t lost;			/* the kernel has no CHILD_SAs up to this one */
	bool no_word;			/* it does not say */
	unsigned int verifies;
};

static inline struct in6_addr ip6(const char *s)
{
	struct in6_addr a;

	assert_int_equal(inet_pton(AF_INET6, s, &a), 1);
	return a;
}

static inline struct vici_span text_span(const char *s)
{
	return (struct vici_span){ (const uint8_t *)s, strlen(s) };
}

static inline bool paper_get(struct vici_span body, const char *key, char *out, size_t size)
{
	struct vici_reader r;
	struct vici_item e;
	bool here = false;

	/* anywhere, also the first item of a list */
	vici_reader_init(&r, body);
	while (vici_next(&r, &e)) {
		if (e.kind == VICI_PAIR && vici_is(e.name, key)) {
			vici_text(e.value, out, size);
			return true;
		}
		if (e.kind == VICI_LIST)
			here = vici_is(e.name, key);
		if (e.kind == VICI_ITEM && here) {
			vici_text(e.value, out, size);
			return true;
		}
	}
	return false;
}

static inline void paper_say(struct world *w, enum ike_channel channel, struct vici_writer *out)
{
	size_t len = vici_end(out);
	uint8_t *copy;

	assert_int_not_equal(len, 0);
	copy = exact_copy(out->buf, len);
	assert_int_equal(ike_manager_input(w->m, channel, w->now, copy, len), 0);
	free(copy);
}

static inline void paper_answer(struct world *w, bool ok, const char *why)
{
	struct vici_writer out;
	uint8_t buf[512];

	vici_begin(&out, buf, sizeof(buf), VICI_CMD_RESPONSE, NULL);
	vici_put_text(&out, "success", ok ? "yes" : "no");
	if (!ok)
		vici_put_text(&out, "errmsg", why);
	paper_say(w, IKE_COMMANDS, &out);
}

static inline void paper_child(struct vici_writer *out, uint32_t id, uint64_t age)
{
	char text[40];

	snprintf(text, sizeof(text), "tunnel-%u", id);
	vici_section(out, text);
	vici_put_text(out, "name", "tunnel");
	vici_put_number(out, "uniqueid", id);
	vici_put_text(out, "state", "INSTALLED");
	snprintf(text, sizeof(text), "%08x", 0xc0000000u + id);
	vici_put_text(out, "spi-in", text);
	snprintf(text, sizeof(text), "%08x", 0xd0000000u + id);
	vici_put_text(out, "spi-out", text);
	vici_put_text(out, "encr-alg", "AES_GCM_16");
	vici_put_text(out, "encr-keysize", "128");
	vici_put_number(out, "bytes-in", 1000);
	vici_put_number(out, "bytes-out", 10);
	vici_put_number(out, "install-time", age / 1000);
	vici_list(out, "local-ts");
	vici_put_item_text(out, LOCAL "/128");
	vici_list_end(out);
	vici_section_end(out);
}

static inline void paper_sa(struct world *w, struct vici_writer *out, const struct paper_sa *s)
{
	uint32_t i;

	vici_section(out, s->conn);
	vici_put_number(out, "uniqueid", s->id);
	vici_put_text(out, "version", "2");
	vici_put_text(out, "state", s->state);
	if (s->ours)
		vici_put_text(out, "initiator", "yes");
	vici_put_text(out, "initiator-spi", "0102030405060708");
	vici_put_text(out, "responder-spi", s->silent ? "0000000000000000" : "f1f2f3f4f5f6f7f8");
	vici_put_text(out, "local-host", s->local);
	vici_put_text(out, "remote-host", s->remote);
	if (!strcmp(s->state, "ESTABLISHED"))
		vici_put_number(out, "established", (w->now - s->since) / 1000);
	vici_list(out, "tasks-active");
	vici_list_end(out);
	vici_section(out, "child-sas");
	for (i = 0; s->child && i <= s->children; i++)
		paper_child(out, s->child + i, w->now - s->since);
	vici_section_end(out);
	vici_section_end(out);
}

static inline void paper_event(struct world *w, const char *event, const struct paper_sa *s)
{
	struct vici_writer out;
	uint8_t buf[4096];

	if (!w->events)
		return;
	vici_begin(&out, buf, sizeof(buf), VICI_EVENT, event);
	vici_put_text(&out, "up", "yes");
	paper_sa(w, &out, s);
	paper_say(w, IKE_EVENTS, &out);
}

static inline struct paper_conn *paper_conn(struct world *w, const char *name)
{
	size_t i;

	for (i = 0; i < w->n_conns; i++) {
		if (!strcmp(w->conns[i].name, name))
			return &w->conns[i];
	}
	return NULL;
}

/* A new IKE_SA of a connection, with what the outcome says. */
static inline struct paper_sa *paper_call(struct world *w, const char *conn, enum outcome outcome)
{
	const struct paper_conn *c = paper_conn(w, conn);
	struct paper_sa *s = &w->sas[w->n_sas];

	assert_non_null(c);
	if (outcome == IS_REFUSED || outcome == HANGS)
		return NULL;
	assert_true(w->n_sas < MAX);
	*s = (struct paper_sa){ .id = w->next_id++, .since = w->now };
	strcpy(s->conn, conn);
	strcpy(s->local, c->local);
	strcpy(s->remote, c->remote);
	s->ours = true;
	s->silent = outcome == IS_SILENT;
	s->state = outcome == IS_SILENT || outcome == IS_SLOW ? "CONNECTING" : "ESTABLISHED";
	if (outcome == SUCCEEDS)
		s->child = w->next_child++;
	w->n_sas++;
	if (outcome != IS_SILENT && outcome != IS_SLOW)
		paper_event(w, "ike-updown", s);
	if (outcome == SUCCEEDS)
		paper_event(w, "child-updown", s);
	return s;
}

static inline void paper_load(struct world *w, struct vici_span body)
{
	struct paper_conn *c;
	struct vici_reader r;
	struct vici_item e;
	char name[300], trap[8];

	vici_text(body, w->last_load, sizeof(w->last_load));
	vici_reader_init(&r, body);
	assert_true(vici_next(&r, &e) && e.kind == VICI_SECTION);
	vici_text(e.name, name, sizeof(name));
	c = paper_conn(w, name);
	if (!c) {
		assert_true(w->n_conns < MAX);
		c = &w->conns[w->n_conns++];
		strcpy(c->name, name);
	}
	assert_true(paper_get(body, "local_addrs", c->local, sizeof(c->local)));
	assert_true(paper_get(body, "remote_addrs", c->remote, sizeof(c->remote)));
	assert_true(paper_get(body, "start_action", trap, sizeof(trap)));
	c->trap = !strcmp(trap, "trap");
	*c->reqid = '\0';
	paper_get(body, "reqid", c->reqid, sizeof(c->reqid));
	w->loads++;
	paper_answer(w, true, NULL);
}

static inline void paper_unload(struct world *w, struct vici_span body)
{
	struct paper_conn *c;
	char name[300];

	w->unloads++;
	assert_true(paper_get(body, "name", name, sizeof(name)));
	c = paper_conn(w, name);
	if (!c) {
		paper_answer(w, false, "not found");
		return;
	}
	*c = w->conns[--w->n_conns];
	paper_answer(w, true, NULL);
}

static inline void paper_list(struct world *w, struct vici_span body)
{
	char name[300] = "";
	struct vici_writer out;
	static uint8_t buf[16384];
	size_t i;

	w->lists++;
	paper_get(body, "ike", name, sizeof(name));
	for (i = 0; i < w->n_sas; i++) {
		if (*name && strcmp(name, w->sas[i].conn))
			continue;
		vici_begin(&out, buf, sizeof(buf), VICI_EVENT, "list-sa");
		paper_sa(w, &out, &w->sas[i]);
		paper_say(w, IKE_COMMANDS, &out);
	}
	if (!*name && w->while_listing) {
		void (*happens)(struct world *w) = w->while_listing;

		w->while_listing = NULL;
		happens(w);
	}
	vici_begin(&out, buf, sizeof(buf), VICI_CMD_RESPONSE, NULL);
	paper_say(w, IKE_COMMANDS, &out);
}

static inline void paper_names(struct world *w)
{
	static uint8_t buf[16384];
	struct vici_writer out;
	size_t i;

	w->others++;
	vici_begin(&out, buf, sizeof(buf), VICI_CMD_RESPONSE, NULL);
	vici_list(&out, "conns");
	for (i = 0; i < w->n_conns; i++)
		vici_put_item_text(&out, w->conns[i].name);
	vici_list_end(&out);
	paper_say(w, IKE_COMMANDS, &out);
}

static inline void paper_end(struct world *w, struct vici_span body)
{
	char id[16], force[4];
	size_t i;

	assert_true(paper_get(body, "timeout", force, sizeof(force)));
	assert_string_equal(force, "-1");
	if (paper_get(body, "child-id", id, sizeof(id))) {
		w->child_ends++;
		for (i = 0; i < w->n_sas; i++) {
			if (w->sas[i].child != (uint32_t)atoi(id))
				continue;
			w->sas[i].child = w->sas[i].children ? w->sas[i].child + 1 : 0;
			w->sas[i].children -= !!w->sas[i].children;
		}
		paper_answer(w, true, NULL);
		return;
	}
	w->ends++;
	assert_true(paper_get(body, "ike-id", id, sizeof(id)));
	assert_true(paper_get(body, "force", force, sizeof(force)));
	for (i = 0; i < w->n_sas; i++) {
		if (w->sas[i].id == (uint32_t)atoi(id)) {
			struct paper_sa gone = w->sas[i];

			w->sas[i] = w->sas[--w->n_sas];
			gone.state = "DELETING";
			paper_event(w, "ike-updown", &gone);
			paper_answer(w, true, NULL);
			return;
		}
	}
	paper_answer(w, false, "no matching SAs to terminate found");
}

static inline void paper_initiate(struct world *w, struct vici_span body)
{
	char name[300], child[16];

	w->calls++;
	assert_true(paper_get(body, "ike", name, sizeof(name)));
	assert_true(paper_get(body, "child", child, sizeof(child)));
	assert_string_equal(child, "tunnel");
	paper_answer(w, true, NULL);
	paper_call(w, name, w->outcome);
}

static inline void paper_command(struct world *w, const struct vici_packet *p)
{
	if (w->refuse && vici_is(p->name, w->refuse)) {
		w->refuse = NULL;
		paper_answer(w, false, "no\nreason");
		return;
	}
	if (vici_is(p->name, "load-conn")) {
		paper_load(w, p->body);
	} else if (vici_is(p->name, "unload-conn")) {
		paper_unload(w, p->body);
	} else if (vici_is(p->name, "list-sas")) {
		paper_list(w, p->body);
	} else if (vici_is(p->name, "get-conns")) {
		paper_names(w);
	} else if (vici_is(p->name, "terminate")) {
		paper_end(w, p->body);
	} else if (vici_is(p->name, "initiate")) {
		paper_initiate(w, p->body);
	} else {
		assert_true(vici_is(p->name, "load-key") || vici_is(p->name, "load-shared"));
		w->keys++;
		paper_answer(w, true, NULL);
	}
}

static inline void paper_register(struct world *w, enum ike_channel channel)
{
	struct vici_writer out;
	uint8_t buf[8];

	if (channel == IKE_EVENTS && ++w->registered == 4)
		w->events = true;
	vici_begin(&out, buf, sizeof(buf), VICI_EVENT_CONFIRM, NULL);
	paper_say(w, channel, &out);
}

/* The kernel has what charon has, but for what is lost. */
static inline void paper_verify(struct world *w)
{
	struct ike_kernel_sa sas[MAX];
	struct in6_addr peer = ip6(PEER);
	size_t i, n = 0;
	uint32_t c;

	for (i = 0; i < w->n_sas; i++) {
		const struct paper_sa *s = &w->sas[i];

		for (c = s->child; s->child && c <= s->child + s->children; c++) {
			if (c > w->lost && n < MAX)
				sas[n++] = (struct ike_kernel_sa){ peer, ip6(s->local),
								   0xc0000000 + c };
		}
	}
	ike_manager_kernel_has(w->m, w->no_word ? NULL : sas, n, w->now);
}

static inline void actions(struct world *w)
{
	struct ike_action a;

	while (ike_manager_action(w->m, &a)) {
		switch (a.kind) {
		case IKE_AUDIT:
			w->audits++;
			if (!w->no_audit)
				assert_int_equal(ike_manager_kernel_sas(w->m, w->kernel,
									w->n_kernel, w->now), 0);
			break;
		case IKE_READ_AGAIN:
			w->read_again++;
			break;
		case IKE_VERIFY:
			w->verifies++;
			paper_verify(w);
			break;
		case IKE_SWEEP:
			w->swept++;
			w->last_swept = a.sa;
			break;
		case IKE_CHANGED:
			w->changed++;
			break;
		case IKE_STOPPED:
			w->stopped++;
			break;
		}
	}
}

/* Until nobody has anything to say. */
static inline void talk(struct world *w)
{
	static uint8_t buf[IKE_OUT];
	struct vici_packet p;
	unsigned int limit = 1000;
	bool more;

	do {
		enum ike_channel ch;

		more = false;
		actions(w);
		for (ch = IKE_COMMANDS; ch <= IKE_EVENTS; ch++) {
			size_t len = ike_manager_output(w->m, ch, w->now, buf, sizeof(buf));
			uint8_t *copy;

			if (!len)
				continue;
			if (w->mute && ch == IKE_COMMANDS)
				continue;
			more = true;
			copy = exact_copy(buf, len);
			assert_int_equal(vici_read((struct vici_span){ copy, len }, &p), 0);
			if (p.type == VICI_EVENT_REGISTER)
				paper_register(w, ch);
			else
				paper_command(w, &p);
			free(copy);
		}
		assert_true(limit--);
	} while (more);
	actions(w);
}

/* Runs @ms on, stopping wherever there is a deadline. */
static inline void pass(struct world *w, uint64_t ms)
{
	uint64_t end = w->now + ms;
	unsigned int limit = 10000;

	for (;;) {
		uint64_t due;

		talk(w);
		due = ike_manager_deadline(w->m);
		/* All that was due has been said. */
		assert_true(due > w->now || w->mute);
		if (due > end || w->mute)
			break;
		w->now = due;
		assert_true(limit--);
	}
	w->now = end;
	talk(w);
}

static inline struct ike_status status_of(struct world *w, const char *name)
{
	struct ike_walk walk = { 0 };
	struct ike_status s;

	while (ike_manager_next(w->m, &walk, w->now, &s)) {
		if (!strcmp(s.name, name))
			return s;
	}
	fail_msg("no peer %s", name);
	return s;
}

static inline enum ike_state state_of(struct world *w, const char *name)
{
	return status_of(w, name).state;
}

static inline void charon_comes(struct world *w)
{
	w->registered = 0;
	w->events = false;
	ike_manager_connected(w->m, w->now);
	talk(w);
}

/* It forgets everything. */
static inline void charon_dies(struct world *w)
{
	w->n_conns = 0;
	w->n_sas = 0;
	w->next_id = 1;
	w->next_child = 1;
	w->events = false;
	ike_manager_disconnected(w->m, w->now);
	talk(w);
}

static inline struct world *world_new(void)
{
	struct ike_identity id = {
		.name = "A.example.com", .cert = text_span("CERT"), .key = text_span("KEY"),
		.authority = text_span("CA"), .aes_first = true,
	};
	struct world *w = calloc(1, sizeof(*w));
	struct in6_addr local = ip6(LOCAL);
	int err;

	assert_non_null(w);
	w->now = 1000000;
	w->next_id = 1;
	w->next_child = 1;
	w->m = ike_manager_new(&id, &err);
	assert_non_null(w->m);
	ike_manager_local(w->m, &local, w->now);
	return w;
}

static inline void world_free(struct world *w)
{
	ike_manager_free(w->m);
	free(w);
}

static inline void set(struct world *w, const char *name, const char *ula)
{
	struct in6_addr a = ip6(ula);

	assert_int_equal(ike_peer_set(w->m, name, &a, w->now), 0);
}

static inline void call(struct world *w, const char *ula, enum ike_why why)
{
	struct in6_addr a = ip6(ula);

	ike_peer_call(w->m, &a, why, w->now);
	talk(w);
}

/* Everything as it should be, and b.example.com is a peer. */
static inline struct world *world_ready(void)
{
	struct world *w = world_new();

	set(w, "b.example.com", PEER);
	ike_manager_ready(w->m, true, w->now);
	ike_manager_settled(w->m, w->now);
	charon_comes(w);
	return w;
}

#define B	"b.example.com"
#define CONN_B	"btmm-b.example.com"

#endif
