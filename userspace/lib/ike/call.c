// SPDX-License-Identifier: GPL-2.0-or-later
/* Attempts to have SAs with a peer: how long they are waited for, and what then. */
#include <stdio.h>
#include <string.h>

#include "manager_int.h"

#define LOOK_FIRST	200		/* ms between looks at charon: rising to */
#define LOOK_MAX	1000
/* ms after which charon, if there is no IKE_SA, has tried and failed */
#define TRIED		400
#define PAUSE_FIRST	100		/* ms after a quick failure; doubles */
#define PAUSE_MAX	32000
/* ms in which word of packets may come that were sent before the SAs changed; charon
 * counts in seconds
 */
#define ECHO_TIME	2000
#define DOUBT_LIMIT	500		/* ms between looks at the kernel's SAs */
#define ANSWERED	8000		/* ms for one that the peer has answered */
#define PATIENCE_MAX	32000		/* ms; begins with IKE_SILENCE, doubles */

static uint64_t doubled(uint64_t first, uint64_t max, unsigned int times)
{
	while (times-- && first < max)
		first *= 2;
	return first < max ? first : max;
}

unsigned int call_installed(const struct ike_peer *p)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < p->now.n_children; i++)
		n += p->now.children[i].installed;
	return n;
}

static uint32_t newest(const struct listing *l)
{
	uint32_t id = 0;
	size_t i;

	for (i = 0; i < l->n_children; i++) {
		if (l->children[i].id > id)
			id = l->children[i].id;
	}
	return id;
}

void call_begin(struct ike_peer *p, enum ike_why why, uint64_t now)
{
	/* Somebody has no SA where charon has one. */
	bool doubt = why != IKE_WHY_ASKED && call_installed(p);
	uint64_t due = why == IKE_WHY_ACQUIRE && !doubt ? now + LOOK_FIRST : now;

	/* To look at what the kernel has costs little, but not with each packet. It is put
	 * off, not left out: the kernel does not ask again for 30 s.
	 */
	if (doubt && p->last_doubt && due < p->last_doubt + DOUBT_LIMIT)
		due = p->last_doubt + DOUBT_LIMIT;
	p->call = (struct call){
		.state = why == IKE_WHY_ACQUIRE || doubt ? CALL_OUT : CALL_WANTED,
		.why = why,
		.until = now + IKE_CALL_TIME,
		.started = now,
		.due = due,
		.newer_than = newest(&p->now),
		.doubt = doubt,
	};
	if (doubt)
		p->last_doubt = due;
}

/* Word of the time before the SAs that there are now, or of their loss. */
static bool maybe_echo(const struct ike_peer *p, uint64_t now)
{
	return call_installed(p) && now - p->up_at < ECHO_TIME;
}

/* Anybody can make ESP with an unknown SPI come from there. */
static bool limited(struct ike_peer *p, enum ike_why why, uint64_t now)
{
	if (why != IKE_WHY_UNKNOWN_SPI)
		return false;
	if (p->last_spi && now - p->last_spi < IKE_CALL_LIMIT)
		return true;
	p->last_spi = now;
	return false;
}

void ike_peer_call(struct ike_manager *m, const struct in6_addr *ula, enum ike_why why,
		   uint64_t now)
{
	struct ike_peer *p;

	for (p = m->peers; p; p = p->next) {
		if (!p->gone && IN6_ARE_ADDR_EQUAL(&p->ula, ula))
			break;
	}
	if (!p)
		return;
	if (why == IKE_WHY_ASKED && call_installed(p))
		return;
	if (!call_installed(p) && limited(p, why, now))
		return;
	if (p->call.state == CALL_NONE) {
		call_begin(p, why, now);
	} else {
		p->call.until = now + IKE_CALL_TIME;
		/* It may be of the SAs that this call has just brought. */
		p->call.again |= why == IKE_WHY_ACQUIRE && p->call.state == CALL_OUT &&
				 !p->call.doubt;
	}
	ike_peer_tell(m, p);
}

bool call_due(const struct ike_manager *m, const struct ike_peer *p, uint64_t now)
{
	return p->call.state == CALL_WANTED && now >= p->call.due && m->ready && m->listed &&
	       p->known && !p->load && !p->gone;
}

void call_sent(struct ike_peer *p, uint64_t now)
{
	if (p->call.state != CALL_WANTED)
		return;
	p->call.state = CALL_OUT;
	p->call.started = now;
	p->call.due = now + LOOK_FIRST;
	p->call.asked = false;
}

