// SPDX-License-Identifier: GPL-2.0-or-later
/* What charon says. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "manager_int.h"

/* ms until it is looked whether an SA that was ended has gone */
#define ENDED	100

static void forget_charon(struct ike_manager *m)
{
	m->out = CMD_NONE;
	m->out_peer = NULL;
	m->stuck = false;
	m->dead = false;
	m->events = 0;
	m->event_out = false;
	m->list_registered = false;
	m->keyed = false;
	m->key_at = 0;
	m->listed = false;
	m->named = false;
	m->audited = false;
	m->verify = false;
	m->old_list = false;
	orphans_forget(m);
}

void ike_manager_connected(struct ike_manager *m, uint64_t now)
{
	struct ike_peer *p;

	forget_charon(m);
	m->connected = true;
	m->audit = true;
	for (p = m->peers; p; p = p->next) {
		p->load = true;
		p->load_at = now;
		p->adopted = false;
		p->list = true;
		p->list_at = 0;
	}
}

/* charon may be another one when it comes back: nothing that it had is certain. What
 * the kernel has goes on, so the peers' SAs are shown until then.
 */
void ike_manager_disconnected(struct ike_manager *m, uint64_t now)
{
	struct ike_peer *p, *next;

	forget_charon(m);
	m->connected = false;
	m->audit = false;
	for (p = m->peers; p; p = next) {
		next = p->next;
		if (p->gone) {
			ike_peer_free(m, p);
			continue;
		}
		p->known = false;
		p->refused = false;
		call_again(p, now);
		ike_peer_tell(m, p);
	}
}

/* --- SAs --- */

void ike_peer_judge(struct ike_manager *m, struct ike_peer *p)
{
	size_t i, j;

	for (i = 0; i < p->now.n; i++) {
		struct ike_sa *s = &p->now.sas[i];

		if (!p->gone && IN6_ARE_ADDR_EQUAL(&s->remote, &p->ula) &&
		    IN6_ARE_ADDR_EQUAL(&s->local, &m->local))
			continue;
		s->kill = true;
		s->children = 0;
		for (j = 0; j < p->now.n_children; j++) {
			if (p->now.children[j].ike == s->id)
				p->now.children[j].installed = false;
		}
	}
}

static void take_listing(struct ike_manager *m, struct ike_peer *p, uint64_t now)
{
	listing_move(&p->now, &p->next_listing);
	p->read_at = now;
	ike_peer_judge(m, p);
	if (p->gone)
		return;
	if (!p->adopted && m->listed) {
		p->adopted = true;
		p->verify |= call_installed(p);
		m->verify |= p->verify;
	}
	call_look(m, p, now);
	orphans_check(m, p, now);
}

static void forget_ended(struct ike_manager *m)
{
	struct ike_peer *p, *next;

	for (p = m->peers; p; p = next) {
		next = p->next;
		if (ike_peer_ended(p))
			ike_peer_free(m, p);
	}
}

static void listed(struct ike_manager *m, struct ike_peer *one, uint64_t now)
{
	struct ike_peer *p;

	if (!one && m->old_list) {
		/* What it said at first has not been held against the kernel's SAs. */
		m->old_list = false;
		return;
	}
	if (one) {
		take_listing(m, one, now);
	} else {
		m->listed = true;
		orphans_found(m);
		for (p = m->peers; p; p = p->next)
			take_listing(m, p, now);
		if (m->settled)
			orphans_sweep_strangers(m);
	}
	forget_ended(m);
}

static int list_sa(struct ike_manager *m, struct vici_span body, uint64_t now)
{
	struct listing stranger = { 0 };
	struct vici_span name;
	struct ike_peer *p;
	int ret;

	/* For a peer that was forgotten since */
	if (m->out != CMD_LIST || !listing_name(body, &name))
		return 0;
	p = ike_peer_by_conn(m, name);
	if (m->out_peer && p != m->out_peer)
		return 0;
	if (!p && m->settled) {
		ike_peer_stray(m, name);
		p = ike_peer_by_conn(m, name);
	}
	ret = listing_add(p ? &p->next_listing : &stranger, body, now);
	if (!m->listed)
		orphans_listed(m, p ? &p->next_listing : &stranger);
	listing_clear(&stranger);
	return ret;
}

/* Whatever it says of a peer: the listing is old. */
static void happened(struct ike_manager *m, struct vici_span body)
{
	struct vici_span name;
	struct ike_peer *p;

	if (!listing_name(body, &name))
		return;
	p = ike_peer_by_conn(m, name);
	if (!p)
		return;
	p->list = true;
	p->list_at = 0;
}

/* --- answers --- */

static bool agreed(const struct vici_packet *in, char error[IKE_ERROR])
{
	struct vici_span v;

	error[0] = '\0';
	if (in->type == VICI_CMD_UNKNOWN) {
		snprintf(error, IKE_ERROR, "charon does not know the command");
		return false;
	}
	if (vici_find(in->body, "success", &v) && vici_is(v, "yes"))
		return true;
	if (vici_find(in->body, "errmsg", &v))
		vici_text(v, error, IKE_ERROR);
	else
		snprintf(error, IKE_ERROR, "charon refused without a reason");
	return false;
}

