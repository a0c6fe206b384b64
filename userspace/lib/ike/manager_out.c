// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said to charon next. */
#include <string.h>

#include "connection.h"
#include "manager_int.h"

static const char *const events[] = { "ike-updown", "child-updown", "ike-rekey", "child-rekey" };

#define EVENTS	(sizeof(events) / sizeof(*events))

bool manager_hears(const struct ike_manager *m)
{
	return m->list_registered && m->events == EVENTS;
}

static void command(struct vici_writer *w, uint8_t *out, size_t size, const char *name)
{
	vici_begin(w, out, size, VICI_CMD_REQUEST, name);
}

static size_t sent(struct ike_manager *m, enum command what, struct ike_peer *p, uint64_t now,
		   size_t len)
{
	if (!len)
		return 0;
	m->out = what;
	m->out_peer = p;
	m->out_since = now;
	return len;
}

/* --- single commands --- */

static size_t say_event(struct ike_manager *m, uint64_t now, uint8_t *out, size_t size)
{
	struct vici_writer w;

	if (m->event_out || m->events == EVENTS)
		return 0;
	vici_begin(&w, out, size, VICI_EVENT_REGISTER, events[m->events]);
	m->event_out = true;
	m->event_since = now;
	return vici_end(&w);
}

static size_t say_register(struct ike_manager *m, uint64_t now, uint8_t *out, size_t size)
{
	struct vici_writer w;

	vici_begin(&w, out, size, VICI_EVENT_REGISTER, "list-sa");
	return sent(m, CMD_REGISTER, NULL, now, vici_end(&w));
}

static size_t say_key(struct ike_manager *m, uint64_t now, uint8_t *out, size_t size)
{
	size_t len = m->psk.len ? connection_load_shared(m->psk, m->name, out, size) :
				  connection_load_key(m->key, out, size);

	return sent(m, CMD_KEY, NULL, now, len);
}

#define REQID_FIRST	0x40000000u	/* charon itself counts from 1 */

static uint32_t reqid_of(const struct ike_peer *p)
{
	const uint8_t *b = p->ula.s6_addr;

	return REQID_FIRST | (((uint32_t)b[4] << 24 | (uint32_t)b[5] << 16 | (uint32_t)b[6] << 8 |
			       b[7]) & (REQID_FIRST - 1));
}

/*
 * The same for the same ULA, of which octets 4 to 7 are random: so SAs of a charon that has
 * died fit the policies of the next one, and carry packets until there are new ones. 0: two
 * peers would have it.
 */
static uint32_t stable_reqid(const struct ike_manager *m, const struct ike_peer *self)
{
	const struct ike_peer *p;

	for (p = m->peers; p; p = p->next) {
		if (p != self && reqid_of(p) == reqid_of(self))
			return 0;
	}
	return reqid_of(self);
}

static size_t say_load(struct ike_manager *m, struct ike_peer *p, uint64_t now, uint8_t *out,
		       size_t size)
{
	struct connection c = {
		.name = p->conn, .local_name = m->name, .remote_name = p->name,
		.local = &m->local, .remote = &p->ula, .cert = m->cert,
		.authority = m->authority, .aes_first = m->aes_first, .trap = m->ready,
		.rekey = m->rekey, .reqid = stable_reqid(m, p),
	};

	p->load = false;
	return sent(m, CMD_LOAD, p, now, connection_load(&c, out, size));
}

static size_t say_unload(struct ike_manager *m, struct ike_peer *p, uint64_t now, uint8_t *out,
			 size_t size)
{
	struct vici_writer w;

	command(&w, out, size, "unload-conn");
	vici_put_text(&w, "name", p->conn);
	return sent(m, CMD_UNLOAD, p, now, vici_end(&w));
}

static size_t say_list(struct ike_manager *m, struct ike_peer *p, uint64_t now, uint8_t *out,
		       size_t size)
{
	struct vici_writer w;
	struct ike_peer *each;

	command(&w, out, size, "list-sas");
	if (p)
		vici_put_text(&w, "ike", p->conn);
	for (each = m->peers; each; each = each->next) {
		if (p && each != p)
			continue;
		/* Who is to be listed later has a reason for it. */
		if (now >= each->list_at)
			each->list = false;
		listing_clear(&each->next_listing);
	}
	m->out_all = !p;
	return sent(m, CMD_LIST, p, now, vici_end(&w));
}

static size_t say_names(struct ike_manager *m, uint64_t now, uint8_t *out, size_t size)
{
	struct vici_writer w;

	command(&w, out, size, "get-conns");
	return sent(m, CMD_NAMES, NULL, now, vici_end(&w));
}

static size_t say_end(struct ike_manager *m, struct ike_peer *p, enum command what, uint32_t id,
		      uint64_t now, uint8_t *out, size_t size)
{
	struct vici_writer w;

	command(&w, out, size, "terminate");
	vici_put_number(&w, what == CMD_END_IKE ? "ike-id" : "child-id", id);
	if (what == CMD_END_IKE)
		vici_put_text(&w, "force", "yes");
	/* Not waited for. */
	vici_put_text(&w, "timeout", "-1");
	m->out_id = id;
	return sent(m, what, p, now, vici_end(&w));
}