static void pause_call(struct ike_peer *p, uint64_t now)
{
	p->call.state = CALL_WANTED;
	p->call.due = now + doubled(PAUSE_FIRST, PAUSE_MAX, p->call.failures++);
}

void call_refused(struct ike_peer *p, uint64_t now)
{
	if (p->call.state == CALL_WANTED)
		pause_call(p, now);
}

void call_again(struct ike_peer *p, uint64_t now)
{
	if (p->call.state == CALL_NONE)
		return;
	p->call.state = CALL_WANTED;
	p->call.due = now;
	p->call.newer_than = 0;
	p->call.doubt = false;
	p->call.tries = 0;
	p->call.failures = 0;
}

static void fail(struct ike_peer *p, const char *why)
{
	snprintf(p->error, sizeof(p->error), "%s", why);
}

static void abandon(struct ike_peer *p, bool childless)
{
	size_t i;

	for (i = 0; i < p->now.n; i++) {
		struct ike_sa *s = &p->now.sas[i];

		s->kill |= !s->going && (!childless || !s->children);
	}
}

/* Is there a CHILD_SA that the attempt brought? */
static bool succeeded(const struct ike_peer *p)
{
	size_t i;

	for (i = 0; i < p->now.n_children; i++) {
		const struct ike_child *c = &p->now.children[i];

		if (!c->installed)
			continue;
		if (c->id > p->call.newer_than)
			return true;
		/* Word of what the kernel wants may come after what it wanted. */
		if (p->call.why == IKE_WHY_ACQUIRE && c->since + ECHO_TIME > p->call.started)
			return true;
	}
	return false;
}

/*
 * charon does nothing: beside a CHILD_SA that it believes in it makes no second one. But
 * the peer uses another one, or the kernel does.
 */
static bool idle(const struct ike_peer *p)
{
	size_t i;

	for (i = 0; i < p->now.n; i++) {
		if (!p->now.sas[i].established || !p->now.sas[i].children)
			return false;
	}
	return p->now.n;
}

static void look(struct ike_peer *p, uint64_t now)
{
	uint64_t elapsed = now - p->call.started, patience;
	bool childless = false, answered = false;
	size_t i, there = 0;

	for (i = 0; i < p->now.n; i++) {
		const struct ike_sa *s = &p->now.sas[i];

		there += !s->going;
		childless |= s->established && !s->going && !s->children;
		answered |= s->ours && s->answered && !s->established && !s->going;
	}

	if (!there && elapsed < TRIED)
		return;
	if (!there && p->call.why == IKE_WHY_ACQUIRE && !p->call.tries) {
		/* What charon began is over, or never was: it is ours now. */
		p->call.tries++;
		pause_call(p, now);
		return;
	}
	if (!there || (childless && elapsed >= TRIED)) {
		fail(p, there ? "the peer takes no SA for these addresses" :
				"the peer refused, or is not who it should be");
		p->read_again |= !p->call.asked && !p->call.failures;
		abandon(p, true);
		pause_call(p, now);
		return;
	}
	if (!p->call.tries && elapsed >= TRIED && idle(p)) {
		abandon(p, false);
		p->call.tries++;
		p->call.state = CALL_WANTED;
		p->call.due = now;
		return;
	}
	if (elapsed >= IKE_SILENCE && !p->call.asked) {
		p->call.asked = true;
		p->read_again = true;
	}
	patience = doubled(IKE_SILENCE, PATIENCE_MAX, p->call.tries);
	/* Who answers is there, and slow; an attempt that is given up leaves SAs with it. */
	if (answered && patience < ANSWERED)
		patience = ANSWERED;
	if (elapsed >= patience) {
		fail(p, "the peer does not answer");
		abandon(p, false);
		p->call.tries++;
		p->call.state = CALL_WANTED;
		p->call.due = now;
	}
}

/* The IKE_SAs of SAs that the kernel does not have are of no use; false: it has all. */
static bool end_lost(const struct ike_manager *m, struct ike_peer *p,
		     const struct ike_kernel_sa *sas, size_t n)
{
	bool any = false;
	size_t i, j;

	for (i = 0; i < p->now.n_children; i++) {
		const struct ike_child *c = &p->now.children[i];

		for (j = 0; j < n; j++) {
			/* That of the other direction may not be there yet, after a rekeying. */
			if (sas[j].spi == c->spi_in && IN6_ARE_ADDR_EQUAL(&sas[j].dst, &m->local))
				break;
		}
		if (!c->installed || j < n)
			continue;
		any = true;
		for (j = 0; j < p->now.n; j++)
			p->now.sas[j].kill |= p->now.sas[j].id == c->ike;
	}
	for (i = 0; any && i < p->now.n_children; i++) {
		for (j = 0; j < p->now.n; j++) {
			struct ike_sa *s = &p->now.sas[j];

			if (s->kill && s->id == p->now.children[i].ike) {
				p->now.children[i].installed = false;
				s->children = 0;
			}
		}
	}
	return any;
}