static void loaded(struct ike_peer *p, bool ok, const char *error, uint64_t now)
{
	p->refused = !ok;
	if (ok) {
		if (!p->known)
			p->error[0] = '\0';
		p->known = true;
		p->list = true;
		/* Also if its state is as before: it may have been another ULA. */
		p->changed = true;
		return;
	}
	memcpy(p->error, error, IKE_ERROR);
	/* What is newer by now is said at once. */
	if (!p->load)
		p->load_at = now + IKE_RETRY;
	p->load = true;
}

static void ended(struct ike_manager *m, struct ike_peer *p, enum command what, uint64_t now)
{
	size_t i;

	for (i = 0; what == CMD_END_IKE && i < p->now.n; i++) {
		if (p->now.sas[i].id == m->out_id) {
			p->now.sas[i] = p->now.sas[--p->now.n];
			break;
		}
	}
	for (i = p->now.n_children; i--;) {
		const struct ike_child *c = &p->now.children[i];

		if (what == CMD_END_IKE ? c->ike == m->out_id : c->id == m->out_id)
			p->now.children[i] = p->now.children[--p->now.n_children];
	}
	p->list = true;
	p->list_at = now + ENDED;
	ike_peer_tell(m, p);
}

static void names(struct ike_manager *m, struct vici_span body)
{
	struct vici_reader r;
	struct vici_item e;
	bool conns = false;

	m->named = true;
	vici_reader_init(&r, body);
	while (vici_next(&r, &e)) {
		if (e.kind == VICI_LIST)
			conns = vici_is(e.name, "conns");
		else if (e.kind == VICI_ITEM && conns)
			ike_peer_stray(m, e.value);
	}
}

static void keyed(struct ike_manager *m, bool ok, const char *error, uint64_t now)
{
	m->keyed = ok;
	memcpy(m->error, error, IKE_ERROR);
	m->key_at = ok ? 0 : now + IKE_RETRY;
}

/* To a command about a peer that is still there, or about none. */
static void answered(struct ike_manager *m, enum command what, struct ike_peer *p,
		     const struct vici_packet *in, uint64_t now)
{
	char error[IKE_ERROR];
	bool ok = agreed(in, error);

	switch (what) {
	case CMD_KEY:
		keyed(m, ok, error, now);
		break;
	case CMD_LOAD:
		loaded(p, ok, error, now);
		ike_peer_tell(m, p);
		break;
	case CMD_UNLOAD:
		/* If it was not there, so much the better. */
		p->known = false;
		p->list = true;
		p->load |= !p->gone;
		break;
	case CMD_LIST:
		listed(m, p, now);
		break;
	case CMD_NAMES:
		names(m, in->body);
		break;
	case CMD_END_IKE:
	case CMD_END_CHILD:
		ended(m, p, what, now);
		break;
	case CMD_CALL:
		if (ok) {
			call_sent(p, now);
		} else {
			memcpy(p->error, error, IKE_ERROR);
			call_refused(p, now);
		}
		break;
	default:
		break;
	}
}

static int command_answer(struct ike_manager *m, const struct vici_packet *in, uint64_t now)
{
	enum command what = m->out;
	struct ike_peer *p = m->out_peer;

	if (what == CMD_NONE || what == CMD_REGISTER)
		return -EBADMSG;
	m->out = CMD_NONE;
	m->out_peer = NULL;
	if (p || what == CMD_KEY || what == CMD_NAMES || (what == CMD_LIST && m->out_all))
		answered(m, what, p, in, now);
	return 0;
}

int ike_manager_input(struct ike_manager *m, enum ike_channel channel, uint64_t now,
		      const uint8_t *packet, size_t len)
{
	struct vici_packet in;

	if (!m->connected || vici_read((struct vici_span){ packet, len }, &in))
		return -EBADMSG;
	switch (in.type) {
	case VICI_EVENT:
		if (channel == IKE_EVENTS)
			happened(m, in.body);
		else if (vici_is(in.name, "list-sa"))
			return list_sa(m, in.body, now);
		return 0;
	case VICI_EVENT_CONFIRM:
	case VICI_EVENT_UNKNOWN:
		if (channel == IKE_EVENTS && m->event_out) {
			m->event_out = false;
			m->events++;
			return 0;
		}
		if (channel == IKE_COMMANDS && m->out == CMD_REGISTER) {
			m->out = CMD_NONE;
			m->list_registered = true;
			return 0;
		}
		return -EBADMSG;
	case VICI_CMD_RESPONSE:
	case VICI_CMD_UNKNOWN:
		return channel == IKE_COMMANDS ? command_answer(m, &in, now) : -EBADMSG;
	default:
		return -EBADMSG;
	}
}