static size_t say_call(struct ike_manager *m, struct ike_peer *p, uint64_t now, uint8_t *out,
		       size_t size)
{
	struct vici_writer w;

	command(&w, out, size, "initiate");
	vici_put_text(&w, "child", CONNECTION_CHILD);
	vici_put_text(&w, "ike", p->conn);
	vici_put_text(&w, "timeout", "-1");
	return sent(m, CMD_CALL, p, now, vici_end(&w));
}

/* --- the choice --- */

static bool load_can(const struct ike_manager *m, const struct ike_peer *p)
{
	return p->load && !p->gone && m->keyed && !IN6_IS_ADDR_UNSPECIFIED(&m->local);
}

static size_t first_load(struct ike_manager *m, uint64_t now, uint8_t *out, size_t size)
{
	struct ike_peer *p;

	for (p = m->peers; p; p = p->next) {
		if (load_can(m, p) && now >= p->load_at)
			return say_load(m, p, now, out, size);
	}
	return 0;
}

static size_t end_something(struct ike_manager *m, struct ike_peer *p, uint64_t now, uint8_t *out,
			    size_t size)
{
	size_t i;

	for (i = 0; i < p->now.n; i++) {
		if (p->now.sas[i].kill)
			return say_end(m, p, CMD_END_IKE, p->now.sas[i].id, now, out, size);
	}
	for (i = 0; i < p->now.n_children; i++) {
		if (p->now.children[i].kill)
			return say_end(m, p, CMD_END_CHILD, p->now.children[i].id, now, out, size);
	}
	return 0;
}

/* charon goes through all of its SAs, whether one peer's are asked for or everybody's. */
#define LIST_EACH	8	/* peers; more of them are asked for in one go */

static size_t list_something(struct ike_manager *m, uint64_t now, uint8_t *out, size_t size)
{
	struct ike_peer *p, *first = NULL;
	unsigned int n = 0;

	for (p = m->peers; p && n <= LIST_EACH; p = p->next) {
		if (!p->list || now < p->list_at)
			continue;
		n++;
		first = first ? first : p;
	}
	if (!n)
		return 0;
	return say_list(m, n > LIST_EACH ? NULL : first, now, out, size);
}

/* Old connections and SAs go when the new ones are there. */
static size_t first_of_peers(struct ike_manager *m, uint64_t now, uint8_t *out, size_t size)
{
	struct ike_peer *p;
	size_t len;

	for (p = m->peers; p; p = p->next) {
		if (p->gone && p->known)
			return say_unload(m, p, now, out, size);
		len = end_something(m, p, now, out, size);
		if (len)
			return len;
		if (call_due(m, p, now))
			return say_call(m, p, now, out, size);
	}
	return list_something(m, now, out, size);
}

static size_t say_something(struct ike_manager *m, uint64_t now, uint8_t *out, size_t size)
{
	size_t len;

	if (!m->list_registered)
		return say_register(m, now, out, size);
	if (!m->keyed && now >= m->key_at)
		return say_key(m, now, out, size);
	len = first_load(m, now, out, size);
	if (len)
		return len;
	if (m->settled && !m->named)
		return say_names(m, now, out, size);
	if (!m->listed) {
		if (m->audited && manager_hears(m))
			return say_list(m, NULL, now, out, size);
		return 0;
	}
	return first_of_peers(m, now, out, size);
}

static bool too_late(bool out, uint64_t since, uint64_t now)
{
	return out && now - since >= IKE_ANSWER;
}

size_t ike_manager_output(struct ike_manager *m, enum ike_channel channel, uint64_t now,
			  uint8_t *out, size_t size)
{
	struct ike_peer *p;

	if (!m->connected || m->dead)
		return 0;
	if (too_late(m->out != CMD_NONE, m->out_since, now) ||
	    too_late(m->event_out, m->event_since, now)) {
		m->stuck = true;
		m->dead = true;
		return 0;
	}
	if (channel == IKE_EVENTS)
		return say_event(m, now, out, size);
	for (p = m->peers; p; p = p->next)
		call_tick(m, p, now);
	if (m->out != CMD_NONE)
		return 0;
	return say_something(m, now, out, size);
}

bool ike_manager_stuck(struct ike_manager *m)
{
	bool stuck = m->stuck;

	m->stuck = false;
	return stuck;
}

static void earlier(uint64_t *due, uint64_t t)
{
	if (t < *due)
		*due = t;
}

uint64_t ike_manager_deadline(const struct ike_manager *m)
{
	const struct ike_peer *p;
	uint64_t due = NEVER;

	if (!m->connected || m->dead)
		return NEVER;
	if (m->event_out)
		earlier(&due, m->event_since + IKE_ANSWER);
	if (m->out != CMD_NONE) {
		/* All else waits for the answer. */
		earlier(&due, m->out_since + IKE_ANSWER);
		return due;
	}
	if (!m->list_registered || (m->settled && !m->named))
		return 0;
	if (!m->keyed)
		earlier(&due, m->key_at);
	if (!m->listed && m->audited && manager_hears(m))
		return 0;
	for (p = m->peers; p; p = p->next) {
		if (load_can(m, p))
			earlier(&due, p->load_at);
		if (p->list && m->listed)
			earlier(&due, p->list_at);
		if (m->listed && p->gone && p->known)
			return 0;
		earlier(&due, call_deadline(m, p));
	}
	return due;
}
