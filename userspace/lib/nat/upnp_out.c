// SPDX-License-Identifier: GPL-2.0-or-later
/* What is asked when. */
#include "upnp_int.h"

static void expire(struct upnp *u, uint64_t now)
{
	size_t i;

	for (i = 0; i < UPNP_MAPS; i++) {
		struct upnp_entry *e = &u->maps[i];

		if (!e->external || now < e->expires)
			continue;
		e->external = 0;
		e->doubtful = false;
		e->stage = STAGE_ADD;
		if (e->reason == UPNP_R_OK)
			e->reason = UPNP_R_ASKING;
		u->changed = true;
	}
}

/* There is something at the gateway that must not stay. */
static bool to_delete(const struct upnp_entry *e)
{
	return e->used && e->maybe && (!e->wanted || e->yielded);
}

/* What is to be done first, and when. NEVER: nothing. @e: NULL: about the device. */
static uint64_t first(const struct upnp *u, struct upnp_entry **e, enum upnp_op *op)
{
	uint64_t when = NEVER;
	bool used = false;
	size_t i;

	for (i = 0; i < UPNP_MAPS; i++) {
		struct upnp_entry *m = (struct upnp_entry *)&u->maps[i];
		uint64_t due = NEVER;

		/* Where all is well by other means, one search tells people what there is. */
		used |= to_delete(m) || (m->wanted && (!m->yielded || !u->searched_in_vain)) ||
			(m->used && !m->wanted);
		if (to_delete(m))
			due = m->wanted ? m->due : 0;
		else if (m->wanted && !m->yielded)
			due = m->due;
		if (due >= when)
			continue;
		when = due;
		*e = m;
		*op = to_delete(m) ? UPNP_DELETE :
		      m->stage == STAGE_VERIFY ? UPNP_GET :
		      u->version > 1 && !u->no_any && !m->external ? UPNP_ADD_ANY : UPNP_ADD;
	}
	if (!used)
		return NEVER;
	if (!u->version) {
		*e = NULL;
		*op = UPNP_DISCOVER;
		return u->search_due;
	}
	if (!u->stopping && u->address_due <= when && u->address_due != NEVER) {
		*e = NULL;
		*op = UPNP_ADDRESS;
		return u->address_due;
	}
	return when;
}

static void fill(struct upnp *u, struct upnp_entry *e, enum upnp_op op)
{
	static const uint16_t timeouts[SEARCHES] = { 500, 1000, 3000 };
	struct upnp_request *r = &u->request;

	*r = (struct upnp_request){
		.op = op, .id = (uint32_t)draw(&u->draw), .gateway = u->config.gateway,
		.own = u->config.own,
	};
	if (op == UPNP_DISCOVER)
		r->timeout = timeouts[u->searches];
	if (!e)
		return;
	r->internal = e->internal;
	r->external = e->maybe;
	if (op != UPNP_ADD && op != UPNP_ADD_ANY)
		return;
	r->external = e->trying;
	e->maybe = e->trying;
	r->lease = u->permanent ? 0 : u->config.lease;
	memcpy(r->description, u->description, sizeof(r->description));
}

bool upnp_output(struct upnp *u, uint64_t now, struct upnp_request *out)
{
	struct upnp_entry *e = NULL;
	enum upnp_op op = 0;

	expire(u, now);
	if (u->out) {
		if (u->since != NEVER && now - u->since >= PATIENCE) {
			u->stuck = true;
			u->since = NEVER;
		}
		return false;
	}
	if (first(u, &e, &op) > now)
		return false;

	/* Is it still there? Who is asked in vain has it made again. */
	if (e && e->stage == STAGE_HELD && op != UPNP_DELETE && e->verified && now < e->renew) {
		e->stage = STAGE_VERIFY;
		op = UPNP_GET;
	}
	/* A renewal, and who renews asks for the address, too. */
	if (e && e->stage == STAGE_HELD && op != UPNP_DELETE) {
		e->stage = STAGE_ADD;
		e->trying = e->external;
		u->address_due = now;
	}
	fill(u, e, op);
	u->out = true;
	u->entry = e;
	u->since = now;
	*out = u->request;
	return true;
}

uint64_t upnp_deadline(const struct upnp *u)
{
	struct upnp_entry *e = NULL;
	enum upnp_op op = 0;
	uint64_t t = NEVER, due;
	size_t i;

	for (i = 0; i < UPNP_MAPS; i++)
		if (u->maps[i].external && u->maps[i].expires < t)
			t = u->maps[i].expires;
	if (u->out)
		due = u->since == NEVER ? NEVER : u->since + PATIENCE;
	else
		due = first(u, &e, &op);
	return due < t ? due : t;
}