void call_verified(struct ike_manager *m, struct ike_peer *p, const struct ike_kernel_sa *sas,
		   size_t n, uint64_t now)
{
	bool lost = sas && end_lost(m, p, sas, n);
	struct call *c = &p->call;

	/* Lost while nobody looked: whoever wanted SAs has said so, and does not say it again. */
	if (c->state == CALL_NONE && lost && !call_installed(p))
		call_begin(p, IKE_WHY_ASKED, now);
	if (c->state != CALL_OUT || !c->doubt)
		return;
	c->doubt = false;
	/* What remains will do; or it was an echo, or is too much. */
	if (lost ? call_installed(p) : maybe_echo(p, now) || limited(p, c->why, now)) {
		*c = (struct call){ 0 };
	} else if (lost || c->why == IKE_WHY_UNKNOWN_SPI) {
		c->state = CALL_WANTED;
		c->due = now;
	} else {
		c->due = now + LOOK_FIRST;
	}
}

/* More than a few CHILD_SAs: the oldest is not needed. */
static void trim(struct ike_peer *p)
{
	struct ike_child *oldest = NULL;
	size_t i;

	if (call_installed(p) <= IKE_CHILDREN)
		return;
	for (i = 0; i < p->now.n_children; i++) {
		struct ike_child *c = &p->now.children[i];

		if (c->installed && (!oldest || c->id < oldest->id))
			oldest = c;
	}
	oldest->kill = true;
}

/* Rarer and rarer, but just when patience ends. */
static uint64_t next_look(const struct call *c, uint64_t now)
{
	uint64_t silence = c->started + IKE_SILENCE;
	uint64_t patience = c->started + doubled(IKE_SILENCE, PATIENCE_MAX, c->tries);
	uint64_t wait = now - c->started, due;

	if (wait < LOOK_FIRST)
		wait = LOOK_FIRST;
	due = now + (wait < LOOK_MAX ? wait : LOOK_MAX);
	if (now < silence && due > silence)
		due = silence;
	if (now < patience && due > patience)
		due = patience;
	return due;
}

void call_look(struct ike_manager *m, struct ike_peer *p, uint64_t now)
{
	struct call *c = &p->call;
	bool again = false;
	size_t i;

	for (i = 0; i < p->now.n_children; i++) {
		const struct ike_child *child = &p->now.children[i];

		if (child->installed && child->since > p->up_at)
			p->up_at = child->since;
	}

	if (c->state == CALL_OUT && c->doubt && call_installed(p)) {
		c->due = now + LOOK_MAX;
		p->verify = true;
		m->verify = true;
		ike_peer_tell(m, p);
		return;
	}
	c->doubt = false;
	if (c->state != CALL_NONE && succeeded(p)) {
		again = c->again;
		*c = (struct call){ 0 };
		p->error[0] = '\0';
	}
	if (c->state == CALL_OUT) {
		c->due = next_look(c, now);
		look(p, now);
	} else if (c->state == CALL_NONE) {
		trim(p);
	}
	if (call_installed(p) && c->state == CALL_NONE)
		orphans_sweep(m, p);
	if (again)
		call_begin(p, IKE_WHY_ACQUIRE, now);
	ike_peer_tell(m, p);
}

void call_tick(struct ike_manager *m, struct ike_peer *p, uint64_t now)
{
	struct call *c = &p->call;

	if (c->state == CALL_NONE)
		return;
	if (now >= c->until) {
		if (!call_installed(p))
			abandon(p, false);
		*c = (struct call){ 0 };
		orphans_sweep(m, p);
		ike_peer_tell(m, p);
		return;
	}
	if (c->state == CALL_OUT && now >= c->due) {
		p->list = true;
		/* until the listing says when to look again */
		c->due = now + LOOK_MAX;
	}
}

uint64_t call_deadline(const struct ike_manager *m, const struct ike_peer *p)
{
	const struct call *c = &p->call;

	if (c->state == CALL_NONE)
		return NEVER;
	if (c->state == CALL_WANTED && (!m->ready || !m->listed || !p->known || p->load))
		return c->until;
	return c->due < c->until ? c->due : c->until;
}
